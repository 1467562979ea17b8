/* SPDX-License-Identifier: Apache-2.0
 *
 * events.c: subscriptions of a device's services, and values out of what they tell.
 */
#include "instance.h"

#include <stdio.h>
#include <utlist.h>

static bool is_used(const struct up_device *d, size_t service)
{
  for (size_t i = 0; i < d->config->n_points; i++)
    if (d->bindings[i].service == service)
      return true;
  return false;
}

static bool is_subscribing(const struct up_device *d)
{
  for (size_t i = 0; i < d->description->n_services; i++)
    if (d->subscriptions[i].state == UP_SUB_PENDING)
      return true;
  return false;
}

/* One after the other: what one device does not answer is asked once. */
void up_subscribe_next(struct up_device *d)
{
  struct up_instance *u = d->instance;
  uint64_t now = up_now(u);
  if (!d->bindings || now < d->subscribe_us || is_subscribing(d))
    return;
  for (size_t i = 0; i < d->description->n_services; i++) {
    struct up_subscription *s = &d->subscriptions[i];
    if (s->state != UP_SUB_NONE || now < s->again_us || !is_used(d, i))
      continue;
    uint64_t ticket = ++u->tickets;
    if (up_link_subscribe(u->link, d->description->services[i].event_url, ticket, d->silences > 0) == 0)
      *s = (struct up_subscription){.state = UP_SUB_PENDING, .ticket = ticket, .sequence = -1};
    return;
  }
}

void up_unsubscribe_all(struct up_device *d, bool is_told)
{
  for (size_t i = 0; i < UP_TREE_SERVICES_MAX; i++) {
    struct up_subscription *s = &d->subscriptions[i];
    if (s->state == UP_SUB_LIVE && is_told && d->instance->is_up)
      up_link_unsubscribe(d->instance->link, s->sid);
    *s = (struct up_subscription){0};
  }
}

void up_renew_all(struct up_device *d)
{
  d->renewed_us = up_now(d->instance);
  for (size_t i = 0; i < UP_TREE_SERVICES_MAX; i++)
    if (d->subscriptions[i].state == UP_SUB_LIVE)
      up_link_renew(d->instance->link, d->subscriptions[i].sid);
}

bool up_all_live(const struct up_device *d)
{
  for (size_t i = 0; d->bindings && i < d->description->n_services; i++)
    if (d->subscriptions[i].state != UP_SUB_LIVE && is_used(d, i))
      return false;
  return true;
}

/* ---- What comes back ------------------------------------------------------------------------------------------ */
struct found {
  struct up_device *device;
  size_t service;
};

static struct up_subscription *find_sid(struct up_instance *u, const char *sid, struct found *ret)
{
  struct up_device *d;
  DL_FOREACH(u->devices, d) {
    for (size_t i = 0; d->description && i < d->description->n_services; i++)
      if (d->subscriptions[i].state == UP_SUB_LIVE && strcmp(d->subscriptions[i].sid, sid) == 0) {
        *ret = (struct found){d, i};
        return &d->subscriptions[i];
      }
  }
  return NULL;
}

/* Once more, a little later. */
static void subscribe_again(struct up_device *d, uint64_t wait_us)
{
  uint64_t due_us = up_now(d->instance) + wait_us;
  d->due_us = due_us < d->due_us ? due_us : d->due_us;
  up_arm(d->instance);
}

void up_on_lost(struct up_instance *u, const struct up_link_event *event)
{
  struct found found;
  struct up_subscription *s = find_sid(u, event->sid, &found);
  if (!s)
    return;
  *s = (struct up_subscription){0};
  subscribe_again(found.device, 0);
  up_find_doubt(found.device); /* a subscription ends like that when the device has gone or was restarted */
}

static void unstash(struct up_instance *u, const char *sid);

/* One that does not answer keeps the others waiting, so it is asked ever more rarely. */
static void silent(struct up_device *d)
{
  uint64_t wait_us = d->instance->options->refresh_us;
  for (unsigned i = 0; i < d->silences && wait_us < UP_SILENCE_MAX_US; i++)
    wait_us = 2 * wait_us < UP_SILENCE_MAX_US ? 2 * wait_us : UP_SILENCE_MAX_US;
  d->silences++;
  d->subscribe_us = up_now(d->instance) + wait_us;
}

static void refused(struct up_device *d, size_t service, const struct up_link_event *event)
{
  struct up_instance *u = d->instance;
  d->subscriptions[service] = (struct up_subscription){.again_us = up_now(u) + u->options->refresh_us};
  if (!d->is_told_refused)
    tt_bridge_log(u->bridge, TT_LOG_WARNING, "%s: %s %s to %s (%d); it is read every now and then", d->config->key,
                  d->host, event->has_answered ? "takes no subscription" : "does not answer a subscription",
                  d->description->services[service].type, event->error);
  d->is_told_refused = true;
  if (event->has_answered) {
    d->silences = 0;
    up_subscribe_next(d);
  } else {
    silent(d);
  }
  subscribe_again(d, u->options->refresh_us);
}

void up_on_subscribed(struct up_instance *u, const struct up_link_event *event)
{
  struct up_device *d;
  DL_FOREACH(u->devices, d) {
    for (size_t i = 0; d->description && i < d->description->n_services; i++) {
      struct up_subscription *s = &d->subscriptions[i];
      if (s->state != UP_SUB_PENDING || s->ticket != event->ticket)
        continue;
      if (event->error || !*event->sid) {
        refused(d, i, event);
        return;
      }
      d->silences = 0;
      d->subscribe_us = 0;
      s->state = UP_SUB_LIVE;
      snprintf(s->sid, sizeof s->sid, "%s", event->sid);
      up_subscribe_next(d);
      d->is_told_refused &= !up_all_live(d);
      unstash(u, s->sid);
      return;
    }
  }
  if (!event->error && *event->sid)
    up_link_unsubscribe(u->link, event->sid); /* nobody waits for it any more */
}

/* ---- Events --------------------------------------------------------------------------------------------------- */
static bool is_about(const struct up_event *event, const struct up_change *change)
{
  const char *wanted = change->is_in_last_change ? event->last_change : event->variable;
  if (!wanted || strcmp(wanted, change->variable) != 0)
    return false;
  if (!change->is_in_last_change)
    return true;
  const struct tt_item *where = event->where;
  if (!(where && tt_item_get(where, "InstanceID")) && !up_change_has(change, "InstanceID", "0"))
    return false;
  for (size_t i = 0; where && i < where->n; i++)
    if (!up_change_has(change, where->keys[i], where->items[i]->text))
      return false;
  return true;
}

static void on_change(void *user, const struct up_change *change)
{
  const struct found *found = user;
  struct up_device *d = found->device;
  const struct up_scpd *scpd = d->scpds[found->service];
  for (size_t i = 0; i < d->config->n_points; i++) {
    const struct up_read_options *read = d->config->points[i].address;
    struct up_binding *b = &d->bindings[i];
    if (b->service != found->service || !is_about(&read->event, change))
      continue;
    free(b->last);
    b->last = strdup(change->value);
    up_report_text(d, (uint16_t)i, scpd ? up_scpd_variable(scpd, change->variable) : NULL, change->value, "event");
  }
}

static void hear(struct up_instance *u, const struct found *found, struct up_subscription *s,
                 const struct up_link_event *event, const char *xml)
{
  struct up_device *d = found->device;
  char why[UP_WHY_SIZE] = "is too large";
  struct found copy = *found;
  bool has_gap = s->sequence >= 0 && (unsigned)event->sequence != (unsigned)s->sequence + 1 && event->sequence != 1;
  s->sequence = event->sequence;
  if (event->xml_size == 0 || up_event_parse(xml, event->xml_size, on_change, &copy, why) < 0)
    tt_bridge_log(u->bridge, TT_LOG_WARNING, "%s: an event of %s %s", d->config->key,
                  d->description->services[found->service].type, why);
  if (has_gap) { /* the whole state comes with a new subscription */
    up_link_unsubscribe(u->link, s->sid);
    *s = (struct up_subscription){0};
    subscribe_again(d, 0);
  }
}

void up_stash_clear(struct up_instance *u)
{
  for (size_t i = 0; i < UP_STASH_MAX; i++) {
    free(u->stash[i].data);
    u->stash[i].data = NULL;
  }
}

/* The first event often overtakes the answer to the subscription. */
static void unstash(struct up_instance *u, const char *sid)
{
  for (size_t n = 0; n < UP_STASH_MAX; n++) {
    size_t i = (u->stash_at + n) % UP_STASH_MAX; /* the oldest first */
    struct up_link_event event;
    if (!u->stash[i].data)
      continue;
    memcpy(&event, u->stash[i].data, sizeof event);
    if (strcmp(event.sid, sid) != 0)
      continue;
    void *data = TT_STEAL(u->stash[i].data);
    up_on_event(u, data, u->stash[i].size);
    free(data);
  }
}

void up_on_event(struct up_instance *u, const void *message, size_t size)
{
  struct up_link_event event;
  struct found found;
  memcpy(&event, message, sizeof event);
  struct up_subscription *s = find_sid(u, event.sid, &found);
  if (s) {
    hear(u, &found, s, &event, (const char *)message + sizeof event);
    return;
  }
  void *copy = malloc(size);
  if (!copy)
    return;
  memcpy(copy, message, size);
  free(u->stash[u->stash_at].data);
  u->stash[u->stash_at].data = copy;
  u->stash[u->stash_at].size = size;
  u->stash_at = (u->stash_at + 1) % UP_STASH_MAX;
}
