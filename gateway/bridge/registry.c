/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c: <dir>/<name>.so, found by listing the directory.
 */
#define _GNU_SOURCE /* asprintf */
#include "registry.h"

#include "config/config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>

struct entry {
  char *name;
  char *path; /* NULL: built in */
  const struct tt_bridge_ops *ops;
  char *why; /* not usable */
};

struct tt_registry {
  struct entry entries[TT_BRIDGES_MAX];
  size_t n;
  const char *names[TT_BRIDGES_MAX + 1];
};

/* A protocol is a short word; anything else in the directory is none of ours. */
static bool is_name(const char *name, size_t n)
{
  if (n == 0 || n > 32)
    return false;
  for (size_t i = 0; i < n; i++)
    if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
      return false;
  return true;
}

static struct entry *find(struct tt_registry *registry, const char *name)
{
  for (size_t i = 0; i < registry->n; i++)
    if (strcmp(registry->entries[i].name, name) == 0)
      return &registry->entries[i];
  return NULL;
}

static int add(struct tt_registry *registry, const char *name, size_t n, const char *dir,
               const struct tt_bridge_ops *ops)
{
  if (registry->n == TT_BRIDGES_MAX)
    return -ENOSPC;
  struct entry *entry = &registry->entries[registry->n];
  *entry = (struct entry){.ops = ops, .name = strndup(name, n)};
  if (!entry->name)
    return -ENOMEM;
  if (dir && asprintf(&entry->path, "%s/%s.so", dir, entry->name) < 0) {
    free(entry->name);
    return -ENOMEM;
  }
  registry->n++;
  return 0;
}

static int list(struct tt_registry *registry, const char *path)
{
  DIR *dir = opendir(path);
  int r = 0;
  if (!dir)
    return 0; /* each protocol of it is then unknown, and told so where it is used */
  for (struct dirent *d; r == 0 && (d = readdir(dir));) {
    size_t n = strlen(d->d_name);
    if (n > 3 && strcmp(d->d_name + n - 3, ".so") == 0 && is_name(d->d_name, n - 3)) {
      d->d_name[n - 3] = '\0';
      if (!find(registry, d->d_name)) /* built in wins */
        r = add(registry, d->d_name, n - 3, path, NULL);
    }
  }
  closedir(dir);
  return r == -ENOSPC ? 0 : r;
}

static int by_name(const void *a, const void *b)
{
  const struct entry *x = a, *y = b;
  return strcmp(x->name, y->name);
}

int tt_registry_create(const char *dir, const struct tt_bridge_ops *const *builtin, struct tt_registry **ret)
{
  struct tt_registry *registry = calloc(1, sizeof(*registry));
  int r = 0;
  if (!registry)
    return -ENOMEM;
  for (; r == 0 && builtin && *builtin; builtin++)
    r = add(registry, (*builtin)->name, strlen((*builtin)->name), NULL, *builtin);
  if (r == 0 && dir)
    r = list(registry, dir);
  if (r < 0) {
    tt_registry_destroy(registry);
    return r;
  }
  qsort(registry->entries, registry->n, sizeof(registry->entries[0]), by_name);
  for (size_t i = 0; i < registry->n; i++)
    registry->names[i] = registry->entries[i].name;
  *ret = registry;
  return 0;
}

void tt_registry_destroy(struct tt_registry *registry)
{
  if (!registry)
    return;
  for (size_t i = 0; i < registry->n; i++) {
    free(registry->entries[i].name);
    free(registry->entries[i].path);
    free(registry->entries[i].why);
  }
  free(registry);
}

const char *tt_registry_fault(const struct tt_bridge_ops *ops, const char *name)
{
  const struct tt_level *levels[] = {&ops->connection, &ops->device, &ops->read_address, &ops->write_address};
  if (ops->abi != TT_BRIDGE_ABI)
    return "was built for another version of thingtree";
  if (!ops->name || strcmp(ops->name, name) != 0)
    return "has another name inside than its file";
  if (!ops->summary || !ops->start || !ops->stop || !ops->attach || !ops->detach || !ops->read || !ops->write)
    return "lacks a function";
  for (size_t i = 0; i < TT_COUNT(levels); i++)
    if ((levels[i]->size == 0) != !levels[i]->options)
      return "has options without a struct, or a struct without options";
  return NULL;
}

/* Fills in ops, or why not. */
static void load(struct entry *entry)
{
  const char *fault;
  /* RTLD_NOW: a function that the host lacks is found here, not in the middle of a request. */
  void *module = dlopen(entry->path, RTLD_NOW | RTLD_LOCAL);
  const struct tt_bridge_ops *ops = module ? dlsym(module, TT_BRIDGE_SYMBOL) : NULL;
  if (!module)
    fault = dlerror();
  else if (!ops)
    fault = "is not a bridge: it has no " TT_BRIDGE_SYMBOL;
  else
    fault = tt_registry_fault(ops, entry->name);

  if (!fault)
    entry->ops = ops;
  else if (asprintf(&entry->why, "bridge %s cannot be used: %s%s%s", entry->name, module ? entry->path : "",
                    module ? " " : "", fault ? fault : "") < 0)
    entry->why = NULL;
}

const struct tt_bridge_ops *tt_registry_find(struct tt_registry *registry, const char *name, const char **ret_why)
{
  struct entry *entry = find(registry, name);
  if (entry && !entry->ops && !entry->why)
    load(entry);
  if (ret_why && !(entry && entry->ops))
    *ret_why = entry ? entry->why : NULL;
  return entry ? entry->ops : NULL;
}

const char *const *tt_registry_names(struct tt_registry *registry)
{
  return registry->names;
}

static const struct tt_bridge_ops *serve_bridge(void *user, const char *protocol)
{
  return tt_registry_find(user, protocol, NULL);
}

static const char *serve_why(void *user, const char *protocol)
{
  const char *why = NULL;
  return tt_registry_find(user, protocol, &why) ? NULL : why;
}

void tt_registry_serve(struct tt_registry *registry, struct tt_config_env *env)
{
  env->bridge = serve_bridge;
  env->why = serve_why;
  env->names = tt_registry_names(registry);
  env->user = registry;
}
