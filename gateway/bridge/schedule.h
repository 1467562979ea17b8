/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule.h: when the points of one device are polled. Decisions only: the clock is passed in, whoever owns it arms
 * the timer and does the reading. All points of one class are one poll.
 *
 * A device that fails is asked ever more rarely, with one poll at a time, so that a dead unit costs its bus one
 * time-out per cycle; the first success brings all classes back.
 */
#pragma once

#include <thingtree/util.h>

#define TT_BACKOFF_TIMES     10                     /* never longer than so many times its own interval, */
#define TT_BACKOFF_MAX_US    (60 * TT_USEC_PER_SEC) /* nor than this (or its own interval, if that is longer) */
#define TT_POLL_EVERY_MIN_US (10 * TT_USEC_PER_MSEC)
/* All devices are asked once within so long after the start, then spread over their intervals. */
#define TT_SPREAD_US (1 * TT_USEC_PER_SEC)

struct tt_schedule_class {
  uint64_t every_us, jitter_us;
  uint64_t phase_us; /* due without jitter */
  uint64_t due_us;
  bool is_open; /* being read */
};

struct tt_schedule {
  struct tt_schedule_class *classes; /* owned by the caller, every_us and jitter_us filled in */
  size_t n;
  size_t n_open;
  unsigned failures; /* in a row */
  uint64_t retry_us; /* with failures: nothing before */
};

/* Attached: everything is due within TT_SPREAD_US or its interval, at random. */
void tt_schedule_start(struct tt_schedule *schedule, uint64_t now_us);
/* When the next poll may begin; TT_NEVER: not before an open one has ended. */
uint64_t tt_schedule_due(const struct tt_schedule *schedule);
/* The class that has been due longest, marked open; false: none is due. */
bool tt_schedule_take(struct tt_schedule *schedule, uint64_t now_us, size_t *ret_class);
enum tt_poll_end {
  TT_POLL_ANSWERED,
  TT_POLL_FAILED,  /* the device as a whole did not answer */
  TT_POLL_SKIPPED, /* was not asked, nothing is known */
};
void tt_schedule_end(struct tt_schedule *schedule, size_t class, uint64_t now_us, enum tt_poll_end end);
/* The device has proved alive by other means: a requested read, a report of its own. */
void tt_schedule_alive(struct tt_schedule *schedule);

/* How long to leave a device alone after so many failures in a row. */
uint64_t tt_schedule_backoff(uint64_t every_us, unsigned failures);
