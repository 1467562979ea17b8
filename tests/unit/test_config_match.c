/* SPDX-License-Identifier: Apache-2.0
 * match.c: what `match:` says, and whom a mapping fits best. */
#include "config_world.h"

static void put_mapping(const char *name, const char *text)
{
  char path[64];
  struct tt_buf all TT_AUTOBUF = TT_BUF(0);
  snprintf(path, sizeof path, "mappings/fake/%s.yaml", name);
  tt_buf_printf(&all, "protocol: fake\n%s\npoints: {}\n", text);
  put(path, all.data);
}

static void load_all(void)
{
  static const char *const names[] = {"bare", "fake", NULL};
  const struct tt_config_env env = {.file = w.file, .bridge = find_fake, .names = names, .with_mappings = true};
  forget();
  put("thingtree.yaml", "mappings: [mappings, more]\n");
  assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
}

static const char *best(const char *protocol, const struct tt_fact facts[], size_t n)
{
  const struct tt_candidate candidate = {.id = "x", .facts = facts, .n_facts = n};
  const struct tt_mapping_config *m = tt_match_best(w.config, protocol, &candidate);
  return m ? m->name : "";
}
#define BEST(protocol, ...)                                                                                        \
  best(protocol, (const struct tt_fact[]){__VA_ARGS__},                                                            \
       sizeof((const struct tt_fact[]){__VA_ARGS__}) / sizeof(struct tt_fact))

static void test_the_most_specific_wins(void **state TT_UNUSED)
{
  put_mapping("any", "match: {model: \"*\"}");
  put_mapping("plug", "match: {model: \"Plug *\"}");
  put_mapping("plug-s", "match: {model: [\"Plug S\", \"Plug S2\"]}");
  put_mapping("plug-of-a", "match: {model: \"Plug *\", vendor: A}");
  put_mapping("never", "match: {other: x}");
  put_mapping("none", "about: {vendor: V}");
  load_all();
  assert_clean();
  assert_int_equal(w.config->n_mappings, 6);
  assert_string_equal(BEST("fake", {"model", "Lamp"}), "fake/any");
  assert_string_equal(BEST("fake", {"model", "Plug X"}), "fake/plug");
  assert_string_equal(BEST("fake", {"model", "Plug S2"}), "fake/plug-s");
  assert_string_equal(BEST("fake", {"model", "Plug S2"}, {"vendor", "A"}), "fake/plug-of-a");
  assert_string_equal(BEST("fake", {"model", "Plug S2"}, {"vendor", "B"}), "fake/plug-s");
  assert_string_equal(BEST("fake", {"model", "Lamp"}, {"model", "Plug S"}), "fake/plug-s"); /* several values */
  assert_string_equal(BEST("fake", {"vendor", "A"}), "");
  assert_string_equal(BEST("bare", {"model", "Lamp"}), ""); /* of another protocol */
  for (size_t i = 0; i < w.config->n_mappings; i++)
    assert_int_equal(tt_match_is_exact(&w.config->mappings[i]),
                     !strcmp(w.config->mappings[i].name, "fake/plug-s") ||
                         !strcmp(w.config->mappings[i].name, "fake/never"));
}

static void test_parameters_and_search(void **state TT_UNUSED)
{
  put_mapping("thing", "params: {host: {type: string}, key: {type: secret}, unit: {type: integer, default: 1}}\n"
                       "match: {host: \"*\"}");
  put("more/fake/thing.yaml", "protocol: fake\nmatch: {x: y}\npoints: {}\n"); /* the first directory wins */
  put("more/fake/broken.yaml", "protocol: fake\nmatch: {x: y}\n");
  load_all();
  assert_int_equal(w.config->n_mappings, 1); /* the broken one was said, and fits nobody */
  const struct tt_mapping_config *m = &w.config->mappings[0];
  assert_int_equal(m->n_params, 3);
  assert_true(m->params[0].is_required && !m->params[0].is_secret);
  assert_true(m->params[1].is_required && m->params[1].is_secret);
  assert_false(m->params[2].is_required);
  assert_string_equal(m->match[0].name, "host");
}

/* What a form needs to ask for them. */
static void test_what_people_fill_in(void **state TT_UNUSED)
{
  put_mapping("thing", "about: {vendor: V, model: M, label: {en: Thing, sv: Sak}}\n"
                       "params: {topic: {type: string, label: {en: Topic, sv: Rubrik}, help: as in the app},\n"
                       "         tele: {type: string, default: \"tele/${topic}\"}, n: {type: number, range: [1, "
                       "2.5], default: null},\n"
                       "         pin: {type: secret, default: \"0000\"}}");
  load_all();
  assert_clean();
  const struct tt_mapping_config *m = &w.config->mappings[0];
  assert_string_equal(m->vendor, "V");
  assert_string_equal(m->model, "M");
  assert_string_equal(tt_label_for(&m->label, "sv", ""), "Sak");
  assert_string_equal(tt_label_for(&m->params[0].label, "sv", ""), "Rubrik");
  assert_string_equal(m->params[0].help, "as in the app");
  assert_int_equal(m->params[0].type, TT_PARAM_STRING);
  assert_null(m->params[0].preset);
  assert_string_equal(m->params[1].preset, "tele/${topic}");
  assert_int_equal(m->params[1].label.n, 0);
  assert_true(m->params[2].has_range && m->params[2].min == 1 && m->params[2].max == 2.5);
  assert_null(m->params[2].preset); /* null: nothing */
  assert_false(m->params[2].is_required);
  assert_null(m->params[3].preset); /* a secret */
  put_mapping("thing", "params: {topic: {type: string, label: [x]}}");
  load_all();
  assert_int_equal(w.config->n_mappings, 0);
}

static void test_wrong(void **state TT_UNUSED)
{
  static const struct {
    const char *match, *said;
  } cases[] = {
      {"[a]", "\"match\" must be a map, not a list"},          {"{}", "a mapping is matched by 1 to 32 facts"},
      {"{a: []}", "a fact is compared with 1 to 64 patterns"}, {"{a: {b: c}}", "a pattern is a text, not a map"},
      {"{a: [x, [y]]}", "a pattern is a text, not a list"},    {"{a: \"\"}", "a pattern is a text, not \"\""},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char text[200];
    snprintf(text, sizeof text, "match: %s", cases[i].match);
    put_mapping("thing", text);
    load_all();
    assert_int_equal(w.config->n_mappings, 0);
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].text, cases[i].said);
  }
  struct tt_buf many TT_AUTOBUF = TT_BUF(0), patterns TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&many, "match: {");
  add_many(&many, TT_MATCH_FACTS_MAX + 1, "f%u: x, ");
  tt_buf_puts(&many, "}");
  put_mapping("thing", many.data);
  load_all();
  assert_string_equal(w.diags->messages[0].text, "a mapping is matched by 1 to 32 facts");
  tt_buf_puts(&patterns, "match: {a: [");
  add_many(&patterns, TT_MATCH_PATTERNS_MAX + 1, "x%u, ");
  tt_buf_puts(&patterns, "]}");
  put_mapping("thing", patterns.data);
  load_all();
  assert_string_equal(w.diags->messages[0].text, "a fact is compared with 1 to 64 patterns");
}

/* A pattern is no place for parameters, and what a device was given is known. */
static void test_what_a_device_was_given(void **state TT_UNUSED)
{
  put_thing("params: {a: {type: string}, key: {type: secret}, n: {type: integer, default: 3}}\n"
            "match: {a: \"${b}\"}\npoints: {}\n",
            ", with: {a: x, key: \"hidden\"}");
  load();
  const struct tt_device_entry *d = device("thing");
  assert_false(d->is_disabled);
  assert_int_equal(d->n_with, 3);
  assert_string_equal(d->with[0].text, "x");
  assert_null(d->with[1].text);
  assert_string_equal(d->with[2].text, "3");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_the_most_specific_wins, setup, teardown),
      cmocka_unit_test_setup_teardown(test_parameters_and_search, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_people_fill_in, setup, teardown),
      cmocka_unit_test_setup_teardown(test_wrong, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_a_device_was_given, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
