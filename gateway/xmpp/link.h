/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h: a stream to a server as a client account, through libstrophe. The library blocks in DNS, in the TLS
 * handshake of a silent server and in the parsing of a hostile stanza, so it has a thread of its own (link_thread.h);
 * this is the side of the main thread: session, router, when to try again. TLS is mandatory, the certificate is
 * verified against the domain of the JID, SCRAM is used where it is offered. Reconnects for ever. Main thread only.
 */
#pragma once

#include "retry.h"
#include "router.h"

struct sd_event;
struct tt_link;

#define TT_LINK_PORT        5222
#define TT_LINK_PENDING_MAX (256 * 1024) /* bytes the thread has not taken; then the session's queue holds on */
/* Time that a stanza of a stranger may take in the parser; whoever needs more is blocked at our server (XEP-0191). */
#define TT_LINK_COSTLY_US (100 * TT_USEC_PER_MSEC)
#define TT_LINK_END_US    (800 * TT_USEC_PER_MSEC) /* the thread may take so long to end */

struct tt_link_options {
  struct sd_event *event;   /* borrowed */
  struct tt_router *router; /* borrowed */
  struct tt_access *access; /* borrowed; may be NULL: nobody is blocked */
  const char *jid;          /* bare or full; the strings are copied */
  const char *password;
  const char *host;                    /* NULL: found in DNS by the domain of the JID */
  uint16_t port;                       /* 0: TT_LINK_PORT, or what DNS says */
  const char *ca;                      /* PEM file, trusted in addition to the system's; NULL */
  const struct tt_stream_times *times; /* NULL: TT_STREAM_TIMES */
  tt_stream_state_fn state;
  void *user;
};

/* Starts the thread and begins to connect. -EINVAL: no account's JID, or no password. */
int tt_link_create(const struct tt_link_options *options, struct tt_link **ret);
/* Closes the stream and ends the thread. -ETIMEDOUT: the thread hangs inside the library (a name server that does not
 * answer); then its memory is left to it and the process should end by _exit(), or this is tried again. NULL is fine. */
int tt_link_destroy(struct tt_link *link);
struct tt_session *tt_link_session(const struct tt_link *link);
