/* SPDX-License-Identifier: Apache-2.0
 *
 * change.c: another configuration for a host that runs. Everything that may fail is made before the first thing is
 * changed. What is taken over of the new configuration is a copy with memory of its own, so that the last device of an
 * old configuration does not keep all of it; what is the same stays with the memory it has.
 */
#include "entry.h"
#include "instance.h"
#include "service/log.h"

#define ENTRY_MEMORY_MAX (64u * 1024 * 1024) /* of one device */

void hold_release(struct hold *hold)
{
  tt_config_destroy(hold->whole);
  tt_arena_wipe(hold->own); /* secrets are in it */
  tt_arena_destroy(hold->own);
  *hold = (struct hold){0};
}

/* ---- The plan --------------------------------------------------------------------------------------------------- */

struct new_device {
  const struct tt_device_entry *entry;
  const char *connection; /* NULL: none */
  const struct tt_bridge_ops *ops;
  struct hold hold;
  struct tt_field *fields; /* values that it begins with, one per point; NULL */
  size_t n_fields;
};

struct plan {
  struct tt_host *host;
  struct tt_config *config;
  const struct tt_only *only;
  struct tt_host_changes changes;
  struct new_device *devices; /* to be made, in order of the files */
  size_t n_devices;
  struct {
    const struct tt_connection_config *config;
    struct hold hold;
    struct tt_bridge *made;          /* a new one, which has not begun; NULL: it is there and becomes another */
  } connections[TT_CONNECTIONS_MAX]; /* to be made or changed */
  size_t n_connections;
  const char **keys; /* of all devices of the configuration, sorted */
};

static void free_fields(struct new_device *new)
{
  for (size_t i = 0; i < new->n_fields; i++)
    tt_value_finish(&new->fields[i].value);
  free(new->fields);
  new->fields = NULL;
  new->n_fields = 0;
}

static void plan_finish(struct plan *plan)
{
  for (size_t i = 0; i < plan->n_devices; i++) {
    free_fields(&plan->devices[i]);
    hold_release(&plan->devices[i].hold);
  }
  for (size_t i = 0; i < plan->n_connections; i++)
    hold_release(&plan->connections[i].hold);
  free(plan->devices);
  free(plan->keys);
}

static int by_key(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_asked_for(const struct plan *plan, const char *key)
{
  bool is_asked = !plan->only;
  for (size_t i = 0; plan->only && i < plan->only->n && !is_asked; i++)
    is_asked = strcmp(plan->only->keys[i], key) == 0;
  return is_asked;
}

static int plan_connection(struct plan *plan, const struct tt_connection_config *c)
{
  struct tt_arena *arena = tt_arena_create(ENTRY_MEMORY_MAX);
  struct tt_connection_config *copy = arena ? tt_arena_alloc(arena, sizeof(*copy)) : NULL;
  int r = copy ? tt_entry_copy_connection(c, arena, copy) : -ENOMEM;
  if (r < 0) {
    tt_arena_destroy(arena);
    return r;
  }
  plan->connections[plan->n_connections].config = copy;
  plan->connections[plan->n_connections++].hold = (struct hold){.own = arena};
  return 0;
}

static int plan_connections(struct plan *plan)
{
  const struct tt_config *config = plan->config;
  const struct tt_host *host = plan->host;
  int r = 0;
  for (size_t i = 0; i < config->n_connections && r == 0; i++) {
    const struct tt_connection_config *c = &config->connections[i];
    const struct tt_bridge *bridge = bridge_find(host, c->name);
    bool is_known = bridge && !bridge->is_leaving, is_wanted = !plan->only;
    for (size_t k = 0; plan->only && k < config->n_devices; k++)
      is_wanted |= config->devices[k].connection == i && is_asked_for(plan, config->devices[k].config.key);
    if (is_known && (plan->only || tt_entry_same_connection(target_of(bridge), c))) {
      plan->changes.connections_unchanged++;
    } else if (is_wanted) {
      r = plan_connection(plan, c);
      plan->changes.connections_changed += is_known;
      plan->changes.connections_added += !is_known;
    }
  }
  return r;
}

static const struct tt_connection_config *connection_of(const struct tt_config *config,
                                                        const struct tt_device_entry *entry)
{
  return entry->connection < config->n_connections ? &config->connections[entry->connection] : NULL;
}

static int plan_device(struct plan *plan, const struct tt_device_entry *entry)
{
  const struct tt_connection_config *c = connection_of(plan->config, entry);
  struct tt_arena *arena = tt_arena_create(ENTRY_MEMORY_MAX);
  struct tt_device_entry *copy = arena ? tt_arena_alloc(arena, sizeof(*copy)) : NULL;
  int r = copy ? tt_entry_copy_device(entry, c ? c->ops : NULL, arena, copy) : -ENOMEM;
  if (r < 0) {
    tt_arena_destroy(arena);
    return r;
  }
  plan->devices[plan->n_devices++] = (struct new_device){
      .entry = copy, .connection = c ? c->name : NULL, .ops = c ? c->ops : NULL, .hold = {.own = arena}};
  return 0;
}

static bool is_same_device(const struct tt_device *device, const struct tt_device_entry *entry,
                           const struct tt_connection_config *c)
{
  const struct tt_bridge *bridge = device->bridge;
  const struct tt_connection_config of_old = {.name = bridge ? bridge->config->name : NULL,
                                              .ops = device->ops_of_entry};
  return tt_entry_same_device(device->entry, bridge ? &of_old : NULL, entry, c);
}

static int plan_devices(struct plan *plan)
{
  const struct tt_config *config = plan->config;
  int r = 0;
  plan->devices = calloc(config->n_devices + 1, sizeof(*plan->devices));
  if (!plan->devices)
    return -ENOMEM;
  for (size_t i = 0; i < config->n_devices && r == 0; i++) {
    const struct tt_device_entry *entry = &config->devices[i];
    const struct tt_device *device = device_find(plan->host, entry->config.key);
    if (!is_asked_for(plan, entry->config.key))
      continue;
    if (device && is_same_device(device, entry, connection_of(config, entry))) {
      plan->changes.unchanged++;
      continue;
    }
    r = plan_device(plan, entry);
    plan->changes.changed += device != NULL;
    plan->changes.added += !device;
  }
  return r;
}

/* ---- Values that stay ---------------------------------------------------------------------------------------- */

/* What is known of the points that are as they were, by the points of the new entry; NULL: nothing. */
static struct tt_field *keep_fields(const struct tt_device *device, const struct tt_device_entry *entry,
                                    const struct tt_bridge_ops *ops)
{
  const struct tt_node *node = tt_tree_get(tt_core_tree(device->host->core), device->node);
  const struct tt_device_config *old = &device->entry->config, *new = &entry->config;
  struct tt_field *fields = NULL;
  if (node && node->n_points > 0 && device->ops_of_entry == ops && !entry->is_disabled)
    fields = calloc(new->n_points + 1, sizeof(*fields));
  for (size_t i = 0; fields && i < new->n_points; i++) {
    uint16_t k;
    if (new->points[i].is_hidden || tt_node_point(node, new->points[i].name, &k) < 0 ||
        node->fields[k].seen_us == 0 || !tt_entry_same_point(ops, old, &old->points[k], new, &new->points[i]))
      continue;
    fields[i] = node->fields[k];
    fields[i].value = (struct tt_value){0};
    if (tt_value_copy(&node->fields[k].value, &fields[i].value) < 0)
      fields[i].seen_us = 0;
  }
  return fields;
}

static void restore_fields(const struct tt_device *device, const struct new_device *new)
{
  struct tt_tree *tree = tt_core_tree(device->host->core);
  struct tt_node *node = tt_tree_get(tree, device->node);
  for (size_t i = 0; node && i < node->n_points && i < new->n_fields; i++)
    if (new->fields[i].seen_us != 0)
      tt_node_restore(tree, host_now(device->host), node, (uint16_t)i, &new->fields[i]);
}

/* ---- Doing it --------------------------------------------------------------------------------------------------- */

/* Nothing of the bridge runs: it becomes what it is to be, and begins. */
void bridge_change(struct tt_bridge *bridge)
{
  struct tt_host *host = bridge->host;
  if (host->is_stopping)
    return;
  if (bridge->is_leaving && !bridge->devices) {
    tt_tree_remove(tt_core_tree(host->core), host_now(host), bridge->node);
    bridge_free(bridge);
    return;
  }
  if (!bridge->next_config)
    return;
  bool is_elsewhere = !tt_entry_same_place(bridge->config, bridge->next_config);
  hold_release(&bridge->hold);
  bridge->config = bridge->next_config;
  bridge->hold = bridge->next_hold;
  bridge->next_config = NULL;
  bridge->next_hold = (struct hold){0};
  free(bridge->link_text);
  bridge->link_text = NULL;
  for (const struct tt_device *device = bridge->devices; device; device = device->next) {
    struct tt_node *node = tt_tree_get(tt_core_tree(host->core), device->node);
    if (node && is_elsewhere) /* what is known may be of another device with the same address there */
      tt_node_forget(tt_core_tree(host->core), host_now(host), node);
    if (node)
      node->timeout_us = bridge->config->timeout_us;
  }
  bridge_judge(bridge);
  status_connection_show(bridge);
  bridge_start(bridge);
  status_touch(host);
}

static void change_later(struct tt_bridge *bridge, const struct tt_connection_config *config, struct hold hold)
{
  hold_release(&bridge->next_hold);
  bridge->next_config = config;
  bridge->next_hold = hold;
  bridge->is_leaving = false;
  if (bridge->phase == PHASE_RUNNING)
    bridge_stop(bridge);
  else if (bridge->phase == PHASE_IDLE)
    bridge_change(bridge);
}

static bool config_has(const struct tt_config *config, const char *connection)
{
  for (size_t i = 0; i < config->n_connections; i++)
    if (strcmp(config->connections[i].name, connection) == 0)
      return true;
  return false;
}

/* Devices that are no more go before others come: a place may take a key. */
static void remove_devices(struct plan *plan)
{
  struct tt_host *host = plan->host;
  struct tt_device *device, *next;
  HASH_ITER(hh_key, host->by_key, device, next) {
    const char *key = device->entry->config.key;
    if (!is_asked_for(plan, key) || bsearch(&key, plan->keys, plan->config->n_devices, sizeof(*plan->keys), by_key))
      continue;
    plan->changes.removed++;
    device_leave(device);
  }
}

static void remove_connections(struct plan *plan)
{
  struct tt_host *host = plan->host;
  for (size_t i = host->n_bridges; i-- > 0;) {
    struct tt_bridge *bridge = host->bridges[i];
    if (bridge->is_leaving || config_has(plan->config, bridge->config->name))
      continue;
    plan->changes.connections_removed++;
    hold_release(&bridge->next_hold);
    bridge->next_config = NULL;
    bridge->is_leaving = true;
    if (bridge->phase == PHASE_RUNNING)
      bridge_stop(bridge);
    else if (bridge->phase == PHASE_IDLE)
      bridge_change(bridge);
  }
}

static void change_connections(struct plan *plan)
{
  for (size_t i = 0; i < plan->n_connections; i++) {
    const struct tt_connection_config *config = plan->connections[i].config;
    struct hold hold = plan->connections[i].hold;
    plan->connections[i].hold = (struct hold){0};
    if (plan->connections[i].made)
      bridge_start(plan->connections[i].made);
    else
      change_later(bridge_find(plan->host, config->name), config, hold);
  }
}

/* Will what is at the other end of it be something else? */
static bool is_elsewhere(const struct plan *plan, const struct tt_bridge *bridge)
{
  for (size_t i = 0; i < plan->n_connections; i++)
    if (strcmp(plan->connections[i].config->name, bridge->config->name) == 0)
      return !tt_entry_same_place(bridge->config, plan->connections[i].config);
  return bridge->next_config && !tt_entry_same_place(bridge->config, bridge->next_config);
}

/* All that go, before any comes. */
static void leave_changed(struct plan *plan)
{
  for (size_t i = 0; i < plan->n_devices; i++) {
    struct new_device *new = &plan->devices[i];
    struct tt_device *device = device_find(plan->host, new->entry->config.key);
    if (!device)
      continue;
    if (device->bridge && new->connection && strcmp(device->bridge->config->name, new->connection) == 0 &&
        !is_elsewhere(plan, device->bridge))
      new->fields = keep_fields(device, new->entry, new->ops);
    new->n_fields = new->fields ? new->entry->config.n_points : 0;
    device_leave(device);
  }
}

/* There is no way back from here: what cannot be made is missing, and said. The next reload tries it again. */
static void make_devices(struct plan *plan)
{
  struct tt_host *host = plan->host;
  for (size_t i = 0; i < plan->n_devices; i++) {
    struct new_device *new = &plan->devices[i];
    struct hold hold = new->hold;
    struct tt_device *device = NULL;
    char *key TT_AUTOFREE = strdup(new->entry->config.key); /* the entry goes with a device that is not made */
    int r =
        device_create(host, new->connection ? bridge_find(host, new->connection) : NULL, new->entry, hold, &device);
    new->hold = (struct hold){0};
    if (r < 0)
      tt_log(TT_LOG_ERROR, key ? key : "a device", "is missing until the next reload: %s", strerror(-r));
    if (!device)
      continue;
    restore_fields(device, new);
    free_fields(new);
    (void)device_attach(device); /* has told its node, or waits */
  }
}

static void unmake_connections(struct plan *plan)
{
  for (size_t i = plan->n_connections; i-- > 0;) {
    struct tt_bridge *made = plan->connections[i].made;
    if (!made)
      continue;
    tt_tree_remove(tt_core_tree(plan->host->core), host_now(plan->host), made->node);
    bridge_free(made); /* with what keeps its configuration */
    plan->connections[i].made = NULL;
  }
}

/* What may fail and can be taken back: nothing runs by it yet. */
static int prepare(struct plan *plan)
{
  struct tt_host *host = plan->host;
  int r = 0;
  plan->keys = calloc(plan->config->n_devices + 1, sizeof(*plan->keys));
  if (!plan->keys)
    return -ENOMEM;
  for (size_t i = 0; i < plan->config->n_devices; i++)
    plan->keys[i] = plan->config->devices[i].config.key;
  qsort(plan->keys, plan->config->n_devices, sizeof(*plan->keys), by_key);
  for (size_t i = 0; i < plan->n_connections && r == 0; i++) {
    struct tt_bridge *made = NULL;
    if (bridge_find(host, plan->connections[i].config->name))
      continue;
    r = bridge_create(host, plan->connections[i].config, plan->connections[i].hold, &made);
    plan->connections[i].hold = (struct hold){0};
    plan->connections[i].made = made;
    if (r == 0)
      r = bridge_show(made);
  }
  if (r < 0)
    unmake_connections(plan);
  return r;
}

int tt_host_apply(struct tt_host *host, struct tt_config *config, const struct tt_only *only,
                  struct tt_host_changes *ret)
{
  struct plan *plan = calloc(1, sizeof(*plan));
  if (!plan)
    return -ENOMEM;
  *plan = (struct plan){.host = host, .config = config, .only = only};
  int r = plan_connections(plan);
  if (r == 0)
    r = plan_devices(plan);
  if (r == 0)
    r = prepare(plan);
  if (r == 0) {
    struct tt_config *before = host->config;
    host->config = tt_config_ref(config);
    tt_core_set_poll_classes(host->core, config->polls, config->n_polls);
    remove_devices(plan);
    leave_changed(plan);
    if (!only)
      remove_connections(plan);
    change_connections(plan);
    make_devices(plan);
    host_label_places(host);
    tt_config_destroy(before); /* its labels of places are in no node any more */
    status_show_disabled(host);
    status_show(host);
    *ret = plan->changes;
  }
  plan_finish(plan);
  free(plan);
  return r;
}

const char *tt_host_mapping(const struct tt_host *host, const char *key)
{
  const struct tt_device *device = device_find(host, key);
  return device ? device->entry->mapping : NULL;
}

const struct tt_config *tt_host_config(const struct tt_host *host)
{
  return host->config;
}

void tt_host_polls_used(const struct tt_host *host, bool ret[static TT_POLL_SLOTS_MAX])
{
  memset(ret, 0, TT_POLL_SLOTS_MAX * sizeof(*ret));
  for (const struct tt_device *device = host->by_key; device; device = device->hh_key.next) {
    const struct tt_device_config *config = &device->entry->config;
    for (size_t i = 0; i < config->n_points; i++)
      if (config->points[i].poll >= 0 && config->points[i].poll < TT_POLL_SLOTS_MAX)
        ret[config->points[i].poll] = true;
  }
}

const char *tt_host_would_disable(const struct tt_host *host, const struct tt_config *config)
{
  for (size_t i = 0; i < config->n_connections; i++) {
    const struct tt_connection_config *c = &config->connections[i];
    const struct tt_bridge *bridge = c->is_disabled ? bridge_find(host, c->name) : NULL;
    if (bridge && !bridge->is_leaving && !target_of(bridge)->is_disabled)
      return c->name;
  }
  for (size_t i = 0; i < config->n_devices; i++) {
    const struct tt_device_entry *entry = &config->devices[i];
    const struct tt_device *device = entry->is_disabled ? device_find(host, entry->config.key) : NULL;
    if (device && !device->entry->is_disabled)
      return entry->config.key;
  }
  return NULL;
}
