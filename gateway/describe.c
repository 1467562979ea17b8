/* SPDX-License-Identifier: Apache-2.0
 * describe.c: descriptions on their way from bridges to the configuration. */
#include "describe.h"

#include "service/log.h"
#include "service/loop.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <utlist.h>

#define FIRST_US   (300 * TT_USEC_PER_MSEC)   /* after the first of several */
#define AGAIN_US   (5 * TT_USEC_PER_SEC)      /* at the earliest after the last time: loading costs */
#define PORTION_US (10 * TT_USEC_PER_MSEC)    /* of writing files in one turn */
#define WAITING    ((size_t)64 * 1024 * 1024) /* bytes of texts that may wait */

/* What a device has said last, and nobody has looked at. A device that changes its mind all the time costs memory for one
 * text, and a file and a loading now and then. */
struct told {
  struct told *prev, *next;
  size_t size;
  char *key;
  char json[];
};

struct tt_describer {
  struct sd_event *event;
  struct tt_described *described;
  struct tt_host *host;
  struct tt_reloader *reloader;
  sd_event_source *timer;
  uint64_t last_us;   /* monotonic: 0: never */
  struct told *told;  /* waits for its time */
  struct told *taken; /* its time has come: being written */
  size_t waiting;     /* bytes of both */
  char **keys;        /* who has said something new, which is in its file */
  size_t n_keys;
};

char *tt_describer_get(void *described, const char *key, const char *mapping)
{
  return tt_described_get(described, key, mapping);
}

/* ---- What waits ------------------------------------------------------------------------------------------------- */
static void told_free(struct tt_describer *d, struct told **list, struct told *told)
{
  DL_DELETE(*list, told);
  d->waiting -= told->size;
  free(told->key);
  free(told);
}

static int arm(struct tt_describer *d)
{
  uint64_t now_us;
  sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
  uint64_t due_us = now_us + FIRST_US;
  if (d->last_us && d->last_us + AGAIN_US > due_us)
    due_us = d->last_us + AGAIN_US;
  sd_event_source_set_time(d->timer, due_us);
  return sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static struct told *told_create(const char *key, const char *json, size_t size)
{
  struct told *told = malloc(sizeof(*told) + size);
  char *copy = strdup(key);
  if (!told || !copy) {
    free(told);
    free(copy);
    return NULL;
  }
  *told = (struct told){.size = size, .key = copy};
  memcpy(told->json, json, size);
  return told;
}

int tt_describer_described(void *describer, const char *key, const char *json, size_t size)
{
  struct tt_describer *d = describer;
  struct told *old;
  if (size > TT_DESCRIBED_MAX)
    return -EMSGSIZE;
  DL_FOREACH(d->told, old) {
    if (strcmp(old->key, key) == 0)
      break;
  }
  if (d->waiting - (old ? old->size : 0) + size > WAITING)
    return -ENOSPC;
  struct told *told = told_create(key, json, size);
  if (!told)
    return -ENOMEM;
  bool is_first = !d->told && !d->taken; /* who repeats itself puts nothing off */
  if (old)
    told_free(d, &d->told, old);
  DL_APPEND(d->told, told);
  d->waiting += size;
  return is_first ? arm(d) : 0;
}

/* ---- Its time has come ------------------------------------------------------------------------------------------ */
static void forget_keys(struct tt_describer *d)
{
  for (size_t i = 0; i < d->n_keys; i++)
    free(d->keys[i]);
  free(d->keys);
  d->keys = NULL;
  d->n_keys = 0;
}

static int add_key(struct tt_describer *d, struct told *told)
{
  char **keys = reallocarray(d->keys, d->n_keys + 1, sizeof(char *));
  if (!keys)
    return -ENOMEM;
  d->keys = keys;
  d->keys[d->n_keys++] = TT_STEAL(told->key);
  return 0;
}

static void keep(struct tt_describer *d, struct told *told)
{
  const char *mapping = tt_host_mapping(d->host, told->key);
  int r = mapping ? tt_described_set(d->described, told->key, mapping, told->json, told->size) : 0;
  if (r > 0)
    r = add_key(d, told);
  if (r < 0)
    tt_log(TT_LOG_ERROR, told->key, "what it says of itself could not be kept: %s", strerror(-r));
  told_free(d, &d->taken, told);
}

static void take_up(struct tt_describer *d)
{
  struct tt_reload_result result;
  int r = tt_reload(d->reloader, &(struct tt_only){(const char *const *)d->keys, d->n_keys}, &result);
  if (r < 0) {
    tt_log(TT_LOG_ERROR, NULL, "what devices have said of themselves could not be taken up: %s", strerror(-r));
  } else if (result.is_refused) {
    tt_log(TT_LOG_ERROR, NULL, "what devices have said of themselves was not taken up: %s", result.why);
  } else {
    for (size_t i = 0; i < d->n_keys && result.changes.changed > 0; i++)
      tt_log(TT_LOG_INFO, d->keys[i], "has described itself");
  }
  if (r == 0)
    tt_reload_result_finish(&result);
  forget_keys(d);
}

static uint64_t clock_us(void)
{
  return tt_loop_clock().mono_us;
}

static int on_due(sd_event_source *source, uint64_t us, void *user)
{
  struct tt_describer *d = user;
  uint64_t end_us = clock_us() + PORTION_US;
  if (!d->taken)
    d->taken = TT_STEAL(d->told);
  while (d->taken && clock_us() < end_us)
    keep(d, d->taken);
  if (d->taken) { /* others first */
    sd_event_source_set_time(source, clock_us());
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
  }
  d->last_us = us;
  if (d->n_keys > 0)
    take_up(d);
  return d->told ? arm(d) : 0;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */
void tt_describer_prune(struct tt_describer *d, const struct tt_config *config)
{
  struct tt_described_who *who = calloc(config->n_devices + 1, sizeof(*who));
  size_t n = 0;
  for (size_t i = 0; who && i < config->n_devices; i++)
    if (config->devices[i].mapping)
      who[n++] = (struct tt_described_who){config->devices[i].config.key, config->devices[i].mapping};
  if (who)
    tt_described_prune(d->described, who, n);
  free(who);
}

int tt_describer_create(struct sd_event *event, struct tt_described *described, struct tt_host *host,
                        struct tt_reloader *reloader, struct tt_describer **ret)
{
  struct tt_describer *d = calloc(1, sizeof(*d));
  if (!d)
    return -ENOMEM;
  *d = (struct tt_describer){.event = event, .described = described, .host = host, .reloader = reloader};
  int r = sd_event_add_time(event, &d->timer, CLOCK_MONOTONIC, 0, 0, on_due, d);
  if (r >= 0)
    r = sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
  if (r < 0) {
    tt_describer_destroy(d);
    return r;
  }
  *ret = d;
  return 0;
}

void tt_describer_destroy(struct tt_describer *d)
{
  if (!d)
    return;
  sd_event_source_disable_unref(d->timer);
  DL_CONCAT(d->taken, d->told);
  while (d->taken) /* the next start begins with it */
    keep(d, d->taken);
  forget_keys(d);
  free(d);
}
