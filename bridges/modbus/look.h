/* SPDX-License-Identifier: Apache-2.0
 *
 * look.h: a scan (scan.h) under way: one request after the other through the queue of the bus, with a pause in between, so
 * that others have at least half of the line. Loop thread.
 */
#pragma once

#include "bus.h"

#include <thingtree/host.h>

struct mb_look;

/* `text` as of mb_scan_begin(). `*slot`, which is NULL, is the scan until it has ended; then the request of the host is
 * completed, never from within. -ENOMEM and the like: nothing has begun. */
int mb_look_begin(struct mb_look **slot, struct mb_bus *bus, tt_id request, struct tt_device *device,
                  struct mb_bus_device *bus_device, const char *text, uint64_t deadline_us);
/* MB_EVENT_ASKED, whosever it is. */
void mb_look_answer(struct mb_look *look, tt_id request, int outcome, const uint16_t words[], size_t n);
/* Ends it, if it is of this device or of any (NULL). `look` may be NULL. */
void mb_look_cancel(struct mb_look *look, const struct tt_device *device, const char *why);
