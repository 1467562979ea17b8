/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c: what a read of points is made of: joined requests, split where that was refused; scale factors that are read
 * along; texts of the identification.
 */
#include "common/clock.h"
#include "interpret.h"
#include "survey.h"

#include <stdio.h>

/* A register with a power of ten, read along for the points that need it. */
#define SCALE_POINT UINT16_MAX

/* Words that wait until the power of ten has come, which may be in another request. */
struct kept {
  bool has_come;
  uint16_t words[4];
};

static void tell_probe(struct mb_worker *worker, struct mb_bus_device *device, const struct mb_want *want,
                       const uint16_t words[])
{
  char line[MB_INTERPRET_LINE];
  for (unsigned i = 0; device->is_probed && mb_interpret(words, want->words, i, line); i++)
    if (*line)
      mb_tell(worker, &(struct mb_event){
                          .kind = MB_EVENT_PROBE, .device = device->user, .point = want->point, .text = line});
}

/* A raw value that means "none" is left as it is, for the core to see. */
static bool is_invalid(const struct tt_point *point, const struct tt_value *raw)
{
  int64_t number;
  for (size_t i = 0; i < point->n_invalid; i++)
    if (tt_int64_parse(point->invalid[i], &number) == 0 && raw->type == TT_TYPE_INT64 && raw->int64 == number)
      return true;
  return false;
}

static int apply_scale(const struct tt_point *point, const int16_t *power, struct tt_value *value)
{
  if (!power || is_invalid(point, value))
    return 0;
  struct tt_value raw = *value; /* a number: it owns nothing */
  return mb_scale(&raw, *power, value) < 0 ? -EDOM : 0;
}

static void report(struct mb_worker *worker, struct mb_bus_device *device, const struct mb_want *want,
                   const uint16_t words[], const int16_t *power)
{
  char text[MB_TEXT], place[MB_WHERE];
  TT_AUTOVALUE struct tt_value value = {0};
  const struct mb_place *from = &device->read[want->point].place;
  int r = mb_decode(&from->format, words, want->words, &value);
  tell_probe(worker, device, want, words);
  if (r >= 0)
    r = apply_scale(&device->config->points[want->point], power, &value);
  if (r >= 0) {
    mb_tell(worker, &(struct mb_event){
                        .kind = MB_EVENT_VALUE, .device = device->user, .point = want->point, .value = &value});
    return;
  }
  mb_where(place, device, from->table, from->address, from->format.words);
  snprintf(text, sizeof text, "%s (%s)",
           r == -ERANGE ? "the number exceeds 2^63-1"
           : r == -EDOM ? "its scale factor is not implemented"
                        : strerror(-r),
           place);
  mb_tell_point(worker, device, want->point, text);
}

struct reading {
  struct mb_worker *worker;
  struct mb_job *job;
  struct mb_want *wants;
  struct kept *kept;     /* of each want */
  struct mb_span *spans; /* still to be read, the next one last; never more than there are wants */
  size_t n_spans;
  int error; /* the rest of the request is given up */
  char text[MB_TEXT];
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

static void take(struct reading *reading, const struct mb_span *span, const uint16_t words[])
{
  struct mb_bus_device *device = reading->job->device;
  for (size_t i = span->first; i < span->first + span->n; i++) {
    const struct mb_want *want = &reading->wants[i];
    const uint16_t *at = words + (want->address - span->address);
    if (want->point != SCALE_POINT && device->read[want->point].place.scale == MB_NO_ADDRESS) {
      report(reading->worker, device, want, at, NULL);
    } else if (want->words <= TT_COUNT(reading->kept[i].words)) {
      reading->kept[i].has_come = true;
      memcpy(reading->kept[i].words, at, want->words * sizeof *at);
    }
  }
}

static const struct kept *find_scale(const struct reading *reading, size_t n, enum mb_table table, int32_t address)
{
  for (size_t i = 0; i < n; i++)
    if (reading->wants[i].point == SCALE_POINT && reading->wants[i].table == table &&
        reading->wants[i].address == address)
      return &reading->kept[i];
  return NULL;
}

/* What could only be told when all had come. */
static void take_scaled(struct reading *reading, size_t n)
{
  struct mb_bus_device *device = reading->job->device;
  char text[MB_TEXT], place[MB_WHERE];
  for (size_t i = 0; i < n; i++) {
    const struct mb_want *want = &reading->wants[i];
    if (want->point == SCALE_POINT || !reading->kept[i].has_come)
      continue;
    const struct mb_place *from = &device->read[want->point].place;
    const struct kept *scale = find_scale(reading, n, from->table, from->scale);
    if (scale && scale->has_come) {
      int16_t power = (int16_t)scale->words[0];
      report(reading->worker, device, want, reading->kept[i].words, &power);
      continue;
    }
    snprintf(text, sizeof text, "its scale factor could not be read (%s)",
             mb_where(place, device, from->table, (uint16_t)from->scale, 1));
    mb_tell_point(reading->worker, device, want->point, text);
  }
}

static int read_object(struct reading *reading, const struct mb_want *want)
{
  struct mb_bus_device *device = reading->job->device;
  char object[MB_OBJECT_MAX + 1], why[MB_WHY] = "", place[MB_WHERE], text[MB_TEXT];
  int r = mb_survey_object(reading->worker, device->unit, (uint8_t)want->address, object, why);
  mb_where(place, device, MB_OBJECT, want->address, 1);
  if (r == 0) {
    TT_AUTOVALUE struct tt_value value = {0};
    if (tt_value_text(TT_TYPE_STRING, object, strlen(object), &value) < 0)
      return 0;
    mb_tell(
        reading->worker,
        &(struct mb_event){.kind = MB_EVENT_VALUE, .device = device->user, .point = want->point, .value = &value});
    return 0;
  }
  mb_outcome_text(text, r, why, place);
  if (mb_is_silence(r) || r == -ENOTCONN || r == -ECANCELED) {
    memcpy(reading->text, text, sizeof text);
    return reading->error = r > 0 ? mb_exception_error(r) : r;
  }
  mb_tell_point(reading->worker, device, want->point, text);
  return 0;
}

/* Read one span and report its points, or split it. Negative: the device as a whole fails (reading->error and text are set). */
static int read_span(struct reading *reading, const struct mb_span *span)
{
  struct mb_worker *worker = reading->worker;
  struct mb_bus_device *device = reading->job->device;
  const struct mb_want *wants = reading->wants;
  uint16_t *words = worker->words;
  char why[MB_WHY] = "", place[MB_WHERE], text[MB_TEXT];
  if (atomic_load(&device->is_leaving))
    return reading->error = -ECANCELED;
  if (tt_clock_us() >= reading->job->deadline_us) {
    snprintf(reading->text, sizeof reading->text, "the time for this request was over before all was read");
    return reading->error = -ETIMEDOUT;
  }
  if (span->table == MB_OBJECT)
    return read_object(reading, &wants[span->first]);
  struct mb_request request = {device->unit, mb_read_function(span->table), span->address, (uint16_t)span->count,
                               NULL};
  int r = mb_transact(worker, &request, words, why);
  if (r == 0) {
    if (device->unanswered.n && device->unanswered.table == span->table &&
        device->unanswered.address == span->address)
      device->unanswered.n = 0;
    take(reading, span, words);
    return 0;
  }
  bool is_refused =
      r == 2 || r == 3; /* illegal data address, illegal data value: of the request, not of the device */
  size_t cut = is_refused ? mb_span_cut(span, wants) : 0;
  if (cut) {
    split_span(reading, span, cut);
    return 0;
  }
  mb_where(place, device, span->table, span->address, span->count);
  mb_outcome_text(text, r, why, place);
  if (mb_is_silence(r) || r == -ENOTCONN || r == -ECANCELED) {
    if (mb_is_silence(r) && span->n > 1)
      note_unanswered(worker, device, span, wants);
    memcpy(reading->text, text, sizeof text);
    return reading->error = r > 0 ? mb_exception_error(r) : r;
  }
  for (size_t i = span->first; i < span->first + span->n; i++)
    if (wants[i].point != SCALE_POINT)
      mb_tell_point(worker, device, wants[i].point, text);
  return 0;
}

/* A unit that was silent is asked for one point first: whether it lives should not depend on what it lets be joined. */
static int probe(struct reading *reading, const struct mb_span *span)
{
  struct mb_bus_device *device = reading->job->device;
  const struct mb_want *want = &reading->wants[span->first];
  char why[MB_WHY] = "", place[MB_WHERE];
  if (reading->worker->units[device->unit].silent < MB_SILENT_AFTER || span->n == 1)
    return 0;
  struct mb_request request = {device->unit, mb_read_function(want->table), want->address, (uint16_t)want->words,
                               NULL};
  int r = mb_transact(reading->worker, &request, reading->worker->words, why);
  if (!mb_is_silence(r) && r != -ENOTCONN && r != -ECANCELED)
    return 0;
  mb_outcome_text(reading->text, r, why, mb_where(place, device, want->table, want->address, want->words));
  return reading->error = r > 0 ? mb_exception_error(r) : r;
}

/* Room for two wants per point. */
static size_t collect(struct mb_worker *worker, const struct mb_job *job, struct mb_want wants[])
{
  size_t n = 0, n_points;
  for (size_t i = 0; i < job->n; i++) {
    uint16_t point = job->data[i];
    if (point >= job->device->config->n_points || !job->device->read[point].is_there) {
      mb_tell_point(worker, job->device, point, "this point cannot be read");
      continue;
    }
    const struct mb_place *place = &job->device->read[point].place;
    wants[n++] = (struct mb_want){place->table, place->address, place->format.words, point};
  }
  n_points = n;
  for (size_t i = 0; i < n_points; i++) {
    const struct mb_place *place = &job->device->read[wants[i].point].place;
    size_t k = n_points;
    if (place->scale == MB_NO_ADDRESS)
      continue;
    while (k < n && (wants[k].table != place->table || wants[k].address != place->scale))
      k++;
    if (k == n)
      wants[n++] = (struct mb_want){place->table, (uint16_t)place->scale, 1, SCALE_POINT};
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

void mb_run_read(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_bus_device *device = job->device;
  const struct mb_unit *unit = &worker->units[device->unit];
  TT_AUTOFREE struct mb_want *wants = calloc(2 * job->n, sizeof *wants);
  TT_AUTOFREE struct mb_span *spans = calloc(2 * job->n, sizeof *spans);
  TT_AUTOFREE struct kept *kept = calloc(2 * job->n, sizeof *kept);
  struct reading reading = {.worker = worker, .job = job, .wants = wants, .kept = kept, .spans = spans};
  if (!wants || !spans || !kept) {
    mb_tell_done(worker, job, -ENOMEM, "out of memory");
    return;
  }
  uint64_t now = tt_clock_us();
  if (now >= job->deadline_us) {
    mb_tell_done(worker, job, -EBUSY, "its turn did not come in time");
    return;
  }
  if (now < unit->again_us) {
    snprintf(reading.text, sizeof reading.text, "unit %u does not answer; asked again in %.1f s", device->unit,
             (double)(unit->again_us - now) / 1e6);
    mb_tell_done(worker, job, -ETIMEDOUT, reading.text);
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
  take_scaled(&reading, n);
  if (r == -ETIMEDOUT && unit->silent >= MB_SILENT_AFTER)
    mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_SILENT, .device = device->user, .text = reading.text});
  mb_tell_done(worker, job, r, reading.text);
}
