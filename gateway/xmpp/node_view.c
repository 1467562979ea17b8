/* SPDX-License-Identifier: Apache-2.0
 * node_view.c: one node as attributes, parameters and messages. Source: XEP-0326 section 3.1 (node information). */
#include "node_view.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Parameters ---------------------------------------------------------------------------------------- */

enum parameter_kind { PARAMETER_STRING, PARAMETER_INT, PARAMETER_DATETIME };

struct parameter_value {
  const char *text;
  uint64_t number;
};

static struct parameter_value get_type(const struct tt_node *node)
{
  return (struct parameter_value){.text = node->type};
}

static struct parameter_value get_vendor(const struct tt_node *node)
{
  return (struct parameter_value){.text = node->vendor};
}

static struct parameter_value get_model(const struct tt_node *node)
{
  return (struct parameter_value){.text = node->model};
}

static struct parameter_value get_fields(const struct tt_node *node)
{
  struct parameter_value value = {0};
  for (size_t i = 0; i < node->n_points; i++)
    value.number += tt_node_has_field(node, (uint16_t)i);
  return value;
}

static struct parameter_value get_parameters(const struct tt_node *node)
{
  struct parameter_value value = {0};
  for (size_t i = 0; i < node->n_points; i++)
    value.number += !node->points[i].is_hidden && node->points[i].write;
  return value;
}

static struct parameter_value get_last_change(const struct tt_node *node)
{
  return (struct parameter_value){.number = node->last_change_us};
}

/* One row per parameter of a node; strings that are NULL and times that are 0 are left out. */
static const struct parameter {
  const char *id, *name;
  enum parameter_kind kind;
  struct parameter_value (*get)(const struct tt_node *node);
} parameters[] = {
    {"type", "Type", PARAMETER_STRING, get_type},
    {"vendor", "Vendor", PARAMETER_STRING, get_vendor},
    {"model", "Model", PARAMETER_STRING, get_model},
    {"fields", "Number of fields", PARAMETER_INT, get_fields},
    {"parameters", "Number of control parameters", PARAMETER_INT, get_parameters},
    {"lastChange", "Last change", PARAMETER_DATETIME, get_last_change},
};

static void write_parameter(struct tt_writer *w, const struct parameter *parameter, const struct tt_node *node)
{
  static const char *const elements[] = {
      [PARAMETER_STRING] = "string", [PARAMETER_INT] = "int", [PARAMETER_DATETIME] = "dateTime"};
  char text[TT_DATETIME_SIZE];
  struct parameter_value value = parameter->get(node);
  switch (parameter->kind) {
  case PARAMETER_STRING:
    if (!value.text)
      return;
    break;
  case PARAMETER_INT:
    snprintf(text, sizeof(text), "%" PRIu64, value.number);
    value.text = text;
    break;
  case PARAMETER_DATETIME:
    if (value.number == 0)
      return;
    value.text = tt_datetime_print(text, value.number);
    break;
  }
  tt_write_open(w, elements[parameter->kind], NULL);
  tt_write_attr(w, "id", parameter->id);
  tt_write_attr(w, "name", parameter->name);
  tt_write_attr(w, "value", value.text);
  tt_write_close(w);
}

/* ---- Nodes --------------------------------------------------------------------------------------------- */

static const char *display_name(const struct tt_node_view *view, const struct tt_node *node)
{
  return tt_node_label(node, view->caller->language ? view->caller->language : "");
}

bool tt_node_view_shows(const struct tt_node_view *view, const struct tt_node *node)
{
  return tt_core_sight(view->core, view->caller, node) != TT_SIGHT_NONE;
}

static bool has_children(const struct tt_node_view *view, const struct tt_node *node)
{
  for (const struct tt_node *child = node->first_child; child; child = child->next)
    if (tt_node_view_shows(view, child))
      return true;
  return false;
}

static void write_message(struct tt_writer *w, const struct tt_message *message)
{
  static const char *const types[] = {
      [TT_MESSAGE_INFORMATION] = "Information", [TT_MESSAGE_WARNING] = "Warning", [TT_MESSAGE_ERROR] = "Error"};
  char stamp[TT_DATETIME_SIZE];
  tt_write_open(w, "message", NULL);
  tt_write_attr(w, "timestamp", tt_datetime_print(stamp, message->stamp_us));
  tt_write_attr(w, "type", types[message->type]);
  tt_write_attr(w, "eventId", message->code);
  tt_write_text(w, message->text);
  tt_write_close(w);
}

void tt_node_view_write(const struct tt_node_view *view, struct tt_writer *w, const struct tt_node *node)
{
  const struct tt_dialect *dialect = view->dialect;
  bool is_full = tt_core_sight(view->core, view->caller, node) == TT_SIGHT_FULL;
  char stamp[TT_DATETIME_SIZE];

  /* The schema of X has no source here, and N may do without one. */
  tt_dialect_write_ref(w, dialect, node->key, dialect->vocabulary == TT_VOCABULARY_X ? NULL : node->source,
                       node->partition);
  tt_write_attr(w, "displayName", display_name(view, node));
  tt_write_attr(w, "nodeType", node->type);
  tt_write_attr(w, "state", tt_node_state_name(is_full ? tt_node_state(node) : TT_STATE_NONE));
  tt_write_attr(w, "hasChildren", has_children(view, node) ? "true" : "false");
  tt_write_attr_bool(w, "isReadable", is_full && tt_node_is_readable(node));
  tt_write_attr_bool(w, "isControllable", is_full && tt_node_is_controllable(node));
  tt_write_attr_bool(w, "hasCommands", is_full && node->n_commands > 0);
  if (node->parent) {
    tt_write_attr(w, "parentId", node->parent->key);
    if (*node->parent->partition)
      tt_word_attr(w, dialect, TT_WORD_PARENT_PARTITION, node->parent->partition);
  }
  if (!is_full)
    return;
  if (node->last_change_us)
    tt_write_attr(w, "lastChanged", tt_datetime_print(stamp, node->last_change_us));
  for (size_t i = 0; view->with_parameters && i < TT_COUNT(parameters); i++)
    write_parameter(w, &parameters[i], node);
  for (size_t i = 0; view->with_messages && i < node->n_messages; i++)
    write_message(w, &node->messages[i]);
}

/* ---- Order and inheritance ------------------------------------------------------------------------------ */

static int compare_values(const struct parameter *parameter, const struct tt_node *a, const struct tt_node *b)
{
  struct parameter_value x = parameter->get(a), y = parameter->get(b);
  if (parameter->kind == PARAMETER_STRING)
    return strcmp(x.text ? x.text : "", y.text ? y.text : "");
  return x.number < y.number ? -1 : x.number > y.number;
}

static int compare(const struct tt_node_view *view, const char *name, const struct tt_node *a,
                   const struct tt_node *b)
{
  if (strcmp(name, "nodeId") == 0)
    return strcmp(a->key, b->key);
  if (strcmp(name, "displayName") == 0)
    return strcmp(display_name(view, a), display_name(view, b));
  for (size_t i = 0; i < TT_COUNT(parameters); i++)
    if (strcmp(name, parameters[i].id) == 0)
      return compare_values(&parameters[i], a, b);
  return 0;
}

int tt_node_view_compare(const struct tt_node_view *view, const struct tt_node_order *order,
                         const struct tt_node *a, const struct tt_node *b)
{
  int sign = compare(view, order->name, a, b);
  return order->is_descending ? -sign : sign;
}

bool tt_node_type_is(const char *type, const char *class_name)
{
  size_t n = strlen(class_name);
  return n > 0 && strncmp(type, class_name, n) == 0 && (type[n] == '\0' || type[n] == '.');
}
