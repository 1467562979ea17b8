/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c: the main thread's side of an account: gives orders, takes stanzas, keeps the deadlines that the library does
 * not keep. A thread that hangs is freed by shutting down its socket; while it looks up a name there is none, and it is
 * left alone.
 */
#include "link.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "alive.h"
#include "link_thread.h"
#include "trust/access.h"
#include "writer.h"

#define TURN_MESSAGES 64                      /* taken from the thread in one go */
#define JOIN_US       (10 * TT_USEC_PER_MSEC) /* between two looks at whether it has ended */

enum state { WAITING, TRYING, ONLINE };

struct tt_link {
  struct tt_link_options options;
  struct tt_link_account account;
  struct tt_session *session;
  struct tt_retry retry;
  struct tt_alive alive;
  enum state state;
  struct tt_relay *to_thread, *from_thread;
  struct tt_link_thread *thread;
  sd_event_source *io, *timer;
  int fd;                     /* copy of the thread's socket; -1 */
  char verdict[TT_CAUSE_MAX]; /* why we ended the attempt ourselves: truer than what the thread sees of it */
};

static uint64_t now_us(const struct tt_link *l)
{
  uint64_t us = 0;
  sd_event_now(l->options.event, CLOCK_MONOTONIC, &us);
  return us;
}

static unsigned seconds(uint64_t us)
{
  return (unsigned)(us / TT_USEC_PER_SEC);
}

static const char *host_of(const struct tt_link *l)
{
  return l->account.host ? l->account.host : l->account.domain;
}

static void timer_at(struct tt_link *l, uint64_t mono_us)
{
  sd_event_source_set_time(l->timer, mono_us);
  sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static int order(struct tt_link *l, enum tt_link_kind kind, const char *text, size_t n)
{
  struct tt_link_message *message = tt_link_message(kind, text, n);
  if (!message)
    return -ENOMEM;
  tt_relay_put(l->to_thread, &message->item);
  return 0;
}

static void close_copy(struct tt_link *l)
{
  if (l->fd >= 0)
    close(l->fd);
  l->fd = -1;
}

/* The thread will say that the stream has ended. */
static void cut(struct tt_link *l)
{
  if (l->fd >= 0)
    shutdown(l->fd, SHUT_RDWR);
}

static void give_up(struct tt_link *l, const char *text)
{
  snprintf(l->verdict, sizeof(l->verdict), "%s", text);
  cut(l);
}

/* ---- Out -------------------------------------------------------------------------------------------------- */

static int on_write(void *user, const char *text, size_t n)
{
  struct tt_link *l = user;
  if (l->state != ONLINE)
    return -ENOTCONN;
  if (tt_relay_bytes(l->to_thread) > TT_LINK_PENDING_MAX)
    return -ENOBUFS;
  return order(l, TT_LINK_SEND, text, n);
}

static const struct tt_session_ops session_ops = {.write = on_write};

static void ping(struct tt_link *l)
{
  static const char text[] = "<iq type='get' id='" TT_ALIVE_ID "'><ping xmlns='urn:xmpp:ping'/></iq>";
  order(l, TT_LINK_SEND, text, sizeof(text) - 1);
}

/* ---- In --------------------------------------------------------------------------------------------------- */

static bool is_answer_to_ping(const struct tt_xml *stanza)
{
  const char *id = tt_xml_attr(stanza, "id"), *type = tt_xml_attr(stanza, "type");
  return id && type && !strcmp(stanza->name, "iq") && (!strcmp(id, TT_ALIVE_ID) || !strcmp(id, TT_LINK_PUSH_ID)) &&
         (!strcmp(type, "result") || !strcmp(type, "error"));
}

/* Somebody whom we do not know keeps the parser busy: our server is asked to keep them away. */
static void block_costly(struct tt_link *l, const struct tt_xml *stanza, uint64_t cost_us)
{
  const char *from = tt_xml_attr(stanza, "from");
  char bare[TT_JID_MAX + 1];
  if (cost_us < TT_LINK_COSTLY_US || !l->options.access || !from || tt_jid_bare(from, bare, sizeof(bare)) < 0 ||
      !strchr(bare, '@') || tt_access_knows(l->options.access, bare))
    return;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "block", "urn:xmpp:blocking");
  tt_write_open(&w, "item", NULL);
  tt_write_attr(&w, "jid", bare);
  tt_write_close(&w);
  tt_write_close(&w);
  if (!w.failed)
    tt_session_send(
        l->session,
        &(struct tt_out){.kind = TT_OUT_IQ, .type = "set", .id = "tt-block", .payload = tt_buf_steal(&buf)});
}

static void on_socket(struct tt_link *l, struct tt_link_message *message)
{
  close_copy(l);
  l->fd = message->fd;
  message->fd = -1;
  if (*l->verdict)
    cut(l); /* the time was up before there was a socket */
}

static void on_online(struct tt_link *l, const struct tt_link_message *message)
{
  char text[TT_CAUSE_MAX];
  if (*l->verdict || tt_session_set_jid(l->session, message->text) < 0)
    return; /* too late */
  l->state = ONLINE;
  tt_alive_heard(&l->alive, now_us(l));
  timer_at(l, now_us(l) + l->alive.times.ping_every_us);
  tt_session_set_online(l->session, true);
  tt_router_online(l->options.router, l->session);
  snprintf(text, sizeof(text), "logged in as %s", message->text);
  tt_retry_online(&l->retry, now_us(l), text);
}

static void on_stanza(struct tt_link *l, const struct tt_link_message *message)
{
  const struct tt_xml *stanza = tt_xml_doc_root(message->doc);
  if (l->state != ONLINE)
    return;
  tt_alive_heard(&l->alive, now_us(l));
  block_costly(l, stanza, message->cost_us);
  if (!is_answer_to_ping(stanza))
    tt_router_stanza(l->options.router, l->session, stanza);
}

static void on_offline(struct tt_link *l, const struct tt_link_message *message)
{
  bool was_online = l->state == ONLINE, is_ours = *l->verdict;
  l->state = WAITING;
  close_copy(l);
  if (was_online) {
    if (message->is_violation)
      tt_session_violated(l->session);
    tt_session_set_online(l->session, false);
    tt_router_offline(l->options.router, l->session);
  }
  timer_at(l, now_us(l) + tt_retry_failed(&l->retry, now_us(l), !is_ours && message->is_slow,
                                          is_ours ? l->verdict : message->text));
}

static int on_relay(TT_UNUSED sd_event_source *source, TT_UNUSED int fd, TT_UNUSED uint32_t events, void *user)
{
  struct tt_link *l = user;
  struct tt_link_message *message = NULL;
  tt_relay_clear(l->from_thread);
  for (unsigned n = 0; n < TURN_MESSAGES; n++) {
    message = (struct tt_link_message *)tt_relay_take(l->from_thread);
    if (!message)
      return 0;
    switch (message->kind) {
    case TT_LINK_SOCKET:
      on_socket(l, message);
      break;
    case TT_LINK_ONLINE:
      on_online(l, message);
      break;
    case TT_LINK_STANZA:
      on_stanza(l, message);
      break;
    case TT_LINK_OFFLINE:
      on_offline(l, message);
      break;
    case TT_LINK_CONNECT:
    case TT_LINK_SEND:
    case TT_LINK_QUIT:
      break; /* never in this direction */
    }
    tt_link_message_free(&message->item);
  }
  tt_relay_wake(l->from_thread); /* the rest after everything else that is ready */
  return 0;
}

/* ---- Time ------------------------------------------------------------------------------------------------- */

static void attempt(struct tt_link *l)
{
  l->verdict[0] = '\0';
  l->state = TRYING;
  timer_at(l, now_us(l) + l->alive.times.online_us);
  if (order(l, TT_LINK_CONNECT, NULL, 0) < 0)
    l->state = WAITING; /* out of memory; again when the timer comes */
}

static void too_late(struct tt_link *l)
{
  char text[TT_CAUSE_MAX];
  unsigned patience = seconds(l->alive.times.online_us);
  if (l->fd < 0)
    snprintf(text, sizeof(text), "the name %s cannot be looked up within %u s", host_of(l), patience);
  else
    snprintf(text, sizeof(text), "no answer from %s within %u s", host_of(l), patience);
  give_up(l, text);
  if (l->fd < 0) /* the thread hangs and nothing frees it: people are told now, not when it comes back */
    tt_retry_failed(&l->retry, now_us(l), false, text);
}

static void on_silence(struct tt_link *l)
{
  char text[TT_CAUSE_MAX];
  uint64_t due_us;
  enum tt_alive_step step = tt_alive_next(&l->alive, now_us(l), &due_us);
  if (step == TT_ALIVE_DEAD) {
    snprintf(text, sizeof(text), "%s has not answered for %u s", host_of(l),
             seconds(l->alive.times.ping_every_us + l->alive.times.ping_answer_us));
    give_up(l, text);
    return;
  }
  timer_at(l, due_us);
  if (step == TT_ALIVE_PING)
    ping(l);
}

static int on_timer(TT_UNUSED sd_event_source *source, TT_UNUSED uint64_t us, void *user)
{
  struct tt_link *l = user;
  switch (l->state) {
  case WAITING:
    attempt(l);
    break;
  case TRYING:
    too_late(l);
    break;
  case ONLINE:
    on_silence(l);
    break;
  }
  return 0;
}

/* ---- The object ------------------------------------------------------------------------------------------- */

static void account_finish(struct tt_link_account *account)
{
  if (account->password)
    explicit_bzero(account->password, strlen(account->password));
  free(account->password);
  free(account->jid);
  free(account->domain);
  free(account->host);
  free(account->ca);
}

/* The domain of account@domain[/resource] into `out`. */
static int domain_of(const char *jid, char *out, size_t size)
{
  if (!jid || tt_jid_bare(jid, out, size) < 0)
    return -EINVAL;
  char *at = strchr(out, '@');
  if (!at)
    return -EINVAL;
  memmove(out, at + 1, strlen(at + 1) + 1);
  return 0;
}

static int account_init(struct tt_link_account *account, const struct tt_link_options *options)
{
  char domain[TT_JID_MAX + 1];
  if (!options->password || domain_of(options->jid, domain, sizeof(domain)) < 0)
    return -EINVAL;
  account->jid = strdup(options->jid);
  account->domain = strdup(domain);
  account->password = strdup(options->password);
  account->host = options->host ? strdup(options->host) : NULL;
  account->ca = options->ca ? strdup(options->ca) : NULL;
  account->port = options->port ? options->port : options->host ? TT_LINK_PORT : 0;
  return account->jid && account->domain && account->password && (account->host || !options->host) &&
                 (account->ca || !options->ca)
             ? 0
             : -ENOMEM;
}

static void link_free(struct tt_link *l)
{
  sd_event_source_disable_unref(l->io);
  sd_event_source_disable_unref(l->timer);
  close_copy(l);
  tt_relay_destroy(l->to_thread, tt_link_message_free);
  tt_relay_destroy(l->from_thread, tt_link_message_free);
  tt_session_destroy(l->session);
  account_finish(&l->account);
  free(l);
}

int tt_link_create(const struct tt_link_options *options, struct tt_link **ret)
{
  struct tt_link *l = calloc(1, sizeof(*l));
  if (!l)
    return -ENOMEM;
  l->options = *options;
  l->fd = -1;
  l->alive.times = options->times ? *options->times : TT_STREAM_TIMES;
  tt_retry_init(&l->retry, options->state, options->user);
  int r = account_init(&l->account, options);
  if (r == 0 && !(l->session = tt_session_create(TT_SESSION_ACCOUNT, options->jid, &session_ops, l)))
    r = -ENOMEM;
  if (r == 0)
    r = tt_relay_create(&l->to_thread);
  if (r == 0)
    r = tt_relay_create(&l->from_thread);
  if (r == 0)
    r = sd_event_add_io(options->event, &l->io, tt_relay_fd(l->from_thread), EPOLLIN, on_relay, l);
  if (r >= 0) /* the timer's first time is now: the first attempt comes from the loop, like every other */
    r = sd_event_add_time(options->event, &l->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, l);
  if (r >= 0)
    r = tt_link_thread_start(&l->account, l->to_thread, l->from_thread, &l->thread);
  if (r < 0) {
    link_free(l);
    return r;
  }
  *ret = l;
  return 0;
}

/* Waits for the thread, and cuts every socket of which it only tells now: it may hang on the handshake there. */
static int join(struct tt_link *l)
{
  for (uint64_t waited_us = 0; waited_us < TT_LINK_END_US; waited_us += JOIN_US) {
    struct tt_link_message *message;
    while ((message = (struct tt_link_message *)tt_relay_take(l->from_thread))) {
      if (message->kind == TT_LINK_SOCKET)
        on_socket(l, message);
      tt_link_message_free(&message->item);
    }
    if (tt_link_thread_join(l->thread, JOIN_US) == 0)
      return 0;
  }
  return -ETIMEDOUT;
}

int tt_link_destroy(struct tt_link *l)
{
  if (!l)
    return 0;
  l->io = sd_event_source_disable_unref(l->io);
  l->timer = sd_event_source_disable_unref(l->timer);
  if (l->state == ONLINE) {
    tt_session_set_online(l->session, false);
    tt_router_offline(l->options.router, l->session);
  } else {
    give_up(l, "the gateway ends"); /* it may hang in a handshake */
  }
  bool is_told = order(l, TT_LINK_QUIT, NULL, 0) == 0;
  if (!is_told || join(l) < 0)
    return -ETIMEDOUT;
  link_free(l);
  return 0;
}

struct tt_session *tt_link_session(const struct tt_link *l)
{
  return l->session;
}
