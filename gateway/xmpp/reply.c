/* SPDX-License-Identifier: Apache-2.0
 *
 * reply.c: answers to stanzas, at once or later, and how a refusal looks in XMPP.
 */
#include <utlist.h>

#include "router_private.h"
#include "writer.h"

#include "text/text.h"

#define NS_HINTS     "urn:xmpp:hints"
#define ENVELOPE_MAX 5000 /* bytes of a stanza beside the text of a message */

struct tt_reply {
  struct tt_reply *prev, *next; /* in router->replies */
  struct tt_router *router;
  struct tt_session *session; /* NULL once it has ended, or whoever asked has gone */
  struct tt_caller *caller;
  char *id;
  bool is_message; /* asked by message: nobody waits for a result */
};

/* One row per refusal: RFC 6120 section 8.3.3, with the types that the XEPs of this family use in their examples. */
static const struct {
  const char *type, *condition, *text;
} errors[TT_REFUSAL_COUNT] = {
    [TT_OK] = {"cancel", "undefined-condition", ""}, /* an error without a reason is a mistake of ours */
    [TT_REFUSED_NOT_FOUND] = {"cancel", "item-not-found", TT_TR("There is no such thing.")},
    [TT_REFUSED_FORBIDDEN] = {"cancel", "forbidden", TT_TR("You may not do this.")},
    [TT_REFUSED_BAD_REQUEST] = {"modify", "bad-request", TT_TR("The request cannot be understood.")},
    [TT_REFUSED_CONFLICT] = {"wait", "conflict", TT_TR("The same or something that excludes it is going on.")},
    [TT_REFUSED_NOT_SUPPORTED] = {"cancel", "feature-not-implemented", TT_TR("This is not supported.")},
    [TT_REFUSED_TIMEOUT] = {"wait", "remote-server-timeout", TT_TR("The device did not answer in time.")},
    [TT_REFUSED_DEVICE] = {"cancel", "undefined-condition", TT_TR("The device answered with an error.")},
    [TT_REFUSED_BUSY] = {"wait", "resource-constraint", TT_TR("Too many requests; try again later.")},
    /* Not policy-violation, which is about the stanza that was sent: here the answer is what has no room. */
    [TT_REFUSED_TOO_LARGE] = {"modify", "not-acceptable", TT_TR("The answer is too large for one stanza.")},
};

const char *tt_refusal_text(enum tt_refusal refusal)
{
  return errors[refusal].text;
}

/* `language`: in which the text is wanted. It is a sentence for tt_tr(), or was made of such in that language already, perhaps
 * around words of a device; for languages that are not spoken here both are English. */
static char *error_payload(const char *type, const char *condition, const char *text, const char *language,
                           const char *payload, const char *inside)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  if (payload)
    tt_buf_puts(&buf, payload);
  tt_write_open(&w, "error", NULL);
  tt_write_attr(&w, "type", type);
  tt_write_open(&w, condition, TT_NS_STANZAS);
  tt_write_close(&w);
  if (text && *text) {
    tt_write_open(&w, "text", TT_NS_STANZAS);
    tt_write_attr(&w, "xml:lang", tt_tr_speaks(language) ? language : "en");
    tt_write_text(&w, tt_tr(language, text));
    tt_write_close(&w);
  }
  if (inside)
    tt_buf_puts(&buf, inside);
  tt_write_close(&w);
  return w.failed ? NULL : tt_buf_steal(&buf);
}

static void answer(struct tt_session *session, const struct tt_caller *caller, const char *id, const char *type,
                   char *payload, uint64_t group)
{
  tt_session_send(session, &(struct tt_out){
                               .kind = TT_OUT_IQ,
                               .class = TT_OUT_ANSWER,
                               .type = type,
                               .from = caller->local,
                               .to = caller->jid,
                               .id = id,
                               .payload = payload,
                               .group = group,
                               .is_held = group != 0,
                           });
}

static void answer_error(struct tt_session *session, const struct tt_caller *caller, const char *id,
                         enum tt_refusal refusal, const char *text, char *payload, char *inside)
{
  char *error =
      error_payload(errors[refusal].type, errors[refusal].condition, text, caller->language, payload, inside);
  free(payload);
  free(inside);
  if (error)
    answer(session, caller, id, "error", error, 0);
}

/* ---- Within the handler --------------------------------------------------------------------------------- */

static bool is_message(const struct tt_iq *iq)
{
  return !strcmp(iq->stanza->name, "message");
}

void tt_iq_result(struct tt_iq *iq, char *payload)
{
  if (is_message(iq))
    free(payload);
  else
    answer(iq->session, &iq->caller, iq->id, "result", payload, 0);
}

void tt_iq_error(struct tt_iq *iq, enum tt_refusal refusal, const char *text, char *payload, char *inside)
{
  if (is_message(iq)) {
    free(payload);
    free(inside);
  } else {
    answer_error(iq->session, &iq->caller, iq->id, refusal, text, payload, inside);
  }
}

void tt_iq_error_as(struct tt_iq *iq, const char *type, const char *condition, const char *text, const char *inside)
{
  char *error = is_message(iq) ? NULL : error_payload(type, condition, text, iq->caller.language, NULL, inside);
  if (error)
    answer(iq->session, &iq->caller, iq->id, "error", error, 0);
}

void tt_iq_unhandled(struct tt_iq *iq)
{
  tt_iq_error_as(iq, "cancel", "service-unavailable", NULL, NULL);
}

/* ---- Later ---------------------------------------------------------------------------------------------- */

struct tt_reply *tt_reply_create(const struct tt_iq *iq)
{
  struct tt_reply *reply = calloc(1, sizeof(*reply));
  if (!reply)
    return NULL;
  reply->router = iq->router;
  reply->session = iq->session;
  reply->is_message = is_message(iq);
  reply->caller = tt_caller_copy(&iq->caller);
  reply->id = strdup(iq->id);
  if (!reply->caller || !reply->id) {
    free(reply->caller);
    free(reply->id);
    free(reply);
    return NULL;
  }
  DL_APPEND(reply->router->replies, reply);
  return reply;
}

void tt_iq_written(struct tt_iq *iq, struct tt_writer *w)
{
  char *payload = w->failed ? NULL : tt_buf_steal(w->buf);
  if (payload)
    tt_iq_result(iq, payload);
  else
    tt_iq_error(iq, TT_REFUSED_BUSY, TT_TR("Out of memory."), NULL, NULL);
}

void tt_reply_free(struct tt_reply *reply)
{
  if (!reply)
    return;
  DL_DELETE(reply->router->replies, reply);
  free(reply->caller);
  free(reply->id);
  free(reply);
}

void tt_router_drop_replies(struct tt_router *router, const struct tt_session *session)
{
  for (struct tt_reply *reply = router->replies, *next; reply; reply = next) {
    next = reply->next;
    if (!session)
      tt_reply_free(reply);
    else if (reply->session == session)
      reply->session = NULL;
  }
}

void tt_router_drop_replies_to(struct tt_router *router, const struct tt_session *session, const char *jid)
{
  struct tt_reply *reply;
  DL_FOREACH(router->replies, reply) {
    if (reply->session == session && !strcmp(reply->caller->jid, jid))
      reply->session = NULL;
  }
}

const struct tt_caller *tt_reply_caller(const struct tt_reply *reply)
{
  return reply->caller;
}

void tt_reply_result(struct tt_reply *reply, char *payload, uint64_t group)
{
  if (!reply->session || reply->is_message)
    free(payload);
  else
    answer(reply->session, reply->caller, reply->id, "result", payload, group);
}

void tt_reply_error(struct tt_reply *reply, enum tt_refusal refusal, const char *text, char *payload)
{
  tt_reply_error_with(reply, refusal, text, payload, NULL);
}

void tt_reply_error_with(struct tt_reply *reply, enum tt_refusal refusal, const char *text, char *payload,
                         char *inside)
{
  if (!reply->session || reply->is_message) {
    free(payload);
    free(inside);
  } else {
    answer_error(reply->session, reply->caller, reply->id, refusal, text, payload, inside);
  }
}

/* Readings are worth nothing later and nothing to other clients of the same account. */
static char *with_hints(char *payload)
{
  static const char hints[] = "<no-store xmlns='" NS_HINTS "'/><no-copy xmlns='" NS_HINTS "'/>";
  size_t n = strlen(payload);
  char *longer = realloc(payload, n + sizeof(hints));
  if (!longer) {
    free(payload);
    return NULL;
  }
  memcpy(longer + n, hints, sizeof(hints));
  return longer;
}

void tt_reply_message(struct tt_reply *reply, char *payload, enum tt_out_class class, uint64_t group)
{
  if (!reply->session) {
    free(payload);
    return;
  }
  payload = with_hints(payload);
  if (payload)
    tt_session_send(reply->session, &(struct tt_out){
                                        .kind = TT_OUT_MESSAGE,
                                        .class = class,
                                        .from = reply->caller->local,
                                        .to = reply->caller->jid,
                                        .payload = payload,
                                        .group = group,
                                    });
}

/* ---- Text for people ------------------------------------------------------------------------------------- */

char *tt_router_fitting(const struct tt_router *router, const struct tt_session *session, const char *text)
{
  size_t max = router->config.stanza_max, learned = tt_session_stanza_max(session);
  char *cut = strdup(text);
  max = learned < max ? learned : max;
  max = max > ENVELOPE_MAX ? max - ENVELOPE_MAX : 1;
  while (cut) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    tt_xml_escape(&buf, cut);
    char *line = strrchr(cut, '\n');
    if (buf.failed || buf.len <= max || !line)
      break;
    *line = '\0';
  }
  return cut;
}
