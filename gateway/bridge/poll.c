/* SPDX-License-Identifier: Apache-2.0
 *
 * poll.c: the timer and the plan of one device's polls; schedule.c decides.
 */
#include "instance.h"

/* Polls may begin a little late, so that they share wake-ups: a part of the shortest interval, at most so much. */
#define ACCURACY_PART   20
#define ACCURACY_MAX_US (50 * TT_USEC_PER_MSEC)

void poll_arm(struct tt_device *device)
{
  if (!device->timer)
    return;
  /* Writes go ahead of polls. */
  uint64_t due_us =
      device->n_writes > 0 || !device_is_usable(device) ? TT_NEVER : tt_schedule_due(&device->schedule);
  if (due_us == TT_NEVER) {
    sd_event_source_set_enabled(device->timer, SD_EVENT_OFF);
    return;
  }
  sd_event_source_set_time(device->timer, due_us);
  sd_event_source_set_enabled(device->timer, SD_EVENT_ONESHOT);
}

static void poll_class(struct tt_device *device, size_t class, uint64_t now_us)
{
  uint16_t *points TT_AUTOFREE = malloc(device->n_class_points[class] * sizeof(*points));
  size_t n = 0;
  for (size_t i = 0; points && i < device->n_class_points[class]; i++)
    if (!device->reading[device->class_points[class][i]]) /* somebody asks for the others right now */
      points[n++] = device->class_points[class][i];
  if (n == 0 || requests_poll(device, points, n, class) < 0)
    tt_schedule_end(&device->schedule, class, now_us, TT_POLL_SKIPPED);
}

static int on_poll(sd_event_source *source, uint64_t us, void *user)
{
  struct tt_device *device = user;
  size_t class;
  uint64_t now_us = host_now(device->bridge->host).mono_us;
  (void)source;
  if (now_us < us)
    now_us = us; /* the timer fired within a turn that began before it was due */
  for (size_t i = 0; i < device->schedule.n && tt_schedule_take(&device->schedule, now_us, &class); i++)
    poll_class(device, class, now_us);
  poll_arm(device);
  return 0;
}

/* The points of each class that a bridge can read. Hidden ones are read for verification only. */
int poll_plan(struct tt_device *device)
{
  const struct tt_device_config *config = &device->entry->config;
  const struct tt_config *all = device->bridge->host->config;
  size_t count[TT_POLL_SLOTS_MAX] = {0}, n = 0;
  for (size_t i = 0; i < config->n_points; i++) {
    const struct tt_point *point = &config->points[i];
    if (point->poll >= 0 && (size_t)point->poll < all->n_polls && point->address && !point->is_hidden)
      count[point->poll]++;
  }
  for (size_t i = 0; i < all->n_polls; i++)
    n += count[i] > 0;
  if (n == 0)
    return 0;

  device->schedule.classes = calloc(n, sizeof(*device->schedule.classes));
  device->class_points = calloc(n, sizeof(*device->class_points));
  device->n_class_points = calloc(n, sizeof(*device->n_class_points));
  if (!device->schedule.classes || !device->class_points || !device->n_class_points)
    return -ENOMEM;
  uint64_t accuracy_us = ACCURACY_MAX_US;
  for (size_t poll = 0; poll < all->n_polls; poll++) {
    if (count[poll] == 0)
      continue;
    size_t class = device->schedule.n++;
    uint16_t *points = device->class_points[class] = calloc(count[poll], sizeof(*points));
    if (!points)
      return -ENOMEM;
    for (size_t i = 0; i < config->n_points; i++)
      if (config->points[i].poll == (int)poll && config->points[i].address && !config->points[i].is_hidden)
        points[device->n_class_points[class]++] = (uint16_t)i;
    device->schedule.classes[class] =
        (struct tt_schedule_class){.every_us = all->polls[poll].every_us, .jitter_us = all->polls[poll].jitter_us};
    if (all->polls[poll].every_us / ACCURACY_PART < accuracy_us)
      accuracy_us = all->polls[poll].every_us / ACCURACY_PART;
  }
  return sd_event_add_time(device->bridge->host->event, &device->timer, CLOCK_MONOTONIC, TT_NEVER, accuracy_us + 1,
                           on_poll, device);
}

void poll_finish(struct tt_device *device)
{
  device->timer = sd_event_source_disable_unref(device->timer);
  for (size_t i = 0; device->class_points && i < device->schedule.n; i++)
    free(device->class_points[i]);
  free(device->class_points);
  free(device->n_class_points);
  free(device->schedule.classes);
  device->class_points = NULL;
  device->n_class_points = NULL;
  device->schedule = (struct tt_schedule){0};
}

void poll_start(struct tt_device *device)
{
  if (device->schedule.n_open == 0)
    tt_schedule_start(&device->schedule, host_now(device->bridge->host).mono_us);
  else
    tt_schedule_alive(&device->schedule);
  poll_arm(device);
}

void poll_alive(struct tt_device *device)
{
  tt_schedule_alive(&device->schedule);
  poll_arm(device);
}
