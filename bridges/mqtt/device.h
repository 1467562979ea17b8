/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h: one device of an MQTT connection: which sources carry which points, what its presence is, what it can be
 * asked. It turns messages into reports. Lives in tt_device_state() from attach to detach; loop thread.
 */
#pragma once

#include "describe.h"
#include "index.h"
#include "payload.h"

#define MQTT_NO_ASK UINT16_MAX
#define MQTT_ASK_SHARED_US                                                                                         \
  TT_USEC_PER_SEC /* a question younger than this, still unanswered, serves a further read */

struct mqtt_device_source {
  const struct mqtt_source *source;
  uint16_t *points;
  size_t n;
  bool has_live; /* on this connection; a retained message says nothing new any more */
};

struct mqtt_device_ask {
  const struct mqtt_ask *ask;
  uint64_t sent_us; /* monotonic; 0: not sent, or answered */
};

struct mqtt_device {
  struct mqtt_device *prev, *next; /* of the instance */
  struct tt_device *device;
  const struct tt_device_config *config;
  struct mqtt_device_source *sources;
  size_t n_sources;
  struct mqtt_device_ask *asks;
  size_t n_asks;
  uint16_t *ask_of_point; /* MQTT_NO_ASK: comes by itself only */
  enum tt_link_state *available;
  size_t n_available;
  enum tt_link_state link; /* as told last */
  struct mqtt_describer describer;
};

int mqtt_device_init(struct mqtt_device *d, struct tt_device *device);
void mqtt_device_finish(struct mqtt_device *d);

/* The filters of the device: a receiver number is a source, or n_sources + an availability, or n_sources + n_available + a
 * filter of the describer. */
size_t mqtt_device_filters(const struct mqtt_device *d);
const char *mqtt_device_filter(const struct mqtt_device *d, size_t number, int *ret_qos);

/* Told for every point that a live message carried or should have carried. */
typedef void (*mqtt_heard_fn)(void *user, struct mqtt_device *d, uint16_t point, bool is_present);
struct mqtt_heard {
  const char *topic;
  size_t topic_size;
  struct mqtt_payload payload;
  bool is_retained;
};
/* A message for receiver `number`. true: the device has a filter more than before, its last. */
bool mqtt_device_hear(struct mqtt_device *d, size_t number, struct mqtt_heard *message, mqtt_heard_fn heard,
                      void *user);
/* The broker refuses filter `number`: what it was for says so. */
void mqtt_device_refused(struct mqtt_device *d, size_t number);
/* The connection is gone: nobody knows about the device, and what is retained may be newer than what we have. */
void mqtt_device_lost(struct mqtt_device *d);
/* The topic of the availability that says offline; NULL: the device is not known to be offline. */
const char *mqtt_device_offline(const struct mqtt_device *d);
