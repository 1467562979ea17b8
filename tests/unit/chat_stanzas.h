/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_stanzas.h: iot_world.h with chat and watches in it, for tests that look at single stanzas.
 */
#pragma once

#include "iot_world.h"

#include "model/subscription.h"
#include "xmpp/watch.h"

#define CHAT(attributes, payload)                                                                                  \
  "<message xmlns='jabber:client' type='chat' from='" ALICE "' to='" GATEWAY "' " attributes ">" payload           \
  "</message>"

static struct tt_watches *watches;
static struct tt_chat_handlers *handlers;

static bool tell_log(void *user, TT_UNUSED const struct tt_caller *caller, TT_UNUSED size_t n, struct tt_buf *out)
{
  (void)user;
  tt_buf_puts(out, "a line");
  return true;
}

static void drop_chat(void)
{
  tt_chat_handlers_destroy(handlers);
  tt_watches_destroy(watches);
}

TT_UNUSED_FN struct world *begin(void)
{
  struct world *w = world_create();
  w->more = drop_chat;
  assert_int_equal(tt_watches_create(w->router, &watches), 0);
  assert_int_equal(
      tt_chat_handlers_create(w->router, watches, &(struct tt_chat_admin){w, tell_log, NULL}, &handlers), 0);
  report(w, w->plug, "relay", "false");
  report(w, w->plug, "level", "10");
  return w;
}

TT_UNUSED_FN void end(struct world *w)
{
  world_destroy(w);
}

TT_UNUSED_FN const char *send(struct world *w, const char *stanza)
{
  forget_output(w);
  advance(w, TT_USEC_PER_SEC / 2);
  give(w, stanza);
  tt_core_flush(w->core);
  return flush(w);
}

TT_UNUSED_FN void expect(const char *out, const char *part)
{
  if (!out || !strstr(out, part))
    fail_msg("no %s in\n%s", part, out ? out : "");
}
