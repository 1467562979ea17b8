/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_private.h: one line on its way to its answer; what the files of this room share.
 */
#pragma once

#include "chat.h"
#include "letters.h"
#include "match.h"
#include "parse.h"
#include "question.h"
#include "session.h"

#include "model/human.h"
#include "model/readout.h"
#include "text/text.h"

struct tt_chat {
  struct tt_core *core;
  struct tt_chat_hooks hooks;
  struct tt_chat_sessions *sessions;
  struct tt_chat_questions *questions;
  struct tt_chat_request *requests;
  tt_id last_id;
};

/* What was read of one node. */
struct tt_chat_part {
  tt_id node;
  struct tt_buf text;
};

struct tt_chat_request {
  struct tt_chat_request *prev, *next;
  struct tt_chat *chat;
  tt_id id;
  struct tt_caller *caller; /* its language is that of the answer */
  tt_chat_fn fn;
  void *user;
  bool is_starting, has_ended; /* inside tt_chat_say(): answered, but still in use further up */
  bool is_forgotten;
  bool is_acting; /* a command is with the device */
  tt_id thing;
  struct tt_arena *arena; /* texts of this line */
  const char *whose;      /* question it may end, or become */
  struct tt_buf out;
  size_t n_before; /* bytes of `out` that stand before the answer */
  struct tt_chat_command command;
  /* Inside tt_chat_say() only. */
  struct tt_chat_session *session;
  const void *origin;
  /* What it is about: a node, and the text that follows its name. */
  tt_id node;
  const char *rest;
  /* A reading. */
  tt_id readout;
  struct tt_chat_part *parts;
  size_t n_parts;
  size_t n_lines, n_left_out;
  bool has_stamps, is_of_several;
  /* A command. */
  const char *parameter, *value; /* value as it will be shown */
};

/* The answer is request->out. Ends the request: nothing of it may be used any more, unless it is_starting. */
void tt_chat_answer(struct tt_chat_request *request, bool has_acted);
/* A sentence of ours, with conversions for texts that tt_chat_shown() has made. */
void tt_chat_printf(struct tt_chat_request *request, const char *format, ...) TT_PRINTF(2, 3);
/* A sentence alone is the answer. */
void tt_chat_answer_text(struct tt_chat_request *request, const char *english);
void tt_chat_answer_refusal(struct tt_chat_request *request, enum tt_refusal refusal);
/* Foreign text as it may be shown; lives as long as the request. Never NULL. */
const char *tt_chat_shown(struct tt_chat_request *request, const char *text);
const char *tt_chat_shown_node(struct tt_chat_request *request, const struct tt_node *node); /* its label */
const char *tt_chat_shown_point(struct tt_chat_request *request, const struct tt_point *point);
#define TT_CHAT_TR(request, english) tt_tr((request)->caller->language, english)

static inline struct tt_node *tt_chat_node(struct tt_chat_request *request, tt_id id)
{
  return tt_tree_get(tt_core_tree(request->chat->core), id);
}
static inline struct tt_ref tt_chat_ref(const struct tt_node *node)
{
  return (struct tt_ref){.node = node->key, .source = node->source, .partition = node->partition};
}
/* May the caller know of it, and is it more than a place on the way? */
bool tt_chat_sees(struct tt_chat_request *request, const struct tt_node *node);

/* Where the person is; NULL: at the root. */
struct tt_node *tt_chat_place(struct tt_chat_request *request);

/* What the text is about becomes request->node (0: the root) and request->rest. False: it has been answered (several are meant, or
 * there is none), or, with is_quiet, is not known. `with_fields`: the text may begin with a field of the place. */
bool tt_chat_resolve(struct tt_chat_request *request, const char *text, bool with_fields, bool is_quiet);
/* "There is no ...": with what may have been meant. */
void tt_chat_answer_unknown(struct tt_chat_request *request, const char *text);
void tt_chat_answer_unknown_field(struct tt_chat_request *request, const struct tt_node *node, const char *text);

/* A numbered list; the numbers are remembered. */
struct tt_chat_list {
  tt_id nodes[TT_CHAT_LIST_MAX];
  size_t n, n_all;
};
void tt_chat_list_add(struct tt_chat_list *list, const struct tt_node *node);
void tt_chat_put_list(struct tt_chat_request *request, const struct tt_chat_list *list, bool with_paths);

/* The verbs: each answers, now or later. */
void tt_chat_do_greeting(struct tt_chat_request *request);
void tt_chat_do_help(struct tt_chat_request *request);
void tt_chat_do_list(struct tt_chat_request *request);
void tt_chat_do_go(struct tt_chat_request *request);
void tt_chat_do_find(struct tt_chat_request *request);
void tt_chat_do_status(struct tt_chat_request *request);
void tt_chat_do_log(struct tt_chat_request *request);
void tt_chat_do_block(struct tt_chat_request *request);
void tt_chat_do_get(struct tt_chat_request *request);
void tt_chat_do_set(struct tt_chat_request *request);
void tt_chat_do_parameters(struct tt_chat_request *request);
void tt_chat_do_commands(struct tt_chat_request *request);
void tt_chat_do_command(struct tt_chat_request *request);
void tt_chat_do_watch(struct tt_chat_request *request);
void tt_chat_do_unwatch(struct tt_chat_request *request);

/* Shows a node: the list of a place, the values of a thing. */
void tt_chat_show(struct tt_chat_request *request, struct tt_node *node);
/* Reads request->node, or everything below it: the fields that request->rest names, or all. `is_anywhere`: request->rest is no
 * node, and may be a field of what is around. */
void tt_chat_read(struct tt_chat_request *request, bool is_anywhere);
/* What a value of this point can be: "5 to 30 °C", "off, auto", "on, off"; nothing: anything of its type. Appended. */
void tt_chat_put_choice(struct tt_chat_request *request, struct tt_buf *out, const struct tt_point *point);
/* The yes to a question has come, in time: do it. */
void tt_chat_set_confirmed(struct tt_chat_request *request, const struct tt_chat_question *question);
void tt_chat_command_confirmed(struct tt_chat_request *request, const struct tt_chat_question *question);
/* Asks; `words` is what a mapping wants people to be asked. Answers. */
void tt_chat_ask(struct tt_chat_request *request, const struct tt_chat_question *question, const char *words);
/* Sets a parameter of request->node: request->rest names it, and the value with it unless command.value has it. */
void tt_chat_control(struct tt_chat_request *request);
