/* SPDX-License-Identifier: Apache-2.0
 *
 * node_command.c: commands of nodes: getNodeCommands, getCommandParameters and executeNodeCommand of XEP-0326 section 3.6 and
 * of the concentrator of P1451.99, one set of handlers for both vocabularies. What the core is asked it may answer later, so
 * each keeps a reply.
 */
#include "concentrator.h"
#include "form.h"
#include "handlers.h"

#include "model/execute.h"
#include "text/text.h"

#include <utlist.h>

#define REQUEST_MEMORY_MAX (256u * 1024)
#define INVALID_FORM       TT_TR("The form is not one that was filled in.")

enum request { GET_COMMANDS, GET_PARAMETERS, EXECUTE, REQUESTS };
const char *const tt_node_command_names[REQUESTS + 1] = {
    [GET_COMMANDS] = "getNodeCommands",
    [GET_PARAMETERS] = "getCommandParameters",
    [EXECUTE] = "executeNodeCommand",
};

static const char *const responses_x[REQUESTS] = {
    [GET_COMMANDS] = "getNodeCommandsResponse",
    [GET_PARAMETERS] = "getCommandParametersResponse",
    [EXECUTE] = "executeNodeCommandResponse",
};

/* What a row of the router knows: where it belongs and which words it speaks. */
struct door {
  struct tt_node_command_handlers *handlers;
  const struct tt_dialect *dialect;
  enum request request;
};

struct tt_node_command_handlers {
  struct pending *pending;
  struct door doors[TT_DIALECT_COUNT][REQUESTS];
  struct tt_iq_handler rows[TT_DIALECT_COUNT * REQUESTS];
};

/* A request that the core has. */
struct pending {
  struct pending *prev, *next;
  const struct tt_session *session; /* compared only */
  bool is_gone;                     /* whoever asked */
  const struct door *door;
  struct tt_reply *reply;
  size_t room; /* bytes of the payload that answers */
};

static struct pending *pending_create(struct tt_iq *iq, const struct door *door)
{
  struct pending *pending = calloc(1, sizeof(*pending));
  if (!pending)
    return NULL;
  pending->door = door;
  pending->session = iq->session;
  pending->room = tt_dialect_room(iq);
  pending->reply = tt_reply_create(iq);
  if (!pending->reply) {
    free(pending);
    return NULL;
  }
  DL_APPEND(door->handlers->pending, pending);
  return pending;
}

static void pending_free(struct pending *pending)
{
  DL_DELETE(pending->door->handlers->pending, pending);
  tt_reply_free(pending->reply);
  free(pending);
}

static const char *language_of(const struct pending *pending)
{
  return tt_reply_caller(pending->reply)->language;
}

/* ---- Answers ------------------------------------------------------------------------------------------------ */

static char *refusal_payload(const struct door *door, enum tt_refusal refusal,
                             const struct tt_parameter_error errors[], size_t n, size_t room)
{
  return tt_concentrator_refusal(door->dialect, tt_node_command_names[door->request], refusal, errors, n, room);
}

static char *refused_by_router(const struct tt_iq *iq, enum tt_refusal refusal, TT_UNUSED const char *text,
                               const void *data)
{
  return refusal_payload(data, refusal, NULL, 0, tt_dialect_room(iq));
}

static void refuse(struct tt_iq *iq, const struct door *door, enum tt_refusal refusal, const char *text,
                   const struct tt_parameter_error errors[], size_t n)
{
  tt_iq_error(iq, refusal, text ? text : tt_refusal_text(refusal),
              refusal_payload(door, refusal, errors, n, tt_dialect_room(iq) / 2), NULL);
}

static void answer_refusal(struct pending *pending, enum tt_refusal refusal, const char *text)
{
  tt_reply_error(pending->reply, refusal, text, refusal_payload(pending->door, refusal, NULL, 0, pending->room));
}

static void open_response(struct tt_writer *w, struct tt_buf *buf, const struct door *door, const char *name_n)
{
  bool is_x = door->dialect->vocabulary == TT_VOCABULARY_X;
  tt_write_init(w, buf);
  tt_write_open(w, is_x ? responses_x[door->request] : name_n, door->dialect->ns[TT_SUBJECT_CONCENTRATOR]);
  if (is_x)
    tt_write_attr(w, "result", tt_refusal_code(TT_OK));
}

/* The writer is the last to write into the buffer; what has no room is said. */
static void answer(struct pending *pending, struct tt_buf *buf, bool has_failed, const char *narrower)
{
  if (has_failed || buf->failed)
    answer_refusal(pending, TT_REFUSED_TOO_LARGE, narrower);
  else
    tt_reply_result(pending->reply, tt_buf_steal(buf), 0);
}

/* ---- getNodeCommands ------------------------------------------------------------------------------------------ */

/* Clients sort by category, key and name: the key keeps them in the order of the mapping. */
static void write_command(struct tt_writer *w, const struct tt_command *command, size_t i, const char *language)
{
  tt_write_open(w, "command", NULL);
  tt_write_attr(w, "command", command->name);
  tt_write_attr(w, "name", tt_label_for(&command->label, language, command->name));
  tt_write_attr(w, "type", command->n_arguments > 0 ? "Parameterized" : "Simple");
  tt_write_attr_printf(w, "sortKey", "%03zu", i + 1);
  if (command->confirm.n > 0)
    tt_write_attr(w, "confirmationString", tt_label_for(&command->confirm, language, ""));
  tt_write_close(w);
}

static void on_commands(void *user, enum tt_refusal refusal, const char *text, TT_UNUSED const struct tt_node *node,
                        const struct tt_command *const commands[], size_t n)
{
  struct pending *pending = user;
  TT_AUTOBUF struct tt_buf buf = TT_BUF(pending->room);
  struct tt_writer w;
  if (pending->is_gone) {
    ; /* nobody is there to choose */
  } else if (refusal != TT_OK) {
    answer_refusal(pending, refusal, text);
  } else {
    open_response(&w, &buf, pending->door, "commands");
    for (size_t i = 0; i < n; i++)
      write_command(&w, commands[i], i, language_of(pending));
    tt_write_close(&w);
    answer(pending, &buf, w.failed, TT_TR("The commands do not fit into one stanza; give them by name."));
  }
  pending_free(pending);
}

/* ---- getCommandParameters ------------------------------------------------------------------------------------- */

static void write_form(struct tt_buf *out, const struct tt_command *command, const struct tt_parameter arguments[],
                       size_t n, const char *language, const struct tt_parameter_error errors[], size_t n_errors)
{
  tt_form_write_arguments(out, &(struct tt_argument_form){
                                   .title = tt_label_for(&command->label, language, command->name),
                                   .instructions = tt_label_for(&command->confirm, language, NULL),
                                   .language = language,
                                   .arguments = arguments,
                                   .n_arguments = n,
                                   .errors = errors,
                                   .n_errors = n_errors,
                               });
}

/* In X within the response, in N by itself. */
static void on_arguments(void *user, enum tt_refusal refusal, const char *text,
                         TT_UNUSED const struct tt_node *node, const struct tt_command *command,
                         const struct tt_parameter arguments[], size_t n)
{
  struct pending *pending = user;
  TT_AUTOBUF struct tt_buf buf = TT_BUF(pending->room), form = TT_BUF(pending->room);
  struct tt_writer w = {0};
  if (pending->is_gone) {
    ; /* nobody is there to fill it in */
  } else if (refusal != TT_OK) {
    answer_refusal(pending, refusal, text);
  } else {
    write_form(&form, command, arguments, n, language_of(pending), NULL, 0);
    bool is_x = pending->door->dialect->vocabulary == TT_VOCABULARY_X;
    if (is_x) {
      open_response(&w, &buf, pending->door, "");
      if (!form.failed)
        tt_write_raw(&w, form.data, form.len);
      tt_write_close(&w);
    }
    answer(pending, is_x ? &buf : &form, w.failed || form.failed,
           TT_TR("The form does not fit into one stanza; give the arguments by name."));
  }
  pending_free(pending);
}

/* ---- executeNodeCommand ---------------------------------------------------------------------------------------- */

/* N shows the form again, with what is wrong in its fields. */
static char *form_again(const struct pending *pending, const struct tt_execute_result *result)
{
  struct tt_parameter arguments[TT_ARGUMENTS_MAX];
  const struct tt_command *command = result->command;
  if (!command || pending->door->dialect->vocabulary == TT_VOCABULARY_X)
    return NULL;
  TT_AUTOBUF struct tt_buf form = TT_BUF(pending->room / 2);
  for (size_t i = 0; i < command->n_arguments; i++)
    arguments[i] =
        (struct tt_parameter){&command->arguments[i], tt_argument_preset(result->node, &command->arguments[i])};
  write_form(&form, command, arguments, command->n_arguments, language_of(pending), result->errors,
             result->n_errors);
  return form.failed ? NULL : tt_buf_steal(&form);
}

static void on_result(void *user, const struct tt_execute_result *result)
{
  struct pending *pending = user;
  const struct door *door = pending->door;
  TT_AUTOBUF struct tt_buf buf = TT_BUF(0);
  struct tt_writer w = {0};
  if (pending->is_gone) {
    ; /* nobody is there to hear of it; the audit has it */
  } else if (result->refusal != TT_OK) {
    tt_reply_error_with(pending->reply, result->refusal, result->text,
                        refusal_payload(door, result->refusal, result->errors, result->n_errors, pending->room / 2),
                        form_again(pending, result));
  } else if (door->dialect->vocabulary == TT_VOCABULARY_X) {
    open_response(&w, &buf, door, "");
    tt_write_close(&w);
    answer(pending, &buf, w.failed, NULL);
  } else {
    tt_reply_result(pending->reply, NULL, 0);
  }
  pending_free(pending);
}

/* 0; -EINVAL: it was refused; -ENOMEM. */
static int parse_form(struct tt_iq *iq, const struct door *door, struct tt_arena *arena,
                      struct tt_execute_request *request)
{
  const struct tt_xml *form = tt_xml_child(iq->payload, "x", TT_NS_FORM);
  struct tt_assignment *arguments = NULL;
  const char *wrong = NULL;
  if (!form)
    return 0;
  int r = tt_form_parse(form, arena, &arguments, &request->n_arguments, &wrong);
  if (r == -EINVAL)
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, INVALID_FORM,
           &(struct tt_parameter_error){wrong, tt_tr(iq->caller.language, "it has several values")}, wrong ? 1 : 0);
  request->arguments = arguments;
  return r;
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* The node that is named, else the one whose own address was asked. */
static bool find_ref(const struct tt_iq *iq, const struct door *door, struct tt_ref *ret)
{
  if (tt_dialect_ref(door->dialect, iq->payload, ret) == 0)
    return true;
  if (iq->thing)
    *ret = (struct tt_ref){iq->thing->key, iq->thing->source, iq->thing->partition};
  return iq->thing != NULL;
}

static void ask_core(struct pending *pending, const struct tt_execute_request *request, struct tt_core *core)
{
  switch (pending->door->request) {
  case GET_COMMANDS:
    tt_commands_list(core, request->caller, &request->ref, on_commands, pending);
    break;
  case GET_PARAMETERS:
    tt_command_arguments(core, request->caller, &request->ref, request->command, on_arguments, pending);
    break;
  case EXECUTE:
    tt_command_execute(core, request, on_result, pending);
    break;
  case REQUESTS:
    break;
  }
}

static void on_request(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const struct tt_caller caller = tt_dialect_caller(door->dialect, iq);
  struct tt_execute_request request = {.caller = &caller, .command = tt_xml_attr(iq->payload, "command")};
  if (!find_ref(iq, door, &request.ref)) {
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, TT_TR("No node is named."), NULL, 0);
    return;
  }
  if (door->request != GET_COMMANDS && !(request.command && *request.command)) {
    refuse(iq, door, TT_REFUSED_BAD_REQUEST, TT_TR("No command is named."), NULL, 0);
    return;
  }
  struct tt_arena *arena = tt_arena_create(REQUEST_MEMORY_MAX);
  int r = arena ? 0 : -ENOMEM;
  if (r == 0 && door->request == EXECUTE)
    r = parse_form(iq, door, arena, &request);
  struct pending *pending = r == 0 ? pending_create(iq, door) : NULL;
  if (pending)
    ask_core(pending, &request, tt_router_config(iq->router)->core);
  else if (r != -EINVAL)
    refuse(iq, door, TT_REFUSED_BUSY, NULL, NULL, 0);
  tt_arena_destroy(arena);
}

/* ---- Life ---------------------------------------------------------------------------------------------------- */

/* The command itself goes on: it was given in time. */
static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_node_command_handlers *handlers = user;
  struct pending *pending;
  DL_FOREACH(handlers->pending, pending) {
    pending->is_gone |= pending->session == session && tt_router_is_of(tt_reply_caller(pending->reply)->jid, who);
  }
}

int tt_node_command_handlers_create(struct tt_router *router, struct tt_node_command_handlers **ret)
{
  struct tt_node_command_handlers *handlers = calloc(1, sizeof(*handlers));
  if (!handlers)
    return -ENOMEM;
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++)
    for (size_t k = 0; k < REQUESTS; k++) {
      struct door *door = &handlers->doors[i][k];
      *door = (struct door){handlers, &tt_dialects[i], (enum request)k};
      handlers->rows[i * REQUESTS + k] = (struct tt_iq_handler){.ns = tt_dialects[i].ns[TT_SUBJECT_CONCENTRATOR],
                                                                .name = tt_node_command_names[k],
                                                                .fn = on_request,
                                                                .data = door,
                                                                .refused = refused_by_router};
    }
  int r = tt_router_add(router, handlers->rows, TT_COUNT(handlers->rows));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, handlers);
  if (r < 0) {
    free(handlers);
    return r;
  }
  *ret = handlers;
  return 0;
}

void tt_node_command_handlers_destroy(struct tt_node_command_handlers *handlers)
{
  if (!handlers)
    return;
  while (handlers->pending)
    pending_free(handlers->pending);
  free(handlers);
}
