/* SPDX-License-Identifier: Apache-2.0
 *
 * pack.h: the configuration of a connection or a device as bytes, and back: by walking the tables that describe it, so
 * whatever a bridge adds to its tables is in. Two uses: to hand a configuration to a bridge in another process, and,
 * without marks, to see whether two configurations are the same: equal bytes, equal configuration, wherever in the
 * files it stands. Secrets are among the bytes: whoever holds them wipes them. No state, any thread.
 *
 * The bytes are for the same program on the same machine, never for a file. Options that share one member of a struct
 * are not supported (no table has such).
 */
#pragma once

#include "bytes.h"

#include <thingtree/bridge.h>

enum tt_pack_flag {
  TT_PACK_WITHOUT_MARKS = 1 << 0, /* where it stands in the files makes no difference */
};

/* The struct of an option table (NULL: nothing). A buffer that fails has `failed` set, as always. */
void tt_pack(const struct tt_option *table, const void *options, unsigned flags, struct tt_buf *out);
/* Everything in struct tt_device_config. Of a poll class it has the index: what the class says is not in it. */
void tt_pack_device(const struct tt_device_config *config, const struct tt_bridge_ops *ops, unsigned flags,
                    struct tt_buf *out);

/* The reverse, of bytes that were packed by the same tables. `options` is zeroed and of the table's struct; what it
 * points at is in the arena, whose limit bounds what bytes can cost. The bytes are not trusted: -EBADMSG when they are
 * not such, or cost too much; `options` is half filled then. What follows stays in `in`. */
int tt_unpack(const struct tt_option *table, struct tt_bytes *in, struct tt_arena *arena, void *options);
int tt_unpack_device(const struct tt_bridge_ops *ops, struct tt_bytes *in, struct tt_arena *arena,
                     struct tt_device_config *ret);
