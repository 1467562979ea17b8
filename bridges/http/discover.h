/* SPDX-License-Identifier: Apache-2.0
 *
 * discover.h: who of `discover: {hosts: ...}` answers over HTTP, and what they say they are. Each host is asked for the
 * well-known documents of maker.h, without a login and one after the other, until one tells; who has answered none of
 * them over HTTP is not asked for the next. Loop thread.
 */
#pragma once

#include "http.h"

#define HTTP_DISCOVER_AT_ONCE 32                    /* hosts that are being asked */
#define HTTP_DISCOVER_TIME_US (2 * TT_USEC_PER_SEC) /* for one answer */

/* bridge.h's discover. `http->discovery` is NULL again when it is over. -ENOMEM, or what sd-event says; then nothing has
 * begun. */
int http_discovery_start(struct http *http, tt_id request, uint64_t deadline_us);
/* Ends it with -ECANCELED; nothing when there is none. */
void http_discovery_cancel(struct http *http);
