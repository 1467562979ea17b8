/* SPDX-License-Identifier: Apache-2.0
 * The control socket: a real one in a directory of its own, a real core and
 * tree behind it, devices that do as the test says, and peers of every kind,
 * polite and hostile. */
#define _GNU_SOURCE /* setresuid */

#include "api/api.h"
#include "service/loop.h"
#include "trust/access.h"

#include <grp.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "cmocka_all.h"

#define TURNS_MAX   20000 /* a test that waits longer than this has failed */
#define PENDING_MAX 64

static int address;
static struct tt_write any_write = {.within_us = 5 * TT_USEC_PER_SEC, .verify_point = TT_NO_POINT};
static struct tt_write range_write = {
    .within_us = 5 * TT_USEC_PER_SEC, .verify_point = TT_NO_POINT, .has_range = true, .min = 0, .max = 100};
static const struct tt_point points[] = {
    {.name = "power",
     .type = TT_TYPE_QUANTITY,
     .unit = "W",
     .decimals = TT_DECIMALS_FREE,
     .categories = TT_CATEGORY_MOMENTARY,
     .address = &address},
    {.name = "relay",
     .type = TT_TYPE_BOOLEAN,
     .categories = TT_CATEGORY_STATUS,
     .address = &address,
     .write = &any_write},
    {.name = "level",
     .type = TT_TYPE_INT64,
     .unit = "%",
     .categories = TT_CATEGORY_STATUS,
     .address = &address,
     .write = &range_write},
    {.name = "shadow", .type = TT_TYPE_INT64, .is_hidden = true, .address = &address},
};
enum { POWER, RELAY, LEVEL };

struct pending {
  bool is_write;
  tt_id node;
  uint16_t points[8];
  size_t n;
  tt_device_fn fn;
  void *user;
};

struct fixture {
  char dir[64], path[80];
  sd_event *event;
  struct tt_core *core;
  struct tt_access *access;
  struct tt_api *api;
  struct pending pending[PENDING_MAX];
  size_t n_pending, n_reads, n_writes;
  bool is_held; /* the devices do not answer */

  int device_error; /* what they answer */
  int reload_error; /* > 0: refused */
  double power;
  char audit[4096];
};

/* ---- Devices and audit
 * ------------------------------------------------------------------------------------
 */

static int on_read(void *user, tt_id node, const uint16_t which[], size_t n, uint64_t deadline_us TT_UNUSED,
                   tt_device_fn fn, void *fn_user)
{
  struct fixture *f = user;
  struct pending *pending = &f->pending[f->n_pending++];
  *pending = (struct pending){.node = node, .n = n, .fn = fn, .user = fn_user};
  memcpy(pending->points, which, n * sizeof(*which));
  f->n_reads++;
  return 0;
}

static int on_write(void *user, tt_id node, uint16_t point, const struct tt_value *raw TT_UNUSED,
                    uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  struct fixture *f = user;
  f->pending[f->n_pending++] =
      (struct pending){.is_write = true, .node = node, .points = {point}, .n = 1, .fn = fn, .user = fn_user};
  f->n_writes++;
  return 0;
}

static const struct tt_point go_arguments[] = {
    {.name = "level", .type = TT_TYPE_INT64, .unit = "%", .missing = TT_MISSING_ABSENT, .write = &range_write},
    {.name = "note",
     .type = TT_TYPE_STRING,
     .unit = "",
     .missing = TT_MISSING_VALUE,
     .missing_value = {.type = TT_TYPE_STRING, .text = (char[]){"none"}},
     .write = &any_write}};
static const struct tt_command commands[] = {
    {.name = "blink"},
    {.name = "go", .confirm = {1, {"en"}, {"Sure?"}}, .arguments = go_arguments, .n_arguments = 2}};

static int on_command(void *user, tt_id node, uint16_t command TT_UNUSED, const struct tt_value raws[] TT_UNUSED,
                      uint64_t deadline_us TT_UNUSED, tt_device_fn fn, void *fn_user)
{
  struct fixture *f = user;
  f->pending[f->n_pending++] =
      (struct pending){.is_write = true, .node = node, .points = {0}, .n = 1, .fn = fn, .user = fn_user};
  f->n_writes++;
  return 0;
}

static uint64_t on_audit(void *user, const struct tt_caller *caller, const struct tt_node *node,
                         const struct tt_command *command, const struct tt_value values[] TT_UNUSED)
{
  struct fixture *f = user;
  size_t n = strlen(f->audit);
  snprintf(f->audit + n, sizeof(f->audit) - n, "%s does %s.%s;", caller->bare, node->key, command->name);
  return 1;
}

static void devices_answer(struct fixture *f)
{
  while (f->n_pending > 0 && !f->is_held) {
    struct pending pending = f->pending[--f->n_pending];
    struct tt_tree *tree = tt_core_tree(f->core);
    struct tt_node *node = tt_tree_get(tree, pending.node);
    for (size_t i = 0; i < pending.n && node && !pending.is_write && !f->device_error; i++) {
      struct tt_value raw = pending.points[i] == POWER   ? TT_VALUE_QUANTITY(f->power, 2)
                            : pending.points[i] == RELAY ? TT_VALUE_BOOLEAN(true)
                                                         : TT_VALUE_INT64(30);
      assert_int_equal(tt_node_report(tree, tt_core_now(f->core), node, pending.points[i], &raw, 0, false), 0);
    }
    pending.fn(pending.user, f->device_error, f->device_error ? "nobody home" : NULL);
  }
}

static uint64_t on_decision(void *user, const struct tt_caller *caller, const struct tt_node *node,
                            const char *parameter, const struct tt_value *old TT_UNUSED,
                            const struct tt_value *value TT_UNUSED)
{
  struct fixture *f = user;
  size_t n = strlen(f->audit);
  snprintf(f->audit + n, sizeof(f->audit) - n, "%s %s.%s;", caller->bare, node->key, parameter);
  return 1;
}

static void on_outcome(void *user TT_UNUSED, uint64_t id TT_UNUSED, enum tt_refusal result TT_UNUSED,
                       const char *text TT_UNUSED)
{
}

static void on_refused(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node TT_UNUSED)
{
  struct fixture *f = user;
  size_t n = strlen(f->audit);
  snprintf(f->audit + n, sizeof(f->audit) - n, "%s refused %d;", caller->bare, (int)op);
}

static int on_reload(void *user, struct tt_api_reload *ret);
static void on_status(void *user TT_UNUSED, const struct tt_status_sink *sink)
{
  sink->session(sink->user, &(struct tt_status_session){.kind = "account", .jid = "gw@h/t", .is_online = true});
  sink->connection(sink->user, &(struct tt_status_connection){
                                   .name = "broker", .protocol = "mqtt", .state = "offline", .text = "refused"});
  sink->room(sink->user, &(struct tt_status_room){.jid = "house@rooms.h", .nick = "gw", .is_in = true});
  sink->file(sink->user, "/etc/thingtree/thingtree.yaml");
  sink->count(sink->user, "inbox_dropped", 3);
}

/* ---- Set-up
 * ------------------------------------------------------------------------------------------------
 */

static struct tt_node *add_device(struct fixture *f, const char *key, const char *place)
{
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                              .key = key,
                              .place = place,
                              .type = "thingtree.device.test",
                              .points = points,
                              .n_points = TT_COUNT(points),
                              .commands = commands,
                              .n_commands = strcmp(key, "plug") == 0 ? TT_COUNT(commands) : 0,
                              .timeout_us = 5 * TT_USEC_PER_SEC};
  struct tt_node *node;
  assert_int_equal(tt_tree_add(tt_core_tree(f->core), tt_core_now(f->core), &spec, &node), 0);
  return node;
}

static void report(struct fixture *f, const char *key, uint16_t point, struct tt_value raw)
{
  struct tt_tree *tree = tt_core_tree(f->core);
  struct tt_node *node = tt_tree_find(tree, key, NULL, NULL);
  assert_int_equal(tt_node_report(tree, tt_core_now(f->core), node, point, &raw, 0, false), 0);
}

static const struct tt_poll_class poll_classes[] = {
    {.name = "normal", .every_us = 30 * TT_USEC_PER_SEC, .max_age_us = 30 * TT_USEC_PER_SEC}};

static int set_up(void **state)
{
  struct fixture *f = calloc(1, sizeof(*f));
  struct tt_api_hooks hooks = {.user = f, .status = on_status, .reload = on_reload};
  strcpy(f->dir, "/tmp/tt-api-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  assert_int_equal(chmod(f->dir, 0755), 0);
  snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
  assert_true(sd_event_new(&f->event) >= 0);
  assert_non_null(f->core = tt_core_create());
  tt_core_turn(f->core, tt_loop_clock());
  assert_int_equal(tt_access_create(NULL, 0, f->dir, &f->access), 0);
  tt_core_set_access(f->core, tt_access_hooks(f->access, f->core));
  tt_core_set_audit(f->core, (struct tt_audit_hooks){f, on_decision, on_outcome, on_refused, on_audit});
  tt_core_set_devices(f->core, (struct tt_device_hooks){f, on_read, on_write, on_command});
  tt_core_set_poll_classes(f->core, poll_classes, TT_COUNT(poll_classes));
  add_device(f, "plug", "house/hall");
  add_device(f, "meter", "house");
  f->power = 23.4;
  assert_int_equal(tt_api_create(f->core, f->access, f->event, f->path, &hooks, &f->api), 0);
  *state = f;
  return 0;
}

static int tear_down(void **state)
{
  struct fixture *f = *state;
  char rules[160];
  tt_api_destroy(f->api);
  tt_core_destroy(f->core);
  tt_access_destroy(f->access);
  sd_event_unref(f->event);
  snprintf(rules, sizeof(rules), "%s/rules.json", f->dir);
  unlink(rules);
  assert_int_equal(access(f->path, F_OK), -1); /* the socket is gone */
  assert_int_equal(rmdir(f->dir), 0);
  free(f);
  return 0;
}

static void turn(struct fixture *f)
{
  tt_core_turn(f->core, tt_loop_clock());
  devices_answer(f);
  for (int i = 0; i < 16 && sd_event_run(f->event, 0) > 0; i++)
    ;
}

/* ---- Peers
 * -------------------------------------------------------------------------------------------------
 */

struct peer {
  int fd;
  struct tt_buf in;
  size_t taken;
};

static int connect_to(const char *path)
{
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
    int r = -errno;
    close(fd);
    return r;
  }
  return fd;
}

/* The next line, the loop turning meanwhile; NULL: the daemon has closed. */
static json_object *next(struct fixture *f, struct peer *peer)
{
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    char *end = peer->in.data ? memchr(peer->in.data + peer->taken, '\n', peer->in.len - peer->taken) : NULL;
    if (end) {
      *end = '\0';
      json_object *line = json_tokener_parse(peer->in.data + peer->taken);
      assert_non_null(line);
      peer->taken = (size_t)(end - peer->in.data) + 1;
      return line;
    }
    char bytes[65536];
    ssize_t n = recv(peer->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0)
      tt_buf_add(&peer->in, bytes, (size_t)n);
    else if (n == 0 || errno == ECONNRESET)
      return NULL;
    else
      turn(f);
  }
  fail_msg("no line came");
  return NULL;
}

static struct peer come(struct fixture *f)
{
  struct peer peer = {.fd = connect_to(f->path)};
  assert_true(peer.fd >= 0);
  json_object *hello = next(f, &peer);
  assert_string_equal(json_object_get_string(json_object_object_get(hello, "hello")), "thingtree");
  assert_int_equal(json_object_get_int(json_object_object_get(hello, "api")), TT_API_VERSION);
  json_object_put(hello);
  return peer;
}

static void go(struct peer *peer)
{
  close(peer->fd);
  tt_buf_finish(&peer->in);
}

static void say(struct peer *peer, const char *text)
{
  assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void assert_line(json_object *line, const char *expected)
{
  assert_non_null(line);
  assert_string_equal(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN), expected);
  json_object_put(line);
}

static const char *text_of(json_object *line, const char *member)
{
  const char *text = json_object_get_string(json_object_object_get(line, member));
  return text ? text : "";
}

static json_object *ask(struct fixture *f, struct peer *peer, const char *request)
{
  say(peer, request);
  say(peer, "\n");
  return next(f, peer);
}

/* The member of a list whose "name" is `name`. */
static json_object *named(json_object *list, const char *name)
{
  for (size_t i = 0; i < json_object_array_length(list); i++)
    if (strcmp(text_of(json_object_array_get_idx(list, i), "name"), name) == 0)
      return json_object_array_get_idx(list, i);
  fail_msg("no %s", name);
  return NULL;
}

/* ---- Reading the tree
 * ---------------------------------------------------------------------------------------
 */

static void test_tree(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  report(f, "plug", POWER, TT_VALUE_QUANTITY(23.4, 2));
  static const char *const keys[] = {"house", "house/hall", "plug", "meter"};
  say(&peer, "{\"id\":7,\"do\":\"tree\"}\n");
  for (size_t i = 0; i < TT_COUNT(keys); i++) {
    json_object *line = next(f, &peer);
    assert_int_equal(json_object_get_int(json_object_object_get(line, "id")), 7);
    assert_string_equal(text_of(line, "node"), keys[i]);
    if (i == 2) {
      json_object *fields = json_object_object_get(line, "fields");
      assert_string_equal(text_of(line, "parent"), "house/hall");
      assert_int_equal(json_object_array_length(fields), 3); /* the hidden one is not there */
      json_object *power = named(fields, "power");
      assert_string_equal(json_object_to_json_string(json_object_object_get(power, "value")), "23.40");
      assert_string_equal(text_of(power, "unit"), "W");
      assert_null(json_object_object_get(named(fields, "relay"), "value"));
      assert_true(json_object_get_boolean(json_object_object_get(named(fields, "relay"), "writable")));
    }
    json_object_put(line);
  }
  assert_line(next(f, &peer), "{\"id\":7,\"done\":true}");
  json_object *line = ask(f, &peer, "{\"id\":\"x\",\"do\":\"tree\",\"node\":\"house/hall\"}");
  assert_string_equal(text_of(line, "node"), "house/hall");
  json_object_put(line);
  line = next(f, &peer);
  assert_string_equal(text_of(line, "node"), "plug");
  json_object_put(line);
  assert_line(next(f, &peer), "{\"id\":\"x\",\"done\":true}");
  assert_line(ask(f, &peer, "{\"do\":\"tree\",\"node\":\"plgu\"}"),
              "{\"error\":\"not-found\",\"text\":\"there is no node "
              "\\\"plgu\\\"\",\"did_you_mean\":\"plug\"}");
  go(&peer);
}

/* A tree that is larger than what may wait for one client arrives whole at one
 * that reads slowly. */
static void test_tree_larger_than_the_queue(void **state)
{
  struct fixture *f = *state;
  char key[160], request[64];
  size_t wanted = 0, got = 0;
  for (int i = 0; i < 12000; i++) {
    snprintf(key, sizeof(key), "device-%0120d", i);
    add_device(f, key, "many");
  }
  struct peer peer = come(f);
  snprintf(request, sizeof(request), "{\"do\":\"tree\",\"node\":\"many\"}");
  wanted = 12001;
  for (json_object *line = ask(f, &peer, request);; line = next(f, &peer)) {
    assert_non_null(line);
    bool is_done = json_object_object_get(line, "done");
    json_object_put(line);
    if (is_done)
      break;
    got++;
  }
  assert_int_equal(got, wanted);
  assert_true(peer.in.len > TT_API_OUTPUT_MAX);
  go(&peer);
}

static void test_read(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  report(f, "plug", POWER, TT_VALUE_QUANTITY(10, 1));
  json_object *line = ask(f, &peer, "{\"id\":1,\"do\":\"read\",\"nodes\":[\"plug\"],\"fields\":[\"power\"]}");
  json_object *power = json_object_array_get_idx(json_object_object_get(line, "fields"), 0);
  assert_string_equal(text_of(line, "node"), "plug");
  assert_string_equal(json_object_to_json_string(json_object_object_get(power, "value")), "10.0");
  json_object_put(line);
  assert_line(next(f, &peer), "{\"id\":1,\"done\":true}");
  assert_int_equal(f->n_reads, 0); /* young enough */
  line = ask(f, &peer,
             "{\"do\":\"read\",\"nodes\":[\"plug\"],\"fields\":[\"power\"],"
             "\"from_device\":true}");
  power = json_object_array_get_idx(json_object_object_get(line, "fields"), 0);
  assert_string_equal(json_object_to_json_string(json_object_object_get(power, "value")), "23.40");
  json_object_put(line);
  assert_line(next(f, &peer), "{\"done\":true}");
  assert_int_equal(f->n_reads, 1);
  f->device_error = -EHOSTUNREACH;
  line = ask(f, &peer, "{\"do\":\"read\",\"nodes\":\"meter\",\"from_device\":true}");
  while (line && !*text_of(line, "failed")) { /* what is known may come before the failure */
    assert_null(json_object_object_get(line, "done"));
    json_object_put(line);
    line = next(f, &peer);
  }
  assert_string_equal(text_of(line, "node"), "meter");
  assert_non_null(strstr(text_of(line, "failed"), "nobody home"));
  json_object_put(line);
  assert_line(next(f, &peer), "{\"done\":true}");
  assert_line(ask(f, &peer,
                  "{\"do\":\"read\",\"nodes\":[\"plug\",\"meter\"],\"fields\":["
                  "\"powr\"]}"),
              "{\"error\":\"not-found\",\"text\":\"none of these nodes has a "
              "field \\\"powr\\\"\","
              "\"did_you_mean\":\"power\"}");
  go(&peer);
}

/* More than one answer may hold is refused, with what to do instead, and the
 * connection goes on. */
static void test_read_too_large(void **state)
{
  struct fixture *f = *state;
  static const struct tt_point notes[] = {
      {.name = "first", .type = TT_TYPE_STRING, .categories = TT_CATEGORY_STATUS, .address = &address},
      {.name = "second", .type = TT_TYPE_STRING, .categories = TT_CATEGORY_STATUS, .address = &address}};
  char key[16], text[TT_TEXT_MAX];
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  TT_AUTOBUF struct tt_buf request = TT_BUF(0);
  tt_buf_puts(&request, "{\"do\":\"read\",\"categories\":\"all\",\"nodes\":[");
  for (int i = 0; i < 400; i++) {
    struct tt_node_spec spec = {.kind = TT_NODE_DEVICE, .key = key, .points = notes, .n_points = TT_COUNT(notes)};
    struct tt_node *node;
    snprintf(key, sizeof(key), "note-%d", i);
    assert_int_equal(tt_tree_add(tt_core_tree(f->core), tt_core_now(f->core), &spec, &node), 0);
    for (uint16_t point = 0; point < TT_COUNT(notes); point++)
      report(f, key, point, (struct tt_value){.type = TT_TYPE_STRING, .text = text});
    tt_buf_printf(&request, "%s\"%s\"", i > 0 ? "," : "", key);
  }
  tt_buf_puts(&request, "]}");
  struct peer peer = come(f);
  json_object *line = ask(f, &peer, request.data);
  while (json_object_object_get(line, "node")) {
    json_object_put(line);
    line = next(f, &peer);
  }
  assert_string_equal(text_of(line, "error"), "too-large");
  json_object_put(line);
  line = ask(f, &peer, "{\"do\":\"read\",\"nodes\":[\"note-7\"]}");
  assert_string_equal(text_of(line, "node"), "note-7");
  json_object_put(line);
  go(&peer);
}

static void test_too_many_names(void **state)
{
  struct fixture *f = *state;
  for (int n = TT_API_NAMES_MAX; n <= TT_API_NAMES_MAX + 1; n++) {
    TT_AUTOBUF struct tt_buf request = TT_BUF(0);
    tt_buf_puts(&request, "{\"do\":\"watch\",\"nodes\":[\"plug\"");
    for (int i = 1; i < n; i++)
      tt_buf_puts(&request, ",\"plug\"");
    tt_buf_puts(&request, "]}");
    struct peer peer = come(f);
    json_object *line = ask(f, &peer, request.data);
    assert_string_equal(text_of(line, "error"), n > TT_API_NAMES_MAX ? "bad-request" : "");
    json_object_put(line);
    go(&peer);
  }
}

/* A peer that leaves in the middle of a readout takes nothing with it. */
static void test_leaving_while_reading(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f), other = come(f);
  f->is_held = true;
  say(&peer, "{\"do\":\"read\",\"nodes\":[\"plug\"]}\n");
  for (int i = 0; i < 100 && f->n_pending == 0; i++)
    turn(f);
  assert_int_equal(f->n_pending, 1);
  go(&peer);
  for (int i = 0; i < 10; i++)
    turn(f);
  f->is_held = false;
  json_object *line = ask(f, &other, "{\"do\":\"status\"}");
  assert_int_equal(
      json_object_get_int(json_object_object_get(json_object_object_get(line, "counts"), "api_clients")), 1);
  json_object_put(line);
  go(&other);
}

/* ---- Setting
 * -------------------------------------------------------------------------------------------------
 */

static void test_commands(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  char expected[64];
  assert_line(
      ask(f, &peer, "{\"id\":1,\"do\":\"commands\",\"node\":\"plug\"}"),
      "{\"id\":1,\"node\":\"plug\",\"commands\":[{\"name\":\"blink\",\"arguments\":[]},"
      "{\"name\":\"go\",\"confirm\":\"Sure?\",\"arguments\":[{\"name\":\"level\",\"type\":\"int64\",\"unit\":\"%\","
      "\"required\":true,\"min\":0.0,\"max\":100.0},{\"name\":\"note\",\"type\":\"string\","
      "\"required\":false,\"default\":\"none\"}]}],\"done\":true}");
  assert_line(ask(f, &peer, "{\"id\":2,\"do\":\"commands\",\"node\":\"meter\"}"),
              "{\"id\":2,\"node\":\"meter\",\"commands\":[],\"done\":true}");
  assert_line(ask(f, &peer, "{\"id\":3,\"do\":\"execute\",\"node\":\"plug\",\"command\":\"blink\"}"),
              "{\"id\":3,\"done\":true}");
  assert_line(
      ask(f, &peer,
          "{\"id\":4,\"do\":\"execute\",\"node\":\"plug\",\"command\":\"go\",\"arguments\":{\"level\":\"7 %\"}}"),
      "{\"id\":4,\"done\":true}"); /* as people write it */
  assert_int_equal(f->n_writes, 2);
  snprintf(expected, sizeof(expected), "uid:%u does plug.blink;uid:%u does plug.go;", getuid(), getuid());
  assert_string_equal(f->audit, expected);
  static const struct {
    const char *more, *code, *name, *meant;
  } rows[] = {
      {"\"command\":\"go\",\"arguments\":{\"level\":101}", "bad-request", "level", ""},
      {"\"command\":\"go\"", "bad-request", "level", ""},
      {"\"command\":\"go\",\"arguments\":{\"level\":1,\"noet\":\"x\"}", "bad-request", "noet", "note"},
      {"\"command\":\"blnk\"", "not-found", "", ""},
      {"\"arguments\":{}", "bad-request", "", ""},
      {"\"command\":\"go\",\"arguments\":{\"level\":[1]}", "bad-request", "", ""},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    char request[200];
    snprintf(request, sizeof(request), "{\"do\":\"execute\",\"node\":\"plug\",%s}", rows[i].more);
    json_object *line = ask(f, &peer, request);
    assert_string_equal(text_of(line, "error"), rows[i].code);
    json_object *error =
        *rows[i].name ? json_object_array_get_idx(json_object_object_get(line, "errors"), 0) : NULL;
    if (error)
      assert_string_equal(text_of(error, "name"), rows[i].name);
    if (*rows[i].meant)
      assert_string_equal(text_of(error, "did_you_mean"), rows[i].meant);
    json_object_put(line);
  }
  assert_int_equal(f->n_writes, 2);
  go(&peer);
}

static void test_set(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  char expected[64];
  assert_line(ask(f, &peer,
                  "{\"id\":1,\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{"
                  "\"relay\":true,\"level\":40}}"),
              "{\"id\":1,\"nodes\":[\"plug\"],\"names\":[\"relay\",\"level\"],"
              "\"complete\":true,\"done\":true}");
  assert_int_equal(f->n_writes, 2);
  snprintf(expected, sizeof(expected), "uid:%u plug.relay;uid:%u plug.level;", getuid(), getuid());
  assert_string_equal(f->audit, expected);
  json_object *line = ask(f, &peer,
                          "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{"
                          "\"relay\":\"true\",\"level\":\"101\"}}");
  assert_string_equal(text_of(line, "error"), "bad-request");
  assert_string_equal(text_of(json_object_array_get_idx(json_object_object_get(line, "errors"), 0), "name"),
                      "level");
  json_object_put(line);
  assert_int_equal(f->n_writes, 2); /* validity is all or nothing */
  line = ask(f, &peer, "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"level\":\"101\"},\"language\":\"de\"}");
  assert_string_equal(text_of(line, "text"), "Ein Wert ist nicht gültig; es wurde nichts gesetzt.");
  assert_string_equal(text_of(json_object_array_get_idx(json_object_object_get(line, "errors"), 0), "text"),
                      "101 liegt über dem größten Wert, 100");
  json_object_put(line);
  line = ask(f, &peer, "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relya\":\"true\"}}");
  assert_string_equal(text_of(line, "error"), "not-found");
  assert_string_equal(text_of(json_object_array_get_idx(json_object_object_get(line, "errors"), 0), "did_you_mean"),
                      "relay");
  json_object_put(line);
  /* As people write it, in their language. */
  json_object_put(ask(f, &peer,
                      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":\"aus\",\"level\":\"40,0\"},"
                      "\"language\":\"de\"}"));
  assert_int_equal(f->n_writes, 4);
  f->n_writes = 2;
  f->device_error = -ECONNREFUSED;
  line = ask(f, &peer,
             "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":\"0\","
             "\"level\":1}}");
  assert_string_equal(text_of(line, "error"), "device");
  json_object_put(line);
  assert_int_equal(f->n_writes, 3); /* ends at the first that fails */
  go(&peer);
}

/* A command is carried out although whoever gave it has gone; also when the
 * daemon goes before it is done. */
static void test_leaving_while_setting(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  f->is_held = true;
  say(&peer, "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":true}}\n");
  go(&peer);
  for (int i = 0; i < 100 && f->n_pending == 0; i++)
    turn(f);
  assert_int_equal(f->n_writes, 1);
  for (int i = 0; i < 10; i++)
    turn(f);
  f->is_held = false;
  turn(f);
  assert_int_equal(f->n_pending, 0);
  f->is_held = true;
  struct peer last = come(f);
  say(&last, "{\"do\":\"set\",\"nodes\":[\"meter\"],\"set\":{\"relay\":true}}\n");
  for (int i = 0; i < 100 && f->n_pending == 0; i++)
    turn(f);
  assert_int_equal(f->n_writes, 2);
  go(&last);
}

/* ---- Watching
 * ------------------------------------------------------------------------------------------------
 */

static void test_watch(void **state)
{
  struct fixture *f = *state;
  struct peer hall = come(f), all = come(f);
  assert_line(ask(f, &hall, "{\"id\":1,\"do\":\"watch\",\"nodes\":[\"house/hall\"]}"),
              "{\"id\":1,\"watching\":true}");
  assert_line(ask(f, &all, "{\"do\":\"watch\"}"), "{\"watching\":true}");
  report(f, "plug", POWER, TT_VALUE_QUANTITY(1, 1));
  report(f, "plug", POWER, TT_VALUE_QUANTITY(1, 1)); /* not a change */
  report(f, "meter", POWER, TT_VALUE_QUANTITY(2, 1));
  report(f, "plug", POWER, TT_VALUE_QUANTITY(3, 1));
  static const char *const wanted[] = {"1.0", "3.0"};
  for (size_t i = 0; i < TT_COUNT(wanted); i++) {
    json_object *line = next(f, &hall), *field = json_object_object_get(line, "field");
    assert_string_equal(text_of(line, "node"), "plug");
    assert_string_equal(json_object_to_json_string(json_object_object_get(field, "value")), wanted[i]);
    assert_non_null(json_object_object_get(line, "at"));
    json_object_put(line);
  }
  struct tt_tree *tree = tt_core_tree(f->core);
  struct tt_node *plug = tt_tree_find(tree, "plug", NULL, NULL);
  tt_node_message(tree, tt_core_now(f->core), plug, "offline", TT_MESSAGE_ERROR, "gone");
  json_object *line = next(f, &hall);
  assert_string_equal(text_of(line, "state"), "ErrorUnsigned");
  json_object_put(line);
  assert_int_equal(tt_tree_remove(tree, tt_core_now(f->core), plug->id), 0);
  line = next(f, &hall);
  assert_string_equal(text_of(line, "change"), "removed");
  json_object_put(line);
  static const char *const nodes[] = {"plug", "meter", "plug", "plug", "plug"};
  for (size_t i = 0; i < TT_COUNT(nodes); i++) {
    line = next(f, &all);
    assert_string_equal(text_of(line, "node"), nodes[i]);
    json_object_put(line);
  }
  go(&hall);
  go(&all);
}

/* Whoever watches and does not read is dropped; the others do not notice. */
static void test_watching_without_reading(void **state)
{
  struct fixture *f = *state;
  struct peer slow = come(f), other = come(f);
  assert_line(ask(f, &slow, "{\"do\":\"watch\"}"), "{\"watching\":true}");
  int64_t n_clients = 2;
  for (int i = 0; i < 100000 && n_clients > 1; i++) {
    report(f, "plug", POWER, TT_VALUE_QUANTITY(i, 0));
    if (i % 1000 == 0) {
      json_object *line = ask(f, &other, "{\"do\":\"status\"}");
      n_clients =
          json_object_get_int64(json_object_object_get(json_object_object_get(line, "counts"), "api_clients"));
      json_object_put(line);
    }
  }
  assert_int_equal(n_clients, 1);
  go(&slow);
  go(&other);
}

/* ---- Status and strangers' requests
 * ----------------------------------------------------------------------------
 */

static void test_status(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  struct tt_tree *tree = tt_core_tree(f->core);
  tt_node_message(tree, tt_core_now(f->core), tt_tree_find(tree, "meter", NULL, NULL), "timeout", TT_MESSAGE_ERROR,
                  "no answer");
  json_object *line = ask(f, &peer, "{\"do\":\"status\"}");
  assert_string_equal(text_of(line, "version"), TT_VERSION);
  assert_string_equal(
      json_object_to_json_string_ext(json_object_object_get(line, "devices"), JSON_C_TO_STRING_PLAIN),
      "{\"total\":2,\"ok\":1,\"warning\":0,\"error\":1,\"disabled\":0}");
  json_object *trouble = json_object_array_get_idx(json_object_object_get(line, "troubles"), 0);
  assert_string_equal(text_of(trouble, "node"), "meter");
  json_object *session = json_object_array_get_idx(json_object_object_get(line, "xmpp"), 0);
  assert_string_equal(text_of(session, "state"), "online");
  json_object *connection = json_object_array_get_idx(json_object_object_get(line, "connections"), 0);
  assert_string_equal(text_of(connection, "text"), "refused");
  json_object *room = json_object_array_get_idx(json_object_object_get(line, "rooms"), 0);
  assert_string_equal(text_of(room, "jid"), "house@rooms.h");
  assert_string_equal(text_of(room, "state"), "in");
  assert_int_equal(json_object_array_length(json_object_object_get(line, "files")), 1);
  assert_int_equal(
      json_object_get_int(json_object_object_get(json_object_object_get(line, "counts"), "inbox_dropped")), 3);
  json_object_put(line);
  go(&peer);
}

static int on_reload(void *user, struct tt_api_reload *ret)
{
  struct fixture *f = user;
  if (f->reload_error < 0)
    return f->reload_error;
  *ret = (struct tt_api_reload){.is_refused = f->reload_error > 0,
                                .why = "said",
                                .errors = 1,
                                .devices = {1, 2, 3, 4},
                                .diagnostics = strdup("x.yaml:1:1: error[x]: y\n")};
  return 0;
}

static void test_reload(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  assert_line(
      ask(f, &peer, "{\"do\":\"reload\"}"),
      "{\"refused\":false,\"text\":\"said\",\"errors\":1,\"devices\":{\"added\":1,\"changed\":2,\"removed\":3,"
      "\"unchanged\":4},\"connections\":{\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0},"
      "\"diagnostics\":\"x.yaml:1:1: error[x]: y\\n\",\"done\":true}");
  f->reload_error = 1;
  assert_line(ask(f, &peer, "{\"do\":\"reload\"}"),
              "{\"refused\":true,\"text\":\"said\",\"errors\":1,\"diagnostics\":\"x.yaml:1:1: error[x]: y\\n\","
              "\"done\":true}");
  f->reload_error = -ENOMEM;
  json_object *line = ask(f, &peer, "{\"do\":\"reload\"}");
  assert_string_equal(json_object_get_string(json_object_object_get(line, "error")), "failed");
  json_object_put(line);
  go(&peer);
}

static void test_requests(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  tt_access_request(f->access, tt_core_now(f->core), "bob@example.org", "gw@example.org");
  tt_access_request(f->access, tt_core_now(f->core), "eve@example.org", "gw@example.org");
  json_object *line = ask(f, &peer, "{\"do\":\"requests\"}");
  assert_int_equal(json_object_array_length(json_object_object_get(line, "requests")), 2);
  json_object_put(line);
  assert_line(ask(f, &peer,
                  "{\"do\":\"accept\",\"jid\":\"bob@example.org\",\"role\":"
                  "\"reader\",\"nodes\":\"house/**\"}"),
              "{\"jid\":\"bob@example.org\",\"done\":true}");
  assert_true(tt_access_knows(f->access, "bob@example.org"));
  assert_line(ask(f, &peer, "{\"do\":\"deny\",\"jid\":\"eve@example.org\"}"),
              "{\"jid\":\"eve@example.org\",\"done\":true}");
  assert_false(tt_access_knows(f->access, "eve@example.org"));
  assert_line(ask(f, &peer, "{\"do\":\"revoke\",\"jid\":\"bob@example.org\"}"),
              "{\"jid\":\"bob@example.org\",\"done\":true}");
  assert_false(tt_access_knows(f->access, "bob@example.org"));
  /* Who asked for one thing is granted that alone, and the answer says so. */
  static char path[] = "house/plug";
  tt_access_request_thing(f->access, tt_core_now(f->core), "ann@example.org", "plug@gw.example.org",
                          &(struct tt_node){.kind = TT_NODE_DEVICE, .path = path});
  line = ask(f, &peer, "{\"do\":\"requests\"}");
  assert_string_equal(text_of(json_object_array_get_idx(json_object_object_get(line, "requests"), 0), "nodes"),
                      "house/plug");
  json_object_put(line);
  assert_line(ask(f, &peer, "{\"do\":\"accept\",\"jid\":\"ann@example.org\",\"role\":\"reader\"}"),
              "{\"jid\":\"ann@example.org\",\"nodes\":[\"house\\/plug\"],\"done\":true}");
  static const struct {
    const char *request, *error;
  } cases[] = {
      {"{\"do\":\"deny\",\"jid\":\"eve@example.org\"}", "not-found"},
      {"{\"do\":\"revoke\",\"jid\":\"bob@example.org\"}", "not-found"},
      {"{\"do\":\"revoke\",\"jid\":\"@\"}", "bad-request"},
      {"{\"do\":\"accept\",\"jid\":\"bob@example.org\",\"role\":\"king\"}", "bad-request"},
      {"{\"do\":\"accept\",\"jid\":\"bob@example.org\",\"role\":\"none\"}", "bad-request"},
      {"{\"do\":\"accept\",\"jid\":\"bob@example.org\"}", "bad-request"},
      {"{\"do\":\"accept\",\"jid\":\"not a jid@@\",\"role\":\"reader\"}", "bad-request"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    line = ask(f, &peer, cases[i].request);
    assert_string_equal(text_of(line, "error"), cases[i].error);
    json_object_put(line);
  }
  go(&peer);
}

/* ---- The door
 * -------------------------------------------------------------------------------------------------
 */

static void test_role(void **state)
{
  (void)state;
  const gid_t groups[] = {100, 200};
  assert_int_equal(tt_api_role(50, 200, 0, NULL, 0), TT_ROLE_ADMIN);
  assert_int_equal(tt_api_role(50, 200, 50, NULL, 0), TT_ROLE_ADMIN);
  assert_int_equal(tt_api_role(50, 200, 51, groups, 2), TT_ROLE_OPERATOR);
  assert_int_equal(tt_api_role(50, 201, 51, groups, 2), TT_ROLE_NONE);
  assert_int_equal(tt_api_role(50, 200, 51, NULL, 0), TT_ROLE_NONE);
}

/* Another user's first line, and the answer to one request. */
static void visit_as(struct fixture *f, uid_t uid, gid_t group, bool is_supplementary, char *out, size_t size)
{
  int fds[2];
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    char bytes[4096];
    ssize_t n;
    gid_t own = is_supplementary ? (gid_t)uid : group;
    if (setgroups(is_supplementary ? 1 : 0, &group) < 0 || setresgid(own, own, own) < 0 ||
        setresuid(uid, uid, uid) < 0)
      _exit(3);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
      _exit(write(fds[1], "EACCES", 6) == 6 ? 0 : 3);
    (void)!send(fd, "{\"do\":\"requests\"}\n", 18, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
      if (write(fds[1], bytes, (size_t)n) != n)
        _exit(3);
    _exit(0);
  }
  close(fds[1]);
  int status = 0;
  for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
    tt_core_turn(f->core, tt_loop_clock());
    sd_event_run(f->event, 1000);
    assert_true(i < TURNS_MAX);
  }
  assert_int_equal(status, 0);
  ssize_t n = read(fds[0], out, size - 1);
  out[n > 0 ? n : 0] = '\0';
  close(fds[0]);
}

static void test_other_users(void **state)
{
  struct fixture *f = *state;
  char out[4096];
  struct stat st;
  if (geteuid() != 0)
    skip();
  assert_int_equal(stat(f->path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0660);
  visit_as(f, 4242, 4242, false, out, sizeof(out));
  assert_string_equal(out, "EACCES");
  assert_int_equal(chown(f->path, 0, 0), 0);
  for (int is_supplementary = 0; is_supplementary < 2; is_supplementary++) {
    visit_as(f, 4242, st.st_gid, is_supplementary, out, sizeof(out));
    assert_non_null(strstr(out, "\"role\":\"operator\""));
    assert_non_null(strstr(out, "{\"error\":\"forbidden\",\"text\":\"this needs the role "
                                "admin; uid:4242 has the role operator\"}"));
  }
  /* The mode of the file is a convenience; what the kernel says of the peer
   * decides. */
  assert_int_equal(chmod(f->path, 0666), 0);
  f->audit[0] = '\0';
  visit_as(f, 4242, 4242, false, out, sizeof(out));
  assert_string_equal(out, "{\"error\":\"forbidden\",\"text\":\"uid:4242 is "
                           "neither root, nor the daemon's user, nor in the "
                           "socket's group\"}\n");
  assert_string_equal(f->audit, "uid:4242 refused 0;");
}

static void test_the_socket_file(void **state)
{
  struct fixture *f = *state;
  struct tt_api *second = NULL;
  char path[100], longer[300];
  assert_int_equal(tt_api_create(f->core, f->access, f->event, f->path, NULL, &second), -EADDRINUSE);
  memset(longer, 'x', sizeof(longer));
  longer[0] = '/';
  longer[sizeof(longer) - 1] = '\0';
  assert_int_equal(tt_api_create(f->core, f->access, f->event, longer, NULL, &second), -ENAMETOOLONG);
  snprintf(path, sizeof(path), "%s/missing/twice/sock", f->dir);
  assert_int_equal(tt_api_create(f->core, f->access, f->event, path, NULL, &second), -ENOENT);
  snprintf(path, sizeof(path), "%s/missing/sock", f->dir); /* one level is made */
  assert_int_equal(tt_api_create(f->core, f->access, f->event, path, NULL, &second), 0);
  tt_api_destroy(TT_STEAL(second));
  snprintf(path, sizeof(path), "%s/missing", f->dir);
  assert_int_equal(rmdir(path), 0);
  snprintf(path, sizeof(path), "%s/file", f->dir);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  assert_int_equal(tt_api_create(f->core, f->access, f->event, path, NULL, &second), -EEXIST);
  assert_int_equal(unlink(path), 0);
  assert_null(second);
  /* A daemon that was killed leaves its file; the next one takes its place. */
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
  close(fd);
  assert_int_equal(tt_api_create(f->core, f->access, f->event, path, NULL, &second), 0);
  /* A file that is not ours any more is left alone. */
  assert_int_equal(unlink(path), 0);
  fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
  tt_api_destroy(second);
  assert_int_equal(access(path, F_OK), 0);
  close(fd);
  unlink(path);
  tt_api_destroy(NULL);
}

/* ---- Hostile peers
 * ---------------------------------------------------------------------------------------------
 */

static void test_wrong_requests(void **state)
{
  struct fixture *f = *state;
  static const char *const wrong[] = {
      "{}",
      "{\"do\":1}",
      "{\"do\":\"fly\"}",
      "{\"do\":\"tree\",\"node\":1}",
      "{\"do\":\"tree\",\"node\":\"a\\u0000b\"}",
      "{\"do\":\"tree\",\"nodes\":[]}",
      "{\"do\":\"tree\",\"id\":[]}",
      "{\"do\":\"tree\",\"id\":"
      "\"0123456789012345678901234567890123456789012345678901234567890123456789"
      "\"}",
      "{\"do\":\"tree\",\"language\":7}",
      "{\"do\":\"read\"}",
      "{\"do\":\"read\",\"nodes\":[]}",
      "{\"do\":\"read\",\"nodes\":[1]}",
      "{\"do\":\"read\",\"nodes\":[\"plug\"],\"fields\":{}}",
      "{\"do\":\"read\",\"nodes\":[\"plug\"],\"categories\":\"wild\"}",
      "{\"do\":\"read\",\"nodes\":[\"plug\"],\"from_device\":1}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"]}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{}}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":[]}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":null}}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":[true]}}",
      "{\"do\":\"set\",\"nodes\":[\"plug\"],\"set\":{\"relay\":\"a\\u0000\"}}",
      "{\"do\":\"watch\",\"nodes\":[]}",
      "{\"do\":\"status\",\"more\":true}",
      "{\"do\":\"adopt\",\"candidate\":\"x\",\"with\":[]}",
      "{\"do\":\"adopt\",\"candidate\":\"x\",\"with\":{\"a\":1}}",
      "{\"do\":\"adopt\",\"candidate\":\"x\",\"with\":{\"a\":\"x\",\"b\":\"\\u0000\"}}",
  };
  struct peer peer = come(f);
  for (size_t i = 0; i < TT_COUNT(wrong); i++) {
    json_object *line = ask(f, &peer, wrong[i]);
    if (strcmp(text_of(line, "error"), "bad-request") != 0)
      fail_msg("%s -> %s", wrong[i], json_object_to_json_string(line));
    json_object_put(line);
  }
  for (unsigned n = TT_API_PAIRS_MAX; n <= TT_API_PAIRS_MAX + 1; n++) { /* which nobody offers here */
    struct tt_buf many TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&many, "{\"do\":\"adopt\",\"candidate\":\"x\",\"with\":{");
    for (unsigned i = 0; i < n; i++)
      tt_buf_printf(&many, "%s\"p%u\":\"x\"", i ? "," : "", i);
    tt_buf_puts(&many, "}}");
    json_object *line = ask(f, &peer, many.data);
    assert_string_equal(text_of(line, "error"), n > TT_API_PAIRS_MAX ? "bad-request" : "not-supported");
    json_object_put(line);
  }
  assert_line(ask(f, &peer, "{\"do\":\"trea\"}"), "{\"error\":\"bad-request\",\"text\":\"there is no request "
                                                  "\\\"trea\\\"\",\"did_you_mean\":\"tree\"}");
  assert_int_equal(f->n_writes, 0);
  go(&peer);
}

static void test_no_json(void **state)
{
  struct fixture *f = *state;
  static const char *const wrong[] = {"GET / HTTP/1.1\r\n",
                                      "\n",
                                      "[]\n",
                                      "7\n",
                                      "null\n",
                                      "{\"do\":\"tree\"\n",
                                      "{\"do\":\"tree\"} x\n",
                                      "{\"a\":\"\xff\"}\n",
                                      "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}\n"};
  for (size_t i = 0; i < TT_COUNT(wrong); i++) {
    struct peer peer = come(f);
    say(&peer, wrong[i]);
    json_object *line = next(f, &peer);
    assert_string_equal(text_of(line, "error"), "bad-request");
    json_object_put(line);
    assert_null(next(f, &peer)); /* and it is shown the door */
    go(&peer);
  }
}

static void test_endless_line(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  char piece[4096];
  memset(piece, ' ', sizeof(piece));
  for (size_t sent = 0; sent < TT_API_LINE_MAX; sent += sizeof(piece)) {
    assert_int_equal(send(peer.fd, piece, sizeof(piece), MSG_NOSIGNAL), sizeof(piece));
    turn(f);
  }
  json_object *line = next(f, &peer);
  assert_non_null(strstr(text_of(line, "text"), "65536"));
  json_object_put(line);
  assert_null(next(f, &peer));
  go(&peer);
}

/* The longest line that is allowed, byte by byte at its ends, and half a line
 * at the end. */
static void test_pieces(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  static const char text[] = "{\"id\":1,\"do\":\"tree\",\"node\":\"nothing\"}";
  for (size_t i = 0; i < strlen(text); i++) {
    assert_int_equal(send(peer.fd, text + i, 1, MSG_NOSIGNAL), 1);
    turn(f);
  }
  char piece[4096];
  memset(piece, ' ', sizeof(piece));
  size_t rest = TT_API_LINE_MAX - 1 - strlen(text);
  while (rest > 0) {
    size_t n = rest < sizeof(piece) ? rest : sizeof(piece);
    assert_int_equal(send(peer.fd, piece, n, MSG_NOSIGNAL), n);
    rest -= n;
    turn(f);
  }
  say(&peer, "\n{\"id\":2,\"do\":\"tree\",\"node\":\"nothing\"}\n{\"id\":3,\"do\"");
  for (int id = 1; id <= 2; id++) {
    json_object *line = next(f, &peer);
    assert_int_equal(json_object_get_int(json_object_object_get(line, "id")), id);
    assert_string_equal(text_of(line, "error"), "not-found");
    json_object_put(line);
  }
  go(&peer);
  for (int i = 0; i < 10; i++)
    turn(f);
}

/* What was asked is answered although the peer has closed its side. */
static void test_half_closed(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  f->is_held = true;
  say(&peer, "{\"do\":\"read\",\"nodes\":[\"plug\"],\"fields\":[\"power\"]}\n");
  assert_int_equal(shutdown(peer.fd, SHUT_WR), 0);
  for (int i = 0; i < 50; i++)
    turn(f);
  f->is_held = false;
  json_object *line = next(f, &peer);
  assert_string_equal(text_of(line, "node"), "plug");
  json_object_put(line);
  assert_line(next(f, &peer), "{\"done\":true}");
  assert_null(next(f, &peer));
  go(&peer);
}

/* One more than there is room for: the longest silent goes; when all are busy,
 * the newcomer. */
static void test_many_clients(void **state)
{
  struct fixture *f = *state;
  struct peer peers[TT_API_CLIENTS_MAX];
  for (size_t i = 0; i < TT_COUNT(peers); i++)
    peers[i] = come(f);
  json_object_put(ask(f, &peers[0], "{\"do\":\"deny\",\"jid\":\"a@b\"}"));
  struct peer extra = come(f);
  assert_null(next(f, &peers[1]));
  go(&peers[1]);
  peers[1] = extra;
  for (size_t i = 0; i < TT_COUNT(peers); i++)
    assert_line(ask(f, &peers[i], "{\"do\":\"watch\"}"), "{\"watching\":true}");
  struct peer refused = {.fd = connect_to(f->path)};
  json_object *line = next(f, &refused);
  assert_string_equal(text_of(line, "error"), "busy");
  json_object_put(line);
  assert_null(next(f, &refused));
  go(&refused);
  for (size_t i = 0; i < TT_COUNT(peers); i++)
    go(&peers[i]);
}

static void test_many_open_requests(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f);
  for (int i = 0; i < TT_API_REQUESTS_MAX; i++)
    assert_line(ask(f, &peer, "{\"do\":\"watch\"}"), "{\"watching\":true}");
  json_object *line = ask(f, &peer, "{\"do\":\"watch\"}");
  assert_string_equal(text_of(line, "error"), "busy");
  json_object_put(line);
  go(&peer);
}

/* A flood of requests whose answers are never read ends with its sender, not
 * with the daemon's memory. */
static void test_flood(void **state)
{
  struct fixture *f = *state;
  struct peer peer = come(f), other = come(f);
  static const char request[] = "{\"do\":\"status\"}\n";
  for (int i = 0; i < 100000; i++)
    if (send(peer.fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
      break;
  for (int i = 0; i < 1000; i++)
    turn(f);
  json_object *line = ask(f, &other, "{\"do\":\"status\"}");
  assert_string_equal(text_of(line, "version"), TT_VERSION);
  json_object_put(line);
  go(&peer);
  go(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_tree),
      TEST(test_tree_larger_than_the_queue),
      TEST(test_read),
      TEST(test_read_too_large),
      TEST(test_too_many_names),
      TEST(test_leaving_while_reading),
      TEST(test_commands),
      TEST(test_set),
      TEST(test_leaving_while_setting),
      TEST(test_watch),
      TEST(test_watching_without_reading),
      TEST(test_status),
      TEST(test_reload),
      TEST(test_requests),
      TEST(test_other_users),
      TEST(test_the_socket_file),
      TEST(test_wrong_requests),
      TEST(test_no_json),
      TEST(test_endless_line),
      TEST(test_pieces),
      TEST(test_half_closed),
      TEST(test_many_clients),
      TEST(test_many_open_requests),
      TEST(test_flood),
      cmocka_unit_test(test_role),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
