/* SPDX-License-Identifier: Apache-2.0
 *
 * router.c: stanza -> handler.
 */
#include "router_private.h"

#include <stdio.h>

/* Refusals for asking too often: enough to tell a peer, too few to fill our queue for it. */
#define REFUSAL_RATE  5
#define REFUSAL_BURST 20

static bool is_stanza(const struct tt_xml *stanza, const char *name)
{
  return !strcmp(stanza->name, name) && (!*stanza->ns || !strcmp(stanza->ns, "jabber:client"));
}

/* ---- The object ----------------------------------------------------------------------------------------- */

int tt_router_create(const struct tt_router_config *config, struct tt_router **ret)
{
  struct tt_router *router = calloc(1, sizeof(*router));
  if (!router)
    return -ENOMEM;
  router->config = *config;
  router->friends = tt_buckets_create(TT_FRIEND_RATE, TT_FRIEND_BURST, TT_BUCKETS_MAX);
  router->strangers = tt_buckets_create(TT_JID_RATE, TT_JID_BURST, TT_BUCKETS_MAX);
  router->domains = tt_buckets_create(TT_DOMAIN_RATE, TT_DOMAIN_BURST, TT_BUCKETS_MAX);
  router->refusals = tt_buckets_create(REFUSAL_RATE, REFUSAL_BURST, TT_BUCKETS_MAX);
  int r = router->friends && router->strangers && router->domains && router->refusals
              ? tt_addresses_create(tt_core_tree(config->core), &router->addresses)
              : -ENOMEM;
  if (r < 0) {
    tt_router_destroy(router);
    return r;
  }
  if (config->access)
    tt_access_listen(config->access, tt_router_decided, router);
  *ret = router;
  return 0;
}

void tt_router_destroy(struct tt_router *router)
{
  if (!router)
    return;
  tt_router_drop_replies(router, NULL);
  tt_router_drop_asking(router);
  tt_router_forget_asked(router);
  while (router->n_claims > 0)
    free(router->claims[--router->n_claims].bare);
  tt_addresses_destroy(router->addresses);
  tt_buckets_destroy(router->friends);
  tt_buckets_destroy(router->strangers);
  tt_buckets_destroy(router->domains);
  tt_buckets_destroy(router->refusals);
  free(router);
}

void tt_router_configure(struct tt_router *router, size_t stanza_max, bool compat_response_code)
{
  router->config.stanza_max = stanza_max;
  router->config.compat_response_code = compat_response_code;
}

const struct tt_router_config *tt_router_config(const struct tt_router *router)
{
  return &router->config;
}

struct tt_router_counts tt_router_counts(const struct tt_router *router)
{
  return router->counts;
}

int tt_router_add(struct tt_router *router, const struct tt_iq_handler *rows, size_t n)
{
  if (router->n_iqs == TT_ROUTER_TABLES_MAX)
    return -ENOSPC;
  router->iqs[router->n_iqs++] = (struct tt_iq_table){rows, n};
  return 0;
}

int tt_router_add_messages(struct tt_router *router, const struct tt_message_handler *rows, size_t n)
{
  if (router->n_messages == TT_ROUTER_TABLES_MAX)
    return -ENOSPC;
  router->messages[router->n_messages++] = (struct tt_message_table){rows, n};
  return 0;
}

static bool has_feature(const struct tt_router *router, const char *feature)
{
  for (size_t i = 0; i < router->n_features; i++)
    if (!strcmp(router->features[i], feature))
      return true;
  return false;
}

int tt_router_add_features(struct tt_router *router, const char *const *features)
{
  for (; *features; features++) {
    if (has_feature(router, *features))
      continue;
    if (router->n_features == TT_ROUTER_FEATURES_MAX)
      return -ENOSPC;
    router->features[router->n_features++] = *features;
  }
  return 0;
}

static const struct tt_claim *find_claim(const struct tt_router *router, const char *bare)
{
  for (size_t i = 0; i < router->n_claims; i++)
    if (!strcmp(router->claims[i].bare, bare))
      return &router->claims[i];
  return NULL;
}

int tt_router_claim(struct tt_router *router, const char *jid, tt_claim_fn fn, void *user)
{
  char bare[TT_JID_MAX + 1];
  if (tt_jid_bare(jid, bare, sizeof(bare)) < 0)
    return -EINVAL;
  if (find_claim(router, bare))
    return -EEXIST;
  if (router->n_claims == TT_ROUTER_CLAIMS_MAX)
    return -ENOSPC;
  char *copy = strdup(bare);
  if (!copy)
    return -ENOMEM;
  router->claims[router->n_claims++] = (struct tt_claim){copy, fn, user};
  return 0;
}

int tt_router_on_gone(struct tt_router *router,
                      void (*fn)(void *user, struct tt_session *session, const char *full), void *user)
{
  if (router->n_listeners == TT_ROUTER_LISTENERS_MAX)
    return -ENOSPC;
  router->listeners[router->n_listeners++] = (struct tt_gone_listener){fn, user};
  return 0;
}

int tt_router_on_online(struct tt_router *router, void (*fn)(void *user, struct tt_session *session), void *user)
{
  if (router->n_online == TT_ROUTER_LISTENERS_MAX)
    return -ENOSPC;
  router->online[router->n_online++] = (struct tt_online_listener){fn, user};
  return 0;
}

void tt_router_shut_out(struct tt_router *router, const char *who)
{
  char accounts[TT_JID_MAX + 2];
  snprintf(accounts, sizeof(accounts), "@%s", who);
  for (size_t i = 0; i < router->n_sessions; i++) {
    tt_router_gone(router, router->sessions[i], who);
    if (!strchr(who, '@'))
      tt_router_gone(router, router->sessions[i], accounts);
  }
}

/* `who` is a full JID, or a bare one that stands for all its resources, or "@" and a domain that stands for all its
 * accounts, or NULL for everybody. */
bool tt_router_is_of(const char *full, const char *who)
{
  if (who && who[0] == '@')
    full += strcspn(full, "@/");
  size_t n = who ? strlen(who) : 0;
  return !who || (strncmp(full, who, n) == 0 && (full[n] == '\0' || (full[n] == '/' && !strchr(who, '/'))));
}

/* ---- Who asks ------------------------------------------------------------------------------------------- */

bool tt_router_knows(struct tt_router *router, const char *bare)
{
  if (router->config.access)
    return tt_access_knows(router->config.access, bare);
  struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = bare, .bare = bare, .local = "", .language = ""};
  return tt_core_role(router->config.core, &caller) != TT_ROLE_NONE;
}

/* An account gets what its server gives it. A component answers for its domain and everything at it. */
static bool is_for_us(const struct tt_session *session, const char *to)
{
  char bare[TT_JID_MAX + 1];
  if (!to || strlen(to) > TT_JID_MAX || tt_jid_bare(to, bare, sizeof(bare)) < 0)
    return false;
  const char *at = strchr(bare, '@');
  return !strcasecmp(at ? at + 1 : bare, tt_session_jid(session));
}

static bool origin_of(const struct tt_session *session, const struct tt_xml *stanza, struct tt_origin *ret)
{
  ret->from = tt_xml_attr(stanza, "from");
  ret->to = tt_xml_attr(stanza, "to");
  ret->is_our_account = false;
  ret->claim = NULL;
  if (tt_session_kind(session) == TT_SESSION_COMPONENT) {
    if (!ret->from || !is_for_us(session, ret->to))
      return false;
  } else {
    char own[TT_JID_MAX + 1];
    ret->to = tt_session_jid(session);
    if (tt_jid_bare(ret->to, own, sizeof(own)) < 0)
      return false;
    if (!ret->from) {
      memcpy(ret->bare, own, sizeof(own));
      ret->from = ret->bare;
      ret->is_our_account = true;
      return true;
    }
    ret->is_our_account = !strcasecmp(ret->from, own);
  }
  return strlen(ret->from) <= TT_JID_MAX && tt_jid_bare(ret->from, ret->bare, sizeof(ret->bare)) == 0;
}

static const char *language_of(const struct tt_xml *stanza, const struct tt_xml *payload)
{
  const char *language = payload ? tt_xml_attr(payload, "xml:lang") : NULL;
  if (!language)
    language = tt_xml_attr(stanza, "xml:lang");
  return language && strlen(language) <= TT_LANGUAGE_MAX ? language : "";
}

static struct tt_iq make_iq(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                            const struct tt_xml *payload, const struct tt_origin *origin)
{
  const char *id = tt_xml_attr(stanza, "id"), *type = tt_xml_attr(stanza, "type");
  return (struct tt_iq){
      .router = router,
      .session = session,
      .stanza = stanza,
      .payload = payload,
      .id = id ? id : "",
      .is_set = type && !strcmp(type, "set"),
      .caller = {.kind = TT_CALLER_XMPP,
                 .jid = origin->from,
                 .bare = origin->bare,
                 .local = origin->to,
                 .language = language_of(stanza, payload)},
  };
}

int tt_router_thing(struct tt_router *router, const struct tt_session *session, const char *address,
                    struct tt_node **ret)
{
  const char *at = strchr(address, '@');
  *ret = NULL;
  if (tt_session_kind(session) != TT_SESSION_COMPONENT || !at || at > address + strcspn(address, "/"))
    return 0;
  char local[TT_ADDRESS_MAX + 1];
  size_t n = (size_t)(at - address);
  if (n > TT_ADDRESS_MAX)
    return -ENOENT;
  memcpy(local, address, n);
  local[n] = '\0';
  if (tt_address_is_gateway(local))
    return 0;
  *ret = tt_addresses_find(router->addresses, local);
  return *ret ? 0 : -ENOENT;
}

/* -ENOENT: it names one that the caller may not know of, or none. */
static int find_thing(struct tt_router *router, const struct tt_session *session, struct tt_iq *iq)
{
  struct tt_node *thing;
  int r = tt_router_thing(router, session, iq->caller.local, &thing);
  if (thing && tt_core_sight(router->config.core, &iq->caller, thing) == TT_SIGHT_NONE)
    return -ENOENT;
  iq->thing = thing;
  return r;
}

/* ---- How often ------------------------------------------------------------------------------------------ */

enum admission { ADMITTED, REFUSED, SILENCED };

/* A JID with a rule has a bucket of its own, which no stranger of its domain can empty. */
static enum admission admit(struct tt_router *router, const struct tt_origin *origin, bool is_friend)
{
  uint64_t now = tt_core_now(router->config.core).mono_us;
  const char *at = strchr(origin->bare, '@'), *domain = at ? at + 1 : origin->bare;
  if (is_friend
          ? tt_buckets_take(router->friends, origin->bare, now)
          : tt_buckets_take(router->strangers, origin->bare, now) && tt_buckets_take(router->domains, domain, now))
    return ADMITTED;
  router->counts.limited++;
  return tt_buckets_take(router->refusals, is_friend ? origin->bare : domain, now) ? REFUSED : SILENCED;
}

/* ---- Requests ------------------------------------------------------------------------------------------- */

static const struct tt_iq_handler *find_iq(const struct tt_router *router, const struct tt_xml *payload,
                                           bool *ret_is_known)
{
  const struct tt_iq_handler *any = NULL;
  *ret_is_known = false;
  for (size_t i = 0; i < router->n_iqs; i++)
    for (size_t k = 0; k < router->iqs[i].n; k++) {
      const struct tt_iq_handler *row = &router->iqs[i].rows[k];
      if (strcmp(row->ns, payload->ns))
        continue;
      *ret_is_known = true;
      if (!row->name)
        any = row;
      else if (!strcmp(row->name, payload->name))
        return row;
    }
  return any;
}

static void refuse(struct tt_iq *iq, const struct tt_iq_handler *row, enum tt_refusal refusal)
{
  const char *text = tt_refusal_text(refusal);
  char *payload = row && row->refused ? row->refused(iq, refusal, text, row->data) : NULL;
  tt_iq_error(iq, refusal, text, payload, NULL);
}

static void on_request(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                       const struct tt_origin *origin)
{
  struct tt_iq iq = make_iq(router, session, stanza, stanza->children, origin);
  if (!*iq.id || strlen(iq.id) > TT_STANZA_ID_MAX) {
    router->counts.dropped++;
    return;
  }
  if (iq.payload && origin->is_our_account && !strcmp(iq.payload->ns, TT_NS_ROSTER)) {
    tt_router_roster(router, session, iq.payload);
    tt_iq_result(&iq, NULL);
    return;
  }

  bool is_friend = !origin->claim && tt_core_role(router->config.core, &iq.caller) != TT_ROLE_NONE,
       is_known = false;
  const struct tt_iq_handler *row = iq.payload ? find_iq(router, iq.payload, &is_known) : NULL;
  switch (admit(router, origin, is_friend)) {
  case ADMITTED:
    break;
  case REFUSED:
    refuse(&iq, row, TT_REFUSED_BUSY);
    return;
  case SILENCED:
    return;
  }

  if (!iq.payload) {
    refuse(&iq, NULL, TT_REFUSED_BAD_REQUEST);
  } else if (is_known && !is_friend && !(row && row->is_for_anyone)) {
    tt_core_refused(router->config.core, &iq.caller, iq.is_set ? TT_ACCESS_CONTROL : TT_ACCESS_READ, "");
    refuse(&iq, row, TT_REFUSED_FORBIDDEN);
  } else if (is_friend && find_thing(router, session, &iq) < 0) {
    refuse(&iq, row, TT_REFUSED_NOT_FOUND);
  } else if (row) {
    row->fn(&iq, row->data);
  } else if (is_known) {
    refuse(&iq, NULL, TT_REFUSED_NOT_SUPPORTED);
  } else {
    tt_iq_unhandled(&iq);
  }
}

/* Results and errors of what we asked. An error is never answered, whatever it is about. */
static void on_answer(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                      const struct tt_origin *origin)
{
  const char *id = tt_xml_attr(stanza, "id"), *type = tt_xml_attr(stanza, "type");
  if (tt_router_answered(router, session, stanza, origin))
    return;
  if (!id || !*router->roster_id || strcmp(id, router->roster_id) || !origin->is_our_account) {
    router->counts.dropped++;
    return;
  }
  *router->roster_id = '\0';
  const struct tt_xml *query = tt_xml_child(stanza, "query", TT_NS_ROSTER);
  if (!strcmp(type, "result") && query)
    tt_router_roster(router, session, query);
}

static void on_iq(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                  const struct tt_origin *origin)
{
  const char *type = tt_xml_attr(stanza, "type");
  if (type && (!strcmp(type, "get") || !strcmp(type, "set")))
    on_request(router, session, stanza, origin);
  else if (type && (!strcmp(type, "result") || !strcmp(type, "error")))
    on_answer(router, session, stanza, origin);
  else
    router->counts.dropped++;
}

/* ---- Messages ------------------------------------------------------------------------------------------- */

/* Copies of what others said or received, and what a server kept for us while we were away: a command is executed
 * in time or not at all. */
bool tt_router_is_second_hand(const struct tt_xml *stanza)
{
  static const char *const namespaces[] = {"urn:xmpp:carbons:2", "urn:xmpp:forward:0", "urn:xmpp:delay",
                                           "urn:xmpp:mam:2", "jabber:x:delay"};
  for (size_t i = 0; i < TT_COUNT(namespaces); i++)
    if (tt_xml_child(stanza, NULL, namespaces[i]))
      return true;
  return false;
}

/* An invitation to a room (XEP-0045, XEP-0249), or a private message through one: who speaks there is not who it is from. */
static bool is_of_a_room(const struct tt_xml *stanza)
{
  return tt_xml_child(stanza, "x", "jabber:x:conference") ||
         tt_xml_child(stanza, "x", "http://jabber.org/protocol/muc#user");
}

static const struct tt_message_handler *find_message(const struct tt_router *router, const struct tt_xml *payload)
{
  for (size_t i = 0; i < router->n_messages; i++)
    for (size_t k = 0; k < router->messages[i].n; k++) {
      const struct tt_message_handler *row = &router->messages[i].rows[k];
      if (!strcmp(row->ns, payload->ns) && !strcmp(row->name, payload->name))
        return row;
    }
  return NULL;
}

/* A bounce: what we sent has not arrived, so whoever it was for is not there. Only slixmpp's complaint about a
 * message that it got but did not expect is something else. */
static void on_bounce(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                      const struct tt_origin *origin)
{
  const struct tt_xml *error = tt_xml_child(stanza, "error", NULL);
  if (!error || !tt_xml_child(error, "undefined-condition", TT_NS_STANZAS))
    tt_router_gone(router, session, origin->from);
}

static void on_message(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza,
                       const struct tt_origin *origin)
{
  const char *type = tt_xml_attr(stanza, "type");
  if (type && !strcmp(type, "error")) {
    on_bounce(router, session, stanza, origin);
    return;
  }
  const struct tt_message_handler *row = NULL;
  const struct tt_xml *payload = stanza->children;
  if ((!type || strcmp(type, "groupchat")) && !tt_router_is_second_hand(stanza) && !is_of_a_room(stanza))
    for (; payload && !row; payload = row ? payload : payload->next)
      row = find_message(router, payload);
  if (!row) {
    router->counts.dropped++;
    return;
  }
  struct tt_iq message = make_iq(router, session, stanza, payload, origin);
  bool is_friend = tt_core_role(router->config.core, &message.caller) != TT_ROLE_NONE;
  if (admit(router, origin, is_friend) != ADMITTED || strlen(message.id) > TT_STANZA_ID_MAX) {
    router->counts.dropped++;
  } else if (!is_friend) {
    router->counts.dropped++;
    tt_core_refused(router->config.core, &message.caller, TT_ACCESS_CONTROL, "");
  } else if (find_thing(router, session, &message) < 0) {
    router->counts.dropped++;
  } else {
    row->fn(&message, row->data);
  }
}

/* ---- Stanzas and sessions ------------------------------------------------------------------------------- */

void tt_router_stanza(struct tt_router *router, struct tt_session *session, const struct tt_xml *stanza)
{
  struct tt_origin origin;
  tt_session_received(session);
  if (!origin_of(session, stanza, &origin) ||
      (router->config.blocks && !origin.is_our_account && tt_blocks_has(router->config.blocks, origin.bare))) {
    router->counts.dropped++;
    return;
  }
  origin.claim = router->n_claims > 0 ? find_claim(router, origin.bare) : NULL;
  if (is_stanza(stanza, "iq")) {
    on_iq(router, session, stanza, &origin);
  } else if (origin.claim && (is_stanza(stanza, "message") || is_stanza(stanza, "presence"))) {
    origin.claim->fn(origin.claim->user, session, stanza);
  } else if (is_stanza(stanza, "message")) {
    on_message(router, session, stanza, &origin);
  } else if (is_stanza(stanza, "presence")) {
    const char *type = tt_xml_attr(stanza, "type");
    bool is_question = type && (!strcmp(type, "subscribe") || !strcmp(type, "probe"));
    tt_router_presence(router, session, stanza, &origin,
                       !is_question || admit(router, &origin, tt_router_knows(router, origin.bare)) == ADMITTED);
  } else {
    router->counts.dropped++;
  }
}

static bool unlist(struct tt_router *router, const struct tt_session *session)
{
  for (size_t i = 0; i < router->n_sessions; i++)
    if (router->sessions[i] == session) {
      router->sessions[i] = router->sessions[--router->n_sessions];
      return true;
    }
  return false;
}

static void end_requests(struct tt_router *router, struct tt_session *session)
{
  tt_router_drop_replies(router, session);
  tt_router_unanswered(router, session);
  tt_router_gone(router, session, NULL);
}

void tt_router_online(struct tt_router *router, struct tt_session *session)
{
  if (unlist(router, session)) /* nothing of an earlier stream is left */
    end_requests(router, session);
  if (router->n_sessions == TT_ROUTER_SESSIONS_MAX)
    return; /* its requests are served all the same; it is only not told about decisions */
  router->sessions[router->n_sessions++] = session;
  tt_router_greet(router, session);
  for (size_t i = 0; i < router->n_online; i++)
    router->online[i].fn(router->online[i].user, session);
}

void tt_router_offline(struct tt_router *router, struct tt_session *session)
{
  unlist(router, session);
  end_requests(router, session);
}
