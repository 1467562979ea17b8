/* SPDX-License-Identifier: Apache-2.0
 *
 * letters.h: what foreign text (labels, values, keys) may look like in an answer, and how names compare with what people type on
 * a phone. Pure.
 */
#pragma once

#include <thingtree/util.h>

#define TT_CHAT_FOREIGN_MAX 200 /* bytes of one foreign text that are shown */

/* Appends foreign text so that it is one piece of one line and nothing else: no line breaks, no control, invisible or
 * direction characters, no styling (XEP-0393): its marks become letters that look alike. Longer text is cut. */
void tt_chat_put(struct tt_buf *out, const char *text);
/* The same, emphasised. */
void tt_chat_put_bold(struct tt_buf *out, const char *text);

/* A text as names are compared: small letters (Latin, Greek, Cyrillic); `_`, `-` and every kind of blank one blank, none at the
 * ends; look-alikes back to what they were. Never longer than the text. `ret_end`, if not NULL, has as many entries as the text
 * has bytes: ret_end[i] is where in the text the letter ends that byte i of the result belongs to. Returns the length. `text` is
 * UTF-8. */
size_t tt_chat_fold(const char *text, char *out, size_t ret_end[]);

/* Takes out what is not seen and makes every kind of blank but line breaks a blank, in place. */
void tt_chat_tidy(char *text);
