/* SPDX-License-Identifier: Apache-2.0
 *
 * router.h: stanza -> handler. Knows nothing of streams: takes trees, gives stanzas to a session; pure enough to be
 * fuzzed without a server. Does for all handlers what all need: caller, rate limits, default deny, an answer to
 * every iq. Main thread only.
 */
#pragma once

#include "model/core.h"
#include "session.h"
#include "xml.h"

#define TT_JID_MAX 3071 /* bytes; RFC 7622: three parts of 1023 */

struct tt_access;
struct tt_blocks;
struct tt_router;

struct tt_router_config {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_blocks *blocks; /* whose stanzas are not heard; may be NULL */
  unsigned dialects;        /* advertised: enum tt_dialect_flag of config.h, passed as a number by main */
  size_t stanza_max;        /* bytes of one stanza we send */
  bool control_by_message;
  bool compat_response_code;
  const char *version; /* for XEP-0092 */
};

int tt_router_create(const struct tt_router_config *config, struct tt_router **ret);
/* What may change while it runs; dialects and control_by_message have been announced. */
void tt_router_configure(struct tt_router *router, size_t stanza_max, bool compat_response_code);
void tt_router_destroy(struct tt_router *router);
/* One stanza from a server. Never fails: what cannot be answered is dropped and counted. */
void tt_router_stanza(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza);
/* End of turn: what is due. Returns when the next is (monotonic), TT_NEVER. */
uint64_t tt_router_turn(struct tt_router *router, uint64_t mono_us);
/* The session has come (sends presence and asks for the roster, account mode) or gone (its requests end). */
void tt_router_online(struct tt_router *router, struct tt_session *session);
void tt_router_offline(struct tt_router *router, struct tt_session *session);
const struct tt_router_config *tt_router_config(const struct tt_router *router);
struct tt_router_counts {
  uint64_t dropped; /* stanzas that nobody is told about: not for us, not understood, from strangers */
  uint64_t limited; /* stanzas beyond what one peer may send */
};
struct tt_router_counts tt_router_counts(const struct tt_router *router);

/* ---- For handlers --------------------------------------------------------------------------------------- */

/* An iq get or set, or a message payload, on its way through a handler. Valid during the call. */
struct tt_iq {
  struct tt_router *router;
  struct tt_session *session;
  const struct tt_xml *stanza;  /* iq or message */
  const struct tt_xml *payload; /* the child that chose the handler */
  const char *id;
  bool is_set;
  /* The node whose own address was asked (address.h), which the caller may know of; NULL: the gateway itself. */
  const struct tt_node *thing;
  struct tt_caller caller;
};

/* One row per request. Rows are found by namespace and local name of the payload. */
struct tt_iq_handler {
  const char *ns;
  const char *name;                               /* NULL: every name in this namespace */
  bool is_for_anyone;                             /* also without a rule (XEP-0199); default: forbidden */
  void (*fn)(struct tt_iq *iq, const void *data); /* answers now, or keeps a tt_reply */
  const void *data;
  /* The payload (on the heap, NULL: none) that goes before <error/> when the router refuses by itself (no rule, too
   * often): some clients look for nothing else. May be NULL. */
  char *(*refused)(const struct tt_iq *iq, enum tt_refusal refusal, const char *text, const void *data);
};

struct tt_message_handler {
  const char *ns;
  const char *name;
  void (*fn)(struct tt_iq *message, const void *data);
  const void *data;
};

/* Register rows; the table is borrowed. Features are advertised in disco#info (NULL-terminated). */
int tt_router_add(struct tt_router *router, const struct tt_iq_handler *rows, size_t n);
int tt_router_add_messages(struct tt_router *router, const struct tt_message_handler *rows, size_t n);
int tt_router_add_features(struct tt_router *router, const char *const *features);
/* fn is called when a full JID is known to be gone: a bounce (type=error message to it), unavailable presence,
 * a lost subscription (then `full` is a bare JID: all its resources), a rule that was taken away (a bare JID, or "@" and a
 * domain: all its accounts), or our session's end (full NULL). */
int tt_router_on_gone(struct tt_router *router,
                      void (*fn)(void *user, struct tt_session *session, const char *full), void *user);
/* fn is called when a session has come, after our presence. */
int tt_router_on_online(struct tt_router *router, void (*fn)(void *user, struct tt_session *session), void *user);
/* A bare JID that we talk to of our own will (a room that we join) is no stranger: its presence and messages go to fn and to
 * nobody else. Whoever speaks through it has no rights by that address, whatever the rules say of it. -ENOSPC, -EEXIST, -EINVAL,
 * -ENOMEM */
typedef void (*tt_claim_fn)(void *user, struct tt_session *session, const struct tt_xml *stanza);
int tt_router_claim(struct tt_router *router, const char *bare, tt_claim_fn fn, void *user);
/* A bare JID, or a domain with its accounts, is not heard any more: what runs for it ends. */
void tt_router_shut_out(struct tt_router *router, const char *who);
/* Has this bare JID any rule? */
bool tt_router_knows(struct tt_router *router, const char *bare);
/* A copy of what somebody else said or received, or what a server kept: nobody says that now. */
bool tt_router_is_second_hand(const struct tt_xml *message);
/* The text of a message, cut at a line so that the stanza is not larger than it may be. On the heap; NULL: out of memory. */
char *tt_router_fitting(const struct tt_router *router, const struct tt_session *session, const char *text);
/* Is this full JID meant by what such a function is called with? */
bool tt_router_is_of(const char *full, const char *who);

/* What is needed to answer later, when the stanza has gone. Freed by tt_reply_free(). If the session has ended
 * meanwhile, sending on it does nothing. */
struct tt_reply;
struct tt_reply *tt_reply_create(const struct tt_iq *iq); /* NULL: out of memory */
void tt_reply_free(struct tt_reply *reply);
const struct tt_caller *tt_reply_caller(const struct tt_reply *reply);
/* `payload` is on the heap and taken over (NULL: empty result). `group` as in struct tt_out: 0 or held. */
void tt_reply_result(struct tt_reply *reply, char *payload, uint64_t group);
void tt_reply_error(struct tt_reply *reply, enum tt_refusal refusal, const char *text, char *payload);
/* A message to the one who asked: data of a readout. */
void tt_reply_message(struct tt_reply *reply, char *payload, enum tt_out_class class, uint64_t group);

/* The usual sentence of a refusal, for those who have no better. */
const char *tt_refusal_text(enum tt_refusal refusal);

/* The same within the handler. */
void tt_iq_result(struct tt_iq *iq, char *payload);
/* A stanza error; `payload` (NULL or on the heap) comes before <error/>, `text` (NULL) inside it. `inside` is more
 * XML inside <error/> (paramError), may be NULL, taken over. */
void tt_iq_error(struct tt_iq *iq, enum tt_refusal refusal, const char *text, char *payload, char *inside);
/* An error that is none of the refusals: `type` and `condition` of RFC 6120, `inside` (may be NULL) more XML inside
 * <error/>. */
void tt_iq_error_as(struct tt_iq *iq, const char *type, const char *condition, const char *text,
                    const char *inside);
/* As if there were no handler: service-unavailable. */
void tt_iq_unhandled(struct tt_iq *iq);
/* The same later. */
void tt_reply_error_with(struct tt_reply *reply, enum tt_refusal refusal, const char *text, char *payload,
                         char *inside);
