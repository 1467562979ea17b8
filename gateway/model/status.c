/* SPDX-License-Identifier: Apache-2.0
 * status.c: how many devices are well. */
#include "status.h"

const char *const tt_health_names[TT_HEALTH_COUNT] = {[TT_HEALTH_OK] = "ok",
                                                      [TT_HEALTH_WARNING] = "warning",
                                                      [TT_HEALTH_ERROR] = "error",
                                                      [TT_HEALTH_DISABLED] = "disabled"};

enum tt_health tt_node_health(const struct tt_node *node)
{
  if (node->is_disabled)
    return TT_HEALTH_DISABLED;
  switch (tt_node_state(node)) {
  case TT_STATE_NONE:
  case TT_STATE_INFORMATION:
    return TT_HEALTH_OK;
  case TT_STATE_WARNING_SIGNED:
  case TT_STATE_WARNING_UNSIGNED:
    return TT_HEALTH_WARNING;
  case TT_STATE_ERROR_SIGNED:
  case TT_STATE_ERROR_UNSIGNED:
    return TT_HEALTH_ERROR;
  }
  return TT_HEALTH_OK;
}

struct tt_device_counts tt_count_devices(struct tt_core *core, const struct tt_caller *caller,
                                         void (*trouble)(void *user, const struct tt_node *node), void *user)
{
  struct tt_device_counts counts = {0};
  struct tt_tree *tree = tt_core_tree(core);
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node)) {
    if (node->kind != TT_NODE_DEVICE || tt_core_sight(core, caller, node) != TT_SIGHT_FULL)
      continue;
    enum tt_health health = tt_node_health(node);
    counts.total++;
    counts.of[health]++;
    if (health != TT_HEALTH_OK && trouble)
      trouble(user, node);
  }
  return counts;
}
