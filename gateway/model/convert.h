/* SPDX-License-Identifier: Apache-2.0
 *
 * convert.h: raw values to field values and back, and the checks before a write. Pure functions of point and
 * value; point.h defines the order of the steps.
 */
#pragma once

#include <thingtree/point.h>

/* Raw to field value. 0; -ENODATA: the raw value is one of `invalid:`; -EINVAL: it does not fit the point (the
 * reason is written into `why`, `size` bytes; in English, because it is kept for readers of any language). */
int tt_convert_from_raw(const struct tt_point *point, const struct tt_value *raw, struct tt_value *ret, char *why,
                        size_t size);
/* A value as someone sent it to the point's own type: `type` is what the sender called it, TT_TYPE_NONE when
 * they did not say (forms, command line). Then range, step and enumeration. -EINVAL with the reason in `why`, in the
 * sender's language (text.h; NULL: English). TT_WHY_MAX bytes have room for every reason. */
#define TT_WHY_MAX 256
int tt_convert_parameter(const struct tt_point *point, enum tt_type type, const char *text, struct tt_value *ret,
                         const char *language, char *why, size_t size);
/* The checked field value back to the raw value for the bridge. -EINVAL, -ERANGE. */
int tt_convert_to_raw(const struct tt_point *point, const struct tt_value *value, struct tt_value *ret_raw,
                      const char *language, char *why, size_t size);
