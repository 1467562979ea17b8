/* SPDX-License-Identifier: Apache-2.0
 *
 * multicast.h: one question to everybody on a network, and who answers. Loop thread.
 */
#pragma once

#include "endpoint.h"

struct cb_multicast;
/* A response and where it is from. */
typedef void (*cb_multicast_fn)(void *user, const struct cb_base *from, const struct cb_response *response);

/* Ask for `path` on the interface, over IPv4 and IPv6, whichever there is. -ENODEV: there is no such interface; another
 * errno: nothing could be sent. */
int cb_multicast_start(struct tt_bridge *bridge, const char *interface, const struct cb_path *path,
                       cb_multicast_fn fn, void *user, struct cb_multicast **ret);
void cb_multicast_stop(struct cb_multicast *multicast); /* NULL is fine */
