/* SPDX-License-Identifier: Apache-2.0
 * What is there. */
#include "discover.h"

#include <stdio.h>

#define BEFORE_DEADLINE_US (100 * TT_USEC_PER_MSEC)

const char *const mqtt_discovery_filters[MQTT_DISCOVERY_FILTERS] = {"+/" MQTT_EXPOSES_DEVICES,
                                                                    "tasmota/discovery/+/config"};

static void wait(struct mqtt_discovery *discovery, uint64_t now_us)
{
  uint64_t last_us = discovery->deadline_us > BEFORE_DEADLINE_US ? discovery->deadline_us - BEFORE_DEADLINE_US : 0;
  discovery->due_us = now_us + MQTT_DISCOVERY_QUIET_US;
  if (discovery->due_us > last_us)
    discovery->due_us = last_us;
}

void mqtt_discovery_begin(struct mqtt_discovery *discovery, struct tt_bridge *bridge, tt_id request,
                          uint64_t now_us, uint64_t deadline_us)
{
  *discovery = (struct mqtt_discovery){.bridge = bridge, .request = request, .deadline_us = deadline_us};
  wait(discovery, now_us);
}

static void found(void *user, const struct tt_candidate *candidate)
{
  struct mqtt_discovery *discovery = user;
  tt_candidate(discovery->bridge, discovery->request, candidate);
}

void mqtt_discovery_hear(struct mqtt_discovery *discovery, size_t number, struct mqtt_heard *message)
{
  struct json_object *json;
  char base[MQTT_TOPIC_MAX + 1];
  if (!discovery->request)
    return;
  wait(discovery, tt_bridge_now(discovery->bridge).mono_us);
  if (message->payload.full_size > message->payload.size || message->payload.full_size == 0 ||
      mqtt_payload_json(&message->payload, &json) < 0)
    return;
  if (number == 1) {
    mqtt_tasmota_candidate(json, found, discovery);
    return;
  }
  size_t n = message->topic_size - strlen("/" MQTT_EXPOSES_DEVICES);
  snprintf(base, sizeof base, "%.*s", (int)n, message->topic);
  mqtt_exposes_each(json, base, found, discovery);
}
