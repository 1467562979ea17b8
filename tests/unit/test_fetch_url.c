/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "common/fetch.h"

static void test_problems(void **state)
{
  static const struct {
    const char *url, *problem; /* NULL: none */
  } rows[] = {
      {"http://host", NULL},
      {"https://host:8443/a/b?c=d", NULL},
      {"http://[::1]:80/", NULL},
      {"http://192.168.1.7/rpc", NULL},
      {"", "not a URL"},
      {"host", "not a URL"},
      {"/path", "not a URL"},
      {"http://", "not a URL"},
      {"http://host:99999/", "not a URL"},
      {"ftp://host/", "neither"},
      {"file:///etc/passwd", "not a URL"},
      {"http://user:secret@host/", "user name"},
      {"http://user@host/", "user name"},
      {"http://host/a b", "blank"},
      {"http://host/\r\nX: y", "blank"},
      {"http://host/#top", "#"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const char *problem = tt_fetch_url_problem(rows[i].url);
    if (rows[i].problem ? !problem || !strstr(problem, rows[i].problem) : problem != NULL)
      fail_msg("%s: %s", rows[i].url, problem ? problem : "no problem");
  }
  char *longest = calloc(1, TT_FETCH_URL_MAX + 2);
  memset(longest, 'a', TT_FETCH_URL_MAX + 1);
  memcpy(longest, "http://h/", 9);
  assert_non_null(tt_fetch_url_problem(longest));
  longest[TT_FETCH_URL_MAX] = 0;
  assert_null(tt_fetch_url_problem(longest));
  free(longest);
}

static void test_same_host(void **state)
{
  static const struct {
    const char *from, *to;
    bool is_same;
  } rows[] = {
      {"http://a/x", "http://a/y?z", true},   {"http://a/x", "http://A:80/y", true},
      {"http://a/x", "https://a/y", true},    {"http://a:8080/x", "http://a:8080/", true},
      {"https://a/x", "http://a/x", false},   {"http://a:8080/x", "https://a/x", false},
      {"http://a/x", "http://a:81/x", false}, {"http://a/x", "http://b/x", false},
      {"http://a/x", "http://a.b/x", false},  {"http://a/x", "http://a@b/x", false},
      {"http://a/x", "http://u@a/x", false},  {"http://a/x", "ftp://a/x", false},
      {"http://a/x", "file:///x", false},     {"http://a/x", "", false},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (tt_fetch_is_same_host(rows[i].from, rows[i].to) != rows[i].is_same)
      fail_msg("%s -> %s", rows[i].from, rows[i].to);
}

static void test_origin(void **state)
{
  (void)state;
  TT_AUTOFREE char *a = NULL, *b = NULL;
  char *none = NULL;
  assert_int_equal(tt_fetch_origin("http://host/x?key=secret", &a), 0);
  assert_string_equal(a, "http://host:80");
  assert_int_equal(tt_fetch_origin("https://[::1]:8443", &b), 0);
  assert_string_equal(b, "https://[::1]:8443");
  assert_int_equal(tt_fetch_origin("ftp://host", &none), -EINVAL);
  assert_int_equal(tt_fetch_origin("host", &none), -EINVAL);
  assert_null(none);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_problems),
      cmocka_unit_test(test_same_host),
      cmocka_unit_test(test_origin),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
