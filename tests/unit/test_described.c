/* SPDX-License-Identifier: Apache-2.0
 * What devices say of themselves, kept in files. */
#define _GNU_SOURCE /* nftw */
#include "service/described.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static char dir[64];

static int setup(void **state)
{
  (void)state;
  strcpy(dir, "/tmp/tt-described-XXXXXX");
  return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static int teardown(void **state)
{
  (void)state;
  return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void assert_text(const struct tt_described *d, const char *key, const char *text)
{
  char *got = tt_described_get(d, key, "mqtt/x");
  if (text)
    assert_string_equal(got, text);
  else
    assert_null(got);
  free(got);
}

static void test_kept_and_the_same_again(void **state)
{
  struct tt_described *d;
  (void)state;
  assert_int_equal(tt_described_create(dir, &d), 0);
  assert_text(d, "plug", NULL);
  assert_int_equal(tt_described_set(d, "plug", "mqtt/x", "{\"a\":1}", 7), 1);
  assert_int_equal(tt_described_set(d, "plug", "mqtt/x", "{\"a\":1}", 7), 0);
  assert_int_equal(tt_described_set(d, "plug", "mqtt/x", "{\"a\":2}", 7), 1);
  assert_int_equal(tt_described_set(d, "../../etc/passwd", "mqtt/x", "x", 1), 1);
  assert_int_equal(tt_described_set(d, ".", "mqtt/x", "y", 1), 1);
  tt_described_destroy(d);
  assert_int_equal(tt_described_create(dir, &d), 0); /* after a restart */
  assert_text(d, "plug", "{\"a\":2}");
  assert_text(d, "../../etc/passwd", "x");
  assert_text(d, ".", "y");
  assert_null(tt_described_get(d, "plug", "mqtt/y")); /* what it said with another mapping is of no use */
  tt_described_prune(d, (const struct tt_described_who[]){{"lamp", "mqtt/x"}, {"../../etc/passwd", "mqtt/x"}}, 2);
  assert_text(d, "plug", NULL);
  assert_text(d, "../../etc/passwd", "x");
  tt_described_prune(d, NULL, 0);
  assert_text(d, "../../etc/passwd", NULL);
  tt_described_destroy(d);
  tt_described_destroy(NULL);
}

static void test_names_are_safe(void **state)
{
  char a[TT_DESCRIBED_NAME_SIZE], b[TT_DESCRIBED_NAME_SIZE], key[257];
  (void)state;
  assert_string_equal(tt_described_name(a, "hall-plug_2", "x"), "hall-plug_2.x.json");
  assert_string_equal(tt_described_name(a, "Läge ..", "mqtt/x"), "L%c3%a4ge%20%2e%2e.mqtt%2fx.json");
  memset(key, 0xc3, 256);
  key[256] = '\0';
  tt_described_name(a, key, "x");
  assert_true(strlen(a) <= 205);
  assert_null(strchr(a, '/'));
  key[255] = 'x'; /* differs only where it is cut */
  assert_string_not_equal(a, tt_described_name(b, key, "x"));
}

static void test_limits_and_broken_files(void **state)
{
  struct tt_described *d;
  char *large = calloc(1, TT_DESCRIBED_MAX + 2), path[128];
  (void)state;
  memset(large, 'x', TT_DESCRIBED_MAX + 1);
  assert_int_equal(tt_described_create(dir, &d), 0);
  assert_int_equal(tt_described_set(d, "a", "mqtt/x", large, TT_DESCRIBED_MAX + 1), -EMSGSIZE);
  assert_int_equal(tt_described_set(d, "a", "mqtt/x", large, TT_DESCRIBED_MAX), 1);
  snprintf(path, sizeof path, "%s/described/a.mqtt%%2fx.json", dir);
  FILE *f = fopen(path, "a"); /* somebody else wrote to it */
  assert_non_null(f);
  fputs("xx", f);
  fclose(f);
  assert_text(d, "a", NULL);
  snprintf(path, sizeof path, "%s/described/b.mqtt%%2fx.json", dir);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  assert_text(d, "b", NULL);
  tt_described_destroy(d);
  snprintf(path, sizeof path, "%s/described/c.json.new", dir); /* left by one that was killed */
  close(open(path, O_CREAT | O_WRONLY, 0600));
  assert_int_equal(tt_described_create(dir, &d), 0);
  assert_int_equal(access(path, F_OK), -1);
  for (size_t i = 0; i < TT_DESCRIBED_TOTAL_MAX / TT_DESCRIBED_MAX; i++) { /* sparse: costs nothing */
    snprintf(path, sizeof path, "%s/described/n%zu.json", dir, i);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(ftruncate(fd, TT_DESCRIBED_MAX), 0);
    close(fd);
  }
  tt_described_destroy(d);
  assert_int_equal(tt_described_create(dir, &d), 0);
  assert_int_equal(tt_described_set(d, "more", "mqtt/x", large, 1000), -ENOSPC);
  tt_described_destroy(d);
  assert_int_equal(tt_described_create("/proc/nothing", &d), -ENOENT);
  free(large);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_kept_and_the_same_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_names_are_safe, setup, teardown),
      cmocka_unit_test_setup_teardown(test_limits_and_broken_files, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
