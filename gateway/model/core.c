/* SPDX-License-Identifier: Apache-2.0
 * core.c: what holds the model together: tree, time, hooks (core.h). The requests live in readout.c and control.c. */
#include "core.h"

#include "requests.h"

#include "text/text.h"

#include <utlist.h>

static void on_change(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  if (change == TT_CHANGE_VALUE)
    tt_controls_report(user, node, point);
  else if (change == TT_CHANGE_ADDED)
    tt_follows_added(user, node);
}

struct tt_core *tt_core_create(void)
{
  struct tt_core *core = calloc(1, sizeof *core);
  if (!core)
    return NULL;
  core->tree = tt_tree_create();
  if (!core->tree || tt_tree_listen(core->tree, on_change, core) < 0 || tt_subscriptions_create(core) < 0) {
    tt_tree_destroy(core->tree);
    free(core);
    return NULL;
  }
  core->rules = 1;
  return core;
}

void tt_core_destroy(struct tt_core *core)
{
  if (!core)
    return;
  tt_readouts_drop(core);
  tt_controls_drop(core);
  tt_forms_drop(core);
  tt_executions_drop(core);
  tt_subscriptions_destroy(core);
  for (struct tt_ticket *ticket = core->tickets, *next; ticket; ticket = next) {
    next = ticket->next;
    free(ticket);
  }
  tt_tree_destroy(core->tree);
  free(core);
}

void tt_core_set_access(struct tt_core *core, struct tt_access_hooks hooks)
{
  core->access = hooks;
}

void tt_core_set_audit(struct tt_core *core, struct tt_audit_hooks hooks)
{
  core->audit = hooks;
}

void tt_core_set_devices(struct tt_core *core, struct tt_device_hooks hooks)
{
  core->devices = hooks;
}

void tt_core_set_poll_classes(struct tt_core *core, const struct tt_poll_class *classes, size_t n)
{
  core->classes = classes;
  core->n_classes = n;
}

struct tt_tree *tt_core_tree(struct tt_core *core)
{
  return core->tree;
}

struct tt_now tt_core_now(const struct tt_core *core)
{
  return core->now;
}

void tt_core_turn(struct tt_core *core, struct tt_now now)
{
  core->now = now;
  tt_controls_turn(core);
  tt_forms_turn(core);
  tt_executions_turn(core);
  tt_readouts_turn(core);
}

uint64_t tt_core_due(const struct tt_core *core)
{
  const uint64_t dues[] = {tt_controls_due(core), tt_forms_due(core), tt_executions_due(core),
                           tt_subscriptions_due(core)};
  uint64_t due = tt_readouts_due(core);
  for (size_t i = 0; i < TT_COUNT(dues); i++)
    due = dues[i] < due ? dues[i] : due;
  return due;
}

uint64_t tt_core_max_age(const struct tt_core *core, const struct tt_point *point)
{
  if (point->poll < 0)
    return point->stale_us ? point->stale_us : TT_NEVER;
  return (size_t)point->poll < core->n_classes ? core->classes[point->poll].max_age_us : 0;
}

/* ---- Browsing ---------------------------------------------------------------------------------------- */
enum tt_role tt_core_role(struct tt_core *core, const struct tt_caller *caller)
{
  return core->access.role ? core->access.role(core->access.user, caller) : TT_ROLE_NONE;
}

void tt_core_check(struct tt_core *core, const struct tt_access_query *query, tt_access_fn fn, void *user)
{
  if (core->access.check)
    core->access.check(core->access.user, query, fn, user);
  else
    fn(user, TT_REFUSED_FORBIDDEN, NULL, 0);
}

enum tt_sight tt_core_sight(struct tt_core *core, const struct tt_caller *caller, const struct tt_node *node)
{
  return core->access.sight ? core->access.sight(core->access.user, caller, node) : TT_SIGHT_NONE;
}

struct tt_node *tt_core_see(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref)
{
  struct tt_node *node = tt_tree_find(core->tree, ref->node, ref->source, ref->partition);
  return node && tt_core_sight(core, caller, node) != TT_SIGHT_NONE ? node : NULL;
}

void tt_core_access_changed(struct tt_core *core)
{
  core->rules++;
}

void tt_core_refused(struct tt_core *core, const struct tt_caller *caller, enum tt_access_op op, const char *node)
{
  if (core->audit.refused)
    core->audit.refused(core->audit.user, caller, op, node);
}

/* ---- What requests share ------------------------------------------------------------------------------- */
struct tt_ticket *tt_ticket_create(struct tt_core *core, void *owner, size_t part)
{
  struct tt_ticket *ticket = malloc(sizeof *ticket);
  if (!ticket)
    return NULL;
  *ticket = (struct tt_ticket){.core = core, .owner = owner, .part = part};
  DL_APPEND(core->tickets, ticket);
  return ticket;
}

void *tt_ticket_redeem(struct tt_ticket *ticket, size_t *ret_part)
{
  void *owner = ticket->owner;
  if (owner && ret_part)
    *ret_part = ticket->part;
  DL_DELETE(ticket->core->tickets, ticket);
  free(ticket);
  return owner;
}

static int compare_names(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int tt_names_init(struct tt_names *names, const char *const texts[], size_t n)
{
  const char **sorted = NULL;
  if (n > 0) {
    sorted = malloc(n * sizeof *sorted);
    if (!sorted)
      return -ENOMEM;
    memcpy(sorted, texts, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_names);
  }
  *names = (struct tt_names){.sorted = sorted, .n = n};
  return 0;
}

void tt_names_finish(struct tt_names *names)
{
  free(names->sorted);
  *names = (struct tt_names){0};
}

bool tt_names_has(const struct tt_names *names, const char *name)
{
  return names->is_all ||
         (names->n > 0 && bsearch(&name, names->sorted, names->n, sizeof *names->sorted, compare_names));
}

const char *tt_error_text(int error, const char *text)
{
  static const struct {
    int error;
    const char *text;
  } texts[] = {
      {-ETIMEDOUT, TT_TR("Timeout.")},
      {-ENODEV, TT_TR("There is no device behind this node.")},
      {-ECANCELED, TT_TR("The request was given up because the connection ended.")},
      {-ENOTCONN, TT_TR("Not connected.")},
      {-EBUSY, TT_TR("Too many requests are waiting for this device.")},
      {-EIO, TT_TR("The device answered with an error.")},
  };
  if (text && *text)
    return text;
  for (size_t i = 0; i < TT_COUNT(texts); i++)
    if (texts[i].error == error)
      return texts[i].text;
  return TT_TR("The device could not be reached.");
}
