/* SPDX-License-Identifier: Apache-2.0
 * mapping.c: finds and reads the mapping that a device uses; each file once. */
#include "load.h"

#include <glob.h>
#include <stdio.h>
#include <unistd.h>

struct mapping_options {
  const char *mapping, *protocol;
  const struct tt_item *version, *about, *params, *defaults, *points, *poll, *match, *commands;
};
const struct tt_option tt_mapping_options[] = {
    {.name = "mapping",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct mapping_options, mapping),
     .help = "Its own name: the path below the directory of mappings, without .yaml."},
    {.name = "version",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, version),
     .help = "Version of the file format: 1."},
    {.name = "protocol",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct mapping_options, protocol),
     .flags = TT_OPTION_REQUIRED,
     .help = "Which bridge it is for."},
    {.name = "about",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, about),
     .help = "Vendor, model and label of the devices it fits; the source of its facts."},
    {.name = "params",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, params),
     .help = "What each device gives in `with:`, used as ${name}."},
    {.name = "match",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, match),
     .help = "Which devices it fits, by what discovery finds out about them: {fact: pattern} or {fact: [pattern, "
             "...]}."},
    {.name = "defaults",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, defaults),
     .help = "Keys of points that hold for all points that do not have them."},
    {.name = "poll",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, poll),
     .help = "Poll class of the points that name none. Without any, points are not polled."},
    {.name = "points",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, points),
     .flags = TT_OPTION_REQUIRED,
     .help = "The fields and parameters of the device, by name."},
    {.name = "commands",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct mapping_options, commands),
     .help = "What the device can be told to do beside, by name."},
    TT_OPTION_END,
};

struct about {
  const char *vendor, *model, *source;
  const struct tt_item *label;
};
static const struct tt_option about_options[] = {
    {.name = "vendor", .type = TT_OPTION_STRING, .offset = offsetof(struct about, vendor), .help = "Who makes it."},
    {.name = "model", .type = TT_OPTION_STRING, .offset = offsetof(struct about, model), .help = "Which it is."},
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct about, label),
     .help = "What it is called, per language."},
    {.name = "source",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct about, source),
     .help = "Where the facts come from."},
    TT_OPTION_END,
};

static bool is_mapping_name(const char *name)
{
  size_t n = strlen(name);
  if (n == 0 || n > TT_MAPPING_NAME_MAX || name[0] == '/' || name[n - 1] == '/' || strstr(name, "..") ||
      strstr(name, "//"))
    return false;
  return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-") == n;
}

/* "did you mean": what lies in the same directories. */
static void tell_close_names(struct tt_loader *l, const char *name)
{
  glob_t found = {0};
  const char *slash = strrchr(name, '/');
  int folder = slash ? (int)(slash - name) : 0;
  for (size_t i = 0; i < l->search.n; i++) {
    char *dir TT_AUTOFREE = tt_load_path(l, l->search.text[i]);
    struct tt_buf pattern TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&pattern, "%s/%.*s%s*.yaml", dir ? dir : "", folder, name, folder ? "/" : "");
    if (pattern.data)
      glob(pattern.data, i ? GLOB_APPEND : 0, NULL, &found);
  }
  const char **names = calloc(found.gl_pathc + 1, sizeof *names);
  for (size_t i = 0; names && i < found.gl_pathc; i++) {
    char *file = strrchr(found.gl_pathv[i], '/') + 1;
    file[strlen(file) - strlen(".yaml")] = '\0';
    names[i] = file;
  }
  const char *close = names ? tt_closest(slash ? slash + 1 : name, names, found.gl_pathc) : NULL;
  if (close)
    tt_diag_help(l->diags, "did you mean \"%.*s%s%s\"?", folder, name, folder ? "/" : "", close);
  free(names);
  globfree(&found);
  struct tt_buf dirs TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < l->search.n; i++)
    tt_buf_printf(&dirs, "%s%s", i ? ", " : "", l->search.text[i]);
  tt_diag_help(l->diags, "looked in: %s", dirs.data ? dirs.data : "");
}

static int find_file(struct tt_loader *l, const struct tt_item *uses, struct tt_file **ret)
{
  for (size_t i = 0; i < l->search.n; i++) {
    struct tt_buf name TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&name, "%s/%s.yaml", l->search.text[i], uses->text);
    char *path TT_AUTOFREE = name.failed ? NULL : tt_load_path(l, name.data);
    if (!path)
      return -ENOMEM;
    if (access(path, F_OK) == 0)
      return tt_load_file(l, name.data, uses->mark, ret);
  }
  tt_diag(l->diags, TT_SEVERITY_ERROR, "unknown-mapping", uses->mark, "there is no mapping \"%s\"", uses->text);
  tell_close_names(l, uses->text);
  return -EINVAL;
}

int tt_load_about(struct tt_loader *l, const struct tt_table_env *env, const struct tt_item *item,
                  struct tt_about *ret)
{
  const struct tt_option *tables[] = {about_options};
  struct about about = {0};
  if (!item || tt_item_is_empty(item))
    return 0;
  int r = tt_table_expect_map(env, item, "\"about\"");
  if (r < 0)
    return r;
  r = tt_table_check_keys(env, tables, 1, item, "about");
  int q = tt_table_load(env, about_options, item, "about", item->mark, &about);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  ret->vendor = about.vendor;
  ret->model = about.model;
  return about.label ? tt_load_label(l, env, about.label, &ret->label) : 0;
}

static int load_mapping(struct tt_loader *l, struct tt_mapping *m, const struct tt_item *uses)
{
  struct mapping_options o = {0};
  char what[300];
  snprintf(what, sizeof what, "mapping %s", m->name);
  int r = find_file(l, uses, &m->file);
  if (r == 0)
    r = tt_load_version(l, m->file);
  if (r < 0)
    return r;
  struct tt_table_env env = tt_load_env(l, m->file);
  r = tt_item_check_keys(m->file->root, true, l->diags);
  int q = tt_table_load(&env, tt_mapping_options, m->file->root, what, m->file->root->mark, &o);
  if (r < 0 || q < 0)
    return q < 0 ? q : r;
  m->protocol = o.protocol;
  if (o.mapping && strcmp(o.mapping, m->name) != 0) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "mapping-name", tt_item_get(m->file->root, "mapping")->mark,
            "this file is mapping %s", m->name);
    r = -EINVAL;
  }
  q = tt_load_bridge(l, o.protocol, tt_item_get(m->file->root, "protocol")->mark, &m->ops);
  r = q < 0 ? q : r;
  if (m->ops) {
    const struct tt_option *tables[] = {tt_mapping_options, m->ops->device.options};
    q = tt_table_check_keys(&env, tables, TT_COUNT(tables), m->file->root, what);
    r = q < 0 ? q : r;
  }
  if (r != -ENOMEM) {
    q = tt_load_about(l, &env, o.about, &m->about);
    r = q < 0 ? q : r;
  }
  if (r != -ENOMEM) {
    q = tt_load_match(&env, o.match, &m->match, &m->n_match);
    r = q < 0 ? q : r;
  }
  if (r != -ENOMEM) {
    q = tt_params_declare(&env, o.params, tt_item_key_mark(m->file->root, "params"), &m->params);
    r = q < 0 ? q : r;
  }
  return r;
}

int tt_load_mapping(struct tt_loader *l, const struct tt_item *uses, struct tt_mapping **ret)
{
  for (struct tt_mapping *m = l->mappings; m; m = m->next) {
    if (strcmp(m->name, uses->text) != 0)
      continue;
    if (m->is_broken)
      tt_diags_again(l->diags, m->message, m->error);
    *ret = m;
    return m->is_broken ? -EINVAL : 0;
  }
  if (!is_mapping_name(uses->text)) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-name", uses->mark, "\"%s\" cannot be the name of a mapping",
            uses->text);
    tt_diag_help(l->diags, "protocol/name, without .yaml, as mqtt/tasmota-plug");
    return -EINVAL;
  }
  struct tt_mapping *m = tt_arena_alloc(l->arena, sizeof *m);
  struct tt_diag_scope scope;
  if (!m)
    return -ENOMEM;
  m->name = uses->text;
  tt_diags_enter(l->diags, &scope, NULL, NULL, (struct tt_mark){0});
  int r = load_mapping(l, m, uses);
  tt_diags_leave(l->diags, &scope);
  m->message = scope.first_message;
  m->error = tt_load_scope_error(l, &scope);
  m->is_broken = r < 0;
  if (r == -ENOMEM || (r < 0 && !m->error))
    return -ENOMEM;
  if (m->file || r == 0) { /* one that was not found is looked for again, for it is said where it is used */
    m->next = l->mappings;
    l->mappings = m;
  }
  *ret = m;
  return r;
}
