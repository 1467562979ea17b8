/* SPDX-License-Identifier: Apache-2.0
 * fuzz_pubsub.c: what a pubsub service may answer. Whoever is in the list of affiliations: when the service has done what it is
 * asked, the members may read and nobody else but owners. The first byte chooses the access model. */
#include "xmpp/pubsub.h"

#include "trust/access.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(is_so) must_at(is_so, __LINE__)
static void must_at(bool is_so, int line)
{
  if (is_so)
    return;
  fprintf(stderr, "fuzz_pubsub.c:%d: not so\n", line);
  abort();
}

static const struct tt_xml *rows_of(const struct tt_xml *pubsub)
{
  return pubsub ? tt_xml_child(pubsub, "affiliations", NULL) : NULL;
}

/* The last word about this address; NULL: none. */
static const char *said_of(const struct tt_xml *list, const char *bare)
{
  char other[4096];
  const char *said = NULL;
  if (!list)
    return NULL;
  TT_XML_FOREACH(child, list) {
    const char *jid = tt_xml_attr(child, "jid"), *affiliation = tt_xml_attr(child, "affiliation");
    if (jid && affiliation && tt_jid_bare(jid, other, sizeof(other)) == 0 && !strcmp(other, bare))
      said = affiliation;
  }
  return said;
}

static bool is_one_of(const char *affiliation, const char *const words[])
{
  while (*words && strcmp(*words, affiliation) != 0)
    words++;
  return *words != NULL;
}

static void check(const struct tt_pubsub_node *node, const struct tt_xml *answer)
{
  char *payload = NULL;
  struct tt_xml_doc *doc = NULL;
  int r = tt_pubsub_set_affiliations(node, answer, &payload);
  must(r == 0 || !payload);
  if (r < 0)
    return;
  must(!payload || tt_xml_parse(payload, strlen(payload), &doc) == 0);
  const struct tt_xml *before = rows_of(tt_xml_child(answer, "pubsub", NULL));
  const struct tt_xml *after = doc ? rows_of(tt_xml_doc_root(doc)) : NULL;
  char bare[4096];
  TT_XML_FOREACH(child, before) {
    const char *jid = tt_xml_attr(child, "jid"), *affiliation = tt_xml_attr(child, "affiliation");
    if (!jid || !affiliation || tt_jid_bare(jid, bare, sizeof(bare)) < 0)
      continue;
    const char *said = said_of(after, bare);
    bool is_member = node->members.n > 0 && !strcmp(bare, node->members.text[0]);
    if (!is_member && !is_one_of(affiliation, (const char *const[]){"owner", "outcast", "none", NULL}))
      must(said && !strcmp(said, "none"));
    else if (!is_member)
      must(!said || !strcmp(said, "none"));
  }
  free(payload);
  tt_xml_doc_destroy(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *texts[] = {"alice@example.org"};
  struct tt_xml_doc *doc;
  char why[200];
  if (size < 1 || tt_xml_parse((const char *)data + 1, size - 1, &doc) < 0)
    return 0;
  struct tt_pubsub_node node = {.name = "n", .payload = "urn:x", .access = data[0] % 3, .max_items = 1};
  if (node.access == TT_PUBLISH_WHITELIST)
    node.members = (struct tt_texts){texts, 1};
  if (node.access == TT_PUBLISH_ROSTER)
    node.groups = (struct tt_texts){texts, 1};
  (void)tt_pubsub_features(tt_xml_doc_root(doc));
  (void)tt_pubsub_confirms(&node, tt_xml_doc_root(doc), why, sizeof(why));
  check(&node, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  return 0;
}
