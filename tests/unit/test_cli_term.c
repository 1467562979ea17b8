/* SPDX-License-Identifier: Apache-2.0
 * The paper: columns, colours, cutting, and foreign text without power over the terminal. */
#include "cli/show.h"
#include "cli/term.h"

#include <unistd.h>

#include "cmocka_all.h"

static const struct tt_term plain = {.has_utf8 = true};
static const struct tt_term ascii = {.has_utf8 = false};
static const struct tt_term narrow = {.is_terminal = true, .has_utf8 = true, .width = 10};
static const struct tt_term colour = {.is_terminal = true, .has_utf8 = true, .has_colour = true};

static void assert_clean(const struct tt_term *term, const char *text, const char *expected)
{
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_term_clean(term, text, &out);
  assert_string_equal(out.data ? out.data : "", expected);
}

static void test_escape_sequences_are_disarmed(void **state)
{
  (void)state;
  assert_clean(&plain, "a\033[2Jb", "a?[2Jb");
  assert_clean(&plain,
               "a\xc2\x9b"
               "31mb",
               "a?31mb"); /* CSI as one character of C1 */
  assert_clean(&plain, "a\r\n\tb\x7f", "a???b?");
  assert_clean(&plain,
               "evil\xe2\x80\xae"
               "txt",
               "evil?txt"); /* right-to-left override */
  assert_clean(&plain, "\xff\xfe", "??");
}

static void test_ascii_terminals_get_ascii(void **state)
{
  (void)state;
  assert_clean(&ascii, "21 °C", "21 C");
  assert_clean(&ascii, "Küche", "K?che");
  assert_clean(&ascii, "µg/m³", "ug/m3");
  assert_clean(&plain, "Küche °C", "Küche °C");
}

static void test_columns(void **state)
{
  (void)state;
  assert_int_equal(tt_term_columns("abc"), 3);
  assert_int_equal(tt_term_columns("°C"), 2);
  assert_int_equal(tt_term_columns("日本"), 4);
  assert_int_equal(tt_term_columns("e\xcc\x81"), 1); /* combining acute */
}

static void test_lines_are_cut_at_the_width(void **state)
{
  (void)state;
  struct tt_paper paper;
  tt_paper_init(&paper, narrow);
  tt_paper_put(&paper, TT_STYLE_PLAIN, "0123456789");
  tt_paper_end(&paper);
  tt_paper_put(&paper, TT_STYLE_PLAIN, "012345");
  tt_paper_put(&paper, TT_STYLE_PLAIN, "6789a");
  tt_paper_put(&paper, TT_STYLE_PLAIN, "never seen");
  tt_paper_end(&paper);
  tt_paper_put(&paper, TT_STYLE_PLAIN, "日本日本日本");
  tt_paper_end(&paper);
  assert_string_equal(paper.buf.data, "0123456789\n012345678…\n日本日本…\n");
  tt_paper_finish(&paper);
}

static void test_colours_only_where_they_are_wanted(void **state)
{
  (void)state;
  struct tt_paper paper;
  tt_paper_init(&paper, colour);
  tt_paper_put(&paper, TT_STYLE_BAD, "bad");
  tt_paper_put(&paper, TT_STYLE_PLAIN, " plain");
  tt_paper_end(&paper);
  assert_string_equal(paper.buf.data, "\033[31mbad\033[0m plain\n");
  tt_paper_finish(&paper);
  tt_paper_init(&paper, plain);
  tt_paper_put(&paper, TT_STYLE_BAD, "bad");
  assert_string_equal(paper.buf.data, "bad");
  tt_paper_finish(&paper);
}

static void test_environment(void **state)
{
  (void)state;
  int fds[2];
  char language[16];
  assert_int_equal(pipe(fds), 0);
  unsetenv("LC_ALL");
  unsetenv("LC_CTYPE");
  unsetenv("LANGUAGE");
  setenv("LANG", "sv_SE.UTF-8", 1);
  struct tt_term term = tt_term_of(fds[1]);
  assert_true(term.has_utf8);
  assert_false(term.is_terminal || term.has_colour);
  assert_int_equal(term.width, 0);
  assert_string_equal(tt_term_language(language, sizeof(language)), "sv-SE");
  setenv("LC_ALL", "C", 1);
  assert_false(tt_term_of(fds[1]).has_utf8);
  assert_string_equal(tt_term_language(language, sizeof(language)), "");
  setenv("LC_ALL", "C.UTF-8", 1);
  assert_true(tt_term_of(fds[1]).has_utf8);
  assert_string_equal(tt_term_language(language, sizeof(language)), "");
  setenv("LC_ALL", "a_language_name_that_is_too_long", 1);
  assert_string_equal(tt_term_language(language, sizeof(language)), "");
  unsetenv("LC_ALL");
  close(fds[0]);
  close(fds[1]);
}

static void test_table_aligns(void **state)
{
  (void)state;
  struct tt_paper paper;
  struct tt_table table;
  tt_paper_init(&paper, plain);
  tt_table_init(&table, &paper.term, 3);
  table.is_right[1] = true;
  tt_table_put(&table, TT_STYLE_PLAIN, "voltage");
  tt_table_put(&table, TT_STYLE_PLAIN, "230.1");
  tt_table_put(&table, TT_STYLE_PLAIN, "V");
  tt_table_put(&table, TT_STYLE_PLAIN, "tä");
  tt_table_put(&table, TT_STYLE_PLAIN, "9");
  tt_table_put(&table, TT_STYLE_PLAIN, NULL);
  tt_table_print(&table, "> ", &paper);
  assert_string_equal(paper.buf.data, "> voltage  230.1  V\n> tä           9\n");
  tt_table_finish(&table);
  tt_paper_finish(&paper);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_escape_sequences_are_disarmed),
      cmocka_unit_test(test_ascii_terminals_get_ascii),
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_lines_are_cut_at_the_width),
      cmocka_unit_test(test_colours_only_where_they_are_wanted),
      cmocka_unit_test(test_environment),
      cmocka_unit_test(test_table_aligns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
