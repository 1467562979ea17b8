/* SPDX-License-Identifier: Apache-2.0
 *
 * xml.c: libxml2 with everything dangerous switched off.
 */
#define _GNU_SOURCE /* memmem */
#include "xml.h"

#include "common/xml_depth.h"

#include <libxml/parser.h>
#include <stdio.h>

static const char blanks[] = " \t\r\n";

static int fail(xmlDoc *doc, char why[static UP_WHY_SIZE], const char *text)
{
  snprintf(why, UP_WHY_SIZE, "%s", text);
  xmlFreeDoc(doc);
  return -EINVAL;
}

int up_xml_parse(const char *data, size_t n, size_t max, xmlDoc **ret_doc, char why[static UP_WHY_SIZE])
{
  static const char doctype[] = "<!DOCTYPE";
  bool is_wide = n > 1 && (unsigned char)data[0] >= 0xfe;  /* UTF-16, where a NUL is half a character */
  while (n > 0 && !is_wide && strchr(blanks, data[n - 1])) /* and the NUL that some devices count along */
    n--;
  if (n > max)
    return fail(NULL, why, "is too large");
  if (n == 0)
    return fail(NULL, why, "is empty");
  if (memmem(data, n, doctype, strlen(doctype)))
    return fail(NULL, why, "has a document type declaration, which is refused");
  xmlDoc *doc = xmlReadMemory(data, (int)n, NULL, NULL,
                              XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
  xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
  if (!root)
    return fail(doc, why, "is not well-formed XML");
  if (doc->intSubset || doc->extSubset) /* in an encoding that hid it from the look above */
    return fail(doc, why, "has a document type declaration, which is refused");
  if (tt_xml_is_deeper(root, UP_XML_DEPTH_MAX))
    return fail(doc, why, "is nested too deeply");
  *ret_doc = doc;
  return 0;
}

bool up_xml_is(const xmlNode *node, const char *name)
{
  return node && node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

xmlNode *up_xml_next(xmlNode *node, const char *name)
{
  while (node && !up_xml_is(node, name))
    node = node->next;
  return node;
}

xmlNode *up_xml_child(const xmlNode *parent, const char *name)
{
  return parent ? up_xml_next(parent->children, name) : NULL;
}

xmlNode *up_xml_element(xmlNode *node)
{
  while (node && node->type != XML_ELEMENT_NODE)
    node = node->next;
  return node;
}

char *up_xml_text(const xmlNode *node)
{
  char *text = node ? (char *)xmlNodeGetContent(node) : NULL;
  if (!text)
    return NULL;
  size_t skip = strspn(text, blanks), n = strlen(text + skip);
  while (n > 0 && strchr(blanks, text[skip + n - 1]))
    n--;
  memmove(text, text + skip, n);
  text[n] = 0;
  return text;
}

const char *up_xml_child_text(struct tt_arena *arena, const xmlNode *parent, const char *name, size_t max)
{
  char *text = up_xml_text(up_xml_child(parent, name));
  char *clean = text && *text ? tt_text_clean(text, strlen(text), max) : NULL;
  const char *kept = clean ? tt_arena_strdup(arena, clean) : NULL;
  free(clean);
  xmlFree(text);
  return kept;
}
