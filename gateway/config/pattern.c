/* SPDX-License-Identifier: Apache-2.0
 * pattern.c: XMPP addresses and patterns of names, as access rules and what is shown outward name them. */
#include "load.h"

#include <stdio.h>

/* Plainly a domain: labels of letters, digits, hyphens and whatever is not ASCII. */
static bool is_domain(const char *text, size_t n)
{
  size_t label = 0;
  if (n == 0 || n > 253)
    return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
    if (!is_letter && !(c == '.' && label > 0) && !(c == '-' && label > 0))
      return false;
    label = c == '.' ? 0 : label + 1;
  }
  return label > 0;
}

static bool is_local(const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f || strchr("\"&'/:<>@", text[i]))
      return false;
  return n > 0 && n <= 1023;
}

bool tt_load_is_jid(const char *text, unsigned parts, unsigned needed)
{
  const char *slash = strchr(text, '/');
  size_t bare = slash ? (size_t)(slash - text) : strlen(text);
  const char *at = memchr(text, '@', bare);
  unsigned has = (at ? TT_JID_LOCAL : 0u) | (slash ? TT_JID_RESOURCE : 0u);
  if ((has & ~parts) || (needed & ~has) || (slash && !slash[1]))
    return false;
  const char *domain = at ? at + 1 : text;
  return (!at || is_local(text, (size_t)(at - text))) && is_domain(domain, bare - (size_t)(domain - text));
}

int tt_load_bad_jid(struct tt_loader *l, const struct tt_item *item, const char *example)
{
  char shown[TT_ITEM_SHOW_SIZE];
  tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-jid", item->mark, "%s is not an address like %s",
          tt_item_show(item, shown), example);
  return -EINVAL;
}

int tt_load_globs(struct tt_loader *l, const struct tt_item *map, const char *key)
{
  const struct tt_item *item = tt_item_get(map, key);
  size_t n = !item ? 0 : item->kind == TT_ITEM_LIST ? item->n : 1;
  if (item && n == 0) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-pattern", item->mark, "an empty list matches nothing");
    tt_diag_help(l->diags, "leave \"%s\" out to match everything", key);
    return -EINVAL;
  }
  for (size_t i = 0; i < n; i++) {
    const struct tt_item *glob = item->kind == TT_ITEM_LIST ? item->items[i] : item;
    const char *text = glob->kind == TT_ITEM_SCALAR ? glob->text : "";
    text += *text == '!';
    if (*text && *text != '/' && strlen(text) <= TT_PATTERN_MAX)
      continue;
    tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-pattern", glob->mark, "this pattern %s; patterns look like house/**",
            strlen(text) > TT_PATTERN_MAX ? "is too long" : "can match nothing");
    return -EINVAL;
  }
  return 0;
}
