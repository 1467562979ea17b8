/* SPDX-License-Identifier: Apache-2.0
 *
 * chat.c: chat messages (RFC 6121 section 5) to the language of chat/chat.h and back: receipts (XEP-0184), chat states (0085),
 * corrections (0308), processing hints (0334), styling (0393). Strangers, rooms, copies and what was kept for us while we were away
 * do not come to here: the router drops them.
 */
#include "handlers.h"
#include "watch.h"
#include "writer.h"

#include "chat/chat.h"
#include "chat/parse.h"
#include "text/text.h"
#include "trust/blocking.h"

#include <inttypes.h>
#include <stdio.h>
#include <uthash.h>
#include <utlist.h>

#define NS_RECEIPTS   "urn:xmpp:receipts"
#define NS_STATES     "http://jabber.org/protocol/chatstates"
#define NS_CORRECT    "urn:xmpp:message-correct:0"
#define NS_STYLING    "urn:xmpp:styling:0"
#define NS_HINTS      "urn:xmpp:hints"
#define NS_ENCRYPTION "urn:xmpp:eme:0"
#define NS_OMEMO_OLD  "eu.siacs.conversations.axolotl"
#define NS_OMEMO      "urn:xmpp:omemo:2"
#define NS_OPENPGP    "urn:xmpp:openpgp:0"

#define TALKS_MAX  512 /* conversations of which the last message is known; the least recently used makes room */
#define ID_MAX     255 /* bytes of a message id that is kept for corrections */
#define THREAD_MAX 255 /* longer threads are not kept */

static const char *const features[] = {"urn:xmpp:iot:chat", NS_RECEIPTS, NS_STATES, NS_CORRECT, NS_STYLING, NULL};

/* The last message of a person to one of our addresses. */
struct talk {
  UT_hash_handle hh;
  struct talk *prev, *next;                       /* least recently used first */
  char first_id[ID_MAX + 1], last_id[ID_MAX + 1]; /* of the message, and of its last correction; "": none */
  tt_id line;                                     /* while it is open */
  bool has_acted;
  bool is_told; /* that we cannot decrypt */
  char key[];
};

/* A message that waits for its answer. */
struct pending {
  struct pending *prev, *next;
  struct tt_chat_handlers *handlers;
  struct tt_session *session;
  struct tt_caller *caller;
  char *type, *thread, *talk; /* talk: its key */
  tt_id line;
  bool has_states;
};

struct tt_chat_handlers {
  struct tt_chat_handlers *self; /* what the rows point at */
  struct tt_router *router;
  struct tt_watches *watches;
  struct tt_chat_admin admin;
  struct tt_chat *chat;
  struct pending *pending;
  struct talk *talks, *by_use;
  uint64_t last_id;
  struct tt_message_handler rows[5];
};

/* ---- What leaves -------------------------------------------------------------------------------------------------- */

struct reply_to {
  struct tt_session *session;
  const struct tt_caller *caller;
  const char *type, *thread, *language;
};

static void send_payload(struct tt_chat_handlers *handlers, const struct reply_to *to, struct tt_writer *w)
{
  char id[32];
  char *payload = w->failed || w->buf->failed ? NULL : tt_buf_steal(w->buf);
  snprintf(id, sizeof(id), "chat-%" PRIx64, ++handlers->last_id);
  if (payload)
    tt_session_send(to->session, &(struct tt_out){.kind = TT_OUT_MESSAGE,
                                                  .class = TT_OUT_ANSWER,
                                                  .type = to->type,
                                                  .from = to->caller->local,
                                                  .to = to->caller->jid,
                                                  .id = id,
                                                  .language = to->language,
                                                  .payload = payload});
}

static void put_empty(struct tt_writer *w, const char *name, const char *ns)
{
  tt_write_open(w, name, ns);
  tt_write_close(w);
}

static void send_text(struct tt_chat_handlers *handlers, const struct reply_to *to, const char *text,
                      bool has_states)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  char *body TT_AUTOFREE = tt_router_fitting(handlers->router, to->session, text);
  if (!body)
    return;
  tt_write_init(&w, &buf);
  tt_write_element(&w, "body", body);
  if (to->thread)
    tt_write_element(&w, "thread", to->thread);
  if (has_states)
    put_empty(&w, "active", NS_STATES);
  send_payload(handlers, to, &w);
}

static void send_composing(struct tt_chat_handlers *handlers, const struct reply_to *to)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  put_empty(&w, "composing", NS_STATES);
  if (to->thread)
    tt_write_element(&w, "thread", to->thread);
  put_empty(&w, "no-store", NS_HINTS);
  send_payload(handlers, to, &w);
}

static void send_receipt(struct tt_chat_handlers *handlers, const struct reply_to *to, const char *id)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "received", NS_RECEIPTS);
  tt_write_attr(&w, "id", id);
  tt_write_close(&w);
  put_empty(&w, "store", NS_HINTS);
  send_payload(handlers, to, &w);
}

/* ---- Conversations ------------------------------------------------------------------------------------------------ */

static void talk_drop(struct tt_chat_handlers *handlers, struct talk *talk)
{
  HASH_DEL(handlers->talks, talk);
  DL_DELETE(handlers->by_use, talk);
  free(talk);
}

static struct talk *talk_find(struct tt_chat_handlers *handlers, const char *key)
{
  struct talk *talk;
  HASH_FIND_STR(handlers->talks, key, talk);
  return talk;
}

static struct talk *talk_get(struct tt_chat_handlers *handlers, const struct tt_caller *caller)
{
  struct tt_buf key TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&key, "%s %.*s", caller->bare, (int)strcspn(caller->local, "/"), caller->local);
  struct talk *talk = key.failed ? NULL : talk_find(handlers, key.data);
  if (talk) {
    DL_DELETE(handlers->by_use, talk);
    DL_APPEND(handlers->by_use, talk);
    return talk;
  }
  if (HASH_COUNT(handlers->talks) >= TALKS_MAX)
    talk_drop(handlers, handlers->by_use);
  talk = key.failed ? NULL : calloc(1, sizeof(*talk) + key.len + 1);
  if (!talk)
    return NULL;
  memcpy(talk->key, key.data, key.len + 1);
  HASH_ADD_STR(handlers->talks, key, talk);
  DL_APPEND(handlers->by_use, talk);
  return talk;
}

/* ---- Answers ------------------------------------------------------------------------------------------------------ */

static void pending_free(struct pending *pending)
{
  DL_DELETE(pending->handlers->pending, pending);
  free(pending->caller);
  free(pending->type);
  free(pending->thread);
  free(pending->talk);
  free(pending);
}

static void on_answer(void *user, const struct tt_chat_answer *answer)
{
  struct pending *pending = user;
  struct talk *talk = talk_find(pending->handlers, pending->talk);
  const struct reply_to to = {.session = pending->session,
                              .caller = pending->caller,
                              .type = pending->type,
                              .thread = pending->thread,
                              .language = answer->language};
  if (answer->text)
    send_text(pending->handlers, &to, answer->text, pending->has_states);
  if (talk && talk->line == pending->line) { /* 0 inside tt_chat_say(): then it is the last */
    talk->line = 0;
    talk->has_acted = answer->has_acted;
  }
  if (pending->line) /* else whoever has called tt_chat_say() does it */
    pending_free(pending);
}

/* ---- Watches ------------------------------------------------------------------------------------------------------ */

static void on_watch(void *user, const void *origin, const struct tt_caller *caller, const struct tt_ref *node,
                     const char *const fields[], size_t n_fields, tt_watch_fn fn, void *fn_user)
{
  struct tt_chat_handlers *handlers = user;
  const struct pending *pending = origin;
  struct tt_caller as_asked = *caller;
  const struct tt_watch_address address = {
      .session = pending->session, .caller = &as_asked, .thread = pending->thread};
  tt_watch_start(handlers->watches, &address, node, fields, n_fields, fn, fn_user);
}

static void on_watch_forget(void *user, const void *fn_user)
{
  tt_watch_forget(((struct tt_chat_handlers *)user)->watches, fn_user);
}

static size_t on_watches(void *user, const struct tt_caller *caller, struct tt_chat_watch rows[], size_t room)
{
  struct tt_chat_handlers *handlers = user;
  struct tt_watch_row own[TT_WATCHES_PER_BARE];
  size_t n = tt_watch_list(handlers->watches, caller->bare, own, TT_COUNT(own));
  for (size_t i = 0; i < n && i < room && i < TT_COUNT(own); i++)
    rows[i] = (struct tt_chat_watch){
        .number = own[i].number, .node = own[i].node, .fields = own[i].fields, .n_fields = own[i].n_fields};
  return n;
}

static int on_unwatch(void *user, const struct tt_caller *caller, unsigned number)
{
  return tt_watch_stop(((struct tt_chat_handlers *)user)->watches, caller->bare, number);
}

static bool on_log(void *user, const struct tt_caller *caller, size_t n, struct tt_buf *out)
{
  struct tt_chat_handlers *handlers = user;
  return handlers->admin.log(handlers->admin.user, caller, n, out);
}

static enum tt_refusal on_block(void *user, const struct tt_caller *caller, const struct tt_blocking *blocking,
                                struct tt_buf *out)
{
  struct tt_chat_handlers *handlers = user;
  const struct tt_router_config *config = tt_router_config(handlers->router);
  if (!tt_access_is_admin(config->access, caller->bare))
    return TT_REFUSED_FORBIDDEN;
  if (!blocking) {
    tt_blocking_list(out, config->blocks, caller->language);
    return TT_OK;
  }
  int r = tt_blocking_do(config->blocks, handlers->admin.audit, tt_core_now(config->core), caller, blocking);
  tt_blocking_tell(out, blocking, r, caller->language);
  return r < 0 ? TT_REFUSED_BAD_REQUEST : TT_OK;
}

/* ---- What comes --------------------------------------------------------------------------------------------------- */

static bool is_conversation(const struct tt_xml *stanza)
{
  const char *type = tt_xml_attr(stanza, "type");
  return !type || !strcmp(type, "chat") || !strcmp(type, "normal");
}

static bool is_encrypted(const struct tt_xml *stanza, const char *body)
{
  static const char *const namespaces[] = {NS_ENCRYPTION, NS_OMEMO_OLD, NS_OMEMO, NS_OPENPGP, "jabber:x:encrypted"};
  for (size_t i = 0; i < TT_COUNT(namespaces); i++)
    if (tt_xml_child(stanza, NULL, namespaces[i]))
      return true;
  return !strncmp(body, "?OTR", 4);
}

/* A correction changes what was said, not what was done. NULL: the new text may be taken as a command. */
static const char *correct(struct tt_chat_handlers *handlers, struct talk *talk, const char *corrected)
{
  bool is_last =
      corrected && *corrected && (!strcmp(talk->first_id, corrected) || !strcmp(talk->last_id, corrected));
  if (!is_last)
    return TT_TR("Only your last message can be corrected. Please send it as a new one.");
  if (talk->has_acted || (talk->line && tt_chat_is_acting(handlers->chat, talk->line)))
    return TT_TR("That was done already; nothing was changed now. Please send it as a new message.");
  if (talk->line) {
    struct pending *pending, *next;
    tt_chat_forget(handlers->chat, talk->line);
    DL_FOREACH_SAFE(handlers->pending, pending, next)
    {
      if (pending->line == talk->line)
        pending_free(pending);
    }
    talk->line = 0;
  }
  return NULL;
}

static void remember(struct talk *talk, const char *id, bool is_correction)
{
  const char *kept = strlen(id) <= ID_MAX ? id : "";
  if (!is_correction)
    snprintf(talk->first_id, sizeof(talk->first_id), "%s", kept);
  snprintf(talk->last_id, sizeof(talk->last_id), "%s", kept);
  talk->line = 0;
  talk->has_acted = false;
}

static struct pending *pending_create(struct tt_chat_handlers *handlers, const struct tt_iq *message,
                                      const struct reply_to *to, const struct talk *talk)
{
  struct pending *pending = calloc(1, sizeof(*pending));
  if (!pending)
    return NULL;
  pending->handlers = handlers;
  pending->session = message->session;
  pending->caller = tt_caller_copy(&message->caller);
  pending->type = to->type ? strdup(to->type) : NULL;
  pending->thread = to->thread ? strdup(to->thread) : NULL;
  pending->talk = strdup(talk->key);
  pending->has_states = tt_xml_child(message->stanza, NULL, NS_STATES);
  DL_APPEND(handlers->pending, pending);
  if (!pending->caller || (to->type && !pending->type) || (to->thread && !pending->thread) || !pending->talk) {
    pending_free(pending);
    return NULL;
  }
  return pending;
}

static void say(struct tt_chat_handlers *handlers, const struct tt_iq *message, const struct reply_to *to,
                struct talk *talk, const char *text)
{
  struct pending *pending = pending_create(handlers, message, to, talk);
  if (!pending)
    return;
  const struct tt_chat_line line = {.caller = &message->caller,
                                    .text = text,
                                    .thing = message->thing ? message->thing->id : 0,
                                    .origin = pending};
  tt_id open = tt_chat_say(handlers->chat, &line, on_answer, pending);
  if (open == 0) {
    pending_free(pending);
    return;
  }
  pending->line = talk->line = open;
  if (pending->has_states)
    send_composing(handlers, to);
}

static void on_message(struct tt_iq *message, const void *data)
{
  struct tt_chat_handlers *handlers = *(struct tt_chat_handlers *const *)data;
  const struct tt_xml *stanza = message->stanza, *thread = tt_xml_child(stanza, "thread", NULL);
  const struct tt_xml *replace = tt_xml_child(stanza, "replace", NS_CORRECT);
  const char *body = !strcmp(message->payload->name, "body") ? message->payload->text : "", *wrong = NULL;
  const struct reply_to to = {.session = message->session,
                              .caller = &message->caller,
                              .type = tt_xml_attr(stanza, "type"),
                              .thread = thread && strlen(thread->text) <= THREAD_MAX ? thread->text : NULL,
                              .language = message->caller.language};
  if (!is_conversation(stanza))
    return;
  struct talk *talk = talk_get(handlers, &message->caller);
  if (!talk)
    return;
  if (*message->id && tt_xml_child(stanza, "request", NS_RECEIPTS))
    send_receipt(handlers, &to, message->id);
  if (is_encrypted(stanza, body)) {
    if (!talk->is_told)
      send_text(handlers, &to,
                tt_tr(message->caller.language,
                      TT_TR("I cannot read encrypted messages yet. Please switch encryption off for this chat.")),
                false);
    talk->is_told = true;
    return;
  }
  talk->is_told = false;
  if (replace)
    wrong = correct(handlers, talk, tt_xml_attr(replace, "id"));
  if (wrong) {
    send_text(handlers, &to, tt_tr(message->caller.language, wrong), tt_xml_child(stanza, NULL, NS_STATES));
    return;
  }
  remember(talk, message->id, replace != NULL);
  say(handlers, message, &to, talk, body);
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_chat_handlers *handlers = user;
  struct pending *pending, *next;
  DL_FOREACH_SAFE(handlers->pending, pending, next)
  {
    if (pending->session != session || !tt_router_is_of(pending->caller->jid, who) || !pending->line)
      continue;
    struct talk *talk = talk_find(handlers, pending->talk);
    if (talk && talk->line == pending->line) {
      talk->has_acted |= tt_chat_is_acting(handlers->chat, talk->line);
      talk->line = 0;
    }
    tt_chat_forget(handlers->chat, pending->line);
    pending_free(pending);
  }
}

static void fill_rows(struct tt_chat_handlers *handlers)
{
  static const struct {
    const char *ns, *name;
  } rows[] = {{"jabber:client", "body"},
              {"", "body"},
              {NS_OMEMO_OLD, "encrypted"},
              {NS_OMEMO, "encrypted"},
              {NS_OPENPGP, "openpgp"}};
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    handlers->rows[i] = (struct tt_message_handler){
        .ns = rows[i].ns, .name = rows[i].name, .fn = on_message, .data = &handlers->self};
}

int tt_chat_handlers_create(struct tt_router *router, struct tt_watches *watches, const struct tt_chat_admin *admin,
                            struct tt_chat_handlers **ret)
{
  struct tt_chat_handlers *handlers = calloc(1, sizeof(*handlers));
  if (!handlers)
    return -ENOMEM;
  handlers->self = handlers;
  handlers->router = router;
  handlers->watches = watches;
  handlers->admin = admin ? *admin : (struct tt_chat_admin){0};
  tt_random(&handlers->last_id, sizeof(handlers->last_id)); /* no id of before a restart comes again */
  const struct tt_chat_hooks hooks = {.user = handlers,
                                      .watch = on_watch,
                                      .watch_forget = on_watch_forget,
                                      .watches = on_watches,
                                      .unwatch = on_unwatch,
                                      .log = handlers->admin.log ? on_log : NULL,
                                      .block = tt_router_config(router)->blocks ? on_block : NULL};
  int r = tt_chat_create(tt_router_config(router)->core, &hooks, &handlers->chat);
  fill_rows(handlers);
  if (r == 0)
    r = tt_router_add_messages(router, handlers->rows, TT_COUNT(handlers->rows));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, handlers);
  if (r == 0)
    r = tt_router_add_features(router, features);
  if (r < 0) {
    tt_chat_handlers_destroy(handlers);
    return r;
  }
  *ret = handlers;
  return 0;
}

void tt_chat_handlers_destroy(struct tt_chat_handlers *handlers)
{
  if (!handlers)
    return;
  while (handlers->pending)
    pending_free(handlers->pending);
  while (handlers->by_use)
    talk_drop(handlers, handlers->by_use);
  tt_chat_destroy(handlers->chat);
  free(handlers);
}
