/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_peer.h: starts the simulated CoAP device for a test written in C and talks with it, and starts libcoap's
 * coap-server. TT_COAP_DEVICE names the simulator. Everything that goes wrong ends the test program.
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct coap_peer {
  pid_t pid;
  FILE *in, *out; /* its stdin and stdout */
  int port;
  /* An address of 127.0.0.0/8 that no other test has: when the device goes, nobody else is found at its port. */
  char host[16];
};

struct coap_counts {
  unsigned long requests, reads, writes, observers, registrations, duplicates;
};

static inline void coap_peer_line(struct coap_peer *peer, char *line, size_t size)
{
  if (!fgets(line, (int)size, peer->out)) {
    fputs("the simulated device has ended\n", stderr);
    abort();
  }
  line[strcspn(line, "\n")] = 0;
}

static inline void coap_peer_host(char host[static 16])
{
  unsigned pid = (unsigned)getpid();
  snprintf(host, 16, "127.%u.%u.%u", 1 + (pid >> 16 & 127), pid >> 8 & 255, pid & 255);
}

static inline pid_t coap_spawn(char *const argv[], int in, int out)
{
  pid_t pid;
  /* Not fork(): what a sanitizer does between that and exec() may wait for a thread that the child does not have. */
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0)
    posix_spawn_file_actions_adddup2(&actions, in, 0);
  else
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (out >= 0)
    posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
    abort();
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

/* `port` 0: any. When the address is taken `pid` is 0 behind it. */
static inline void coap_peer_start_at(struct coap_peer *peer, const char *host, int port)
{
  int down[2], up[2];
  char text[16], line[256] = "";
  char *program = getenv("TT_COAP_DEVICE");
  if (!program || pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
    abort();
  snprintf(text, sizeof text, "%d", port);
  snprintf(peer->host, sizeof peer->host, "%s", host);
  char *argv[] = {program, (char[]){"--attached"}, (char[]){"--host"}, peer->host, (char[]){"--port"}, text, NULL};
  peer->pid = coap_spawn(argv, down[0], up[1]);
  close(down[0]);
  close(up[1]);
  peer->in = fdopen(down[1], "w");
  peer->out = fdopen(up[0], "r");
  while (strcmp(line, "ready") != 0 && fgets(line, sizeof line, peer->out)) {
    line[strcspn(line, "\n")] = 0;
    sscanf(line, "ready coap %d", &peer->port);
  }
  if (strcmp(line, "ready") == 0)
    return;
  waitpid(peer->pid, NULL, 0);
  fclose(peer->in);
  fclose(peer->out);
  peer->pid = 0;
}

static inline void coap_peer_start(struct coap_peer *peer, int port)
{
  char host[16];
  coap_peer_host(host);
  coap_peer_start_at(peer, host, port);
  if (!peer->pid)
    abort();
}

static inline void coap_stop(pid_t *pid)
{
  if (*pid <= 0)
    return;
  kill(*pid, SIGTERM);
  waitpid(*pid, NULL, 0);
  *pid = 0;
}

static inline void coap_peer_stop(struct coap_peer *peer)
{
  if (!peer->pid)
    return;
  coap_stop(&peer->pid);
  fclose(peer->in);
  fclose(peer->out);
}

static inline void coap_peer_ask(struct coap_peer *peer, const char *command, char *line, size_t size)
{
  fprintf(peer->in, "%s\n", command);
  fflush(peer->in);
  coap_peer_line(peer, line, size);
}

static inline void coap_peer_tell(struct coap_peer *peer, const char *command)
{
  char line[256];
  coap_peer_ask(peer, command, line, sizeof line);
  if (strcmp(line, "ok") != 0) {
    fprintf(stderr, "the simulated device says to \"%.80s\": %s\n", command, line);
    abort();
  }
}

static inline void coap_peer_counts(struct coap_peer *peer, struct coap_counts *c)
{
  char line[256];
  coap_peer_ask(peer, "counts", line, sizeof line);
  if (sscanf(line, "requests %lu reads %lu writes %lu observers %lu registrations %lu duplicates %lu", &c->requests,
             &c->reads, &c->writes, &c->observers, &c->registrations, &c->duplicates) != 6)
    abort();
}
