/* SPDX-License-Identifier: Apache-2.0
 *
 * bus.c: the queue and the thread of one serial line or TCP connection. What the thread does stands in work.c.
 */
#define _GNU_SOURCE
#include "bus.h"
#include "common/clock.h"

#include "work.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define STACK_SIZE (256 * 1024)

struct queue {
  struct mb_job *first, **end;
};

struct mb_bus {
  pthread_t thread;
  int stop_fd, wake_fd;
  pthread_mutex_t mutex;
  struct queue writes, reads; /* under the mutex */
  bool is_stopping;           /* under the mutex */
  struct mb_worker worker;    /* the thread's */
};

/* ---- Devices ----------------------------------------------------------------------------------------- */
int mb_bus_device_create(const struct tt_device_config *config, void *user, struct mb_bus_device **ret)
{
  const struct mb_device_options *options = config->options;
  struct mb_bus_device *device = calloc(1, sizeof *device);
  if (!device)
    return -ENOMEM;
  device->user = user;
  device->config = config;
  device->unit = (uint8_t)options->address.unit;
  device->limits = (struct mb_limits){(unsigned)options->limits.max_registers, (unsigned)options->limits.max_gap};
  device->read = calloc(config->n_points + 1, sizeof *device->read);
  device->write = calloc(config->n_points + 1, sizeof *device->write);
  device->farewell = calloc(1, sizeof *device->farewell);
  if (!device->read || !device->write || !device->farewell) {
    mb_bus_device_destroy(device);
    return -ENOMEM;
  }
  for (size_t i = 0; i < config->n_points; i++) {
    const struct tt_point *point = &config->points[i];
    device->read[i].is_there = mb_place_read(point, options, &device->read[i].place) >= 0;
    device->write[i].is_there = mb_place_write(point, options, &device->write[i].place) >= 0;
  }
  *ret = device;
  return 0;
}

void mb_bus_device_probe(struct mb_bus_device *device)
{
  device->is_probed = true;
}

void mb_bus_device_destroy(struct mb_bus_device *device)
{
  if (!device)
    return;
  mb_cuts_finish(&device->cuts);
  free(device->farewell);
  free(device->read);
  free(device->write);
  free(device);
}

/* ---- The queue --------------------------------------------------------------------------------------- */
static void wake(int fd)
{
  uint64_t one = 1;
  ssize_t r = write(fd, &one, sizeof one);
  (void)r; /* it fails only when the counter is full, and then the fd is readable */
}

static void queue_init(struct queue *queue)
{
  queue->first = NULL;
  queue->end = &queue->first;
}

static void queue_add(struct queue *queue, struct mb_job *job)
{
  job->next = NULL;
  *queue->end = job;
  queue->end = &job->next;
}

static struct mb_job *queue_take(struct queue *queue)
{
  struct mb_job *job = queue->first;
  if (job) {
    queue->first = job->next;
    if (!queue->first)
      queue->end = &queue->first;
  }
  return job;
}

/* Free the jobs of `device`, or all when it is NULL. */
static void queue_drop(struct queue *queue, const struct mb_bus_device *device)
{
  struct mb_job *job = queue->first;
  queue_init(queue);
  while (job) {
    struct mb_job *next = job->next;
    if (!device || job->device == device) {
      free(job);
    } else {
      queue_add(queue, job);
    }
    job = next;
  }
}

static void submit(struct mb_bus *bus, struct queue *queue, struct mb_job *job)
{
  pthread_mutex_lock(&bus->mutex);
  queue_add(queue, job);
  pthread_mutex_unlock(&bus->mutex);
  wake(bus->wake_fd);
}

int mb_bus_read(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, const uint16_t points[], size_t n,
                uint64_t deadline_us)
{
  struct mb_job *job = calloc(1, sizeof *job + n * sizeof *points);
  if (!job)
    return -ENOMEM;
  *job = (struct mb_job){
      .kind = MB_JOB_READ, .device = device, .request = request, .deadline_us = deadline_us, .n = n};
  memcpy(job->data, points, n * sizeof *points);
  submit(bus, &bus->reads, job);
  return 0;
}

int mb_bus_write(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, uint16_t point,
                 const struct tt_value *value, uint64_t deadline_us)
{
  const struct mb_side *side = point < device->config->n_points ? &device->write[point] : NULL;
  size_t n = side && side->is_there ? side->place.format.words : 1;
  if (side && side->is_there && side->place.function == MB_MASK_WRITE)
    n = 2;
  struct mb_job *job = calloc(1, sizeof *job + n * sizeof *job->data);
  if (!job)
    return -ENOMEM;
  *job = (struct mb_job){
      .kind = MB_JOB_WRITE, .device = device, .request = request, .deadline_us = deadline_us, .n = n};
  if (side && side->is_there) {
    job->place = side->place;
    if (side->place.scale != MB_NO_ADDRESS) /* what is sent depends on what stands there then */
      job->error = mb_unscale(value, 0, &job->value);
    else if (side->place.function == MB_MASK_WRITE)
      job->error = mb_encode_mask(&side->place.format, value, job->data);
    else
      job->error = mb_encode(&side->place.format, value, job->data, n);
  } else {
    job->error = -EOPNOTSUPP;
  }
  submit(bus, &bus->writes, job);
  return 0;
}

int mb_bus_walk(struct mb_bus *bus, struct mb_bus_device *device, uint64_t deadline_us)
{
  struct mb_job *job = calloc(1, sizeof *job);
  if (!job)
    return -ENOMEM;
  *job = (struct mb_job){.kind = MB_JOB_WALK, .device = device, .deadline_us = deadline_us};
  submit(bus, &bus->reads, job);
  return 0;
}

int mb_bus_scan(struct mb_bus *bus, tt_id request, uint8_t unit, uint64_t deadline_us)
{
  struct mb_job *job = calloc(1, sizeof *job);
  if (!job)
    return -ENOMEM;
  *job = (struct mb_job){.kind = MB_JOB_SCAN, .request = request, .n = unit, .deadline_us = deadline_us};
  submit(bus, &bus->reads, job);
  return 0;
}

int mb_bus_ask(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, const struct mb_request *what,
               uint64_t deadline_us)
{
  struct mb_job *job = calloc(1, sizeof *job + sizeof job->data[0]);
  if (!job)
    return -ENOMEM;
  *job = (struct mb_job){.kind = MB_JOB_ASK,
                         .device = device,
                         .request = request,
                         .n = what->count,
                         .place = {.function = what->function, .address = what->address},
                         .deadline_us = deadline_us};
  submit(bus, &bus->reads, job);
  return 0;
}

void mb_bus_detach(struct mb_bus *bus, struct mb_bus_device *device)
{
  struct mb_job *job = TT_STEAL(device->farewell);
  *job = (struct mb_job){.kind = MB_JOB_DETACH, .device = device};
  atomic_store(&device->is_leaving, true);
  pthread_mutex_lock(&bus->mutex);
  queue_drop(&bus->writes, device);
  queue_drop(&bus->reads, device);
  pthread_mutex_unlock(&bus->mutex);
  submit(bus, &bus->writes, job);
}

/* ---- The thread -------------------------------------------------------------------------------------- */
static struct mb_job *next_job(struct mb_bus *bus, bool *ret_is_stopping)
{
  pthread_mutex_lock(&bus->mutex);
  *ret_is_stopping = bus->is_stopping;
  struct mb_job *job = bus->is_stopping ? NULL : queue_take(&bus->writes);
  if (!job && !bus->is_stopping)
    job = queue_take(&bus->reads);
  pthread_mutex_unlock(&bus->mutex);
  return job;
}

static void wait_for_work(struct mb_bus *bus)
{
  uint64_t at = mb_worker_due(&bus->worker), now = tt_clock_us(), left = at > now ? at - now : 0, count;
  struct timespec t = {(time_t)(left / TT_USEC_PER_SEC), (long)(left % TT_USEC_PER_SEC * 1000)};
  struct pollfd fds[] = {{.fd = bus->wake_fd, .events = POLLIN},
                         {.fd = bus->stop_fd, .events = POLLIN},
                         {.fd = mb_worker_fd(&bus->worker), .events = POLLIN}};
  if (ppoll(fds, 3, at == TT_NEVER ? NULL : &t, NULL) < 0)
    return;
  if (fds[0].revents) {
    ssize_t r = read(bus->wake_fd, &count, sizeof count);
    (void)r; /* EAGAIN: somebody else's wake-up was already taken; the queue is looked at anyway */
  }
  if (fds[2].revents)
    mb_worker_readable(&bus->worker);
}

static void *work(void *user)
{
  struct mb_bus *bus = user;
  bool is_stopping = false;
  while (!is_stopping) {
    struct mb_job *job = next_job(bus, &is_stopping);
    if (job) {
      mb_worker_run(&bus->worker, job);
      free(job);
    } else if (!is_stopping) {
      mb_worker_chore(&bus->worker);
      wait_for_work(bus);
    }
  }
  mb_worker_finish(&bus->worker);
  bus->worker.emit(bus->worker.user, &(struct mb_event){.kind = MB_EVENT_STOPPED});
  return NULL;
}

static void bus_free(struct mb_bus *bus)
{
  queue_drop(&bus->writes, NULL);
  queue_drop(&bus->reads, NULL);
  mb_worker_finish(&bus->worker);
  if (bus->stop_fd >= 0)
    close(bus->stop_fd);
  if (bus->wake_fd >= 0)
    close(bus->wake_fd);
  pthread_mutex_destroy(&bus->mutex);
  free(bus);
}

int mb_bus_create(const struct mb_connection_options *options, mb_emit_fn emit, void *user, struct mb_bus **ret)
{
  pthread_attr_t attributes;
  struct mb_bus *bus = calloc(1, sizeof *bus);
  if (!bus)
    return -ENOMEM;
  queue_init(&bus->writes);
  queue_init(&bus->reads);
  pthread_mutex_init(&bus->mutex, NULL);
  bus->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  bus->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int r = bus->stop_fd < 0 || bus->wake_fd < 0 ? -EMFILE
                                               : mb_worker_init(&bus->worker, options, bus->stop_fd, emit, user);
  if (r >= 0) {
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    r = -pthread_create(&bus->thread, &attributes, work, bus);
    pthread_attr_destroy(&attributes);
  }
  if (r < 0) {
    bus_free(bus);
    return r;
  }
  *ret = bus;
  return 0;
}

void mb_bus_stop(struct mb_bus *bus)
{
  pthread_mutex_lock(&bus->mutex);
  bus->is_stopping = true;
  pthread_mutex_unlock(&bus->mutex);
  wake(bus->stop_fd);
}

void mb_bus_destroy(struct mb_bus *bus)
{
  if (!bus)
    return;
  pthread_join(bus->thread, NULL);
  bus_free(bus);
}
