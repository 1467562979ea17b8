/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "stamp.h"

#define NOON UINT64_C(1700000000000000) /* 2023-11-14T22:13:20Z */

static uint64_t stamp_of(const char *text, enum http_stamp_unit unit)
{
  TT_AUTOVALUE struct tt_value value = {0};
  uint64_t us = 1;
  assert_int_equal(tt_value_text(TT_TYPE_STRING, text, strlen(text), &value), 0);
  int r = http_stamp_parse(&value, unit, &us);
  assert_true(r == 0 || (r == -EINVAL && us == 1));
  return us;
}

static void test_texts(void **state)
{
  static const struct {
    const char *text;
    uint64_t us; /* 1: none */
  } rows[] = {
      {"2023-11-14T22:13:20Z", NOON},
      {"2023-11-14T22:13:20", NOON},
      {"2023-11-14 22:13:20", NOON},
      {"2023-11-14T23:13:20+01:00", NOON},
      {"2023-11-14T23:13:20+0100", NOON},
      {"2023-11-14T17:13:20-0500", NOON},
      {"2023-11-14T22:13:20.250Z", NOON + 250000},
      {"2023-11-14T22:13", NOON - 20000000},
      {"2023-11-14", 1},
      {"", 1},
      {"now", 1},
      {"2023-13-14T22:13:20Z", 1},
      {"1969-12-31T23:59:59Z", 1},
      {"2300-01-01T00:00:00Z", 1},
      {"1700000000", 1},
      {"2023-11-14T22:13:20Z and something that is longer than any time", 1},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (stamp_of(rows[i].text, HTTP_STAMP_ISO) != rows[i].us)
      fail_msg("%s", rows[i].text);
}

static void test_numbers(void **state)
{
  uint64_t us = 0;
  (void)state;
  assert_int_equal(http_stamp_parse(&TT_VALUE_INT64(1700000000), HTTP_STAMP_S, &us), 0);
  assert_int_equal(us, NOON);
  assert_int_equal(http_stamp_parse(&TT_VALUE_INT64(1700000000250), HTTP_STAMP_MS, &us), 0);
  assert_int_equal(us, NOON + 250000);
  assert_int_equal(http_stamp_parse(&TT_VALUE_QUANTITY(1700000000.5, 1), HTTP_STAMP_S, &us), 0);
  assert_int_equal(us, NOON + 500000);
  assert_int_equal(stamp_of("1700000000", HTTP_STAMP_S), NOON);
  assert_int_equal(stamp_of("x", HTTP_STAMP_S), 1);
  us = 1;
  assert_int_equal(http_stamp_parse(&TT_VALUE_INT64(-1), HTTP_STAMP_S, &us), -EINVAL);
  assert_int_equal(http_stamp_parse(&TT_VALUE_INT64(1700000000250), HTTP_STAMP_S, &us), -EINVAL);
  assert_int_equal(http_stamp_parse(&TT_VALUE_QUANTITY(1e300, 0), HTTP_STAMP_S, &us), -EINVAL);
  assert_int_equal(http_stamp_parse(&TT_VALUE_BOOLEAN(true), HTTP_STAMP_S, &us), -EINVAL);
  assert_int_equal(http_stamp_parse(&TT_VALUE_INT64(5), HTTP_STAMP_ISO, &us), -EINVAL);
  assert_int_equal(us, 1);
}

static void test_dates(void **state)
{
  static const char *const bad[] = {"",
                                    "Sun, 06 Nov 1994 08:49:37",
                                    "Sun, 06 Nov 1994 08:49:37 EST",
                                    "Sunday, 06-Nov-94 08:49:37 GMT",
                                    "Sun, 06 ovD 1994 08:49:37 GMT",
                                    "Sun, 00 Nov 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 24:49:37 GMT",
                                    "Sun, 06 Nov 1894 08:49:37 GMT"};
  uint64_t us = 1;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(http_date_parse(bad[i], &us), -EINVAL);
  assert_int_equal(us, 1);
  assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT", &us), 0);
  assert_int_equal(us, UINT64_C(784111777000000));
}

static void test_retry_after(void **state)
{
  uint64_t us = 0;
  (void)state;
  assert_int_equal(http_retry_after_parse("120", NOON, &us), 0);
  assert_int_equal(us, 120000000);
  assert_int_equal(http_retry_after_parse("0", NOON, &us), 0);
  assert_int_equal(us, 0);
  assert_int_equal(http_retry_after_parse("99999999999999999999", NOON, &us), 0);
  assert_int_equal(us, HTTP_RETRY_AFTER_MAX_US);
  assert_int_equal(http_retry_after_parse("Tue, 14 Nov 2023 22:14:20 GMT", NOON, &us), 0);
  assert_int_equal(us, 60000000);
  assert_int_equal(http_retry_after_parse("Sun, 06 Nov 1994 08:49:37 GMT", NOON, &us), 0);
  assert_int_equal(us, 0);
  assert_int_equal(http_retry_after_parse("Fri, 14 Nov 2098 22:14:20 GMT", NOON, &us), 0);
  assert_int_equal(us, HTTP_RETRY_AFTER_MAX_US);
  assert_int_equal(http_retry_after_parse("", NOON, &us), -EINVAL);
  assert_int_equal(http_retry_after_parse("-1", NOON, &us), -EINVAL);
  assert_int_equal(http_retry_after_parse("1.5", NOON, &us), -EINVAL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_texts),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_dates),
      cmocka_unit_test(test_retry_after),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
