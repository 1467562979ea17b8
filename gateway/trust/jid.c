/* SPDX-License-Identifier: Apache-2.0
 * jid.c: the bare JID that rules are compared with (access.h). Sources: RFC 7622 section 3. Nothing is folded but
 * ASCII case: two texts that only look alike are two strings, and whoever has no rule gets nothing. */
#include "access.h"

#define PART_MAX 1023
#define JID_MAX  (3 * PART_MAX + 2)

/* Control characters (C0, DEL, C1) and spaces have no place in any part but the resource, which may have spaces. */
static bool is_plain(const char *text, size_t n, bool may_have_space)
{
  if (n == 0 || n > PART_MAX || !tt_utf8_is_valid(text, n))
    return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c == 0x7f || (c == ' ' && !may_have_space))
      return false;
    if (c == 0xc2 && i + 1 < n && (unsigned char)text[i + 1] < 0xa0)
      return false;
  }
  return true;
}

/* RFC 7622 section 3.3.1 */
static bool is_local_part(const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (strchr("\"&'/:<>@", text[i]))
      return false;
  return is_plain(text, n, false);
}

/* Letters, digits, what is not ASCII, "-" and "_"; labels between dots are not empty. [::1] is an address. */
static bool is_domain(const char *text, size_t n)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  bool is_address = n > 2 && text[0] == '[' && text[n - 1] == ']';
  if (is_address) {
    for (size_t i = 1; i < n - 1; i++)
      if (!strchr("0123456789abcdefABCDEF:.", text[i]))
        return false;
    return true;
  }
  for (size_t i = 0; i < n; i++) {
    bool is_dot = text[i] == '.';
    if (is_dot && (i == 0 || i + 1 == n || text[i - 1] == '.'))
      return false;
    if (!is_dot && !((unsigned char)text[i] & 0x80) && !strchr(letters, text[i]))
      return false;
  }
  return is_plain(text, n, false);
}

int tt_jid_bare(const char *jid, char *out, size_t size)
{
  size_t n = strlen(jid);
  if (n > JID_MAX)
    return -EINVAL;
  const char *slash = strchr(jid, '/');
  if (slash && !is_plain(slash + 1, n - (size_t)(slash + 1 - jid), true))
    return -EINVAL;
  size_t n_bare = slash ? (size_t)(slash - jid) : n;
  const char *at = memchr(jid, '@', n_bare);
  if (at && !is_local_part(jid, (size_t)(at - jid)))
    return -EINVAL;
  const char *domain = at ? at + 1 : jid;
  size_t n_domain = n_bare - (size_t)(domain - jid);
  if (n_domain > 1 && domain[n_domain - 1] == '.') {
    n_domain--;
    n_bare--;
  }
  if (!is_domain(domain, n_domain) || n_bare >= size)
    return -EINVAL;
  for (size_t i = 0; i < n_bare; i++)
    out[i] = jid[i] >= 'A' && jid[i] <= 'Z' ? (char)(jid[i] - 'A' + 'a') : jid[i];
  out[n_bare] = '\0';
  return 0;
}
