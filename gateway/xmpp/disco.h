/* SPDX-License-Identifier: Apache-2.0
 *
 * disco.h: service discovery (XEP-0030) of the gateway and its tree, and entity capabilities (XEP-0115). What one asks for
 * is an address and a node:
 *   the gateway (account, or domain of the component)   itself; its items are the roots of the tree
 *   `thing@gw.domain` (component)                       that thing; its items are its children
 *   node "n/<source>/<partition>/<id>" at any of ours   that node of the tree
 *   node "urn:x-thingtree#<ver>"                        what the presence of the address said
 *   anything else                                       asked of the branches that others hang in
 * In component mode items are addresses, for clients that know no nodes; an account has one address, so items are nodes.
 * Main thread only.
 */
#pragma once

#include "router.h"
#include "writer.h"

#define TT_NS_DISCO_INFO  "http://jabber.org/protocol/disco#info"
#define TT_NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define TT_NS_RSM         "http://jabber.org/protocol/rsm"

#define TT_PRODUCT    "thingtree"
#define TT_CAPS_NODE  "urn:x-thingtree"
#define TT_DISCO_FORM "urn:x-thingtree:node" /* FORM_TYPE of a node's form (XEP-0128) */

#define TT_DISCO_ITEMS_MAX    100 /* in one answer; the rest by XEP-0059 */
#define TT_DISCO_BRANCHES_MAX 16

/* What an answer is made of. Valid during the call. */
struct tt_disco_info;
void tt_disco_identity(struct tt_disco_info *info, const char *category, const char *type, const char *name);
void tt_disco_feature(struct tt_disco_info *info, const char *var);

struct tt_disco_items;
/* `jid` NULL: the address that was asked; `node`, `name` may be NULL. */
void tt_disco_item(struct tt_disco_items *items, const char *jid, const char *node, const char *name);

/* Discovery nodes of another subject. The router has seen to it that the caller has a rule and may know of iq->thing.
 * Both: false, there is no such node (here, for this caller); then nothing was added. */
struct tt_disco_branch {
  bool (*info)(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_info *info);
  bool (*items)(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_items *items);
};
/* The branch is borrowed. -ENOSPC */
int tt_disco_add(struct tt_router *router, const struct tt_disco_branch *branch, void *user);

int tt_disco_handlers_add(struct tt_router *router);

/* Does a feature of tt_router_add_features() belong to this thing too? All do but those of a subject that it has not
 * (nothing to read, nothing to control) or that is a domain's alone. NULL: the gateway itself. */
bool tt_disco_has_feature(const struct tt_session *session, const struct tt_node *thing, bool is_full,
                          const char *feature);

/* <c/> for the presence of the gateway (thing NULL) or of a thing, as one sees it who sees all of it or but the place. */
void tt_disco_write_caps(struct tt_writer *w, const struct tt_router *router, const struct tt_session *session,
                         const struct tt_node *thing, bool is_full);

/* "n/<source>/<partition>/<id>": "%" and "/" of the first two percent-encoded, the id as it is. Appended. Pure. */
void tt_disco_node_name(struct tt_buf *out, const struct tt_node *node);
/* Back to a reference, in `arena`. -EINVAL: not such a name; -ENOMEM. Pure. */
int tt_disco_node_ref(const char *name, struct tt_arena *arena, struct tt_ref *ret);
