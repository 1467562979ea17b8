/* SPDX-License-Identifier: Apache-2.0
 * The audit: lines, joined refusals, rotation, and what happens when it cannot be written. */
#define _GNU_SOURCE
#include "trust/audit.h"

#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"

#define SECOND TT_USEC_PER_SEC

static char dir[64], path[96];
static struct tt_core *core;
static struct tt_audit *audit;
static struct tt_audit_hooks hooks;
static struct tt_node *node;
static struct tt_now now;

static const struct tt_caller alice = {
    .kind = TT_CALLER_XMPP, .jid = "alice@example.org/phone", .bare = "alice@example.org"};
static const struct tt_caller local = {.kind = TT_CALLER_CLI, .jid = "uid:1000", .bare = "uid:1000", .uid = 1000};

static void open_audit(void)
{
  assert_int_equal(tt_audit_create(dir, &audit), 0);
  hooks = tt_audit_hooks(audit, core);
}

static int setup(void **state)
{
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = "lamp"};
  (void)state;
  strcpy(dir, "/tmp/tt-audit-XXXXXX");
  if (!mkdtemp(dir))
    return -1;
  snprintf(path, sizeof path, "%s/audit.jsonl", dir);
  now = (struct tt_now){.mono_us = SECOND, .wall_us = UINT64_C(1700000000) * SECOND};
  core = tt_core_create();
  tt_core_turn(core, now);
  assert_int_equal(tt_tree_add(tt_core_tree(core), now, &spec, &node), 0);
  open_audit();
  return 0;
}

static int remove_one(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  return remove(name);
}

static int teardown(void **state)
{
  (void)state;
  tt_core_destroy(core); /* before the audit: what is held is still written */
  tt_audit_destroy(audit);
  return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void pass(uint64_t us)
{
  now.mono_us += us;
  now.wall_us += us;
  tt_core_turn(core, now);
}

/* Line number `n` of the file, "" when there is none. Every line must be JSON. */
static const char *line(size_t n)
{
  static char text[4096];
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[0] = '\0';
  for (size_t i = 0; i <= n; i++)
    if (!fgets(text, sizeof text, file)) {
      text[0] = '\0';
      break;
    }
  fclose(file);
  if (*text) {
    struct json_object *json = json_tokener_parse(text);
    assert_non_null(json);
    json_object_put(json);
  }
  return text;
}

static const char *member(size_t n, const char *key)
{
  static char text[512];
  struct json_object *json = json_tokener_parse(line(n)), *value = NULL;
  assert_non_null(json);
  snprintf(text, sizeof text, "%s",
           json_object_object_get_ex(json, key, &value) ? json_object_get_string(value) : "(absent)");
  json_object_put(json);
  return text;
}

static void test_two_lines_with_one_id(void **state)
{
  struct tt_value old = TT_VALUE_QUANTITY(20.5, 2), new = TT_VALUE_BOOLEAN(true);
  char id[64];
  struct stat st;
  (void)state;
  uint64_t first = hooks.decision(hooks.user, &alice, node, "relay", &old, &new);
  assert_true(first != 0);
  pass(2 * SECOND);
  hooks.outcome(hooks.user, first, TT_REFUSED_DEVICE, "written, but the device says off");
  snprintf(id, sizeof id, "%s", member(0, "id"));
  assert_string_equal(member(0, "time"), "2023-11-14T22:13:20.000Z");
  assert_string_equal(member(0, "kind"), "decision");
  assert_string_equal(member(0, "jid"), "alice@example.org/phone");
  assert_string_equal(member(0, "node"), "lamp");
  assert_string_equal(member(0, "parameter"), "relay");
  assert_string_equal(member(0, "old"), "20.50");
  assert_string_equal(member(0, "new"), "true");
  assert_string_equal(member(1, "id"), id);
  assert_string_equal(member(1, "time"), "2023-11-14T22:13:22.000Z");
  assert_string_equal(member(1, "kind"), "outcome");
  assert_string_equal(member(1, "result"), "device-error");
  assert_string_equal(member(1, "text"), "written, but the device says off");
  uint64_t second = hooks.decision(hooks.user, &local, node, "relay", NULL, &new);
  assert_true(second != 0 && second != first);
  assert_string_equal(member(2, "uid"), "1000");
  assert_string_equal(member(2, "jid"), "(absent)");
  assert_string_equal(member(2, "old"), "(absent)");
  hooks.outcome(hooks.user, second, TT_OK, NULL);
  assert_string_equal(member(3, "result"), "ok");
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777 & ~0640, 0);
}

static void test_foreign_text_stays_in_its_line(void **state)
{
  static char huge[5000];
  struct tt_value value = {.type = TT_TYPE_STRING, .text = huge};
  const struct tt_caller odd = {
      .kind = TT_CALLER_XMPP, .jid = "a@b/\x1b[31m\n{\"kind\":\"outcome\"}\"\xff", .bare = "a@b"};
  (void)state;
  memset(huge, '"', sizeof huge - 1);
  assert_true(hooks.decision(hooks.user, &odd, node, "relay", &value, &value) != 0);
  assert_string_equal(member(0, "kind"), "decision");
  assert_string_equal(member(0, "jid"), "a@b/?[31m?{\"kind\":\"outcome\"}\"?");
  assert_int_equal(strlen(member(0, "new")), 255);
  assert_string_equal(line(1), "");
}

static void test_refusals_are_joined(void **state)
{
  const struct tt_caller bob = {.kind = TT_CALLER_XMPP, .jid = "bob@example.org/x", .bare = "bob@example.org"};
  (void)state;
  assert_int_equal(tt_audit_turn(audit, now), TT_NEVER);
  for (int i = 0; i < 1000; i++)
    hooks.refused(hooks.user, &bob, TT_ACCESS_CONTROL, i ? "fan" : "lamp");
  pass(10 * SECOND);
  hooks.refused(hooks.user, &local, TT_ACCESS_ADMIN, "");
  assert_string_equal(line(0), "");
  assert_int_equal(tt_audit_turn(audit, now), now.mono_us + 50 * SECOND);
  pass(50 * SECOND);
  assert_int_equal(tt_audit_turn(audit, now), now.mono_us + 10 * SECOND);
  assert_string_equal(member(0, "kind"), "refused");
  assert_string_equal(member(0, "jid"), "bob@example.org");
  assert_string_equal(member(0, "operation"), "control");
  assert_string_equal(member(0, "node"), "lamp");
  assert_string_equal(member(0, "count"), "1000");
  assert_string_equal(member(0, "since"), "2023-11-14T22:13:20.000Z");
  assert_string_equal(member(0, "time"), "2023-11-14T22:14:20.000Z");
  assert_string_equal(line(1), "");
  hooks.refused(hooks.user, &bob, TT_ACCESS_READ, "lamp");
  pass(3600 * SECOND);
  assert_int_equal(tt_audit_turn(audit, now), TT_NEVER);
  assert_string_equal(line(3), "");
  /* what is held when the program ends is written */
  hooks.refused(hooks.user, &bob, TT_ACCESS_READ, "lamp");
  tt_audit_destroy(audit);
  assert_string_equal(member(3, "count"), "1");
  open_audit();
}

static void test_many_strangers_share_a_line(void **state)
{
  char bare[64];
  struct tt_caller caller = {.kind = TT_CALLER_XMPP, .jid = bare, .bare = bare};
  size_t n = 0;
  (void)state;
  for (int i = 0; i < 5000; i++) {
    snprintf(bare, sizeof bare, "spam%d@example.org", i);
    hooks.refused(hooks.user, &caller, TT_ACCESS_BROWSE, "");
  }
  pass(60 * SECOND);
  tt_audit_turn(audit, now);
  while (*line(n))
    n++;
  assert_int_equal(n, 65);
  assert_string_equal(member(64, "jid"), "(others)");
  assert_string_equal(member(64, "count"), "4936");
}

static void test_rotation(void **state)
{
  struct tt_value value = TT_VALUE_BOOLEAN(true);
  char old[128];
  struct stat st;
  (void)state;
  snprintf(old, sizeof old, "%s.1", path);
  tt_audit_destroy(audit);
  assert_int_equal(truncate(path, TT_AUDIT_FILE_MAX - 200), 0);
  open_audit();
  assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_int_equal(stat(old, &st), -1);
  assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_int_equal(stat(old, &st), 0);
  assert_in_range(st.st_size, TT_AUDIT_FILE_MAX - 200, TT_AUDIT_FILE_MAX);
  assert_int_equal(stat(path, &st), 0);
  assert_in_range(st.st_size, 100, 400);
  assert_string_equal(member(0, "kind"), "decision");
}

static void test_a_torn_line_does_not_spoil_the_next(void **state)
{
  struct tt_value value = TT_VALUE_BOOLEAN(true);
  (void)state;
  tt_audit_destroy(audit);
  FILE *file = fopen(path, "w");
  fputs("{\"kind\":\"dec", file);
  fclose(file);
  open_audit();
  assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_string_equal(member(1, "kind"), "decision");
}

static void test_a_full_disk_refuses_writes(void **state)
{
  struct tt_value value = TT_VALUE_BOOLEAN(true);
  struct rlimit limit, small;
  (void)state;
  assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = strlen(line(0)) + 20;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  uint64_t torn = hooks.decision(hooks.user, &alice, node, "relay", NULL, &value);
  uint64_t none = hooks.decision(hooks.user, &alice, node, "relay", NULL, &value);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, SIG_DFL);
  assert_int_equal(torn, 0);
  assert_int_equal(none, 0);
  assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_string_equal(member(2, "kind"), "decision");
}

static void test_a_command(void **state)
{
  static struct tt_write write = {.verify_point = TT_NO_POINT};
  static const struct tt_point arguments[] = {
      {.name = "level", .type = TT_TYPE_INT64, .write = &write},
      {.name = "key", .type = TT_TYPE_STRING, .is_secret = true, .write = &write}};
  static const struct tt_command command = {.name = "go", .arguments = arguments, .n_arguments = 2};
  const struct tt_value values[] = {TT_VALUE_INT64(5), {.type = TT_TYPE_STRING, .text = (char[]){"hunter2"}}};
  (void)state;
  uint64_t id = hooks.command(hooks.user, &alice, node, &command, values);
  assert_true(id != 0);
  hooks.outcome(hooks.user, id, TT_OK, NULL);
  assert_string_equal(member(0, "kind"), "decision");
  assert_string_equal(member(0, "node"), node->key);
  assert_string_equal(member(0, "command"), "go");
  assert_string_equal(member(0, "arguments"), "{ \"level\": \"5\", \"key\": \"(secret)\" }");
  assert_string_equal(member(1, "kind"), "outcome");
  char said[20];
  snprintf(said, sizeof said, "%s", member(0, "id"));
  assert_string_equal(member(1, "id"), said);
}

/* Killed right after the decision: its line is there. */
static void test_the_decision_survives_a_kill(void **state)
{
  struct tt_value value = TT_VALUE_BOOLEAN(true);
  int status;
  (void)state;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0)
      kill(getpid(), SIGKILL);
    _exit(1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  assert_string_equal(member(0, "kind"), "decision");
}

static void test_files_that_are_none(void **state)
{
  struct tt_audit *other = NULL;
  (void)state;
  assert_int_equal(tt_audit_create("/nowhere/at/all", &other), -ENOENT);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("/dev/null", path), 0);
  assert_int_equal(tt_audit_create(dir, &other), -ELOOP);
  assert_int_equal(unlink(path), 0);
  assert_null(other);
  tt_audit_destroy(NULL);
}

static size_t lines_of(const struct tt_buf *text)
{
  size_t n = 0;
  for (size_t i = 0; i < text->len; i++)
    n += text->data[i] == '\n';
  return n;
}

static void test_the_last_lines(void **state)
{
  struct tt_value value = TT_VALUE_BOOLEAN(true);
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  (void)state;
  assert_int_equal(tt_audit_tail(audit, 5, &out), 0);
  assert_int_equal(out.len, 0);
  for (unsigned i = 0; i < 1000; i++)
    assert_true(hooks.decision(hooks.user, &alice, node, "relay", NULL, &value) != 0);
  assert_int_equal(tt_audit_device(audit, (struct tt_now){.wall_us = 1}, &alice, "edited", "lamp", NULL, NULL, "f"),
                   0);
  assert_int_equal(tt_audit_tail(audit, 2, &out), 0);
  assert_int_equal(lines_of(&out), 2);
  assert_int_equal(out.data[0], '{');
  assert_non_null(strstr(out.data, "\"kind\":\"edited\""));
  assert_non_null(strstr(out.data, "\"node\":\"lamp\",\"file\":\"f\"}\n"));
  tt_buf_truncate(&out, 0);
  assert_int_equal(tt_audit_tail(audit, 100000, &out), 0); /* no more than so many bytes, and whole lines */
  assert_true(lines_of(&out) > 100 && lines_of(&out) < 1000);
  assert_true(out.len <= TT_AUDIT_TAIL_MAX);
  assert_int_equal(out.data[0], '{');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_two_lines_with_one_id),
      TEST(test_foreign_text_stays_in_its_line),
      TEST(test_refusals_are_joined),
      TEST(test_many_strangers_share_a_line),
      TEST(test_rotation),
      TEST(test_the_last_lines),
      TEST(test_a_torn_line_does_not_spoil_the_next),
      TEST(test_a_full_disk_refuses_writes),
      TEST(test_a_command),
      TEST(test_the_decision_survives_a_kill),
      TEST(test_files_that_are_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
