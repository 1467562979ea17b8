/* SPDX-License-Identifier: Apache-2.0
 *
 * component.c: XEP-0114 on a non-blocking socket: resolve, connect, header, handshake, stanzas, pings; and again.
 */
#include "component.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "alive.h"
#include "resolve.h"
#include "socket.h"
#include "stream.h"
#include "writer.h"

#define NS_STREAMS    "http://etherx.jabber.org/streams"
#define NS_STREAM_ERR "urn:ietf:params:xml:ns:xmpp-streams"
#define READ_SIZE     16384
#define READS_MAX     4 /* per turn: others want to run too */

enum state { WAITING, RESOLVING, CONNECTING, OPENING, SHAKING, ONLINE };

struct tt_component {
  struct tt_component_options options;
  char *jid, *secret, *host;
  struct tt_session *session;
  struct tt_retry retry;
  struct tt_alive alive;
  enum state state;
  struct tt_resolve *resolve;
  struct addrinfo *addresses, *address; /* all; the one being tried */
  int fd;
  sd_event_source *io, *timer, *later;
  struct tt_stream *stream;
  struct tt_buf out; /* what the kernel has not taken yet */
  size_t out_sent;
  /* The first thing that went wrong. Only noted where it happens, which may be deep in a callback of the parser;
   * acted upon by settle() at the end of the event. */
  bool is_failed, is_slow;
  char cause[TT_CAUSE_MAX];
};

TT_PRINTF(3, 4) static void fail(struct tt_component *c, bool is_slow, const char *format, ...)
{
  if (c->is_failed)
    return;
  va_list ap;
  va_start(ap, format);
  vsnprintf(c->cause, sizeof(c->cause), format, ap);
  va_end(ap);
  c->is_failed = true;
  c->is_slow = is_slow;
  if (c->stream)
    tt_stream_stop(c->stream);
}

static uint64_t now_us(const struct tt_component *c)
{
  uint64_t us = 0;
  sd_event_now(c->options.event, CLOCK_MONOTONIC, &us);
  return us;
}

static unsigned seconds(uint64_t us)
{
  return (unsigned)(us / TT_USEC_PER_SEC);
}

static void timer_at(struct tt_component *c, uint64_t mono_us)
{
  sd_event_source_set_time(c->timer, mono_us);
  sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* ---- Out ------------------------------------------------------------------------------------------------ */

/* The kernel takes what it takes; the rest waits for EPOLLOUT. */
static void push(struct tt_component *c)
{
  while (c->out_sent < c->out.len) {
    ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.len - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      if (errno != EAGAIN)
        fail(c, false, "the connection to %s:%u was lost: %s", c->host, c->options.port, strerror(errno));
      break;
    }
    c->out_sent += (size_t)n;
  }
  if (c->out_sent == c->out.len) {
    tt_buf_truncate(&c->out, 0);
    c->out_sent = 0;
  }
  sd_event_source_set_io_events(c->io, EPOLLIN | (c->out.len ? (uint32_t)EPOLLOUT : 0));
}

static int put(struct tt_component *c, const char *text, size_t n)
{
  if (c->out_sent) { /* cut off what has left, so that the buffer does not grow for ever */
    memmove(c->out.data, c->out.data + c->out_sent, c->out.len - c->out_sent);
    tt_buf_truncate(&c->out, c->out.len - c->out_sent);
    c->out_sent = 0;
  }
  size_t before = c->out.len;
  tt_buf_add(&c->out, text, n);
  if (c->out.failed) {
    tt_buf_truncate(&c->out, before);
    return -ENOMEM;
  }
  push(c);
  return 0;
}

static int on_write(void *user, const char *text, size_t n)
{
  struct tt_component *c = user;
  if (c->is_failed || c->state != ONLINE)
    return -ENOTCONN;
  if (c->out.len - c->out_sent > TT_COMPONENT_PENDING_MAX)
    return -ENOBUFS;
  int r = put(c, text, n);
  if (c->is_failed) /* we are in the session's hands: end the stream when it has let go */
    sd_event_source_set_enabled(c->later, SD_EVENT_ONESHOT);
  return r;
}

static const struct tt_session_ops session_ops = {.write = on_write};

/* A ping to ourselves goes through the whole server and back, whatever host it serves beside us. */
static void ping(struct tt_component *c)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "iq", NULL);
  tt_write_attr(&w, "type", "get");
  tt_write_attr(&w, "id", TT_ALIVE_ID);
  tt_write_attr(&w, "from", c->jid);
  tt_write_attr(&w, "to", c->jid);
  tt_write_open(&w, "ping", "urn:xmpp:ping");
  tt_write_close(&w);
  tt_write_close(&w);
  if (!w.failed)
    put(c, buf.data, buf.len);
}

static bool is_own_ping(const struct tt_component *c, const struct tt_xml *stanza)
{
  const char *id = tt_xml_attr(stanza, "id"), *from = tt_xml_attr(stanza, "from");
  return id && from && !strcmp(stanza->name, "iq") && !strcmp(id, TT_ALIVE_ID) && !strcasecmp(from, c->jid);
}

/* ---- In ------------------------------------------------------------------------------------------------- */

static void on_header(void *user, const struct tt_xml *header)
{
  struct tt_component *c = user;
  const char *id = tt_xml_attr(header, "id");
  if (strcmp(header->name, "stream") || strcmp(header->ns, NS_STREAMS) || !id) {
    fail(c, true, "%s:%u is no XMPP server's port for components", c->host, c->options.port);
    return;
  }
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  tt_buf_puts(&text, id);
  tt_buf_puts(&text, c->secret);
  bool is_done = !text.failed && EVP_Digest(text.data, text.len, digest, &n, EVP_sha1(), NULL);
  if (text.data)
    explicit_bzero(text.data, text.len);
  if (!is_done) {
    fail(c, false, "the handshake could not be computed");
    return;
  }
  struct tt_buf hand TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&hand, "<handshake>");
  for (unsigned i = 0; i < n; i++)
    tt_buf_printf(&hand, "%02x", digest[i]);
  tt_buf_puts(&hand, "</handshake>");
  c->state = SHAKING;
  if (hand.failed || put(c, hand.data, hand.len) < 0)
    fail(c, false, "out of memory");
}

static void on_stream_error(struct tt_component *c, const struct tt_xml *error)
{
  static const struct {
    const char *condition;
    bool is_slow, is_violation;
    const char *text;
  } rows[] = {
      {"not-authorized", true, false, "the server refused the secret"},
      {"host-unknown", true, false, "the server knows no component of this name"},
      {"conflict", true, false, "another component of this name is connected"},
      {"policy-violation", false, true, "the server closed the stream for a stanza against its policy"},
      /* what Prosody calls a component's stanza above its limit */
      {"not-well-formed", false, true, "the server closed the stream for a stanza that it could not read"},
      {"system-shutdown", false, false, "the server is shutting down"},
  };
  const struct tt_xml *text = tt_xml_child(error, "text", NS_STREAM_ERR);
  const char *said = text ? text->text : "", *condition = "an unknown error";
  char shown[128];
  TT_XML_FOREACH(child, error) {
    if (strcmp(child->ns, NS_STREAM_ERR) || child == text)
      continue;
    condition = child->name;
    for (size_t i = 0; i < TT_COUNT(rows); i++)
      if (!strcmp(condition, rows[i].condition)) {
        if (rows[i].is_violation)
          tt_session_violated(c->session);
        fail(c, rows[i].is_slow, "%s:%u: %s", c->host, c->options.port, rows[i].text);
        return;
      }
  }
  char name[64];
  fail(c, c->state != ONLINE, "%s:%u closed the stream with %s%s%s", c->host, c->options.port,
       tt_text_printable(name, sizeof(name), condition, strlen(condition)), *said ? ": " : "",
       tt_text_printable(shown, sizeof(shown), said, strlen(said)));
}

static void go_online(struct tt_component *c)
{
  c->state = ONLINE;
  timer_at(c, now_us(c) + c->alive.times.ping_every_us);
  tt_session_set_online(c->session, true);
  tt_router_online(c->options.router, c->session);
  char text[TT_CAUSE_MAX];
  snprintf(text, sizeof(text), "connected to %s:%u", c->host, c->options.port);
  tt_retry_online(&c->retry, now_us(c), text);
}

static void on_stanza(void *user, struct tt_xml_doc *doc)
{
  struct tt_component *c = user;
  const struct tt_xml *stanza = tt_xml_doc_root(doc);
  if (!strcmp(stanza->name, "error") && !strcmp(stanza->ns, NS_STREAMS))
    on_stream_error(c, stanza);
  else if (c->state == ONLINE && !is_own_ping(c, stanza))
    tt_router_stanza(c->options.router, c->session, stanza);
  else if (c->state == SHAKING && !strcmp(stanza->name, "handshake"))
    go_online(c);
  tt_xml_doc_destroy(doc);
}

static void on_closed(void *user)
{
  struct tt_component *c = user;
  /* ejabberd closes after a wrong handshake without always saying why. */
  if (c->state == SHAKING)
    fail(c, true, "%s:%u refused the handshake", c->host, c->options.port);
  else
    fail(c, false, "%s:%u closed the stream", c->host, c->options.port);
}

static const struct tt_stream_ops stream_ops = {.header = on_header, .stanza = on_stanza, .closed = on_closed};

static void take_in(struct tt_component *c)
{
  char data[READ_SIZE];
  for (int i = 0; i < READS_MAX && !c->is_failed; i++) {
    ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      break;
    if (n <= 0) {
      if (c->state == SHAKING)
        fail(c, true, "%s:%u refused the handshake", c->host, c->options.port);
      else
        fail(c, false, "the connection to %s:%u was lost: %s", c->host, c->options.port,
             n ? strerror(errno) : "closed by the server");
      break;
    }
    tt_alive_heard(&c->alive, now_us(c));
    if (tt_stream_feed(c->stream, data, (size_t)n) < 0)
      fail(c, c->state != ONLINE, "%s:%u does not speak as it should: %s", c->host, c->options.port,
           tt_stream_error(c->stream));
    if ((size_t)n < sizeof(data))
      break;
  }
  tt_socket_acknowledge(c->fd);
}

/* ---- Connecting ----------------------------------------------------------------------------------------- */

static int on_io(sd_event_source *source, int fd, uint32_t events, void *user);

static void close_socket(struct tt_component *c)
{
  c->io = sd_event_source_disable_unref(c->io);
  if (c->fd >= 0)
    close(c->fd);
  c->fd = -1;
}

/* One address. 0 or why it cannot even be tried. */
static int try_address(struct tt_component *c, const struct addrinfo *address)
{
  c->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0)
    return -errno;
  tt_socket_tune(c->fd);
  int r = connect(c->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS ? -errno : 0;
  if (r == 0)
    r = sd_event_add_io(c->options.event, &c->io, c->fd, EPOLLOUT, on_io, c);
  if (r < 0)
    close_socket(c);
  return r;
}

/* The next address that can be tried. `error` is what became of the one before. */
static void next_address(struct tt_component *c, int error)
{
  close_socket(c);
  for (; c->address; c->address = c->address->ai_next) {
    int r = try_address(c, c->address);
    if (r == 0) {
      c->state = CONNECTING;
      return;
    }
    error = r;
  }
  if (error == -ECONNREFUSED)
    fail(c, false, "connection refused by %s:%u", c->host, c->options.port);
  else
    fail(c, false, "cannot connect to %s:%u: %s", c->host, c->options.port, strerror(-error));
}

static void on_addresses(void *user, int error, struct addrinfo *addresses);

static void open_stream(struct tt_component *c)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  c->stream = tt_stream_create(&stream_ops, c);
  tt_buf_puts(&buf, "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='" NS_STREAMS
                    "' to='");
  tt_xml_escape(&buf, c->jid);
  tt_buf_puts(&buf, "'>");
  c->state = OPENING;
  if (!c->stream || buf.failed || put(c, buf.data, buf.len) < 0)
    fail(c, false, "out of memory");
}

static void on_connected(struct tt_component *c)
{
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
    error = errno;
  if (error) {
    c->address = c->address->ai_next;
    next_address(c, -error);
  } else {
    open_stream(c);
  }
}

static void attempt(struct tt_component *c)
{
  c->is_failed = false;
  c->state = RESOLVING;
  timer_at(c, now_us(c) + c->alive.times.online_us);
  int r = tt_resolve_start(c->options.event, c->host, c->options.port, on_addresses, c, &c->resolve);
  if (r < 0)
    fail(c, false, "cannot look up %s: %s", c->host, strerror(-r));
}

/* ---- The end of an event -------------------------------------------------------------------------------- */

static void drop_stream(struct tt_component *c)
{
  bool was_online = c->state == ONLINE;
  c->state = WAITING;
  close_socket(c);
  tt_resolve_cancel(TT_STEAL(c->resolve));
  tt_stream_destroy(TT_STEAL(c->stream));
  if (c->addresses)
    freeaddrinfo(c->addresses);
  c->addresses = c->address = NULL;
  tt_buf_finish(&c->out);
  c->out_sent = 0;
  if (was_online) {
    tt_session_set_online(c->session, false);
    tt_router_offline(c->options.router, c->session);
  }
}

static void settle(struct tt_component *c)
{
  if (!c->is_failed)
    return;
  drop_stream(c);
  c->is_failed = false;
  uint64_t now = now_us(c);
  timer_at(c, now + tt_retry_failed(&c->retry, now, c->is_slow, c->cause));
}

static void on_addresses(void *user, int error, struct addrinfo *addresses)
{
  struct tt_component *c = user;
  c->addresses = c->address = addresses;
  if (error)
    fail(c, false, "the name %s cannot be looked up: %s", c->host, gai_strerror(error));
  else
    next_address(c, -EADDRNOTAVAIL);
  settle(c);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *user)
{
  (void)source, (void)fd;
  struct tt_component *c = user;
  if (c->state == CONNECTING) {
    on_connected(c);
  } else {
    if (events & ~(uint32_t)EPOLLOUT)
      take_in(c);
    if (!c->is_failed && (events & EPOLLOUT))
      push(c);
  }
  settle(c);
  return 0;
}

static int on_later(sd_event_source *source, void *user)
{
  (void)source;
  settle(user);
  return 0;
}

static void on_silence(struct tt_component *c)
{
  uint64_t due_us;
  enum tt_alive_step step = tt_alive_next(&c->alive, now_us(c), &due_us);
  if (step == TT_ALIVE_DEAD) {
    fail(c, false, "%s:%u has not answered for %u s", c->host, c->options.port,
         seconds(c->alive.times.ping_every_us + c->alive.times.ping_answer_us));
    return;
  }
  timer_at(c, due_us);
  if (step == TT_ALIVE_PING)
    ping(c);
}

static int on_timer(sd_event_source *source, uint64_t us, void *user)
{
  (void)source, (void)us;
  struct tt_component *c = user;
  switch (c->state) {
  case WAITING:
    attempt(c);
    break;
  case RESOLVING:
    fail(c, false, "the name %s cannot be looked up within %u s", c->host, seconds(c->alive.times.online_us));
    break;
  case CONNECTING:
  case OPENING:
  case SHAKING:
    fail(c, false, "no answer from %s:%u within %u s", c->host, c->options.port, seconds(c->alive.times.online_us));
    break;
  case ONLINE:
    on_silence(c);
    break;
  }
  settle(c);
  return 0;
}

/* ---- The object ----------------------------------------------------------------------------------------- */

int tt_component_create(const struct tt_component_options *options, struct tt_component **ret)
{
  if (!options->jid || !*options->jid || !options->secret)
    return -EINVAL;
  struct tt_component *c = calloc(1, sizeof(*c));
  if (!c)
    return -ENOMEM;
  c->options = *options;
  c->options.port = options->port ? options->port : TT_COMPONENT_PORT;
  c->fd = -1;
  c->jid = strdup(options->jid);
  c->secret = strdup(options->secret);
  c->host = strdup(options->host ? options->host : "127.0.0.1");
  c->alive.times = options->times ? *options->times : TT_STREAM_TIMES;
  tt_retry_init(&c->retry, options->state, options->user);
  c->session = c->jid ? tt_session_create(TT_SESSION_COMPONENT, c->jid, &session_ops, c) : NULL;
  int r = -ENOMEM;
  if (!c->jid || !c->secret || !c->host || !c->session)
    goto fail;
  /* The timer's first time is now: the first attempt comes from the loop, like every other. */
  r = sd_event_add_time(options->event, &c->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, c);
  if (r >= 0)
    r = sd_event_add_defer(options->event, &c->later, on_later, c);
  if (r >= 0)
    r = sd_event_source_set_enabled(c->later, SD_EVENT_OFF);
  if (r < 0)
    goto fail;
  *ret = c;
  return 0;
fail:
  tt_component_destroy(c);
  return r;
}

void tt_component_destroy(struct tt_component *c)
{
  if (!c)
    return;
  if (c->state == ONLINE && !c->out.len) {
    static const char end[] = "</stream:stream>";
    (void)!send(c->fd, end, sizeof(end) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  drop_stream(c);
  sd_event_source_disable_unref(c->timer);
  sd_event_source_disable_unref(c->later);
  tt_session_destroy(c->session);
  if (c->secret)
    explicit_bzero(c->secret, strlen(c->secret));
  free(c->secret);
  free(c->jid);
  free(c->host);
  free(c);
}

struct tt_session *tt_component_session(const struct tt_component *c)
{
  return c->session;
}
