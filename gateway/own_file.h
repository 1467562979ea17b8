/* SPDX-License-Identifier: Apache-2.0
 *
 * own_file.h: files that the daemon writes into a directory that the configuration includes. None is ever half there: it is
 * written beside its place and takes it in one step. Main thread.
 */
#pragma once

#include "config/config.h"

#include <sys/types.h>

/* The directory of an `include: [DIR/\*.yaml]` that can be written to, as written: the first that has `name` (NULL: that
 * does not matter), else the first. False: there is none. */
bool tt_own_dir(const struct tt_config_env *env, const struct tt_config *config, const char *name, char *out,
                size_t size);
/* Why there is none. */
extern const char tt_own_dir_missing[];
/* A name relative to thingtree.yaml as a path. */
void tt_own_path(struct tt_buf *out, const struct tt_config_env *env, const char *name);

/* Writes PATH.new, to the disk, over whatever was left there. `ret_temporary` is its name; it is gone on failure. */
int tt_own_write(const char *path, const char *text, size_t n, mode_t mode, struct tt_buf *ret_temporary);
/* It takes its place; `is_new`: only if nothing is there (-EEXIST). The temporary file is gone in any case. */
int tt_own_keep(const char *temporary, const char *path, bool is_new);
/* Reads it whole. -ENOENT; -EFBIG: more than `max`. On the heap, with a NUL behind. */
int tt_own_read(const char *path, size_t max, char **ret_text, size_t *ret_n);
