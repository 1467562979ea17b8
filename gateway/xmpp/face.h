/* SPDX-License-Identifier: Apache-2.0
 *
 * face.h: a thing as a contact shows it: what its presence says to one who may read these fields, and what kind of thing it
 * is for a picture. From the cache alone. Pure.
 */
#pragma once

#include "model/tree.h"

/* Shown by every client with a mark of its own:
 *   available  its values are fresh, or it has none
 *   away       not reached (itself or its connection), or all that is known of it is old or nothing
 *   dnd        it cannot work as it is: the configuration is wrong, or it says itself that it has an error */
enum tt_show { TT_SHOW_AVAILABLE, TT_SHOW_AWAY, TT_SHOW_DND };
const char *tt_show_name(enum tt_show show); /* NULL: available, which has no element (RFC 6121 section 4.7.2.1) */

#define TT_STATUS_MAX 100 /* bytes */

struct tt_face {
  enum tt_show show;
  char status[TT_STATUS_MAX + 1]; /* "" : none */
};

/* A device of which these points may be read: "21.5 °C, 45 %". A unit that stands for several fields, and a value without
 * one, have a name before them. `may_read` has n_points elements. */
void tt_face_of_device(const struct tt_node *node, const bool *may_read, struct tt_now now, const char *language,
                       struct tt_face *ret);

/* A place, or the gateway: "12 devices, 1 error"; dnd when a connection has failed or no device is well. */
struct tt_census {
  size_t devices, errors, connections_down;
};
void tt_census_add(struct tt_census *census, const struct tt_node *node);
void tt_face_of_census(const struct tt_census *census, const char *language, struct tt_face *ret);

enum tt_thing_kind {
  TT_THING_GATEWAY,
  TT_THING_PLACE,
  TT_THING_SENSOR,
  TT_THING_SWITCH,
  TT_THING_LIGHT,
  TT_THING_METER,
  TT_THING_MEDIA,
};
#define TT_THING_KIND_COUNT (TT_THING_MEDIA + 1)
/* By what it measures and what can be set of it; NULL: the gateway. */
enum tt_thing_kind tt_thing_kind(const struct tt_node *node);
const char *tt_thing_kind_name(enum tt_thing_kind kind); /* "sensor": TT_TR() */
