/* SPDX-License-Identifier: Apache-2.0
 *
 * stamp.h: times that devices write: of a measurement, of a date in a header, of how long to stay away. Pure.
 */
#pragma once

#include "options.h"

#define HTTP_RETRY_AFTER_MAX_US (24 * UINT64_C(3600) * TT_USEC_PER_SEC) /* longer ones are cut */

/* A raw value as wall time. -EINVAL: it is none of that unit, or before 1970, or after 2200. */
int http_stamp_parse(const struct tt_value *raw, enum http_stamp_unit unit, uint64_t *ret_wall_us);

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate of RFC 9110). -EINVAL */
int http_date_parse(const char *text, uint64_t *ret_wall_us);

/* Retry-After: seconds, or a date. How long from `now` on; at most HTTP_RETRY_AFTER_MAX_US. -EINVAL */
int http_retry_after_parse(const char *text, uint64_t now_wall_us, uint64_t *ret_us);
