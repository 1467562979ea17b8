/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes.h: numbers, texts and values as bytes, and back. Writing goes into a text buffer, which may hold any bytes.
 * Reading trusts nothing: it never leaves its bytes, and once something was wrong it stays wrong and gives zeros, so
 * that a decoder asks once, at its end. No state, any thread.
 *
 * A number is 1 to 10 bytes of 7 bits each, least significant first; a text is its length + 1 and its bytes, NULL is 0.
 */
#pragma once

#include <thingtree/value.h>

struct tt_bytes {
  const unsigned char *at, *end;
  bool is_bad; /* too short, or not what it should be */
};

static inline struct tt_bytes tt_bytes_of(const void *data, size_t size)
{
  return (struct tt_bytes){.at = data, .end = (const unsigned char *)data + size};
}
static inline size_t tt_bytes_left(const struct tt_bytes *in)
{
  return in->is_bad ? 0 : (size_t)(in->end - in->at);
}

void tt_put_number(struct tt_buf *out, uint64_t number);
void tt_put_signed(struct tt_buf *out, int64_t number); /* small ones of both signs are short */
void tt_put_double(struct tt_buf *out, double number);
void tt_put_text(struct tt_buf *out, const char *text); /* may be NULL */
void tt_put_value(struct tt_buf *out, const struct tt_value *value);

uint64_t tt_take_number(struct tt_bytes *in, uint64_t max); /* larger is bad */
int64_t tt_take_signed(struct tt_bytes *in);
double tt_take_double(struct tt_bytes *in);
bool tt_take_bool(struct tt_bytes *in);
/* How many elements follow, each of at least one byte: never more than bytes are left, nor than `max`. */
size_t tt_take_count(struct tt_bytes *in, size_t max);
/* Not terminated; NULL: there was NULL, or it is bad. A text with a NUL inside is bad. */
const char *tt_take_text(struct tt_bytes *in, size_t *ret_n);
/* Copied; NULL likewise. */
const char *tt_take_text_into(struct tt_bytes *in, struct tt_arena *arena);
/* Text is cleaned and cut as tt_value_text() does; TT_TYPE_NONE when it is bad. The caller finishes it. */
void tt_take_value(struct tt_bytes *in, struct tt_value *ret);
