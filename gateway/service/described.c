/* SPDX-License-Identifier: Apache-2.0
 * described.c: one file per device that has described itself. */
#include "described.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_OF_KEY 180
#define TEMPORARY       ".new"

struct tt_described {
  int dir;
  size_t total; /* bytes of all files, about */
};

char *tt_described_name(char out[static TT_DESCRIBED_NAME_SIZE], const char *key)
{
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
  size_t n = 0;
  bool is_long = false;
  for (const char *p = key; *p; p++) {
    hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    if (n + 3 > NAME_MAX_OF_KEY)
      is_long = true;
    else if (strchr(safe, *p))
      out[n++] = *p;
    else
      n += (size_t)sprintf(out + n, "%%%02x", (unsigned char)*p);
  }
  if (is_long)
    n += (size_t)sprintf(out + n, "~%016" PRIx64, hash);
  strcpy(out + n, ".json");
  return out;
}

int tt_described_create(const char *state_dir, struct tt_described **ret)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0);
  struct tt_described *d = calloc(1, sizeof(*d));
  tt_buf_printf(&path, "%s/described", state_dir);
  if (!d || path.failed) {
    free(d);
    return -ENOMEM;
  }
  d->dir = mkdir(path.data, 0750) < 0 && errno != EEXIST ? -1 : open(path.data, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  int fd = d->dir < 0 ? -1 : dup(d->dir);
  DIR *all = fd < 0 ? NULL : fdopendir(fd);
  if (!all) {
    int r = -errno;
    if (fd >= 0)
      close(fd);
    tt_described_destroy(d);
    return r;
  }
  struct stat st;
  for (struct dirent *entry; (entry = readdir(all));) {
    size_t n = strlen(entry->d_name);
    if (n > strlen(TEMPORARY) && strcmp(entry->d_name + n - strlen(TEMPORARY), TEMPORARY) == 0)
      unlinkat(d->dir, entry->d_name, 0); /* of one that was killed while writing */
    else if (fstatat(d->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
      d->total += (size_t)st.st_size;
  }
  closedir(all);
  *ret = d;
  return 0;
}

void tt_described_destroy(struct tt_described *described)
{
  if (!described)
    return;
  if (described->dir >= 0)
    close(described->dir);
  free(described);
}

static char *read_file(int fd, size_t *ret_n)
{
  char *text = malloc(TT_DESCRIBED_MAX + 2), *fitting;
  size_t n = 0;
  while (text && n <= TT_DESCRIBED_MAX) {
    ssize_t got = read(fd, text + n, TT_DESCRIBED_MAX + 1 - n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      n = TT_DESCRIBED_MAX + 1;
    if (got <= 0)
      break;
    n += (size_t)got;
  }
  if (!text || n > TT_DESCRIBED_MAX || memchr(text, '\0', n)) {
    free(text);
    return NULL;
  }
  text[n] = '\0';
  *ret_n = n;
  fitting = realloc(text, n + 1);
  return fitting ? fitting : text;
}

static char *get(const struct tt_described *described, const char *key, size_t *ret_n)
{
  char name[TT_DESCRIBED_NAME_SIZE];
  int fd = openat(described->dir, tt_described_name(name, key), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return NULL;
  char *text = read_file(fd, ret_n);
  close(fd);
  return text;
}

char *tt_described_get(const struct tt_described *described, const char *key)
{
  size_t n;
  return get(described, key, &n);
}

static int write_file(int dir, const char *name, const char *text, size_t size)
{
  char temporary[TT_DESCRIBED_NAME_SIZE + sizeof(TEMPORARY)];
  snprintf(temporary, sizeof(temporary), "%s" TEMPORARY, name);
  int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640), r = 0;
  if (fd < 0)
    return -errno;
  for (size_t at = 0; at < size && r == 0;) {
    ssize_t put = write(fd, text + at, size - at);
    if (put < 0 && errno != EINTR)
      r = -errno;
    at += put > 0 ? (size_t)put : 0;
  }
  if (r == 0 && fsync(fd) < 0)
    r = -errno;
  if (close(fd) < 0 && r == 0)
    r = -errno;
  if (r == 0 && renameat(dir, temporary, dir, name) < 0)
    r = -errno;
  if (r < 0)
    unlinkat(dir, temporary, 0);
  else
    (void)fsync(dir);
  return r;
}

int tt_described_set(struct tt_described *described, const char *key, const char *text, size_t size)
{
  char name[TT_DESCRIBED_NAME_SIZE];
  size_t n = 0;
  if (size > TT_DESCRIBED_MAX)
    return -EMSGSIZE;
  char *before TT_AUTOFREE = get(described, key, &n);
  if (before && n == size && memcmp(before, text, size) == 0)
    return 0;
  if (described->total - n + size > TT_DESCRIBED_TOTAL_MAX)
    return -ENOSPC;
  int r = write_file(described->dir, tt_described_name(name, key), text, size);
  if (r < 0)
    return r;
  described->total += size - n;
  return 1;
}

void tt_described_forget(struct tt_described *described, const char *key)
{
  char name[TT_DESCRIBED_NAME_SIZE];
  struct stat st;
  tt_described_name(name, key);
  if (fstatat(described->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && unlinkat(described->dir, name, 0) == 0)
    described->total -= (size_t)st.st_size < described->total ? (size_t)st.st_size : described->total;
}
