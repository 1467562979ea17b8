/* SPDX-License-Identifier: Apache-2.0
 * execute.c: commands of nodes from the question to the answer (execute.h). Whose turn it is among other commands and sets
 * is decided together with control.c (requests.h). */
#include "execute.h"

#include "convert.h"
#include "requests.h"

#include "text/text.h"

#include <stdio.h>
#include <utlist.h>

#define NO_SUCH_NODE    TT_TR("There is no such node.")
#define NO_SUCH_COMMAND TT_TR("There is no such command.")
#define NOT_PERMITTED   TT_TR("You may not do this.")
#define LATER           TT_TR("Try again later.")

enum kind { KIND_LIST, KIND_ARGUMENTS, KIND_RUN };
enum stage {
  STAGE_ACCESS,  /* waiting for the decision */
  STAGE_WAITING, /* permitted; an earlier command has to go first */
  STAGE_RUNNING, /* its turn: it is asked for again, or the device has it */
};

struct argument {
  char *name, *text;
  enum tt_type type;
};

struct tt_execution {
  struct tt_execution *prev, *next;
  tt_id id;
  struct tt_core *core;
  enum kind kind;
  enum stage stage;
  union {
    tt_commands_fn list;
    tt_arguments_fn arguments;
    tt_execute_fn run;
  } fn;
  void *user;
  struct tt_caller *caller;
  tt_id node;
  char command[TT_COMMAND_NAME_MAX + 2]; /* one byte more than any has, so that one that was cut is none */
  struct argument *arguments;            /* as they were given */
  size_t n_arguments;
  uint64_t due_us;
  struct tt_ticket *ticket;
  uint16_t index; /* of the command in the node, once it is valid */
  struct tt_value values[TT_ARGUMENTS_MAX], raws[TT_ARGUMENTS_MAX]; /* one per argument of the command */
  bool is_just_decided; /* nothing has happened since: it need not be asked for again */
  bool is_asked_again;  /* its turn has come, and it waits for that answer */
  uint64_t audit_id;
};

/* ---- Life -------------------------------------------------------------------------------------------------- */
static void execution_free(struct tt_execution *x)
{
  tt_ticket_forget(&x->ticket);
  for (size_t i = 0; i < x->n_arguments; i++) {
    free(x->arguments[i].name);
    if (x->arguments[i].text)
      explicit_bzero(x->arguments[i].text, strlen(x->arguments[i].text)); /* it may be a credential */
    free(x->arguments[i].text);
  }
  for (size_t i = 0; i < TT_ARGUMENTS_MAX; i++) {
    tt_value_finish(&x->values[i]);
    tt_value_finish(&x->raws[i]);
  }
  free(x->arguments);
  free(x->caller);
  free(x);
}

static void end_audit(struct tt_execution *x, enum tt_refusal result, const char *text)
{
  if (x->core->audit.outcome && x->audit_id)
    x->core->audit.outcome(x->core->audit.user, x->audit_id, result, text);
  x->audit_id = 0;
}

void tt_executions_drop(struct tt_core *core)
{
  while (core->executions) {
    struct tt_execution *x = core->executions;
    DL_DELETE(core->executions, x);
    end_audit(x, TT_REFUSED_DEVICE, "the gateway stopped before the device had answered");
    execution_free(x);
  }
}

/* ---- Answers ----------------------------------------------------------------------------------------------- */
/* Whatever was asked for: no. */
static void tell_refusal(enum kind kind, const struct tt_execution *x, enum tt_refusal refusal, const char *text)
{
  switch (kind) {
  case KIND_LIST:
    x->fn.list(x->user, refusal, text, NULL, NULL, 0);
    break;
  case KIND_ARGUMENTS:
    x->fn.arguments(x->user, refusal, text, NULL, NULL, NULL, 0);
    break;
  case KIND_RUN:
    x->fn.run(x->user, &(struct tt_execute_result){.refusal = refusal, .text = text});
    break;
  }
}

/* Out of the list first: what is called may begin another. */
static void take_out(struct tt_execution *x)
{
  tt_ticket_forget(&x->ticket);
  DL_DELETE(x->core->executions, x);
}

static void put_away(struct tt_execution *x)
{
  struct tt_core *core = x->core;
  bool was_run = x->kind == KIND_RUN;
  execution_free(x);
  if (was_run)
    tt_commands_schedule(core);
}

static void refuse(struct tt_execution *x, enum tt_refusal refusal, const char *text)
{
  take_out(x);
  end_audit(x, refusal, text);
  tell_refusal(x->kind, x, refusal, text);
  put_away(x);
}

static void forbid(struct tt_execution *x)
{
  const struct tt_node *node = tt_tree_get(x->core->tree, x->node);
  tt_core_refused(x->core, x->caller, TT_ACCESS_CONTROL, node ? node->key : "");
  refuse(x, TT_REFUSED_FORBIDDEN, NOT_PERMITTED);
}

/* ---- What there is ------------------------------------------------------------------------------------------- */
const struct tt_value *tt_argument_preset(const struct tt_node *node, const struct tt_point *argument)
{
  uint16_t point;
  if (tt_argument_is_optional(argument))
    return &argument->missing_value;
  if (argument->is_secret || tt_node_point(node, argument->name, &point) < 0 ||
      node->points[point].type != argument->type || node->fields[point].value.type == TT_TYPE_NONE)
    return NULL;
  return &node->fields[point].value;
}

static void tell_list(struct tt_execution *x, const struct tt_node *node, const struct tt_grant *grant)
{
  struct tt_names allowed TT_AUTONAMES = {0};
  TT_AUTOFREE const struct tt_command **commands = calloc(node->n_commands + 1, sizeof(*commands));
  size_t n = 0;
  if (!commands || tt_names_init(&allowed, grant->names, grant->n_names) < 0) {
    refuse(x, TT_REFUSED_BUSY, LATER);
    return;
  }
  allowed.is_all = grant->is_all;
  for (size_t i = 0; i < node->n_commands; i++)
    if (tt_names_has(&allowed, node->commands[i].name))
      commands[n++] = &node->commands[i];
  take_out(x);
  x->fn.list(x->user, TT_OK, NULL, node, commands, n);
  put_away(x);
}

static void tell_arguments(struct tt_execution *x, const struct tt_node *node, const struct tt_command *command)
{
  struct tt_parameter arguments[TT_ARGUMENTS_MAX];
  for (size_t i = 0; i < command->n_arguments; i++)
    arguments[i] = (struct tt_parameter){&command->arguments[i], tt_argument_preset(node, &command->arguments[i])};
  take_out(x);
  x->fn.arguments(x->user, TT_OK, NULL, node, command, arguments, command->n_arguments);
  put_away(x);
}

/* ---- Validity ------------------------------------------------------------------------------------------------ */
struct faults {
  struct tt_parameter_error
      errors[2 * TT_ARGUMENTS_MAX]; /* as many as can be given, and as many as can be missing */
  char texts[2 * TT_ARGUMENTS_MAX][TT_WHY_MAX];
  size_t n;
};

static void fault_add(struct faults *faults, const char *name, const char *why)
{
  snprintf(faults->texts[faults->n], sizeof(faults->texts[0]), "%s", why);
  faults->errors[faults->n] = (struct tt_parameter_error){name, faults->texts[faults->n]};
  faults->n++;
}

static const struct argument *given(const struct tt_execution *x, const struct tt_point *argument)
{
  for (size_t i = 0; i < x->n_arguments; i++)
    if (strcmp(x->arguments[i].name, argument->name) == 0)
      return *x->arguments[i].text || argument->type == TT_TYPE_STRING ? &x->arguments[i] : NULL;
  return NULL;
}

/* The value and the raw value of one argument. */
static int take_argument(struct tt_execution *x, const struct tt_point *point, size_t i, struct faults *faults)
{
  const struct argument *argument = given(x, point);
  const char *language = x->caller->language;
  char why[TT_WHY_MAX] = "";
  int r = -EINVAL;
  if (argument)
    r = tt_convert_parameter(point, argument->type, argument->text, &x->values[i], language, why, sizeof why);
  else if (tt_argument_is_optional(point))
    r = tt_value_copy(&point->missing_value, &x->values[i]);
  else
    snprintf(why, sizeof why, "%s", tt_tr(language, "it must be given"));
  if (r >= 0)
    r = tt_convert_to_raw(point, &x->values[i], &x->raws[i], language, why, sizeof why);
  if (r < 0 && r != -ENOMEM)
    fault_add(faults, point->name, why);
  return r == -ENOMEM ? r : 0;
}

static bool has_argument(const struct tt_command *command, const char *name)
{
  for (size_t i = 0; i < command->n_arguments; i++)
    if (strcmp(command->arguments[i].name, name) == 0)
      return true;
  return false;
}

/* All of it is looked at. -ENOMEM. */
static int validate(struct tt_execution *x, const struct tt_command *command, struct faults *faults)
{
  int r = 0;
  for (size_t i = 0; i < x->n_arguments; i++)
    if (!has_argument(command, x->arguments[i].name))
      fault_add(faults, x->arguments[i].name, tt_tr(x->caller->language, "the command has no such argument"));
  for (size_t i = 0; r == 0 && i < command->n_arguments; i++)
    r = take_argument(x, &command->arguments[i], i, faults);
  return r;
}

static void tell_faults(struct tt_execution *x, const struct tt_node *node, const struct tt_command *command,
                        const struct faults *faults)
{
  const struct tt_execute_result result = {.refusal = TT_REFUSED_BAD_REQUEST,
                                           .text = TT_TR("An argument is not valid; nothing was done."),
                                           .errors = faults->errors,
                                           .n_errors = faults->n,
                                           .node = node,
                                           .command = command};
  take_out(x);
  x->fn.run(x->user, &result);
  put_away(x);
}

/* ---- Permission ---------------------------------------------------------------------------------------------- */
static void go(struct tt_execution *x, const struct tt_node *node);

static void run_decided(struct tt_execution *x, const struct tt_node *node, const struct tt_command *command)
{
  struct faults faults = {.n = 0};
  if (validate(x, command, &faults) < 0) {
    refuse(x, TT_REFUSED_BUSY, LATER);
    return;
  }
  if (faults.n > 0) {
    tell_faults(x, node, command, &faults);
    return;
  }
  x->stage = STAGE_WAITING;
  x->due_us = x->core->now.mono_us + TT_EXECUTION_WAIT_US;
  x->is_just_decided = true;
  struct tt_core *core = x->core;
  tt_id id = x->id;
  tt_commands_schedule(core);
  for (x = core->executions; x; x = x->next)
    if (x->id == id)
      x->is_just_decided = false; /* it has to wait for others, or was begun */
}

static void decided(struct tt_execution *x, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  const struct tt_node *node = tt_tree_get(x->core->tree, x->node);
  if (!node) {
    refuse(x, TT_REFUSED_NOT_FOUND, TT_TR("The node has gone."));
  } else if (refusal == TT_REFUSED_FORBIDDEN || (refusal == TT_OK && n == 0)) {
    forbid(x);
  } else if (refusal != TT_OK) {
    refuse(x, refusal, LATER);
  } else if (x->kind == KIND_LIST) {
    tell_list(x, node, &grants[0]);
  } else if (tt_node_command(node, x->command, &x->index) < 0) {
    refuse(x, TT_REFUSED_NOT_FOUND, NO_SUCH_COMMAND);
  } else if (x->kind == KIND_ARGUMENTS) {
    tell_arguments(x, node, &node->commands[x->index]);
  } else if (x->is_asked_again) {
    go(x, node);
  } else {
    run_decided(x, node, &node->commands[x->index]);
  }
}

static void on_access(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_execution *x = tt_ticket_redeem(user, NULL);
  if (!x)
    return;
  x->ticket = NULL;
  decided(x, refusal, grants, n);
}

static void ask_access(struct tt_execution *x, const char *const names[], size_t n_names)
{
  struct tt_core *core = x->core;
  x->due_us = core->now.mono_us + TT_ACCESS_TIMEOUT_US;
  x->ticket = core->access.check ? tt_ticket_create(core, x, 0) : NULL;
  if (!x->ticket) {
    decided(x, core->access.check ? TT_REFUSED_BUSY : TT_REFUSED_FORBIDDEN, NULL, 0);
    return;
  }
  const struct tt_access_query query = {.caller = x->caller,
                                        .op = TT_ACCESS_CONTROL,
                                        .nodes = &x->node,
                                        .n_nodes = 1,
                                        .names = names,
                                        .n_names = n_names};
  core->access.check(core->access.user, &query, on_access, x->ticket);
}

/* ---- Order (requests.h) ---------------------------------------------------------------------------------------- */
bool tt_executions_precede(const struct tt_core *core, tt_id id, const char *bare, const tt_id nodes[], size_t n)
{
  for (const struct tt_execution *x = core->executions; x && x->id < id; x = x->next) {
    if (x->kind != KIND_RUN)
      continue;
    if (x->stage != STAGE_RUNNING && strcmp(x->caller->bare, bare) == 0)
      return true;
    for (size_t i = 0; x->stage != STAGE_ACCESS && i < n; i++)
      if (x->node == nodes[i])
        return true;
  }
  return false;
}

static bool may_begin(const struct tt_execution *x)
{
  return x->kind == KIND_RUN && x->stage == STAGE_WAITING &&
         !tt_executions_precede(x->core, x->id, x->caller->bare, &x->node, 1) &&
         !tt_controls_precede(x->core, x->id, x->caller->bare, &x->node, 1);
}

/* ---- Doing it -------------------------------------------------------------------------------------------------- */
static void on_done(void *user, int error, const char *text)
{
  struct tt_execution *x = tt_ticket_redeem(user, NULL);
  char said[TT_EXECUTION_TEXT_MAX];
  if (!x)
    return;
  x->ticket = NULL;
  if (error < 0)
    text = tt_error_text(error, text);
  tt_text_printable(said, sizeof said, text ? text : "", text ? strlen(text) : 0);
  if (error < 0) {
    refuse(x, error == -ETIMEDOUT ? TT_REFUSED_TIMEOUT : TT_REFUSED_DEVICE, said);
    return;
  }
  take_out(x);
  end_audit(x, TT_OK, NULL);
  x->fn.run(x->user, &(struct tt_execute_result){.refusal = TT_OK, .text = *said ? said : NULL});
  put_away(x);
}

/* Permitted, and its turn. */
static void go(struct tt_execution *x, const struct tt_node *node)
{
  struct tt_core *core = x->core;
  x->is_asked_again = false;
  const struct tt_command *command = &node->commands[x->index];
  if (core->audit.command)
    x->audit_id = core->audit.command(core->audit.user, x->caller, node, command, x->values);
  if (!x->audit_id) { /* what leaves no trace is not done */
    refuse(x, TT_REFUSED_DEVICE, TT_TR("The audit could not be written."));
    return;
  }
  x->due_us = core->now.mono_us + (command->within_us ? command->within_us : TT_DEVICE_TIMEOUT_US);
  x->ticket = tt_ticket_create(core, x, 0);
  int error = !x->ticket              ? -ENOMEM
              : core->devices.command ? core->devices.command(core->devices.user, x->node, x->index, x->raws,
                                                              x->due_us, on_done, x->ticket)
                                      : -ENODEV;
  if (error < 0) {
    if (x->ticket)
      tt_ticket_redeem(x->ticket, NULL);
    x->ticket = NULL;
    refuse(x, TT_REFUSED_DEVICE, tt_error_text(error, NULL));
  }
}

static void ask_about_one(struct tt_execution *x);

/* Rights are taken away while it waits: then it is asked for again. */
static void begin(struct tt_execution *x)
{
  struct tt_core *core = x->core;
  const struct tt_node *node = tt_tree_get(core->tree, x->node);
  bool is_just_decided = x->is_just_decided;
  x->is_just_decided = false;
  x->stage = STAGE_RUNNING;
  if (!node) {
    refuse(x, TT_REFUSED_NOT_FOUND, TT_TR("The node has gone."));
  } else if (tt_core_role(core, x->caller) < TT_ROLE_OPERATOR ||
             tt_core_sight(core, x->caller, node) != TT_SIGHT_FULL) {
    forbid(x);
  } else if (is_just_decided) {
    go(x, node);
  } else {
    x->is_asked_again = true;
    ask_about_one(x);
  }
}

bool tt_executions_begin(struct tt_core *core)
{
  struct tt_execution *x = core->executions;
  while (x && !may_begin(x))
    x = x->next;
  if (x)
    begin(x);
  return x != NULL;
}

/* ---- Time ------------------------------------------------------------------------------------------------------ */
static void due(struct tt_execution *x)
{
  switch (x->stage) {
  case STAGE_ACCESS: /* no answer is a no */
    tt_ticket_forget(&x->ticket);
    decided(x, TT_REFUSED_FORBIDDEN, NULL, 0);
    break;
  case STAGE_WAITING:
    refuse(x, TT_REFUSED_BUSY, TT_TR("Another command took too long; nothing was done."));
    break;
  case STAGE_RUNNING:
    if (x->is_asked_again) {
      tt_ticket_forget(&x->ticket);
      decided(x, TT_REFUSED_FORBIDDEN, NULL, 0);
      break;
    }
    refuse(x, TT_REFUSED_TIMEOUT, TT_TR("the device did not answer; it is not known whether it was done"));
    break;
  }
}

void tt_executions_turn(struct tt_core *core)
{
  tt_id ids[TT_EXECUTIONS_MAX];
  size_t n = 0;
  struct tt_execution *x;
  DL_FOREACH(core->executions, x) {
    if (x->due_us <= core->now.mono_us)
      ids[n++] = x->id;
  }
  for (size_t i = 0; i < n; i++) {
    for (x = core->executions; x && x->id != ids[i];)
      x = x->next;
    if (x && x->due_us <= core->now.mono_us)
      due(x);
  }
}

uint64_t tt_executions_due(const struct tt_core *core)
{
  uint64_t due_us = TT_NEVER;
  for (const struct tt_execution *x = core->executions; x; x = x->next)
    if (x->due_us < due_us)
      due_us = x->due_us;
  return due_us;
}

/* ---- Arrival --------------------------------------------------------------------------------------------------- */
static bool is_too_busy(const struct tt_core *core, const struct tt_caller *caller)
{
  size_t n = 0, n_caller = 0;
  for (const struct tt_execution *x = core->executions; x; x = x->next, n++)
    n_caller += !strcmp(x->caller->bare, caller->bare);
  return n >= TT_EXECUTIONS_MAX || n_caller >= TT_EXECUTIONS_PER_CALLER;
}

static bool take_arguments(struct tt_execution *x, const struct tt_assignment arguments[], size_t n)
{
  x->arguments = calloc(n + 1, sizeof *x->arguments);
  for (size_t i = 0; x->arguments && i < n; i++) {
    struct argument *argument = &x->arguments[x->n_arguments++];
    argument->name = strdup(arguments[i].name);
    argument->text = strdup(arguments[i].text);
    argument->type = arguments[i].type;
    if (!argument->name || !argument->text)
      return false;
  }
  return x->arguments != NULL;
}

/* The part that all three have in common: a copy of `template` in the list, with its node; or the refusal was told. */
static struct tt_execution *arrive(struct tt_core *core, const struct tt_execution *template,
                                   const struct tt_caller *caller, const struct tt_ref *ref,
                                   const struct tt_assignment arguments[], size_t n)
{
  if (tt_core_role(core, caller) == TT_ROLE_NONE) { /* before anything is looked up */
    tt_core_refused(core, caller, TT_ACCESS_CONTROL, ref->node);
    tell_refusal(template->kind, template, TT_REFUSED_FORBIDDEN, TT_TR("You may not control anything here."));
    return NULL;
  }
  struct tt_execution *x = is_too_busy(core, caller) ? NULL : malloc(sizeof *x);
  if (!x) {
    tell_refusal(template->kind, template, TT_REFUSED_BUSY, TT_TR("Too many commands are waiting."));
    return NULL;
  }
  *x = *template;
  x->core = core;
  x->caller = tt_caller_copy(caller);
  const struct tt_node *node = x->caller && take_arguments(x, arguments, n) ? tt_core_see(core, caller, ref) : NULL;
  if (!node) {
    bool is_full = x->caller && x->n_arguments == n;
    execution_free(x);
    tell_refusal(template->kind, template, is_full ? TT_REFUSED_NOT_FOUND : TT_REFUSED_BUSY,
                 is_full ? NO_SUCH_NODE : LATER);
    return NULL;
  }
  x->node = node->id;
  x->id = ++core->last_request;
  DL_APPEND(core->executions, x);
  return x;
}

void tt_commands_list(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref,
                      tt_commands_fn fn, void *user)
{
  const char *names[TT_COMMANDS_MAX];
  struct tt_execution *x =
      arrive(core, &(struct tt_execution){.kind = KIND_LIST, .fn.list = fn, .user = user}, caller, ref, NULL, 0);
  if (!x)
    return;
  const struct tt_node *node = tt_tree_get(core->tree, x->node);
  if (node->n_commands == 0) {
    take_out(x);
    x->fn.list(x->user, TT_OK, NULL, node, NULL, 0);
    put_away(x);
    return;
  }
  for (size_t i = 0; i < node->n_commands; i++)
    names[i] = node->commands[i].name;
  ask_access(x, names, node->n_commands);
}

static void ask_about_one(struct tt_execution *x)
{
  const char *const names[] = {x->command};
  ask_access(x, names, 1);
}

void tt_command_arguments(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref,
                          const char *command, tt_arguments_fn fn, void *user)
{
  struct tt_execution *x = arrive(
      core, &(struct tt_execution){.kind = KIND_ARGUMENTS, .fn.arguments = fn, .user = user}, caller, ref, NULL, 0);
  if (!x)
    return;
  snprintf(x->command, sizeof x->command, "%s", command);
  ask_about_one(x);
}

/* The request itself, before anything is looked up: NULL, or what is wrong with it. */
static const char *check_shape(const struct tt_execute_request *request, struct tt_parameter_error *ret_error)
{
  if (request->n_arguments > TT_ARGUMENTS_MAX)
    return TT_TR("A command has at most 32 arguments.");
  for (size_t i = 0; i < request->n_arguments; i++)
    for (size_t j = 0; j < i; j++)
      if (!strcmp(request->arguments[i].name, request->arguments[j].name)) {
        *ret_error = (struct tt_parameter_error){request->arguments[i].name,
                                                 tt_tr(request->caller->language, "it is given twice")};
        return TT_TR("An argument is given twice.");
      }
  return NULL;
}

void tt_command_execute(struct tt_core *core, const struct tt_execute_request *request, tt_execute_fn fn,
                        void *user)
{
  struct tt_parameter_error error = {0};
  bool is_known = tt_core_role(core, request->caller) != TT_ROLE_NONE;
  const char *wrong = is_known ? check_shape(request, &error) : NULL;
  if (wrong) {
    fn(user,
       &(struct tt_execute_result){
           .refusal = TT_REFUSED_BAD_REQUEST, .text = wrong, .errors = &error, .n_errors = error.name ? 1 : 0});
    return;
  }
  struct tt_execution *x =
      arrive(core, &(struct tt_execution){.kind = KIND_RUN, .fn.run = fn, .user = user}, request->caller,
             &request->ref, is_known ? request->arguments : NULL, is_known ? request->n_arguments : 0);
  if (!x)
    return;
  snprintf(x->command, sizeof x->command, "%s", request->command);
  ask_about_one(x);
}
