/* SPDX-License-Identifier: Apache-2.0
 * process.c: posix_spawn() and a pidfd: nothing of it depends on who handles SIGCHLD. */
#define _GNU_SOURCE /* POSIX_SPAWN_SETSID, addclosefrom_np */
#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_attributes(posix_spawnattr_t *attributes)
{
  sigset_t all, usual;
  sigfillset(&all); /* it ignores what is not meant for it before it lets anything through */
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  int r = posix_spawnattr_setsigmask(attributes, &all);
  if (r == 0)
    r = posix_spawnattr_setsigdefault(attributes, &usual);
  if (r == 0) /* no terminal of ours, and no signals from its keyboard */
    r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  return r;
}

static int set_files(posix_spawn_file_actions_t *actions, int theirs)
{
  int r = posix_spawn_file_actions_adddup2(actions, theirs, TT_PROCESS_FD);
  if (r == 0)
    r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
  if (r == 0)
    r = posix_spawn_file_actions_adddup2(actions, STDIN_FILENO, STDOUT_FILENO);
  if (r == 0)
    r = posix_spawn_file_actions_addclosefrom_np(actions, TT_PROCESS_FD + 1);
  return r;
}

static int spawn(const char *program, int theirs, pid_t *ret_pid)
{
  char name[] = "thingtree", command[] = TT_PROCESS_COMMAND;
  char *const argv[] = {name, command, NULL}, *const none[] = {NULL};
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int r = posix_spawnattr_init(&attributes);
  if (r != 0)
    return -r;
  r = posix_spawn_file_actions_init(&actions);
  if (r == 0) {
    r = set_attributes(&attributes);
    if (r == 0)
      r = set_files(&actions, theirs);
    if (r == 0)
      r = posix_spawn(ret_pid, program, &actions, &attributes, argv, none);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_destroy(&attributes);
  return -r;
}

int tt_process_start(const char *program, struct tt_process *ret)
{
  int pair[2];
  pid_t pid;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
    return -errno;
  int r = spawn(program, pair[1], &pid);
  close(pair[1]);
  int pidfd = r < 0 ? -1 : pidfd_open(pid, 0); /* close-on-exec by itself; not reaped, so the pid is its own */
  if (r == 0 && pidfd < 0) {
    r = -errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
  }
  if (r < 0) {
    close(pair[0]);
    return r;
  }
  *ret = (struct tt_process){.pid = pid, .pidfd = pidfd, .socket = pair[0]};
  return 0;
}

void tt_process_kill(const struct tt_process *process)
{
  if (process->pid > 0)
    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
}

void tt_process_reap(struct tt_process *process, char *how, size_t size)
{
  siginfo_t info = {0};
  int r;
  do
    r = waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED);
  while (r < 0 && errno == EINTR);
  if (r < 0)
    snprintf(how, size, "nobody knows how");
  else
    snprintf(how, size, info.si_code == CLD_EXITED ? "exit code %d" : "signal %d", info.si_status);
  close(process->pidfd);
  *process = (struct tt_process){.pidfd = -1, .socket = -1};
}
