/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.c: what is there. One search, a wait for the answers, then one GET per location.
 */
#include "instance.h"

#include <stdio.h>

#define LISTEN_US     (3500 * TT_USEC_PER_MSEC) /* answers come within 2 s, and so do those to a second search */
#define END_US        (500 * TT_USEC_PER_MSEC)  /* so long before the deadline it ends */
#define LOCATIONS_MAX 256
#define ANY           "upnp/any"

struct place {
  struct up_instance *instance;
  char location[UP_URL_MAX];
  struct tt_fetch_job *job;
};

struct up_discovery {
  tt_id request;
  uint64_t collect_us, end_us;
  bool is_collected;
  size_t n_places, n_open;
  struct place places[LOCATIONS_MAX];
};

static void end(struct up_instance *u, int error, const char *text)
{
  struct up_discovery *d = TT_STEAL(u->discovery);
  for (size_t i = 0; i < d->n_places; i++)
    tt_fetch_cancel(d->places[i].job);
  tt_done(u->bridge, d->request, error, "%s", text);
  free(d);
}

void up_discovery_cancel(struct up_instance *u)
{
  if (u->discovery)
    end(u, -ECANCELED, "the bridge stops");
}

uint64_t up_discovery_due(const struct up_instance *u)
{
  const struct up_discovery *d = u->discovery;
  return !d ? TT_NEVER : d->is_collected || d->collect_us > d->end_us ? d->end_us : d->collect_us;
}

/* ---- Candidates ----------------------------------------------------------------------------------------------- */
static void tell_part(struct up_instance *u, const struct up_description *description, size_t index,
                      const char *host)
{
  const struct up_part *part = &description->parts[index];
  struct tt_fact facts[TT_CANDIDATE_FACTS_MAX] = {{"udn", part->udn}};
  size_t n = 1;
  if (part->type)
    facts[n++] = (struct tt_fact){"device_type", part->type};
  for (size_t i = 0; i < description->n_services && n < TT_COUNT(facts); i++)
    if (up_description_is_within(description, description->services[i].device, part))
      facts[n++] = (struct tt_fact){"service_type", description->services[i].type};
  tt_candidate(u->bridge, u->discovery->request,
               &(struct tt_candidate){.id = part->udn,
                                      .name = part->name,
                                      .vendor = part->vendor,
                                      .model = part->model,
                                      .address = host,
                                      .facts = facts,
                                      .n_facts = n,
                                      .uses = ANY});
}

static void on_description(void *user, const struct tt_fetch_answer *answer)
{
  struct place *place = user;
  struct up_instance *u = place->instance;
  struct up_description *description = NULL;
  char host[UP_HOST_TEXT], why[UP_WHY_SIZE];
  place->job = NULL;
  if (answer->error == 0 && answer->status == 200 &&
      up_description_parse(answer->body, answer->size, place->location, &description, why) == 0)
    for (size_t i = 0; i < description->n_parts; i++)
      tell_part(u, description, i, up_url_host(host, place->location));
  up_description_destroy(description);
  if (--u->discovery->n_open == 0)
    end(u, 0, "");
}

static void collect_place(struct up_instance *u, const struct up_seen *seen)
{
  struct up_discovery *d = u->discovery;
  for (size_t i = 0; i < d->n_places; i++)
    if (strcmp(d->places[i].location, seen->location) == 0)
      return;
  if (d->n_places == LOCATIONS_MAX)
    return;
  struct place *place = &d->places[d->n_places++];
  place->instance = u;
  snprintf(place->location, sizeof place->location, "%s", seen->location);
  d->n_open += up_fetch_description(u, place->location, on_description, place, &place->job) == 0;
}

void up_discovery_step(struct up_instance *u)
{
  struct up_discovery *d = u->discovery;
  if (!d || up_now(u) < up_discovery_due(u))
    return;
  if (up_now(u) >= d->end_us) {
    end(u, 0, "");
    return;
  }
  d->is_collected = true;
  for (const struct up_seen *seen = up_table_next(u->table, NULL); seen; seen = up_table_next(u->table, seen))
    collect_place(u, seen);
  if (d->n_open == 0)
    end(u, 0, "");
}

void up_discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  struct up_instance *u = tt_bridge_state(bridge);
  u->discovery = calloc(1, sizeof *u->discovery);
  if (!u->discovery)
    return; /* the host answers at the deadline */
  uint64_t now = up_now(u);
  u->discovery->request = request;
  u->discovery->end_us = deadline_us > now + 2 * END_US ? deadline_us - END_US : now;
  u->discovery->collect_us = now + LISTEN_US;
  if (u->is_up)
    up_find_send(u, UP_SEARCH_ALL);
  else
    u->discovery->end_us = now;
  up_arm(u);
}
