/* SPDX-License-Identifier: Apache-2.0
 *
 * calls.c: the actions of a device, one after the other, for many devices cannot do two things at once; writes ahead of
 * reads. A write is sent once.
 */
#include "common/clock.h"
#include "instance.h"
#include "soap.h"

#include <stdio.h>
#include <time.h>
#include <utlist.h>

struct up_job {
  struct up_job *prev, *next;
  struct up_device *device;
  struct up_request *request; /* NULL: nobody asked */
  struct tt_fetch_job *fetch; /* under way; of the first job only */
  const char *action;
  size_t service;
  size_t call;     /* of a read */
  char *body;      /* of a write; else the call's */
  size_t n_points; /* 0: a write or a command */
  uint16_t points[];
};

static void start_next_at_host(struct up_device *d);

static void job_free(struct up_job *job)
{
  tt_fetch_cancel(job->fetch);
  free(job->body);
  free(job);
}

void up_calls_drop(struct up_device *d, const struct up_request *request)
{
  struct up_job *job, *next;
  DL_FOREACH_SAFE(d->jobs, job, next)
  {
    if (request && job->request != request)
      continue;
    DL_DELETE(d->jobs, job);
    job_free(job);
  }
  start_next_at_host(d);
}

/* ---- Values --------------------------------------------------------------------------------------------------- */
void up_report_text(struct up_device *d, uint16_t point, const struct up_variable *variable, const char *text,
                    const char *source)
{
  TT_AUTOVALUE struct tt_value value = {0};
  char why[UP_WHY_SIZE] = "", shown[160];
  if (tt_is_probing(d->device))
    tt_probe(d->device, point, "%s says \"%s\"%s%s", source,
             tt_text_printable(shown, sizeof shown, text, strlen(text)), variable ? ", of type " : "",
             variable ? variable->type : "");
  int r = up_value_read(variable, &d->config->points[point], text, &value, why);
  if (r == 0)
    tt_report(d->device, point, &value, 0, 0);
  else if (r == -ENODATA)
    tt_report_missing(d->device, point);
  else
    tt_report_error(d->device, point, "%s at %s: %s", source, d->host, *why ? why : strerror(-r));
}

static void report_out(struct up_job *job, uint16_t point, const xmlNode *response)
{
  struct up_device *d = job->device;
  const struct up_read_options *read = d->config->points[point].address;
  const struct up_scpd *scpd = d->scpds[job->service];
  const struct up_action *action = scpd ? up_scpd_action(scpd, job->action) : NULL;
  const struct up_argument *argument = action ? up_action_argument(action, read->call.out, true) : NULL;
  xmlNode *out = up_xml_child(response, read->call.out);
  char *text = up_xml_text(out);
  if (out)
    up_report_text(d, point, argument ? argument->variable : NULL, text ? text : "", job->action);
  else
    tt_report_missing(d->device, point);
  xmlFree(text);
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */
static void request_failed(struct up_request *request, int error, const char *text)
{
  up_request_decide(request, error, "%s", text);
  up_calls_drop(request->device, request);
}

/* Nothing came, or nothing that is HTTP. */
static void on_silence(struct up_device *d, struct up_job *job, const struct tt_fetch_answer *answer)
{
  bool is_refused =
      answer->error == -ECONNREFUSED || answer->error == -EHOSTUNREACH || answer->error == -ENETUNREACH;
  char text[400];
  snprintf(text, sizeof text, "%s at %s: %s%s", job->action, d->host, answer->text,
           job->n_points == 0 && !is_refused ? "; whether it has been done is not known" : "");
  d->failures++;
  tt_device_link(d->device, TT_LINK_OFFLINE, "%s", text);
  if (job->request)
    request_failed(job->request, answer->error, text);
  if (is_refused || d->failures >= UP_FAILURES_MAX)
    up_find_doubt(d);
}

static void on_points(struct up_job *job, int error, const xmlNode *response, const char *why)
{
  for (size_t i = 0; i < job->n_points; i++) {
    if (error == 0)
      report_out(job, job->points[i], response);
    else
      tt_report_error(job->device->device, job->points[i], "%s at %s: %s", job->action, job->device->host, why);
  }
}

static void on_answer(void *user, const struct tt_fetch_answer *answer)
{
  struct up_job *job = user;
  struct up_device *d = job->device;
  struct up_request *request = job->request;
  const xmlNode *response = NULL;
  xmlDoc *doc = NULL;
  char why[UP_WHY_SIZE] = "";
  int error = 0;
  job->fetch = NULL;
  DL_DELETE(d->jobs, job);
  if (answer->error < 0) {
    on_silence(d, job, answer);
    job_free(job);
    start_next_at_host(d);
    return;
  }
  d->failures = 0;
  if (answer->status == 200 || answer->status == 500) {
    error = up_soap_answer(answer->body, answer->size, job->action, &doc, &response, why);
  } else {
    error = -EPROTO;
    snprintf(why, sizeof why, "the device answers %s with status %d", job->action, answer->status);
  }
  if (job->n_points > 0)
    on_points(job, error, response, why);
  if (request) {
    char said[UP_SAID_SIZE] = "";
    request->n_jobs--;
    if (request->command && error == 0)
      up_command_answered(d, job->service, job->action, response, said);
    if (job->n_points == 0)
      up_request_finish(request, error, error == 0 ? said : why);
    else if (request->n_jobs == 0)
      up_request_finish(request, 0, NULL);
  }
  xmlFreeDoc(doc);
  job_free(job);
  start_next_at_host(d);
}

/* ---- Asking --------------------------------------------------------------------------------------------------- */
static int start(struct up_job *job)
{
  struct up_device *d = job->device;
  const struct up_service *service = &d->description->services[job->service];
  const char *body = job->n_points > 0 ? d->calls[job->call].body : job->body;
  char action[UP_SOAP_ACTION_MAX], header[UP_SOAP_ACTION_MAX + 16];
  uint64_t now = tt_clock_us(), total_us = d->instance->options->timeout_us;
  up_soap_action(action, service->type, job->action);
  snprintf(header, sizeof header, "SOAPACTION: %s", action);
  const char *const headers[] = {"Content-Type: text/xml; charset=\"utf-8\"", header};
  if (job->request) {
    if (job->request->deadline_us <= now)
      return -ETIMEDOUT;
    uint64_t left_us = job->request->deadline_us - now;
    total_us = left_us < total_us ? left_us : total_us;
  }
  struct tt_fetch_request request = {.method = "POST",
                                     .url = service->control_url,
                                     .headers = headers,
                                     .n_headers = TT_COUNT(headers),
                                     .body = body,
                                     .body_size = strlen(body),
                                     .total_us = total_us,
                                     .body_max = UP_XML_SIZE_MAX,
                                     .rule = {.kind = TT_ADDRESS_ANY}, /* a literal that location.h has looked at */
                                     .done = on_answer,
                                     .user = job};
  return tt_fetch_start(d->instance->fetch, &request, &job->fetch);
}

/* Several devices may be one host. A call waits here, where its time does not run, rather than for a connection. */
static bool is_host_busy(const struct up_device *d)
{
  const struct up_device *other;
  unsigned n = 0;
  DL_FOREACH(d->instance->devices, other) {
    n += other->jobs && other->jobs->fetch && strcmp(other->host, d->host) == 0;
  }
  return n >= UP_CONNECTIONS_PER_HOST;
}

static void start_next(struct up_device *d)
{
  while (d->jobs && !d->jobs->fetch && !is_host_busy(d)) {
    struct up_job *job = d->jobs;
    int r = start(job);
    if (r == 0)
      return;
    struct up_request *request = job->request;
    DL_DELETE(d->jobs, job);
    job_free(job);
    if (request) {
      up_request_decide(request, r, r == -ETIMEDOUT ? "no time was left" : "no memory");
      struct up_job *next;
      DL_FOREACH_SAFE(d->jobs, job, next)
      {
        if (job->request == request) {
          DL_DELETE(d->jobs, job);
          job_free(job);
        }
      }
    }
  }
}

/* The device has had its turn: the others at its host, and then it again. */
static void start_next_at_host(struct up_device *d)
{
  struct up_instance *u = d->instance;
  if (!u->is_up || u->is_stopping)
    return;
  struct up_device *other = d;
  do {
    other = other->next ? other->next : u->devices;
    if (other->jobs && !other->jobs->fetch && strcmp(other->host, d->host) == 0)
      start_next(other);
  } while (other != d);
}

static struct up_job *job_create(struct up_device *d, struct up_request *request, size_t n_points)
{
  struct up_job *job = calloc(1, sizeof *job + n_points * sizeof *job->points);
  if (!job)
    return NULL;
  job->device = d;
  job->request = request;
  if (request)
    request->n_jobs++;
  return job;
}

/* The job of this request that makes this call; a new one at the end of the queue. */
static struct up_job *job_of(struct up_device *d, struct up_request *request, size_t call, size_t n_points)
{
  struct up_job *job;
  DL_FOREACH(d->jobs, job) {
    if (job->request == request && job->n_points > 0 && job->call == call && !job->fetch)
      return job;
  }
  job = job_create(d, request, n_points);
  if (!job)
    return NULL;
  job->call = call;
  job->service = d->calls[call].service;
  job->action = d->calls[call].action;
  DL_APPEND(d->jobs, job);
  return job;
}

static int ask(struct up_device *d, struct up_request *request, const uint16_t points[], size_t n)
{
  for (size_t i = 0; i < n; i++) {
    size_t call = d->bindings[points[i]].call;
    if (call == UP_NONE || !d->calls[call].body)
      continue;
    struct up_job *job = job_of(d, request, call, n);
    if (!job)
      return -ENOMEM;
    job->points[job->n_points++] = points[i];
  }
  return 0;
}

/* What nobody has to be asked for: what an event told last, and why a call cannot be made. */
static void settle(struct up_request *request)
{
  struct up_device *d = request->device;
  for (size_t i = 0; i < request->n; i++) {
    uint16_t point = request->points[i];
    const struct up_binding *b = &d->bindings[point];
    const struct up_read_options *read = d->config->points[point].address;
    if (b->call != UP_NONE && d->calls[b->call].body)
      continue;
    if (b->call != UP_NONE)
      tt_report_error(d->device, point, "%s at %s: %s", d->calls[b->call].action, d->host, d->calls[b->call].why);
    else if (b->service == UP_NONE)
      tt_report_error(d->device, point, "the device has no events of %s",
                      up_service_type(d->options, read->event.service));
    else if (d->subscriptions[b->service].state != UP_SUB_LIVE)
      tt_report_error(d->device, point, "there is no subscription at %s now", d->host);
    else if (b->last)
      up_report_text(d, point, NULL, b->last, "event");
    else
      tt_report_missing(d->device, point);
  }
}

void up_calls_read(struct up_request *request)
{
  struct up_device *d = request->device;
  settle(request);
  if (ask(d, request, request->points, request->n) < 0) {
    request_failed(request, -ENOMEM, "no memory");
    return;
  }
  start_next(d);
  if (request->n_jobs == 0 && !request->is_decided)
    up_request_decide(request, 0, "%s", "");
}

void up_calls_do(struct up_request *request, const struct up_call *call, const struct up_given *given)
{
  struct up_device *d = request->device;
  size_t service = up_service_of(d, call->service);
  char why[UP_WHY_SIZE] = "";
  TT_AUTOBUF struct tt_buf body = TT_BUF(UP_SOAP_SIZE_MAX);
  if (service == UP_NONE) {
    up_request_decide(request, -EOPNOTSUPP, "the device has no service %s",
                      up_service_type(d->options, call->service));
    return;
  }
  int r = up_compose(d, call, service, given, &body, why);
  struct up_job *job = r == 0 ? job_create(d, request, 0) : NULL, *after = NULL, *one;
  if (r < 0 || !job) {
    up_request_decide(request, r < 0 ? r : -ENOMEM, "%s", *why ? why : "no memory");
    return;
  }
  job->service = service;
  job->action = call->action;
  job->body = tt_buf_steal(&body);
  DL_FOREACH(d->jobs, one) {
    if (one->fetch || one->n_points == 0)
      after = one;
  }
  if (after)
    DL_APPEND_ELEM(d->jobs, after, job);
  else
    DL_PREPEND(d->jobs, job);
  start_next(d);
}

/* Has an event, but none comes. */
static bool is_unheard(const struct up_device *d, uint16_t point)
{
  const struct up_read_options *read = d->config->points[point].address;
  const struct up_binding *b = &d->bindings[point];
  return read && read->event.service && b->call != UP_NONE &&
         (b->service == UP_NONE || d->subscriptions[b->service].state != UP_SUB_LIVE || !b->last);
}

void up_calls_refresh(struct up_device *d)
{
  if (d->jobs)
    return; /* it has enough to do */
  uint16_t *points TT_AUTOFREE = calloc(d->config->n_points + 1, sizeof *points);
  size_t n = 0;
  for (size_t i = 0; points && i < d->config->n_points; i++)
    if (is_unheard(d, (uint16_t)i))
      points[n++] = (uint16_t)i;
  ask(d, NULL, points, n); /* together: several may share a call. Without memory it is left for the next time */
  start_next(d);
}
