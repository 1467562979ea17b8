/* SPDX-License-Identifier: Apache-2.0
 *
 * roundtrip: how long a readout takes through the server, beside an echo of the least possible work in the same run.
 *
 *   roundtrip PORT SECRET REQUESTER ECHO COUNT NODE TARGET...
 *
 * REQUESTER and ECHO are two component names of the server on 127.0.0.1:PORT. The echo answers each iq from a process
 * of its own with a result of a few bytes. In turn, COUNT times: ask the echo, then read NODE at each TARGET (XEP-0323)
 * and wait for the fields with done='true'. Prints median and 99th percentile for each in microseconds.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 8
#define COUNT_MAX   100000
#define CALLERS     10 /* who ask in turn, to stay below the rate limit of one JID */

struct stream {
  int fd;
  size_t n;
  char in[1 << 20];
};

static void die(const char *what)
{
  perror(what);
  exit(1);
}

static double now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

__attribute__((format(printf, 2, 3))) static void put(struct stream *s, const char *format, ...)
{
  char text[4096];
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  if (n < 0 || (size_t)n >= sizeof text || send(s->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
    die("send");
}

/* Read until the text came; what stands before its end is dropped. */
static void wait_for(struct stream *s, const char *text)
{
  for (;;) {
    s->in[s->n] = '\0';
    char *found = strstr(s->in, text);
    if (found) {
      size_t used = (size_t)(found - s->in) + strlen(text);
      memmove(s->in, s->in + used, s->n -= used);
      return;
    }
    ssize_t n = recv(s->fd, s->in + s->n, sizeof s->in - 1 - s->n, 0);
    if (n <= 0)
      die("the server closed the stream");
    s->n += (size_t)n;
    if (s->n == sizeof s->in - 1)
      s->n = 0;
  }
}

static void log_in(struct stream *s, int port, const char *name, const char *secret)
{
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof to) < 0)
    die("connect");
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  put(s,
      "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
      "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
      name);
  wait_for(s, "id=");
  char quote = 0, id[200] = "";
  while (!strchr(s->in, '>')) {
    ssize_t n = recv(s->fd, s->in + s->n, sizeof s->in - 1 - s->n, 0);
    if (n <= 0)
      die("stream header");
    s->in[s->n += (size_t)n] = '\0';
  }
  sscanf(s->in, "%c%199[^'\"]", &quote, id);
  char text[512];
  unsigned char digest[EVP_MAX_MD_SIZE];
  snprintf(text, sizeof text, "%s%s", id, secret);
  EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
  put(s, "<handshake>");
  for (int i = 0; i < 20; i++)
    put(s, "%02x", digest[i]);
  put(s, "</handshake>");
  wait_for(s, "<handshake");
}

/* Answers what the requester asks, with the least that an answer can be. */
static void echo(int port, const char *name, const char *secret, const char *requester)
{
  static struct stream s;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  log_in(&s, port, name, secret);
  put(&s, "<iq type='set' id='up' from='%s' to='%s'><q xmlns='urn:up'/></iq>", name, requester);
  for (unsigned n = 1;; n++) {
    char id[40];
    snprintf(id, sizeof id, "e%u.", n);
    wait_for(&s, id);
    put(&s, "<iq type='result' id='%s' from='%s' to='%s'/>", id, name, requester);
  }
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  static struct stream s;
  static double took[TARGETS_MAX + 1][COUNT_MAX];
  int count = argc > 7 ? atoi(argv[5]) : 0, targets = argc - 7;
  if (count < 1 || count > COUNT_MAX || targets > TARGETS_MAX)
    return fprintf(stderr, "usage: roundtrip PORT SECRET REQUESTER ECHO COUNT NODE TARGET...\n"), 64;
  int port = atoi(argv[1]);
  log_in(&s, port, argv[3], argv[2]);
  pid_t child = fork();
  if (child == 0)
    echo(port, argv[4], argv[2], argv[3]);
  wait_for(&s, "id='up'");

  unsigned number = 0;
  for (int i = 0; i < count; i++) {
    double began = now_us();
    char id[40];
    snprintf(id, sizeof id, "e%d.", i + 1);
    put(&s, "<iq type='get' id='%s' from='%s' to='%s'><q xmlns='urn:echo'/></iq>", id, argv[3], argv[4]);
    wait_for(&s, id);
    took[0][i] = now_us() - began;
    for (int t = 0; t < targets; t++) {
      began = now_us();
      number++;
      put(&s,
          "<iq type='get' id='r%u' from='u%u@%s' to='%s'><req xmlns='urn:xmpp:iot:sensordata' seqnr='%u' "
          "momentary='true'><node nodeId='%s'/></req></iq>",
          number, number % CALLERS, argv[3], argv[7 + t], number, argv[6]);
      wait_for(&s, "</fields>");
      took[t + 1][i] = now_us() - began;
    }
  }
  kill(child, SIGTERM);
  for (int t = 0; t <= targets; t++) {
    qsort(took[t], (size_t)count, sizeof **took, by_value);
    printf("%-34s p50 %7.0f us   p99 %7.0f us   %.2f x echo\n", t ? argv[6 + t] : "raw echo", took[t][count / 2],
           took[t][count * 99 / 100], took[t][count / 2] / took[0][count / 2]);
  }
  return 0;
}
