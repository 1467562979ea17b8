/* SPDX-License-Identifier: Apache-2.0
 * secrets.c: credentials from files and from the environment. */
#include "secrets.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS 3

struct secret {
  struct secret *next;
  char *elsewhere; /* a noted one; NULL: `text` */
  size_t n;
  char text[];
};

struct dir {
  char *path, *shown;
  bool is_systemd; /* it answers for who may read */
};

struct tt_secrets {
  struct secret *all;
  struct dir dirs[DIRS];
};

struct tt_secrets *tt_secrets_create(const char *base, const char *credentials)
{
  struct tt_secrets *s = calloc(1, sizeof *s);
  const char *given = getenv("CREDENTIALS_DIRECTORY");
  struct tt_buf beside TT_AUTOBUF = TT_BUF(0);
  if (!s)
    return NULL;
  tt_buf_printf(&beside, "%s/credentials", base);
  const char *paths[DIRS] = {given && *given ? given : NULL, credentials, beside.data};
  const char *shown[DIRS] = {paths[0], credentials, "credentials"};
  bool failed = beside.failed;
  for (size_t i = 0; i < DIRS; i++) {
    if (!paths[i])
      continue;
    s->dirs[i] = (struct dir){strdup(paths[i]), strdup(shown[i]), i == 0 && strncmp(given, "/run/", 5) == 0};
    failed |= !s->dirs[i].path || !s->dirs[i].shown;
  }
  if (failed) {
    tt_secrets_destroy(s);
    return NULL;
  }
  return s;
}

void tt_secrets_destroy(struct tt_secrets *secrets)
{
  if (!secrets)
    return;
  for (struct secret *s = secrets->all, *next; s; s = next) {
    next = s->next;
    explicit_bzero(s->elsewhere ? s->elsewhere : s->text, s->n);
    free(s);
  }
  for (size_t i = 0; i < DIRS; i++) {
    free(secrets->dirs[i].path);
    free(secrets->dirs[i].shown);
  }
  free(secrets);
}

static struct secret *add(struct tt_secrets *secrets, size_t room)
{
  struct secret *s = calloc(1, sizeof *s + room);
  if (!s)
    return NULL;
  s->next = secrets->all;
  secrets->all = s;
  return s;
}

const char *tt_secrets_keep(struct tt_secrets *secrets, const char *text, size_t n)
{
  struct secret *s = add(secrets, n + 1);
  if (!s)
    return NULL;
  s->n = n;
  memcpy(s->text, text, n);
  return s->text;
}

int tt_secrets_note(struct tt_secrets *secrets, const char *text)
{
  struct secret *s = add(secrets, 0);
  if (!s)
    return -ENOMEM;
  s->elsewhere = (char *)(uintptr_t)text;
  s->n = strlen(text);
  return 0;
}

size_t tt_secrets_star(const struct tt_secrets *secrets, char *text, size_t n)
{
  for (const struct secret *s = secrets->all; s; s = s->next) {
    const char *secret = s->elsewhere ? s->elsewhere : s->text;
    size_t len = strlen(secret);
    for (char *p = text; len > 0 && (p = strstr(p, secret)) != NULL; p++) {
      bool is_alone = p > text && p[-1] == '"' && p[len] == '"';
      if (len < TT_SECRET_SHORT && !is_alone)
        continue;
      size_t stars = len < 3 ? len : 3, rest = n - (size_t)(p - text) - len;
      memset(p, '*', stars);
      memmove(p + stars, p + len, rest + 1);
      n -= len - stars;
    }
  }
  return n;
}

static bool is_name(const char *name)
{
  size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
  return n > 0 && name[n] == '\0' && name[0] != '.' && n <= 255;
}

static int read_all(int fd, char *out, size_t room)
{
  size_t n = 0;
  while (n < room) {
    ssize_t got = read(fd, out + n, room - n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -errno;
    if (got == 0)
      break;
    n += (size_t)got;
  }
  return (int)n;
}

/* What the file holds, checked. */
static int take(struct tt_secrets *secrets, struct tt_diags *diags, struct tt_mark at, const char *name,
                const struct dir *dir, int fd, const char **ret_text)
{
  struct stat st;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    tt_diag(diags, TT_SEVERITY_ERROR, "credential-unreadable", at, "credential \"%s\" in %s is not a file", name,
            dir->shown);
    return -EINVAL;
  }
  if (!dir->is_systemd && (st.st_mode & 077)) {
    tt_diag(diags, TT_SEVERITY_ERROR, "credential-exposed", at,
            "credential \"%s\" in %s may be read by others (mode %04o)", name, dir->shown,
            (unsigned)st.st_mode & 07777);
    tt_diag_help(diags, "chmod 600 %s/%s", dir->shown, name);
    return -EINVAL;
  }
  struct secret *s = add(secrets, TT_CREDENTIAL_MAX + 2);
  if (!s)
    return -ENOMEM;
  int n = read_all(fd, s->text, TT_CREDENTIAL_MAX + 1);
  s->n = TT_CREDENTIAL_MAX + 1;
  const char *wrong = n < 0                                   ? strerror(-n)
                      : n > TT_CREDENTIAL_MAX                 ? "it is too long"
                      : strlen(s->text) < (size_t)n           ? "it holds a NUL byte"
                      : !tt_utf8_is_valid(s->text, (size_t)n) ? "it is not UTF-8"
                                                              : NULL;
  if (!wrong && n > 0 && s->text[n - 1] == '\n') {
    s->text[--n] = '\0';
    if (n > 0 && s->text[n - 1] == '\r')
      s->text[--n] = '\0';
  }
  if (!wrong && n == 0)
    wrong = "it is empty";
  if (wrong) {
    tt_diag(diags, TT_SEVERITY_ERROR, "credential-unreadable", at, "credential \"%s\" in %s cannot be used: %s",
            name, dir->shown, wrong);
    return -EINVAL;
  }
  *ret_text = s->text;
  return 0;
}

int tt_secrets_credential(struct tt_secrets *secrets, struct tt_diags *diags, struct tt_mark at, const char *name,
                          const char **ret_text)
{
  struct tt_buf looked TT_AUTOBUF = TT_BUF(0);
  if (!is_name(name)) {
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-hole", at, "\"%s\" cannot be the name of a credential", name);
    return -EINVAL;
  }
  for (size_t i = 0; i < DIRS; i++) {
    const struct dir *dir = &secrets->dirs[i];
    char path[4096];
    if (!dir->path || snprintf(path, sizeof path, "%s/%s", dir->path, name) >= (int)sizeof path)
      continue;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
      int r = take(secrets, diags, at, name, dir, fd, ret_text);
      close(fd);
      return r;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
      tt_diag(diags, TT_SEVERITY_ERROR, "credential-unreadable", at, "credential \"%s\" in %s cannot be used: %s",
              name, dir->shown, strerror(errno));
      return -EINVAL;
    }
    tt_buf_printf(&looked, "%s%s", looked.len ? ", " : "", dir->shown);
  }
  tt_diag(diags, TT_SEVERITY_ERROR, "credential-missing", at, "there is no credential \"%s\"", name);
  tt_diag_help(diags, "looked in: %s", looked.data ? looked.data : "");
  return -EINVAL;
}

int tt_secrets_env(struct tt_secrets *secrets, struct tt_diags *diags, struct tt_mark at, const char *name,
                   const char **ret_text)
{
  const char *value = *name ? getenv(name) : NULL;
  if (!value) {
    tt_diag(diags, TT_SEVERITY_ERROR, "env-missing", at, "there is no environment variable \"%s\"", name);
    return -EINVAL;
  }
  if (!tt_utf8_is_valid(value, strlen(value))) {
    tt_diag(diags, TT_SEVERITY_ERROR, "env-missing", at, "the environment variable \"%s\" is not UTF-8", name);
    return -EINVAL;
  }
  *ret_text = tt_secrets_keep(secrets, value, strlen(value));
  return *ret_text ? 0 : -ENOMEM;
}
