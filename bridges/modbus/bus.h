/* SPDX-License-Identifier: Apache-2.0
 *
 * bus.h: the worker of one serial line or TCP connection: a thread that takes requests from a queue, writes ahead of
 * reads, joins and splits reads, keeps dead units from starving the others, and connects again for ever. It knows
 * nothing of the host; what happens is told by `emit`.
 */
#pragma once

#include "decode.h"
#include "frame.h"
#include "plan.h"

struct mb_bus;
struct mb_found; /* survey.h */

/* A device as the bus sees it. Made by mb_bus_device_create(), then the worker's alone until MB_EVENT_DETACHED. */
struct mb_bus_device;

enum mb_event_kind {
  MB_EVENT_LINK,      /* the connection: error 0 is up, else down with text */
  MB_EVENT_VALUE,     /* of device, point: value */
  MB_EVENT_ERROR,     /* of device, point: text */
  MB_EVENT_SILENT,    /* device does not answer: text */
  MB_EVENT_PROBE,     /* of device, point: a line for people (text) */
  MB_EVENT_DESCRIBED, /* device: error, or a description (host.h) as text */
  MB_EVENT_FOUND,     /* request: error, found: a unit of a scan */
  MB_EVENT_ASKED,     /* request, device: error as of mb_wire_exchange(); the words, or text */
  MB_EVENT_DONE,      /* request, device: error, text */
  MB_EVENT_DETACHED,  /* device: nothing will name it any more */
  MB_EVENT_STOPPED,   /* last of all; the thread ends behind it: call mb_bus_destroy() */
};

struct mb_event {
  enum mb_event_kind kind;
  void *device; /* user of the device */
  tt_id request;
  uint16_t point;
  int error;
  const struct tt_value *value;
  const char *text; /* NULL: none */
  const struct mb_found *found;
  const uint16_t *words;
  size_t n_words;
};

/* On the worker's thread. Everything in the event is valid during the call. */
typedef void (*mb_emit_fn)(void *user, const struct mb_event *event);

/* `options` are borrowed until mb_bus_destroy(). A negative errno: no thread was made. */
int mb_bus_create(const struct mb_connection_options *options, mb_emit_fn emit, void *user, struct mb_bus **ret);
/* Ask the thread to end. Returns at once; MB_EVENT_STOPPED follows, what is queued is forgotten. */
void mb_bus_stop(struct mb_bus *bus);
/* After MB_EVENT_STOPPED, from another thread: joins and frees. NULL is fine. */
void mb_bus_destroy(struct mb_bus *bus);

/* `config` is borrowed until destroyed. -ENOMEM. */
int mb_bus_device_create(const struct tt_device_config *config, void *user, struct mb_bus_device **ret);
void mb_bus_device_destroy(struct mb_bus_device *device);

/* Queue a request; its outcome is told by MB_EVENT_DONE, once. -ENOMEM: it was not queued. The deadline is monotonic;
 * a request that has not begun by then is not begun. */
int mb_bus_read(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, const uint16_t points[], size_t n,
                uint64_t deadline_us);
int mb_bus_write(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, uint16_t point,
                 const struct tt_value *value, uint64_t deadline_us);
/* Have the device describe itself: MB_EVENT_DESCRIBED. -ENOMEM. */
int mb_bus_walk(struct mb_bus *bus, struct mb_bus_device *device, uint64_t deadline_us);
/* Look whether a unit is there, and what it says of itself: MB_EVENT_FOUND. -ENOMEM. */
int mb_bus_scan(struct mb_bus *bus, tt_id request, uint8_t unit, uint64_t deadline_us);
/* One request that reads, as it is: MB_EVENT_ASKED. -ENOMEM. */
int mb_bus_ask(struct mb_bus *bus, tt_id request, struct mb_bus_device *device, const struct mb_request *what,
               uint64_t deadline_us);
/* Reads of the device tell what was on the wire. Before the first of them. */
void mb_bus_device_probe(struct mb_bus_device *device);
/* Forget what is queued for the device; MB_EVENT_DETACHED when the worker has let go of it. Once per device. */
void mb_bus_detach(struct mb_bus *bus, struct mb_bus_device *device);
