/* SPDX-License-Identifier: Apache-2.0
 * Lines on stderr: levels, what foreign text becomes, and when stderr is the journal. */
#define _GNU_SOURCE /* pipe2 */
#include "service/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmocka_all.h"

static char captured[8192];
static int saved, pipe_fds[2];

static void begin(void)
{
  assert_int_equal(pipe2(pipe_fds, O_NONBLOCK), 0);
  saved = dup(STDERR_FILENO);
  dup2(pipe_fds[1], STDERR_FILENO);
}

static const char *end(void)
{
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(pipe_fds[1]);
  ssize_t n = read(pipe_fds[0], captured, sizeof(captured) - 1);
  captured[n > 0 ? n : 0] = '\0';
  close(pipe_fds[0]);
  return captured;
}

static void test_levels_and_about(void **state)
{
  (void)state;
  unsetenv("JOURNAL_STREAM");
  tt_log_open(TT_LOG_INFO);
  begin();
  tt_log(TT_LOG_INFO, NULL, "ready, %d devices", 3);
  tt_log(TT_LOG_WARNING, "broker", "connection refused");
  tt_log(TT_LOG_ERROR, NULL, "no");
  tt_log(TT_LOG_DEBUG, NULL, "not shown");
  assert_string_equal(end(), "thingtree: ready, 3 devices\n"
                             "thingtree: warning: broker: connection refused\n"
                             "thingtree: error: no\n");
  tt_log_open(TT_LOG_DEBUG);
  begin();
  tt_log(TT_LOG_DEBUG, NULL, "shown");
  assert_string_equal(end(), "thingtree: debug: shown\n");
}

static void test_foreign_text_cannot_forge_a_line(void **state)
{
  (void)state;
  tt_log_open(TT_LOG_INFO);
  begin();
  tt_log(TT_LOG_INFO, "a\nb", "x\r\nthingtree: ok\x1b[31m\x7f");
  const char *got = end();
  assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
  for (const char *p = got; p[1]; p++)
    assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void test_a_line_is_cut(void **state)
{
  char big[3 * TT_LOG_LINE_MAX];
  (void)state;
  memset(big, 'x', sizeof(big) - 1);
  big[sizeof(big) - 1] = '\0';
  begin();
  tt_log(TT_LOG_INFO, NULL, "%s", big);
  const char *got = end();
  assert_in_range(strlen(got), TT_LOG_LINE_MAX / 2, TT_LOG_LINE_MAX + 32);
  assert_int_equal(got[strlen(got) - 1], '\n');
}

static void test_journal_stream(void **state)
{
  char name[64];
  struct stat st;
  (void)state;
  begin();
  assert_int_equal(fstat(pipe_fds[1], &st), 0);
  snprintf(name, sizeof(name), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
  assert_true(tt_log_is_journal(pipe_fds[1], name));
  assert_false(tt_log_is_journal(saved, name));
  assert_false(tt_log_is_journal(pipe_fds[1], NULL));
  assert_false(tt_log_is_journal(pipe_fds[1], ""));
  assert_false(tt_log_is_journal(pipe_fds[1], "8:x"));
  strcat(name, "!");
  assert_false(tt_log_is_journal(pipe_fds[1], name));
  end();
}

struct last {
  size_t n;
  char first[64], last[64];
};

static void on_line(void *user, uint64_t wall_us, enum tt_log_level level, const char *text)
{
  struct last *last = user;
  assert_true(wall_us > 0 && level <= TT_LOG_INFO);
  if (last->n++ == 0)
    snprintf(last->first, sizeof(last->first), "%s", text);
  snprintf(last->last, sizeof(last->last), "%s", text);
}

static void test_the_last_lines_are_kept(void **state)
{
  struct last last = {0};
  (void)state;
  begin();
  for (unsigned i = 0; i < TT_LOG_KEPT + 3; i++)
    tt_log(TT_LOG_WARNING, "plug", "number %u", i);
  tt_log(TT_LOG_DEBUG, NULL, "not worth it");
  tt_log_last(on_line, &last);
  end();
  assert_int_equal(last.n, TT_LOG_KEPT);
  assert_string_equal(last.first, "plug: number 3");
  assert_string_equal(last.last, "plug: number 202");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_levels_and_about),        cmocka_unit_test(test_foreign_text_cannot_forge_a_line),
      cmocka_unit_test(test_a_line_is_cut),           cmocka_unit_test(test_journal_stream),
      cmocka_unit_test(test_the_last_lines_are_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
