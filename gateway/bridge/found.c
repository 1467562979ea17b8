/* SPDX-License-Identifier: Apache-2.0
 *
 * found.c: what bridges find out: devices that are there, what a device is made of, what was on the wire. It goes to
 * whoever asked; nothing of it is believed or kept here.
 */
#include "instance.h"

#include <stdio.h>

#define ID_OF_DISCOVERY (1ull << 63) /* no op has such an id: request.c */

void tt_host_listen(struct tt_host *host, const struct tt_found_hooks *hooks)
{
  host->found = *hooks;
}

/* ---- Discovery ---------------------------------------------------------------------------------------------- */
static int on_discovery_ends(sd_event_source *source, uint64_t us, void *user)
{
  (void)source;
  (void)us;
  struct tt_bridge *bridge = user;
  if (bridge->discovery.is_done)
    discovery_end(bridge, bridge->discovery.error, NULL);
  else
    discovery_end(bridge, -ETIMEDOUT, "the bridge did not come to an end in time");
  return 0;
}

void discovery_end(struct tt_bridge *bridge, int error, const char *text)
{
  struct tt_discovery discovery = bridge->discovery;
  if (!discovery.id)
    return;
  bridge->discovery = (struct tt_discovery){.generation = discovery.generation};
  sd_event_source_disable_unref(discovery.timer);
  discovery.fns.done(discovery.fns.user, error, text);
}

static int discovery_begin(struct tt_bridge *bridge, uint64_t deadline_us, const struct tt_discovery_fns *fns)
{
  struct tt_discovery *discovery = &bridge->discovery;
  if (discovery->id)
    return -EBUSY;
  int r = sd_event_add_time(bridge->host->event, &discovery->timer, CLOCK_MONOTONIC, deadline_us + TT_HOST_GRACE_US,
                            0, on_discovery_ends, bridge);
  if (r < 0)
    return r;
  discovery->fns = *fns;
  discovery->id = ID_OF_DISCOVERY | ++discovery->generation;
  return 0;
}

int tt_host_discover(struct tt_host *host, const char *connection, uint64_t deadline_us,
                     const struct tt_discovery_fns *fns)
{
  struct tt_bridge *bridge = bridge_find(host, connection);
  if (!bridge)
    return -ENOENT;
  if (bridge->phase != PHASE_RUNNING)
    return -ENOTCONN;
  if (!bridge->ops->discover)
    return -EOPNOTSUPP;
  int r = discovery_begin(bridge, deadline_us, fns);
  if (r < 0)
    return r;
  bridge->is_in_call = true;
  bridge->ops->discover(bridge, bridge->discovery.id, deadline_us);
  bridge->is_in_call = false;
  return 0;
}

int tt_host_scan(struct tt_host *host, const char *key, const char *what, uint64_t deadline_us,
                 void (*done)(void *user, int error, const char *text), void *user)
{
  struct tt_device *device = device_find(host, key);
  if (!device || !device->bridge || !device_is_usable(device))
    return -ENODEV;
  struct tt_bridge *bridge = device->bridge;
  if (!bridge->ops->scan)
    return -EOPNOTSUPP;
  int r = discovery_begin(bridge, deadline_us, &(struct tt_discovery_fns){.user = user, .done = done});
  if (r < 0)
    return r;
  bridge->is_in_call = true;
  bridge->ops->scan(bridge, bridge->discovery.id, device, what, deadline_us);
  bridge->is_in_call = false;
  return 0;
}

bool discovery_done(struct tt_bridge *bridge, tt_id request, int error, const char *text)
{
  struct tt_discovery *discovery = &bridge->discovery;
  if (!(request & ID_OF_DISCOVERY))
    return false;
  if (discovery->id != request || discovery->is_done) {
    bridge->count.late++;
  } else if (bridge->is_in_call) {
    /* A breach; whoever asked is not told before the asking has returned. */
    discovery->is_done = true;
    discovery->error = error;
    sd_event_source_set_time(discovery->timer, 0);
  } else {
    discovery_end(bridge, error, text);
  }
  return true;
}

/* The first bytes of a text, never half a character. */
static const char *cut(const char *text, char room[static TT_CANDIDATE_TEXT_MAX + 1])
{
  if (!text)
    return NULL;
  char *clean = tt_text_clean(text, strnlen(text, TT_CANDIDATE_TEXT_MAX), TT_CANDIDATE_TEXT_MAX);
  snprintf(room, TT_CANDIDATE_TEXT_MAX + 1, "%s", clean ? clean : "");
  free(clean);
  return room;
}

void discovery_candidate(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate)
{
  struct tt_discovery *discovery = &bridge->discovery;
  char room[6][TT_CANDIDATE_TEXT_MAX + 1], facts_room[TT_CANDIDATE_FACTS_MAX][2][TT_CANDIDATE_TEXT_MAX + 1];
  struct tt_fact facts[TT_CANDIDATE_FACTS_MAX];
  if (!discovery->id || discovery->id != request || discovery->is_done || !discovery->fns.candidate)
    return;
  if (!candidate->id || discovery->n_candidates == TT_CANDIDATES_MAX) {
    bridge->count.dropped++;
    return;
  }
  discovery->n_candidates++;
  struct tt_candidate clean = {
      .id = cut(candidate->id, room[0]),
      .name = cut(candidate->name, room[1]),
      .vendor = cut(candidate->vendor, room[2]),
      .model = cut(candidate->model, room[3]),
      .address = cut(candidate->address, room[4]),
      .uses = cut(candidate->uses, room[5]),
      .facts = facts,
  };
  for (size_t i = 0; i < candidate->n_facts && clean.n_facts < TT_CANDIDATE_FACTS_MAX; i++) {
    const struct tt_fact *fact = &candidate->facts[i];
    char(*pair)[TT_CANDIDATE_TEXT_MAX + 1] = facts_room[clean.n_facts];
    if (fact->name && fact->value)
      facts[clean.n_facts++] = (struct tt_fact){cut(fact->name, pair[0]), cut(fact->value, pair[1])};
  }
  discovery->fns.candidate(discovery->fns.user, &clean);
}

/* ---- A device describes itself -------------------------------------------------------------------------------- */
int device_describe(struct tt_device *device, const char *json, size_t size)
{
  const struct tt_found_hooks *found = &device->bridge->host->found;
  if (device->phase != PHASE_RUNNING || !found->described)
    return 0;
  return found->described(found->user, device->entry->config.key, json, size);
}

/* ---- Probing --------------------------------------------------------------------------------------------------- */
bool device_is_probing(struct tt_device *device)
{
  return device->bridge->host->found.probe;
}

void device_probe(struct tt_device *device, uint16_t point, const char *text)
{
  const struct tt_found_hooks *found = &device->bridge->host->found;
  found->probe(found->user, device->entry->config.key, point, text);
}
