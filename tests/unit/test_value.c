/* SPDX-License-Identifier: Apache-2.0
 * test_value.c: gateway/base/value.c. */
#include <math.h>
#include <stdio.h>
#include <thingtree/value.h>

#include "cmocka_all.h"

static void check_round(enum tt_type type, const char *text, const char *printed)
{
  struct tt_value value TT_AUTOVALUE = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  if (tt_value_parse(type, text, &value) != 0)
    fail_msg("%s is no %s", text, tt_type_name(type));
  tt_value_print(&value, &out);
  assert_string_equal(out.data, printed);
}

static void test_parse_and_print(void **state)
{
  (void)state;
  check_round(TT_TYPE_BOOLEAN, "1", "true");
  check_round(TT_TYPE_BOOLEAN, "false", "false");
  check_round(TT_TYPE_INT32, "-2147483648", "-2147483648");
  check_round(TT_TYPE_INT64, "9223372036854775807", "9223372036854775807");
  check_round(TT_TYPE_QUANTITY, "23.40", "23.40");
  check_round(TT_TYPE_QUANTITY, "7", "7");
  check_round(TT_TYPE_QUANTITY, "1e3", "1000");
  check_round(TT_TYPE_QUANTITY, "-0.5", "-0.5");
  check_round(TT_TYPE_STRING, "a b", "a b");
  check_round(TT_TYPE_DATE, "2026-02-28", "2026-02-28");
  check_round(TT_TYPE_DATETIME, "2026-11-22T18:54:53Z", "2026-11-22T18:54:53.000Z");
  check_round(TT_TYPE_TIME, "18:54:53.5", "18:54:53.5");
  check_round(TT_TYPE_DURATION, "P1DT2H3.5S", "P1DT2H3.5S");
  check_round(TT_TYPE_ENUM, "night", "night");
}

static void test_parse_refuses(void **state)
{
  (void)state;
  static const struct {
    enum tt_type type;
    const char *text;
  } rows[] = {
      {TT_TYPE_NONE, "1"},           {TT_TYPE_BOOLEAN, "yes"},       {TT_TYPE_BOOLEAN, ""},
      {TT_TYPE_INT32, "2147483648"}, {TT_TYPE_INT64, "1.0"},         {TT_TYPE_QUANTITY, "NaN"},
      {TT_TYPE_QUANTITY, "1,5"},     {TT_TYPE_QUANTITY, ""},         {TT_TYPE_DATE, "2026-02-30"},
      {TT_TYPE_DATE, "2026-2-3"},    {TT_TYPE_TIME, "25:00:00"},     {TT_TYPE_TIME, "12:00"},
      {TT_TYPE_DURATION, "P"},       {TT_TYPE_DURATION, "PT"},       {TT_TYPE_DURATION, "P1H"},
      {TT_TYPE_DURATION, "P1D1Y"},   {TT_TYPE_DATETIME, "tomorrow"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_value value = {0};
    if (tt_value_parse(rows[i].type, rows[i].text, &value) >= 0)
      fail_msg("%s was taken as %s", rows[i].text, tt_type_name(rows[i].type));
    assert_int_equal(value.type, TT_TYPE_NONE);
  }
}

static void test_quantities_keep_their_decimals(void **state)
{
  (void)state;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_value_print(&TT_VALUE_QUANTITY(0.1 + 0.2, TT_DECIMALS_FREE), &out);
  assert_string_equal(out.data, "0.30000000000000004");
  tt_buf_truncate(&out, 0);
  tt_value_print(&TT_VALUE_QUANTITY(230.05, 1), &out);
  assert_true(!strcmp(out.data, "230.1") || !strcmp(out.data, "230.0"));
  tt_buf_truncate(&out, 0);
  tt_value_print(&TT_VALUE_QUANTITY(1.7e308, 12), &out); /* the longest text there is */
  assert_int_equal(out.len, 309 + 1 + 12);
  tt_buf_truncate(&out, 0);
  tt_value_print(&TT_VALUE_QUANTITY(-0.0, TT_DECIMALS_FREE), &out);
  assert_string_equal(out.data, "0");
}

/* The short way prints what printf() prints. */
static void test_short_numbers_are_printed_as_by_printf(void **state)
{
  (void)state;
  static const double powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
  for (int i = 0; i < 200000; i++) {
    int decimals = (int)tt_random_below(8);
    double number = (double)(int64_t)(tt_random_below(4000000000) - 2000000000) / powers[tt_random_below(7)];
    char expected[64];
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    struct tt_value read TT_AUTOVALUE = {0};
    snprintf(expected, sizeof(expected), "%.*f", decimals, number);
    tt_value_print(&TT_VALUE_QUANTITY(number, (int8_t)decimals), &out);
    if (strcmp(out.data, expected) && (expected[0] != '-' || strcmp(out.data, expected + 1) || atof(expected) != 0))
      fail_msg("%.17g with %d decimals: %s, not %s", number, decimals, out.data, expected);
    tt_buf_truncate(&out, 0);
    tt_value_print(&TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE), &out);
    assert_int_equal(tt_value_parse(TT_TYPE_QUANTITY, out.data, &read), 0);
    assert_true(read.quantity.number == number);
  }
  static const struct {
    double number;
    int8_t decimals;
    const char *printed;
  } rows[] = {{-0.001, 2, "0.00"},
              {-0.0, 1, "0.0"},
              {0.05, 2, "0.05"},
              {1000000, TT_DECIMALS_FREE, "1000000"},
              {2.5, 0, "2"},
              {-12.5, 1, "-12.5"},
              {0.1, TT_DECIMALS_FREE, "0.1"},
              {1e9, 1, "1000000000.0"}};
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    tt_value_print(&TT_VALUE_QUANTITY(rows[i].number, rows[i].decimals), &out);
    assert_string_equal(out.data, rows[i].printed);
  }
}

static void test_equality(void **state)
{
  (void)state;
  assert_true(tt_value_equals(&TT_VALUE_QUANTITY(23.4, 1), &TT_VALUE_QUANTITY(23.40, 2)));
  assert_false(tt_value_equals(&TT_VALUE_QUANTITY(23.4, 1), &TT_VALUE_QUANTITY(23.5, 1)));
  assert_false(tt_value_equals(&TT_VALUE_INT64(1), &TT_VALUE_BOOLEAN(true)));
  struct tt_value a TT_AUTOVALUE = {0}, b TT_AUTOVALUE = {0};
  assert_int_equal(tt_value_text(TT_TYPE_STRING, "on", 2, &a), 0);
  assert_int_equal(tt_value_copy(&a, &b), 0);
  assert_true(tt_value_equals(&a, &b));
  assert_ptr_not_equal(a.text, b.text);
}

static void test_text_is_cleaned_and_cut(void **state)
{
  (void)state;
  char *longer = malloc(TT_TEXT_MAX + 100);
  memset(longer, 'x', TT_TEXT_MAX + 100);
  struct tt_value value TT_AUTOVALUE = {0};
  assert_int_equal(tt_value_text(TT_TYPE_STRING, longer, TT_TEXT_MAX + 100, &value), 0);
  assert_int_equal(strlen(value.text), TT_TEXT_MAX);
  free(longer);
}

static void test_numbers(void **state)
{
  (void)state;
  assert_true(tt_value_number(&TT_VALUE_BOOLEAN(true)) == 1);
  assert_true(tt_value_number(&TT_VALUE_INT64(-3)) == -3);
  assert_true(isnan(tt_value_number(&(struct tt_value){0})));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parse_and_print),
      cmocka_unit_test(test_parse_refuses),
      cmocka_unit_test(test_quantities_keep_their_decimals),
      cmocka_unit_test(test_short_numbers_are_printed_as_by_printf),
      cmocka_unit_test(test_equality),
      cmocka_unit_test(test_text_is_cleaned_and_cut),
      cmocka_unit_test(test_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
