/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.c: which requests read which points.
 */
#include "plan.h"

#define BITS_PER_REGISTER 16

void mb_cuts_finish(struct mb_cuts *cuts)
{
  free(cuts->cut);
  *cuts = (struct mb_cuts){0};
}

/* The first cut at or behind (table, address). */
static size_t cut_at(const struct mb_cuts *cuts, enum mb_table table, unsigned address)
{
  size_t low = 0, high = cuts->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct mb_cut *cut = &cuts->cut[middle];
    if (cut->table < table || (cut->table == table && cut->address < address)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

int mb_cuts_add(struct mb_cuts *cuts, enum mb_table table, uint16_t address)
{
  size_t at = cut_at(cuts, table, address);
  if (at < cuts->n && cuts->cut[at].table == table && cuts->cut[at].address == address)
    return 0;
  if (cuts->n == MB_CUTS_MAX)
    return -ENOSPC;
  if (cuts->n == cuts->room) {
    size_t room = cuts->room ? 2 * cuts->room : 8;
    struct mb_cut *cut = realloc(cuts->cut, room * sizeof *cut);
    if (!cut)
      return -ENOMEM;
    cuts->cut = cut;
    cuts->room = room;
  }
  memmove(cuts->cut + at + 1, cuts->cut + at, (cuts->n - at) * sizeof *cuts->cut);
  cuts->cut[at] = (struct mb_cut){(uint16_t)table, address};
  cuts->n++;
  return 0;
}

/* Is there a cut in (from, to]? */
static bool is_cut(const struct mb_cuts *cuts, enum mb_table table, unsigned from, unsigned to)
{
  size_t at = cut_at(cuts, table, from + 1);
  return at < cuts->n && cuts->cut[at].table == table && cuts->cut[at].address <= to;
}

static int by_place(const void *left, const void *right)
{
  const struct mb_want *a = left, *b = right;
  if (a->table != b->table)
    return a->table < b->table ? -1 : 1;
  if (a->address != b->address)
    return a->address < b->address ? -1 : 1;
  if (a->words != b->words)
    return a->words > b->words ? -1 : 1;
  return a->point < b->point ? -1 : a->point > b->point;
}

static bool joins(const struct mb_span *span, const struct mb_want *want, const struct mb_limits *limits,
                  const struct mb_cuts *cuts)
{
  bool is_bits = mb_table_is_bits(span->table);
  unsigned most = is_bits ? limits->max_registers * BITS_PER_REGISTER : limits->max_registers;
  unsigned gap = is_bits ? limits->max_gap * BITS_PER_REGISTER : limits->max_gap;
  unsigned end = span->address + span->count, want_end = want->address + want->words;
  return want->table == span->table && want->table != MB_OBJECT && want->address <= end + gap &&
         (want_end <= end || want_end - span->address <= most) &&
         !is_cut(cuts, span->table, span->address, want->address);
}

size_t mb_plan(struct mb_want wants[], size_t n_wants, const struct mb_limits *limits, const struct mb_cuts *cuts,
               struct mb_span spans[])
{
  size_t n = 0;
  if (!n_wants)
    return 0;
  qsort(wants, n_wants, sizeof *wants, by_place);
  for (size_t i = 0; i < n_wants; i++) {
    struct mb_span *span = n ? &spans[n - 1] : NULL;
    if (span && joins(span, &wants[i], limits, cuts)) {
      unsigned count = wants[i].address + wants[i].words - span->address;
      if (count > span->count)
        span->count = count;
      span->n++;
    } else {
      spans[n++] = (struct mb_span){
          .table = wants[i].table, .address = wants[i].address, .count = wants[i].words, .first = i, .n = 1};
    }
  }
  return n;
}

size_t mb_span_cut(const struct mb_span *span, const struct mb_want wants[])
{
  const struct mb_want *first = wants + span->first;
  unsigned end = first->address + first->words, widest = 0;
  size_t best = 0;
  for (size_t i = 1; i < span->n; i++) {
    const struct mb_want *want = first + i;
    if (want->address >= end) {
      unsigned gap = want->address - end;
      size_t from_middle = i > span->n / 2 ? i - span->n / 2 : span->n / 2 - i;
      size_t best_from_middle = best > span->n / 2 ? best - span->n / 2 : span->n / 2 - best;
      if (!best || gap > widest || (gap == widest && from_middle < best_from_middle)) {
        best = i;
        widest = gap;
      }
    }
    if (want->address + want->words > end)
      end = want->address + want->words;
  }
  return best ? span->first + best : 0;
}
