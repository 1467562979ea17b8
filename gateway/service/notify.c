/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.c: sd_notify.
 */
#include "notify.h"

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <thingtree/util.h>
#include <time.h>

void tt_notify_ready(struct sd_event *event)
{
  sd_notify(0, "READY=1");
  sd_event_set_watchdog(event, 1);
}

void tt_notify_reloading(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * TT_USEC_PER_SEC + (unsigned long long)now.tv_nsec / 1000);
}

void tt_notify_reloaded(void)
{
  sd_notify(0, "READY=1");
}

void tt_notify_stopping(void)
{
  sd_notify(0, "STOPPING=1");
}
