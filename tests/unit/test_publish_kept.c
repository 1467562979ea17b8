/* SPDX-License-Identifier: Apache-2.0
 * publish_kept.c: which pubsub nodes are ours, and the file of them. */
#define _GNU_SOURCE
#include "xmpp/publish_kept.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static const struct tt_kept_node one = {"gw@a.test", "pep", "x", "x"},
                                 two = {"gw@a.test", "pubsub.test", "x/{node}", "x/lamp"};

static int setup(void **state)
{
  char *dir = strdup("/tmp/tt-kept-XXXXXX");
  *state = mkdtemp(dir);
  return *state ? 0 : -1;
}

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

static int teardown(void **state)
{
  nftw(*state, drop, 4, FTW_DEPTH | FTW_PHYS);
  free(*state);
  return 0;
}

static bool is_at(void *user, const struct tt_kept_node *node)
{
  return !strcmp(node->to, user);
}

static const struct tt_kept_node *find(const struct tt_kept *kept, const char *to)
{
  return tt_kept_find(kept, is_at, (void *)(uintptr_t)to);
}

static void test_what_is_kept_is_there_again(void **state)
{
  struct tt_kept *kept;
  assert_int_equal(tt_kept_create(*state, &kept), 0);
  assert_int_equal(tt_kept_add(kept, &one), 0);
  assert_int_equal(tt_kept_add(kept, &two), 0);
  assert_int_equal(tt_kept_add(kept, &two), 0);
  assert_int_equal(tt_kept_count(kept), 2);
  assert_int_equal(tt_kept_save(kept), 0);
  tt_kept_destroy(kept);
  assert_int_equal(tt_kept_create(*state, &kept), 0);
  assert_int_equal(tt_kept_count(kept), 2);
  const struct tt_kept_node *node = find(kept, "pubsub.test");
  assert_non_null(node);
  assert_string_equal(node->by, two.by);
  assert_string_equal(node->as, two.as);
  assert_string_equal(node->node, two.node);
  tt_kept_put_off(kept, node);
  assert_null(find(kept, "pubsub.test"));
  tt_kept_try_again(kept);
  assert_ptr_equal(find(kept, "pubsub.test"), node);
  tt_kept_remove(kept, node);
  assert_null(find(kept, "pubsub.test"));
  assert_int_equal(tt_kept_save(kept), 0);
  tt_kept_destroy(kept);
  assert_int_equal(tt_kept_create(*state, &kept), 0);
  assert_int_equal(tt_kept_count(kept), 1);
  tt_kept_destroy(kept);
}

static void put(const char *dir, const char *text)
{
  char path[100];
  snprintf(path, sizeof(path), "%s/published.json", dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void test_what_is_not_ours(void **state)
{
  static const char *const texts[] = {
      "x",
      "{\"version\":2,\"published\":[]}",
      "{\"version\":1,\"published\":[1]}",
      "{\"version\":1,\"published\":[{\"by\":\"a\",\"to\":\"b\",\"as\":\"c\"}]}",
      "{\"version\":1,\"published\":[{\"by\":\"a\",\"to\":\"b\",\"as\":\"c\",\"node\":1}]}",
      "{\"version\":1,\"published\":[{\"by\":\"a\",\"to\":\"b\",\"as\":\"c\",\"node\":\"d\",\"e\":\"f\"}]}",
  };
  struct tt_kept *kept = NULL;
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    put(*state, texts[i]);
    assert_int_equal(tt_kept_create(*state, &kept), -EIO);
  }
  put(*state, "{\"version\":1,\"published\":[{\"by\":\"a\",\"to\":\"b\",\"as\":\"c\",\"node\":\"d\"}]}");
  assert_int_equal(tt_kept_create(*state, &kept), 0);
  assert_int_equal(tt_kept_count(kept), 1);
  tt_kept_destroy(kept);
}

static void test_limit(void **state)
{
  (void)state;
  struct tt_kept *kept;
  char name[32];
  assert_int_equal(tt_kept_create(NULL, &kept), 0);
  for (int i = 0; i <= TT_KEPT_MAX; i++) {
    snprintf(name, sizeof(name), "n%d", i);
    assert_int_equal(tt_kept_add(kept, &(struct tt_kept_node){"a", "b", "c", name}), i < TT_KEPT_MAX ? 0 : -ENOSPC);
  }
  assert_int_equal(tt_kept_save(kept), 0);
  tt_kept_destroy(kept);
  tt_kept_destroy(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_what_is_kept_is_there_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_not_ours, setup, teardown),
      cmocka_unit_test(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
