/* SPDX-License-Identifier: Apache-2.0
 * chat.c: lines and their life, chat.h; what a line is about; how it is said that something is not there. */
#include "chat_private.h"

#include <stdio.h>
#include <utlist.h>

#define REQUEST_MEMORY_MAX (1024u * 1024) /* texts and guesses of one line */

/* ---- Answers ------------------------------------------------------------------------------------------------------ */

static void request_free(struct tt_chat_request *request)
{
  DL_DELETE(request->chat->requests, request);
  for (size_t i = 0; i < request->n_parts; i++)
    tt_buf_finish(&request->parts[i].text);
  free(request->parts);
  tt_buf_finish(&request->out);
  tt_arena_destroy(request->arena);
  free(request->caller);
  free(request);
}

/* No text ends within a line, and none with an empty one. */
static const char *finished_text(struct tt_buf *out)
{
  if (out->failed)
    tt_buf_truncate(out, out->len);
  while (out->len > 0 && out->data[out->len - 1] == '\n')
    tt_buf_truncate(out, out->len - 1);
  return out->len > 0 ? out->data : NULL;
}

void tt_chat_answer(struct tt_chat_request *request, bool has_acted)
{
  const struct tt_chat_answer answer = {
      .text = finished_text(&request->out), .language = request->caller->language, .has_acted = has_acted};
  if (!request->is_forgotten)
    request->fn(request->user, &answer);
  if (request->is_starting)
    request->has_ended = true;
  else
    request_free(request);
}

void tt_chat_printf(struct tt_chat_request *request, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&request->out, format, ap);
  va_end(ap);
}

void tt_chat_answer_text(struct tt_chat_request *request, const char *english)
{
  tt_buf_puts(&request->out, TT_CHAT_TR(request, english));
  tt_chat_answer(request, false);
}

void tt_chat_answer_refusal(struct tt_chat_request *request, enum tt_refusal refusal)
{
  static const char *const texts[TT_REFUSAL_COUNT] = {
      [TT_OK] = "",
      [TT_REFUSED_NOT_FOUND] = TT_TR("There is no such thing."),
      [TT_REFUSED_FORBIDDEN] = TT_TR("You may not do this."),
      [TT_REFUSED_BAD_REQUEST] = TT_TR("The request cannot be understood."),
      [TT_REFUSED_CONFLICT] = TT_TR("The same or something that excludes it is going on."),
      [TT_REFUSED_NOT_SUPPORTED] = TT_TR("This is not supported."),
      [TT_REFUSED_TIMEOUT] = TT_TR("The device did not answer in time."),
      [TT_REFUSED_DEVICE] = TT_TR("The device answered with an error."),
      [TT_REFUSED_BUSY] = TT_TR("Too many requests; try again later."),
      [TT_REFUSED_TOO_LARGE] = TT_TR("That is too much at once; name less."),
  };
  tt_chat_answer_text(request, texts[refusal]);
}

/* ---- What is shown ------------------------------------------------------------------------------------------------ */

const char *tt_chat_shown(struct tt_chat_request *request, const char *text)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_chat_put(&buf, text);
  const char *shown = buf.len > 0 ? tt_arena_strdup(request->arena, buf.data) : NULL;
  return shown ? shown : "?";
}

const char *tt_chat_shown_node(struct tt_chat_request *request, const struct tt_node *node)
{
  return tt_chat_shown(request, tt_node_label(node, request->caller->language));
}

const char *tt_chat_shown_point(struct tt_chat_request *request, const struct tt_point *point)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_human_name(&buf, point, request->caller->language);
  return tt_chat_shown(request, buf.data ? buf.data : point->name);
}

bool tt_chat_sees(struct tt_chat_request *request, const struct tt_node *node)
{
  return node && tt_core_sight(request->chat->core, request->caller, node) != TT_SIGHT_NONE;
}

/* ---- What a line is about ----------------------------------------------------------------------------------------- */

struct tt_node *tt_chat_place(struct tt_chat_request *request)
{
  tt_id place = request->thing ? request->thing : request->session->place;
  struct tt_node *node = place ? tt_chat_node(request, place) : NULL;
  return tt_chat_sees(request, node) ? node : NULL;
}

static void answer_several(struct tt_chat_request *request, const char *text, const struct tt_chat_found *found)
{
  struct tt_chat_list list = {.n_all = found->n_all, .n = found->n};
  memcpy(list.nodes, found->nodes, sizeof(list.nodes));
  tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("*%s* can be one of these:")), tt_chat_shown(request, text));
  tt_buf_putc(&request->out, '\n');
  tt_chat_put_list(request, &list, true);
  tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("Say the number in place of the name.")));
  tt_chat_answer(request, false);
}

bool tt_chat_resolve(struct tt_chat_request *request, const char *text, bool with_fields, bool is_quiet)
{
  struct tt_node *place = tt_chat_place(request);
  struct tt_chat_fields fields = {0};
  struct tt_chat_found found;
  request->node = place ? place->id : 0;
  request->rest = text;
  if (*text == '\0')
    return true;
  if (place && with_fields)
    tt_chat_match_field(place, false, text, &fields);
  if (place && with_fields && fields.n == 0)
    tt_chat_match_field(place, true, text, &fields);
  if (fields.n > 0 && fields.is_exact)
    return true;
  tt_chat_match_node(request->chat->core, request->caller, request->session, place, text, &found);
  if (fields.n > 0 && !found.is_exact)
    return true;
  if (found.n_all == 1) {
    request->node = found.nodes[0];
    request->rest = text + found.rest;
    return true;
  }
  if (is_quiet)
    return false;
  if (found.n_all == 0)
    tt_chat_answer_unknown(request, text);
  else
    answer_several(request, text, &found);
  return false;
}

void tt_chat_answer_unknown(struct tt_chat_request *request, const char *text)
{
  struct tt_chat_guess *guess = tt_chat_guess_create(request->arena);
  tt_chat_guess_add_nodes(guess, request->chat->core, request->caller, TT_CHAT_GUESSES_MAX);
  if (request->command.verb == TT_CHAT_PLAIN)
    for (size_t i = 0; guess && tt_chat_verb_word(i, ""); i++) {
      tt_chat_guess_add(guess, tt_chat_verb_word(i, request->caller->language));
      tt_chat_guess_add(guess, tt_chat_verb_word(i, ""));
    }
  const char *closest = tt_chat_guess_closest(guess, text);
  tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("I do not know *%s*.")), tt_chat_shown(request, text));
  tt_buf_putc(&request->out, ' ');
  if (closest)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("Did you mean *%s*?")), tt_chat_shown(request, closest));
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("`ls` shows what is here, `help` what can be said.")));
  tt_chat_answer(request, false);
}

/* Among the fields that the caller may read: who may not is not told their names. */
static void on_permitted(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_chat_request *request = user;
  struct tt_node *node = tt_chat_node(request, request->node);
  struct tt_chat_guess *guess = tt_chat_guess_create(request->arena);
  for (size_t i = 0; refusal == TT_OK && node && i < node->n_points && n > 0; i++) {
    bool is_permitted = grants[0].is_all;
    for (size_t k = 0; k < grants[0].n_names && !is_permitted; k++)
      is_permitted = !strcmp(grants[0].names[k], node->points[i].name);
    if (is_permitted && tt_node_has_field(node, (uint16_t)i))
      tt_chat_guess_add_point(guess, &node->points[i]);
  }
  const char *closest = tt_chat_guess_closest(guess, request->rest);
  tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("*%s* has no *%s*.")),
                 node ? tt_chat_shown_node(request, node) : "?", tt_chat_shown(request, request->rest));
  tt_buf_putc(&request->out, ' ');
  if (closest)
    tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("Did you mean *%s*?")), tt_chat_shown(request, closest));
  else
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("`?` shows its values, `:=` what can be set.")));
  tt_chat_answer(request, false);
}

void tt_chat_answer_unknown_field(struct tt_chat_request *request, const struct tt_node *node, const char *text)
{
  request->node = node->id;
  request->rest = text;
  const struct tt_access_query query = {
      .caller = request->caller, .op = TT_ACCESS_READ, .nodes = &request->node, .n_nodes = 1};
  tt_core_check(request->chat->core, &query, on_permitted, request);
}

/* ---- Lines that need no verb -------------------------------------------------------------------------------------- */

/* "relay off", "relay=off": does it begin with a parameter? */
static bool names_parameter(struct tt_chat_request *request, const struct tt_node *node)
{
  struct tt_chat_fields parameters;
  const char *name = tt_arena_strndup(request->arena, request->rest, strcspn(request->rest, "="));
  if (!name)
    return false;
  tt_chat_match_field(node, true, name, &parameters);
  return parameters.n > 0 && (strlen(name) == strlen(request->rest) || name[parameters.rest] == '\0');
}

/* "plug", "plug on", "on plug", "on", "plug power", "temperature", "level 50", "plug.relay=on", "3". */
static void do_plain(struct tt_chat_request *request)
{
  const char *text = request->command.target;
  bool is_on;
  size_t first = strcspn(text, " ");
  const char *word = tt_arena_strndup(request->arena, text, first);
  struct tt_chat_fields fields;
  if (word && tt_chat_is_switch(word, &is_on)) {
    tt_chat_do_set(request);
    return;
  }
  if (!tt_chat_resolve(request, text, true, true)) {
    tt_chat_read(request, true); /* a field that things here have; else a node that is not, or several */
    return;
  }
  struct tt_node *node = tt_chat_node(request, request->node);
  if (!node || *request->rest == '\0') {
    tt_chat_do_go(request);
    return;
  }
  tt_chat_match_field(node, false, request->rest, &fields);
  if (fields.n > 0 && (request->rest[fields.rest] == '\0' || node->n_points == 0))
    tt_chat_read(request, false);
  else if (tt_chat_is_switch(request->rest, &is_on) || names_parameter(request, node))
    tt_chat_control(request);
  else if (node->n_points == 0)
    tt_chat_read(request, false); /* "kitchen temperature" */
  else
    tt_chat_answer_unknown_field(request, node, tt_arena_strdup(request->arena, request->rest));
}

static void do_nothing(struct tt_chat_request *request)
{
  tt_chat_answer(request, false);
}

static void (*const verbs[])(struct tt_chat_request *) = {
    [TT_CHAT_NOTHING] = do_nothing,
    [TT_CHAT_GREETING] = tt_chat_do_greeting,
    [TT_CHAT_HELP] = tt_chat_do_help,
    [TT_CHAT_LIST] = tt_chat_do_list,
    [TT_CHAT_GO] = tt_chat_do_go,
    [TT_CHAT_FIND] = tt_chat_do_find,
    [TT_CHAT_GET] = tt_chat_do_get,
    [TT_CHAT_SET] = tt_chat_do_set,
    [TT_CHAT_PARAMETERS] = tt_chat_do_parameters,
    [TT_CHAT_COMMANDS] = tt_chat_do_commands,
    [TT_CHAT_DO] = tt_chat_do_command,
    [TT_CHAT_WATCH] = tt_chat_do_watch,
    [TT_CHAT_UNWATCH] = tt_chat_do_unwatch,
    [TT_CHAT_STATUS] = tt_chat_do_status,
    [TT_CHAT_LOG] = tt_chat_do_log,
    [TT_CHAT_BLOCK] = tt_chat_do_block,
    [TT_CHAT_UNBLOCK] = tt_chat_do_block,
    [TT_CHAT_REPORT] = tt_chat_do_block,
    [TT_CHAT_PLAIN] = do_plain,
};

/* ---- Questions ---------------------------------------------------------------------------------------------------- */

void tt_chat_ask(struct tt_chat_request *request, const struct tt_chat_question *question, const char *words)
{
  struct tt_chat *chat = request->chat;
  if (tt_chat_questions_ask(chat->questions, request->whose, question, tt_core_now(chat->core).mono_us) < 0) {
    tt_buf_truncate(&request->out, request->n_before);
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
    return;
  }
  tt_chat_printf(request, "\n%s\n", tt_chat_shown(request, words));
  tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("`yes` does it; with anything else it is not done.")));
  tt_chat_answer(request, false);
}

/* "*Boiler*: nothing was done." */
static void put_not_done(struct tt_chat_request *request, const struct tt_chat_question *question)
{
  const struct tt_node *node = tt_chat_node(request, question->node);
  tt_chat_printf(request, TT_CHAT_TR(request, TT_TR("*%s*: nothing was done.")),
                 tt_chat_sees(request, node) ? tt_chat_shown_node(request, node) : "?");
}

/* `error` of the parser, else what the line says. */
static void do_line(struct tt_chat_request *request, int error)
{
  if (error == 0)
    verbs[request->command.verb](request);
  else if (error == -EINVAL)
    tt_chat_answer_text(request, TT_TR("One command in a message, please."));
  else if (error == -E2BIG)
    tt_chat_answer_text(request, TT_TR("That is too long for a command."));
  else
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
}

/* A yes to nothing: it may be the name of something. */
static void do_yes(struct tt_chat_request *request)
{
  if (tt_chat_resolve(request, request->command.target, true, true))
    do_plain(request);
  else
    tt_chat_answer_text(request, TT_TR("There is nothing that you could say yes to."));
}

/* What was asked is done or not; then whatever else the line says. */
static void reply(struct tt_chat_request *request, int error)
{
  struct tt_chat *chat = request->chat;
  const char *line = error == 0 && request->command.verb == TT_CHAT_PLAIN ? request->command.target : "";
  struct tt_chat_question *question;
  switch (
      tt_chat_questions_reply(chat->questions, request->whose, line, tt_core_now(chat->core).mono_us, &question)) {
  case TT_CHAT_REPLY_NONE:
    if (tt_chat_says(line, true))
      do_yes(request);
    else
      do_line(request, error);
    break;
  case TT_CHAT_REPLY_YES:
    if (question->is_command)
      tt_chat_command_confirmed(request, question);
    else
      tt_chat_set_confirmed(request, question);
    break;
  case TT_CHAT_REPLY_NO:
    put_not_done(request, question);
    tt_chat_answer(request, false);
    break;
  case TT_CHAT_REPLY_LATE:
    put_not_done(request, question);
    tt_buf_putc(&request->out, ' ');
    tt_buf_puts(&request->out, TT_CHAT_TR(request, TT_TR("Your yes came too late; say again what you want.")));
    tt_chat_answer(request, false);
    break;
  case TT_CHAT_REPLY_OTHER:
    put_not_done(request, question);
    tt_buf_putc(&request->out, '\n');
    request->n_before = request->out.len;
    do_line(request, error);
    break;
  }
  tt_chat_question_free(question);
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

int tt_chat_create(struct tt_core *core, const struct tt_chat_hooks *hooks, struct tt_chat **ret)
{
  struct tt_chat *chat = calloc(1, sizeof(*chat));
  if (!chat)
    return -ENOMEM;
  chat->core = core;
  chat->hooks = hooks ? *hooks : (struct tt_chat_hooks){0};
  chat->sessions = tt_chat_sessions_create();
  chat->questions = tt_chat_questions_create();
  if (!chat->sessions || !chat->questions) {
    tt_chat_destroy(chat);
    return -ENOMEM;
  }
  *ret = chat;
  return 0;
}

void tt_chat_destroy(struct tt_chat *chat)
{
  if (!chat)
    return;
  while (chat->requests)
    request_free(chat->requests);
  tt_chat_sessions_destroy(chat->sessions);
  tt_chat_questions_destroy(chat->questions);
  free(chat);
}

static struct tt_chat_request *find(const struct tt_chat *chat, tt_id line)
{
  struct tt_chat_request *request;
  DL_FOREACH(chat->requests, request) {
    if (request->id == line)
      return request;
  }
  return NULL;
}

static void put_conversation(struct tt_buf *out, const struct tt_chat_line *line)
{
  const char *local = line->caller->local ? line->caller->local : "";
  if (line->conversation)
    tt_buf_puts(out, line->conversation);
  else
    tt_buf_printf(out, "%s %.*s", line->caller->bare, (int)strcspn(local, "/"), local);
}

/* What is remembered, and in which language: that of the line, else that of the last one. */
static struct tt_chat_session *session_of(struct tt_chat *chat, const struct tt_chat_line *line)
{
  struct tt_buf name TT_AUTOBUF = TT_BUF(0);
  put_conversation(&name, line);
  struct tt_chat_session *session =
      name.failed ? NULL : tt_chat_sessions_get(chat->sessions, name.data, tt_core_now(chat->core).mono_us);
  const char *language = line->caller->language;
  if (session && language && *language)
    snprintf(session->language, sizeof(session->language), "%s", language);
  return session;
}

/* Several people may be in one conversation, and several clients of one person. */
static const char *whose(struct tt_arena *arena, const struct tt_chat_line *line)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "%s ", line->caller->jid ? line->caller->jid : line->caller->bare);
  put_conversation(&text, line);
  return text.failed ? NULL : tt_arena_strdup(arena, text.data);
}

static struct tt_chat_request *request_create(struct tt_chat *chat, const struct tt_chat_line *line, tt_chat_fn fn,
                                              void *user)
{
  struct tt_chat_session *session = session_of(chat, line);
  struct tt_chat_request *request = session ? calloc(1, sizeof(*request)) : NULL;
  if (!request)
    return NULL;
  struct tt_caller caller = *line->caller;
  caller.language = session->language;
  *request = (struct tt_chat_request){
      .chat = chat,
      .id = ++chat->last_id,
      .caller = tt_caller_copy(&caller),
      .fn = fn,
      .user = user,
      .is_starting = true,
      .thing = line->thing,
      .arena = tt_arena_create(REQUEST_MEMORY_MAX),
      .out = TT_BUF(TT_CHAT_ANSWER_MAX),
      .session = session,
      .origin = line->origin,
  };
  DL_APPEND(chat->requests, request);
  request->whose = request->arena ? whose(request->arena, line) : NULL;
  if (!request->caller || !request->whose) {
    request_free(request);
    return NULL;
  }
  return request;
}

static bool is_too_much(const struct tt_chat *chat, const struct tt_caller *caller)
{
  const struct tt_chat_request *request;
  size_t n = 0, n_caller = 0;
  DL_FOREACH(chat->requests, request) {
    n++;
    n_caller += !strcmp(request->caller->bare, caller->bare);
  }
  return n >= TT_CHAT_OPEN_MAX || n_caller >= TT_CHAT_OPEN_PER_PERSON;
}

static void begin(struct tt_chat_request *request, const char *text)
{
  int r = tt_chat_parse(text, &request->command);
  if (r == 0 && request->command.verb == TT_CHAT_NOTHING)
    do_nothing(request);
  else
    reply(request, r);
}

tt_id tt_chat_say(struct tt_chat *chat, const struct tt_chat_line *line, tt_chat_fn fn, void *user)
{
  bool is_full = is_too_much(chat, line->caller);
  struct tt_chat_request *request = request_create(chat, line, fn, user);
  if (!request) {
    fn(user, &(struct tt_chat_answer){.language = ""});
    return 0;
  }
  if (is_full)
    tt_chat_answer_refusal(request, TT_REFUSED_BUSY);
  else
    begin(request, line->text);
  request->is_starting = false;
  request->session = NULL;
  request->origin = NULL;
  if (request->has_ended) {
    request_free(request);
    return 0;
  }
  return request->id;
}

void tt_chat_forget(struct tt_chat *chat, tt_id line)
{
  struct tt_chat_request *request = find(chat, line);
  if (!request)
    return;
  request->is_forgotten = true;
  if (request->readout) { /* nothing else will end it */
    tt_readout_cancel(chat->core, request->readout);
    request_free(request);
  }
}

bool tt_chat_is_acting(const struct tt_chat *chat, tt_id line)
{
  const struct tt_chat_request *request = find(chat, line);
  return request && request->is_acting;
}
