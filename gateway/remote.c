/* SPDX-License-Identifier: Apache-2.0
 * remote.c: one change, from what is asked to the device that runs. */
#include "remote.h"

#include "adopt.h"
#include "config/diag.h"
#include "own_file.h"
#include "remote_text.h"
#include "service/log.h"
#include "text/text.h"
#include "trust/audit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct tt_remote {
  struct tt_remote_options options;
};

/* One change on its way. */
struct work {
  struct tt_remote *remote;
  struct tt_manage_change *change;
  const char *key;
  struct tt_config *config; /* as it is */
  struct tt_diags *diags;
  struct tt_remote_file file;
  struct tt_remote_text text;
  const struct tt_mapping_config *mapping; /* NULL: there is none of that name */
  struct tt_buf yaml;                      /* what the file is to be; wiped */
  size_t n_errors;                         /* that it would bring */
};

/* ---- What is said ------------------------------------------------------------------------------------------------ */

static void fail(struct tt_manage_change *change, const char *code, const char *format, ...) TT_PRINTF(3, 4);
static void fail(struct tt_manage_change *change, const char *code, const char *format, ...)
{
  va_list ap;
  if (change->code)
    return; /* the first is the cause */
  change->code = code;
  va_start(ap, format);
  vsnprintf(change->why, sizeof(change->why), format, ap);
  va_end(ap);
}

static void add_problem(struct tt_manage_change *change, const char *field, const char *text)
{
  if (change->n_problems == TT_MANAGE_PROBLEMS_MAX)
    return;
  struct tt_manage_problem *problem = &change->problems[change->n_problems++];
  snprintf(problem->field, sizeof(problem->field), "%s", field);
  snprintf(problem->text, sizeof(problem->text), "%s", text);
}

static void fail_at(struct tt_manage_change *change, const char *code, const char *field, const char *format, ...)
    TT_PRINTF(4, 5);
static void fail_at(struct tt_manage_change *change, const char *code, const char *field, const char *format, ...)
{
  char text[512];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof(text), format, ap);
  va_end(ap);
  fail(change, code, "%s", text);
  add_problem(change, field, text);
}

/* ---- Files --------------------------------------------------------------------------------------------------------- */

int tt_remote_load(const struct tt_remote *remote, const char *instead_name, const char *instead_path,
                   struct tt_config **ret_config, struct tt_diags **ret_diags)
{
  struct tt_config_env env = *remote->options.env;
  env.with_mappings = !instead_path; /* a mapping that nobody uses is in nobody's way */
  env.instead_name = instead_name;
  env.instead_path = instead_path;
  return tt_config_load(&env, ret_config, ret_diags);
}

int tt_remote_file_read(const struct tt_remote *remote, const struct tt_config *config, struct tt_remote_file *ret,
                        char *why, size_t why_size)
{
  char dir[2048];
  if (!config->is_usable) {
    snprintf(why, why_size, "%.800s cannot be used as it is now; `check` says why", remote->options.env->file);
    return -EINVAL;
  }
  if (!tt_own_dir(remote->options.env, config, TT_REMOTE_NAME, dir, sizeof(dir))) {
    snprintf(why, why_size, "%s", tt_own_dir_missing);
    return -EINVAL;
  }
  snprintf(ret->name, sizeof(ret->name), "%s/" TT_REMOTE_NAME, dir);
  tt_own_path(&ret->path, remote->options.env, ret->name);
  if (ret->path.failed)
    return -ENOMEM;
  int r = tt_own_read(ret->path.data, TT_REMOTE_BYTES_MAX, &ret->yaml, &ret->size);
  if (r == -EFBIG)
    snprintf(why, why_size, "%s is larger than %zu bytes", ret->name, TT_REMOTE_BYTES_MAX);
  else if (r < 0 && r != -ENOENT && r != -ENOMEM)
    snprintf(why, why_size, "%s cannot be read: %s", ret->name, strerror(-r));
  return r == -ENOMEM || r == 0 ? r : r == -ENOENT ? 0 : -EINVAL;
}

void tt_remote_file_finish(struct tt_remote_file *file)
{
  if (file->yaml)
    explicit_bzero(file->yaml, file->size);
  free(file->yaml);
  tt_buf_finish(&file->path);
  *file = (struct tt_remote_file){0};
}

/* Devices may hold secrets: of parameters, or in what somebody wrote beside what we write. */
static bool may_hold_secret(const struct tt_config *config, const struct tt_item *entry)
{
  static const char *const open[] = {"uses", "connection", "with", "label", "under", "points", "poll"};
  const struct tt_item *uses = tt_item_get(entry, "uses"), *with = tt_item_get(entry, "with");
  const struct tt_mapping_config *mapping = NULL;
  for (size_t i = 0; uses && uses->kind == TT_ITEM_SCALAR && i < config->n_mappings; i++)
    if (strcmp(config->mappings[i].name, uses->text) == 0)
      mapping = &config->mappings[i];
  if (!mapping || entry->kind != TT_ITEM_MAP)
    return true;
  for (size_t i = 0; i < entry->n; i++) {
    bool is_open = false;
    for (size_t k = 0; k < TT_COUNT(open); k++)
      is_open |= strcmp(entry->keys[i], open[k]) == 0;
    if (!is_open)
      return true;
  }
  for (size_t i = 0; i < mapping->n_params; i++)
    if (mapping->params[i].is_secret && tt_item_get(with, mapping->params[i].name))
      return true;
  return false;
}

/* Nobody but the daemon reads secrets; without any, the group may, as it may read the rest of the configuration. */
static mode_t mode_of(const struct tt_config *config, const struct tt_remote_text *text)
{
  for (size_t i = 0; i < text->root->n; i++)
    if (strcmp(text->root->keys[i], "version") != 0 && strcmp(text->root->keys[i], "devices") != 0)
      return 0600;
  for (size_t i = 0; text->devices && i < text->devices->n; i++)
    if (may_hold_secret(config, text->devices->items[i]))
      return 0600;
  return 0640;
}

/* ---- What is asked ------------------------------------------------------------------------------------------------ */

static const struct tt_device_entry *find_entry(const struct tt_config *config, const char *key)
{
  for (size_t i = 0; i < config->n_devices; i++)
    if (strcmp(config->devices[i].config.key, key) == 0)
      return &config->devices[i];
  return NULL;
}

/* Devices and places share one room for names. */
static bool is_taken(const struct tt_config *config, const char *key)
{
  size_t n = strlen(key);
  for (size_t i = 0; i < config->n_devices; i++) {
    const char *place = config->devices[i].place;
    if (strcmp(config->devices[i].config.key, key) == 0 ||
        (place && strncmp(place, key, n) == 0 && (place[n] == '\0' || place[n] == '/')))
      return true;
  }
  for (size_t i = 0; i < config->n_places; i++)
    if (strcmp(config->places[i].path, key) == 0)
      return true;
  return strcmp(key, TT_GATEWAY_KEY) == 0;
}

static void choose_key(struct work *w)
{
  struct tt_manage_change *change = w->change;
  const char *slash = change->uses ? strrchr(change->uses, '/') : NULL;
  char base[64];
  if (change->key && *change->key) {
    snprintf(change->made_key, sizeof(change->made_key), "%s", change->key);
  } else {
    tt_adopt_key(base, sizeof(base), change->label && *change->label ? change->label : slash ? slash + 1 : "");
    snprintf(change->made_key, sizeof(change->made_key), "%s", base);
    for (unsigned i = 2; is_taken(w->config, change->made_key); i++)
      snprintf(change->made_key, sizeof(change->made_key), "%s-%u", base, i);
  }
  w->key = change->made_key;
}

static void check_texts(const struct work *w)
{
  struct tt_manage_change *change = w->change;
  const struct {
    const char *field, *text;
    size_t max;
  } texts[] = {{"key", change->key, TT_NODE_KEY_MAX},
               {"label", change->label, TT_MANAGE_TEXT_MAX},
               {"under", change->under, TT_MANAGE_TEXT_MAX},
               {"connection", change->connection, TT_MANAGE_TEXT_MAX},
               {"uses", change->uses, TT_MANAGE_TEXT_MAX}};
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    if (texts[i].text && strlen(texts[i].text) > texts[i].max)
      fail_at(change, "bad-request", texts[i].field,
              tt_tr(change->caller->language, "That is longer than %zu bytes."), texts[i].max);
  for (size_t i = 0; i < change->n_with; i++) {
    char field[sizeof(change->problems[0].field)];
    snprintf(field, sizeof(field), "with.%.70s", change->with[i].name);
    if (change->with[i].value && strlen(change->with[i].value) > TT_MANAGE_TEXT_MAX)
      fail_at(change, "bad-request", field, tt_tr(change->caller->language, "That is longer than %zu bytes."),
              (size_t)TT_MANAGE_TEXT_MAX);
  }
}

static const char *given_of(const struct tt_manage_change *change, const char *name)
{
  for (size_t i = 0; i < change->n_with; i++)
    if (strcmp(change->with[i].name, name) == 0)
      return change->with[i].value;
  return NULL;
}

/* All that the mapping needs is given, and nothing that it does not know. */
static void check_parameters(const struct work *w, const struct tt_item *old)
{
  struct tt_manage_change *change = w->change;
  const struct tt_item *was = tt_item_get(old, "with");
  char field[sizeof(change->problems[0].field)];
  for (size_t i = 0; i < change->n_with; i++) {
    bool is_known = false;
    for (size_t k = 0; k < w->mapping->n_params; k++)
      is_known |= strcmp(w->mapping->params[k].name, change->with[i].name) == 0;
    snprintf(field, sizeof(field), "with.%.70s", change->with[i].name);
    if (!is_known)
      fail_at(change, "bad-request", field,
              tt_tr(change->caller->language, "Mapping %.200s has no parameter \"%.100s\"."), w->mapping->name,
              change->with[i].name);
  }
  for (size_t i = 0; i < w->mapping->n_params; i++) {
    const struct tt_parameter_config *param = &w->mapping->params[i];
    const char *given = given_of(change, param->name);
    bool is_kept = tt_item_get(was, param->name) && (!given || (!*given && param->is_secret));
    snprintf(field, sizeof(field), "with.%.70s", param->name);
    if (param->is_required && !is_kept && (!given || !*given))
      fail_at(change, "bad-request", field, tt_tr(change->caller->language, "Mapping %.200s needs it."),
              w->mapping->name);
  }
}

static const struct tt_mapping_config *find_mapping(const struct tt_config *config, const char *name)
{
  for (size_t i = 0; name && i < config->n_mappings; i++)
    if (strcmp(config->mappings[i].name, name) == 0)
      return &config->mappings[i];
  return NULL;
}

/* A place that is not there yet takes its name from nobody. */
static void check_place(const struct work *w)
{
  char first[TT_MANAGE_TEXT_MAX + 1];
  const char *under = w->change->under ? w->change->under : "";
  snprintf(first, sizeof(first), "%.*s", (int)strcspn(under, "/"), under);
  if (*first && (find_entry(w->config, first) || strcmp(first, w->key) == 0))
    fail_at(w->change, "conflict", "under",
            tt_tr(w->change->caller->language, "\"%.128s\" is a device, and no place."), first);
}

static void put_entry(struct work *w, const struct tt_item *old)
{
  const struct tt_item *entry = tt_remote_entry(&w->text, old, w->change, w->mapping);
  if (!entry || tt_remote_set(&w->text, w->key, entry) < 0)
    fail(w->change, "failed", "out of memory");
}

static void prepare_add(struct work *w)
{
  struct tt_manage_change *change = w->change;
  choose_key(w);
  w->mapping = find_mapping(w->config, change->uses);
  if (!w->mapping)
    fail_at(change, "not-found", "uses", tt_tr(change->caller->language, "There is no mapping \"%.200s\"."),
            change->uses ? change->uses : "");
  else if (is_taken(w->config, w->key) || tt_item_get(w->text.devices, w->key))
    fail_at(change, "conflict", "key",
            tt_tr(change->caller->language, "There is a device or a place \"%.128s\" already."), w->key);
  else if (w->text.devices && w->text.devices->n >= TT_REMOTE_DEVICES_MAX)
    fail(change, "failed",
         tt_tr(change->caller->language, "There are %d devices in %.800s already, and no more can be."),
         TT_REMOTE_DEVICES_MAX, w->file.name);
  else
    check_parameters(w, NULL);
  check_place(w);
  if (!change->code)
    put_entry(w, NULL);
}

/* Its entry in our file; NULL: it has none, which is said. */
static const struct tt_item *find_ours(struct work *w)
{
  const struct tt_item *entry = tt_item_get(w->text.devices, w->key);
  const struct tt_device_entry *device = find_entry(w->config, w->key);
  if (!entry && device)
    fail(w->change, "forbidden",
         tt_tr(w->change->caller->language, "%s is configured in %s, and is changed there."), w->key,
         device->config.mark.file);
  else if (!entry)
    fail_at(w->change, "not-found", "key", tt_tr(w->change->caller->language, "There is no device \"%.128s\"."),
            w->key);
  return entry;
}

static void prepare_edit(struct work *w)
{
  const struct tt_item *old = find_ours(w), *uses = tt_item_get(old, "uses");
  w->mapping = find_mapping(w->config, uses && uses->kind == TT_ITEM_SCALAR ? uses->text : NULL);
  if (old && w->change->uses && *w->change->uses && (!w->mapping || strcmp(w->change->uses, w->mapping->name) != 0))
    fail_at(w->change, "bad-request", "uses",
            tt_tr(w->change->caller->language, "The mapping of a device stays: remove it, and add another."));
  if (!w->change->code && w->mapping)
    check_parameters(w, old);
  check_place(w);
  if (!w->change->code)
    put_entry(w, old);
}

static void prepare_remove(struct work *w)
{
  if (find_ours(w) && tt_remote_set(&w->text, w->key, NULL) < 0)
    fail(w->change, "failed", "out of memory");
}

static void prepare(struct work *w)
{
  check_texts(w);
  if (w->change->code)
    return;
  w->key = w->change->key ? w->change->key : "";
  switch (w->change->op) {
  case TT_MANAGE_ADD:
    prepare_add(w);
    break;
  case TT_MANAGE_EDIT:
    prepare_edit(w);
    break;
  case TT_MANAGE_REMOVE:
    prepare_remove(w);
    break;
  }
  if (w->key != w->change->made_key)
    snprintf(w->change->made_key, sizeof(w->change->made_key), "%s", w->key);
  if (w->change->code)
    return;
  tt_remote_write(&w->text, &w->yaml);
  if (w->yaml.failed)
    fail(w->change, "failed", "%.800s would be larger than %zu bytes", w->file.name, TT_REMOTE_BYTES_MAX);
}

/* ---- Judging ------------------------------------------------------------------------------------------------------- */

static bool was_said(const struct tt_diags *before, const struct tt_diag_message *m)
{
  for (size_t i = 0; i < before->n; i++) {
    const struct tt_diag_message *b = &before->messages[i];
    if (strcmp(b->code, m->code) == 0 && strcmp(b->text, m->text) == 0 &&
        strcmp(b->at.file ? b->at.file : "", m->at.file ? m->at.file : "") == 0)
      return true;
  }
  return false;
}

/* A message without its position: where in a file that nobody has seen yet something stands tells people nothing. */
static void put_message(struct tt_buf *out, const struct work *w, const struct tt_diag_message *m)
{
  tt_buf_puts(out, m->text);
  for (size_t i = 0; i < m->n_help; i++)
    tt_buf_printf(out, "; %.*s", (int)strcspn(m->help[i], "\n"), m->help[i]);
  if (m->at.file && strcmp(m->at.file, w->file.name) != 0)
    tt_buf_printf(out, " (%s:%u:%u)", m->at.file, m->at.line, m->at.column);
}

/* What is new of what is said. */
static void collect(struct work *w, const struct tt_diags *after, const struct tt_remote_text *read)
{
  struct tt_buf all = TT_BUF(16384);
  for (size_t i = 0; i < after->n; i++) {
    const struct tt_diag_message *m = &after->messages[i];
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    char field[sizeof(w->change->problems[0].field)] = "";
    if (m->severity < TT_SEVERITY_WARNING || was_said(w->diags, m))
      continue;
    put_message(&text, w, m);
    if (m->at.file && strcmp(m->at.file, w->file.name) == 0)
      tt_remote_field_at(read, w->key, m->at.line, field, sizeof(field));
    w->n_errors += m->severity == TT_SEVERITY_ERROR;
    if (m->severity == TT_SEVERITY_ERROR && text.data)
      add_problem(w->change, field, text.data);
    tt_buf_printf(&all, "%s: %s\n", m->severity == TT_SEVERITY_ERROR ? "error" : "warning",
                  text.data ? text.data : "");
  }
  if (all.len)
    w->change->diagnostics = tt_buf_steal(&all);
  tt_buf_finish(&all);
}

static void judge(struct work *w, const struct tt_config *config)
{
  struct tt_manage_change *change = w->change;
  const struct tt_device_entry *entry = find_entry(config, w->key);
  bool is_there = entry && strcmp(entry->config.mark.file, w->file.name) == 0;
  const char *first = change->n_problems ? change->problems[0].text : NULL;
  if (w->n_errors == 0 && (!config->is_usable || config->n_loose_errors > 0)) /* no reload would take it up */
    fail(change, "failed", "something in the configuration is wrong; `check` says what");
  else if (w->n_errors > 0 || (change->op == TT_MANAGE_REMOVE ? is_there : !is_there || entry->is_disabled))
    fail(change, "bad-request", "%s", first ? first : entry && entry->error ? entry->error : "it cannot be used");
}

/* By the whole configuration as it would be. */
static void try_it(struct work *w, const char *temporary)
{
  struct tt_config *config = NULL;
  struct tt_diags *after = NULL;
  struct tt_remote_text read TT_AUTOREMOTE = {0};
  char why[512];
  int r = tt_remote_read(&read, w->yaml.data, w->yaml.len, why, sizeof(why));
  if (r == -EINVAL)
    fail(w->change, "failed", "%.500s", why); /* we have written what we cannot read */
  if (r == 0)
    r = tt_remote_load(w->remote, w->file.name, temporary, &config, &after);
  if (r == 0) {
    collect(w, after, &read);
    judge(w, config);
  } else if (r != -EINVAL) {
    fail(w->change, "failed", "%s", strerror(-r));
  }
  tt_diags_destroy(after);
  tt_config_destroy(config);
}

/* ---- Doing it ------------------------------------------------------------------------------------------------------ */

static const char *const kinds[] = {
    [TT_MANAGE_ADD] = "added", [TT_MANAGE_EDIT] = "edited", [TT_MANAGE_REMOVE] = "removed"};

static int note(const struct work *w, const char *kind)
{
  const struct tt_remote_options *o = &w->remote->options;
  const struct tt_item *entry = tt_item_get(w->text.devices, w->key);
  const struct tt_item *uses = tt_item_get(entry, "uses"), *connection = tt_item_get(entry, "connection");
  return tt_audit_device(o->audit, tt_core_now(o->core), w->change->caller, kind, w->key,
                         uses && uses->kind == TT_ITEM_SCALAR ? uses->text : NULL,
                         connection && connection->kind == TT_ITEM_SCALAR ? connection->text : NULL, w->file.name);
}

/* The file as it was. */
static void restore(const struct work *w, mode_t mode)
{
  struct tt_buf temporary TT_AUTOBUF = TT_BUF(0);
  const char *path = w->file.path.data;
  int r = w->file.yaml ? tt_own_write(path, w->file.yaml, w->file.size, mode, &temporary) : 0;
  if (r == 0)
    r = w->file.yaml ? tt_own_keep(temporary.data, path, false) : unlink(path) < 0 ? -errno : 0;
  if (r < 0)
    tt_log(TT_LOG_ERROR, w->file.name, "cannot be written as it was: %s", strerror(-r));
  (void)note(w, "undone");
}

static void take_up(struct work *w)
{
  struct tt_reload_result result;
  int r = tt_reload(w->remote->options.reloader,
                    &(struct tt_only){.keys = &w->key, .n = 1, .may_leave = w->change->op == TT_MANAGE_REMOVE},
                    &result);
  if (r < 0) {
    fail(w->change, "failed", "%s", strerror(-r));
    return;
  }
  if (result.is_refused)
    fail(w->change, "failed", "%s", result.why);
  tt_reload_result_finish(&result);
}

static void write_it(struct work *w)
{
  struct tt_buf temporary TT_AUTOBUF = TT_BUF(0);
  struct tt_manage_change *change = w->change;
  struct stat st;
  mode_t mode = mode_of(w->config, &w->text), before = 0600;
  if (stat(w->file.path.data, &st) == 0)
    before = st.st_mode & 0777;
  int r = tt_own_write(w->file.path.data, w->yaml.data, w->yaml.len, mode, &temporary);
  if (r < 0) {
    fail(change, "failed", "%.800s cannot be written: %s", w->file.name, strerror(-r));
    return;
  }
  try_it(w, temporary.data);
  if (!change->code && !change->is_dry && (r = note(w, kinds[change->op])) < 0)
    fail(change, "failed", "the audit cannot be written: %s", strerror(-r));
  if (change->code || change->is_dry) {
    unlink(temporary.data);
    return;
  }
  r = tt_own_keep(temporary.data, w->file.path.data, false);
  if (r < 0) {
    fail(change, "failed", "%.800s cannot be written: %s", w->file.name, strerror(-r));
    (void)note(w, "undone");
    return;
  }
  take_up(w);
  if (change->code)
    restore(w, before);
  else
    tt_log(TT_LOG_INFO, w->key, "%s over XMPP: %s", kinds[change->op], w->file.name);
}

static void on_change(void *user, struct tt_manage_change *change)
{
  struct work w = {.remote = user, .change = change, .yaml = TT_BUF(TT_REMOTE_BYTES_MAX)};
  int r = tt_remote_load(w.remote, NULL, NULL, &w.config, &w.diags);
  if (r == 0)
    r = tt_remote_file_read(w.remote, w.config, &w.file, change->why, sizeof(change->why));
  if (r == 0) {
    char why[512];
    snprintf(change->file, sizeof(change->file), "%s", w.file.name);
    r = tt_remote_read(&w.text, w.file.yaml ? w.file.yaml : "", w.file.size, why, sizeof(why));
    if (r == -EINVAL)
      snprintf(change->why, sizeof(change->why), "%.400s cannot be changed as it is: %.500s", w.file.name, why);
  }
  if (r == -EINVAL)
    change->code = "failed";
  else if (r < 0)
    fail(change, "failed", "%s", strerror(-r));
  if (!change->code)
    prepare(&w);
  if (!change->code)
    write_it(&w);
  if (w.yaml.data)
    explicit_bzero(w.yaml.data, w.yaml.len);
  tt_buf_finish(&w.yaml);
  tt_remote_finish(&w.text);
  tt_remote_file_finish(&w.file);
  tt_diags_destroy(w.diags);
  tt_config_destroy(w.config);
}

/* ---- Life ----------------------------------------------------------------------------------------------------------- */

int tt_remote_create(const struct tt_remote_options *options, struct tt_remote **ret)
{
  struct tt_remote *remote = calloc(1, sizeof(*remote));
  if (!remote)
    return -ENOMEM;
  remote->options = *options;
  *ret = remote;
  return 0;
}

void tt_remote_destroy(struct tt_remote *remote)
{
  free(remote);
}

struct tt_manage_hooks tt_remote_hooks(struct tt_remote *remote)
{
  return (struct tt_manage_hooks){.user = remote, .view = tt_remote_view, .change = on_change};
}
