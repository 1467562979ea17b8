/* SPDX-License-Identifier: Apache-2.0
 *
 * audit.h: the trace of who switched what: two JSON lines with one id, the decision before the device is touched
 * and the outcome after. Always to a file, in addition to journald where there is one. Refusals of one caller are
 * joined per minute with a count. Main thread only.
 */
#pragma once

#include "model/core.h"

#define TT_AUDIT_FILE_MAX (16u * 1024 * 1024) /* bytes; then audit.jsonl becomes audit.jsonl.1 */

struct tt_audit;

/* Opens <state_dir>/audit.jsonl (0640) for appending. */
int tt_audit_create(const char *state_dir, struct tt_audit **ret);
void tt_audit_destroy(struct tt_audit *audit); /* writes the counts that are still held */
struct tt_audit_hooks tt_audit_hooks(struct tt_audit *audit, struct tt_core *core);
/* A device is written into the configuration, or changed or taken out of it: who, how (`kind`: "adopted", "added", "edited",
 * "removed", "undone"), its node, mapping and connection (NULL: not known), and the file. An errno: it could not be written
 * down, and must not be done. */
int tt_audit_device(struct tt_audit *audit, struct tt_now now, const struct tt_caller *caller, const char *kind,
                    const char *node, const char *mapping, const char *connection, const char *file);
/* Somebody is let in, turned away or let in no more (`kind`: "accepted", "denied", "revoked", "undone"): by whom, who, and of
 * an accepted one role and nodes (NULL: all). */
int tt_audit_access(struct tt_audit *audit, struct tt_now now, const struct tt_caller *caller, const char *kind,
                    const char *who, const char *role, const char *nodes);
/* The last `n` lines of the file, oldest first, each with its end; of the last TT_AUDIT_TAIL_MAX bytes at most. */
#define TT_AUDIT_TAIL_MAX ((size_t)64 * 1024)
int tt_audit_tail(const struct tt_audit *audit, size_t n, struct tt_buf *out);
/* Write the joined refusals that are due; returns when the next are (monotonic), TT_NEVER. */
uint64_t tt_audit_turn(struct tt_audit *audit, struct tt_now now);
