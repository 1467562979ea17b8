/* SPDX-License-Identifier: Apache-2.0
 *
 * plan.h: which requests read which points. Points that lie near each other in one table are joined into one request;
 * where a device refused that, a cut is remembered. Pure; one owner at a time.
 */
#pragma once

#include "options.h"

/* What is to be read: where, how many registers (or bits), and whose it is. */
struct mb_want {
  enum mb_table table;
  uint16_t address;
  unsigned words;
  uint16_t point;
};

struct mb_limits {
  unsigned max_registers, max_gap; /* of coils and discrete inputs 16 times as many */
};

/* One request: wants[first .. first + n) of the sorted array. */
struct mb_span {
  enum mb_table table;
  uint16_t address;
  unsigned count;
  size_t first, n;
};

/* Where no request may reach across: before this address of this table. */
#define MB_CUTS_MAX 4096
struct mb_cut {
  uint16_t table, address;
};
struct mb_cuts {
  struct mb_cut *cut; /* sorted */
  size_t n, room;
};
void mb_cuts_finish(struct mb_cuts *cuts);
/* 0, also when it is there already; -ENOMEM; -ENOSPC. */
int mb_cuts_add(struct mb_cuts *cuts, enum mb_table table, uint16_t address);

/* Sorts `wants` and writes the requests, in order of table and address, into `spans` (room for n_wants). Returns their
 * number. Every want is in exactly one span and wholly inside it, even when it alone exceeds the limit. */
size_t mb_plan(struct mb_want wants[], size_t n_wants, const struct mb_limits *limits, const struct mb_cuts *cuts,
               struct mb_span spans[]);

/* Where a refused request is best cut: before wants[result], at its widest gap, else in the middle; never inside of
 * values that overlap. 0: it cannot be cut. */
size_t mb_span_cut(const struct mb_span *span, const struct mb_want wants[]);
