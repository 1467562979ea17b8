/* SPDX-License-Identifier: Apache-2.0
 *
 * alive.c: silence, ping, silence, end.
 */
#include "alive.h"

void tt_alive_heard(struct tt_alive *alive, uint64_t mono_us)
{
  alive->heard_us = mono_us;
  alive->is_pinged = false;
}

enum tt_alive_step tt_alive_next(struct tt_alive *alive, uint64_t mono_us, uint64_t *ret_due)
{
  if (alive->is_pinged)
    return TT_ALIVE_DEAD;
  *ret_due = alive->heard_us + alive->times.ping_every_us;
  if (mono_us < *ret_due)
    return TT_ALIVE_WAIT;
  alive->is_pinged = true;
  *ret_due = mono_us + alive->times.ping_answer_us;
  return TT_ALIVE_PING;
}
