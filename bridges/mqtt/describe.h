/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.h: `describe:` of a device: listens to where the device says what it is made of, and tells the host
 * (tt_describe()). Which says it, and how it is read, is in exposes.h, tasmota.h and explore.h. Part of a device; loop
 * thread.
 */
#pragma once

#include "explore.h"
#include "tasmota.h"
#include "topic.h"

#define MQTT_DESCRIBE_FILTERS 2
/* What says what a device has is retained: when it has not come by then, somebody has mistyped something. */
#define MQTT_DESCRIBE_PATIENCE_US (3 * TT_USEC_PER_SEC)

/* Which devices of an instance have been described out of the list that all share. A device that is attached again, with
 * the points of its description, need not ask the broker for the list once more: each would bring it to all. */
struct mqtt_told;
void mqtt_told_destroy(struct mqtt_told *told); /* all of them; NULL is fine */

struct mqtt_describer {
  struct mqtt_told **told; /* of the instance; NULL: not remembered */
  struct tt_device *device;
  const struct mqtt_describe *options; /* NULL: the device does not describe itself */
  char filters[MQTT_DESCRIBE_FILTERS][MQTT_TOPIC_MAX + 1];
  size_t n;
  bool is_lacking; /* told that nothing says what it has */
  bool has_failed; /* the last that came could not be used, which was logged */
  char mac[MQTT_TASMOTA_MAC_MAX];
  struct json_object *config, *sensors; /* of Tasmota */
  struct mqtt_explorer *explorer;
  uint64_t due_us;    /* monotonic: when what was found is to be told; 0: nothing was */
  uint64_t silent_us; /* monotonic: when it is to be told that nothing came; 0: not */
};

int mqtt_describer_init(struct mqtt_describer *describer, struct tt_device *device);
void mqtt_describer_finish(struct mqtt_describer *describer);
/* A message for filter `number`. true: there is a filter more than before, to be subscribed to. */
bool mqtt_describer_hear(struct mqtt_describer *describer, size_t number, const char *topic, size_t n,
                         struct mqtt_payload *payload);
/* Is the subscription for its filters unnecessary when somebody else has them already? */
bool mqtt_describer_is_told(const struct mqtt_describer *describer);
/* due_us is over. */
void mqtt_describer_tell(struct mqtt_describer *describer);
/* It is subscribed to, from now on; nothing is expected where the device has points. */
void mqtt_describer_expect(struct mqtt_describer *describer, uint64_t now_us);
/* silent_us is over. */
void mqtt_describer_miss(struct mqtt_describer *describer);
/* Is this a topic whose messages may be as long as MQTT_DOCUMENT_MAX? Any thread. */
bool mqtt_is_document(const char *topic, size_t n);
