/* SPDX-License-Identifier: Apache-2.0
 *
 * avatar.c: pictures as XEP-0084 has them. Each address of a component answers as a service of its own (XEP-0163) would, that
 * has the two nodes of a picture and in each the one item that is true now. Nobody's capabilities are known to a component, to
 * which no presence of theirs comes: so nobody is told of a picture unasked, but by its hash in presence (XEP-0153).
 */
#include <openssl/evp.h>

#include "handlers.h"
#include "router_private.h"
#include "vcard.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"

char *tt_avatar_base64(const struct tt_avatar *avatar)
{
  char *text = malloc((avatar->n + 2) / 3 * 4 + 1);
  if (text)
    EVP_EncodeBlock((unsigned char *)text, avatar->png, (int)avatar->n);
  return text;
}

static void write_data(struct tt_writer *w, const struct tt_avatar *avatar)
{
  TT_AUTOFREE char *text = tt_avatar_base64(avatar);
  if (!text) {
    w->failed = true;
    return;
  }
  tt_write_open(w, "data", TT_NS_AVATAR_DATA);
  tt_write_text(w, text);
  tt_write_close(w);
}

static void write_metadata(struct tt_writer *w, const struct tt_avatar *avatar)
{
  tt_write_open(w, "metadata", TT_NS_AVATAR_METADATA);
  tt_write_open(w, "info", NULL);
  tt_write_attr(w, "id", avatar->sha1);
  tt_write_attr(w, "type", "image/png");
  tt_write_attr_printf(w, "bytes", "%zu", avatar->n);
  tt_write_attr(w, "width", "64");
  tt_write_attr(w, "height", "64");
  tt_write_close(w);
  tt_write_close(w);
}

static const struct row {
  const char *node;
  void (*write)(struct tt_writer *w, const struct tt_avatar *avatar);
} nodes[] = {{TT_NS_AVATAR_DATA, write_data}, {TT_NS_AVATAR_METADATA, write_metadata}};

static const struct row *find(const char *node)
{
  for (size_t i = 0; node && i < TT_COUNT(nodes); i++)
    if (strcmp(nodes[i].node, node) == 0)
      return &nodes[i];
  return NULL;
}

void tt_avatar_write_item(struct tt_writer *w, const char *list, const char *node, const struct tt_avatar *avatar)
{
  tt_write_open(w, "pubsub", NS_PUBSUB);
  tt_write_open(w, list, NULL);
  tt_write_attr(w, "node", node);
  tt_write_open(w, "item", NULL);
  tt_write_attr(w, "id", avatar->sha1);
  find(node)->write(w, avatar);
  tt_write_close(w);
  tt_write_close(w);
  tt_write_close(w);
}

/* Does it ask for all items, or for this one among others? */
static bool is_asked_for(const struct tt_xml *items, const struct tt_avatar *avatar)
{
  bool is_any = true;
  TT_XML_FOREACH(item, items) {
    const char *id = tt_xml_attr(item, "id");
    if (strcmp(item->name, "item") != 0)
      continue;
    if (id && strcmp(id, avatar->sha1) == 0)
      return true;
    is_any = false;
  }
  return is_any;
}

/* Whoever may see the thing may see its picture, as its card. The server of an account has that of the account. */
static void on_pubsub(struct tt_iq *iq, TT_UNUSED const void *data)
{
  const struct tt_xml *items = tt_xml_child(iq->payload, "items", NS_PUBSUB);
  const struct tt_avatar *avatar = tt_avatar(tt_thing_kind(iq->thing));
  const struct row *row = items ? find(tt_xml_attr(items, "node")) : NULL;
  if (tt_session_kind(iq->session) != TT_SESSION_COMPONENT) {
    tt_iq_unhandled(iq);
  } else if (iq->is_set) {
    tt_iq_error(iq, TT_REFUSED_FORBIDDEN, NULL, NULL, NULL);
  } else if (!items) {
    tt_iq_error(iq, TT_REFUSED_NOT_SUPPORTED, NULL, NULL, NULL);
  } else if (!row || !is_asked_for(items, avatar)) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, NULL, NULL, NULL);
  } else {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    tt_avatar_write_item(&w, "items", row->node, avatar);
    tt_iq_written(iq, &w);
  }
}

static const char *const features[] = {TT_FEATURE_RETRIEVE_ITEMS, NULL};
static const struct tt_iq_handler rows[] = {{.ns = NS_PUBSUB, .name = "pubsub", .fn = on_pubsub}};

int tt_avatar_handlers_add(struct tt_router *router)
{
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  return r < 0 ? r : tt_router_add_features(router, features);
}
