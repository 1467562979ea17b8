/* SPDX-License-Identifier: Apache-2.0
 * adopt.c and discover.c: whatever a candidate is called, its file is a device with that text in it, and nothing else. */
#include "adopt.h"
#include "config/item.h"

#include <stdio.h>

#include "cmocka_all.h"
#include "config/diag.h"

/* What a configuration would read. */
static const struct tt_item *parse(struct tt_arena *arena, const struct tt_buf *text)
{
  struct tt_diags *diags = tt_diags_create();
  size_t items = 1000;
  const struct tt_item *root = NULL;
  struct tt_yaml_env env = {.arena = arena, .diags = diags, .items_left = &items};
  int r = tt_yaml_parse(&env, "x.yaml", text->data, text->len, &root);
  tt_diags_destroy(diags);
  return r == 0 ? root : NULL;
}

static void assert_quoted(const char *text, const char *read)
{
  struct tt_arena *arena = tt_arena_create(1 << 20);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&out, "a: [");
  tt_yaml_quote(&out, text, true);
  tt_buf_puts(&out, ", 1]\n");
  assert_false(out.failed);
  for (const char *p = out.data; p[1]; p++)
    assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
  const struct tt_item *root = parse(arena, &out), *list = root ? tt_item_get(root, "a") : NULL;
  assert_non_null(list);
  assert_int_equal(list->n, 2);
  assert_true(list->items[0]->is_quoted);
  assert_string_equal(list->items[0]->text, read);
  tt_arena_destroy(arena);
}

static void test_quoting(void **state)
{
  (void)state;
  assert_quoted("", "");
  assert_quoted("Läge, \"x\" \\ 'y' #: {}[]&*!|>%@`", "Läge, \"x\" \\ 'y' #: {}[]&*!|>%@`");
  assert_quoted("a\n---\nb\t\r\x1b\x7f", "a\n---\nb\t\r\xef\xbf\xbd\x7f");
  assert_quoted("\xe2\x80\xae\xe2\x80\xa8\xef\xbb\xbf\xc2\x85\xf0\x9f\x98\x80",
                "\xe2\x80\xae\xe2\x80\xa8\xef\xbb\xbf\xc2\x85\xf0\x9f\x98\x80");
  assert_quoted("${a} $${b} $", "$${a} $$${b} $"); /* which the configuration reads as it was */
  assert_quoted("\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_any_text(void **state)
{
  (void)state;
  for (unsigned i = 0; i < 2000; i++) {
    char text[24] = "";
    size_t n = (size_t)tt_random_below(sizeof text - 1);
    for (size_t k = 0; k < n; k++) {
      static const char odd[] = "\"\\\n\t${}[]:#-'\x7f\xc2\xa0\xe2\x80\xa8 ";
      text[k] = tt_random_below(3) ? odd[tt_random_below(sizeof odd - 1)] : (char)(1 + tt_random_below(255));
    }
    struct tt_arena *arena = tt_arena_create(1 << 20);
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    char *clean TT_AUTOFREE = tt_text_clean(text, strlen(text), 200);
    tt_yaml_quote(&out, text, false);
    tt_buf_puts(&out, ": x\n");
    const struct tt_item *root = parse(arena, &out);
    if (!root)
      fail_msg("%s", out.data);
    assert_int_equal(root->n, 1);
    assert_string_equal(root->keys[0], clean);
    tt_arena_destroy(arena);
  }
}

static void test_keys(void **state)
{
  static const char *const cases[][2] = {
      {"Hall lamp", "hall-lamp"}, {"  a//b..c  ", "a-b-c"}, {"", "device"},
      {"åäö", "device"},          {"X_1", "x_1"},           {"gateway/x", "gateway-x"}};
  char out[64];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    tt_adopt_key(out, sizeof out, cases[i][0]);
    assert_string_equal(out, cases[i][1]);
  }
}

static void test_text_and_proposal(void **state)
{
  static const struct tt_parameter_config params[] = {{.name = "host", .is_required = true},
                                                      {.name = "key", .is_required = true, .is_secret = true},
                                                      {.name = "unit"}};
  static const char *patterns[] = {"M*"};
  static const struct tt_match_fact match[] = {{"model", {patterns, 1}}};
  static struct tt_mapping_config mappings[] = {
      {.name = "p/m", .protocol = "p", .match = match, .n_match = 1, .params = params, .n_params = 3}};
  static const struct tt_fact facts[] = {{"host", "h"}, {"key", "k"}, {"model", "M1"}};
  struct tt_found found = {.key = "abc",
                           .connection = "c",
                           .protocol = "p",
                           .candidate = {.id = "i", .name = "N", .facts = facts, .n_facts = 3}};
  struct tt_config config = {.mappings = mappings, .n_mappings = 1};
  struct tt_proposal proposal;
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  (void)state;
  tt_propose(&config, &found, &proposal);
  assert_ptr_equal(proposal.mapping, &mappings[0]);
  assert_string_equal(proposal.sure, "pattern");
  assert_string_equal(proposal.missing, "key"); /* a secret is taken from no device */
  assert_null(proposal.device);
  static const struct tt_fact given[] = {{"key", "g"}, {"unit", "3 ${x}"}, {"host", "other"}};
  char missing[8];
  tt_adopt_text(&out, "n", NULL, &found, &mappings[0], &(struct tt_given){given, 3});
  assert_non_null(strstr(out.data, "    with: {host: \"other\", key: \"g\", unit: \"3 $${x}\"}\n"));
  tt_buf_truncate(&out, 0);
  tt_parameters_missing(&mappings[0], &found.candidate, &(struct tt_given){given, 3}, missing, sizeof missing);
  assert_string_equal(missing, "");
  tt_parameters_missing(&mappings[0], &found.candidate, &(struct tt_given){given + 1, 1}, missing, sizeof missing);
  assert_string_equal(missing, "key");
  tt_adopt_text(&out, "n", "house/hall", &found, &mappings[0], &(struct tt_given){0});
  assert_string_equal(out.data,
                      "# Written by `thingtree adopt`.\nversion: 1\ndevices:\n  \"n\":\n    uses: \"p/m\"\n"
                      "    connection: \"c\"\n    with: {host: \"h\"}\n    label: \"N\"\n"
                      "    under: \"house/hall\"\n");
  /* it is there, when all that they have in common is the same */
  static const struct tt_parameter_config with[] = {{.name = "host", .text = "h"},
                                                    {.name = "key"},
                                                    {.name = "z", .text = "1"}},
                                          other[] = {{.name = "host", .text = "other"}},
                                          none[] = {{.name = "z", .text = "1"}};
  static struct tt_connection_config connections[] = {{.name = "c"}, {.name = "d"}};
  struct tt_device_entry devices[] = {{.config = {.key = "d1"}, .with = other, .n_with = 1},
                                      {.config = {.key = "d2"}, .with = none, .n_with = 1},
                                      {.config = {.key = "d3"}, .with = with, .n_with = 3, .connection = 1},
                                      {.config = {.key = "d4"}, .with = with, .n_with = 3}};
  config.connections = connections;
  config.n_connections = 2;
  config.devices = devices;
  config.n_devices = 4;
  tt_propose(&config, &found, &proposal);
  assert_string_equal(proposal.device, "d4");
  found.protocol = "q"; /* a mapping of another protocol is none, also when the candidate names it */
  found.candidate.uses = "p/m";
  tt_propose(&config, &found, &proposal);
  assert_null(proposal.mapping);
  assert_string_equal(proposal.sure, "none");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_quoting),
      cmocka_unit_test(test_any_text),
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_text_and_proposal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
