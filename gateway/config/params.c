/* SPDX-License-Identifier: Apache-2.0
 * params.c: declared parameters, their values for a device, and the holes they fill. */
#include "params.h"

#include "diag.h"
#include "item.h"

#include <inttypes.h>
#include <stdio.h>
#include <thingtree/command.h>

#define VALUE_HOLE "value" /* stays for the bridge: the value that is written */

/* Below which keys is it? */
struct where {
  bool in_write, in_commands;
};

static const struct tt_choice type_choices[] = {
    {"string", TT_PARAM_STRING},   {"integer", TT_PARAM_INTEGER}, {"number", TT_PARAM_NUMBER},
    {"boolean", TT_PARAM_BOOLEAN}, {"secret", TT_PARAM_SECRET},   {NULL, 0},
};
static const char *const type_words[] = {
    [TT_PARAM_STRING] = "a text",         [TT_PARAM_INTEGER] = "an integer", [TT_PARAM_NUMBER] = "a number",
    [TT_PARAM_BOOLEAN] = "true or false", [TT_PARAM_SECRET] = "a text",
};

struct declaration {
  int type;
  const struct tt_item *range, *preset, *label;
  const char *help;
};

static const struct tt_option declaration_options[] = {
    {.name = "type",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct declaration, type),
     .choices = type_choices,
     .flags = TT_OPTION_REQUIRED,
     .help = "What the parameter holds."},
    {.name = "range",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct declaration, range),
     .help = "Smallest and largest value of an integer or a number: [1, 247]."},
    {.name = "default",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct declaration, preset),
     .help =
         "The value of a device that does not give one; may use the parameters before it. Without a default the "
         "parameter must be given."},
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct declaration, label),
     .help = "What it is called, per language."},
    {.name = "help",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct declaration, help),
     .help = "What to fill in, for people."},
    TT_OPTION_END,
};

static bool is_param_name(const char *name)
{
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return n > 0 && n <= TT_PARAM_NAME_MAX && name[n] == '\0' && (name[0] < '0' || name[0] > '9');
}

static int declare_one(const struct tt_table_env *env, const struct tt_item *map, size_t i, struct tt_param *ret)
{
  struct declaration d = {0};
  char what[100];
  const struct tt_item *item = map->items[i];
  struct tt_param param = {.name = map->keys[i], .mark = map->key_marks[i]};
  if (!is_param_name(param.name) || strcmp(param.name, VALUE_HOLE) == 0) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-name", param.mark, "\"%s\" cannot be the name of a parameter",
            param.name);
    tt_diag_help(env->diags, strcmp(param.name, VALUE_HOLE) == 0
                                 ? "${value} is the value that is written"
                                 : "small letters, digits and _, beginning with a letter; not too long");
    return -EINVAL;
  }
  snprintf(what, sizeof what, "parameter \"%s\"", param.name);
  int r = tt_table_expect_map(env, item, what);
  if (r < 0)
    return r;
  const struct tt_option *tables[] = {declaration_options};
  r = tt_table_check_keys(env, tables, 1, item, what);
  int q = tt_table_load(env, declaration_options, item, what, param.mark, &d);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  param.type = (enum tt_param_type)d.type;
  param.preset = d.preset;
  param.label = d.label;
  param.help = d.help;
  if (d.range) {
    param.has_range = true;
    if (param.type != TT_PARAM_INTEGER && param.type != TT_PARAM_NUMBER) {
      tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-range", d.range->mark,
              "only an integer or a number can have a range");
      return -EINVAL;
    }
    r = tt_table_range(env, d.range, &param.min, &param.max);
  }
  *ret = param;
  return r;
}

int tt_params_declare(const struct tt_table_env *env, const struct tt_item *item, struct tt_mark at,
                      struct tt_params *ret)
{
  struct tt_params params = {0};
  int r = 0;
  if (!item || tt_item_is_empty(item)) {
    *ret = params;
    return 0;
  }
  r = tt_table_expect_map(env, item, "\"params\"");
  if (r < 0)
    return r;
  if (item->n > TT_PARAMS_MAX) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "too-many-params", item->mark, "a mapping can have %d parameters",
            TT_PARAMS_MAX);
    return -EINVAL;
  }
  params.all = tt_arena_alloc(env->arena, (item->n + 1) * sizeof *params.all);
  if (!params.all)
    return -ENOMEM;
  params.mark = at;
  for (size_t i = 0; i < item->n && r != -ENOMEM; i++) {
    int q = declare_one(env, item, i, &params.all[params.n++]);
    r = q < 0 ? q : r;
  }
  if (r == 0)
    *ret = params;
  return r;
}

/* ---- Values ------------------------------------------------------------------------------------------- */

static struct tt_item *copy_scalar(struct tt_arena *arena, const struct tt_item *item, const char *text)
{
  struct tt_item *copy = tt_arena_memdup(arena, item, sizeof *item);
  if (copy)
    copy->text = text;
  return copy;
}

/* One value as its parameter's type. */
static int check_value(const struct tt_table_env *env, const struct tt_param *param, const struct tt_item *item,
                       const struct tt_item **ret)
{
  char shown[TT_ITEM_SHOW_SIZE];
  double number = 0;
  int64_t integer = 0;
  const char *text = item->text;
  bool is_right = item->kind == TT_ITEM_SCALAR && !tt_item_is_empty(item);
  if (is_right && param->type == TT_PARAM_INTEGER) {
    is_right = tt_int64_parse(text, &integer) == 0;
    number = (double)integer;
  } else if (is_right && param->type == TT_PARAM_NUMBER) {
    is_right = tt_double_parse(text, &number) == 0;
  } else if (is_right && param->type == TT_PARAM_BOOLEAN) {
    is_right = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
  }
  if (!is_right) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "parameter \"%s\" must be %s, not %s",
            param->name, type_words[param->type], tt_item_show(item, shown));
    tt_diag_also(env->diags, param->mark, "declared");
    return -EINVAL;
  }
  if (param->has_range && !(number >= param->min && number <= param->max)) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "out-of-range", item->mark,
            "parameter \"%s\" must be between %.12g and %.12g, not %s", param->name, param->min, param->max,
            tt_item_show(item, shown));
    tt_diag_also(env->diags, param->mark, "declared");
    return -EINVAL;
  }
  if (param->type == TT_PARAM_INTEGER)
    text = tt_arena_printf(env->arena, "%" PRId64, integer); /* 0x11 is 17 also inside a text */
  struct tt_item *copy = text ? copy_scalar(env->arena, item, text) : NULL;
  if (!copy)
    return -ENOMEM;
  copy->is_quoted = param->type == TT_PARAM_STRING || param->type == TT_PARAM_SECRET;
  if (param->type == TT_PARAM_SECRET && !copy->is_secret) {
    tt_diags_hide(env->diags, item->mark);
    copy->is_secret = true;
    if (env->secrets && tt_secrets_note(env->secrets, text) < 0)
      return -ENOMEM;
  }
  *ret = copy;
  return 0;
}

static void tell_params(const struct tt_table_env *env, const struct tt_params *params)
{
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < params->n; i++)
    tt_buf_printf(&list, "%s%s", i ? ", " : "", params->all[i].name);
  if (params->n)
    tt_diag_help(env->diags, "parameters: %s     defined in %s:%u:%u", list.data ? list.data : "",
                 params->all[0].mark.file, params->mark.line, params->mark.column);
}

static const char *closest_param(const struct tt_params *params, const char *name)
{
  const char *names[TT_PARAMS_MAX];
  for (size_t i = 0; i < params->n; i++)
    names[i] = params->all[i].name;
  return tt_closest(name, names, params->n);
}

static const struct tt_param *find_param(const struct tt_params *params, const char *name)
{
  for (size_t i = 0; i < params->n; i++)
    if (strcmp(params->all[i].name, name) == 0)
      return &params->all[i];
  return NULL;
}

static int check_names(const struct tt_table_env *env, const struct tt_params *params, const char *mapping,
                       const struct tt_item *with)
{
  int r = 0;
  for (size_t i = 0; i < with->n; i++) {
    if (find_param(params, with->keys[i]))
      continue;
    tt_diag(env->diags, TT_SEVERITY_ERROR, "unknown-parameter", with->key_marks[i],
            "mapping %s has no parameter \"%s\"", mapping, with->keys[i]);
    const char *close = closest_param(params, with->keys[i]);
    if (close)
      tt_diag_help(env->diags, "did you mean \"%s\"?", close);
    tell_params(env, params);
    if (with->items[i]->kind == TT_ITEM_SCALAR && close && find_param(params, close)->type == TT_PARAM_SECRET)
      tt_diags_hide(env->diags, with->items[i]->mark);
    r = -EINVAL;
  }
  return r;
}

int tt_params_resolve(const struct tt_table_env *env, const struct tt_params *params, const char *mapping,
                      const struct tt_item *with, struct tt_mark at, const struct tt_item *const **ret_values)
{
  const struct tt_item **values = tt_arena_alloc(env->arena, (params->n + 1) * sizeof *values);
  struct tt_holes holes = {.env = env, .mapping = mapping, .params = params, .values = values};
  int r = 0;
  if (!values)
    return -ENOMEM;
  if (with && tt_item_is_empty(with))
    with = NULL;
  if (with) {
    r = tt_table_expect_map(env, with, "\"with\"");
    if (r == 0)
      r = check_names(env, params, mapping, with);
    if (r < 0)
      return r;
  }
  for (size_t i = 0; i < params->n; i++) {
    const struct tt_param *param = &params->all[i];
    const struct tt_item *item = tt_item_get(with, param->name);
    if (item && tt_item_is_null(item))
      item = NULL;
    int q = 0;
    if (!item && !param->preset) {
      tt_diag(env->diags, TT_SEVERITY_ERROR, "missing-parameter", with ? tt_item_key_mark(with, param->name) : at,
              "mapping %s needs the parameter \"%s\"", mapping, param->name);
      tell_params(env, params);
      q = -EINVAL;
    } else if (!item) {
      q = tt_holes_fill(&holes, param->preset, &item);
    }
    if (q == 0 && !tt_item_is_null(item))
      q = check_value(env, param, item, &item);
    if (q == -ENOMEM)
      return q;
    if (q < 0) { /* later defaults may use it: one message is enough */
      return q;
    }
    values[i] = item;
    holes.n_values = i + 1;
  }
  *ret_values = values;
  return r;
}

/* ---- Holes -------------------------------------------------------------------------------------------- */

static int bad_hole(const struct tt_holes *holes, const struct tt_item *item, const char *text)
{
  tt_diag(holes->env->diags, TT_SEVERITY_ERROR, "bad-hole", item->mark, "%s", text);
  return -EINVAL;
}

/* The value of ${name}; NULL in ret_value: `${value}` or `${argument:NAME}`, which stay. */
static int hole_value(const struct tt_holes *holes, const struct tt_item *item, const char *name,
                      struct where where, const struct tt_item **ret_value)
{
  const struct tt_table_env *env = holes->env;
  bool is_credential = strncmp(name, "credential:", 11) == 0, is_env = strncmp(name, "env:", 4) == 0;
  if (strcmp(name, VALUE_HOLE) == 0) {
    if (!where.in_write)
      return bad_hole(holes, item, "${value} is the value that is written: it can stand below `write:` only");
    *ret_value = NULL;
    return 0;
  }
  if (strncmp(name, TT_ARGUMENT_HOLE, strlen(TT_ARGUMENT_HOLE)) == 0) {
    if (!where.in_commands)
      return bad_hole(holes, item,
                      "${argument:NAME} is an argument of a command: it can stand below `commands:` only");
    *ret_value = NULL;
    return 0;
  }
  if (!holes->mapping && (is_credential || is_env)) {
    const char *text;
    int r = is_env ? tt_secrets_env(env->secrets, env->diags, item->mark, name + 4, &text)
                   : tt_secrets_credential(env->secrets, env->diags, item->mark, name + 11, &text);
    if (r < 0)
      return r;
    struct tt_item *value = tt_item_scalar(env->arena, text, true, item->mark);
    if (!value)
      return -ENOMEM;
    value->is_secret = true;
    *ret_value = value;
    return 0;
  }
  if (is_credential || is_env)
    return bad_hole(holes, item, "a mapping cannot use credentials or the environment; give them in `with:`");
  if (!holes->mapping)
    return bad_hole(holes, item, "only ${credential:NAME} and ${env:NAME} can stand here");
  for (size_t i = 0; i < holes->params->n; i++) {
    if (strcmp(holes->params->all[i].name, name) != 0)
      continue;
    if (i >= holes->n_values)
      return bad_hole(holes, item, "a default can use only the parameters before it");
    *ret_value = holes->values[i];
    return 0;
  }
  tt_diag(env->diags, TT_SEVERITY_ERROR, "unknown-parameter", item->mark, "mapping %s has no parameter \"%s\"",
          holes->mapping, name);
  const char *close = closest_param(holes->params, name);
  if (close)
    tt_diag_help(env->diags, "did you mean \"%s\"?", close);
  tell_params(env, holes->params);
  return -EINVAL;
}

/* A text with its holes filled, $${ being the text ${; one hole alone gives the item itself. */
static int fill_text(const struct tt_holes *holes, const struct tt_item *item, struct where where,
                     const struct tt_item **ret)
{
  struct tt_buf out = TT_BUF(0);
  bool is_secret = false;
  const struct tt_item *result = item;
  int r = 0;
  const char *p = item->text, *open;
  while (r == 0 && (open = strstr(p, "${")) != NULL) {
    if (open > p && open[-1] == '$') { /* $${ is the text ${ */
      tt_buf_add(&out, p, (size_t)(open - 1 - p));
      tt_buf_puts(&out, "${");
      p = open + 2;
      continue;
    }
    const char *end = strchr(open, '}');
    char name[300];
    if (!end || end - open - 2 >= (ptrdiff_t)sizeof name) {
      r = bad_hole(holes, item, "a ${ without its }");
      break;
    }
    snprintf(name, sizeof name, "%.*s", (int)(end - open - 2), open + 2);
    const struct tt_item *value = NULL;
    r = strstr(name, "${") ? bad_hole(holes, item, "a ${ inside another")
                           : hole_value(holes, item, name, where, &value);
    if (r < 0)
      break;
    bool is_alone = open == item->text && end[1] == '\0';
    if (is_alone) {
      result = value ? value : item;
      goto finish;
    }
    if (value && tt_item_is_null(value)) {
      tt_diag(holes->env->diags, TT_SEVERITY_ERROR, "missing-parameter", item->mark,
              "parameter \"%s\" has no value, and a text needs it here", name);
      r = -EINVAL;
      break;
    }
    tt_buf_add(&out, p, (size_t)(open - p));
    if (value)
      tt_buf_puts(&out, value->text);
    else
      tt_buf_add(&out, open, (size_t)(end + 1 - open));
    is_secret |= value && value->is_secret;
    p = end + 1;
  }
  if (r == 0) {
    tt_buf_puts(&out, p);
    const char *text = out.failed  ? NULL
                       : is_secret ? tt_secrets_keep(holes->env->secrets, out.data, out.len)
                                   : tt_arena_strndup(holes->env->arena, out.data, out.len);
    struct tt_item *filled = text ? copy_scalar(holes->env->arena, item, text) : NULL;
    if (filled) {
      filled->is_secret |= is_secret;
      filled->is_quoted = true;
    }
    result = filled;
    r = filled ? 0 : -ENOMEM;
  }
finish:
  if (is_secret && out.data)
    explicit_bzero(out.data, out.len);
  tt_buf_finish(&out);
  if (r == 0)
    *ret = result;
  return r;
}

static bool has_hole(const char *text)
{
  return strstr(text, "${") != NULL;
}

static int fill_key(const struct tt_holes *holes, const struct tt_item *map, size_t i, struct where where,
                    const char **ret_key)
{
  struct tt_item key = {.kind = TT_ITEM_SCALAR, .is_quoted = true, .mark = map->key_marks[i], .text = map->keys[i]};
  const struct tt_item *filled;
  int r = fill_text(holes, &key, where, &filled);
  if (r < 0)
    return r;
  if (filled->is_secret || tt_item_is_null(filled))
    return bad_hole(holes, &key, "a key cannot be a secret, nor nothing");
  *ret_key = filled->text;
  return 0;
}

/* A copy of a list or map before its first change. */
static struct tt_item *own_copy(struct tt_arena *arena, const struct tt_item *item)
{
  struct tt_item *copy = tt_arena_memdup(arena, item, sizeof *item);
  if (!copy)
    return NULL;
  copy->items = tt_arena_memdup(arena, item->items, item->n * sizeof *item->items);
  if (item->kind == TT_ITEM_MAP)
    copy->keys = tt_arena_memdup(arena, item->keys, item->n * sizeof *item->keys);
  return copy->items && (copy->keys || item->kind == TT_ITEM_LIST) ? copy : NULL;
}

static int fill(const struct tt_holes *holes, const struct tt_item *item, struct where where,
                const struct tt_item **ret)
{
  if (item->kind == TT_ITEM_SCALAR) {
    *ret = item;
    return has_hole(item->text) && !item->is_secret ? fill_text(holes, item, where, ret) : 0;
  }
  struct tt_item *copy = NULL;
  int r = 0;
  for (size_t i = 0; i < item->n && r != -ENOMEM; i++) {
    bool is_map = item->kind == TT_ITEM_MAP;
    const struct tt_item *filled = item->items[i];
    const char *key = is_map ? item->keys[i] : NULL;
    struct where below = where;
    below.in_write |= is_map && strcmp(key, "write") == 0;
    below.in_commands |= is_map && strcmp(key, "commands") == 0;
    int q = fill(holes, item->items[i], below, &filled);
    if (q == 0 && key && has_hole(key))
      q = fill_key(holes, item, i, where, &key);
    r = q < 0 ? q : r;
    if (q < 0 || (filled == item->items[i] && (!is_map || key == item->keys[i])))
      continue;
    if (!copy && !(copy = own_copy(holes->env->arena, item)))
      return -ENOMEM;
    copy->items[i] = (struct tt_item *)(uintptr_t)filled;
    if (is_map)
      copy->keys[i] = key;
  }
  if (r == 0)
    *ret = copy ? copy : item;
  return r;
}

int tt_holes_fill(const struct tt_holes *holes, const struct tt_item *item, const struct tt_item **ret)
{
  return fill(holes, item, (struct where){.in_commands = holes->is_in_commands}, ret);
}
