/* SPDX-License-Identifier: Apache-2.0
 *
 * room_state.h: a multi-user chat room (XEP-0045) as one occupant sees it: what its stanzas say, and how one comes in, stays in
 * and comes back. Decisions only: the caller sends what a step says and tells what comes. Its stanzas are hostile: a room passes on
 * what anybody writes. Pure but for the jitter; the clock (monotonic) is passed in.
 */
#pragma once

#include "model/room.h"
#include "xml.h"

#define TT_NS_MUC      "http://jabber.org/protocol/muc"
#define TT_NS_MUC_USER "http://jabber.org/protocol/muc#user"

#define TT_ROOM_RESOURCE_MAX 1023 /* bytes of a nick (RFC 7622 section 3.4) */
#define TT_ROOM_NICKS_MAX    9    /* nick, nick_2, ..., nick_9 are tried when they are taken */

#define TT_ROOM_FIRST_US  (5 * TT_USEC_PER_SEC)   /* back-off, doubled each time ... */
#define TT_ROOM_MOST_US   (300 * TT_USEC_PER_SEC) /* ... up to this */
#define TT_ROOM_SLOW_US   (600 * TT_USEC_PER_SEC) /* somebody has to change something first */
#define TT_ROOM_STABLE_US (600 * TT_USEC_PER_SEC) /* in for this long: back-off begins anew */
#define TT_ROOM_WAIT_US   (30 * TT_USEC_PER_SEC)  /* for the room to let us in */
#define TT_ROOM_PING_US   (300 * TT_USEC_PER_SEC) /* of silence: are we still in? (XEP-0410) */
#define TT_ROOM_AGAIN_US  (60 * TT_USEC_PER_SEC)  /* after a ping that nothing can be said about */
#define TT_ROOM_SILENT    3                       /* such pings in a row: we are out */

/* ---- What stanzas say ------------------------------------------------------------------------------------- */

enum tt_room_status {
  TT_ROOM_SELF = 1 << 0,         /* 110 */
  TT_ROOM_CREATED = 1 << 1,      /* 201 */
  TT_ROOM_BANNED = 1 << 2,       /* 301 */
  TT_ROOM_RENAMED = 1 << 3,      /* 303 */
  TT_ROOM_KICKED = 1 << 4,       /* 307 */
  TT_ROOM_UNAFFILIATED = 1 << 5, /* 321 */
  TT_ROOM_MEMBERS_ONLY = 1 << 6, /* 322 */
  TT_ROOM_SHUT_DOWN = 1 << 7,    /* 332 */
};

/* A presence. Texts live as long as the stanza. */
struct tt_room_presence {
  const char *nick; /* NULL: of the room itself */
  bool is_gone;
  bool is_error;
  const char *condition; /* of an error; "" when it has none */
  unsigned statuses;     /* enum tt_room_status */
  bool is_destroyed;
  const char *jid;      /* real address, as the room tells it to us; NULL: it does not */
  const char *new_nick; /* with TT_ROOM_RENAMED; NULL */
  bool has_voice, is_moderator;
};
/* False: nothing that says who is in a room. */
bool tt_room_presence_read(const struct tt_xml *stanza, struct tt_room_presence *ret);

/* What somebody said to us, now and in the open. */
struct tt_room_line {
  const char *nick; /* who */
  const char *text; /* without our nick */
};
/* False: it is not for the occupant `own`, or is no new saying: history, subject, correction, encrypted, his own. */
bool tt_room_line_read(const struct tt_xml *stanza, const char *own, struct tt_room_line *ret);
/* Does a message of the room itself say that it is another room now (XEP-0045 section 10.2.1)? */
bool tt_room_is_changed(const struct tt_xml *stanza);
/* The nick of an occupant's address; NULL: the room's own. */
const char *tt_room_nick(const struct tt_xml *stanza);

/* ---- In and out ------------------------------------------------------------------------------------------- */

enum tt_room_phase {
  TT_ROOM_OUT,
  TT_ROOM_LOOKING, /* is there such a room? One that is not there would be made by whoever joins it */
  TT_ROOM_JOINING,
  TT_ROOM_IN,
};

enum tt_room_step {
  TT_ROOM_NOTHING,
  TT_ROOM_LOOK,  /* disco#info to the room; its outcome to tt_room_looked() */
  TT_ROOM_JOIN,  /* presence to own */
  TT_ROOM_PING,  /* XEP-0199 to own; its outcome to tt_room_pinged() */
  TT_ROOM_LEAVE, /* unavailable presence to own */
};

struct tt_room_state {
  const char *nick; /* configured; borrowed */
  enum tt_room_phase phase;
  char own[TT_ROOM_RESOURCE_MAX + 1]; /* what we are called there, or ask to be */
  unsigned nick_number, failures, n_silent;
  uint64_t due_us, heard_us, in_us; /* in_us: since when we are in */
  bool is_pinging, has_voice, is_moderator;
  const char *why; /* we are out: one constant sentence without a full stop */
};

void tt_room_state_init(struct tt_room_state *state, const char *nick);
enum tt_room_step tt_room_online(struct tt_room_state *state, uint64_t now);
void tt_room_offline(struct tt_room_state *state);
/* The answer: a condition (RFC 6120), or NULL: there is such a room. Not answered: there was no answer in time. */
enum tt_room_step tt_room_looked(struct tt_room_state *state, bool is_answered, const char *condition,
                                 uint64_t now);
enum tt_room_step tt_room_present(struct tt_room_state *state, const struct tt_room_presence *presence,
                                  uint64_t now);
enum tt_room_step tt_room_pinged(struct tt_room_state *state, bool is_answered, const char *condition,
                                 uint64_t now);
/* Something has come from the room. */
void tt_room_heard(struct tt_room_state *state, uint64_t now);
/* What we said was sent back. */
void tt_room_bounced(struct tt_room_state *state, uint64_t now);
/* What is due; state->due_us says when the next is. */
enum tt_room_step tt_room_due(struct tt_room_state *state, uint64_t now);
