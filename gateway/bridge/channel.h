/* SPDX-License-Identifier: Apache-2.0
 *
 * channel.h: one end of the socket pair between the daemon and a bridge in a process of its own. Neither end ever waits
 * for the other. What is sent in one turn of the loop leaves together, just before it waits. What does not fit into the
 * socket stays here, in three classes, as in inbox.h: what must arrive is never dropped; of what has a key a newer one
 * takes the place of the older while much waits; beyond a limit what may be dropped is dropped and counted.
 *
 * What comes is handed on in portions, so that an end that floods does not hold the loop of the other. Sent and received
 * bytes are wiped: among them are credentials. One loop, its thread.
 */
#pragma once

#include "letter.h"

#define TT_CHANNEL_HIGH (256u * 1024)      /* bytes that wait: from here on the newer replaces the older */
#define TT_CHANNEL_MAX  (4u * 1024 * 1024) /* from here on what may be dropped is dropped */
/* One turn takes so much, then everything else that waits comes first. */
#define TT_CHANNEL_TURN_FRAMES 256
#define TT_CHANNEL_TURN_US     (1 * TT_USEC_PER_MSEC)

struct tt_channel;

struct tt_channel_hooks {
  void *user;
  /* Negative: it is not acceptable, the channel is over. Must not destroy the channel. */
  int (*letter)(void *user, const struct tt_letter *letter);
  /* Once, nothing is called after it; may destroy the channel. -EPIPE: the other end is gone; else what was wrong. */
  void (*over)(void *user, int error);
};

/* Takes the descriptor, also when it fails. */
int tt_channel_create(struct sd_event *event, int fd, const struct tt_channel_hooks *hooks,
                      struct tt_channel **ret);
void tt_channel_destroy(struct tt_channel *channel); /* what waits is lost */

enum tt_class {
  TT_CLASS_MUST,
  TT_CLASS_MAY, /* be dropped */
};
/* `key` (0: none) names what it is about. -EMSGSIZE: it is too large; -ENOBUFS: it was dropped and counted; -ENOMEM:
 * likewise, or with TT_CLASS_MUST the channel is over soon. */
int tt_channel_send(struct tt_channel *channel, const struct tt_letter *letter, enum tt_class class, uint64_t key);
size_t tt_channel_waiting(const struct tt_channel *channel);   /* bytes */
uint64_t tt_channel_dropped(const struct tt_channel *channel); /* letters, all told */
