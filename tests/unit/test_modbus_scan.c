/* SPDX-License-Identifier: Apache-2.0
 * What to ask of a table, and the report of it. */
#include "scan.h"

#include "cmocka_all.h"

#include <stdio.h>

/* A device: which registers it has, how many at once, how it says no. */
struct meter {
  bool (*has)(unsigned address);
  uint16_t (*word)(unsigned address);
  unsigned max; /* 0: no limit */
  int exception_of_count;
  bool (*is_silent)(unsigned address);
};

static const struct mb_device_options any = {.address = {.unit = 7}, .limits = {.max_registers = 125}};

static bool none(unsigned address TT_UNUSED)
{
  return false;
}

static bool all(unsigned address TT_UNUSED)
{
  return true;
}

static uint16_t small(unsigned address)
{
  return (uint16_t)(address % 100 + 1);
}

/* Runs it to its end; `report` may be NULL. Returns what mb_scan_finish() is due for. */
static struct mb_scan run(const struct meter *meter, const char *what, const struct mb_device_options *options,
                          struct tt_buf *report)
{
  struct mb_scan scan;
  struct mb_request request;
  uint16_t words[MB_READ_BITS_MAX];
  char line[MB_SCAN_LINE];
  assert_int_equal(mb_scan_begin(&scan, what, options), 0);
  while (mb_scan_next(&scan, &request)) {
    int outcome = 0;
    assert_true(request.count > 0 && request.count <= scan.max && request.unit == 7);
    assert_true(request.address >= scan.first && request.address + request.count <= scan.first + scan.n);
    assert_true(request.function >= 1 && request.function <= 4 && !request.words); /* nothing that writes */
    for (unsigned i = 0; i < request.count && outcome == 0; i++) {
      unsigned address = request.address + i;
      if (meter->is_silent && meter->is_silent(address))
        outcome = -ETIMEDOUT;
      else if (!meter->has(address))
        outcome = 2;
      else
        words[i] = meter->word(address);
    }
    if (meter->max && request.count > meter->max)
      outcome = meter->exception_of_count;
    mb_scan_answer(&scan, outcome, words);
    while (report && mb_scan_line(&scan, line))
      tt_buf_printf(report, "%s\n", line);
  }
  while (report && mb_scan_line(&scan, line))
    tt_buf_printf(report, "%s\n", line);
  assert_true(scan.requests <= MB_SCAN_REQUESTS_MAX);
  return scan;
}

static void expect_states(const struct mb_scan *scan, const struct meter *meter)
{
  for (unsigned i = 0; i < scan->n; i++) {
    bool has = meter->has(scan->first + i);
    assert_int_equal(scan->state[i], has ? MB_SCAN_ANSWERED : MB_SCAN_REFUSED);
    if (has)
      assert_int_equal(scan->words[i], meter->word(scan->first + i));
  }
}

static void test_what(void **state TT_UNUSED)
{
  static const struct {
    const char *text;
    int64_t base;
    int error;
    enum mb_table table;
    unsigned first, n;
  } rows[] = {
      {"holding:0-200", 0, 0, MB_HOLDING, 0, 201},
      {"input:0x10-0x1F", 0, 0, MB_INPUT, 16, 16},
      {"coil:5", 0, 0, MB_COIL, 5, 1},
      {"discrete:1-65536", 1, -E2BIG, MB_DISCRETE, 0, 0},
      {"discrete:65530-65536", 1, 0, MB_DISCRETE, 65529, 7},
      {"holding:0-9999", 0, 0, MB_HOLDING, 0, MB_SCAN_ADDRESSES_MAX},
      {"holding:0-10000", 0, -E2BIG, MB_HOLDING, 0, 0},
      {"holding:65535-65536", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:0", 1, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:3-2", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:-1-2", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:1-2-3", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"registers:1", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:9223372036854775807", 0, -EINVAL, MB_HOLDING, 0, 0},
      {"holding:0000000000000000000000000000000000000000000000000000000000000000", 0, -EINVAL, MB_HOLDING, 0, 0},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct mb_device_options options = any;
    struct mb_scan scan;
    struct mb_request request;
    options.address.base = rows[i].base;
    assert_int_equal(mb_scan_begin(&scan, rows[i].text, &options), rows[i].error);
    if (rows[i].error == 0) {
      assert_int_equal(scan.table, rows[i].table);
      assert_int_equal(scan.first, rows[i].first);
      assert_int_equal(scan.n, rows[i].n);
    } else {
      assert_string_not_equal(scan.text, "");
      assert_false(mb_scan_next(&scan, &request));
    }
    mb_scan_finish(&scan);
  }
}

static bool with_hole(unsigned address)
{
  return address < 40 || address > 43;
}

static bool every_ninth(unsigned address)
{
  return address % 9 == 0;
}

static void test_requests(void **state TT_UNUSED)
{
  static const struct {
    struct meter meter;
    unsigned most; /* requests */
  } rows[] = {
      {{all, small, 0, 0, NULL}, 2},        {{with_hole, small, 0, 0, NULL}, 18},
      {{none, small, 0, 0, NULL}, 2 * 201}, {{every_ninth, small, 0, 0, NULL}, 2 * 201},
      {{all, small, 60, 3, NULL}, 10}, /* 125 and 62 were too many, once */
      {{all, small, 60, 2, NULL}, 26}, /* the same, but it says that of the addresses */
      {{all, small, 1, 2, NULL}, 2 * 201},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct mb_scan scan = run(&rows[i].meter, "holding:0-200", &any, NULL);
    assert_string_equal(scan.text, "");
    expect_states(&scan, &rows[i].meter);
    if (scan.requests > rows[i].most)
      fail_msg("row %zu: %u requests", i, scan.requests);
    mb_scan_finish(&scan);
  }
}

static bool silent_part(unsigned address)
{
  return address >= 130 && address < 140;
}

static bool silent_first(unsigned address)
{
  return address < 11;
}

static bool silent_hole(unsigned address)
{
  return address >= 10 && address < 200;
}

/* It dies in the middle: what has answered is asked again, and says nothing. */
static unsigned n_asked;
static bool dies(unsigned address TT_UNUSED)
{
  return ++n_asked > 126;
}

static void test_silence(void **state TT_UNUSED)
{
  struct meter dead = {all, small, 0, 0, all};
  struct mb_scan scan = run(&dead, "holding:0-5000", &any, NULL);
  assert_int_equal(scan.error, -ETIMEDOUT);
  assert_string_equal(scan.text, "unit 7 does not answer");
  assert_true(scan.requests < 16);
  mb_scan_finish(&scan);
  scan = run(&dead, "holding:0-100", &any, NULL); /* all of it is one request */
  assert_string_equal(scan.text, "unit 7 does not answer");
  assert_true(scan.requests < 16);
  mb_scan_finish(&scan);

  /* Some say nothing where others say that there is nothing. */
  struct meter part = {all, small, 0, 0, silent_part};
  scan = run(&part, "holding:0-5000", &any, NULL);
  assert_string_equal(scan.text, "");
  assert_int_equal(scan.n_answered, 5001 - 10);
  assert_int_equal(scan.state[129], MB_SCAN_ANSWERED);
  assert_int_equal(scan.state[130], MB_SCAN_SILENT);
  assert_int_equal(scan.state[139], MB_SCAN_SILENT);
  assert_int_equal(scan.state[140], MB_SCAN_ANSWERED);
  mb_scan_finish(&scan);
  scan = run(&part, "holding:125-249", &any, NULL);
  assert_int_equal(scan.n_answered, 125 - 10);
  mb_scan_finish(&scan);

  struct meter first = {all, small, 0, 0, silent_first};
  scan = run(&first, "holding:0-100", &any, NULL);
  assert_string_equal(scan.text, "");
  assert_int_equal(scan.state[100], MB_SCAN_ANSWERED);
  assert_true(scan.n_answered >= 101 - 13);
  mb_scan_finish(&scan);

  struct meter hole = {all, small, 0, 0,
                       silent_hole}; /* large, but it lives: it ends because each costs a time-out */
  scan = run(&hole, "holding:0-5000", &any, NULL);
  assert_int_equal(scan.error, -ETIMEDOUT);
  char expected[100];
  snprintf(expected, sizeof expected, "unit 7 left %d requests unanswered: go on with holding:%u-5000",
           MB_SCAN_SILENT_MAX, scan.known);
  assert_string_equal(scan.text, expected);
  assert_true(scan.known > 20 && scan.known < 200);
  mb_scan_finish(&scan);

  struct meter mortal = {all, small, 0, 0, dies};
  n_asked = 0;
  scan = run(&mortal, "holding:0-5000", &any, NULL);
  assert_string_equal(scan.text, "unit 7 does not answer any more");
  assert_true(scan.n_silent <= MB_SCAN_DOUBT + 1);
  mb_scan_finish(&scan);
}

static void test_ends(void **state TT_UNUSED)
{
  static const struct {
    int outcome, error;
    const char *text;
  } rows[] = {
      {1, -EOPNOTSUPP, "unit 7 has no coils (illegal function)"},
      {-ENOTCONN, -ENOTCONN, "not connected"},
      {-ECANCELED, -ECANCELED, "Operation canceled"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct mb_scan scan;
    struct mb_request request;
    assert_int_equal(mb_scan_begin(&scan, "coil:0-10", &any), 0);
    assert_true(mb_scan_next(&scan, &request));
    mb_scan_answer(&scan, rows[i].outcome, NULL);
    assert_false(mb_scan_next(&scan, &request));
    assert_int_equal(scan.error, rows[i].error);
    assert_string_equal(scan.text, rows[i].text);
    mb_scan_finish(&scan);
  }
  struct meter nothing = {none, small, 0, 0, NULL};
  struct mb_scan scan = run(&nothing, "holding:0-9999", &any, NULL);
  assert_int_equal(scan.requests, MB_SCAN_REQUESTS_MAX);
  assert_int_equal(scan.error, -E2BIG);
  char expected[100];
  snprintf(expected, sizeof expected, "ended after 4000 requests: go on with holding:%u-9999", scan.known);
  assert_string_equal(scan.text, expected);
  assert_in_range(scan.known, 1900, 2100);
  mb_scan_finish(&scan);
}

/* 230.1 as a float, swapped at 2; a text at 4 to 8, the last half of it NUL; then 10 zeros, a counter, -3, a hole. */
static uint16_t mixed(unsigned address)
{
  static const uint16_t words[] = {0x4366, 0x199a, 0x199a, 0x4366, 0x5344, 0x4d36, 0x3330, 0x2d4d,
                                   0x4300, 0,      0,      0,      0,      0,      0,      0,
                                   0,      0,      0,      0x0001, 0x86a0, 0xfffd};
  return words[address - 100];
}

static bool has_mixed(unsigned address)
{
  return address >= 100 && address < 122;
}

static void test_report(void **state TT_UNUSED)
{
  struct tt_buf report TT_AUTOBUF = TT_BUF(0);
  struct mb_device_options options = any;
  struct meter meter = {has_mixed, mixed, 0, 0, NULL};
  options.address.base = 1;
  struct mb_scan scan = run(&meter, "input:99-125", &options, &report);
  mb_scan_finish(&scan);
  assert_string_equal(
      report.data,
      "# unit 7, input registers 0x0062..0x007C (98..124), table numbers 30099..30125\n"
      "# types and orders are guesses: compare with what the device shows\n"
      "points:\n"
      "  # 0x0062..0x0063 (98..99), table numbers 30099..30100: not there\n"
      "  input_101: {input: 101, type: float32}  # 0x4366 0x199A; float32 230.1 (ABCD); uint16 17254\n"
      "  input_103: {input: 103, type: float32, order: CDAB}  # 0x199A 0x4366; float32 230.1 (CDAB); uint16 6554\n"
      "  input_105: {input: 105, type: string, count: 5}  # \"SDM630-MC\"\n"
      "  # 0x006D..0x0076 (109..118), table numbers 30110..30119: 10 registers, all 0x0000 = 0\n"
      "  input_120: {input: 120, type: uint16}  # 0x0001; uint16 1; int32 100000 (ABCD)\n"
      "  input_121: {input: 121, type: uint16}  # 0x86A0; uint16 34464, int16 -31072; int32 -162144 (CDAB)\n"
      "  input_122: {input: 122, type: int16}  # 0xFFFD; uint16 65533, int16 -3\n"
      "  # 0x007A..0x007C (122..124), table numbers 30123..30125: not there\n"
      "# 22 of 27 answer; 19 requests\n");

  tt_buf_truncate(&report, 0);
  struct meter bits = {all, small, 0, 0, NULL};
  scan = run(&bits, "discrete:0-1", &any, &report);
  mb_scan_finish(&scan);
  assert_non_null(strstr(report.data, "points:\n  discrete_0: {discrete: 0, type: boolean}  # on\n"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what), cmocka_unit_test(test_requests), cmocka_unit_test(test_silence),
      cmocka_unit_test(test_ends), cmocka_unit_test(test_report),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
