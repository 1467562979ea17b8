/* SPDX-License-Identifier: Apache-2.0
 *
 * show.h: nodes and fields, as lines of the control socket give them, as people read them; and tables.
 */
#pragma once

#include "client.h"
#include "term.h"

/* "21.40", "true", "–" (no value). Clean text; on the heap. */
char *tt_show_value(const struct tt_term *term, json_object *value);
/* "now", "12 s", "5 min", "7 h", "9 d"; "never" when the field has no age. */
const char *tt_show_age(char *out, size_t size, json_object *field);
/* What is to be known of a value beside itself: "stale, retained, estimate"; "" when nothing. */
void tt_show_flags(json_object *field, struct tt_buf *out);
/* "2026-11-22T18:54:53.120Z" as the local "18:54:53", with the date when that is not today (in UTC) or `is_full`. */
const char *tt_show_time(char *out, size_t size, const char *stamp, bool is_full);
/* Seconds: "3 h 12 min". */
const char *tt_show_duration(char *out, size_t size, int64_t seconds);

/* How a state of a node looks ("None", "WarningSigned", ...). */
struct tt_look {
  enum tt_glyph glyph;
  enum tt_style style;
};
struct tt_look tt_show_state(const char *state, bool is_disabled);
struct tt_look tt_show_message(const char *type);

/* The fields of a list as aligned lines "prefix name value unit age flags". `prefix` is printed dim. */
void tt_show_fields(struct tt_paper *paper, const char *prefix, json_object *fields);

/* ---- A table: collected, then printed with columns as wide as their widest cell ------------------------------- */
#define TT_TABLE_COLUMNS_MAX 10

struct tt_cell {
  char *text; /* clean; on the heap */
  enum tt_style style;
};
struct tt_table {
  const struct tt_term *term;
  size_t n_columns, n_cells, room;
  bool is_right[TT_TABLE_COLUMNS_MAX]; /* aligned to the right */
  struct tt_cell *cells;
  bool failed;
};
void tt_table_init(struct tt_table *table, const struct tt_term *term, size_t n_columns);
void tt_table_finish(struct tt_table *table);
void tt_table_put(struct tt_table *table, enum tt_style style, const char *text); /* the next cell; NULL: empty */
void tt_table_printf(struct tt_table *table, enum tt_style style, const char *format, ...) TT_PRINTF(3, 4);
void tt_table_print(const struct tt_table *table, const char *indent, struct tt_paper *paper);

/* ---- Whole pictures ------------------------------------------------------------------------------------------- */
/* Nodes in the order of the socket, parents first. `is_short`: without fields. */
void tt_show_tree(struct tt_paper *paper, json_object *nodes, bool is_short);
void tt_show_status(struct tt_paper *paper, json_object *status);
