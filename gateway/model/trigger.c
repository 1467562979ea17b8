/* SPDX-License-Identifier: Apache-2.0
 * trigger.c: decisions about events (trigger.h). */
#include "trigger.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* What a difference of two decimal fractions can be off by, relative to the larger. */
#define ROUNDING (4 * DBL_EPSILON)

/* hh:mm:ss[.fff], without its zone: times are compared as they are written. */
static double seconds_of_time(const char *text)
{
  unsigned h, m;
  double s;
  return sscanf(text, "%2u:%2u:%lf", &h, &m, &s) == 3 ? h * 3600.0 + m * 60.0 + s : NAN;
}

static double seconds_of_duration(const char *text)
{
  double seconds;
  return tt_xsd_duration_parse(text, &seconds) == 0 ? seconds : NAN;
}

static double seconds_of_date(const char *text)
{
  char full[TT_DATETIME_SIZE];
  uint64_t wall_us;
  snprintf(full, sizeof(full), "%.10sT00:00:00Z", text);
  return tt_datetime_parse(full, &wall_us) == 0 ? (double)wall_us / TT_USEC_PER_SEC : NAN;
}

/* NAN: it has no place on a scale. */
static double scale_of(const struct tt_value *value)
{
  switch (value->type) {
  case TT_TYPE_BOOLEAN:
  case TT_TYPE_INT32:
  case TT_TYPE_INT64:
  case TT_TYPE_QUANTITY:
    return tt_value_number(value);
  case TT_TYPE_DATETIME:
    return (double)value->datetime_us / TT_USEC_PER_SEC;
  case TT_TYPE_DATE:
    return seconds_of_date(value->text);
  case TT_TYPE_TIME:
    return seconds_of_time(value->text);
  case TT_TYPE_DURATION:
    return seconds_of_duration(value->text);
  case TT_TYPE_NONE:
  case TT_TYPE_STRING:
  case TT_TYPE_ENUM:
    return NAN;
  }
  return NAN;
}

double tt_distance(const struct tt_value *from, const struct tt_value *to)
{
  double a = scale_of(from), b = scale_of(to);
  bool is_number = tt_value_is_number(from->type) && tt_value_is_number(to->type);
  if (to->type == TT_TYPE_NONE)
    return 0;
  if ((from->type == to->type || is_number) && !isnan(a) && !isnan(b))
    return b - a;
  if (from->type != to->type && !is_number)
    return INFINITY;
  if (!tt_value_is_text(from->type))
    return isnan(a) && isnan(b) ? 0 : INFINITY;
  int order = strcmp(to->text, from->text);
  return order == 0 ? 0 : order > 0 ? 1 : -1;
}

bool tt_limits_reached(const struct tt_limits *limits, const struct tt_value *from, const struct tt_value *to)
{
  double distance = tt_distance(from, to);
  if (distance == 0)
    return false;
  double rounding = ROUNDING * fmax(fabs(scale_of(from)), fabs(scale_of(to)));
  if (!isfinite(rounding))
    rounding = 0;
  if (limits->by >= 0)
    return fabs(distance) >= limits->by - rounding;
  return (limits->up >= 0 && distance > 0 && distance >= limits->up - rounding) ||
         (limits->down >= 0 && distance < 0 && -distance >= limits->down - rounding);
}

uint64_t tt_pace_due(const struct tt_pace *pace, bool is_reached)
{
  uint64_t forced = pace->max_us ? pace->last_us + pace->max_us : TT_NEVER;
  uint64_t free = pace->has_event ? pace->last_us + pace->min_us : 0;
  if (is_reached)
    return free;
  return forced < free ? free : forced;
}
