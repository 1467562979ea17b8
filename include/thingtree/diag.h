/* SPDX-License-Identifier: Apache-2.0
 *
 * diag.h: diagnostics. Whoever checks configuration adds messages to a list; one place renders them with file,
 * line, column, the source line, a caret, a second position and the chain of use. Main thread.
 */
#pragma once

#include <thingtree/util.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

/* A place in a configuration file. `file` is NULL for "nowhere"; it is interned by the configuration and lives
 * as long as that. Lines and columns count from 1; columns count characters; `length` is how much to underline. */
struct tt_mark {
  const char *file;
  unsigned line, column, length;
};

enum tt_severity {
  TT_SEVERITY_NOTE,
  TT_SEVERITY_WARNING,
  TT_SEVERITY_ERROR, /* whatever is at the mark (device, mapping, connection) cannot be used */
};

struct tt_diags;

/* Add a message. `code` is a stable word-with-hyphens that the manual lists ("unknown-key"); `format` says what
 * is wrong in one sentence without a full stop. The following calls add to the message added last. */
void tt_diag(struct tt_diags *diags, enum tt_severity severity, const char *code, struct tt_mark at,
             const char *format, ...) TT_PRINTF(5, 6);
/* A second position, rendered below or (same line) beside the first: "again here". */
void tt_diag_also(struct tt_diags *diags, struct tt_mark at, const char *format, ...) TT_PRINTF(3, 4);
/* A line of help under the source line: "did you mean \"relay\"?", "parameters: topic, tele". */
void tt_diag_help(struct tt_diags *diags, const char *format, ...) TT_PRINTF(2, 3);

#pragma GCC visibility pop
