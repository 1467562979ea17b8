/* SPDX-License-Identifier: Apache-2.0
 * watching.c: being told of changes. Who keeps the watches is behind the hooks. */
#include "chat_private.h"

#define WATCHES_SHOWN 32

static bool can_watch(struct tt_chat_request *request)
{
  const struct tt_chat_hooks *hooks = &request->chat->hooks;
  if (hooks->watch && hooks->watches && hooks->unwatch)
    return true;
  tt_chat_answer_refusal(request, TT_REFUSED_NOT_SUPPORTED);
  return false;
}

static void put_watch(struct tt_chat_request *request, const struct tt_chat_watch *watch)
{
  const struct tt_node *node = tt_chat_node(request, watch->node);
  tt_chat_printf(request, "%u %s", watch->number,
                 tt_chat_sees(request, node) ? tt_chat_shown_node(request, node) : "?");
  for (size_t i = 0; i < watch->n_fields; i++)
    tt_chat_printf(request, "%s%s", i ? ", " : ": ", tt_chat_shown(request, watch->fields[i]));
  tt_buf_putc(&request->out, '\n');
}

static void answer_watches(struct tt_chat_request *request)
{
  struct tt_chat_watch rows[WATCHES_SHOWN];
  size_t n = request->chat->hooks.watches(request->chat->hooks.user, request->caller, rows, TT_COUNT(rows));
  for (size_t i = 0; i < n && i < TT_COUNT(rows); i++)
    put_watch(request, &rows[i]);
  if (n > 0)
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("`unwatch NUMBER`, `unwatch all`")));
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("Nothing is watched. `watch NAME` begins.")));
  tt_chat_answer(request, false);
}

static void on_watch(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED unsigned number)
{
  struct tt_chat_request *request = user;
  request->is_acting = false;
  tt_buf_puts(&request->out, text);
  tt_chat_answer(request, refusal == TT_OK);
}

static void start(struct tt_chat_request *request, const struct tt_node *node)
{
  struct tt_chat_fields fields = {0};
  const char *names[TT_CHAT_FIELDS_MAX];
  if (*request->rest) {
    tt_chat_match_field(node, false, request->rest, &fields);
    if (fields.n == 0 || request->rest[fields.rest]) {
      tt_chat_answer_unknown_field(request, node, request->rest);
      return;
    }
  }
  for (size_t i = 0; i < fields.n; i++)
    names[i] = node->points[fields.points[i]].name;
  const struct tt_ref ref = tt_chat_ref(node);
  request->is_acting = true;
  request->chat->hooks.watch(request->chat->hooks.user, request->origin, request->caller, &ref, names, fields.n,
                             on_watch, request);
}

void tt_chat_do_watch(struct tt_chat_request *request)
{
  struct tt_node *place = tt_chat_place(request);
  if (!can_watch(request))
    return;
  if (*request->command.target == '\0' && (!place || place->n_points == 0)) {
    answer_watches(request);
    return;
  }
  if (!tt_chat_resolve(request, request->command.target, true, false))
    return;
  struct tt_node *node = tt_chat_node(request, request->node);
  if (node && node->n_points > 0)
    start(request, node);
  else
    tt_chat_answer_text(request, TT_TR("A place cannot be watched; name a thing in it."));
}

/* Those that are meant: all, of one node, with one number. */
static size_t stop(struct tt_chat_request *request, tt_id node, unsigned number)
{
  const struct tt_chat_hooks *hooks = &request->chat->hooks;
  struct tt_chat_watch rows[WATCHES_SHOWN];
  unsigned numbers[WATCHES_SHOWN];
  size_t n = hooks->watches(hooks->user, request->caller, rows, TT_COUNT(rows)), n_meant = 0, n_stopped = 0;
  for (size_t i = 0; i < n && i < TT_COUNT(rows); i++)
    if ((!node || rows[i].node == node) && (!number || rows[i].number == number))
      numbers[n_meant++] = rows[i].number;
  for (size_t i = 0; i < n_meant; i++)
    n_stopped += hooks->unwatch(hooks->user, request->caller, numbers[i]) == 0;
  return n_stopped;
}

static void answer_stopped(struct tt_chat_request *request, size_t n)
{
  if (n > 0)
    tt_chat_printf(request, tt_tr_n(request->caller->language, "%zu watch ended.", "%zu watches ended.", n), n);
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("That is not watched. `watch` shows what is.")));
  tt_chat_answer(request, n > 0);
}

void tt_chat_do_unwatch(struct tt_chat_request *request)
{
  const char *target = request->command.target;
  struct tt_node *place = tt_chat_place(request);
  if (!can_watch(request))
    return;
  if (tt_chat_is_all(target)) {
    answer_stopped(request, stop(request, 0, 0));
  } else if (*target && target[strspn(target, "0123456789")] == '\0' && strlen(target) < 6) {
    unsigned long number = strtoul(target, NULL, 10);
    answer_stopped(request, number ? stop(request, 0, (unsigned)number) : 0);
  } else if (*target == '\0' && (!place || place->n_points == 0)) {
    answer_watches(request);
  } else if (tt_chat_resolve(request, target, false, false)) {
    answer_stopped(request, request->node ? stop(request, request->node, 0) : 0);
  }
}
