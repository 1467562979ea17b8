/* SPDX-License-Identifier: Apache-2.0
 * gateway/describe.c: however often devices change their mind, it costs one file and one loading. */
#include "config_world.h"

#include "describe.h"
#include "service/loop.h"
#include "trust/access.h"
#include "xmpp/router.h"

#include <systemd/sd-event.h>

#define WAIT_US (20 * TT_USEC_PER_SEC)

static struct {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_host *host;
  struct tt_access *access;
  struct tt_router *router;
  struct tt_described *described;
  struct tt_reloader *reloader;
  struct tt_describer *describer;
} g;

static int open_all(void **state)
{
  static const char *const names[] = {"bare", "fake", NULL};
  static char state_dir[64];
  assert_int_equal(setup(state), 0);
  snprintf(state_dir, sizeof state_dir, "%s/state", w.dir);
  assert_int_equal(mkdir(state_dir, 0700), 0);
  put("mappings/fake/thing.yaml", "version: 1\nprotocol: fake\npoints: {}\n");
  put("thingtree.yaml", "version: 1\nconnections: {c: {protocol: fake, host: h}}\nmappings: [mappings]\n"
                        "devices: {thing: {uses: fake/thing, connection: c}, other: {uses: fake/thing, "
                        "connection: c}}\n");
  assert_int_equal(tt_described_create(state_dir, &g.described), 0);
  struct tt_config_env env = {.file = w.file,
                              .bridge = find_fake,
                              .names = names,
                              .described = tt_describer_get,
                              .described_user = g.described};
  assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
  assert_clean();
  assert_true(sd_event_new(&g.event) >= 0);
  g.core = tt_core_create();
  tt_core_turn(g.core, tt_loop_clock());
  assert_int_equal(tt_access_create(w.config->rules, w.config->n_rules, state_dir, &g.access), 0);
  assert_int_equal(tt_host_create(g.event, g.core, w.config, &g.host), 0);
  const struct tt_router_config router = {.core = g.core, .access = g.access, .stanza_max = 1000, .version = "0"};
  assert_int_equal(tt_router_create(&router, &g.router), 0);
  const struct tt_reloader_options options = {
      .env = env, .config = w.config, .host = g.host, .access = g.access, .router = g.router};
  assert_int_equal(tt_reloader_create(&options, &g.reloader), 0);
  assert_int_equal(tt_describer_create(g.event, g.described, g.host, g.reloader, &g.describer), 0);
  return 0;
}

static int close_all(void **state)
{
  tt_describer_destroy(g.describer);
  tt_host_destroy(g.host);
  tt_reloader_destroy(g.reloader);
  tt_router_destroy(g.router);
  tt_access_destroy(g.access);
  tt_core_destroy(g.core);
  tt_described_destroy(g.described);
  sd_event_unref(g.event);
  return teardown(state);
}

static void say(const char *key, unsigned n)
{
  char json[200];
  int size = snprintf(json, sizeof json, "{\"points\": {\"p%u\": {\"at\": \"x\", \"type\": \"string\"}}}", n);
  assert_int_equal(tt_describer_described(g.describer, key, json, (size_t)size), 0);
}

static bool has_point(const char *key, const char *name)
{
  const struct tt_node *node = tt_tree_find(tt_core_tree(g.core), key, NULL, NULL);
  uint16_t point;
  return node && tt_node_point(node, name, &point) == 0;
}

static bool is_kept(const char *key)
{
  char *text TT_AUTOFREE = tt_described_get(g.described, key, "fake/thing");
  return text;
}

static void test_a_storm(void **state)
{
  const struct tt_config *before = tt_host_config(g.host);
  uint64_t end_us = tt_loop_clock().mono_us + WAIT_US;
  (void)state;
  for (unsigned i = 0; i < 10000; i++)
    say("thing", i);
  say("other", 1);
  assert_false(is_kept("thing")); /* nothing was written */
  assert_ptr_equal(tt_host_config(g.host), before);
  while (!has_point("thing", "p9999")) {
    assert_true(tt_loop_clock().mono_us < end_us);
    assert_true(sd_event_run(g.event, 100 * TT_USEC_PER_MSEC) >= 0);
  }
  assert_true(has_point("other", "p1")); /* with the same loading */
  assert_true(is_kept("thing"));
}

/* What is the same as before is not loaded. */
static void test_nothing_new(void **state)
{
  static const char json[] = "{\"points\": {}}";
  uint64_t end_us = tt_loop_clock().mono_us + TT_USEC_PER_SEC;
  const struct tt_config *before = tt_host_config(g.host);
  (void)state;
  assert_int_equal(tt_described_set(g.described, "thing", "fake/thing", json, strlen(json)), 1);
  assert_int_equal(tt_describer_described(g.describer, "thing", json, strlen(json)), 0);
  assert_int_equal(tt_describer_described(g.describer, "nobody", json, strlen(json)), 0);
  while (tt_loop_clock().mono_us < end_us)
    assert_true(sd_event_run(g.event, 100 * TT_USEC_PER_MSEC) >= 0);
  assert_ptr_equal(tt_host_config(g.host), before);
  assert_false(is_kept("nobody"));
}

/* What nobody has taken up yet at the end is there at the next start. */
static void test_the_end(void **state)
{
  (void)state;
  say("thing", 1);
  say("other", 2);
  tt_describer_destroy(TT_STEAL(g.describer));
  assert_true(is_kept("thing"));
  assert_true(is_kept("other"));
}

static void test_limits(void **state)
{
  static char large[TT_DESCRIBED_MAX + 1];
  char key[20];
  (void)state;
  assert_int_equal(tt_describer_described(g.describer, "thing", large, sizeof large), -EMSGSIZE);
  for (unsigned i = 0; i < 256; i++) {
    snprintf(key, sizeof key, "d%u", i);
    assert_int_equal(tt_describer_described(g.describer, key, large, TT_DESCRIBED_MAX), 0);
  }
  assert_int_equal(tt_describer_described(g.describer, "thing", "{}", 2), -ENOSPC);
  assert_int_equal(tt_describer_described(g.describer, "d7", "{}", 2), 0); /* less than before */
  assert_int_equal(tt_describer_described(g.describer, "thing", "{}", 2), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_storm, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_nothing_new, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_the_end, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_limits, open_all, close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
