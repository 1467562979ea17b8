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

static void tell_log(void *user, TT_UNUSED const struct tt_caller *caller, TT_UNUSED size_t n, struct tt_buf *out)
{
  (void)user;
  tt_buf_puts(out, "a line");
}

TT_UNUSED_FN struct world *begin(void)
{
  struct world *w = world_create();
  assert_int_equal(tt_watches_create(w->router, &watches), 0);
  assert_int_equal(tt_chat_handlers_create(w->router, watches, &(struct tt_chat_log){w, tell_log}, &handlers), 0);
  report(w, w->plug, "relay", "false");
  report(w, w->plug, "level", "10");
  return w;
}

TT_UNUSED_FN void end(struct world *w)
{
  tt_router_offline(w->router, w->session);
  tt_core_destroy(w->core);
  tt_chat_handlers_destroy(handlers);
  tt_watches_destroy(watches);
  tt_sensor_destroy(w->sensor);
  tt_control_handlers_destroy(w->control);
  tt_events_destroy(w->events);
  tt_router_destroy(w->router);
  tt_session_destroy(w->session);
  for (size_t i = 0; i < w->n_requests; i++)
    tt_value_finish(&w->requests[i].raw);
  tt_buf_finish(&w->out);
  free(w);
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
