/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.c: poll classes, jitter and back-off of one device.
 */
#include "schedule.h"

static uint64_t shortest(const struct tt_schedule *schedule)
{
  uint64_t every_us = TT_NEVER;
  for (size_t i = 0; i < schedule->n; i++)
    if (schedule->classes[i].every_us < every_us)
      every_us = schedule->classes[i].every_us;
  return every_us;
}

static void set_due(struct tt_schedule_class *class, uint64_t phase_us)
{
  class->phase_us = phase_us;
  class->due_us = phase_us + tt_random_below(class->jitter_us + 1);
}

void tt_schedule_start(struct tt_schedule *schedule, uint64_t now_us)
{
  for (size_t i = 0; i < schedule->n; i++) {
    struct tt_schedule_class *class = &schedule->classes[i];
    if (class->every_us < TT_POLL_EVERY_MIN_US)
      class->every_us = TT_POLL_EVERY_MIN_US;
    uint64_t spread_us = class->every_us < TT_SPREAD_US ? class->every_us : TT_SPREAD_US;
    class->is_open = false;
    class->due_us = now_us + tt_random_below(spread_us);
    /* The first poll comes soon, the later ones spread over the whole interval. */
    uint64_t back_us = tt_random_below(class->every_us / 2 + 1);
    class->phase_us = class->due_us > back_us ? class->due_us - back_us : 0; /* shortly after boot */
  }
  schedule->n_open = 0;
  schedule->failures = 0;
  schedule->retry_us = 0;
}

uint64_t tt_schedule_due(const struct tt_schedule *schedule)
{
  uint64_t due_us = TT_NEVER;
  if (schedule->failures > 0 && schedule->n_open > 0)
    return TT_NEVER; /* one probe at a time */
  for (size_t i = 0; i < schedule->n; i++)
    if (!schedule->classes[i].is_open && schedule->classes[i].due_us < due_us)
      due_us = schedule->classes[i].due_us;
  return due_us < schedule->retry_us ? schedule->retry_us : due_us;
}

bool tt_schedule_take(struct tt_schedule *schedule, uint64_t now_us, size_t *ret_class)
{
  struct tt_schedule_class *oldest = NULL;
  if (tt_schedule_due(schedule) > now_us)
    return false;
  for (size_t i = 0; i < schedule->n; i++) {
    struct tt_schedule_class *class = &schedule->classes[i];
    if (!class->is_open && class->due_us <= now_us && (!oldest || class->due_us < oldest->due_us))
      oldest = class;
  }
  if (!oldest)
    return false;
  oldest->is_open = true;
  schedule->n_open++;
  *ret_class = (size_t)(oldest - schedule->classes);
  return true;
}

void tt_schedule_end(struct tt_schedule *schedule, size_t i, uint64_t now_us, enum tt_poll_end end)
{
  struct tt_schedule_class *class = &schedule->classes[i];
  if (!class->is_open)
    return;
  class->is_open = false;
  schedule->n_open--;

  /* What was missed is left out; the phase stays. */
  uint64_t behind_us = now_us > class->phase_us ? now_us - class->phase_us : 0;
  set_due(class, class->phase_us + (behind_us / class->every_us + 1) * class->every_us);

  if (end == TT_POLL_ANSWERED)
    tt_schedule_alive(schedule);
  else if (end == TT_POLL_FAILED && now_us >= schedule->retry_us) {
    /* Polls that were open together and fail together count once. */
    uint64_t wait_us = tt_schedule_backoff(shortest(schedule), ++schedule->failures);
    schedule->retry_us = now_us + wait_us + tt_random_below(wait_us / 10 + 1);
  }
}

void tt_schedule_alive(struct tt_schedule *schedule)
{
  schedule->failures = 0;
  schedule->retry_us = 0;
}

uint64_t tt_schedule_backoff(uint64_t every_us, unsigned failures)
{
  uint64_t cap_us =
      every_us > TT_BACKOFF_MAX_US / TT_BACKOFF_TIMES ? TT_BACKOFF_MAX_US : every_us * TT_BACKOFF_TIMES;
  if (cap_us < every_us)
    cap_us = every_us;
  uint64_t wait_us = every_us;
  for (unsigned i = 1; i < failures && wait_us < cap_us; i++)
    wait_us *= 2;
  return wait_us < cap_us ? wait_us : cap_us;
}
