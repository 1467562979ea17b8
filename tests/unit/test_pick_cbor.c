/* SPDX-License-Identifier: Apache-2.0
 * CBOR as the JSON tree that it means: the examples of RFC 8949 appendix A, and hostile bytes. */
#include "common/pick_cbor.h"

#include "cmocka_all.h"
#include "common/pick.h"

#include <json-c/json.h>
#include <stdio.h>

static size_t from_hex(const char *hex, unsigned char *out)
{
  size_t n = 0;
  unsigned byte;
  for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
    out[n++] = (unsigned char)byte;
  return n;
}

/* The tree as JSON text, or the reason. The bytes stand in memory of their exact size. */
static const char *parse(const char *hex)
{
  static char out[400];
  char why[TT_PICK_WHY_SIZE] = "";
  unsigned char bytes[200];
  struct json_object *json;
  size_t n = from_hex(hex, bytes);
  unsigned char *exact TT_AUTOFREE = malloc(n ? n : 1);
  memcpy(exact, bytes, n);
  if (tt_pick_cbor_parse(exact, n, &json, why) < 0)
    snprintf(out, sizeof out, "%s", why);
  else
    snprintf(out, sizeof out, "%s",
             json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  if (!*why)
    json_object_put(json);
  return out;
}

#define BROKEN "payload is not CBOR: "

static void test_examples_of_the_standard(void **state)
{
  static const struct {
    const char *hex, *json;
  } examples[] = {
      {"00", "0"},
      {"1903e8", "1000"},
      {"1bffffffffffffffff", "18446744073709551615"},
      {"20", "-1"},
      {"3903e7", "-1000"},
      {"3b7fffffffffffffff", "-9223372036854775808"},
      {"f90000", "0"},
      {"f93c00", "1"},
      {"f93e00", "1.5"},
      {"f97bff", "65504"},
      {"fa47c35000", "100000"},
      {"fb3ff199999999999a", "1.1"},
      {"fbc010666666666666", "-4.1"},
      {"fb7e37e43c8800759c", "1e+300"},
      {"f97e00", "null"}, /* not a number is no value */
      {"f97c00", "null"},
      {"f4", "false"},
      {"f5", "true"},
      {"f6", "null"},
      {"f7", "null"},
      {"c11a514b67b0", "1363896240"}, /* a tag is what stands behind it */
      {"4401020304", "\"AQIDBA\""},
      {"60", "\"\""},
      {"62c3bc", "\"\xc3\xbc\""},
      {"80", "[]"},
      {"8301820203820405", "[1,[2,3],[4,5]]"},
      {"a201020304", "{\"1\":2,\"3\":4}"},
      {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"},
      {"5f42010243030405ff", "\"AQIDBAU\""},
      {"7f657374726561646d696e67ff", "\"streaming\""},
      {"9fff", "[]"},
      {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
      {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"},
      {"a0", "{}"},
      {"a120f5", "{\"-1\":true}"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(examples); i++)
    if (strcmp(parse(examples[i].hex), examples[i].json) != 0)
      fail_msg("%s is %s, not %s", examples[i].hex, parse(examples[i].hex), examples[i].json);
}

/* As few digits as the precision has: they become decimals of the field. */
static void test_decimals_are_those_of_the_precision(void **state)
{
  (void)state;
  assert_string_equal(parse("fa41ab3333"), "21.4");         /* single */
  assert_string_equal(parse("fb4035666666666666"), "21.4"); /* double */
  assert_string_equal(parse("f94d5a"), "21.4");             /* half: 21.40625 */
  assert_string_equal(parse("fa42280000"), "42");
}

static void test_one_language_of_places(void **state)
{
  unsigned char bytes[64];
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json, *at;
  static const struct tt_pick_shape none;
  struct tt_value value;
  (void)state;
  /* [{-2: "dev/", 0: "temp", 2: 21.5}] */
  size_t n = from_hex("81a32164646576", bytes);
  n = from_hex("81a321646465762f006474656d7002f94d60", bytes);
  assert_int_equal(tt_pick_cbor_parse(bytes, n, &json, why), 0);
  assert_int_equal(tt_pick_json_at(json, "/0/2", &at), 0);
  assert_int_equal(tt_pick_json_value(at, true, &none, &value, why), 0);
  assert_true(value.type == TT_TYPE_QUANTITY && value.quantity.number == 21.5 && value.quantity.decimals == 1);
  assert_int_equal(tt_pick_json_at(json, "/0/-2", &at), 0);
  assert_string_equal(json_object_get_string(at), "dev/");
  assert_int_equal(tt_pick_json_at(json, "/0/3", &at), -ENOENT);
  json_object_put(json);
}

static void test_hostile_bytes(void **state)
{
  static const struct {
    const char *hex, *why;
  } cases[] = {
      {"", BROKEN "it ends too early"},
      {"18", BROKEN "it ends too early"},
      {"8201", BROKEN "it ends too early"},
      {"9f01", BROKEN "it ends too early"},
      {"a101", BROKEN "it ends too early"},
      {"0000", BROKEN "something stands behind it"},
      {"1c", BROKEN "a byte begins no data item"},
      {"ff", BROKEN "an end stands where nothing ends"},
      {"81ff", BROKEN "an end stands where nothing ends"},
      {"bf01ff", BROKEN "an end stands where nothing ends"},
      {"a1f501", BROKEN "a key is neither text nor a whole number"},
      {"a18001", BROKEN "a key is neither text nor a whole number"},
      {"a1f93c0001", BROKEN "a key is neither text nor a whole number"},
      {"a1610001", BROKEN "a key has a NUL byte"},
      {"61ff", BROKEN "a text is not valid UTF-8"},
      {"3bffffffffffffffff", BROKEN "a whole number does not fit 64 bits"},
      {"7f4101ff", BROKEN "a chunk of a string is of the other kind"},
      {"7f01ff", BROKEN "a chunk of a string is no string"},
      {"7f7f6161ffff", BROKEN "a chunk of a string is no string"},
      {"9bffffffffffffffff00", BROKEN "it ends too early"}, /* what is announced is not believed */
      {"5bffffffffffffffff00", BROKEN "it ends too early"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    if (strcmp(parse(cases[i].hex), cases[i].why) != 0)
      fail_msg("%s: \"%s\", not \"%s\"", cases[i].hex, parse(cases[i].hex), cases[i].why);
}

static void test_limits(void **state)
{
  static unsigned char bytes[TT_PICK_SIZE_MAX + 1];
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json;
  (void)state;
  memset(bytes, 0x81, sizeof bytes);
  bytes[TT_PICK_DEPTH_MAX] = 0;
  assert_int_equal(tt_pick_cbor_parse(bytes, TT_PICK_DEPTH_MAX + 1, &json, why), 0);
  json_object_put(json);
  memset(bytes, 0x81, sizeof bytes);
  assert_int_equal(tt_pick_cbor_parse(bytes, 1000, &json, why), -EINVAL);
  assert_string_equal(why, BROKEN "it is nested deeper than 32 levels");
  memset(bytes, 0x9f, sizeof bytes);
  assert_int_equal(tt_pick_cbor_parse(bytes, 1000, &json, why), -EINVAL);
  memset(bytes, 0, sizeof bytes);
  bytes[0] = 0x9f;
  assert_int_equal(tt_pick_cbor_parse(bytes, TT_PICK_SIZE_MAX, &json, why), -EINVAL);
  assert_string_equal(why, BROKEN "it has more than 8192 items");
  assert_int_equal(tt_pick_cbor_parse(bytes, sizeof bytes, &json, why), -EINVAL);
  assert_string_equal(why, "payload of 65537 bytes, more than 65536");
}

static void check_write(const char *text, const char *hex)
{
  char why[TT_PICK_WHY_SIZE], out[400] = "";
  TT_AUTOBUF struct tt_buf cbor = TT_BUF(0);
  struct json_object *json, *again;
  assert_int_equal(tt_pick_json_parse(text, strlen(text), &json, why), 0);
  assert_int_equal(tt_pick_cbor_write(json, &cbor), 0);
  for (size_t i = 0; i < cbor.len; i++)
    sprintf(out + 2 * i, "%02x", (unsigned char)cbor.data[i]);
  assert_string_equal(out, hex);
  assert_int_equal(tt_pick_cbor_parse(cbor.data, cbor.len, &again, why), 0);
  assert_true(json_object_equal(json, again));
  json_object_put(json);
  json_object_put(again);
}

static void test_writing(void **state)
{
  (void)state;
  check_write("0", "00");
  check_write("23", "17");
  check_write("24", "1818");
  check_write("-500", "3901f3");
  check_write("18446744073709551615", "1bffffffffffffffff");
  check_write("1.5", "fa3fc00000");
  check_write("23.4", "fb4037666666666666");
  check_write("[true,false,null,\"a\"]", "84f5f4f66161");
  check_write("{\"on\":true,\"level\":[1,2]}", "a2626f6ef5656c6576656c820102");
}

static void test_what_does_not_fit_is_not_written(void **state)
{
  char why[TT_PICK_WHY_SIZE];
  TT_AUTOBUF struct tt_buf small = TT_BUF(3);
  struct json_object *json, *nested = json_object_new_int(1);
  (void)state;
  assert_int_equal(tt_pick_json_parse("\"abc\"", 5, &json, why), 0);
  assert_int_equal(tt_pick_cbor_write(json, &small), -EMSGSIZE);
  json_object_put(json);
  for (int i = 0; i < TT_PICK_DEPTH_MAX + 1; i++) {
    struct json_object *list = json_object_new_array();
    json_object_array_add(list, nested);
    nested = list;
  }
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  assert_int_equal(tt_pick_cbor_write(nested, &out), -EINVAL);
  json_object_put(nested);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_examples_of_the_standard),
      cmocka_unit_test(test_decimals_are_those_of_the_precision),
      cmocka_unit_test(test_one_language_of_places),
      cmocka_unit_test(test_hostile_bytes),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_writing),
      cmocka_unit_test(test_what_does_not_fit_is_not_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
