/* SPDX-License-Identifier: Apache-2.0
 *
 * modbus.c: the Modbus bridge. Joins the bus's worker (bus.h) to the host: requests go down into its queue, what it
 * tells comes up as messages through the inbox.
 */
#include "bus.h"

#include <uthash.h>

/* Values of one request travel together, in messages of about this size. */
#define MESSAGE_SIZE (32 * 1024)

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
};

struct instance {
  struct mb_bus *bus;
  struct open_request *requests;
  struct device **devices; /* the device's state is the host's; this is the list of them */
  size_t n_devices, room;
  bool is_stopping;
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
  if (event->value) {
    record.value = *event->value;
    text = tt_value_is_text(event->value->type) ? event->value->text : NULL;
  }
  record.text_size = text ? (uint32_t)strlen(text) + 1 : 0;
  tt_buf_add(&instance->message, (const char *)&record, sizeof record);
  if (text)
    tt_buf_add(&instance->message, text, record.text_size);
  tt_buf_add(&instance->message, padding, padded(record.text_size) - record.text_size);
  bool is_value = event->kind == MB_EVENT_VALUE || event->kind == MB_EVENT_ERROR;
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
  tt_stopped(bridge);
}

static void on_link(struct tt_bridge *bridge, const struct record *record, const char *text)
{
  if (record->error == 0) {
    tt_connection_state(bridge, TT_LINK_ONLINE, "%s", "");
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
  case MB_EVENT_DONE:
    HASH_FIND(hh, instance->requests, &record->request, sizeof record->request, request);
    if (request) /* else it was cancelled */
      request_done(bridge, request, record->error, text);
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
    TT_AUTOFREE char *text = record.text_size ? strndup(at, record.text_size) : NULL;
    at += padded(record.text_size);
    on_event(bridge, &record, text ? text : (char[]){""});
  }
}

/* ---- Down: the nine functions -------------------------------------------------------------------------- */
static int start(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  return mb_bus_create(tt_bridge_options(bridge), emit, bridge, &instance->bus);
}

static void stop(struct tt_bridge *bridge)
{
  struct instance *instance = tt_bridge_state(bridge);
  instance->is_stopping = true;
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
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct instance *instance = tt_bridge_state(bridge);
  struct device *state = tt_device_state(device);
  state->is_leaving = true;
  requests_cancel(bridge, device);
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
};
