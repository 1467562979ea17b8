/* SPDX-License-Identifier: Apache-2.0
 * child.c: letters of the daemon become calls of the bridge, calls of the bridge become letters. */
#include "child.h"

#include "channel.h"
#include "process.h"
#include "registry.h"
#include "sandbox.h"
#include "service/loop.h"
#include "start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <uthash.h>

#define MEMORY_MAX (64u * 1024 * 1024) /* of the options of the connection, and of each device */
#define ABOUT_LINK (1ull << 63)        /* keys: what a letter is about */
#define ABOUT_ALL  (1ull << 62)
#define ABOUT_SELF (1ull << 61)

/* What the bridge knows as a struct tt_device. */
struct hosted {
  struct tt_bridge *bridge; /* first: calls.h */
  UT_hash_handle hh;
  uint64_t id;
  struct tt_arena *arena;
  struct tt_device_config config;
  void *state;
  char fail_text[TT_HOST_TEXT_MAX];
  bool is_gone; /* detached; freed a little later */
};

/* What it knows as a struct tt_bridge. */
struct child {
  const struct tt_calls *calls; /* first: calls.h */
  const struct tt_bridge_ops *const *builtin;
  struct sd_event *event;
  struct tt_channel *channel;
  sd_event_source *later;
  struct tt_inbox *inbox;
  struct tt_mailbox *mailbox;
  struct tt_registry *registry;
  struct tt_arena *arena;
  struct tt_start start;
  const struct tt_bridge_ops *ops;
  void *options, *state;
  struct hosted *devices; /* by id */
  bool is_greeted, is_running, is_stopping, is_over;
  bool is_offline; /* the connection, as said last */
  bool has_failed; /* something, since the last ping */
};

static struct child *child_of(struct tt_bridge *bridge)
{
  return (struct child *)(void *)bridge;
}

static struct tt_bridge *bridge_of(struct child *child)
{
  return (struct tt_bridge *)(void *)child;
}

static struct hosted *hosted_of(struct tt_device *device)
{
  return (struct hosted *)(void *)device;
}

static struct tt_device *device_of(struct hosted *hosted)
{
  return (struct tt_device *)(void *)hosted;
}

static void say(struct child *child, const struct tt_letter *letter)
{
  tt_channel_send(child->channel, letter, TT_CLASS_MUST, 0);
}

/* What a newer one of the same key makes old: of states the last must arrive, of values it may not. */
static void mention(struct child *child, const struct tt_letter *letter, uint64_t key)
{
  bool is_state = letter->type == TT_FRAME_STATE || letter->type == TT_FRAME_LINK;
  tt_channel_send(child->channel, letter, is_state ? TT_CLASS_MUST : TT_CLASS_MAY, key);
}

static void hosted_free(struct child *child, struct hosted *hosted)
{
  if (hosted->id)
    HASH_DELETE(hh, child->devices, hosted);
  tt_arena_destroy(hosted->arena);
  free(hosted->state);
  free(hosted);
}

/* ---- What the bridge asks ------------------------------------------------------------------------------------- */
static struct sd_event *on_event(struct tt_bridge *bridge)
{
  return child_of(bridge)->event;
}

static const char *on_name(struct tt_bridge *bridge)
{
  return child_of(bridge)->start.name;
}

static const void *on_options(struct tt_bridge *bridge)
{
  return child_of(bridge)->options;
}

static void *on_state(struct tt_bridge *bridge)
{
  return child_of(bridge)->state;
}

static struct tt_now on_now(struct tt_bridge *bridge)
{
  (void)bridge;
  return tt_loop_clock();
}

static struct tt_mailbox *on_mailbox(struct tt_bridge *bridge)
{
  return child_of(bridge)->mailbox;
}

static const struct tt_device_config *on_device_config(struct tt_device *device)
{
  return &hosted_of(device)->config;
}

static void *on_device_state(struct tt_device *device)
{
  return hosted_of(device)->state;
}

static bool on_is_probing(struct tt_device *device)
{
  return child_of(hosted_of(device)->bridge)->start.is_probing;
}

/* ---- What it tells -------------------------------------------------------------------------------------------- */
static void on_connection_state(struct tt_bridge *bridge, enum tt_link_state state, const char *text)
{
  child_of(bridge)->is_offline = state == TT_LINK_OFFLINE;
  mention(child_of(bridge), &(struct tt_letter){.type = TT_FRAME_STATE, .number = state, .text = text}, ABOUT_ALL);
}

/* About a device: what is said about one on its way out is of no interest. */
static void mention_device(struct tt_device *device, struct tt_letter letter, uint64_t about)
{
  struct hosted *hosted = hosted_of(device);
  letter.id = hosted->id;
  if (!hosted->is_gone)
    mention(child_of(hosted->bridge), &letter, about | hosted->id << 16);
}

static void on_device_link(struct tt_device *device, enum tt_link_state state, const char *text)
{
  mention_device(device, (struct tt_letter){.type = TT_FRAME_LINK, .number = state, .text = text}, ABOUT_LINK);
}

static void on_fail(struct tt_device *device, const char *text)
{
  snprintf(hosted_of(device)->fail_text, TT_HOST_TEXT_MAX, "%s", text);
}

static void on_report(struct tt_device *device, uint16_t point, const struct tt_value *raw, uint64_t stamp_us,
                      unsigned flags)
{
  mention_device(device,
                 (struct tt_letter){.type = TT_FRAME_REPORT,
                                    .point = point,
                                    .number = flags & TT_REPORT_RETAINED,
                                    .time_us = stamp_us,
                                    .value = *raw},
                 point);
}

static void on_report_missing(struct tt_device *device, uint16_t point)
{
  mention_device(device, (struct tt_letter){.type = TT_FRAME_MISSING, .point = point}, point);
}

static void on_report_error(struct tt_device *device, uint16_t point, const char *text)
{
  mention_device(device, (struct tt_letter){.type = TT_FRAME_ERROR, .point = point, .text = text}, point);
}

static void on_done(struct tt_bridge *bridge, tt_id request, int error, const char *text)
{
  child_of(bridge)->has_failed |= error < 0 && error != -ECANCELED;
  say(child_of(bridge), &(struct tt_letter){.type = TT_FRAME_DONE, .id = request, .error = error, .text = text});
}

static void on_candidate(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate)
{
  mention(child_of(bridge), &(struct tt_letter){.type = TT_FRAME_CANDIDATE, .id = request, .candidate = candidate},
          0);
}

static int on_describe(struct tt_device *device, const char *json, size_t size)
{
  struct hosted *hosted = hosted_of(device);
  const struct tt_letter letter = {.type = TT_FRAME_DESCRIBE, .id = hosted->id, .blob = json, .blob_size = size};
  if (hosted->is_gone)
    return 0;
  /* Nobody repeats it but the bridge: it has to know. */
  int r = tt_channel_send(child_of(hosted->bridge)->channel, &letter, TT_CLASS_MAY, ABOUT_SELF | hosted->id << 16);
  return r == -ENOBUFS ? -ENOMEM : r;
}

static void on_probe(struct tt_device *device, uint16_t point, const char *text)
{
  struct hosted *hosted = hosted_of(device);
  mention(child_of(hosted->bridge),
          &(struct tt_letter){.type = TT_FRAME_PROBE, .id = hosted->id, .point = point, .text = text}, 0);
}

static void on_log(struct tt_bridge *bridge, enum tt_log_level level, const char *text)
{
  mention(child_of(bridge), &(struct tt_letter){.type = TT_FRAME_LOG, .number = level, .text = text}, 0);
}

static void on_stopped(struct tt_bridge *bridge)
{
  struct child *child = child_of(bridge);
  say(child, &(struct tt_letter){.type = TT_FRAME_STOPPED}); /* the daemon hangs up when it has read so far */
}

static void on_detached(struct tt_device *device)
{
  struct hosted *hosted = hosted_of(device);
  struct child *child = child_of(hosted->bridge);
  hosted->is_gone = true;
  say(child, &(struct tt_letter){.type = TT_FRAME_DETACHED, .id = hosted->id});
  sd_event_source_set_enabled(child->later, SD_EVENT_ONESHOT);
}

static const struct tt_calls calls = {
    .event = on_event,
    .name = on_name,
    .options = on_options,
    .state = on_state,
    .now = on_now,
    .mailbox = on_mailbox,
    .device_config = on_device_config,
    .device_state = on_device_state,
    .connection_state = on_connection_state,
    .device_link = on_device_link,
    .fail = on_fail,
    .report = on_report,
    .report_missing = on_report_missing,
    .report_error = on_report_error,
    .done = on_done,
    .candidate = on_candidate,
    .describe = on_describe,
    .is_probing = on_is_probing,
    .probe = on_probe,
    .stopped = on_stopped,
    .detached = on_detached,
    .log = on_log,
};

/* None of its calls is under way: what it has let go of can be freed. */
static int on_later(sd_event_source *source, void *user)
{
  struct child *child = user;
  struct hosted *hosted, *next;
  (void)source;
  HASH_ITER(hh, child->devices, hosted, next)
    if (hosted->is_gone)
      hosted_free(child, hosted);
  return 0;
}

/* ---- Beginning ------------------------------------------------------------------------------------------------ */
static int failed(struct child *child, const char *format, ...) TT_PRINTF(2, 3);
static int failed(struct child *child, const char *format, ...)
{
  char text[TT_HOST_TEXT_MAX];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof(text), format, ap);
  va_end(ap);
  say(child, &(struct tt_letter){.type = TT_FRAME_FAILED, .text = text});
  child->is_over = true; /* nothing more is done; the daemon hangs up */
  return 0;
}

static int take_hello(struct child *child, const struct tt_letter *m)
{
  child->is_greeted = m->number == TT_BRIDGE_ABI && m->text && strcmp(m->text, TT_VERSION) == 0;
  return child->is_greeted ? 0 : failed(child, "the program has been replaced by another version (" TT_VERSION ")");
}

static int find_bridge(struct child *child, const char **ret_why)
{
  int r = tt_registry_create(child->start.bridges, child->builtin, &child->registry);
  if (r < 0)
    return r;
  child->ops = tt_registry_find(child->registry, child->start.protocol, ret_why);
  return child->ops ? 0 : -ENOENT;
}

static int make_bridge(struct child *child, struct tt_bytes *in)
{
  child->options = tt_arena_alloc(child->arena, child->ops->connection.size + 1);
  child->state = calloc(1, child->ops->instance_size + 1);
  if (!child->options || !child->state)
    return -ENOMEM;
  int r = tt_unpack(child->ops->connection.options, in, child->arena, child->options);
  if (r >= 0)
    r = tt_inbox_create(child->event, &child->inbox);
  return r < 0 ? r : tt_mailbox_create(child->inbox, bridge_of(child), &child->mailbox);
}

static int take_config(struct child *child, const struct tt_letter *m)
{
  struct tt_bytes in = tt_bytes_of(m->blob, m->blob_size);
  const char *why = NULL;
  if (!child->is_greeted || child->ops)
    return -EBADMSG;
  int r = tt_start_take(&in, child->arena, &child->start);
  if (r < 0)
    return r;
  char name[16];
  snprintf(name, sizeof(name), "tt-%s", child->start.name);
  prctl(PR_SET_NAME, name);
  r = find_bridge(child, &why);
  if (r < 0)
    return failed(child, "%s", why ? why : "there is no such bridge any more");
  r = make_bridge(child, &in);
  if (r < 0)
    return failed(child, "its configuration could not be taken over: %s", strerror(-r));
  const struct tt_start *start = &child->start;
  int shut = tt_sandbox_enter(&(struct tt_sandbox){.files = start->files.text,
                                                   .n_files = start->files.n,
                                                   .devices = start->devices.text,
                                                   .n_devices = start->devices.n});
  if (shut < 0)
    return failed(child, "it could not be shut in: %s", strerror(-shut));
  r = child->ops->start(bridge_of(child));
  if (r < 0)
    return failed(child, "it could not be started: %s", strerror(-r));
  child->is_running = true;
  say(child, &(struct tt_letter){.type = TT_FRAME_READY, .number = (uint64_t)shut});
  return 0;
}

/* ---- Devices ------------------------------------------------------------------------------------------------------ */
static struct hosted *find(struct child *child, uint64_t id)
{
  struct hosted *hosted;
  HASH_FIND(hh, child->devices, &id, sizeof(id), hosted);
  return hosted && !hosted->is_gone ? hosted : NULL;
}

static int attach(struct child *child, struct hosted *hosted, const struct tt_letter *m)
{
  struct tt_bytes in = tt_bytes_of(m->blob, m->blob_size);
  hosted->arena = tt_arena_create(MEMORY_MAX);
  hosted->state = calloc(1, child->ops->device_size + 1);
  if (!hosted->arena || !hosted->state)
    return -ENOMEM;
  int r = tt_unpack_device(child->ops, &in, hosted->arena, &hosted->config);
  if (r < 0)
    return r;
  hosted->id = m->id;
  HASH_ADD(hh, child->devices, id, sizeof(hosted->id), hosted);
  return child->ops->attach(bridge_of(child), device_of(hosted));
}

static int take_attach(struct child *child, const struct tt_letter *m)
{
  struct hosted *hosted = calloc(1, sizeof(*hosted));
  if (!hosted)
    return -ENOMEM;
  hosted->bridge = bridge_of(child);
  int r = attach(child, hosted, m);
  say(child, &(struct tt_letter){.type = TT_FRAME_ATTACHED,
                                 .id = m->id,
                                 .error = r < 0 ? r : 0,
                                 .text = *hosted->fail_text ? hosted->fail_text : NULL});
  if (r < 0)
    hosted_free(child, hosted);
  return 0;
}

static int take_detach(struct child *child, const struct tt_letter *m)
{
  struct hosted *hosted = find(child, m->id);
  if (hosted)
    child->ops->detach(bridge_of(child), device_of(hosted));
  return 0;
}

/* ---- Requests ----------------------------------------------------------------------------------------------------- */
static int refuse(struct child *child, const struct tt_letter *m)
{
  on_done(bridge_of(child), m->id, -ENODEV, "there is no such device");
  return 0;
}

static int take_read(struct child *child, const struct tt_letter *m)
{
  struct hosted *hosted = find(child, m->device);
  for (size_t i = 0; hosted && i < m->n_points; i++)
    if (m->points[i] >= hosted->config.n_points)
      hosted = NULL;
  if (!hosted)
    return refuse(child, m);
  child->ops->read(bridge_of(child), m->id, device_of(hosted), m->points, m->n_points, m->time_us);
  return 0;
}

static int take_write(struct child *child, const struct tt_letter *m)
{
  struct hosted *hosted = find(child, m->device);
  if (!hosted || m->point >= hosted->config.n_points || !hosted->config.points[m->point].write)
    return refuse(child, m);
  child->ops->write(bridge_of(child), m->id, device_of(hosted), m->point, &m->value, m->time_us);
  return 0;
}

static int take_command(struct child *child, const struct tt_letter *m)
{
  struct hosted *hosted = find(child, m->device);
  if (!hosted || !child->ops->command || m->point >= hosted->config.n_commands ||
      m->n_values != hosted->config.commands[m->point].n_arguments)
    return refuse(child, m);
  child->ops->command(bridge_of(child), m->id, device_of(hosted), m->point, m->values, m->time_us);
  return 0;
}

static int take_discover(struct child *child, const struct tt_letter *m)
{
  if (!child->ops->discover)
    return refuse(child, m);
  child->ops->discover(bridge_of(child), m->id, m->time_us);
  return 0;
}

/* ---- The other orders --------------------------------------------------------------------------------------------- */
static int take_ping(struct child *child, const struct tt_letter *m)
{
  uint64_t dropped = tt_channel_dropped(child->channel);
  (void)m;
  /* Perhaps it fails for want of a file that is another one now; as long as all goes well nobody needs it. */
  const char *replaced = child->is_offline || child->has_failed ? tt_sandbox_replaced() : NULL;
  child->has_failed = false;
  if (replaced)
    return failed(child, "%s has been replaced", replaced);
  if (child->mailbox)
    dropped += tt_mailbox_counts(child->mailbox).dropped;
  say(child, &(struct tt_letter){.type = TT_FRAME_PONG, .number = dropped});
  return 0;
}

static int take_stop(struct child *child, const struct tt_letter *m)
{
  (void)m;
  child->is_stopping = true;
  child->ops->stop(bridge_of(child));
  return 0;
}

static const struct order {
  enum tt_frame_type type;
  int (*take)(struct child *child, const struct tt_letter *letter);
  bool needs_bridge;
} orders[] = {
    {TT_FRAME_HELLO, take_hello, false},      {TT_FRAME_CONFIG, take_config, false},
    {TT_FRAME_ATTACH, take_attach, true},     {TT_FRAME_DETACH, take_detach, true},
    {TT_FRAME_READ, take_read, true},         {TT_FRAME_WRITE, take_write, true},
    {TT_FRAME_DISCOVER, take_discover, true}, {TT_FRAME_COMMAND, take_command, true},
    {TT_FRAME_PING, take_ping, false},        {TT_FRAME_STOP, take_stop, true},
};

static int on_letter(void *user, const struct tt_letter *letter)
{
  struct child *child = user;
  if (child->is_over || (child->is_stopping && letter->type != TT_FRAME_PING))
    return 0;
  for (size_t i = 0; i < TT_COUNT(orders); i++)
    if (orders[i].type == letter->type)
      return orders[i].needs_bridge && !child->is_running ? -EBADMSG : orders[i].take(child, letter);
  return -EBADMSG;
}

/* The daemon has hung up, or is gone: there is nobody to do anything for. */
static void on_over(void *user, int error)
{
  struct child *child = user;
  sd_event_exit(child->event, error == -EPIPE ? 0 : 1);
}

/* ---- The process -------------------------------------------------------------------------------------------------- */
/* When memory runs out it goes before the daemon: it can be started again. */
static void give_way(void)
{
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? write(fd, "500", 3) : 0; /* it may be more already */
  (void)n;
  if (fd >= 0)
    close(fd);
}

/* Ends are the daemon's to give: by STOP, by hanging up, by its own end. What a terminal or a service manager sends to
 * all is not meant for this process. */
static void settle(void)
{
  static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
  sigset_t none;
  give_way();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (size_t i = 0; i < TT_COUNT(signals); i++)
    signal(signals[i], SIG_IGN);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

int tt_child_run(const struct tt_bridge_ops *const *builtin)
{
  int kind;
  socklen_t size = sizeof(kind);
  static struct child child; /* threads may look at it until the very end */
  if (getsockopt(TT_PROCESS_FD, SOL_SOCKET, SO_DOMAIN, &kind, &size) < 0 || kind != AF_UNIX) {
    fputs("thingtree: only the daemon can start this\n", stderr);
    return 64;
  }
  settle();
  child = (struct child){.calls = &calls, .builtin = builtin, .arena = tt_arena_create(MEMORY_MAX)};
  const struct tt_channel_hooks hooks = {.user = &child, .letter = on_letter, .over = on_over};
  int r = child.arena ? sd_event_new(&child.event) : -ENOMEM;
  if (r >= 0)
    r = tt_channel_create(child.event, TT_PROCESS_FD, &hooks, &child.channel);
  if (r >= 0)
    r = sd_event_add_defer(child.event, &child.later, on_later, &child);
  if (r >= 0)
    r = sd_event_source_set_enabled(child.later, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_loop(child.event);
  /* Threads of libraries may still run: nothing is torn down. */
  _exit(r < 0 ? 1 : r);
}
