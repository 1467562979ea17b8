/* SPDX-License-Identifier: Apache-2.0
 * start.c: a table of its own for what a bridge must know, and the walk over other tables for what it may touch. */
#include "start.h"

#include <limits.h>

#define ROW(member_, type_)                                                                                        \
  {                                                                                                                \
    .name = #member_, .type = TT_OPTION_##type_, .offset = offsetof(struct tt_start, member_)                      \
  }
static const struct tt_option start_members[] = {
    ROW(protocol, STRING), ROW(name, STRING),   ROW(bridges, STRING), ROW(is_probing, BOOLEAN),
    ROW(files, TEXTS),     ROW(devices, TEXTS), TT_OPTION_END,
};

void tt_start_put(const struct tt_start *start, const struct tt_bridge_ops *ops, const void *options,
                  struct tt_buf *out)
{
  tt_pack(start_members, start, 0, out);
  tt_pack(ops->connection.options, options, 0, out);
}

int tt_start_take(struct tt_bytes *in, struct tt_arena *arena, struct tt_start *ret)
{
  struct tt_start start = {0};
  int r = tt_unpack(start_members, in, arena, &start);
  if (r < 0)
    return r;
  if (!start.protocol || !start.name)
    return -EBADMSG;
  *ret = start;
  return 0;
}

/* ---- Paths -------------------------------------------------------------------------------------------------- */
static int add(struct tt_texts *texts, struct tt_arena *arena, const char *path)
{
  for (size_t i = 0; i < texts->n; i++)
    if (strcmp(texts->text[i], path) == 0)
      return 0;
  const char **more = tt_arena_alloc(arena, (texts->n + 1) * sizeof(*more)); /* they are few */
  const char *copy = tt_arena_strdup(arena, path);
  if (!more || !copy)
    return -ENOMEM;
  if (texts->n > 0)
    memcpy(more, texts->text, texts->n * sizeof(*more));
  more[texts->n] = copy;
  *texts = (struct tt_texts){.text = more, .n = texts->n + 1};
  return 0;
}

static int add_option(struct tt_start *start, struct tt_arena *arena, const struct tt_option *o, const void *from)
{
  const struct tt_list *list = from;
  int r = 0;
  switch (o->type) {
  case TT_OPTION_STRING:
    if (o->flags & (TT_OPTION_PATH | TT_OPTION_DEVICE) && *(const char *const *)from)
      r = add(o->flags & TT_OPTION_PATH ? &start->files : &start->devices, arena, *(const char *const *)from);
    break;
  case TT_OPTION_TABLE:
    r = tt_start_add_paths(start, arena, o->table, from);
    break;
  case TT_OPTION_LIST:
    for (size_t i = 0; r == 0 && i < list->n; i++)
      r = tt_start_add_paths(start, arena, o->table, (const char *)list->items + i * o->size);
    break;
  case TT_OPTION_SECRET:
  case TT_OPTION_BOOLEAN:
  case TT_OPTION_INTEGER:
  case TT_OPTION_NUMBER:
  case TT_OPTION_DURATION:
  case TT_OPTION_CHOICE:
  case TT_OPTION_TEXTS:
  case TT_OPTION_ITEM:
    break;
  }
  return r;
}

int tt_start_add_paths(struct tt_start *start, struct tt_arena *arena, const struct tt_option *table,
                       const void *options)
{
  int r = 0;
  for (const struct tt_option *o = table; r == 0 && options && o && o->name; o++)
    r = add_option(start, arena, o, (const char *)options + o->offset);
  return r;
}
