/* SPDX-License-Identifier: Apache-2.0
 *
 * child.h: the host of one bridge in a process of its own: the other side of isolate.h. It serves the bridge the functions
 * of <thingtree/host.h> and says to the daemon what the bridge says to it. All state that matters is the daemon's: this
 * process may end at any time.
 */
#pragma once

#include <thingtree/bridge.h>

/* Is the process until the bridge has stopped or the daemon is gone; the exit code. `builtin` (may be NULL) ends with
 * NULL; other bridges are found where the daemon says. Finds its socket at TT_PROCESS_FD. */
int tt_child_run(const struct tt_bridge_ops *const *builtin);
