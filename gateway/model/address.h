/* SPDX-License-Identifier: Apache-2.0
 *
 * address.h: nodes by the local part of an XMPP address: `thing@gw.example.org` is the node `thing`, every key being
 * escaped as XEP-0106 says and folded to small letters as servers fold it. Local parts are compared, never turned back into
 * keys: folding loses what the key was. TT_GATEWAY_KEY is no node's: `gateway@gw.example.org` is the gateway itself, for programs
 * that write to nobody without an "@". Main thread.
 */
#pragma once

#include "tree.h"

#define TT_ADDRESS_MAX 1023 /* bytes of a local part (RFC 7622) */

/* The local part of a key. -EINVAL: it has none (empty, a blank at either end, a character that no address may have);
 * -ENAMETOOLONG: beyond TT_ADDRESS_MAX or `size`. Pure. */
int tt_address_of(const char *key, char *out, size_t size);

struct tt_addresses;
/* Listens to the tree, which must outlive it. -ENOSPC, -ENOMEM */
int tt_addresses_create(struct tt_tree *tree, struct tt_addresses **ret);
/* The tree may not change any more. NULL is fine. */
void tt_addresses_destroy(struct tt_addresses *addresses);
/* Is this local part the gateway's own? Pure. */
bool tt_address_is_gateway(const char *local);
/* The node whose address has this local part; NULL. Of two keys that fold to the same the first has it. */
struct tt_node *tt_addresses_find(struct tt_addresses *addresses, const char *local);
