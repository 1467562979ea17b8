/* SPDX-License-Identifier: Apache-2.0
 *
 * ssdp.h: searching (UPnP Device Architecture 1.1, section 1.3). Not by libupnp: it sets the interface of its searches
 * wrongly on 64 bits, so that they leave by whatever route there is, and sleeps for more than half a second over each.
 */
#pragma once

#include "table.h"

#include <systemd/sd-event.h>

#define UP_SSDP_MESSAGE_MAX 2048 /* bytes of one datagram; longer ones are cut, which spoils them */
#define UP_SEARCH_ALL       "ssdp:all"

/* ---- Pure */
/* -EMSGSIZE: the target is too long. */
int up_ssdp_search(const char *target, char out[static UP_SSDP_MESSAGE_MAX]);
/* An answer to a search; `sender` is left as it is. -EINVAL: it is none, or lacks what an answer must have. */
int up_ssdp_answer(const char *data, size_t n, struct up_sighting *ret);

/* ---- The socket, on the loop thread */
struct up_searcher;
typedef void (*up_sighting_fn)(void *user, const struct up_sighting *sighting);
int up_searcher_create(sd_event *event, const struct up_net *net, up_sighting_fn fn, void *user,
                       struct up_searcher **ret);
void up_searcher_destroy(struct up_searcher *searcher);
int up_searcher_send(struct up_searcher *searcher, const char *target);
