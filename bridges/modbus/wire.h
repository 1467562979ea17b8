/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h: one serial line or TCP connection, and one request with its answer on it. The rule of this file: an answer
 * is given to the request it belongs to, or to none. Used by one thread, the bus's worker; every wait ends at once when
 * `stop_fd` becomes readable.
 */
#pragma once

#include "frame.h"

struct mb_wire;

#define MB_WHY 160 /* room for a reason */

/* `options` are borrowed. -ENOMEM. */
int mb_wire_create(const struct mb_connection_options *options, int stop_fd, struct mb_wire **ret);
void mb_wire_destroy(struct mb_wire *wire);

/* Connect or open. 0; -ECANCELED: stopped; another negative errno with the reason in `why`. */
int mb_wire_open(struct mb_wire *wire, char why[static MB_WHY]);
void mb_wire_close(struct mb_wire *wire);
/* Close it and take back what the kernel still holds: over TCP a request that was not acknowledged would be sent again
 * when the network comes back, long after it was given up. */
void mb_wire_abort(struct mb_wire *wire);
int mb_wire_fd(const struct mb_wire *wire); /* -1: closed */

/* To be called when the descriptor is readable and no request is under way: throws away what nobody asked for. 0, or a
 * negative errno when the other end has gone. */
int mb_wire_tidy(struct mb_wire *wire);

/* One request, sent once.
 *   0            `words` are the answer (or the write is confirmed)
 *   > 0          the device's exception code
 *   -ETIMEDOUT   no answer; the line has been drained
 *   -EBADMSG     something came that is no answer, or more than one; drained. Over TCP the stream cannot be trusted any
 *                more: close it
 *   -ETIME       its deadline had passed before it could be sent; it was not
 *   -ECANCELED   stopped
 *   other        the line is gone: close it
 * `*is_owing`: on a serial line, an earlier answer of this unit may still come. Kept by the caller per unit; while it is
 * set an answer counts only when no other follows it. */
int mb_wire_exchange(struct mb_wire *wire, const struct mb_request *request, bool *is_owing, uint16_t words[],
                     char why[static MB_WHY]);
