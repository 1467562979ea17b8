/* SPDX-License-Identifier: Apache-2.0
 * pack.c: a configuration as bytes and back, and as its own fingerprint. */
#include "config_world.h"

#include "config/pack.h"

/* ---- Every type of option -------------------------------------------------------------------------------------- */
struct part {
  const char *name;
  struct tt_texts words;
};
static const struct tt_option part_options[] = {
    {.name = "name", .type = TT_OPTION_STRING, .offset = offsetof(struct part, name), .help = "Its name."},
    {.name = "words", .type = TT_OPTION_TEXTS, .offset = offsetof(struct part, words), .help = "Its words."},
    TT_OPTION_END,
};
static const struct tt_choice colours[] = {{"red", -1}, {"green", 2}, {NULL, 0}};
struct all {
  const char *text, *secret;
  bool boolean;
  int64_t integer;
  double number;
  uint64_t duration;
  int choice;
  struct tt_texts texts;
  struct part table;
  struct tt_list list;
  const struct tt_item *item;
};
#define ROW(name_, type_, ...)                                                                                     \
  {                                                                                                                \
    .name = #name_, .type = type_, .offset = offsetof(struct all, name_), .help = "Help.", __VA_ARGS__             \
  }
static const struct tt_option options[] = {
    ROW(text, TT_OPTION_STRING),
    ROW(secret, TT_OPTION_SECRET),
    ROW(boolean, TT_OPTION_BOOLEAN),
    ROW(integer, TT_OPTION_INTEGER),
    ROW(number, TT_OPTION_NUMBER),
    ROW(duration, TT_OPTION_DURATION),
    ROW(choice, TT_OPTION_CHOICE, .choices = colours),
    ROW(texts, TT_OPTION_TEXTS),
    ROW(table, TT_OPTION_TABLE, .table = part_options),
    ROW(list, TT_OPTION_LIST, .table = part_options, .size = sizeof(struct part)),
    ROW(item, TT_OPTION_ITEM),
    TT_OPTION_END,
};
#define TEXT                                                                                                       \
  "text: t\nsecret: s\nboolean: true\ninteger: -5\nnumber: 2.5\nduration: 3s\nchoice: red\ntexts: [a, b]\n"        \
  "table: {name: n, words: [w]}\nlist: [{name: one}, {name: two, words: [x, y]}]\n"                                \
  "item: {a: 1, b: [\"1\", {c: }], d: []}\n"

static struct tt_arena *arena;

static int setup_pack(void **state)
{
  int r = setup(state);
  w.diags = tt_diags_create();
  arena = tt_arena_create(16 << 20);
  return r;
}

static int teardown_pack(void **state)
{
  tt_arena_destroy(arena);
  return teardown(state);
}

static void fill(const char *text, struct all *ret)
{
  size_t left = 1000;
  struct tt_yaml_env yaml = {.arena = arena, .diags = w.diags, .items_left = &left};
  struct tt_table_env env = {.arena = arena, .diags = w.diags, .base = w.dir};
  const struct tt_item *root;
  *ret = (struct all){0};
  assert_int_equal(tt_yaml_parse(&yaml, "a.yaml", text, strlen(text), &root), 0);
  assert_int_equal(tt_table_load(&env, options, root, "it", root->mark, ret), 0);
}

static void test_every_type_comes_back(void **state TT_UNUSED)
{
  struct all before, after = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0), again TT_AUTOBUF = TT_BUF(0);
  fill(TEXT, &before);
  tt_pack(options, &before, 0, &out);
  tt_buf_puts(&out, "rest");
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_int_equal(tt_unpack(options, &in, arena, &after), 0);
  assert_int_equal(tt_bytes_left(&in), 4); /* what follows is left */
  tt_buf_truncate(&out, out.len - 4);

  assert_string_equal(after.text, "t");
  assert_string_equal(after.secret, "s");
  assert_true(after.boolean);
  assert_int_equal(after.integer, -5);
  assert_true(after.number == 2.5);
  assert_int_equal(after.duration, 3000000);
  assert_int_equal(after.choice, -1);
  assert_int_equal(after.texts.n, 2);
  assert_string_equal(after.texts.text[1], "b");
  assert_string_equal(after.table.words.text[0], "w");
  const struct part *parts = after.list.items;
  assert_int_equal(after.list.n, 2);
  assert_string_equal(parts[1].words.text[1], "y");
  assert_string_equal(after.list.marks[1].file, "a.yaml");
  assert_int_equal(after.list.marks[1].line, 10);
  assert_int_equal(after.list.marks[1].column, before.list.marks[1].column);
  const struct tt_item *b = tt_item_get(after.item, "b");
  assert_true(b->items[0]->is_quoted);
  assert_int_equal(b->mark.column, tt_item_get(before.item, "b")->mark.column);
  assert_string_equal(tt_item_get(b->items[1], "c")->text, "");
  tt_pack(options, &after, 0, &again);
  assert_int_equal(again.len, out.len);
  assert_memory_equal(again.data, out.data, out.len);
}

static void test_absent_stays_absent(void **state TT_UNUSED)
{
  struct all before = {0}, after = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_pack(options, &before, 0, &out);
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_int_equal(tt_unpack(options, &in, arena, &after), 0);
  assert_int_equal(tt_bytes_left(&in), 0);
  assert_null(after.text);
  assert_null(after.item);
  assert_int_equal(after.list.n, 0);
  tt_pack(NULL, NULL, 0, &out); /* no table, no bytes */
  in = tt_bytes_of("", 0);
  assert_int_equal(tt_unpack(NULL, &in, arena, NULL), 0);
}

/* Cut and changed at every byte: refused or something else, never a fault. */
static void test_bad_bytes(void **state TT_UNUSED)
{
  struct all before;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  fill(TEXT, &before);
  tt_pack(options, &before, 0, &out);
  for (size_t n = 0; n < out.len; n++) {
    struct all after = {0};
    struct tt_bytes in = tt_bytes_of(out.data, n);
    assert_int_equal(tt_unpack(options, &in, arena, &after), -EBADMSG);
    for (int bit = 0; bit < 8; bit++) {
      struct tt_arena *small = tt_arena_create(1 << 16);
      out.data[n] = (char)(out.data[n] ^ 1 << bit);
      in = tt_bytes_of(out.data, out.len);
      after = (struct all){0};
      (void)tt_unpack(options, &in, small, &after);
      out.data[n] = (char)(out.data[n] ^ 1 << bit);
      tt_arena_destroy(small);
    }
  }
}

static void test_depth_has_a_limit(void **state TT_UNUSED)
{
  struct tt_item *item = tt_item_scalar(arena, "x", false, (struct tt_mark){0});
  for (unsigned depth = 1;; depth++) {
    struct all before = {.item = item}, after = {0};
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    tt_pack(options, &before, 0, &out);
    struct tt_bytes in = tt_bytes_of(out.data, out.len);
    int r = tt_unpack(options, &in, arena, &after);
    if (r < 0) {
      assert_true(depth > TT_CONFIG_DEPTH_MAX && depth < TT_CONFIG_DEPTH_MAX + 5);
      return;
    }
    assert_true(depth < 100);
    struct tt_item *outer = tt_item_map(arena, 1, (struct tt_mark){0});
    outer->keys[0] = "k";
    outer->items[0] = item;
    item = outer;
  }
}

static void test_costs_are_bounded(void **state TT_UNUSED)
{
  struct all before, after = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  struct tt_arena *tiny = tt_arena_create(100);
  fill(TEXT, &before);
  tt_pack(options, &before, 0, &out);
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_int_equal(tt_unpack(options, &in, tiny, &after), -EBADMSG);
  tt_arena_destroy(tiny);
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */
#define MAPPING                                                                                                    \
  "points:\n"                                                                                                      \
  "  power: {at: p, type: word, unit: W, scale: 0.1, offset: 2, decimals: 1, label: {en: Power, sv: Effekt}}\n"    \
  "  state: {at: s, order: big, type: enum, map: {0: \"off\", 1: \"on\"}, missing: \"off\",\n"                     \
  "    write: {to: t, json: {a: 1}, within: 2s, verify: {at: v, after: 200ms}}}\n"                                 \
  "  alarms: {at: a, type: string, bits: {0: hot, 3: cold}}\n"                                                     \
  "  level: {at: l, type: integer, invalid: [32768, nan], write: {range: [0, 60], step: 5, verify: readback, "     \
  "confirm: {en: Sure?, sv: Säkert?}}}\n"                                                                         \
  "commands:\n"                                                                                                    \
  "  blink: {to: b}\n"                                                                                             \
  "  go: {to: g, json: {v: \"${argument:level}\"}, within: 3s, label: {en: Go, sv: Gå}, confirm: Sure?,\n"        \
  "    arguments: {level: {type: number, range: [0, 100], default: 35}, key: {type: string, secret: true}}}\n"

static void pack_thing(unsigned flags, struct tt_buf *out)
{
  assert_false(device("thing")->is_disabled);
  tt_buf_truncate(out, 0);
  tt_pack_device(&device("thing")->config, &fake, flags, out);
  assert_false(out->failed);
}

static void load_thing(const char *mapping, const char *more)
{
  put_thing(mapping, more);
  load_clean();
}

static void test_a_device_comes_back(void **state TT_UNUSED)
{
  struct tt_device_config back = {0};
  struct tt_buf out TT_AUTOBUF = TT_BUF(0), again TT_AUTOBUF = TT_BUF(0);
  load_thing(MAPPING, ", unit: 7, topic: x");
  pack_thing(0, &out);
  struct tt_bytes in = tt_bytes_of(out.data, out.len);
  assert_int_equal(tt_unpack_device(&fake, &in, arena, &back), 0);
  assert_int_equal(tt_bytes_left(&in), 0);
  tt_pack_device(&back, &fake, 0, &again);
  assert_int_equal(again.len, out.len);
  assert_memory_equal(again.data, out.data, out.len);

  const struct tt_device_config *before = &device("thing")->config;
  assert_string_equal(back.key, "thing");
  assert_int_equal(back.mark.line, before->mark.line);
  assert_int_equal(((const struct fake_device *)back.options)->unit, 7);
  assert_int_equal(back.n_points, 5); /* one is hidden */
  assert_int_equal(back.n_commands, 2);
  const struct tt_command *go = &back.commands[1];
  assert_string_equal(go->name, "go");
  assert_string_equal(((const struct fake_write *)go->address)->to, "g");
  assert_string_equal(tt_label_for(&go->label, "sv", ""), "Gå");
  assert_string_equal(tt_label_for(&go->confirm, "", ""), "Sure?");
  assert_int_equal(go->within_us, 3 * TT_USEC_PER_SEC);
  assert_int_equal(go->n_arguments, 2);
  assert_true(go->arguments[0].write->has_range && tt_value_number(&go->arguments[0].missing_value) == 35);
  assert_true(go->arguments[1].is_secret && go->arguments[1].missing != TT_MISSING_VALUE);
  const struct tt_point *power = &back.points[0], *state_point = &back.points[1], *level = &back.points[3];
  assert_int_equal(power->wire_type, 1);
  assert_true(power->has_scale && power->scale == 0.1 && power->offset == 2 && power->decimals == 1);
  assert_string_equal(tt_label_for(&power->label, "sv", ""), "Effekt");
  assert_string_equal(((const struct fake_read *)state_point->address)->order, "big");
  assert_int_equal(state_point->n_map, 2);
  assert_string_equal(state_point->map[1].value.text, "on");
  assert_string_equal(state_point->missing_value.text, "off");
  assert_int_equal(state_point->write->verify_point, 4);
  assert_int_equal(state_point->write->verify_after_us, 200000);
  assert_string_equal(tt_item_get(((const struct fake_write *)state_point->write->address)->json, "a")->text, "1");
  assert_string_equal(back.points[4].name, "state.verify");
  assert_string_equal(level->invalid[1], "nan");
  assert_string_equal(tt_label_for(level->write->confirm, "sv", NULL), "Säkert?");
  assert_true(level->write->has_range && level->write->max == 60 && level->write->step == 5);
  assert_string_equal(level->mark.file, before->points[3].mark.file);
  assert_int_equal(level->mark.line, before->points[3].mark.line);
  for (size_t n = 0; n < out.len; n++) {
    in = tt_bytes_of(out.data, n);
    assert_int_equal(tt_unpack_device(&fake, &in, arena, &back), -EBADMSG);
  }
}

/* The fingerprint: equal for what is equal wherever it stands, different for any difference. */
static void test_without_marks_it_is_a_fingerprint(void **state TT_UNUSED)
{
  static const char *const others[][2] = {
      {", unit: 8", "{at: p, type: word, unit: W}"},
      {", topic: y", "{at: p, type: word, unit: W}"},
      {"", "{at: q, type: word, unit: W}"},
      {"", "{at: p, type: real, unit: W}"},
      {"", "{at: p, type: word, unit: V}"},
      {"", "{at: p, type: word, unit: W, label: L}"},
      {"", "{at: p, type: word, unit: W, stale_after: 5s}"},
      {"", "{at: p, type: word, unit: W, write: {to: t}}"},
  };
  struct tt_buf one TT_AUTOBUF = TT_BUF(0), other TT_AUTOBUF = TT_BUF(0);
  load_thing("points:\n  power: {at: p, type: word, unit: W}\n", "");
  pack_thing(TT_PACK_WITHOUT_MARKS, &one);
  load_thing("points:\n\n  power:\n    unit: W\n    type: word\n    at: p\n", "");
  pack_thing(TT_PACK_WITHOUT_MARKS, &other);
  assert_int_equal(one.len, other.len);
  assert_memory_equal(one.data, other.data, one.len);
  pack_thing(0, &other);
  assert_true(one.len < other.len);
  struct tt_device_config back;
  struct tt_bytes in = tt_bytes_of(one.data, one.len); /* it can be read, too */
  assert_int_equal(tt_unpack_device(&fake, &in, arena, &back), 0);
  assert_null(back.mark.file);
  for (size_t i = 0; i < TT_COUNT(others); i++) {
    char mapping[200];
    snprintf(mapping, sizeof mapping, "points:\n  power: %s\n", others[i][1]);
    put_thing(mapping, others[i][0]);
    load();
    if (device("thing")->is_disabled)
      fail_msg("%zu: %s", i, device("thing")->error);
    pack_thing(TT_PACK_WITHOUT_MARKS, &other);
    if (one.len == other.len && memcmp(one.data, other.data, one.len) == 0)
      fail_msg("no difference: %s %s", others[i][0], others[i][1]);
  }
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup_pack, teardown_pack)
  const struct CMUnitTest tests[] = {
      TEST(test_every_type_comes_back),
      TEST(test_absent_stays_absent),
      TEST(test_bad_bytes),
      TEST(test_depth_has_a_limit),
      TEST(test_costs_are_bounded),
      TEST(test_a_device_comes_back),
      TEST(test_without_marks_it_is_a_fingerprint),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
