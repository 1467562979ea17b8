/* SPDX-License-Identifier: Apache-2.0
 * zigbee2mqtt's own list of real devices, and what those sent (tests/data/mqtt): every key of a message that is in the
 * list becomes a value; the commands are those that zigbee2mqtt takes. */
#define _GNU_SOURCE
#include "exposes.h"

#include "described.h"
#include "model/convert.h"
#include "payload.h"

extern const struct tt_bridge_ops tt_bridge_mqtt;

static struct json_object *devices;

static int load(void **state TT_UNUSED)
{
  char *text TT_AUTOFREE = described_file("mqtt/z2m-bridge-devices.json");
  devices = json_tokener_parse(text);
  return devices ? 0 : -1;
}

static int unload(void **state TT_UNUSED)
{
  json_object_put(devices);
  return 0;
}

static struct described describe(const char *name)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  assert_int_equal(mqtt_exposes_describe(devices, "zigbee2mqtt", name, &out), 0);
  return described_load(&tt_bridge_mqtt, "url: \"mqtt://127.0.0.1\"", out.data);
}

static void describe_as(const char *json, const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct json_object *list = json_tokener_parse(json);
  assert_non_null(list);
  assert_int_equal(mqtt_exposes_describe(list, "z", "d", &out), 0);
  if (!strstr(out.data, expected))
    fail_msg("%s\nis not in\n%s", expected, out.data);
  json_object_put(list);
  struct described d = described_load(&tt_bridge_mqtt, "url: \"mqtt://127.0.0.1\"", out.data);
  described_unload(&d);
}

/* ---- Values ----------------------------------------------------------------------------------------------- */
/* What the message has at `at` of a point. */
static void say(struct tt_buf *out, const struct described *d, const char *topic, const char *text)
{
  struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
  for (size_t i = 0; i < d->device->n_points; i++) {
    const struct tt_point *p = &d->device->points[i];
    const struct mqtt_read_address *address = p->address;
    struct tt_value raw TT_AUTOVALUE = {0}, value TT_AUTOVALUE = {0};
    char why[TT_PICK_WHY_SIZE] = "";
    if (!address)
      continue;
    assert_int_equal(address->source.n, 1);
    const struct mqtt_source *source = address->source.items;
    assert_string_equal(source->topic, topic);
    int r = mqtt_payload_value(&payload, source, p, &raw, why);
    if (r == -ENODATA)
      continue;
    if (r == 0)
      r = tt_convert_from_raw(p, &raw, &value, why, sizeof why);
    if (r == -ENODATA) { /* "invalid" */
      tt_buf_printf(out, " %s=none", p->name);
      continue;
    }
    if (r < 0)
      fail_msg("%s: %s", p->name, why);
    tt_buf_printf(out, " %s=", p->name);
    tt_value_print(&value, out);
    tt_buf_printf(out, "%s%s", *p->unit ? " " : "", p->unit);
  }
  tt_buf_putc(out, '\n');
  mqtt_payload_finish(&payload);
}

static void test_messages(void **state TT_UNUSED)
{
  char *text TT_AUTOFREE = described_file("mqtt/z2m-messages.jsonl"), *rest = text, *line;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  const size_t skip = strlen("zigbee2mqtt/");
  while ((line = strsep(&rest, "\n")) && *line) {
    struct json_object *message = json_tokener_parse(line);
    const char *topic = json_object_get_string(json_object_object_get(message, "topic"));
    if (!strstr(topic, "/availability")) {
      struct described d = describe(topic + skip);
      tt_buf_printf(&out, "%s:", topic + skip);
      say(&out, &d, topic, json_object_get_string(json_object_object_get(message, "payload")));
      described_unload(&d);
    }
    json_object_put(message);
  }
  assert_string_equal(
      out.data,
      "Moes thermo: linkquality=196 child_lock=false max_temperature_limit=30 °C min_temperature_limit=5 °C "
      "current_heating_setpoint=50 °C local_temperature=28.5 °C system_mode=heat running_state=heat preset=hold "
      "sensor=IN\n"
      "Moes thermo: linkquality=201 child_lock=false max_temperature_limit=30 °C min_temperature_limit=5 °C "
      "current_heating_setpoint=50 °C local_temperature=28.5 °C system_mode=heat running_state=heat preset=hold "
      "sensor=IN\n"
      "Aqara switch T1: state=false power=0 W energy=0 kWh device_temperature=23 °C voltage=235.22 V current=0 A "
      "power_outage_memory=false led_disabled_night=false switch_type=toggle linkquality=207\n"
      "Window shutter: state=CLOSE position=0 % calibration_time=15 moving=STOP motor_reversal=false "
      "linkquality=147\n"
      "Inrr RGBCTT light: state=false brightness=1 color_temp=370 mired color_temp_startup=none "
      "color_x=0.4599 "
      "color_y=0.4106 color_hue=32 color_saturation=82 power_on_behavior=off linkquality=201\n"
      "Inrr RGBCTT light: state=false brightness=1 color_temp=370 mired color_temp_startup=none "
      "color_x=0.4599 "
      "color_y=0.4106 color_hue=32 color_saturation=82 power_on_behavior=off linkquality=190\n"
      "Window shutter: state=CLOSE position=0 % calibration_time=15 moving=STOP motor_reversal=false "
      "linkquality=141\n"
      "Aqara switch T1: state=false power=0 W energy=0 kWh device_temperature=23 °C voltage=235.22 V current=0 A "
      "power_outage_memory=false led_disabled_night=false switch_type=toggle linkquality=229\n"
      "Contact sensor: battery=77 % contact=false device_temperature=33 °C voltage=2965 mV power_outage_count=50 "
      "trigger_count=0 linkquality=255\n"
      "Contact sensor: battery=77 % contact=true device_temperature=33 °C voltage=2965 mV power_outage_count=50 "
      "trigger_count=0 linkquality=255\n"
      "Climate sensor: battery=37 % temperature=22.51 °C humidity=31.32 % pressure=1005.2 hPa voltage=2905 mV "
      "linkquality=255\n"
      "Climate sensor: battery=37 % temperature=22.51 °C humidity=32.8 % pressure=1005.1 hPa voltage=2905 mV "
      "linkquality=255\n"
      "Scenes button: battery=100 % voltage=3055 mV device_temperature=29 °C power_outage_count=34 action=single "
      "linkquality=114\n"
      "Scenes button: battery=100 % voltage=3055 mV device_temperature=29 °C power_outage_count=34 action=double "
      "linkquality=120\n");
}

/* ---- Commands --------------------------------------------------------------------------------------------- */
static void test_commands(void **state TT_UNUSED)
{
  static const struct {
    const char *device, *point, *value, *payload;
    enum tt_verify verify;
  } cases[] = {
      {"Aqara switch T1", "state", "true", "{\"state\":\"ON\"}", TT_VERIFY_REPORT},
      {"Aqara switch T1", "power_outage_memory", "true", "{\"power_outage_memory\":true}", TT_VERIFY_REPORT},
      {"Aqara switch T1", "switch_type", "momentary", "{\"switch_type\":\"momentary\"}", TT_VERIFY_REPORT},
      {"Moes thermo", "child_lock", "true", "{\"child_lock\":\"LOCK\"}", TT_VERIFY_REPORT},
      {"Moes thermo", "current_heating_setpoint", "21", "{\"current_heating_setpoint\":21}", TT_VERIFY_REPORT},
      {"Moes thermo", "system_mode", "off", "{\"system_mode\":\"off\"}", TT_VERIFY_REPORT},
      {"Window shutter", "position", "50", "{\"position\":50}", TT_VERIFY_NONE},
      {"Window shutter", "state", "STOP", "{\"state\":\"STOP\"}", TT_VERIFY_NONE},
      {"Inrr RGBCTT light", "brightness", "254", "{\"brightness\":254}", TT_VERIFY_REPORT},
      {"Inrr RGBCTT light", "color_hue", "120", "{\"color\":{\"hue\":120}}", TT_VERIFY_NONE},
      {"Inrr RGBCTT light", "color_hex", "#00FF00", "{\"color\":{\"hex\":\"#00FF00\"}}", TT_VERIFY_NONE},
      {"Inrr RGBCTT light", "effect", "blink", "{\"effect\":\"blink\"}", TT_VERIFY_NONE},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct described d = describe(cases[i].device);
    const struct tt_point *p = described_point(&d, cases[i].point);
    struct tt_value value TT_AUTOVALUE = {0}, raw TT_AUTOVALUE = {0};
    struct tt_buf out TT_AUTOBUF = TT_BUF(0), topic TT_AUTOBUF = TT_BUF(0);
    char why[200] = "";
    assert_non_null(p->write);
    const struct mqtt_write_address *address = p->write->address;
    assert_int_equal(tt_convert_parameter(p, TT_TYPE_NONE, cases[i].value, &value, NULL, why, sizeof why), 0);
    assert_int_equal(tt_convert_to_raw(p, &value, &raw, NULL, why, sizeof why), 0);
    assert_int_equal(mqtt_payload_compose(address, &raw, &out), 0);
    tt_buf_printf(&topic, "zigbee2mqtt/%s/set", cases[i].device);
    assert_string_equal(address->topic, topic.data);
    assert_string_equal(out.data, cases[i].payload);
    assert_int_equal(p->write->verify, cases[i].verify);
    described_unload(&d);
  }
}

static void test_limits(void **state TT_UNUSED)
{
  static const struct {
    const char *device, *point, *value;
  } refused[] = {
      {"Moes thermo", "current_heating_setpoint", "46"},
      {"Moes thermo", "current_heating_setpoint", "20.5"},
      {"Moes thermo", "system_mode", "cool"},
      {"Inrr RGBCTT light", "brightness", "255"},
      {"Window shutter", "position", "-1"},
  };
  for (size_t i = 0; i < TT_COUNT(refused); i++) {
    struct described d = describe(refused[i].device);
    struct tt_value value TT_AUTOVALUE = {0};
    char why[200] = "";
    int r = tt_convert_parameter(described_point(&d, refused[i].point), TT_TYPE_NONE, refused[i].value, &value,
                                 NULL, why, sizeof why);
    if (r == 0)
      fail_msg("%s took %s", refused[i].point, refused[i].value);
    described_unload(&d);
  }
}

/* Bits of access: who is asked, who is set, who only tells. */
static void test_access(void **state TT_UNUSED)
{
  struct described d = describe("Aqara switch T1");
  const struct tt_point *power = described_point(&d, "power"), *energy = described_point(&d, "energy");
  const struct mqtt_read_address *address = power->address;
  assert_string_equal(address->ask.topic, "zigbee2mqtt/Aqara switch T1/get");
  assert_string_equal(address->ask.payload, "{\"power\":\"\"}");
  assert_false(address->ask.start);
  assert_null(power->write);
  assert_int_equal(power->categories, TT_CATEGORY_STATUS); /* "diagnostic" */
  assert_int_equal(energy->categories, TT_CATEGORY_MOMENTARY);
  address = energy->address;
  assert_null(address->ask.topic);
  assert_string_equal(tt_label_for(&power->label, "en", ""), "Power");
  described_unload(&d);
  d = describe("0x00124b0023b86d16"); /* by address; it sleeps, so it is not asked although it may be */
  address = described_point(&d, "battery")->address;
  assert_null(address->ask.topic);
  described_unload(&d);
  d = describe("Moes thermo");
  assert_null(described_point(&d, "program_weekdays_p1_hour")->write); /* the rest of the program would be lost */
  assert_string_equal(described_point(&d, "program_weekdays_p1_hour")->ucum, "h");
  assert_string_equal(described_point(&d, "program_weekdays_p1_minute")->ucum, "min"); /* it says "m" */
  assert_string_equal(tt_label_for(&described_point(&d, "child_lock")->label, "en", ""), "child_lock");
  described_unload(&d);
  d = describe("Inrr RGBCTT light");
  assert_null(described_point(&d, "effect")->address);
  assert_null(described_point(&d, "color_x")->write);
  described_unload(&d);
}

static void test_about(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  assert_int_equal(mqtt_exposes_describe(devices, "zigbee2mqtt", "Climate sensor", &out), 0);
  assert_non_null(strstr(
      out.data, "\"about\":{\"vendor\":\"Aqara\",\"model\":\"WSDCGQ11LM\",\"label\":{\"en\":\"Climate sensor\"}}"));
}

/* ---- What is not there ------------------------------------------------------------------------------------ */
#define LIST(exposes_)                                                                                             \
  "[{\"friendly_name\":\"d\",\"ieee_address\":\"0x1\",\"definition\":{\"exposes\":" exposes_ "}}]"

static void test_odd_ones(void **state TT_UNUSED)
{
  describe_as(LIST("[]"), "\"points\":{}");
  describe_as(LIST("[{\"type\":\"numeric\",\"access\":1}, 3, null, {}]"), "\"points\":{}");
  describe_as(LIST("[{\"type\":\"numeric\",\"property\":\"a/~b\",\"access\":1}]"), "\"at\":\"/a~1~0b\"");
  describe_as(LIST("[{\"type\":\"binary\",\"property\":\"a\",\"access\":3,\"value_on\":\"X\"}]"),
              "\"a\":{\"type\":\"string\",\"source\":{\"topic\":\"z/d\"},\"at\":\"/a\"}");
  describe_as(LIST("[{\"type\":\"enum\",\"property\":\"a\",\"access\":3}]"), "\"a\":{\"type\":\"string\",");
  describe_as(LIST("[{\"type\":\"enum\",\"property\":\"a\",\"access\":2,\"values\":[1,2,2]}]"),
              "\"map\":{\"1\":\"1\",\"2\":\"2\"}");
  describe_as(LIST("[{\"type\":\"numeric\",\"property\":\"a\",\"access\":7,\"value_min\":10,\"value_max\":20,"
                   "\"presets\":[{\"name\":\"x\",\"value\":15},{\"value\":65535},{\"value\":-1.5},{},3]}]"),
              "\"invalid\":[65535,-1.5]");
  describe_as(LIST("[{\"type\":\"list\",\"property\":\"a\",\"access\":1}]"), "\"points\":{}");
  describe_as(LIST("[{\"type\":\"numeric\",\"property\":\"a\",\"access\":3,\"value_min\":5,\"value_max\":5}]"),
              "\"json\":{\"a\":\"${value}\"},\"verify\"");
  describe_as(LIST("[{\"type\":\"numeric\",\"property\":\"a\",\"access\":3,\"value_min\":0,\"value_max\":1,"
                   "\"value_step\":5}]"),
              "\"range\":[0,1]}");
  describe_as(
      LIST("[{\"type\":\"switch\",\"endpoint\":\"l1\",\"features\":[{\"type\":\"binary\",\"name\":\"state\","
           "\"property\":\"state_l1\",\"access\":7,\"value_on\":\"ON\",\"value_off\":\"OFF\"}]}]"),
      "\"state_l1\":{");
}

static void test_refused(void **state TT_UNUSED)
{
  static const struct {
    const char *json;
    int error;
  } cases[] = {
      {"{}", -EINVAL},
      {"[]", -ENOENT},
      {"[1, null, {\"friendly_name\": 3}]", -ENOENT},
      {"[{\"friendly_name\":\"d\"}]", -EINVAL},
      {"[{\"friendly_name\":\"d\",\"definition\":null}]", -EINVAL},
      {"[{\"friendly_name\":\"a+b\",\"ieee_address\":\"d\",\"definition\":{\"exposes\":[]}}]", -EINVAL},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    struct json_object *json = json_tokener_parse(cases[i].json);
    assert_int_equal(mqtt_exposes_describe(json, "z", "d", &out), cases[i].error);
    assert_int_equal(out.len, 0);
    json_object_put(json);
  }
}

/* ---- Candidates ------------------------------------------------------------------------------------------- */
static void on_candidate(void *user, const struct tt_candidate *c)
{
  struct tt_buf *out = user;
  tt_buf_printf(out, "%s %s %s %s %s:", c->id, c->name, c->vendor, c->model, c->uses);
  for (size_t i = 0; i < c->n_facts; i++)
    if (strcmp(c->facts[i].name, "base") == 0 || strcmp(c->facts[i].name, "name") == 0)
      tt_buf_printf(out, " %s=%s", c->facts[i].name, c->facts[i].value);
  tt_buf_putc(out, '\n');
}

static void test_candidates(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  unsigned lines = 0;
  mqtt_exposes_each(devices, "zigbee2mqtt", on_candidate, &out);
  for (const char *p = out.data; *p; p++)
    lines += *p == '\n';
  assert_int_equal(lines, 8); /* the coordinator is none */
  assert_memory_equal(
      out.data,
      "0x00158d000945f2b1 Climate sensor Aqara WSDCGQ11LM mqtt/zigbee2mqtt: base=zigbee2mqtt "
      "name=Climate sensor\n",
      strlen("0x00158d000945f2b1 Climate sensor Aqara WSDCGQ11LM mqtt/zigbee2mqtt: base=zigbee2mqtt "
             "name=Climate sensor\n"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_messages), cmocka_unit_test(test_commands),   cmocka_unit_test(test_limits),
      cmocka_unit_test(test_access),   cmocka_unit_test(test_about),      cmocka_unit_test(test_odd_ones),
      cmocka_unit_test(test_refused),  cmocka_unit_test(test_candidates),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
