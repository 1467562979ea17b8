/* SPDX-License-Identifier: Apache-2.0
 *
 * pick.h: raw values out of what a device sent: plain text, or a place in a JSON text given by a JSON pointer
 * (RFC 6901). Pure functions of bytes; every byte may be hostile.
 */
#pragma once

#include <json-c/json_types.h>
#include <thingtree/option.h>
#include <thingtree/point.h>

#define TT_PICK_SIZE_MAX    (64u * 1024) /* bytes of one payload */
#define TT_PICK_DEPTH_MAX   32           /* nesting in JSON */
#define TT_PICK_POINTER_MAX 512          /* bytes of a JSON pointer */
#define TT_PICK_WHY_SIZE    160          /* a buffer for a reason */

/* What to make of a list or an object where a single value is wanted. */
enum tt_pick_fold {
  TT_PICK_FOLD_NONE, /* it is an error */
  TT_PICK_FOLD_SUM,
  TT_PICK_FOLD_MEAN,
  TT_PICK_FOLD_MIN,
  TT_PICK_FOLD_MAX,
};

/* `shape:` of a point. */
struct tt_pick_shape {
  int list, object; /* enum tt_pick_fold */
};
extern const struct tt_option tt_pick_shape_options[];

/* Why the text is not a JSON pointer, or NULL: it is one. The empty text is one: the whole payload. */
const char *tt_pick_pointer_problem(const char *pointer);

/* Parse the whole of `data`: one JSON value in strict UTF-8, nothing behind it. -EINVAL with the reason in `why`
 * (TT_PICK_WHY_SIZE bytes). The caller releases with json_object_put(). The second takes more than TT_PICK_SIZE_MAX: what
 * devices tell of themselves. */
int tt_pick_json_parse(const char *data, size_t n, struct json_object **ret_json, char *why);
int tt_pick_json_parse_max(const char *data, size_t n, size_t max, struct json_object **ret_json, char *why);
/* A member, borrowed; NULL: there is none, or it is no object. Its text: NULL also when it is no text. */
struct json_object *tt_pick_json_member(struct json_object *json, const char *key);
const char *tt_pick_json_text(struct json_object *json, const char *key);
/* Lengthen a pointer by a key, whatever characters that has. false: there is no room, and nothing changes. */
bool tt_pick_pointer_append(char *pointer, size_t size, const char *key);
/* The value at `pointer`, borrowed from `json`; `*ret` is NULL for null. -ENOENT: there is no such place. */
int tt_pick_json_at(struct json_object *json, const char *pointer, struct json_object **ret);

/* How the text of a device becomes a raw value: a number or boolean when the point wants one and its map and bits
 * do not want the text itself. */
bool tt_pick_wants_number(const struct tt_point *point);

/* One JSON value as a raw value: true and false BOOLEAN, integers INT64, other numbers QUANTITY with the decimals
 * they were written with, text STRING (or its number when that is wanted). -ENODATA: null. -EINVAL with the
 * reason in `why`. */
int tt_pick_json_value(struct json_object *json, bool wants_number, const struct tt_pick_shape *shape,
                       struct tt_value *ret, char *why);
/* Plain text, without line ends at its end. -EINVAL: not UTF-8. */
int tt_pick_text_value(const char *text, size_t n, bool wants_number, struct tt_value *ret, char *why);
