/* SPDX-License-Identifier: Apache-2.0
 *
 * device.h: one device of an HTTP connection: its resources (what several points ask for is asked for once), what it
 * said last, and how its answers become reports. Lives in tt_device_state() from attach to detach; loop thread.
 */
#pragma once

#include "answer.h"
#include "compose.h"
#include "seen.h"

struct http;
struct http_device;
struct http_stream;

#define HTTP_NO_RESOURCE UINT16_MAX
#define HTTP_TAG_MAX     256 /* bytes of an ETag or Last-Modified; a longer one is not used */

struct http_known {
  struct tt_value value;
  uint64_t stamp_us; /* 0: the device did not say */
  bool was_there;    /* in any answer so far */
};

/* One request that some points share. */
struct http_resource {
  struct http_device *device;
  struct http_request request;
  uint16_t *points;
  size_t n;
  struct http_known *known; /* per point: what the last complete answer said; to be confirmed by 304 */
  bool is_known;            /* all of it is, and the tags below belong to it */
  char etag[HTTP_TAG_MAX], modified[HTTP_TAG_MAX];
  struct tt_fetch_job *job; /* NULL: none is under way */
  uint64_t begun_us;        /* monotonic */
  uint64_t not_before_us;   /* the server has asked to be left alone until then */
};

/* So many in a span of time. */
struct http_meter {
  uint64_t begun_us; /* monotonic */
  int64_t n;
};

struct http_device {
  struct http_device *prev, *next; /* of the instance */
  struct http *http;
  struct tt_device *device;
  const struct tt_device_config *config;
  const struct http_device_options *options;
  char *origin;         /* scheme://host:port for people */
  const char **headers; /* "Name: value", of the options */
  size_t n_headers;
  struct http_resource *resources;
  size_t n_resources;
  uint16_t *resource_of_point; /* HTTP_NO_RESOURCE: it is only pushed, or only written */
  uint64_t written_us;         /* monotonic, when the last command had ended: older questions do not count */
  unsigned silent;             /* requests without an answer, in a row */
  bool is_reachable;           /* the last request came to something */
  struct http_stream *stream;
  struct http_meter pushes; /* taken in this minute */
  struct http_seen seen;    /* signed pushes that were taken */
};

int http_device_init(struct http_device *d, struct http *http, struct tt_device *device);
void http_device_finish(struct http_device *d);

/* What every request of the device has: login, TLS, redirects. Headers are the caller's. */
void http_device_prepare(const struct http_device *d, struct tt_fetch_request *request);

/* Somebody is looking: what came, and how long it took. */
void http_device_probe(const struct http_resource *resource, const struct tt_fetch_answer *answer);
/* A complete answer, 2xx, of a resource: reports. Remembers what it said when `tags` are given. */
void http_device_hear(struct http_resource *resource, const char *body, size_t size, const char *etag,
                      const char *modified);
/* 304: what it said last is true still. */
void http_device_confirm(struct http_resource *resource);
/* The resource cannot be read: all of its points. */
void http_device_fail(struct http_resource *resource, const char *format, ...) TT_PRINTF(2, 3);
/* Something was pushed: a webhook's JSON (event NULL) or an event. */
void http_device_pushed(struct http_device *d, const char *event, const char *json, size_t size);
