/* SPDX-License-Identifier: Apache-2.0
 * xml_depth.c: xml_depth.h. */
#include "common/xml_depth.h"

bool tt_xml_is_deeper(const xmlNode *root, unsigned max)
{
  unsigned depth = 1;
  for (const xmlNode *node = root; node;) {
    if (node->type == XML_ELEMENT_NODE && depth > max)
      return true;
    if (node->type == XML_ELEMENT_NODE && node->children) {
      node = node->children;
      depth++;
      continue;
    }
    while (node != root && !node->next) {
      node = node->parent;
      depth--;
    }
    node = node == root ? NULL : node->next;
  }
  return false;
}
