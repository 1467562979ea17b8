/* SPDX-License-Identifier: Apache-2.0
 * device.c: devices: a mapping, its parameters, a connection, and what is overridden. Each fails alone. */
#include "load.h"

#include "model/tree.h"

#include <stdio.h>

struct device_options {
  const char *uses, *connection, *under;
  const struct tt_item *with, *label, *points, *commands, *poll;
};
const struct tt_option tt_device_options[] = {
    {.name = "uses",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct device_options, uses),
     .flags = TT_OPTION_REQUIRED,
     .help = "The mapping: mqtt/tasmota-plug."},
    {.name = "connection",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct device_options, connection),
     .help = "The connection it is reached over; the one named after the protocol when absent."},
    {.name = "with",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct device_options, with),
     .help = "The parameters of the mapping."},
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct device_options, label),
     .help = "What it is called: a text, or one per language."},
    {.name = "under",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct device_options, under),
     .preset = "",
     .help = "The place it stands in: house/cellar. Places are made as needed."},
    {.name = "points",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct device_options, points),
     .help = "Keys of points of the mapping that are different here; `false` leaves a point out."},
    {.name = "commands",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct device_options, commands),
     .help = "Likewise of its commands; `false` leaves one out."},
    {.name = "poll",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct device_options, poll),
     .help = "Poll class of the points that name none."},
    TT_OPTION_END,
};

struct device {
  struct tt_loader *l;
  struct tt_file *file;
  struct tt_device_entry *entry;
  struct tt_mark at;
  const struct tt_item *item; /* holes filled */
  struct device_options options;
  struct tt_mapping *mapping;
  const struct tt_item *root; /* of the mapping, holes filled */
  struct tt_description description;
  struct tt_diag_leniency lenient; /* what was wrong with it */
};

/* ---- Key and place -------------------------------------------------------------------------------------- */

static const char *fault_of_key(const char *key)
{
  size_t n = strlen(key);
  if (n == 0)
    return "it is empty";
  if (n > TT_NODE_KEY_MAX)
    return "it is too long";
  if (strchr(key, '/'))
    return "it holds a /, as places do; use `under:`";
  if (strcmp(key, TT_GATEWAY_KEY) == 0)
    return "that is the gateway's own node";
  if (key[0] == ' ' || key[n - 1] == ' ')
    return "it begins or ends with a space";
  for (const char *p = key; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f)
      return "it holds a control character";
  return NULL;
}

static int clash(struct tt_loader *l, const char *id, bool is_place, struct tt_mark at, struct tt_mark other,
                 bool other_is_place)
{
  if (!is_place && !other_is_place) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "duplicate-device", at, "there are two devices \"%s\"", id);
    tt_diag_also(l->diags, other, "first here");
    return -EINVAL;
  }
  tt_diag(l->diags, TT_SEVERITY_ERROR, "id-clash", at, "\"%s\" is a device and a place", id);
  tt_diag_also(l->diags, other, is_place ? "the device" : "the place");
  return -EINVAL;
}

/* -EINVAL: it cannot be a node. */
static int take_key(struct tt_loader *l, const char *key, struct tt_mark at)
{
  const char *fault = fault_of_key(key);
  struct tt_mark other;
  bool other_is_place;
  if (fault) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-name", at, "\"%s\" cannot be the key of a device: %s", key, fault);
    return -EINVAL;
  }
  int r = tt_load_take(l, key, false, at, &other, &other_is_place);
  if (r == -EEXIST)
    return clash(l, key, false, at, other, other_is_place);
  return r < 0 ? r : tt_load_take_address(l, key, at);
}

/* Every part of a path is a place with an address; only the first can be taken by a device. */
static int take_place(struct tt_loader *l, const char *path, struct tt_mark at)
{
  struct tt_mark other;
  bool other_is_place;
  char *first TT_AUTOFREE = strndup(path, strcspn(path, "/"));
  if (!first)
    return -ENOMEM;
  int r = *first ? tt_load_take(l, first, true, at, &other, &other_is_place) : 0;
  if (r == -EEXIST)
    return clash(l, first, true, at, other, other_is_place);
  for (size_t n = 0; r == 0 && path[n];) {
    n += strcspn(path + n, "/");
    char *part TT_AUTOFREE = strndup(path, n);
    r = part ? tt_load_take_address(l, part, at) : -ENOMEM;
    n += path[n] == '/';
  }
  return r;
}

/* ---- The parts ------------------------------------------------------------------------------------------ */

/* What the node needs even if the rest is wrong. */
static int load_face(struct device *d)
{
  struct tt_table_env env = tt_load_env(d->l, d->file);
  const char *under = d->options.under;
  int r = 0;
  if (under && *under) {
    const struct tt_item *item = tt_item_get(d->item, "under");
    r = tt_load_place_path(d->l, under, item->mark);
    if (r == 0)
      r = take_place(d->l, under, item->mark);
    if (r == 0)
      d->entry->place = under;
  }
  if (r != -ENOMEM && d->options.label) {
    int q = tt_load_label(d->l, &env, d->options.label, &d->entry->label);
    r = q < 0 ? q : r;
  }
  return r;
}

/* What the device was given, for whoever asks whether it is there already. */
static int note_with(struct device *d, const struct tt_item *const *values)
{
  const struct tt_params *params = &d->mapping->params;
  struct tt_parameter_config *with = tt_arena_alloc(d->l->arena, (params->n + 1) * sizeof *with);
  if (!with)
    return -ENOMEM;
  for (size_t i = 0; i < params->n; i++) {
    bool is_shown = values[i]->kind == TT_ITEM_SCALAR && !values[i]->is_secret && !tt_item_is_null(values[i]);
    with[i] = (struct tt_parameter_config){.name = params->all[i].name, .text = is_shown ? values[i]->text : NULL};
  }
  d->entry->with = with;
  d->entry->n_with = params->n;
  return 0;
}

/* The mapping with this device's parameters in it. */
static int fill_mapping(struct device *d)
{
  const struct tt_mapping *m = d->mapping;
  struct tt_table_env env = tt_load_env(d->l, m->file), with_env = tt_load_env(d->l, d->file);
  const struct tt_item *const *values, *root = m->file->root;
  struct tt_mark at = d->options.with ? tt_item_key_mark(d->item, "with") : d->at;
  int r = tt_params_resolve(&with_env, &m->params, m->name, d->options.with, at, &values);
  if (r == 0)
    r = note_with(d, values);
  if (r < 0)
    return r;
  struct tt_holes holes = {
      .env = &env, .mapping = m->name, .params = &m->params, .values = values, .n_values = m->params.n};
  struct tt_item *filled = tt_item_map(d->l->arena, root->n, root->mark);
  if (!filled)
    return -ENOMEM;
  for (size_t i = 0; i < root->n && r != -ENOMEM; i++) {
    const struct tt_item *item = root->items[i];
    holes.is_in_commands = strcmp(root->keys[i], "commands") == 0;
    int q = strcmp(root->keys[i], "params") == 0 || strcmp(root->keys[i], "match") == 0
                ? 0
                : tt_holes_fill(&holes, item, &item);
    filled->keys[i] = root->keys[i];
    filled->key_marks[i] = root->key_marks[i];
    filled->items[i] = (struct tt_item *)(uintptr_t)item;
    r = q < 0 ? q : r;
  }
  d->root = filled;
  return r;
}

static int load_options(struct device *d)
{
  const struct tt_bridge_ops *ops = d->mapping->ops;
  struct tt_table_env env = tt_load_env(d->l, d->file);
  char what[300];
  snprintf(what, sizeof what, "mapping %s", d->mapping->name);
  const struct tt_item *map = tt_item_overlay(d->l->arena, d->root, d->item, NULL);
  void *options = tt_arena_alloc(d->l->arena, ops->device.size + 1);
  if (!map || !options)
    return -ENOMEM;
  d->entry->config.options = options;
  return tt_table_load(&env, ops->device.options, map, what, d->root->mark, options);
}

static int pick_poll(struct device *d, int *ret_poll, const char **ret_name)
{
  const struct tt_item *item = d->options.poll;
  if (!item)
    item = tt_item_get(tt_item_get(d->root, "defaults"), "poll");
  if (!item)
    item = tt_item_get(d->root, "poll");
  *ret_poll = -1;
  *ret_name = item && item->kind == TT_ITEM_SCALAR ? item->text : "";
  return item ? tt_load_poll_class(d->l, item, ret_poll) : 0;
}

/* Points of a mapping without parameters and descriptions in them are the same for all its devices. */
static bool is_shared(const struct tt_mapping *m, const struct tt_points_source *source, const char *poll)
{
  return m->points && !source->overrides && !source->described && m->shared_points == source->points &&
         m->shared_defaults == source->defaults && m->shared_timeout_us == source->timeout_us &&
         strcmp(m->shared_poll, poll) == 0;
}

static int load_device_points(struct device *d, uint64_t timeout_us)
{
  struct tt_mapping *m = d->mapping;
  struct tt_device_config *config = &d->entry->config;
  struct tt_points_source source = {
      .loader = d->l,
      .env = tt_load_env(d->l, m->file),
      .ops = m->ops,
      .defaults = tt_item_get(d->root, "defaults"),
      .points = tt_item_get(d->root, "points"),
      .overrides = d->options.points,
      .mapping = m->name,
      .timeout_us = timeout_us,
  };
  const char *poll;
  int r = pick_poll(d, &source.poll, &poll);
  if (r < 0)
    return r;
  if (d->description.points && (source.points->kind == TT_ITEM_MAP || tt_item_is_empty(source.points))) {
    source.described = d->description.points;
    source.plain = source.points;
    source.lenient = &d->lenient;
    source.points = tt_load_described_points(d->l->arena, source.described, source.plain);
    if (!source.points)
      return -ENOMEM;
  }
  if (is_shared(m, &source, poll)) {
    config->points = m->points;
    config->n_points = m->n_points;
    return 0;
  }
  size_t n_before = d->l->diags->total[TT_SEVERITY_ERROR] + d->l->diags->total[TT_SEVERITY_WARNING];
  r = tt_load_points(&source, &config->points, &config->n_points);
  bool is_quiet = n_before == d->l->diags->total[TT_SEVERITY_ERROR] + d->l->diags->total[TT_SEVERITY_WARNING];
  if (r == 0 && is_quiet && !source.overrides && !source.described) {
    m->shared_points = source.points;
    m->shared_defaults = source.defaults;
    m->shared_poll = poll;
    m->shared_timeout_us = timeout_us;
    m->points = config->points;
    m->n_points = config->n_points;
  }
  return r;
}

/* Likewise the commands. */
static int load_device_commands(struct device *d, uint64_t timeout_us)
{
  struct tt_mapping *m = d->mapping;
  struct tt_device_config *config = &d->entry->config;
  struct tt_points_source source = {
      .loader = d->l,
      .env = tt_load_env(d->l, m->file),
      .ops = m->ops,
      .points = tt_item_get(d->root, "commands"),
      .overrides = d->options.commands,
      .mapping = m->name,
      .timeout_us = timeout_us,
  };
  bool is_plain = !source.points || source.points->kind == TT_ITEM_MAP || tt_item_is_empty(source.points);
  if (d->description.commands && is_plain) {
    source.described = d->description.commands;
    source.plain = source.points && source.points->kind == TT_ITEM_MAP ? source.points : NULL;
    source.lenient = &d->lenient;
    source.points =
        source.plain ? tt_load_described_points(d->l->arena, source.described, source.plain) : source.described;
    if (!source.points)
      return -ENOMEM;
  }
  bool is_shareable = source.points && !source.overrides && !source.described;
  if (is_shareable && m->shared_commands == source.points && m->shared_timeout_us == timeout_us) {
    config->commands = m->commands;
    config->n_commands = m->n_commands;
    return 0;
  }
  size_t n_before = d->l->diags->total[TT_SEVERITY_ERROR] + d->l->diags->total[TT_SEVERITY_WARNING];
  int r = tt_load_commands(&source, &config->commands, &config->n_commands);
  bool is_quiet = n_before == d->l->diags->total[TT_SEVERITY_ERROR] + d->l->diags->total[TT_SEVERITY_WARNING];
  if (r == 0 && is_quiet && is_shareable) {
    m->shared_commands = source.points;
    m->commands = config->commands;
    m->n_commands = config->n_commands;
  }
  return r;
}

/* What the bridge thinks of it. When it does not like a device as it describes itself, the description goes. */
static int check(struct device *d, uint64_t timeout_us)
{
  const struct tt_bridge_ops *ops = d->mapping->ops;
  const void *connection = d->l->config->connections[d->entry->connection].options;
  size_t n_before = d->lenient.n_errors;
  if (!ops->check)
    return 0;
  if (d->description.points || d->description.commands) {
    d->l->diags->lenient = &d->lenient;
    ops->check(connection, &d->entry->config, d->l->diags);
    d->l->diags->lenient = NULL;
    if (d->lenient.n_errors == n_before)
      return 0;
    d->description.points = d->description.commands = NULL;
    int r = load_device_points(d, timeout_us);
    if (r == 0)
      r = load_device_commands(d, timeout_us);
    if (r < 0)
      return r;
  }
  ops->check(connection, &d->entry->config, d->l->diags);
  return 0;
}

/* What it is, and what it is called, by its mapping, else by itself. */
static int load_identity(struct device *d)
{
  const struct tt_about *mine = &d->mapping->about, *theirs = &d->description.about;
  struct tt_device_entry *entry = d->entry;
  int r = tt_load_description(d->l, entry->config.key, d->mapping->name, &d->lenient, &d->description);
  entry->mapping = d->mapping->name;
  entry->vendor = mine->vendor ? mine->vendor : theirs->vendor;
  entry->model = mine->model ? mine->model : theirs->model;
  if (entry->label.n == 0)
    entry->label = mine->label.n > 0 ? mine->label : theirs->label;
  entry->type = tt_arena_printf(d->l->arena, "thingtree.device.%s", d->mapping->protocol);
  return r == 0 && !entry->type ? -ENOMEM : r;
}

static int load_parts(struct device *d, const struct tt_item *item)
{
  struct tt_loader *l = d->l;
  struct tt_table_env env = tt_load_env(l, d->file);
  struct tt_holes holes = {.env = &env};
  struct tt_config *config = l->config;
  char what[TT_NODE_KEY_MAX + 20];
  snprintf(what, sizeof what, "device %s", d->entry->config.key);
  int r = tt_table_expect_map(&env, item, what);
  if (r == 0)
    r = tt_item_check_keys(item, true, l->diags);
  if (r < 0)
    return r;
  d->item = item;
  r = tt_holes_fill(&holes, item, &d->item);
  if (r == -ENOMEM)
    return r;
  int q = tt_table_load(&env, tt_device_options, d->item, what, d->at, &d->options);
  r = q < 0 ? q : r;
  if (r != -ENOMEM) {
    q = load_face(d);
    r = q < 0 ? q : r;
  }
  if (r == -ENOMEM || !d->options.uses)
    return r;
  q = tt_load_mapping(l, tt_item_get(d->item, "uses"), &d->mapping);
  if (q < 0)
    return q;
  q = load_identity(d);
  if (q < 0)
    return q;
  const struct tt_option *tables[] = {tt_device_options, d->mapping->ops->device.options};
  q = tt_table_check_keys(&env, tables, TT_COUNT(tables), d->item, what);
  r = q < 0 ? q : r;
  if (r == 0)
    r = fill_mapping(d);
  if (r < 0)
    return r;
  r = load_options(d);
  if (r == -ENOMEM)
    return r;
  q = tt_load_connection_of(l, d->options.connection ? tt_item_get(d->item, "connection") : NULL, d->mapping, d->at,
                            &d->entry->connection);
  if (q == -ENOMEM)
    return q;
  r = q < 0 ? q : r;
  uint64_t timeout_us = d->entry->connection < config->n_connections
                            ? config->connections[d->entry->connection].timeout_us
                            : TT_TIMEOUT_US;
  q = load_device_points(d, timeout_us);
  r = q < 0 ? q : r;
  if (r != -ENOMEM) {
    q = load_device_commands(d, timeout_us);
    r = q < 0 ? q : r;
  }
  return r == 0 ? check(d, timeout_us) : r;
}

static int load_device(struct tt_loader *l, struct tt_file *file, const char *key, struct tt_mark at,
                       const struct tt_item *item)
{
  struct tt_config *config = l->config;
  struct tt_diag_scope scope;
  int r = take_key(l, key, at);
  if (r < 0) {
    config->n_refused++;
    return r;
  }
  struct tt_device_entry *entry = &config->devices[config->n_devices++];
  *entry = (struct tt_device_entry){
      .config = {.key = key, .mark = at}, .place = "", .type = "thingtree.device", .connection = SIZE_MAX};
  struct device d = {.l = l, .file = file, .entry = entry, .at = at};
  tt_diags_enter(l->diags, &scope, "device", key, at);
  r = load_parts(&d, item);
  tt_diags_leave(l->diags, &scope);
  entry->notice = tt_arena_strdup(l->arena, d.lenient.first); /* without memory: without it */
  free(d.lenient.first);
  entry->is_disabled = scope.n_errors > 0;
  entry->error = tt_load_scope_error(l, &scope);
  config->n_disabled += entry->is_disabled;
  return r == -ENOMEM || (entry->is_disabled && !entry->error) ? -ENOMEM : 0;
}

/* Places first, so that a device that stands in the way of one is refused wherever it is written. */
static int take_places(struct tt_loader *l, const struct tt_item *map)
{
  int r = 0;
  for (size_t i = 0; i < map->n && r != -ENOMEM; i++) {
    const struct tt_item *under = tt_item_get(map->items[i], "under");
    struct tt_mark other;
    bool other_is_place;
    char first[TT_NODE_KEY_MAX + 1];
    if (!under || under->kind != TT_ITEM_SCALAR || strcspn(under->text, "/") >= sizeof first || !under->text[0])
      continue;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(under->text, "/"), under->text);
    if (*first && strcmp(first, TT_GATEWAY_KEY) != 0)
      r = tt_load_take(l, first, true, under->mark, &other, &other_is_place);
  }
  return r == -ENOMEM ? r : 0;
}

int tt_load_devices(struct tt_loader *l, struct tt_file *file)
{
  struct tt_config *config = l->config;
  int r = 0;
  if (!config->devices) {
    size_t n = 0;
    for (size_t i = 0; i < l->n_configs && r == 0; i++) {
      const struct tt_item *map = l->files[i].root ? tt_item_get(l->files[i].root, "devices") : NULL;
      if (map && map->kind == TT_ITEM_MAP) {
        n += map->n;
        r = take_places(l, map);
      }
    }
    config->devices =
        tt_arena_alloc(l->arena, (n < TT_DEVICES_MAX ? n : TT_DEVICES_MAX) * sizeof *config->devices + 1);
    if (!config->devices || r < 0)
      return -ENOMEM;
  }
  const struct tt_item *map = tt_item_get(file->root, "devices");
  struct tt_table_env env = tt_load_env(l, file);
  if (!map || tt_item_is_empty(map))
    return 0;
  r = tt_table_expect_map(&env, map, "\"devices\"");
  for (size_t i = 0; map->kind == TT_ITEM_MAP && i < map->n && r != -ENOMEM; i++) {
    if (config->n_devices == TT_DEVICES_MAX) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-devices", map->key_marks[i],
              "device %s is one too many (%d); it and those after it are left out", map->keys[i], TT_DEVICES_MAX);
      config->n_refused += map->n - i;
      return -EINVAL;
    }
    int q = load_device(l, file, map->keys[i], map->key_marks[i], map->items[i]);
    r = q < 0 ? q : r;
  }
  return r;
}
