/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c: the request `watch`: changes of value, state and structure, pushed as they happen. A value that is
 * reported again unchanged is not a change. Whoever wants to know how things stand first asks for the tree on the
 * same connection, after the watch: then nothing is missed between the two.
 */
#include "client.h"
#include "json.h"

#include <uthash.h>
#include <utlist.h>

/* What was last told of the fields of one node, as hashes; 0: nothing yet. */
struct told {
  tt_id node;
  size_t n;
  UT_hash_handle hh;
  uint64_t hash[];
};

struct watch {
  struct tt_api_open open;
  tt_id *roots; /* these nodes and what is below them; none: everything */
  char **keys;  /* of them: a device that is configured anew is another node of the same key */
  size_t n_roots;
  struct tt_api_watches *watches;
  struct watch *prev, *next;
};

struct tt_api_watches {
  struct tt_api *api;
  struct watch *all;
  struct told *told;
};

static void forget(struct tt_api_watches *watches, struct told *told)
{
  HASH_DEL(watches->told, told);
  free(told);
}

static void forget_all(struct tt_api_watches *watches)
{
  struct told *told, *next;
  HASH_ITER(hh, watches->told, told, next) {
    forget(watches, told);
  }
}

static void free_watch(struct watch *watch)
{
  for (size_t i = 0; watch->keys && i < watch->n_roots; i++)
    free(watch->keys[i]);
  free(watch->keys);
  free(watch->roots);
  free(watch);
}

static void cancel(struct tt_api_open *open)
{
  struct watch *watch = TT_CONTAINER_OF(open, struct watch, open);
  DL_DELETE(watch->watches->all, watch);
  if (!watch->watches->all)
    forget_all(watch->watches);
  tt_api_open_end(open);
  free_watch(watch);
}

static const struct tt_api_open_ops ops = {.cancel = cancel};

static bool covers(const struct watch *watch, const struct tt_node *node)
{
  if (watch->n_roots == 0)
    return true;
  for (; node; node = node->parent)
    for (size_t i = 0; i < watch->n_roots; i++)
      if (watch->roots[i] == node->id)
        return true;
  return false;
}

/* FNV-1a over the text; never 0. */
static uint64_t hash_of(const struct tt_node *node, uint16_t point)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_buf_printf(&text, "%d ", (int)node->fields[point].value.type);
  tt_value_print(&node->fields[point].value, &text);
  if (node->field_errors[point])
    tt_buf_printf(&text, "\n%s", node->field_errors[point]);
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < text.len; i++)
    hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
  return hash | 1;
}

static bool is_news(struct tt_api_watches *watches, const struct tt_node *node, uint16_t point)
{
  struct told *told;
  HASH_FIND(hh, watches->told, &node->id, sizeof(node->id), told);
  if (!told) {
    told = calloc(1, sizeof(*told) + node->n_points * sizeof(*told->hash));
    if (!told)
      return true;
    told->node = node->id;
    told->n = node->n_points;
    HASH_ADD(hh, watches->told, node, sizeof(told->node), told);
  }
  uint64_t hash = hash_of(node, point);
  bool is_new = told->hash[point] != hash;
  told->hash[point] = hash;
  return is_new;
}

static json_object *line_for(const struct watch *watch, const struct tt_node *node, enum tt_change change,
                             uint16_t point)
{
  static const char *const structure[] = {[TT_CHANGE_ADDED] = "added", [TT_CHANGE_REMOVED] = "removed"};
  const char *language = watch->open.client->language;
  struct tt_now now = tt_core_now(watch->watches->api->core);
  json_object *line = tt_api_line(watch->open.id);
  json_object_object_add(line, "at", tt_json_time(now.wall_us));
  switch (change) {
  case TT_CHANGE_ADDED:
  case TT_CHANGE_REMOVED:
    json_object_object_add(line, "change", json_object_new_string(structure[change]));
    tt_json_node(line, node, TT_SIGHT_FULL, language);
    break;
  case TT_CHANGE_STATE:
    json_object_object_add(line, "node", json_object_new_string(node->key));
    tt_json_state(line, node);
    break;
  case TT_CHANGE_VALUE:
    json_object_object_add(line, "node", json_object_new_string(node->key));
    json_object_object_add(line, "field", tt_json_field(node, point, now, language));
    break;
  }
  return line;
}

static void follow(struct watch *watch, const struct tt_node *node)
{
  for (size_t i = 0; i < watch->n_roots; i++)
    if (strcmp(watch->keys[i], node->key) == 0)
      watch->roots[i] = node->id;
}

static void on_change(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  struct tt_api_watches *watches = user;
  if (!watches->all)
    return;
  if (change == TT_CHANGE_VALUE && (node->points[point].is_hidden || !is_news(watches, node, point)))
    return;
  struct watch *watch;
  DL_FOREACH(watches->all, watch) {
    struct tt_api_client *client = watch->open.client;
    if (change == TT_CHANGE_ADDED)
      follow(watch, node);
    if (!client->is_doomed && covers(watch, node) &&
        tt_core_sight(watches->api->core, &client->caller, node) == TT_SIGHT_FULL)
      tt_api_send(client, line_for(watch, node, change, point));
  }
  if (change == TT_CHANGE_REMOVED) {
    struct told *told;
    HASH_FIND(hh, watches->told, &node->id, sizeof(node->id), told);
    if (told)
      forget(watches, told);
  }
}

int tt_api_watches_create(struct tt_api *api, struct tt_api_watches **ret)
{
  struct tt_api_watches *watches = calloc(1, sizeof(*watches));
  if (!watches)
    return -ENOMEM;
  watches->api = api;
  int r = tt_tree_listen(tt_core_tree(api->core), on_change, watches);
  if (r < 0) {
    free(watches);
    return r;
  }
  *ret = watches;
  return 0;
}

void tt_api_watches_destroy(struct tt_api_watches *watches)
{
  if (!watches)
    return;
  forget_all(watches);
  free(watches);
}

void tt_api_watch(const struct tt_api_call *call)
{
  TT_AUTOFREE struct tt_ref *refs = NULL;
  TT_AUTOFREE struct tt_node **nodes = NULL;
  size_t n;
  if (!tt_api_nodes(call, false, &refs, &nodes, &n))
    return;
  struct watch *watch = calloc(1, sizeof(*watch));
  bool is_made = watch;
  if (watch && n > 0) {
    watch->roots = calloc(n, sizeof(*watch->roots));
    watch->keys = calloc(n, sizeof(char *));
    is_made = watch->roots && watch->keys;
  }
  for (; is_made && watch->n_roots < n; watch->n_roots++) {
    watch->roots[watch->n_roots] = nodes[watch->n_roots]->id;
    watch->keys[watch->n_roots] = strdup(nodes[watch->n_roots]->key);
    is_made = watch->keys[watch->n_roots];
  }
  if (!is_made) {
    if (watch)
      free_watch(watch);
    tt_api_client_doom(call->client);
    return;
  }
  watch->watches = call->api->watches;
  DL_APPEND(watch->watches->all, watch);
  tt_api_open_begin(&watch->open, call, &ops);
  json_object *line = tt_api_line(call->id);
  json_object_object_add(line, "watching", json_object_new_boolean(true));
  tt_api_send(call->client, line);
}
