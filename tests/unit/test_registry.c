/* SPDX-License-Identifier: Apache-2.0
 * Bridges found in a directory and built in; and every way in which a shared object is refused. */
#include "bridge/registry.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static struct tt_registry *open_modules(const struct tt_bridge_ops *const *builtin)
{
  struct tt_registry *registry;
  assert_non_null(getenv("TT_TEST_MODULES"));
  assert_int_equal(tt_registry_create(getenv("TT_TEST_MODULES"), builtin, &registry), 0);
  return registry;
}

static void test_good_module(void **state)
{
  (void)state;
  struct tt_registry *registry = open_modules(NULL);
  const char *why = "untouched";
  const struct tt_bridge_ops *ops = tt_registry_find(registry, "good", &why);
  assert_non_null(ops);
  assert_string_equal(why, "untouched");
  assert_string_equal(ops->summary, "for tests");
  assert_ptr_equal(tt_registry_find(registry, "good", NULL), ops);
  tt_registry_destroy(registry);
  assert_string_equal(ops->name, "good"); /* never unloaded */
}

/* The block that tests/sanitizer.c is about: without its default, LeakSanitizer dies when this program ends. */
static void test_thread_storage_at_the_start_of_a_page(void **state)
{
  enum { PAGE = 4096, CHUNK = 32, HEADER = 16, MOST = 4 * PAGE / CHUNK };
  (void)state;
  char path[4096];
  assert_non_null(getenv("TT_TEST_MODULES"));
  assert_in_range(snprintf(path, sizeof(path), "%s/good.so", getenv("TT_TEST_MODULES")), 1, sizeof(path) - 1);
  void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  assert_non_null(module);
  char *(*storage)(void) = NULL;
  *(void **)&storage = dlsym(module, "storage_of_thread");
  assert_non_null(storage);

  /* AddressSanitizer gives out one chunk after the other, each with a header: up to the last one of a page. */
  void *taken[MOST];
  size_t n = 0;
  do
    assert_non_null(taken[n] = malloc(HEADER));
  while ((uintptr_t)taken[n++] % PAGE != PAGE - HEADER && n < MOST);
  const char *mine = storage();
  while (n > 0)
    free(taken[--n]);
  assert_non_null(mine);
#if defined(__SANITIZE_ADDRESS__)
  if ((uintptr_t)mine % PAGE != HEADER)
    skip(); /* another allocator: the block cannot be had */
#endif
}

static void refused(struct tt_registry *registry, const char *name, const char *contains)
{
  const char *why = NULL;
  assert_null(tt_registry_find(registry, name, &why));
  assert_non_null(why);
  if (!strstr(why, contains))
    fail_msg("\"%s\" does not contain \"%s\"", why, contains);
  const char *again = NULL;
  assert_null(tt_registry_find(registry, name, &again));
  assert_ptr_equal(again, why);
}

static void test_refusals_say_why(void **state)
{
  (void)state;
  struct tt_registry *registry = open_modules(NULL);
  refused(registry, "oldabi", "oldabi.so was built for another version of thingtree");
  refused(registry, "misnamed", "another name inside");
  refused(registry, "nobridge", "is not a bridge");
  refused(registry, "needsmore", "tt_function_of_a_later_version");
  tt_registry_destroy(registry);
}

static void test_unknown_has_no_reason(void **state)
{
  (void)state;
  struct tt_registry *registry = open_modules(NULL);
  const char *why = "x";
  assert_null(tt_registry_find(registry, "knx", &why));
  assert_null(why);
  assert_null(tt_registry_find(registry, "../good", &why));
  assert_null(tt_registry_find(registry, "", NULL));
  tt_registry_destroy(registry);
}

static void test_names_are_sorted_and_builtin_wins(void **state)
{
  static const struct tt_bridge_ops mine = {.abi = TT_BRIDGE_ABI, .name = "good", .summary = "mine"};
  static const struct tt_bridge_ops *const builtin[] = {&mine, NULL};
  (void)state;
  struct tt_registry *registry = open_modules(builtin);
  const char *const *names = tt_registry_names(registry);
  const char *const expected[] = {"good", "misnamed", "needsmore", "nobridge", "oldabi"};
  for (size_t i = 0; i < TT_COUNT(expected); i++)
    assert_string_equal(names[i], expected[i]);
  assert_null(names[TT_COUNT(expected)]);
  assert_ptr_equal(tt_registry_find(registry, "good", NULL), &mine);
  tt_registry_destroy(registry);
}

static void test_directory_is_missing_or_strange(void **state)
{
  struct tt_registry *registry;
  char dir[] = "/tmp/test-registry-XXXXXX", path[64];
  (void)state;
  assert_int_equal(tt_registry_create("/nonexistent", NULL, &registry), 0);
  assert_null(tt_registry_names(registry)[0]);
  tt_registry_destroy(registry);
  assert_int_equal(tt_registry_create(NULL, NULL, &registry), 0);
  tt_registry_destroy(registry);

  assert_non_null(mkdtemp(dir));
  const char *const strange[] = {"UPPER.so", "a b.so", ".so", "lib.so.1", "readme.txt"};
  for (size_t i = 0; i < TT_COUNT(strange); i++) {
    snprintf(path, sizeof(path), "%s/%s", dir, strange[i]);
    fclose(fopen(path, "w"));
  }
  for (int i = 0; i < TT_BRIDGES_MAX + 5; i++) {
    snprintf(path, sizeof(path), "%s/b%d.so", dir, i);
    fclose(fopen(path, "w"));
  }
  assert_int_equal(tt_registry_create(dir, NULL, &registry), 0);
  size_t n = 0;
  for (; tt_registry_names(registry)[n]; n++)
    assert_int_equal(tt_registry_names(registry)[n][0], 'b');
  assert_int_equal(n, TT_BRIDGES_MAX);
  refused(registry, tt_registry_names(registry)[0], "too short");
  tt_registry_destroy(registry);

  for (size_t i = 0; i < TT_COUNT(strange); i++) {
    snprintf(path, sizeof(path), "%s/%s", dir, strange[i]);
    unlink(path);
  }
  for (int i = 0; i < TT_BRIDGES_MAX + 5; i++) {
    snprintf(path, sizeof(path), "%s/b%d.so", dir, i);
    unlink(path);
  }
  rmdir(dir);
}

static void test_faults_of_a_table(void **state)
{
  (void)state;
  struct tt_registry *registry = open_modules(NULL);
  struct tt_bridge_ops ops = *tt_registry_find(registry, "good", NULL);
  static const struct tt_option options[] = {TT_OPTION_END};
  assert_null(tt_registry_fault(&ops, "good"));
  ops.device.size = 8;
  assert_non_null(tt_registry_fault(&ops, "good"));
  ops.device.options = options;
  assert_null(tt_registry_fault(&ops, "good"));
  ops.write = NULL;
  assert_non_null(tt_registry_fault(&ops, "good"));
  ops.abi = TT_BRIDGE_ABI - 1; /* looked at first: nothing else of it can be trusted */
  assert_non_null(strstr(tt_registry_fault(&ops, "good"), "version"));
  tt_registry_destroy(registry);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good_module),
      cmocka_unit_test(test_thread_storage_at_the_start_of_a_page),
      cmocka_unit_test(test_refusals_say_why),
      cmocka_unit_test(test_unknown_has_no_reason),
      cmocka_unit_test(test_names_are_sorted_and_builtin_wins),
      cmocka_unit_test(test_directory_is_missing_or_strange),
      cmocka_unit_test(test_faults_of_a_table),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
