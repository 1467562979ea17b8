/* SPDX-License-Identifier: Apache-2.0
 *
 * pubsub.h: the questions that the owner of a pubsub node asks its service, and what the answers say (XEP-0060 sections 6 to
 * 8; XEP-0163 is the same at an account). Pure. Payloads are on the heap; NULL: out of memory.
 */
#pragma once

#include "model/publish.h"
#include "xml.h"

/* How a pubsub node is to be. */
struct tt_pubsub_node {
  const char *name;
  const char *payload; /* namespace of the items */
  int access;          /* enum tt_publish_access */
  struct tt_texts groups;
  struct tt_texts members; /* of any access: who is allowed beside whom the access model lets in */
  size_t max_items;
};

/* disco#info of the service. */
struct tt_pubsub_features {
  bool is_service;  /* of pubsub, or an account with PEP */
  bool has_options; /* publish-options: an item is refused where the access model is another by now */
};
struct tt_pubsub_features tt_pubsub_features(const struct tt_xml *answer);

char *tt_pubsub_create(const struct tt_pubsub_node *node);
/* For one that is there already. */
char *tt_pubsub_configure(const struct tt_pubsub_node *node);
char *tt_pubsub_ask_config(const char *name);
/* Does the service say that only those may read it who are meant to? Else `ret_why` says what is there instead. */
bool tt_pubsub_confirms(const struct tt_pubsub_node *node, const struct tt_xml *answer, char *ret_why, size_t size);
char *tt_pubsub_ask_affiliations(const char *name);
/* What has to change so that of those who are no owners just the members are affiliated. *ret_payload NULL with 0: nothing.
 * -ENOMEM; -EBADMSG: it is no such answer, or has more than TT_PUBSUB_AFFILIATIONS_MAX. */
#define TT_PUBSUB_AFFILIATIONS_MAX 1000
int tt_pubsub_set_affiliations(const struct tt_pubsub_node *node, const struct tt_xml *answer, char **ret_payload);

/* `payload` is borrowed markup. */
char *tt_pubsub_publish(const struct tt_pubsub_node *node, const char *item, const char *payload, bool has_options);
char *tt_pubsub_delete(const char *name);
char *tt_pubsub_retract(const char *name, const char *item);
