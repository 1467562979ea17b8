/* SPDX-License-Identifier: Apache-2.0
 *
 * room_people.h: who is in a room, as far as the room tells: nick -> real address. Only those whose address we see are kept, for
 * nobody else can be anybody to us. Bounded: who comes when it is full is not known. Pure.
 */
#pragma once

#include <thingtree/util.h>

#define TT_ROOM_OCCUPANTS_MAX 1000
#define TT_ROOM_PEOPLE_BYTES  (1024u * 1024) /* of their nicks and addresses */

struct tt_room_people;

struct tt_room_people *tt_room_people_create(void); /* NULL: out of memory */
void tt_room_people_destroy(struct tt_room_people *people);
/* What the room says of this nick now takes the place of what it said before. `jid` NULL: it says nothing, or they have gone. */
void tt_room_people_set(struct tt_room_people *people, const char *nick, const char *jid);
/* The address behind the nick; NULL: not known. Good until the next change. */
const char *tt_room_people_find(const struct tt_room_people *people, const char *nick);
void tt_room_people_clear(struct tt_room_people *people);
size_t tt_room_people_count(const struct tt_room_people *people);
