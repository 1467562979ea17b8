/* SPDX-License-Identifier: Apache-2.0
 * follow.c, rule.c: which devices and fields a selection has, as they come and go. */
#include "model/follow.h"
#include "model/subscription.h"
#include "model_world.h"

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct world *w = user;
  tt_buf_printf(&w->log, "[%s", node->key);
  for (size_t i = 0; i < n; i++) {
    tt_buf_printf(&w->log, " %s=", fields[i]->name);
    tt_value_print(&fields[i]->value, &w->log);
  }
  tt_buf_puts(&w->log, "]");
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct world *w = user;
  (void)node;
  (void)wall_us;
  tt_buf_printf(&w->log, "[%s down: %s]", key, text);
}

static void on_lost(void *user, const char *key)
{
  tt_buf_printf(&((struct world *)user)->log, "[%s lost]", key);
}

static const struct tt_follow_sink sink = {on_event, on_failed, on_lost};

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

#define TEXTS(...)                                                                                                 \
  {                                                                                                                \
    .text = (const char *[]){__VA_ARGS__}, .n = TT_COUNT(((const char *[]){__VA_ARGS__}))                          \
  }

static struct tt_follow *follow(struct world *w, const struct tt_selection *selection)
{
  struct tt_follow *follow;
  assert_int_equal(tt_follow_create(w->core, "test", selection, &sink, w, &follow), 0);
  tt_core_flush(w->core);
  return follow;
}

static void turn(struct world *w, uint64_t us)
{
  world_pass(w, us);
  tt_core_flush(w->core);
}

static void add(struct world *w, const char *key, const char *place)
{
  const struct tt_node_spec spec = {
      .kind = TT_NODE_DEVICE, .key = key, .place = place, .points = world_points, .n_points = N_POINTS};
  struct tt_node *node;
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
}

static void test_patterns_decide(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {.nodes = TEXTS("house/**", "!**/fan"), .fields = TEXTS("temp*", "relay")};
  struct tt_follow *f = follow(w, &selection);
  assert_int_equal(tt_follow_counts(f).followed, 2);
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(20, 1));
  world_report(w, "lamp", RELAY, TT_VALUE_BOOLEAN(true));
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(55, 0));
  world_report(w, "fan", TEMPERATURE, TT_VALUE_QUANTITY(21, 1));
  turn(w, 0);
  assert_string_equal(world_log(w), "[lamp temperature=20.0 relay=true]");
  world_report(w, "lamp", HUMIDITY, TT_VALUE_QUANTITY(56, 0)); /* is not selected: no event */
  turn(w, SECOND);
  assert_string_equal(world_log(w), "");
  tt_follow_destroy(f);
  assert_int_equal(tt_subscription_count(w->core), 0);
}

static void test_nothing_is_selected_by_no_pattern(void **state)
{
  struct world *w = *state;
  struct tt_follow *f = follow(w, &(const struct tt_selection){0});
  assert_int_equal(tt_follow_counts(f).followed, 0);
  tt_follow_destroy(f);
}

static void test_a_field_that_no_device_has_is_no_fault(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {.nodes = TEXTS("**"), .fields = TEXTS("pressure", "hidden")};
  struct tt_follow *f = follow(w, &selection);
  assert_int_equal(tt_follow_counts(f).followed, 0);
  assert_int_equal(tt_follow_counts(f).left_out, 0);
  tt_follow_destroy(f);
}

static void test_what_comes_later_is_taken_up(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {.nodes = TEXTS("shed/**"), .fields = TEXTS("temperature")};
  struct tt_follow *f = follow(w, &selection);
  assert_int_equal(tt_follow_counts(f).followed, 0);
  add(w, "barrow", "shed");
  add(w, "other", "barn");
  turn(w, 0);
  assert_int_equal(tt_follow_counts(f).followed, 1);
  world_report(w, "barrow", TEMPERATURE, TT_VALUE_QUANTITY(3, 0));
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[barrow temperature=3]");
  tt_follow_destroy(f);
}

static void test_what_goes_is_lost_and_what_comes_back_goes_on(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {.nodes = TEXTS("**/lamp"), .fields = TEXTS("temperature")};
  struct tt_follow *f = follow(w, &selection);
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  add(w, "lamp", "house/hall"); /* configured anew */
  turn(w, 0);
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(4, 0));
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp temperature=4]");
  assert_int_equal(tt_follow_counts(f).followed, 1);
  assert_int_equal(tt_subscription_count(w->core), 1);

  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, world_node(w, "lamp")->id), 0);
  turn(w, SECOND);
  turn(w, 30 * SECOND);
  assert_string_equal(world_log(w), "[lamp lost]");
  assert_int_equal(tt_follow_counts(f).followed, 0);
  add(w, "lamp", "house/hall");
  turn(w, SECOND);
  assert_int_equal(tt_follow_counts(f).followed, 1);
  tt_follow_destroy(f);
}

static void test_the_first_values_are_read(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {
      .nodes = TEXTS("**/lamp"), .fields = TEXTS("temperature"), .min_us = 10 * SECOND, .is_immediate = true};
  struct tt_follow *f = follow(w, &selection);
  turn(w, 0);
  assert_int_equal(w->n_asked, 1);
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(5, 0));
  world_done(w, 0, 0, NULL);
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp temperature=5]");
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(6, 0));
  turn(w, SECOND);
  assert_string_equal(world_log(w), ""); /* not within the interval */
  turn(w, 10 * SECOND);
  assert_string_equal(world_log(w), "[lamp temperature=6]");
  tt_follow_destroy(f);
}

static void test_who_cannot_be_read_is_told_once(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {
      .nodes = TEXTS("**/lamp"), .fields = TEXTS("temperature"), .is_immediate = true};
  struct tt_follow *f = follow(w, &selection);
  turn(w, 0);
  world_done(w, 0, -ETIMEDOUT, NULL);
  turn(w, SECOND);
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp down: Timeout.]");
  tt_follow_destroy(f);
}

static void test_two_selections_of_one_name_have_both(void **state)
{
  struct world *w = *state;
  const struct tt_selection selection = {.nodes = TEXTS("**/lamp"), .fields = TEXTS("temperature")};
  struct tt_follow *f = follow(w, &selection), *g = follow(w, &selection);
  world_report(w, "lamp", TEMPERATURE, TT_VALUE_QUANTITY(7, 0));
  turn(w, SECOND);
  assert_string_equal(world_log(w), "[lamp temperature=7][lamp temperature=7]");
  tt_follow_destroy(f);
  tt_follow_destroy(g);
}

static void test_there_is_room_for_so_many(void **state)
{
  struct world *w = *state;
  char key[32];
  const struct tt_selection selection = {.nodes = TEXTS("many/**")};
  for (int i = 0; i < TT_FOLLOW_NODES_MAX + 2; i++) {
    snprintf(key, sizeof(key), "d%d", i);
    add(w, key, "many");
  }
  struct tt_follow *f = follow(w, &selection);
  assert_int_equal(tt_follow_counts(f).followed, TT_FOLLOW_NODES_MAX);
  assert_int_equal(tt_follow_counts(f).left_out, 2);
  tt_follow_destroy(f);
  tt_follow_destroy(NULL);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_patterns_decide),
      TEST(test_nothing_is_selected_by_no_pattern),
      TEST(test_a_field_that_no_device_has_is_no_fault),
      TEST(test_what_comes_later_is_taken_up),
      TEST(test_what_goes_is_lost_and_what_comes_back_goes_on),
      TEST(test_the_first_values_are_read),
      TEST(test_who_cannot_be_read_is_told_once),
      TEST(test_two_selections_of_one_name_have_both),
      TEST(test_there_is_room_for_so_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
