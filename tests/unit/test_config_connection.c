/* SPDX-License-Identifier: Apache-2.0
 * connection.c: connections that are written and those that are not, and the devices on them. */
#include "config_world.h"

static const struct tt_connection_config *connection(const char *name)
{
  for (size_t i = 0; i < w.config->n_connections; i++)
    if (strcmp(w.config->connections[i].name, name) == 0)
      return &w.config->connections[i];
  fail_msg("no connection %s", name);
  return NULL;
}

static void put_mappings(void)
{
  put("mappings/fake/thing.yaml", "protocol: fake\npoints: {a: {at: x, type: number, write: {to: y}}}\n");
  put("mappings/bare/thing.yaml", "protocol: bare\npoints: {a: {at: x, type: number}}\n");
}

static void test_options(void **state TT_UNUSED)
{
  put_n("credentials/pw", 0600, "hunter2", 7);
  put("thingtree.yaml", "connections:\n"
                        "  a: {protocol: fake, host: h, password: \"${credential:pw}\", timeout: 3s}\n"
                        "  b c: {protocol: fake, host: \"x${credential:pw}\", port: 0x10}\n"
                        "include: [more.yaml]\n");
  put("more.yaml", "connections: {c: {protocol: bare, timeout: 200ms}}\n");
  load_clean();
  assert_int_equal(w.config->n_connections, 3);
  const struct fake_connection *a = connection("a")->options, *b = connection("b c")->options;
  assert_string_equal(a->host, "h");
  assert_string_equal(a->password, "hunter2");
  assert_int_equal(a->port, 1883);
  assert_string_equal(b->host, "xhunter2");
  assert_int_equal(b->port, 16);
  assert_ptr_equal(connection("a")->ops, &fake);
  assert_false(connection("a")->is_implicit);
  assert_string_equal(connection("c")->mark.file, "more.yaml");
  /* `timeout` is the core's, unless the bridge has one */
  assert_int_equal(connection("a")->timeout_us, 3000000);
  assert_int_equal(connection("b c")->timeout_us, 10000000);
  assert_int_equal(connection("c")->timeout_us, 10000000);
  assert_int_equal(((const struct bare_connection *)connection("c")->options)->timeout_us, 200000);
}

static const struct tt_bridge_ops *find_apart(void *user TT_UNUSED, const char *protocol TT_UNUSED)
{
  static struct tt_bridge_ops apart; /* a bridge that is better kept apart */
  apart = bare;
  apart.is_isolated = true;
  return &apart;
}

/* In a process of its own: as the connection says, else as the bridge says, also for the one that nobody wrote. */
static void test_isolate(void **state TT_UNUSED)
{
  struct tt_config_env env = {.file = w.file, .bridge = find_apart};
  put_mappings();
  put("thingtree.yaml", "connections:\n  yes: {protocol: bare, isolate: true}\n"
                        "  no: {protocol: bare, isolate: false}\n  none: {protocol: bare}\n"
                        "  null: {protocol: bare, isolate: null}\n");
  load_clean();
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(w.config->connections[i].is_isolated, i == 0);
  put("more.yaml", "devices: {one: {uses: bare/thing}}\n");
  put("thingtree.yaml", "connections:\n  yes: {protocol: bare, isolate: true}\n"
                        "  no: {protocol: bare, isolate: false}\n  none: {protocol: bare}\n"
                        "include: [more.yaml]\n");
  forget();
  assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
  assert_clean();
  assert_int_equal(w.config->n_connections, 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(w.config->connections[i].is_isolated, i != 1);
  assert_true(connection("bare")->is_implicit && connection("bare")->is_isolated);
}

/* A write has the time of the connection when it has none of its own. */
static void test_timeout_of_writes(void **state TT_UNUSED)
{
  put_mappings();
  put("thingtree.yaml", "connections:\n  a: {protocol: fake, host: h, timeout: 3s}\n"
                        "  b: {protocol: fake, host: h}\ndevices:\n"
                        "  one: {uses: fake/thing, connection: a}\n  two: {uses: fake/thing, connection: b}\n"
                        "  three: {uses: fake/thing, connection: a}\n");
  load_clean();
  assert_int_equal(point("one", "a")->write->within_us, 3000000);
  assert_int_equal(point("two", "a")->write->within_us, 10000000);
  assert_int_equal(point("three", "a")->write->within_us, 3000000);
}

/* A device without `connection:` has the one named after its protocol, made when nobody wrote it. */
static void test_implicit(void **state TT_UNUSED)
{
  put_mappings();
  put("thingtree.yaml", "devices:\n  one: {uses: bare/thing}\n  two: {uses: bare/thing}\n");
  load_clean();
  assert_int_equal(w.config->n_connections, 1);
  assert_true(connection("bare")->is_implicit);
  assert_int_equal(((const struct bare_connection *)connection("bare")->options)->timeout_us, 1000000);
  assert_int_equal(device("two")->connection, 0);
  put("thingtree.yaml",
      "connections: {bare: {protocol: bare, timeout: 5s}}\ndevices:\n  one: {uses: bare/thing}\n");
  load_clean();
  assert_int_equal(w.config->n_connections, 1);
  assert_false(connection("bare")->is_implicit);
  assert_int_equal(device("one")->connection, 0);
}

static void test_implicit_needs_options(void **state TT_UNUSED)
{
  put_mappings();
  put("thingtree.yaml", "devices:\n  one: {uses: fake/thing}\n  two: {uses: fake/thing}\n");
  load();
  assert_said("thingtree.yaml:2:3 missing-key: connection fake needs the key \"host\"\n");
  assert_true(device("one")->is_disabled && device("two")->is_disabled);
  assert_string_equal(device("two")->error, "thingtree.yaml:2:3: connection fake needs the key \"host\"");
  assert_true(w.config->is_usable);
}

/* A broken connection disables its devices, which say why; the others run. */
static void test_broken(void **state TT_UNUSED)
{
  put_mappings();
  put("thingtree.yaml", "connections:\n  a: {protocol: fake, host: nowhere}\n  b: {protocol: fake, host: h}\n"
                        "  c: {protocol: fake, port: 1}\n  d: {protocol: fakee}\n  e: {protocol: old}\n"
                        "devices:\n  one: {uses: fake/thing, connection: a}\n"
                        "  two: {uses: fake/thing, connection: b}\n");
  load();
  assert_said("thingtree.yaml:2:3 broker: the host is nowhere\n" /* the bridge did not know where */
              "thingtree.yaml:4:3 missing-key: connection c needs the key \"host\"\n"
              "thingtree.yaml:5:17 unknown-protocol: there is no bridge for protocol \"fakee\"\n"
              "thingtree.yaml:6:17 unusable-bridge: bridge old is of another version\n");
  assert_string_equal(w.diags->messages[2].help[0], "did you mean \"fake\"?");
  assert_string_equal(w.diags->messages[2].help[1], "bridges: bare, fake");
  assert_true(connection("a")->is_disabled && !connection("b")->is_disabled && connection("e")->is_disabled);
  assert_null(connection("d")->ops);
  assert_string_equal(device("one")->error, "thingtree.yaml:2:3: the host is nowhere");
  assert_false(device("two")->is_disabled);
  assert_int_equal(w.config->n_disabled, 1);
}

static void test_unknown(void **state TT_UNUSED)
{
  put_mappings();
  put("thingtree.yaml", "connections: {house-net: {protocol: fake, host: h}}\ndevices:\n"
                        "  one: {uses: fake/thing, connection: house-nett}\n"
                        "  two: {uses: bare/thing, connection: house-net}\n");
  load();
  assert_said(
      "thingtree.yaml:3:39 unknown-connection: there is no connection \"house-nett\"\n"
      "thingtree.yaml:4:39 wrong-connection: mapping bare/thing speaks bare, and connection house-net fake\n");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"house-net\"?");
}

static void test_names(void **state TT_UNUSED)
{
  put("thingtree.yaml", "connections:\n  a/b: {protocol: bare}\n  \" a\": {protocol: bare}\n"
                        "  \"\": {protocol: bare}\n  \"a\\tb\": {protocol: bare}\n  a: {protocol: bare}\n"
                        "  a: {protocol: bare}\n");
  load();
  assert_int_equal(w.diags->n, 5);
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(w.diags->messages[i].code, "bad-name");
  assert_string_equal(w.diags->messages[4].code, "duplicate-key");
  assert_int_equal(w.config->n_connections, 1);
}

static void test_limits(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "connections:\n");
    add_many(&text, TT_CONNECTIONS_MAX + over, "  c%u: {protocol: bare}\n");
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.config->n_connections, TT_CONNECTIONS_MAX);
    if (over)
      assert_said("thingtree.yaml:202:3 too-many-connections: connection c200 is one too many (200)\n");
    else
      assert_clean();
  }
  put_mappings();
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "devices:\n");
    add_many(&text, TT_BRIDGE_DEVICES_MAX + over, "  d%u: {uses: bare/thing}\n");
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.config->n_disabled, over);
    if (over)
      assert_said("thingtree.yaml:1002:3 too-many-devices: connection bare can have 1000 devices\n");
    else
      assert_clean();
  }
}

/* All connections are taken, and a device needs one that nobody wrote. */
static void test_no_room_for_implicit(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  put_mappings();
  tt_buf_puts(&text, "connections:\n");
  add_many(&text, TT_CONNECTIONS_MAX, "  c%u: {protocol: bare}\n");
  tt_buf_puts(&text, "devices:\n  one: {uses: bare/thing}\n  two: {uses: bare/thing, connection: c0}\n");
  put("thingtree.yaml", text.data);
  load();
  assert_int_equal(w.diags->n, 1);
  assert_string_equal(w.diags->messages[0].code, "too-many-connections");
  assert_true(device("one")->is_disabled && !device("two")->is_disabled);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_options),
      TEST(test_isolate),
      TEST(test_timeout_of_writes),
      TEST(test_implicit),
      TEST(test_broken),
      TEST(test_implicit_needs_options),
      TEST(test_unknown),
      TEST(test_names),
      TEST(test_limits),
      TEST(test_no_room_for_implicit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
