/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c: the requests `commands` and `execute`: what a node can be told to do, and having it done. A command cannot be
 * called back: when its client goes it is carried out all the same, and nobody is told.
 */
#include "client.h"
#include "json.h"
#include "model/execute.h"
#include "text/text.h"

#include <utlist.h>

struct asking {
  struct tt_api_open open;
  struct tt_api *api;
  tt_id node;
  char command[TT_COMMAND_NAME_MAX + 1]; /* to say what was meant; a longer one is cut */
  bool is_starting, has_ended;
};

static void free_asking(struct asking *asking)
{
  if (asking->open.client)
    tt_api_open_end(&asking->open);
  else
    DL_DELETE(asking->api->orphans, &asking->open);
  free(asking);
}

static void orphan(struct tt_api_open *open)
{
  struct asking *asking = TT_CONTAINER_OF(open, struct asking, open);
  tt_api_open_end(open);
  DL_APPEND(asking->api->orphans, open);
}

static const struct tt_api_open_ops ops = {.cancel = orphan};

static struct asking *begin(const struct tt_api_call *call, const struct tt_node *node, const char *command)
{
  struct asking *asking = calloc(1, sizeof(*asking));
  if (!asking) {
    tt_api_client_doom(call->client);
    return NULL;
  }
  asking->api = call->api;
  asking->node = node->id;
  strncpy(asking->command, command, TT_COMMAND_NAME_MAX);
  tt_api_open_begin(&asking->open, call, &ops);
  asking->is_starting = true;
  return asking;
}

static void begun(struct asking *asking)
{
  asking->is_starting = false;
  if (asking->has_ended)
    free_asking(asking);
}

static void end(struct asking *asking)
{
  asking->has_ended = true;
  if (!asking->is_starting)
    free_asking(asking);
}

/* ---- commands ------------------------------------------------------------------------------------------------ */

static void add_label(json_object *out, const char *member, const struct tt_label *label, const char *language)
{
  const char *text = tt_label_for(label, language, NULL);
  if (text && *text)
    json_object_object_add(out, member, json_object_new_string(text));
}

static json_object *argument_json(const struct tt_node *node, const struct tt_point *argument, const char *language)
{
  const struct tt_value *preset = tt_argument_preset(node, argument);
  json_object *out = json_object_new_object();
  json_object_object_add(out, "name", json_object_new_string(argument->name));
  add_label(out, "label", &argument->label, language);
  json_object_object_add(out, "type", json_object_new_string(tt_type_name(argument->type)));
  if (*argument->unit)
    json_object_object_add(out, "unit", json_object_new_string(argument->unit));
  json_object_object_add(out, "required", json_object_new_boolean(!tt_argument_is_optional(argument)));
  if (argument->is_secret)
    json_object_object_add(out, "secret", json_object_new_boolean(true));
  else if (preset)
    json_object_object_add(out, tt_argument_is_optional(argument) ? "default" : "current", tt_json_value(preset));
  if (argument->write->has_range) {
    json_object_object_add(out, "min", json_object_new_double(argument->write->min));
    json_object_object_add(out, "max", json_object_new_double(argument->write->max));
  }
  if (argument->write->step > 0)
    json_object_object_add(out, "step", json_object_new_double(argument->write->step));
  if (argument->n_map > 0) {
    json_object *values = json_object_new_array();
    for (size_t i = 0; i < argument->n_map; i++)
      json_object_array_add(values, tt_json_value(&argument->map[i].value));
    json_object_object_add(out, "values", values);
  }
  return out;
}

static json_object *command_json(const struct tt_node *node, const struct tt_command *command, const char *language)
{
  json_object *out = json_object_new_object(), *arguments = json_object_new_array();
  json_object_object_add(out, "name", json_object_new_string(command->name));
  add_label(out, "label", &command->label, language);
  add_label(out, "confirm", &command->confirm, language);
  for (size_t i = 0; i < command->n_arguments; i++)
    json_object_array_add(arguments, argument_json(node, &command->arguments[i], language));
  json_object_object_add(out, "arguments", arguments);
  return out;
}

static void on_commands(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                        const struct tt_command *const commands[], size_t n)
{
  struct asking *asking = user;
  struct tt_api_client *client = asking->open.client;
  if (client && refusal != TT_OK) {
    tt_api_fail(client, asking->open.id, tt_api_refusal_code(refusal), "%s", text);
  } else if (client) {
    json_object *line = tt_api_line(asking->open.id), *list = json_object_new_array();
    for (size_t i = 0; i < n; i++)
      json_object_array_add(list, command_json(node, commands[i], client->caller.language));
    json_object_object_add(line, "node", json_object_new_string(node->key));
    json_object_object_add(line, "commands", list);
    tt_api_send_done(client, line);
  }
  end(asking);
}

void tt_api_commands(const struct tt_api_call *call)
{
  struct tt_node *node;
  const char *key;
  if (!tt_api_text(call, "node", true, &key) || !tt_api_node(call, key, &node))
    return;
  struct asking *asking = begin(call, node, "");
  if (!asking)
    return;
  tt_commands_list(call->api->core, &call->client->caller,
                   &(struct tt_ref){.node = key, .source = "", .partition = ""}, on_commands, asking);
  begun(asking);
}

/* ---- execute -------------------------------------------------------------------------------------------------- */

static void add_closest_command(const struct asking *asking, json_object *line)
{
  const struct tt_node *node = tt_tree_get(tt_core_tree(asking->api->core), asking->node);
  const char *names[TT_COMMANDS_MAX];
  size_t n = node ? node->n_commands : 0;
  for (size_t i = 0; i < n; i++)
    names[i] = node->commands[i].name;
  const char *closest = tt_closest(asking->command, names, n);
  if (closest)
    json_object_object_add(line, "did_you_mean", json_object_new_string(closest));
}

static json_object *error_json(const struct tt_execute_result *result, const struct tt_parameter_error *error)
{
  const char *names[TT_ARGUMENTS_MAX];
  size_t n = result->command ? result->command->n_arguments : 0;
  bool is_known = false;
  json_object *out = json_object_new_object();
  for (size_t i = 0; i < n; i++) {
    names[i] = result->command->arguments[i].name;
    is_known |= strcmp(names[i], error->name) == 0;
  }
  json_object_object_add(out, "name", json_object_new_string(error->name));
  json_object_object_add(out, "text", json_object_new_string(error->text));
  const char *closest =
      is_known || strlen(error->name) > TT_COMMAND_NAME_MAX ? NULL : tt_closest(error->name, names, n);
  if (closest)
    json_object_object_add(out, "did_you_mean", json_object_new_string(closest));
  return out;
}

static void on_result(void *user, const struct tt_execute_result *result)
{
  struct asking *asking = user;
  struct tt_api_client *client = asking->open.client;
  if (client && result->refusal == TT_OK) {
    json_object *line = tt_api_line(asking->open.id);
    if (result->text)
      json_object_object_add(line, "said", json_object_new_string(result->text));
    tt_api_send_done(client, line);
  } else if (client) {
    json_object *line = tt_api_error(asking->open.id, tt_api_refusal_code(result->refusal), "%s",
                                     result->text ? tt_tr(client->language, result->text) : "refused");
    json_object *errors = result->n_errors > 0 ? json_object_new_array() : NULL;
    for (size_t i = 0; i < result->n_errors; i++)
      json_object_array_add(errors, error_json(result, &result->errors[i]));
    if (errors)
      json_object_object_add(line, "errors", errors);
    if (result->refusal == TT_REFUSED_NOT_FOUND)
      add_closest_command(asking, line);
    tt_api_send(client, line);
  }
  end(asking);
}

/* "arguments": {"target": "0:01:00", "unit": 3} */
static bool take_arguments(const struct tt_api_call *call, const struct tt_node *node, const char *command,
                           struct tt_arena *arena, struct tt_assignment list[TT_ARGUMENTS_MAX], size_t *ret_n)
{
  json_object *object = NULL;
  struct tt_api_points points = {0};
  uint16_t i;
  *ret_n = 0;
  if (!json_object_object_get_ex(call->request, "arguments", &object))
    return true;
  if (!json_object_is_type(object, json_type_object) || json_object_object_length(object) > TT_ARGUMENTS_MAX) {
    tt_api_fail(call->client, call->id, "bad-request",
                "\"arguments\" must be an object with at most %d arguments and their values", TT_ARGUMENTS_MAX);
    return false;
  }
  if (tt_node_command(node, command, &i) == 0)
    points = (struct tt_api_points){node->commands[i].arguments, node->commands[i].n_arguments};
  *ret_n = (size_t)json_object_object_length(object);
  return tt_api_values(call, object, &points, arena, list);
}

/* `arena` is for what is needed until the command has begun. */
static void execute(const struct tt_api_call *call, struct tt_arena *arena)
{
  struct tt_assignment list[TT_ARGUMENTS_MAX];
  struct tt_execute_request request = {.caller = &call->client->caller, .arguments = list};
  struct tt_node *node;
  const char *key;
  if (!tt_api_text(call, "node", true, &key) || !tt_api_node(call, key, &node) ||
      !tt_api_text(call, "command", true, &request.command) ||
      !take_arguments(call, node, request.command, arena, list, &request.n_arguments))
    return;
  request.ref = (struct tt_ref){.node = key, .source = "", .partition = ""};
  struct asking *asking = begin(call, node, request.command);
  if (!asking)
    return;
  tt_command_execute(call->api->core, &request, on_result, asking);
  begun(asking);
}

void tt_api_execute(const struct tt_api_call *call)
{
  struct tt_arena *arena = tt_arena_create(TT_API_VALUES_MEMORY);
  if (arena)
    execute(call, arena);
  else
    tt_api_client_doom(call->client);
  tt_arena_destroy(arena);
}
