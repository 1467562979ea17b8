/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_commands.h: the commands there are, a call per group. Each adds its rows to the engine.
 */
#pragma once

#include "adhoc.h"

struct tt_watches;
int tt_adhoc_watch_add(struct tt_adhoc *adhoc, struct tt_watches *watches); /* watch, unwatch */

/* All of the following. */
int tt_adhoc_things_add(struct tt_adhoc *adhoc);

int tt_adhoc_browse_add(struct tt_adhoc *adhoc);  /* browse */
int tt_adhoc_read_add(struct tt_adhoc *adhoc);    /* read */
int tt_adhoc_control_add(struct tt_adhoc *adhoc); /* switch, control; turn-on and turn-off of a thing */
int tt_adhoc_do_add(struct tt_adhoc *adhoc);      /* commands */
