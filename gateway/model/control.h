/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h: setting parameters, for every kind of writer. Validity is all or nothing over everything named;
 * permission leaves the denied parts out; execution is in order, stops at the first failure, and is verified as
 * the point says. Source: XEP-0325 section 3.
 */
#pragma once

#include "core.h"

#define TT_CONTROLS_MAX           256 /* open at once */
#define TT_CONTROLS_PER_CALLER    16
#define TT_CONTROL_NODES_MAX      100
#define TT_CONTROL_PARAMETERS_MAX 100

struct tt_assignment {
  const char *name;
  enum tt_type type; /* as the sender called it; TT_TYPE_NONE: not said */
  const char *text;  /* lexical form */
};

struct tt_set_request {
  const struct tt_caller *caller;
  const struct tt_ref *refs; /* at least one */
  size_t n_refs;
  const struct tt_assignment *assignments; /* at least one; in order; no name twice */
  size_t n_assignments;
  /* From a form, whose fields come back whether they were edited or not: what the device is known to have already is
   * not written again. */
  bool is_form;
};

struct tt_parameter_error {
  const char *name;
  const char *text; /* in the caller's language */
};

/* One parameter that was set (and verified) on one node. */
struct tt_set_done {
  const struct tt_node *node;
  const char *name;
};

struct tt_set_result {
  enum tt_refusal refusal;                 /* TT_OK: everything that was permitted was done and verified */
  const char *text;                        /* for people, through tt_tr(); NULL with TT_OK */
  const struct tt_parameter_error *errors; /* parameters at fault */
  size_t n_errors;
  /* What was done, also when it ended in an error: `done` one by one in order; `nodes` and `names` without
   * repetition. is_product: every name was set on every node. */
  const struct tt_set_done *done;
  size_t n_done;
  const struct tt_node *const *nodes;
  size_t n_nodes;
  const char *const *names;
  size_t n_names;
  bool is_product;
  bool is_complete; /* nothing was left out for want of permission */
};

/* Called exactly once, perhaps from within tt_control_start(). Everything is valid during the call only. */
typedef void (*tt_set_fn)(void *user, const struct tt_set_result *result);
void tt_control_start(struct tt_core *core, const struct tt_set_request *request, tt_set_fn fn, void *user);

/* The parameters that all these nodes have in common (same name and type) and the caller may set, with the value
 * of the first node. `current` is NULL when unknown. Called exactly once. */
struct tt_parameter {
  const struct tt_point *point;
  const struct tt_value *current;
};
typedef void (*tt_parameters_fn)(void *user, enum tt_refusal refusal, const char *text,
                                 const struct tt_parameter *parameters, size_t n);
void tt_control_parameters(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *refs,
                           size_t n_refs, tt_parameters_fn fn, void *user);
