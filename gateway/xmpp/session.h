/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h: one stream to a server as the handlers see it, account (link.h) or component (component.h): who we
 * are there and how a stanza leaves. And the outgoing stanza: payload text with its address, whose head is written
 * last, by the sender. Main thread only.
 */
#pragma once

#include <thingtree/util.h>

#define TT_OUT_QUEUE_MAX       2000              /* stanzas waiting in one session */
#define TT_OUT_QUEUE_BYTES_MAX (8 * 1024 * 1024) /* and their bytes: beyond, the oldest readings are dropped */
#define TT_OUT_HOLD_US         (3 * TT_USEC_PER_MSEC)
#define TT_STANZA_MIN          10000 /* bytes of a stanza that every server takes (RFC 6120 section 13.12) */

enum tt_session_kind { TT_SESSION_ACCOUNT, TT_SESSION_COMPONENT };

enum tt_out_kind { TT_OUT_IQ, TT_OUT_MESSAGE, TT_OUT_PRESENCE };

/* Under pressure readings are dropped, oldest first; answers never. */
enum tt_out_class { TT_OUT_ANSWER, TT_OUT_READING };

struct tt_out {
  enum tt_out_kind kind;
  enum tt_out_class class;
  const char *type;     /* "result", "error", "get", "set"; messages: NULL (normal); presence: NULL, "subscribed" */
  const char *from;     /* the local JID that was addressed; NULL: the session's own */
  const char *to;       /* NULL: our server */
  const char *id;       /* NULL: none */
  const char *language; /* xml:lang; NULL: none */
  char *payload;        /* on the heap, owned by the callee from here on, freed also on failure; NULL: none */
  /* 0, or the number of a request: this stanza may wait up to TT_OUT_HOLD_US for the next one with the same
   * number and `is_held` false, so that both leave in one write (Nagle against delayed ACK costs 40 ms). */
  uint64_t group;
  bool is_held;
};

struct tt_session;
struct tt_session_ops {
  /* Takes text that is one or more whole stanzas, in order. -ENOTCONN; -ENOBUFS. */
  int (*write)(void *user, const char *text, size_t n);
};

/* `jid`: what `from` is when nobody says otherwise (full JID of the account; domain of the component). */
struct tt_session *tt_session_create(enum tt_session_kind kind, const char *jid, const struct tt_session_ops *ops,
                                     void *user);
void tt_session_destroy(struct tt_session *session);
enum tt_session_kind tt_session_kind(const struct tt_session *session);
const char *tt_session_jid(const struct tt_session *session);
int tt_session_set_jid(struct tt_session *session, const char *jid); /* after resource binding */
/* Online: queued stanzas may leave. Offline: what is queued is dropped and counted. */
void tt_session_set_online(struct tt_session *session, bool is_online);
bool tt_session_is_online(const struct tt_session *session);
/* The server has closed the stream for a stanza against its policy, which mostly is one that was too large: none is
 * larger than half of the largest on that stream from now on, TT_STANZA_MIN at least. Before it goes offline. */
void tt_session_violated(struct tt_session *session);
size_t tt_session_stanza_max(const struct tt_session *session); /* bytes; SIZE_MAX: nothing was learned */
/* Queue one stanza; leaves with all others of this turn in one write at tt_session_flush(). `out` and its borrowed
 * strings are valid during the call only. -ENOTCONN, -ENOMEM, -ENOBUFS. */
int tt_session_send(struct tt_session *session, const struct tt_out *out);
/* End of turn. Returns when a held stanza must leave (monotonic), TT_NEVER. */
uint64_t tt_session_flush(struct tt_session *session, uint64_t mono_us);
struct tt_session_counts {
  uint64_t sent, received, dropped; /* stanzas; dropped: of those that were to be sent */
  size_t queued, queued_bytes;
};
/* The router counts what comes in. */
void tt_session_received(struct tt_session *session);
struct tt_session_counts tt_session_counts(const struct tt_session *session);
