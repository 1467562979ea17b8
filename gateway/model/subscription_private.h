/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription_private.h: what subscribe.c (from the request to its beginning) and subscription.c (events, for as long as it lasts)
 * share, and nobody else sees.
 */
#pragma once

#include "requests.h"
#include "subscription.h"

#include <uthash.h>
#include <utlist.h>

#define TT_NOT_IN_HEAP SIZE_MAX

struct subscription;

/* One point as a subscription sees it. */
struct spot {
  bool is_told;
  struct tt_limits limits;
  struct tt_value base; /* of the last event, or what was known at the beginning */
};

struct watched {
  struct watched *prev, *next;           /* of its subscription */
  struct watched *node_prev, *node_next; /* of its node */
  struct subscription *subscription;
  tt_id node; /* 0: there is none now */
  char *key, *source, *partition;
  struct spot *spots; /* one a point */
  size_t n_spots;
  struct tt_pace pace;
  bool is_reached, is_forced; /* an event is to come; whatever the limits say */
  enum tt_refusal verdict;    /* not TT_OK: is to be told as lost */
  uint64_t gone_us;           /* node 0: since then */
  uint64_t due_us;
  size_t place; /* in the heap */
  struct tt_ticket *ticket;
};

struct subscription {
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
  struct watched *watched;
  struct tt_ticket *ticket; /* of the access check at the beginning */
  tt_id readout;            /* of the first values; 0: none runs */
  unsigned pins;
  bool is_over;
};

/* Those who watch one node. */
struct index {
  UT_hash_handle hh;
  tt_id node;
  struct watched *watched;
};

struct tt_subscriptions {
  struct tt_core *core;
  struct subscription *all;
  struct index *index;
  struct watched **heap;
  size_t n_heap, room;
};

/* ---- subscription.c */
/* Its next step may have become due earlier or later. There is room in the heap for everything that is watched. */
void watched_schedule(struct watched *w);
int watched_index(struct watched *w, tt_id node); /* the node it watches; -ENOMEM */
/* The node's points as the subscription sees them, within what `grant` leaves (NULL: all of it). -ENOMEM */
int watched_bind(struct watched *w, const struct tt_node *node, const struct tt_grant *grant);
bool watched_is_reached(const struct watched *w, const struct tt_node *node);
void watched_free(struct watched *w);
/* Gone for everyone; the memory stays while somebody up the stack works on it (pins). */
void subscription_end(struct subscription *sub);
void subscription_unpin(struct subscription *sub);
