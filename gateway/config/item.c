/* SPDX-License-Identifier: Apache-2.0
 * item.c: what parsed YAML holds. */
#include "item.h"

#include "config.h"

#include <stdio.h>
#include <uthash.h>

const struct tt_item *tt_item_get(const struct tt_item *map, const char *key)
{
  if (!map || map->kind != TT_ITEM_MAP)
    return NULL;
  for (size_t i = 0; i < map->n; i++)
    if (strcmp(map->keys[i], key) == 0)
      return map->items[i];
  return NULL;
}

bool tt_item_is_null(const struct tt_item *item)
{
  return item->kind == TT_ITEM_SCALAR && !item->is_quoted &&
         (strcmp(item->text, "~") == 0 || strcmp(item->text, "null") == 0);
}

bool tt_item_is_empty(const struct tt_item *item)
{
  return item->kind == TT_ITEM_SCALAR && !item->is_quoted && item->text[0] == '\0';
}

const char *tt_item_show(const struct tt_item *item, char out[static TT_ITEM_SHOW_SIZE])
{
  if (item->kind == TT_ITEM_LIST)
    return "a list";
  if (item->kind == TT_ITEM_MAP)
    return "a map";
  if (item->is_secret)
    return "a secret";
  if (tt_item_is_empty(item))
    return "nothing";
  if (tt_item_is_null(item))
    return "null";
  size_t room = TT_ITEM_SHOW_SIZE - sizeof "\"...\"", n = strlen(item->text), keep = 0;
  while (keep < n && keep + tt_character_length(item->text + keep, n - keep) <= room)
    keep += tt_character_length(item->text + keep, n - keep);
  snprintf(out, TT_ITEM_SHOW_SIZE, "\"%.*s%s\"", (int)keep, item->text, keep < n ? "..." : "");
  return out;
}

struct tt_mark tt_item_pair(const struct tt_item *map, size_t i)
{
  struct tt_mark mark = map->key_marks[i];
  const struct tt_mark *value = &map->items[i]->mark;
  if (value->file == mark.file && value->line == mark.line && value->column > mark.column)
    mark.length = value->column + value->length - mark.column;
  return mark;
}

struct tt_mark tt_item_key_mark(const struct tt_item *map, const char *key)
{
  for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n; i++)
    if (strcmp(map->keys[i], key) == 0)
      return map->key_marks[i];
  return map->mark;
}

struct tt_item *tt_item_scalar(struct tt_arena *arena, const char *text, bool is_quoted, struct tt_mark mark)
{
  struct tt_item *item = tt_arena_alloc(arena, sizeof *item);
  if (item)
    *item = (struct tt_item){.kind = TT_ITEM_SCALAR, .is_quoted = is_quoted, .mark = mark, .text = text};
  return item;
}

struct tt_item *tt_item_map(struct tt_arena *arena, size_t n, struct tt_mark mark)
{
  struct tt_item *item = tt_arena_alloc(arena, sizeof *item);
  size_t room = n ? n : 1;
  if (!item)
    return NULL;
  *item = (struct tt_item){.kind = TT_ITEM_MAP, .mark = mark, .n = n};
  item->items = tt_arena_alloc(arena, room * sizeof *item->items);
  item->keys = tt_arena_alloc(arena, room * sizeof *item->keys);
  item->key_marks = tt_arena_alloc(arena, room * sizeof *item->key_marks);
  return item->items && item->keys && item->key_marks ? item : NULL;
}

static void put(struct tt_item *map, size_t at, const struct tt_item *from, size_t i)
{
  map->keys[at] = from->keys[i];
  map->key_marks[at] = from->key_marks[i];
  map->items[at] = from->items[i];
}

const struct tt_item *tt_item_overlay(struct tt_arena *arena, const struct tt_item *base,
                                      const struct tt_item *over, const char *deep)
{
  if (!over || over->kind != TT_ITEM_MAP || over->n == 0)
    return base ? base : over;
  if (!base || base->kind != TT_ITEM_MAP || base->n == 0)
    return over;
  struct tt_item *map = tt_item_map(arena, base->n + over->n, base->mark);
  if (!map)
    return NULL;
  size_t n = 0;
  for (size_t i = 0; i < base->n; i++) {
    const struct tt_item *mine = tt_item_get(over, base->keys[i]);
    if (!mine) {
      put(map, n++, base, i);
      continue;
    }
    if (deep && strcmp(base->keys[i], deep) == 0 && mine->kind == TT_ITEM_MAP &&
        base->items[i]->kind == TT_ITEM_MAP) {
      mine = tt_item_overlay(arena, base->items[i], mine, NULL);
      if (!mine)
        return NULL;
    }
    map->keys[n] = base->keys[i];
    map->key_marks[n] = tt_item_key_mark(over, base->keys[i]);
    map->items[n++] = (struct tt_item *)(uintptr_t)mine;
  }
  for (size_t i = 0; i < over->n; i++)
    if (!tt_item_get(base, over->keys[i]))
      put(map, n++, over, i);
  map->n = n;
  return map;
}

/* ---- Keys that stand twice ---------------------------------------------------------------------------- */

struct seen {
  size_t index;
  UT_hash_handle hh;
};

static int check_map(const struct tt_item *map, struct tt_diags *diags)
{
  struct seen *hash = NULL, *pool = calloc(map->n, sizeof *pool);
  int r = 0;
  if (!pool)
    return -ENOMEM;
  for (size_t i = 0; i < map->n; i++) {
    struct seen *found = NULL;
    size_t len = strlen(map->keys[i]);
    HASH_FIND(hh, hash, map->keys[i], len, found);
    if (found) {
      tt_diag(diags, TT_SEVERITY_ERROR, "duplicate-key", map->key_marks[i], "key \"%s\" stands twice in one map",
              map->keys[i]);
      tt_diag_also(diags, map->key_marks[found->index], "first here");
      r = -EINVAL;
      continue;
    }
    pool[i].index = i;
    HASH_ADD_KEYPTR(hh, hash, map->keys[i], len, &pool[i]);
  }
  HASH_CLEAR(hh, hash);
  free(pool);
  return r;
}

/* Depth is bounded by TT_CONFIG_DEPTH_MAX. */
int tt_item_check_keys(const struct tt_item *item, bool is_deep, struct tt_diags *diags)
{
  int r = item->kind == TT_ITEM_MAP && item->n > 1 ? check_map(item, diags) : 0;
  for (size_t i = 0; is_deep && r != -ENOMEM && item->kind != TT_ITEM_SCALAR && i < item->n; i++) {
    int q = tt_item_check_keys(item->items[i], true, diags);
    r = q < 0 ? q : r;
  }
  return r;
}

/* ---- Characters --------------------------------------------------------------------------------------- */

size_t tt_line_break(const char *text, size_t n)
{
  if (text[0] == '\r')
    return n > 1 && text[1] == '\n' ? 2 : 1;
  if (text[0] == '\n')
    return 1;
  if (n > 1 && memcmp(text, "\xc2\x85", 2) == 0)
    return 2;
  if (n > 2 && (memcmp(text, "\xe2\x80\xa8", 3) == 0 || memcmp(text, "\xe2\x80\xa9", 3) == 0))
    return 3;
  return 0;
}

size_t tt_character_length(const char *text, size_t n)
{
  unsigned char c = (unsigned char)text[0];
  size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
  return len <= n && tt_utf8_is_valid(text, len) ? len : 1;
}

size_t tt_characters(const char *text, size_t n)
{
  size_t count = 0;
  for (size_t at = 0; at < n; at += tt_character_length(text + at, n - at))
    count++;
  return count;
}
