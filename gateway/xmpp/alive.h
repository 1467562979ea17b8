/* SPDX-License-Identifier: Apache-2.0
 *
 * alive.h: is the other end of a stream still there? After a silence it is pinged (XEP-0199); no answer in time is
 * the end. Pure, the clock is passed in.
 */
#pragma once

#include "retry.h"

#define TT_ALIVE_ID "tt-alive" /* of the ping's iq: its answer is for nobody else */

enum tt_alive_step {
  TT_ALIVE_WAIT,
  TT_ALIVE_PING, /* send one now */
  TT_ALIVE_DEAD,
};

struct tt_alive {
  struct tt_stream_times times;
  uint64_t heard_us;
  bool is_pinged;
};

void tt_alive_heard(struct tt_alive *alive, uint64_t mono_us);
/* What is to be done now; ret_due: when to ask again. */
enum tt_alive_step tt_alive_next(struct tt_alive *alive, uint64_t mono_us, uint64_t *ret_due);
