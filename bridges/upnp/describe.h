/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.h: the description of a device as a mapping: what can be asked for or is evented becomes a point, what can be
 * set becomes writable. The result is for tt_describe(). Pure.
 */
#pragma once

#include "description.h"
#include "scpd.h"

#define UP_DESCRIBE_POINTS_MAX   500
#define UP_DESCRIBE_COMMANDS_MAX 100

/* `scpds[i]` belongs to `description->services[i]`; NULL: not known. Of services that configure the network (network.h)
 * only what can be read, unless `with_network`; `ret_withheld` is how many writes and commands that were. The JSON is
 * appended. -ENODATA: there is nothing to tell; -ENOMEM; -EMSGSIZE. */
int up_describe(const struct up_description *description, const struct up_part *part,
                const struct up_scpd *const scpds[], bool with_network, struct tt_buf *out, unsigned *ret_withheld);
