/* SPDX-License-Identifier: Apache-2.0
 * A hostile broker: any topic against filters, any payload against sources, availabilities and shapes, and as the words of
 * a device about itself. The first byte chooses the options, the next says how long the topic is. */
#include "explore.h"
#include "tasmota.h"
#include "topic.h"

#include <assert.h>
#include <json-c/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_topic(const char *topic, size_t n)
{
  static const char *const filters[] = {"#", "+", "a/+/c", "a/#", "+/+/#", "$SYS/#", "a/b", "/+"};
  for (size_t i = 0; i < TT_COUNT(filters); i++)
    mqtt_filter_matches(filters[i], topic, n);
  char *text = strndup(topic, n); /* the same bytes as a filter: a good one matches itself when it is a topic */
  if (!mqtt_topic_problem(text)) {
    assert(!mqtt_filter_problem(text));
    assert(mqtt_filter_matches(text, text, strlen(text)));
    assert(mqtt_filter_matches("#", text, strlen(text)) == (*text != '$'));
  }
  tt_pick_pointer_problem(text);
  free(text);
}

static void fuzz_value(struct mqtt_payload *payload, uint8_t choice)
{
  static const char *const at[] = {"", "/a", "/a/0", "/~1/~0"}, *const roots[] = {"", "/a"};
  struct mqtt_source source = {.topic = "t", .format = choice & 1, .root = roots[choice >> 1 & 1]};
  struct mqtt_read_address address = {.at = at[choice >> 2 & 3], .shape = {(choice >> 4) % 5, (choice >> 5) % 5}};
  struct tt_point point = {.type = choice & 128 ? TT_TYPE_STRING : TT_TYPE_QUANTITY, .address = &address};
  struct tt_value value;
  char why[TT_PICK_WHY_SIZE];
  if (mqtt_payload_value(payload, &source, &point, &value, why) < 0)
    return;
  /* whatever becomes a value can be printed and is text that XML can carry */
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_value_print(&value, &out);
  assert(!out.failed && tt_utf8_is_valid(out.data ? out.data : "", out.len));
  tt_value_finish(&value);
}

static void on_candidate(void *user, const struct tt_candidate *candidate)
{
  size_t *n = user;
  assert(candidate->id && candidate->n_facts < TT_CANDIDATE_FACTS_MAX);
  ++*n;
}

/* Whatever is told is a description: JSON with points. */
static void fuzz_described(int r, const struct tt_buf *text)
{
  struct json_object *points = NULL;
  if (r < 0)
    return;
  struct json_object *json = json_tokener_parse(text->data);
  assert(json_object_object_get_ex(json, "points", &points) && json_object_is_type(points, json_type_object));
  json_object_put(json);
}

static void fuzz_describing(struct mqtt_payload *payload, const char *topic, size_t n)
{
  static const struct tt_device_config nothing;
  TT_AUTOBUF struct tt_buf exposed = TT_BUF(TT_DESCRIPTION_MAX);
  TT_AUTOBUF struct tt_buf announced = TT_BUF(TT_DESCRIPTION_MAX);
  TT_AUTOBUF struct tt_buf any = TT_BUF(TT_DESCRIPTION_MAX);
  struct json_object *json;
  struct mqtt_explorer *explorer;
  size_t candidates = 0;
  if (mqtt_explorer_create("#", &nothing, &explorer) == 0) {
    mqtt_explorer_hear(explorer, topic, n, payload);
    fuzz_described(mqtt_explorer_describe(explorer, &any), &any);
    mqtt_explorer_destroy(explorer);
  }
  if (mqtt_payload_json(payload, &json) < 0)
    return;
  fuzz_described(mqtt_exposes_describe(json, "z", "d", &exposed), &exposed);
  mqtt_exposes_each(json, "z", on_candidate, &candidates);
  fuzz_described(mqtt_tasmota_describe(json, json, &announced), &announced);
  mqtt_tasmota_candidate(json, on_candidate, &candidates);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  uint8_t choice = data[0];
  size_t topic = data[1] < size - 2 ? data[1] : size - 2;
  const char *text = (const char *)data + 2;
  fuzz_topic(text, topic);
  struct mqtt_payload payload = {.data = text + topic, .size = size - 2 - topic, .full_size = size - 2 - topic};
  fuzz_value(&payload, choice);
  fuzz_value(&payload, (uint8_t)~choice); /* the same message for another point */
  struct mqtt_available available = {.at = choice & 4 ? "/state" : "",
                                     .online = "online",
                                     .offline = choice & 8 ? "offline" : NULL,
                                     .otherwise_text = choice & 16 ? "online" : NULL,
                                     .is_text = choice & 2};
  mqtt_payload_available(&payload, &available);
  fuzz_describing(&payload, text, topic);
  mqtt_payload_finish(&payload);
  return 0;
}
