/* SPDX-License-Identifier: Apache-2.0
 * Raw values out of text and JSON. */
#include "pick.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

static const struct tt_choice folds[] = {
    {"sum", TT_PICK_FOLD_SUM},
    {"mean", TT_PICK_FOLD_MEAN},
    {"min", TT_PICK_FOLD_MIN},
    {"max", TT_PICK_FOLD_MAX},
    {NULL, 0},
};

const struct tt_option tt_pick_shape_options[] = {
    {.name = "list",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct tt_pick_shape, list),
     .choices = folds,
     .help = "What to make of a list of numbers: sum, mean, min or max. Without it a list is an error."},
    {.name = "object",
     .type = TT_OPTION_CHOICE,
     .offset = offsetof(struct tt_pick_shape, object),
     .choices = folds,
     .help = "The same for an object whose members are numbers, one per phase for instance."},
    TT_OPTION_END,
};

const char *tt_pick_pointer_problem(const char *pointer)
{
  if (!*pointer)
    return NULL;
  if (*pointer != '/')
    return "must begin with /";
  if (strlen(pointer) > TT_PICK_POINTER_MAX)
    return "is longer than 512 bytes";
  if (!tt_utf8_is_valid(pointer, strlen(pointer)))
    return "is not valid UTF-8";
  for (const char *p = pointer; *p; p++)
    if (*p == '~' && p[1] != '0' && p[1] != '1')
      return "has a ~ that is neither ~0 (for ~) nor ~1 (for /)";
  return NULL;
}

int tt_pick_json_parse(const char *data, size_t n, struct json_object **ret_json, char *why)
{
  return tt_pick_json_parse_max(data, n, TT_PICK_SIZE_MAX, ret_json, why);
}

int tt_pick_json_parse_max(const char *data, size_t n, size_t max, struct json_object **ret_json, char *why)
{
  if (n > max) {
    snprintf(why, TT_PICK_WHY_SIZE, "payload of %zu bytes, more than %zu", n, max);
    return -EINVAL;
  }
  if (!tt_utf8_is_valid(data, n)) {
    snprintf(why, TT_PICK_WHY_SIZE, "payload is not valid UTF-8");
    return -EINVAL;
  }
  if (memchr(data, 0, n)) { /* json-c would take it for the end */
    snprintf(why, TT_PICK_WHY_SIZE, "payload has a NUL byte");
    return -EINVAL;
  }
  struct json_tokener *tokener = json_tokener_new_ex(TT_PICK_DEPTH_MAX);
  if (!tokener)
    return -ENOMEM;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  struct json_object *json = json_tokener_parse_ex(tokener, data, (int)n);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  if (error == json_tokener_continue) /* a number at the very end is complete only when something follows */
    json = json_tokener_parse_ex(tokener, "", 1), error = json_tokener_get_error(tokener);
  json_tokener_free(tokener);
  if (error != json_tokener_success) {
    bool is_short = error == json_tokener_continue || error == json_tokener_error_parse_eof;
    json_object_put(json);
    snprintf(why, TT_PICK_WHY_SIZE, "payload is not JSON: %s",
             is_short ? "it ends too early" : json_tokener_error_desc(error));
    return -EINVAL;
  }
  *ret_json = json;
  return 0;
}

struct json_object *tt_pick_json_member(struct json_object *json, const char *key)
{
  struct json_object *value = NULL;
  return json_object_is_type(json, json_type_object) && json_object_object_get_ex(json, key, &value) ? value : NULL;
}

const char *tt_pick_json_text(struct json_object *json, const char *key)
{
  struct json_object *value = tt_pick_json_member(json, key);
  return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

bool tt_pick_pointer_append(char *pointer, size_t size, const char *key)
{
  size_t n = strlen(pointer);
  char *p = pointer + n;
  if (n + 2 * strlen(key) + 2 > size)
    return false;
  *p++ = '/';
  for (const char *c = key; *c; c++) {
    if (*c == '~' || *c == '/')
      *p++ = '~';
    *p++ = *c == '~' ? '0' : *c == '/' ? '1' : *c;
  }
  *p = '\0';
  return true;
}

int tt_pick_json_at(struct json_object *json, const char *pointer, struct json_object **ret)
{
  if (!*pointer) {
    *ret = json;
    return 0;
  }
  return json_pointer_get(json, pointer, ret) == 0 ? 0 : -ENOENT;
}

bool tt_pick_wants_number(const struct tt_point *point)
{
  return point->n_map == 0 && point->n_bits == 0 &&
         (tt_value_is_number(point->type) || point->type == TT_TYPE_BOOLEAN);
}

static bool number_from_text(const char *text, struct tt_value *ret)
{
  char copy[64];
  size_t n;
  text += strspn(text, " \t");
  n = strlen(text);
  while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
    n--;
  if (n >= sizeof copy)
    return false;
  memcpy(copy, text, n);
  copy[n] = 0;
  if (!strcmp(copy, "true") || !strcmp(copy, "false")) {
    *ret = TT_VALUE_BOOLEAN(*copy == 't');
    return true;
  }
  return tt_value_parse(TT_TYPE_INT64, copy, ret) == 0 || tt_value_parse(TT_TYPE_QUANTITY, copy, ret) == 0;
}

int tt_pick_text_value(const char *text, size_t n, bool wants_number, struct tt_value *ret, char *why)
{
  if (!tt_utf8_is_valid(text, n)) {
    snprintf(why, TT_PICK_WHY_SIZE, "payload is not valid UTF-8");
    return -EINVAL;
  }
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
    n--;
  TT_AUTOVALUE struct tt_value value = {0};
  int r = tt_value_text(TT_TYPE_STRING, text, n, &value);
  if (r < 0)
    return r;
  if (wants_number && number_from_text(value.text, ret))
    return 0;
  *ret = value;
  value.type = TT_TYPE_NONE;
  return 0;
}

static int integer_value(struct json_object *json, struct tt_value *ret, char *why)
{
  uint64_t u = json_object_get_uint64(json);
  int64_t i = json_object_get_int64(json);
  if (i < INT64_MAX && i > INT64_MIN) {
    *ret = TT_VALUE_INT64(i);
    return 0;
  }
  /* At the ends json-c cannot tell the number itself from one that it has cut there. */
  if (i == INT64_MIN || u == UINT64_MAX) {
    snprintf(why, TT_PICK_WHY_SIZE, "a whole number does not fit 64 bits");
    return -EINVAL;
  }
  if (u == INT64_MAX)
    *ret = TT_VALUE_INT64(INT64_MAX);
  else
    *ret = TT_VALUE_QUANTITY((double)u, 0);
  return 0;
}

static int double_value(struct json_object *json, struct tt_value *ret, char *why)
{
  /* json-c keeps the text a parsed double was written with: "23.40" has two decimals. */
  struct tt_value value;
  if (tt_value_parse(TT_TYPE_QUANTITY, json_object_to_json_string(json), &value) < 0) {
    snprintf(why, TT_PICK_WHY_SIZE, "a number is not finite");
    return -EINVAL;
  }
  *ret = value;
  return 0;
}

struct folding {
  double sum, min, max;
  int64_t integer_sum;
  int8_t decimals;
  bool is_integer;
  size_t n;
};

static int fold_one(struct folding *f, struct json_object *json, const char *what, char *why)
{
  static const struct tt_pick_shape flat = {0};
  struct tt_value value = {0};
  int r = tt_pick_json_value(json, true, &flat, &value, why);
  if (r == -ENODATA)
    return 0;
  if (r < 0 || !tt_value_is_number(value.type)) {
    tt_value_finish(&value);
    snprintf(why, TT_PICK_WHY_SIZE, "%s has an element that is not a number", what);
    return -EINVAL;
  }
  double number = tt_value_number(&value);
  int8_t decimals = value.type == TT_TYPE_QUANTITY ? value.quantity.decimals : 0;
  f->is_integer = f->is_integer && value.type == TT_TYPE_INT64 &&
                  !__builtin_add_overflow(f->integer_sum, value.int64, &f->integer_sum);
  f->decimals = f->decimals == TT_DECIMALS_FREE || decimals == TT_DECIMALS_FREE ? TT_DECIMALS_FREE
                : decimals > f->decimals                                        ? decimals
                                                                                : f->decimals;
  f->sum += number;
  f->min = f->n && f->min < number ? f->min : number;
  f->max = f->n && f->max > number ? f->max : number;
  f->n++;
  return 0;
}

static int fold_end(const struct folding *f, enum tt_pick_fold fold, struct tt_value *ret, char *why)
{
  double number = NAN;
  int8_t decimals = f->decimals;
  if (f->n == 0)
    return -ENODATA;
  switch (fold) {
  case TT_PICK_FOLD_NONE:
    break;
  case TT_PICK_FOLD_SUM:
    number = f->sum;
    if (f->is_integer) {
      *ret = TT_VALUE_INT64(f->integer_sum);
      return 0;
    }
    break;
  case TT_PICK_FOLD_MEAN:
    number = f->sum / (double)f->n;
    decimals = TT_DECIMALS_FREE;
    break;
  case TT_PICK_FOLD_MIN:
    number = f->min;
    break;
  case TT_PICK_FOLD_MAX:
    number = f->max;
    break;
  }
  if (!isfinite(number)) {
    snprintf(why, TT_PICK_WHY_SIZE, "the result is not finite");
    return -EINVAL;
  }
  *ret = TT_VALUE_QUANTITY(number, decimals);
  return 0;
}

static int list_value(struct json_object *json, enum tt_pick_fold fold, struct tt_value *ret, char *why)
{
  struct folding f = {.is_integer = true};
  if (fold == TT_PICK_FOLD_NONE) {
    snprintf(why, TT_PICK_WHY_SIZE, "is a list; say what to make of it with shape: {list: sum}");
    return -EINVAL;
  }
  for (size_t i = 0; i < json_object_array_length(json); i++) {
    int r = fold_one(&f, json_object_array_get_idx(json, i), "the list", why);
    if (r < 0)
      return r;
  }
  return fold_end(&f, fold, ret, why);
}

static int object_value(struct json_object *json, enum tt_pick_fold fold, struct tt_value *ret, char *why)
{
  struct folding f = {.is_integer = true};
  if (fold == TT_PICK_FOLD_NONE) {
    snprintf(why, TT_PICK_WHY_SIZE, "is an object; say what to make of it with shape: {object: sum}");
    return -EINVAL;
  }
  struct json_object_iterator it = json_object_iter_begin(json), end = json_object_iter_end(json);
  for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
    int r = fold_one(&f, json_object_iter_peek_value(&it), "the object", why);
    if (r < 0)
      return r;
  }
  return fold_end(&f, fold, ret, why);
}

int tt_pick_json_value(struct json_object *json, bool wants_number, const struct tt_pick_shape *shape,
                       struct tt_value *ret, char *why)
{
  switch (json_object_get_type(json)) {
  case json_type_null:
    return -ENODATA;
  case json_type_boolean:
    *ret = TT_VALUE_BOOLEAN(json_object_get_boolean(json));
    return 0;
  case json_type_int:
    return integer_value(json, ret, why);
  case json_type_double:
    return double_value(json, ret, why);
  case json_type_string:
    return tt_pick_text_value(json_object_get_string(json), (size_t)json_object_get_string_len(json), wants_number,
                              ret, why);
  case json_type_array:
    return list_value(json, (enum tt_pick_fold)shape->list, ret, why);
  case json_type_object:
    return object_value(json, (enum tt_pick_fold)shape->object, ret, why);
  }
  return -EINVAL;
}
