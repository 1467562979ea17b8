/* SPDX-License-Identifier: Apache-2.0
 * Discovery. */
#include "discover.h"
#include "common/clock.h"

#include "link_format.h"
#include "multicast.h"
#include "offer.h"
#include "payload.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <utlist.h>

#define WELL_KNOWN "/.well-known/core"

/* One host that is asked for all its links. */
struct host {
  struct host *prev, *next;
  struct cb_discovery *discovery;
  struct cb_base base;
  struct cb_endpoint *endpoint;
  bool is_open;
};

struct cb_discovery {
  struct tt_bridge *bridge;
  struct cb_hub *hub;
  const struct cb_connection *options;
  struct cb_discovery **place;
  tt_id request;
  uint64_t deadline_us;
  struct cb_path path;
  struct host *hosts;
  size_t n_hosts;
  struct cb_multicast *multicast;
  sd_event_source *timer; /* end of the multicast, or of all */
  int error;
  char text[200];
};

/* ---- Candidates ------------------------------------------------------------------------------------------------ */
struct asker {
  struct tt_bridge *bridge;
  tt_id request;
};

static void tell(void *user, const struct tt_candidate *candidate)
{
  const struct asker *asker = user;
  tt_candidate(asker->bridge, asker->request, candidate);
}

int cb_discovery_links(struct tt_bridge *bridge, tt_id request, const struct cb_base *base, const char *text,
                       size_t n)
{
  struct cb_offers offers = {0};
  struct cb_link link;
  struct cb_base where;
  char path[CB_PATH_MAX + 1];
  int r = 1;
  for (size_t i = 0; i < CB_LINKS_MAX && (r = cb_link_next(&text, &n, &link)) > 0; i++)
    if (!link.has_anchor && cb_reference(base, link.target, link.target_size, &where, path) == 0 &&
        strcmp(path, WELL_KNOWN) != 0 && cb_offers_add(&offers, &where, path, &link) < 0)
      break;
  cb_offers_tell(&offers, tell, &(struct asker){bridge, request});
  cb_offers_finish(&offers);
  return r < 0 ? r : 0;
}

/* ---- One by one ------------------------------------------------------------------------------------------------ */
static void settle(struct cb_discovery *d);

static void close_host(struct host *host)
{
  host->is_open = false;
  if (host->endpoint)
    cb_endpoint_release(host->endpoint);
  host->endpoint = NULL;
}

static void on_links(void *user, const struct cb_answer *answer)
{
  struct host *host = user;
  struct cb_discovery *d = host->discovery;
  char code[40];
  if (!answer->error && CB_CODE_CLASS(answer->code) == 2) {
    if (cb_discovery_links(d->bridge, d->request, &host->base, answer->data, answer->n) < 0)
      tt_bridge_log(d->bridge, TT_LOG_INFO, "%s says something at %s that is no link format",
                    cb_endpoint_name(host->endpoint), WELL_KNOWN);
  } else {
    tt_bridge_log(d->bridge, TT_LOG_INFO, "discovery: %s: %s", cb_endpoint_name(host->endpoint),
                  answer->error ? answer->text : cb_code_print(code, answer->code));
  }
  close_host(host);
  settle(d);
}

static int ask_host(struct cb_discovery *d, const struct cb_base *base)
{
  struct host *host = calloc(1, sizeof *host);
  if (!host)
    return -ENOMEM;
  host->discovery = d;
  host->base = *base;
  DL_APPEND(d->hosts, host);
  d->n_hosts++;
  int r = cb_endpoint_get(d->hub, base, &d->options->security, &host->endpoint);
  if (r < 0)
    return r;
  uint64_t deadline_us = tt_clock_us() + d->options->answer_timeout_us;
  host->is_open = true;
  r = cb_endpoint_ask(host->endpoint,
                      &(struct cb_ask){.owner = host,
                                       .done = on_links,
                                       .user = host,
                                       .method = COAP_REQUEST_CODE_GET,
                                       .path = &d->path,
                                       .is_confirmable = true,
                                       .accept = CB_CONTENT_NONE,
                                       .content = CB_CONTENT_NONE,
                                       .block_size = 1024,
                                       .deadline_us = deadline_us < d->deadline_us ? deadline_us : d->deadline_us});
  if (r < 0)
    close_host(host);
  return r;
}

/* ---- Everybody ------------------------------------------------------------------------------------------------- */
static bool is_known(const struct cb_discovery *d, const struct cb_base *base)
{
  const struct host *host;
  DL_FOREACH(d->hosts, host) {
    if (host->base.port == base->port && !host->base.is_dtls && !strcmp(host->base.host, base->host) &&
        !strcmp(host->base.scope, base->scope))
      return true;
  }
  return false;
}

static void on_heard(void *user, const struct cb_base *from, const struct cb_response *response)
{
  struct cb_discovery *d = user;
  struct host *host;
  if (CB_CODE_CLASS(response->code) != 2 || d->n_hosts >= CB_DISCOVER_ANSWERS_MAX || is_known(d, from))
    return;
  if (response->has_block2 && response->block2.is_more) {
    ask_host(d, from); /* the document is larger than a message */
    return;
  }
  host = calloc(1, sizeof *host); /* to know it again: some answer twice */
  if (!host)
    return;
  host->discovery = d;
  host->base = *from;
  DL_APPEND(d->hosts, host);
  d->n_hosts++;
  cb_discovery_links(d->bridge, d->request, from, (const char *)response->data, response->n);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */
static void destroy(struct cb_discovery *d)
{
  struct host *host, *next;
  DL_FOREACH_SAFE(d->hosts, host, next)
  {
    if (host->endpoint)
      cb_endpoint_forget(host->endpoint, host);
    close_host(host);
    free(host);
  }
  cb_multicast_stop(d->multicast);
  sd_event_source_disable_unref(d->timer);
  *d->place = NULL;
  free(d);
}

static void end(struct cb_discovery *d, int error, const char *text)
{
  struct tt_bridge *bridge = d->bridge;
  tt_id request = d->request;
  char copy[sizeof d->text];
  snprintf(copy, sizeof copy, "%s", text);
  destroy(d);
  if (*copy)
    tt_done(bridge, request, error, "%s", copy);
  else
    tt_done(bridge, request, error, NULL);
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  struct cb_discovery *d = user;
  cb_multicast_stop(d->multicast);
  d->multicast = NULL;
  settle(d);
  return 0;
}

/* The end, when nothing more can come. */
static void settle(struct cb_discovery *d)
{
  const struct host *host;
  DL_FOREACH(d->hosts, host) {
    if (host->is_open)
      return;
  }
  if (d->multicast)
    return;
  end(d, d->error, d->text);
}

int cb_discovery_start(struct tt_bridge *bridge, struct cb_hub *hub, tt_id request, uint64_t deadline_us,
                       struct cb_discovery **place)
{
  const struct cb_connection *options = tt_bridge_options(bridge);
  struct cb_discovery *d = calloc(1, sizeof *d);
  struct cb_base base;
  if (!d)
    return -ENOMEM;
  *d = (struct cb_discovery){.bridge = bridge,
                             .hub = hub,
                             .options = options,
                             .place = place,
                             .request = request,
                             .deadline_us = deadline_us};
  *place = d;
  cb_path_problem(WELL_KNOWN, &d->path);
  uint64_t end_us = 0; /* without a multicast to wait for: as soon as all hosts have answered */
  for (size_t i = 0; i < options->discover.hosts.n; i++)
    if (!cb_base_problem(options->discover.hosts.text[i], &base))
      ask_host(d, &base);
  if (options->interface && options->discover.multicast) {
    int r = cb_multicast_start(bridge, options->interface, &d->path, on_heard, d, &d->multicast);
    uint64_t wait_us = tt_clock_us() + CB_DISCOVER_WAIT_US;
    if (r == 0)
      end_us = wait_us < deadline_us ? wait_us : deadline_us;
    else
      snprintf(d->text, sizeof d->text, "nothing can be asked on %.40s: %s", options->interface, strerror(-r));
    d->error = d->n_hosts == 0 ? (r < 0 ? r : 0) : 0;
  }
  int r = sd_event_add_time(tt_bridge_event(bridge), &d->timer, CLOCK_MONOTONIC, end_us, 1, on_timer, d);
  if (r < 0)
    destroy(d);
  return r < 0 ? r : 0;
}

void cb_discovery_cancel(struct cb_discovery *d)
{
  if (d)
    end(d, -ECANCELED, "the gateway stops");
}
