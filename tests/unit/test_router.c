/* SPDX-License-Identifier: Apache-2.0
 * Stanza in, stanza out: who is answered what, who hears nothing, who is gone. */
#define _GNU_SOURCE
#include "xmpp/router_private.h"

#include "trust/access.h"
#include "trust/bucket.h"

#include "xmpp_world.h"

#define ALICE   "from='alice@house.test/x'"
#define MALLORY "from='mallory@else.test/x'"
#define TO      "to='things.test'"
#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

struct test {
  struct world world;
  struct tt_session *session;
  struct tt_buf out;
  struct tt_iq seen; /* by the last handler: only what outlives the call */
  char language[40], local[80], id[40], thing[40];
  struct tt_reply *reply;
};

static int on_write(void *user, const char *text, size_t n)
{
  tt_buf_add(&((struct test *)user)->out, text, n);
  return 0;
}

static const struct tt_session_ops session_ops = {.write = on_write};
static struct test *current; /* handlers are constant tables: what they see goes here */

static void note(struct tt_iq *iq)
{
  current->world.handled++;
  snprintf(current->language, sizeof(current->language), "%s", iq->caller.language);
  snprintf(current->local, sizeof(current->local), "%s", iq->caller.local);
  snprintf(current->id, sizeof(current->id), "%s", iq->id);
  current->seen.is_set = iq->is_set;
  snprintf(current->thing, sizeof(current->thing), "%s", iq->thing ? iq->thing->key : "");
}

static void on_answer_now(struct tt_iq *iq, const void *data)
{
  note(iq);
  tt_iq_result(iq, strdup(data));
}

static void on_answer_later(struct tt_iq *iq, const void *data)
{
  (void)data;
  note(iq);
  current->reply = tt_reply_create(iq);
}

static void on_error(struct tt_iq *iq, const void *data)
{
  (void)data;
  tt_iq_error(iq, TT_REFUSED_DEVICE, "a < b", strdup("<before/>"), strdup("<inside/>"));
}

static char *refused(const struct tt_iq *iq, enum tt_refusal refusal, const char *text, const void *data)
{
  (void)iq, (void)data;
  char *payload = NULL;
  return asprintf(&payload, "<rejected code='%d'>%s</rejected>", refusal, text) < 0 ? NULL : payload;
}

static const struct tt_iq_handler rows[] = {
    {.ns = "urn:t", .name = "now", .fn = on_answer_now, .data = "<now/>", .refused = refused},
    {.ns = "urn:t", .name = "later", .fn = on_answer_later},
    {.ns = "urn:t", .name = "error", .fn = on_error},
    {.ns = "urn:any", .name = NULL, .fn = on_answer_now, .data = "<any/>"},
    {.ns = "urn:any", .name = "exact", .fn = on_answer_now, .data = "<exact/>"},
};

static void on_message(struct tt_iq *message, const void *data)
{
  (void)data;
  note(message);
  current->world.messages++;
  tt_iq_result(message, strdup("<nobody-waits/>"));
  tt_iq_error(message, TT_REFUSED_DEVICE, NULL, NULL, strdup("<x/>"));
}

static const struct tt_message_handler message_rows[] = {{.ns = "urn:t", .name = "set", .fn = on_message}};

static int setup_with(void **state, enum tt_session_kind kind, struct tt_access *access)
{
  struct test *test = calloc(1, sizeof(*test));
  world_init(&test->world, access);
  assert_int_equal(tt_router_add(test->world.router, rows, TT_COUNT(rows)), 0);
  assert_int_equal(tt_router_add_messages(test->world.router, message_rows, 1), 0);
  test->session = tt_session_create(kind, kind == TT_SESSION_COMPONENT ? "things.test" : "gw@house.test/thingtree",
                                    &session_ops, test);
  tt_session_set_online(test->session, true);
  tt_router_online(test->world.router, test->session);
  tt_session_flush(test->session, 1);
  current = test;
  *state = test;
  return 0;
}

static int setup(void **state)
{
  return setup_with(state, TT_SESSION_COMPONENT, NULL);
}

static int setup_account(void **state)
{
  return setup_with(state, TT_SESSION_ACCOUNT, NULL);
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

static const char *out_of(struct test *test)
{
  tt_session_flush(test->session, world_mono());
  return test->out.data ? test->out.data : "";
}

/* One stanza in; what went out for it. */
static const char *say(struct test *test, const char *stanza)
{
  struct tt_xml_doc *doc = NULL;
  assert_int_equal(tt_xml_parse(stanza, strlen(stanza), &doc), 0);
  tt_buf_finish(&test->out);
  tt_router_stanza(test->world.router, test->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  return out_of(test);
}

static void test_a_request(void **state)
{
  struct test *test = *state;
  assert_string_equal(
      say(test, "<iq type='set' id='1' xml:lang='sv' " ALICE " to='n1@things.test'><now xmlns='urn:t'/></iq>"),
      "<iq type='result' from='n1@things.test' to='alice@house.test/x' id='1'><now/></iq>");
  assert_string_equal(test->language, "sv");
  assert_string_equal(test->local, "n1@things.test");
  assert_true(test->seen.is_set);
  say(test,
      "<iq type='get' id='2' xml:lang='sv' " ALICE " to='THINGS.test/r'><now xmlns='urn:t' xml:lang='de'/></iq>");
  assert_string_equal(test->language, "de"); /* the payload's goes before the stanza's */
  assert_false(test->seen.is_set);
  assert_int_equal(test->world.handled, 2);
}

static void test_the_address_of_a_thing(void **state)
{
  struct test *test = *state;
  say(test, "<iq type='get' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>");
  assert_string_equal(test->thing, "");
  say(test, "<iq type='get' id='1' " ALICE " to='N1@things.test/r@x'><now xmlns='urn:t'/></iq>");
  assert_string_equal(test->thing, "n1");
  say(test, "<iq type='get' id='1' " ALICE " to='things.test/n@x'><now xmlns='urn:t'/></iq>");
  assert_string_equal(test->thing, "");
  assert_int_equal(test->world.handled, 3);
  /* What is not to be seen answers as what is not there. */
  const char *absent = "<iq type='get' id='1' " ALICE " to='absent@things.test'><now xmlns='urn:t'/></iq>";
  const char *secret = "<iq type='get' id='1' " ALICE " to='secret@things.test'><now xmlns='urn:t'/></iq>";
  char expected[600];
  snprintf(expected, sizeof(expected), "%s", say(test, absent) + strlen("<iq type='error' from='absent"));
  assert_non_null(strstr(expected, "item-not-found"));
  assert_string_equal(say(test, secret) + strlen("<iq type='error' from='secret"), expected);
  assert_string_equal(say(test, "<message " ALICE " to='secret@things.test'><set xmlns='urn:t'/></message>"), "");
  assert_int_equal(test->world.messages, 0);
  assert_int_equal(test->world.handled, 3);
}

static void test_the_exact_row_goes_before_the_one_for_all(void **state)
{
  struct test *test = *state;
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "><exact xmlns='urn:any'/></iq>"), "<exact/>"));
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "><other xmlns='urn:any'/></iq>"), "<any/>"));
}

static void test_every_request_is_answered(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<iq type='get' id='1' " ALICE " " TO "><q xmlns='urn:unknown'/></iq>"),
                      "<iq type='error' from='things.test' to='alice@house.test/x' id='1'><error type='cancel'>"
                      "<service-unavailable xmlns='" STANZAS "'/></error></iq>");
  assert_non_null(strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "><unknown xmlns='urn:t'/></iq>"),
                         "<error type='cancel'><feature-not-implemented "));
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "/>"), "<error type='modify'><bad-request "));
}

static void test_answers_are_never_answered(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<iq type='error' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_string_equal(say(test, "<iq type='result' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_string_equal(say(test, "<iq type='odd' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_string_equal(say(test, "<iq id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_string_equal(say(test, "<iq type='get' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_string_equal(
      say(test, "<iq xmlns='urn:other' type='get' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "");
  assert_int_equal(test->world.handled, 0);
  assert_int_equal(tt_router_counts(test->world.router).dropped, 6);
}

static void test_a_stranger(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<iq type='get' id='1' " MALLORY " " TO "><now xmlns='urn:t'/></iq>"),
                      "<iq type='error' from='things.test' to='mallory@else.test/x' id='1'>"
                      "<rejected code='2'>You may not do this.</rejected><error type='cancel'>"
                      "<forbidden xmlns='" STANZAS "'/><text xmlns='" STANZAS "' xml:lang='en'>You may not do this."
                      "</text></error></iq>");
  assert_int_equal(test->world.refused, 1);
  /* A name we do not know in a namespace that we know is refused alike: nothing is looked up. */
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " MALLORY " " TO "><odd xmlns='urn:t'/></iq>"), "<forbidden "));
  assert_non_null(strstr(say(test, "<iq type='get' id='1' " MALLORY " " TO "><x xmlns='urn:x'/></iq>"),
                         "<service-unavailable "));
  assert_non_null(strstr(say(test, "<iq type='get' id='1' " MALLORY " " TO "><ping xmlns='urn:xmpp:ping'/></iq>"),
                         "type='result'"));
  assert_string_equal(say(test, "<message " MALLORY " " TO "><set xmlns='urn:t'/></message>"), "");
  assert_int_equal(test->world.handled, 0);
  assert_int_equal(test->world.messages, 0);
  assert_int_equal(test->world.refused, 3);
  /* look-alikes of alice */
  assert_non_null(strstr(
      say(test, "<iq type='get' id='1' from='alice@house.test.evil.test/x' " TO "><now xmlns='urn:t'/></iq>"),
      "<forbidden "));
  say(test, "<iq type='get' id='1' from='alice@house.test@else.test/x' " TO "><now xmlns='urn:t'/></iq>");
  assert_int_equal(test->world.handled, 0);
  assert_non_null(strstr(
      say(test, "<iq type='get' id='1' from='ALICE@House.Test/x' " TO "><now xmlns='urn:t'/></iq>"), "<now/>"));
}

static void test_the_flood_of_a_stranger(void **state)
{
  struct test *test = *state;
  int forbidden = 0, limited = 0, silent = 0;
  for (int i = 0; i < 200; i++) {
    const char *out = say(test, "<iq type='get' id='1' " MALLORY " " TO "><now xmlns='urn:t'/></iq>");
    forbidden += strstr(out, "<forbidden ") != NULL;
    limited += strstr(out, "<error type='wait'><resource-constraint ") != NULL;
    silent += !*out;
  }
  assert_int_equal(forbidden, TT_JID_BURST);
  assert_in_range(limited, 1, 40);
  assert_int_equal(forbidden + limited + silent, 200);
  assert_int_equal(tt_router_counts(test->world.router).limited, 200 - TT_JID_BURST);
  /* A friend of the same server is not in their bucket, and the stranger is heard again after a while. */
  assert_non_null(strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "<now/>"));
  test->world.skew_us += 2 * TT_USEC_PER_SEC;
  world_turn(&test->world);
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " MALLORY " " TO "><now xmlns='urn:t'/></iq>"), "<forbidden "));
}

static void test_the_flood_of_a_domain(void **state)
{
  struct test *test = *state;
  int forbidden = 0;
  for (int i = 0; i < 300; i++) {
    char stanza[200];
    snprintf(stanza, sizeof(stanza),
             "<iq type='get' id='1' from='m%d@else.test/x' " TO "><now xmlns='urn:t'/></iq>", i);
    forbidden += strstr(say(test, stanza), "<forbidden ") != NULL;
  }
  assert_int_equal(forbidden, TT_DOMAIN_BURST);
}

static void test_the_flood_of_a_friend(void **state)
{
  struct test *test = *state;
  int answered = 0, limited = 0;
  for (int i = 0; i < TT_FRIEND_BURST + 500; i++) {
    const char *out = say(test, "<iq type='get' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>");
    answered += strstr(out, "<now/>") != NULL;
    limited += strstr(out, "<resource-constraint ") != NULL;
  }
  assert_int_equal(answered, TT_FRIEND_BURST);
  assert_in_range(limited, 1, 40);
  say(test, "<message " ALICE " " TO "><set xmlns='urn:t'/></message>");
  assert_int_equal(test->world.messages, 0);
}

static void test_errors(void **state)
{
  struct test *test = *state;
  assert_string_equal(
      say(test, "<iq type='set' id='1' " ALICE " " TO "><error xmlns='urn:t'/></iq>"),
      "<iq type='error' from='things.test' to='alice@house.test/x' id='1'><before/><error type='cancel'>"
      "<undefined-condition xmlns='" STANZAS "'/><text xmlns='" STANZAS "' xml:lang='en'>a &lt; b</text>"
      "<inside/></error></iq>");
  static const struct {
    enum tt_refusal refusal;
    const char *error;
  } table[] = {
      {TT_REFUSED_NOT_FOUND, "<error type='cancel'><item-not-found "},
      {TT_REFUSED_FORBIDDEN, "<error type='cancel'><forbidden "},
      {TT_REFUSED_BAD_REQUEST, "<error type='modify'><bad-request "},
      {TT_REFUSED_CONFLICT, "<error type='wait'><conflict "},
      {TT_REFUSED_NOT_SUPPORTED, "<error type='cancel'><feature-not-implemented "},
      {TT_REFUSED_TIMEOUT, "<error type='wait'><remote-server-timeout "},
      {TT_REFUSED_DEVICE, "<error type='cancel'><undefined-condition "},
      {TT_REFUSED_BUSY, "<error type='wait'><resource-constraint "},
      {TT_REFUSED_TOO_LARGE, "<error type='modify'><not-acceptable "},
  };
  assert_int_equal(TT_COUNT(table), TT_REFUSAL_COUNT - 1);
  for (size_t i = 0; i < TT_COUNT(table); i++) {
    say(test, "<iq type='get' id='1' " ALICE " " TO "><later xmlns='urn:t'/></iq>");
    tt_reply_error(test->reply, table[i].refusal, NULL, NULL);
    assert_non_null(strstr(out_of(test), table[i].error));
    tt_reply_free(test->reply);
  }
}

static void test_an_answer_later(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<iq type='get' id='7' " ALICE " to='n1@things.test'><later xmlns='urn:t'/></iq>"),
                      "");
  assert_string_equal(tt_reply_caller(test->reply)->bare, "alice@house.test");
  tt_reply_result(test->reply, strdup("<accepted/>"), 5);
  assert_string_equal(out_of(test), ""); /* held */
  tt_reply_message(test->reply, strdup("<fields/>"), TT_OUT_READING, 5);
  assert_string_equal(out_of(test),
                      "<iq type='result' from='n1@things.test' to='alice@house.test/x' id='7'><accepted/></iq>"
                      "<message from='n1@things.test' to='alice@house.test/x'><fields/>"
                      "<no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/></message>");
  tt_reply_free(test->reply);
}

static void test_an_answer_after_the_end_of_the_stream(void **state)
{
  struct test *test = *state;
  say(test, "<iq type='get' id='7' " ALICE " " TO "><later xmlns='urn:t'/></iq>");
  tt_session_set_online(test->session, false);
  tt_router_offline(test->world.router, test->session);
  assert_string_equal(test->world.gone_full, "(session)");
  tt_session_set_online(test->session, true); /* another stream: not the one that asked */
  tt_router_online(test->world.router, test->session);
  tt_reply_result(test->reply, strdup("<late/>"), 0);
  tt_reply_message(test->reply, strdup("<late/>"), TT_OUT_READING, 0);
  tt_reply_error(test->reply, TT_REFUSED_DEVICE, "late", strdup("<late/>"));
  assert_string_equal(out_of(test), "");
  tt_reply_free(test->reply);
  say(test, "<iq type='get' id='8' " ALICE " " TO "><later xmlns='urn:t'/></iq>"); /* left to tt_router_destroy() */
}

/* More streams than are told about decisions: the requests of each end with it. */
static void test_the_end_of_a_stream_that_is_not_listed(void **state)
{
  struct test *test = *state;
  struct tt_session *sessions[TT_ROUTER_SESSIONS_MAX];
  tt_router_offline(test->world.router, test->session);
  for (size_t i = 0; i < TT_COUNT(sessions); i++) {
    sessions[i] = tt_session_create(TT_SESSION_COMPONENT, "more.test", &session_ops, test);
    tt_router_online(test->world.router, sessions[i]);
  }
  tt_router_online(test->world.router, test->session);
  say(test, "<iq type='get' id='7' " ALICE " " TO "><later xmlns='urn:t'/></iq>");
  tt_router_offline(test->world.router, test->session);
  tt_reply_result(test->reply, strdup("<late/>"), 0);
  assert_string_equal(out_of(test), "");
  tt_reply_free(test->reply);
  for (size_t i = 0; i < TT_COUNT(sessions); i++) {
    tt_router_offline(test->world.router, sessions[i]);
    tt_session_destroy(sessions[i]);
  }
}

/* Whoever has gone is not answered; the same account elsewhere is. */
static void test_an_answer_to_one_who_has_gone(void **state)
{
  static const char *const leaves[] = {"<presence type='unavailable' " ALICE " " TO "/>",
                                       "<message type='error' " ALICE " " TO "><error type='cancel'>"
                                       "<service-unavailable xmlns='" STANZAS "'/></error></message>"};
  struct test *test = *state;
  for (size_t i = 0; i < TT_COUNT(leaves); i++) {
    say(test, "<iq type='get' id='7' " ALICE " " TO "><later xmlns='urn:t'/></iq>");
    struct tt_reply *gone = test->reply;
    say(test, "<iq type='get' id='8' from='alice@house.test/y' " TO "><later xmlns='urn:t'/></iq>");
    assert_string_equal(say(test, leaves[i]), "");
    tt_reply_result(gone, strdup("<late/>"), 0);
    assert_string_equal(out_of(test), "");
    tt_reply_result(test->reply, strdup("<here/>"), 0);
    assert_non_null(strstr(out_of(test), "to='alice@house.test/y' id='8'><here/>"));
    tt_reply_free(gone);
    tt_reply_free(test->reply);
  }
}

static void test_messages(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<message " ALICE " " TO "><body>x</body><set xmlns='urn:t'/></message>"), "");
  assert_int_equal(test->world.messages, 1);
  say(test, "<message type='set' " ALICE " " TO "><set xmlns='urn:t'/></message>"); /* as slixmpp has it */
  assert_int_equal(test->world.messages, 2);
  static const char *const ignored[] = {
      "<message type='groupchat' " ALICE " " TO "><set xmlns='urn:t'/></message>",
      "<message " ALICE " " TO
      "><set xmlns='urn:t'/><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>",
      "<message " ALICE " " TO "><sent xmlns='urn:xmpp:carbons:2'/><set xmlns='urn:t'/></message>",
      "<message " ALICE " " TO
      "><set xmlns='urn:t'/><x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/></message>",
      /* invited to a room, or said in private within one */
      "<message " ALICE " " TO "><set xmlns='urn:t'/><x xmlns='jabber:x:conference' jid='r@rooms.test'/></message>",
      "<message " ALICE " " TO "><set xmlns='urn:t'/><x xmlns='http://jabber.org/protocol/muc#user'><invite "
      "from='bob@house.test'/></x></message>",
      "<message type='chat' " ALICE " " TO
      "><set xmlns='urn:t'/><x xmlns='http://jabber.org/protocol/muc#user'/></message>",
      "<message " ALICE " " TO
      "><forwarded xmlns='urn:xmpp:forward:0'><message><set xmlns='urn:t'/></message></forwarded></message>",
      "<message " ALICE " " TO "><set xmlns='urn:other'/></message>",
      "<message " ALICE " " TO "/>",
  };
  for (size_t i = 0; i < TT_COUNT(ignored); i++)
    assert_string_equal(say(test, ignored[i]), "");
  assert_int_equal(test->world.messages, 2);
}

static void test_bounces(void **state)
{
  struct test *test = *state;
  say(test, "<message type='error' " ALICE " " TO "><error type='cancel'><service-unavailable xmlns='" STANZAS
            "'/></error></message>");
  assert_int_equal(test->world.gone, 1);
  assert_string_equal(test->world.gone_full, "alice@house.test/x");
  say(test, "<message type='error' " ALICE " " TO "><error type='cancel'><undefined-condition xmlns='" STANZAS "'/>"
            "<text xmlns='" STANZAS "'>Slixmpp got into trouble.</text></error></message>");
  assert_int_equal(test->world.gone, 1);
}

static void test_presence(void **state)
{
  struct test *test = *state;
  assert_string_equal(say(test, "<presence " ALICE " " TO "/>"), "");
  assert_string_equal(say(test, "<presence type='unavailable' " ALICE " " TO "/>"), "");
  assert_string_equal(test->world.gone_full, "alice@house.test/x");
  const char *out = say(test, "<presence type='subscribe' from='alice@house.test' to='n1@things.test'/>");
  assert_non_null(strstr(
      out, "<presence type='subscribed' from='n1@things.test' to='alice@house.test'/>"
           "<presence from='n1@things.test' to='alice@house.test'><c xmlns='http://jabber.org/protocol/caps' "));
  assert_null(strstr(out, "'subscribe'"));
  assert_string_equal(say(test, "<presence type='subscribe' from='alice@house.test' to='ghost@things.test'/>"), "");
  out = say(test, "<presence type='probe' " ALICE " " TO "/>");
  assert_non_null(strstr(out, "<presence from='things.test' to='alice@house.test/x'><c "));
  say(test, "<presence type='unsubscribed' from='alice@house.test' " TO "/>");
  assert_string_equal(test->world.gone_full, "alice@house.test");
  assert_string_equal(say(test, "<presence type='subscribe' " MALLORY " " TO "/>"), "");
  assert_string_equal(say(test, "<presence type='probe' " MALLORY " " TO "/>"), "");
}

static void test_account(void **state)
{
  struct test *test = *state;
  const char *out = out_of(test);
  const char *roster = strstr(out, "<iq type='get' id='roster-1'><query xmlns='jabber:iq:roster'/></iq>");
  const char *presence = strstr(out, "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' ");
  assert_true(roster && presence && roster < presence);
  /* `to` is what the server routed by; the answer leaves from the account, which the server stamps. */
  assert_string_equal(
      say(test, "<iq type='get' id='1' " ALICE " to='gw@house.test/thingtree'><now xmlns='urn:t'/></iq>"),
      "<iq type='result' to='alice@house.test/x' id='1'><now/></iq>");
  assert_string_equal(test->local, "gw@house.test/thingtree");
  out = say(test, "<presence type='subscribe' from='alice@house.test' to='gw@house.test'/>");
  assert_string_equal(out, "<presence type='subscribed' to='alice@house.test'/>"
                           "<presence type='subscribe' to='alice@house.test'/>");
  /* What the server then tells of the roster, and that they have said no, asks them nothing again. */
  for (int i = 0; i < 2; i++) {
    out = say(test, "<iq type='set' id='p1' from='gw@house.test'><query xmlns='jabber:iq:roster'>"
                    "<item jid='alice@house.test' subscription='from'/></query></iq>");
    assert_string_equal(out, "<iq type='result' to='gw@house.test' id='p1'/>");
  }
  say(test, "<presence type='unsubscribe' from='alice@house.test' to='gw@house.test'/>");
  out = say(test, "<presence type='subscribe' from='alice@house.test' to='gw@house.test'/>");
  assert_non_null(strstr(out, "<presence type='subscribe' to='alice@house.test'/>")); /* anew, at their wish */
  /* Not even our own account has a rule. */
  assert_non_null(strstr(say(test, "<iq type='get' id='1' from='gw@house.test/other'><now xmlns='urn:t'/></iq>"),
                         "<forbidden "));
}

static void test_roster(void **state)
{
  struct test *test = *state;
  const char *out = say(test, "<iq type='result' id='roster-1'><query xmlns='jabber:iq:roster'>"
                              "<item jid='mallory@else.test' subscription='both'/>"
                              "<item jid='alice@house.test' subscription='from'/>"
                              "<item jid='alice@house.test' subscription='from' ask='subscribe'/>"
                              "<item jid='old@else.test' subscription='none'/></query></iq>");
  assert_string_equal(out, "<presence type='unsubscribed' to='mallory@else.test'/>"
                           "<presence type='subscribe' to='alice@house.test'/>");
  assert_string_equal(test->world.gone_full, "old@else.test");
  /* A push is believed from our own account only. */
  out = say(test, "<iq type='set' id='p1' from='gw@house.test'><query xmlns='jabber:iq:roster'>"
                  "<item jid='alice@house.test' subscription='remove'/></query></iq>");
  assert_string_equal(out, "<iq type='result' to='gw@house.test' id='p1'/>");
  assert_string_equal(test->world.gone_full, "alice@house.test");
  out = say(test, "<iq type='set' id='p1' " MALLORY "><query xmlns='jabber:iq:roster'>"
                  "<item jid='alice@house.test' subscription='from'/></query></iq>");
  assert_non_null(strstr(out, "type='error'"));
  assert_null(strstr(out, "<presence"));
}

/* ---- With real rules ------------------------------------------------------------------------------------ */

static void test_a_subscription_request_is_decided(void **state)
{
  struct tt_access *access = NULL;
  assert_int_equal(tt_access_create(NULL, 0, NULL, &access), 0);
  setup_with(state, TT_SESSION_COMPONENT, access);
  struct test *test = *state;
  assert_string_equal(say(test, "<presence type='subscribe' from='bob@else.test/x' to='things.test'/>"), "");
  struct tt_request request[2];
  assert_int_equal(tt_access_requests(access, request, 2), 1);
  assert_string_equal(request[0].bare, "bob@else.test");
  assert_string_equal(request[0].via, "things.test");
  assert_int_equal(tt_access_accept(access, "bob@else.test", TT_ROLE_READER, NULL), 0);
  assert_non_null(strstr(out_of(test), "<presence type='subscribed' from='things.test' to='bob@else.test'/>"
                                       "<presence from='things.test' to='bob@else.test'><c "));
  say(test, "<presence type='subscribe' from='carol@else.test/x' " TO "/>");
  assert_int_equal(tt_access_deny(access, "carol@else.test"), 0);
  assert_string_equal(out_of(test), "<presence type='unsubscribed' from='things.test' to='carol@else.test'/>");
  assert_string_equal(test->world.gone_full, "carol@else.test");
  /* a domain: whoever of it asked is answered, and it has no address of its own */
  say(test, "<presence type='subscribe' from='dave@more.test/x' to='things.test'/>");
  assert_int_equal(tt_access_accept(access, "@more.test", TT_ROLE_READER, NULL), 0);
  const char *out = out_of(test);
  assert_non_null(strstr(out, "<presence type='subscribed' from='things.test' to='dave@more.test'/>"));
  assert_null(strstr(out, "to='@more.test'"));
  tt_buf_finish(&test->out);
  assert_int_equal(tt_access_revoke(access, "@more.test"), 0);
  assert_string_equal(out_of(test), "");
  assert_string_equal(test->world.gone_full, "@more.test");
  /* what is taken back is told to whoever has no other rule */
  assert_int_equal(tt_access_accept(access, "@else.test", TT_ROLE_READER, NULL), 0);
  assert_int_equal(tt_access_revoke(access, "bob@else.test"), 0);
  assert_string_equal(out_of(test), "");
  assert_int_equal(tt_access_revoke(access, "@else.test"), 0);
  assert_int_equal(tt_access_accept(access, "bob@else.test", TT_ROLE_READER, NULL), 0);
  out_of(test);
  tt_buf_finish(&test->out);
  assert_int_equal(tt_access_revoke(access, "bob@else.test"), 0);
  assert_string_equal(out_of(test), "<presence type='unsubscribed' from='things.test' to='bob@else.test'/>");
  teardown(state);
  tt_access_destroy(access);
}

static void test_tables_are_bounded(void **state)
{
  struct test *test = *state;
  int r = 0, n = 0;
  while ((r = tt_router_add(test->world.router, rows, 1)) == 0 && n < 1000)
    n++;
  assert_int_equal(r, -ENOSPC);
  static char names[200][16];
  const char *features[201] = {0};
  for (int i = 0; i < 200; i++) {
    snprintf(names[i], sizeof(names[i]), "urn:f%d", i);
    features[i] = names[i];
  }
  assert_int_equal(tt_router_add_features(test->world.router, features), -ENOSPC);
}

struct claimed {
  unsigned n;
  struct tt_session *session;
  char name[20], from[80];
};

static void on_claimed(void *user, struct tt_session *session, const struct tt_xml *stanza)
{
  struct claimed *claimed = user;
  claimed->n++;
  claimed->session = session;
  snprintf(claimed->name, sizeof(claimed->name), "%s", stanza->name);
  snprintf(claimed->from, sizeof(claimed->from), "%s", tt_xml_attr(stanza, "from"));
}

/* Presence and messages of an address that is claimed go to who has claimed it, in any letters; and though this one has a rule,
 * nobody is anybody by it. */
static void test_a_claimed_address(void **state)
{
  struct test *test = *state;
  struct claimed claimed = {0};
  assert_int_equal(tt_router_claim(test->world.router, "Alice@House.test", on_claimed, &claimed), 0);
  assert_int_equal(tt_router_claim(test->world.router, "alice@house.test", on_claimed, &claimed), -EEXIST);
  assert_int_equal(tt_router_claim(test->world.router, "a b@house.test", on_claimed, &claimed), -EINVAL);
  assert_string_equal(say(test, "<message type='groupchat' " ALICE " " TO "><set xmlns='urn:t'/></message>"), "");
  assert_int_equal(claimed.n, 1);
  assert_ptr_equal(claimed.session, test->session);
  assert_string_equal(claimed.name, "message");
  assert_string_equal(claimed.from, "alice@house.test/x");
  say(test, "<message " ALICE " " TO "><set xmlns='urn:t'/></message>");
  assert_string_equal(say(test, "<presence type='subscribe' from='ALICE@house.test' " TO "/>"), "");
  assert_int_equal(claimed.n, 3);
  assert_int_equal(test->world.messages, 0);
  assert_non_null(
      strstr(say(test, "<iq type='get' id='1' " ALICE " " TO "><now xmlns='urn:t'/></iq>"), "forbidden"));
  assert_non_null(
      strstr(say(test, "<iq type='get' id='2' " ALICE " " TO "><ping xmlns='urn:xmpp:ping'/></iq>"), "'result'"));
  assert_int_equal(claimed.n, 3);
  say(test, "<message from='alice@house.test.else/x' " TO "><set xmlns='urn:t'/></message>");
  assert_int_equal(claimed.n, 3);
}

static void test_claims_are_bounded(void **state)
{
  struct test *test = *state;
  char jid[40];
  for (unsigned i = 0; i <= TT_ROUTER_CLAIMS_MAX; i++) {
    snprintf(jid, sizeof(jid), "r%u@rooms.test", i);
    assert_int_equal(tt_router_claim(test->world.router, jid, on_claimed, NULL),
                     i < TT_ROUTER_CLAIMS_MAX ? 0 : -ENOSPC);
  }
}

static void test_who_is_meant(void **state)
{
  static const struct {
    const char *full, *who;
    bool is_meant;
  } cases[] = {{"a@b/c", NULL, true},      {"a@b/c", "a@b/c", true}, {"a@b/c", "a@b", true},
               {"a@b/c", "a@b/d", false},  {"a@b/c", "a@bb", false}, {"a@bb/c", "a@b", false},
               {"a@b/c", "@b", true},      {"a@b", "@b", true},      {"a@bb/c", "@b", false},
               {"b/c", "@b", false},       {"b/x@b", "@b", false},   {"a@c/x@b", "@b", false},
               {"a@b/c/d", "a@b/c", false}};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++)
    if (tt_router_is_of(cases[i].full, cases[i].who) != cases[i].is_meant)
      fail_msg("%s of %s", cases[i].full, cases[i].who ? cases[i].who : "(all)");
}

static void test_absurd_addresses(void **state)
{
  struct test *test = *state;
  char stanza[9000], jid[5000];
  memset(jid, 'a', sizeof(jid) - 1);
  jid[sizeof(jid) - 1] = '\0';
  snprintf(stanza, sizeof(stanza), "<iq type='get' id='1' from='a@b/%s' " TO "><ping xmlns='urn:xmpp:ping'/></iq>",
           jid);
  assert_string_equal(say(test, stanza), "");
  snprintf(stanza, sizeof(stanza), "<iq type='get' id='%s' " ALICE " " TO "><ping xmlns='urn:xmpp:ping'/></iq>",
           jid);
  assert_string_equal(say(test, stanza), "");
  assert_string_equal(say(test, "<iq type='get' id='1' from='' " TO "><ping xmlns='urn:xmpp:ping'/></iq>"), "");
  snprintf(stanza, sizeof(stanza), "<iq type='get' id='1' " ALICE " " TO " xml:lang='%s'><now xmlns='urn:t'/></iq>",
           jid);
  assert_non_null(strstr(say(test, stanza), "<now/>"));
  assert_string_equal(test->language, "");
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ACCOUNT(name) cmocka_unit_test_setup_teardown(name, setup_account, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_a_request),
      TEST(test_the_address_of_a_thing),
      TEST(test_the_exact_row_goes_before_the_one_for_all),
      TEST(test_every_request_is_answered),
      TEST(test_answers_are_never_answered),
      TEST(test_a_stranger),
      TEST(test_the_flood_of_a_stranger),
      TEST(test_the_flood_of_a_domain),
      TEST(test_the_flood_of_a_friend),
      TEST(test_errors),
      TEST(test_an_answer_later),
      TEST(test_an_answer_after_the_end_of_the_stream),
      TEST(test_the_end_of_a_stream_that_is_not_listed),
      TEST(test_an_answer_to_one_who_has_gone),
      TEST(test_messages),
      TEST(test_bounces),
      TEST(test_presence),
      ACCOUNT(test_account),
      ACCOUNT(test_roster),
      cmocka_unit_test(test_a_subscription_request_is_decided),
      TEST(test_tables_are_bounded),
      cmocka_unit_test(test_who_is_meant),
      TEST(test_a_claimed_address),
      TEST(test_claims_are_bounded),
      TEST(test_absurd_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
