/* SPDX-License-Identifier: Apache-2.0
 * Templates: types are kept, text is escaped, limits hold. */
#include "common/compose.h"

#include "cmocka_all.h"

#include <math.h>

static struct tt_item scalar(const char *text, bool is_quoted)
{
  return (struct tt_item){.kind = TT_ITEM_SCALAR, .text = text, .is_quoted = is_quoted};
}

static const char *json_of(struct tt_item item, struct tt_value value)
{
  static char out[1000];
  struct tt_buf buf = TT_BUF(TT_COMPOSE_SIZE_MAX);
  int r = tt_compose_json(&item, &value, &buf);
  strcpy(out, r < 0 ? "error" : buf.data);
  tt_buf_finish(&buf);
  return out;
}

static void test_value_keeps_its_type(void **state)
{
  (void)state;
  struct tt_value on = {.type = TT_TYPE_STRING, .text = (char[]){"ON"}};
  assert_string_equal(json_of(scalar("${value}", true), on), "\"ON\"");
  assert_string_equal(json_of(scalar("${value}", true), TT_VALUE_BOOLEAN(true)), "true");
  assert_string_equal(json_of(scalar("${value}", false), TT_VALUE_INT64(INT64_MIN)), "-9223372036854775808");
  assert_string_equal(json_of(scalar("${value}", true), TT_VALUE_QUANTITY(23.4, 2)), "23.40");
  assert_string_equal(json_of(scalar("${value}", true), TT_VALUE_QUANTITY(0.1, TT_DECIMALS_FREE)), "0.1");
  assert_string_equal(json_of(scalar("v=${value};${value}", false), TT_VALUE_INT64(7)), "\"v=7;7\"");
  assert_string_equal(json_of(scalar("${value}", true), TT_VALUE_QUANTITY(NAN, 2)), "error");
}

static void test_plain_and_quoted(void **state)
{
  (void)state;
  struct tt_value one = TT_VALUE_INT64(1);
  static const struct {
    const char *text, *plain, *quoted;
  } table[] = {
      {"17", "17", "\"17\""},         {"2.50", "2.50", "\"2.50\""}, {"true", "true", "\"true\""},
      {"null", "null", "\"null\""},   {"~", "null", "\"~\""},       {"", "null", "\"\""},
      {"ON", "\"ON\"", "\"ON\""},     {"no", "\"no\"", "\"no\""},   {"a/b", "\"a/b\"", "\"a/b\""},
      {"\"", "\"\\\"\"", "\"\\\"\""},
  };
  for (size_t i = 0; i < TT_COUNT(table); i++) {
    assert_string_equal(json_of(scalar(table[i].text, false), one), table[i].plain);
    assert_string_equal(json_of(scalar(table[i].text, true), one), table[i].quoted);
  }
}

static void test_nesting(void **state)
{
  (void)state;
  struct tt_item value = scalar("${value}", true), channel = scalar("0", false), none = scalar("null", false);
  struct tt_item *list_items[] = {&channel, &none};
  struct tt_item list = {.kind = TT_ITEM_LIST, .n = 2, .items = list_items};
  struct tt_item *items[] = {&channel, &value, &list};
  const char *keys[] = {"id", "on", "l"};
  struct tt_item map = {.kind = TT_ITEM_MAP, .n = 3, .items = items, .keys = keys};
  assert_string_equal(json_of(map, TT_VALUE_BOOLEAN(false)), "{\"id\":0,\"on\":false,\"l\":[0,null]}");
  assert_null(tt_compose_problem(&map, NULL));
}

static void test_limits(void **state)
{
  (void)state;
  struct tt_item levels[TT_COMPOSE_DEPTH_MAX + 1], *below[TT_COMPOSE_DEPTH_MAX + 1];
  const struct tt_item *at = NULL;
  levels[TT_COMPOSE_DEPTH_MAX] = scalar("1", false);
  for (size_t i = TT_COMPOSE_DEPTH_MAX; i-- > 0;) {
    below[i] = &levels[i + 1];
    levels[i] = (struct tt_item){.kind = TT_ITEM_LIST, .n = 1, .items = &below[i]};
  }
  assert_null(tt_compose_problem(&levels[1], &at));
  assert_string_equal(tt_compose_problem(&levels[0], &at), "is nested deeper than 16 levels");
  assert_ptr_equal(at, &levels[TT_COMPOSE_DEPTH_MAX]);
  assert_string_equal(json_of(levels[0], TT_VALUE_INT64(1)), "error");

  char *text = malloc(TT_COMPOSE_SIZE_MAX);
  memset(text, 'a', TT_COMPOSE_SIZE_MAX);
  strcpy(text + TT_COMPOSE_SIZE_MAX - 9, "${value}");
  struct tt_buf buf = TT_BUF(TT_COMPOSE_SIZE_MAX);
  assert_int_equal(tt_compose_text(text, &TT_VALUE_INT64(1), &buf), 0);
  assert_int_equal(buf.len, TT_COMPOSE_SIZE_MAX - 8);
  tt_buf_truncate(&buf, 0);
  assert_int_equal(tt_compose_text(text, &TT_VALUE_INT64(1000000000000000), &buf), -EMSGSIZE);
  tt_buf_finish(&buf);
  struct tt_item long_text = scalar(text, true);
  assert_string_equal(tt_compose_problem(&long_text, &at), "has a text longer than 4096 bytes");
  free(text);
}

static void test_text(void **state)
{
  (void)state;
  struct tt_buf buf = TT_BUF(100);
  assert_int_equal(tt_compose_text("set ${value} ${other}", &TT_VALUE_QUANTITY(5, 1), &buf), 0);
  assert_string_equal(buf.data, "set 5.0 ${other}");
  tt_buf_finish(&buf);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_value_keeps_its_type),
      cmocka_unit_test(test_plain_and_quoted),
      cmocka_unit_test(test_nesting),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
