/* SPDX-License-Identifier: Apache-2.0
 *
 * link_thread.h: the thread in which libstrophe lives, and what link.c and it say to each other. Private to these two.
 * Messages go through two relays, one a direction; nothing else is shared.
 */
#pragma once

#include "relay.h"
#include "xml.h"

#include <thingtree/util.h>

/* Ids of our pings: their answers are for nobody else. */
#define TT_LINK_PUSH_ID "tt-push"

/* Bytes given to the library at once; one stanza may be longer. */
#define TT_LINK_WRITE_MAX (64 * 1024)

enum tt_link_kind {
  /* to the thread */
  TT_LINK_CONNECT, /* answered by ... ONLINE ... OFFLINE, or OFFLINE alone */
  TT_LINK_SEND,    /* text */
  TT_LINK_QUIT,    /* close the stream, then end */
  /* from the thread */
  TT_LINK_SOCKET,  /* fd: a copy, owned by the receiver: shutting it down frees the thread from a silent server */
  TT_LINK_ONLINE,  /* text: our full JID */
  TT_LINK_STANZA,  /* doc, cost_us */
  TT_LINK_OFFLINE, /* text: why; is_slow, is_violation */
};

struct tt_link_message {
  struct tt_relay_item item; /* first */
  enum tt_link_kind kind;
  int fd; /* SOCKET; else -1 */
  bool is_slow, is_violation;
  uint64_t cost_us;       /* of the thread's processor time */
  struct tt_xml_doc *doc; /* STANZA */
  size_t n;               /* bytes of text */
  char text[];            /* NUL-terminated */
};

/* `text` may be NULL. NULL when out of memory. */
struct tt_link_message *tt_link_message(enum tt_link_kind kind, const char *text, size_t n);
void tt_link_message_free(struct tt_relay_item *item);

struct tt_link_account {
  char *jid, *domain, *password;
  char *host; /* NULL: DNS */
  uint16_t port;
  char *ca; /* NULL */
};

struct tt_link_thread;
/* Everything is borrowed until tt_link_thread_join() has given 0. */
int tt_link_thread_start(const struct tt_link_account *account, struct tt_relay *to_thread,
                         struct tt_relay *from_thread, struct tt_link_thread **ret);
/* After TT_LINK_QUIT. 0: it has ended and is freed; -ETIMEDOUT: not within `us`. */
int tt_link_thread_join(struct tt_link_thread *thread, uint64_t us);
