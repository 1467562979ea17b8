/* SPDX-License-Identifier: Apache-2.0
 * gateway/describe.c: however often devices change their mind, it costs one file and one loading. */
#include "reload_world.h"

#define WAIT_US (20 * TT_USEC_PER_SEC)

static void say(const char *key, unsigned n)
{
  char json[200];
  int size = snprintf(json, sizeof json, "{\"points\": {\"p%u\": {\"at\": \"x\", \"type\": \"string\"}}}", n);
  assert_int_equal(tt_describer_described(g.describer, key, json, (size_t)size), 0);
}

static bool has_point(const char *key, const char *name)
{
  const struct tt_node *node = tt_tree_find(tt_core_tree(g.core), key, NULL, NULL);
  uint16_t point;
  return node && tt_node_point(node, name, &point) == 0;
}

static bool is_kept(const char *key)
{
  char *text TT_AUTOFREE = tt_described_get(g.described, key, "fake/thing");
  return text;
}

static void test_a_storm(void **state)
{
  const struct tt_config *before = tt_host_config(g.host);
  uint64_t end_us = tt_loop_clock().mono_us + WAIT_US;
  (void)state;
  for (unsigned i = 0; i < 10000; i++)
    say("thing", i);
  say("other", 1);
  assert_false(is_kept("thing")); /* nothing was written */
  assert_ptr_equal(tt_host_config(g.host), before);
  while (!has_point("thing", "p9999")) {
    assert_true(tt_loop_clock().mono_us < end_us);
    assert_true(sd_event_run(g.event, 100 * TT_USEC_PER_MSEC) >= 0);
  }
  assert_true(has_point("other", "p1")); /* with the same loading */
  assert_true(is_kept("thing"));
}

/* One that never falls silent is heard all the same. */
static void test_a_storm_that_goes_on(void **state)
{
  uint64_t end_us = tt_loop_clock().mono_us + WAIT_US;
  (void)state;
  for (unsigned i = 0; !is_kept("thing"); i++) {
    say("thing", i);
    assert_true(tt_loop_clock().mono_us < end_us);
    assert_true(sd_event_run(g.event, 10 * TT_USEC_PER_MSEC) >= 0);
  }
}

/* What is the same as before is not loaded. */
static void test_nothing_new(void **state)
{
  static const char json[] = "{\"points\": {}}";
  uint64_t end_us = tt_loop_clock().mono_us + TT_USEC_PER_SEC;
  const struct tt_config *before = tt_host_config(g.host);
  (void)state;
  assert_int_equal(tt_described_set(g.described, "thing", "fake/thing", json, strlen(json)), 1);
  assert_int_equal(tt_describer_described(g.describer, "thing", json, strlen(json)), 0);
  assert_int_equal(tt_describer_described(g.describer, "nobody", json, strlen(json)), 0);
  while (tt_loop_clock().mono_us < end_us)
    assert_true(sd_event_run(g.event, 100 * TT_USEC_PER_MSEC) >= 0);
  assert_ptr_equal(tt_host_config(g.host), before);
  assert_false(is_kept("nobody"));
}

/* What nobody has taken up yet at the end is there at the next start. */
static void test_the_end(void **state)
{
  (void)state;
  say("thing", 1);
  say("other", 2);
  tt_describer_destroy(TT_STEAL(g.describer));
  assert_true(is_kept("thing"));
  assert_true(is_kept("other"));
}

static void test_limits(void **state)
{
  static char large[TT_DESCRIBED_MAX + 1];
  char key[20];
  (void)state;
  assert_int_equal(tt_describer_described(g.describer, "thing", large, sizeof large), -EMSGSIZE);
  for (unsigned i = 0; i < 256; i++) {
    snprintf(key, sizeof key, "d%u", i);
    assert_int_equal(tt_describer_described(g.describer, key, large, TT_DESCRIBED_MAX), 0);
  }
  assert_int_equal(tt_describer_described(g.describer, "thing", "{}", 2), -ENOSPC);
  assert_int_equal(tt_describer_described(g.describer, "d7", "{}", 2), 0); /* less than before */
  assert_int_equal(tt_describer_described(g.describer, "thing", "{}", 2), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_storm, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_a_storm_that_goes_on, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_nothing_new, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_the_end, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_limits, open_all, close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
