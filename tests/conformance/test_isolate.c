/* SPDX-License-Identifier: Apache-2.0
 * A bridge in a process of its own, when something goes wrong with it: what it costs, and whom. This program is the daemon,
 * and started again it is the process of a bridge.
 *
 * The bridge in question is the connection `it`; beside it there is `other`, of a bridge in this process, whose readings
 * have to go on as if nothing happened. */
#define _GNU_SOURCE
#include "world.h"

#include "bridge/child.h"
#include "bridge/isolate.h"
#include "bridge/process.h"
#include "modbus_peer.h"
#include "naughty.h"
#include "service/log.h"

#include <dirent.h>
#include <linux/landlock.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-event.h>

extern const struct tt_bridge_ops tt_bridge_modbus;

#define SECRET  "correct-horse-battery"
#define ROUNDS  10
#define EVERY   (1000 * MS) /* poll class `often` of the world */
#define LATE    (1000 * MS) /* what a busy machine may add */
#define RETURNS (5000 * MS) /* "a few seconds" */

/* ---- Worlds --------------------------------------------------------------------------------------------------- */
static char file[64];

static void with_nothing(char *out, size_t size, unsigned device TT_UNUSED)
{
  snprintf(out, size, "%s", "");
}

static void open_world(struct world *w, const char *does, const char *points, unsigned n)
{
  char connection[300];
  snprintf(connection, sizeof(connection), "    does: %s\n    file: %s\n    password: " SECRET "\n", does, file);
  const struct world_text text = {
      .protocol = "naughty",
      .connection = connection,
      .mapping = points ? points : "points:\n  level: {type: integer, try: nothing, poll: often, write: {}}\n",
      .with = with_nothing,
      .n = n,
      .more = "connections:\n  other: {protocol: naughty, isolate: false}\n"
              "devices:\n  bystander: {uses: naughty/conformance, connection: other}\n",
  };
  world_open(w, &tt_bridge_naughty, &text);
}

static struct tt_connection_status other_status(struct world *w)
{
  return tt_host_connection(w->host, 1);
}

static pid_t pid_of(struct world *w)
{
  return world_status(w).pid;
}

static void wait_online(struct world *w)
{
  WAIT_FOR(w, world_is(w, "online") && pid_of(w) > 0);
}

static bool is_said(struct world *w, const char *text)
{
  const char *said = world_status(w).text;
  return said && strstr(said, text);
}

static uint64_t in(uint64_t us)
{
  return world_now() + us;
}

/* Load: every device is read and written all the time; every request is answered once, in time. */
struct load {
  struct answer answers[20];
  unsigned n, n_failed, n_good;
};

static void load_turn(struct world *w, struct load *load)
{
  for (unsigned i = 0; i < load->n; i++) {
    struct answer *a = &load->answers[i];
    char key[16];
    snprintf(key, sizeof(key), "d%u", i / 2);
    if (a->w && a->calls == 0)
      continue;
    assert_true(a->calls <= 1);
    load->n_failed += a->w && a->error < 0;
    load->n_good += a->w && a->error == 0;
    int r =
        i % 2 ? world_write(w, key, "level", 1, in(2000 * MS), a) : world_read(w, key, "level", in(2000 * MS), a);
    assert_int_equal(r, 0);
  }
}

static void load_end(struct world *w, struct load *load)
{
  for (unsigned i = 0; i < load->n; i++)
    WAIT_FOR(w, !load->answers[i].w || load->answers[i].calls > 0);
}

/* While this lasts the bystander is read on schedule, and no turn of the loop is long. */
struct watch {
  uint64_t seen_us, gap_us, turn_us;
};

static void watch_turn(struct world *w, struct watch *watch)
{
  uint64_t before_us = world_now(), seen_us = world_seen(w, "bystander", "level");
  world_turn(w, 20 * MS);
  uint64_t now_us = world_now();
  if (now_us - before_us > watch->turn_us)
    watch->turn_us = now_us - before_us;
  if (watch->seen_us && seen_us > watch->seen_us && seen_us - watch->seen_us > watch->gap_us)
    watch->gap_us = seen_us - watch->seen_us;
  watch->seen_us = seen_us;
}

static void watch_end(struct world *w, const struct watch *watch)
{
  print_message("the bystander: longest gap %u ms, longest turn %u ms\n", (unsigned)(watch->gap_us / MS),
                (unsigned)(watch->turn_us / MS));
  if (watch->gap_us > EVERY + LATE)
    fail_msg("the bystander was not read for %u ms; the longest turn took %u", (unsigned)(watch->gap_us / MS),
             (unsigned)(watch->turn_us / MS));
  if (watch->turn_us > 20 * MS + LATE)
    fail_msg("a turn of the loop took %u ms", (unsigned)(watch->turn_us / MS));
  assert_int_equal(other_status(w).failed, 0);
  assert_null(world_message(w, "bystander", "connection"));
}

#define WATCH_FOR(w, condition, watch, load)                                                                       \
  for (uint64_t end_us_ = in(PATIENCE); !(condition); load_turn(w, load), watch_turn(w, watch))                    \
    if (world_now() > end_us_)                                                                                     \
  fail_msg("waited in vain for: %s; it is %s, %s", #condition, world_status(w).state, world_status(w).text)

/* ---- It ends --------------------------------------------------------------------------------------------------- */
static void test_it_is_a_process(void **state TT_UNUSED)
{
  struct world w;
  struct answer a;
  open_world(&w, "well", NULL, 2);
  wait_online(&w);
  pid_t pid = pid_of(&w);
  assert_int_not_equal(pid, getpid());
  assert_int_equal(kill(pid, 0), 0);
  assert_int_equal(other_status(&w).pid, 0);
  assert_int_equal(world_read(&w, "d1", "level", in(5000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_true(a.number >= 1);
  world_close(&w);
  assert_int_equal(kill(pid, 0), -1); /* gone and reaped */
  assert_int_equal(errno, ESRCH);
}

static void ends(struct world *w, struct watch *watch, struct load *load, int signal, const char *said)
{
  pid_t pid = pid_of(w);
  uint64_t before_us = world_now();
  uint64_t restarts = world_status(w).restarts;
  unsigned n_good = load->n_good;
  assert_int_equal(kill(pid, signal), 0);
  WATCH_FOR(w, world_is(w, "offline"), watch, load);
  uint64_t noticed_us = world_now();
  if (!is_said(w, said))
    fail_msg("%s is not in: %s", said, world_status(w).text);
  assert_non_null(world_message(w, "d0", "connection"));
  WATCH_FOR(w, world_is(w, "online"), watch, load);
  assert_true(world_now() - noticed_us < RETURNS);
  assert_null(world_message(w, "d0", "connection"));
  assert_true(pid_of(w) != pid);
  assert_int_equal(world_status(w).restarts, restarts + 1);
  WATCH_FOR(w, load->n_good > n_good + 20, watch, load);
  WATCH_FOR(w, world_seen(w, "d0", "level") > noticed_us, watch, load);
  print_message("noticed after %u ms, back after %u ms\n", (unsigned)((noticed_us - before_us) / MS),
                (unsigned)((world_now() - before_us) / MS));
}

static void test_killed_under_load(void **state TT_UNUSED)
{
  struct world w;
  struct load load = {.n = 20};
  struct watch watch = {0};
  open_world(&w, "well", NULL, 10);
  wait_online(&w);
  WATCH_FOR(&w, load.n_good > 100 && watch.seen_us, &watch, &load);
  ends(&w, &watch, &load, SIGKILL, "signal 9");
  ends(&w, &watch, &load, SIGABRT, "signal 6");
  assert_true(load.n_failed > 0);
  load_end(&w, &load);
  watch_end(&w, &watch);
  world_close(&w);
}

/* A process that does not answer is ended after six seconds; until then its requests run out of time. */
static void test_stopped_under_load(void **state TT_UNUSED)
{
  struct world w;
  struct load load = {.n = 20};
  struct watch watch = {0};
  open_world(&w, "well", NULL, 10);
  wait_online(&w);
  WATCH_FOR(&w, load.n_good > 100 && watch.seen_us, &watch, &load);
  uint64_t before_us = world_now();
  ends(&w, &watch, &load, SIGSTOP, "did not answer");
  assert_true(world_now() - before_us > TT_ISOLATE_PING_US * TT_ISOLATE_SILENT - TT_ISOLATE_PING_US);
  assert_true(world_now() - before_us < TT_ISOLATE_PING_US * (TT_ISOLATE_SILENT + 2) + RETURNS);
  load_end(&w, &load);
  watch_end(&w, &watch);
  world_close(&w);
}

static void test_hanging_costs_its_own_devices(void **state TT_UNUSED)
{
  struct world w;
  struct load none = {0};
  struct watch watch = {0};
  struct answer a;
  open_world(&w, "hangs", NULL, 1);
  wait_online(&w);
  struct answer command;
  assert_int_equal(world_read(&w, "d0", "level", in(30000 * MS), &a), 0);
  assert_int_equal(world_write(&w, "d0", "level", 1, in(30000 * MS), &command), 0);
  WATCH_FOR(&w, a.calls > 0 && command.calls > 0, &watch, &none);
  assert_int_equal(a.error, -EPIPE); /* not at its deadline: at the end of the process */
  assert_null(strstr(a.text, "not known"));
  assert_int_equal(command.error, -EPIPE);
  assert_non_null(strstr(command.text, "; it is not known whether it was done"));
  watch_end(&w, &watch);
  world_close(&w);
}

static void test_stop_while_it_is_stopped(void **state TT_UNUSED)
{
  struct world w;
  struct answer a;
  open_world(&w, "well", NULL, 1);
  wait_online(&w);
  pid_t pid = pid_of(&w);
  assert_int_equal(kill(pid, SIGSTOP), 0);
  assert_int_equal(world_read(&w, "d0", "level", in(30000 * MS), &a), 0);
  world_turn(&w, 0);
  world_turn(&w, 0);
  world_stop(&w);
  WAIT_WITHIN(&w, w.is_stopped, 2000 * MS); /* the daemon waits no longer */
  assert_int_equal(a.error, -ECANCELED);
  world_close(&w);
  assert_int_equal(kill(pid, 0), -1);
}

static void test_detach_while_it_is_gone(void **state TT_UNUSED)
{
  struct world w;
  open_world(&w, "well", NULL, 3);
  wait_online(&w);
  kill(pid_of(&w), SIGSTOP);
  assert_int_equal(tt_host_detach(w.host, "d0"), 0); /* asked, never heard */
  world_turn(&w, 0);
  kill(pid_of(&w), SIGKILL);
  WAIT_FOR(&w, world_is(&w, "offline"));
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d0"));
  assert_int_equal(tt_host_detach(w.host, "d1"), 0); /* nobody there to be asked */
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d1"));
  assert_int_equal(tt_host_attach(w.host, "d0"), 0);
  wait_online(&w);
  struct answer a;
  assert_int_equal(world_read(&w, "d0", "level", in(5000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_int_equal(world_read(&w, "d1", "level", in(5000 * MS), &a), -ENODEV);
  world_close(&w);
}

/* ---- It never gets anywhere --------------------------------------------------------------------------------------- */
static void test_a_crash_loop_backs_off(void **state TT_UNUSED)
{
  struct world w;
  struct load none = {0};
  struct watch watch = {0};
  uint64_t starts[4], before_us;
  open_world(&w, "dies", NULL, 1);
  for (size_t i = 0; i < TT_COUNT(starts); i++) {
    WATCH_FOR(&w, world_status(&w).restarts >= i + 1, &watch, &none);
    starts[i] = world_now();
  }
  for (size_t i = 1; i < TT_COUNT(starts); i++) /* twice as long each time, and up to a half more */
    assert_true(starts[i] - starts[i - 1] >= isolate_backoff((unsigned)i + 1) - LATE / 10);
  assert_true(world_is(&w, "offline"));
  assert_true(is_said(&w, "signal 6"));
  /* Refused at once, not kept. */
  struct answer a;
  WATCH_FOR(&w, pid_of(&w) == 0, &watch, &none);
  before_us = world_now();
  assert_int_equal(world_write(&w, "d0", "level", 1, in(9000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, -EPIPE);
  assert_null(strstr(a.text, "not known")); /* it is known: it was not */
  assert_true(world_now() - before_us < LATE);
  watch_end(&w, &watch);
  world_close(&w);
}

static void test_what_cannot_start_says_why(void **state TT_UNUSED)
{
  struct world w;
  open_world(&w, "fails", NULL, 1);
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_true(is_said(&w, "could not be started: Package not installed"));
  world_close(&w);
}

static void test_a_program_that_is_not_there(void **state TT_UNUSED)
{
  struct world w;
  world_isolation.program = "/nowhere/thingtree";
  open_world(&w, "well", NULL, 1);
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_true(is_said(&w, "cannot be started (No such file or directory)"));
  world_close(&w);
  world_isolation.program = "/bin/false"; /* ends without a word */
  open_world(&w, "well", NULL, 1);
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_true(is_said(&w, "exit code 1"));
  world_close(&w);
  world_isolation.program = "/proc/self/exe";
}

static void test_a_device_that_is_refused(void **state TT_UNUSED)
{
  struct world w;
  open_world(&w, "refuses", NULL, 2);
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d0") && !tt_host_is_attached(w.host, "d1"));
  assert_string_equal(world_message(&w, "d0", "attach"), "there is no place for d0");
  assert_true(world_is(&w, "online"));
  struct answer a;
  assert_int_equal(world_read(&w, "d0", "level", in(1000 * MS), &a), -ENODEV);
  world_close(&w);
}

/* ---- It is hostile --------------------------------------------------------------------------------------------------- */
static void test_what_makes_no_sense_ends_it_alone(void **state TT_UNUSED)
{
  static const char *const kinds[] = {"garbage", "large", "strange", "outside"};
  for (size_t i = 0; i < TT_COUNT(kinds); i++) {
    struct world w;
    struct load none = {0};
    struct watch watch = {0};
    struct answer a;
    open_world(&w, kinds[i], NULL, 1);
    wait_online(&w);
    assert_int_equal(world_read(&w, "d0", "level", in(5000 * MS), &a), 0);
    WATCH_FOR(&w, world_is(&w, "offline"), &watch, &none);
    if (!is_said(&w, "made no sense"))
      fail_msg("%s: %s", kinds[i], world_status(&w).text);
    WATCH_FOR(&w, a.calls > 0, &watch, &none);
    assert_int_equal(a.error, -EPIPE);
    uint64_t restarts = world_status(&w).restarts;
    WATCH_FOR(&w, world_status(&w).restarts > restarts, &watch, &none); /* and it gets its next chance */
    watch_end(&w, &watch);
    world_close(&w);
  }
}

static void test_a_flood_does_not_hold_the_loop(void **state TT_UNUSED)
{
  struct world w;
  struct load load = {.n = 8};
  struct watch watch = {0};
  uint64_t end_us;
  open_world(&w, "floods", NULL, 4);
  wait_online(&w);
  end_us = in(4000 * MS);
  WATCH_FOR(&w, world_now() > end_us, &watch, &load);
  assert_true(world_status(&w).reports > 1000);
  assert_true(load.n_good > 20); /* it even answers */
  assert_true(world_is(&w, "online"));
  print_message("%llu reports, %u requests answered, longest turn %u us\n",
                (unsigned long long)world_status(&w).reports, load.n_good, (unsigned)watch.turn_us);
  load_end(&w, &load);
  watch_end(&w, &watch);
  world_close(&w);
}

/* What is said on the standard error meanwhile. */
static unsigned lines_of(FILE *log)
{
  unsigned n = 0;
  rewind(log);
  for (int c; (c = fgetc(log)) != EOF;)
    n += c == '\n';
  return n;
}

static void test_states_that_flap_do_not_flood_the_log(void **state TT_UNUSED)
{
  struct world w;
  struct load none = {0};
  struct watch watch = {0};
  FILE *log = tmpfile();
  assert_non_null(log);
  int before = dup(STDERR_FILENO);
  dup2(fileno(log), STDERR_FILENO);
  tt_log_open(TT_LOG_INFO);
  open_world(&w, "flaps", NULL, 4);
  uint64_t end_us = in(4000 * MS);
  WATCH_FOR(&w, world_now() > end_us, &watch, &none);
  dup2(before, STDERR_FILENO);
  close(before);
  tt_log_open(TT_LOG_ERROR);
  unsigned n = lines_of(log);
  fclose(log);
  print_message("%u lines\n", n);
  assert_true(n > 100 && n < 700); /* at most two windows */
  watch_end(&w, &watch);
  world_close(&w);
}

/* ---- What it can touch --------------------------------------------------------------------------------------------- */
static bool has_landlock(void)
{
  return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

static void test_what_it_can_touch(void **state TT_UNUSED)
{
  struct world w;
  struct answer a;
  struct tt_buf points TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&points, "points:\n");
  for (const struct naughty_attempt *attempt = naughty_attempts; attempt->name; attempt++)
    tt_buf_printf(&points, "  %s: {type: integer, try: %s}\n", attempt->name, attempt->name);
  tt_buf_puts(&points, "  level: {type: integer, poll: often}\n");
  open_world(&w, "well", points.data, 1);
  wait_online(&w);
  if (!has_landlock())
    print_message("the kernel has no Landlock: what files it can touch is not tested\n");
  for (const struct naughty_attempt *attempt = naughty_attempts; attempt->name; attempt++) {
    if (attempt->needs_landlock && !has_landlock())
      continue;
    assert_int_equal(world_read(&w, "d0", attempt->name, in(5000 * MS), &a), 0);
    WAIT_FOR(&w, a.calls > 0);
    if (a.error != 0 || (a.number == 0) != attempt->is_good)
      fail_msg("%s: %s, %s", attempt->name, strerror(-a.error), strerror((int)a.number));
  }
  assert_int_equal(world_status(&w).restarts, 0);
  world_close(&w);
}

/* The file that may be read is the one that was there: a new one of its name is read by a new process, when it is needed. */
static void test_a_file_is_replaced(void **state TT_UNUSED)
{
  struct world w;
  struct answer a;
  char fresh[80];
  open_world(&w, "well", NULL, 1);
  wait_online(&w);
  assert_int_equal(world_write(&w, "d0", "level", 1, in(5000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  snprintf(fresh, sizeof(fresh), "%s.fresh", file);
  assert_int_equal(close(open(fresh, O_WRONLY | O_CREAT, 0600)), 0);
  assert_int_equal(rename(fresh, file), 0);
  assert_int_equal(world_write(&w, "d0", "level", 1, in(5000 * MS), &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, has_landlock() ? -EACCES : 0);
  if (has_landlock()) {
    WAIT_FOR(&w, world_is(&w, "offline"));
    assert_true(is_said(&w, "has been replaced"));
    wait_online(&w);
    assert_int_equal(world_write(&w, "d0", "level", 1, in(5000 * MS), &a), 0);
    WAIT_FOR(&w, a.calls > 0);
    assert_int_equal(a.error, 0);
  }
  world_close(&w);
}

static void read_proc(pid_t pid, const char *name, char out[static 4096], size_t *ret_n)
{
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
  FILE *proc = fopen(path, "r");
  assert_non_null(proc);
  *ret_n = fread(out, 1, 4095, proc);
  out[*ret_n] = 0;
  fclose(proc);
}

static void test_nothing_of_the_daemon_is_in_it(void **state TT_UNUSED)
{
  struct world w;
  char text[4096], path[300], target[300];
  size_t n;
  int leak = open(file, O_RDONLY); /* without O_CLOEXEC, as a library might */
  int high = fcntl(leak, F_DUPFD, 200);
  assert_true(leak >= 0 && high >= 200);
  assert_int_equal(setenv("TT_TEST_SECRET", SECRET, 1), 0);
  open_world(&w, "well", NULL, 1);
  wait_online(&w);
  pid_t pid = pid_of(&w);

  read_proc(pid, "environ", text, &n);
  assert_int_equal(n, 0);
  read_proc(pid, "cmdline", text, &n);
  assert_memory_equal(text, "thingtree\0" TT_PROCESS_COMMAND, sizeof("thingtree\0" TT_PROCESS_COMMAND));
  assert_int_equal(n, sizeof("thingtree\0" TT_PROCESS_COMMAND));
  read_proc(pid, "status", text, &n);
  assert_non_null(strstr(text, "NoNewPrivs:\t1"));
  assert_non_null(strstr(text, "Seccomp:\t2"));
  const char *rights = strstr(text, "CapPrm:"); /* files and low ports, if the test has them */
  assert_non_null(rights);
  assert_int_equal(strtoull(rights + strlen("CapPrm:"), NULL, 16) & ~0x402ull, 0);
  read_proc(pid, "oom_score_adj", text, &n);
  assert_true(strtol(text, NULL, 10) >= 500);
  read_proc(pid, "limits", text, &n);
  assert_non_null(strstr(text, "Max core file size        0                    0 "));

  snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
  DIR *dir = opendir(path);
  assert_non_null(dir);
  unsigned n_sockets = 0;
  for (struct dirent *d; (d = readdir(dir));) {
    snprintf(path, sizeof(path), "/proc/%d/fd/%.20s", (int)pid, d->d_name);
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    if (size < 0)
      continue;
    target[size] = 0;
    n_sockets += strncmp(target, "socket:", 7) == 0;
    int fd = atoi(d->d_name);
    bool is_fine = fd <= 3 || strncmp(target, "anon_inode:", 11) == 0;
    if (!is_fine)
      fail_msg("descriptor %d is %s", fd, target);
  }
  closedir(dir);
  assert_int_equal(n_sockets, 1);
  world_close(&w);
  close(leak);
  close(high);
  unsetenv("TT_TEST_SECRET");
}

/* The daemon is killed: what it has started goes with it, whatever it is doing. */
static void test_it_ends_with_the_daemon(void **state TT_UNUSED)
{
  int pipes[2];
  pid_t pid = 0;
  assert_int_equal(pipe(pipes), 0);
  pid_t daemon = fork();
  assert_true(daemon >= 0);
  if (daemon == 0) {
    struct world w;
    open_world(&w, "floods", NULL, 1);
    wait_online(&w);
    pid = pid_of(&w);
    if (write(pipes[1], &pid, sizeof(pid)) != sizeof(pid))
      _exit(1);
    for (;;)
      world_turn(&w, 20 * MS);
  }
  assert_int_equal(read(pipes[0], &pid, sizeof(pid)), sizeof(pid));
  close(pipes[0]);
  close(pipes[1]);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  assert_true(pidfd >= 0);
  kill(daemon, SIGKILL);
  assert_int_equal(waitpid(daemon, NULL, 0), daemon);
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  assert_int_equal(poll(&end, 1, 2000), 1);
  close(pidfd);
}

static void test_signals_for_all_are_not_meant_for_it(void **state TT_UNUSED)
{
  struct world w;
  struct answer a;
  open_world(&w, "well", NULL, 1);
  wait_online(&w);
  pid_t pid = pid_of(&w);
  kill(pid, SIGTERM);
  kill(pid, SIGINT);
  kill(pid, SIGHUP);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(world_read(&w, "d0", "level", in(5000 * MS), &a), 0);
    WAIT_FOR(&w, a.calls > 0);
    assert_int_equal(a.error, 0);
  }
  assert_int_equal(pid_of(&w), pid);
  world_close(&w);
}

/* ---- What is found --------------------------------------------------------------------------------------------------- */
struct found {
  unsigned n, n_done;
  int error;
  char last[64], name[64], fact[64];
};

static void on_candidate(void *user, const struct tt_candidate *c)
{
  struct found *found = user;
  found->n++;
  snprintf(found->last, sizeof(found->last), "%s", c->id);
  if (c->name)
    snprintf(found->name, sizeof(found->name), "%s", c->name);
  if (c->n_facts > 0)
    snprintf(found->fact, sizeof(found->fact), "%s=%s", c->facts[0].name, c->facts[0].value);
}

static void on_discovered(void *user, int error, const char *text TT_UNUSED)
{
  struct found *found = user;
  found->n_done++;
  found->error = error;
}

static void test_discovery(void **state TT_UNUSED)
{
  struct world w;
  struct found found = {0};
  const struct tt_discovery_fns fns = {.user = &found, .candidate = on_candidate, .done = on_discovered};
  open_world(&w, "well", NULL, 1);
  wait_online(&w);
  assert_int_equal(tt_host_discover(w.host, BRIDGE, in(5000 * MS), &fns), 0);
  WAIT_FOR(&w, found.n_done > 0);
  assert_int_equal(found.error, 0);
  assert_int_equal(found.n, 2);
  assert_string_equal(found.last, "b");
  assert_string_equal(found.name, "A\xef\xbf\xbdlamp"); /* foreign text is cleaned */
  assert_string_equal(found.fact, "kind=lamp");
  kill(pid_of(&w), SIGSTOP);
  found = (struct found){0};
  assert_int_equal(tt_host_discover(w.host, BRIDGE, in(30000 * MS), &fns), 0);
  world_turn(&w, 0);
  kill(pid_of(&w), SIGKILL);
  WAIT_FOR(&w, found.n_done > 0);
  assert_int_equal(found.error, -EPIPE);
  world_close(&w);
}

/* ---- A command in flight ------------------------------------------------------------------------------------------------ */
static void with_level(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "level: %u", 4096 + device);
}

/* Killed at any moment of a write, the device has got it once or not at all, and the answer does not lie. */
static void test_a_write_is_never_done_twice(void **state TT_UNUSED)
{
  struct world w;
  struct peer peer = {0};
  struct peer_counts counts;
  char connection[200];
  unsigned long before = 0, n_good = 0;
  peer_start(&peer, NULL, "");
  snprintf(connection, sizeof(connection), "    host: %s\n    port: %d\n    timeout: 500ms\n", peer.host,
           peer.port);
  const struct world_text text = {
      .protocol = "modbus",
      .connection = connection,
      .mapping = "params: {level: {type: integer}}\npoints:\n"
                 "  level: {holding: \"${level}\", type: int16, write: {range: [0, 1000]}}\n",
      .with = with_level,
      .n = 1,
  };
  for (unsigned round = 0; round < ROUNDS; round++) {
    struct answer a, b;
    world_open(&w, &tt_bridge_modbus, &text);
    WAIT_FOR(&w, world_is(&w, "online"));
    assert_int_equal(world_write(&w, "d0", "level", 100 + round, in(5000 * MS), &a), 0);
    for (uint64_t end_us = in(round * MS); world_now() <= end_us;) /* on its way, a little further each time */
      world_turn(&w, 0);
    kill(pid_of(&w), SIGKILL);
    WAIT_FOR(&w, a.calls > 0);
    assert_true(a.error == 0 || a.error == -EPIPE);
    n_good += a.error == 0;
    WAIT_FOR(&w, world_is(&w, "offline"));
    WAIT_FOR(&w, world_is(&w, "online"));
    assert_int_equal(world_read(&w, "d0", "level", in(5000 * MS), &b), 0);
    WAIT_FOR(&w, b.calls > 0); /* whatever was left of the write has come by now */
    assert_int_equal(b.error, 0);
    peer_counts(&peer, &counts);
    assert_true(counts.writes - before <= 1);
    assert_true(a.error != 0 || counts.writes - before == 1);
    assert_true((counts.writes - before == 1) == (b.number == 100 + round));
    assert_int_equal(a.calls, 1);
    before = counts.writes;
    world_close(&w);
  }
  print_message("%lu of %d writes reached the device, %lu were told so\n", before, ROUNDS, n_good);
  peer_stop(&peer);
}

/* A serial line is a file that must be opened, and that comes and goes under its name. */
static void test_a_serial_line(void **state TT_UNUSED)
{
  struct world w;
  struct peer peer = {0};
  struct answer a;
  char connection[200], link[80];
  snprintf(link, sizeof(link), "%s.line", file);
  snprintf(connection, sizeof(connection), "    transport: rtu\n    device: %s\n", link);
  peer_start(&peer, link, "");
  const struct world_text text = {
      .protocol = "modbus",
      .connection = connection,
      .mapping = "params: {level: {type: integer}}\npoints:\n  level: {holding: \"${level}\", type: int16}\n",
      .with = with_level,
      .n = 1,
  };
  world_open(&w, &tt_bridge_modbus, &text);
  for (int i = 0; i < 2; i++) {
    WAIT_FOR(&w, world_is(&w, "online"));
    assert_int_equal(world_read(&w, "d0", "level", in(5000 * MS), &a), 0);
    WAIT_FOR(&w, a.calls > 0);
    if (a.error != 0)
      fail_msg("%s", a.text);
    peer_stop(&peer); /* unplugged */
    if (i == 0) {
      WAIT_FOR(&w, world_is(&w, "offline"));
      peer_start(&peer, link, "");
    }
  }
  /* Only the port that was there is permitted: another one takes a fresh process, which comes by itself. */
  assert_in_range(world_status(&w).restarts, 1, 3);
  world_close(&w);
  unlink(link);
}

/* ---- ---------------------------------------------------------------------------------------------------------------- */
static int make_file(void **state TT_UNUSED)
{
  snprintf(file, sizeof(file), "/tmp/tt-isolate-XXXXXX");
  int fd = mkstemp(file);
  close(fd);
  return fd < 0 ? -1 : 0;
}

static int remove_file(void **state TT_UNUSED)
{
  return unlink(file);
}

int main(int argc, char **argv)
{
  static const struct tt_bridge_ops *const builtin[] = {&tt_bridge_naughty, &tt_bridge_modbus, NULL};
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_it_is_a_process),
      cmocka_unit_test(test_killed_under_load),
      cmocka_unit_test(test_stopped_under_load),
      cmocka_unit_test(test_hanging_costs_its_own_devices),
      cmocka_unit_test(test_stop_while_it_is_stopped),
      cmocka_unit_test(test_detach_while_it_is_gone),
      cmocka_unit_test(test_a_crash_loop_backs_off),
      cmocka_unit_test(test_what_cannot_start_says_why),
      cmocka_unit_test(test_a_program_that_is_not_there),
      cmocka_unit_test(test_a_device_that_is_refused),
      cmocka_unit_test(test_what_makes_no_sense_ends_it_alone),
      cmocka_unit_test(test_a_flood_does_not_hold_the_loop),
      cmocka_unit_test(test_states_that_flap_do_not_flood_the_log),
      cmocka_unit_test(test_what_it_can_touch),
      cmocka_unit_test(test_a_file_is_replaced),
      cmocka_unit_test(test_nothing_of_the_daemon_is_in_it),
      cmocka_unit_test(test_it_ends_with_the_daemon),
      cmocka_unit_test(test_signals_for_all_are_not_meant_for_it),
      cmocka_unit_test(test_discovery),
      cmocka_unit_test(test_a_write_is_never_done_twice),
      cmocka_unit_test(test_a_serial_line),
  };
  if (argc == 2 && strcmp(argv[1], TT_PROCESS_COMMAND) == 0)
    return tt_child_run(builtin);
  if (argc == 2)
    cmocka_set_test_filter(argv[1]);
  tt_log_open(TT_LOG_ERROR);
  world_isolation.program = "/proc/self/exe";
  return cmocka_run_group_tests(tests, make_file, remove_file);
}
