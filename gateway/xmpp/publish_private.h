/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_private.h: what publish.c (values into items), publish_node.c (pubsub nodes: made, confirmed, written) and publish_sweep.c (deleted) share.
 */
#pragma once

#include "ask.h"
#include "publish.h"
#include "publish_kept.h"
#include "pubsub.h"
#include "reading.h"

#include "model/follow.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* Bytes around a payload: options, and the names of node and item, of which each may be 1 kB and grow by escaping. */
#define TT_PUBLISH_ENVELOPE 4096

struct tt_outlet;

/* What a pubsub node needs next. */
enum tt_place_step {
  TT_PLACE_CREATE,
  TT_PLACE_CONFIGURE, /* it was there already */
  TT_PLACE_CONFIRM,
  TT_PLACE_READERS, /* who is affiliated */
  TT_PLACE_ADMIT,
  TT_PLACE_READY,
};

/* The newest of one device that waits, in the pubsub node. */
struct tt_item_out {
  UT_hash_handle hh;               /* of the outlet, by key */
  struct tt_item_out *prev, *next; /* of those that wait; the first is being sent */
  struct tt_pubsub_place *place;
  char *payload; /* NULL with is_retracted: to be taken away */
  bool is_waiting, is_retracted, is_too_large;
  char key[];
};

/* A pubsub node. */
struct tt_pubsub_place {
  UT_hash_handle hh;                   /* of the outlet, by name */
  struct tt_pubsub_place *prev, *next; /* of those that have a question to ask */
  struct tt_outlet *outlet;
  enum tt_place_step step;
  struct tt_item_out *waiting, *sending; /* sending: its answer is awaited */
  char *admit;                           /* TT_PLACE_ADMIT: what is to be said */
  size_t n_items;
  unsigned n_failures;
  uint64_t retry_us; /* 0: it need not wait */
  bool is_queued, is_open, is_failing, is_full;
  char name[];
};

/* One entry of the configuration. */
struct tt_outlet {
  struct tt_outlet *prev, *next;
  struct tt_publisher *publisher;
  const struct tt_publish *config; /* borrowed, as are the next two */
  const char *to;                  /* NULL: our account */
  const char *as;
  const struct tt_dialect *dialect;
  bool is_shared; /* several devices write into one pubsub node */
  struct tt_selection selection;
  struct tt_session *session; /* NULL: the stream is down, and so is everything below */
  bool has_options;
  bool has_failed; /* somebody was told */
  struct tt_follow *follow;
  struct tt_reading reading;
  char *part;
  unsigned n_parts;
  struct tt_pubsub_place *places; /* by name */
  struct tt_item_out *items;      /* by key */
  size_t n_failing;
  unsigned n_failures;
  uint64_t retry_us;
};

struct tt_publisher {
  struct tt_router *router;
  bool has_account;
  struct tt_session *session; /* online; NULL */
  struct tt_outlet *outlets;
  struct tt_pubsub_place *queue;
  size_t n_open;
  uint64_t n_items, due_us;
  struct tt_kept *kept;
  char by[TT_JID_MAX + 1];             /* our bare JID on the session */
  const struct tt_kept_node *sweeping; /* whose deletion has no answer yet; NULL */
  bool is_sweep_due;
};

/* publish_node.c */
struct tt_pubsub_place *tt_place_get(struct tt_outlet *outlet, const char *name); /* NULL: out of memory */
void tt_places_free(struct tt_outlet *outlet); /* all of them, with their items */
struct tt_item_out *tt_item_create(struct tt_pubsub_place *place, const char *key); /* NULL: no room */
/* `payload`, taken over, is what is to be there. */
void tt_item_put(struct tt_item_out *item, char *payload);
void tt_item_retract(struct tt_item_out *item);
/* Ask what may be asked now. */
void tt_publish_pump(struct tt_publisher *publisher);
void tt_places_turn(struct tt_outlet *outlet, uint64_t mono_us);
/* When it is tried again, after one failure more. */
uint64_t tt_publish_retry(const struct tt_publisher *publisher, unsigned *n_failures);
void tt_publish_due(struct tt_publisher *publisher, uint64_t us);
/* publish_sweep.c: delete what is stale, if anything may be; look at all of it again. */
void tt_publish_sweep(struct tt_publisher *publisher);
void tt_publish_sweep_again(struct tt_publisher *publisher);
/* What is wrong with an answer; NULL: it is a result. */
const char *tt_publish_wrong(const struct tt_xml *answer);
/* Tell once what is wrong, until it is mended. `name` NULL: the service itself. */
void tt_outlet_failed(struct tt_outlet *outlet, const char *name, const char *why);
void tt_outlet_mended(struct tt_outlet *outlet);
