/* SPDX-License-Identifier: Apache-2.0
 * An account's stream against a server that is played by hand, for what no real server does on demand: silence at every
 * step, refusals of every kind, tags that are cut, stanzas that are costly. */
#define _GNU_SOURCE
#include "tls_server.h"

#include "trust/access.h"
#include "xmpp/link.h"

#include "xmpp_world.h"

#define PING_FROM_ALICE                                                                                            \
  "<iq type='get' id='p%d' from='alice@house.test/x' to='gw@house.test/t'><ping xmlns='urn:xmpp:ping'/></iq>"
#define DAY (24 * 3600)

struct test {
  struct world world;
  struct tls_server server;
  struct tt_access *access;
  struct tt_link *link;
  char pem[64];
};

static const struct tt_stream_times hasty = {.online_us = 400 * TT_USEC_PER_MSEC,
                                             .ping_every_us = 60 * TT_USEC_PER_SEC,
                                             .ping_answer_us = 30 * TT_USEC_PER_SEC};
static const struct tt_stream_times talkative = {.online_us = 30 * TT_USEC_PER_SEC,
                                                 .ping_every_us = 200 * TT_USEC_PER_MSEC,
                                                 .ping_answer_us = 900 * TT_USEC_PER_MSEC};

static int setup(void **state)
{
  struct test *test = calloc(1, sizeof(*test));
  snprintf(test->pem, sizeof(test->pem), "/tmp/test_link.XXXXXX");
  int fd = mkstemp(test->pem);
  close(fd);
  assert_int_equal(tt_access_create(NULL, 0, NULL, &test->access), 0);
  world_init(&test->world, test->access);
  *state = test;
  return 0;
}

/* A busy machine may need more than one try; a thread that hangs needs all of them. */
static void end_in_time(struct test *test)
{
  uint64_t until = world_mono() + WORLD_PATIENCE_MS * TT_USEC_PER_MSEC;
  int r = tt_link_destroy(test->link);
  while (r == -ETIMEDOUT && world_mono() < until)
    r = tt_link_destroy(test->link);
  assert_int_equal(r, 0);
  test->link = NULL;
  test->world.session = NULL;
}

static int teardown(void **state)
{
  struct test *test = *state;
  end_in_time(test);
  world_finish(&test->world);
  tt_access_destroy(test->access);
  tls_server_stop(&test->server);
  unlink(test->pem);
  free(test);
  return 0;
}

static void start_with(struct test *test, const char *host, uint16_t port, const char *ca,
                       const struct tt_stream_times *times)
{
  const struct tt_link_options options = {
      .event = test->world.event,
      .router = test->world.router,
      .access = test->access,
      .jid = "gw@house.test/t",
      .password = "secret",
      .host = host,
      .port = port,
      .ca = ca,
      .times = times,
      .state = world_on_state,
      .user = &test->world,
  };
  assert_int_equal(tt_link_create(&options, &test->link), 0);
  test->world.session = tt_link_session(test->link);
}

static void start(struct test *test, enum fault fault, const struct tt_stream_times *times)
{
  tls_server_start(&test->server, fault, "house.test", DAY, test->pem);
  start_with(test, "127.0.0.1", test->server.port, test->pem, times);
}

static void go_online(struct test *test)
{
  start(test, FAULT_NONE, NULL);
  WORLD_UNTIL(&test->world, test->world.is_online);
}

static bool heard(struct test *test, const char *what)
{
  return tls_server_heard(&test->server, what);
}

static void say(struct test *test, const char *text)
{
  tls_server_say(&test->server, text, strlen(text));
}

/* ---- Well ------------------------------------------------------------------------------------------------ */
static void test_logs_in_and_answers(void **state)
{
  struct test *test = *state;
  char ping[200];
  go_online(test);
  assert_string_equal(test->world.state, "logged in as gw@house.test/t");
  assert_int_equal(test->world.states, 1);
  assert_string_equal(tt_session_jid(test->world.session), "gw@house.test/t");
  WORLD_UNTIL(&test->world, heard(test, "<presence>") && heard(test, "jabber:iq:roster"));
  snprintf(ping, sizeof(ping), PING_FROM_ALICE, 1);
  say(test, ping);
  WORLD_UNTIL(&test->world, heard(test, "<iq type='result' to='alice@house.test/x' id='p1'/>"));
  assert_false(test->server.is_clear_password);
}

static void test_goes_politely(void **state)
{
  struct test *test = *state;
  go_online(test);
  assert_int_equal(tt_link_destroy(test->link), 0);
  test->link = NULL;
  test->world.session = NULL;
  assert_true(heard(test, "</stream:stream>"));
}

static void test_comes_back(void **state)
{
  struct test *test = *state;
  go_online(test);
  tls_server_hang_up(&test->server);
  WORLD_UNTIL(&test->world, !test->world.is_online);
  assert_non_null(strstr(test->world.state, "was lost; trying again at growing intervals"));
  assert_int_equal(test->world.gone, 1);
  WORLD_UNTIL(&test->world, test->world.is_online);
  assert_int_equal(test->server.n_clients, 2);
}

/* A tag that is cut near its end is held back by the parser until more comes: we make it come. */
static void test_a_cut_tag_is_pushed_through(void **state)
{
  struct test *test = *state;
  char ping[1200];
  go_online(test);
  int n = snprintf(ping, sizeof(ping),
                   "<iq type='get' id='%0900d' from='alice@house.test/x'><ping xmlns='urn:xmpp:ping'/></iq>", 7);
  uint64_t before = world_mono();
  tls_server_say(&test->server, ping, 910); /* two records, read one by one */
  tls_server_say(&test->server, ping + 910, (size_t)n - 910);
  WORLD_UNTIL(&test->world, heard(test, "000007'"));
  assert_true(world_mono() - before < TT_USEC_PER_SEC);
}

/* Much in both directions, more than one read, one write or one turn takes. */
static void test_bursts(void **state)
{
  enum { N = 60 }; /* within what one friend may ask at once */
  struct test *test = *state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  go_online(test);
  for (int round = 0; round < 5; round++) {
    tt_buf_truncate(&buf, 0);
    for (int i = 0; i < N; i++)
      tt_buf_printf(&buf, PING_FROM_ALICE, 1000 + round * N + i);
    tls_server_say(&test->server, buf.data, buf.len);
  }
  char last[40];
  snprintf(last, sizeof(last), "id='p%d'", 1000 + 5 * N - 1);
  WORLD_UNTIL(&test->world, heard(test, last));
  assert_int_equal(tt_session_counts(test->world.session).dropped, 0);

  char *big = malloc(60000);
  memset(big, 'x', 60000 - 1);
  memcpy(big, "<x>", 3);
  memcpy(big + 60000 - 5, "</x>", 5);
  size_t before = tls_server_heard_bytes(&test->server);
  for (int i = 0; i < 30; i++) { /* 1.8 MB: the thread's share, then the session's queue */
    char *payload = strdup(big);
    assert_int_equal(
        tt_session_send(test->world.session,
                        &(struct tt_out){.kind = TT_OUT_MESSAGE, .to = "alice@house.test/x", .payload = payload}),
        0);
  }
  free(big);
  WORLD_UNTIL(&test->world, tls_server_heard_bytes(&test->server) > before + 30 * 60000);
}

/* Over a limit: the iq is answered all the same, with a refusal. */
static void test_too_deep_a_stanza_is_still_answered(void **state)
{
  struct test *test = *state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  go_online(test);
  tt_buf_puts(&buf, "<iq type='get' id='deep' from='alice@house.test/x'>");
  for (int i = 0; i < TT_XML_DEPTH_MAX + 5; i++)
    tt_buf_puts(&buf, "<a xmlns='urn:x'>");
  for (int i = 0; i < TT_XML_DEPTH_MAX + 5; i++)
    tt_buf_puts(&buf, "</a>");
  tt_buf_puts(&buf, "</iq>");
  say(test, buf.data);
  WORLD_UNTIL(&test->world, heard(test, "id='deep'") && heard(test, "<error"));
}

/* Tens of thousands of elements keep the library's parser busy for a while, but not us; and a stranger is not heard
 * again. */
static void test_a_costly_stranger_is_blocked(void **state)
{
  struct test *test = *state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  go_online(test);
  tt_buf_puts(&buf, "<message from='mallory@evil.test/1'><x xmlns='urn:x'>");
  for (int i = 0; i < 40000; i++)
    tt_buf_puts(&buf, "<b/>");
  tt_buf_puts(&buf, "</x></message>");
  tls_server_say(&test->server, buf.data, buf.len);
  uint64_t slowest = 0;
  while (!heard(test, "urn:xmpp:blocking")) {
    uint64_t began = world_mono();
    sd_event_run(test->world.event, 2 * TT_USEC_PER_MSEC);
    world_turn(&test->world);
    uint64_t took = world_mono() - began;
    slowest = took > slowest ? took : slowest;
  }
  assert_true(heard(test, "<item jid='mallory@evil.test'"));
  assert_true(slowest < 500 * TT_USEC_PER_MSEC);
}

/* ---- Refusals and silence ---------------------------------------------------------------------------------- */
static void expect(struct test *test, const char *text)
{
  WORLD_UNTIL(&test->world, test->world.states == 1);
  if (!strstr(test->world.state, text))
    fail_msg("\"%s\" is not about \"%s\"", test->world.state, text);
  assert_false(test->world.is_online);
  assert_false(test->server.is_clear_password);
}

static void test_wrong_password(void **state)
{
  struct test *test = *state;
  start(test, FAULT_WRONG_PASSWORD, NULL);
  expect(test, "the server refused the password (as gw@house.test/t); trying again in 60 s");
}

static void test_no_tls_no_password(void **state)
{
  struct test *test = *state;
  start(test, FAULT_NO_TLS, NULL);
  expect(test, "the server offers no TLS; the password was not sent (as gw@house.test/t); trying again in 60 s");
}

static void test_host_unknown(void **state)
{
  struct test *test = *state;
  start(test, FAULT_HOST_UNKNOWN, NULL);
  expect(test, "the server does not serve the domain of our JID; trying again in 60 s");
}

static void test_not_xmpp(void **state)
{
  struct test *test = *state;
  start(test, FAULT_NOT_XMPP, NULL);
  expect(test, "closed the connection before TLS was established; is this an XMPP server's port for clients?");
}

static void test_refused(void **state)
{
  struct test *test = *state;
  start_with(test, "127.0.0.1", 1, NULL, NULL);
  expect(test, "connection refused by 127.0.0.1:1; trying again at growing intervals");
}

static void test_unknown_name(void **state)
{
  struct test *test = *state;
  start_with(test, "no-such-host.invalid", 0, NULL, NULL);
  expect(test, "the name no-such-host.invalid cannot be looked up");
}

static void test_untrusted_certificate(void **state)
{
  struct test *test = *state;
  tls_server_start(&test->server, FAULT_NONE, "house.test", DAY, NULL);
  start_with(test, "127.0.0.1", test->server.port, NULL, NULL);
  expect(test, "is not accepted: self-signed certificate (certificate of ");
  assert_non_null(strstr(test->world.state, "house.test); trying again in 60 s"));
}

static void test_certificate_of_another_name(void **state)
{
  struct test *test = *state;
  tls_server_start(&test->server, FAULT_NONE, "other.test", DAY, test->pem);
  start_with(test, "127.0.0.1", test->server.port, test->pem, NULL);
  expect(test, "is not accepted: hostname mismatch");
}

static void test_expired_certificate(void **state)
{
  struct test *test = *state;
  tls_server_start(&test->server, FAULT_NONE, "house.test", -60, test->pem);
  start_with(test, "127.0.0.1", test->server.port, test->pem, NULL);
  expect(test, "is not accepted: certificate has expired");
}

static void test_unreadable_ca(void **state)
{
  struct test *test = *state;
  tls_server_start(&test->server, FAULT_NONE, "house.test", DAY, NULL);
  start_with(test, "127.0.0.1", test->server.port, test->pem, NULL); /* empty */
  expect(test, "the file of `ca:` cannot be read as PEM");
}

static void test_silence(void **state)
{
  struct test *test = *state;
  static const enum fault faults[] = {FAULT_SILENT, FAULT_PROCEED_ONLY};
  for (size_t i = 0; i < TT_COUNT(faults); i++) {
    start(test, faults[i], &hasty);
    expect(test, "no answer from 127.0.0.1 within 0 s; trying again at growing intervals");
    end_in_time(test);
    test->world.states = 0;
    tls_server_stop(&test->server);
  }
}

static void test_silence_later(void **state)
{
  struct test *test = *state;
  start(test, FAULT_SILENT_LATER, &talkative);
  WORLD_UNTIL(&test->world, test->world.is_online);
  WORLD_UNTIL(&test->world, !test->world.is_online);
  assert_true(heard(test, "id='tt-alive'"));
  assert_non_null(strstr(test->world.state, "127.0.0.1 has not answered for 1 s"));
}

static void test_pings_keep_it_alive(void **state)
{
  struct test *test = *state;
  start(test, FAULT_NONE, &talkative);
  WORLD_UNTIL(&test->world, test->world.is_online);
  uint64_t until = world_mono() + 1500 * TT_USEC_PER_MSEC;
  while (world_mono() < until) {
    sd_event_run(test->world.event, 50 * TT_USEC_PER_MSEC);
    world_turn(&test->world);
    assert_true(test->world.is_online);
  }
}

/* Ends while the thread hangs in a handshake that never ends. */
static void test_ends_in_the_middle_of_a_handshake(void **state)
{
  struct test *test = *state;
  start(test, FAULT_PROCEED_ONLY, NULL);
  WORLD_UNTIL(&test->world, test->server.n_clients == 1);
  end_in_time(test);
}

/* As before, but the loop has not heard yet of the socket on which the thread hangs. */
static void test_ends_before_it_has_heard_of_the_socket(void **state)
{
  struct test *test = *state;
  start(test, FAULT_PROCEED_ONLY, NULL);
  /* in its first turn it tells the thread to connect */
  assert_true(sd_event_run(test->world.event, WORLD_PATIENCE_MS * TT_USEC_PER_MSEC) > 0);
  uint64_t until = world_mono() + WORLD_PATIENCE_MS * TT_USEC_PER_MSEC;
  while (!test->server.is_hello && world_mono() < until)
    sched_yield();
  assert_true(test->server.is_hello);
  end_in_time(test);
}

static void test_what_cannot_be_an_account(void **state)
{
  struct test *test = *state;
  static const char *const jids[] = {"", "house.test", "@house.test", "gw@", NULL};
  for (size_t i = 0; i < TT_COUNT(jids); i++) {
    const struct tt_link_options options = {
        .event = test->world.event, .router = test->world.router, .jid = jids[i], .password = "x"};
    assert_int_equal(tt_link_create(&options, &test->link), -EINVAL);
  }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_logs_in_and_answers),
      TEST(test_goes_politely),
      TEST(test_comes_back),
      TEST(test_a_cut_tag_is_pushed_through),
      TEST(test_bursts),
      TEST(test_too_deep_a_stanza_is_still_answered),
      TEST(test_a_costly_stranger_is_blocked),
      TEST(test_wrong_password),
      TEST(test_no_tls_no_password),
      TEST(test_host_unknown),
      TEST(test_not_xmpp),
      TEST(test_refused),
      TEST(test_unknown_name),
      TEST(test_untrusted_certificate),
      TEST(test_certificate_of_another_name),
      TEST(test_expired_certificate),
      TEST(test_unreadable_ca),
      TEST(test_silence),
      TEST(test_silence_later),
      TEST(test_pings_keep_it_alive),
      TEST(test_ends_in_the_middle_of_a_handshake),
      TEST(test_ends_before_it_has_heard_of_the_socket),
      TEST(test_what_cannot_be_an_account),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
