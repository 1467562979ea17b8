/* SPDX-License-Identifier: Apache-2.0
 * Whatever comes. */
#include "explore.h"

#include "common/portrait.h"
#include "topic.h"

#include <json-c/json.h>
#include <stdio.h>
#include <uthash.h>

enum kind { KIND_NUMBER, KIND_BOOLEAN, KIND_STRING };
static const char *const kind_names[] = {"number", "boolean", "string"};

struct leaf {
  UT_hash_handle hh; /* in order of arrival, which is the order in the description */
  enum kind kind;
  char *name;                  /* made of topic and place */
  const char *topic, *pointer; /* in `key`; the pointer is "" for the whole of a text */
  bool is_text;
  char key[];
};

struct topic {
  UT_hash_handle hh;
  char name[];
};

struct mqtt_explorer {
  struct leaf *leaves;
  struct topic *topics;
  size_t skip; /* bytes of a topic that all have in common */
};

/* ---- The table -------------------------------------------------------------------------------------------- */
static bool knows_topic(struct mqtt_explorer *e, const char *topic)
{
  struct topic *found;
  size_t n = strlen(topic);
  HASH_FIND_STR(e->topics, topic, found);
  if (found)
    return true;
  if (HASH_COUNT(e->topics) == MQTT_EXPLORE_TOPICS_MAX || !(found = calloc(1, sizeof *found + n + 1)))
    return false;
  memcpy(found->name, topic, n);
  HASH_ADD_STR(e->topics, name, found);
  return true;
}

/* true: it is new, or was thought to be something narrower. */
static bool learn(struct mqtt_explorer *e, const char *topic, const char *pointer, bool is_text, enum kind kind,
                  const char *name)
{
  size_t n = strlen(topic), m = strlen(pointer), size = n + m + 3;
  if (n > MQTT_EXPLORE_PATH_MAX || m > MQTT_EXPLORE_PATH_MAX)
    return false;
  struct leaf *leaf = calloc(1, sizeof *leaf + size), *known;
  if (!leaf)
    return false;
  leaf->topic = leaf->key;
  leaf->pointer = leaf->key + n + 1;
  memcpy(leaf->key, topic, n);
  memcpy(leaf->key + n + 1, pointer, m);
  leaf->key[n + m + 2] = is_text;
  HASH_FIND(hh, e->leaves, leaf->key, size, known);
  if (known) {
    bool is_wider = known->kind != kind && known->kind != KIND_STRING;
    if (is_wider)
      known->kind = KIND_STRING;
    free(leaf);
    return is_wider;
  }
  leaf->kind = kind;
  leaf->is_text = is_text;
  leaf->name = HASH_COUNT(e->leaves) < MQTT_EXPLORE_LEAVES_MAX && knows_topic(e, topic) ? strdup(name) : NULL;
  if (!leaf->name) {
    free(leaf);
    return false;
  }
  HASH_ADD(hh, e->leaves, key, size, leaf);
  return true;
}

/* ---- Messages --------------------------------------------------------------------------------------------- */
static enum kind kind_of(struct json_object *value)
{
  double number;
  switch (json_object_get_type(value)) {
  case json_type_boolean:
    return KIND_BOOLEAN;
  case json_type_int:
  case json_type_double:
    return KIND_NUMBER;
  case json_type_string:
    return tt_double_parse(json_object_get_string(value), &number) == 0 ? KIND_NUMBER : KIND_STRING;
  case json_type_null:
  case json_type_object:
  case json_type_array:
    break;
  }
  return KIND_STRING;
}

struct walk {
  struct mqtt_explorer *e;
  const char *topic;
  bool is_new;
};

static void walk(struct walk *w, struct json_object *value, const char *pointer, int depth)
{
  char below[TT_PICK_POINTER_MAX], key[24];
  if (json_object_is_type(value, json_type_object)) {
    json_object_object_foreach(value, name, inside)
    {
      snprintf(below, sizeof below, "%s", pointer);
      if (depth < MQTT_EXPLORE_DEPTH_MAX && tt_pick_pointer_append(below, sizeof below, name))
        walk(w, inside, below, depth + 1);
    }
  } else if (json_object_is_type(value, json_type_array)) {
    size_t n = json_object_array_length(value);
    for (size_t i = 0; i < n && i < MQTT_EXPLORE_LIST_MAX && depth < MQTT_EXPLORE_DEPTH_MAX; i++) {
      snprintf(below, sizeof below, "%s", pointer);
      snprintf(key, sizeof key, "%zu", i);
      if (tt_pick_pointer_append(below, sizeof below, key))
        walk(w, json_object_array_get_idx(value, i), below, depth + 1);
    }
  } else if (value) { /* null says nothing */
    TT_AUTOBUF struct tt_buf name = TT_BUF(0);
    const char *topic = strlen(w->topic) > w->e->skip ? w->topic + w->e->skip : w->topic;
    tt_buf_printf(&name, "%s%s", topic, pointer);
    if (!name.failed)
      w->is_new |= learn(w->e, w->topic, pointer, false, kind_of(value), name.data);
  }
}

static bool hear_text(struct mqtt_explorer *e, const char *topic, const struct mqtt_payload *payload)
{
  struct tt_value value TT_AUTOVALUE = {0};
  char why[TT_PICK_WHY_SIZE];
  if (payload->size > MQTT_EXPLORE_TEXT_MAX || memchr(payload->data, 0, payload->size) ||
      tt_pick_text_value(payload->data, payload->size, true, &value, why) < 0)
    return false;
  enum kind kind = tt_value_is_number(value.type)  ? KIND_NUMBER
                   : value.type == TT_TYPE_BOOLEAN ? KIND_BOOLEAN
                                                   : KIND_STRING;
  return learn(e, topic, "", true, kind, strlen(topic) > e->skip ? topic + e->skip : topic);
}

bool mqtt_explorer_hear(struct mqtt_explorer *e, const char *topic, size_t n, struct mqtt_payload *payload)
{
  char *name TT_AUTOFREE = strndup(topic, n);
  struct walk w = {.e = e, .topic = name};
  struct json_object *json;
  if (!name || strlen(name) != n || mqtt_topic_problem(name) || payload->full_size == 0 ||
      payload->full_size > TT_PICK_SIZE_MAX)
    return false;
  if (mqtt_payload_json(payload, &json) < 0 ||
      (!json_object_is_type(json, json_type_object) && !json_object_is_type(json, json_type_array)))
    return hear_text(e, name, payload);
  walk(&w, json, "", 0);
  return w.is_new;
}

/* ---- Life ------------------------------------------------------------------------------------------------- */
static enum kind kind_of_point(const struct tt_point *point)
{
  return point->type == TT_TYPE_BOOLEAN    ? KIND_BOOLEAN
         : tt_value_is_number(point->type) ? KIND_NUMBER
                                           : KIND_STRING;
}

int mqtt_explorer_create(const char *filter, const struct tt_device_config *config, struct mqtt_explorer **ret)
{
  struct mqtt_explorer *e = calloc(1, sizeof *e);
  if (!e)
    return -ENOMEM;
  size_t n = strcspn(filter, "+#");
  while (n > 0 && filter[n - 1] != '/')
    n--;
  e->skip = n;
  for (size_t i = 0; i < config->n_points; i++) {
    const struct tt_point *point = &config->points[i];
    const struct mqtt_read_address *address = point->address;
    const struct mqtt_source *source = address && address->source.n == 1 ? address->source.items : NULL;
    if (source && !point->is_hidden)
      learn(e, source->topic, address->at ? address->at : "", source->format == MQTT_TEXT, kind_of_point(point),
            point->name);
  }
  *ret = e;
  return 0;
}

void mqtt_explorer_destroy(struct mqtt_explorer *e)
{
  struct leaf *leaf, *next_leaf;
  struct topic *topic, *next_topic;
  if (!e)
    return;
  HASH_ITER(hh, e->leaves, leaf, next_leaf) {
    HASH_DEL(e->leaves, leaf);
    free(leaf->name);
    free(leaf);
  }
  HASH_ITER(hh, e->topics, topic, next_topic) {
    HASH_DEL(e->topics, topic);
    free(topic);
  }
  free(e);
}

int mqtt_explorer_describe(const struct mqtt_explorer *e, struct tt_buf *out)
{
  struct tt_portrait portrait;
  struct leaf *leaf, *next;
  tt_portrait_init(&portrait);
  HASH_ITER(hh, e->leaves, leaf, next) {
    struct json_object *point = tt_portrait_point(&portrait, leaf->name), *source = json_object_new_object();
    tt_portrait_text(source, "topic", leaf->topic);
    if (leaf->is_text)
      tt_portrait_text(source, "format", "text");
    else
      tt_portrait_text(point, "at", leaf->pointer);
    tt_portrait_text(point, "type", kind_names[leaf->kind]);
    tt_portrait_add(point, "source", source);
  }
  int r = tt_portrait_print(&portrait, out);
  tt_portrait_finish(&portrait);
  return r;
}
