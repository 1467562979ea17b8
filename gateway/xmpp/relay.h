/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.h: a FIFO of messages from one thread to another, with a descriptor that wakes the reader. One thread puts,
 * one thread takes; the messages change hands and are never copied. It has no limit of its own: whoever puts asks
 * tt_relay_bytes() first.
 */
#pragma once

#include <stddef.h>

/* The beginning of a message. */
struct tt_relay_item {
  struct tt_relay_item *next;
  size_t bytes; /* what it counts for in tt_relay_bytes() */
};

struct tt_relay;

int tt_relay_create(struct tt_relay **ret);
/* When both threads are done with it. `free_item` is called for what nobody has taken. NULL is fine. */
void tt_relay_destroy(struct tt_relay *relay, void (*free_item)(struct tt_relay_item *item));

/* Readable after a put, until tt_relay_clear(). */
int tt_relay_fd(const struct tt_relay *relay);
/* By the reader, before it takes: a put that comes later wakes it again. */
void tt_relay_clear(struct tt_relay *relay);
/* By the reader, when it leaves some for its next turn. */
void tt_relay_wake(struct tt_relay *relay);

void tt_relay_put(struct tt_relay *relay, struct tt_relay_item *item);
/* The oldest, left where it is, or taken out; NULL: none. */
struct tt_relay_item *tt_relay_peek(struct tt_relay *relay);
struct tt_relay_item *tt_relay_take(struct tt_relay *relay);
size_t tt_relay_bytes(struct tt_relay *relay); /* of all that wait */
