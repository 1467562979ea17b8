/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.h: XML as text. Escapes, filters what XML 1.0 has no character for, knows what is open, and can take back
 * what did not fit: that is how answers are split by size. No allocation per element.
 */
#pragma once

#include <thingtree/util.h>

#define TT_WRITER_DEPTH_MAX 16

struct tt_writer {
  struct tt_buf *buf;                    /* borrowed */
  const char *open[TT_WRITER_DEPTH_MAX]; /* borrowed names */
  unsigned depth;
  bool in_tag; /* the start tag is not closed yet */
  bool failed; /* wrong use or the buffer failed */
};

void tt_write_init(struct tt_writer *w, struct tt_buf *buf);
/* Names are constants of ours and are not escaped. `ns` NULL: inherit. */
void tt_write_open(struct tt_writer *w, const char *name, const char *ns);
void tt_write_attr(struct tt_writer *w, const char *name, const char *value); /* value NULL: nothing */
void tt_write_attr_bool(struct tt_writer *w, const char *name, bool value);   /* false: nothing */
void tt_write_attr_printf(struct tt_writer *w, const char *name, const char *format, ...) TT_PRINTF(3, 4);
void tt_write_text(struct tt_writer *w, const char *text);
void tt_write_close(struct tt_writer *w);
/* Whole elements that another writer made, as they are; `markup` may be NULL when n is 0. */
void tt_write_raw(struct tt_writer *w, const char *markup, size_t n);
/* <name>text</name> */
void tt_write_element(struct tt_writer *w, const char *name, const char *text);

/* A place to come back to, taken at an element boundary. */
struct tt_writer_mark {
  size_t len;
  unsigned depth;
  bool in_tag;
};
struct tt_writer_mark tt_write_mark(const struct tt_writer *w);
void tt_write_rewind(struct tt_writer *w, struct tt_writer_mark mark);
/* Bytes once everything that is open is closed. */
size_t tt_write_size(const struct tt_writer *w);
/* Escape text for content or attribute; appended. */
void tt_xml_escape(struct tt_buf *buf, const char *text);
