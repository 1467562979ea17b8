/* SPDX-License-Identifier: Apache-2.0
 * blocks.c: who is blocked, and the file of it (blocks.h). */
#include "blocks.h"

#include "json_file.h"

#define FILE_NAME     "blocks.json"
#define FILE_VERSION  1
#define LISTENERS_MAX 4

struct tt_blocks {
  struct tt_access *access;
  char *state_dir;
  struct tt_block *blocks;
  size_t n;
  struct {
    tt_blocks_fn fn;
    void *user;
  } listeners[LISTENERS_MAX];
  size_t n_listeners;
};

int tt_block_reason_parse(const char *text, enum tt_block_reason *ret)
{
  static const char *const names[] = {[TT_BLOCK_SPAM] = "spam", [TT_BLOCK_ABUSE] = "abuse"};
  for (size_t i = TT_BLOCK_SPAM; i < TT_COUNT(names); i++)
    if (!strcmp(names[i], text)) {
      *ret = (enum tt_block_reason)i;
      return 0;
    }
  return -EINVAL;
}

/* "@example.org" is what a rule calls the accounts of a domain; here it is the domain. */
static int normal_of(const char *text, char out[static TT_BLOCK_WHO_MAX])
{
  if (strchr(text, '/'))
    return -EINVAL;
  return tt_jid_bare(text[0] == '@' ? text + 1 : text, out, TT_BLOCK_WHO_MAX);
}

static size_t find(const struct tt_blocks *blocks, const char *who)
{
  size_t i = 0;
  while (i < blocks->n && strcmp(blocks->blocks[i].who, who) != 0)
    i++;
  return i;
}

bool tt_blocks_has(const struct tt_blocks *blocks, const char *bare)
{
  const char *at = strchr(bare, '@');
  return blocks->n > 0 && (find(blocks, bare) < blocks->n || (at && find(blocks, at + 1) < blocks->n));
}

const struct tt_block *tt_blocks_list(const struct tt_blocks *blocks, size_t *ret_n)
{
  *ret_n = blocks->n;
  return blocks->blocks;
}

void tt_blocks_listen(struct tt_blocks *blocks, tt_blocks_fn fn, void *user)
{
  if (blocks->n_listeners < LISTENERS_MAX) {
    blocks->listeners[blocks->n_listeners].fn = fn;
    blocks->listeners[blocks->n_listeners++].user = user;
  }
}

static void tell(const struct tt_blocks *blocks, const char *who, bool is_blocked, enum tt_block_reason reason,
                 const char *report)
{
  for (size_t i = 0; i < blocks->n_listeners; i++)
    blocks->listeners[i].fn(blocks->listeners[i].user, who, is_blocked, reason, report);
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

static int save(const struct tt_blocks *blocks)
{
  if (!blocks->state_dir)
    return 0;
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL;
  struct json_object *list = tt_json_list_new(FILE_VERSION, "blocked", &json);
  for (size_t i = 0; i < blocks->n; i++) {
    char stamp[TT_DATETIME_SIZE];
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "who", json_object_new_string(blocks->blocks[i].who));
    json_object_object_add(one, "since",
                           json_object_new_string(tt_datetime_print(stamp, blocks->blocks[i].stamp_us)));
    json_object_array_add(list, one);
  }
  return tt_json_file_save(blocks->state_dir, FILE_NAME, json);
}

static int append(struct tt_blocks *blocks, const char *who, uint64_t stamp_us)
{
  struct tt_block *more = reallocarray(blocks->blocks, blocks->n + 1, sizeof(*more));
  char *copy = strdup(who);
  if (more)
    blocks->blocks = more;
  if (!more || !copy) {
    free(copy);
    return -ENOMEM;
  }
  blocks->blocks[blocks->n++] = (struct tt_block){.who = copy, .stamp_us = stamp_us};
  return 0;
}

/* A file that is not wholly understood keeps the gateway from starting: somebody wanted to be rid of those in it. */
static int load(struct tt_blocks *blocks)
{
  struct json_object *json TT_CLEANUP(tt_json_putp) = NULL, *list = NULL;
  int r = tt_json_list_load(blocks->state_dir, FILE_NAME, TT_BLOCKS_FILE_MAX, FILE_VERSION, "blocked",
                            TT_BLOCKS_MAX, &json, &list);
  for (size_t i = 0; r == 0 && json && i < json_object_array_length(list); i++) {
    struct json_object *one = json_object_array_get_idx(list, i), *who = NULL, *since = NULL;
    char normal[TT_BLOCK_WHO_MAX];
    uint64_t stamp_us = 0;
    if (!json_object_is_type(one, json_type_object) || !json_object_object_get_ex(one, "who", &who) ||
        !json_object_object_get_ex(one, "since", &since) || !tt_json_text(who) || !tt_json_text(since) ||
        normal_of(tt_json_text(who), normal) < 0 || tt_datetime_parse(tt_json_text(since), &stamp_us) < 0)
      return -EIO;
    r = append(blocks, normal, stamp_us);
  }
  return r;
}

int tt_blocks_create(const char *state_dir, struct tt_access *access, struct tt_blocks **ret)
{
  struct tt_blocks *blocks = calloc(1, sizeof(*blocks));
  if (!blocks)
    return -ENOMEM;
  blocks->access = access;
  int r = 0;
  if (state_dir) {
    blocks->state_dir = strdup(state_dir);
    r = blocks->state_dir ? load(blocks) : -ENOMEM;
  }
  if (r < 0) {
    tt_blocks_destroy(blocks);
    return r;
  }
  *ret = blocks;
  return 0;
}

static void block_finish(struct tt_block *block)
{
  free((char *)(uintptr_t)block->who);
}

void tt_blocks_destroy(struct tt_blocks *blocks)
{
  if (!blocks)
    return;
  for (size_t i = 0; i < blocks->n; i++)
    block_finish(&blocks->blocks[i]);
  free(blocks->blocks);
  free(blocks->state_dir);
  free(blocks);
}

/* ---- Decisions --------------------------------------------------------------------------------------------------- */

int tt_blocks_add(struct tt_blocks *blocks, struct tt_now now, const char *text, enum tt_block_reason reason,
                  const char *report)
{
  char who[TT_BLOCK_WHO_MAX];
  if (normal_of(text, who) < 0 || (report && strlen(report) > TT_BLOCK_REPORT_MAX))
    return -EINVAL;
  if (tt_access_has_admin(blocks->access, who))
    return -EPERM;
  if (find(blocks, who) == blocks->n) {
    if (blocks->n == TT_BLOCKS_MAX)
      return -ENOSPC;
    int r = append(blocks, who, now.wall_us);
    if (r == 0 && (r = save(blocks)) < 0)
      block_finish(&blocks->blocks[--blocks->n]);
    if (r < 0)
      return r;
  }
  tell(blocks, who, true, reason, report);
  return 0;
}

int tt_blocks_remove(struct tt_blocks *blocks, const char *text)
{
  char who[TT_BLOCK_WHO_MAX];
  if (normal_of(text, who) < 0)
    return -EINVAL;
  size_t i = find(blocks, who);
  if (i == blocks->n)
    return -ENOENT;
  struct tt_block gone = blocks->blocks[i];
  size_t n_after = --blocks->n - i;
  memmove(&blocks->blocks[i], &blocks->blocks[i + 1], n_after * sizeof(gone));
  int r = save(blocks);
  if (r < 0) {
    memmove(&blocks->blocks[i + 1], &blocks->blocks[i], n_after * sizeof(gone));
    blocks->blocks[i] = gone;
    blocks->n++;
    return r;
  }
  block_finish(&gone);
  tell(blocks, who, false, TT_BLOCK_NO_REPORT, NULL);
  return 0;
}
