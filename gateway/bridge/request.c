/* SPDX-License-Identifier: Apache-2.0
 *
 * request.c: reads, writes, commands and polls on their way to a bridge and back.
 *
 * A *request* is what the core asked; an *op* is one call of a bridge. A write or a command is one op; a read is one for the
 * points that nobody reads at this moment, and takes part in the ops that read the others. Nothing here calls a
 * bridge or the core from within one of their calls: ops and answers wait for the pump, a source of the loop.
 */
#include "instance.h"

#include "text/text.h"

#include <stdio.h>
#include <utlist.h>

/* Time-outs may be told a little late, so that they share wake-ups. */
#define TIMEOUT_ACCURACY_US (20 * TT_USEC_PER_MSEC)

enum op_kind { OP_READ, OP_POLL, OP_WRITE, OP_COMMAND };

/* Does it do something to the device? Such are one after the other, and once. */
static bool is_deed(enum op_kind kind)
{
  return kind == OP_WRITE || kind == OP_COMMAND;
}

/* One request takes part in one op. */
struct part {
  struct op *op;
  struct request *request;
  struct part *next; /* of the op */
};

struct request {
  struct tt_host *host;
  tt_device_fn fn;
  void *fn_user;
  size_t n_open; /* parts */
  int error;     /* the first */
  char *text;
  sd_event_source *timer; /* only when a part may take longer than this request */
  bool is_finished;
  struct request *prev, *next; /* of host->finished */
};

struct op {
  tt_id id;
  enum op_kind kind;
  struct tt_device *device;
  struct op *prev, *next;           /* of the device */
  struct op *prev_wait, *next_wait; /* of host->waiting */
  bool is_sent;
  bool is_done; /* completed from within the call, which is a breach: ended right after it, with `error` */
  int error;
  unsigned epoch; /* of the device, when it was sent */
  uint64_t deadline_us;
  sd_event_source *timer;
  struct part *parts;
  size_t class;            /* POLL */
  struct tt_value *values; /* WRITE: one, of points[0]; COMMAND: its arguments */
  size_t n_values;
  size_t n;
  uint16_t points[]; /* COMMAND: one, the command */
};

void requests_pump(struct tt_host *host)
{
  sd_event_source_set_enabled(host->pump, SD_EVENT_ONESHOT);
}

/* ---- Ids -------------------------------------------------------------------------------------------------- */
static int slot_take(struct tt_host *host, struct op *op)
{
  if (!host->free_slot) {
    uint32_t n = host->n_slots ? host->n_slots * 2 : 64;
    struct slot *slots = reallocarray(host->slots, n, sizeof(*slots));
    if (!slots)
      return -ENOMEM;
    host->slots = slots;
    for (uint32_t i = host->n_slots; i < n; i++)
      slots[i] = (struct slot){.generation = 1, .next_free = i + 1 < n ? i + 2 : 0};
    host->free_slot = host->n_slots + 1;
    host->n_slots = n;
  }
  struct slot *slot = &host->slots[host->free_slot - 1];
  op->id = (tt_id)slot->generation << 32 | host->free_slot;
  host->free_slot = slot->next_free;
  slot->op = op;
  return 0;
}

static void slot_free(struct tt_host *host, tt_id id)
{
  uint32_t index = (uint32_t)id;
  struct slot *slot = &host->slots[index - 1];
  slot->op = NULL;
  slot->generation++;
  slot->next_free = host->free_slot;
  host->free_slot = index;
}

static struct op *op_get(struct tt_host *host, tt_id id)
{
  uint32_t index = (uint32_t)id;
  if (index == 0 || index > host->n_slots || host->slots[index - 1].generation != id >> 32)
    return NULL;
  return host->slots[index - 1].op;
}

/* ---- Requests --------------------------------------------------------------------------------------------- */
static struct request *request_create(struct tt_host *host, tt_device_fn fn, void *fn_user)
{
  struct request *request = calloc(1, sizeof(*request));
  if (request) {
    request->host = host;
    request->fn = fn;
    request->fn_user = fn_user;
  }
  return request;
}

static void request_free(struct request *request)
{
  sd_event_source_disable_unref(request->timer);
  free(request->text);
  free(request);
}

/* Its answer is known. Parts that are still open keep it in memory, but it has nothing more to say. */
static void request_finish(struct request *request, int error, const char *text)
{
  if (request->is_finished)
    return;
  request->is_finished = true;
  request->error = error;
  request->text = text ? strdup(text) : NULL; /* without memory: without a text */
  DL_APPEND(request->host->finished, request);
  requests_pump(request->host);
}

static void part_end(struct part *part, int error, const char *text)
{
  struct request *request = part->request;
  request->n_open--;
  if (request->is_finished) {
    if (request->n_open == 0 && !request->fn)
      request_free(request); /* it was told before */
  } else {
    if ((error < 0 && request->error == 0) || part->op->kind == OP_COMMAND) {
      request->error = error;
      request->text = text ? strdup(text) : NULL;
    }
    if (request->n_open == 0) {
      request->is_finished = true;
      DL_APPEND(request->host->finished, request);
      requests_pump(request->host);
    }
  }
  free(part);
}

static void request_tell(struct request *request)
{
  tt_device_fn fn = request->fn;
  request->fn = NULL;
  fn(request->fn_user, request->error, request->text);
  if (request->n_open == 0)
    request_free(request);
}

static int part_add(struct op *op, struct request *request)
{
  struct part *part = calloc(1, sizeof(*part));
  if (!part)
    return -ENOMEM;
  part->op = op;
  part->request = request;
  LL_APPEND(op->parts, part);
  request->n_open++;
  return 0;
}

static int on_request_timeout(sd_event_source *source, uint64_t us, void *user)
{
  (void)source;
  (void)us;
  request_finish(user, -ETIMEDOUT, TT_TR("the device did not answer in time"));
  return 0;
}

int request_answer_later(struct tt_host *host, tt_device_fn fn, void *fn_user)
{
  struct request *request = request_create(host, fn, fn_user);
  if (!request)
    return -ENOMEM;
  request_finish(request, 0, NULL);
  return 0;
}

/* ---- Ops -------------------------------------------------------------------------------------------------- */
static void op_unlink(struct op *op)
{
  struct tt_device *device = op->device;
  struct tt_host *host = device->bridge->host;
  if (!op->is_sent)
    DL_DELETE2(host->waiting, op, prev_wait, next_wait);
  DL_DELETE(device->ops, op);
  device->bridge->count.requests--;
  slot_free(host, op->id);
  if (is_deed(op->kind)) {
    device->n_writes--;
    if (op->is_sent) {
      device->is_writing = false;
      device->epoch++;
    }
    return;
  }
  for (size_t i = 0; i < op->n; i++) {
    if (device->reading[op->points[i]] == op)
      device->reading[op->points[i]] = NULL;
    if (op->is_sent)
      device->is_read[op->points[i]] = false;
  }
}

static enum tt_poll_end poll_end(int error)
{
  if (error == -ECANCELED || error == -EBUSY)
    return TT_POLL_SKIPPED;
  return error < 0 ? TT_POLL_FAILED : TT_POLL_ANSWERED;
}

static void op_free(struct op *op)
{
  sd_event_source_disable_unref(op->timer);
  for (size_t i = 0; i < op->n_values; i++)
    tt_value_finish(&op->values[i]);
  free(op->values);
  free(op);
}

/* The one end of every op. */
static void op_end(struct op *op, int error, const char *text)
{
  struct tt_device *device = op->device;
  struct tt_host *host = device->bridge->host;
  char said[TT_HOST_TEXT_MAX];
  if (error < 0 && (!text || !*text)) {
    snprintf(said, sizeof(said), "%s", strerror(-error));
    text = said;
  }

  op_unlink(op);
  if (error < 0 && error != -ECANCELED)
    device->bridge->count.failed++;
  if (op->kind == OP_POLL)
    tt_schedule_end(&device->schedule, op->class, host_now(host).mono_us, poll_end(error));
  if (!is_deed(op->kind)) {
    if (error == 0)
      device_up(device);
    else if (error != -ECANCELED && error != -EBUSY)
      device_down(device, text);
  }
  struct part *part, *next;
  LL_FOREACH_SAFE(op->parts, part, next)
  part_end(part, error, text);
  if (host->waiting)
    requests_pump(host);
  poll_arm(device);
  status_touch(host);

  op_free(op);
}

static int on_op_timeout(sd_event_source *source, uint64_t us, void *user)
{
  struct op *op = user;
  (void)source;
  (void)us;
  if (op->is_done) {
    op_end(op, op->error, NULL);
    return 0;
  }
  op->device->bridge->count.timeouts++;
  op_end(op, -ETIMEDOUT, TT_TR("the device did not answer in time"));
  return 0;
}

static int op_create(struct tt_device *device, enum op_kind kind, const uint16_t points[], size_t n,
                     uint64_t deadline_us, struct op **ret)
{
  struct tt_host *host = device->bridge->host;
  if (device->bridge->count.requests >= TT_BRIDGE_REQUESTS_MAX)
    return -EBUSY;
  struct op *op = calloc(1, sizeof(*op) + n * sizeof(op->points[0]));
  if (!op)
    return -ENOMEM;
  op->kind = kind;
  op->device = device;
  op->deadline_us = deadline_us;
  op->n = n;
  memcpy(op->points, points, n * sizeof(op->points[0]));
  uint64_t end_us = deadline_us > TT_NEVER - TT_HOST_GRACE_US ? TT_NEVER : deadline_us + TT_HOST_GRACE_US;
  int r =
      sd_event_add_time(host->event, &op->timer, CLOCK_MONOTONIC, end_us, TIMEOUT_ACCURACY_US, on_op_timeout, op);
  if (r >= 0)
    r = slot_take(host, op);
  if (r < 0) {
    op_free(op);
    return r;
  }
  DL_APPEND(device->ops, op);
  DL_APPEND2(host->waiting, op, prev_wait, next_wait);
  device->bridge->count.requests++;
  if (is_deed(kind)) {
    device->n_writes++;
    poll_arm(device); /* polls wait for it */
  } else
    for (size_t i = 0; i < n; i++)
      device->reading[points[i]] = op;
  requests_pump(host);
  *ret = op;
  return 0;
}

int requests_poll(struct tt_device *device, const uint16_t points[], size_t n, size_t class)
{
  struct op *op;
  uint64_t deadline_us = host_now(device->bridge->host).mono_us + device->bridge->config->timeout_us;
  int r = op_create(device, OP_POLL, points, n, deadline_us, &op);
  if (r >= 0)
    op->class = class;
  return r;
}

/* May it be sent now? Writes and commands of a device are one after the other; a point is never read twice at once. */
static bool op_is_ready(const struct op *op)
{
  const struct tt_device *device = op->device;
  if (is_deed(op->kind))
    return !device->is_writing;
  for (size_t i = 0; i < op->n; i++)
    if (device->is_read[op->points[i]])
      return false;
  return true;
}

static void op_send(struct op *op)
{
  struct tt_device *device = op->device;
  struct tt_bridge *bridge = device->bridge;
  DL_DELETE2(bridge->host->waiting, op, prev_wait, next_wait);
  op->is_sent = true;
  op->epoch = device->epoch;
  bridge->is_in_call = true;
  if (is_deed(op->kind)) {
    device->is_writing = true;
    bridge->count.writes++;
  }
  if (op->kind == OP_WRITE) {
    bridge->ops->write(bridge, op->id, device, op->points[0], op->values, op->deadline_us);
  } else if (op->kind == OP_COMMAND) {
    bridge->ops->command(bridge, op->id, device, op->points[0], op->values, op->deadline_us);
  } else {
    for (size_t i = 0; i < op->n; i++)
      device->is_read[op->points[i]] = true;
    bridge->count.reads++;
    bridge->ops->read(bridge, op->id, device, op->points, op->n, op->deadline_us);
  }
  bridge->is_in_call = false;
}

void request_done(struct tt_bridge *bridge, tt_id request, int error, const char *text)
{
  struct op *op = op_get(bridge->host, request);
  if (bridge->is_in_call)
    bridge_breach(bridge, "completed a request from within a call");
  if (discovery_done(bridge, request, error, text))
    return;
  if (!op || op->device->bridge != bridge || !op->is_sent || op->is_done) {
    bridge->count.late++;
    status_touch(bridge->host);
    return;
  }
  if (bridge->is_in_call) {
    /* The call still uses what the op owns. */
    op->is_done = true;
    op->error = error;
    sd_event_source_set_time(op->timer, 0);
    return;
  }
  op_end(op, error, text);
}

/* ---- The pump --------------------------------------------------------------------------------------------- */
static int on_pump(sd_event_source *source, void *user)
{
  struct tt_host *host = user;
  (void)source;

  host_reap(host);
  /* What is finished by the calls below waits for the next round, so that one reader cannot hold the loop. */
  struct request *finished = host->finished, *request, *next;
  host->finished = NULL;
  DL_FOREACH_SAFE(finished, request, next)
  {
    DL_DELETE(finished, request);
    request_tell(request);
  }

  struct op *op, *next_op;
  uint64_t now_us = host_now(host).mono_us;
  for (op = host->waiting; op; op = next_op) {
    next_op = op->next_wait;
    if (op->deadline_us <= now_us)
      op_end(op, -ETIMEDOUT, TT_TR("the device was too busy to be asked in time"));
    else if (op_is_ready(op))
      op_send(op);
  }
  return 0;
}

/* ---- Hooks of the core ------------------------------------------------------------------------------------ */
static struct tt_device *device_of(struct tt_host *host, tt_id node)
{
  struct tt_device *device;
  HASH_FIND(hh, host->by_node, &node, sizeof(node), device);
  return device && device_is_usable(device) ? device : NULL;
}

/* The op that already reads the point and will tell its value as of now. */
static struct op *joinable(const struct tt_device *device, uint16_t point)
{
  struct op *op = device->reading[point];
  return op && (!op->is_sent || op->epoch == device->epoch) ? op : NULL;
}

static bool takes_part(const struct op *op, const struct request *request)
{
  const struct part *part;
  LL_FOREACH(op->parts, part)
    if (part->request == request)
      return true;
  return false;
}

/* Take back what a request that cannot be made has begun; its new op, if any, has no part yet. */
static void request_abandon(struct request *request)
{
  if (request->n_open == 0) {
    request_free(request);
    return;
  }
  request->fn = NULL;
  request->is_finished = true;
}

static int join(struct tt_device *device, struct request *request, const uint16_t points[], size_t n,
                uint64_t deadline_us, uint16_t rest[], size_t *ret_n_rest)
{
  size_t n_rest = 0;
  uint64_t latest_us = 0;
  for (size_t i = 0; i < n; i++) {
    struct op *op = joinable(device, points[i]);
    if (!op) {
      rest[n_rest++] = points[i];
      continue;
    }
    if (op->deadline_us > latest_us)
      latest_us = op->deadline_us;
    int r = takes_part(op, request) ? 0 : part_add(op, request);
    if (r < 0)
      return r;
  }
  *ret_n_rest = n_rest;
  if (latest_us <= deadline_us)
    return 0;
  return sd_event_add_time(request->host->event, &request->timer, CLOCK_MONOTONIC, deadline_us + TT_HOST_GRACE_US,
                           TIMEOUT_ACCURACY_US, on_request_timeout, request);
}

/* A point that is named twice is read once. */
static int without_doubles(const struct tt_device *device, const uint16_t points[], size_t n, uint16_t out[],
                           size_t *ret_n)
{
  const struct tt_device_config *config = &device->entry->config;
  bool *is_seen TT_AUTOFREE = calloc(config->n_points + 1, sizeof(*is_seen));
  size_t n_out = 0;
  if (!is_seen)
    return -ENOMEM;
  for (size_t i = 0; i < n; i++) {
    if (points[i] >= config->n_points || !config->points[points[i]].address)
      return -EINVAL;
    if (!is_seen[points[i]])
      out[n_out++] = points[i];
    is_seen[points[i]] = true;
  }
  *ret_n = n_out;
  return 0;
}

static int hook_read(void *user, tt_id node, const uint16_t points[], size_t n, uint64_t deadline_us,
                     tt_device_fn fn, void *fn_user)
{
  struct tt_host *host = user;
  if (status_is_own(host, node)) {
    status_show(host);
    return request_answer_later(host, fn, fn_user);
  }
  struct tt_device *device = device_of(host, node);
  if (!device)
    return -ENODEV;
  if (n == 0)
    return -EINVAL;

  uint16_t *unique TT_AUTOFREE = malloc(n * sizeof(*unique));
  uint16_t *rest TT_AUTOFREE = malloc(n * sizeof(*rest));
  struct request *request = request_create(host, fn, fn_user);
  if (!unique || !rest || !request) {
    free(request);
    return -ENOMEM;
  }
  size_t n_rest = 0;
  struct op *op = NULL;
  int r = without_doubles(device, points, n, unique, &n);
  if (r >= 0)
    r = join(device, request, unique, n, deadline_us, rest, &n_rest);
  if (r >= 0 && n_rest > 0) {
    r = op_create(device, OP_READ, rest, n_rest, deadline_us, &op);
    if (r >= 0)
      r = part_add(op, request);
  }
  if (r < 0)
    request_abandon(request);
  return r < 0 ? r : 0;
}

/* Something that the device is to do once, with these values. */
static int deed(struct tt_device *device, enum op_kind kind, uint16_t index, const struct tt_value values[],
                size_t n, uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  struct op *op = NULL;
  struct request *request = request_create(device->bridge->host, fn, fn_user);
  struct tt_value *copies = calloc(n + 1, sizeof(*copies));
  size_t n_copies = 0;
  int r = request && copies ? 0 : -ENOMEM;
  for (; r >= 0 && n_copies < n; n_copies += r >= 0)
    r = tt_value_copy(&values[n_copies], &copies[n_copies]);
  if (r >= 0)
    r = op_create(device, kind, &index, 1, deadline_us, &op);
  if (op) {
    op->values = TT_STEAL(copies);
    op->n_values = n;
    r = part_add(op, request);
    if (r < 0)
      op_end(op, -ECANCELED, NULL); /* a command that nobody answers for is not executed */
  }
  for (size_t i = 0; copies && i < n_copies; i++)
    tt_value_finish(&copies[i]);
  free(copies);
  if (r < 0 && request)
    request_free(request);
  return r < 0 ? r : 0;
}

static int hook_write(void *user, tt_id node, uint16_t point, const struct tt_value *raw, uint64_t deadline_us,
                      tt_device_fn fn, void *fn_user)
{
  struct tt_device *device = device_of(user, node);
  if (!device)
    return -ENODEV;
  if (point >= device->entry->config.n_points || !device->entry->config.points[point].write)
    return -EINVAL;
  return deed(device, OP_WRITE, point, raw, 1, deadline_us, fn, fn_user);
}

static int hook_command(void *user, tt_id node, uint16_t command, const struct tt_value raws[],
                        uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  struct tt_device *device = device_of(user, node);
  if (!device)
    return -ENODEV;
  if (command >= device->entry->config.n_commands || !device->bridge->ops->command)
    return -EINVAL;
  return deed(device, OP_COMMAND, command, raws, device->entry->config.commands[command].n_arguments, deadline_us,
              fn, fn_user);
}

struct tt_device_hooks requests_hooks(struct tt_host *host)
{
  return (struct tt_device_hooks){.user = host, .read = hook_read, .write = hook_write, .command = hook_command};
}

/* ---- Life ---------------------------------------------------------------------------------------------------- */
int requests_attach(struct tt_device *device)
{
  size_t n = device->entry->config.n_points + 1;
  device->reading = calloc(n, sizeof(struct op *));
  device->is_read = calloc(n, sizeof(*device->is_read));
  return device->reading && device->is_read ? 0 : -ENOMEM;
}

void requests_detach(struct tt_device *device)
{
  requests_cancel(device, false);
  free(device->reading);
  free(device->is_read);
  device->reading = NULL;
  device->is_read = NULL;
}

void requests_cancel(struct tt_device *device, bool is_waiting_only)
{
  struct op *op, *next;
  DL_FOREACH_SAFE(device->ops, op, next)
  if (!is_waiting_only || !op->is_sent)
    op_end(op, -ECANCELED, TT_TR("the connection is being stopped"));
  poll_arm(device);
}

int requests_init(struct tt_host *host)
{
  int r = sd_event_add_defer(host->event, &host->pump, on_pump, host);
  return r < 0 ? r : sd_event_source_set_enabled(host->pump, SD_EVENT_OFF);
}

void requests_finish(struct tt_host *host)
{
  struct request *request, *next;
  DL_FOREACH_SAFE(host->finished, request, next)
  if (request->n_open == 0)
    request_free(request);
  host->finished = NULL;
  sd_event_source_disable_unref(host->pump);
  free(host->slots);
}
