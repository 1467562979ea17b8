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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_rules_before_devices, open_all, close_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
