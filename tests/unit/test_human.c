/* SPDX-License-Identifier: Apache-2.0
 * Values for people and from people; sentences in their language. */
#include "model/human.h"
#include "text/text.h"

#include "cmocka_all.h"

static void test_sentences(void **state)
{
  (void)state;
  assert_string_equal(tt_tr(NULL, "on"), "on");
  assert_string_equal(tt_tr("", "on"), "on");
  assert_string_equal(tt_tr("sv", "on"), "på");
  assert_string_equal(tt_tr("de-AT", "on"), "ein");
  assert_string_equal(tt_tr("DE", "off"), "aus");
  assert_string_equal(tt_tr("den", "on"), "on"); /* Slavey is not German */
  assert_string_equal(tt_tr("fi", "on"), "on");
  assert_string_equal(tt_tr("de", "never heard of"), "never heard of");
  assert_string_equal(tt_tr_n("fi", "one", "several", 1), "one");
  assert_string_equal(tt_tr_n("fi", "one", "several", 0), "several");
  assert_true(tt_tr_speaks("de") && tt_tr_speaks("sv-FI"));
  assert_false(tt_tr_speaks(NULL) || tt_tr_speaks("") || tt_tr_speaks("en") || tt_tr_speaks("den"));
}

static void test_the_tables_are_sorted(void **state)
{
  (void)state;
  assert_true(tt_n_catalogues >= 2);
  for (size_t i = 0; i < tt_n_catalogues; i++)
    for (size_t k = 1; k < tt_catalogues[i].n; k++)
      assert_true(strcmp(tt_catalogues[i].sorted[k - 1].english, tt_catalogues[i].sorted[k].english) < 0);
}

static char heating[] = "heating", day[] = "Day";

static void test_values(void **state)
{
  (void)state;
  const struct {
    struct tt_value value;
    const char *unit, *language, *text;
  } rows[] = {
      {{.type = TT_TYPE_NONE}, "°C", "", "no value"},
      {{.type = TT_TYPE_BOOLEAN, .boolean = true}, "", "", "on"},
      {{.type = TT_TYPE_BOOLEAN, .boolean = false}, "", "sv", "av"},
      {{.type = TT_TYPE_QUANTITY, .quantity = {23.4, 2}}, "°C", "", "23.40 °C"},
      {{.type = TT_TYPE_INT64, .int64 = -7}, "", "", "-7"},
      {{.type = TT_TYPE_DATETIME, .datetime_us = UINT64_C(1795373693120000)}, "", "", "2026-11-22 18:54:53Z"},
      {{.type = TT_TYPE_ENUM, .text = heating}, "", "de", "heating"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    TT_AUTOBUF struct tt_buf out = TT_BUF(0);
    tt_human_value(&out, &rows[i].value, rows[i].unit, rows[i].language);
    assert_string_equal(out.data, rows[i].text);
  }
}

static void test_names(void **state)
{
  (void)state;
  const struct tt_point plain = {.name = "power_total"};
  const struct tt_point labelled = {.name = "power_total",
                                    .label = {.n = 2, .language = {"en", "de"}, .text = {"Power", "Leistung"}}};
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_human_name(&out, &plain, "de");
  tt_buf_putc(&out, ',');
  tt_human_name(&out, &labelled, "de");
  assert_string_equal(out.data, "power total,Leistung");
}

static void test_a_field(void **state)
{
  (void)state;
  static int address;
  const struct tt_point point = {.name = "t", .type = TT_TYPE_QUANTITY, .stale_us = 10, .address = &address};
  struct tt_field field = {.name = "t", .unit = "°C", .value = TT_VALUE_QUANTITY(21.5, 1), .seen_us = 100};
  char *error = NULL;
  const struct tt_node node = {.points = &point, .n_points = 1, .fields = &field, .field_errors = &error};
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_human_field(&out, &node, 0, (struct tt_now){105, 0}, "");
  assert_string_equal(out.data, "21.5 °C");
  tt_buf_truncate(&out, 0);
  tt_human_field(&out, &node, 0, (struct tt_now){1000, 0}, "sv");
  assert_string_equal(out.data, "21.5 °C (gammalt värde)");
  tt_buf_truncate(&out, 0);
  error = (char[]){"out of range"};
  tt_human_field(&out, &node, 0, (struct tt_now){1000, 0}, "sv");
  assert_string_equal(out.data, "21.5 °C (out of range)");
}

static void test_what_people_write(void **state)
{
  (void)state;
  static const struct tt_map_entry modes[] = {{"0", {.type = TT_TYPE_ENUM, .text = day}}};
  static const struct tt_point boolean = {.type = TT_TYPE_BOOLEAN, .unit = ""},
                               number = {.type = TT_TYPE_QUANTITY, .unit = "°C"},
                               mode = {.type = TT_TYPE_ENUM, .n_map = 1, .map = modes},
                               text = {.type = TT_TYPE_STRING};
  static const struct {
    const struct tt_point *point;
    const char *language, *written, *lexical;
  } rows[] = {
      {&boolean, "", "on", "true"},        {&boolean, "", "OFF", "false"},  {&boolean, "de", "Ein", "true"},
      {&boolean, "de", "on", "true"},      {&boolean, "sv", "av", "false"}, {&boolean, "", "maybe", "maybe"},
      {&boolean, "", "1", "true"},         {&number, "", "21.5", "21.5"},   {&number, "sv", "21,5", "21.5"},
      {&number, "", "21.5 °C", "21.5"},    {&number, "", "21.5°C", "21.5"}, {&number, "", "21.5 °F", "21.5 °F"},
      {&number, "", "1,000.5", "1,000.5"}, {&number, "", "warm", "warm"},   {&mode, "", "day", "Day"},
      {&mode, "", "night", "night"},       {&text, "", "on", "on"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    TT_AUTOBUF struct tt_buf out = TT_BUF(0);
    tt_human_parse(&out, rows[i].point, rows[i].written, rows[i].language);
    assert_string_equal(out.data, rows[i].lexical);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sentences), cmocka_unit_test(test_the_tables_are_sorted),
      cmocka_unit_test(test_values),    cmocka_unit_test(test_names),
      cmocka_unit_test(test_a_field),   cmocka_unit_test(test_what_people_write),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
