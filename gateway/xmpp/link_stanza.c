/* SPDX-License-Identifier: Apache-2.0
 *
 * link_stanza.c: a stanza of libstrophe into a tree of ours.
 */
#include "link_stanza.h"

/* The library drops the prefix of xml:lang; it has no attribute of that name otherwise. */
static int add_attrs(struct tt_xml_doc *doc, xmpp_stanza_t *stanza)
{
  int n = xmpp_stanza_get_attribute_count(stanza), r = 0;
  if (n <= 0)
    return 0;
  if (n > TT_XML_ATTRS_MAX + 1) /* the library counts xmlns */
    return -E2BIG;
  const char *pairs[2 * (TT_XML_ATTRS_MAX + 1)];
  n = xmpp_stanza_get_attributes(stanza, pairs, 2 * n);
  for (int i = 0; r == 0 && i + 1 < n; i += 2) {
    if (strcmp(pairs[i], "xmlns") == 0)
      continue;
    r = tt_xml_add_attr(doc, strcmp(pairs[i], "lang") == 0 ? "xml:lang" : pairs[i], pairs[i + 1]);
  }
  return r;
}

/* Depth is bounded by tt_xml_start(). */
static int add_element(struct tt_xml_doc *doc, xmpp_stanza_t *stanza)
{
  int r = tt_xml_start(doc, xmpp_stanza_get_name(stanza), xmpp_stanza_get_ns(stanza));
  if (r == 0)
    r = add_attrs(doc, stanza);
  for (xmpp_stanza_t *child = xmpp_stanza_get_children(stanza); r == 0 && child;
       child = xmpp_stanza_get_next(child)) {
    const char *text = xmpp_stanza_get_text_ptr(child);
    if (xmpp_stanza_is_text(child))
      r = text ? tt_xml_add_text(doc, text, strlen(text)) : 0;
    else
      r = add_element(doc, child);
  }
  if (r == 0)
    r = tt_xml_end(doc);
  return r < 0 ? r : 0;
}

/* A stanza over a limit is passed on without its content: an iq is still answered, with a refusal. */
struct tt_xml_doc *tt_link_stanza_doc(xmpp_stanza_t *stanza)
{
  struct tt_xml_doc *doc = tt_xml_doc_create();
  if (!doc || add_element(doc, stanza) == 0)
    return doc;
  tt_xml_doc_destroy(doc);
  doc = tt_xml_doc_create();
  if (doc && (tt_xml_start(doc, xmpp_stanza_get_name(stanza), xmpp_stanza_get_ns(stanza)) < 0 ||
              add_attrs(doc, stanza) < 0 || tt_xml_end(doc) < 0)) {
    tt_xml_doc_destroy(doc);
    doc = NULL;
  }
  return doc;
}
