/* SPDX-License-Identifier: Apache-2.0
 *
 * node.h: what tree.c and node.c share, private to the two.
 */
#pragma once

#include "tree.h"

/* Call every listener. */
void tt_tree_tell(struct tt_tree *tree, struct tt_node *node, enum tt_change change, uint16_t point);
