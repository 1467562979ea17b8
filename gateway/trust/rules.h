/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.h: the rules that accepted requests have made, in memory and in <state>/rules.json. Private to trust.
 */
#pragma once

#include "model/rule.h"

#define TT_RULES_FILE_MAX (4u * 1024 * 1024) /* bytes */
#define TT_RULE_GLOB_MAX  1024               /* bytes of one glob */

/* One rule in one allocation: freed by free(). `nodes` may be NULL: all. */
struct tt_rule *tt_rule_create(const char *who, enum tt_role role, const char *const nodes[], size_t n_nodes);

/* Normalised `who` of a rule: "alice@example.org", "@example.org", "things.example.org". -EINVAL */
int tt_rule_who(const char *text, char *out, size_t size);

/* Reads the file; no file is no rules. `ret_rules` is freed by tt_rules_free(). -EIO: not our file, or damaged. */
int tt_rules_load(const char *state_dir, struct tt_rule ***ret_rules, size_t *ret_n);
/* Writes it anew: temporary file, fsync, rename, fsync of the directory. */
int tt_rules_save(const char *state_dir, struct tt_rule *const rules[], size_t n);
void tt_rules_free(struct tt_rule **rules, size_t n);
