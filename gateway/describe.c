/* SPDX-License-Identifier: Apache-2.0
 * describe.c: descriptions on their way from bridges to the configuration. */
#include "describe.h"

#include "service/log.h"

#include <stdio.h>
#include <systemd/sd-event.h>

#define FIRST_US (300 * TT_USEC_PER_MSEC) /* after the first of several */
#define AGAIN_US (5 * TT_USEC_PER_SEC)    /* at the earliest after the last time: loading costs */

struct tt_describer {
  struct sd_event *event;
  struct tt_described *described;
  struct tt_host *host;
  struct tt_reloader *reloader;
  sd_event_source *timer;
  uint64_t last_us; /* monotonic: 0: never */
  char **keys;      /* who has told something new */
  size_t n_keys;
};

char *tt_describer_get(void *described, const char *key, const char *mapping)
{
  return tt_described_get(described, key, mapping);
}

static void forget_keys(struct tt_describer *d)
{
  for (size_t i = 0; i < d->n_keys; i++)
    free(d->keys[i]);
  free(d->keys);
  d->keys = NULL;
  d->n_keys = 0;
}

static int on_due(sd_event_source *source, uint64_t us, void *user)
{
  struct tt_describer *d = user;
  struct tt_reload_result result;
  (void)source;
  d->last_us = us;
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
  return 0;
}

static int note(struct tt_describer *d, const char *key)
{
  uint64_t now_us;
  for (size_t i = 0; i < d->n_keys; i++)
    if (strcmp(d->keys[i], key) == 0)
      return 0;
  char **keys = reallocarray(d->keys, d->n_keys + 1, sizeof(char *));
  if (keys)
    d->keys = keys;
  char *copy = strdup(key);
  if (!keys || !copy) {
    free(copy);
    return -ENOMEM;
  }
  d->keys[d->n_keys++] = copy;
  if (d->n_keys > 1)
    return 0;
  sd_event_now(d->event, CLOCK_MONOTONIC, &now_us);
  uint64_t due_us = now_us + FIRST_US;
  if (d->last_us && d->last_us + AGAIN_US > due_us)
    due_us = d->last_us + AGAIN_US;
  sd_event_source_set_time(d->timer, due_us);
  return sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

int tt_describer_described(void *describer, const char *key, const char *json, size_t size)
{
  struct tt_describer *d = describer;
  const char *mapping = tt_host_mapping(d->host, key);
  if (!mapping)
    return 0;
  int r = tt_described_set(d->described, key, mapping, json, size);
  if (r < 0 && r != -EMSGSIZE)
    tt_log(TT_LOG_ERROR, key, "what it says of itself could not be kept: %s", strerror(-r));
  return r <= 0 ? r : note(d, key);
}

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
  forget_keys(d);
  free(d);
}
