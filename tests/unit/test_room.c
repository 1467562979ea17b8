/* SPDX-License-Identifier: Apache-2.0
 * Rooms through the whole router: who is answered there, what is announced, and what leaves when. */
#include "people_world.h"
#include "xmpp/room.h"

#define ROOM "house@rooms.test"
#define FROM "from='" US "/thingtree'"
#define USER "<x xmlns='http://jabber.org/protocol/muc#user'>"
#define ITEM "<item role='participant' jid='"
#define INFO "http://jabber.org/protocol/disco#info"
#define OPEN "<feature var='muc_nonanonymous'/>"

static const struct tt_room all_rooms[] = {
    {.jid = "House@rooms.test",
     .nick = "gw",
     .password = "a<b",
     .told = {.nodes = {(const char *[]){"house/**"}, 1}, .min_us = 10 * SECOND},
     .has_commands = true},
    {.jid = "mute@rooms.test",
     .nick = "gw",
     .told = {.nodes = {(const char *[]){"cellar/**"}, 1}, .min_us = SECOND}},
};

static struct world *w;
static struct tt_rooms *rooms;

static void drop_rooms(void)
{
  tt_rooms_destroy(rooms);
}

static int setup_with(enum tt_session_kind kind)
{
  w = world_create_with(kind, 65536, NULL);
  const struct tt_rooms_options options = {
      .rooms = all_rooms, .n = TT_COUNT(all_rooms), .kind = kind, .language = "en"};
  assert_int_equal(tt_rooms_create(w->router, &options, &rooms), 0);
  w->more = drop_rooms;
  return 0;
}

static int setup(TT_UNUSED void **state)
{
  return setup_with(TT_SESSION_COMPONENT);
}

static int setup_account(TT_UNUSED void **state)
{
  return setup_with(TT_SESSION_ACCOUNT);
}

static int teardown(TT_UNUSED void **state)
{
  world_destroy(w);
  return 0;
}

/* Time passes; what leaves in that turn. */
static const char *pass(uint64_t us)
{
  tt_buf_finish(&w->out);
  w->now.mono_us += us;
  w->now.wall_us += us;
  tt_core_turn(w->core, w->now);
  tt_core_flush(w->core);
  tt_router_turn(w->router, w->now.mono_us);
  tt_rooms_turn(rooms, w->now.mono_us);
  tt_session_flush(w->session, w->now.mono_us);
  return w->out.data ? w->out.data : "";
}

static const char *hear(const char *format, ...) TT_PRINTF(1, 2);
static const char *hear(const char *format, ...)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&text, format, ap);
  va_end(ap);
  return world_say(w, text.data);
}

static const char *presence(const char *nick, const char *more, const char *inside)
{
  return hear("<presence xmlns='jabber:client' from='" ROOM "/%s' to='" US "/thingtree' %s>%s</presence>", nick,
              more, inside);
}

static const char *say(const char *nick, const char *body)
{
  return hear("<message xmlns='jabber:client' type='groupchat' id='m' from='" ROOM "/%s' to='" US
              "/thingtree'><body>%s</body></message>",
              nick, body);
}

/* Answers what was asked last of the room. */
static const char *answer_last(const char *room, const char *type, const char *inside)
{
  char id[40] = "", to[80];
  snprintf(to, sizeof(to), "to='%s", room);
  const char *asked = w->out.data ? strstr(w->out.data, to) : NULL, *at = asked ? strstr(asked, "id='") : NULL;
  assert_non_null(at);
  snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 4, "'"), at + 4);
  return hear("<iq xmlns='jabber:client' type='%s' id='%s' from='%.*s' to='" US "/thingtree'>%s</iq>", type, id,
              (int)strcspn(asked + 4, "'"), asked + 4, inside);
}

#define FEATURES(features) "<query xmlns='" INFO "'>" features "</query>"
#define SELF               USER ITEM US "/thingtree'/><status code='110'/></x>"

static void come_in(const char *features)
{
  tt_buf_finish(&w->out);
  world_online(w);
  answer_last(ROOM, "result", features);
  presence("gw", "", SELF);
}

/* ---- Status ------------------------------------------------------------------------------------------------ */

static struct {
  bool is_in[2];
  char text[2][100];
  size_t n;
} told;

static void on_room(TT_UNUSED void *user, const struct tt_status_room *room)
{
  told.is_in[told.n] = room->is_in;
  snprintf(told.text[told.n++], sizeof(told.text[0]), "%s", room->text ? room->text : "");
}

static const char *status(bool is_in)
{
  told.n = 0;
  tt_rooms_status(rooms, &(struct tt_status_sink){.room = on_room});
  assert_int_equal(told.n, 2);
  assert_int_equal(told.is_in[0], is_in);
  return told.text[0];
}

/* ---- In and out -------------------------------------------------------------------------------------------- */

static void test_coming_in(TT_UNUSED void **state)
{
  assert_string_equal(status(false), "not connected");
  world_online(w);
  assert_has(w->out.data, "<iq type='get' " FROM " to='" ROOM "'");
  assert_has(w->out.data, "<iq type='get' " FROM " to='mute@rooms.test'");
  assert_string_equal(status(false), "coming in");
  const char *out = answer_last(ROOM, "result", FEATURES(OPEN));
  assert_string_equal(out, "<presence " FROM " to='" ROOM "/gw'><x xmlns='http://jabber.org/protocol/muc'>"
                           "<history maxstanzas='0'/><password>a&lt;b</password></x></presence>");
  assert_string_equal(presence("gw", "", SELF), "");
  assert_string_equal(status(true), "");
  presence("gw", "", USER "<item role='visitor'/><status code='110'/></x>");
  assert_has(status(true), "may not speak");
  tt_rooms_stop(rooms);
  tt_session_flush(w->session, w->now.mono_us);
  assert_has(w->out.data, "<presence type='unavailable' " FROM " to='" ROOM "/gw'/>");
  assert_lacks(w->out.data, "mute@rooms.test/"); /* was never in there */
  assert_string_equal(say("reader", "gw: help"), "");
  assert_string_equal(pass(1000 * SECOND), "");
}

static void test_as_an_account(TT_UNUSED void **state)
{
  world_online(w);
  assert_string_equal(answer_last(ROOM, "result", FEATURES(OPEN)),
                      "<presence to='" ROOM "/gw'><x xmlns='http://jabber.org/protocol/muc'>"
                      "<history maxstanzas='0'/><password>a&lt;b</password></x></presence>");
  presence("gw", "", SELF);
  assert_string_equal(status(true), "");
}

static void test_a_stream_that_ends(TT_UNUSED void **state)
{
  come_in(FEATURES(OPEN));
  presence("reader", "", USER ITEM READER "'/></x>");
  tt_session_set_online(w->session, false);
  tt_router_offline(w->router, w->session);
  assert_string_equal(status(false), "not connected");
  come_in(FEATURES(OPEN));
  assert_string_equal(status(true), "");
  assert_string_equal(say("reader", "gw: help"), ""); /* who is there now, nobody has said */
  presence("reader", "", USER ITEM READER "'/></x>");
  assert_has(say("reader", "gw: help"), "reader: ");
}

static void test_a_ping(TT_UNUSED void **state)
{
  come_in(FEATURES(OPEN));
  assert_has(pass(301 * SECOND), "to='" ROOM "/gw'");
  assert_has(w->out.data, "<ping xmlns='urn:xmpp:ping'/>");
  assert_string_equal(answer_last(ROOM "/gw", "error",
                                  "<error type='cancel'><not-acceptable "
                                  "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"),
                      "");
  assert_string_equal(status(false), "the room has forgotten the gateway");
  assert_has(pass(6 * SECOND), "<query xmlns='" INFO "'/>"); /* and back */
}

/* The other stream hears nothing of a room, and nobody who speaks through it is anybody there. */
static void test_the_other_stream(TT_UNUSED void **state)
{
  static const struct tt_session_ops ops = {world_collect};
  struct tt_session *mine = w->session,
                    *other = tt_session_create(TT_SESSION_ACCOUNT, "gw@house.test/x", &ops, &w->out);
  come_in(FEATURES(OPEN));
  presence("n", "", USER ITEM READER "'/></x>");
  w->session = other;
  tt_buf_finish(&w->out);
  world_online(w);
  assert_lacks(w->out.data, ROOM);
  assert_string_equal(say("n", "gw: help"), "");
  presence("m", "", USER ITEM READER "'/></x>");
  tt_router_offline(w->router, other);
  assert_string_equal(status(true), "");
  tt_session_destroy(other);
  w->session = mine;
  assert_has(say("n", "gw: help"), "<body>n: ");
  assert_string_equal(say("m", "gw: help"), "");
}

/* ---- Commands ---------------------------------------------------------------------------------------------- */

static void test_a_command(TT_UNUSED void **state)
{
  come_in(FEATURES(OPEN));
  world_report(w, w->climate, "temperature", "21.5");
  assert_string_equal(presence("R", "", USER ITEM READER "'/></x>"), "");
  const char *out = say("R", "gw: climate.temperature?");
  assert_has(out, "<message type='groupchat' " FROM " to='" ROOM "' id='room-");
  assert_has(out, "<body>R: temperature: 21.5 °C</body>");
  assert_has(say("R", "gw: Lamp on"), "<body>R: You may not do this.</body>");
  assert_lacks(say("R", "gw: meter"), "energy"); /* not hers */
  assert_has(w->out.data, "<body>R: ");
  assert_has(say("R", "gw: watch climate"), "<body>R: This is not supported.</body>");
  presence("A", "", USER ITEM ADMIN "'/></x>");
  assert_has(say("A", "gw: log"), "<body>A: This is not supported.</body>");
  assert_string_equal(say("R", "climate.temperature?"), "");
}

static void test_silence(TT_UNUSED void **state)
{
  static const char *const others[] = {
      USER "<item role='participant'/></x>", /* hidden */
      "",                                    /* nothing is said of them */
      USER ITEM STRANGER "'/></x>",          /* nobody */
      USER ITEM "no address'/></x>",         /* none */
      USER ITEM "'/></x>",
      USER ITEM READER "'/></x>" USER ITEM STRANGER "'/></x>", /* two opinions */
  };
  come_in(FEATURES(OPEN));
  for (size_t i = 0; i < TT_COUNT(others); i++) {
    presence("n", "", others[i]);
    if (*say("n", "gw: help"))
      fail_msg("%s: %s", others[i], w->out.data);
  }
  assert_string_equal(say("admin@house.test", "gw: help"), ""); /* a nick */
  assert_string_equal(hear("<message xmlns='jabber:client' type='groupchat' from='" ROOM "' to='" US
                           "/thingtree'><body>gw: help</body></message>"),
                      "");
  presence("n", "", USER ITEM READER "'/></x>");
  assert_has(say("n", "gw: help"), "<body>n: ");
  assert_string_equal(hear("<message xmlns='jabber:client' type='chat' from='" ROOM "/n' to='" US
                           "/thingtree'><body>gw: help</body></message>"),
                      "");
  presence("n", "type='unavailable'", USER "<item role='none'/></x>");
  assert_string_equal(say("n", "gw: help"), "");
  presence("n", "", USER ITEM STRANGER "'/></x>"); /* somebody else took it */
  assert_string_equal(say("n", "gw: help"), "");
  presence("n", "", USER ITEM READER "'/></x>");
  presence("n", "type='unavailable'", USER "<item role='none' nick='m'/><status code='303'/></x>");
  assert_string_equal(say("n", "gw: help"), "");
  presence("m", "", USER ITEM READER "'/></x>");
  assert_has(say("m", "gw: help"), "<body>m: ");
}

static void test_a_room_without_commands(TT_UNUSED void **state)
{
  tt_buf_finish(&w->out);
  world_online(w);
  answer_last("mute@rooms.test", "result", FEATURES(OPEN));
  hear("<presence from='mute@rooms.test/gw' to='" US "/thingtree'>" SELF "</presence>");
  hear("<presence from='mute@rooms.test/A' to='" US "/thingtree'>" USER ITEM ADMIN "'/></x></presence>");
  assert_string_equal(hear("<message type='groupchat' from='mute@rooms.test/A' to='" US
                           "/thingtree'><body>gw: help</body></message>"),
                      "");
}

static void test_a_room_that_hides(TT_UNUSED void **state)
{
  come_in(FEATURES("<feature var='muc_semianonymous'/>"));
  assert_has(status(true), "hides");
  presence("gw", "", USER "<item role='moderator'/><status code='110'/></x>");
  assert_string_equal(status(true), "");
  presence("gw", "", SELF);
  hear("<message from='" ROOM "' to='" US "/thingtree' type='groupchat'>" USER
       "<status code='172'/></x></message>");
  answer_last(ROOM, "result", FEATURES(OPEN)); /* it is asked what it is now */
  assert_string_equal(status(true), "");
}

/* Who is blocked, or has lost the rule, is nobody also in a room. */
static void test_rights_end(TT_UNUSED void **state)
{
  come_in(FEATURES(OPEN));
  presence("n", "", USER ITEM "new@house.test/x'/></x>");
  assert_string_equal(say("n", "gw: help"), "");
  assert_int_equal(tt_access_accept(w->access, "new@house.test", TT_ROLE_READER, NULL), 0);
  assert_has(say("n", "gw: help"), "<body>n: ");
  assert_int_equal(tt_access_revoke(w->access, "new@house.test"), 0);
  pass(SECOND);
  assert_string_equal(say("n", "gw: help"), "");
}

static void test_a_flood(TT_UNUSED void **state)
{
  unsigned n = 0;
  come_in(FEATURES(OPEN));
  presence("n", "", USER ITEM STRANGER "'/></x>");
  for (int i = 0; i < 500; i++)
    n += *say("n", "gw: help") != '\0';
  assert_int_equal(n, 0);
  presence("n", "", USER ITEM READER "'/></x>");
  for (int i = 0; i < 500; i++)
    n += *say("n", "gw: help") != '\0';
  assert_int_equal(n, TT_ROOM_BURST);
  pass(SECOND);
  assert_has(say("n", "gw: help"), "<body>n: ");
}

/* A device that takes its time. */
static tt_device_fn device_fn;
static void *device_user;

static int on_read(TT_UNUSED void *user, TT_UNUSED tt_id node, TT_UNUSED const uint16_t points[],
                   TT_UNUSED size_t n, TT_UNUSED uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  device_fn = fn;
  device_user = fn_user;
  return 0;
}

static const char *device_answers(void)
{
  tt_buf_finish(&w->out);
  assert_non_null(device_fn);
  world_report(w, w->lamp, "state", "true");
  device_fn(device_user, 0, NULL);
  device_fn = NULL;
  return pass(SECOND);
}

static void test_an_answer_later(TT_UNUSED void **state)
{
  static const char *const ends[] = {
      "<presence from='" ROOM "/n' to='" US "/thingtree' type='unavailable'/>",
      "<presence from='" ROOM "/gw' to='" US "/thingtree' type='unavailable'>" USER
      "<status code='307'/></x></presence>",
      "<presence from='reader@house.test/phone' to='" US "' type='unavailable'/>",
  };
  tt_core_set_devices(w->core, (struct tt_device_hooks){.read = on_read});
  for (size_t i = 0; i <= TT_COUNT(ends); i++) {
    come_in(FEATURES(OPEN));
    presence("n", "", USER ITEM READER "'/></x>");
    assert_string_equal(say("n", "gw: Lamp.state?"), "");
    if (i < TT_COUNT(ends))
      hear("%s", ends[i]);
    const char *out = device_answers();
    if (i < TT_COUNT(ends))
      assert_lacks(out, "n: ");
    else
      assert_has(out, "<body>n: state: on</body>");
    tt_session_set_online(w->session, false);
    tt_router_offline(w->router, w->session);
    tt_node_forget(tt_core_tree(w->core), w->now, w->lamp);
  }
}

/* ---- Readings ---------------------------------------------------------------------------------------------- */

static void test_readings(TT_UNUSED void **state)
{
  world_report(w, w->climate, "temperature", "20");
  pass(SECOND);
  tt_buf_finish(&w->out);
  world_online(w);
  answer_last(ROOM, "result", FEATURES(OPEN));
  world_report(w, w->climate, "temperature", "20.5"); /* not in yet */
  assert_string_equal(pass(20 * SECOND), "");
  presence("gw", "", SELF);
  assert_string_equal(pass(20 * SECOND), ""); /* no change */
  world_report(w, w->climate, "temperature", "21.5");
  world_report(w, w->meter, "energy", "7"); /* not of this room */
  const char *out = pass(SECOND);
  assert_has(out, "<message type='groupchat' " FROM " to='" ROOM "' id='room-");
  assert_has(out, "<body>*Hall climate* temperature: 21.5 °C</body>");
  assert_lacks(out, "energy");
  unsigned n = 0;
  for (int i = 0; i < 100; i++) {
    char value[8];
    snprintf(value, sizeof(value), "%d", i);
    world_report(w, w->climate, "temperature", value);
    n += strstr(pass(SECOND), "<body>") != NULL;
  }
  assert_in_range(n, 9, 11); /* one in ten seconds */
  presence("gw", "type='unavailable'", USER "<item role='none'/><status code='301'/></x>");
  world_report(w, w->climate, "temperature", "50");
  assert_string_equal(pass(30 * SECOND), "");
}

static void test_one_that_comes_later(TT_UNUSED void **state)
{
  come_in(FEATURES(OPEN));
  pass(SECOND);
  struct tt_node *later = world_add(w, &(struct tt_node_spec){DEVICE("later", "house", climate_points)});
  pass(20 * SECOND);
  world_report(w, later, "humidity", "40");
  assert_has(pass(20 * SECOND), "<body>*later* humidity: 40 %</body>");
  tt_node_message(tt_core_tree(w->core), w->now, later, "timeout", TT_MESSAGE_ERROR, "no *answer*");
  const char *out = pass(20 * SECOND);
  assert_has(out, "*later* does not answer: no ");
  assert_lacks(out, "*answer*"); /* foreign marks are none of ours */
  assert_string_equal(pass(60 * SECOND), "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_coming_in),
      cmocka_unit_test_setup_teardown(test_as_an_account, setup_account, teardown),
      TEST(test_a_stream_that_ends),
      TEST(test_a_ping),
      TEST(test_the_other_stream),
      TEST(test_a_command),
      TEST(test_an_answer_later),
      TEST(test_silence),
      TEST(test_a_room_without_commands),
      TEST(test_a_room_that_hides),
      TEST(test_rights_end),
      TEST(test_a_flood),
      TEST(test_readings),
      TEST(test_one_that_comes_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
