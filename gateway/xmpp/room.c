/* SPDX-License-Identifier: Apache-2.0
 * room.c: rooms and their stanzas: what room_state.c decides is sent from here, and what comes is told to it (room.h). */
#include "room_private.h"

#include "ask.h"
#include "writer.h"

#include "service/log.h"
#include "trust/access.h"

#include <inttypes.h>
#include <stdio.h>

#define RESOURCE "thingtree" /* of a component, which has none of its own */

static struct tt_core *core_of(const struct tt_rooms *rooms)
{
  return tt_router_config(rooms->router)->core;
}

static uint64_t now_of(const struct tt_rooms *rooms)
{
  return tt_core_now(core_of(rooms)).mono_us;
}

/* ---- What leaves ------------------------------------------------------------------------------------------ */

/* A component has no address of its own but its domain: there it has to be somebody. */
static const char *from_of(const struct tt_rooms *rooms, char out[static TT_JID_MAX + 1])
{
  if (rooms->options.kind == TT_SESSION_ACCOUNT)
    return NULL;
  snprintf(out, TT_JID_MAX + 1, "%s/" RESOURCE, tt_session_jid(rooms->session));
  return out;
}

static void send(struct tt_room_stay *stay, const struct tt_out *stanza, bool is_to_own)
{
  char from[TT_JID_MAX + 1], to[TT_JID_MAX + 2 + TT_ROOM_RESOURCE_MAX];
  struct tt_out out = *stanza;
  if (!stay->rooms->session) {
    free(out.payload);
    return;
  }
  snprintf(to, sizeof(to), "%s%s%s", stay->bare, is_to_own ? "/" : "", is_to_own ? stay->state.own : "");
  out.from = from_of(stay->rooms, from);
  out.to = to;
  tt_session_send(stay->rooms->session, &out);
}

static void send_join(struct tt_room_stay *stay)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "x", TT_NS_MUC);
  tt_write_open(&w, "history", NULL);
  tt_write_attr(&w, "maxstanzas", "0");
  tt_write_close(&w);
  if (stay->config->password)
    tt_write_element(&w, "password", stay->config->password);
  tt_write_close(&w);
  char *payload = w.failed || buf.failed ? NULL : tt_buf_steal(&buf);
  if (payload)
    send(stay, &(struct tt_out){.kind = TT_OUT_PRESENCE, .payload = payload}, true);
}

static void send_leave(struct tt_room_stay *stay)
{
  send(stay, &(struct tt_out){.kind = TT_OUT_PRESENCE, .type = "unavailable"}, true);
}

void tt_room_say(struct tt_room_stay *stay, const char *text, const char *language, enum tt_out_class class)
{
  struct tt_rooms *rooms = stay->rooms;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  char id[32];
  if (!rooms->session || rooms->is_stopped || stay->state.phase != TT_ROOM_IN)
    return;
  char *body TT_AUTOFREE = tt_router_fitting(rooms->router, rooms->session, text);
  tt_write_init(&w, &buf);
  tt_write_element(&w, "body", body ? body : "");
  snprintf(id, sizeof(id), "room-%" PRIx64, ++rooms->last_id);
  char *payload = !body || w.failed || buf.failed ? NULL : tt_buf_steal(&buf);
  if (payload)
    send(stay,
         &(struct tt_out){.kind = TT_OUT_MESSAGE,
                          .class = class,
                          .type = "groupchat",
                          .id = id,
                          .language = language,
                          .payload = payload},
         false);
}

/* ---- What people are told --------------------------------------------------------------------------------- */

/* Why a room that we are in does not do what it is for; NULL: it does. */
static const char *trouble(const struct tt_room_stay *stay)
{
  if (!stay->state.has_voice)
    return "the gateway may not speak there";
  if (stay->config->has_commands && (stay->features & TT_ROOM_SEMIANONYMOUS) && !stay->state.is_moderator)
    return "the room hides who its occupants are: nobody's commands are answered";
  return NULL;
}

static void warn(struct tt_room_stay *stay)
{
  unsigned anybody = TT_ROOM_PUBLIC | TT_ROOM_OPEN | TT_ROOM_UNSECURED;
  bool is_for_anybody = (stay->features & anybody) == anybody;
  const char *why = trouble(stay);
  if (why && why != stay->told_why)
    tt_log(TT_LOG_WARNING, stay->bare, "%s", why);
  stay->told_why = why;
  if (is_for_anybody && !stay->is_warned)
    tt_log(TT_LOG_WARNING, stay->bare, "the room is public and open: anybody can read what is said there");
  stay->is_warned = is_for_anybody;
}

/* After every step: what is different now? */
static void tell_change(struct tt_room_stay *stay, enum tt_room_phase before)
{
  const struct tt_room_state *state = &stay->state;
  struct tt_rooms *rooms = stay->rooms;
  bool was_in = before == TT_ROOM_IN, is_in = state->phase == TT_ROOM_IN;
  if (was_in != is_in)
    stay->since_us = tt_core_now(core_of(rooms)).wall_us;
  if (is_in && !was_in) {
    stay->told_why = NULL;
    tt_log(TT_LOG_INFO, stay->bare, "in the room as %s", state->own);
    tt_room_follow(stay);
  }
  if (is_in)
    warn(stay);
  if (was_in && !is_in) {
    tt_room_people_clear(stay->people);
    tt_room_forget_lines(stay, NULL);
  }
  if (state->phase == TT_ROOM_OUT && before != TT_ROOM_OUT && rooms->session && state->why != stay->told_why) {
    tt_log(TT_LOG_WARNING, stay->bare, "not in the room: %s", state->why);
    stay->told_why = state->why;
  }
}

/* ---- Steps ------------------------------------------------------------------------------------------------ */

static void take(struct tt_room_stay *stay, enum tt_room_step step, enum tt_room_phase before);

static const char *condition_of(const struct tt_xml *answer)
{
  const char *type = tt_xml_attr(answer, "type"), *condition = tt_answer_condition(answer);
  return !type || strcmp(type, "error") != 0 ? NULL : condition ? condition : "";
}

static unsigned features_of(const struct tt_xml *answer)
{
  static const struct {
    const char *var;
    unsigned feature;
  } rows[] = {{"muc_public", TT_ROOM_PUBLIC},
              {"muc_open", TT_ROOM_OPEN},
              {"muc_unsecured", TT_ROOM_UNSECURED},
              {"muc_semianonymous", TT_ROOM_SEMIANONYMOUS}};
  const struct tt_xml *query = tt_xml_child(answer, "query", "http://jabber.org/protocol/disco#info");
  unsigned features = 0;
  TT_XML_FOREACH(child, query ? query : answer) {
    const char *var = query ? tt_xml_attr(child, "var") : NULL;
    for (size_t i = 0; var && i < TT_COUNT(rows); i++)
      if (!strcmp(child->name, "feature") && !strcmp(var, rows[i].var))
        features |= rows[i].feature;
  }
  return features;
}

/* Else a question without an answer says nothing about the room. */
static bool is_online(const struct tt_rooms *rooms)
{
  return rooms->session && tt_session_is_online(rooms->session);
}

static void on_looked(void *user, const struct tt_xml *answer)
{
  struct tt_room_stay *stay = user;
  enum tt_room_phase before = stay->state.phase;
  if (!answer && !is_online(stay->rooms))
    return;
  const char *condition = answer ? condition_of(answer) : NULL;
  if (answer && !condition)
    stay->features = features_of(answer);
  take(stay, tt_room_looked(&stay->state, answer, condition, now_of(stay->rooms)), before);
}

static void on_pinged(void *user, const struct tt_xml *answer)
{
  struct tt_room_stay *stay = user;
  enum tt_room_phase before = stay->state.phase;
  if (!answer && !is_online(stay->rooms))
    return;
  take(stay, tt_room_pinged(&stay->state, answer, answer ? condition_of(answer) : NULL, now_of(stay->rooms)),
       before);
}

static int ask(struct tt_room_stay *stay, bool is_to_own, const char *payload, tt_ask_fn fn)
{
  char from[TT_JID_MAX + 1], to[TT_JID_MAX + 2 + TT_ROOM_RESOURCE_MAX];
  if (!stay->rooms->session)
    return -ENOTCONN;
  snprintf(to, sizeof(to), "%s%s%s", stay->bare, is_to_own ? "/" : "", is_to_own ? stay->state.own : "");
  const struct tt_question question = {.from = from_of(stay->rooms, from), .to = to, .payload = strdup(payload)};
  return question.payload ? tt_ask(stay->rooms->router, stay->rooms->session, &question, fn, stay) : -ENOMEM;
}

static void ask_again(struct tt_room_stay *stay)
{
  ask(stay, false, "<query xmlns='http://jabber.org/protocol/disco#info'/>", on_looked);
}

static void take(struct tt_room_stay *stay, enum tt_room_step step, enum tt_room_phase before)
{
  tell_change(stay, before);
  switch (step) {
  case TT_ROOM_NOTHING:
    return;
  case TT_ROOM_LOOK:
    if (ask(stay, false, "<query xmlns='http://jabber.org/protocol/disco#info'/>", on_looked) < 0)
      take(stay, tt_room_looked(&stay->state, false, NULL, now_of(stay->rooms)), TT_ROOM_LOOKING);
    return;
  case TT_ROOM_JOIN:
    tt_room_people_clear(stay->people);
    send_join(stay);
    return;
  case TT_ROOM_PING:
    if (ask(stay, true, "<ping xmlns='urn:xmpp:ping'/>", on_pinged) < 0)
      take(stay, tt_room_pinged(&stay->state, false, NULL, now_of(stay->rooms)), TT_ROOM_IN);
    return;
  case TT_ROOM_LEAVE:
    send_leave(stay);
    return;
  }
}

/* ---- What comes ------------------------------------------------------------------------------------------- */

static void note_occupant(struct tt_room_stay *stay, const struct tt_room_presence *presence)
{
  if (presence->is_error)
    return;
  if (presence->is_gone)
    tt_room_forget_lines(stay, presence->nick);
  tt_room_people_set(stay->people, presence->nick, presence->is_gone ? NULL : presence->jid);
}

static void on_presence(struct tt_room_stay *stay, const struct tt_xml *stanza)
{
  struct tt_room_presence presence;
  enum tt_room_phase before = stay->state.phase;
  if (!tt_room_presence_read(stanza, &presence))
    return;
  if (before == TT_ROOM_JOINING || before == TT_ROOM_IN)
    note_occupant(stay, &presence);
  take(stay, tt_room_present(&stay->state, &presence, now_of(stay->rooms)), before);
}

static void on_message(struct tt_room_stay *stay, const struct tt_xml *stanza)
{
  const char *type = tt_xml_attr(stanza, "type");
  if (type && !strcmp(type, "error"))
    tt_room_bounced(&stay->state, now_of(stay->rooms));
  else if (tt_room_is_changed(stanza) && stay->state.phase == TT_ROOM_IN)
    ask_again(stay);
  else
    tt_room_heard_line(stay, stanza);
}

static void on_stanza(void *user, struct tt_session *session, const struct tt_xml *stanza)
{
  struct tt_room_stay *stay = user;
  if (session != stay->rooms->session || stay->rooms->is_stopped)
    return;
  tt_room_heard(&stay->state, now_of(stay->rooms));
  if (!strcmp(stanza->name, "presence"))
    on_presence(stay, stanza);
  else
    on_message(stay, stanza);
}

/* ---- Sessions and time ------------------------------------------------------------------------------------ */

static void on_online(void *user, struct tt_session *session)
{
  struct tt_rooms *rooms = user;
  if (tt_session_kind(session) != rooms->options.kind || rooms->is_stopped)
    return;
  rooms->session = session;
  for (size_t i = 0; i < rooms->options.n; i++) {
    enum tt_room_phase before = rooms->stays[i].state.phase;
    take(&rooms->stays[i], tt_room_online(&rooms->stays[i].state, now_of(rooms)), before);
  }
}

static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_rooms *rooms = user;
  if (who) {
    tt_rooms_forget_person(rooms, who);
    return;
  }
  if (session != rooms->session)
    return;
  rooms->session = NULL;
  for (size_t i = 0; i < rooms->options.n; i++) {
    enum tt_room_phase before = rooms->stays[i].state.phase;
    tt_room_offline(&rooms->stays[i].state);
    tell_change(&rooms->stays[i], before);
  }
}

uint64_t tt_rooms_turn(struct tt_rooms *rooms, uint64_t mono_us)
{
  uint64_t due = TT_NEVER;
  if (!rooms->session || rooms->is_stopped)
    return due;
  for (size_t i = 0; i < rooms->options.n; i++) {
    struct tt_room_stay *stay = &rooms->stays[i];
    enum tt_room_phase before = stay->state.phase;
    take(stay, tt_room_due(&stay->state, mono_us), before);
    due = stay->state.due_us < due ? stay->state.due_us : due;
  }
  return due;
}

static const char *status_text(const struct tt_room_stay *stay)
{
  if (stay->state.phase == TT_ROOM_IN)
    return trouble(stay);
  if (stay->state.phase == TT_ROOM_OUT)
    return stay->state.why;
  return stay->told_why ? stay->told_why : "coming in";
}

void tt_rooms_status(const struct tt_rooms *rooms, const struct tt_status_sink *sink)
{
  for (size_t i = 0; i < rooms->options.n; i++) {
    const struct tt_room_stay *stay = &rooms->stays[i];
    sink->room(sink->user, &(struct tt_status_room){
                               .jid = stay->bare,
                               .nick = stay->state.own,
                               .is_in = stay->state.phase == TT_ROOM_IN,
                               .text = status_text(stay),
                               .since_us = stay->since_us,
                           });
  }
}

/* ---- Life ------------------------------------------------------------------------------------------------- */

static int stay_init(struct tt_room_stay *stay, struct tt_rooms *rooms, const struct tt_room *config)
{
  char bare[TT_JID_MAX + 1];
  stay->rooms = rooms;
  stay->config = config;
  stay->since_us = tt_core_now(core_of(rooms)).wall_us;
  tt_room_state_init(&stay->state, config->nick);
  if (tt_jid_bare(config->jid, bare, sizeof(bare)) < 0)
    return -EINVAL;
  stay->bare = strdup(bare);
  stay->people = tt_room_people_create();
  if (!stay->bare || !stay->people)
    return -ENOMEM;
  return tt_router_claim(rooms->router, bare, on_stanza, stay);
}

int tt_rooms_create(struct tt_router *router, const struct tt_rooms_options *options, struct tt_rooms **ret)
{
  struct tt_rooms *rooms = calloc(1, sizeof(*rooms));
  if (!rooms)
    return -ENOMEM;
  rooms->router = router;
  rooms->options = *options;
  rooms->options.n = 0;
  tt_random(&rooms->last_id, sizeof(rooms->last_id));
  rooms->stays = calloc(options->n + 1, sizeof(*rooms->stays));
  rooms->commands = tt_buckets_create(TT_ROOM_RATE, TT_ROOM_BURST, TT_ROOMS_MAX);
  rooms->strangers = tt_buckets_create(TT_ROOM_RATE, TT_ROOM_BURST, TT_ROOMS_MAX);
  int r = rooms->stays && rooms->commands && rooms->strangers ? tt_chat_create(core_of(rooms), NULL, &rooms->chat)
                                                              : -ENOMEM;
  for (size_t i = 0; r == 0 && i < options->n; i++) {
    rooms->options.n++; /* what is begun is destroyed */
    r = stay_init(&rooms->stays[i], rooms, &options->rooms[i]);
  }
  if (r == 0)
    r = tt_router_on_online(router, on_online, rooms);
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, rooms);
  if (r < 0) {
    tt_rooms_destroy(rooms);
    return r;
  }
  *ret = rooms;
  return 0;
}

void tt_rooms_stop(struct tt_rooms *rooms)
{
  if (!rooms || rooms->is_stopped)
    return;
  for (size_t i = 0; i < rooms->options.n; i++)
    if (rooms->stays[i].state.phase == TT_ROOM_JOINING || rooms->stays[i].state.phase == TT_ROOM_IN)
      send_leave(&rooms->stays[i]);
  rooms->is_stopped = true;
}

void tt_rooms_destroy(struct tt_rooms *rooms)
{
  if (!rooms)
    return;
  for (size_t i = 0; i < rooms->options.n; i++) {
    struct tt_room_stay *stay = &rooms->stays[i];
    tt_room_forget_lines(stay, NULL);
    tt_ask_forget(rooms->router, stay);
    tt_follow_destroy(stay->follow);
    tt_room_people_destroy(stay->people);
    free(stay->bare);
  }
  free(rooms->stays);
  tt_chat_destroy(rooms->chat);
  tt_buckets_destroy(rooms->commands);
  tt_buckets_destroy(rooms->strangers);
  free(rooms);
}
