/* SPDX-License-Identifier: Apache-2.0
 *
 * blocking.h: an admin says whom nobody is to hear: what all ways of saying it to the gateway as a person share, from the audit to
 * the answer. Whether they may (tt_access_is_admin()) is the caller's question, and asked before. Main thread only.
 */
#pragma once

#include "audit.h"
#include "blocks.h"

struct tt_blocking {
  const char *who; /* as it was written */
  bool is_removal; /* to be heard again */
  enum tt_block_reason reason;
  const char *text; /* of the report, which goes with a reason only; NULL */
};

/* Written down, then done. The errors of tt_blocks_add() and tt_blocks_remove(), -E2BIG: the text is longer than
 * TT_BLOCK_REPORT_MAX; an errno of the audit (NULL: there is none): then nothing was done. */
int tt_blocking_do(struct tt_blocks *blocks, struct tt_audit *audit, struct tt_now now,
                   const struct tt_caller *caller, const struct tt_blocking *blocking);
/* What has come of it, a sentence. Appended. */
void tt_blocking_tell(struct tt_buf *out, const struct tt_blocking *blocking, int result, const char *language);

#define TT_BLOCKING_SHOWN 100
/* Who is blocked now, in one line. Appended. */
void tt_blocking_list(struct tt_buf *out, const struct tt_blocks *blocks, const char *language);
