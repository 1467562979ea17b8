/* SPDX-License-Identifier: Apache-2.0
 * What a payload says about a point in each format, and what a command sends. */
#include "payload.h"

#include "cmocka_all.h"

#include <stdio.h>

#define NOW UINT64_C(1700000000000000)

static uint64_t stamp;

/* The value of a number point at `address` in the payload, or the reason. */
static const char *value(int content, struct cb_read_address address, const char *data, size_t n)
{
  static char out[300];
  struct tt_point point = {.name = "p", .type = TT_TYPE_QUANTITY, .address = &address};
  struct cb_payload payload = {.data = data, .size = n, .content = content, .wall_us = NOW};
  char why[TT_PICK_WHY_SIZE] = "";
  struct tt_value value;
  stamp = 1;
  int r = cb_payload_value(&payload, &point, &value, &stamp, why);
  cb_payload_finish(&payload);
  if (r < 0)
    return r == -ENODATA ? "no data" : strcpy(out, why);
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_value_print(&value, &text);
  snprintf(out, sizeof out, "%s", text.data ? text.data : "");
  tt_value_finish(&value);
  return out;
}

#define TEXT(content, text, ...) value(content, (struct cb_read_address){__VA_ARGS__}, text, strlen(text))

static void test_formats(void **state)
{
  static const char cbor[] = {(char)0xa1, 0x61, 't', (char)0xf9, 0x4d, 0x60};
  (void)state;
  assert_string_equal(TEXT(0, "21.50\n", .get = "/a"), "21.50");
  assert_string_equal(TEXT(CB_CONTENT_NONE, "21.50", .get = "/a"), "21.50");
  assert_string_equal(TEXT(50, "{\"t\":21.5}", .at = "/t"), "21.5");
  assert_string_equal(TEXT(CB_CONTENT_NONE, "{\"t\":21.5}", .at = "/t"), "21.5");
  assert_string_equal(value(60, (struct cb_read_address){.at = "/t"}, cbor, sizeof cbor), "21.5");
  assert_string_equal(TEXT(110, "[{\"n\":\"t\",\"v\":21.5,\"t\":-1}]", .get = "/a"), "21.5");
  assert_int_equal(stamp, NOW - 1000000);
  assert_string_equal(TEXT(CB_CONTENT_NONE, "[{\"n\":\"t\",\"v\":21.5}]", .record = "t"), "21.5");
  assert_int_equal(stamp, 0);
  /* What the mapping says holds against what the device says. */
  assert_string_equal(TEXT(0, "{\"t\":21.5}", .at = "/t", .format = CB_FORMAT_JSON), "21.5");
  assert_string_equal(TEXT(42, "21.5", .get = "/a"),
                      "content format 42 is none that can be read; say one with format");
}

static void test_links(void **state)
{
#define LINKS                                                                                                      \
  "</a>;rt=\"temperature-c\";if=\"sensor\";ct=40;title=\"A \\\"b\\\"\",</b/c>;obs,</a>;rt=\"other\",<>;ct=1"
  (void)state;
  assert_string_equal(TEXT(40, LINKS, .at = "/~1a/rt"), "temperature-c");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1a/title"), "A \"b\"");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1a/ct"), "40");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1a/obs"), "false");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1b~1c/obs"), "true");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1b~1c/there"), "true");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1d/there"), "false");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1d/rt"), "no data");
  assert_string_equal(TEXT(40, LINKS, .at = "/~1b~1c/rt"), "no data");
  assert_string_equal(TEXT(40, "nothing of the kind", .at = "/~1a/there"), "it is no link format");
  assert_string_equal(TEXT(0, LINKS, .at = "/~1a/rt", .format = CB_FORMAT_LINK), "temperature-c");
  assert_string_equal(TEXT(50, "{}", .at = "/a/there"), "no data"); /* that is something else */
}

static void test_what_is_not_there(void **state)
{
  (void)state;
  assert_string_equal(TEXT(0, "", .get = "/a"), "no data");
  assert_string_equal(TEXT(50, "{\"t\":null}", .at = "/t"), "no data");
  assert_string_equal(TEXT(50, "{}", .at = "/t"), "no data");
  assert_string_equal(TEXT(110, "[]", .get = "/a"), "no data");
  assert_string_equal(TEXT(110, "[{\"n\":\"a\",\"v\":1}]", .record = "b"), "no data");
  assert_string_equal(TEXT(110, "[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]", .get = "/a"),
                      "the pack has records of several names; choose one with record");
  assert_string_equal(TEXT(110, "[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]", .at = "/1/v"), "2");
  assert_string_equal(TEXT(50, "{", .at = "/t"), "payload is not JSON: it ends too early");
  assert_string_equal(TEXT(60, "\xff", .at = "/t"), "payload is not CBOR: an end stands where nothing ends");
  assert_string_equal(TEXT(0, "\xff", .get = "/t"), "payload is not valid UTF-8");
}

/* Points of one payload, of several formats even: a tree is made again only when it must be. */
static void test_several_points(void **state)
{
  static const char text[] = "[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]";
  struct cb_read_address addresses[] = {
      {.record = "a"}, {.record = "b"}, {.at = "/0/v", .format = CB_FORMAT_JSON}, {.record = "b"}};
  const int64_t expected[] = {1, 2, 1, 2};
  struct cb_payload payload = {.data = text, .size = strlen(text), .content = 110, .wall_us = NOW};
  char why[TT_PICK_WHY_SIZE];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(addresses); i++) {
    struct tt_point point = {.type = TT_TYPE_QUANTITY, .address = &addresses[i]};
    struct tt_value value;
    assert_int_equal(cb_payload_value(&payload, &point, &value, &stamp, why), 0);
    assert_int_equal(value.int64, expected[i]);
  }
  cb_payload_finish(&payload);
}

static void check_compose(struct cb_write_address address, struct tt_value value, const char *expected)
{
  char out[300] = "";
  TT_AUTOBUF struct tt_buf buf = TT_BUF(1000);
  enum cb_format format = cb_write_format(&address);
  assert_int_equal(cb_payload_compose(&address, &value, &buf), 0);
  for (size_t i = 0; i < buf.len; i++)
    sprintf(out + strlen(out), format == CB_FORMAT_CBOR || format == CB_FORMAT_SENML_CBOR ? "%02x" : "%c",
            (unsigned char)buf.data[i]);
  assert_string_equal(out, expected);
}

static void test_commands(void **state)
{
  struct tt_item hole = {.kind = TT_ITEM_SCALAR, .text = "${value}"}, *item = &hole;
  struct tt_item map = {.kind = TT_ITEM_MAP, .n = 1, .items = &item, .keys = (const char *[]){"on"}};
  (void)state;
  check_compose((struct cb_write_address){.put = "/a"}, TT_VALUE_INT64(40), "40");
  check_compose((struct cb_write_address){.put = "/a", .payload = "v=${value};"}, TT_VALUE_QUANTITY(1.5, 2),
                "v=1.50;");
  check_compose((struct cb_write_address){.put = "/a", .json = &map}, TT_VALUE_BOOLEAN(true), "{\"on\":true}");
  check_compose((struct cb_write_address){.put = "/a", .json = &map, .format = CB_FORMAT_CBOR},
                TT_VALUE_BOOLEAN(true), "a1626f6ef5");
  check_compose((struct cb_write_address){.put = "/a", .format = CB_FORMAT_JSON}, TT_VALUE_INT64(7), "7");
  check_compose((struct cb_write_address){.put = "/a", .format = CB_FORMAT_CBOR}, TT_VALUE_INT64(7), "07");
  check_compose((struct cb_write_address){.put = "/a", .record = "v"}, TT_VALUE_INT64(7),
                "[{\"n\":\"v\",\"v\":7}]");
  check_compose((struct cb_write_address){.put = "/a", .record = "v", .format = CB_FORMAT_SENML_CBOR},
                TT_VALUE_INT64(7), "81a20061760207");
  check_compose((struct cb_write_address){.delete = "/a"}, TT_VALUE_INT64(7), "");
}

static void test_options(void **state)
{
  uint8_t key[CB_PSK_MAX], method = 0;
  (void)state;
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = "secret"}, key), 6);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = "00fFa5", .psk_encoding = CB_PSK_HEX}, key), 3);
  assert_memory_equal(key, "\x00\xff\xa5", 3);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = "0g", .psk_encoding = CB_PSK_HEX}, key), 0);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = "\x10"
                                                             "0",
                                                      .psk_encoding = CB_PSK_HEX},
                                key),
                   0);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = "000", .psk_encoding = CB_PSK_HEX}, key), 0);
  char text[2 * CB_PSK_MAX + 3] = "";
  memset(text, 'a', CB_PSK_MAX + 1);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = text}, key), 0);
  text[CB_PSK_MAX] = 0;
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = text}, key), CB_PSK_MAX);
  memset(text, 'a', 2 * CB_PSK_MAX + 2);
  assert_int_equal(cb_psk_bytes(&(struct cb_security){.psk = text, .psk_encoding = CB_PSK_HEX}, key), 0);
  assert_string_equal(cb_write_path(&(struct cb_write_address){.post = "/b"}, &method), "/b");
  assert_int_equal(method, 2);
  assert_null(cb_write_path(&(struct cb_write_address){.post = "/b", .put = "/c"}, &method));
  assert_null(cb_write_path(&(struct cb_write_address){0}, &method));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_formats),           cmocka_unit_test(test_links),
      cmocka_unit_test(test_what_is_not_there), cmocka_unit_test(test_several_points),
      cmocka_unit_test(test_commands),          cmocka_unit_test(test_options),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
