/* SPDX-License-Identifier: Apache-2.0
 * The outgoing queue: heads, one write per turn, who waits for whom, what is dropped under pressure. */
#include "xmpp/session.h"

#include "cmocka_all.h"

struct wire {
  struct tt_session *session;
  struct tt_buf text; /* everything written */
  int writes, error;
};

static int on_write(void *user, const char *text, size_t n)
{
  struct wire *wire = user;
  if (wire->error)
    return wire->error;
  wire->writes++;
  tt_buf_add(&wire->text, text, n);
  return 0;
}

static const struct tt_session_ops ops = {.write = on_write};

static int setup(void **state)
{
  struct wire *wire = calloc(1, sizeof(*wire));
  wire->session = tt_session_create(TT_SESSION_COMPONENT, "things.test", &ops, wire);
  tt_session_set_online(wire->session, true);
  *state = wire;
  return 0;
}

static int teardown(void **state)
{
  struct wire *wire = *state;
  tt_session_destroy(wire->session);
  tt_buf_finish(&wire->text);
  free(wire);
  return 0;
}

static void written(struct wire *wire, const char *expected)
{
  assert_string_equal(wire->text.data ? wire->text.data : "", expected);
  tt_buf_finish(&wire->text);
}

static int send_one(struct wire *wire, const char *id, enum tt_out_class class, uint64_t group, bool is_held)
{
  return tt_session_send(
      wire->session,
      &(struct tt_out){.kind = TT_OUT_MESSAGE, .class = class, .id = id, .group = group, .is_held = is_held});
}

#define FROM "<message from='things.test' id="

static void test_heads(void **state)
{
  struct wire *wire = *state;
  assert_int_equal(tt_session_send(wire->session, &(struct tt_out){.kind = TT_OUT_IQ,
                                                                   .type = "result",
                                                                   .from = "x@things.test",
                                                                   .to = "a@b/'c'",
                                                                   .id = "1<",
                                                                   .language = "sv",
                                                                   .payload = strdup("<q xmlns='n'/>")}),
                   0);
  assert_int_equal(tt_session_send(wire->session, &(struct tt_out){.kind = TT_OUT_PRESENCE, .to = "a@b"}), 0);
  assert_int_equal(wire->writes, 0);
  assert_true(tt_session_flush(wire->session, 1000) == TT_NEVER);
  assert_int_equal(wire->writes, 1);
  written(wire,
          "<iq type='result' from='x@things.test' to='a@b/&#39;c&#39;' id='1&lt;' xml:lang='sv'><q xmlns='n'/></iq>"
          "<presence from='things.test' to='a@b'/>");
  struct tt_session_counts counts = tt_session_counts(wire->session);
  assert_int_equal(counts.sent, 2);
  assert_int_equal(counts.queued, 0);
  assert_int_equal(counts.queued_bytes, 0);
}

static void test_an_account_leaves_from_to_its_server(void **state)
{
  struct wire *wire = *state;
  struct tt_session *account = tt_session_create(TT_SESSION_ACCOUNT, "gw@b/x", &ops, wire);
  tt_session_set_online(account, true);
  assert_int_equal(tt_session_set_jid(account, "gw@b/y"), 0);
  assert_string_equal(tt_session_jid(account), "gw@b/y");
  assert_int_equal(tt_session_send(account, &(struct tt_out){.kind = TT_OUT_IQ, .type = "result", .from = "gw@b"}),
                   0);
  tt_session_flush(account, 1);
  written(wire, "<iq type='result'/>");
  tt_session_destroy(account);
}

static void test_offline(void **state)
{
  struct wire *wire = *state;
  send_one(wire, "1", TT_OUT_ANSWER, 0, false);
  send_one(wire, "2", TT_OUT_ANSWER, 7, true);
  tt_session_set_online(wire->session, false);
  assert_int_equal(tt_session_counts(wire->session).dropped, 2);
  assert_int_equal(tt_session_counts(wire->session).queued, 0);
  assert_int_equal(tt_session_send(wire->session, &(struct tt_out){.payload = strdup("<x/>")}), -ENOTCONN);
  assert_true(tt_session_flush(wire->session, 5) == TT_NEVER);
  tt_session_set_online(wire->session, true);
  tt_session_flush(wire->session, 5);
  assert_int_equal(wire->writes, 0);
}

static void send_bytes(struct wire *wire, size_t n)
{
  char *payload = malloc(n + 1);
  assert_non_null(payload);
  memset(payload, 'a', n);
  payload[n] = '\0';
  assert_int_equal(tt_session_send(wire->session, &(struct tt_out){.kind = TT_OUT_MESSAGE, .payload = payload}), 0);
  tt_session_flush(wire->session, 0);
}

/* What was too much for a server once is not tried again. */
static void test_a_limit_is_learned(void **state)
{
  struct wire *wire = *state;
  assert_int_equal(tt_session_stanza_max(wire->session), SIZE_MAX);
  send_bytes(wire, TT_STANZA_MIN / 2);
  tt_session_violated(wire->session); /* so small a one was not it */
  assert_int_equal(tt_session_stanza_max(wire->session), SIZE_MAX);
  send_bytes(wire, 60000);
  send_bytes(wire, 100);
  tt_session_violated(wire->session);
  assert_in_range(tt_session_stanza_max(wire->session), 30000, 30100);
  tt_session_set_online(wire->session, false);
  tt_session_set_online(wire->session, true);
  tt_session_violated(wire->session); /* nothing was sent on this stream */
  assert_in_range(tt_session_stanza_max(wire->session), 30000, 30100);
  send_bytes(wire, 12000);
  tt_session_violated(wire->session);
  assert_int_equal(tt_session_stanza_max(wire->session), TT_STANZA_MIN);
  send_bytes(wire, 50000);
  tt_session_violated(wire->session); /* never back */
  assert_int_equal(tt_session_stanza_max(wire->session), TT_STANZA_MIN);
}

static void test_a_held_answer_leaves_with_its_data(void **state)
{
  struct wire *wire = *state;
  send_one(wire, "accepted", TT_OUT_ANSWER, 7, true);
  send_one(wire, "other", TT_OUT_ANSWER, 8, true);
  send_one(wire, "free", TT_OUT_ANSWER, 0, false);
  assert_int_equal(tt_session_flush(wire->session, 1000), 1000 + TT_OUT_HOLD_US);
  written(wire, FROM "'free'/>");
  send_one(wire, "fields", TT_OUT_READING, 7, false);
  assert_int_equal(tt_session_flush(wire->session, 2000), 1000 + TT_OUT_HOLD_US);
  assert_int_equal(wire->writes, 2);
  written(wire, FROM "'accepted'/>" FROM "'fields'/>");
  assert_int_equal(tt_session_counts(wire->session).queued, 1);
}

static void test_a_held_answer_waits_no_longer_than_it_may(void **state)
{
  struct wire *wire = *state;
  send_one(wire, "1", TT_OUT_ANSWER, 7, true);
  assert_int_equal(tt_session_flush(wire->session, 1000), 1000 + TT_OUT_HOLD_US);
  send_one(wire, "2", TT_OUT_ANSWER, 8, true);
  assert_int_equal(tt_session_flush(wire->session, 2000), 1000 + TT_OUT_HOLD_US);
  assert_int_equal(wire->writes, 0);
  assert_int_equal(tt_session_flush(wire->session, 1000 + TT_OUT_HOLD_US), 2000 + TT_OUT_HOLD_US);
  written(wire, FROM "'1'/>");
  assert_true(tt_session_flush(wire->session, 99999) == TT_NEVER);
  written(wire, FROM "'2'/>");
}

static void test_a_full_stream_keeps_everything_in_order(void **state)
{
  struct wire *wire = *state;
  wire->error = -ENOBUFS;
  send_one(wire, "1", TT_OUT_ANSWER, 0, false);
  uint64_t due = tt_session_flush(wire->session, 1000);
  assert_true(due > 1000 && due < 1000 + TT_USEC_PER_SEC);
  send_one(wire, "2", TT_OUT_ANSWER, 0, false);
  wire->error = 0;
  assert_true(tt_session_flush(wire->session, 2000) == TT_NEVER);
  written(wire, FROM "'1'/>" FROM "'2'/>");
}

static void test_under_pressure_the_oldest_readings_go(void **state)
{
  struct wire *wire = *state;
  send_one(wire, "answer", TT_OUT_ANSWER, 0, false);
  send_one(wire, "oldest", TT_OUT_READING, 0, false);
  for (int i = 2; i < TT_OUT_QUEUE_MAX; i++)
    send_one(wire, "r", TT_OUT_READING, 0, false);
  assert_int_equal(tt_session_counts(wire->session).dropped, 0);
  assert_int_equal(send_one(wire, "newest", TT_OUT_READING, 0, false), 0);
  assert_int_equal(tt_session_counts(wire->session).dropped, 1);
  assert_int_equal(tt_session_counts(wire->session).queued, TT_OUT_QUEUE_MAX);
  tt_session_flush(wire->session, 1);
  assert_non_null(strstr(wire->text.data, "'answer'"));
  assert_null(strstr(wire->text.data, "'oldest'"));
  assert_non_null(strstr(wire->text.data, "'newest'"));
}

static void test_bytes_are_limited_too(void **state)
{
  struct wire *wire = *state;
  const size_t size = 1024 * 1024;
  for (int i = 0; i < 20; i++) {
    char *payload = malloc(size + 1);
    memset(payload, 'x', size);
    payload[size] = '\0';
    assert_int_equal(
        tt_session_send(wire->session,
                        &(struct tt_out){.kind = TT_OUT_MESSAGE, .class = TT_OUT_READING, .payload = payload}),
        0);
    assert_true(tt_session_counts(wire->session).queued_bytes <= TT_OUT_QUEUE_BYTES_MAX);
  }
  assert_int_equal(tt_session_counts(wire->session).dropped, 20 - 7);
  tt_session_flush(wire->session, 1);
  assert_int_equal(wire->writes, 7); /* each is longer than one write may be */
}

static void test_answers_may_use_more_but_not_for_ever(void **state)
{
  struct wire *wire = *state;
  for (int i = 0; i < 2 * TT_OUT_QUEUE_MAX; i++)
    assert_int_equal(send_one(wire, "a", TT_OUT_ANSWER, 0, false), 0);
  assert_int_equal(send_one(wire, "a", TT_OUT_ANSWER, 0, false), -ENOBUFS);
  assert_int_equal(send_one(wire, "r", TT_OUT_READING, 0, false), -ENOBUFS);
  assert_int_equal(tt_session_counts(wire->session).queued, 2 * TT_OUT_QUEUE_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_heads),
      TEST(test_an_account_leaves_from_to_its_server),
      TEST(test_offline),
      TEST(test_a_limit_is_learned),
      TEST(test_a_held_answer_leaves_with_its_data),
      TEST(test_a_held_answer_waits_no_longer_than_it_may),
      TEST(test_a_full_stream_keeps_everything_in_order),
      TEST(test_under_pressure_the_oldest_readings_go),
      TEST(test_bytes_are_limited_too),
      TEST(test_answers_may_use_more_but_not_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
