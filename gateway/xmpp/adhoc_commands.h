/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_commands.h: the commands there are, a call per group. Each adds its rows to the engine.
 */
#pragma once

#include "adhoc.h"

/* All of the following. */
int tt_adhoc_things_add(struct tt_adhoc *adhoc);

int tt_adhoc_browse_add(struct tt_adhoc *adhoc);  /* browse */
int tt_adhoc_read_add(struct tt_adhoc *adhoc);    /* read */
int tt_adhoc_control_add(struct tt_adhoc *adhoc); /* switch, control; turn-on and turn-off of a thing */
