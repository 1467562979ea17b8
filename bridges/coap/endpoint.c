/* SPDX-License-Identifier: Apache-2.0
 * Endpoints: address, session, and whose turn it is. libcoap calls back from within itself, where no session may be
 * closed: the callbacks leave marks, the endpoint's turn acts on them. */
#include "common/clock.h"
#include "endpoint_private.h"

#include <stdio.h>
#include <time.h>
#include <utlist.h>

#define PROBE_MIN_US (1 * TT_USEC_PER_SEC)
#define PROBE_MAX_US (8 * TT_USEC_PER_SEC)
#define PING_US      (3 * TT_USEC_PER_SEC) /* how long an answer to a ping is waited for */
/* libcoap would hold back what goes beyond, and send it when its time is over: so never; the limit is ours. */
#define NSTART_NEVER 64
/* Of a larger one libcoap would read the beginning, and take that for all. */
#define MESSAGE_MAX (COAP_RXBUFFER_SIZE - 1)
#define TURNS_MAX   6 /* after that the time of a turn grows no more */

/* ---- State ----------------------------------------------------------------------------------------------------- */
void cb_endpoint_kick(struct cb_endpoint *e)
{
  sd_event_source_set_enabled(e->defer, SD_EVENT_ONESHOT);
}

void cb_endpoint_failed(struct cb_endpoint *e, const char *why)
{
  if (!e->has_failed)
    snprintf(e->failure, sizeof e->failure, "%s", why);
  e->has_failed = true;
  cb_endpoint_kick(e);
}

void cb_endpoint_alive(struct cb_endpoint *e)
{
  e->failures = 0;
  e->heard_us = tt_clock_us();
  e->is_pinging = e->is_doubted = false;
  e->probe_us = TT_NEVER;
  if (e->link == TT_LINK_ONLINE)
    return;
  e->link = TT_LINK_ONLINE;
  e->hub->changed(e->hub->user, e, CB_REACHABLE, "");
}

/* A message that is not acknowledged holds its session, and would be repeated after the release: until another device is
 * there, perhaps, which would do the command then. */
static void drop_session(struct cb_endpoint *e)
{
  coap_session_t *session = TT_STEAL(e->session);
  if (!session)
    return;
  coap_session_set_app_data(session, NULL); /* what libcoap tells of the end concerns nobody */
  coap_session_disconnected(session, COAP_NACK_TOO_MANY_RETRIES);
  coap_session_release(session);
}

static void close_session(struct cb_endpoint *e)
{
  bool was_ready = e->phase == CB_READY;
  drop_session(e);
  if (e->base.is_dtls)
    cb_io_close(&e->io);
  e->phase = CB_IDLE;
  e->is_broken = e->is_silent = e->is_pinging = e->has_leftover = false;
  cb_exchanges_unsent(e); /* they go on with the next session, unless somebody ends them */
  e->active = NULL;
  if (was_ready)
    e->hub->changed(e->hub->user, e, CB_FORGOTTEN, "");
}

/* 1 s, 2 s, 4 s, 8 s, and up to a quarter more. */
static uint64_t probe_wait(const struct cb_endpoint *e)
{
  uint64_t wait = e->failures < 4 ? PROBE_MIN_US << (e->failures ? e->failures - 1 : 0) : PROBE_MAX_US;
  return wait + tt_random_below(wait / 4);
}

static void fail(struct cb_endpoint *e, const char *why)
{
  char text[CB_SECURITY_WHY_SIZE];
  snprintf(text, sizeof text, "%s", why);
  e->has_failed = e->is_doubted = false;
  close_session(e);
  e->address++;
  e->failures += e->failures < 16;
  e->probe_us = tt_clock_us() + probe_wait(e);
  e->link = TT_LINK_OFFLINE;
  snprintf(e->why, sizeof e->why, "%s: %s", e->name, text);
  e->hub->changed(e->hub->user, e, CB_UNREACHABLE, e->why);
  cb_exchanges_fail(e, -EHOSTUNREACH, e->why);
}

/* The device has ended the DTLS session. What was under way may have been done or not. */
static void lose(struct cb_endpoint *e)
{
  struct cb_exchange *x = e->active;
  bool is_lost = x && x->is_sent;
  close_session(e);
  if (is_lost)
    cb_exchange_fail(e, x, -ECONNRESET, false, "%s has ended the session", e->name);
}

/* Take back the message that is under way: it is not repeated from here on. */
static void abort_message(struct cb_endpoint *e)
{
  e->is_pinging = e->has_leftover = false;
  if (e->base.is_dtls || !e->session) {
    close_session(e);
    return;
  }
  coap_session_set_app_data(e->session, NULL);
  coap_session_disconnected(e->session, COAP_NACK_TOO_MANY_RETRIES); /* its socket and its address stay */
  coap_session_set_app_data(e->session, e);
}

/* The other side of a DTLS session may have forgotten it and says nothing then; a name may have another address now. */
static void suspect(struct cb_endpoint *e)
{
  e->is_silent = false;
  if (!e->base.is_dtls && e->base.kind != CB_HOST_NAME)
    return;
  close_session(e);
  e->address++;
}

/* ---- Connecting ------------------------------------------------------------------------------------------------ */
static void open_session(struct cb_endpoint *e)
{
  const struct cb_connection *options = e->hub->options;
  const struct sockaddr_in6 *address = &e->addresses.at[e->address % e->addresses.n];
  char why[CB_SECURITY_WHY_SIZE] = "";
  if (e->base.is_dtls && !e->io.context && cb_io_open(e->hub, &e->io) < 0) {
    cb_endpoint_failed(e, "out of memory");
    return;
  }
  struct cb_io *io = e->base.is_dtls ? &e->io : &e->hub->plain;
  e->session = cb_session_open(io->context, &e->base, address, &e->security, &e->guard, why);
  if (!e->session) {
    cb_endpoint_failed(e, why);
    return;
  }
  uint64_t ms = options->ack_timeout_us / 1000;
  coap_session_set_app_data(e->session, e);
  coap_session_set_ack_timeout(e->session, (coap_fixed_point_t){(uint16_t)(ms / 1000), (uint16_t)(ms % 1000)});
  coap_session_set_max_retransmit(e->session, (uint16_t)options->max_retransmit);
  coap_session_set_nstart(e->session, NSTART_NEVER);
  if (!e->base.is_dtls) /* there it is the size of what is sent for the handshake, too */
    coap_session_set_mtu(e->session, MESSAGE_MAX);
  e->phase = e->base.is_dtls ? CB_SHAKING : CB_READY;
  cb_io_arm(io);
}

static void connect_to(struct cb_endpoint *e, uint64_t now)
{
  e->phase_end_us = now + e->hub->options->connect_timeout_us;
  int r = cb_address_literal(&e->base, e->hub->options->interface, &e->addresses);
  if (r == 0) {
    open_session(e);
  } else if (r == -ENOENT) {
    e->phase = CB_RESOLVING;
    r = cb_resolver_ask(e->hub->resolver, e->id, &e->base);
    if (r < 0)
      cb_endpoint_failed(e, strerror(-r));
  } else {
    cb_endpoint_failed(e, r == -ENODEV ? "there is no interface of that name" : strerror(-r));
  }
}

void cb_hub_resolved(void *user, uint64_t id, const struct cb_addresses *addresses, const char *text)
{
  struct cb_hub *hub = user;
  struct cb_endpoint *e;
  char why[CB_SECURITY_WHY_SIZE];
  DL_FOREACH(hub->endpoints, e) {
    /* What comes too late is no less right. */
    if (e->id != id || e->users == 0 || !(e->phase == CB_RESOLVING || (e->phase == CB_IDLE && addresses)))
      continue;
    e->phase = CB_IDLE;
    if (!addresses) {
      snprintf(why, sizeof why, "the name cannot be resolved: %s", text);
      cb_endpoint_failed(e, why);
    } else {
      e->addresses = *addresses;
      e->phase_end_us = tt_clock_us() + hub->options->connect_timeout_us;
      open_session(e);
    }
    cb_endpoint_kick(e);
    return;
  }
}

int cb_endpoint_event(coap_session_t *session, const coap_event_t event)
{
  struct cb_endpoint *e = coap_session_get_app_data(session);
  char why[CB_SECURITY_WHY_SIZE] = "nobody is listening there, or the key is refused";
  if (!e)
    return 0;
  if (event == COAP_EVENT_DTLS_CONNECTED && e->phase == CB_SHAKING) {
    e->phase = CB_READY;
    cb_endpoint_alive(e);
  } else if (event == COAP_EVENT_DTLS_ERROR || event == COAP_EVENT_DTLS_CLOSED) {
    e->is_broken = true;
    if (event == COAP_EVENT_DTLS_ERROR)
      cb_session_why(session, &e->security, &e->guard, why);
    if (e->phase == CB_SHAKING)
      cb_endpoint_failed(e, why);
  }
  cb_endpoint_kick(e);
  return 0;
}

/* ---- Its turn -------------------------------------------------------------------------------------------------- */
/* Over DTLS the session would have to go, too: while others are answered there, a question is repeated in vain instead. */
static void abort_question(struct cb_endpoint *e, const struct cb_exchange *x)
{
  if (!e->base.is_dtls || x->ask.is_command)
    abort_message(e);
}

static void expire(struct cb_endpoint *e, uint64_t now)
{
  struct cb_exchange *x, *next;
  DL_FOREACH_SAFE(e->queue, x, next)
  {
    if (x->ask.deadline_us > now)
      continue;
    if (!x->is_sent) {
      if (e->phase != CB_READY)
        cb_exchange_fail(e, x, -ETIMEDOUT, true, "no connection in time to %s", e->name);
      else
        cb_exchange_fail(e, x, x->ask.is_command ? -ETIMEDOUT : -EBUSY, false, "there was no time left to ask %s",
                         e->name);
      continue;
    }
    if (x == e->active)
      abort_question(e, x);
    cb_exchange_silent(e, x);
  }
  if (e->is_silent)
    suspect(e);
}

/* The next that is to be sent. What is never repeated, and has had its turn, waits for its answer only. */
static struct cb_exchange *next_in_line(const struct cb_endpoint *e)
{
  struct cb_exchange *x;
  DL_FOREACH(e->queue, x) {
    if (x != e->active && (!x->is_sent || x->is_behind))
      return x;
  }
  return NULL;
}

/* When what is under way lets the others go first: its message may have been lost, so not before that was repeated, and
 * each time after twice as long; but the first time while there is as much time for them. TT_NEVER: nobody waits, or it
 * is a command. */
static uint64_t gives_way_us(const struct cb_endpoint *e)
{
  const struct cb_exchange *x = e->active;
  if (!x || !x->is_sent || x->ask.is_command || !next_in_line(e))
    return TT_NEVER;
  uint64_t wait = (e->hub->options->ack_timeout_us * 3 / 2) << (x->n_turns < TURNS_MAX ? x->n_turns : TURNS_MAX);
  uint64_t half = x->ask.deadline_us > x->sent_us ? (x->ask.deadline_us - x->sent_us) / 2 : 0;
  return x->sent_us + (x->n_turns == 0 && half < wait ? half : wait);
}

static void give_way(struct cb_endpoint *e, uint64_t now)
{
  struct cb_exchange *x = e->active;
  if (gives_way_us(e) > now)
    return;
  abort_question(e, x);
  x->is_behind = x->ask.is_confirmable;
  x->n_turns++;
  e->active = NULL;
  DL_DELETE(e->queue, x);
  DL_APPEND(e->queue, x);
}

static void ping(struct cb_endpoint *e, uint64_t now)
{
  coap_pdu_t *pdu = cb_question_write(&(struct cb_question){.is_confirmable = true}, e->session);
  e->probe_us = now + PING_US;
  e->is_pinging = pdu != NULL;
  if (pdu && coap_send(e->session, pdu) == COAP_INVALID_MID)
    cb_endpoint_failed(e, "nothing can be sent there");
  else
    cb_io_arm(&e->hub->plain);
}

/* Is it there (again)? Over DTLS the handshake has told. */
static void probe(struct cb_endpoint *e, uint64_t now)
{
  if (e->is_pinging && e->is_doubted) {
    fail(e, "nobody answers there");
  } else if (e->is_pinging) {
    abort_message(e);
    e->probe_us = e->link == TT_LINK_OFFLINE ? now + probe_wait(e) : TT_NEVER;
  } else if (!e->base.is_dtls) {
    ping(e, now);
  }
}

static void send_next(struct cb_endpoint *e)
{
  struct cb_exchange *x = e->active ? e->active : next_in_line(e);
  if (!x || (x->is_sent && !x->is_behind))
    return;
  if (e->is_pinging)
    abort_message(e);
  int r = cb_exchange_send(e, x);
  if (r == -EIO)
    cb_endpoint_failed(e, "nothing can be sent there");
  else if (r < 0)
    cb_exchange_fail(e, x, r, false, "the question does not fit one message");
  else
    cb_io_arm(e->base.is_dtls ? &e->io : &e->hub->plain);
}

static void arm(struct cb_endpoint *e)
{
  uint64_t due = e->queue ? TT_NEVER : e->probe_us; /* a question tells as well */
  struct cb_exchange *x;
  if (e->phase == CB_RESOLVING || e->phase == CB_SHAKING)
    due = e->phase_end_us;
  DL_FOREACH(e->queue, x) {
    due = x->ask.deadline_us < due ? x->ask.deadline_us : due;
  }
  if (gives_way_us(e) < due)
    due = gives_way_us(e);
  sd_event_source_set_time(e->timer, due);
  sd_event_source_set_enabled(e->timer, due == TT_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

void cb_endpoint_destroy(struct cb_endpoint *e)
{
  struct cb_exchange *x, *next;
  drop_session(e);
  cb_io_close(&e->io);
  DL_FOREACH_SAFE(e->queue, x, next)
  {
    cb_exchange_drop(x);
  }
  DL_DELETE(e->hub->endpoints, e);
  sd_event_source_disable_unref(e->timer);
  sd_event_source_disable_unref(e->defer);
  if (e->security.psk)
    explicit_bzero((char *)(uintptr_t)e->security.psk, strlen(e->security.psk));
  tt_arena_destroy(e->arena);
  free(e->name);
  free(e);
}

static void turn(struct cb_endpoint *e)
{
  uint64_t now = tt_clock_us();
  if (e->users == 0) {
    cb_endpoint_destroy(e);
    return;
  }
  if (e->has_failed)
    fail(e, e->failure);
  else if (e->is_broken)
    lose(e);
  else if (e->has_leftover)
    abort_message(e);
  else if (e->is_silent)
    suspect(e);
  expire(e, now);
  if ((e->phase == CB_RESOLVING || e->phase == CB_SHAKING) && now >= e->phase_end_us) {
    bool is_shaking = e->phase == CB_SHAKING;
    fail(e, is_shaking ? "no DTLS handshake in time; a wrong key has no other sign"
                       : "the name is not resolved in time");
  }
  bool is_probing = e->probe_us <= now;
  if (e->phase == CB_IDLE && (e->queue || is_probing))
    connect_to(e, now);
  give_way(e, now);
  if (e->phase == CB_READY && e->queue)
    send_next(e);
  else if (e->phase == CB_READY && is_probing)
    probe(e, now);
  arm(e);
}

static int on_defer(sd_event_source *source TT_UNUSED, void *user)
{
  turn(user);
  return 0;
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  turn(user);
  return 0;
}

/* ---- Questions ------------------------------------------------------------------------------------------------- */
int cb_endpoint_ask(struct cb_endpoint *e, const struct cb_ask *ask)
{
  struct cb_exchange *x, *before;
  if (e->n_queue == CB_QUESTIONS_MAX)
    return -ENOBUFS;
  int r = cb_exchange_create(ask, &x);
  if (r < 0)
    return r;
  e->n_queue++;
  cb_endpoint_kick(e);
  if (ask->is_command) {
    DL_FOREACH(e->queue, before) {
      if (before != e->active && !before->ask.is_command) {
        DL_PREPEND_ELEM(e->queue, before, x);
        return 0;
      }
    }
  }
  DL_APPEND(e->queue, x);
  return 0;
}

void cb_endpoint_doubt(struct cb_endpoint *e)
{
  if (e->link == TT_LINK_OFFLINE)
    return; /* it is looked for */
  e->is_doubted = true;
  e->probe_us = 0;
  cb_endpoint_kick(e);
}

void cb_endpoint_forget(struct cb_endpoint *e, const void *owner)
{
  struct cb_exchange *x, *next;
  DL_FOREACH_SAFE(e->queue, x, next)
  {
    if (x->ask.owner != owner)
      continue;
    DL_DELETE(e->queue, x);
    e->n_queue--;
    if (x == e->active) {
      e->active = NULL;
      /* Over DTLS the session would have to go: there the message is repeated a few times instead, unless it is a
       * command. */
      e->has_leftover = e->has_leftover || (x->is_sent && (!e->base.is_dtls || x->ask.is_command));
    }
    cb_exchange_drop(x);
  }
  cb_endpoint_kick(e);
}

void cb_endpoint_watch(struct cb_endpoint *e, struct cb_watch *watch)
{
  watch->token = cb_token_new();
  DL_APPEND(e->watches, watch);
}

void cb_endpoint_unwatch(struct cb_endpoint *e, struct cb_watch *watch)
{
  DL_DELETE(e->watches, watch);
}

void cb_endpoint_deregister(struct cb_endpoint *e, const struct cb_watch *watch, const struct cb_path *path,
                            int accept)
{
  struct cb_question q = {.method = COAP_REQUEST_CODE_GET,
                          .token = watch->token,
                          .host = e->base.kind == CB_HOST_NAME ? e->base.host : NULL,
                          .path = path,
                          .observing = CB_OBSERVING_DEREGISTER,
                          .accept = accept,
                          .content = -1};
  coap_pdu_t *pdu = e->phase == CB_READY && !e->is_broken ? cb_question_write(&q, e->session) : NULL;
  if (pdu)
    coap_send(e->session, pdu);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */
static bool is_same_text(const char *a, const char *b)
{
  return a == b || (a && b && !strcmp(a, b));
}

static bool is_same_security(const struct cb_security *a, const struct cb_security *b)
{
  return is_same_text(a->psk_identity, b->psk_identity) && is_same_text(a->psk, b->psk) &&
         a->psk_encoding == b->psk_encoding && is_same_text(a->ca, b->ca) && is_same_text(a->cert, b->cert) &&
         is_same_text(a->key, b->key) && is_same_text(a->name, b->name);
}

static bool is_same_base(const struct cb_base *a, const struct cb_base *b)
{
  return a->is_dtls == b->is_dtls && a->port == b->port && !strcmp(a->host, b->host) && !strcmp(a->scope, b->scope);
}

/* A copy: the configuration of the device that was first may go before the others. */
static int copy_security(struct cb_endpoint *e, const struct cb_security *from)
{
  struct cb_security *to = &e->security;
  const char *const texts[] = {from->psk_identity, from->psk, from->ca, from->cert, from->key, from->name};
  const char **const copies[] = {&to->psk_identity, &to->psk, &to->ca, &to->cert, &to->key, &to->name};
  e->arena = tt_arena_create(64 * 1024);
  to->psk_encoding = from->psk_encoding;
  for (size_t i = 0; e->arena && i < TT_COUNT(texts); i++)
    if (texts[i] && !(*copies[i] = tt_arena_strdup(e->arena, texts[i])))
      return -ENOMEM;
  return e->arena ? 0 : -ENOMEM;
}

static int create(struct cb_hub *hub, const struct cb_base *base, const struct cb_security *security,
                  struct cb_endpoint **ret)
{
  TT_AUTOBUF struct tt_buf name = TT_BUF(0);
  sd_event *event = tt_bridge_event(hub->bridge);
  struct cb_endpoint *e = calloc(1, sizeof *e);
  if (!e)
    return -ENOMEM;
  DL_APPEND(hub->endpoints, e);
  e->hub = hub;
  e->id = ++hub->last_id;
  e->base = *base;
  cb_base_print(base, &name);
  e->name = tt_buf_steal(&name);
  int r = e->name ? copy_security(e, security) : -ENOMEM;
  if (r >= 0)
    r = sd_event_add_time(event, &e->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, e);
  if (r >= 0)
    r = sd_event_source_set_enabled(e->timer, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_add_defer(event, &e->defer, on_defer, e);
  if (r < 0) {
    cb_endpoint_destroy(e);
    return r;
  }
  *ret = e;
  return 0;
}

int cb_endpoint_get(struct cb_hub *hub, const struct cb_base *base, const struct cb_security *security,
                    struct cb_endpoint **ret)
{
  struct cb_endpoint *e;
  DL_FOREACH(hub->endpoints, e) {
    if (is_same_base(&e->base, base) && (!base->is_dtls || is_same_security(&e->security, security))) {
      e->users++;
      *ret = e;
      return 0;
    }
  }
  int r = create(hub, base, security, &e);
  if (r < 0)
    return r;
  e->users = 1;
  e->probe_us = 0; /* at once */
  *ret = e;
  return 0;
}

void cb_endpoint_release(struct cb_endpoint *e)
{
  if (--e->users == 0)
    cb_endpoint_kick(e);
}

const char *cb_endpoint_name(const struct cb_endpoint *e)
{
  return e->name;
}

enum tt_link_state cb_endpoint_link(const struct cb_endpoint *e)
{
  return e->link;
}

const char *cb_endpoint_why(const struct cb_endpoint *e)
{
  return e->why;
}

struct cb_endpoint *cb_hub_next(struct cb_hub *hub, struct cb_endpoint *e)
{
  e = e ? e->next : hub->endpoints;
  while (e && e->users == 0)
    e = e->next;
  return e;
}
