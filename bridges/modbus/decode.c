/* SPDX-License-Identifier: Apache-2.0
 *
 * decode.c: registers to raw values and back.
 */
#include "decode.h"

#include <math.h>
#include <stdio.h>

/* A whole number that went through a scale may be off by rounding, but not by more than this part of it. */
#define WHOLE_TOLERANCE 1e-9

static uint16_t swap_bytes(uint16_t word)
{
  return (uint16_t)(word << 8 | word >> 8);
}

/* The words as one number, most significant first. */
static uint64_t join(const struct mb_format *format, const uint16_t words[])
{
  uint64_t all = 0;
  for (unsigned i = 0; i < format->words; i++) {
    uint16_t word = words[format->order & MB_ORDER_SWAP_WORDS ? format->words - 1 - i : i];
    all = all << 16 | (format->order & MB_ORDER_SWAP_BYTES ? swap_bytes(word) : word);
  }
  return all;
}

static void split(const struct mb_format *format, uint64_t all, uint16_t words[])
{
  for (unsigned i = format->words; i-- > 0; all >>= 16) {
    uint16_t word = (uint16_t)all;
    words[format->order & MB_ORDER_SWAP_WORDS ? format->words - 1 - i : i] =
        format->order & MB_ORDER_SWAP_BYTES ? swap_bytes(word) : word;
  }
}

/* A float32 of 230.1 is 230.10000610351562 as a double. What the device meant is the shortest decimal number that gives
 * the same float. */
static double meant_by(float single)
{
  char text[32];
  if (!isfinite(single))
    return (double)single;
  for (int digits = 6; digits < 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)single);
    if (strtof(text, NULL) == single)
      return strtod(text, NULL);
  }
  snprintf(text, sizeof text, "%.9g", (double)single);
  return strtod(text, NULL);
}

static int decode_text(const struct mb_format *format, const uint16_t words[], struct tt_value *ret)
{
  char text[2 * MB_READ_REGISTERS_MAX];
  size_t n = 0;
  for (unsigned i = 0; i < format->words && i < MB_READ_REGISTERS_MAX; i++) {
    uint16_t word = format->order & MB_ORDER_SWAP_BYTES ? swap_bytes(words[i]) : words[i];
    text[n++] = (char)(word >> 8);
    text[n++] = (char)word;
  }
  n = strnlen(text, n);
  while (n > 0 && text[n - 1] == ' ')
    n--;
  return tt_value_text(TT_TYPE_STRING, text, n, ret);
}

static bool is_signed(enum mb_type type)
{
  return type == MB_INT16 || type == MB_INT32 || type == MB_INT64;
}

static int decode_integer(const struct mb_format *format, uint64_t all, struct tt_value *ret)
{
  unsigned bits = 16 * format->words;
  if (format->width) {
    all = all >> format->bit & ((UINT64_C(1) << format->width) - 1);
  } else if (is_signed(format->type) && bits < 64 && all >> (bits - 1)) {
    all |= ~UINT64_C(0) << bits;
  }
  if (format->is_boolean) {
    *ret = TT_VALUE_BOOLEAN(all != 0);
    return 0;
  }
  if (all > INT64_MAX && !is_signed(format->type))
    return -ERANGE;
  *ret = TT_VALUE_INT64((int64_t)all);
  return 0;
}

int mb_decode(const struct mb_format *format, const uint16_t words[], size_t n, struct tt_value *ret)
{
  if (n != format->words || n == 0)
    return -EINVAL;
  if (format->type == MB_STRING)
    return decode_text(format, words, ret);
  if (n > 4)
    return -EINVAL;
  uint64_t all = join(format, words);
  switch (format->type) {
  case MB_FLOAT32: {
    uint32_t bits = (uint32_t)all;
    float single;
    memcpy(&single, &bits, sizeof single);
    *ret = TT_VALUE_QUANTITY(meant_by(single), TT_DECIMALS_FREE);
    return 0;
  }
  case MB_FLOAT64: {
    double number;
    memcpy(&number, &all, sizeof number);
    *ret = TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE);
    return 0;
  }
  case MB_STRING:
  case MB_INT16:
  case MB_UINT16:
  case MB_INT32:
  case MB_UINT32:
  case MB_INT64:
  case MB_UINT64:
  case MB_BIT:
  case MB_BITS16:
  case MB_BITS32:
  case MB_SCALED:
    break;
  }
  return decode_integer(format, all, ret);
}

/* ---- Back -------------------------------------------------------------------------------------------- */
static int whole(double number, int64_t *ret)
{
  double nearest = nearbyint(number);
  if (!isfinite(number) || fabs(number - nearest) > WHOLE_TOLERANCE * fmax(1, fabs(number)))
    return -EINVAL;
  if (nearest < -0x1p63 || nearest >= 0x1p63)
    return -ERANGE;
  *ret = (int64_t)nearest;
  return 0;
}

static int raw_integer(const struct tt_value *raw, int64_t *ret)
{
  switch (raw->type) {
  case TT_TYPE_BOOLEAN:
    *ret = raw->boolean;
    return 0;
  case TT_TYPE_INT32:
    *ret = raw->int32;
    return 0;
  case TT_TYPE_INT64:
    *ret = raw->int64;
    return 0;
  case TT_TYPE_QUANTITY:
    return whole(raw->quantity.number, ret);
  case TT_TYPE_STRING:
  case TT_TYPE_ENUM:
    return tt_int64_parse(raw->text, ret);
  case TT_TYPE_NONE:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
    break;
  }
  return -EINVAL;
}

static int raw_number(const struct tt_value *raw, double *ret)
{
  if (tt_value_is_number(raw->type) || raw->type == TT_TYPE_BOOLEAN) {
    *ret = tt_value_number(raw);
    return isfinite(*ret) ? 0 : -EINVAL;
  }
  return tt_value_is_text(raw->type) ? tt_double_parse(raw->text, ret) : -EINVAL;
}

static int encode_text(const struct mb_format *format, const struct tt_value *raw, uint16_t words[])
{
  if (!tt_value_is_text(raw->type))
    return -EINVAL;
  size_t n = strlen(raw->text);
  if (n > 2 * format->words)
    return -ERANGE;
  for (unsigned i = 0; i < format->words; i++) {
    uint8_t high = 2 * i < n ? (uint8_t)raw->text[2 * i] : 0;
    uint8_t low = 2 * i + 1 < n ? (uint8_t)raw->text[2 * i + 1] : 0;
    uint16_t word = (uint16_t)(high << 8 | low);
    words[i] = format->order & MB_ORDER_SWAP_BYTES ? swap_bytes(word) : word;
  }
  return 0;
}

static int encode_float(const struct mb_format *format, double number, uint64_t *ret_all)
{
  if (format->type == MB_FLOAT64) {
    memcpy(ret_all, &number, sizeof number);
    return 0;
  }
  float single = (float)number;
  uint32_t bits;
  if (!isfinite(single))
    return -ERANGE;
  memcpy(&bits, &single, sizeof bits);
  *ret_all = bits;
  return 0;
}

static int encode_integer(const struct mb_format *format, int64_t number, uint64_t *ret_all)
{
  unsigned bits = format->type == MB_BIT ? 1 : 16 * format->words;
  if (bits < 64) {
    int64_t least = is_signed(format->type) ? -(INT64_C(1) << (bits - 1)) : 0;
    int64_t most = is_signed(format->type) ? (INT64_C(1) << (bits - 1)) - 1 : (INT64_C(1) << bits) - 1;
    if (number < least || number > most)
      return -ERANGE;
  } else if (number < 0 && !is_signed(format->type)) {
    return -ERANGE;
  }
  *ret_all = bits < 64 ? (uint64_t)number & ((UINT64_C(1) << bits) - 1) : (uint64_t)number;
  return 0;
}

int mb_encode(const struct mb_format *format, const struct tt_value *raw, uint16_t words[], size_t size)
{
  uint64_t all;
  int r;
  if (size < format->words || format->words == 0 || format->width)
    return -EINVAL;
  if (format->type == MB_STRING)
    return encode_text(format, raw, words);
  if (format->words > 4)
    return -EINVAL;
  if (format->type == MB_FLOAT32 || format->type == MB_FLOAT64) {
    double number;
    r = raw_number(raw, &number);
    if (r >= 0)
      r = encode_float(format, number, &all);
  } else {
    int64_t number;
    r = raw_integer(raw, &number);
    if (r >= 0)
      r = encode_integer(format, number, &all);
  }
  if (r < 0)
    return r;
  split(format, all, words);
  return 0;
}

int mb_encode_mask(const struct mb_format *format, const struct tt_value *raw, uint16_t words[static 2])
{
  int64_t number;
  if (!format->width || format->words != 1)
    return -EINVAL;
  int r = raw_integer(raw, &number);
  if (r < 0)
    return r;
  if (number < 0 || number >> format->width)
    return -ERANGE;
  uint16_t bits = (uint16_t)(((UINT32_C(1) << format->width) - 1) << format->bit);
  words[0] = (uint16_t)~bits;
  words[1] = (uint16_t)(number << format->bit);
  if (format->order & MB_ORDER_SWAP_BYTES) {
    words[0] = swap_bytes(words[0]);
    words[1] = swap_bytes(words[1]);
  }
  return 0;
}

/* ---- Powers of ten ----------------------------------------------------------------------------------- */
static int64_t power_of_ten(int n)
{
  int64_t power = 1;
  while (n-- > 0)
    power *= 10;
  return power;
}

int mb_scale(const struct tt_value *raw, int16_t power, struct tt_value *ret)
{
  if (power < -MB_POWER_MAX || power > MB_POWER_MAX || raw->type != TT_TYPE_INT64)
    return -ERANGE;
  double number = (double)raw->int64;
  /* A division by a power of ten is exact to the last bit where a multiplication by 0.1 is not. */
  number = power < 0 ? number / (double)power_of_ten(-power) : number * (double)power_of_ten(power);
  *ret = TT_VALUE_QUANTITY(number, (int8_t)(power < 0 ? -power : 0));
  return 0;
}

int mb_unscale(const struct tt_value *value, int16_t power, struct tt_value *ret)
{
  double number;
  if (power < -MB_POWER_MAX || power > MB_POWER_MAX)
    return -ERANGE;
  int r = raw_number(value, &number);
  if (r < 0)
    return r;
  number = power < 0 ? number * (double)power_of_ten(-power) : number / (double)power_of_ten(power);
  *ret = TT_VALUE_QUANTITY(number, TT_DECIMALS_FREE);
  return 0;
}
