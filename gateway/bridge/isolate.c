/* SPDX-License-Identifier: Apache-2.0
 * isolate.c: the daemon's side of a bridge in a process of its own: its life, and what it is asked. */
#include "isolate_private.h"

#include "service/log.h"
#include "text/text.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define GONE             "the process of this connection has ended"
#define TOO_LARGE        "its description is too large for a process of its own"
#define FORGET_US        (60 * TT_USEC_PER_SEC) /* after its deadline nobody waits for a request */
#define PRIORITY_BEGIN   (SD_EVENT_PRIORITY_NORMAL - 10)
#define PRIORITY_REFUSAL (SD_EVENT_PRIORITY_NORMAL + 5)
#define PRIORITY_END     (SD_EVENT_PRIORITY_NORMAL + 20)
#define MEMORY_MAX       (4u * 1024 * 1024) /* for the paths in one start */

static void over(void *user, int error);
static int on_end(sd_event_source *source, int fd, uint32_t revents, void *user);

static struct isolate *isolate_of(struct tt_bridge *bridge)
{
  return bridge->state;
}

static const struct tt_bridge_ops *real_ops(const struct isolate *isolate)
{
  return isolate->bridge->config->ops;
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */
static struct open *request_open(struct isolate *isolate, tt_id id, struct tt_device *device, uint64_t deadline_us)
{
  struct open *open = calloc(1, sizeof(*open));
  if (!open)
    return NULL; /* the host answers for it after the deadline */
  open->id = id;
  open->device = device;
  open->deadline_us = deadline_us;
  HASH_ADD(hh, isolate->open, id, sizeof(open->id), open);
  return open;
}

void isolate_close(struct isolate *isolate, struct open *open)
{
  HASH_DELETE(hh, isolate->open, open);
  free(open);
}

/* Not from within the call that made it. */
static void refuse(struct isolate *isolate, struct open *open, int error, const char *why)
{
  if (!open)
    return;
  open->error = error;
  open->why = why;
  sd_event_source_set_enabled(isolate->refuser, SD_EVENT_ONESHOT);
}

static void end_requests(struct isolate *isolate, const struct tt_device *device, int error, const char *why)
{
  struct open *open, *next;
  HASH_ITER(hh, isolate->open, open, next) {
    if (device && open->device != device)
      continue;
    tt_id id = open->id;
    bool is_unknown = open->is_command && open->error == 0;
    isolate_close(isolate, open);
    tt_done(isolate->bridge, id, error, "%s%s", why, is_unknown ? "; it is not known whether it was done" : "");
  }
}

static int on_refuse(sd_event_source *source, void *user)
{
  struct isolate *isolate = user;
  struct open *open, *next;
  (void)source;
  HASH_ITER(hh, isolate->open, open, next) {
    if (open->error == 0)
      continue;
    tt_id id = open->id;
    int error = open->error;
    const char *why = open->why;
    isolate_close(isolate, open);
    tt_done(isolate->bridge, id, error, "%s", why);
  }
  return 0;
}

/* Completed long ago by the host, and the process never said a word. */
static void forget_old(struct isolate *isolate)
{
  uint64_t now_us = host_now(isolate->bridge->host).mono_us;
  struct open *open, *next;
  HASH_ITER(hh, isolate->open, open, next)
    if (open->deadline_us < now_us && now_us - open->deadline_us > FORGET_US)
      isolate_close(isolate, open);
}

static void ask(struct isolate *isolate, const struct tt_letter *letter, struct tt_device *device)
{
  struct open *open = request_open(isolate, letter->id, device, letter->time_us);
  if (!open)
    return;
  open->is_command = letter->type == TT_FRAME_WRITE || letter->type == TT_FRAME_COMMAND;
  if (!isolate->channel)
    refuse(isolate, open, -EPIPE, GONE);
  else if (tt_channel_waiting(isolate->channel) > TT_ISOLATE_QUEUE)
    refuse(isolate, open, -EBUSY, "the process of this connection does not keep up");
  else if (tt_channel_send(isolate->channel, letter, TT_CLASS_MUST, 0) < 0)
    refuse(isolate, open, -EMSGSIZE, "the process of this connection could not be asked");
}

/* ---- Devices ---------------------------------------------------------------------------------------------------- */
void isolate_device_gone(struct isolate *isolate, struct isolated_device *d)
{
  HASH_DELETE(hh, isolate->devices, d);
  end_requests(isolate, d->device, -ECANCELED, "the device leaves");
}

/* -EMSGSIZE, -ENOMEM: it cannot be told of. */
static int send_device(struct isolate *isolate, struct isolated_device *d)
{
  struct tt_buf body = TT_BUF(TT_FRAME_MAX);
  tt_pack_device(tt_device_config(d->device), real_ops(isolate), 0, &body);
  struct tt_letter letter = {.type = TT_FRAME_ATTACH, .id = d->id, .blob = body.data, .blob_size = body.len};
  int r = body.failed ? -EMSGSIZE : tt_channel_send(isolate->channel, &letter, TT_CLASS_MUST, 0);
  if (body.data)
    explicit_bzero(body.data, body.room);
  tt_buf_finish(&body);
  return r;
}

void isolate_device_failed(struct isolate *isolate, struct isolated_device *d, int error, const char *text)
{
  struct tt_device *device = d->device;
  isolate_device_gone(isolate, d);
  if (text)
    tt_fail(device, "%s", text);
  device_lost(device, error);
}

/* ---- Beginning -------------------------------------------------------------------------------------------------- */
static int collect_paths(struct isolate *isolate, struct tt_arena *arena, struct tt_start *start)
{
  const struct tt_bridge_ops *ops = real_ops(isolate);
  struct isolated_device *d, *next;
  int r = tt_start_add_paths(start, arena, ops->connection.options, tt_bridge_options(isolate->bridge));
  HASH_ITER(hh, isolate->devices, d, next) {
    const struct tt_device_config *config = tt_device_config(d->device);
    if (r == 0)
      r = tt_start_add_paths(start, arena, ops->device.options, config->options);
    for (size_t i = 0; r == 0 && i < config->n_points; i++) {
      const struct tt_point *point = &config->points[i];
      r = tt_start_add_paths(start, arena, ops->read_address.options, point->address);
      if (r == 0 && point->write)
        r = tt_start_add_paths(start, arena, ops->write_address.options, point->write->address);
    }
    for (size_t i = 0; r == 0 && i < config->n_commands; i++)
      r = tt_start_add_paths(start, arena, ops->command_address.options, config->commands[i].address);
  }
  return r;
}

static int send_config(struct isolate *isolate)
{
  const struct tt_host *host = isolate->bridge->host;
  struct tt_buf body = TT_BUF(TT_FRAME_MAX);
  struct tt_arena *arena = tt_arena_create(MEMORY_MAX);
  struct tt_start start = {.protocol = real_ops(isolate)->name,
                           .name = tt_bridge_name(isolate->bridge),
                           .bridges = host->isolation.bridges,
                           .is_probing = host->found.probe != NULL};
  int r = arena ? collect_paths(isolate, arena, &start) : -ENOMEM;
  if (r == 0) {
    tt_start_put(&start, real_ops(isolate), tt_bridge_options(isolate->bridge), &body);
    struct tt_letter hello = {.type = TT_FRAME_HELLO, .number = TT_BRIDGE_ABI, .text = TT_VERSION};
    struct tt_letter config = {.type = TT_FRAME_CONFIG, .blob = body.data, .blob_size = body.len};
    r = body.failed ? -EMSGSIZE : tt_channel_send(isolate->channel, &hello, TT_CLASS_MUST, 0);
    if (r == 0)
      r = tt_channel_send(isolate->channel, &config, TT_CLASS_MUST, 0);
  }
  if (body.data)
    explicit_bzero(body.data, body.room);
  tt_buf_finish(&body);
  tt_arena_destroy(arena);
  return r;
}

static void send_devices(struct isolate *isolate)
{
  struct isolated_device *d, *next;
  HASH_ITER(hh, isolate->devices, d, next) {
    int r = send_device(isolate, d);
    if (r < 0)
      isolate_device_failed(isolate, d, r, TOO_LARGE);
  }
}

static int begin(struct isolate *isolate)
{
  const struct tt_channel_hooks hooks = {.user = isolate, .letter = isolate_hear, .over = over};
  const char *program = isolate->bridge->host->isolation.program;
  sd_event *event = tt_bridge_event(isolate->bridge);
  int r = tt_process_start(program ? program : "/proc/self/exe", &isolate->process);
  if (r < 0)
    return r;
  isolate->since_us = host_now(isolate->bridge->host).mono_us;
  isolate->unanswered = 0;
  isolate->dropped = 0;
  isolate->has_spoken = false;
  *isolate->reason = '\0';
  r = tt_channel_create(event, isolate->process.socket, &hooks, &isolate->channel);
  if (r >= 0)
    r = sd_event_add_io(event, &isolate->end, isolate->process.pidfd, EPOLLIN, on_end, isolate);
  if (r >= 0) /* what it said before its end is heard first */
    r = sd_event_source_set_priority(isolate->end, PRIORITY_END);
  if (r >= 0)
    r = send_config(isolate);
  if (r >= 0)
    r = sd_event_source_set_time_relative(isolate->ping, TT_ISOLATE_PING_US);
  if (r >= 0)
    r = sd_event_source_set_enabled(isolate->ping, SD_EVENT_ONESHOT);
  if (r < 0) {
    char how[32];
    tt_channel_destroy(TT_STEAL(isolate->channel));
    isolate->end = sd_event_source_disable_unref(isolate->end);
    tt_process_kill(&isolate->process);
    tt_process_reap(&isolate->process, how, sizeof(how));
    return r;
  }
  send_devices(isolate);
  return 0;
}

uint64_t isolate_backoff(unsigned n)
{
  uint64_t wait_us = TT_ISOLATE_AGAIN_US;
  for (; n > 1 && wait_us < TT_ISOLATE_MOST_US; n--)
    wait_us *= 2;
  return wait_us < TT_ISOLATE_MOST_US ? wait_us : TT_ISOLATE_MOST_US;
}

static void begin_later(struct isolate *isolate, const char *what, const char *reason)
{
  uint64_t wait_us = isolate_backoff(++isolate->failures);
  wait_us += tt_random_below(wait_us / 2);
  tt_connection_state(isolate->bridge, TT_LINK_OFFLINE, "the process of this connection %s (%s); restarting", what,
                      reason);
  sd_event_source_set_time_relative(isolate->again, wait_us);
  sd_event_source_set_enabled(isolate->again, SD_EVENT_ONESHOT);
  isolate->is_revived = true;
}

static int on_again(sd_event_source *source, uint64_t us, void *user)
{
  struct isolate *isolate = user;
  (void)source;
  (void)us;
  isolate->starts++;
  int r = begin(isolate);
  if (r < 0)
    begin_later(isolate, "cannot be started", strerror(-r));
  return 0;
}

/* ---- Watching --------------------------------------------------------------------------------------------------- */
void isolate_blame(struct isolate *isolate, const char *reason)
{
  if (!*isolate->reason)
    snprintf(isolate->reason, sizeof(isolate->reason), "%s", reason);
  tt_process_kill(&isolate->process);
}

static int on_ping(sd_event_source *source, uint64_t us, void *user)
{
  struct isolate *isolate = user;
  (void)us;
  forget_old(isolate);
  if (!isolate->channel)
    return 0;
  /* A daemon that was held up itself has asked nothing meanwhile, so nothing is unanswered. */
  if (isolate->unanswered >= TT_ISOLATE_SILENT) {
    isolate_blame(isolate, "it did not answer any more");
    return 0;
  }
  isolate->unanswered++;
  tt_channel_send(isolate->channel, &(struct tt_letter){.type = TT_FRAME_PING}, TT_CLASS_MUST, 0);
  int r = sd_event_source_set_time_relative(source, TT_ISOLATE_PING_US);
  return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* It has hung up, or said what is not acceptable: in either case it is of no use any more. */
static void over(void *user, int error)
{
  struct isolate *isolate = user;
  tt_channel_destroy(TT_STEAL(isolate->channel));
  if (error != -EPIPE)
    isolate_blame(isolate, error == -EBADMSG ? "what it said made no sense" : strerror(-error));
  tt_process_kill(&isolate->process);
}

static void leave_devices(struct isolate *isolate)
{
  struct isolated_device *d, *next;
  HASH_ITER(hh, isolate->devices, d, next)
    if (d->is_leaving) {
      isolate_device_gone(isolate, d);
      tt_detached(d->device);
    }
}

static void drop_sources(struct isolate *isolate)
{
  sd_event_source **sources[] = {&isolate->ping, &isolate->again, &isolate->stop, &isolate->refuser};
  for (size_t i = 0; i < TT_COUNT(sources); i++)
    *sources[i] = sd_event_source_disable_unref(*sources[i]);
}

static void finish(struct isolate *isolate)
{
  end_requests(isolate, NULL, -ECANCELED, TT_TR("the connection is being stopped"));
  HASH_CLEAR(hh, isolate->devices);
  drop_sources(isolate);
  tt_stopped(isolate->bridge);
}

static int on_end(sd_event_source *source, int fd, uint32_t revents, void *user)
{
  struct isolate *isolate = user;
  char how[32], reason[TT_HOST_TEXT_MAX];
  (void)source;
  (void)fd;
  (void)revents;
  isolate->end = sd_event_source_disable_unref(isolate->end);
  tt_channel_destroy(TT_STEAL(isolate->channel));
  tt_process_reap(&isolate->process, how, sizeof(how));
  sd_event_source_set_enabled(isolate->ping, SD_EVENT_OFF);
  if (isolate->is_stopping) {
    finish(isolate);
    return 0;
  }
  snprintf(reason, sizeof(reason), "%.400s", *isolate->reason ? isolate->reason : how);
  leave_devices(isolate);
  if (host_now(isolate->bridge->host).mono_us - isolate->since_us >= TT_ISOLATE_GOOD_US)
    isolate->failures = 0;
  begin_later(isolate, "ended", reason);
  end_requests(isolate, NULL, -EPIPE, GONE);
  return 0;
}

/* ---- The nine functions ----------------------------------------------------------------------------------------- */
static int add_timer(struct isolate *isolate, sd_event_source **ret, sd_event_time_handler_t fn,
                     uint64_t accuracy_us)
{
  int r = sd_event_add_time(tt_bridge_event(isolate->bridge), ret, CLOCK_MONOTONIC, 0, accuracy_us, fn, isolate);
  return r < 0 ? r : sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

static int on_stop_ends(sd_event_source *source, uint64_t us, void *user)
{
  struct isolate *isolate = user;
  (void)source;
  (void)us;
  tt_process_kill(&isolate->process);
  return 0;
}

static int isolated_start(struct tt_bridge *bridge)
{
  struct isolate *isolate = isolate_of(bridge);
  *isolate = (struct isolate){.bridge = bridge, .process = {.pidfd = -1}};
  int r = add_timer(isolate, &isolate->ping, on_ping, TT_USEC_PER_SEC / 4);
  if (r >= 0)
    r = add_timer(isolate, &isolate->again, on_again, TT_USEC_PER_MSEC);
  if (r >= 0)
    r = add_timer(isolate, &isolate->stop, on_stop_ends, TT_USEC_PER_MSEC);
  if (r >= 0)
    r = sd_event_add_defer(tt_bridge_event(bridge), &isolate->refuser, on_refuse, isolate);
  if (r >= 0)
    r = sd_event_source_set_enabled(isolate->refuser, SD_EVENT_OFF);
  if (r >= 0) /* who asks again at once what was refused must not keep others waiting: a defer source goes first */
    r = sd_event_source_set_priority(isolate->refuser, PRIORITY_REFUSAL);
  /* Begins when the devices have joined, for what they name must be known, and before anybody asks something. */
  if (r >= 0)
    r = sd_event_source_set_priority(isolate->again, PRIORITY_BEGIN);
  if (r >= 0)
    r = sd_event_source_set_enabled(isolate->again, SD_EVENT_ONESHOT);
  if (r < 0)
    drop_sources(isolate);
  return r;
}

static void isolated_stop(struct tt_bridge *bridge)
{
  struct isolate *isolate = isolate_of(bridge);
  isolate->is_stopping = true;
  sd_event_source_set_enabled(isolate->again, SD_EVENT_OFF);
  if (!isolate->end) { /* no process */
    finish(isolate);
    return;
  }
  if (isolate->channel)
    tt_channel_send(isolate->channel, &(struct tt_letter){.type = TT_FRAME_STOP}, TT_CLASS_MUST, 0);
  sd_event_source_set_time_relative(isolate->stop, TT_ISOLATE_STOP_US);
  sd_event_source_set_enabled(isolate->stop, SD_EVENT_ONESHOT);
}

static int isolated_attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct isolate *isolate = isolate_of(bridge);
  struct isolated_device *d = tt_device_state(device);
  *d = (struct isolated_device){.device = device, .id = ++isolate->last_id};
  int r = isolate->channel ? send_device(isolate, d) : 0;
  if (r < 0)
    tt_fail(device, TOO_LARGE);
  else
    HASH_ADD(hh, isolate->devices, id, sizeof(d->id), d);
  return r;
}

static void isolated_detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct isolate *isolate = isolate_of(bridge);
  struct isolated_device *d = tt_device_state(device);
  d->is_leaving = true;
  if (isolate->channel) {
    tt_channel_send(isolate->channel, &(struct tt_letter){.type = TT_FRAME_DETACH, .id = d->id}, TT_CLASS_MUST, 0);
  } else if (!isolate->end) {
    isolate_device_gone(isolate, d);
    tt_detached(device);
  } /* else with the end of the process */
}

static uint64_t id_of(struct tt_device *device)
{
  const struct isolated_device *d = tt_device_state(device);
  return d->id;
}

static void isolated_read(struct tt_bridge *bridge, tt_id request, struct tt_device *device,
                          const uint16_t points[], size_t n, uint64_t deadline_us)
{
  const struct tt_letter letter = {.type = TT_FRAME_READ,
                                   .id = request,
                                   .device = id_of(device),
                                   .time_us = deadline_us,
                                   .points = points,
                                   .n_points = n};
  ask(isolate_of(bridge), &letter, device);
}

static void isolated_write(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t point,
                           const struct tt_value *value, uint64_t deadline_us)
{
  const struct tt_letter letter = {.type = TT_FRAME_WRITE,
                                   .id = request,
                                   .device = id_of(device),
                                   .time_us = deadline_us,
                                   .point = point,
                                   .value = *value};
  ask(isolate_of(bridge), &letter, device);
}

static void isolated_discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us)
{
  ask(isolate_of(bridge), &(struct tt_letter){.type = TT_FRAME_DISCOVER, .id = request, .time_us = deadline_us},
      NULL);
}

static void isolated_command(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t command,
                             const struct tt_value arguments[], uint64_t deadline_us)
{
  const struct tt_letter letter = {.type = TT_FRAME_COMMAND,
                                   .id = request,
                                   .device = id_of(device),
                                   .time_us = deadline_us,
                                   .point = command,
                                   .values = arguments,
                                   .n_values = tt_device_config(device)->commands[command].n_arguments};
  ask(isolate_of(bridge), &letter, device);
}

struct tt_bridge_ops isolate_ops(const struct tt_bridge_ops *real)
{
  struct tt_bridge_ops ops = *real;
  ops.instance_size = sizeof(struct isolate);
  ops.device_size = sizeof(struct isolated_device);
  ops.start = isolated_start;
  ops.stop = isolated_stop;
  ops.attach = isolated_attach;
  ops.detach = isolated_detach;
  ops.read = isolated_read;
  ops.write = isolated_write;
  ops.discover = real->discover ? isolated_discover : NULL;
  ops.command = real->command ? isolated_command : NULL;
  ops.scan = NULL; /* who looks has the bridge in its own process */
  return ops;
}

struct isolate_status isolate_status(const struct tt_bridge *bridge)
{
  const struct isolate *isolate = bridge->state;
  if (!isolate || bridge->ops != &bridge->isolated)
    return (struct isolate_status){0};
  return (struct isolate_status){.pid = isolate->process.pid,
                                 .restarts = isolate->starts > 0 ? isolate->starts - 1 : 0};
}
