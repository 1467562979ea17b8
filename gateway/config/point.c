/* SPDX-License-Identifier: Apache-2.0
 * point.c: points of a mapping: the core's keys, the bridge's address, and what ties them together. */
#include "point.h"

#include <math.h>
#include <stdio.h>

const struct tt_option tt_point_options[] = {
    {.name = "type",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_point_values, type),
     .flags = TT_OPTION_INHERIT,
     .help = "number, integer, boolean, string, enum, date, time, datetime, duration, or a type of the bridge."},
    {.name = "unit",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_point_values, unit),
     .flags = TT_OPTION_INHERIT,
     .help = "Unit as UCUM code (Cel, %RH, kWh, W); \"1\" is none."},
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, label),
     .help = "What the field is called: a text, or one per language."},
    {.name = "category",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_point_values, category),
     .preset = "momentary",
     .flags = TT_OPTION_INHERIT,
     .help = "momentary, status, identity, computed, peak, historical; one or several."},
    {.name = "poll",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, poll),
     .flags = TT_OPTION_INHERIT,
     .help = "Poll class. Without any, and with `never`, the device reports by itself or is read on request."},
    {.name = "scale",
     .type = TT_OPTION_NUMBER,
     .offset = offsetof(struct tt_point_values, scale),
     .preset = "1",
     .flags = TT_OPTION_INHERIT,
     .help = "value = raw * scale + offset."},
    {.name = "offset",
     .type = TT_OPTION_NUMBER,
     .offset = offsetof(struct tt_point_values, offset),
     .preset = "0",
     .flags = TT_OPTION_INHERIT,
     .help = "value = raw * scale + offset."},
    {.name = "decimals",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct tt_point_values, decimals),
     .min = 0,
     .max = TT_DECIMALS_MAX,
     .flags = TT_OPTION_INHERIT,
     .help = "Digits after the point; as the device gives them when absent."},
    {.name = "map",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, map),
     .help = "Raw values and what they mean: {0: day, 1: night}; a list when both are the same."},
    {.name = "bits",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, bits),
     .help = "Names of bits: {0: overvoltage, 4: phase_loss}; the value is the names of those that are set."},
    {.name = "invalid",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct tt_point_values, invalid),
     .flags = TT_OPTION_INHERIT,
     .help = "Raw values that mean \"no value\": [nan, 32768]."},
    {.name = "missing",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, missing),
     .flags = TT_OPTION_INHERIT,
     .help = "When an answer has it not: keep the last value, absent (no value), or this value. keep when absent."},
    {.name = "stale_after",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct tt_point_values, stale_us),
     .flags = TT_OPTION_INHERIT,
     .help =
         "A value older than this is stale; 0: never. Three times the poll period when absent, for polled points."},
    {.name = "counter",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct tt_point_values, is_counter),
     .help = "It only ever grows."},
    {.name = "range",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, range),
     .help = "Smallest and largest value that can be written; the same under `write:`."},
    {.name = "write",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct tt_point_values, write),
     .help = "How it is written; without, it is read only."},
    TT_OPTION_END,
};

/* ---- Type and unit -------------------------------------------------------------------------------------- */

static const struct tt_choice core_types[] = {
    {"number", TT_TYPE_QUANTITY}, {"integer", TT_TYPE_INT64},     {"boolean", TT_TYPE_BOOLEAN},
    {"string", TT_TYPE_STRING},   {"enum", TT_TYPE_ENUM},         {"date", TT_TYPE_DATE},
    {"time", TT_TYPE_TIME},       {"datetime", TT_TYPE_DATETIME}, {"duration", TT_TYPE_DURATION},
};

static int unknown_type(const struct tt_points_source *s, const struct tt_item *item)
{
  const char *names[TT_COUNT(core_types) + 100];
  struct tt_buf list TT_AUTOBUF = TT_BUF(0);
  size_t n = 0;
  for (; n < TT_COUNT(core_types); n++)
    names[n] = core_types[n].name;
  for (const struct tt_wire_type *w = s->ops->types; w && w->name && n < TT_COUNT(names); w++)
    names[n++] = w->name;
  for (size_t i = 0; i < n; i++)
    tt_buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
  tt_diag(s->env.diags, TT_SEVERITY_ERROR, "unknown-type", item->mark, "there is no type \"%s\"", item->text);
  const char *close = tt_closest(item->text, names, n);
  if (close)
    tt_diag_help(s->env.diags, "did you mean \"%s\"?", close);
  tt_diag_help(s->env.diags, "types: %s", list.data ? list.data : "");
  return -EINVAL;
}

static bool is_whole(double number)
{
  return fabs(number) < 9e15 && number == trunc(number);
}

/* Digits after the point of a number as written: the resolution that a scaled integer has. */
static int decimals_of(const struct tt_item *item)
{
  const char *point = item && item->kind == TT_ITEM_SCALAR ? strchr(item->text, '.') : NULL;
  if (!point || strpbrk(item->text, "eE"))
    return 0;
  int n = (int)strspn(point + 1, "0123456789");
  return n > TT_DECIMALS_MAX ? TT_DECIMALS_MAX : n;
}

/* What a map makes of a type of the bridge: the names it gives; where those are numbers, a number it remains. */
static enum tt_type mapped_type(enum tt_type type, const struct tt_item *map)
{
  enum tt_type values = tt_load_map_type(map);
  bool is_kept = values == TT_TYPE_INT64 && tt_value_is_number(type);
  return is_kept ? type : values;
}

/* The field type: what the file says; for a type of the bridge, what becomes of it by bits, map and scale. */
static int load_type(const struct tt_points_source *s, const struct tt_item *merged,
                     const struct tt_point_values *v, const char *what, struct tt_point *p)
{
  const struct tt_item *item = tt_item_get(merged, "type");
  bool is_wire = false;
  if (!v->type) {
    if (!v->map && !v->bits) {
      tt_diag(s->env.diags, TT_SEVERITY_ERROR, "missing-key", p->mark, "%s needs the key \"type\"", what);
      return -EINVAL;
    }
    p->type = v->bits ? TT_TYPE_STRING : tt_load_map_type(v->map);
  } else {
    const struct tt_wire_type *wire = s->ops->types;
    while (wire && wire->name && strcmp(wire->name, v->type) != 0)
      wire++;
    is_wire = wire && wire->name;
    size_t i = 0;
    while (i < TT_COUNT(core_types) && strcmp(core_types[i].name, v->type) != 0)
      i++;
    if (!is_wire && i == TT_COUNT(core_types))
      return unknown_type(s, item);
    p->type = is_wire ? wire->type : (enum tt_type)core_types[i].value;
    p->wire_type = is_wire ? wire->number : 0;
  }
  if (is_wire && v->bits)
    p->type = TT_TYPE_STRING;
  else if (is_wire && v->map)
    p->type = mapped_type(p->type, v->map);
  bool is_fraction = p->has_scale && !(is_whole(p->scale) && is_whole(p->offset));
  if (p->type != TT_TYPE_INT32 && p->type != TT_TYPE_INT64)
    return 0;
  if (p->has_scale) /* 16 bits times 1000000 */
    p->type = TT_TYPE_INT64;
  if (is_wire && is_fraction) {
    p->type = TT_TYPE_QUANTITY;
    int scale = decimals_of(tt_item_get(merged, "scale")), offset = decimals_of(tt_item_get(merged, "offset"));
    if (scale || offset)
      p->decimals = (int8_t)(scale > offset ? scale : offset);
  } else if (is_fraction) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "not-an-integer", item->mark,
            "an integer that is scaled by %.12g is none; its type is number", p->scale);
    return -EINVAL;
  }
  return 0;
}

int tt_point_unit(const struct tt_points_source *s, const struct tt_item *merged, const char *ucum,
                  struct tt_point *p)
{
  p->ucum = ucum ? ucum : "";
  p->unit = ucum ? tt_unit_printed(ucum) : "";
  if (p->unit)
    return 0;
  p->unit = "";
  tt_diag(s->env.diags, TT_SEVERITY_ERROR, "unknown-unit", tt_item_get(merged, "unit")->mark,
          "\"%s\" is not a unit that is known (UCUM code)", ucum);
  const char *close = tt_unit_closest(ucum);
  if (close)
    tt_diag_help(s->env.diags, "did you mean \"%s\"?", close);
  else
    tt_diag_help(s->env.diags, "as Cel, %%, W, kWh, V, A, Hz, hPa, m3/h, s; \"1\" for none");
  return -EINVAL;
}

static int load_category(const struct tt_points_source *s, const struct tt_item *merged,
                         const struct tt_texts *texts, unsigned *ret_categories)
{
  static const char *const names[] = {"momentary", "peak", "status", "computed", "identity", "historical"};
  const struct tt_item *item = tt_item_get(merged, "category");
  for (size_t i = 0; i < texts->n; i++) {
    size_t k = 0;
    while (k < TT_COUNT(names) && strcmp(names[k], texts->text[i]) != 0)
      k++;
    if (k == TT_COUNT(names)) {
      tt_diag(s->env.diags, TT_SEVERITY_ERROR, "unknown-category",
              item->kind == TT_ITEM_LIST ? item->items[i]->mark : item->mark, "there is no category \"%s\"",
              texts->text[i]);
      const char *close = tt_closest(texts->text[i], names, TT_COUNT(names));
      if (close)
        tt_diag_help(s->env.diags, "did you mean \"%s\"?", close);
      tt_diag_help(s->env.diags, "categories: momentary, peak, status, computed, identity, historical");
      return -EINVAL;
    }
    *ret_categories |= 1u << k; /* enum tt_category, in this order */
  }
  if (*ret_categories == 0)
    *ret_categories = TT_CATEGORY_MOMENTARY;
  return 0;
}

/* ---- Conversion ----------------------------------------------------------------------------------------- */

static int load_missing(const struct tt_points_source *s, const struct tt_item *item, struct tt_point *p)
{
  bool is_plain = item->kind == TT_ITEM_SCALAR && !item->is_quoted;
  if (is_plain && strcmp(item->text, "keep") == 0) {
    p->missing = TT_MISSING_KEEP;
    return 0;
  }
  if (is_plain && strcmp(item->text, "absent") == 0) {
    p->missing = TT_MISSING_ABSENT;
    return 0;
  }
  p->missing = TT_MISSING_VALUE;
  int r = tt_load_value(&s->env, p->type, item, "\"missing\"", &p->missing_value);
  if (r == -EINVAL)
    tt_diag_help(s->env.diags, "or keep (the last value stays), or absent (there is none then)");
  return r;
}

static int load_scale(const struct tt_points_source *s, const struct tt_item *merged,
                      const struct tt_point_values *v, struct tt_point *p)
{
  p->scale = v->scale;
  p->offset = v->offset;
  p->has_scale = v->scale != 1 || v->offset != 0;
  p->decimals = tt_item_get(merged, "decimals") ? (int8_t)v->decimals : TT_DECIMALS_FREE;
  if (v->scale != 0)
    return 0;
  tt_diag(s->env.diags, TT_SEVERITY_ERROR, "bad-scale", tt_item_get(merged, "scale")->mark,
          "scale 0 makes every value the same");
  return -EINVAL;
}

static int load_map_and_bits(const struct tt_points_source *s, const struct tt_point_values *v, const char *what,
                             struct tt_point *p)
{
  int r = 0;
  if (v->map)
    r = tt_load_map(&s->env, v->map, p->type, &p->map, &p->n_map);
  if (r == 0 && v->bits) {
    if (p->type != TT_TYPE_STRING) {
      tt_diag(s->env.diags, TT_SEVERITY_ERROR, "wrong-type", v->bits->mark,
              "%s has bits, so its type is string, not %s", what, tt_load_type_name(p->type));
      return -EINVAL;
    }
    r = tt_load_bits(&s->env, v->bits, &p->bits, &p->n_bits);
  }
  return r;
}

int tt_point_convert(const struct tt_points_source *s, const struct tt_item *merged,
                     const struct tt_point_values *v, const char *what, struct tt_point *p)
{
  int r = load_scale(s, merged, v, p);
  if (r == 0)
    r = load_type(s, merged, v, what, p);
  if (r == 0)
    r = load_map_and_bits(s, v, what, p);
  p->invalid = v->invalid.text;
  p->n_invalid = v->invalid.n;
  return r;
}

/* ---- Address -------------------------------------------------------------------------------------------- */

int tt_point_address(const struct tt_points_source *s, const struct tt_level *level, const struct tt_item *map,
                     const char *what, struct tt_mark at, void **ret)
{
  void *address = tt_arena_alloc(s->env.arena, level->size + 1);
  if (!address)
    return -ENOMEM;
  int r = tt_table_load(&s->env, level->options, map, what, at, address);
  if (r == 0)
    *ret = address;
  return r;
}

/* A point that says nothing of reading, only of writing, cannot be read. */
static bool is_readable(const struct tt_points_source *s, const struct tt_item *own, const struct tt_item *write)
{
  if (!write)
    return true;
  for (const struct tt_option *o = s->ops->read_address.options; o && o->name; o++)
    if (tt_item_get(own, o->name))
      return true;
  return false;
}

/* ---- A point -------------------------------------------------------------------------------------------- */

/* `write: false` and nothing are the same. */
static const struct tt_item *write_item(const struct tt_item *write)
{
  bool is_off = write && write->kind == TT_ITEM_SCALAR && !write->is_quoted &&
                (strcmp(write->text, "false") == 0 || tt_item_is_null(write));
  return is_off ? NULL : write;
}

static int load_poll(const struct tt_points_source *s, const struct tt_item *item, bool is_stale_given,
                     struct tt_point *p)
{
  p->poll = p->address ? s->poll : -1;
  int r = item && p->address ? tt_load_poll_class(s->loader, item, &p->poll) : 0;
  if (!is_stale_given)
    p->stale_us = p->poll >= 0 ? 3 * s->loader->config->polls[p->poll].every_us : 0;
  return r;
}

int tt_load_check_name(const struct tt_points_source *s, const char *name, struct tt_mark at, const char *kind)
{
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (n > 0 && n <= TT_NAME_MAX && name[n] == '\0')
    return 0;
  tt_diag(s->env.diags, TT_SEVERITY_ERROR, "bad-name", at, "\"%s\" cannot be the name of %s", name, kind);
  tt_diag_help(s->env.diags, "small letters, digits and _, at most %d", TT_NAME_MAX);
  return -EINVAL;
}

/* `own`: the point with what the device overrides; `merged`: with the defaults, too. */
static int load_point(const struct tt_points_source *s, const char *name, struct tt_mark at,
                      const struct tt_item *own, const struct tt_item *merged, struct tt_point *p,
                      struct tt_point *hidden, bool *ret_hidden)
{
  const struct tt_option *tables[] = {tt_point_options, s->ops->read_address.options};
  struct tt_point_values v = {0};
  char what[TT_NAME_MAX + 20];
  *p =
      (struct tt_point){.name = name, .mark = at, .unit = "", .ucum = "", .poll = -1, .decimals = TT_DECIMALS_FREE};
  int r = tt_load_check_name(s, name, at, "a field");
  if (r < 0)
    return r;
  snprintf(what, sizeof what, "point %s", name);
  r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), own, what);
  int q = tt_table_load(&s->env, tt_point_options, merged, what, at, &v);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  p->is_counter = v.is_counter;
  p->stale_us = v.stale_us;
  r = tt_point_convert(s, merged, &v, what, p);
  q = tt_point_unit(s, merged, v.unit, p);
  r = q < 0 ? q : r;
  q = load_category(s, merged, &v.category, &p->categories);
  r = q < 0 ? q : r;
  if (v.label) {
    q = tt_load_label(s->loader, &s->env, v.label, &p->label);
    r = q < 0 ? q : r;
  }
  if (r < 0)
    return r;
  const struct tt_item *write = write_item(v.write);
  if (v.missing)
    r = load_missing(s, v.missing, p);
  if (r == 0 && is_readable(s, own, write))
    r = tt_point_address(s, &s->ops->read_address, merged, what, at, &p->address);
  q = r == -ENOMEM ? r : load_poll(s, v.poll, tt_item_get(merged, "stale_after") != NULL, p);
  r = q < 0 ? q : r;
  if (r == 0)
    r = tt_load_write(s, p, merged, write, v.range, hidden, ret_hidden);
  return r;
}

/* ---- All points ----------------------------------------------------------------------------------------- */

static int check_defaults(const struct tt_points_source *s)
{
  const struct tt_option *tables[] = {tt_point_options, s->ops->read_address.options};
  const struct tt_item *map = s->defaults;
  int r = 0;
  if (!map || tt_item_is_empty(map))
    return 0;
  r = tt_table_expect_map(&s->env, map, "\"defaults\"");
  if (r < 0)
    return r;
  r = tt_table_check_keys(&s->env, tables, TT_COUNT(tables), map, "defaults");
  for (size_t i = 0; i < map->n; i++) {
    const struct tt_option *o = tt_table_find(tables[0], map->keys[i]);
    if (!o)
      o = tt_table_find(tables[1], map->keys[i]);
    if (!o || (o->flags & TT_OPTION_INHERIT))
      continue;
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "not-inherited", map->key_marks[i],
            "\"%s\" cannot be a default: each point has its own", o->name);
    r = -EINVAL;
  }
  return r;
}

/* Overrides name points that the mapping has. */
static int check_overrides(const struct tt_points_source *s)
{
  const struct tt_item *map = s->overrides;
  int r = 0;
  if (!map || tt_item_is_empty(map))
    return 0;
  r = tt_table_expect_map(&s->env, map, "\"points\"");
  for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n; i++) {
    if (tt_item_get(s->points, map->keys[i]))
      continue;
    /* one that the device is still to describe itself, perhaps */
    bool is_open = s->described || (s->points->kind == TT_ITEM_MAP && s->points->n == 0);
    tt_diag(s->env.diags, is_open ? TT_SEVERITY_WARNING : TT_SEVERITY_ERROR, "unknown-point", map->key_marks[i],
            "mapping %s has no point \"%s\"", s->mapping, map->keys[i]);
    const char *close = tt_closest(map->keys[i], s->points->keys, s->points->n);
    if (close)
      tt_diag_help(s->env.diags, "did you mean \"%s\"?", close);
    r = is_open ? r : -EINVAL;
  }
  return r;
}

static bool is_false(const struct tt_item *item)
{
  return item->kind == TT_ITEM_SCALAR && !item->is_quoted && strcmp(item->text, "false") == 0;
}

/* `own` with what is different here and with the defaults. 1: the point is left out. */
static int merge(const struct tt_points_source *s, size_t i, const struct tt_item *own,
                 const struct tt_item **ret_own, const struct tt_item **ret_merged)
{
  const struct tt_item *over = s->overrides ? tt_item_get(s->overrides, s->points->keys[i]) : NULL;
  const struct tt_item *defaults = s->defaults && s->defaults->kind == TT_ITEM_MAP ? s->defaults : NULL;
  char what[TT_NAME_MAX + 20];
  snprintf(what, sizeof what, "point %.64s", s->points->keys[i]);
  if (is_false(own) || (over && is_false(over)))
    return 1;
  int r = tt_table_expect_map(&s->env, own, what);
  if (r == 0 && over)
    r = tt_table_expect_map(&s->env, over, what);
  if (r < 0)
    return r;
  own = tt_item_overlay(s->env.arena, own, over, "write");
  const struct tt_item *merged = own ? tt_item_overlay(s->env.arena, defaults, own, NULL) : NULL;
  *ret_own = own;
  *ret_merged = merged;
  return merged ? 0 : -ENOMEM;
}

/* Does this point need a hidden one beside it (write.c)? */
static bool has_other_address(const struct tt_item *merged)
{
  const struct tt_item *verify = tt_item_get(tt_item_get(merged, "write"), "verify");
  return verify && verify->kind == TT_ITEM_MAP;
}

/* How far the points are: those that are shown, and behind them hidden ones. */
struct built {
  struct tt_point *points, *hidden;
  size_t n, n_hidden;
};

static int add_point(const struct tt_points_source *s, size_t i, const struct tt_item *item, struct built *built)
{
  const struct tt_item *own, *merged;
  bool is_hidden_used = false;
  struct tt_point *point = &built->points[built->n];
  int r = merge(s, i, item, &own, &merged);
  if (r != 0)
    return r > 0 ? 0 : r;
  r = load_point(s, s->points->keys[i], s->points->key_marks[i], own, merged, point,
                 &built->hidden[built->n_hidden], &is_hidden_used);
  if (r < 0)
    return r;
  if (is_hidden_used)
    point->write->verify_point = (uint16_t)built->n_hidden++;
  else if (point->write)
    point->write->verify_point = TT_NO_POINT;
  built->n++;
  return 0;
}

/* As the device describes it; when that is wrong, as the mapping has it, if it has. */
static int add_described(const struct tt_points_source *s, size_t i, struct built *built)
{
  s->env.diags->lenient = s->lenient;
  int r = add_point(s, i, s->points->items[i], built);
  s->env.diags->lenient = NULL;
  if (r != -EINVAL)
    return r;
  const struct tt_item *plain = tt_item_get(s->plain, s->points->keys[i]);
  return plain ? add_point(s, i, plain, built) : 0;
}

int tt_load_points(const struct tt_points_source *s, const struct tt_point **ret_points, size_t *ret_n)
{
  const struct tt_item *map = s->points;
  if (tt_item_is_empty(map)) {
    *ret_points = NULL;
    *ret_n = 0;
    return 0;
  }
  int r = tt_table_expect_map(&s->env, map, "\"points\"");
  if (r < 0)
    return r;
  r = check_defaults(s);
  int q = check_overrides(s);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  size_t n_hidden = 0;
  for (size_t i = 0; i < map->n; i++)
    n_hidden += has_other_address(map->items[i]) ||
                (s->overrides && has_other_address(tt_item_get(s->overrides, map->keys[i])));
  if (map->n + n_hidden > TT_POINTS_MAX) {
    tt_diag(s->env.diags, TT_SEVERITY_ERROR, "too-many-points", map->mark, "a device can have %d points",
            TT_POINTS_MAX);
    return -EINVAL;
  }
  struct tt_point *points = tt_arena_alloc(s->env.arena, (map->n + n_hidden + 1) * sizeof *points);
  if (!points)
    return -ENOMEM;
  /* hidden points stand behind all others; until it is known how many those are, at the end */
  struct built built = {.points = points, .hidden = points + map->n};
  for (size_t i = 0; i < map->n && r != -ENOMEM; i++) {
    q = s->described && tt_item_get(s->described, map->keys[i]) ? add_described(s, i, &built)
                                                                : add_point(s, i, map->items[i], &built);
    r = q < 0 ? q : r;
  }
  if (r < 0)
    return r;
  size_t n = built.n;
  for (size_t i = 0; i < n; i++)
    if (points[i].write && points[i].write->verify_point != TT_NO_POINT)
      points[i].write->verify_point = (uint16_t)(points[i].write->verify_point + n);
  memmove(points + n, built.hidden, built.n_hidden * sizeof *points);
  *ret_points = points;
  *ret_n = n + built.n_hidden;
  return 0;
}
