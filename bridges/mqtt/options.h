/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h: what is written about MQTT in the configuration, as structs. The tables are in options.c, what they
 * cannot express is looked at in check.c. All of it lives as long as the configuration.
 */
#pragma once

#include "common/pick.h"

#include <thingtree/bridge.h>

struct mqtt_will {
  const char *topic;   /* NULL: none */
  const char *payload; /* NULL: empty */
  bool retain;
  int64_t qos;
};

struct mqtt_connection {
  const char *url, *host;
  int64_t port;
  bool tls; /* with `host`; a url says it by its scheme */
  int64_t version;
  bool allow_311;
  const char *client_id, *user, *password;
  const char *ca, *cert, *key;
  uint64_t keepalive_us, connect_timeout_us;
  bool clean_session;
  int64_t receive_maximum;
  struct mqtt_will will;
};

/* Where the broker is: out of `url`, or `host`, `port` and `tls`. */
#define MQTT_HOST_MAX  255
#define MQTT_SYSTEM_CA "/etc/ssl/certs" /* trusted when no `ca` is given */
struct mqtt_broker {
  char host[MQTT_HOST_MAX + 1];
  uint16_t port;
  bool is_tls;
};
/* Why the options name no broker, or NULL: `*ret` is filled. */
const char *mqtt_broker_problem(const struct mqtt_connection *options, struct mqtt_broker *ret);

enum mqtt_format { MQTT_JSON, MQTT_TEXT };

/* One element of `source:`. */
struct mqtt_source {
  const char *topic;
  int format;       /* enum mqtt_format */
  const char *root; /* JSON pointer to where the `at` of points begin; "" */
  int64_t qos;
};

/* One element of `available:`. */
struct mqtt_available {
  const char *topic, *at, *online, *offline, *otherwise_text;
  bool is_text;
};

/* `ask:`: the message that makes the device tell its values. */
struct mqtt_ask {
  const char *topic;   /* NULL: there is none */
  const char *payload; /* NULL: empty */
  int64_t qos;
  bool start; /* also after connecting */
};

/* `describe:`: how the device says what it is made of. At most one of the first three. */
struct mqtt_describe {
  const char *zigbee2mqtt; /* base topic */
  const char *tasmota;     /* topic of the discovery */
  const char *explore;     /* filter: whatever comes */
  const char *name;        /* of the device, with the first two */
};

struct mqtt_device_options {
  struct mqtt_describe describe;
  struct tt_list available; /* struct mqtt_available */
  struct tt_list source;    /* struct mqtt_source */
  struct mqtt_ask ask;
};

struct mqtt_read_address {
  const char *at;
  struct tt_list source; /* struct mqtt_source; empty: those of the device */
  struct mqtt_ask ask;
  struct tt_pick_shape shape;
};

struct mqtt_write_address {
  const char *topic;
  const char *payload;        /* text with ${value} */
  const struct tt_item *json; /* template; NULL: `payload` */
  bool retain;
  int64_t qos;
};

extern const struct tt_option mqtt_connection_options[], mqtt_device_option_table[], mqtt_read_options[],
    mqtt_write_options[];

/* The sources of a point: its own, else those of the device. */
const struct tt_list *mqtt_point_sources(const struct tt_device_config *device, const struct tt_point *point);
/* Can a message give this point a value? Not when it has no place in JSON: then it is only written. */
bool mqtt_point_is_read(const struct tt_device_config *device, const struct tt_point *point);
/* What to ask for the point's value: its own `ask`, else that of the device when it uses the device's sources;
 * NULL: it comes by itself only. */
const struct mqtt_ask *mqtt_point_ask(const struct tt_device_config *device, const struct tt_point *point);

/* The `check` of the bridge (bridge.h). */
void mqtt_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);
