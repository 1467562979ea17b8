/* SPDX-License-Identifier: Apache-2.0
 *
 * set.c: the request `set`: parameters of one or more nodes, validity, permission, order and verification as the
 * model says. A set cannot be called back: when its client goes it is carried out all the same, and nobody is told.
 */
#include "client.h"
#include "json.h"
#include "text/text.h"

#include <utlist.h>

struct setting {
  struct tt_api_open open;
  struct tt_api *api;
  tt_id node; /* the first one, to say what was meant */
  bool is_starting, has_ended;
};

static void free_setting(struct setting *setting)
{
  if (setting->open.client)
    tt_api_open_end(&setting->open);
  else
    DL_DELETE(setting->api->orphans, &setting->open);
  free(setting);
}

static void orphan(struct tt_api_open *open)
{
  struct setting *setting = TT_CONTAINER_OF(open, struct setting, open);
  tt_api_open_end(open);
  DL_APPEND(setting->api->orphans, open);
}

static const struct tt_api_open_ops ops = {.cancel = orphan};

static void add_errors(const struct setting *setting, json_object *line, const struct tt_set_result *result)
{
  struct tt_node *node = tt_tree_get(tt_core_tree(setting->api->core), setting->node);
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < result->n_errors; i++) {
    const struct tt_parameter_error *error = &result->errors[i];
    json_object *one = json_object_new_object();
    json_object_object_add(one, "name", json_object_new_string(error->name));
    if (error->text)
      json_object_object_add(one, "text", json_object_new_string(error->text));
    uint16_t point;
    const char *closest = node && tt_node_point(node, error->name, &point) < 0
                              ? tt_api_closest_point(&node, 1, error->name, true)
                              : NULL;
    if (closest)
      json_object_object_add(one, "did_you_mean", json_object_new_string(closest));
    json_object_array_add(list, one);
  }
  if (result->n_errors > 0)
    json_object_object_add(line, "errors", list);
  else
    json_object_put(list);
}

static json_object *done_names(const struct tt_set_result *result)
{
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < result->n_names; i++)
    json_object_array_add(list, json_object_new_string(result->names[i]));
  return list;
}

static json_object *done_nodes(const struct tt_set_result *result)
{
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < result->n_nodes; i++)
    json_object_array_add(list, json_object_new_string(result->nodes[i]->key));
  return list;
}

static void on_result(void *user, const struct tt_set_result *result)
{
  struct setting *setting = user;
  struct tt_api_client *client = setting->open.client;
  if (client) {
    bool is_done = result->refusal == TT_OK;
    json_object *line = is_done ? tt_api_line(setting->open.id)
                                : tt_api_error(setting->open.id, tt_api_refusal_code(result->refusal), "%s",
                                               result->text ? tt_tr(client->language, result->text) : "refused");
    add_errors(setting, line, result);
    json_object_object_add(line, "nodes", done_nodes(result));
    json_object_object_add(line, "names", done_names(result));
    json_object_object_add(line, "complete", json_object_new_boolean(is_done && result->is_complete));
    if (is_done)
      tt_api_send_done(client, line);
    else
      tt_api_send(client, line);
  }
  setting->has_ended = true;
  if (!setting->is_starting)
    free_setting(setting);
}

/* "set": {"relay": true, "level": 30}: in the order written. What the first node's parameters are says how the values
 * are read. */
static bool assignments(const struct tt_api_call *call, const struct tt_node *node, struct tt_arena *arena,
                        struct tt_assignment **ret, size_t *ret_n)
{
  json_object *set = NULL;
  json_object_object_get_ex(call->request, "set", &set);
  int n = json_object_is_type(set, json_type_object) ? json_object_object_length(set) : 0;
  if (n < 1 || n > TT_CONTROL_PARAMETERS_MAX) {
    tt_api_fail(call->client, call->id, "bad-request",
                "\"set\" must be an object with 1 to %d parameters and their values", TT_CONTROL_PARAMETERS_MAX);
    return false;
  }
  TT_AUTOFREE struct tt_assignment *list = calloc((size_t)n, sizeof(*list));
  if (!list) {
    tt_api_client_doom(call->client);
    return false;
  }
  if (!tt_api_values(call, set, &(struct tt_api_points){node->points, node->n_points}, arena, list))
    return false;
  *ret = TT_STEAL(list);
  *ret_n = (size_t)n;
  return true;
}

/* `arena` is for what is needed until the control has begun. */
static void set(const struct tt_api_call *call, struct tt_arena *arena)
{
  struct tt_set_request request = {.caller = &call->client->caller};
  TT_AUTOFREE struct tt_assignment *list = NULL;
  TT_AUTOFREE struct tt_ref *refs = NULL;
  TT_AUTOFREE struct tt_node **nodes = NULL;
  if (!tt_api_nodes(call, true, &refs, &nodes, &request.n_refs) ||
      !assignments(call, nodes[0], arena, &list, &request.n_assignments))
    return;
  request.refs = refs;
  request.assignments = list;
  struct setting *setting = calloc(1, sizeof(*setting));
  if (!setting) {
    tt_api_client_doom(call->client);
    return;
  }
  setting->api = call->api;
  setting->node = nodes[0]->id;
  tt_api_open_begin(&setting->open, call, &ops);
  setting->is_starting = true;
  tt_control_start(call->api->core, &request, on_result, setting);
  setting->is_starting = false;
  if (setting->has_ended)
    free_setting(setting);
}

void tt_api_set(const struct tt_api_call *call)
{
  struct tt_arena *arena = tt_arena_create(TT_API_VALUES_MEMORY);
  if (arena)
    set(call, arena);
  else
    tt_api_client_doom(call->client);
  tt_arena_destroy(arena);
}
