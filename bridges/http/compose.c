/* SPDX-License-Identifier: Apache-2.0
 * Requests out of typed nodes. */
#include "compose.h"

#include "common/compose.h"

#include <stdio.h>

void http_request_finish(struct http_request *request)
{
  free(request->url);
  free(request->body);
  *request = (struct http_request){0};
}

void http_percent_encode(const char *text, struct tt_buf *out)
{
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (; *text; text++) {
    if (strchr(plain, *text))
      tt_buf_putc(out, *text);
    else
      tt_buf_printf(out, "%%%02X", (unsigned char)*text);
  }
}

const char *http_query_problem(const struct tt_item *item, const struct tt_item **ret_at)
{
  *ret_at = item;
  if (item->kind != TT_ITEM_MAP)
    return "is not a map of names and values";
  if (item->n > HTTP_QUERY_MAX)
    return "has more than 64 names";
  for (size_t i = 0; i < item->n; i++) {
    const struct tt_item *value = item->items[i];
    *ret_at = value;
    if (value->kind == TT_ITEM_MAP)
      return "has a map as a value; it can have texts, numbers and lists of them";
    for (size_t k = 0; value->kind == TT_ITEM_LIST && k < value->n; k++)
      if (value->items[k]->kind != TT_ITEM_SCALAR)
        return "has a list of something other than texts and numbers";
  }
  return NULL;
}

int http_compose_word(const struct tt_item *words, const struct tt_value *raw, struct tt_value *ret)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(TT_TEXT_MAX);
  if (!words)
    return tt_value_copy(raw, ret);
  tt_value_print(raw, &text);
  const struct tt_item *word = tt_item_get(words, text.data ? text.data : "");
  return word ? tt_value_text(TT_TYPE_STRING, word->text, strlen(word->text), ret) : -EINVAL;
}

static bool is_null(const struct tt_item *item)
{
  return !item->is_quoted && (!*item->text || !strcmp(item->text, "~") || !strcmp(item->text, "null"));
}

/* The text with its holes filled. */
static int fill(const char *text, const struct tt_value *value, struct tt_buf *out)
{
  if (value)
    return tt_compose_text(text, value, out);
  tt_buf_puts(out, text);
  return out->failed ? -EMSGSIZE : 0;
}

static int add_pair(const char *name, const struct tt_item *item, const struct tt_value *value, char *between,
                    struct tt_buf *out)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(TT_COMPOSE_SIZE_MAX);
  if (is_null(item)) /* an optional parameter that was not given */
    return 0;
  int r = fill(item->text, value, &text);
  if (*between)
    tt_buf_putc(out, *between);
  *between = '&';
  http_percent_encode(name, out);
  tt_buf_putc(out, '=');
  http_percent_encode(text.data ? text.data : "", out);
  return r;
}

static int add_pairs(const struct tt_item *map, const struct tt_value *value, char between, struct tt_buf *out)
{
  int r = 0;
  for (size_t i = 0; map && r == 0 && i < map->n; i++) {
    const struct tt_item *item = map->items[i];
    if (item->kind == TT_ITEM_SCALAR)
      r = add_pair(map->keys[i], item, value, &between, out);
    for (size_t k = 0; item->kind == TT_ITEM_LIST && r == 0 && k < item->n; k++)
      r = add_pair(map->keys[i], item->items[k], value, &between, out);
  }
  return r;
}

/* A path with ${value} in it: the value is one piece, whatever characters it has. */
static int add_path(const char *path, const struct tt_value *value, struct tt_buf *out)
{
  const char *hole;
  while (value && (hole = strstr(path, TT_COMPOSE_VALUE))) {
    TT_AUTOBUF struct tt_buf text = TT_BUF(TT_COMPOSE_SIZE_MAX);
    tt_value_print(value, &text);
    tt_buf_add(out, path, (size_t)(hole - path));
    http_percent_encode(text.data ? text.data : "", out);
    path = hole + strlen(TT_COMPOSE_VALUE);
  }
  tt_buf_puts(out, path);
  return 0;
}

static bool is_absolute(const char *path)
{
  return !strncmp(path, "http://", 7) || !strncmp(path, "https://", 8);
}

static int compose_url(const char *base, const char *path, const struct tt_item *query,
                       const struct tt_value *value, struct tt_buf *out)
{
  if (!is_absolute(path)) {
    size_t n = base ? strlen(base) : 0;
    if (n == 0 || *path != '/')
      return -EINVAL;
    tt_buf_add(out, base, n - (base[n - 1] == '/'));
  }
  add_path(path, value, out);
  int r = add_pairs(query, value, out->data && strchr(out->data, '?') ? '&' : '?', out);
  return r < 0 ? r : out->failed ? -EMSGSIZE : 0;
}

static int compose_body(const struct http_message *message, const struct tt_value *value, struct tt_buf *out,
                        const char **ret_type)
{
  static const struct tt_value none = {0};
  int r = 0;
  if (message->json) {
    *ret_type = "application/json";
    r = tt_compose_json(message->json, value ? value : &none, out);
  } else if (message->form) {
    *ret_type = "application/x-www-form-urlencoded";
    r = add_pairs(message->form, value, 0, out);
  } else if (message->text) {
    *ret_type = "text/plain; charset=utf-8";
    r = fill(message->text, value, out);
  }
  return r < 0 ? r : out->failed ? -EMSGSIZE : 0;
}

int http_compose(const char *base, const struct http_message *message, const struct tt_value *value,
                 struct http_request *ret)
{
  TT_AUTOBUF struct tt_buf url = TT_BUF(TT_FETCH_URL_MAX), body = TT_BUF(TT_COMPOSE_SIZE_MAX);
  struct http_request request = {0};
  const char *path;
  request.method = http_message_method(message, &path);
  if (!request.method)
    return -EINVAL;
  int r = compose_url(base, path, message->query, value, &url);
  if (r == 0)
    r = compose_body(message, value, &body, &request.content_type);
  if (r < 0)
    return r;
  request.body_size = body.len;
  request.url = tt_buf_steal(&url);
  /* POST and PUT without a body say that it is empty. */
  bool has_body = request.content_type || *request.method == 'P';
  request.body = has_body ? tt_buf_steal(&body) : NULL;
  if (!request.url || (has_body && !request.body)) {
    http_request_finish(&request);
    return -ENOMEM;
  }
  *ret = request;
  return 0;
}

static bool is_like_key(const char *part, size_t n)
{
  bool has_digit = false, has_letter = false;
  for (size_t i = 0; i < n; i++) {
    has_digit |= part[i] >= '0' && part[i] <= '9';
    has_letter |= (part[i] >= 'a' && part[i] <= 'z') || (part[i] >= 'A' && part[i] <= 'Z');
  }
  return n >= HTTP_KEY_LEAST && has_digit && has_letter;
}

char *http_url_shown(const char *url, char *out, size_t size)
{
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  const char *scheme = strstr(url, "://"), *at = scheme ? scheme + 3 : url;
  const char *end = url + strcspn(url, "?#");
  if (at > end)
    at = end;
  at += strcspn(at, "/?#"); /* the name of a host may be long */
  tt_buf_add(&text, url, (size_t)(at - url));
  while (at < end) {
    size_t n = 1 + strcspn(at + 1, "/?#");
    if (is_like_key(at + 1, n - 1))
      tt_buf_puts(&text, "/...");
    else
      tt_buf_add(&text, at, n);
    at += n;
  }
  snprintf(out, size, "%s", text.data ? text.data : "");
  return out;
}
