/* SPDX-License-Identifier: Apache-2.0
 *
 * basic.c: what every XMPP entity answers: what it is (disco.h), its version (XEP-0092), whether it is there (XEP-0199),
 * what time it has (XEP-0202).
 */
#include "disco.h"
#include "handlers.h"
#include "router_private.h"
#include "writer.h"

#define NS_VERSION "jabber:iq:version"
#define NS_PING    "urn:xmpp:ping"
#define NS_TIME    "urn:xmpp:time"

static const char *const features[] = {NS_VERSION, NS_PING, NS_TIME, NULL};

static void on_version(struct tt_iq *iq, const void *data)
{
  (void)data;
  const char *version = iq->router->config.version;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_open(&w, "query", NS_VERSION);
  tt_write_element(&w, "name", TT_PRODUCT);
  tt_write_element(&w, "version", version ? version : "");
  tt_write_close(&w);
  tt_iq_written(iq, &w);
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
  tt_iq_written(iq, &w);
}

static const struct tt_iq_handler rows[] = {
    {.ns = NS_VERSION, .name = "query", .fn = on_version},
    {.ns = NS_PING, .name = "ping", .is_for_anyone = true, .fn = on_ping},
    {.ns = NS_TIME, .name = "time", .fn = on_time},
};

int tt_basic_handlers_add(struct tt_router *router)
{
  int r = tt_disco_handlers_add(router);
  if (r == 0)
    r = tt_router_add(router, rows, TT_COUNT(rows));
  return r < 0 ? r : tt_router_add_features(router, features);
}
