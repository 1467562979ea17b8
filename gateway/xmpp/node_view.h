/* SPDX-License-Identifier: Apache-2.0
 *
 * node_view.h: a node as the concentrator shows it to one caller: attributes, typed parameters, messages. What the
 * caller may not know of is not there: nodes, children, and of a mere place everything but the place.
 */
#pragma once

#include "dialect.h"

#include "model/core.h"

struct tt_node_view {
  struct tt_core *core;
  const struct tt_dialect *dialect;
  const struct tt_caller *caller;
  bool with_parameters, with_messages;
};

bool tt_node_view_shows(const struct tt_node_view *view, const struct tt_node *node);
/* Attributes and content of a node, into the element whose start tag was opened last. */
void tt_node_view_write(const struct tt_node_view *view, struct tt_writer *w, const struct tt_node *node);

/* What nodes can be sorted by: "nodeId", "displayName", or the id of a parameter. */
struct tt_node_order {
  const char *name;
  bool is_descending;
};
/* < 0, 0, > 0. An unknown name makes all nodes equal. */
int tt_node_view_compare(const struct tt_node_view *view, const struct tt_node_order *order,
                         const struct tt_node *a, const struct tt_node *b);

/* Is the dotted type of a node this class or derived from it ("thingtree.device" of "thingtree.device.mqtt")? */
bool tt_node_type_is(const char *type, const char *class_name);
