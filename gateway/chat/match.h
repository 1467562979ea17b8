/* SPDX-License-Identifier: Apache-2.0
 *
 * match.h: what people call nodes and fields. By key, label in any language, path, or an unambiguous beginning of these; small and
 * capital letters, blanks and `_` and `-` are the same. Only what the caller may see is ever found. Main thread.
 */
#pragma once

#include "model/core.h"
#include "session.h"

#define TT_CHAT_FIELDS_MAX 32 /* named by one text */
#define TT_CHAT_PREFIX_MIN 2  /* letters of a beginning that is taken for a name */

/* The names that the text begins with, the longest. */
struct tt_chat_found {
  tt_id nodes[TT_CHAT_LIST_MAX];
  size_t n, n_all;
  size_t rest;   /* where in the text goes on what is not the name, without blanks and one '.' */
  bool is_exact; /* a whole name; else the beginning of one */
};
/* `place` (NULL) wins when there are several: what is below it. */
void tt_chat_match_node(struct tt_core *core, const struct tt_caller *caller, const struct tt_chat_session *session,
                        const struct tt_node *place, const char *text, struct tt_chat_found *ret);

struct tt_chat_fields {
  size_t points[TT_CHAT_FIELDS_MAX]; /* indices */
  size_t n, rest;
  bool is_exact;
};
void tt_chat_match_point(const struct tt_point *const points[], size_t n, const char *text,
                         struct tt_chat_fields *ret);
/* The fields of a node; `is_writable`: its parameters. Indices are those of node->points. */
void tt_chat_match_field(const struct tt_node *node, bool is_writable, const char *text,
                         struct tt_chat_fields *ret);

/* Does any name of the node contain this, as tt_chat_fold() made it? */
bool tt_chat_node_contains(const struct tt_node *node, const char *folded);

/* Texts among which the one closest to `text` is looked for. */
struct tt_chat_guess;
struct tt_chat_guess *tt_chat_guess_create(struct tt_arena *arena);
void tt_chat_guess_add(struct tt_chat_guess *guess, const char *name);
void tt_chat_guess_add_nodes(struct tt_chat_guess *guess, struct tt_core *core, const struct tt_caller *caller,
                             size_t max);
void tt_chat_guess_add_point(struct tt_chat_guess *guess, const struct tt_point *point);
/* As it was added; NULL. Of the whole text, else of its first word. */
const char *tt_chat_guess_closest(const struct tt_chat_guess *guess, const char *text);
