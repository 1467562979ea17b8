/* SPDX-License-Identifier: Apache-2.0
 * room_told.c: what is announced in a room: values of what the configuration selects, as they change (model/follow.h). */
#include "room_private.h"

#include "chat/told.h"
#include "service/log.h"

#include <stdio.h>

static struct tt_core *core_of(const struct tt_room_stay *stay)
{
  return tt_router_config(stay->rooms->router)->core;
}

static void say(struct tt_room_stay *stay, const struct tt_buf *text)
{
  if (text->len > 0 && !text->failed)
    tt_room_say(stay, text->data, stay->rooms->options.language, TT_OUT_READING);
}

/* Who a thing is does not change: it is said only when it is asked for by name. */
static bool is_news(const struct tt_room_stay *stay, const struct tt_point *point)
{
  return stay->config->told.fields.n > 0 || (point->categories & ~(unsigned)TT_CATEGORY_IDENTITY);
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct tt_room_stay *stay = user;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  const struct tt_field **news TT_AUTOFREE = calloc(n + 1, sizeof(*news));
  size_t n_news = 0;
  for (size_t i = 0; news && i < n; i++)
    if (is_news(stay, &node->points[fields[i] - node->fields]))
      news[n_news++] = fields[i];
  if (n_news > 0)
    tt_chat_put_told(&text, node, news, n_news, tt_core_now(core_of(stay)), stay->rooms->options.language);
  say(stay, &text);
}

static void on_failed(void *user, const struct tt_node *node, const char *key, TT_UNUSED uint64_t wall_us,
                      const char *why)
{
  struct tt_room_stay *stay = user;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_chat_put_silent(&text, node, key, why, stay->rooms->options.language);
  say(stay, &text);
}

static const struct tt_follow_sink sink = {.event = on_event, .failed = on_failed};

/* From the first time that we are in. What changes while we are out is not told afterwards. */
void tt_room_follow(struct tt_room_stay *stay)
{
  char name[TT_JID_MAX + 8];
  if (stay->follow || stay->config->told.nodes.n == 0)
    return;
  snprintf(name, sizeof(name), "room:%s", stay->bare);
  int r = tt_follow_create(core_of(stay), name, &stay->config->told, &sink, stay, &stay->follow);
  if (r < 0)
    tt_log(TT_LOG_ERROR, stay->bare, "nothing can be announced: %s", strerror(-r));
}
