/* SPDX-License-Identifier: Apache-2.0
 *
 * told.h: what people are told unasked of a thing: a watch of theirs, a room. Appended as chat text; foreign texts are made harmless
 * (letters.h). Pure.
 */
#pragma once

#include "model/tree.h"

#define TT_CHAT_TOLD_MAX 20 /* fields in one message */

/* "*plug* power: 12.3 W", or a line a field. `fields` are of the node. */
void tt_chat_put_told(struct tt_buf *out, const struct tt_node *node, const struct tt_field *const fields[],
                      size_t n, struct tt_now now, const char *language);
/* "*plug* does not answer: why". `node` NULL: it goes by its key. */
void tt_chat_put_silent(struct tt_buf *out, const struct tt_node *node, const char *key, const char *why,
                        const char *language);
