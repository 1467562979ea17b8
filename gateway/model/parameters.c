/* SPDX-License-Identifier: Apache-2.0
 * parameters.c: which parameters a caller may set on some nodes at once (control.h): what a form shows. */
#include "control.h"
#include "requests.h"

#include "text/text.h"

#include <utlist.h>

/* One that waits for its access decision. */
struct tt_form {
  struct tt_form *prev, *next;
  struct tt_core *core;
  tt_parameters_fn fn;
  void *user;
  struct tt_caller *caller;
  struct tt_ticket *ticket;
  uint64_t due_us;
  size_t n_nodes;
  tt_id nodes[TT_CONTROL_NODES_MAX];
};

static void form_free(struct tt_form *form)
{
  tt_ticket_forget(&form->ticket);
  free(form->caller);
  free(form);
}

static void tell(struct tt_form *form, enum tt_refusal refusal, const char *text,
                 const struct tt_parameter *parameters, size_t n)
{
  DL_DELETE(form->core->forms, form);
  if (refusal == TT_REFUSED_FORBIDDEN)
    tt_core_refused(form->core, form->caller, TT_ACCESS_CONTROL, "");
  form->fn(form->user, refusal, text, parameters, n);
  form_free(form);
}

static bool is_settable(const struct tt_node *node, const struct tt_grant *grant, const struct tt_point *wanted)
{
  uint16_t point;
  if (tt_node_point(node, wanted->name, &point) < 0 || !node->points[point].write ||
      node->points[point].type != wanted->type)
    return false;
  for (size_t i = 0; !grant->is_all && i < grant->n_names; i++)
    if (!strcmp(grant->names[i], wanted->name))
      return true;
  return grant->is_all;
}

/* Those of the first node that all have, in its order. Nodes without a grant are left out, as they would be left
 * out of a set. */
static void decided(struct tt_form *form, enum tt_refusal refusal, const struct tt_grant *grants, size_t n_grants)
{
  struct tt_tree *tree = form->core->tree;
  const struct tt_node *first = refusal == TT_OK && n_grants > 0 ? tt_tree_get(tree, grants[0].node) : NULL;
  if (!first) {
    tell(form, refusal == TT_OK ? TT_REFUSED_NOT_FOUND : refusal,
         refusal == TT_OK ? TT_TR("The node has gone.") : TT_TR("You may not control this."), NULL, 0);
    return;
  }
  struct tt_parameter *parameters TT_AUTOFREE = calloc(first->n_points + 1, sizeof *parameters);
  size_t n = 0;
  for (size_t i = 0; parameters && i < first->n_points; i++) {
    const struct tt_point *point = &first->points[i];
    bool is_common = point->write && !point->is_hidden;
    for (size_t j = 0; is_common && j < n_grants; j++) {
      const struct tt_node *node = tt_tree_get(tree, grants[j].node);
      is_common = !node || is_settable(node, &grants[j], point);
    }
    const struct tt_value *value = &first->fields[i].value;
    if (is_common)
      parameters[n++] = (struct tt_parameter){point, value->type != TT_TYPE_NONE ? value : NULL};
  }
  if (n == 0)
    tell(form, TT_REFUSED_NOT_SUPPORTED, TT_TR("There is no parameter that could be set here."), NULL, 0);
  else
    tell(form, TT_OK, NULL, parameters, n);
}

static void on_access(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_form *form = tt_ticket_redeem(user, NULL);
  if (!form)
    return;
  form->ticket = NULL;
  decided(form, refusal, grants, n);
}

static enum tt_refusal resolve(struct tt_form *form, const struct tt_ref *refs, size_t n, const char **ret_text)
{
  size_t n_open = 0, n_caller = 0;
  for (const struct tt_form *other = form->core->forms; other; other = other->next, n_open++)
    n_caller += !strcmp(other->caller->bare, form->caller->bare);
  *ret_text = TT_TR("Too many requests are waiting.");
  if (n_open >= TT_CONTROLS_MAX || n_caller >= TT_CONTROLS_PER_CALLER)
    return TT_REFUSED_BUSY;
  *ret_text = n == 0 ? TT_TR("No node is named.") : TT_TR("At most 100 nodes can be set in one request.");
  if (n == 0 || n > TT_CONTROL_NODES_MAX)
    return TT_REFUSED_BAD_REQUEST;
  *ret_text = TT_TR("There is no such node.");
  for (size_t i = 0; i < n; i++) {
    const struct tt_node *node = tt_core_see(form->core, form->caller, &refs[i]);
    bool is_again = false;
    for (size_t j = 0; node && j < form->n_nodes; j++)
      is_again |= form->nodes[j] == node->id;
    if (!node)
      return TT_REFUSED_NOT_FOUND;
    if (!is_again)
      form->nodes[form->n_nodes++] = node->id;
  }
  return TT_OK;
}

void tt_control_parameters(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *refs,
                           size_t n_refs, tt_parameters_fn fn, void *user)
{
  const char *text;
  if (tt_core_role(core, caller) == TT_ROLE_NONE) { /* before anything is looked up */
    tt_core_refused(core, caller, TT_ACCESS_CONTROL, n_refs > 0 ? refs[0].node : "");
    fn(user, TT_REFUSED_FORBIDDEN, TT_TR("You may not control anything here."), NULL, 0);
    return;
  }
  struct tt_form *form = calloc(1, sizeof *form);
  struct tt_caller *copy = tt_caller_copy(caller);
  if (!form || !copy) {
    free(form);
    free(copy);
    fn(user, TT_REFUSED_BUSY, TT_TR("Try again later."), NULL, 0);
    return;
  }
  form->core = core;
  form->fn = fn;
  form->user = user;
  form->caller = copy;
  enum tt_refusal refusal = resolve(form, refs, n_refs, &text);
  if (refusal != TT_OK) {
    form_free(form);
    fn(user, refusal, text, NULL, 0);
    return;
  }
  DL_APPEND(core->forms, form);
  form->due_us = core->now.mono_us + TT_ACCESS_TIMEOUT_US;
  form->ticket = core->access.check ? tt_ticket_create(core, form, 0) : NULL;
  if (!form->ticket) {
    decided(form, TT_REFUSED_FORBIDDEN, NULL, 0);
    return;
  }
  const struct tt_access_query query = {
      .caller = copy, .op = TT_ACCESS_CONTROL, .nodes = form->nodes, .n_nodes = form->n_nodes};
  core->access.check(core->access.user, &query, on_access, form->ticket);
}

void tt_forms_turn(struct tt_core *core)
{
  /* They are in order of their deadlines, for all wait equally long. */
  while (core->forms && core->forms->due_us <= core->now.mono_us) {
    tt_ticket_forget(&core->forms->ticket);
    decided(core->forms, TT_REFUSED_FORBIDDEN, NULL, 0);
  }
}

uint64_t tt_forms_due(const struct tt_core *core)
{
  return core->forms ? core->forms->due_us : TT_NEVER;
}

void tt_forms_drop(struct tt_core *core)
{
  while (core->forms) {
    struct tt_form *form = core->forms;
    DL_DELETE(core->forms, form);
    form_free(form);
  }
}
