/* SPDX-License-Identifier: Apache-2.0
 * A core with three devices whose other end is this test: device requests wait in a list until the test answers
 * them, access answers at once, later or never. Shared by the tests of readout and control. */
#pragma once

#include "model/core.h"

#include <stdio.h>

#include "cmocka_all.h"

#define SECOND TT_USEC_PER_SEC

enum { TEMPERATURE, HUMIDITY, RELAY, SETPOINT, HIDDEN, MODE, N_POINTS };

static int world_address;
static struct tt_write world_relay = {.verify = TT_VERIFY_NONE, .verify_point = TT_NO_POINT};
static struct tt_write world_setpoint = {.has_range = true,
                                         .min = 5,
                                         .max = 30,
                                         .step = 0.5,
                                         .verify = TT_VERIFY_READBACK,
                                         .verify_point = TT_NO_POINT,
                                         .within_us = 3 * SECOND};
static struct tt_write world_mode = {.verify = TT_VERIFY_REPORT, .verify_point = TT_NO_POINT};
static const struct tt_map_entry world_modes[] = {{"0", {.type = TT_TYPE_ENUM, .text = (char[]){"day"}}},
                                                  {"1", {.type = TT_TYPE_ENUM, .text = (char[]){"night"}}}};
static const struct tt_point world_points[N_POINTS] = {
    [TEMPERATURE] = {.name = "temperature",
                     .type = TT_TYPE_QUANTITY,
                     .unit = "°C",
                     .decimals = TT_DECIMALS_FREE,
                     .categories = TT_CATEGORY_MOMENTARY,
                     .address = &world_address},
    [HUMIDITY] = {.name = "humidity",
                  .type = TT_TYPE_QUANTITY,
                  .unit = "%",
                  .decimals = TT_DECIMALS_FREE,
                  .categories = TT_CATEGORY_STATUS,
                  .poll = -1,
                  .address = &world_address},
    [RELAY] = {.name = "relay",
               .type = TT_TYPE_BOOLEAN,
               .categories = TT_CATEGORY_MOMENTARY,
               .address = &world_address,
               .write = &world_relay},
    [SETPOINT] = {.name = "setpoint",
                  .type = TT_TYPE_QUANTITY,
                  .has_scale = true,
                  .scale = 0.1,
                  .decimals = 1,
                  .categories = TT_CATEGORY_MOMENTARY,
                  .address = &world_address,
                  .write = &world_setpoint},
    [HIDDEN] = {.name = "hidden", .type = TT_TYPE_BOOLEAN, .is_hidden = true, .address = &world_address},
    [MODE] = {.name = "mode",
              .type = TT_TYPE_ENUM,
              .n_map = 2,
              .map = world_modes,
              .categories = TT_CATEGORY_MOMENTARY,
              .address = &world_address,
              .write = &world_mode},
};

/* One request that reached the device. */
struct asked {
  bool is_write, is_open;
  tt_id node;
  char key[32];
  uint16_t points[N_POINTS];
  size_t n;
  struct tt_value raw;
  uint64_t deadline_us;
  tt_device_fn fn;
  void *fn_user;
};

enum access_mode { ACCESS_ALL, ACCESS_LATER, ACCESS_NONE };

struct world {
  struct tt_core *core;
  struct tt_now now;
  struct asked asked[64];
  size_t n_asked;
  int device_error; /* of the hooks themselves */
  enum access_mode mode;
  const char *denied;      /* this name is denied everywhere */
  const char *denied_node; /* nothing of this node is permitted, though it is seen */
  const char *unseen;      /* this node is not seen */
  enum tt_role role;
  struct {
    struct tt_access_query query;
    tt_id nodes[64];
    tt_access_fn fn;
    void *fn_user;
  } checks[16];
  size_t n_checks, n_refused, n_looked;
  bool audit_fails;
  char outcome[256]; /* the last text of the audit */
  struct tt_buf log; /* audit lines and whatever the test adds */
};

static enum tt_role world_role(void *user, const struct tt_caller *caller)
{
  (void)caller;
  return ((struct world *)user)->role;
}

static enum tt_sight world_sight(void *user, const struct tt_caller *caller, const struct tt_node *node)
{
  struct world *w = user;
  (void)caller;
  w->n_looked++;
  return w->unseen && !strcmp(node->key, w->unseen) ? TT_SIGHT_NONE : TT_SIGHT_FULL;
}

/* Grants what `denied` and `denied_node` leave. */
static void world_decide(struct world *w, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  size_t n = 0, n_names = query->n_names > N_POINTS ? query->n_names : N_POINTS;
  struct tt_grant *grants TT_AUTOFREE = calloc(query->n_nodes + 1, sizeof *grants);
  const char **names TT_AUTOFREE = calloc((query->n_nodes + 1) * n_names, sizeof *names);
  for (size_t i = 0; i < query->n_nodes && w->mode != ACCESS_NONE; i++) {
    struct tt_node *node = tt_tree_get(tt_core_tree(w->core), query->nodes[i]);
    if (!node || (w->denied_node && !strcmp(node->key, w->denied_node)))
      continue;
    struct tt_grant grant = {.node = node->id, .names = names + n * n_names, .is_all = true};
    for (size_t j = 0; j < (query->n_names ? query->n_names : node->n_points); j++) {
      const char *name = query->n_names ? query->names[j] : node->points[j].name;
      if (w->denied && !strcmp(name, w->denied))
        grant.is_all = false;
      else
        names[n * n_names + grant.n_names++] = name;
    }
    if (grant.n_names > 0 || grant.is_all)
      grants[n++] = grant;
  }
  fn(fn_user, n > 0 ? TT_OK : TT_REFUSED_FORBIDDEN, grants, n);
}

static void world_check(void *user, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  struct world *w = user;
  if (w->mode != ACCESS_LATER) {
    world_decide(w, query, fn, fn_user);
    return;
  }
  assert_true(w->n_checks < TT_COUNT(w->checks) && query->n_nodes <= 64);
  w->checks[w->n_checks].query = *query;
  memcpy(w->checks[w->n_checks].nodes, query->nodes, query->n_nodes * sizeof *query->nodes);
  w->checks[w->n_checks].fn = fn;
  w->checks[w->n_checks++].fn_user = fn_user;
}

/* Answer a check that waits: names are those asked for, so only for requests without a name filter. */
static TT_UNUSED void world_answer_check(struct world *w, size_t i)
{
  w->mode = ACCESS_ALL;
  struct tt_access_query query = w->checks[i].query;
  query.nodes = w->checks[i].nodes;
  query.n_names = 0;
  world_decide(w, &query, w->checks[i].fn, w->checks[i].fn_user);
}

static int world_ask(struct world *w, struct asked asked)
{
  struct tt_node *node = tt_tree_get(tt_core_tree(w->core), asked.node);
  assert_non_null(node);
  if (w->device_error < 0)
    return w->device_error;
  assert_true(w->n_asked < TT_COUNT(w->asked));
  snprintf(asked.key, sizeof asked.key, "%s", node->key);
  asked.is_open = true;
  w->asked[w->n_asked++] = asked;
  return 0;
}

static int world_read(void *user, tt_id node, const uint16_t points[], size_t n, uint64_t deadline_us,
                      tt_device_fn fn, void *fn_user)
{
  struct asked asked = {.node = node, .n = n, .deadline_us = deadline_us, .fn = fn, .fn_user = fn_user};
  assert_in_range(n, 1, N_POINTS);
  memcpy(asked.points, points, n * sizeof *points);
  return world_ask(user, asked);
}

static int world_write(void *user, tt_id node, uint16_t point, const struct tt_value *raw, uint64_t deadline_us,
                       tt_device_fn fn, void *fn_user)
{
  struct asked asked = {.is_write = true,
                        .node = node,
                        .points = {point},
                        .n = 1,
                        .deadline_us = deadline_us,
                        .fn = fn,
                        .fn_user = fn_user};
  assert_int_equal(tt_value_copy(raw, &asked.raw), 0);
  int r = world_ask(user, asked);
  if (r < 0)
    tt_value_finish(&asked.raw);
  return r;
}

/* The device answers the request. */
static TT_UNUSED void world_done(struct world *w, size_t i, int error, const char *text)
{
  assert_true(i < w->n_asked && w->asked[i].is_open);
  w->asked[i].is_open = false;
  w->asked[i].fn(w->asked[i].fn_user, error, text);
}

static uint64_t world_decision(void *user, const struct tt_caller *caller, const struct tt_node *node,
                               const char *parameter, const struct tt_value *old, const struct tt_value *value)
{
  struct world *w = user;
  (void)caller;
  if (w->audit_fails)
    return 0;
  tt_buf_printf(&w->log, "[%s.%s ", node->key, parameter);
  if (old)
    tt_value_print(old, &w->log);
  tt_buf_puts(&w->log, ">");
  tt_value_print(value, &w->log);
  tt_buf_puts(&w->log, "]");
  return 7;
}

static void world_outcome(void *user, uint64_t id, enum tt_refusal result, const char *text)
{
  struct world *w = user;
  assert_int_equal(id, 7);
  snprintf(w->outcome, sizeof w->outcome, "%s", text ? text : "");
  tt_buf_printf(&w->log, "[%d]", (int)result);
}

static void world_refused(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node)
{
  (void)caller;
  (void)op;
  (void)node;
  ((struct world *)user)->n_refused++;
}

static const struct tt_poll_class world_classes[] = {{.name = "normal", .max_age_us = 2 * SECOND}};

static struct world *world_create(void)
{
  static const char *const keys[] = {"lamp", "fan", "meter"};
  struct world *w = calloc(1, sizeof *w);
  struct tt_node *node;
  assert_non_null(w);
  w->now = (struct tt_now){.mono_us = 1000 * SECOND, .wall_us = UINT64_C(1700000000) * SECOND};
  w->role = TT_ROLE_OPERATOR;
  w->core = tt_core_create();
  assert_non_null(w->core);
  tt_core_turn(w->core, w->now);
  tt_core_set_poll_classes(w->core, world_classes, 1);
  tt_core_set_access(
      w->core, (struct tt_access_hooks){.user = w, .role = world_role, .sight = world_sight, .check = world_check});
  tt_core_set_audit(w->core,
                    (struct tt_audit_hooks){
                        .user = w, .decision = world_decision, .outcome = world_outcome, .refused = world_refused});
  tt_core_set_devices(w->core, (struct tt_device_hooks){.user = w, .read = world_read, .write = world_write});
  for (size_t i = 0; i < TT_COUNT(keys); i++) {
    struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                                .key = keys[i],
                                .place = i < 2 ? "house/hall" : "house",
                                .points = world_points,
                                .n_points = N_POINTS,
                                .timeout_us = 4 * SECOND};
    assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, &spec, &node), 0);
  }
  return w;
}

static void world_destroy(struct world *w)
{
  for (size_t i = 0; i < w->n_asked; i++)
    tt_value_finish(&w->asked[i].raw);
  tt_core_destroy(w->core);
  tt_buf_finish(&w->log);
  free(w);
}

static TT_UNUSED void world_pass(struct world *w, uint64_t us)
{
  w->now.mono_us += us;
  w->now.wall_us += us;
  tt_core_turn(w->core, w->now);
}

static TT_UNUSED struct tt_node *world_node(struct world *w, const char *key)
{
  return tt_tree_find(tt_core_tree(w->core), key, "", "");
}

static TT_UNUSED void world_report(struct world *w, const char *key, uint16_t point, struct tt_value raw)
{
  assert_int_equal(tt_node_report(tt_core_tree(w->core), w->now, world_node(w, key), point, &raw, 0, false), 0);
}

/* What has been logged since the last call. */
static TT_UNUSED const char *world_log(struct world *w)
{
  static char text[4096];
  snprintf(text, sizeof text, "%s", w->log.data ? w->log.data : "");
  tt_buf_truncate(&w->log, 0);
  return text;
}

static const struct tt_caller alice = {
    .kind = TT_CALLER_XMPP, .jid = "alice@example.org/a", .bare = "alice@example.org", .language = ""};
static TT_UNUSED const struct tt_caller alice_elsewhere = {
    .kind = TT_CALLER_XMPP, .jid = "alice@example.org/b", .bare = "alice@example.org", .language = ""};
static TT_UNUSED const struct tt_caller bob = {
    .kind = TT_CALLER_XMPP, .jid = "bob@example.org/a", .bare = "bob@example.org", .language = ""};
