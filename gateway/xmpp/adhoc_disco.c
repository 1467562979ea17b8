/* SPDX-License-Identifier: Apache-2.0
 * adhoc_disco.c: which commands there are for whoever asks (XEP-0050 sections 2.1 and 2.2): a branch of service discovery.
 */
#include "adhoc_private.h"
#include "disco.h"

#include "text/text.h"

/* The row of a command that is offered to whoever asks; NULL. */
static const struct tt_adhoc_command *find(const struct tt_adhoc_asker *asker, const char *node)
{
  void *user;
  const struct tt_adhoc_command *command = tt_adhoc_find(asker->adhoc, node, &user);
  return command && tt_adhoc_is_offered(asker, command, user) ? command : NULL;
}

static bool on_info(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_info *info)
{
  const struct tt_adhoc_asker asker = {user, &iq->caller, iq->thing};
  bool is_list = !strcmp(node, TT_NS_COMMANDS);
  const struct tt_adhoc_command *command = is_list ? NULL : find(&asker, node);
  if (!is_list && !command)
    return false;
  tt_disco_identity(info, "automation", is_list ? "command-list" : "command-node",
                    tt_tr(iq->caller.language, is_list ? TT_TR("Commands") : command->title));
  tt_disco_feature(info, TT_NS_COMMANDS);
  tt_disco_feature(info, TT_NS_FORM);
  return true;
}

static bool on_items(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_items *items)
{
  const struct tt_adhoc_asker asker = {user, &iq->caller, iq->thing};
  if (strcmp(node, TT_NS_COMMANDS))
    return find(&asker, node) != NULL;
  for (size_t i = 0; i < asker.adhoc->n_tables; i++)
    for (size_t k = 0; k < asker.adhoc->tables[i].n; k++) {
      const struct tt_adhoc_command *command = &asker.adhoc->tables[i].rows[k];
      if (tt_adhoc_is_offered(&asker, command, asker.adhoc->tables[i].user))
        tt_disco_item(items, NULL, command->node, tt_tr(iq->caller.language, command->title));
    }
  return true;
}

int tt_adhoc_disco_add(struct tt_adhoc *adhoc)
{
  static const struct tt_disco_branch branch = {on_info, on_items};
  static const char *const features[] = {TT_NS_COMMANDS, TT_NS_FORM, NULL};
  int r = tt_disco_add(adhoc->router, &branch, adhoc);
  return r < 0 ? r : tt_router_add_features(adhoc->router, features);
}
