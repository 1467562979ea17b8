/* SPDX-License-Identifier: Apache-2.0
 *
 * adhoc_world.h: what the tests of ad-hoc commands share: the world of iot_world.h with the engine in it, requests of one
 * action, forms to submit.
 */
#pragma once

#include "iot_world.h"

#include "xmpp/adhoc_commands.h"

#define COMMANDS "http://jabber.org/protocol/commands"
#define READER   "reader@house.test/desk"
#define GUEST    "guest@house.test/door"

#define SUBMIT(fields)    "<x xmlns='jabber:x:data' type='submit'>" fields "</x>"
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define assert_has(text, part)                                                                                     \
  do {                                                                                                             \
    if (!strstr(text, part))                                                                                       \
      fail_msg("'%s' is not in: %s", part, text);                                                                  \
  } while (0)
#define assert_has_not(text, part)                                                                                 \
  do {                                                                                                             \
    if (strstr(text, part))                                                                                        \
      fail_msg("'%s' is in: %s", part, text);                                                                      \
  } while (0)

TT_UNUSED_FN struct world *adhoc_begin(void)
{
  struct world *w = world_create();
  assert_int_equal(tt_basic_handlers_add(w->router), 0);
  assert_int_equal(tt_adhoc_create(w->router, &w->adhoc), 0);
  return w;
}

TT_UNUSED_FN void adhoc_end(struct world *w)
{
  tt_router_offline(w->router, w->session);
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 0);
  world_destroy(w);
}

/* One stanza in, what leaves at once out. */
TT_UNUSED_FN const char *say_to(struct world *w, const char *from, const char *to, const char *attributes,
                                const char *payload)
{
  struct tt_buf buf = TT_BUF(0);
  tt_buf_printf(&buf,
                "<iq id='q' type='set' xmlns='jabber:client' from='%s' to='%s'><command xmlns='" COMMANDS
                "' %s>%s</command></iq>",
                from, to, attributes, payload);
  forget_output(w);
  advance(w, TT_USEC_PER_SEC / 2);
  give(w, buf.data);
  tt_buf_finish(&buf);
  return flush(w);
}

TT_UNUSED_FN const char *say(struct world *w, const char *attributes, const char *payload)
{
  return say_to(w, ALICE, GATEWAY, attributes, payload);
}

/* The session that the last answer is of. */
TT_UNUSED_FN void session_of(const char *text, char out[static 33])
{
  const char *at = strstr(text, "sessionid='");
  assert_non_null(at);
  snprintf(out, 33, "%.32s", at + strlen("sessionid='"));
}

/* Begin a command. */
TT_UNUSED_FN const char *start_at(struct world *w, const char *from, const char *to, const char *node,
                                  char id[static 33])
{
  char attributes[128];
  snprintf(attributes, sizeof(attributes), "node='%s' action='execute'", node);
  const char *text = say_to(w, from, to, attributes, "");
  if (strstr(text, "sessionid='"))
    session_of(text, id);
  return text;
}

TT_UNUSED_FN const char *act_at(struct world *w, const char *from, const char *to, const char *node, const char *id,
                                const char *action, const char *payload)
{
  char attributes[256];
  snprintf(attributes, sizeof(attributes), "node='%s' sessionid='%s'%s%s%s", node, id, action ? " action='" : "",
           action ? action : "", action ? "'" : "");
  return say_to(w, from, to, attributes, payload);
}

TT_UNUSED_FN const char *act(struct world *w, const char *node, const char *id, const char *action,
                             const char *payload)
{
  return act_at(w, ALICE, GATEWAY, node, id, action, payload);
}

/* The device does what it was asked, and what leaves then. */
TT_UNUSED_FN const char *device_answers(struct world *w, int error, const char *text)
{
  struct device_request request = take_request(w);
  forget_output(w);
  complete(w, &request, error, text);
  return flush(w);
}
