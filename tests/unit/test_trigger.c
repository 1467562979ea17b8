/* SPDX-License-Identifier: Apache-2.0
 * trigger.c: what is far enough, and when it may leave. */
#include "cmocka_all.h"
#include "model/trigger.h"

#include <math.h>

#define SECOND TT_USEC_PER_SEC

static struct tt_value value(enum tt_type type, const char *text)
{
  struct tt_value value = {0};
  if (type != TT_TYPE_NONE)
    assert_int_equal(tt_value_parse(type, text, &value), 0);
  return value;
}

static void test_distance(void **state)
{
  static const struct {
    enum tt_type from_type;
    const char *from;
    enum tt_type to_type;
    const char *to;
    double distance;
  } rows[] = {
      {TT_TYPE_QUANTITY, "20.5", TT_TYPE_QUANTITY, "23", 2.5},
      {TT_TYPE_QUANTITY, "23.40", TT_TYPE_QUANTITY, "23.4", 0},
      {TT_TYPE_QUANTITY, "-1", TT_TYPE_INT32, "-3", -2},
      {TT_TYPE_INT64, "5000000000", TT_TYPE_INT64, "5000000001", 1},
      {TT_TYPE_BOOLEAN, "false", TT_TYPE_BOOLEAN, "true", 1},
      {TT_TYPE_BOOLEAN, "true", TT_TYPE_BOOLEAN, "false", -1},
      {TT_TYPE_BOOLEAN, "true", TT_TYPE_BOOLEAN, "1", 0},
      {TT_TYPE_STRING, "abc", TT_TYPE_STRING, "abd", 1},
      {TT_TYPE_STRING, "b", TT_TYPE_STRING, "abc", -1},
      {TT_TYPE_STRING, "same", TT_TYPE_STRING, "same", 0},
      {TT_TYPE_ENUM, "off", TT_TYPE_ENUM, "on", 1},
      {TT_TYPE_DATETIME, "2026-11-22T18:54:53Z", TT_TYPE_DATETIME, "2026-11-22T18:55:00.500Z", 7.5},
      {TT_TYPE_DATE, "2026-02-28", TT_TYPE_DATE, "2026-03-01", 86400},
      {TT_TYPE_TIME, "06:30:00", TT_TYPE_TIME, "06:29:59.5", -0.5},
      {TT_TYPE_DURATION, "PT1H", TT_TYPE_DURATION, "PT59M30S", -30},
      {TT_TYPE_DURATION, "P1DT1S", TT_TYPE_DURATION, "PT24H", -1},
      {TT_TYPE_NONE, "", TT_TYPE_QUANTITY, "0", INFINITY}, /* nothing was known */
      {TT_TYPE_QUANTITY, "7", TT_TYPE_NONE, "", 0},        /* there is nothing to tell */
      {TT_TYPE_NONE, "", TT_TYPE_NONE, "", 0},
      {TT_TYPE_STRING, "7", TT_TYPE_QUANTITY, "7", INFINITY},
      {TT_TYPE_BOOLEAN, "true", TT_TYPE_QUANTITY, "1", INFINITY},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    TT_AUTOVALUE struct tt_value from = value(rows[i].from_type, rows[i].from);
    TT_AUTOVALUE struct tt_value to = value(rows[i].to_type, rows[i].to);
    double distance = tt_distance(&from, &to);
    if (distance != rows[i].distance)
      fail_msg("row %zu: %s to %s is %g", i, rows[i].from, rows[i].to, distance);
  }
}

static void test_limits(void **state)
{
  static const struct {
    struct tt_limits limits;
    double from, to;
    bool is_reached;
  } rows[] = {
      {{5, -1, -1}, 20, 24.9, false},
      {{5, -1, -1}, 20, 25, true},
      {{5, -1, -1}, 20, 15, true},
      {{5, 1, 1}, 20, 22, false}, /* `by` wins */
      {{-1, 5, -1}, 20, 25, true},
      {{-1, 5, -1}, 20, 0, false}, /* only upwards */
      {{-1, -1, 5}, 20, 30, false},
      {{-1, -1, 5}, 20, 15, true},
      {{-1, 10, 2}, 20, 29, false},
      {{-1, 10, 2}, 20, 18, true},
      {{-1, -1, -1}, 0, 1000, false},
      {{0, -1, -1}, 20, 20, false},
      {{0, -1, -1}, 20, 20.001, true},
      {{-1, 0, -1}, 20, 19, false},
      {{-1, -1, 0}, 20, 21, false},
      /* What is written as 0.1 is 0.1, though the difference of the doubles is less. */
      {{0.1, -1, -1}, 21.1, 21.2, true},
      {{-1, 0.1, -1}, 21.1, 21.2, true},
      {{0.1, -1, -1}, 21.1, 21.19, false},
      {{2, -1, -1}, 1e12, 1e12 + 1, false}, /* and not more is forgiven */
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_value from = TT_VALUE_QUANTITY(rows[i].from, -1), to = TT_VALUE_QUANTITY(rows[i].to, -1);
    if (tt_limits_reached(&rows[i].limits, &from, &to) != rows[i].is_reached)
      fail_msg("row %zu: %g to %g", i, rows[i].from, rows[i].to);
  }
  struct tt_value nothing = {0}, seven = TT_VALUE_QUANTITY(7, 0), no = TT_VALUE_QUANTITY(NAN, 0);
  assert_true(tt_limits_reached(&(struct tt_limits){100, -1, -1}, &nothing, &seven));
  assert_false(tt_limits_reached(&(struct tt_limits){0, -1, -1}, &seven, &nothing));
  assert_true(tt_limits_reached(&(struct tt_limits){1, -1, -1}, &seven, &no));
  assert_false(tt_limits_reached(&(struct tt_limits){0, -1, -1}, &no, &no));
}

static void test_given(void **state)
{
  (void)state;
  assert_false(tt_limits_are_given(&TT_LIMITS_NONE));
  assert_true(tt_limits_are_given(&TT_LIMITS_ANY));
  assert_true(tt_limits_are_given(&(struct tt_limits){-1, 0, -1}));
  assert_true(tt_limits_are_given(&(struct tt_limits){-1, -1, 3}));
}

static void test_pace(void **state)
{
  static const struct {
    struct tt_pace pace;
    bool is_reached;
    uint64_t due_us;
  } rows[] = {
      {{5, 0, 100, true}, true, 105},    {{5, 0, 100, true}, false, TT_NEVER},
      {{5, 0, 100, false}, true, 0}, /* nothing was told yet: nothing to keep distance from */
      {{5, 60, 100, true}, false, 160},  {{5, 60, 100, true}, true, 105},
      {{5, 60, 100, false}, false, 160}, {{5, 3, 100, true}, false, 105}, /* the distance wins */
      {{0, 0, 100, true}, true, 100},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    assert_int_equal(tt_pace_due(&rows[i].pace, rows[i].is_reached), rows[i].due_us);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_distance),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_given),
      cmocka_unit_test(test_pace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
