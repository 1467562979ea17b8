/* SPDX-License-Identifier: Apache-2.0
 *
 * link_stanza.h: a stanza of libstrophe into a tree of ours. Pure. Private to the link's thread.
 */
#pragma once

#include "xml.h"

#include <strophe.h>

/* NULL: out of memory, or nothing of it is within the limits of xml.h. */
struct tt_xml_doc *tt_link_stanza_doc(xmpp_stanza_t *stanza);
