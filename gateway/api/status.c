/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: the request `status`: how the daemon is, in one line.
 */
#include "client.h"
#include "json.h"

#include <unistd.h>

#define TROUBLES_MAX 100 /* nodes that are not well, named in one answer; the counts count all */

struct status {
  json_object *xmpp, *connections, *rooms, *files, *counts;
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

static void on_session(void *user, const struct tt_status_session *session)
{
  struct status *status = user;
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

static void on_connection(void *user, const struct tt_status_connection *connection)
{
  struct status *status = user;
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

static void on_room(void *user, const struct tt_status_room *room)
{
  struct status *status = user;
  json_object *out = json_object_new_object();
  add_text(out, "jid", room->jid);
  add_text(out, "nick", room->nick);
  add_text(out, "state", room->is_in ? "in" : "out");
  add_text(out, "text", room->text);
  if (room->since_us)
    json_object_object_add(out, "since", tt_json_time(room->since_us));
  json_object_array_add(status->rooms, out);
}

static void on_file(void *user, const char *path)
{
  struct status *status = user;
  json_object_array_add(status->files, json_object_new_string(path));
}

static void on_count(void *user, const char *name, uint64_t value)
{
  struct status *status = user;
  add_number(status->counts, name, value);
}

static void on_trouble(void *user, const struct tt_node *node)
{
  json_object *troubles = user, *one;
  if (json_object_array_length(troubles) >= TROUBLES_MAX)
    return;
  one = json_object_new_object();
  add_text(one, "node", node->key);
  tt_json_state(one, node);
  json_object_array_add(troubles, one);
}

static void add_devices(const struct tt_api_call *call, json_object *line)
{
  json_object *troubles = json_object_new_array(), *devices = json_object_new_object();
  struct tt_device_counts counts = tt_count_devices(call->api->core, &call->client->caller, on_trouble, troubles);
  add_number(devices, "total", counts.total);
  for (size_t i = 0; i < TT_HEALTH_COUNT; i++)
    add_number(devices, tt_health_names[i], counts.of[i]);
  json_object_object_add(line, "devices", devices);
  json_object_object_add(line, "troubles", troubles);
}

void tt_api_status_request(const struct tt_api_call *call)
{
  struct tt_api *api = call->api;
  struct tt_now now = tt_core_now(api->core);
  struct status status = {
      .xmpp = json_object_new_array(),
      .connections = json_object_new_array(),
      .rooms = json_object_new_array(),
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
    api->hooks.status(api->hooks.user, &(struct tt_status_sink){.user = &status,
                                                                .session = on_session,
                                                                .connection = on_connection,
                                                                .room = on_room,
                                                                .file = on_file,
                                                                .count = on_count});
  json_object_object_add(line, "xmpp", status.xmpp);
  json_object_object_add(line, "connections", status.connections);
  json_object_object_add(line, "rooms", status.rooms);
  json_object_object_add(line, "files", status.files);
  add_number(status.counts, "api_clients", api->n_clients);
  add_number(status.counts, "api_refused", api->n_refused);
  add_number(status.counts, "api_dropped", api->n_dropped);
  json_object_object_add(line, "counts", status.counts);
  tt_api_send_done(call->client, line);
}
