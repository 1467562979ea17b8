/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_choose.h: choosing a node, or a point of one, in a form: a list of what fits and the caller may know of, by place and
 * label. Where that is long, a text that the names must have narrows it.
 */
#pragma once

#include "adhoc.h"

#define TT_ADHOC_CHOICES_MAX 50
#define TT_ADHOC_FILTER_SIZE 64

struct tt_adhoc_choices;
/* Puts what there is to choose of this node: tt_adhoc_offer() as often as there is. */
typedef void (*tt_adhoc_offer_fn)(struct tt_adhoc_choices *choices, const struct tt_node *node);
/* `point` TT_NO_POINT: the node itself. `is_sole`: it is the only one of this node, so the node names it. */
void tt_adhoc_offer(struct tt_adhoc_choices *choices, const struct tt_node *node, uint16_t point, bool is_sole);

/* Who is to choose. */
struct tt_adhoc_asker tt_adhoc_chooser(const struct tt_adhoc_choices *choices);
/* May they read, or control, any of these names (fields; parameters, commands) of the node; none given: any at all? For lists and
 * menus: what cannot be decided at once counts as yes, for whoever chooses it is judged again. */
bool tt_adhoc_may(const struct tt_adhoc_asker *asker, enum tt_access_op op, const struct tt_node *node,
                  const char *const names[], size_t n);

/* Kept in the state of a command; zeroed at first. */
struct tt_adhoc_choice {
  char filter[TT_ADHOC_FILTER_SIZE];
  /* What was chosen. */
  tt_id node;
  uint16_t point;
};

/* The fields `node` (the list) and, for long lists, `filter`: of the thing that was asked, else of the whole tree. Returns how
 * many there are to choose from, at most TT_ADHOC_CHOICES_MAX; 0: nothing was written. */
size_t tt_adhoc_write_choices(struct tt_adhoc_session *session, struct tt_dataform *form, const char *label,
                              tt_adhoc_offer_fn fn, const struct tt_adhoc_choice *choice);

/* What was chosen is in `choice`. False: nothing; the form is shown again, with another filter or with what is wrong. */
bool tt_adhoc_take_choice(struct tt_adhoc_session *session, const struct tt_xml *form, tt_adhoc_offer_fn fn,
                          struct tt_adhoc_choice *choice);
/* What to say when nothing was chosen, or there is nothing to choose. */
extern const char tt_adhoc_choose_something[];

/* What can be read: to choose from, and whether there is anything at the address that is asked (tt_adhoc_command). */
void tt_adhoc_offer_readable(struct tt_adhoc_choices *choices, const struct tt_node *node);
bool tt_adhoc_is_readable_here(const struct tt_adhoc_asker *asker, void *user);
/* A thing to read, and the only one of its fields that is wanted, as a person wrote it; NULL: all. Kept in the state of a command,
 * which frees `field`. */
struct tt_adhoc_wish {
  struct tt_adhoc_choice choice;
  char *field;
};
/* `show` and `take` of the stage that asks for it; `next` is the stage that has it, where a thing's own address leads at once. */
void tt_adhoc_show_wish(struct tt_adhoc_session *session, const char *title, const char *instructions,
                        const struct tt_adhoc_wish *wish, unsigned next);
void tt_adhoc_take_wish(struct tt_adhoc_session *session, const struct tt_xml *form, struct tt_adhoc_wish *wish,
                        unsigned next);
/* A person may write the name of a field or what it is called. NULL: there is none. */
const char *tt_adhoc_field_name(const struct tt_node *node, const char *text, const char *language);

/* "House › Hall › Plug". Appended. */
void tt_adhoc_node_path(struct tt_buf *out, const struct tt_node *node, const char *language);
