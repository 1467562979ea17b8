/* SPDX-License-Identifier: Apache-2.0
 * What a bridge is tried in. */
#include "world.h"

#include "service/loop.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

struct tt_isolation world_isolation;

/* ---- Configuration ------------------------------------------------------------------------------------------ */
static void put(const char *dir, const char *name, const char *text)
{
  char path[400];
  snprintf(path, sizeof(path), "%s/%s", dir, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void put_devices(const char *dir, const struct world_text *text)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  char with[200];
  tt_buf_puts(&out, "devices:\n");
  for (unsigned i = 0; i < text->n; i++) {
    text->with(with, sizeof(with), i);
    tt_buf_printf(&out, "  d%u: {uses: %s/conformance, connection: " BRIDGE ", with: {%s}}\n", i, text->protocol,
                  with);
  }
  put(dir, "devices.yaml", out.data);
}

static const struct tt_bridge_ops *find_bridge(void *user, const char *protocol)
{
  const struct tt_bridge_ops *ops = user;
  return strcmp(ops->name, protocol) == 0 ? ops : NULL;
}

void world_load(struct world *w, const struct tt_bridge_ops *ops, const struct world_text *text)
{
  char dir[] = "/tmp/tt-conformance-XXXXXX", path[300], command[64], top[WORLD_FILE], mapping[WORLD_FILE];
  const char *names[] = {ops->name, NULL};
  assert_non_null(mkdtemp(dir));
  snprintf(top, sizeof(top),
           "version: 1\npoll:\n  often: {every: 1s, max_age: 1s}\nconnections:\n  " BRIDGE
           ":\n    protocol: %s\n    isolate: %s\n%s\ninclude: [devices.yaml, more.yaml]\nmappings: [mappings]\n",
           text->protocol, world_isolation.program ? "true" : "false", text->connection);
  snprintf(mapping, sizeof(mapping), "mapping: %s/conformance\nversion: 1\nprotocol: %s\n%s", text->protocol,
           text->protocol, text->mapping);
  snprintf(path, sizeof(path), "%s/mappings", dir);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof(path), "%s/mappings/%s", dir, text->protocol);
  assert_int_equal(mkdir(path, 0700), 0);
  snprintf(path, sizeof(path), "mappings/%s/conformance.yaml", text->protocol);
  put(dir, path, mapping);
  put(dir, "thingtree.yaml", top);
  put_devices(dir, text);
  put(dir, "more.yaml", text->more ? text->more : "");
  snprintf(path, sizeof(path), "%s/thingtree.yaml", dir);
  struct tt_config_env env = {.file = path, .bridge = find_bridge, .names = names, .user = (void *)(uintptr_t)ops};
  assert_int_equal(tt_config_load(&env, &w->config, &w->diags), 0);
  snprintf(command, sizeof(command), "rm -r %s", dir);
  assert_int_equal(system(command), 0);
}

void world_unload(struct world *w)
{
  tt_diags_destroy(w->diags);
  tt_config_destroy(w->config);
  w->config = NULL;
}

/* ---- A core without locks on its doors ---------------------------------------------------------------------- */
static enum tt_role on_role(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED)
{
  return TT_ROLE_ADMIN;
}

static enum tt_sight on_sight(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                              const struct tt_node *node TT_UNUSED)
{
  return TT_SIGHT_FULL;
}

static void on_check(void *user TT_UNUSED, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  struct tt_grant grant = {query->nodes[0], query->names, query->n_names, true};
  assert_int_equal(query->n_nodes, 1);
  fn(fn_user, TT_OK, &grant, 1);
}

static uint64_t on_decision(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                            const struct tt_node *node TT_UNUSED, const char *parameter TT_UNUSED,
                            const struct tt_value *old TT_UNUSED, const struct tt_value *value TT_UNUSED)
{
  return 1;
}

static uint64_t on_command(void *user TT_UNUSED, const struct tt_caller *caller TT_UNUSED,
                           const struct tt_node *node TT_UNUSED, const struct tt_command *command TT_UNUSED,
                           const struct tt_value values[] TT_UNUSED)
{
  return 1;
}

static void on_outcome(void *user TT_UNUSED, uint64_t id TT_UNUSED, enum tt_refusal result TT_UNUSED,
                       const char *text TT_UNUSED)
{
}

/* ---- Loop ----------------------------------------------------------------------------------------------------- */
uint64_t world_now(void)
{
  return tt_loop_clock().mono_us;
}

static void step(struct world *w, uint64_t wait_us, bool is_new_turn)
{
  int r = sd_event_prepare(w->event);
  if (r == 0)
    r = sd_event_wait(w->event, wait_us);
  if (is_new_turn)
    tt_core_turn(w->core, tt_loop_clock());
  if (r > 0)
    assert_true(sd_event_dispatch(w->event) >= 0);
}

void world_turn(struct world *w, uint64_t wait_us)
{
  step(w, wait_us, true);
}

void world_same_turn(struct world *w)
{
  step(w, 0, false);
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */
void world_open(struct world *w, const struct tt_bridge_ops *ops, const struct world_text *text)
{
  *w = (struct world){0};
  world_load(w, ops, text);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(w->diags, false, &out);
  if (w->diags->n > 0)
    fail_msg("%s", out.data);
  assert_true(sd_event_new(&w->event) >= 0);
  w->core = tt_core_create();
  tt_core_turn(w->core, tt_loop_clock());
  tt_core_set_poll_classes(w->core, w->config->polls, w->config->n_polls);
  tt_core_set_access(w->core, (struct tt_access_hooks){.role = on_role, .sight = on_sight, .check = on_check});
  tt_core_set_audit(w->core,
                    (struct tt_audit_hooks){.decision = on_decision, .outcome = on_outcome, .command = on_command});
  assert_int_equal(tt_host_create(w->event, w->core, w->config, &w->host), 0);
  tt_host_isolation(w->host, &world_isolation);
  if (text->found)
    tt_host_listen(w->host, text->found);
  w->hooks = tt_host_devices(w->host);
  tt_core_set_devices(w->core, w->hooks);
  tt_host_start(w->host);
}

static void on_stopped(void *user)
{
  struct world *w = user;
  w->is_stopped = true;
  w->n_stopped++;
}

void world_stop(struct world *w)
{
  tt_host_stop(w->host, on_stopped, w);
}

void world_close(struct world *w)
{
  world_stop(w);
  WAIT_WITHIN(w, w->is_stopped, 2000 * MS);
  assert_true(tt_host_is_stopped(w->host));
  assert_int_equal(w->n_stopped, 1);
  assert_int_equal(world_status(w).breaches, 0);
  tt_host_destroy(w->host);
  tt_core_destroy(w->core);
  sd_event_unref(w->event);
  world_unload(w);
}

/* ---- Requests ------------------------------------------------------------------------------------------------- */
static void on_answer(void *user, int error, const char *text)
{
  struct answer *answer = user;
  struct tt_node *node = tt_tree_get(tt_core_tree(answer->w->core), answer->node);
  answer->calls++;
  answer->error = error;
  answer->at_us = world_now();
  answer->number = node ? tt_value_number(&node->fields[answer->point].value) : NAN;
  snprintf(answer->text, sizeof(answer->text), "%s", text ? text : "");
}

static uint16_t point_of(struct world *w, const char *key, const char *name)
{
  uint16_t point;
  assert_int_equal(tt_node_point(world_node(w, key), name, &point), 0);
  return point;
}

int world_read(struct world *w, const char *key, const char *point, uint64_t deadline_us, struct answer *answer)
{
  *answer = (struct answer){.w = w, .node = world_node(w, key)->id, .point = point_of(w, key, point)};
  return w->hooks.read(w->hooks.user, answer->node, &answer->point, 1, deadline_us, on_answer, answer);
}

int world_read_all(struct world *w, const char *key, uint64_t deadline_us, struct answer *answer)
{
  struct tt_node *node = world_node(w, key);
  uint16_t points[16];
  assert_true(node->n_points <= TT_COUNT(points));
  *answer = (struct answer){.w = w, .node = node->id};
  for (uint16_t i = 0; i < node->n_points; i++)
    points[i] = i;
  return w->hooks.read(w->hooks.user, node->id, points, node->n_points, deadline_us, on_answer, answer);
}

int world_write(struct world *w, const char *key, const char *point, int64_t value, uint64_t deadline_us,
                struct answer *answer)
{
  *answer = (struct answer){.w = w, .node = world_node(w, key)->id, .point = point_of(w, key, point)};
  return w->hooks.write(w->hooks.user, answer->node, answer->point, &TT_VALUE_INT64(value), deadline_us, on_answer,
                        answer);
}

int world_command(struct world *w, const char *key, const char *command, int64_t value, uint64_t deadline_us,
                  struct answer *answer)
{
  uint16_t index;
  *answer = (struct answer){.w = w, .node = world_node(w, key)->id, .point = point_of(w, key, "level")};
  assert_int_equal(tt_node_command(world_node(w, key), command, &index), 0);
  return w->hooks.command(w->hooks.user, answer->node, index, &TT_VALUE_INT64(value), deadline_us, on_answer,
                          answer);
}

static void on_executed(void *user, const struct tt_execute_result *result)
{
  struct execute_answer *answer = user;
  answer->calls++;
  answer->refusal = result->refusal;
  snprintf(answer->text, sizeof(answer->text), "%s", result->text ? result->text : "");
}

void world_execute(struct world *w, const char *key, const char *command, const char *name, const char *value,
                   struct execute_answer *answer)
{
  static const struct tt_caller caller = {.kind = TT_CALLER_CLI, .jid = "uid:0", .bare = "uid:0", .language = ""};
  struct tt_assignment argument = {name, TT_TYPE_NONE, value};
  *answer = (struct execute_answer){0};
  tt_command_execute(
      w->core,
      &(struct tt_execute_request){
          .caller = &caller, .ref = {key, "", ""}, .command = command, .arguments = &argument, .n_arguments = 1},
      on_executed, answer);
}

static void on_set(void *user, const struct tt_set_result *result)
{
  struct set_answer *answer = user;
  answer->calls++;
  answer->refusal = result->refusal;
}

void world_set(struct world *w, const char *key, const char *name, const char *value, struct set_answer *answer)
{
  static const struct tt_caller caller = {.kind = TT_CALLER_CLI, .jid = "uid:0", .bare = "uid:0", .language = ""};
  struct tt_ref ref = {key, "", ""};
  struct tt_assignment assignment = {name, TT_TYPE_NONE, value};
  *answer = (struct set_answer){0};
  tt_control_start(w->core, &(struct tt_set_request){&caller, &ref, 1, &assignment, 1}, on_set, answer);
}

/* ---- What is known -------------------------------------------------------------------------------------------- */
static void on_candidate(void *user, const struct tt_candidate *candidate)
{
  struct world_found *found = user;
  size_t used = strlen(found->all);
  if (++found->n > WORLD_FOUND_SHOWN)
    return;
  used +=
      (size_t)snprintf(found->all + used, sizeof found->all - used, "%s \"%s\"", candidate->id, candidate->name);
  for (size_t i = 0; i < candidate->n_facts && used < sizeof found->all; i++)
    used += (size_t)snprintf(found->all + used, sizeof found->all - used, " %s=%s", candidate->facts[i].name,
                             candidate->facts[i].value);
  if (used < sizeof found->all)
    snprintf(found->all + used, sizeof found->all - used, "\n");
}

static void on_discovered(void *user, int error, const char *text)
{
  struct world_found *found = user;
  found->done++;
  found->error = error;
  snprintf(found->text, sizeof found->text, "%s", text ? text : "");
}

void world_discover(struct world *w, uint64_t us, struct world_found *found)
{
  const struct tt_discovery_fns fns = {found, on_candidate, on_discovered};
  *found = (struct world_found){0};
  assert_int_equal(tt_host_discover(w->host, BRIDGE, world_now() + us, &fns), 0);
  assert_int_equal(found->done, 0); /* never from within */
  WAIT_FOR(w, found->done > 0);
  assert_int_equal(found->done, 1);
}

struct tt_node *world_node(struct world *w, const char *key)
{
  struct tt_node *node = tt_tree_find(tt_core_tree(w->core), key, NULL, NULL);
  assert_non_null(node);
  return node;
}

double world_number(struct world *w, const char *key, const char *point)
{
  return tt_value_number(&world_node(w, key)->fields[point_of(w, key, point)].value);
}

uint64_t world_seen(struct world *w, const char *key, const char *point)
{
  return world_node(w, key)->fields[point_of(w, key, point)].seen_us;
}

const char *world_field_error(struct world *w, const char *key, const char *point)
{
  return world_node(w, key)->field_errors[point_of(w, key, point)];
}

const char *world_message(struct world *w, const char *key, const char *code)
{
  struct tt_node *node = world_node(w, key);
  for (size_t i = 0; i < node->n_messages; i++)
    if (strcmp(node->messages[i].code, code) == 0)
      return node->messages[i].text;
  return NULL;
}

struct tt_connection_status world_status(struct world *w)
{
  return tt_host_connection(w->host, 0);
}

bool world_is(struct world *w, const char *state)
{
  return strcmp(world_status(w).state, state) == 0;
}

unsigned world_fds(void)
{
  unsigned n = 0;
  DIR *dir = opendir("/proc/self/fd");
  assert_non_null(dir);
  while (readdir(dir))
    n++;
  closedir(dir);
  return n;
}
