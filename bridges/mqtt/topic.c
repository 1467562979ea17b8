/* SPDX-License-Identifier: Apache-2.0
 * Names and filters of MQTT topics. */
#include "topic.h"

#include <string.h>
#include <thingtree/util.h>

static const char *text_problem(const char *text)
{
  size_t n = strlen(text);
  if (n == 0)
    return "is empty";
  if (n > MQTT_TOPIC_MAX)
    return "is longer than 1024 bytes";
  if (!tt_utf8_is_valid(text, n))
    return "is not valid UTF-8";
  for (size_t i = 0; i < n; i++) {
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      return "has a control character";
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
