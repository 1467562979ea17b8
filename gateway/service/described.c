/* SPDX-License-Identifier: Apache-2.0
 * described.c: one file per device that has described itself. */
#include "described.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_OF_KEY 180

struct tt_described {
  int dir;
  size_t total; /* bytes of all files, about */
};

/* What of `text` fits, encoded, behind the `n` bytes that are there. */
static size_t encode(char *out, size_t n, const char *text, uint64_t *hash, bool *is_long)
{
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  for (const char *p = text; *p; p++) {
    *hash = (*hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3); /* FNV-1a */
    if (n + 3 > NAME_MAX_OF_KEY)
      *is_long = true;
    else if (strchr(safe, *p))
      out[n++] = *p;
    else
      n += (size_t)sprintf(out + n, "%%%02x", (unsigned char)*p);
  }
  return n;
}

char *tt_described_name(char out[static TT_DESCRIBED_NAME_SIZE], const char *key, const char *mapping)
{
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  bool is_long = false;
  size_t n = encode(out, 0, key, &hash, &is_long);
  out[n++] = '.'; /* in neither of the two */
  hash = (hash ^ '.') * UINT64_C(0x100000001b3);
  n = encode(out, n, mapping, &hash, &is_long);
  if (is_long)
    n += (size_t)sprintf(out + n, "~%016" PRIx64, hash);
  strcpy(out + n, ".json");
  return out;
}

/* The files of the directory; NULL: it cannot be read. */
static DIR *open_all(const struct tt_described *described)
{
  int fd = openat(described->dir, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
  DIR *all = fd < 0 ? NULL : fdopendir(fd);
  if (!all && fd >= 0)
    close(fd);
  return all;
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
  DIR *all = d->dir < 0 ? NULL : open_all(d);
  if (!all) {
    int r = -errno;
    tt_described_destroy(d);
    return r;
  }
  struct stat st;
  for (struct dirent *entry; (entry = readdir(all));) {
    size_t n = strlen(entry->d_name);
    if (n > strlen(TT_FILE_TEMPORARY) &&
        strcmp(entry->d_name + n - strlen(TT_FILE_TEMPORARY), TT_FILE_TEMPORARY) == 0)
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

static char *get(const struct tt_described *described, const char *name, size_t *ret_n)
{
  int fd = openat(described->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return NULL;
  char *text = read_file(fd, ret_n);
  close(fd);
  return text;
}

char *tt_described_get(const struct tt_described *described, const char *key, const char *mapping)
{
  char name[TT_DESCRIBED_NAME_SIZE];
  size_t n;
  return get(described, tt_described_name(name, key, mapping), &n);
}

int tt_described_set(struct tt_described *described, const char *key, const char *mapping, const char *text,
                     size_t size)
{
  char name[TT_DESCRIBED_NAME_SIZE];
  size_t n = 0;
  if (size > TT_DESCRIBED_MAX)
    return -EMSGSIZE;
  tt_described_name(name, key, mapping);
  char *before TT_AUTOFREE = get(described, name, &n);
  if (before && n == size && memcmp(before, text, size) == 0)
    return 0;
  if (described->total - n + size > TT_DESCRIBED_TOTAL_MAX)
    return -ENOSPC;
  int r = tt_file_replace(described->dir, name, 0640, text, size);
  if (r < 0)
    return r;
  described->total += size - n;
  return 1;
}

static int compare(const void *a, const void *b)
{
  return strcmp(a, b);
}

void tt_described_prune(struct tt_described *described, const struct tt_described_who who[], size_t n)
{
  char(*names)[TT_DESCRIBED_NAME_SIZE] = calloc(n + 1, sizeof(*names));
  DIR *all = names ? open_all(described) : NULL;
  struct stat st;
  for (size_t i = 0; names && i < n; i++)
    tt_described_name(names[i], who[i].key, who[i].mapping);
  if (names)
    qsort(names, n, sizeof(*names), compare);
  for (struct dirent *entry; all && (entry = readdir(all));) {
    char name[TT_DESCRIBED_NAME_SIZE];
    snprintf(name, sizeof(name), "%s", entry->d_name);
    if (entry->d_name[0] == '.' || bsearch(name, names, n, sizeof(*names), compare) ||
        fstatat(described->dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
        unlinkat(described->dir, entry->d_name, 0) < 0)
      continue;
    described->total -= (size_t)st.st_size < described->total ? (size_t)st.st_size : described->total;
  }
  if (all)
    closedir(all);
  free(names);
}
