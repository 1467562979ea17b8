/* SPDX-License-Identifier: Apache-2.0
 * tree.c: the structure of the tree: nodes come, go and are found. What happens to one node is in node.c. */
#include "tree.h"

#include "node.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* One allocation a node: this, then its identity (key, source, partition, each with NUL; the hash key), then the
 * path where that is not the key. */
struct entry {
  struct tt_node node;
  UT_hash_handle hh;
  char identity[];
};

struct slot {
  struct tt_node *node; /* NULL: free */
  uint32_t generation;  /* of the node that is there, or of the next one; never 0 */
  uint32_t next_free;   /* index + 1; 0: none */
};

struct tt_tree {
  struct entry *index;
  struct slot *slots;
  size_t n_slots, slots_room, n_nodes;
  uint32_t first_free; /* index + 1 */
  struct tt_node *first_root, *last_root;
  struct {
    tt_change_fn fn;
    void *user;
  } listeners[TT_LISTENERS_MAX];
  size_t n_listeners;
};

#define IDENTITY_MAX (TT_NODE_KEY_MAX + sizeof TT_SOURCE_DEFAULT + 2)

/* ---- Ids --------------------------------------------------------------------------------------------- */
static int slot_take(struct tt_tree *tree, struct tt_node *node)
{
  if (tree->first_free == 0) {
    if (tree->n_slots == tree->slots_room) {
      size_t room = tree->slots_room ? tree->slots_room * 2 : 16;
      struct slot *slots = reallocarray(tree->slots, room, sizeof *slots);
      if (!slots)
        return -ENOMEM;
      tree->slots = slots;
      tree->slots_room = room;
    }
    tree->slots[tree->n_slots] = (struct slot){.generation = 1};
    tree->first_free = (uint32_t)++tree->n_slots;
  }
  uint32_t number = tree->first_free;
  struct slot *slot = &tree->slots[number - 1];
  tree->first_free = slot->next_free;
  slot->node = node;
  node->id = (uint64_t)slot->generation << 32 | number;
  return 0;
}

static void slot_free(struct tt_tree *tree, tt_id id)
{
  uint32_t number = (uint32_t)id;
  struct slot *slot = &tree->slots[number - 1];
  slot->node = NULL;
  slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
  slot->next_free = tree->first_free;
  tree->first_free = number;
}

struct tt_node *tt_tree_get(struct tt_tree *tree, tt_id id)
{
  uint32_t number = (uint32_t)id;
  if (number == 0 || number > tree->n_slots)
    return NULL;
  const struct slot *slot = &tree->slots[number - 1];
  return slot->generation == id >> 32 ? slot->node : NULL;
}

/* ---- Life -------------------------------------------------------------------------------------------- */
struct tt_tree *tt_tree_create(void)
{
  return calloc(1, sizeof(struct tt_tree));
}

static void node_free(struct tt_node *node)
{
  if (!node)
    return;
  for (size_t i = 0; node->fields && i < node->n_points; i++)
    tt_value_finish(&node->fields[i].value);
  for (size_t i = 0; node->field_errors && i < node->n_points; i++)
    free(node->field_errors[i]);
  for (size_t i = 0; i < node->n_messages; i++) {
    free(node->messages[i].code);
    free(node->messages[i].text);
  }
  free(node->messages);
  free(node->fields);
  free(node->field_errors);
  free(TT_CONTAINER_OF(node, struct entry, node));
}

void tt_tree_destroy(struct tt_tree *tree)
{
  if (!tree)
    return;
  HASH_CLEAR(hh, tree->index);
  for (size_t i = 0; i < tree->n_slots; i++)
    node_free(tree->slots[i].node);
  free(tree->slots);
  free(tree);
}

int tt_tree_listen(struct tt_tree *tree, tt_change_fn fn, void *user)
{
  if (tree->n_listeners == TT_LISTENERS_MAX)
    return -ENOSPC;
  tree->listeners[tree->n_listeners].fn = fn;
  tree->listeners[tree->n_listeners].user = user;
  tree->n_listeners++;
  return 0;
}

void tt_tree_tell(struct tt_tree *tree, struct tt_node *node, enum tt_change change, uint16_t point)
{
  for (size_t i = 0; i < tree->n_listeners; i++)
    tree->listeners[i].fn(tree->listeners[i].user, node, change, point);
}

/* ---- Finding ----------------------------------------------------------------------------------------- */
/* Writes the hash key; 0 when the parts cannot be those of any node. */
static size_t identity_print(char *out, const char *key, const char *source, const char *partition)
{
  size_t n_key = strlen(key);
  if (n_key == 0 || n_key > TT_NODE_KEY_MAX || (source && *source && strcmp(source, TT_SOURCE_DEFAULT) != 0) ||
      (partition && *partition))
    return 0;
  memcpy(out, key, n_key + 1);
  memcpy(out + n_key + 1, TT_SOURCE_DEFAULT, sizeof TT_SOURCE_DEFAULT);
  out[n_key + 1 + sizeof TT_SOURCE_DEFAULT] = '\0';
  return n_key + 1 + sizeof TT_SOURCE_DEFAULT + 1;
}

struct tt_node *tt_tree_find(struct tt_tree *tree, const char *key, const char *source, const char *partition)
{
  char identity[IDENTITY_MAX];
  size_t n = identity_print(identity, key, source, partition);
  struct entry *entry = NULL;
  if (n > 0)
    HASH_FIND(hh, tree->index, identity, n, entry);
  return entry ? &entry->node : NULL;
}

struct tt_node *tt_tree_roots(struct tt_tree *tree)
{
  return tree->first_root;
}

struct tt_node *tt_tree_walk(struct tt_tree *tree, struct tt_node *node)
{
  if (!node)
    return tree->first_root;
  if (node->first_child)
    return node->first_child;
  while (node && !node->next)
    node = node->parent;
  return node ? node->next : NULL;
}

size_t tt_tree_size(const struct tt_tree *tree)
{
  return tree->n_nodes;
}

/* ---- Coming ------------------------------------------------------------------------------------------ */
/* A name between two slashes: text without control characters. */
static bool is_legal_segment(const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f || text[i] == '/')
      return false;
  return n > 0 && tt_utf8_is_valid(text, n);
}

/* 0, or -EINVAL: not a path of 1 to TT_PLACE_DEPTH_MAX legal segments. */
static int path_check(const char *path)
{
  if (strlen(path) > TT_NODE_KEY_MAX)
    return -EINVAL;
  for (size_t depth = 1; depth <= TT_PLACE_DEPTH_MAX; depth++) {
    size_t n = strcspn(path, "/");
    if (!is_legal_segment(path, n))
      return -EINVAL;
    if (!path[n])
      return 0;
    path += n + 1;
  }
  return -EINVAL;
}

static bool is_in_gateway(const char *key)
{
  size_t n = strlen(TT_GATEWAY_KEY);
  return !strncmp(key, TT_GATEWAY_KEY, n) && (!key[n] || key[n] == '/');
}

static int key_check(const struct tt_node_spec *spec)
{
  const char *key = spec->key ? spec->key : "";
  switch (spec->kind) {
  case TT_NODE_PLACE:
    return is_in_gateway(key) ? -EINVAL : path_check(key);
  case TT_NODE_DEVICE:
    if (is_in_gateway(key) || (spec->place && is_in_gateway(spec->place)))
      return -EINVAL;
    return strlen(key) <= TT_NODE_KEY_MAX && is_legal_segment(key, strlen(key)) ? 0 : -EINVAL;
  case TT_NODE_GATEWAY:
    return strcmp(key, TT_GATEWAY_KEY) ? -EINVAL : 0;
  case TT_NODE_CONNECTION:
    return is_in_gateway(key) && key[strlen(TT_GATEWAY_KEY)] ? path_check(key) : -EINVAL;
  }
  return -EINVAL;
}

static void fields_init(struct tt_node *node)
{
  for (size_t i = 0; i < node->n_points; i++) {
    const struct tt_point *point = &node->points[i];
    node->fields[i] = (struct tt_field){
        .name = point->name,
        .unit = point->unit ? point->unit : "",
        .categories = point->categories,
        .is_writable = point->write != NULL && !point->is_hidden,
    };
  }
}

/* A node that is in no list yet. */
static struct tt_node *node_create(const struct tt_node_spec *spec)
{
  size_t n_key = strlen(spec->key);
  const char *place = spec->kind == TT_NODE_DEVICE && spec->place ? spec->place : "";
  size_t n_path = *place ? strlen(place) + 1 + n_key + 1 : 0;
  size_t n_identity = n_key + 1 + sizeof TT_SOURCE_DEFAULT + 1;
  struct entry *entry = calloc(1, sizeof *entry + n_identity + n_path);
  if (!entry)
    return NULL;
  struct tt_node *node = &entry->node;
  identity_print(entry->identity, spec->key, NULL, NULL);
  node->kind = spec->kind;
  node->key = entry->identity;
  node->source = node->key + n_key + 1;
  node->partition = node->source + sizeof TT_SOURCE_DEFAULT;
  node->path = node->key;
  if (n_path > 0) {
    char *path = entry->identity + n_identity;
    memcpy(path, place, strlen(place));
    path[strlen(place)] = '/';
    memcpy(path + strlen(place) + 1, spec->key, n_key + 1);
    node->path = path;
  }
  node->label = spec->label;
  node->type = spec->type ? spec->type : "thingtree.place";
  node->vendor = spec->vendor;
  node->model = spec->model;
  node->points = spec->points;
  node->n_points = spec->n_points;
  node->commands = spec->commands;
  node->n_commands = spec->is_disabled ? 0 : spec->n_commands;
  node->timeout_us = spec->timeout_us;
  node->is_disabled = spec->is_disabled;
  if (node->n_points > 0) {
    node->fields = calloc(node->n_points, sizeof *node->fields);
    node->field_errors = calloc(node->n_points, sizeof *node->field_errors);
    if (!node->fields || !node->field_errors) {
      node_free(node);
      return NULL;
    }
    fields_init(node);
  }
  return node;
}

static void link_node(struct tt_tree *tree, struct tt_node *node, struct tt_node *parent)
{
  struct tt_node **first = parent ? &parent->first_child : &tree->first_root;
  struct tt_node **last = parent ? &parent->last_child : &tree->last_root;
  node->parent = parent;
  node->prev = *last;
  if (*last)
    (*last)->next = node;
  else
    *first = node;
  *last = node;
  if (parent)
    parent->n_children++;
}

static void unlink_node(struct tt_tree *tree, struct tt_node *node)
{
  struct tt_node *parent = node->parent;
  struct tt_node **first = parent ? &parent->first_child : &tree->first_root;
  struct tt_node **last = parent ? &parent->last_child : &tree->last_root;
  *(node->prev ? &node->prev->next : first) = node->next;
  *(node->next ? &node->next->prev : last) = node->prev;
  if (parent)
    parent->n_children--;
}

static int insert(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec, struct tt_node *parent,
                  struct tt_node **ret_node)
{
  if (tree->n_nodes >= TT_NODES_MAX)
    return -ENOSPC;
  struct tt_node *node = node_create(spec);
  if (!node)
    return -ENOMEM;
  int r = slot_take(tree, node);
  if (r < 0) {
    node_free(node);
    return r;
  }
  struct entry *entry = TT_CONTAINER_OF(node, struct entry, node);
  size_t n_identity = strlen(node->key) + 1 + sizeof TT_SOURCE_DEFAULT + 1;
  HASH_ADD_KEYPTR(hh, tree->index, entry->identity, n_identity, entry);
  if (!entry->hh.tbl) {
    slot_free(tree, node->id);
    node_free(node);
    return -ENOMEM;
  }
  link_node(tree, node, parent);
  tree->n_nodes++;
  node->last_change_us = now.wall_us;
  if (parent)
    parent->last_change_us = now.wall_us;
  tt_tree_tell(tree, node, TT_CHANGE_ADDED, TT_NO_POINT);
  *ret_node = node;
  return 0;
}

static void remove_node(struct tt_tree *tree, struct tt_now now, struct tt_node *node)
{
  struct entry *entry = TT_CONTAINER_OF(node, struct entry, node);
  tt_tree_tell(tree, node, TT_CHANGE_REMOVED, TT_NO_POINT);
  if (node->parent)
    node->parent->last_change_us = now.wall_us;
  unlink_node(tree, node);
  HASH_DEL(tree->index, entry);
  slot_free(tree, node->id);
  tree->n_nodes--;
  node_free(node);
}

/* Removes `place` and what is above it, at most `most` of them, as long as they are places without children. */
static void prune(struct tt_tree *tree, struct tt_now now, struct tt_node *place, size_t most)
{
  while (most-- > 0 && place && place->kind == TT_NODE_PLACE && place->n_children == 0) {
    struct tt_node *above = place->parent;
    remove_node(tree, now, place);
    place = above;
  }
}

/* The place with this path, made with all above it where missing; on failure nothing new remains. ret_made: how
 * many were made. */
static int place_get(struct tt_tree *tree, struct tt_now now, const char *path, const struct tt_label *label,
                     const char *type, struct tt_node **ret_place, size_t *ret_made)
{
  struct tt_node *place = NULL;
  size_t made = 0;
  size_t n_path = strlen(path);
  for (size_t n = 0; n < n_path; n++) {
    char key[TT_NODE_KEY_MAX + 1];
    n += strcspn(path + n, "/");
    memcpy(key, path, n);
    key[n] = '\0';
    struct tt_node *above = place;
    struct tt_node_spec spec = {.kind = TT_NODE_PLACE, .key = key};
    if (n == n_path) {
      spec.label = label;
      spec.type = type;
    }
    place = tt_tree_find(tree, key, NULL, NULL);
    bool is_new = !place;
    int r = is_new ? insert(tree, now, &spec, above, &place) : place->kind != TT_NODE_PLACE ? -EEXIST : 0;
    if (r < 0) {
      prune(tree, now, above, made);
      return r;
    }
    made += is_new;
  }
  *ret_place = place;
  *ret_made = made;
  return 0;
}

int tt_tree_add(struct tt_tree *tree, struct tt_now now, const struct tt_node_spec *spec, struct tt_node **ret_node)
{
  struct tt_node *parent = NULL, *node;
  size_t made = 0;
  bool has_place = spec->kind == TT_NODE_DEVICE && spec->place && *spec->place;
  int r = key_check(spec);
  if (r >= 0 && has_place)
    r = path_check(spec->place);
  if (r >= 0 && (spec->n_points > TT_POINTS_MAX || spec->n_commands > TT_COMMANDS_MAX))
    r = -EINVAL;
  if (r < 0)
    return r;
  if (spec->kind == TT_NODE_PLACE)
    return place_get(tree, now, spec->key, spec->label, spec->type, ret_node, &made);
  if (tt_tree_find(tree, spec->key, NULL, NULL))
    return -EEXIST;
  if (has_place) {
    r = place_get(tree, now, spec->place, NULL, NULL, &parent, &made);
  } else if (spec->kind == TT_NODE_CONNECTION) {
    parent = tt_tree_find(tree, TT_GATEWAY_KEY, NULL, NULL);
    r = parent ? 0 : -EINVAL;
  }
  if (r < 0)
    return r;
  /* A device may not be called like the place it is to stand under: found only now, when that has been made. */
  r = tt_tree_find(tree, spec->key, NULL, NULL) ? -EEXIST : insert(tree, now, spec, parent, &node);
  if (r < 0) {
    prune(tree, now, parent, made);
    return r;
  }
  *ret_node = node;
  return 0;
}

int tt_tree_remove(struct tt_tree *tree, struct tt_now now, tt_id id)
{
  struct tt_node *top = tt_tree_get(tree, id);
  if (!top)
    return -ENOENT;
  struct tt_node *above = top->parent;
  for (bool is_done = false; !is_done;) { /* what is below goes first, deepest first */
    struct tt_node *node = top;
    while (node->first_child)
      node = node->first_child;
    is_done = node == top;
    remove_node(tree, now, node);
  }
  prune(tree, now, above, SIZE_MAX);
  return 0;
}

int tt_tree_set_label(struct tt_tree *tree, tt_id id, const struct tt_label *label)
{
  struct tt_node *node = tt_tree_get(tree, id);
  if (!node)
    return -ENOENT;
  node->label = label;
  return 0;
}
