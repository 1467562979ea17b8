/* SPDX-License-Identifier: Apache-2.0
 *
 * description.h: what a device says it is: a tree of devices, each with services. And what is meant by a demand for a
 * type: a higher version satisfies a lower one (UPnP Device Architecture, 1.1.2 and 2.3). Pure.
 */
#pragma once

#include "location.h"
#include "xml.h"

#define UP_UDN_MAX            128 /* bytes of a unique device name */
#define UP_TYPE_MAX           128 /* bytes of a device or service type */
#define UP_NAME_MAX           256 /* bytes of a friendly name, a maker, a model */
#define UP_TREE_DEVICES_MAX   32  /* devices of one description, embedded ones included */
#define UP_TREE_SERVICES_MAX  64  /* services of all of them */
#define UP_DESCRIPTION_MEMORY (256u * 1024)

struct up_service {
  const char *type, *id;
  const char *scpd_url, *control_url, *event_url; /* absolute, and allowed; NULL: none */
  size_t device;                                  /* whose it is */
};

struct up_part {
  const char *udn, *type, *name, *vendor, *model; /* all but udn may be NULL */
  size_t parent;                                  /* its own index: the root */
};

struct up_description {
  struct tt_arena *arena;
  size_t n_parts, n_services;
  struct up_part parts[UP_TREE_DEVICES_MAX]; /* parts[0] is the root; a parent stands before its children */
  struct up_service services[UP_TREE_SERVICES_MAX];
};

/* -EINVAL with the reason; -E2BIG; -ENOMEM. Services without type or place are left out. */
int up_description_parse(const char *data, size_t n, const char *location, struct up_description **ret_description,
                         char why[static UP_WHY_SIZE]);
void up_description_destroy(struct up_description *description);

/* The part of this UDN; NULL. */
const struct up_part *up_description_find(const struct up_description *description, const char *udn);
/* The first part, the root first, that is of the type (NULL: any) and has the service (NULL: any); NULL. */
const struct up_part *up_description_match(const struct up_description *description, const char *device_type,
                                           const char *service_type);
/* The service of the part, or of what is embedded in it; NULL. */
const struct up_service *up_description_service(const struct up_description *description,
                                                const struct up_part *part, const char *type);
bool up_description_is_within(const struct up_description *description, size_t part, const struct up_part *whole);

/* "urn:...:Dimming:2" satisfies "urn:...:Dimming:1". What has no version must be equal. */
bool up_type_satisfies(const char *offered, const char *demanded);
bool up_type_is_urn(const char *type); /* urn:DOMAIN:device|service:NAME:VERSION */
/* UDNs are compared without regard to case: devices write them in one way here and in another there. */
bool up_udn_equals(const char *a, const char *b);
