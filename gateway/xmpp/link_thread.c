/* SPDX-License-Identifier: Apache-2.0
 *
 * link_thread.c: libstrophe in a loop of its own. What had to be worked around:
 * - it closes its socket by itself, and forgets it in an epoll set that still knows it: the loop watches a copy;
 * - it reads 4 KiB a call and does not look into TLS after that: it is called until it has been quiet for a while;
 * - its parser holds back a tag that was cut between two reads until more bytes come: a ping makes them come;
 * - select() is all it knows: no descriptor from FD_SETSIZE on is given to it;
 * - it says why a login failed in its log only, and formats every line for a log that is not its own: ours listens to
 *   errors and goes away once we are online.
 */
#define _GNU_SOURCE /* pthread_timedjoin_np() */
#include "link_thread.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <strophe.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "link_cause.h"
#include "link_stanza.h"
#include "socket.h"

#define STACK_SIZE  (16 * 1024 * 1024)       /* the library frees nested elements by recursion */
#define TICK_US     (1 * TT_USEC_PER_SEC)    /* its timed handlers */
#define PUSH_US     (50 * TT_USEC_PER_MSEC)  /* bytes came and no stanza was completed */
#define GOODBYE_US  (300 * TT_USEC_PER_MSEC) /* for the server's end tag */
#define CALLS_MAX   256                      /* of the library, in one turn */
#define QUIET_CALLS 5                        /* that found nothing: it is really quiet */
#define QUIET_EACH  16384                    /* bytes of output: one more, a TLS record */

enum phase { IDLE, TRYING, ONLINE, ENDED };

struct tt_link_thread {
  pthread_t id;
  const struct tt_link_account *account;
  struct tt_relay *in, *out;
  sd_event *event;
  sd_event_source *io, *tick, *again, *push;
  xmpp_ctx_t *ctx;
  xmpp_log_t log;
  xmpp_conn_t *conn;
  enum phase phase;
  int fd; /* our copy of the library's socket; -1 */
  bool is_quitting;
  unsigned n_attempts;
  struct tt_link_cause cause;
  /* the drain */
  size_t written; /* bytes given to the library in this drain */
  bool is_cut;    /* bytes were read and no stanza has been completed since */
  bool is_push_sent;
  uint64_t run_us, cost_us; /* processor time: when the present call began; what came before it */
};

/* The library's socket callback has no user pointer. */
static _Thread_local struct tt_link_thread *self;

/* ---- Messages ------------------------------------------------------------------------------------------- */

struct tt_link_message *tt_link_message(enum tt_link_kind kind, const char *text, size_t n)
{
  struct tt_link_message *message = malloc(sizeof(*message) + n + 1);
  if (!message)
    return NULL;
  *message = (struct tt_link_message){.item = {.bytes = n}, .kind = kind, .fd = -1, .n = n};
  if (n > 0)
    memcpy(message->text, text, n);
  message->text[n] = '\0';
  return message;
}

void tt_link_message_free(struct tt_relay_item *item)
{
  struct tt_link_message *message = (struct tt_link_message *)item;
  if (!message)
    return;
  if (message->fd >= 0)
    close(message->fd);
  tt_xml_doc_destroy(message->doc);
  free(message);
}

/* Without memory for a message that is awaited nothing can go on. */
static struct tt_link_message *message_or_die(enum tt_link_kind kind, const char *text)
{
  struct tt_link_message *message = tt_link_message(kind, text, text ? strlen(text) : 0);
  if (!message)
    abort();
  return message;
}

static void tell(struct tt_link_thread *t, struct tt_link_message *message)
{
  tt_relay_put(t->out, &message->item);
}

/* ---- Stanzas ---------------------------------------------------------------------------------------------- */

static uint64_t processor_us(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return (uint64_t)ts.tv_sec * TT_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static int on_stanza(TT_UNUSED xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *user)
{
  struct tt_link_thread *t = user;
  uint64_t now = processor_us();
  struct tt_xml_doc *doc = tt_link_stanza_doc(stanza);
  struct tt_link_message *message = doc ? tt_link_message(TT_LINK_STANZA, NULL, 0) : NULL;
  if (message) {
    message->doc = doc;
    message->item.bytes = tt_xml_doc_size(doc);
    message->cost_us = t->cost_us + (now - t->run_us);
    tell(t, message);
  } else {
    tt_xml_doc_destroy(doc);
  }
  t->cost_us = 0;
  t->run_us = processor_us();
  t->is_cut = t->is_push_sent = false;
  return 1; /* stay */
}

/* ---- What the library tells about a failure ---------------------------------------------------------------- */

static void on_log(void *user, xmpp_log_level_t level, TT_UNUSED const char *area, const char *text)
{
  struct tt_link_thread *t = user;
  if (level == XMPP_LEVEL_ERROR)
    tt_link_cause_said(&t->cause, text);
}

static int on_certificate(const xmpp_tlscert_t *certificate, const char *const why)
{
  tt_link_cause_certificate(&self->cause, xmpp_tlscert_get_string(certificate, XMPP_CERT_SUBJECT), why);
  return 0; /* never connect in spite of it */
}

/* ---- The socket ------------------------------------------------------------------------------------------- */

static int copy_of(int fd)
{
  return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void drop_socket(struct tt_link_thread *t)
{
  t->io = sd_event_source_disable_unref(t->io);
  if (t->fd >= 0) {
    shutdown(t->fd, SHUT_RDWR); /* copies keep a connection open that the library has closed */
    close(t->fd);
  }
  t->fd = -1;
}

/* Called for each address that the library tries. */
static int on_socket(TT_UNUSED xmpp_conn_t *conn, void *sock)
{
  struct tt_link_thread *t = self;
  int fd = *(const int *)sock;
  if (fd >= FD_SETSIZE) {
    tt_link_cause_set(&t->cause, false, "no file descriptor below %d is free for the XMPP stream", FD_SETSIZE);
    return -1;
  }
  tt_socket_tune(fd);
  drop_socket(t);
  int other = copy_of(fd);
  t->fd = copy_of(fd);
  if (other < 0 || t->fd < 0) {
    if (other >= 0)
      close(other);
    tt_link_cause_set(&t->cause, false, "no file descriptor is free for the XMPP stream");
    return -1;
  }
  struct tt_link_message *message = message_or_die(TT_LINK_SOCKET, NULL);
  message->fd = other;
  tell(t, message);
  return 0;
}

/* The library eats the error of a connect() that failed: look first. */
static void look_at_connect(struct tt_link_thread *t)
{
  struct sockaddr_storage peer;
  socklen_t size = sizeof(peer), error_size = sizeof(t->cause.connect_error);
  if (getpeername(t->fd, (struct sockaddr *)&peer, &size) == 0)
    t->cause.is_connected = true;
  else if (t->cause.connect_error == 0)
    getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &t->cause.connect_error, &error_size);
}

/* ---- Calling the library ---------------------------------------------------------------------------------- */

/* When the library has nothing left to send it gets more, so much at a time. Was there something? */
static bool feed(struct tt_link_thread *t)
{
  size_t fed = 0;
  if (t->phase != ONLINE || xmpp_conn_send_queue_len(t->conn) > 0)
    return false;
  while (fed < TT_LINK_WRITE_MAX) {
    struct tt_link_message *message = (struct tt_link_message *)tt_relay_peek(t->in);
    if (!message || message->kind != TT_LINK_SEND)
      break;
    tt_relay_take(t->in);
    xmpp_send_raw(t->conn, message->text, message->n);
    fed += message->n;
    tt_link_message_free(&message->item);
  }
  t->written += fed;
  return fed > 0;
}

static void run_library(struct tt_link_thread *t)
{
  t->run_us = processor_us();
  xmpp_run_once(t->ctx, 0);
  if (t->phase != ENDED && !t->cause.is_secured)
    t->cause.is_secured = xmpp_conn_is_secured(t->conn);
  t->cost_us += processor_us() - t->run_us;
}

static void finish_attempt(struct tt_link_thread *t);
static void obey(struct tt_link_thread *t);

/* The rest of a tag may be in the parser already: what comes next pushes it through. */
static void watch_cut(struct tt_link_thread *t)
{
  int enabled = SD_EVENT_OFF;
  if (t->phase != ONLINE || !t->is_cut) {
    sd_event_source_set_enabled(t->push, SD_EVENT_OFF);
  } else if (!t->is_push_sent && sd_event_source_get_enabled(t->push, &enabled) == 0) {
    sd_event_source_set_time_relative(t->push, PUSH_US);
    sd_event_source_set_enabled(t->push, SD_EVENT_ONESHOT);
  }
}

/* Until it has been quiet for a while. */
static void drain(struct tt_link_thread *t)
{
  unsigned calls = 0;
  t->written = 0;
  for (size_t quiet = 0; t->phase != ENDED && quiet <= QUIET_CALLS + t->written / QUIET_EACH; quiet++) {
    int bytes = 0;
    if (calls++ == CALLS_MAX) {
      sd_event_source_set_enabled(t->again, SD_EVENT_ONESHOT);
      break;
    }
    if (feed(t))
      quiet = 0;
    if (t->fd >= 0 && ioctl(t->fd, FIONREAD, &bytes) == 0 && bytes > 0) {
      quiet = 0;
      t->is_cut = true;
    }
    run_library(t);
  }
  if (t->phase == ENDED) {
    finish_attempt(t);
    return;
  }
  watch_cut(t);
  if (t->fd >= 0)
    tt_socket_acknowledge(t->fd);
}

/* ---- Attempts --------------------------------------------------------------------------------------------- */

static void on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, TT_UNUSED int error,
                    xmpp_stream_error_t *stream_error, void *user)
{
  struct tt_link_thread *t = user;
  if (event == XMPP_CONN_CONNECT) {
    const char *jid = xmpp_conn_get_bound_jid(conn);
    t->phase = ONLINE;
    t->log.handler = NULL;
    t->cost_us = 0;
    xmpp_handler_add(conn, on_stanza, NULL, NULL, NULL, t);
    tell(t, message_or_die(TT_LINK_ONLINE, jid ? jid : t->account->jid));
  } else if (t->phase == TRYING || t->phase == ONLINE) {
    tt_link_cause_find(&t->cause, t->account, t->phase == ONLINE, stream_error);
    drop_socket(t);
    t->phase = ENDED;
  }
}

/* Outside of all callbacks of the library. */
static void finish_attempt(struct tt_link_thread *t)
{
  if (t->conn)
    xmpp_conn_release(t->conn); /* of one that is connected: calls on_conn() */
  t->conn = NULL;
  drop_socket(t);
  t->phase = IDLE;
  sd_event_source_set_enabled(t->tick, SD_EVENT_OFF);
  sd_event_source_set_enabled(t->push, SD_EVENT_OFF);
  struct tt_link_message *message = message_or_die(TT_LINK_OFFLINE, t->cause.text);
  message->is_slow = t->cause.is_slow;
  message->is_violation = t->cause.is_violation;
  tell(t, message);
  if (t->is_quitting)
    sd_event_exit(t->event, 0);
}

static int on_io(TT_UNUSED sd_event_source *source, TT_UNUSED int fd, TT_UNUSED uint32_t events, void *user)
{
  struct tt_link_thread *t = user;
  if (!t->cause.is_connected)
    look_at_connect(t);
  drain(t);
  obey(t);
  return 0;
}

static int on_push(TT_UNUSED sd_event_source *source, TT_UNUSED uint64_t us, void *user)
{
  static const char ping[] = "<iq type='get' id='" TT_LINK_PUSH_ID "'><ping xmlns='urn:xmpp:ping'/></iq>";
  struct tt_link_thread *t = user;
  if (t->phase != ONLINE)
    return 0;
  t->is_push_sent = true;
  xmpp_send_raw(t->conn, ping, sizeof(ping) - 1);
  drain(t);
  return 0;
}

static void rearm_tick(struct tt_link_thread *t)
{
  sd_event_source_set_time_relative(t->tick, TICK_US);
  sd_event_source_set_enabled(t->tick, SD_EVENT_ONESHOT);
}

static int on_tick(TT_UNUSED sd_event_source *source, TT_UNUSED uint64_t us, void *user)
{
  struct tt_link_thread *t = user;
  if (t->phase == IDLE)
    return 0;
  rearm_tick(t);
  drain(t);
  obey(t);
  return 0;
}

static int on_again(TT_UNUSED sd_event_source *source, void *user)
{
  struct tt_link_thread *t = user;
  if (t->phase != IDLE)
    drain(t);
  obey(t);
  return 0;
}

/* The library takes the first address of a name that lets itself be tried and never another: one address an attempt,
 * in turn. NULL: the name as it is. */
static const char *next_address(struct tt_link_thread *t, char *out, size_t size)
{
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *all = NULL;
  unsigned n = 0;
  int r = getaddrinfo(t->account->host, NULL, &hints, &all);
  if (r) {
    tt_link_cause_set(&t->cause, false, "the name %s cannot be looked up: %s", t->account->host, gai_strerror(r));
    return NULL;
  }
  for (const struct addrinfo *a = all; a; a = a->ai_next)
    n++;
  const struct addrinfo *chosen = all;
  for (unsigned i = t->n_attempts % n; i > 0; i--)
    chosen = chosen->ai_next;
  r = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, out, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
  freeaddrinfo(all);
  if (r)
    tt_link_cause_set(&t->cause, false, "the name %s cannot be looked up: %s", t->account->host, gai_strerror(r));
  return r ? NULL : out;
}

static int begin(struct tt_link_thread *t)
{
  const struct tt_link_account *account = t->account;
  char address[NI_MAXHOST];
  const char *host = NULL;
  if (account->host && !(host = next_address(t, address, sizeof(address))))
    return -EHOSTUNREACH;
  t->n_attempts++;
  t->conn = xmpp_conn_new(t->ctx);
  if (!t->conn)
    return -ENOMEM;
  xmpp_conn_set_flags(t->conn, XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
  xmpp_conn_set_jid(t->conn, account->jid);
  xmpp_conn_set_pass(t->conn, account->password);
  if (account->ca)
    xmpp_conn_set_cafile(t->conn, account->ca);
  xmpp_conn_set_certfail_handler(t->conn, on_certificate);
  xmpp_conn_set_sockopt_callback(t->conn, on_socket);
  t->log.handler = on_log;
  t->phase = TRYING;
  uint16_t port = host && !account->port ? 5222 : account->port;
  if (xmpp_connect_client(t->conn, host, port, on_conn, t) != XMPP_EOK || t->fd < 0)
    return -ECONNREFUSED;
  return sd_event_add_io(t->event, &t->io, t->fd, EPOLLIN | EPOLLOUT | (uint32_t)EPOLLET, on_io, t);
}

static void connect_now(struct tt_link_thread *t)
{
  t->cause = (struct tt_link_cause){0};
  t->is_cut = t->is_push_sent = false;
  int r = begin(t);
  if (r == 0) {
    rearm_tick(t);
    return;
  }
  tt_link_cause_find(&t->cause, t->account, false, NULL);
  t->phase = ENDED;
  finish_attempt(t);
}

/* ---- What the main thread wants ---------------------------------------------------------------------------- */

static int on_goodbye(TT_UNUSED sd_event_source *source, TT_UNUSED uint64_t us, void *user)
{
  struct tt_link_thread *t = user;
  if (t->phase != IDLE) {
    t->phase = ENDED;
    finish_attempt(t);
  }
  return 0;
}

static void quit(struct tt_link_thread *t)
{
  t->is_quitting = true;
  if (t->phase == IDLE) {
    sd_event_exit(t->event, 0);
  } else if (t->phase != ONLINE) {
    t->phase = ENDED;
    finish_attempt(t);
  } else {
    xmpp_disconnect(t->conn);
    sd_event_add_time_relative(t->event, NULL, CLOCK_MONOTONIC, GOODBYE_US, 1000, on_goodbye, t);
    drain(t);
  }
}

/* What is to be sent waits for room in the library, and everything behind it waits, too. */
static void obey(struct tt_link_thread *t)
{
  struct tt_link_message *message;
  while (!t->is_quitting && (message = (struct tt_link_message *)tt_relay_peek(t->in)) &&
         !(message->kind == TT_LINK_SEND && t->phase == ONLINE)) {
    tt_relay_take(t->in);
    if (message->kind == TT_LINK_CONNECT && t->phase == IDLE)
      connect_now(t);
    else if (message->kind == TT_LINK_QUIT)
      quit(t);
    tt_link_message_free(&message->item); /* text for a stream that has gone goes, too */
  }
}

static int on_relay(TT_UNUSED sd_event_source *source, TT_UNUSED int fd, TT_UNUSED uint32_t events, void *user)
{
  struct tt_link_thread *t = user;
  tt_relay_clear(t->in);
  if (t->phase == ONLINE)
    drain(t);
  obey(t);
  return 0;
}

static int prepare(struct tt_link_thread *t)
{
  int r = sd_event_new(&t->event);
  if (r >= 0)
    r = sd_event_add_io(t->event, NULL, tt_relay_fd(t->in), EPOLLIN, on_relay, t);
  if (r >= 0)
    r = sd_event_add_time(t->event, &t->tick, CLOCK_MONOTONIC, 0, 0, on_tick, t);
  if (r >= 0)
    r = sd_event_source_set_enabled(t->tick, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_add_time(t->event, &t->push, CLOCK_MONOTONIC, 0, 1000, on_push, t);
  if (r >= 0)
    r = sd_event_source_set_enabled(t->push, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_add_defer(t->event, &t->again, on_again, t);
  if (r >= 0)
    r = sd_event_source_set_enabled(t->again, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_source_set_priority(t->again, SD_EVENT_PRIORITY_IDLE);
  t->log = (xmpp_log_t){.handler = on_log, .userdata = t};
  t->ctx = r >= 0 ? xmpp_ctx_new(NULL, &t->log) : NULL;
  return r < 0 ? r : t->ctx ? 0 : -ENOMEM;
}

static void clean_up(struct tt_link_thread *t)
{
  if (t->ctx)
    xmpp_ctx_free(t->ctx);
  sd_event_source_unref(t->tick);
  sd_event_source_unref(t->push);
  sd_event_source_unref(t->again);
  sd_event_unref(t->event);
}

static void *thread_main(void *user)
{
  struct tt_link_thread *t = user;
  self = t;
  if (sd_event_loop(t->event) < 0)
    abort(); /* no loop, no stream: better a restart than a gateway that is deaf without saying so */
  clean_up(t);
  return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------------------- */

/* Signals belong to the main thread. */
static int spawn(struct tt_link_thread *t)
{
  pthread_attr_t attr;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, STACK_SIZE);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int r = pthread_create(&t->id, &attr, thread_main, t);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  return -r;
}

int tt_link_thread_start(const struct tt_link_account *account, struct tt_relay *to_thread,
                         struct tt_relay *from_thread, struct tt_link_thread **ret)
{
  struct tt_link_thread *t = calloc(1, sizeof(*t));
  if (!t)
    return -ENOMEM;
  *t = (struct tt_link_thread){.account = account, .in = to_thread, .out = from_thread, .fd = -1};
  xmpp_initialize();
  int r = prepare(t);
  if (r == 0)
    r = spawn(t);
  if (r < 0) {
    clean_up(t);
    free(t);
    return r;
  }
  *ret = t;
  return 0;
}

int tt_link_thread_join(struct tt_link_thread *thread, uint64_t us)
{
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  uint64_t end = (uint64_t)until.tv_nsec / 1000 + us;
  until.tv_sec += (time_t)(end / TT_USEC_PER_SEC);
  until.tv_nsec = (long)(end % TT_USEC_PER_SEC) * 1000;
  if (pthread_timedjoin_np(thread->id, NULL, &until))
    return -ETIMEDOUT;
  free(thread);
  return 0;
}
