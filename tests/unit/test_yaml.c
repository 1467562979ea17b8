/* SPDX-License-Identifier: Apache-2.0
 * yaml.c, item.c: YAML to items with marks, and what is refused. */
#include "cmocka_all.h"
#include "config/diag.h"
#include "config/item.h"

struct fixture {
  struct tt_arena *arena;
  struct tt_diags *diags;
  size_t items_left;
};

static int setup(void **state)
{
  struct fixture *f = calloc(1, sizeof *f);
  f->arena = tt_arena_create(0x10000000);
  f->diags = tt_diags_create();
  f->items_left = TT_CONFIG_ITEMS_MAX;
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  struct fixture *f = *state;
  tt_diags_destroy(f->diags);
  tt_arena_destroy(f->arena);
  free(f);
  return 0;
}

static int parse_n(struct fixture *f, const char *text, size_t n, const struct tt_item **ret)
{
  struct tt_yaml_env env = {.arena = f->arena, .diags = f->diags, .items_left = &f->items_left};
  return tt_yaml_parse(&env, "a.yaml", text, n, ret);
}

static const struct tt_item *parse(struct fixture *f, const char *text)
{
  const struct tt_item *root = NULL;
  assert_int_equal(parse_n(f, text, strlen(text), &root), 0);
  assert_int_equal(f->diags->n, 0);
  return root;
}

static void refused(struct fixture *f, const char *text, const char *code, unsigned line, unsigned column)
{
  const struct tt_item *root = NULL;
  tt_diags_destroy(f->diags);
  f->diags = tt_diags_create();
  assert_int_equal(parse_n(f, text, strlen(text), &root), -EINVAL);
  assert_null(root);
  assert_int_equal(f->diags->n, 1);
  const struct tt_diag_message *m = &f->diags->messages[0];
  if (strcmp(m->code, code) != 0 || m->at.line != line || m->at.column != column)
    fail_msg("%s: %s at %u:%u", text, m->code, m->at.line, m->at.column);
}

static void assert_mark(struct tt_mark mark, unsigned line, unsigned column, unsigned length)
{
  assert_int_equal(mark.line, line);
  assert_int_equal(mark.column, column);
  assert_int_equal(mark.length, length);
}

static void test_tree(void **state)
{
  const struct tt_item *root = parse(*state, "a: 1\nlist: [x, \"2\", {k: v}]\nmap:\n  deep: 'q'\n");
  assert_int_equal(root->kind, TT_ITEM_MAP);
  assert_int_equal(root->n, 3);
  assert_string_equal(root->keys[0], "a");
  const struct tt_item *a = tt_item_get(root, "a");
  assert_string_equal(a->text, "1");
  assert_false(a->is_quoted);
  assert_mark(a->mark, 1, 4, 1);
  assert_mark(root->key_marks[1], 2, 1, 4);
  const struct tt_item *list = tt_item_get(root, "list");
  assert_int_equal(list->kind, TT_ITEM_LIST);
  assert_int_equal(list->n, 3);
  assert_mark(list->mark, 2, 7, 16);
  assert_true(list->items[1]->is_quoted);
  assert_mark(list->items[1]->mark, 2, 11, 3);
  assert_string_equal(tt_item_get(list->items[2], "k")->text, "v");
  assert_mark(tt_item_pair(list->items[2], 0), 2, 17, 4);
  const struct tt_item *deep = tt_item_get(tt_item_get(root, "map"), "deep");
  assert_true(deep->is_quoted);
  assert_mark(deep->mark, 4, 9, 3);
  assert_null(tt_item_get(root, "nothing"));
  assert_null(tt_item_get(a, "x"));
}

static void test_empty(void **state)
{
  assert_int_equal(parse(*state, "")->n, 0);
  assert_int_equal(parse(*state, "# only a comment\n")->n, 0);
  assert_int_equal(parse(*state, "---\n")->n, 0);
  assert_int_equal(parse(*state, "\xef\xbb\xbf")->n, 0);
  const struct tt_item *root = parse(*state, "a:\nb: ~\nc: null\nd: \"\"\n");
  assert_true(tt_item_is_empty(tt_item_get(root, "a")));
  assert_true(tt_item_is_null(tt_item_get(root, "b")));
  assert_true(tt_item_is_null(tt_item_get(root, "c")));
  assert_false(tt_item_is_empty(tt_item_get(root, "d")));
}

/* Columns count characters, not bytes, and a byte order mark counts nothing. */
static void test_columns(void **state)
{
  const struct tt_item *root = parse(*state, "\xef\xbb\xbf{\xc3\xa5: \xe2\x82\xac, b: \xf0\x9f\x98\x80x}");
  assert_mark(root->key_marks[0], 1, 2, 1);
  assert_mark(root->key_marks[1], 1, 8, 1);
  assert_mark(root->items[1]->mark, 1, 11, 2);
}

static void test_line_breaks(void **state)
{
  const struct tt_item *root = parse(*state, "a: 1\r\nb: 2\rc: 3\n\nd: |\n  two\n  lines\n");
  assert_mark(root->key_marks[1], 2, 1, 1);
  assert_mark(root->key_marks[2], 3, 1, 1);
  assert_mark(root->key_marks[3], 5, 1, 1);
  assert_string_equal(tt_item_get(root, "d")->text, "two\nlines\n");
  assert_true(tt_item_get(root, "d")->is_quoted);
}

static void test_refused(void **state)
{
  struct fixture *f = *state;
  refused(f, "a: &x 1\n", "anchor-refused", 1, 4);
  refused(f, "a: &x {b: 1}\n", "anchor-refused", 1, 4);
  refused(f, "a: *x\n", "alias-refused", 1, 4);
  refused(f, "a: !!str 1\n", "tag-refused", 1, 4);
  refused(f, "a: ! 1\n", "tag-refused", 1, 4);
  refused(f, "a: !x [1]\n", "tag-refused", 1, 4);
  refused(f, "a: 1\n<<: {b: 1}\n", "merge-refused", 2, 1);
  refused(f, "a: 1\n---\nb: 1\n", "several-documents", 2, 1);
  refused(f, "a: 1\n? [b]\n: 2\n", "bad-key", 2, 3);
  refused(f, "{a: 1}: 2\n", "bad-key", 1, 1);
  refused(f, "- 1\n", "not-a-map", 1, 1);
  refused(f, "text\n", "not-a-map", 1, 1);
  refused(f, "a: [1\nb: 2\n", "syntax", 2, 2);
  refused(f, "a: b: c\n", "syntax", 1, 5);
  refused(f, "a:\n\tb: 1\n", "syntax", 2, 1);
  refused(f, "a: \"\\0\"\n", "nul-byte", 1, 4);
  refused(f, "\xc3\xa5: \xff\n", "invalid-utf8", 1, 4);
  refused(f, "a: \xed\xa0\x80\n", "invalid-utf8", 1, 4);
  refused(f, "a: 1\nb: \x01\n", "control-character", 2, 4);
  refused(f, "a: \xc2\x80\n", "control-character", 1, 4);
  refused(f, "a: \xef\xbb\xbf\n", "control-character", 1, 4);
}

static void test_nul(void **state)
{
  struct fixture *f = *state;
  const struct tt_item *root = NULL;
  assert_int_equal(parse_n(f, "a: 1\nb: \0\n", 10, &root), -EINVAL);
  assert_string_equal(f->diags->messages[0].code, "nul-byte");
  assert_int_equal(f->diags->messages[0].at.line, 2);
  assert_int_equal(f->diags->messages[0].at.column, 4);
}

static char *nested(size_t depth)
{
  char *text = calloc(1, 2 * depth + 4);
  memcpy(text, "a: ", 3);
  memset(text + 3, '[', depth);
  memset(text + 3 + depth, ']', depth);
  return text;
}

static void test_depth(void **state)
{
  struct fixture *f = *state;
  char *text = nested(TT_CONFIG_DEPTH_MAX - 1);
  parse(f, text);
  free(text);
  text = nested(TT_CONFIG_DEPTH_MAX);
  refused(f, text, "too-deep", 1, 3 + TT_CONFIG_DEPTH_MAX);
  free(text);
  text = nested(200000); /* yaml_parser_load() needs a minute for this */
  refused(f, text, "too-deep", 1, 3 + TT_CONFIG_DEPTH_MAX);
  free(text);
}

static void test_items(void **state)
{
  struct fixture *f = *state;
  f->items_left = 4; /* the root map, two keys, one value */
  refused(f, "a: 1\nb: 2\n", "too-many-items", 2, 4);
  f->items_left = 5;
  const struct tt_item *root;
  assert_int_equal(parse_n(f, "a: 1\nb: 2\n", 10, &root), 0);
  assert_int_equal(f->items_left, 0);
}

static void test_memory(void **state)
{
  struct fixture *f = *state;
  const char text[] = "a: 1\nb: [x, {y: z}]\nc: \"text\"\n";
  int r = -ENOMEM;
  for (size_t limit = 0; r == -ENOMEM; limit += 8) {
    assert_true(limit < 100000);
    struct tt_arena *arena = tt_arena_create(limit);
    struct tt_yaml_env env = {.arena = arena, .diags = f->diags, .items_left = &f->items_left};
    const struct tt_item *root = NULL;
    r = tt_yaml_parse(&env, "m.yaml", text, sizeof text - 1, &root);
    assert_true(r == 0 ? root != NULL : r == -ENOMEM && !root);
    tt_arena_destroy(arena);
  }
  assert_int_equal(r, 0);
}

static void test_duplicates(void **state)
{
  struct fixture *f = *state;
  const struct tt_item *root = parse(f, "a: 1\nb: {x: 1, y: 2, x: 3}\n\"a\": 2\n");
  assert_int_equal(tt_item_check_keys(root, false, f->diags), -EINVAL);
  assert_int_equal(f->diags->n, 1);
  const struct tt_diag_message *m = &f->diags->messages[0];
  assert_string_equal(m->code, "duplicate-key");
  assert_mark(m->at, 3, 1, 3);
  assert_int_equal(m->n_also, 1);
  assert_mark(m->also[0].at, 1, 1, 1);
  assert_int_equal(tt_item_check_keys(tt_item_get(root, "b"), false, f->diags), -EINVAL);
  assert_mark(f->diags->messages[1].at, 2, 17, 1);
  assert_int_equal(tt_item_check_keys(root, true, f->diags), -EINVAL);
  assert_int_equal(f->diags->n, 2); /* the same two again */
}

static void test_overlay(void **state)
{
  struct fixture *f = *state;
  const struct tt_item *base = parse(f, "a: 1\nwrite: {x: 1, y: 2}\nb: {x: 1}\n");
  const struct tt_item *over = parse(f, "b: {z: 9}\nwrite: {y: 3}\nc: 4\n");
  const struct tt_item *both = tt_item_overlay(f->arena, base, over, "write");
  assert_int_equal(both->n, 4);
  assert_string_equal(tt_item_get(both, "a")->text, "1");
  assert_string_equal(tt_item_get(tt_item_get(both, "write"), "x")->text, "1");
  assert_string_equal(tt_item_get(tt_item_get(both, "write"), "y")->text, "3");
  assert_null(tt_item_get(tt_item_get(both, "b"), "x"));
  assert_string_equal(tt_item_get(both, "c")->text, "4");
  assert_ptr_equal(tt_item_overlay(f->arena, base, NULL, NULL), base);
  assert_ptr_equal(tt_item_overlay(f->arena, NULL, over, NULL), over);
}

static void test_show(void **state)
{
  struct fixture *f = *state;
  char out[TT_ITEM_SHOW_SIZE], text[300] = "k: ";
  const struct tt_item *root = parse(f, "a: [1]\nb: {}\nc: x\nd:\ne: ~\n");
  assert_string_equal(tt_item_show(root->items[0], out), "a list");
  assert_string_equal(tt_item_show(root->items[1], out), "a map");
  assert_string_equal(tt_item_show(root->items[2], out), "\"x\"");
  assert_string_equal(tt_item_show(root->items[3], out), "nothing");
  assert_string_equal(tt_item_show(root->items[4], out), "null");
  struct tt_item secret = {.kind = TT_ITEM_SCALAR, .is_secret = true, .text = "hunter2"};
  assert_string_equal(tt_item_show(&secret, out), "a secret");
  for (size_t i = 0; i < 120; i++)
    strcat(text, "\xc3\xa5");
  const char *shown = tt_item_show(parse(f, text)->items[0], out);
  assert_true(strlen(shown) < TT_ITEM_SHOW_SIZE);
  assert_true(tt_utf8_is_valid(shown, strlen(shown)));
  assert_string_equal(shown + strlen(shown) - 4, "...\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_tree),    TEST(test_empty),      TEST(test_columns), TEST(test_line_breaks),
      TEST(test_refused), TEST(test_nul),        TEST(test_depth),   TEST(test_items),
      TEST(test_memory),  TEST(test_duplicates), TEST(test_overlay), TEST(test_show),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
