/* SPDX-License-Identifier: Apache-2.0
 * load.c: files, versions, what is included, what is left when something is wrong, limits. */
#include "config_world.h"

static void test_nothing(void **state TT_UNUSED)
{
  put("thingtree.yaml", "# nothing yet\n");
  load_clean();
  assert_true(w.config->is_usable);
  assert_int_equal(w.config->n_devices + w.config->n_connections + w.config->n_rules, 0);
  assert_int_equal(w.config->files.n, 1);
  assert_string_equal(w.config->files.text[0], "thingtree.yaml");
}

static void test_no_file(void **state TT_UNUSED)
{
  load();
  assert_false(w.config->is_usable);
  assert_int_equal(w.diags->n, 1);
  assert_non_null(strstr(w.diags->messages[0].text, w.file)); /* as it was called for */
  assert_int_equal(mkdir(w.file, 0755), 0);
  load();
  assert_false(w.config->is_usable);
  assert_non_null(strstr(w.diags->messages[0].text, "it is not a file"));
}

/* A name without a directory, and one in the root. */
static void test_bare_name(void **state TT_UNUSED)
{
  char *before TT_AUTOFREE = getcwd(NULL, 0);
  put("thingtree.yaml", "include: [a.yaml]\n");
  put("a.yaml", "");
  assert_int_equal(chdir(w.dir), 0);
  strcpy(w.file, "thingtree.yaml");
  load_clean();
  assert_int_equal(w.config->files.n, 2);
  strcpy(w.file, "/no such thingtree.yaml");
  load();
  assert_false(w.config->is_usable);
  assert_int_equal(chdir(before), 0);
}

/* Patterns are in order of names, each file once, however often it is named; a literal name must be there. */
static void test_include(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  put("devices.d/b.yaml", "places: {b: {label: b}}\n");
  put("devices.d/a.yaml", "places: {a: {label: a}}\n");
  put("devices.d/ignored.yml", "nonsense\n");
  put("other/c.yaml", "places: {c: {label: c}}\n");
  tt_buf_printf(&text, "include: [devices.d/*.yaml, devices.d/b.yaml, \"[ab].d/*\", %s/other/*.yaml]\n", w.dir);
  put("thingtree.yaml", text.data);
  load();
  assert_said(
      "thingtree.yaml:1:11 include-missed: devices.d/ignored.yml is not read: its name does not end in .yaml\n");
  assert_int_equal(w.config->n_places, 3);
  assert_string_equal(w.config->places[0].path, "a");
  assert_string_equal(w.config->places[1].path, "b");
  assert_string_equal(w.config->places[2].path, "c");
  assert_int_equal(w.config->files.n, 4);
  assert_string_equal(w.config->files.text[1], "devices.d/a.yaml");
  put("thingtree.yaml", "include: none.yaml\n");
  load();
  assert_said("thingtree.yaml:1:10 file-unreadable: none.yaml cannot be read: No such file or directory\n");
  assert_true(w.config->is_usable);
  put("thingtree.yaml", "include: [device.d/*.yaml, \"other/*.d/*.yaml\"]\n");
  load();
  assert_said("thingtree.yaml:1:11 include-missed: there is no directory \"device.d\": nothing is included\n");
  assert_true(w.config->is_usable);
}

/* A file may name thingtree.yaml or itself through a pattern: it is read once. */
static void test_no_loop(void **state TT_UNUSED)
{
  put("thingtree.yaml", "include: [\"*.yaml\", thingtree.yaml]\n");
  put("a.yaml", "places: {a: {label: a}}\n");
  load_clean();
  assert_int_equal(w.config->files.n, 2);
  put("a.yaml", "include: [\"*.yaml\"]\n");
  load();
  assert_said("a.yaml:1:1 misplaced-key: \"include\" belongs into thingtree.yaml\n");
}

/* A file of devices that is broken takes nothing else with it. */
static void test_broken_include(void **state TT_UNUSED)
{
  put("mappings/bare/thing.yaml", "protocol: bare\npoints: {a: {at: x, type: number}}\n");
  put("thingtree.yaml", "include: [devices.d/*.yaml]\n");
  put("devices.d/a.yaml", "devices: {one: {uses: bare/thing}\n");
  put("devices.d/b.yaml", "devices: {two: {uses: bare/thing}}\n");
  put("devices.d/c.yaml", "acces: []\ndevices: {three: {uses: bare/thing}}\n");
  put("devices.d/d.yaml", "version: 9\ndevices: {four: {uses: bare/thing}}\n");
  load();
  assert_true(w.config->is_usable);
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_ERROR), 3);
  assert_false(device("two")->is_disabled);
  assert_false(device("three")->is_disabled); /* what is wrong at its top does not hide the rest */
}

static void test_unusable(void **state TT_UNUSED)
{
  static const char *const texts[] = {"a: [",
                                      "acess: []\n",
                                      "version: 2\n",
                                      "version: 0\n",
                                      "version: 1.x\n",
                                      "version: [1]\n",
                                      "languages: 7\n",
                                      "poll: {fast: {}}\n",
                                      "poll: 1\n",
                                      "- a\n",
                                      "version: 1\nversion: 1\n",
                                      "mappings: {}\n",
                                      "include: {a: b}\n"};
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    put("thingtree.yaml", texts[i]);
    load();
    if (w.config->is_usable || w.diags->n != 1)
      fail_msg("%s: %zu messages", texts[i], w.diags->n);
  }
}

static void test_versions(void **state TT_UNUSED)
{
  static const char *const good[] = {"version: 1\n", "version: 1.0\n", "version: \"1\"\n", ""};
  for (size_t i = 0; i < TT_COUNT(good); i++) {
    put("thingtree.yaml", good[i]);
    load_clean();
  }
  put("thingtree.yaml", "version: 1.7\nnews: 1\n");
  load();
  assert_true(w.config->is_usable);
  assert_int_equal(tt_diags_count(w.diags, TT_SEVERITY_WARNING), 1);
}

/* ---- Limits ---------------------------------------------------------------------------------------------- */

static void test_file_size(void **state TT_UNUSED)
{
  char *text TT_AUTOFREE = malloc(TT_CONFIG_FILE_MAX + 1);
  memset(text, '#', TT_CONFIG_FILE_MAX + 1);
  put_n("thingtree.yaml", 0644, text, TT_CONFIG_FILE_MAX);
  load_clean();
  assert_true(w.config->is_usable);
  put_n("thingtree.yaml", 0644, text, TT_CONFIG_FILE_MAX + 1);
  load();
  assert_said("file-too-large: thingtree.yaml is larger than 4194304 bytes\n");
}

static void test_files(void **state TT_UNUSED)
{
  put("thingtree.yaml", "include: [d/*.yaml]\n");
  for (unsigned i = 0; i < TT_CONFIG_FILES_MAX; i++) {
    char name[32];
    snprintf(name, sizeof name, "d/f%04u.yaml", i);
    put(name, "");
    if (i == TT_CONFIG_FILES_MAX - 2) {
      load_clean();
      assert_int_equal(w.config->files.n, TT_CONFIG_FILES_MAX);
    }
  }
  load();
  assert_said("thingtree.yaml:1:11 too-many-files: d/f0999.yaml is one file too many (1000)\n");
  assert_int_equal(w.config->files.n, TT_CONFIG_FILES_MAX);
}

static void test_directories(void **state TT_UNUSED)
{
  for (unsigned n = TT_SEARCH_MAX; n <= TT_SEARCH_MAX + 1; n++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "mappings: [");
    add_many(&text, n, "m%u, ");
    tt_buf_puts(&text, "]\n");
    put("thingtree.yaml", text.data);
    load();
    if (n == TT_SEARCH_MAX)
      assert_clean();
    else
      assert_said("thingtree.yaml:1:11 too-many-directories: there can be 16 directories\n");
  }
}

/* The values of all files together are counted. */
static void test_items(void **state TT_UNUSED)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&text, "places: [");
  add_many(&text, TT_CONFIG_ITEMS_MAX / 2, "a, ");
  tt_buf_puts(&text, "]\n");
  put("thingtree.yaml", "include: [a.yaml, b.yaml]\n");
  put("a.yaml", text.data);
  put("b.yaml", text.data);
  load();
  assert_int_equal(w.diags->n, 2); /* that one is no map, and the other too many */
  assert_string_equal(w.diags->messages[0].code, "too-many-items");
  assert_string_equal(w.diags->messages[0].at.file, "b.yaml");
  assert_string_equal(w.diags->messages[0].text, "the files hold more than 500000 values together");
}

static const struct tt_config_env *some_env(void)
{
  static const char *const names[] = {"fake", NULL};
  static struct tt_config_env env;
  env = (struct tt_config_env){.file = w.file, .bridge = find_fake, .names = names};
  return &env;
}

/* Out of memory is -ENOMEM, wherever it happens, and nothing is left behind (the sanitizer looks). */
static void test_memory(void **state TT_UNUSED)
{
  put_n("credentials/pw", 0600, "hunter2", 7);
  put_thing("params: {a: {type: string, default: x}}\ntopic: \"${a}/b\"\n"
            "points: {p: {at: \"${a}\", type: number, write: {to: y, verify: {at: z}}, label: {en: P, sv: Q}}}\n",
            ", label: L, under: a/b, points: {p: {unit: W}}");
  size_t limit = 0, failed = 0;
  for (;; limit += limit < 60000 ? 509 : 127) {
    struct tt_config *config = NULL;
    struct tt_diags *diags = NULL;
    int r = tt_config_load_limited(some_env(), limit, &config, &diags);
    if (r == 0) {
      assert_int_equal(tt_diags_count(diags, TT_SEVERITY_ERROR), 0);
      tt_diags_destroy(diags);
      tt_config_destroy(config);
      break;
    }
    assert_int_equal(r, -ENOMEM);
    assert_null(config);
    failed++;
  }
  assert_true(failed > 20 && limit < TT_CONFIG_MEMORY_MAX);
}

/* A file as it is about to be, before it is. */
static void test_a_file_to_be(void **state TT_UNUSED)
{
  char path[80];
  struct tt_config_env env = *some_env();
  put("thingtree.yaml", "include: [d/*.yaml]\n");
  put("d/a.yaml", "places: {a: {label: A}}\n");
  put("d/ours.yaml.new", "places: {b: {label: B}, c: {label: C}}\n");
  snprintf(path, sizeof path, "%s/d/ours.yaml.new", w.dir);
  env.instead_name = "d/ours.yaml";
  env.instead_path = path;
  for (unsigned i = 0; i < 2; i++) { /* it is not there, then it is */
    forget();
    assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
    assert_clean();
    assert_int_equal(w.config->n_places, 3);
    assert_int_equal(w.config->files.n, 3);
    put("d/ours.yaml", "places: {d: {label: D}}\n");
  }
  put("d/ours.yaml.new", "plcaes: {b: B}\n");
  forget();
  assert_int_equal(tt_config_load(&env, &w.config, &w.diags), 0);
  assert_int_equal(w.diags->messages[0].at.line, 1);
  assert_string_equal(w.diags->messages[0].at.file, "d/ours.yaml");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_nothing),   TEST(test_no_file),        TEST(test_bare_name), TEST(test_include),
      TEST(test_no_loop),   TEST(test_broken_include), TEST(test_unusable),  TEST(test_versions),
      TEST(test_file_size), TEST(test_files),          TEST(test_items),     TEST(test_directories),
      TEST(test_memory),    TEST(test_a_file_to_be),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
