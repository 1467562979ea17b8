/* SPDX-License-Identifier: Apache-2.0
 *
 * reload.c: the request `reload`: take up the configuration as it is now. Refused or not, the answer is a line with what
 * came of it; an error means that it was not even tried.
 */
#include "client.h"

static json_object *changes(const struct tt_api_changes *c)
{
  const struct {
    const char *name;
    size_t n;
  } rows[] = {{"added", c->added}, {"changed", c->changed}, {"removed", c->removed}, {"unchanged", c->unchanged}};
  json_object *out = json_object_new_object();
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    json_object_object_add(out, rows[i].name, json_object_new_int64((int64_t)rows[i].n));
  return out;
}

void tt_api_reload_request(const struct tt_api_call *call)
{
  const struct tt_api_hooks *hooks = &call->api->hooks;
  struct tt_api_reload result = {0};
  int r = hooks->reload ? hooks->reload(hooks->user, &result) : -EOPNOTSUPP;
  if (r < 0) {
    tt_api_fail(call->client, call->id, r == -EOPNOTSUPP ? "not-supported" : "failed",
                "the configuration could not be loaded: %s", strerror(-r));
    return;
  }
  json_object *line = tt_api_line(call->id);
  json_object_object_add(line, "refused", json_object_new_boolean(result.is_refused));
  if (*result.why)
    json_object_object_add(line, "text", json_object_new_string(result.why));
  json_object_object_add(line, "errors", json_object_new_int64((int64_t)result.errors));
  if (!result.is_refused) {
    json_object_object_add(line, "devices", changes(&result.devices));
    json_object_object_add(line, "connections", changes(&result.connections));
  }
  json_object_object_add(line, "diagnostics", json_object_new_string(result.diagnostics ? result.diagnostics : ""));
  free(result.diagnostics);
  tt_api_send_done(call->client, line);
}
