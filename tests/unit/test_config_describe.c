/* SPDX-License-Identifier: Apache-2.0
 * describe.c: what a device says of itself lies below what its mapping says, and nothing in it is believed. */
#include "config_world.h"

/* A device that describes itself, whose mapping has `points`. */
static void put_self(const char *points, const char *more)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "defaults: {poll: normal}\npoints: %s\n", points);
  put_thing(text.data, more);
}

static void test_points_and_about(void **state TT_UNUSED)
{
  put_self("{}", "");
  w.description =
      "{\"about\": {\"vendor\": \"V\", \"model\": \"M\", \"label\": {\"en\": \"Lamp\", \"sv\": \"Lampa\"}},"
      "\"points\": {\"on\": {\"at\": \"/on\", \"type\": \"boolean\", \"map\": {\"ON\": true, \"OFF\": false},"
      "\"write\": {\"to\": \"x\", \"json\": {\"v\": \"${value}\"}}, \"label\": \"\\u2600 \\ud83d\\ude00\"},"
      "\"power\": {\"at\": \"a/b\", \"type\": \"number\", \"unit\": \"W\", \"range\": [0, 1.5]}}}";
  load_clean();
  const struct tt_device_entry *thing = device("thing");
  assert_string_equal(thing->vendor, "V");
  assert_string_equal(thing->model, "M");
  assert_string_equal(tt_label_for(&thing->label, "sv", NULL), "Lampa");
  assert_int_equal(thing->config.n_points, 2);
  assert_int_equal(point("thing", "on")->type, TT_TYPE_BOOLEAN);
  assert_non_null(point("thing", "on")->write);
  assert_string_equal(point("thing", "on")->label.text[0], "\xe2\x98\x80 \xf0\x9f\x98\x80");
  assert_true(point("thing", "power")->poll >= 0); /* the mapping's defaults */
  assert_null(thing->notice);
  w.description = NULL; /* before it has said anything */
  load_clean();
  assert_int_equal(device("thing")->config.n_points, 0);
  assert_false(device("thing")->is_disabled);
}

/* The mapping's keys win by name, and the device's own over both. */
static void test_who_wins(void **state TT_UNUSED)
{
  put_self("{on: {at: mine, label: Mine}, off: {at: o, type: string}, hidden: false}\nabout: {vendor: Ours}",
           ", points: {power: {unit: kW}, off: false}");
  w.description =
      "{\"about\": {\"vendor\": \"Theirs\", \"model\": \"T\"}, \"points\": {\"hidden\": {\"type\": \"string\"},"
      "\"on\": {\"at\": \"theirs\", \"type\": \"boolean\"}, \"power\": {\"at\": \"p\", \"type\": \"number\", "
      "\"unit\": \"W\"}}}";
  load_clean();
  assert_string_equal(device("thing")->vendor, "Ours");
  assert_string_equal(device("thing")->model, "T");
  assert_string_equal(((struct fake_read *)point("thing", "on")->address)->at, "mine");
  assert_int_equal(point("thing", "on")->type, TT_TYPE_BOOLEAN);
  assert_string_equal(point("thing", "power")->ucum, "kW");
  assert_null(point("thing", "off"));
  assert_null(point("thing", "hidden"));
}

/* Its texts are texts: no credential, no variable of the environment, no parameter. */
static void test_nothing_is_substituted(void **state TT_UNUSED)
{
  put_self("{}\nparams: {topic: {type: string, default: secret}}", "");
  put_n("credentials/key", 0600, "canary", 6);
  setenv("TT_CANARY", "canary", 1);
  w.description =
      "{\"points\": {\"a\": {\"at\": \"${credential:key} ${env:TT_CANARY} ${topic}\", \"type\": \"string\"},"
      "\"b\": {\"at\": \"${nothing\", \"type\": \"string\"}}}";
  load_clean();
  assert_string_equal(((struct fake_read *)point("thing", "a")->address)->at,
                      "${credential:key} ${env:TT_CANARY} ${topic}");
  assert_string_equal(((struct fake_read *)point("thing", "b")->address)->at, "${nothing");
  unsetenv("TT_CANARY");
}

/* A bad point is left out, or is as the mapping has it; the others, and the device, are used. */
static void test_bad_points(void **state TT_UNUSED)
{
  put_self("{mine: {at: m, type: string}}", "");
  w.description =
      "{\"points\": {\"Bad Name\": {\"type\": \"string\"}, \"wrong\": {\"type\": \"quaternion\"}, \"list\": [1],"
      "\"mine\": {\"unit\": \"furlong\", \"typ\": \"x\"}, \"good\": {\"at\": \"g\", \"type\": \"integer\"}}}";
  load();
  const struct tt_device_entry *thing = device("thing");
  assert_false(thing->is_disabled);
  assert_int_equal(thing->config.n_points, 2);
  assert_non_null(point("thing", "good"));
  assert_int_equal(point("thing", "mine")->type, TT_TYPE_STRING);
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_ERROR), 0);
  assert_int_equal(w.config->n_loose_errors, 0);
  assert_said("description of thing:3:5 bad-name: \"Bad Name\" cannot be the name of a field\n"
              "description of thing:7:14 unknown-type: there is no type \"quaternion\"\n"
              "description of thing:9:12 wrong-type: point list must be a map, not a list\n"
              "description of thing:14:7 unknown-key: point mine has no key \"typ\"\n");
  assert_string_equal(thing->notice, "description of thing:3:5: \"Bad Name\" cannot be the name of a field");
}

static void test_what_is_no_description(void **state TT_UNUSED)
{
  static const char *const bad[] = {
      "", "x", "[]", "1", "{", "{\"points\": {}} x", "{\"points\": {\"a\": \"\xff\"}}"};
  put_self("{mine: {at: m, type: string}}", "");
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    w.description = bad[i];
    load();
    assert_int_equal(device("thing")->config.n_points, 1);
    assert_said("description of thing:1:1 bad-description: what the device says of itself is not a JSON object, or "
                "too large\n");
    assert_non_null(device("thing")->notice);
  }
  static const char *const odd[] = {"{\"points\": []}", "{\"points\": \"x\"}", "{\"about\": 1}",
                                    "{\"about\": {\"label\": []}}", "{\"points\": {\"a\": \"\\u0000\"}}"};
  for (size_t i = 0; i < TT_COUNT(odd); i++) {
    w.description = odd[i];
    load();
    assert_int_equal(device("thing")->config.n_points, 1);
    assert_false(device("thing")->is_disabled);
    assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_ERROR), 0);
    assert_non_null(device("thing")->notice);
  }
  w.description = "{\"else\": {\"deep\": [1, 2]}}"; /* there may be more in it than we know */
  load_clean();
}

static void test_control_characters(void **state TT_UNUSED)
{
  put_self("{}", "");
  w.description = "{\"about\": {\"vendor\": \"a\\u001b[31mb\\nc\"}, \"points\": {}}";
  load_clean();
  assert_string_equal(device("thing")->vendor, "a?[31mb?c");
}

static void test_limits(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  put_self("{mine: {at: m, type: string}}", "");
  tt_buf_puts(&text, "{\"points\": {\"p\": {\"type\": \"string\"}");
  for (unsigned i = 0; i < TT_POINTS_MAX / 2; i++)
    tt_buf_printf(&text, ",\"p%u\": {\"type\": \"string\"}", i);
  tt_buf_puts(&text, "}}");
  w.description = text.data;
  load();
  assert_int_equal(device("thing")->config.n_points, 1);
  assert_non_null(strstr(device("thing")->notice, "can describe 1000 points"));

  text.len = 0;
  for (unsigned i = 0; i < 40; i++)
    tt_buf_puts(&text, "{\"a\":");
  w.description = text.data;
  load();
  assert_non_null(strstr(device("thing")->notice, "not a JSON object"));

  text.len = 0; /* many small items */
  tt_buf_puts(&text, "{\"x\": [0");
  for (unsigned i = 0; i < TT_DESCRIPTION_ITEMS_MAX; i++)
    tt_buf_puts(&text, ",1");
  tt_buf_puts(&text, "]}");
  w.description = text.data;
  load();
  assert_int_equal(device("thing")->config.n_points, 1);
  assert_non_null(device("thing")->notice);
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_ERROR), 0);

  text.len = 0;
  tt_buf_puts(&text, "{\"x\": \"");
  while (text.len < TT_DESCRIPTION_MAX)
    tt_buf_putc(&text, 'x');
  tt_buf_puts(&text, "\"}");
  w.description = text.data;
  load();
  assert_non_null(strstr(device("thing")->notice, "too large"));
}

/* An override of a point that is not there yet is no reason to keep the device from telling of it. */
static void test_overrides_before_the_first_description(void **state TT_UNUSED)
{
  put_self("{}", ", points: {power: {unit: kW}}");
  load();
  assert_false(device("thing")->is_disabled);
  assert_said("thingtree.yaml:4:55 unknown-point: mapping fake/thing has no point \"power\"\n");
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_ERROR), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_points_and_about, setup, teardown),
      cmocka_unit_test_setup_teardown(test_who_wins, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_is_substituted, setup, teardown),
      cmocka_unit_test_setup_teardown(test_bad_points, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_no_description, setup, teardown),
      cmocka_unit_test_setup_teardown(test_control_characters, setup, teardown),
      cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(test_overrides_before_the_first_description, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
