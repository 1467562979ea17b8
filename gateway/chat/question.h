/* SPDX-License-Identifier: Apache-2.0
 *
 * question.h: what people were asked before it is done. A question waits for the yes of whom it was asked, in the conversation in
 * which it was asked, and for nobody else's; whatever they say next ends it. Bounded in number and in time. Pure: the clock is
 * passed in. Main thread.
 */
#pragma once

#include "model/control.h"

#define TT_CHAT_QUESTIONS_MAX 256 /* the oldest makes room */
#define TT_CHAT_QUESTION_US   (UINT64_C(120) * TT_USEC_PER_SEC)
#define TT_CHAT_LATE_US       (UINT64_C(20) * 60 * TT_USEC_PER_SEC) /* for so long they are told that it was too late */

struct tt_chat_question {
  tt_id node;
  const char *name; /* of the parameter, or the command */
  bool is_command;
  const struct tt_assignment *values; /* in lexical form */
  size_t n_values;
};

enum tt_chat_reply {
  TT_CHAT_REPLY_NONE,  /* nothing was asked, or it is forgotten */
  TT_CHAT_REPLY_YES,   /* do it */
  TT_CHAT_REPLY_NO,    /* do not, and that is all they say */
  TT_CHAT_REPLY_OTHER, /* do not, and go on with what they say */
  TT_CHAT_REPLY_LATE,  /* yes, but not in time: do not */
};

struct tt_chat_questions;
struct tt_chat_questions *tt_chat_questions_create(void); /* NULL: out of memory */
void tt_chat_questions_destroy(struct tt_chat_questions *questions);
size_t tt_chat_questions_count(const struct tt_chat_questions *questions);

/* `whose`: a person in a conversation. What they were asked before is not asked any more. Copied. -ENOMEM */
int tt_chat_questions_ask(struct tt_chat_questions *questions, const char *whose,
                          const struct tt_chat_question *question, uint64_t mono_us);

/* A line of theirs. Where a question was open it is no more, and `ret` has it, to be freed; else NULL. */
enum tt_chat_reply tt_chat_questions_reply(struct tt_chat_questions *questions, const char *whose, const char *line,
                                           uint64_t mono_us, struct tt_chat_question **ret);
void tt_chat_question_free(struct tt_chat_question *question); /* NULL is fine */

/* Does it say yes (`is_yes`), or no, in any language of the gateway, and nothing else? */
bool tt_chat_says(const char *line, bool is_yes);
