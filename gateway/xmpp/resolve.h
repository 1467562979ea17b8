/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h: host name -> addresses without stopping the loop. getaddrinfo() blocks as long as it likes, so a name
 * is looked up in a thread of its own; an address in figures is there at once. Main thread.
 */
#pragma once

#include <netdb.h>
#include <stdint.h>

struct sd_event;
struct tt_resolve;

/* `error` is 0 or an EAI_ value. `addresses` is for freeaddrinfo() by the callee; NULL on error. */
typedef void (*tt_resolve_fn)(void *user, int error, struct addrinfo *addresses);

/* `fn` is called once, never from within. -ENOMEM and the like. */
int tt_resolve_start(struct sd_event *event, const char *host, uint16_t port, tt_resolve_fn fn, void *user,
                     struct tt_resolve **ret);
/* Afterwards fn is not called any more; a thread that still waits for an answer ends by itself. NULL is fine. */
void tt_resolve_cancel(struct tt_resolve *resolve);
