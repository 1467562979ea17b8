/* SPDX-License-Identifier: Apache-2.0
 *
 * pick_xml.h: raw values out of an XML document, by XPath 1.0 (libxml2). Pure; every byte may be hostile: no network, no
 * entities, no document type at all, a limit for size, depth and for the work of one expression. The expression itself
 * is the owner's.
 */
#pragma once

#include "pick.h"

#define TT_PICK_XML_DEPTH_MAX 64     /* nesting of elements */
#define TT_PICK_XPATH_MAX     1024   /* bytes of an expression */
#define TT_PICK_XPATH_STEPS   200000 /* libxml2's operations for one value */

struct tt_pick_xml;

/* Parse the whole of `data`, in UTF-8. -EINVAL with the reason in `why`; -ENOMEM. */
int tt_pick_xml_parse(const char *data, size_t n, struct tt_pick_xml **ret, char *why);
void tt_pick_xml_free(struct tt_pick_xml *xml); /* NULL is fine */

/* Why the text is not an expression, or NULL: it is one. `namespaces` is a map of prefixes, or NULL. */
const char *tt_pick_xpath_problem(const char *xpath, const struct tt_item *namespaces);

/* What the expression gives, as a raw value: of several nodes the first one's text. -ENODATA: no node. -EINVAL with
 * the reason in `why`. */
int tt_pick_xml_value(struct tt_pick_xml *xml, const char *xpath, const struct tt_item *namespaces,
                      bool wants_number, struct tt_value *ret, char *why);
