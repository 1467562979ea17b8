/* SPDX-License-Identifier: Apache-2.0
 *
 * status.c: the gateway's own nodes, `gateway` and one below it for every connection, and what they show. They are
 * read like any device: from the cache, which is brought up to date within a second of a change.
 */
#include "isolate.h"

#include <stdio.h>

#define SHOW_AFTER_US (1 * TT_USEC_PER_SEC)

#define STATUS   TT_CATEGORY_STATUS
#define IDENTITY TT_CATEGORY_IDENTITY
#define COMPUTED TT_CATEGORY_COMPUTED

/* Readable points need an address; nothing is ever sent there. */
static int here;

#define POINT(name_, label_, type_, categories_)                                                                   \
  {                                                                                                                \
    .name = (name_), .label = {.n = 1, .language = {"en"}, .text = {label_}}, .type = (type_), .unit = "",         \
    .ucum = "", .categories = (categories_), .poll = -1, .decimals = TT_DECIMALS_FREE, .address = &here            \
  }

static const struct tt_point gateway_points[] = {
    POINT("version", "Version", TT_TYPE_STRING, IDENTITY),
    POINT("started", "Started", TT_TYPE_DATETIME, IDENTITY),
    POINT("devices", "Devices", TT_TYPE_INT32, STATUS),
    POINT("devices_offline", "Devices that do not answer", TT_TYPE_INT32, STATUS),
    POINT("devices_disabled", "Devices with a wrong configuration", TT_TYPE_INT32, STATUS),
};
#define GATEWAY_FIRST_NUMBER 2

static const struct tt_point connection_points[] = {
    POINT("protocol", "Protocol", TT_TYPE_STRING, IDENTITY),
    POINT("state", "State", TT_TYPE_STRING, STATUS),
    POINT("devices", "Devices", TT_TYPE_INT64, STATUS),
    POINT("requests_failed", "Requests that failed", TT_TYPE_INT64, COMPUTED),
    POINT("late_completions", "Answers that came too late", TT_TYPE_INT64, COMPUTED),
    POINT("reports_dropped", "Reports that found no room", TT_TYPE_INT64, COMPUTED),
    POINT("breaches", "Faults of the bridge itself", TT_TYPE_INT64, COMPUTED),
};
#define CONNECTION_STATE        1
#define CONNECTION_FIRST_NUMBER 2
_Static_assert(TT_COUNT(connection_points) == CONNECTION_FIRST_NUMBER + STATUS_NUMBERS, "a number without a place");

static void report(struct tt_host *host, tt_id id, size_t point, const struct tt_value *value)
{
  struct tt_tree *tree = tt_core_tree(host->core);
  struct tt_node *node = tt_tree_get(tree, id);
  if (node)
    tt_node_report(tree, host_now(host), node, (uint16_t)point, value, 0, false);
}

static void report_text(struct tt_host *host, tt_id id, size_t point, const char *text)
{
  struct tt_value value TT_AUTOVALUE = {.type = TT_TYPE_NONE};
  if (tt_value_text(TT_TYPE_STRING, text, strlen(text), &value) >= 0)
    report(host, id, point, &value);
}

const char *status_state(const struct tt_bridge *bridge)
{
  if (bridge->down)
    return "disabled";
  switch (bridge->link) {
  case TT_LINK_ONLINE:
    return "online";
  case TT_LINK_OFFLINE:
    return "offline";
  case TT_LINK_UNKNOWN:
    break;
  }
  return "unknown";
}

static void show_connection(struct tt_host *host, size_t i)
{
  struct tt_bridge *bridge = host->bridges[i];
  struct tt_connection_status status = tt_host_connection(host, i);
  const uint64_t numbers[STATUS_NUMBERS] = {status.devices, status.failed, status.late, status.dropped,
                                            status.breaches};
  if (!bridge->shown_state || strcmp(bridge->shown_state, status.state) != 0) {
    bridge->shown_state = status.state;
    report_text(host, bridge->node, CONNECTION_STATE, status.state);
  }
  for (size_t k = 0; k < STATUS_NUMBERS; k++) {
    if (bridge->shown[k] == (int64_t)numbers[k])
      continue;
    bridge->shown[k] = (int64_t)numbers[k];
    report(host, bridge->node, CONNECTION_FIRST_NUMBER + k, &TT_VALUE_INT64((int64_t)numbers[k]));
  }
}

static void show_gateway(struct tt_host *host)
{
  int64_t numbers[TT_COUNT(host->shown)] = {0};
  for (const struct tt_device *device = host->by_key; device; device = device->hh_key.next) {
    numbers[0]++;
    numbers[1] += !device->entry->is_disabled && device->bridge &&
                  (device->is_down || device->phase != PHASE_RUNNING || device->bridge->link == TT_LINK_OFFLINE);
    numbers[2] += device->entry->is_disabled;
  }
  for (size_t k = 0; k < TT_COUNT(numbers); k++) {
    if (host->shown[k] == numbers[k])
      continue;
    host->shown[k] = numbers[k];
    report(host, host->node, GATEWAY_FIRST_NUMBER + k, &TT_VALUE_INT64(numbers[k]));
  }
}

void status_show(struct tt_host *host)
{
  host->is_status_due = false;
  for (size_t i = 0; i < host->n_bridges; i++)
    show_connection(host, i);
  show_gateway(host);
}

static int on_status(sd_event_source *source, uint64_t us, void *user)
{
  (void)source;
  (void)us;
  status_show(user);
  return 0;
}

void status_touch(struct tt_host *host)
{
  if (host->is_status_due)
    return;
  host->is_status_due = true;
  sd_event_source_set_time(host->status_timer, host_now(host).mono_us + SHOW_AFTER_US);
  sd_event_source_set_enabled(host->status_timer, SD_EVENT_ONESHOT);
}

bool status_is_own(const struct tt_host *host, tt_id id)
{
  struct tt_node *node = tt_tree_get(tt_core_tree(host->core), id);
  return node && (node->kind == TT_NODE_GATEWAY || node->kind == TT_NODE_CONNECTION);
}

int status_create(struct tt_host *host)
{
  static const struct tt_label label = {.n = 1, .language = {"en"}, .text = {"Gateway"}};
  struct tt_tree *tree = tt_core_tree(host->core);
  struct tt_node_spec spec = {
      .kind = TT_NODE_GATEWAY,
      .key = TT_GATEWAY_KEY,
      .label = &label,
      .type = "thingtree.gateway",
      .points = gateway_points,
      .n_points = TT_COUNT(gateway_points),
  };
  struct tt_node *node;
  int r = sd_event_add_time(host->event, &host->status_timer, CLOCK_MONOTONIC, TT_NEVER, 0, on_status, host);
  if (r >= 0)
    r = tt_tree_add(tree, host_now(host), &spec, &node);
  if (r < 0)
    return r;
  host->node = node->id;
  memset(host->shown, -1, sizeof(host->shown));
  report_text(host, host->node, 0, TT_VERSION);
  char stamp[TT_DATETIME_SIZE];
  report_text(host, host->node, 1, tt_datetime_print(stamp, host_now(host).wall_us));
  status_show_disabled(host);
  return 0;
}

void status_show_disabled(struct tt_host *host)
{
  char text[64];
  size_t n = 0, n_disabled = 0;
  for (const struct tt_device *device = host->by_key; device; device = device->hh_key.next) {
    n++;
    n_disabled += device->entry->is_disabled;
  }
  snprintf(text, sizeof(text), "%zu of %zu devices are disabled", n_disabled, n);
  host_message(host, host->node, "config", TT_MESSAGE_WARNING, n_disabled > 0 ? text : NULL);
}

int status_connection_create(struct tt_bridge *bridge)
{
  struct tt_host *host = bridge->host;
  char key[TT_NODE_KEY_MAX + 1];
  struct tt_node *node;
  struct tt_node_spec spec = {
      .kind = TT_NODE_CONNECTION,
      .key = key,
      .type = "thingtree.connection",
      .points = connection_points,
      .n_points = TT_COUNT(connection_points),
  };
  snprintf(key, sizeof(key), TT_GATEWAY_KEY "/%s", bridge->config->name);
  int r = tt_tree_add(tt_core_tree(host->core), host_now(host), &spec, &node);
  if (r < 0)
    return r;
  bridge->node = node->id;
  memset(bridge->shown, -1, sizeof(bridge->shown));
  status_connection_show(bridge);
  return 0;
}

void status_connection_show(struct tt_bridge *bridge)
{
  if (bridge->ops)
    report_text(bridge->host, bridge->node, 0, bridge->ops->name);
}

void status_finish(struct tt_host *host)
{
  sd_event_source_disable_unref(host->status_timer);
}

size_t tt_host_n_connections(const struct tt_host *host)
{
  return host->n_bridges;
}

struct tt_connection_status tt_host_connection(struct tt_host *host, size_t i)
{
  struct tt_bridge *bridge = host->bridges[i];
  struct tt_connection_status status = bridge->count;
  status.name = bridge->config->name;
  status.protocol = bridge->config->ops ? bridge->config->ops->name : "";
  status.state = status_state(bridge);
  status.text = bridge->down ? bridge->down : bridge->link_text;
  struct isolate_status isolate = isolate_status(bridge);
  status.pid = isolate.pid;
  status.restarts = isolate.restarts;
  if (bridge->mailbox)
    status.dropped += tt_mailbox_counts(bridge->mailbox).dropped;
  return status;
}
