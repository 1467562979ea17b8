/* SPDX-License-Identifier: Apache-2.0
 *
 * presence.c: who may see us, and who has gone. A JID with a rule is let in at once; a stranger is remembered as a
 * request and hears nothing until somebody decides.
 */
#include <stdio.h>

#include "router_private.h"

void tt_router_gone(struct tt_router *router, struct tt_session *session, const char *full)
{
  for (size_t i = 0; i < router->n_listeners; i++)
    router->listeners[i].fn(router->listeners[i].user, session, full);
  if (full)
    tt_router_drop_replies_to(router, session, full);
}

static void send_presence(struct tt_session *session, const char *type, const char *from, const char *to,
                          char *payload)
{
  tt_session_send(session, &(struct tt_out){
                               .kind = TT_OUT_PRESENCE,
                               .class = TT_OUT_ANSWER,
                               .type = type,
                               .from = from,
                               .to = to,
                               .payload = payload,
                           });
}

/* Presence leaves from the bare address that was asked. */
static void bare_local(const struct tt_session *session, const char *to, char out[static TT_JID_MAX + 1])
{
  if (tt_jid_bare(to, out, TT_JID_MAX + 1) < 0)
    snprintf(out, TT_JID_MAX + 1, "%s", tt_session_jid(session));
}

/* Without contacts nobody is remembered, and presence says what we are and no more. */
static void send_available(struct tt_router *router, struct tt_session *session, const struct tt_node *thing,
                           const char *from, const char *to)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_contact_write_about(&w, router, session, thing, true);
  send_presence(session, NULL, from, to, w.failed ? NULL : tt_buf_steal(&buf));
}

/* What a contact is called in contact.h: the gateway at its domain and by its name are two in a roster. */
static const char *key_of(const struct tt_session *session, const struct tt_node *thing, const char *local)
{
  if (thing)
    return thing->key;
  return tt_session_kind(session) == TT_SESSION_COMPONENT && strchr(local, '@') ? TT_GATEWAY_KEY : "";
}

/* ---- Asking back ------------------------------------------------------------------------------------------- */

#define HASH_BASIS UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3) /* FNV-1a */

static uint64_t hash(const char *text)
{
  uint64_t h = HASH_BASIS;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * HASH_PRIME;
  return h;
}

/* An account subscribes back, to be told when they go: what they have subscribed to and watch ends then. Nothing else would say
 * so: a server may keep a message for somebody who is away, or drop it, instead of sending it back, and of presence that we
 * direct at them they answer none. Each time it is a dialog before somebody. */
static void ask_back(struct tt_router *router, struct tt_session *session, const char *bare)
{
  router->asked_back[router->next_asked_back] = hash(bare);
  router->next_asked_back = (router->next_asked_back + 1) % TT_COUNT(router->asked_back);
  send_presence(session, "subscribe", NULL, bare, NULL);
}

static bool was_asked_back(const struct tt_router *router, const char *bare)
{
  uint64_t wanted = hash(bare);
  for (size_t i = 0; i < TT_COUNT(router->asked_back); i++)
    if (router->asked_back[i] == wanted)
      return true;
  return false;
}

/* ---- Letting in -------------------------------------------------------------------------------------------- */

/* Our server tells the subscribers of an account by itself; a component has nobody who would. */
static void let_in(struct tt_router *router, struct tt_session *session, const struct tt_node *thing,
                   const char *local, const char *bare)
{
  send_presence(session, "subscribed", local, bare, NULL);
  if (tt_session_kind(session) == TT_SESSION_ACCOUNT)
    ask_back(router, session, bare);
  else if (router->contacts)
    tt_contacts_add(router->contacts, session, bare, key_of(session, thing, local));
  else
    send_available(router, session, thing, local, bare);
}

/* May this bare JID know of the thing (NULL: of us at all)? */
static bool is_welcome(struct tt_router *router, const char *bare, const struct tt_node *thing)
{
  struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = bare, .bare = bare, .local = "", .language = ""};
  return tt_router_knows(router, bare) &&
         (!thing || tt_core_sight(router->config.core, &caller, thing) != TT_SIGHT_NONE);
}

/* ---- Requests that wait for a decision ------------------------------------------------------------------ */

static void asked_clear(struct tt_asked *asked)
{
  free(asked->bare);
  free(asked->via);
  *asked = (struct tt_asked){0};
}

void tt_router_forget_asked(struct tt_router *router)
{
  for (size_t i = 0; i < TT_COUNT(router->asked); i++)
    asked_clear(&router->asked[i]);
}

static void asked_remember(struct tt_router *router, struct tt_session *session, const char *bare, const char *via)
{
  for (size_t i = 0; i < TT_COUNT(router->asked); i++)
    if (router->asked[i].bare && router->asked[i].session == session && !strcmp(router->asked[i].bare, bare) &&
        !strcmp(router->asked[i].via, via))
      return;
  struct tt_asked *asked = &router->asked[router->next_asked];
  router->next_asked = (router->next_asked + 1) % TT_COUNT(router->asked);
  asked_clear(asked);
  *asked = (struct tt_asked){.bare = strdup(bare), .via = strdup(via), .session = session};
  if (!asked->bare || !asked->via)
    asked_clear(asked);
}

static bool is_online(const struct tt_router *router, const struct tt_session *session)
{
  for (size_t i = 0; i < router->n_sessions; i++)
    if (router->sessions[i] == session)
      return true;
  return false;
}

void tt_router_decided(void *user, const char *who, bool is_accepted)
{
  struct tt_router *router = user;
  /* It may have asked before we started, or never: then an answer does no harm. A domain has no address. */
  bool is_answered = who[0] == '@';
  for (size_t i = 0; i < TT_COUNT(router->asked); i++) {
    struct tt_asked *asked = &router->asked[i];
    if (!asked->bare || !tt_router_is_of(asked->bare, who))
      continue;
    if (is_online(router, asked->session)) {
      is_answered = true;
      /* What was granted may be something else than what this one asked for: then it hears nothing. */
      struct tt_node *thing;
      bool is_there = tt_router_thing(router, asked->session, asked->via, &thing) == 0;
      if (!is_accepted)
        send_presence(asked->session, "unsubscribed", asked->via, asked->bare, NULL);
      else if (is_there && is_welcome(router, asked->bare, thing))
        let_in(router, asked->session, thing, asked->via, asked->bare);
    }
    asked_clear(asked);
  }
  for (size_t i = 0; i < router->n_sessions; i++) {
    struct tt_session *session = router->sessions[i];
    if (!is_answered && is_accepted == tt_router_knows(router, who)) /* not one that another rule still lets in */
      send_presence(session, is_accepted ? "subscribed" : "unsubscribed", NULL, who, NULL);
    if (!is_accepted)
      tt_router_gone(router, session, who);
  }
  tt_contacts_review(router->contacts);
}

/* ---- What comes in -------------------------------------------------------------------------------------- */

/* A thing that is not there is asked in vain, and one that may not be seen in the same way until somebody decides. */
static void on_subscribe(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  char local[TT_JID_MAX + 1];
  struct tt_node *thing;
  bare_local(session, origin->to, local);
  if (tt_router_thing(router, session, local, &thing) < 0)
    return;
  if (is_welcome(router, origin->bare, thing)) {
    let_in(router, session, thing, local, origin->bare);
  } else if (router->config.access) {
    struct tt_now now = tt_core_now(router->config.core);
    asked_remember(router, session, origin->bare, local);
    if (thing)
      tt_access_request_thing(router->config.access, now, origin->bare, local, thing);
    else
      tt_access_request(router->config.access, now, origin->bare, local);
  }
}

/* The server of an account answers probes itself. */
static void on_probe(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  char local[TT_JID_MAX + 1];
  struct tt_node *thing;
  bare_local(session, origin->to, local);
  if (tt_session_kind(session) != TT_SESSION_COMPONENT || tt_router_thing(router, session, local, &thing) < 0 ||
      !is_welcome(router, origin->bare, thing))
    return;
  if (router->contacts)
    tt_contacts_probed(router->contacts, session, origin->from, origin->bare, key_of(session, thing, local));
  else
    send_available(router, session, thing, local, origin->from);
}

static void on_unsubscribed(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  tt_router_gone(router, session, origin->bare);
}

/* Who takes one thing out of the roster may have others there. */
static void on_unsubscribe(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  char local[TT_JID_MAX + 1];
  struct tt_node *thing;
  bare_local(session, origin->to, local);
  int r = tt_router_thing(router, session, local, &thing);
  if (r == 0)
    tt_contacts_remove(router->contacts, origin->bare, key_of(session, thing, local));
  if (r == 0 && !thing)
    tt_router_gone(router, session, origin->bare);
  if (tt_session_kind(session) == TT_SESSION_COMPONENT) /* the server of an account has done it */
    send_presence(session, "unavailable", local, origin->bare, NULL);
}

static void on_unavailable(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  tt_contacts_heard(router->contacts, origin->from, origin->bare, "unavailable");
  tt_router_gone(router, session, origin->from);
}

static void on_error(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin)
{
  tt_contacts_heard(router->contacts, origin->from, origin->bare, "error");
  tt_router_gone(router, session, origin->from);
}

void tt_router_presence(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                        const struct tt_origin *origin, bool is_admitted)
{
  static const struct {
    const char *type;
    void (*fn)(struct tt_router *router, struct tt_session *session, const struct tt_origin *origin);
  } rows[] = {
      {"subscribe", on_subscribe},     {"probe", on_probe},
      {"unsubscribe", on_unsubscribe}, {"unsubscribed", on_unsubscribed},
      {"unavailable", on_unavailable}, {"error", on_error},
  };
  const char *type = tt_xml_attr(stanza, "type");
  if (!type)
    tt_contacts_heard(router->contacts, origin->from, origin->bare, NULL);
  for (size_t i = 0; type && is_admitted && i < TT_COUNT(rows); i++)
    if (!strcmp(rows[i].type, type)) {
      rows[i].fn(router, session, origin);
      return;
    }
  if (!is_admitted)
    router->counts.dropped++;
}

/* ---- Our own account ------------------------------------------------------------------------------------ */

void tt_router_greet(struct tt_router *router, struct tt_session *session)
{
  if (tt_session_kind(session) != TT_SESSION_ACCOUNT)
    return;
  snprintf(router->roster_id, sizeof(router->roster_id), "roster-%llu", (unsigned long long)++router->last_id);
  tt_session_send(session, &(struct tt_out){
                               .kind = TT_OUT_IQ,
                               .type = "get",
                               .id = router->roster_id,
                               .payload = strdup("<query xmlns='" TT_NS_ROSTER "'/>"),
                           });
  send_presence(session, NULL, NULL, NULL, tt_contacts_own(router->contacts, router, session));
}

static bool has(const char *subscription, const char *one)
{
  return !strcmp(subscription, one) || !strcmp(subscription, "both");
}

/* Who sees us without a rule (it was taken away while we were offline) no longer does. Of whom we would not hear when they go
 * (let in by another client, or before we were told), we ask to: once. The roster also changes when they are let in and asked,
 * and when they have said no. */
void tt_router_roster(struct tt_router *router, struct tt_session *session, const struct tt_xml *query)
{
  TT_XML_FOREACH(item, query) {
    const char *jid = tt_xml_attr(item, "jid"), *subscription = tt_xml_attr(item, "subscription");
    char bare[TT_JID_MAX + 1];
    if (!jid || !subscription || strlen(jid) > TT_JID_MAX || tt_jid_bare(jid, bare, sizeof(bare)) < 0)
      continue;
    bool sees_us = has(subscription, "from"), seen = has(subscription, "to");
    if (!sees_us && !seen)
      tt_router_gone(router, session, bare);
    else if (sees_us && !tt_router_knows(router, bare))
      send_presence(session, "unsubscribed", NULL, bare, NULL);
    else if (sees_us && !seen && !tt_xml_attr(item, "ask") && !was_asked_back(router, bare))
      ask_back(router, session, bare);
  }
}
