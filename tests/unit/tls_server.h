/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_server.h: an XMPP server for one account at a time, played by a thread: STARTTLS with a certificate made for the
 * test, SASL PLAIN, resource binding; then it answers pings, says what the test tells it to say and keeps what it
 * hears. It can be told to fail at each step. What it decides nothing about is tested with a real server.
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmocka_all.h"

#include "tls_certificate.h"

enum fault {
  FAULT_NONE,
  FAULT_SILENT,       /* accepts and says nothing */
  FAULT_PROCEED_ONLY, /* agrees to TLS and then says nothing */
  FAULT_NO_TLS,       /* offers none */
  FAULT_HOST_UNKNOWN,
  FAULT_WRONG_PASSWORD,
  FAULT_NOT_XMPP,
  FAULT_SILENT_LATER, /* online, and then no answer to anything */
};

#define TLS_HEARD_MAX (4u * 1024 * 1024)

struct tls_server {
  pthread_t thread;
  int listener, say[2], stop[2];
  unsigned short port;
  enum fault fault;
  SSL_CTX *ctx;
  pthread_mutex_t lock;
  size_t heard_n;
  char *heard;                   /* all that came in over TLS */
  atomic_int n_clients;          /* that have come */
  atomic_bool is_hello;          /* a client has begun a handshake that is left without an answer */
  atomic_bool is_clear_password; /* something like credentials came without TLS */
};

/* ---- One client ------------------------------------------------------------------------------------------ */
struct tls_client {
  struct tls_server *server;
  int fd;
  SSL *ssl; /* NULL: not yet */
  char in[65536];
  size_t n;
};

/* -1: the test wants the end, or the client has gone; 0: the client has something; 1: the test has something to say. */
static int tls_wait(struct tls_client *c)
{
  struct pollfd fds[] = {{c->fd, POLLIN, 0}, {c->server->stop[0], POLLIN, 0}, {c->server->say[0], POLLIN, 0}};
  if (c->ssl && SSL_pending(c->ssl))
    return 0;
  if (poll(fds, 3, -1) < 0 || fds[1].revents)
    return -1;
  return fds[2].revents & POLLIN ? 1 : 0;
}

static int tls_take(struct tls_client *c)
{
  if (c->n == sizeof(c->in) - 1)
    c->n = 0;
  int n = c->ssl ? SSL_read(c->ssl, c->in + c->n, (int)(sizeof(c->in) - 1 - c->n))
                 : (int)recv(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n, 0);
  if (n <= 0)
    return -1;
  struct tls_server *s = c->server;
  if (c->ssl) {
    pthread_mutex_lock(&s->lock);
    if (s->heard_n + (size_t)n < TLS_HEARD_MAX) {
      memcpy(s->heard + s->heard_n, c->in + c->n, (size_t)n);
      s->heard_n += (size_t)n;
      s->heard[s->heard_n] = '\0';
    }
    pthread_mutex_unlock(&s->lock);
  }
  c->n += (size_t)n;
  c->in[c->n] = '\0';
  if (!c->ssl && (strstr(c->in, "<auth") || strstr(c->in, "<response")))
    s->is_clear_password = true;
  if (!c->ssl && strstr(c->in, "\x16\x03\x01")) /* the head of a TLS record */
    s->is_hello = true;
  return 0;
}

static void tls_put(struct tls_client *c, const char *text, size_t n)
{
  if (c->ssl)
    (void)!SSL_write(c->ssl, text, (int)n);
  else
    (void)!send(c->fd, text, n, MSG_NOSIGNAL);
}

/* Waits until `what` has come, forgets all up to it, and answers. */
static int tls_step(struct tls_client *c, const char *what, const char *answer)
{
  char *at;
  while (!(at = strstr(c->in, what)))
    if (tls_wait(c) != 0 || tls_take(c) < 0)
      return -1;
  at += strlen(what);
  c->n -= (size_t)(at - c->in);
  memmove(c->in, at, c->n + 1);
  tls_put(c, answer, strlen(answer));
  return 0;
}

#define TLS_HEAD                                                                                                   \
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "     \
  "id='s1' from='house.test' version='1.0'>"

static void tls_online(struct tls_client *c)
{
  char text[70000];
  for (;;) {
    char *ping = strstr(c->in, "<ping xmlns='urn:xmpp:ping'"), *id = ping ? strstr(c->in, "id='tt-") : NULL;
    if (ping && id && c->server->fault != FAULT_SILENT_LATER) {
      char answer[200];
      snprintf(answer, sizeof(answer), "<iq type='result' from='gw@house.test' to='gw@house.test/t' id='%.*s'/>",
               (int)strcspn(id + 4, "'"), id + 4);
      c->n = 0;
      c->in[0] = '\0';
      tls_put(c, answer, strlen(answer));
    }
    if (strstr(c->in, "</stream:stream>")) {
      tls_put(c, "</stream:stream>", 16);
      return;
    }
    int r = tls_wait(c);
    if (r < 0 || (r == 0 && tls_take(c) < 0))
      return;
    if (r == 1) {
      ssize_t n = read(c->server->say[0], text, sizeof(text));
      if (n > 0 && text[0] == '\0')
        return; /* told to hang up */
      if (n > 0)
        tls_put(c, text, (size_t)n);
    }
  }
}

static void tls_wait_for_end(struct tls_client *c)
{
  while (tls_wait(c) >= 0 && tls_take(c) == 0)
    ;
}

static void tls_serve(struct tls_client *c)
{
  struct tls_server *s = c->server;
  if (s->fault == FAULT_SILENT) {
    tls_wait_for_end(c);
    return;
  }
  if (s->fault == FAULT_NOT_XMPP) {
    tls_put(c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    return;
  }
  if (s->fault == FAULT_HOST_UNKNOWN) {
    tls_step(c, "stream:stream",
             TLS_HEAD "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
                      "</stream:stream>");
    return;
  }
  if (s->fault == FAULT_NO_TLS) {
    tls_step(c, "stream:stream",
             TLS_HEAD "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                      "<mechanism>PLAIN</mechanism></mechanisms></stream:features>");
    tls_wait_for_end(c);
    return;
  }
  if (tls_step(c, "stream:stream",
               TLS_HEAD "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                        "</stream:features>") < 0 ||
      tls_step(c, "<starttls", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") < 0)
    return;
  if (s->fault == FAULT_PROCEED_ONLY) {
    tls_wait_for_end(c);
    return;
  }
  c->n = 0;
  c->in[0] = '\0';
  c->ssl = SSL_new(s->ctx);
  SSL_set_fd(c->ssl, c->fd);
  if (SSL_accept(c->ssl) != 1)
    return;
  if (tls_step(c, "stream:stream",
               TLS_HEAD "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                        "<mechanism>PLAIN</mechanism></mechanisms></stream:features>") < 0)
    return;
  if (s->fault == FAULT_WRONG_PASSWORD) {
    tls_step(c, "<auth", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    tls_step(c, "</stream:stream>", "</stream:stream>");
    return;
  }
  if (tls_step(c, "</auth>", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>") < 0 ||
      tls_step(c, "stream:stream",
               TLS_HEAD "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                        "</stream:features>") < 0 ||
      tls_step(c, "<bind",
               "<iq type='result' id='_xmpp_bind1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
               "<jid>gw@house.test/t</jid></bind></iq>") < 0)
    return;
  tls_online(c);
}

static void *tls_main(void *user)
{
  struct tls_server *s = user;
  for (;;) {
    struct pollfd fds[] = {{s->listener, POLLIN, 0}, {s->stop[0], POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[1].revents)
      return NULL;
    struct tls_client *c = calloc(1, sizeof(*c));
    c->server = s;
    c->fd = accept(s->listener, NULL, NULL);
    s->n_clients++;
    tls_serve(c);
    if (c->ssl)
      SSL_free(c->ssl);
    close(c->fd);
    free(c);
  }
}

/* ---- For the test ---------------------------------------------------------------------------------------- */
static void tls_server_start(struct tls_server *s, enum fault fault, const char *name, long valid_s,
                             const char *pem_path)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  *s = (struct tls_server){.fault = fault, .heard = calloc(1, TLS_HEARD_MAX)};
  pthread_mutex_init(&s->lock, NULL);
  s->ctx = SSL_CTX_new(TLS_server_method());
  tls_certificate(s->ctx, name, valid_s, pem_path);
  assert_int_equal(pipe(s->say) | pipe(s->stop), 0);
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), 0);
  assert_int_equal(listen(s->listener, 8), 0);
  assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
  s->port = ntohs(address.sin_port);
  assert_int_equal(pthread_create(&s->thread, NULL, tls_main, s), 0);
}

static void tls_server_stop(struct tls_server *s)
{
  if (!s->ctx)
    return;
  assert_int_equal(write(s->stop[1], "x", 1), 1);
  pthread_join(s->thread, NULL);
  const int fds[] = {s->listener, s->say[0], s->say[1], s->stop[0], s->stop[1]};
  for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
    close(fds[i]);
  SSL_CTX_free(s->ctx);
  pthread_mutex_destroy(&s->lock);
  free(s->heard);
  s->ctx = NULL;
}

/* One TLS record each, as long as it is below 16 KiB. */
static void tls_server_say(struct tls_server *s, const char *text, size_t n)
{
  while (n > 0) {
    ssize_t written = write(s->say[1], text, n < 16000 ? n : 16000);
    assert_true(written > 0);
    text += written;
    n -= (size_t)written;
  }
}

static void tls_server_hang_up(struct tls_server *s)
{
  tls_server_say(s, "\0", 1);
}

static bool tls_server_heard(struct tls_server *s, const char *what)
{
  pthread_mutex_lock(&s->lock);
  bool is_there = strstr(s->heard, what);
  pthread_mutex_unlock(&s->lock);
  return is_there;
}

static size_t tls_server_heard_bytes(struct tls_server *s)
{
  pthread_mutex_lock(&s->lock);
  size_t n = s->heard_n;
  pthread_mutex_unlock(&s->lock);
  return n;
}
