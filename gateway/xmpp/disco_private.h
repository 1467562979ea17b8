/* SPDX-License-Identifier: Apache-2.0
 *
 * disco_private.h: what disco.c, disco_items.c and caps.c share.
 */
#pragma once

#include "disco.h"
#include "router_private.h"

/* Whom or what a request is about. */
struct tt_disco_subject {
  const struct tt_node *node; /* of the tree; NULL: the gateway itself */
  bool is_full;               /* TT_SIGHT_FULL; else a mere place */
};

/* The identities of the gateway (node NULL) or of a node that has an address of its own, in the order of XEP-0115. Each
 * NULL category ends. */
#define TT_IDENTITIES_MAX 4
struct tt_identity {
  const char *category, *type;
};
void tt_disco_identities(const struct tt_session *session, const struct tt_disco_subject *subject,
                         struct tt_identity out[static TT_IDENTITIES_MAX]);
bool tt_disco_is_branch(const struct tt_node *node);

/* XEP-0115 section 5.1, without forms: our presence names a node of its own ("urn:x-thingtree#ver"), which is answered
 * without one. -ENOMEM */
#define TT_CAPS_VER_SIZE 32
int tt_disco_ver(const struct tt_router *router, const struct tt_session *session,
                 const struct tt_disco_subject *subject, char out[static TT_CAPS_VER_SIZE]);

void tt_disco_on_items(struct tt_iq *iq, const void *data);

/* The node that a request names, for what it stands. */
enum tt_disco_kind {
  TT_DISCO_SELF,  /* the address itself */
  TT_DISCO_CAPS,  /* what its presence says */
  TT_DISCO_NODE,  /* a node of the tree */
  TT_DISCO_OTHER, /* the branches know, or nobody */
  TT_DISCO_NONE,  /* there is no such node, or none that the caller may know of */
};
enum tt_disco_kind tt_disco_resolve(const struct tt_iq *iq, const char *node, struct tt_disco_subject *ret);
