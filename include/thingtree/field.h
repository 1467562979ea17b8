/* SPDX-License-Identifier: Apache-2.0
 *
 * field.h: categories and quality of service of a field, and the field itself: a named value with two times.
 * Sources: XEP-0323 section 4 (field types, quality of service); P1451.99 sensor data.
 */
#pragma once

#include <thingtree/value.h>

enum tt_category {
  TT_CATEGORY_MOMENTARY = 1 << 0,
  TT_CATEGORY_PEAK = 1 << 1,
  TT_CATEGORY_STATUS = 1 << 2,
  TT_CATEGORY_COMPUTED = 1 << 3,
  TT_CATEGORY_IDENTITY = 1 << 4,
  TT_CATEGORY_HISTORICAL = 1 << 5,
};
#define TT_CATEGORY_ALL 0x3fu
/* What a request without any category means: everything but history. */
#define TT_CATEGORY_DEFAULT (TT_CATEGORY_ALL & ~(unsigned)TT_CATEGORY_HISTORICAL)

enum tt_qos {
  TT_QOS_MISSING = 1 << 0,
  TT_QOS_IN_PROGRESS = 1 << 1,
  TT_QOS_AUTOMATIC_ESTIMATE = 1 << 2,
  TT_QOS_MANUAL_ESTIMATE = 1 << 3,
  TT_QOS_MANUAL_READOUT = 1 << 4,
  TT_QOS_AUTOMATIC_READOUT = 1 << 5,
  TT_QOS_TIME_OFFSET = 1 << 6,
  TT_QOS_WARNING = 1 << 7,
  TT_QOS_ERROR = 1 << 8,
  TT_QOS_SIGNED = 1 << 9,
  TT_QOS_INVOICED = 1 << 10,
  TT_QOS_END_OF_SERIES = 1 << 11,
  TT_QOS_POWER_FAILURE = 1 << 12,
  TT_QOS_INVOICE_CONFIRMED = 1 << 13,
};

struct tt_field {
  const char *name; /* of the point; lives as long as the node */
  const char *unit; /* as printed ("°C"), "" when none; likewise */
  struct tt_value value;
  uint64_t stamp_us;   /* wall: the device's own time, else the time of arrival */
  uint64_t seen_us;    /* monotonic: arrival; 0 = never, the value is then TT_TYPE_NONE */
  unsigned categories; /* enum tt_category */
  unsigned qos;        /* enum tt_qos */
  bool is_writable;    /* there is a control parameter of the same name */
  bool is_retained;    /* known only from a store, not from the device itself: never fresh */
};
