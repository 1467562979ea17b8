/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c: the bounded queue of outgoing stanzas and the rule which of them may wait for which.
 */
#include "session.h"

#include <utlist.h>

#include "writer.h"

#define WRITE_MAX (64 * 1024)             /* bytes given to the stream at once, if one stanza is not longer */
#define RETRY_US  (20 * TT_USEC_PER_MSEC) /* the stream was full and does not say when it no longer is */
#define HARD_MAX  2                       /* times the limits: answers that find no readings to push out */

struct entry {
  struct entry *prev, *next;   /* in `ready` or `held` */
  struct entry *older, *newer; /* in `readings` */
  char *text;
  size_t n;
  uint64_t group;
  uint64_t leaves_us; /* held: 0 until a flush has told the time */
  bool is_reading;
};

struct tt_session {
  enum tt_session_kind kind;
  struct tt_session_ops ops;
  void *user;
  char *jid;
  bool is_online;
  size_t largest;         /* bytes of a stanza on this stream */
  size_t stanza_max;      /* learned */
  struct entry *ready;    /* leave at the next flush, in this order */
  struct entry *held;     /* wait for the next of their group, oldest first */
  struct entry *readings; /* those of `ready` that may be dropped, oldest first */
  struct tt_session_counts counts;
  struct tt_buf joined;
};

struct tt_session *tt_session_create(enum tt_session_kind kind, const char *jid, const struct tt_session_ops *ops,
                                     void *user)
{
  struct tt_session *session = calloc(1, sizeof(*session));
  if (!session)
    return NULL;
  session->kind = kind;
  session->ops = *ops;
  session->user = user;
  session->stanza_max = SIZE_MAX;
  session->jid = strdup(jid);
  if (!session->jid) {
    free(session);
    return NULL;
  }
  return session;
}

static void entry_free(struct entry *entry)
{
  if (entry)
    free(entry->text);
  free(entry);
}

/* Take out of `ready` and forget. */
static void entry_remove(struct tt_session *session, struct entry *entry)
{
  DL_DELETE(session->ready, entry);
  if (entry->is_reading)
    DL_DELETE2(session->readings, entry, older, newer);
  session->counts.queued--;
  session->counts.queued_bytes -= entry->n;
  entry_free(entry);
}

static void hold_end(struct tt_session *session, struct entry *entry)
{
  DL_DELETE(session->held, entry);
  DL_APPEND(session->ready, entry);
  if (entry->is_reading)
    DL_APPEND2(session->readings, entry, older, newer);
}

static void drop_all(struct tt_session *session)
{
  while (session->held)
    hold_end(session, session->held);
  while (session->ready) {
    entry_remove(session, session->ready);
    session->counts.dropped++;
  }
}

void tt_session_destroy(struct tt_session *session)
{
  if (!session)
    return;
  drop_all(session);
  tt_buf_finish(&session->joined);
  free(session->jid);
  free(session);
}

enum tt_session_kind tt_session_kind(const struct tt_session *session)
{
  return session->kind;
}

const char *tt_session_jid(const struct tt_session *session)
{
  return session->jid;
}

int tt_session_set_jid(struct tt_session *session, const char *jid)
{
  char *copy = strdup(jid);
  if (!copy)
    return -ENOMEM;
  free(session->jid);
  session->jid = copy;
  return 0;
}

void tt_session_set_online(struct tt_session *session, bool is_online)
{
  session->is_online = is_online;
  session->largest = 0;
  if (!is_online)
    drop_all(session);
}

void tt_session_violated(struct tt_session *session)
{
  size_t max = session->largest / 2 > TT_STANZA_MIN ? session->largest / 2 : TT_STANZA_MIN;
  if (session->largest > TT_STANZA_MIN && max < session->stanza_max)
    session->stanza_max = max;
}

size_t tt_session_stanza_max(const struct tt_session *session)
{
  return session->stanza_max;
}

bool tt_session_is_online(const struct tt_session *session)
{
  return session->is_online;
}

void tt_session_received(struct tt_session *session)
{
  session->counts.received++;
}

struct tt_session_counts tt_session_counts(const struct tt_session *session)
{
  return session->counts;
}

/* ---- One stanza ----------------------------------------------------------------------------------------- */

static char *stanza_text(const struct tt_session *session, const struct tt_out *out, size_t *ret_n)
{
  static const char *const names[] = {
      [TT_OUT_IQ] = "iq", [TT_OUT_MESSAGE] = "message", [TT_OUT_PRESENCE] = "presence"};
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, names[out->kind], NULL);
  tt_write_attr(&w, "type", out->type);
  /* The server of an account knows better than we do who we are, and some refuse another opinion. */
  if (session->kind == TT_SESSION_COMPONENT)
    tt_write_attr(&w, "from", out->from ? out->from : session->jid);
  tt_write_attr(&w, "to", out->to);
  tt_write_attr(&w, "id", out->id);
  tt_write_attr(&w, "xml:lang", out->language && *out->language ? out->language : NULL);
  if (out->payload && *out->payload) {
    tt_write_text(&w, ""); /* closes the start tag */
    tt_buf_puts(&buf, out->payload);
  }
  tt_write_close(&w);
  if (w.failed || buf.failed)
    return NULL;
  *ret_n = buf.len;
  return tt_buf_steal(&buf);
}

static bool fits(const struct tt_session *session, size_t n, size_t times)
{
  return session->counts.queued < times * TT_OUT_QUEUE_MAX &&
         session->counts.queued_bytes + n <= times * TT_OUT_QUEUE_BYTES_MAX;
}

/* Readings make room, oldest first: a newer one follows. Answers are waited for by someone: they may use as much
 * again when there is no reading left. */
static bool make_room(struct tt_session *session, size_t n, bool is_reading)
{
  while (!fits(session, n, 1) && session->readings) {
    entry_remove(session, session->readings);
    session->counts.dropped++;
  }
  return fits(session, n, is_reading ? 1 : HARD_MAX);
}

static int enqueue(struct tt_session *session, const struct tt_out *out)
{
  if (!session->is_online)
    return -ENOTCONN;
  struct entry *entry = calloc(1, sizeof(*entry));
  if (!entry)
    return -ENOMEM;
  entry->text = stanza_text(session, out, &entry->n);
  if (!entry->text) {
    entry_free(entry);
    return -ENOMEM;
  }
  entry->is_reading = out->class == TT_OUT_READING;
  if (!make_room(session, entry->n, entry->is_reading)) {
    entry_free(entry);
    session->counts.dropped++;
    return -ENOBUFS;
  }
  session->counts.queued++;
  session->counts.queued_bytes += entry->n;
  session->largest = entry->n > session->largest ? entry->n : session->largest;
  entry->group = out->group;
  DL_APPEND(session->held, entry);
  if (out->group && out->is_held)
    return 0;
  for (struct entry *e = session->held, *next; e && e != entry; e = next) {
    next = e->next;
    if (e->group == entry->group && entry->group)
      hold_end(session, e);
  }
  hold_end(session, entry);
  return 0;
}

int tt_session_send(struct tt_session *session, const struct tt_out *out)
{
  int r = enqueue(session, out);
  free(out->payload);
  return r;
}

/* ---- End of turn ---------------------------------------------------------------------------------------- */

/* Writes as many stanzas as go into one write. 0, or the error of the stream with everything still queued. */
static int write_some(struct tt_session *session)
{
  tt_buf_truncate(&session->joined, 0);
  size_t n = 0;
  for (struct entry *e = session->ready; e; e = e->next, n++) {
    if (n && session->joined.len + e->n > WRITE_MAX)
      break;
    tt_buf_add(&session->joined, e->text, e->n);
  }
  if (session->joined.failed) {
    tt_buf_finish(&session->joined);
    return -ENOMEM;
  }
  int r = session->ops.write(session->user, session->joined.data, session->joined.len);
  if (r < 0)
    return r;
  session->counts.sent += n;
  while (n-- && session->ready) /* the stream may have gone offline within */
    entry_remove(session, session->ready);
  return 0;
}

uint64_t tt_session_flush(struct tt_session *session, uint64_t mono_us)
{
  if (!session->is_online)
    return TT_NEVER;
  while (session->held && session->held->leaves_us && session->held->leaves_us <= mono_us)
    hold_end(session, session->held);
  /* Those without a time came last. */
  for (struct entry *e = session->held ? session->held->prev : NULL; e && !e->leaves_us; e = e->prev) {
    e->leaves_us = mono_us + TT_OUT_HOLD_US;
    if (e == session->held)
      break;
  }
  uint64_t due = session->held ? session->held->leaves_us : TT_NEVER;
  while (session->ready)
    if (write_some(session) < 0)
      return due < mono_us + RETRY_US ? due : mono_us + RETRY_US;
  return due;
}
