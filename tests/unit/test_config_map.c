/* SPDX-License-Identifier: Apache-2.0
 * map.c: maps of raw values, names of bits, values of a point's type. */
#include "config_world.h"

/* One point `p` with these keys. */
static void load_point(const char *keys)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "points: {p: {at: x, %s}}\n", keys);
  put_thing(text.data, "");
  load();
}

static const struct tt_point *good_point(const char *keys)
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

/* Keys are text, whatever they look like: ON, off, no, 1e3; only 0x.. is the number that it is. */
static void test_keys_are_text(void **state TT_UNUSED)
{
  const struct tt_point *p =
      good_point("type: enum, map: {ON: a, off: b, no: c, 1e3: d, 1.0: e, 0x1F: f, 007: g, \"\": h, ~: i}");
  static const char *const raw[] = {"ON", "off", "no", "1e3", "1.0", "31", "007", "", "~"};
  assert_int_equal(p->n_map, TT_COUNT(raw));
  for (size_t i = 0; i < TT_COUNT(raw); i++) {
    assert_string_equal(p->map[i].raw, raw[i]);
    const char name[] = {(char)('a' + i), '\0'};
    assert_string_equal(p->map[i].value.text, name);
  }
}

static void test_types(void **state TT_UNUSED)
{
  const struct tt_point *p = good_point("type: boolean, map: {on: true, off: \"off\", x: yes, y: 0}");
  assert_int_equal(p->n_map, 4);
  assert_true(p->map[0].value.boolean && !p->map[1].value.boolean && p->map[2].value.boolean &&
              !p->map[3].value.boolean);
  p = good_point("type: integer, map: {low: -1, high: 0x10}");
  assert_true(p->map[0].value.int64 == -1 && p->map[1].value.int64 == 16);
  p = good_point("type: number, map: {low: 1.50}");
  assert_true(p->map[0].value.quantity.number == 1.5 && p->map[0].value.quantity.decimals == 2);
  p = good_point("type: string, map: [eco, boost]"); /* both are the same */
  assert_string_equal(p->map[1].raw, "boost");
  assert_string_equal(p->map[1].value.text, "boost");
}

/* Without a type, and for a type of the bridge, the map says what the field is. */
static void test_type_of_map(void **state TT_UNUSED)
{
  assert_int_equal(good_point("map: {1: true, 0: false}")->type, TT_TYPE_BOOLEAN);
  assert_int_equal(good_point("map: {1: on, 0: off}")->type, TT_TYPE_ENUM); /* names, as they are written */
  assert_int_equal(good_point("map: {1: true, 0: \"false\"}")->type, TT_TYPE_ENUM);
  const struct tt_point *p = good_point("type: word, map: {0: day, 1: night}");
  assert_int_equal(p->type, TT_TYPE_ENUM);
  assert_int_equal(p->wire_type, 1);
  p = good_point("type: word, bits: {0: low, 15: high}");
  assert_int_equal(p->type, TT_TYPE_STRING);
  assert_string_equal(p->bits[1].raw, "15");
  assert_string_equal(p->bits[1].value.text, "high");
}

static void test_refused(void **state TT_UNUSED)
{
  refused("type: boolean, map: {a: maybe}", "wrong-type",
          "a value of the map must be a value of type boolean, not \"maybe\"");
  refused("type: integer, map: {a: 1.5}", "wrong-type",
          "a value of the map must be a value of type integer, not \"1.5\"");
  refused("type: string, map: {a: [b]}", "wrong-type",
          "a value of the map must be a value of type string, not a list");
  refused("type: string, map: x", "wrong-type",
          "\"map\" must be a map of raw value and value, or a list of values, not \"x\"");
  refused("type: string, map: [a, a]", "duplicate-key", "raw value \"a\" stands twice");
  refused("type: string, map: {0x0A: a, 10: b}", "duplicate-key", "raw value \"10\" stands twice");
  refused("type: string, bits: [a, b]", "wrong-type", "\"bits\" must be a map, not a list");
  refused("type: string, bits: {-1: a}", "bad-bit", "\"-1\" is not the number of a bit: 0 (the lowest) to 63");
  refused("type: string, bits: {64: a}", "bad-bit", "\"64\" is not the number of a bit: 0 (the lowest) to 63");
  refused("type: string, bits: {3: a, 0x3: b}", "duplicate-key", "raw value \"3\" stands twice");
  refused("type: integer, bits: {0: a}", "wrong-type", "point p has bits, so its type is string, not integer");
}

/* What is written must find its way back: each value once. Booleans written in two ways are one value. */
static void test_invertible(void **state TT_UNUSED)
{
  good_point("type: string, map: {0: day, 2: night, 1: night}"); /* only read */
  refused("type: string, map: {0: day, 2: night, 1: night, 3: night}, write: {to: x}", "map-not-invertible",
          "writable map gives \"night\" to 3 keys");
  assert_int_equal(w.diags->messages[0].n_also, 2);
  refused("type: boolean, map: {a: on, b: yes, c: off}, write: {to: x}", "map-not-invertible",
          "writable map gives \"on\" to 2 keys");
  refused("type: number, map: {a: 1.0, b: 1}, write: {to: x}", "map-not-invertible",
          "writable map gives \"1.0\" to 2 keys");
}

static void test_limit(void **state TT_UNUSED)
{
  static const char *const formats[] = {"type: string, map: {", "type: enum, map: ["};
  for (size_t f = 0; f < TT_COUNT(formats); f++)
    for (unsigned n = TT_MAP_MAX; n <= TT_MAP_MAX + 1; n++) {
      struct tt_buf text TT_AUTOBUF = TT_BUF(0);
      tt_buf_puts(&text, formats[f]);
      add_many(&text, n, f ? "v%u, " : "r%u: v%u, ");
      tt_buf_puts(&text, f ? "]" : "}");
      if (n == TT_MAP_MAX)
        assert_int_equal(good_point(text.data)->n_map, TT_MAP_MAX);
      else
        refused(text.data, "too-many-entries", "\"map\" can have 256 entries");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_keys_are_text), TEST(test_types),      TEST(test_type_of_map),
      TEST(test_refused),       TEST(test_invertible), TEST(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
