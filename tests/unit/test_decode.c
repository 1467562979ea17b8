/* SPDX-License-Identifier: Apache-2.0
 * decode.c: every type in every byte order, there and back. */
#include "cmocka_all.h"
#include "decode.h"

#include <math.h>

enum { ABCD = MB_ORDER_PLAIN, CDAB = MB_ORDER_SWAP_WORDS, BADC = MB_ORDER_SWAP_BYTES, DCBA = CDAB | BADC };

static struct mb_format format(enum mb_type type, unsigned order, unsigned words)
{
  return (struct mb_format){.type = type, .order = order, .words = words};
}

/* The same number in all four orders; the columns are words as on the wire. */
static const struct {
  const char *name;
  enum mb_type type;
  unsigned words;
  struct tt_value value;
  uint16_t wire[4][4]; /* ABCD, CDAB, BADC, DCBA */
} rows[] = {
    {"int16", MB_INT16, 1, {TT_TYPE_INT64, {.int64 = -2}}, {{0xfffe}, {0xfffe}, {0xfeff}, {0xfeff}}},
    {"uint16", MB_UINT16, 1, {TT_TYPE_INT64, {.int64 = 0x1234}}, {{0x1234}, {0x1234}, {0x3412}, {0x3412}}},
    {"int32",
     MB_INT32,
     2,
     {TT_TYPE_INT64, {.int64 = -559038737}},
     {{0xdead, 0xbeef}, {0xbeef, 0xdead}, {0xadde, 0xefbe}, {0xefbe, 0xadde}}},
    {"uint32",
     MB_UINT32,
     2,
     {TT_TYPE_INT64, {.int64 = 0xdeadbeef}},
     {{0xdead, 0xbeef}, {0xbeef, 0xdead}, {0xadde, 0xefbe}, {0xefbe, 0xadde}}},
    {"int64",
     MB_INT64,
     4,
     {TT_TYPE_INT64, {.int64 = -INT64_C(0x0123456789abcdef)}},
     {{0xfedc, 0xba98, 0x7654, 0x3211},
      {0x3211, 0x7654, 0xba98, 0xfedc},
      {0xdcfe, 0x98ba, 0x5476, 0x1132},
      {0x1132, 0x5476, 0x98ba, 0xdcfe}}},
    {"uint64 above 2^53",
     MB_UINT64,
     4,
     {TT_TYPE_INT64, {.int64 = 9007199254740993}},
     {{0x0020, 0, 0, 1}, {1, 0, 0, 0x0020}, {0x2000, 0, 0, 0x0100}, {0x0100, 0, 0, 0x2000}}},
    {"float32",
     MB_FLOAT32,
     2,
     {TT_TYPE_QUANTITY, {.quantity = {230.1, TT_DECIMALS_FREE}}},
     {{0x4366, 0x199a}, {0x199a, 0x4366}, {0x6643, 0x9a19}, {0x9a19, 0x6643}}},
    {"float64",
     MB_FLOAT64,
     4,
     {TT_TYPE_QUANTITY, {.quantity = {-0.1, TT_DECIMALS_FREE}}},
     {{0xbfb9, 0x9999, 0x9999, 0x999a},
      {0x999a, 0x9999, 0x9999, 0xbfb9},
      {0xb9bf, 0x9999, 0x9999, 0x9a99},
      {0x9a99, 0x9999, 0x9999, 0xb9bf}}},
    {"bits16", MB_BITS16, 1, {TT_TYPE_INT64, {.int64 = 0x8001}}, {{0x8001}, {0x8001}, {0x0180}, {0x0180}}},
    {"bits32",
     MB_BITS32,
     2,
     {TT_TYPE_INT64, {.int64 = 0x80000002}},
     {{0x8000, 2}, {2, 0x8000}, {0x0080, 0x0200}, {0x0200, 0x0080}}},
};

static void every_type_in_every_order(void **state)
{
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    for (unsigned order = 0; order < 4; order++) {
      /* The enumerators are ABCD 0, CDAB 1, BADC 2, DCBA 3: the columns. */
      struct mb_format f = format(rows[i].type, order, rows[i].words);
      struct tt_value value = {0};
      uint16_t back[4] = {0};
      if (mb_decode(&f, rows[i].wire[order], f.words, &value) != 0 || !tt_value_equals(&value, &rows[i].value))
        fail_msg("%s in order %u is decoded wrongly", rows[i].name, order);
      assert_int_equal(mb_encode(&f, &value, back, 4), 0);
      if (memcmp(back, rows[i].wire[order], f.words * sizeof *back) != 0)
        fail_msg("%s in order %u is encoded wrongly", rows[i].name, order);
    }
}

/* Points that were read together share the words: decoding one must not disturb the next. */
static void words_are_left_alone(void **state)
{
  (void)state;
  const uint16_t words[] = {0x199a, 0x4366};
  uint16_t before[2];
  memcpy(before, words, sizeof words);
  for (int i = 0; i < 2; i++) {
    struct mb_format f = format(MB_FLOAT32, CDAB, 2);
    struct tt_value value;
    assert_int_equal(mb_decode(&f, words, 2, &value), 0);
    assert_true(value.quantity.number == 230.1);
  }
  assert_memory_equal(words, before, sizeof words);
}

static void a_float_means_its_shortest_number(void **state)
{
  (void)state;
  static const double numbers[] = {0.1,          230.1,         49.98, 1e-30, 16777216,
                                   3.4028235e38, 1.1754944e-38, 0,     -0.3,  1234567.8};
  for (size_t i = 0; i < TT_COUNT(numbers); i++) {
    struct mb_format f = format(MB_FLOAT32, ABCD, 2);
    struct tt_value value = TT_VALUE_QUANTITY(numbers[i], TT_DECIMALS_FREE);
    uint16_t words[2];
    assert_int_equal(mb_encode(&f, &value, words, 2), 0);
    assert_int_equal(mb_decode(&f, words, 2, &value), 0);
    assert_int_equal(value.quantity.decimals, TT_DECIMALS_FREE);
    assert_true((float)value.quantity.number == (float)numbers[i]);
    assert_true(value.quantity.number == numbers[i]);
  }
}

static void odd_floats_come_as_they_are(void **state)
{
  (void)state;
  struct mb_format f = format(MB_FLOAT32, ABCD, 2);
  struct tt_value value;
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x7fc0, 0}, 2, &value), 0);
  assert_int_equal(value.type, TT_TYPE_QUANTITY);
  assert_true(isnan(value.quantity.number));
  assert_int_equal(mb_decode(&f, (uint16_t[]){0xff80, 0}, 2, &value), 0);
  assert_true(isinf(value.quantity.number) && value.quantity.number < 0);
  f = format(MB_FLOAT64, ABCD, 4);
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x7ff8, 0, 0, 0}, 4, &value), 0);
  assert_true(isnan(value.quantity.number));
}

static void a_number_too_large_is_said_to_be(void **state)
{
  (void)state;
  struct mb_format f = format(MB_UINT64, ABCD, 4);
  struct tt_value value = TT_VALUE_INT64(7);
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x8000, 0, 0, 0}, 4, &value), -ERANGE);
  assert_int_equal(value.int64, 7);
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x7fff, 0xffff, 0xffff, 0xffff}, 4, &value), 0);
  assert_true(value.int64 == INT64_MAX);
  f.type = MB_INT64;
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x8000, 0, 0, 0}, 4, &value), 0);
  assert_true(value.int64 == INT64_MIN);
}

static void slices(void **state)
{
  (void)state;
  struct mb_format f = {.type = MB_UINT16, .words = 1, .bit = 1, .width = 2};
  struct tt_value value;
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x0006}, 1, &value), 0);
  assert_int_equal(value.type, TT_TYPE_INT64);
  assert_int_equal(value.int64, 3);
  f = (struct mb_format){.type = MB_BIT, .words = 1, .bit = 15, .width = 1, .is_boolean = true};
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x8000}, 1, &value), 0);
  assert_int_equal(value.type, TT_TYPE_BOOLEAN);
  assert_true(value.boolean);
  /* The bits are counted in the number, not in the order of the wire. */
  f = (struct mb_format){.type = MB_UINT32, .order = CDAB, .words = 2, .bit = 16, .width = 4};
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x0000, 0x000a}, 2, &value), 0);
  assert_int_equal(value.int64, 10);
  f = (struct mb_format){.type = MB_UINT64, .words = 4, .bit = 1, .width = 63};
  assert_int_equal(mb_decode(&f, (uint16_t[]){0xffff, 0xffff, 0xffff, 0xffff}, 4, &value), 0);
  assert_true(value.int64 == INT64_MAX);
  uint16_t word;
  assert_int_equal(
      mb_encode(&(struct mb_format){.type = MB_UINT16, .words = 1, .width = 1}, &TT_VALUE_INT64(1), &word, 1),
      -EINVAL);
}

static void texts(void **state)
{
  (void)state;
  struct mb_format f = format(MB_STRING, ABCD, 4);
  TT_AUTOVALUE struct tt_value value = {0};
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x5344, 0x4d36, 0x3330, 0x2000}, 4, &value), 0);
  assert_string_equal(value.text, "SDM630");
  uint16_t words[4];
  assert_int_equal(mb_encode(&f, &value, words, 4), 0);
  assert_memory_equal(words, ((uint16_t[]){0x5344, 0x4d36, 0x3330, 0}), sizeof words);
  tt_value_finish(&value);
  /* Bytes may be swapped within a word; words never are, whatever the order of the numbers around is. */
  f.order = DCBA;
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x4453, 0x364d, 0x3033, 0}, 4, &value), 0);
  assert_string_equal(value.text, "SDM630");
  tt_value_finish(&value);
  /* What is not text is made harmless. */
  assert_int_equal(mb_decode(&f, (uint16_t[]){0x01ff, 0x4141, 0, 0x4242}, 4, &value), 0);
  assert_string_equal(value.text, "\xef\xbf\xbd\xef\xbf\xbd"
                                  "AA");
  tt_value_finish(&value);
  assert_int_equal(tt_value_text(TT_TYPE_STRING, "much too long", 13, &value), 0);
  assert_int_equal(mb_encode(&f, &value, words, 4), -ERANGE);
}

static void coils(void **state)
{
  (void)state;
  struct mb_format f = {.type = MB_BIT, .words = 1, .is_boolean = true};
  struct tt_value value;
  uint16_t word = 7;
  assert_int_equal(mb_decode(&f, (uint16_t[]){1}, 1, &value), 0);
  assert_int_equal(value.type, TT_TYPE_BOOLEAN);
  assert_true(value.boolean);
  assert_int_equal(mb_encode(&f, &TT_VALUE_BOOLEAN(false), &word, 1), 0);
  assert_int_equal(word, 0);
  assert_int_equal(mb_encode(&f, &TT_VALUE_INT64(2), &word, 1), -ERANGE);
}

static void writes_that_do_not_fit(void **state)
{
  (void)state;
  const struct {
    enum mb_type type;
    unsigned words;
    struct tt_value value;
    int expected;
  } cases[] = {
      {MB_INT16, 1, TT_VALUE_INT64(32767), 0},
      {MB_INT16, 1, TT_VALUE_INT64(32768), -ERANGE},
      {MB_INT16, 1, TT_VALUE_INT64(-32768), 0},
      {MB_INT16, 1, TT_VALUE_INT64(-32769), -ERANGE},
      {MB_UINT16, 1, TT_VALUE_INT64(-1), -ERANGE},
      {MB_UINT16, 1, TT_VALUE_INT64(65536), -ERANGE},
      {MB_UINT32, 2, TT_VALUE_INT64(4294967296), -ERANGE},
      {MB_UINT64, 4, TT_VALUE_INT64(-1), -ERANGE},
      {MB_INT64, 4, TT_VALUE_INT64(INT64_MIN), 0},
      {MB_UINT16, 1, TT_VALUE_QUANTITY(234.5, 1), -EINVAL},
      {MB_UINT16, 1, TT_VALUE_QUANTITY(234.00000000001, 1), 0},
      {MB_UINT16, 1, TT_VALUE_QUANTITY(NAN, 1), -EINVAL},
      {MB_INT64, 4, TT_VALUE_QUANTITY(0x1p63, 0), -ERANGE},
      {MB_FLOAT32, 2, TT_VALUE_QUANTITY(1e39, 0), -ERANGE},
      {MB_FLOAT32, 2, TT_VALUE_QUANTITY(INFINITY, 0), -EINVAL},
      {MB_FLOAT32, 2, TT_VALUE_INT64(60), 0},
      {MB_UINT16, 1, {.type = TT_TYPE_STRING, .text = (char[]){"2"}}, 0},
      {MB_UINT16, 1, {.type = TT_TYPE_STRING, .text = (char[]){"two"}}, -EINVAL},
      {MB_FLOAT32, 2, {.type = TT_TYPE_STRING, .text = (char[]){"2.5"}}, 0},
      {MB_UINT16, 1, {.type = TT_TYPE_NONE}, -EINVAL},
      {MB_STRING, 1, TT_VALUE_INT64(1), -EINVAL},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct mb_format f = format(cases[i].type, ABCD, cases[i].words);
    uint16_t words[4];
    int r = mb_encode(&f, &cases[i].value, words, 4);
    if (r != cases[i].expected)
      fail_msg("case %zu: %d", i, r);
  }
}

static void wrong_lengths(void **state)
{
  (void)state;
  struct mb_format f = format(MB_UINT32, ABCD, 2);
  struct tt_value value;
  uint16_t words[4] = {0};
  assert_int_equal(mb_decode(&f, words, 1, &value), -EINVAL);
  assert_int_equal(mb_decode(&f, words, 3, &value), -EINVAL);
  assert_int_equal(mb_encode(&f, &TT_VALUE_INT64(1), words, 1), -EINVAL);
  f.words = 0;
  assert_int_equal(mb_decode(&f, words, 0, &value), -EINVAL);
}

static void masks(void **state TT_UNUSED)
{
  struct mb_format f = {.type = MB_UINT16, .words = 1, .bit = 4, .width = 3};
  uint16_t words[2];
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(5), words), 0);
  assert_int_equal(words[0], 0xff8f);
  assert_int_equal(words[1], 0x0050);
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(8), words), -ERANGE);
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(-1), words), -ERANGE);
  f.order = MB_ORDER_SWAP_BYTES;
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(7), words), 0);
  assert_int_equal(words[0], 0x8fff);
  assert_int_equal(words[1], 0x7000);
  f = (struct mb_format){.type = MB_UINT16, .words = 1, .width = 16};
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(65535), words), 0);
  assert_int_equal(words[0], 0);
  f.width = 0;
  assert_int_equal(mb_encode_mask(&f, &TT_VALUE_INT64(1), words), -EINVAL);
}

static void powers_of_ten(void **state TT_UNUSED)
{
  static const struct {
    int64_t raw;
    int16_t power;
    const char *text;
  } powers[] = {{2301, -1, "230.1"}, {-5, -3, "-0.005"}, {7, 0, "7"},         {7, 3, "7000"},
                {0, -2, "0.00"},     {29, -2, "0.29"},   {1005, -3, "1.005"}, {65535, 10, "655350000000000"}};
  for (size_t i = 0; i < TT_COUNT(powers); i++) {
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    struct tt_value value, back;
    assert_int_equal(mb_scale(&TT_VALUE_INT64(powers[i].raw), powers[i].power, &value), 0);
    tt_value_print(&value, &out);
    assert_string_equal(out.data, powers[i].text);
    struct mb_format f = {.type = MB_INT64, .words = 4};
    uint16_t words[4];
    struct tt_value again;
    assert_int_equal(mb_unscale(&value, powers[i].power, &back), 0);
    assert_int_equal(mb_encode(&f, &back, words, 4), 0);
    assert_int_equal(mb_decode(&f, words, 4, &again), 0);
    assert_int_equal(again.int64, powers[i].raw);
  }
  struct tt_value value;
  assert_int_equal(mb_scale(&TT_VALUE_INT64(1), INT16_MIN, &value), -ERANGE); /* not implemented */
  assert_int_equal(mb_scale(&TT_VALUE_INT64(1), MB_POWER_MAX + 1, &value), -ERANGE);
  assert_int_equal(mb_unscale(&TT_VALUE_INT64(1), -MB_POWER_MAX - 1, &value), -ERANGE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_in_every_order),
      cmocka_unit_test(words_are_left_alone),
      cmocka_unit_test(a_float_means_its_shortest_number),
      cmocka_unit_test(odd_floats_come_as_they_are),
      cmocka_unit_test(a_number_too_large_is_said_to_be),
      cmocka_unit_test(slices),
      cmocka_unit_test(texts),
      cmocka_unit_test(coils),
      cmocka_unit_test(writes_that_do_not_fit),
      cmocka_unit_test(wrong_lengths),
      cmocka_unit_test(masks),
      cmocka_unit_test(powers_of_ten),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
