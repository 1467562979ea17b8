/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.h: tells when interfaces or their addresses may have changed (rtnetlink). Loop thread.
 */
#pragma once

#include <systemd/sd-event.h>

typedef void (*up_watch_fn)(void *user);

/* The source holds the socket; sd_event_source_disable_unref() ends it. Negative errno: nobody will tell. */
int up_watch_create(sd_event *event, up_watch_fn fn, void *user, sd_event_source **ret_source);
