/* SPDX-License-Identifier: Apache-2.0
 * number.c: numbers, durations and date-times as text, of thingtree/util.h. Locale C is assumed (main sets it). */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <thingtree/util.h>
#include <time.h>

int tt_int64_parse(const char *text, int64_t *ret)
{
  const char *digits = text + (*text == '-' || *text == '+');
  bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  const char *allowed = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
  const char *body = is_hex ? digits + 2 : digits;
  if (!*body || strspn(body, allowed) != strlen(body))
    return -EINVAL;
  errno = 0;
  long long value = strtoll(text, NULL, is_hex ? 16 : 10);
  if (errno == ERANGE)
    return -ERANGE;
  *ret = value;
  return 0;
}

int tt_double_parse(const char *text, double *ret)
{
  if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
    return -EINVAL;
  char *end;
  double value = strtod(text, &end);
  if (*end || end == text)
    return -EINVAL;
  if (!isfinite(value))
    return -ERANGE;
  *ret = value;
  return 0;
}

/* From long to short, so that printing finds the longest unit that divides. */
static const struct {
  const char *name;
  uint64_t us;
} units[] = {
    {"d", UINT64_C(86400000000)}, {"h", UINT64_C(3600000000)}, {"min", UINT64_C(60000000)},
    {"s", UINT64_C(1000000)},     {"ms", UINT64_C(1000)},      {"us", UINT64_C(1)},
};

int tt_duration_parse(const char *text, uint64_t *ret_us)
{
  size_t n = strspn(text, "0123456789");
  if (n == 0)
    return -EINVAL;
  errno = 0;
  unsigned long long count = strtoull(text, NULL, 10);
  if (errno == ERANGE)
    return -ERANGE;
  if (!text[n] && count == 0) {
    *ret_us = 0;
    return 0;
  }
  for (size_t i = 0; i < TT_COUNT(units); i++)
    if (!strcmp(text + n, units[i].name)) {
      if (count > INT64_MAX / units[i].us)
        return -ERANGE;
      *ret_us = count * units[i].us;
      return 0;
    }
  return -EINVAL;
}

char *tt_duration_print(char *out, size_t size, uint64_t us)
{
  size_t i = 0;
  while (i + 1 < TT_COUNT(units) && (us < units[i].us || us % units[i].us))
    i++;
  if (us == 0)
    i = TT_COUNT(units) - 3; /* seconds */
  /* Two of a unit rather than 120 of the next is right; one and a half of it must go down, which `%` did. */
  snprintf(out, size, "%" PRIu64 "%s", us / units[i].us, units[i].name);
  return out;
}

/* Exactly n digits from *p; -1 when they are not there. */
static int digits(const char **p, int n)
{
  int value = 0;
  for (int i = 0; i < n; i++) {
    if (!isdigit((unsigned char)**p))
      return -1;
    value = value * 10 + *(*p)++ - '0';
  }
  return value;
}

static bool take(const char **p, char c)
{
  if (**p != c)
    return false;
  ++*p;
  return true;
}

int tt_datetime_parse(const char *text, uint64_t *ret_wall_us)
{
  const char *p = text;
  struct tm tm = {0};
  int year = digits(&p, 4);
  bool ok = year >= 0 && take(&p, '-') && (tm.tm_mon = digits(&p, 2)) >= 1 && tm.tm_mon <= 12 && take(&p, '-') &&
            (tm.tm_mday = digits(&p, 2)) >= 1 && tm.tm_mday <= 31 && take(&p, 'T') &&
            (tm.tm_hour = digits(&p, 2)) >= 0 && tm.tm_hour <= 24 && take(&p, ':') &&
            (tm.tm_min = digits(&p, 2)) >= 0 && tm.tm_min <= 59 && take(&p, ':') &&
            (tm.tm_sec = digits(&p, 2)) >= 0 && tm.tm_sec <= 60;
  if (!ok)
    return -EINVAL;
  int64_t us = 0;
  if (take(&p, '.')) {
    if (!isdigit((unsigned char)*p))
      return -EINVAL;
    for (int64_t scale = 100000; isdigit((unsigned char)*p); p++, scale /= 10)
      us += (*p - '0') * scale;
  }
  int zone_s = 0;
  if (*p == '+' || *p == '-') {
    int sign = *p++ == '-' ? -1 : 1;
    int hours = digits(&p, 2), minutes = take(&p, ':') ? digits(&p, 2) : -1;
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59)
      return -EINVAL;
    zone_s = sign * (hours * 3600 + minutes * 60);
  } else {
    take(&p, 'Z');
  }
  if (*p)
    return -EINVAL;
  struct tm given = tm;
  tm.tm_year = year - 1900;
  tm.tm_mon--;
  time_t seconds = timegm(&tm);
  if (tm.tm_mday != given.tm_mday && given.tm_hour != 24 && given.tm_sec != 60)
    return -EINVAL; /* 31 February */
  int64_t wall = ((int64_t)seconds - zone_s) * 1000000 + us;
  if (wall < 0)
    return -ERANGE;
  *ret_wall_us = (uint64_t)wall;
  return 0;
}

char *tt_datetime_print(char out[static TT_DATETIME_SIZE], uint64_t wall_us)
{
  const uint64_t last = UINT64_C(253402300799999999); /* 9999-12-31T23:59:59.999999Z */
  if (wall_us > last)
    wall_us = last;
  time_t seconds = (time_t)(wall_us / TT_USEC_PER_SEC);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  size_t n = strftime(out, TT_DATETIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(out + n, TT_DATETIME_SIZE - n, ".%03uZ", (unsigned)(wall_us / 1000 % 1000));
  return out;
}

/* ---- xs:duration --------------------------------------------------------------------------------------- */

int tt_xsd_duration_parse(const char *text, double *ret_seconds)
{
  /* In the order in which they stand, each at most once; after the T those of time. */
  static const struct {
    char unit;
    bool is_time;
    double seconds;
  } parts[] = {{'Y', false, 365 * 86400.0},
               {'M', false, 30 * 86400.0},
               {'D', false, 86400},
               {'H', true, 3600},
               {'M', true, 60},
               {'S', true, 1}};
  bool is_negative = *text == '-', is_time = false;
  double sum = 0;
  size_t next = 0, n = 0, n_of_part = 0;
  text += is_negative;
  if (*text++ != 'P')
    return -EINVAL;
  for (; *text; n++, n_of_part++) {
    if (*text == 'T' && !is_time) {
      is_time = true;
      n_of_part = 0;
      text++;
    }
    size_t digits = strspn(text, "0123456789"), fraction = 0;
    if (text[digits] == '.')
      fraction = 1 + strspn(text + digits + 1, "0123456789");
    char unit = text[digits + fraction], number[32];
    if (digits == 0 || fraction == 1 || (fraction && unit != 'S') || digits + fraction >= sizeof(number))
      return -EINVAL;
    memcpy(number, text, digits + fraction);
    number[digits + fraction] = '\0';
    while (next < TT_COUNT(parts) && (parts[next].unit != unit || parts[next].is_time != is_time))
      next++;
    double value;
    if (next == TT_COUNT(parts) || tt_double_parse(number, &value) < 0)
      return -EINVAL;
    sum += value * parts[next++].seconds;
    text += digits + fraction + 1;
  }
  if (n == 0 || n_of_part == 0)
    return -EINVAL;
  *ret_seconds = is_negative ? -sum : sum;
  return 0;
}
