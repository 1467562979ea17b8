/* SPDX-License-Identifier: Apache-2.0
 *
 * room.h: a multi-user chat room (XEP-0045) that the gateway is in, as data: `rooms:` below `xmpp:`.
 */
#pragma once

#include "follow.h"

#define TT_ROOMS_MAX         32
#define TT_ROOM_NICK_MAX     64 /* bytes of the nick that is asked for */
#define TT_ROOM_INTERVAL_MIN TT_USEC_PER_SEC

struct tt_room {
  const char *jid; /* bare */
  const char *nick;
  const char *password;     /* NULL: none */
  struct tt_selection told; /* what is announced; no patterns of nodes: nothing */
  bool has_commands;        /* occupants may command */
};
