/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c: looking at one device.
 */
#include "probe.h"

#include "bridge/calls.h"
#include "bridge/host.h"
#include "cli.h"
#include "service/loop.h"
#include "term.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define ONLINE_US  (10 * TT_USEC_PER_SEC) /* for a connection that says that it is offline */
#define UNKNOWN_US (1 * TT_USEC_PER_SEC)  /* for one that says nothing: it may only learn by being used */
#define TELL_US    (4 * TT_USEC_PER_SEC)  /* for a device that is to say what it has, once it can be reached */
#define KEPT_US    (300 * TT_USEC_PER_MSEC)
#define STOP_US    (2 * TT_USEC_PER_SEC)
#define SCAN_US    (3600 * TT_USEC_PER_SEC)
#define SILENT_MAX 3 /* points without an answer in a row, after which the rest is not asked for */
#define LINES_MAX  ((size_t)64 * 1024) /* bytes of what a bridge tells about one point */

struct probe {
  const struct tt_config_env *env;
  const char *key;
  const char *scan; /* what to look at; NULL: the points are read */
  bool is_json;
  bool is_interrupted, is_progress_shown;
  char *description; /* what it has said of itself; NULL */
  bool is_described_anew;
  /* one round */
  struct tt_config part; /* the device and its connection */
  struct tt_device_entry entry;
  struct tt_connection_config connection;
  sd_event *event;
  struct tt_core *core;
  struct tt_host *host;
  struct tt_buf *lines; /* about each point; what is retained may come before a point is read */
  uint16_t current;     /* the one that is being read */
  bool is_answered, is_stopped;
  bool has_waited; /* for a connection that said nothing for too long */
  int error;
  char text[TT_HOST_TEXT_MAX];
  size_t n_read, n_failed, n_silent;
  size_t n_empty; /* of those that were read: without a value */
};

/* ---- What is told --------------------------------------------------------------------------------------------------- */

/* What stands on the terminal's line about how far it is makes room for what comes. */
static void clear_progress(struct probe *p)
{
  if (p->is_progress_shown)
    fputs("\r\033[K", stderr);
  p->is_progress_shown = false;
}

static void print_progress(struct probe *p, const char *text)
{
  char shown[1024];
  bool is_terminal = tt_term_of(STDERR_FILENO).is_terminal;
  tt_text_printable(shown, sizeof(shown), text, strlen(text));
  clear_progress(p);
  fprintf(stderr, is_terminal ? "%s" : "%s\n", shown);
  p->is_progress_shown = is_terminal;
}

static void print_scan_line(struct probe *p, const char *text)
{
  clear_progress(p);
  if (p->is_json) {
    json_object *line = json_object_new_object();
    json_object_object_add(line, "line", json_object_new_string(text));
    puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(line);
  } else {
    struct tt_paper paper;
    tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
    paper.term.width = 0;
    tt_paper_put(&paper, *text == '#' ? TT_STYLE_DIM : TT_STYLE_PLAIN, text);
    tt_paper_end(&paper);
    tt_paper_print(&paper, STDOUT_FILENO);
    tt_paper_finish(&paper);
  }
  fflush(stdout); /* what is known stays when it is ended */
}

static void on_probe(void *user, const char *key TT_UNUSED, uint16_t point, const char *text)
{
  struct probe *p = user;
  size_t n = p->entry.config.n_points;
  struct tt_buf *lines = point < n ? &p->lines[point] : p->current < n ? &p->lines[p->current] : NULL;
  if (p->scan)
    (point == TT_PROBE_PROGRESS ? print_progress : print_scan_line)(p, text);
  else if (lines && lines->len < LINES_MAX)
    tt_buf_printf(lines, "%s\n", text);
}

static int on_described(void *user, const char *key TT_UNUSED, const char *json, size_t size)
{
  struct probe *p = user;
  if (p->scan)
    return 0;
  bool is_same = p->description && strlen(p->description) == size && memcmp(p->description, json, size) == 0;
  if (is_same || p->is_described_anew)
    return 0;
  free(p->description);
  p->description = strndup(json, size);
  p->is_described_anew = p->description;
  return 0;
}

static void on_answer(void *user, int error, const char *text)
{
  struct probe *p = user;
  p->is_answered = true;
  p->error = error;
  snprintf(p->text, sizeof(p->text), "%s", text && *text ? text : error < 0 ? strerror(-error) : "");
}

static void on_stopped(void *user)
{
  ((struct probe *)user)->is_stopped = true;
}

static char *describe(void *user, const char *key, const char *mapping)
{
  const struct probe *p = user;
  if (p->description && strcmp(key, p->key) == 0)
    return strdup(p->description);
  return p->env->described ? p->env->described(p->env->described_user, key, mapping) : NULL;
}

/* ---- Turning -------------------------------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
  return tt_loop_clock().mono_us;
}

/* One event, or none until `end_us`. */
static void turn(struct probe *p, uint64_t end_us)
{
  uint64_t now = now_us();
  int r = sd_event_prepare(p->event);
  if (r == 0)
    r = sd_event_wait(p->event, end_us > now ? end_us - now : 0);
  tt_core_turn(p->core, tt_loop_clock());
  if (r > 0)
    sd_event_dispatch(p->event);
}

/* Is the connection up? One that cannot tell is taken for it. */
static bool wait_online(struct probe *p)
{
  uint64_t begun = now_us(), unknown_end = begun + UNKNOWN_US, end = begun + ONLINE_US;
  for (;;) {
    struct tt_connection_status c = tt_host_connection(p->host, 0);
    bool is_unknown = strcmp(c.state, "unknown") == 0;
    if (strcmp(c.state, "online") == 0 || (is_unknown && now_us() >= unknown_end))
      return true;
    if (strcmp(c.state, "disabled") == 0 || now_us() >= end) {
      snprintf(p->text, sizeof(p->text), "connection %s is %s: %s", c.name, c.state, c.text ? c.text : "");
      return false;
    }
    turn(p, is_unknown ? unknown_end : end);
  }
}

/* ---- Printing ------------------------------------------------------------------------------------------------------- */

static void print_json(const struct probe *p, const struct tt_point *point, const char *value, double ms,
                       const char *error)
{
  json_object *line = json_object_new_object(), *lines = json_object_new_array();
  json_object_object_add(line, "point", json_object_new_string(point->name));
  if (value)
    json_object_object_add(line, "value", json_object_new_string(value));
  if (value && point->unit && *point->unit)
    json_object_object_add(line, "unit", json_object_new_string(point->unit));
  json_object_object_add(line, "latency_ms", json_object_new_double(ms));
  if (error)
    json_object_object_add(line, "error", json_object_new_string(error));
  for (const char *at = p->lines[p->current].data; at && *at;) {
    size_t n = strcspn(at, "\n");
    json_object_array_add(lines, json_object_new_string_len(at, (int)n));
    at += n + (at[n] == '\n');
  }
  json_object_object_add(line, "raw", lines);
  puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(line);
}

static void print_text(const struct probe *p, const struct tt_point *point, const char *value, double ms,
                       const char *error)
{
  struct tt_paper paper;
  tt_paper_init(&paper, tt_term_of(STDOUT_FILENO));
  paper.term.width = 0;
  tt_paper_put(&paper, TT_STYLE_STRONG, point->name);
  tt_paper_put(&paper, TT_STYLE_PLAIN, ": ");
  if (error)
    tt_paper_put(&paper, TT_STYLE_BAD, error);
  else
    tt_paper_printf(&paper, TT_STYLE_GOOD, "%s%s%s", value ? value : "no value", value && *point->unit ? " " : "",
                    value ? point->unit : "");
  tt_paper_printf(&paper, TT_STYLE_DIM, "  (%.1f ms)", ms);
  tt_paper_end(&paper);
  for (const char *at = p->lines[p->current].data; at && *at;) {
    size_t n = strcspn(at, "\n");
    tt_paper_printf(&paper, TT_STYLE_DIM, "  %.*s", (int)n, at);
    tt_paper_end(&paper);
    at += n + (at[n] == '\n');
  }
  tt_paper_print(&paper, STDOUT_FILENO);
  tt_paper_finish(&paper);
}

static int complain(const char *format, ...) TT_PRINTF(1, 2);

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

/* A connection that has said nothing yet and turns out not to be there is on its way: wait for it, once. */
static bool is_to_come(struct probe *p)
{
  if (p->error != -ENOTCONN || p->has_waited || strcmp(tt_host_connection(p->host, 0).state, "unknown") != 0)
    return false;
  p->has_waited = true;
  for (uint64_t end = now_us() + ONLINE_US;
       now_us() < end && strcmp(tt_host_connection(p->host, 0).state, "unknown") == 0;)
    turn(p, end);
  return strcmp(tt_host_connection(p->host, 0).state, "online") == 0;
}

static void read_point(struct probe *p, uint16_t i)
{
  struct tt_device_hooks hooks = tt_host_devices(p->host);
  const struct tt_point *point = &p->entry.config.points[i];
  const struct tt_node *node = tt_tree_find(tt_core_tree(p->core), p->key, NULL, NULL);
  uint64_t begun = now_us(), deadline = begun + p->part.connections[0].timeout_us;
  struct tt_buf value TT_AUTOBUF = TT_BUF(0);
  p->is_answered = false;
  p->error = 0;
  p->current = i;
  int r = node ? hooks.read(hooks.user, node->id, &i, 1, deadline, on_answer, p) : -ENODEV;
  if (r < 0)
    on_answer(p, r, r == -ENODEV && node && node->n_messages > 0 ? node->messages[0].text : NULL);
  while (!p->is_answered)
    turn(p, deadline + 2 * TT_HOST_GRACE_US);
  if (is_to_come(p)) {
    tt_buf_truncate(&p->lines[i], 0);
    read_point(p, i);
    return;
  }
  double ms = (double)(now_us() - begun) / 1000;
  node = tt_tree_find(tt_core_tree(p->core), p->key, NULL, NULL);
  const char *error = p->error < 0 ? p->text : node ? node->field_errors[i] : NULL;
  bool has_value = !error && node && node->fields[i].value.type != TT_TYPE_NONE;
  if (has_value)
    tt_value_print(&node->fields[i].value, &value);
  (p->is_json ? print_json : print_text)(p, point, has_value ? (value.data ? value.data : "") : NULL, ms, error);
  p->n_read++;
  p->n_failed += error != NULL;
  p->n_empty += !error && !has_value;
  p->n_silent = p->error == -ETIMEDOUT ? p->n_silent + 1 : 0;
}

/* It may be about to say what it has; a reason why it does not has been logged. */
static void wait_description(struct probe *p)
{
  const struct tt_node *node = NULL;
  uint64_t end = now_us() + (strcmp(tt_host_connection(p->host, 0).state, "online") == 0 ? TELL_US : ONLINE_US);
  bool is_online = false;
  while (!p->is_described_anew && !(node && node->n_messages > 0) && now_us() < end) {
    turn(p, end);
    node = tt_tree_find(tt_core_tree(p->core), p->key, NULL, NULL);
    if (!is_online && strcmp(tt_host_connection(p->host, 0).state, "online") == 0) {
      is_online = true;
      end = now_us() + TELL_US;
    }
  }
}

static bool is_asked(const struct tt_point *point)
{
  return point->address && !point->is_hidden;
}

static void read_all(struct probe *p)
{
  /* What somebody keeps for those who connect comes now. */
  for (uint64_t end = now_us() + KEPT_US; p->entry.config.n_points > 0 && now_us() < end;)
    turn(p, end);
  for (size_t i = 0; i < p->entry.config.n_points && !p->is_described_anew && p->n_silent < SILENT_MAX; i++)
    if (is_asked(&p->entry.config.points[i]))
      read_point(p, (uint16_t)i);
  if (p->n_silent == SILENT_MAX)
    complain("%s did not answer %d times in a row: the rest is not asked for", p->key, SILENT_MAX);
  if (p->n_read == 0)
    wait_description(p);
}

/* ---- Scanning ------------------------------------------------------------------------------------------------------- */

static int on_interrupt(sd_event_source *source TT_UNUSED, const struct signalfd_siginfo *info TT_UNUSED,
                        void *user)
{
  ((struct probe *)user)->is_interrupted = true;
  return 0;
}

static int scan(struct probe *p)
{
  uint64_t deadline = now_us() + SCAN_US;
  sd_event_source *interrupt = NULL;
  p->is_answered = p->is_interrupted = false;
  int r = sd_event_add_signal(p->event, &interrupt, SIGINT, on_interrupt, p);
  if (r >= 0)
    r = tt_host_scan(p->host, p->key, p->scan, deadline, on_answer, p);
  while (r >= 0 && !p->is_answered && !p->is_interrupted)
    turn(p, deadline + 2 * TT_HOST_GRACE_US);
  sd_event_source_disable_unref(interrupt);
  clear_progress(p);
  p->n_read = 1;
  p->n_failed = r < 0 || p->is_interrupted || p->error < 0;
  if (r == -EOPNOTSUPP)
    return complain("the protocol of %s, %s, has nothing to scan", p->key, p->connection.ops->name);
  if (r < 0)
    return complain("%s: %s", p->key, strerror(-r));
  if (p->is_interrupted)
    return complain("interrupted");
  return p->error < 0 ? complain("%s", p->text) : TT_EXIT_OK;
}

/* ---- A round -------------------------------------------------------------------------------------------------------- */

static int begin(struct probe *p, struct tt_config *config, const struct tt_device_entry *entry)
{
  p->entry = *entry;
  p->entry.connection = 0;
  p->lines = calloc(p->entry.config.n_points + 1, sizeof(*p->lines));
  if (!p->lines)
    return -ENOMEM;
  p->connection = config->connections[entry->connection];
  p->connection.is_isolated = false; /* this process is its own */
  p->part = (struct tt_config){.connections = &p->connection,
                               .n_connections = 1,
                               .devices = &p->entry,
                               .n_devices = 1,
                               .is_usable = true}; /* without poll classes: nothing is read but what is asked */
  int r = sd_event_new(&p->event);
  if (r >= 0 && !(p->core = tt_core_create()))
    r = -ENOMEM;
  if (r < 0)
    return r;
  tt_core_turn(p->core, tt_loop_clock());
  r = tt_host_create(p->event, p->core, &p->part, &p->host);
  if (r < 0)
    return r;
  tt_host_listen(p->host, &(struct tt_found_hooks){.user = p, .described = on_described, .probe = on_probe});
  tt_host_start(p->host);
  return 0;
}

static void finish(struct probe *p)
{
  if (p->host) {
    uint64_t end = now_us() + STOP_US;
    p->is_stopped = false;
    tt_host_stop(p->host, on_stopped, p);
    while (!p->is_stopped && now_us() < end)
      turn(p, end);
    if (!p->is_stopped) { /* a thread of a library hangs: nothing of it may be freed */
      fflush(NULL);
      _exit(p->n_failed || p->n_read == 0 ? TT_EXIT_PARTLY : TT_EXIT_OK);
    }
  }
  tt_host_destroy(p->host);
  for (size_t i = 0; p->lines && i < p->entry.config.n_points; i++)
    tt_buf_finish(&p->lines[i]);
  free(TT_STEAL(p->lines));
  tt_core_destroy(p->core);
  sd_event_unref(p->event);
  p->host = NULL;
  p->core = NULL;
  p->event = NULL;
}

static int complain(const char *format, ...) TT_PRINTF(1, 2);
static int complain(const char *format, ...)
{
  char text[1024], shown[1024];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof(text), format, ap);
  va_end(ap);
  fprintf(stderr, "thingtree: %s\n", tt_text_printable(shown, sizeof(shown), text, strlen(text)));
  return TT_EXIT_PARTLY;
}

static const struct tt_device_entry *find(const struct tt_config *config, const char *key)
{
  const char **keys TT_AUTOFREE = calloc(config->n_devices + 1, sizeof(*keys));
  for (size_t i = 0; i < config->n_devices; i++) {
    if (strcmp(config->devices[i].config.key, key) == 0)
      return &config->devices[i];
    if (keys)
      keys[i] = config->devices[i].config.key;
  }
  const char *close = keys ? tt_closest(key, keys, config->n_devices) : NULL;
  complain("there is no device \"%.200s\"%s%.200s%s", key, close ? "; did you mean \"" : "", close ? close : "",
           close ? "\"?" : "");
  return NULL;
}

static int probe_config(struct probe *p, struct tt_config *config)
{
  const struct tt_device_entry *entry = find(config, p->key);
  if (!entry)
    return TT_EXIT_PARTLY;
  if (entry->is_disabled)
    return complain("%s", entry->error);
  int r = begin(p, config, entry), code = TT_EXIT_OK;
  if (r < 0)
    code = complain("%s", strerror(-r));
  else if (!wait_online(p)) {
    code = complain("%s", p->text);
    for (size_t i = 0; i < p->entry.config.n_points; i++)
      p->n_read += is_asked(&p->entry.config.points[i]);
    p->n_failed = p->n_read;
  } else if (p->scan)
    code = scan(p);
  else
    read_all(p);
  finish(p);
  return code;
}

static int probe(const struct tt_config_env *env, const char *key, const char *scan, bool is_json)
{
  struct probe p = {.env = env, .key = key, .scan = scan, .is_json = is_json};
  struct tt_config_env own = *env;
  int code;
  own.described = describe;
  own.described_user = &p;
  do {
    struct tt_config *config;
    struct tt_diags *diags;
    p.is_described_anew = false;
    int r = tt_config_load(&own, &config, &diags);
    if (r < 0) {
      complain("%s", strerror(-r));
      return TT_EXIT_UNUSABLE;
    }
    code = config->is_usable ? probe_config(&p, config) : TT_EXIT_UNUSABLE;
    if (!config->is_usable)
      complain("the configuration cannot be used; `check` says why");
    tt_diags_destroy(diags);
    tt_config_destroy(config);
  } while (p.is_described_anew && p.n_read == 0);
  if (code == TT_EXIT_OK && (p.n_failed > 0 || (!scan && p.n_empty == p.n_read)))
    code = TT_EXIT_PARTLY;
  if (!is_json && !scan && code != TT_EXIT_UNUSABLE) {
    printf("thingtree check: %zu of %zu points read", p.n_read - p.n_failed, p.n_read);
    if (p.n_empty > 0)
      printf(", %zu of them without a value", p.n_empty);
    printf(" (exit code %d)\n", code);
  }
  free(p.description);
  return code;
}

int tt_probe_device(const struct tt_config_env *env, const char *key, bool is_json)
{
  return probe(env, key, NULL, is_json);
}

int tt_probe_scan(const struct tt_config_env *env, const char *key, const char *what, bool is_json)
{
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupt, NULL); /* before there is a thread: it comes as an event of the loop */
  return probe(env, key, what, is_json);
}
