/* SPDX-License-Identifier: Apache-2.0
 * Who is there: of each device, and of the connection, which is there as long as anybody answers on it. */
#include "http.h"

#include <utlist.h>

#define SILENT_AFTER 2 /* requests without an answer, in a row */

static void connection_update(struct http *http, const char *origin, const char *text)
{
  struct http_device *d;
  DL_FOREACH(http->devices, d) {
    if (d->is_reachable) {
      tt_connection_state(http->bridge, TT_LINK_ONLINE, "%s", "");
      return;
    }
  }
  tt_connection_state(http->bridge, TT_LINK_OFFLINE, "%s: %s", origin, text);
}

static const char *origin_of(const struct http_device *d)
{
  return d->origin ? d->origin : "the device";
}

void http_link_up(struct http_device *d)
{
  bool was_reachable = d->is_reachable;
  d->is_reachable = true;
  d->silent = 0;
  if (!was_reachable)
    connection_update(d->http, origin_of(d), "");
  tt_device_link(d->device, TT_LINK_ONLINE, "%s", "");
}

void http_link_down(struct http_device *d, const char *text)
{
  d->is_reachable = false;
  tt_device_link(d->device, TT_LINK_OFFLINE, "%s: %s", origin_of(d), text);
  connection_update(d->http, origin_of(d), text);
}

void http_link_silent(struct http_device *d, const char *text)
{
  if (++d->silent >= SILENT_AFTER)
    tt_device_link(d->device, TT_LINK_OFFLINE, "%s: %s", origin_of(d), text);
}

void http_link_failed(struct http_device *d, const struct tt_fetch_answer *answer)
{
  if (answer->error == -ENOMEM || answer->error == -ECANCELED)
    return; /* says nothing of the device */
  if (answer->status > 0)
    http_link_up(d); /* it is there, whatever is wrong with the rest */
  else if (tt_fetch_is_sent(answer->job))
    http_link_silent(d, answer->text);
  else
    http_link_down(d, answer->text);
}
