/* SPDX-License-Identifier: Apache-2.0
 * Name, TCP and TLS step by step, to say which of them fails. */
#include "probe.h"
#include "common/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROBE_TIMEOUT_MS 5000
#define ALERT_WAIT_MS    300 /* how long a server may take to refuse our certificate after a TLS 1.3 handshake */

struct probe {
  const struct mqtt_connection *options;
  const struct mqtt_broker *broker;
  int stop_fd;
  uint64_t end_ms;
  char *why;
};

static int find(const struct mqtt_broker *broker, struct addrinfo **ret, char *why)
{
  char port[8];
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  snprintf(port, sizeof port, "%u", broker->port);
  int r = getaddrinfo(broker->host, port, &hints, ret);
  if (r == 0)
    return 0;
  snprintf(why, MQTT_PROBE_TEXT, "cannot find the broker's name %s: %s", broker->host,
           r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
  return -ENOENT;
}

int mqtt_probe_name(const struct mqtt_broker *broker, char why[static MQTT_PROBE_TEXT])
{
  struct addrinfo *addresses;
  int r = find(broker, &addresses, why);
  if (r == 0)
    freeaddrinfo(addresses);
  return r;
}

/* 0: ready; -ETIMEDOUT; -ECANCELED: told to stop. */
static int wait_for(const struct probe *p, int fd, short events, uint64_t end_ms)
{
  for (;;) {
    struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = p->stop_fd, .events = POLLIN}};
    uint64_t now = tt_clock_us() / TT_USEC_PER_MSEC;
    int n = poll(fds, 2, now < end_ms ? (int)(end_ms - now) : 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (fds[1].revents)
      return -ECANCELED;
    return n > 0 ? 0 : -ETIMEDOUT;
  }
}

static void address_print(const struct addrinfo *a, char *out, size_t size)
{
  char host[INET6_ADDRSTRLEN + 1] = "?", port[8] = "?";
  getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(out, size, a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int connect_one(const struct probe *p, const struct addrinfo *a, int *ret_fd)
{
  char address[INET6_ADDRSTRLEN + 16];
  socklen_t n = sizeof(int);
  int error = 0;
  address_print(a, address, sizeof address);
  int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
  if (fd < 0)
    return -errno;
  if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
    error = errno;
  if (error == EINPROGRESS) {
    error = -wait_for(p, fd, POLLOUT, p->end_ms);
    if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
      error = errno;
  }
  if (error == 0) {
    *ret_fd = fd;
    return 0;
  }
  if (error == ECONNREFUSED)
    snprintf(p->why, MQTT_PROBE_TEXT, "connection refused by %s; is a broker running there?", address);
  else if (error == ETIMEDOUT)
    snprintf(p->why, MQTT_PROBE_TEXT, "no answer from %s", address);
  else
    snprintf(p->why, MQTT_PROBE_TEXT, "cannot connect to %s: %s", address, strerror(error));
  close(fd);
  return -error;
}

static int tls_problem(const struct probe *p, SSL *ssl)
{
  const struct mqtt_broker *b = p->broker;
  long verdict = SSL_get_verify_result(ssl);
  unsigned long error = ERR_peek_error();
  const char *reason = error ? ERR_reason_error_string(error) : NULL;
  if (verdict != X509_V_OK)
    snprintf(p->why, MQTT_PROBE_TEXT, "the certificate of %s:%u is not accepted: %s", b->host, b->port,
             X509_verify_cert_error_string(verdict));
  else if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
    snprintf(p->why, MQTT_PROBE_TEXT, "%s:%u does not speak TLS; is this the plain port?", b->host, b->port);
  else
    snprintf(p->why, MQTT_PROBE_TEXT, "TLS with %s:%u fails: %s", b->host, b->port,
             reason                      ? reason
             : SSL_is_init_finished(ssl) ? "the broker closed the connection"
                                         : "the broker closed the connection; is this the plain port?");
  return -EPROTO;
}

static int tls_step(const struct probe *p, SSL *ssl, int fd, int result, uint64_t end_ms)
{
  int error = SSL_get_error(ssl, result);
  if (error == SSL_ERROR_WANT_READ)
    return wait_for(p, fd, POLLIN, end_ms);
  return error == SSL_ERROR_WANT_WRITE ? wait_for(p, fd, POLLOUT, end_ms) : tls_problem(p, ssl);
}

static int tls_try(const struct probe *p, SSL *ssl, int fd)
{
  const struct mqtt_broker *b = p->broker;
  unsigned char address[16];
  char byte;
  int result, r;
  bool is_address = inet_pton(AF_INET, b->host, address) == 1 || inet_pton(AF_INET6, b->host, address) == 1;
  if (is_address ? !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), b->host)
                 : !SSL_set1_host(ssl, b->host) || !SSL_set_tlsext_host_name(ssl, b->host))
    return tls_problem(p, ssl);
  SSL_set_fd(ssl, fd);
  while ((result = SSL_connect(ssl)) != 1)
    if ((r = tls_step(p, ssl, fd, result, p->end_ms)) < 0) {
      if (r == -ETIMEDOUT)
        snprintf(p->why, MQTT_PROBE_TEXT, "no TLS answer from %s:%u", b->host, b->port);
      return r;
    }
  /* With TLS 1.3 the server looks at our certificate after we think that all is well. */
  uint64_t end_ms = tt_clock_us() / TT_USEC_PER_MSEC + ALERT_WAIT_MS;
  while ((result = SSL_read(ssl, &byte, 1)) <= 0)
    if ((r = tls_step(p, ssl, fd, result, end_ms)) < 0)
      return r == -ETIMEDOUT ? 0 : r;
  return 0;
}

static int tls_probe(const struct probe *p, int fd)
{
  const struct mqtt_connection *o = p->options;
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context)
    return -ENOMEM;
  int r = 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  if (o->ca ? !SSL_CTX_load_verify_file(context, o->ca) : !SSL_CTX_load_verify_dir(context, MQTT_SYSTEM_CA)) {
    snprintf(p->why, MQTT_PROBE_TEXT, "no certificates can be read from %s", o->ca ? o->ca : MQTT_SYSTEM_CA);
    r = -EINVAL;
  } else if (o->cert && SSL_CTX_use_certificate_chain_file(context, o->cert) != 1) {
    snprintf(p->why, MQTT_PROBE_TEXT, "no certificate can be read from %s", o->cert);
    r = -EINVAL;
  } else if (o->cert && SSL_CTX_use_PrivateKey_file(context, o->key ? o->key : o->cert, SSL_FILETYPE_PEM) != 1) {
    snprintf(p->why, MQTT_PROBE_TEXT, "%s is not the key of the certificate %s", o->key ? o->key : o->cert,
             o->cert);
    r = -EINVAL;
  }
  ERR_clear_error();
  SSL *ssl = r == 0 ? SSL_new(context) : NULL;
  if (ssl)
    r = tls_try(p, ssl, fd);
  SSL_free(ssl);
  SSL_CTX_free(context);
  ERR_clear_error();
  return r;
}

int mqtt_probe(const struct mqtt_connection *options, const struct mqtt_broker *broker, int stop_fd,
               char why[static MQTT_PROBE_TEXT])
{
  struct probe p = {options, broker, stop_fd, tt_clock_us() / TT_USEC_PER_MSEC + PROBE_TIMEOUT_MS, why};
  struct addrinfo *addresses;
  int fd = -1, r = find(broker, &addresses, why);
  if (r < 0)
    return r;
  for (struct addrinfo *a = addresses; a; a = a->ai_next)
    if ((r = connect_one(&p, a, &fd)) == 0)
      break;
  freeaddrinfo(addresses);
  if (r == 0 && broker->is_tls)
    r = tls_probe(&p, fd);
  if (fd >= 0)
    close(fd);
  return r;
}
