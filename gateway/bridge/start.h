/* SPDX-License-Identifier: Apache-2.0
 *
 * start.h: what the process of one bridge must know to begin: which bridge, for which connection, and what it may touch.
 * Goes as the blob of TT_FRAME_CONFIG; credentials are in it, and nowhere else: not in arguments, not in the environment.
 */
#pragma once

#include "config/pack.h"

struct tt_start {
  const char *protocol;
  const char *name;    /* of the connection */
  const char *bridges; /* directory of the shared objects; NULL: what is built in */
  bool is_probing;
  struct tt_texts files, devices; /* sandbox.h; absolute */
};

/* Everything that the options name: of strings with TT_OPTION_PATH and TT_OPTION_DEVICE. Added to the two; in the arena.
 * -ENOMEM */
int tt_start_add_paths(struct tt_start *start, struct tt_arena *arena, const struct tt_option *table,
                       const void *options);

void tt_start_put(const struct tt_start *start, const struct tt_bridge_ops *ops, const void *options,
                  struct tt_buf *out);
/* The start without the options, which are still in `in`: for them the bridge is needed. -EBADMSG */
int tt_start_take(struct tt_bytes *in, struct tt_arena *arena, struct tt_start *ret);
