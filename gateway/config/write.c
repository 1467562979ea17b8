/* SPDX-License-Identifier: Apache-2.0
 * write.c: the write side of a point, and how a write is verified. */
#include "point.h"

#include <stdio.h>

struct write_values {
  const struct tt_item *range, *verify, *confirm;
  double step;
  uint64_t within_us;
};
const struct tt_option tt_write_options[] = {
    {.name = "range",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct write_values, range),
     .help = "Smallest and largest value: [0, 60]. Checked before the device sees it."},
    {.name = "step",
     .type = TT_OPTION_NUMBER,
     .offset = offsetof(struct write_values, step),
     .help = "The value must be this many times a whole number away from the smallest."},
    {.name = "verify",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct write_values, verify),
     .preset = "none",
     .help =
         "none: the acknowledgement is all there is; readback: read the point and compare; report: wait until the "
         "device reports it; a map: read back at that address, with `map:` and `after:` of its own."},
    {.name = "within",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct write_values, within_us),
     .min = 1e3,
     .max = 3600e6,
     .help = "The device must have answered, and the value be verified, by then; the connection's timeout when "
             "absent."},
    {.name = "confirm",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct write_values, confirm),
     .help =
         "What a person is asked before it is written, for what is not lightly done: a text, or one per language."},
    TT_OPTION_END,
};

/* Keys of `verify: {...}` beside the bridge's address. */
struct verify_values {
  struct tt_point_values point;
  uint64_t after_us;
};
#define POINT(name_, type_, member_, help_)                                                                        \
  {                                                                                                                \
    .name = (name_), .type = (type_), .offset = offsetof(struct verify_values, point.member_), .help = (help_)     \
  }
static const struct tt_option verify_options[] = {
    {.name = "after",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct verify_values, after_us),
     .max = 3600e6,
     .help = "Wait so long before reading back."},
    POINT("type", TT_OPTION_STRING, type, "Type at that address; that of the point when absent."),
    POINT("map", TT_OPTION_ITEM, map, "Raw values at that address; the point's own when absent."),
    TT_OPTION_END,
};

static bool is_number_type(enum tt_type type)
{
  return tt_value_is_number(type);
}

int tt_write_limits(const struct tt_points_source *s, const struct tt_item *map, const struct tt_item *range,
                    double step, const struct tt_point *p, struct tt_write *w)
{
  const struct tt_item *step_item = tt_item_get(map, "step");
  const struct tt_item *either = range ? range : step_item;
  if (either && (!is_number_type(p->type) || p->n_map)) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "bad-range", either->mark,
            "only a number can have a range and a step; %s is %s%s", p->name, tt_load_type_name(p->type),
            p->n_map ? " with a map" : "");
    return -EINVAL;
  }
  int r = range ? tt_table_range(&s->env, range, &w->min, &w->max) : 0;
  if (r < 0)
    return r;
  w->has_range = range != NULL;
  w->step = step;
  if (step_item && (step <= 0 || (range && step > w->max - w->min))) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "bad-step", step_item->mark, "step %.12g %s", step,
            step <= 0 ? "must be greater than 0" : "is greater than the range");
    return -EINVAL;
  }
  return 0;
}

int tt_write_check_type(const struct tt_points_source *s, const struct tt_item *merged, struct tt_mark at,
                        const struct tt_point *p)
{
  if (p->n_bits || (p->type == TT_TYPE_ENUM && p->n_map == 0)) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "not-writable", at, "%s cannot be written: %s", p->name,
            p->n_bits ? "it is made of bits" : "an enum needs a map of its values");
    return -EINVAL;
  }
  return p->n_map ? tt_load_check_invertible(&s->env, tt_item_get(merged, "map"), p->map, p->n_map) : 0;
}

static int need_read_side(const struct tt_points_source *s, const struct tt_point *p, const struct tt_item *verify)
{
  if (p->address)
    return 0;
  tt_diag(s->env.diags, TT_SEVERITY_ERROR, "not-verifiable", verify->mark,
          "%s cannot be verified this way, for it cannot be read", p->name);
  return -EINVAL;
}

/* `verify: {holding: 127, map: {25: on, 1: off}, after: 200ms}` */
static int load_verify_map(const struct tt_points_source *s, const struct tt_point *p, const struct tt_item *merged,
                           const struct tt_item *verify, struct tt_write *w, struct tt_point *hidden)
{
  const struct tt_option *tables[] = {verify_options, s->ops->read_address.options};
  struct verify_values v = {.point = {.scale = p->scale, .offset = p->offset, .decimals = p->decimals}};
  char what[TT_NAME_MAX + 20];
  snprintf(what, sizeof what, "verify of %s", p->name);
  int r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), verify, what);
  int q = tt_table_load(&s->env, verify_options, verify, what, verify->mark, &v);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  *hidden = *p; /* compared with the point, so it converts like the point except for what is said here */
  hidden->name = tt_arena_printf(s->env.arena, "%s.verify", p->name);
  hidden->is_hidden = true;
  hidden->mark = verify->mark;
  hidden->write = NULL;
  hidden->address = NULL;
  hidden->poll = -1;
  hidden->stale_us = 0;
  if (!hidden->name)
    return -ENOMEM;
  if (v.point.type) {
    r = tt_point_convert(s, verify, &v.point, what, hidden);
    if (r == 0 && hidden->type != p->type && !(is_number_type(hidden->type) && is_number_type(p->type)) &&
        !v.point.map) {
      tt_diag(s->env.diags, TT_SEVERITY_ERROR, "not-verifiable", verify->mark,
              "%s is %s and cannot be compared with %s", p->name, tt_load_type_name(p->type),
              tt_load_type_name(hidden->type));
      r = -EINVAL;
    }
    hidden->type = p->type;
  }
  if (r == 0 && v.point.map)
    r = tt_load_map(&s->env, v.point.map, p->type, &hidden->map, &hidden->n_map);
  if (r < 0)
    return r;
  /* the address: this one's keys, and of the rest what could be inherited */
  const struct tt_item *map = verify;
  for (const struct tt_option *o = s->ops->read_address.options; o && o->name; o++) {
    const struct tt_item *item = tt_item_get(merged, o->name);
    if (!item || !(o->flags & TT_OPTION_INHERIT) || tt_item_get(map, o->name))
      continue;
    struct tt_item *one = tt_item_map(s->env.arena, 1, verify->mark);
    if (!one)
      return -ENOMEM;
    one->keys[0] = o->name;
    one->key_marks[0] = item->mark;
    one->items[0] = (struct tt_item *)(uintptr_t)item;
    map = tt_item_overlay(s->env.arena, one, map, NULL);
    if (!map)
      return -ENOMEM;
  }
  w->verify = TT_VERIFY_READBACK;
  w->verify_after_us = v.after_us;
  return tt_point_address(s, &s->ops->read_address, map, what, verify->mark, &hidden->address);
}

static int load_verify(const struct tt_points_source *s, const struct tt_point *p, const struct tt_item *verify,
                       struct tt_write *w)
{
  static const struct tt_choice choices[] = {
      {"none", TT_VERIFY_NONE}, {"readback", TT_VERIFY_READBACK}, {"report", TT_VERIFY_REPORT}, {NULL, 0}};
  static const struct tt_option options[] = {
      {.name = "verify", .type = TT_OPTION_CHOICE, .choices = choices, .help = "unused"}, TT_OPTION_END};
  struct tt_item *map = tt_item_map(s->env.arena, 1, verify->mark);
  int choice = TT_VERIFY_NONE;
  if (!map)
    return -ENOMEM;
  map->keys[0] = "verify";
  map->items[0] = (struct tt_item *)(uintptr_t)verify;
  int r = tt_table_load(&s->env, options, map, "write", verify->mark, &choice);
  w->verify = (enum tt_verify)choice;
  return r == 0 && w->verify != TT_VERIFY_NONE ? need_read_side(s, p, verify) : r;
}

static int load_confirm(const struct tt_points_source *s, const struct tt_item *item, struct tt_write *w)
{
  struct tt_label *label = tt_arena_alloc(s->env.arena, sizeof *label);
  int r = label ? tt_load_label(s->loader, &s->env, item, label) : -ENOMEM;
  if (r == 0)
    w->confirm = label;
  return r;
}

int tt_load_write(const struct tt_points_source *s, struct tt_point *p, const struct tt_item *merged,
                  const struct tt_item *write, const struct tt_item *range, struct tt_point *hidden,
                  bool *ret_hidden)
{
  const struct tt_option *tables[] = {tt_write_options, s->ops->write_address.options};
  struct write_values v = {0};
  char what[TT_NAME_MAX + 20];
  if (!write)
    return 0;
  snprintf(what, sizeof what, "write of %s", p->name);
  bool is_bare = tt_item_is_empty(write) || (write->kind == TT_ITEM_SCALAR && strcmp(write->text, "true") == 0);
  if (is_bare && !(write = tt_item_map(s->env.arena, 0, write->mark)))
    return -ENOMEM;
  int r = tt_table_expect_map(&s->env, write, what);
  if (r < 0)
    return r;
  r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), write, what);
  int q = tt_table_load(&s->env, tt_write_options, write, what, write->mark, &v);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  struct tt_write *w = tt_arena_alloc(s->env.arena, sizeof *w);
  if (!w)
    return -ENOMEM;
  p->write = w;
  w->verify_point = TT_NO_POINT;
  w->within_us = v.within_us ? v.within_us : s->timeout_us;
  bool is_writable = p->n_bits == 0 && (p->type != TT_TYPE_ENUM || p->n_map > 0);
  r = tt_write_check_type(s, merged, write->mark, p);
  if (!is_writable)
    return r;
  q = tt_write_limits(s, write, v.range ? v.range : range, v.step, p, w);
  r = q < 0 ? q : r;
  q = tt_point_address(s, &s->ops->write_address, write, what, write->mark, &w->address);
  r = q < 0 ? q : r;
  q = v.confirm ? load_confirm(s, v.confirm, w) : 0;
  r = q < 0 ? q : r;
  if (r < 0)
    return r;
  if (v.verify->kind != TT_ITEM_MAP)
    return load_verify(s, p, v.verify, w);
  *ret_hidden = true;
  return load_verify_map(s, p, merged, v.verify, w, hidden);
}
