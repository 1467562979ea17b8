/* SPDX-License-Identifier: Apache-2.0
 *
 * state.h: the state directory, which belongs to one daemon at a time.
 */
#pragma once

#include <thingtree/util.h>

#include <sys/types.h>

/* Makes the directory if it is missing (0750, one level) and locks it. ret_fd is held until the process ends; the
 * kernel lets go of the lock, however that happens. -EBUSY: another daemon has it, ret_other is its pid (0: unknown). */
int tt_state_open(const char *dir, int *ret_fd, pid_t *ret_other);
