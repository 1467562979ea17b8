/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.c: the requests `requests`, `accept`, `deny` and `revoke`: who asked to be let in, and the decision.
 */
#include "client.h"
#include "json.h"
#include "trust/admission.h"

void tt_api_requests(const struct tt_api_call *call)
{
  struct tt_request pending[TT_REQUESTS_MAX];
  size_t n = tt_access_requests(call->api->access, pending, TT_COUNT(pending));
  json_object *line = tt_api_line(call->id);
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < n; i++) {
    json_object *one = json_object_new_object();
    json_object_object_add(one, "jid", json_object_new_string(pending[i].bare));
    if (pending[i].via)
      json_object_object_add(one, "via", json_object_new_string(pending[i].via));
    json_object_object_add(one, "at", tt_json_time(pending[i].stamp_us));
    if (pending[i].nodes)
      json_object_object_add(one, "nodes", json_object_new_string(pending[i].nodes));
    json_object_array_add(list, one);
  }
  json_object_object_add(line, "requests", list);
  tt_api_send_done(call->client, line);
}

/* `granted` (NULL: none) is told with a success; taken over. */
static void answer(const struct tt_api_call *call, const char *jid, int r, const char *missing,
                   json_object *granted)
{
  json_object *line;
  switch (r) {
  case -ENOTUNIQ:
    json_object_put(granted);
    tt_api_fail(call->client, call->id, "bad-request",
                "the node that %.128s asked for cannot be named by a glob; say which", jid);
    return;
  case -EINVAL:
    json_object_put(granted);
    tt_api_fail(call->client, call->id, "bad-request", "\"%.128s\" is not a JID", jid);
    return;
  case -ENOENT:
    json_object_put(granted);
    tt_api_fail(call->client, call->id, "not-found", "%.128s %s", jid, missing);
    return;
  case -ENOSPC:
    json_object_put(granted);
    tt_api_fail(call->client, call->id, "busy", "there are %d rules already", TT_RULES_MAX);
    return;
  default:
    if (r < 0) {
      json_object_put(granted);
      tt_api_fail(call->client, call->id, "failed", "the rule could not be written: %s", strerror(-r));
      return;
    }
  }
  line = tt_api_line(call->id);
  json_object_object_add(line, "jid", json_object_new_string(jid));
  if (granted)
    json_object_object_add(line, "nodes", granted);
  tt_api_send_done(call->client, line);
}

static int decide(const struct tt_api_call *call, const struct tt_admission *admission)
{
  const struct tt_api *api = call->api;
  return tt_admission_do(api->access, api->hooks.audit, tt_core_now(api->core), &call->client->caller, admission);
}

/* What is granted because it was asked for, when the request does not say; NULL: as said, or everything. */
static json_object *granted_nodes(const struct tt_api_call *call, const char *jid, const char *nodes)
{
  struct tt_request pending[TT_REQUESTS_MAX];
  char bare[3072];
  size_t n = tt_access_requests(call->api->access, pending, TT_COUNT(pending));
  json_object *list = json_object_new_array();
  bool is_all = nodes || tt_jid_bare(jid, bare, sizeof(bare)) < 0;
  for (size_t i = 0; i < n && !is_all; i++)
    if (strcmp(pending[i].bare, bare) == 0) {
      is_all = !pending[i].nodes;
      json_object_array_add(list, json_object_new_string(pending[i].nodes ? pending[i].nodes : ""));
    }
  if (!is_all && json_object_array_length(list) > 0)
    return list;
  json_object_put(list);
  return NULL;
}

void tt_api_accept(const struct tt_api_call *call)
{
  const char *jid, *role_name, *nodes;
  enum tt_role role;
  if (!tt_api_text(call, "jid", true, &jid) || !tt_api_text(call, "role", true, &role_name) ||
      !tt_api_text(call, "nodes", false, &nodes))
    return;
  if (tt_role_parse(role_name, &role) < 0 || role == TT_ROLE_NONE) {
    tt_api_fail(call->client, call->id, "bad-request", "\"%.64s\" is not a role: reader, operator or admin",
                role_name);
    return;
  }
  json_object *granted = granted_nodes(call, jid, nodes); /* before: accepting forgets what was asked for */
  const struct tt_admission admission = {TT_DECISION_ACCEPT, jid, role, nodes};
  answer(call, jid, decide(call, &admission), "", granted);
}

void tt_api_deny(const struct tt_api_call *call)
{
  const char *jid;
  if (tt_api_text(call, "jid", true, &jid))
    answer(call, jid, decide(call, &(struct tt_admission){TT_DECISION_DENY, jid, TT_ROLE_NONE, NULL}),
           "has not asked", NULL);
}

void tt_api_revoke(const struct tt_api_call *call)
{
  const char *jid;
  if (tt_api_text(call, "jid", true, &jid))
    answer(call, jid, decide(call, &(struct tt_admission){TT_DECISION_REVOKE, jid, TT_ROLE_NONE, NULL}),
           "has no rule from `accept`; those of the configuration are changed there", NULL);
}
