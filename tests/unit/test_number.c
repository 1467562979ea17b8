/* SPDX-License-Identifier: Apache-2.0
 * test_number.c: gateway/base/number.c. */
#include <thingtree/util.h>

#include "cmocka_all.h"

static void test_integers(void **state)
{
  (void)state;
  int64_t n = 0;
  assert_int_equal(tt_int64_parse("-9223372036854775808", &n), 0);
  assert_true(n == INT64_MIN);
  assert_int_equal(tt_int64_parse("0x0034", &n), 0);
  assert_int_equal(n, 52);
  assert_int_equal(tt_int64_parse("010", &n), 0);
  assert_int_equal(n, 10);
  assert_int_equal(tt_int64_parse("9223372036854775808", &n), -ERANGE);
  static const char *const bad[] = {"", "-", "0x", "1.0", " 1", "1 ", "abc", "0x1g", "--1"};
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_int64_parse(bad[i], &n), -EINVAL);
  assert_int_equal(n, 10);
}

static void test_doubles(void **state)
{
  (void)state;
  double d = 0;
  assert_int_equal(tt_double_parse("-1.5e3", &d), 0);
  assert_true(d == -1500);
  assert_int_equal(tt_double_parse("1e400", &d), -ERANGE);
  static const char *const bad[] = {"", "nan", "inf", "0x10", "1,5", "1.5 ", "e", "."};
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_double_parse(bad[i], &d), -EINVAL);
}

static void test_xsd_durations(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } rows[] = {{"PT1S", 1},           {"PT0.5S", 0.5},  {"PT1M", 60},
              {"P1M", 30 * 86400.0}, {"-P1D", -86400}, {"P1Y2M3DT4H5M6S", 36993906},
              {"PT36H", 129600},     {"P0D", 0}};
  static const char *const bad[] = {"",
                                    "P",
                                    "PT",
                                    "1S",
                                    "P1S",
                                    "PT1D",
                                    "P1DT",
                                    "PT1",
                                    "PT.5S",
                                    "PT1.S",
                                    "PT1.5M",
                                    "PT1S1M",
                                    "PT1S1S",
                                    "P-1D",
                                    "P1D ",
                                    "PTT1S",
                                    "P99999999999999999999999999999999999D"};
  double seconds = -7;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    assert_int_equal(tt_xsd_duration_parse(rows[i].text, &seconds), 0);
    assert_true(seconds == rows[i].seconds);
  }
  seconds = -7;
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_xsd_duration_parse(bad[i], &seconds), -EINVAL);
  assert_true(seconds == -7);
}

static void test_durations(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    uint64_t us;
  } rows[] = {{"20us", 20},        {"500ms", 500000},    {"10s", 10000000},
              {"5min", 300000000}, {"24h", 86400000000}, {"7d", 604800000000}};
  uint64_t us = 1;
  char out[32];
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    assert_int_equal(tt_duration_parse(rows[i].text, &us), 0);
    assert_int_equal(us, rows[i].us);
  }
  assert_int_equal(tt_duration_parse("0", &us), 0);
  assert_int_equal(us, 0);
  static const char *const bad[] = {"", "10", "s", "-1s", "1.5s", "10 s", "10m", "10sec"};
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_duration_parse(bad[i], &us), -EINVAL);
  assert_int_equal(tt_duration_parse("99999999999999999999s", &us), -ERANGE);
  assert_int_equal(tt_duration_parse("9999999999999999d", &us), -ERANGE);
  assert_string_equal(tt_duration_print(out, sizeof out, 90000000), "90s");
  assert_string_equal(tt_duration_print(out, sizeof out, 86400000000), "1d");
  assert_string_equal(tt_duration_print(out, sizeof out, 1500), "1500us");
  assert_string_equal(tt_duration_print(out, sizeof out, 0), "0s");
}

static void test_datetimes(void **state)
{
  (void)state;
  uint64_t us = 0;
  char out[TT_DATETIME_SIZE];
  assert_int_equal(tt_datetime_parse("2026-11-22T18:54:53.12Z", &us), 0);
  assert_string_equal(tt_datetime_print(out, us), "2026-11-22T18:54:53.120Z");
  assert_int_equal(tt_datetime_parse("2026-11-22T20:54:53+02:00", &us), 0);
  assert_string_equal(tt_datetime_print(out, us), "2026-11-22T18:54:53.000Z");
  assert_int_equal(tt_datetime_parse("2026-11-22T18:54:53", &us), 0);
  assert_string_equal(tt_datetime_print(out, us), "2026-11-22T18:54:53.000Z");
  static const char *const bad[] = {"",
                                    "2026-11-22",
                                    "2026-13-01T00:00:00Z",
                                    "2026-02-31T00:00:00Z",
                                    "2026-11-22T18:54:53.Z",
                                    "2026-11-22T18:54:53+2",
                                    "2026-11-22T18:54:53Zx",
                                    "x026-11-22T18:54:53Z"};
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_datetime_parse(bad[i], &us), -EINVAL);
  assert_int_equal(tt_datetime_parse("1969-12-31T23:59:59Z", &us), -ERANGE);
  tt_datetime_print(out, UINT64_MAX);
  assert_string_equal(out, "9999-12-31T23:59:59.999Z");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_integers),  cmocka_unit_test(test_doubles),   cmocka_unit_test(test_xsd_durations),
      cmocka_unit_test(test_durations), cmocka_unit_test(test_datetimes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
