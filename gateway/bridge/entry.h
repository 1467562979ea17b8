/* SPDX-License-Identifier: Apache-2.0
 *
 * entry.h: are two configurations of a device or a connection the same, wherever in the files they stand; and copies of
 * them that stand alone in an arena. A comparison that could not be made says "not the same". No state, any thread.
 */
#pragma once

#include "config/config.h"

bool tt_entry_same_connection(const struct tt_connection_config *a, const struct tt_connection_config *b);
/* Each with its connection, NULL: none. */
/* Is it the same that is at the other end? Options that say so (TT_OPTION_ADDRESS, TT_OPTION_DEVICE) are compared. */
bool tt_entry_same_place(const struct tt_connection_config *a, const struct tt_connection_config *b);
bool tt_entry_same_device(const struct tt_device_entry *a, const struct tt_connection_config *of_a,
                          const struct tt_device_entry *b, const struct tt_connection_config *of_b);
/* Would both give the same value? How a point is written, shown or polled makes no difference; which device it is (its
 * options) does. `a` is the device of p, `b` that of q. */
bool tt_entry_same_point(const struct tt_bridge_ops *ops, const struct tt_device_config *a,
                         const struct tt_point *p, const struct tt_device_config *b, const struct tt_point *q);

/* 0 or -ENOMEM. `ops` NULL: none. */
int tt_entry_copy_device(const struct tt_device_entry *entry, const struct tt_bridge_ops *ops,
                         struct tt_arena *arena, struct tt_device_entry *copy);
int tt_entry_copy_connection(const struct tt_connection_config *c, struct tt_arena *arena,
                             struct tt_connection_config *copy);
