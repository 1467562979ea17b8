/* SPDX-License-Identifier: Apache-2.0
 *
 * calls.h: who serves a bridge. The functions of <thingtree/host.h> are written once (calls.c) and served by two hosts:
 * the daemon's (host.c), and that of one bridge in a process of its own (child.c). For them a struct tt_bridge begins with
 * the table of its host, and a struct tt_device with its bridge; the rest of both is the host's own.
 *
 * Texts are ready: printed, cut at TT_HOST_TEXT_MAX. Loop thread.
 */
#pragma once

#include "inbox.h"

#include <thingtree/bridge.h>

#define TT_HOST_TEXT_MAX 512 /* bytes of one sentence of a bridge */

struct tt_calls {
  struct sd_event *(*event)(struct tt_bridge *bridge);
  const char *(*name)(struct tt_bridge *bridge);
  const void *(*options)(struct tt_bridge *bridge);
  void *(*state)(struct tt_bridge *bridge);
  struct tt_now (*now)(struct tt_bridge *bridge);
  struct tt_mailbox *(*mailbox)(struct tt_bridge *bridge); /* any thread */
  const struct tt_device_config *(*device_config)(struct tt_device *device);
  void *(*device_state)(struct tt_device *device);

  void (*connection_state)(struct tt_bridge *bridge, enum tt_link_state state, const char *text); /* "": none */
  void (*device_link)(struct tt_device *device, enum tt_link_state state, const char *text);
  void (*fail)(struct tt_device *device, const char *text);
  void (*report)(struct tt_device *device, uint16_t point, const struct tt_value *raw, uint64_t stamp_us,
                 unsigned flags);
  void (*report_missing)(struct tt_device *device, uint16_t point);
  void (*report_error)(struct tt_device *device, uint16_t point, const char *text);
  void (*done)(struct tt_bridge *bridge, tt_id request, int error, const char *text); /* error <= 0 */
  void (*candidate)(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate);
  int (*describe)(struct tt_device *device, const char *json, size_t size); /* not too large */
  bool (*is_probing)(struct tt_device *device);
  void (*probe)(struct tt_device *device, uint16_t point, const char *text);
  void (*stopped)(struct tt_bridge *bridge);
  void (*detached)(struct tt_device *device);
  void (*log)(struct tt_bridge *bridge, enum tt_log_level level, const char *text);
};
