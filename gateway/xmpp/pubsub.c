/* SPDX-License-Identifier: Apache-2.0
 * pubsub.c: questions about pubsub nodes and their answers (pubsub.h). */
#include "pubsub.h"

#include "trust/access.h"
#include "writer.h"

#include <stdio.h>

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_OWNER  NS_PUBSUB "#owner"
#define NS_DATA   "jabber:x:data"
#define JID_MAX   3071

static const char *const access_models[] = {
    [TT_PUBLISH_WHITELIST] = "whitelist", [TT_PUBLISH_ROSTER] = "roster", [TT_PUBLISH_PRESENCE] = "presence"};

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

struct question {
  struct tt_buf buf;
  struct tt_writer w;
};

static void begin(struct question *q, const char *ns, const char *verb, const char *name)
{
  q->buf = (struct tt_buf)TT_BUF(0);
  tt_write_init(&q->w, &q->buf);
  tt_write_open(&q->w, "pubsub", ns);
  tt_write_open(&q->w, verb, NULL);
  tt_write_attr(&q->w, "node", name);
}

static char *end(struct question *q)
{
  while (q->w.depth > 0)
    tt_write_close(&q->w);
  if (!q->w.failed && !q->buf.failed)
    return tt_buf_steal(&q->buf);
  tt_buf_finish(&q->buf);
  return NULL;
}

static void put_field(struct tt_writer *w, const char *var, const char *const values[], size_t n)
{
  tt_write_open(w, "field", NULL);
  tt_write_attr(w, "var", var);
  for (size_t i = 0; i < n; i++)
    tt_write_element(w, "value", values[i]);
  tt_write_close(w);
}

static void open_form(struct tt_writer *w, const char *type)
{
  tt_write_open(w, "x", NS_DATA);
  tt_write_attr(w, "type", "submit");
  put_field(w, "FORM_TYPE", &type, 1);
}

static void put_config(struct tt_writer *w, const struct tt_pubsub_node *node)
{
  char max_items[24];
  snprintf(max_items, sizeof(max_items), "%zu", node->max_items);
  const struct {
    const char *var, *value;
  } fields[] = {
      {"pubsub#access_model", access_models[node->access]},
      {"pubsub#persist_items", "1"},
      {"pubsub#max_items", max_items},
      {"pubsub#type", node->payload},
  };
  open_form(w, NS_PUBSUB "#node_config");
  for (size_t i = 0; i < TT_COUNT(fields); i++)
    put_field(w, fields[i].var, &fields[i].value, 1);
  if (node->access == TT_PUBLISH_ROSTER)
    put_field(w, "pubsub#roster_groups_allowed", node->groups.text, node->groups.n);
  tt_write_close(w);
}

char *tt_pubsub_create(const struct tt_pubsub_node *node)
{
  struct question q;
  begin(&q, NS_PUBSUB, "create", node->name);
  tt_write_close(&q.w);
  tt_write_open(&q.w, "configure", NULL);
  put_config(&q.w, node);
  return end(&q);
}

char *tt_pubsub_configure(const struct tt_pubsub_node *node)
{
  struct question q;
  begin(&q, NS_OWNER, "configure", node->name);
  put_config(&q.w, node);
  return end(&q);
}

char *tt_pubsub_ask_config(const char *name)
{
  struct question q;
  begin(&q, NS_OWNER, "configure", name);
  return end(&q);
}

char *tt_pubsub_delete(const char *name)
{
  struct question q;
  begin(&q, NS_OWNER, "delete", name);
  return end(&q);
}

char *tt_pubsub_ask_affiliations(const char *name)
{
  struct question q;
  begin(&q, NS_OWNER, "affiliations", name);
  return end(&q);
}

char *tt_pubsub_publish(const struct tt_pubsub_node *node, const char *item, const char *payload, bool has_options)
{
  struct question q;
  begin(&q, NS_PUBSUB, "publish", node->name);
  tt_write_open(&q.w, "item", NULL);
  tt_write_attr(&q.w, "id", item);
  tt_write_raw(&q.w, payload, strlen(payload));
  tt_write_close(&q.w);
  tt_write_close(&q.w);
  if (has_options) {
    tt_write_open(&q.w, "publish-options", NULL);
    open_form(&q.w, NS_PUBSUB "#publish-options");
    put_field(&q.w, "pubsub#access_model", &access_models[node->access], 1);
  }
  return end(&q);
}

char *tt_pubsub_retract(const char *name, const char *item)
{
  struct question q;
  begin(&q, NS_PUBSUB, "retract", name);
  tt_write_attr_bool(&q.w, "notify", true);
  tt_write_open(&q.w, "item", NULL);
  tt_write_attr(&q.w, "id", item);
  return end(&q);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

struct tt_pubsub_features tt_pubsub_features(const struct tt_xml *answer)
{
  struct tt_pubsub_features features = {0};
  const struct tt_xml *query = tt_xml_child(answer, "query", "http://jabber.org/protocol/disco#info");
  if (!query)
    return features;
  TT_XML_FOREACH(child, query) {
    const char *var = tt_xml_attr(child, "var"), *category = tt_xml_attr(child, "category");
    if (!strcmp(child->name, "identity"))
      features.is_service |= category && !strcmp(category, "pubsub");
    else if (!strcmp(child->name, "feature") && var && !strcmp(var, NS_PUBSUB "#publish-options"))
      features.has_options = true;
  }
  return features;
}

static const struct tt_xml *payload_of(const struct tt_xml *answer, const char *name)
{
  const struct tt_xml *pubsub = tt_xml_child(answer, "pubsub", NS_OWNER);
  return pubsub ? tt_xml_child(pubsub, name, NULL) : NULL;
}

static const struct tt_xml *field_of(const struct tt_xml *form, const char *var)
{
  TT_XML_FOREACH(field, form) {
    const char *name = tt_xml_attr(field, "var");
    if (!strcmp(field->name, "field") && name && !strcmp(name, var))
      return field;
  }
  return NULL;
}

static bool has_text(const struct tt_texts *texts, const char *text)
{
  for (size_t i = 0; i < texts->n; i++)
    if (!strcmp(texts->text[i], text))
      return true;
  return false;
}

/* A group more would show the values to people whom nobody has named. */
static const char *surplus_group(const struct tt_pubsub_node *node, const struct tt_xml *form)
{
  const struct tt_xml *field = field_of(form, "pubsub#roster_groups_allowed");
  if (!field)
    return NULL;
  TT_XML_FOREACH(value, field) {
    if (!strcmp(value->name, "value") && !has_text(&node->groups, value->text))
      return value->text;
  }
  return NULL;
}

bool tt_pubsub_confirms(const struct tt_pubsub_node *node, const struct tt_xml *answer, char *ret_why, size_t size)
{
  const struct tt_xml *configure = payload_of(answer, "configure");
  const struct tt_xml *form = configure ? tt_xml_child(configure, "x", NS_DATA) : NULL;
  const struct tt_xml *field = form ? field_of(form, "pubsub#access_model") : NULL;
  const struct tt_xml *value = field ? tt_xml_child(field, "value", NULL) : NULL;
  char shown[64];
  if (!value) {
    snprintf(ret_why, size, "the service does not say who may read it");
    return false;
  }
  if (strcmp(value->text, access_models[node->access]) != 0) {
    snprintf(ret_why, size, "the service has made its access %s instead of %s",
             tt_text_printable(shown, sizeof(shown), value->text, strlen(value->text)),
             access_models[node->access]);
    return false;
  }
  const char *group = node->access == TT_PUBLISH_ROSTER ? surplus_group(node, form) : NULL;
  if (group)
    snprintf(ret_why, size, "the service would let the group %s read it",
             tt_text_printable(shown, sizeof(shown), group, strlen(group)));
  return !group;
}

static bool is_member(const struct tt_pubsub_node *node, const char *bare)
{
  char member[JID_MAX + 1];
  for (size_t i = 0; i < node->members.n; i++)
    if (tt_jid_bare(node->members.text[i], member, sizeof(member)) == 0 && !strcmp(member, bare))
      return true;
  return false;
}

static void put_affiliation(struct tt_writer *w, const char *jid, const char *affiliation)
{
  tt_write_open(w, "affiliation", NULL);
  tt_write_attr(w, "jid", jid);
  tt_write_attr(w, "affiliation", affiliation);
  tt_write_close(w);
}

/* Owners are whoever runs the service, or we; an outcast may read nothing anyway. */
static bool may_stay(const struct tt_pubsub_node *node, const char *bare, const char *affiliation)
{
  static const char *const harmless[] = {"owner", "outcast", "none"};
  for (size_t i = 0; i < TT_COUNT(harmless); i++)
    if (!strcmp(affiliation, harmless[i]))
      return true;
  return !strcmp(affiliation, "member") && is_member(node, bare);
}

static const char *affiliation_of(const struct tt_xml *list, const char *bare)
{
  char other[JID_MAX + 1];
  TT_XML_FOREACH(child, list) {
    const char *jid = tt_xml_attr(child, "jid"), *affiliation = tt_xml_attr(child, "affiliation");
    if (jid && affiliation && tt_jid_bare(jid, other, sizeof(other)) == 0 && !strcmp(other, bare))
      return affiliation;
  }
  return "none";
}

static size_t put_removed(struct tt_writer *w, const struct tt_pubsub_node *node, const struct tt_xml *list)
{
  char bare[JID_MAX + 1];
  size_t n = 0;
  TT_XML_FOREACH(child, list) {
    const char *jid = tt_xml_attr(child, "jid"), *affiliation = tt_xml_attr(child, "affiliation");
    if (!jid || !affiliation || tt_jid_bare(jid, bare, sizeof(bare)) < 0 || may_stay(node, bare, affiliation))
      continue;
    put_affiliation(w, jid, is_member(node, bare) ? "member" : "none");
    n++;
  }
  return n;
}

static size_t put_added(struct tt_writer *w, const struct tt_pubsub_node *node, const struct tt_xml *list)
{
  char bare[JID_MAX + 1];
  size_t n = 0;
  for (size_t i = 0; i < node->members.n; i++) {
    if (tt_jid_bare(node->members.text[i], bare, sizeof(bare)) < 0)
      continue;
    const char *has = affiliation_of(list, bare);
    if (strcmp(has, "none") != 0 && strcmp(has, "outcast") != 0)
      continue;
    put_affiliation(w, bare, "member");
    n++;
  }
  return n;
}

int tt_pubsub_set_affiliations(const struct tt_pubsub_node *node, const struct tt_xml *answer, char **ret_payload)
{
  const struct tt_xml *list = payload_of(answer, "affiliations");
  size_t n = 0;
  if (!list)
    return -EBADMSG;
  TT_XML_FOREACH(child, list)
    n += child->name[0] != '\0';
  if (n > TT_PUBSUB_AFFILIATIONS_MAX)
    return -EBADMSG;
  struct question q;
  begin(&q, NS_OWNER, "affiliations", node->name);
  n = put_removed(&q.w, node, list) + put_added(&q.w, node, list);
  char *payload = end(&q);
  if (!payload)
    return -ENOMEM;
  if (n == 0)
    free(TT_STEAL(payload));
  *ret_payload = payload;
  return 0;
}
