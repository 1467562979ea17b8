/* SPDX-License-Identifier: Apache-2.0
 *
 * bucket.h: how often a peer may ask: a token bucket per key (bare JID, domain), in a table of bounded size.
 * Pure: the clock is passed in.
 */
#pragma once

#include <thingtree/util.h>

#define TT_BUCKETS_MAX  4096 /* keys remembered; the least recently used makes room */
#define TT_JID_RATE     5    /* requests per second and bare JID without a rule */
#define TT_JID_BURST    20
#define TT_DOMAIN_RATE  25 /* per domain, all its strangers together */
#define TT_DOMAIN_BURST 100
#define TT_FRIEND_RATE  200 /* per bare JID with a rule: a client that draws a whole tree asks much at once */
#define TT_FRIEND_BURST 1000

struct tt_buckets;
struct tt_buckets *tt_buckets_create(double rate, double burst, size_t max);
void tt_buckets_destroy(struct tt_buckets *buckets);
/* Take one token for this key. false: too often. */
bool tt_buckets_take(struct tt_buckets *buckets, const char *key, uint64_t mono_us);
