/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription_private.h: what subscription.c (how one begins and ends) and subscription_events.c (what happens while it
 * runs) share.
 */
#pragma once

#include "subscription.h"

#include "requests.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct tt_subscription;

/* One point as a subscription sees it. */
struct tt_spot {
  bool is_wanted; /* asked for, and allowed at the beginning */
  bool is_told;   /* and allowed still */
  struct tt_limits limits;
  struct tt_value base; /* of the last event, or what was known at the beginning */
};

/* One node of a subscription. */
struct tt_watched {
  struct tt_watched *prev, *next;         /* of its subscription */
  struct tt_watched *key_prev, *key_next; /* of its key */
  struct tt_subscription *subscription;
  struct tt_watchers *watchers; /* where it is listed; NULL: not yet */
  char *source, *partition;
  tt_id node;            /* 0: there is none now */
  struct tt_spot *spots; /* one a point */
  size_t n_spots;
  struct tt_pace pace;
  bool is_reached;     /* a limit: judged again when it is due */
  bool is_forced;      /* an event at once, whatever the limits say */
  bool is_down;        /* the node cannot be read now ... */
  bool is_told_down;   /* ... and the subscriber knows */
  uint64_t rules;      /* core->rules under which `is_told` was decided */
  enum tt_refusal why; /* not TT_OK: is to be told as lost */
  uint64_t gone_us;    /* node 0: since then; TT_NEVER: it was told */
  uint64_t due_us;
  size_t place; /* in the heap */
  struct tt_ticket *ticket;
};

/* Those who watch one key: whatever node has it. */
struct tt_watchers {
  UT_hash_handle hh;
  struct tt_watched *first;
  char key[];
};

struct tt_subscription {
  UT_hash_handle hh;
  tt_id id;
  struct tt_core *core;
  struct tt_event_sink sink;
  void *user;
  enum tt_subscription_class class;
  struct tt_caller *caller;
  struct tt_event_field *fields; /* texts owned */
  size_t n_fields;
  bool has_limits;
  unsigned categories;
  uint64_t min_us, max_us;
  bool is_immediate, is_accepted;
  struct tt_watched *watched;
  struct tt_ticket *ticket; /* of the access check at the beginning */
  tt_id readout;            /* of the first values; 0: none runs */
  unsigned pins; /* of those up the stack: whoever calls the sink pins first, for the sink may unsubscribe */
  bool is_over;
};

struct tt_subscriptions {
  struct tt_core *core;
  struct tt_subscription *all; /* hash by id */
  struct tt_watchers *watchers;
  size_t n_watched;
  struct tt_watched **heap; /* by due_us; there is room for all that are watched */
  size_t n_heap, room;
};

/* ---- subscription.c ------------------------------------------------------------------------------------------------- */
void tt_subscription_end(struct tt_subscription *subscription);
void tt_subscription_unpin(struct tt_subscription *subscription);

/* ---- subscription_events.c ------------------------------------------------------------------------------------------ */
/* Another one of the subscription. -ENOMEM */
int tt_watched_create(struct tt_subscription *subscription, const struct tt_node *node);
void tt_watched_free(struct tt_watched *watched);
/* The watched node of this subscription; NULL. */
struct tt_watched *tt_watched_find(const struct tt_subscription *subscription, const struct tt_node *node);
/* Take the node's points as they are now, within what `grant` (NULL: all that was asked for) leaves. -ENOMEM */
int tt_watched_bind(struct tt_watched *watched, const struct tt_node *node, const struct tt_grant *grant);
/* Accepted: look how far things have come since it began. */
void tt_watched_begin(struct tt_watched *watched);
/* An event at once. */
void tt_watched_force(struct tt_watched *watched);
/* Nothing more of it; the sink is told in the next flush. */
void tt_watched_take(struct tt_watched *watched, enum tt_refusal why);
void tt_subscriptions_listen(void *user, struct tt_node *node, enum tt_change change, uint16_t point);
