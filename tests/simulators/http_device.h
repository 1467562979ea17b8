/* SPDX-License-Identifier: Apache-2.0
 *
 * http_device.h: starts the simulated web server for a test written in C and talks with it. TT_HTTP_DEVICE names the
 * program. Everything that goes wrong ends the test program.
 */
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct web {
  pid_t pid;
  FILE *in, *out;
  int port;
  char host[16]; /* of 127.0.0.0/8, which no other test has */
};

struct web_counts {
  unsigned long requests, reads, writes, not_modified, streams;
  char id[100];
};

static inline void web_line(struct web *web, char *line, size_t size)
{
  if (!fgets(line, (int)size, web->out)) {
    fputs("the simulated web server has ended\n", stderr);
    abort();
  }
  line[strcspn(line, "\n")] = 0;
}

/* On the port that it had before, if it had one. */
static inline void web_start(struct web *web)
{
  int down[2], up[2];
  char port[16], line[256];
  const char *program = getenv("TT_HTTP_DEVICE");
  if (!program || pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
    abort();
  unsigned pid = (unsigned)getpid();
  snprintf(web->host, sizeof web->host, "127.%u.%u.%u", 1 + (pid >> 16 & 127), pid >> 8 & 255, pid & 255);
  snprintf(port, sizeof port, "%d", web->port);
  char *argv[] = {(char[]){"http_device"},
                  (char[]){"--attached"},
                  (char[]){"--host"},
                  web->host,
                  (char[]){"--port"},
                  port,
                  NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], 0);
  posix_spawn_file_actions_adddup2(&actions, up[1], 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (posix_spawn(&web->pid, program, &actions, NULL, argv, environ) != 0)
    abort();
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  web->in = fdopen(down[1], "w");
  web->out = fdopen(up[0], "r");
  do {
    web_line(web, line, sizeof line);
    sscanf(line, "ready tcp %d", &web->port);
  } while (strcmp(line, "ready") != 0);
}

static inline void web_stop(struct web *web)
{
  if (!web->pid)
    return;
  kill(web->pid, SIGTERM);
  waitpid(web->pid, NULL, 0);
  fclose(web->in);
  fclose(web->out);
  web->pid = 0;
}

static inline void web_ask(struct web *web, const char *command, char *line, size_t size)
{
  fprintf(web->in, "%s\n", command);
  fflush(web->in);
  web_line(web, line, size);
}

static inline void web_tell(struct web *web, const char *command)
{
  char line[256];
  web_ask(web, command, line, sizeof line);
  if (strcmp(line, "ok") != 0) {
    fprintf(stderr, "the simulated web server says to \"%s\": %s\n", command, line);
    abort();
  }
}

static inline struct web_counts web_counts(struct web *web)
{
  struct web_counts c = {0};
  char line[512];
  web_ask(web, "counts", line, sizeof line);
  if (sscanf(line, "requests %lu reads %lu writes %lu not_modified %lu streams %lu id %99s", &c.requests, &c.reads,
             &c.writes, &c.not_modified, &c.streams, c.id) != 6)
    abort();
  return c;
}
