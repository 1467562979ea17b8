/* SPDX-License-Identifier: Apache-2.0
 * params.c: parameters of a mapping, and the holes they are put into. */
#include "config_world.h"

static const struct fake_device *options(const char *key)
{
  return device(key)->config.options;
}

static const struct fake_read *address(const char *key, const char *name)
{
  return point(key, name)->address;
}

/* Declares `params` (a flow map) and uses them in the mapping's `topic`. */
static void put_params(const char *params, const char *topic, const char *with)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0), more TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "params: %s\ntopic: \"%s\"\npoints: {a: {at: x, type: number}}\n", params, topic);
  tt_buf_printf(&more, ", with: %s", with);
  put_thing(text.data, more.data);
}

static void test_texts(void **state TT_UNUSED)
{
  put_params("{name: {type: string}, base: {type: string, default: zigbee2mqtt}}", "${base}/${name}/x",
             "{name: Hall climate/1}");
  load_clean();
  assert_string_equal(options("thing")->topic, "zigbee2mqtt/Hall climate/1/x");
}

/* A default may use the parameters before it, and a device may replace what a later default uses. */
static void test_defaults_chain(void **state TT_UNUSED)
{
  const char *params = "{topic: {type: string}, tele: {type: string, default: \"tele/${topic}\"}, sensor: {type: "
                       "string, default: \"${tele}/SENSOR\"}}";
  put_params(params, "${sensor}", "{topic: t1}");
  load_clean();
  assert_string_equal(options("thing")->topic, "tele/t1/SENSOR");
  put_params(params, "${sensor}", "{topic: t1, tele: other}");
  load_clean();
  assert_string_equal(options("thing")->topic, "other/SENSOR");
  put_params("{a: {type: string, default: \"${b}\"}, b: {type: string, default: x}}", "${a}", "{}");
  load();
  assert_said("mappings/fake/thing.yaml:2:37 bad-hole: a default can use only the parameters before it\n");
}

/* A hole that is a whole scalar gives the parameter with its type; inside a text it gives its text. */
static void test_types_are_kept(void **state TT_UNUSED)
{
  put_thing(
      "params: {n: {type: integer}, f: {type: number}, b: {type: boolean}, s: {type: string}}\n"
      "points:\n"
      "  p:\n"
      "    at: \"a${n}\"\n"
      "    type: number\n"
      "    write: {json: {i: \"${n}\", f: \"${f}\", b: \"${b}\", s: \"${s}\", t: \"<${n}>\", v: \"${value}\", "
      "\"k${n}\": [\"${s}\"]}}\n",
      ", with: {n: 17, f: 1.50, b: false, s: \"17\"}");
  load_clean();
  assert_string_equal(address("thing", "p")->at, "a17");
  const struct tt_item *json = ((const struct fake_write *)point("thing", "p")->write->address)->json;
  static const struct {
    const char *key, *text;
    bool is_quoted;
  } cases[] = {{"i", "17", false}, {"f", "1.50", false}, {"b", "false", false},
               {"s", "17", true},  {"t", "<17>", true},  {"v", "${value}", true}};
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const struct tt_item *item = tt_item_get(json, cases[i].key);
    assert_non_null(item);
    assert_string_equal(item->text, cases[i].text);
    assert_int_equal(item->is_quoted, cases[i].is_quoted);
  }
  assert_string_equal(tt_item_get(json, "k17")->items[0]->text, "17");
}

/* A value can hold whatever it likes: it is put into a node, never into text that is parsed. */
static void test_no_injection(void **state TT_UNUSED)
{
  put_params("{name: {type: string}}", "${name}", "{name: 'x\", unit: 3, more: {a: \"#'}");
  load_clean();
  assert_string_equal(options("thing")->topic, "x\", unit: 3, more: {a: \"#");
  assert_int_equal(options("thing")->unit, 1);
  put_params("{name: {type: string}}", "${name}", "{name: \"$$ {x} }\"}");
  load_clean();
  assert_string_equal(options("thing")->topic, "$$ {x} }");
}

/* No nested holes: what a value holds is not looked at again, and no hole stands in another. */
static void test_not_nested(void **state TT_UNUSED)
{
  put_params("{a: {type: string}, b: {type: string, default: b}}", "${a}", "{a: \"${b}\"}");
  load();
  assert_said("thingtree.yaml:4:56 bad-hole: only ${credential:NAME} and ${env:NAME} can stand here\n");
  put_params("{a: {type: string}}", "${a${a}}", "{a: x}");
  load();
  assert_said("mappings/fake/thing.yaml:3:8 bad-hole: a ${ inside another\n");
}

/* A secret stays one through every hole, and a text that it became part of is one as well. */
static void test_secret(void **state TT_UNUSED)
{
  put_n("credentials/key", 0600, "hunter2\n", 8);
  put_params("{key: {type: secret}, tele: {type: string, default: \"x/${key}\"}}", "${tele}/y",
             "{key: \"${credential:key}\"}");
  load_clean();
  assert_string_equal(options("thing")->topic, "x/hunter2/y");
  put_params("{key: {type: secret}, n: {type: integer, default: \"${key}\"}}", "x", "{key: \"${credential:key}\"}");
  load();
  assert_int_equal(w.diags->n, 1);
  assert_string_equal(w.diags->messages[0].text, "parameter \"n\" must be an integer, not a secret");
  put_thing("params: {key: {type: secret}}\npoints: {\"${key}\": {at: x, type: number}}\n",
            ", with: {key: \"${credential:key}\"}");
  load();
  assert_said("mappings/fake/thing.yaml:3:10 bad-hole: a key cannot be a secret, nor nothing\n");
}

/* $${ is the text ${, wherever holes are filled; nobody fills it afterwards. */
static void test_literal(void **state TT_UNUSED)
{
  put_params("{a: {type: string}, b: {type: string, default: \"<${a}>\"}}", "${b} $${a} $$${a}",
             "{a: \"$${env:HOME} $${value} $\"}");
  load_clean();
  assert_string_equal(options("thing")->topic, "<${env:HOME} ${value} $> ${a} $${a}");
  put_params("{a: {type: string}}", "${a}", "{a: \"$${\"}");
  load_clean();
  assert_string_equal(options("thing")->topic, "${");
}

/* `default: null`: it may be left out; whoever needs its text then says so. */
static void test_null(void **state TT_UNUSED)
{
  put_params("{a: {type: string, default: null}}", "x", "{}");
  load_clean();
  put_thing("params: {a: {type: string, default: null}}\ntopic: \"${a}\"\npoints: {p: {at: x, type: number}}\n",
            "");
  load_clean();
  assert_null(options("thing")->topic);
  put_params("{a: {type: string, default: null}}", "x${a}", "{a: ~}");
  load();
  assert_said("mappings/fake/thing.yaml:3:8 missing-parameter: parameter \"a\" has no value, and a text needs it "
              "here\n");
}

static void test_declarations(void **state TT_UNUSED)
{
  static const struct {
    const char *params, *said;
  } cases[] = {
      {"{A: {type: string}}", "bad-name: \"A\" cannot be the name of a parameter\n"},
      {"{1a: {type: string}}", "bad-name: \"1a\" cannot be the name of a parameter\n"},
      {"{value: {type: string}}", "bad-name: \"value\" cannot be the name of a parameter\n"},
      {"{a: {}}", "missing-key: parameter \"a\" needs the key \"type\"\n"},
      {"{a: {type: text}}", "unknown-choice: \"type\" cannot be \"text\"\n"},
      {"{a: {type: string, range: [1, 2]}}", "bad-range: only an integer or a number can have a range\n"},
      {"{a: {type: integer, range: [2, 1]}}", "bad-range: the range begins at 2 and ends at 1\n"},
      {"{a: {type: integer, range: [1, 5], default: 6}}",
       "out-of-range: parameter \"a\" must be between 1 and 5, not \"6\"\n"},
      {"{a: {type: integer, default: x}}", "wrong-type: parameter \"a\" must be an integer, not \"x\"\n"},
      {"[a]", "wrong-type: \"params\" must be a map, not a list\n"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    put_params(cases[i].params, "x", "{}");
    load();
    assert_int_equal(w.diags->n, 1);
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&out, "%s: %s\n", w.diags->messages[0].code, w.diags->messages[0].text);
    assert_string_equal(out.data, cases[i].said);
    assert_string_equal(w.diags->messages[0].at.file, "mappings/fake/thing.yaml");
    assert_true(device("thing")->is_disabled);
  }
}

static void test_limit(void **state TT_UNUSED)
{
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "{");
    add_many(&text, TT_PARAM_NAME_MAX + over, "a");
    tt_buf_puts(&text, ": {type: string, default: x}}");
    put_params(text.data, "x", "{}");
    load();
    assert_int_equal(w.diags->n, over);
  }
  for (unsigned n = TT_PARAMS_MAX; n <= TT_PARAMS_MAX + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "params:\n");
    add_many(&text, n, "  p%u: {type: string, default: x}\n");
    tt_buf_puts(&text, "points: {a: {at: x, type: number}}\n");
    put_thing(text.data, "");
    load();
    if (n == TT_PARAMS_MAX)
      assert_clean();
    else
      assert_said("mappings/fake/thing.yaml:3:3 too-many-params: a mapping can have 100 parameters\n");
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_texts),        TEST(test_defaults_chain), TEST(test_types_are_kept), TEST(test_no_injection),
      TEST(test_not_nested),   TEST(test_secret),         TEST(test_literal),        TEST(test_null),
      TEST(test_declarations), TEST(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
