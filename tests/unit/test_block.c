/* SPDX-License-Identifier: Apache-2.0
 * Blocking: what our server is asked, and that nothing is heard any more. */
#define _GNU_SOURCE
#include "trust/access.h"
#include "trust/blocks.h"
#include "xmpp/handlers.h"

#include "xmpp_world.h"

#define FEATURE "<feature var='urn:xmpp:blocking'/>"

struct test {
  struct world world;
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_block_handlers *handlers;
  struct tt_session *session;
  struct tt_buf out;
};

static int on_write(void *user, const char *text, size_t n)
{
  tt_buf_add(&((struct test *)user)->out, text, n);
  return 0;
}

static const struct tt_session_ops session_ops = {.write = on_write};

static int setup_with(void **state, enum tt_session_kind kind)
{
  static const struct tt_rule rules[] = {{.who = "alice@house.test", .role = TT_ROLE_ADMIN}};
  struct test *test = calloc(1, sizeof(*test));
  assert_int_equal(tt_access_create(rules, 1, NULL, &test->access), 0);
  assert_int_equal(tt_blocks_create(NULL, test->access, &test->blocks), 0);
  world_init_with(&test->world, test->access, test->blocks);
  assert_int_equal(tt_block_handlers_create(test->world.router, &test->handlers), 0);
  test->session = tt_session_create(kind, kind == TT_SESSION_COMPONENT ? "things.test" : "gw@house.test/thingtree",
                                    &session_ops, test);
  tt_session_set_online(test->session, true);
  *state = test;
  return 0;
}

static int setup(void **state)
{
  return setup_with(state, TT_SESSION_ACCOUNT);
}

static int setup_component(void **state)
{
  return setup_with(state, TT_SESSION_COMPONENT);
}

static int teardown(void **state)
{
  struct test *test = *state;
  tt_block_handlers_destroy(test->handlers);
  world_finish(&test->world);
  tt_session_destroy(test->session);
  tt_blocks_destroy(test->blocks);
  tt_access_destroy(test->access);
  tt_buf_finish(&test->out);
  free(test);
  return 0;
}

static const char *out_of(struct test *test)
{
  tt_session_flush(test->session, world_mono());
  return test->out.data ? test->out.data : "";
}

static const char *say(struct test *test, const char *stanza)
{
  struct tt_xml_doc *doc = NULL;
  assert_int_equal(tt_xml_parse(stanza, strlen(stanza), &doc), 0);
  tt_buf_finish(&test->out);
  tt_router_stanza(test->world.router, test->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  return out_of(test);
}

/* The server has answered what it can do. */
static const char *go_online(struct test *test, const char *features)
{
  char answer[400];
  tt_buf_finish(&test->out);
  tt_router_online(test->world.router, test->session);
  const char *question = strstr(out_of(test), "to='house.test'");
  assert_non_null(question);
  const char *id = strstr(question, "id='");
  assert_non_null(id);
  snprintf(answer, sizeof(answer),
           "<iq type='result' from='house.test' id='%.*s'><query "
           "xmlns='http://jabber.org/protocol/disco#info'>%s</query></iq>",
           (int)strcspn(id + 4, "'"), id + 4, features);
  return say(test, answer);
}

static void test_our_server_is_asked(void **state)
{
  struct test *test = *state;
  assert_int_equal(tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "old@else.test", TT_BLOCK_NO_REPORT, NULL),
                   0);
  assert_non_null(
      strstr(go_online(test, FEATURE), "<block xmlns='urn:xmpp:blocking'><item jid='old@else.test'/></block>"));
  tt_buf_finish(&test->out);
  assert_int_equal(tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "mallory@else.test", TT_BLOCK_SPAM, "<ads>"),
                   0);
  assert_non_null(strstr(out_of(test),
                         "<block xmlns='urn:xmpp:blocking'><item jid='mallory@else.test'><report "
                         "xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'><text>&lt;ads&gt;</text>"
                         "</report></item></block>"));
  tt_buf_finish(&test->out);
  assert_int_equal(tt_blocks_remove(test->blocks, "mallory@else.test"), 0);
  assert_non_null(
      strstr(out_of(test), "<unblock xmlns='urn:xmpp:blocking'><item jid='mallory@else.test'/></unblock>"));
}

static void test_a_server_that_cannot(void **state)
{
  struct test *test = *state;
  go_online(test, "<feature var='urn:other'/>");
  tt_buf_finish(&test->out);
  assert_int_equal(
      tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "mallory@else.test", TT_BLOCK_NO_REPORT, NULL), 0);
  assert_string_equal(out_of(test), "");
}

static void test_after_the_end_of_the_stream(void **state)
{
  struct test *test = *state;
  go_online(test, FEATURE);
  tt_router_offline(test->world.router, test->session);
  tt_buf_finish(&test->out);
  assert_int_equal(
      tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "mallory@else.test", TT_BLOCK_NO_REPORT, NULL), 0);
  assert_string_equal(out_of(test), "");
}

static void test_nothing_is_heard(void **state)
{
  struct test *test = *state;
  static const char *const stanzas[] = {
      "<iq type='get' id='1' from='mallory@else.test/x' to='things.test'><ping xmlns='urn:xmpp:ping'/></iq>",
      "<presence type='subscribe' from='mallory@else.test' to='n1@things.test'/>",
      "<iq type='get' id='1' from='spam.test' to='things.test'><ping xmlns='urn:xmpp:ping'/></iq>",
      "<iq type='get' id='1' from='a@spam.test/x' to='things.test'><ping xmlns='urn:xmpp:ping'/></iq>",
  };
  tt_router_online(test->world.router, test->session);
  assert_string_not_equal(say(test, stanzas[0]), "");
  assert_int_equal(
      tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "mallory@else.test", TT_BLOCK_NO_REPORT, NULL), 0);
  assert_string_equal(test->world.gone_full, "mallory@else.test");
  assert_int_equal(tt_blocks_add(test->blocks, (struct tt_now){1, 1}, "spam.test", TT_BLOCK_NO_REPORT, NULL), 0);
  assert_string_equal(test->world.gone_full, "@spam.test");
  for (size_t i = 0; i < TT_COUNT(stanzas); i++)
    assert_string_equal(say(test, stanzas[i]), "");
  struct tt_request request;
  assert_int_equal(tt_access_requests(test->access, &request, 1), 0);
  assert_int_equal(tt_blocks_remove(test->blocks, "mallory@else.test"), 0);
  assert_string_not_equal(say(test, stanzas[0]), "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_our_server_is_asked, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_server_that_cannot, setup, teardown),
      cmocka_unit_test_setup_teardown(test_after_the_end_of_the_stream, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_is_heard, setup_component, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
