/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c: the requests `discover`, a line per candidate, and `adopt`.
 */
#include "client.h"

#include <utlist.h>

#define TIMEOUT_MAX_S 120
#define TIMEOUT_S     5

struct discovering {
  struct tt_api_open open;
  struct tt_api *api;
};

static void orphan(struct tt_api_open *open)
{
  struct discovering *d = TT_CONTAINER_OF(open, struct discovering, open);
  tt_api_open_end(open);
  DL_APPEND(d->api->orphans, open);
}

static const struct tt_api_open_ops ops = {.cancel = orphan};

static void add_text(json_object *out, const char *member, const char *text)
{
  if (text && *text)
    json_object_object_add(out, member, json_object_new_string(text));
}

static void on_candidate(void *user, const struct tt_api_candidate *c)
{
  struct discovering *d = user;
  const struct {
    const char *name, *text;
  } rows[] = {{"candidate", c->key},     {"connection", c->connection},
              {"protocol", c->protocol}, {"own_id", c->id},
              {"name", c->name},         {"vendor", c->vendor},
              {"model", c->model},       {"address", c->address},
              {"mapping", c->mapping},   {"sure", c->sure},
              {"missing", c->missing},   {"device", c->device}};
  if (!d->open.client)
    return;
  json_object *line = tt_api_line(d->open.id);
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    add_text(line, rows[i].name, rows[i].text);
  tt_api_send(d->open.client, line);
}

static void say(void *user, const char *connection, const char *member, const char *text)
{
  struct discovering *d = user;
  if (!d->open.client)
    return;
  json_object *line = tt_api_line(d->open.id);
  add_text(line, "connection", connection);
  add_text(line, member, text);
  tt_api_send(d->open.client, line);
}

static void on_problem(void *user, const char *connection, const char *text)
{
  say(user, connection, "problem", text);
}

static void on_blind(void *user, const char *connection, const char *text)
{
  say(user, connection, "note", text);
}

static void free_discovering(struct discovering *d)
{
  if (d->open.client)
    tt_api_open_end(&d->open);
  else
    DL_DELETE(d->api->orphans, &d->open);
  free(d);
}

static void on_done(void *user, const char *error)
{
  struct discovering *d = user;
  if (d->open.client && error)
    tt_api_fail(d->open.client, d->open.id, "failed", "%s", error);
  else if (d->open.client)
    tt_api_send_done(d->open.client, tt_api_line(d->open.id));
  free_discovering(d);
}

static bool timeout_of(const struct tt_api_call *call, uint64_t *ret_us)
{
  json_object *value;
  int64_t seconds = TIMEOUT_S;
  if (json_object_object_get_ex(call->request, "timeout", &value))
    seconds = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
  if (seconds < 1 || seconds > TIMEOUT_MAX_S) {
    tt_api_fail(call->client, call->id, "bad-request", "\"timeout\" must be 1 to %d seconds", TIMEOUT_MAX_S);
    return false;
  }
  *ret_us = (uint64_t)seconds * TT_USEC_PER_SEC;
  return true;
}

void tt_api_discover(const struct tt_api_call *call)
{
  const struct tt_api_hooks *hooks = &call->api->hooks;
  const char *connection;
  uint64_t timeout_us;
  if (!tt_api_text(call, "connection", false, &connection) || !timeout_of(call, &timeout_us))
    return;
  if (!hooks->discover) {
    tt_api_fail(call->client, call->id, "not-supported", "this daemon discovers nothing");
    return;
  }
  struct discovering *d = calloc(1, sizeof(*d));
  if (!d) {
    tt_api_client_doom(call->client);
    return;
  }
  d->api = call->api;
  tt_api_open_begin(&d->open, call, &ops);
  const struct tt_api_discovery fns = {
      .user = d, .candidate = on_candidate, .problem = on_problem, .blind = on_blind, .done = on_done};
  int r = hooks->discover(hooks->user, connection, timeout_us, &fns);
  if (r == 0)
    return;
  if (r == -ENOENT)
    tt_api_fail(call->client, call->id, "not-found", "there is no connection \"%.200s\"",
                connection ? connection : "");
  else if (r == -EBUSY)
    tt_api_fail(call->client, call->id, "busy", "somebody else is discovering");
  else
    tt_api_fail(call->client, call->id, "failed", "%s", strerror(-r));
  free_discovering(d);
}

void tt_api_adopt(const struct tt_api_call *call)
{
  const struct tt_api_hooks *hooks = &call->api->hooks;
  struct tt_api_adoption *a = calloc(1, sizeof(*a));
  if (!a) {
    tt_api_client_doom(call->client);
    return;
  }
  struct tt_fact *with TT_AUTOFREE = NULL;
  a->caller = &call->client->caller;
  if (tt_api_text(call, "candidate", true, &a->candidate) && tt_api_text(call, "as", false, &a->as) &&
      tt_api_text(call, "under", false, &a->under) && tt_api_text(call, "uses", false, &a->uses) &&
      tt_api_pairs(call, "with", &with, &a->n_with) && tt_api_flag(call, "dry_run", &a->is_dry)) {
    a->with = with;
    if (hooks->adopt)
      hooks->adopt(hooks->user, a);
    else
      a->code = "not-supported";
    json_object *line = a->code ? tt_api_error(call->id, a->code, "%s", a->why) : tt_api_line(call->id);
    if (!a->code) {
      add_text(line, "node", a->key);
      add_text(line, "file", a->file);
      add_text(line, "yaml", a->text);
      json_object_object_add(line, "dry_run", json_object_new_boolean(a->is_dry));
      json_object_object_add(line, "done", json_object_new_boolean(true));
    }
    add_text(line, "diagnostics", a->diagnostics);
    tt_api_send(call->client, line);
  }
  free(a->text);
  free(a->diagnostics);
  free(a);
}
