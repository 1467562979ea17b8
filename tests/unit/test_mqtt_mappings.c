/* SPDX-License-Identifier: Apache-2.0
 * The mappings that come with thingtree, loaded as they are, against what real devices sent (tests/data/mqtt): each message
 * of the files in order, and what becomes of it; and the commands that they make. */
#define _GNU_SOURCE
#include "cmocka_all.h"
#include "config/config.h"
#include "exposes.h"
#include "model/convert.h"
#include "payload.h"
#include "tasmota.h"
#include "topic.h"

#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

extern const struct tt_bridge_ops tt_bridge_mqtt;

static struct tt_config *config;

static const char *source_dir(void)
{
  const char *dir = getenv("TT_SOURCE_DIR");
  return dir ? dir : ".";
}

static const struct tt_bridge_ops *find_mqtt(void *user TT_UNUSED, const char *protocol)
{
  return strcmp(protocol, "mqtt") == 0 ? &tt_bridge_mqtt : NULL;
}

static int load(void **state TT_UNUSED)
{
  char dir[] = "/tmp/tt-mappings-XXXXXX", path[64], shipped[512], link[64];
  struct tt_diags *diags = NULL;
  static const char *const names[] = {"mqtt", NULL};
  if (!mkdtemp(dir))
    return -1;
  snprintf(path, sizeof path, "%s/thingtree.yaml", dir);
  snprintf(shipped, sizeof shipped, "%s/mappings/mqtt", source_dir());
  snprintf(link, sizeof link, "%s/mqtt", dir);
  FILE *file = fopen(path, "w");
  if (!file || symlink(shipped, link) < 0) /* the mappings of other bridges are not for this test */
    return -1;
  fprintf(file,
          "languages: [en, sv]\n"
          "connections: {broker: {protocol: mqtt, url: \"mqtt://127.0.0.1\"}}\n"
          "mappings: %s\n"
          "devices:\n"
          "  climate: {uses: mqtt/zigbee2mqtt-climate, connection: broker, with: {name: Climate sensor}}\n"
          "  switch: {uses: mqtt/zigbee2mqtt-switch, connection: broker, with: {name: Aqara switch T1}}\n"
          "  plug: {uses: mqtt/tasmota-plug, connection: broker, with: {topic: tasmota_49A3BC}}\n"
          "  zigbee: {uses: mqtt/zigbee2mqtt, connection: broker, with: {base: other, name: x}}\n"
          "  tasmota: {uses: mqtt/tasmota, connection: broker, with: {topic: other}}\n"
          "  any: {uses: mqtt/any, connection: broker, with: {topic: \"other/#\"}}\n",
          dir);
  fclose(file);
  struct tt_config_env env = {.file = path, .bridge = find_mqtt, .names = names, .with_mappings = true};
  int r = tt_config_load(&env, &config, &diags);
  unlink(path);
  unlink(link);
  rmdir(dir);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  if (r == 0)
    tt_diags_render(diags, false, &out);
  tt_diags_destroy(diags);
  if (out.len)
    print_error("%s", out.data);
  return r == 0 && out.len == 0 && config->n_devices == 6 ? 0 : -1;
}

static int unload(void **state TT_UNUSED)
{
  tt_config_destroy(config);
  return 0;
}

static const struct tt_device_config *device(const char *key)
{
  for (size_t i = 0; i < config->n_devices; i++)
    if (strcmp(config->devices[i].config.key, key) == 0)
      return &config->devices[i].config;
  fail_msg("no device %s", key);
  return NULL;
}

static const struct tt_point *point(const char *key, const char *name)
{
  const struct tt_device_config *d = device(key);
  for (size_t i = 0; i < d->n_points; i++)
    if (strcmp(d->points[i].name, name) == 0)
      return &d->points[i];
  fail_msg("no point %s", name);
  return NULL;
}

/* ---- What a message says ---------------------------------------------------------------------------------- */

static void say_point(struct tt_buf *out, const struct tt_point *p, const struct mqtt_source *source,
                      struct mqtt_payload *payload)
{
  struct tt_value raw TT_AUTOVALUE = {0}, value TT_AUTOVALUE = {0};
  char why[TT_PICK_WHY_SIZE] = "";
  int r = mqtt_payload_value(payload, source, p, &raw, why);
  if (r == -ENODATA)
    return; /* `missing: keep` */
  if (r == 0)
    r = tt_convert_from_raw(p, &raw, &value, why, sizeof why);
  tt_buf_printf(out, " %s=", p->name);
  if (r < 0)
    tt_buf_printf(out, "(%s)", why);
  else
    tt_value_print(&value, out);
  tt_buf_printf(out, "%s%s", *p->unit && r == 0 ? " " : "", r == 0 ? p->unit : "");
}

static void say(struct tt_buf *out, const struct tt_device_config *d, const char *topic, const char *text)
{
  static const char *const states[] = {
      [TT_LINK_UNKNOWN] = "unknown", [TT_LINK_ONLINE] = "online", [TT_LINK_OFFLINE] = "offline"};
  const struct mqtt_device_options *options = d->options;
  const struct mqtt_available *available = options->available.items;
  struct mqtt_payload payload = {.data = text, .size = strlen(text), .full_size = strlen(text)};
  size_t before = out->len;
  tt_buf_printf(out, "%s:", d->key);
  size_t n = out->len;
  for (size_t i = 0; i < options->available.n; i++)
    if (mqtt_filter_matches(available[i].topic, topic, strlen(topic)))
      tt_buf_printf(out, " %s", states[mqtt_payload_available(&payload, &available[i])]);
  bool is_heard = out->len > n;
  for (size_t i = 0; i < d->n_points; i++) {
    const struct tt_list *list = mqtt_point_sources(d, &d->points[i]);
    const struct mqtt_source *source = list->items;
    for (size_t k = 0; mqtt_point_is_read(d, &d->points[i]) && k < list->n; k++)
      if (mqtt_filter_matches(source[k].topic, topic, strlen(topic))) {
        is_heard = true;
        say_point(out, &d->points[i], &source[k], &payload);
      }
  }
  mqtt_payload_finish(&payload);
  if (is_heard)
    tt_buf_puts(out, out->len > n ? "\n" : " nothing\n");
  else
    tt_buf_truncate(out, before);
}

static void say_to_all(struct tt_buf *out, const char *topic, const char *payload)
{
  for (size_t i = 0; i < config->n_devices; i++)
    say(out, &config->devices[i].config, topic, payload);
}

/* Every message of a file, in order. */
static void hear_file(const char *name, const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0), path TT_AUTOBUF = TT_BUF(0);
  char *line TT_AUTOFREE = NULL;
  size_t room = 0;
  tt_buf_printf(&path, "%s/tests/data/mqtt/%s", source_dir(), name);
  FILE *file = fopen(path.data, "r");
  assert_non_null(file);
  while (getline(&line, &room, file) > 0) {
    struct json_object *message = json_tokener_parse(line);
    assert_non_null(message);
    say_to_all(&out, json_object_get_string(json_object_object_get(message, "topic")),
               json_object_get_string(json_object_object_get(message, "payload")));
    json_object_put(message);
  }
  fclose(file);
  assert_string_equal(out.data, expected);
}

static void hear(const char *topic, const char *payload, const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  say_to_all(&out, topic, payload);
  assert_string_equal(out.data ? out.data : "", expected);
}

static void test_zigbee2mqtt(void **state TT_UNUSED)
{
  hear_file("z2m-messages.jsonl",
            "climate: online\n"
            "switch: online\n"
            "switch: state=false power=0 W voltage=235.22 V energy=0 kWh temperature=23 °C link=207\n"
            "switch: state=false power=0 W voltage=235.22 V energy=0 kWh temperature=23 °C link=229\n"
            "climate: temperature=22.51 °C humidity=31.32 % pressure=1005.2 hPa battery=37 % link=255\n"
            "climate: temperature=22.51 °C humidity=32.80 % pressure=1005.1 hPa battery=37 % link=255\n");
}

static void test_zigbee2mqtt_presence(void **state TT_UNUSED)
{
  hear("zigbee2mqtt/Climate sensor/availability", "{\"state\":\"offline\"}", "climate: offline\n");
  hear("zigbee2mqtt/Climate sensor/availability", "online", "climate: online\n"); /* before 1.32 */
  hear("zigbee2mqtt/bridge/state", "{\"state\":\"offline\"}", "climate: offline\nswitch: offline\n");
  hear("zigbee2mqtt/bridge/state", "online", "climate: online\nswitch: online\n");
  hear("zigbee2mqtt/Climate sensor", "{\"temperature\":null,\"battery\":12}", "climate: battery=12 %\n");
}

/* Total is a number, a list (one per channel) or an object (one per phase); messages of other sensors say nothing. */
static void test_tasmota(void **state TT_UNUSED)
{
  hear_file("tasmota-messages.jsonl", "plug: online\n"
                                      "plug: offline\n"
                                      "plug: energy=1.2 kWh\n"
                                      "plug: energy=4.6 kWh\n"
                                      "plug: energy=4.6 kWh\n"
                                      "plug: nothing\n"
                                      "plug: nothing\n"
                                      "plug: nothing\n"
                                      "plug: nothing\n"
                                      "plug: energy=5.6 kWh\n"
                                      "plug: nothing\n");
}

static void test_tasmota_plug(void **state TT_UNUSED)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0);
  char text[2000];
  tt_buf_printf(&path, "%s/tests/data/mqtt/tasmota-energy-full.json", source_dir());
  FILE *file = fopen(path.data, "r");
  assert_non_null(file);
  size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = '\0';
  hear("tele/tasmota_49A3BC/SENSOR", text,
       "plug: power=0.00 W voltage=234.31 V current=0.039 A energy=0.017 kWh\n");
  hear("stat/tasmota_49A3BC/POWER", "ON", "plug: relay=true\n");
  hear("stat/tasmota_49A3BC/POWER", "OFF", "plug: relay=false\n");
  hear("tele/tasmota_49A3BC/LWT", "", "plug: unknown\n"); /* three states: neither word */
}

/* Those without points: what they say of themselves is where they say it. */
static void test_self_description(void **state TT_UNUSED)
{
  const struct mqtt_device_options *options = device("zigbee")->options;
  assert_string_equal(options->describe.zigbee2mqtt, "other");
  assert_string_equal(options->describe.name, "x");
  assert_int_equal(options->available.n, 2);
  options = device("tasmota")->options;
  assert_string_equal(options->describe.tasmota, "tasmota/discovery");
  assert_string_equal(options->describe.name, "other");
  options = device("any")->options;
  assert_string_equal(options->describe.explore, "other/#");
  assert_int_equal(device("any")->n_points, 0);
}

/* ---- Commands --------------------------------------------------------------------------------------------- */

static void test_commands(void **state TT_UNUSED)
{
  static const struct {
    const char *device, *point, *value, *topic, *payload;
  } cases[] = {
      {"plug", "relay", "true", "cmnd/tasmota_49A3BC/POWER", "ON"},
      {"plug", "relay", "0", "cmnd/tasmota_49A3BC/POWER", "OFF"},
      {"switch", "state", "true", "zigbee2mqtt/Aqara switch T1/set", "{\"state\":\"ON\"}"},
      {"switch", "state", "false", "zigbee2mqtt/Aqara switch T1/set", "{\"state\":\"OFF\"}"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const struct tt_point *p = point(cases[i].device, cases[i].point);
    struct tt_value value TT_AUTOVALUE = {0}, raw TT_AUTOVALUE = {0};
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    char why[200] = "";
    const struct mqtt_write_address *address = p->write->address;
    assert_int_equal(tt_convert_parameter(p, TT_TYPE_NONE, cases[i].value, &value, NULL, why, sizeof why), 0);
    assert_int_equal(tt_convert_to_raw(p, &value, &raw, NULL, why, sizeof why), 0);
    assert_int_equal(mqtt_payload_compose(address, &raw, &out), 0);
    assert_string_equal(address->topic, cases[i].topic);
    assert_string_equal(out.data, cases[i].payload);
    assert_false(address->retain);
    assert_int_equal(p->write->verify, TT_VERIFY_REPORT);
    assert_int_equal(p->write->within_us, 3 * TT_USEC_PER_SEC);
  }
}

/* What makes a device tell its values; the relay has a question of its own, for STATUS 8 does not have it. */
static void test_questions(void **state TT_UNUSED)
{
  const struct mqtt_ask *ask = mqtt_point_ask(device("plug"), point("plug", "power"));
  assert_string_equal(ask->topic, "cmnd/tasmota_49A3BC/STATUS");
  assert_string_equal(ask->payload, "8");
  ask = mqtt_point_ask(device("plug"), point("plug", "relay"));
  assert_string_equal(ask->topic, "cmnd/tasmota_49A3BC/POWER");
  assert_null(ask->payload);
  ask = mqtt_point_ask(device("switch"), point("switch", "power"));
  assert_string_equal(ask->topic, "zigbee2mqtt/Aqara switch T1/get");
  assert_null(mqtt_point_ask(device("climate"), point("climate", "temperature"))); /* it sleeps */
}

/* A mapping that fits needs nothing that the list does not tell. */
static void on_candidate(void *user, const struct tt_candidate *candidate)
{
  const struct tt_mapping_config *m = tt_match_best(config, "mqtt", candidate);
  const char *expected = strcmp(candidate->name, "Climate sensor") == 0    ? "mqtt/zigbee2mqtt-climate"
                         : strcmp(candidate->name, "Aqara switch T1") == 0 ? "mqtt/zigbee2mqtt-switch"
                                                                           : NULL;
  ++*(size_t *)user;
  assert_string_equal(m ? m->name : "", expected ? expected : "");
  for (size_t i = 0; m && i < m->n_params; i++)
    assert_non_null(tt_candidate_fact(candidate, m->params[i].name));
}

/* Whom they fit among all devices that were announced; the others describe themselves. */
static void test_whom_they_fit(void **state TT_UNUSED)
{
  size_t n = 0;
  char path[512];
  snprintf(path, sizeof path, "%s/tests/data/mqtt/z2m-bridge-devices.json", source_dir());
  json_object *devices = json_object_from_file(path);
  assert_non_null(devices);
  mqtt_exposes_each(devices, "zigbee2mqtt", on_candidate, &n);
  json_object_put(devices);
  assert_int_equal(n, 8);
  snprintf(path, sizeof path, "%s/tests/data/mqtt/tasmota-discovery-config.json", source_dir());
  json_object *plug = json_object_from_file(path);
  assert_non_null(plug);
  mqtt_tasmota_candidate(plug, on_candidate, &n);
  json_object_put(plug);
  assert_int_equal(n, 9);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zigbee2mqtt),      cmocka_unit_test(test_zigbee2mqtt_presence),
      cmocka_unit_test(test_tasmota),          cmocka_unit_test(test_tasmota_plug),
      cmocka_unit_test(test_commands),         cmocka_unit_test(test_questions),
      cmocka_unit_test(test_self_description), cmocka_unit_test(test_whom_they_fit),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
