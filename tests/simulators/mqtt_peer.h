/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_peer.h: a private Mosquitto for a test written in C, and a client of it that shares no code with the bridge:
 * its own packets of MQTT 3.1.1 over a socket. The client is a device that answers, or an observer. Everything that
 * goes wrong ends the test program.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BROKER_PATIENCE_MS 15000
#define BROKER_NOBODY      65534
#define CLIENT_IN_MAX      (512 * 1024)

static inline void peer_must(bool is_so, const char *what)
{
  if (is_so)
    return;
  fprintf(stderr, "the MQTT side of the test: %s: %s\n", what, strerror(errno));
  abort();
}

static inline uint64_t peer_now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- The broker ------------------------------------------------------------------------------------------- */
struct broker {
  pid_t pid;
  int port;
  int log; /* its stderr */
  char dir[64];
};

static inline int broker_free_port(void)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  peer_must(fd >= 0 && bind(fd, (struct sockaddr *)&at, n) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0,
            "a free port");
  close(fd);
  return ntohs(at.sin_port);
}

/* Its directory and its port; nothing runs yet. */
static inline void broker_init(struct broker *broker)
{
  *broker = (struct broker){.port = broker_free_port(), .log = -1};
  strcpy(broker->dir, "/tmp/tt-broker-XXXXXX");
  peer_must(mkdtemp(broker->dir) && chmod(broker->dir, 0755) == 0, "a directory");
}

/* `lines` of mosquitto.conf follow those of the plain listener on `port`; "" for that alone, NULL: as last time. */
static inline void broker_start(struct broker *broker, const char *lines)
{
  char path[96], text[4096];
  int pipes[2];
  snprintf(path, sizeof path, "%s/mosquitto.conf", broker->dir);
  if (lines) {
    FILE *file = fopen(path, "w");
    peer_must(file, path);
    fprintf(file,
            "per_listener_settings true\npersistence false\nmax_inflight_messages 0\nmax_queued_messages 0\n"
            "log_dest stderr\nlog_type error\nlog_type warning\nlog_type information\n"
            "listener %d 127.0.0.1\nallow_anonymous true\n%s",
            broker->port, lines);
    fclose(file);
  }
  peer_must(pipe(pipes) == 0 && fcntl(pipes[0], F_SETFD, FD_CLOEXEC) == 0, "a pipe");
  broker->pid = fork();
  if (broker->pid == 0) {
    dup2(pipes[1], 1);
    dup2(pipes[1], 2);
    for (int fd = 3; fd < 256; fd++)
      close(fd);
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(BROKER_NOBODY) < 0 || setuid(BROKER_NOBODY) < 0))
      _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
    execlp("mosquitto", "mosquitto", "-c", path, (char *)NULL);
    execl("/usr/sbin/mosquitto", "mosquitto", "-c", path, (char *)NULL);
    _exit(127);
  }
  close(pipes[1]);
  broker->log = pipes[0];
  size_t n = 0;
  while (n < sizeof text - 1) {
    ssize_t r = read(broker->log, text + n, sizeof text - 1 - n);
    n += r > 0 ? (size_t)r : 0;
    text[n] = 0;
    if (strstr(text, " running"))
      break;
    if (r <= 0) {
      fprintf(stderr, "mosquitto has ended: %s\n", text);
      abort();
    }
  }
  fcntl(broker->log, F_SETFL, O_NONBLOCK);
}

static inline void broker_stop(struct broker *broker)
{
  if (!broker->pid)
    return;
  kill(broker->pid, SIGKILL);
  waitpid(broker->pid, NULL, 0);
  close(broker->log);
  broker->pid = 0;
}

/* Stopped by a signal it keeps its connections and answers nothing. */
static inline void broker_silence(struct broker *broker, bool is_silent)
{
  int status;
  kill(broker->pid, is_silent ? SIGSTOP : SIGCONT);
  if (is_silent)
    waitpid(broker->pid, &status, WUNTRACED);
}

static inline void broker_finish(struct broker *broker)
{
  char command[128];
  broker_stop(broker);
  snprintf(command, sizeof command, "rm -rf %s", broker->dir);
  peer_must(system(command) == 0, command);
}

/* ---- A client --------------------------------------------------------------------------------------------- */
struct client;
/* `payload` has a NUL behind it. */
typedef void (*client_fn)(void *user, struct client *client, const char *topic, const char *payload, size_t n,
                          bool is_retained);

struct client {
  int fd; /* -1: closed */
  client_fn fn;
  void *user;
  unsigned acks[16]; /* packets received, by type */
  uint16_t last_id;
  size_t n;
  uint8_t *in;
};

static inline void client_close(struct client *client)
{
  if (client->fd >= 0)
    close(client->fd);
  client->fd = -1;
  free(client->in);
  client->in = NULL;
}

static inline void client_send(struct client *client, uint8_t head, const void *body, size_t n)
{
  uint8_t fixed[5] = {head};
  size_t k = 1;
  for (size_t rest = n; k == 1 || rest; rest /= 128)
    fixed[k++] = (uint8_t)(rest % 128 | (rest >= 128 ? 128 : 0));
  if (client->fd >= 0 && send(client->fd, fixed, k, MSG_NOSIGNAL | MSG_MORE) == (ssize_t)k)
    for (size_t done = 0; done < n;) {
      ssize_t r = send(client->fd, (const uint8_t *)body + done, n - done, MSG_NOSIGNAL);
      if (r <= 0)
        return; /* found out when reading */
      done += (size_t)r;
    }
}

static inline size_t client_text(uint8_t *out, const char *text)
{
  size_t n = strlen(text);
  out[0] = (uint8_t)(n >> 8);
  out[1] = (uint8_t)n;
  memcpy(out + 2, text, n);
  return n + 2;
}

static inline void client_publish_arrived(struct client *client, uint8_t head, uint8_t *body, size_t n)
{
  size_t topic_size = (size_t)body[0] << 8 | body[1];
  char topic[1100], *payload = malloc(n + 1);
  peer_must(payload && topic_size + 2 <= n && topic_size < sizeof topic, "a message");
  memcpy(topic, body + 2, topic_size);
  topic[topic_size] = 0;
  size_t payload_size = n - topic_size - 2; /* QoS 0: nothing else was subscribed to */
  memcpy(payload, body + 2 + topic_size, payload_size);
  payload[payload_size] = 0;
  if (client->fn)
    client->fn(client->user, client, topic, payload, payload_size, head & 1);
  free(payload);
}

/* Read what is there and act on it. The function of the client may publish. False: the connection has ended. */
static inline bool client_step(struct client *client)
{
  if (client->fd < 0)
    return false;
  ssize_t r = recv(client->fd, client->in + client->n, CLIENT_IN_MAX - client->n, MSG_DONTWAIT);
  if (r == 0 || (r < 0 && errno != EAGAIN)) {
    client_close(client);
    return false;
  }
  client->n += r > 0 ? (size_t)r : 0;
  for (;;) {
    size_t size = 0, k = 1;
    bool is_whole = false;
    for (unsigned shift = 0; k < client->n && k < 5; shift += 7) {
      size |= (size_t)(client->in[k] & 127) << shift;
      if (!(client->in[k++] & 128)) {
        is_whole = true;
        break;
      }
    }
    if (!is_whole || client->n < k + size)
      return true;
    uint8_t head = client->in[0], *body = malloc(size + 1);
    peer_must(body, "memory");
    memcpy(body, client->in + k, size);
    client->n -= k + size;
    memmove(client->in, client->in + k + size, client->n);
    client->acks[head >> 4]++;
    if (head >> 4 == 3)
      client_publish_arrived(client, head, body, size);
    free(body);
    if (client->fd < 0)
      return false;
  }
}

/* Until a packet of this type has come. */
static inline void client_wait(struct client *client, unsigned type, unsigned before)
{
  uint64_t end = peer_now_ms() + BROKER_PATIENCE_MS;
  while (client->acks[type] == before) {
    struct pollfd fds = {.fd = client->fd, .events = POLLIN};
    peer_must(peer_now_ms() < end && poll(&fds, 1, 1000) >= 0 && client_step(client), "waiting for an answer");
  }
}

static inline void client_open(struct client *client, int port, const char *id, client_fn fn, void *user)
{
  struct sockaddr_in at = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  uint8_t body[64] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0};
  *client = (struct client){.fn = fn, .user = user, .in = malloc(CLIENT_IN_MAX)};
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  peer_must(client->in && client->fd >= 0 && connect(client->fd, (struct sockaddr *)&at, sizeof at) == 0,
            "connecting to the broker");
  client_send(client, 0x10, body, 10 + client_text(body + 10, id));
  client_wait(client, 2, 0);
}

static inline void client_subscribe(struct client *client, const char *filter)
{
  uint8_t body[1100] = {0, 1};
  size_t n = 2 + client_text(body + 2, filter);
  body[n++] = 0;
  unsigned before = client->acks[9];
  client_send(client, 0x82, body, n);
  client_wait(client, 9, before);
}

/* QoS 0, or 1 and waiting for the broker to have it. */
static inline void client_publish(struct client *client, const char *topic, const void *payload, size_t n, int qos,
                                  bool retain)
{
  uint8_t *body = malloc(strlen(topic) + 4 + n);
  peer_must(body, "memory");
  size_t k = client_text(body, topic);
  if (qos) {
    client->last_id = client->last_id % 65535 + 1;
    body[k++] = (uint8_t)(client->last_id >> 8);
    body[k++] = (uint8_t)client->last_id;
  }
  if (n)
    memcpy(body + k, payload, n);
  unsigned before = client->acks[4];
  client_send(client, (uint8_t)(0x30 | (qos ? 2 : 0) | (retain ? 1 : 0)), body, k + n);
  free(body);
  if (qos)
    client_wait(client, 4, before);
}

static inline void client_say(struct client *client, const char *topic, const char *payload)
{
  client_publish(client, topic, payload, strlen(payload), 1, false);
}

static inline void client_retain(struct client *client, const char *topic, const char *payload)
{
  client_publish(client, topic, payload, strlen(payload), 1, true);
}
