/* SPDX-License-Identifier: Apache-2.0
 * Another configuration for a host that runs: what differs leaves and joins, and nobody else notices. */
#include "bridge/host.h"

#include "service/loop.h"

#include <limits.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "cmocka_all.h"

#define MS     TT_USEC_PER_MSEC
#define MANY   500
#define POINTS 3

/* ---- A bridge that notes what happens ------------------------------------------------------------------------- */
struct options {
  const char *host, *password;
};
static const struct tt_option connection_options[] = {
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct options, host),
     .flags = TT_OPTION_ADDRESS,
     .help = "Host."},
    {.name = "password", .type = TT_OPTION_SECRET, .offset = offsetof(struct options, password), .help = "Secret."},
    TT_OPTION_END,
};
struct unit {
  int64_t unit;
};
static const struct tt_option unit_options[] = {
    {.name = "unit", .type = TT_OPTION_INTEGER, .offset = offsetof(struct unit, unit), .help = "Unit."},
    TT_OPTION_END,
};

struct noted {
  struct tt_bridge *bridge;
  struct tt_device *device;
  tt_id id;
};
static struct {
  struct noted attached[4 * MANY], reads[64], leaving[64];
  size_t n_attached, n_reads, n_leaving;
  unsigned starts, stops, detaches;
  bool detaches_later, stops_later;
  struct tt_bridge *stopping;
} probe;

static int probe_start(struct tt_bridge *bridge)
{
  (void)bridge;
  probe.starts++;
  return 0;
}

static void cancel_reads(struct tt_bridge *bridge, struct tt_device *device)
{
  for (size_t i = 0; i < probe.n_reads; i++)
    if (probe.reads[i].bridge == bridge && (!device || probe.reads[i].device == device))
      tt_done(bridge, probe.reads[i].id, -ECANCELED, NULL);
}

static void probe_stop(struct tt_bridge *bridge)
{
  probe.stops++;
  cancel_reads(bridge, NULL);
  if (probe.stops_later)
    probe.stopping = bridge;
  else
    tt_stopped(bridge);
}

static int probe_attach(struct tt_bridge *bridge, struct tt_device *device)
{
  if (probe.n_attached < TT_COUNT(probe.attached))
    probe.attached[probe.n_attached++] = (struct noted){.bridge = bridge, .device = device};
  return 0;
}

static void probe_detach(struct tt_bridge *bridge, struct tt_device *device)
{
  probe.detaches++;
  cancel_reads(bridge, device);
  if (probe.detaches_later)
    probe.leaving[probe.n_leaving++] = (struct noted){.device = device};
  else
    tt_detached(device);
}

static void probe_read(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                       size_t n, uint64_t deadline_us)
{
  (void)points, (void)n, (void)deadline_us;
  assert_true(probe.n_reads < TT_COUNT(probe.reads));
  probe.reads[probe.n_reads++] = (struct noted){.bridge = bridge, .device = device, .id = id};
}

static void probe_write(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  (void)bridge, (void)id, (void)device, (void)point, (void)value, (void)deadline_us;
}

static const struct tt_bridge_ops probe_ops = {
    .abi = TT_BRIDGE_ABI,
    .name = "probe",
    .summary = "for tests",
    .connection = {sizeof(struct options), connection_options},
    .device = {sizeof(struct unit), unit_options},
    .read_address = {sizeof(struct unit), unit_options},
    .device_size = 16,
    .start = probe_start,
    .stop = probe_stop,
    .attach = probe_attach,
    .detach = probe_detach,
    .read = probe_read,
    .write = probe_write,
};

/* ---- Configurations: each in memory of its own, which ends with it ---------------------------------------------- */
struct made {
  struct tt_config config;
  struct tt_connection_config connections[4];
  struct tt_device_entry devices[MANY + 8];
  char keys[MANY + 8][16];
  struct unit units[MANY + 8], addresses[POINTS];
  struct tt_point points[MANY + 8][POINTS];
  struct options options[4];
  struct tt_poll_class polls[2];
};

static void add_connection(struct made *m, const char *name)
{
  size_t i = m->config.n_connections++;
  m->options[i] = (struct options){.host = "127.0.0.1", .password = "secret"};
  m->connections[i] = (struct tt_connection_config){
      .name = name, .ops = &probe_ops, .options = &m->options[i], .timeout_us = 5000 * MS};
}

static struct tt_device_entry *add_device(struct made *m, const char *key, size_t connection)
{
  size_t i = m->config.n_devices++;
  static const char *const names[POINTS] = {"a", "b", "c"};
  snprintf(m->keys[i], sizeof m->keys[i], "%s", key);
  m->units[i].unit = (int64_t)i;
  for (size_t k = 0; k < POINTS; k++)
    m->points[i][k] = (struct tt_point){.name = names[k],
                                        .type = TT_TYPE_INT64,
                                        .unit = "",
                                        .ucum = "",
                                        .categories = TT_CATEGORY_MOMENTARY,
                                        .poll = -1,
                                        .decimals = TT_DECIMALS_FREE,
                                        .address = &m->addresses[k]};
  m->devices[i] = (struct tt_device_entry){
      .config = {.key = m->keys[i], .options = &m->units[i], .points = m->points[i], .n_points = POINTS},
      .place = "house",
      .type = "thingtree.device.probe",
      .mapping = "probe/x",
      .connection = connection,
  };
  /* where it stands makes no difference */
  m->devices[i].config.mark =
      (struct tt_mark){.file = "x.yaml", .line = (unsigned)tt_random_below(1000), .column = 1};
  return &m->devices[i];
}

static struct made *make(size_t n)
{
  struct made *m = calloc(1, sizeof *m);
  assert_non_null(m);
  m->polls[0] = (struct tt_poll_class){.name = "fast", .every_us = 1000 * MS, .max_age_us = 1000 * MS};
  m->config = (struct tt_config){
      .connections = m->connections, .devices = m->devices, .polls = m->polls, .n_polls = 1, .is_usable = true};
  for (size_t k = 0; k < POINTS; k++)
    m->addresses[k].unit = (int64_t)k;
  add_connection(m, "bus");
  for (size_t i = 0; i < n; i++) {
    char key[16];
    snprintf(key, sizeof key, "d%zu", i);
    add_device(m, key, 0);
  }
  return m;
}

/* Nobody may look at it any more. */
static void unmake(struct made *m)
{
  memset(m, 0xa5, sizeof *m);
  free(m);
}

/* ---- The world --------------------------------------------------------------------------------------------------- */
struct world {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_host *host;
  struct tt_device_hooks hooks;
  struct made *first, *last;
  bool is_stopped;
};

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

static void settle(struct world *w)
{
  while (turn(w, 0))
    ;
}

static void open_world(struct world *w, struct made *first)
{
  memset(&probe, 0, sizeof probe);
  *w = (struct world){.first = first};
  assert_true(sd_event_new(&w->event) >= 0);
  w->core = tt_core_create();
  tt_core_turn(w->core, tt_loop_clock());
  tt_core_set_poll_classes(w->core, first->config.polls, first->config.n_polls);
  assert_int_equal(tt_host_create(w->event, w->core, &first->config, &w->host), 0);
  w->hooks = tt_host_devices(w->host);
  tt_host_start(w->host);
  settle(w);
}

static void on_stopped(void *user)
{
  ((struct world *)user)->is_stopped = true;
}

static void close_world(struct world *w)
{
  tt_host_stop(w->host, on_stopped, w);
  settle(w);
  assert_true(w->is_stopped);
  tt_host_destroy(w->host);
  tt_core_destroy(w->core);
  sd_event_unref(w->event);
  assert_int_equal(w->first->config.n_users, 0);
  unmake(w->first);
  if (w->last)
    unmake(w->last);
}

/* Nobody uses the configuration before the last but what is as it was at the start. */
static struct tt_host_changes apply(struct world *w, struct made *m, const char *only)
{
  struct tt_host_changes changes;
  const struct tt_only these = {.keys = &only, .n = 1};
  assert_int_equal(tt_host_apply(w->host, &m->config, only ? &these : NULL, &changes), 0);
  if (w->last)
    unmake(w->last);
  w->last = m;
  return changes;
}

static struct tt_node *find(struct world *w, const char *key)
{
  return tt_tree_find(tt_core_tree(w->core), key, NULL, NULL);
}

static tt_id id_of(struct world *w, const char *key)
{
  assert_non_null(find(w, key));
  return find(w, key)->id;
}

static struct tt_device *attached(const char *key)
{
  for (size_t i = probe.n_attached; i-- > 0;)
    if (strcmp(tt_device_config(probe.attached[i].device)->key, key) == 0)
      return probe.attached[i].device;
  return NULL;
}

struct answer {
  unsigned calls;
  int error;
};
static void on_answer(void *user, int error, const char *text)
{
  struct answer *answer = user;
  (void)text;
  answer->calls++;
  answer->error = error;
}

static int ask(struct world *w, const char *key, struct answer *answer)
{
  static const uint16_t points[] = {0};
  return w->hooks.read(w->hooks.user, id_of(w, key), points, 1, tt_loop_clock().mono_us + 5000 * MS, on_answer,
                       answer);
}

/* ---- Tests ------------------------------------------------------------------------------------------------------ */
static void test_the_same_changes_nothing(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(20));
  tt_id id = id_of(&w, "d7");
  struct tt_host_changes c = apply(&w, make(20), NULL);
  settle(&w);
  assert_int_equal(c.unchanged, 20);
  assert_int_equal(c.added + c.changed + c.removed, 0);
  assert_int_equal(c.connections_unchanged, 1);
  assert_int_equal(id_of(&w, "d7"), id);
  assert_int_equal(probe.n_attached, 20);
  assert_int_equal(probe.starts, 1);
  assert_int_equal(probe.detaches + probe.stops, 0);
  close_world(&w);
}

/* 500 devices, one of them changed: no value and no request of the others is lost. */
static void test_one_of_many_changes(void **state)
{
  static struct answer answers[8];
  static tt_id ids[MANY];
  struct world w;
  (void)state;
  memset(answers, 0, sizeof answers);
  open_world(&w, make(MANY));
  for (size_t i = 0; i < MANY; i++) {
    tt_report(probe.attached[i].device, 0, &TT_VALUE_INT64((int64_t)i), 0, 0);
    tt_report(probe.attached[i].device, 1, &TT_VALUE_INT64(7), 0, 0);
    char key[16];
    snprintf(key, sizeof key, "d%zu", i);
    ids[i] = id_of(&w, key);
  }
  assert_int_equal(ask(&w, "d3", &answers[0]), 0);
  assert_int_equal(ask(&w, "d250", &answers[1]), 0);
  settle(&w);
  assert_int_equal(probe.n_reads, 2);
  assert_int_equal(ask(&w, "d4", &answers[2]), 0); /* not sent yet */

  struct made *m = make(MANY);
  m->points[250][1].has_scale = true; /* another value is made of b */
  m->points[250][1].scale = 2;
  struct tt_host_changes c = apply(&w, m, NULL);
  assert_int_equal(c.changed, 1);
  assert_int_equal(c.unchanged, MANY - 1);
  settle(&w);
  assert_int_equal(probe.detaches, 1);
  assert_int_equal(probe.n_attached, MANY + 1);
  assert_int_equal(answers[1].calls, 1);
  assert_int_equal(answers[1].error, -ECANCELED);

  tt_report(probe.reads[0].device, 0, &TT_VALUE_INT64(33), 0, 0);
  tt_done(probe.reads[0].bridge, probe.reads[0].id, 0, NULL);
  tt_done(probe.reads[2].bridge, probe.reads[2].id, 0, NULL);
  settle(&w);
  assert_int_equal(answers[0].calls, 1);
  assert_int_equal(answers[0].error, 0);
  assert_int_equal(answers[2].calls, 1);
  assert_int_equal(answers[2].error, 0);
  for (size_t i = 0; i < MANY; i++) {
    char key[16];
    snprintf(key, sizeof key, "d%zu", i);
    const struct tt_node *node = find(&w, key);
    assert_int_equal(node->fields[0].value.int64, i == 3 ? 33 : (int64_t)i); /* also of the one that changed */
    assert_int_equal(node->fields[0].categories, TT_CATEGORY_MOMENTARY);
    assert_int_equal(node->id == ids[i], i != 250);
    assert_int_equal(node->fields[1].seen_us != 0, i != 250);
  }
  assert_null(tt_tree_get(tt_core_tree(w.core), ids[250]));
  static const uint16_t points[] = {0};
  assert_int_equal(w.hooks.read(w.hooks.user, ids[250], points, 1, tt_loop_clock().mono_us + MS, on_answer, NULL),
                   -ENODEV);
  close_world(&w);
}

static void test_devices_come_go_and_move(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(3));
  struct made *m = make(2); /* d2 goes */
  add_device(m, "new", 0);
  m->devices[1].place = "garden";
  m->devices[0].label = (struct tt_label){.n = 1, .language = {"en"}, .text = {"First"}};
  struct tt_host_changes c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.added, 1);
  assert_int_equal(c.changed, 2);
  assert_int_equal(c.removed, 1);
  assert_null(find(&w, "d2"));
  assert_string_equal(find(&w, "d1")->path, "garden/d1");
  assert_string_equal(tt_node_label(find(&w, "d0"), "en"), "First");
  assert_non_null(attached("new"));

  m = make(0); /* a place may be called like a device that went, and the other way round */
  add_device(m, "house", 0)->place = "d1";
  c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.removed, 3);
  assert_int_equal(find(&w, "d1")->kind, TT_NODE_PLACE);
  assert_string_equal(find(&w, "house")->path, "d1/house");
  assert_null(find(&w, "garden"));
  close_world(&w);
}

static void test_a_connection_changes_alone(void **state)
{
  struct world w;
  struct answer a = {0}, b = {0};
  (void)state;
  struct made *m = make(2);
  add_connection(m, "other");
  add_device(m, "far", 1);
  open_world(&w, m);
  assert_int_equal(ask(&w, "far", &a), 0);
  assert_int_equal(ask(&w, "d0", &b), 0);
  settle(&w);
  tt_id id = id_of(&w, "d0");
  tt_report(attached("d0"), 1, &TT_VALUE_INT64(5), 0, 0);

  m = make(2);
  add_connection(m, "other");
  add_device(m, "far", 1);
  m->options[0].password = "changed";
  m->connections[0].timeout_us = 7000 * MS;
  struct tt_host_changes c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.connections_changed, 1);
  assert_int_equal(c.connections_unchanged, 1);
  assert_int_equal(c.unchanged, 3);
  assert_int_equal(probe.stops, 1);
  assert_int_equal(probe.starts, 3);
  assert_int_equal(probe.n_attached, 5); /* d0 and d1 again */
  assert_int_equal(b.error, -ECANCELED);
  assert_int_equal(a.calls, 0); /* still open */
  assert_int_equal(id_of(&w, "d0"), id);
  assert_int_equal(find(&w, "d0")->fields[1].value.int64, 5);
  assert_int_equal(find(&w, "d0")->timeout_us, 7000 * MS);
  const struct options *options = tt_bridge_options(tt_device_bridge(attached("d0")));
  assert_string_equal(options->password, "changed");

  m = make(2); /* the other goes with its device */
  m->options[0].password = "changed";
  m->connections[0].timeout_us = 7000 * MS;
  add_connection(m, "third");
  add_device(m, "near", 1);
  c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.connections_removed, 1);
  assert_int_equal(c.connections_added, 1);
  assert_int_equal(a.error, -ECANCELED);
  assert_null(find(&w, "gateway/other"));
  assert_non_null(find(&w, "gateway/third"));
  assert_int_equal(tt_host_n_connections(w.host), 2);
  assert_non_null(attached("near"));

  m = make(2); /* a device changes over to another connection */
  m->options[0].password = "changed";
  m->connections[0].timeout_us = 7000 * MS;
  add_connection(m, "third");
  add_device(m, "near", 0);
  c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.changed, 1);
  assert_string_equal(tt_bridge_name(tt_device_bridge(attached("near"))), "bus");
  close_world(&w);
}

/* A bridge may know devices by their key: the next one waits until the one before has gone. */
static void test_the_next_waits_for_the_one_before(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(2));
  probe.detaches_later = true;
  for (int64_t unit = 50; unit < 53; unit++) { /* over and over, while it is on its way out */
    struct made *m = make(2);
    m->units[0].unit = unit;
    struct tt_host_changes c = apply(&w, m, NULL);
    assert_int_equal(c.changed, 1);
    settle(&w);
  }
  assert_int_equal(probe.detaches, 1);
  assert_int_equal(probe.n_attached, 2);
  tt_report(probe.leaving[0].device, 0, &TT_VALUE_INT64(1), 0, 0); /* nobody hears it */
  assert_int_equal(find(&w, "d0")->fields[0].seen_us, 0);
  tt_detached(probe.leaving[0].device);
  settle(&w);
  assert_int_equal(probe.n_attached, 3);
  const struct unit *unit = tt_device_config(attached("d0"))->options;
  assert_int_equal(unit->unit, 52);

  /* and one that goes while the gateway ends */
  struct made *m = make(1);
  apply(&w, m, NULL);
  close_world(&w);
}

static void test_a_connection_that_ends_slowly(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(2));
  probe.stops_later = true;
  struct made *m = make(3);
  m->options[0].host = "elsewhere";
  apply(&w, m, NULL);
  settle(&w);
  m = make(0); /* now it is to go */
  m->config.n_connections = 0;
  struct tt_host_changes c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.connections_removed, 1);
  assert_int_equal(c.removed, 3);
  assert_non_null(find(&w, "gateway/bus"));
  m = make(1); /* and is there again */
  m->options[0].host = "elsewhere";
  c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.connections_added, 1);
  assert_int_equal(probe.starts, 1);
  tt_stopped(probe.stopping);
  settle(&w);
  assert_int_equal(probe.starts, 2);
  assert_int_equal(probe.n_attached, 3);
  assert_string_equal(((const struct options *)tt_bridge_options(probe.attached[2].bridge))->host, "elsewhere");
  probe.stops_later = false;
  close_world(&w);
}

/* The unit is another one: what the first has said is not known of it, nor that it is set already. */
static void test_another_device_begins_anew(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(2));
  for (size_t i = 0; i < 2; i++)
    tt_report(probe.attached[i].device, 0, &TT_VALUE_INT64(7), 0, 0);
  struct made *m = make(2);
  m->units[0].unit = 99;
  m->devices[1].place = "garden"; /* the same one, elsewhere in the tree */
  struct tt_host_changes c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.changed, 2);
  assert_int_equal(find(&w, "d0")->fields[0].seen_us, 0);
  assert_int_equal(find(&w, "d0")->fields[0].value.type, TT_TYPE_NONE);
  assert_int_equal(find(&w, "d1")->fields[0].value.int64, 7);
  close_world(&w);
}

/* Behind another host the same address may be another device: nothing is known of it. */
static void test_the_connection_leads_elsewhere(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(2));
  for (size_t i = 0; i < 2; i++)
    tt_report(probe.attached[i].device, 0, &TT_VALUE_INT64(7), 0, 0);
  tt_id id = id_of(&w, "d0");
  struct made *m = make(2);
  m->options[0].host = "127.0.0.2";
  m->devices[1].place = "garden"; /* changed as well */
  apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(id_of(&w, "d0"), id);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(find(&w, i ? "d1" : "d0")->fields[0].seen_us, 0);
    assert_int_equal(find(&w, i ? "d1" : "d0")->fields[0].value.type, TT_TYPE_NONE);
  }
  close_world(&w);
}

/* The tree takes no node from the n-th on, as without memory. */
static unsigned nodes_left = UINT_MAX;
int __real_tt_tree_add(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec,
                       struct tt_node **ret);
int __wrap_tt_tree_add(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec,
                       struct tt_node **ret);
int __wrap_tt_tree_add(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec,
                       struct tt_node **ret)
{
  if (nodes_left == 0)
    return -ENOMEM;
  nodes_left -= nodes_left != UINT_MAX;
  return __real_tt_tree_add(tree, now, spec, ret);
}

/* What can be found out before is: then all is as it was. */
static void test_without_memory_nothing_changes(void **state)
{
  struct world w;
  struct tt_host_changes changes;
  (void)state;
  open_world(&w, make(3));
  tt_id ids[] = {id_of(&w, "d0"), id_of(&w, "d1"), id_of(&w, "d2")};
  for (unsigned left = 0; left < 2; left++) {
    struct made *m = make(2); /* d2 goes, d1 changes, two connections come */
    m->units[1].unit = 99;
    add_connection(m, "second");
    add_connection(m, "third");
    add_device(m, "new", 1);
    nodes_left = left;
    assert_int_equal(tt_host_apply(w.host, &m->config, NULL, &changes), -ENOMEM);
    nodes_left = UINT_MAX;
    unmake(m);
    settle(&w);
    assert_int_equal(tt_host_n_connections(w.host), 1);
    assert_null(find(&w, "gateway/second"));
    assert_null(find(&w, "new"));
    for (size_t i = 0; i < 3; i++)
      assert_int_equal(id_of(&w, i == 0 ? "d0" : i == 1 ? "d1" : "d2"), ids[i]);
    assert_int_equal(probe.detaches + probe.stops, 0);
    assert_ptr_equal(tt_host_config(w.host), &w.first->config);
  }
  /* a device that has no room later on is missing, and nothing else */
  struct made *m = make(3);
  m->units[0].unit = m->units[1].unit = 99;
  nodes_left = 1;
  apply(&w, m, NULL);
  nodes_left = UINT_MAX;
  settle(&w);
  assert_non_null(find(&w, "d0"));
  assert_null(find(&w, "d1"));
  assert_int_equal(id_of(&w, "d2"), ids[2]);
  m = make(3);
  m->units[0].unit = m->units[1].unit = 99;
  assert_int_equal(apply(&w, m, NULL).added, 1);
  settle(&w);
  assert_non_null(find(&w, "d1"));
  close_world(&w);
}

static void test_only_one(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(3));
  struct made *m = make(2); /* d2 has gone, d0 is changed, the connection is: but only d1 is asked for */
  m->units[0].unit = m->units[1].unit = 99;
  m->options[0].host = "elsewhere";
  struct tt_host_changes c = apply(&w, m, "d1");
  settle(&w);
  assert_int_equal(c.changed, 1);
  assert_int_equal(c.added + c.removed + c.unchanged + c.connections_changed, 0);
  assert_int_equal(((const struct unit *)tt_device_config(attached("d1"))->options)->unit, 99);
  assert_non_null(find(&w, "d2"));
  assert_int_equal(probe.starts, 1);
  m = make(2); /* later all of it */
  m->units[0].unit = m->units[1].unit = 99;
  m->options[0].host = "elsewhere";
  c = apply(&w, m, NULL);
  settle(&w);
  assert_int_equal(c.unchanged, 1);
  assert_int_equal(c.changed, 1);
  assert_int_equal(c.removed, 1);
  close_world(&w);
}

static void test_what_is_disabled(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(2));
  struct made *m = make(2);
  m->devices[1].is_disabled = true;
  m->devices[1].error = "x.yaml:1:1: no";
  assert_string_equal(tt_host_would_disable(w.host, &m->config), "d1");
  apply(&w, m, NULL);
  settle(&w);
  assert_true(find(&w, "d1")->is_disabled);
  assert_string_equal(find(&w, "d1")->messages[0].text, "x.yaml:1:1: no");
  m = make(2);
  m->devices[1].is_disabled = true;
  m->devices[1].error = "x.yaml:1:1: no";
  assert_null(tt_host_would_disable(w.host, &m->config)); /* it is already */
  m->connections[0].is_disabled = true;
  m->connections[0].error = "broken";
  assert_string_equal(tt_host_would_disable(w.host, &m->config), "bus");
  apply(&w, m, NULL);
  settle(&w);
  assert_string_equal(tt_host_connection(w.host, 0).state, "disabled");
  apply(&w, make(2), NULL);
  settle(&w);
  assert_false(find(&w, "d1")->is_disabled);
  assert_int_equal(find(&w, "d0")->n_messages, 0);
  assert_int_equal(find(&w, "gateway/bus")->n_messages, 0);
  assert_string_equal(tt_host_connection(w.host, 0).state, "unknown");
  close_world(&w);
}

/* With leak detection on, and a configuration that is overwritten once it is not used any more. */
static void test_again_and_again(void **state)
{
  struct world w;
  (void)state;
  open_world(&w, make(10));
  for (size_t i = 0; i < 100; i++) {
    struct made *m = make(10 + i % 3);
    m->units[i % 10].unit = (int64_t)(1000 + i);
    m->options[0].host = i % 7 == 0 ? "a" : "b";
    apply(&w, m, NULL);
    if (i % 2)
      settle(&w);
  }
  settle(&w);
  for (size_t i = 0; i < 10; i++)
    assert_non_null(tt_device_config(attached("d1"))->options);
  close_world(&w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_same_changes_nothing),
      cmocka_unit_test(test_one_of_many_changes),
      cmocka_unit_test(test_devices_come_go_and_move),
      cmocka_unit_test(test_a_connection_changes_alone),
      cmocka_unit_test(test_the_next_waits_for_the_one_before),
      cmocka_unit_test(test_a_connection_that_ends_slowly),
      cmocka_unit_test(test_another_device_begins_anew),
      cmocka_unit_test(test_the_connection_leads_elsewhere),
      cmocka_unit_test(test_without_memory_nothing_changes),
      cmocka_unit_test(test_only_one),
      cmocka_unit_test(test_what_is_disabled),
      cmocka_unit_test(test_again_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
