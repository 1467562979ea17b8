/* SPDX-License-Identifier: Apache-2.0
 *
 * exposes.h: what zigbee2mqtt says of its devices (the retained <base>/bridge/devices): each names its properties with
 * type, unit, limits and access. Pure functions of parsed JSON, which may be hostile.
 */
#pragma once

#include <json-c/json_types.h>
#include <thingtree/host.h>

#define MQTT_EXPOSES_DEVICES   "bridge/devices" /* below the base topic */
#define MQTT_EXPOSES_DEPTH_MAX 6                /* features in features */

/* The description (tt_describe()) of the device with this friendly name or IEEE address, whose topics are below `base`.
 * -ENOENT: it is not in there; -EINVAL: it is, but not described, or no such list; -ENOMEM; -EMSGSIZE */
int mqtt_exposes_describe(struct json_object *devices, const char *base, const char *name, struct tt_buf *out);

/* Each of them as a candidate (host.h): id is the IEEE address; facts are base, name, ieee, model, power_source. */
typedef void (*mqtt_candidate_fn)(void *user, const struct tt_candidate *candidate);
void mqtt_exposes_each(struct json_object *devices, const char *base, mqtt_candidate_fn fn, void *user);
