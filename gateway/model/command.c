/* SPDX-License-Identifier: Apache-2.0
 * command.c: doing what was permitted, one parameter after the other: audit, write, verify (command.h). */
#include "command.h"

#include "convert.h"

#include "text/text.h"

#include <math.h>

static const struct command_step *step_of(const struct tt_control *c)
{
  return &c->steps[c->at];
}

/* Does the device say what was asked of it? Numbers may differ by what a 32-bit float or the shown decimals do;
 * where another point verifies, its type may be another. */
static bool is_as_expected(const struct tt_value *expected, const struct tt_value *value)
{
  double a = tt_value_number(expected), b = tt_value_number(value), tolerance = 0;
  if (tt_value_is_text(expected->type) && tt_value_is_text(value->type))
    return !strcmp(expected->text, value->text);
  if (isnan(a) || isnan(b))
    return tt_value_equals(expected, value);
  if (expected->type == TT_TYPE_QUANTITY || value->type == TT_TYPE_QUANTITY)
    tolerance = 1e-6 * fmax(fabs(a), fabs(b));
  if (value->type == TT_TYPE_QUANTITY && value->quantity.decimals >= 0)
    tolerance = fmax(tolerance, 0.5000001 * pow(10, -value->quantity.decimals));
  return fabs(a - b) <= tolerance;
}

/* The step has ended. */
static void step_end(struct tt_control *c, enum tt_refusal result, const char *why)
{
  struct tt_core *core = c->core;
  tt_ticket_forget(&c->ticket);
  tt_value_finish(&c->expected);
  if (core->audit.outcome && c->audit_id)
    core->audit.outcome(core->audit.user, c->audit_id, result, why);
  c->audit_id = 0;
}

static void step_begin(struct tt_control *c);

static void step_done(struct tt_control *c)
{
  step_end(c, TT_OK, NULL);
  c->at++;
  step_begin(c);
}

/* `why` is English, as the audit is; whoever gave the command gets it in their language. */
static void step_failed(struct tt_control *c, enum tt_refusal refusal, const char *why)
{
  step_end(c, refusal, why);
  command_finish(c, refusal, why);
}

static void step_error(struct tt_control *c, int error, const char *text)
{
  step_failed(c, error == -ETIMEDOUT ? TT_REFUSED_TIMEOUT : TT_REFUSED_DEVICE, tt_error_text(error, text));
}

static void put_difference(struct tt_buf *out, const struct tt_value *value, const char *language)
{
  struct tt_buf quoted TT_AUTOBUF = TT_BUF(0);
  char shown[256];
  if (value->type == TT_TYPE_NONE)
    tt_buf_puts(&quoted, tt_tr(language, "no value"));
  tt_value_print(value, &quoted);
  tt_text_printable(shown, sizeof shown, quoted.data ? quoted.data : "", quoted.len);
  tt_buf_printf(out, tt_tr(language, "written, but the device says %s"), shown);
}

/* It was written, and it is something else now. */
static void step_differs(struct tt_control *c, const struct tt_value *value)
{
  struct tt_buf why TT_AUTOBUF = TT_BUF(0), said TT_AUTOBUF = TT_BUF(0);
  static const char in_short[] = TT_TR("written, but the device says something else");
  put_difference(&why, value, NULL);
  put_difference(&said, value, c->caller->language);
  step_end(c, TT_REFUSED_DEVICE, why.data ? why.data : in_short);
  command_finish(c, TT_REFUSED_DEVICE, said.data ? said.data : in_short);
}

/* ---- Verification ------------------------------------------------------------------------------------- */
static void on_read(void *user, int error, const char *text)
{
  struct tt_control *c = tt_ticket_redeem(user, NULL);
  if (!c)
    return;
  c->ticket = NULL;
  const struct tt_node *node = tt_tree_get(c->core->tree, step_of(c)->node);
  if (error < 0)
    step_error(c, error, text);
  else if (!node)
    step_failed(c, TT_REFUSED_NOT_FOUND, TT_TR("the node has gone"));
  else if (node->field_errors[c->verify_point])
    step_failed(c, TT_REFUSED_DEVICE, node->field_errors[c->verify_point]);
  else if (!c->is_reported)
    step_failed(c, TT_REFUSED_TIMEOUT, TT_TR("written, but the device did not say what it is now"));
  else if (is_as_expected(&c->expected, &node->fields[c->verify_point].value))
    step_done(c);
  else
    step_differs(c, &node->fields[c->verify_point].value);
}

static void read_back(struct tt_control *c)
{
  struct tt_core *core = c->core;
  uint64_t now = core->now.mono_us;
  if (c->deadline_us <= now) /* the wait before has used up the time: reading still gets some */
    c->deadline_us = now + TT_CONTROL_WITHIN_US;
  c->stage = COMMAND_READING;
  c->due_us = c->deadline_us;
  c->is_reported = false;
  c->ticket = tt_ticket_create(core, c, 0);
  int error = !c->ticket           ? -ENOMEM
              : core->devices.read ? core->devices.read(core->devices.user, step_of(c)->node, &c->verify_point, 1,
                                                        c->deadline_us, on_read, c->ticket)
                                   : -ENODEV;
  if (error < 0) {
    if (c->ticket)
      tt_ticket_redeem(c->ticket, NULL);
    c->ticket = NULL;
    step_error(c, error, NULL);
  }
}

void command_report(struct tt_control *c, const struct tt_node *node, uint16_t point)
{
  if (c->stage < COMMAND_WRITING || step_of(c)->node != node->id || c->verify_point != point)
    return;
  const struct tt_field *field = &node->fields[point];
  if (node->field_errors[point] || field->is_retained)
    return;
  c->is_reported = true;
  c->is_matched |= is_as_expected(&c->expected, &field->value);
  if (c->stage == COMMAND_REPORT && c->is_matched)
    c->due_us = 0; /* go on in the next turn: a listener is no place to */
}

static void report_due(struct tt_control *c)
{
  const struct tt_node *node = tt_tree_get(c->core->tree, step_of(c)->node);
  if (c->is_matched)
    step_done(c);
  else if (!node)
    step_failed(c, TT_REFUSED_NOT_FOUND, TT_TR("the node has gone"));
  else if (c->is_reported)
    step_differs(c, &node->fields[c->verify_point].value);
  else
    step_failed(c, TT_REFUSED_TIMEOUT, TT_TR("written, but the device did not report it"));
}

/* ---- Writing ----------------------------------------------------------------------------------------- */
static void on_written(void *user, int error, const char *text)
{
  struct tt_control *c = tt_ticket_redeem(user, NULL);
  if (!c)
    return;
  c->ticket = NULL;
  const struct tt_node *node = tt_tree_get(c->core->tree, step_of(c)->node);
  if (error < 0) {
    step_error(c, error, text);
    return;
  }
  if (!node) {
    step_failed(c, TT_REFUSED_NOT_FOUND, TT_TR("the node has gone"));
    return;
  }
  const struct tt_write *write = node->points[step_of(c)->point].write;
  switch (write->verify) {
  case TT_VERIFY_NONE:
    step_done(c);
    break;
  case TT_VERIFY_READBACK:
    c->stage = COMMAND_SETTLING;
    c->due_us = c->core->now.mono_us + write->verify_after_us;
    if (write->verify_after_us == 0)
      read_back(c);
    break;
  case TT_VERIFY_REPORT:
    c->stage = COMMAND_REPORT;
    c->due_us = c->deadline_us;
    if (c->is_matched) /* it told before it acknowledged */
      step_done(c);
    break;
  }
}

/* What the field will show when the device has done it: through the device's own resolution. */
static int expect(struct tt_control *c, const struct tt_point *point, const struct tt_value *raw)
{
  char why[8];
  if (tt_convert_from_raw(point, raw, &c->expected, why, sizeof why) >= 0)
    return 0;
  return tt_value_copy(&step_of(c)->value, &c->expected);
}

/* Hands the write to the device. 0, or why not. */
static int step_write(struct tt_control *c, const struct tt_node *node, const struct tt_value *raw)
{
  struct tt_core *core = c->core;
  const struct command_step *step = step_of(c);
  const struct tt_write *write = node->points[step->point].write;
  c->stage = COMMAND_WRITING;
  c->deadline_us = core->now.mono_us + (write->within_us ? write->within_us : TT_CONTROL_WITHIN_US);
  c->due_us = c->deadline_us;
  c->verify_point = step->point;
  if (write->verify == TT_VERIFY_READBACK && write->verify_point < node->n_points)
    c->verify_point = write->verify_point;
  c->is_reported = c->is_matched = false;
  c->ticket = tt_ticket_create(core, c, 0);
  int error = !c->ticket            ? -ENOMEM
              : core->devices.write ? core->devices.write(core->devices.user, step->node, step->point, raw,
                                                          c->deadline_us, on_written, c->ticket)
                                    : -ENODEV;
  if (error < 0) {
    if (c->ticket)
      tt_ticket_redeem(c->ticket, NULL);
    c->ticket = NULL;
  }
  return error;
}

/* Is the device known to have this value, and freshly? */
static bool is_so_already(const struct tt_control *c)
{
  const struct command_step *step = step_of(c);
  const struct tt_node *node = tt_tree_get(c->core->tree, step->node);
  return node &&
         tt_node_is_fresh(node, step->point, c->core->now, tt_core_max_age(c->core, &node->points[step->point])) &&
         tt_value_equals(&node->fields[step->point].value, &step->value);
}

static void not_permitted(struct tt_control *c)
{
  const struct tt_node *node = tt_tree_get(c->core->tree, step_of(c)->node);
  if (node)
    tt_core_refused(c->core, c->caller, TT_ACCESS_CONTROL, node->key);
  step_failed(c, TT_REFUSED_FORBIDDEN, TT_TR("not permitted any more"));
}

/* Permitted: do it. */
static void step_go(struct tt_control *c, struct tt_node *node)
{
  struct tt_core *core = c->core;
  const struct command_step *step = step_of(c);
  struct tt_value raw TT_AUTOVALUE = {0};
  char why[TT_WHY_MAX] = TT_TR("out of memory");
  const struct tt_point *point = &node->points[step->point];
  if (tt_convert_to_raw(point, &step->value, &raw, c->caller->language, why, sizeof why) < 0) {
    step_failed(c, TT_REFUSED_BAD_REQUEST, why);
    return;
  }
  if (expect(c, point, &raw) < 0) {
    step_failed(c, TT_REFUSED_BUSY, TT_TR("out of memory"));
    return;
  }
  const struct tt_value *old = &node->fields[step->point].value;
  if (core->audit.decision)
    c->audit_id = core->audit.decision(core->audit.user, c->caller, node, point->name,
                                       old->type != TT_TYPE_NONE ? old : NULL, &step->value);
  if (!c->audit_id) { /* what leaves no trace is not done */
    step_failed(c, TT_REFUSED_DEVICE, TT_TR("the audit could not be written"));
    return;
  }
  int error = step_write(c, node, &raw);
  if (error < 0)
    step_error(c, error, NULL);
}

/* What remains of the one node and the one parameter of the step. */
static void on_access(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_control *c = tt_ticket_redeem(user, NULL);
  if (!c)
    return;
  c->ticket = NULL;
  const struct command_step *step = step_of(c);
  const char *name = c->assignments[step->assignment].name;
  struct tt_node *node = tt_tree_get(c->core->tree, step->node);
  bool is_permitted = false;
  for (size_t i = 0; refusal == TT_OK && i < n && !is_permitted; i++)
    for (size_t k = 0; grants[i].node == step->node && k < grants[i].n_names && !is_permitted; k++)
      is_permitted = !strcmp(grants[i].names[k], name);
  if (!node)
    step_failed(c, TT_REFUSED_NOT_FOUND, TT_TR("the node has gone"));
  else if (!is_permitted)
    not_permitted(c);
  else
    step_go(c, node);
}

/* A long command goes on for a while after it was permitted, and rights are taken away meanwhile: of everything, of a node,
 * of a parameter. */
static void step_ask(struct tt_control *c)
{
  struct tt_core *core = c->core;
  const struct command_step *step = step_of(c);
  const tt_id id = step->node;
  const char *const name = c->assignments[step->assignment].name;
  c->stage = COMMAND_AGAIN;
  c->due_us = core->now.mono_us + TT_ACCESS_TIMEOUT_US;
  c->ticket = core->access.check ? tt_ticket_create(core, c, 0) : NULL;
  if (!c->ticket) {
    step_failed(c, core->access.check ? TT_REFUSED_BUSY : TT_REFUSED_FORBIDDEN,
                TT_TR("it could not be asked whether this is permitted"));
    return;
  }
  const struct tt_access_query query = {
      .caller = c->caller, .op = TT_ACCESS_CONTROL, .nodes = &id, .n_nodes = 1, .names = &name, .n_names = 1};
  core->access.check(core->access.user, &query, on_access, c->ticket);
}

static void step_begin(struct tt_control *c)
{
  struct tt_core *core = c->core;
  while (c->is_form && c->at < c->n_steps && is_so_already(c))
    c->at++;
  if (c->at == c->n_steps) {
    command_finish(c, TT_OK, NULL);
    return;
  }
  struct tt_node *node = tt_tree_get(core->tree, step_of(c)->node);
  bool is_just_decided = c->is_just_decided;
  c->is_just_decided = false;
  if (!node)
    step_failed(c, TT_REFUSED_NOT_FOUND, TT_TR("the node has gone"));
  else if (tt_core_role(core, c->caller) < TT_ROLE_OPERATOR ||
           tt_core_sight(core, c->caller, node) != TT_SIGHT_FULL)
    not_permitted(c);
  else if (is_just_decided)
    step_go(c, node);
  else
    step_ask(c);
}

void command_begin(struct tt_control *c)
{
  c->at = 0;
  step_begin(c);
}

void command_due(struct tt_control *c)
{
  switch (c->stage) {
  case COMMAND_ACCESS:
  case COMMAND_WAITING:
    break;
  case COMMAND_AGAIN: /* no answer is a no */
    not_permitted(c);
    break;
  case COMMAND_WRITING:
    step_failed(c, TT_REFUSED_TIMEOUT, TT_TR("the device did not answer; it is not known whether it was done"));
    break;
  case COMMAND_SETTLING:
    read_back(c);
    break;
  case COMMAND_READING:
    step_failed(c, TT_REFUSED_TIMEOUT, TT_TR("written, but the device did not say what it is now"));
    break;
  case COMMAND_REPORT:
    report_due(c);
    break;
  }
}

void command_drop(struct tt_control *c)
{
  step_end(c, TT_REFUSED_DEVICE,
           c->stage == COMMAND_WRITING ? "the gateway stopped before the device had answered"
                                       : "written, but the gateway stopped before it was verified");
}
