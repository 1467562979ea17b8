/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c: the turns of the main loop.
 */
#include "loop.h"

#include <systemd/sd-event.h>
#include <time.h>

/* A held stanza waits 3 ms at most: the timer must be finer than the default of 250 ms. */
#define TIMER_ACCURACY_US 200

static uint64_t clock_us(clockid_t clock)
{
  struct timespec ts;
  clock_gettime(clock, &ts);
  return (uint64_t)ts.tv_sec * TT_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

struct tt_now tt_loop_clock(void)
{
  return (struct tt_now){.mono_us = clock_us(CLOCK_MONOTONIC), .wall_us = clock_us(CLOCK_REALTIME)};
}

static int on_due(sd_event_source *source, uint64_t us, void *user)
{
  (void)source;
  (void)us;
  (void)user;
  return 0; /* to begin a turn is all there is to do */
}

static int arm(sd_event_source *timer, uint64_t due_us)
{
  if (due_us == TT_NEVER)
    return sd_event_source_set_enabled(timer, SD_EVENT_OFF);
  int r = sd_event_source_set_time(timer, due_us);
  return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int run(sd_event *event, const struct tt_loop_hooks *hooks, sd_event_source *timer)
{
  for (;;) {
    int r = sd_event_prepare(event);
    if (r == 0)
      r = sd_event_wait(event, UINT64_MAX);
    if (r < 0)
      return r;
    if (r == 0)
      continue;

    struct tt_now now = tt_loop_clock();
    hooks->begin(hooks->user, now);
    for (unsigned n = 1;; n++) {
      r = sd_event_dispatch(event);
      if (r <= 0 || n == TT_LOOP_TURN_EVENTS || clock_us(CLOCK_MONOTONIC) - now.mono_us >= TT_LOOP_TURN_US)
        break;
      r = sd_event_prepare(event);
      if (r == 0)
        r = sd_event_wait(event, 0); /* what became ready meanwhile belongs to this turn */
      if (r <= 0)
        break;
    }
    if (r < 0)
      return r;
    uint64_t due_us = hooks->end(hooks->user, now);
    if (sd_event_get_state(event) == SD_EVENT_FINISHED)
      break;
    r = arm(timer, due_us);
    if (r < 0)
      return r;
  }
  int code;
  int r = sd_event_get_exit_code(event, &code);
  return r < 0 ? r : code;
}

int tt_loop_run(sd_event *event, const struct tt_loop_hooks *hooks)
{
  sd_event_source *timer = NULL;
  int r = sd_event_add_time(event, &timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_due, NULL);
  if (r < 0)
    return r;
  hooks->begin(hooks->user, tt_loop_clock());
  r = arm(timer, hooks->end(hooks->user, tt_loop_clock()));
  if (r >= 0)
    r = run(event, hooks, timer);
  sd_event_source_disable_unref(timer);
  return r;
}
