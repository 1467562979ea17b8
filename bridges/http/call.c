/* SPDX-License-Identifier: Apache-2.0
 * Requests of the host: a read waits for the resources of its points, a write for its one answer. All are in one list
 * with one timer for the one that is due first. */
#include "common/clock.h"
#include "http.h"
#include "stamp.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <utlist.h>

#define BUSY_WAIT_US (10 * TT_USEC_PER_SEC) /* after 429 without Retry-After */

struct http_call {
  struct http_call *prev, *next;
  tt_id id;
  uint64_t number; /* rises */
  struct http_device *device;
  uint64_t deadline_us, due_us;
  bool is_write;
  bool is_decided; /* `error` and `text` are told when due, which is the next turn */
  bool has_answer; /* of one resource, at least */
  int error;
  char text[600];
  struct tt_fetch_job *job; /* of a write */
  uint16_t point;           /* likewise */
  struct tt_value value;    /* likewise: as it would be read */
  size_t n_waits;
  bool waits[]; /* of a read: for which resource of the device */
};

/* ---- The list ------------------------------------------------------------------------------------------ */
static void arm(struct http *http)
{
  uint64_t due = TT_NEVER;
  struct http_call *call;
  DL_FOREACH(http->calls, call) {
    due = call->due_us < due ? call->due_us : due;
  }
  sd_event_source_set_time(http->timer, due);
  sd_event_source_set_enabled(http->timer, due == TT_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static struct http_call *call_add(struct http *http, tt_id id, struct http_device *d, uint64_t deadline_us)
{
  struct http_call *call = calloc(1, sizeof *call + d->n_resources * sizeof *call->waits);
  if (!call)
    return NULL;
  call->id = id;
  call->number = ++http->n_called;
  call->device = d;
  call->deadline_us = call->due_us = deadline_us;
  DL_APPEND(http->calls, call);
  return call;
}

static void finish(struct http *http, struct http_call *call, int error, const char *text)
{
  DL_DELETE(http->calls, call);
  if (call->is_write && call->job)
    tt_fetch_cancel(call->job);
  if (call->is_write)
    call->device->written_us = tt_clock_us();
  if (text && *text)
    tt_done(http->bridge, call->id, error, "%s", text);
  else
    tt_done(http->bridge, call->id, error, NULL);
  tt_value_finish(&call->value);
  free(call);
}

/* bridge.h: never from within the call that brought the request. */
TT_PRINTF(4, 5)
static void finish_later(struct http *http, struct http_call *call, int error, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  vsnprintf(call->text, sizeof call->text, format, ap);
  va_end(ap);
  call->is_decided = true;
  call->error = error;
  call->due_us = 0;
  arm(http);
}

static bool is_waited_for(const struct http *http, const struct http_resource *resource)
{
  const struct http_call *call;
  size_t i = (size_t)(resource - resource->device->resources);
  DL_FOREACH(http->calls, call) {
    if (call->device == resource->device && !call->is_write && !call->is_decided && call->waits[i])
      return true;
  }
  return false;
}

/* Questions that nobody waits for any more are not asked to the end. */
static void drop_unwanted(struct http *http, struct http_device *d)
{
  for (size_t i = 0; i < d->n_resources; i++)
    if (d->resources[i].job && !is_waited_for(http, &d->resources[i])) {
      tt_fetch_cancel(d->resources[i].job);
      d->resources[i].job = NULL;
    }
}

void http_calls_cancel(struct http *http, const struct http_device *d)
{
  struct http_call *call, *next;
  DL_FOREACH_SAFE(http->calls, call, next)
  {
    if (!d || call->device == d)
      finish(http, call, -ECANCELED, d ? "the device was removed" : "the gateway stops");
  }
  arm(http);
}

/* ---- Reads --------------------------------------------------------------------------------------------- */
static const char *status_text(int status)
{
  static const struct {
    int status;
    const char *text;
  } rows[] = {{400, "bad request"},         {401, "login not accepted"}, {403, "forbidden"},
              {404, "not found"},           {405, "method not allowed"}, {429, "too many requests"},
              {500, "error in the server"}, {502, "bad gateway"},        {503, "service unavailable"},
              {504, "gateway timeout"}};
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (rows[i].status == status)
      return rows[i].text;
  return status / 100 == 3   ? "redirect, not followed"
         : status / 100 == 2 ? ""
                             : "not the answer that was asked for";
}

/* Every read that waits for the resource has its answer, good or not; those that have all are done. Not those that come
 * because of that. */
static void settle_reads(struct http_resource *resource, int error, const char *text)
{
  struct http *http = resource->device->http;
  size_t i = (size_t)(resource - resource->device->resources);
  uint64_t last = http->n_called;
  struct http_call *call, *next;
  DL_FOREACH_SAFE(http->calls, call, next)
  {
    if (call->number > last || call->device != resource->device || call->is_write || call->is_decided ||
        !call->waits[i])
      continue;
    call->waits[i] = false;
    call->n_waits--;
    call->has_answer = call->has_answer || error == 0;
    if (error < 0) {
      call->error = error;
      snprintf(call->text, sizeof call->text, "%s", text);
    }
    if (call->n_waits == 0)
      finish(http, call, call->has_answer ? 0 : call->error, call->has_answer ? NULL : call->text);
  }
  arm(http);
}

/* The server has had enough: it is left alone for as long as it says. */
static void on_busy(struct http_resource *resource, const struct tt_fetch_answer *answer)
{
  struct http *http = resource->device->http;
  const char *header = tt_fetch_header(answer->job, "Retry-After");
  uint64_t wait_us = 0;
  if (!header || http_retry_after_parse(header, tt_bridge_now(http->bridge).wall_us, &wait_us) < 0)
    wait_us = answer->status == 429 ? BUSY_WAIT_US : 0;
  resource->not_before_us = tt_clock_us() + wait_us;
  if (wait_us)
    http_device_fail(resource, "%d %s; asked again in %llu s", answer->status, status_text(answer->status),
                     (unsigned long long)(wait_us / TT_USEC_PER_SEC));
  else
    http_device_fail(resource, "%d %s", answer->status, status_text(answer->status));
}

static const char *tag(struct tt_fetch_job *job, const char *name)
{
  const char *value = tt_fetch_header(job, name);
  return value && *value && strlen(value) < HTTP_TAG_MAX ? value : NULL;
}

static void on_answer(void *user, const struct tt_fetch_answer *answer)
{
  struct http_resource *resource = user;
  resource->job = NULL;
  if (answer->error < 0) {
    char text[400];
    struct http_device *d = resource->device;
    snprintf(text, sizeof text, "%s: %s", d->origin ? d->origin : resource->request.method, answer->text);
    http_link_failed(d, answer);
    if (answer->status > 0 || d->n_resources > 1)
      http_device_fail(resource, "%s", answer->text);
    settle_reads(resource, answer->status > 0 ? 0 : answer->error, text);
    return;
  }
  http_link_up(resource->device);
  if (tt_is_probing(resource->device->device))
    http_device_probe(resource, answer);
  if (answer->status == 304 && resource->is_known) {
    http_device_confirm(resource);
  } else if (answer->status / 100 == 2) {
    char etag[HTTP_TAG_MAX] = "";
    const char *value = tag(answer->job, "ETag"), *modified;
    snprintf(etag, sizeof etag, "%s", value ? value : ""); /* the next look at a header ends this one */
    modified = tag(answer->job, "Last-Modified");
    http_device_hear(resource, answer->body, answer->size, *etag ? etag : NULL, modified);
  } else if (answer->status == 429 || answer->status == 503) {
    on_busy(resource, answer);
  } else {
    http_device_fail(resource, "%d %s", answer->status, status_text(answer->status));
  }
  settle_reads(resource, 0, "");
}

static int ask(struct http_resource *resource)
{
  struct http_device *d = resource->device;
  struct tt_fetch_request request = {.method = resource->request.method,
                                     .url = resource->request.url,
                                     .body = resource->request.body,
                                     .body_size = resource->request.body_size,
                                     .connect_us = d->http->options->connect_timeout_us,
                                     .done = on_answer,
                                     .user = resource};
  char type[100], etag[HTTP_TAG_MAX + 20], modified[HTTP_TAG_MAX + 24];
  TT_AUTOFREE const char **headers = calloc(d->n_headers + 3, sizeof *headers);
  if (!headers)
    return -ENOMEM;
  memcpy(headers, d->headers ? d->headers : headers, d->n_headers * sizeof *headers);
  request.n_headers = d->n_headers;
  if (resource->request.content_type) {
    snprintf(type, sizeof type, "Content-Type: %s", resource->request.content_type);
    headers[request.n_headers++] = type;
  }
  if (resource->is_known && *resource->etag) {
    snprintf(etag, sizeof etag, "If-None-Match: %s", resource->etag);
    headers[request.n_headers++] = etag;
  }
  if (resource->is_known && *resource->modified) {
    snprintf(modified, sizeof modified, "If-Modified-Since: %s", resource->modified);
    headers[request.n_headers++] = modified;
  }
  request.headers = headers;
  http_device_prepare(d, &request);
  resource->begun_us = tt_clock_us();
  return tt_fetch_start(d->http->questions, &request, &resource->job);
}

/* Does the resource have to be waited for? -errno when it cannot be asked. */
static int need(struct http_resource *resource)
{
  uint64_t now = tt_clock_us();
  if (now < resource->not_before_us) {
    http_device_fail(resource, "the server wants to be left alone for another %llu s",
                     (unsigned long long)((resource->not_before_us - now) / TT_USEC_PER_SEC + 1));
    return 0;
  }
  /* A question that is older than the last command may be answered with what was before it. */
  if (resource->job && resource->begun_us <= resource->device->written_us) {
    tt_fetch_cancel(resource->job);
    resource->job = NULL;
  }
  int r = resource->job ? 0 : ask(resource);
  return r < 0 ? r : 1;
}

void http_call_read(struct http *http, tt_id id, struct http_device *d, const uint16_t points[], size_t n,
                    uint64_t deadline_us)
{
  struct http_call *call = call_add(http, id, d, deadline_us);
  int r = 0;
  if (!call) {
    tt_done(http->bridge, id, -ENOMEM, NULL);
    return;
  }
  if (tt_clock_us() >= deadline_us) {
    finish_later(http, call, -ETIMEDOUT, "no time was left");
    return;
  }
  for (size_t i = 0; r >= 0 && i < n; i++) {
    uint16_t k = d->resource_of_point[points[i]];
    if (k == HTTP_NO_RESOURCE || call->waits[k])
      continue;
    r = need(&d->resources[k]);
    call->waits[k] = r > 0;
    call->n_waits += r > 0;
  }
  if (r < 0)
    finish_later(http, call, r, "the request could not be made");
  else if (call->n_waits == 0)
    finish_later(http, call, 0, "%s", "");
  arm(http);
}

/* ---- Writes -------------------------------------------------------------------------------------------- */
static void on_obeyed(void *user, const struct tt_fetch_answer *answer)
{
  struct http_call *call = user;
  struct http_device *d = call->device;
  struct http *http = d->http;
  const struct http_write_address *address = d->config->points[call->point].write->address;
  char text[600], why[TT_PICK_WHY_SIZE] = "";
  const char *origin = d->origin ? d->origin : "the device";
  int error = answer->error;
  call->job = NULL;
  if (error < 0) {
    bool is_open = tt_fetch_is_sent(answer->job) && answer->status == 0;
    http_link_failed(d, answer);
    snprintf(text, sizeof text, "%s: %s%s", origin, answer->text,
             is_open ? "; it is not known whether the device obeyed" : "");
  } else {
    struct http_body body = {.data = answer->body, .size = answer->size};
    http_link_up(d);
    if (answer->status / 100 != 2) {
      error = answer->status == 401 || answer->status == 403 ? -EACCES : -EIO;
      snprintf(text, sizeof text, "%s: %d %s", origin, answer->status, status_text(answer->status));
    } else if (!http_answer_is_expected(&body, &address->answer, &call->value, why)) {
      error = -EIO;
      snprintf(text, sizeof text, "%s: %s", origin, why);
    }
    http_body_finish(&body);
  }
  finish(http, call, error, error < 0 ? text : NULL);
  arm(http);
}

static int command(struct http_call *call, const struct http_request *message)
{
  struct http_device *d = call->device;
  struct tt_fetch_request request = {.method = message->method,
                                     .url = message->url,
                                     .body = message->body,
                                     .body_size = message->body_size,
                                     .connect_us = d->http->options->connect_timeout_us,
                                     .is_once = true,
                                     .done = on_obeyed,
                                     .user = call};
  char type[100];
  uint64_t now = tt_clock_us();
  TT_AUTOFREE const char **headers = calloc(d->n_headers + 1, sizeof *headers);
  if (!headers)
    return -ENOMEM;
  if (now >= call->deadline_us)
    return -ETIMEDOUT;
  memcpy(headers, d->headers ? d->headers : headers, d->n_headers * sizeof *headers);
  request.n_headers = d->n_headers;
  if (message->content_type) {
    snprintf(type, sizeof type, "Content-Type: %s", message->content_type);
    headers[request.n_headers++] = type;
  }
  request.headers = headers;
  http_device_prepare(d, &request);
  request.redirects = 0;
  request.total_us = call->deadline_us - now;
  return tt_fetch_start(d->http->commands, &request, &call->job);
}

void http_call_write(struct http *http, tt_id id, struct http_device *d, uint16_t point,
                     const struct tt_value *value, uint64_t deadline_us)
{
  const struct http_write_address *address = d->config->points[point].write->address;
  struct http_call *call = call_add(http, id, d, deadline_us);
  struct http_request message;
  if (!call) {
    tt_done(http->bridge, id, -ENOMEM, NULL);
    return;
  }
  call->is_write = true;
  call->point = point;
  TT_AUTOVALUE struct tt_value word = {0};
  int r = tt_value_copy(value, &call->value);
  if (r == 0)
    r = http_compose_word(address->words, value, &word);
  if (r == 0)
    r = http_compose(d->options->base, &address->message, &word, &message);
  if (r == 0) {
    r = command(call, &message);
    http_request_finish(&message);
  }
  if (r < 0)
    finish_later(http, call, r, "%s; nothing was sent",
                 r == -ETIMEDOUT  ? "no time was left"
                 : r == -EMSGSIZE ? "the command would be too long"
                                  : "the command could not be made");
  arm(http);
}

/* ---- Time ---------------------------------------------------------------------------------------------- */
static void expire_read(struct http *http, struct http_call *call)
{
  struct http_device *d = call->device;
  const char *text = "no complete answer in time";
  bool is_sent = false, has_answer = call->has_answer;
  char told[400];
  for (size_t i = 0; i < d->n_resources; i++) {
    if (!call->waits[i])
      continue;
    is_sent = is_sent || (d->resources[i].job && tt_fetch_is_sent(d->resources[i].job));
    if (has_answer)
      http_device_fail(&d->resources[i], "%s", text);
  }
  if (!is_sent)
    text = "cannot be connected to in time";
  snprintf(told, sizeof told, "%s: %s", d->origin ? d->origin : "the device", text);
  if (has_answer)
    finish(http, call, 0, NULL);
  else
    finish(http, call, -ETIMEDOUT, told);
  if (has_answer || is_sent)
    http_link_silent(d, text);
  else
    http_link_down(d, text);
  drop_unwanted(http, d);
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec, void *user)
{
  struct http *http = user;
  uint64_t now = tt_clock_us();
  struct http_call *call, *next;
  now = now > usec ? now : usec;
  DL_FOREACH_SAFE(http->calls, call, next)
  {
    if (call->due_us > now)
      continue;
    if (call->is_decided) {
      finish(http, call, call->error, call->text);
    } else if (!call->is_write) {
      expire_read(http, call);
    } else {
      struct http_device *d = call->device;
      bool is_sent = call->job && tt_fetch_is_sent(call->job);
      if (is_sent)
        http_link_silent(d, "no complete answer in time");
      else
        http_link_down(d, "cannot be connected to in time");
      finish(http, call, -ETIMEDOUT,
             is_sent ? "no answer in time; it is not known whether the device obeyed"
                     : "the device cannot be connected to in time; nothing was sent");
    }
  }
  arm(http);
  return 0;
}

int http_calls_init(struct http *http)
{
  int r = sd_event_add_time(tt_bridge_event(http->bridge), &http->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer,
                            http);
  return r < 0 ? r : sd_event_source_set_enabled(http->timer, SD_EVENT_OFF);
}

void http_calls_finish(struct http *http)
{
  http->timer = sd_event_source_disable_unref(http->timer);
}
