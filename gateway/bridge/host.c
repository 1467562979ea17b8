/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c: the life of instances and devices, and what bridges tell about them.
 */
#include "isolate.h"

#include "service/log.h"
#include "text/text.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <utlist.h>

/* A bridge may log so many lines in a window, and so many states of it and its devices may change; the rest is counted. */
#define LOG_WINDOW_US  (10 * TT_USEC_PER_SEC)
#define LOG_LINES_MAX  20
#define LOG_STATES_MAX 300

static struct tt_tree *tree_of(const struct tt_host *host)
{
  return tt_core_tree(host->core);
}

void host_message(struct tt_host *host, tt_id id, const char *code, enum tt_message_type type, const char *text)
{
  struct tt_node *node = tt_tree_get(tree_of(host), id);
  if (node)
    tt_node_message(tree_of(host), host_now(host), node, code, type, text);
}

/* ---- What a bridge may ask about itself ------------------------------------------------------------------- */
static struct sd_event *bridge_event(struct tt_bridge *bridge)
{
  return bridge->host->event;
}

static const char *bridge_name(struct tt_bridge *bridge)
{
  return bridge->config->name;
}

static const void *bridge_options(struct tt_bridge *bridge)
{
  return bridge->config->options;
}

static void *bridge_state(struct tt_bridge *bridge)
{
  return bridge->state;
}

static struct tt_now bridge_now(struct tt_bridge *bridge)
{
  return host_now(bridge->host);
}

static struct tt_mailbox *bridge_mailbox(struct tt_bridge *bridge)
{
  return bridge->mailbox;
}

static const struct tt_device_config *device_config(struct tt_device *device)
{
  return &device->entry->config;
}

static void *device_state(struct tt_device *device)
{
  return device->state;
}

/* Has this line its place? */
static bool may_log(struct tt_bridge *bridge, unsigned *lines, unsigned max)
{
  uint64_t now_us = host_now(bridge->host).mono_us;
  if (now_us - bridge->log_window_us >= LOG_WINDOW_US) {
    if (bridge->log_left_out > 0)
      tt_log(TT_LOG_WARNING, bridge->config->name, "%u more lines were left out", bridge->log_left_out);
    bridge->log_window_us = now_us;
    bridge->log_lines = bridge->log_states = bridge->log_left_out = 0;
  }
  bool may = *lines < max;
  *lines += may;
  bridge->log_left_out += !may;
  return may;
}

static void bridge_log(struct tt_bridge *bridge, enum tt_log_level level, const char *text)
{
  if (may_log(bridge, &bridge->log_lines, LOG_LINES_MAX))
    tt_log(level, bridge->config->name, "%s", text);
}

static void state_log(struct tt_bridge *bridge, enum tt_log_level level, const char *about, const char *what,
                      const char *text)
{
  if (may_log(bridge, &bridge->log_states, LOG_STATES_MAX))
    tt_log(level, about, "%s%s", what, text);
}

void bridge_breach(struct tt_bridge *bridge, const char *what)
{
  if (bridge->count.breaches++ == 0)
    tt_log(TT_LOG_ERROR, bridge->config->name, "the bridge %s: a fault in the bridge, please report it", what);
  status_touch(bridge->host);
}

/* ---- State of connections and devices --------------------------------------------------------------------- */
static void tell_device(struct tt_device *device, const char *text)
{
  char said[TT_HOST_TEXT_MAX + 128];
  if (text)
    snprintf(said, sizeof(said), "connection %s: %s", device->bridge->config->name, text);
  host_message(device->host, device->node, "connection", TT_MESSAGE_ERROR, text ? said : NULL);
}

/* All devices of a connection share its fate. */
static void tell_devices(struct tt_bridge *bridge, const char *text)
{
  for (struct tt_device *device = bridge->devices; device; device = device->next)
    tell_device(device, text);
}

static void connection_state(struct tt_bridge *bridge, enum tt_link_state state, const char *text)
{
  enum tt_link_state before = bridge->link;
  if (bridge->phase != PHASE_RUNNING)
    return;
  if (state == TT_LINK_ONLINE)
    text = "";
  else if (state == TT_LINK_OFFLINE && !*text)
    text = TT_TR("not connected");
  if (state == before && strcmp(text, bridge->link_text ? bridge->link_text : "") == 0)
    return;

  bridge->link = state;
  free(bridge->link_text);
  bridge->link_text = *text ? strdup(text) : NULL;
  host_message(bridge->host, bridge->node, "connection", TT_MESSAGE_ERROR, state == TT_LINK_OFFLINE ? text : NULL);
  tell_devices(bridge, state == TT_LINK_OFFLINE ? text : NULL);
  if (state != before && state == TT_LINK_OFFLINE)
    state_log(bridge, TT_LOG_WARNING, bridge->config->name, "offline: ", text);
  else if (state != before && state == TT_LINK_ONLINE)
    state_log(bridge, TT_LOG_INFO, bridge->config->name, "online", "");
  if (before == TT_LINK_OFFLINE && state == TT_LINK_ONLINE)
    for (struct tt_device *device = bridge->devices; device; device = device->next)
      if (device->phase == PHASE_RUNNING)
        poll_start(device);
  status_show(bridge->host);
}

/* What was said last about it does not stand any more. */
static void device_unknown(struct tt_device *device)
{
  device->is_down = false;
  host_message(device->bridge->host, device->node, "offline", TT_MESSAGE_ERROR, NULL);
  status_touch(device->bridge->host);
}

void device_up(struct tt_device *device)
{
  if (!device->is_down)
    return;
  device_unknown(device);
  state_log(device->bridge, TT_LOG_INFO, device->entry->config.key, "answers again", "");
  poll_alive(device);
}

void device_down(struct tt_device *device, const char *text)
{
  if (device->bridge->link == TT_LINK_OFFLINE)
    return; /* the connection's message says it already */
  if (!device->is_down)
    state_log(device->bridge, TT_LOG_WARNING, device->entry->config.key, "offline: ", text);
  device->is_down = true;
  host_message(device->bridge->host, device->node, "offline", TT_MESSAGE_ERROR, text);
  status_touch(device->bridge->host);
}

static void device_link(struct tt_device *device, enum tt_link_state state, const char *text)
{
  if (device->phase != PHASE_RUNNING)
    return;
  switch (state) {
  case TT_LINK_OFFLINE:
    device_down(device, *text ? text : "offline");
    break;
  case TT_LINK_ONLINE:
    device_up(device);
    break;
  case TT_LINK_UNKNOWN: /* nothing was heard of it: no reason to say that it answers */
    if (device->is_down)
      device_unknown(device);
    break;
  }
}

static void device_fail(struct tt_device *device, const char *text)
{
  free(device->fail_text);
  device->fail_text = strdup(text);
}

/* ---- Values ----------------------------------------------------------------------------------------------- */
static struct tt_node *node_for(struct tt_device *device, uint16_t point)
{
  if (device->phase != PHASE_RUNNING)
    return NULL; /* on its way out */
  if (point >= device->entry->config.n_points) {
    bridge_breach(device->bridge, "reported a point that the device does not have");
    return NULL;
  }
  return tt_tree_get(tree_of(device->bridge->host), device->node);
}

static void report(struct tt_device *device, uint16_t point, const struct tt_value *raw, uint64_t stamp_us,
                   unsigned flags)
{
  struct tt_host *host = device->bridge->host;
  struct tt_node *node = node_for(device, point);
  bool is_retained = flags & TT_REPORT_RETAINED;
  if (!node)
    return;
  device->bridge->count.reports++;
  tt_node_report(tree_of(host), host_now(host), node, point, raw, stamp_us, is_retained);
  if (!is_retained)
    device_up(device);
  status_touch(host);
}

static void report_missing(struct tt_device *device, uint16_t point)
{
  struct tt_host *host = device->bridge->host;
  struct tt_node *node = node_for(device, point);
  if (node)
    tt_node_report_missing(tree_of(host), host_now(host), node, point);
}

static void report_error(struct tt_device *device, uint16_t point, const char *text)
{
  struct tt_host *host = device->bridge->host;
  struct tt_node *node = node_for(device, point);
  if (node)
    tt_node_report_error(tree_of(host), host_now(host), node, point, text);
}

/* ---- Devices ---------------------------------------------------------------------------------------------- */
static void attach_failed(struct tt_device *device, int error)
{
  struct tt_host *host = device->bridge->host;
  const char *why = device->fail_text ? device->fail_text : strerror(-error);
  tt_log(TT_LOG_ERROR, device->entry->config.key, "%s", why);
  host_message(host, device->node, "attach", TT_MESSAGE_ERROR, why);
}

static void device_finish(struct tt_device *device)
{
  device->phase = PHASE_IDLE;
  device->is_down = false;
  requests_detach(device);
  poll_finish(device);
  free(device->state);
  device->state = NULL;
}

/* The bridge has let go of it, or never had it. */
static void device_free(struct tt_device *device)
{
  if (device->bridge) {
    DL_DELETE(device->bridge->devices, device);
    device->bridge->n_leaving -= device->is_leaving;
  }
  free(device->fail_text);
  hold_release(&device->hold);
  free(device);
}

static void device_reap(struct tt_device *device)
{
  device_finish(device);
  device->bridge->count.devices--;
  if (!device->is_leaving)
    return;
  /* One of the same key may wait for this. */
  struct tt_device *heir = device_find(device->bridge->host, device->entry->config.key);
  device_free(device);
  if (heir)
    (void)device_attach(heir); /* has told its node */
}

/* Does one that had its key still leave? Bridges may know devices by their keys. */
static bool has_predecessor(const struct tt_device *device)
{
  const struct tt_device *other;
  DL_FOREACH(device->bridge->devices, other)
    if (other->is_leaving && strcmp(other->entry->config.key, device->entry->config.key) == 0)
      return true;
  return false;
}

/* Everything but the bridge's own part. */
static int device_prepare(struct tt_device *device)
{
  struct tt_bridge *bridge = device->bridge;
  free(device->fail_text);
  device->fail_text = NULL;
  if (bridge->count.devices >= TT_BRIDGE_DEVICES_MAX) {
    tt_fail(device, "one connection has at most %d devices", TT_BRIDGE_DEVICES_MAX);
    return -ENOSPC;
  }
  if (bridge->ops->device_size > 0 && !(device->state = calloc(1, bridge->ops->device_size)))
    return -ENOMEM;
  int r = requests_attach(device);
  return r < 0 ? r : poll_plan(device);
}

int device_attach(struct tt_device *device)
{
  struct tt_bridge *bridge = device->bridge;
  if (!bridge || bridge->phase != PHASE_RUNNING || device->phase != PHASE_IDLE || device->entry->is_disabled ||
      device->is_leaving)
    return -ENODEV;
  if (bridge->n_leaving > 0 && has_predecessor(device))
    return -EBUSY;
  int r = device_prepare(device);
  if (r >= 0) {
    device->phase = PHASE_RUNNING; /* it may report from within attach */
    r = bridge->ops->attach(bridge, device);
  }
  if (r < 0) {
    device_finish(device);
    attach_failed(device, r);
    return r;
  }
  bridge->count.devices++;
  host_message(bridge->host, device->node, "attach", TT_MESSAGE_ERROR, NULL);
  poll_start(device);
  return 0;
}

void device_lost(struct tt_device *device, int error)
{
  attach_failed(device, error);
  device->phase = PHASE_STOPPED;
  device->bridge->host->is_reap_due = true;
  requests_pump(device->bridge->host);
}

static void device_detached(struct tt_device *device)
{
  if (device->phase != PHASE_STOPPING) {
    bridge_breach(device->bridge, "let go of a device that was not asked for");
    return;
  }
  device->phase = PHASE_STOPPED;
  device->bridge->host->is_reap_due = true;
  requests_pump(device->bridge->host);
}

struct tt_device *device_find(const struct tt_host *host, const char *key)
{
  struct tt_device *device;
  HASH_FIND(hh_key, host->by_key, key, strlen(key), device);
  return device;
}

int tt_host_attach(struct tt_host *host, const char *key)
{
  struct tt_device *device = device_find(host, key);
  return device ? device_attach(device) : -ENODEV;
}

static int device_detach(struct tt_device *device)
{
  if (device->phase != PHASE_RUNNING || device->bridge->phase != PHASE_RUNNING)
    return -ENODEV;
  device->phase = PHASE_STOPPING; /* from here on nothing new is sent to it */
  requests_cancel(device, true);
  device->bridge->ops->detach(device->bridge, device);
  return 0;
}

int tt_host_detach(struct tt_host *host, const char *key)
{
  struct tt_device *device = device_find(host, key);
  return device ? device_detach(device) : -ENODEV;
}

void device_leave(struct tt_device *device)
{
  struct tt_bridge *bridge = device->bridge;
  struct tt_host *host = device->host;
  HASH_DELETE(hh_key, host->by_key, device);
  if (bridge)
    HASH_DELETE(hh, host->by_node, device);
  tt_tree_remove(tree_of(host), host_now(host), device->node);
  if (!bridge || device->phase == PHASE_IDLE) {
    device_free(device);
    return;
  }
  device->is_leaving = true;
  bridge->n_leaving++;
  (void)device_detach(device); /* else it is on its way already */
}

bool tt_host_is_attached(const struct tt_host *host, const char *key)
{
  const struct tt_device *device = device_find(host, key);
  return device && device->phase != PHASE_IDLE;
}

/* ---- Instances -------------------------------------------------------------------------------------------- */
static void bridge_disable(struct tt_bridge *bridge, const char *why)
{
  bridge->down = why;
  host_message(bridge->host, bridge->node, "connection", TT_MESSAGE_ERROR, why);
  tell_devices(bridge, why);
}

void bridge_judge(struct tt_bridge *bridge)
{
  const struct tt_connection_config *config = bridge->config;
  bool is_disabled = config->is_disabled || !config->ops;
  bridge->ops = is_disabled ? NULL : config->ops;
  bridge_disable(bridge, !is_disabled ? NULL : config->error ? config->error : "there is no such bridge");
  if (is_disabled)
    tt_log(TT_LOG_ERROR, config->name, "disabled: %s", bridge->down);
}

void bridge_start(struct tt_bridge *bridge)
{
  if (!bridge->ops || bridge->phase != PHASE_IDLE || bridge->host->is_stopping)
    return;
  int r = 0;
  if (bridge->config->is_isolated) {
    bridge->isolated = isolate_ops(bridge->config->ops);
    bridge->ops = &bridge->isolated;
  }
  if (bridge->ops->instance_size > 0 && !(bridge->state = calloc(1, bridge->ops->instance_size)))
    r = -ENOMEM;
  if (r >= 0)
    r = tt_mailbox_create(bridge->host->inbox, bridge, &bridge->mailbox);
  if (r >= 0) {
    bridge->phase = PHASE_RUNNING;
    bridge->host->n_running++;
    r = bridge->ops->start(bridge);
    if (r < 0) {
      bridge->phase = PHASE_IDLE;
      bridge->host->n_running--;
    }
  }
  if (r < 0) {
    tt_mailbox_destroy(bridge->mailbox);
    bridge->mailbox = NULL;
    free(bridge->state);
    bridge->state = NULL;
    tt_log(TT_LOG_ERROR, bridge->config->name, "cannot start: %s", strerror(-r));
    bridge_disable(bridge, TT_TR("the bridge could not be started"));
    return;
  }
  for (struct tt_device *device = bridge->devices; device; device = device->next)
    (void)device_attach(device); /* has told its node */
}

static void bridge_stopped(struct tt_bridge *bridge)
{
  if (bridge->phase != PHASE_STOPPING) {
    bridge_breach(bridge, "stopped without having been asked, or twice");
    return;
  }
  bridge->phase = PHASE_STOPPED;
  tt_mailbox_close(bridge->mailbox);
  bridge->host->is_reap_due = true;
  requests_pump(bridge->host);
}

static void bridge_reap(struct tt_bridge *bridge)
{
  discovery_end(bridge, -ECANCELED, "the connection was closed");
  struct tt_device *device, *next;
  DL_FOREACH_SAFE(bridge->devices, device, next)
  if (device->phase != PHASE_IDLE)
    device_reap(device);
  bridge->count.dropped += tt_mailbox_counts(bridge->mailbox).dropped;
  tt_mailbox_destroy(bridge->mailbox);
  bridge->mailbox = NULL;
  free(bridge->state);
  bridge->state = NULL;
  bridge->phase = PHASE_IDLE;
  bridge->link = TT_LINK_UNKNOWN;
  bridge->host->n_running--;
  bridge_change(bridge);
}

void host_reap(struct tt_host *host)
{
  if (!host->is_reap_due)
    return;
  host->is_reap_due = false;
  for (size_t i = host->n_bridges; i-- > 0;) { /* backwards: a bridge may go */
    struct tt_bridge *bridge = host->bridges[i];
    struct tt_device *device, *next;
    DL_FOREACH_SAFE(bridge->devices, device, next)
    if (device->phase == PHASE_STOPPED)
      device_reap(device);
    if (bridge->phase == PHASE_STOPPED)
      bridge_reap(bridge);
  }
  if (host->n_running == 0 && host->stopped_fn) {
    void (*fn)(void *user) = host->stopped_fn;
    host->stopped_fn = NULL;
    fn(host->stopped_user);
  }
}

void tt_host_isolation(struct tt_host *host, const struct tt_isolation *isolation)
{
  host->isolation = *isolation;
}

void tt_host_start(struct tt_host *host)
{
  for (size_t i = 0; i < host->n_bridges; i++)
    bridge_start(host->bridges[i]);
  status_show(host);
}

void bridge_stop(struct tt_bridge *bridge)
{
  if (bridge->phase != PHASE_RUNNING)
    return;
  bridge->phase = PHASE_STOPPING;
  for (struct tt_device *device = bridge->devices; device; device = device->next)
    if (device->phase != PHASE_IDLE)
      requests_cancel(device, true);
  bridge->ops->stop(bridge);
}

void tt_host_stop(struct tt_host *host, void (*fn)(void *user), void *user)
{
  if (host->is_stopping)
    return;
  host->is_stopping = true;
  host->stopped_fn = fn;
  host->stopped_user = user;
  host->is_reap_due = true; /* with nothing to stop, the pump tells so */
  requests_pump(host);
  for (size_t i = 0; i < host->n_bridges; i++)
    bridge_stop(host->bridges[i]);
}

bool tt_host_is_stopped(const struct tt_host *host)
{
  return host->n_running == 0;
}

static const struct tt_calls calls = {
    .event = bridge_event,
    .name = bridge_name,
    .options = bridge_options,
    .state = bridge_state,
    .now = bridge_now,
    .mailbox = bridge_mailbox,
    .device_config = device_config,
    .device_state = device_state,
    .connection_state = connection_state,
    .device_link = device_link,
    .fail = device_fail,
    .report = report,
    .report_missing = report_missing,
    .report_error = report_error,
    .done = request_done,
    .candidate = discovery_candidate,
    .describe = device_describe,
    .is_probing = device_is_probing,
    .probe = device_probe,
    .stopped = bridge_stopped,
    .detached = device_detached,
    .log = bridge_log,
};

/* ---- Making everything from the configuration --------------------------------------------------------------- */
/* Its node. -EEXIST and the like: it cannot be one. */
static int device_show(struct tt_device *device)
{
  struct tt_host *host = device->host;
  struct tt_bridge *bridge = device->bridge;
  const struct tt_device_entry *entry = device->entry;
  struct tt_node *node;
  bool is_disabled = entry->is_disabled || !bridge;
  struct tt_node_spec spec = {
      .kind = TT_NODE_DEVICE,
      .key = entry->config.key,
      .place = entry->place,
      .label = entry->label.n > 0 ? &entry->label : NULL,
      .type = entry->type,
      .vendor = entry->vendor,
      .model = entry->model,
      .points = is_disabled ? NULL : entry->config.points,
      .n_points = is_disabled ? 0 : entry->config.n_points,
      .commands = is_disabled ? NULL : entry->config.commands,
      .n_commands = is_disabled ? 0 : entry->config.n_commands,
      .timeout_us = bridge ? target_of(bridge)->timeout_us : 0,
      .is_disabled = is_disabled,
  };
  int r = tt_tree_add(tree_of(host), host_now(host), &spec, &node);
  if (r < 0)
    return r;
  device->node = node->id;
  if (is_disabled)
    host_message(host, node->id, "config", TT_MESSAGE_ERROR,
                 entry->error ? entry->error : TT_TR("its connection does not exist"));
  host_message(host, node->id, "description", TT_MESSAGE_WARNING, entry->notice);
  return 0;
}

int device_create(struct tt_host *host, struct tt_bridge *bridge, const struct tt_device_entry *entry,
                  struct hold hold, struct tt_device **ret)
{
  struct tt_device *device = calloc(1, sizeof(*device));
  if (!device) {
    hold_release(&hold);
    return -ENOMEM;
  }
  *device = (struct tt_device){.host = host,
                               .bridge = bridge,
                               .entry = entry,
                               .ops_of_entry = bridge ? target_of(bridge)->ops : NULL,
                               .hold = hold};
  if (bridge)
    DL_APPEND(bridge->devices, device);
  int r = device_show(device);
  if (r < 0) {
    if (r != -ENOMEM && r != -ENOSPC) {
      tt_log(TT_LOG_ERROR, entry->config.key, "cannot be a node: %s", strerror(-r));
      r = 0;
    }
    device_free(device);
    *ret = NULL;
    return r;
  }
  HASH_ADD_KEYPTR(hh_key, host->by_key, entry->config.key, strlen(entry->config.key), device);
  if (bridge) {
    HASH_ADD(hh, host->by_node, node, sizeof(device->node), device);
    if (bridge->down || bridge->link == TT_LINK_OFFLINE)
      tell_device(device, bridge->down ? bridge->down : bridge->link_text);
  }
  *ret = device;
  return 0;
}

int bridge_create(struct tt_host *host, const struct tt_connection_config *config, struct hold hold,
                  struct tt_bridge **ret)
{
  struct tt_bridge *bridge = calloc(1, sizeof(*bridge));
  struct tt_bridge **bridges = reallocarray(host->bridges, host->n_bridges + 1, sizeof(struct tt_bridge *));
  if (bridges)
    host->bridges = bridges;
  if (!bridge || !bridges) {
    free(bridge);
    hold_release(&hold);
    return -ENOMEM;
  }
  *bridge = (struct tt_bridge){.calls = &calls, .host = host, .config = config, .hold = hold, .ops = config->ops};
  host->bridges[host->n_bridges++] = bridge;
  *ret = bridge;
  return 0;
}

int bridge_show(struct tt_bridge *bridge)
{
  int r = status_connection_create(bridge);
  if (r == 0)
    bridge_judge(bridge);
  return r;
}

void bridge_free(struct tt_bridge *bridge)
{
  struct tt_host *host = bridge->host;
  size_t i = 0;
  while (host->bridges[i] != bridge)
    i++;
  memmove(&host->bridges[i], &host->bridges[i + 1], (--host->n_bridges - i) * sizeof(struct tt_bridge *));
  sd_event_source_disable_unref(bridge->discovery.timer);
  free(bridge->link_text);
  hold_release(&bridge->hold);
  hold_release(&bridge->next_hold);
  free(bridge);
}

struct tt_bridge *bridge_find(const struct tt_host *host, const char *name)
{
  for (size_t i = 0; i < host->n_bridges; i++)
    if (strcmp(host->bridges[i]->config->name, name) == 0)
      return host->bridges[i];
  return NULL;
}

/* Places are there when something is below them. */
void host_label_places(struct tt_host *host)
{
  struct tt_tree *tree = tree_of(host);
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    if (node->kind == TT_NODE_PLACE && node->label)
      tt_tree_set_label(tree, node->id, NULL);
  for (size_t i = 0; i < host->config->n_places; i++) {
    const struct tt_place_config *place = &host->config->places[i];
    const struct tt_node *node = tt_tree_find(tree, place->path, NULL, NULL);
    if (node)
      tt_tree_set_label(tree, node->id, &place->label);
  }
}

static int make(struct tt_host *host)
{
  struct tt_config *config = host->config;
  int r = tt_inbox_create(host->event, &host->inbox);
  if (r >= 0)
    r = requests_init(host);
  if (r < 0)
    return r;
  for (size_t i = 0; r >= 0 && i < config->n_connections; i++) {
    struct tt_bridge *bridge;
    r = bridge_create(host, &config->connections[i], (struct hold){.whole = tt_config_ref(config)}, &bridge);
  }
  for (size_t i = 0; r >= 0 && i < config->n_devices; i++) {
    const struct tt_device_entry *entry = &config->devices[i];
    struct tt_device *device;
    r = device_create(host, entry->connection < host->n_bridges ? host->bridges[entry->connection] : NULL, entry,
                      (struct hold){.whole = tt_config_ref(config)}, &device);
  }
  host_label_places(host);
  if (r >= 0)
    r = status_create(host); /* after the devices: people look at those first */
  for (size_t i = 0; r >= 0 && i < host->n_bridges; i++)
    r = bridge_show(host->bridges[i]);
  return r;
}

int tt_host_create(struct sd_event *event, struct tt_core *core, struct tt_config *config, struct tt_host **ret)
{
  struct tt_host *host = calloc(1, sizeof(*host));
  if (!host)
    return -ENOMEM;
  host->event = event;
  host->core = core;
  host->config = tt_config_ref(config);
  int r = make(host);
  if (r < 0) {
    tt_host_destroy(host);
    return r;
  }
  status_show(host);
  *ret = host;
  return 0;
}

void tt_host_destroy(struct tt_host *host)
{
  if (!host)
    return;
  bool is_stopped = host->n_running == 0;
  struct tt_device *device, *next;
  for (size_t i = 0; i < host->n_bridges; i++) {
    host->bridges[i]->discovery.timer = sd_event_source_disable_unref(host->bridges[i]->discovery.timer);
    DL_FOREACH(host->bridges[i]->devices, device)
      if (device->phase != PHASE_IDLE && is_stopped)
        device_finish(device);
  }
  status_finish(host);
  requests_finish(host);
  if (!is_stopped)
    return; /* the threads that remain may still post: the process is about to end */
  HASH_CLEAR(hh, host->by_node);
  HASH_ITER(hh_key, host->by_key, device, next)
    if (!device->bridge) {
      HASH_DELETE(hh_key, host->by_key, device);
      device_free(device);
    }
  HASH_CLEAR(hh_key, host->by_key);
  while (host->n_bridges > 0) {
    struct tt_bridge *bridge = host->bridges[0];
    DL_FOREACH_SAFE(bridge->devices, device, next)
    device_free(device);
    bridge_free(bridge);
  }
  tt_inbox_destroy(host->inbox);
  tt_config_destroy(host->config);
  free(host->bridges);
  free(host);
}

struct tt_device_hooks tt_host_devices(struct tt_host *host)
{
  return requests_hooks(host);
}
