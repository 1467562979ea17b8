/* SPDX-License-Identifier: Apache-2.0
 *
 * control.c: setting parameters over XMPP: `set` and `getForm` of XEP-0325 and P1451.99, one set of handlers for both
 * vocabularies. By iq with an answer; in X also by message, which is never answered. What clients in the field need is
 * named where it is done.
 */
#include "dialect.h"
#include "form.h"
#include "handlers.h"

#include "model/control.h"
#include "text/text.h"

#include <stdio.h>
#include <utlist.h>

/* Lists of one request: what TT_XML_ELEMENTS_MAX elements can need. */
#define REQUEST_MEMORY_MAX (1024u * 1024)
#define TITLE_MAX          256

/* What a row of the router knows: where it belongs and which words it speaks. */
struct door {
  struct tt_control_handlers *handlers;
  const struct tt_dialect *dialect;
};

struct tt_control_handlers {
  struct tt_router *router;
  struct pending *pending;
  struct door doors[TT_DIALECT_COUNT];
  struct tt_iq_handler rows[2 * TT_DIALECT_COUNT];
  struct tt_message_handler messages[1]; /* of X */
};

/* A request that the core has. */
struct pending {
  struct pending *prev, *next;
  const struct tt_session *session; /* compared only */
  bool is_gone;                     /* whoever asked */
  struct tt_control_handlers *handlers;
  const struct tt_dialect *dialect;
  struct tt_reply *reply;
  size_t room;           /* bytes of the payload that answers */
  char title[TITLE_MAX]; /* of a form */
};

static struct pending *pending_create(struct tt_iq *iq, const struct door *door)
{
  struct pending *pending = calloc(1, sizeof(*pending));
  if (!pending)
    return NULL;
  pending->handlers = door->handlers;
  pending->session = iq->session;
  pending->dialect = door->dialect;
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
  DL_DELETE(pending->handlers->pending, pending);
  tt_reply_free(pending->reply);
  free(pending);
}

/* ---- Answers ------------------------------------------------------------------------------------------------ */

static const char *ns_of(const struct tt_dialect *dialect)
{
  return dialect->ns[TT_SUBJECT_CONTROL];
}

/* slixmpp takes nothing for an answer but this element with this attribute, which no schema knows. */
static void open_response(struct tt_writer *w, const struct tt_router *router, const struct tt_dialect *dialect,
                          enum tt_refusal refusal)
{
  tt_write_open(w, tt_word(dialect, TT_WORD_SET_RESPONSE), ns_of(dialect));
  if (dialect->vocabulary == TT_VOCABULARY_X && tt_router_config(router)->compat_response_code)
    tt_write_attr(w, "responseCode", tt_refusal_code(refusal));
}

static void write_parameter(struct tt_writer *w, const struct tt_dialect *dialect, const char *name)
{
  tt_write_open(w, tt_word(dialect, TT_WORD_PARAMETER), NULL);
  tt_word_attr(w, dialect, TT_WORD_NAME, name);
  tt_write_close(w);
}

static char *text_of(struct tt_writer *w)
{
  return w->failed ? NULL : tt_buf_steal(w->buf);
}

/* The end of the run of what was done on the node of `at`. */
static size_t run_end(const struct tt_set_result *result, size_t at)
{
  size_t end = at + 1;
  while (end < result->n_done && result->done[end].node == result->done[at].node)
    end++;
  return end;
}

static bool is_same_run(const struct tt_set_result *result, size_t n, size_t at, size_t end)
{
  if (end - at != n)
    return false;
  for (size_t i = 0; i < n; i++)
    if (strcmp(result->done[i].name, result->done[at + i].name))
      return false;
  return true;
}

/* As many as have room: false at the end of it. */
static bool write_within(struct tt_writer *w, size_t room, struct tt_writer_mark mark)
{
  bool is_in = !w->failed && tt_write_size(w) <= room;
  if (!is_in)
    tt_write_rewind(w, mark);
  return is_in;
}

/* One list of nodes and one of parameters, each of which was set on each of these. Where different nodes got different
 * parameters that is the first node and those like it, and where they do not have room those that do: less than was
 * done, but nothing that was not. */
static void write_done(struct tt_writer *w, const struct pending *pending, const struct tt_set_result *result)
{
  size_t n = result->n_done ? run_end(result, 0) : 0;
  for (size_t at = 0, end; at < result->n_done; at = end) {
    const struct tt_node *node = result->done[at].node;
    struct tt_writer_mark mark = tt_write_mark(w);
    end = run_end(result, at);
    if (!is_same_run(result, n, at, end))
      continue;
    tt_write_open(w, tt_word(pending->dialect, TT_WORD_NODE), NULL);
    tt_dialect_write_ref(w, pending->dialect, node->key, node->source, node->partition);
    tt_write_close(w);
    if (!write_within(w, pending->room / 2, mark))
      break;
  }
  for (size_t i = 0; i < n; i++) {
    struct tt_writer_mark mark = tt_write_mark(w);
    write_parameter(w, pending->dialect, result->done[i].name);
    if (!write_within(w, pending->room, mark))
      break;
  }
}

/* Empty means "as asked" in X; in N whoever reads it wants to see what was done. */
static char *done_payload(const struct pending *pending, const struct tt_set_result *result)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  open_response(&w, pending->handlers->router, pending->dialect, TT_OK);
  if (!result->is_complete || pending->dialect->vocabulary == TT_VOCABULARY_N)
    write_done(&w, pending, result);
  tt_write_close(&w);
  return text_of(&w);
}

/* With the parameters at fault, as many as have room: their names are the sender's and may be of any length. */
static char *refused_payload(const struct tt_router *router, const struct tt_dialect *dialect,
                             enum tt_refusal refusal, const struct tt_parameter_error *errors, size_t n,
                             size_t room)
{
  if (dialect->vocabulary != TT_VOCABULARY_X || !tt_router_config(router)->compat_response_code)
    return NULL;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  open_response(&w, router, dialect, refusal);
  for (size_t i = 0; i < n; i++) {
    struct tt_writer_mark mark = tt_write_mark(&w);
    write_parameter(&w, dialect, errors[i].name);
    if (!write_within(&w, room, mark))
      break;
  }
  tt_write_close(&w);
  return text_of(&w);
}

/* The schemas say `var`; the reference implementation of P1451.99 looks for `n`. */
static char *parameter_errors(const struct tt_dialect *dialect, const char *language,
                              const struct tt_parameter_error *errors, size_t n, size_t room)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  for (size_t i = 0; i < n; i++) {
    struct tt_writer_mark mark = tt_write_mark(&w);
    tt_write_open(&w, "paramError", ns_of(dialect));
    if (dialect->vocabulary == TT_VOCABULARY_N)
      tt_write_attr(&w, "n", errors[i].name);
    tt_write_attr(&w, "var", errors[i].name);
    tt_write_text(&w, tt_tr(language, errors[i].text)); /* those of parse_set() are English still */
    tt_write_close(&w);
    if (!write_within(&w, room, mark))
      break;
  }
  return buf.len ? tt_buf_steal(&buf) : NULL;
}

static void answer_refusal(const struct pending *pending, enum tt_refusal refusal, const char *text,
                           const struct tt_parameter_error *errors, size_t n)
{
  tt_reply_error_with(
      pending->reply, refusal, text,
      refused_payload(pending->handlers->router, pending->dialect, refusal, errors, n, pending->room / 4),
      parameter_errors(pending->dialect, tt_reply_caller(pending->reply)->language, errors, n, pending->room / 2));
}

static void refuse_with(struct tt_iq *iq, const struct door *door, enum tt_refusal refusal, const char *text,
                        const struct tt_parameter_error *errors, size_t n)
{
  size_t room = tt_dialect_room(iq);
  tt_iq_error(iq, refusal, text, refused_payload(iq->router, door->dialect, refusal, errors, n, room / 4),
              parameter_errors(door->dialect, iq->caller.language, errors, n, room / 2));
}

static void refuse(struct tt_iq *iq, const struct door *door, enum tt_refusal refusal, const char *text)
{
  refuse_with(iq, door, refusal, text, NULL, 0);
}

static char *set_refused_by_router(const struct tt_iq *iq, enum tt_refusal refusal, TT_UNUSED const char *text,
                                   const void *data)
{
  const struct door *door = data;
  return refused_payload(iq->router, door->dialect, refusal, NULL, 0, tt_dialect_room(iq));
}

/* ---- What is to be set --------------------------------------------------------------------------------------- */

struct wrong {
  const char *text; /* NULL: nothing is */
  struct tt_parameter_error parameter;
};

static bool is_color(const char *text)
{
  size_t n = strlen(text);
  return (n == 6 || n == 8) && strspn(text, "0123456789abcdefABCDEF") == n;
}

/* One parameter element. False: it is wrong. */
static bool parse_parameter(const struct tt_dialect *dialect, const struct tt_xml *element,
                            struct tt_assignment *ret, struct wrong *wrong)
{
  *ret = (struct tt_assignment){
      .name = tt_xml_attr(element, tt_word(dialect, TT_WORD_NAME)),
      .type = tt_dialect_parameter_type(dialect, element->name),
      .text = tt_xml_attr(element, tt_word(dialect, TT_WORD_VALUE)),
  };
  if (ret->type == TT_TYPE_NONE)
    wrong->text = TT_TR("The request has an element that is no parameter.");
  else if (!ret->name || !*ret->name)
    wrong->text = TT_TR("A parameter has no name.");
  else if (!ret->text)
    wrong->parameter = (struct tt_parameter_error){ret->name, TT_TR("it has no value")};
  else if (tt_dialect_is_color(dialect, element->name) && !is_color(ret->text))
    wrong->parameter = (struct tt_parameter_error){ret->name, TT_TR("a colour is six or eight hexadecimal digits")};
  if (wrong->parameter.name)
    wrong->text = TT_TR("A value is not valid; nothing was set.");
  return !wrong->text;
}

static int parse_parameters(const struct tt_dialect *dialect, const struct tt_xml *payload, struct tt_arena *arena,
                            struct tt_set_request *request, struct wrong *wrong)
{
  size_t n = 0;
  TT_XML_FOREACH(child, payload)
    n++;
  struct tt_assignment *assignments = tt_arena_alloc(arena, (n + 1) * sizeof(*assignments));
  if (!assignments)
    return -ENOMEM;
  TT_XML_FOREACH(child, payload) {
    if (strcmp(child->ns, payload->ns) || !strcmp(child->name, tt_word(dialect, TT_WORD_NODE)))
      continue;
    if (!parse_parameter(dialect, child, &assignments[request->n_assignments++], wrong))
      return -EINVAL;
  }
  request->assignments = assignments;
  return 0;
}

static int parse_form(const struct tt_xml *form, struct tt_arena *arena, struct tt_set_request *request,
                      struct wrong *wrong)
{
  struct tt_assignment *assignments = NULL;
  const char *name = NULL;
  int r = tt_form_parse(form, arena, &assignments, &request->n_assignments, &name);
  if (r == -EINVAL) {
    wrong->text = TT_TR("The form is not one that was filled in.");
    if (name)
      wrong->parameter = (struct tt_parameter_error){name, TT_TR("it has several values")};
    return r;
  }
  request->assignments = assignments;
  request->is_form = true;
  return r;
}

/* 0, -ENOMEM, or -EINVAL with what is wrong. */
static int parse_set(const struct tt_dialect *dialect, const struct tt_iq *iq, struct tt_arena *arena,
                     struct tt_set_request *request, struct wrong *wrong)
{
  const struct tt_xml *payload = iq->payload, *form = tt_xml_child(payload, "x", TT_NS_FORM);
  int r = tt_dialect_request_refs(dialect, iq, arena, &request->refs, &request->n_refs);
  if (r == -EINVAL)
    wrong->text = TT_TR("A node reference names no node.");
  if (r == 0)
    r = parse_parameters(dialect, payload, arena, request, wrong);
  if (r == 0 && form && request->n_assignments > 0) {
    wrong->text = TT_TR("The request has both a form and parameters.");
    r = -EINVAL;
  }
  if (r == 0 && form)
    r = parse_form(form, arena, request, wrong);
  return r;
}

/* ---- set ----------------------------------------------------------------------------------------------------- */

static void on_result(void *user, const struct tt_set_result *result)
{
  struct pending *pending = user;
  if (pending->is_gone)
    ; /* nobody is there to hear of it; the audit has it */
  else if (result->refusal == TT_OK)
    tt_reply_result(pending->reply, done_payload(pending, result), 0);
  else
    answer_refusal(pending, result->refusal, result->text, result->errors, result->n_errors);
  pending_free(pending);
}

static void on_set(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const struct tt_caller caller = tt_dialect_caller(door->dialect, iq);
  struct tt_set_request request = {.caller = &caller};
  struct wrong wrong = {0};
  struct tt_arena *arena = tt_arena_create(REQUEST_MEMORY_MAX);
  int r = arena ? parse_set(door->dialect, iq, arena, &request, &wrong) : -ENOMEM;
  struct pending *pending = r == 0 ? pending_create(iq, door) : NULL;
  if (pending)
    tt_control_start(tt_router_config(iq->router)->core, &request, on_result, pending);
  else if (r == -EINVAL)
    refuse_with(iq, door, TT_REFUSED_BAD_REQUEST, wrong.text, &wrong.parameter, wrong.parameter.name ? 1 : 0);
  else
    refuse(iq, door, TT_REFUSED_BUSY, NULL);
  tt_arena_destroy(arena);
}

/* ---- getForm ------------------------------------------------------------------------------------------------- */

static void on_parameters(void *user, enum tt_refusal refusal, const char *text,
                          const struct tt_parameter *parameters, size_t n)
{
  struct pending *pending = user;
  struct tt_buf form TT_AUTOBUF = TT_BUF(pending->room);
  if (refusal == TT_OK && !pending->is_gone)
    tt_form_write(&form, pending->title, tt_reply_caller(pending->reply)->language, parameters, n);
  if (pending->is_gone)
    ; /* nobody is there to fill it in */
  else if (refusal != TT_OK)
    tt_reply_error(pending->reply, refusal, text, NULL);
  else if (form.failed)
    tt_reply_error(pending->reply, TT_REFUSED_TOO_LARGE,
                   TT_TR("The form does not fit into one stanza; set the parameters by name."), NULL);
  else
    tt_reply_result(pending->reply, tt_buf_steal(&form), 0);
  pending_free(pending);
}

/* The node's label, or how many there are. Only of what the caller may see; the rest is refused anyway. */
static void make_title(struct tt_iq *iq, const struct tt_ref *refs, size_t n, char out[static TITLE_MAX])
{
  struct tt_core *core = tt_router_config(iq->router)->core;
  const struct tt_node *node = n == 1 ? tt_core_see(core, &iq->caller, &refs[0]) : NULL;
  if (node)
    snprintf(out, TITLE_MAX, "%s", tt_node_label(node, iq->caller.language));
  else
    snprintf(out, TITLE_MAX, tt_tr(iq->caller.language, "%zu nodes"), n);
}

static void on_get_form(struct tt_iq *iq, const void *data)
{
  const struct door *door = data;
  const struct tt_caller caller = tt_dialect_caller(door->dialect, iq);
  struct tt_arena *arena = tt_arena_create(REQUEST_MEMORY_MAX);
  const struct tt_ref *refs = NULL;
  size_t n = 0;
  int r = arena ? tt_dialect_request_refs(door->dialect, iq, arena, &refs, &n) : -ENOMEM;
  struct pending *pending = r == 0 ? pending_create(iq, door) : NULL;
  if (pending) {
    make_title(iq, refs, n, pending->title);
    tt_control_parameters(tt_router_config(iq->router)->core, &caller, refs, n, on_parameters, pending);
  } else if (r == -EINVAL) {
    tt_iq_error(iq, TT_REFUSED_BAD_REQUEST, TT_TR("A node reference names no node."), NULL, NULL);
  } else {
    tt_iq_error(iq, TT_REFUSED_BUSY, NULL, NULL, NULL);
  }
  tt_arena_destroy(arena);
}

/* ---- Life ---------------------------------------------------------------------------------------------------- */

/* The command itself goes on: it was given in time. */
static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_control_handlers *handlers = user;
  struct pending *pending;
  DL_FOREACH(handlers->pending, pending) {
    pending->is_gone |= pending->session == session && tt_router_is_of(tt_reply_caller(pending->reply)->jid, who);
  }
}

int tt_control_handlers_create(struct tt_router *router, struct tt_control_handlers **ret)
{
  struct tt_control_handlers *handlers = calloc(1, sizeof(*handlers));
  if (!handlers)
    return -ENOMEM;
  handlers->router = router;
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++) {
    struct door *door = &handlers->doors[i];
    const char *ns = tt_dialects[i].ns[TT_SUBJECT_CONTROL];
    *door = (struct door){handlers, &tt_dialects[i]};
    handlers->rows[2 * i] = (struct tt_iq_handler){
        .ns = ns, .name = "set", .fn = on_set, .data = door, .refused = set_refused_by_router};
    handlers->rows[2 * i + 1] =
        (struct tt_iq_handler){.ns = ns, .name = "getForm", .fn = on_get_form, .data = door};
    if (tt_dialects[i].vocabulary == TT_VOCABULARY_X)
      handlers->messages[0] = (struct tt_message_handler){.ns = ns, .name = "set", .fn = on_set, .data = door};
  }
  int r = tt_router_add(router, handlers->rows, TT_COUNT(handlers->rows));
  if (r == 0 && tt_router_config(router)->control_by_message)
    r = tt_router_add_messages(router, handlers->messages, TT_COUNT(handlers->messages));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, handlers);
  if (r == 0)
    r = tt_dialect_advertise(router, TT_SUBJECT_CONTROL);
  if (r < 0) {
    free(handlers);
    return r;
  }
  *ret = handlers;
  return 0;
}

void tt_control_handlers_destroy(struct tt_control_handlers *handlers)
{
  if (!handlers)
    return;
  while (handlers->pending)
    pending_free(handlers->pending);
  free(handlers);
}
