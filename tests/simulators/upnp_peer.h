/* SPDX-License-Identifier: Apache-2.0
 *
 * upnp_peer.h: for a test written in C: a network with simulated UPnP devices at its other end. The test itself must run in
 * a namespace where it may make interfaces (netns.sh inside). TT_SIMULATORS names the directory of the programs.
 * Everything that goes wrong ends the test program.
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

#define UPNP_INTERFACE "gw0"
#define UPNP_ADDRESS   "10.77.0.1"
#define UPNP_DEVICE    "10.77.0.2"

struct upnp_program {
  pid_t pid;
  FILE *in, *out; /* its stdin and stdout */
};

struct upnp_peer {
  struct upnp_program net, device;
};

static inline void upnp_line(struct upnp_program *program, char *line, size_t size)
{
  if (!fgets(line, (int)size, program->out)) {
    fputs("a program of the simulated network has ended\n", stderr);
    abort();
  }
  line[strcspn(line, "\n")] = 0;
}

/* Waits for its line "ready NUMBER". */
static inline long upnp_program_start(struct upnp_program *program, char *const argv[])
{
  int down[2], up[2];
  long number;
  char line[200];
  posix_spawn_file_actions_t actions;
  if (pipe2(down, O_CLOEXEC) < 0 || pipe2(up, O_CLOEXEC) < 0)
    abort();
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], 0);
  posix_spawn_file_actions_adddup2(&actions, up[1], 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (posix_spawnp(&program->pid, argv[0], &actions, NULL, argv, environ) != 0)
    abort();
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  program->in = fdopen(down[1], "w");
  program->out = fdopen(up[0], "r");
  upnp_line(program, line, sizeof line);
  if (sscanf(line, "ready %ld", &number) != 1)
    abort();
  return number;
}

static inline void upnp_program_stop(struct upnp_program *program)
{
  if (!program->pid)
    return;
  fclose(program->in); /* both end with their input */
  waitpid(program->pid, NULL, 0);
  fclose(program->out);
  program->pid = 0;
}

static inline void upnp_peer_start(struct upnp_peer *peer, const char *devices)
{
  char script[300], program[300], pid[20];
  const char *directory = getenv("TT_SIMULATORS");
  if (!directory)
    abort();
  snprintf(script, sizeof script, "%s/netns.sh", directory);
  snprintf(program, sizeof program, "%s/upnp_device.py", directory);
  long holder = upnp_program_start(&peer->net, (char *[]){script, (char[]){"pair"}, (char[]){UPNP_INTERFACE},
                                                          (char[]){UPNP_ADDRESS}, (char[]){UPNP_DEVICE}, NULL});
  snprintf(pid, sizeof pid, "%ld", holder);
  upnp_program_start(&peer->device, (char *[]){(char[]){"nsenter"}, (char[]){"--net"}, (char[]){"--target"}, pid,
                                               (char[]){"/usr/bin/python3"}, program, (char[]){UPNP_DEVICE},
                                               (char *)(uintptr_t)devices, NULL});
}

static inline void upnp_peer_stop(struct upnp_peer *peer)
{
  upnp_program_stop(&peer->device);
  upnp_program_stop(&peer->net);
}

static inline void upnp_peer_ask(struct upnp_peer *peer, const char *command, char *line, size_t size)
{
  fprintf(peer->device.in, "%s\n", command);
  fflush(peer->device.in);
  upnp_line(&peer->device, line, size);
}

static inline void upnp_peer_tell(struct upnp_peer *peer, const char *command)
{
  char line[200];
  upnp_peer_ask(peer, command, line, sizeof line);
  if (strcmp(line, "ok") != 0) {
    fprintf(stderr, "the simulated devices say to \"%s\": %s\n", command, line);
    abort();
  }
}

/* One of its counts: "writes", "subscribes", "renewals", "descriptions", "subscriptions". */
static inline unsigned upnp_peer_count(struct upnp_peer *peer, const char *name)
{
  char line[300];
  upnp_peer_ask(peer, "counts", line, sizeof line);
  const char *at = strstr(line, name);
  return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}
