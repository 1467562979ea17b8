/* SPDX-License-Identifier: Apache-2.0
 *
 * xml.c: the stanza tree: one arena, appended to in document order.
 */
#include "xml.h"

#include "stream.h"

/* Worst case of a legal stanza: every element tiny, each with its record and a copy of its name. */
#define ARENA_MAX (16u * TT_XML_STANZA_MAX)

struct tt_xml_doc {
  struct tt_arena *arena;
  struct tt_xml *root, *open;    /* open: the innermost element that has not ended */
  struct tt_xml_attr *last_attr; /* of `open` */
  unsigned depth, elements, attrs;
  size_t text_bytes;
  int error;
  /* Text comes in pieces, between children too; it is joined per level, so that joining is linear. */
  struct tt_buf text[TT_XML_DEPTH_MAX];
};

struct tt_xml_doc *tt_xml_doc_create(void)
{
  struct tt_xml_doc *doc = calloc(1, sizeof(*doc));
  if (!doc)
    return NULL;
  doc->arena = tt_arena_create(ARENA_MAX);
  if (!doc->arena) {
    free(doc);
    return NULL;
  }
  return doc;
}

void tt_xml_doc_destroy(struct tt_xml_doc *doc)
{
  if (!doc)
    return;
  for (size_t i = 0; i < TT_COUNT(doc->text); i++)
    tt_buf_finish(&doc->text[i]);
  tt_arena_destroy(doc->arena);
  free(doc);
}

const struct tt_xml *tt_xml_doc_root(const struct tt_xml_doc *doc)
{
  return doc->root;
}

size_t tt_xml_doc_size(const struct tt_xml_doc *doc)
{
  return sizeof(*doc) + tt_arena_used(doc->arena);
}

static int doc_fail(struct tt_xml_doc *doc, int error)
{
  doc->error = error;
  return error;
}

/* The arena cannot say whether memory or its limit ran out: near its limit it is the limit. */
static int doc_fail_alloc(struct tt_xml_doc *doc)
{
  return doc_fail(doc, tt_arena_used(doc->arena) > ARENA_MAX / 2 ? -E2BIG : -ENOMEM);
}

/* Neighbours share their namespace nearly always: one copy for a run of them. */
static const char *doc_ns(struct tt_xml_doc *doc, const char *ns)
{
  if (!*ns)
    return "";
  if (doc->open && !strcmp(doc->open->ns, ns))
    return doc->open->ns;
  if (doc->open && doc->open->last_child && !strcmp(doc->open->last_child->ns, ns))
    return doc->open->last_child->ns;
  return tt_arena_strdup(doc->arena, ns);
}

int tt_xml_start(struct tt_xml_doc *doc, const char *name, const char *ns)
{
  if (doc->error)
    return doc->error;
  if (doc->root && !doc->open)
    return doc_fail(doc, -EINVAL); /* a second root */
  if (doc->depth == TT_XML_DEPTH_MAX || doc->elements == TT_XML_ELEMENTS_MAX)
    return doc_fail(doc, -E2BIG);

  struct tt_xml *element = tt_arena_alloc(doc->arena, sizeof(*element));
  if (!element)
    return doc_fail_alloc(doc);
  element->name = tt_arena_strdup(doc->arena, name);
  element->ns = doc_ns(doc, ns ? ns : "");
  element->text = "";
  if (!element->name || !element->ns)
    return doc_fail_alloc(doc);

  element->parent = doc->open;
  if (!doc->open)
    doc->root = element;
  else if (doc->open->last_child)
    doc->open->last_child->next = element;
  else
    doc->open->children = element;
  if (doc->open)
    doc->open->last_child = element;
  doc->open = element;
  doc->last_attr = NULL;
  doc->attrs = 0;
  doc->depth++;
  doc->elements++;
  tt_buf_truncate(&doc->text[doc->depth - 1], 0);
  return 0;
}

int tt_xml_add_attr(struct tt_xml_doc *doc, const char *name, const char *value)
{
  if (doc->error)
    return doc->error;
  if (!doc->open || doc->open->children)
    return doc_fail(doc, -EINVAL);
  if (doc->attrs == TT_XML_ATTRS_MAX)
    return doc_fail(doc, -E2BIG);

  struct tt_xml_attr *attr = tt_arena_alloc(doc->arena, sizeof(*attr));
  if (!attr)
    return doc_fail_alloc(doc);
  attr->name = tt_arena_strdup(doc->arena, name);
  attr->value = tt_arena_strdup(doc->arena, value);
  if (!attr->name || !attr->value)
    return doc_fail_alloc(doc);
  if (doc->last_attr)
    doc->last_attr->next = attr;
  else
    doc->open->attrs = attr;
  doc->last_attr = attr;
  doc->attrs++;
  return 0;
}

int tt_xml_add_text(struct tt_xml_doc *doc, const char *text, size_t n)
{
  if (doc->error)
    return doc->error;
  if (!doc->open)
    return doc_fail(doc, -EINVAL);
  if (n > TT_XML_STANZA_MAX - doc->text_bytes)
    return doc_fail(doc, -E2BIG);
  doc->text_bytes += n;
  struct tt_buf *buf = &doc->text[doc->depth - 1];
  tt_buf_add(buf, text, n);
  return buf->failed ? doc_fail(doc, -ENOMEM) : 0;
}

int tt_xml_end(struct tt_xml_doc *doc)
{
  if (doc->error)
    return doc->error;
  if (!doc->open)
    return doc_fail(doc, -EINVAL);
  const struct tt_buf *buf = &doc->text[doc->depth - 1];
  if (buf->len) {
    doc->open->text = tt_arena_strndup(doc->arena, buf->data, buf->len);
    if (!doc->open->text) {
      doc->open->text = "";
      return doc_fail_alloc(doc);
    }
  }
  doc->open = doc->open->parent;
  doc->depth--;
  return doc->open ? 0 : 1;
}

/* ---- Looking -------------------------------------------------------------------------------------------- */

const char *tt_xml_attr(const struct tt_xml *element, const char *name)
{
  for (const struct tt_xml_attr *attr = element->attrs; attr; attr = attr->next)
    if (!strcmp(attr->name, name))
      return attr->value;
  return NULL;
}

const struct tt_xml *tt_xml_child(const struct tt_xml *element, const char *name, const char *ns)
{
  TT_XML_FOREACH(child, element)
    if ((!name || !strcmp(child->name, name)) && (!ns || !strcmp(child->ns, ns)))
      return child;
  return NULL;
}

bool tt_xml_bool(const struct tt_xml *element, const char *name, bool otherwise)
{
  const char *value = tt_xml_attr(element, name);
  if (!value)
    return otherwise;
  if (!strcmp(value, "true") || !strcmp(value, "1"))
    return true;
  if (!strcmp(value, "false") || !strcmp(value, "0"))
    return false;
  return otherwise;
}

/* ---- From bytes ----------------------------------------------------------------------------------------- */

static void keep_doc(void *user, struct tt_xml_doc *doc)
{
  *(struct tt_xml_doc **)user = doc; /* a document has one root: called once at most */
}

int tt_xml_parse(const char *text, size_t n, struct tt_xml_doc **ret)
{
  static const struct tt_stream_ops ops = {.stanza = keep_doc};
  struct tt_xml_doc *doc = NULL;
  struct tt_stream *stream = tt_stream_create(&ops, &doc);
  if (!stream)
    return -ENOMEM;
  int r = tt_stream_feed(stream, text, n);
  tt_stream_destroy(stream);
  if (r < 0 || !doc) {
    tt_xml_doc_destroy(doc);
    return r < 0 ? r : -EBADMSG;
  }
  *ret = doc;
  return 0;
}
