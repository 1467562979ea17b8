/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "hosts.h"

#include <stdio.h>

static struct tt_texts texts_of(const char **text, size_t n)
{
  return (struct tt_texts){.text = text, .n = n};
}

static void test_one_after_the_other(void **state)
{
  const char *text[] = {"shelly.lan",  "192.168.1.9/30", "127.0.0.1:8080",
                        "10.0.0.7/32", "[fe80::1]:81",   "10.0.0.8/31"};
  static const char *const expected[] = {"shelly.lan", "192.168.1.9",  "192.168.1.10", "127.0.0.1:8080",
                                         "10.0.0.7",   "[fe80::1]:81", "10.0.0.8",     "10.0.0.9"};
  struct tt_texts texts = texts_of(text, TT_COUNT(text));
  char why[HTTP_HOSTS_WHY_SIZE], host[HTTP_HOST_SIZE];
  struct http_hosts at = {0};
  (void)state;
  if (!http_hosts_are_good(&texts, why))
    fail_msg("%s", why);
  for (size_t i = 0; i < TT_COUNT(expected); i++) {
    assert_true(http_hosts_next(&texts, &at, host));
    assert_string_equal(host, expected[i]);
  }
  assert_false(http_hosts_next(&texts, &at, host));
  assert_false(http_hosts_next(&(struct tt_texts){0}, &(struct http_hosts){0}, host));
}

static void test_a_whole_network(void **state)
{
  const char *text[] = {"192.168.7.200/24"};
  struct tt_texts texts = texts_of(text, 1);
  struct http_hosts at = {0};
  char host[HTTP_HOST_SIZE], expected[HTTP_HOST_SIZE];
  (void)state;
  for (unsigned i = 1; i < 255; i++) {
    snprintf(expected, sizeof expected, "192.168.7.%u", i);
    assert_true(http_hosts_next(&texts, &at, host));
    assert_string_equal(host, expected);
  }
  assert_false(http_hosts_next(&texts, &at, host));
}

static void test_what_is_none(void **state)
{
  static char long_one[400];
  memset(long_one, 'a', sizeof long_one - 1);
  const char *bad[] = {"",
                       "http://192.168.1.1",
                       "a/b",
                       "192.168.1.0/23",
                       "192.168.1.0/33",
                       "192.168.1.0/",
                       "1.2.3/24",
                       "a b",
                       "user@host",
                       "host?x",
                       "host#x",
                       "host:99999",
                       "fe80::/64",
                       "host\\x",
                       "host:80:80",
                       long_one};
  char why[HTTP_HOSTS_WHY_SIZE];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    struct tt_texts texts = texts_of(&bad[i], 1);
    if (http_hosts_are_good(&texts, why))
      fail_msg("\"%s\" is taken", bad[i]);
  }
}

static void test_how_many(void **state)
{
  const char *text[] = {"10.0.0.0/24", "10.0.1.1", "10.0.1.2", "10.0.1.3"};
  struct tt_texts texts = texts_of(text, 3);
  char why[HTTP_HOSTS_WHY_SIZE];
  (void)state;
  assert_true(http_hosts_are_good(&texts, why));
  texts.n = 4;
  assert_false(http_hosts_are_good(&texts, why));
  assert_string_equal(why, "means 257 hosts; 256 are the most");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_after_the_other),
      cmocka_unit_test(test_a_whole_network),
      cmocka_unit_test(test_what_is_none),
      cmocka_unit_test(test_how_many),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
