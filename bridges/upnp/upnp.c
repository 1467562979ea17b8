/* SPDX-License-Identifier: Apache-2.0
 *
 * upnp.c: the UPnP bridge. Its table, the ends of requests, what the link tells, and the one timer. All on the loop
 * thread.
 */
#include "instance.h"

#include "watch.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <utlist.h>

static struct up_instance *state_of(struct tt_bridge *bridge)
{
  return tt_bridge_state(bridge);
}

uint64_t up_now(const struct up_instance *u)
{
  return tt_bridge_now(u->bridge).mono_us;
}

/* ---- Time ----------------------------------------------------------------------------------------------------- */
void up_arm(struct up_instance *u)
{
  uint64_t due = up_discovery_due(u);
  const struct up_request *request;
  const struct up_device *d;
  DL_FOREACH(u->requests, request) {
    due = request->due_us < due ? request->due_us : due;
  }
  DL_FOREACH(u->devices, d) {
    due = d->due_us < due ? d->due_us : due;
  }
  due = u->search_us < due ? u->search_us : due;
  due = u->learn_us < due ? u->learn_us : due;
  if (up_table_count(u->table) > 0)
    due = u->expire_us < due ? u->expire_us : due;
  sd_event_source_set_time(u->timer, due == TT_NEVER ? UINT64_MAX : due);
  sd_event_source_set_enabled(u->timer, due == TT_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* ---- Requests ------------------------------------------------------------------------------------------------- */
void up_request_finish(struct up_request *request, int error, const char *text)
{
  struct up_instance *u = request->device->instance;
  DL_DELETE(u->requests, request);
  tt_done(u->bridge, request->id, error, "%s", text ? text : "");
  free(request);
}

void up_request_decide(struct up_request *request, int error, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  vsnprintf(request->text, sizeof request->text, format, ap);
  va_end(ap);
  request->is_decided = true;
  request->is_parked = false;
  request->error = error;
  request->due_us = 0;
  up_arm(request->device->instance);
}

void up_requests_fail(struct up_instance *u, const struct up_device *device, int error, const char *text)
{
  struct up_request *request;
  DL_FOREACH(u->requests, request) {
    if (request->device == device && !request->is_decided)
      up_request_decide(request, error, "%s", text);
  }
}

static void requests_cancel(struct up_instance *u, struct up_device *device, const char *text)
{
  struct up_request *request, *next;
  DL_FOREACH_SAFE(u->requests, request, next)
  {
    if (!device || request->device == device)
      up_request_finish(request, -ECANCELED, text);
  }
}

static void request_due(struct up_request *request)
{
  struct up_device *d = request->device;
  if (request->is_decided) {
    up_request_finish(request, request->error, request->text);
  } else if (request->is_parked) {
    up_request_finish(request, -ETIMEDOUT, "the device has not been found");
  } else {
    bool is_write = request->is_write;
    up_request_decide(request, -ETIMEDOUT, "%s did not answer in time%s", d->host,
                      is_write ? "; whether it has been done is not known" : "");
    up_calls_drop(d, request);
    up_request_finish(request, request->error, request->text);
    tt_device_link(d->device, TT_LINK_OFFLINE, "%s did not answer in time", d->host);
    if (++d->failures >= UP_FAILURES_MAX)
      up_find_doubt(d);
  }
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
  struct up_instance *u = user;
  struct up_request *request, *next;
  struct up_device *d;
  uint64_t now = up_now(u);
  (void)source;
  now = usec > now ? usec : now;
  DL_FOREACH_SAFE(u->requests, request, next)
  {
    if (request->due_us <= now)
      request_due(request);
  }
  DL_FOREACH(u->devices, d) {
    if (d->due_us <= now)
      up_find_due(d);
  }
  up_find_search(u);
  up_learn_next(u);
  up_find_expire(u);
  up_discovery_step(u);
  up_arm(u);
  return 0;
}

/* ---- The link ------------------------------------------------------------------------------------------------- */
static void finish(struct up_instance *u)
{
  struct up_device *d, *next;
  tt_fetch_destroy(u->fetch);
  up_searcher_destroy(u->searcher);
  sd_event_source_disable_unref(u->timer);
  sd_event_source_disable_unref(u->stop_timer);
  sd_event_source_disable_unref(u->watch);
  up_stash_clear(u);
  up_table_destroy(u->table);
  DL_FOREACH_SAFE(u->devices, d, next)
  {
    DL_DELETE(u->devices, d);
  }
  tt_stopped(u->bridge);
}

static void on_link(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct up_instance *u = state_of(bridge);
  struct up_link_event event;
  memcpy(&event, data, sizeof event);
  if (u->is_stopping && event.kind != UP_LINK_STOPPED)
    return;
  switch (event.kind) {
  case UP_LINK_UP:
    u->is_tried = true;
    u->net = event.net;
    tt_connection_state(bridge, TT_LINK_ONLINE, "listening on %s", u->options->interface);
    up_find_link(u, true);
    break;
  case UP_LINK_DOWN:
    u->is_tried = true;
    snprintf(u->why_down, sizeof u->why_down, "%s", event.text);
    tt_connection_state(bridge, TT_LINK_OFFLINE, "%s", event.text);
    up_find_link(u, false);
    break;
  case UP_LINK_SUBSCRIBED:
    up_on_subscribed(u, &event);
    break;
  case UP_LINK_LOST:
    up_on_lost(u, &event);
    break;
  case UP_LINK_EVENT:
    up_on_event(u, data, size);
    break;
  case UP_LINK_STOPPED:
    up_link_destroy(TT_STEAL(u->link));
    finish(u);
    return;
  }
  up_arm(u);
}

static void on_sighting(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct up_instance *u = state_of(bridge);
  struct up_sighting sighting;
  (void)size;
  memcpy(&sighting, data, sizeof sighting);
  if (u->link)
    up_link_heard(u->link);
  if (!u->is_stopping && u->is_up)
    up_find_sighting(u, &sighting);
}

static void on_interfaces(void *user)
{
  struct up_instance *u = user;
  if (u->link && !u->is_stopping)
    up_link_look(u->link);
}

/* ---- The contract (bridge.h) ---------------------------------------------------------------------------------- */
static int start(struct tt_bridge *bridge)
{
  struct up_instance *u = state_of(bridge);
  static const struct tt_fetch_limits limits = {UP_CONNECTIONS, UP_CONNECTIONS_PER_HOST};
  u->bridge = bridge;
  u->options = tt_bridge_options(bridge);
  u->search_us = u->learn_us = TT_NEVER;
  snprintf(u->why_down, sizeof u->why_down, "UPnP has not been started yet");
  xmlInitParser();
  u->table = up_table_create();
  int r = u->table ? tt_fetch_create(tt_bridge_event(bridge), &limits, &u->fetch) : -ENOMEM;
  if (r >= 0)
    r = sd_event_add_time(tt_bridge_event(bridge), &u->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, u);
  if (r >= 0)
    r = sd_event_source_set_enabled(u->timer, SD_EVENT_OFF);
  if (r >= 0)
    r = up_link_create(bridge, u->options, on_link, on_sighting, &u->link);
  if (r < 0) {
    sd_event_source_disable_unref(u->timer);
    tt_fetch_destroy(u->fetch);
    up_table_destroy(u->table);
    return r;
  }
  r = up_watch_create(tt_bridge_event(bridge), on_interfaces, u, &u->watch);
  if (r < 0)
    tt_bridge_log(bridge, TT_LOG_WARNING, "changes of interfaces will not be noticed: %s", strerror(-r));
  return 0;
}

static int on_stop_timer(sd_event_source *source, uint64_t usec, void *user)
{
  struct up_instance *u = user;
  (void)source, (void)usec;
  if (!up_link_abandon(u->link))
    return 0; /* its last word is on its way */
  tt_bridge_log(u->bridge, TT_LOG_INFO, "libupnp still waits for a device; it is left alone");
  u->link = NULL;
  finish(u);
  return 0;
}

static void stop(struct tt_bridge *bridge)
{
  struct up_instance *u = state_of(bridge);
  struct up_device *d;
  u->is_stopping = true;
  u->search_us = TT_NEVER;
  up_discovery_cancel(u);
  requests_cancel(u, NULL, "the bridge stops");
  DL_FOREACH(u->devices, d) {
    up_forget(d);
    d->due_us = TT_NEVER;
  }
  u->learn_us = TT_NEVER;
  sd_event_add_time_relative(tt_bridge_event(bridge), &u->stop_timer, CLOCK_MONOTONIC, UP_STOP_US, 1000,
                             on_stop_timer, u);
  up_link_stop(u->link);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct up_instance *u = state_of(bridge);
  struct up_device *d = tt_device_state(device);
  d->instance = u;
  d->device = device;
  d->config = tt_device_config(device);
  d->options = d->config->options;
  DL_APPEND(u->devices, d);
  if (u->is_up)
    up_find_begin(d);
  else
    d->due_us = TT_NEVER;
  d->lost_us = up_now(u);
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct up_instance *u = state_of(bridge);
  struct up_device *d = tt_device_state(device);
  requests_cancel(u, d, "the device is being removed");
  if (!u->is_stopping) {
    up_unsubscribe_all(d, true);
    up_forget(d);
  }
  DL_DELETE(u->devices, d);
  tt_detached(device);
}

static struct up_request *request_add(struct up_instance *u, tt_id id, struct tt_device *device,
                                      const uint16_t points[], size_t n, uint64_t deadline_us)
{
  struct up_request *request = calloc(1, sizeof *request + n * sizeof *points);
  if (!request)
    return NULL; /* the host answers one second after the deadline */
  request->id = id;
  request->device = tt_device_state(device);
  request->deadline_us = request->due_us = deadline_us;
  request->n = n;
  if (n > 0)
    memcpy(request->points, points, n * sizeof *points);
  DL_APPEND(u->requests, request);
  return request;
}

static bool is_refused(struct up_instance *u, struct up_request *request)
{
  const struct up_device *d = request->device;
  if (request->deadline_us <= up_now(u))
    up_request_decide(request, -ETIMEDOUT, "no time was left");
  else if (!u->is_up && (u->is_tried || request->is_write))
    up_request_decide(request, -ENETDOWN, "%s", u->why_down);
  else if (d->phase != UP_READY && (request->is_write || up_find_is_hopeless(d)))
    up_request_decide(request, -EHOSTUNREACH, "the device has not been found on %s", u->options->interface);
  return request->is_decided;
}

static void read_points(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  struct up_instance *u = state_of(bridge);
  struct up_request *request = request_add(u, id, device, points, n, deadline_us);
  if (!request || is_refused(u, request))
    return;
  if (request->device->phase == UP_READY)
    up_calls_read(request);
  else
    request->is_parked = true; /* it may be found in time */
  up_arm(u);
}

static void write_point(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  struct up_instance *u = state_of(bridge);
  struct up_request *request = request_add(u, id, device, &point, 1, deadline_us);
  if (!request)
    return;
  request->is_write = true;
  const struct up_write_options *write = request->device->config->points[point].write->address;
  if (!is_refused(u, request))
    up_calls_do(request, &write->call, &(struct up_given){.value = value});
  up_arm(u);
}

static void do_command(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t index,
                       const struct tt_value arguments[], uint64_t deadline_us)
{
  struct up_instance *u = state_of(bridge);
  struct up_request *request = request_add(u, id, device, NULL, 0, deadline_us);
  if (!request)
    return;
  const struct tt_command *command = &request->device->config->commands[index];
  const struct up_command_options *options = command->address;
  request->is_write = true;
  request->command = command;
  if (!is_refused(u, request))
    up_calls_do(request, &options->call, &(struct up_given){.command = command, .arguments = arguments});
  up_arm(u);
}

TT_BRIDGE(upnp) = {
    .abi = TT_BRIDGE_ABI,
    .name = "upnp",
    .summary = "UPnP: lights, media players, routers and what else announces itself on the network",
    .connection = {sizeof(struct up_connection), up_connection_table},
    .device = {sizeof(struct up_device_options), up_device_table},
    .read_address = {sizeof(struct up_read_options), up_read_table},
    .write_address = {sizeof(struct up_write_options), up_write_table},
    .command_address = {sizeof(struct up_command_options), up_command_table},
    .is_isolated = true,
    .instance_size = sizeof(struct up_instance),
    .device_size = sizeof(struct up_device),
    .check = up_check,
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = up_discover,
    .command = do_command,
};
