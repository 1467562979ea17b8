/* SPDX-License-Identifier: Apache-2.0
 *
 * human.h: values as people read and write them, for every reader that speaks to people (chat, ad-hoc commands, presence,
 * command line): none of them formats a value by itself. Pure; texts in the language of the request.
 */
#pragma once

#include "tree.h"

/* "21.5 °C", "on", "heating"; TT_TYPE_NONE: "no value". A date and time is UTC: "2026-11-22 18:54:53Z". */
void tt_human_value(struct tt_buf *out, const struct tt_value *value, const char *unit, const char *language);
/* The value of a field, and what is to be known about it: "21.5 °C (old value)", "no value (why)". */
void tt_human_field(struct tt_buf *out, const struct tt_node *node, uint16_t point, struct tt_now now,
                    const char *language);
/* The label of a point, else its name with blanks for underscores. Appended. */
void tt_human_name(struct tt_buf *out, const struct tt_point *point, const char *language);
/* What a person wrote for a value of this point, in the lexical form that a control request takes (tt_assignment.text): "on", "ja",
 * "21,5", "21.5 °C", "50 %". What it does not know it leaves as it is, for the control to judge. */
void tt_human_parse(struct tt_buf *out, const struct tt_point *point, const char *text, const char *language);
