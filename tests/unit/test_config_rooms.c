/* SPDX-License-Identifier: Apache-2.0
 * rooms.c: chat rooms below `xmpp:`. */
#include "config_world.h"

static void load_rooms(const char *rooms)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "xmpp:\n  component: {jid: things.example.org, secret: x}\n  rooms:\n%s", rooms);
  put("thingtree.yaml", text.data);
  load();
}

static void refused(const char *rooms, const char *code)
{
  load_rooms(rooms);
  if (w.diags->n != 1 || strcmp(w.diags->messages[0].code, code) != 0)
    fail_msg("%s: %zu messages, %s", rooms, w.diags->n, w.diags->n ? w.diags->messages[0].code : "");
  assert_false(w.config->is_usable);
  assert_int_equal(w.config->xmpp.n_rooms, 0);
}

static void test_defaults(void **state TT_UNUSED)
{
  load_rooms("    jid: house@rooms.example.org\n    nodes: house/**\n"); /* one is a list of one */
  assert_clean();
  assert_int_equal(w.config->xmpp.n_rooms, 1);
  const struct tt_room *room = w.config->xmpp.rooms;
  assert_string_equal(room->jid, "house@rooms.example.org");
  assert_string_equal(room->nick, "thingtree");
  assert_null(room->password);
  assert_int_equal(room->told.nodes.n, 1);
  assert_int_equal(room->told.fields.n, 0);
  assert_int_equal(room->told.min_us, 10000000);
  assert_false(room->told.is_immediate);
  assert_false(room->has_commands); /* default deny */
  load_rooms("");
  assert_clean();
  assert_int_equal(w.config->xmpp.n_rooms, 0);
}

static void test_everything(void **state TT_UNUSED)
{
  put_n("credentials/room", 0600, "hunter2\n", 8);
  load_rooms("    - {jid: a@rooms.example.org, commands: true}\n"
             "    - jid: b@rooms.example.org\n"
             "      nick: House keeper\n"
             "      password: ${credential:room}\n"
             "      nodes: [house/**, \"!house/safe\"]\n"
             "      fields: [temp*]\n"
             "      interval: 1min\n"
             "      commands: true\n");
  assert_clean();
  assert_int_equal(w.config->xmpp.n_rooms, 2);
  const struct tt_room *room = w.config->xmpp.rooms;
  assert_true(room->has_commands);
  assert_int_equal(room->told.nodes.n, 0);
  room++;
  assert_string_equal(room->nick, "House keeper");
  assert_string_equal(room->password, "hunter2");
  assert_int_equal(room->told.nodes.n, 2);
  assert_string_equal(room->told.fields.text[0], "temp*");
  assert_int_equal(room->told.min_us, 60000000);
}

/* There for nothing is no error: what is announced may be commented out. */
static void test_a_room_for_nothing(void **state TT_UNUSED)
{
  static const char *const rooms[] = {"    - {jid: a@rooms.example.org}\n",
                                      "    - {jid: a@rooms.example.org, nodes: []}\n"};
  for (size_t i = 0; i < TT_COUNT(rooms); i++) {
    load_rooms(rooms[i]);
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "room-unused");
    assert_true(w.config->is_usable);
    assert_int_equal(w.config->xmpp.n_rooms, 1);
  }
}

static void test_wrong(void **state TT_UNUSED)
{
  refused("    - {commands: true}\n", "missing-key");
  refused("    - {jid: rooms.example.org, commands: true}\n", "bad-jid");
  refused("    - {jid: a@rooms.example.org/x, commands: true}\n", "bad-jid");
  refused("    - {jid: a@rooms.example.org, commands: true}\n    - {jid: A@Rooms.example.org, commands: true}\n",
          "duplicate-key");
  refused("    - {jid: a@rooms.example.org, commands: true, nick: \"\"}\n", "bad-name");
  refused("    - {jid: a@rooms.example.org, commands: true, nick: \"@x\"}\n", "bad-name");
  refused("    - {jid: a@rooms.example.org, commands: true, nick: \"a\\nb\"}\n", "bad-name");
  refused("    - {jid: a@rooms.example.org, nodes: [/x]}\n", "bad-pattern");
  refused("    - {jid: a@rooms.example.org, nodes: x, fields: []}\n", "bad-pattern");
  refused("    - {jid: a@rooms.example.org, nodes: x, interval: 999ms}\n", "out-of-range");
  refused("    - {jid: a@rooms.example.org, nodes: x, interval: 25h}\n", "out-of-range");
  refused("    - {jid: a@rooms.example.org, node: x, commands: true}\n", "unknown-key");
  refused("    - a@rooms.example.org\n", "wrong-type");
}

static void test_limits(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    add_many(&text, TT_ROOMS_MAX + over, "    - {jid: r%u@rooms.example.org, commands: true}\n");
    if (over) {
      refused(text.data, "too-many-rooms");
    } else {
      load_rooms(text.data);
      assert_clean();
    }
    struct tt_buf nick TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&nick, "    - {jid: a@rooms.example.org, commands: true, nick: ");
    add_many(&nick, TT_ROOM_NICK_MAX + over, "n");
    tt_buf_puts(&nick, "}\n");
    if (over) {
      refused(nick.data, "bad-name");
    } else {
      load_rooms(nick.data);
      assert_clean();
    }
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_defaults), TEST(test_everything), TEST(test_a_room_for_nothing),
      TEST(test_wrong),    TEST(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
