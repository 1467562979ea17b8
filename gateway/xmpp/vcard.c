/* SPDX-License-Identifier: Apache-2.0
 * vcard.c: cards of things, and that of our own account (vcard.h). */
#include "vcard.h"

#include "ask.h"
#include "router_private.h"
#include "writer.h"

#include "text/text.h"

#define NS_VCARD "vcard-temp"

/* ---- A card ------------------------------------------------------------------------------------------------- */

static void write_photo(struct tt_writer *w, const struct tt_avatar *avatar)
{
  TT_AUTOFREE char *text = tt_avatar_base64(avatar);
  if (!text)
    return;
  tt_write_open(w, "PHOTO", NULL);
  tt_write_element(w, "TYPE", "image/png");
  tt_write_element(w, "BINVAL", text);
  tt_write_close(w);
}

static void write_if(struct tt_writer *w, const char *name, const char *text)
{
  if (text && *text)
    tt_write_element(w, name, text);
}

/* Of a mere place: what it is called. `node` NULL: the gateway. */
static void write_card(struct tt_writer *w, const struct tt_node *node, bool is_full, const char *address,
                       const char *language)
{
  const char *name = node ? tt_node_label(node, language) : TT_PRODUCT;
  enum tt_thing_kind kind = tt_thing_kind(node);
  tt_write_open(w, "vCard", NS_VCARD);
  tt_write_element(w, "FN", name);
  tt_write_element(w, "NICKNAME", name);
  write_photo(w, tt_avatar(kind));
  write_if(w, "JABBERID", address);
  write_if(w, "ROLE", tt_tr(language, tt_thing_kind_name(kind)));
  if (node && is_full) {
    if (node->vendor) {
      tt_write_open(w, "ORG", NULL);
      tt_write_element(w, "ORGNAME", node->vendor);
      tt_write_close(w);
    }
    write_if(w, "TITLE", node->model);
    write_if(w, "DESC", node->path);
  }
  tt_write_close(w);
}

static void on_card(struct tt_iq *iq, TT_UNUSED const void *data)
{
  char address[TT_JID_MAX + 1];
  if (iq->is_set) {
    tt_iq_error(iq, TT_REFUSED_FORBIDDEN, NULL, NULL, NULL);
    return;
  }
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  write_card(&w, iq->thing,
             iq->thing && tt_core_sight(iq->router->config.core, &iq->caller, iq->thing) == TT_SIGHT_FULL,
             tt_jid_bare(iq->caller.local, address, sizeof(address)) == 0 ? address : NULL, iq->caller.language);
  tt_iq_written(iq, &w);
}

/* ---- Our own account's ---------------------------------------------------------------------------------------- */

/* Session and router outlive what they ask. */
struct own {
  struct tt_router *router;
  struct tt_session *session;
};

static void set(const struct own *own, struct tt_writer *w)
{
  char *payload = w->failed ? NULL : tt_buf_steal(w->buf);
  if (payload)
    tt_ask(own->router, own->session, &(struct tt_question){.is_set = true, .payload = payload}, NULL, NULL);
}

/* First the picture, then its description, as XEP-0084 section 3.1 has it. */
static void publish_picture(const struct own *own)
{
  static const char *const nodes[] = {TT_NS_AVATAR_DATA, TT_NS_AVATAR_METADATA};
  for (size_t i = 0; i < TT_COUNT(nodes); i++) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    tt_avatar_write_item(&w, "publish", nodes[i], tt_avatar(TT_THING_GATEWAY));
    set(own, &w);
  }
}

static bool is_empty_card(const struct tt_xml *answer)
{
  const char *condition = answer ? tt_answer_condition(answer) : "";
  const struct tt_xml *card = answer ? tt_xml_child(answer, "vCard", NS_VCARD) : NULL;
  return condition ? !strcmp(condition, "item-not-found") : !card || !card->children;
}

static void on_own_card(void *user, const struct tt_xml *answer)
{
  struct own *own = user;
  if (answer && is_empty_card(answer)) {
    struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
    struct tt_writer w;
    tt_write_init(&w, &buf);
    write_card(&w, NULL, true, NULL, NULL);
    set(own, &w);
    publish_picture(own);
  }
  free(own);
}

static void on_online(void *user, struct tt_session *session)
{
  struct own *own = tt_session_kind(session) == TT_SESSION_ACCOUNT ? malloc(sizeof(*own)) : NULL;
  if (!own)
    return;
  *own = (struct own){user, session};
  if (tt_ask(user, session, &(struct tt_question){.payload = strdup("<vCard xmlns='" NS_VCARD "'/>")}, on_own_card,
             own) < 0)
    free(own);
}

static const char *const features[] = {NS_VCARD, NULL};
static const struct tt_iq_handler rows[] = {{.ns = NS_VCARD, .name = "vCard", .fn = on_card}};

int tt_vcard_handlers_add(struct tt_router *router)
{
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  if (r == 0)
    r = tt_router_on_online(router, on_online, router);
  return r < 0 ? r : tt_router_add_features(router, features);
}
