/* SPDX-License-Identifier: Apache-2.0
 * naughty.c: what a bridge must not do, and what it cannot do in a process of its own. */
#define _GNU_SOURCE
#define TT_BUILTIN_BRIDGES
#include "naughty.h"

#include "bridge/letter.h"
#include "bridge/process.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <unistd.h>

/* ---- Attempts ----------------------------------------------------------------------------------------------- */
static int result(long r)
{
  return r < 0 ? errno : 0;
}

static int open_file(const char *path, int flags)
{
  int fd = open(path, flags | O_CLOEXEC, 0600);
  int r = result(fd);
  if (fd >= 0)
    close(fd);
  return r;
}

static int try_own_file(const char *file)
{
  return open_file(file, O_RDONLY);
}

static int try_write_own_file(const char *file)
{
  return open_file(file, O_WRONLY);
}

static int try_passwd(const char *file)
{
  (void)file;
  return open_file("/etc/passwd", O_RDONLY);
}

static int try_hosts(const char *file)
{
  (void)file;
  return open_file("/etc/hosts", O_RDONLY);
}

static int try_create(const char *file)
{
  char path[300];
  snprintf(path, sizeof(path), "%s.new", file);
  return open_file(path, O_WRONLY | O_CREAT | O_EXCL);
}

static int try_parent_memory(const char *file)
{
  char path[64];
  (void)file;
  snprintf(path, sizeof(path), "/proc/%d/mem", (int)getppid());
  return open_file(path, O_RDONLY);
}

static int try_unlink(const char *file)
{
  return result(unlink(file));
}

static int try_execute(const char *file)
{
  char name[] = "true";
  char *const argv[] = {name, NULL}, *const none[] = {NULL};
  (void)file;
  return result(execve("/bin/true", argv, none));
}

static int try_fork(const char *file)
{
  (void)file;
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0)
    _exit(0);
  if (pid > 0)
    waitpid(pid, NULL, 0);
  return result(pid);
}

static int try_ptrace(const char *file)
{
  (void)file;
  return result(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
}

static int try_kill(const char *file)
{
  (void)file;
  return result(kill(getppid(), 0));
}

static int try_read_parent(const char *file)
{
  char byte;
  struct iovec to = {&byte, 1}, from = {&byte, 1};
  (void)file;
  return result(syscall(SYS_process_vm_readv, getppid(), &to, 1, &from, 1, 0));
}

static int try_mount(const char *file)
{
  (void)file;
  return result(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int try_bpf(const char *file)
{
  (void)file;
  return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int try_perf(const char *file)
{
  (void)file;
  return result(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int try_keys(const char *file)
{
  (void)file;
  return result(syscall(SYS_keyctl, 0, -3, 0));
}

static int try_memory_file(const char *file)
{
  (void)file;
  return result(memfd_create("x", MFD_CLOEXEC));
}

static int try_ring(const char *file)
{
  (void)file;
  return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int make_socket(int family, int type, int protocol)
{
  int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  int r = result(fd);
  if (fd >= 0)
    close(fd);
  return r;
}

static int try_unix(const char *file)
{
  (void)file;
  return make_socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_pair(int type)
{
  int pair[2];
  int r = result(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
  if (r == 0) {
    close(pair[0]);
    close(pair[1]);
  }
  return r;
}

static int try_pair(const char *file)
{
  (void)file;
  return make_pair(SOCK_STREAM);
}

static int try_datagram_pair(const char *file)
{
  (void)file;
  return make_pair(SOCK_DGRAM);
}

static int try_packet(const char *file)
{
  (void)file;
  return make_socket(AF_PACKET, SOCK_RAW, 0);
}

static int try_raw(const char *file)
{
  (void)file;
  return make_socket(AF_INET, SOCK_RAW, 1);
}

static int try_audit(const char *file)
{
  (void)file;
  return make_socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */);
}

static int try_tcp(const char *file)
{
  (void)file;
  return make_socket(AF_INET6, SOCK_STREAM, 0);
}

static int try_udp(const char *file)
{
  (void)file;
  return make_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
}

static int try_routes(const char *file)
{
  (void)file;
  return make_socket(AF_NETLINK, SOCK_RAW, 0);
}

static int try_owner(const char *file)
{
  (void)file;
  return result(fcntl(TT_PROCESS_FD, F_SETOWN, getppid())); /* whose signals would go to the daemon */
}

static int try_owner_by_ioctl(const char *file)
{
  int pid = getppid();
  (void)file;
  return result(ioctl(TT_PROCESS_FD, 0x8901 /* FIOSETOWN */, &pid));
}

static int try_resolve(const char *file)
{
  struct addrinfo *found = NULL;
  (void)file;
  int r = getaddrinfo("localhost", "http", NULL, &found);
  if (found)
    freeaddrinfo(found);
  return r == 0 ? 0 : ENOENT;
}

static void *end(void *user)
{
  return user;
}

static int try_thread(const char *file)
{
  pthread_t thread;
  (void)file;
  int r = pthread_create(&thread, NULL, end, NULL);
  return r == 0 ? pthread_join(thread, NULL) : r;
}

static int try_available(const char *file)
{
  int n;
  (void)file;
  return result(ioctl(TT_PROCESS_FD, FIONREAD, &n));
}

const struct naughty_attempt naughty_attempts[] = {
    {"own_file", try_own_file, true, false},
    {"hosts", try_hosts, true, false},
    {"tcp", try_tcp, true, false},
    {"udp", try_udp, true, false},
    {"routes", try_routes, true, false},
    {"available", try_available, true, false},
    {"resolve", try_resolve, true, false},
    {"thread", try_thread, true, false},
    {"write_own_file", try_write_own_file, false, true},
    {"passwd", try_passwd, false, true},
    {"create", try_create, false, true},
    {"parent_memory", try_parent_memory, false, true},
    {"unlink", try_unlink, false, false},
    {"execute", try_execute, false, false},
    {"fork", try_fork, false, false},
    {"ptrace", try_ptrace, false, false},
    {"kill", try_kill, false, false},
    {"read_parent", try_read_parent, false, false},
    {"mount", try_mount, false, false},
    {"bpf", try_bpf, false, false},
    {"perf", try_perf, false, false},
    {"keys", try_keys, false, false},
    {"memory_file", try_memory_file, false, false},
    {"ring", try_ring, false, false},
    {"unix", try_unix, false, false},
    {"pair", try_pair, true, false},
    {"datagram_pair", try_datagram_pair, false, false},
    {"packet", try_packet, false, false},
    {"raw", try_raw, false, false},
    {"audit", try_audit, false, false},
    {"owner", try_owner, false, false},
    {"owner_by_ioctl", try_owner_by_ioctl, false, false},
    {NULL, NULL, false, false},
};

/* ---- Options ------------------------------------------------------------------------------------------------ */
enum does { WELL, DIES, FLOODS, GARBAGE, LARGE, STRANGE, OUTSIDE, HANGS, FAILS, REFUSES, FLAPS };
static const struct tt_choice does_choices[] = {
    {"well", WELL},   {"dies", DIES},       {"floods", FLOODS},   {"garbage", GARBAGE},
    {"large", LARGE}, {"strange", STRANGE}, {"outside", OUTSIDE}, {"hangs", HANGS},
    {"fails", FAILS}, {"refuses", REFUSES}, {"flaps", FLAPS},     {NULL, 0},
};
struct connection {
  int does;
  const char *file, *password;
};
static const struct tt_option connection_options[] = {
    {.name = "does",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct connection, does),
     .preset = "well",
     .choices = does_choices,
     .help = "What it does."},
    {.name = "file",
     .type = TT_OPTION_STRING,
     .offset = offsetof(struct connection, file),
     .flags = TT_OPTION_PATH,
     .help = "A file that it may read."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     .offset = offsetof(struct connection, password),
     .help = "Something to be kept."},
    TT_OPTION_END,
};
struct address {
  const char *attempt;
};
static const struct tt_option address_options[] = {
    {.name = "try", .type = TT_OPTION_STRING, .offset = offsetof(struct address, attempt), .help = "What to try."},
    TT_OPTION_END,
};

/* ---- Answers ------------------------------------------------------------------------------------------------ */
/* One request, answered by the next event of the loop. */
struct request {
  struct request *next;
  tt_id id;
  struct tt_device *device;
  bool is_write;
  size_t n;
  uint16_t points[TT_POINTS_MAX];
};
struct state {
  sd_event_source *answers, *flood;
  struct request *requests;
  int64_t count;
  struct tt_device *devices[16];
  size_t n_devices;
};

static const struct connection *options_of(struct tt_bridge *bridge)
{
  return tt_bridge_options(bridge);
}

static int64_t value_of(struct tt_bridge *bridge, const struct tt_point *point)
{
  struct state *state = tt_bridge_state(bridge);
  const struct address *address = point->address;
  for (const struct naughty_attempt *a = naughty_attempts; address && address->attempt && a->name; a++)
    if (strcmp(a->name, address->attempt) == 0)
      return a->run(options_of(bridge)->file);
  return ++state->count;
}

/* As somebody would who has taken the process over. */
static void say(const void *data, size_t n)
{
  if (write(TT_PROCESS_FD, data, n) < 0)
    _exit(9);
}

static void say_frame(unsigned type, uint64_t id, size_t size, const char *body, size_t n)
{
  unsigned char head[TT_FRAME_HEAD];
  tt_frame_head(head, type, id, size);
  say(head, sizeof(head));
  say(body, n);
}

static void misbehave(enum does does)
{
  static const char rubbish[] = "HTTP/1.1 200 OK\r\nServer: not what you think\r\n\r\n";
  switch (does) {
  case GARBAGE:
    say(rubbish, sizeof(rubbish));
    break;
  case LARGE:
    say_frame(TT_FRAME_LOG, 0, UINT32_MAX, "", 0);
    break;
  case STRANGE:
    say_frame(TT_FRAME_MISSING, 12345, 1, "\0", 1);
    break;
  case OUTSIDE:
    say_frame(TT_FRAME_MISSING, 1, 2, "\xff\x7f", 2);
    break;
  case HANGS:
    for (;;)
      pause();
  case WELL:
  case DIES:
  case FLOODS:
  case FAILS:
  case REFUSES:
  case FLAPS:
    break;
  }
}

static void answer(struct tt_bridge *bridge, const struct request *request)
{
  for (size_t i = 0; !request->is_write && i < request->n; i++) {
    const struct tt_point *point = &tt_device_config(request->device)->points[request->points[i]];
    tt_report(request->device, request->points[i], &TT_VALUE_INT64(value_of(bridge, point)), 0, 0);
  }
  int error = request->is_write && request->device ? try_own_file(options_of(bridge)->file) : 0;
  tt_done(bridge, request->id, -error, NULL);
}

static int on_answers(sd_event_source *source, void *user)
{
  struct tt_bridge *bridge = user;
  struct state *state = tt_bridge_state(bridge);
  (void)source;
  misbehave((enum does)options_of(bridge)->does);
  while (state->requests) {
    struct request *request = state->requests;
    state->requests = request->next;
    answer(bridge, request);
    free(request);
  }
  return 0;
}

static void take(struct tt_bridge *bridge, tt_id id, struct tt_device *device, bool is_write,
                 const uint16_t points[], size_t n)
{
  struct state *state = tt_bridge_state(bridge);
  struct request *request = calloc(1, sizeof(*request)), **last = &state->requests;
  *request = (struct request){.id = id, .device = device, .is_write = is_write, .n = n};
  memcpy(request->points, points, n * sizeof(points[0]));
  while (*last)
    last = &(*last)->next;
  *last = request;
  sd_event_source_set_enabled(state->answers, SD_EVENT_ONESHOT);
}

/* ---- The functions ------------------------------------------------------------------------------------------ */
static int on_flood(sd_event_source *source, void *user)
{
  struct tt_bridge *bridge = user;
  struct state *state = tt_bridge_state(bridge);
  (void)source;
  for (size_t i = 0; i < 200; i++)
    for (size_t k = 0; k < state->n_devices; k++)
      tt_report(state->devices[k], 0, &TT_VALUE_INT64(++state->count), 0, 0);
  return 0;
}

static int on_flap(sd_event_source *source, void *user)
{
  struct tt_bridge *bridge = user;
  struct state *state = tt_bridge_state(bridge);
  (void)source;
  for (size_t i = 0; i < 100; i++) {
    enum tt_link_state link = ++state->count % 2 ? TT_LINK_OFFLINE : TT_LINK_ONLINE;
    tt_connection_state(bridge, link, "for the %uth time", (unsigned)state->count);
    for (size_t k = 0; k < state->n_devices; k++)
      tt_device_link(state->devices[k], link, "gone for the %uth time", (unsigned)state->count);
  }
  return 0;
}

static int start(struct tt_bridge *bridge)
{
  struct state *state = tt_bridge_state(bridge);
  enum does does = (enum does)options_of(bridge)->does;
  if (does == DIES)
    abort();
  if (does == FAILS)
    return -ENOPKG;
  int r = sd_event_add_defer(tt_bridge_event(bridge), &state->answers, on_answers, bridge);
  if (r >= 0)
    r = sd_event_source_set_enabled(state->answers, SD_EVENT_OFF);
  if (r >= 0 && (does == FLOODS || does == FLAPS))
    r = sd_event_add_defer(tt_bridge_event(bridge), &state->flood, does == FLOODS ? on_flood : on_flap, bridge);
  if (r >= 0 && (does == FLOODS || does == FLAPS)) {
    sd_event_source_set_priority(state->flood, SD_EVENT_PRIORITY_IDLE);
    r = sd_event_source_set_enabled(state->flood, SD_EVENT_ON);
  }
  if (r >= 0)
    tt_connection_state(bridge, TT_LINK_ONLINE, NULL);
  return r;
}

static void cancel(struct tt_bridge *bridge, const struct tt_device *device)
{
  struct state *state = tt_bridge_state(bridge);
  for (struct request **at = &state->requests; *at;) {
    struct request *request = *at;
    if (device && request->device != device) {
      at = &request->next;
      continue;
    }
    *at = request->next;
    tt_done(bridge, request->id, -ECANCELED, NULL);
    free(request);
  }
}

static void stop(struct tt_bridge *bridge)
{
  struct state *state = tt_bridge_state(bridge);
  cancel(bridge, NULL);
  sd_event_source_disable_unref(state->answers);
  sd_event_source_disable_unref(state->flood);
  tt_stopped(bridge);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct state *state = tt_bridge_state(bridge);
  if (options_of(bridge)->does == REFUSES) {
    tt_fail(device, "there is no place for %s", tt_device_config(device)->key);
    return -ENOSPC;
  }
  if (state->n_devices < TT_COUNT(state->devices))
    state->devices[state->n_devices++] = device;
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct state *state = tt_bridge_state(bridge);
  for (size_t i = 0; i < state->n_devices; i++)
    if (state->devices[i] == device)
      state->devices[i] = state->devices[--state->n_devices];
  cancel(bridge, device);
  tt_detached(device);
}

static void read_points(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  (void)deadline_us;
  take(bridge, request, device, false, points, n);
}

static void write_point(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  (void)deadline_us;
  (void)value;
  take(bridge, request, device, true, &point, 1);
}

static void discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  static const struct tt_fact facts[] = {{"kind", "lamp"}};
  (void)deadline_us;
  tt_candidate(bridge, request,
               &(struct tt_candidate){.id = "a", .name = "A\x01lamp", .facts = facts, .n_facts = 1});
  tt_candidate(bridge, request, &(struct tt_candidate){.id = "b"});
  take(bridge, request, NULL, true, &(uint16_t){0}, 1);
}

TT_BRIDGE(naughty) = {
    .abi = TT_BRIDGE_ABI,
    .name = "naughty",
    .summary = "does what a bridge must not do",
    .connection = {sizeof(struct connection), connection_options},
    .read_address = {sizeof(struct address), address_options},
    .instance_size = sizeof(struct state),
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
};
