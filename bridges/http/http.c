/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c: the HTTP bridge: joins devices (device.h), their requests (call.c), what they push (stream.c, hook.c) and the
 * host. Everything runs on the loop thread.
 */
#include "http.h"

#include "discover.h"

#include <utlist.h>

static void instance_finish(struct http *http)
{
  http_hook_destroy(http->hook);
  tt_fetch_destroy(http->questions);
  tt_fetch_destroy(http->commands);
  tt_fetch_destroy(http->streams);
  http_calls_finish(http);
  *http = (struct http){0};
}

static int start(struct tt_bridge *bridge)
{
  struct http *http = tt_bridge_state(bridge);
  const struct http_connection *options = tt_bridge_options(bridge);
  struct tt_fetch_limits limits = {(unsigned)options->connections, (unsigned)options->connections_per_host};
  http->bridge = bridge;
  http->options = options;
  int r = http_calls_init(http);
  if (r >= 0)
    r = tt_fetch_create(tt_bridge_event(bridge), &limits, &http->questions);
  if (r >= 0)
    r = tt_fetch_create(tt_bridge_event(bridge), &limits, &http->commands);
  if (r >= 0)
    r = tt_fetch_create(tt_bridge_event(bridge), &limits, &http->streams);
  if (r >= 0 && options->listen.address)
    r = http_hook_create(http, &http->hook);
  if (r < 0) {
    instance_finish(http);
    return r;
  }
  return 0;
}

static void device_finish(struct http *http, struct http_device *d)
{
  DL_DELETE(http->devices, d);
  http_stream_destroy(d->stream);
  http_device_finish(d);
}

static void stop(struct tt_bridge *bridge)
{
  struct http *http = tt_bridge_state(bridge);
  struct http_device *d, *next;
  http_calls_cancel(http, NULL);
  http_discovery_cancel(http);
  DL_FOREACH_SAFE(http->devices, d, next)
  {
    device_finish(http, d);
  }
  instance_finish(http);
  tt_stopped(bridge);
}

/* Who has the webhook that this device wants; NULL: nobody. */
static const struct http_device *rival_of(const struct http *http, const struct tt_device_config *config)
{
  const struct http_webhook *wanted = &((const struct http_device_options *)config->options)->webhook;
  const struct http_device *d;
  DL_FOREACH(http->devices, d)
    if (wanted->path && d->options->webhook.path && strcmp(wanted->path, d->options->webhook.path) == 0 &&
        wanted->method == d->options->webhook.method)
      return d;
  return NULL;
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct http *http = tt_bridge_state(bridge);
  struct http_device *d = tt_device_state(device);
  const struct http_device *rival = rival_of(http, tt_device_config(device));
  if (rival) { /* all that is pushed there would be the other's */
    tt_fail(device, "webhook: %s has this path and method already", rival->config->key);
    return -EEXIST;
  }
  int r = http_device_init(d, http, device);
  if (r < 0) {
    tt_fail(device, "%s", strerror(-r));
    return r;
  }
  DL_APPEND(http->devices, d);
  if (d->options->events.get)
    r = http_stream_create(d, &d->stream);
  if (r < 0) {
    tt_fail(device, "%s", strerror(-r));
    device_finish(http, d);
  }
  return r;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct http *http = tt_bridge_state(bridge);
  struct http_device *d = tt_device_state(device);
  http_calls_cancel(http, d);
  device_finish(http, d);
  tt_detached(device);
}

static void read_points(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  http_call_read(tt_bridge_state(bridge), id, tt_device_state(device), points, n, deadline_us);
}

static void write_point(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  http_call_write(tt_bridge_state(bridge), id, tt_device_state(device), point, value, deadline_us);
}

static void discover(struct tt_bridge *bridge, tt_id id, uint64_t deadline_us)
{
  int r = http_discovery_start(tt_bridge_state(bridge), id, deadline_us);
  if (r < 0)
    tt_done(bridge, id, r, NULL);
}

TT_BRIDGE(http) = {
    .abi = TT_BRIDGE_ABI,
    .name = "http",
    .summary = "HTTP: devices and services with a web interface, asked or pushing",
    .connection = {sizeof(struct http_connection), http_connection_table},
    .device = {sizeof(struct http_device_options), http_device_table},
    .read_address = {sizeof(struct http_read_address), http_read_table},
    .write_address = {sizeof(struct http_write_address), http_write_table},
    .instance_size = sizeof(struct http),
    .device_size = sizeof(struct http_device),
    .check = http_check,
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
};
