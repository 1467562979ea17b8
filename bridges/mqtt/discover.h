/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.h: devices behind a broker that say that they are there: zigbee2mqtt's and Tasmota's, which keep it as
 * retained messages. Part of an instance; loop thread.
 */
#pragma once

#include "device.h"

#define MQTT_DISCOVERY_FILTERS 2
#define MQTT_DISCOVERY_QUIET_US                                                                                    \
  (2 * TT_USEC_PER_SEC) /* what is retained comes at once; after so much silence it has come */

extern const char *const mqtt_discovery_filters[MQTT_DISCOVERY_FILTERS];

struct mqtt_discovery {
  struct tt_bridge *bridge;
  tt_id request; /* 0: none is under way */
  uint64_t due_us, deadline_us;
};

void mqtt_discovery_begin(struct mqtt_discovery *discovery, struct tt_bridge *bridge, tt_id request,
                          uint64_t now_us, uint64_t deadline_us);
/* A message for filter `number`. */
void mqtt_discovery_hear(struct mqtt_discovery *discovery, size_t number, struct mqtt_heard *message);
