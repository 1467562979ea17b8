/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.h: values and times out of the body of an answer, in each of the formats. Pure; every byte may be hostile.
 */
#pragma once

#include "common/pick_xml.h"
#include "options.h"

/* A body; parsed once, when first needed, for all points that look into it. */
struct http_body {
  const char *data;
  size_t size;
  struct json_object *json;
  struct tt_pick_xml *xml;
  bool is_json, is_xml; /* has been tried */
  int json_error, xml_error;
  char json_why[TT_PICK_WHY_SIZE], xml_why[TT_PICK_WHY_SIZE];
};
void http_body_finish(struct http_body *body);

/* The raw value of a point. -ENODATA: the answer does not have it; -EINVAL with the reason in `why`. */
int http_answer_value(struct http_body *body, const struct tt_point *point, struct tt_value *ret,
                      char why[static TT_PICK_WHY_SIZE]);
/* When the value was measured; 0: the answer does not say, or nothing that is a time. */
uint64_t http_answer_stamp(struct http_body *body, const struct tt_point *point);
/* The value at the point's `push:` in JSON. As above. */
int http_push_value(struct http_body *body, const struct tt_point *point, struct tt_value *ret,
                    char why[static TT_PICK_WHY_SIZE]);
/* When the JSON of a push says that it was sent. -EINVAL: it does not, or not so. */
int http_push_time(const char *data, size_t size, const struct http_stamp_place *place, uint64_t *ret_wall_us);
/* Does the answer of a device to the command `value` say what it must? False with the reason in `why`. */
bool http_answer_is_expected(struct http_body *body, const struct http_expect *expect, const struct tt_value *value,
                             char why[static TT_PICK_WHY_SIZE]);
