/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h: one open set request, private to control.c (from arrival to permission, order, result) and command.c
 * (doing it: audit, write, verification). Times are monotonic.
 */
#pragma once

#include "control.h"
#include "requests.h"

#define TT_CONTROL_WAIT_US   (5 * TT_USEC_PER_SEC) /* behind other commands; then it is too late to do it */
#define TT_CONTROL_WITHIN_US (5 * TT_USEC_PER_SEC) /* of a point that does not say */

enum command_stage {
  COMMAND_ACCESS,   /* waiting for the decision */
  COMMAND_WAITING,  /* permitted; an earlier command has to go first */
  COMMAND_AGAIN,    /* under way; whether the next step is still permitted is being asked */
  COMMAND_WRITING,  /* the device has the write */
  COMMAND_SETTLING, /* written; it may need a moment before it can be read back */
  COMMAND_READING,  /* being read back */
  COMMAND_REPORT,   /* written; the device will tell by itself */
};

/* One parameter of one node, valid and permitted. */
struct command_step {
  tt_id node;
  uint16_t point;
  size_t assignment;
  struct tt_value value;
};

struct command_assignment {
  char *name, *text;
  enum tt_type type;
};

struct tt_control {
  struct tt_control *prev, *next;
  tt_id id;
  struct tt_core *core;
  tt_set_fn fn;
  void *user;
  struct tt_caller *caller;
  tt_id *nodes;
  size_t n_nodes;
  struct command_assignment *assignments;
  size_t n_assignments;
  enum command_stage stage;
  uint64_t due_us;
  struct tt_ticket *ticket;
  struct command_step *steps;
  size_t n_steps, at; /* steps before `at` are done */
  bool is_complete;
  bool is_form;         /* leaves out what is so already */
  bool is_just_decided; /* nothing has happened since: what is begun now need not be asked for again */
  /* the step under way */
  uint64_t audit_id;
  uint64_t deadline_us;
  struct tt_value expected; /* what the device should say afterwards */
  uint16_t verify_point;
  bool is_reported, is_matched;
};

/* command.c: begin with the first step; goes on by itself until command_finish(). */
void command_begin(struct tt_control *c);
/* What is due at c->due_us in the stages after COMMAND_WAITING. */
void command_due(struct tt_control *c);
/* A report of a point: is it what the command waits for? Only notes it; what follows happens in the next turn. */
void command_report(struct tt_control *c, const struct tt_node *node, uint16_t point);

/* The gateway stops, whatever stage it is in: nobody is told, but the audit is completed. Not freed. */
void command_drop(struct tt_control *c);

/* control.c: tell the result and free it. `why` is about the step under way: for tt_tr(), or in the caller's language. */
void command_finish(struct tt_control *c, enum tt_refusal refusal, const char *why);
