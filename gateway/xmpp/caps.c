/* SPDX-License-Identifier: Apache-2.0
 * caps.c: who we say we are, by address: identities, features, and their hash in presence (XEP-0115). */
#include <openssl/evp.h>

#include "disco_private.h"

#include "dialect.h"
#include "vcard.h"

#define NS_CAPS "http://jabber.org/protocol/caps"

/* What is asked at the domain of a component alone. */
static const char *const domains_alone[] = {"jabber:iq:search"};
/* At an account its server has that. */
static const char *const components_alone[] = {TT_FEATURE_RETRIEVE_ITEMS};

bool tt_disco_is_branch(const struct tt_node *node)
{
  switch (node->kind) {
  case TT_NODE_PLACE:
  case TT_NODE_GATEWAY:
    return true;
  case TT_NODE_DEVICE:
  case TT_NODE_CONNECTION:
    break;
  }
  return node->n_children > 0;
}

/* No category is registered for things: a client looks for client/bot, and asks a component like a server. A thing of a component
 * answers for its picture as the server of an account does for that of a person (XEP-0163). */
void tt_disco_identities(const struct tt_session *session, const struct tt_disco_subject *subject,
                         struct tt_identity out[static TT_IDENTITIES_MAX])
{
  size_t n = 0;
  out[n++] = (struct tt_identity){"client", "bot"};
  if (subject->node)
    out[n++] = (struct tt_identity){"hierarchy", tt_disco_is_branch(subject->node) ? "branch" : "leaf"};
  else if (tt_session_kind(session) == TT_SESSION_COMPONENT)
    out[n++] = (struct tt_identity){"component", "generic"};
  if (subject->node && tt_session_kind(session) == TT_SESSION_COMPONENT)
    out[n++] = (struct tt_identity){"pubsub", "pep"};
  out[n] = (struct tt_identity){0};
}

static bool is_of_subject(const char *feature, enum tt_subject subject)
{
  for (size_t i = 0; i < TT_DIALECT_COUNT; i++)
    if (strcmp(tt_dialects[i].ns[subject], feature) == 0)
      return true;
  return false;
}

static bool is_one_of(const char *feature, const char *const *some, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(some[i], feature) == 0)
      return true;
  return false;
}

bool tt_disco_has_feature(const struct tt_session *session, const struct tt_node *thing, bool is_full,
                          const char *feature)
{
  bool is_component = tt_session_kind(session) == TT_SESSION_COMPONENT;
  if (!thing && is_component)
    return true;
  if (is_one_of(feature, domains_alone, TT_COUNT(domains_alone)) ||
      (!is_component && is_one_of(feature, components_alone, TT_COUNT(components_alone))))
    return false;
  if (!thing)
    return true;
  if (is_of_subject(feature, TT_SUBJECT_SENSOR))
    return is_full && tt_node_is_readable(thing);
  if (is_of_subject(feature, TT_SUBJECT_CONTROL))
    return is_full && tt_node_is_controllable(thing);
  return !is_of_subject(feature, TT_SUBJECT_CONCENTRATOR);
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int tt_disco_ver(const struct tt_router *router, const struct tt_session *session,
                 const struct tt_disco_subject *subject, char out[static TT_CAPS_VER_SIZE])
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  struct tt_identity identities[TT_IDENTITIES_MAX];
  const char *sorted[TT_ROUTER_FEATURES_MAX];
  size_t n = 0;
  tt_disco_identities(session, subject, identities);
  for (const struct tt_identity *identity = identities; identity->category; identity++)
    tt_buf_printf(&text, "%s/%s//" TT_PRODUCT "<", identity->category, identity->type);
  for (size_t i = 0; i < router->n_features; i++)
    if (tt_disco_has_feature(session, subject->node, subject->is_full, router->features[i]))
      sorted[n++] = router->features[i];
  qsort(sorted, n, sizeof(*sorted), by_name);
  for (size_t i = 0; i < n; i++)
    tt_buf_printf(&text, "%s<", sorted[i]);

  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_len = 0;
  if (text.failed || !EVP_Digest(text.data, text.len, digest, &digest_len, EVP_sha1(), NULL))
    return -ENOMEM;
  EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_len); /* 20 bytes give 28 characters and NUL */
  return 0;
}

void tt_disco_write_caps(struct tt_writer *w, const struct tt_router *router, const struct tt_session *session,
                         const struct tt_node *thing, bool is_full)
{
  char ver[TT_CAPS_VER_SIZE];
  if (tt_disco_ver(router, session, &(struct tt_disco_subject){thing, is_full}, ver) < 0)
    return;
  tt_write_open(w, "c", NS_CAPS);
  tt_write_attr(w, "hash", "sha-1");
  tt_write_attr(w, "node", TT_CAPS_NODE);
  tt_write_attr(w, "ver", ver);
  tt_write_close(w);
}
