/* SPDX-License-Identifier: Apache-2.0
 * own_file.c: where files of the daemon's own go, and how. */
#include "own_file.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char tt_own_dir_missing[] = "`include:` names no directory that can be written to: it takes a pattern as "
                                  "devices.d/*.yaml, and the right to "
                                  "write there";

void tt_own_path(struct tt_buf *out, const struct tt_config_env *env, const char *name)
{
  const char *slash = strrchr(env->file, '/');
  if (name[0] != '/' && slash)
    tt_buf_add(out, env->file, (size_t)(slash - env->file) + 1);
  tt_buf_puts(out, name);
}

/* DIR of the pattern DIR/\*.yaml; false: it is another one. */
static bool dir_of(const char *pattern, char *out, size_t size)
{
  const char *star = strstr(pattern, "/*.yaml");
  if (!star || star[strlen("/*.yaml")] || (size_t)(star - pattern) >= size ||
      strcspn(pattern, "*?[") < (size_t)(star - pattern))
    return false;
  snprintf(out, size, "%.*s", (int)(star - pattern), pattern);
  return true;
}

static bool is_writable(const char *path)
{
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, W_OK | X_OK) == 0;
}

bool tt_own_dir(const struct tt_config_env *env, const struct tt_config *config, const char *name, char *out,
                size_t size)
{
  bool has_one = false;
  for (size_t i = 0; i < config->includes.n; i++) {
    char dir[2048];
    struct tt_buf path TT_AUTOBUF = TT_BUF(0), file TT_AUTOBUF = TT_BUF(0);
    if (!dir_of(config->includes.text[i], dir, sizeof(dir)) || strlen(dir) >= size)
      continue;
    tt_own_path(&path, env, dir);
    if (path.failed || !is_writable(path.data))
      continue;
    tt_buf_printf(&file, "%s/%s", path.data, name ? name : "");
    bool is_there = name && !file.failed && access(file.data, F_OK) == 0;
    if (!has_one || is_there)
      memcpy(out, dir, strlen(dir) + 1);
    has_one = true;
    if (!name || is_there)
      break;
  }
  return has_one;
}

int tt_own_write(const char *path, const char *text, size_t n, mode_t mode, struct tt_buf *ret_temporary)
{
  tt_buf_printf(ret_temporary, "%s" TT_FILE_TEMPORARY, path);
  if (ret_temporary->failed)
    return -ENOMEM;
  return tt_file_write(AT_FDCWD, ret_temporary->data, mode, text, n);
}

int tt_own_keep(const char *temporary, const char *path, bool is_new)
{
  int r = is_new ? link(temporary, path) : rename(temporary, path);
  r = r < 0 ? -errno : 0;
  if (is_new || r < 0)
    unlink(temporary);
  if (r < 0)
    return r;
  char *dir TT_AUTOFREE = strdup(path);
  char *slash = dir ? strrchr(dir, '/') : NULL;
  if (slash)
    slash[slash == dir] = '\0';
  int fd = dir ? open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    (void)fsync(fd);
    close(fd);
  }
  return 0;
}

int tt_own_read(const char *path, size_t max, char **ret_text, size_t *ret_n)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
  struct stat st;
  size_t n = 0;
  if (fd < 0)
    return -errno;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
    r = -EIO;
  else if (st.st_size > (off_t)max)
    r = -EFBIG;
  char *text = r == 0 ? malloc((size_t)st.st_size + 1) : NULL;
  if (r == 0 && !text)
    r = -ENOMEM;
  while (r == 0 && n < (size_t)st.st_size) {
    ssize_t got = read(fd, text + n, (size_t)st.st_size - n);
    if (got == 0)
      break;
    if (got < 0 && errno != EINTR)
      r = -errno;
    n += got > 0 ? (size_t)got : 0;
  }
  close(fd);
  if (r < 0) {
    free(text);
    return r;
  }
  text[n] = '\0';
  *ret_text = text;
  *ret_n = n;
  return 0;
}
