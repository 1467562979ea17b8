/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: the request `read`: a readout like that of any other reader; a line per node that answers, a line per node
 * that does not.
 */
#include "client.h"
#include "json.h"
#include "model/readout.h"
#include "text/text.h"

struct reading {
  struct tt_api_open open;
  struct tt_core *core;
  tt_id readout;
  bool is_starting; /* the model is calling from within tt_readout_start() */
  bool has_ended;
  bool is_too_large; /* what came did not fit; the rest is not sent either */
};

static void free_reading(struct reading *reading)
{
  tt_api_open_end(&reading->open);
  free(reading);
}

static void end(struct reading *reading)
{
  reading->has_ended = true;
  if (!reading->is_starting)
    free_reading(reading);
}

static void cancel(struct tt_api_open *open)
{
  struct reading *reading = TT_CONTAINER_OF(open, struct reading, open);
  tt_readout_cancel(reading->core, reading->readout);
  free_reading(reading);
}

static const struct tt_api_open_ops ops = {.cancel = cancel};

static void on_refused(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref)
{
  struct reading *reading = user;
  json_object *line = tt_api_error(reading->open.id, tt_api_refusal_code(refusal), "%s",
                                   text ? tt_tr(reading->open.client->language, text) : "refused");
  if (ref)
    json_object_object_add(line, "node", json_object_new_string(ref->node));
  tt_api_send(reading->open.client, line);
  end(reading);
}

static void on_accepted(void *user TT_UNUSED, bool is_queued TT_UNUSED)
{
}

static void on_started(void *user TT_UNUSED)
{
}

static void on_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct reading *reading = user;
  struct tt_api_client *client = reading->open.client;
  if (reading->is_too_large || tt_api_client_pending(client) > TT_API_OUTPUT_MAX / 2) {
    reading->is_too_large = true;
    return;
  }
  json_object *line = tt_api_line(reading->open.id);
  json_object *list = json_object_new_array();
  json_object_object_add(line, "node", json_object_new_string(node->key));
  json_object_object_add(line, "label", json_object_new_string(tt_node_label(node, client->language)));
  for (size_t i = 0; i < n; i++) {
    uint16_t point;
    if (tt_node_point(node, fields[i]->name, &point) >= 0)
      json_object_array_add(list, tt_json_field(node, point, tt_core_now(reading->core), client->language));
  }
  json_object_object_add(line, "fields", list);
  tt_api_send(client, line);
}

static void on_failed(void *user, const struct tt_node *node TT_UNUSED, const char *key, uint64_t wall_us,
                      const char *text)
{
  struct reading *reading = user;
  if (reading->is_too_large)
    return;
  json_object *line = tt_api_line(reading->open.id);
  json_object_object_add(line, "node", json_object_new_string(key));
  json_object_object_add(line, "at", tt_json_time(wall_us));
  json_object_object_add(line, "failed", json_object_new_string(text ? text : "no answer"));
  tt_api_send(reading->open.client, line);
}

static void on_done(void *user)
{
  struct reading *reading = user;
  if (reading->is_too_large)
    tt_api_fail(reading->open.client, reading->open.id, tt_api_refusal_code(TT_REFUSED_TOO_LARGE),
                "more than %zu bytes; name fewer nodes, or fields", TT_API_OUTPUT_MAX / 2);
  else
    tt_api_send_done(reading->open.client, tt_api_line(reading->open.id));
  end(reading);
}

static const struct tt_read_sink sink = {
    .refused = on_refused,
    .accepted = on_accepted,
    .started = on_started,
    .fields = on_fields,
    .failed = on_failed,
    .done = on_done,
};

/* A field that no named node has is answered here, for only here can it be said what was meant. */
static bool fields_exist(const struct tt_api_call *call, struct tt_node *const nodes[], size_t n_nodes,
                         const char *const names[], size_t n_names)
{
  for (size_t i = 0; i < n_names; i++) {
    uint16_t point;
    size_t having = 0;
    while (having < n_nodes && tt_node_point(nodes[having], names[i], &point) < 0)
      having++;
    if (having < n_nodes)
      continue;
    json_object *line =
        n_nodes == 1 ? tt_api_error(call->id, "not-found", "%s has no field \"%s\"", nodes[0]->key, names[i])
                     : tt_api_error(call->id, "not-found", "none of these nodes has a field \"%s\"", names[i]);
    const char *closest = tt_api_closest_point(nodes, n_nodes, names[i], false);
    if (closest)
      json_object_object_add(line, "did_you_mean", json_object_new_string(closest));
    tt_api_send(call->client, line);
    return false;
  }
  return true;
}

static bool categories(const struct tt_api_call *call, unsigned *ret)
{
  TT_AUTOFREE const char **names = NULL;
  size_t n;
  if (!tt_api_texts(call, "categories", false, &names, &n))
    return false;
  for (size_t i = 0; i < n; i++) {
    unsigned bit = tt_json_category(names[i]);
    if (!bit) {
      tt_api_fail(call->client, call->id, "bad-request", "there is no category \"%.64s\"", names[i]);
      return false;
    }
    *ret |= bit;
  }
  return true;
}

void tt_api_read(const struct tt_api_call *call)
{
  struct tt_read_request request = {.caller = &call->client->caller};
  TT_AUTOFREE const char **fields = NULL;
  TT_AUTOFREE struct tt_ref *refs = NULL;
  TT_AUTOFREE struct tt_node **nodes = NULL;
  if (!tt_api_nodes(call, true, &refs, &nodes, &request.n_refs) ||
      !tt_api_texts(call, "fields", false, &fields, &request.n_fields) || !categories(call, &request.categories) ||
      !tt_api_flag(call, "from_device", &request.is_from_device) ||
      !fields_exist(call, nodes, request.n_refs, fields, request.n_fields))
    return;
  request.refs = refs;
  request.fields = fields;
  struct reading *reading = calloc(1, sizeof(*reading));
  if (!reading) {
    tt_api_client_doom(call->client);
    return;
  }
  tt_api_open_begin(&reading->open, call, &ops);
  reading->core = call->api->core;
  reading->is_starting = true;
  reading->readout = tt_readout_start(call->api->core, &request, &sink, reading);
  reading->is_starting = false;
  if (reading->has_ended)
    free_reading(reading);
}
