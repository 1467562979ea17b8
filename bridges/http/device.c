/* SPDX-License-Identifier: Apache-2.0
 * Resources, and answers to reports. */
#include "device.h"

#include <stdio.h>

/* ---- Resources ----------------------------------------------------------------------------------------- */
static bool is_same(const struct http_request *a, const struct http_request *b)
{
  return !strcmp(a->method, b->method) && !strcmp(a->url, b->url) && a->body_size == b->body_size &&
         !a->body == !b->body && (!a->body || !memcmp(a->body, b->body, a->body_size));
}

static int add_point(struct http_device *d, uint16_t point)
{
  const struct http_read_address *address = d->config->points[point].address;
  struct http_request request;
  size_t i = 0;
  int r = http_compose(d->options->base, &address->message, NULL, &request);
  if (r < 0)
    return r;
  while (i < d->n_resources && !is_same(&d->resources[i].request, &request))
    i++;
  if (i < d->n_resources) {
    http_request_finish(&request);
  } else {
    d->resources[d->n_resources++] = (struct http_resource){.device = d, .request = request};
  }
  struct http_resource *resource = &d->resources[i];
  uint16_t *points = reallocarray(resource->points, resource->n + 1, sizeof *points);
  if (!points)
    return -ENOMEM;
  resource->points = points;
  resource->points[resource->n++] = point;
  d->resource_of_point[point] = (uint16_t)i;
  return 0;
}

static int add_headers(struct http_device *d)
{
  const struct tt_item *map = d->options->headers;
  if (!map)
    return 0;
  d->headers = calloc(map->n + 1, sizeof *d->headers);
  if (!d->headers)
    return -ENOMEM;
  for (size_t i = 0; i < map->n; i++) {
    TT_AUTOBUF struct tt_buf line = TT_BUF(0);
    /* curl takes "Name:" for a header that is not to be sent, and "Name;" for an empty one */
    tt_buf_printf(&line, *map->items[i]->text ? "%s: %s" : "%s;", map->keys[i], map->items[i]->text);
    d->headers[i] = tt_buf_steal(&line);
    if (!d->headers[i])
      return -ENOMEM;
    d->n_headers++;
  }
  return 0;
}

static const char *some_url(const struct http_device *d)
{
  if (d->options->base)
    return d->options->base;
  return d->n_resources ? d->resources[0].request.url : "";
}

int http_device_init(struct http_device *d, struct http *http, struct tt_device *device)
{
  const struct tt_device_config *config = tt_device_config(device);
  *d = (struct http_device){.http = http, .device = device, .config = config, .options = config->options};
  d->resources = calloc(config->n_points + 1, sizeof *d->resources);
  d->resource_of_point = calloc(config->n_points + 1, sizeof *d->resource_of_point);
  int r = d->resources && d->resource_of_point ? add_headers(d) : -ENOMEM;
  for (size_t i = 0; r == 0 && i < config->n_points; i++) {
    d->resource_of_point[i] = HTTP_NO_RESOURCE;
    if (http_point_is_asked(&config->points[i]))
      r = add_point(d, (uint16_t)i);
  }
  for (size_t i = 0; r == 0 && i < d->n_resources; i++) {
    d->resources[i].known = calloc(d->resources[i].n, sizeof *d->resources[i].known);
    r = d->resources[i].known ? 0 : -ENOMEM;
  }
  if (r == 0 && tt_fetch_origin(some_url(d), &d->origin) == -ENOMEM)
    r = -ENOMEM;
  if (r < 0)
    http_device_finish(d);
  return r;
}

static void forget(struct http_resource *resource)
{
  for (size_t i = 0; resource->known && i < resource->n; i++)
    tt_value_finish(&resource->known[i].value);
  resource->is_known = false;
  resource->etag[0] = resource->modified[0] = 0;
}

void http_device_finish(struct http_device *d)
{
  for (size_t i = 0; i < d->n_resources; i++) {
    struct http_resource *resource = &d->resources[i];
    tt_fetch_cancel(resource->job);
    forget(resource);
    free(resource->known);
    free(resource->points);
    http_request_finish(&resource->request);
  }
  for (size_t i = 0; i < d->n_headers; i++)
    free((void *)(uintptr_t)d->headers[i]);
  free(d->headers);
  free(d->resources);
  free(d->resource_of_point);
  free(d->origin);
  http_seen_finish(&d->seen);
  *d = (struct http_device){0};
}

void http_device_prepare(const struct http_device *d, struct tt_fetch_request *request)
{
  const struct http_device_options *o = d->options;
  const char *secret = o->auth == TT_FETCH_BEARER ? o->token : o->password;
  bool has_secret = secret && *secret;
  request->auth = has_secret ? (enum tt_fetch_auth)o->auth : TT_FETCH_NO_AUTH;
  request->user_name = o->user;
  request->password = secret;
  request->ca = o->ca;
  request->cert = o->cert;
  request->key = o->key;
  request->redirects = (unsigned)o->redirects;
  request->body_max = TT_PICK_SIZE_MAX;
}

/* ---- Answers ------------------------------------------------------------------------------------------- */
#define PROBE_EXCERPT 160 /* bytes of a body or value that are shown */

static void probe_value(struct http_device *d, uint16_t point, const struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  char excerpt[PROBE_EXCERPT + 1];
  tt_value_print(value, &text);
  if (text.data)
    tt_probe(d->device, point, "says %s", tt_text_printable(excerpt, sizeof excerpt, text.data, text.len));
}

/* An absent value is told as the configuration wants it; anything that is wrong with its reason and address. */
static void tell(struct http_device *d, uint16_t point, int error, const struct tt_value *value, uint64_t stamp_us,
                 const char *why, const char *from)
{
  if (tt_is_probing(d->device) && error == 0)
    probe_value(d, point, value);
  else if (tt_is_probing(d->device))
    tt_probe(d->device, point, "%s", error == -ENODATA ? "is not in the answer" : why);
  if (error == 0)
    tt_report(d->device, point, value, stamp_us, 0);
  else if (error == -ENODATA)
    tt_report_missing(d->device, point);
  else
    tt_report_error(d->device, point, "%s (%s)", error == -EINVAL ? why : strerror(-error), from);
}

/* A place that no answer has had is mistyped, more likely than not. */
static void absent(struct http_device *d, uint16_t point, const char *from)
{
  const struct http_read_address *address = d->config->points[point].address;
  const char *at = address->at ? address->at : "";
  if (tt_is_probing(d->device))
    tt_probe(d->device, point, "nothing is at %.200s of the answer", at);
  tt_report_error(d->device, point, "nothing is at %.200s of the answer (%s)", at, from);
}

/* For people: method and URL without query, which may have a key in it. */
static const char *name_of(const struct http_resource *resource, char *out, size_t size)
{
  const struct http_request *request = &resource->request;
  char url[200];
  snprintf(out, size, "%s %s", request->method, http_url_shown(request->url, url, sizeof url));
  return out;
}

void http_device_probe(const struct http_resource *resource, const struct tt_fetch_answer *answer)
{
  char from[300], excerpt[PROBE_EXCERPT + 1];
  const char *type = tt_fetch_header(answer->job, "Content-Type");
  name_of(resource, from, sizeof from);
  tt_probe(resource->device->device, TT_NO_POINT, "%s: %d, %.80s, %zu bytes in %llu ms: %s", from, answer->status,
           type ? type : "no type", answer->size, (unsigned long long)(answer->elapsed_us / TT_USEC_PER_MSEC),
           tt_text_printable(excerpt, sizeof excerpt, answer->body, answer->size));
}

void http_device_hear(struct http_resource *resource, const char *body, size_t size, const char *etag,
                      const char *modified)
{
  struct http_device *d = resource->device;
  struct http_body parsed = {.data = body, .size = size};
  char from[300];
  bool is_known = etag || modified;
  name_of(resource, from, sizeof from);
  forget(resource);
  for (size_t i = 0; i < resource->n; i++) {
    TT_AUTOVALUE struct tt_value value = {0};
    char why[TT_PICK_WHY_SIZE] = "";
    const struct tt_point *point = &d->config->points[resource->points[i]];
    int r = http_answer_value(&parsed, point, &value, why);
    struct http_known *known = &resource->known[i];
    known->stamp_us = r == 0 ? http_answer_stamp(&parsed, point) : 0;
    known->was_there |= r == 0;
    if (r == -ENODATA && point->missing == TT_MISSING_KEEP && !known->was_there) /* there is nothing to keep */
      absent(d, resource->points[i], from);
    else
      tell(d, resource->points[i], r, &value, known->stamp_us, why, from);
    is_known = is_known && r == 0 && tt_value_copy(&value, &known->value) == 0;
  }
  http_body_finish(&parsed);
  if (!is_known)
    return;
  resource->is_known = true;
  snprintf(resource->etag, sizeof resource->etag, "%s", etag ? etag : "");
  snprintf(resource->modified, sizeof resource->modified, "%s", modified ? modified : "");
}

void http_device_confirm(struct http_resource *resource)
{
  for (size_t i = 0; i < resource->n; i++)
    tt_report(resource->device->device, resource->points[i], &resource->known[i].value, resource->known[i].stamp_us,
              0);
}

void http_device_fail(struct http_resource *resource, const char *format, ...)
{
  char text[300], from[300];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  name_of(resource, from, sizeof from);
  for (size_t i = 0; i < resource->n; i++)
    tt_report_error(resource->device->device, resource->points[i], "%s (%s)", text, from);
}

void http_device_pushed(struct http_device *d, const char *event, const char *json, size_t size)
{
  struct http_body parsed = {.data = json, .size = size};
  for (size_t i = 0; i < d->config->n_points; i++) {
    const struct tt_point *point = &d->config->points[i];
    const struct http_read_address *address = point->address;
    TT_AUTOVALUE struct tt_value value = {0};
    char why[TT_PICK_WHY_SIZE] = "";
    if (!http_point_is_pushed(point) || (event && address->push.event && strcmp(address->push.event, event) != 0))
      continue;
    int r = http_push_value(&parsed, point, &value, why);
    if (r != -ENODATA) /* not every push has everything */
      tell(d, (uint16_t)i, r, &value, 0, why, event ? "event" : "webhook");
  }
  http_body_finish(&parsed);
}
