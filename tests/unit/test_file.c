/* SPDX-License-Identifier: Apache-2.0
 * file.c: whole or not at all. */
#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static char path[40];
static int dir;

static int setup(void **state)
{
  (void)state;
  strcpy(path, "/tmp/tt-file-XXXXXX");
  assert_non_null(mkdtemp(path));
  dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return dir < 0 ? -1 : 0;
}

static int drop(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st, (void)flag, (void)ftw;
  return remove(name);
}

static int teardown(void **state)
{
  (void)state;
  close(dir);
  return nftw(path, drop, 4, FTW_DEPTH | FTW_PHYS);
}

static void is(const char *name, const char *text)
{
  char got[100];
  int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
  assert_true(fd >= 0);
  ssize_t n = read(fd, got, sizeof(got) - 1);
  close(fd);
  assert_true(n >= 0);
  got[n] = '\0';
  assert_string_equal(got, text);
}

static unsigned n_files(void)
{
  unsigned n = 0;
  DIR *all = opendir(path);
  assert_non_null(all);
  for (struct dirent *entry; (entry = readdir(all));)
    n += entry->d_name[0] != '.';
  closedir(all);
  return n;
}

static void test_in_place_of_the_old(void **state)
{
  (void)state;
  struct stat st;
  assert_int_equal(tt_file_replace(dir, "a", 0640, "one", 3), 0);
  is("a", "one");
  assert_int_equal(tt_file_replace(dir, "a", 0600, "", 0), 0);
  is("a", "");
  assert_int_equal(fstatat(dir, "a", &st, 0), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(n_files(), 1);
}

/* What a link points to is not touched, neither by the name nor by that of the temporary file. */
static void test_links_are_not_followed(void **state)
{
  (void)state;
  assert_int_equal(tt_file_write(dir, "other", 0640, "mine", 4), 0);
  assert_int_equal(symlinkat("other", dir, "a"), 0);
  assert_int_equal(symlinkat("other", dir, "a" TT_FILE_TEMPORARY), 0);
  assert_int_equal(tt_file_replace(dir, "a", 0640, "new", 3), 0);
  is("other", "mine");
  is("a", "new");
  assert_int_equal(symlinkat("other", dir, "b"), 0);
  assert_int_equal(tt_file_write(dir, "b", 0640, "new", 3), 0);
  is("other", "mine");
  is("b", "new");
}

static void test_what_cannot_be_written(void **state)
{
  (void)state;
  char name[TT_FILE_NAME_MAX + 2];
  assert_int_equal(mkdirat(dir, "a", 0700), 0);
  assert_true(tt_file_replace(dir, "a", 0640, "x", 1) < 0);
  assert_true(tt_file_write(dir, "a", 0640, "x", 1) < 0);
  assert_int_equal(n_files(), 1); /* nothing is left of it */
  assert_int_equal(tt_file_replace(dir, "no/such", 0640, "x", 1), -ENOENT);
  memset(name, 'n', sizeof(name));
  name[TT_FILE_NAME_MAX + 1] = '\0';
  assert_int_equal(tt_file_replace(dir, name, 0640, "x", 1), -ENAMETOOLONG);
  name[TT_FILE_NAME_MAX] = '\0';
  assert_int_equal(tt_file_replace(dir, name, 0640, "x", 1), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_in_place_of_the_old, setup, teardown),
      cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_cannot_be_written, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
