/* SPDX-License-Identifier: Apache-2.0
 *
 * decode.h: registers to raw values and back. Pure. The registers are never changed: points that were read together
 * share them.
 */
#pragma once

#include "options.h"

/* `words` are as on the wire, most significant byte first; a coil or discrete input is a word of 0 or 1. Gives
 * BOOLEAN, INT64, QUANTITY (NAN and infinities as they are) or STRING, owned by the caller. -EINVAL: `n` is not what
 * the format needs; -ERANGE: an unsigned number beyond 2^63-1; -ENOMEM. */
int mb_decode(const struct mb_format *format, const uint16_t words[], size_t n, struct tt_value *ret);

/* The reverse, of a raw value as the core gives it (a number may come as text, from a map). Writes format->words
 * words. -EINVAL: not a number, not whole; -ERANGE: does not fit; `words` are then undefined. */
int mb_encode(const struct mb_format *format, const struct tt_value *raw, uint16_t words[], size_t size);
/* For function 22: which bits to keep and which to set, of one register of which the format is a slice. As above. */
int mb_encode_mask(const struct mb_format *format, const struct tt_value *raw, uint16_t words[static 2]);

/* A power of ten as registers have it (SunSpec): what is greater than this is none. */
#define MB_POWER_MAX 10
/* An integer times ten to the power: whole, or with as many decimals as that takes. -ERANGE: it is no power. */
int mb_scale(const struct tt_value *raw, int16_t power, struct tt_value *ret);
/* The reverse. -EINVAL: not a number; -ERANGE. Whether the result is whole is for mb_encode() to say. */
int mb_unscale(const struct tt_value *value, int16_t power, struct tt_value *ret);
