/* SPDX-License-Identifier: Apache-2.0
 *
 * event.h: what an event says (UPnP Device Architecture 1.1, section 4): state variables, and in the services of UPnP AV
 * one of them, LastChange, that is XML in XML. Pure.
 */
#pragma once

#include "xml.h"

#define UP_CHANGES_MAX    512 /* of one event */
#define UP_ATTRIBUTES_MAX 8   /* of one change */
#define UP_LAST_CHANGE    "LastChange"

struct up_change {
  const char *variable, *value;
  bool is_in_last_change;
  /* In LastChange: InstanceID, and what the element has beside its value, such as the channel. */
  size_t n_attributes;
  struct {
    const char *name, *value;
  } attributes[UP_ATTRIBUTES_MAX];
};

typedef void (*up_change_fn)(void *user, const struct up_change *change);

/* Calls `fn` for every change, in order; texts are valid during the call. -EINVAL with the reason, perhaps after some of
 * them; -E2BIG. */
int up_event_parse(const char *data, size_t n, up_change_fn fn, void *user, char why[static UP_WHY_SIZE]);

/* Has the change this attribute with this value? Names in any case: "Channel", "channel". */
bool up_change_has(const struct up_change *change, const char *name, const char *value);
