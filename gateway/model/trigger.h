/* SPDX-License-Identifier: Apache-2.0
 *
 * trigger.h: has a field changed enough for an event, and when may the event leave? Source: XMPP IoT Events
 * (urn:xmpp:iot:events), P1451.99 event subscription. Pure: values and times are passed in.
 */
#pragma once

#include <thingtree/value.h>

/* What of a field is worth an event. A limit that is not given is below 0. `by` wins over `up` and `down`; with none of them
 * the field is only told along. */
struct tt_limits {
  double by, up, down;
};
#define TT_LIMITS_NONE ((struct tt_limits){-1, -1, -1})
#define TT_LIMITS_ANY  ((struct tt_limits){0, -1, -1}) /* every change */
static inline bool tt_limits_are_given(const struct tt_limits *limits)
{
  return limits->by >= 0 || limits->up >= 0 || limits->down >= 0;
}

/* How far `to` is above `from`: numbers by their difference, false and true as 0 and 1, dates, times and durations in seconds;
 * of texts every change is 1, upwards in the order of their bytes. Infinitely, where there was no value, or one of another
 * type; not at all, where there is none any more. */
double tt_distance(const struct tt_value *from, const struct tt_value *to);
/* Has it gone as far as the limits say, or farther? No change is never far enough; what only the rounding of decimal
 * fractions lacks (21.2 - 21.1) is. */
bool tt_limits_reached(const struct tt_limits *limits, const struct tt_value *from, const struct tt_value *to);

/* When the next event may or must leave. Monotonic. */
struct tt_pace {
  uint64_t min_us;  /* between two events: what is due before waits, and is judged again then */
  uint64_t max_us;  /* after the last event there is one in any case; 0: never */
  uint64_t last_us; /* the last event, or the beginning */
  bool has_event;   /* there has been one: only then `min_us` counts */
};
/* TT_NEVER: nothing is to come. May lie in the past: now. */
uint64_t tt_pace_due(const struct tt_pace *pace, bool is_reached);
