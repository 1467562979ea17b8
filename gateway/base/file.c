/* SPDX-License-Identifier: Apache-2.0
 * file.c: file.h. */
#include "file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t n)
{
  while (n > 0) {
    ssize_t put = write(fd, text, n);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return put < 0 ? -errno : -EIO;
    text += put;
    n -= (size_t)put;
  }
  return 0;
}

int tt_file_write(int dir, const char *name, mode_t mode, const char *text, size_t n)
{
  if (unlinkat(dir, name, 0) < 0 && errno != ENOENT) /* of whoever died, with whatever mode it has */
    return -errno;
  int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return -errno;
  int r = write_all(fd, text, n);
  if (r == 0 && fsync(fd) < 0)
    r = -errno;
  if (close(fd) < 0 && r == 0)
    r = -errno;
  if (r < 0)
    unlinkat(dir, name, 0);
  return r;
}

int tt_file_replace(int dir, const char *name, mode_t mode, const char *text, size_t n)
{
  char temporary[TT_FILE_NAME_MAX + sizeof(TT_FILE_TEMPORARY)];
  if (strlen(name) > TT_FILE_NAME_MAX)
    return -ENAMETOOLONG;
  snprintf(temporary, sizeof(temporary), "%s" TT_FILE_TEMPORARY, name);
  int r = tt_file_write(dir, temporary, mode, text, n);
  if (r < 0)
    return r;
  if (renameat(dir, temporary, dir, name) < 0) {
    r = -errno;
    unlinkat(dir, temporary, 0);
    return r;
  }
  return fsync(dir) < 0 ? -errno : 0;
}
