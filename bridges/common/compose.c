/* SPDX-License-Identifier: Apache-2.0
 * Templates and values to JSON and text. */
#include "compose.h"

#include <json-c/json.h>
#include <math.h>

static const char *problem(const struct tt_item *item, unsigned depth, const struct tt_item **ret_at)
{
  *ret_at = item;
  if (depth > TT_COMPOSE_DEPTH_MAX)
    return "is nested deeper than 16 levels";
  if (item->kind == TT_ITEM_SCALAR && strlen(item->text) > TT_TEXT_MAX)
    return "has a text longer than 4096 bytes";
  if (item->kind == TT_ITEM_SCALAR)
    return NULL;
  for (size_t i = 0; i < item->n; i++) {
    const char *why = problem(item->items[i], depth + 1, ret_at);
    if (why)
      return why;
  }
  return NULL;
}

const char *tt_compose_problem(const struct tt_item *template, const struct tt_item **ret_at)
{
  const struct tt_item *at;
  const char *why = problem(template, 1, &at);
  if (why && ret_at)
    *ret_at = at;
  return why;
}

int tt_compose_text(const char *template, const struct tt_value *value, struct tt_buf *out)
{
  const char *hole;
  while ((hole = strstr(template, TT_COMPOSE_VALUE))) {
    tt_buf_add(out, template, (size_t)(hole - template));
    tt_value_print(value, out);
    template = hole + strlen(TT_COMPOSE_VALUE);
  }
  tt_buf_puts(out, template);
  if (out->failed)
    return out->limit ? -EMSGSIZE : -ENOMEM;
  return 0;
}

/* A number as it prints, so that its decimals survive. */
static struct json_object *json_number(const struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(512);
  if (!isfinite(value->quantity.number))
    return NULL;
  tt_value_print(value, &text);
  return text.failed ? NULL : json_object_new_double_s(value->quantity.number, text.data);
}

static struct json_object *json_value(const struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(TT_COMPOSE_SIZE_MAX);
  switch (value->type) {
  case TT_TYPE_NONE:
    return NULL;
  case TT_TYPE_BOOLEAN:
    return json_object_new_boolean(value->boolean);
  case TT_TYPE_INT32:
    return json_object_new_int(value->int32);
  case TT_TYPE_INT64:
    return json_object_new_int64(value->int64);
  case TT_TYPE_QUANTITY:
    return json_number(value);
  case TT_TYPE_STRING:
  case TT_TYPE_DATE:
  case TT_TYPE_DATETIME:
  case TT_TYPE_TIME:
  case TT_TYPE_DURATION:
  case TT_TYPE_ENUM:
    break;
  }
  tt_value_print(value, &text);
  return text.failed ? NULL : json_object_new_string(text.data ? text.data : "");
}

/* 0 with `*ret` NULL is JSON's null. */
static int json_of_scalar(const struct tt_item *item, const struct tt_value *value, struct json_object **ret)
{
  struct tt_value plain;
  const char *text = item->text;
  if (!strcmp(text, TT_COMPOSE_VALUE)) {
    *ret = json_value(value);
    return *ret ? 0 : -EINVAL;
  }
  if (strstr(text, TT_COMPOSE_VALUE) || item->is_quoted) {
    TT_AUTOBUF struct tt_buf filled = TT_BUF(TT_COMPOSE_SIZE_MAX);
    int r = tt_compose_text(text, value, &filled);
    if (r < 0)
      return r;
    *ret = json_object_new_string(filled.data ? filled.data : "");
  } else if (!*text || !strcmp(text, "~") || !strcmp(text, "null")) {
    *ret = NULL;
    return 0;
  } else if (!strcmp(text, "true") || !strcmp(text, "false")) {
    *ret = json_object_new_boolean(*text == 't');
  } else if (tt_value_parse(TT_TYPE_INT64, text, &plain) == 0) {
    *ret = json_object_new_int64(plain.int64);
  } else if (tt_value_parse(TT_TYPE_QUANTITY, text, &plain) == 0) {
    *ret = json_number(&plain);
  } else {
    *ret = json_object_new_string(text);
  }
  return *ret ? 0 : -ENOMEM;
}

static int json_of(const struct tt_item *item, const struct tt_value *value, unsigned depth,
                   struct json_object **ret)
{
  if (depth > TT_COMPOSE_DEPTH_MAX)
    return -EINVAL;
  if (item->kind == TT_ITEM_SCALAR)
    return json_of_scalar(item, value, ret);
  bool is_map = item->kind == TT_ITEM_MAP;
  struct json_object *all = is_map ? json_object_new_object() : json_object_new_array();
  int r = all ? 0 : -ENOMEM;
  for (size_t i = 0; r == 0 && i < item->n; i++) {
    struct json_object *one = NULL;
    r = json_of(item->items[i], value, depth + 1, &one);
    if (r == 0 &&
        (is_map ? json_object_object_add(all, item->keys[i], one) : json_object_array_add(all, one)) < 0) {
      json_object_put(one);
      r = -ENOMEM;
    }
  }
  if (r < 0) {
    json_object_put(all);
    return r;
  }
  *ret = all;
  return 0;
}

int tt_compose_json(const struct tt_item *template, const struct tt_value *value, struct tt_buf *out)
{
  struct json_object *json;
  int r = json_of(template, value, 1, &json);
  if (r < 0)
    return r;
  tt_buf_puts(out, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(json);
  if (out->failed)
    return out->limit ? -EMSGSIZE : -ENOMEM;
  return 0;
}
