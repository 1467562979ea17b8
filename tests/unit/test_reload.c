/* SPDX-License-Identifier: Apache-2.0
 * reload.c: what is taken up, and in which order. */
#include "reload_world.h"

static const struct tt_caller guest = {
    .kind = TT_CALLER_XMPP, .jid = "guest@example.org/x", .bare = "guest@example.org", .language = ""};

static unsigned n_seen;

static void on_change(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  (void)user, (void)point;
  n_seen += node->kind == TT_NODE_DEVICE && change == TT_CHANGE_ADDED &&
            tt_core_sight(g.core, &guest, node) != TT_SIGHT_NONE;
}

static const struct tt_node *find(const char *key)
{
  return tt_tree_find(tt_core_tree(g.core), key, NULL, NULL);
}

static struct tt_reload_result reload(void)
{
  struct tt_reload_result result;
  assert_int_equal(tt_reload(g.reloader, NULL, &result), 0);
  tt_reload_result_finish(&result);
  assert_false(result.is_refused);
  return result;
}

/* Who may see all hears nothing of a device that comes with the rule that hides it. */
static void test_rules_before_devices(void **state)
{
  (void)state;
  assert_int_equal(tt_tree_listen(tt_core_tree(g.core), on_change, NULL), 0);
  put_config("", "access: [{who: guest@example.org, role: reader}]\n");
  reload();
  n_seen = 0;
  put_config(", a: {uses: fake/thing, connection: c}", "access: [{who: guest@example.org, role: reader}]\n");
  assert_int_equal(reload().changes.added, 1);
  assert_int_equal(n_seen, 1);
  put_config(", a: {uses: fake/thing, connection: c}, safe: {uses: fake/thing, connection: c}",
             "access: [{who: guest@example.org, role: reader, nodes: [\"**\", \"!safe\"]}]\n");
  assert_int_equal(reload().changes.added, 1);
  assert_int_equal(n_seen, 1);
}

static size_t index_of(const char *name)
{
  const struct tt_config *config = tt_host_config(g.host);
  for (size_t i = 0; i < config->n_polls; i++)
    if (config->polls[i].name && strcmp(config->polls[i].name, name) == 0)
      return i;
  return SIZE_MAX;
}

static void put_class(unsigned seconds)
{
  char poll[100];
  snprintf(poll, sizeof poll, "poll: {slow: {every: %us}}\n", seconds);
  put_config("", poll);
}

/* A device is as it was when the numbers of its poll classes are: a class that is another one may not have the number. */
static void test_numbers_of_poll_classes(void **state)
{
  (void)state;
  put("mappings/fake/thing.yaml", "version: 1\nprotocol: fake\npoints: {a: {at: x, type: number, poll: slow}}\n");
  put_class(10);
  reload();
  for (unsigned i = 0; i < 2 * TT_POLL_SLOTS_MAX; i++) { /* more often than there are numbers */
    size_t last = index_of("slow");
    put_class(11 + i);
    assert_int_equal(reload().changes.changed, 2);
    assert_int_not_equal(index_of("slow"), last);
  }
}

/* Nor may one that an old device still runs by, because others alone were taken up since. */
static void test_numbers_of_poll_classes_in_use(void **state)
{
  static const char *const keys[] = {"other"};
  const struct tt_only only = {.keys = keys, .n = 1};
  (void)state;
  put("mappings/fake/thing.yaml", "version: 1\nprotocol: fake\npoints: {a: {at: x, type: number, poll: slow}}\n");
  put_class(10);
  reload();
  size_t of_thing = index_of("slow");
  for (unsigned i = 0; i < 2 * TT_POLL_SLOTS_MAX; i++) {
    struct tt_reload_result result;
    put_class(11 + i);
    assert_int_equal(tt_reload(g.reloader, &only, &result), 0);
    tt_reload_result_finish(&result);
    assert_int_not_equal(index_of("slow"), of_thing);
  }
  assert_int_equal(reload().changes.changed, 1); /* the thing */
}

/* Of some devices: whoever is in the files no more leaves only if that is what was asked for. */
static void test_only_that_one_leaves(void **state)
{
  const char *key = "a";
  struct tt_reload_result result;
  (void)state;
  put_config(", a: {uses: fake/thing, connection: c}", "");
  assert_int_equal(reload().changes.added, 1);
  put("thingtree.yaml", "version: 1\nconnections: {c: {protocol: fake, host: h}}\nmappings: [mappings]\n"
                        "devices: {other: {uses: fake/thing, connection: c}}\n");
  assert_int_equal(tt_reload(g.reloader, &(struct tt_only){.keys = &key, .n = 1}, &result), 0);
  tt_reload_result_finish(&result);
  assert_true(result.is_refused);
  assert_non_null(find("a"));
  assert_int_equal(tt_reload(g.reloader, &(struct tt_only){.keys = &key, .n = 1, .may_leave = true}, &result), 0);
  tt_reload_result_finish(&result);
  assert_false(result.is_refused);
  assert_int_equal(result.changes.removed, 1);
  assert_null(find("a"));
  assert_non_null(find("thing")); /* nobody asked about this one */
  key = "nobody";
  assert_int_equal(tt_reload(g.reloader, &(struct tt_only){.keys = &key, .n = 1, .may_leave = true}, &result), 0);
  tt_reload_result_finish(&result);
  assert_true(result.is_refused);
}

/* Rooms are not changed while it runs, and that is said; going back takes nothing. */
#define A_ROOM "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x]}]}\n"
static void test_rooms(void **state)
{
  static const char *const others[] = {
      "",
      "xmpp: {rooms: [{jid: b@rooms.test, nodes: [x]}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [y]}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x, y]}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x], fields: [y]}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x], nick: y}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x], password: y}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x], interval: 1s}]}\n",
      "xmpp: {rooms: [{jid: a@rooms.test, nodes: [x], commands: true}]}\n",
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(others); i++) {
    put_config("", others[i]);
    assert_string_equal(reload().why, "xmpp.rooms changed: that takes a restart");
    put_config("", A_ROOM);
    assert_string_equal(reload().why, "");
  }
}

static int open_with_a_room(void **state)
{
  more_at_start = A_ROOM;
  int r = open_all(state);
  more_at_start = "";
  return r;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_only_that_one_leaves, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_rooms, open_with_a_room, close_all),
      cmocka_unit_test_setup_teardown(test_rules_before_devices, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_numbers_of_poll_classes, open_all, close_all),
      cmocka_unit_test_setup_teardown(test_numbers_of_poll_classes_in_use, open_all, close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
