/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "answer.h"

#include <stdio.h>

/* The value as text, "" none, "!..." the reason why not. */
static const char *value_of(const char *data, const struct http_read_address *address, bool is_push)
{
  static char out[300];
  char why[TT_PICK_WHY_SIZE] = "";
  struct http_read_address copy = *address;
  struct tt_point point = {.type = TT_TYPE_QUANTITY, .address = &copy};
  struct http_body body = {.data = data, .size = strlen(data)};
  TT_AUTOVALUE struct tt_value value = {0};
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  int r = is_push ? http_push_value(&body, &point, &value, why) : http_answer_value(&body, &point, &value, why);
  if (r == 0)
    tt_value_print(&value, &text);
  http_body_finish(&body);
  snprintf(out, sizeof out, "%s%s", r == -EINVAL ? "!" : "", r == -EINVAL ? why : text.data ? text.data : "");
  return out;
}

#define ADDRESS(...) (&(struct http_read_address){.csv = {",", true, "last", NULL, NULL}, __VA_ARGS__})

static void test_values(void **state)
{
  (void)state;
  assert_string_equal(value_of("{\"a\": 1.50}", ADDRESS(.at = "/a"), false), "1.50");
  assert_string_equal(value_of("7", ADDRESS(.at = NULL), false), "7");
  assert_string_equal(value_of("{\"a\": null}", ADDRESS(.at = "/a"), false), "");
  assert_string_equal(value_of("{}", ADDRESS(.at = "/a"), false), "");
  assert_string_equal(value_of("{\"a\": [1, 2]}", ADDRESS(.at = "/a", .shape = {.list = TT_PICK_FOLD_SUM}), false),
                      "3");
  assert_true(*value_of("{", ADDRESS(.at = "/a"), false) == '!');
  assert_true(*value_of("", ADDRESS(.at = "/a"), false) == '!');
  assert_string_equal(value_of("<a><b>2</b></a>", ADDRESS(.format = HTTP_XML, .at = "/a/b"), false), "2");
  assert_true(*value_of("<a>", ADDRESS(.format = HTTP_XML, .at = "/a/b"), false) == '!');
  assert_string_equal(value_of("a,b\n1,2\n", ADDRESS(.format = HTTP_CSV, .at = "b"), false), "2");
  assert_string_equal(value_of("21.50\n", ADDRESS(.format = HTTP_TEXT), false), "21.50");
  assert_string_equal(value_of("", ADDRESS(.format = HTTP_TEXT), false), "");
  assert_string_equal(value_of("{\"p\": 3}", ADDRESS(.format = HTTP_XML, .at = "/a", .push = {.at = "/p"}), true),
                      "3");
}

static uint64_t stamp_of(const char *data, const struct http_read_address *address)
{
  struct http_read_address copy = *address;
  struct tt_point point = {.type = TT_TYPE_QUANTITY, .address = &copy};
  struct http_body body = {.data = data, .size = strlen(data)};
  uint64_t us = http_answer_stamp(&body, &point);
  http_body_finish(&body);
  return us;
}

static void test_stamps(void **state)
{
  (void)state;
  assert_int_equal(stamp_of("{\"t\": 1700000000}", ADDRESS(.time = {"/t", HTTP_STAMP_S})),
                   UINT64_C(1700000000000000));
  assert_int_equal(stamp_of("{\"t\": \"1700000000250\"}", ADDRESS(.time = {"/t", HTTP_STAMP_MS})),
                   UINT64_C(1700000000250000));
  assert_int_equal(
      stamp_of("<a t='2023-11-14T22:13:20Z'/>", ADDRESS(.format = HTTP_XML, .time = {"/a/@t", HTTP_STAMP_ISO})),
      UINT64_C(1700000000000000));
  assert_int_equal(stamp_of("{\"t\": 0}", ADDRESS(.time = {"/t", HTTP_STAMP_S})), 0); /* a device without a clock */
  assert_int_equal(stamp_of("{\"t\": \"soon\"}", ADDRESS(.time = {"/t", HTTP_STAMP_ISO})), 0);
  assert_int_equal(stamp_of("{}", ADDRESS(.time = {"/t", HTTP_STAMP_S})), 0);
  assert_int_equal(stamp_of("{\"t\": 1}", ADDRESS(.at = "/t")), 0);
}

static void test_what_is_expected(void **state)
{
  static const struct {
    const char *at, *is, *data, *why; /* NULL: as expected */
  } rows[] = {
      {NULL, NULL, "anything", NULL},
      {"/ok", "true", "{\"ok\": true}", NULL},
      {"/ok", "true", "{\"ok\": false}", "says \"false\" at /ok"},
      {"/POWER", "${value}", "{\"POWER\": \"ON\"}", NULL},
      {"/POWER", "${value}", "{\"POWER\": \"OFF\"}", "says \"OFF\""},
      {"/ok", "true", "{}", "nothing at /ok"},
      {"/ok", "true", "<html>", "not JSON"},
      {"/n", "1.50", "{\"n\": 1.50}", NULL},
  };
  (void)state;
  TT_AUTOVALUE struct tt_value on = {0};
  assert_int_equal(tt_value_text(TT_TYPE_STRING, "ON", 2, &on), 0);
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    char why[TT_PICK_WHY_SIZE] = "";
    struct http_expect expect = {rows[i].at, rows[i].is};
    struct http_body body = {.data = rows[i].data, .size = strlen(rows[i].data)};
    bool is_expected = http_answer_is_expected(&body, &expect, &on, why);
    if (is_expected != !rows[i].why || (rows[i].why && !strstr(why, rows[i].why)))
      fail_msg("%zu: %s", i, why);
    http_body_finish(&body);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_stamps),
      cmocka_unit_test(test_what_is_expected),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
