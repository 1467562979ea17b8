/* SPDX-License-Identifier: Apache-2.0
 * publish.c: `publish:` of `xmpp:`: which values go to which pubsub nodes, and who may read them there. */
#include "load.h"

#define INTERVAL_MIN_US (1.0 * TT_USEC_PER_SEC)
#define INTERVAL_MAX_US (24 * 3600.0 * TT_USEC_PER_SEC)

static const struct tt_choice accesses[] = {{"whitelist", TT_PUBLISH_WHITELIST},
                                            {"roster", TT_PUBLISH_ROSTER},
                                            {"presence", TT_PUBLISH_PRESENCE},
                                            {NULL, 0}};
const struct tt_choice tt_dialect_choices[] = {
    {"xep", TT_DIALECT_XEP}, {"nf", TT_DIALECT_NF}, {"nfi", TT_DIALECT_NFI}, {"ieee", TT_DIALECT_IEEE}, {NULL, 0}};
const struct tt_option tt_publish_options[] = {
    {.name = "to",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_publish, to),
     .preset = TT_PUBLISH_PEP,
     .help = "Address of a pubsub service (pubsub.example.org), or pep: the account's own."},
    {.name = "nodes",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_publish, nodes),
     .flags = TT_OPTION_REQUIRED,
     .help = "Patterns of devices (house/**) whose values are published; !pattern takes away again."},
    {.name = "fields",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_publish, fields),
     .help = "Patterns of fields, all when absent; !pattern takes away again."},
    {.name = "as",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_publish, as),
     .help = "The pubsub node, with {source} and {node} for those of the device: iot/{source}/{node} when absent; "
             "of pep "
             "the namespace of sensor data, with an item for each device."},
    {.name = "dialect",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct tt_publish, dialect),
     .preset = "nf",
     .choices = tt_dialect_choices,
     .help = "Vocabulary of the items: xep for XEP-0323, nf, nfi or ieee for P1451.99."},
    {.name = "access",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct tt_publish, access),
     .preset = "whitelist",
     .choices = accesses,
     .help =
         "Who may read it there: whitelist, the `members`; roster, contacts in `groups` of the account's roster; "
         "presence, contacts that get its presence."},
    {.name = "members",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_publish, members),
     .help = "Addresses on the whitelist."},
    {.name = "groups",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_publish, groups),
     .help = "Groups of the account's roster."},
    {.name = "interval",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_publish, interval_us),
     .preset = "10s",
     .min = INTERVAL_MIN_US,
     .max = INTERVAL_MAX_US,
     .help = "Between two items of one device; what changes meanwhile is joined."},
    TT_OPTION_END,
};

/* ---- What belongs together ------------------------------------------------------------------------------------------ */

static int needs(struct tt_loader *l, const struct tt_item *map, const char *key, const char *why)
{
  tt_diag(l->diags, TT_SEVERITY_ERROR, "missing-key", map->mark, "what is published here needs \"%s\": %s", key,
          why);
  return -EINVAL;
}

/* Lists that the chosen access has, and no other. */
static int check_readers(struct tt_loader *l, const struct tt_item *map, const struct tt_publish *p)
{
  const struct {
    const char *key, *access, *why;
    const struct tt_texts *texts;
    int value;
  } lists[] = {
      {"members", "whitelist", "nobody is on the whitelist", &p->members, TT_PUBLISH_WHITELIST},
      {"groups", "roster", "no group of the roster may read it", &p->groups, TT_PUBLISH_ROSTER},
  };
  for (size_t i = 0; i < TT_COUNT(lists); i++) {
    const struct tt_item *item = tt_item_get(map, lists[i].key);
    if (p->access == lists[i].value && lists[i].texts->n == 0)
      return needs(l, map, lists[i].key, lists[i].why);
    if (p->access != lists[i].value && item) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "unused-key", item->mark, "\"%s\" is of `access: %s` alone",
              lists[i].key, lists[i].access);
      return -EINVAL;
    }
    if (lists[i].texts->n > TT_PUBLISH_MEMBERS_MAX) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-published", item->mark, "\"%s\" can have %d entries",
              lists[i].key, TT_PUBLISH_MEMBERS_MAX);
      return -EINVAL;
    }
  }
  const struct tt_item *members = tt_item_get(map, "members");
  for (size_t i = 0; i < p->members.n; i++)
    if (!tt_load_is_jid(p->members.text[i], TT_JID_LOCAL, 0))
      return tt_load_bad_jid(l, members->kind == TT_ITEM_LIST ? members->items[i] : members, "alice@example.org");
  return 0;
}

/* The holes {source} and {node}, and none else. */
static int check_name(struct tt_loader *l, const struct tt_item *item, const char *name)
{
  static const char *const holes[] = {"{source}", "{node}"};
  const char *wrong = !*name ? "is empty" : strlen(name) > TT_PUBLISH_NAME_MAX ? "is too long" : NULL;
  for (const char *c = name; !wrong && *c; c++) {
    size_t i = 0;
    if (*c == '}')
      wrong = "has } without {";
    if (*c != '{')
      continue;
    while (i < TT_COUNT(holes) && strncmp(c, holes[i], strlen(holes[i])) != 0)
      i++;
    if (i == TT_COUNT(holes))
      wrong = "has a hole of another name";
    else
      c += strlen(holes[i]) - 1;
  }
  if (!wrong)
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-template", item->mark, "this name of a pubsub node %s", wrong);
  tt_diag_help(l->diags, "it looks like iot/{source}/{node}");
  return -EINVAL;
}

static int check_to(struct tt_loader *l, const struct tt_item *map, const struct tt_publish *p,
                    const struct tt_xmpp_config *xmpp)
{
  const struct tt_item *to = tt_item_get(map, "to");
  bool is_pep = !strcmp(p->to, TT_PUBLISH_PEP);
  if (!is_pep && !tt_load_is_jid(p->to, TT_JID_LOCAL, 0))
    return tt_load_bad_jid(l, to, "pubsub.example.org");
  if ((is_pep || p->access != TT_PUBLISH_WHITELIST) && !xmpp->account.is_set) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "no-account", is_pep && to ? to->mark : map->mark,
            is_pep ? "`pep` publishes at an account, and there is no `account`"
                   : "only an account has contacts, and there is no `account`");
    tt_diag_help(l->diags, "a component publishes `to:` a pubsub service, with `access: whitelist`");
    return -EINVAL;
  }
  return 0;
}

static int check(struct tt_loader *l, const struct tt_item *map, const struct tt_publish *p,
                 const struct tt_xmpp_config *xmpp)
{
  int r = check_to(l, map, p, xmpp);
  if (r == 0 && p->nodes.n == 0)
    r = needs(l, map, "nodes", "a device that no pattern names is not published");
  if (r == 0)
    r = tt_load_globs(l, map, "nodes");
  if (r == 0)
    r = tt_load_globs(l, map, "fields");
  if (r == 0 && p->as)
    r = check_name(l, tt_item_get(map, "as"), p->as);
  return r == 0 ? check_readers(l, map, p) : r;
}

/* Two that write into one pubsub node would overwrite each other's items, and each other's readers. */
static bool is_same_node(const struct tt_publish *a, const struct tt_publish *b)
{
  if (strcmp(a->to, b->to) != 0 || !a->as != !b->as)
    return false;
  if (a->as)
    return !strcmp(a->as, b->as);
  return strcmp(a->to, TT_PUBLISH_PEP) != 0 || a->dialect == b->dialect;
}

int tt_load_publish(struct tt_loader *l, const struct tt_item *item, const struct tt_list *list,
                    struct tt_xmpp_config *xmpp)
{
  const struct tt_publish *entries = list->items;
  int r = 0;
  if (list->n > TT_PUBLISH_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-published", item->mark, "\"publish\" can have %d entries",
            TT_PUBLISH_MAX);
    return -EINVAL;
  }
  for (size_t i = 0; i < list->n; i++) {
    const struct tt_item *map = item->kind == TT_ITEM_LIST ? item->items[i] : item;
    int q = check(l, map, &entries[i], xmpp);
    for (size_t k = 0; q == 0 && k < i; k++)
      if (is_same_node(&entries[k], &entries[i])) {
        tt_diag(l->diags, TT_SEVERITY_ERROR, "published-twice", map->mark,
                "this writes into the pubsub nodes of an entry before");
        tt_diag_also(l->diags, list->marks[k], "first here");
        tt_diag_help(l->diags, "join them, or say another `as:`");
        q = -EINVAL;
      }
    r = q < 0 ? q : r;
  }
  xmpp->publish = entries;
  xmpp->n_publish = list->n;
  return r;
}
