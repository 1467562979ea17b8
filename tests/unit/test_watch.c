/* SPDX-License-Identifier: Apache-2.0
 * What is told to who watches, and until when. */
#include "chat_stanzas.h"

static unsigned n_told;
static enum tt_refusal told;
static void on_told(TT_UNUSED void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                    TT_UNUSED unsigned number)
{
  n_told++;
  told = refusal;
}

static const char *pass(struct world *w, uint64_t us)
{
  forget_output(w);
  advance(w, us);
  tt_core_flush(w->core);
  return flush(w);
}

static void a_watch(void **state)
{
  (void)state;
  struct world *w = begin();
  expect(send(w, CHAT("id='1'", "<body>watch plug relay</body><thread>t1</thread>")),
         "I tell you when *plug* changes. `unwatch 1` ends it.");
  report(w, w->plug, "relay", "true");
  const char *out = pass(w, 2 * TT_USEC_PER_SEC);
  expect(out,
         "<message type='chat' from='" GATEWAY "' to='" ALICE "'><body>*plug* relay: on</body><thread>t1</thread>");
  report(w, w->plug, "level", "20"); /* not watched */
  assert_string_equal(pass(w, 2 * TT_USEC_PER_SEC), "");
  expect(send(w, CHAT("id='2'", "<body>watch plug level</body>")), "`unwatch 1` ends it.");
  report(w, w->plug, "level", "30");
  report(w, w->plug, "relay", "false");
  out = pass(w, 2 * TT_USEC_PER_SEC);
  expect(out, "relay: off");
  expect(out, "level: 30 %");
  expect(send(w, CHAT("id='3'", "<body>watch</body>")), "1 plug: level, relay");
  expect(send(w, CHAT("id='4'", "<body>unwatch plug</body>")), "1 watch ended.");
  report(w, w->plug, "relay", "true");
  assert_string_equal(pass(w, 2 * TT_USEC_PER_SEC), "");
  end(w);
}

/* Told once, and its values when it is back; also when it was so already. */
static void a_silent_device(void **state)
{
  (void)state;
  struct world *w = begin();
  struct tt_tree *tree = tt_core_tree(w->core);
  send(w, CHAT("id='1' xml:lang='en'", "<body>watch plug relay</body>"));
  for (int round = 0; round < 2; round++) {
    tt_node_message(tree, w->now, w->plug, "offline", TT_MESSAGE_ERROR, "Silent\n> *and* dead.");
    const char *out = pass(w, 2 * TT_USEC_PER_SEC);
    expect(out, "<body>*plug* does not answer: Silent &gt; ∗and∗ dead.</body>");
    assert_null(strstr(strstr(out, "</body>") + 1, "<body>"));
    assert_string_equal(pass(w, 10 * TT_USEC_PER_SEC), "");
    tt_node_message(tree, w->now, w->plug, "offline", TT_MESSAGE_ERROR, NULL);
    expect(pass(w, 2 * TT_USEC_PER_SEC), "<body>*plug* relay: off</body>");
    assert_string_equal(pass(w, 10 * TT_USEC_PER_SEC), "");
  }
  send(w, CHAT("id='2'", "<body>unwatch all</body>"));
  tt_node_message(tree, w->now, w->plug, "offline", TT_MESSAGE_ERROR, "Gone.");
  assert_string_equal(pass(w, 2 * TT_USEC_PER_SEC), "");
  const char *out = send(w, CHAT("id='3' xml:lang='sv'", "<body>watch plug relay</body>"));
  expect(out, "<body>*plug* svarar inte: Gone.</body>");
  expect(out, "glöm 1");
  assert_true(strstr(out, "glöm 1") < strstr(out, "svarar inte"));
  end(w);
}

/* Many changes within a second are one message. */
static void no_more_than_one_in_a_second(void **state)
{
  (void)state;
  struct world *w = begin();
  char level[8];
  unsigned n = 0;
  send(w, CHAT("id='1'", "<body>watch plug level</body>"));
  for (int i = 0; i < 40; i++) {
    snprintf(level, sizeof(level), "%d", i + 20);
    report(w, w->plug, "level", level);
    const char *out = pass(w, TT_USEC_PER_SEC / 10);
    n += strstr(out, "<body>") != NULL;
  }
  assert_in_range(n, 3, 5);
  end(w);
}

static void watches_end_with_their_person(void **state)
{
  (void)state;
  static const char *const ends[] = {
      "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>",
      "<message xmlns='jabber:client' type='error' from='" ALICE "' to='" GATEWAY "'><error type='cancel'>"
      "<service-unavailable xmlns='" STANZAS "'/></error></message>",
  };
  struct world *w = begin();
  for (size_t i = 0; i < TT_COUNT(ends); i++) {
    send(w, CHAT("id='1'", "<body>watch plug</body>"));
    assert_int_equal(tt_watch_list(watches, "alice@house.test", NULL, 0), 1);
    send(w, ends[i]);
    assert_int_equal(tt_watch_list(watches, "alice@house.test", NULL, 0), 0);
  }
  assert_int_equal(tt_subscription_count(w->core), 0);
  end(w);
}

/* What may not be read any more is not told; what never was is not promised. */
static void only_what_may_be_read(void **state)
{
  (void)state;
  struct world *w = begin();
  struct tt_caller guest = {.kind = TT_CALLER_XMPP,
                            .jid = "guest@house.test/x",
                            .bare = "guest@house.test",
                            .local = GATEWAY,
                            .language = ""};
  const struct tt_watch_address address = {.session = w->session, .caller = &guest};
  const struct tt_ref plug = {"plug", "", ""}, climate = {"climate", "", ""};
  const char *const humidity[] = {"humidity"};
  tt_watch_start(watches, &address, &plug, NULL, 0, on_told, NULL);
  assert_int_equal(told, TT_REFUSED_NOT_FOUND);
  tt_watch_start(watches, &address, &climate, humidity, 1, on_told, NULL);
  assert_int_equal(told, TT_REFUSED_FORBIDDEN);
  tt_watch_start(watches, &address, &climate, NULL, 0, on_told, NULL);
  assert_int_equal(told, TT_OK);
  report(w, w->climate, "temperature", "20");
  report(w, w->climate, "humidity", "50");
  const char *out = pass(w, 2 * TT_USEC_PER_SEC);
  expect(out, "*Hall climate* temperature: 20 °C</body>");
  assert_null(strstr(out, "humidity"));
  end(w);
}

static void watches_are_limited(void **state)
{
  (void)state;
  struct world *w = begin();
  n_told = 0;
  char jid[64];
  struct tt_caller caller = {
      .kind = TT_CALLER_XMPP, .jid = jid, .bare = "alice@house.test", .local = GATEWAY, .language = ""};
  const struct tt_watch_address address = {.session = w->session, .caller = &caller};
  const struct tt_ref plug = {.node = "plug", .source = "", .partition = ""}, none = {"nothing", "", ""};
  for (unsigned i = 0; i <= TT_WATCHES_PER_BARE; i++) {
    snprintf(jid, sizeof(jid), "alice@house.test/%u", i);
    tt_watch_start(watches, &address, &plug, NULL, 0, on_told, NULL);
    assert_int_equal(told, i < TT_WATCHES_PER_BARE ? TT_OK : TT_REFUSED_BUSY);
  }
  assert_int_equal(tt_watch_stop(watches, "alice@house.test", 5), 0);
  assert_int_equal(tt_watch_stop(watches, "alice@house.test", 5), -ENOENT);
  struct tt_watch_row rows[TT_WATCHES_PER_BARE];
  tt_watch_start(watches, &address, &none, NULL, 0, on_told, NULL);
  assert_int_equal(told, TT_REFUSED_NOT_FOUND);
  tt_watch_start(watches, &address, &plug, NULL, 0, on_told, NULL);
  assert_int_equal(told, TT_OK);
  assert_int_equal(tt_watch_list(watches, "alice@house.test", rows, TT_COUNT(rows)), TT_WATCHES_PER_BARE);
  assert_int_equal(rows[4].number, 5); /* the smallest free one */
  assert_string_equal(rows[4].jid, jid);
  assert_int_equal(n_told, TT_WATCHES_PER_BARE + 3);
  assert_int_equal(tt_watch_stop_node(watches, "alice@house.test", 0), TT_WATCHES_PER_BARE);
  end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_watch),
      cmocka_unit_test(a_silent_device),
      cmocka_unit_test(no_more_than_one_in_a_second),
      cmocka_unit_test(watches_end_with_their_person),
      cmocka_unit_test(only_what_may_be_read),
      cmocka_unit_test(watches_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
