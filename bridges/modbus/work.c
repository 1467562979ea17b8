/* SPDX-License-Identifier: Apache-2.0
 *
 * work.c: what the worker of a bus does, one job at a time.
 */
#include "work.h"

#include <stdio.h>
#include <time.h>

#define OPEN_AGAIN_LEAST (250 * TT_USEC_PER_MSEC)
#define OPEN_AGAIN_MOST  (4 * TT_USEC_PER_SEC)
#define KEPT_LEAST       (1 * TT_USEC_PER_SEC) /* closed sooner: the other end does not want the connection */
#define SILENT_STEP      (1 * TT_USEC_PER_SEC) /* a unit that does not answer is left alone so much longer each time */
#define SILENT_MOST      (5 * TT_USEC_PER_SEC)
#define SILENT_AFTER     2   /* time-outs in a row after which a unit counts as dead */
#define TCP_GIVE_UP      5   /* time-outs in a row after which a TCP connection is made anew */
#define READ_ATTEMPTS    2   /* a read is repeated once when what came was garbage; a write never */
#define PLACE_MAX        160 /* "unit 17, input register 0x0034 (52), table number 30053" */
#define TEXT_MAX         400

uint64_t mb_now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * TT_USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* ---- Telling ----------------------------------------------------------------------------------------- */
static void tell(struct mb_worker *worker, const struct mb_event *event)
{
  worker->emit(worker->user, event);
}

static void tell_done(struct mb_worker *worker, const struct mb_job *job, int error, const char *text)
{
  tell(worker, &(struct mb_event){.kind = MB_EVENT_DONE,
                                  .device = job->device->user,
                                  .request = job->request,
                                  .error = error,
                                  .text = error < 0 ? text : NULL});
}

static void tell_point(struct mb_worker *worker, const struct mb_bus_device *device, uint16_t point,
                       const char *text)
{
  tell(worker, &(struct mb_event){.kind = MB_EVENT_ERROR, .device = device->user, .point = point, .text = text});
}

static void tell_link(struct mb_worker *worker, int error)
{
  bool is_up = error == 0;
  if (worker->is_told && worker->is_up == is_up)
    return;
  worker->is_told = true;
  worker->is_up = is_up;
  tell(worker, &(struct mb_event){.kind = MB_EVENT_LINK, .error = error, .text = is_up ? NULL : worker->down_why});
}

/* "unit 17, input register 0x0034 (52), table number 30053" */
static char *where(char out[static PLACE_MAX], const struct mb_bus_device *device, enum mb_table table,
                   uint16_t address, unsigned count)
{
  char text[MB_ADDRESS_TEXT];
  snprintf(out, PLACE_MAX, "unit %u, %s%s %s", device->unit, mb_table_name(table), count > 1 ? "s" : "",
           mb_address_print(text, table, address, count));
  return out;
}

/* ---- The connection ---------------------------------------------------------------------------------- */
/* It was well: try again at once. Only when that fails is anything told. */
static void line_lost(struct mb_worker *worker, const char *why)
{
  mb_wire_close(worker->wire);
  snprintf(worker->down_why, sizeof worker->down_why, "%s", why);
  worker->open_at_us = 0;
}

/* Try again later. */
static void line_failed(struct mb_worker *worker, int error, const char *why)
{
  uint64_t wait = OPEN_AGAIN_LEAST << (worker->open_failures < 5 ? worker->open_failures : 5);
  worker->open_failures++;
  if (wait > OPEN_AGAIN_MOST)
    wait = OPEN_AGAIN_MOST;
  worker->open_at_us = mb_now_us() + wait - tt_random_below(wait / 4); /* not all connections at the same moment */
  snprintf(worker->down_why, sizeof worker->down_why, "%s", why);
  tell_link(worker, error);
}

/* The other end takes connections and closes them: that is not being connected. */
static void line_unwanted(struct mb_worker *worker)
{
  worker->is_doubted = true;
  line_failed(worker, -ECONNRESET, "the other end closes the connection at once");
}

/* It is good for something. */
static void line_proved(struct mb_worker *worker)
{
  worker->is_doubted = false;
  worker->open_failures = 0;
  tell_link(worker, 0);
}

static int line_open(struct mb_worker *worker)
{
  char why[MB_WHY] = "";
  int r = mb_wire_open(worker->wire, why);
  worker->is_parked = false;
  if (r == -ECANCELED)
    return r;
  if (r < 0) {
    line_failed(worker, r, why);
    return r;
  }
  worker->timeouts = 0;
  worker->is_used = worker->has_answered = false;
  worker->opened_us = worker->used_us = mb_now_us();
  if (!worker->is_doubted)
    line_proved(worker);
  return 0;
}

/* Be connected, or say why not: nothing waits for a lost line. */
static int line_need(struct mb_worker *worker)
{
  if (mb_wire_fd(worker->wire) >= 0)
    return 0;
  if (!worker->is_parked && mb_now_us() < worker->open_at_us)
    return -ENOTCONN;
  int r = line_open(worker);
  return r == 0 || r == -ECANCELED ? r : -ENOTCONN;
}

/* ---- One request ------------------------------------------------------------------------------------- */
static void unit_answered(struct mb_unit *unit)
{
  unit->silent = 0;
  unit->again_us = 0;
  unit->answers++;
}

static void unit_silent(struct mb_unit *unit)
{
  unit->silent++;
  if (unit->silent < SILENT_AFTER)
    return;
  uint64_t wait = (unit->silent - SILENT_AFTER + 1) * SILENT_STEP;
  unit->again_us = mb_now_us() + (wait < SILENT_MOST ? wait : SILENT_MOST);
}

static bool is_unit_silent(int outcome)
{
  return outcome == -ETIMEDOUT || (outcome > 0 && mb_exception_error(outcome) == -ETIMEDOUT);
}

/* One request, with what it says about unit and line. As mb_wire_exchange(), and -ENOTCONN. */
static int transact(struct mb_worker *worker, const struct mb_request *request, uint16_t words[],
                    char why[static MB_WHY])
{
  struct mb_unit *unit = &worker->units[request->unit];
  int attempts = request->words ? 1 : READ_ATTEMPTS, r = -ENOTCONN;
  for (int i = 0; i < attempts; i++) {
    r = line_need(worker);
    if (r < 0) {
      snprintf(why, MB_WHY, "not connected: %.140s", worker->down_why);
      return r;
    }
    r = mb_wire_exchange(worker->wire, request, &unit->is_owing, words, why);
    worker->used_us = mb_now_us();
    worker->is_used = true;
    if (r >= 0 || r == -ETIMEDOUT || r == -ETIME || r == -ECANCELED)
      break;
    bool is_garbage = r == -EBADMSG;
    if (!is_garbage) {
      line_lost(worker, why);
      r = -ENOTCONN;
    } else if (worker->options->transport == MB_TCP) {
      line_lost(worker, why); /* nobody knows where the next answer begins */
    }
  }
  if (is_unit_silent(r)) {
    unit_silent(unit);
  } else if (r >= 0) {
    unit_answered(unit);
  }
  if (r >= 0) {
    worker->has_answered = true;
    if (worker->is_doubted)
      line_proved(worker);
  } else if (r == -ENOTCONN && !worker->has_answered && worker->options->transport == MB_TCP) {
    line_unwanted(worker);
  }
  worker->timeouts = r == -ETIMEDOUT ? worker->timeouts + 1 : 0;
  if (worker->timeouts >= TCP_GIVE_UP && worker->options->transport == MB_TCP) {
    line_lost(worker, "too many requests were not answered"); /* perhaps the connection is dead and not the unit */
    worker->timeouts = 0;
  }
  return r;
}

/* An outcome in words. */
static void outcome_text(char out[static TEXT_MAX], int outcome, const char *why, const char *place)
{
  if (outcome > 0) {
    snprintf(out, TEXT_MAX, "%s (exception %d) from %s", mb_exception_text(outcome), outcome, place);
  } else if (outcome == -ETIMEDOUT) {
    snprintf(out, TEXT_MAX, "no answer from %s", place);
  } else {
    snprintf(out, TEXT_MAX, "%.150s (%s)", why, place);
  }
}

/* ---- Reads ------------------------------------------------------------------------------------------- */
static void report(struct mb_worker *worker, struct mb_bus_device *device, const struct mb_want *want,
                   const uint16_t words[])
{
  char text[TEXT_MAX], place[PLACE_MAX];
  TT_AUTOVALUE struct tt_value value = {0};
  const struct mb_place *from = &device->read[want->point].place;
  int r = mb_decode(&from->format, words, want->words, &value);
  if (r >= 0) {
    tell(worker,
         &(struct mb_event){.kind = MB_EVENT_VALUE, .device = device->user, .point = want->point, .value = &value});
    return;
  }
  where(place, device, from->table, from->address, from->format.words);
  snprintf(text, sizeof text, "%s (%s)", r == -ERANGE ? "the number exceeds 2^63-1" : strerror(-r), place);
  tell_point(worker, device, want->point, text);
}

struct reading {
  struct mb_worker *worker;
  struct mb_job *job;
  struct mb_want *wants;
  struct mb_span *spans; /* still to be read, the next one last; never more than there are wants */
  size_t n_spans;
  int error; /* the rest of the request is given up */
  char text[TEXT_MAX];
};

/* The span over wants[first .. first + n), which are sorted. */
static struct mb_span span_of(const struct mb_want wants[], size_t first, size_t n)
{
  struct mb_span span = {.table = wants[first].table, .address = wants[first].address, .first = first, .n = n};
  for (size_t i = first; i < first + n; i++)
    if (wants[i].address + wants[i].words - span.address > span.count)
      span.count = wants[i].address + wants[i].words - span.address;
  return span;
}

/* A device refused to give this many registers at once, or one of them does not exist: remember it, read the parts. */
static void split_span(struct reading *reading, const struct mb_span *span, size_t cut)
{
  const struct mb_want *wants = reading->wants;
  /* When this fails, for want of memory or room, it is found out again the next time. */
  mb_cuts_add(&reading->job->device->cuts, span->table, wants[cut].address);
  reading->spans[reading->n_spans++] = span_of(wants, cut, span->first + span->n - cut);
  reading->spans[reading->n_spans++] = span_of(wants, span->first, cut - span->first);
}

/* A joined read without an answer. Some devices say nothing where others say "illegal data address". */
static void note_unanswered(struct mb_worker *worker, struct mb_bus_device *device, const struct mb_span *span,
                            const struct mb_want wants[])
{
  const struct mb_unit *unit = &worker->units[device->unit];
  const struct mb_span *last = &device->unanswered;
  size_t cut = mb_span_cut(span, wants);
  if (last->n && last->table == span->table && last->address == span->address && last->count == span->count &&
      device->unanswered_at != unit->answers && cut) {
    mb_cuts_add(&device->cuts, span->table, wants[cut].address);
    device->unanswered.n = 0;
    return;
  }
  device->unanswered = *span;
  device->unanswered_at = unit->answers;
}

/* Read one span and report its points, or split it. Negative: the device as a whole fails (reading->error and text are set). */
static int read_span(struct reading *reading, const struct mb_span *span)
{
  struct mb_worker *worker = reading->worker;
  struct mb_bus_device *device = reading->job->device;
  const struct mb_want *wants = reading->wants;
  uint16_t *words = worker->words;
  char why[MB_WHY] = "", place[PLACE_MAX], text[TEXT_MAX];
  if (atomic_load(&device->is_leaving))
    return reading->error = -ECANCELED;
  if (mb_now_us() >= reading->job->deadline_us) {
    snprintf(reading->text, sizeof reading->text, "the time for this request was over before all was read");
    return reading->error = -ETIMEDOUT;
  }
  struct mb_request request = {device->unit, mb_read_function(span->table), span->address, (uint16_t)span->count,
                               NULL};
  int r = transact(worker, &request, words, why);
  if (r == 0) {
    if (device->unanswered.n && device->unanswered.table == span->table &&
        device->unanswered.address == span->address)
      device->unanswered.n = 0;
    for (size_t i = span->first; i < span->first + span->n; i++)
      report(worker, device, &wants[i], words + (wants[i].address - span->address));
    return 0;
  }
  bool is_refused =
      r == 2 || r == 3; /* illegal data address, illegal data value: of the request, not of the device */
  size_t cut = is_refused ? mb_span_cut(span, wants) : 0;
  if (cut) {
    split_span(reading, span, cut);
    return 0;
  }
  where(place, device, span->table, span->address, span->count);
  outcome_text(text, r, why, place);
  if (is_unit_silent(r) || r == -ENOTCONN || r == -ECANCELED) {
    if (is_unit_silent(r) && span->n > 1)
      note_unanswered(worker, device, span, wants);
    memcpy(reading->text, text, sizeof text);
    return reading->error = r > 0 ? mb_exception_error(r) : r;
  }
  for (size_t i = span->first; i < span->first + span->n; i++)
    tell_point(worker, device, wants[i].point, text);
  return 0;
}

/* A unit that was silent is asked for one point first: whether it lives should not depend on what it lets be joined. */
static int probe(struct reading *reading, const struct mb_span *span)
{
  struct mb_bus_device *device = reading->job->device;
  const struct mb_want *want = &reading->wants[span->first];
  char why[MB_WHY] = "", place[PLACE_MAX];
  if (reading->worker->units[device->unit].silent < SILENT_AFTER || span->n == 1)
    return 0;
  struct mb_request request = {device->unit, mb_read_function(want->table), want->address, (uint16_t)want->words,
                               NULL};
  int r = transact(reading->worker, &request, reading->worker->words, why);
  if (!is_unit_silent(r) && r != -ENOTCONN && r != -ECANCELED)
    return 0;
  outcome_text(reading->text, r, why, where(place, device, want->table, want->address, want->words));
  return reading->error = r > 0 ? mb_exception_error(r) : r;
}

static size_t collect(struct mb_worker *worker, const struct mb_job *job, struct mb_want wants[])
{
  size_t n = 0;
  for (size_t i = 0; i < job->n; i++) {
    uint16_t point = job->data[i];
    if (point >= job->device->config->n_points || !job->device->read[point].is_there) {
      tell_point(worker, job->device, point, "this point cannot be read");
      continue;
    }
    const struct mb_place *place = &job->device->read[point].place;
    wants[n++] = (struct mb_want){place->table, place->address, place->format.words, point};
  }
  return n;
}

static int read_all(struct reading *reading)
{
  int r = reading->n_spans ? probe(reading, &reading->spans[reading->n_spans - 1]) : 0;
  while (reading->n_spans && r >= 0) {
    struct mb_span span = reading->spans[--reading->n_spans];
    r = read_span(reading, &span);
  }
  return r;
}

static void run_read(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_bus_device *device = job->device;
  const struct mb_unit *unit = &worker->units[device->unit];
  TT_AUTOFREE struct mb_want *wants = calloc(job->n, sizeof *wants);
  TT_AUTOFREE struct mb_span *spans = calloc(job->n, sizeof *spans);
  struct reading reading = {.worker = worker, .job = job, .wants = wants, .spans = spans};
  if (!wants || !spans) {
    tell_done(worker, job, -ENOMEM, "out of memory");
    return;
  }
  uint64_t now = mb_now_us();
  if (now >= job->deadline_us) {
    tell_done(worker, job, -EBUSY, "its turn did not come in time");
    return;
  }
  if (now < unit->again_us) {
    snprintf(reading.text, sizeof reading.text, "unit %u does not answer; asked again in %.1f s", device->unit,
             (double)(unit->again_us - now) / 1e6);
    tell_done(worker, job, -ETIMEDOUT, reading.text);
    return;
  }
  size_t n = collect(worker, job, wants);
  reading.n_spans = mb_plan(wants, n, &device->limits, &device->cuts, spans);
  for (size_t i = 0; i < reading.n_spans / 2; i++) {
    struct mb_span other = spans[i];
    spans[i] = spans[reading.n_spans - 1 - i];
    spans[reading.n_spans - 1 - i] = other;
  }
  int r = read_all(&reading);
  if (r == -ETIMEDOUT && unit->silent >= SILENT_AFTER)
    tell(worker, &(struct mb_event){.kind = MB_EVENT_SILENT, .device = device->user, .text = reading.text});
  tell_done(worker, job, r, reading.text);
}

/* ---- Writes ------------------------------------------------------------------------------------------ */
static void run_write(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_bus_device *device = job->device;
  char why[MB_WHY] = "", place[PLACE_MAX], text[TEXT_MAX];
  where(place, device, job->place.table, job->place.address, (unsigned)job->n);
  if (job->error < 0) {
    snprintf(text, sizeof text, "the value does not fit (%s)", place);
    tell_done(worker, job, job->error, text);
    return;
  }
  if (mb_now_us() >= job->deadline_us) {
    tell_done(worker, job, -ETIMEDOUT, "its turn did not come in time; nothing was written");
    return;
  }
  struct mb_request request = {.unit = device->unit,
                               .function = job->place.function,
                               .address = job->place.address,
                               .count = (uint16_t)job->n,
                               .words = job->data,
                               .deadline_us = job->deadline_us};
  int r = transact(worker, &request, worker->words, why);
  if (r == -ETIME) { /* connecting took all of it */
    tell_done(worker, job, -ETIMEDOUT, "no time was left to send it; nothing was written");
    return;
  }
  if (r == -ETIMEDOUT && worker->options->transport == MB_TCP) {
    mb_wire_abort(worker->wire);
    line_lost(worker, "a write was not answered");
  }
  if (r == 0) {
    tell_done(worker, job, 0, NULL);
    return;
  }
  outcome_text(text, r, why, place);
  if (r == -ETIMEDOUT || r == -EBADMSG) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "; it is not known whether it was written");
  }
  tell_done(worker, job, r > 0 ? mb_exception_error(r) : r, text);
}

/* ---- Between jobs -------------------------------------------------------------------------------------- */
uint64_t mb_worker_due(const struct mb_worker *worker)
{
  if (mb_wire_fd(worker->wire) < 0)
    return worker->is_parked ? TT_NEVER : worker->open_at_us;
  if (worker->is_doubted)
    return worker->opened_us + KEPT_LEAST;
  if (worker->options->idle_us && worker->options->transport == MB_TCP)
    return worker->used_us + worker->options->idle_us;
  return TT_NEVER;
}

void mb_worker_chore(struct mb_worker *worker)
{
  if (mb_now_us() < mb_worker_due(worker))
    return;
  if (mb_wire_fd(worker->wire) < 0) {
    line_open(worker);
  } else if (worker->is_doubted) {
    line_proved(worker);
  } else {
    mb_wire_close(worker->wire);
    worker->is_parked = true;
  }
}

int mb_worker_fd(const struct mb_worker *worker)
{
  return mb_wire_fd(worker->wire);
}

void mb_worker_readable(struct mb_worker *worker)
{
  int r = mb_wire_tidy(worker->wire);
  if (r >= 0 || r == -ECANCELED)
    return;
  bool is_used = worker->is_used, is_kept = mb_now_us() - worker->opened_us >= KEPT_LEAST;
  line_lost(worker, strerror(-r));
  if (worker->options->transport == MB_RTU) {
    worker->open_at_us = mb_now_us() + OPEN_AGAIN_LEAST; /* unplugged: it will take a moment */
  } else if (!is_used && !is_kept) {
    line_unwanted(worker);
  } else {
    worker->is_parked = !is_used; /* the other end does not keep idle connections */
  }
}

void mb_worker_run(struct mb_worker *worker, struct mb_job *job)
{
  switch (job->kind) {
  case MB_JOB_READ:
    run_read(worker, job);
    break;
  case MB_JOB_WRITE:
    run_write(worker, job);
    break;
  case MB_JOB_DETACH:
    tell(worker, &(struct mb_event){.kind = MB_EVENT_DETACHED, .device = job->device->user});
    break;
  }
}

int mb_worker_init(struct mb_worker *worker, const struct mb_connection_options *options, int stop_fd,
                   mb_emit_fn emit, void *user)
{
  *worker = (struct mb_worker){.options = options, .emit = emit, .user = user, .down_why = "not yet tried"};
  return mb_wire_create(options, stop_fd, &worker->wire);
}

void mb_worker_finish(struct mb_worker *worker)
{
  mb_wire_destroy(worker->wire);
  worker->wire = NULL;
}
