/* SPDX-License-Identifier: Apache-2.0
 * How far values are apart, when that is far enough, and when an event may leave. */
#include "model/trigger.h"

#include "cmocka_all.h"

#define NUMBER(n) TT_VALUE_QUANTITY(n, TT_DECIMALS_FREE)

static struct tt_value text(enum tt_type type, const char *t)
{
  struct tt_value value;
  assert_int_equal(tt_value_text(type, t, strlen(t), &value), 0);
  return value;
}

static void test_distances(void **state)
{
  (void)state;
  static const struct {
    enum tt_type type;
    const char *from, *to;
    double distance;
  } rows[] = {
      {TT_TYPE_QUANTITY, "21.5", "23", 1.5},
      {TT_TYPE_QUANTITY, "23.0", "23.00", 0},
      {TT_TYPE_INT64, "5", "2", -3},
      {TT_TYPE_INT32, "5", "5", 0},
      {TT_TYPE_BOOLEAN, "false", "true", 1},
      {TT_TYPE_BOOLEAN, "true", "false", -1},
      {TT_TYPE_DATETIME, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", 60},
      {TT_TYPE_DATE, "2026-01-02", "2026-01-01", -86400},
      {TT_TYPE_TIME, "10:00:00", "10:00:01.5", 1.5},
      {TT_TYPE_DURATION, "PT1M", "PT1H1M", 3600},
      {TT_TYPE_DURATION, "-PT5S", "P1DT5S", 86410},
      {TT_TYPE_DURATION, "P1M", "P1Y", 335 * 86400.0},
      {TT_TYPE_STRING, "abc", "abd", 1},
      {TT_TYPE_STRING, "abd", "abc", -1},
      {TT_TYPE_STRING, "abc", "abc", 0},
      {TT_TYPE_ENUM, "heat", "cool", -1},
      {TT_TYPE_DURATION, "soon", "later", -1}, /* not what it says it is: a text */
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    TT_AUTOVALUE struct tt_value from = {0}, to = {0};
    if (tt_value_is_text(rows[i].type)) {
      from = text(rows[i].type, rows[i].from);
      to = text(rows[i].type, rows[i].to);
    } else {
      assert_int_equal(tt_value_parse(rows[i].type, rows[i].from, &from), 0);
      assert_int_equal(tt_value_parse(rows[i].type, rows[i].to, &to), 0);
    }
    assert_true(tt_distance(&from, &to) == rows[i].distance);
  }
}

static void test_other_types(void **state)
{
  (void)state;
  const struct tt_value none = {0}, number = NUMBER(5), integer = TT_VALUE_INT64(7);
  assert_true(tt_distance(&none, &number) == 1);
  assert_true(tt_distance(&number, &none) == 1);
  assert_true(tt_distance(&none, &none) == 0);
  assert_true(tt_distance(&number, &integer) == 2); /* both are numbers */
}

static void test_limits(void **state)
{
  (void)state;
  static const struct {
    struct tt_limits limits;
    double from, to;
    bool is_reached;
  } rows[] = {
      {{1, -1, -1}, 20, 20.9, false},  {{1, -1, -1}, 20, 21, true},  {{1, -1, -1}, 20, 19, true},
      {{1, -1, -1}, 20, 20, false},    {{0, -1, -1}, 20, 20, false}, {{0, -1, -1}, 20, 20.1, true},
      {{-1, 1, -1}, 20, 21, true},     {{-1, 1, -1}, 20, 10, false}, {{-1, -1, 1}, 20, 19, true},
      {{-1, -1, 1}, 20, 30, false},    {{-1, 5, 1}, 20, 24, false},  {{-1, 5, 1}, 20, 19, true},
      {{2, 1, 1}, 20, 21, false}, /* `by` wins */
      {{-1, -1, -1}, 20, 1000, false},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const struct tt_value from = NUMBER(rows[i].from), to = NUMBER(rows[i].to);
    assert_int_equal(tt_limits_reached(&rows[i].limits, &from, &to), rows[i].is_reached);
  }
}

static void test_paces(void **state)
{
  (void)state;
  static const struct {
    struct tt_pace pace;
    bool is_reached;
    uint64_t due_us;
  } rows[] = {
      {{.last_us = 100}, false, TT_NEVER},
      {{.last_us = 100}, true, 0},
      {{.min_us = 10, .last_us = 100}, true, 0}, /* nothing was told yet */
      {{.min_us = 10, .last_us = 100, .has_event = true}, true, 110},
      {{.min_us = 10, .last_us = 100, .has_event = true}, false, TT_NEVER},
      {{.max_us = 50, .last_us = 100}, false, 150},
      {{.max_us = 50, .last_us = 100}, true, 0},
      {{.min_us = 10, .max_us = 50, .last_us = 100, .has_event = true}, false, 150},
      {{.min_us = 60, .max_us = 50, .last_us = 100, .has_event = true}, false, 160}, /* the floor is a floor */
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    assert_int_equal(tt_pace_due(&rows[i].pace, rows[i].is_reached), rows[i].due_us);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_distances),
      cmocka_unit_test(test_other_types),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_paces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
