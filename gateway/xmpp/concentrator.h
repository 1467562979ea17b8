/* SPDX-License-Identifier: Apache-2.0
 *
 * concentrator.h: what concentrator.c, which answers at once, and node_command.c, which waits for devices, share.
 */
#pragma once

#include "dialect.h"

#include "model/control.h"

/* What X says of a request that was refused, beside the stanza error: an element named after it, with a code and the
 * parameters at fault, as many as have room. On the heap; NULL: nothing, as in N. */
char *tt_concentrator_refusal(const struct tt_dialect *dialect, const char *request, enum tt_refusal refusal,
                              const struct tt_parameter_error errors[], size_t n, size_t room);

/* The requests of node_command.c, for getCapabilities; ends with NULL. */
extern const char *const tt_node_command_names[];
