/* SPDX-License-Identifier: Apache-2.0
 * Values out of JSON and text: decimals survive, hostile bytes are refused with a reason. */
#include "common/pick.h"

#include "cmocka_all.h"

#include <json-c/json.h>
#include <stdio.h>

static const struct tt_pick_shape sums = {TT_PICK_FOLD_SUM, TT_PICK_FOLD_SUM};

/* "int64 17", "number 23.40", or the error's name; of the value at `pointer` of `json`. */
static const char *pick_with(const char *json, const char *pointer, bool wants_number, struct tt_pick_shape shape)
{
  static char out[300];
  char why[TT_PICK_WHY_SIZE] = "";
  struct json_object *root, *at;
  struct tt_value value;
  if (tt_pick_json_parse(json, strlen(json), &root, why) < 0)
    return "no JSON";
  int r = tt_pick_json_at(root, pointer, &at);
  if (r == 0)
    r = tt_pick_json_value(at, wants_number, &shape, &value, why);
  json_object_put(root);
  if (r < 0) {
    snprintf(out, sizeof out, "%s", r == -ENOENT ? "no place" : r == -ENODATA ? "null" : why);
    return out;
  }
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_value_print(&value, &text);
  snprintf(out, sizeof out, "%s %.200s", tt_type_name(value.type), text.data ? text.data : "");
  tt_value_finish(&value);
  return out;
}

static const char *pick(const char *json, const char *pointer)
{
  return pick_with(json, pointer, true, (struct tt_pick_shape){0});
}

static void test_types(void **state)
{
  (void)state;
  assert_string_equal(pick("{\"t\":23.40}", "/t"), "number 23.40");
  assert_string_equal(pick("{\"t\":-0.5}", "/t"), "number -0.5");
  assert_string_equal(pick("{\"t\":23}", "/t"), "int64 23");
  assert_string_equal(pick("{\"t\":true}", "/t"), "boolean true");
  assert_string_equal(pick("{\"t\":\"ON\"}", "/t"), "string ON");
  assert_string_equal(pick("{\"t\":null}", "/t"), "null");
  assert_string_equal(pick("{\"t\":1.5e3}", "/t"), "number 1500");
  assert_string_equal(pick("17", ""), "int64 17");
  assert_string_equal(pick("23.40", ""), "number 23.40");
  assert_string_equal(pick("\"x\"", ""), "string x");
  assert_string_equal(pick(" {\"t\" : 1 } \n", "/t"), "int64 1");
}

static void test_big_integers(void **state)
{
  (void)state;
  assert_string_equal(pick("9007199254740993", ""), "int64 9007199254740993"); /* 2^53 + 1: no double on the way */
  assert_string_equal(pick("9223372036854775807", ""), "int64 9223372036854775807");
  assert_string_equal(pick("-9223372036854775807", ""), "int64 -9223372036854775807");
  assert_string_equal(pick("9223372036854775808", ""), "number 9223372036854775808");
  assert_string_equal(pick("99999999999999999999999", ""), "a whole number does not fit 64 bits");
}

static void test_number_as_text(void **state)
{
  (void)state;
  assert_string_equal(pick("{\"a\":\"12.30\"}", "/a"), "number 12.30");
  assert_string_equal(pick("{\"a\":\" 12 \"}", "/a"), "int64 12");
  assert_string_equal(pick("{\"a\":\"true\"}", "/a"), "boolean true");
  assert_string_equal(pick("{\"a\":\"nan\"}", "/a"), "string nan");
  assert_string_equal(pick("{\"a\":\"1e999\"}", "/a"), "string 1e999");
  /* a map wants the device's own word */
  assert_string_equal(pick_with("{\"a\":\"12\"}", "/a", false, sums), "string 12");
}

static void test_pointers(void **state)
{
  (void)state;
  const char *json = "{\"a\":{\"b-c d\":1},\"l\":[10,{\"x\":2}],\"\":3,\"s/t\":4,\"m~n\":5}";
  assert_string_equal(pick(json, "/a/b-c d"), "int64 1");
  assert_string_equal(pick(json, "/l/0"), "int64 10");
  assert_string_equal(pick(json, "/l/1/x"), "int64 2");
  assert_string_equal(pick(json, "/s~1t"), "int64 4");
  assert_string_equal(pick(json, "/m~0n"), "int64 5");
  assert_string_equal(pick(json, "/a/none"), "no place");
  assert_string_equal(pick(json, "/l/2"), "no place");
  assert_string_equal(pick(json, "/l/-"), "no place");
  assert_string_equal(pick(json, "/l/01"), "no place");
  assert_string_equal(pick(json, "/a/b-c d/deeper"), "no place");
}

static void test_pointer_problems(void **state)
{
  (void)state;
  static char slashes[TT_PICK_POINTER_MAX + 2];
  assert_null(tt_pick_pointer_problem(""));
  assert_null(tt_pick_pointer_problem("/"));
  assert_null(tt_pick_pointer_problem("/a~0b/~1/ä"));
  assert_string_equal(tt_pick_pointer_problem("a/b"), "must begin with /");
  assert_string_equal(tt_pick_pointer_problem("/a~"), "has a ~ that is neither ~0 (for ~) nor ~1 (for /)");
  assert_string_equal(tt_pick_pointer_problem("/a~2"), "has a ~ that is neither ~0 (for ~) nor ~1 (for /)");
  assert_string_equal(tt_pick_pointer_problem("/\xc3"), "is not valid UTF-8");
  memset(slashes, '/', TT_PICK_POINTER_MAX);
  assert_null(tt_pick_pointer_problem(slashes));
  slashes[TT_PICK_POINTER_MAX] = '/';
  assert_string_equal(tt_pick_pointer_problem(slashes), "is longer than 512 bytes");
}

static void test_shapes(void **state)
{
  (void)state;
  assert_string_equal(pick_with("[1.2, 3.4]", "", true, sums), "number 4.6");
  assert_string_equal(pick_with("{\"Phase1\":1.2,\"Phase2\":3.45}", "", true, sums), "number 4.65");
  assert_string_equal(pick_with("[1,2,3]", "", true, sums), "int64 6");
  assert_string_equal(pick_with("[1,\"2.5\",null]", "", true, sums), "number 3.5");
  assert_string_equal(pick_with("1.2", "", true, sums), "number 1.2");
  assert_string_equal(pick_with("[]", "", true, sums), "null");
  assert_string_equal(pick_with("[1,\"x\"]", "", true, sums), "the list has an element that is not a number");
  assert_string_equal(pick_with("[[1]]", "", true, sums), "the list has an element that is not a number");
  assert_string_equal(pick_with("{\"a\":true}", "", true, sums), "the object has an element that is not a number");
  assert_string_equal(pick("[1]", ""), "is a list; say what to make of it with shape: {list: sum}");
  assert_string_equal(pick("{}", ""), "is an object; say what to make of it with shape: {object: sum}");
  struct tt_pick_shape shape = {TT_PICK_FOLD_MEAN, TT_PICK_FOLD_NONE};
  assert_string_equal(pick_with("[1,2]", "", true, shape), "number 1.5");
  shape.list = TT_PICK_FOLD_MIN;
  assert_string_equal(pick_with("[3.5,-2,7]", "", true, shape), "number -2.0");
  shape.list = TT_PICK_FOLD_MAX;
  assert_string_equal(pick_with("[3.5,-2,7]", "", true, shape), "number 7.0");
  assert_string_equal(pick_with("[9223372036854775806,9]", "", true, sums), "number 9223372036854775808");
}

static void test_hostile_json(void **state)
{
  (void)state;
  static const struct {
    const char *text, *why;
  } table[] = {
      {"", "payload is not JSON: it ends too early"},
      {"{", "payload is not JSON: it ends too early"},
      {"{\"a\":1", "payload is not JSON: it ends too early"},
      {"{\"a\":1}x", NULL},
      {"{\"a\":1}{}", NULL},
      {"NaN", NULL},
      {"Infinity", NULL},
      {"-Infinity", NULL},
      {"{\"a\":01}", NULL},
      {"[1,]", NULL},
      {"// comment\n1", NULL},
      {"{\"a\":\"\xff\"}", "payload is not valid UTF-8"},
      {"{\"a\":\"\xed\xa0\x80\"}", "payload is not valid UTF-8"},
  };
  for (size_t i = 0; i < TT_COUNT(table); i++) {
    char why[TT_PICK_WHY_SIZE] = "";
    struct json_object *json = NULL;
    int r = tt_pick_json_parse(table[i].text, strlen(table[i].text), &json, why);
    struct tt_value value = {0};
    if (r == 0) { /* json-c lets some numbers pass; then they must not become values */
      r = tt_pick_json_value(json, true, &sums, &value, why);
      tt_value_finish(&value);
    }
    json_object_put(json);
    if (r == 0)
      fail_msg("%s was accepted", table[i].text);
    if (table[i].why)
      assert_string_equal(why, table[i].why);
  }
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json;
  assert_int_equal(tt_pick_json_parse("12\0{}", 5, &json, why), -EINVAL);
  assert_string_equal(why, "payload has a NUL byte");
  assert_string_equal(pick("1e999", ""), "a number is not finite");
}

static void test_limits(void **state)
{
  (void)state;
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json;
  char *big = malloc(TT_PICK_SIZE_MAX + 1);
  memset(big, ' ', TT_PICK_SIZE_MAX + 1);
  big[0] = '1';
  assert_int_equal(tt_pick_json_parse(big, TT_PICK_SIZE_MAX + 1, &json, why), -EINVAL);
  assert_string_equal(why, "payload of 65537 bytes, more than 65536");
  assert_int_equal(tt_pick_json_parse(big, TT_PICK_SIZE_MAX, &json, why), 0);
  json_object_put(json);
  free(big);
  char deep[2 * TT_PICK_DEPTH_MAX + 4];
  for (int depth = TT_PICK_DEPTH_MAX - 1; depth <= TT_PICK_DEPTH_MAX + 1; depth += 2) {
    memset(deep, '[', (size_t)depth);
    memset(deep + depth, ']', (size_t)depth);
    json = NULL;
    int r = tt_pick_json_parse(deep, 2 * (size_t)depth, &json, why);
    assert_int_equal(r, depth < TT_PICK_DEPTH_MAX ? 0 : -EINVAL);
    json_object_put(json);
  }
}

static void test_text(void **state)
{
  (void)state;
  char why[TT_PICK_WHY_SIZE];
  struct tt_value value;
  assert_int_equal(tt_pick_text_value("23.40\r\n", 7, true, &value, why), 0);
  assert_int_equal(value.type, TT_TYPE_QUANTITY);
  assert_int_equal(value.quantity.decimals, 2);
  assert_int_equal(tt_pick_text_value("ON\n", 3, false, &value, why), 0);
  assert_string_equal(value.text, "ON");
  tt_value_finish(&value);
  assert_int_equal(tt_pick_text_value("", 0, true, &value, why), 0);
  assert_string_equal(value.text, "");
  tt_value_finish(&value);
  assert_int_equal(tt_pick_text_value("\xc0\x80", 2, false, &value, why), -EINVAL);
  assert_string_equal(why, "payload is not valid UTF-8");
  /* what XML cannot carry does not enter the model */
  assert_int_equal(tt_pick_text_value("a\0b\x01", 4, false, &value, why), 0);
  assert_string_equal(value.text, "a\xef\xbf\xbd"
                                  "b\xef\xbf\xbd");
  tt_value_finish(&value);
}

static void test_when_a_number_is_wanted(void **state)
{
  (void)state;
  struct tt_map_entry map = {.raw = "ON"};
  assert_true(tt_pick_wants_number(&(struct tt_point){.type = TT_TYPE_QUANTITY}));
  assert_true(tt_pick_wants_number(&(struct tt_point){.type = TT_TYPE_BOOLEAN}));
  assert_false(tt_pick_wants_number(&(struct tt_point){.type = TT_TYPE_STRING}));
  assert_false(tt_pick_wants_number(&(struct tt_point){.type = TT_TYPE_BOOLEAN, .n_map = 1, .map = &map}));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_big_integers),
      cmocka_unit_test(test_number_as_text),
      cmocka_unit_test(test_pointers),
      cmocka_unit_test(test_pointer_problems),
      cmocka_unit_test(test_shapes),
      cmocka_unit_test(test_hostile_json),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_when_a_number_is_wanted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
