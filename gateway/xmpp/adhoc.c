/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc.c: requests of ad-hoc commands (XEP-0050 sections 3 and 4.4): which command, which session, which action. A session
 * belongs to the full JID that began it and the address it was begun at; for anybody else it does not exist.
 */
#include "adhoc_private.h"
#include "dialect.h"

#include "text/text.h"

#include <stdio.h>
#include <utlist.h>

/* ---- Tables ------------------------------------------------------------------------------------------------- */

int tt_adhoc_add(struct tt_adhoc *adhoc, const struct tt_adhoc_command *rows, size_t n, void *user)
{
  if (adhoc->n_tables == TT_ADHOC_TABLES_MAX)
    return -ENOSPC;
  adhoc->tables[adhoc->n_tables++] = (struct tt_adhoc_table){rows, n, user};
  return 0;
}

bool tt_adhoc_is_offered(const struct tt_adhoc_asker *asker, const struct tt_adhoc_command *command, void *user)
{
  struct tt_core *core = tt_router_config(asker->adhoc->router)->core;
  return (command->at & (asker->thing ? TT_ADHOC_AT_THING : TT_ADHOC_AT_GATEWAY)) &&
         tt_core_role(core, asker->caller) >= command->role &&
         (!command->is_offered || command->is_offered(asker, user));
}

const struct tt_adhoc_command *tt_adhoc_find(const struct tt_adhoc *adhoc, const char *node, void **ret_user)
{
  for (size_t i = 0; i < adhoc->n_tables; i++)
    for (size_t k = 0; k < adhoc->tables[i].n; k++)
      if (!strcmp(adhoc->tables[i].rows[k].node, node)) {
        *ret_user = adhoc->tables[i].user;
        return &adhoc->tables[i].rows[k];
      }
  return NULL;
}

/* ---- Sessions ----------------------------------------------------------------------------------------------- */

void tt_adhoc_session_free(struct tt_adhoc_session *session)
{
  struct tt_adhoc *adhoc = session->adhoc;
  struct tt_adhoc_wait *wait;
  DL_FOREACH(adhoc->waits, wait) {
    if (wait->session == session)
      wait->session = NULL;
  }
  DL_DELETE(adhoc->sessions, session);
  adhoc->n_sessions--;
  if (session->command->finish)
    session->command->finish(session->state);
  free(session->state);
  tt_reply_free(session->reply);
  tt_buf_finish(&session->buf);
  free(session->complaint);
  free(session->jid);
  free(session->bare);
  free(session->local);
  free(session);
}

static void expire(struct tt_adhoc_session *session)
{
  struct tt_adhoc *adhoc = session->adhoc;
  memcpy(adhoc->expired[adhoc->next_expired], session->id, TT_ADHOC_ID_SIZE);
  adhoc->next_expired = (adhoc->next_expired + 1) % TT_ADHOC_EXPIRED_MAX;
  tt_adhoc_session_free(session);
}

/* Those that a caller has forgotten. What waits for a device ends with the device. */
static void expire_old(struct tt_adhoc *adhoc, uint64_t now_us)
{
  struct tt_adhoc_session *session, *next;
  DL_FOREACH_SAFE(adhoc->sessions, session, next)
  {
    if (!session->reply && now_us - session->used_us >= TT_ADHOC_EXPIRY_US)
      expire(session);
  }
}

/* Most clients never cancel what they leave: somebody's own forgotten session makes room, nobody else's does. */
static bool make_room(struct tt_adhoc *adhoc, const char *bare)
{
  struct tt_adhoc_session *session, *idle = NULL;
  size_t n = 0;
  DL_FOREACH(adhoc->sessions, session) {
    if (strcmp(session->bare, bare))
      continue;
    n++;
    if (!idle && !session->reply)
      idle = session;
  }
  if (n < TT_ADHOC_SESSIONS_PER_JID && adhoc->n_sessions < TT_ADHOC_SESSIONS_MAX)
    return true;
  if (idle)
    expire(idle);
  return idle;
}

static void make_id(char out[static TT_ADHOC_ID_SIZE])
{
  unsigned char bytes[(TT_ADHOC_ID_SIZE - 1) / 2];
  tt_random(bytes, sizeof(bytes));
  for (size_t i = 0; i < sizeof(bytes); i++)
    snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static struct tt_adhoc_session *session_create(struct tt_adhoc *adhoc, const struct tt_iq *iq,
                                               const struct tt_adhoc_command *command, void *user)
{
  struct tt_adhoc_session *session = calloc(1, sizeof(*session));
  if (!session)
    return NULL;
  session->adhoc = adhoc;
  session->command = command;
  session->user = user;
  session->via = iq->session;
  session->state = calloc(1, command->state_size + 1);
  session->jid = strdup(iq->caller.jid);
  session->bare = strdup(iq->caller.bare);
  session->local = strdup(iq->caller.local);
  make_id(session->id);
  DL_APPEND(adhoc->sessions, session);
  adhoc->n_sessions++;
  if (!session->state || !session->jid || !session->bare || !session->local) {
    session->command = &(const struct tt_adhoc_command){0}; /* nothing of it has begun */
    tt_adhoc_session_free(session);
    return NULL;
  }
  return session;
}

static struct tt_adhoc_session *find_session(struct tt_adhoc *adhoc, const struct tt_iq *iq, const char *node,
                                             const char *id)
{
  struct tt_adhoc_session *session;
  DL_FOREACH(adhoc->sessions, session) {
    if (!strcmp(session->id, id))
      break;
  }
  bool is_own = session && session->via == iq->session && !strcmp(session->jid, iq->caller.jid) &&
                !strcmp(session->local, iq->caller.local) && !strcmp(session->command->node, node);
  return is_own ? session : NULL;
}

static bool has_expired(const struct tt_adhoc *adhoc, const char *id)
{
  for (size_t i = 0; *id && i < TT_ADHOC_EXPIRED_MAX; i++)
    if (!strcmp(adhoc->expired[i], id))
      return true;
  return false;
}

/* ---- Errors: XEP-0050 section 4.4 ----------------------------------------------------------------------------- */

enum fault { MALFORMED_ACTION, BAD_ACTION, BAD_SESSIONID, SESSION_EXPIRED };

static const struct {
  const char *type, *condition, *inside, *text;
} faults[] = {
    [MALFORMED_ACTION] = {"modify", "bad-request", "<malformed-action xmlns='" TT_NS_COMMANDS "'/>",
                          TT_TR("There is no such action.")},
    [BAD_ACTION] = {"modify", "bad-request", "<bad-action xmlns='" TT_NS_COMMANDS "'/>",
                    TT_TR("That cannot be done at this point of the command.")},
    [BAD_SESSIONID] = {"modify", "bad-request", "<bad-sessionid xmlns='" TT_NS_COMMANDS "'/>",
                       TT_TR("There is no such session of this command.")},
    [SESSION_EXPIRED] = {"cancel", "not-allowed", "<session-expired xmlns='" TT_NS_COMMANDS "'/>",
                         TT_TR("This session has ended; start the command again.")},
};

static void refuse(struct tt_iq *iq, enum fault fault)
{
  tt_iq_error_as(iq, faults[fault].type, faults[fault].condition, faults[fault].text, faults[fault].inside);
}

/* ---- Requests ------------------------------------------------------------------------------------------------- */

enum action { ACTION_EXECUTE, ACTION_CANCEL, ACTION_PREV, ACTION_NEXT, ACTION_COMPLETE };

static const char *const actions[] = {[ACTION_EXECUTE] = "execute",
                                      [ACTION_CANCEL] = "cancel",
                                      [ACTION_PREV] = "prev",
                                      [ACTION_NEXT] = "next",
                                      [ACTION_COMPLETE] = "complete"};

static int parse_action(const char *text, enum action *ret)
{
  for (size_t i = 0; i < TT_COUNT(actions); i++)
    if (!text || !strcmp(text, actions[i])) {
      *ret = (enum action)i;
      return 0;
    }
  return -EINVAL;
}

/* A request of this session begins: it is answered once, by what the stage calls. */
static int accept(struct tt_adhoc_session *session, struct tt_iq *iq)
{
  struct tt_adhoc *adhoc = session->adhoc;
  session->reply = tt_reply_create(iq);
  if (!session->reply)
    return -ENOMEM;
  session->thing = iq->thing ? iq->thing->id : 0;
  session->room = tt_dialect_room(iq);
  session->used_us = tt_core_now(tt_router_config(adhoc->router)->core).mono_us;
  DL_DELETE(adhoc->sessions, session);
  DL_APPEND(adhoc->sessions, session);
  return 0;
}

static void begin(struct tt_adhoc *adhoc, struct tt_iq *iq, const struct tt_adhoc_command *command, void *user)
{
  struct tt_adhoc_session *session =
      make_room(adhoc, iq->caller.bare) ? session_create(adhoc, iq, command, user) : NULL;
  if (session && accept(session, iq) == 0) {
    tt_adhoc_show(session);
    return;
  }
  if (session)
    tt_adhoc_session_free(session);
  tt_iq_error(iq, TT_REFUSED_BUSY, NULL, NULL, NULL);
}

/* What waits for a device gets its answer now: each request has one. */
static void cancel(struct tt_adhoc_session *session, struct tt_iq *iq)
{
  struct tt_reply *reply = tt_reply_create(iq);
  if (session->reply)
    tt_adhoc_cancelled(session, session->reply);
  if (reply)
    tt_adhoc_cancelled(session, reply);
  tt_reply_free(reply);
  tt_adhoc_session_free(session);
}

static void forward(struct tt_adhoc_session *session, const struct tt_xml *form, enum tt_adhoc_action action)
{
  session->command->stages[session->spot.stage].take(session, form, action);
}

static void go_on(struct tt_adhoc_session *session, struct tt_iq *iq, enum action action)
{
  /* poezio has no other way on than next, and Psi+ leaves the buttons of the first stage: on is on. */
  unsigned wanted =
      action != ACTION_COMPLETE && session->actions & TT_ADHOC_NEXT ? TT_ADHOC_NEXT : TT_ADHOC_COMPLETE;
  bool is_possible = action == ACTION_PREV ? session->n_history > 0 : (session->actions & wanted) != 0;
  if (session->reply) {
    tt_iq_error(iq, TT_REFUSED_CONFLICT, NULL, NULL, NULL);
    return;
  }
  if (!is_possible) {
    refuse(iq, BAD_ACTION);
    return;
  }
  if (accept(session, iq) < 0) {
    tt_iq_error(iq, TT_REFUSED_BUSY, NULL, NULL, NULL);
    return;
  }
  const struct tt_xml *form = tt_xml_child(iq->payload, "x", TT_NS_FORM);
  if (action == ACTION_PREV)
    tt_adhoc_back(session, NULL);
  else if (!form || !tt_dataform_is_submit(form))
    tt_adhoc_bad_payload(session, TT_TR("The form is not one that was filled in."));
  else
    forward(session, form, (enum tt_adhoc_action)wanted);
}

static void in_session(struct tt_adhoc *adhoc, struct tt_iq *iq, const char *node, const char *id,
                       enum action action)
{
  struct tt_adhoc_session *session = find_session(adhoc, iq, node, id);
  if (!session)
    refuse(iq, has_expired(adhoc, id) ? SESSION_EXPIRED : BAD_SESSIONID);
  else if (action == ACTION_CANCEL)
    cancel(session, iq);
  else
    go_on(session, iq, action);
}

/* Which command, for whom. That there are commands for others is in the manual: it may be told. */
static const struct tt_adhoc_command *find_command(struct tt_adhoc *adhoc, struct tt_iq *iq, const char *node,
                                                   void **ret_user)
{
  struct tt_core *core = tt_router_config(adhoc->router)->core;
  const struct tt_adhoc_asker asker = {adhoc, &iq->caller, iq->thing};
  const struct tt_adhoc_command *command = tt_adhoc_find(adhoc, node, ret_user);
  if (command && tt_core_role(core, &iq->caller) < command->role) {
    tt_core_refused(core, &iq->caller, command->role == TT_ROLE_ADMIN ? TT_ACCESS_ADMIN : TT_ACCESS_CONTROL, "");
    tt_iq_error(iq, TT_REFUSED_FORBIDDEN, NULL, NULL, NULL);
    return NULL;
  }
  if (!command || !tt_adhoc_is_offered(&asker, command, *ret_user)) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, TT_TR("There is no such command."), NULL, NULL);
    return NULL;
  }
  return command;
}

static void on_command(struct tt_iq *iq, const void *data)
{
  struct tt_adhoc *adhoc = *(struct tt_adhoc *const *)data;
  const char *node = tt_xml_attr(iq->payload, "node"), *id = tt_xml_attr(iq->payload, "sessionid");
  enum action action;
  void *user = NULL;
  expire_old(adhoc, tt_core_now(tt_router_config(adhoc->router)->core).mono_us);
  if (!iq->is_set || !node) {
    tt_iq_error(iq, TT_REFUSED_BAD_REQUEST, NULL, NULL, NULL);
    return;
  }
  const struct tt_adhoc_command *command = find_command(adhoc, iq, node, &user);
  if (!command)
    return;
  if (parse_action(tt_xml_attr(iq->payload, "action"), &action) < 0)
    refuse(iq, MALFORMED_ACTION);
  else if (id)
    in_session(adhoc, iq, node, id, action);
  else if (action == ACTION_EXECUTE)
    begin(adhoc, iq, command, user);
  else
    refuse(iq, BAD_ACTION);
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */

static bool is_waiting(const struct tt_adhoc_session *session)
{
  const struct tt_adhoc_wait *wait;
  DL_FOREACH(session->adhoc->waits, wait) {
    if (wait->session == session)
      return true;
  }
  return false;
}

/* A command may take the rule away that its own caller has: the stage that does it still holds the session. */
static void on_gone(void *user, struct tt_session *via, const char *who)
{
  struct tt_adhoc *adhoc = user;
  struct tt_adhoc_session *session, *next;
  DL_FOREACH_SAFE(adhoc->sessions, session, next)
  {
    if (session->via != via || !tt_router_is_of(session->jid, who))
      continue;
    if (session->reply && !is_waiting(session))
      session->is_gone = true;
    else
      tt_adhoc_session_free(session);
  }
}

int tt_adhoc_create(struct tt_router *router, struct tt_adhoc **ret)
{
  struct tt_adhoc *adhoc = calloc(1, sizeof(*adhoc));
  if (!adhoc)
    return -ENOMEM;
  adhoc->router = router;
  adhoc->self = adhoc;
  adhoc->rows[0] =
      (struct tt_iq_handler){.ns = TT_NS_COMMANDS, .name = "command", .fn = on_command, .data = &adhoc->self};
  int r = tt_router_add(router, adhoc->rows, TT_COUNT(adhoc->rows));
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, adhoc);
  if (r == 0)
    r = tt_adhoc_disco_add(adhoc);
  if (r < 0) {
    free(adhoc);
    return r;
  }
  *ret = adhoc;
  return 0;
}

void tt_adhoc_destroy(struct tt_adhoc *adhoc)
{
  if (!adhoc)
    return;
  while (adhoc->sessions)
    tt_adhoc_session_free(adhoc->sessions);
  struct tt_adhoc_wait *wait, *next;
  DL_FOREACH_SAFE(adhoc->waits, wait, next)
  {
    free(wait);
  }
  tt_adhoc_mays_drop(adhoc);
  free(adhoc);
}

size_t tt_adhoc_n_sessions(const struct tt_adhoc *adhoc)
{
  return adhoc->n_sessions;
}

struct tt_router *tt_adhoc_router(const struct tt_adhoc *adhoc)
{
  return adhoc->router;
}
