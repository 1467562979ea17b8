/* SPDX-License-Identifier: Apache-2.0
 * value.c: typed values, thingtree/value.h. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <thingtree/value.h>

/* What a type is, in one row; the order is that of enum tt_type. */
static const struct {
  const char *name;
  bool is_text, is_number;
} types[TT_TYPE_COUNT] = {
    [TT_TYPE_NONE] = {"none", false, false},      [TT_TYPE_BOOLEAN] = {"boolean", false, false},
    [TT_TYPE_INT32] = {"int32", false, true},     [TT_TYPE_INT64] = {"int64", false, true},
    [TT_TYPE_QUANTITY] = {"number", false, true}, [TT_TYPE_STRING] = {"string", true, false},
    [TT_TYPE_DATE] = {"date", true, false},       [TT_TYPE_DATETIME] = {"dateTime", false, false},
    [TT_TYPE_TIME] = {"time", true, false},       [TT_TYPE_DURATION] = {"duration", true, false},
    [TT_TYPE_ENUM] = {"enum", true, false},
};

const char *tt_type_name(enum tt_type type)
{
  return types[type].name;
}

bool tt_value_is_text(enum tt_type type)
{
  return types[type].is_text;
}

bool tt_value_is_number(enum tt_type type)
{
  return types[type].is_number;
}

void tt_value_finish(struct tt_value *value)
{
  if (tt_value_is_text(value->type))
    free(value->text);
  *value = (struct tt_value){0};
}

int tt_value_copy(const struct tt_value *value, struct tt_value *ret_copy)
{
  struct tt_value copy = *value;
  if (tt_value_is_text(value->type)) {
    copy.text = strdup(value->text);
    if (!copy.text)
      return -ENOMEM;
  }
  *ret_copy = copy;
  return 0;
}

int tt_value_text(enum tt_type type, const char *text, size_t n, struct tt_value *ret)
{
  char *clean = tt_text_clean(text, n, TT_TEXT_MAX);
  if (!clean)
    return -ENOMEM;
  *ret = (struct tt_value){.type = type, .text = clean};
  return 0;
}

double tt_value_number(const struct tt_value *value)
{
  switch (value->type) {
  case TT_TYPE_BOOLEAN:
    return value->boolean;
  case TT_TYPE_INT32:
    return value->int32;
  case TT_TYPE_INT64:
    return (double)value->int64;
  case TT_TYPE_QUANTITY:
    return value->quantity.number;
  case TT_TYPE_NONE:
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    break;
  }
  return NAN;
}

#define NUMBER_SIZE 400 /* %.12f of the largest double has 309 + 1 + 12 characters */

/* Most numbers are short decimals: the double is the one nearest to them, which a multiplication tells. printf() gives
 * the same text, ten times slower. Below these limits half a unit in the last place of the double is far less than half
 * of the last decimal. */
#define SHORT_DECIMALS 6
#define SHORT_LARGEST  1e9

static bool short_print(double number, int decimals, char out[static NUMBER_SIZE])
{
  static const int32_t powers[SHORT_DECIMALS + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};
  if (decimals > SHORT_DECIMALS || fabs(number) >= SHORT_LARGEST)
    return false;
  int64_t digits = llrint(number * powers[decimals]);
  if ((double)digits / powers[decimals] != number)
    return false;
  char reversed[32];
  int n = 0, at = 0;
  uint64_t rest = digits < 0 ? (uint64_t)-digits : (uint64_t)digits;
  for (; rest > 0 || n <= decimals; rest /= 10) {
    if (n == decimals && decimals > 0)
      reversed[at++] = '.';
    reversed[at++] = (char)('0' + rest % 10);
    n++;
  }
  if (digits < 0)
    *out++ = '-';
  while (at > 0)
    *out++ = reversed[--at];
  *out = '\0';
  return true;
}

static bool shortest_print(double number, char out[static NUMBER_SIZE])
{
  for (int decimals = 0; decimals <= SHORT_DECIMALS; decimals++)
    if (short_print(number, decimals, out))
      return true;
  return false;
}

static const char *quantity_print(const struct tt_value *value, char out[static NUMBER_SIZE])
{
  double number = value->quantity.number;
  int decimals = value->quantity.decimals;
  if (!isfinite(number)) {
    snprintf(out, NUMBER_SIZE, "%s", isnan(number) ? "NaN" : number > 0 ? "INF" : "-INF");
  } else if (decimals >= 0 ? short_print(number, decimals, out) : shortest_print(number, out)) {
    return out;
  } else if (decimals >= 0) {
    snprintf(out, NUMBER_SIZE, "%.*f", decimals > TT_DECIMALS_MAX ? TT_DECIMALS_MAX : decimals, number);
  } else {
    int precision = 6; /* the shortest that reads back as the same double: 17 always does */
    do
      snprintf(out, NUMBER_SIZE, "%.*g", precision++, number);
    while (precision <= 17 && strtod(out, NULL) != number);
  }
  if (*out == '-' && !out[1 + strspn(out + 1, "0.")]) /* no sensor means a negative zero */
    memmove(out, out + 1, strlen(out));
  return out;
}

bool tt_value_equals(const struct tt_value *a, const struct tt_value *b)
{
  if (a->type != b->type)
    return false;
  switch (a->type) {
  case TT_TYPE_NONE:
    return true;
  case TT_TYPE_BOOLEAN:
    return a->boolean == b->boolean;
  case TT_TYPE_INT32:
    return a->int32 == b->int32;
  case TT_TYPE_INT64:
    return a->int64 == b->int64;
  case TT_TYPE_DATETIME:
    return a->datetime_us == b->datetime_us;
  case TT_TYPE_QUANTITY:
    return a->quantity.number == b->quantity.number;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    return !strcmp(a->text, b->text);
  }
  return false;
}

void tt_value_print(const struct tt_value *value, struct tt_buf *out)
{
  char text[NUMBER_SIZE];
  switch (value->type) {
  case TT_TYPE_NONE:
    break;
  case TT_TYPE_BOOLEAN:
    tt_buf_puts(out, value->boolean ? "true" : "false");
    break;
  case TT_TYPE_INT32:
    tt_buf_printf(out, "%" PRId32, value->int32);
    break;
  case TT_TYPE_INT64:
    tt_buf_printf(out, "%" PRId64, value->int64);
    break;
  case TT_TYPE_QUANTITY:
    tt_buf_puts(out, quantity_print(value, text));
    break;
  case TT_TYPE_DATETIME:
    tt_buf_puts(out, tt_datetime_print(text, value->datetime_us));
    break;
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    tt_buf_puts(out, value->text);
    break;
  }
}

/* Decimals that a plain decimal number was written with; TT_DECIMALS_FREE for exponents. */
static int8_t decimals_of(const char *text)
{
  const char *point = strchr(text, '.');
  if (strpbrk(text, "eE"))
    return TT_DECIMALS_FREE;
  size_t n = point ? strlen(point + 1) : 0;
  return n > TT_DECIMALS_MAX ? TT_DECIMALS_FREE : (int8_t)n;
}

/* xs:date, xs:time, xs:duration by their patterns: '0' stands for a digit. */
static bool has_shape(const char *text, const char *shape)
{
  for (; *shape; shape++, text++)
    if (*shape == '0' ? !isdigit((unsigned char)*text) : *shape != *text)
      return false;
  size_t fraction = *text == '.' ? strspn(text + 1, "0123456789") + 1 : 0;
  text += fraction > 1 && fraction < 12 ? fraction : 0;
  return !*text || !strcmp(text, "Z") ||
         ((*text == '+' || *text == '-') && isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2]) &&
          text[3] == ':' && isdigit((unsigned char)text[4]) && isdigit((unsigned char)text[5]) && !text[6]);
}

static bool is_date(const char *text)
{
  char full[TT_DATETIME_SIZE];
  uint64_t us;
  return strlen(text) <= 16 && has_shape(text, "0000-00-00") && text[10] != '.' &&
         snprintf(full, sizeof full, "%.10sT00:00:00Z", text) > 0 && tt_datetime_parse(full, &us) != -EINVAL;
}

static bool is_time(const char *text)
{
  return has_shape(text, "00:00:00") && atoi(text) < 24 && atoi(text + 3) < 60 && atoi(text + 6) < 61;
}

static bool is_duration(const char *text)
{
  text += *text == '-';
  if (*text++ != 'P' || !*text)
    return false;
  const char *order = "YMD";
  bool in_time = false, has_part = false;
  while (*text) {
    if (*text == 'T') {
      if (in_time || !text[1])
        return false;
      in_time = true;
      order = "HMS";
      text++;
      continue;
    }
    size_t n = strspn(text, "0123456789");
    if (n == 0)
      return false;
    text += n;
    if (*text == '.') {
      size_t fraction = strspn(text + 1, "0123456789");
      if (fraction == 0 || text[1 + fraction] != 'S')
        return false;
      text += 1 + fraction;
    }
    const char *unit = *text ? strchr(order, *text) : NULL;
    if (!unit)
      return false;
    order = unit + 1;
    text++;
    has_part = true;
  }
  return has_part;
}

static int boolean_parse(const char *text, bool *ret)
{
  static const struct {
    const char *text;
    bool value;
  } words[] = {{"true", true}, {"1", true}, {"false", false}, {"0", false}};
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (!strcmp(text, words[i].text)) {
      *ret = words[i].value;
      return 0;
    }
  return -EINVAL;
}

int tt_value_parse(enum tt_type type, const char *text, struct tt_value *ret)
{
  struct tt_value value = {.type = type};
  int64_t integer;
  int r = 0;
  switch (type) {
  case TT_TYPE_NONE:
    return -EINVAL;
  case TT_TYPE_BOOLEAN:
    r = boolean_parse(text, &value.boolean);
    break;
  case TT_TYPE_INT32:
    r = tt_int64_parse(text, &integer);
    if (r >= 0 && (integer < INT32_MIN || integer > INT32_MAX))
      r = -ERANGE;
    value.int32 = r < 0 ? 0 : (int32_t)integer;
    break;
  case TT_TYPE_INT64:
    r = tt_int64_parse(text, &value.int64);
    break;
  case TT_TYPE_QUANTITY:
    r = tt_double_parse(text, &value.quantity.number);
    value.quantity.decimals = decimals_of(text);
    break;
  case TT_TYPE_DATETIME:
    r = tt_datetime_parse(text, &value.datetime_us);
    break;
  case TT_TYPE_DATE:
    return is_date(text) ? tt_value_text(type, text, strlen(text), ret) : -EINVAL;
  case TT_TYPE_TIME:
    return is_time(text) ? tt_value_text(type, text, strlen(text), ret) : -EINVAL;
  case TT_TYPE_DURATION:
    return is_duration(text) ? tt_value_text(type, text, strlen(text), ret) : -EINVAL;
  case TT_TYPE_STRING:
  case TT_TYPE_ENUM:
    return tt_value_text(type, text, strlen(text), ret);
  }
  if (r < 0)
    return r;
  *ret = value;
  return 0;
}
