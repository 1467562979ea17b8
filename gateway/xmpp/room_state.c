/* SPDX-License-Identifier: Apache-2.0
 * room_state.c: what stanzas of a room say, and the life of an occupant, as tables (room_state.h). */
#include "room_state.h"

#include "router.h"

#include <stdio.h>
#include <strings.h>

/* ---- Presence --------------------------------------------------------------------------------------------- */

const char *tt_room_nick(const struct tt_xml *stanza)
{
  const char *from = tt_xml_attr(stanza, "from"), *slash = from ? strchr(from, '/') : NULL;
  return slash && slash[1] && strlen(slash + 1) <= TT_ROOM_RESOURCE_MAX ? slash + 1 : NULL;
}

static unsigned status_of(const struct tt_xml *status)
{
  static const struct {
    const char *code;
    unsigned status;
  } rows[] = {{"110", TT_ROOM_SELF},         {"201", TT_ROOM_CREATED},  {"301", TT_ROOM_BANNED},
              {"303", TT_ROOM_RENAMED},      {"307", TT_ROOM_KICKED},   {"321", TT_ROOM_UNAFFILIATED},
              {"322", TT_ROOM_MEMBERS_ONLY}, {"332", TT_ROOM_SHUT_DOWN}};
  const char *code = tt_xml_attr(status, "code");
  for (size_t i = 0; code && i < TT_COUNT(rows); i++)
    if (!strcmp(code, rows[i].code))
      return rows[i].status;
  return 0;
}

static void read_item(const struct tt_xml *item, struct tt_room_presence *presence)
{
  const char *role = tt_xml_attr(item, "role"), *jid = tt_xml_attr(item, "jid"), *nick = tt_xml_attr(item, "nick");
  presence->jid = jid && *jid && strlen(jid) <= TT_JID_MAX ? jid : NULL;
  presence->new_nick = nick && *nick && strlen(nick) <= TT_ROOM_RESOURCE_MAX ? nick : NULL;
  presence->is_moderator = role && !strcmp(role, "moderator");
  presence->has_voice = presence->is_moderator || (role && !strcmp(role, "participant"));
}

static const char *condition_of(const struct tt_xml *stanza)
{
  const struct tt_xml *error = tt_xml_child(stanza, "error", NULL);
  TT_XML_FOREACH(child, error ? error : stanza) {
    if (error && !strcmp(child->ns, "urn:ietf:params:xml:ns:xmpp-stanzas") && strcmp(child->name, "text") != 0)
      return child->name;
  }
  return "";
}

bool tt_room_presence_read(const struct tt_xml *stanza, struct tt_room_presence *ret)
{
  const char *type = tt_xml_attr(stanza, "type");
  const struct tt_xml *x = tt_xml_child(stanza, "x", TT_NS_MUC_USER), *item = NULL;
  bool is_ambiguous = false;
  struct tt_room_presence presence = {.nick = tt_room_nick(stanza), .condition = ""};
  presence.is_gone = type && !strcmp(type, "unavailable");
  presence.is_error = type && !strcmp(type, "error");
  if (type && !presence.is_gone && !presence.is_error)
    return false;
  if (!presence.nick && !presence.is_error)
    return false;
  if (presence.is_error)
    presence.condition = condition_of(stanza);
  if (x) {
    TT_XML_FOREACH(child, x) {
      if (!strcmp(child->name, "status"))
        presence.statuses |= status_of(child);
      else if (!strcmp(child->name, "destroy"))
        presence.is_destroyed = true;
      else if (!strcmp(child->name, "item") && !item)
        item = child;
    }
  }
  if (item)
    read_item(item, &presence);
  /* One of them is the occupant's own opinion of who they are: a service should have taken it out. */
  TT_XML_FOREACH(child, stanza) {
    is_ambiguous |= x && child != x && !strcmp(child->name, "x") && !strcmp(child->ns, TT_NS_MUC_USER);
  }
  if (is_ambiguous)
    presence.jid = NULL;
  *ret = presence;
  return true;
}

/* ---- Messages --------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* "nick: text", "nick, text", "@nick text". NULL: it is not said to that one. */
static const char *after_address(const char *text, const char *own)
{
  size_t n = strlen(own);
  while (is_blank(*text))
    text++;
  bool has_at = *text == '@';
  text += has_at;
  if (strncasecmp(text, own, n) != 0)
    return NULL;
  text += n;
  if (*text == ':' || *text == ',')
    text++;
  else if (!has_at || (*text && !is_blank(*text)))
    return NULL;
  while (is_blank(*text))
    text++;
  return text;
}

bool tt_room_line_read(const struct tt_xml *stanza, const char *own, struct tt_room_line *ret)
{
  static const struct {
    const char *name, *ns;
  } others[] = {{"subject", NULL},          {"replace", "urn:xmpp:message-correct:0"},
                {NULL, "urn:xmpp:eme:0"},   {NULL, "eu.siacs.conversations.axolotl"},
                {NULL, "urn:xmpp:omemo:2"}, {NULL, "urn:xmpp:openpgp:0"}};
  const char *type = tt_xml_attr(stanza, "type"), *nick = tt_room_nick(stanza);
  const struct tt_xml *body = tt_xml_child(stanza, "body", NULL);
  if (!type || strcmp(type, "groupchat") != 0 || !nick || !body || !strcmp(nick, own) ||
      tt_router_is_second_hand(stanza))
    return false;
  for (size_t i = 0; i < TT_COUNT(others); i++)
    if (tt_xml_child(stanza, others[i].name, others[i].ns))
      return false;
  const char *text = after_address(body->text, own);
  if (!text || !*text)
    return false;
  *ret = (struct tt_room_line){.nick = nick, .text = text};
  return true;
}

bool tt_room_is_changed(const struct tt_xml *stanza)
{
  static const char *const codes[] = {"104", "172", "173", "174"};
  const struct tt_xml *x = tt_room_nick(stanza) ? NULL : tt_xml_child(stanza, "x", TT_NS_MUC_USER);
  TT_XML_FOREACH(child, x ? x : stanza) {
    const char *code = x ? tt_xml_attr(child, "code") : NULL;
    for (size_t i = 0; code && i < TT_COUNT(codes); i++)
      if (!strcmp(code, codes[i]))
        return true;
  }
  return false;
}

/* ---- Out -------------------------------------------------------------------------------------------------- */

static uint64_t back_off(const struct tt_room_state *state)
{
  uint64_t most = TT_ROOM_FIRST_US;
  for (unsigned i = 1; i < state->failures && most < TT_ROOM_MOST_US; i++)
    most *= 2;
  most = most < TT_ROOM_MOST_US ? most : TT_ROOM_MOST_US;
  return most / 2 + tt_random_below(most / 2); /* all who were in a room lose it at once */
}

static enum tt_room_step go_out(struct tt_room_state *state, bool is_slow, const char *why, uint64_t now)
{
  if (state->phase == TT_ROOM_IN && now - state->in_us >= TT_ROOM_STABLE_US)
    state->failures = 0;
  if (state->failures < 100)
    state->failures++;
  state->phase = TT_ROOM_OUT;
  state->is_pinging = false;
  state->why = why;
  state->due_us = now + (is_slow ? TT_ROOM_SLOW_US + tt_random_below(TT_ROOM_SLOW_US / 10) : back_off(state));
  return TT_ROOM_NOTHING;
}

#define NO_SUCH_ROOM "there is no such room, and the gateway makes none"

/* Why a room is not there for us, or does not let us in. */
static const struct cause {
  const char *condition;
  bool is_slow;
  const char *why;
} causes[] = {
    {"item-not-found", false, NO_SUCH_ROOM},
    {"gone", true, "the room has moved or was closed"},
    {"not-authorized", true, "the room wants another password"},
    {"forbidden", true, "the gateway is banned from the room"},
    {"registration-required", true, "only members may come in"},
    {"not-allowed", true, "the room may not be made, or not be entered"},
    {"not-acceptable", true, "the room wants another nick"},
    {"jid-malformed", true, "the room takes neither its address nor the nick"},
    {"service-unavailable", false, "the room is full, or there is no room service"},
    {"resource-constraint", false, "the room is full"},
    {"remote-server-not-found", false, "the server of the room cannot be found"},
    {"remote-server-timeout", false, "the server of the room does not answer"},
    {"", false, "the room does not let the gateway in"},
};

static enum tt_room_step refused(struct tt_room_state *state, const char *condition, uint64_t now)
{
  const struct cause *cause = causes;
  while (*cause->condition && strcmp(cause->condition, condition) != 0)
    cause++;
  return go_out(state, cause->is_slow, cause->why, now);
}

/* ---- In --------------------------------------------------------------------------------------------------- */

void tt_room_state_init(struct tt_room_state *state, const char *nick)
{
  *state = (struct tt_room_state){.nick = nick, .due_us = TT_NEVER, .why = "not connected"};
  snprintf(state->own, sizeof(state->own), "%s", nick);
}

static enum tt_room_step look(struct tt_room_state *state)
{
  state->phase = TT_ROOM_LOOKING;
  state->due_us = TT_NEVER; /* who asks for us has a limit */
  return TT_ROOM_LOOK;
}

enum tt_room_step tt_room_online(struct tt_room_state *state, uint64_t now)
{
  (void)now;
  tt_room_offline(state);
  return look(state);
}

void tt_room_offline(struct tt_room_state *state)
{
  state->phase = TT_ROOM_OUT;
  state->due_us = TT_NEVER;
  state->is_pinging = false;
  state->failures = 0;
  state->why = "not connected";
}

static enum tt_room_step join(struct tt_room_state *state, uint64_t now)
{
  state->phase = TT_ROOM_JOINING;
  state->due_us = now + TT_ROOM_WAIT_US;
  return TT_ROOM_JOIN;
}

static void take_nick(struct tt_room_state *state, unsigned number)
{
  state->nick_number = number;
  if (number > 1)
    snprintf(state->own, sizeof(state->own), "%.*s_%u", TT_ROOM_NICK_MAX, state->nick, number);
  else
    snprintf(state->own, sizeof(state->own), "%s", state->nick);
}

enum tt_room_step tt_room_looked(struct tt_room_state *state, bool is_answered, const char *condition, uint64_t now)
{
  /* These say that there is none. What else a room answers to a stranger, it may all the same let in. */
  static const char *const nothing[] = {"item-not-found", "gone", "remote-server-not-found",
                                        "remote-server-timeout", "jid-malformed"};
  if (state->phase != TT_ROOM_LOOKING)
    return TT_ROOM_NOTHING;
  if (!is_answered)
    return go_out(state, false, "the server of the room does not answer", now);
  for (size_t i = 0; condition && i < TT_COUNT(nothing); i++)
    if (!strcmp(condition, nothing[i]))
      return refused(state, condition, now);
  take_nick(state, 1);
  return join(state, now);
}

static enum tt_room_step not_let_in(struct tt_room_state *state, const struct tt_room_presence *presence,
                                    uint64_t now)
{
  if (state->phase != TT_ROOM_JOINING || (presence->nick && strcmp(presence->nick, state->own) != 0))
    return TT_ROOM_NOTHING;
  if (strcmp(presence->condition, "conflict") != 0)
    return refused(state, presence->condition, now);
  if (state->nick_number >= TT_ROOM_NICKS_MAX)
    return go_out(state, true, "every nick is taken", now);
  take_nick(state, state->nick_number + 1);
  return join(state, now);
}

static enum tt_room_step let_in(struct tt_room_state *state, const struct tt_room_presence *presence, uint64_t now)
{
  if (state->phase != TT_ROOM_JOINING && state->phase != TT_ROOM_IN)
    return TT_ROOM_NOTHING; /* of a stay that has ended */
  if (presence->statuses & TT_ROOM_CREATED) {
    refused(state, "item-not-found", now);
    return TT_ROOM_LEAVE;
  }
  snprintf(state->own, sizeof(state->own), "%s", presence->nick); /* a service may change it: 210 */
  state->has_voice = presence->has_voice;
  state->is_moderator = presence->is_moderator;
  if (state->phase == TT_ROOM_IN)
    return TT_ROOM_NOTHING;
  state->phase = TT_ROOM_IN;
  state->in_us = now;
  state->n_silent = 0;
  tt_room_heard(state, now);
  return TT_ROOM_NOTHING;
}

static enum tt_room_step put_out(struct tt_room_state *state, const struct tt_room_presence *presence, uint64_t now)
{
  static const struct {
    unsigned status;
    bool is_slow;
    const char *why;
  } rows[] = {{TT_ROOM_BANNED, true, "the gateway was banned from the room"},
              {TT_ROOM_SHUT_DOWN, false, "the room service was shut down"},
              {TT_ROOM_MEMBERS_ONLY, true, "only members may be in the room now"},
              {TT_ROOM_UNAFFILIATED, true, "the gateway is no member of the room any more"},
              {TT_ROOM_KICKED, false, "the gateway was kicked out of the room"}};
  if (state->phase != TT_ROOM_JOINING && state->phase != TT_ROOM_IN)
    return TT_ROOM_NOTHING;
  if ((presence->statuses & TT_ROOM_RENAMED) && presence->new_nick) {
    snprintf(state->own, sizeof(state->own), "%s", presence->new_nick);
    return TT_ROOM_NOTHING;
  }
  if (presence->is_destroyed)
    return go_out(state, true, "the room was destroyed", now);
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (presence->statuses & rows[i].status)
      return go_out(state, rows[i].is_slow, rows[i].why, now);
  return go_out(state, false, "the gateway is not in the room any more", now);
}

enum tt_room_step tt_room_present(struct tt_room_state *state, const struct tt_room_presence *presence,
                                  uint64_t now)
{
  if (presence->is_error)
    return not_let_in(state, presence, now);
  if (!(presence->statuses & TT_ROOM_SELF) && strcmp(presence->nick, state->own) != 0)
    return TT_ROOM_NOTHING;
  return presence->is_gone ? put_out(state, presence, now) : let_in(state, presence, now);
}

/* ---- Still in? -------------------------------------------------------------------------------------------- */

void tt_room_heard(struct tt_room_state *state, uint64_t now)
{
  state->heard_us = now;
  if (state->phase == TT_ROOM_IN && !state->is_pinging)
    state->due_us = now + TT_ROOM_PING_US;
}

void tt_room_bounced(struct tt_room_state *state, uint64_t now)
{
  if (state->phase == TT_ROOM_IN && !state->is_pinging)
    state->due_us = now;
}

enum verdict { VERDICT_IN, VERDICT_OUT, VERDICT_UNKNOWN };

/* XEP-0410 section 3: what the answers mean. */
static enum verdict verdict_of(bool is_answered, const char *condition)
{
  static const struct {
    const char *condition;
    enum verdict verdict;
  } rows[] = {{"service-unavailable", VERDICT_IN},
              {"feature-not-implemented", VERDICT_IN},
              {"item-not-found", VERDICT_IN}, /* our nick has just changed */
              {"remote-server-not-found", VERDICT_UNKNOWN},
              {"remote-server-timeout", VERDICT_UNKNOWN}};
  if (!is_answered)
    return VERDICT_UNKNOWN;
  if (!condition)
    return VERDICT_IN;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (!strcmp(condition, rows[i].condition))
      return rows[i].verdict;
  return VERDICT_OUT;
}

enum tt_room_step tt_room_pinged(struct tt_room_state *state, bool is_answered, const char *condition, uint64_t now)
{
  if (state->phase != TT_ROOM_IN || !state->is_pinging)
    return TT_ROOM_NOTHING;
  state->is_pinging = false;
  switch (verdict_of(is_answered, condition)) {
  case VERDICT_IN:
    state->n_silent = 0;
    state->due_us = now + TT_ROOM_PING_US;
    return TT_ROOM_NOTHING;
  case VERDICT_OUT:
    return go_out(state, false, "the room has forgotten the gateway", now);
  case VERDICT_UNKNOWN:
    break;
  }
  if (++state->n_silent >= TT_ROOM_SILENT)
    return go_out(state, false, "the room does not answer", now);
  state->due_us = now + TT_ROOM_AGAIN_US;
  return TT_ROOM_NOTHING;
}

enum tt_room_step tt_room_due(struct tt_room_state *state, uint64_t now)
{
  if (state->due_us > now)
    return TT_ROOM_NOTHING;
  switch (state->phase) {
  case TT_ROOM_OUT:
    return look(state);
  case TT_ROOM_LOOKING:
    return TT_ROOM_NOTHING;
  case TT_ROOM_JOINING:
    go_out(state, false, "the room does not answer", now);
    return TT_ROOM_LEAVE; /* should it let us in after all */
  case TT_ROOM_IN:
    state->is_pinging = true;
    state->due_us = TT_NEVER;
    return TT_ROOM_PING;
  }
  return TT_ROOM_NOTHING;
}
