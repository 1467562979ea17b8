/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h: who may do what. Default deny. Decides by rules from the configuration and from accepted requests;
 * keeps the requests of strangers that nobody has decided yet. Main thread only.
 */
#pragma once

#include "model/core.h"
#include "model/rule.h"

#define TT_REQUESTS_MAX     100 /* pending; the oldest makes room */
#define TT_REQUESTS_PER_JID 8   /* of one bare JID, each about another thing */

struct tt_access;

/* `rules` of the configuration are borrowed. `state_dir` (may be NULL: nothing persists) holds rules.json, written
 * atomically. -EIO and the like when the state cannot be read: nobody is let in by a broken file. */
int tt_access_create(const struct tt_rule *rules, size_t n, const char *state_dir, struct tt_access **ret);
void tt_access_destroy(struct tt_access *access);
/* Other rules from the configuration, in place of those. -ENOMEM, -EINVAL: the old ones stay. */
int tt_access_configure(struct tt_access *access, const struct tt_rule *rules, size_t n);
struct tt_access_hooks tt_access_hooks(struct tt_access *access, struct tt_core *core);

/* Normalised bare JID of any JID: lower case ASCII in local part and domain, no resource, no trailing dot.
 * Anything that is not plainly a JID gives -EINVAL. */
int tt_jid_bare(const char *jid, char *out, size_t size);
/* Is there any rule for this bare JID? */
bool tt_access_knows(struct tt_access *access, const char *bare);
/* Does a rule make an admin of this bare JID, or (a domain) of the domain or any of its accounts? */
bool tt_access_has_admin(struct tt_access *access, const char *who);

/* May they decide about the gateway itself: not only an admin of some nodes? */
bool tt_access_is_admin(struct tt_access *access, const char *bare);

/* A stranger has asked (presence subscription). Remembered once per bare JID; `via` is our JID that was asked. */
void tt_access_request(struct tt_access *access, struct tt_now now, const char *bare, const char *via);
/* The same about one thing or place, by its own address: remembered once per JID and thing. */
void tt_access_request_thing(struct tt_access *access, struct tt_now now, const char *bare, const char *via,
                             const struct tt_node *node);
struct tt_request {
  const char *bare, *via;
  uint64_t stamp_us; /* wall */
  /* The glob that is granted when nothing else is said; NULL: all; "": what was asked for cannot be said by a glob. */
  const char *nodes;
};
size_t tt_access_requests(struct tt_access *access, struct tt_request *out, size_t room);
/* Write a rule for the JID and forget its requests. `nodes` NULL: consent is for what was asked for, the things whose
 * addresses were asked alone; for all ("**") when the gateway was asked, or nobody has: a JID need not have asked. -EINVAL,
 * -ENOSPC, -ENOTUNIQ (say which nodes: what was asked for cannot be said by a glob), errors of the file. */
int tt_access_accept(struct tt_access *access, const char *jid, enum tt_role role, const char *nodes);
int tt_access_deny(struct tt_access *access, const char *jid); /* -ENOENT */
/* Forget every rule that tt_access_accept() has written for the JID or domain. -ENOENT: there is none, perhaps but in the
 * configuration; errors of the file: then all of them stand. */
int tt_access_revoke(struct tt_access *access, const char *who);
/* All rules in the order in which they are looked at: of the configuration, then accepted ones. */
struct tt_access_rule {
  const struct tt_rule *rule;
  bool
      is_accepted; /* by tt_access_accept(): tt_access_revoke() takes it back; else its mark says where it stands */
};
size_t tt_access_rules(const struct tt_access *access, struct tt_access_rule *out, size_t room);
/* Called after a decision about a bare JID, or "@" and a domain: all of its accounts. The XMPP side answers subscription
 * requests; what runs for them ends when they may not any more. */
void tt_access_listen(struct tt_access *access, void (*fn)(void *user, const char *who, bool is_accepted),
                      void *user);
