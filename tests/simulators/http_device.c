/* SPDX-License-Identifier: Apache-2.0
 *
 * http_device: a web server (libmicrohttpd) that plays many small devices and can be told to misbehave.
 *
 *   http_device [--host ADDRESS] [--port N] [--attached]
 *
 *   GET  /d/N/level      {"level": 7}             PUT or POST {"level": 8}
 *   GET  /d/N/reading    {"reading": 21.50}
 *   GET  /faulty         500
 *   GET  /digest/level   as /d/0/level, after digest authentication as user, secret
 *   GET  /basic/level    likewise with basic authentication
 *   GET  /tagged         {"tagged": 1} with an ETag; 304 to who knows it
 *   GET  /busy           503 with Retry-After: 30
 *   GET  /events         a stream of what `say` tells it
 *
 * It says "ready tcp PORT" and "ready", and obeys lines on its standard input: silent 0|1, counts, say EVENT DATA,
 * close (ends the streams). It ends when that is closed (--attached) or by SIGTERM.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define DEVICES   1000
#define BODY_MAX  4096
#define EVENT_MAX 65536
#define HELD_MAX  4096

static struct {
  struct MHD_Daemon *daemon;
  struct in_addr host;
  int port;
  bool is_attached, is_silent, is_closing;
  int level[DEVICES];
  unsigned long requests, reads, writes, not_modified, streams;
  char last_id[100]; /* that the last reader of the stream asked for */
  char events[EVENT_MAX];
  size_t n_events;
  struct MHD_Connection *held[HELD_MAX]; /* that wait: silent, or a stream without news */
  size_t n_held;
} sim = {.host = {.s_addr = 0x0100007f}};

struct request {
  char body[BODY_MAX];
  size_t n;
  bool is_counted;
};

static void hold(struct MHD_Connection *connection)
{
  if (sim.n_held < HELD_MAX) {
    MHD_suspend_connection(connection);
    sim.held[sim.n_held++] = connection;
  }
}

static void resume_all(void)
{
  for (size_t i = 0; i < sim.n_held; i++)
    MHD_resume_connection(sim.held[i]);
  sim.n_held = 0;
}

__attribute__((format(printf, 5, 6))) static enum MHD_Result answer(struct MHD_Connection *c, unsigned status,
                                                                    const char *header, const char *value,
                                                                    const char *format, ...)
{
  char text[512];
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  struct MHD_Response *response = MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
  MHD_add_response_header(response, "Content-Type", "application/json");
  if (header)
    MHD_add_response_header(response, header, value);
  enum MHD_Result r = MHD_queue_response(c, status, response);
  MHD_destroy_response(response);
  return r;
}

static enum MHD_Result set_level(struct MHD_Connection *c, unsigned device, const struct request *request)
{
  struct json_object *json = json_tokener_parse(request->body), *level;
  bool is_good =
      json && json_object_object_get_ex(json, "level", &level) && json_object_get_type(level) == json_type_int;
  if (is_good) {
    sim.level[device] = json_object_get_int(level);
    sim.writes++;
  }
  json_object_put(json);
  return is_good ? answer(c, 200, NULL, NULL, "{\"ok\": true}") : answer(c, 400, NULL, NULL, "{\"ok\": false}");
}

static ssize_t more_events(void *user, uint64_t at, char *out, size_t room)
{
  struct MHD_Connection *c = user;
  if (sim.is_closing)
    return MHD_CONTENT_READER_END_OF_STREAM;
  size_t n = at < sim.n_events ? sim.n_events - at : 0;
  if (n > room)
    n = room;
  memcpy(out, sim.events + at, n);
  if (n == 0)
    hold(c);
  return (ssize_t)n;
}

static enum MHD_Result stream(struct MHD_Connection *c)
{
  const char *id = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
  snprintf(sim.last_id, sizeof sim.last_id, "%s", id ? id : "-");
  sim.streams++;
  sim.is_closing = false;
  sim.n_events = 0;
  struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, more_events, c, NULL);
  MHD_add_response_header(response, "Content-Type", "text/event-stream");
  enum MHD_Result r = MHD_queue_response(c, 200, response);
  MHD_destroy_response(response);
  return r;
}

static bool is_allowed(struct MHD_Connection *c, const char *path, enum MHD_Result *ret)
{
  static const char realm[] = "device", user[] = "user", password[] = "secret";
  struct MHD_Response *response;
  bool is_right;
  if (!strncmp(path, "/digest/", 8)) {
    int r = MHD_digest_auth_check2(c, realm, user, password, 300, MHD_DIGEST_ALG_SHA256);
    if (r == MHD_YES)
      return true;
    response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    *ret =
        MHD_queue_auth_fail_response2(c, realm, "opaque", response, r == MHD_INVALID_NONCE, MHD_DIGEST_ALG_SHA256);
    MHD_destroy_response(response);
    return false;
  }
  if (strncmp(path, "/basic/", 7) != 0)
    return true;
  char *given = NULL, *name = MHD_basic_auth_get_username_password(c, &given);
  is_right = name && given && !strcmp(name, user) && !strcmp(given, password);
  MHD_free(name);
  MHD_free(given);
  if (is_right)
    return true;
  response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  *ret = MHD_queue_basic_auth_fail_response(c, realm, response);
  MHD_destroy_response(response);
  return false;
}

static enum MHD_Result serve(struct MHD_Connection *c, const char *method, const char *path,
                             const struct request *request)
{
  unsigned device = 0;
  char what[20] = "";
  enum MHD_Result r;
  bool is_get = !strcmp(method, "GET");
  if (!is_allowed(c, path, &r))
    return r;
  bool is_locked = !strncmp(path, "/digest/", 8) || !strncmp(path, "/basic/", 7);
  if (is_locked)
    snprintf(what, sizeof what, "%s", strrchr(path, '/') + 1);
  else
    sscanf(path, "/d/%u/%19s", &device, what);
  if (device >= DEVICES)
    return answer(c, 404, NULL, NULL, "{}");
  sim.reads += is_get;
  if (!strcmp(what, "level"))
    return is_get ? answer(c, 200, NULL, NULL, "{\"level\": %d}", sim.level[device])
                  : set_level(c, device, request);
  if (!strcmp(what, "reading") && is_get)
    return answer(c, 200, NULL, NULL, "{\"reading\": 21.50}");
  if (!strcmp(path, "/tagged")) {
    const char *tag = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    if (!tag || strcmp(tag, "\"v1\"") != 0)
      return answer(c, 200, "ETag", "\"v1\"", "{\"tagged\": 1}");
    sim.not_modified++;
    return answer(c, 304, "ETag", "\"v1\"", "%s", "");
  }
  if (!strcmp(path, "/busy"))
    return answer(c, 503, "Retry-After", "30", "{}");
  if (!strcmp(path, "/events"))
    return stream(c);
  return answer(c, !strcmp(path, "/faulty") ? 500 : 404, NULL, NULL, "{}");
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
  struct request *request = *state;
  (void)user, (void)version;
  if (!request) {
    *state = calloc(1, sizeof *request);
    return *state ? MHD_YES : MHD_NO;
  }
  if (*size) {
    size_t n = *size < BODY_MAX - 1 - request->n ? *size : BODY_MAX - 1 - request->n;
    memcpy(request->body + request->n, data, n);
    request->n += n;
    *size = 0;
    return MHD_YES;
  }
  sim.requests += !request->is_counted;
  request->is_counted = true;
  if (sim.is_silent) { /* asked again when it is resumed */
    hold(connection);
    return MHD_YES;
  }
  return serve(connection, method, path, request);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
  (void)user, (void)connection, (void)why;
  free(*state);
  *state = NULL;
}

static void say(const char *event, const char *data)
{
  int n = snprintf(sim.events + sim.n_events, sizeof sim.events - sim.n_events, "id: %lu\nevent: %s\ndata: %s\n\n",
                   (unsigned long)sim.n_events, event, data);
  if (n > 0 && sim.n_events + (size_t)n < sizeof sim.events)
    sim.n_events += (size_t)n;
  resume_all();
}

static void command(char *line)
{
  char event[64], *data;
  if (!strncmp(line, "silent ", 7)) {
    sim.is_silent = line[7] == '1';
    if (!sim.is_silent)
      resume_all();
  } else if (!strcmp(line, "counts")) {
    printf("requests %lu reads %lu writes %lu not_modified %lu streams %lu id %s\n", sim.requests, sim.reads,
           sim.writes, sim.not_modified, sim.streams, *sim.last_id ? sim.last_id : "-");
    return;
  } else if (sscanf(line, "say %63s", event) == 1 && (data = strchr(line + 4, ' '))) {
    say(event, data + 1);
  } else if (!strcmp(line, "close")) {
    sim.is_closing = true;
    resume_all();
  } else {
    puts("what?");
    return;
  }
  puts("ok");
}

/* False: the other end is closed. */
static bool commands_read(void)
{
  static char text[8192];
  static size_t n;
  char *end;
  ssize_t r = read(0, text + n, sizeof text - 1 - n);
  if (r <= 0)
    return false;
  n += (size_t)r;
  text[n] = 0;
  while ((end = strchr(text, '\n'))) {
    *end = 0;
    command(text);
    n -= (size_t)(end + 1 - text);
    memmove(text, end + 1, n + 1);
  }
  fflush(stdout);
  return true;
}

static void loop(int signals)
{
  int epoll = epoll_create1(EPOLL_CLOEXEC), theirs;
  bool has_commands = sim.is_attached;
  theirs = MHD_get_daemon_info(sim.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  const int fds[] = {theirs, signals, 0};
  for (size_t i = 0; i < (has_commands ? 3 : 2); i++)
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){.events = EPOLLIN, .data.fd = fds[i]});
  for (;;) {
    struct epoll_event events[4];
    MHD_UNSIGNED_LONG_LONG ms;
    int wait = MHD_get_timeout(sim.daemon, &ms) == MHD_YES ? (int)ms : -1;
    int n = epoll_wait(epoll, events, 4, wait);
    for (int i = 0; i < n; i++)
      if (events[i].data.fd == signals || (events[i].data.fd == 0 && !commands_read()))
        return;
    MHD_run(sim.daemon);
  }
}

int main(int argc, char **argv)
{
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, NULL);
  signal(SIGPIPE, SIG_IGN);
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--attached"))
      sim.is_attached = true;
    else if (!strcmp(argv[i], "--port") && i + 1 < argc)
      sim.port = atoi(argv[++i]);
    else if (!(!strcmp(argv[i], "--host") && i + 1 < argc && inet_pton(AF_INET, argv[++i], &sim.host) == 1)) {
      fputs("usage: http_device [--host ADDRESS] [--port N] [--attached]\n", stderr);
      return 64;
    }
  }
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)sim.port), .sin_addr = sim.host};
  sim.daemon =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)sim.port, NULL, NULL, on_request, NULL,
                       MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                       MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_DIGEST_AUTH_RANDOM, (size_t)8, "12345678",
                       MHD_OPTION_NONCE_NC_SIZE, 64u, MHD_OPTION_CONNECTION_LIMIT, 2000u, MHD_OPTION_END);
  if (!sim.daemon) {
    fprintf(stderr, "http_device: %s\n", strerror(errno));
    return 1;
  }
  int signals = signalfd(-1, &ends, SFD_CLOEXEC);
  printf("ready tcp %u\nready\n", MHD_get_daemon_info(sim.daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
  fflush(stdout);
  loop(signals);
  resume_all();
  MHD_stop_daemon(sim.daemon);
  return 0;
}
