/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc.h: ad-hoc commands (XEP-0050): forms for people, in whatever client they have. The engine keeps sessions, goes
 * forward and back, lets a stage wait for a device, and answers each request once; what there is to do is in tables of
 * commands, whose rows call the same model as every other reader. Main thread only.
 *
 * A command is a list of stages. The engine calls `show` when a stage is entered (from the first execute, from another
 * stage, or by going back), and `take` with the form that was filled in there. Each of these calls leads to exactly one of
 *   tt_adhoc_ask()    the form that was opened with tt_adhoc_form() goes out and waits to be filled in
 *   tt_adhoc_done()   completed, with the form that was opened with tt_adhoc_result() and a note
 *   tt_adhoc_go()     on to another stage (that one's `show` is called)
 *   tt_adhoc_again()  this stage again, saying what was wrong
 *   tt_adhoc_refuse() a stanza error; the session ends
 * within the call, or later: then tt_adhoc_wait() was called within it, and tt_adhoc_resume() gives the session back, or NULL
 * when it has gone meanwhile (cancelled, its owner left). After that one call the session pointer may not be used: it may
 * have ended.
 */
#pragma once

#include "dataform.h"
#include "router.h"

#define TT_NS_COMMANDS "http://jabber.org/protocol/commands"

#define TT_ADHOC_SESSIONS_MAX     256                     /* open at once */
#define TT_ADHOC_SESSIONS_PER_JID 8                       /* of one bare JID; the oldest idle one makes room */
#define TT_ADHOC_EXPIRY_US        (600 * TT_USEC_PER_SEC) /* after the last request in it */
#define TT_ADHOC_DEPTH_MAX        32                      /* stages one can go back; the oldest is forgotten */
#define TT_ADHOC_TABLES_MAX       16
#define TT_ADHOC_WAITS_MAX        512 /* for devices, of sessions that are there and that have gone */

struct tt_adhoc;
struct tt_adhoc_session;
struct tt_adhoc_wait;

/* Which address a command is offered at (component: a thing has its own, `thing@gw.domain`). */
enum tt_adhoc_at {
  TT_ADHOC_AT_GATEWAY = 1 << 0,
  TT_ADHOC_AT_THING = 1 << 1,
};

/* What can be done with a form; going back and cancelling are always offered where they can be done. `execute` means next
 * where that is offered, else complete. */
enum tt_adhoc_action {
  TT_ADHOC_NEXT = 1 << 0,
  TT_ADHOC_COMPLETE = 1 << 1,
};

struct tt_adhoc_stage {
  void (*show)(struct tt_adhoc_session *session);
  /* `form` was submitted, in answer to the form of this stage; valid during the call. NULL: the stage asks nothing. */
  void (*take)(struct tt_adhoc_session *session, const struct tt_xml *form, enum tt_adhoc_action action);
};

/* Who asks whether a command is offered. Valid during the call. */
struct tt_adhoc_asker {
  struct tt_adhoc *adhoc;
  const struct tt_caller *caller;
  const struct tt_node *thing; /* NULL: at the gateway */
};

struct tt_adhoc_command {
  const char *node;  /* "read" */
  const char *title; /* TT_TR() */
  enum tt_role role; /* at least, anywhere; nodes are judged by the model as always */
  unsigned at;       /* enum tt_adhoc_at */
  bool (*is_offered)(const struct tt_adhoc_asker *asker, void *user); /* NULL: yes */
  const struct tt_adhoc_stage *stages;                                /* the first is where it begins */
  size_t n_stages;
  size_t state_size;           /* zeroed memory of each session */
  void (*finish)(void *state); /* frees what it holds; may be NULL */
};

int tt_adhoc_create(struct tt_router *router, struct tt_adhoc **ret);
void tt_adhoc_destroy(struct tt_adhoc *adhoc); /* before the router; NULL is fine */
/* Rows are borrowed; `user` is what tt_adhoc_user() gives. -ENOSPC */
int tt_adhoc_add(struct tt_adhoc *adhoc, const struct tt_adhoc_command *rows, size_t n, void *user);
size_t tt_adhoc_n_sessions(const struct tt_adhoc *adhoc);
struct tt_router *tt_adhoc_router(const struct tt_adhoc *adhoc);

/* ---- Within show and take, and after tt_adhoc_resume() --------------------------------------------------------------- */
void *tt_adhoc_state(struct tt_adhoc_session *session);
void *tt_adhoc_user(const struct tt_adhoc_session *session);
struct tt_adhoc *tt_adhoc_of(const struct tt_adhoc_session *session);
struct tt_core *tt_adhoc_core(const struct tt_adhoc_session *session);
const struct tt_caller *tt_adhoc_caller(const struct tt_adhoc_session *session); /* of the request being answered */
const char *tt_adhoc_language(const struct tt_adhoc_session *session);
/* The router's session it came by: for stanzas of our own to the caller. */
struct tt_session *tt_adhoc_session(const struct tt_adhoc_session *session);
/* The node whose address was asked, looked up and checked anew for each request; NULL: the gateway, or it has gone. */
const struct tt_node *tt_adhoc_thing(const struct tt_adhoc_session *session);
/* What tt_adhoc_go() was given for this stage: comes back when one goes back. */
tt_id tt_adhoc_at(const struct tt_adhoc_session *session);
/* The node of tt_adhoc_at() when it is there and the caller may know of it; NULL. */
struct tt_node *tt_adhoc_node(const struct tt_adhoc_session *session);

/* A form to be filled in; a complaint of tt_adhoc_again() stands before the instructions (NULL: none). The engine owns
 * it and sees whether it fits. */
struct tt_dataform *tt_adhoc_form(struct tt_adhoc_session *session, const char *title, const char *instructions);
struct tt_dataform *tt_adhoc_result(struct tt_adhoc_session *session, const char *title);

enum tt_adhoc_note { TT_ADHOC_INFO, TT_ADHOC_WARN, TT_ADHOC_ERROR };

void tt_adhoc_ask(struct tt_adhoc_session *session, unsigned actions);
/* A result is both a form (some clients show no note) and a note (some show no form). Without a form one is made of the
 * note. */
void tt_adhoc_done(struct tt_adhoc_session *session, enum tt_adhoc_note type, const char *note);
void tt_adhoc_go(struct tt_adhoc_session *session, unsigned stage, tt_id at);
void tt_adhoc_again(struct tt_adhoc_session *session, const char *complaint);
/* The stage before, if there is one, as if one had gone back; with a complaint (NULL: none). */
void tt_adhoc_back(struct tt_adhoc_session *session, const char *complaint);
void tt_adhoc_refuse(struct tt_adhoc_session *session, enum tt_refusal refusal, const char *text);
/* The form does not have what it must have: XEP-0050 bad-payload; the session stays where it is. For what no form of ours
 * leads to; what a person may get wrong is tt_adhoc_again(). */
void tt_adhoc_bad_payload(struct tt_adhoc_session *session, const char *text);

/* ---- Later ----------------------------------------------------------------------------------------------------------- */
struct tt_adhoc_wait *tt_adhoc_wait(
    struct tt_adhoc_session *session); /* NULL: too many; refuse with TT_REFUSED_BUSY */
struct tt_adhoc_session *tt_adhoc_waiting(const struct tt_adhoc_wait *wait); /* NULL: it has gone */
struct tt_adhoc_session *tt_adhoc_resume(
    struct tt_adhoc_wait *wait); /* the wait is over; NULL: the session has gone */
