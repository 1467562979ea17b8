/* SPDX-License-Identifier: Apache-2.0
 * units.c: UCUM in, what people read out. */
#include "cmocka_all.h"
#include "config/units.h"

#include <thingtree/util.h>

static void test_printed(void **state TT_UNUSED)
{
  static const struct {
    const char *ucum, *printed;
  } cases[] = {{"Cel", "°C"},    {"%RH", "%"},     {"kWh", "kWh"},     {"kW.h", "kWh"}, {"1", ""},
               {"m3/h", "m³/h"}, {"Ohm", "Ω"},     {"uS/cm", "µS/cm"}, {"deg", "°"},    {"[degF]", "°F"},
               {"VAr", "var"},   {"{rpm}", "rpm"}, {"B", "B"},         {"By", "B"},     {"dB[mW]", "dBm"}};
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    assert_string_equal(tt_unit_printed(cases[i].ucum), cases[i].printed);
  assert_null(tt_unit_printed("°C"));  /* printed, not written */
  assert_null(tt_unit_printed("kwh")); /* case matters: mW and MW are far apart */
  assert_null(tt_unit_printed(""));
}

static void test_closest(void **state TT_UNUSED)
{
  static const struct {
    const char *text, *ucum;
  } cases[] = {{"°C", "Cel"}, {"KWH", "kWh"}, {"celsius", NULL},  {"kvar", "kvar"}, {"m³", "m3"},
               {"Ω", "Ohm"},  {"cel", "Cel"}, {"kilowatt", NULL}, {"degg", "deg"},  {"", "1"}};
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const char *close = tt_unit_closest(cases[i].text);
    assert_string_equal(close ? close : "none", cases[i].ucum ? cases[i].ucum : "none");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_printed),
      cmocka_unit_test(test_closest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
