/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.h: our own requests to others, and their answers. An answer counts only when it comes from whom was asked, on the
 * session it was asked on. Main thread.
 */
#pragma once

#include "router.h"

#define TT_ASKS_MAX       256                    /* open at once; beyond, -EBUSY */
#define TT_ASK_TIMEOUT_US (30 * TT_USEC_PER_SEC) /* then there is no answer */

/* The answer: an iq of type `result` or `error`; NULL: none in time, or the session has ended. Called once, never from within
 * tt_ask(). Valid during the call only. */
typedef void (*tt_ask_fn)(void *user, const struct tt_xml *answer);

struct tt_question {
  const char *from; /* the local JID that asks; NULL: the session's own */
  const char *to;   /* NULL: our server (an account's: the account itself) */
  bool is_set;
  char *payload; /* on the heap, taken over, also on failure */
};
/* `fn` may be NULL: nobody wants to know. -ENOTCONN, -EBUSY, -ENOMEM */
int tt_ask(struct tt_router *router, struct tt_session *session, const struct tt_question *question, tt_ask_fn fn,
           void *user);
/* `user` is gone: nothing of its questions is called any more. */
void tt_ask_forget(struct tt_router *router, const void *user);

/* The condition of an error ("item-not-found"); NULL: it is a result, or has none. */
const char *tt_answer_condition(const struct tt_xml *answer);
