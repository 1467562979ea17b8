/* SPDX-License-Identifier: Apache-2.0
 * admission.c, blocking.c: whoever decides about others is written down before it is done. */
#define _GNU_SOURCE
#include "trust/admission.h"
#include "trust/blocking.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmocka_all.h"

static const struct tt_now now = {.mono_us = 1, .wall_us = 1700000000000000};
static const struct tt_caller caller = {
    .kind = TT_CALLER_CLI, .jid = "uid:1000", .bare = "uid:1000", .uid = 1000, .role = TT_ROLE_ADMIN};

struct test {
  char dir[40];
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_audit *audit;
};

static int setup(void **state)
{
  struct test *test = calloc(1, sizeof(*test));
  strcpy(test->dir, "/tmp/tt-admission-XXXXXX");
  assert_non_null(mkdtemp(test->dir));
  assert_int_equal(tt_access_create(NULL, 0, NULL, &test->access), 0);
  assert_int_equal(tt_blocks_create(NULL, test->access, &test->blocks), 0);
  assert_int_equal(tt_audit_create(test->dir, &test->audit), 0);
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
  tt_audit_destroy(test->audit);
  tt_blocks_destroy(test->blocks);
  tt_access_destroy(test->access);
  nftw(test->dir, drop, 4, FTW_DEPTH | FTW_PHYS);
  free(test);
  return 0;
}

/* The kinds of its lines, each with who it is about. */
static const char *traced(const struct test *test)
{
  static char text[1000];
  char path[100], line[1000];
  snprintf(path, sizeof(path), "%s/audit.jsonl", test->dir);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[0] = '\0';
  while (fgets(line, sizeof(line), file)) {
    char kind[20], who[100];
    const char *at = strstr(line, "\"kind\":\""), *about = strstr(line, "\"who\":\"");
    assert_non_null(at);
    assert_non_null(about);
    assert_non_null(strstr(line, "\"uid\":1000"));
    assert_int_equal(sscanf(at, "\"kind\":\"%19[^\"]", kind), 1);
    assert_int_equal(sscanf(about, "\"who\":\"%99[^\"]", who), 1);
    size_t n = strlen(text);
    snprintf(text + n, sizeof(text) - n, "%s %s, ", kind, who);
  }
  fclose(file);
  return text;
}

static void test_decisions(void **state)
{
  struct test *test = *state;
  const struct tt_admission accept = {TT_DECISION_ACCEPT, "bob@example.org", TT_ROLE_READER, "house/**"};
  const struct tt_admission deny = {TT_DECISION_DENY, "eve@example.org", TT_ROLE_NONE, NULL};
  const struct tt_admission revoke = {TT_DECISION_REVOKE, "bob@example.org", TT_ROLE_NONE, NULL};
  assert_int_equal(tt_admission_do(test->access, test->audit, now, &caller, &accept), 0);
  assert_true(tt_access_knows(test->access, "bob@example.org"));
  assert_int_equal(tt_admission_do(test->access, test->audit, now, &caller, &deny), -ENOENT);
  assert_int_equal(tt_admission_do(test->access, test->audit, now, &caller, &revoke), 0);
  assert_false(tt_access_knows(test->access, "bob@example.org"));
  assert_string_equal(traced(test), "accepted bob@example.org, denied eve@example.org, undone eve@example.org, "
                                    "revoked bob@example.org, ");
  assert_int_equal(tt_admission_do(test->access, NULL, now, &caller, &accept), 0); /* nobody writes it down */
}

static void test_blocking(void **state)
{
  struct test *test = *state;
  const struct tt_blocking block = {.who = "eve@example.org"};
  const struct tt_blocking unblock = {.who = "mallory@example.org", .is_removal = true};
  assert_int_equal(tt_blocking_do(test->blocks, test->audit, now, &caller, &block), 0);
  assert_int_equal(tt_blocking_do(test->blocks, test->audit, now, &caller, &unblock), -ENOENT);
  assert_string_equal(traced(test),
                      "blocked eve@example.org, unblocked mallory@example.org, undone mallory@example.org, ");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_decisions, setup, teardown),
      cmocka_unit_test_setup_teardown(test_blocking, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
