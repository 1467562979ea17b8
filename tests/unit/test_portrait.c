/* SPDX-License-Identifier: Apache-2.0
 * Names, units and the text of descriptions. */
#include "cmocka_all.h"
#include "common/portrait.h"
#include "config/units.h"

#include <json-c/json.h>

static void test_names(void **state TT_UNUSED)
{
  static const char *const cases[][2] = {
      {"temperature", "temperature"},
      {"Total VA-hours", "total_va_hours"},
      {"TotWhExpPhA", "tot_wh_exp_ph_a"},
      {"HTTPPort", "http_port"},
      {"PM2.5", "pm2_5"},
      {"_x_", "x"},
      {"", "value"},
      {"°C", "c"},
      {"åäö", "value"},
      {"0123456789012345678901234567890123456789012345678901234567890123456789",
       "0123456789012345678901234567890123456789012345678901234567890123"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char name[TT_PORTRAIT_NAME_MAX + 1];
    tt_portrait_name(name, cases[i][0]);
    assert_string_equal(name, cases[i][1]);
  }
}

/* What is not known to the configuration would be an error of the whole device. */
static void test_units_are_known(void **state TT_UNUSED)
{
  size_t i = 0;
  for (const char *code; (code = tt_portrait_ucum_at(i)); i++)
    if (!tt_unit_printed(code))
      fail_msg("%s is no unit", code);
  assert_true(i > 150);
  assert_string_equal(tt_portrait_ucum("°C"), "Cel");
  assert_string_equal(tt_portrait_ucum("kWh"), "kWh");
  assert_string_equal(tt_portrait_ucum("Pct"), "%");
  assert_null(tt_portrait_ucum("lqi"));
  assert_null(tt_portrait_ucum(""));
}

static void test_the_text(void **state TT_UNUSED)
{
  struct tt_portrait p;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0), small TT_AUTOBUF = TT_BUF(20);
  tt_portrait_init(&p);
  tt_portrait_about(&p, "vendor", "A/S");
  tt_portrait_about(&p, "model", NULL);
  tt_portrait_about(&p, "source", "");
  tt_portrait_about_label(&p, "\xff");
  struct json_object *a = tt_portrait_point(&p, "x"), *b = tt_portrait_point(&p, "X");
  tt_portrait_number(a, "scale", 0.1);
  tt_portrait_unit(a, "°C");
  tt_portrait_range(a, 0, 2.5);
  tt_portrait_unit(b, "lqi");
  tt_portrait_range(b, 2, 2);
  tt_portrait_label(b, "B");
  tt_portrait_text(NULL, "type", "number");
  assert_int_equal(tt_portrait_print(&p, &out), 0);
  assert_string_equal(out.data, "{\"points\":{\"x\":{\"scale\":0.1,\"unit\":\"Cel\",\"range\":[0,2.5]},"
                                "\"x_2\":{\"label\":{\"en\":\"B\"}}},"
                                "\"about\":{\"vendor\":\"A/S\",\"label\":{\"en\":\"\xef\xbf\xbd\"}}}");
  assert_int_equal(tt_portrait_print(&p, &small), -EMSGSIZE);
  tt_portrait_finish(&p);
}

/* A device may name all of its points alike, in the longest way. */
static void test_many_of_one_name(void **state TT_UNUSED)
{
  struct tt_portrait p;
  tt_portrait_init(&p);
  for (int i = 0; i < TT_PORTRAIT_POINTS_MAX; i++)
    assert_non_null(
        tt_portrait_point(&p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
  assert_null(tt_portrait_point(&p, "another"));
  json_object_object_foreach(p.points, key, value)
  {
    assert_true(strlen(key) == TT_PORTRAIT_NAME_MAX);
    assert_non_null(value);
  }
  assert_int_equal(json_object_object_length(p.points), TT_PORTRAIT_POINTS_MAX);
  tt_portrait_finish(&p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_units_are_known),
      cmocka_unit_test(test_the_text),
      cmocka_unit_test(test_many_of_one_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
