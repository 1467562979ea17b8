/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h: one instance of the HTTP bridge, and what its parts tell each other. Loop thread.
 */
#pragma once

#include "device.h"

struct sd_event_source;
struct http_hook;
struct http_call;
struct http_discovery;

struct http {
  struct tt_bridge *bridge;
  const struct http_connection *options;
  /* Each with connections of its own: a command does not wait behind questions that hang, nor these behind a stream. */
  struct tt_fetch *questions, *commands, *streams;
  struct http_device *devices;
  uint64_t n_called;                /* so many have come */
  struct http_call *calls;          /* requests of the host that are open */
  struct sd_event_source *timer;    /* for the call that is due first */
  struct http_hook *hook;           /* NULL: nothing listens */
  struct http_discovery *discovery; /* NULL: none is under way */
};

/* ---- call.c: requests of the host ---------------------------------------------------------------------- */
int http_calls_init(struct http *http);
void http_calls_finish(struct http *http);
void http_call_read(struct http *http, tt_id id, struct http_device *d, const uint16_t points[], size_t n,
                    uint64_t deadline_us);
void http_call_write(struct http *http, tt_id id, struct http_device *d, uint16_t point,
                     const struct tt_value *value, uint64_t deadline_us);
/* End those of one device, or all (NULL), with -ECANCELED. */
void http_calls_cancel(struct http *http, const struct http_device *d);

/* ---- link.c: who is there -------------------------------------------------------------------------------- */
/* The device has answered something over HTTP. */
void http_link_up(struct http_device *d);
/* It could not be reached at all. */
void http_link_down(struct http_device *d, const char *text);
/* It was reached and did not answer (in time, or not in HTTP). */
void http_link_silent(struct http_device *d, const char *text);
/* A failed answer of fetch, as one of the two. */
void http_link_failed(struct http_device *d, const struct tt_fetch_answer *answer);

/* ---- stream.c: Server-Sent Events ------------------------------------------------------------------------- */
int http_stream_create(struct http_device *d, struct http_stream **ret);
void http_stream_destroy(struct http_stream *stream); /* NULL is fine */

/* ---- hook.c: the listener ---------------------------------------------------------------------------------- */
/* -errno when it cannot listen. */
int http_hook_create(struct http *http, struct http_hook **ret);
void http_hook_destroy(struct http_hook *hook); /* NULL is fine */
