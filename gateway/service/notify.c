/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.c: sd_notify.
 */
#include "notify.h"

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

void tt_notify_ready(struct sd_event *event)
{
  sd_notify(0, "READY=1");
  sd_event_set_watchdog(event, 1);
}

void tt_notify_stopping(void)
{
  sd_notify(0, "STOPPING=1");
}
