/* SPDX-License-Identifier: Apache-2.0
 * room_talk.c: what occupants say to the gateway, and what it answers: in the room, to their nick. Whoever is nobody by their real
 * address gets silence, for a stranger must not make us speak. */
#include "room_private.h"

#include "chat/letters.h"
#include "service/log.h"
#include "trust/access.h"
#include "trust/blocks.h"

#include <stdio.h>
#include <utlist.h>

#define LANGUAGE_MAX 35 /* RFC 5646 section 4.4.1 */

/* A line that waits for its answer. */
struct tt_room_said {
  struct tt_room_said *prev, *next;
  struct tt_room_stay *stay;
  struct tt_caller *caller;
  char *nick;
  tt_id line; /* 0 within tt_chat_say() */
};

static void said_free(struct tt_room_said *said)
{
  DL_DELETE(said->stay->rooms->said, said);
  free(said->caller);
  free(said->nick);
  free(said);
}

static struct tt_room_said *said_create(struct tt_room_stay *stay, const struct tt_caller *caller, const char *nick)
{
  struct tt_room_said *said = calloc(1, sizeof(*said));
  if (!said)
    return NULL;
  said->stay = stay;
  said->caller = tt_caller_copy(caller);
  said->nick = strdup(nick);
  DL_APPEND(stay->rooms->said, said);
  if (!said->caller || !said->nick) {
    said_free(said);
    return NULL;
  }
  return said;
}

static void on_answer(void *user, const struct tt_chat_answer *answer)
{
  struct tt_room_said *said = user;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  char *nick TT_AUTOFREE = strdup(said->nick);
  if (nick) {
    tt_chat_tidy(nick);
    tt_buf_printf(&text, "%s: %s", nick, answer->text ? answer->text : "");
  }
  if (nick && answer->text && !text.failed)
    tt_room_say(said->stay, text.data, answer->language, TT_OUT_ANSWER);
  if (said->line)
    said_free(said);
}

static void say(struct tt_room_stay *stay, const struct tt_caller *caller, const struct tt_room_line *line)
{
  struct tt_room_said *said = said_create(stay, caller, line->nick);
  if (!said)
    return;
  tt_id open =
      tt_chat_say(stay->rooms->chat, &(struct tt_chat_line){.caller = caller, .text = line->text}, on_answer, said);
  if (open)
    said->line = open;
  else
    said_free(said);
}

/* Is there somebody behind the nick who may say anything? Who may what, the core decides. */
static bool is_known(struct tt_room_stay *stay, const struct tt_caller *caller)
{
  struct tt_rooms *rooms = stay->rooms;
  const struct tt_router_config *config = tt_router_config(rooms->router);
  if (config->blocks && tt_blocks_has(config->blocks, caller->bare))
    return false;
  if (tt_router_knows(rooms->router, caller->bare))
    return true;
  if (tt_buckets_take(rooms->strangers, stay->bare, tt_core_now(config->core).mono_us))
    tt_core_refused(config->core, caller, TT_ACCESS_CONTROL, "");
  return false;
}

void tt_room_heard_line(struct tt_room_stay *stay, const struct tt_xml *stanza)
{
  struct tt_rooms *rooms = stay->rooms;
  struct tt_core *core = tt_router_config(rooms->router)->core;
  struct tt_room_line line;
  char bare[TT_JID_MAX + 1], local[TT_JID_MAX + 2 + TT_ROOM_RESOURCE_MAX];
  if (!stay->config->has_commands || stay->state.phase != TT_ROOM_IN ||
      !tt_room_line_read(stanza, stay->state.own, &line))
    return;
  const char *jid = tt_room_people_find(stay->people, line.nick), *language = tt_xml_attr(stanza, "xml:lang");
  if (!jid || tt_jid_bare(jid, bare, sizeof(bare)) < 0) {
    tt_log(TT_LOG_DEBUG, stay->bare, "somebody whose address is not shown was not answered");
    return;
  }
  if (!language || !*language || strlen(language) > LANGUAGE_MAX)
    language = rooms->options.language ? rooms->options.language : "";
  snprintf(local, sizeof(local), "%s/%s", stay->bare, stay->state.own);
  const struct tt_caller caller = {
      .kind = TT_CALLER_XMPP, .jid = jid, .bare = bare, .local = local, .language = language};
  if (!is_known(stay, &caller))
    tt_log(TT_LOG_DEBUG, stay->bare, "%s has no rule and was not answered", bare);
  else if (!tt_buckets_take(rooms->commands, stay->bare, tt_core_now(core).mono_us))
    tt_log(TT_LOG_DEBUG, stay->bare, "too many commands: one of %s was not heard", bare);
  else
    say(stay, &caller, &line);
}

static void forget(struct tt_room_said *said)
{
  tt_chat_forget(said->stay->rooms->chat, said->line);
  said_free(said);
}

void tt_room_forget_lines(struct tt_room_stay *stay, const char *nick)
{
  struct tt_room_said *said, *next;
  DL_FOREACH_SAFE(stay->rooms->said, said, next)
  {
    if (said->stay == stay && said->line && (!nick || !strcmp(said->nick, nick)))
      forget(said);
  }
}

void tt_rooms_forget_person(struct tt_rooms *rooms, const char *who)
{
  struct tt_room_said *said, *next;
  DL_FOREACH_SAFE(rooms->said, said, next)
  {
    if (said->line && tt_router_is_of(said->caller->jid, who))
      forget(said);
  }
}
