/* SPDX-License-Identifier: Apache-2.0
 *
 * survey.h: what the worker of a bus finds out about a unit: its chain of SunSpec models, its identification. On the
 * worker's thread.
 */
#pragma once

#include "sunspec.h"
#include "work.h"

/* Texts of a unit that somebody looks for. */
struct mb_found {
  uint8_t unit;
  bool is_there; /* it answered, with whatever */
  char maker[MB_OBJECT_MAX + 1], model[MB_OBJECT_MAX + 1], revision[MB_OBJECT_MAX + 1];
  char serial[MB_SUNSPEC_TEXT];
  char sunspec[MB_SUNSPEC_LIST]; /* numbers of its models; "" when it has none */
};

/* One object of the identification. 0; > 0: an exception; negative as mb_wire_exchange(); -ENOENT: it has none. */
int mb_survey_object(struct mb_worker *worker, uint8_t unit, uint8_t object, char out[static MB_OBJECT_MAX + 1],
                     char why[static MB_WHY]);

void mb_run_walk(struct mb_worker *worker, struct mb_job *job);
void mb_run_scan(struct mb_worker *worker, struct mb_job *job);
void mb_run_ask(struct mb_worker *worker, struct mb_job *job);
