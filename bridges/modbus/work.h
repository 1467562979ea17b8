/* SPDX-License-Identifier: Apache-2.0
 *
 * work.h: what the worker of a bus does, one job at a time: connect, read (joined, split where that was refused), write.
 * Inner header of bus.c and work.c; everything in it is used on the worker's thread.
 */
#pragma once

#include "bus.h"
#include "frame.h"
#include "wire.h"

#include <stdatomic.h>

enum mb_job_kind { MB_JOB_READ, MB_JOB_WRITE, MB_JOB_WALK, MB_JOB_SCAN, MB_JOB_ASK, MB_JOB_DETACH };

struct mb_job {
  struct mb_job *next;
  enum mb_job_kind kind;
  struct mb_bus_device *device;
  tt_id request;
  uint64_t deadline_us;
  size_t n;              /* points, or words, or the unit of a scan */
  struct mb_place place; /* MB_JOB_WRITE; MB_JOB_ASK: function and address */
  /* MB_JOB_WRITE */
  int error;             /* the value cannot be sent: why */
  struct tt_value value; /* with place.scale: the number before it is scaled */
  uint16_t data[];
};

/* A unit number of this bus, whoever uses it. */
struct mb_unit {
  unsigned silent;       /* time-outs in a row */
  uint64_t again_us;     /* not to be asked before */
  unsigned long answers; /* ever */
  bool is_owing;         /* wire.h */
};

struct mb_side {
  bool is_there;
  struct mb_place place;
};

struct mb_bus_device {
  void *user;
  const struct tt_device_config *config;
  uint8_t unit;
  struct mb_limits limits;
  struct mb_side *read, *write; /* per point */
  bool is_probed;               /* reads tell what was on the wire */
  atomic_bool is_leaving;
  struct mb_job *farewell; /* made beforehand, for leaving cannot fail; NULL once queued */
  struct mb_cuts cuts;
  /* The last joined read that was not answered: when the unit answers other reads in between and leaves this one
   * unanswered again, it is the joining that it does not like. */
  struct mb_span unanswered;
  unsigned long unanswered_at; /* unit.answers then; 0 with unanswered.n 0: none */
  size_t first_base;           /* where to look for SunSpec first (survey.c) */
  uint16_t silent_at;          /* where its chain of models broke off; 0: nowhere */
};

struct mb_worker {
  const struct mb_connection_options *options;
  mb_emit_fn emit;
  void *user;
  struct mb_wire *wire;
  struct mb_unit units[MB_UNIT_MAX + 1];
  bool is_up, is_told; /* what was told last */
  bool is_parked;      /* closed, and to be opened only when there is a request */
  bool is_used;        /* a request was made since it was opened */
  bool has_answered;   /* since it was opened */
  bool is_doubted;     /* the last connection was closed at once; this one has not yet proved better */
  uint64_t open_at_us; /* closed: when to try again */
  uint64_t opened_us, used_us;
  unsigned open_failures, timeouts;
  char down_why[MB_WHY];
  uint16_t words[MB_READ_BITS_MAX]; /* the last answer */
};

int mb_worker_init(struct mb_worker *worker, const struct mb_connection_options *options, int stop_fd,
                   mb_emit_fn emit, void *user);
void mb_worker_finish(struct mb_worker *worker); /* also when it was never initialised, but zeroed */

/* Do the job and tell its outcome. */
void mb_worker_run(struct mb_worker *worker, struct mb_job *job);

/* Between jobs. When there is something to do without a request (connect again, close an idle connection); TT_NEVER.
 * mb_worker_chore() does it if it is due. */
uint64_t mb_worker_due(const struct mb_worker *worker);
void mb_worker_chore(struct mb_worker *worker);
int mb_worker_fd(const struct mb_worker *worker); /* to be watched; -1 */
void mb_worker_readable(struct mb_worker *worker);

/* ---- Between work.c, read.c and survey.c */
#define MB_WHERE        160 /* "unit 17, input register 0x0034 (52), table number 30053" */
#define MB_TEXT         400
#define MB_SILENT_AFTER 2 /* time-outs in a row after which a unit counts as dead */

void mb_run_read(struct mb_worker *worker, struct mb_job *job);
/* One request, with what it says about unit and line. As mb_wire_exchange(), and -ENOTCONN. */
int mb_transact(struct mb_worker *worker, const struct mb_request *request, uint16_t words[],
                char why[static MB_WHY]);
/* Is this outcome of it that the unit does not answer? */
bool mb_is_silence(int outcome);
/* An outcome in words. */
void mb_outcome_text(char out[static MB_TEXT], int outcome, const char *why, const char *place);
void mb_tell(struct mb_worker *worker, const struct mb_event *event);
void mb_tell_done(struct mb_worker *worker, const struct mb_job *job, int error, const char *text);
void mb_tell_point(struct mb_worker *worker, const struct mb_bus_device *device, uint16_t point, const char *text);
char *mb_where(char out[static MB_WHERE], const struct mb_bus_device *device, enum mb_table table, uint16_t address,
               unsigned count);
