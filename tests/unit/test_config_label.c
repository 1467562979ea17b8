/* SPDX-License-Identifier: Apache-2.0
 * label.c: languages of the gateway, and labels in some of them. */
#include "config_world.h"

static const struct tt_label *load_label(const char *languages, const char *label)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "%splaces: {house: {label: %s}}\n", languages, label);
  put("thingtree.yaml", text.data);
  load();
  return w.config->n_places ? &w.config->places[0].label : NULL;
}

static void test_text(void **state TT_UNUSED)
{
  const struct tt_label *label = load_label("languages: [sv, en]\n", "Hus");
  assert_clean();
  assert_int_equal(label->n, 1);
  assert_string_equal(label->language[0], "sv"); /* without a language it is in the first */
}

/* The fallback is the first of `languages` that the label has, else its own first. */
static void test_fallback(void **state TT_UNUSED)
{
  static const struct {
    const char *languages, *label, *wanted, *text;
  } cases[] = {
      {"languages: [sv, en]\n", "{en: House, sv: Hus}", "de", "Hus"},
      {"languages: [sv, en]\n", "{de: Haus, en: House}", "sv", "House"},
      {"languages: [sv, en]\n", "{de: Haus, fr: Maison}", "sv", "Haus"},
      {"languages: sv\n", "{en: House, sv: Hus, de: Haus}", "en", "House"},
      {"", "{de: Haus, en: House}", "fr", "House"}, /* en when nothing is said */
      {"languages: [PT-BR]\n", "{en: House, pt-br: Casa}", "fr", "Casa"},
      {"languages: [en]\n", "{en: House, Zh-Hant: X}", "zh-hant-tw", "X"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const struct tt_label *label = load_label(cases[i].languages, cases[i].label);
    assert_clean();
    assert_string_equal(tt_label_for(label, cases[i].wanted, NULL), cases[i].text);
  }
}

static void test_refused(void **state TT_UNUSED)
{
  static const struct {
    const char *languages, *label, *code;
  } cases[] = {
      {"", "[House]", "wrong-type"},
      {"", "{en: }", "wrong-type"},
      {"", "\"\"", "wrong-type"},
      {"", "{e: House}", "bad-language"},
      {"", "{sv_SE: Hus}", "bad-language"},
      {"", "{\"en-\": x}", "bad-language"},
      {"languages: {}\n", "x", "wrong-type"},
      {"languages: [en, \"1\"]\n", "x", "bad-language"},
      {"languages: english language\n", "x", "bad-language"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    load_label(cases[i].languages, cases[i].label);
    assert_int_equal(w.diags->n, 1);
    assert_string_equal(w.diags->messages[0].code, cases[i].code);
    assert_int_equal(w.config->languages.n, 1); /* there is one, whatever is wrong */
  }
}

static void test_limit(void **state TT_UNUSED)
{
  for (unsigned n = TT_LANGUAGES_MAX; n <= TT_LANGUAGES_MAX + 1; n++) {
    struct tt_buf label TT_AUTOBUF = TT_BUF(0), languages TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&label, "{");
    add_many(&label, n, "x-%u: a, ");
    tt_buf_puts(&label, "}");
    tt_buf_puts(&languages, "languages: [");
    add_many(&languages, n, "x-%u, ");
    tt_buf_puts(&languages, "]\n");
    load_label("", label.data);
    assert_int_equal(w.diags->n, n > TT_LANGUAGES_MAX);
    load_label(languages.data, "x");
    if (n > TT_LANGUAGES_MAX)
      assert_said("thingtree.yaml:1:12 too-many-languages: there can be 16 languages\n");
    else
      assert_int_equal(w.config->languages.n, TT_LANGUAGES_MAX);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_text),
      TEST(test_fallback),
      TEST(test_refused),
      TEST(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
