/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h: option tables (thingtree/option.h) at work: a map of YAML into a struct, and the same table as help
 * text. Main thread.
 */
#pragma once

#include "secrets.h"

#include <thingtree/option.h>

struct tt_table_env {
  struct tt_arena *arena;
  struct tt_diags *diags;
  struct tt_secrets *secrets;
  const char *base; /* directory of thingtree.yaml, for options that are files */
  bool is_newer;    /* the file says it is of a newer minor version: unknown keys are warnings */
};

/* Fill `out` (zeroed; the struct of the table) from `map`; NULL: defaults only, without the required ones. `what`
 * names the thing in messages ("connection house-broker"), `at` is where it stands. Keys that the table does not
 * have are not looked at here, for several tables may share one map. -EINVAL: said in diags; -ENOMEM. */
int tt_table_load(const struct tt_table_env *env, const struct tt_option *options, const struct tt_item *map,
                  const char *what, struct tt_mark at, void *out);
/* Keys that are in none of the tables are errors, with the closest that is. Tables may be NULL. */
int tt_table_check_keys(const struct tt_table_env *env, const struct tt_option *const tables[], size_t n_tables,
                        const struct tt_item *map, const char *what);
/* The map itself must be one. */
int tt_table_expect_map(const struct tt_table_env *env, const struct tt_item *item, const char *what);
/* The row of a key; NULL. */
const struct tt_option *tt_table_find(const struct tt_option *options, const char *key);

/* Two numbers, the first smaller: `[0, 60]`. -EINVAL, said in diags. */
int tt_table_range(const struct tt_table_env *env, const struct tt_item *item, double *ret_min, double *ret_max);

/* The table as people read it under `thingtree help NAME`, `indent` spaces from the left. */
void tt_table_help(const struct tt_option *options, unsigned indent, struct tt_buf *out);
