/* SPDX-License-Identifier: Apache-2.0
 *
 * block.c: what an admin has blocked is kept away by our server, too (XEP-0191), and reported there when the admin says why
 * (XEP-0377). A server asks it of accounts only: what comes to a component is dropped by the router alone. Whom the
 * account's own list has beside ours is left alone: another client of the account may have put them there.
 */
#include "ask.h"
#include "handlers.h"
#include "router_private.h"
#include "writer.h"

#include "service/log.h"

#define NS_BLOCKING  "urn:xmpp:blocking"
#define NS_REPORTING "urn:xmpp:reporting:1"
#define NS_INFO      "http://jabber.org/protocol/disco#info"
#define ITEMS_MAX    50 /* in one request: some servers limit the size of a stanza to 10 kB for accounts */

struct tt_block_handlers {
  struct tt_router *router;
  /* The account's stream whose server can block; NULL: there is none, or it has not said so yet. */
  struct tt_session *session;
};

static void write_item(struct tt_writer *w, const char *who, enum tt_block_reason reason, const char *report)
{
  static const char *const reasons[] = {
      [TT_BLOCK_SPAM] = "urn:xmpp:reporting:spam", [TT_BLOCK_ABUSE] = "urn:xmpp:reporting:abuse"};
  tt_write_open(w, "item", NULL);
  tt_write_attr(w, "jid", who);
  if (reason != TT_BLOCK_NO_REPORT) {
    tt_write_open(w, "report", NS_REPORTING);
    tt_write_attr(w, "reason", reasons[reason]);
    if (report && *report)
      tt_write_element(w, "text", report);
    tt_write_close(w);
  }
  tt_write_close(w);
}

static void on_blocked(TT_UNUSED void *user, const struct tt_xml *answer)
{
  const char *condition = answer ? tt_answer_condition(answer) : "no answer";
  if (condition)
    tt_log(TT_LOG_WARNING, "block", "our server did not change its list of blocked addresses: %s", condition);
}

static void send(struct tt_block_handlers *handlers, struct tt_buf *buf, bool is_complete)
{
  char *payload = is_complete ? tt_buf_steal(buf) : NULL;
  if (payload)
    tt_ask(handlers->router, handlers->session, &(struct tt_question){.is_set = true, .payload = payload},
           on_blocked, handlers);
}

static void on_change(void *user, const char *who, bool is_blocked, enum tt_block_reason reason, const char *report)
{
  struct tt_block_handlers *handlers = user;
  if (is_blocked)
    tt_router_shut_out(handlers->router, who);
  if (!handlers->session)
    return;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, is_blocked ? "block" : "unblock", NS_BLOCKING);
  write_item(&w, who, reason, report);
  tt_write_close(&w);
  send(handlers, &buf, !w.failed);
}

/* ---- When the stream comes: our list becomes part of the account's ------------------------------------------------- */

static void send_all(struct tt_block_handlers *handlers)
{
  size_t n;
  const struct tt_block *blocks = tt_blocks_list(handlers->router->config.blocks, &n);
  for (size_t i = 0; i < n; i += ITEMS_MAX) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    tt_write_open(&w, "block", NS_BLOCKING);
    for (size_t k = i; k < n && k < i + ITEMS_MAX; k++)
      write_item(&w, blocks[k].who, TT_BLOCK_NO_REPORT, NULL);
    tt_write_close(&w);
    send(handlers, &buf, !w.failed);
  }
}

static void on_server_info(void *user, const struct tt_xml *answer)
{
  struct tt_block_handlers *handlers = user;
  const struct tt_xml *query = answer ? tt_xml_child(answer, "query", NS_INFO) : NULL;
  if (!query)
    return;
  TT_XML_FOREACH(feature, query) {
    const char *var = tt_xml_attr(feature, "var");
    if (!strcmp(feature->name, "feature") && var && !strcmp(var, NS_BLOCKING)) {
      for (size_t i = 0; i < handlers->router->n_sessions && !handlers->session; i++)
        if (tt_session_kind(handlers->router->sessions[i]) == TT_SESSION_ACCOUNT)
          handlers->session = handlers->router->sessions[i];
      if (handlers->session)
        send_all(handlers);
      return;
    }
  }
  tt_log(TT_LOG_INFO, "block", "our server cannot block addresses (XEP-0191); what is blocked is dropped here");
}

static void on_online(void *user, struct tt_session *session)
{
  struct tt_block_handlers *handlers = user;
  char own[TT_JID_MAX + 1];
  if (tt_session_kind(session) != TT_SESSION_ACCOUNT || tt_jid_bare(tt_session_jid(session), own, sizeof(own)) < 0)
    return;
  const char *at = strchr(own, '@');
  tt_ask(handlers->router, session,
         &(struct tt_question){.to = at ? at + 1 : own, .payload = strdup("<query xmlns='" NS_INFO "'/>")},
         on_server_info, handlers);
}

static void on_gone(void *user, struct tt_session *session, const char *full)
{
  struct tt_block_handlers *handlers = user;
  if (!full && handlers->session == session)
    handlers->session = NULL;
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

int tt_block_handlers_create(struct tt_router *router, struct tt_block_handlers **ret)
{
  struct tt_block_handlers *handlers = calloc(1, sizeof(*handlers));
  if (!handlers)
    return -ENOMEM;
  handlers->router = router;
  int r = tt_router_on_online(router, on_online, handlers);
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, handlers);
  if (r < 0) {
    free(handlers);
    return r;
  }
  tt_blocks_listen(router->config.blocks, on_change, handlers);
  *ret = handlers;
  return 0;
}

void tt_block_handlers_destroy(struct tt_block_handlers *handlers)
{
  if (handlers)
    tt_ask_forget(handlers->router, handlers);
  free(handlers);
}
