/* SPDX-License-Identifier: Apache-2.0
 *
 * xml.h: reading XML of devices with libxml2: no DTD, no entities of its own, no network, depth and size capped.
 * Names are compared without their namespace, which devices get wrong. Pure.
 */
#pragma once

#include <libxml/tree.h>
#include <thingtree/util.h>

#define UP_XML_SIZE_MAX  (64u * 1024)  /* bytes of an event or an answer */
#define UP_SCPD_SIZE_MAX (256u * 1024) /* bytes of a description of a service: some have hundreds of actions */
#define UP_XML_DEPTH_MAX 32
#define UP_WHY_SIZE      256 /* a buffer for a reason */

/* -EINVAL with the reason in `why`. The caller frees with xmlFreeDoc(). */
int up_xml_parse(const char *data, size_t n, size_t max, xmlDoc **ret_doc, char why[static UP_WHY_SIZE]);

bool up_xml_is(const xmlNode *node, const char *name); /* an element of this local name */
/* The next sibling of that name, beginning with `node` itself; NULL when there is none. */
xmlNode *up_xml_next(xmlNode *node, const char *name);
xmlNode *up_xml_child(const xmlNode *parent, const char *name); /* the first; parent may be NULL */
xmlNode *up_xml_element(xmlNode *node);                         /* the first element from this sibling on */
/* Its text without blanks around it, from xmlMalloc; NULL when there is no node or no text. */
char *up_xml_text(const xmlNode *node);
/* The same of a child, from the arena and cut at `max` bytes; NULL when there is none. */
const char *up_xml_child_text(struct tt_arena *arena, const xmlNode *parent, const char *name, size_t max);
