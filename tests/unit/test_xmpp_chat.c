/* SPDX-License-Identifier: Apache-2.0
 * Chat messages through the router: what a client sends, what it gets, stanza by stanza. */
#include "chat_stanzas.h"

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

/* Some clients write what they show as a letter: it is answered as one, at once or later. */
static void an_answer_has_the_type_of_its_message(void **state)
{
  (void)state;
  static const struct {
    const char *attribute, *answer;
  } types[] = {{"type='chat'", "<message type='chat' from='"},
               {"type='normal'", "<message type='normal' from='"},
               {"", "<message from='"}};
  struct world *w = begin();
  for (size_t i = 0; i < TT_COUNT(types); i++) {
    char stanza[600];
    snprintf(stanza, sizeof(stanza),
             "<message xmlns='jabber:client' %s from='" ALICE "' to='" GATEWAY
             "' id='n%zu'><subject>x</subject><body>%%s</body><request xmlns='urn:xmpp:receipts'/></message>",
             types[i].attribute, i);
    char said[700];
    snprintf(said, sizeof(said), stanza, "plug.relay?");
    const char *out = send(w, said);
    expect(out, types[i].answer);
    expect(out, "<body>relay: ");
    expect(out, "<received ");
    for (const char *message = out; (message = strstr(message, "<message ")); message++)
      assert_int_equal(strncmp(message, types[i].answer, strlen(types[i].answer)), 0);
    snprintf(said, sizeof(said), stanza, "plug relay on");
    send(w, said);
    struct device_request request = take_request(w);
    forget_output(w);
    complete(w, &request, 0, NULL);
    out = flush(w);
    expect(out, types[i].answer);
    expect(out, "<body>*plug* relay: on");
  }
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

/* Which is no thing: all of the tree is there. */
static void the_gateway_by_its_name(void **state)
{
  (void)state;
  struct world *w = begin();
  const char *out = send(w, "<message xmlns='jabber:client' type='chat' from='" ALICE "' to='gateway@" GATEWAY
                            "' id='1'><body>plug.relay?</body></message>");
  expect(out, "from='gateway@" GATEWAY "'");
  expect(out, "relay: off");
  assert_string_equal(
      send(w, "<message xmlns='jabber:client' type='chat' from='nobody@house.test/x' to='gateway@" GATEWAY
              "' id='2'><body>plug.relay?</body></message>"),
      "");
  end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer),
      cmocka_unit_test(an_answer_has_the_type_of_its_message),
      cmocka_unit_test(silence),
      cmocka_unit_test(a_receipt),
      cmocka_unit_test(states_while_it_takes_long),
      cmocka_unit_test(corrections),
      cmocka_unit_test(what_is_encrypted),
      cmocka_unit_test(a_thing_of_its_own),
      cmocka_unit_test(the_gateway_by_its_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
