/* SPDX-License-Identifier: Apache-2.0
 * convert.c: raw values to field values and back (convert.h). The steps stand in the order of point.h: invalid,
 * bits, map, scale and offset, decimals, the point's type. */
#include "convert.h"

#include "text/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define TEXT_SHOWN 64 /* bytes of a device's or sender's text repeated in a reason */

/* A double that ought to be a whole number may be off by what binary fractions do to it. */
static bool is_near(double a, double b)
{
  return fabs(a - b) <= 1e-9 + fabs(a) * 4e-15;
}

/* Where the reason of a refusal goes. What a device says is judged once for everybody and in English; what somebody has sent,
 * in their language. */
struct reason {
  const char *language; /* NULL: English */
  char *why;
  size_t size;
};

static int refuse(int error, const struct reason *reason, const char *format, ...) TT_PRINTF(3, 4);
static int refuse(int error, const struct reason *reason, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  if (reason->size > 0)
    vsnprintf(reason->why, reason->size, tt_tr(reason->language, format), ap);
  va_end(ap);
  return error;
}

/* The value as a person would quote it. */
static const char *shown(const struct tt_value *value, char out[static TEXT_SHOWN])
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_value_print(value, &text);
  return tt_text_printable(out, TEXT_SHOWN, text.data ? text.data : "", text.len);
}

static const char *shown_text(const char *text, char out[static TEXT_SHOWN])
{
  return tt_text_printable(out, TEXT_SHOWN, text, strlen(text));
}

/* Fewest decimals that write this number exactly; TT_DECIMALS_FREE when there is no such short form. */
static int decimals_needed(double number)
{
  char text[400];
  for (int d = 0; d <= TT_DECIMALS_MAX; d++) {
    snprintf(text, sizeof text, "%.*f", d, number);
    if (strtod(text, NULL) == number)
      return d;
  }
  return TT_DECIMALS_FREE;
}

/* Without spaces around: XML Schema collapses them for every type but strings. */
static const char *trim(const char *text, char *out, size_t size)
{
  while (isspace((unsigned char)*text))
    text++;
  size_t n = strlen(text);
  while (n > 0 && isspace((unsigned char)text[n - 1]))
    n--;
  if (n >= size)
    return text;
  memcpy(out, text, n);
  out[n] = '\0';
  return out;
}

/* ---- Raw values against the texts of `invalid:`, `map:` and `bits:` ------------------------------------- */
static bool text_is_number(const char *text, double *ret)
{
  int64_t integer;
  if (tt_double_parse(text, ret) >= 0)
    return true;
  if (tt_int64_parse(text, &integer) < 0) /* hexadecimal */
    return false;
  *ret = (double)integer;
  return true;
}

static bool raw_is(const struct tt_value *raw, const char *text)
{
  int64_t integer;
  double number;
  switch (raw->type) {
  case TT_TYPE_BOOLEAN:
    return !strcmp(text, raw->boolean ? "true" : "false") || !strcmp(text, raw->boolean ? "1" : "0");
  case TT_TYPE_INT32:
  case TT_TYPE_INT64:
    integer = raw->type == TT_TYPE_INT32 ? raw->int32 : raw->int64;
    int64_t wanted;
    if (tt_int64_parse(text, &wanted) >= 0)
      return wanted == integer;
    return tt_double_parse(text, &number) >= 0 && number == (double)integer;
  case TT_TYPE_QUANTITY:
    if (isnan(raw->quantity.number))
      return !strcmp(text, "nan") || !strcmp(text, "NaN");
    return text_is_number(text, &number) && number == raw->quantity.number;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    return !strcmp(text, raw->text);
  case TT_TYPE_NONE:
  case TT_TYPE_DATETIME:
    break;
  }
  return false;
}

static bool is_invalid(const struct tt_point *point, const struct tt_value *raw)
{
  for (size_t i = 0; i < point->n_invalid; i++)
    if (raw_is(raw, point->invalid[i]))
      return true;
  return raw->type == TT_TYPE_NONE;
}

/* The whole number a raw value is; -EINVAL when it is none. */
static int raw_integer(const struct tt_value *raw, int64_t *ret)
{
  char text[64];
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
    if (!(fabs(raw->quantity.number) < 0x1p63) || raw->quantity.number != trunc(raw->quantity.number))
      return -EINVAL;
    *ret = (int64_t)raw->quantity.number;
    return 0;
  case TT_TYPE_STRING:
    return tt_int64_parse(trim(raw->text, text, sizeof text), ret) < 0 ? -EINVAL : 0;
  case TT_TYPE_NONE:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    break;
  }
  return -EINVAL;
}

static int bits_to_text(const struct tt_point *point, const struct tt_value *raw, struct tt_value *ret,
                        const struct reason *reason)
{
  char quoted[TEXT_SHOWN];
  int64_t bits, number;
  if (raw_integer(raw, &bits) < 0)
    return refuse(-EINVAL, reason, "\"%s\" is not a whole number, so it has no bits", shown(raw, quoted));
  struct tt_buf out TT_AUTOBUF = TT_BUF(TT_TEXT_MAX);
  for (size_t i = 0; i < point->n_bits; i++) {
    if (tt_int64_parse(point->bits[i].raw, &number) < 0 || number < 0 || number > 63 ||
        !((uint64_t)bits >> number & 1))
      continue;
    if (out.len > 0)
      tt_buf_puts(&out, ", ");
    tt_value_print(&point->bits[i].value, &out);
  }
  enum tt_type type = tt_value_is_text(point->type) ? point->type : TT_TYPE_STRING;
  return tt_value_text(type, out.data ? out.data : "", out.len, ret);
}

static const struct tt_map_entry *map_by_raw(const struct tt_point *point, const struct tt_value *raw)
{
  for (size_t i = 0; i < point->n_map; i++)
    if (raw_is(raw, point->map[i].raw))
      return &point->map[i];
  return NULL;
}

static const struct tt_map_entry *map_by_value(const struct tt_point *point, const struct tt_value *value)
{
  for (size_t i = 0; i < point->n_map; i++)
    if (tt_value_equals(&point->map[i].value, value))
      return &point->map[i];
  return NULL;
}

/* ---- Numbers ----------------------------------------------------------------------------------------- */
/* A raw value as a number: INT64 or QUANTITY. */
static int to_number(const struct tt_value *raw, struct tt_value *ret, const struct reason *reason)
{
  char buffer[64], quoted[TEXT_SHOWN];
  const char *text;
  switch (raw->type) {
  case TT_TYPE_BOOLEAN:
    *ret = TT_VALUE_INT64(raw->boolean);
    return 0;
  case TT_TYPE_INT32:
    *ret = TT_VALUE_INT64(raw->int32);
    return 0;
  case TT_TYPE_INT64:
  case TT_TYPE_QUANTITY:
    *ret = *raw;
    break;
  case TT_TYPE_STRING:
    text = trim(raw->text, buffer, sizeof buffer);
    if (tt_value_parse(TT_TYPE_INT64, text, ret) < 0 && tt_value_parse(TT_TYPE_QUANTITY, text, ret) < 0)
      return refuse(-EINVAL, reason, "\"%s\" is not a number", shown(raw, quoted));
    return 0;
  case TT_TYPE_NONE:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    return refuse(-EINVAL, reason, "\"%s\" is not a number", shown(raw, quoted));
  }
  if (ret->type == TT_TYPE_QUANTITY && !isfinite(ret->quantity.number))
    return refuse(-EINVAL, reason, "%s is not a number", shown(raw, quoted));
  return 0;
}

static bool is_whole(double number)
{
  return number == trunc(number) && fabs(number) < 0x1p53;
}

/* raw * scale + offset. Whole numbers stay whole (a 64-bit counter keeps its last digits); otherwise the decimals
 * that scale and offset add to those of the device are kept: 234 * 0.1 is 23.4, not 23.400000000000002. */
static int scale_number(const struct tt_point *point, struct tt_value *number, const struct reason *reason)
{
  int64_t integer;
  if (number->type == TT_TYPE_INT64 && is_whole(point->scale) && is_whole(point->offset) &&
      !__builtin_mul_overflow(number->int64, (int64_t)point->scale, &integer) &&
      !__builtin_add_overflow(integer, (int64_t)point->offset, &integer)) {
    number->int64 = integer;
    return 0;
  }
  int own = number->type == TT_TYPE_INT64 ? 0 : number->quantity.decimals;
  int by_scale = decimals_needed(point->scale), by_offset = decimals_needed(point->offset);
  int decimals = own + by_scale > by_offset ? own + by_scale : by_offset;
  if (own < 0 || by_scale < 0 || by_offset < 0 || decimals > TT_DECIMALS_MAX)
    decimals = TT_DECIMALS_FREE;
  double value = tt_value_number(number) * point->scale + point->offset;
  if (!isfinite(value))
    return refuse(-EINVAL, reason, TT_TR("the value is too large after scaling"));
  *number = TT_VALUE_QUANTITY(value, (int8_t)decimals);
  return 0;
}

/* A number as INT32 or INT64, refused when something would be lost. */
static int to_integer(enum tt_type type, const struct tt_value *number, struct tt_value *ret,
                      const struct reason *reason)
{
  char quoted[TEXT_SHOWN];
  int64_t integer = 0;
  if (number->type == TT_TYPE_INT64) {
    integer = number->int64;
  } else {
    double near = nearbyint(number->quantity.number);
    if (!is_near(near, number->quantity.number))
      return refuse(-EINVAL, reason, TT_TR("%s is not a whole number"), shown(number, quoted));
    if (!(near >= -0x1p63 && near < 0x1p63))
      return refuse(-EINVAL, reason, TT_TR("%s does not fit a 64-bit integer"), shown(number, quoted));
    integer = (int64_t)near;
  }
  if (type == TT_TYPE_INT64) {
    *ret = TT_VALUE_INT64(integer);
    return 0;
  }
  if (integer < INT32_MIN || integer > INT32_MAX)
    return refuse(-EINVAL, reason, TT_TR("%s does not fit a 32-bit integer"),
                  shown(&TT_VALUE_INT64(integer), quoted));
  *ret = (struct tt_value){.type = TT_TYPE_INT32, .int32 = (int32_t)integer};
  return 0;
}

static struct tt_value to_quantity(const struct tt_point *point, const struct tt_value *number)
{
  int8_t decimals = number->type == TT_TYPE_QUANTITY ? number->quantity.decimals : 0;
  if (point->decimals != TT_DECIMALS_FREE)
    decimals = point->decimals;
  return TT_VALUE_QUANTITY(tt_value_number(number), decimals);
}

/* ---- The point's type -------------------------------------------------------------------------------- */
static int to_boolean(const struct tt_value *raw, struct tt_value *ret, const struct reason *reason)
{
  char buffer[16], quoted[TEXT_SHOWN];
  int64_t integer;
  if (raw->type == TT_TYPE_STRING &&
      tt_value_parse(TT_TYPE_BOOLEAN, trim(raw->text, buffer, sizeof buffer), ret) >= 0)
    return 0;
  if (raw_integer(raw, &integer) < 0 || integer < 0 || integer > 1)
    return refuse(-EINVAL, reason, "\"%s\" is neither true nor false, and no map says which", shown(raw, quoted));
  *ret = TT_VALUE_BOOLEAN(integer == 1);
  return 0;
}

static int to_text(enum tt_type type, const struct tt_value *raw, struct tt_value *ret)
{
  if (tt_value_is_text(raw->type))
    return tt_value_text(type, raw->text, strlen(raw->text), ret);
  struct tt_buf text TT_AUTOBUF = TT_BUF(TT_TEXT_MAX);
  tt_value_print(raw, &text);
  return tt_value_text(type, text.data ? text.data : "", text.len, ret);
}

#define YEAR_10000_S 253402300800.0

/* xs:dateTime, or a number: seconds since 1970. */
static int to_datetime(const struct tt_value *raw, struct tt_value *ret, const struct reason *reason)
{
  char quoted[TEXT_SHOWN], buffer[64];
  struct tt_value number;
  if (raw->type == TT_TYPE_STRING &&
      tt_value_parse(TT_TYPE_DATETIME, trim(raw->text, buffer, sizeof buffer), ret) >= 0)
    return 0;
  if (to_number(raw, &number, reason) < 0 || !(tt_value_number(&number) >= 0) ||
      tt_value_number(&number) >= YEAR_10000_S)
    return refuse(-EINVAL, reason, "\"%s\" is not a date with time", shown(raw, quoted));
  *ret =
      (struct tt_value){.type = TT_TYPE_DATETIME, .datetime_us = (uint64_t)(tt_value_number(&number) * 1e6 + 0.5)};
  return 0;
}

static int to_lexical(enum tt_type type, const struct tt_value *raw, struct tt_value *ret,
                      const struct reason *reason)
{
  char quoted[TEXT_SHOWN], buffer[128];
  if (raw->type != TT_TYPE_STRING || tt_value_parse(type, trim(raw->text, buffer, sizeof buffer), ret) < 0)
    return refuse(-EINVAL, reason, "\"%s\" is not a %s", shown(raw, quoted), tt_type_name(type));
  return 0;
}

static int to_type(const struct tt_point *point, const struct tt_value *raw, struct tt_value *ret,
                   const struct reason *reason)
{
  struct tt_value number;
  int r = 0;
  switch (point->type) {
  case TT_TYPE_NONE:
    return refuse(-EINVAL, reason, TT_TR("the point has no type"));
  case TT_TYPE_BOOLEAN:
    return to_boolean(raw, ret, reason);
  case TT_TYPE_INT32:
  case TT_TYPE_INT64:
  case TT_TYPE_QUANTITY:
    r = to_number(raw, &number, reason);
    if (r >= 0 && point->has_scale)
      r = scale_number(point, &number, reason);
    if (r < 0)
      return r;
    if (point->type != TT_TYPE_QUANTITY)
      return to_integer(point->type, &number, ret, reason);
    *ret = to_quantity(point, &number);
    return 0;
  case TT_TYPE_STRING:
  case TT_TYPE_ENUM:
    return to_text(point->type, raw, ret);
  case TT_TYPE_DATETIME:
    return to_datetime(raw, ret, reason);
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
    return to_lexical(point->type, raw, ret, reason);
  }
  return -EINVAL;
}

int tt_convert_from_raw(const struct tt_point *point, const struct tt_value *raw, struct tt_value *ret, char *why,
                        size_t size)
{
  const struct reason *reason = &(struct reason){.why = why, .size = size};
  char quoted[TEXT_SHOWN];
  if (is_invalid(point, raw))
    return -ENODATA;
  if (point->n_bits > 0)
    return bits_to_text(point, raw, ret, reason);
  if (point->n_map == 0)
    return to_type(point, raw, ret, reason);
  const struct tt_map_entry *entry = map_by_raw(point, raw);
  if (!entry)
    return refuse(-EINVAL, reason, "the device says \"%s\", which is not in the map", shown(raw, quoted));
  return tt_value_copy(&entry->value, ret);
}

/* ---- Parameters -------------------------------------------------------------------------------------- */
/* Which types a sender may use for a point of which type. */
#define BIT(type) (1u << (type))
#define INTEGERS  (BIT(TT_TYPE_INT32) | BIT(TT_TYPE_INT64))
static const unsigned accepted_types[TT_TYPE_COUNT] = {
    [TT_TYPE_BOOLEAN] = BIT(TT_TYPE_BOOLEAN),
    [TT_TYPE_INT32] = INTEGERS | BIT(TT_TYPE_QUANTITY),
    [TT_TYPE_INT64] = INTEGERS | BIT(TT_TYPE_QUANTITY),
    [TT_TYPE_QUANTITY] = INTEGERS | BIT(TT_TYPE_QUANTITY),
    [TT_TYPE_STRING] = BIT(TT_TYPE_STRING) | BIT(TT_TYPE_ENUM),
    [TT_TYPE_ENUM] = BIT(TT_TYPE_STRING) | BIT(TT_TYPE_ENUM),
    [TT_TYPE_DATE] = BIT(TT_TYPE_DATE),
    [TT_TYPE_DATETIME] = BIT(TT_TYPE_DATETIME),
    [TT_TYPE_TIME] = BIT(TT_TYPE_TIME),
    [TT_TYPE_DURATION] = BIT(TT_TYPE_DURATION),
};

static int parse_number(const struct tt_point *point, enum tt_type type, const char *text, struct tt_value *ret,
                        const struct reason *reason)
{
  char quoted[TEXT_SHOWN];
  struct tt_value number;
  bool is_any = type == TT_TYPE_NONE || type == TT_TYPE_QUANTITY;
  int r = is_any ? tt_value_parse(TT_TYPE_INT64, text, &number) : -EINVAL;
  if (type != TT_TYPE_NONE && strpbrk(text, "xX")) /* hexadecimal is for people, not for XML Schema */
    r = -EINVAL;
  else if (r < 0)
    r = tt_value_parse(type == TT_TYPE_NONE ? TT_TYPE_QUANTITY : type, text, &number);
  if (r == -ERANGE)
    return refuse(-EINVAL, reason, TT_TR("\"%s\" is out of the range of %s"), shown_text(text, quoted),
                  tt_type_name(type == TT_TYPE_NONE ? point->type : type));
  if (r < 0)
    return refuse(-EINVAL, reason,
                  type == TT_TYPE_INT32 || type == TT_TYPE_INT64 ? TT_TR("\"%s\" is not a whole number")
                                                                 : TT_TR("\"%s\" is not a number"),
                  shown_text(text, quoted));
  if (number.type == TT_TYPE_INT32)
    number = TT_VALUE_INT64(number.int32);
  if (point->type != TT_TYPE_QUANTITY)
    return to_integer(point->type, &number, ret, reason);
  *ret = to_quantity(point, &number);
  if (point->decimals != TT_DECIMALS_FREE && number.type == TT_TYPE_QUANTITY) {
    /* What is set is what is shown: no hidden digits. */
    char rounded[400];
    snprintf(rounded, sizeof rounded, "%.*f", point->decimals, ret->quantity.number);
    ret->quantity.number = strtod(rounded, NULL);
  }
  return 0;
}

static int check_limits(const struct tt_point *point, const struct tt_value *value, const struct reason *reason)
{
  const struct tt_write *write = point->write;
  char quoted[TEXT_SHOWN];
  double number = tt_value_number(value);
  if (!tt_value_is_number(value->type))
    return 0;
  if (write->has_range && number < write->min)
    return refuse(-EINVAL, reason, TT_TR("%s is below the least, %.15g"), shown(value, quoted), write->min);
  if (write->has_range && number > write->max)
    return refuse(-EINVAL, reason, TT_TR("%s is above the most, %.15g"), shown(value, quoted), write->max);
  if (write->step > 0) {
    double from = write->has_range ? write->min : 0, steps = (number - from) / write->step;
    if (!is_near(steps, nearbyint(steps)))
      return refuse(-EINVAL, reason, TT_TR("%s is not a whole number of steps of %.15g from %.15g"),
                    shown(value, quoted), write->step, from);
  }
  return 0;
}

/* "day, night": what the map allows. */
static void map_names(const struct tt_point *point, char *out, size_t size)
{
  struct tt_buf names TT_AUTOBUF = TT_BUF(TT_TEXT_MAX);
  for (size_t i = 0; i < point->n_map; i++) {
    bool is_again = false;
    for (size_t j = 0; j < i && !is_again; j++)
      is_again = tt_value_equals(&point->map[j].value, &point->map[i].value);
    if (is_again)
      continue;
    if (names.len > 0)
      tt_buf_puts(&names, ", ");
    tt_value_print(&point->map[i].value, &names);
  }
  tt_text_printable(out, size, names.data ? names.data : "", names.len);
}

int tt_convert_parameter(const struct tt_point *point, enum tt_type type, const char *text, struct tt_value *ret,
                         const char *language, char *why, size_t size)
{
  const struct reason *reason = &(struct reason){language, why, size};
  char buffer[256], quoted[TEXT_SHOWN], names[128];
  struct tt_value value TT_AUTOVALUE = {0};
  int r = 0;
  if (!point->write)
    return refuse(-EINVAL, reason, TT_TR("it can only be read"));
  if (type != TT_TYPE_NONE && !(accepted_types[point->type] & BIT(type)))
    return refuse(-EINVAL, reason, TT_TR("it is of type %s, not %s"), tt_type_name(point->type),
                  tt_type_name(type));
  if (strlen(text) > TT_TEXT_MAX)
    return refuse(-EINVAL, reason, TT_TR("the text is longer than %d bytes"), TT_TEXT_MAX);
  if (tt_value_is_number(point->type)) {
    r = parse_number(point, type, trim(text, buffer, sizeof buffer), &value, reason);
  } else {
    bool is_string = point->type == TT_TYPE_STRING || point->type == TT_TYPE_ENUM;
    r = tt_value_parse(point->type, is_string ? text : trim(text, buffer, sizeof buffer), &value);
    if (r < 0 && r != -ENOMEM && point->type == TT_TYPE_BOOLEAN)
      return refuse(-EINVAL, reason, TT_TR("\"%s\" is neither true nor false"), shown_text(text, quoted));
    if (r < 0 && r != -ENOMEM)
      return refuse(-EINVAL, reason, TT_TR("\"%s\" is not a %s"), shown_text(text, quoted),
                    tt_type_name(point->type));
  }
  if (r >= 0)
    r = check_limits(point, &value, reason);
  if (r < 0)
    return r;
  if (point->n_map > 0 && !map_by_value(point, &value)) {
    map_names(point, names, sizeof names);
    return refuse(-EINVAL, reason, TT_TR("\"%s\" is not one of: %s"), shown(&value, quoted), names);
  }
  *ret = value;
  value = (struct tt_value){0};
  return 0;
}

/* ---- The way back ------------------------------------------------------------------------------------ */
/* The raw value that a map writes as `text`: a number or a truth where it is written like one. */
static int raw_from_text(const char *text, struct tt_value *ret)
{
  char again[32];
  int64_t integer;
  bool is_integer = tt_int64_parse(text, &integer) >= 0;
  if (is_integer)
    snprintf(again, sizeof again, "%" PRId64, integer);
  if (is_integer && (!strcmp(again, text) || strpbrk(text, "xX"))) { /* "007" stays text */
    *ret = TT_VALUE_INT64(integer);
    return 0;
  }
  if (!strcmp(text, "true") || !strcmp(text, "false")) {
    *ret = TT_VALUE_BOOLEAN(text[0] == 't');
    return 0;
  }
  if (!is_integer && tt_value_parse(TT_TYPE_QUANTITY, text, ret) >= 0)
    return 0;
  return tt_value_text(TT_TYPE_STRING, text, strlen(text), ret);
}

/* (value - offset) / scale; whole where it is whole but for binary fractions. */
static int unscale(const struct tt_point *point, const struct tt_value *value, struct tt_value *ret_raw,
                   const struct reason *reason)
{
  char quoted[TEXT_SHOWN];
  if (point->scale == 0)
    return refuse(-EINVAL, reason, TT_TR("a scale of 0 has no way back"));
  bool is_integer = value->type != TT_TYPE_QUANTITY;
  if (is_integer && is_whole(point->scale) && is_whole(point->offset)) {
    int64_t rest, integer = value->type == TT_TYPE_INT32 ? value->int32 : value->int64;
    if (__builtin_sub_overflow(integer, (int64_t)point->offset, &rest))
      return refuse(-ERANGE, reason, TT_TR("%s is too large for the device"), shown(value, quoted));
    /* 2^63 / -1 is the one quotient that does not fit. */
    if ((int64_t)point->scale == -1 && rest == INT64_MIN)
      return refuse(-ERANGE, reason, TT_TR("%s is too large for the device"), shown(value, quoted));
    if (rest % (int64_t)point->scale != 0)
      return refuse(-EINVAL, reason, TT_TR("the device cannot express %s, only multiples of %.15g"),
                    shown(value, quoted), fabs(point->scale));
    *ret_raw = TT_VALUE_INT64(rest / (int64_t)point->scale);
    return 0;
  }
  double raw = (tt_value_number(value) - point->offset) / point->scale, near = nearbyint(raw);
  if (!isfinite(raw))
    return refuse(-ERANGE, reason, TT_TR("%s is too large for the device"), shown(value, quoted));
  if (is_near(near, raw) && fabs(near) < 0x1p63) {
    *ret_raw = TT_VALUE_INT64((int64_t)near);
  } else if (is_integer) {
    return refuse(-EINVAL, reason, TT_TR("the device cannot express %s exactly"), shown(value, quoted));
  } else {
    char text[32]; /* 234.5, not 234.49999999999997 */
    snprintf(text, sizeof text, "%.15g", raw);
    *ret_raw = TT_VALUE_QUANTITY(strtod(text, NULL), TT_DECIMALS_FREE);
  }
  return 0;
}

int tt_convert_to_raw(const struct tt_point *point, const struct tt_value *value, struct tt_value *ret_raw,
                      const char *language, char *why, size_t size)
{
  const struct reason *reason = &(struct reason){language, why, size};
  char quoted[TEXT_SHOWN];
  struct tt_value raw TT_AUTOVALUE = {0};
  int r = 0;
  if (value->type != point->type)
    return refuse(-EINVAL, reason, TT_TR("it is of type %s, not %s"), tt_type_name(point->type),
                  tt_type_name(value->type));
  if (point->n_bits > 0)
    return refuse(-EINVAL, reason, TT_TR("names of bits have no way back"));
  if (point->n_map > 0) {
    const struct tt_map_entry *entry = map_by_value(point, value);
    if (!entry)
      return refuse(-EINVAL, reason, TT_TR("\"%s\" is not in the map"), shown(value, quoted));
    r = raw_from_text(entry->raw, &raw);
  } else if (tt_value_is_number(value->type)) {
    if (value->type == TT_TYPE_QUANTITY && !isfinite(value->quantity.number))
      return refuse(-EINVAL, reason, TT_TR("%s is not a number"), shown(value, quoted));
    if (point->has_scale)
      r = unscale(point, value, &raw, reason);
    else
      raw = value->type == TT_TYPE_INT32 ? TT_VALUE_INT64(value->int32) : *value;
  } else if (value->type == TT_TYPE_BOOLEAN) {
    raw = *value;
  } else {
    r = to_text(TT_TYPE_STRING, value, &raw);
  }
  if (r < 0)
    return r;
  if (is_invalid(point, &raw))
    return refuse(-EINVAL, reason, TT_TR("to the device %s means \"no value\""), shown(&raw, quoted));
  *ret_raw = raw;
  raw = (struct tt_value){0};
  return 0;
}
