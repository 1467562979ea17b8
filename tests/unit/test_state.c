/* SPDX-License-Identifier: Apache-2.0
 * The state directory belongs to one daemon at a time. */
#include "service/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

static char dir[64], lock[80];

static int setup(void **state)
{
  (void)state;
  snprintf(dir, sizeof(dir), "/tmp/test-state-XXXXXX");
  assert_non_null(mkdtemp(dir));
  rmdir(dir);
  snprintf(lock, sizeof(lock), "%s/lock", dir);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  unlink(lock);
  rmdir(dir);
  return 0;
}

static void test_second_is_refused_with_the_pid_of_the_first(void **state)
{
  int fd = -1, other_fd = -1;
  pid_t other = 0;
  struct stat st;
  (void)state;
  assert_int_equal(tt_state_open(dir, &fd, &other), 0);
  assert_int_equal(stat(dir, &st), 0);
  assert_int_equal(st.st_mode & 07, 0);
  assert_int_equal(tt_state_open(dir, &other_fd, &other), -EBUSY);
  assert_int_equal(other, getpid());
  assert_int_equal(other_fd, -1);
  close(fd);
  assert_int_equal(tt_state_open(dir, &fd, &other), 0);
  close(fd);
}

static void test_a_killed_daemon_leaves_no_lock(void **state)
{
  int fd, status;
  pid_t other;
  (void)state;
  pid_t pid = fork();
  if (pid == 0) {
    if (tt_state_open(dir, &fd, &other) == 0)
      _exit(0); /* without closing */
    _exit(1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  assert_int_equal(tt_state_open(dir, &fd, &other), 0);
  close(fd);
}

static void test_nonsense_in_the_file_is_no_pid(void **state)
{
  int fd, other_fd;
  pid_t other = 1;
  (void)state;
  assert_int_equal(tt_state_open(dir, &fd, &other), 0);
  assert_int_equal(ftruncate(fd, 0), 0);
  assert_true(pwrite(fd, "what?\n", 6, 0) == 6);
  assert_int_equal(tt_state_open(dir, &other_fd, &other), -EBUSY);
  assert_int_equal(other, 0);
  close(fd);
}

static void test_errors(void **state)
{
  int fd;
  pid_t other;
  (void)state;
  assert_int_equal(tt_state_open("/nonexistent/state", &fd, &other), -ENOENT);
  assert_int_equal(tt_state_open("/dev/null", &fd, &other), -ENOTDIR);
  mkdir(dir, 0700);
  assert_int_equal(symlink("/etc/passwd", lock), 0); /* never through a link that somebody laid */
  assert_int_equal(tt_state_open(dir, &fd, &other), -ELOOP);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_second_is_refused_with_the_pid_of_the_first, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_killed_daemon_leaves_no_lock, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nonsense_in_the_file_is_no_pid, setup, teardown),
      cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
