/* SPDX-License-Identifier: Apache-2.0
 * publish_kept.c: pubsub nodes of ours, and the file of them (publish_kept.h). */
#include "publish_kept.h"

#include "trust/json_file.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define FILE_NAME    "published.json"
#define FILE_VERSION 1
#define TEXT_MAX     4096 /* bytes of any text of it */

static const char *const members[] = {"by", "to", "as", "node"};
#define N_MEMBERS TT_COUNT(members)

struct one {
  UT_hash_handle hh;
  struct tt_kept_node node;
  bool is_put_off;
  char key[]; /* by, to, node with a newline between; then the texts */
};

struct tt_kept {
  char *state_dir;
  struct one *all;
  bool has_changed;
};

static int key_of(const struct tt_kept_node *node, struct tt_buf *out)
{
  tt_buf_printf(out, "%s\n%s\n%s", node->by, node->to, node->node);
  return out->failed ? -ENOMEM : 0;
}

static struct one *find(const struct tt_kept *kept, const char *key)
{
  struct one *one;
  HASH_FIND_STR(kept->all, key, one);
  return one;
}

static char *copy_to(char **at, const char *text)
{
  size_t n = strlen(text) + 1;
  char *copy = memcpy(*at, text, n);
  *at += n;
  return copy;
}

int tt_kept_add(struct tt_kept *kept, const struct tt_kept_node *node)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  int r = key_of(node, &key);
  if (r < 0 || find(kept, key.data))
    return r;
  if (HASH_COUNT(kept->all) >= TT_KEPT_MAX)
    return -ENOSPC;
  size_t n = key.len + strlen(node->by) + strlen(node->to) + strlen(node->as) + strlen(node->node) + 5;
  struct one *one = calloc(1, sizeof(*one) + n);
  if (!one)
    return -ENOMEM;
  char *at = one->key;
  copy_to(&at, key.data);
  one->node.by = copy_to(&at, node->by);
  one->node.to = copy_to(&at, node->to);
  one->node.as = copy_to(&at, node->as);
  one->node.node = copy_to(&at, node->node);
  HASH_ADD_STR(kept->all, key, one);
  if (!one->hh.tbl) {
    free(one);
    return -ENOMEM;
  }
  kept->has_changed = true;
  return 0;
}

void tt_kept_remove(struct tt_kept *kept, const struct tt_kept_node *node)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  struct one *one = key_of(node, &key) == 0 ? find(kept, key.data) : NULL;
  if (!one)
    return;
  HASH_DEL(kept->all, one);
  free(one);
  kept->has_changed = true;
}

const struct tt_kept_node *tt_kept_find(const struct tt_kept *kept,
                                        bool (*fn)(void *user, const struct tt_kept_node *node), void *user)
{
  for (const struct one *one = kept->all; one; one = one->hh.next)
    if (!one->is_put_off && fn(user, &one->node))
      return &one->node;
  return NULL;
}

void tt_kept_put_off(struct tt_kept *kept, const struct tt_kept_node *node)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  struct one *one = key_of(node, &key) == 0 ? find(kept, key.data) : NULL;
  if (one)
    one->is_put_off = true;
}

void tt_kept_try_again(struct tt_kept *kept)
{
  for (struct one *one = kept->all; one; one = one->hh.next)
    one->is_put_off = false;
}

size_t tt_kept_count(const struct tt_kept *kept)
{
  return HASH_COUNT(kept->all);
}

/* ---- The file ------------------------------------------------------------------------------------------------------- */

static int read_one(struct tt_kept *kept, struct json_object *json)
{
  const char *texts[N_MEMBERS] = {NULL};
  if (!json_object_is_type(json, json_type_object) || (size_t)json_object_object_length(json) != N_MEMBERS)
    return -EIO;
  for (size_t i = 0; i < N_MEMBERS; i++) {
    struct json_object *member;
    texts[i] = json_object_object_get_ex(json, members[i], &member) ? tt_json_text(member) : NULL;
    if (!texts[i] || strlen(texts[i]) > TEXT_MAX)
      return -EIO;
  }
  return tt_kept_add(kept, &(struct tt_kept_node){texts[0], texts[1], texts[2], texts[3]});
}

static int load(struct tt_kept *kept)
{
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL, *list = NULL;
  int r = tt_json_list_load(kept->state_dir, FILE_NAME, TT_KEPT_FILE_MAX, FILE_VERSION, "published", TT_KEPT_MAX,
                            &json, &list);
  size_t n = list ? json_object_array_length(list) : 0;
  for (size_t i = 0; i < n && r == 0; i++)
    r = read_one(kept, json_object_array_get_idx(list, i));
  kept->has_changed = false;
  return r;
}

int tt_kept_save(struct tt_kept *kept)
{
  if (!kept->has_changed)
    return 0;
  kept->has_changed = false;
  if (!kept->state_dir)
    return 0;
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL;
  struct json_object *list = tt_json_list_new(FILE_VERSION, "published", &json);
  for (const struct one *one = kept->all; one; one = one->hh.next) {
    const char *texts[N_MEMBERS] = {one->node.by, one->node.to, one->node.as, one->node.node};
    struct json_object *row = json_object_new_object();
    for (size_t i = 0; i < N_MEMBERS; i++)
      json_object_object_add(row, members[i], json_object_new_string(texts[i]));
    json_object_array_add(list, row);
  }
  return tt_json_file_save(kept->state_dir, FILE_NAME, json);
}

int tt_kept_create(const char *state_dir, struct tt_kept **ret)
{
  struct tt_kept *kept = calloc(1, sizeof(*kept));
  if (kept && state_dir)
    kept->state_dir = strdup(state_dir);
  if (!kept || (state_dir && !kept->state_dir)) {
    free(kept);
    return -ENOMEM;
  }
  int r = state_dir ? load(kept) : 0;
  if (r < 0) {
    tt_kept_destroy(kept);
    return r;
  }
  *ret = kept;
  return 0;
}

void tt_kept_destroy(struct tt_kept *kept)
{
  if (!kept)
    return;
  for (struct one *one = kept->all, *next; one; one = next) {
    next = one->hh.next;
    HASH_DEL(kept->all, one);
    free(one);
  }
  free(kept->state_dir);
  free(kept);
}
