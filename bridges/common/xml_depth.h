/* SPDX-License-Identifier: Apache-2.0
 *
 * xml_depth.h: a limit that libxml2 does not have as low as we want it: whoever walks a tree by calling itself needs one.
 */
#pragma once

#include <libxml/tree.h>
#include <stdbool.h>

/* Are there more than `max` elements in one another, the root counted? Pure. */
bool tt_xml_is_deeper(const xmlNode *root, unsigned max);
