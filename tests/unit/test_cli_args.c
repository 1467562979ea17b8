/* SPDX-License-Identifier: Apache-2.0
 * Arguments of a subcommand. */
#include "cli/args.h"

#include "cmocka_all.h"

static bool flag;
static const char *text;
static struct tt_words words;
static const struct tt_switch switches[] = {
    {.name = "json", .letter = "j", .flag = &flag, .help = "as JSON"},
    {.name = "role", .letter = "r", .value = "ROLE", .text = &text, .help = "a role"},
    {.name = "with", .letter = "w", .value = "X", .words = &words, .help = "several"},
    {.name = NULL},
};
static const struct tt_args args = {.usage = "x", .help = "y", .switches = switches};

static int parse(char **argv, int *ret_n)
{
  int argc = 0;
  while (argv[argc])
    argc++;
  flag = false;
  text = NULL;
  words.n = 0;
  return tt_args_parse(&args, argc, argv, ret_n);
}

static void test_words_come_to_the_front(void **state)
{
  (void)state;
  int n = -1;
  char *argv[] = {(char[]){"read"},  (char[]){"--json"}, (char[]){"a"}, (char[]){"--role"},
                  (char[]){"admin"}, (char[]){"b"},      NULL};
  assert_int_equal(parse(argv, &n), TT_ARGS_GO_ON);
  assert_int_equal(n, 2);
  assert_string_equal(argv[1], "a");
  assert_string_equal(argv[2], "b");
  assert_true(flag);
  assert_string_equal(text, "admin");
}

static void test_forms_of_a_value(void **state)
{
  (void)state;
  int n;
  char *with_equals[] = {(char[]){"x"}, (char[]){"--role=a=b"}, NULL};
  assert_int_equal(parse(with_equals, &n), TT_ARGS_GO_ON);
  assert_string_equal(text, "a=b");
  char *with_letter[] = {(char[]){"x"}, (char[]){"-r"}, (char[]){"c"}, (char[]){"-j"}, NULL};
  assert_int_equal(parse(with_letter, &n), TT_ARGS_GO_ON);
  assert_string_equal(text, "c");
  assert_true(flag);
  char *ended[] = {(char[]){"x"}, (char[]){"--"}, (char[]){"--json"}, (char[]){"-"}, NULL};
  assert_int_equal(parse(ended, &n), TT_ARGS_GO_ON);
  assert_int_equal(n, 2);
  assert_false(flag);
  assert_string_equal(ended[1], "--json");
}

static void test_mistakes(void **state)
{
  (void)state;
  static const char *const wrong[] = {"--jsno", "--json=1", "--role", "-x", "--r", "-json"};
  for (size_t i = 0; i < TT_COUNT(wrong); i++) {
    int n = 77;
    char word[16];
    strcpy(word, wrong[i]);
    char *argv[] = {(char[]){"x"}, word, NULL};
    assert_int_equal(parse(argv, &n), TT_EXIT_USAGE);
    assert_int_equal(n, 77);
  }
}

static void test_several(void **state)
{
  (void)state;
  int n;
  char *argv[] = {(char[]){"x"}, (char[]){"-w"}, (char[]){"a=1"}, (char[]){"y"}, (char[]){"--with=b="}, NULL};
  assert_int_equal(parse(argv, &n), TT_ARGS_GO_ON);
  assert_int_equal(n, 1);
  assert_int_equal(words.n, 2);
  assert_string_equal(words.all[0], "a=1");
  assert_string_equal(words.all[1], "b=");
  char word[] = "--with=a", *many[TT_WORDS_MAX + 3] = {(char[]){"x"}};
  for (size_t i = 0; i <= TT_WORDS_MAX; i++)
    many[1 + i] = word;
  assert_int_equal(parse(many, &n), TT_EXIT_USAGE);
  many[1 + TT_WORDS_MAX] = NULL;
  assert_int_equal(parse(many, &n), TT_ARGS_GO_ON);
}

static void test_help(void **state)
{
  (void)state;
  int n;
  char *argv[] = {(char[]){"x"}, (char[]){"--help"}, NULL};
  assert_int_equal(parse(argv, &n), TT_EXIT_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_words_come_to_the_front),
      cmocka_unit_test(test_forms_of_a_value),
      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_several),
      cmocka_unit_test(test_help),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
