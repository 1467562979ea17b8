/* SPDX-License-Identifier: Apache-2.0
 * Cells of CSV. */
#include "pick_csv.h"

#include <stdio.h>

#define NO_COLUMN SIZE_MAX

const struct tt_option tt_pick_csv_options[] = {
    {.name = "separator",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_pick_csv, separator),
     .preset = ",",
     .help = "What stands between two cells: one character, or tab."},
    {.name = "header",
     .type = TT_OPTION_BOOLEAN,
     .offset = offsetof(struct tt_pick_csv, has_header),
     .preset = "true",
     .help = "The first row has the names of the columns. Without, they are numbers from 1."},
    {.name = "row",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_pick_csv, row),
     .preset = "last",
     .help = "Which row: first, last, or its number, the first one below the header being 1."},
    {.name = "where",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_pick_csv, where),
     .help = "Only rows that have, in this column, the text of is."},
    {.name = "is",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct tt_pick_csv, is),
     .help = "The text that the column where must have."},
    TT_OPTION_END,
};

static int row_number(const char *text, int64_t *ret)
{
  return tt_int64_parse(text, ret) == 0 && *ret >= 1 ? 0 : -EINVAL;
}

static char separator_of(const struct tt_pick_csv *csv)
{
  return !strcmp(csv->separator, "tab") ? '\t' : csv->separator[0];
}

const char *tt_pick_csv_problem(const struct tt_pick_csv *csv, const char *column)
{
  int64_t number;
  if (!*column)
    return "the name of the column is empty";
  if (strcmp(csv->separator, "tab") != 0 && (strlen(csv->separator) != 1 || strchr("\"\r\n", *csv->separator)))
    return "the separator is not one character";
  if (strcmp(csv->row, "first") != 0 && strcmp(csv->row, "last") != 0 && row_number(csv->row, &number) < 0)
    return "the row is neither first nor last nor a number from 1";
  if (!csv->where != !csv->is)
    return "where and is belong together";
  if (!csv->has_header && (row_number(column, &number) < 0 || (csv->where && row_number(csv->where, &number) < 0)))
    return "columns without a header are numbers from 1";
  return NULL;
}

/* A cell: its raw bytes, quotes included. */
struct cell {
  const char *at;
  size_t n;
};

struct row {
  struct cell cells[TT_PICK_COLUMNS_MAX];
  size_t n;
};

/* The next row from `*at`; cells beyond the most are skipped. -ENODATA: the end; -EINVAL: quotes do not end. */
static int next_row(const char **at, const char *end, char separator, struct row *row)
{
  const char *p = *at;
  row->n = 0;
  if (p == end)
    return -ENODATA;
  for (;;) {
    struct cell cell = {.at = p};
    if (p < end && *p == '"') {
      for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++)
        p += *p == '"';
      if (p >= end)
        return -EINVAL;
      p++;
    }
    while (p < end && *p != separator && *p != '\n')
      p++;
    cell.n = (size_t)(p - cell.at);
    if ((p == end || *p == '\n') && cell.n && cell.at[cell.n - 1] == '\r')
      cell.n--;
    if (row->n < TT_PICK_COLUMNS_MAX)
      row->cells[row->n++] = cell;
    if (p == end || *p == '\n')
      break;
    p++;
  }
  *at = p == end ? end : p + 1;
  return 0;
}

/* Without quotes and blanks around it. */
static size_t cell_text(const struct cell *cell, char out[static TT_PICK_CELL_MAX])
{
  const char *p = cell->at, *end = cell->at + cell->n;
  size_t n = 0;
  while (p < end && *p == ' ')
    p++;
  while (end > p && end[-1] == ' ')
    end--;
  bool is_quoted = end - p >= 2 && *p == '"' && end[-1] == '"';
  p += is_quoted;
  end -= is_quoted;
  for (; p < end && n + 1 < TT_PICK_CELL_MAX; p++) {
    out[n++] = *p;
    if (is_quoted && *p == '"' && p + 1 < end)
      p++;
  }
  out[n] = 0;
  return n;
}

static bool cell_is(const struct cell *cell, const char *text)
{
  char out[TT_PICK_CELL_MAX];
  size_t n = cell_text(cell, out);
  return strlen(text) == n && !memcmp(out, text, n);
}

static size_t column_of(const struct row *header, bool has_header, const char *name)
{
  int64_t number;
  for (size_t i = 0; has_header && i < header->n; i++)
    if (cell_is(&header->cells[i], name))
      return i;
  return row_number(name, &number) == 0 && number <= TT_PICK_COLUMNS_MAX ? (size_t)number - 1 : NO_COLUMN;
}

static bool is_wanted(const struct row *row, size_t where, const char *is)
{
  return where == NO_COLUMN || (where < row->n && cell_is(&row->cells[where], is));
}

int tt_pick_csv_value(const char *data, size_t n, const struct tt_pick_csv *csv, const char *column,
                      bool wants_number, struct tt_value *ret, char *why)
{
  const char *at = data, *end = data + n;
  struct row header = {.n = 0}, row;
  struct cell found = {.at = NULL};
  int64_t wanted = 0, number = 0;
  int r = 0;
  char separator = separator_of(csv), text[TT_PICK_CELL_MAX];
  if (n > TT_PICK_SIZE_MAX || !tt_utf8_is_valid(data, n)) {
    snprintf(why, TT_PICK_WHY_SIZE,
             n > TT_PICK_SIZE_MAX ? "the table is too large" : "the table is not valid UTF-8");
    return -EINVAL;
  }
  if (n >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3)) /* a byte order mark */
    at += 3;
  if (csv->has_header)
    r = next_row(&at, end, separator, &header);
  size_t index = column_of(&header, csv->has_header, column);
  size_t where = csv->where ? column_of(&header, csv->has_header, csv->where) : NO_COLUMN;
  if (r == 0 && (index == NO_COLUMN || (csv->where && where == NO_COLUMN))) {
    snprintf(why, TT_PICK_WHY_SIZE, "the table has no column \"%.100s\"", index == NO_COLUMN ? column : csv->where);
    return -EINVAL;
  }
  bool is_last = !strcmp(csv->row, "last");
  if (!is_last && row_number(csv->row, &wanted) < 0)
    wanted = 1;
  while (r == 0 && (is_last || number < wanted) && (r = next_row(&at, end, separator, &row)) == 0) {
    bool is_blank = row.n == 1 && row.cells[0].n == 0;
    if (is_blank || !is_wanted(&row, where, csv->is))
      continue;
    number++;
    found = index < row.n ? row.cells[index] : (struct cell){.at = NULL};
  }
  if (r == -EINVAL) {
    snprintf(why, TT_PICK_WHY_SIZE, "a quoted cell of the table does not end");
    return -EINVAL;
  }
  if (!found.at || (!is_last && number < wanted))
    return -ENODATA;
  size_t size = cell_text(&found, text);
  return size ? tt_pick_text_value(text, size, wants_number, ret, why) : -ENODATA;
}
