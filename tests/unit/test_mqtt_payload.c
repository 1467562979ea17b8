/* SPDX-License-Identifier: Apache-2.0
 * What messages say: real payloads of the fixtures (tests/data/mqtt/SOURCES.md), presence, commands. */
#include "payload.h"

#include "cmocka_all.h"

#include <json-c/json.h>
#include <stdio.h>

static const struct mqtt_source json_source = {.topic = "t", .format = MQTT_JSON, .root = ""};

/* The value as "type text", "missing", or the reason why not. */
static const char *value_of(const char *text, const struct mqtt_source *source, const char *at,
                            struct tt_pick_shape shape)
{
  static char out[300];
  struct mqtt_read_address address = {.at = at, .shape = shape};
  struct tt_point point = {.type = TT_TYPE_QUANTITY, .address = &address};
  struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
  char why[TT_PICK_WHY_SIZE] = "";
  struct tt_value value;
  int r = mqtt_payload_value(&payload, source, &point, &value, why);
  mqtt_payload_finish(&payload);
  if (r < 0) {
    snprintf(out, sizeof out, "%s", r == -ENODATA ? "missing" : why);
    return out;
  }
  TT_AUTOBUF struct tt_buf buf = TT_BUF(0);
  tt_value_print(&value, &buf);
  snprintf(out, sizeof out, "%s %s", tt_type_name(value.type), buf.data ? buf.data : "");
  tt_value_finish(&value);
  return out;
}

static const char *at(const char *text, const char *pointer)
{
  return value_of(text, &json_source, pointer, (struct tt_pick_shape){TT_PICK_FOLD_SUM, TT_PICK_FOLD_SUM});
}

/* The n-th message of this topic in a fixture (JSON lines); the caller frees. */
static char *fixture(const char *file, const char *topic, unsigned n)
{
  char path[4096], line[8192];
  snprintf(path, sizeof path, "%s/tests/data/mqtt/%s", getenv("TT_SOURCE_DIR"), file);
  FILE *f = fopen(path, "r");
  char *payload = NULL;
  assert_non_null(f);
  while (!payload && fgets(line, sizeof line, f)) {
    struct json_object *json = json_tokener_parse(line), *member;
    if (json_object_object_get_ex(json, "topic", &member) && !strcmp(json_object_get_string(member), topic) && !n--)
      payload = strdup(json_object_get_string(json_object_object_get(json, "payload")));
    json_object_put(json);
  }
  fclose(f);
  if (!payload)
    fail_msg("%s has no such message of %s", file, topic);
  return payload;
}

static void test_zigbee2mqtt(void **state)
{
  (void)state;
  char *climate = fixture("z2m-messages.jsonl", "zigbee2mqtt/Climate sensor", 0);
  assert_string_equal(at(climate, "/temperature"), "number 22.51");
  assert_string_equal(at(climate, "/humidity"), "number 31.32");
  assert_string_equal(at(climate, "/pressure"), "number 1005.2");
  assert_string_equal(at(climate, "/battery"), "int64 37");
  assert_string_equal(at(climate, "/occupancy"), "missing");
  free(climate);
  char *plug = fixture("z2m-messages.jsonl", "zigbee2mqtt/Aqara switch T1", 1);
  assert_string_equal(at(plug, "/state"), "string OFF");
  assert_string_equal(at(plug, "/voltage"), "number 235.22");
  assert_string_equal(at(plug, "/led_disabled_night"), "boolean false");
  free(plug);
}

static void test_tasmota(void **state)
{
  (void)state;
  static const char *const totals[] = {"number 1.2", "number 4.6", "number 4.6", "missing"};
  for (unsigned i = 0; i < TT_COUNT(totals); i++) {
    char *sensor = fixture("tasmota-messages.jsonl", "tele/tasmota_49A3BC/SENSOR", i);
    assert_string_equal(at(sensor, "/ENERGY/Total"), totals[i]);
    free(sensor);
  }
  char *wind = fixture("tasmota-messages.jsonl", "tele/tasmota_49A3BC/SENSOR", 4);
  assert_string_equal(at(wind, "/TX23/Speed/Act"), "number 12.3"); /* a number that came as text */
  free(wind);
  struct mqtt_source status = {.topic = "t", .format = MQTT_JSON, .root = "/StatusSNS"};
  char *answer = fixture("tasmota-messages.jsonl", "stat/tasmota_49A3BC/STATUS8", 0);
  assert_string_equal(value_of(answer, &status, "/ENERGY/Total", (struct tt_pick_shape){0}), "number 5.6");
  assert_string_equal(value_of("{\"x\":1}", &status, "/ENERGY/Total", (struct tt_pick_shape){0}), "missing");
  free(answer);
}

static void test_bad_payloads(void **state)
{
  (void)state;
  assert_string_equal(at("", "/x"), "missing"); /* a deleted retained message */
  assert_string_equal(at("{", "/x"), "payload is not JSON: it ends too early");
  assert_string_equal(at("{\"x\":[1,{}]}", "/x"), "the list has an element that is not a number");
  struct tt_point point = {.type = TT_TYPE_QUANTITY, .address = &(struct mqtt_read_address){.at = "/x"}};
  struct mqtt_payload payload = {.data = "", .full_size = 256u * 1024 * 1024};
  struct tt_value value;
  char why[TT_PICK_WHY_SIZE];
  assert_int_equal(mqtt_payload_value(&payload, &json_source, &point, &value, why), -EINVAL);
  assert_string_equal(why, "payload of 268435456 bytes, more than 65536");
}

static void test_presence(void **state)
{
  (void)state;
  enum { ON = TT_LINK_ONLINE, OFF = TT_LINK_OFFLINE, NO = TT_LINK_UNKNOWN };
  static const struct mqtt_available z2m = {.at = "/state", .online = "online", .otherwise_text = "online"};
  static const struct mqtt_available lwt = {.at = "", .online = "Online", .offline = "Offline", .is_text = true};
  static const struct mqtt_available strict = {.at = "/s", .online = "1", .offline = "0"};
  static const struct {
    const struct mqtt_available *available;
    const char *payload;
    int state;
  } table[] = {
      {&z2m, "{\"state\":\"online\"}", ON},
      {&z2m, "{\"state\":\"offline\"}", OFF},
      {&z2m, "{\"state\":\"sleeping\"}", OFF}, /* no word for offline: everything else is */
      {&z2m, "{\"other\":1}", NO},
      {&z2m, "{\"state\":null}", NO},
      {&z2m, "online", ON}, /* older firmware */
      {&z2m, "offline", OFF},
      {&z2m, "", NO},
      {&lwt, "Online", ON},
      {&lwt, "Online\n", ON},
      {&lwt, "Offline", OFF},
      {&lwt, "online", NO},
      {&strict, "{\"s\":1}", ON},
      {&strict, "{\"s\":\"0\"}", OFF},
      {&strict, "{\"s\":2}", NO},
      {&strict, "garbage", NO},
  };
  for (size_t i = 0; i < TT_COUNT(table); i++) {
    const char *text = table[i].payload;
    struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
    if ((int)mqtt_payload_available(&payload, table[i].available) != table[i].state)
      fail_msg("row %zu: %s", i, text);
    mqtt_payload_finish(&payload);
  }
}

static void test_commands(void **state)
{
  (void)state;
  struct tt_value on = {.type = TT_TYPE_STRING, .text = (char[]){"ON"}};
  struct tt_buf buf = TT_BUF(TT_PICK_SIZE_MAX);
  struct mqtt_write_address address = {.topic = "t"};
  assert_int_equal(mqtt_payload_compose(&address, &on, &buf), 0);
  assert_string_equal(buf.data, "ON");
  address.payload = "power=${value}";
  tt_buf_truncate(&buf, 0);
  assert_int_equal(mqtt_payload_compose(&address, &on, &buf), 0);
  assert_string_equal(buf.data, "power=ON");
  struct tt_item hole = {.kind = TT_ITEM_SCALAR, .text = "${value}"}, *items[] = {&hole};
  const char *keys[] = {"state"};
  struct tt_item map = {.kind = TT_ITEM_MAP, .n = 1, .items = items, .keys = keys};
  address.json = &map;
  tt_buf_truncate(&buf, 0);
  assert_int_equal(mqtt_payload_compose(&address, &on, &buf), 0);
  assert_string_equal(buf.data, "{\"state\":\"ON\"}");
  tt_buf_finish(&buf);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zigbee2mqtt), cmocka_unit_test(test_tasmota),  cmocka_unit_test(test_bad_payloads),
      cmocka_unit_test(test_presence),    cmocka_unit_test(test_commands),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
