/* SPDX-License-Identifier: Apache-2.0
 *
 * http_peer.h: a web server played by threads of the test, byte by byte as the test wants it: also what no real server
 * would say. One thread per connection; the answer to a request is a function of the test. TLS when it is given a
 * context.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_PEER_HEAD    16384
#define HTTP_PEER_CLIENTS 512

struct http_peer;

struct http_client {
  struct http_peer *peer;
  pthread_t thread;
  int fd;
  SSL *ssl;
  char head[HTTP_PEER_HEAD]; /* the request that is being answered: request line and headers */
  char body[HTTP_PEER_HEAD];
  char method[16], path[4096]; /* with query */
  char in[2 * HTTP_PEER_HEAD];
  size_t n;
};

struct http_peer {
  pthread_t thread;
  int listener, stop[2];
  unsigned short port;
  SSL_CTX *ctx;
  bool (*answer)(struct http_client *c); /* false: close the connection */
  void *user;
  pthread_mutex_t lock;
  struct http_client *clients[HTTP_PEER_CLIENTS];
  size_t n_clients;
  atomic_int connections, requests;
  char last[HTTP_PEER_HEAD]; /* head of the last request; under lock */
  char last_body[HTTP_PEER_HEAD];
};

__attribute__((unused)) static bool http_put(struct http_client *c, const char *data, size_t n)
{
  while (n > 0) {
    ssize_t sent = c->ssl ? SSL_write(c->ssl, data, (int)n) : send(c->fd, data, n, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    data += sent;
    n -= (size_t)sent;
  }
  return true;
}

__attribute__((unused, format(printf, 2, 3))) static bool http_say(struct http_client *c, const char *format, ...)
{
  char text[HTTP_PEER_HEAD];
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  return http_put(c, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* A whole answer; `headers` are lines with their ends. */
__attribute__((unused)) static bool http_reply(struct http_client *c, const char *status, const char *headers,
                                               const char *body)
{
  return http_say(c, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers) &&
         http_put(c, body, strlen(body));
}

/* Until the client goes or the test ends, at most `ms` (-1: no limit). True: the time is over. */
__attribute__((unused)) static bool http_hold(struct http_client *c, int ms)
{
  struct pollfd fds[] = {{c->fd, POLLRDHUP, 0}, {c->peer->stop[0], POLLIN, 0}};
  return poll(fds, 2, ms) == 0;
}

__attribute__((unused)) static const char *http_header(struct http_client *c, const char *name, char *out,
                                                       size_t size)
{
  char needle[100];
  snprintf(needle, sizeof needle, "\r\n%s: ", name);
  const char *at = strcasestr(c->head, needle);
  if (!at)
    return NULL;
  at += strlen(needle);
  snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
  return out;
}

static int http_take(struct http_client *c)
{
  struct pollfd fds[] = {{c->fd, POLLIN, 0}, {c->peer->stop[0], POLLIN, 0}};
  if (!(c->ssl && SSL_pending(c->ssl)) && (poll(fds, 2, -1) < 0 || fds[1].revents))
    return -1;
  size_t room = sizeof c->in - 1 - c->n;
  int n = c->ssl ? SSL_read(c->ssl, c->in + c->n, (int)room) : (int)recv(c->fd, c->in + c->n, room, 0);
  if (n <= 0)
    return -1;
  c->n += (size_t)n;
  c->in[c->n] = 0;
  return 0;
}

static int http_request(struct http_client *c)
{
  char text[32];
  char *end;
  c->in[c->n] = 0;
  while (!(end = strstr(c->in, "\r\n\r\n")))
    if (http_take(c) < 0)
      return -1;
  size_t n = (size_t)(end - c->in) + 4;
  if (n >= sizeof c->head)
    return -1;
  memcpy(c->head, c->in, n);
  c->head[n] = 0;
  if (sscanf(c->head, "%15s %4095s", c->method, c->path) != 2)
    return -1;
  size_t size = http_header(c, "Content-Length", text, sizeof text) ? strtoul(text, NULL, 10) : 0;
  if (size >= sizeof c->body)
    return -1;
  while (c->n < n + size)
    if (http_take(c) < 0)
      return -1;
  memcpy(c->body, c->in + n, size);
  c->body[size] = 0;
  c->n -= n + size;
  memmove(c->in, c->in + n + size, c->n + 1);
  return 0;
}

static void *http_client_main(void *user)
{
  struct http_client *c = user;
  struct http_peer *peer = c->peer;
  bool goes_on = true;
  if (peer->ctx) {
    c->ssl = SSL_new(peer->ctx);
    SSL_set_fd(c->ssl, c->fd);
    goes_on = SSL_accept(c->ssl) == 1;
    if (!goes_on) { /* a reset, because of what is not read yet, could overtake the alert */
      shutdown(c->fd, SHUT_WR);
      http_hold(c, -1);
    }
  }
  while (goes_on && http_request(c) == 0) {
    pthread_mutex_lock(&peer->lock);
    memcpy(peer->last, c->head, sizeof peer->last);
    memcpy(peer->last_body, c->body, sizeof peer->last_body);
    pthread_mutex_unlock(&peer->lock);
    peer->requests++;
    goes_on = peer->answer(c);
  }
  SSL_free(c->ssl);
  pthread_mutex_lock(&peer->lock);
  close(c->fd);
  c->fd = -1;
  pthread_mutex_unlock(&peer->lock);
  return NULL;
}

static void *http_peer_main(void *user)
{
  struct http_peer *peer = user;
  for (;;) {
    struct pollfd fds[] = {{peer->listener, POLLIN, 0}, {peer->stop[0], POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[1].revents || peer->n_clients == HTTP_PEER_CLIENTS)
      return NULL;
    struct http_client *c = calloc(1, sizeof *c);
    c->peer = peer;
    c->fd = accept(peer->listener, NULL, NULL);
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer->connections++;
    pthread_mutex_lock(&peer->lock);
    peer->clients[peer->n_clients++] = c;
    pthread_mutex_unlock(&peer->lock);
    pthread_create(&c->thread, NULL, http_client_main, c);
  }
}

/* `port` 0: one that is free. */
__attribute__((unused)) static void http_peer_start(struct http_peer *peer, SSL_CTX *ctx, unsigned short port,
                                                    bool (*answer)(struct http_client *c), void *user)
{
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
  socklen_t size = sizeof address;
  int on = 1;
  signal(SIGPIPE, SIG_IGN); /* as the program does */
  *peer = (struct http_peer){.ctx = ctx, .answer = answer, .user = user};
  pthread_mutex_init(&peer->lock, NULL);
  peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (pipe(peer->stop) < 0 || bind(peer->listener, (struct sockaddr *)&address, size) < 0 ||
      listen(peer->listener, 128) < 0 || getsockname(peer->listener, (struct sockaddr *)&address, &size) < 0 ||
      pthread_create(&peer->thread, NULL, http_peer_main, peer) != 0) {
    perror("http_peer");
    abort();
  }
  peer->port = ntohs(address.sin_port);
}

__attribute__((unused)) static void http_peer_stop(struct http_peer *peer)
{
  if (!peer->port)
    return;
  if (write(peer->stop[1], "x", 1) != 1)
    abort();
  pthread_join(peer->thread, NULL);
  for (size_t i = 0; i < peer->n_clients; i++) {
    pthread_mutex_lock(&peer->lock);
    if (peer->clients[i]->fd >= 0)
      shutdown(peer->clients[i]->fd, SHUT_RDWR);
    pthread_mutex_unlock(&peer->lock);
    pthread_join(peer->clients[i]->thread, NULL);
    free(peer->clients[i]);
  }
  close(peer->listener);
  close(peer->stop[0]);
  close(peer->stop[1]);
  pthread_mutex_destroy(&peer->lock);
  peer->port = 0;
}

/* Connections that are open. */
__attribute__((unused)) static unsigned http_peer_open(struct http_peer *peer)
{
  unsigned n = 0;
  pthread_mutex_lock(&peer->lock);
  for (size_t i = 0; i < peer->n_clients; i++)
    n += peer->clients[i]->fd >= 0;
  pthread_mutex_unlock(&peer->lock);
  return n;
}

/* Has the last request this in its head? */
__attribute__((unused)) static bool http_peer_heard(struct http_peer *peer, const char *what)
{
  pthread_mutex_lock(&peer->lock);
  bool is_there = strstr(peer->last, what);
  pthread_mutex_unlock(&peer->lock);
  return is_there;
}
