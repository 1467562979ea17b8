/* SPDX-License-Identifier: Apache-2.0
 *
 * form.h: control parameters, and arguments of commands, as a data form (XEP-0004 with validation, XEP-0122, layout, XEP-0141, and the marks of
 * XEP-0336), and the form that comes back. Pure.
 */
#pragma once

#include "writer.h"
#include "xml.h"

#include "model/execute.h"

#define TT_NS_FORM "jabber:x:data"
/* Before the number of a text that stands between fields; some clients send it back. No parameter has a blank in its
 * name. */
#define TT_FORM_FIXED "fixed "

/* Appends the form, fields in the order in which they are to be sent. */
void tt_form_write(struct tt_buf *out, const char *title, const char *language,
                   const struct tt_parameter *parameters, size_t n);

/* One field of a form for people, who may be using a client that sends back whatever it shows, and the first option of a list
 * where nothing is chosen: what has no known value can be left as it is (an empty value). `typed`: what was written there
 * before, instead of the current value; NULL. */
void tt_form_write_field(struct tt_writer *w, const char *language, const struct tt_parameter *parameter,
                         const char *typed);
/* The same for an argument of a command: what must be given is marked as required, and what has no value is to be chosen. */
void tt_form_write_argument(struct tt_writer *w, const char *language, const struct tt_parameter *argument,
                            const char *typed);
/* For machines, the arguments of a command: what must be given is marked as required, and what is wrong stands in its
 * field. */
struct tt_argument_form {
  const char *title, *instructions, *language; /* instructions NULL: none */
  const struct tt_parameter *arguments;
  size_t n_arguments;
  const struct tt_parameter_error *errors; /* of arguments by name */
  size_t n_errors;
};
void tt_form_write_arguments(struct tt_buf *out, const struct tt_argument_form *form);

/* The fields of a submitted form that somebody may have filled in: without hidden ones, without those that have no
 * <value/> at all. Allocated in `arena`, borrowing from the form. -EINVAL: no submitted form, or a field without
 * name or with several values (`ret_wrong`: its name, may be NULL); -ENOMEM. */
int tt_form_parse(const struct tt_xml *form, struct tt_arena *arena, struct tt_assignment **ret_assignments,
                  size_t *ret_n, const char **ret_wrong);
