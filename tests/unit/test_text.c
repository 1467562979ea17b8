/* SPDX-License-Identifier: Apache-2.0
 * test_text.c: gateway/base/text.c. */
#include <thingtree/util.h>

#include "cmocka_all.h"

static void test_utf8(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    bool is_valid;
  } rows[] = {
      {"", true},
      {"plain", true},
      {"\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80", true},
      {"\xc0\x80", false},
      {"\xe0\x80\x80", false},
      {"\xed\xa0\x80", false},
      {"\xff", false},
      {"\xf4\x90\x80\x80", false},
      {"\xc3", false},
      {"a\x80", false},
      {"\xf5\x80\x80\x80", false},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    assert_int_equal(tt_utf8_is_valid(rows[i].text, strlen(rows[i].text)), rows[i].is_valid);
}

static void test_clean_replaces_what_xml_has_no_character_for(void **state)
{
  (void)state;
  char *text = tt_text_clean("a\x01\xff\0b\xef\xbf\xbe\n", 9, 100);
  assert_string_equal(text, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                            "b\xef\xbf\xbd\n");
  free(text);
  text = tt_text_clean("\xc3\xa5\xc3\xa5", 4, 3); /* cut between characters */
  assert_string_equal(text, "\xc3\xa5");
  free(text);
}

static void test_printable_keeps_the_terminal_safe(void **state)
{
  (void)state;
  char out[32];
  assert_string_equal(tt_text_printable(out, sizeof out, "a\x1b[2Jb\n", 7), "a?[2Jb?");
  assert_string_equal(tt_text_printable(out, sizeof out, "x\xe2\x80\xaey", 5), "x?y"); /* right-to-left override */
  assert_string_equal(tt_text_printable(out, 4, "\xc3\xa5\xc3\xa5", 4), "\xc3\xa5");
}

static void test_glob(void **state)
{
  (void)state;
  static const struct {
    const char *glob, *text;
    bool matches;
  } rows[] = {
      {"*", "power", true},
      {"*", "a/b", false},
      {"**", "a/b/c", true},
      {"house/**", "house", true},
      {"house/**", "house/a", true},
      {"house/**", "house/a/b", true},
      {"house/**", "houses", false},
      {"house/*", "house/a/b", false},
      {"house/*", "house/a", true},
      {"*_l?", "voltage_l1", true},
      {"*_l?", "voltage_l12", false},
      {"a*b*c", "axxbyyc", true},
      {"a*b*c", "axxbyy", false},
      {"**/x", "a/b/x", true},
      {"**/x", "a/b/y", false},
      {"", "", true},
      {"", "a", false},
      {"?", "/", false},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/*", "a", false},
      {"*a*/b", "xax/b", true},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (tt_glob_matches(rows[i].glob, rows[i].text) != rows[i].matches)
      fail_msg("glob %s on %s", rows[i].glob, rows[i].text);
}

static void test_glob_is_not_exponential(void **state)
{
  (void)state;
  char text[4001];
  memset(text, 'a', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  assert_false(tt_glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
  assert_false(tt_glob_matches("**a**a**a**a**a**a**a**a**b", text));
}

static void test_closest(void **state)
{
  (void)state;
  const char *const names[] = {"topic", "tele", "stat", "cmnd"};
  assert_string_equal(tt_closest("tpoic", names, 4), "topic");
  assert_string_equal(tt_closest("stats", names, 4), "stat");
  assert_null(tt_closest("voltage", names, 4));
  assert_string_equal(tt_closest("volt", (const char *const[]){"stat", "voltage"}, 2), "voltage");
  assert_null(tt_closest("vo", (const char *const[]){"stat", "voltage"}, 2));
  assert_null(tt_closest("x", names, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_clean_replaces_what_xml_has_no_character_for),
      cmocka_unit_test(test_printable_keeps_the_terminal_safe),
      cmocka_unit_test(test_glob),
      cmocka_unit_test(test_glob_is_not_exponential),
      cmocka_unit_test(test_closest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
