/* SPDX-License-Identifier: Apache-2.0
 *
 * link_private.h: what link.c (the thread) and link_calls.c (Paho's callbacks, on Paho's threads) share. Callbacks
 * run under Paho's lock; they take ours inside it, so the link thread never calls Paho while it holds `lock`.
 */
#pragma once

#include "link.h"

#include <MQTTAsync.h>
#include <pthread.h>

#define MQTT_SESSION_EXPIRY_S 3600 /* MQTT 5 with clean_session: false */

enum order_kind { ORDER_PUBLISH, ORDER_SUBSCRIBE, ORDER_UNSUBSCRIBE };

struct order {
  struct order *prev, *next;
  enum order_kind kind;
  uint64_t generation;
  tt_id request;
  uint64_t deadline_us;
  int qos;
  bool retain;
  char *topic, *payload; /* both in `data` */
  size_t payload_size;
  char data[];
};

/* What a callback of one Paho call needs. Freed by the callback, or when the client is gone. */
struct mqtt_call {
  struct mqtt_call *prev, *next;
  struct mqtt_link *link;
  tt_id request;
  char **filters; /* of a SUBSCRIBE */
  size_t n_filters;
};

struct mqtt_link {
  /* constant while the thread runs */
  struct tt_bridge *bridge;
  const struct mqtt_connection *options;
  struct mqtt_broker broker;
  tt_post_fn event, message;
  char client_id[160];
  int stop_fd; /* readable when it is time to stop */
  pthread_t thread;
  /* the link thread's own; generation and version change only while there is no client */
  int version;
  uint64_t backoff_us;
  uint64_t generation;
  uint32_t documents; /* of Paho's receiving thread: how many long messages came */
  /* under `lock` */
  pthread_mutex_t lock;
  pthread_cond_t wake;
  struct order *orders;
  size_t n_orders;
  struct mqtt_call *calls;
  bool is_stopping, is_connected, is_ended;
  uint64_t connected_us;
  int code;       /* why an attempt failed: of CONNACK, or Paho's (negative) */
  char lost[256]; /* why a connection ended, when somebody said */
};

void mqtt_link_tell(struct mqtt_link *link, enum mqtt_event_kind kind, tt_id request, int error, const char *text);

/* -ENOMEM; -ETIMEDOUT: the deadline has passed. After mqtt_link_expire() it has, and before that it finds the call. */
int mqtt_call_add(struct mqtt_link *link, tt_id request, uint64_t deadline_us, struct mqtt_call **ret);
int mqtt_call_filters(struct mqtt_call *call, char *const filters[], size_t n); /* copies; -ENOMEM */
void mqtt_call_drop(struct mqtt_link *link, struct mqtt_call *call);            /* NULL is fine */
void mqtt_calls_clear(struct mqtt_link *link);                                  /* there is no client any more */

MQTTAsync_onSuccess mqtt_on_connected, mqtt_on_published, mqtt_on_subscribed;
MQTTAsync_onSuccess5 mqtt_on_connected5, mqtt_on_published5, mqtt_on_subscribed5;
MQTTAsync_onFailure mqtt_on_connect_failed, mqtt_on_publish_failed, mqtt_on_subscribe_failed;
MQTTAsync_onFailure5 mqtt_on_connect_failed5, mqtt_on_publish_failed5, mqtt_on_subscribe_failed5;
MQTTAsync_connectionLost mqtt_on_lost;
MQTTAsync_disconnected mqtt_on_disconnected;
MQTTAsync_messageArrived mqtt_on_message;
