/* SPDX-License-Identifier: Apache-2.0
 * Tasmota's discovery messages to descriptions. */
#include "tasmota.h"

#include "common/pick.h"
#include "common/portrait.h"
#include "topic.h"

#include <json-c/json.h>
#include <stdio.h>
#include <strings.h>

#define FULL_TOPIC_MAX 256
#define POINTER_MAX    400
#define NAME_MAX_      200
#define WITHIN         "5s"

enum prefix { CMND, STAT, TELE, PREFIXES };

struct tasmota {
  struct tt_portrait portrait;
  char topic[PREFIXES][FULL_TOPIC_MAX];       /* with the slash at the end */
  const char *off, *on;                       /* how it spells them */
  const char *temperature, *pressure, *speed; /* units */
  bool is_answering_apart;                    /* SetOption4: an answer comes at the name of its command */
};

static const char *text_of(struct json_object *map, const char *key, const char *otherwise)
{
  const char *text = tt_pick_json_text(map, key);
  return text && *text ? text : otherwise;
}

static struct json_object *element(struct json_object *map, const char *key, size_t i)
{
  struct json_object *list = tt_pick_json_member(map, key);
  return json_object_is_type(list, json_type_array) && i < json_object_array_length(list)
             ? json_object_array_get_idx(list, i)
             : NULL;
}

static const char *text_at(struct json_object *map, const char *key, size_t i, const char *otherwise)
{
  struct json_object *value = element(map, key, i);
  const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
  return text && *text ? text : otherwise;
}

static int64_t number_of(struct json_object *map, const char *key)
{
  struct json_object *value = tt_pick_json_member(map, key);
  return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

/* ---- Topics ----------------------------------------------------------------------------------------------- */
/* Is one level of the pattern the device's own name? An announcement says where commands go: without it, that could be
 * to another device. */
static bool has_own_level(const char *pattern)
{
  static const char *const own[] = {"%topic%", "%id%"};
  for (const char *level = pattern; level; level = strchr(level, '/')) {
    level += *level == '/';
    for (size_t i = 0; i < TT_COUNT(own); i++)
      if (strcspn(level, "/") == strlen(own[i]) && strncmp(level, own[i], strlen(own[i])) == 0)
        return true;
  }
  return false;
}

/* "%prefix%/%topic%/" with this device's words in it. */
static int full_topic(struct json_object *config, const char *prefix, char out[static FULL_TOPIC_MAX])
{
  const char *mac = text_of(config, "mac", ""), *pattern = text_of(config, "ft", "%prefix%/%topic%/");
  if (!has_own_level(pattern) || strchr(prefix, '/'))
    return -EINVAL;
  const struct {
    const char *token, *text;
  } tokens[] = {{"%prefix%", prefix},
                {"%topic%", text_of(config, "t", "")},
                {"%hostname%", text_of(config, "hn", "")},
                {"%id%", strlen(mac) > 6 ? mac + 6 : mac}};
  struct tt_buf buf TT_AUTOBUF = TT_BUF(FULL_TOPIC_MAX - 2);
  for (const char *p = pattern; *p;) {
    size_t i = 0;
    while (i < TT_COUNT(tokens) && strncmp(p, tokens[i].token, strlen(tokens[i].token)) != 0)
      i++;
    if (i < TT_COUNT(tokens)) {
      tt_buf_puts(&buf, tokens[i].text);
      p += strlen(tokens[i].token);
    } else {
      tt_buf_putc(&buf, *p++);
    }
  }
  if (buf.failed || buf.len == 0 || mqtt_topic_problem(buf.data))
    return -EINVAL;
  snprintf(out, FULL_TOPIC_MAX, "%s%s", buf.data, buf.data[buf.len - 1] == '/' ? "" : "/");
  return 0;
}

static int begin(struct tasmota *t, struct json_object *config)
{
  static const char *const words[PREFIXES] = {"cmnd", "stat", "tele"};
  if (!text_of(config, "t", NULL) || !text_of(config, "mac", NULL))
    return -EINVAL;
  for (size_t i = 0; i < PREFIXES; i++) {
    int r = full_topic(config, text_at(config, "tp", i, words[i]), t->topic[i]);
    if (r < 0)
      return r;
  }
  t->off = text_at(config, "state", 0, "OFF");
  t->on = text_at(config, "state", 1, "ON");
  t->is_answering_apart = number_of(tt_pick_json_member(config, "so"), "4") == 1;
  if (strcmp(t->off, t->on) == 0)
    return -EINVAL;
  return 0;
}

/* ---- What it does ----------------------------------------------------------------------------------------- */
static void add_source(const struct tasmota *t, struct json_object *list, enum prefix prefix, const char *leaf,
                       const char *key, const char *value)
{
  char topic[FULL_TOPIC_MAX + 64];
  struct json_object *source = json_object_new_object();
  snprintf(topic, sizeof topic, "%s%s", t->topic[prefix], leaf);
  tt_portrait_text(source, "topic", topic);
  if (key)
    tt_portrait_text(source, key, value);
  json_object_array_add(list, source);
}

static void add_topic(const struct tasmota *t, struct json_object *map, const char *leaf)
{
  char topic[FULL_TOPIC_MAX + 64];
  snprintf(topic, sizeof topic, "%s%s", t->topic[CMND], leaf);
  tt_portrait_text(map, "topic", topic);
}

/* A question is the command without a value. */
static void add_ask(const struct tasmota *t, struct json_object *point, const char *command, const char *payload)
{
  struct json_object *ask = json_object_new_object();
  add_topic(t, ask, command);
  if (payload)
    tt_portrait_text(ask, "payload", payload);
  tt_portrait_add(point, "ask", ask);
}

/* Something that the command `command` sets and that the state tells at `at`. */
static struct json_object *add_state(struct tasmota *t, const char *name, const char *at, const char *command)
{
  struct json_object *point = tt_portrait_point(&t->portrait, name), *list = json_object_new_array();
  if (!point) {
    json_object_put(list);
    return NULL;
  }
  add_source(t, list, STAT, "RESULT", NULL, NULL);
  add_source(t, list, TELE, "STATE", NULL, NULL);
  if (t->is_answering_apart && strncmp(command, "POWER", 5) != 0) { /* where text comes, too: add_relay() */
    char leaf[32];
    size_t n = strcspn(command, "0123456789");
    snprintf(leaf, sizeof leaf, "%.*s", (int)n, command);
    for (char *c = leaf; *c; c++)
      *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    add_source(t, list, STAT, leaf, NULL, NULL);
  }
  tt_portrait_text(point, "at", at);
  tt_portrait_add(point, "source", list);
  add_ask(t, point, command, NULL);
  struct json_object *write = json_object_new_object();
  add_topic(t, write, command);
  tt_portrait_add(point, "write", write);
  return point;
}

static void verify(struct json_object *point)
{
  struct json_object *write = tt_pick_json_member(point, "write");
  tt_portrait_text(write, "verify", "report");
  tt_portrait_text(write, "within", WITHIN);
}

static void add_relay(struct tasmota *t, struct json_object *config, size_t i, bool is_only)
{
  char command[16], name[16], at[20];
  snprintf(command, sizeof command, is_only ? "POWER" : "POWER%zu", i + 1);
  snprintf(name, sizeof name, is_only ? "relay" : "relay_%zu", i + 1);
  snprintf(at, sizeof at, "/%s", command);
  struct json_object *point = add_state(t, name, at, command);
  if (!point)
    return;
  struct json_object *map = json_object_new_object();
  tt_portrait_add(map, t->on, json_object_new_boolean(true));
  tt_portrait_add(map, t->off, json_object_new_boolean(false));
  tt_portrait_text(point, "type", "boolean");
  tt_portrait_add(point, "map", map);
  add_source(t, tt_pick_json_member(point, "source"), STAT, command, "format", "text");
  if (is_only) /* SetOption26: it has a number all the same */
    add_source(t, tt_pick_json_member(point, "source"), STAT, "POWER1", "format", "text");
  tt_portrait_label(point, text_at(config, "fn", i, name));
  verify(point);
}

static void add_number(struct tasmota *t, const char *name, const char *at, const char *command, const char *unit,
                       double max)
{
  struct json_object *point = add_state(t, name, at, command);
  tt_portrait_text(point, "type", "number");
  tt_portrait_unit(point, unit);
  tt_portrait_label(point, command);
  tt_portrait_range(tt_pick_json_member(point, "write"), strcmp(command, "CT") == 0 ? 153 : 0, max);
}

/* lt_st: 1 brightness, 2 two whites, 3 colours, 4 colours and white, 5 colours and two whites. */
static void add_light(struct tasmota *t, struct json_object *config)
{
  int64_t kind = number_of(config, "lt_st");
  if (kind >= 1)
    add_number(t, "dimmer", "/Dimmer", "Dimmer", "%", 100);
  if (kind == 2 || kind == 5)
    add_number(t, "color_temperature", "/CT", "CT", "mired", 500);
  if (kind >= 3) {
    struct json_object *point = add_state(t, "color", "/Color", "Color");
    tt_portrait_text(point, "type", "string");
    tt_portrait_label(point, "Color");
  }
}

static void add_shutter(struct tasmota *t, unsigned number)
{
  char name[24], at[32], command[24];
  snprintf(name, sizeof name, "shutter_%u", number);
  snprintf(at, sizeof at, "/Shutter%u/Position", number);
  snprintf(command, sizeof command, "ShutterPosition%u", number);
  add_number(t, name, at, command, "%", 100);
}

/* rl: 0 nothing, 1 a relay, 2 a light, 3 one of the two relays of a shutter. */
static void add_actuators(struct tasmota *t, struct json_object *config)
{
  int64_t kind[MQTT_TASMOTA_RELAYS_MAX] = {0};
  size_t n = 0, shutters = 0;
  bool has_light = false;
  for (size_t i = 0; i < MQTT_TASMOTA_RELAYS_MAX; i++) {
    struct json_object *relay = element(config, "rl", i);
    kind[i] = json_object_is_type(relay, json_type_int) ? json_object_get_int64(relay) : 0;
    n += kind[i] != 0;
  }
  for (size_t i = 0; i < MQTT_TASMOTA_RELAYS_MAX; i++) {
    if (kind[i] == 1 || kind[i] == 2)
      add_relay(t, config, i, n == 1);
    if (kind[i] == 3 && shutters++ % 2 == 0)
      add_shutter(t, (unsigned)(shutters / 2 + 1));
    has_light = has_light || kind[i] == 2;
  }
  if (has_light)
    add_light(t, config);
  if (number_of(config, "if") == 1)
    add_number(t, "fan_speed", "/FanSpeed", "FanSpeed", NULL, 3);
}

/* ---- What it measures ------------------------------------------------------------------------------------- */
/* By the last key of a path. `*`: in the unit that the device names beside the sensors. */
static const struct {
  const char *key, *unit;
  bool is_counter;
} quantities[] = {
    {"Temperature", "*T", false},
    {"DewPoint", "*T", false},
    {"Humidity", "%RH", false},
    {"Pressure", "*P", false},
    {"SeaPressure", "*P", false},
    {"Illuminance", "lx", false},
    {"Power", "W", false},
    {"ApparentPower", "VA", false},
    {"ReactivePower", "var", false},
    {"Voltage", "V", false},
    {"Current", "A", false},
    {"Frequency", "Hz", false},
    {"Total", "kWh", true},
    {"Today", "kWh", false},
    {"Yesterday", "kWh", false},
    {"Period", "Wh", false},
    {"ImportActive", "kWh", true},
    {"ExportActive", "kWh", true},
    {"ImportReactive", "kvarh", true},
    {"ExportReactive", "kvarh", true},
    {"TotalTariff", "kWh", true},
    {"ExportTariff", "kWh", true},
    {"Energy", "kWh", false},
    {"PhaseAngle", "deg", false},
    {"CarbonDioxide", "ppm", false},
    {"eCO2", "ppm", false},
    {"TVOC", "ppb", false},
    {"PM1", "ug/m3", false},
    {"PM2.5", "ug/m3", false},
    {"PM10", "ug/m3", false},
    {"Distance", "cm", false},
    {"Weight", "kg", false},
    {"Noise", "dB", false},
    {"Moisture", "%", false},
    {"Speed", "*S", false}, /* {Act: ..., Avg: ...} */
    {"Dir", "deg", false},
    {"Battery", "%", false},
    {"Ambient", "lx", false},
};

/* "TempUnit", "PressureUnit": about the others; "Time": of the message. */
static bool is_meta(const char *key)
{
  size_t n = strlen(key);
  return strcmp(key, "Time") == 0 || (n > 4 && strcmp(key + n - 4, "Unit") == 0);
}

static const char *unit_named(const struct tasmota *t, const char *unit)
{
  if (strcmp(unit, "*T") == 0)
    return *t->temperature == 'F' ? "°F" : "°C";
  if (strcmp(unit, "*P") == 0)
    return t->pressure;
  return strcmp(unit, "*S") == 0 ? t->speed : unit;
}

static bool is_number(const char *key, struct json_object *value)
{
  double number;
  bool is_name = strcmp(key, "Id") == 0 || strcmp(key, "Address") == 0;
  return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double) ||
         (json_object_is_type(value, json_type_string) && !is_name &&
          tt_double_parse(json_object_get_string(value), &number) == 0);
}

struct path {
  char pointer[POINTER_MAX], name[NAME_MAX_];
  const char *key, *above; /* the last that is no number, and the one above it */
  int depth;
};

static bool add_quantity(const struct tasmota *t, struct json_object *point, const char *key)
{
  size_t i = 0;
  while (i < TT_COUNT(quantities) && strcmp(quantities[i].key, key) != 0)
    i++;
  if (i == TT_COUNT(quantities))
    return false;
  tt_portrait_unit(point, unit_named(t, quantities[i].unit));
  if (quantities[i].is_counter)
    tt_portrait_add(point, "counter", json_object_new_boolean(true));
  return true;
}

static void add_sensor(struct tasmota *t, const struct path *path, struct json_object *value)
{
  struct json_object *point = tt_portrait_point(&t->portrait, path->name), *list = json_object_new_array();
  bool is_numeric = is_number(path->key, value);
  if (!point) {
    json_object_put(list);
    return;
  }
  add_source(t, list, TELE, "SENSOR", NULL, NULL);
  add_source(t, list, STAT, "STATUS8", "root", "/StatusSNS");
  add_source(t, list, STAT, "STATUS10", "root", "/StatusSNS");
  tt_portrait_text(point, "at", path->pointer);
  tt_portrait_add(point, "source", list);
  add_ask(t, point, "STATUS", "10");
  tt_portrait_text(point, "type", is_numeric ? "number" : "string");
  if (!is_numeric && strcmp(path->key, "Id") == 0)
    tt_portrait_text(point, "category", "identity");
  if (is_numeric && !add_quantity(t, point, path->key) && path->above)
    add_quantity(t, point, path->above); /* Total: {Phase1: ...} */
  tt_portrait_label(point, path->name);
}

/* One key further down; false: the path has become too long. */
static bool go_down(struct path *path, const char *key)
{
  size_t n = strlen(path->name);
  if (n + strlen(key) + 2 > sizeof path->name || !tt_pick_pointer_append(path->pointer, sizeof path->pointer, key))
    return false;
  snprintf(path->name + n, sizeof path->name - n, "%s%s", n ? " " : "", key);
  path->depth++;
  return true;
}

static void add_sensors(struct tasmota *t, const struct path *path, struct json_object *value)
{
  if (path->depth > MQTT_TASMOTA_DEPTH_MAX)
    return;
  if (json_object_is_type(value, json_type_object)) {
    json_object_object_foreach(value, key, below)
    {
      struct path inside = *path;
      inside.above = path->key;
      inside.key = key;
      if (!is_meta(key) && go_down(&inside, key))
        add_sensors(t, &inside, below);
    }
  } else if (json_object_is_type(value, json_type_array)) { /* one per channel or phase */
    size_t n = json_object_array_length(value);
    for (size_t i = 0; i < n && i < MQTT_TASMOTA_RELAYS_MAX; i++) {
      struct path inside = *path;
      size_t m = strlen(path->name);
      char index[24];
      snprintf(index, sizeof index, "%zu", i);
      if (!tt_pick_pointer_append(inside.pointer, sizeof inside.pointer, index))
        return;
      snprintf(inside.name + m, sizeof inside.name - m, " %zu", i + 1);
      inside.depth++;
      add_sensors(t, &inside, json_object_array_get_idx(value, i));
    }
  } else if (value && path->key) {
    add_sensor(t, path, value);
  }
}

/* ---- In and out ------------------------------------------------------------------------------------------- */
bool mqtt_tasmota_is(struct json_object *config, const char *name, char ret_mac[static MQTT_TASMOTA_MAC_MAX])
{
  const char *mac = text_of(config, "mac", ""), *topic = text_of(config, "t", "");
  bool is_plain = strspn(mac, "0123456789ABCDEFabcdef") == strlen(mac) && strlen(mac) < MQTT_TASMOTA_MAC_MAX;
  if (!*mac || !is_plain || (strcmp(topic, name) != 0 && strcasecmp(mac, name) != 0))
    return false;
  snprintf(ret_mac, MQTT_TASMOTA_MAC_MAX, "%s", mac);
  return true;
}

int mqtt_tasmota_describe(struct json_object *config, struct json_object *sensors, struct tt_buf *out)
{
  struct tasmota t = {0};
  struct path top = {0};
  struct json_object *sn = tt_pick_json_member(sensors, "sn");
  int r = begin(&t, config);
  if (r < 0)
    return r;
  t.temperature = text_of(sn, "TempUnit", "C");
  t.pressure = text_of(sn, "PressureUnit", "hPa");
  t.speed = text_of(sn, "SpeedUnit", "km/h");
  tt_portrait_init(&t.portrait);
  tt_portrait_about(&t.portrait, "vendor", "Tasmota");
  tt_portrait_about(&t.portrait, "model", text_of(config, "md", NULL));
  tt_portrait_about_label(&t.portrait, text_of(config, "dn", text_of(config, "t", NULL)));
  add_actuators(&t, config);
  add_sensors(&t, &top, sn);
  r = tt_portrait_print(&t.portrait, out);
  tt_portrait_finish(&t.portrait);
  return r;
}

void mqtt_tasmota_candidate(struct json_object *config, mqtt_candidate_fn fn, void *user)
{
  struct tasmota t = {0};
  char mac[MQTT_TASMOTA_MAC_MAX];
  if (begin(&t, config) < 0 || !mqtt_tasmota_is(config, text_of(config, "t", ""), mac))
    return;
  for (size_t i = 0; i < PREFIXES; i++)
    t.topic[i][strlen(t.topic[i]) - 1] = '\0';
  const struct tt_fact facts[] = {
      {"topic", text_of(config, "t", NULL)},
      {"tele", t.topic[TELE]},
      {"stat", t.topic[STAT]},
      {"cmnd", t.topic[CMND]},
      {"mac", mac},
      {"name", text_of(config, "dn", NULL)},
      {"model", text_of(config, "md", NULL)},
      {"ip", text_of(config, "ip", NULL)},
  };
  fn(user, &(struct tt_candidate){.id = mac,
                                  .name = text_of(config, "dn", NULL),
                                  .vendor = "Tasmota",
                                  .model = text_of(config, "md", NULL),
                                  .address = text_of(config, "ip", text_of(config, "t", NULL)),
                                  .facts = facts,
                                  .n_facts = TT_COUNT(facts),
                                  .uses = "mqtt/tasmota"});
}
