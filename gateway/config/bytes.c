/* SPDX-License-Identifier: Apache-2.0
 * bytes.c: numbers, texts and values as bytes. */
#include "bytes.h"

/* ---- Writing ------------------------------------------------------------------------------------------------ */
void tt_put_number(struct tt_buf *out, uint64_t number)
{
  char bytes[10];
  size_t n = 0;
  for (; number >= 0x80; number >>= 7)
    bytes[n++] = (char)(number | 0x80);
  bytes[n++] = (char)number;
  tt_buf_add(out, bytes, n);
}

void tt_put_signed(struct tt_buf *out, int64_t number)
{
  uint64_t bits = (uint64_t)number << 1;
  tt_put_number(out, number < 0 ? ~bits : bits);
}

void tt_put_double(struct tt_buf *out, double number)
{
  tt_buf_add(out, (const char *)&number, sizeof number); /* both ends are the same machine */
}

void tt_put_text(struct tt_buf *out, const char *text)
{
  size_t n = text ? strlen(text) : 0;
  tt_put_number(out, text ? n + 1 : 0);
  if (n)
    tt_buf_add(out, text, n);
}

void tt_put_value(struct tt_buf *out, const struct tt_value *value)
{
  tt_put_number(out, value->type);
  switch (value->type) {
  case TT_TYPE_NONE:
    break;
  case TT_TYPE_BOOLEAN:
    tt_put_number(out, value->boolean);
    break;
  case TT_TYPE_INT32:
    tt_put_signed(out, value->int32);
    break;
  case TT_TYPE_INT64:
    tt_put_signed(out, value->int64);
    break;
  case TT_TYPE_QUANTITY:
    tt_put_double(out, value->quantity.number);
    tt_put_signed(out, value->quantity.decimals);
    break;
  case TT_TYPE_DATETIME:
    tt_put_number(out, value->datetime_us);
    break;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    tt_put_text(out, value->text);
    break;
  }
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */
static const unsigned char *take(struct tt_bytes *in, size_t n)
{
  if (in->is_bad || n > (size_t)(in->end - in->at)) {
    in->is_bad = true;
    return NULL;
  }
  const unsigned char *at = in->at;
  in->at += n;
  return at;
}

uint64_t tt_take_number(struct tt_bytes *in, uint64_t max)
{
  uint64_t number = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const unsigned char *byte = take(in, 1);
    if (!byte)
      return 0;
    uint64_t bits = *byte & 0x7f;
    if (bits << shift >> shift != bits)
      break; /* more than 64 bits */
    number |= bits << shift;
    if (*byte & 0x80)
      continue;
    if (number > max)
      break;
    return number;
  }
  in->is_bad = true;
  return 0;
}

int64_t tt_take_signed(struct tt_bytes *in)
{
  uint64_t bits = tt_take_number(in, UINT64_MAX);
  return (int64_t)(bits & 1 ? ~(bits >> 1) : bits >> 1);
}

double tt_take_double(struct tt_bytes *in)
{
  double number = 0;
  const unsigned char *at = take(in, sizeof number);
  if (at)
    memcpy(&number, at, sizeof number);
  return number;
}

bool tt_take_bool(struct tt_bytes *in)
{
  return tt_take_number(in, 1);
}

size_t tt_take_count(struct tt_bytes *in, size_t max)
{
  size_t n = tt_take_number(in, max);
  if (n <= tt_bytes_left(in))
    return n;
  in->is_bad = true;
  return 0;
}

const char *tt_take_text(struct tt_bytes *in, size_t *ret_n)
{
  uint64_t n = tt_take_number(in, UINT64_MAX);
  *ret_n = 0;
  if (n == 0)
    return NULL;
  const unsigned char *text = take(in, n - 1);
  if (!text || memchr(text, '\0', n - 1)) {
    in->is_bad = true;
    return NULL;
  }
  *ret_n = n - 1;
  return (const char *)text;
}

const char *tt_take_text_into(struct tt_bytes *in, struct tt_arena *arena)
{
  size_t n;
  const char *text = tt_take_text(in, &n);
  char *copy = text ? tt_arena_strndup(arena, text, n) : NULL;
  if (text && !copy)
    in->is_bad = true;
  return copy;
}

static void take_text_value(struct tt_bytes *in, enum tt_type type, struct tt_value *ret)
{
  size_t n;
  const char *text = tt_take_text(in, &n);
  if (!text || tt_value_text(type, text, n, ret) < 0)
    in->is_bad = true;
}

void tt_take_value(struct tt_bytes *in, struct tt_value *ret)
{
  enum tt_type type = (enum tt_type)tt_take_number(in, TT_TYPE_COUNT - 1);
  struct tt_value value = {.type = type};
  int64_t number;
  *ret = (struct tt_value){.type = TT_TYPE_NONE};
  switch (type) {
  case TT_TYPE_NONE:
    break;
  case TT_TYPE_BOOLEAN:
    value.boolean = tt_take_bool(in);
    break;
  case TT_TYPE_INT32:
    number = tt_take_signed(in);
    value.int32 = (int32_t)number;
    in->is_bad |= number < INT32_MIN || number > INT32_MAX;
    break;
  case TT_TYPE_INT64:
    value.int64 = tt_take_signed(in);
    break;
  case TT_TYPE_QUANTITY:
    value.quantity.number = tt_take_double(in);
    number = tt_take_signed(in);
    in->is_bad |= number < TT_DECIMALS_FREE || number > TT_DECIMALS_MAX;
    value.quantity.decimals = (int8_t)number;
    break;
  case TT_TYPE_DATETIME:
    value.datetime_us = tt_take_number(in, UINT64_MAX);
    break;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    take_text_value(in, type, ret);
    return;
  }
  if (!in->is_bad)
    *ret = value;
}
