/* SPDX-License-Identifier: Apache-2.0
 *
 * description.c: device descriptions.
 */
#include "description.h"

#include <stdio.h>

/* ---- Types ---------------------------------------------------------------------------------------------------- */
/* The number behind the last colon; false when there is none. */
static bool split_version(const char *type, size_t *ret_stem, unsigned *ret_version)
{
  const char *colon = strrchr(type, ':');
  size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
  if (digits == 0 || digits > 4 || colon[1 + digits] || colon[1] == '0')
    return false;
  *ret_stem = (size_t)(colon - type);
  *ret_version = (unsigned)strtoul(colon + 1, NULL, 10);
  return true;
}

bool up_type_satisfies(const char *offered, const char *demanded)
{
  size_t stem, wanted_stem;
  unsigned version, wanted;
  if (!split_version(offered, &stem, &version) || !split_version(demanded, &wanted_stem, &wanted))
    return strcmp(offered, demanded) == 0;
  return stem == wanted_stem && strncmp(offered, demanded, stem) == 0 && version >= wanted;
}

bool up_type_is_urn(const char *type)
{
  size_t stem;
  unsigned version;
  if (strncmp(type, "urn:", 4) != 0 || strlen(type) > UP_TYPE_MAX || !split_version(type, &stem, &version))
    return false;
  const char *kind = strchr(type + 4, ':');
  return kind && (strncmp(kind, ":device:", 8) == 0 || strncmp(kind, ":service:", 9) == 0) &&
         type + stem > strchr(kind + 1, ':') + 1;
}

bool up_udn_equals(const char *a, const char *b)
{
  return strcasecmp(a, b) == 0;
}

/* ---- The tree ------------------------------------------------------------------------------------------------- */
struct reading {
  struct up_description *d;
  const char *location, *base;
  char *why;
};

static int full(const struct reading *r, const char *what)
{
  snprintf(r->why, UP_WHY_SIZE, "has too many %s", what);
  return -E2BIG;
}

static const char *read_url(const struct reading *r, const xmlNode *service, const char *name)
{
  char url[UP_URL_MAX];
  char *text = up_xml_text(up_xml_child(service, name));
  bool is_good = text && *text && up_url_resolve(r->location, r->base, text, url) == 0;
  xmlFree(text);
  return is_good ? tt_arena_strdup(r->d->arena, url) : NULL;
}

static int read_services(const struct reading *r, const xmlNode *device, size_t part)
{
  struct up_description *d = r->d;
  xmlNode *list = up_xml_child(device, "serviceList");
  for (xmlNode *node = up_xml_child(list, "service"); node; node = up_xml_next(node->next, "service")) {
    struct up_service service = {.type = up_xml_child_text(d->arena, node, "serviceType", UP_TYPE_MAX),
                                 .id = up_xml_child_text(d->arena, node, "serviceId", UP_TYPE_MAX),
                                 .scpd_url = read_url(r, node, "SCPDURL"),
                                 .control_url = read_url(r, node, "controlURL"),
                                 .event_url = read_url(r, node, "eventSubURL"),
                                 .device = part};
    if (!service.type || !service.control_url)
      continue;
    if (d->n_services == UP_TREE_SERVICES_MAX)
      return full(r, "services");
    d->services[d->n_services++] = service;
  }
  return 0;
}

static int read_device(const struct reading *r, const xmlNode *node, size_t parent)
{
  struct up_description *d = r->d;
  size_t index = d->n_parts;
  if (index == UP_TREE_DEVICES_MAX)
    return full(r, "devices");
  struct up_part part = {.udn = up_xml_child_text(d->arena, node, "UDN", UP_UDN_MAX),
                         .type = up_xml_child_text(d->arena, node, "deviceType", UP_TYPE_MAX),
                         .name = up_xml_child_text(d->arena, node, "friendlyName", UP_NAME_MAX),
                         .vendor = up_xml_child_text(d->arena, node, "manufacturer", UP_NAME_MAX),
                         .model = up_xml_child_text(d->arena, node, "modelName", UP_NAME_MAX),
                         .parent = parent == SIZE_MAX ? index : parent};
  if (!part.udn) {
    snprintf(r->why, UP_WHY_SIZE, "has a device without a UDN");
    return -EINVAL;
  }
  d->parts[d->n_parts++] = part;
  int error = read_services(r, node, index);
  xmlNode *list = up_xml_child(node, "deviceList");
  for (xmlNode *child = up_xml_child(list, "device"); error == 0 && child;
       child = up_xml_next(child->next, "device"))
    error = read_device(r, child, index); /* no deeper than the XML, which is capped */
  return error;
}

int up_description_parse(const char *data, size_t n, const char *location, struct up_description **ret_description,
                         char why[static UP_WHY_SIZE])
{
  xmlDoc *doc = NULL;
  int error = up_xml_parse(data, n, UP_SCPD_SIZE_MAX, &doc, why);
  if (error < 0)
    return error;
  struct up_description *d = calloc(1, sizeof *d);
  if (d)
    d->arena = tt_arena_create(UP_DESCRIPTION_MEMORY);
  const xmlNode *root = xmlDocGetRootElement(doc), *device = up_xml_child(root, "device");
  if (!d || !d->arena) {
    snprintf(why, UP_WHY_SIZE, "no memory");
    error = -ENOMEM;
  } else if (!up_xml_is(root, "root") || !device) {
    snprintf(why, UP_WHY_SIZE, "describes no device");
    error = -EINVAL;
  } else {
    const char *base = up_xml_child_text(d->arena, root, "URLBase", UP_URL_MAX - 1);
    error = read_device(&(struct reading){d, location, base, why}, device, SIZE_MAX);
  }
  xmlFreeDoc(doc);
  if (error < 0) {
    up_description_destroy(d);
    return error;
  }
  *ret_description = d;
  return 0;
}

void up_description_destroy(struct up_description *d)
{
  if (!d)
    return;
  tt_arena_destroy(d->arena);
  free(d);
}

/* ---- Questions ------------------------------------------------------------------------------------------------ */
const struct up_part *up_description_find(const struct up_description *d, const char *udn)
{
  for (size_t i = 0; i < d->n_parts; i++)
    if (up_udn_equals(d->parts[i].udn, udn))
      return &d->parts[i];
  return NULL;
}

bool up_description_is_within(const struct up_description *d, size_t part, const struct up_part *whole)
{
  while (&d->parts[part] != whole && d->parts[part].parent != part)
    part = d->parts[part].parent;
  return &d->parts[part] == whole;
}

const struct up_service *up_description_service(const struct up_description *d, const struct up_part *part,
                                                const char *type)
{
  for (size_t i = 0; i < d->n_services; i++)
    if (up_type_satisfies(d->services[i].type, type) && up_description_is_within(d, d->services[i].device, part))
      return &d->services[i];
  return NULL;
}

const struct up_part *up_description_match(const struct up_description *d, const char *device_type,
                                           const char *service_type)
{
  for (size_t i = 0; i < d->n_parts; i++) {
    const struct up_part *part = &d->parts[i];
    if (device_type && !(part->type && up_type_satisfies(part->type, device_type)))
      continue;
    if (service_type && !up_description_service(d, part, service_type))
      continue;
    return part;
  }
  return NULL;
}
