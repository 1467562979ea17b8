/* SPDX-License-Identifier: Apache-2.0
 * Discovery: hosts of the configuration, a few at a time. */
#include "discover.h"

#include "common/clock.h"
#include "hosts.h"
#include "maker.h"

#include <stdio.h>
#include <systemd/sd-event.h>

struct asked {
  struct http_discovery *discovery;
  struct tt_fetch_job *job; /* NULL: this place is free */
  size_t question;
  char host[HTTP_HOST_SIZE];
};

struct http_discovery {
  struct http *http;
  tt_id request;
  uint64_t deadline_us;
  struct tt_fetch *fetch;
  struct http_hosts at;
  struct asked asked[HTTP_DISCOVER_AT_ONCE];
  sd_event_source *timer; /* the first turn, then the end of the time */
  int error;
  const char *text;
};

/* ---- Candidates -------------------------------------------------------------------------------------------------- */

static void offer(const struct asked *asked, const struct http_told *told, const char *server)
{
  struct http *http = asked->discovery->http;
  struct tt_fact facts[HTTP_MAKER_FACTS_MAX + 3] = {{"host", asked->host}};
  size_t n = 1;
  if (told->vendor)
    facts[n++] = (struct tt_fact){"vendor", told->vendor};
  if (server)
    facts[n++] = (struct tt_fact){"server", server};
  for (size_t i = 0; i < told->n_facts; i++)
    facts[n++] = told->facts[i];
  tt_candidate(http->bridge, asked->discovery->request,
               &(struct tt_candidate){.id = asked->host, /* a serial number could be another one's */
                                      .name = told->name ? told->name : asked->host,
                                      .vendor = told->vendor,
                                      .model = told->model,
                                      .address = asked->host,
                                      .facts = facts,
                                      .n_facts = n});
}

/* ---- Asking -------------------------------------------------------------------------------------------------------- */

static void on_answer(void *user, const struct tt_fetch_answer *answer);

static int ask(struct asked *asked)
{
  struct http_discovery *d = asked->discovery;
  uint64_t now = tt_clock_us(), left_us = d->deadline_us > now ? d->deadline_us - now : 1;
  char url[HTTP_HOST_SIZE + 64];
  snprintf(url, sizeof url, "http://%s%s", asked->host, http_maker_path(asked->question));
  return tt_fetch_start(
      d->fetch,
      &(struct tt_fetch_request){.url = url,
                                 .total_us = left_us < HTTP_DISCOVER_TIME_US ? left_us : HTTP_DISCOVER_TIME_US,
                                 .body_max = HTTP_MAKER_ANSWER_MAX,
                                 .done = on_answer,
                                 .user = asked},
      &asked->job);
}

/* Hosts for the places that are free; the end when all are and nobody is left. */
static void go_on(struct http_discovery *d)
{
  bool is_busy = false;
  for (size_t i = 0; i < HTTP_DISCOVER_AT_ONCE; i++) {
    struct asked *asked = &d->asked[i];
    while (!asked->job && http_hosts_next(&d->http->options->discover.hosts, &d->at, asked->host)) {
      asked->question = 0;
      if (ask(asked) < 0)
        asked->job = NULL; /* this one is left out */
    }
    is_busy = is_busy || asked->job;
  }
  if (!is_busy) /* not from within an answer, where the tt_fetch may not go */
    sd_event_source_set_time(d->timer, 0);
}

static void on_answer(void *user, const struct tt_fetch_answer *answer)
{
  struct asked *asked = user;
  struct http_discovery *d = asked->discovery;
  struct http_told told = {0};
  char server[100] = "";
  const char *header = answer->status ? tt_fetch_header(answer->job, "Server") : NULL;
  snprintf(server, sizeof server, "%s", header ? header : "");
  asked->job = NULL;
  bool is_known = answer->status / 100 == 2 && http_maker_hear(asked->question, answer->body, answer->size, &told);
  if (answer->status && !is_known && http_maker_path(++asked->question) && ask(asked) == 0)
    return;
  if (answer->status)
    offer(asked, &told, *server ? server : NULL);
  http_told_finish(&told);
  go_on(d);
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

static void end(struct http_discovery *d, int error, const char *text)
{
  struct http *http = d->http;
  tt_id request = d->request;
  http->discovery = NULL;
  tt_fetch_destroy(d->fetch);
  sd_event_source_disable_unref(d->timer);
  free(d);
  if (text)
    tt_done(http->bridge, request, error, "%s", text);
  else
    tt_done(http->bridge, request, error, NULL);
}

/* The end, of all or of the time: what was found has been told. */
static int on_timer(sd_event_source *source TT_UNUSED, uint64_t now TT_UNUSED, void *user)
{
  struct http_discovery *d = user;
  end(d, d->error, d->text);
  return 0;
}

int http_discovery_start(struct http *http, tt_id request, uint64_t deadline_us)
{
  struct http_discovery *d = calloc(1, sizeof *d);
  const struct tt_fetch_limits limits = {HTTP_DISCOVER_AT_ONCE, 1};
  if (!d)
    return -ENOMEM;
  *d = (struct http_discovery){.http = http, .request = request, .deadline_us = deadline_us};
  for (size_t i = 0; i < HTTP_DISCOVER_AT_ONCE; i++)
    d->asked[i].discovery = d;
  int r = tt_fetch_create(tt_bridge_event(http->bridge), &limits, &d->fetch);
  if (r >= 0)
    r = sd_event_add_time(tt_bridge_event(http->bridge), &d->timer, CLOCK_MONOTONIC, deadline_us, 1, on_timer, d);
  if (r < 0) {
    tt_fetch_destroy(d->fetch);
    free(d);
    return r;
  }
  http->discovery = d;
  if (http->options->discover.hosts.n == 0) {
    d->error = -EOPNOTSUPP;
    d->text = "it has no hosts to ask (discover: {hosts: ...})";
  }
  go_on(d);
  return 0;
}

void http_discovery_cancel(struct http *http)
{
  if (http->discovery)
    end(http->discovery, -ECANCELED, "the gateway stops");
}
