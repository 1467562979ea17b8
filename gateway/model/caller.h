/* SPDX-License-Identifier: Apache-2.0
 *
 * caller.h: who asks. Goes with every request; its strings are borrowed during a call and copied by whoever keeps
 * the request (tt_caller_copy).
 */
#pragma once

#include <sys/types.h>
#include <thingtree/util.h>

enum tt_caller_kind { TT_CALLER_XMPP, TT_CALLER_CLI, TT_CALLER_WEB, TT_CALLER_LINK };

/* Rising: each may do what the one before may. reader: browse, read. operator: control. admin: requests, rules,
 * log, configuration. */
enum tt_role { TT_ROLE_NONE, TT_ROLE_READER, TT_ROLE_OPERATOR, TT_ROLE_ADMIN };
const char *tt_role_name(enum tt_role role);
int tt_role_parse(const char *text, enum tt_role *ret_role); /* -EINVAL */

struct tt_caller {
  enum tt_caller_kind kind;
  const char *jid;      /* XMPP: full JID as stamped by the server; CLI: "uid:1000" */
  const char *bare;     /* XMPP: bare JID, normalised; CLI: as jid */
  uid_t uid;            /* CLI */
  enum tt_role role;    /* CLI, WEB, LINK: decided at the door; XMPP: ignored, the rules decide */
  const char *local;    /* XMPP: our JID that was addressed; the answer leaves from it */
  const char *language; /* "" or a tag */
  const char *service_token, *device_token, *user_token; /* XEP-0324; NULL when absent */
  bool is_end_to_end;                                    /* the stanza was end-to-end protected */
};

/* A deep copy in one allocation, freed by free(). NULL when out of memory. */
struct tt_caller *tt_caller_copy(const struct tt_caller *caller);
