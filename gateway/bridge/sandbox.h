/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.h: what the process of one bridge can still do once it has shut itself in: calculate, have threads, and speak
 * with the network. Of files: read what libraries need (name resolution, certificates, time zones) and what the options
 * of the bridge name. No program is started, no other process is seen, no socket but of the network is made. Of the rights
 * of root, when the daemon has them, next to none is left.
 */
#pragma once

#include <thingtree/util.h>

enum tt_shut {
  TT_SHUT_CALLS = 1, /* seccomp: always */
  TT_SHUT_FILES = 2, /* Landlock: where the kernel has it */
};

struct tt_sandbox {
  const char *const *files; /* may be read; of a directory everything below. What is not there is left out */
  size_t n_files;
  const char *const *devices; /* may be read and written */
  size_t n_devices;
};

/* For this thread and all that it will make; there must be no other yet. No way back. enum tt_shut of what is shut, or
 * a negative errno: then it must not go on. */
int tt_sandbox_enter(const struct tt_sandbox *sandbox);

/* What may be read is the file that was there then. One that is another now, because it was replaced (a renewed
 * certificate, /etc/resolv.conf after a change of network, a serial port that was plugged in), can be opened only by a
 * fresh process. NULL: none. */
const char *tt_sandbox_replaced(void);
