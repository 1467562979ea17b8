/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h: host names to addresses, on threads of its own, for getaddrinfo() blocks as long as it likes. Addresses
 * and names with one need no thread. Loop thread, but for what stands inside.
 */
#pragma once

#include "uri.h"

#include <netinet/in.h>
#include <thingtree/host.h>

#define CB_ADDRESSES_MAX 4 /* of one name; the others are not tried */

struct cb_addresses {
  size_t n;
  struct sockaddr_in6 at[CB_ADDRESSES_MAX]; /* or a sockaddr_in, as its family says */
};

/* An address that is written as one: -ENOENT: it is a name; -ENODEV: its interface is not there. `interface` (may be
 * NULL) is that of a link-local address without a scope. */
int cb_address_literal(const struct cb_base *base, const char *interface, struct cb_addresses *ret);

struct cb_resolver;
/* `id` is that of the question; `text` says why there is none. */
typedef void (*cb_resolved_fn)(void *user, uint64_t id, const struct cb_addresses *addresses, const char *text);
int cb_resolver_create(struct tt_bridge *bridge, cb_resolved_fn fn, void *user, struct cb_resolver **ret);
/* -ENOMEM, or that there is no thread. Of one `id` one question waits at most. */
int cb_resolver_ask(struct cb_resolver *resolver, uint64_t id, const struct cb_base *base);
/* No answer comes any more. `ended` is called when the thread is gone and the resolver with it, perhaps from within. */
void cb_resolver_stop(struct cb_resolver *resolver, void (*ended)(void *user), void *user);
