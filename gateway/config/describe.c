/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c: what a device says of itself becomes items like those of a mapping. It is foreign: JSON is read strictly and
 * written anew, so that messages can show where in it something is wrong; sizes are bounded on their own account; texts
 * are cleaned; and no hole in it is ever filled.
 */
#include "load.h"

#include <json-c/json.h>

#define WORST_TEXT_MAX (4 * TT_DESCRIPTION_MAX) /* bytes, written anew with its lines indented */

/* Parsed and printed again; NULL: it is not a JSON object. */
static const char *rewrite(struct tt_arena *arena, const char *json, size_t *ret_n, int *ret_error)
{
  struct json_tokener *tokener = json_tokener_new_ex(TT_CONFIG_DEPTH_MAX);
  size_t n = strlen(json);
  *ret_error = tokener ? 0 : -ENOMEM;
  if (!tokener || n > TT_DESCRIPTION_MAX) {
    if (tokener)
      json_tokener_free(tokener);
    return NULL;
  }
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
  struct json_object *object = json_tokener_parse_ex(tokener, json, (int)n + 1); /* with its end, for numbers */
  bool is_good =
      json_tokener_get_error(tokener) == json_tokener_success && json_object_is_type(object, json_type_object);
  const char *text = is_good ? json_object_to_json_string_length(
                                   object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE, ret_n)
                             : NULL;
  if (text && *ret_n > WORST_TEXT_MAX)
    text = NULL;
  else if (text && !(text = tt_arena_strndup(arena, text, *ret_n)))
    *ret_error = -ENOMEM;
  json_object_put(object);
  json_tokener_free(tokener);
  return text;
}

static int clean_text(struct tt_arena *arena, const char **text)
{
  size_t n = strlen(*text), room = 3 * n + 1; /* a byte may become U+FFFD */
  char *out TT_AUTOFREE = malloc(room);
  if (!out)
    return -ENOMEM;
  tt_text_printable(out, room, *text, n);
  if (strcmp(out, *text) != 0)
    *text = tt_arena_strdup(arena, out);
  return *text ? 0 : -ENOMEM;
}

/* Fresh from the parser and nobody else's yet; depth is bounded by TT_CONFIG_DEPTH_MAX. */
static int clean(struct tt_arena *arena, struct tt_item *item)
{
  int r = item->kind == TT_ITEM_SCALAR ? clean_text(arena, &item->text) : 0;
  for (size_t i = 0; item->kind != TT_ITEM_SCALAR && i < item->n && r == 0; i++) {
    if (item->kind == TT_ITEM_MAP)
      r = clean_text(arena, &item->keys[i]);
    if (r == 0)
      r = clean(arena, item->items[i]);
  }
  return r;
}

static int parse(struct tt_loader *l, const char *key, const char *json, const struct tt_item **ret_root)
{
  size_t items = TT_DESCRIPTION_ITEMS_MAX, n = 0;
  int r;
  const char *name = tt_arena_printf(l->arena, "description of %s", key);
  struct tt_mark at = {.file = name, .line = 1, .column = 1, .length = 1};
  if (!name)
    return -ENOMEM;
  const char *text = rewrite(l->arena, json, &n, &r);
  if (!text || n > l->description_left) {
    if (r == 0)
      tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-description", at, "%s",
              text ? "the descriptions of all devices are too large together; this one is left out"
                   : "what the device says of itself is not a JSON object, or too large");
    return r < 0 ? r : -EINVAL;
  }
  l->description_left -= n;
  struct tt_yaml_env env = {.arena = l->arena, .diags = l->diags, .items_left = &items};
  r = tt_yaml_parse(&env, name, text, n, ret_root);
  if (r == 0)
    r = clean(l->arena, (struct tt_item *)(uintptr_t)*ret_root);
  if (r == 0)
    r = tt_item_check_keys(*ret_root, true, l->diags); /* cleaned keys may have become the same */
  return r;
}

static int load_parts(struct tt_loader *l, const struct tt_item *root, struct tt_description *ret)
{
  struct tt_table_env env = tt_load_env(l, NULL);
  const struct tt_item *points = tt_item_get(root, "points"), *commands = tt_item_get(root, "commands");
  int r = tt_load_about(l, &env, tt_item_get(root, "about"), &ret->about);
  if (r == -ENOMEM)
    return r;
  if (commands && commands->kind == TT_ITEM_MAP && commands->n > TT_COMMANDS_MAX / 2) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-commands", commands->mark, "a device can describe %d commands",
            TT_COMMANDS_MAX / 2);
    commands = NULL;
  }
  if (commands && tt_table_expect_map(&env, commands, "\"commands\"") == 0)
    ret->commands = commands;
  if (!points)
    return r;
  if (points->kind != TT_ITEM_MAP)
    return tt_table_expect_map(&env, points, "\"points\"");
  if (points->n > TT_POINTS_MAX / 2) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-points", points->mark, "a device can describe %d points",
            TT_POINTS_MAX / 2);
    return -EINVAL;
  }
  ret->points = points;
  return r;
}

int tt_load_description(struct tt_loader *l, const char *key, const char *mapping, struct tt_diag_leniency *lenient,
                        struct tt_description *ret)
{
  char *json TT_AUTOFREE = l->env->described ? l->env->described(l->env->described_user, key, mapping) : NULL;
  const struct tt_item *root = NULL;
  *ret = (struct tt_description){0};
  if (!json)
    return 0;
  l->diags->lenient = lenient;
  int r = parse(l, key, json, &root);
  if (r == 0)
    r = load_parts(l, root, ret);
  l->diags->lenient = NULL;
  return r == -ENOMEM ? r : 0;
}

const struct tt_item *tt_load_described_points(struct tt_arena *arena, const struct tt_item *described,
                                               const struct tt_item *points)
{
  const struct tt_item *all = tt_item_overlay(arena, described, points, NULL);
  struct tt_item *own = NULL;
  for (size_t i = 0; all && all != described && points->kind == TT_ITEM_MAP && i < all->n; i++) {
    const struct tt_item *theirs = tt_item_get(described, all->keys[i]), *ours = tt_item_get(points, all->keys[i]);
    if (!theirs || !ours || theirs->kind != TT_ITEM_MAP || ours->kind != TT_ITEM_MAP)
      continue;
    if (!own) { /* before its first change */
      own = tt_arena_memdup(arena, all, sizeof *all);
      if (own)
        own->items = tt_arena_memdup(arena, all->items, all->n * sizeof *all->items);
      if (!own || !own->items)
        return NULL;
      all = own;
    }
    const struct tt_item *both = tt_item_overlay(arena, theirs, ours, "write");
    if (!both)
      return NULL;
    own->items[i] = (struct tt_item *)(uintptr_t)both;
  }
  return all;
}
