/* SPDX-License-Identifier: Apache-2.0
 *
 * execute.h: commands of nodes (thingtree/command.h), for every kind of caller: which there are, what arguments they take,
 * and having one done. Who may control a parameter of the command's name may give the command. Validity is all or nothing
 * and looked at before anything happens; then order, audit, the device, and one answer. A command is given once, in time,
 * or not at all; it is never repeated. Source: XEP-0326 section 3.6. Main thread only.
 *
 * A surface needs three calls: tt_commands_list() for a menu, tt_command_arguments() for the form of one (or nothing, when
 * it has no arguments), tt_command_execute() with what was filled in. Where the command has `confirm`, people are to be
 * asked that first.
 */
#pragma once

#include "control.h"

#define TT_EXECUTIONS_MAX        256 /* of the three kinds together, open at once */
#define TT_EXECUTIONS_PER_CALLER 16
#define TT_EXECUTION_WAIT_US     (5 * TT_USEC_PER_SEC) /* behind other commands; then it is too late to do it */
#define TT_EXECUTION_TEXT_MAX    1024                  /* bytes of what a device says of it; more is cut */
#define TT_COMMAND_NAME_MAX      64

/* The commands of the node that the caller may give, in the order of its mapping. TT_OK with none: the node has none.
 * Called exactly once, perhaps from within; everything is valid during the call only. */
typedef void (*tt_commands_fn)(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                               const struct tt_command *const commands[], size_t n);
void tt_commands_list(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref,
                      tt_commands_fn fn, void *user);

/* One command with its arguments in the order of the mapping; `current` is what a form begins with (NULL: nothing): the
 * value it has when it is left out, else that of the node's field of the same name and type. Likewise. */
typedef void (*tt_arguments_fn)(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                                const struct tt_command *command, const struct tt_parameter arguments[], size_t n);
void tt_command_arguments(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref,
                          const char *command, tt_arguments_fn fn, void *user);

/* May the argument be left out? */
static inline bool tt_argument_is_optional(const struct tt_point *argument)
{
  return argument->missing == TT_MISSING_VALUE;
}
/* What a form for this argument begins with; NULL: nothing. */
const struct tt_value *tt_argument_preset(const struct tt_node *node, const struct tt_point *argument);

struct tt_execute_request {
  const struct tt_caller *caller;
  struct tt_ref ref;
  const char *command;
  /* Each name once. An empty text is as if it were not there, unless the argument is a text. */
  const struct tt_assignment *arguments;
  size_t n_arguments;
};

struct tt_execute_result {
  enum tt_refusal refusal; /* TT_OK: the device has done it, or taken it over */
  /* Why not, for people, through tt_tr(); with TT_OK what the device said, NULL: nothing. The latter is foreign, though
   * printable. */
  const char *text;
  /* Arguments at fault: then nothing was done. */
  const struct tt_parameter_error *errors;
  size_t n_errors;
  /* With `errors`, for a form that is shown again; else NULL. */
  const struct tt_node *node;
  const struct tt_command *command;
};

typedef void (*tt_execute_fn)(void *user, const struct tt_execute_result *result);
void tt_command_execute(struct tt_core *core, const struct tt_execute_request *request, tt_execute_fn fn,
                        void *user);
