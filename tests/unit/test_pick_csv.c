/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "common/pick_csv.h"

#include <stdio.h>

#pragma GCC diagnostic ignored "-Woverride-init" /* OPTIONS() */

#define OPTIONS(...) (&(struct tt_pick_csv){.separator = ",", .has_header = true, .row = "last", ##__VA_ARGS__})

/* The cell as text: "" no value, "!..." the reason why not. */
static const char *pick(const char *table, const struct tt_pick_csv *csv, const char *column)
{
  static char out[300];
  char why[TT_PICK_WHY_SIZE] = "";
  TT_AUTOVALUE struct tt_value value = {0};
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  int r = tt_pick_csv_value(table, strlen(table), csv, column, true, &value, why);
  if (r == 0)
    tt_value_print(&value, &text);
  snprintf(out, sizeof out, "%s%s", r == -EINVAL ? "!" : "", r == -EINVAL ? why : text.data ? text.data : "");
  return out;
}

static const char table[] = "\xEF\xBB\xBFtime, level,\"name, long\"\r\n"
                            "1,10.50,a\r\n"
                            "2, 20 ,\"b \"\"quoted\"\"\r\nin two lines\"\r\n"
                            "3,,north\n"
                            "\n";

static void test_rows_and_columns(void **state)
{
  (void)state;
  assert_string_equal(pick(table, OPTIONS(), "time"), "3");
  assert_string_equal(pick(table, OPTIONS(), "level"), ""); /* an empty cell */
  assert_string_equal(pick(table, OPTIONS(.row = "first"), "level"), "10.50");
  assert_string_equal(pick(table, OPTIONS(.row = "2"), "level"), "20");
  assert_string_equal(pick(table, OPTIONS(.row = "2"), "name, long"), "b \"quoted\"\r\nin two lines");
  assert_string_equal(pick(table, OPTIONS(.row = "2"), "3"), "b \"quoted\"\r\nin two lines"); /* by number */
  assert_string_equal(pick(table, OPTIONS(.row = "4"), "level"), "");
  assert_string_equal(pick(table, OPTIONS(.where = "name, long", .is = "a"), "level"), "10.50");
  assert_string_equal(pick(table, OPTIONS(.where = "name, long", .is = "none"), "level"), "");
  assert_string_equal(pick(table, OPTIONS(), "depth"), "!the table has no column \"depth\"");
  assert_string_equal(pick(table, OPTIONS(.where = "depth", .is = "1"), "level"),
                      "!the table has no column \"depth\"");
}

static void test_other_tables(void **state)
{
  (void)state;
  assert_string_equal(pick("a\tb\n1\t2", OPTIONS(.separator = "tab"), "b"), "2");
  assert_string_equal(pick("a;b\n1;2", OPTIONS(.separator = ";"), "b"), "2");
  assert_string_equal(pick("1;2\n3;4\n", OPTIONS(.separator = ";", .has_header = false), "2"), "4");
  assert_string_equal(pick("", OPTIONS(), "a"), "");
  assert_string_equal(pick("a", OPTIONS(), "a"), "");
  assert_string_equal(pick("a\n\"1", OPTIONS(), "a"), "!a quoted cell of the table does not end");
  assert_string_equal(pick("a\n\xff", OPTIONS(), "a"), "!the table is not valid UTF-8");
}

static void test_limits(void **state)
{
  (void)state;
  char *wide = calloc(1, TT_PICK_SIZE_MAX + 2), why[TT_PICK_WHY_SIZE];
  struct tt_value value;
  memset(wide, ',', TT_PICK_COLUMNS_MAX + 10);
  strcat(wide, "\n1\n");
  assert_string_equal(pick(wide, OPTIONS(.has_header = false), "1"), "1");
  assert_string_equal(pick(wide, OPTIONS(.has_header = false), "1001"), "!the table has no column \"1001\"");
  memset(wide, 'a', TT_PICK_SIZE_MAX + 1);
  assert_int_equal(tt_pick_csv_value(wide, TT_PICK_SIZE_MAX + 1, OPTIONS(), "a", true, &value, why), -EINVAL);
  wide[1] = '\n'; /* a cell that is cut */
  assert_int_equal(tt_pick_csv_value(wide, TT_PICK_SIZE_MAX, OPTIONS(), "a", true, &value, why), 0);
  assert_int_equal(strlen(value.text), TT_PICK_CELL_MAX - 1);
  tt_value_finish(&value);
  free(wide);
}

static void test_problems(void **state)
{
  (void)state;
  assert_null(tt_pick_csv_problem(OPTIONS(), "level"));
  assert_null(tt_pick_csv_problem(OPTIONS(.separator = "tab", .row = "17"), "level"));
  assert_non_null(tt_pick_csv_problem(OPTIONS(), ""));
  assert_non_null(tt_pick_csv_problem(OPTIONS(.separator = ""), "level"));
  assert_non_null(tt_pick_csv_problem(OPTIONS(.separator = "\""), "level"));
  assert_non_null(tt_pick_csv_problem(OPTIONS(.row = "0"), "level"));
  assert_non_null(tt_pick_csv_problem(OPTIONS(.is = "a"), "level"));
  assert_non_null(tt_pick_csv_problem(OPTIONS(.has_header = false), "level"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_and_columns),
      cmocka_unit_test(test_other_tables),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
