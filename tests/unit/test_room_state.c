/* SPDX-License-Identifier: Apache-2.0
 * What stanzas of a room say, and how one comes in, stays in and comes back. */
#include "cmocka_all.h"
#include "xmpp/room_state.h"

#include <stdio.h>

#define SECOND TT_USEC_PER_SEC
#define ROOM   "house@rooms.test"
#define USER   "<x xmlns='http://jabber.org/protocol/muc#user'>"

static struct tt_xml_doc *doc;
static struct tt_room_state s;
static uint64_t now;

static int setup(TT_UNUSED void **state)
{
  now = 1000 * SECOND;
  tt_room_state_init(&s, "gw");
  return 0;
}

static int teardown(TT_UNUSED void **state)
{
  tt_xml_doc_destroy(doc);
  doc = NULL;
  return 0;
}

static const struct tt_xml *parse(const char *text)
{
  tt_xml_doc_destroy(doc);
  doc = NULL;
  assert_int_equal(tt_xml_parse(text, strlen(text), &doc), 0);
  return tt_xml_doc_root(doc);
}

/* ---- Presence --------------------------------------------------------------------------------------------- */

static struct tt_room_presence presence(const char *attributes, const char *inside)
{
  char text[4096];
  struct tt_room_presence p = {0};
  snprintf(text, sizeof(text), "<presence xmlns='jabber:client' from='" ROOM "%s>%s</presence>", attributes,
           inside);
  assert_true(tt_room_presence_read(parse(text), &p));
  return p;
}

static bool is_nothing(const char *attributes, const char *inside)
{
  char text[4096];
  struct tt_room_presence p = {0};
  snprintf(text, sizeof(text), "<presence xmlns='jabber:client' from='" ROOM "%s>%s</presence>", attributes,
           inside);
  return !tt_room_presence_read(parse(text), &p);
}

static void test_presence(TT_UNUSED void **state)
{
  struct tt_room_presence p =
      presence("/bob'", USER "<item affiliation='member' role='participant' jid='bob@house.test/phone'/></x>");
  assert_string_equal(p.nick, "bob");
  assert_string_equal(p.jid, "bob@house.test/phone");
  assert_true(p.has_voice && !p.is_moderator && !p.is_gone && !p.is_error && !p.statuses && !p.is_destroyed);
  p = presence("/gw'", USER "<item role='moderator'/><status code='100'/><status code='110'/><status code='201'/>"
                            "<status/><status code='99999'/></x>");
  assert_null(p.jid);
  assert_true(p.is_moderator && p.has_voice);
  assert_int_equal(p.statuses, TT_ROOM_SELF | TT_ROOM_CREATED);
  p = presence("/gw' type='unavailable'", USER "<item role='none' nick='new'/><status code='303'/></x>");
  assert_true(p.is_gone && !p.has_voice);
  assert_string_equal(p.new_nick, "new");
  p = presence("/gw' type='unavailable'", USER "<item role='none'/><destroy jid='x@rooms.test'/></x>");
  assert_true(p.is_destroyed);
  p = presence("/a/b'", "");
  assert_string_equal(p.nick, "a/b");
  assert_null(p.jid);
  p = presence("/gw' type='error'",
               "<error type='cancel'><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>x</text>"
               "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
  assert_true(p.is_error);
  assert_string_equal(p.condition, "conflict");
  p = presence("' type='error'", "<error type='cancel'/>");
  assert_null(p.nick);
  assert_string_equal(p.condition, "");
  assert_true(is_nothing("'", "") && is_nothing("/'", "") && is_nothing("/bob' type='subscribe'", "") &&
              is_nothing("/bob' type='probe'", ""));
}

/* What an occupant writes about who they are is not believed, should a service have let it through. */
static void test_a_second_opinion(TT_UNUSED void **state)
{
  struct tt_room_presence p = presence("/eve'", USER "<item role='participant' jid='admin@house.test/x'/></x>" USER
                                                     "<item role='participant' jid='eve@else.test/x'/></x>");
  assert_null(p.jid);
  p = presence("/eve'",
               USER "<item role='participant' jid='eve@else.test/x'/><item jid='admin@house.test/x'/></x>");
  assert_string_equal(p.jid, "eve@else.test/x");
  p = presence("/eve'", "<x xmlns='urn:else'><item jid='admin@house.test/x'/></x>");
  assert_null(p.jid);
}

static void test_lengths(TT_UNUSED void **state)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    struct tt_room_presence p;
    tt_buf_puts(&text, "<presence from='" ROOM "/");
    for (unsigned i = 0; i < TT_ROOM_RESOURCE_MAX + over; i++)
      tt_buf_putc(&text, 'n');
    tt_buf_puts(&text, "'/>");
    assert_int_equal(tt_room_presence_read(parse(text.data), &p), !over);
  }
}

/* ---- Lines ------------------------------------------------------------------------------------------------ */

static const char *line(const char *attributes, const char *inside)
{
  char text[4096];
  struct tt_room_line l;
  snprintf(text, sizeof(text), "<message xmlns='jabber:client' type='groupchat' from='" ROOM "%s>%s</message>",
           attributes, inside);
  return tt_room_line_read(parse(text), "gw", &l) ? l.text : NULL;
}

static void test_lines(TT_UNUSED void **state)
{
  static const struct {
    const char *body, *text;
  } rows[] = {
      {"gw: plug on", "plug on"},
      {"gw, plug on", "plug on"},
      {"GW:plug on", "plug on"},
      {"  gw:   plug on", "plug on"},
      {"@gw plug on", "plug on"},
      {"@gw: plug on", "plug on"},
      {"gw:\nplug on", "plug on"},
      {"gw: a: b", "a: b"},
      {"gw plug on", NULL},
      {"gw", NULL},
      {"gw:", NULL},
      {"gw:  ", NULL},
      {"@gw", NULL},
      {"gw_2: plug on", NULL},
      {"@gw_2 plug on", NULL},
      {"g: plug on", NULL},
      {"plug on", NULL},
      {"", NULL},
      {"ask gw: plug on", NULL},
      {"> gw: plug on", NULL},
      {"bob: gw: plug on", NULL},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    char body[200];
    snprintf(body, sizeof(body), "<body>%s</body>", *rows[i].body == '>' ? "&gt; gw: plug on" : rows[i].body);
    const char *text = line("/bob'", body);
    if (!text != !rows[i].text || (text && strcmp(text, rows[i].text) != 0))
      fail_msg("%s: %s", rows[i].body, text ? text : "nothing");
  }
}

static void test_what_is_no_line(TT_UNUSED void **state)
{
  static const char *const more[] = {
      "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>",
      "<x xmlns='jabber:x:delay' stamp='20260101T00:00:00'/>",
      "<replace xmlns='urn:xmpp:message-correct:0' id='1'/>",
      "<subject>x</subject>",
      "<forwarded xmlns='urn:xmpp:forward:0'/>",
      "<sent xmlns='urn:xmpp:carbons:2'/>",
      "<result xmlns='urn:xmpp:mam:2'/>",
      "<encryption xmlns='urn:xmpp:eme:0'/>",
      "<encrypted xmlns='urn:xmpp:omemo:2'/>",
      "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
      "<openpgp xmlns='urn:xmpp:openpgp:0'/>",
  };
  struct tt_room_line l;
  assert_non_null(line("/bob'", "<body>gw: x</body>"));
  for (size_t i = 0; i < TT_COUNT(more); i++) {
    char inside[300];
    snprintf(inside, sizeof(inside), "%s<body>gw: x</body>", more[i]);
    if (line("/bob'", inside))
      fail_msg("taken: %s", more[i]);
  }
  assert_null(line("/gw'", "<body>gw: x</body>")); /* our own */
  assert_null(line("'", "<body>gw: x</body>"));    /* the room's */
  assert_null(line("/bob'", ""));
  static const char *const types[] = {"", "type='chat'", "type='normal'", "type='error'", "type='headline'"};
  for (size_t i = 0; i < TT_COUNT(types); i++) {
    char text[300];
    snprintf(text, sizeof(text), "<message %s from='" ROOM "/bob'><body>gw: x</body></message>", types[i]);
    assert_false(tt_room_line_read(parse(text), "gw", &l));
  }
}

static void test_another_room(TT_UNUSED void **state)
{
#define CHANGED(from_, code) "<message from='" ROOM from_ "'>" USER "<status code='" code "'/></x></message>"
  assert_true(tt_room_is_changed(parse(CHANGED("", "104"))));
  assert_true(tt_room_is_changed(parse(CHANGED("", "172"))));
  assert_false(tt_room_is_changed(parse(CHANGED("", "110"))));
  assert_false(tt_room_is_changed(parse(CHANGED("/bob", "104"))));
  assert_false(tt_room_is_changed(parse("<message from='" ROOM "'/>")));
}

/* ---- In and out ------------------------------------------------------------------------------------------- */

#define SELF             USER "<item role='participant'/><status code='110'/></x>"
#define ERROR(condition) "<error type='cancel'><" condition " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"

static enum tt_room_step present(const char *attributes, const char *inside)
{
  struct tt_room_presence p = presence(attributes, inside);
  return tt_room_present(&s, &p, now);
}

static void come_in(void)
{
  assert_int_equal(tt_room_online(&s, now), TT_ROOM_LOOK);
  assert_int_equal(tt_room_looked(&s, true, NULL, now), TT_ROOM_JOIN);
  assert_int_equal(present("/gw'", SELF), TT_ROOM_NOTHING);
  assert_int_equal(s.phase, TT_ROOM_IN);
}

static void test_coming_in(TT_UNUSED void **state)
{
  assert_int_equal(s.phase, TT_ROOM_OUT);
  assert_int_equal(s.due_us, TT_NEVER); /* not before there is a stream */
  assert_int_equal(tt_room_online(&s, now), TT_ROOM_LOOK);
  assert_int_equal(s.phase, TT_ROOM_LOOKING);
  assert_int_equal(tt_room_looked(&s, true, NULL, now), TT_ROOM_JOIN);
  assert_string_equal(s.own, "gw");
  assert_int_equal(present("/bob'", USER "<item role='participant'/></x>"), TT_ROOM_NOTHING);
  assert_int_equal(s.phase, TT_ROOM_JOINING);
  assert_int_equal(present("/gw'", SELF), TT_ROOM_NOTHING);
  assert_int_equal(s.phase, TT_ROOM_IN);
  assert_true(s.has_voice && !s.is_moderator);
  present("/gw'", USER "<item role='visitor'/><status code='110'/></x>");
  assert_false(s.has_voice);
  present("/gw'", USER "<item role='moderator'/><status code='110'/></x>");
  assert_true(s.has_voice && s.is_moderator);
  tt_room_offline(&s);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  assert_int_equal(s.due_us, TT_NEVER);
}

static void test_other_nicks(TT_UNUSED void **state)
{
  char nick[20];
  tt_room_online(&s, now);
  tt_room_looked(&s, true, NULL, now);
  for (unsigned i = 2; i <= TT_ROOM_NICKS_MAX; i++) {
    char from[30];
    snprintf(from, sizeof(from), "/%.10s' type='error'", s.own);
    assert_int_equal(present(from, ERROR("conflict")), TT_ROOM_JOIN);
    snprintf(nick, sizeof(nick), "gw_%u", i);
    assert_string_equal(s.own, nick);
  }
  assert_int_equal(present("/gw' type='error'", ERROR("conflict")), TT_ROOM_NOTHING); /* of an earlier one */
  assert_int_equal(s.phase, TT_ROOM_JOINING);
  assert_int_equal(present("' type='error'", ERROR("conflict")), TT_ROOM_NOTHING);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  assert_in_range(s.due_us, now + TT_ROOM_SLOW_US, now + 2 * TT_ROOM_SLOW_US);
  now = s.due_us;
  assert_int_equal(tt_room_due(&s, now), TT_ROOM_LOOK);
  assert_int_equal(tt_room_looked(&s, true, NULL, now), TT_ROOM_JOIN);
  assert_string_equal(s.own, "gw");
  /* a service may give another one, and take it back */
  present("/Gw'", USER "<item role='participant'/><status code='110'/><status code='210'/></x>");
  assert_string_equal(s.own, "Gw");
  present("/Gw' type='unavailable'", USER "<item role='none' nick='robot'/><status code='303'/></x>");
  assert_int_equal(s.phase, TT_ROOM_IN);
  assert_string_equal(s.own, "robot");
}

static void test_refusals(TT_UNUSED void **state)
{
  static const struct {
    const char *inside;
    bool is_slow;
    const char *why;
  } rows[] = {
      {ERROR("not-authorized"), true, "password"},       {ERROR("forbidden"), true, "banned"},
      {ERROR("registration-required"), true, "members"}, {ERROR("not-allowed"), true, "made"},
      {ERROR("not-acceptable"), true, "nick"},           {ERROR("service-unavailable"), false, "full"},
      {ERROR("item-not-found"), false, "makes none"},    {ERROR("jid-malformed"), true, "address"},
      {ERROR("undefined-condition"), false, "let"},      {"", false, "let"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    tt_room_online(&s, now);
    tt_room_looked(&s, true, NULL, now);
    assert_int_equal(present("/gw' type='error'", rows[i].inside), TT_ROOM_NOTHING);
    assert_int_equal(s.phase, TT_ROOM_OUT);
    if (!strstr(s.why, rows[i].why))
      fail_msg("%s: %s", rows[i].inside, s.why);
    assert_int_equal(s.due_us >= now + TT_ROOM_SLOW_US, rows[i].is_slow);
    assert_true(s.due_us > now);
  }
  come_in();
  present("/gw' type='error'", ERROR("not-acceptable")); /* of something else */
  assert_int_equal(s.phase, TT_ROOM_IN);
}

static void test_a_room_that_is_not_there(TT_UNUSED void **state)
{
  static const char *const none[] = {"item-not-found", "gone", "remote-server-not-found", "remote-server-timeout",
                                     "jid-malformed"};
  for (size_t i = 0; i < TT_COUNT(none); i++) {
    tt_room_online(&s, now);
    assert_int_equal(tt_room_looked(&s, true, none[i], now), TT_ROOM_NOTHING);
    assert_int_equal(s.phase, TT_ROOM_OUT);
  }
  tt_room_online(&s, now);
  assert_int_equal(tt_room_looked(&s, false, NULL, now), TT_ROOM_NOTHING);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  tt_room_online(&s, now);
  assert_int_equal(tt_room_looked(&s, true, "forbidden", now), TT_ROOM_JOIN); /* it may say no more to strangers */
  /* It was gone when we came: now it is ours, and it shall not be. */
  assert_int_equal(present("/gw'", USER "<item role='moderator'/><status code='110'/><status code='201'/></x>"),
                   TT_ROOM_LEAVE);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  assert_non_null(strstr(s.why, "makes none"));
  assert_int_equal(present("/gw' type='unavailable'", SELF), TT_ROOM_NOTHING);
  assert_int_equal(tt_room_looked(&s, true, NULL, now), TT_ROOM_NOTHING); /* late */
}

static void test_put_out(TT_UNUSED void **state)
{
  static const struct {
    const char *inside;
    bool is_slow;
    const char *why;
  } rows[] = {
      {USER "<item role='none'/><status code='110'/><status code='307'/></x>", false, "kicked"},
      {USER "<item role='none'/><status code='301'/><status code='307'/></x>", true, "banned"},
      {USER "<item role='none'/><status code='321'/></x>", true, "no member"},
      {USER "<item role='none'/><status code='322'/></x>", true, "only members"},
      {USER "<item role='none'/><status code='332'/></x>", false, "shut down"},
      {USER "<item role='none'/><destroy/></x>", true, "destroyed"},
      {USER "<item role='none'/></x>", false, "not in the room"},
      {"", false, "not in the room"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    come_in();
    assert_int_equal(present("/bob' type='unavailable'", USER "<status code='307'/></x>"), TT_ROOM_NOTHING);
    assert_int_equal(s.phase, TT_ROOM_IN);
    assert_int_equal(present("/gw' type='unavailable'", rows[i].inside), TT_ROOM_NOTHING);
    assert_int_equal(s.phase, TT_ROOM_OUT);
    if (!strstr(s.why, rows[i].why))
      fail_msg("%s: %s", rows[i].inside, s.why);
    assert_int_equal(s.due_us >= now + TT_ROOM_SLOW_US, rows[i].is_slow);
  }
}

/* Kicked again and again: more and more slowly; after a good while in the room from the beginning. */
static void test_back_off(TT_UNUSED void **state)
{
  uint64_t most = 0;
  come_in();
  for (int i = 0; i < 12; i++) {
    present("/gw' type='unavailable'", USER "<item role='none'/><status code='307'/></x>");
    uint64_t wait = s.due_us - now;
    if (i == 0)
      assert_in_range(wait, TT_ROOM_FIRST_US / 2, TT_ROOM_FIRST_US);
    assert_true(wait <= TT_ROOM_MOST_US);
    most = wait > most ? wait : most;
    now = s.due_us - 1;
    assert_int_equal(tt_room_due(&s, now), TT_ROOM_NOTHING);
    now++;
    assert_int_equal(tt_room_due(&s, now), TT_ROOM_LOOK);
    assert_int_equal(tt_room_looked(&s, true, NULL, now), TT_ROOM_JOIN);
    present("/gw'", SELF);
    assert_int_equal(s.phase, TT_ROOM_IN);
  }
  assert_true(most >= TT_ROOM_MOST_US / 2);
  now += TT_ROOM_STABLE_US;
  present("/gw' type='unavailable'", USER "<item role='none'/><status code='307'/></x>");
  assert_in_range(s.due_us - now, TT_ROOM_FIRST_US / 2, TT_ROOM_FIRST_US);
}

static void test_no_answer_to_joining(TT_UNUSED void **state)
{
  tt_room_online(&s, now);
  tt_room_looked(&s, true, NULL, now);
  now += TT_ROOM_WAIT_US - 1;
  assert_int_equal(tt_room_due(&s, now), TT_ROOM_NOTHING);
  now++;
  assert_int_equal(tt_room_due(&s, now), TT_ROOM_LEAVE);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  assert_int_equal(present("/gw'", SELF), TT_ROOM_NOTHING); /* too late: it hears that we leave */
  assert_int_equal(s.phase, TT_ROOM_OUT);
}

static void ping(void)
{
  now = s.due_us;
  assert_int_equal(tt_room_due(&s, now), TT_ROOM_PING);
  assert_int_equal(tt_room_due(&s, now + TT_ROOM_PING_US), TT_ROOM_NOTHING); /* one at a time */
}

static void test_still_in(TT_UNUSED void **state)
{
  static const struct {
    bool is_answered;
    const char *condition;
    bool is_in;
  } rows[] = {{true, NULL, true},
              {true, "service-unavailable", true},
              {true, "feature-not-implemented", true},
              {true, "item-not-found", true},
              {true, "remote-server-timeout", true},
              {false, NULL, true},
              {true, "not-acceptable", false},
              {true, "not-allowed", false},
              {true, "", false}};
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    come_in();
    assert_int_equal(s.due_us, now + TT_ROOM_PING_US);
    now += 100 * SECOND;
    tt_room_heard(&s, now);
    assert_int_equal(s.due_us, now + TT_ROOM_PING_US);
    ping();
    tt_room_heard(&s, now);
    tt_room_pinged(&s, rows[i].is_answered, rows[i].condition, now);
    assert_int_equal(s.phase == TT_ROOM_IN, rows[i].is_in);
    assert_true(s.due_us > now && s.due_us != TT_NEVER);
  }
  come_in();
  for (int i = 0; i < TT_ROOM_SILENT; i++) {
    assert_int_equal(s.phase, TT_ROOM_IN);
    ping();
    tt_room_pinged(&s, false, NULL, now);
  }
  assert_int_equal(s.phase, TT_ROOM_OUT);
  /* What we say comes back: that is asked at once. */
  come_in();
  tt_room_bounced(&s, now);
  ping();
  tt_room_bounced(&s, now);
  assert_int_equal(s.due_us, TT_NEVER);
  tt_room_pinged(&s, true, "not-acceptable", now);
  assert_int_equal(s.phase, TT_ROOM_OUT);
  tt_room_bounced(&s, now);
  assert_int_equal(tt_room_due(&s, now), TT_ROOM_NOTHING);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_presence),        TEST(test_a_second_opinion),
      TEST(test_lengths),         TEST(test_lines),
      TEST(test_what_is_no_line), TEST(test_another_room),
      TEST(test_coming_in),       TEST(test_other_nicks),
      TEST(test_refusals),        TEST(test_put_out),
      TEST(test_back_off),        TEST(test_no_answer_to_joining),
      TEST(test_still_in),        TEST(test_a_room_that_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
