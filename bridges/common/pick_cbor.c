/* SPDX-License-Identifier: Apache-2.0
 * CBOR to JSON trees and back. libcbor decodes one head at a time and allocates nothing; the tree is built here, on a
 * stack of known depth. */
#include "pick_cbor.h"

#include "pick.h"

#include <cbor.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

#define WHOLE_MAX 1e15
#define HEAD_MAX  9 /* bytes of the longest head of a data item */

/* One open array, map or chunked string. */
struct level {
  struct json_object *json; /* NULL: a chunked string */
  uint64_t left;            /* items still to come; with is_endless: until the break */
  bool is_endless, is_map, is_bytes;
  char *key; /* MAP: has come, its value has not */
  struct tt_buf chunks;
};

struct builder {
  struct level levels[TT_PICK_DEPTH_MAX];
  size_t depth, n_items;
  struct json_object *root;
  bool is_done;
  int error;
  const char *why;
};

static void fail(struct builder *b, int error, const char *why)
{
  if (b->error)
    return;
  b->error = error;
  b->why = why;
}

static struct level *top(struct builder *b)
{
  return b->depth ? &b->levels[b->depth - 1] : NULL;
}

/* An array or a map of known size is complete with its last item. */
static void close_full(struct builder *b);

/* Hang an item, owned, where it belongs. */
static void put(struct builder *b, struct json_object *json)
{
  struct level *level = top(b);
  int r = 0;
  if (!level) {
    b->root = json;
    b->is_done = true;
    return;
  }
  if (!level->json) {
    json_object_put(json);
    fail(b, -EINVAL, "a chunk of a string is no string");
    return;
  }
  if (!level->is_map)
    r = json_object_array_add(level->json, json);
  else if (!level->key)
    r = -EINVAL;
  else
    r = json_object_object_add(level->json, level->key, json);
  if (r < 0) {
    json_object_put(json);
    fail(b, level->is_map && !level->key ? -EINVAL : -ENOMEM, "a key is neither text nor a whole number");
    return;
  }
  free(TT_STEAL(level->key));
  if (!level->is_endless)
    level->left--;
  close_full(b);
}

static bool wants_key(struct builder *b)
{
  struct level *level = top(b);
  return level && level->is_map && !level->key;
}

static void put_key(struct builder *b, const char *text, size_t n)
{
  struct level *level = top(b);
  if (memchr(text, 0, n)) /* json-c takes keys that end there */
    fail(b, -EINVAL, "a key has a NUL byte");
  else if (!(level->key = strndup(text, n)))
    fail(b, -ENOMEM, "out of memory");
}

static void put_new(struct builder *b, struct json_object *json)
{
  if (json)
    put(b, json);
  else
    fail(b, -ENOMEM, "out of memory");
}

static void close_level(struct builder *b)
{
  struct level *level = top(b);
  struct json_object *json = TT_STEAL(level->json);
  b->depth--;
  put_new(b, json);
}

static void close_full(struct builder *b)
{
  struct level *level = top(b);
  if (level && level->json && !level->is_endless && level->left == 0)
    close_level(b);
}

static struct level *open_level(struct builder *b)
{
  if (wants_key(b))
    fail(b, -EINVAL, "a key is neither text nor a whole number");
  else if (b->depth == TT_PICK_DEPTH_MAX)
    fail(b, -EINVAL, "it is nested deeper than 32 levels");
  if (b->error)
    return NULL;
  struct level *level = &b->levels[b->depth++];
  *level = (struct level){.chunks = TT_BUF(TT_PICK_SIZE_MAX)};
  return level;
}

static void open_collection(struct builder *b, bool is_map, bool is_endless, uint64_t n)
{
  struct level *level = open_level(b);
  if (!level)
    return;
  level->is_map = is_map;
  level->is_endless = is_endless;
  level->left = n;
  level->json = is_map ? json_object_new_object() : json_object_new_array();
  if (!level->json)
    fail(b, -ENOMEM, "out of memory");
  else
    close_full(b);
}

/* ---- Scalars --------------------------------------------------------------------------------------------------- */
static void on_unsigned(struct builder *b, uint64_t number)
{
  char text[24];
  int n = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  if (wants_key(b))
    put_key(b, text, (size_t)n);
  else
    put_new(b, number <= INT64_MAX ? json_object_new_int64((int64_t)number) : json_object_new_uint64(number));
}

/* CBOR means -1 - number. */
static void on_negative(struct builder *b, uint64_t number)
{
  if (number > INT64_MAX) {
    fail(b, -EINVAL, "a whole number does not fit 64 bits");
    return;
  }
  int64_t value = -1 - (int64_t)number;
  char text[24];
  int n = snprintf(text, sizeof text, "%lld", (long long)value);
  if (wants_key(b))
    put_key(b, text, (size_t)n);
  else
    put_new(b, json_object_new_int64(value));
}

/* As few digits as give the same number of `bits` of precision back: 21.4 as a half, a single or a double is "21.4".
 * json-c keeps the text, pick.c reads the decimals from it. */
static void on_float(struct builder *b, double number, int bits)
{
  char text[40];
  int exponent;
  if (wants_key(b)) {
    fail(b, -EINVAL, "a key is neither text nor a whole number");
    return;
  }
  if (!isfinite(number)) {
    put(b, NULL); /* what is not a number is no value */
    return;
  }
  frexp(number, &exponent);
  double half_a_step = bits < 53 ? ldexp(1, exponent - bits - 1) : 0;
  snprintf(text, sizeof text, "%.0f", fabs(number) < WHOLE_MAX ? number : 0);
  bool is_whole = strtod(text, NULL) == number; /* and exact then: a counter */
  for (int digits = 1; !is_whole && digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, number);
    double again = strtod(text, NULL);
    if (again == number || fabs(again - number) < half_a_step)
      break;
  }
  put_new(b, json_object_new_double_s(number, text));
}

static void on_text(struct builder *b, const char *text, size_t n)
{
  if (!tt_utf8_is_valid(text, n))
    fail(b, -EINVAL, "a text is not valid UTF-8");
  else if (wants_key(b))
    put_key(b, text, n);
  else
    put_new(b, json_object_new_string_len(text, (int)n));
}

static void on_bytes(struct builder *b, const unsigned char *bytes, size_t n)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  for (size_t i = 0; i < n; i += 3) {
    size_t k = n - i < 3 ? n - i : 3;
    unsigned group =
        (unsigned)bytes[i] << 16 | (k > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (k > 2 ? bytes[i + 2] : 0);
    for (size_t c = 0; c <= k; c++)
      tt_buf_putc(&text, digits[group >> (18 - 6 * c) & 63]);
  }
  if (text.failed)
    fail(b, -ENOMEM, "out of memory");
  else
    on_text(b, text.data ? text.data : "", text.len);
}

/* A string, or a chunk of the one that is open. */
static void on_string(struct builder *b, bool is_bytes, const unsigned char *data, uint64_t n)
{
  struct level *level = top(b);
  if (level && !level->json) {
    if (level->is_bytes != is_bytes)
      fail(b, -EINVAL, "a chunk of a string is of the other kind");
    else
      tt_buf_add(&level->chunks, (const char *)data, (size_t)n);
  } else if (is_bytes) {
    on_bytes(b, data, (size_t)n);
  } else {
    on_text(b, (const char *)data, (size_t)n);
  }
}

static void open_string(struct builder *b, bool is_bytes)
{
  struct level *above = top(b);
  if (above && !above->json) {
    fail(b, -EINVAL, "a chunk of a string is no string");
    return;
  }
  if (b->depth == TT_PICK_DEPTH_MAX) {
    fail(b, -EINVAL, "it is nested deeper than 32 levels");
    return;
  }
  struct level *level = &b->levels[b->depth++];
  *level = (struct level){.is_endless = true, .is_bytes = is_bytes, .chunks = TT_BUF(TT_PICK_SIZE_MAX)};
}

static void on_break(struct builder *b)
{
  struct level *level = top(b);
  if (!level || !level->is_endless || level->key) {
    fail(b, -EINVAL, "an end stands where nothing ends");
    return;
  }
  if (level->json) {
    close_level(b);
    return;
  }
  struct tt_buf chunks = level->chunks;
  bool is_bytes = level->is_bytes;
  level->chunks = (struct tt_buf){0};
  b->depth--;
  if (chunks.failed)
    fail(b, -ENOMEM, "out of memory");
  else
    on_string(b, is_bytes, (const unsigned char *)(chunks.data ? chunks.data : ""), chunks.len);
  tt_buf_finish(&chunks);
}

/* ---- What libcbor calls ---------------------------------------------------------------------------------------- */
#define UNSIGNED(name, type)                                                                                       \
  static void name(void *user, type number)                                                                        \
  {                                                                                                                \
    on_unsigned(user, number);                                                                                     \
  }
#define NEGATIVE(name, type)                                                                                       \
  static void name(void *user, type number)                                                                        \
  {                                                                                                                \
    on_negative(user, number);                                                                                     \
  }
UNSIGNED(cb_uint8, uint8_t)
UNSIGNED(cb_uint16, uint16_t)
UNSIGNED(cb_uint32, uint32_t)
UNSIGNED(cb_uint64, uint64_t)
NEGATIVE(cb_negint8, uint8_t)
NEGATIVE(cb_negint16, uint16_t)
NEGATIVE(cb_negint32, uint32_t)
NEGATIVE(cb_negint64, uint64_t)

static void cb_text(void *user, cbor_data data, uint64_t n)
{
  on_string(user, false, data, n);
}

static void cb_bytes(void *user, cbor_data data, uint64_t n)
{
  on_string(user, true, data, n);
}

static void cb_text_start(void *user)
{
  open_string(user, false);
}

static void cb_bytes_start(void *user)
{
  open_string(user, true);
}

static void cb_array(void *user, uint64_t n)
{
  open_collection(user, false, false, n);
}

static void cb_map(void *user, uint64_t n)
{
  open_collection(user, true, false, n);
}

static void cb_array_endless(void *user)
{
  open_collection(user, false, true, 0);
}

static void cb_map_endless(void *user)
{
  open_collection(user, true, true, 0);
}

static void cb_tag(void *user TT_UNUSED, uint64_t tag TT_UNUSED)
{
}

static void cb_half(void *user, float number)
{
  on_float(user, (double)number, 11);
}

static void cb_float(void *user, float number)
{
  on_float(user, (double)number, 24);
}

static void cb_double(void *user, double number)
{
  on_float(user, number, 53);
}

static void cb_null(void *user)
{
  if (wants_key(user))
    fail(user, -EINVAL, "a key is neither text nor a whole number");
  else
    put(user, NULL);
}

static void cb_bool(void *user, bool value)
{
  if (wants_key(user))
    fail(user, -EINVAL, "a key is neither text nor a whole number");
  else
    put_new(user, json_object_new_boolean(value));
}

static void cb_break(void *user)
{
  on_break(user);
}

static const struct cbor_callbacks callbacks = {
    .uint8 = cb_uint8,
    .uint16 = cb_uint16,
    .uint32 = cb_uint32,
    .uint64 = cb_uint64,
    .negint8 = cb_negint8,
    .negint16 = cb_negint16,
    .negint32 = cb_negint32,
    .negint64 = cb_negint64,
    .byte_string_start = cb_bytes_start,
    .byte_string = cb_bytes,
    .string = cb_text,
    .string_start = cb_text_start,
    .indef_array_start = cb_array_endless,
    .array_start = cb_array,
    .indef_map_start = cb_map_endless,
    .map_start = cb_map,
    .tag = cb_tag,
    .float2 = cb_half,
    .float4 = cb_float,
    .float8 = cb_double,
    .undefined = cb_null,
    .null = cb_null,
    .boolean = cb_bool,
    .indef_break = cb_break,
};

static void decode(struct builder *b, const unsigned char *data, size_t n)
{
  size_t at = 0;
  while (!b->error && !b->is_done) {
    if (at == n || ++b->n_items > TT_PICK_CBOR_ITEMS_MAX) {
      fail(b, -EINVAL, at == n ? "it ends too early" : "it has more than 8192 items");
      break;
    }
    struct cbor_decoder_result r = cbor_stream_decode(data + at, n - at, &callbacks, b);
    switch (r.status) {
    case CBOR_DECODER_FINISHED:
      at += r.read;
      break;
    case CBOR_DECODER_NEDATA:
      fail(b, -EINVAL, "it ends too early");
      break;
    case CBOR_DECODER_ERROR:
      fail(b, -EINVAL, "a byte begins no data item");
      break;
    }
  }
  if (!b->error && at < n)
    fail(b, -EINVAL, "something stands behind it");
}

int tt_pick_cbor_parse(const void *data, size_t n, struct json_object **ret_json, char *why)
{
  struct builder b = {0};
  if (n > TT_PICK_SIZE_MAX) {
    snprintf(why, TT_PICK_WHY_SIZE, "payload of %zu bytes, more than %u", n, TT_PICK_SIZE_MAX);
    return -EINVAL;
  }
  decode(&b, data, n);
  if (!b.error) {
    *ret_json = b.root;
    return 0;
  }
  for (size_t i = 0; i < b.depth; i++) {
    json_object_put(b.levels[i].json);
    free(b.levels[i].key);
    tt_buf_finish(&b.levels[i].chunks);
  }
  json_object_put(b.root);
  snprintf(why, TT_PICK_WHY_SIZE, "payload is not CBOR: %s", b.why);
  return b.error;
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */
static void add(struct tt_buf *out, const unsigned char *head, size_t n)
{
  tt_buf_add(out, (const char *)head, n);
}

static void write_text(const char *text, size_t n, struct tt_buf *out)
{
  unsigned char head[HEAD_MAX];
  add(out, head, cbor_encode_string_start(n, head, sizeof head));
  tt_buf_add(out, text, n);
}

static void write_integer(struct json_object *json, struct tt_buf *out)
{
  unsigned char head[HEAD_MAX];
  int64_t number = json_object_get_int64(json);
  if (number < 0)
    add(out, head, cbor_encode_negint((uint64_t)(-1 - number), head, sizeof head));
  else
    add(out, head, cbor_encode_uint(json_object_get_uint64(json), head, sizeof head));
}

static void write_double(double number, struct tt_buf *out)
{
  unsigned char head[HEAD_MAX];
  if ((double)(float)number == number)
    add(out, head, cbor_encode_single((float)number, head, sizeof head));
  else
    add(out, head, cbor_encode_double(number, head, sizeof head));
}

static int write_item(struct json_object *json, unsigned depth, struct tt_buf *out)
{
  unsigned char head[HEAD_MAX];
  int r = 0;
  if (depth > TT_PICK_DEPTH_MAX)
    return -EINVAL;
  switch (json_object_get_type(json)) {
  case json_type_null:
    add(out, head, cbor_encode_null(head, sizeof head));
    break;
  case json_type_boolean:
    add(out, head, cbor_encode_bool(json_object_get_boolean(json), head, sizeof head));
    break;
  case json_type_int:
    write_integer(json, out);
    break;
  case json_type_double:
    write_double(json_object_get_double(json), out);
    break;
  case json_type_string:
    write_text(json_object_get_string(json), (size_t)json_object_get_string_len(json), out);
    break;
  case json_type_array:
    add(out, head, cbor_encode_array_start(json_object_array_length(json), head, sizeof head));
    for (size_t i = 0; r == 0 && i < json_object_array_length(json); i++)
      r = write_item(json_object_array_get_idx(json, i), depth + 1, out);
    break;
  case json_type_object: {
    struct json_object_iterator it = json_object_iter_begin(json), end = json_object_iter_end(json);
    add(out, head, cbor_encode_map_start((size_t)json_object_object_length(json), head, sizeof head));
    for (; r == 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
      const char *key = json_object_iter_peek_name(&it);
      write_text(key, strlen(key), out);
      r = write_item(json_object_iter_peek_value(&it), depth + 1, out);
    }
    break;
  }
  }
  return r;
}

int tt_pick_cbor_write(struct json_object *json, struct tt_buf *out)
{
  int r = write_item(json, 1, out);
  if (r == 0 && out->failed)
    return out->limit ? -EMSGSIZE : -ENOMEM;
  return r;
}
