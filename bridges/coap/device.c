/* SPDX-License-Identifier: Apache-2.0
 * Devices: resources, reports, observations. */
#include "device.h"
#include "common/clock.h"

#include "payload.h"

#include <stdio.h>

#define OBSERVE_SPREAD_US (200 * TT_USEC_PER_MSEC) /* devices do not all ask in the same moment */
#define PROBE_BYTES       48                       /* of a payload are shown to who looks */

/* ---- Reports --------------------------------------------------------------------------------------------------- */
static void print_bytes(char *out, size_t size, const char *data, size_t n)
{
  size_t at = 0;
  for (size_t i = 0; i < n && i < PROBE_BYTES && at + 4 < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%02x ", (unsigned char)data[i]);
  snprintf(out + at, size - at, "%s", n > PROBE_BYTES ? "..." : "");
}

static void show(struct cb_device *d, const struct cb_resource *resource, const struct cb_answer *answer)
{
  char bytes[3 * PROBE_BYTES + 8], text[4 * PROBE_BYTES], code[40], format[40] = "no content format";
  if (!tt_is_probing(d->device))
    return;
  if (answer->content != CB_CONTENT_NONE)
    snprintf(format, sizeof format, "content format %d", answer->content);
  print_bytes(bytes, sizeof bytes, answer->data, answer->n);
  size_t n = answer->n < PROBE_BYTES ? answer->n : PROBE_BYTES;
  for (size_t i = 0; i < resource->n_points; i++)
    tt_probe(d->device, resource->points[i], "GET %s%s: %s, %s, %zu bytes: %s\"%s\"", cb_endpoint_name(d->endpoint),
             resource->get, cb_code_print(code, answer->code), format, answer->n, bytes,
             tt_text_printable(text, sizeof text, answer->data, n));
}

/* A place that no answer has had is mistyped, more likely than not. */
static void report_absent(struct cb_device *d, const struct cb_resource *resource, uint16_t point)
{
  const struct cb_read_address *address = d->config->points[point].address;
  const char *at = address->at ? address->at : address->record ? address->record : "";
  tt_report_error(d->device, point, "GET %s%s: nothing is at %.200s of the answer", cb_endpoint_name(d->endpoint),
                  resource->get, at);
}

void cb_device_report(struct cb_device *d, const struct cb_resource *resource, const struct cb_answer *answer)
{
  struct cb_payload payload = {.data = answer->data,
                               .size = answer->n,
                               .content = answer->content,
                               .wall_us = tt_bridge_now(tt_device_bridge(d->device)).wall_us};
  show(d, resource, answer);
  for (size_t i = 0; i < resource->n_points; i++) {
    uint16_t point = resource->points[i];
    char why[TT_PICK_WHY_SIZE] = "";
    uint64_t stamp_us = 0;
    TT_AUTOVALUE struct tt_value value = {0};
    int r = cb_payload_value(&payload, &d->config->points[point], &value, &stamp_us, why);
    d->was_there[point] |= r == 0;
    if (r == 0)
      tt_report(d->device, point, &value, stamp_us, 0);
    else if (r == -ENODATA && d->config->points[point].missing == TT_MISSING_KEEP && !d->was_there[point])
      report_absent(d, resource, point);
    else if (r == -ENODATA)
      tt_report_missing(d->device, point);
    else
      tt_report_error(d->device, point, "GET %s%s: %s", cb_endpoint_name(d->endpoint), resource->get,
                      *why ? why : strerror(-r));
  }
  cb_payload_finish(&payload);
}

void cb_device_report_error(struct cb_device *d, const struct cb_resource *resource, const struct cb_answer *answer)
{
  char code[40];
  const char *why = answer->error ? answer->text : cb_code_print(code, answer->code);
  for (size_t i = 0; i < resource->n_points; i++) {
    tt_report_error(d->device, resource->points[i], "GET %s%s: %s", cb_endpoint_name(d->endpoint), resource->get,
                    why);
    tt_probe(d->device, resource->points[i], "GET %s%s: %s", cb_endpoint_name(d->endpoint), resource->get, why);
  }
}

/* ---- Observations ---------------------------------------------------------------------------------------------- */
static bool is_good(const struct cb_answer *answer)
{
  return !answer->error && CB_CODE_CLASS(answer->code) == 2;
}

static void arm(struct cb_device *d)
{
  uint64_t due = TT_NEVER;
  for (size_t i = 0; i < d->n_resources; i++) {
    uint64_t next = d->resources[i].is_observed ? cb_observe_due(&d->resources[i].observe) : TT_NEVER;
    due = next < due ? next : due;
  }
  if (!d->timer)
    return;
  sd_event_source_set_time(d->timer, due);
  sd_event_source_set_enabled(d->timer, due == TT_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void on_registered(void *user, const struct cb_answer *answer)
{
  struct cb_resource *resource = user;
  struct cb_device *d = resource->device;
  if (is_good(answer)) {
    cb_observe_answered(&resource->observe, answer->observe, answer->max_age_s, tt_clock_us());
    cb_device_report(d, resource, answer);
  } else {
    cb_observe_failed(&resource->observe, answer->error ? -1 : answer->max_age_s, tt_clock_us());
    /* What befalls the host is told of it as a whole. */
    if (!answer->error || answer->error == -EPROTO || answer->error == -ETIMEDOUT)
      cb_device_report_error(d, resource, answer);
    if (answer->is_timeout)
      cb_endpoint_doubt(d->endpoint);
  }
  arm(d);
}

struct cb_ask cb_device_ask(const struct cb_device *d, const struct cb_resource *resource)
{
  const struct cb_device_options *options = d->config->options;
  return (struct cb_ask){.owner = d,
                         .method = COAP_REQUEST_CODE_GET,
                         .path = &resource->path,
                         .is_confirmable = options->confirmable,
                         .accept = resource->accept,
                         .content = CB_CONTENT_NONE,
                         .block_size = (size_t)options->block_size};
}

static void ask(struct cb_device *d, struct cb_resource *resource, bool is_registration)
{
  struct cb_ask a = cb_device_ask(d, resource);
  a.done = on_registered;
  a.user = resource;
  a.watch = is_registration ? &resource->watch : NULL;
  /* A lost registration would be noticed late. */
  a.is_confirmable = true;
  a.deadline_us = tt_clock_us() + d->connection->answer_timeout_us;
  cb_observe_asked(&resource->observe);
  if (cb_endpoint_ask(d->endpoint, &a) < 0)
    cb_observe_failed(&resource->observe, -1, tt_clock_us());
}

static void on_notified(void *user, const struct cb_answer *answer)
{
  struct cb_resource *resource = user;
  struct cb_device *d = resource->device;
  uint64_t now = tt_clock_us();
  if (!is_good(answer)) {
    cb_observe_lost(&resource->observe, answer->max_age_s, now);
    cb_device_report_error(d, resource, answer);
  } else if (answer->observe < 0) {
    /* A response to an earlier registration, after its time: it is no notification, and nobody knows how old it is. */
  } else if (cb_observe_notified(&resource->observe, (uint32_t)answer->observe, answer->max_age_s, now)) {
    if (!resource->watch.is_partial)
      cb_device_report(d, resource, answer);
    else if (resource->observe.state != CB_OBSERVE_ASKING)
      ask(d, resource, true); /* the rest of a large body; registering anew costs no more than asking */
  }
  arm(d);
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec, void *user)
{
  struct cb_device *d = user;
  uint64_t now = tt_clock_us();
  for (size_t i = 0; i < d->n_resources; i++) {
    struct cb_resource *resource = &d->resources[i];
    uint64_t due = resource->is_observed ? cb_observe_due(&resource->observe) : TT_NEVER;
    if (due <= now || due <= usec)
      ask(d, resource, true);
  }
  arm(d);
  return 0;
}

void cb_device_changed(struct cb_device *d, enum cb_change change)
{
  uint64_t now = tt_clock_us();
  for (size_t i = 0; i < d->n_resources; i++) {
    struct cb_resource *resource = &d->resources[i];
    if (!resource->is_observed)
      continue;
    if (change == CB_FORGOTTEN && resource->observe.state != CB_OBSERVE_OFF)
      cb_observe_lost(&resource->observe, -1, now);
    else if (change == CB_REACHABLE)
      cb_observe_reachable(&resource->observe, now);
  }
  arm(d);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */
static bool is_same_resource(const struct cb_resource *resource, const struct cb_read_address *address, int accept)
{
  return resource->accept == accept && !strcmp(resource->get, address->get);
}

static int add_point(struct cb_device *d, uint16_t point, uint64_t now)
{
  const struct cb_read_address *address = d->config->points[point].address;
  struct cb_resource *resource = d->resources;
  int accept = address->accept && address->format != CB_FORMAT_TEXT ? cb_content_of((enum cb_format)address->format)
                                                                    : CB_CONTENT_NONE;
  while (resource < d->resources + d->n_resources && !is_same_resource(resource, address, accept))
    resource++;
  if (resource == d->resources + d->n_resources) {
    if (d->n_resources == CB_RESOURCES_MAX)
      return -E2BIG;
    *resource = (struct cb_resource){.device = d, .get = address->get, .accept = accept};
    if (cb_path_problem(address->get, &resource->path))
      return -EINVAL;
    resource->points = calloc(d->config->n_points, sizeof *resource->points);
    if (!resource->points)
      return -ENOMEM;
    d->n_resources++;
  }
  resource->points[resource->n_points++] = point;
  d->resource_of_point[point] = (uint16_t)(resource - d->resources);
  if (address->observe.refresh_us && !resource->is_observed) {
    resource->is_observed = true;
    uint64_t fallback = address->observe.fallback_us ? address->observe.fallback_us : CB_FALLBACK_US;
    cb_observe_init(&resource->observe, address->observe.refresh_us, fallback,
                    now + tt_random_below(OBSERVE_SPREAD_US));
    resource->watch.notified = on_notified;
    resource->watch.user = resource;
  }
  return 0;
}

static int add_points(struct cb_device *d)
{
  uint64_t now = tt_clock_us();
  for (size_t i = 0; i < d->config->n_points; i++) {
    const struct tt_point *point = &d->config->points[i];
    const struct cb_read_address *address = point->address;
    uint8_t method;
    int r = 0;
    d->resource_of_point[i] = CB_NO_RESOURCE;
    if (address && address->get)
      r = add_point(d, (uint16_t)i, now);
    if (r < 0)
      return r;
    const char *path = point->write ? cb_write_path(point->write->address, &method) : NULL;
    if (point->write && (!path || cb_path_problem(path, &d->write_paths[i])))
      return -EINVAL;
  }
  return 0;
}

static int allocate(struct cb_device *d)
{
  size_t n = d->config->n_points ? d->config->n_points : 1;
  size_t n_resources = n < CB_RESOURCES_MAX ? n : CB_RESOURCES_MAX;
  d->resources = calloc(n_resources, sizeof *d->resources);
  d->resource_of_point = calloc(n, sizeof *d->resource_of_point);
  d->write_paths = calloc(n, sizeof *d->write_paths);
  d->was_there = calloc(n, sizeof *d->was_there);
  return d->resources && d->resource_of_point && d->write_paths && d->was_there ? 0 : -ENOMEM;
}

int cb_device_init(struct cb_device *d, struct tt_device *device, struct cb_hub *hub)
{
  struct tt_bridge *bridge = tt_device_bridge(device);
  struct cb_base base;
  d->device = device;
  d->config = tt_device_config(device);
  d->connection = tt_bridge_options(bridge);
  const struct cb_device_options *options = d->config->options;
  int r = cb_base_problem(options->base, &base) ? -EINVAL : allocate(d);
  if (r == 0)
    r = add_points(d);
  if (r == 0)
    r = cb_endpoint_get(hub, &base, cb_security_of(d->connection, options), &d->endpoint);
  if (r == 0)
    r = sd_event_add_time(tt_bridge_event(bridge), &d->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, d);
  if (r < 0) {
    tt_fail(device, "%s", r == -E2BIG ? "more than 256 different resources" : strerror(-r));
    cb_device_finish(d);
    return r;
  }
  for (size_t i = 0; i < d->n_resources; i++)
    if (d->resources[i].is_observed)
      cb_endpoint_watch(d->endpoint, &d->resources[i].watch);
  arm(d);
  return 0;
}

void cb_device_finish(struct cb_device *d)
{
  for (size_t i = 0; i < d->n_resources; i++) {
    struct cb_resource *resource = &d->resources[i];
    if (resource->watch.prev) {
      if (resource->observe.state == CB_OBSERVE_STANDING)
        cb_endpoint_deregister(d->endpoint, &resource->watch, &resource->path, resource->accept);
      cb_endpoint_unwatch(d->endpoint, &resource->watch);
    }
    free(resource->points);
  }
  if (d->endpoint) {
    cb_endpoint_forget(d->endpoint, d);
    cb_endpoint_release(d->endpoint);
  }
  sd_event_source_disable_unref(d->timer);
  free(d->resources);
  free(d->resource_of_point);
  free(d->write_paths);
  free(d->was_there);
  *d = (struct cb_device){0};
}
