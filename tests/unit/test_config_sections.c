/* SPDX-License-Identifier: Apache-2.0
 * sections.c: poll classes, rules, and how XMPP is reached. */
#include "config_world.h"

static void load_text(const char *text)
{
  put("thingtree.yaml", text);
  load();
}

static void good(const char *text)
{
  load_text(text);
  assert_clean();
  assert_true(w.config->is_usable);
}

static void refused(const char *text, const char *code)
{
  load_text(text);
  if (w.diags->n != 1 || strcmp(w.diags->messages[0].code, code) != 0)
    fail_msg("%s: %zu messages, %s", text, w.diags->n, w.diags->n ? w.diags->messages[0].code : "");
  assert_false(w.config->is_usable);
}

/* ---- Poll classes --------------------------------------------------------------------------------------- */

static const struct tt_poll_class *poll_class(const char *name)
{
  for (size_t i = 0; i < w.config->n_polls; i++)
    if (strcmp(w.config->polls[i].name, name) == 0)
      return &w.config->polls[i];
  fail_msg("no class %s", name);
  return NULL;
}

static void test_presets(void **state TT_UNUSED)
{
  good("");
  assert_int_equal(w.config->n_polls, 4);
  assert_int_equal(poll_class("fast")->every_us, 1000000);
  assert_int_equal(poll_class("normal")->every_us, 10000000);
  assert_int_equal(poll_class("slow")->every_us, 300000000);
  assert_int_equal(poll_class("daily")->every_us, 86400000000);
}

static void test_polls(void **state TT_UNUSED)
{
  put("more.yaml", "poll: {hourly: {every: 1h, jitter: 1min}}\n");
  good("poll:\n  slow: {every: 10min}\n  my-own_2: {every: 3s, max_age: 0}\ninclude: [more.yaml]\n");
  assert_int_equal(w.config->n_polls, 6);
  assert_int_equal(poll_class("slow")->every_us, 600000000);
  assert_int_equal(poll_class("slow")->max_age_us, 600000000); /* as old as `every` */
  assert_int_equal(poll_class("slow")->jitter_us, 0);          /* not that of the preset */
  assert_int_equal(poll_class("my-own_2")->max_age_us, 0);
  assert_int_equal(poll_class("hourly")->jitter_us, 60000000);
}

static void test_bad_polls(void **state TT_UNUSED)
{
  refused("poll: {never: {every: 1s}}", "bad-name");
  refused("poll: {Fast: {every: 1s}}", "bad-name");
  refused("poll: {\"\": {every: 1s}}", "bad-name");
  refused("poll: {fast: 1s}", "wrong-type");
  refused("poll: {fast: {}}", "missing-key");
  refused("poll: {fast: {every: 9ms}}", "out-of-range");
  refused("poll: {fast: {evry: 1s, every: 1s}}", "unknown-key");
}

static void test_poll_limits(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    char name[TT_NAME_MAX + 2];
    tt_buf_puts(&text, "poll:\n");
    add_many(&text, TT_POLL_CLASSES_MAX - 4 + over, "  c%u: {every: 1s}\n");
    if (over) {
      refused(text.data, "too-many-poll-classes");
    } else {
      good(text.data);
    }
    assert_int_equal(w.config->n_polls, TT_POLL_CLASSES_MAX);
    memset(name, 'a', sizeof name);
    name[TT_NAME_MAX + over] = '\0';
    text.len = 0;
    tt_buf_printf(&text, "poll: {%s: {every: 1s}}\n", name);
    if (over)
      refused(text.data, "bad-name");
    else
      good(text.data);
  }
}

/* ---- Access --------------------------------------------------------------------------------------------- */

static void test_rules(void **state TT_UNUSED)
{
  good("access:\n"
       "  - {who: alice@example.org, role: admin}\n"
       "  - {who: \"@friends.example.org\", role: reader, nodes: [outside/**, \"!outside/shed\"], fields: temp*}\n"
       "  - {who: things.example.org, role: operator, parameters: [\"*\", \"!demand_period\"]}\n"
       "  - {who: mallory@example.org, role: none}\n");
  assert_int_equal(w.config->n_rules, 4);
  const struct tt_rule *r = w.config->rules;
  assert_string_equal(r[0].who, "alice@example.org");
  assert_int_equal(r[0].role, TT_ROLE_ADMIN);
  assert_int_equal(r[0].nodes.n, 0);
  assert_int_equal(r[1].role, TT_ROLE_READER);
  assert_string_equal(r[1].nodes.text[1], "!outside/shed");
  assert_string_equal(r[1].fields.text[0], "temp*");
  assert_int_equal(r[1].mark.line, 3);
  assert_string_equal(r[2].who, "things.example.org");
  assert_int_equal(r[2].parameters.n, 2);
  assert_int_equal(r[3].role, TT_ROLE_NONE);
}

static void test_bad_rules(void **state TT_UNUSED)
{
  static const char *const who[] = {"",  "alice",     "@",    "alice@",       "@a@b",   "a b@c.d",
                                    "/", "a@b/phone", "@b/x", "a@-b.example", "a@b..c", "alice@exa mple.org"};
  for (size_t i = 0; i < TT_COUNT(who); i++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&text, "access:\n  - {who: \"%s\", role: reader}\n", who[i]);
    if (strcmp(who[i], "alice") == 0) { /* or a domain of one label, as in a house: cannot be told apart */
      put("thingtree.yaml", text.data);
      load();
      assert_said("thingtree.yaml:2:11 who-is-server: \"alice\" is taken for a domain itself; a person is "
                  "alice@example.org\n");
    } else
      refused(text.data, "bad-jid");
    assert_int_equal(w.config->n_rules, strcmp(who[i], "alice") == 0);
  }
  refused("access: [{role: reader}]", "missing-key");
  refused("access: [{who: a@b}]", "missing-key");
  refused("access: [{who: a@b, role: boss}]", "unknown-choice");
  refused("access: [{who: a@b, role: reader, nodes: []}]", "bad-pattern");
  refused("access: [{who: a@b, role: reader, fields: \"!\"}]", "bad-pattern");
  refused("access: [{who: a@b, role: reader, nodes: /house}]", "bad-pattern");
  refused("access: {who: a@b, role: reader}", "wrong-type");
}

/* One wrong rule, and nobody is let in by the others: it might have been the one that shuts somebody out. */
static void test_one_bad_rule(void **state TT_UNUSED)
{
  refused("access:\n  - {who: mallory@example.org, role: nobody}\n  - {who: \"@example.org\", role: admin}\n",
          "unknown-choice");
  assert_int_equal(w.config->n_rules, 0);
}

static void test_rules_limit(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "access: [{who: a@b, role: reader, nodes: \"!");
    add_many(&text, TT_PATTERN_MAX + over, "x");
    tt_buf_puts(&text, "\"}]\n");
    if (over)
      refused(text.data, "bad-pattern");
    else
      good(text.data);
  }
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "access:\n");
    add_many(&text, TT_RULES_MAX + over, "  - {who: a%u@b, role: reader}\n");
    if (over)
      refused(text.data, "too-many-rules");
    else
      good(text.data);
    assert_int_equal(w.config->n_rules, over ? 0 : TT_RULES_MAX);
  }
}

/* ---- XMPP ------------------------------------------------------------------------------------------------ */

/* A component's stream has no TLS: it leaves the machine only when somebody says so. */
static void test_component_on_another_machine(void **state TT_UNUSED)
{
  static const struct {
    const char *host;
    bool is_here;
  } hosts[] = {{"127.0.0.1", true},
               {"127.3.2.1", true},
               {"::1", true},
               {"localhost", true},
               {"192.0.2.7", false},
               {"0.0.0.0", false},
               {"2001:db8::1", false},
               {"::ffff:192.0.2.7", false},
               {"127.0.0.1.x", false},
               {"xmpp.test", false},
               {"", false}};
  for (size_t i = 0; i < TT_COUNT(hosts); i++)
    for (unsigned trusted = 0; trusted <= 1; trusted++) {
      struct tt_buf text TT_AUTOBUF = TT_BUF(0);
      tt_buf_printf(&text, "xmpp: {component: {jid: house.test, secret: x, server: {host: \"%s\"%s}}}\n",
                    hosts[i].host, trusted ? ", trusted: true" : "");
      if (hosts[i].is_here || trusted)
        good(text.data);
      else
        refused(text.data, "unencrypted");
    }
}

static void test_xmpp_absent(void **state TT_UNUSED)
{
  good("xmpp:\n");
  const struct tt_xmpp_config *x = &w.config->xmpp;
  assert_false(x->account.is_set || x->component.is_set);
  assert_int_equal(x->dialects, TT_DIALECT_XEP | TT_DIALECT_NF | TT_DIALECT_NFI);
  assert_int_equal(x->stanza_max, 65536);
  assert_true(x->control_by_message && x->compat_response_code);
}

static void test_xmpp(void **state TT_UNUSED)
{
  put_n("credentials/a", 0600, "hunter2\n", 8);
  put("ca.pem", "x");
  good("xmpp:\n"
       "  account:\n"
       "    jid: gw@house.test/thingtree\n"
       "    password: ${credential:a}\n"
       "    server: {host: 127.0.0.2, port: 5223, ca: ca.pem}\n"
       "  component: {jid: things.house.test, secret: \"${credential:a}\"}\n"
       "  dialects: [ieee, xep]\n"
       "  stanza_max: 10000\n"
       "  control_by_message: false\n");
  const struct tt_xmpp_config *x = &w.config->xmpp;
  assert_true(x->account.is_set && x->component.is_set);
  assert_string_equal(x->account.jid, "gw@house.test/thingtree");
  assert_string_equal(x->account.password, "hunter2");
  assert_string_equal(x->account.server.host, "127.0.0.2");
  assert_int_equal(x->account.server.port, 5223);
  assert_int_equal(access(x->account.server.ca, R_OK), 0); /* beside thingtree.yaml */
  assert_string_equal(x->component.secret, "hunter2");
  assert_string_equal(x->component.server.host, "127.0.0.1");
  assert_int_equal(x->component.server.port, 5347);
  assert_int_equal(x->dialects, TT_DIALECT_IEEE | TT_DIALECT_XEP);
  assert_int_equal(x->stanza_max, 10000);
  assert_false(x->control_by_message);
}

static void test_account_without_server(void **state TT_UNUSED)
{
  good("xmpp: {account: {jid: gw@house.test, password: x}}");
  assert_null(w.config->xmpp.account.server.host);
  assert_int_equal(w.config->xmpp.account.server.port, 0);
}

static void test_bad_xmpp(void **state TT_UNUSED)
{
  refused("xmpp: {account: {jid: house.test, password: x}}", "bad-jid");
  refused("xmpp: {account: {jid: gw@house.test/, password: x}}", "bad-jid");
  refused("xmpp: {component: {jid: gw@house.test, secret: x}}", "bad-jid");
  refused("xmpp: {component: {jid: house.test/x, secret: x}}", "bad-jid");
  refused("xmpp: {account: {jid: gw@house.test}}", "missing-key");
  refused("xmpp: {component: {jid: house.test, secret: }}", "missing-value");
  refused("xmpp: {component: {jid: house.test, secret: x, server: {ca: ca.pem}}}", "unknown-key");
  refused("xmpp: {account: {jid: gw@house.test, password: x, server: {port: 0}}}", "out-of-range");
  refused("xmpp: {stanza_max: 9999}", "out-of-range");
  refused("xmpp: {stanza_max: 1048577}", "out-of-range");
  refused("xmpp: {dialects: [xmpp]}", "unknown-choice");
  refused("xmpp: {account: {jid: gw@house.test, password: x, server: {ca: none.pem}}}", "file-unreadable");
  refused("xmpp: {account: {jid: gw@house.test, password: \"${credential:none}\"}}", "credential-missing");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_presets),      TEST(test_polls),       TEST(test_bad_polls),
      TEST(test_poll_limits),  TEST(test_rules),       TEST(test_bad_rules),
      TEST(test_one_bad_rule), TEST(test_rules_limit), TEST(test_component_on_another_machine),
      TEST(test_xmpp_absent),  TEST(test_xmpp),        TEST(test_account_without_server),
      TEST(test_bad_xmpp),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
