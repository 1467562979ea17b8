/* SPDX-License-Identifier: Apache-2.0
 * What the core decides by itself: nothing without hooks, what a caller may know of, how old a value may be. */
#include "model/core.h"

#include "model_world.h"

#include "model/requests.h"

static void test_nobody_gets_in_without_hooks(void **state)
{
  struct tt_core *core = tt_core_create();
  struct tt_node *node;
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "lamp"};
  struct tt_now now = {.mono_us = 5, .wall_us = 6};
  (void)state;
  assert_int_equal(tt_tree_add(tt_core_tree(core), now, &spec, &node), 0);
  assert_int_equal(tt_core_role(core, &alice), TT_ROLE_NONE);
  assert_int_equal(tt_core_sight(core, &alice, node), TT_SIGHT_NONE);
  assert_null(tt_core_see(core, &alice, &(struct tt_ref){"lamp", "", ""}));
  tt_core_refused(core, &alice, TT_ACCESS_READ, "lamp"); /* nobody to tell */
  assert_int_equal(tt_core_due(core), TT_NEVER);
  tt_core_turn(core, now);
  assert_int_equal(tt_core_now(core).wall_us, 6);
  tt_core_destroy(core);
  tt_core_destroy(NULL);
}

static void test_what_is_not_seen_is_not_there(void **state)
{
  struct world *w = world_create();
  (void)state;
  w->unseen = "fan";
  assert_non_null(tt_core_see(w->core, &alice, &(struct tt_ref){"lamp", "", ""}));
  assert_null(tt_core_see(w->core, &alice, &(struct tt_ref){"fan", "", ""}));
  assert_null(tt_core_see(w->core, &alice, &(struct tt_ref){"ghost", "", ""}));
  size_t looked = w->n_looked;
  assert_null(tt_core_see(w->core, &alice, &(struct tt_ref){"lamp", "other source", ""}));
  assert_int_equal(w->n_looked, looked); /* nothing was found to look at */
  tt_core_refused(w->core, &alice, TT_ACCESS_CONTROL, "fan");
  assert_int_equal(w->n_refused, 1);
  world_destroy(w);
}

static void test_how_old_a_value_may_be(void **state)
{
  struct world *w = world_create();
  struct tt_point point = {.poll = 0};
  (void)state;
  assert_int_equal(tt_core_max_age(w->core, &point), 2 * SECOND); /* of its class */
  point.poll = 1;
  assert_int_equal(tt_core_max_age(w->core, &point), 0); /* there is no such class */
  point.poll = -1;
  assert_int_equal(tt_core_max_age(w->core, &point), TT_NEVER); /* it comes by itself */
  point.stale_us = 7 * SECOND;
  assert_int_equal(tt_core_max_age(w->core, &point), 7 * SECOND);
  world_destroy(w);
}

static void test_names(void **state)
{
  static const char *const texts[] = {"relay", "level", "mode"};
  struct tt_names names;
  (void)state;
  assert_int_equal(tt_names_init(&names, texts, TT_COUNT(texts)), 0);
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    assert_true(tt_names_has(&names, texts[i]));
  assert_false(tt_names_has(&names, "relays"));
  assert_false(tt_names_has(&names, ""));
  tt_names_finish(&names);
  assert_int_equal(tt_names_init(&names, NULL, 0), 0);
  assert_false(tt_names_has(&names, "relay"));
  names.is_all = true;
  assert_true(tt_names_has(&names, "relay"));
  tt_names_finish(&names);
}

static void test_errors_have_a_sentence(void **state)
{
  (void)state;
  assert_string_equal(tt_error_text(-ETIMEDOUT, NULL), "Timeout.");
  assert_string_equal(tt_error_text(-ETIMEDOUT, ""), "Timeout.");
  assert_string_equal(tt_error_text(-ETIMEDOUT, "unit 3 is silent"), "unit 3 is silent");
  assert_string_equal(tt_error_text(-EPERM, NULL), "The device could not be reached.");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_nobody_gets_in_without_hooks), cmocka_unit_test(test_what_is_not_seen_is_not_there),
      cmocka_unit_test(test_how_old_a_value_may_be),       cmocka_unit_test(test_names),
      cmocka_unit_test(test_errors_have_a_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
