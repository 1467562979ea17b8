/* SPDX-License-Identifier: Apache-2.0
 * point.c: what becomes of a point's keys: type, unit, category, conversion, poll class, address. */
#include "config_world.h"

#include "model/convert.h"

/* One point `p` with these keys, in a mapping with this at its top. */
static void load_point(const char *top, const char *keys)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "%spoints: {p: {at: x, %s}}\n", top, keys);
  put_thing(text.data, "");
  load();
}

static const struct tt_point *good(const char *keys)
{
  load_point("", keys);
  assert_clean();
  return point("thing", "p");
}

static void refused(const char *keys, const char *code, const char *sentence)
{
  load_point("", keys);
  assert_int_equal(w.diags->n, 1);
  assert_string_equal(w.diags->messages[0].code, code);
  assert_string_equal(w.diags->messages[0].text, sentence);
  assert_true(device("thing")->is_disabled);
}

/* What the field is when the device says this. */
static void becomes(const char *keys, struct tt_value raw, const char *printed)
{
  const struct tt_point *p = good(keys);
  struct tt_value value TT_AUTOVALUE = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  char why[100] = "";
  int r = tt_convert_from_raw(p, &raw, &value, why, sizeof why);
  if (!printed) {
    assert_int_equal(r, -ENODATA);
    return;
  }
  if (r < 0)
    fail_msg("%s: %s", keys, why);
  tt_value_print(&value, &out);
  assert_string_equal(out.data, printed);
}

static struct tt_value text(const char *t)
{
  return (struct tt_value){.type = TT_TYPE_STRING, .text = (char *)(uintptr_t)t};
}

static void test_plain(void **state TT_UNUSED)
{
  const struct tt_point *p = good("type: number");
  assert_string_equal(p->name, "p");
  assert_int_equal(p->type, TT_TYPE_QUANTITY);
  assert_string_equal(p->unit, "");
  assert_int_equal(p->categories, TT_CATEGORY_MOMENTARY);
  assert_int_equal(p->poll, -1);
  assert_int_equal(p->decimals, TT_DECIMALS_FREE);
  assert_int_equal(p->missing, TT_MISSING_KEEP);
  assert_int_equal(p->stale_us, 0);
  assert_false(p->has_scale || p->is_counter || p->is_hidden);
  assert_null(p->write);
  assert_int_equal(p->mark.line, 2);
}

static void test_types(void **state TT_UNUSED)
{
  static const struct {
    const char *keys;
    enum tt_type type;
    int wire;
  } cases[] = {
      {"type: number", TT_TYPE_QUANTITY, 0},
      {"type: integer", TT_TYPE_INT64, 0},
      {"type: boolean", TT_TYPE_BOOLEAN, 0},
      {"type: string", TT_TYPE_STRING, 0},
      {"type: enum", TT_TYPE_ENUM, 0},
      {"type: date", TT_TYPE_DATE, 0},
      {"type: time", TT_TYPE_TIME, 0},
      {"type: datetime", TT_TYPE_DATETIME, 0},
      {"type: duration", TT_TYPE_DURATION, 0},
      {"type: word", TT_TYPE_INT32, 1},
      {"type: real", TT_TYPE_QUANTITY, 2},
      {"type: flag", TT_TYPE_BOOLEAN, 3},
      {"type: word, scale: 10", TT_TYPE_INT64, 1}, /* may leave 32 bits */
      {"type: word, scale: 0.1", TT_TYPE_QUANTITY, 1},
      {"type: integer, scale: 2, offset: -3", TT_TYPE_INT64, 0},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const struct tt_point *p = good(cases[i].keys);
    assert_int_equal(p->type, cases[i].type);
    assert_int_equal(p->wire_type, cases[i].wire);
  }
  refused("unit: W", "missing-key", "point p needs the key \"type\"");
  refused("type: numbr", "unknown-type", "there is no type \"numbr\"");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"number\"?");
  assert_string_equal(w.diags->messages[0].help[1], "types: number, integer, boolean, string, enum, date, time, "
                                                    "datetime, duration, word, real, flag");
  refused("type: integer, scale: 0.5", "not-an-integer",
          "an integer that is scaled by 0.5 is none; its type is number");
}

static void test_units(void **state TT_UNUSED)
{
  const struct tt_point *p = good("type: number, unit: Cel");
  assert_string_equal(p->unit, "°C");
  assert_string_equal(p->ucum, "Cel");
  assert_string_equal(good("type: number, unit: \"1\"")->unit, "");
  assert_string_equal(good("type: number, unit: \"%RH\"")->unit, "%");
  refused("type: number, unit: °C", "unknown-unit", "\"°C\" is not a unit that is known (UCUM code)");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"Cel\"?");
}

static void test_categories(void **state TT_UNUSED)
{
  assert_int_equal(good("type: number, category: status")->categories, TT_CATEGORY_STATUS);
  assert_int_equal(good("type: number, category: [peak, computed]")->categories,
                   TT_CATEGORY_PEAK | TT_CATEGORY_COMPUTED);
  assert_int_equal(good("type: number, category: [identity, historical, momentary]")->categories,
                   TT_CATEGORY_IDENTITY | TT_CATEGORY_HISTORICAL | TT_CATEGORY_MOMENTARY);
  assert_int_equal(good("type: number, category: []")->categories, TT_CATEGORY_MOMENTARY);
  refused("type: number, category: [status, statsu]", "unknown-category", "there is no category \"statsu\"");
  assert_int_equal(w.diags->messages[0].at.column, 54);
}

/* value = raw * scale + offset, with the decimals that were asked for, else those that the scale has. */
static void test_scale(void **state TT_UNUSED)
{
  becomes("type: number, scale: 0.001, decimals: 3", TT_VALUE_INT64(23456), "23.456");
  becomes("type: number, scale: 0.001, decimals: 1", TT_VALUE_INT64(23456), "23.5");
  becomes("type: number, offset: -273.15, decimals: 2", TT_VALUE_QUANTITY(300, 0), "26.85");
  becomes("type: word, scale: 0.1", TT_VALUE_INT64(230), "23.0");
  becomes("type: word, scale: 0.1, offset: -40.25", TT_VALUE_INT64(600), "19.75");
  becomes("type: integer, scale: 10, offset: 1", TT_VALUE_INT64(7), "71");
  becomes("type: number", TT_VALUE_QUANTITY(23.4, 2), "23.40"); /* as the device says it */
  becomes("type: number, decimals: 0", TT_VALUE_QUANTITY(23.6, 1), "24");
  refused("type: number, scale: 0", "bad-scale", "scale 0 makes every value the same");
  refused("type: number, decimals: 13", "out-of-range", "\"decimals\" must be between 0 and 12, not 13");
}

static void test_map_and_bits(void **state TT_UNUSED)
{
  becomes("type: boolean, map: {\"ON\": true, \"OFF\": false}", text("OFF"), "false");
  becomes("type: word, map: {0: day, 1: night}", TT_VALUE_INT64(1), "night");
  becomes("type: word, bits: {0: overvoltage, 1: undervoltage, 4: phase_loss}", TT_VALUE_INT64(0x11),
          "overvoltage, phase_loss");
  becomes("type: word, bits: {0: low}", TT_VALUE_INT64(0), "");
}

static void test_invalid(void **state TT_UNUSED)
{
  becomes("type: number, invalid: [nan, 32768]", TT_VALUE_INT64(32768), NULL);
  becomes("type: number, invalid: 32768, scale: 0.1, decimals: 1", TT_VALUE_INT64(327), "32.7");
  becomes("type: string, invalid: [\"\", unknown]", text("unknown"), NULL);
}

static void test_missing(void **state TT_UNUSED)
{
  assert_int_equal(good("type: number, missing: keep")->missing, TT_MISSING_KEEP);
  assert_int_equal(good("type: number, missing: absent")->missing, TT_MISSING_ABSENT);
  const struct tt_point *p = good("type: number, missing: 0");
  assert_int_equal(p->missing, TT_MISSING_VALUE);
  assert_true(p->missing_value.quantity.number == 0);
  p = good("type: string, missing: \"keep\""); /* quoted: a text */
  assert_int_equal(p->missing, TT_MISSING_VALUE);
  assert_string_equal(p->missing_value.text, "keep");
  assert_false(good("type: boolean, missing: off")->missing_value.boolean);
  refused("type: number, missing: none", "wrong-type", "\"missing\" must be a value of type number, not \"none\"");
}

static void test_stale(void **state TT_UNUSED)
{
  assert_int_equal(good("type: number, poll: normal")->stale_us, 30000000); /* three periods */
  assert_int_equal(good("type: number, poll: normal, stale_after: 2h")->stale_us, 7200000000);
  assert_int_equal(good("type: number, poll: normal, stale_after: 0")->stale_us, 0);
  assert_int_equal(good("type: number, stale_after: 15min")->stale_us, 900000000);
  assert_int_equal(good("type: number, poll: never")->stale_us, 0);
}

static void test_polls(void **state TT_UNUSED)
{
  const struct tt_point *p = good("type: number, poll: fast");
  assert_string_equal(w.config->polls[p->poll].name, "fast");
  assert_int_equal(good("type: number, poll: never")->poll, -1);
  refused("type: number, poll: fastt", "unknown-poll-class", "there is no poll class \"fastt\"");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"fast\"?");
  refused("type: number, poll: [fast]", "unknown-poll-class", "there is no poll class a list");
}

static void test_labels_and_flags(void **state TT_UNUSED)
{
  const struct tt_point *p = good("type: number, label: {en: Power, sv: Effekt}, counter: true");
  assert_string_equal(tt_label_for(&p->label, "sv-se", NULL), "Effekt");
  assert_string_equal(tt_label_for(&p->label, "de", NULL), "Power");
  assert_true(p->is_counter);
}

/* Keys of `defaults` hold for all points that do not have them: of the core and of the bridge. */
static void test_defaults(void **state TT_UNUSED)
{
  put_thing(
      "defaults: {type: real, order: CDAB, poll: slow, unit: V, category: status, decimals: 1, missing: absent}\n"
      "points:\n  a: {at: x}\n  b: {at: y, order: ABCD, unit: A, poll: never, type: word}\n",
      "");
  load_clean();
  const struct tt_point *a = point("thing", "a"), *b = point("thing", "b");
  assert_int_equal(a->wire_type, 2);
  assert_string_equal(((const struct fake_read *)a->address)->order, "CDAB");
  assert_string_equal(a->unit, "V");
  assert_int_equal(a->categories, TT_CATEGORY_STATUS);
  assert_int_equal(a->decimals, 1);
  assert_int_equal(a->missing, TT_MISSING_ABSENT);
  assert_int_equal(b->wire_type, 1);
  assert_string_equal(((const struct fake_read *)b->address)->order, "ABCD");
  assert_string_equal(b->unit, "A");
  assert_int_equal(b->poll, -1);
  assert_int_equal(b->decimals, 1);
  static const char *const own[] = {"at: x",     "label: x",      "map: {a: b}",  "bits: {0: a}",
                                    "write: {}", "range: [0, 1]", "counter: true"};
  for (size_t i = 0; i < TT_COUNT(own); i++) {
    struct tt_buf top TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&top, "defaults: {%s}\n", own[i]);
    load_point(top.data, "type: number");
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "not-inherited");
  }
  load_point("defaults: {unti: V}\n", "type: number");
  assert_said("mappings/fake/thing.yaml:2:12 unknown-key: defaults has no key \"unti\"\n");
  load_point("defaults: x\n", "type: number");
  assert_said("mappings/fake/thing.yaml:2:11 wrong-type: \"defaults\" must be a map, not \"x\"\n");
}

/* A point that says nothing of reading is written only. */
static void test_readable(void **state TT_UNUSED)
{
  put_thing("defaults: {order: ABCD, poll: fast}\npoints:\n  a: {type: number, write: {to: x}}\n"
            "  b: {type: number}\n",
            "");
  load_clean();
  assert_null(point("thing", "a")->address);
  assert_int_equal(point("thing", "a")->poll, -1);
  assert_non_null(point("thing", "b")->address); /* the bridge says what it thinks of that */
}

static void test_names(void **state TT_UNUSED)
{
  static const char *const bad[] = {"Power", "a-b", "a b", "å", "a.b"};
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&text, "points: {%s: {at: x, type: number}}\n", bad[i]);
    put_thing(text.data, "");
    load();
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "bad-name");
  }
  for (unsigned over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    char name[TT_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    name[TT_NAME_MAX + over] = '\0';
    tt_buf_printf(&text, "points: {%s: {at: x, type: number}}\n", name);
    put_thing(text.data, "");
    load();
    assert_int_equal(w.diags->n, over);
  }
}

static void test_limit(void **state TT_UNUSED)
{
  for (unsigned n = TT_POINTS_MAX; n <= TT_POINTS_MAX + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "points:\n");
    add_many(&text, n, "  p%u: {at: x, type: number}\n");
    put_thing(text.data, "");
    load();
    if (n == TT_POINTS_MAX) {
      assert_clean();
      assert_int_equal(device("thing")->config.n_points, TT_POINTS_MAX);
    } else {
      assert_said("mappings/fake/thing.yaml:3:3 too-many-points: a device can have 2000 points\n");
    }
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_plain),    TEST(test_types),        TEST(test_units),    TEST(test_categories),
      TEST(test_scale),    TEST(test_map_and_bits), TEST(test_invalid),  TEST(test_missing),
      TEST(test_stale),    TEST(test_polls),        TEST(test_defaults), TEST(test_labels_and_flags),
      TEST(test_readable), TEST(test_names),        TEST(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
