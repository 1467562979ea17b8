/* SPDX-License-Identifier: Apache-2.0
 *
 * event.c: property sets and LastChange.
 */
#include "event.h"

#include <stdio.h>

#define INSTANCE "InstanceID"

struct reading {
  up_change_fn fn;
  void *user;
  char *why;
  unsigned n;
};

static int tell(struct reading *r, const struct up_change *change)
{
  if (r->n == UP_CHANGES_MAX) {
    snprintf(r->why, UP_WHY_SIZE, "has too many changes");
    return -E2BIG;
  }
  r->n++;
  r->fn(r->user, change);
  return 0;
}

/* "val" by the specification, "Val" in practice too. */
static bool is_value(const xmlAttr *attribute)
{
  return strcasecmp((const char *)attribute->name, "val") == 0;
}

static char *value_of(const xmlNode *node)
{
  for (const xmlAttr *a = node->properties; a; a = a->next)
    if (is_value(a))
      return (char *)xmlNodeGetContent((const xmlNode *)a);
  return NULL;
}

static int tell_element(struct reading *r, const xmlNode *node, const char *instance)
{
  char *value = value_of(node), *texts[UP_ATTRIBUTES_MAX];
  size_t n_texts = 0;
  struct up_change change = {.variable = (const char *)node->name, .value = value, .is_in_last_change = true};
  change.attributes[0].name = INSTANCE;
  change.attributes[0].value = instance;
  change.n_attributes = 1;
  for (const xmlAttr *a = node->properties; a && change.n_attributes < UP_ATTRIBUTES_MAX; a = a->next) {
    char *text = is_value(a) ? NULL : (char *)xmlNodeGetContent((const xmlNode *)a);
    if (!text)
      continue;
    change.attributes[change.n_attributes].name = (const char *)a->name;
    change.attributes[change.n_attributes++].value = texts[n_texts++] = text;
  }
  int error = value ? tell(r, &change) : 0;
  while (n_texts > 0)
    xmlFree(texts[--n_texts]);
  xmlFree(value);
  return error;
}

static int read_last_change(struct reading *r, const char *text)
{
  char reason[UP_WHY_SIZE];
  xmlDoc *doc = NULL;
  if (!*text)
    return 0;
  if (up_xml_parse(text, strlen(text), UP_XML_SIZE_MAX, &doc, reason) < 0) {
    snprintf(r->why, UP_WHY_SIZE, UP_LAST_CHANGE " %.128s", reason);
    return -EINVAL;
  }
  int error = 0;
  const xmlNode *root = xmlDocGetRootElement(doc);
  for (xmlNode *one = up_xml_child(root, INSTANCE); error == 0 && one; one = up_xml_next(one->next, INSTANCE)) {
    char *instance = value_of(one);
    for (xmlNode *node = up_xml_element(one->children); error == 0 && node; node = up_xml_element(node->next))
      error = tell_element(r, node, instance ? instance : "0");
    xmlFree(instance);
  }
  xmlFreeDoc(doc);
  return error;
}

static int read_property(struct reading *r, const xmlNode *property)
{
  int error = 0;
  for (xmlNode *node = up_xml_element(property->children); error == 0 && node; node = up_xml_element(node->next)) {
    char *value = up_xml_text(node);
    struct up_change change = {.variable = (const char *)node->name, .value = value ? value : ""};
    error = tell(r, &change);
    if (error == 0 && up_xml_is(node, UP_LAST_CHANGE))
      error = read_last_change(r, change.value);
    xmlFree(value);
  }
  return error;
}

int up_event_parse(const char *data, size_t n, up_change_fn fn, void *user, char why[static UP_WHY_SIZE])
{
  struct reading r = {.fn = fn, .user = user, .why = why};
  xmlDoc *doc = NULL;
  int error = up_xml_parse(data, n, UP_XML_SIZE_MAX, &doc, why);
  if (error < 0)
    return error;
  const xmlNode *root = xmlDocGetRootElement(doc);
  if (!up_xml_is(root, "propertyset")) {
    snprintf(why, UP_WHY_SIZE, "is no property set");
    error = -EINVAL;
  }
  for (xmlNode *one = up_xml_child(root, "property"); error == 0 && one; one = up_xml_next(one->next, "property"))
    error = read_property(&r, one);
  xmlFreeDoc(doc);
  return error;
}

bool up_change_has(const struct up_change *change, const char *name, const char *value)
{
  for (size_t i = 0; i < change->n_attributes; i++)
    if (strcasecmp(change->attributes[i].name, name) == 0)
      return strcmp(change->attributes[i].value, value) == 0;
  return false;
}
