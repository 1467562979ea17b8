/* SPDX-License-Identifier: Apache-2.0
 *
 * pick_cbor.h: CBOR (RFC 8949) as the JSON tree that it means, and back. One tree means one language: the pointers,
 * shapes and numbers of pick.h and the templates of compose.h hold for CBOR as they are. Pure functions of bytes; every
 * byte may be hostile.
 *
 * Of CBOR to JSON: a key that is a number is its decimal text ("-2"), a byte string is base64url text (RFC 8949 6.1),
 * undefined is null, a tag is what stands behind it, a number is written with no more digits than its precision has.
 */
#pragma once

#include <json-c/json_types.h>
#include <thingtree/util.h>

#define TT_PICK_CBOR_ITEMS_MAX 8192 /* data items of one payload: each becomes an object of ours */

/* Parse the whole of `data`: one data item, nothing behind it. Sizes and depth as in pick.h. -EINVAL with the reason in
 * `why` (TT_PICK_WHY_SIZE bytes); -ENOMEM. The caller releases with json_object_put(); NULL is null. */
int tt_pick_cbor_parse(const void *data, size_t n, struct json_object **ret_json, char *why);

/* The JSON tree as CBOR: integers in their shortest form, other numbers in the smallest float that is the same number.
 * -EINVAL: deeper than pick.h allows; -ENOMEM; -EMSGSIZE. */
int tt_pick_cbor_write(struct json_object *json, struct tt_buf *out);
