/* SPDX-License-Identifier: Apache-2.0
 * adhoc_disco.c: which commands there are for whoever asks (XEP-0050 sections 2.1 and 2.2).
 */
#include "adhoc_private.h"
#include "router_private.h"

#include "text/text.h"

#define NS_INFO  "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"

static void write_identity(struct tt_writer *w, const char *type, const char *name)
{
  tt_write_open(w, "identity", NULL);
  tt_write_attr(w, "category", "automation");
  tt_write_attr(w, "type", type);
  tt_write_attr(w, "name", name);
  tt_write_close(w);
}

static void write_feature(struct tt_writer *w, const char *var)
{
  tt_write_open(w, "feature", NULL);
  tt_write_attr(w, "var", var);
  tt_write_close(w);
}

static void write_items(struct tt_writer *w, const struct tt_adhoc_asker *asker)
{
  const char *language = asker->caller->language;
  for (size_t i = 0; i < asker->adhoc->n_tables; i++)
    for (size_t k = 0; k < asker->adhoc->tables[i].n; k++) {
      const struct tt_adhoc_command *command = &asker->adhoc->tables[i].rows[k];
      if (!tt_adhoc_is_offered(asker, command, asker->adhoc->tables[i].user))
        continue;
      tt_write_open(w, "item", NULL);
      tt_write_attr(w, "jid", asker->caller->local);
      tt_write_attr(w, "node", command->node);
      tt_write_attr(w, "name", tt_tr(language, command->title));
      tt_write_close(w);
    }
}

static void answer(struct tt_iq *iq, struct tt_writer *w)
{
  tt_write_close(w);
  if (w->failed)
    tt_iq_error(iq, TT_REFUSED_BUSY, NULL, NULL, NULL);
  else
    tt_iq_result(iq, tt_buf_steal(w->buf));
}

static bool on_disco(struct tt_iq *iq, const char *node, bool is_items, const void *user)
{
  struct tt_adhoc *adhoc = *(struct tt_adhoc *const *)user;
  const struct tt_adhoc_asker asker = {adhoc, &iq->caller, iq->thing};
  void *command_user;
  bool is_list = !strcmp(node, TT_NS_COMMANDS);
  const struct tt_adhoc_command *command = is_list ? NULL : tt_adhoc_find(adhoc, node, &command_user);
  if (!is_list && (!command || !tt_adhoc_is_offered(&asker, command, command_user)))
    return false;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", is_items ? NS_ITEMS : NS_INFO);
  tt_write_attr(&w, "node", node);
  if (is_items && is_list) {
    write_items(&w, &asker);
  } else if (!is_items) {
    write_identity(&w, is_list ? "command-list" : "command-node",
                   tt_tr(iq->caller.language, is_list ? TT_TR("Commands") : command->title));
    write_feature(&w, TT_NS_COMMANDS);
    write_feature(&w, TT_NS_FORM);
  }
  answer(iq, &w);
  return true;
}

int tt_adhoc_disco_add(struct tt_adhoc *adhoc)
{
  static const char *const features[] = {TT_NS_COMMANDS, TT_NS_FORM, NULL};
  adhoc->router->disco = on_disco;
  adhoc->router->disco_user = &adhoc->self;
  return tt_router_add_features(adhoc->router, features);
}
