/* SPDX-License-Identifier: Apache-2.0
 * bytes.c: what is written is read back, and bad bytes stay bad. */
#include "cmocka_all.h"
#include "config/bytes.h"

#include <float.h>
#include <math.h>

static void test_numbers(void **state TT_UNUSED)
{
  static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
  static const int64_t signs[] = {0, -1, 1, -64, 63, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
  static const double doubles[] = {0, -0.0, 23.4, DBL_MAX, DBL_MIN, -INFINITY};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < TT_COUNT(numbers); i++)
    tt_put_number(&out, numbers[i]);
  for (size_t i = 0; i < TT_COUNT(signs); i++)
    tt_put_signed(&out, signs[i]);
  for (size_t i = 0; i < TT_COUNT(doubles); i++)
    tt_put_double(&out, doubles[i]);
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  for (size_t i = 0; i < TT_COUNT(numbers); i++)
    assert_true(tt_take_number(&in, UINT64_MAX) == numbers[i]);
  for (size_t i = 0; i < TT_COUNT(signs); i++)
    assert_true(tt_take_signed(&in) == signs[i]);
  for (size_t i = 0; i < TT_COUNT(doubles); i++) {
    double number = tt_take_double(&in);
    assert_memory_equal(&number, &doubles[i], sizeof number);
  }
  assert_int_equal(tt_bytes_left(&in), 0);
  assert_false(in.is_bad);
}

static void expect_bad_number(const char *bytes, size_t n, uint64_t max)
{
  struct tt_bytes in = tt_bytes_of(bytes, n);
  assert_true(tt_take_number(&in, max) == 0);
  assert_true(in.is_bad);
  assert_int_equal(tt_bytes_left(&in), 0);
  assert_true(tt_take_number(&in, max) == 0); /* and stays so */
  assert_null(tt_take_text(&in, &(size_t){0}));
}

static void test_bad_numbers(void **state TT_UNUSED)
{
  expect_bad_number("", 0, 9);
  expect_bad_number("\xff\xff", 2, UINT64_MAX);
  expect_bad_number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, UINT64_MAX); /* 65 bits */
  expect_bad_number("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, UINT64_MAX);
  expect_bad_number("\x0a", 1, 9);
}

static void test_texts(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct tt_arena *arena = tt_arena_create(10);
  tt_put_text(&out, NULL);
  tt_put_text(&out, "");
  tt_put_text(&out, "text");
  tt_put_text(&out, "too long for it");
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_null(tt_take_text_into(&in, arena));
  assert_false(in.is_bad);
  assert_string_equal(tt_take_text_into(&in, arena), "");
  assert_string_equal(tt_take_text_into(&in, arena), "text");
  assert_null(tt_take_text_into(&in, arena)); /* the arena is full */
  assert_true(in.is_bad);
  tt_arena_destroy(arena);
  static const char *const bad[] = {"\x06text", "\x05te\0t", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
  static const size_t sizes[] = {5, 5, 10};
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    struct tt_bytes b = tt_bytes_of(bad[i], sizes[i]);
    size_t n = 1;
    assert_null(tt_take_text(&b, &n));
    assert_true(b.is_bad && n == 0);
  }
}

static void test_counts(void **state TT_UNUSED)
{
  struct tt_bytes in = tt_bytes_of("\x02xx", 3);
  assert_int_equal(tt_take_count(&in, 2), 2);
  in = tt_bytes_of("\x03xx", 3); /* more than can follow */
  assert_int_equal(tt_take_count(&in, 9), 0);
  assert_true(in.is_bad);
  in = tt_bytes_of("\x02xx", 3); /* more than allowed */
  assert_int_equal(tt_take_count(&in, 1), 0);
  assert_true(in.is_bad);
}

static void test_values(void **state TT_UNUSED)
{
  char text[] = "on", day[] = "2026-11-28";
  const struct tt_value values[] = {
      {.type = TT_TYPE_NONE},
      TT_VALUE_BOOLEAN(true),
      {.type = TT_TYPE_INT32, .int32 = INT32_MIN},
      TT_VALUE_INT64(-7),
      TT_VALUE_QUANTITY(23.4, 2),
      TT_VALUE_QUANTITY(1e300, TT_DECIMALS_FREE),
      {.type = TT_TYPE_DATETIME, .datetime_us = 1234567},
      {.type = TT_TYPE_ENUM, .text = text},
      {.type = TT_TYPE_DATE, .text = day},
  };
  for (size_t i = 0; i < TT_COUNT(values); i++) {
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    struct tt_value back TT_AUTOVALUE = {.type = TT_TYPE_NONE};
    tt_put_value(&out, &values[i]);
    struct tt_bytes in = tt_bytes_of(out.data, out.len);
    tt_take_value(&in, &back);
    assert_false(in.is_bad);
    assert_int_equal(tt_bytes_left(&in), 0);
    assert_int_equal(back.type, values[i].type);
    assert_true(back.type == TT_TYPE_NONE || tt_value_equals(&back, &values[i]));
    for (size_t n = 0; n < out.len; n++) {
      struct tt_value none;
      in = tt_bytes_of(out.data, n);
      tt_take_value(&in, &none);
      assert_true(in.is_bad);
      assert_int_equal(none.type, TT_TYPE_NONE);
    }
  }
}

static void test_foreign_text_is_cleaned(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct tt_value back TT_AUTOVALUE = {.type = TT_TYPE_NONE};
  tt_put_number(&out, TT_TYPE_STRING);
  tt_put_text(&out, "a\xff\x01");
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  tt_take_value(&in, &back);
  assert_string_equal(back.text, "a\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers), cmocka_unit_test(test_bad_numbers),
      cmocka_unit_test(test_texts),   cmocka_unit_test(test_counts),
      cmocka_unit_test(test_values),  cmocka_unit_test(test_foreign_text_is_cleaned),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
