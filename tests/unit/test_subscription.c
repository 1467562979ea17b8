/* SPDX-License-Identifier: Apache-2.0
 * Subscribers are told what they asked for, in time, and nothing that they may not know. */
#define _GNU_SOURCE
#include "model/subscription.h"

#include "model_world.h"

#define NUMBER(n) TT_VALUE_QUANTITY(n, TT_DECIMALS_FREE)

static struct world *w;

/* ---- A sink that writes down; `user` is its letter ---- */
static void on_refused(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref)
{
  tt_buf_printf(&w->log, "(%s refused %d %s%s%s)", (const char *)user, (int)refusal, text, ref ? " " : "",
                ref ? ref->node : "");
}

static void on_accepted(void *user)
{
  tt_buf_printf(&w->log, "(%s accepted)", (const char *)user);
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  tt_buf_printf(&w->log, "(%s %s", (const char *)user, node->key);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(&w->log, " %s=", fields[i]->name);
    tt_value_print(&fields[i]->value, &w->log);
  }
  tt_buf_puts(&w->log, ")");
}

static void on_lost(void *user, const char *key, enum tt_refusal why)
{
  tt_buf_printf(&w->log, "(%s lost %s %d)", (const char *)user, key, (int)why);
}

static void on_ended(void *user)
{
  tt_buf_printf(&w->log, "(%s ended)", (const char *)user);
}

static const struct tt_event_sink sink = {on_refused, on_accepted, on_event, on_lost, on_ended};

static tt_id subscribe_as(const struct tt_caller *caller, const char *letter, const char *node,
                          struct tt_subscribe_request request)
{
  const struct tt_ref ref = {node, "", ""};
  request.caller = caller;
  request.refs = &ref;
  request.n_refs = 1;
  return tt_subscribe(w->core, &request, &sink, (char *)(uintptr_t)letter);
}

#define SUBSCRIBE(letter, node, ...)                                                                               \
  subscribe_as(&alice, letter, node, (struct tt_subscribe_request){.n_refs = 1, ##__VA_ARGS__})
#define FIELDS(...)                                                                                                \
  .fields = (const struct tt_event_field[]){__VA_ARGS__},                                                          \
  .n_fields = TT_COUNT(((const struct tt_event_field[]){__VA_ARGS__}))
#define ALONG(name_)                                                                                               \
  {                                                                                                                \
    .name = (name_), .limits = TT_LIMITS_NONE                                                                      \
  }
#define BY(name_, by_)                                                                                             \
  {                                                                                                                \
    .name = (name_), .limits = {(by_), -1, -1 }                                                                    \
  }

/* The end of the turn, and what was told in it. */
static const char *told(void)
{
  tt_core_flush(w->core);
  return world_log(w);
}

static int setup(void **state)
{
  (void)state;
  w = world_create();
  world_report(w, "lamp", TEMPERATURE, NUMBER(20));
  world_report(w, "lamp", HUMIDITY, NUMBER(50));
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  world_destroy(w);
  return 0;
}

static void test_every_change(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp");
  assert_string_equal(told(), "(a accepted)");
  world_report(w, "lamp", TEMPERATURE, NUMBER(20)); /* the same again is no change */
  world_report(w, "fan", TEMPERATURE, NUMBER(1));   /* nor is what others do */
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(20.1));
  world_report(w, "lamp", HUMIDITY, NUMBER(51)); /* one turn, one event */
  assert_string_equal(told(), "(a lamp temperature=20.1 humidity=51)");
  assert_string_equal(told(), "");
  world_report(w, "lamp", RELAY, TT_VALUE_BOOLEAN(true)); /* its first value */
  assert_string_equal(told(), "(a lamp temperature=20.1 humidity=51 relay=true)");
}

static void test_limits_measure_from_the_last_event(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp", FIELDS(BY("temperature", 1), ALONG("humidity")));
  told();
  world_report(w, "lamp", HUMIDITY, NUMBER(90)); /* is only told along */
  world_report(w, "lamp", TEMPERATURE, NUMBER(20.6));
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(21.2));
  assert_string_equal(told(), "(a lamp temperature=21.2 humidity=90)");
  world_report(w, "lamp", TEMPERATURE, NUMBER(21.9));
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(20.2));
  assert_string_equal(told(), "(a lamp temperature=20.2 humidity=90)");
}

static void test_what_the_subscriber_knows_already(void **state)
{
  (void)state;
  const struct tt_event_field known = {.name = "temperature", .limits = {1, -1, -1}, .current = "18"};
  SUBSCRIBE("a", "lamp", FIELDS(known));
  assert_string_equal(told(), "(a accepted)(a lamp temperature=20)");
  const struct tt_event_field odd = {.name = "temperature", .limits = {1, -1, -1}, .current = "warm"};
  subscribe_as(&bob, "b", "lamp", (struct tt_subscribe_request){FIELDS(odd)});
  assert_string_equal(told(), "(b accepted)");
}

static void test_min_interval_holds(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp", FIELDS(BY("temperature", 1)), .min_us = 10 * SECOND);
  told();
  world_report(w, "lamp", TEMPERATURE, NUMBER(22));
  assert_string_equal(told(), "(a lamp temperature=22)"); /* the first is not held */
  world_pass(w, 3 * SECOND);
  world_report(w, "lamp", TEMPERATURE, NUMBER(25));
  assert_string_equal(told(), "");
  assert_int_equal(tt_core_due(w->core), w->now.mono_us + 7 * SECOND);
  world_report(w, "lamp", TEMPERATURE, NUMBER(27));
  world_pass(w, 7 * SECOND);
  assert_string_equal(told(), "(a lamp temperature=27)"); /* delayed, not dropped: as it is by then */
  world_report(w, "lamp", TEMPERATURE, NUMBER(30));
  world_pass(w, 1 * SECOND);
  world_report(w, "lamp", TEMPERATURE, NUMBER(27.2)); /* back again before it could be told */
  world_pass(w, 20 * SECOND);
  assert_string_equal(told(), "");
}

static void test_max_interval_forces(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp", FIELDS(BY("temperature", 1)), .max_us = 60 * SECOND);
  told();
  world_pass(w, 59 * SECOND);
  assert_string_equal(told(), "");
  world_pass(w, 1 * SECOND);
  assert_string_equal(told(), "(a lamp temperature=20)");
  world_pass(w, 30 * SECOND);
  world_report(w, "lamp", TEMPERATURE, NUMBER(25));
  assert_string_equal(told(), "(a lamp temperature=25)");
  world_pass(w, 59 * SECOND); /* counted from the last event */
  assert_string_equal(told(), "");
  world_pass(w, 1 * SECOND);
  assert_string_equal(told(), "(a lamp temperature=25)");
}

static void test_an_immediate_event_reads_what_is_old(void **state)
{
  (void)state;
  world_pass(w, 5 * SECOND); /* the class `normal` takes what is 2 s old */
  SUBSCRIBE("a", "lamp", FIELDS(BY("temperature", 1)), .is_immediate = true);
  assert_string_equal(told(), "(a accepted)");
  assert_int_equal(w->n_asked, 1);
  world_report(w, "lamp", TEMPERATURE, NUMBER(23));
  world_done(w, 0, 0, NULL);
  assert_string_equal(told(), "(a lamp temperature=23)");
  assert_string_equal(told(), "");
  /* A device that keeps silent: what is known. */
  world_pass(w, 5 * SECOND);
  subscribe_as(&bob, "b", "lamp",
               (struct tt_subscribe_request){FIELDS(BY("temperature", 1)), .is_immediate = true});
  assert_string_equal(told(), "(b accepted)");
  world_done(w, 1, -ETIMEDOUT, NULL);
  assert_string_equal(told(), "(b lamp temperature=23)");
}

static void test_ending_while_the_first_values_are_read(void **state)
{
  (void)state;
  world_pass(w, 5 * SECOND);
  tt_id id = SUBSCRIBE("a", "lamp", .is_immediate = true);
  told();
  tt_unsubscribe(w->core, id);
  assert_int_equal(tt_subscription_count(w->core), 0);
  world_done(w, 0, 0, NULL);
  world_report(w, "lamp", TEMPERATURE, NUMBER(29));
  assert_string_equal(told(), "");
  tt_unsubscribe(w->core, id); /* stale */
}

static void test_what_is_not_permitted(void **state)
{
  (void)state;
  w->denied = "humidity";
  SUBSCRIBE("a", "lamp", FIELDS(BY("temperature", 1), BY("humidity", 1)));
  told();
  world_report(w, "lamp", HUMIDITY, NUMBER(99)); /* not even that it has changed */
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(30));
  assert_string_equal(told(), "(a lamp temperature=30)");
  /* A right that is taken away later. */
  w->denied = "temperature";
  world_report(w, "lamp", TEMPERATURE, NUMBER(40));
  assert_string_equal(told(), "(a lost lamp 2)(a ended)");
  assert_int_equal(tt_subscription_count(w->core), 0);
}

static void test_refusals(void **state)
{
  (void)state;
  SUBSCRIBE("a", "nowhere");
  assert_string_equal(told(), "(a refused 1 There is no such node. nowhere)");
  w->unseen = "fan";
  SUBSCRIBE("a", "fan");
  assert_string_equal(told(), "(a refused 1 There is no such node. fan)");
  SUBSCRIBE("a", "lamp", FIELDS(BY("colour", 1)));
  assert_string_equal(told(), "(a refused 1 None of the fields asked for is here.)");
  SUBSCRIBE("a", "lamp", FIELDS(BY("hidden", 1)));
  assert_string_equal(told(), "(a refused 1 None of the fields asked for is here.)");
  SUBSCRIBE("a", "lamp", .min_us = TT_SUBSCRIPTION_INTERVAL_MAX + 1);
  assert_string_equal(told(), "(a refused 3 An interval is too long.)");
  w->mode = ACCESS_NONE;
  SUBSCRIBE("a", "lamp");
  assert_string_equal(told(), "(a refused 2 You may not read here.)");
  assert_int_equal(w->n_refused, 1);
  w->role = TT_ROLE_NONE;
  w->n_looked = 0;
  SUBSCRIBE("a", "lamp");
  assert_string_equal(told(), "(a refused 2 You may not read here.)");
  assert_int_equal(w->n_looked, 0);
  assert_int_equal(tt_subscription_count(w->core), 0);
}

static void test_a_decision_that_takes_time(void **state)
{
  (void)state;
  w->mode = ACCESS_LATER;
  SUBSCRIBE("a", "lamp");
  world_report(w, "lamp", TEMPERATURE, NUMBER(30));
  assert_string_equal(told(), "");
  world_answer_check(w, 0);
  assert_string_equal(told(), "(a accepted)"); /* what was so then is the beginning */
  w->mode = ACCESS_LATER;
  world_report(w, "lamp", TEMPERATURE, NUMBER(31));
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(32));
  world_answer_check(w, 1);
  assert_string_equal(told(), "(a lamp temperature=32 humidity=50)");
  /* An answer to one who has gone. */
  w->mode = ACCESS_LATER;
  tt_unsubscribe(w->core, SUBSCRIBE("b", "fan"));
  world_answer_check(w, 2);
  assert_string_equal(told(), "");
}

static void test_a_newer_one_takes_its_nodes(void **state)
{
  (void)state;
  SUBSCRIBE("a", "house");
  SUBSCRIBE("b", "lamp", .class = TT_SUBSCRIPTION_WATCH);
  subscribe_as(&alice_elsewhere, "c", "lamp", (struct tt_subscribe_request){0});
  assert_string_equal(told(), "(a accepted)(b accepted)(c accepted)");
  SUBSCRIBE("d", "lamp");
  assert_string_equal(told(), "(d accepted)(a lost lamp 4)");
  world_report(w, "lamp", TEMPERATURE, NUMBER(30));
  world_report(w, "fan", TEMPERATURE, NUMBER(1));
  const char *log = told();
  assert_non_null(strstr(log, "(b lamp")); /* another class */
  assert_non_null(strstr(log, "(c lamp")); /* another resource */
  assert_non_null(strstr(log, "(d lamp"));
  assert_non_null(strstr(log, "(a fan"));
  assert_null(strstr(log, "(a lamp"));
  SUBSCRIBE("e", "house");
  log = told();
  assert_non_null(strstr(log, "(a ended)"));
  assert_non_null(strstr(log, "(d ended)"));
}

static tt_id add_again(const char *key)
{
  struct tt_node *node;
  const struct tt_node_spec spec = {
      .kind = TT_NODE_DEVICE, .key = key, .place = "house/hall", .points = world_points, .n_points = N_POINTS};
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  return node->id;
}

static void test_a_node_that_is_configured_anew(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp");
  told();
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  add_again("lamp");
  assert_string_equal(told(), "");
  world_report(w, "lamp", TEMPERATURE, NUMBER(5));
  assert_string_equal(told(), "(a lamp temperature=5)");
  /* One that stays away is lost, and may come back all the same. */
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  assert_string_equal(told(), "");
  world_pass(w, 10 * SECOND);
  assert_string_equal(told(), "(a lost lamp 1)");
  world_pass(w, 100 * SECOND);
  assert_string_equal(told(), "");
  add_again("lamp");
  world_report(w, "lamp", TEMPERATURE, NUMBER(6));
  assert_string_equal(told(), "(a lamp temperature=6)");
}

static void test_categories(void **state)
{
  (void)state;
  SUBSCRIBE("a", "lamp", .categories = TT_CATEGORY_STATUS);
  told();
  world_report(w, "lamp", TEMPERATURE, NUMBER(30));
  assert_string_equal(told(), "");
  world_report(w, "lamp", HUMIDITY, NUMBER(60));
  assert_string_equal(told(), "(a lamp humidity=60)");
}

static void test_the_bounds(void **state)
{
  (void)state;
  static char names[TT_SUBSCRIPTION_FIELDS_MAX + 1][8];
  struct tt_event_field fields[TT_SUBSCRIPTION_FIELDS_MAX + 1];
  for (size_t i = 0; i <= TT_SUBSCRIPTION_FIELDS_MAX; i++) {
    snprintf(names[i], sizeof(names[i]), "f%zu", i);
    fields[i] = (struct tt_event_field){.name = names[i], .limits = TT_LIMITS_NONE};
  }
  SUBSCRIBE("a", "lamp", .fields = fields, .n_fields = TT_SUBSCRIPTION_FIELDS_MAX + 1);
  assert_string_equal(told(), "(a refused 3 These are too many fields.)");
  for (size_t i = 0; i < TT_SUBSCRIPTIONS_PER_CALLER; i++) {
    char jid[40];
    snprintf(jid, sizeof(jid), "alice@example.org/%zu", i);
    const struct tt_caller caller = {
        .kind = TT_CALLER_XMPP, .jid = jid, .bare = "alice@example.org", .language = ""};
    assert_true(subscribe_as(&caller, "a", "lamp", (struct tt_subscribe_request){0}) != 0);
  }
  told();
  assert_int_equal(SUBSCRIBE("b", "lamp"), 0);
  assert_string_equal(told(), "(b refused 8 You have too many subscriptions.)");
  assert_true(subscribe_as(&bob, "c", "lamp", (struct tt_subscribe_request){0}) != 0);
  for (size_t i = 0; i <= TT_SUBSCRIPTION_NODES_MAX; i++) {
    char key[20];
    snprintf(key, sizeof(key), "node%zu", i);
    add_again(key);
  }
  assert_int_equal(subscribe_as(&bob, "d", "house", (struct tt_subscribe_request){0}), 0);
  assert_non_null(strstr(told(), "(d refused 9 These are too many nodes: name fewer. house)"));
}

static void test_many_are_told_in_order_of_time(void **state)
{
  (void)state;
  tt_id ids[100];
  for (size_t i = 0; i < TT_COUNT(ids); i++) {
    char jid[40], bare[30];
    snprintf(bare, sizeof(bare), "u%zu@example.org", i);
    snprintf(jid, sizeof(jid), "%s/x", bare);
    const struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = jid, .bare = bare, .language = ""};
    ids[i] = subscribe_as(
        &caller, "a", "lamp",
        (struct tt_subscribe_request){FIELDS(BY("temperature", 1000)), .max_us = ((i * 37) % 100 + 1) * SECOND});
  }
  told();
  for (size_t i = 0; i < TT_COUNT(ids); i += 3)
    tt_unsubscribe(w->core, ids[i]);
  size_t n = 0;
  uint64_t start = w->now.mono_us;
  while (w->now.mono_us < start + 100 * SECOND) {
    uint64_t due = tt_core_due(w->core);
    assert_true(due > w->now.mono_us);
    world_pass(w, due - w->now.mono_us);
    const char *log = told();
    for (; (log = strstr(log, "(a lamp")); log++)
      n++;
  }
  size_t expected = 0;
  for (size_t i = 0; i < TT_COUNT(ids); i++)
    expected += i % 3 ? 100 / ((i * 37) % 100 + 1) : 0;
  assert_int_equal(n, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_every_change),
      TEST(test_limits_measure_from_the_last_event),
      TEST(test_what_the_subscriber_knows_already),
      TEST(test_min_interval_holds),
      TEST(test_max_interval_forces),
      TEST(test_an_immediate_event_reads_what_is_old),
      TEST(test_ending_while_the_first_values_are_read),
      TEST(test_what_is_not_permitted),
      TEST(test_refusals),
      TEST(test_a_decision_that_takes_time),
      TEST(test_a_newer_one_takes_its_nodes),
      TEST(test_a_node_that_is_configured_anew),
      TEST(test_categories),
      TEST(test_the_bounds),
      TEST(test_many_are_told_in_order_of_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
