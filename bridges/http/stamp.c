/* SPDX-License-Identifier: Apache-2.0
 * Times as text. */
#include "stamp.h"

#include <math.h>
#include <time.h>

#define STAMP_MAX_US (UINT64_C(7258118400) * TT_USEC_PER_SEC) /* 2200-01-01 */

static int stamp_of_number(double number, enum http_stamp_unit unit, uint64_t *ret)
{
  double us = number * (unit == HTTP_STAMP_MS ? 1e3 : 1e6);
  if (!isfinite(us) || us < 0 || us > (double)STAMP_MAX_US)
    return -EINVAL;
  *ret = (uint64_t)llround(us);
  return 0;
}

/* Some devices write a blank for the T, and the zone without its colon. */
static int stamp_of_text(const char *text, uint64_t *ret)
{
  char copy[48];
  uint64_t us;
  size_t n = strlen(text);
  if (n < 10 || n + 2 > sizeof copy)
    return -EINVAL;
  memcpy(copy, text, n + 1);
  if (copy[10] == ' ')
    copy[10] = 'T';
  if (n > 19 && (copy[n - 5] == '+' || copy[n - 5] == '-') && !memchr(copy + n - 4, ':', 4)) {
    memmove(copy + n - 1, copy + n - 2, 3);
    copy[n - 2] = ':';
  } else if (n == 16 && copy[13] == ':') { /* without seconds */
    memcpy(copy + n, ":00", 4);
  }
  if (tt_datetime_parse(copy, &us) < 0 || us > STAMP_MAX_US)
    return -EINVAL;
  *ret = us;
  return 0;
}

int http_stamp_parse(const struct tt_value *raw, enum http_stamp_unit unit, uint64_t *ret_wall_us)
{
  double number;
  switch (unit) {
  case HTTP_STAMP_ISO:
    return raw->type == TT_TYPE_STRING ? stamp_of_text(raw->text, ret_wall_us) : -EINVAL;
  case HTTP_STAMP_S:
  case HTTP_STAMP_MS:
    break;
  }
  if (raw->type == TT_TYPE_STRING)
    return tt_double_parse(raw->text, &number) < 0 ? -EINVAL : stamp_of_number(number, unit, ret_wall_us);
  return tt_value_is_number(raw->type) ? stamp_of_number(tt_value_number(raw), unit, ret_wall_us) : -EINVAL;
}

int http_date_parse(const char *text, uint64_t *ret_wall_us)
{
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static const char shape[] = "AAA, 00 AAA 0000 00:00:00 GMT"; /* A a letter, 0 a digit */
  struct tm tm = {0};
  char month[4] = "";
  if (strlen(text) != sizeof shape - 1)
    return -EINVAL;
  for (size_t i = 0; i < sizeof shape - 1; i++) {
    bool is_digit = text[i] >= '0' && text[i] <= '9';
    bool is_letter = (text[i] | 32) >= 'a' && (text[i] | 32) <= 'z';
    if (shape[i] == '0' ? !is_digit : shape[i] == 'A' ? !is_letter : text[i] != shape[i])
      return -EINVAL;
  }
#define DIGITS2(i) ((text[i] - '0') * 10 + text[(i) + 1] - '0')
  memcpy(month, text + 8, 3);
  const char *at = strstr(months, month);
  tm.tm_mday = DIGITS2(5);
  tm.tm_year = DIGITS2(12) * 100 + DIGITS2(14) - 1900;
  tm.tm_hour = DIGITS2(17);
  tm.tm_min = DIGITS2(20);
  tm.tm_sec = DIGITS2(23);
#undef DIGITS2
  if (!at || (at - months) % 3 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 70 || tm.tm_year >= 300 ||
      tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
    return -EINVAL;
  tm.tm_mon = (int)(at - months) / 3;
  time_t s = timegm(&tm);
  if (s < 0)
    return -EINVAL;
  *ret_wall_us = (uint64_t)s * TT_USEC_PER_SEC;
  return 0;
}

int http_retry_after_parse(const char *text, uint64_t now_wall_us, uint64_t *ret_us)
{
  uint64_t at;
  size_t n = strspn(text, "0123456789");
  if (n && !text[n]) {
    *ret_us = n > 6 ? HTTP_RETRY_AFTER_MAX_US : strtoul(text, NULL, 10) * TT_USEC_PER_SEC;
  } else if (http_date_parse(text, &at) == 0) {
    *ret_us = at > now_wall_us ? at - now_wall_us : 0;
  } else {
    return -EINVAL;
  }
  if (*ret_us > HTTP_RETRY_AFTER_MAX_US)
    *ret_us = HTTP_RETRY_AFTER_MAX_US;
  return 0;
}
