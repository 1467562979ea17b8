/* SPDX-License-Identifier: Apache-2.0
 * What the tests of gateway/config share: a directory of files, a bridge `fake` with options of every kind on every level,
 * and questions about what was loaded and said. */
#pragma once

#define _GNU_SOURCE /* nftw, asprintf */
#include "cmocka_all.h"
#include "config/diag.h"
#include "config/load.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The bridge ---------------------------------------------------------------------------------------- */

struct fake_connection {
  const char *host, *password;
  int64_t port;
  const char *ca;
};
static const struct tt_option fake_connection_options[] = {
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct fake_connection, host),
     .flags = TT_OPTION_REQUIRED,
     .help = "Host."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     .offset = offsetof(struct fake_connection, password),
     .help = "Password."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct fake_connection, port),
     .preset = "1883",
     .min = 1,
     .max = 65535,
     .help = "Port."},
    {.name = "ca",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct fake_connection, ca),
     .flags = TT_OPTION_PATH,
     .help = "File."},
    TT_OPTION_END,
};

struct fake_device {
  const char *topic;
  int64_t unit;
};
static const struct tt_option fake_device_options[] = {
    {.name = "topic", .type = TT_OPTION_STRING, .offset = offsetof(struct fake_device, topic), .help = "Topic."},
    {.name = "unit",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(struct fake_device, unit),
     .preset = "1",
     .min = 1,
     .max = 247,
     .help = "Unit."},
    TT_OPTION_END,
};

struct fake_read {
  const char *at, *order;
};
static const struct tt_option fake_read_options[] = {
    {.name = "at", .type = TT_OPTION_STRING, .offset = offsetof(struct fake_read, at), .help = "Where."},
    {.name = "order",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct fake_read, order),
     .flags = TT_OPTION_INHERIT,
     .help = "Byte order."},
    TT_OPTION_END,
};

struct fake_write {
  const char *to;
  const struct tt_item *json;
};
static const struct tt_option fake_write_options[] = {
    {.name = "to", .type = TT_OPTION_STRING, .offset = offsetof(struct fake_write, to), .help = "Where to."},
    {.name = "json", .type = TT_OPTION_ITEM, .offset = offsetof(struct fake_write, json), .help = "Template."},
    TT_OPTION_END,
};

static const struct tt_wire_type fake_types[] = {{"word", 1, TT_TYPE_INT32, "16 bits"},
                                                 {"real", 2, TT_TYPE_QUANTITY, "a float"},
                                                 {"flag", 3, TT_TYPE_BOOLEAN, "one bit"},
                                                 {NULL, 0, TT_TYPE_NONE, NULL}};

static unsigned fake_checks; /* devices that `check` has seen */
static void fake_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  const struct fake_connection *c = connection;
  if (!device && c->host && strcmp(c->host, "nowhere") == 0)
    tt_diag(diags, TT_SEVERITY_ERROR, "broker", (struct tt_mark){0}, "the host is nowhere");
  fake_checks += device != NULL;
}

static void fake_command(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t command,
                         const struct tt_value arguments[], uint64_t deadline_us)
{
  (void)bridge, (void)request, (void)device, (void)command, (void)arguments, (void)deadline_us;
}

#define LEVEL(struct_, options_)                                                                                   \
  {                                                                                                                \
    sizeof(struct struct_), options_                                                                               \
  }
static const struct tt_bridge_ops fake = {.name = "fake",
                                          .connection = LEVEL(fake_connection, fake_connection_options),
                                          .device = LEVEL(fake_device, fake_device_options),
                                          .read_address = LEVEL(fake_read, fake_read_options),
                                          .write_address = LEVEL(fake_write, fake_write_options),
                                          .command_address = LEVEL(fake_write, fake_write_options),
                                          .types = fake_types,
                                          .command = fake_command,
                                          .check = fake_check};
/* Needs no connection to be written, and has a `timeout` of its own. */
struct bare_connection {
  uint64_t timeout_us;
};
static const struct tt_option bare_connection_options[] = {
    {.name = "timeout",
     .type = TT_OPTION_DURATION,
     .offset = offsetof(struct bare_connection, timeout_us),
     .preset = "1s",
     .help = "One answer."},
    TT_OPTION_END,
};
static const struct tt_bridge_ops bare = {.name = "bare",
                                          .connection = LEVEL(bare_connection, bare_connection_options),
                                          .read_address = LEVEL(fake_read, fake_read_options)};

static const struct tt_bridge_ops *find_fake(void *user TT_UNUSED, const char *protocol)
{
  return strcmp(protocol, "fake") == 0 ? &fake : strcmp(protocol, "bare") == 0 ? &bare : NULL;
}

static const char *why_not_fake(void *user TT_UNUSED, const char *protocol)
{
  return strcmp(protocol, "old") == 0 ? "bridge old is of another version" : NULL;
}

/* ---- Files --------------------------------------------------------------------------------------------- */

struct world {
  char dir[32], file[64];
  struct tt_config *config;
  struct tt_diags *diags;
  const char *credentials;
  const char *description; /* what the device `thing` says of itself */
};

static struct world w;

static void forget(void)
{
  tt_diags_destroy(TT_STEAL(w.diags));
  tt_config_destroy(TT_STEAL(w.config));
}

static int remove_one(const char *path, const struct stat *st TT_UNUSED, int kind TT_UNUSED,
                      struct FTW *at TT_UNUSED)
{
  return remove(path);
}

static int setup(void **state TT_UNUSED)
{
  w = (struct world){.dir = "/tmp/tt-config-XXXXXX"};
  if (!mkdtemp(w.dir))
    return -1;
  snprintf(w.file, sizeof w.file, "%s/thingtree.yaml", w.dir);
  fake_checks = 0;
  return 0;
}

static int teardown(void **state TT_UNUSED)
{
  forget();
  return nftw(w.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_n(const char *name, mode_t mode, const char *text, size_t n)
{
  char path[512];
  int len = snprintf(path, sizeof path, "%s/%s", w.dir, name);
  for (char *p = path + strlen(w.dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
    *p = '\0';
    mkdir(path, 0755);
    *p = '/';
  }
  FILE *file = len < (int)sizeof path ? fopen(path, "w") : NULL;
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, n, file), n);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(chmod(path, mode), 0);
}

static void put(const char *name, const char *text)
{
  put_n(name, 0644, text, strlen(text));
}

static char *describe(void *user TT_UNUSED, const char *key, const char *mapping)
{
  return w.description && strcmp(key, "thing") == 0 && strcmp(mapping, "fake/thing") == 0 ? strdup(w.description)
                                                                                          : NULL;
}

static void load(void)
{
  static const char *const names[] = {"bare", "fake", NULL};
  struct tt_config_env env = {.file = w.file,
                              .credentials = w.credentials,
                              .bridge = find_fake,
                              .why = why_not_fake,
                              .names = names,
                              .described = describe};
  forget();
  assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
}

/* ---- Questions ----------------------------------------------------------------------------------------- */

static TT_UNUSED void assert_clean(void)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(w.diags, false, &out);
  if (out.len)
    fail_msg("%s", out.data);
}

static TT_UNUSED void load_clean(void)
{
  load();
  assert_clean();
}

/* The messages, one a line: "FILE:LINE:COLUMN code: sentence". */
static TT_UNUSED void assert_said(const char *expected)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < w.diags->n; i++) {
    const struct tt_diag_message *m = &w.diags->messages[i];
    if (m->at.file)
      tt_buf_printf(&out, "%s:%u:%u ", m->at.file, m->at.line, m->at.column);
    tt_buf_printf(&out, "%s: %s\n", m->code, m->text);
  }
  assert_string_equal(out.data ? out.data : "", expected);
}

static TT_UNUSED const struct tt_device_entry *device(const char *key)
{
  for (size_t i = 0; i < w.config->n_devices; i++)
    if (strcmp(w.config->devices[i].config.key, key) == 0)
      return &w.config->devices[i];
  fail_msg("no device %s", key);
  return NULL;
}

static TT_UNUSED const struct tt_point *point(const char *key, const char *name)
{
  const struct tt_device_config *d = &device(key)->config;
  for (size_t i = 0; i < d->n_points; i++)
    if (strcmp(d->points[i].name, name) == 0)
      return &d->points[i];
  return NULL;
}

/* A device `thing` that uses fake/thing, whose text is `mapping`, with `with` as more of its keys. */
static TT_UNUSED void put_thing(const char *mapping, const char *more)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text,
                "connections:\n  net: {protocol: fake, host: h}\ndevices:\n"
                "  thing: {uses: fake/thing, connection: net%s}\n",
                more);
  put("thingtree.yaml", text.data);
  text.len = 0;
  tt_buf_printf(&text, "protocol: fake\n%s", mapping);
  put("mappings/fake/thing.yaml", text.data);
}

/* A list of `n` lines, each `format` with its number twice at most. */
static TT_UNUSED void add_many(struct tt_buf *out, unsigned n, const char *format)
{
  for (unsigned i = 0; i < n; i++)
    tt_buf_printf(out, format, i, i);
}
