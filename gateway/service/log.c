/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c: journal or stderr.
 */
#define _GNU_SOURCE /* asprintf */
#include "log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static const struct {
  int priority;
  const char *prefix; /* on stderr */
} levels[] = {
    [TT_LOG_ERROR] = {LOG_ERR, "error: "},
    [TT_LOG_WARNING] = {LOG_WARNING, "warning: "},
    [TT_LOG_INFO] = {LOG_INFO, ""},
    [TT_LOG_DEBUG] = {LOG_DEBUG, "debug: "},
};

/* Set once, before there are threads. */
static enum tt_log_level log_level = TT_LOG_INFO;
static bool is_journal;

/* ---- What was said last -------------------------------------------------------------------------------------- */

static struct {
  pthread_mutex_t lock;
  struct {
    uint64_t wall_us;
    enum tt_log_level level;
    char *text;
  } lines[TT_LOG_KEPT];
  size_t next; /* where the oldest is, or nothing */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(enum tt_log_level level, const char *name, const char *text)
{
  struct timespec now;
  char *line = NULL;
  if (level > TT_LOG_INFO || asprintf(&line, "%s%s%s", name, *name ? ": " : "", text) < 0)
    return;
  clock_gettime(CLOCK_REALTIME, &now);
  pthread_mutex_lock(&kept.lock);
  char *old = kept.lines[kept.next].text;
  kept.lines[kept.next].text = line;
  kept.lines[kept.next].level = level;
  kept.lines[kept.next].wall_us = (uint64_t)now.tv_sec * TT_USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
  kept.next = (kept.next + 1) % TT_LOG_KEPT;
  pthread_mutex_unlock(&kept.lock);
  free(old);
}

void tt_log_last(void (*fn)(void *user, uint64_t wall_us, enum tt_log_level level, const char *text), void *user)
{
  pthread_mutex_lock(&kept.lock);
  for (size_t i = 0; i < TT_LOG_KEPT; i++) {
    size_t k = (kept.next + i) % TT_LOG_KEPT;
    if (kept.lines[k].text)
      fn(user, kept.lines[k].wall_us, kept.lines[k].level, kept.lines[k].text);
  }
  pthread_mutex_unlock(&kept.lock);
}

bool tt_log_is_journal(int fd, const char *journal_stream)
{
  uintmax_t device, inode;
  struct stat st;
  char rest;
  if (!journal_stream || sscanf(journal_stream, "%" SCNuMAX ":%" SCNuMAX "%c", &device, &inode, &rest) != 2)
    return false;
  return fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void tt_log_open(enum tt_log_level level)
{
  log_level = level;
  is_journal = tt_log_is_journal(STDERR_FILENO, getenv("JOURNAL_STREAM"));
}

void tt_logv(enum tt_log_level level, const char *about, const char *format, va_list ap)
{
  char raw[TT_LOG_LINE_MAX], text[TT_LOG_LINE_MAX], name[256] = "";
  if (level > log_level)
    return;

  int n = vsnprintf(raw, sizeof(raw), format, ap);
  if (n < 0)
    return;
  tt_text_printable(text, sizeof(text), raw, strlen(raw));
  if (about)
    tt_text_printable(name, sizeof(name), about, strlen(about));
  keep(level, name, text);

  if (is_journal)
    sd_journal_send("MESSAGE=%s%s%s", name, about ? ": " : "", text, "PRIORITY=%i", levels[level].priority,
                    "SYSLOG_IDENTIFIER=thingtree", "THINGTREE_ABOUT=%s", name, NULL);
  else /* one write: lines of several threads do not mix */
    dprintf(STDERR_FILENO, "thingtree: %s%s%s%s\n", levels[level].prefix, name, about ? ": " : "", text);
}

void tt_log(enum tt_log_level level, const char *about, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  tt_logv(level, about, format, ap);
  va_end(ap);
}
