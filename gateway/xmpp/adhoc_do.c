/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_do.c: `commands`: what a device can be told to do beside having parameters set (model/execute.h): which thing, which of
 * its commands, its arguments where it has some, and whether it is meant where its mapping wants that asked.
 */
#include "adhoc_choose.h"
#include "adhoc_commands.h"
#include "adhoc_fill.h"
#include "adhoc_private.h"

#include "model/execute.h"
#include "text/text.h"

enum stage { CHOOSE, COMMAND, FORM, CONFIRM };

struct doing {
  struct tt_adhoc_choice choice;
  tt_id node;
  char command[TT_COMMAND_NAME_MAX + 1];
  struct tt_adhoc_fill fill;
};

static void finish(void *state)
{
  struct doing *doing = state;
  tt_adhoc_fill_finish(&doing->fill);
}

/* The node, while it is there and the caller sees all of it, with the command that was chosen; NULL. */
static const struct tt_node *node_of(const struct tt_adhoc_session *session, const struct doing *doing,
                                     const struct tt_command **ret_command)
{
  struct tt_core *core = tt_adhoc_core(session);
  const struct tt_node *node = tt_tree_get(tt_core_tree(core), doing->node);
  uint16_t i;
  if (!node || tt_core_sight(core, tt_adhoc_caller(session), node) != TT_SIGHT_FULL ||
      tt_node_command(node, doing->command, &i) < 0)
    return NULL;
  *ret_command = &node->commands[i];
  return node;
}

static struct tt_adhoc_points arguments_of(const struct tt_command *command)
{
  return (struct tt_adhoc_points){command->arguments, command->n_arguments};
}

static struct tt_ref ref_of(const struct tt_node *node)
{
  return (struct tt_ref){node->key, node->source, node->partition};
}

static const char *label_of(const struct tt_command *command, const char *language)
{
  return tt_label_for(&command->label, language, command->name);
}

static void nothing_here(struct tt_adhoc_session *session)
{
  session->has_form = false; /* the form that was begun */
  tt_adhoc_done(session, TT_ADHOC_INFO,
                tt_tr(tt_adhoc_language(session), "There is nothing here that you could have done."));
}

/* What a stage waits for; NULL: it was refused. */
static struct tt_adhoc_wait *wait_for(struct tt_adhoc_session *session, const struct tt_node *node)
{
  struct tt_adhoc_wait *wait = node ? tt_adhoc_wait(session) : NULL;
  if (!wait)
    tt_adhoc_refuse(session, node ? TT_REFUSED_BUSY : TT_REFUSED_NOT_FOUND, NULL);
  return wait;
}

/* ---- Which thing --------------------------------------------------------------------------------------------------- */

static bool may_command(const struct tt_adhoc_asker *asker, const struct tt_node *node)
{
  const char *names[TT_COMMANDS_MAX];
  size_t n = 0;
  for (size_t i = 0; i < node->n_commands && n < TT_COUNT(names); i++)
    names[n++] = node->commands[i].name;
  return n > 0 && !node->is_disabled && tt_adhoc_may(asker, TT_ACCESS_CONTROL, node, names, n);
}

static void offer(struct tt_adhoc_choices *choices, const struct tt_node *node)
{
  const struct tt_adhoc_asker asker = tt_adhoc_chooser(choices);
  if (may_command(&asker, node))
    tt_adhoc_offer(choices, node, TT_NO_POINT, true);
}

static void choose_show(struct tt_adhoc_session *session)
{
  struct doing *doing = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const struct tt_node *thing = tt_adhoc_thing(session);
  if (thing) {
    tt_adhoc_go(session, COMMAND, thing->id);
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, tt_tr(language, "Commands of things"), NULL);
  size_t n = tt_adhoc_write_choices(session, form, tt_tr(language, "Thing"), offer, &doing->choice);
  if (n == 0 && !*doing->choice.filter)
    nothing_here(session);
  else
    tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void choose_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                        TT_UNUSED enum tt_adhoc_action action)
{
  struct doing *doing = tt_adhoc_state(session);
  if (tt_adhoc_take_choice(session, form, offer, &doing->choice))
    tt_adhoc_go(session, COMMAND, doing->choice.node);
}

/* ---- Which command ------------------------------------------------------------------------------------------------- */

static void write_command(struct tt_dataform *form, const struct tt_command *command, const char *language)
{
  struct tt_buf label TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&label, label_of(command, language));
  tt_buf_puts(&label, command->n_arguments > 0 ? "\u2026" : "");
  tt_dataform_option(form, command->name, label.data);
}

static void on_commands(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                        const struct tt_command *const commands[], size_t n)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return;
  const char *language = tt_adhoc_language(session);
  if (refusal != TT_OK) {
    tt_adhoc_refuse(session, refusal, text);
    return;
  }
  if (n == 0) {
    nothing_here(session);
    return;
  }
  struct tt_dataform *form = tt_adhoc_form(session, tt_node_label(node, language), NULL);
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST,
                                                          .var = "command",
                                                          .label = tt_tr(language, "What to do"),
                                                          .value = commands[0]->name,
                                                          .is_required = true});
  for (size_t i = 0; i < n; i++)
    write_command(form, commands[i], language);
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static void command_show(struct tt_adhoc_session *session)
{
  struct doing *doing = tt_adhoc_state(session);
  const struct tt_node *node = tt_adhoc_node(session);
  struct tt_adhoc_wait *wait = wait_for(session, node);
  if (!wait)
    return;
  const struct tt_ref ref = ref_of(node);
  doing->node = node->id;
  tt_commands_list(tt_adhoc_core(session), tt_adhoc_caller(session), &ref, on_commands, wait);
}

static void command_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                         TT_UNUSED enum tt_adhoc_action action)
{
  struct doing *doing = tt_adhoc_state(session);
  const struct tt_command *command;
  const char *name = tt_dataform_value(form, "command");
  size_t n = name ? strlen(name) : sizeof(doing->command);
  if (n < sizeof(doing->command))
    memcpy(doing->command, name, n + 1);
  tt_adhoc_fill_forget(&doing->fill);
  if (n < sizeof(doing->command) && node_of(session, doing, &command))
    tt_adhoc_go(session, FORM, doing->node);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), tt_adhoc_choose_something));
}

/* ---- Doing it ------------------------------------------------------------------------------------------------------ */

/* Back to the form with the arguments, where there is one. */
static void failed(struct tt_adhoc_session *session, const struct tt_command *command,
                   const struct tt_execute_result *result)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_adhoc_put_fault(&text, arguments_of(command), result->refusal, result->text, result->errors, result->n_errors,
                     tt_adhoc_language(session));
  const char *said = text.data ? text.data : "";
  if (result->refusal == TT_REFUSED_FORBIDDEN || result->refusal == TT_REFUSED_NOT_FOUND)
    tt_adhoc_refuse(session, result->refusal, result->text);
  else if (command->n_arguments == 0)
    tt_adhoc_done(session, TT_ADHOC_ERROR, said);
  else if (session->spot.stage == CONFIRM)
    tt_adhoc_back(session, said);
  else
    tt_adhoc_again(session, said);
}

static void succeeded(struct tt_adhoc_session *session, const struct tt_node *node,
                      const struct tt_command *command, const char *text)
{
  const char *language = tt_adhoc_language(session);
  const char *said = text && *text ? text : tt_tr(language, "Done");
  struct tt_dataform *form = tt_adhoc_result(session, tt_node_label(node, language));
  struct tt_buf note TT_AUTOBUF = TT_BUF(0);
  tt_dataform_line(form, command->name, label_of(command, language), said);
  tt_buf_printf(&note, "%s: %s: %s", tt_node_label(node, language), label_of(command, language), said);
  tt_adhoc_done(session, TT_ADHOC_INFO, note.data ? note.data : "");
}

static void on_result(void *user, const struct tt_execute_result *result)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return; /* nobody is there to hear of it; the audit has it */
  const struct tt_command *command;
  const struct tt_node *node = node_of(session, tt_adhoc_state(session), &command);
  if (!node)
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
  else if (result->refusal == TT_OK)
    succeeded(session, node, command, result->text);
  else
    failed(session, command, result);
}

static void execute(struct tt_adhoc_session *session)
{
  struct doing *doing = tt_adhoc_state(session);
  const struct tt_command *command;
  const struct tt_node *node = node_of(session, doing, &command);
  struct tt_adhoc_wait *wait = wait_for(session, node);
  if (!wait)
    return;
  const struct tt_execute_request request = {.caller = tt_adhoc_caller(session),
                                             .ref = ref_of(node),
                                             .command = doing->command,
                                             .arguments = doing->fill.values,
                                             .n_arguments = doing->fill.n_values};
  tt_command_execute(tt_adhoc_core(session), &request, on_result, wait);
}

static void confirm_or_execute(struct tt_adhoc_session *session, const struct tt_command *command)
{
  const struct doing *doing = tt_adhoc_state(session);
  if (command->confirm.n > 0)
    tt_adhoc_go(session, CONFIRM, doing->node);
  else
    execute(session);
}

/* ---- With what ----------------------------------------------------------------------------------------------------- */

static void on_arguments(void *user, enum tt_refusal refusal, const char *text, const struct tt_node *node,
                         const struct tt_command *command, const struct tt_parameter arguments[], size_t n)
{
  struct tt_adhoc_session *session = tt_adhoc_resume(user);
  if (!session)
    return;
  struct doing *doing = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  if (refusal != TT_OK) {
    tt_adhoc_refuse(session, refusal, text);
    return;
  }
  if (!tt_adhoc_fill_offer(&doing->fill, arguments, n)) {
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
    return;
  }
  if (n == 0) {
    confirm_or_execute(session, command);
    return;
  }
  struct tt_buf title TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&title, "%s: %s", tt_node_label(node, language), label_of(command, language));
  struct tt_dataform *form = tt_adhoc_form(session, title.data, NULL);
  for (size_t i = 0; i < n; i++)
    tt_form_write_argument(&form->w, language, &arguments[i],
                           tt_adhoc_fill_text(&doing->fill, arguments[i].point->name));
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void form_show(struct tt_adhoc_session *session)
{
  const struct doing *doing = tt_adhoc_state(session);
  const struct tt_command *command;
  const struct tt_node *node = node_of(session, doing, &command);
  struct tt_adhoc_wait *wait = wait_for(session, node);
  if (!wait)
    return;
  const struct tt_ref ref = ref_of(node);
  tt_command_arguments(tt_adhoc_core(session), tt_adhoc_caller(session), &ref, doing->command, on_arguments, wait);
}

/* As if it were not there, unless it is a text. */
static bool is_left_out(const void *user, const struct tt_assignment *value)
{
  const struct tt_point *argument = tt_adhoc_point(arguments_of(user), value->name);
  return !*value->text && argument && argument->type != TT_TYPE_STRING;
}

static void form_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                      TT_UNUSED enum tt_adhoc_action action)
{
  struct doing *doing = tt_adhoc_state(session);
  const struct tt_command *command;
  if (!node_of(session, doing, &command)) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  const char *wrong = tt_adhoc_fill_take(&doing->fill, form, arguments_of(command), tt_adhoc_language(session),
                                         is_left_out, command);
  if (wrong)
    tt_adhoc_bad_payload(session, wrong);
  else
    confirm_or_execute(session, command);
}

/* ---- Is it meant? -------------------------------------------------------------------------------------------------- */

static void confirm_show(struct tt_adhoc_session *session)
{
  struct doing *doing = tt_adhoc_state(session);
  const char *language = tt_adhoc_language(session);
  const struct tt_command *command;
  const struct tt_node *node = node_of(session, doing, &command);
  struct tt_buf title TT_AUTOBUF = TT_BUF(0);
  if (!node) {
    tt_adhoc_refuse(session, TT_REFUSED_NOT_FOUND, NULL);
    return;
  }
  tt_buf_printf(&title, "%s: %s", tt_node_label(node, language), label_of(command, language));
  tt_adhoc_confirm(session, title.data, tt_label_for(&command->confirm, language, ""), arguments_of(command),
                   &doing->fill);
}

static void confirm_take(struct tt_adhoc_session *session, const struct tt_xml *form,
                         TT_UNUSED enum tt_adhoc_action action)
{
  if (tt_adhoc_is_confirmed(form))
    execute(session);
  else
    tt_adhoc_again(session, tt_tr(tt_adhoc_language(session), "Nothing was done: say yes, or cancel."));
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

static bool has_commands(const struct tt_adhoc_asker *asker, TT_UNUSED void *user)
{
  struct tt_core *core = tt_router_config(tt_adhoc_router(asker->adhoc))->core;
  return !asker->thing ||
         (tt_core_sight(core, asker->caller, asker->thing) == TT_SIGHT_FULL && may_command(asker, asker->thing));
}

static const struct tt_adhoc_stage stages[] = {
    [CHOOSE] = {choose_show, choose_take},
    [COMMAND] = {command_show, command_take},
    [FORM] = {form_show, form_take},
    [CONFIRM] = {confirm_show, confirm_take},
};

static const struct tt_adhoc_command rows[] = {
    {.node = "commands",
     .title = TT_TR("Commands of things"),
     .role = TT_ROLE_OPERATOR,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     .is_offered = has_commands,
     .stages = stages,
     .n_stages = TT_COUNT(stages),
     .state_size = sizeof(struct doing),
     .finish = finish},
};

int tt_adhoc_do_add(struct tt_adhoc *adhoc)
{
  return tt_adhoc_add(adhoc, rows, TT_COUNT(rows), NULL);
}
