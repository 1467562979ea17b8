/* SPDX-License-Identifier: Apache-2.0
 *
 * pick_csv.h: one cell out of a table of text (RFC 4180): a column by name or number of one row. Pure; every byte may be
 * hostile. Lines may end with LF or CRLF, quoted cells may hold separators, quotes ("") and line ends.
 */
#pragma once

#include "pick.h"

#define TT_PICK_COLUMNS_MAX 1000 /* of a row that are looked at */
#define TT_PICK_CELL_MAX    4096 /* bytes of a cell; longer ones are cut */

/* `csv:` of a point. */
struct tt_pick_csv {
  const char *separator;  /* one character, or "tab" */
  bool has_header;        /* the first row has the names */
  const char *row;        /* first, last, or a number from 1 */
  const char *where, *is; /* the first (or last) row with the cell `is` in the column `where`; NULL: any */
};
extern const struct tt_option tt_pick_csv_options[];

/* Why these options make no sense together with the column, or NULL. */
const char *tt_pick_csv_problem(const struct tt_pick_csv *csv, const char *column);

/* The cell as a raw value; `column` is a name of the header, or a number from 1. -ENODATA: there is no such row, or the
 * cell is empty or missing; -EINVAL: no such column, broken quotes, not UTF-8, with the reason in `why`. */
int tt_pick_csv_value(const char *data, size_t n, const struct tt_pick_csv *csv, const char *column,
                      bool wants_number, struct tt_value *ret, char *why);
