/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c: nodes, fields and values as JSON.
 */
#include "json.h"

#include <math.h>

/* In the order of the bits of enum tt_category. */
const char *const tt_json_categories[] = {"momentary", "peak",       "status", "computed",
                                          "identity",  "historical", NULL};

/* In the order of the bits of enum tt_qos; the names of XEP-0323. */
static const char *const qos_names[] = {"missing",        "inProgress",       "automaticEstimate",
                                        "manualEstimate", "manualReadout",    "automaticReadout",
                                        "timeOffset",     "warning",          "error",
                                        "signed",         "invoiced",         "endOfSeries",
                                        "powerFailure",   "invoiceConfirmed", NULL};

static const char *const kind_names[] = {
    [TT_NODE_PLACE] = "place",
    [TT_NODE_DEVICE] = "device",
    [TT_NODE_GATEWAY] = "gateway",
    [TT_NODE_CONNECTION] = "connection",
};

static const char *const message_names[] = {
    [TT_MESSAGE_INFORMATION] = "information",
    [TT_MESSAGE_WARNING] = "warning",
    [TT_MESSAGE_ERROR] = "error",
};

unsigned tt_json_category(const char *name)
{
  for (unsigned i = 0; tt_json_categories[i]; i++)
    if (strcmp(tt_json_categories[i], name) == 0)
      return 1u << i;
  return strcmp(name, "all") == 0 ? TT_CATEGORY_DEFAULT : 0;
}

static json_object *bits(unsigned set, const char *const names[])
{
  json_object *list = json_object_new_array();
  for (unsigned i = 0; names[i]; i++)
    if (set & 1u << i)
      json_object_array_add(list, json_object_new_string(names[i]));
  return list;
}

json_object *tt_json_value(const struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  switch (value->type) {
  case TT_TYPE_NONE:
    return NULL;
  case TT_TYPE_BOOLEAN:
    return json_object_new_boolean(value->boolean);
  case TT_TYPE_INT32:
    return json_object_new_int64(value->int32);
  case TT_TYPE_INT64:
    return json_object_new_int64(value->int64);
  case TT_TYPE_QUANTITY:
    tt_value_print(value, &text);
    if (text.data && isfinite(value->quantity.number))
      return json_object_new_double_s(value->quantity.number, text.data);
    break;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    tt_value_print(value, &text);
    break;
  }
  return json_object_new_string(text.data ? text.data : "");
}

json_object *tt_json_time(uint64_t wall_us)
{
  char text[TT_DATETIME_SIZE];
  return json_object_new_string(tt_datetime_print(text, wall_us));
}

static void add_text(json_object *out, const char *member, const char *text)
{
  if (text && *text)
    json_object_object_add(out, member, json_object_new_string(text));
}

static void add_true(json_object *out, const char *member, bool is_so)
{
  if (is_so)
    json_object_object_add(out, member, json_object_new_boolean(true));
}

json_object *tt_json_field(const struct tt_node *node, uint16_t point, struct tt_now now, const char *language)
{
  const struct tt_point *p = &node->points[point];
  const struct tt_field *field = &node->fields[point];
  json_object *out = json_object_new_object();

  json_object_object_add(out, "name", json_object_new_string(p->name));
  add_text(out, "label", tt_label_for(&p->label, language, NULL));
  json_object_object_add(out, "type", json_object_new_string(tt_type_name(p->type)));
  json_object_object_add(out, "value", tt_json_value(&field->value));
  add_text(out, "unit", p->unit);
  if (field->seen_us > 0) {
    json_object_object_add(out, "stamp", tt_json_time(field->stamp_us));
    uint64_t age = now.mono_us > field->seen_us ? now.mono_us - field->seen_us : 0;
    json_object_object_add(out, "age_ms", json_object_new_int64((int64_t)(age / TT_USEC_PER_MSEC)));
  }
  json_object_object_add(out, "categories", bits(p->categories, tt_json_categories));
  if (field->qos)
    json_object_object_add(out, "qos", bits(field->qos, qos_names));
  add_true(out, "readable", tt_node_has_field(node, point));
  add_true(out, "writable", p->write && !node->is_disabled);
  add_true(out, "counter", p->is_counter);
  add_true(out, "retained", field->is_retained);
  add_true(out, "stale", field->seen_us > 0 && tt_node_is_stale(node, point, now));
  add_text(out, "error", node->field_errors[point]);
  return out;
}

json_object *tt_json_fields(const struct tt_node *node, struct tt_now now, const char *language)
{
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < node->n_points; i++)
    if (!node->points[i].is_hidden)
      json_object_array_add(list, tt_json_field(node, (uint16_t)i, now, language));
  return list;
}

void tt_json_state(json_object *out, const struct tt_node *node)
{
  json_object_object_add(out, "state", json_object_new_string(tt_node_state_name(tt_node_state(node))));
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < node->n_messages; i++) {
    const struct tt_message *message = &node->messages[i];
    json_object *one = json_object_new_object();
    json_object_object_add(one, "type", json_object_new_string(message_names[message->type]));
    json_object_object_add(one, "code", json_object_new_string(message->code));
    json_object_object_add(one, "text", json_object_new_string(message->text));
    json_object_object_add(one, "since", tt_json_time(message->stamp_us));
    json_object_array_add(list, one);
  }
  json_object_object_add(out, "messages", list);
}

void tt_json_node(json_object *out, const struct tt_node *node, enum tt_sight sight, const char *language)
{
  json_object_object_add(out, "node", json_object_new_string(node->key));
  if (node->parent)
    json_object_object_add(out, "parent", json_object_new_string(node->parent->key));
  json_object_object_add(out, "kind", json_object_new_string(kind_names[node->kind]));
  add_text(out, "label", tt_node_label(node, language));
  if (sight != TT_SIGHT_FULL)
    return;
  add_text(out, "type", node->type);
  add_text(out, "vendor", node->vendor);
  add_text(out, "model", node->model);
  add_true(out, "disabled", node->is_disabled);
  add_true(out, "readable", tt_node_is_readable(node));
  add_true(out, "writable", tt_node_is_controllable(node));
  add_true(out, "commands", node->n_commands > 0);
  if (node->last_change_us)
    json_object_object_add(out, "changed", tt_json_time(node->last_change_us));
  tt_json_state(out, node);
}
