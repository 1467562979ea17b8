/* SPDX-License-Identifier: Apache-2.0
 * How devices describe themselves over MQTT. */
#include "describe.h"

#include <json-c/json.h>
#include <stdio.h>
#include <uthash.h>

struct mqtt_told {
  UT_hash_handle hh;
  char key[];
};

void mqtt_told_destroy(struct mqtt_told *told)
{
  struct mqtt_told *one, *next;
  HASH_ITER(hh, told, one, next) {
    HASH_DEL(told, one);
    free(one);
  }
}

/* Which device, and what it is called there: neither may have changed. */
static void print_key(const struct mqtt_describer *d, struct tt_buf *out)
{
  tt_buf_printf(out, "%s\n%s\n%s", tt_device_config(d->device)->key, d->options->zigbee2mqtt, d->options->name);
}

bool mqtt_describer_is_told(const struct mqtt_describer *d)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  struct mqtt_told *found = NULL;
  if (!d->told || !d->options->zigbee2mqtt || tt_device_config(d->device)->n_points == 0)
    return false;
  print_key(d, &key);
  if (!key.failed)
    HASH_FIND_STR(*d->told, key.data, found);
  return found;
}

static void remember(struct mqtt_describer *d)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  struct mqtt_told *one = NULL;
  print_key(d, &key);
  if (!d->told || key.failed)
    return;
  HASH_FIND_STR(*d->told, key.data, one);
  if (one || !(one = calloc(1, sizeof *one + key.len + 1)))
    return;
  memcpy(one->key, key.data, key.len);
  HASH_ADD_STR(*d->told, key, one);
}

static int add_filter(struct mqtt_describer *d, const char *base, const char *below)
{
  char *filter = d->filters[d->n];
  if ((size_t)snprintf(filter, sizeof d->filters[0], "%s%s%s", base, *below ? "/" : "", below) >=
      sizeof d->filters[0])
    return -ENAMETOOLONG;
  d->n++;
  return 0;
}

int mqtt_describer_init(struct mqtt_describer *d, struct tt_device *device)
{
  const struct tt_device_config *config = tt_device_config(device);
  const struct mqtt_describe *options = &((const struct mqtt_device_options *)config->options)->describe;
  *d = (struct mqtt_describer){.told = d->told, .device = device, .options = options};
  if (options->zigbee2mqtt)
    return add_filter(d, options->zigbee2mqtt, MQTT_EXPOSES_DEVICES);
  if (options->tasmota)
    return add_filter(d, options->tasmota, "+/config");
  if (!options->explore)
    return 0;
  int r = mqtt_explorer_create(options->explore, config, &d->explorer);
  return r < 0 ? r : add_filter(d, options->explore, "");
}

void mqtt_describer_finish(struct mqtt_describer *d)
{
  json_object_put(d->config);
  json_object_put(d->sensors);
  mqtt_explorer_destroy(d->explorer);
  *d = (struct mqtt_describer){0};
}

bool mqtt_is_document(const char *topic, size_t n)
{
  static const char end[] = "/" MQTT_EXPOSES_DEVICES;
  return n >= sizeof end - 1 && memcmp(topic + n - (sizeof end - 1), end, sizeof end - 1) == 0;
}

/* A result of describing, and the text of it when it is 0. */
static void tell(struct mqtt_describer *d, int r, const struct tt_buf *text)
{
  const char *key = tt_device_config(d->device)->key;
  if (r == 0)
    r = tt_describe(d->device, text->data, text->len);
  d->silent_us = 0;
  if (r == 0 && d->is_lacking) {
    d->is_lacking = false;
    tt_device_link(d->device, TT_LINK_UNKNOWN, NULL);
  }
  if (r < 0 && !d->has_failed) /* once, however often it is sent */
    tt_bridge_log(tt_device_bridge(d->device), TT_LOG_WARNING, "%s: its description cannot be used: %s", key,
                  r == -EMSGSIZE ? "it is too large" : strerror(-r));
  d->has_failed = r < 0;
}

/* ---- zigbee2mqtt ------------------------------------------------------------------------------------------ */
static void hear_devices(struct mqtt_describer *d, struct json_object *json)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  int r = mqtt_exposes_describe(json, d->options->zigbee2mqtt, d->options->name, &text);
  bool is_list = json_object_is_type(json, json_type_array);
  bool has_points = tt_device_config(d->device)->n_points > 0;
  if (r == -ENOENT || (r == -EINVAL && is_list && !has_points)) {
    d->is_lacking = true;
    d->silent_us = 0;
    tt_device_link(d->device, TT_LINK_OFFLINE,
                   r == -ENOENT ? "%s has no device \"%s\""
                                : "%s does not say what \"%s\" can do: is it supported, and its interview over?",
                   d->options->zigbee2mqtt, d->options->name);
    return;
  }
  if (d->is_lacking)
    tt_device_link(d->device, TT_LINK_UNKNOWN, NULL);
  d->is_lacking = false;
  if (r == 0)
    remember(d);
  tell(d, r, &text);
}

/* ---- Tasmota ---------------------------------------------------------------------------------------------- */
static void keep(struct json_object **place, struct json_object *json)
{
  json_object_put(*place);
  *place = json_object_get(json);
}

static bool hear_tasmota(struct mqtt_describer *d, size_t number, struct json_object *json)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  bool is_new = false;
  if (number == 0) {
    if (!mqtt_tasmota_is(json, d->options->name, d->mac))
      return false;
    keep(&d->config, json);
    if (d->n == 1) {
      char below[MQTT_TASMOTA_MAC_MAX + 16];
      snprintf(below, sizeof below, "%s/sensors", d->mac);
      is_new = add_filter(d, d->options->tasmota, below) == 0;
    }
  } else {
    keep(&d->sensors, json);
  }
  if (!d->config || is_new) /* with its sensors, which come at once when it has any */
    d->due_us = is_new ? tt_bridge_now(tt_device_bridge(d->device)).mono_us + MQTT_EXPLORE_FIRST_US : 0;
  else
    mqtt_describer_tell(d);
  return is_new;
}

/* ---- Messages --------------------------------------------------------------------------------------------- */
bool mqtt_describer_hear(struct mqtt_describer *d, size_t number, const char *topic, size_t n,
                         struct mqtt_payload *payload)
{
  struct json_object *json;
  if (d->explorer) {
    uint64_t now = tt_bridge_now(tt_device_bridge(d->device)).mono_us;
    bool is_first = tt_device_config(d->device)->n_points == 0;
    if (mqtt_explorer_hear(d->explorer, topic, n, payload) && !d->due_us)
      d->due_us = now + (is_first ? MQTT_EXPLORE_FIRST_US : MQTT_EXPLORE_EVERY_US);
    return false;
  }
  if (payload->full_size == 0) /* withdrawn: the device is kept as it was */
    return false;
  if (payload->full_size > payload->size || mqtt_payload_json(payload, &json) < 0) {
    if (d->options->tasmota && number == 0) /* of whichever device: nobody can tell */
      return false;
    tell(d, payload->full_size > payload->size ? -EMSGSIZE : -EINVAL, NULL);
    return false;
  }
  if (d->options->zigbee2mqtt) {
    hear_devices(d, json);
    return false;
  }
  return hear_tasmota(d, number, json);
}

void mqtt_describer_tell(struct mqtt_describer *d)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(TT_DESCRIPTION_MAX);
  int r = d->explorer ? mqtt_explorer_describe(d->explorer, &text)
                      : mqtt_tasmota_describe(d->config, d->sensors, &text);
  d->due_us = 0;
  tell(d, r, &text);
}

void mqtt_describer_expect(struct mqtt_describer *d, uint64_t now_us)
{
  bool has_points = tt_device_config(d->device)->n_points > 0;
  d->silent_us = d->n > 0 && !has_points ? now_us + MQTT_DESCRIBE_PATIENCE_US : 0;
}

void mqtt_describer_miss(struct mqtt_describer *d)
{
  d->silent_us = 0;
  d->is_lacking = true;
  if (d->options->tasmota)
    tt_device_link(d->device, TT_LINK_OFFLINE, "no Tasmota device \"%s\" announces itself at %s", d->options->name,
                   d->filters[0]);
  else
    tt_device_link(d->device, TT_LINK_OFFLINE, "nothing has come at %s yet, which would say what it has",
                   d->filters[0]);
}
