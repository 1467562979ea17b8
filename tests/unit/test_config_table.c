/* SPDX-License-Identifier: Apache-2.0
 * table.c, table_help.c: option tables against maps of YAML. */
#include "config_world.h"

struct part {
  const char *name;
  bool on;
};
static const struct tt_option part_options[] = {
    {.name = "name",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct part, name),
     .flags = TT_OPTION_REQUIRED,
     .help = "Its name."},
    {.name = "on", .type = TT_OPTION_BOOLEAN, .offset = offsetof(struct part, on), .preset = "true", .help = "On?"},
    TT_OPTION_END,
};
static const struct tt_choice colours[] = {{"red", 1}, {"green", 2}, {NULL, 0}};
struct all {
  const char *text, *secret, *path;
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
    .name = #name_, .type = type_, .offset = offsetof(struct all, name_), __VA_ARGS__                              \
  }
static const struct tt_option options[] = {
    ROW(text, TT_OPTION_STRING, .preset = "preset", .help = "A text."),
    ROW(secret, TT_OPTION_SECRET, .help = "A secret."),
    ROW(path, TT_OPTION_STRING, .flags = TT_OPTION_PATH, .help = "A file."),
    ROW(boolean, TT_OPTION_BOOLEAN, .help = "Yes or no."),
    ROW(integer, TT_OPTION_INTEGER, .preset = "7", .min = -5, .max = 300, .help = "An integer."),
    ROW(number, TT_OPTION_NUMBER, .min = 0, .max = -1, .help = "A number without an upper limit."),
    ROW(duration, TT_OPTION_DURATION, .preset = "10s", .min = 1e6, .max = 60e6, .help = "A time."),
    ROW(choice, TT_OPTION_CHOICE, .preset = "green", .choices = colours, .help = "A colour."),
    ROW(texts, TT_OPTION_TEXTS, .help = "Texts."),
    ROW(table, TT_OPTION_TABLE, .table = part_options, .help = "A part."),
    ROW(list, TT_OPTION_LIST, .table = part_options, .size = sizeof(struct part), .help = "Parts."),
    ROW(item, TT_OPTION_ITEM, .help = "Anything."),
    TT_OPTION_END,
};

static struct {
  struct tt_arena *arena;
  struct tt_secrets *secrets;
} t;

static int setup_table(void **state)
{
  int r = setup(state);
  t.arena = tt_arena_create(1 << 20);
  t.secrets = tt_secrets_create(w.dir, NULL);
  w.diags = tt_diags_create();
  return r;
}

static int teardown_table(void **state)
{
  tt_secrets_destroy(t.secrets);
  tt_arena_destroy(t.arena);
  return teardown(state);
}

static const struct tt_item *parse(const char *text)
{
  size_t left = 1000;
  struct tt_yaml_env env = {.arena = t.arena, .diags = w.diags, .items_left = &left};
  const struct tt_item *root;
  assert_int_equal(tt_yaml_parse(&env, "a.yaml", text, strlen(text), &root), 0);
  return root;
}

static struct tt_table_env env(bool is_newer)
{
  return (struct tt_table_env){
      .arena = t.arena, .diags = w.diags, .secrets = t.secrets, .base = w.dir, .is_newer = is_newer};
}

static int fill(const char *text, struct all *ret)
{
  struct tt_table_env e = env(false);
  const struct tt_item *map = text ? parse(text) : NULL;
  *ret = (struct all){0};
  return tt_table_load(&e, options, map, "it", (struct tt_mark){.file = "a.yaml", .line = 1, .column = 1}, ret);
}

static void test_presets(void **state TT_UNUSED)
{
  struct all a;
  const char *const texts[] = {NULL, "{}", "text: ~\ninteger: null\nchoice:  ~\nlist: null\n"};
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    assert_int_equal(fill(texts[i], &a), 0);
    assert_string_equal(a.text, "preset");
    assert_null(a.secret);
    assert_false(a.boolean);
    assert_int_equal(a.integer, 7);
    assert_true(a.number == 0);
    assert_int_equal(a.duration, 10000000);
    assert_int_equal(a.choice, 2);
    assert_int_equal(a.texts.n, 0);
    assert_true(a.table.on); /* an absent table has its defaults, and what it requires is not required */
    assert_null(a.table.name);
    assert_int_equal(a.list.n, 0);
    assert_null(a.item);
  }
  assert_clean();
}

static void test_values(void **state TT_UNUSED)
{
  struct all a;
  put("here.pem", "x");
  assert_int_equal(fill("text: \"off\"\n"
                        "secret: s\n"
                        "path: here.pem\n"
                        "boolean: true\n"
                        "integer: 0x10\n"
                        "number: 1e300\n"
                        "duration: 1min\n"
                        "choice: red\n"
                        "texts: [a, 1, off]\n"
                        "table: {name: n, on: false}\n"
                        "list:\n"
                        "  - {name: a}\n"
                        "  - {name: b, on: false}\n"
                        "item: [1]\n",
                        &a),
                   0);
  assert_clean();
  assert_string_equal(a.text, "off");
  assert_string_equal(a.secret, "s");
  assert_true(strncmp(a.path, w.dir, strlen(w.dir)) == 0 && access(a.path, R_OK) == 0);
  assert_true(a.boolean);
  assert_int_equal(a.integer, 16);
  assert_true(a.number == 1e300);
  assert_int_equal(a.duration, 60000000);
  assert_int_equal(a.choice, 1);
  assert_int_equal(a.texts.n, 3);
  assert_string_equal(a.texts.text[1], "1"); /* a plain scalar has no type */
  assert_string_equal(a.texts.text[2], "off");
  assert_string_equal(a.table.name, "n");
  assert_false(a.table.on);
  const struct part *part = a.list.items;
  assert_int_equal(a.list.n, 2);
  assert_true(strcmp(part[0].name, "a") == 0 && part[0].on && strcmp(part[1].name, "b") == 0 && !part[1].on);
  assert_int_equal(a.list.marks[1].line, 13);
  assert_int_equal(a.list.marks[1].column, 5);
  assert_int_equal(a.item->n, 1);
}

/* One text is a list of texts, one map a list of maps. */
static void test_one_is_a_list(void **state TT_UNUSED)
{
  struct all a;
  assert_int_equal(fill("texts: one\nlist: {name: a}\n", &a), 0);
  assert_int_equal(a.texts.n, 1);
  assert_string_equal(a.texts.text[0], "one");
  assert_int_equal(a.list.n, 1);
  assert_string_equal(((const struct part *)a.list.items)->name, "a");
  assert_int_equal(fill("texts: []\nlist: []\n", &a), 0);
  assert_int_equal(a.texts.n + a.list.n, 0);
  assert_clean();
}

static void test_refused(void **state TT_UNUSED)
{
  static const struct {
    const char *text, *said;
  } cases[] = {
      {"text: [a]", "a.yaml:1:7 wrong-type: \"text\" must be a text, not a list\n"},
      {"text:", "a.yaml:1:6 missing-value: \"text\" has no value: it must be a text\n"},
      {"boolean: yes", "a.yaml:1:10 wrong-type: \"boolean\" must be true or false, not \"yes\"\n"},
      {"integer: 1.5", "a.yaml:1:10 wrong-type: \"integer\" must be an integer, not \"1.5\"\n"},
      {"integer: 301", "a.yaml:1:10 out-of-range: \"integer\" must be between -5 and 300, not 301\n"},
      {"integer: -6", "a.yaml:1:10 out-of-range: \"integer\" must be between -5 and 300, not -6\n"},
      {"integer: 99999999999999999999", "a.yaml:1:10 wrong-type: \"integer\" must be an integer, not "
                                        "\"99999999999999999999\"\n"},
      {"number: nan", "a.yaml:1:9 wrong-type: \"number\" must be a number, not \"nan\"\n"},
      {"duration: 5", "a.yaml:1:11 wrong-type: \"duration\" must be a time with its unit, like 500ms, 10s, 5min, "
                      "24h, not \"5\"\n"},
      {"duration: 2min", "a.yaml:1:11 out-of-range: \"duration\" must be between 1s and 1min, not 2min\n"},
      {"choice: gren", "a.yaml:1:9 unknown-choice: \"choice\" cannot be \"gren\"\n"},
      {"choice: {}", "a.yaml:1:9 wrong-type: \"choice\" must be red, green (one of these), not a map\n"},
      {"texts: [a, []]", "a.yaml:1:12 wrong-type: \"texts\" must be a list of texts, not a list\n"},
      {"texts: {}", "a.yaml:1:8 wrong-type: \"texts\" must be a list of texts, not a map\n"},
      {"table: x", "a.yaml:1:8 wrong-type: \"table\" must be a map, not \"x\"\n"},
      {"table: {on: false}", "a.yaml:1:8 missing-key: \"table\" needs the key \"name\"\n"},
      {"table: {name: a, of: false}", "a.yaml:1:18 unknown-key: \"table\" has no key \"of\"\n"},
      {"list: x", "a.yaml:1:7 wrong-type: \"list\" must be a list of maps, not \"x\"\n"},
      {"list: [{name: a}, {}]", "a.yaml:1:19 missing-key: \"list\" needs the key \"name\"\n"},
      {"path: not/here", "a.yaml:1:7 file-unreadable: not/here cannot be read: No such file or directory\n"},
      {"secret: [hunter2]", "a.yaml:1:9 wrong-type: \"secret\" must be a text, not a list\n"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    struct all a;
    tt_diags_destroy(w.diags);
    w.diags = tt_diags_create();
    assert_int_equal(fill(cases[i].text, &a), -EINVAL);
    assert_said(cases[i].said);
  }
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(w.diags, false, &out);
  assert_null(strstr(out.data, "hunter2"));
}

/* What is wrong with one does not hide what is wrong with another. */
static void test_all_are_said(void **state TT_UNUSED)
{
  struct all a;
  assert_int_equal(fill("integer: x\nboolean: y\nchoice: z\ntable: {}\n", &a), -EINVAL);
  assert_int_equal(w.diags->n, 4);
}

static void test_keys(void **state TT_UNUSED)
{
  const struct tt_option *tables[] = {options, NULL, part_options};
  struct tt_table_env e = env(false);
  assert_int_equal(tt_table_check_keys(&e, tables, 3, parse("{text: a, on: true}"), "it"), 0);
  assert_int_equal(tt_table_check_keys(&e, tables, 3, parse("{txet: a, zzz: 1, secert: hunter2}"), "it"), -EINVAL);
  assert_said("a.yaml:1:2 unknown-key: it has no key \"txet\"\na.yaml:1:11 unknown-key: it has no key \"zzz\"\n"
              "a.yaml:1:19 unknown-key: it has no key \"secert\"\n");
  assert_string_equal(w.diags->messages[0].help[0], "did you mean \"text\"?");
  assert_string_equal(w.diags->messages[1].help[0],
                      "keys: text, secret, path, boolean, integer, number, duration, choice, texts, table, list, "
                      "item, name, on");
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_diags_render(w.diags, false, &out);
  assert_null(strstr(out.data, "hunter2"));
  tt_diags_destroy(w.diags);
  w.diags = tt_diags_create();
  e = env(true); /* a file of a newer version */
  assert_int_equal(tt_table_check_keys(&e, tables, 3, parse("{txet: a}"), "it"), 0);
  assert_int_equal(w.diags->messages[0].severity, TT_SEVERITY_WARNING);
}

static void test_range(void **state TT_UNUSED)
{
  static const char *const bad[] = {"r: 5",      "r: [1]",      "r: [1, 2, 3]",    "r: [2, 1]",  "r: [1, 1]",
                                    "r: [a, b]", "r: [[1], 2]", "r: {a: 1, b: 2}", "r: [0, inf]"};
  struct tt_table_env e = env(false);
  double min = 5, max = 5;
  assert_int_equal(tt_table_range(&e, tt_item_get(parse("r: [-0.5, 1e3]"), "r"), &min, &max), 0);
  assert_true(min == -0.5 && max == 1000);
  for (size_t i = 0; i < TT_COUNT(bad); i++) {
    tt_diags_destroy(w.diags);
    w.diags = e.diags = tt_diags_create();
    assert_int_equal(tt_table_range(&e, tt_item_get(parse(bad[i]), "r"), &min, &max), -EINVAL);
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, "bad-range");
  }
  assert_true(min == -0.5 && max == 1000);
}

static void test_memory(void **state TT_UNUSED)
{
  const struct tt_item *map = parse("{texts: [a, b], list: [{name: a}], path: /dev/null, table: {name: b}}");
  for (size_t limit = 0;; limit += 16) {
    struct tt_arena *arena = tt_arena_create(limit);
    struct tt_table_env e = env(false);
    struct all a = {0};
    e.arena = arena;
    int r = tt_table_load(&e, options, map, "it", (struct tt_mark){0}, &a);
    tt_arena_destroy(arena);
    if (r == 0)
      break;
    assert_int_equal(r, -ENOMEM);
    assert_true(limit < 100000);
  }
  assert_clean();
}

static void test_help(void **state TT_UNUSED)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_table_help(options, 2, &out);
  static const char *const lines[] = {
      "  text: text; default preset\n      A text.\n",
      "  integer: integer -5..300; default 7\n",
      "  number: number 0..\n",
      "  duration: time 1s..1min; default 10s\n",
      "  choice: one of red, green; default green\n",
      "  table: map\n      A part.\n      name: text; required\n          Its name.\n",
      "  list: maps\n",
      "  item: anything\n",
  };
  for (size_t i = 0; i < TT_COUNT(lines); i++)
    if (!strstr(out.data, lines[i]))
      fail_msg("not in the help: %s\n%s", lines[i], out.data);
  for (const char *p = out.data; *p; p = strchr(p, '\n') + 1)
    assert_true(strcspn(p, "\n") <= 80);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_table, teardown_table)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_presets), TEST(test_values), TEST(test_one_is_a_list), TEST(test_refused), TEST(test_all_are_said),
      TEST(test_keys),    TEST(test_range),  TEST(test_memory),        TEST(test_help),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
