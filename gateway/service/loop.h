/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h: sd-event with turns. A turn reads the clock once, then dispatches what is ready, at most
 * TT_LOOP_TURN_EVENTS or TT_LOOP_TURN_US of it, then lets its owner finish: write what was queued, tell when
 * something is due next. Main thread.
 */
#pragma once

#include <thingtree/util.h>

#define TT_LOOP_TURN_EVENTS 64
#define TT_LOOP_TURN_US     (1 * TT_USEC_PER_MSEC)

struct sd_event;

struct tt_loop_hooks {
  void *user;
  void (*begin)(void *user, struct tt_now now); /* before anything of this turn runs */
  /* After everything of this turn ran. Returns when the next turn must begin at the latest (monotonic), TT_NEVER. */
  uint64_t (*end)(void *user, struct tt_now now);
};

struct tt_now tt_loop_clock(void);
/* Until sd_event_exit(); returns its code, or a negative errno. */
int tt_loop_run(struct sd_event *event, const struct tt_loop_hooks *hooks);
