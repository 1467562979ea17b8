/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_fill.h: forms of parameters, and of the arguments of a command, in the commands for people: which fields were offered,
 * what was filled in, how it is said what was wrong, and the question before it is done.
 */
#pragma once

#include "adhoc.h"

/* What the names in a form mean: the points of a node, or the arguments of a command. */
struct tt_adhoc_points {
  const struct tt_point *points;
  size_t n;
};
const struct tt_point *tt_adhoc_point(struct tt_adhoc_points points, const char *name); /* NULL */

/* Kept in the state of a command; zeroed at first. */
struct tt_adhoc_fill {
  char **offered; /* names: nothing else is taken */
  size_t n_offered;
  struct tt_assignment *values; /* in lexical form; owned */
  size_t n_values;
};
void tt_adhoc_fill_finish(struct tt_adhoc_fill *fill);
void tt_adhoc_fill_forget(struct tt_adhoc_fill *fill); /* the values; what was offered stays */
/* These are in the form, and no others. False: out of memory; likewise below. */
bool tt_adhoc_fill_offer(struct tt_adhoc_fill *fill, const struct tt_parameter *parameters, size_t n);
bool tt_adhoc_fill_has_offered(const struct tt_adhoc_fill *fill, const char *name);
/* A value as a person wrote it. */
bool tt_adhoc_fill_add(struct tt_adhoc_fill *fill, struct tt_adhoc_points points, const char *name,
                       const char *text, const char *language);
const char *tt_adhoc_fill_text(const struct tt_adhoc_fill *fill, const char *name); /* NULL: it has none */
/* The values of a form that has come back, instead of those before; without those that are left alone. NULL, or the English
 * sentence that says what it has that no form of ours leads to. */
typedef bool (*tt_adhoc_left_fn)(const void *user, const struct tt_assignment *value);
const char *tt_adhoc_fill_take(struct tt_adhoc_fill *fill, const struct tt_xml *form, struct tt_adhoc_points points,
                               const char *language, tt_adhoc_left_fn is_left_alone, const void *user);

/* "level (in what people call it)", "12.5 %": appended. */
void tt_adhoc_put_name(struct tt_buf *out, struct tt_adhoc_points points, const char *name, const char *language);
void tt_adhoc_put_value(struct tt_buf *out, struct tt_adhoc_points points, const struct tt_assignment *value,
                        const char *language);
/* A sentence, then what is at fault. `text` NULL: that of the refusal. */
void tt_adhoc_put_fault(struct tt_buf *out, struct tt_adhoc_points points, enum tt_refusal refusal,
                        const char *text, const struct tt_parameter_error *errors, size_t n, const char *language);

/* The form that asks whether it is meant: the questions, what was filled in, and a field to say yes in. Asks. */
void tt_adhoc_confirm(struct tt_adhoc_session *session, const char *title, const char *questions,
                      struct tt_adhoc_points points, const struct tt_adhoc_fill *fill);
bool tt_adhoc_is_confirmed(const struct tt_xml *form);
