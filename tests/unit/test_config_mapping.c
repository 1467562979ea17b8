/* SPDX-License-Identifier: Apache-2.0
 * mapping.c: where mappings are found, what stands at their top, and that each is read once. */
#include "config_world.h"

#define NET    "connections: {net: {protocol: fake, host: h}}\n"
#define POINTS "points: {a: {at: x, type: number}}\n"

static void use(const char *top, const char *name)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, NET "%sdevices:\n  thing: {uses: %s, connection: net}\n", top, name);
  put("thingtree.yaml", text.data);
}

/* The first directory that has it wins; a relative one lies beside thingtree.yaml. */
static void test_search(void **state TT_UNUSED)
{
  struct tt_buf top TT_AUTOBUF = TT_BUF(0);
  put("mine/fake/thing.yaml", "protocol: fake\nabout: {model: mine}\n" POINTS);
  put("theirs/fake/thing.yaml", "protocol: fake\nabout: {model: theirs}\n" POINTS);
  put("theirs/fake/other.yaml", "protocol: fake\nabout: {model: other}\n" POINTS);
  use("mappings: [none, mine, theirs]\n", "fake/thing");
  load_clean();
  assert_string_equal(device("thing")->model, "mine");
  use("mappings: [none, mine, theirs]\n", "fake/other");
  load_clean();
  assert_string_equal(device("thing")->model, "other");
  tt_buf_printf(&top, "mappings: %s/theirs\n", w.dir);
  use(top.data, "fake/thing");
  load_clean();
  assert_string_equal(device("thing")->model, "theirs");
}

/* What is said about a device stands in its mapping. */
static void test_about(void **state TT_UNUSED)
{
  put("mappings/fake/thing.yaml",
      "mapping: fake/thing\nversion: 1.0\nprotocol: fake\n"
      "about: {vendor: V, model: M, label: {en: Thing, sv: Sak}, source: a book}\n" POINTS);
  use("", "fake/thing");
  load_clean();
  const struct tt_device_entry *d = device("thing");
  assert_string_equal(d->vendor, "V");
  assert_string_equal(d->model, "M");
  assert_string_equal(d->mapping, "fake/thing");
  assert_string_equal(d->type, "thingtree.device.fake");
  assert_string_equal(tt_label_for(&d->label, "sv", NULL), "Sak");
}

/* One message and one read, however many devices use it; all of them are disabled by it. */
static void test_once(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  put("mappings/fake/thing.yaml", "protocol: fake\nabuot: {}\n" POINTS);
  tt_buf_puts(&text, NET "devices:\n");
  add_many(&text, 50, "  d%u: {uses: fake/thing, connection: net}\n");
  put("thingtree.yaml", text.data);
  load();
  assert_said("mappings/fake/thing.yaml:2:1 unknown-key: mapping fake/thing has no key \"abuot\"\n");
  assert_int_equal(w.diags->messages[0].n_users, 50);
  assert_int_equal(w.config->n_disabled, 50);
  assert_string_equal(device("d49")->error,
                      "mappings/fake/thing.yaml:2:1: mapping fake/thing has no key \"abuot\"");
  assert_int_equal(w.config->files.n, 2);
}

/* A mapping without parameters gives all its devices the same points, not copies. */
static void test_points_are_shared(void **state TT_UNUSED)
{
  put("mappings/fake/thing.yaml", "protocol: fake\n" POINTS);
  put("thingtree.yaml", NET "devices:\n  a: {uses: fake/thing, connection: net}\n"
                            "  b: {uses: fake/thing, connection: net}\n"
                            "  c: {uses: fake/thing, connection: net, poll: slow}\n"
                            "  d: {uses: fake/thing, connection: net, points: {a: {unit: W}}}\n"
                            "  e: {uses: fake/thing, connection: net}\n");
  load_clean();
  assert_ptr_equal(point("a", "a"), point("b", "a"));
  assert_ptr_equal(point("a", "a")->address, point("b", "a")->address);
  assert_int_equal(point("b", "a")->poll, -1);
  assert_true(point("c", "a")->poll >= 0);
  assert_string_equal(point("d", "a")->unit, "W");
  assert_string_equal(point("e", "a")->unit, "");
}

static void test_refused(void **state TT_UNUSED)
{
  static const struct {
    const char *text, *code;
  } cases[] = {
      {"mapping: fake/other\nprotocol: fake\n" POINTS, "mapping-name"},
      {POINTS, "missing-key"},
      {"protocol: fake\n", "missing-key"},
      {"protocol: fak\n" POINTS, "unknown-protocol"},
      {"protocol: fake\nversion: 2\n" POINTS, "unsupported-version"},
      {"protocol: fake\nabout: x\n" POINTS, "wrong-type"},
      {"protocol: fake\nabout: {vendo: x}\n" POINTS, "unknown-key"},
      {"protocol: fake\nunit: 300\n" POINTS, "out-of-range"},
      {"protocol: fake\nprotocol: fake\n" POINTS, "duplicate-key"},
      {"protocol: fake\npoints: [a]\n", "wrong-type"},
      {"protocol: fake\npoints: {a: {at: x, type: number, at: y}}\n", "duplicate-key"},
      {"protocol: fake\n\tpoints: {}\n", "syntax"},
      {"protocol: bare\n" POINTS, "wrong-connection"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    put("mappings/fake/thing.yaml", cases[i].text);
    use("", "fake/thing");
    load();
    if (w.diags->n != 1 || strcmp(w.diags->messages[0].code, cases[i].code) != 0)
      fail_msg("%s: %zu messages, %s", cases[i].text, w.diags->n, w.diags->n ? w.diags->messages[0].code : "");
    assert_true(device("thing")->is_disabled);
    assert_true(w.config->is_usable);
  }
}

/* A file of a newer minor version may have keys that we do not know. */
static void test_newer(void **state TT_UNUSED)
{
  put("mappings/fake/thing.yaml",
      "protocol: fake\nversion: 1.1\nicon: x\npoints: {a: {at: x, type: number, colour: red}}\n");
  use("", "fake/thing");
  load();
  assert_said("mappings/fake/thing.yaml:3:1 unknown-key: mapping fake/thing has no key \"icon\"\n"
              "mappings/fake/thing.yaml:4:35 unknown-key: point a has no key \"colour\"\n");
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_WARNING), 2);
  assert_false(device("thing")->is_disabled);
}

static void test_names(void **state TT_UNUSED)
{
  static const char *const bad[] = {"../fake/thing", "/fake/thing", "fake//thing", "fake/thing/",
                                    "fake/..",       "fake/a b",    "''",          "fake/*"};
  put("mappings/fake/thing.yaml", "protocol: fake\n" POINTS);
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    use("", bad[i]);
    load();
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "bad-name");
  }
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf name TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&name, "fake/");
    add_many(&name, TT_MAPPING_NAME_MAX - 5 + over, "x");
    use("", name.data);
    load();
    assert_string_equal(w.diags->messages[0].code, over ? "bad-name" : "unknown-mapping");
  }
  use("mappings: [none, mappings]\n", "fake/thin");
  load();
  assert_said("thingtree.yaml:4:17 unknown-mapping: there is no mapping \"fake/thin\"\n");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"fake/thing\"?");
  assert_string_equal(w.diags->messages[0].help[1], "looked in: none, mappings");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_search),  TEST(test_about), TEST(test_once),  TEST(test_points_are_shared),
      TEST(test_refused), TEST(test_newer), TEST(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
