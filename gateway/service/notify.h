/* SPDX-License-Identifier: Apache-2.0
 *
 * notify.h: what the service manager is told. Nothing happens when there is none.
 */
#pragma once

struct sd_event;

/* Up and serving; from here on the watchdog is fed by the loop, when the unit asks for one. */
void tt_notify_ready(struct sd_event *event);
/* A reload begins; the other ends it. */
void tt_notify_reloading(void);
void tt_notify_reloaded(void);
void tt_notify_stopping(void);
