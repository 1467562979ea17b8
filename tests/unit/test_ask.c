/* SPDX-License-Identifier: Apache-2.0
 * Our own questions: whose answer counts, and what happens when there is none. */
#define _GNU_SOURCE
#include "xmpp/ask.h"

#include "xmpp_world.h"

struct test {
  struct world world;
  struct tt_session *session;
  struct tt_buf out;
  int answers, silences;
  char condition[80];
};

static int on_write(void *user, const char *text, size_t n)
{
  tt_buf_add(&((struct test *)user)->out, text, n);
  return 0;
}

static const struct tt_session_ops session_ops = {.write = on_write};

static void on_answer(void *user, const struct tt_xml *answer)
{
  struct test *test = user;
  const char *condition = answer ? tt_answer_condition(answer) : NULL;
  test->answers += answer != NULL;
  test->silences += answer == NULL;
  snprintf(test->condition, sizeof(test->condition), "%s", condition ? condition : "");
}

static int setup_with(void **state, enum tt_session_kind kind)
{
  struct test *test = calloc(1, sizeof(*test));
  world_init(&test->world, NULL);
  test->session = tt_session_create(kind, kind == TT_SESSION_COMPONENT ? "things.test" : "gw@house.test/thingtree",
                                    &session_ops, test);
  tt_session_set_online(test->session, true);
  *state = test;
  return 0;
}

static int setup(void **state)
{
  return setup_with(state, TT_SESSION_COMPONENT);
}

static int setup_account(void **state)
{
  return setup_with(state, TT_SESSION_ACCOUNT);
}

static int teardown(void **state)
{
  struct test *test = *state;
  world_finish(&test->world);
  tt_session_destroy(test->session);
  tt_buf_finish(&test->out);
  free(test);
  return 0;
}

/* Asks; the id of the question. */
static void ask(struct test *test, const char *to, char id[static 40])
{
  tt_buf_finish(&test->out);
  const struct tt_question question = {.to = to, .payload = strdup("<q xmlns='urn:t'/>")};
  assert_int_equal(tt_ask(test->world.router, test->session, &question, on_answer, test), 0);
  tt_session_flush(test->session, world_mono());
  const char *at = strstr(test->out.data, "id='");
  assert_non_null(at);
  snprintf(id, 40, "%.*s", (int)strcspn(at + 4, "'"), at + 4);
}

static void answer(struct test *test, const char *id, const char *attributes, const char *content)
{
  char stanza[600];
  struct tt_xml_doc *doc = NULL;
  snprintf(stanza, sizeof(stanza), "<iq id='%s' %s>%s</iq>", id, attributes, content);
  assert_int_equal(tt_xml_parse(stanza, strlen(stanza), &doc), 0);
  tt_router_stanza(test->world.router, test->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
}

static void test_an_answer(void **state)
{
  struct test *test = *state;
  char id[40];
  ask(test, "room@muc.test", id);
  answer(test, id, "type='result' from='mallory@muc.test' to='things.test'", "");
  answer(test, "ask-0000000000000000", "type='result' from='room@muc.test' to='things.test'", "");
  assert_int_equal(test->answers, 0); /* somebody else, and a question that was never asked */
  answer(test, id, "type='error' from='room@muc.test' to='things.test'",
         "<error><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>x</text><conflict "
         "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  assert_int_equal(test->answers, 1);
  assert_string_equal(test->condition, "conflict");
  answer(test, id, "type='result' from='room@muc.test' to='things.test'", "");
  assert_int_equal(test->answers, 1); /* once */
}

static void test_our_server_answers_for_our_account(void **state)
{
  struct test *test = *state;
  char id[40];
  ask(test, NULL, id);
  answer(test, id, "type='result' from='alice@house.test/x'", "");
  assert_int_equal(test->answers, 0);
  answer(test, id, "type='result'", "");
  ask(test, NULL, id);
  answer(test, id, "type='result' from='gw@house.test'", "");
  assert_int_equal(test->answers, 2);
}

static void test_no_answer(void **state)
{
  struct test *test = *state;
  char id[40];
  uint64_t now = tt_core_now(test->world.core).mono_us;
  ask(test, "a@b.test", id);
  assert_int_equal(tt_router_turn(test->world.router, now), now + TT_ASK_TIMEOUT_US);
  assert_int_equal(tt_router_turn(test->world.router, now + TT_ASK_TIMEOUT_US), TT_NEVER);
  assert_int_equal(test->silences, 1);
  ask(test, "a@b.test", id);
  tt_router_offline(test->world.router, test->session);
  assert_int_equal(test->silences, 2);
  ask(test, "a@b.test", id);
  tt_ask_forget(test->world.router, test);
  answer(test, id, "type='result' from='a@b.test' to='things.test'", "");
  assert_int_equal(test->answers, 0);
}

static void test_the_limit(void **state)
{
  struct test *test = *state;
  char id[40];
  for (size_t i = 0; i < TT_ASKS_MAX; i++)
    ask(test, "a@b.test", id);
  const struct tt_question question = {.to = "a@b.test", .payload = strdup("<q/>")};
  assert_int_equal(tt_ask(test->world.router, test->session, &question, on_answer, test), -EBUSY);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_an_answer, setup, teardown),
      cmocka_unit_test_setup_teardown(test_our_server_answers_for_our_account, setup_account, teardown),
      cmocka_unit_test_setup_teardown(test_no_answer, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_limit, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
