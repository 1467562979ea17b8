/* SPDX-License-Identifier: Apache-2.0
 * What the service manager is told, with a socket in its place. */
#include "service/notify.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static void expect(int fd, const char *text)
{
  char got[200];
  ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
  assert_true(n > 0);
  got[n] = '\0';
  assert_string_equal(got, text);
}

static void test_what_is_told(void **state)
{
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  char dir[] = "/tmp/tt-notify-XXXXXX", pid[20];
  sd_event *event;
  (void)state;
  assert_non_null(mkdtemp(dir));
  snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
  snprintf(pid, sizeof(pid), "%d", (int)getpid());
  setenv("NOTIFY_SOCKET", at.sun_path, 1);
  setenv("WATCHDOG_USEC", "200000", 1);
  setenv("WATCHDOG_PID", pid, 1);

  assert_true(sd_event_new(&event) >= 0);
  tt_notify_ready(event);
  expect(fd, "READY=1");
  expect(fd, "WATCHDOG=1");
  char got[20];
  while (recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0) /* the loop feeds it */
    assert_true(sd_event_run(event, 10000000) >= 0);
  assert_memory_equal(got, "WATCHDOG=1", 10);
  char reloading[200] = "";
  tt_notify_reloading();
  while (strncmp(reloading, "RELOADING=1\nMONOTONIC_USEC=", 27) != 0) /* the watchdog may be fed meanwhile */
    assert_true(recv(fd, reloading, sizeof(reloading) - 1, 0) > 0);
  tt_notify_reloaded();
  expect(fd, "READY=1");
  tt_notify_stopping();
  expect(fd, "STOPPING=1");

  /* Without one nothing happens. */
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  tt_notify_ready(event);
  tt_notify_stopping();
  assert_true(recv(fd, got, sizeof(got), MSG_DONTWAIT) < 0);
  sd_event_unref(event);
  close(fd);
  unlink(at.sun_path);
  rmdir(dir);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
