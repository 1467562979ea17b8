/* SPDX-License-Identifier: Apache-2.0
 * The client of a device's event stream: connects for ever, with back-off, and goes on where it was (Last-Event-ID). */
#include "common/clock.h"
#include "http.h"
#include "sse.h"

#include <stdio.h>
#include <strings.h>
#include <systemd/sd-event.h>

#define RETRY_MOST_US (60 * TT_USEC_PER_SEC)

struct http_stream {
  struct http_device *device;
  struct http_request request;
  struct tt_fetch_job *job;
  struct sd_event_source *timer;
  struct http_sse reader; /* of the connection that is */
  char id[HTTP_SSE_ID_MAX + 1];
  uint64_t retry_us;
  unsigned failures; /* in a row */
  bool is_open;      /* the stream has begun */
  bool is_wrong;     /* what came is no event stream */
};

static void again(struct http_stream *s, bool is_failed);

static void on_event(void *user, const struct http_sse_event *event)
{
  struct http_stream *s = user;
  http_device_pushed(s->device, event->name, event->data, event->size);
}

static bool on_chunk(void *user, struct tt_fetch_job *job, const char *data, size_t n)
{
  struct http_stream *s = user;
  if (!s->is_open) {
    const char *type = tt_fetch_header(job, "Content-Type");
    s->is_wrong = !type || strncasecmp(type, "text/event-stream", 17) != 0;
    if (s->is_wrong)
      return false;
    s->is_open = true;
    s->failures = 0;
    http_link_up(s->device);
  }
  return http_sse_feed(&s->reader, data, n, on_event, s) == 0;
}

static void on_end(void *user, const struct tt_fetch_answer *answer)
{
  struct http_stream *s = user;
  bool was_open = s->is_open;
  char text[100];
  s->job = NULL;
  memcpy(s->id, s->reader.id, sizeof s->id);
  s->retry_us = s->reader.retry_us ? s->reader.retry_us : s->retry_us;
  if (answer->status == 204) {
    tt_bridge_log(s->device->http->bridge, TT_LOG_INFO, "%s: the device wants no reader of its event stream",
                  tt_device_config(s->device->device)->key);
    return;
  }
  if (s->is_wrong || (answer->error == 0 && answer->status / 100 != 2)) {
    snprintf(text, sizeof text, "the event stream is answered with %d%s", answer->status,
             s->is_wrong ? ", and is none" : "");
    http_link_silent(s->device, text);
  } else if (answer->error == -ECANCELED) {
    http_link_silent(s->device, "an event is too large");
  } else if (answer->error < 0 && !was_open) {
    http_link_failed(s->device, answer);
  }
  again(s, !was_open);
}

static int connect_now(struct http_stream *s)
{
  struct http_device *d = s->device;
  struct tt_fetch_request request = {.method = "GET",
                                     .url = s->request.url,
                                     .connect_us = d->http->options->connect_timeout_us,
                                     .idle_us = d->options->events.idle_us,
                                     .done = on_end,
                                     .chunk = on_chunk,
                                     .user = s};
  char id[HTTP_SSE_ID_MAX + 20];
  TT_AUTOFREE const char **headers = calloc(d->n_headers + 3, sizeof *headers);
  if (!headers)
    return -ENOMEM;
  memcpy(headers, d->headers ? d->headers : headers, d->n_headers * sizeof *headers);
  request.n_headers = d->n_headers;
  headers[request.n_headers++] = "Accept: text/event-stream";
  headers[request.n_headers++] = "Cache-Control: no-store";
  if (*s->id) {
    snprintf(id, sizeof id, "Last-Event-ID: %s", s->id);
    headers[request.n_headers++] = id;
  }
  request.headers = headers;
  http_device_prepare(d, &request);
  http_sse_finish(&s->reader);
  http_sse_init(&s->reader);
  memcpy(s->reader.id, s->id, sizeof s->id);
  memcpy(s->reader.next_id, s->id, sizeof s->id);
  s->is_open = s->is_wrong = false;
  return tt_fetch_start(d->http->streams, &request, &s->job);
}

/* Not all at once after a power cut: up to half as long again. */
static void again(struct http_stream *s, bool is_failed)
{
  uint64_t wait = s->retry_us;
  s->failures += is_failed;
  for (unsigned i = 1; i < s->failures && wait < RETRY_MOST_US; i++)
    wait *= 2;
  wait = wait > RETRY_MOST_US && s->retry_us < RETRY_MOST_US ? RETRY_MOST_US : wait;
  sd_event_source_set_time(s->timer, tt_clock_us() + wait + tt_random_below(wait / 2 + 1));
  sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  struct http_stream *s = user;
  if (connect_now(s) < 0)
    again(s, true);
  return 0;
}

int http_stream_create(struct http_device *d, struct http_stream **ret)
{
  struct http_message message = {.get = d->options->events.get};
  struct http_stream *s = calloc(1, sizeof *s);
  if (!s)
    return -ENOMEM;
  s->device = d;
  s->retry_us = d->options->events.retry_us;
  http_sse_init(&s->reader);
  int r = http_compose(d->options->base, &message, NULL, &s->request);
  if (r >= 0)
    r = sd_event_add_time(tt_bridge_event(d->http->bridge), &s->timer, CLOCK_MONOTONIC, 0, 1, on_timer, s);
  if (r < 0) {
    http_stream_destroy(s);
    return r;
  }
  *ret = s;
  return 0;
}

void http_stream_destroy(struct http_stream *s)
{
  if (!s)
    return;
  tt_fetch_cancel(s->job);
  sd_event_source_disable_unref(s->timer);
  http_sse_finish(&s->reader);
  http_request_finish(&s->request);
  free(s);
}
