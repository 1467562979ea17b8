/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox.h: the one way from foreign threads to the loop. Each instance has a mailbox: one FIFO over two lanes.
 * Control is never dropped. Reports are bounded: above the high-water mark a newer report takes the place of the
 * older one with the same key; one whose key is not waiting is taken in up to the maximum, so that the last word on
 * something is not lost because of many about another; beyond, and without a key, it is dropped and counted.
 *
 * tt_mailbox_post() may be called on any thread, everything else on the loop thread only.
 */
#pragma once

#include <thingtree/host.h>

/* Per instance. Control messages count too, but are taken in beyond it. */
#define TT_INBOX_ITEMS_HIGH 4096
#define TT_INBOX_BYTES_HIGH (4u * 1024 * 1024)
/* For keys that are not waiting, and for replacements that are larger than what they replace: up to here. */
#define TT_INBOX_ITEMS_MAX 16384
#define TT_INBOX_BYTES_MAX (8u * 1024 * 1024)
#define TT_INBOX_KEY_MAX   1024
/* One turn takes so much, then everything else that waits comes first. */
#define TT_INBOX_TURN_ITEMS 256
#define TT_INBOX_TURN_US    (1 * TT_USEC_PER_MSEC)

struct tt_inbox;   /* one per loop */
struct tt_mailbox; /* one per instance */

int tt_inbox_create(struct sd_event *event, struct tt_inbox **ret);
void tt_inbox_destroy(struct tt_inbox *inbox); /* after all mailboxes */

int tt_mailbox_create(struct tt_inbox *inbox, struct tt_bridge *owner, struct tt_mailbox **ret);
/* Discards what waits; later posts get -ESHUTDOWN. */
void tt_mailbox_close(struct tt_mailbox *mailbox);
/* Not from within a message of its own; no thread may post any more. */
void tt_mailbox_destroy(struct tt_mailbox *mailbox);

/* tt_post() of host.h. */
int tt_mailbox_post(struct tt_mailbox *mailbox, enum tt_lane lane, const void *key, size_t key_size, tt_post_fn fn,
                    const void *data, size_t size);

struct tt_mailbox_counts {
  uint64_t replaced, dropped;
  size_t items, bytes; /* waiting */
};
struct tt_mailbox_counts tt_mailbox_counts(struct tt_mailbox *mailbox);
