/* SPDX-License-Identifier: Apache-2.0
 *
 * api.c: the control socket itself: making it, the door, who is let in and who makes room.
 */
#define _GNU_SOURCE /* struct ucred, accept4 */

#include "client.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#define SOCKET_MODE 0660
#define PAUSE_US    TT_USEC_PER_SEC /* without a free file descriptor the door stays shut for so long */
#define GROUPS_MAX  1024

enum tt_role tt_api_role(uid_t self, gid_t group, uid_t uid, const gid_t groups[], size_t n_groups)
{
  if (uid == 0 || uid == self)
    return TT_ROLE_ADMIN;
  for (size_t i = 0; i < n_groups; i++)
    if (groups[i] == group)
      return TT_ROLE_OPERATOR;
  return TT_ROLE_NONE;
}

static enum tt_role role_of_peer(const struct tt_api *api, int fd, uid_t *ret_uid)
{
  struct ucred cred;
  socklen_t size = sizeof(cred);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
    return TT_ROLE_NONE;
  *ret_uid = cred.uid;
  gid_t groups[GROUPS_MAX + 1] = {cred.gid};
  size = GROUPS_MAX * sizeof(*groups);
  /* More groups than that, or a kernel without them: the primary group is all that counts then. */
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size) < 0)
    size = 0;
  return tt_api_role(geteuid(), api->group, cred.uid, groups, 1 + size / sizeof(*groups));
}

/* The last word to a peer that is not let in; the socket's own buffer takes it or nobody does. */
static void turn_away(int fd, const char *code, const char *text)
{
  json_object *line = tt_api_error(NULL, code, "%s", text);
  const char *json = line ? json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN) : NULL;
  if (json) {
    (void)!send(fd, json, strlen(json), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)!send(fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  json_object_put(line);
  close(fd);
}

static void remove_client(struct tt_api_client *client)
{
  struct tt_api *api = client->api;
  DL_DELETE(api->clients, client);
  api->n_clients--;
  tt_api_client_destroy(client);
}

static int on_reap(sd_event_source *source TT_UNUSED, void *user)
{
  struct tt_api *api = user;
  struct tt_api_client *client, *next;
  DL_FOREACH_SAFE(api->clients, client, next)
  if (client->is_doomed)
    remove_client(client);
  return 0;
}

/* Room for one more: the client without open requests that has been silent longest goes. */
static bool make_room(struct tt_api *api)
{
  if (api->n_clients < TT_API_CLIENTS_MAX)
    return true;
  struct tt_api_client *client, *idlest = NULL;
  DL_FOREACH(api->clients, client)
    if (client->n_opens == 0 && tt_api_client_pending(client) == 0 &&
        (!idlest || client->heard_us < idlest->heard_us))
      idlest = client;
  if (idlest)
    remove_client(idlest);
  return idlest;
}

static void greet(struct tt_api_client *client)
{
  json_object *line = json_object_new_object();
  json_object_object_add(line, "hello", json_object_new_string("thingtree"));
  json_object_object_add(line, "api", json_object_new_int(TT_API_VERSION));
  json_object_object_add(line, "version", json_object_new_string(TT_VERSION));
  json_object_object_add(line, "role", json_object_new_string(tt_role_name(client->caller.role)));
  tt_api_send(client, line);
}

static void let_in(struct tt_api *api, int fd)
{
  uid_t uid = (uid_t)-1;
  enum tt_role role = role_of_peer(api, fd, &uid);
  if (role == TT_ROLE_NONE) {
    char name[32], text[160];
    snprintf(name, sizeof(name), "uid:%u", (unsigned)uid);
    snprintf(text, sizeof(text), "%s is neither root, nor the daemon's user, nor in the socket's group", name);
    struct tt_caller caller = {
        .kind = TT_CALLER_CLI, .jid = name, .bare = name, .uid = uid, .local = "", .language = ""};
    api->n_refused++;
    tt_core_refused(api->core, &caller, TT_ACCESS_BROWSE, "");
    turn_away(fd, "forbidden", text);
    return;
  }
  if (!make_room(api)) {
    api->n_refused++;
    turn_away(fd, "busy", "too many clients are connected");
    return;
  }
  struct tt_api_client *client;
  if (tt_api_client_create(api, fd, uid, role, &client) < 0) {
    close(fd);
    return;
  }
  api->n_accepted++;
  DL_APPEND(api->clients, client);
  api->n_clients++;
  greet(client);
}

static int on_pause_over(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  struct tt_api *api = user;
  return sd_event_source_set_enabled(api->listening, SD_EVENT_ON);
}

static int on_listening(sd_event_source *source, int fd, uint32_t revents TT_UNUSED, void *user)
{
  struct tt_api *api = user;
  int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (peer >= 0) {
    let_in(api, peer);
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
    /* The peer stays in the queue and the socket readable: without a pause this would spin. */
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    sd_event_source_set_time_relative(api->pause, PAUSE_US);
    sd_event_source_set_enabled(api->pause, SD_EVENT_ONESHOT);
  }
  return 0;
}

/* Is anybody behind this socket file? A file that nobody answers on was left by a daemon that was killed. */
static int clear_stale(const struct sockaddr_un *address)
{
  struct stat st;
  if (lstat(address->sun_path, &st) < 0)
    return errno == ENOENT ? 0 : -errno;
  if (!S_ISSOCK(st.st_mode))
    return -EEXIST;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
  close(fd);
  if (r != -ECONNREFUSED)
    return r == 0 || r == -EAGAIN ? -EADDRINUSE : r;
  return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* /run is empty after each start of the machine. One level, as a service manager would make it. */
static int make_directory(const char *path)
{
  char directory[sizeof((struct sockaddr_un){0}.sun_path)];
  const char *slash = strrchr(path, '/');
  if (!slash || slash == path)
    return 0;
  snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
  return mkdir(directory, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_socket(struct tt_api *api)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(api->path) >= sizeof(address.sun_path))
    return -ENAMETOOLONG;
  memcpy(address.sun_path, api->path, strlen(api->path) + 1);
  int r = make_directory(api->path);
  if (r == 0)
    r = clear_stale(&address);
  if (r < 0)
    return r;
  api->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (api->fd < 0)
    return -errno;
  /* Before bind the mode is that of the file to be; after it, what the umask took away is given back. */
  if (fchmod(api->fd, SOCKET_MODE) < 0 || bind(api->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
    return -errno;
  api->is_bound = true;
  struct stat st;
  if (stat(api->path, &st) < 0)
    return -errno;
  api->group = st.st_gid;
  api->device = st.st_dev;
  api->inode = st.st_ino;
  if (chmod(api->path, SOCKET_MODE) < 0)
    return -errno;
  return listen(api->fd, TT_API_CLIENTS_MAX) < 0 ? -errno : 0;
}

static int make_sources(struct tt_api *api)
{
  int r = sd_event_add_io(api->event, &api->listening, api->fd, EPOLLIN, on_listening, api);
  if (r >= 0)
    r = sd_event_add_time_relative(api->event, &api->pause, CLOCK_MONOTONIC, PAUSE_US, 0, on_pause_over, api);
  if (r >= 0)
    r = sd_event_source_set_enabled(api->pause, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_add_defer(api->event, &api->reap, on_reap, api);
  if (r >= 0)
    r = sd_event_source_set_enabled(api->reap, SD_EVENT_OFF);
  return r;
}

int tt_api_create(struct tt_core *core, struct tt_access *access, struct sd_event *event, const char *path,
                  const struct tt_api_hooks *hooks, struct tt_api **ret)
{
  struct tt_api *api = calloc(1, sizeof(*api));
  if (!api)
    return -ENOMEM;
  struct tt_now now = tt_core_now(core);
  api->core = core;
  api->access = access;
  api->event = sd_event_ref(event);
  api->hooks = hooks ? *hooks : (struct tt_api_hooks){0};
  api->fd = -1;
  api->started_wall_us = now.wall_us;
  api->started_mono_us = now.mono_us;
  api->path = strdup(path);
  api->tokener = json_tokener_new_ex(TT_API_DEPTH_MAX);
  int r = api->path && api->tokener ? tt_api_watches_create(api, &api->watches) : -ENOMEM;
  if (r >= 0) {
    json_tokener_set_flags(api->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    r = make_socket(api);
  }
  if (r >= 0)
    r = make_sources(api);
  if (r < 0) {
    tt_api_destroy(api);
    return r;
  }
  *ret = api;
  return 0;
}

void tt_api_destroy(struct tt_api *api)
{
  if (!api)
    return;
  while (api->clients)
    remove_client(api->clients);
  struct tt_api_open *open, *next;
  DL_FOREACH_SAFE(api->orphans, open, next)
  free(open);
  tt_api_watches_destroy(api->watches);
  sd_event_source_disable_unref(api->listening);
  sd_event_source_disable_unref(api->pause);
  sd_event_source_disable_unref(api->reap);
  struct stat st;
  if (api->is_bound && lstat(api->path, &st) == 0 && st.st_dev == api->device && st.st_ino == api->inode)
    unlink(api->path);
  if (api->fd >= 0)
    close(api->fd);
  sd_event_unref(api->event);
  if (api->tokener)
    json_tokener_free(api->tokener);
  free(api->path);
  free(api);
}
