/* SPDX-License-Identifier: Apache-2.0
 * publish.c: what is published, and to whom. */
#include "config_world.h"

#define ACCOUNT "xmpp:\n  account: {jid: gw@example.org, password: x}\n"
#define DOMAIN  "xmpp:\n  component: {jid: things.example.org, secret: x}\n"

static void load_text(const char *head, const char *entries)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "%s  publish:\n%s", head, entries);
  put("thingtree.yaml", text.data);
  load();
}

static const struct tt_publish *good(const char *head, const char *entries)
{
  load_text(head, entries);
  assert_clean();
  assert_true(w.config->is_usable);
  return w.config->xmpp.publish;
}

static void refused(const char *head, const char *entries, const char *code)
{
  load_text(head, entries);
  if (w.diags->n != 1 || strcmp(w.diags->messages[0].code, code) != 0)
    fail_msg("%s: %zu messages, %s", entries, w.diags->n, w.diags->n ? w.diags->messages[0].code : "");
  assert_false(w.config->is_usable);
}

static void test_entries(void **state TT_UNUSED)
{
  const struct tt_publish *p = good(
      ACCOUNT, "  - {nodes: [house/**, \"!**/lock\"], members: [alice@example.org, example.net]}\n"
               "  - {to: pubsub.example.org, nodes: shed/**, fields: temp*, as: \"sheds/{node}\", dialect: xep,"
               " access: roster, groups: [Family], interval: 1min}\n"
               "  - {to: pubsub.example.org, nodes: shed/**, access: presence}\n");
  assert_int_equal(w.config->xmpp.n_publish, 3);
  assert_string_equal(p[0].to, TT_PUBLISH_PEP);
  assert_int_equal(p[0].nodes.n, 2);
  assert_null(p[0].as);
  assert_int_equal(p[0].dialect, TT_DIALECT_NF);
  assert_int_equal(p[0].access, TT_PUBLISH_WHITELIST);
  assert_int_equal(p[0].members.n, 2);
  assert_int_equal(p[0].interval_us, 10 * TT_USEC_PER_SEC);
  assert_string_equal(p[1].to, "pubsub.example.org");
  assert_string_equal(p[1].as, "sheds/{node}");
  assert_int_equal(p[1].dialect, TT_DIALECT_XEP);
  assert_int_equal(p[1].access, TT_PUBLISH_ROSTER);
  assert_string_equal(p[1].groups.text[0], "Family");
  assert_int_equal(p[1].interval_us, 60 * TT_USEC_PER_SEC);
  assert_int_equal(p[2].access, TT_PUBLISH_PRESENCE);
  good(DOMAIN, "    {to: pubsub.example.org, nodes: \"**\", members: alice@example.org}\n");
  put("thingtree.yaml", ACCOUNT);
  load();
  assert_int_equal(w.config->xmpp.n_publish, 0);
}

/* Nothing is shown to more people than somebody has written down. */
static void test_readers_are_named(void **state TT_UNUSED)
{
  refused(ACCOUNT, "  - {nodes: \"**\"}\n", "missing-key");
  refused(ACCOUNT, "  - {nodes: \"**\", members: []}\n", "missing-key");
  refused(ACCOUNT, "  - {nodes: \"**\", access: roster}\n", "missing-key");
  refused(ACCOUNT, "  - {nodes: \"**\", access: open}\n", "unknown-choice");
  refused(ACCOUNT, "  - {nodes: \"**\", access: presence, members: [alice@example.org]}\n", "unused-key");
  refused(ACCOUNT, "  - {nodes: \"**\", members: [alice@example.org], groups: [Family]}\n", "unused-key");
  refused(ACCOUNT, "  - {nodes: \"**\", members: [alice@example.org/phone]}\n", "bad-jid");
  refused(ACCOUNT, "  - {nodes: \"**\", members: \"@example.org\"}\n", "bad-jid");
}

static void test_devices_are_named(void **state TT_UNUSED)
{
  refused(ACCOUNT, "  - {access: presence}\n", "missing-key");
  refused(ACCOUNT, "  - {access: presence, nodes: []}\n", "missing-key");
  refused(ACCOUNT, "  - {access: presence, nodes: [/house]}\n", "bad-pattern");
  refused(ACCOUNT, "  - {access: presence, nodes: house, fields: []}\n", "bad-pattern");
}

static void test_where_to(void **state TT_UNUSED)
{
  refused(ACCOUNT, "  - {to: \"a b\", nodes: \"**\", access: presence}\n", "bad-jid");
  refused(ACCOUNT, "  - {to: pubsub.example.org/x, nodes: \"**\", access: presence}\n", "bad-jid");
  refused(DOMAIN, "  - {nodes: \"**\", members: [alice@example.org]}\n", "no-account");
  refused(DOMAIN, "  - {to: pubsub.example.org, nodes: \"**\", access: presence}\n", "no-account");
}

static void test_names_of_pubsub_nodes(void **state TT_UNUSED)
{
  static const char *const bad[] = {"", "{thing}", "a{node", "node}", "{node}}", "{}", "{{node}}"};
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    tt_buf_truncate(&text, 0);
    tt_buf_printf(&text, "  - {nodes: \"**\", access: presence, as: \"%s\"}\n", bad[i]);
    refused(ACCOUNT, text.data, "bad-template");
  }
  good(ACCOUNT, "  - {nodes: \"**\", access: presence, as: \"{source}.{node}.{node}\"}\n");
  for (unsigned over = 0; over <= 1; over++) {
    char name[TT_PUBLISH_NAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    name[TT_PUBLISH_NAME_MAX + over] = '\0';
    tt_buf_truncate(&text, 0);
    tt_buf_printf(&text, "  - {nodes: \"**\", access: presence, as: %s}\n", name);
    if (over)
      refused(ACCOUNT, text.data, "bad-template");
    else
      good(ACCOUNT, text.data);
  }
}

static void test_two_of_the_same(void **state TT_UNUSED)
{
  refused(ACCOUNT,
          "  - {nodes: a, access: presence}\n"
          "  - {nodes: b, access: presence}\n",
          "published-twice");
  refused(ACCOUNT,
          "  - {to: p.example.org, nodes: a, access: presence}\n"
          "  - {to: p.example.org, nodes: a, access: presence, dialect: xep}\n",
          "published-twice");
  refused(ACCOUNT,
          "  - {nodes: a, access: presence, as: x}\n"
          "  - {nodes: b, access: presence, as: x, dialect: xep}\n",
          "published-twice");
  good(ACCOUNT, "  - {nodes: a, access: presence}\n"
                "  - {nodes: a, access: presence, dialect: xep}\n"
                "  - {nodes: a, access: presence, as: x}\n"
                "  - {to: p.example.org, nodes: a, access: presence, as: x}\n");
}

static void test_limits(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0), more TT_AUTOBUF = TT_BUF(0);
    add_many(&text, TT_PUBLISH_MAX + over, "  - {nodes: a, access: presence, as: x%u}\n");
    tt_buf_puts(&more, "  - {nodes: a, members: [");
    add_many(&more, TT_PUBLISH_MEMBERS_MAX + over, "u%u@example.org,");
    tt_buf_puts(&more, "]}\n");
    if (over) {
      refused(ACCOUNT, text.data, "too-many-published");
      refused(ACCOUNT, more.data, "too-many-published");
    } else {
      good(ACCOUNT, text.data);
      good(ACCOUNT, more.data);
    }
  }
  refused(ACCOUNT, "  - {nodes: a, access: presence, interval: 999ms}\n", "out-of-range");
  refused(ACCOUNT, "  - {nodes: a, access: presence, interval: 25h}\n", "out-of-range");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_entries),  TEST(test_readers_are_named),     TEST(test_devices_are_named),
      TEST(test_where_to), TEST(test_names_of_pubsub_nodes), TEST(test_two_of_the_same),
      TEST(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
