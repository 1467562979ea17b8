/* SPDX-License-Identifier: Apache-2.0
 * A whole configuration, as somebody might write it: YAML, options, mappings, parameters, secrets, and what the bridges
 * think of it. An input is thingtree.yaml, devices.d/d.yaml, the mapping mqtt/m (or modbus/m, http/m), and what all devices say of
 * themselves, parted by lines of %%. */
#define _GNU_SOURCE /* memmem */
#include "config/config.h"
#include "model/tree.h"

#include <assert.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "s3cretfuzz"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct tt_bridge_ops tt_bridge_mqtt, tt_bridge_modbus, tt_bridge_http;

static char dir[64];
static const char *const files[] = {"thingtree.yaml", "devices.d/d.yaml", "mappings/mqtt/m.yaml"};

static char *description; /* NULL: they say nothing */
static char *describe(void *user TT_UNUSED, const char *key TT_UNUSED, const char *mapping TT_UNUSED)
{
  return description ? strdup(description) : NULL;
}

static const char *path_of(const char *name)
{
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void put(const char *name, const char *text, size_t n)
{
  FILE *file = fopen(path_of(name), "w");
  if (!file || fwrite(text, 1, n, file) != n || fclose(file) != 0)
    abort();
}

static void remove_all(void)
{
  static const char *const names[] = {"thingtree.yaml",
                                      "devices.d/d.yaml",
                                      "devices.d",
                                      "mappings/mqtt/m.yaml",
                                      "mappings/modbus",
                                      "mappings/http",
                                      "mappings/mqtt",
                                      "mappings",
                                      "credentials/a",
                                      "credentials",
                                      ""};
  for (size_t i = 0; i < TT_COUNT(names); i++)
    remove(path_of(names[i]));
}

static void begin(void)
{
  strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/tt-fuzz-XXXXXX" : "/tmp/tt-fuzz-XXXXXX");
  if (!mkdtemp(dir))
    abort();
  static const char *const dirs[] = {"devices.d", "mappings", "mappings/mqtt", "credentials"};
  for (size_t i = 0; i < TT_COUNT(dirs); i++)
    if (mkdir(path_of(dirs[i]), 0755) < 0)
      abort();
  if (symlink("mqtt", path_of("mappings/modbus")) < 0 || symlink("mqtt", path_of("mappings/http")) < 0)
    abort();
  put("credentials/a", SECRET "\n", strlen(SECRET "\n"));
  chmod(path_of("credentials/a"), 0600);
  unsetenv("CREDENTIALS_DIRECTORY");
  atexit(remove_all);
}

/* Patterns that would walk through this machine instead of through the input. */
static bool is_wide(const char *text, size_t n)
{
  size_t count = 0;
  for (size_t i = 1; i < n; i++)
    count += (text[i] == '/' && strchr("*?]", text[i - 1])) || (text[i - 1] == '/' && strchr("*?[", text[i]));
  return count > 1 || memmem(text, n, "..", 2);
}

static const struct tt_bridge_ops *find(void *user TT_UNUSED, const char *protocol)
{
  return strcmp(protocol, "mqtt") == 0     ? &tt_bridge_mqtt
         : strcmp(protocol, "modbus") == 0 ? &tt_bridge_modbus
         : strcmp(protocol, "http") == 0   ? &tt_bridge_http
                                           : NULL;
}

/* What those who use a configuration rely on. */
static void check_device(const struct tt_config *config, const struct tt_device_entry *d)
{
  assert(d->config.key && *d->config.key && !strchr(d->config.key, '/') && strcmp(d->config.key, TT_GATEWAY_KEY));
  assert(d->place && d->type && d->is_disabled == (d->error != NULL));
  if (d->is_disabled)
    return;
  assert(d->connection < config->n_connections && !config->connections[d->connection].is_disabled);
  assert(d->config.options && d->config.n_points <= TT_POINTS_MAX);
  for (size_t i = 0; i < d->config.n_points; i++) {
    const struct tt_point *p = &d->config.points[i];
    assert(p->name && p->unit && p->ucum && p->type != TT_TYPE_NONE && p->categories);
    assert(p->poll >= -1 && p->poll < (int)config->n_polls);
    if (!p->write)
      continue;
    assert(p->write->address && p->write->within_us > 0);
    assert(p->write->verify_point == TT_NO_POINT ||
           (p->write->verify_point < d->config.n_points && d->config.points[p->write->verify_point].is_hidden));
  }
}

static void check_text(const struct tt_buf *out, bool has_secret)
{
  const char *text = out->data ? out->data : "";
  assert(!out->failed && tt_utf8_is_valid(text, out->len));
  assert(has_secret || !strstr(text, SECRET));
  assert(!strpbrk(text, "\x1b\x07\r"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const names[] = {"http", "modbus", "mqtt", NULL};
  const char *text = (const char *)data;
  bool has_secret = memmem(text, size, SECRET, strlen(SECRET)) || memmem(text, size, "\\", 1);
  if (!*dir)
    begin();
  for (size_t i = 0; i < TT_COUNT(files); i++) {
    const char *end = memmem(text, size, "%%\n", 3);
    size_t n = end ? (size_t)(end - text) : size;
    if (is_wide(text, n))
      return -1;
    put(files[i], text, n);
    text += end ? n + 3 : n;
    size -= end ? n + 3 : n;
  }
  char *file TT_AUTOFREE = strdup(path_of(files[0]));
  struct tt_config_env env = {.file = file, .bridge = find, .names = names, .described = describe};
  struct tt_config *config;
  struct tt_diags *diags;
  size_t errors_without = SIZE_MAX;
  if (size > 0 && file && tt_config_load(&env, &config, &diags) == 0) { /* nothing that is said is an error */
    errors_without = tt_diags_count(diags, TT_SEVERITY_ERROR);
    tt_diags_destroy(diags);
    tt_config_destroy(config);
    description = strndup(text, size);
  }
  if (!file || tt_config_load(&env, &config, &diags) < 0)
    abort();
  free(TT_STEAL(description));
  assert(tt_diags_count(diags, TT_SEVERITY_ERROR) <= errors_without);
  for (size_t i = 0; i < config->n_devices; i++)
    check_device(config, &config->devices[i]);
  size_t errors = tt_diags_count(diags, TT_SEVERITY_ERROR);
  assert(config->n_disabled + config->n_refused == 0 || errors > 0);
  assert(config->is_usable || errors > 0);
  struct tt_buf plain TT_AUTOBUF = TT_BUF(0), json TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(diags, false, &plain);
  tt_diags_render_json(diags, &json);
  check_text(&plain, has_secret);
  check_text(&json, has_secret);
  tt_diags_destroy(diags);
  tt_config_destroy(config);
  return 0;
}
