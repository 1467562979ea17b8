/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.c: the request `tree`: every node below a node, parents first, one line each. The tree may change between
 * two lines: the ids are taken at the beginning and looked up one by one.
 */
#include "client.h"
#include "json.h"

struct tree {
  struct tt_api_open open;
  tt_id *ids;
  size_t n, sent;
};

static void free_tree(struct tree *tree)
{
  tt_api_open_end(&tree->open);
  free(tree->ids);
  free(tree);
}

static void cancel(struct tt_api_open *open)
{
  free_tree(TT_CONTAINER_OF(open, struct tree, open));
}

static void send_node(struct tt_api_open *open, tt_id id)
{
  struct tt_core *core = open->client->api->core;
  struct tt_node *node = tt_tree_get(tt_core_tree(core), id);
  const struct tt_caller *caller = &open->client->caller;
  enum tt_sight sight = node ? tt_core_sight(core, caller, node) : TT_SIGHT_NONE;
  if (sight == TT_SIGHT_NONE)
    return;
  json_object *line = tt_api_line(open->id);
  tt_json_node(line, node, sight, caller->language);
  if (sight == TT_SIGHT_FULL)
    json_object_object_add(line, "fields", tt_json_fields(node, tt_core_now(core), caller->language));
  tt_api_send(open->client, line);
}

static void resume(struct tt_api_open *open)
{
  struct tree *tree = TT_CONTAINER_OF(open, struct tree, open);
  while (tree->sent < tree->n && tt_api_client_is_easy(open->client))
    send_node(open, tree->ids[tree->sent++]);
  if (tree->sent < tree->n)
    return;
  tt_api_send_done(open->client, tt_api_line(open->id));
  free_tree(tree);
}

static const struct tt_api_open_ops ops = {.resume = resume, .cancel = cancel};

static bool is_below(const struct tt_node *node, const struct tt_node *root)
{
  for (; node; node = node->parent)
    if (node == root)
      return true;
  return !root;
}

void tt_api_tree(const struct tt_api_call *call)
{
  struct tt_tree *nodes = tt_core_tree(call->api->core);
  struct tt_node *root = NULL;
  const char *key;
  if (!tt_api_text(call, "node", false, &key) || (key && !tt_api_node(call, key, &root)))
    return;
  struct tree *tree = calloc(1, sizeof(*tree));
  if (tree)
    tree->ids = calloc(tt_tree_size(nodes) + 1, sizeof(*tree->ids));
  if (!tree || !tree->ids) {
    free(tree);
    tt_api_client_doom(call->client);
    return;
  }
  for (struct tt_node *node = root ? root : tt_tree_walk(nodes, NULL); node && is_below(node, root);
       node = tt_tree_walk(nodes, node))
    tree->ids[tree->n++] = node->id;
  tt_api_open_begin(&tree->open, call, &ops);
  resume(&tree->open);
}
