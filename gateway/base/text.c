/* SPDX-License-Identifier: Apache-2.0
 * text.c: UTF-8, the XML 1.0 character filter, globs and "did you mean" of thingtree/util.h. */
#include <thingtree/util.h>

/* One character from `text`: its length, 0 when there is no valid UTF-8; the code point in ret_c. */
static size_t utf8_next(const unsigned char *text, size_t n, uint32_t *ret_c)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (n == 0)
    return 0;
  size_t len = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
  if (len == 0 || len > n || text[0] > 0xf4)
    return 0;
  uint32_t c = len == 1 ? text[0] : text[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((text[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (text[i] & 0x3f);
  }
  if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
    return 0;
  *ret_c = c;
  return len;
}

bool tt_utf8_is_valid(const char *text, size_t n)
{
  for (size_t i = 0, len; i < n; i += len) {
    uint32_t c;
    len = utf8_next((const unsigned char *)text + i, n - i, &c);
    if (len == 0)
      return false;
  }
  return true;
}

/* XML 1.0 section 2.2 */
static bool is_xml_char(uint32_t c)
{
  return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c != 0xfffe && c != 0xffff);
}

char *tt_text_clean(const char *text, size_t n, size_t max)
{
  static const char replacement[] = "\xef\xbf\xbd";
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < n;) {
    uint32_t c = 0;
    size_t len = utf8_next((const unsigned char *)text + i, n - i, &c);
    bool is_good = len > 0 && is_xml_char(c);
    const char *from = is_good ? text + i : replacement;
    size_t add = is_good ? len : sizeof replacement - 1;
    if (add > max || out.len > max - add)
      break;
    tt_buf_add(&out, from, add);
    i += len ? len : 1;
  }
  return tt_buf_steal(&out);
}

char *tt_text_printable(char *out, size_t size, const char *text, size_t n)
{
  size_t used = 0;
  for (size_t i = 0; i < n && size > 0;) {
    uint32_t c = 0;
    size_t len = utf8_next((const unsigned char *)text + i, n - i, &c);
    bool is_good = len > 0 && c >= 0x20 && !(c >= 0x7f && c < 0xa0) && is_xml_char(c) &&
                   !(c >= 0x200e && c <= 0x200f) && !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
    size_t add = is_good ? len : 1;
    if (used + add >= size)
      break;
    if (is_good)
      memcpy(out + used, text + i, len);
    else
      out[used] = '?';
    used += add;
    i += len ? len : 1;
  }
  if (size > 0)
    out[used] = '\0';
  return out;
}

/* Iterative with two places to come back to, so that no glob takes exponential time: a later `**` makes the
 * choices before it final, a later `*` those since the last `**`. "a/" followed by two stars matches "a" too. */
bool tt_glob_matches(const char *glob, const char *text)
{
  const char *star = NULL, *star_text = NULL, *deep = NULL, *deep_text = NULL;
  for (;;) {
    if (glob[0] == '*' && glob[1] == '*') {
      deep = glob += 2;
      deep_text = text;
      star = NULL;
    } else if (glob[0] == '*') {
      star = ++glob;
      star_text = text;
    } else if (!*glob && !*text) {
      return true;
    } else if (*text && (*glob == *text || (*glob == '?' && *text != '/'))) {
      glob++;
      text++;
    } else if (!*text && !strcmp(glob, "/**")) {
      return true;
    } else if (star && *star_text && *star_text != '/') {
      glob = star;
      text = ++star_text;
    } else if (deep && *deep_text) {
      glob = deep;
      text = ++deep_text;
      star = NULL;
    } else {
      return false;
    }
  }
}

#define WORD_MAX 64

/* Damerau-Levenshtein distance (optimal string alignment) of two short words; SIZE_MAX for long ones. */
static size_t distance(const char *a, const char *b)
{
  size_t na = strlen(a), nb = strlen(b);
  size_t row[3][WORD_MAX + 1];
  if (na > WORD_MAX || nb > WORD_MAX)
    return SIZE_MAX;
  for (size_t j = 0; j <= nb; j++)
    row[0][j] = j;
  for (size_t i = 1; i <= na; i++) {
    size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
    now[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
      if (last[j] + 1 < best)
        best = last[j] + 1;
      if (now[j - 1] + 1 < best)
        best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
        best = before[j - 2] + 1;
      now[j] = best;
    }
  }
  return row[na % 3][nb];
}

const char *tt_closest(const char *text, const char *const candidates[], size_t n)
{
  size_t far = strlen(text) / 3, best = SIZE_MAX;
  const char *closest = NULL;
  if (far < 1)
    far = 1;
  for (size_t i = 0; i < n; i++) {
    size_t d = distance(text, candidates[i]);
    if (d <= far && d < best) {
      best = d;
      closest = candidates[i];
    }
  }
  /* an abbreviation: "int" for "integer" */
  for (size_t i = 0; i < n && !closest; i++)
    if (strlen(text) >= 3 && strncmp(candidates[i], text, strlen(text)) == 0)
      closest = candidates[i];
  return closest;
}
