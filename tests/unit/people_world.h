/* SPDX-License-Identifier: Apache-2.0
 *
 * people_world.h: what the tests of discovery, contacts and search stand in: a house, real access rules for a few people,
 * the whole router, a session of either kind that writes into a buffer, and a clock of the test's own.
 *
 *   house/hall/climate (sensor)  house/hall/Lamp (can be switched)  cellar/meter  gateway, gateway/broker
 *   admin: everything; reader: house/..; guest: the temperature of the climate sensor alone; stranger: no rule
 */
#pragma once

#include <stdio.h>

#include "cmocka_all.h"
#include "trust/access.h"
#include "xmpp/contact.h"
#include "xmpp/disco.h"
#include "xmpp/handlers.h"

#define SECOND   TT_USEC_PER_SEC
#define US       "things.house.test"
#define ADMIN    "admin@house.test/phone"
#define READER   "reader@house.test/phone"
#define GUEST    "guest@house.test/phone"
#define STRANGER "stranger@elsewhere.test/phone"

struct world {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_router *router;
  struct tt_session *session;
  struct tt_sensor *sensor;
  struct tt_control_handlers *control;
  void (*more)(void);           /* destroys what a test has made beside */
  struct tt_contacts *contacts; /* set by the test; NULL: none */
  struct tt_now now;
  struct tt_buf out;
  struct tt_node *climate, *lamp, *meter;
  size_t stanza_max;
};

static int world_address;
static struct tt_write world_write = {.within_us = SECOND, .verify_point = TT_NO_POINT};
#define POINT(name_, type_, unit_, categories_)                                                                    \
  .name = name_, .type = type_, .unit = unit_, .categories = categories_, .poll = -1,                              \
  .decimals = TT_DECIMALS_FREE, .address = &world_address
static const struct tt_point climate_points[] = {
    {POINT("temperature", TT_TYPE_QUANTITY, "°C", TT_CATEGORY_MOMENTARY)},
    {POINT("humidity", TT_TYPE_INT32, "%", TT_CATEGORY_MOMENTARY), .stale_us = 600 * SECOND},
    {POINT("battery", TT_TYPE_INT32, "%", TT_CATEGORY_STATUS)},
};
static const struct tt_point lamp_points[] = {
    {POINT("state", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY), .write = &world_write},
    {POINT("brightness", TT_TYPE_INT32, "%", TT_CATEGORY_MOMENTARY), .write = &world_write},
};
static const struct tt_point meter_points[] = {
    {POINT("energy", TT_TYPE_QUANTITY, "kWh", TT_CATEGORY_MOMENTARY)},
};
static const struct tt_label world_hall = {2, {"en", "sv"}, {"Hall climate", "Hallklimat"}};
static const struct tt_rule world_rules[] = {
    {.who = "admin@house.test", .role = TT_ROLE_ADMIN},
    {.who = "reader@house.test", .role = TT_ROLE_READER, .nodes = {(const char *[]){"house/**"}, 1}},
    {.who = "guest@house.test",
     .role = TT_ROLE_READER,
     .nodes = {(const char *[]){"house/hall/climate"}, 1},
     .fields = {(const char *[]){"temperature"}, 1}},
};

static int world_collect(void *user, const char *text, size_t n)
{
  tt_buf_add(user, text, n);
  return 0;
}

static struct tt_node *world_add(struct world *w, const struct tt_node_spec *spec)
{
  struct tt_node *node;
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, spec, &node), 0);
  return node;
}

#define DEVICE(key_, place_, points_)                                                                              \
  .kind = TT_NODE_DEVICE, .key = key_, .place = place_, .points = points_, .n_points = TT_COUNT(points_),          \
  .type = "thingtree.device.mqtt"

static void world_fill(struct world *w)
{
  w->climate = world_add(w, &(struct tt_node_spec){DEVICE("climate", "house/hall", climate_points),
                                                   .label = &world_hall, .vendor = "Acme", .model = "C1"});
  w->lamp = world_add(w, &(struct tt_node_spec){DEVICE("Lamp", "house/hall", lamp_points)});
  w->meter = world_add(w, &(struct tt_node_spec){DEVICE("meter", "cellar", meter_points)});
  world_add(w, &(struct tt_node_spec){.kind = TT_NODE_GATEWAY, .key = TT_GATEWAY_KEY, .type = "thingtree.gateway"});
  world_add(w, &(struct tt_node_spec){.kind = TT_NODE_CONNECTION,
                                      .key = "gateway/broker",
                                      .place = TT_GATEWAY_KEY,
                                      .type = "thingtree.connection.mqtt"});
}

static struct world *world_create_with(enum tt_session_kind kind, size_t stanza_max, const char *state_dir)
{
  static const struct tt_session_ops ops = {world_collect};
  struct world *w = calloc(1, sizeof(*w));
  w->now = (struct tt_now){.mono_us = 1000 * SECOND, .wall_us = UINT64_C(1795373693) * SECOND};
  w->core = tt_core_create();
  assert_int_equal(tt_access_create(world_rules, TT_COUNT(world_rules), state_dir, &w->access), 0);
  tt_core_set_access(w->core, tt_access_hooks(w->access, w->core));
  tt_core_turn(w->core, w->now);
  world_fill(w);
  const struct tt_router_config config = {
      .core = w->core, .access = w->access, .dialects = 3, .stanza_max = stanza_max, .version = "1"};
  assert_int_equal(tt_router_create(&config, &w->router), 0);
  assert_int_equal(tt_basic_handlers_add(w->router), 0);
  assert_int_equal(tt_concentrator_handlers_add(w->router), 0);
  assert_int_equal(tt_sensor_create(w->router, &w->sensor), 0);
  assert_int_equal(tt_control_handlers_create(w->router, &w->control), 0);
  w->session = tt_session_create(kind, kind == TT_SESSION_COMPONENT ? US : "gw@house.test/things", &ops, &w->out);
  return w;
}

TT_UNUSED static void world_online(struct world *w)
{
  tt_session_set_online(w->session, true);
  tt_router_online(w->router, w->session);
  tt_session_flush(w->session, w->now.mono_us);
}

TT_UNUSED static void world_destroy(struct world *w)
{
  tt_router_offline(w->router, w->session);
  if (w->more)
    w->more();
  tt_sensor_destroy(w->sensor);
  tt_control_handlers_destroy(w->control);
  tt_contacts_destroy(w->contacts);
  tt_router_destroy(w->router);
  tt_core_destroy(w->core);
  tt_session_destroy(w->session);
  tt_access_destroy(w->access);
  tt_buf_finish(&w->out);
  free(w);
}

TT_UNUSED static void world_report(struct world *w, struct tt_node *node, const char *name, const char *raw)
{
  uint16_t point;
  assert_int_equal(tt_node_point(node, name, &point), 0);
  TT_AUTOVALUE struct tt_value value = {0};
  assert_int_equal(tt_value_text(TT_TYPE_STRING, raw, strlen(raw), &value), 0);
  assert_int_equal(tt_node_report(tt_core_tree(w->core), w->now, node, point, &value, 0, false), 0);
}

/* The clock goes on; a turn ends. */
TT_UNUSED static void world_pass(struct world *w, uint64_t us)
{
  w->now.mono_us += us;
  w->now.wall_us += us;
  tt_core_turn(w->core, w->now);
  tt_router_turn(w->router, w->now.mono_us);
  tt_session_flush(w->session, w->now.mono_us);
}

/* One stanza in, what leaves in the same turn out. Good until the next. */
TT_UNUSED static const char *world_say(struct world *w, const char *stanza)
{
  struct tt_xml_doc *doc;
  assert_int_equal(tt_xml_parse(stanza, strlen(stanza), &doc), 0);
  tt_buf_finish(&w->out);
  tt_router_stanza(w->router, w->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  tt_session_flush(w->session, w->now.mono_us);
  return w->out.data ? w->out.data : "";
}

TT_UNUSED static const char *world_ask(struct world *w, const char *type, const char *from, const char *to,
                                       const char *payload)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "<iq xmlns='jabber:client' type='%s' id='q' from='%s' to='%s'>%s</iq>", type, from, to,
                payload);
  world_pass(w, SECOND); /* below every limit of rate */
  return world_say(w, text.data);
}

TT_UNUSED static const char *world_presence(struct world *w, const char *type, const char *from, const char *to)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "<presence xmlns='jabber:client' type='%s' from='%s' to='%s'/>", type, from, to);
  world_pass(w, SECOND);
  return world_say(w, text.data);
}

#define assert_has(text, part)                                                                                     \
  do {                                                                                                             \
    if (!strstr(text, part))                                                                                       \
      fail_msg("no %s in %s", part, text);                                                                         \
  } while (0)
#define assert_lacks(text, part)                                                                                   \
  do {                                                                                                             \
    if (strstr(text, part))                                                                                        \
      fail_msg("%s in %s", part, text);                                                                            \
  } while (0)
