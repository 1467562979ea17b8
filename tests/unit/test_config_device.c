/* SPDX-License-Identifier: Apache-2.0
 * device.c: a device is a mapping, its parameters and what is different here; each fails alone. */
#include "config_world.h"

#include "model/tree.h"

#define NET "connections: {net: {protocol: fake, host: h}}\n"

static void put_mapping(void)
{
  put("mappings/fake/thing.yaml", "protocol: fake\nabout: {label: {en: Plug, sv: Uttag}}\n"
                                  "params: {topic: {type: string}, n: {type: integer, default: 1}}\n"
                                  "topic: \"tele/${topic}\"\nunit: \"${n}\"\ndefaults: {poll: normal}\n"
                                  "points:\n"
                                  "  relay: {at: \"r${n}\", type: boolean, map: {ON: true, OFF: false}, write: "
                                  "{to: cmnd, verify: report, within: 3s}}\n"
                                  "  power: {at: p, type: number, unit: W, label: {en: Power, sv: Effekt}}\n");
}

static void test_face(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml",
      NET "languages: [en, sv]\ndevices:\n"
          "  one: {uses: fake/thing, connection: net, with: {topic: t1, n: 7}, under: house/cellar,\n"
          "    label: {en: Freezer plug, sv: Frysens uttag}}\n"
          "  two: {uses: fake/thing, connection: net, with: {topic: t2}}\n");
  load_clean();
  const struct tt_device_entry *one = device("one"), *two = device("two");
  assert_string_equal(one->place, "house/cellar");
  assert_string_equal(tt_label_for(&one->label, "sv", NULL), "Frysens uttag");
  assert_string_equal(two->place, "");
  assert_string_equal(tt_label_for(&two->label, "sv", NULL), "Uttag"); /* of the mapping */
  const struct fake_device *options = one->config.options;
  assert_string_equal(options->topic, "tele/t1");
  assert_int_equal(options->unit, 7);
  assert_string_equal(((const struct fake_read *)point("one", "relay")->address)->at, "r7");
  assert_string_equal(((const struct fake_read *)point("two", "relay")->address)->at, "r1");
  assert_int_equal(one->config.mark.line, 4);
  assert_int_equal(fake_checks, 2);
}

/* Overrides name a point, and change what they name in it; the rest stays. */
static void test_overrides(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml",
      NET "devices:\n"
          "  one: {uses: fake/thing, connection: net, with: {topic: t1}, points: {relay: {write: false}}}\n"
          "  two: {uses: fake/thing, connection: net, with: {topic: t1}, points: {power: {unit: kW, scale: 0.001, "
          "poll: slow, label: Watts}}}\n"
          "  three: {uses: fake/thing, connection: net, with: {topic: t1}, points: {power: false}}\n"
          "  four: {uses: fake/thing, connection: net, with: {topic: t1}, points: {relay: {write: {within: 9s}}}}\n"
          "  five: {uses: fake/thing, connection: net, with: {topic: t1}}\n");
  load_clean();
  assert_null(point("one", "relay")->write);
  assert_non_null(point("one", "relay")->address);
  const struct tt_point *power = point("two", "power");
  assert_string_equal(power->unit, "kW");
  assert_true(power->has_scale && power->scale == 0.001);
  assert_string_equal(w.config->polls[power->poll].name, "slow");
  assert_string_equal(tt_label_for(&power->label, "sv", NULL), "Watts");
  assert_string_equal(((const struct fake_read *)power->address)->at, "p");
  assert_null(point("three", "power"));
  assert_int_equal(device("three")->config.n_points, 1);
  const struct tt_write *write = point("four", "relay")->write; /* `write:` is merged, too */
  assert_int_equal(write->within_us, 9000000);
  assert_int_equal(write->verify, TT_VERIFY_REPORT);
  assert_string_equal(((const struct fake_write *)write->address)->to, "cmnd");
  assert_string_equal(point("five", "power")->unit, "W"); /* what one device changes is its own */
  assert_int_equal(point("five", "relay")->write->within_us, 3000000);
}

/* Options of the bridge for a device may stand at the device as well, and win there. */
static void test_options_of_the_bridge(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml", NET "devices:\n  one: {uses: fake/thing, connection: net, with: {topic: a}, unit: 9}\n");
  load_clean();
  assert_int_equal(((const struct fake_device *)device("one")->config.options)->unit, 9);
}

/* The poll class: of the point, of `defaults`, of the device for all that name none. */
static void test_poll(void **state TT_UNUSED)
{
  put("mappings/fake/thing.yaml",
      "protocol: fake\npoll: normal\npoints: {a: {at: x, type: number}, b: {at: x, type: "
      "number, poll: slow}, c: {at: x, type: number, poll: never}}\n");
  put("thingtree.yaml", NET "devices:\n  one: {uses: fake/thing, connection: net}\n"
                            "  two: {uses: fake/thing, connection: net, poll: daily}\n"
                            "  three: {uses: fake/thing, connection: net, poll: never}\n");
  load_clean();
  static const struct {
    const char *device, *point, *class;
  } cases[] = {{"one", "a", "normal"}, {"one", "b", "slow"}, {"one", "c", NULL},    {"two", "a", "daily"},
               {"two", "b", "slow"},   {"three", "a", NULL}, {"three", "b", "slow"}};
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    int poll = point(cases[i].device, cases[i].point)->poll;
    if (cases[i].class)
      assert_string_equal(w.config->polls[poll].name, cases[i].class);
    else
      assert_int_equal(poll, -1);
  }
}

/* One broken device among good ones is a node with its message, and no more. */
static void test_alone(void **state TT_UNUSED)
{
  put_mapping();
  put("thingtree.yaml",
      NET "devices:\n"
          "  one: {uses: fake/thing, connection: net, with: {topic: a}}\n"
          "  two: {uses: fake/thing, connection: net, with: {tpoic: b}, label: Two, under: house}\n"
          "  three: {uses: fake/none, connection: net}\n"
          "  four: [x]\n"
          "  five:\n"
          "  six: {uses: fake/thing, connection: net, with: {topic: a}, points: {power: {unit: x}}}\n"
          "  seven: {uses: fake/thing, connection: net, with: {topic: c}, with: {topic: d}}\n"
          "  eight: {uses: fake/thing, connection: net, with: {topic: c}}\n");
  load();
  assert_int_equal(w.config->n_devices, 8);
  assert_int_equal(w.config->n_disabled, 6);
  assert_int_equal(w.config->n_refused, 0);
  assert_true(w.config->is_usable);
  assert_false(device("one")->is_disabled || device("eight")->is_disabled);
  assert_string_equal(device("two")->error, "thingtree.yaml:4:51: mapping fake/thing has no parameter \"tpoic\"");
  assert_string_equal(device("two")->place, "house"); /* its node is where it should be, and has its name */
  assert_string_equal(tt_label_for(&device("two")->label, NULL, NULL), "Two");
  assert_string_equal(device("three")->error, "thingtree.yaml:5:17: there is no mapping \"fake/none\"");
  assert_string_equal(device("four")->error, "thingtree.yaml:6:9: device four must be a map, not a list");
  assert_int_equal(fake_checks, 2); /* the bridge sees what is whole */
}

static void test_keys(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    char key[TT_NODE_KEY_MAX + 2];
    put_mapping();
    memset(key, 'k', sizeof key);
    key[TT_NODE_KEY_MAX + over] = '\0';
    tt_buf_printf(&text, NET "devices: {? %s : {uses: fake/thing, connection: net, with: {topic: a}}}\n", key);
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.config->n_devices, !over);
    assert_int_equal(w.config->n_refused, over);
    assert_int_equal(w.diags->n, over);
  }
}

static void test_limit(void **state TT_UNUSED)
{
  put("mappings/fake/thing.yaml", "protocol: fake\npoints: {a: {at: x, type: number}}\n");
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "connections:\n");
    add_many(&text, TT_DEVICES_MAX / TT_BRIDGE_DEVICES_MAX + 1, "  c%u: {protocol: fake, host: h}\n");
    tt_buf_puts(&text, "devices:\n");
    for (unsigned i = 0; i < TT_DEVICES_MAX + over; i++)
      tt_buf_printf(&text, "  d%u: {uses: fake/thing, connection: c%u}\n", i, i / TT_BRIDGE_DEVICES_MAX);
    put("thingtree.yaml", text.data);
    load();
    assert_int_equal(w.config->n_devices, TT_DEVICES_MAX);
    assert_int_equal(w.config->n_disabled, 0);
    assert_int_equal(w.config->n_refused, over);
    if (over)
      assert_said("thingtree.yaml:20024:3 too-many-devices: device d20000 is one too many (20000); it and those "
                  "after it are left out\n");
    else
      assert_clean();
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_face), TEST(test_overrides), TEST(test_options_of_the_bridge), TEST(test_poll), TEST(test_alone),
      TEST(test_keys), TEST(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
