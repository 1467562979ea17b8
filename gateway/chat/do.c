/* SPDX-License-Identifier: Apache-2.0
 * do.c: what a thing can be told to do beside having parameters set (model/execute.h). Only commands that the caller may give are
 * ever named. */
#include "chat_private.h"

#include "model/execute.h"

#define COMMANDS_SHOWN 15 /* names in one sentence */

/* ---- What there is ------------------------------------------------------------------------------------------------ */

static const char *shown_command(struct tt_chat_request *request, const struct tt_command *command)
{
  return tt_chat_shown(request, tt_label_for(&command->label, request->caller->language, command->name));
}

/* "Go to position=0 to 100 s mode=off, auto" */
static void put_command(struct tt_chat_request *request, const struct tt_command *command)
{
  tt_buf_puts(&request->out, shown_command(request, command));
  for (size_t i = 0; i < command->n_arguments; i++) {
    const struct tt_point *argument = &command->arguments[i];
    struct tt_buf choice TT_AUTOBUF = TT_BUF(0);
    tt_chat_put_choice(request, &choice, argument);
    bool is_optional = tt_argument_is_optional(argument);
    tt_chat_printf(request, "%s%s=%s%s", is_optional ? " [" : " ", tt_chat_shown(request, argument->name),
                   choice.len > 0 ? choice.data : "…", is_optional ? "]" : "");
  }
  tt_buf_putc(&request->out, '\n');
}

static void answer_names(struct tt_chat_request *request, const struct tt_node *node,
                         const struct tt_command *const commands[], size_t n)
{
  if (*request->rest)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("*%s* has no command *%s*.")),
                   tt_chat_shown_node(request, node), tt_chat_shown(request, request->rest));
  else
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("What is *%s* to do?")), tt_chat_shown_node(request, node));
  tt_buf_puts(&request->out, " ");
  tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("What can be done:")));
  for (size_t i = 0; i < n && i < COMMANDS_SHOWN; i++)
    tt_chat_printf(request, "%s %s", i ? "," : "", shown_command(request, commands[i]));
  if (n > COMMANDS_SHOWN)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR(", and %zu more")), n - COMMANDS_SHOWN);
  tt_chat_answer(request, false);
}

static void answer_none(struct tt_chat_request *request, const struct tt_node *node)
{
  tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("*%s* has no commands.")), tt_chat_shown_node(request, node));
  tt_chat_answer(request, false);
}

static void on_listed(void *user, enum tt_refusal refusal, TT_UNUSED const char *text, const struct tt_node *node,
                      const struct tt_command *const commands[], size_t n)
{
  struct tt_chat_request *request = user;
  if (refusal != TT_OK) {
    tt_chat_answer_refusal(request, refusal);
    return;
  }
  if (n == 0) {
    answer_none(request, node);
    return;
  }
  tt_chat_printf(request, "*%s*\n", tt_chat_shown_node(request, node));
  for (size_t i = 0; i < n && i < TT_CHAT_LINES_MAX; i++)
    put_command(request, commands[i]);
  if (n > TT_CHAT_LINES_MAX)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("... %zu more\n")), n - TT_CHAT_LINES_MAX);
  tt_chat_answer(request, false);
}

/* ---- What it did -------------------------------------------------------------------------------------------------- */

static void on_result(void *user, const struct tt_execute_result *result)
{
  struct tt_chat_request *request = user;
  struct tt_node *node = tt_chat_node(request, request->node);
  enum tt_refusal refusal = result->refusal;
  /* After a time-out nobody knows what the device has done. */
  bool is_of_device = refusal == TT_REFUSED_TIMEOUT || refusal == TT_REFUSED_DEVICE;
  request->is_acting = false;
  if (refusal != TT_OK && !is_of_device && result->n_errors == 0) {
    tt_chat_answer_refusal(request, refusal);
    return;
  }
  tt_chat_printf(request, "*%s* %s: ", node ? tt_chat_shown_node(request, node) : "?", request->parameter);
  if (is_of_device)
    tt_buf_puts(&request->out,
                TT_CHAT_TR(request, refusal == TT_REFUSED_TIMEOUT ? TT_TR("The device did not answer in time.")
                                                                  : TT_TR("The device answered with an error.")));
  else if (refusal != TT_OK || !result->text)
    tt_buf_puts(&request->out, TT_CHAT_TR(request, refusal == TT_OK ? TT_TR("Done") : result->text));
  else
    tt_buf_puts(&request->out, tt_chat_shown(request, result->text));
  if (is_of_device && result->text)
    tt_chat_printf(request, " (%s)", tt_chat_shown(request, TT_CHAT_TR(request, result->text)));
  for (size_t i = 0; i < result->n_errors; i++)
    tt_chat_printf(request, "%s %s: %s", i ? ";" : "", tt_chat_shown(request, result->errors[i].name),
                   tt_chat_shown(request, TT_CHAT_TR(request, result->errors[i].text)));
  tt_chat_answer(request, refusal == TT_OK || is_of_device);
}

static void execute(struct tt_chat_request *request, const struct tt_node *node,
                    const struct tt_chat_question *question)
{
  const struct tt_execute_request wanted = {.caller = request->caller,
                                            .ref = tt_chat_ref(node),
                                            .command = question->name,
                                            .arguments = question->values,
                                            .n_arguments = question->n_values};
  request->is_acting = true;
  tt_command_execute(request->chat->core, &wanted, on_result, request);
}

void tt_chat_command_confirmed(struct tt_chat_request *request, const struct tt_chat_question *question)
{
  struct tt_node *node = tt_chat_node(request, question->node);
  uint16_t command;
  if (!tt_chat_sees(request, node) || tt_node_command(node, question->name, &command) < 0) {
    tt_chat_answer_refusal(request, TT_REFUSED_NOT_FOUND);
    return;
  }
  request->node = node->id;
  request->parameter = shown_command(request, &node->commands[command]);
  execute(request, node, question);
}

/* ---- Which, and with what ----------------------------------------------------------------------------------------- */

/* A command is called as a field is. `ret_rest`: what follows its name. NULL: none, or several. */
static const struct tt_command *match(struct tt_chat_request *request, const struct tt_command *const commands[],
                                      size_t n, const char **ret_rest)
{
  struct tt_point *names = tt_arena_alloc(request->arena, (n + 1) * sizeof(*names));
  const struct tt_point **points = tt_arena_alloc(request->arena, (n + 1) * sizeof(*points));
  struct tt_chat_fields found = {0};
  for (size_t i = 0; names && points && i < n; i++) {
    names[i] = (struct tt_point){.name = commands[i]->name, .label = commands[i]->label};
    points[i] = &names[i];
  }
  if (names && points)
    tt_chat_match_point(points, n, request->rest, &found);
  *ret_rest = request->rest + found.rest;
  return found.n == 1 ? commands[found.points[0]] : NULL;
}

/* The argument that a person calls so; what nobody knows is said by whoever looks at all of them. */
static const struct tt_point *find_argument(const struct tt_command *command, const char *name)
{
  const struct tt_point *points[TT_ARGUMENTS_MAX];
  struct tt_chat_fields found;
  for (size_t i = 0; i < command->n_arguments; i++)
    points[i] = &command->arguments[i];
  tt_chat_match_point(points, command->n_arguments, name, &found);
  return found.n == 1 && name[found.rest] == '\0' ? points[found.points[0]] : NULL;
}

static bool add_value(struct tt_chat_request *request, const struct tt_point *argument, const char *name,
                      const char *text, struct tt_assignment *ret)
{
  struct tt_buf lexical TT_AUTOBUF = TT_BUF(0);
  bool is_on;
  if (argument && argument->type == TT_TYPE_BOOLEAN && tt_chat_is_switch(text, &is_on))
    text = is_on ? "true" : "false";
  if (argument)
    tt_human_parse(&lexical, argument, text, request->caller->language);
  else
    tt_buf_puts(&lexical, text);
  *ret = (struct tt_assignment){.name = argument ? argument->name : tt_arena_strdup(request->arena, name),
                                .type = TT_TYPE_NONE,
                                .text = tt_arena_strdup(request->arena, lexical.data ? lexical.data : "")};
  return ret->name && ret->text;
}

/* "position=30 mode=off", or the value of the only argument there is. How many; -EINVAL: it is neither; -ENOMEM. */
static int take_arguments(struct tt_chat_request *request, const struct tt_command *command, const char *rest,
                          struct tt_assignment values[static TT_ARGUMENTS_MAX])
{
  char *text = tt_arena_strdup(request->arena, rest), *name, *value;
  int n = 0;
  while (text && n < TT_ARGUMENTS_MAX && tt_chat_take_argument(&text, &name, &value)) {
    if (!add_value(request, find_argument(command, name), name, value, &values[n]))
      return -ENOMEM;
    n++;
  }
  if (!text || *text == '\0')
    return text ? n : -ENOMEM;
  if (n > 0 || command->n_arguments != 1)
    return -EINVAL;
  return add_value(request, &command->arguments[0], "", tt_chat_skip_filler(text), &values[0]) ? 1 : -ENOMEM;
}

/* "*Router* open port=80 pin=...", and what the mapping wants to be asked. */
static void ask(struct tt_chat_request *request, const struct tt_node *node, const struct tt_command *command,
                const struct tt_chat_question *question)
{
  tt_chat_printf(request, "*%s* %s", tt_chat_shown_node(request, node), request->parameter);
  for (size_t i = 0; i < question->n_values; i++) {
    const struct tt_point *argument = find_argument(command, question->values[i].name);
    bool is_secret = argument && argument->is_secret;
    tt_chat_printf(request, " %s=%s", tt_chat_shown(request, question->values[i].name),
                   is_secret ? "..." : tt_chat_shown(request, question->values[i].text));
  }
  tt_chat_ask(request, question, tt_label_for(&command->confirm, request->caller->language, ""));
}

static void do_command(struct tt_chat_request *request, const struct tt_node *node,
                       const struct tt_command *command, const char *rest)
{
  struct tt_assignment values[TT_ARGUMENTS_MAX];
  int n = take_arguments(request, command, rest, values);
  if (n == -EINVAL) {
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("It is said so:")));
    tt_buf_putc(&request->out, ' ');
    put_command(request, command);
    tt_chat_answer(request, false);
    return;
  }
  if (n < 0) {
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
    return;
  }
  const struct tt_chat_question question = {
      .node = node->id, .name = command->name, .is_command = true, .values = values, .n_values = (size_t)n};
  request->parameter = shown_command(request, command);
  if (command->confirm.n > 0)
    ask(request, node, command, &question);
  else
    execute(request, node, &question);
}

static void on_commands(void *user, enum tt_refusal refusal, TT_UNUSED const char *text, const struct tt_node *node,
                        const struct tt_command *const commands[], size_t n)
{
  struct tt_chat_request *request = user;
  const char *rest = "";
  bool is_on;
  if (request->is_forgotten || refusal != TT_OK) { /* nothing was done yet */
    tt_chat_answer_refusal(request, refusal == TT_OK ? TT_REFUSED_NOT_FOUND : refusal);
    return;
  }
  const struct tt_command *command = match(request, commands, n, &rest);
  if (command)
    do_command(request, node, command, rest);
  else if (tt_chat_is_switch(request->rest, &is_on))
    tt_chat_control(request); /* "do plug on" */
  else if (n == 0)
    answer_none(request, node);
  else
    answer_names(request, node, commands, n);
}

/* The thing that is meant: what is named, else the place. NULL: it has been answered. */
static struct tt_node *find_thing(struct tt_chat_request *request, const char *target)
{
  struct tt_node *place = tt_chat_place(request), *node = NULL;
  bool is_found = tt_chat_resolve(request, target, false, place && place->n_commands > 0);
  if (is_found)
    node = tt_chat_node(request, request->node);
  if (place && place->n_commands > 0 && (!node || node->n_commands == 0)) { /* "do play" */
    request->node = place->id;
    request->rest = target;
    return place;
  }
  if (is_found && !node)
    tt_chat_answer_text(request, TT_TR("Of which thing? `do NAME COMMAND`, or `cd NAME` first."));
  return node;
}

void tt_chat_do_command(struct tt_chat_request *request)
{
  struct tt_node *node = find_thing(request, request->command.target);
  if (!node)
    return;
  const struct tt_ref ref = tt_chat_ref(node);
  request->rest = tt_arena_strdup(request->arena, request->rest);
  if (!request->rest)
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
  else if (node->n_commands == 0 && *request->rest)
    tt_chat_control(request); /* "do plug level 5" */
  else
    tt_commands_list(request->chat->core, request->caller, &ref, on_commands, request);
}

void tt_chat_do_commands(struct tt_chat_request *request)
{
  if (!tt_chat_resolve(request, request->command.target, false, false))
    return;
  struct tt_node *node = tt_chat_node(request, request->node);
  if (!node) {
    tt_chat_answer_text(request, TT_TR("Of which thing? `do NAME COMMAND`, or `cd NAME` first."));
    return;
  }
  if (*request->rest) {
    tt_chat_answer_unknown(request, request->command.target);
    return;
  }
  const struct tt_ref ref = tt_chat_ref(node);
  tt_commands_list(request->chat->core, request->caller, &ref, on_listed, request);
}
