/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h: files that are written whole or not at all, as what must survive a power cut is. `dir` is the descriptor of a directory,
 * or AT_FDCWD. Any thread.
 */
#pragma once

#include <sys/types.h>
#include <thingtree/util.h>

/* A file with this text, made anew: whatever has the name goes first, nobody's link is followed. On the disk when it returns 0.
 * On an error (an errno) there is none. */
int tt_file_write(int dir, const char *name, mode_t mode, const char *text, size_t n);

/* The same in place of the one of that name, in one step: on an error the old one stands. TT_FILE_NAME_MAX bytes of name at most
 * (-ENAMETOOLONG). */
#define TT_FILE_NAME_MAX  250
#define TT_FILE_TEMPORARY ".new" /* what is left with this behind its name is of whoever died */
int tt_file_replace(int dir, const char *name, mode_t mode, const char *text, size_t n);
