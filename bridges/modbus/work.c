/* SPDX-License-Identifier: Apache-2.0
 *
 * work.c: what the worker of a bus does, one job at a time.
 */
#include "common/clock.h"
#include "survey.h"

#include <stdio.h>
#include <time.h>

#define OPEN_AGAIN_LEAST (250 * TT_USEC_PER_MSEC)
#define OPEN_AGAIN_MOST  (4 * TT_USEC_PER_SEC)
#define KEPT_LEAST       (1 * TT_USEC_PER_SEC) /* closed sooner: the other end does not want the connection */
#define SILENT_STEP      (1 * TT_USEC_PER_SEC) /* a unit that does not answer is left alone so much longer each time */
#define SILENT_MOST      (5 * TT_USEC_PER_SEC)
#define TCP_GIVE_UP      5 /* time-outs in a row after which a TCP connection is made anew */
#define READ_ATTEMPTS    2 /* a read is repeated once when what came was garbage; a write never */

/* ---- Telling ----------------------------------------------------------------------------------------- */
void mb_tell(struct mb_worker *worker, const struct mb_event *event)
{
  worker->emit(worker->user, event);
}

void mb_tell_done(struct mb_worker *worker, const struct mb_job *job, int error, const char *text)
{
  mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_DONE,
                                     .device = job->device->user,
                                     .request = job->request,
                                     .error = error,
                                     .text = error < 0 ? text : NULL});
}

void mb_tell_point(struct mb_worker *worker, const struct mb_bus_device *device, uint16_t point, const char *text)
{
  mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_ERROR, .device = device->user, .point = point, .text = text});
}

static void tell_link(struct mb_worker *worker, int error)
{
  bool is_up = error == 0;
  if (worker->is_told && worker->is_up == is_up)
    return;
  worker->is_told = true;
  worker->is_up = is_up;
  mb_tell(worker,
          &(struct mb_event){.kind = MB_EVENT_LINK, .error = error, .text = is_up ? NULL : worker->down_why});
}

/* "unit 17, input register 0x0034 (52), table number 30053" */
char *mb_where(char out[static MB_WHERE], const struct mb_bus_device *device, enum mb_table table, uint16_t address,
               unsigned count)
{
  char text[MB_ADDRESS_TEXT];
  snprintf(out, MB_WHERE, "unit %u, %s%s %s", device->unit, mb_table_name(table), count > 1 ? "s" : "",
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
  worker->open_at_us =
      tt_clock_us() + wait - tt_random_below(wait / 4); /* not all connections at the same moment */
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
  worker->opened_us = worker->used_us = tt_clock_us();
  if (!worker->is_doubted)
    line_proved(worker);
  return 0;
}

/* Be connected, or say why not: nothing waits for a lost line. */
static int line_need(struct mb_worker *worker)
{
  if (mb_wire_fd(worker->wire) >= 0)
    return 0;
  if (!worker->is_parked && tt_clock_us() < worker->open_at_us)
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
  if (unit->silent < MB_SILENT_AFTER)
    return;
  uint64_t wait = (unit->silent - MB_SILENT_AFTER + 1) * SILENT_STEP;
  unit->again_us = tt_clock_us() + (wait < SILENT_MOST ? wait : SILENT_MOST);
}

bool mb_is_silence(int outcome)
{
  return outcome == -ETIMEDOUT || (outcome > 0 && mb_exception_error(outcome) == -ETIMEDOUT);
}

int mb_transact(struct mb_worker *worker, const struct mb_request *request, uint16_t words[],
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
    worker->used_us = tt_clock_us();
    worker->is_used = true;
    if (r >= 0 || r == -ETIMEDOUT || r == -ETIME || r == -ECANCELED)
      break;
    bool is_garbage = r == -EBADMSG;
    if (!is_garbage) {
      line_lost(worker, why);
      r = -ENOTCONN;
    } else if (!mb_is_framed(worker->options->transport)) {
      line_lost(worker, why); /* nobody knows where the next answer begins */
    }
  }
  if (mb_is_silence(r)) {
    unit_silent(unit);
  } else if (r >= 0) {
    unit_answered(unit);
  }
  if (r >= 0) {
    worker->has_answered = true;
    if (worker->is_doubted)
      line_proved(worker);
  } else if (r == -ENOTCONN && !worker->has_answered && !mb_is_serial(worker->options->transport)) {
    line_unwanted(worker);
  }
  worker->timeouts = r == -ETIMEDOUT ? worker->timeouts + 1 : 0;
  if (worker->timeouts >= TCP_GIVE_UP && !mb_is_serial(worker->options->transport)) {
    line_lost(worker, "too many requests were not answered"); /* perhaps the connection is dead and not the unit */
    worker->timeouts = 0;
  }
  return r;
}

void mb_outcome_text(char out[static MB_TEXT], int outcome, const char *why, const char *place)
{
  if (outcome > 0) {
    snprintf(out, MB_TEXT, "%s (exception %d) from %s", mb_exception_text(outcome), outcome, place);
  } else if (outcome == -ETIMEDOUT) {
    snprintf(out, MB_TEXT, "no answer from %s", place);
  } else {
    snprintf(out, MB_TEXT, "%.150s (%s)", why, place);
  }
}

/* ---- Writes ------------------------------------------------------------------------------------------ */
/* The power of ten as it stands now, and the value by it. */
static int encode_scaled(struct mb_worker *worker, struct mb_job *job, char text[static MB_TEXT])
{
  struct mb_bus_device *device = job->device;
  const struct mb_place *place = &job->place;
  char why[MB_WHY] = "", from[MB_WHERE];
  struct mb_request request = {.unit = device->unit,
                               .function = mb_read_function(place->table),
                               .address = (uint16_t)place->scale,
                               .count = 1,
                               .deadline_us = job->deadline_us};
  struct tt_value raw;
  mb_where(from, device, place->table, (uint16_t)place->scale, 1);
  int r = mb_transact(worker, &request, worker->words, why);
  if (r != 0) {
    mb_outcome_text(text, r, why, from);
    return r > 0 ? mb_exception_error(r) : r == -ETIME ? -ETIMEDOUT : r;
  }
  r = mb_unscale(&job->value, (int16_t)worker->words[0], &raw);
  if (r == 0)
    r = mb_encode(&place->format, &raw, job->data, job->n);
  if (r < 0)
    snprintf(text, MB_TEXT, "the value does not fit with the scale factor %d (%s)", (int16_t)worker->words[0],
             from);
  return r;
}

static void run_write(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_bus_device *device = job->device;
  char why[MB_WHY] = "", place[MB_WHERE], text[MB_TEXT];
  mb_where(place, device, job->place.table, job->place.address, (unsigned)job->n);
  if (job->error < 0) {
    snprintf(text, sizeof text, "the value does not fit (%s)", place);
    mb_tell_done(worker, job, job->error, text);
    return;
  }
  if (tt_clock_us() >= job->deadline_us) {
    mb_tell_done(worker, job, -ETIMEDOUT, "its turn did not come in time; nothing was written");
    return;
  }
  int r = job->place.scale != MB_NO_ADDRESS ? encode_scaled(worker, job, text) : 0;
  if (r < 0) {
    mb_tell_done(worker, job, r, text);
    return;
  }
  struct mb_request request = {.unit = device->unit,
                               .function = job->place.function,
                               .address = job->place.address,
                               .count = (uint16_t)job->n,
                               .words = job->data,
                               .deadline_us = job->deadline_us};
  r = mb_transact(worker, &request, worker->words, why);
  if (r == -ETIME) { /* connecting took all of it */
    mb_tell_done(worker, job, -ETIMEDOUT, "no time was left to send it; nothing was written");
    return;
  }
  if (r == -ETIMEDOUT && !mb_is_serial(worker->options->transport)) {
    mb_wire_abort(worker->wire);
    line_lost(worker, "a write was not answered");
  }
  if (r == 0) {
    mb_tell_done(worker, job, 0, NULL);
    return;
  }
  mb_outcome_text(text, r, why, place);
  if (r == -ETIMEDOUT || r == -EBADMSG) {
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, "; it is not known whether it was written");
  }
  mb_tell_done(worker, job, r > 0 ? mb_exception_error(r) : r, text);
}

/* ---- Between jobs -------------------------------------------------------------------------------------- */
uint64_t mb_worker_due(const struct mb_worker *worker)
{
  if (mb_wire_fd(worker->wire) < 0)
    return worker->is_parked ? TT_NEVER : worker->open_at_us;
  if (worker->is_doubted)
    return worker->opened_us + KEPT_LEAST;
  if (worker->options->idle_us && !mb_is_serial(worker->options->transport))
    return worker->used_us + worker->options->idle_us;
  return TT_NEVER;
}

void mb_worker_chore(struct mb_worker *worker)
{
  if (tt_clock_us() < mb_worker_due(worker))
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
  bool is_used = worker->is_used, is_kept = tt_clock_us() - worker->opened_us >= KEPT_LEAST;
  line_lost(worker, strerror(-r));
  if (mb_is_serial(worker->options->transport)) {
    worker->open_at_us = tt_clock_us() + OPEN_AGAIN_LEAST; /* unplugged: it will take a moment */
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
    mb_run_read(worker, job);
    break;
  case MB_JOB_WRITE:
    run_write(worker, job);
    break;
  case MB_JOB_WALK:
    mb_run_walk(worker, job);
    break;
  case MB_JOB_SCAN:
    mb_run_scan(worker, job);
    break;
  case MB_JOB_ASK:
    mb_run_ask(worker, job);
    break;
  case MB_JOB_DETACH:
    mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_DETACHED, .device = job->device->user});
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
