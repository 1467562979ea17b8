/* SPDX-License-Identifier: Apache-2.0
 * fuzz_stream.c: what a server, or whoever is in its place, may send. The same bytes in one piece and in many: the same
 * stanzas and the same end must come of them. The first byte says where the pieces end. */
#include "xmpp/stream.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
  struct tt_buf text;
  bool is_closed;
};

/* Every claim of this file. */
#define must(is_so) must_at(is_so, __LINE__)
static void must_at(bool is_so, int line)
{
  if (is_so)
    return;
  fprintf(stderr, "fuzz_stream.c:%d: not so\n", line);
  abort();
}

static void print(struct tt_buf *out, const struct tt_xml *element, unsigned depth)
{
  must(depth <= TT_XML_DEPTH_MAX);
  tt_buf_printf(out, "%u %s %s", depth, element->name, element->ns);
  for (const struct tt_xml_attr *attr = element->attrs; attr; attr = attr->next)
    tt_buf_printf(out, " %s=%s", attr->name, attr->value);
  tt_buf_printf(out, " [%s]\n", element->text);
  TT_XML_FOREACH(child, element) {
    must(child->parent == element);
    print(out, child, depth + 1);
  }
}

static void on_header(void *user, const struct tt_xml *header)
{
  struct seen *seen = user;
  must(!seen->is_closed);
  print(&seen->text, header, 0);
}

static void on_stanza(void *user, struct tt_xml_doc *doc)
{
  struct seen *seen = user;
  must(!seen->is_closed);
  must(tt_xml_doc_root(doc) != NULL);
  print(&seen->text, tt_xml_doc_root(doc), 1);
  tt_xml_doc_destroy(doc);
}

static void on_closed(void *user)
{
  struct seen *seen = user;
  must(!seen->is_closed);
  seen->is_closed = true;
}

/* Expat may hold back a token that has not ended, and looks at it again when as many bytes have come once more: how
 * much of the input it has judged depends on the pieces. Blanks end any token that can end, or are part of it. */
static int feed_blanks(struct tt_stream *stream, size_t n)
{
  char blanks[4096];
  memset(blanks, ' ', sizeof(blanks));
  int r = 0;
  for (size_t at = 0; r == 0 && at < n; at += sizeof(blanks))
    r = tt_stream_feed(stream, blanks, sizeof(blanks));
  return r;
}

static int feed(const struct tt_stream_ops *ops, const char *text, size_t size, unsigned seed, struct seen *seen)
{
  const size_t all = size;
  struct tt_stream *stream = tt_stream_create(ops, seen);
  must(stream != NULL);
  int r = 0;
  while (r == 0 && size > 0) {
    size_t n = size; /* seed 0: in one piece */
    if (seed) {
      seed = seed * 1103515245u + 12345u;
      n = 1 + (seed >> 16) % 40;
    }
    n = n > size ? size : n;
    r = tt_stream_feed(stream, text, n);
    text += n;
    size -= n;
  }
  if (r == 0)
    r = feed_blanks(stream, 2 * all + 1);
  must(r <= 0);
  must((r == 0) == (*tt_stream_error(stream) == '\0'));
  if (r < 0)
    must(tt_stream_feed(stream, "<a/>", 4) < 0); /* it takes no more */
  tt_stream_destroy(stream);
  return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const struct tt_stream_ops with_header = {on_header, on_stanza, on_closed};
  static const struct tt_stream_ops alone = {NULL, on_stanza, on_closed};
  if (size < 1)
    return 0;
  const char *text = (const char *)data + 1;
  const struct tt_stream_ops *ops = data[0] & 1 ? &alone : &with_header;
  struct seen whole = {0}, parts = {0};
  int r = feed(ops, text, size - 1, 0, &whole);
  must(feed(ops, text, size - 1, data[0] * 2u + 1, &parts) == r);
  must(whole.is_closed == parts.is_closed);
  /* Before an error in it a large piece may give less; never something else. */
  must(whole.text.len <= parts.text.len || r == 0);
  must(r < 0 || whole.text.len == parts.text.len);
  must(whole.text.len == 0 || memcmp(whole.text.data, parts.text.data,
                                     whole.text.len < parts.text.len ? whole.text.len : parts.text.len) == 0);
  tt_buf_finish(&whole.text);
  tt_buf_finish(&parts.text);
  return 0;
}
