/* SPDX-License-Identifier: Apache-2.0
 *
 * look.c: a scan under way.
 */
#include "look.h"

#include "scan.h"

#include <systemd/sd-event.h>
#include <thingtree/bridge.h>

/* The pause is as long as the request took. */
#define PAUSE_LEAST_US (5 * TT_USEC_PER_MSEC)
#define PAUSE_MOST_US  (250 * TT_USEC_PER_MSEC)
#define PROGRESS_US    (1 * TT_USEC_PER_SEC)

struct mb_look {
  struct mb_look **slot;
  struct mb_bus *bus;
  struct tt_device *device;
  struct mb_bus_device *bus_device;
  tt_id request;
  uint64_t deadline_us, asked_us, told_us;
  bool is_asking;
  struct mb_scan scan;
  sd_event_source *timer;
};

static uint64_t now_us(const struct mb_look *look)
{
  return tt_bridge_now(tt_device_bridge(look->device)).mono_us;
}

static void look_end(struct mb_look *look, int error, const char *text)
{
  struct tt_bridge *bridge = tt_device_bridge(look->device);
  tt_id request = look->request;
  *look->slot = NULL;
  sd_event_source_disable_unref(look->timer);
  mb_scan_finish(&look->scan);
  free(look);
  tt_done(bridge, request, error, "%s", text);
}

static void tell(struct mb_look *look)
{
  char line[MB_SCAN_LINE];
  while (mb_scan_line(&look->scan, line))
    tt_probe(look->device, TT_NO_POINT, "%s", line);
  if (now_us(look) - look->told_us < PROGRESS_US)
    return;
  look->told_us = now_us(look);
  mb_scan_progress(&look->scan, line);
  tt_probe(look->device, TT_PROBE_PROGRESS, "%s", line);
}

static void step(struct mb_look *look)
{
  struct mb_request request;
  if (now_us(look) >= look->deadline_us) {
    look_end(look, -ETIMEDOUT, "the time for the scan is over");
    return;
  }
  bool is_more = mb_scan_next(&look->scan, &request);
  tell(look);
  if (!is_more) {
    TT_AUTOFREE char *text = strdup(look->scan.text);
    look_end(look, look->scan.error, text ? text : "");
    return;
  }
  look->asked_us = now_us(look);
  look->is_asking = true;
  if (mb_bus_ask(look->bus, look->request, look->bus_device, &request, look->deadline_us) < 0)
    look_end(look, -ENOMEM, "out of memory");
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t us TT_UNUSED, void *user)
{
  step(user);
  return 0;
}

static int arm(struct mb_look *look, uint64_t at_us)
{
  int r = sd_event_source_set_time(look->timer, at_us);
  return r < 0 ? r : sd_event_source_set_enabled(look->timer, SD_EVENT_ONESHOT);
}

int mb_look_begin(struct mb_look **slot, struct mb_bus *bus, tt_id request, struct tt_device *device,
                  struct mb_bus_device *bus_device, const char *text, uint64_t deadline_us)
{
  struct mb_look *look = calloc(1, sizeof *look);
  if (!look)
    return -ENOMEM;
  *look = (struct mb_look){.slot = slot,
                           .bus = bus,
                           .device = device,
                           .bus_device = bus_device,
                           .request = request,
                           .deadline_us = deadline_us};
  look->told_us = now_us(look);
  int r = sd_event_add_time(tt_bridge_event(tt_device_bridge(device)), &look->timer, CLOCK_MONOTONIC, 0, 1,
                            on_timer, look);
  if (r < 0) {
    free(look);
    return r;
  }
  (void)mb_scan_begin(&look->scan, text,
                      tt_device_config(device)->options); /* it says so when it is asked what to ask */
  sd_event_source_set_enabled(look->timer, SD_EVENT_ONESHOT);
  *slot = look;
  return 0;
}

void mb_look_answer(struct mb_look *look, tt_id request, int outcome, const uint16_t words[], size_t n)
{
  if (!look || request != look->request || !look->is_asking || (outcome == 0 && n < look->scan.asked.n))
    return;
  look->is_asking = false;
  mb_scan_answer(&look->scan, outcome, words);
  uint64_t now = now_us(look), pause = now - look->asked_us;
  pause = pause < PAUSE_LEAST_US ? PAUSE_LEAST_US : pause > PAUSE_MOST_US ? PAUSE_MOST_US : pause;
  if (arm(look, now + pause) < 0)
    look_end(look, -ENOMEM, "out of memory");
}

void mb_look_cancel(struct mb_look *look, const struct tt_device *device, const char *why)
{
  if (look && (!device || device == look->device))
    look_end(look, -ECANCELED, why);
}
