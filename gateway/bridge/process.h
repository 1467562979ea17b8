/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h: a process of our own program, with nothing of ours but one socket, /dev/null and our standard error, an
 * empty environment and no arguments that tell anything. Main thread.
 */
#pragma once

#include <thingtree/util.h>

#define TT_PROCESS_FD      3 /* where it finds the socket */
#define TT_PROCESS_COMMAND "bridge-host"

struct tt_process {
  int pid;
  int pidfd;  /* readable when it has ended */
  int socket; /* our end: non-blocking, closed on exec */
};

/* `program` is run with the one argument TT_PROCESS_COMMAND. */
int tt_process_start(const char *program, struct tt_process *ret);
void tt_process_kill(const struct tt_process *process);
/* After its end: reaps it and says how it ended ("signal 11", "exit code 3"). */
void tt_process_reap(struct tt_process *process, char *how, size_t size);
