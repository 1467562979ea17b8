/* SPDX-License-Identifier: Apache-2.0
 * When a device is polled: spread, jitter, missed turns, back-off and its end. */
#include "bridge/schedule.h"

#include "cmocka_all.h"

#define S   TT_USEC_PER_SEC
#define NOW (1000 * S)

static void test_start_is_spread_and_soon(void **state)
{
  uint64_t low = TT_NEVER, high = 0;
  (void)state;
  for (int i = 0; i < 200; i++) {
    struct tt_schedule_class c = {.every_us = 60 * S};
    struct tt_schedule s = {.classes = &c, .n = 1};
    tt_schedule_start(&s, NOW);
    uint64_t due = tt_schedule_due(&s);
    low = due < low ? due : low;
    high = due > high ? due : high;
  }
  assert_in_range(low, NOW, NOW + TT_SPREAD_US / 4);
  assert_in_range(high, NOW + TT_SPREAD_US / 4 * 3, NOW + TT_SPREAD_US);
}

static void test_interval_keeps_its_phase_and_spreads(void **state)
{
  uint64_t low = TT_NEVER, high = 0;
  (void)state;
  for (int i = 0; i < 200; i++) {
    struct tt_schedule_class c = {.every_us = 60 * S};
    struct tt_schedule s = {.classes = &c, .n = 1};
    size_t class;
    tt_schedule_start(&s, NOW);
    uint64_t first = tt_schedule_due(&s);
    assert_true(tt_schedule_take(&s, first, &class));
    tt_schedule_end(&s, class, first + 2 * S, TT_POLL_ANSWERED);
    uint64_t second = tt_schedule_due(&s);
    assert_in_range(second, first + 2 * S, first + 60 * S);
    low = second < low ? second : low;
    high = second > high ? second : high;
    assert_true(tt_schedule_take(&s, second, &class));
    tt_schedule_end(&s, class, second + 3 * S, TT_POLL_ANSWERED);
    assert_int_equal(tt_schedule_due(&s), second + 60 * S); /* the answer's time does not push it */
  }
  assert_true(high - low > 20 * S);
}

static void test_jitter_is_within_its_bound(void **state)
{
  struct tt_schedule_class c = {.every_us = 10 * S, .jitter_us = S};
  struct tt_schedule s = {.classes = &c, .n = 1};
  size_t class;
  bool differs = false;
  (void)state;
  tt_schedule_start(&s, NOW);
  uint64_t last = 0;
  for (int i = 0; i < 50; i++) {
    uint64_t due = tt_schedule_due(&s);
    assert_true(tt_schedule_take(&s, due, &class));
    tt_schedule_end(&s, class, due, TT_POLL_ANSWERED);
    assert_in_range(c.due_us, c.phase_us, c.phase_us + S);
    differs |= last && c.due_us - c.phase_us != last;
    last = c.due_us - c.phase_us;
  }
  assert_true(differs);
}

static void test_open_poll_is_not_repeated_and_missed_turns_are_left_out(void **state)
{
  struct tt_schedule_class c = {.every_us = S};
  struct tt_schedule s = {.classes = &c, .n = 1};
  size_t class;
  (void)state;
  tt_schedule_start(&s, NOW);
  assert_true(tt_schedule_take(&s, NOW + S, &class));
  assert_int_equal(tt_schedule_due(&s), TT_NEVER);
  assert_false(tt_schedule_take(&s, NOW + 5 * S, &class));
  tt_schedule_end(&s, class, NOW + 7 * S, TT_POLL_ANSWERED);
  assert_in_range(tt_schedule_due(&s), NOW + 7 * S + 1, NOW + 8 * S);
  tt_schedule_end(&s, class, NOW + 7 * S, TT_POLL_FAILED); /* not open: nothing */
  assert_int_equal(s.failures, 0);
}

static void test_classes_are_apart(void **state)
{
  struct tt_schedule_class c[2] = {{.every_us = S}, {.every_us = 60 * S}};
  struct tt_schedule s = {.classes = c, .n = 2};
  size_t a, b;
  (void)state;
  tt_schedule_start(&s, NOW);
  assert_true(tt_schedule_take(&s, NOW + S, &a));
  assert_true(tt_schedule_take(&s, NOW + S, &b));
  assert_int_not_equal(a, b);
  assert_false(tt_schedule_take(&s, NOW + S, &a));
}

static void test_backoff_grows_to_its_cap(void **state)
{
  (void)state;
  assert_int_equal(tt_schedule_backoff(S, 1), S);
  assert_int_equal(tt_schedule_backoff(S, 2), 2 * S);
  assert_int_equal(tt_schedule_backoff(S, 4), 8 * S);
  assert_int_equal(tt_schedule_backoff(S, 5), 10 * S); /* ten times */
  assert_int_equal(tt_schedule_backoff(S, 100000), 10 * S);
  assert_int_equal(tt_schedule_backoff(30 * S, 2), 60 * S);
  assert_int_equal(tt_schedule_backoff(30 * S, 3), 60 * S);
  assert_int_equal(tt_schedule_backoff(300 * S, 9), 300 * S); /* never more often asked than failing */
  assert_int_equal(tt_schedule_backoff(UINT64_MAX / 2, 3), UINT64_MAX / 2);
}

static void test_dead_device_has_one_probe_at_a_time_and_comes_back(void **state)
{
  struct tt_schedule_class c[3] = {{.every_us = S}, {.every_us = S}, {.every_us = S}};
  struct tt_schedule s = {.classes = c, .n = 3};
  uint64_t now = NOW + S;
  size_t class, open[3];
  (void)state;
  tt_schedule_start(&s, NOW);
  for (int i = 0; i < 3; i++)
    assert_true(tt_schedule_take(&s, now, &open[i]));
  now += S; /* the time-out */
  for (int i = 0; i < 3; i++)
    tt_schedule_end(&s, open[i], now, TT_POLL_FAILED);
  assert_int_equal(s.failures, 1); /* once, not three times */

  unsigned probes = 0;
  uint64_t gap = 0;
  for (uint64_t end = now + 120 * S; now < end; probes++) {
    uint64_t due = tt_schedule_due(&s);
    assert_true(due >= now && due - now <= 11 * S); /* asked, and never starved */
    gap = due - now;
    now = due;
    assert_true(tt_schedule_take(&s, now, &class));
    assert_false(tt_schedule_take(&s, now, &class));
    assert_int_equal(tt_schedule_due(&s), TT_NEVER);
    now += S;
    tt_schedule_end(&s, class, now, TT_POLL_FAILED);
  }
  assert_in_range(probes, 10, 16);
  assert_in_range(gap, 10 * S, 11 * S);

  now = tt_schedule_due(&s);
  assert_true(tt_schedule_take(&s, now, &class));
  tt_schedule_end(&s, class, now, TT_POLL_ANSWERED);
  assert_true(tt_schedule_take(&s, now, &class)); /* the others at once */
  assert_true(tt_schedule_take(&s, now, &class));
}

static void test_other_proof_of_life_ends_the_backoff(void **state)
{
  struct tt_schedule_class c = {.every_us = S};
  struct tt_schedule s = {.classes = &c, .n = 1};
  size_t class;
  (void)state;
  tt_schedule_start(&s, NOW);
  for (int i = 0; i < 6; i++) {
    uint64_t due = tt_schedule_due(&s);
    assert_true(tt_schedule_take(&s, due, &class));
    tt_schedule_end(&s, class, due, TT_POLL_FAILED);
  }
  assert_true(tt_schedule_due(&s) > c.due_us);
  tt_schedule_alive(&s);
  assert_int_equal(tt_schedule_due(&s), c.due_us);
}

static void test_a_skipped_poll_proves_nothing(void **state)
{
  struct tt_schedule_class c[2] = {{.every_us = S}, {.every_us = S}};
  struct tt_schedule s = {.classes = c, .n = 2};
  size_t class;
  (void)state;
  tt_schedule_start(&s, NOW);
  assert_true(tt_schedule_take(&s, NOW + S, &class));
  tt_schedule_end(&s, class, NOW + S, TT_POLL_FAILED);
  uint64_t retry = tt_schedule_due(&s);
  assert_true(tt_schedule_take(&s, retry, &class));
  tt_schedule_end(&s, class, retry, TT_POLL_SKIPPED);
  assert_int_equal(s.failures, 1);
  assert_int_equal(s.n_open, 0);
  assert_true(tt_schedule_due(&s) >= retry);
}

static void test_absurd_interval_is_raised(void **state)
{
  struct tt_schedule_class c = {.every_us = 0};
  struct tt_schedule s = {.classes = &c, .n = 1}, none = {0};
  (void)state;
  tt_schedule_start(&s, NOW);
  assert_int_equal(c.every_us, TT_POLL_EVERY_MIN_US);
  assert_int_equal(tt_schedule_due(&none), TT_NEVER);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_start_is_spread_and_soon),
      cmocka_unit_test(test_interval_keeps_its_phase_and_spreads),
      cmocka_unit_test(test_jitter_is_within_its_bound),
      cmocka_unit_test(test_open_poll_is_not_repeated_and_missed_turns_are_left_out),
      cmocka_unit_test(test_classes_are_apart),
      cmocka_unit_test(test_backoff_grows_to_its_cap),
      cmocka_unit_test(test_dead_device_has_one_probe_at_a_time_and_comes_back),
      cmocka_unit_test(test_other_proof_of_life_ends_the_backoff),
      cmocka_unit_test(test_a_skipped_poll_proves_nothing),
      cmocka_unit_test(test_absurd_interval_is_raised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
