/* SPDX-License-Identifier: Apache-2.0
 * write.c: the write side of a point, its limits, and how it is verified. */
#include "config_world.h"

static void load_point(const char *keys)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "points: {p: {%s}}\n", keys);
  put_thing(text.data, "");
  load();
}

static const struct tt_point *good(const char *keys)
{
  load_point(keys);
  assert_clean();
  return point("thing", "p");
}

static void refused(const char *keys, const char *code, const char *sentence)
{
  load_point(keys);
  assert_int_equal(w.diags->n, 1);
  assert_string_equal(w.diags->messages[0].code, code);
  assert_string_equal(w.diags->messages[0].text, sentence);
  assert_true(device("thing")->is_disabled);
}

static void test_absent(void **state TT_UNUSED)
{
  static const char *const off[] = {"at: x, type: number", "at: x, type: number, write: false",
                                    "at: x, type: number, write: ~"};
  for (size_t i = 0; i < TT_COUNT(off); i++)
    assert_null(good(off[i])->write);
}

/* Nothing need be said when the bridge can write where it reads. */
static void test_bare(void **state TT_UNUSED)
{
  static const char *const on[] = {"at: x, type: number, write: {}", "at: x, type: number, write: true",
                                   "at: x, type: number, write: "};
  for (size_t i = 0; i < TT_COUNT(on); i++) {
    const struct tt_write *write = good(on[i])->write;
    assert_non_null(write);
    assert_non_null(write->address);
    assert_int_equal(write->verify, TT_VERIFY_NONE);
    assert_int_equal(write->verify_point, TT_NO_POINT);
    assert_int_equal(write->within_us, TT_TIMEOUT_US);
    assert_false(write->has_range);
  }
}

static void test_limits(void **state TT_UNUSED)
{
  const struct tt_write *write =
      good("at: x, type: number, write: {range: [-5, 60], step: 0.5, within: 3s}")->write;
  assert_true(write->has_range && write->min == -5 && write->max == 60 && write->step == 0.5);
  assert_int_equal(write->within_us, 3000000);
  write = good("at: x, type: integer, range: [0, 100], write: {}")->write; /* at the point: the same */
  assert_true(write->has_range && write->max == 100);
  write = good("at: x, type: integer, range: [0, 100], write: {range: [1, 9]}")->write;
  assert_true(write->min == 1 && write->max == 9);
  refused("at: x, type: number, write: {range: [1]}", "bad-range",
          "a range is two numbers, like [0, 60], not a list");
  refused("at: x, type: number, write: {range: [2, 1]}", "bad-range", "the range begins at 2 and ends at 1");
  refused("at: x, type: string, write: {range: [1, 2]}", "bad-range",
          "only a number can have a range and a step; p is string");
  refused("at: x, type: integer, map: {a: 1, b: 2}, write: {step: 1}", "bad-range",
          "only a number can have a range and a step; p is integer with a map");
  refused("at: x, type: number, write: {step: 0}", "bad-step", "step 0 must be greater than 0");
  refused("at: x, type: number, write: {step: 3, range: [0, 2]}", "bad-step", "step 3 is greater than the range");
  refused("at: x, type: number, write: {within: 0}", "out-of-range",
          "\"within\" must be between 1ms and 1h, not 0s");
}

static void test_verify(void **state TT_UNUSED)
{
  assert_int_equal(good("at: x, type: number, write: {verify: none}")->write->verify, TT_VERIFY_NONE);
  assert_int_equal(good("at: x, type: number, write: {verify: readback}")->write->verify, TT_VERIFY_READBACK);
  assert_int_equal(good("at: x, type: number, write: {verify: report}")->write->verify, TT_VERIFY_REPORT);
  assert_int_equal(good("at: x, type: number, write: {verify: report}")->write->verify_point, TT_NO_POINT);
  refused("type: number, write: {verify: report}", "not-verifiable",
          "p cannot be verified this way, for it cannot be read");
  refused("at: x, type: number, write: {verify: always}", "unknown-choice", "\"verify\" cannot be \"always\"");
}

/* `verify: {...}`: read back elsewhere, at a point that nobody else sees and that converts like this one. */
static void test_verify_elsewhere(void **state TT_UNUSED)
{
  put_thing("defaults: {order: CDAB, poll: fast}\npoints:\n"
            "  relay: {at: x, type: boolean, map: {1: true, 0: false}, write: {to: y, verify: {at: z, "
            "map: {25: on, 1: off}, after: 200ms}}}\n"
            "  level: {at: l, type: number, scale: 0.1, write: {verify: {at: m}}}\n"
            "  last: {at: x, type: number}\n",
            "");
  load_clean();
  const struct tt_device_config *d = &device("thing")->config;
  assert_int_equal(d->n_points, 5);
  assert_string_equal(d->points[2].name, "last"); /* hidden points stand behind all others */
  const struct tt_write *write = d->points[0].write;
  assert_int_equal(write->verify, TT_VERIFY_READBACK);
  assert_int_equal(write->verify_after_us, 200000);
  assert_int_equal(write->verify_point, 3);
  assert_int_equal(d->points[1].write->verify_point, 4);
  const struct tt_point *hidden = &d->points[3];
  assert_true(hidden->is_hidden && !hidden->write);
  assert_string_equal(hidden->name, "relay.verify");
  assert_int_equal(hidden->type, TT_TYPE_BOOLEAN);
  assert_int_equal(hidden->poll, -1);
  assert_string_equal(hidden->map[0].raw, "25");
  assert_true(hidden->map[0].value.boolean && !hidden->map[1].value.boolean);
  assert_string_equal(((const struct fake_read *)hidden->address)->at, "z");
  assert_string_equal(((const struct fake_read *)hidden->address)->order, "CDAB"); /* what can be inherited */
  assert_true(d->points[4].has_scale && d->points[4].scale == 0.1);
}

static void test_verify_elsewhere_refused(void **state TT_UNUSED)
{
  refused("at: x, type: number, write: {verify: {at: y, aftr: 1s}}", "unknown-key",
          "verify of p has no key \"aftr\"");
  refused("at: x, type: number, write: {verify: {at: y, type: string}}", "not-verifiable",
          "p is number and cannot be compared with string");
  good("at: x, type: number, write: {verify: {at: y, type: word}}");
  refused("at: x, type: number, write: {verify: {at: y, map: {a: b}}}", "wrong-type",
          "a value of the map must be a value of type number, not \"b\"");
}

/* Points that verify elsewhere count twice. */
static void test_hidden_points_count(void **state TT_UNUSED)
{
  for (unsigned n = TT_POINTS_MAX / 2; n <= TT_POINTS_MAX / 2 + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "points:\n");
    add_many(&text, n, "  p%u: {at: x, type: number, write: {verify: {at: y}}}\n");
    put_thing(text.data, "");
    load();
    assert_int_equal(w.diags->n, n > TT_POINTS_MAX / 2);
    assert_int_equal(device("thing")->config.n_points, n > TT_POINTS_MAX / 2 ? 0 : TT_POINTS_MAX);
  }
}

static void test_not_writable(void **state TT_UNUSED)
{
  refused("at: x, type: word, bits: {0: a}, write: {}", "not-writable", "p cannot be written: it is made of bits");
  refused("at: x, type: enum, write: {}", "not-writable", "p cannot be written: an enum needs a map of its values");
  good("at: x, type: enum, map: [eco, boost], write: {}");
  refused("at: x, type: number, write: x", "wrong-type", "write of p must be a map, not \"x\"");
  refused("at: x, type: number, write: {too: x}", "unknown-key", "write of p has no key \"too\"");
}

static void test_confirm(void **state TT_UNUSED)
{
  assert_null(good("at: x, type: number, write: {}")->write->confirm);
  const struct tt_label *label = good("at: x, type: number, write: {confirm: Really?}")->write->confirm;
  assert_string_equal(tt_label_for(label, "sv", NULL), "Really?");
  label = good("at: x, type: number, write: {confirm: {en: Really?, sv: Säkert?}}")->write->confirm;
  assert_string_equal(tt_label_for(label, "sv", NULL), "Säkert?");
  refused("at: x, type: number, write: {confirm: [a]}", "wrong-type", "a label must be a text, not a list");
}

static void test_template(void **state TT_UNUSED)
{
  const struct fake_write *write =
      good("at: x, type: number, write: {to: y, json: {state: \"${value}\", n: 1}}")->write->address;
  assert_string_equal(write->to, "y");
  assert_string_equal(tt_item_get(write->json, "state")->text, "${value}"); /* stays for the bridge */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_absent),
      TEST(test_bare),
      TEST(test_limits),
      TEST(test_verify),
      TEST(test_verify_elsewhere),
      TEST(test_verify_elsewhere_refused),
      TEST(test_hidden_points_count),
      TEST(test_not_writable),
      TEST(test_confirm),
      TEST(test_template),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
