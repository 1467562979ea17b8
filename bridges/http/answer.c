/* SPDX-License-Identifier: Apache-2.0
 * Values out of answers. */
#include "answer.h"
#include "stamp.h"

#include "common/compose.h"

#include <json-c/json.h>
#include <stdio.h>

void http_body_finish(struct http_body *body)
{
  json_object_put(body->json);
  tt_pick_xml_free(body->xml);
  *body = (struct http_body){0};
}

static int json_of(struct http_body *body, char *why)
{
  if (!body->is_json) {
    body->is_json = true;
    body->json_error = tt_pick_json_parse(body->data, body->size, &body->json, body->json_why);
  }
  if (body->json_error < 0)
    snprintf(why, TT_PICK_WHY_SIZE, "%s", body->json_why);
  return body->json_error;
}

static int xml_of(struct http_body *body, char *why)
{
  if (!body->is_xml) {
    body->is_xml = true;
    body->xml_error = tt_pick_xml_parse(body->data, body->size, &body->xml, body->xml_why);
  }
  if (body->xml_error < 0)
    snprintf(why, TT_PICK_WHY_SIZE, "%s", body->xml_why);
  return body->xml_error;
}

static int json_value(struct http_body *body, const char *at, bool wants_number, const struct tt_pick_shape *shape,
                      struct tt_value *ret, char *why)
{
  struct json_object *json;
  int r = json_of(body, why);
  if (r < 0)
    return r;
  if (tt_pick_json_at(body->json, at ? at : "", &json) < 0)
    return -ENODATA;
  return tt_pick_json_value(json, wants_number, shape, ret, why);
}

static int value_at(struct http_body *body, const struct http_read_address *address, const char *at,
                    bool wants_number, struct tt_value *ret, char *why)
{
  int r;
  switch ((enum http_format)address->format) {
  case HTTP_JSON:
    return json_value(body, at, wants_number, &address->shape, ret, why);
  case HTTP_XML:
    r = xml_of(body, why);
    return r < 0 ? r : tt_pick_xml_value(body->xml, at, address->namespaces, wants_number, ret, why);
  case HTTP_CSV:
    return tt_pick_csv_value(body->data, body->size, &address->csv, at, wants_number, ret, why);
  case HTTP_TEXT:
    break;
  }
  if (body->size > TT_PICK_SIZE_MAX) {
    snprintf(why, TT_PICK_WHY_SIZE, "text of %zu bytes", body->size);
    return -EINVAL;
  }
  return body->size ? tt_pick_text_value(body->data, body->size, wants_number, ret, why) : -ENODATA;
}

int http_answer_value(struct http_body *body, const struct tt_point *point, struct tt_value *ret,
                      char why[static TT_PICK_WHY_SIZE])
{
  const struct http_read_address *address = point->address;
  return value_at(body, address, address->at, tt_pick_wants_number(point), ret, why);
}

uint64_t http_answer_stamp(struct http_body *body, const struct tt_point *point)
{
  const struct http_read_address *address = point->address;
  char why[TT_PICK_WHY_SIZE];
  TT_AUTOVALUE struct tt_value value = {0};
  uint64_t us = 0;
  if (!address->time.at ||
      value_at(body, address, address->time.at, address->time.unit != HTTP_STAMP_ISO, &value, why) < 0)
    return 0;
  return http_stamp_parse(&value, (enum http_stamp_unit)address->time.unit, &us) < 0 ? 0 : us;
}

int http_push_value(struct http_body *body, const struct tt_point *point, struct tt_value *ret,
                    char why[static TT_PICK_WHY_SIZE])
{
  const struct http_read_address *address = point->address;
  return json_value(body, address->push.at, tt_pick_wants_number(point), &address->shape, ret, why);
}

int http_push_time(const char *data, size_t size, const struct http_stamp_place *place, uint64_t *ret_wall_us)
{
  static const struct tt_pick_shape flat = {0};
  struct http_body body = {.data = data, .size = size};
  char why[TT_PICK_WHY_SIZE];
  TT_AUTOVALUE struct tt_value value = {0};
  int r = json_value(&body, place->at, place->unit != HTTP_STAMP_ISO, &flat, &value, why);
  if (r >= 0)
    r = http_stamp_parse(&value, (enum http_stamp_unit)place->unit, ret_wall_us);
  http_body_finish(&body);
  return r < 0 ? -EINVAL : 0;
}

bool http_answer_is_expected(struct http_body *body, const struct http_expect *expect, const struct tt_value *value,
                             char why[static TT_PICK_WHY_SIZE])
{
  static const struct tt_pick_shape flat = {0};
  TT_AUTOVALUE struct tt_value said = {0};
  TT_AUTOBUF struct tt_buf wanted = TT_BUF(TT_TEXT_MAX), text = TT_BUF(TT_TEXT_MAX);
  if (!expect->at)
    return true;
  int r = json_value(body, expect->at, false, &flat, &said, why);
  if (r == -ENODATA)
    snprintf(why, TT_PICK_WHY_SIZE, "the answer has nothing at %.100s", expect->at);
  if (r < 0)
    return false;
  tt_value_print(&said, &text);
  tt_compose_text(expect->is, value, &wanted);
  const char *a = text.data ? text.data : "", *b = wanted.data ? wanted.data : "";
  if (!text.failed && !wanted.failed && !strcmp(a, b))
    return true;
  snprintf(why, TT_PICK_WHY_SIZE, "the answer says \"%.40s\" at %.60s", a, expect->at);
  return false;
}
