/* SPDX-License-Identifier: Apache-2.0
 * adhoc_may.c: what is worth offering to whom (adhoc_choose.h). Access may be decided later than a list can wait. */
#include "adhoc_choose.h"
#include "adhoc_private.h"

#include <utlist.h>

/* One that is waited for stays until it is decided, or the engine goes. */
struct tt_adhoc_may {
  struct tt_adhoc_may *prev, *next;
  struct tt_adhoc *adhoc;
  bool is_decided, is_permitted, is_left;
};

static void drop(struct tt_adhoc_may *may)
{
  DL_DELETE(may->adhoc->mays, may);
  may->adhoc->n_mays--;
  free(may);
}

void tt_adhoc_mays_drop(struct tt_adhoc *adhoc)
{
  while (adhoc->mays)
    drop(adhoc->mays);
}

static void on_decided(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_adhoc_may *may = user;
  may->is_decided = true;
  may->is_permitted = refusal == TT_OK && n > 0 && grants[0].n_names > 0;
  if (may->is_left)
    drop(may);
}

bool tt_adhoc_may(const struct tt_adhoc_asker *asker, enum tt_access_op op, const struct tt_node *node,
                  const char *const names[], size_t n)
{
  struct tt_adhoc *adhoc = asker->adhoc;
  struct tt_adhoc_may *may = adhoc->n_mays < TT_ADHOC_WAITS_MAX ? calloc(1, sizeof(*may)) : NULL;
  if (!may)
    return true;
  const struct tt_access_query query = {
      .caller = asker->caller, .op = op, .nodes = &node->id, .n_nodes = 1, .names = names, .n_names = n};
  may->adhoc = adhoc;
  DL_APPEND(adhoc->mays, may);
  adhoc->n_mays++;
  tt_core_check(tt_router_config(adhoc->router)->core, &query, on_decided, may);
  bool is_offered = may->is_permitted || !may->is_decided;
  may->is_left = true;
  if (may->is_decided)
    drop(may);
  return is_offered;
}
