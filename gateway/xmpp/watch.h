/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h: what a person watches. Values that change arrive as chat messages ("plug: power 12.3 W") at the full JID that asked,
 * from the address that was asked, joined so that one node says no more than one message in TT_WATCH_INTERVAL_US. That its device has fallen silent is told
 * once, and its values again when it is back. A watch ends
 * when its person does not want it any more, has gone (unavailable, bounce, rule taken away, end of the session), or when the node
 * goes; it is not kept over a restart. For everybody who speaks to people: chat, ad-hoc commands. Main thread only.
 */
#pragma once

#include "router.h"

#define TT_WATCHES_MAX       1024 /* of everybody */
#define TT_WATCHES_PER_BARE  32   /* of one bare JID, all its resources together */
#define TT_WATCH_FIELDS_MAX  32   /* named in one watch */
#define TT_WATCH_INTERVAL_US TT_USEC_PER_SEC

struct tt_watches;

/* To be destroyed before the router, when the core turns no more. -ENOMEM, -ENOSPC */
int tt_watches_create(struct tt_router *router, struct tt_watches **ret);
void tt_watches_destroy(struct tt_watches *watches); /* NULL is fine */
/* Where values go: to caller->jid, from caller->local, in caller->language. Copied. */
struct tt_watch_address {
  struct tt_session *session;
  const struct tt_caller *caller;
  const char *thread; /* of the conversation (RFC 6121 5.2.5); NULL */
};

/* TT_OK: it runs, as `number` of this person (all their resources share the numbers; the smallest free one). `text` is a sentence
 * in the language of the caller. Called once, perhaps from within tt_watch_start(); valid during the call. */
typedef void (*tt_watch_fn)(void *user, enum tt_refusal refusal, const char *text, unsigned number);
/* `fields` none: every field that the caller may read. What the same full JID watches of this node already goes on as one watch with
 * it, under the same number, at the new address. The first message comes with the first change. */
void tt_watch_start(struct tt_watches *watches, const struct tt_watch_address *address, const struct tt_ref *node,
                    const char *const fields[], size_t n_fields, tt_watch_fn fn, void *user);
/* `user` is gone: what it has started goes on, and is not told. */
void tt_watch_forget(struct tt_watches *watches, const void *user);

/* One of a person's watches. Valid until the next call. */
struct tt_watch_row {
  unsigned number;
  tt_id node;
  const char *const *fields; /* none: all */
  size_t n_fields;
  const char *jid; /* where its values go */
};
/* The watches of this bare JID by number; at most `room`. Returns how many there are. */
size_t tt_watch_list(const struct tt_watches *watches, const char *bare, struct tt_watch_row rows[], size_t room);
/* -ENOENT */
int tt_watch_stop(struct tt_watches *watches, const char *bare, unsigned number);
/* Those of one node; 0: all. Returns how many there were. */
size_t tt_watch_stop_node(struct tt_watches *watches, const char *bare, tt_id node);
