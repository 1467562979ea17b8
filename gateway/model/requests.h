/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.h: the inside of struct tt_core, and what the kinds of requests share. Private to core.c, readout.c,
 * control.c, command.c, parameters.c, execute.c, subscription.c and follow.c.
 */
#pragma once

#include "core.h"

struct tt_readout;
struct tt_control;
struct tt_form;
struct tt_subscriptions;
struct tt_execution;
struct tt_follow;

struct tt_core {
  struct tt_tree *tree;
  struct tt_now now;
  struct tt_access_hooks access;
  struct tt_audit_hooks audit;
  struct tt_device_hooks devices;
  const struct tt_poll_class *classes;
  size_t n_classes;
  tt_id last_request;
  struct tt_readout *readouts; /* hash by id */
  struct tt_control *controls; /* in order of arrival */
  bool is_scheduling, is_schedule_due;
  struct tt_form *forms;           /* likewise */
  struct tt_execution *executions; /* likewise */
  struct tt_ticket *tickets;
  struct tt_subscriptions *subscriptions;
  struct tt_follow *follows;
  bool has_new_nodes; /* that those may want */
  uint64_t rules;     /* counts the changes of the rules; never 0 */
};

#define TT_ACCESS_TIMEOUT_US (5 * TT_USEC_PER_SEC)  /* then the answer is no */
#define TT_DEVICE_TIMEOUT_US (10 * TT_USEC_PER_SEC) /* of a node that does not say */

/* What a hook gets as its user pointer. It is called once, perhaps after the request has gone: then `owner` is
 * NULL. Freed by whoever is called, or with the core. */
struct tt_ticket {
  struct tt_ticket *prev, *next;
  struct tt_core *core;
  void *owner;
  size_t part;
};
struct tt_ticket *tt_ticket_create(struct tt_core *core, void *owner, size_t part);
/* Ends the ticket and tells whose it was; NULL: forget the call. */
void *tt_ticket_redeem(struct tt_ticket *ticket, size_t *ret_part);
/* The request does not want to hear any more. */
static inline void tt_ticket_forget(struct tt_ticket **ticket)
{
  if (*ticket)
    (*ticket)->owner = NULL;
  *ticket = NULL;
}

/* A set of names, made for many questions. */
struct tt_names {
  const char **sorted;
  size_t n;
  bool is_all;
};
int tt_names_init(struct tt_names *names, const char *const texts[], size_t n); /* borrows the texts */
void tt_names_finish(struct tt_names *names);
#define TT_AUTONAMES TT_CLEANUP(tt_names_finish)
bool tt_names_has(const struct tt_names *names, const char *name);

/* The bridge's own words for a failure, or ours. */
const char *tt_error_text(int error, const char *text);

/* readout.c, control.c, parameters.c, execute.c: do what is due; when the next is; forget everything. */
void tt_readouts_turn(struct tt_core *core);
uint64_t tt_readouts_due(const struct tt_core *core);
void tt_readouts_drop(struct tt_core *core);
void tt_controls_turn(struct tt_core *core);
uint64_t tt_controls_due(const struct tt_core *core);
void tt_controls_drop(struct tt_core *core);
void tt_forms_turn(struct tt_core *core);
uint64_t tt_forms_due(const struct tt_core *core);
void tt_forms_drop(struct tt_core *core);
/* subscription.c: with the tree. */
int tt_subscriptions_create(struct tt_core *core);
uint64_t tt_subscriptions_due(const struct tt_core *core);
void tt_subscriptions_destroy(struct tt_core *core); /* while the tree stands */
/* follow.c: a node has come; take up what has. */
void tt_follows_added(struct tt_core *core, const struct tt_node *node);
void tt_follows_take_up(struct tt_core *core);
void tt_executions_turn(struct tt_core *core);
uint64_t tt_executions_due(const struct tt_core *core);
void tt_executions_drop(struct tt_core *core);

/* Sets (control.c) and commands (execute.c) wait for each other. Ids rise in order of arrival: is there one before `id` that
 * this one must not overtake? That is one of the same caller (`bare`) that has not begun, or anybody's that is permitted and
 * about one of these nodes. */
bool tt_controls_precede(const struct tt_core *core, tt_id id, const char *bare, const tt_id nodes[], size_t n);
bool tt_executions_precede(const struct tt_core *core, tt_id id, const char *bare, const tt_id nodes[], size_t n);
/* control.c: begin whatever may, of both. execute.c: begin the first that may; false: none. */
void tt_commands_schedule(struct tt_core *core);
bool tt_executions_begin(struct tt_core *core);

/* A point was reported: a command may be waiting for it. */
void tt_controls_report(struct tt_core *core, const struct tt_node *node, uint16_t point);
