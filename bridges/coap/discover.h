/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.h: what devices say at /.well-known/core (RFC 6690), asked one by one and, where an interface is named,
 * everybody at once (RFC 7252 section 8). What the links are
 * made into: offer.h. The only socket that hears strangers is open while
 * the answers to our question may come. Loop thread.
 */
#pragma once

#include "endpoint.h"

#define CB_DISCOVER_ANSWERS_MAX 256                   /* devices whose answers to one multicast are looked at */
#define CB_DISCOVER_WAIT_US     (6 * TT_USEC_PER_SEC) /* they answer within 5 s (RFC 7252, DEFAULT_LEISURE) */

struct cb_discovery;
/* Ends by itself with tt_done(), in a later event; `*discovery` is then NULL again. */
int cb_discovery_start(struct tt_bridge *bridge, struct cb_hub *hub, tt_id request, uint64_t deadline_us,
                       struct cb_discovery **discovery);
void cb_discovery_cancel(struct cb_discovery *discovery); /* tt_done(-ECANCELED); NULL is fine */

/* Tell every link of a document. -EINVAL: it is none (what stands before the fault was told). */
int cb_discovery_links(struct tt_bridge *bridge, tt_id request, const struct cb_base *base, const char *text,
                       size_t n);
