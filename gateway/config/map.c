/* SPDX-License-Identifier: Apache-2.0
 * map.c: `map:`, `bits:` and other values of a point's own type that stand in a file. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>

/* People write booleans of maps in many ways; YAML 1.2 knows two of them. */
static const char *boolean_text(const char *text)
{
  static const char *const yes[] = {"true", "on", "yes", "1"}, *const no[] = {"false", "off", "no", "0"};
  for (size_t i = 0; i < TT_COUNT(yes); i++) {
    if (strcmp(text, yes[i]) == 0)
      return "true";
    if (strcmp(text, no[i]) == 0)
      return "false";
  }
  return text;
}

const char *tt_load_type_name(enum tt_type type)
{
  return type == TT_TYPE_INT32 || type == TT_TYPE_INT64 ? "integer"
         : type == TT_TYPE_DATETIME                     ? "datetime"
                                                        : tt_type_name(type);
}

int tt_load_value(const struct tt_table_env *env, enum tt_type type, const struct tt_item *item, const char *what,
                  struct tt_value *ret)
{
  struct tt_value value = {0};
  char shown[TT_ITEM_SHOW_SIZE];
  bool is_scalar = item->kind == TT_ITEM_SCALAR && !(tt_item_is_empty(item));
  const char *text = is_scalar && type == TT_TYPE_BOOLEAN ? boolean_text(item->text) : item->text;
  int r = -EINVAL;
  if (is_scalar && (type == TT_TYPE_STRING || type == TT_TYPE_ENUM))
    r = tt_value_text(type, text, strlen(text), &value);
  else if (is_scalar)
    r = tt_value_parse(type, text, &value);
  if (r == -EINVAL || r == -ERANGE) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "%s must be a value of type %s, not %s", what,
            tt_load_type_name(type), tt_item_show(item, shown));
    if (type == TT_TYPE_BOOLEAN)
      tt_diag_help(env->diags, "true or false, on or off, yes or no, 1 or 0");
    return -EINVAL;
  }
  if (r < 0)
    return r;
  if (tt_value_is_text(value.type)) { /* into the arena, where nobody need free it */
    char *copy = tt_arena_strdup(env->arena, value.text);
    free(value.text);
    value.text = copy;
    if (!copy)
      return -ENOMEM;
  }
  *ret = value;
  return 0;
}

static bool is_truth(const struct tt_item *value)
{
  return strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0;
}

static bool is_number(const struct tt_item *value)
{
  double number;
  return tt_double_parse(value->text, &number) == 0;
}

static bool is_whole(const struct tt_item *value)
{
  int64_t number;
  return tt_int64_parse(value->text, &number) == 0;
}

/* Quoted is text, whatever it says. */
static bool all_are(const struct tt_item *item, bool (*is)(const struct tt_item *value))
{
  for (size_t i = 0; i < item->n; i++)
    if (item->items[i]->kind != TT_ITEM_SCALAR || item->items[i]->is_quoted || !is(item->items[i]))
      return false;
  return item->n > 0;
}

enum tt_type tt_load_map_type(const struct tt_item *item)
{
  if (item->kind == TT_ITEM_MAP && all_are(item, is_truth))
    return TT_TYPE_BOOLEAN;
  if (all_are(item, is_whole))
    return TT_TYPE_INT64;
  return all_are(item, is_number) ? TT_TYPE_QUANTITY : TT_TYPE_ENUM;
}

/* A raw value as a bridge would print it: 0x1f is 31; any other text is itself. */
static const char *raw_text(struct tt_arena *arena, const char *key)
{
  int64_t number;
  if (key[0] == '0' && (key[1] == 'x' || key[1] == 'X') && tt_int64_parse(key, &number) == 0)
    return tt_arena_printf(arena, "%" PRId64, number);
  return key;
}

static struct tt_mark entry_mark(const struct tt_item *item, size_t i)
{
  return item->kind == TT_ITEM_MAP ? tt_item_pair(item, i) : item->items[i]->mark;
}

static int check_raw(const struct tt_table_env *env, const struct tt_item *item, const struct tt_map_entry *map,
                     size_t n)
{
  for (size_t k = 0; k < n; k++)
    if (strcmp(map[k].raw, map[n].raw) == 0) {
      tt_diag(env->diags, TT_SEVERITY_ERROR, "duplicate-key", entry_mark(item, n), "raw value \"%s\" stands twice",
              map[n].raw);
      tt_diag_also(env->diags, entry_mark(item, k), "first here");
      return -EINVAL;
    }
  return 0;
}

static int expect(const struct tt_table_env *env, const struct tt_item *item, const char *key, const char *expected)
{
  char shown[TT_ITEM_SHOW_SIZE];
  if (item->kind == TT_ITEM_SCALAR) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "\"%s\" must be %s, not %s", key, expected,
            tt_item_show(item, shown));
    return -EINVAL;
  }
  if (item->n > TT_MAP_MAX) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "too-many-entries", item->mark, "\"%s\" can have %d entries", key,
            TT_MAP_MAX);
    return -EINVAL;
  }
  return 0;
}

int tt_load_map(const struct tt_table_env *env, const struct tt_item *item, enum tt_type type,
                const struct tt_map_entry **ret, size_t *ret_n)
{
  int r = expect(env, item, "map", "a map of raw value and value, or a list of values");
  if (r < 0)
    return r;
  struct tt_map_entry *map = tt_arena_alloc(env->arena, (item->n + 1) * sizeof *map);
  if (!map)
    return -ENOMEM;
  for (size_t i = 0; i < item->n; i++) {
    r = tt_load_value(env, type, item->items[i], "a value of the map", &map[i].value);
    if (r < 0)
      return r;
    map[i].raw = item->kind == TT_ITEM_MAP ? raw_text(env->arena, item->keys[i]) : item->items[i]->text;
    if (!map[i].raw)
      return -ENOMEM;
    r = check_raw(env, item, map, i);
    if (r < 0)
      return r;
  }
  *ret = map;
  *ret_n = item->n;
  return 0;
}

int tt_load_bits(const struct tt_table_env *env, const struct tt_item *item, const struct tt_map_entry **ret,
                 size_t *ret_n)
{
  int r = item->kind == TT_ITEM_LIST ? tt_table_expect_map(env, item, "\"bits\"")
                                     : expect(env, item, "bits", "a map of bit number and name");
  if (r < 0)
    return r;
  struct tt_map_entry *bits = tt_arena_alloc(env->arena, (item->n + 1) * sizeof *bits);
  if (!bits)
    return -ENOMEM;
  for (size_t i = 0; i < item->n; i++) {
    int64_t bit;
    if (tt_int64_parse(item->keys[i], &bit) < 0 || bit < 0 || bit > 63) {
      tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-bit", item->key_marks[i],
              "\"%s\" is not the number of a bit: 0 (the lowest) to 63", item->keys[i]);
      return -EINVAL;
    }
    bits[i].raw = tt_arena_printf(env->arena, "%" PRId64, bit);
    if (!bits[i].raw)
      return -ENOMEM;
    r = tt_load_value(env, TT_TYPE_STRING, item->items[i], "the name of a bit", &bits[i].value);
    if (r == 0)
      r = check_raw(env, item, bits, i);
    if (r < 0)
      return r;
  }
  *ret = bits;
  *ret_n = item->n;
  return 0;
}

int tt_load_check_invertible(const struct tt_table_env *env, const struct tt_item *item,
                             const struct tt_map_entry *map, size_t n)
{
  char shown[TT_ITEM_SHOW_SIZE];
  bool is_told[TT_MAP_MAX] = {false};
  int r = 0;
  for (size_t i = 0; i < n; i++) {
    size_t count = 1;
    for (size_t k = i + 1; k < n && !is_told[i]; k++)
      if (tt_value_equals(&map[i].value, &map[k].value)) {
        is_told[k] = true;
        count++;
      }
    if (count == 1)
      continue;
    tt_diag(env->diags, TT_SEVERITY_ERROR, "map-not-invertible", entry_mark(item, i),
            "writable map gives %s to %zu keys", tt_item_show(item->items[i], shown), count);
    for (size_t k = i + 1; k < n; k++)
      if (tt_value_equals(&map[i].value, &map[k].value))
        tt_diag_also(env->diags, entry_mark(item, k), "again here");
    r = -EINVAL;
  }
  return r;
}
