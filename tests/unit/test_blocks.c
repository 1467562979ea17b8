/* SPDX-License-Identifier: Apache-2.0
 * Who is blocked, whom nobody can block, and the file of it. */
#define _GNU_SOURCE
#include "trust/blocks.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static const struct tt_now now = {.mono_us = 1, .wall_us = 1700000000000000};
static const struct tt_rule rules[] = {{.who = "alice@house.test", .role = TT_ROLE_ADMIN},
                                       {.who = "bob@house.test", .role = TT_ROLE_OPERATOR},
                                       {.who = "@office.test", .role = TT_ROLE_ADMIN},
                                       {.who = "@club.test", .role = TT_ROLE_READER}};

struct test {
  char dir[64];
  struct tt_access *access;
  struct tt_blocks *blocks;
  char told[400];
};

static void on_change(void *user, const char *who, bool is_blocked, enum tt_block_reason reason, const char *report)
{
  struct test *test = user;
  snprintf(test->told, sizeof(test->told), "%s %s %d %s", is_blocked ? "block" : "unblock", who, reason,
           report ? report : "-");
}

static int setup(void **state)
{
  struct test *test = calloc(1, sizeof(*test));
  strcpy(test->dir, "/tmp/tt-blocks-XXXXXX");
  assert_non_null(mkdtemp(test->dir));
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), NULL, &test->access), 0);
  assert_int_equal(tt_blocks_create(test->dir, test->access, &test->blocks), 0);
  tt_blocks_listen(test->blocks, on_change, test);
  *state = test;
  return 0;
}

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st, (void)flag, (void)ftw;
  return remove(path);
}

static int teardown(void **state)
{
  struct test *test = *state;
  tt_blocks_destroy(test->blocks);
  tt_access_destroy(test->access);
  nftw(test->dir, drop, 4, FTW_DEPTH | FTW_PHYS);
  free(test);
  return 0;
}

static int block(struct test *test, const char *who)
{
  *test->told = '\0';
  return tt_blocks_add(test->blocks, now, who, TT_BLOCK_NO_REPORT, NULL);
}

static void test_who_is_meant(void **state)
{
  struct test *test = *state;
  assert_false(tt_blocks_has(test->blocks, "mallory@else.test"));
  assert_int_equal(block(test, "Mallory@Else.test"), 0);
  assert_string_equal(test->told, "block mallory@else.test 0 -");
  assert_true(tt_blocks_has(test->blocks, "mallory@else.test"));
  assert_false(tt_blocks_has(test->blocks, "eve@else.test"));
  assert_false(tt_blocks_has(test->blocks, "else.test"));
  assert_int_equal(block(test, "@spam.test"), 0);
  assert_string_equal(test->told, "block spam.test 0 -");
  assert_true(tt_blocks_has(test->blocks, "anyone@spam.test"));
  assert_true(tt_blocks_has(test->blocks, "spam.test"));
  assert_false(tt_blocks_has(test->blocks, "anyone@not.spam.test"));
  assert_int_equal(tt_blocks_remove(test->blocks, "mallory@else.test"), 0);
  assert_string_equal(test->told, "unblock mallory@else.test 0 -");
  assert_false(tt_blocks_has(test->blocks, "mallory@else.test"));
  assert_true(tt_blocks_has(test->blocks, "anyone@spam.test"));
  assert_int_equal(tt_blocks_remove(test->blocks, "mallory@else.test"), -ENOENT);
}

static void test_what_is_refused(void **state)
{
  struct test *test = *state;
  static const struct {
    const char *who;
    int error;
  } rows[] = {
      {"alice@house.test", -EPERM},
      {"house.test", -EPERM},
      {"anyone@office.test", -EPERM},
      {"office.test", -EPERM},
      {"bob@house.test", 0},
      {"club.test", 0},
      {"anyone@club.test", 0},
      {"a b@c", -EINVAL},
      {"x@y.test/phone", -EINVAL},
      {"", -EINVAL},
      {"@", -EINVAL},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    assert_int_equal(block(test, rows[i].who), rows[i].error);
    assert_int_equal(*test->told != '\0', rows[i].error == 0);
  }
  char report[TT_BLOCK_REPORT_MAX + 2];
  memset(report, 'x', sizeof(report));
  report[TT_BLOCK_REPORT_MAX + 1] = '\0';
  assert_int_equal(tt_blocks_add(test->blocks, now, "e@x.test", TT_BLOCK_SPAM, report), -EINVAL);
  report[TT_BLOCK_REPORT_MAX] = '\0';
  assert_int_equal(tt_blocks_add(test->blocks, now, "e@x.test", TT_BLOCK_SPAM, report), 0);
}

static void test_a_report_of_one_who_is_blocked(void **state)
{
  struct test *test = *state;
  assert_int_equal(block(test, "mallory@else.test"), 0);
  assert_int_equal(tt_blocks_add(test->blocks, now, "mallory@else.test", TT_BLOCK_ABUSE, "switched my light"), 0);
  assert_string_equal(test->told, "block mallory@else.test 2 switched my light");
  size_t n;
  tt_blocks_list(test->blocks, &n);
  assert_int_equal(n, 1);
}

static void test_the_file(void **state)
{
  struct test *test = *state;
  assert_int_equal(block(test, "mallory@else.test"), 0);
  assert_int_equal(block(test, "spam.test"), 0);
  tt_blocks_destroy(test->blocks);
  test->blocks = NULL;
  assert_int_equal(tt_blocks_create(test->dir, test->access, &test->blocks), 0);
  size_t n;
  const struct tt_block *list = tt_blocks_list(test->blocks, &n);
  assert_int_equal(n, 2);
  assert_string_equal(list[0].who, "mallory@else.test");
  assert_int_equal(list[0].stamp_us, now.wall_us);
  assert_true(tt_blocks_has(test->blocks, "eve@spam.test"));
}

static void test_a_damaged_file(void **state)
{
  struct test *test = *state;
  static const char *const texts[] = {
      "",
      "{",
      "[]",
      "{\"version\":2,\"blocked\":[]}",
      "{\"version\":1,\"blocked\":[{\"who\":\"a@b\"}]}",
      "{\"version\":1,\"blocked\":[{\"who\":\"a b@c\",\"since\":\"2026-01-01T00:00:00Z\"}]}",
      "{\"version\":1,\"blocked\":[{\"who\":\"a@b\",\"since\":\"yesterday\"}]}",
      "{\"version\":1,\"blocked\":[3]}",
  };
  char path[100];
  snprintf(path, sizeof(path), "%s/blocks.json", test->dir);
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    struct tt_blocks *blocks = NULL;
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(texts[i], file);
    fclose(file);
    assert_int_equal(tt_blocks_create(test->dir, test->access, &blocks), -EIO);
    assert_null(blocks);
  }
}

static void test_a_file_that_cannot_be_written(void **state)
{
  struct test *test = *state;
  assert_int_equal(block(test, "mallory@else.test"), 0);
  assert_int_equal(block(test, "spam.test"), 0);
  assert_int_equal(nftw(test->dir, drop, 4, FTW_DEPTH | FTW_PHYS), 0);
  assert_int_equal(block(test, "eve@else.test"), -ENOENT);
  assert_string_equal(test->told, "");
  assert_false(tt_blocks_has(test->blocks, "eve@else.test"));
  assert_int_equal(tt_blocks_remove(test->blocks, "mallory@else.test"), -ENOENT);
  assert_true(tt_blocks_has(test->blocks, "mallory@else.test"));
  assert_true(tt_blocks_has(test->blocks, "spam.test"));
}

static void test_the_limit(void **state)
{
  struct test *test = *state;
  struct tt_blocks *blocks;
  assert_int_equal(tt_blocks_create(NULL, test->access, &blocks), 0);
  char who[40];
  for (size_t i = 0; i < TT_BLOCKS_MAX; i++) {
    snprintf(who, sizeof(who), "m%zu@else.test", i);
    assert_int_equal(tt_blocks_add(blocks, now, who, TT_BLOCK_NO_REPORT, NULL), 0);
  }
  assert_int_equal(tt_blocks_add(blocks, now, "one@more.test", TT_BLOCK_NO_REPORT, NULL), -ENOSPC);
  tt_blocks_destroy(blocks);
}

static void test_reasons(void **state)
{
  (void)state;
  enum tt_block_reason reason;
  assert_int_equal(tt_block_reason_parse("spam", &reason), 0);
  assert_int_equal(reason, TT_BLOCK_SPAM);
  assert_int_equal(tt_block_reason_parse("abuse", &reason), 0);
  assert_int_equal(reason, TT_BLOCK_ABUSE);
  assert_int_equal(tt_block_reason_parse("", &reason), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_who_is_meant), TEST(test_what_is_refused),     TEST(test_a_report_of_one_who_is_blocked),
      TEST(test_the_file),     TEST(test_a_damaged_file),      TEST(test_a_file_that_cannot_be_written),
      TEST(test_the_limit),    cmocka_unit_test(test_reasons),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
