/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c: cells collected row by row, printed with columns as wide as their widest cell.
 */
#include "show.h"

#define GAP       2  /* blanks between two columns */
#define ROOM_STEP 64 /* cells */

void tt_table_init(struct tt_table *table, const struct tt_term *term, size_t n_columns)
{
  *table = (struct tt_table){.term = term, .n_columns = n_columns};
}

void tt_table_finish(struct tt_table *table)
{
  for (size_t i = 0; i < table->n_cells; i++)
    free(table->cells[i].text);
  free(table->cells);
  table->cells = NULL;
  table->n_cells = 0;
}

void tt_table_put(struct tt_table *table, enum tt_style style, const char *text)
{
  if (table->n_cells == table->room) {
    struct tt_cell *cells = realloc(table->cells, (table->room + ROOM_STEP) * sizeof(*cells));
    if (!cells) {
      table->failed = true;
      return;
    }
    table->cells = cells;
    table->room += ROOM_STEP;
  }
  struct tt_buf clean = TT_BUF(0);
  tt_term_clean(table->term, text ? text : "", &clean);
  char *stolen = tt_buf_steal(&clean);
  if (!stolen) {
    table->failed = true;
    return;
  }
  table->cells[table->n_cells++] = (struct tt_cell){.text = stolen, .style = style};
}

void tt_table_printf(struct tt_table *table, enum tt_style style, const char *format, ...)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&text, format, ap);
  va_end(ap);
  tt_table_put(table, style, text.data);
}

void tt_table_print(const struct tt_table *table, const char *indent, struct tt_paper *paper)
{
  size_t widths[TT_TABLE_COLUMNS_MAX] = {0};
  for (size_t i = 0; i < table->n_cells; i++) {
    size_t columns = tt_term_columns(table->cells[i].text), *width = &widths[i % table->n_columns];
    *width = columns > *width ? columns : *width;
  }
  for (size_t i = 0; i < table->n_cells; i++) {
    size_t column = i % table->n_columns;
    const struct tt_cell *cell = &table->cells[i];
    if (column == 0)
      tt_paper_put(paper, TT_STYLE_DIM, indent);
    size_t start = paper->column;
    if (table->is_right[column])
      tt_paper_pad(paper, start + widths[column] - tt_term_columns(cell->text));
    tt_paper_put(paper, cell->style, cell->text);
    if (column + 1 == table->n_columns || i + 1 == table->n_cells)
      tt_paper_end(paper);
    else if (widths[column] > 0)
      tt_paper_pad(paper, start + widths[column] + GAP);
  }
}
