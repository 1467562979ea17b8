/* SPDX-License-Identifier: Apache-2.0
 * What the tests of a reload share: a configuration with two devices of config_world.h's bridge, and all that takes up
 * another one. The bridge does not run. */
#pragma once

#include "config_world.h"

#include "describe.h"
#include "service/loop.h"
#include "trust/access.h"
#include "xmpp/router.h"

#include <systemd/sd-event.h>

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

static void put_config(const char *more_devices, const char *access)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(
      &text,
      "version: 1\nconnections: {c: {protocol: fake, host: h}}\nmappings: [mappings]\n"
      "devices: {thing: {uses: fake/thing, connection: c}, other: {uses: fake/thing, connection: c}%s}\n%s",
      more_devices, access);
  put("thingtree.yaml", text.data);
}

static TT_UNUSED const char *more_at_start = "";

static int open_all(void **state)
{
  static const char *const names[] = {"bare", "fake", NULL};
  static char state_dir[64];
  assert_int_equal(setup(state), 0);
  snprintf(state_dir, sizeof state_dir, "%s/state", w.dir);
  assert_int_equal(mkdir(state_dir, 0700), 0);
  put("mappings/fake/thing.yaml", "version: 1\nprotocol: fake\npoints: {}\n");
  put_config("", more_at_start);
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
  tt_core_set_access(g.core, tt_access_hooks(g.access, g.core));
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
