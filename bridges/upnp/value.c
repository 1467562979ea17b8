/* SPDX-License-Identifier: Apache-2.0
 *
 * value.c: values between the wire and the model, by the rules of a state variable.
 */
#include "common/pick.h"
#include "scpd.h"

#include <math.h>
#include <stdio.h>

#define NO_VALUE     "NOT_IMPLEMENTED" /* what services of UPnP AV say instead of a value */
#define STEP_EPSILON 1e-6              /* of a step: how far a multiple may be off */

/* The spellings that the architecture allows, and "True". */
static bool read_boolean(const char *text, bool *ret)
{
  static const char *const words[] = {"0", "false", "no", "1", "true", "yes"};
  for (size_t i = 0; i < TT_COUNT(words); i++)
    if (strcasecmp(text, words[i]) == 0) {
      *ret = i >= TT_COUNT(words) / 2;
      return true;
    }
  return false;
}

int up_value_read(const struct up_variable *variable, const struct tt_point *point, const char *text,
                  struct tt_value *ret, char why[static UP_WHY_SIZE])
{
  bool is_text = point->type == TT_TYPE_STRING || point->type == TT_TYPE_ENUM || point->n_map > 0;
  bool is_boolean = point->type == TT_TYPE_BOOLEAN || (variable && variable->kind == UP_BOOLEAN);
  char reason[TT_PICK_WHY_SIZE] = "";
  if (!is_text && (!*text || strcmp(text, NO_VALUE) == 0))
    return -ENODATA;
  if (is_boolean && point->n_map == 0 && point->type != TT_TYPE_STRING) {
    bool boolean;
    if (!read_boolean(text, &boolean)) {
      snprintf(why, UP_WHY_SIZE, "\"%.64s\" is neither true nor false", text);
      return -EINVAL;
    }
    *ret = TT_VALUE_BOOLEAN(boolean);
    return 0;
  }
  int r = tt_pick_text_value(text, strlen(text), tt_pick_wants_number(point), ret, reason);
  if (r < 0)
    snprintf(why, UP_WHY_SIZE, "%s", reason);
  return r;
}

/* ---- To the wire ---------------------------------------------------------------------------------------------- */
static int refuse(int error, char why[static UP_WHY_SIZE], const char *format, ...) TT_PRINTF(3, 4);
static int refuse(int error, char why[static UP_WHY_SIZE], const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  vsnprintf(why, UP_WHY_SIZE, format, ap);
  va_end(ap);
  return error;
}

static int check_number(const struct up_variable *v, double number, char why[static UP_WHY_SIZE])
{
  if (v->kind == UP_INTEGER && (number < v->type_min || number > v->type_max))
    return refuse(-ERANGE, why, "%s takes %.15g to %.15g (%s)", v->name, v->type_min, v->type_max, v->type);
  if (!v->has_range)
    return 0;
  if (number < v->min || number > v->max)
    return refuse(-ERANGE, why, "%s takes %.15g to %.15g", v->name, v->min, v->max);
  double steps = v->step > 0 ? (number - v->min) / v->step : 0;
  if (fabs(steps - round(steps)) > STEP_EPSILON)
    return refuse(-ERANGE, why, "%s takes %.15g to %.15g in steps of %.15g", v->name, v->min, v->max, v->step);
  return 0;
}

/* A list without an end would be no message for people. */
static int check_word(const struct up_variable *v, const char *text, char why[static UP_WHY_SIZE])
{
  if (v->n_allowed == 0)
    return 0;
  for (size_t i = 0; i < v->n_allowed; i++)
    if (strcmp(v->allowed[i], text) == 0)
      return 0;
  TT_AUTOBUF struct tt_buf list = TT_BUF(160);
  for (size_t i = 0; i < v->n_allowed && !list.failed; i++) {
    size_t before = list.len;
    tt_buf_printf(&list, "%s%s", i ? ", " : "", v->allowed[i]);
    if (list.failed) {
      tt_buf_truncate(&list, before);
      break;
    }
  }
  return refuse(-EINVAL, why, "%s takes one of: %s", v->name, list.data ? list.data : "");
}

static int write_boolean(const struct up_variable *v, const char *text, struct tt_buf *out, char *why)
{
  bool boolean;
  if (!read_boolean(text, &boolean))
    return refuse(-EINVAL, why, "%s takes true or false", v->name);
  tt_buf_putc(out, boolean ? '1' : '0');
  return 0;
}

static int write_integer(const struct up_variable *v, const char *text, struct tt_buf *out, char *why)
{
  double number;
  int64_t integer;
  if (tt_int64_parse(text, &integer) < 0) {
    if (tt_double_parse(text, &number) < 0 || number != trunc(number) || fabs(number) > 0x1p53)
      return refuse(-EINVAL, why, "%s takes a whole number", v->name);
    integer = (int64_t)number;
  }
  int r = check_number(v, (double)integer, why);
  if (r == 0)
    tt_buf_printf(out, "%lld", (long long)integer);
  return r;
}

static int write_number(const struct up_variable *v, const char *text, struct tt_buf *out, char *why)
{
  double number;
  if (tt_double_parse(text, &number) < 0)
    return refuse(-EINVAL, why, "%s takes a number", v->name);
  int r = check_number(v, number, why);
  if (r == 0)
    tt_buf_puts(out, text);
  return r;
}

static int write_text(const struct up_variable *v, const char *text, struct tt_buf *out, char *why)
{
  int r = check_word(v, text, why);
  if (r == 0)
    tt_buf_puts(out, text);
  return r;
}

int up_value_write(const struct up_variable *variable, const struct tt_value *value, struct tt_buf *out,
                   char why[static UP_WHY_SIZE])
{
  TT_AUTOBUF struct tt_buf printed = TT_BUF(TT_TEXT_MAX + 64);
  bool is_true = false;
  tt_value_print(value, &printed);
  if (printed.failed)
    return refuse(-ENOMEM, why, "no memory");
  const char *text = printed.data ? printed.data : "";
  if (value->type == TT_TYPE_BOOLEAN && variable->kind != UP_TEXT && read_boolean(text, &is_true))
    text = is_true ? "1" : "0";
  switch (variable->kind) {
  case UP_BOOLEAN:
    return write_boolean(variable, text, out, why);
  case UP_INTEGER:
    return write_integer(variable, text, out, why);
  case UP_NUMBER:
    return write_number(variable, text, out, why);
  case UP_TEXT:
  case UP_DATE:
  case UP_DATETIME:
  case UP_TIME:
    return write_text(variable, text, out, why);
  }
  return -EINVAL;
}
