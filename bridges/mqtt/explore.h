/* SPDX-License-Identifier: Apache-2.0
 *
 * explore.h: points out of whatever comes below a topic: each topic whose payload is plain text, each place in the JSON
 * of the others. It only grows, within limits, and begins with the points that the device has. Pure.
 */
#pragma once

#include "payload.h"

#define MQTT_EXPLORE_TOPICS_MAX 200
#define MQTT_EXPLORE_LEAVES_MAX 400
#define MQTT_EXPLORE_PATH_MAX   200 /* bytes of a topic, and of a place in it */
#define MQTT_EXPLORE_DEPTH_MAX  6   /* objects in objects */
#define MQTT_EXPLORE_LIST_MAX   16  /* elements of one list that are looked at */
#define MQTT_EXPLORE_TEXT_MAX   256
#define MQTT_EXPLORE_EVERY_US   (5 * TT_USEC_PER_SEC) /* a device is described again no sooner than this */
#define MQTT_EXPLORE_FIRST_US   (1 * TT_USEC_PER_SEC) /* what is retained comes at once: it is waited for */

struct mqtt_explorer;

/* `filter` is what is subscribed to; names begin behind the part of it without wildcards. -ENOMEM */
int mqtt_explorer_create(const char *filter, const struct tt_device_config *config, struct mqtt_explorer **ret);
void mqtt_explorer_destroy(struct mqtt_explorer *explorer); /* NULL is fine */
/* A message. true: there is something new to describe. */
bool mqtt_explorer_hear(struct mqtt_explorer *explorer, const char *topic, size_t n, struct mqtt_payload *payload);
int mqtt_explorer_describe(const struct mqtt_explorer *explorer, struct tt_buf *out);
