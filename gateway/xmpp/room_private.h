/* SPDX-License-Identifier: Apache-2.0
 *
 * room_private.h: what the files share that the rooms are made of.
 */
#pragma once

#include "room.h"
#include "room_people.h"
#include "room_state.h"
#include "router.h"

#include "chat/chat.h"
#include "trust/bucket.h"

struct tt_room_said;

struct tt_room_stay {
  struct tt_rooms *rooms;
  const struct tt_room *config;
  char *bare; /* normalised */
  struct tt_room_state state;
  struct tt_room_people *people;
  struct tt_follow *follow; /* once we were in for the first time; NULL */
  unsigned features;        /* enum tt_room_feature */
  bool is_warned;           /* that anybody can come in */
  uint64_t since_us;        /* wall: in or out */
  const char *told_why;     /* the cause that the log knows */
};

/* What disco#info says of a room (XEP-0045 section 15.3). */
enum tt_room_feature {
  TT_ROOM_PUBLIC = 1 << 0,
  TT_ROOM_OPEN = 1 << 1,
  TT_ROOM_UNSECURED = 1 << 2,
  TT_ROOM_SEMIANONYMOUS = 1 << 3,
};

struct tt_rooms {
  struct tt_router *router;
  struct tt_rooms_options options;
  struct tt_session *session; /* online; NULL */
  struct tt_room_stay *stays; /* options.n of them */
  struct tt_chat *chat;
  struct tt_buckets *commands, *strangers;
  struct tt_room_said *said; /* lines that wait for their answer */
  uint64_t last_id;
  bool is_stopped;
};

/* ---- room.c ---- */
/* Says it to everybody in the room, if we are in. */
void tt_room_say(struct tt_room_stay *stay, const char *text, const char *language, enum tt_out_class class);

/* ---- room_talk.c: commands and answers ---- */
void tt_room_heard_line(struct tt_room_stay *stay, const struct tt_xml *stanza);
/* Answers to this nick (NULL: to all) are not waited for any more. */
void tt_room_forget_lines(struct tt_room_stay *stay, const char *nick);
void tt_rooms_forget_person(struct tt_rooms *rooms,
                            const char *who); /* as a listener of tt_router_on_gone() is told */

/* ---- room_told.c: readings ---- */
void tt_room_follow(struct tt_room_stay *stay);
