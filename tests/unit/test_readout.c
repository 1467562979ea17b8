/* SPDX-License-Identifier: Apache-2.0
 * Readouts against devices that answer, keep silent, fail, go; and sinks that cancel and start from within. */
#include "model/readout.h"

#include "model_world.h"

/* ---- A sink that writes down what it hears ------------------------------------------------------------ */
static struct world *world;
static tt_id to_cancel; /* on the first fields */
static const char *start_on_done;

static void sink_refused(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref)
{
  (void)user;
  assert_non_null(text);
  tt_buf_printf(&world->log, "refused %d%s%s ", (int)refusal, ref ? " " : "", ref ? ref->node : "");
}

static void sink_accepted(void *user, bool is_queued)
{
  (void)user;
  tt_buf_puts(&world->log, is_queued ? "queued " : "accepted ");
}

static void sink_started(void *user)
{
  (void)user;
  tt_buf_puts(&world->log, "started ");
}

static void sink_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  (void)user;
  tt_buf_printf(&world->log, "%s{", node->key);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(&world->log, "%s%s=", i ? " " : "", fields[i]->name);
    tt_value_print(&fields[i]->value, &world->log);
  }
  tt_buf_puts(&world->log, "} ");
  if (to_cancel) {
    tt_id id = to_cancel;
    to_cancel = 0;
    tt_readout_cancel(world->core, id);
  }
}

static void sink_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  (void)user;
  assert_true(!node || !strcmp(node->key, key));
  assert_in_range(wall_us, world->now.wall_us - 60 * SECOND, world->now.wall_us);
  tt_buf_printf(&world->log, "%s!%s ", key, text);
}

static tt_id read_nodes(const char *const keys[], size_t n, struct tt_read_request request);

static void sink_done(void *user)
{
  (void)user;
  tt_buf_puts(&world->log, "done ");
  if (start_on_done) {
    const char *key = start_on_done;
    start_on_done = NULL;
    read_nodes(&key, 1, (struct tt_read_request){0});
  }
}

static const struct tt_read_sink sink = {sink_refused, sink_accepted, sink_started,
                                         sink_fields,  sink_failed,   sink_done};

static tt_id read_nodes(const char *const keys[], size_t n, struct tt_read_request request)
{
  struct tt_ref refs[TT_READOUT_NODES_MAX + 1];
  assert_true(n <= TT_COUNT(refs));
  for (size_t i = 0; i < n; i++)
    refs[i] = (struct tt_ref){keys[i], "", ""};
  if (!request.caller)
    request.caller = &alice;
  request.refs = refs;
  request.n_refs = n;
  return tt_readout_start(world->core, &request, &sink, NULL);
}

static tt_id read_one(const char *key, struct tt_read_request request)
{
  return read_nodes(&key, 1, request);
}

#define ONLY(name_) .fields = (const char *const[]){name_}, .n_fields = 1

static int setup(void **state)
{
  (void)state;
  world = world_create();
  to_cancel = 0;
  start_on_done = NULL;
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  world_destroy(world);
  return 0;
}

/* ---- Cache and device -------------------------------------------------------------------------------- */
static void test_young_values_come_from_the_cache(void **state)
{
  (void)state;
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(21.50, 2));
  world_pass(world, 2 * SECOND);
  assert_int_equal(read_one("lamp", (struct tt_read_request){ONLY("temperature")}), 0);
  assert_string_equal(world_log(world), "accepted lamp{temperature=21.50} done ");
  assert_int_equal(world->n_asked, 0);
  world_pass(world, 1);
  assert_true(read_one("lamp", (struct tt_read_request){ONLY("temperature")}) != 0);
  assert_string_equal(world_log(world), "accepted ");
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(world->asked[0].points[0], TEMPERATURE);
  assert_int_equal(world->asked[0].deadline_us, world->now.mono_us + 4 * SECOND);
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(22, 0));
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "lamp{temperature=22} done ");
}

static void test_only_old_points_are_read_and_all_sent_together(void **state)
{
  (void)state;
  world_report(world, "lamp", HUMIDITY, TT_VALUE_QUANTITY(40, 0)); /* pushed: young until stale */
  world_pass(world, 100 * SECOND);
  world_report(world, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  read_one("lamp", (struct tt_read_request){0});
  assert_int_equal(world->n_asked, 1);
  assert_int_equal(world->asked[0].n, 3); /* temperature, setpoint, mode; never the hidden one */
  assert_string_equal(world_log(world), "accepted ");
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 0));
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "lamp{temperature=20 humidity=40 relay=true} done ");
}

static void test_from_device_asks_whatever_the_age(void **state)
{
  (void)state;
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 0));
  read_one("lamp", (struct tt_read_request){.is_from_device = true, ONLY("temperature")});
  assert_int_equal(world->n_asked, 1);
}

static void test_retained_values_ask_the_device(void **state)
{
  struct tt_value raw = TT_VALUE_QUANTITY(40, 0);
  (void)state;
  tt_node_report(tt_core_tree(world->core), world->now, world_node(world, "lamp"), HUMIDITY, &raw, 0, true);
  read_one("lamp", (struct tt_read_request){ONLY("humidity")});
  assert_int_equal(world->n_asked, 1);
  world_done(world, 0, 0, NULL); /* nothing newer: the old one, with its own stamp */
  assert_string_equal(world_log(world), "accepted lamp{humidity=40} done ");
}

static void test_errors_of_fields(void **state)
{
  struct tt_node *lamp = world_node(world, "lamp");
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 0));
  tt_node_report_error(tt_core_tree(world->core), world->now, lamp, HUMIDITY, "illegal data address 0x0034");
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world),
                      "accepted lamp{temperature=20} lamp!humidity: illegal data address 0x0034 done ");
  /* a field in error is not young */
  read_one("lamp", (struct tt_read_request){ONLY("humidity")});
  assert_int_equal(world->n_asked, 2);
}

static void test_no_value_at_all(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "accepted lamp!No value yet. done ");
}

/* Ours in the language of whoever reads, a device's as it is. */
static void test_failures_in_their_language(void **state)
{
  struct tt_caller caller = alice;
  struct tt_node *lamp = world_node(world, "lamp");
  (void)state;
  caller.language = "de";
  read_one("lamp", (struct tt_read_request){.caller = &caller});
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "accepted lamp!Noch kein Wert. done ");
  read_one("lamp", (struct tt_read_request){.caller = &caller});
  world_done(world, 1, -ETIMEDOUT, NULL);
  assert_string_equal(world_log(world), "accepted lamp!Zeitüberschreitung. done ");
  caller.language = "sv";
  read_one("lamp", (struct tt_read_request){.caller = &caller});
  world_done(world, 2, -ETIMEDOUT, "the device did not answer");
  assert_string_equal(world_log(world), "accepted lamp!enheten svarade inte done ");
  read_one("lamp", (struct tt_read_request){.caller = &caller, ONLY("nothing")});
  assert_string_equal(world_log(world), "accepted lamp!Inget av de begärda fälten finns här. done ");
  read_one("lamp", (struct tt_read_request){.caller = &caller});
  tt_node_report_error(tt_core_tree(world->core), world->now, lamp, HUMIDITY, "illegal data address 0x0034");
  world_done(world, 3, 0, NULL);
  assert_string_equal(world_log(world), "accepted lamp!humidity: illegal data address 0x0034 done ");
}

/* ---- Dead devices ------------------------------------------------------------------------------------- */
static void test_a_dead_node_fails_alone_and_in_time(void **state)
{
  static const char *const keys[] = {"lamp", "fan", "meter"};
  (void)state;
  world_report(world, "fan", TEMPERATURE, TT_VALUE_QUANTITY(1, 0));
  tt_id id = read_nodes(keys, 3, (struct tt_read_request){ONLY("temperature")});
  assert_true(id != 0);
  assert_string_equal(world_log(world), "accepted fan{temperature=1} ");
  world_done(world, 1, -EIO, "slave device failure");
  assert_string_equal(world_log(world), "");
  assert_int_equal(tt_core_due(world->core), world->now.mono_us + 4 * SECOND);
  world_pass(world, 4 * SECOND - 1);
  assert_string_equal(world_log(world), "");
  world_pass(world, 1);
  assert_string_equal(world_log(world), "meter!slave device failure lamp!Timeout. done ");
  assert_int_equal(tt_core_due(world->core), TT_NEVER);
  world_done(world, 0, 0, NULL); /* too late */
  assert_string_equal(world_log(world), "");
}

static void test_a_node_known_dead_is_asked_however_young_its_values(void **state)
{
  struct tt_tree *tree = tt_core_tree(world->core);
  (void)state;
  world_report(world, "lamp", HUMIDITY, TT_VALUE_QUANTITY(40, 0));
  world_pass(world, 1);
  tt_node_message(tree, world->now, world_node(world, "lamp"), "offline", TT_MESSAGE_ERROR, "gone since 10:00");
  read_one("lamp", (struct tt_read_request){ONLY("humidity")});
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "accepted lamp{humidity=40} lamp!gone since 10:00 done ");
  world->device_error = -ENOTCONN;
  read_one("lamp", (struct tt_read_request){ONLY("humidity")});
  assert_string_equal(world_log(world), "accepted lamp{humidity=40} lamp!gone since 10:00 done ");
}

static void test_values_that_came_before_the_error_are_sent(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 0));
  world_done(world, 0, -ETIMEDOUT, NULL);
  assert_string_equal(world_log(world), "accepted lamp{temperature=20} lamp!Timeout. done ");
}

static void test_a_node_that_goes(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  tt_tree_remove(tt_core_tree(world->core), world->now, world_node(world, "lamp")->id);
  world_done(world, 0, -ECANCELED, NULL);
  assert_string_equal(world_log(world), "accepted lamp!The node has gone. done ");
}

static void test_hooks_that_fail_at_once(void **state)
{
  (void)state;
  world->device_error = -ENODEV;
  assert_int_equal(read_one("lamp", (struct tt_read_request){0}), 0);
  assert_string_equal(world_log(world), "accepted lamp!There is no device behind this node. done ");
}

static void test_a_disabled_node_says_why(void **state)
{
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "broken", .place = "house", .is_disabled = true};
  struct tt_node *node;
  (void)state;
  assert_int_equal(tt_tree_add(tt_core_tree(world->core), world->now, &spec, &node), 0);
  tt_node_message(tt_core_tree(world->core), world->now, node, "config", TT_MESSAGE_ERROR,
                  "a.yaml:3:5: unknown key");
  read_one("broken", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "accepted broken!a.yaml:3:5: unknown key done ");
}

static void test_the_whole_request_has_a_ceiling(void **state)
{
  (void)state;
  world_node(world, "lamp")->timeout_us = 3600 * SECOND;
  read_one("lamp", (struct tt_read_request){0});
  assert_int_equal(tt_core_due(world->core), world->now.mono_us + TT_READOUT_CEILING_US);
  world_pass(world, TT_READOUT_CEILING_US);
  assert_string_equal(world_log(world), "accepted lamp!Timeout. done ");
}

/* ---- Filters ----------------------------------------------------------------------------------------- */
static void fill(const char *key)
{
  world_report(world, key, TEMPERATURE, TT_VALUE_QUANTITY(1, 0));
  world_report(world, key, HUMIDITY, TT_VALUE_QUANTITY(2, 0));
  world_report(world, key, RELAY, TT_VALUE_BOOLEAN(true));
  world_report(world, key, SETPOINT, TT_VALUE_INT64(205));
  world_report(world, key, MODE, TT_VALUE_INT64(0));
}

static void test_filters(void **state)
{
  uint64_t t = world->now.wall_us;
  const struct {
    struct tt_read_request request;
    const char *log;
  } cases[] = {
      {{0}, "accepted lamp{temperature=1 humidity=2 relay=true setpoint=20.5 mode=day} done "},
      {{.categories = TT_CATEGORY_STATUS}, "accepted lamp{humidity=2} done "},
      {{.categories = TT_CATEGORY_STATUS | TT_CATEGORY_MOMENTARY, ONLY("relay")},
       "accepted lamp{relay=true} done "},
      {{.categories = TT_CATEGORY_IDENTITY}, "accepted done "},
      {{ONLY("nothing")}, "accepted lamp!None of the fields asked for is here. done "},
      {{ONLY("hidden")}, "accepted lamp!None of the fields asked for is here. done "},
      {{.fields = (const char *const[]){"relay", "nothing", "humidity", "relay"}, .n_fields = 4},
       "accepted lamp{humidity=2 relay=true} done "},
      {{.from_us = t, ONLY("relay")}, "accepted lamp{relay=true} done "},
      {{.from_us = t + 1, ONLY("relay")}, "accepted done "},
      {{.to_us = t, ONLY("relay")}, "accepted lamp{relay=true} done "},
      {{.to_us = t - 1, ONLY("relay")}, "accepted done "},
      {{.from_us = t + 1, .to_us = t}, "refused 3 "},
  };
  (void)state;
  fill("lamp");
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    assert_int_equal(read_one("lamp", cases[i].request), 0);
    assert_string_equal(world_log(world), cases[i].log);
  }
}

static void test_a_place_is_all_below_it(void **state)
{
  static const char *const both[] = {"lamp", "house/hall", "lamp"};
  (void)state;
  fill("lamp");
  fill("fan");
  fill("meter");
  read_one("house/hall", (struct tt_read_request){ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} fan{relay=true} done ");
  read_one("house", (struct tt_read_request){ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} fan{relay=true} meter{relay=true} done ");
  read_nodes(both, 3, (struct tt_read_request){ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} fan{relay=true} done ");
  world->unseen = "fan";
  read_one("house/hall", (struct tt_read_request){ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} done ");
}

static void test_an_empty_place(void **state)
{
  struct tt_node_spec spec = {.kind = TT_NODE_PLACE, .key = "attic"};
  struct tt_node *node;
  (void)state;
  assert_int_equal(tt_tree_add(tt_core_tree(world->core), world->now, &spec, &node), 0);
  read_one("attic", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "accepted attic!There is nothing to read here. done ");
}

/* ---- Access ------------------------------------------------------------------------------------------ */
static void test_strangers_are_refused_before_anything_is_looked_up(void **state)
{
  (void)state;
  world->role = TT_ROLE_NONE;
  assert_int_equal(read_one("lamp", (struct tt_read_request){0}), 0);
  assert_string_equal(world_log(world), "refused 2 ");
  read_one("no such node", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 2 ");
  assert_int_equal(world->n_looked, 0);
  assert_int_equal(world->n_refused, 2);
}

static void test_unknown_and_unseen_nodes_answer_alike(void **state)
{
  static const char *const keys[] = {"lamp", "fan"};
  (void)state;
  world->unseen = "fan";
  read_one("nothing", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 1 nothing ");
  read_nodes(keys, 2, (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 1 fan ");
}

static void test_grants_reduce(void **state)
{
  static const char *const keys[] = {"lamp", "fan"};
  (void)state;
  fill("lamp");
  fill("fan");
  world->denied = "humidity";
  world->denied_node = "fan";
  read_nodes(keys, 2, (struct tt_read_request){0});
  assert_string_equal(world_log(world), "accepted lamp{temperature=1 relay=true setpoint=20.5 mode=day} done ");
  read_one("lamp", (struct tt_read_request){ONLY("humidity")});
  assert_string_equal(world_log(world), "refused 2 ");
  read_one("fan", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 2 ");
  assert_int_equal(world->n_refused, 2);
}

static void test_access_may_answer_later(void **state)
{
  (void)state;
  fill("lamp");
  world->mode = ACCESS_LATER;
  assert_true(read_one("lamp", (struct tt_read_request){.categories = TT_CATEGORY_STATUS}) != 0);
  assert_string_equal(world_log(world), "");
  world_pass(world, 1 * SECOND);
  world_answer_check(world, 0);
  assert_string_equal(world_log(world), "accepted lamp{humidity=2} done ");
}

static void test_no_decision_is_a_no(void **state)
{
  (void)state;
  world->mode = ACCESS_LATER;
  read_one("lamp", (struct tt_read_request){0});
  world_pass(world, 5 * SECOND - 1);
  assert_string_equal(world_log(world), "");
  world_pass(world, 1);
  assert_string_equal(world_log(world), "refused 2 ");
  world_answer_check(world, 0); /* nobody listens any more */
  assert_string_equal(world_log(world), "");
}

static void test_a_right_taken_away_stops_a_running_readout(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  world_report(world, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(1, 0));
  world->unseen = "lamp";
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "accepted lamp!Not permitted any more. done ");
}

/* ---- Later ------------------------------------------------------------------------------------------- */
static void test_when(void **state)
{
  (void)state;
  fill("lamp");
  assert_true(read_one("lamp", (struct tt_read_request){.when_us = world->now.wall_us + 60 * SECOND}) != 0);
  assert_string_equal(world_log(world), "queued ");
  assert_int_equal(tt_core_due(world->core), world->now.mono_us + 60 * SECOND);
  world_pass(world, 59 * SECOND);
  assert_int_equal(world->n_asked, 0);
  world_pass(world, 1 * SECOND);
  assert_string_equal(world_log(world), "started ");
  assert_int_equal(world->n_asked, 1); /* what was young is old by now */
  fill("lamp");
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "lamp{temperature=1 humidity=2 relay=true setpoint=20.5 mode=day} done ");
  /* the past is now; too far away is refused */
  read_one("lamp", (struct tt_read_request){.when_us = 1, ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} done ");
  read_one("lamp", (struct tt_read_request){.when_us = world->now.wall_us + TT_READOUT_LATEST_US + 1});
  assert_string_equal(world_log(world), "refused 3 ");
}

static void test_access_is_asked_again_when_the_time_comes(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){.when_us = world->now.wall_us + 60 * SECOND});
  world_log(world);
  world->mode = ACCESS_NONE;
  world_pass(world, 60 * SECOND);
  assert_string_equal(world_log(world), "started lamp!Not permitted any more. done ");
  world->mode = ACCESS_ALL;
  read_one("lamp", (struct tt_read_request){.when_us = world->now.wall_us + 60 * SECOND});
  assert_string_equal(world_log(world), "queued ");
  world->mode = ACCESS_LATER;
  world_pass(world, 60 * SECOND);
  world_pass(world, 5 * SECOND);
  assert_string_equal(world_log(world), "started lamp!Not permitted any more. done ");
}

/* ---- Limits ------------------------------------------------------------------------------------------ */
static void test_one_readout_per_full_jid_and_node(void **state)
{
  static const char *const keys[] = {"fan", "lamp"};
  (void)state;
  tt_id id = read_one("lamp", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "accepted ");
  read_nodes(keys, 2, (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 8 ");
  read_one("house", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 8 ");
  read_one("fan", (struct tt_read_request){0});
  read_one("lamp", (struct tt_read_request){.caller = &alice_elsewhere});
  read_one("lamp", (struct tt_read_request){.caller = &bob});
  assert_string_equal(world_log(world), "accepted accepted accepted ");
  tt_readout_cancel(world->core, id);
  read_one("lamp", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "accepted ");
}

static void test_readouts_per_caller_and_in_all(void **state)
{
  char jid[96], bare[64];
  struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = jid, .bare = bare, .language = ""};
  (void)state;
  for (int i = 0; i < TT_READOUTS_MAX; i++) {
    snprintf(bare, sizeof bare, "user%d@example.org", i / TT_READOUTS_PER_CALLER);
    snprintf(jid, sizeof jid, "%s/%d", bare, i);
    /* queued ones hold no device */
    read_one("lamp", (struct tt_read_request){.caller = &caller, .when_us = world->now.wall_us + SECOND});
    assert_string_equal(world_log(world), "queued ");
    if (i == TT_READOUTS_PER_CALLER - 1) {
      read_one("lamp", (struct tt_read_request){.caller = &caller});
      assert_string_equal(world_log(world), "refused 8 ");
    }
  }
  read_one("lamp", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 8 ");
}

static void test_sizes_of_requests(void **state)
{
  static const char *keys[TT_READOUT_NODES_MAX + 1];
  static const char *fields[TT_READOUT_FIELDS_MAX + 1];
  struct tt_node *node;
  char key[32];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(keys); i++)
    keys[i] = "lamp";
  for (size_t i = 0; i < TT_COUNT(fields); i++)
    fields[i] = "relay";
  fill("lamp");
  read_nodes(keys, 0, (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 3 ");
  read_nodes(keys, TT_READOUT_NODES_MAX + 1, (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 3 ");
  read_nodes(keys, TT_READOUT_NODES_MAX, (struct tt_read_request){.fields = fields, .n_fields = TT_COUNT(fields)});
  assert_string_equal(world_log(world), "refused 3 ");
  read_nodes(keys, TT_READOUT_NODES_MAX,
             (struct tt_read_request){.fields = fields, .n_fields = TT_COUNT(fields) - 1});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} done ");
  for (int i = 0; i < TT_READOUT_NODES_MAX; i++) {
    snprintf(key, sizeof key, "many%d", i);
    struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = key, .place = "house/many"};
    assert_int_equal(tt_tree_add(tt_core_tree(world->core), world->now, &spec, &node), 0);
  }
  read_one("house", (struct tt_read_request){0});
  assert_string_equal(world_log(world), "refused 9 house ");
}

/* ---- Re-entrancy ------------------------------------------------------------------------------------- */
static void test_cancel_forgets(void **state)
{
  (void)state;
  tt_id id = read_one("lamp", (struct tt_read_request){0});
  world_log(world);
  tt_readout_cancel(world->core, id);
  tt_readout_cancel(world->core, id);
  tt_readout_cancel(world->core, 0);
  tt_readout_cancel(world->core, UINT64_MAX);
  assert_int_equal(tt_core_due(world->core), TT_NEVER);
  world_done(world, 0, 0, NULL);
  world_pass(world, 100 * SECOND);
  assert_string_equal(world_log(world), "");
}

static void test_cancel_from_within(void **state)
{
  static const char *const keys[] = {"lamp", "fan", "meter"};
  (void)state;
  fill("fan");
  fill("meter");
  to_cancel = 1; /* the first id there is; the fields of fan come while it starts */
  assert_int_equal(read_nodes(keys, 3, (struct tt_read_request){0}), 0);
  assert_string_equal(world_log(world),
                      "accepted fan{temperature=1 humidity=2 relay=true setpoint=20.5 mode=day} ");
  world_done(world, 0, 0, NULL);
  assert_string_equal(world_log(world), "");
}

static void test_start_from_within(void **state)
{
  (void)state;
  fill("lamp");
  start_on_done = "lamp";
  read_one("lamp", (struct tt_read_request){ONLY("relay")});
  assert_string_equal(world_log(world), "accepted lamp{relay=true} done accepted lamp{temperature=1 humidity=2 "
                                        "relay=true setpoint=20.5 mode=day} done ");
}

static void test_the_core_goes_with_requests_open(void **state)
{
  (void)state;
  read_one("lamp", (struct tt_read_request){0});
  read_one("fan", (struct tt_read_request){.when_us = world->now.wall_us + SECOND});
  world->mode = ACCESS_LATER;
  read_one("meter", (struct tt_read_request){0});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_young_values_come_from_the_cache),
      TEST(test_only_old_points_are_read_and_all_sent_together),
      TEST(test_from_device_asks_whatever_the_age),
      TEST(test_retained_values_ask_the_device),
      TEST(test_errors_of_fields),
      TEST(test_no_value_at_all),
      TEST(test_failures_in_their_language),
      TEST(test_a_dead_node_fails_alone_and_in_time),
      TEST(test_a_node_known_dead_is_asked_however_young_its_values),
      TEST(test_values_that_came_before_the_error_are_sent),
      TEST(test_a_node_that_goes),
      TEST(test_hooks_that_fail_at_once),
      TEST(test_a_disabled_node_says_why),
      TEST(test_the_whole_request_has_a_ceiling),
      TEST(test_filters),
      TEST(test_a_place_is_all_below_it),
      TEST(test_an_empty_place),
      TEST(test_strangers_are_refused_before_anything_is_looked_up),
      TEST(test_unknown_and_unseen_nodes_answer_alike),
      TEST(test_grants_reduce),
      TEST(test_access_may_answer_later),
      TEST(test_no_decision_is_a_no),
      TEST(test_a_right_taken_away_stops_a_running_readout),
      TEST(test_when),
      TEST(test_access_is_asked_again_when_the_time_comes),
      TEST(test_one_readout_per_full_jid_and_node),
      TEST(test_readouts_per_caller_and_in_all),
      TEST(test_sizes_of_requests),
      TEST(test_cancel_forgets),
      TEST(test_cancel_from_within),
      TEST(test_start_from_within),
      TEST(test_the_core_goes_with_requests_open),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
