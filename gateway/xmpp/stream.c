/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c: expat events -> stanza trees.
 */
#include "stream.h"

#include <expat.h>

#define NS_SEPARATOR '\n' /* no namespace name can hold it: expat refuses such a name */
#define NS_XML       "http://www.w3.org/XML/1998/namespace"
#define NS_COMPONENT "jabber:component:accept"
#define FEED_MAX     16384 /* bytes given to expat at once: the size limit is looked at in between */

struct tt_stream {
  struct tt_stream_ops ops;
  void *user;
  XML_Parser parser;
  unsigned depth;
  struct tt_xml_doc *doc; /* the stanza being read */
  uint64_t fed, settled;  /* bytes taken; bytes up to the end of the last stanza */
  int error;
  bool is_stopped;
  const char *text;
};

static void stream_fail(struct tt_stream *s, int error, const char *text)
{
  if (!s->error) {
    s->error = error;
    s->text = text;
  }
  XML_StopParser(s->parser, XML_FALSE);
}

static const char *limit_text(int error)
{
  switch (error) {
  case -ENOMEM:
    return "out of memory";
  case -E2BIG:
    return "a stanza is too large or nested too deep";
  default:
    return "malformed stanza";
  }
}

/* "namespace\nname" -> both; the name of no namespace has no separator. `room` holds the namespace. */
static const char *split_name(const char *full, char room[static TT_XML_NS_MAX + 1], const char **ret_ns)
{
  const char *cut = strrchr(full, NS_SEPARATOR);
  size_t n = cut ? (size_t)(cut - full) : 0;
  if (n > TT_XML_NS_MAX)
    n = TT_XML_NS_MAX; /* refused by on_ns already */
  memcpy(room, full, n);
  room[n] = '\0';
  *ret_ns = strcmp(room, NS_COMPONENT) ? room : "jabber:client";
  return cut ? cut + 1 : full;
}

static int add_attrs(struct tt_xml_doc *doc, const char **attrs)
{
  for (; attrs[0]; attrs += 2) {
    const char *name = attrs[0], *cut = strrchr(name, NS_SEPARATOR);
    /* Of the attributes with a prefix only those of XML itself mean something to us. Without their prefix the
     * others could be taken for plain ones. */
    char prefixed[64];
    if (cut) {
      if ((size_t)(cut - name) != strlen(NS_XML) || memcmp(name, NS_XML, strlen(NS_XML)) != 0 ||
          strlen(cut + 1) > 32)
        continue;
      memcpy(prefixed, "xml:", 4);
      memcpy(prefixed + 4, cut + 1, strlen(cut + 1) + 1);
      name = prefixed;
    }
    int r = tt_xml_add_attr(doc, name, attrs[1]);
    if (r < 0)
      return r;
  }
  return 0;
}

static int start(struct tt_stream *s, const char *full, const char **attrs)
{
  char room[TT_XML_NS_MAX + 1];
  const char *ns, *name = split_name(full, room, &ns);

  if (!s->doc) {
    s->doc = tt_xml_doc_create();
    if (!s->doc)
      return -ENOMEM;
  }
  int r = tt_xml_start(s->doc, name, ns);
  return r < 0 ? r : add_attrs(s->doc, attrs);
}

static void XMLCALL on_start(void *user, const char *full, const char **attrs)
{
  struct tt_stream *s = user;
  if (s->error || s->is_stopped)
    return;
  int r = start(s, full, attrs);
  if (r < 0) {
    stream_fail(s, r, limit_text(r));
    return;
  }
  s->depth++;
  if (s->depth == 1 && s->ops.header) {
    s->ops.header(s->user, tt_xml_doc_root(s->doc));
    tt_xml_doc_destroy(TT_STEAL(s->doc));
  }
}

static void XMLCALL on_end(void *user, const char *full)
{
  (void)full;
  struct tt_stream *s = user;
  if (s->error || s->is_stopped)
    return;
  s->depth--;
  if (!s->depth && s->ops.header) {
    s->ops.closed(s->user);
    return;
  }
  int r = tt_xml_end(s->doc);
  if (r < 0) {
    stream_fail(s, r, limit_text(r));
  } else if (r == 1) {
    s->settled = (uint64_t)XML_GetCurrentByteIndex(s->parser) + (uint64_t)XML_GetCurrentByteCount(s->parser);
    s->ops.stanza(s->user, TT_STEAL(s->doc));
  }
}

static void XMLCALL on_text(void *user, const char *text, int n)
{
  struct tt_stream *s = user;
  if (s->error || s->is_stopped || !s->doc)
    return; /* whitespace between stanzas keeps the connection alive and means nothing */
  int r = tt_xml_add_text(s->doc, text, (size_t)n);
  if (r < 0)
    stream_fail(s, r, limit_text(r));
}

static void XMLCALL on_ns(void *user, const char *prefix, const char *uri)
{
  (void)prefix;
  if (uri && strlen(uri) > TT_XML_NS_MAX)
    stream_fail(user, -E2BIG, "a namespace name is too long");
}

static void XMLCALL on_doctype(void *user, const char *name, const char *system, const char *public, int internal)
{
  (void)name, (void)system, (void)public, (void)internal;
  stream_fail(user, -EBADMSG, "a document type declaration has no place in a stream");
}

static void XMLCALL on_comment(void *user, const char *text)
{
  (void)text;
  stream_fail(user, -EBADMSG, "a comment has no place in a stream");
}

static void XMLCALL on_instruction(void *user, const char *target, const char *text)
{
  (void)target, (void)text;
  stream_fail(user, -EBADMSG, "a processing instruction has no place in a stream");
}

struct tt_stream *tt_stream_create(const struct tt_stream_ops *ops, void *user)
{
  struct tt_stream *s = calloc(1, sizeof(*s));
  if (!s)
    return NULL;
  s->ops = *ops;
  s->user = user;
  s->text = "";
  s->parser = XML_ParserCreateNS("UTF-8", NS_SEPARATOR);
  if (!s->parser) {
    free(s);
    return NULL;
  }
  XML_SetUserData(s->parser, s);
  XML_SetElementHandler(s->parser, on_start, on_end);
  XML_SetCharacterDataHandler(s->parser, on_text);
  XML_SetStartNamespaceDeclHandler(s->parser, on_ns);
  XML_SetStartDoctypeDeclHandler(s->parser, on_doctype);
  XML_SetCommentHandler(s->parser, on_comment);
  XML_SetProcessingInstructionHandler(s->parser, on_instruction);
#ifdef TT_EXPAT_HAS_REPARSE_DEFERRAL
  /* With deferral a tag that is cut between two reads waits until as many bytes again have come. */
  XML_SetReparseDeferralEnabled(s->parser, XML_FALSE);
#endif
  return s;
}

void tt_stream_destroy(struct tt_stream *s)
{
  if (!s)
    return;
  XML_ParserFree(s->parser);
  tt_xml_doc_destroy(s->doc);
  free(s);
}

void tt_stream_stop(struct tt_stream *s)
{
  s->is_stopped = true;
  XML_StopParser(s->parser, XML_FALSE);
}

/* What the parser holds back between stanzas is whitespace, which may go on for ever. */
static void settle_between_stanzas(struct tt_stream *s)
{
  if (!s->doc && s->depth == (s->ops.header ? 1 : 0)) {
    XML_Index at = XML_GetCurrentByteIndex(s->parser);
    if (at > 0 && (uint64_t)at > s->settled)
      s->settled = (uint64_t)at;
  }
}

int tt_stream_feed(struct tt_stream *s, const char *data, size_t n)
{
  while (n > 0 && !s->error && !s->is_stopped) {
    size_t part = n < FEED_MAX ? n : FEED_MAX;
    /* UTF-8 has no such byte in XML, but expat would take it for UTF-16, whatever encoding it was given. */
    const char *nul = memchr(data, 0, part);
    if (nul == data) {
      stream_fail(s, -EBADMSG, "not UTF-8: a byte is zero");
      break;
    }
    part = nul ? (size_t)(nul - data) : part;
    enum XML_Status status = XML_Parse(s->parser, data, (int)part, XML_FALSE);
    if (status != XML_STATUS_OK && !s->is_stopped)
      stream_fail(s, -EBADMSG, XML_ErrorString(XML_GetErrorCode(s->parser)));
    s->fed += part;
    data += part;
    n -= part;
    settle_between_stanzas(s);
    if (s->fed - s->settled > TT_XML_STANZA_MAX + FEED_MAX && !s->is_stopped)
      stream_fail(s, -E2BIG, limit_text(-E2BIG));
  }
  return s->error;
}

const char *tt_stream_error(const struct tt_stream *s)
{
  return s->text;
}
