/* SPDX-License-Identifier: Apache-2.0
 *
 * term.c: what the terminal can show, and the paper.
 */
#define _GNU_SOURCE /* strcasestr */

#include "term.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_MIN 20 /* a narrower terminal gets lines of this width */
#define PIECE_MAX 4096

static const char *const styles[] = {
    [TT_STYLE_PLAIN] = "",        [TT_STYLE_STRONG] = "\033[1m",   [TT_STYLE_DIM] = "\033[2m",
    [TT_STYLE_GOOD] = "\033[32m", [TT_STYLE_WARNING] = "\033[33m", [TT_STYLE_BAD] = "\033[31m",
    [TT_STYLE_NAME] = "\033[36m",
};

static const struct {
  const char *utf8, *ascii;
} glyphs[] = {
    [TT_GLYPH_BRANCH] = {"├─ ", "|- "}, [TT_GLYPH_LAST] = {"└─ ", "`- "}, [TT_GLYPH_TRUNK] = {"│  ", "|  "},
    [TT_GLYPH_NONE] = {"   ", "   "},   [TT_GLYPH_GOOD] = {"●", "*"},     [TT_GLYPH_WARNING] = {"▲", "!"},
    [TT_GLYPH_BAD] = {"✖", "x"},        [TT_GLYPH_OFF] = {"○", "o"},      [TT_GLYPH_WRITABLE] = {"✎", "w"},
    [TT_GLYPH_ARROW] = {"→", "->"},     [TT_GLYPH_NOTHING] = {"–", "-"},
};

/* Signs that units are made of, for terminals without UTF-8. */
static const struct {
  const char *utf8, *ascii;
} plain[] = {{"°", ""}, {"µ", "u"}, {"μ", "u"}, {"²", "2"}, {"³", "3"}, {"Ω", "Ohm"}, {"·", "."}};

static bool is_utf8_name(const char *name)
{
  return name && (strcasestr(name, "UTF-8") || strcasestr(name, "UTF8"));
}

static const char *locale_name(void)
{
  static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < TT_COUNT(variables); i++) {
    const char *value = getenv(variables[i]);
    if (value && *value)
      return value;
  }
  return "C";
}

struct tt_term tt_term_of(int fd)
{
  struct tt_term term = {.is_terminal = isatty(fd) == 1, .has_utf8 = is_utf8_name(locale_name())};
  const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM");
  struct winsize size;
  term.has_colour = term.is_terminal && !(no_colour && *no_colour) && !(kind && strcmp(kind, "dumb") == 0);
  if (term.is_terminal && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    term.width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
  return term;
}

const char *tt_term_language(char *out, size_t size)
{
  const char *name = getenv("LANGUAGE");
  if (!name || !*name)
    name = locale_name();
  size_t n = strcspn(name, ".@:");
  if (n >= size || strncmp(name, "C", n) == 0 || strncmp(name, "POSIX", n) == 0)
    n = 0;
  for (size_t i = 0; i < n; i++)
    out[i] = name[i] == '_' ? '-' : name[i];
  out[n] = '\0';
  return out;
}

const char *tt_glyph(const struct tt_term *term, enum tt_glyph glyph)
{
  return term->has_utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

/* ---- Characters: of text that tt_text_printable() has passed, so it is valid UTF-8 --------------------------- */

static size_t length_of(const char *text)
{
  unsigned char c = (unsigned char)*text;
  return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static uint32_t code_of(const char *text, size_t n)
{
  static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t code = (unsigned char)text[0] & masks[n];
  for (size_t i = 1; i < n; i++)
    code = code << 6 | ((unsigned char)text[i] & 0x3f);
  return code;
}

/* Unicode's East Asian Width W and F, and what takes no column, in ranges as coarse as terminals are. */
static size_t columns_of(uint32_t code)
{
  static const struct {
    uint32_t first, last;
    size_t columns;
  } ranges[] = {
      {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200d, 0},   {0x20d0, 0x20ff, 0},
      {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
      {0xfe30, 0xfe6f, 2},   {0xfeff, 0xfeff, 0},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
      {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
  };
  for (size_t i = 0; i < TT_COUNT(ranges); i++)
    if (code >= ranges[i].first && code <= ranges[i].last)
      return ranges[i].columns;
  return 1;
}

size_t tt_term_columns(const char *text)
{
  size_t columns = 0;
  for (size_t n; *text; text += n) {
    n = length_of(text);
    columns += columns_of(code_of(text, n));
  }
  return columns;
}

static const char *plain_for(const char *text, size_t n)
{
  for (size_t i = 0; i < TT_COUNT(plain); i++)
    if (strlen(plain[i].utf8) == n && memcmp(plain[i].utf8, text, n) == 0)
      return plain[i].ascii;
  return "?";
}

void tt_term_clean(const struct tt_term *term, const char *text, struct tt_buf *out)
{
  char piece[PIECE_MAX];
  tt_text_printable(piece, sizeof(piece), text, strlen(text));
  if (term->has_utf8) {
    tt_buf_puts(out, piece);
    return;
  }
  for (const char *p = piece; *p;) {
    size_t n = length_of(p);
    if (n == 1)
      tt_buf_putc(out, *p);
    else
      tt_buf_puts(out, plain_for(p, n));
    p += n;
  }
}

/* ---- Paper --------------------------------------------------------------------------------------------------- */

void tt_paper_init(struct tt_paper *paper, struct tt_term term)
{
  *paper = (struct tt_paper){.term = term};
}

void tt_paper_finish(struct tt_paper *paper)
{
  tt_buf_finish(&paper->buf);
}

/* As much of `text` as fits into `columns`, in bytes. */
static size_t fitting(const char *text, size_t columns)
{
  size_t bytes = 0;
  while (text[bytes]) {
    size_t n = length_of(text + bytes), wide = columns_of(code_of(text + bytes, n));
    if (wide > columns)
      break;
    columns -= wide;
    bytes += n;
  }
  return bytes;
}

static void put_clean(struct tt_paper *paper, enum tt_style style, const char *text)
{
  if (!*text || paper->is_cut)
    return;
  size_t columns = tt_term_columns(text), bytes = strlen(text);
  size_t room = paper->term.width ? paper->term.width - paper->column : SIZE_MAX;
  if (columns > room) {
    paper->is_cut = true;
    bytes = fitting(text, room > 0 ? room - 1 : 0);
  }
  bool has_style = paper->term.has_colour && style != TT_STYLE_PLAIN;
  if (has_style)
    tt_buf_puts(&paper->buf, styles[style]);
  tt_buf_add(&paper->buf, text, bytes);
  if (paper->is_cut && room > 0)
    tt_buf_puts(&paper->buf, paper->term.has_utf8 ? "…" : "~");
  if (has_style)
    tt_buf_puts(&paper->buf, "\033[0m");
  paper->column += paper->is_cut ? room : columns;
}

void tt_paper_put(struct tt_paper *paper, enum tt_style style, const char *text)
{
  TT_AUTOBUF struct tt_buf clean = TT_BUF(0);
  if (!text)
    return;
  tt_term_clean(&paper->term, text, &clean);
  if (clean.data && !clean.failed)
    put_clean(paper, style, clean.data);
}

void tt_paper_printf(struct tt_paper *paper, enum tt_style style, const char *format, ...)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&text, format, ap);
  va_end(ap);
  tt_paper_put(paper, style, text.data);
}

void tt_paper_glyph(struct tt_paper *paper, enum tt_style style, enum tt_glyph glyph)
{
  put_clean(paper, style, tt_glyph(&paper->term, glyph));
}

void tt_paper_pad(struct tt_paper *paper, size_t column)
{
  while (paper->column < column && !paper->is_cut && (!paper->term.width || paper->column < paper->term.width)) {
    tt_buf_putc(&paper->buf, ' ');
    paper->column++;
  }
}

void tt_paper_end(struct tt_paper *paper)
{
  while (paper->buf.len > 0 && paper->buf.data[paper->buf.len - 1] == ' ')
    tt_buf_truncate(&paper->buf, paper->buf.len - 1);
  tt_buf_putc(&paper->buf, '\n');
  paper->column = 0;
  paper->is_cut = false;
}

int tt_paper_print(struct tt_paper *paper, int fd)
{
  size_t sent = 0;
  while (sent < paper->buf.len) {
    ssize_t n = write(fd, paper->buf.data + sent, paper->buf.len - sent);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -EIO;
    sent += (size_t)n;
  }
  int r = paper->buf.failed ? -ENOMEM : 0;
  tt_buf_finish(&paper->buf);
  paper->column = 0;
  paper->is_cut = false;
  return r;
}

void tt_paper_lines(struct tt_paper *paper, const char *text)
{
  while (*text) {
    size_t n = strcspn(text, "\n");
    TT_AUTOBUF struct tt_buf line = TT_BUF(0);
    tt_buf_add(&line, text, n);
    tt_paper_put(paper, TT_STYLE_PLAIN, line.data);
    tt_paper_end(paper);
    text += n + (text[n] == '\n');
  }
}
