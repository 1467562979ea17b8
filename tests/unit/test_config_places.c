/* SPDX-License-Identifier: Apache-2.0
 * places.c: paths, labels of places, and ids that two nodes want. */
#include "config_world.h"

#include "model/tree.h"

#define NET "connections: {net: {protocol: fake, host: h}}\n"

static void put_mapping(void)
{
  put("mappings/fake/thing.yaml", "protocol: fake\npoints: {a: {at: x, type: number}}\n");
}

static void test_labels(void **state TT_UNUSED)
{
  put("thingtree.yaml", "languages: [sv, en]\nplaces:\n  house: {label: {en: House, sv: Hus}}\n"
                        "  house/hall: {label: Hallen}\n  garden:\n  shed: {}\ninclude: [more.yaml]\n");
  put("more.yaml", "places: {\"house/cellar, left\": {label: {en: Cellar}}}\n");
  load_clean();
  assert_int_equal(w.config->n_places, 3);
  assert_string_equal(w.config->places[0].path, "house");
  assert_string_equal(tt_label_for(&w.config->places[0].label, "de", NULL), "Hus");
  assert_string_equal(tt_label_for(&w.config->places[1].label, "en", NULL), "Hallen");
  assert_string_equal(w.config->places[2].path, "house/cellar, left");
  assert_string_equal(w.config->places[2].mark.file, "more.yaml");
}

static void test_paths(void **state TT_UNUSED)
{
  static const struct {
    const char *path, *fault;
  } cases[] = {
      {"/house", "a part of it is empty; it neither begins nor ends with /"},
      {"house/", "a part of it is empty; it neither begins nor ends with /"},
      {"a//b", "a part of it is empty; it neither begins nor ends with /"},
      {"a / b", "a part of it begins or ends with a space"},
      {"gateway", "\"gateway\" is the gateway's own"},
      {"gateway/x", "\"gateway\" is the gateway's own"},
      {"a\\tb", "it holds a control character"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&text, "places: {\"%s\": {label: x}}\n", cases[i].path);
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "bad-place");
    assert_non_null(strstr(w.diags->messages[0].text, cases[i].fault));
    assert_int_equal(w.config->n_places, 0);
    assert_true(w.config->is_usable); /* a label is no reason to let nobody in */
  }
  put("thingtree.yaml", "places: {gateways/x: {label: x}, \"a/gateway\": {label: x}}\n");
  load_clean();
}

static void test_limits(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    char key[TT_NODE_KEY_MAX + 2], deep[2 * TT_PLACE_DEPTH_MAX + 3];
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    memset(key, 'k', sizeof key);
    key[TT_NODE_KEY_MAX + over] = '\0';
    for (unsigned i = 0; i < TT_PLACE_DEPTH_MAX + over; i++)
      memcpy(deep + 2 * i, "d/", 3);
    deep[2 * (TT_PLACE_DEPTH_MAX + over) - 1] = '\0';
    tt_buf_printf(&text, "places: {\"%s\": {label: x}, %s: {label: x}}\n", key, deep);
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.config->n_places, over ? 0 : 2);
    assert_int_equal(w.diags->n, over ? 2 : 0);
    if (over) {
      assert_non_null(strstr(w.diags->messages[0].text, "it is too long"));
      assert_non_null(strstr(w.diags->messages[1].text, "it has too many parts"));
    }
  }
}

/* A device may not have the id of a place, in whatever order and file they stand. */
static void test_clash(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml", NET "include: [a.yaml, b.yaml]\n");
  put("a.yaml", "devices:\n  hall: {uses: fake/thing, connection: net}\n  lamp: {uses: fake/thing, connection: "
                "net, under: hall/ceiling}\n");
  put("b.yaml", "devices:\n  lamp: {uses: fake/thing, connection: net}\n  gateway: {uses: fake/thing}\n");
  load();
  assert_said("a.yaml:2:3 id-clash: \"hall\" is a device and a place\n"
              "b.yaml:2:3 duplicate-device: there are two devices \"lamp\"\n"
              "b.yaml:3:3 bad-name: \"gateway\" cannot be the key of a device: that is the gateway's own node\n");
  assert_int_equal(w.diags->messages[0].also[0].at.line, 3);
  assert_string_equal(w.diags->messages[1].also[0].at.file, "a.yaml");
  assert_int_equal(w.config->n_devices, 1);
  assert_int_equal(w.config->n_refused, 3);
  assert_false(device("lamp")->is_disabled);
  assert_string_equal(device("lamp")->place, "hall/ceiling");
}

/* Only the first part of a path is an id of its own: house/hall is no node `hall`. */
static void test_no_clash(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml", NET "devices:\n  hall: {uses: fake/thing, connection: net, under: house/hall}\n"
                            "  lamp: {uses: fake/thing, connection: net, under: house/hall}\n");
  load_clean();
  assert_int_equal(w.config->n_devices, 2);
}

static void test_label_twice(void **state TT_UNUSED)
{
  put("thingtree.yaml", "places: {house: {label: a}}\ninclude: [b.yaml]\n");
  put("b.yaml", "places: {house: {label: b}, garden: {label: c}}\n");
  load();
  assert_said("b.yaml:1:10 duplicate-key: place \"house\" has its label already\n");
  assert_int_equal(w.config->n_places, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_labels), TEST(test_paths),    TEST(test_limits),
      TEST(test_clash),  TEST(test_no_clash), TEST(test_label_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
