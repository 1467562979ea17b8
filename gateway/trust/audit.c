/* SPDX-License-Identifier: Apache-2.0
 * audit.c: the trace of who switched what (audit.h). A line is written with one call to a file opened for
 * appending, so it survives the death of this process the moment the call returns. */
#include "audit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#define FILE_NAME "audit.jsonl"
#define TEXT_MAX  256 /* bytes of any foreign text in a line */
#define REFUSERS_MAX                                                                                               \
  64 /* callers whose refusals are counted apart; the rest share one line, so that many strangers
                            cannot push what matters out of the file */
#define JOIN_US (60 * TT_USEC_PER_SEC)

/* Refusals of one caller within one minute. */
struct refusals {
  char who[TEXT_MAX];  /* "" in the shared one */
  char node[TEXT_MAX]; /* the first that was asked for */
  enum tt_caller_kind kind;
  enum tt_access_op op; /* of the first */
  uint64_t since_us;    /* wall */
  uint64_t due_us;      /* monotonic */
  uint64_t count;       /* 0: free */
};

struct tt_audit {
  struct tt_core *core;
  char *path, *old_path;
  int fd;
  uint64_t size;
  bool is_torn; /* the last line has no end */
  uint64_t last_id;
  uint64_t wall_us; /* when the last refusal or turn was: the core may be gone when the rest is written */
  struct refusals refusals[REFUSERS_MAX + 1]; /* the last is the shared one */
};

static const char *const refusal_names[TT_REFUSAL_COUNT] = {
    [TT_OK] = "ok",
    [TT_REFUSED_NOT_FOUND] = "not-found",
    [TT_REFUSED_FORBIDDEN] = "forbidden",
    [TT_REFUSED_BAD_REQUEST] = "bad-request",
    [TT_REFUSED_CONFLICT] = "conflict",
    [TT_REFUSED_NOT_SUPPORTED] = "not-supported",
    [TT_REFUSED_TIMEOUT] = "timeout",
    [TT_REFUSED_DEVICE] = "device-error",
    [TT_REFUSED_BUSY] = "busy",
    [TT_REFUSED_TOO_LARGE] = "too-large",
};

static const char *const op_names[] = {
    [TT_ACCESS_BROWSE] = "browse",
    [TT_ACCESS_READ] = "read",
    [TT_ACCESS_CONTROL] = "control",
    [TT_ACCESS_ADMIN] = "admin",
};

/* ---- The file ---------------------------------------------------------------------------------------- */
/* Does the last line lack its end? Then the machine or the disk gave out in its middle. */
static bool file_is_torn(const char *path, off_t size)
{
  char last = '\n';
  int fd = size > 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
  if (fd < 0)
    return false;
  bool is_torn = pread(fd, &last, 1, size - 1) == 1 && last != '\n';
  close(fd);
  return is_torn;
}

static int file_open(struct tt_audit *audit)
{
  struct stat st;
  audit->fd = open(audit->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (audit->fd < 0)
    return -errno;
  if (fstat(audit->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    close(audit->fd);
    audit->fd = -1;
    return -EIO;
  }
  audit->size = (uint64_t)st.st_size;
  audit->is_torn = file_is_torn(audit->path, st.st_size);
  return 0;
}

/* Keeps one old file. When that fails the file grows on: a long trace is better than none. */
static void rotate(struct tt_audit *audit)
{
  if (rename(audit->path, audit->old_path) < 0)
    return;
  close(audit->fd);
  audit->fd = -1;
}

static int file_write(struct tt_audit *audit, const char *line)
{
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  if (audit->fd >= 0 && audit->size > 0 && audit->size + strlen(line) + 1 > TT_AUDIT_FILE_MAX)
    rotate(audit);
  if (audit->fd < 0) {
    int r = file_open(audit);
    if (r < 0)
      return r;
  }
  tt_buf_printf(&out, "%s%s\n", audit->is_torn ? "\n" : "", line);
  if (out.failed)
    return -ENOMEM;
  ssize_t n;
  do
    n = write(audit->fd, out.data, out.len);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return -errno;
  audit->size += (uint64_t)n;
  audit->is_torn = (size_t)n != out.len;
  return audit->is_torn ? -ENOSPC : 0;
}

/* ---- Lines ------------------------------------------------------------------------------------------- */
static void add_text(struct json_object *line, const char *key, const char *text)
{
  char clean[TEXT_MAX];
  json_object_object_add(line, key,
                         json_object_new_string(tt_text_printable(clean, sizeof clean, text, strlen(text))));
}

static void add_value(struct json_object *line, const char *key, const struct tt_value *value)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  if (!value)
    return;
  tt_value_print(value, &text);
  add_text(line, key, text.data ? text.data : "");
}

static void add_time(struct json_object *line, const char *key, uint64_t wall_us)
{
  char text[TT_DATETIME_SIZE];
  json_object_object_add(line, key, json_object_new_string(tt_datetime_print(text, wall_us)));
}

/* JSON numbers of 64 bits are not safe everywhere: the id is text. */
static void add_id(struct json_object *line, uint64_t id)
{
  char text[32];
  snprintf(text, sizeof text, "%016" PRIx64, id);
  json_object_object_add(line, "id", json_object_new_string(text));
}

static const char *who_key(enum tt_caller_kind kind)
{
  switch (kind) {
  case TT_CALLER_XMPP:
    return "jid";
  case TT_CALLER_CLI:
    return "uid";
  case TT_CALLER_WEB:
    return "web";
  case TT_CALLER_LINK:
    return "link";
  }
  return "who";
}

/* "uid:1000" is written as 1000. */
static void add_who(struct json_object *line, enum tt_caller_kind kind, const char *who)
{
  int64_t uid;
  if (kind == TT_CALLER_CLI && !strncmp(who, "uid:", 4) && tt_int64_parse(who + 4, &uid) >= 0)
    json_object_object_add(line, "uid", json_object_new_int64(uid));
  else
    add_text(line, who_key(kind), who);
}

/* Writes the line to the file and to journald, and frees it. The journal's own fields, not its text, are what a
 * search goes by. */
static int line_write(struct tt_audit *audit, struct json_object *line, const char *kind)
{
  const char *text = json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  int r = text ? file_write(audit, text) : -ENOMEM;
  if (text)
    (void)sd_journal_send("MESSAGE=audit %s", text, "PRIORITY=%d", 5, "SYSLOG_IDENTIFIER=thingtree",
                          "THINGTREE_AUDIT=%s", kind, NULL);
  json_object_put(line);
  return r;
}

static struct json_object *line_new(const char *kind, uint64_t wall_us)
{
  struct json_object *line = json_object_new_object();
  add_time(line, "time", wall_us);
  json_object_object_add(line, "kind", json_object_new_string(kind));
  return line;
}

static uint64_t audit_decision(void *user, const struct tt_caller *caller, const struct tt_node *node,
                               const char *parameter, const struct tt_value *old, const struct tt_value *value)
{
  struct tt_audit *audit = user;
  uint64_t id = ++audit->last_id ? audit->last_id : ++audit->last_id;
  struct json_object *line = line_new("decision", tt_core_now(audit->core).wall_us);
  add_id(line, id);
  /* The full JID of whoever asks over XMPP; a caller of the socket is their uid, whichever connection it came by. */
  add_who(line, caller->kind, caller->kind == TT_CALLER_CLI && caller->bare ? caller->bare : caller->jid);
  add_text(line, "node", node->key);
  add_text(line, "parameter", parameter);
  add_value(line, "old", old);
  add_value(line, "new", value);
  return line_write(audit, line, "decision") < 0 ? 0 : id;
}

static uint64_t audit_command(void *user, const struct tt_caller *caller, const struct tt_node *node,
                              const struct tt_command *command, const struct tt_value values[])
{
  struct tt_audit *audit = user;
  uint64_t id = ++audit->last_id ? audit->last_id : ++audit->last_id;
  struct json_object *line = line_new("decision", tt_core_now(audit->core).wall_us);
  struct json_object *arguments = json_object_new_object();
  add_id(line, id);
  add_who(line, caller->kind, caller->kind == TT_CALLER_CLI && caller->bare ? caller->bare : caller->jid);
  add_text(line, "node", node->key);
  add_text(line, "command", command->name);
  for (size_t i = 0; i < command->n_arguments; i++) {
    if (command->arguments[i].is_secret)
      json_object_object_add(arguments, command->arguments[i].name, json_object_new_string("(secret)"));
    else
      add_value(arguments, command->arguments[i].name, &values[i]);
  }
  json_object_object_add(line, "arguments", arguments);
  return line_write(audit, line, "decision") < 0 ? 0 : id;
}

static void audit_outcome(void *user, uint64_t id, enum tt_refusal result, const char *text)
{
  struct tt_audit *audit = user;
  struct json_object *line = line_new("outcome", tt_core_now(audit->core).wall_us);
  add_id(line, id);
  json_object_object_add(line, "result", json_object_new_string(refusal_names[result]));
  if (text)
    add_text(line, "text", text);
  (void)line_write(audit, line, "outcome"); /* it has happened; the decision says that it was going to */
}

int tt_audit_device(struct tt_audit *audit, struct tt_now now, const struct tt_caller *caller, const char *kind,
                    const char *node, const char *mapping, const char *connection, const char *file)
{
  struct json_object *line = line_new(kind, now.wall_us);
  add_who(line, caller->kind, caller->kind == TT_CALLER_CLI && caller->bare ? caller->bare : caller->jid);
  add_text(line, "node", node);
  if (mapping)
    add_text(line, "mapping", mapping);
  if (connection)
    add_text(line, "connection", connection);
  add_text(line, "file", file);
  return line_write(audit, line, kind);
}

int tt_audit_access(struct tt_audit *audit, struct tt_now now, const struct tt_caller *caller, const char *kind,
                    const char *who, const char *role, const char *nodes)
{
  struct json_object *line = line_new(kind, now.wall_us);
  add_who(line, caller->kind, caller->kind == TT_CALLER_CLI && caller->bare ? caller->bare : caller->jid);
  add_text(line, "who", who);
  if (role)
    add_text(line, "role", role);
  if (nodes)
    add_text(line, "nodes", nodes);
  return line_write(audit, line, kind);
}

int tt_audit_tail(const struct tt_audit *audit, size_t n, struct tt_buf *out)
{
  struct stat st;
  int r = 0, fd = open(audit->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  char *text TT_AUTOFREE = malloc(TT_AUDIT_TAIL_MAX);
  if (fd < 0)
    return -errno;
  if (!text || fstat(fd, &st) < 0) {
    r = text ? -errno : -ENOMEM;
    close(fd);
    return r;
  }
  off_t from = st.st_size > (off_t)TT_AUDIT_TAIL_MAX ? st.st_size - (off_t)TT_AUDIT_TAIL_MAX : 0;
  ssize_t got = pread(fd, text, TT_AUDIT_TAIL_MAX, from);
  r = got < 0 ? -errno : 0;
  close(fd);
  size_t start = got > 0 ? (size_t)got : 0, end = start;
  if (end > 0 && text[end - 1] == '\n') /* of the last line */
    start--;
  while (start > 0 && !(text[start - 1] == '\n' && --n == 0))
    start--;
  if (from > 0 && start == 0) { /* the first is not whole */
    char *whole = memchr(text, '\n', end);
    start = whole ? (size_t)(whole - text) + 1 : end;
  }
  tt_buf_add(out, text + start, end - start);
  return r < 0 ? r : out->failed ? -ENOMEM : 0;
}

/* ---- Refusals ---------------------------------------------------------------------------------------- */
static void refusals_write(struct tt_audit *audit, struct refusals *r)
{
  struct json_object *line = line_new("refused", audit->wall_us);
  add_time(line, "since", r->since_us);
  if (*r->who)
    add_who(line, r->kind, r->who);
  else
    json_object_object_add(line, "jid", json_object_new_string("(others)"));
  json_object_object_add(line, "operation", json_object_new_string(op_names[r->op]));
  if (*r->node)
    add_text(line, "node", r->node);
  json_object_object_add(line, "count", json_object_new_int64((int64_t)r->count));
  (void)line_write(audit, line, "refused");
  r->count = 0;
}

static void audit_refused(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node)
{
  struct tt_audit *audit = user;
  struct tt_now now = tt_core_now(audit->core);
  const char *bare = caller->bare ? caller->bare : "";
  char who[TEXT_MAX];
  struct refusals *r = NULL;
  audit->wall_us = now.wall_us;
  tt_text_printable(who, sizeof who, bare, strlen(bare));
  for (size_t i = 0; i < REFUSERS_MAX && !(r && r->count > 0); i++) {
    struct refusals *at = &audit->refusals[i];
    if (at->count > 0 && at->kind == caller->kind && !strcmp(at->who, who))
      r = at;
    else if (at->count == 0 && !r)
      r = at;
  }
  if (!r) {
    r = &audit->refusals[REFUSERS_MAX];
    who[0] = '\0';
  }
  if (r->count++ > 0)
    return;
  r->kind = caller->kind;
  r->op = op;
  r->since_us = now.wall_us;
  r->due_us = now.mono_us + JOIN_US;
  strcpy(r->who, who);
  tt_text_printable(r->node, sizeof r->node, node ? node : "", node ? strlen(node) : 0);
}

uint64_t tt_audit_turn(struct tt_audit *audit, struct tt_now now)
{
  uint64_t due = TT_NEVER;
  audit->wall_us = now.wall_us;
  for (size_t i = 0; i < TT_COUNT(audit->refusals); i++) {
    struct refusals *r = &audit->refusals[i];
    if (r->count > 0 && r->due_us <= now.mono_us)
      refusals_write(audit, r);
    if (r->count > 0 && r->due_us < due)
      due = r->due_us;
  }
  return due;
}

/* ---- Life -------------------------------------------------------------------------------------------- */
int tt_audit_create(const char *state_dir, struct tt_audit **ret)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0), old TT_AUTOBUF = TT_BUF(0);
  struct tt_audit *audit = calloc(1, sizeof *audit);
  if (!audit)
    return -ENOMEM;
  audit->fd = -1;
  tt_buf_printf(&path, "%s/" FILE_NAME, state_dir);
  tt_buf_printf(&old, "%s/" FILE_NAME ".1", state_dir);
  audit->path = tt_buf_steal(&path);
  audit->old_path = tt_buf_steal(&old);
  tt_random(&audit->last_id, sizeof audit->last_id); /* ids of different runs do not meet */
  int r = audit->path && audit->old_path ? file_open(audit) : -ENOMEM;
  if (r < 0) {
    tt_audit_destroy(audit);
    return r;
  }
  *ret = audit;
  return 0;
}

void tt_audit_destroy(struct tt_audit *audit)
{
  if (!audit)
    return;
  for (size_t i = 0; i < TT_COUNT(audit->refusals); i++)
    if (audit->refusals[i].count > 0)
      refusals_write(audit, &audit->refusals[i]);
  if (audit->fd >= 0)
    close(audit->fd);
  free(audit->path);
  free(audit->old_path);
  free(audit);
}

struct tt_audit_hooks tt_audit_hooks(struct tt_audit *audit, struct tt_core *core)
{
  audit->core = core;
  return (struct tt_audit_hooks){.user = audit,
                                 .decision = audit_decision,
                                 .command = audit_command,
                                 .outcome = audit_outcome,
                                 .refused = audit_refused};
}
