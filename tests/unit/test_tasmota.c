/* SPDX-License-Identifier: Apache-2.0
 * What Tasmota devices announce, and what they then send (tests/data/mqtt). */
#define _GNU_SOURCE
#include "tasmota.h"

#include "described.h"
#include "model/convert.h"
#include "payload.h"

extern const struct tt_bridge_ops tt_bridge_mqtt;

static char *describe_text(const char *config, const char *sensors)
{
  struct tt_buf out = TT_BUF(TT_DESCRIPTION_MAX);
  struct json_object *c = json_tokener_parse(config), *s = sensors ? json_tokener_parse(sensors) : NULL;
  assert_int_equal(mqtt_tasmota_describe(c, s, &out), 0);
  json_object_put(c);
  json_object_put(s);
  return tt_buf_steal(&out);
}

static struct described describe(const char *config, const char *sensors)
{
  char *text TT_AUTOFREE = describe_text(config, sensors);
  return described_load(&tt_bridge_mqtt, "url: \"mqtt://127.0.0.1\"", text);
}

static const struct mqtt_source *source(const struct tt_point *point, size_t i)
{
  const struct mqtt_read_address *address = point->address;
  assert_true(i < address->source.n);
  return (const struct mqtt_source *)address->source.items + i;
}

/* A message with the sensors, as tele/SENSOR brings it. */
static void say(struct tt_buf *out, const struct described *d, const char *text)
{
  struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
  for (size_t i = 0; i < d->device->n_points; i++) {
    const struct tt_point *p = &d->device->points[i];
    struct tt_value raw TT_AUTOVALUE = {0}, value TT_AUTOVALUE = {0};
    char why[TT_PICK_WHY_SIZE] = "";
    int r = mqtt_payload_value(&payload, source(p, 0), p, &raw, why);
    if (r == -ENODATA)
      continue;
    if (r == 0)
      r = tt_convert_from_raw(p, &raw, &value, why, sizeof why);
    if (r < 0)
      fail_msg("%s: %s", p->name, why);
    tt_buf_printf(out, "%s=", p->name);
    tt_value_print(&value, out);
    tt_buf_printf(out, "%s%s\n", *p->unit ? " " : "", p->unit);
  }
  mqtt_payload_finish(&payload);
}

static void test_meter(void **state TT_UNUSED)
{
  char *config TT_AUTOFREE = described_file("mqtt/tasmota-discovery-config.json"),
               *full TT_AUTOFREE = described_file("mqtt/tasmota-energy-full.json");
  struct tt_buf sensors TT_AUTOBUF = TT_BUF(0), out TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&sensors, "{\"sn\":%s,\"ver\":1}", full);
  struct described d = describe(config, sensors.data);
  say(&out, &d, full);
  assert_string_equal(out.data, "energy_total_start_time=2018-11-23T15:33:47\n"
                                "energy_total=0.017 kWh\n"
                                "energy_total_tariff_1=0.000 kWh\n"
                                "energy_total_tariff_2=0.017 kWh\n"
                                "energy_yesterday=0.000 kWh\n"
                                "energy_today=0.002 kWh\n"
                                "energy_export_active=0.000 kWh\n"
                                "energy_export_tariff_1=0.000 kWh\n"
                                "energy_export_tariff_2=0.000 kWh\n"
                                "energy_period=0.00 Wh\n"
                                "energy_power=0.00 W\n"
                                "energy_apparent_power=7.84 VA\n"
                                "energy_reactive_power=-7.21 var\n"
                                "energy_factor=0.39\n"
                                "energy_frequency=50.0 Hz\n"
                                "energy_voltage=234.31 V\n"
                                "energy_current=0.039 A\n"
                                "energy_import_active=12.580 kWh\n"
                                "energy_import_reactive=0.002 kvarh\n"
                                "energy_export_reactive=39.131 kvarh\n"
                                "energy_phase_angle=290.45 °\n");
  assert_true(described_point(&d, "energy_total")->is_counter);
  const struct tt_point *power = described_point(&d, "energy_power");
  assert_string_equal(source(power, 0)->topic, "tasmota_49A3BC/tele/SENSOR"); /* its FullTopic is turned round */
  assert_string_equal(source(power, 1)->topic, "tasmota_49A3BC/stat/STATUS8");
  assert_string_equal(source(power, 1)->root, "/StatusSNS");
  assert_string_equal(mqtt_point_ask(d.device, power)->topic, "tasmota_49A3BC/cmnd/STATUS");
  described_unload(&d);
}

/* Every message of the file describes itself, and is then understood. */
static void test_messages(void **state TT_UNUSED)
{
  char *text TT_AUTOFREE = described_file("mqtt/tasmota-messages.jsonl"), *rest = text, *line;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  while ((line = strsep(&rest, "\n")) && *line) {
    struct json_object *message = json_tokener_parse(line);
    const char *payload = json_object_get_string(json_object_object_get(message, "payload"));
    if (strstr(json_object_get_string(json_object_object_get(message, "topic")), "SENSOR")) {
      struct tt_buf sensors TT_AUTOBUF = TT_BUF(0);
      tt_buf_printf(&sensors, "{\"sn\":%s}", payload);
      struct described d = describe("{\"t\":\"x\",\"mac\":\"0A\"}", sensors.data);
      say(&out, &d, payload);
      described_unload(&d);
    }
    json_object_put(message);
  }
  assert_string_equal(out.data, "energy_total=1.2 kWh\n"
                                "energy_total_start_time=2018-11-23T15:33:47\n"
                                "energy_total_1=1.2 kWh\n"
                                "energy_total_2=3.4 kWh\n"
                                "energy_total_start_time=2018-11-23T15:33:47\n"
                                "energy_total_phase1=1.2 kWh\n"
                                "energy_total_phase2=3.4 kWh\n"
                                "energy_total_start_time=2018-11-23T15:33:47\n"
                                "energy_total_tariff_1=1.2 kWh\n"
                                "energy_total_tariff_2=3.4 kWh\n"
                                "tx23_speed_act=12.3 km/h\n"
                                "tx23_dir_card=WSW\n"
                                "ds18b20_id=01191ED79190\n"
                                "ds18b20_temperature=12.3 °C\n"
                                "analog_ct_energy1_energy=0.5 kWh\n"
                                "analog_ct_energy1_power=2300 W\n"
                                "analog_ct_energy1_voltage=230 V\n"
                                "analog_ct_energy1_current=10 A\n");
}

static void test_units_of_the_device(void **state TT_UNUSED)
{
  struct described d =
      describe("{\"t\":\"x\",\"mac\":\"0A\"}",
               "{\"sn\":{\"BME280\":{\"Temperature\":70,\"Pressure\":750,\"Id\":\"012\"},\"TempUnit\":"
               "\"F\",\"PressureUnit\":\"mmHg\"}}");
  assert_string_equal(described_point(&d, "bme280_temperature")->ucum, "[degF]");
  assert_string_equal(described_point(&d, "bme280_pressure")->ucum, "mm[Hg]");
  assert_int_equal(described_point(&d, "bme280_id")->type, TT_TYPE_STRING);
  assert_int_equal(d.device->n_points, 3);
  described_unload(&d);
}

/* Speed and direction of the wind have the same keys. */
static void test_wind(void **state TT_UNUSED)
{
  struct described d =
      describe("{\"t\":\"x\",\"mac\":\"0A\"}",
               "{\"sn\":{\"TX23\":{\"Speed\":{\"Act\":14.8,\"Avg\":8.5,\"Max\":14.8},\"Dir\":{\"Card\":\"WSW\","
               "\"Deg\":247.5,\"Avg\":266.1}},\"SpeedUnit\":\"m/s\"}}");
  assert_string_equal(described_point(&d, "tx23_speed_act")->ucum, "m/s");
  assert_string_equal(described_point(&d, "tx23_speed_avg")->ucum, "m/s");
  assert_string_equal(described_point(&d, "tx23_speed_max")->ucum, "m/s");
  assert_string_equal(described_point(&d, "tx23_dir_deg")->ucum, "deg");
  assert_string_equal(described_point(&d, "tx23_dir_avg")->ucum, "deg");
  assert_int_equal(described_point(&d, "tx23_dir_card")->type, TT_TYPE_STRING);
  described_unload(&d);
}

/* SetOption4: answers come at the name of the command. SetOption26: the only relay has a number. */
static void test_other_topics(void **state TT_UNUSED)
{
  struct described d = describe("{\"t\":\"x\",\"mac\":\"0A\",\"rl\":[2],\"lt_st\":1,\"so\":{\"4\":1}}", NULL);
  const struct tt_point *dimmer = described_point(&d, "dimmer"), *relay = described_point(&d, "relay");
  assert_string_equal(source(dimmer, 2)->topic, "stat/x/DIMMER");
  assert_int_equal(source(dimmer, 2)->format, MQTT_JSON);
  assert_string_equal(source(relay, 2)->topic, "stat/x/POWER");
  assert_string_equal(source(relay, 3)->topic, "stat/x/POWER1");
  assert_int_equal(source(relay, 3)->format, MQTT_TEXT);
  described_unload(&d);
  d = describe("{\"t\":\"x\",\"mac\":\"0A\",\"rl\":[3,3],\"so\":{\"4\":1}}", NULL);
  assert_string_equal(source(described_point(&d, "shutter_1"), 2)->topic, "stat/x/SHUTTERPOSITION");
  described_unload(&d);
}

/* ---- Commands --------------------------------------------------------------------------------------------- */
static void test_commands(void **state TT_UNUSED)
{
  static const struct {
    const char *config, *point, *value, *topic, *payload;
  } cases[] = {
      {"\"rl\":[1]", "relay", "true", "cmnd/x/POWER", "ON"},
      {"\"rl\":[1,1,0]", "relay_2", "false", "cmnd/x/POWER2", "OFF"},
      {"\"rl\":[1],\"state\":[\"AUS\",\"EIN\"]", "relay", "true", "cmnd/x/POWER", "EIN"},
      {"\"rl\":[2],\"lt_st\":5", "relay", "false", "cmnd/x/POWER", "OFF"},
      {"\"rl\":[2],\"lt_st\":5", "dimmer", "50", "cmnd/x/Dimmer", "50"},
      {"\"rl\":[2],\"lt_st\":2", "color_temperature", "153", "cmnd/x/CT", "153"},
      {"\"rl\":[2],\"lt_st\":3", "color", "FF0000", "cmnd/x/Color", "FF0000"},
      {"\"rl\":[3,3,3,3]", "shutter_2", "10", "cmnd/x/ShutterPosition2", "10"},
      {"\"if\":1", "fan_speed", "3", "cmnd/x/FanSpeed", "3"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_buf config TT_AUTOBUF = TT_BUF(0), out TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&config, "{\"t\":\"x\",\"mac\":\"0A\",%s}", cases[i].config);
    struct described d = describe(config.data, NULL);
    const struct tt_point *p = described_point(&d, cases[i].point);
    struct tt_value value TT_AUTOVALUE = {0}, raw TT_AUTOVALUE = {0};
    char why[200] = "";
    const struct mqtt_write_address *address = p->write->address;
    assert_int_equal(tt_convert_parameter(p, TT_TYPE_NONE, cases[i].value, &value, NULL, why, sizeof why), 0);
    assert_int_equal(tt_convert_to_raw(p, &value, &raw, NULL, why, sizeof why), 0);
    assert_int_equal(mqtt_payload_compose(address, &raw, &out), 0);
    assert_string_equal(address->topic, cases[i].topic);
    assert_string_equal(out.data, cases[i].payload);
    described_unload(&d);
  }
}

static void test_what_a_relay_says(void **state TT_UNUSED)
{
  struct described d = describe("{\"t\":\"x\",\"mac\":\"0A\",\"rl\":[1],\"fn\":[\"Lamp\"]}", NULL);
  const struct tt_point *relay = described_point(&d, "relay");
  static const char *const payloads[] = {"{\"POWER\":\"ON\"}", "{\"POWER\":\"ON\",\"Dimmer\":3}", "ON"};
  static const char *const topics[] = {"stat/x/RESULT", "tele/x/STATE", "stat/x/POWER"};
  assert_string_equal(tt_label_for(&relay->label, "en", ""), "Lamp");
  assert_string_equal(mqtt_point_ask(d.device, relay)->topic, "cmnd/x/POWER");
  for (size_t i = 0; i < TT_COUNT(topics); i++) {
    struct tt_value raw TT_AUTOVALUE = {0}, value TT_AUTOVALUE = {0};
    char why[TT_PICK_WHY_SIZE] = "";
    struct mqtt_payload payload = {
        .data = payloads[i], .size = strlen(payloads[i]), .full_size = strlen(payloads[i])};
    assert_string_equal(source(relay, i)->topic, topics[i]);
    assert_int_equal(mqtt_payload_value(&payload, source(relay, i), relay, &raw, why), 0);
    assert_int_equal(tt_convert_from_raw(relay, &raw, &value, why, sizeof why), 0);
    assert_true(value.type == TT_TYPE_BOOLEAN && value.boolean);
    mqtt_payload_finish(&payload);
  }
  described_unload(&d);
}

/* ---- What is none ----------------------------------------------------------------------------------------- */
static void test_refused(void **state TT_UNUSED)
{
  static const char *const configs[] = {
      "{}",
      "[]",
      "{\"t\":\"x\"}",
      "{\"mac\":\"0A\"}",
      "{\"t\":3,\"mac\":\"0A\"}",
      "{\"t\":\"a/#\",\"mac\":\"0A\"}",
      "{\"t\":\"x\",\"mac\":\"0A\",\"ft\":\"%prefix%/+/\"}",
      /* commands to somebody else */
      "{\"t\":\"x\",\"mac\":\"0A\",\"ft\":\"%prefix%/doorlock/\"}",
      "{\"t\":\"x\",\"mac\":\"0A\",\"ft\":\"%prefix%/doorlock%topic%/\"}",
      "{\"t\":\"x\",\"mac\":\"0A\",\"ft\":\"%prefix%/%hostname%/\",\"hn\":\"doorlock\"}",
      "{\"t\":\"x\",\"mac\":\"0A\",\"tp\":[\"cmnd/doorlock/POWER\"]}",
      "{\"t\":\"x\",\"mac\":\"0A\",\"state\":[\"A\",\"A\"]}",
  };
  for (size_t i = 0; i < TT_COUNT(configs); i++) {
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    struct json_object *json = json_tokener_parse(configs[i]);
    assert_int_equal(mqtt_tasmota_describe(json, NULL, &out), -EINVAL);
    json_object_put(json);
  }
}

static void test_whose_it_is(void **state TT_UNUSED)
{
  char mac[MQTT_TASMOTA_MAC_MAX];
  struct json_object *json = json_tokener_parse("{\"t\":\"x\",\"mac\":\"00AB\"}");
  assert_true(mqtt_tasmota_is(json, "x", mac));
  assert_string_equal(mac, "00AB");
  assert_true(mqtt_tasmota_is(json, "00AB", mac));
  assert_true(mqtt_tasmota_is(json, "00ab", mac));
  assert_string_equal(mac, "00AB");
  assert_false(mqtt_tasmota_is(json, "y", mac));
  json_object_put(json);
  json = json_tokener_parse("{\"t\":\"x\",\"mac\":\"../#\"}"); /* becomes part of a topic */
  assert_false(mqtt_tasmota_is(json, "x", mac));
  json_object_put(json);
}

static void on_candidate(void *user, const struct tt_candidate *c)
{
  struct tt_buf *out = user;
  tt_buf_printf(out, "%s %s %s %s %s %s", c->id, c->name, c->vendor, c->model, c->address, c->uses);
  for (size_t i = 0; i < c->n_facts; i++)
    tt_buf_printf(out, " %s=%s", c->facts[i].name, c->facts[i].value);
}

static void test_candidate(void **state TT_UNUSED)
{
  char *config TT_AUTOFREE = described_file("mqtt/tasmota-discovery-config.json");
  struct json_object *json = json_tokener_parse(config);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  mqtt_tasmota_candidate(json, on_candidate, &out);
  assert_string_equal(out.data, "00000049A3BC Tasmota Tasmota Sonoff Basic 192.168.15.10 mqtt/tasmota "
                                "topic=tasmota_49A3BC tele=tasmota_49A3BC/tele stat=tasmota_49A3BC/stat "
                                "cmnd=tasmota_49A3BC/cmnd mac=00000049A3BC name=Tasmota model=Sonoff Basic "
                                "ip=192.168.15.10");
  json_object_put(json);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_meter),
      cmocka_unit_test(test_messages),
      cmocka_unit_test(test_units_of_the_device),
      cmocka_unit_test(test_wind),
      cmocka_unit_test(test_other_topics),
      cmocka_unit_test(test_commands),
      cmocka_unit_test(test_what_a_relay_says),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_whose_it_is),
      cmocka_unit_test(test_candidate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
