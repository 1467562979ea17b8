/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c: one peer of the control socket: bytes to lines, lines to bytes, and the bounds on both.
 */
#include "client.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define READ_AT_ONCE 4096 /* a peer that floods us with requests takes turns with everybody else */

size_t tt_api_client_pending(const struct tt_api_client *client)
{
  return client->out.len - client->out_sent;
}

bool tt_api_client_is_easy(const struct tt_api_client *client)
{
  return tt_api_client_pending(client) < TT_API_OUTPUT_EASY;
}

void tt_api_client_doom(struct tt_api_client *client)
{
  if (client->is_doomed)
    return;
  client->is_doomed = true;
  if (client->io)
    sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
  sd_event_source_set_enabled(client->api->reap, SD_EVENT_ONESHOT);
}

/* What to wait for: requests unless the answers pile up, room in the socket while there are answers. */
static void rearm(struct tt_api_client *client)
{
  if (client->is_doomed)
    return;
  bool has_output = tt_api_client_pending(client) > 0;
  bool is_over = client->is_closing || (client->is_eof && client->n_opens == 0);
  if (is_over && !has_output) {
    tt_api_client_doom(client);
    return;
  }
  uint32_t events = has_output ? EPOLLOUT : 0;
  if (!client->is_eof && !client->is_closing && tt_api_client_is_easy(client))
    events |= EPOLLIN;
  if (sd_event_source_set_io_events(client->io, events) < 0)
    tt_api_client_doom(client);
}

void tt_api_send(struct tt_api_client *client, json_object *line)
{
  size_t n = 0;
  const char *text =
      line ? json_object_to_json_string_length(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n)
           : NULL;
  if (!client->is_doomed) {
    tt_buf_add(&client->out, text ? text : "", n);
    tt_buf_putc(&client->out, '\n');
    if (!text || client->out.failed || tt_api_client_pending(client) > TT_API_OUTPUT_MAX) {
      client->api->n_dropped++;
      tt_api_client_doom(client);
    } else {
      rearm(client);
    }
  }
  json_object_put(line);
}

static void flush(struct tt_api_client *client)
{
  while (tt_api_client_pending(client) > 0) {
    ssize_t n = send(client->fd, client->out.data + client->out_sent, tt_api_client_pending(client),
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      break;
    if (n < 0) {
      tt_api_client_doom(client);
      return;
    }
    client->out_sent += (size_t)n;
  }
  if (client->out_sent == client->out.len) {
    tt_buf_finish(&client->out);
    client->out_sent = 0;
  } else if (client->out_sent > TT_API_OUTPUT_EASY) {
    size_t rest = tt_api_client_pending(client);
    memmove(client->out.data, client->out.data + client->out_sent, rest);
    tt_buf_truncate(&client->out, rest);
    client->out_sent = 0;
  }
}

/* Long answers go on, one after the other, as long as the client reads. */
static void resume(struct tt_api_client *client)
{
  struct tt_api_open *open, *next;
  DL_FOREACH_SAFE(client->opens, open, next)
  {
    if (client->is_doomed || !tt_api_client_is_easy(client))
      return;
    if (open->ops->resume)
      open->ops->resume(open);
  }
}

static void lines(struct tt_api_client *client)
{
  size_t from = 0;
  const char *end;
  while (!client->is_doomed && !client->is_closing &&
         (end = memchr(client->line + from, '\n', client->line_len - from))) {
    size_t n = (size_t)(end - (client->line + from));
    tt_api_dispatch(client, client->line + from, n);
    from += n + 1;
  }
  client->line_len -= from;
  memmove(client->line, client->line + from, client->line_len);
  if (client->line_len == TT_API_LINE_MAX && !client->is_closing) {
    client->is_closing = true;
    tt_api_fail(client, NULL, "bad-request", "a request of more than %zu bytes", TT_API_LINE_MAX);
  }
}

static void take(struct tt_api_client *client, bool has_hung_up)
{
  size_t room = TT_API_LINE_MAX - client->line_len;
  ssize_t n =
      recv(client->fd, client->line + client->line_len, room < READ_AT_ONCE ? room : READ_AT_ONCE, MSG_DONTWAIT);
  if (n > 0) {
    client->heard_us = tt_core_now(client->api->core).mono_us;
    client->line_len += (size_t)n;
    lines(client);
  } else if (n == 0) {
    client->is_eof = true;
    if (has_hung_up)
      tt_api_client_doom(client);
  } else if (errno != EAGAIN && errno != EINTR) {
    tt_api_client_doom(client);
  }
}

static int on_io(sd_event_source *source TT_UNUSED, int fd TT_UNUSED, uint32_t revents, void *user)
{
  struct tt_api_client *client = user;
  bool has_hung_up = revents & (EPOLLHUP | EPOLLERR);
  if (revents & EPOLLIN)
    take(client, has_hung_up);
  else if (has_hung_up)
    tt_api_client_doom(client);
  if (!client->is_doomed)
    flush(client);
  if (!client->is_doomed)
    resume(client);
  rearm(client);
  return 0;
}

int tt_api_client_create(struct tt_api *api, int fd, uid_t uid, enum tt_role role, struct tt_api_client **ret)
{
  struct tt_api_client *client = calloc(1, sizeof(*client));
  if (!client)
    return -ENOMEM;
  client->api = api;
  client->fd = -1;
  client->line = malloc(TT_API_LINE_MAX);
  int r = client->line ? sd_event_add_io(api->event, &client->io, fd, EPOLLIN, on_io, client) : -ENOMEM;
  if (r < 0) {
    tt_api_client_destroy(client);
    return r;
  }
  client->fd = fd;
  client->heard_us = tt_core_now(api->core).mono_us;
  /* The number tells two of one user's connections apart, as a resource does; rules and audit see the uid. */
  snprintf(client->bare, sizeof(client->bare), "uid:%u", (unsigned)uid);
  snprintf(client->jid, sizeof(client->jid), "uid:%u/%llu", (unsigned)uid, (unsigned long long)api->n_accepted);
  client->caller = (struct tt_caller){
      .kind = TT_CALLER_CLI,
      .jid = client->jid,
      .bare = client->bare,
      .uid = uid,
      .role = role,
      .local = "",
      .language = client->language,
  };
  *ret = client;
  return 0;
}

void tt_api_client_destroy(struct tt_api_client *client)
{
  if (!client)
    return;
  client->is_doomed = true;
  while (client->opens)
    client->opens->ops->cancel(client->opens);
  sd_event_source_disable_unref(client->io);
  if (client->fd >= 0)
    close(client->fd);
  tt_buf_finish(&client->out);
  free(client->line);
  free(client);
}

void tt_api_open_begin(struct tt_api_open *open, const struct tt_api_call *call, const struct tt_api_open_ops *ops)
{
  open->ops = ops;
  open->client = call->client;
  open->id = json_object_get(call->id);
  DL_APPEND(open->client->opens, open);
  open->client->n_opens++;
}

void tt_api_open_end(struct tt_api_open *open)
{
  if (!open->client)
    return;
  struct tt_api_client *client = open->client;
  DL_DELETE(client->opens, open);
  client->n_opens--;
  json_object_put(open->id);
  open->client = NULL;
  open->id = NULL;
  rearm(client);
}
