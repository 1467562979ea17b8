/* SPDX-License-Identifier: Apache-2.0
 * Values out of XML. */
#include "pick_xml.h"

#include "common/xml_depth.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <math.h>
#include <stdio.h>

struct tt_pick_xml {
  xmlDocPtr doc;
};

#define OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA | XML_PARSE_COMPACT)

static void first_line(char *why, const char *what, const char *message)
{
  int n = message ? (int)strcspn(message, "\n") : 0;
  snprintf(why, TT_PICK_WHY_SIZE, "%s%s%.*s", what, n ? ": " : "", n > 100 ? 100 : n, message ? message : "");
}

int tt_pick_xml_parse(const char *data, size_t n, struct tt_pick_xml **ret, char *why)
{
  if (n > TT_PICK_SIZE_MAX || !tt_utf8_is_valid(data, n) || memchr(data, 0, n)) {
    snprintf(why, TT_PICK_WHY_SIZE,
             n > TT_PICK_SIZE_MAX ? "the document is too large" : "the document is not valid UTF-8");
    return -EINVAL;
  }
  xmlParserCtxtPtr parser = xmlNewParserCtxt();
  struct tt_pick_xml *xml = calloc(1, sizeof *xml);
  int r = parser && xml ? 0 : -ENOMEM;
  if (r == 0) {
    xml->doc = xmlCtxtReadMemory(parser, data, (int)n, NULL, "UTF-8", OPTIONS);
    const xmlError *error = xmlCtxtGetLastError(parser);
    const char *problem = !xml->doc             ? "the document is not XML"
                          : xml->doc->intSubset ? "the document has a document type, which is not accepted"
                          : tt_xml_is_deeper(xmlDocGetRootElement(xml->doc), TT_PICK_XML_DEPTH_MAX)
                              ? "the document is nested too deep"
                              : NULL;
    if (problem) {
      first_line(why, problem, xml->doc || !error ? NULL : error->message);
      r = -EINVAL;
    }
  }
  xmlFreeParserCtxt(parser);
  if (r < 0) {
    tt_pick_xml_free(xml);
    return r;
  }
  *ret = xml;
  return 0;
}

void tt_pick_xml_free(struct tt_pick_xml *xml)
{
  if (xml)
    xmlFreeDoc(xml->doc);
  free(xml);
}

static void be_silent(void *user, xmlErrorPtr error)
{
  (void)user, (void)error;
}

/* Some messages of XPath go to stderr by this way only. */
__attribute__((format(printf, 2, 3))) static void say_nothing(void *user, const char *format, ...)
{
  (void)user, (void)format;
}

static const xmlChar *as_xml(const char *text)
{
  return (const xmlChar *)text;
}

static int context_create(xmlDocPtr doc, const struct tt_item *namespaces, xmlXPathContextPtr *ret)
{
  xmlXPathContextPtr context = xmlXPathNewContext(doc);
  xmlSetGenericErrorFunc(NULL, say_nothing);
  if (!context)
    return -ENOMEM;
  context->error = be_silent;
  context->opLimit = TT_PICK_XPATH_STEPS;
  for (size_t i = 0; namespaces && i < namespaces->n; i++)
    if (xmlXPathRegisterNs(context, as_xml(namespaces->keys[i]), as_xml(namespaces->items[i]->text)) != 0) {
      xmlXPathFreeContext(context);
      return -EINVAL;
    }
  *ret = context;
  return 0;
}

const char *tt_pick_xpath_problem(const char *xpath, const struct tt_item *namespaces)
{
  const char *problem = NULL;
  xmlXPathContextPtr context;
  if (!*xpath)
    return "is empty";
  if (strlen(xpath) > TT_PICK_XPATH_MAX)
    return "is longer than 1024 bytes";
  if (namespaces && namespaces->kind != TT_ITEM_MAP)
    return "has namespaces that are not a map";
  for (size_t i = 0; namespaces && i < namespaces->n; i++)
    if (namespaces->items[i]->kind != TT_ITEM_SCALAR)
      return "has a namespace that is not a text";
  /* Evaluated once on an empty document: an unknown prefix or function is not found by compiling. */
  xmlDocPtr doc = xmlNewDoc(as_xml("1.0"));
  if (!doc || context_create(doc, namespaces, &context) < 0) {
    xmlFreeDoc(doc);
    return "has a namespace that cannot be used";
  }
  xmlXPathCompExprPtr compiled = xmlXPathCtxtCompile(context, as_xml(xpath));
  xmlXPathObjectPtr object = compiled ? xmlXPathCompiledEval(compiled, context) : NULL;
  if (!compiled)
    problem = "is not an XPath expression";
  else if (!object)
    problem = "has a prefix or a function that is not known";
  xmlXPathFreeObject(object);
  xmlXPathFreeCompExpr(compiled);
  xmlXPathFreeContext(context);
  xmlFreeDoc(doc);
  return problem;
}

static int number_value(double number, struct tt_value *ret, char *why)
{
  if (!isfinite(number)) {
    snprintf(why, TT_PICK_WHY_SIZE, "the result is not a number");
    return -EINVAL;
  }
  *ret = fabs(number) < 9e15 && number == floor(number) ? TT_VALUE_INT64((int64_t)number)
                                                        : TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE);
  return 0;
}

static int text_value(xmlChar *text, bool wants_number, struct tt_value *ret, char *why)
{
  if (!text)
    return -ENOMEM;
  const char *begin = (const char *)text;
  begin += strspn(begin, " \t\r\n");
  size_t n = strlen(begin);
  while (n > 0 && strchr(" \t\r\n", begin[n - 1]))
    n--;
  int r = tt_pick_text_value(begin, n, wants_number, ret, why);
  xmlFree(text);
  return r;
}

int tt_pick_xml_value(struct tt_pick_xml *xml, const char *xpath, const struct tt_item *namespaces,
                      bool wants_number, struct tt_value *ret, char *why)
{
  xmlXPathContextPtr context;
  int r = context_create(xml->doc, namespaces, &context);
  if (r < 0)
    return r;
  xmlXPathObjectPtr object = xmlXPathEval(as_xml(xpath), context);
  r = -EINVAL;
  if (!object) {
    first_line(why, "the expression fails", context->lastError.message);
  } else if (object->type == XPATH_NODESET) {
    r = -ENODATA;
    if (object->nodesetval && object->nodesetval->nodeNr > 0)
      r = text_value(xmlXPathCastNodeToString(object->nodesetval->nodeTab[0]), wants_number, ret, why);
  } else if (object->type == XPATH_NUMBER) {
    r = number_value(object->floatval, ret, why);
  } else if (object->type == XPATH_BOOLEAN) {
    *ret = TT_VALUE_BOOLEAN(object->boolval);
    r = 0;
  } else if (object->type == XPATH_STRING) {
    r = text_value(xmlStrdup(object->stringval), wants_number, ret, why);
  } else {
    snprintf(why, TT_PICK_WHY_SIZE, "the expression gives no value");
  }
  xmlXPathFreeObject(object);
  xmlXPathFreeContext(context);
  return r;
}
