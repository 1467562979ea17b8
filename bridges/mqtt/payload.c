/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing of payloads. */
#include "payload.h"

#include "common/compose.h"

#include <json-c/json.h>
#include <stdio.h>

void mqtt_payload_finish(struct mqtt_payload *payload)
{
  json_object_put(payload->json);
  *payload = (struct mqtt_payload){0};
}

static int parse(struct mqtt_payload *payload)
{
  if (!payload->is_parsed) {
    payload->is_parsed = true;
    payload->error = tt_pick_json_parse_max(
        payload->data, payload->size, payload->max ? payload->max : TT_PICK_SIZE_MAX, &payload->json, payload->why);
  }
  return payload->error;
}

int mqtt_payload_json(struct mqtt_payload *payload, struct json_object **ret)
{
  int r = parse(payload);
  if (r == 0)
    *ret = payload->json;
  return r;
}

static bool is_too_large(const struct mqtt_payload *payload, char *why)
{
  if (payload->full_size <= TT_PICK_SIZE_MAX)
    return false;
  snprintf(why, TT_PICK_WHY_SIZE, "payload of %zu bytes, more than %u", payload->full_size, TT_PICK_SIZE_MAX);
  return true;
}

int mqtt_payload_value(struct mqtt_payload *payload, const struct mqtt_source *source, const struct tt_point *point,
                       struct tt_value *ret, char why[static TT_PICK_WHY_SIZE])
{
  const struct mqtt_read_address *address = point->address;
  bool wants_number = tt_pick_wants_number(point);
  struct json_object *json;
  if (is_too_large(payload, why))
    return -EINVAL;
  if (payload->full_size == 0) /* how a retained message is deleted: the device says nothing */
    return -ENODATA;
  if (source->format == MQTT_TEXT)
    return tt_pick_text_value(payload->data, payload->size, wants_number, ret, why);
  int r = parse(payload);
  if (r < 0) {
    snprintf(why, TT_PICK_WHY_SIZE, "%s", payload->why);
    return r;
  }
  if (tt_pick_json_at(payload->json, source->root, &json) < 0 ||
      tt_pick_json_at(json, address->at ? address->at : "", &json) < 0)
    return -ENODATA;
  return tt_pick_json_value(json, wants_number, &address->shape, ret, why);
}

static bool is_word(const char *text, size_t n, const char *word)
{
  return word && strlen(word) == n && !memcmp(text, word, n);
}

enum tt_link_state mqtt_payload_available(struct mqtt_payload *payload, const struct mqtt_available *available)
{
  const char *text = payload->data;
  size_t n = payload->size;
  struct json_object *json;
  if (payload->full_size == 0 || payload->full_size > TT_PICK_SIZE_MAX)
    return TT_LINK_UNKNOWN;
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
    n--;
  if (!available->is_text) {
    if (parse(payload) < 0) {
      if (!available->otherwise_text)
        return TT_LINK_UNKNOWN;
      if (is_word(text, n, available->otherwise_text))
        return TT_LINK_ONLINE;
      return available->offline && !is_word(text, n, available->offline) ? TT_LINK_UNKNOWN : TT_LINK_OFFLINE;
    }
    if (tt_pick_json_at(payload->json, available->at, &json) < 0 || !json)
      return TT_LINK_UNKNOWN;
    text = json_object_get_string(json);
    n = strlen(text);
  }
  if (is_word(text, n, available->online))
    return TT_LINK_ONLINE;
  return available->offline && !is_word(text, n, available->offline) ? TT_LINK_UNKNOWN : TT_LINK_OFFLINE;
}

int mqtt_payload_compose(const struct mqtt_write_address *address, const struct tt_value *value, struct tt_buf *out)
{
  if (address->json)
    return tt_compose_json(address->json, value, out);
  return tt_compose_text(address->payload ? address->payload : TT_COMPOSE_VALUE, value, out);
}
