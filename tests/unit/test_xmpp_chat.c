/* SPDX-License-Identifier: Apache-2.0
 * Chat messages through the router: what a client sends, what it gets, stanza by stanza; and watches (watch.h). */
#include "iot_world.h"

#include "model/subscription.h"
#include "xmpp/watch.h"

#define CHAT(attributes, payload)                                                                                  \
  "<message xmlns='jabber:client' type='chat' from='" ALICE "' to='" GATEWAY "' " attributes ">" payload           \
  "</message>"

static struct tt_watches *watches;
static struct tt_chat_handlers *handlers;

static void tell_log(void *user, TT_UNUSED const struct tt_caller *caller, TT_UNUSED size_t n, struct tt_buf *out)
{
  (void)user;
  tt_buf_puts(out, "a line");
}

static struct world *begin(void)
{
  struct world *w = world_create();
  assert_int_equal(tt_watches_create(w->router, &watches), 0);
  assert_int_equal(tt_chat_handlers_create(w->router, watches, &(struct tt_chat_log){w, tell_log}, &handlers), 0);
  report(w, w->plug, "relay", "false");
  report(w, w->plug, "level", "10");
  return w;
}

static void end(struct world *w)
{
  tt_router_offline(w->router, w->session);
  tt_core_destroy(w->core);
  tt_chat_handlers_destroy(handlers);
  tt_watches_destroy(watches);
  tt_sensor_destroy(w->sensor);
  tt_control_handlers_destroy(w->control);
  tt_router_destroy(w->router);
  tt_session_destroy(w->session);
  for (size_t i = 0; i < w->n_requests; i++)
    tt_value_finish(&w->requests[i].raw);
  tt_buf_finish(&w->out);
  free(w);
}

static const char *send(struct world *w, const char *stanza)
{
  forget_output(w);
  advance(w, TT_USEC_PER_SEC / 2);
  give(w, stanza);
  tt_core_flush(w->core);
  return flush(w);
}

static void expect(const char *out, const char *part)
{
  if (!out || !strstr(out, part))
    fail_msg("no %s in\n%s", part, out ? out : "");
}

static void an_answer(void **state)
{
  (void)state;
  struct world *w = begin();
  const char *out = send(w, CHAT("id='1'", "<body>plug.relay?</body>"));
  expect(out, "<message type='chat' from='" GATEWAY "' to='" ALICE "' id='chat-");
  expect(out, "<body>relay: off</body></message>");
  assert_null(strstr(out, "received"));
  assert_null(strstr(out, "chatstates"));
  out = send(w, CHAT("id='2' xml:lang='sv'", "<body>plug.relay?</body><thread>t&amp;1</thread>"));
  expect(out, "xml:lang='sv'");
  expect(out, "<body>relay: av</body><thread>t&amp;1</thread>");
  end(w);
}

/* Nobody who has no rule, no room, no copy, nothing that was kept, no bounce, no state alone. */
static void silence(void **state)
{
  (void)state;
  static const char *const stanzas[] = {
      "<message xmlns='jabber:client' type='chat' from='stranger@elsewhere.test/x' to='" GATEWAY
      "'><body>help</body>"
      "<request xmlns='urn:xmpp:receipts'/></message>",
      "<message xmlns='jabber:client' type='groupchat' from='" ALICE "' to='" GATEWAY
      "'><body>help</body></message>",
      "<message xmlns='jabber:client' type='headline' from='" ALICE "' to='" GATEWAY
      "'><body>help</body></message>",
      CHAT("", "<body>help</body><delay xmlns='urn:xmpp:delay' stamp='2026-11-22T18:54:53Z'/>"),
      CHAT("", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
      CHAT("", "<active xmlns='http://jabber.org/protocol/chatstates'/>"),
      CHAT("", "<received xmlns='urn:xmpp:receipts' id='x'/>"),
      CHAT("", "<body/>"),
      "<message xmlns='jabber:client' type='chat' from='" ALICE "' to='nothing@" GATEWAY
      "'><body>help</body></message>",
  };
  struct world *w = begin();
  for (size_t i = 0; i < TT_COUNT(stanzas); i++)
    assert_string_equal(send(w, stanzas[i]), "");
  end(w);
}

static void a_receipt(void **state)
{
  (void)state;
  struct world *w = begin();
  const char *out = send(w, CHAT("id='r1'", "<body>help</body><request xmlns='urn:xmpp:receipts'/>"));
  expect(out, "<received xmlns='urn:xmpp:receipts' id='r1'/>");
  expect(out, "<body>`ls`");
  end(w);
}

static void states_while_it_takes_long(void **state)
{
  (void)state;
  struct world *w = begin();
  const char *out =
      send(w, CHAT("id='1'", "<body>meter?</body><active xmlns='http://jabber.org/protocol/chatstates'/>"));
  expect(out, "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
  assert_null(strstr(out, "<body>"));
  forget_output(w);
  report(w, w->meter, "voltage", "230");
  struct device_request request = take_request(w);
  complete(w, &request, 0, NULL);
  out = flush(w);
  expect(out, "voltage: 230 V");
  expect(out, "<active xmlns='http://jabber.org/protocol/chatstates'/>");
  end(w);
}

/* The last message may be corrected while nothing was done. */
static void corrections(void **state)
{
  (void)state;
#define REPLACE(id) "<replace xmlns='urn:xmpp:message-correct:0' id='" id "'/>"
  struct world *w = begin();
  send(w, CHAT("id='1'", "<body>plgu.relay?</body>"));
  expect(send(w, CHAT("id='2'", "<body>plug.relay?</body>" REPLACE("1"))), "relay: off");
  expect(send(w, CHAT("id='3'", "<body>plug relay on</body>" REPLACE("9"))), "Only your last message");
  assert_int_equal(w->n_requests, 0);
  /* a command on its way, and one that was carried out */
  assert_string_equal(send(w, CHAT("id='4'", "<body>plug relay on</body>")), "");
  assert_int_equal(w->n_requests, 1);
  expect(send(w, CHAT("id='5'", "<body>plug relay off</body>" REPLACE("4"))), "That was done already");
  struct device_request request = take_request(w);
  complete(w, &request, 0, NULL);
  expect(flush(w), "relay: on");
  expect(send(w, CHAT("id='6'", "<body>plug relay off</body>" REPLACE("4"))), "That was done already");
  assert_int_equal(w->n_requests, 0);
  /* one that was refused */
  expect(send(w, CHAT("id='7'", "<body>plug level 400</body>")), "level must be between 0 and 100 %");
  send(w, CHAT("id='8'", "<body>plug level 40</body>" REPLACE("7")));
  assert_int_equal(w->n_requests, 1);
  /* a reading that runs is given up for the new one */
  send(w, CHAT("id='9'", "<body>meter?</body>"));
  expect(send(w, CHAT("id='10'", "<body>plug.relay?</body>" REPLACE("9"))), "relay: on");
  end(w);
}

static void what_is_encrypted(void **state)
{
  (void)state;
#define OMEMO "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>"
  struct world *w = begin();
  const char *out = send(w, CHAT("id='1'", OMEMO "<body>plug relay on</body>"));
  expect(out, "I cannot read encrypted messages yet.");
  assert_string_equal(send(w, CHAT("id='2'", "<body>I sent you an OMEMO encrypted message</body>" OMEMO)), "");
  assert_int_equal(w->n_requests, 0);
  expect(send(w, CHAT("id='3'", "<body>plug.relay?</body>")), "relay: off");
  expect(send(w, CHAT("id='4'", OMEMO)), "I cannot read");
  end(w);
}

static void a_thing_of_its_own(void **state)
{
  (void)state;
  struct world *w = begin();
  const char *out = send(w, "<message xmlns='jabber:client' type='chat' from='" ALICE "' to='plug@" GATEWAY
                            "' id='1'><body>relay?</body></message>");
  expect(out, "from='plug@" GATEWAY "'");
  expect(out, "relay: off");
  end(w);
}

/* ---- Watches ------------------------------------------------------------------------------------------------------ */

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

static unsigned n_told;
static enum tt_refusal told;
static void on_told(TT_UNUSED void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                    TT_UNUSED unsigned number)
{
  n_told++;
  told = refusal;
}

static void watches_are_limited(void **state)
{
  (void)state;
  struct world *w = begin();
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
      cmocka_unit_test(an_answer),
      cmocka_unit_test(silence),
      cmocka_unit_test(a_receipt),
      cmocka_unit_test(states_while_it_takes_long),
      cmocka_unit_test(corrections),
      cmocka_unit_test(what_is_encrypted),
      cmocka_unit_test(a_thing_of_its_own),
      cmocka_unit_test(a_watch),
      cmocka_unit_test(no_more_than_one_in_a_second),
      cmocka_unit_test(watches_end_with_their_person),
      cmocka_unit_test(watches_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
