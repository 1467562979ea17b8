/* SPDX-License-Identifier: Apache-2.0
 * letters.c: characters of foreign text, letters.h. */
#include "letters.h"

/* One character, and the position after it. What is no UTF-8 is taken byte by byte. */
static uint32_t next_letter(const char **text)
{
  const unsigned char *c = (const unsigned char *)*text;
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t n = c[0] < 0x80             ? 1
             : (c[0] & 0xe0) == 0xc0 ? 2
             : (c[0] & 0xf0) == 0xe0 ? 3
             : (c[0] & 0xf8) == 0xf0 ? 4
                                     : 1;
  uint32_t letter = n == 1 ? c[0] : c[0] & (0x7fu >> n);
  for (size_t i = 1; i < n; i++) {
    if ((c[i] & 0xc0) != 0x80) {
      *text += 1;
      return 0xfffd;
    }
    letter = letter << 6 | (c[i] & 0x3f);
  }
  *text += n;
  return (n == 1 && letter >= 0x80) || letter < least[n] || letter > 0x10ffff ? 0xfffd : letter;
}

static size_t put_letter(char *out, uint32_t letter)
{
  unsigned char *c = (unsigned char *)out;
  if (letter < 0x80) {
    c[0] = (unsigned char)letter;
    return 1;
  }
  if (letter < 0x800) {
    c[0] = (unsigned char)(0xc0 | letter >> 6);
    c[1] = (unsigned char)(0x80 | (letter & 0x3f));
    return 2;
  }
  if (letter < 0x10000) {
    c[0] = (unsigned char)(0xe0 | letter >> 12);
    c[1] = (unsigned char)(0x80 | (letter >> 6 & 0x3f));
    c[2] = (unsigned char)(0x80 | (letter & 0x3f));
    return 3;
  }
  c[0] = (unsigned char)(0xf0 | letter >> 18);
  c[1] = (unsigned char)(0x80 | (letter >> 12 & 0x3f));
  c[2] = (unsigned char)(0x80 | (letter >> 6 & 0x3f));
  c[3] = (unsigned char)(0x80 | (letter & 0x3f));
  return 4;
}

/* Seen by nobody: they change the direction of what stands around them, or hide in it. */
static bool is_invisible(uint32_t c)
{
  return c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0xe0000 && c <= 0xe007f);
}

static bool is_line_break(uint32_t c)
{
  return (c >= 0x0a && c <= 0x0d) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_blank(uint32_t c)
{
  return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || is_line_break(c) ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

/* ---- What is shown ------------------------------------------------------------------------------------------------ */

/* Marks of XEP-0393 and what stands in their place: `everywhere`, or only where it could begin or end a span. */
static const struct {
  char mark;
  bool everywhere, only_first;
  uint32_t shown;
} marks[] = {
    {'*', true, false, 0x2217},  {'`', true, false, 0x2cb},  {'~', false, false, 0x223c},
    {'_', false, false, 0xff3f}, {'>', false, true, 0x203a},
};

static bool is_alnum(uint32_t c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xc0;
}

static uint32_t harmless(uint32_t letter, uint32_t before, uint32_t after)
{
  for (size_t i = 0; i < TT_COUNT(marks); i++)
    if (letter == (unsigned char)marks[i].mark) {
      bool is_open = marks[i].only_first ? before == 0 : !is_alnum(before) || !is_alnum(after);
      return marks[i].everywhere || is_open ? marks[i].shown : letter;
    }
  return letter;
}

void tt_chat_put(struct tt_buf *out, const char *text)
{
  uint32_t before = 0;
  bool is_gap = false; /* blanks are held back: none at the ends, one between */
  for (size_t n = 0; *text;) {
    uint32_t letter = next_letter(&text);
    if (is_invisible(letter))
      continue;
    if (is_blank(letter)) {
      is_gap = before != 0;
      continue;
    }
    const char *peek = text;
    uint32_t after = *peek ? next_letter(&peek) : 0;
    char bytes[4];
    size_t length = put_letter(bytes, harmless(letter, is_gap ? ' ' : before, after));
    n += length + is_gap;
    if (n > TT_CHAT_FOREIGN_MAX) {
      tt_buf_puts(out, "…");
      return;
    }
    if (is_gap)
      tt_buf_putc(out, ' ');
    tt_buf_add(out, bytes, length);
    before = letter;
    is_gap = false;
  }
}

void tt_chat_put_bold(struct tt_buf *out, const char *text)
{
  size_t begin = out->len;
  tt_buf_putc(out, '*');
  tt_chat_put(out, text);
  if (out->len > begin + 1)
    tt_buf_putc(out, '*');
  else
    tt_buf_truncate(out, begin);
}

/* ---- How names compare -------------------------------------------------------------------------------------------- */

static uint32_t small(uint32_t c)
{
  if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9 && c != 0x3a2) ||
      (c >= 0x410 && c <= 0x42f))
    return c + 0x20;
  if (c >= 0x400 && c <= 0x40f)
    return c + 0x50;
  if ((c >= 0x100 && c <= 0x12f) || (c >= 0x132 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
    return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
    return c + (c & 1);
  return c;
}

static uint32_t folded(uint32_t c)
{
  for (size_t i = 0; i < TT_COUNT(marks); i++)
    if (c == marks[i].shown)
      c = (unsigned char)marks[i].mark;
  return is_blank(c) || c == '_' || c == '-' || c == 0x2010 || c == 0x2011 ? ' ' : small(c);
}

size_t tt_chat_fold(const char *text, char *out, size_t ret_end[])
{
  size_t n = 0;
  for (const char *c = text; *c;) {
    const char *begin = c;
    uint32_t letter = next_letter(&c);
    if (is_invisible(letter) || letter == 0xfffd)
      continue;
    letter = folded(letter);
    if (letter == ' ' && (n == 0 || out[n - 1] == ' '))
      continue;
    char bytes[4];
    size_t length = put_letter(bytes, letter);
    if (length > (size_t)(c - begin)) /* none is */
      continue;
    for (size_t i = 0; i < length; i++) {
      out[n] = bytes[i];
      if (ret_end)
        ret_end[n] = (size_t)(c - text);
      n++;
    }
  }
  n -= n > 0 && out[n - 1] == ' ';
  out[n] = '\0';
  return n;
}

void tt_chat_tidy(char *text)
{
  char *out = text;
  for (const char *c = text; *c;) {
    const char *begin = c;
    uint32_t letter = next_letter(&c);
    if (is_invisible(letter))
      continue;
    if (is_line_break(letter)) {
      *out++ = '\n';
    } else if (is_blank(letter)) {
      *out++ = ' ';
    } else {
      memmove(out, begin, (size_t)(c - begin));
      out += c - begin;
    }
  }
  *out = '\0';
}
