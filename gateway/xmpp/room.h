/* SPDX-License-Identifier: Apache-2.0
 *
 * room.h: the rooms that the gateway is in (XEP-0045): it says there what the configuration selects, and does what occupants tell
 * it whose real address the room shows and the rules know. Everybody in the room reads what is said and what is answered. The
 * room itself has no rights, and nobody has any by a nick. Invitations and private messages through a room are not heard. Main
 * thread.
 */
#pragma once

#include "model/room.h"
#include "model/status.h"
#include "session.h"

#define TT_ROOM_RATE  5 /* commands a second in one room, everybody's together ... */
#define TT_ROOM_BURST 50

struct tt_router;
struct tt_rooms;

struct tt_rooms_options {
  const struct tt_room *rooms; /* borrowed */
  size_t n;
  enum tt_session_kind kind; /* who goes there: the account, or the component as <domain>/thingtree */
  const char *language;      /* of what is announced; NULL: English. Borrowed */
};
/* -ENOMEM, -ENOSPC, -EINVAL */
int tt_rooms_create(struct tt_router *router, const struct tt_rooms_options *options, struct tt_rooms **ret);
/* Before the router and the core; the tree may not change any more. NULL is fine. */
void tt_rooms_destroy(struct tt_rooms *rooms);
/* Leaves all of them while the stream still stands; afterwards nothing is said. */
void tt_rooms_stop(struct tt_rooms *rooms);
/* End of turn; when the next is due. */
uint64_t tt_rooms_turn(struct tt_rooms *rooms, uint64_t mono_us);
void tt_rooms_status(const struct tt_rooms *rooms, const struct tt_status_sink *sink);
