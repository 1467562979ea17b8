/* SPDX-License-Identifier: Apache-2.0
 * Labels by language, with fall-back. */
#include <thingtree/point.h>

#include "cmocka_all.h"

static const struct tt_label label = {
    .n = 3, .language = {"en", "sv", "zh-hant"}, .text = {"Hall", "Hallen", "門廳"}};

static void test_language_falls_back(void **state)
{
  static const struct {
    const char *language, *text;
  } cases[] = {
      {"sv", "Hallen"}, {"sv-SE", "Hallen"}, {"SV", "Hallen"},       {"de", "Hall"}, {"", "Hall"},
      {NULL, "Hall"},   {"en-GB", "Hall"},   {"zh-Hant-TW", "門廳"}, {"zh", "Hall"}, {"s", "Hall"},
      {"sve", "Hall"},  {"-", "Hall"},       {"sv-", "Hallen"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    assert_string_equal(tt_label_for(&label, cases[i].language, "key"), cases[i].text);
}

static void test_without_label_otherwise(void **state)
{
  static const struct tt_label empty;
  (void)state;
  assert_string_equal(tt_label_for(&empty, "en", "key"), "key");
  assert_string_equal(tt_label_for(NULL, "en", "key"), "key");
  assert_null(tt_label_for(NULL, "en", NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_language_falls_back),
      cmocka_unit_test(test_without_label_otherwise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
