/* SPDX-License-Identifier: Apache-2.0
 *
 * find.c: where the configured devices are. What is announced is not believed: a device that answers where it was stays
 * there, whoever claims to be it.
 */
#include "instance.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <utlist.h>

#define EXPIRE_US        (30 * TT_USEC_PER_SEC)
#define SEARCH_GATHER_US (20 * TT_USEC_PER_MSEC) /* searches so close together are one */
#define SEARCHES_MAX     3                       /* for single devices at once */
#define DESCRIPTION_MAX  UP_SCPD_SIZE_MAX

/* ---- Fetching by the rule ------------------------------------------------------------------------------------- */
int up_fetch_description(struct up_instance *u, const char *url,
                         void (*done)(void *, const struct tt_fetch_answer *), void *user,
                         struct tt_fetch_job **ret_job)
{
  struct tt_fetch_request request = {.url = url,
                                     .total_us = u->options->timeout_us,
                                     .body_max = DESCRIPTION_MAX,
                                     .rule = {.kind = TT_ADDRESS_ANY}, /* location.h has looked at the literal */
                                     .done = done,
                                     .user = user};
  return tt_fetch_start(u->fetch, &request, ret_job);
}

/* ---- Gone ----------------------------------------------------------------------------------------------------- */
void up_find_lost(struct up_device *d, const char *format, ...)
{
  char text[400];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  up_forget(d);
  d->lost_us = up_now(d->instance);
  tt_device_link(d->device, TT_LINK_OFFLINE, "%s", text);
  up_requests_fail(d->instance, d, -EHOSTUNREACH, text);
  d->search_wait_us = UP_SEARCH_MIN_US;
  d->due_us = d->lost_us + d->search_wait_us;
  up_arm(d->instance);
}

/* One of a type that does not answer makes room for another of that type. */
void up_find_let_go(struct up_device *d)
{
  if (d->options->udn || !*d->udn)
    return;
  up_table_drop(d->instance->table, d->udn);
  *d->udn = *d->location = 0;
}

bool up_find_is_hopeless(const struct up_device *d)
{
  return d->phase != UP_READY && up_now(d->instance) > d->lost_us + UP_PATIENCE_US;
}

/* ---- Which is which ------------------------------------------------------------------------------------------- */
/* May the announced device be this one? By its UDN when that is configured, else by its types; one that was found by its
 * types is kept as long as it is there. */
static bool is_meant(const struct up_device *d, const struct up_seen *seen)
{
  if (d->options->udn)
    return up_udn_equals(d->options->udn, seen->udn);
  if (*d->udn)
    return up_udn_equals(d->udn, seen->udn);
  const char *type = d->options->device_type ? d->options->device_type : d->options->service_type;
  return up_seen_has(seen, type);
}

static bool is_wanted(const struct up_instance *u, const char *udn)
{
  const struct up_device *d;
  DL_FOREACH(u->devices, d) {
    if (up_udn_equals(d->options->udn ? d->options->udn : d->udn, udn))
      return true;
  }
  return false;
}

static void take(struct up_device *d, const struct up_seen *seen)
{
  snprintf(d->udn, sizeof d->udn, "%s", seen->udn);
  snprintf(d->location, sizeof d->location, "%s", seen->location);
  up_url_host(d->host, d->location);
  up_learn(d);
}

static const char *target_of(const struct up_device *d)
{
  const struct up_device_options *o = d->options;
  return o->udn ? o->udn : o->device_type ? o->device_type : o->service_type;
}

/* With what is sought in the same moment. */
static void search(struct up_device *d)
{
  struct up_instance *u = d->instance;
  if (!u->is_up)
    return;
  d->is_sought = true;
  if (u->search_us == TT_NEVER)
    u->search_us = up_now(u) + SEARCH_GATHER_US;
}

void up_find_send(struct up_instance *u, const char *target)
{
  int r = u->searcher ? up_searcher_send(u->searcher, target) : -ENOTCONN;
  if (r < 0)
    tt_bridge_log(u->bridge, TT_LOG_DEBUG, "searching is not possible: %s", strerror(-r));
}

/* From some number on, one search for everything is cheaper. */
void up_find_search(struct up_instance *u)
{
  struct up_device *d;
  unsigned n = 0;
  if (up_now(u) < u->search_us)
    return;
  u->search_us = TT_NEVER;
  DL_FOREACH(u->devices, d) {
    d->is_sought = d->is_sought && d->phase == UP_ABSENT;
    n += d->is_sought;
  }
  if (n > SEARCHES_MAX)
    up_find_send(u, UP_SEARCH_ALL);
  DL_FOREACH(u->devices, d) {
    if (d->is_sought && n <= SEARCHES_MAX)
      up_find_send(u, target_of(d));
    d->is_sought = false;
  }
}

/* ---- Doubt ---------------------------------------------------------------------------------------------------- */
static void check_failed(struct up_device *d, const char *why)
{
  char host[UP_HOST_TEXT];
  snprintf(host, sizeof host, "%s", d->host);
  const struct up_seen *seen = up_table_find(d->instance->table, d->udn);
  bool has_moved = seen && strcmp(seen->location, d->location) != 0;
  up_find_lost(d, "%s does not answer: %s", host, why);
  if (has_moved) {
    take(d, seen);
  } else {
    d->learn_wait_us = UP_LEARN_MIN_US;
    up_find_let_go(d);
    search(d);
  }
}

static void on_check(void *user, const struct tt_fetch_answer *answer)
{
  struct up_device *d = user;
  struct up_description *now = NULL;
  char why[UP_WHY_SIZE] = "";
  d->checking = NULL;
  if (answer->error < 0)
    snprintf(why, sizeof why, "%s", answer->text);
  else if (answer->status != 200)
    snprintf(why, sizeof why, "status %d", answer->status);
  else if (up_description_parse(answer->body, answer->size, d->location, &now, why) == 0 &&
           !up_description_find(now, d->udn))
    snprintf(why, sizeof why, "there is another device now");
  up_description_destroy(now);
  if (*why) {
    check_failed(d, why);
  } else {
    d->failures = 0;
    up_renew_all(d);
  }
}

void up_find_doubt(struct up_device *d)
{
  if (d->phase != UP_READY || d->checking)
    return;
  d->checked_us = up_now(d->instance);
  if (up_fetch_description(d->instance, d->location, on_check, d, &d->checking) < 0)
    check_failed(d, "no memory");
}

static bool was_checked(const struct up_device *d)
{
  return d->checked_us && up_now(d->instance) < d->checked_us + UP_CHECK_US;
}

/* ---- Announcements -------------------------------------------------------------------------------------------- */
static void hear(struct up_device *d, const struct up_seen *seen)
{
  bool is_there = strcmp(d->location, seen->location) == 0;
  switch (d->phase) {
  case UP_ABSENT:
    if (!is_there || d->learn_wait_us == 0 || up_now(d->instance) >= d->lost_us + d->learn_wait_us)
      take(d, seen);
    break;
  case UP_LEARNING:
    break;
  case UP_READY:
    /* Perhaps it was restarted and knows nothing of us; perhaps it has moved; perhaps somebody lies. */
    if (!was_checked(d)) {
      if (is_there && up_now(d->instance) > d->renewed_us + UP_CHECK_US)
        up_renew_all(d);
      else if (!is_there)
        up_find_doubt(d);
    }
    break;
  }
}

static void say_goodbye(struct up_instance *u, const struct up_sighting *sighting)
{
  struct up_device *d;
  if (!up_table_leave(u->table, sighting))
    return;
  DL_FOREACH(u->devices, d) {
    if (*d->udn && up_udn_equals(d->udn, sighting->udn) && d->phase != UP_ABSENT) {
      up_find_lost(d, "%s has said goodbye", d->host);
      d->learn_wait_us = 0; /* it will say when it is back */
      up_find_let_go(d);
    }
  }
}

void up_find_sighting(struct up_instance *u, const struct up_sighting *sighting)
{
  struct up_sighting clean = *sighting;
  struct up_device *d;
  if (strncmp(clean.udn, "uuid:", 5) != 0)
    return;
  if (!clean.is_alive) {
    say_goodbye(u, &clean);
    return;
  }
  const char *problem = up_location_problem(clean.location, clean.sender, &u->net);
  if (problem) {
    struct in_addr sender = {htonl(clean.sender)};
    char shown[80];
    if (u->n_refused++ == 0) /* once: whoever sends one sends more */
      tt_bridge_log(u->bridge, TT_LOG_WARNING, "refused an announcement of %s: its location %s %s",
                    inet_ntoa(sender),
                    tt_text_printable(shown, sizeof shown, clean.location, strlen(clean.location)), problem);
    return;
  }
  if (!up_type_is_urn(clean.type))
    *clean.type = 0;
  if (up_table_alive(u->table, &clean, is_wanted(u, clean.udn), up_now(u)) == UP_NEWS_REFUSED) {
    if (!u->is_told_full)
      tt_bridge_log(u->bridge, TT_LOG_WARNING,
                    "more devices are announced than can be kept in mind; only those that are "
                    "configured are taken in");
    u->is_told_full = true;
    return;
  }
  const struct up_seen *seen = up_table_find(u->table, clean.udn);
  DL_FOREACH(u->devices, d) {
    if (is_meant(d, seen))
      hear(d, seen);
  }
}

/* ---- In time -------------------------------------------------------------------------------------------------- */
void up_find_expire(struct up_instance *u)
{
  char udn[UP_UDN_MAX + 1];
  struct up_device *d;
  if (up_now(u) < u->expire_us)
    return;
  u->expire_us = up_now(u) + EXPIRE_US;
  while (up_table_expire(u->table, up_now(u), udn))
    DL_FOREACH(u->devices, d) {
      if (d->phase == UP_READY && up_udn_equals(d->udn, udn))
        up_find_doubt(d); /* its announcements may be lost where its answers are not */
    }
}

static const struct up_seen *known(const struct up_device *d)
{
  for (const struct up_seen *s = up_table_next(d->instance->table, NULL); s;
       s = up_table_next(d->instance->table, s))
    if (is_meant(d, s))
      return s;
  return NULL;
}

void up_find_begin(struct up_device *d)
{
  d->phase = UP_ABSENT;
  d->lost_us = up_now(d->instance);
  d->search_wait_us = UP_SEARCH_MIN_US;
  d->due_us = d->instance->is_up ? d->lost_us + d->search_wait_us : TT_NEVER;
  const struct up_seen *seen = d->instance->is_up ? known(d) : NULL;
  if (seen)
    take(d, seen);
  else
    search(d);
  up_arm(d->instance);
}

void up_find_due(struct up_device *d)
{
  uint64_t now = up_now(d->instance);
  d->due_us = TT_NEVER;
  if (!d->instance->is_up || d->phase == UP_LEARNING)
    return;
  if (d->phase == UP_READY) {
    up_subscribe_next(d);
    up_calls_refresh(d);
    if (!up_all_live(d))
      d->due_us = now + d->instance->options->refresh_us;
    return;
  }
  const struct up_seen *seen = known(d);
  if (seen) {
    take(d, seen);
    return;
  }
  search(d);
  d->search_wait_us = 2 * d->search_wait_us < UP_SEARCH_MAX_US ? 2 * d->search_wait_us : UP_SEARCH_MAX_US;
  d->due_us = now + d->search_wait_us;
}

static void on_answer(void *user, const struct up_sighting *sighting)
{
  struct up_instance *u = user;
  if (!u->is_stopping && u->is_up)
    up_find_sighting(u, sighting);
}

void up_find_link(struct up_instance *u, bool is_up)
{
  struct up_device *d;
  up_searcher_destroy(TT_STEAL(u->searcher));
  int r = is_up ? up_searcher_create(tt_bridge_event(u->bridge), &u->net, on_answer, u, &u->searcher) : 0;
  if (r < 0)
    tt_bridge_log(u->bridge, TT_LOG_WARNING, "devices cannot be searched for, only waited for: %s", strerror(-r));
  u->is_up = is_up;
  u->search_us = TT_NEVER;
  up_table_clear(u->table);
  u->is_told_full = false;
  u->n_refused = 0;
  up_stash_clear(u);
  DL_FOREACH(u->devices, d) {
    if (is_up) {
      d->learn_wait_us = 0;
      up_find_begin(d);
    } else {
      up_forget(d);
      d->lost_us = up_now(u);
      d->due_us = TT_NEVER;
      tt_device_link(d->device, TT_LINK_UNKNOWN, "%s", u->why_down);
      up_requests_fail(u, d, -ENETDOWN, u->why_down);
    }
  }
}
