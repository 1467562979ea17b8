/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.c: XML as text. An answer is made of thousands of short pieces: the common case writes them straight into
 * room that the buffer already has.
 */
#define _GNU_SOURCE /* vasprintf */
#include "writer.h"

#include <stdio.h>

void tt_write_init(struct tt_writer *w, struct tt_buf *buf)
{
  *w = (struct tt_writer){.buf = buf};
}

/* `n` bytes of room in the buffer to write to directly, NULL when it has to grow first (or may not). */
static inline char *room_for(const struct tt_buf *buf, size_t n)
{
  if (buf->failed || buf->room <= buf->len + n || (buf->limit && buf->len + n > buf->limit))
    return NULL;
  return buf->data + buf->len;
}

static inline void put(struct tt_buf *buf, const char *text, size_t n)
{
  char *at = room_for(buf, n);
  if (!at) {
    tt_buf_add(buf, text, n);
    return;
  }
  memcpy(at, text, n);
  at[n] = '\0';
  buf->len += n;
}

/* ---- Escaping ------------------------------------------------------------------------------------------- */

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* What a byte is: written as it is, the start of a character above ASCII, no character of XML 1.0 (section 2.2), or
 * escaped. White space other than blanks would be normalised away in attributes. */
enum { PLAIN, MULTI, WRONG, AMP, LT, GT, QUOT, APOS, TAB, LF, CR };

static const char *const escapes[] = {
    [WRONG] = REPLACEMENT, [AMP] = "&amp;", [LT] = "&lt;",  [GT] = "&gt;",  [QUOT] = "&quot;",
    [APOS] = "&#39;",      [TAB] = "&#9;",  [LF] = "&#10;", [CR] = "&#13;",
};

#define X4(c)  c, c, c, c
#define X16(c) X4(c), X4(c), X4(c), X4(c)
#define X32(c) X16(c), X16(c)

/* clang-format off */
static const unsigned char classes[256] = {
    PLAIN, /* NUL: the end, never looked up */
    WRONG, WRONG, WRONG, X4(WRONG), WRONG, TAB, LF, WRONG, WRONG, CR, WRONG, WRONG, X16(WRONG),
    /* space ! " # $ % & ' */
    PLAIN, PLAIN, QUOT, PLAIN, PLAIN, PLAIN, AMP, APOS,
    /* ( to 7, 8 to ; */
    X16(PLAIN), X4(PLAIN),
    /* < = > ? */
    LT, PLAIN, GT, PLAIN,
    /* letters and the rest of ASCII */
    X32(PLAIN), X32(PLAIN),
    X32(MULTI), X32(MULTI), X32(MULTI), X32(MULTI),
};
/* clang-format on */
_Static_assert(sizeof(classes) == 256, "one class per byte");

/* Bytes of the character of XML 1.0 that starts here with a byte above 0x7f; 0 when there is none. */
static size_t character_length(const unsigned char *s)
{
  unsigned n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4)
    return 0;
  for (unsigned i = 1; i < n; i++)
    if ((s[i] & 0xc0) != 0x80) /* the terminating NUL ends here too */
      return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90))
    return 0; /* overlong */
  if ((s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0; /* surrogate; above U+10FFFF */
  if (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
    return 0; /* U+FFFE, U+FFFF */
  return n;
}

void tt_xml_escape(struct tt_buf *buf, const char *text)
{
  const unsigned char *run = (const unsigned char *)text, *s = run;
  for (;;) {
    while (*s && classes[*s] == PLAIN)
      s++;
    if (!*s)
      break;
    size_t n = classes[*s] == MULTI ? character_length(s) : 0;
    if (n) {
      s += n;
      continue;
    }
    put(buf, (const char *)run, (size_t)(s - run));
    const char *instead = classes[*s] == MULTI ? REPLACEMENT : escapes[classes[*s]];
    put(buf, instead, strlen(instead));
    run = ++s;
  }
  put(buf, (const char *)run, (size_t)(s - run));
}

/* ---- Elements ------------------------------------------------------------------------------------------- */

static void check(struct tt_writer *w)
{
  if (w->buf->failed)
    w->failed = true;
}

static inline void close_tag(struct tt_writer *w)
{
  if (w->in_tag) {
    put(w->buf, ">", 1);
    w->in_tag = false;
  }
}

void tt_write_open(struct tt_writer *w, const char *name, const char *ns)
{
  if (w->failed)
    return;
  if (w->depth == TT_WRITER_DEPTH_MAX) {
    w->failed = true;
    return;
  }
  close_tag(w);
  put(w->buf, "<", 1);
  put(w->buf, name, strlen(name));
  w->open[w->depth++] = name;
  w->in_tag = true;
  if (ns)
    tt_write_attr(w, "xmlns", ns);
  check(w);
}

void tt_write_attr(struct tt_writer *w, const char *name, const char *value)
{
  if (w->failed || !value)
    return;
  if (!w->in_tag) {
    w->failed = true;
    return;
  }
  put(w->buf, " ", 1);
  put(w->buf, name, strlen(name));
  put(w->buf, "='", 2);
  tt_xml_escape(w->buf, value);
  put(w->buf, "'", 1);
  check(w);
}

void tt_write_attr_bool(struct tt_writer *w, const char *name, bool value)
{
  if (value)
    tt_write_attr(w, name, "true");
}

void tt_write_attr_printf(struct tt_writer *w, const char *name, const char *format, ...)
{
  char room[256];
  va_list ap, again;
  va_start(ap, format);
  va_copy(again, ap);
  int n = vsnprintf(room, sizeof(room), format, ap);
  va_end(ap);
  if (n >= 0 && (size_t)n < sizeof(room)) {
    tt_write_attr(w, name, room);
  } else {
    TT_AUTOFREE char *text = NULL;
    if (vasprintf(&text, format, again) < 0) {
      text = NULL;
      w->failed = true;
    } else {
      tt_write_attr(w, name, text);
    }
  }
  va_end(again);
}

void tt_write_text(struct tt_writer *w, const char *text)
{
  if (w->failed)
    return;
  if (!w->depth) {
    w->failed = true;
    return;
  }
  close_tag(w);
  tt_xml_escape(w->buf, text);
  check(w);
}

void tt_write_raw(struct tt_writer *w, const char *markup, size_t n)
{
  if (w->failed || !n)
    return;
  if (!w->depth) {
    w->failed = true;
    return;
  }
  close_tag(w);
  put(w->buf, markup, n);
  check(w);
}

void tt_write_close(struct tt_writer *w)
{
  if (w->failed)
    return;
  if (!w->depth) {
    w->failed = true;
    return;
  }
  const char *name = w->open[--w->depth];
  if (w->in_tag) {
    put(w->buf, "/>", 2);
    w->in_tag = false;
  } else {
    put(w->buf, "</", 2);
    put(w->buf, name, strlen(name));
    put(w->buf, ">", 1);
  }
  check(w);
}

void tt_write_element(struct tt_writer *w, const char *name, const char *text)
{
  tt_write_open(w, name, NULL);
  tt_write_text(w, text);
  tt_write_close(w);
}

/* ---- Going back ----------------------------------------------------------------------------------------- */

struct tt_writer_mark tt_write_mark(const struct tt_writer *w)
{
  return (struct tt_writer_mark){.len = w->buf->len, .depth = w->depth, .in_tag = w->in_tag};
}

void tt_write_rewind(struct tt_writer *w, struct tt_writer_mark mark)
{
  /* After wrong use nothing more was written and the buffer has not failed: that stays. */
  if (w->buf->failed)
    w->failed = false;
  tt_buf_truncate(w->buf, mark.len);
  w->depth = mark.depth;
  w->in_tag = mark.in_tag;
}

size_t tt_write_size(const struct tt_writer *w)
{
  size_t size = w->buf->len;
  for (unsigned i = 0; i < w->depth; i++)
    size += w->in_tag && i == w->depth - 1 ? strlen("/>") : strlen(w->open[i]) + strlen("</>");
  return size;
}
