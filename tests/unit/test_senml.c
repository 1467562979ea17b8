/* SPDX-License-Identifier: Apache-2.0
 * SenML packs: the examples of RFC 8428 section 5, in JSON and CBOR, and hostile ones. */
#include "common/senml.h"

#include "cmocka_all.h"
#include "common/pick_cbor.h"

#include <json-c/json.h>
#include <stdio.h>

#define NOW UINT64_C(1700000000000000)

static struct json_object *json;
static struct tt_senml senml;
static char why[TT_PICK_WHY_SIZE];

static int parse(const char *text)
{
  assert_int_equal(tt_pick_json_parse(text, strlen(text), &json, why), 0);
  int r = tt_senml_parse(json, false, NOW, &senml, why);
  if (r < 0)
    json_object_put(json);
  return r;
}

static void finish(void)
{
  tt_senml_finish(&senml);
  json_object_put(json);
}

static const char *value_of(const char *name)
{
  static char out[200];
  struct tt_value value;
  const struct tt_senml_record *record = tt_senml_find(&senml, name);
  if (!record)
    return "none";
  int r = tt_senml_value(record, true, &value, why);
  if (r < 0)
    return r == -ENODATA ? "no data" : why;
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_value_print(&value, &text);
  snprintf(out, sizeof out, "%s", text.data);
  tt_value_finish(&value);
  return out;
}

static void test_single_point(void **state)
{
  (void)state;
  assert_int_equal(parse("[{\"n\":\"urn:dev:ow:10e2073a01080063\",\"u\":\"Cel\",\"v\":23.1}]"), 0);
  assert_int_equal(senml.n, 1);
  assert_string_equal(senml.records[0].unit, "Cel");
  assert_int_equal(senml.records[0].stamp_us, 0);
  assert_string_equal(value_of(NULL), "23.1");
  assert_string_equal(value_of("urn:dev:ow:10e2073a01080063"), "23.1");
  assert_string_equal(value_of("10e2073a01080063"), "none");
  finish();
}

static void test_base_values(void **state)
{
  (void)state;
  assert_int_equal(
      parse("[{\"bn\":\"urn:dev:ow:10e2073a0108006:\",\"bt\":1.276020076001e+09,\"bu\":\"A\",\"bver\":5,"
            "\"n\":\"voltage\",\"u\":\"V\",\"v\":120.1},"
            "{\"n\":\"current\",\"t\":-5,\"v\":1.2},{\"n\":\"current\",\"t\":-4,\"v\":1.3},"
            "{\"n\":\"current\",\"v\":1.7}]"),
      0);
  assert_string_equal(value_of("voltage"), "120.1");
  assert_string_equal(value_of("urn:dev:ow:10e2073a0108006:voltage"), "120.1");
  assert_string_equal(value_of("current"), "1.7"); /* the newest */
  assert_string_equal(tt_senml_find(&senml, "current")->unit, "A");
  assert_string_equal(tt_senml_find(&senml, "voltage")->unit, "V");
  assert_int_equal(tt_senml_find(&senml, "voltage")->stamp_us, UINT64_C(1276020076001000));
  assert_int_equal(senml.records[1].stamp_us, UINT64_C(1276020071001000));
  assert_string_equal(value_of(NULL), "none"); /* of two names nobody can choose */
  finish();
}

static void test_the_newest_counts_whatever_the_order(void **state)
{
  (void)state;
  assert_int_equal(parse("[{\"n\":\"t\",\"t\":-1,\"v\":2},{\"n\":\"t\",\"t\":-9,\"v\":1}]"), 0);
  assert_string_equal(value_of("t"), "2");
  finish();
}

static void test_times(void **state)
{
  (void)state;
  assert_int_equal(
      parse("[{\"n\":\"a\",\"t\":-2.5,\"v\":1},{\"n\":\"b\",\"t\":268435456,\"v\":1},{\"n\":\"c\",\"v\":1},"
            "{\"n\":\"d\",\"t\":1e300,\"v\":1},{\"n\":\"e\",\"t\":-1e300,\"v\":1},{\"n\":\"f\",\"t\":0,\"v\":1}]"),
      0);
  assert_int_equal(senml.records[0].stamp_us, NOW - 2500000);
  assert_int_equal(senml.records[1].stamp_us, UINT64_C(268435456000000));
  assert_int_equal(senml.records[2].stamp_us, 0);
  assert_int_equal(senml.records[3].stamp_us, 0);
  assert_int_equal(senml.records[4].stamp_us, 0);
  assert_int_equal(senml.records[5].stamp_us, NOW);
  finish();
}

static void test_kinds_of_values(void **state)
{
  (void)state;
  assert_int_equal(parse("[{\"n\":\"s\",\"vs\":\"open\"},{\"n\":\"b\",\"vb\":true},{\"n\":\"d\",\"vd\":\"aGk\"},"
                         "{\"n\":\"x\",\"s\":7},{\"bv\":10,\"n\":\"v\",\"v\":0.5},{\"n\":\"w\",\"vs\":\"kept\"}]"),
                   0);
  assert_string_equal(value_of("s"), "open");
  assert_string_equal(value_of("b"), "true");
  assert_string_equal(value_of("d"), "aGk");
  assert_string_equal(value_of("x"), "none"); /* a sum is no value */
  assert_string_equal(value_of("v"), "10.5");
  assert_string_equal(value_of("w"), "kept");
  finish();
}

static void test_cbor(void **state)
{
  static const unsigned char pack[] = {0x82, 0xa4, 0x21, 0x64, 'd',  'e', 'v',  '/',  0x00,
                                       0x61, 't',  0x01, 0x63, 'C',  'e', 'l',  0x02, 0xf9,
                                       0x4d, 0x60, 0xa2, 0x00, 0x61, 'h', 0x02, 0x18, 40};
  (void)state;
  assert_int_equal(tt_pick_cbor_parse(pack, sizeof pack, &json, why), 0);
  assert_int_equal(tt_senml_parse(json, true, NOW, &senml, why), 0);
  assert_string_equal(value_of("dev/t"), "21.5");
  assert_string_equal(value_of("h"), "40");
  assert_string_equal(senml.records[0].unit, "Cel");
  finish();
}

static void test_hostile_packs(void **state)
{
  (void)state;
  assert_int_equal(parse("{\"n\":\"t\"}"), -EINVAL);
  assert_string_equal(why, "a SenML pack is a list of records, this is not");
  assert_int_equal(parse("[1]"), -EINVAL);
  assert_string_equal(why, "a record is not a map");
  assert_int_equal(parse("[{\"bver\":11,\"v\":1}]"), -EINVAL);
  assert_string_equal(why, "the pack has a version that is not known");
  assert_int_equal(parse("[{\"n\":\"t\",\"new_\":1,\"v\":1}]"), -EINVAL);
  assert_string_equal(why, "the pack has a label that must be understood: new_");
  assert_int_equal(parse("[{\"n\":5,\"u\":[],\"t\":\"x\",\"v\":{}}]"),
                   0); /* labels of a wrong type are not there */
  assert_string_equal(value_of(""), "is an object; say what to make of it with shape: {object: sum}");
  finish();
  assert_int_equal(parse("[]"), 0);
  assert_null(tt_senml_find(&senml, NULL));
  finish();
}

static void test_limits(void **state)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  (void)state;
  tt_buf_puts(&text, "[");
  for (int i = 0; i <= TT_SENML_RECORDS_MAX; i++)
    tt_buf_printf(&text, "%s{\"v\":%d}", i ? "," : "", i);
  tt_buf_puts(&text, "]");
  assert_int_equal(parse(text.data), -EINVAL);
  assert_string_equal(why, "the pack has more than 1000 records");
  tt_buf_truncate(&text, 0);
  tt_buf_printf(&text, "[{\"bn\":\"%0200d\",\"n\":\"%056d\",\"v\":1}]", 0, 0);
  assert_int_equal(parse(text.data), -EINVAL);
  assert_string_equal(why, "a name is longer than 255 bytes");
}

static void check_write(const char *name, const char *unit, struct tt_value value, bool is_cbor,
                        const char *expected)
{
  char out[400] = "";
  TT_AUTOBUF struct tt_buf pack = TT_BUF(0);
  assert_int_equal(tt_senml_write(name, unit, &value, is_cbor, &pack), 0);
  for (size_t i = 0; i < pack.len; i++)
    sprintf(out + strlen(out), is_cbor ? "%02x" : "%c", (unsigned char)pack.data[i]);
  assert_string_equal(out, expected);
}

static void test_writing(void **state)
{
  (void)state;
  check_write("vent", "%", TT_VALUE_INT64(40), false, "[{\"n\":\"vent\",\"u\":\"%\",\"v\":40}]");
  check_write(NULL, NULL, TT_VALUE_BOOLEAN(true), false, "[{\"vb\":true}]");
  check_write("t", NULL, TT_VALUE_QUANTITY(21.5, 2), false, "[{\"n\":\"t\",\"v\":21.50}]");
  check_write("vent", NULL, TT_VALUE_INT64(40), true, "81a2006476656e74021828");
  check_write(NULL, NULL, TT_VALUE_BOOLEAN(false), true, "81a104f4");
  struct tt_value text;
  assert_int_equal(tt_value_text(TT_TYPE_STRING, "a\"b", 3, &text), 0);
  check_write("x", NULL, text, false, "[{\"n\":\"x\",\"vs\":\"a\\\"b\"}]");
  check_write(NULL, NULL, text, true, "81a10363612262");
  tt_value_finish(&text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_single_point),
      cmocka_unit_test(test_base_values),
      cmocka_unit_test(test_the_newest_counts_whatever_the_order),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_kinds_of_values),
      cmocka_unit_test(test_cbor),
      cmocka_unit_test(test_hostile_packs),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_writing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
