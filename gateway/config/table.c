/* SPDX-License-Identifier: Apache-2.0
 * table.c: a map of YAML into the struct that an option table describes. */
#include "table.h"

#include "diag.h"
#include "item.h"

#include <stdio.h>
#include <unistd.h>

#define CANDIDATES_MAX 256 /* rows of all tables of one map */

struct target {
  const struct tt_table_env *env;
  const struct tt_option *option;
  const struct tt_item *item;
  void *out;
};

const struct tt_option *tt_table_find(const struct tt_option *options, const char *key)
{
  for (const struct tt_option *o = options; o && o->name; o++)
    if (strcmp(o->name, key) == 0)
      return o;
  return NULL;
}

/* ---- Keys --------------------------------------------------------------------------------------------- */

/* A misspelt "password" must not show up in a source line. */
static void hide_if_secret(const struct tt_table_env *env, const struct tt_option *close,
                           const struct tt_item *item)
{
  if (close && close->type == TT_OPTION_SECRET && item->kind == TT_ITEM_SCALAR)
    tt_diags_hide(env->diags, item->mark);
}

static void tell_keys(const struct tt_table_env *env, const char *const names[], size_t n)
{
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < n; i++)
    tt_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
  tt_diag_help(env->diags, "keys: %s", list.data ? list.data : "");
}

/* Is this key `name` and a value, without the space that YAML wants after the colon? */
static bool is_glued(const char *key, const char *name)
{
  size_t n = strlen(name);
  return strncmp(key, name, n) == 0 && key[n] == ':' && key[n + 1];
}

static void tell_glued(const struct tt_table_env *env, const char *key)
{
  tt_diag_help(env->diags, "\"%.60s\" is one word: a colon needs a space after it", key);
}

int tt_table_check_keys(const struct tt_table_env *env, const struct tt_option *const tables[], size_t n_tables,
                        const struct tt_item *map, const char *what)
{
  int r = 0;
  for (size_t i = 0; i < map->n; i++) {
    const char *names[CANDIDATES_MAX];
    size_t n = 0;
    bool is_known = false, is_one_word = false;
    for (size_t t = 0; t < n_tables; t++)
      for (const struct tt_option *o = tables[t]; o && o->name; o++) {
        is_known |= strcmp(o->name, map->keys[i]) == 0;
        is_one_word |= is_glued(map->keys[i], o->name);
        if (n < CANDIDATES_MAX)
          names[n++] = o->name;
      }
    if (is_known)
      continue;
    const char *close = tt_closest(map->keys[i], names, n);
    for (size_t t = 0; close && t < n_tables; t++)
      hide_if_secret(env, tt_table_find(tables[t], close), map->items[i]);
    tt_diag(env->diags, env->is_newer ? TT_SEVERITY_WARNING : TT_SEVERITY_ERROR, "unknown-key", map->key_marks[i],
            "%s has no key \"%s\"", what, map->keys[i]);
    if (is_one_word)
      tell_glued(env, map->keys[i]);
    else if (close)
      tt_diag_help(env->diags, "did you mean \"%s\"?", close);
    else if (!env->is_newer)
      tell_keys(env, names, n);
    r = env->is_newer ? r : -EINVAL;
  }
  return r;
}

int tt_table_expect_map(const struct tt_table_env *env, const struct tt_item *item, const char *what)
{
  char shown[TT_ITEM_SHOW_SIZE];
  if (item->kind == TT_ITEM_MAP)
    return 0;
  tt_diag(env->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "%s must be a map, not %s", what,
          tt_item_show(item, shown));
  return -EINVAL;
}

/* ---- Values ------------------------------------------------------------------------------------------- */

static int wrong_type(const struct target *t, const char *expected)
{
  char shown[TT_ITEM_SHOW_SIZE];
  if (tt_item_is_empty(t->item))
    tt_diag(t->env->diags, TT_SEVERITY_ERROR, "missing-value", t->item->mark, "\"%s\" has no value: it must be %s",
            t->option->name, expected);
  else
    tt_diag(t->env->diags, TT_SEVERITY_ERROR, "wrong-type", t->item->mark, "\"%s\" must be %s, not %s",
            t->option->name, expected, tt_item_show(t->item, shown));
  return -EINVAL;
}

static bool has_limits(const struct tt_option *o)
{
  return o->min != 0 || o->max != 0;
}

static const char *print_number(const struct tt_option *o, double number, char out[static 32])
{
  if (o->type == TT_OPTION_DURATION)
    return tt_duration_print(out, 32, (uint64_t)number);
  snprintf(out, 32, "%.12g", number);
  return out;
}

static int check_limits(const struct target *t, double number)
{
  char min[32], max[32], is[32];
  const struct tt_option *o = t->option;
  if (!has_limits(o) || (number >= o->min && (number <= o->max || o->max < o->min)))
    return 0;
  print_number(o, o->min, min);
  print_number(o, o->max, max);
  tt_diag(t->env->diags, TT_SEVERITY_ERROR, "out-of-range", t->item->mark,
          "\"%s\" must be between %s and %s, not %s", o->name, min, max,
          t->item->is_secret ? "what it is" : print_number(o, number, is));
  return -EINVAL;
}

static bool is_text(const struct tt_item *item)
{
  return item->kind == TT_ITEM_SCALAR && !tt_item_is_empty(item);
}

/* A file that is not there would fail only when the gateway runs, and where nobody looks. */
static int load_path(const struct target *t)
{
  const char *text = t->item->text;
  if (text[0] != '/' && t->env->base)
    text = tt_arena_printf(t->env->arena, "%s/%s", t->env->base, text);
  if (!text)
    return -ENOMEM;
  if (access(text, R_OK) < 0) {
    tt_diag(t->env->diags, TT_SEVERITY_ERROR, "file-unreadable", t->item->mark, "%s cannot be read: %s",
            t->item->text, strerror(errno));
    return -EINVAL;
  }
  *(const char **)t->out = text;
  return 0;
}

static int load_string(const struct target *t)
{
  if (!is_text(t->item))
    return wrong_type(t, "a text");
  if (t->option->flags & TT_OPTION_PATH)
    return load_path(t);
  *(const char **)t->out = t->item->text;
  return 0;
}

static int load_secret(const struct target *t)
{
  if (!is_text(t->item)) {
    tt_diags_hide(t->env->diags, t->item->mark);
    return wrong_type(t, "a text");
  }
  *(const char **)t->out = t->item->text;
  if (t->item->is_secret || !t->item->mark.file)
    return 0;
  tt_diags_hide(t->env->diags, t->item->mark);
  return t->env->secrets ? tt_secrets_note(t->env->secrets, t->item->text) : 0;
}

static int load_boolean(const struct target *t)
{
  bool is_true = is_text(t->item) && strcmp(t->item->text, "true") == 0;
  if (!is_true && !(is_text(t->item) && strcmp(t->item->text, "false") == 0))
    return wrong_type(t, "true or false");
  *(bool *)t->out = is_true;
  return 0;
}

static int load_integer(const struct target *t)
{
  int64_t value;
  int r = is_text(t->item) ? tt_int64_parse(t->item->text, &value) : -EINVAL;
  if (r < 0)
    return wrong_type(t, "an integer");
  r = check_limits(t, (double)value);
  if (r == 0)
    *(int64_t *)t->out = value;
  return r;
}

static int load_number(const struct target *t)
{
  double value;
  int r = is_text(t->item) ? tt_double_parse(t->item->text, &value) : -EINVAL;
  if (r < 0)
    return wrong_type(t, "a number");
  r = check_limits(t, value);
  if (r == 0)
    *(double *)t->out = value;
  return r;
}

static int load_duration(const struct target *t)
{
  uint64_t value;
  int r = is_text(t->item) ? tt_duration_parse(t->item->text, &value) : -EINVAL;
  if (r < 0)
    return wrong_type(t, "a time with its unit, like 500ms, 10s, 5min, 24h");
  r = check_limits(t, (double)value);
  if (r == 0)
    *(uint64_t *)t->out = value;
  return r;
}

static int load_choice(const struct target *t)
{
  const char *names[CANDIDATES_MAX];
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  size_t n = 0;
  for (const struct tt_choice *c = t->option->choices; c->name && n < CANDIDATES_MAX; c++) {
    if (is_text(t->item) && strcmp(c->name, t->item->text) == 0) {
      *(int *)t->out = c->value;
      return 0;
    }
    tt_buf_printf(&list, "%s%s", n ? ", " : "", c->name);
    names[n++] = c->name;
  }
  if (list.failed)
    return -ENOMEM;
  if (!is_text(t->item) || t->item->is_secret) {
    tt_buf_puts(&list, " (one of these)");
    return wrong_type(t, list.data);
  }
  char shown[TT_ITEM_SHOW_SIZE];
  const char *close = tt_closest(t->item->text, names, n);
  tt_diag(t->env->diags, TT_SEVERITY_ERROR, "unknown-choice", t->item->mark, "\"%s\" cannot be %s", t->option->name,
          tt_item_show(t->item, shown));
  if (close)
    tt_diag_help(t->env->diags, "did you mean \"%s\"?", close);
  tt_diag_help(t->env->diags, "it can be: %s", list.data);
  return -EINVAL;
}

static int load_texts(const struct target *t)
{
  struct tt_texts *texts = t->out;
  size_t n = t->item->kind == TT_ITEM_LIST ? t->item->n : 1;
  if (t->item->kind == TT_ITEM_MAP || (t->item->kind == TT_ITEM_SCALAR && !is_text(t->item)))
    return wrong_type(t, "a list of texts");
  const char **text = tt_arena_alloc(t->env->arena, (n ? n : 1) * sizeof *text);
  if (!text)
    return -ENOMEM;
  for (size_t i = 0; i < n; i++) {
    struct target one = *t;
    one.item = t->item->kind == TT_ITEM_LIST ? t->item->items[i] : t->item;
    if (!is_text(one.item))
      return wrong_type(&one, "a list of texts");
    text[i] = one.item->text;
  }
  *texts = (struct tt_texts){.text = text, .n = n};
  return 0;
}

static int load_table(const struct target *t)
{
  char what[100];
  snprintf(what, sizeof what, "\"%s\"", t->option->name);
  int r = tt_table_expect_map(t->env, t->item, what);
  if (r < 0)
    return r;
  const struct tt_option *tables[] = {t->option->table};
  r = tt_table_check_keys(t->env, tables, 1, t->item, what);
  int q = tt_table_load(t->env, t->option->table, t->item, what, t->item->mark, t->out);
  return r < 0 ? r : q;
}

static int load_list(const struct target *t)
{
  struct tt_list *list = t->out;
  bool is_list = t->item->kind == TT_ITEM_LIST;
  size_t n = is_list ? t->item->n : 1;
  int r = 0;
  if (t->item->kind == TT_ITEM_SCALAR)
    return tt_item_is_empty(t->item) ? 0 : wrong_type(t, "a list of maps");
  char *items = tt_arena_alloc(t->env->arena, (n ? n : 1) * t->option->size);
  struct tt_mark *marks = tt_arena_alloc(t->env->arena, (n ? n : 1) * sizeof *marks);
  if (!items || !marks)
    return -ENOMEM;
  for (size_t i = 0; i < n && r != -ENOMEM; i++) {
    struct target one = *t;
    one.item = is_list ? t->item->items[i] : t->item;
    one.out = items + i * t->option->size;
    marks[i] = one.item->mark;
    int q = load_table(&one);
    r = q < 0 ? q : r;
  }
  *list = (struct tt_list){.items = items, .n = n, .marks = marks};
  return r;
}

static int load_item(const struct target *t)
{
  *(const struct tt_item **)t->out = t->item;
  return 0;
}

static int load_one(const struct target *t)
{
  switch (t->option->type) {
  case TT_OPTION_STRING:
    return load_string(t);
  case TT_OPTION_SECRET:
    return load_secret(t);
  case TT_OPTION_BOOLEAN:
    return load_boolean(t);
  case TT_OPTION_INTEGER:
    return load_integer(t);
  case TT_OPTION_NUMBER:
    return load_number(t);
  case TT_OPTION_DURATION:
    return load_duration(t);
  case TT_OPTION_CHOICE:
    return load_choice(t);
  case TT_OPTION_TEXTS:
    return load_texts(t);
  case TT_OPTION_TABLE:
    return load_table(t);
  case TT_OPTION_LIST:
    return load_list(t);
  case TT_OPTION_ITEM:
    return load_item(t);
  }
  return -EINVAL;
}

/* An option that the file does not give. */
static int load_preset(const struct tt_table_env *env, const struct tt_option *o, void *out)
{
  if (o->type == TT_OPTION_TABLE)
    return tt_table_load(env, o->table, NULL, o->name, (struct tt_mark){0}, out);
  if (!o->preset)
    return 0;
  struct tt_item *item = tt_item_scalar(env->arena, o->preset, true, (struct tt_mark){0});
  if (!item)
    return -ENOMEM;
  struct target t = {.env = env, .option = o, .item = item, .out = out};
  return load_one(&t);
}

int tt_table_load(const struct tt_table_env *env, const struct tt_option *options, const struct tt_item *map,
                  const char *what, struct tt_mark at, void *out)
{
  int r = 0;
  for (const struct tt_option *o = options; o && o->name; o++) {
    const struct tt_item *item = tt_item_get(map, o->name);
    void *member = (char *)out + o->offset;
    int q = 0;
    if (item && !(tt_item_is_null(item) && o->type != TT_OPTION_ITEM)) {
      struct target t = {.env = env, .option = o, .item = item, .out = member};
      q = load_one(&t);
    } else if (map && (o->flags & TT_OPTION_REQUIRED)) {
      tt_diag(env->diags, TT_SEVERITY_ERROR, "missing-key", at, "%s needs the key \"%s\"", what, o->name);
      for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n; i++)
        if (is_glued(map->keys[i], o->name))
          tell_glued(env, map->keys[i]);
      q = -EINVAL;
    } else {
      q = load_preset(env, o, member);
    }
    if (q == -ENOMEM)
      return q;
    r = q < 0 ? q : r;
  }
  return r;
}

int tt_table_range(const struct tt_table_env *env, const struct tt_item *item, double *ret_min, double *ret_max)
{
  double min, max;
  char shown[TT_ITEM_SHOW_SIZE];
  if (item->kind != TT_ITEM_LIST || item->n != 2 || item->items[0]->kind != TT_ITEM_SCALAR ||
      item->items[1]->kind != TT_ITEM_SCALAR || tt_double_parse(item->items[0]->text, &min) < 0 ||
      tt_double_parse(item->items[1]->text, &max) < 0) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-range", item->mark, "a range is two numbers, like [0, 60], not %s",
            tt_item_show(item, shown));
    return -EINVAL;
  }
  if (!(min < max)) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-range", item->mark, "the range begins at %.12g and ends at %.12g",
            min, max);
    tt_diag_help(env->diags, "the smaller number comes first");
    return -EINVAL;
  }
  *ret_min = min;
  *ret_max = max;
  return 0;
}
