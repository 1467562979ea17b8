/* SPDX-License-Identifier: Apache-2.0
 * Units that are looked at as a whole. */
#include "survey.h"
#include "common/clock.h"

#include <stdio.h>
#include <thingtree/host.h>

#define OBJECT_ROUNDS   8                           /* answers that the identification may be spread over */
#define DESCRIPTION_MAX (TT_DESCRIPTION_MAX - 4096) /* it travels in one message, which has a head */

/* ---- Identification --------------------------------------------------------------------------------------- */
int mb_survey_object(struct mb_worker *worker, uint8_t unit, uint8_t object, char out[static MB_OBJECT_MAX + 1],
                     char why[static MB_WHY])
{
  enum mb_identify code = object <= 2 ? MB_IDENTIFY_BASIC : MB_IDENTIFY_REGULAR;
  int next = object, more;
  for (int i = 0; i < OBJECT_ROUNDS; i++) {
    struct mb_request request = {
        .unit = unit, .function = MB_IDENTIFY, .address = (uint16_t)next, .count = (uint16_t)code};
    int r = mb_transact(worker, &request, worker->words, why);
    if (r != 0)
      return r;
    if (mb_identify_find(worker->words, object, out, &more) == 0)
      return 0;
    if (more < 0)
      break;
    next = more;
  }
  snprintf(why, MB_WHY, "the identification has no such object");
  return -ENOENT;
}

/* ---- SunSpec ---------------------------------------------------------------------------------------------- */
struct walk {
  struct mb_worker *worker;
  struct mb_bus_device *device; /* NULL: of none */
  uint8_t unit;
  unsigned max_registers;
  uint64_t deadline_us;
  size_t first;       /* where to look first: of mb_sunspec_bases */
  uint16_t silent_at; /* where the chain broke off the last time without an answer; 0: nowhere */
  struct mb_sunspec_chain chain;
  char why[MB_WHY];
};

/* 0; > 0 and negative as mb_wire_exchange(). */
static int read_registers(struct walk *w, unsigned address, unsigned n, uint16_t *ret)
{
  int r = 0;
  for (unsigned done = 0; done < n && r == 0;) {
    unsigned part = n - done < w->max_registers ? n - done : w->max_registers;
    struct mb_request request = {.unit = w->unit,
                                 .function = mb_read_function(MB_HOLDING),
                                 .address = (uint16_t)(address + done),
                                 .count = (uint16_t)part};
    if (w->device && atomic_load(&w->device->is_leaving))
      return -ECANCELED;
    if (tt_clock_us() >= w->deadline_us)
      return -ETIMEDOUT;
    r = mb_transact(w->worker, &request, w->worker->words, w->why);
    if (r == 0)
      memcpy(ret + done, w->worker->words, part * sizeof *ret);
    done += part;
  }
  return r;
}

static int read_model(struct walk *w, struct mb_sunspec_model *model)
{
  unsigned needed = mb_sunspec_needed(model);
  if (needed == 0)
    return 0;
  model->registers = calloc(model->length, sizeof *model->registers);
  if (!model->registers)
    return -ENOMEM;
  int r = read_registers(w, model->address + MB_SUNSPEC_HEAD, needed, model->registers);
  if (r > 0 && !mb_is_silence(r)) { /* it is shorter than it says; all but what these would tell is known */
    free(TT_STEAL(model->registers));
    return 0;
  }
  return r;
}

/* 0: there is a chain. -ENOENT: there is none. Other: no answer, or none that makes sense. */
static int walk_chain(struct walk *w)
{
  uint16_t words[MB_SUNSPEC_HEAD];
  int r = -ENOENT;
  size_t n = 0;
  uint16_t base = 0;
  for (; n < MB_SUNSPEC_BASES; n++) {
    base = mb_sunspec_bases[(w->first + n) % MB_SUNSPEC_BASES];
    r = read_registers(w, base, MB_SUNSPEC_HEAD, words);
    if (r < 0 || (r == 0 && mb_sunspec_is_marker(words)))
      break;
    if (mb_is_silence(r))
      return -ETIMEDOUT;
  }
  if (n == MB_SUNSPEC_BASES)
    return -ENOENT;
  if (r < 0)
    return r;
  w->chain.next = (uint16_t)(base + MB_SUNSPEC_HEAD);
  for (;;) {
    r = read_registers(w, w->chain.next, MB_SUNSPEC_HEAD, words);
    bool is_silent = mb_is_silence(r);
    if (w->chain.n > 0 && ((r > 0 && !is_silent) || (is_silent && w->chain.next == w->silent_at)))
      return 0; /* some end without an end, and some of these say nothing there, time and again */
    if (is_silent)
      w->silent_at = w->chain.next;
    if (r != 0)
      return r > 0 ? mb_exception_error(r) : r;
    r = mb_sunspec_add(&w->chain, words);
    if (r <= 0)
      return w->chain.n ? 0 : -ENOENT; /* what comes before nonsense is good all the same */
    r = read_model(w, &w->chain.model[w->chain.n - 1]);
    if (r != 0)
      return r > 0 ? mb_exception_error(r) : r;
  }
}

void mb_run_walk(struct mb_worker *worker, struct mb_job *job)
{
  const struct mb_device_options *options = job->device->config->options;
  struct walk w = {.worker = worker,
                   .device = job->device,
                   .unit = job->device->unit,
                   .max_registers = job->device->limits.max_registers,
                   .deadline_us = job->deadline_us,
                   .first = job->device->first_base,
                   .silent_at = job->device->silent_at,
                   .chain = {.base = (unsigned)options->address.base}};
  TT_AUTOBUF struct tt_buf text = TT_BUF(DESCRIPTION_MAX);
  int r = walk_chain(&w);
  /* Some say nothing where others say that there is nothing; one that is off would cost three time-outs a try. */
  job->device->silent_at = w.silent_at;
  if (r == -ETIMEDOUT && w.chain.n == 0)
    job->device->first_base = (w.first + 1) % MB_SUNSPEC_BASES;
  if (r == 0)
    r = mb_sunspec_describe(&w.chain, &text);
  if (r == -ENOENT)
    snprintf(w.why, sizeof w.why, "unit %u has no SunSpec models that are known at 40000, 50000 or 0", w.unit);
  else if (r == -ETIMEDOUT)
    snprintf(w.why, sizeof w.why, "unit %u does not say what models it has: no answer", w.unit);
  else if (r < 0 && !*w.why)
    snprintf(w.why, sizeof w.why, "unit %u does not say what models it has: %s", w.unit, strerror(-r));
  mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_DESCRIBED,
                                     .device = job->device->user,
                                     .error = r,
                                     .text = r == 0 ? text.data : w.why});
  mb_sunspec_finish(&w.chain);
}

/* ---- Who is there ----------------------------------------------------------------------------------------- */
void mb_run_scan(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_found found = {.unit = (uint8_t)job->n};
  struct walk w = {.worker = worker,
                   .unit = found.unit,
                   .max_registers = MB_READ_REGISTERS_MAX,
                   .deadline_us = job->deadline_us};
  int r =
      tt_clock_us() < job->deadline_us ? mb_survey_object(worker, found.unit, 0, found.maker, w.why) : -ETIMEDOUT;
  found.is_there = (r >= 0 || r == -ENOENT) && !mb_is_silence(r);
  if (r == 0) {
    mb_survey_object(worker, found.unit, 1, found.model, w.why);
    mb_survey_object(worker, found.unit, 2, found.revision, w.why);
  }
  if (found.is_there && walk_chain(&w) == 0) {
    char text[MB_SUNSPEC_TEXT];
    mb_sunspec_list(&w.chain, found.sunspec);
    if (*mb_sunspec_common(&w.chain, MB_SUNSPEC_MAKER, text))
      snprintf(found.maker, sizeof found.maker, "%s", text);
    if (*mb_sunspec_common(&w.chain, MB_SUNSPEC_MODEL, text))
      snprintf(found.model, sizeof found.model, "%s", text);
    mb_sunspec_common(&w.chain, MB_SUNSPEC_SERIAL, found.serial);
  }
  mb_sunspec_finish(&w.chain);
  mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_FOUND, .request = job->request, .error = r, .found = &found});
}

/* ---- What is there ---------------------------------------------------------------------------------------- */
void mb_run_ask(struct mb_worker *worker, struct mb_job *job)
{
  struct mb_request request = {.unit = job->device->unit,
                               .function = job->place.function,
                               .address = job->place.address,
                               .count = (uint16_t)job->n,
                               .deadline_us = job->deadline_us};
  char why[MB_WHY] = "";
  int r = mb_transact(worker, &request, worker->words, why);
  mb_tell(worker, &(struct mb_event){.kind = MB_EVENT_ASKED,
                                     .device = job->device->user,
                                     .request = job->request,
                                     .error = r,
                                     .words = r == 0 ? worker->words : NULL,
                                     .n_words = r == 0 ? job->n : 0,
                                     .text = r == 0 ? NULL : why});
}
