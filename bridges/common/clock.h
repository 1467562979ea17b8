/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h: the time as it is. That of the loop stands still within a turn; threads of a bridge, and whoever must not begin
 * anything after its deadline, look at the clock itself. Any thread.
 */
#pragma once

#include <thingtree/util.h>
#include <time.h>

/* Monotonic, microseconds. */
static inline uint64_t tt_clock_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}
