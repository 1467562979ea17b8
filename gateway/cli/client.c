/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c: the other end of the control socket.
 */
#define _GNU_SOURCE /* ppoll */

#include "client.h"
#include "api/api.h"
#include "term.h"

#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_AT_ONCE 65536
#define LINE_MAX_IN  ((size_t)64 * 1024 * 1024) /* a line of the daemon's; more is not one */
#define DEPTH_IN     32

struct tt_client {
  int fd;
  const char *path;
  bool is_json; /* errors are printed as JSON too */
  struct tt_buf in;
  size_t taken; /* bytes of `in` that were given out */
  json_tokener *tokener;
  char language[36];
};

static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
  (void)number;
  is_interrupted = 1;
}

/* Blocked but for the wait itself, so that none is lost between looking and waiting. */
void tt_client_catch_signals(void)
{
  struct sigaction action = {.sa_handler = on_signal};
  sigset_t set;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

/* ---- Members -------------------------------------------------------------------------------------------------- */

json_object *tt_member(json_object *line, const char *member)
{
  json_object *value = NULL;
  if (json_object_is_type(line, json_type_object))
    json_object_object_get_ex(line, member, &value);
  return value;
}

const char *tt_member_text(json_object *line, const char *member)
{
  json_object *value = tt_member(line, member);
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t tt_member_number(json_object *line, const char *member)
{
  json_object *value = tt_member(line, member);
  return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
}

bool tt_member_flag(json_object *line, const char *member)
{
  json_object *value = tt_member(line, member);
  return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

json_object *tt_member_list(json_object *line, const char *member)
{
  json_object *value = tt_member(line, member);
  return json_object_is_type(value, json_type_array) ? value : NULL;
}

size_t tt_list_size(json_object *list)
{
  return list ? json_object_array_length(list) : 0;
}

void tt_print_json(json_object *line)
{
  json_object_object_del(line, "id");
  json_object_object_del(line, "done");
  puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- Messages --------------------------------------------------------------------------------------------------- */

/* On stderr, a line at a time, foreign text made harmless. */
static void complain(const char *format, ...) TT_PRINTF(1, 2);
static void complain(const char *format, ...)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0), clean = TT_BUF(0);
  struct tt_term term = tt_term_of(STDERR_FILENO);
  va_list ap;
  va_start(ap, format);
  tt_buf_vprintf(&text, format, ap);
  va_end(ap);
  tt_term_clean(&term, text.data ? text.data : "", &clean);
  fprintf(stderr, "thingtree: %s\n", clean.data ? clean.data : "");
}

/* "; did you mean "relay"?", or nothing. */
static const char *hint(json_object *line, struct tt_buf *out)
{
  const char *meant = tt_member_text(line, "did_you_mean");
  tt_buf_truncate(out, 0);
  tt_buf_puts(out, "");
  if (*meant)
    tt_buf_printf(out, "; did you mean \"%s\"?", meant);
  return out->data ? out->data : "";
}

void tt_client_print_error(const struct tt_client *client, json_object *line)
{
  if (client->is_json)
    tt_print_json(line);
  TT_AUTOBUF struct tt_buf meant = TT_BUF(0);
  struct tt_paper paper;
  tt_paper_init(&paper, tt_term_of(STDERR_FILENO));
  paper.term.width = 0; /* nothing of a message is left out */
  tt_paper_lines(&paper, tt_member_text(line, "diagnostics"));
  tt_paper_print(&paper, STDERR_FILENO);
  tt_paper_finish(&paper);
  complain("%s%s", tt_member_text(line, "text"), hint(line, &meant));
  json_object *errors = tt_member_list(line, "errors");
  for (size_t i = 0; i < tt_list_size(errors); i++) {
    json_object *error = json_object_array_get_idx(errors, i);
    const char *text = tt_member_text(error, "text");
    complain("  %s%s%s%s", tt_member_text(error, "name"), *text ? ": " : "", text, hint(error, &meant));
  }
}

static int no_daemon(const char *path, int error)
{
  struct stat st;
  switch (error) {
  case EACCES:
  case EPERM: {
    struct group *group = stat(path, &st) == 0 ? getgrgid(st.st_gid) : NULL;
    if (group)
      complain("no permission for %s; it is for root, the daemon's user and the group \"%s\"; to join it: "
               "adduser %s %s, then log in again",
               path, group->gr_name, getenv("USER") ? getenv("USER") : "YOU", group->gr_name);
    else
      complain("no permission for %s; run this as root, or as the daemon's user", path);
    break;
  }
  case ENAMETOOLONG:
    complain("the path of a socket has at most 107 bytes: %s", path);
    break;
  case ENOENT:
  case ECONNREFUSED:
    complain("no thingtree is listening on %s; start it with `thingtree run`", path);
    break;
  default:
    complain("cannot connect to %s: %s", path, strerror(error));
  }
  return TT_EXIT_NO_DAEMON;
}

static int gone(struct tt_client *client)
{
  complain("thingtree has closed the connection %s", client->path);
  return -ECONNRESET;
}

/* ---- The connection --------------------------------------------------------------------------------------------- */

static int connect_to(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof(address.sun_path))
    return -ENAMETOOLONG;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return -errno;
  if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
    int r = -errno;
    close(fd);
    return r;
  }
  return fd;
}

/* The first line: who is there, and which version of the language is spoken. */
static int greeting(struct tt_client *client)
{
  json_object *line;
  if (tt_client_next(client, &line) < 0)
    return TT_EXIT_NO_DAEMON;
  int exit = TT_EXIT_OK;
  if (*tt_member_text(line, "error")) {
    tt_client_print_error(client, line);
    exit = TT_EXIT_PARTLY;
  } else if (strcmp(tt_member_text(line, "hello"), "thingtree") != 0) {
    complain("what listens on %s is not thingtree", client->path);
    exit = TT_EXIT_NO_DAEMON;
  } else if (tt_member_number(line, "api") != TT_API_VERSION) {
    complain("the thingtree on %s is version %s; this is " TT_VERSION, client->path,
             tt_member_text(line, "version"));
    exit = TT_EXIT_PARTLY;
  }
  json_object_put(line);
  return exit;
}

int tt_client_open(const char *path, bool is_json, struct tt_client **ret)
{
  if (!path || !*path)
    path = getenv(TT_API_SOCKET_ENV);
  if (!path || !*path)
    path = TT_API_SOCKET;
  int fd = connect_to(path);
  if (fd < 0)
    return no_daemon(path, -fd);
  struct tt_client *client = calloc(1, sizeof(*client));
  if (client) {
    client->fd = fd;
    client->path = path;
    client->is_json = is_json;
    client->in.limit = LINE_MAX_IN;
    client->tokener = json_tokener_new_ex(DEPTH_IN);
    tt_term_language(client->language, sizeof(client->language));
  }
  int exit = client && client->tokener ? greeting(client) : TT_EXIT_PARTLY;
  if (exit != TT_EXIT_OK) {
    if (!client)
      close(fd);
    tt_client_close(client);
    return exit;
  }
  *ret = client;
  return TT_EXIT_OK;
}

void tt_client_close(struct tt_client *client)
{
  if (!client)
    return;
  close(client->fd);
  tt_buf_finish(&client->in);
  if (client->tokener)
    json_tokener_free(client->tokener);
  free(client);
}

int tt_client_ask(struct tt_client *client, json_object *request)
{
  if (*client->language)
    json_object_object_add(request, "language", json_object_new_string(client->language));
  size_t n;
  const char *text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &n);
  TT_AUTOBUF struct tt_buf line = TT_BUF(0);
  tt_buf_add(&line, text, n);
  tt_buf_putc(&line, '\n');
  json_object_put(request);
  if (line.len > TT_API_LINE_MAX) {
    complain("too much for one request; name fewer things");
    return TT_EXIT_PARTLY;
  }
  for (size_t sent = 0; sent < line.len;) {
    ssize_t m = send(client->fd, line.data + sent, line.len - sent, MSG_NOSIGNAL);
    if (m < 0 && errno == EINTR)
      continue;
    if (m < 0) {
      gone(client);
      return TT_EXIT_NO_DAEMON;
    }
    sent += (size_t)m;
  }
  return TT_EXIT_OK;
}

/* Waits for more bytes. 0, -EINTR, -ECONNRESET. */
static int more(struct tt_client *client)
{
  sigset_t none;
  sigemptyset(&none);
  for (;;) {
    if (is_interrupted)
      return -EINTR;
    struct pollfd pollfd = {.fd = client->fd, .events = POLLIN};
    if (ppoll(&pollfd, 1, NULL, &none) < 0)
      continue;
    char bytes[READ_AT_ONCE];
    ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      continue;
    if (n <= 0)
      return gone(client);
    tt_buf_add(&client->in, bytes, (size_t)n);
    return client->in.failed ? gone(client) : 0;
  }
}

int tt_client_next(struct tt_client *client, json_object **ret)
{
  const char *end;
  size_t searched = client->taken;
  while (!client->in.data || !(end = memchr(client->in.data + searched, '\n', client->in.len - searched))) {
    if (client->taken > 0) {
      memmove(client->in.data, client->in.data + client->taken, client->in.len - client->taken);
      tt_buf_truncate(&client->in, client->in.len - client->taken);
      client->taken = 0;
    }
    searched = client->in.len;
    int r = more(client);
    if (r < 0)
      return r;
  }
  const char *line = client->in.data + client->taken;
  json_tokener_reset(client->tokener);
  json_object *object = json_tokener_parse_ex(client->tokener, line, (int)(end - line));
  client->taken += (size_t)(end - line) + 1;
  if (!json_object_is_type(object, json_type_object)) {
    json_object_put(object);
    complain("what listens on %s does not speak as thingtree does", client->path);
    return -ECONNRESET;
  }
  *ret = object;
  return 0;
}

int tt_client_run(struct tt_client *client, json_object *request, void (*each)(void *user, json_object *line),
                  void *user)
{
  int exit = tt_client_ask(client, request);
  bool is_done = exit != TT_EXIT_OK;
  while (!is_done) {
    json_object *line;
    if (tt_client_next(client, &line) < 0)
      return TT_EXIT_NO_DAEMON;
    if (*tt_member_text(line, "error")) {
      tt_client_print_error(client, line);
      exit = TT_EXIT_PARTLY;
      is_done = true;
    } else {
      is_done = tt_member_flag(line, "done");
      if (each)
        each(user, line);
    }
    json_object_put(line);
  }
  return exit;
}
