/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.h: what is published to pubsub nodes, as data. Written in `publish:` of the configuration, done by
 * xmpp/publish.h.
 */
#pragma once

#include <thingtree/diag.h>
#include <thingtree/option.h>

#define TT_PUBLISH_MAX         32  /* entries */
#define TT_PUBLISH_MEMBERS_MAX 256 /* addresses or groups of one */
#define TT_PUBLISH_NAME_MAX    255 /* bytes of the name of a pubsub node, before {source} and {node} are put in */
#define TT_PUBLISH_PEP         "pep"

/* Who may read a pubsub node (XEP-0060 section 4.5). There is no `open` and there shall be none. */
enum tt_publish_access {
  TT_PUBLISH_WHITELIST, /* `members` */
  TT_PUBLISH_ROSTER,    /* contacts in `groups` of our account's roster */
  TT_PUBLISH_PRESENCE,  /* contacts that get our account's presence */
};

struct tt_publish {
  const char *to;         /* a pubsub service, or TT_PUBLISH_PEP */
  struct tt_texts nodes;  /* patterns of paths; at least one */
  struct tt_texts fields; /* patterns of names; none: all */
  /* The pubsub node, with {source} and {node}; NULL: "iot/{source}/{node}", for PEP the namespace of sensor data. */
  const char *as;
  int dialect; /* enum tt_dialect_flag of config.h */
  int access;  /* enum tt_publish_access */
  struct tt_texts members, groups;
  uint64_t interval_us;
};
