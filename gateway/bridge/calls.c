/* SPDX-License-Identifier: Apache-2.0
 * calls.c: the functions of host.h, handed to whoever hosts the bridge. */
#include "calls.h"

#include <stdio.h>

static const struct tt_calls *calls_of(struct tt_bridge *bridge)
{
  return *(const struct tt_calls **)bridge;
}

struct tt_bridge *tt_device_bridge(struct tt_device *device)
{
  return *(struct tt_bridge **)device;
}

static const struct tt_calls *device_calls(struct tt_device *device)
{
  return calls_of(tt_device_bridge(device));
}

/* The sentence after the last named argument, or "". */
#define PRINT(text_, format_)                                                                                      \
  char text_[TT_HOST_TEXT_MAX] = "";                                                                               \
  if (format_) {                                                                                                   \
    va_list ap_;                                                                                                   \
    va_start(ap_, format_);                                                                                        \
    vsnprintf(text_, sizeof(text_), format_, ap_);                                                                 \
    va_end(ap_);                                                                                                   \
  }

/* ---- What a bridge may ask about itself ------------------------------------------------------------------- */
struct sd_event *tt_bridge_event(struct tt_bridge *bridge)
{
  return calls_of(bridge)->event(bridge);
}

const char *tt_bridge_name(struct tt_bridge *bridge)
{
  return calls_of(bridge)->name(bridge);
}

const void *tt_bridge_options(struct tt_bridge *bridge)
{
  return calls_of(bridge)->options(bridge);
}

void *tt_bridge_state(struct tt_bridge *bridge)
{
  return calls_of(bridge)->state(bridge);
}

struct tt_now tt_bridge_now(struct tt_bridge *bridge)
{
  return calls_of(bridge)->now(bridge);
}

const struct tt_device_config *tt_device_config(struct tt_device *device)
{
  return device_calls(device)->device_config(device);
}

void *tt_device_state(struct tt_device *device)
{
  return device_calls(device)->device_state(device);
}

int tt_post(struct tt_bridge *bridge, enum tt_lane lane, const void *key, size_t key_size, tt_post_fn fn,
            const void *data, size_t size)
{
  return tt_mailbox_post(calls_of(bridge)->mailbox(bridge), lane, key, key_size, fn, data, size);
}

/* ---- What a bridge tells ------------------------------------------------------------------------------------ */
void tt_bridge_log(struct tt_bridge *bridge, enum tt_log_level level, const char *format, ...)
{
  PRINT(text, format)
  calls_of(bridge)->log(bridge, level, text);
}

void tt_connection_state(struct tt_bridge *bridge, enum tt_link_state state, const char *format, ...)
{
  PRINT(text, format)
  calls_of(bridge)->connection_state(bridge, state, text);
}

void tt_device_link(struct tt_device *device, enum tt_link_state state, const char *format, ...)
{
  PRINT(text, format)
  device_calls(device)->device_link(device, state, text);
}

void tt_fail(struct tt_device *device, const char *format, ...)
{
  PRINT(text, format)
  device_calls(device)->fail(device, text);
}

void tt_report(struct tt_device *device, uint16_t point, const struct tt_value *raw, uint64_t stamp_us,
               unsigned flags)
{
  device_calls(device)->report(device, point, raw, stamp_us, flags);
}

void tt_report_missing(struct tt_device *device, uint16_t point)
{
  device_calls(device)->report_missing(device, point);
}

void tt_report_error(struct tt_device *device, uint16_t point, const char *format, ...)
{
  PRINT(text, format)
  device_calls(device)->report_error(device, point, text);
}

void tt_done(struct tt_bridge *bridge, tt_id request, int error, const char *format, ...)
{
  PRINT(text, format)
  calls_of(bridge)->done(bridge, request, error > 0 ? -error : error, text);
}

/* ---- What a bridge finds out ---------------------------------------------------------------------------------- */
void tt_candidate(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate)
{
  calls_of(bridge)->candidate(bridge, request, candidate);
}

int tt_describe(struct tt_device *device, const char *json, size_t size)
{
  return size > TT_DESCRIPTION_MAX ? -EMSGSIZE : device_calls(device)->describe(device, json, size);
}

bool tt_is_probing(struct tt_device *device)
{
  return device_calls(device)->is_probing(device);
}

void tt_probe(struct tt_device *device, uint16_t point, const char *format, ...)
{
  if (!tt_is_probing(device))
    return;
  PRINT(text, format)
  device_calls(device)->probe(device, point, text);
}

/* ---- Ends ------------------------------------------------------------------------------------------------------- */
void tt_stopped(struct tt_bridge *bridge)
{
  calls_of(bridge)->stopped(bridge);
}

void tt_detached(struct tt_device *device)
{
  device_calls(device)->detached(device);
}
