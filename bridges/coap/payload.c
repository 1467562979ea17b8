/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing of payloads. */
#include "payload.h"

#include "common/compose.h"
#include "common/pick_cbor.h"
#include "link_format.h"

#include <json-c/json.h>
#include <stdio.h>

static const struct {
  enum cb_format format;
  int content;
} contents[] = {{CB_FORMAT_TEXT, 0},         {CB_FORMAT_JSON, 50},        {CB_FORMAT_CBOR, 60},
                {CB_FORMAT_SENML_JSON, 110}, {CB_FORMAT_SENML_CBOR, 112}, {CB_FORMAT_LINK, CB_CONTENT_LINK}};

int cb_content_of(enum cb_format format)
{
  for (size_t i = 0; i < TT_COUNT(contents); i++)
    if (contents[i].format == format)
      return contents[i].content;
  return CB_CONTENT_NONE;
}

/* AUTO: nobody can say. */
static enum cb_format format_of(const struct cb_payload *payload, const struct cb_read_address *address)
{
  if (address->format != CB_FORMAT_AUTO)
    return (enum cb_format)address->format;
  for (size_t i = 0; i < TT_COUNT(contents); i++)
    if (contents[i].content == payload->content)
      return contents[i].format;
  if (payload->content != CB_CONTENT_NONE)
    return CB_FORMAT_AUTO;
  return address->record ? CB_FORMAT_SENML_JSON : address->at ? CB_FORMAT_JSON : CB_FORMAT_TEXT;
}

void cb_payload_finish(struct cb_payload *payload)
{
  tt_senml_finish(&payload->senml);
  json_object_put(payload->json);
  *payload = (struct cb_payload){0};
}

/* Links as a tree that `at` can look into: of each target what stands behind it, and that it is there. */
static int parse_links(const char *text, size_t n, struct json_object **ret, char why[static TT_PICK_WHY_SIZE])
{
  struct json_object *links = json_object_new_object();
  struct cb_link link;
  int r = links ? 1 : -ENOMEM;
  for (size_t i = 0; r > 0 && i < CB_LINKS_MAX && (r = cb_link_next(&text, &n, &link)) > 0; i++) {
    char *target TT_AUTOFREE = tt_text_clean(link.target, link.target_size, TT_PICK_POINTER_MAX);
    struct json_object *one = target ? json_object_new_object() : NULL;
    const struct {
      const char *name, *text;
    } texts[] = {{"rt", link.rt}, {"if", link.if_}, {"ct", link.ct}, {"title", link.title}};
    if (!one || json_object_object_get_ex(links, target, NULL)) { /* of a target that comes twice the first holds */
      json_object_put(one);
      continue;
    }
    json_object_object_add(links, target, one);
    json_object_object_add(one, CB_LINK_THERE, json_object_new_boolean(true));
    json_object_object_add(one, "obs", json_object_new_boolean(link.is_observable));
    for (size_t k = 0; k < TT_COUNT(texts); k++)
      if (*texts[k].text)
        json_object_object_add(one, texts[k].name, json_object_new_string(texts[k].text));
  }
  if (r < 0) {
    snprintf(why, TT_PICK_WHY_SIZE, r == -ENOMEM ? "out of memory" : "it is no link format");
    json_object_put(links);
    return r;
  }
  *ret = links;
  return 0;
}

static int parse(struct cb_payload *payload, enum cb_format format)
{
  bool is_cbor = format == CB_FORMAT_CBOR || format == CB_FORMAT_SENML_CBOR;
  if (payload->parsed_as == format)
    return payload->error;
  tt_senml_finish(&payload->senml);
  json_object_put(TT_STEAL(payload->json));
  payload->parsed_as = format;
  payload->error = format == CB_FORMAT_LINK
                       ? parse_links(payload->data, payload->size, &payload->json, payload->why)
                   : is_cbor ? tt_pick_cbor_parse(payload->data, payload->size, &payload->json, payload->why)
                             : tt_pick_json_parse(payload->data, payload->size, &payload->json, payload->why);
  if (payload->error == 0 && (format == CB_FORMAT_SENML_JSON || format == CB_FORMAT_SENML_CBOR))
    payload->error = tt_senml_parse(payload->json, is_cbor, payload->wall_us, &payload->senml, payload->why);
  return payload->error;
}

static int tree_value(struct cb_payload *payload, const struct tt_point *point, struct tt_value *ret, char *why)
{
  const struct cb_read_address *address = point->address;
  struct json_object *json;
  const char *at = address->at ? address->at : "";
  if (tt_pick_json_at(payload->json, at, &json) < 0) {
    size_t n = strlen(at), tail = strlen("/" CB_LINK_THERE);
    if (payload->parsed_as != CB_FORMAT_LINK || n < tail || strcmp(at + n - tail, "/" CB_LINK_THERE) != 0)
      return -ENODATA;
    *ret = TT_VALUE_BOOLEAN(false); /* whether it is there has always an answer */
    return 0;
  }
  return tt_pick_json_value(json, tt_pick_wants_number(point), &address->shape, ret, why);
}

int cb_payload_value(struct cb_payload *payload, const struct tt_point *point, struct tt_value *ret,
                     uint64_t *ret_stamp_us, char why[static TT_PICK_WHY_SIZE])
{
  const struct cb_read_address *address = point->address;
  enum cb_format format = format_of(payload, address);
  if (format == CB_FORMAT_AUTO) {
    snprintf(why, TT_PICK_WHY_SIZE, "content format %d is none that can be read; say one with format",
             payload->content);
    return -EINVAL;
  }
  if (payload->size == 0)
    return -ENODATA;
  if (format == CB_FORMAT_TEXT) {
    *ret_stamp_us = 0;
    return tt_pick_text_value(payload->data, payload->size, tt_pick_wants_number(point), ret, why);
  }
  int r = parse(payload, format);
  if (r < 0) {
    snprintf(why, TT_PICK_WHY_SIZE, "%s", payload->why);
    return r;
  }
  bool is_senml = format == CB_FORMAT_SENML_JSON || format == CB_FORMAT_SENML_CBOR;
  if (!is_senml || address->at) {
    r = tree_value(payload, point, ret, why);
    if (r == 0)
      *ret_stamp_us = 0;
    return r;
  }
  const struct tt_senml_record *record = tt_senml_find(&payload->senml, address->record);
  if (!record && !address->record && payload->senml.n > 1) {
    snprintf(why, TT_PICK_WHY_SIZE, "the pack has records of several names; choose one with record");
    return -EINVAL;
  }
  r = record ? tt_senml_value(record, tt_pick_wants_number(point), ret, why) : -ENODATA;
  if (r == 0)
    *ret_stamp_us = record->stamp_us;
  return r;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */
static int compose_cbor(const struct tt_item *template, const struct tt_value *value, struct tt_buf *out)
{
  static const struct tt_item hole = {.kind = TT_ITEM_SCALAR, .text = TT_COMPOSE_VALUE};
  TT_AUTOBUF struct tt_buf text = TT_BUF(TT_COMPOSE_SIZE_MAX);
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json;
  int r = tt_compose_json(template ? template : &hole, value, &text);
  if (r == 0)
    r = tt_pick_json_parse(text.data, text.len, &json, why);
  if (r < 0)
    return r;
  r = tt_pick_cbor_write(json, out);
  json_object_put(json);
  return r;
}

int cb_payload_compose(const struct cb_write_address *address, const struct tt_value *value, struct tt_buf *out)
{
  static const struct tt_item hole = {.kind = TT_ITEM_SCALAR, .text = TT_COMPOSE_VALUE};
  if (address->delete)
    return 0;
  switch (cb_write_format(address)) {
  case CB_FORMAT_AUTO:
  case CB_FORMAT_TEXT:
  case CB_FORMAT_LINK: /* no choice of `write` */
    break;
  case CB_FORMAT_JSON:
    if (!address->payload)
      return tt_compose_json(address->json ? address->json : &hole, value, out);
    break;
  case CB_FORMAT_CBOR:
    return compose_cbor(address->json, value, out);
  case CB_FORMAT_SENML_JSON:
    return tt_senml_write(address->record, NULL, value, false, out);
  case CB_FORMAT_SENML_CBOR:
    return tt_senml_write(address->record, NULL, value, true, out);
  }
  return tt_compose_text(address->payload ? address->payload : TT_COMPOSE_VALUE, value, out);
}
