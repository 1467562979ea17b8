/* SPDX-License-Identifier: Apache-2.0
 * What a process that has shut itself in can still open. Each time it is another process, for there is no way back. */
#define _GNU_SOURCE
#include "bridge/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

enum { CAN_FIRST = 1, CAN_SECOND = 2, CAN_LINKED = 4, IS_REPLACED = 8, NO_LANDLOCK = 16, HAS_FAILED = 32 };

static char dir[64], first[100], second[100], link_[100], later[100];

static int setup(void **state)
{
  (void)state;
  snprintf(dir, sizeof dir, "/tmp/tt-sandbox-XXXXXX");
  assert_non_null(mkdtemp(dir));
  snprintf(first, sizeof first, "%s/first", dir);
  snprintf(second, sizeof second, "%s/second", dir);
  snprintf(link_, sizeof link_, "%s/link", dir);
  snprintf(later, sizeof later, "%s/later", dir);
  close(open(first, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  close(open(second, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  assert_int_equal(symlink("first", link_), 0);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  const char *const files[] = {first, second, link_, later};
  for (size_t i = 0; i < TT_COUNT(files); i++)
    unlink(files[i]);
  return rmdir(dir);
}

static int can(const char *path, int bit)
{
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd >= 0)
    close(fd);
  return fd >= 0 ? bit : 0;
}

/* What can be done by a process that may use `device`; `pipe_fd`: what it waits for before it looks what was
 * replaced, after it has closed `ready_fd`. */
static int within(const char *device, int pipe_fd, int ready_fd)
{
  const struct tt_sandbox sandbox = {.devices = &device, .n_devices = 1};
  char byte;
  int r = tt_sandbox_enter(&sandbox);
  if (r < 0)
    return HAS_FAILED;
  int all = can(first, CAN_FIRST) | can(second, CAN_SECOND) | can(link_, CAN_LINKED);
  close(ready_fd);
  if (read(pipe_fd, &byte, 1) != 0) /* the other end is closed */
    return HAS_FAILED;
  return all | (tt_sandbox_replaced() ? IS_REPLACED : 0) | (r & TT_SHUT_FILES ? 0 : NO_LANDLOCK);
}

static int shut_in(const char *device, void (*meanwhile)(void))
{
  int ends[2], ready[2], status = 0;
  char byte;
  assert_int_equal(pipe2(ends, O_CLOEXEC) | pipe2(ready, O_CLOEXEC), 0);
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[1]);
    close(ready[0]);
    _exit(within(device, ends[0], ready[1]));
  }
  close(ends[0]);
  close(ready[1]);
  assert_int_equal(read(ready[0], &byte, 1), 0); /* it is shut in */
  close(ready[0]);
  if (meanwhile)
    meanwhile();
  close(ends[1]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_false(WEXITSTATUS(status) & HAS_FAILED);
  if (WEXITSTATUS(status) & NO_LANDLOCK) {
    print_message("this kernel has no Landlock: which files can be opened is not tested\n");
    skip();
  }
  return WEXITSTATUS(status);
}

/* Not the directory: in /dev stand the disks, too. */
static void test_one_device_and_no_other(void **state)
{
  (void)state;
  assert_int_equal(shut_in(first, NULL), CAN_FIRST | CAN_LINKED);
  assert_int_equal(shut_in(link_, NULL), CAN_FIRST | CAN_LINKED);
  assert_int_equal(shut_in(later, NULL), 0);
}

static void plug_in(void)
{
  close(open(later, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
}

/* One that was not there, or is another now, can be noticed: then a fresh process is made. */
static void test_a_device_that_comes(void **state)
{
  (void)state;
  assert_int_equal(shut_in(later, plug_in), IS_REPLACED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_one_device_and_no_other, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_device_that_comes, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
