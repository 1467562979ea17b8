/* SPDX-License-Identifier: Apache-2.0
 * Topic filters: every example of MQTT 3.1.1 section 4.7 and the odd corners around them. */
#include "topic.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <thingtree/util.h>

struct match {
  const char *filter, *topic;
  bool is_match;
};

static void test_matches(void **state)
{
  (void)state;
  static const struct match table[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/#", "sport", true},
      {"sport/#", "sports", false},
      {"#", "anything/at/all", true},
      {"#", "/", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"+", "finance", true},
      {"+/tennis/#", "sport/tennis", true},
      {"sport/+/player1", "sport/tennis/player1", true},
      {"sport/+/player1", "sport//player1", true},
      {"sport/+/player1", "sport/player1", false},
      {"#", "$SYS/broker", false},
      {"+/monitor/Clients", "$SYS/monitor/Clients", false},
      {"$SYS/#", "$SYS/broker", true},
      {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
      {"a/$b/+", "a/$b/c", true},
      {"a/+", "a/$b", true},
      {"a/b", "a/b", true},
      {"a/b", "a/b/", false},
      {"a/b/", "a/b", false},
      {"a/b", "a/bc", false},
      {"a/bc", "a/b", false},
      {"a//b", "a//b", true},
      {"a/+/b/#", "a/x/b", true},
      {"a/+/b/#", "a/x", false},
      {"Accounts", "ACCOUNTS", false},
      {"zigbee2mqtt/Climate sensor", "zigbee2mqtt/Climate sensor", true},
  };
  for (size_t i = 0; i < TT_COUNT(table); i++) {
    if (mqtt_filter_matches(table[i].filter, table[i].topic, strlen(table[i].topic)) != table[i].is_match)
      fail_msg("%s against %s: not %d", table[i].filter, table[i].topic, table[i].is_match);
  }
}

static void test_topic_is_n_bytes(void **state)
{
  (void)state;
  /* A hostile client may put NUL into a topic; only the counted bytes are the name. */
  char exact[] = {'a', '/', 'b'};
  assert_true(mqtt_filter_matches("a/b", exact, sizeof(exact)));
  assert_false(mqtt_filter_matches("a", "a\0b", 3));
  assert_true(mqtt_filter_matches("+", "a\0b", 3));
  assert_false(mqtt_filter_matches("#", "", 0));
}

static void test_filter_validity(void **state)
{
  (void)state;
  static const char *const good[] = {"#", "+", "a/#", "+/a/+", "/", "a//b", "$SYS/#", "a b/ä", "+/#"};
  static const char *const bad[] = {"",     "a#",   "a/#/b", "#/", "a/b#", "a+",
                                    "+a/b", "a/+b", "##",    "++", "a\nb", "a\xff"};
  for (size_t i = 0; i < TT_COUNT(good); i++)
    assert_null(mqtt_filter_problem(good[i]));
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    if (mqtt_filter_problem(bad[i]) == NULL)
      fail_msg("filter %s was accepted", bad[i]);
  }
}

static void test_topic_validity(void **state)
{
  (void)state;
  assert_null(mqtt_topic_problem("cmnd/plug/POWER"));
  assert_null(mqtt_topic_problem("/"));
  assert_non_null(mqtt_topic_problem("a/+"));
  assert_non_null(mqtt_topic_problem("a/#"));
  assert_non_null(mqtt_topic_problem(""));
}

/* Brokers close the connection for some characters. */
static void test_characters(void **state)
{
  (void)state;
  static const char *const good[] = {"a\xc2\xa0",        "\xc3\xa5", "\xe2\x80\xae", "\xef\xbf\xbd", "\xef\xb7\x8f",
                                     "\xf0\x9f\x98\x80", "~"},
                           *const bad[] = {"\x7f",         "\x1f",         "a\xc2\x80",
                                           "\xc2\x9f/b",   "\xef\xbf\xbe", "\xef\xbf\xbf",
                                           "\xef\xb7\x90", "\xef\xb7\xaf", "\xf0\x9f\xbf\xbf"};
  for (size_t i = 0; i < TT_COUNT(good); i++)
    assert_null(mqtt_topic_problem(good[i]));
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    assert_non_null(mqtt_topic_problem(bad[i]));
    assert_non_null(mqtt_filter_problem(bad[i]));
  }
}

static void test_length_limit(void **state)
{
  (void)state;
  char *text = calloc(1, MQTT_TOPIC_MAX + 2);
  memset(text, 'a', MQTT_TOPIC_MAX);
  assert_null(mqtt_filter_problem(text));
  assert_null(mqtt_topic_problem(text));
  text[MQTT_TOPIC_MAX] = 'a';
  assert_non_null(mqtt_filter_problem(text));
  assert_non_null(mqtt_topic_problem(text));
  free(text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matches),         cmocka_unit_test(test_topic_is_n_bytes),
      cmocka_unit_test(test_filter_validity), cmocka_unit_test(test_topic_validity),
      cmocka_unit_test(test_length_limit),    cmocka_unit_test(test_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
