/* SPDX-License-Identifier: Apache-2.0
 *
 * described.h: what a bridge has made of a device's own words, loaded as the mapping that it is written like: nothing of
 * it may be wrong or even doubtful.
 */
#pragma once

#include "cmocka_all.h"
#include "config/config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct described {
  struct tt_config *config;
  const struct tt_device_config *device;
};

static const struct tt_bridge_ops *described_find(void *user, const char *protocol)
{
  const struct tt_bridge_ops *ops = user;
  return strcmp(ops->name, protocol) == 0 ? ops : NULL;
}

/* `json` is YAML, too, but for what YAML takes for another thing in it. */
static inline struct described described_load(const struct tt_bridge_ops *ops, const char *connection,
                                              const char *json)
{
  char dir[] = "/tmp/tt-described-XXXXXX", path[100], command[64];
  const char *names[] = {ops->name, NULL};
  struct described d = {0};
  struct tt_diags *diags;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct json_object *root = json_tokener_parse(json), *points;
  assert_non_null(root);
  assert_true(json_object_object_get_ex(root, "points", &points));
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/x", dir);
  mkdir(path, 0700);
  snprintf(path, sizeof path, "%s/x/described.yaml", dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file, "version: 1\nprotocol: %s\npoints: %s\n", ops->name,
          json_object_to_json_string_ext(points, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  fclose(file);
  snprintf(path, sizeof path, "%s/thingtree.yaml", dir);
  file = fopen(path, "w");
  assert_non_null(file);
  fprintf(file,
          "version: 1\nconnections: {it: {protocol: %s, %s}}\nmappings: [.]\n"
          "devices: {d: {uses: x/described, connection: it}}\n",
          ops->name, connection);
  fclose(file);
  struct tt_config_env env = {
      .file = path, .bridge = described_find, .names = names, .user = (void *)(uintptr_t)ops};
  assert_int_equal(tt_config_load(&env, &d.config, &diags), 0);
  tt_diags_render(diags, false, &out);
  tt_diags_destroy(diags);
  snprintf(command, sizeof command, "rm -r %s", dir);
  assert_int_equal(system(command), 0);
  json_object_put(root);
  if (out.len)
    fail_msg("%s\n%s", out.data, json);
  assert_int_equal(d.config->n_devices, 1);
  d.device = &d.config->devices[0].config;
  return d;
}

static inline void described_unload(struct described *d)
{
  tt_config_destroy(d->config);
}

static inline const struct tt_point *described_point(const struct described *d, const char *name)
{
  for (size_t i = 0; i < d->device->n_points; i++)
    if (strcmp(d->device->points[i].name, name) == 0)
      return &d->device->points[i];
  fail_msg("no point %s", name);
  return NULL;
}

/* A file of tests/data as text; the caller frees. */
static inline char *described_file(const char *name)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0), text = TT_BUF(0);
  char part[4096];
  const char *dir = getenv("TT_SOURCE_DIR");
  tt_buf_printf(&path, "%s/tests/data/%s", dir ? dir : ".", name);
  FILE *file = fopen(path.data, "r");
  if (!file)
    fail_msg("no file %s", path.data);
  for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
    tt_buf_add(&text, part, n);
  fclose(file);
  return tt_buf_steal(&text);
}
