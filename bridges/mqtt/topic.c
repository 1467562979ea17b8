/* SPDX-License-Identifier: Apache-2.0
 * Names and filters of MQTT topics. */
#include "topic.h"

#include <string.h>
#include <thingtree/util.h>

/* The character at `*text` (valid UTF-8), which is taken off. */
static uint32_t take_character(const unsigned char **text)
{
  const unsigned char *p = *text;
  size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
  uint32_t c = n == 1 ? *p : *p & (0x7fu >> n);
  for (size_t i = 1; i < n; i++)
    c = c << 6 | (p[i] & 0x3f);
  *text = p + n;
  return c;
}

static bool is_control(uint32_t c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static bool is_noncharacter(uint32_t c)
{
  return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

/* What brokers may close the connection for (MQTT 3.1.1, 1.5.3), and Mosquitto does: all devices behind it would be lost
 * for the name of one. */
static const char *text_problem(const char *text)
{
  const unsigned char *p = (const unsigned char *)text;
  size_t n = strlen(text);
  if (n == 0)
    return "is empty";
  if (n > MQTT_TOPIC_MAX)
    return "is longer than 1024 bytes";
  if (!tt_utf8_is_valid(text, n))
    return "is not valid UTF-8";
  while (*p) {
    uint32_t c = take_character(&p);
    if (is_control(c))
      return "has a control character";
    if (is_noncharacter(c))
      return "has a code point that is no character";
  }
  return NULL;
}

const char *mqtt_topic_problem(const char *topic)
{
  const char *problem = text_problem(topic);
  if (!problem && mqtt_filter_has_wildcard(topic))
    return "has a wildcard; one can only publish to a single topic";
  return problem;
}

const char *mqtt_filter_problem(const char *filter)
{
  const char *problem = text_problem(filter);
  if (problem)
    return problem;
  for (const char *p = filter; *p; p++) {
    bool is_at_start = p == filter || p[-1] == '/';
    if (*p == '#' && (!is_at_start || p[1]))
      return "has a # that is not the whole last level";
    if (*p == '+' && (!is_at_start || (p[1] && p[1] != '/')))
      return "has a + that is not a whole level";
  }
  return NULL;
}

bool mqtt_filter_has_wildcard(const char *filter)
{
  return strpbrk(filter, "+#");
}

bool mqtt_filter_matches(const char *filter, const char *topic, size_t n)
{
  const char *f = filter, *t = topic, *end = topic + n;
  if (n == 0)
    return false;
  if (*t == '$' && (*f == '+' || *f == '#'))
    return false;
  for (;;) {
    if (*f == '#')
      return true;
    if (*f == '+') {
      f++;
      while (t < end && *t != '/')
        t++;
    } else {
      while (*f && *f != '/' && t < end && *t == *f) {
        f++;
        t++;
      }
    }
    if (t == end) /* "a/#" matches its parent "a" as well */
      return !*f || strcmp(f, "/#") == 0;
    if (*t != '/' || *f != '/')
      return false;
    f++;
    t++;
  }
}
