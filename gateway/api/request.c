/* SPDX-License-Identifier: Apache-2.0
 *
 * request.c: a line becomes a call: parsing, the table of requests, and what all requests need to look at their
 * members and to answer.
 */
#include "client.h"

#define ID_MAX 64 /* bytes of a request's id, as JSON */

struct row {
  const char *name;
  enum tt_role least;
  enum tt_access_op op;    /* what the audit calls a refusal */
  const char *members[10]; /* beside id, do, language; ends with NULL */
  void (*fn)(const struct tt_api_call *call);
};

static const struct row rows[] = {
    {"tree", TT_ROLE_READER, TT_ACCESS_BROWSE, {"node"}, tt_api_tree},
    {"read", TT_ROLE_READER, TT_ACCESS_READ, {"nodes", "fields", "categories", "from_device"}, tt_api_read},
    {"set", TT_ROLE_OPERATOR, TT_ACCESS_CONTROL, {"nodes", "set"}, tt_api_set},
    {"commands", TT_ROLE_OPERATOR, TT_ACCESS_CONTROL, {"node"}, tt_api_commands},
    {"execute", TT_ROLE_OPERATOR, TT_ACCESS_CONTROL, {"node", "command", "arguments"}, tt_api_execute},
    {"watch", TT_ROLE_READER, TT_ACCESS_READ, {"nodes"}, tt_api_watch},
    {"status", TT_ROLE_READER, TT_ACCESS_BROWSE, {NULL}, tt_api_status_request},
    {"requests", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {NULL}, tt_api_requests},
    {"accept", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"jid", "role", "nodes"}, tt_api_accept},
    {"deny", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"jid"}, tt_api_deny},
    {"revoke", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"jid"}, tt_api_revoke},
    {"blocked", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {NULL}, tt_api_blocked},
    {"block", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"jid", "report", "text"}, tt_api_block},
    {"unblock", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"jid"}, tt_api_unblock},
    {"discover", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {"connection", "timeout"}, tt_api_discover},
    {"adopt",
     TT_ROLE_ADMIN,
     TT_ACCESS_ADMIN,
     {"candidate", "as", "under", "uses", "with", "dry_run"},
     tt_api_adopt},
    {"reload", TT_ROLE_ADMIN, TT_ACCESS_ADMIN, {NULL}, tt_api_reload_request},
};

static const char *const refusal_codes[TT_REFUSAL_COUNT] = {
    [TT_OK] = "ok",
    [TT_REFUSED_NOT_FOUND] = "not-found",
    [TT_REFUSED_FORBIDDEN] = "forbidden",
    [TT_REFUSED_BAD_REQUEST] = "bad-request",
    [TT_REFUSED_CONFLICT] = "conflict",
    [TT_REFUSED_NOT_SUPPORTED] = "not-supported",
    [TT_REFUSED_TIMEOUT] = "timeout",
    [TT_REFUSED_DEVICE] = "device",
    [TT_REFUSED_BUSY] = "busy",
    [TT_REFUSED_TOO_LARGE] = "too-large",
};

const char *tt_api_refusal_code(enum tt_refusal refusal)
{
  return refusal_codes[refusal];
}

json_object *tt_api_line(json_object *id)
{
  json_object *line = json_object_new_object();
  if (id)
    json_object_object_add(line, "id", json_object_get(id));
  return line;
}

void tt_api_send_done(struct tt_api_client *client, json_object *line)
{
  json_object_object_add(line, "done", json_object_new_boolean(true));
  tt_api_send(client, line);
}

static json_object *error_line(json_object *id, const char *code, const char *format, va_list ap)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(4096);
  tt_buf_vprintf(&text, format, ap);
  json_object *line = tt_api_line(id);
  json_object_object_add(line, "error", json_object_new_string(code));
  json_object_object_add(line, "text", json_object_new_string(text.data ? text.data : ""));
  return line;
}

json_object *tt_api_error(json_object *id, const char *code, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  json_object *line = error_line(id, code, format, ap);
  va_end(ap);
  return line;
}

void tt_api_fail(struct tt_api_client *client, json_object *id, const char *code, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  tt_api_send(client, error_line(id, code, format, ap));
  va_end(ap);
}

/* ---- Members ------------------------------------------------------------------------------------------------ */

/* JSON can say \u0000, C cannot. */
static const char *plain_text(json_object *value)
{
  const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
  return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static bool wrong(const struct tt_api_call *call, const char *member, const char *wanted)
{
  tt_api_fail(call->client, call->id, "bad-request", "\"%s\" must be %s", member, wanted);
  return false;
}

bool tt_api_text(const struct tt_api_call *call, const char *member, bool is_required, const char **ret)
{
  json_object *value;
  if (!json_object_object_get_ex(call->request, member, &value)) {
    *ret = NULL;
    return !is_required || wrong(call, member, "given");
  }
  const char *text = plain_text(value);
  if (!text)
    return wrong(call, member, "a text");
  *ret = text;
  return true;
}

bool tt_api_flag(const struct tt_api_call *call, const char *member, bool *ret)
{
  json_object *value;
  if (!json_object_object_get_ex(call->request, member, &value))
    return true;
  if (!json_object_is_type(value, json_type_boolean))
    return wrong(call, member, "true or false");
  *ret = json_object_get_boolean(value);
  return true;
}

bool tt_api_texts(const struct tt_api_call *call, const char *member, bool is_required, const char ***ret,
                  size_t *ret_n)
{
  json_object *value;
  if (!json_object_object_get_ex(call->request, member, &value)) {
    *ret = NULL;
    *ret_n = 0;
    return !is_required || wrong(call, member, "given");
  }
  bool is_list = json_object_is_type(value, json_type_array);
  size_t n = is_list ? json_object_array_length(value) : 1;
  if (n == 0 || n > TT_API_NAMES_MAX)
    return wrong(call, member, "a list of 1 to 500 texts");
  TT_AUTOFREE const char **texts = calloc(n, sizeof(*texts));
  if (!texts) {
    tt_api_client_doom(call->client);
    return false;
  }
  for (size_t i = 0; i < n; i++)
    if (!(texts[i] = plain_text(is_list ? json_object_array_get_idx(value, i) : value)))
      return wrong(call, member, "a text or a list of texts");
  *ret = TT_STEAL(texts);
  *ret_n = n;
  return true;
}

bool tt_api_pairs(const struct tt_api_call *call, const char *member, struct tt_fact **ret, size_t *ret_n)
{
  json_object *value;
  size_t n = 0;
  if (!json_object_object_get_ex(call->request, member, &value)) {
    *ret = NULL;
    *ret_n = 0;
    return true;
  }
  if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) > TT_API_PAIRS_MAX)
    return wrong(call, member, "an object of up to 100 texts");
  TT_AUTOFREE struct tt_fact *pairs = calloc(TT_API_PAIRS_MAX, sizeof(*pairs));
  if (!pairs) {
    tt_api_client_doom(call->client);
    return false;
  }
  json_object_object_foreach(value, name, text)
  {
    pairs[n] = (struct tt_fact){name, plain_text(text)};
    if (!pairs[n++].value)
      return wrong(call, member, "an object of up to 100 texts");
  }
  *ret = TT_STEAL(pairs);
  *ret_n = n;
  return true;
}

static const char *closest_node(const struct tt_api_call *call, const char *key)
{
  struct tt_tree *tree = tt_core_tree(call->api->core);
  size_t n = 0;
  TT_AUTOFREE const char **keys = calloc(tt_tree_size(tree) + 1, sizeof(*keys));
  if (!keys)
    return NULL;
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    if (tt_core_sight(call->api->core, &call->client->caller, node) != TT_SIGHT_NONE)
      keys[n++] = node->key;
  return tt_closest(key, keys, n);
}

bool tt_api_node(const struct tt_api_call *call, const char *key, struct tt_node **ret)
{
  struct tt_ref ref = {.node = key, .source = "", .partition = ""};
  struct tt_node *node = tt_core_see(call->api->core, &call->client->caller, &ref);
  if (node) {
    *ret = node;
    return true;
  }
  json_object *line = tt_api_error(call->id, "not-found", "there is no node \"%s\"", key);
  const char *closest = closest_node(call, key);
  if (closest)
    json_object_object_add(line, "did_you_mean", json_object_new_string(closest));
  tt_api_send(call->client, line);
  return false;
}

bool tt_api_nodes(const struct tt_api_call *call, bool is_required, struct tt_ref **ret_refs,
                  struct tt_node ***ret_nodes, size_t *ret_n)
{
  TT_AUTOFREE const char **keys = NULL;
  size_t n;
  if (!tt_api_texts(call, "nodes", is_required, &keys, &n))
    return false;
  TT_AUTOFREE struct tt_ref *refs = calloc(n + 1, sizeof(*refs));
  TT_AUTOFREE struct tt_node **nodes = calloc(n + 1, sizeof(struct tt_node *));
  if (!refs || !nodes) {
    tt_api_client_doom(call->client);
    return false;
  }
  for (size_t i = 0; i < n; i++) {
    if (!tt_api_node(call, keys[i], &nodes[i]))
      return false;
    refs[i] = (struct tt_ref){.node = keys[i], .source = "", .partition = ""};
  }
  *ret_refs = TT_STEAL(refs);
  *ret_nodes = TT_STEAL(nodes);
  *ret_n = n;
  return true;
}

const char *tt_api_closest_point(struct tt_node *const nodes[], size_t n, const char *name, bool is_writable)
{
  size_t n_names = 0, room = 0;
  for (size_t i = 0; i < n; i++)
    room += nodes[i]->n_points;
  TT_AUTOFREE const char **names = calloc(room + 1, sizeof(*names));
  if (!names)
    return NULL;
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < nodes[i]->n_points; k++) {
      const struct tt_point *point = &nodes[i]->points[k];
      if (!point->is_hidden && (point->write || !is_writable))
        names[n_names++] = point->name;
    }
  return tt_closest(name, names, n_names);
}

/* ---- A line ------------------------------------------------------------------------------------------------- */

static bool is_known(const struct row *row, const char *member)
{
  static const char *const always[] = {"id", "do", "language"};
  for (size_t i = 0; i < TT_COUNT(always); i++)
    if (strcmp(always[i], member) == 0)
      return true;
  for (size_t i = 0; row->members[i]; i++)
    if (strcmp(row->members[i], member) == 0)
      return true;
  return false;
}

static const struct row *find_row(const struct tt_api_call *call, const char *name)
{
  const char *names[TT_COUNT(rows)];
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    if (strcmp(rows[i].name, name) == 0)
      return &rows[i];
    names[i] = rows[i].name;
  }
  json_object *line = tt_api_error(call->id, "bad-request", "there is no request \"%.64s\"", name);
  const char *closest = strlen(name) <= 64 ? tt_closest(name, names, TT_COUNT(names)) : NULL;
  if (closest)
    json_object_object_add(line, "did_you_mean", json_object_new_string(closest));
  tt_api_send(call->client, line);
  return NULL;
}

/* An id is a number or a short text; anything else would let a request choose the size of its answer's lines. */
static bool is_id(json_object *id)
{
  return (json_object_is_type(id, json_type_int) || json_object_is_type(id, json_type_string)) &&
         strlen(json_object_to_json_string(id)) <= ID_MAX;
}

static void call_row(struct tt_api_call *call)
{
  struct tt_api_client *client = call->client;
  const char *name, *language;
  json_object *id = NULL;
  if (json_object_object_get_ex(call->request, "id", &id) && !is_id(id)) {
    tt_api_fail(client, NULL, "bad-request", "\"id\" must be a whole number or a text of at most %d bytes",
                ID_MAX - 2);
    return;
  }
  call->id = id;
  if (!tt_api_text(call, "do", true, &name) || !tt_api_text(call, "language", false, &language))
    return;
  const struct row *row = find_row(call, name);
  if (!row)
    return;
  json_object_object_foreach(call->request, member, value)
  {
    (void)value;
    if (!is_known(row, member)) {
      tt_api_fail(client, id, "bad-request", "\"%s\" has no member \"%.64s\"", row->name, member);
      return;
    }
  }
  if (client->caller.role < row->least) {
    tt_core_refused(client->api->core, &client->caller, row->op, "");
    tt_api_fail(client, id, "forbidden", "this needs the role %s; %s has the role %s", tt_role_name(row->least),
                client->bare, tt_role_name(client->caller.role));
    return;
  }
  if (client->n_opens >= TT_API_REQUESTS_MAX) {
    tt_api_fail(client, id, "busy", "%d requests of this connection are open already", TT_API_REQUESTS_MAX);
    return;
  }
  if (language && strlen(language) < sizeof(client->language))
    memcpy(client->language, language, strlen(language) + 1);
  row->fn(call);
}

void tt_api_dispatch(struct tt_api_client *client, const char *line, size_t n)
{
  struct tt_api_call call = {.api = client->api, .client = client};
  json_tokener *tokener = client->api->tokener;
  json_tokener_reset(tokener);
  call.request = json_tokener_parse_ex(tokener, line, (int)n);
  bool is_whole = json_tokener_get_error(tokener) == json_tokener_success;
  if (is_whole && json_object_is_type(call.request, json_type_object)) {
    call_row(&call);
  } else {
    /* Whoever sends this speaks another language; there is nothing to gain from going on. */
    client->is_closing = true;
    tt_api_fail(client, NULL, "bad-request", "not a JSON object: %s",
                is_whole ? "something else" : json_tokener_error_desc(json_tokener_get_error(tokener)));
  }
  json_object_put(call.request);
}
