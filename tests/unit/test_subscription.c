/* SPDX-License-Identifier: Apache-2.0
 * subscription.c, subscription_events.c: who is told what, when, and what ends it. The clock is the test's. */
#include "model/subscription.h"
#include "model_world.h"

/* One subscriber. What it is told goes into the world's log: "[lamp temperature=21.5 relay=true]", "[lamp down ...]". */
struct subscriber {
  struct world *w;
  tt_id id;
  tt_id cancels; /* from within the next call */
  bool is_ended;
};

static void on_refused(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref)
{
  struct subscriber *s = user;
  tt_buf_printf(&s->w->log, "[refused %d %s%s%s]", (int)refusal, text, ref ? " " : "", ref ? ref->node : "");
}

static void on_accepted(void *user)
{
  tt_buf_puts(&((struct subscriber *)user)->w->log, "[accepted]");
}

static void cancel(struct subscriber *s)
{
  if (s->cancels)
    tt_unsubscribe(s->w->core, s->cancels);
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct subscriber *s = user;
  assert_true(n > 0);
  tt_buf_printf(&s->w->log, "[%s", node->key);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(&s->w->log, " %s=", fields[i]->name);
    tt_value_print(&fields[i]->value, &s->w->log);
  }
  tt_buf_puts(&s->w->log, "]");
  cancel(s);
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct subscriber *s = user;
  assert_true(!node || !strcmp(node->key, key));
  assert_int_equal(wall_us, s->w->now.wall_us);
  tt_buf_printf(&s->w->log, "[%s down: %s]", key, text);
  cancel(s);
}

static void on_lost(void *user, const char *key, enum tt_refusal why)
{
  struct subscriber *s = user;
  tt_buf_printf(&s->w->log, "[%s lost %d]", key, (int)why);
  cancel(s);
}

static void on_ended(void *user)
{
  struct subscriber *s = user;
  s->is_ended = true;
  tt_buf_puts(&s->w->log, "[ended]");
}

static const struct tt_event_sink sink = {on_refused, on_accepted, on_event, on_failed, on_lost, on_ended};

static struct tt_ref lamp_ref = {"lamp", "", ""}, fan_ref = {"fan", "", ""}, hall_ref = {"house/hall", "", ""},
                     house_ref = {"house", "", ""};

static void subscribe(struct subscriber *s, struct world *w, const struct tt_subscribe_request *request)
{
  *s = (struct subscriber){.w = w};
  struct tt_subscribe_request own = *request;
  own.caller = own.caller ? own.caller : &alice;
  s->id = tt_subscribe(w->core, &own, &sink, s);
}

static void turn(struct world *w, uint64_t us)
{
  world_pass(w, us);
  tt_core_flush(w->core);
}

static void temperature(struct world *w, const char *key, double number)
{
  world_report(w, key, TEMPERATURE, TT_VALUE_QUANTITY(number, 1));
  tt_core_flush(w->core);
}

#define LIMITS(...) .limits = {__VA_ARGS__}
static const struct tt_event_field by_one[] = {{"temperature", LIMITS(1, -1, -1), NULL},
                                               {"humidity", LIMITS(-1, -1, -1), NULL}};

static int setup(void **state)
{
  *state = world_create();
  return 0;
}

static int teardown(void **state)
{
  world_destroy(*state);
  return 0;
}

/* ---- Triggers ------------------------------------------------------------------------------------------------------------ */

static void test_a_change_is_told_with_what_is_reported_along(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(40, 0));
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = by_one, .n_fields = 2});
  assert_true(s.id > 0);
  assert_string_equal(world_log(w), "[accepted]");
  temperature(w, "lamp", 20.9);
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(90, 0)); /* has no limit: makes no event */
  world_report(w, "lamp", RELAY, TT_VALUE_BOOLEAN(true));      /* is not asked for */
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "");
  temperature(w, "lamp", 21);
  assert_string_equal(world_log(w), "[lamp temperature=21.0 humidity=90]");
  /* From here on it is measured from the event. */
  temperature(w, "lamp", 20.1);
  temperature(w, "lamp", 21.9);
  temperature(w, "fan", 50);
  assert_string_equal(world_log(w), "");
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "[lamp temperature=20.0 humidity=90]");
  tt_unsubscribe(w->core, s.id);
  temperature(w, "lamp", 30);
  assert_string_equal(world_log(w), "");
  assert_int_equal(tt_subscription_count(w->core), 0);
  tt_unsubscribe(w->core, s.id); /* stale */
}

static void test_all_of_a_turn_is_one_event(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  world_log(w);
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  world_report(w, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(22, 1));
  world_report(w, "lamp", HIDDEN, TT_VALUE_BOOLEAN(true));
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[lamp temperature=22.0 relay=true]");
}

/* No limit at all: every change, of the fields that are named or of all. What is reported again is no change. */
static void test_without_limits(void **state)
{
  struct world *w = *state;
  struct subscriber all, named;
  static const struct tt_event_field field = {"relay", LIMITS(-1, -1, -1), NULL};
  subscribe(&all, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  subscribe(&named, w,
            &(struct tt_subscribe_request){
                .caller = &bob, .refs = &lamp_ref, .n_refs = 1, .fields = &field, .n_fields = 1});
  world_log(w);
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "");
  tt_unsubscribe(w->core, all.id);
  world_report(w, "lamp", RELAY, TT_VALUE_BOOLEAN(false));
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[lamp relay=false]");
}

static void test_up_and_down(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field field = {"temperature", LIMITS(-1, 5, 2), NULL};
  temperature(w, "lamp", 20);
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = &field, .n_fields = 1});
  world_log(w);
  temperature(w, "lamp", 24.9);
  temperature(w, "lamp", 18.1);
  assert_string_equal(world_log(w), "");
  temperature(w, "lamp", 18);
  assert_string_equal(world_log(w), "[lamp temperature=18.0]");
  temperature(w, "lamp", 23);
  assert_string_equal(world_log(w), "[lamp temperature=23.0]");
}

/* What the subscriber knows already may be old: then it is told at once. */
static void test_the_current_value(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field old = {"temperature", LIMITS(5, -1, -1), "10"},
                                     near = {"temperature", LIMITS(5, -1, -1), "17.5"},
                                     odd = {"temperature", LIMITS(5, -1, -1), "warm"};
  temperature(w, "lamp", 20);
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = &old, .n_fields = 1});
  turn(w, 0);
  assert_string_equal(world_log(w), "[accepted][lamp temperature=20.0]");
  tt_unsubscribe(w->core, s.id);
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = &near, .n_fields = 1});
  turn(w, 0);
  assert_string_equal(world_log(w), "[accepted]");
  temperature(w, "lamp", 22.4);
  assert_string_equal(world_log(w), "");
  temperature(w, "lamp", 22.5);
  assert_string_equal(world_log(w), "[lamp temperature=22.5]");
  tt_unsubscribe(w->core, s.id);
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = &odd, .n_fields = 1});
  temperature(w, "lamp", 27.5);
  assert_string_equal(world_log(w), "[accepted][lamp temperature=27.5]");
}

/* ---- Pace ------------------------------------------------------------------------------------------------------------------ */

/* Held, not dropped; the last value is what is told; what has gone back is not. */
static void test_min_interval(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field field = {"temperature", LIMITS(1, -1, -1), NULL};
  temperature(w, "lamp", 20);
  subscribe(&s, w,
            &(struct tt_subscribe_request){
                .refs = &hall_ref, .n_refs = 1, .fields = &field, .n_fields = 1, .min_us = 5 * SECOND});
  world_log(w);
  assert_int_equal(tt_core_due(w->core), TT_NEVER);
  temperature(w, "lamp", 22);
  assert_string_equal(world_log(w), "[lamp temperature=22.0]");
  turn(w, SECOND);
  temperature(w, "lamp", 24);
  temperature(w, "lamp", 25);
  temperature(w, "fan", 7); /* has its own pace */
  assert_string_equal(world_log(w), "[fan temperature=7.0]");
  assert_int_equal(tt_core_due(w->core), w->now.mono_us + 4 * SECOND);
  turn(w, 4 * SECOND - 1);
  assert_string_equal(world_log(w), "");
  turn(w, 1);
  assert_string_equal(world_log(w), "[lamp temperature=25.0]");
  temperature(w, "lamp", 30);
  temperature(w, "lamp", 25.2);
  turn(w, 5 * SECOND);
  assert_string_equal(world_log(w), "");
  assert_int_equal(tt_core_due(w->core), TT_NEVER);
}

static void test_max_interval(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field field = {"temperature", LIMITS(10, -1, -1), NULL};
  temperature(w, "lamp", 20);
  subscribe(&s, w,
            &(struct tt_subscribe_request){
                .refs = &lamp_ref, .n_refs = 1, .fields = &field, .n_fields = 1, .max_us = 60 * SECOND});
  world_log(w);
  assert_int_equal(tt_core_due(w->core), w->now.mono_us + 60 * SECOND);
  temperature(w, "lamp", 21);
  turn(w, 60 * SECOND - 1);
  assert_string_equal(world_log(w), "");
  turn(w, 1);
  assert_string_equal(world_log(w), "[lamp temperature=21.0]");
  temperature(w, "lamp", 30); /* nine from the last event */
  turn(w, 59 * SECOND);
  assert_string_equal(world_log(w), "");
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp temperature=30.0]");
}

/* ---- The first event --------------------------------------------------------------------------------------------------------- */

static void test_immediate_from_cache_and_device(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field field = {"temperature", LIMITS(1, -1, -1), NULL};
  const struct tt_ref refs[] = {lamp_ref, fan_ref};
  temperature(w, "lamp", 20);
  subscribe(
      &s, w,
      &(struct tt_subscribe_request){
          .refs = refs, .n_refs = 2, .fields = &field, .n_fields = 1, .min_us = 5 * SECOND, .is_immediate = true});
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[accepted][lamp temperature=20.0]");
  assert_int_equal(w->n_asked, 1); /* the fan has nothing in the cache */
  assert_string_equal(w->asked[0].key, "fan");
  turn(w, SECOND);
  world_report(w, "fan", TEMPERATURE, TT_VALUE_QUANTITY(7, 1));
  world_done(w, 0, 0, NULL);
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[fan temperature=7.0]");
  temperature(w, "fan", 9); /* too early */
  assert_string_equal(world_log(w), "");
}

static void test_immediate_of_a_device_that_fails(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &fan_ref, .n_refs = 1, .is_immediate = true});
  assert_int_equal(w->n_asked, 1);
  world_done(w, 0, -EIO, "No answer.");
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[accepted][fan down: No answer.]");
  /* The subscriber may have had enough. */
  tt_unsubscribe(w->core, s.id);
  w->n_asked = 0;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &fan_ref, .n_refs = 1, .is_immediate = true});
  s.cancels = s.id;
  world_done(w, 0, -EIO, "No answer.");
  assert_string_equal(world_log(w), "[accepted][fan down: No answer.]");
  assert_int_equal(tt_subscription_count(w->core), 0);
}

/* ---- Nodes that are silent, go and come ---------------------------------------------------------------------------------------- */

static void message(struct world *w, const char *key, const char *text)
{
  tt_node_message(tt_core_tree(w->core), w->now, world_node(w, key), "offline", TT_MESSAGE_ERROR, text);
  tt_core_flush(w->core);
}

static void test_a_silent_device_is_told_once(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  static const struct tt_event_field field = {"temperature", LIMITS(1, -1, -1), NULL};
  temperature(w, "lamp", 20);
  subscribe(&s, w,
            &(struct tt_subscribe_request){
                .refs = &lamp_ref, .n_refs = 1, .fields = &field, .n_fields = 1, .min_us = 5 * SECOND});
  world_log(w);
  message(w, "lamp", "Silent.");
  assert_string_equal(world_log(w), "[lamp down: Silent.]");
  message(w, "lamp", "Silent for long.");
  turn(w, 60 * SECOND);
  assert_string_equal(world_log(w), "");
  /* Back, with a value that would be none: the subscriber has to know. */
  message(w, "lamp", NULL);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
  /* One that comes and goes is held like everything. */
  message(w, "lamp", "Silent.");
  message(w, "lamp", NULL);
  turn(w, 5 * SECOND);
  assert_string_equal(world_log(w), "");
}

static void test_silent_from_the_beginning(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  message(w, "lamp", "Silent.");
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  turn(w, 0);
  assert_string_equal(world_log(w), "[accepted][lamp down: Silent.]");
}

static void add_again(struct world *w, const char *key)
{
  struct tt_node *node;
  struct tt_node_spec spec = {
      .kind = TT_NODE_DEVICE, .key = key, .place = "house", .points = world_points, .n_points = N_POINTS};
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
}

static void test_a_device_that_is_configured_anew(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  temperature(w, "lamp", 20);
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .fields = by_one, .n_fields = 2});
  world_log(w);
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  turn(w, SECOND);
  add_again(w, "lamp");
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
  temperature(w, "lamp", 21);
  assert_string_equal(world_log(w), "[lamp temperature=21.0]");
}

static void test_a_device_that_goes_and_comes_back(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1, .max_us = SECOND});
  world_log(w);
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  turn(w, 9 * SECOND);
  assert_string_equal(world_log(w), "");
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp lost 1]");
  turn(w, 3600 * SECOND);
  assert_string_equal(world_log(w), "");
  assert_int_equal(tt_core_due(w->core), TT_NEVER);
  add_again(w, "lamp");
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
}

/* ---- Permission ------------------------------------------------------------------------------------------------------------- */

static void test_fields_that_may_not_be_read(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  w->denied = "humidity";
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  world_log(w);
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(90, 0));
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), ""); /* not even that there was a change */
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
}

static void test_rules_that_change(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  world_log(w);
  w->denied = "humidity";
  tt_core_access_changed(w->core);
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(90, 0));
  tt_core_flush(w->core);
  assert_string_equal(world_log(w), "");
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "[lamp temperature=20.0]");
  w->denied = NULL;
  tt_core_access_changed(w->core);
  temperature(w, "lamp", 21);
  assert_string_equal(world_log(w), "[lamp temperature=21.0 humidity=90]");
  w->unseen = "lamp";
  tt_core_access_changed(w->core);
  temperature(w, "lamp", 22);
  assert_string_equal(world_log(w), "[lamp lost 2][ended]");
  assert_int_equal(tt_subscription_count(w->core), 0);
}

static void test_a_decision_that_takes_its_time(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  w->mode = ACCESS_LATER;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  temperature(w, "lamp", 20);
  assert_string_equal(world_log(w), "");
  world_answer_check(w, 0);
  assert_string_equal(world_log(w), "[accepted]");
  temperature(w, "lamp", 21);
  assert_string_equal(world_log(w), "[lamp temperature=21.0]");
  w->mode = ACCESS_LATER;
  tt_core_access_changed(w->core);
  temperature(w, "lamp", 22);
  temperature(w, "lamp", 23);
  assert_string_equal(world_log(w), "");
  world_answer_check(w, 1);
  assert_string_equal(world_log(w), "[lamp temperature=23.0]");
  /* Nobody is there any more when it comes. */
  w->mode = ACCESS_LATER;
  tt_core_access_changed(w->core);
  temperature(w, "lamp", 24);
  tt_unsubscribe(w->core, s.id);
  world_answer_check(w, 2);
  w->mode = ACCESS_LATER;
  subscribe(&s, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  tt_unsubscribe(w->core, s.id);
  world_answer_check(w, 3);
  assert_string_equal(world_log(w), "");
}

static void test_refusals(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  struct tt_ref ghost = {"ghost", "", ""};
  static const struct tt_event_field unknown = {"colour", LIMITS(1, -1, -1), NULL};
  const struct tt_subscribe_request good = {.refs = &lamp_ref, .n_refs = 1};
  struct tt_subscribe_request request = good;
  request.n_refs = 0;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 3 No node is named.]");
  request = (struct tt_subscribe_request){.refs = &ghost, .n_refs = 1};
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 1 There is no such node. ghost]");
  request = good;
  request.fields = &unknown;
  request.n_fields = 1;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 1 None of the fields asked for is here.]");
  request = good;
  request.min_us = TT_SUBSCRIPTION_INTERVAL_MAX;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[accepted]");
  tt_unsubscribe(w->core, s.id);
  request.min_us++;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 3 An interval is too long.]");
  request = good;
  request.max_us = TT_SUBSCRIPTION_INTERVAL_MAX + 1;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 3 An interval is too long.]");
  w->mode = ACCESS_NONE;
  subscribe(&s, w, &good);
  assert_string_equal(world_log(w), "[refused 2 You may not read this.]");
  assert_int_equal(w->n_refused, 1);
  w->role = TT_ROLE_NONE;
  w->n_looked = 0;
  subscribe(&s, w, &good);
  assert_string_equal(world_log(w), "[refused 2 You may not read here.]");
  assert_int_equal(w->n_looked, 0);
  assert_int_equal(s.id, 0);
  assert_int_equal(tt_subscription_count(w->core), 0);
}

/* ---- Several ------------------------------------------------------------------------------------------------------------------ */

static void test_a_new_one_takes_its_nodes_over(void **state)
{
  struct world *w = *state;
  struct subscriber hall, lamp, other, watch;
  subscribe(&hall, w, &(struct tt_subscribe_request){.refs = &hall_ref, .n_refs = 1});
  subscribe(&other, w, &(struct tt_subscribe_request){.caller = &alice_elsewhere, .refs = &lamp_ref, .n_refs = 1});
  subscribe(&watch, w,
            &(struct tt_subscribe_request){.class = TT_SUBSCRIPTION_WATCH, .refs = &lamp_ref, .n_refs = 1});
  subscribe(&lamp, w, &(struct tt_subscribe_request){.refs = &lamp_ref, .n_refs = 1});
  world_log(w);
  turn(w, 0);
  assert_string_equal(world_log(w), "[lamp lost 4]");
  temperature(w, "lamp", 20); /* the new one, another resource, another class */
  assert_string_equal(world_log(w), "[lamp temperature=20.0][lamp temperature=20.0][lamp temperature=20.0]");
  temperature(w, "fan", 20);
  assert_string_equal(world_log(w), "[fan temperature=20.0]");
  struct subscriber fan;
  subscribe(&fan, w, &(struct tt_subscribe_request){.refs = &fan_ref, .n_refs = 1});
  turn(w, 0);
  assert_string_equal(world_log(w), "[accepted][fan lost 4][ended]");
  assert_true(hall.is_ended);
  assert_int_equal(tt_subscription_count(w->core), 4);
}

static void test_unsubscribing_from_within(void **state)
{
  struct world *w = *state;
  struct subscriber a, b;
  subscribe(&a, w, &(struct tt_subscribe_request){.refs = &house_ref, .n_refs = 1});
  subscribe(&b, w, &(struct tt_subscribe_request){.caller = &bob, .refs = &house_ref, .n_refs = 1});
  world_log(w);
  a.cancels = b.id; /* whoever is first ends both */
  b.cancels = a.id;
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  world_report(w, "fan", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  tt_core_flush(w->core);
  assert_int_equal(tt_subscription_count(w->core), 1);
  world_log(w);
  a.cancels = a.id;
  b.cancels = b.id;
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(30, 1));
  world_report(w, "fan", TEMPERATURE, TT_VALUE_QUANTITY(30, 1));
  tt_core_flush(w->core);
  assert_int_equal(tt_subscription_count(w->core), 0);
}

static void test_limits_of_numbers(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  char jid[64];
  struct tt_caller caller = alice;
  struct tt_event_field fields[TT_SUBSCRIPTION_FIELDS_MAX + 1];
  for (size_t i = 0; i < TT_COUNT(fields); i++)
    fields[i] = by_one[0];
  struct tt_subscribe_request request = {
      .caller = &caller, .refs = &lamp_ref, .n_refs = 1, .fields = fields, .n_fields = TT_COUNT(fields)};
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 3 These are too many fields.]");
  request.n_fields--;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[accepted]");
  tt_unsubscribe(w->core, s.id);
  /* Of one bare JID and class. */
  request.n_fields = 0;
  caller.jid = jid;
  for (size_t i = 0; i <= TT_SUBSCRIPTIONS_PER_CALLER; i++) {
    snprintf(jid, sizeof jid, "alice@example.org/%zu", i);
    subscribe(&s, w, &request);
    assert_string_equal(world_log(w), i < TT_SUBSCRIPTIONS_PER_CALLER
                                          ? "[accepted]"
                                          : "[refused 8 You have too many subscriptions.]");
  }
  request.class = TT_SUBSCRIPTION_WATCH;
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[accepted]");
  /* In all. */
  char bare[64];
  caller.bare = bare;
  size_t n = tt_subscription_count(w->core);
  for (size_t i = n; i <= TT_SUBSCRIPTIONS_MAX; i++) {
    snprintf(bare, sizeof bare, "u%zu@example.org", i);
    snprintf(jid, sizeof jid, "u%zu@example.org/x", i);
    subscribe(&s, w, &request);
    assert_string_equal(world_log(w),
                        i < TT_SUBSCRIPTIONS_MAX ? "[accepted]" : "[refused 8 There are too many subscriptions.]");
  }
  assert_int_equal(tt_subscription_count(w->core), TT_SUBSCRIPTIONS_MAX);
}

static void test_limits_of_nodes(void **state)
{
  struct world *w = *state;
  struct subscriber s;
  struct tt_caller caller = alice;
  char key[32], bare[64], place[32];
  w->mode = ACCESS_LATER; /* the decision does not matter here */
  for (int i = 0; i < TT_SUBSCRIPTION_NODES_MAX + 1; i++) {
    struct tt_node *node;
    snprintf(key, sizeof key, "n%d", i);
    snprintf(place, sizeof place, i < TT_SUBSCRIPTION_NODES_MAX ? "many" : "many/more");
    struct tt_node_spec spec = {
        .kind = TT_NODE_DEVICE, .key = key, .place = place, .points = world_points, .n_points = 1};
    assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  }
  struct tt_ref many = {"many", "", ""};
  const struct tt_subscribe_request request = {.caller = &caller, .refs = &many, .n_refs = 1};
  subscribe(&s, w, &request);
  assert_string_equal(world_log(w), "[refused 9 These are too many nodes: name fewer. many]");
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, key)->id), 0);
  w->mode = ACCESS_ALL;
  size_t n = TT_SUBSCRIPTION_WATCHED_MAX / TT_SUBSCRIPTION_NODES_MAX;
  caller.bare = bare;
  for (size_t i = 0; i <= n; i++) {
    snprintf(bare, sizeof bare, "u%zu@example.org", i);
    caller.jid = bare;
    subscribe(&s, w, &request);
    assert_string_equal(world_log(w), i < n ? "[accepted]" : "[refused 8 There are too many subscriptions. many]");
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_a_change_is_told_with_what_is_reported_along),
      TEST(test_all_of_a_turn_is_one_event),
      TEST(test_without_limits),
      TEST(test_up_and_down),
      TEST(test_the_current_value),
      TEST(test_min_interval),
      TEST(test_max_interval),
      TEST(test_immediate_from_cache_and_device),
      TEST(test_immediate_of_a_device_that_fails),
      TEST(test_a_silent_device_is_told_once),
      TEST(test_silent_from_the_beginning),
      TEST(test_a_device_that_is_configured_anew),
      TEST(test_a_device_that_goes_and_comes_back),
      TEST(test_fields_that_may_not_be_read),
      TEST(test_rules_that_change),
      TEST(test_a_decision_that_takes_its_time),
      TEST(test_refusals),
      TEST(test_a_new_one_takes_its_nodes_over),
      TEST(test_unsubscribing_from_within),
      TEST(test_limits_of_numbers),
      TEST(test_limits_of_nodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
