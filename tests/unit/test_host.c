/* SPDX-License-Identifier: Apache-2.0
 * The host against a bridge that does exactly what the test says: nodes, requests, polls, states, ends. */
#include "bridge/host.h"

#include "service/loop.h"

#include <stdio.h>
#include <systemd/sd-event.h>

#include "cmocka_all.h"

#define MS TT_USEC_PER_MSEC

/* ---- A bridge of calls that are only noted -------------------------------------------------------------------- */
struct call {
  tt_id id;
  struct tt_device *device;
  bool is_write;
  uint16_t points[8];
  size_t n;
  int64_t value;
};

static struct {
  struct tt_bridge *bridge;
  struct tt_device *devices[8];
  size_t n_devices;
  struct call calls[5000];
  size_t n_calls;
  int start_error, attach_error;
  bool answers_within, stops_later, detaches_later;
  unsigned stops, detaches;
} probe;

static int probe_start(struct tt_bridge *bridge)
{
  probe.bridge = bridge;
  assert_int_equal(*(int *)tt_bridge_state(bridge), 0);
  return probe.start_error;
}

static void probe_stop(struct tt_bridge *bridge)
{
  probe.stops++;
  for (size_t i = 0; i < probe.n_calls; i++)
    tt_done(bridge, probe.calls[i].id, -ECANCELED, NULL);
  if (!probe.stops_later)
    tt_stopped(bridge);
}

static int probe_attach(struct tt_bridge *bridge, struct tt_device *device)
{
  assert_ptr_equal(tt_device_bridge(device), bridge);
  if (probe.attach_error < 0) {
    tt_fail(device, "no such unit: %d", 17);
    return probe.attach_error;
  }
  probe.devices[probe.n_devices++ % TT_COUNT(probe.devices)] = device;
  return 0;
}

static void probe_detach(struct tt_bridge *bridge, struct tt_device *device)
{
  probe.detaches++;
  for (size_t i = 0; i < probe.n_calls; i++)
    if (probe.calls[i].device == device)
      tt_done(bridge, probe.calls[i].id, -ECANCELED, NULL);
  if (!probe.detaches_later)
    tt_detached(device);
}

static struct call *note(tt_id id, struct tt_device *device)
{
  assert_true(probe.n_calls < TT_COUNT(probe.calls));
  struct call *call = &probe.calls[probe.n_calls++];
  *call = (struct call){.id = id, .device = device};
  return call;
}

static void probe_read(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                       size_t n, uint64_t deadline_us)
{
  struct call *call = note(id, device);
  assert_true(n <= TT_COUNT(call->points));
  memcpy(call->points, points, n * sizeof(points[0]));
  call->n = n;
  assert_true(deadline_us > tt_bridge_now(bridge).mono_us);
  if (probe.answers_within)
    tt_done(bridge, id, -EIO, NULL);
}

static void probe_write(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  struct call *call = note(id, device);
  (void)bridge;
  (void)deadline_us;
  call->is_write = true;
  call->points[0] = point;
  call->n = 1;
  call->value = value->int64;
}

static const struct tt_bridge_ops probe_ops = {
    .abi = TT_BRIDGE_ABI,
    .name = "probe",
    .summary = "for tests",
    .instance_size = sizeof(int),
    .device_size = sizeof(int),
    .start = probe_start,
    .stop = probe_stop,
    .attach = probe_attach,
    .detach = probe_detach,
    .read = probe_read,
    .write = probe_write,
};

/* ---- A world with three devices on one connection, one of them disabled -------------------------------------- */
static int address;
static struct tt_write writable;
#define POINT(name_, poll_)                                                                                        \
  {                                                                                                                \
    .name = name_, .type = TT_TYPE_INT64, .unit = "", .ucum = "", .categories = TT_CATEGORY_MOMENTARY,             \
    .poll = poll_, .decimals = TT_DECIMALS_FREE, .address = &address                                               \
  }
static struct tt_point points[] = {POINT("a", -1), POINT("b", -1), POINT("c", -1), POINT("d", -1), POINT("e", -1)};
static struct tt_poll_class polls[] = {{.name = "fast", .every_us = 20 * MS},
                                       {.name = "slow", .every_us = 1000 * MS}};
static struct tt_connection_config connections[2];
static struct tt_device_entry devices[4];

struct answer {
  unsigned calls;
  int error;
  char text[256];
};

struct world {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_config config;
  struct tt_host *host;
  struct tt_device_hooks hooks;
  bool is_stopped;
};

static void device_entry(size_t i, const char *key, const char *place)
{
  devices[i] = (struct tt_device_entry){
      .config = {.key = key, .points = points, .n_points = TT_COUNT(points)},
      .place = place,
      .type = "thingtree.device.probe",
  };
}

static void *setup(struct world *w)
{
  memset(&probe, 0, sizeof(probe));
  for (size_t i = 0; i < TT_COUNT(points); i++) {
    points[i].poll = -1;
    points[i].is_hidden = false;
    points[i].write = &writable;
  }
  points[4].write = NULL;
  *w = (struct world){0};
  connections[0] = (struct tt_connection_config){.name = "bus", .ops = &probe_ops, .timeout_us = 50 * MS};
  connections[1] = (struct tt_connection_config){.name = "gone",
                                                 .is_disabled = true,
                                                 .error = "bridge x cannot be used: it is missing",
                                                 .timeout_us = 50 * MS};
  device_entry(0, "one", "house");
  device_entry(1, "two", "");
  device_entry(2, "broken", "");
  devices[2].is_disabled = true;
  devices[2].error = "devices.d/x.yaml:3:5: no such mapping";
  devices[2].label = (struct tt_label){.n = 1, .language = {"en"}, .text = {"Broken thing"}};
  device_entry(3, "orphan", "");
  devices[3].connection = 1;
  w->config = (struct tt_config){.polls = polls,
                                 .n_polls = TT_COUNT(polls),
                                 .connections = connections,
                                 .n_connections = 2,
                                 .devices = devices,
                                 .n_devices = 4,
                                 .n_disabled = 1,
                                 .is_usable = true};
  assert_true(sd_event_new(&w->event) >= 0);
  w->core = tt_core_create();
  tt_core_turn(w->core, tt_loop_clock());
  return w;
}

static void open_world(struct world *w)
{
  assert_int_equal(tt_host_create(w->event, w->core, &w->config, &w->host), 0);
  w->hooks = tt_host_devices(w->host);
  tt_host_start(w->host);
}

/* One event of the loop, with the time as of now. */
static bool turn(struct world *w, uint64_t wait_us)
{
  int r = sd_event_prepare(w->event);
  if (r == 0)
    r = sd_event_wait(w->event, wait_us);
  tt_core_turn(w->core, tt_loop_clock());
  if (r > 0)
    assert_true(sd_event_dispatch(w->event) >= 0);
  return r > 0;
}

/* Everything that is ready now. */
static void settle(struct world *w)
{
  while (turn(w, 0))
    ;
}

#define WAIT_FOR(w, condition)                                                                                     \
  for (uint64_t end_us_ = tt_loop_clock().mono_us + 10000 * MS; !(condition);) {                                   \
    assert_true(tt_loop_clock().mono_us < end_us_);                                                                \
    turn(w, 100 * MS);                                                                                             \
  }

static void on_stopped(void *user)
{
  struct world *w = user;
  assert_false(w->is_stopped);
  w->is_stopped = true;
}

static void close_world(struct world *w)
{
  tt_host_stop(w->host, on_stopped, w);
  WAIT_FOR(w, w->is_stopped);
  assert_true(tt_host_is_stopped(w->host));
  tt_host_destroy(w->host);
  tt_core_destroy(w->core);
  sd_event_unref(w->event);
}

static struct tt_node *node(struct world *w, const char *key)
{
  struct tt_node *found = tt_tree_find(tt_core_tree(w->core), key, NULL, NULL);
  assert_non_null(found);
  return found;
}

static const char *message_of(struct world *w, const char *key, const char *code)
{
  struct tt_node *n = node(w, key);
  for (size_t i = 0; i < n->n_messages; i++)
    if (strcmp(n->messages[i].code, code) == 0)
      return n->messages[i].text;
  return NULL;
}

static int64_t number_of(struct world *w, const char *key, const char *name)
{
  uint16_t point;
  assert_int_equal(tt_node_point(node(w, key), name, &point), 0);
  return (int64_t)tt_value_number(&node(w, key)->fields[point].value);
}

static void on_answer(void *user, int error, const char *text)
{
  struct answer *answer = user;
  answer->calls++;
  answer->error = error;
  snprintf(answer->text, sizeof(answer->text), "%s", text ? text : "");
}

static int ask(struct world *w, const char *key, const char *names, uint64_t in_us, struct answer *answer)
{
  uint16_t list[8];
  size_t n = 0;
  for (; names[n]; n++)
    list[n] = (uint16_t)(names[n] - 'a');
  return w->hooks.read(w->hooks.user, node(w, key)->id, list, n, tt_loop_clock().mono_us + in_us, on_answer,
                       answer);
}

static int tell(struct world *w, const char *key, char name, int64_t value, uint64_t in_us, struct answer *answer)
{
  return w->hooks.write(w->hooks.user, node(w, key)->id, (uint16_t)(name - 'a'), &TT_VALUE_INT64(value),
                        tt_loop_clock().mono_us + in_us, on_answer, answer);
}

static void report(struct call *call, uint16_t point, int64_t value)
{
  tt_report(call->device, point, &TT_VALUE_INT64(value), 0, 0);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */
/* A place is called as `places:` says, if there is one; a label of a place without devices harms nobody. */
static void test_places_have_their_labels(void **state)
{
  static struct tt_place_config places[] = {
      {.path = "house", .label = {.n = 2, .language = {"en", "sv"}, .text = {"House", "Huset"}}},
      {.path = "nowhere", .label = {.n = 1, .language = {"en"}, .text = {"Nowhere"}}},
  };
  struct world w;
  (void)state;
  setup(&w);
  w.config.places = places;
  w.config.n_places = TT_COUNT(places);
  open_world(&w);
  const struct tt_node *house = tt_tree_find(tt_core_tree(w.core), "house", NULL, NULL);
  assert_non_null(house);
  assert_string_equal(tt_node_label(house, "sv"), "Huset");
  assert_null(tt_tree_find(tt_core_tree(w.core), "nowhere", NULL, NULL));
  close_world(&w);
}

static void test_nodes_of_everything(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  open_world(&w);
  assert_string_equal(node(&w, "one")->parent->key, "house");
  assert_string_equal(node(&w, "one")->type, "thingtree.device.probe");
  assert_int_equal(node(&w, "one")->timeout_us, 50 * MS);
  assert_int_equal(node(&w, "broken")->n_points, 0);
  assert_true(node(&w, "broken")->is_disabled);
  assert_int_equal(tt_node_state(node(&w, "broken")), TT_STATE_ERROR_UNSIGNED);
  assert_string_equal(message_of(&w, "broken", "config"), devices[2].error);
  assert_string_equal(tt_label_for(node(&w, "broken")->label, "en", ""), "Broken thing");
  assert_string_equal(message_of(&w, "orphan", "connection"),
                      "connection gone: bridge x cannot be used: it is missing");
  assert_non_null(message_of(&w, "gateway/gone", "connection"));
  assert_string_equal(tt_host_connection(w.host, 1).state, "disabled");
  assert_null(message_of(&w, "one", "connection"));
  assert_int_equal(number_of(&w, "gateway", "devices"), 4);
  assert_int_equal(number_of(&w, "gateway", "devices_disabled"), 1);
  assert_int_equal(number_of(&w, "gateway/bus", "devices"), 2);
  assert_string_equal(node(&w, "gateway")->fields[0].value.text, TT_VERSION);
  assert_int_equal(probe.n_devices, 2);
  assert_ptr_equal(tt_device_config(probe.devices[0]), &devices[0].config); /* in the order of the files */
  struct answer a = {0};
  assert_int_equal(ask(&w, "broken", "a", 50 * MS, &a), -ENODEV);
  assert_int_equal(ask(&w, "orphan", "a", 50 * MS, &a), -ENODEV);
  assert_int_equal(ask(&w, "house", "a", 50 * MS, &a), -ENODEV);
  settle(&w);
  assert_int_equal(a.calls, 0);
  close_world(&w);
}

static void test_read_answers_once_and_later(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  assert_int_equal(ask(&w, "one", "aba", 5000 * MS, &a), 0);
  assert_int_equal(probe.n_calls, 0); /* not from within */
  settle(&w);
  assert_int_equal(probe.n_calls, 1);
  assert_int_equal(probe.calls[0].n, 2); /* a point named twice is read once */
  report(&probe.calls[0], 0, 42);
  tt_report_error(probe.calls[0].device, 1, "register %d refused", 7);
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  assert_int_equal(a.calls, 0);
  settle(&w);
  assert_int_equal(a.calls, 1);
  assert_int_equal(a.error, 0);
  assert_int_equal(number_of(&w, "one", "a"), 42);
  assert_string_equal(node(&w, "one")->field_errors[1], "register 7 refused");
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL); /* once more: counted, ignored */
  settle(&w);
  assert_int_equal(a.calls, 1);
  assert_int_equal(tt_host_connection(w.host, 0).late, 1);
  assert_int_equal(tt_host_connection(w.host, 0).requests, 0);
  assert_int_equal(ask(&w, "one", "", 1, &a), -EINVAL);
  assert_int_equal(ask(&w, "one", "z", 1, &a), -EINVAL);
  close_world(&w);
}

static void test_open_reads_are_shared(void **state)
{
  struct world w;
  struct answer a = {0}, b = {0}, c = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  assert_int_equal(ask(&w, "one", "ab", 5000 * MS, &a), 0);
  settle(&w);
  assert_int_equal(ask(&w, "one", "ab", 6000 * MS, &b), 0);
  assert_int_equal(ask(&w, "one", "bcd", 6000 * MS, &c), 0);
  settle(&w);
  assert_int_equal(probe.n_calls, 2);
  assert_int_equal(probe.calls[1].n, 2); /* c and d: b is being read */
  assert_int_equal(probe.calls[1].points[0], 2);
  tt_done(probe.bridge, probe.calls[1].id, 0, NULL);
  settle(&w);
  assert_int_equal(c.calls, 0); /* still waits for b */
  tt_done(probe.bridge, probe.calls[0].id, -EIO, "unit %d is silent", 3);
  settle(&w);
  assert_int_equal(a.calls + b.calls + c.calls, 3);
  assert_int_equal(a.error, -EIO);
  assert_int_equal(c.error, -EIO);
  assert_string_equal(b.text, "unit 3 is silent");
  close_world(&w);
}

static void test_writes_are_one_after_the_other(void **state)
{
  struct world w;
  struct answer a[3] = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  assert_int_equal(tell(&w, "one", 'a', 1, 5000 * MS, &a[0]), 0);
  assert_int_equal(tell(&w, "one", 'b', 2, 5000 * MS, &a[1]), 0);
  assert_int_equal(tell(&w, "two", 'a', 3, 5000 * MS, &a[2]), 0); /* another device: beside it */
  settle(&w);
  assert_int_equal(probe.n_calls, 2);
  assert_int_equal(probe.calls[0].value, 1);
  assert_int_equal(probe.calls[1].value, 3);
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  settle(&w);
  assert_int_equal(a[0].calls, 1);
  assert_int_equal(probe.n_calls, 3);
  assert_int_equal(probe.calls[2].value, 2);
  tt_done(probe.bridge, probe.calls[2].id, EIO, NULL); /* a careless sign */
  settle(&w);
  assert_int_equal(a[1].error, -EIO);
  assert_string_equal(a[1].text, strerror(EIO));
  assert_null(message_of(&w, "one", "offline")); /* a refused write says nothing about the device */
  assert_int_equal(tell(&w, "one", 'e', 1, 5000 * MS, &a[0]), -EINVAL);
  assert_int_equal(tell(&w, "one", 'z', 1, 5000 * MS, &a[0]), -EINVAL);
  tt_done(probe.bridge, probe.calls[1].id, 0, NULL);
  close_world(&w);
}

static void test_a_read_from_before_a_write_proves_nothing_about_it(void **state)
{
  struct world w;
  struct answer before = {0}, set = {0}, after = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  ask(&w, "one", "a", 5000 * MS, &before);
  settle(&w);
  tell(&w, "one", 'a', 1, 5000 * MS, &set);
  settle(&w);
  tt_done(probe.bridge, probe.calls[1].id, 0, NULL);
  settle(&w);
  ask(&w, "one", "a", 5000 * MS, &after);
  settle(&w);
  assert_int_equal(probe.n_calls, 2); /* never two reads of a point at once */
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  settle(&w);
  assert_int_equal(before.calls, 1);
  assert_int_equal(after.calls, 0);
  assert_int_equal(probe.n_calls, 3);
  tt_done(probe.bridge, probe.calls[2].id, 0, NULL);
  settle(&w);
  assert_int_equal(after.calls, 1);
  close_world(&w);
}

static void test_host_answers_for_a_silent_bridge(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  uint64_t begin_us = tt_loop_clock().mono_us;
  ask(&w, "one", "a", 30 * MS, &a);
  WAIT_FOR(&w, a.calls == 1);
  uint64_t took_us = tt_loop_clock().mono_us - begin_us;
  assert_in_range(took_us, TT_HOST_GRACE_US + 30 * MS, TT_HOST_GRACE_US + 3000 * MS);
  assert_int_equal(a.error, -ETIMEDOUT);
  assert_non_null(message_of(&w, "one", "offline"));
  assert_int_equal(tt_node_state(node(&w, "one")), TT_STATE_ERROR_UNSIGNED);
  assert_int_equal(tt_host_connection(w.host, 0).timeouts, 1);

  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  WAIT_FOR(&w, number_of(&w, "gateway/bus", "late_completions") == 1);
  assert_int_equal(a.calls, 1);
  assert_int_equal(number_of(&w, "gateway/bus", "requests_failed"), 1);
  assert_int_equal(number_of(&w, "gateway", "devices_offline"), 2); /* the orphan too */

  tt_report(probe.calls[0].device, 0, &TT_VALUE_INT64(1), 0, TT_REPORT_RETAINED);
  assert_non_null(message_of(&w, "one", "offline")); /* from a store: no proof */
  report(&probe.calls[0], 0, 1);
  assert_null(message_of(&w, "one", "offline"));
  close_world(&w);
}

/* Its turn on a shared line did not come: the requester is told, and nothing is said of the device. */
static void test_a_device_that_could_not_be_asked(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  ask(&w, "one", "a", 5000 * MS, &a);
  WAIT_FOR(&w, probe.n_calls == 1);
  tt_done(probe.bridge, probe.calls[0].id, -EBUSY, "its turn did not come");
  WAIT_FOR(&w, a.calls == 1);
  assert_int_equal(a.error, -EBUSY);
  assert_string_equal(a.text, "its turn did not come");
  assert_null(message_of(&w, "one", "offline"));
  ask(&w, "one", "a", 5000 * MS, &a);
  WAIT_FOR(&w, probe.n_calls == 2);
  tt_done(probe.bridge, probe.calls[1].id, -EIO, NULL);
  WAIT_FOR(&w, a.calls == 2);
  assert_non_null(message_of(&w, "one", "offline"));
  ask(&w, "one", "a", 5000 * MS, &a);
  WAIT_FOR(&w, probe.n_calls == 3);
  tt_done(probe.bridge, probe.calls[2].id, -EBUSY, NULL);
  WAIT_FOR(&w, a.calls == 3);
  assert_non_null(message_of(&w, "one", "offline")); /* nor that it is back */
  close_world(&w);
}

static void test_a_shared_read_keeps_the_earlier_deadline(void **state)
{
  struct world w;
  struct answer patient = {0}, hasty = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  ask(&w, "one", "a", 60000 * MS, &patient);
  settle(&w);
  ask(&w, "one", "a", 10 * MS, &hasty);
  WAIT_FOR(&w, hasty.calls == 1);
  assert_int_equal(hasty.error, -ETIMEDOUT);
  assert_int_equal(patient.calls, 0);
  report(&probe.calls[0], 0, 5);
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  settle(&w);
  assert_int_equal(patient.calls, 1);
  assert_int_equal(patient.error, 0);
  assert_int_equal(hasty.calls, 1);
  close_world(&w);
}

static void test_expired_is_not_started(void **state)
{
  struct world w;
  struct answer a = {0}, b = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  tell(&w, "one", 'a', 1, 5000 * MS, &a);
  tell(&w, "one", 'b', 2, 1 * MS, &b);
  settle(&w);
  uint64_t until_us = tt_loop_clock().mono_us + 5 * MS;
  WAIT_FOR(&w, tt_loop_clock().mono_us > until_us);
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  settle(&w);
  assert_int_equal(probe.n_calls, 1);
  assert_int_equal(b.error, -ETIMEDOUT);
  close_world(&w);
}

static void test_completion_from_within_is_a_breach_and_harmless(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  probe.answers_within = true;
  ask(&w, "one", "a", 5000 * MS, &a);
  WAIT_FOR(&w, a.calls == 1);
  assert_int_equal(a.error, -EIO);
  assert_int_equal(tt_host_connection(w.host, 0).breaches, 1);
  assert_int_equal(tt_host_connection(w.host, 0).timeouts, 0);
  tt_report(probe.devices[0], TT_COUNT(points), &TT_VALUE_INT64(1), 0, 0);
  assert_int_equal(tt_host_connection(w.host, 0).breaches, 2);
  tt_detached(probe.devices[0]);
  tt_stopped(probe.bridge);
  assert_int_equal(tt_host_connection(w.host, 0).breaches, 4);
  close_world(&w);
}

static void test_stop_ends_every_request(void **state)
{
  struct world w;
  struct answer a[4] = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  ask(&w, "one", "a", 5000 * MS, &a[0]);
  tell(&w, "one", 'a', 1, 5000 * MS, &a[1]);
  settle(&w);
  tell(&w, "one", 'b', 2, 5000 * MS, &a[2]);
  ask(&w, "two", "a", 5000 * MS, &a[3]);
  probe.stops_later = true;
  tt_host_stop(w.host, on_stopped, &w);
  settle(&w);
  assert_int_equal(probe.stops, 1);
  assert_int_equal(probe.n_calls, 2); /* what waited was never sent */
  for (size_t i = 0; i < TT_COUNT(a); i++) {
    assert_int_equal(a[i].calls, 1);
    assert_int_equal(a[i].error, -ECANCELED);
  }
  assert_false(w.is_stopped);
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a[0]), -ENODEV);
  tt_stopped(probe.bridge);
  settle(&w);
  assert_true(w.is_stopped);
  assert_int_equal(a[0].calls, 1);
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a[0]), -ENODEV);
  assert_int_equal(tt_host_connection(w.host, 0).breaches, 0);
  close_world(&w);
}

/* bridge.h: after stop or detach there is no read any more, though the bridge takes its time over it. */
static void test_nothing_is_polled_on_its_way_out(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  points[0].poll = 0;
  open_world(&w);
  WAIT_FOR(&w, probe.n_calls >= 2);
  probe.stops_later = probe.detaches_later = true;
  struct tt_device *device = probe.devices[0];
  assert_int_equal(tt_host_detach(w.host, "one"), 0);
  settle(&w);
  tt_host_stop(w.host, on_stopped, &w);
  size_t n_calls = probe.n_calls;
  uint64_t until_us = tt_loop_clock().mono_us + 100 * MS;
  WAIT_FOR(&w, tt_loop_clock().mono_us > until_us);
  assert_int_equal(probe.n_calls, n_calls);
  tt_detached(device);
  tt_stopped(probe.bridge);
  close_world(&w);
}

static void test_detach_and_attach(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  ask(&w, "one", "a", 5000 * MS, &a);
  settle(&w);
  struct tt_device *device = probe.calls[0].device;
  *(int *)tt_device_state(device) = 5;
  probe.detaches_later = true;
  assert_int_equal(tt_host_detach(w.host, "one"), 0);
  assert_int_equal(tt_host_detach(w.host, "one"), -ENODEV);
  settle(&w);
  assert_int_equal(a.error, -ECANCELED);
  assert_true(tt_host_is_attached(w.host, "one"));
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a), -ENODEV);
  tt_report(device, 0, &TT_VALUE_INT64(9), 0, 0); /* too late: not shown */
  tt_detached(device);
  settle(&w);
  assert_false(tt_host_is_attached(w.host, "one"));
  assert_int_equal(node(&w, "one")->fields[0].value.type, TT_TYPE_NONE);
  assert_int_equal(tt_host_connection(w.host, 0).devices, 1);

  assert_int_equal(tt_host_attach(w.host, "one"), 0);
  assert_int_equal(tt_host_attach(w.host, "one"), -ENODEV);
  assert_int_equal(tt_host_attach(w.host, "nobody"), -ENODEV);
  assert_int_equal(*(int *)tt_device_state(device), 0); /* a fresh state */
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a), 0);
  settle(&w);
  assert_int_equal(probe.n_calls, 2);
  close_world(&w);
}

static void test_connection_state_is_shown(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  open_world(&w);
  assert_string_equal(tt_host_connection(w.host, 0).state, "unknown");
  tt_connection_state(probe.bridge, TT_LINK_OFFLINE, "connection refused by %s", "127.0.0.1:1883");
  assert_string_equal(message_of(&w, "gateway/bus", "connection"), "connection refused by 127.0.0.1:1883");
  assert_string_equal(message_of(&w, "one", "connection"), "connection bus: connection refused by 127.0.0.1:1883");
  assert_string_equal(node(&w, "gateway/bus")->fields[1].value.text, "offline");
  assert_int_equal(number_of(&w, "gateway", "devices_offline"), 3);
  ask(&w, "one", "a", 5000 * MS, &a);
  settle(&w);
  tt_done(probe.bridge, probe.calls[0].id, -ENOTCONN, NULL);
  assert_null(message_of(&w, "one", "offline")); /* one reason is enough */
  tt_connection_state(probe.bridge, TT_LINK_ONLINE, NULL);
  assert_null(message_of(&w, "gateway/bus", "connection"));
  assert_null(message_of(&w, "one", "connection"));
  assert_string_equal(tt_host_connection(w.host, 0).state, "online");
  tt_device_link(probe.devices[0], TT_LINK_OFFLINE, "says \"%s\"", "offline");
  assert_string_equal(message_of(&w, "one", "offline"), "says \"offline\"");
  tt_device_link(probe.devices[0], TT_LINK_ONLINE, NULL);
  assert_null(message_of(&w, "one", "offline"));
  close_world(&w);
}

static void test_own_nodes_can_be_read(void **state)
{
  struct world w;
  struct answer a = {0};
  uint16_t first = 0;
  (void)state;
  setup(&w);
  open_world(&w);
  assert_int_equal(w.hooks.read(w.hooks.user, node(&w, "gateway/bus")->id, &first, 1, 0, on_answer, &a), 0);
  assert_int_equal(a.calls, 0);
  settle(&w);
  assert_int_equal(a.calls, 1);
  assert_int_equal(a.error, 0);
  assert_int_equal(w.hooks.write(w.hooks.user, node(&w, "gateway")->id, 0, &TT_VALUE_INT64(1), 0, on_answer, &a),
                   -ENODEV);
  close_world(&w);
}

static void test_polls_take_one_class_together(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  points[0].poll = points[1].poll = points[3].poll = 0;
  points[2].poll = 1;
  points[3].is_hidden = true; /* for verification only */
  devices[1].is_disabled = true;
  open_world(&w);
  WAIT_FOR(&w, probe.n_calls == 2);
  size_t fast = probe.calls[0].points[0] == 2 ? 1 : 0;
  assert_int_equal(probe.calls[fast].n, 2);
  assert_int_equal(probe.calls[fast].points[0], 0);
  assert_int_equal(probe.calls[fast].points[1], 1);
  assert_int_equal(probe.calls[!fast].n, 1);
  tt_done(probe.bridge, probe.calls[!fast].id, 0, NULL);
  struct call open = probe.calls[fast];
  uint64_t until_us = tt_loop_clock().mono_us + 50 * MS;
  WAIT_FOR(&w, tt_loop_clock().mono_us > until_us);
  assert_int_equal(probe.n_calls, 2); /* still open: not again */
  tt_done(probe.bridge, open.id, 0, NULL);
  WAIT_FOR(&w, probe.n_calls == 3);
  close_world(&w);
}

static void test_polls_wait_for_writes_and_skip_what_is_being_read(void **state)
{
  struct world w;
  struct answer a = {0}, b = {0};
  (void)state;
  setup(&w);
  points[0].poll = points[1].poll = 0;
  devices[1].is_disabled = true;
  open_world(&w);
  tell(&w, "one", 'c', 1, 5000 * MS, &a);
  uint64_t until_us = tt_loop_clock().mono_us + 100 * MS;
  WAIT_FOR(&w, tt_loop_clock().mono_us > until_us);
  assert_int_equal(probe.n_calls, 1);
  assert_true(probe.calls[0].is_write);
  ask(&w, "one", "a", 5000 * MS, &b);
  tt_done(probe.bridge, probe.calls[0].id, 0, NULL);
  WAIT_FOR(&w, probe.n_calls == 3);
  assert_int_equal(probe.calls[1].points[0], 0);
  assert_int_equal(probe.calls[2].n, 1); /* the poll reads what the request does not */
  assert_int_equal(probe.calls[2].points[0], 1);
  close_world(&w);
}

static void test_dead_device_is_asked_ever_more_rarely(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  points[0].poll = 0; /* 20 ms: the cap is 200 ms */
  devices[1].is_disabled = true;
  open_world(&w);
  uint64_t begin_us = tt_loop_clock().mono_us, last_us = 0, gap_us = 0;
  for (size_t i = 0; i < 8; i++) {
    WAIT_FOR(&w, probe.n_calls == i + 1);
    gap_us = tt_loop_clock().mono_us - last_us;
    last_us = tt_loop_clock().mono_us;
    tt_done(probe.bridge, probe.calls[i].id, -ETIMEDOUT, NULL);
  }
  assert_true(last_us - begin_us > 400 * MS); /* without back-off: 160 */
  assert_true(gap_us > 150 * MS);
  assert_non_null(message_of(&w, "one", "offline"));
  WAIT_FOR(&w, probe.n_calls == 9);
  report(&probe.calls[8], 0, 1);
  tt_done(probe.bridge, probe.calls[8].id, 0, NULL);
  assert_null(message_of(&w, "one", "offline"));
  last_us = tt_loop_clock().mono_us;
  WAIT_FOR(&w, probe.n_calls == 10);
  assert_true(tt_loop_clock().mono_us - last_us < 150 * MS);
  close_world(&w);
}

static void test_reconnect_asks_soon(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  polls[0].every_us = 60 * TT_USEC_PER_SEC;
  points[0].poll = 0;
  devices[1].is_disabled = true;
  open_world(&w);
  WAIT_FOR(&w, probe.n_calls == 1);
  tt_connection_state(probe.bridge, TT_LINK_OFFLINE, "gone");
  tt_done(probe.bridge, probe.calls[0].id, -ENOTCONN, NULL);
  tt_connection_state(probe.bridge, TT_LINK_ONLINE, NULL);
  WAIT_FOR(&w, probe.n_calls == 2);
  polls[0].every_us = 20 * MS;
  close_world(&w);
}

static void test_attach_and_start_may_fail(void **state)
{
  struct world w;
  struct answer a = {0};
  (void)state;
  setup(&w);
  probe.attach_error = -EADDRNOTAVAIL;
  open_world(&w);
  assert_string_equal(message_of(&w, "one", "attach"), "no such unit: 17");
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a), -ENODEV);
  probe.attach_error = 0;
  assert_int_equal(tt_host_attach(w.host, "one"), 0);
  assert_null(message_of(&w, "one", "attach"));
  close_world(&w);

  setup(&w);
  probe.start_error = -ELIBACC;
  open_world(&w);
  assert_string_equal(tt_host_connection(w.host, 0).state, "disabled");
  assert_non_null(message_of(&w, "one", "connection"));
  assert_int_equal(ask(&w, "one", "a", 5000 * MS, &a), -ENODEV);
  close_world(&w);
  assert_int_equal(probe.stops, 0);
}

static void test_limits(void **state)
{
  struct world w;
  static struct answer answers[TT_BRIDGE_REQUESTS_MAX + 1];
  (void)state;
  setup(&w);
  open_world(&w);
  for (size_t i = 0; i < TT_BRIDGE_REQUESTS_MAX; i++)
    assert_int_equal(tell(&w, "one", 'a', 1, 5000 * MS, &answers[i]), 0);
  assert_int_equal(tell(&w, "two", 'a', 1, 5000 * MS, &answers[TT_BRIDGE_REQUESTS_MAX]), -EBUSY);
  assert_int_equal(ask(&w, "two", "a", 5000 * MS, &answers[TT_BRIDGE_REQUESTS_MAX]), -EBUSY);
  tt_host_stop(w.host, on_stopped, &w);
  WAIT_FOR(&w, w.is_stopped);
  for (size_t i = 0; i < TT_BRIDGE_REQUESTS_MAX; i++)
    assert_int_equal(answers[i].calls, 1);
  assert_int_equal(answers[TT_BRIDGE_REQUESTS_MAX].calls, 0);
  close_world(&w);

  static struct tt_device_entry many[TT_BRIDGE_DEVICES_MAX + 1];
  static char keys[TT_BRIDGE_DEVICES_MAX + 1][8];
  setup(&w);
  for (size_t i = 0; i < TT_COUNT(many); i++) {
    snprintf(keys[i], sizeof(keys[i]), "d%zu", i);
    many[i] = devices[1];
    many[i].config.key = keys[i];
  }
  w.config.devices = many;
  w.config.n_devices = TT_COUNT(many);
  open_world(&w);
  assert_int_equal(tt_host_connection(w.host, 0).devices, TT_BRIDGE_DEVICES_MAX);
  assert_non_null(strstr(message_of(&w, keys[TT_BRIDGE_DEVICES_MAX], "attach"), "1000"));
  close_world(&w);
}

static void test_destroy_without_start(void **state)
{
  struct world w;
  (void)state;
  setup(&w);
  assert_int_equal(tt_host_create(w.event, w.core, &w.config, &w.host), 0);
  tt_host_destroy(w.host);
  tt_host_destroy(NULL);
  tt_core_destroy(w.core);
  sd_event_unref(w.event);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_places_have_their_labels),
      cmocka_unit_test(test_nodes_of_everything),
      cmocka_unit_test(test_read_answers_once_and_later),
      cmocka_unit_test(test_open_reads_are_shared),
      cmocka_unit_test(test_writes_are_one_after_the_other),
      cmocka_unit_test(test_a_read_from_before_a_write_proves_nothing_about_it),
      cmocka_unit_test(test_host_answers_for_a_silent_bridge),
      cmocka_unit_test(test_a_device_that_could_not_be_asked),
      cmocka_unit_test(test_a_shared_read_keeps_the_earlier_deadline),
      cmocka_unit_test(test_expired_is_not_started),
      cmocka_unit_test(test_completion_from_within_is_a_breach_and_harmless),
      cmocka_unit_test(test_stop_ends_every_request),
      cmocka_unit_test(test_nothing_is_polled_on_its_way_out),
      cmocka_unit_test(test_detach_and_attach),
      cmocka_unit_test(test_connection_state_is_shown),
      cmocka_unit_test(test_own_nodes_can_be_read),
      cmocka_unit_test(test_polls_take_one_class_together),
      cmocka_unit_test(test_polls_wait_for_writes_and_skip_what_is_being_read),
      cmocka_unit_test(test_dead_device_is_asked_ever_more_rarely),
      cmocka_unit_test(test_reconnect_asks_soon),
      cmocka_unit_test(test_attach_and_start_may_fail),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_destroy_without_start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
