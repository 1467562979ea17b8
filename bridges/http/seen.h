/* SPDX-License-Identifier: Apache-2.0
 *
 * seen.h: signed pushes that were taken already, so that none is taken twice. Each is remembered for as long as its time
 * would let it in. Of one device; a gateway that starts again has seen none. Pure: time is handed in.
 */
#pragma once

#include "sender.h"

#define HTTP_SEEN_MAX 4096 /* per device, 40 bytes each; then nothing more is taken until the oldest are too old */

struct http_seen {
  struct http_seen_row *rows;
  size_t n, capacity;
};

/* May it be taken? Remembers it if so. -ESTALE: it is older, or further in the future, than the tolerance.
 * -EALREADY: it was taken before. -ENOSPC: too many were. -ENOMEM. */
int http_seen_take(struct http_seen *seen, const struct http_proof *proof, uint64_t now_wall_us,
                   uint64_t tolerance_us);
void http_seen_finish(struct http_seen *seen);
