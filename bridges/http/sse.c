/* SPDX-License-Identifier: Apache-2.0
 * Reading of event streams. */
#include "sse.h"

#include <stdio.h>

#define RETRY_MIN_MS 1000 /* what a stream may ask for: one that ends at once would be opened all the time */
#define RETRY_MAX_MS 600000

void http_sse_init(struct http_sse *sse)
{
  *sse = (struct http_sse){.line = TT_BUF(HTTP_SSE_LINE_MAX), .data = TT_BUF(HTTP_SSE_DATA_MAX)};
}

void http_sse_finish(struct http_sse *sse)
{
  tt_buf_finish(&sse->line);
  tt_buf_finish(&sse->data);
}

struct feeding {
  struct http_sse *sse;
  void (*event)(void *user, const struct http_sse_event *event);
  void *user;
};

/* An empty line: what has come is an event, when it has data. */
static void dispatch(const struct feeding *f)
{
  struct http_sse *sse = f->sse;
  memcpy(sse->id, sse->next_id, sizeof sse->id);
  if (sse->has_data) {
    struct http_sse_event event = {.name = *sse->name ? sse->name : "message",
                                   .data = sse->data.data ? sse->data.data : "",
                                   .size = sse->data.len};
    f->event(f->user, &event);
  }
  tt_buf_truncate(&sse->data, 0);
  sse->name[0] = 0;
  sse->has_data = false;
}

static void on_data(struct http_sse *sse, const char *value)
{
  if (sse->has_data)
    tt_buf_putc(&sse->data, '\n');
  tt_buf_puts(&sse->data, value);
  sse->has_data = true;
}

static void on_event(struct http_sse *sse, const char *value)
{
  bool fits = strlen(value) <= HTTP_SSE_NAME_MAX;
  snprintf(sse->name, sizeof sse->name, "%s", fits ? value : "?");
}

static void on_id(struct http_sse *sse, const char *value)
{
  /* It is sent back in a header: nothing that would end one. A NUL cannot be here (on_line). */
  if (strlen(value) <= HTTP_SSE_ID_MAX && tt_utf8_is_valid(value, strlen(value)))
    snprintf(sse->next_id, sizeof sse->next_id, "%s", value);
}

static void on_retry(struct http_sse *sse, const char *value)
{
  size_t n = strspn(value, "0123456789");
  if (!n || value[n])
    return;
  unsigned long ms = n > 9 ? RETRY_MAX_MS : strtoul(value, NULL, 10);
  sse->retry_us = (ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms < RETRY_MIN_MS ? RETRY_MIN_MS : ms) * TT_USEC_PER_MSEC;
}

static void on_line(const struct feeding *f)
{
  static const struct {
    const char *name;
    void (*set)(struct http_sse *sse, const char *value);
  } fields[] = {{"data", on_data}, {"event", on_event}, {"id", on_id}, {"retry", on_retry}};
  struct http_sse *sse = f->sse;
  char *line = sse->line.data;
  size_t n = sse->line.len;
  if (n == 0) {
    dispatch(f);
    return;
  }
  char *colon = memchr(line, ':', n);
  const char *value = "";
  if (colon == line || memchr(line, 0, n)) /* a comment; a NUL is in no field that counts */
    return;
  if (colon) {
    *colon = 0;
    value = colon + 1 + (colon[1] == ' ');
  }
  for (size_t i = 0; i < TT_COUNT(fields); i++)
    if (!strcmp(line, fields[i].name))
      fields[i].set(sse, value);
}

/* The byte order mark that may stand at the very beginning. */
static bool is_mark(struct http_sse *sse, char c)
{
  static const char mark[] = "\xEF\xBB\xBF";
  if (sse->is_begun)
    return false;
  if (sse->n_seen < 3 && c == mark[sse->n_seen]) {
    sse->is_begun = ++sse->n_seen == 3;
    return true;
  }
  sse->is_begun = true;
  tt_buf_add(&sse->line, mark, sse->n_seen);
  return false;
}

int http_sse_feed(struct http_sse *sse, const char *data, size_t n,
                  void (*event)(void *user, const struct http_sse_event *event), void *user)
{
  const struct feeding f = {sse, event, user};
  const char *end = data + n;
  while (data < end) {
    if (!sse->is_begun) {
      data += is_mark(sse, *data);
      continue;
    }
    bool is_second = sse->has_cr && *data == '\n'; /* of CR LF */
    sse->has_cr = false;
    if (is_second) {
      data++;
      continue;
    }
    const char *at = data;
    while (at < end && *at != '\n' && *at != '\r')
      at++;
    tt_buf_add(&sse->line, data, (size_t)(at - data));
    if (sse->line.failed)
      return -EMSGSIZE;
    data = at;
    if (at == end)
      break;
    sse->has_cr = *at == '\r';
    data++;
    on_line(&f);
    tt_buf_truncate(&sse->line, 0);
    if (sse->data.failed)
      return -EMSGSIZE;
  }
  return 0;
}
