/* SPDX-License-Identifier: Apache-2.0
 * The public headers stand alone and say what a bridge relies on. */
#include <thingtree/bridge.h>

#include "cmocka_all.h"

static void test_abi_is_one_number(void **state)
{
  (void)state;
  assert_int_equal(TT_BRIDGE_ABI, 3);
  assert_string_equal(TT_BRIDGE_SYMBOL, "tt_bridge_module");
}

static void test_categories_do_not_overlap(void **state)
{
  (void)state;
  unsigned all = TT_CATEGORY_MOMENTARY | TT_CATEGORY_PEAK | TT_CATEGORY_STATUS | TT_CATEGORY_COMPUTED |
                 TT_CATEGORY_IDENTITY | TT_CATEGORY_HISTORICAL;
  assert_int_equal(all, TT_CATEGORY_ALL);
  assert_int_equal(TT_CATEGORY_DEFAULT | TT_CATEGORY_HISTORICAL, TT_CATEGORY_ALL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_abi_is_one_number),
      cmocka_unit_test(test_categories_do_not_overlap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
