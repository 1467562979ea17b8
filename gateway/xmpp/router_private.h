/* SPDX-License-Identifier: Apache-2.0
 *
 * router_private.h: what the files share that the router is made of, and those that are part of every entity.
 */
#pragma once

#include "contact.h"
#include "disco.h"
#include "router.h"

#include "model/address.h"
#include "trust/access.h"
#include "trust/blocks.h"
#include "trust/bucket.h"

#define TT_ROUTER_TABLES_MAX    32
#define TT_ROUTER_FEATURES_MAX  128
#define TT_ROUTER_LISTENERS_MAX 16
#define TT_ROUTER_SESSIONS_MAX  8
#define TT_ROUTER_CLAIMS_MAX    64
#define TT_ASKED_BACK_MAX       512  /* people whose asking back is remembered; the oldest makes room */
#define TT_STANZA_ID_MAX        1023 /* bytes of an id that we send back */
#define TT_LANGUAGE_MAX         35   /* RFC 5646 section 4.4.1 */

#define TT_NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define TT_NS_ROSTER  "jabber:iq:roster"

struct tt_asking;

struct tt_iq_table {
  const struct tt_iq_handler *rows;
  size_t n;
};

struct tt_message_table {
  const struct tt_message_handler *rows;
  size_t n;
};

struct tt_online_listener {
  void (*fn)(void *user, struct tt_session *session);
  void *user;
};

struct tt_gone_listener {
  void (*fn)(void *user, struct tt_session *session, const char *full);
  void *user;
};

struct tt_claim {
  char *bare;
  tt_claim_fn fn;
  void *user;
};

/* A subscription request that nobody has decided yet, to be answered from the address that was asked. */
struct tt_asked {
  char *bare, *via;
  struct tt_session *session;
};

struct tt_router {
  struct tt_router_config config;
  struct tt_iq_table iqs[TT_ROUTER_TABLES_MAX];
  size_t n_iqs;
  struct tt_message_table messages[TT_ROUTER_TABLES_MAX];
  size_t n_messages;
  const char *features[TT_ROUTER_FEATURES_MAX];
  size_t n_features;
  struct tt_gone_listener listeners[TT_ROUTER_LISTENERS_MAX];
  size_t n_listeners;
  struct tt_online_listener online[TT_ROUTER_LISTENERS_MAX];
  size_t n_online;
  struct tt_claim claims[TT_ROUTER_CLAIMS_MAX];
  size_t n_claims;
  struct tt_session *sessions[TT_ROUTER_SESSIONS_MAX]; /* online */
  size_t n_sessions;
  struct tt_reply *replies; /* all that are open */
  struct tt_buckets *friends, *strangers, *domains, *refusals;
  struct tt_asked asked[TT_REQUESTS_MAX];
  size_t next_asked;                      /* the oldest makes room */
  uint64_t asked_back[TT_ASKED_BACK_MAX]; /* hashes of bare JIDs whose presence our account has asked for */
  size_t next_asked_back;
  uint64_t last_id;
  struct tt_asking *asking; /* ask.c */
  size_t n_asking;
  struct tt_addresses *addresses;
  char roster_id[32];
  struct {
    const struct tt_disco_branch *branch;
    void *user;
  } branches[TT_DISCO_BRANCHES_MAX]; /* disco.c */
  size_t n_branches;
  struct tt_contacts *contacts; /* contact.c; NULL: presence says no more than what we are */
  struct tt_router_counts counts;
};

/* Where a stanza comes from and what it was sent to; strings live as long as stanza and session. */
struct tt_origin {
  const char *from; /* full; our own bare JID when our server left it out */
  char bare[TT_JID_MAX + 1];
  const char *to;               /* our address: of an account always its full JID */
  bool is_our_account;          /* our server speaks for our own account */
  const struct tt_claim *claim; /* whose address it is; NULL */
};

/* reply.c */
/* The result is what was written. */
void tt_iq_written(struct tt_iq *iq, struct tt_writer *w);
void tt_router_drop_replies(struct tt_router *router, const struct tt_session *session); /* NULL: free all */
/* Who asked as `jid` is not there any more: what is still open for it is done, and nobody told. */
void tt_router_drop_replies_to(struct tt_router *router, const struct tt_session *session, const char *jid);

/* ask.c: was it an answer to a question of ours? */
bool tt_router_answered(struct tt_router *router, struct tt_session *session, const struct tt_xml *answer,
                        const struct tt_origin *origin);
void tt_router_unanswered(struct tt_router *router, const struct tt_session *session); /* it has ended */
void tt_router_drop_asking(struct tt_router *router);

/* The node whose address, bare or full, this is: NULL with 0, it is one of the gateway's own; -ENOENT: there is none. */
int tt_router_thing(struct tt_router *router, const struct tt_session *session, const char *address,
                    struct tt_node **ret);

/* presence.c */
void tt_router_presence(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                        const struct tt_origin *origin, bool is_admitted);
void tt_router_gone(struct tt_router *router, struct tt_session *session, const char *full);
void tt_router_greet(struct tt_router *router, struct tt_session *session); /* presence and roster */
void tt_router_roster(struct tt_router *router, struct tt_session *session, const struct tt_xml *query);
void tt_router_decided(void *router, const char *who, bool is_accepted);
void tt_router_forget_asked(struct tt_router *router);
