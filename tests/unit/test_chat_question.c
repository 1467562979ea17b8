/* SPDX-License-Identifier: Apache-2.0
 * Questions that wait for a yes: whose, for how long, how many. */
#include "cmocka_all.h"

#include "chat/question.h"

#include <stdio.h>

static const struct tt_assignment values[] = {{"level", TT_TYPE_INT32, "5"}, {"pin", TT_TYPE_NONE, "1234"}};
static const struct tt_chat_question question = {.node = 7, .name = "dim", .values = values, .n_values = 2};

static int setup(void **state)
{
  *state = tt_chat_questions_create();
  return *state ? 0 : -1;
}

static int teardown(void **state)
{
  tt_chat_questions_destroy(*state);
  return 0;
}

static enum tt_chat_reply reply(struct tt_chat_questions *questions, const char *whose, const char *line,
                                uint64_t mono_us)
{
  struct tt_chat_question *asked;
  enum tt_chat_reply what = tt_chat_questions_reply(questions, whose, line, mono_us, &asked);
  assert_true((what == TT_CHAT_REPLY_NONE) == (asked == NULL));
  tt_chat_question_free(asked);
  return what;
}

static void what_says_yes(void **state)
{
  static const char *const yes[] = {"yes", "Yes", "YES", "ja", "Ja", "y", "j"};
  static const char *const no[] = {"no", "Nein", "nej", "n"};
  static const char *const neither[] = {"", "yes please", "ok", "on", "off", "not", "yesterday", "1", "jalousie"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(yes); i++)
    assert_true(tt_chat_says(yes[i], true) && !tt_chat_says(yes[i], false));
  for (size_t i = 0; i < TT_COUNT(no); i++)
    assert_true(tt_chat_says(no[i], false) && !tt_chat_says(no[i], true));
  for (size_t i = 0; i < TT_COUNT(neither); i++)
    assert_false(tt_chat_says(neither[i], true) || tt_chat_says(neither[i], false));
}

static void it_is_kept_as_it_was_asked(void **state)
{
  struct tt_chat_question *asked;
  assert_int_equal(tt_chat_questions_ask(*state, "a", &question, 0), 0);
  assert_int_equal(tt_chat_questions_reply(*state, "a", "yes", 1, &asked), TT_CHAT_REPLY_YES);
  assert_int_equal(asked->node, 7);
  assert_string_equal(asked->name, "dim");
  assert_int_equal(asked->n_values, 2);
  assert_string_equal(asked->values[0].name, "level");
  assert_int_equal(asked->values[0].type, TT_TYPE_INT32);
  assert_string_equal(asked->values[1].text, "1234");
  tt_chat_question_free(asked);
}

/* One answer, whatever it is. */
static void one_answer_ends_it(void **state)
{
  static const struct {
    const char *line;
    enum tt_chat_reply reply;
  } rows[] = {{"yes", TT_CHAT_REPLY_YES}, {"no", TT_CHAT_REPLY_NO}, {"ls", TT_CHAT_REPLY_OTHER}};
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    assert_int_equal(reply(*state, "a", rows[i].line, 0), TT_CHAT_REPLY_NONE);
    assert_int_equal(tt_chat_questions_ask(*state, "a", &question, 0), 0);
    assert_int_equal(reply(*state, "a", rows[i].line, 1), rows[i].reply);
    assert_int_equal(reply(*state, "a", "yes", 2), TT_CHAT_REPLY_NONE);
    assert_int_equal(tt_chat_questions_count(*state), 0);
  }
}

static void nobody_else_says_yes(void **state)
{
  assert_int_equal(tt_chat_questions_ask(*state, "a room", &question, 0), 0);
  assert_int_equal(reply(*state, "b room", "yes", 1), TT_CHAT_REPLY_NONE);
  assert_int_equal(reply(*state, "b room", "no", 1), TT_CHAT_REPLY_NONE);
  assert_int_equal(reply(*state, "a room", "yes", 1), TT_CHAT_REPLY_YES);
}

static void not_for_ever(void **state)
{
  tt_chat_questions_ask(*state, "a", &question, 0);
  assert_int_equal(reply(*state, "a", "yes", TT_CHAT_QUESTION_US - 1), TT_CHAT_REPLY_YES);
  tt_chat_questions_ask(*state, "a", &question, 0);
  assert_int_equal(reply(*state, "a", "yes", TT_CHAT_QUESTION_US), TT_CHAT_REPLY_LATE);
  tt_chat_questions_ask(*state, "a", &question, 0);
  assert_int_equal(reply(*state, "a", "ls", TT_CHAT_LATE_US - 1), TT_CHAT_REPLY_OTHER);
  tt_chat_questions_ask(*state, "a", &question, 0);
  assert_int_equal(reply(*state, "a", "yes", TT_CHAT_LATE_US), TT_CHAT_REPLY_NONE);
  assert_int_equal(tt_chat_questions_count(*state), 0);
}

static void bounded(void **state)
{
  char whose[32];
  for (unsigned i = 0; i <= TT_CHAT_QUESTIONS_MAX; i++) {
    snprintf(whose, sizeof(whose), "person%u", i);
    tt_chat_questions_ask(*state, whose, &question, i);
    tt_chat_questions_ask(*state, whose, &question, i); /* in place of the first */
  }
  assert_int_equal(tt_chat_questions_count(*state), TT_CHAT_QUESTIONS_MAX);
  assert_int_equal(reply(*state, "person0", "yes", 1000), TT_CHAT_REPLY_NONE);
  assert_int_equal(reply(*state, "person1", "yes", 1000), TT_CHAT_REPLY_YES);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_says_yes),
      cmocka_unit_test_setup_teardown(it_is_kept_as_it_was_asked, setup, teardown),
      cmocka_unit_test_setup_teardown(one_answer_ends_it, setup, teardown),
      cmocka_unit_test_setup_teardown(nobody_else_says_yes, setup, teardown),
      cmocka_unit_test_setup_teardown(not_for_ever, setup, teardown),
      cmocka_unit_test_setup_teardown(bounded, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
