/* SPDX-License-Identifier: Apache-2.0
 * load.c: from thingtree.yaml to a whole configuration: files, versions, the order of things, and the end. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What tt_config_load() gives away: the configuration is the first member. */
struct owned {
  struct tt_config config;
  struct tt_arena *arena;
  struct tt_secrets *secrets;
};

/* ---- Files -------------------------------------------------------------------------------------------- */

char *tt_load_path(const struct tt_loader *l, const char *name)
{
  struct tt_buf path = TT_BUF(0);
  if (name[0] != '/')
    tt_buf_printf(&path, "%s/", l->base);
  tt_buf_puts(&path, name);
  return tt_buf_steal(&path);
}

struct tt_table_env tt_load_env(const struct tt_loader *l, const struct tt_file *file)
{
  return (struct tt_table_env){.arena = l->arena,
                               .diags = l->diags,
                               .secrets = l->secrets,
                               .base = l->base,
                               .is_newer = file && file->is_newer};
}

static int unreadable(struct tt_loader *l, struct tt_mark at, const char *name, const char *why)
{
  tt_diag(l->diags, TT_SEVERITY_ERROR, "file-unreadable", at, "%s cannot be read: %s",
          at.file ? name : l->env->file, why); /* whom no file names was named on the command line */
  return -EINVAL;
}

static int read_file(struct tt_loader *l, int fd, struct tt_mark at, struct tt_file *file)
{
  struct stat st;
  size_t room = TT_CONFIG_FILE_MAX + 1;
  if (fstat(fd, &st) < 0)
    return unreadable(l, at, file->name, strerror(errno));
  if (!S_ISREG(st.st_mode))
    return unreadable(l, at, file->name, "it is not a file");
  if (st.st_size >= 0 && (size_t)st.st_size < TT_CONFIG_FILE_MAX)
    room = (size_t)st.st_size + 1;
  file->text = malloc(room);
  if (!file->text)
    return -ENOMEM;
  while (file->size < room) {
    ssize_t got = read(fd, file->text + file->size, room - file->size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return unreadable(l, at, file->name, strerror(errno));
    if (got == 0)
      break;
    file->size += (size_t)got;
  }
  if (file->size > TT_CONFIG_FILE_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "file-too-large", at, "%s is larger than %u bytes", file->name,
            TT_CONFIG_FILE_MAX);
    return -EINVAL;
  }
  return 0;
}

int tt_load_file(struct tt_loader *l, const char *name, struct tt_mark at, struct tt_file **ret_file)
{
  *ret_file = NULL;
  if (l->n_files == TT_CONFIG_FILES_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-files", at, "%s is one file too many (%d)", name,
            TT_CONFIG_FILES_MAX);
    return -EINVAL;
  }
  char *path TT_AUTOFREE = tt_load_path(l, name);
  const char *interned = tt_arena_strdup(l->arena, name);
  if (!path || !interned)
    return -ENOMEM;
  bool is_instead = l->env->instead_name && strcmp(name, l->env->instead_name) == 0;
  int fd = open(is_instead ? l->env->instead_path : path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return unreadable(l, at, name, strerror(errno));
  struct tt_file *file = &l->files[l->n_files++];
  *file = (struct tt_file){.name = interned};
  l->config->files.text[l->config->files.n++] = interned;
  int r = read_file(l, fd, at, file);
  close(fd);
  if (r == 0) {
    struct tt_yaml_env env = {.arena = l->arena, .diags = l->diags, .items_left = &l->items_left};
    r = tt_yaml_parse(&env, file->name, file->text, file->size, &file->root);
  }
  if (r != -ENOMEM)
    *ret_file = file;
  return r;
}

int tt_load_version(struct tt_loader *l, struct tt_file *file)
{
  const struct tt_item *item = tt_item_get(file->root, "version");
  unsigned major = 0, minor = 0;
  char end = 0, shown[TT_ITEM_SHOW_SIZE];
  if (!item)
    return 0;
  int n = item->kind == TT_ITEM_SCALAR && strspn(item->text, "0123456789.") == strlen(item->text)
              ? sscanf(item->text, "%4u.%4u%c", &major, &minor, &end)
              : 0;
  if ((n != 1 && n != 2) || (n == 1 && strchr(item->text, '.')) || major == 0) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "\"version\" must be a version like %d, not %s",
            TT_FORMAT_MAJOR, tt_item_show(item, shown));
    return -EINVAL;
  }
  if (major > TT_FORMAT_MAJOR) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "unsupported-version", item->mark,
            "this file is of version %u; this program understands version %d", major, TT_FORMAT_MAJOR);
    return -EINVAL;
  }
  file->is_newer = minor > TT_FORMAT_MINOR;
  return 0;
}

int tt_load_section(struct tt_loader *l, struct tt_file *file, const char *key, const struct tt_item **ret)
{
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_holes holes = {.env = &env};
  const struct tt_item *item = tt_item_get(file->root, key);
  if (!item) {
    *ret = NULL;
    return 0;
  }
  int r = tt_item_check_keys(item, true, l->diags);
  return r < 0 ? r : tt_holes_fill(&holes, item, ret);
}

const char *tt_load_scope_error(struct tt_loader *l, struct tt_diag_scope *scope)
{
  const char *copy = scope->first ? tt_arena_strdup(l->arena, scope->first) : NULL;
  free(TT_STEAL(scope->first));
  return copy;
}

/* ---- thingtree.yaml and what it includes --------------------------------------------------------------- */

struct top {
  const struct tt_item *version, *xmpp, *access, *languages, *poll, *connections, *devices, *places;
  struct tt_texts include, mappings;
};
#define ITEM(name_, help_)                                                                                         \
  {                                                                                                                \
    .name = #name_, .type = TT_OPTION_ITEM, .offset = offsetof(struct top, name_), .help = (help_)                 \
  }
static const struct tt_option included_options[] = {
    ITEM(version, "Version of the file format: 1."), ITEM(poll, "Poll classes by name."),
    ITEM(connections, "Connections by name."),       ITEM(devices, "Devices by name."),
    ITEM(places, "Labels of places by path."),       TT_OPTION_END,
};
static const struct tt_option main_options[] = {
    ITEM(xmpp, "How the gateway reaches XMPP."),
    ITEM(access, "Who may do what; the first rule that matches decides."),
    ITEM(languages, "Languages of labels; the first is the fallback."),
    {.name = "include",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct top, include),
     .help = "Further files, patterns allowed, with connections, devices, places, poll classes."},
    {.name = "mappings",
     .type = TT_OPTION_TEXTS,
     .offset = offsetof(struct top, mappings),
     .help = "Directories of mappings; the first that has one of the name wins."},
    TT_OPTION_END,
};

/* Keys of thingtree.yaml that stand in an included file get a better answer than "unknown". */
static int check_top(struct tt_loader *l, struct tt_file *file, bool is_main)
{
  const struct tt_option *tables[] = {included_options, is_main ? main_options : NULL};
  struct tt_table_env env = tt_load_env(l, file);
  int r = tt_item_check_keys(file->root, false, l->diags), q = 0;
  bool is_misplaced = false;
  for (size_t i = 0; !is_main && i < file->root->n; i++)
    if (tt_table_find(main_options, file->root->keys[i])) {
      tt_diag(l->diags, TT_SEVERITY_ERROR, "misplaced-key", file->root->key_marks[i],
              "\"%s\" belongs into thingtree.yaml", file->root->keys[i]);
      is_misplaced = true;
    }
  if (!is_misplaced)
    q = tt_table_check_keys(&env, tables, TT_COUNT(tables), file->root, is_main ? "thingtree.yaml" : "this file");
  return r < 0 ? r : is_misplaced ? -EINVAL : q;
}

/* A file with devices: what is wrong at its top is said; the rest of it is used. */
static int include_file(struct tt_loader *l, const char *name, struct tt_mark at)
{
  struct tt_file *file;
  for (size_t i = 0; i < l->n_files; i++)
    if (strcmp(l->files[i].name, name) == 0)
      return 0;
  int r = tt_load_file(l, name, at, &file);
  if (r < 0)
    return r;
  r = tt_load_version(l, file);
  if (r == 0)
    r = check_top(l, file, false);
  return r;
}

/* What somebody meant to have included: a directory that is not there, files called *.yml. */
static void warn_of_missed(struct tt_loader *l, char *path, size_t skip, bool is_empty, struct tt_mark at)
{
  size_t n = strlen(path);
  glob_t found = {0};
  char *last = strrchr(path, '/');
  if (is_empty && last && last > path) {
    *last = '\0';
    if (!strpbrk(path, "*?[") && access(path, F_OK) < 0 && errno == ENOENT)
      tt_diag(l->diags, TT_SEVERITY_WARNING, "include-missed", at,
              "there is no directory \"%s\": nothing is included", path + (skip < strlen(path) ? skip : 0));
    *last = '/';
  }
  if (n < 6 || strcmp(path + n - 6, "*.yaml") != 0)
    return;
  strcpy(path + n - 4, "yml");
  int g = glob(path, 0, NULL, &found);
  for (size_t i = 0; g == 0 && i < found.gl_pathc; i++)
    tt_diag(l->diags, TT_SEVERITY_WARNING, "include-missed", at, "%s is not read: its name does not end in .yaml",
            found.gl_pathv[i] + skip);
  globfree(&found);
}

static int include_pattern(struct tt_loader *l, const char *pattern, struct tt_mark at)
{
  glob_t found = {0};
  char *path TT_AUTOFREE = tt_load_path(l, pattern);
  if (!path)
    return -ENOMEM;
  bool is_pattern = strpbrk(pattern, "*?[") != NULL;
  if (!is_pattern)
    return include_file(l, pattern, at);
  int r = 0, g = glob(path, 0, NULL, &found);
  if (g == GLOB_NOSPACE)
    r = -ENOMEM;
  else if (g != 0 && g != GLOB_NOMATCH)
    r = unreadable(l, at, pattern, "the directory cannot be read");
  size_t skip = strlen(path) - strlen(pattern); /* names stay relative */
  for (size_t i = 0; g == 0 && r != -ENOMEM && i < found.gl_pathc; i++) {
    int q = include_file(l, found.gl_pathv[i] + skip, at);
    r = q < 0 ? q : r;
    if (q < 0 && l->n_files == TT_CONFIG_FILES_MAX) /* said once */
      break;
  }
  globfree(&found);
  if (r == 0)
    warn_of_missed(l, path, skip, g == GLOB_NOMATCH, at);
  return r;
}

/* A text of a TEXTS option as its item, for the mark. */
static struct tt_mark mark_of_text(const struct tt_item *item, size_t i)
{
  return item->kind == TT_ITEM_LIST ? item->items[i]->mark : item->mark;
}

static int load_includes(struct tt_loader *l, struct tt_file *file, const struct top *top)
{
  const struct tt_item *item = tt_item_get(file->root, "include");
  int r = 0;
  for (size_t i = 0; i < top->include.n && r != -ENOMEM; i++) {
    int q = include_pattern(l, top->include.text[i], mark_of_text(item, i));
    r = q < 0 ? q : r;
  }
  if (l->env->instead_name && r != -ENOMEM) { /* it may not be there yet */
    int q = include_file(l, l->env->instead_name, item ? item->mark : file->root->mark);
    r = q < 0 ? q : r;
  }
  l->n_configs = l->n_files;
  return r == -ENOMEM ? r : 0;
}

static int set_search(struct tt_loader *l, const struct top *top, const struct tt_item *item)
{
  static const char *presets[] = {"mappings", TT_MAPPING_DIR};
  l->search = top->mappings.n ? top->mappings : (struct tt_texts){.text = presets, .n = TT_COUNT(presets)};
  if (l->search.n <= TT_SEARCH_MAX)
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-directories", item->mark, "there can be %d directories",
          TT_SEARCH_MAX);
  l->search.n = TT_SEARCH_MAX;
  return -EINVAL;
}

/* -EINVAL: nothing of this configuration can be trusted. */
static int load_main(struct tt_loader *l, const char *name)
{
  struct tt_file *file;
  struct top top = {0};
  int r = tt_load_file(l, name, (struct tt_mark){0}, &file);
  if (r == 0)
    r = tt_load_version(l, file);
  if (r < 0)
    return r;
  struct tt_table_env env = tt_load_env(l, file);
  int (*const parts[])(struct tt_loader *, struct tt_file *) = {tt_load_languages, tt_load_access, tt_load_xmpp};
  r = check_top(l, file, true);
  for (size_t i = 0; i < TT_COUNT(parts); i++) {
    int q = parts[i](l, file);
    if (q == -ENOMEM)
      return q;
    r = q < 0 ? q : r;
  }
  int q = tt_table_load(&env, main_options, file->root, name, file->root->mark, &top);
  if (q == 0)
    q = set_search(l, &top, tt_item_get(file->root, "mappings"));
  if (q == 0)
    q = load_includes(l, file, &top);
  l->config->includes = top.include;
  return q < 0 ? q : r;
}

static int load_all(struct tt_loader *l, const char *name)
{
  int (*const parts[])(struct tt_loader *, struct tt_file *) = {tt_load_polls, tt_load_places, tt_load_connections,
                                                                tt_load_devices};
  int r = load_main(l, name);
  if (r == -ENOMEM)
    return r;
  bool is_usable = r == 0;
  l->n_configs = l->n_files;
  if (l->config->languages.n == 0)
    r = tt_load_languages(l, NULL);
  if (r != -ENOMEM)
    r = tt_load_poll_presets(l);
  for (size_t p = 0; p < TT_COUNT(parts) && r != -ENOMEM; p++) {
    for (size_t i = 0; i < l->n_configs && r != -ENOMEM; i++) {
      if (!l->files[i].root)
        continue;
      r = parts[p](l, &l->files[i]);
      /* the poll classes of thingtree.yaml are part of it; places, connections and devices fail alone */
      if (r == -EINVAL && i == 0 && p == 0)
        is_usable = false;
    }
    if (p == 0 && r != -ENOMEM)
      r = tt_load_number_polls(l);
  }
  if (r != -ENOMEM && l->env->with_mappings)
    r = tt_load_all_mappings(l);
  l->config->is_usable = is_usable;
  l->config->n_loose_errors = l->diags->n_loose;
  return r == -ENOMEM || l->diags->failed ? -ENOMEM : 0;
}

/* ---- The whole ----------------------------------------------------------------------------------------- */

static void finish_loader(struct tt_loader *l)
{
  tt_load_forget_taken(l);
  for (size_t i = 0; i < l->n_files; i++) {
    if (l->files[i].text)
      explicit_bzero(l->files[i].text, l->files[i].size);
    free(l->files[i].text);
  }
  if (l->diags)
    tt_diags_drop_sources(l->diags);
  free(l->base);
  free(l);
}

static int load_limited(const struct tt_config_env *env, size_t limit, struct owned *owned, struct tt_diags *diags)
{
  const char *slash = strrchr(env->file, '/');
  struct tt_loader *l = calloc(1, sizeof *l);
  if (!l)
    return -ENOMEM;
  l->env = env;
  l->config = &owned->config;
  l->diags = diags;
  l->items_left = TT_CONFIG_ITEMS_MAX;
  l->description_left = TT_DESCRIPTIONS_BYTES_MAX;
  l->base = !slash               ? strdup(".")
            : slash == env->file ? strdup("")
                                 : strndup(env->file, (size_t)(slash - env->file));
  l->arena = owned->arena = tt_arena_create(limit);
  if (l->base)
    l->secrets = owned->secrets = tt_secrets_create(slash == env->file ? "/" : l->base, env->credentials);
  struct tt_config *c = l->config;
  diags->secrets = l->secrets;
  int r = l->arena && l->secrets ? 0 : -ENOMEM;
  if (r == 0) {
    c->files.text = tt_arena_alloc(l->arena, TT_CONFIG_FILES_MAX * sizeof *c->files.text);
    c->connections = tt_arena_alloc(l->arena, TT_CONNECTIONS_MAX * sizeof *c->connections);
    c->polls = tt_arena_alloc(l->arena, TT_POLL_SLOTS_MAX * sizeof *c->polls);
    r = c->files.text && c->connections && c->polls ? load_all(l, slash ? slash + 1 : env->file) : -ENOMEM;
  }
  finish_loader(l);
  return r;
}

int tt_config_load_limited(const struct tt_config_env *env, size_t limit, struct tt_config **ret_config,
                           struct tt_diags **ret_diags)
{
  struct owned *owned = calloc(1, sizeof *owned);
  struct tt_diags *diags = tt_diags_create();
  int r = owned && diags ? load_limited(env, limit, owned, diags) : -ENOMEM;
  if (r < 0) {
    tt_diags_destroy(diags);
    tt_config_destroy(owned ? &owned->config : NULL);
    return r;
  }
  *ret_config = &owned->config;
  *ret_diags = diags;
  return 0;
}

int tt_config_load(const struct tt_config_env *env, struct tt_config **ret_config, struct tt_diags **ret_diags)
{
  return tt_config_load_limited(env, TT_CONFIG_MEMORY_MAX, ret_config, ret_diags);
}

struct tt_config *tt_config_ref(struct tt_config *config)
{
  config->n_users++;
  return config;
}

void tt_config_destroy(struct tt_config *config)
{
  if (!config)
    return;
  if (config->n_users > 0) {
    config->n_users--;
    return;
  }
  struct owned *owned = TT_CONTAINER_OF(config, struct owned, config);
  tt_secrets_destroy(owned->secrets); /* wipes in the arena, too */
  tt_arena_destroy(owned->arena);
  free(owned);
}
