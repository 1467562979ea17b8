/* SPDX-License-Identifier: Apache-2.0
 *
 * sse.h: the event stream of Server-Sent Events (WHATWG HTML, section 9.2.6), byte by byte as it comes. Pure; every
 * byte may be hostile. One reader per connection; what must outlive one (id, retry) the owner copies.
 */
#pragma once

#include <thingtree/util.h>

#define HTTP_SSE_LINE_MAX (64u * 1024) /* bytes of a line */
#define HTTP_SSE_DATA_MAX (64u * 1024) /* of the data of one event */
#define HTTP_SSE_NAME_MAX 64u          /* of its name; longer ones are no name that is asked for */
#define HTTP_SSE_ID_MAX   512u         /* of an id; longer ones are not kept */

struct http_sse_event {
  const char *name; /* "message" when the stream names none */
  const char *data;
  size_t size;
};

struct http_sse {
  struct tt_buf line, data;
  char name[HTTP_SSE_NAME_MAX + 1], id[HTTP_SSE_ID_MAX + 1], next_id[HTTP_SSE_ID_MAX + 1];
  uint64_t retry_us; /* 0: the stream has not said */
  size_t n_seen;     /* bytes of the byte order mark that have come */
  bool is_begun, has_cr, has_data;
};

void http_sse_init(struct http_sse *sse);
void http_sse_finish(struct http_sse *sse);
/* -EMSGSIZE: a line or an event is too large, -ENOMEM: out of memory; then the connection is to be given up. `event` may
 * not call back into the reader. */
int http_sse_feed(struct http_sse *sse, const char *data, size_t n,
                  void (*event)(void *user, const struct http_sse_event *event), void *user);
