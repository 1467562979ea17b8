/* SPDX-License-Identifier: Apache-2.0
 * browse.c: what there is, and what can be said. */
#include "chat_private.h"

/* ---- Help --------------------------------------------------------------------------------------------------------- */

static const char *const help[] = {
    TT_TR("`ls`: what is here"),
    TT_TR("`cd NAME`: go there; `cd ..` back"),
    TT_TR("`find TEXT`: look for it everywhere"),
    TT_TR("`NAME` or `NAME?`: its values"),
    TT_TR("`NAME on`, `NAME off`: switch it"),
    TT_TR("`set NAME PARAMETER VALUE`"),
    TT_TR("`watch NAME`: tell me when it changes"),
    TT_TR("`unwatch NAME`: no more"),
    TT_TR("`status`: what is wrong"),
    TT_TR("The beginning of a name is enough, and so is its number in the last list. `##` shows more."),
};
static const char *const more_help[] = {
    TT_TR("`?` values, `??` everything"),
    TT_TR("`FIELD?` or `NAME.FIELD?`: one value"),
    TT_TR("`:=` or `NAME:=`: what can be set"),
    TT_TR("`PARAMETER:=VALUE`, `NAME.PARAMETER:=VALUE`: set it"),
    TT_TR("`/` the top, `//` a list of it"),
    TT_TR("`watch` at a place: what is watched; `unwatch all`"),
    TT_TR("`commands NAME`: what it can be told to do; `do NAME COMMAND`"),
    TT_TR("`log`: what was done (admins)"),
    TT_TR("`block ADDRESS`, `unblock ADDRESS`: whom nobody hears (admins)"),
    TT_TR("`report ADDRESS spam`, or `abuse`: block, and tell our server why (admins)"),
};

static void put_lines(struct tt_chat_request *request, const char *const lines[], size_t n)
{
  for (size_t i = 0; i < n; i++)
    tt_chat_printf(request, "%s\n", TT_CHAT_TR(request, lines[i]));
}

void tt_chat_do_help(struct tt_chat_request *request)
{
  if (request->command.is_more)
    put_lines(request, more_help, TT_COUNT(more_help));
  else
    put_lines(request, help, TT_COUNT(help));
  tt_chat_answer(request, false);
}

void tt_chat_do_greeting(struct tt_chat_request *request)
{
  tt_chat_answer_text(request,
                      TT_TR("Hello! Say `help` or `#` to see what I understand, `ls` to see what is here."));
}

/* ---- Lists -------------------------------------------------------------------------------------------------------- */

void tt_chat_list_add(struct tt_chat_list *list, const struct tt_node *node)
{
  if (list->n < TT_COUNT(list->nodes))
    list->nodes[list->n++] = node->id;
  list->n_all++;
}

static bool is_troubled(const struct tt_node *node)
{
  return tt_node_state(node) >= TT_STATE_WARNING_SIGNED;
}

/* "1 Kitchen/", "2 Coffee plug (house/kitchen) !" */
static void put_entry(struct tt_chat_request *request, size_t number, const struct tt_node *node, bool with_path)
{
  tt_chat_printf(request, "%zu %s%s", number, tt_chat_shown_node(request, node), node->n_children > 0 ? "/" : "");
  if (with_path && node->parent)
    tt_chat_printf(request, " (%s)", tt_chat_shown(request, node->parent->path));
  if (tt_core_sight(request->chat->core, request->caller, node) == TT_SIGHT_FULL && is_troubled(node))
    tt_buf_puts(&request->out, " (!)");
  tt_buf_putc(&request->out, '\n');
}

void tt_chat_put_list(struct tt_chat_request *request, const struct tt_chat_list *list, bool with_paths)
{
  struct tt_chat_session *session = request->session;
  session->n_list = 0;
  for (size_t i = 0; i < list->n; i++) {
    const struct tt_node *node = tt_chat_node(request, list->nodes[i]);
    if (!node)
      continue;
    session->list[session->n_list++] = node->id;
    put_entry(request, session->n_list, node, with_paths);
  }
  if (list->n_all > list->n)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("... %zu more, `find TEXT` narrows\n")),
                   list->n_all - list->n);
}

static void show_place(struct tt_chat_request *request, struct tt_node *place)
{
  struct tt_chat_list list = {0};
  struct tt_node *first = place ? place->first_child : tt_tree_roots(tt_core_tree(request->chat->core));
  for (struct tt_node *node = first; node; node = node->next)
    if (tt_chat_sees(request, node))
      tt_chat_list_add(&list, node);
  if (place)
    tt_chat_printf(request, "*%s*\n", tt_chat_shown_node(request, place));
  if (list.n_all == 0)
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("There is nothing here.")));
  tt_chat_put_list(request, &list, false);
  tt_chat_answer(request, false);
}

void tt_chat_show(struct tt_chat_request *request, struct tt_node *node)
{
  if (!node || (node->n_points == 0 && node->kind != TT_NODE_DEVICE)) {
    show_place(request, node);
    return;
  }
  request->node = node->id;
  request->rest = "";
  tt_chat_read(request, false);
}

void tt_chat_do_list(struct tt_chat_request *request)
{
  const char *target = request->command.target;
  if (!strcmp(target, "/"))
    show_place(request, NULL);
  else if (tt_chat_resolve(request, target, false, false))
    tt_chat_show(request, tt_chat_node(request, request->node));
}

/* ---- Going -------------------------------------------------------------------------------------------------------- */

static struct tt_node *parent_of(struct tt_chat_request *request)
{
  struct tt_node *place = tt_chat_place(request);
  return place && tt_chat_sees(request, place->parent) ? place->parent : NULL;
}

void tt_chat_do_go(struct tt_chat_request *request)
{
  const char *target = request->command.target;
  struct tt_node *node = NULL;
  if (!strcmp(target, ".."))
    node = parent_of(request);
  else if (*target == '\0' && !request->thing)
    node = NULL;
  else if (strcmp(target, "/") != 0) {
    if (!tt_chat_resolve(request, target, false, false))
      return;
    node = tt_chat_node(request, request->node);
    if (*request->rest) {
      tt_chat_answer_unknown(request, target);
      return;
    }
  }
  if (request->thing && (!node || node->id != request->thing))
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("(This chat stays with *%s*.)\n")),
                   tt_chat_shown_node(request, tt_chat_node(request, request->thing)));
  request->session->place = node ? node->id : 0;
  tt_chat_show(request, node);
}

/* ---- Finding ------------------------------------------------------------------------------------------------------ */

void tt_chat_do_find(struct tt_chat_request *request)
{
  struct tt_tree *tree = tt_core_tree(request->chat->core);
  struct tt_chat_list list = {0};
  char folded[TT_CHAT_LINE_MAX + 1];
  if (tt_chat_fold(request->command.target, folded, NULL) == 0) {
    tt_chat_answer_text(request, TT_TR("What am I to look for? `find TEXT`"));
    return;
  }
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    if (tt_chat_node_contains(node, folded) && tt_chat_sees(request, node))
      tt_chat_list_add(&list, node);
  if (list.n_all == 0) {
    tt_chat_answer_unknown(request, request->command.target);
    return;
  }
  tt_chat_put_list(request, &list, true);
  tt_chat_answer(request, false);
}

/* ---- How it is ---------------------------------------------------------------------------------------------------- */

static void put_messages(struct tt_chat_request *request, const struct tt_node *node, size_t *lines)
{
  for (size_t i = 0; i < node->n_messages; i++, (*lines)++)
    if (*lines < TT_CHAT_LINES_MAX)
      tt_chat_printf(request, "%s: %s\n", tt_chat_shown_node(request, node),
                     tt_chat_shown(request, TT_CHAT_TR(request, node->messages[i].text)));
}

static bool is_within(const struct tt_node *node, const struct tt_node *top)
{
  for (; top && node && node != top; node = node->parent)
    ;
  return !top || node;
}

void tt_chat_do_status(struct tt_chat_request *request)
{
  struct tt_tree *tree = tt_core_tree(request->chat->core);
  struct tt_node *top = NULL;
  size_t devices = 0, troubled = 0, lines = 0;
  if (*request->command.target || request->thing) {
    if (!tt_chat_resolve(request, request->command.target, false, false))
      return;
    top = tt_chat_node(request, request->node);
  }
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node))
    if (is_within(node, top) && tt_core_sight(request->chat->core, request->caller, node) == TT_SIGHT_FULL) {
      devices += node->kind == TT_NODE_DEVICE;
      troubled += node->kind == TT_NODE_DEVICE && is_troubled(node);
      if (is_troubled(node))
        put_messages(request, node, &lines);
    }
  if (lines > TT_CHAT_LINES_MAX)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("... %zu more\n")), lines - TT_CHAT_LINES_MAX);
  tt_chat_printf(request, tt_tr_n(request->caller->language, "%zu device, ", "%zu devices, ", devices), devices);
  if (troubled)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("%zu in trouble")), troubled);
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("all is well")));
  tt_chat_answer(request, false);
}

void tt_chat_do_log(struct tt_chat_request *request)
{
  struct tt_chat *chat = request->chat;
  struct tt_buf lines TT_AUTOBUF = TT_BUF(64 * 1024);
  bool is_admin = tt_core_role(chat->core, request->caller) == TT_ROLE_ADMIN;
  if (is_admin && !chat->hooks.log) {
    tt_chat_answer_refusal(request, TT_REFUSED_NOT_SUPPORTED);
    return;
  }
  if (!is_admin || !chat->hooks.log(chat->hooks.user, request->caller, TT_CHAT_LOG_LINES, &lines)) {
    tt_core_refused(chat->core, request->caller, TT_ACCESS_ADMIN, "");
    tt_chat_answer_refusal(request, TT_REFUSED_FORBIDDEN);
    return;
  }
  for (char *line = lines.data, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    if (*line)
      tt_chat_printf(request, "%s\n", tt_chat_shown(request, line));
  }
  if (request->out.len == request->n_before)
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("Nothing was done yet.")));
  tt_chat_answer(request, false);
}
