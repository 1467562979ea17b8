/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c: <dir>/lock, with the pid of whoever holds it.
 */
#include "state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t holder(int fd)
{
  char text[32] = "";
  int64_t pid;
  ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
  if (n <= 0)
    return 0;
  text[strcspn(text, "\n")] = '\0';
  return tt_int64_parse(text, &pid) >= 0 && pid > 0 ? (pid_t)pid : 0;
}

int tt_state_open(const char *dir, int *ret_fd, pid_t *ret_other)
{
  char path[4096];
  if (mkdir(dir, 0750) < 0 && errno != EEXIST)
    return -errno;
  if ((size_t)snprintf(path, sizeof(path), "%s/lock", dir) >= sizeof(path))
    return -ENAMETOOLONG;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0)
    return -errno;
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (r == -EBUSY)
      *ret_other = holder(fd);
    close(fd);
    return r;
  }
  if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
    int r = -errno;
    close(fd);
    return r;
  }
  *ret_fd = fd;
  return 0;
}
