/* SPDX-License-Identifier: Apache-2.0
 *
 * blocks.h: whom an admin has blocked: nothing of theirs is heard any more, whatever the rules say. Kept in
 * <state>/blocks.json. Main thread only. The XMPP side asks our server to keep them away, too (XEP-0191).
 */
#pragma once

#include "access.h"

#define TT_BLOCKS_MAX       1000
#define TT_BLOCKS_FILE_MAX  (1024 * 1024) /* bytes */
#define TT_BLOCK_REPORT_MAX 500           /* bytes of the text of a report */
#define TT_BLOCK_WHO_MAX    3072

enum tt_block_reason { TT_BLOCK_NO_REPORT, TT_BLOCK_SPAM, TT_BLOCK_ABUSE }; /* of a report (XEP-0377) */
int tt_block_reason_parse(const char *text, enum tt_block_reason *ret);     /* "spam", "abuse"; -EINVAL */

struct tt_block {
  const char *who;   /* a bare JID, or a domain with all of its accounts */
  uint64_t stamp_us; /* wall */
};

struct tt_blocks;
/* `state_dir` may be NULL: nothing persists. -EIO and the like when the file cannot be read. `access` is borrowed. */
int tt_blocks_create(const char *state_dir, struct tt_access *access, struct tt_blocks **ret);
void tt_blocks_destroy(struct tt_blocks *blocks); /* NULL is fine */

bool tt_blocks_has(const struct tt_blocks *blocks, const char *bare);
/* Blocked already: only the report goes out. -EINVAL: not a JID or domain; -EPERM: an admin would be shut out; -ENOSPC; errors
 * of the file: nothing has changed. `report` (may be NULL) goes with a reason only. */
int tt_blocks_add(struct tt_blocks *blocks, struct tt_now now, const char *who, enum tt_block_reason reason,
                  const char *report);
int tt_blocks_remove(struct tt_blocks *blocks, const char *who); /* -ENOENT, -EINVAL, errors of the file */
/* In the order in which they were blocked; valid until the next change. */
const struct tt_block *tt_blocks_list(const struct tt_blocks *blocks, size_t *ret_n);

/* Called after each change. */
typedef void (*tt_blocks_fn)(void *user, const char *who, bool is_blocked, enum tt_block_reason reason,
                             const char *report);
void tt_blocks_listen(struct tt_blocks *blocks, tt_blocks_fn fn, void *user);
