/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: the request `status`: how the daemon is, in one line.
 */
#include "client.h"
#include "json.h"

#include <unistd.h>

#define TROUBLES_MAX 100 /* nodes that are not well, named in one answer; the counts count all */

struct tt_api_status {
  json_object *xmpp, *connections, *files, *counts;
};

static void add_text(json_object *out, const char *member, const char *text)
{
  if (text)
    json_object_object_add(out, member, json_object_new_string(text));
}

static void add_number(json_object *out, const char *member, uint64_t number)
{
  json_object_object_add(out, member, json_object_new_int64((int64_t)number));
}

void tt_api_status_session(struct tt_api_status *status, const struct tt_api_session *session)
{
  json_object *out = json_object_new_object();
  add_text(out, "kind", session->kind);
  add_text(out, "jid", session->jid);
  add_text(out, "server", session->server);
  add_text(out, "state", session->is_online ? "online" : "offline");
  add_text(out, "text", session->text);
  if (session->since_us)
    json_object_object_add(out, "since", tt_json_time(session->since_us));
  add_number(out, "sent", session->sent);
  add_number(out, "received", session->received);
  add_number(out, "dropped", session->dropped);
  add_number(out, "queued", session->queued);
  json_object_array_add(status->xmpp, out);
}

void tt_api_status_connection(struct tt_api_status *status, const struct tt_api_connection *connection)
{
  json_object *out = json_object_new_object();
  add_text(out, "name", connection->name);
  add_text(out, "protocol", connection->protocol);
  add_text(out, "state", connection->state);
  add_text(out, "text", connection->text);
  add_number(out, "devices", connection->devices);
  add_number(out, "requests", connection->requests);
  add_number(out, "reads", connection->reads);
  add_number(out, "writes", connection->writes);
  add_number(out, "reports", connection->reports);
  add_number(out, "errors", connection->errors);
  add_number(out, "timeouts", connection->timeouts);
  add_number(out, "dropped", connection->dropped);
  if (connection->pid > 0)
    add_number(out, "pid", (uint64_t)connection->pid);
  if (connection->restarts > 0)
    add_number(out, "restarts", connection->restarts);
  json_object_array_add(status->connections, out);
}

void tt_api_status_file(struct tt_api_status *status, const char *path)
{
  json_object_array_add(status->files, json_object_new_string(path));
}

void tt_api_status_count(struct tt_api_status *status, const char *name, uint64_t value)
{
  add_number(status->counts, name, value);
}

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_ERROR, HEALTH_DISABLED };

static enum health health_of(const struct tt_node *node)
{
  if (node->is_disabled)
    return HEALTH_DISABLED;
  switch (tt_node_state(node)) {
  case TT_STATE_NONE:
  case TT_STATE_INFORMATION:
    return HEALTH_OK;
  case TT_STATE_WARNING_SIGNED:
  case TT_STATE_WARNING_UNSIGNED:
    return HEALTH_WARNING;
  case TT_STATE_ERROR_SIGNED:
  case TT_STATE_ERROR_UNSIGNED:
    return HEALTH_ERROR;
  }
  return HEALTH_OK;
}

static void add_devices(const struct tt_api_call *call, json_object *line)
{
  static const char *const names[] = {"ok", "warning", "error", "disabled"};
  struct tt_tree *tree = tt_core_tree(call->api->core);
  uint64_t counts[TT_COUNT(names)] = {0};
  size_t n = 0, n_troubles = 0;
  json_object *troubles = json_object_new_array();
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node)) {
    if (node->kind != TT_NODE_DEVICE ||
        tt_core_sight(call->api->core, &call->client->caller, node) != TT_SIGHT_FULL)
      continue;
    enum health health = health_of(node);
    n++;
    counts[health]++;
    if (health == HEALTH_OK || n_troubles++ >= TROUBLES_MAX)
      continue;
    json_object *one = json_object_new_object();
    add_text(one, "node", node->key);
    tt_json_state(one, node);
    json_object_array_add(troubles, one);
  }
  json_object *devices = json_object_new_object();
  add_number(devices, "total", n);
  for (size_t i = 0; i < TT_COUNT(names); i++)
    add_number(devices, names[i], counts[i]);
  json_object_object_add(line, "devices", devices);
  json_object_object_add(line, "troubles", troubles);
}

void tt_api_status_request(const struct tt_api_call *call)
{
  struct tt_api *api = call->api;
  struct tt_now now = tt_core_now(api->core);
  struct tt_api_status status = {
      .xmpp = json_object_new_array(),
      .connections = json_object_new_array(),
      .files = json_object_new_array(),
      .counts = json_object_new_object(),
  };
  json_object *line = tt_api_line(call->id);
  add_text(line, "version", TT_VERSION);
  add_number(line, "pid", (uint64_t)getpid());
  json_object_object_add(line, "started", tt_json_time(api->started_wall_us));
  add_number(line, "uptime_s", (now.mono_us - api->started_mono_us) / TT_USEC_PER_SEC);
  add_number(line, "nodes", tt_tree_size(tt_core_tree(api->core)));
  add_devices(call, line);
  if (api->hooks.status)
    api->hooks.status(api->hooks.user, &status);
  json_object_object_add(line, "xmpp", status.xmpp);
  json_object_object_add(line, "connections", status.connections);
  json_object_object_add(line, "files", status.files);
  add_number(status.counts, "api_clients", api->n_clients);
  add_number(status.counts, "api_refused", api->n_refused);
  add_number(status.counts, "api_dropped", api->n_dropped);
  json_object_object_add(line, "counts", status.counts);
  tt_api_send_done(call->client, line);
}
