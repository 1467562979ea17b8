/* SPDX-License-Identifier: Apache-2.0
 *
 * scpd.c: service descriptions.
 */
#include "scpd.h"

#include <stdio.h>

/* The types of the UPnP Device Architecture 1.1, table 2-10. What is not here is text. */
static const struct kind {
  const char *name;
  enum up_kind kind;
  double min, max;
} kinds[] = {
    {"ui1", UP_INTEGER, 0, UINT8_MAX},
    {"ui2", UP_INTEGER, 0, UINT16_MAX},
    {"ui4", UP_INTEGER, 0, UINT32_MAX},
    {"ui8", UP_INTEGER, 0, 0x1p63},
    {"i1", UP_INTEGER, INT8_MIN, INT8_MAX},
    {"i2", UP_INTEGER, INT16_MIN, INT16_MAX},
    {"i4", UP_INTEGER, INT32_MIN, INT32_MAX},
    {"i8", UP_INTEGER, -0x1p63, 0x1p63},
    {"int", UP_INTEGER, -0x1p63, 0x1p63},
    {"r4", UP_NUMBER, 0, 0},
    {"r8", UP_NUMBER, 0, 0},
    {"number", UP_NUMBER, 0, 0},
    {"float", UP_NUMBER, 0, 0},
    {"fixed.14.4", UP_NUMBER, 0, 0},
    {"boolean", UP_BOOLEAN, 0, 0},
    {"date", UP_DATE, 0, 0},
    {"dateTime", UP_DATETIME, 0, 0},
    {"dateTime.tz", UP_DATETIME, 0, 0},
    {"time", UP_TIME, 0, 0},
    {"time.tz", UP_TIME, 0, 0},
};

static const struct kind *kind_of(const char *type)
{
  for (size_t i = 0; i < TT_COUNT(kinds); i++)
    if (strcasecmp(kinds[i].name, type) == 0)
      return &kinds[i];
  return NULL;
}

static size_t count(const xmlNode *parent, const char *name)
{
  size_t n = 0;
  for (xmlNode *node = up_xml_child(parent, name); node; node = up_xml_next(node->next, name))
    n++;
  return n;
}

/* ---- State variables ------------------------------------------------------------------------------------------ */
static bool read_number(struct tt_arena *arena, const xmlNode *parent, const char *name, double *ret)
{
  const char *text = up_xml_child_text(arena, parent, name, UP_WORD_MAX);
  return text && tt_double_parse(text, ret) == 0;
}

/* A range counts only when it can be one: devices write "0 to 0" and "Vendor defined". */
static void read_range(struct tt_arena *arena, const xmlNode *node, struct up_variable *variable)
{
  xmlNode *range = up_xml_child(node, "allowedValueRange");
  variable->has_range = read_number(arena, range, "minimum", &variable->min) &&
                        read_number(arena, range, "maximum", &variable->max) && variable->min < variable->max;
  if (!variable->has_range || !read_number(arena, range, "step", &variable->step) || variable->step < 0 ||
      variable->step > variable->max - variable->min)
    variable->step = 0;
}

static int read_allowed(struct tt_arena *arena, const xmlNode *node, struct up_variable *variable)
{
  xmlNode *list = up_xml_child(node, "allowedValueList");
  size_t n = count(list, "allowedValue");
  if (n == 0)
    return 0;
  if (n > UP_ALLOWED_MAX)
    return -E2BIG;
  variable->allowed = tt_arena_alloc(arena, n * sizeof *variable->allowed);
  if (!variable->allowed)
    return -ENOMEM;
  for (xmlNode *one = up_xml_child(list, "allowedValue"); one; one = up_xml_next(one->next, "allowedValue")) {
    char *text = up_xml_text(one);
    const char *kept = text && *text ? tt_arena_strdup(arena, text) : NULL;
    xmlFree(text);
    if (kept && strlen(kept) <= UP_WORD_MAX)
      variable->allowed[variable->n_allowed++] = kept;
  }
  return 0;
}

/* sendEvents is an attribute, with "yes" by default; older descriptions have an element. */
static bool is_evented(struct tt_arena *arena, xmlNode *node)
{
  xmlChar *attribute = xmlGetNoNsProp(node, (const xmlChar *)"sendEvents");
  const char *element = up_xml_child_text(arena, node, "sendEventsAttribute", UP_WORD_MAX);
  const char *text = attribute ? (const char *)attribute : element ? element : "yes";
  bool is_yes = strcasecmp(text, "no") != 0;
  xmlFree(attribute);
  return is_yes;
}

static int read_variable(struct tt_arena *arena, xmlNode *node, struct up_variable *variable)
{
  variable->name = up_xml_child_text(arena, node, "name", UP_WORD_MAX);
  variable->type = up_xml_child_text(arena, node, "dataType", UP_WORD_MAX);
  variable->initial = up_xml_child_text(arena, node, "defaultValue", UP_WORD_MAX);
  if (!variable->name)
    return -ENOENT;
  if (!variable->type)
    variable->type = "string";
  const struct kind *kind = kind_of(variable->type);
  variable->kind = kind ? kind->kind : UP_TEXT;
  variable->type_min = kind ? kind->min : 0;
  variable->type_max = kind ? kind->max : 0;
  variable->is_evented = is_evented(arena, node);
  read_range(arena, node, variable);
  return read_allowed(arena, node, variable);
}

static int read_variables(struct up_scpd *scpd, const xmlNode *table)
{
  size_t n = count(table, "stateVariable");
  if (n > UP_VARIABLES_MAX)
    return -E2BIG;
  scpd->variables = tt_arena_alloc(scpd->arena, (n + 1) * sizeof *scpd->variables);
  if (!scpd->variables)
    return -ENOMEM;
  for (xmlNode *node = up_xml_child(table, "stateVariable"); node;
       node = up_xml_next(node->next, "stateVariable")) {
    int r = read_variable(scpd->arena, node, &scpd->variables[scpd->n_variables]);
    if (r == 0)
      scpd->n_variables++;
    else if (r != -ENOENT)
      return r;
    else
      scpd->variables[scpd->n_variables] = (struct up_variable){0};
  }
  return 0;
}

/* ---- Actions -------------------------------------------------------------------------------------------------- */
static int read_argument(struct up_scpd *scpd, const xmlNode *node, struct up_argument *argument)
{
  const char *direction = up_xml_child_text(scpd->arena, node, "direction", UP_WORD_MAX);
  const char *variable = up_xml_child_text(scpd->arena, node, "relatedStateVariable", UP_WORD_MAX);
  argument->name = up_xml_child_text(scpd->arena, node, "name", UP_WORD_MAX);
  argument->is_out = direction && strcasecmp(direction, "out") == 0;
  argument->variable = variable ? up_scpd_variable(scpd, variable) : NULL;
  return argument->name && direction && argument->variable ? 0 : -ENOENT;
}

static int read_action(struct up_scpd *scpd, const xmlNode *node, struct up_action *action)
{
  xmlNode *list = up_xml_child(node, "argumentList");
  size_t n = count(list, "argument");
  if (n > UP_ARGUMENTS_MAX)
    return -E2BIG;
  struct up_argument *arguments = tt_arena_alloc(scpd->arena, (n + 1) * sizeof *arguments);
  *action =
      (struct up_action){.name = up_xml_child_text(scpd->arena, node, "name", UP_WORD_MAX), .arguments = arguments};
  if (!arguments)
    return -ENOMEM;
  if (!action->name)
    return -ENOENT;
  for (xmlNode *one = up_xml_child(list, "argument"); one; one = up_xml_next(one->next, "argument")) {
    int r = read_argument(scpd, one, &arguments[action->n_arguments++]);
    if (r < 0)
      return r;
  }
  return 0;
}

static int read_actions(struct up_scpd *scpd, const xmlNode *list)
{
  size_t n = count(list, "action");
  if (n > UP_ACTIONS_MAX)
    return -E2BIG;
  scpd->actions = tt_arena_alloc(scpd->arena, (n + 1) * sizeof *scpd->actions);
  if (!scpd->actions)
    return -ENOMEM;
  for (xmlNode *node = up_xml_child(list, "action"); node; node = up_xml_next(node->next, "action")) {
    int r = read_action(scpd, node, &scpd->actions[scpd->n_actions]);
    scpd->n_actions += r == 0;
    if (r < 0 && r != -ENOENT)
      return r;
  }
  return 0;
}

int up_scpd_parse(const char *data, size_t n, struct up_scpd **ret_scpd, char why[static UP_WHY_SIZE])
{
  xmlDoc *doc = NULL;
  int r = up_xml_parse(data, n, UP_SCPD_SIZE_MAX, &doc, why);
  if (r < 0)
    return r;
  struct up_scpd *scpd = calloc(1, sizeof *scpd);
  if (scpd)
    scpd->arena = tt_arena_create(UP_SCPD_MEMORY);
  const xmlNode *root = xmlDocGetRootElement(doc);
  if (!scpd || !scpd->arena)
    r = -ENOMEM;
  else if (!up_xml_is(root, "scpd"))
    r = -EINVAL;
  if (r == 0)
    r = read_variables(scpd, up_xml_child(root, "serviceStateTable"));
  if (r == 0)
    r = read_actions(scpd, up_xml_child(root, "actionList"));
  xmlFreeDoc(doc);
  if (r < 0) {
    snprintf(why, UP_WHY_SIZE, "%s",
             r == -EINVAL  ? "describes no service"
             : r == -E2BIG ? "has too many actions, arguments, variables or allowed values"
                           : "takes too much memory");
    up_scpd_destroy(scpd);
    return r;
  }
  *ret_scpd = scpd;
  return 0;
}

void up_scpd_destroy(struct up_scpd *scpd)
{
  if (!scpd)
    return;
  tt_arena_destroy(scpd->arena);
  free(scpd);
}

const struct up_variable *up_scpd_variable(const struct up_scpd *scpd, const char *name)
{
  for (size_t i = 0; i < scpd->n_variables; i++)
    if (strcmp(scpd->variables[i].name, name) == 0)
      return &scpd->variables[i];
  return NULL;
}

const struct up_action *up_scpd_action(const struct up_scpd *scpd, const char *name)
{
  for (size_t i = 0; i < scpd->n_actions; i++)
    if (strcmp(scpd->actions[i].name, name) == 0)
      return &scpd->actions[i];
  return NULL;
}

const struct up_argument *up_action_argument(const struct up_action *action, const char *name, bool is_out)
{
  for (size_t i = 0; i < action->n_arguments; i++)
    if (action->arguments[i].is_out == is_out && strcmp(action->arguments[i].name, name) == 0)
      return &action->arguments[i];
  return NULL;
}
