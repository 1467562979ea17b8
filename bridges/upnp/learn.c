/* SPDX-License-Identifier: Apache-2.0
 *
 * learn.c: from a location to a device that can be used: its description, then those of the services that are needed,
 * one after the other.
 */
#include "describe.h"
#include "instance.h"

#include <stdio.h>
#include <utlist.h>

void up_forget(struct up_device *d)
{
  tt_fetch_cancel(TT_STEAL(d->learning));
  tt_fetch_cancel(TT_STEAL(d->checking));
  up_calls_drop(d, NULL);
  up_unsubscribe_all(d, false);
  up_unbind(d);
  for (size_t i = 0; i < UP_TREE_SERVICES_MAX; i++) {
    up_scpd_destroy(d->scpds[i]);
    d->scpds[i] = NULL;
  }
  up_description_destroy(d->description);
  d->description = NULL;
  d->part = NULL;
  d->failures = 0;
  d->is_waiting = false;
  d->instance->learn_us = 0; /* there may be room for another one */
  d->phase = UP_ABSENT;
}

void up_learn_failed(struct up_device *d, const char *format, ...)
{
  char text[400];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  uint64_t wait_us = d->learn_wait_us ? 2 * d->learn_wait_us : UP_LEARN_MIN_US;
  up_find_lost(d, "%s", text);
  up_find_let_go(d);
  d->learn_wait_us = wait_us < UP_LEARN_MAX_US ? wait_us : UP_LEARN_MAX_US;
  d->due_us = d->lost_us + d->learn_wait_us;
  up_arm(d->instance);
}

/* ---- What is needed ------------------------------------------------------------------------------------------- */
static bool needs(const struct up_device *d, size_t service)
{
  const struct up_part *part = d->part;
  if (d->options->describe)
    return up_description_is_within(d->description, d->description->services[service].device, part);
  for (size_t i = 0; i < d->config->n_points; i++) {
    const struct tt_point *point = &d->config->points[i];
    const struct up_read_options *read = point->address;
    const struct up_write_options *write = point->write ? point->write->address : NULL;
    const char *const names[] = {read ? read->call.service : NULL, read ? read->event.service : NULL,
                                 write ? write->call.service : NULL};
    for (size_t k = 0; k < TT_COUNT(names); k++)
      if (names[k] && up_service_of(d, names[k]) == service)
        return true;
  }
  for (size_t i = 0; i < d->config->n_commands; i++) {
    const struct up_command_options *command = d->config->commands[i].address;
    if (up_service_of(d, command->call.service) == service)
      return true;
  }
  return false;
}

/* ---- Done ----------------------------------------------------------------------------------------------------- */
static void tell_description(struct up_device *d)
{
  TT_AUTOBUF struct tt_buf json = TT_BUF(TT_DESCRIPTION_MAX);
  unsigned n_withheld = 0;
  int r = up_describe(d->description, d->part, (const struct up_scpd *const *)d->scpds, d->options->network, &json,
                      &n_withheld);
  if (n_withheld > 0 && !d->is_told_withheld)
    tt_bridge_log(d->instance->bridge, TT_LOG_INFO,
                  "%s: %u writes and commands that configure the network are not offered (network: true)",
                  d->config->key, n_withheld);
  d->is_told_withheld = n_withheld > 0;
  if (r == 0)
    r = tt_describe(d->device, json.data, json.len);
  if (r < 0)
    tt_bridge_log(d->instance->bridge, TT_LOG_WARNING, "%s: its description gives nothing: %s", d->config->key,
                  strerror(-r));
}

static void learnt(struct up_device *d)
{
  struct up_instance *u = d->instance;
  struct up_request *request, *next;
  if (up_bind(d) < 0) {
    up_learn_failed(d, "no memory");
    return;
  }
  d->phase = UP_READY;
  u->learn_us = 0;
  d->learn_wait_us = 0;
  d->renewed_us = up_now(u);
  tt_device_link(d->device, TT_LINK_ONLINE, "online at %s", d->host);
  up_subscribe_next(d);
  if (d->options->describe)
    tell_description(d);
  for (request = u->requests; request; request = next) {
    next = request->next;
    if (request->device == d && request->is_parked) {
      request->is_parked = false;
      up_calls_read(request);
    }
  }
  /* The first event brings the values; when none comes, they are asked for. */
  d->due_us = up_all_live(d) ? TT_NEVER : up_now(u) + UP_SEARCH_MIN_US;
  up_arm(u);
}

/* ---- Services ------------------------------------------------------------------------------------------------- */
static void next_service(struct up_device *d);

static void on_scpd(void *user, const struct tt_fetch_answer *answer)
{
  struct up_device *d = user;
  const struct up_service *service = &d->description->services[d->learn_at];
  char why[UP_WHY_SIZE] = "";
  d->learning = NULL;
  if (answer->error < 0)
    snprintf(why, sizeof why, "%s", answer->text);
  else if (answer->status != 200)
    snprintf(why, sizeof why, "status %d", answer->status);
  else
    up_scpd_parse(answer->body, answer->size, &d->scpds[d->learn_at], why);
  if (*why) /* what can be read without is read; nothing is written by guess */
    tt_bridge_log(d->instance->bridge, TT_LOG_WARNING, "%s: the description of %s at %s cannot be used: %s",
                  d->config->key, service->type, d->host, why);
  d->learn_at++;
  next_service(d);
}

static void next_service(struct up_device *d)
{
  for (; d->learn_at < d->description->n_services; d->learn_at++) {
    const struct up_service *service = &d->description->services[d->learn_at];
    if (!service->scpd_url || !needs(d, d->learn_at))
      continue;
    if (up_fetch_description(d->instance, service->scpd_url, on_scpd, d, &d->learning) < 0)
      up_learn_failed(d, "no memory");
    return;
  }
  learnt(d);
}

/* ---- The device ----------------------------------------------------------------------------------------------- */
/* The part that is meant, or why there is none. */
static const struct up_part *choose(const struct up_device *d, char why[static UP_WHY_SIZE])
{
  const struct up_device_options *o = d->options;
  const struct up_description *description = d->description;
  const struct up_part *part;
  if (!o->udn) {
    part = up_description_match(description, o->device_type, o->service_type);
    if (!part)
      snprintf(why, UP_WHY_SIZE, "%s does not describe what it has announced", d->host);
    return part;
  }
  part = up_description_find(description, o->udn);
  if (!part)
    snprintf(why, UP_WHY_SIZE, "%s does not describe %s", d->host, o->udn);
  else if (o->device_type && !(part->type && up_type_satisfies(part->type, o->device_type)))
    snprintf(why, UP_WHY_SIZE, "the device is a %.100s, not a %.100s", part->type ? part->type : "?",
             o->device_type);
  else if (o->service_type && !up_description_service(description, part, o->service_type))
    snprintf(why, UP_WHY_SIZE, "the device has no %.100s", o->service_type);
  else
    return part;
  return NULL;
}

static void on_description(void *user, const struct tt_fetch_answer *answer)
{
  struct up_device *d = user;
  char why[UP_WHY_SIZE] = "";
  d->learning = NULL;
  if (answer->error < 0) {
    up_learn_failed(d, "no description from %s: %s", d->host, answer->text);
    return;
  }
  if (answer->status != 200) {
    up_learn_failed(d, "no description from %s: status %d", d->host, answer->status);
    return;
  }
  if (up_description_parse(answer->body, answer->size, d->location, &d->description, why) < 0) {
    up_learn_failed(d, "the description at %s %s", d->host, why);
    return;
  }
  d->part = choose(d, why);
  if (!d->part) {
    up_learn_failed(d, "%s", why);
    return;
  }
  d->learn_at = 0;
  next_service(d);
}

static void begin(struct up_device *d)
{
  d->is_waiting = false;
  if (up_fetch_description(d->instance, d->location, on_description, d, &d->learning) < 0)
    up_learn_failed(d, "no memory");
}

void up_learn_next(struct up_instance *u)
{
  struct up_device *d;
  unsigned n = 0;
  if (up_now(u) < u->learn_us)
    return;
  u->learn_us = TT_NEVER;
  DL_FOREACH(u->devices, d) {
    n += d->learning != NULL;
  }
  DL_FOREACH(u->devices, d) {
    if (n < UP_LEARNING_MAX && d->phase == UP_LEARNING && d->is_waiting) {
      begin(d);
      n++;
    }
  }
}

void up_learn(struct up_device *d)
{
  up_forget(d);
  d->phase = UP_LEARNING;
  d->is_waiting = true;
  d->due_us = TT_NEVER;
  d->checked_us = 0;
  d->instance->learn_us = 0;
  up_arm(d->instance);
}
