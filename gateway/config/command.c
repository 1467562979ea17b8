/* SPDX-License-Identifier: Apache-2.0
 * command.c: commands of a mapping (thingtree/command.h): the core's keys, the bridge's address, and the arguments, which are
 * converted like points that are written. */
#include "model/convert.h"
#include "point.h"

#include <stdio.h>

struct command_values {
  const struct tt_item *label, *confirm, *arguments;
  uint64_t within_us;
};
const struct tt_option tt_command_options[] = {
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct command_values, label),
     .help = "What the command is called: a text, or one per language."},
    {.name = "confirm",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct command_values, confirm),
     .help = "What people are asked before it is done: a text, or one per language."},
    {.name = "within",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct command_values, within_us),
     .min = 1e3,
     .max = 3600e6,
     .help = "The device must have answered by then; the connection's timeout when absent."},
    {.name = "arguments",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct command_values, arguments),
     .help = "What it takes, by name, in this order; for the bridge, each is ${argument:NAME}."},
    TT_OPTION_END,
};

struct argument_values {
  struct tt_point_values point;
  const struct tt_item *preset;
  double step;
  bool is_secret;
};
#define ARGUMENT(name_, type_, member_, help_)                                                                     \
  {                                                                                                                \
    .name = (name_), .type = (type_), .offset = offsetof(struct argument_values, member_), .help = (help_)         \
  }
const struct tt_option tt_argument_options[] = {
    ARGUMENT("type", TT_OPTION_STRING, point.type, "As of a point: number, integer, boolean, string, enum, ..."),
    ARGUMENT("label", TT_OPTION_ITEM, point.label, "What it is called: a text, or one per language."),
    ARGUMENT("unit", TT_OPTION_STRING, point.unit, "Unit as UCUM code."),
    ARGUMENT("map", TT_OPTION_ITEM, point.map, "What the device is told for each value, as of a point."),
    {.name = "scale",
     .type = TT_OPTION_NUMBER,
     .offset = offsetof(struct argument_values, point.scale),
     .preset = "1",
     .help = "The device is told (value - offset) / scale."},
    {.name = "offset",
     .type = TT_OPTION_NUMBER,
     .offset = offsetof(struct argument_values, point.offset),
     .preset = "0",
     .help = "The device is told (value - offset) / scale."},
    ARGUMENT("range", TT_OPTION_ITEM, point.range, "Smallest and largest value: [0, 60]."),
    ARGUMENT("step", TT_OPTION_NUMBER, step, "The value must be a whole number of these away from the smallest."),
    ARGUMENT("default", TT_OPTION_ITEM, preset, "What it is when it is left out; without, it must be given."),
    ARGUMENT("secret", TT_OPTION_BOOLEAN, is_secret, "It is a credential: never shown, never written down."),
    TT_OPTION_END,
};

/* ---- Arguments ---------------------------------------------------------------------------------------------- */

static int load_preset(const struct tt_points_source *s, const struct tt_item *item, const char *what,
                       struct tt_point *p)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  TT_AUTOVALUE struct tt_value value = {0};
  char why[TT_WHY_MAX];
  int r = tt_load_value(&s->env, p->type, item, "\"default\"", &p->missing_value);
  if (r < 0)
    return r;
  p->missing = TT_MISSING_VALUE;
  tt_value_print(&p->missing_value, &text);
  if (text.failed)
    return -ENOMEM;
  r = tt_convert_parameter(p, TT_TYPE_NONE, text.data ? text.data : "", &value, NULL, why, sizeof why);
  if (r == -EINVAL)
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "bad-default", item->mark, "the default of %s is not valid: %s", what,
            why);
  return r < 0 ? r : 0;
}

static int load_argument(const struct tt_points_source *s, const char *name, struct tt_mark at,
                         const struct tt_item *item, struct tt_point *p)
{
  const struct tt_option *tables[] = {tt_argument_options};
  struct argument_values v = {0};
  char what[TT_NAME_MAX + 20];
  *p = (struct tt_point){.name = name,
                         .mark = at,
                         .unit = "",
                         .ucum = "",
                         .poll = -1,
                         .decimals = TT_DECIMALS_FREE,
                         .missing = TT_MISSING_ABSENT};
  int r = tt_load_check_name(s, name, at, "an argument");
  if (r < 0)
    return r;
  snprintf(what, sizeof what, "argument %s", name);
  r = tt_table_expect_map(&s->env, item, what);
  if (r < 0)
    return r;
  r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), item, what);
  int q = tt_table_load(&s->env, tt_argument_options, item, what, at, &v);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  struct tt_write *w = tt_arena_alloc(s->env.arena, sizeof *w);
  if (!w)
    return -ENOMEM;
  w->verify_point = TT_NO_POINT;
  p->write = w;
  p->is_secret = v.is_secret;
  r = tt_point_convert(s, item, &v.point, what, p);
  q = tt_point_unit(s, item, v.point.unit, p);
  r = q < 0 ? q : r;
  if (r == 0 && v.point.label)
    r = tt_load_label(s->loader, &s->env, v.point.label, &p->label);
  if (r == 0)
    r = tt_write_check_type(s, item, at, p);
  if (r == 0)
    r = tt_write_limits(s, item, v.point.range, v.step, p, w);
  return r == 0 && v.preset ? load_preset(s, v.preset, what, p) : r;
}

static int load_arguments(const struct tt_points_source *s, const struct tt_item *map, const char *what,
                          struct tt_command *c)
{
  int r = tt_table_expect_map(&s->env, map, "\"arguments\"");
  if (r < 0)
    return r;
  if (map->n > TT_ARGUMENTS_MAX) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "too-many-arguments", map->mark, "%s can have %d arguments", what,
            TT_ARGUMENTS_MAX);
    return -EINVAL;
  }
  struct tt_point *arguments = tt_arena_alloc(s->env.arena, (map->n + 1) * sizeof *arguments);
  if (!arguments)
    return -ENOMEM;
  for (size_t i = 0; i < map->n && r != -ENOMEM; i++) {
    int q = load_argument(s, map->keys[i], map->key_marks[i], map->items[i], &arguments[i]);
    r = q < 0 ? q : r;
  }
  c->arguments = arguments;
  c->n_arguments = map->n;
  return r;
}

/* ---- A command ---------------------------------------------------------------------------------------------- */

static int load_command(const struct tt_points_source *s, const char *name, struct tt_mark at,
                        const struct tt_item *item, struct tt_command *c)
{
  const struct tt_option *tables[] = {tt_command_options, s->ops->command_address.options};
  struct command_values v = {0};
  char what[TT_NAME_MAX + 20];
  *c = (struct tt_command){.name = name, .mark = at};
  int r = tt_load_check_name(s, name, at, "a command");
  if (r < 0)
    return r;
  snprintf(what, sizeof what, "command %s", name);
  r = tt_table_expect_map(&s->env, item, what);
  if (r < 0)
    return r;
  r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), item, what);
  int q = tt_table_load(&s->env, tt_command_options, item, what, at, &v);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  c->within_us = v.within_us ? v.within_us : s->timeout_us;
  if (v.label)
    r = tt_load_label(s->loader, &s->env, v.label, &c->label);
  if (r != -ENOMEM && v.confirm) {
    q = tt_load_label(s->loader, &s->env, v.confirm, &c->confirm);
    r = q < 0 ? q : r;
  }
  if (r != -ENOMEM && v.arguments && !tt_item_is_empty(v.arguments)) {
    q = load_arguments(s, v.arguments, what, c);
    r = q < 0 ? q : r;
  }
  q = r == -ENOMEM ? r : tt_point_address(s, &s->ops->command_address, item, what, at, &c->address);
  return q < 0 ? q : r;
}

/* ---- All commands -------------------------------------------------------------------------------------------- */

static bool is_false(const struct tt_item *item)
{
  return item && item->kind == TT_ITEM_SCALAR && !item->is_quoted && strcmp(item->text, "false") == 0;
}

/* Overrides name commands that the mapping has. */
static int check_overrides(const struct tt_points_source *s)
{
  static const struct tt_item none = {.kind = TT_ITEM_MAP};
  const struct tt_item *map = s->overrides, *commands = s->points ? s->points : &none;
  int r = 0;
  if (!map || tt_item_is_empty(map))
    return 0;
  r = tt_table_expect_map(&s->env, map, "\"commands\"");
  for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n; i++) {
    if (tt_item_get(commands, map->keys[i]))
      continue;
    /* one that the device is still to describe itself, perhaps */
    bool is_open = s->described || commands->kind != TT_ITEM_MAP || commands->n == 0;
    tt_diag(s->env.diags, is_open ? TT_SEVERITY_WARNING : TT_SEVERITY_ERROR, "unknown-command", map->key_marks[i],
            "mapping %s has no command \"%s\"", s->mapping, map->keys[i]);
    const char *close = tt_closest(map->keys[i], commands->keys, commands->n);
    if (close)
      tt_diag_help(s->env.diags, "did you mean \"%s\"?", close);
    r = is_open ? r : -EINVAL;
  }
  return r;
}

/* 0 and one more, or it is left out. */
static int add(const struct tt_points_source *s, const char *name, struct tt_mark at, const struct tt_item *item,
               struct tt_command *commands, size_t *n)
{
  const struct tt_item *over = s->overrides ? tt_item_get(s->overrides, name) : NULL;
  char what[TT_NAME_MAX + 20];
  snprintf(what, sizeof what, "command %.64s", name);
  if (is_false(item) || is_false(over))
    return 0;
  int r = over ? tt_table_expect_map(&s->env, over, what) : 0;
  if (r < 0)
    return r;
  if (over && item->kind == TT_ITEM_MAP && !(item = tt_item_overlay(s->env.arena, item, over, "arguments")))
    return -ENOMEM;
  r = load_command(s, name, at, item, &commands[*n]);
  *n += r == 0;
  return r;
}

/* As the device describes it; when that is wrong, as the mapping has it, if it has. */
static int add_described(const struct tt_points_source *s, size_t i, struct tt_command *commands, size_t *n)
{
  s->env.diags->lenient = s->lenient;
  int r = add(s, s->points->keys[i], s->points->key_marks[i], s->points->items[i], commands, n);
  s->env.diags->lenient = NULL;
  if (r != -EINVAL)
    return r;
  const struct tt_item *plain = s->plain ? tt_item_get(s->plain, s->points->keys[i]) : NULL;
  return plain ? add(s, s->points->keys[i], s->points->key_marks[i], plain, commands, n) : 0;
}

int tt_load_commands(const struct tt_points_source *s, const struct tt_command **ret_commands, size_t *ret_n)
{
  const struct tt_item *map = s->points;
  *ret_commands = NULL;
  *ret_n = 0;
  int r = check_overrides(s);
  if (r < 0 || !map || tt_item_is_empty(map))
    return r;
  r = tt_table_expect_map(&s->env, map, "\"commands\"");
  if (r < 0)
    return r;
  if (!s->ops->command && map->n > 0) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "no-commands", map->mark, "devices of %s have no commands",
            s->ops->name);
    return -EINVAL;
  }
  if (map->n > TT_COMMANDS_MAX) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "too-many-commands", map->mark, "a device can have %d commands",
            TT_COMMANDS_MAX);
    return -EINVAL;
  }
  struct tt_command *commands = tt_arena_alloc(s->env.arena, (map->n + 1) * sizeof *commands);
  size_t n = 0;
  if (!commands)
    return -ENOMEM;
  for (size_t i = 0; i < map->n && r != -ENOMEM; i++) {
    bool is_described = s->described && tt_item_get(s->described, map->keys[i]);
    int q = is_described ? add_described(s, i, commands, &n)
                         : add(s, map->keys[i], map->key_marks[i], map->items[i], commands, &n);
    r = q < 0 ? q : r;
  }
  if (r < 0)
    return r;
  *ret_commands = commands;
  *ret_n = n;
  return 0;
}
