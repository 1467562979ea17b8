/* SPDX-License-Identifier: Apache-2.0
 *
 * basic.c: what every XMPP entity answers: what it is (XEP-0030, 0115), its version (XEP-0092), whether it is there
 * (XEP-0199), what time it has (XEP-0202).
 */
#include <openssl/evp.h>

#include "handlers.h"
#include "router_private.h"
#include "writer.h"

#define NS_INFO    "http://jabber.org/protocol/disco#info"
#define NS_ITEMS   "http://jabber.org/protocol/disco#items"
#define NS_CAPS    "http://jabber.org/protocol/caps"
#define NS_VERSION "jabber:iq:version"
#define NS_PING    "urn:xmpp:ping"
#define NS_TIME    "urn:xmpp:time"

#define PRODUCT   "thingtree"
#define CAPS_NODE "urn:x-thingtree"

static const char *const features[] = {NS_INFO, NS_ITEMS, NS_CAPS, NS_VERSION, NS_PING, NS_TIME, NULL};

/* No category is registered for things. A client looks for client/bot, a component is asked like a server. In the
 * order of their names, as the hash of XEP-0115 wants them. */
static const struct {
  const char *category, *type;
  bool is_of_account;
} identities[] = {
    {"client", "bot", true},
    {"component", "generic", false},
};

static bool has_identity(size_t i, const struct tt_session *session)
{
  return identities[i].is_of_account || tt_session_kind(session) == TT_SESSION_COMPONENT;
}

/* ---- Entity capabilities -------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* XEP-0115 section 5.1: sha-1 over identities and sorted features, in base64. */
static int caps_ver(const struct tt_router *router, const struct tt_session *session, char out[static 32])
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  for (size_t i = 0; i < TT_COUNT(identities); i++)
    if (has_identity(i, session))
      tt_buf_printf(&text, "%s/%s//" PRODUCT "<", identities[i].category, identities[i].type);
  const char *sorted[TT_ROUTER_FEATURES_MAX];
  memcpy(sorted, router->features, router->n_features * sizeof(*sorted));
  qsort(sorted, router->n_features, sizeof(*sorted), by_name);
  for (size_t i = 0; i < router->n_features; i++)
    tt_buf_printf(&text, "%s<", sorted[i]);

  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (text.failed || !EVP_Digest(text.data, text.len, digest, &n, EVP_sha1(), NULL))
    return -ENOMEM;
  EVP_EncodeBlock((unsigned char *)out, digest, (int)n); /* 20 bytes give 28 characters and NUL */
  return 0;
}

static char *presence_payload(struct tt_router *router, const struct tt_session *session)
{
  char ver[32];
  if (caps_ver(router, session, ver) < 0)
    return NULL;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "c", NS_CAPS);
  tt_write_attr(&w, "hash", "sha-1");
  tt_write_attr(&w, "node", CAPS_NODE);
  tt_write_attr(&w, "ver", ver);
  tt_write_close(&w);
  return w.failed ? NULL : tt_buf_steal(&buf);
}

/* ---- Handlers ------------------------------------------------------------------------------------------- */

/* The node that stands for ourselves: none, or the one our presence names. */
static bool is_own_node(const struct tt_iq *iq, const char *node)
{
  char ver[32];
  size_t n = strlen(CAPS_NODE);
  if (!node || !*node)
    return true;
  return caps_ver(iq->router, iq->session, ver) == 0 && !strncmp(node, CAPS_NODE, n) && node[n] == '#' &&
         !strcmp(node + n + 1, ver);
}

static void result(struct tt_iq *iq, struct tt_writer *w)
{
  char *payload = w->failed ? NULL : tt_buf_steal(w->buf);
  if (payload)
    tt_iq_result(iq, payload);
  else
    tt_iq_error(iq, TT_REFUSED_BUSY, "Out of memory.", NULL, NULL);
}

static bool is_answered_elsewhere(struct tt_iq *iq, const char *node, bool is_items)
{
  return node && iq->router->disco && iq->router->disco(iq, node, is_items, iq->router->disco_user);
}

static void on_info(struct tt_iq *iq, const void *data)
{
  (void)data;
  const char *node = tt_xml_attr(iq->payload, "node");
  if (is_answered_elsewhere(iq, node, false))
    return;
  if (!is_own_node(iq, node)) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, NULL, NULL, NULL);
    return;
  }
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", NS_INFO);
  tt_write_attr(&w, "node", node);
  for (size_t i = 0; i < TT_COUNT(identities); i++)
    if (has_identity(i, iq->session)) {
      tt_write_open(&w, "identity", NULL);
      tt_write_attr(&w, "category", identities[i].category);
      tt_write_attr(&w, "type", identities[i].type);
      tt_write_attr(&w, "name", PRODUCT);
      tt_write_close(&w);
    }
  for (size_t i = 0; i < iq->router->n_features; i++) {
    tt_write_open(&w, "feature", NULL);
    tt_write_attr(&w, "var", iq->router->features[i]);
    tt_write_close(&w);
  }
  tt_write_close(&w);
  result(iq, &w);
}

static void on_items(struct tt_iq *iq, const void *data)
{
  (void)data;
  const char *node = tt_xml_attr(iq->payload, "node");
  if (is_answered_elsewhere(iq, node, true))
    return;
  if (node && *node) {
    tt_iq_error(iq, TT_REFUSED_NOT_FOUND, NULL, NULL, NULL);
    return;
  }
  tt_iq_result(iq, strdup("<query xmlns='" NS_ITEMS "'/>"));
}

static void on_version(struct tt_iq *iq, const void *data)
{
  (void)data;
  const char *version = iq->router->config.version;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", NS_VERSION);
  tt_write_element(&w, "name", PRODUCT);
  tt_write_element(&w, "version", version ? version : "");
  tt_write_close(&w);
  result(iq, &w);
}

static void on_ping(struct tt_iq *iq, const void *data)
{
  (void)data;
  tt_iq_result(iq, NULL);
}

static void on_time(struct tt_iq *iq, const void *data)
{
  (void)data;
  char utc[TT_DATETIME_SIZE];
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "time", NS_TIME);
  tt_write_element(&w, "tzo", "+00:00"); /* all our stamps are UTC */
  tt_write_element(&w, "utc", tt_datetime_print(utc, tt_core_now(iq->router->config.core).wall_us));
  tt_write_close(&w);
  result(iq, &w);
}

static const struct tt_iq_handler rows[] = {
    {.ns = NS_INFO, .name = "query", .fn = on_info},
    {.ns = NS_ITEMS, .name = "query", .fn = on_items},
    {.ns = NS_VERSION, .name = "query", .fn = on_version},
    {.ns = NS_PING, .name = "ping", .is_for_anyone = true, .fn = on_ping},
    {.ns = NS_TIME, .name = "time", .fn = on_time},
};

int tt_basic_handlers_add(struct tt_router *router)
{
  int r = tt_router_add(router, rows, TT_COUNT(rows));
  if (r < 0)
    return r;
  router->presence_payload = presence_payload;
  return tt_router_add_features(router, features);
}
