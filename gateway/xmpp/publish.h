/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h: values of chosen devices as items of pubsub nodes (XEP-0060, PEP of XEP-0163, P1451.99 publish/subscribe). A pubsub
 * node gets its first item after the service has said that only those may read it who are meant to. While the stream is down
 * nothing is kept: when it is back everything is asked and published anew. Main thread only.
 */
#pragma once

#include "router.h"

#include "model/publish.h"

#define TT_PUBLISH_OPEN_MAX  16  /* questions to services at a time: servers limit what an account may send */
#define TT_PUBLISH_ITEMS_MAX 256 /* of one pubsub node that several devices share; as many as Prosody takes */

struct tt_publisher;
struct tt_publisher_options {
  struct tt_router *router;
  const struct tt_publish *entries; /* borrowed until tt_publisher_configure() */
  size_t n;
  bool has_account;      /* then everything leaves from it, else from the component */
  const char *state_dir; /* for published.json; NULL: what was published is not remembered */
};
/* To be destroyed before the router and the core. -ENOMEM, -ENOSPC */
int tt_publisher_create(const struct tt_publisher_options *options, struct tt_publisher **ret);
void tt_publisher_destroy(struct tt_publisher *publisher); /* NULL is fine */
/* Other entries in place of those, which are not looked at any more afterwards; what is the same goes on. Pubsub nodes that
 * nothing is published to any more are deleted. -ENOMEM: some are missing. */
int tt_publisher_configure(struct tt_publisher *publisher, const struct tt_publish entries[], size_t n);
/* What is due; when the next is (monotonic), TT_NEVER. */
uint64_t tt_publisher_turn(struct tt_publisher *publisher, uint64_t mono_us);

struct tt_publisher_counts {
  size_t nodes, failing; /* pubsub nodes */
  uint64_t items;        /* that services have taken */
};
struct tt_publisher_counts tt_publisher_counts(const struct tt_publisher *publisher);
