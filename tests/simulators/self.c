/* SPDX-License-Identifier: Apache-2.0
 *
 * self.c: a bridge for tests, whose devices are members of a JSON file: what they say of themselves, their values, and
 * which of them can be discovered. The file is looked at every 50 ms.
 *   {"devices": {"lamp": {"description": {...}, "values": {"on": true}}},
 *    "candidates": [{"id": "lamp", "name": "Lamp", "facts": {"id": "lamp"}, "uses": "self/device"}]}
 */
#include <json-c/json.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <thingtree/bridge.h>

#define LOOK_US (50 * TT_USEC_PER_MSEC)

struct connection {
  const char *file;
};
static const struct tt_option connection_options[] = {
    {.name = "file",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct connection, file),
     .flags = TT_OPTION_REQUIRED,
     .help = "The file."},
    TT_OPTION_END,
};
struct device_options {
  const char *id;
};
static const struct tt_option device_options[] = {
    {.name = "id", .type = TT_OPTION_STRING, .offset = offsetof(struct device_options, id), .help = "Its member."},
    TT_OPTION_END,
};
struct read_address {
  const char *at;
};
static const struct tt_option read_options[] = {
    {.name = "at", .type = TT_OPTION_STRING, .offset = offsetof(struct read_address, at), .help = "The value."},
    TT_OPTION_END,
};
static const struct tt_option write_options[] = {TT_OPTION_END};

struct attached {
  struct tt_device *device;
  struct attached *next;
};
struct state {
  sd_event_source *timer;
  struct attached *devices;
  tt_id requests[256]; /* answered with the next look */
  size_t n_requests;
  tt_id discovery;
};

static json_object *open_file(struct tt_bridge *bridge)
{
  const struct connection *options = tt_bridge_options(bridge);
  return json_object_from_file(options->file); /* NULL: it is just being written */
}

static json_object *member(json_object *object, const char *name)
{
  json_object *value = NULL;
  return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static json_object *file_of(json_object *file, struct tt_device *device)
{
  const struct device_options *options = tt_device_config(device)->options;
  return options->id ? member(member(file, "devices"), options->id) : NULL;
}

static void tell(struct tt_device *device, json_object *file)
{
  const struct tt_device_config *config = tt_device_config(device);
  json_object *own = file_of(file, device), *description = member(own, "description");
  for (size_t i = 0; i < config->n_points; i++) {
    const struct read_address *address = config->points[i].address;
    json_object *value = address && address->at ? member(member(own, "values"), address->at) : NULL;
    struct tt_value raw TT_AUTOVALUE = {.type = TT_TYPE_NONE};
    const char *text = value ? json_object_get_string(value) : NULL;
    if (text && tt_value_text(TT_TYPE_STRING, text, strlen(text), &raw) >= 0)
      tt_report(device, (uint16_t)i, &raw, 0, 0);
    if (text)
      tt_probe(device, (uint16_t)i, "in the file: %s", text);
  }
  if (description) {
    const char *text = json_object_to_json_string_ext(description, JSON_C_TO_STRING_PLAIN);
    (void)tt_describe(device, text, strlen(text));
  }
}

static const char *text_of(json_object *object, const char *name)
{
  json_object *value = member(object, name);
  return value ? json_object_get_string(value) : NULL;
}

static void find(struct tt_bridge *bridge, tt_id request, json_object *file)
{
  json_object *list = member(file, "candidates");
  for (size_t i = 0; list && i < json_object_array_length(list); i++) {
    json_object *one = json_object_array_get_idx(list, i), *facts_of = member(one, "facts");
    struct tt_fact facts[64];
    size_t n = 0;
    if (facts_of) {
      json_object_object_foreach(facts_of, name, value)
      {
        if (n < TT_COUNT(facts))
          facts[n++] = (struct tt_fact){name, json_object_get_string(value)};
      }
    }
    tt_candidate(bridge, request,
                 &(struct tt_candidate){.id = text_of(one, "id"),
                                        .name = text_of(one, "name"),
                                        .vendor = text_of(one, "vendor"),
                                        .model = text_of(one, "model"),
                                        .address = text_of(one, "address"),
                                        .uses = text_of(one, "uses"),
                                        .facts = facts,
                                        .n_facts = n});
  }
  tt_done(bridge, request, 0, NULL);
}

static int on_look(sd_event_source *source, uint64_t us, void *user)
{
  struct tt_bridge *bridge = user;
  struct state *state = tt_bridge_state(bridge);
  json_object *file = open_file(bridge);
  sd_event_source_set_time(source, us + LOOK_US);
  if (!file)
    return 0;
  for (struct attached *a = state->devices; a; a = a->next)
    tell(a->device, file);
  tt_connection_state(bridge, TT_LINK_ONLINE, NULL);
  for (size_t i = 0; i < state->n_requests; i++)
    tt_done(bridge, state->requests[i], 0, NULL);
  state->n_requests = 0;
  if (state->discovery) {
    tt_id request = state->discovery;
    state->discovery = 0;
    find(bridge, request, file);
  }
  json_object_put(file);
  return 0;
}

static int start(struct tt_bridge *bridge)
{
  struct state *state = tt_bridge_state(bridge);
  int r =
      sd_event_add_time_relative(tt_bridge_event(bridge), &state->timer, CLOCK_MONOTONIC, 0, 1000, on_look, bridge);
  return r < 0 ? r : sd_event_source_set_enabled(state->timer, SD_EVENT_ON);
}

static void end_requests(struct tt_bridge *bridge)
{
  struct state *state = tt_bridge_state(bridge);
  for (size_t i = 0; i < state->n_requests; i++)
    tt_done(bridge, state->requests[i], -ECANCELED, NULL);
  state->n_requests = 0;
}

static void stop(struct tt_bridge *bridge)
{
  struct state *state = tt_bridge_state(bridge);
  end_requests(bridge);
  if (state->discovery)
    tt_done(bridge, state->discovery, -ECANCELED, NULL);
  sd_event_source_disable_unref(state->timer);
  while (state->devices) {
    struct attached *first = state->devices;
    state->devices = first->next;
    free(first);
  }
  tt_stopped(bridge);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct state *state = tt_bridge_state(bridge);
  struct attached *attached = calloc(1, sizeof *attached);
  if (!attached)
    return -ENOMEM;
  *attached = (struct attached){.device = device, .next = state->devices};
  state->devices = attached;
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct state *state = tt_bridge_state(bridge);
  struct attached **place = &state->devices;
  end_requests(bridge); /* of others, too: nobody minds */
  while ((*place)->device != device)
    place = &(*place)->next;
  struct attached *gone = *place;
  *place = gone->next;
  free(gone);
  tt_detached(device);
}

static void read_points(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  struct state *state = tt_bridge_state(bridge);
  (void)device, (void)points, (void)n, (void)deadline_us;
  if (state->n_requests < TT_COUNT(state->requests)) /* else the host answers */
    state->requests[state->n_requests++] = request;
}

static void write_point(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  (void)device, (void)point, (void)value;
  read_points(bridge, request, device, NULL, 0, deadline_us);
}

static void discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  struct state *state = tt_bridge_state(bridge);
  (void)deadline_us;
  state->discovery = request;
}

TT_BRIDGE(self) = {
    .abi = TT_BRIDGE_ABI,
    .name = "self",
    .summary = "for tests: devices in a file, which describe themselves",
    .connection = {sizeof(struct connection), connection_options},
    .device = {sizeof(struct device_options), device_options},
    .read_address = {sizeof(struct read_address), read_options},
    .write_address = {1, write_options},
    .instance_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
};
