/* SPDX-License-Identifier: Apache-2.0
 *
 * tasmota.h: what Tasmota devices say of themselves (retained below tasmota/discovery/<MAC>): their topics, relays and
 * lights in `config`, their sensors in `sensors`. Pure functions of parsed JSON, which may be hostile.
 */
#pragma once

#include "exposes.h"

#define MQTT_TASMOTA_DEPTH_MAX  4 /* sensors in sensors */
#define MQTT_TASMOTA_RELAYS_MAX 32
#define MQTT_TASMOTA_MAC_MAX    32

/* Is it the `config` of the device with this topic or MAC? Then `ret_mac` names it. */
bool mqtt_tasmota_is(struct json_object *config, const char *name, char ret_mac[static MQTT_TASMOTA_MAC_MAX]);
/* The description (tt_describe()). `sensors` may be NULL: not known yet. -EINVAL: that is no such configuration; -ENOMEM;
 * -EMSGSIZE */
int mqtt_tasmota_describe(struct json_object *config, struct json_object *sensors, struct tt_buf *out);
/* As a candidate: id is the MAC; facts are topic, tele, stat, cmnd (without a slash at the end), mac, name, model, ip. */
void mqtt_tasmota_candidate(struct json_object *config, mqtt_candidate_fn fn, void *user);
