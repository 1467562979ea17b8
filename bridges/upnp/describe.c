/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c: points and commands out of service descriptions: what an action asks for and gives is a point where there is
 * one for it; every other action is a command.
 */
#define _GNU_SOURCE /* strcasestr */
#include "describe.h"

#include "event.h"
#include "network.h"
#include "options.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdio.h>

#define NAME_MAX_    64            /* bytes of a point's name */
#define HELPER       "A_ARG_TYPE_" /* variables that only lend their type to arguments */
#define VALUE_ASKING "Get"
#define VALUE_TAKING "Set"

struct telling {
  struct json_object *points, *commands;
  const struct up_service *service;
  const struct up_scpd *scpd;
  bool has_last_change;
  bool is_withheld; /* what is done to the service: it is only read */
  unsigned n_withheld;
  bool is_used[UP_ACTIONS_MAX]; /* actions of the service that read or write a point */
  int error;
};

/* ---- Small JSON ----------------------------------------------------------------------------------------------- */
static void put(struct telling *t, struct json_object *in, const char *key, struct json_object *value)
{
  if (!value || json_object_object_add(in, key, value) < 0) {
    json_object_put(value);
    t->error = -ENOMEM;
  }
}

static void put_text(struct telling *t, struct json_object *in, const char *key, const char *text)
{
  put(t, in, key, json_object_new_string(text));
}

static void put_number(struct telling *t, struct json_object *in, const char *key, double number)
{
  char text[40];
  snprintf(text, sizeof text, "%.15g", number);
  put(t, in, key, json_object_new_double_s(number, text));
}

/* ---- Names ---------------------------------------------------------------------------------------------------- */
static bool is_between(const char *text, size_t i)
{
  unsigned char before = (unsigned char)text[i - 1], here = (unsigned char)text[i],
                next = (unsigned char)text[i + 1];
  return isupper(here) && (islower(before) || isdigit(before) || (isupper(before) && islower(next)));
}

/* "ExternalIPAddress" becomes "external_ip_address". */
static void snake(struct tt_buf *out, const char *text)
{
  for (size_t i = 0; text[i]; i++) {
    if (i > 0 && is_between(text, i))
      tt_buf_putc(out, '_');
    unsigned char c = (unsigned char)text[i];
    tt_buf_putc(out, (char)(isalnum(c) && c < 128 ? tolower(c) : '_'));
  }
}

/* "urn:schemas-upnp-org:service:SwitchPower:1": the fourth part. */
static void put_service_name(struct tt_buf *out, const char *type)
{
  char word[NAME_MAX_];
  for (int i = 0; i < 3 && type; i++) {
    type = strchr(type, ':');
    type = type ? type + 1 : NULL;
  }
  snprintf(word, sizeof word, "%.*s", type ? (int)strcspn(type, ":") : 0, type ? type : "");
  snake(out, word);
}

/* A name that none of `taken` has yet: that of the variable, with the service before it where two services have the same. */
static bool name_in(const struct telling *t, struct json_object *taken, const char *variable,
                    char out[static NAME_MAX_ + 1])
{
  for (int with_service = 0; with_service < 2; with_service++) {
    TT_AUTOBUF struct tt_buf name = TT_BUF(0);
    if (with_service) {
      put_service_name(&name, t->service->type);
      tt_buf_putc(&name, '_');
    }
    snake(&name, variable);
    if (name.failed || name.len == 0)
      return false;
    snprintf(out, NAME_MAX_ + 1, "%s", name.data);
    if (!json_object_object_get_ex(taken, out, NULL))
      return true;
  }
  return false;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */
/* What to give for an argument that is not the value: the master channel, instance 0, a default, the first of a list.
 * NULL: somebody would have to choose. */
static const char *usual(const struct up_variable *variable)
{
  for (size_t i = 0; i < variable->n_allowed; i++)
    if (strcmp(variable->allowed[i], "Master") == 0)
      return variable->allowed[i];
  if (strcmp(variable->name, HELPER "InstanceID") == 0)
    return "0";
  if (variable->initial && strncmp(variable->name, HELPER, strlen(HELPER)) == 0)
    return variable->initial;
  return variable->n_allowed == 1 ? variable->allowed[0] : NULL;
}

static bool begins(const char *name, const char *verb)
{
  return strncmp(name, verb, strlen(verb)) == 0;
}

/* Can the action be called, with the value (NULL: none) for what is related to `variable`? */
static bool is_callable(const struct up_action *action, const struct up_variable *variable)
{
  size_t n_values = 0;
  for (size_t i = 0; i < action->n_arguments; i++) {
    const struct up_argument *a = &action->arguments[i];
    if (a->is_out)
      continue;
    if (a->variable == variable)
      n_values++;
    else if (!usual(a->variable))
      return false;
  }
  return n_values == (variable ? 1 : 0);
}

static struct json_object *call(struct telling *t, const struct up_action *action,
                                const struct up_variable *variable)
{
  struct json_object *json = json_object_new_object(), *in = json_object_new_object();
  put_text(t, json, "service", t->service->type);
  put_text(t, json, "action", action->name);
  for (size_t i = 0; i < action->n_arguments; i++) {
    const struct up_argument *a = &action->arguments[i];
    if (!a->is_out)
      put_text(t, in, a->name, a->variable == variable ? UP_VALUE : usual(a->variable));
  }
  if (json_object_object_length(in) > 0)
    put(t, json, "in", in);
  else
    json_object_put(in);
  return json;
}

static const struct up_action *setter(const struct up_scpd *scpd, const struct up_variable *variable)
{
  for (size_t i = 0; i < scpd->n_actions; i++)
    if (begins(scpd->actions[i].name, VALUE_TAKING) && is_callable(&scpd->actions[i], variable))
      return &scpd->actions[i];
  return NULL;
}

static const struct up_action *getter(const struct up_scpd *scpd, const struct up_variable *variable,
                                      const struct up_argument **ret_out)
{
  for (size_t i = 0; i < scpd->n_actions; i++) {
    const struct up_action *action = &scpd->actions[i];
    if (!begins(action->name, VALUE_ASKING) || !is_callable(action, NULL))
      continue;
    for (size_t k = 0; k < action->n_arguments; k++)
      if (action->arguments[k].is_out && action->arguments[k].variable == variable) {
        *ret_out = &action->arguments[k];
        return action;
      }
  }
  return NULL;
}

/* ---- Points --------------------------------------------------------------------------------------------------- */
static const char *type_of(const struct up_variable *variable, bool is_writable)
{
  switch (variable->kind) {
  case UP_BOOLEAN:
    return "boolean";
  case UP_INTEGER:
    return "integer";
  case UP_NUMBER:
    return "number";
  case UP_TEXT:
    /* What is only read may say more than the list has: makers add words of their own. */
    return is_writable && variable->n_allowed > 0 ? "enum" : "string";
  case UP_DATE:
  case UP_DATETIME:
  case UP_TIME:
    return "string";
  }
  return "string";
}

static void put_map(struct telling *t, struct json_object *point, const struct up_variable *variable)
{
  struct json_object *map = json_object_new_object();
  for (size_t i = 0; i < variable->n_allowed; i++)
    put_text(t, map, variable->allowed[i], variable->allowed[i]);
  put(t, point, "map", map);
}

static void put_range(struct telling *t, struct json_object *write, const struct up_variable *variable)
{
  struct json_object *range = json_object_new_array();
  const double ends[] = {variable->min, variable->max};
  for (size_t i = 0; range && i < TT_COUNT(ends); i++) {
    char text[40];
    snprintf(text, sizeof text, "%.15g", ends[i]);
    json_object_array_add(range, json_object_new_double_s(ends[i], text));
  }
  put(t, write, "range", range);
  if (variable->step > 0)
    put_number(t, write, "step", variable->step);
}

static void put_event(struct telling *t, struct json_object *point, const struct up_variable *variable,
                      const struct up_action *action)
{
  struct json_object *event = json_object_new_object();
  put_text(t, event, "service", t->service->type);
  put_text(t, event, variable->is_evented ? "variable" : "last_change", variable->name);
  if (!variable->is_evented) {
    struct json_object *where = json_object_new_object();
    for (size_t i = 0; i < action->n_arguments; i++)
      if (!action->arguments[i].is_out && strcmp(action->arguments[i].name, "Channel") == 0)
        put_text(t, where, "Channel", usual(action->arguments[i].variable));
    if (json_object_object_length(where) > 0)
      put(t, event, "where", where);
    else
      json_object_put(where);
  }
  put(t, point, "event", event);
}

static void tell_variable(struct telling *t, const struct up_variable *variable)
{
  const struct up_argument *out = NULL;
  const struct up_action *get = getter(t->scpd, variable, &out), *set = setter(t->scpd, variable);
  char name[NAME_MAX_ + 1];
  if (set && t->is_withheld) {
    t->n_withheld++;
    set = NULL;
  }
  bool is_helper = begins(variable->name, HELPER) || strcmp(variable->name, UP_LAST_CHANGE) == 0;
  bool has_event = variable->is_evented || (t->has_last_change && get);
  if (is_helper || (!get && !has_event) || json_object_object_length(t->points) >= UP_DESCRIBE_POINTS_MAX ||
      !name_in(t, t->points, variable->name, name))
    return;
  const char *type = type_of(variable, set != NULL);
  struct json_object *point = json_object_new_object();
  put_text(t, point, "type", type);
  if (strcmp(type, "enum") == 0)
    put_map(t, point, variable);
  if (get) {
    struct json_object *json = call(t, get, NULL);
    put_text(t, json, "out", out->name);
    put(t, point, "call", json);
  }
  if (has_event && t->service->event_url)
    put_event(t, point, variable, get);
  if (set) {
    struct json_object *write = json_object_new_object();
    put(t, write, "call", call(t, set, variable));
    if (variable->has_range)
      put_range(t, write, variable);
    put_text(t, write, "verify", get ? "readback" : "none");
    put(t, point, "write", write);
  }
  if (json_object_object_length(point) > 1) {
    put(t, t->points, name, point);
    if (get)
      t->is_used[get - t->scpd->actions] = true;
    if (set)
      t->is_used[set - t->scpd->actions] = true;
  } else {
    json_object_put(point);
  }
}

/* ---- Commands ------------------------------------------------------------------------------------------------- */
/* What the caller need not choose: there is one instance, or one value. */
static const char *fixed(const struct up_variable *variable)
{
  if (strcmp(variable->name, HELPER "InstanceID") == 0)
    return "0";
  return variable->n_allowed == 1 ? variable->allowed[0] : NULL;
}

/* By its name; what is so called must not be written down. */
static bool is_secret(const char *name)
{
  static const char *const words[] = {"password", "passphrase", "passcode", "secret", "presharedkey", "wepkey"};
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (strcasestr(name, words[i]))
      return true;
  return false;
}

static struct json_object *argument_of(struct telling *t, const struct up_argument *a)
{
  const struct up_variable *variable = a->variable;
  const char *type = type_of(variable, true), *preset = usual(variable);
  struct json_object *json = json_object_new_object();
  put_text(t, json, "type", type);
  put_text(t, json, "label", a->name);
  if (strcmp(type, "enum") == 0)
    put_map(t, json, variable);
  if (variable->has_range && variable->min < variable->max && variable->kind != UP_TEXT)
    put_range(t, json, variable);
  if (!preset)
    preset = variable->initial;
  if (is_secret(a->name))
    put(t, json, "secret", json_object_new_boolean(true));
  else if (preset && *preset)
    put_text(t, json, "default", preset);
  return json;
}

/* All in arguments, in the order of the wire: fixed ones as they are, the others as arguments of the command. */
static void tell_action(struct telling *t, const struct up_action *action)
{
  char name[NAME_MAX_ + 1], argument[NAME_MAX_ + 1], hole[NAME_MAX_ + 32];
  if (t->is_withheld) {
    t->n_withheld += !begins(action->name, VALUE_TAKING); /* those are counted with their variables */
    return;
  }
  if (json_object_object_length(t->commands) >= UP_DESCRIBE_COMMANDS_MAX ||
      !name_in(t, t->commands, action->name, name))
    return;
  struct json_object *arguments = json_object_new_object(), *call = json_object_new_object(),
                     *in = json_object_new_object(), *command = json_object_new_object();
  bool is_whole = true;
  for (size_t i = 0; i < action->n_arguments && is_whole; i++) {
    const struct up_argument *a = &action->arguments[i];
    if (a->is_out)
      continue;
    if (fixed(a->variable)) {
      put_text(t, in, a->name, fixed(a->variable));
      continue;
    }
    is_whole = json_object_object_length(arguments) < TT_ARGUMENTS_MAX && name_in(t, arguments, a->name, argument);
    if (!is_whole)
      break;
    snprintf(hole, sizeof hole, UP_ARGUMENT "%s}", argument);
    put_text(t, in, a->name, hole);
    put(t, arguments, argument, argument_of(t, a));
  }
  put_text(t, call, "service", t->service->type);
  put_text(t, call, "action", action->name);
  put(t, call, "in", in);
  put_text(t, command, "label", action->name);
  put(t, command, "call", call);
  put(t, command, "arguments", arguments);
  if (is_whole)
    put(t, t->commands, name, command);
  else
    json_object_put(command);
}

static struct json_object *about(struct telling *t, const struct up_part *part)
{
  struct json_object *json = json_object_new_object();
  if (part->vendor)
    put_text(t, json, "vendor", part->vendor);
  if (part->model)
    put_text(t, json, "model", part->model);
  if (part->name)
    put_text(t, json, "label", part->name);
  return json;
}

int up_describe(const struct up_description *description, const struct up_part *part,
                const struct up_scpd *const scpds[], bool with_network, struct tt_buf *out, unsigned *ret_withheld)
{
  struct json_object *json = json_object_new_object();
  struct telling t = {.points = json_object_new_object(), .commands = json_object_new_object()};
  for (size_t i = 0; i < description->n_services; i++) {
    if (!scpds[i] || !up_description_is_within(description, description->services[i].device, part))
      continue;
    t.service = &description->services[i];
    t.scpd = scpds[i];
    t.is_withheld = !with_network && up_is_of_network(description, t.service);
    memset(t.is_used, 0, sizeof t.is_used);
    const struct up_variable *last_change = up_scpd_variable(t.scpd, UP_LAST_CHANGE);
    t.has_last_change = last_change && last_change->is_evented;
    for (size_t k = 0; k < t.scpd->n_variables; k++)
      tell_variable(&t, &t.scpd->variables[k]);
    for (size_t k = 0; k < t.scpd->n_actions; k++)
      if (!t.is_used[k])
        tell_action(&t, &t.scpd->actions[k]);
  }
  *ret_withheld = t.n_withheld;
  bool is_empty = json_object_object_length(t.points) == 0 && json_object_object_length(t.commands) == 0;
  put(&t, json, "about", about(&t, part));
  put(&t, json, "points", t.points);
  put(&t, json, "commands", t.commands);
  if (t.error == 0)
    tt_buf_puts(out, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(json);
  return t.error < 0 ? t.error : is_empty ? -ENODATA : !out->failed ? 0 : out->limit ? -EMSGSIZE : -ENOMEM;
}
