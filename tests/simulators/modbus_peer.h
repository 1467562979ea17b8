/* SPDX-License-Identifier: Apache-2.0
 *
 * modbus_peer.h: starts the simulated meter for a test written in C and talks with it. TT_MODBUS_METER names the program.
 * Everything that goes wrong ends the test program.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
  pid_t pid;
  FILE *in, *out; /* its stdin and stdout */
  int port;       /* 0: no TCP */
  /* An address of 127.0.0.0/8 that no other test has: when the meter goes, nobody else is found at its port. */
  char host[16];
};

struct peer_counts {
  unsigned long requests, reads, writes, words, late, drop, duplicate, garble, links;
};

static inline void peer_line(struct peer *peer, char *line, size_t size)
{
  if (!fgets(line, (int)size, peer->out)) {
    fputs("the simulated meter has ended\n", stderr);
    abort();
  }
  line[strcspn(line, "\n")] = 0;
}

/* `link`: a pseudo terminal is made and linked there, else a TCP port is taken ("--port N" in `arguments`: that one). */
static inline void peer_start(struct peer *peer, const char *link, const char *arguments)
{
  int down[2], up[2], n = 0;
  char copy[2048], port[16] = "0", line[256], *argv[100], *save = NULL;
  const char *program = getenv("TT_MODBUS_METER");
  if (!program || pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
    abort();
  snprintf(copy, sizeof copy, "%s", arguments);
  argv[n++] = (char[]){"modbus_meter"};
  argv[n++] = (char[]){"--attached"};
  unsigned pid = (unsigned)getpid();
  snprintf(peer->host, sizeof peer->host, "127.%u.%u.%u", 1 + (pid >> 16 & 127), pid >> 8 & 255, pid & 255);
  argv[n++] = (char[]){"--host"};
  argv[n++] = peer->host;
  for (char *word = strtok_r(copy, " ", &save); word && n < 90; word = strtok_r(NULL, " ", &save)) {
    if (!strcmp(word, "--port")) {
      word = strtok_r(NULL, " ", &save);
      snprintf(port, sizeof port, "%s", word ? word : "0");
      continue;
    }
    argv[n++] = word;
  }
  char name[128];
  snprintf(name, sizeof name, "%s", link ? link : port);
  argv[n++] = link ? (char[]){"--pty"} : (char[]){"--tcp"};
  argv[n++] = name;
  argv[n] = NULL;
  /* Not fork(): what a sanitizer does between that and exec() may wait for a thread that the child does not have. */
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], 0);
  posix_spawn_file_actions_adddup2(&actions, up[1], 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (posix_spawn(&peer->pid, program, &actions, NULL, argv, environ) != 0)
    abort();
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  peer->in = fdopen(down[1], "w");
  peer->out = fdopen(up[0], "r");
  peer->port = 0;
  do {
    peer_line(peer, line, sizeof line);
    sscanf(line, "ready tcp %d", &peer->port);
  } while (strcmp(line, "ready") != 0);
}

static inline void peer_stop(struct peer *peer)
{
  if (!peer->pid)
    return;
  kill(peer->pid, SIGTERM);
  waitpid(peer->pid, NULL, 0);
  fclose(peer->in);
  fclose(peer->out);
  peer->pid = 0;
}

static inline void peer_ask(struct peer *peer, const char *command, char *line, size_t size)
{
  fprintf(peer->in, "%s\n", command);
  fflush(peer->in);
  peer_line(peer, line, size);
}

static inline void peer_tell(struct peer *peer, const char *command)
{
  char line[256];
  peer_ask(peer, command, line, sizeof line);
  if (strcmp(line, "ok") != 0) {
    fprintf(stderr, "the simulated meter says to \"%s\": %s\n", command, line);
    abort();
  }
}

static inline void peer_counts(struct peer *peer, struct peer_counts *c)
{
  char line[256];
  peer_ask(peer, "counts", line, sizeof line);
  if (sscanf(line,
             "requests %lu reads %lu writes %lu words %lu late %lu drop %lu duplicate %lu garble %lu links %lu",
             &c->requests, &c->reads, &c->writes, &c->words, &c->late, &c->drop, &c->duplicate, &c->garble,
             &c->links) != 9)
    abort();
}

/* The next line of its log. */
static inline void peer_expect(struct peer *peer, const char *expected)
{
  char line[256];
  peer_line(peer, line, sizeof line);
  if (strcmp(line, expected) != 0) {
    fprintf(stderr, "the simulated meter says \"%s\", not \"%s\"\n", line, expected);
    abort();
  }
}

static inline void peer_wait_closed(struct peer *peer)
{
  struct peer_counts counts;
  do
    peer_counts(peer, &counts);
  while (counts.links);
}
