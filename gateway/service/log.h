/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h: what the daemon tells its administrator: state changes, one line each, to the journal when stderr is
 * connected to it, else as plain lines on stderr. Never values, payloads or secrets. What comes from outside is made
 * printable and cut. Any thread; meant for the loop.
 */
#pragma once

#include <thingtree/host.h>

#define TT_LOG_LINE_MAX 1024 /* bytes of one line */

/* Where to, and the least urgent level that is shown. Before the first call: stderr, TT_LOG_INFO. */
void tt_log_open(enum tt_log_level level);
/* `about` (may be NULL) names the connection or node the line is about. */
void tt_log(enum tt_log_level level, const char *about, const char *format, ...) TT_PRINTF(3, 4);
void tt_logv(enum tt_log_level level, const char *about, const char *format, va_list ap) TT_PRINTF(3, 0);

/* What was said last, for whoever asks: the newest lines that are not TT_LOG_DEBUG, oldest first. `fn` may not log. */
#define TT_LOG_KEPT 200
void tt_log_last(void (*fn)(void *user, uint64_t wall_us, enum tt_log_level level, const char *text), void *user);

/* Is fd the stream that JOURNAL_STREAM names ("device:inode")? */
bool tt_log_is_journal(int fd, const char *journal_stream);
