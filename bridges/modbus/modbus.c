/* SPDX-License-Identifier: Apache-2.0
 *
 * modbus.c: the Modbus bridge. Joins the bus's worker (bus.h) to the host: requests go down into its queue, what it
 * tells comes up as messages through the inbox.
 */
#include "look.h"
#include "survey.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <uthash.h>

/* Values of one request travel together, in messages of about this size. */
#define MESSAGE_SIZE (32 * 1024)

#define WALK_US       (60 * TT_USEC_PER_SEC) /* a device may take so long to say what it is made of */
#define WALK_AGAIN_US (30 * TT_USEC_PER_SEC) /* when it did not */

/* A request that the host waits for. */
struct open_request {
  tt_id id;
  struct tt_device *device;
  UT_hash_handle hh;
};

struct device {
  struct tt_device *device;
  struct mb_bus_device *bus_device;
  bool is_leaving;
  bool is_walk_due, is_walking; /* it has still to be asked what it is made of; it is being asked */
};

struct instance {
  struct mb_bus *bus;
  struct open_request *requests;
  struct device **devices; /* the device's state is the host's; this is the list of them */
  size_t n_devices, room;
  bool is_stopping;
  sd_event_source *timer; /* of those that have still to be asked */
  struct {
    tt_id request; /* 0: no discovery is under way */
    uint8_t unit;  /* that is looked for */
    uint64_t deadline_us;
  } scan;
  struct mb_look *look;  /* NULL: no scan of a device is under way */
  struct tt_buf message; /* the worker's: what it has told and not yet posted */
};

/* ---- Up: from the worker's thread to the loop ---------------------------------------------------------- */
/* One event in a message; `text_size` bytes of text (with its NUL) follow, padded to the alignment of a record. */
struct record {
  enum mb_event_kind kind;
  int error;
  struct tt_device *device;
  tt_id request;
  struct tt_value value; /* its text, if it has one, is the text behind */
  uint32_t text_size;
  uint16_t point;
};

static size_t padded(size_t n)
{
  size_t unit = _Alignof(struct record);
  return (n + unit - 1) / unit * unit;
}

static void on_message(struct tt_bridge *bridge, const void *data, size_t size);

static void post(struct tt_bridge *bridge, struct tt_buf *message)
{
  if (message->len && !message->failed)
    tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_message, message->data, message->len);
  tt_buf_truncate(message, 0);
}

/* On the worker's thread. */
static void emit(void *user, const struct mb_event *event)
{
  struct tt_bridge *bridge = user;
  struct instance *instance = tt_bridge_state(bridge);
  static const char padding[_Alignof(struct record)] = {0};
  struct record record = {.kind = event->kind,
                          .error = event->error,
                          .device = event->device,
                          .request = event->request,
                          .point = event->point};
  const char *text = event->text;
  const struct mb_found *found = event->found;
  if (event->value) {
    record.value = *event->value;
    text = tt_value_is_text(event->value->type) ? event->value->text : NULL;
  }
  record.text_size = found          ? (uint32_t)sizeof *found
                     : event->words ? (uint32_t)(event->n_words * sizeof *event->words)
                     : text         ? (uint32_t)strlen(text) + 1
                                    : 0;
  text = found ? (const char *)found : event->words ? (const char *)event->words : text;
  tt_buf_add(&instance->message, (const char *)&record, sizeof record);
  if (text)
    tt_buf_add(&instance->message, text, record.text_size);
  tt_buf_add(&instance->message, padding, padded(record.text_size) - record.text_size);
  bool is_value = event->kind == MB_EVENT_VALUE || event->kind == MB_EVENT_ERROR || event->kind == MB_EVENT_PROBE;
  if (!is_value || instance->message.len >= MESSAGE_SIZE)
    post(bridge, &instance->message);
}

/* ---- On the loop thread -------------------------------------------------------------------------------- */
static void request_done(struct tt_bridge *bridge, struct open_request *request, int error, const char *text)
{
  struct instance *instance = tt_bridge_state(bridge);
  tt_id id = request->id;
  HASH_DEL(instance->requests, request);
  free(request);
  tt_done(bridge, id, error, "%s", text ? text : "");
}

/* Complete what is open, of one device or of all (NULL). */
static void requests_cancel(struct tt_bridge *bridge, const struct tt_device *device)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct open_request *request, *next;
  HASH_ITER(hh, instance->requests, request, next) {
    if (!device || request->device == device)
      request_done(bridge, request, -ECANCELED, device ? "the device is being removed" : "the bridge stops");
  }
}

static void device_gone(struct instance *instance, struct tt_device *device)
{
  struct device *state = tt_device_state(device);
  for (size_t i = 0; i < instance->n_devices; i++)
    if (instance->devices[i] == state) {
      instance->devices[i] = instance->devices[--instance->n_devices];
      break;
    }
  mb_bus_device_destroy(state->bus_device);
  state->bus_device = NULL;
}

/* The worker has ended: nothing of it remains but what is freed here. */
static void stopped(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  mb_bus_destroy(instance->bus);
  instance->bus = NULL;
  tt_buf_finish(&instance->message);
  while (instance->n_devices) {
    struct device *state = instance->devices[instance->n_devices - 1];
    struct tt_device *device = state->device;
    bool is_leaving = state->is_leaving;
    device_gone(instance, device);
    if (is_leaving)
      tt_detached(device);
  }
  free(instance->devices);
  sd_event_source_disable_unref(instance->timer);
  tt_stopped(bridge);
}

/* ---- What devices are made of -------------------------------------------------------------------------- */
static void arm(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  sd_event_source_set_time(instance->timer, tt_bridge_now(bridge).mono_us + WALK_AGAIN_US);
  sd_event_source_set_enabled(instance->timer, SD_EVENT_ONESHOT);
}

static void walk(struct tt_bridge *bridge, struct device *state)
{
  struct instance *instance = tt_bridge_state(bridge);
  if (!state->is_walk_due || state->is_walking || state->is_leaving || instance->is_stopping)
    return;
  if (mb_bus_walk(instance->bus, state->bus_device, tt_bridge_now(bridge).mono_us + WALK_US) == 0)
    state->is_walking = true;
  else
    arm(bridge);
}

static void walk_all(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  for (size_t i = 0; i < instance->n_devices; i++)
    walk(bridge, instance->devices[i]);
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t us TT_UNUSED, void *user)
{
  walk_all(user);
  return 0;
}

static void on_described(struct tt_bridge *bridge, const struct record *record, const char *text)
{
  struct device *state = tt_device_state(record->device);
  int r = record->error;
  state->is_walking = false;
  if (r == 0)
    r = tt_describe(record->device, text, strlen(text));
  state->is_walk_due = r < 0;
  if (r == 0)
    return;
  arm(bridge);
  if (tt_device_config(record->device)->n_points == 0) /* else its reads tell more */
    tt_device_link(record->device, TT_LINK_OFFLINE, "%s",
                   record->error < 0 ? text : "what it says of itself cannot be used");
}

/* ---- Who is there ---------------------------------------------------------------------------------------- */
static void scan_end(struct tt_bridge *bridge, int error, const char *text)
{
  struct instance *instance = tt_bridge_state(bridge);
  tt_id request = instance->scan.request;
  instance->scan.request = 0;
  if (request)
    tt_done(bridge, request, error, "%s", text);
}

static void tell_candidate(struct tt_bridge *bridge, const struct mb_found *found)
{
  const struct mb_connection_options *options = tt_bridge_options(bridge);
  struct instance *instance = tt_bridge_state(bridge);
  char unit[8], id[16], address[300];
  snprintf(unit, sizeof unit, "%u", found->unit);
  snprintf(id, sizeof id, "unit-%u", found->unit);
  if (mb_is_serial(options->transport))
    snprintf(address, sizeof address, "unit %u on %.250s", found->unit, options->device);
  else
    snprintf(address, sizeof address, "unit %u at %.250s:%u", found->unit, options->host, (unsigned)options->port);
  const struct tt_fact facts[] = {
      {"unit", unit},
      {"vendor", found->maker},
      {"model", found->model},
      {"revision", found->revision},
      {"serial", found->serial},
      {"sunspec", found->sunspec},
  };
  tt_candidate(bridge, instance->scan.request,
               &(struct tt_candidate){.id = id,
                                      .name = *found->model ? found->model : id,
                                      .vendor = *found->maker ? found->maker : NULL,
                                      .model = *found->model ? found->model : NULL,
                                      .address = address,
                                      .facts = facts,
                                      .n_facts = TT_COUNT(facts),
                                      .uses = *found->sunspec ? "modbus/sunspec" : NULL});
}

/* The next unit, as long as there is time for one that is not there. */
static void scan_next(struct tt_bridge *bridge)
{
  const struct mb_connection_options *options = tt_bridge_options(bridge);
  struct instance *instance = tt_bridge_state(bridge);
  uint64_t cost_us = options->timeout_us + options->drain_us;
  if (++instance->scan.unit > options->discover.last ||
      tt_bridge_now(bridge).mono_us + cost_us >= instance->scan.deadline_us)
    scan_end(bridge, 0, "");
  else if (mb_bus_scan(instance->bus, instance->scan.request, instance->scan.unit, instance->scan.deadline_us) < 0)
    scan_end(bridge, -ENOMEM, "out of memory");
}

static void on_found(struct tt_bridge *bridge, const struct record *record, const char *data)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct mb_found found;
  if (!record->request || record->request != instance->scan.request || record->text_size != sizeof found)
    return;
  memcpy(&found, data, sizeof found);
  if (found.is_there)
    tell_candidate(bridge, &found);
  if (record->error == -ENOTCONN)
    scan_end(bridge, -ENOTCONN, "not connected");
  else
    scan_next(bridge);
}

/* ---- Events ---------------------------------------------------------------------------------------------- */
static void on_link(struct tt_bridge *bridge, const struct record *record, const char *text)
{
  if (record->error == 0) {
    tt_connection_state(bridge, TT_LINK_ONLINE, "%s", "");
    walk_all(bridge);
  } else {
    tt_connection_state(bridge, TT_LINK_OFFLINE, "%s", text);
  }
}

static void on_event(struct tt_bridge *bridge, struct record *record, char *text)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = record->device ? tt_device_state(record->device) : NULL;
  bool is_wanted = !instance->is_stopping && !(state && state->is_leaving);
  struct open_request *request = NULL;
  switch (record->kind) {
  case MB_EVENT_LINK:
    if (is_wanted)
      on_link(bridge, record, text);
    break;
  case MB_EVENT_VALUE:
    if (tt_value_is_text(record->value.type))
      record->value.text = text;
    if (is_wanted)
      tt_report(record->device, record->point, &record->value, 0, 0);
    break;
  case MB_EVENT_ERROR:
    if (is_wanted)
      tt_report_error(record->device, record->point, "%s", text);
    break;
  case MB_EVENT_SILENT:
    if (is_wanted)
      tt_device_link(record->device, TT_LINK_OFFLINE, "%s", text);
    break;
  case MB_EVENT_PROBE:
    if (is_wanted)
      tt_probe(record->device, record->point, "%s", text);
    break;
  case MB_EVENT_DESCRIBED:
    if (is_wanted)
      on_described(bridge, record, text);
    break;
  case MB_EVENT_FOUND:
    if (is_wanted)
      on_found(bridge, record, text);
    break;
  case MB_EVENT_ASKED:
    if (is_wanted) /* malloc() has aligned what was copied */
      mb_look_answer(instance->look, record->request, record->error, (const uint16_t *)(const void *)text,
                     record->error == 0 ? record->text_size / sizeof(uint16_t) : 0);
    break;
  case MB_EVENT_DONE:
    HASH_FIND(hh, instance->requests, &record->request, sizeof record->request, request);
    if (request) /* else it was cancelled */
      request_done(bridge, request, record->error, text);
    else if (record->request && record->request == instance->scan.request)
      scan_end(bridge, record->error, text);
    else if (record->error == -ENOMEM && is_wanted) /* it was refused: one that could not be noted, or a scan */
      tt_done(bridge, record->request, record->error, "%s", "out of memory");
    break;
  case MB_EVENT_DETACHED:
    device_gone(instance, record->device);
    tt_detached(record->device);
    break;
  case MB_EVENT_STOPPED:
    stopped(bridge);
    break;
  }
}

static void on_message(struct tt_bridge *bridge, const void *data, size_t size)
{
  const char *at = data, *end = at + size;
  while (at < end) {
    struct record record;
    memcpy(&record, at, sizeof record);
    at += sizeof record;
    TT_AUTOFREE char *text = record.text_size ? malloc(record.text_size) : NULL;
    if (text)
      memcpy(text, at, record.text_size);
    at += padded(record.text_size);
    on_event(bridge, &record, text ? text : (char[]){""});
  }
}

/* ---- Down: the nine functions -------------------------------------------------------------------------- */
static int start(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  int r = sd_event_add_time(tt_bridge_event(bridge), &instance->timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_timer,
                            bridge);
  if (r >= 0)
    r = sd_event_source_set_enabled(instance->timer, SD_EVENT_OFF);
  if (r >= 0)
    r = mb_bus_create(tt_bridge_options(bridge), emit, bridge, &instance->bus);
  if (r < 0)
    instance->timer = sd_event_source_disable_unref(instance->timer);
  return r;
}

static void stop(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  instance->is_stopping = true;
  scan_end(bridge, -ECANCELED, "the bridge stops");
  mb_look_cancel(instance->look, NULL, "the bridge stops");
  requests_cancel(bridge, NULL);
  mb_bus_stop(instance->bus);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  if (instance->n_devices == instance->room) {
    size_t room = instance->room ? 2 * instance->room : 8;
    struct device **devices = realloc(instance->devices, room * sizeof *devices);
    if (!devices)
      return -ENOMEM;
    instance->devices = devices;
    instance->room = room;
  }
  int r = mb_bus_device_create(tt_device_config(device), device, &state->bus_device);
  if (r < 0)
    return r;
  state->device = device;
  instance->devices[instance->n_devices++] = state;
  if (tt_is_probing(device))
    mb_bus_device_probe(state->bus_device);
  const struct mb_device_options *options = tt_device_config(device)->options;
  state->is_walk_due = options->describe == MB_DESCRIBE_SUNSPEC;
  walk(bridge, state);
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  state->is_leaving = true;
  requests_cancel(bridge, device);
  mb_look_cancel(instance->look, device, "the device is being removed");
  if (!instance->is_stopping)
    mb_bus_detach(instance->bus, state->bus_device);
}

static struct open_request *request_open(struct instance *instance, tt_id id, struct tt_device *device)
{
  struct open_request *request = calloc(1, sizeof *request);
  if (request) {
    request->id = id;
    request->device = device;
    HASH_ADD(hh, instance->requests, id, sizeof request->id, request);
  }
  return request;
}

/* A request that could not even be queued is completed by the inbox, for tt_done() is not to be called from within. */
static void refuse(struct tt_bridge *bridge, tt_id id, struct tt_device *device)
{
  struct record record = {.kind = MB_EVENT_DONE, .error = -ENOMEM, .device = device, .request = id};
  tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_message, &record, sizeof record);
}

static void read_points(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  if (!request_open(instance, id, device) ||
      mb_bus_read(instance->bus, id, state->bus_device, points, n, deadline_us) < 0)
    refuse(bridge, id, device);
}

static void write_point(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  if (!request_open(instance, id, device) ||
      mb_bus_write(instance->bus, id, state->bus_device, point, value, deadline_us) < 0)
    refuse(bridge, id, device);
}

static void discover(struct tt_bridge *bridge, tt_id id, uint64_t deadline_us)
{
  const struct mb_connection_options *options = tt_bridge_options(bridge);
  struct instance *instance = tt_bridge_state(bridge);
  instance->scan.request = id;
  instance->scan.unit = (uint8_t)options->discover.first;
  instance->scan.deadline_us = deadline_us;
  struct record record = {.kind = MB_EVENT_DONE, .error = -ENOMEM, .request = id};
  if (mb_bus_scan(instance->bus, id, instance->scan.unit, deadline_us) < 0)
    tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_message, &record, sizeof record);
}

static void scan(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const char *what,
                 uint64_t deadline_us)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  if (mb_look_begin(&instance->look, instance->bus, id, device, state->bus_device, what, deadline_us) < 0)
    refuse(bridge, id, device);
}

TT_BRIDGE(modbus) = {
    .abi = TT_BRIDGE_ABI,
    .name = "modbus",
    .summary = "Modbus TCP and RTU: meters, inverters, relays, PLCs",
    .connection = {sizeof(struct mb_connection_options), mb_connection_table},
    .device = {sizeof(struct mb_device_options), mb_device_table},
    .read_address = {sizeof(struct mb_read_options), mb_read_table},
    .write_address = {sizeof(struct mb_write_options), mb_write_table},
    .types = mb_types,
    .instance_size = sizeof(struct instance),
    .device_size = sizeof(struct device),
    .check = mb_check,
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
    .scan = scan,
};
