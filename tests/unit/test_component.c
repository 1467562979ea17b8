/* SPDX-License-Identifier: Apache-2.0
 * The component's stream against servers played by hand: the handshake, hostile streams, and coming back. */
#define _GNU_SOURCE
#include "xmpp/component.h"

#include "xmpp_world.h"

#define HEAD                                                                                                       \
  "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "                                           \
  "xmlns:stream='http://etherx.jabber.org/streams' id='3BF96D32' from='things.test'>"
#define PING "<iq type='get' id='p1' from='alice@house.test/x' to='things.test'><ping xmlns='urn:xmpp:ping'/></iq>"
#define PONG "<iq type='result' from='things.test' to='alice@house.test/x' id='p1'/>"

struct test {
  struct world world;
  struct server server;
  struct tt_component *component;
};

static void start(struct test *test, const char *host)
{
  const struct tt_component_options options = {
      .event = test->world.event,
      .router = test->world.router,
      .jid = "things.test",
      .secret = "test",
      .host = host,
      .port = test->server.port,
      .state = world_on_state,
      .user = &test->world,
  };
  assert_int_equal(tt_component_create(&options, &test->component), 0);
  test->world.session = tt_component_session(test->component);
}

static int setup(void **state)
{
  struct test *test = calloc(1, sizeof(*test));
  world_init(&test->world, NULL);
  server_init(&test->server);
  *state = test;
  return 0;
}

static int teardown(void **state)
{
  struct test *test = *state;
  tt_component_destroy(test->component);
  world_finish(&test->world);
  server_finish(&test->server);
  free(test);
  return 0;
}

static void go_online(struct test *test)
{
  WORLD_UNTIL(&test->world, server_has(&test->server, "<stream:stream "));
  server_say(&test->server, HEAD);
  WORLD_UNTIL(&test->world, server_has(&test->server, "</handshake>"));
  server_say(&test->server, "<handshake/>");
  WORLD_UNTIL(&test->world, test->world.is_online);
}

static void test_handshake(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  assert_non_null(strstr(test->server.in.data, "to='things.test'>"));
  /* The example of XEP-0114: sha1("3BF96D32" "test"). */
  assert_non_null(strstr(test->server.in.data, "<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>"));
  assert_int_equal(test->world.states, 1);
  assert_non_null(strstr(test->world.state, "connected to 127.0.0.1:"));
  server_say(&test->server, PING);
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
}

static void test_a_name_is_looked_up(void **state)
{
  struct test *test = *state;
  start(test, "localhost");
  go_online(test);
}

static void test_an_unknown_name(void **state)
{
  struct test *test = *state;
  start(test, "no-such-host.invalid");
  WORLD_UNTIL(&test->world, test->world.states == 1);
  assert_false(test->world.is_online);
  assert_non_null(strstr(test->world.state, "the name no-such-host.invalid cannot be looked up: "));
  assert_non_null(strstr(test->world.state, "; trying again"));
}

static void test_nobody_there(void **state)
{
  struct test *test = *state;
  close(test->server.listener);
  test->server.listener = -1;
  start(test, "127.0.0.1");
  WORLD_UNTIL(&test->world, test->world.states == 1);
  assert_non_null(strstr(test->world.state, "connection refused by 127.0.0.1:"));
}

static void test_a_wrong_secret_is_told_once_and_not_tried_soon(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  WORLD_UNTIL(&test->world, server_has(&test->server, "<stream:stream "));
  server_say(&test->server, HEAD);
  WORLD_UNTIL(&test->world, server_has(&test->server, "</handshake>"));
  server_say(&test->server, "<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                            "</stream:error></stream:stream>");
  WORLD_UNTIL(&test->world, test->world.states == 1);
  assert_non_null(strstr(test->world.state, ": the server refused the secret; trying again in 60 s"));
  WORLD_UNTIL(&test->world, server_is_left(&test->server));
  server_hang_up(&test->server);
  uint64_t until = world_mono() + 2500 * TT_USEC_PER_MSEC; /* a quick failure would have come back by now */
  while (world_mono() < until) {
    sd_event_run(test->world.event, 50 * TT_USEC_PER_MSEC);
    assert_false(server_has(&test->server, NULL));
  }
}

static void test_conflict(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  server_say(&test->server, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
  WORLD_UNTIL(&test->world, !test->world.is_online);
  assert_non_null(strstr(test->world.state, "another component of this name is connected; trying again in 60 s"));
  assert_int_equal(test->world.gone, 1);
  assert_string_equal(test->world.gone_full, "(session)");
}

static void test_comes_back(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  for (int i = 0; i < 2; i++) {
    go_online(test);
    server_hang_up(&test->server);
    WORLD_UNTIL(&test->world, !test->world.is_online);
    assert_false(tt_session_is_online(test->world.session));
    assert_non_null(strstr(test->world.state, "was lost: closed by the server; trying again at growing intervals"));
    assert_int_equal(test->world.gone, i + 1);
  }
  go_online(test);
  server_say(&test->server, PING);
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
}

/* Each ends the stream with a reason, and the next one is as good as ever. */
static void test_hostile_streams(void **state)
{
  struct test *test = *state;
  static const struct {
    const char *bytes, *reason;
  } rows[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak as it should"},
      {"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "document type declaration"},
      {"<a id='1'>", "no XMPP server's port for components"},
      {HEAD "<!-- x -->", "a comment has no place"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    start(test, "127.0.0.1");
    WORLD_UNTIL(&test->world, server_has(&test->server, "<stream:stream "));
    server_say(&test->server, rows[i].bytes);
    WORLD_UNTIL(&test->world, test->world.states == 1);
    assert_non_null(strstr(test->world.state, rows[i].reason));
    assert_non_null(strstr(test->world.state, "; trying again in 60 s"));
    tt_component_destroy(test->component);
    test->component = NULL;
    test->world.session = NULL;
    test->world.states = 0;
    server_hang_up(&test->server);
  }
}

static void test_byte_by_byte_and_split_tags(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  for (const char *p = PING; *p; p++) {
    server_say_bytes(&test->server, p, 1);
    sd_event_run(test->world.event, 0);
    world_turn(&test->world);
  }
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
  tt_buf_finish(&test->server.in);
  size_t cut = strlen(PING) - 3; /* the rest is shorter than what the parser holds already */
  server_say_bytes(&test->server, PING, cut);
  for (int i = 0; i < 10; i++)
    sd_event_run(test->world.event, TT_USEC_PER_MSEC);
  uint64_t before = world_mono();
  server_say(&test->server, PING + cut);
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
  assert_true(world_mono() - before < TT_USEC_PER_SEC);
}

/* 256 KB of children in one stanza are refused before the tree is large; the loop is not kept busy by it. */
static void test_a_hostile_stanza_is_cheap(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  TT_AUTOFREE char *bytes = malloc(256 * 1024 + 1);
  size_t n = (size_t)sprintf(bytes, "<message from='m@x' to='things.test'>");
  while (n + 4 + 10 < 256 * 1024) {
    memcpy(bytes + n, "<b/>", 4);
    n += 4;
  }
  int buffer = 1024 * 1024;
  setsockopt(test->server.fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
  uint64_t longest = 0;
  size_t sent = 0;
  while (test->world.is_online) {
    if (sent < n) {
      ssize_t r = send(test->server.fd, bytes + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      sent += r > 0 ? (size_t)r : 0;
    }
    uint64_t before = world_mono();
    sd_event_run(test->world.event, 1000);
    uint64_t took = world_mono() - before;
    longest = took > longest ? took : longest;
  }
  assert_non_null(strstr(test->world.state, "too large or nested too deep"));
  assert_true(longest < 500 * TT_USEC_PER_MSEC); /* quadratic work takes seconds, with sanitizers minutes */
}

/* A server that does not read: the kernel takes some, we keep some, the session keeps the rest, and nothing blocks. */
static void test_a_server_that_does_not_read(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  TT_AUTOFREE char *text = malloc(60001);
  memset(text, 'x', 60000);
  text[60000] = '\0';
  for (int i = 0; i < 400; i++) {
    tt_session_send(test->world.session, &(struct tt_out){.kind = TT_OUT_MESSAGE,
                                                          .class = TT_OUT_READING,
                                                          .to = "alice@house.test/x",
                                                          .payload = strdup(text)});
    sd_event_run(test->world.event, 0);
    world_turn(&test->world);
  }
  struct tt_session_counts counts = tt_session_counts(test->world.session);
  assert_true(counts.dropped > 0);
  assert_true(counts.queued_bytes <= TT_OUT_QUEUE_BYTES_MAX);
  assert_true(test->world.is_online);
  /* Once it reads again, everything that is left comes whole and in order. */
  server_say(&test->server, PING);
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
}

static void test_stanzas_not_for_us_are_dropped(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  server_say(&test->server,
             "<iq type='get' id='a' from='alice@house.test/x' to='other.test'><ping xmlns='urn:xmpp:ping'/></iq>"
             "<iq type='get' id='b' from='alice@house.test/x'><ping xmlns='urn:xmpp:ping'/></iq>"
             "<iq type='get' id='c' to='things.test'><ping xmlns='urn:xmpp:ping'/></iq>" PING);
  WORLD_UNTIL(&test->world, server_has(&test->server, PONG));
  assert_null(strstr(test->server.in.data, "id='a'"));
  assert_null(strstr(test->server.in.data, "id='b'"));
  assert_null(strstr(test->server.in.data, "id='c'"));
}

static void test_the_end_is_polite(void **state)
{
  struct test *test = *state;
  start(test, "127.0.0.1");
  go_online(test);
  tt_component_destroy(test->component);
  test->component = NULL;
  test->world.session = NULL;
  assert_true(server_has(&test->server, "</stream:stream>"));
}

static void test_options(void **state)
{
  struct test *test = *state;
  struct tt_component *component = NULL;
  struct tt_component_options options = {.event = test->world.event, .router = test->world.router, .secret = "x"};
  assert_int_equal(tt_component_create(&options, &component), -EINVAL);
  options.jid = "things.test";
  options.secret = NULL;
  assert_int_equal(tt_component_create(&options, &component), -EINVAL);
  assert_null(component);
  tt_component_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_handshake),
      TEST(test_a_name_is_looked_up),
      TEST(test_an_unknown_name),
      TEST(test_nobody_there),
      TEST(test_a_wrong_secret_is_told_once_and_not_tried_soon),
      TEST(test_conflict),
      TEST(test_comes_back),
      TEST(test_hostile_streams),
      TEST(test_byte_by_byte_and_split_tags),
      TEST(test_a_hostile_stanza_is_cheap),
      TEST(test_a_server_that_does_not_read),
      TEST(test_stanzas_not_for_us_are_dropped),
      TEST(test_the_end_is_polite),
      TEST(test_options),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
