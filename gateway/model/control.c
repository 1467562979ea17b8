/* SPDX-License-Identifier: Apache-2.0
 * control.c: set requests from arrival to result (control.h): who may, is it valid, whose turn is it. What one
 * command does to the devices is in command.c. */
#include "command.h"
#include "convert.h"

#include "text/text.h"

#include <utlist.h>

#define NAMED_MAX 10 /* parameters named in a text about what was done */

/* ---- Life -------------------------------------------------------------------------------------------- */
static void command_free(struct tt_control *c)
{
  tt_ticket_forget(&c->ticket);
  for (size_t i = 0; i < c->n_steps; i++)
    tt_value_finish(&c->steps[i].value);
  for (size_t i = 0; i < c->n_assignments; i++) {
    free(c->assignments[i].name);
    free(c->assignments[i].text);
  }
  tt_value_finish(&c->expected);
  free(c->steps);
  free(c->assignments);
  free(c->nodes);
  free(c->caller);
  free(c);
}

void tt_controls_drop(struct tt_core *core)
{
  while (core->controls) {
    struct tt_control *c = core->controls;
    DL_DELETE(core->controls, c);
    command_drop(c);
    command_free(c);
  }
}

/* ---- Order ------------------------------------------------------------------------------------------- */
static bool is_about(const struct tt_control *c, const tt_id nodes[], size_t n)
{
  for (size_t i = 0; i < c->n_nodes; i++)
    for (size_t j = 0; j < n; j++)
      if (c->nodes[i] == nodes[j])
        return true;
  return false;
}

/* A command does not overtake an earlier one of its caller that has not begun, nor anybody's that is permitted and about
 * one of its nodes: verification must see its own write, not the next. */
bool tt_controls_precede(const struct tt_core *core, tt_id id, const char *bare, const tt_id nodes[], size_t n)
{
  for (const struct tt_control *c = core->controls; c && c->id < id; c = c->next) {
    if (c->stage <= COMMAND_WAITING && !strcmp(c->caller->bare, bare))
      return true;
    if (c->stage != COMMAND_ACCESS && is_about(c, nodes, n))
      return true;
  }
  return false;
}

static bool may_begin(const struct tt_control *c)
{
  return !tt_controls_precede(c->core, c->id, c->caller->bare, c->nodes, c->n_nodes) &&
         !tt_executions_precede(c->core, c->id, c->caller->bare, c->nodes, c->n_nodes);
}

/* Begin whatever may. A command may end at once and its end start others: then look again from the front. */
void tt_commands_schedule(struct tt_core *core)
{
  core->is_schedule_due = true;
  if (core->is_scheduling)
    return;
  core->is_scheduling = true;
  while (core->is_schedule_due) {
    core->is_schedule_due = false;
    struct tt_control *c = core->controls;
    while (c && !(c->stage == COMMAND_WAITING && may_begin(c)))
      c = c->next;
    if (c) {
      core->is_schedule_due = true;
      command_begin(c);
    } else if (tt_executions_begin(core)) {
      core->is_schedule_due = true;
    }
  }
  core->is_scheduling = false;
}

/* ---- The result --------------------------------------------------------------------------------------- */
/* "relay on lamp: why; already set: ..." */
static void describe(struct tt_buf *out, struct tt_control *c, const struct tt_set_done *done, size_t n_done,
                     const char *why)
{
  const char *language = c->caller->language;
  if (c->at < c->n_steps) {
    const struct command_step *step = &c->steps[c->at];
    const struct tt_node *node = tt_tree_get(c->core->tree, step->node);
    tt_buf_printf(out, tt_tr(language, "%s on %s: "), c->assignments[step->assignment].name,
                  node ? node->key : tt_tr(language, "a node that has gone"));
  }
  tt_buf_puts(out, why);
  for (size_t i = 0; i < n_done && i < NAMED_MAX; i++) {
    tt_buf_puts(out, i ? ", " : tt_tr(language, "; already set: "));
    tt_buf_printf(out, tt_tr(language, "%s on %s"), done[i].name, done[i].node->key);
  }
  if (n_done > NAMED_MAX)
    tt_buf_printf(out, tt_tr(language, " and %zu more"), n_done - NAMED_MAX);
}

struct done_lists {
  struct tt_set_done *done;
  const struct tt_node **nodes;
  const char **names;
  size_t n_done, n_nodes, n_names;
};

static void done_lists_free(struct done_lists *lists)
{
  free(lists->done);
  free(lists->nodes);
  free(lists->names);
}

/* The steps before `at`, one by one and without repetition. Out of memory: the lists are empty. */
static void done_lists_make(const struct tt_control *c, struct done_lists *lists)
{
  bool *is_named TT_AUTOFREE = calloc(c->n_assignments + 1, sizeof *is_named);
  lists->done = calloc(c->at + 1, sizeof *lists->done);
  lists->nodes = calloc(c->n_nodes + 1, sizeof *lists->nodes);
  lists->names = calloc(c->n_assignments + 1, sizeof *lists->names);
  if (!is_named || !lists->done || !lists->nodes || !lists->names)
    return;
  for (size_t i = 0; i < c->at; i++) {
    const struct command_step *step = &c->steps[i];
    const struct tt_node *node = tt_tree_get(c->core->tree, step->node);
    const char *name = c->assignments[step->assignment].name;
    if (!node)
      continue;
    lists->done[lists->n_done++] = (struct tt_set_done){node, name};
    if (lists->n_nodes == 0 || lists->nodes[lists->n_nodes - 1] != node)
      lists->nodes[lists->n_nodes++] = node;
    if (!is_named[step->assignment])
      lists->names[lists->n_names++] = name;
    is_named[step->assignment] = true;
  }
}

static void tell(struct tt_control *c, enum tt_refusal refusal, const char *text,
                 const struct tt_parameter_error *errors, size_t n_errors)
{
  struct tt_core *core = c->core;
  struct done_lists lists TT_CLEANUP(done_lists_free) = {0};
  done_lists_make(c, &lists);
  const struct tt_set_result result = {
      .refusal = refusal,
      .text = text,
      .errors = errors,
      .n_errors = n_errors,
      .done = lists.done,
      .n_done = lists.n_done,
      .nodes = lists.nodes,
      .n_nodes = lists.n_nodes,
      .names = lists.names,
      .n_names = lists.n_names,
      .is_product = lists.n_done == lists.n_nodes * lists.n_names,
      .is_complete = c->is_complete,
  };
  DL_DELETE(core->controls, c); /* first: `fn` may start the next */
  tt_ticket_forget(&c->ticket);
  c->fn(c->user, &result);
  command_free(c);
  tt_commands_schedule(core);
}

void command_finish(struct tt_control *c, enum tt_refusal refusal, const char *why)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  struct done_lists lists TT_CLEANUP(done_lists_free) = {0};
  if (refusal == TT_OK) {
    tell(c, TT_OK, NULL, NULL, 0);
    return;
  }
  done_lists_make(c, &lists);
  why = tt_tr(c->caller->language, why);
  describe(&text, c, lists.done, lists.n_done, why);
  const struct tt_parameter_error error = {
      c->at < c->n_steps ? c->assignments[c->steps[c->at].assignment].name : "", why};
  tell(c, refusal, text.data ? text.data : why, &error, c->at < c->n_steps ? 1 : 0);
}

/* ---- Validity ---------------------------------------------------------------------------------------- */
struct faults {
  struct tt_parameter_error *errors; /* texts are owned */
  size_t n;
  bool is_unknown;
  bool is_out_of_memory;
};

static void faults_finish(struct faults *faults)
{
  for (size_t i = 0; i < faults->n; i++)
    free((void *)(uintptr_t)faults->errors[i].text);
  free(faults->errors);
}

/* One per parameter, the first one found. There is room for all. */
static void fault_add(struct faults *faults, const char *name, const char *why)
{
  for (size_t i = 0; i < faults->n; i++)
    if (!strcmp(faults->errors[i].name, name))
      return;
  char *text = strdup(why);
  faults->is_out_of_memory |= !text;
  if (text)
    faults->errors[faults->n++] = (struct tt_parameter_error){name, text};
}

/* The value for one node. False: a fault was added. */
static bool step_check(const struct tt_node *node, const struct command_assignment *assignment,
                       struct command_step *step, const char *language, struct faults *faults)
{
  struct tt_value value TT_AUTOVALUE = {0}, raw TT_AUTOVALUE = {0};
  char why[TT_WHY_MAX] = TT_TR("out of memory");
  if (tt_node_point(node, assignment->name, &step->point) < 0 || !node->points[step->point].write) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&text, tt_tr(language, "%s has no such parameter"), node->key);
    fault_add(faults, assignment->name, text.data ? text.data : tt_tr(language, "there is no such parameter"));
    faults->is_unknown = true;
    return false;
  }
  const struct tt_point *point = &node->points[step->point];
  if (tt_convert_parameter(point, assignment->type, assignment->text, &value, language, why, sizeof why) < 0 ||
      tt_convert_to_raw(point, &value, &raw, language, why, sizeof why) < 0) {
    fault_add(faults, assignment->name, tt_tr(language, why));
    return false;
  }
  step->node = node->id;
  step->value = value;
  value = (struct tt_value){0};
  return true;
}

/* Looks at everything named, whether permitted or not; the steps that are permitted remain in c->steps. */
static void validate(struct tt_control *c, const struct tt_grant *grants, size_t n_grants, struct faults *faults)
{
  c->steps = calloc(c->n_nodes * c->n_assignments, sizeof *c->steps);
  faults->errors = calloc(c->n_assignments, sizeof *faults->errors);
  faults->is_out_of_memory = !c->steps || !faults->errors;
  c->is_complete = true;
  for (size_t i = 0; i < c->n_nodes && !faults->is_out_of_memory; i++) {
    const struct tt_node *node = tt_tree_get(c->core->tree, c->nodes[i]);
    const struct tt_grant *grant = NULL;
    struct tt_names allowed TT_AUTONAMES = {0};
    for (size_t j = 0; j < n_grants && !grant; j++)
      if (grants[j].node == c->nodes[i])
        grant = &grants[j];
    if (!node || (grant && tt_names_init(&allowed, grant->names, grant->n_names) < 0)) {
      faults->is_out_of_memory = true;
      break;
    }
    allowed.is_all = grant && grant->is_all;
    for (size_t j = 0; j < c->n_assignments; j++) {
      struct command_step step = {.assignment = j};
      if (!step_check(node, &c->assignments[j], &step, c->caller->language, faults))
        continue;
      if (tt_names_has(&allowed, c->assignments[j].name)) {
        c->steps[c->n_steps++] = step;
      } else {
        tt_value_finish(&step.value);
        c->is_complete = false;
      }
    }
  }
}

/* ---- Permission -------------------------------------------------------------------------------------- */
static void note_refused(const struct tt_control *c)
{
  const struct tt_node *node = tt_tree_get(c->core->tree, c->nodes[0]);
  tt_core_refused(c->core, c->caller, TT_ACCESS_CONTROL, node ? node->key : "");
}

static void decided(struct tt_control *c, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct faults faults TT_CLEANUP(faults_finish) = {0};
  for (size_t i = 0; i < c->n_nodes; i++)
    if (!tt_tree_get(c->core->tree, c->nodes[i])) {
      tell(c, TT_REFUSED_NOT_FOUND, TT_TR("A node has gone."), NULL, 0);
      return;
    }
  if (refusal != TT_OK) {
    if (refusal == TT_REFUSED_FORBIDDEN)
      note_refused(c);
    tell(c, refusal,
         refusal == TT_REFUSED_FORBIDDEN ? TT_TR("You may not control this.") : TT_TR("Try again later."), NULL, 0);
    return;
  }
  validate(c, grants, n, &faults);
  if (faults.is_out_of_memory) {
    tell(c, TT_REFUSED_BUSY, TT_TR("Try again later."), NULL, 0);
    return;
  }
  if (faults.n > 0) {
    tell(c, faults.is_unknown ? TT_REFUSED_NOT_FOUND : TT_REFUSED_BAD_REQUEST,
         faults.is_unknown ? TT_TR("There is no such parameter; nothing was set.")
                           : TT_TR("A value is not valid; nothing was set."),
         faults.errors, faults.n);
    return;
  }
  if (!c->is_complete)
    note_refused(c);
  if (c->n_steps == 0) {
    tell(c, TT_REFUSED_FORBIDDEN, TT_TR("You may not control this."), NULL, 0);
    return;
  }
  c->stage = COMMAND_WAITING;
  c->due_us = c->core->now.mono_us + TT_CONTROL_WAIT_US;
  c->is_just_decided = true;
  struct tt_core *core = c->core;
  tt_id id = c->id;
  tt_commands_schedule(core);
  for (c = core->controls; c; c = c->next)
    if (c->id == id)
      c->is_just_decided = false; /* it has to wait for others, or was begun */
}

static void on_access(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_control *c = tt_ticket_redeem(user, NULL);
  if (!c)
    return;
  c->ticket = NULL;
  decided(c, refusal, grants, n);
}

/* Asks for every parameter the caller may set there: so one who may set none hears that first, and nothing of
 * what is valid. */
static void ask_access(struct tt_control *c)
{
  struct tt_core *core = c->core;
  c->due_us = core->now.mono_us + TT_ACCESS_TIMEOUT_US;
  c->ticket = core->access.check ? tt_ticket_create(core, c, 0) : NULL;
  if (!c->ticket) {
    decided(c, core->access.check ? TT_REFUSED_BUSY : TT_REFUSED_FORBIDDEN, NULL, 0);
    return;
  }
  const struct tt_access_query query = {
      .caller = c->caller, .op = TT_ACCESS_CONTROL, .nodes = c->nodes, .n_nodes = c->n_nodes};
  core->access.check(core->access.user, &query, on_access, c->ticket);
}

/* ---- Time and reports --------------------------------------------------------------------------------- */
void tt_controls_turn(struct tt_core *core)
{
  tt_id due[TT_CONTROLS_MAX];
  size_t n = 0;
  struct tt_control *c;
  DL_FOREACH(core->controls, c) {
    if (c->due_us <= core->now.mono_us)
      due[n++] = c->id;
  }
  for (size_t i = 0; i < n; i++) {
    for (c = core->controls; c && c->id != due[i];)
      c = c->next;
    if (!c || c->due_us > core->now.mono_us)
      continue;
    if (c->stage == COMMAND_ACCESS) { /* no answer is a no */
      tt_ticket_forget(&c->ticket);
      decided(c, TT_REFUSED_FORBIDDEN, NULL, 0);
    } else if (c->stage == COMMAND_WAITING) {
      tell(c, TT_REFUSED_BUSY, TT_TR("Another command took too long; nothing was set."), NULL, 0);
    } else {
      command_due(c);
    }
  }
}

uint64_t tt_controls_due(const struct tt_core *core)
{
  uint64_t due = TT_NEVER;
  for (const struct tt_control *c = core->controls; c; c = c->next)
    if (c->due_us < due)
      due = c->due_us;
  return due;
}

void tt_controls_report(struct tt_core *core, const struct tt_node *node, uint16_t point)
{
  struct tt_control *c;
  DL_FOREACH(core->controls, c) {
    command_report(c, node, point);
  }
}

/* ---- Arrival ----------------------------------------------------------------------------------------- */
static void answer(tt_set_fn fn, void *user, enum tt_refusal refusal, const char *text,
                   const struct tt_parameter_error *errors, size_t n)
{
  fn(user, &(struct tt_set_result){
               .refusal = refusal, .text = text, .errors = errors, .n_errors = n, .is_product = true});
}

/* The request itself, before anything is looked up: NULL, or what is wrong with it. */
static const char *check_shape(const struct tt_set_request *request, struct tt_parameter_error *ret_error)
{
  if (request->n_refs == 0)
    return TT_TR("No node is named.");
  if (request->n_assignments == 0)
    return TT_TR("No parameter is named.");
  if (request->n_refs > TT_CONTROL_NODES_MAX)
    return TT_TR("At most 100 nodes can be set in one request.");
  if (request->n_assignments > TT_CONTROL_PARAMETERS_MAX)
    return TT_TR("At most 100 parameters can be set in one request.");
  for (size_t i = 0; i < request->n_assignments; i++)
    for (size_t j = 0; j < i; j++)
      if (!strcmp(request->assignments[i].name, request->assignments[j].name)) {
        *ret_error = (struct tt_parameter_error){request->assignments[i].name,
                                                 tt_tr(request->caller->language, "it is given twice")};
        return TT_TR("A parameter is given twice.");
      }
  return NULL;
}

static bool is_too_busy(const struct tt_core *core, const struct tt_caller *caller)
{
  size_t n = 0, n_caller = 0;
  for (const struct tt_control *c = core->controls; c; c = c->next, n++)
    n_caller += !strcmp(c->caller->bare, caller->bare);
  return n >= TT_CONTROLS_MAX || n_caller >= TT_CONTROLS_PER_CALLER;
}

static struct tt_control *command_create(struct tt_core *core, const struct tt_set_request *request, tt_set_fn fn,
                                         void *user)
{
  struct tt_control *c = calloc(1, sizeof *c);
  if (!c)
    return NULL;
  c->core = core;
  c->fn = fn;
  c->user = user;
  c->is_form = request->is_form;
  c->caller = tt_caller_copy(request->caller);
  c->nodes = calloc(request->n_refs, sizeof *c->nodes);
  c->assignments = calloc(request->n_assignments, sizeof *c->assignments);
  bool is_good = c->caller && c->nodes && c->assignments;
  for (size_t i = 0; is_good && i < request->n_assignments; i++) {
    struct command_assignment *assignment = &c->assignments[c->n_assignments++];
    assignment->name = strdup(request->assignments[i].name);
    assignment->text = strdup(request->assignments[i].text);
    assignment->type = request->assignments[i].type;
    is_good = assignment->name && assignment->text;
  }
  if (is_good)
    return c;
  command_free(c);
  return NULL;
}

/* The nodes, each once. False: one is not to be seen. */
static bool resolve(struct tt_control *c, const struct tt_set_request *request)
{
  for (size_t i = 0; i < request->n_refs; i++) {
    const struct tt_node *node = tt_core_see(c->core, c->caller, &request->refs[i]);
    bool is_again = false;
    for (size_t j = 0; node && j < c->n_nodes; j++)
      is_again |= c->nodes[j] == node->id;
    if (!node)
      return false;
    if (!is_again)
      c->nodes[c->n_nodes++] = node->id;
  }
  return true;
}

void tt_control_start(struct tt_core *core, const struct tt_set_request *request, tt_set_fn fn, void *user)
{
  struct tt_parameter_error error = {0};
  if (tt_core_role(core, request->caller) == TT_ROLE_NONE) { /* before anything is looked up */
    tt_core_refused(core, request->caller, TT_ACCESS_CONTROL, request->n_refs > 0 ? request->refs[0].node : "");
    answer(fn, user, TT_REFUSED_FORBIDDEN, TT_TR("You may not control anything here."), NULL, 0);
    return;
  }
  const char *wrong = check_shape(request, &error);
  if (wrong) {
    answer(fn, user, TT_REFUSED_BAD_REQUEST, wrong, &error, error.name ? 1 : 0);
    return;
  }
  struct tt_control *c = is_too_busy(core, request->caller) ? NULL : command_create(core, request, fn, user);
  if (!c) {
    answer(fn, user, TT_REFUSED_BUSY, TT_TR("Too many commands are waiting."), NULL, 0);
    return;
  }
  if (!resolve(c, request)) {
    command_free(c);
    answer(fn, user, TT_REFUSED_NOT_FOUND, TT_TR("There is no such node."), NULL, 0);
    return;
  }
  c->id = ++core->last_request;
  DL_APPEND(core->controls, c);
  ask_access(c);
}
