/* SPDX-License-Identifier: Apache-2.0
 *
 * xml.h: a stanza as a tree in one arena. Built by the component's expat parser, by the link thread from
 * libstrophe, and from bytes in tests. After it is finished it is constant and may be handed between threads.
 */
#pragma once

#include <thingtree/util.h>

#define TT_XML_STANZA_MAX   (256 * 1024) /* bytes of one stanza that we take from a server */
#define TT_XML_DEPTH_MAX    32
#define TT_XML_ELEMENTS_MAX 16384
#define TT_XML_ATTRS_MAX    64 /* of one element */

struct tt_xml_attr {
  const char *name; /* "xml:lang" for the language (libstrophe's bare "lang" on a stanza is renamed) */
  const char *value;
  struct tt_xml_attr *next;
};

struct tt_xml {
  const char *name; /* local name */
  const char *ns;   /* "" when none */
  const char *text; /* all character data directly inside, joined; "" when none */
  struct tt_xml_attr *attrs;
  struct tt_xml *parent, *children, *last_child, *next;
};

#define TT_XML_FOREACH(child, element)                                                                             \
  for (const struct tt_xml *child = (element)->children; child; child = child->next)

const char *tt_xml_attr(const struct tt_xml *element, const char *name); /* NULL when absent */
/* First child of that name and namespace; NULL for any. NULL when there is none. */
const struct tt_xml *tt_xml_child(const struct tt_xml *element, const char *name, const char *ns);
/* An xs:boolean attribute: true, false, 1, 0; absent or anything else: `otherwise`. */
bool tt_xml_bool(const struct tt_xml *element, const char *name, bool otherwise);

/* ---- Building: start, attr*, text*, end, in document order ----------------------------------------------- */
struct tt_xml_doc; /* the arena with the root */
struct tt_xml_doc *tt_xml_doc_create(void);
void tt_xml_doc_destroy(struct tt_xml_doc *doc);
const struct tt_xml *tt_xml_doc_root(const struct tt_xml_doc *doc); /* NULL until something was started */
size_t tt_xml_doc_size(const struct tt_xml_doc *doc);               /* bytes it uses, about */
/* Each: 0, -ENOMEM, -E2BIG over a limit. After an error the document stays as it is and refuses more. */
int tt_xml_start(struct tt_xml_doc *doc, const char *name, const char *ns);
int tt_xml_add_attr(struct tt_xml_doc *doc, const char *name, const char *value);
int tt_xml_add_text(struct tt_xml_doc *doc, const char *text, size_t n);
int tt_xml_end(struct tt_xml_doc *doc); /* 1 when the root is complete */

/* A whole element from bytes (expat; DTD, comments and processing instructions refused). -EBADMSG, -E2BIG. */
int tt_xml_parse(const char *text, size_t n, struct tt_xml_doc **ret);
