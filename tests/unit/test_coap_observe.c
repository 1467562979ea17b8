/* SPDX-License-Identifier: Apache-2.0
 * When an observation is registered anew, and which notification is old. */
#include "observe.h"

#include "cmocka_all.h"

#define S TT_USEC_PER_SEC

static struct cb_observe o;

static void begin(uint64_t refresh_us, uint64_t fallback_us)
{
  cb_observe_init(&o, refresh_us, fallback_us, 100 * S);
  assert_int_equal(cb_observe_due(&o), 100 * S);
  cb_observe_asked(&o);
  assert_true(cb_observe_due(&o) == TT_NEVER);
}

static void test_standing(void **state)
{
  (void)state;
  begin(600 * S, 60 * S);
  cb_observe_answered(&o, 5, -1, 101 * S);
  assert_int_equal(o.state, CB_OBSERVE_STANDING);
  assert_int_equal(cb_observe_due(&o), 161 * S); /* a silence of `fallback` */
  assert_true(cb_observe_notified(&o, 6, -1, 150 * S));
  assert_int_equal(cb_observe_due(&o), 210 * S);
  for (uint64_t at = 200; at <= 700; at += 50)
    assert_true(cb_observe_notified(&o, (uint32_t)at, -1, at * S));
  assert_int_equal(cb_observe_due(&o), 701 * S); /* `refresh`, though it notifies */
}

static void test_max_age(void **state)
{
  (void)state;
  begin(600 * S, 300 * S);
  cb_observe_answered(&o, 1, 30, 100 * S);
  assert_true(cb_observe_due(&o) >= 135 * S && cb_observe_due(&o) <= 145 * S);
  assert_true(cb_observe_notified(&o, 2, CB_OBSERVE_MAX_AGE_MAX_S + 1, 110 * S)); /* as if not said */
  assert_int_equal(cb_observe_due(&o), 410 * S);
}

static void test_a_device_that_does_not_observe(void **state)
{
  (void)state;
  begin(600 * S, 20 * S);
  cb_observe_answered(&o, -1, 5, 100 * S);
  assert_int_equal(o.state, CB_OBSERVE_POLLING);
  assert_int_equal(cb_observe_due(&o), 120 * S); /* its Max-Age makes it no poll */
}

static void test_failures(void **state)
{
  uint64_t wait = 0;
  (void)state;
  begin(600 * S, 60 * S);
  for (int i = 0; i < 12; i++) {
    cb_observe_failed(&o, -1, 1000 * S);
    wait = cb_observe_due(&o) - 1000 * S;
    uint64_t expected = i < 6 ? 1 * S << i : CB_OBSERVE_RETRY_MAX_US;
    assert_true(wait >= expected && wait <= expected + expected / 4);
    cb_observe_asked(&o);
  }
  cb_observe_failed(&o, 7, 1000 * S); /* the device says when */
  assert_true(cb_observe_due(&o) >= 1007 * S && cb_observe_due(&o) < 1009 * S);
  cb_observe_reachable(&o, 1001 * S);
  assert_int_equal(cb_observe_due(&o), 1001 * S);
  cb_observe_asked(&o);
  cb_observe_answered(&o, 1, -1, 1002 * S);
  assert_int_equal(o.failures, 0);
  cb_observe_reachable(&o, 1003 * S); /* it stands: nothing to be done */
  assert_int_equal(cb_observe_due(&o), 1062 * S);
}

static void test_lost(void **state)
{
  (void)state;
  begin(600 * S, 60 * S);
  cb_observe_answered(&o, 1, -1, 100 * S);
  cb_observe_lost(&o, -1, 110 * S);
  assert_int_equal(o.state, CB_OBSERVE_OFF);
  assert_true(cb_observe_due(&o) >= 111 * S && cb_observe_due(&o) < 112 * S);
  cb_observe_asked(&o);
  cb_observe_lost(&o, -1, 112 * S); /* the answer under way tells */
  assert_int_equal(o.state, CB_OBSERVE_ASKING);
}

/* RFC 7641 section 3.4. */
static void test_order(void **state)
{
  static const struct {
    uint32_t known, comes;
    uint64_t after_s;
    bool is_newer;
  } cases[] = {
      {10, 11, 1, true},       {10, 10, 1, false},     /* the same once more */
      {10, 9, 1, false},       {10, 9, 129, true},     /* after 128 s everything is new */
      {10, 9, 128, false},     {0xffffff, 0, 1, true}, /* it begins anew */
      {0, 0xffffff, 1, false}, {0, (1 << 23) - 1, 1, true}, {0, 1 << 23, 1, false}, {(1 << 23) + 1, 0, 1, true},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    begin(100000 * S, 100000 * S);
    cb_observe_answered(&o, cases[i].known, -1, 100 * S);
    if (cb_observe_notified(&o, cases[i].comes, -1, (100 + cases[i].after_s) * S) != cases[i].is_newer)
      fail_msg("%u after %u", cases[i].comes, cases[i].known);
  }
}

/* A device that has restarted counts from the beginning; the answer to a question is news all the same. */
static void test_a_registration_begins_anew(void **state)
{
  (void)state;
  begin(600 * S, 60 * S);
  cb_observe_answered(&o, 1000, -1, 100 * S);
  cb_observe_asked(&o);
  assert_true(cb_observe_notified(&o, 1001, -1, 101 * S)); /* while the question is under way */
  assert_int_equal(o.state, CB_OBSERVE_ASKING);
  cb_observe_answered(&o, 2, -1, 102 * S);
  assert_false(cb_observe_notified(&o, 2, -1, 103 * S));
  assert_true(cb_observe_notified(&o, 3, -1, 103 * S));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_standing),
      cmocka_unit_test(test_max_age),
      cmocka_unit_test(test_a_device_that_does_not_observe),
      cmocka_unit_test(test_failures),
      cmocka_unit_test(test_lost),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_a_registration_begins_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
