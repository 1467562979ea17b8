/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_stage.c: what the stages of a command do with the engine: forms, answers, other stages, waiting. A request is
 * answered when its reply is sent here, and only here.
 */
#include "adhoc_private.h"

#include "text/text.h"

#include <utlist.h>

#define NOTE_MAX 2048 /* bytes; a device may have said much */

/* ---- What a stage knows --------------------------------------------------------------------------------------- */

void *tt_adhoc_state(struct tt_adhoc_session *session)
{
  return session->state;
}

void *tt_adhoc_user(const struct tt_adhoc_session *session)
{
  return session->user;
}

struct tt_adhoc *tt_adhoc_of(const struct tt_adhoc_session *session)
{
  return session->adhoc;
}

struct tt_core *tt_adhoc_core(const struct tt_adhoc_session *session)
{
  return tt_router_config(session->adhoc->router)->core;
}

const struct tt_caller *tt_adhoc_caller(const struct tt_adhoc_session *session)
{
  return tt_reply_caller(session->reply);
}

const char *tt_adhoc_language(const struct tt_adhoc_session *session)
{
  return tt_adhoc_caller(session)->language;
}

struct tt_session *tt_adhoc_session(const struct tt_adhoc_session *session)
{
  return session->via;
}

static struct tt_node *visible(const struct tt_adhoc_session *session, tt_id id)
{
  struct tt_core *core = tt_adhoc_core(session);
  struct tt_node *node = id ? tt_tree_get(tt_core_tree(core), id) : NULL;
  return node && tt_core_sight(core, tt_adhoc_caller(session), node) != TT_SIGHT_NONE ? node : NULL;
}

const struct tt_node *tt_adhoc_thing(const struct tt_adhoc_session *session)
{
  return visible(session, session->thing);
}

tt_id tt_adhoc_at(const struct tt_adhoc_session *session)
{
  return session->spot.at;
}

struct tt_node *tt_adhoc_node(const struct tt_adhoc_session *session)
{
  return visible(session, session->spot.at);
}

/* ---- Forms ---------------------------------------------------------------------------------------------------- */

static struct tt_dataform *open_form(struct tt_adhoc_session *session, enum tt_dataform_kind kind,
                                     const char *title, const char *instructions)
{
  tt_buf_finish(&session->buf);
  session->buf = (struct tt_buf)TT_BUF(session->room);
  session->has_form = true;
  tt_dataform_open(&session->form, &session->buf, kind, title, instructions);
  return &session->form;
}

/* A text of the form for each sentence: poezio cuts what is longer than half a line. */
static void write_complaint(struct tt_dataform *form, const char *text)
{
  while (*text) {
    const char *end = strstr(text, ". ");
    size_t n = end ? (size_t)(end - text) + 1 : strlen(text);
    TT_AUTOFREE char *sentence = strndup(text, n);
    tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_FIXED, .value = sentence ? sentence : ""});
    text += n + (end != NULL);
  }
}

struct tt_dataform *tt_adhoc_form(struct tt_adhoc_session *session, const char *title, const char *instructions)
{
  if (!session->complaint)
    return open_form(session, TT_DATAFORM_FORM, title, instructions);
  /* Not every client shows the note of a form that is to be filled in, and poezio no instructions either. */
  TT_AUTOBUF struct tt_buf both = TT_BUF(0);
  tt_buf_puts(&both, session->complaint);
  if (instructions && *instructions)
    tt_buf_printf(&both, "\n%s", instructions);
  struct tt_dataform *form = open_form(session, TT_DATAFORM_FORM, title, both.data ? both.data : "");
  write_complaint(form, session->complaint);
  return form;
}

struct tt_dataform *tt_adhoc_result(struct tt_adhoc_session *session, const char *title)
{
  return open_form(session, TT_DATAFORM_RESULT, title, NULL);
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */

static const char *const note_types[] = {
    [TT_ADHOC_INFO] = "info", [TT_ADHOC_WARN] = "warn", [TT_ADHOC_ERROR] = "error"};

static void open_command(struct tt_writer *w, struct tt_buf *buf, const struct tt_adhoc_session *session,
                         const char *status)
{
  tt_write_init(w, buf);
  tt_write_open(w, "command", TT_NS_COMMANDS);
  tt_write_attr(w, "node", session->command->node);
  tt_write_attr(w, "sessionid", session->id);
  tt_write_attr(w, "status", status);
}

static void write_note(struct tt_writer *w, enum tt_adhoc_note type, const char *note)
{
  if (!note || !*note)
    return;
  TT_AUTOFREE char *text = tt_text_clean(note, strlen(note), NOTE_MAX);
  tt_write_open(w, "note", NULL);
  tt_write_attr(w, "type", note_types[type]);
  tt_write_text(w, text ? text : "");
  tt_write_close(w);
}

static void write_empty(struct tt_writer *w, const char *name)
{
  tt_write_open(w, name, NULL);
  tt_write_close(w);
}

static void write_actions(struct tt_writer *w, unsigned actions, bool has_prev)
{
  tt_write_open(w, "actions", NULL);
  tt_write_attr(w, "execute", actions & TT_ADHOC_NEXT ? "next" : "complete");
  if (has_prev)
    write_empty(w, "prev");
  if (actions & TT_ADHOC_NEXT)
    write_empty(w, "next");
  if (actions & TT_ADHOC_COMPLETE)
    write_empty(w, "complete");
  tt_write_close(w);
}

static void end_request(struct tt_adhoc_session *session)
{
  tt_reply_free(TT_STEAL(session->reply));
  free(TT_STEAL(session->complaint));
  tt_buf_finish(&session->buf);
  session->has_form = false;
}

/* The form goes into what was begun, and all of it out. False: it does not fit. */
static bool send_all(struct tt_adhoc_session *session, struct tt_writer *w)
{
  bool is_whole = !session->has_form || tt_dataform_close(&session->form) == 0;
  if (session->has_form && is_whole)
    tt_write_raw(w, session->buf.data, session->buf.len);
  tt_write_close(w);
  if (!is_whole || w->failed || w->buf->failed)
    return false;
  tt_reply_result(session->reply, tt_buf_steal(w->buf), 0);
  return true;
}

static void too_large(struct tt_adhoc_session *session)
{
  tt_adhoc_refuse(session, TT_REFUSED_TOO_LARGE, NULL);
}

void tt_adhoc_ask(struct tt_adhoc_session *session, unsigned actions)
{
  TT_AUTOBUF struct tt_buf buf = TT_BUF(session->room);
  struct tt_writer w;
  session->actions = actions;
  session->is_asked = true;
  open_command(&w, &buf, session, "executing");
  write_actions(&w, actions, session->n_history > 0);
  write_note(&w, TT_ADHOC_ERROR, session->complaint);
  if (!send_all(session, &w))
    too_large(session);
  else if (session->is_gone)
    tt_adhoc_session_free(session);
  else
    end_request(session);
}

void tt_adhoc_done(struct tt_adhoc_session *session, enum tt_adhoc_note type, const char *note)
{
  TT_AUTOBUF struct tt_buf buf = TT_BUF(session->room);
  struct tt_writer w;
  const char *title = tt_tr(tt_adhoc_language(session), session->command->title);
  if (!session->has_form)
    tt_dataform_line(tt_adhoc_result(session, title), "result", title, note);
  open_command(&w, &buf, session, "completed");
  write_note(&w, type, note);
  if (send_all(session, &w))
    tt_adhoc_session_free(session);
  else
    too_large(session);
}

void tt_adhoc_cancelled(struct tt_adhoc_session *session, struct tt_reply *reply)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  open_command(&w, &buf, session, "canceled");
  tt_write_close(&w);
  if (!w.failed)
    tt_reply_result(reply, tt_buf_steal(&buf), 0);
}

void tt_adhoc_refuse(struct tt_adhoc_session *session, enum tt_refusal refusal, const char *text)
{
  tt_reply_error(session->reply, refusal, text ? text : tt_refusal_text(refusal), NULL);
  tt_adhoc_session_free(session);
}

void tt_adhoc_bad_payload(struct tt_adhoc_session *session, const char *text)
{
  tt_reply_error_with(session->reply, TT_REFUSED_BAD_REQUEST, text, NULL,
                      strdup("<bad-payload xmlns='" TT_NS_COMMANDS "'/>"));
  if (session->is_gone)
    tt_adhoc_session_free(session);
  else
    end_request(session);
}

/* ---- Stages --------------------------------------------------------------------------------------------------- */

void tt_adhoc_show(struct tt_adhoc_session *session)
{
  session->is_asked = false;
  session->command->stages[session->spot.stage].show(session);
}

/* A stage that asked nothing is none to go back to. */
void tt_adhoc_go(struct tt_adhoc_session *session, unsigned stage, tt_id at)
{
  if (session->is_asked && session->n_history == TT_ADHOC_DEPTH_MAX)
    memmove(session->history, session->history + 1, --session->n_history * sizeof(*session->history));
  if (session->is_asked)
    session->history[session->n_history++] = session->spot;
  session->spot = (struct tt_adhoc_spot){stage, at};
  tt_adhoc_show(session);
}

static void complain(struct tt_adhoc_session *session, const char *complaint)
{
  free(session->complaint);
  session->complaint = complaint ? tt_text_clean(complaint, strlen(complaint), NOTE_MAX) : NULL;
}

void tt_adhoc_again(struct tt_adhoc_session *session, const char *complaint)
{
  complain(session, complaint);
  tt_adhoc_show(session);
}

void tt_adhoc_back(struct tt_adhoc_session *session, const char *complaint)
{
  if (session->n_history > 0)
    session->spot = session->history[--session->n_history];
  tt_adhoc_again(session, complaint);
}

/* ---- Later ---------------------------------------------------------------------------------------------------- */

struct tt_adhoc_wait *tt_adhoc_wait(struct tt_adhoc_session *session)
{
  struct tt_adhoc *adhoc = session->adhoc;
  struct tt_adhoc_wait *wait = adhoc->n_waits < TT_ADHOC_WAITS_MAX ? calloc(1, sizeof(*wait)) : NULL;
  if (!wait)
    return NULL;
  wait->adhoc = adhoc;
  wait->session = session;
  DL_APPEND(adhoc->waits, wait);
  adhoc->n_waits++;
  return wait;
}

struct tt_adhoc_session *tt_adhoc_waiting(const struct tt_adhoc_wait *wait)
{
  return wait->session;
}

struct tt_adhoc_session *tt_adhoc_resume(struct tt_adhoc_wait *wait)
{
  struct tt_adhoc_session *session = wait->session;
  DL_DELETE(wait->adhoc->waits, wait);
  wait->adhoc->n_waits--;
  free(wait);
  return session;
}
