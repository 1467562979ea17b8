/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h: what is written about HTTP in the configuration, as structs. The tables are in options.c, what they cannot
 * express is looked at in check.c. All of it lives as long as the configuration.
 */
#pragma once

#include "common/fetch.h"
#include "common/pick.h"
#include "common/pick_csv.h"

#include <thingtree/bridge.h>

/* Where pushes come in. */
struct http_listen {
  const char *address; /* NULL: nowhere */
  int64_t port;
  const char *cert, *key; /* NULL: no TLS; NULL: in cert */
  int64_t max_body, rate, connections;
};

/* Who is asked what they are. */
struct http_discover {
  struct tt_texts hosts; /* hosts.h */
};

struct http_connection {
  int64_t connections, connections_per_host;
  uint64_t connect_timeout_us;
  struct http_listen listen;
  struct http_discover discover;
};

/* `events:` of a device: a stream of Server-Sent Events. */
struct http_events {
  const char *get; /* NULL: none */
  uint64_t idle_us, retry_us;
};

enum http_stamp_unit { HTTP_STAMP_ISO, HTTP_STAMP_S, HTTP_STAMP_MS };

/* `time:` where something says when it was measured, or sent. */
struct http_stamp_place {
  const char *at; /* NULL: nowhere */
  int unit;       /* enum http_stamp_unit */
};

/* `webhook:` of a device. */
struct http_webhook {
  const char *path; /* NULL: none */
  int method;       /* enum http_hook_method */
  const char *token, *hmac;
  int scheme;                   /* enum http_hook_scheme */
  const char *signature;        /* name of the header; NULL: that of the scheme */
  struct http_stamp_place time; /* in a signed body: when it was sent */
  uint64_t tolerance_us;        /* that a signed push may be older, or from the future */
  int64_t rate;                 /* accepted per minute */
};
/* What is signed, and how it is written. */
enum http_hook_scheme { HTTP_HOOK_BODY, HTTP_HOOK_STRIPE, HTTP_HOOK_STANDARD };
enum http_hook_method { HTTP_HOOK_POST, HTTP_HOOK_PUT, HTTP_HOOK_GET };

struct http_device_options {
  const char *base;
  int auth; /* enum tt_fetch_auth */
  const char *user, *password, *token;
  const char *ca, *cert, *key;
  const struct tt_item *headers; /* map of texts */
  int64_t redirects;
  struct http_events events;
  struct http_webhook webhook;
};

enum http_format { HTTP_JSON, HTTP_XML, HTTP_TEXT, HTTP_CSV };

/* What is sent: one of the methods with its path, and a body of one kind. */
struct http_message {
  const char *get, *post, *put, *delete;
  const struct tt_item *query, *form; /* maps of scalars and lists of scalars */
  const struct tt_item *json;         /* anything */
  const char *text;
};

/* `push:` of a point: where its value is in a webhook's body or in the data of an event. */
struct http_push {
  const char *at;
  const char *event; /* of events: only these; NULL: all */
};

struct http_read_address {
  struct http_message message; /* get or post */
  int format;                  /* enum http_format */
  const char *at;
  const struct tt_item *namespaces;
  struct tt_pick_csv csv;
  struct tt_pick_shape shape;
  struct http_stamp_place time;
  struct http_push push;
};

/* `answer:` what a device must say for a command to count. ${value} as it would be read. */
struct http_expect {
  const char *at, *is; /* NULL: any answer will do */
};

struct http_write_address {
  struct http_message message;
  const struct tt_item *words; /* map of what is read to what is written; NULL: the same */
  struct http_expect answer;
};

extern const struct tt_option http_connection_table[], http_device_table[], http_read_table[], http_write_table[];

/* The method and path of a message. NULL: it has none, or (check) several. */
const char *http_message_method(const struct http_message *message, const char **ret_path);
/* Is the point asked for, by a request? */
bool http_point_is_asked(const struct tt_point *point);
/* Can the point's value be pushed? */
bool http_point_is_pushed(const struct tt_point *point);

/* ops->check. */
void http_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);
