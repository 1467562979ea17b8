/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h: the connection to one broker, on a thread of its own: the only place that calls Paho. Paho's calls take a
 * lock that it also holds while it looks up names, and taking a client down can sleep for seconds; so none is made
 * from the loop. The loop gives orders by the functions below, which only append to a queue; news comes back
 * through tt_post().
 *
 * Every attempt to connect has a fresh Paho client: nothing that was ordered for one connection can be sent on the
 * next. An order names the generation of the connection it is meant for; for any other it fails.
 */
#pragma once

#include "options.h"

#define MQTT_ORDERS_MAX     8192 /* orders waiting for the link thread */
#define MQTT_INFLIGHT_MAX   100  /* unacknowledged publishes; further ones wait inside their deadline */
#define MQTT_DOCUMENT_MAX   (2u * 1024 * 1024) /* bytes of a document; other payloads: TT_PICK_SIZE_MAX */
#define MQTT_PART_MAX       (128u * 1024)
#define MQTT_SUBSCRIBE_MAX  50 /* filters in one SUBSCRIBE */
#define MQTT_BACKOFF_MIN_US (1 * TT_USEC_PER_SEC)
#define MQTT_BACKOFF_MAX_US (60 * TT_USEC_PER_SEC)
#define MQTT_STABLE_US      (10 * TT_USEC_PER_SEC) /* a connection that lived so long resets the back-off */

enum mqtt_event_kind {
  MQTT_CONNECTED, /* `generation` is valid for orders from now on */
  MQTT_OFFLINE,   /* the connection, or an attempt at one, ended; `text` says why */
  MQTT_PUBLISHED, /* the order `request` is done, with `error` and `text` */
  MQTT_REFUSED,   /* the broker refuses the filter `text` */
  MQTT_STOPPED,   /* the thread ends: call mqtt_link_destroy() */
};

struct mqtt_event {
  enum mqtt_event_kind kind;
  int error;
  uint64_t generation;
  tt_id request;
  char text[512];
};

/* A message as posted: this head, the topic, the payload. */
struct mqtt_message {
  uint32_t topic_size, payload_size;
  uint32_t full_size; /* of the payload as it came; above the limit it is left out */
  uint32_t offset;    /* a document (describe.h) comes in parts, one after the other, with one number */
  uint32_t document;  /* the number; 0: whole, or left out */
  bool is_retained;
};

struct mqtt_order {
  const char *topic, *payload;
  size_t payload_size;
  int qos;
  bool retain;
  tt_id request;        /* 0: nobody waits for it */
  uint64_t deadline_us; /* monotonic; not sent after it */
};

struct mqtt_link;

/* Starts the thread, which connects at once. `event` gets struct mqtt_event, `message` struct mqtt_message. */
int mqtt_link_create(struct tt_bridge *bridge, const struct mqtt_connection *options,
                     const struct mqtt_broker *broker, tt_post_fn event, tt_post_fn message,
                     struct mqtt_link **ret_link);
/* -ENOMEM; -ENOBUFS. MQTT_PUBLISHED follows when this succeeds and a request is named. */
int mqtt_link_publish(struct mqtt_link *link, uint64_t generation, const struct mqtt_order *order);
int mqtt_link_subscribe(struct mqtt_link *link, uint64_t generation, const char *filter, int qos);
int mqtt_link_unsubscribe(struct mqtt_link *link, uint64_t generation, const char *filter);
/* End this connection; reconnects after the back-off. */
void mqtt_link_drop(struct mqtt_link *link, uint64_t generation);
/* The time of this publish is over: what still waits here is taken back; when the broker has been given it and does not
 * acknowledge, the connection is ended, so that nothing is sent again on the next one. What the kernel has already taken
 * may still arrive when the network heals. */
void mqtt_link_expire(struct mqtt_link *link, uint64_t generation, tt_id request);
/* Returns at once; MQTT_STOPPED follows. */
void mqtt_link_stop(struct mqtt_link *link);
/* After MQTT_STOPPED only. Waits for the thread's last instructions. NULL is fine. */
void mqtt_link_destroy(struct mqtt_link *link);

/* What a CONNACK code means, for people; NULL for codes that are not the broker's. */
const char *mqtt_connack_text(int code, int version);
/* The next waiting time: doubled up to the maximum. */
uint64_t mqtt_backoff_next(uint64_t us);
