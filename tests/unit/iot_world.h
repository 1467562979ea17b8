/* SPDX-License-Identifier: Apache-2.0
 *
 * iot_world.h: what the tests of the IoT handlers stand in: a real core, tree and router with the handlers in it, a
 * component session that writes into a buffer, rules for a few people, and devices that answer when the test says so.
 * Requests are XML in, answers XML out, in every dialect. Each program that includes this has one of it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "model/readout.h"
#include "xmpp/adhoc.h"
#include "xmpp/handlers.h"

#define WALL      UINT64_C(1795373693000000) /* 2026-11-22T18:54:53.000Z */
#define WALL_TEXT "2026-11-22T18:54:53.000Z"
#define ALICE     "alice@house.test/phone"
#define GATEWAY   "things.house.test"
#define HINTS     "<no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/>"
#define STANZAS   "urn:ietf:params:xml:ns:xmpp-stanzas"

/* Stanzas to alice as our session writes them. */
#define RESULT(payload)  "<iq type='result' from='" GATEWAY "' to='" ALICE "' id='q'>" payload "</iq>"
#define RESULT_EMPTY     "<iq type='result' from='" GATEWAY "' to='" ALICE "' id='q'/>"
#define MESSAGE(payload) "<message from='" GATEWAY "' to='" ALICE "'>" payload HINTS "</message>"
#define REFUSAL(payload, type, condition, text, inside)                                                            \
  "<iq type='error' from='" GATEWAY "' to='" ALICE "' id='q'>" payload "<error type='" type "'><" condition        \
  " xmlns='" STANZAS "'/><text xmlns='" STANZAS "' xml:lang='en'>" text "</text>" inside "</error></iq>"

#define TT_UNUSED_FN TT_UNUSED static

/* ---- Dialects: {sd} {ctr} {conc} in templates ------------------------------------------------------------ */
static const struct {
  const char *ns[4];
} dialect_rows[] = {
    {{"urn:xmpp:iot:sensordata", "urn:xmpp:iot:control", "urn:xmpp:iot:concentrators", "urn:xmpp:iot:events"}},
    {{"urn:nf:iot:sd:1.0", "urn:nf:iot:ctr:1.0", "urn:nf:iot:concentrator:1.0", "urn:nf:iot:events:1.0"}},
    {{"urn:nfi:iot:sd:1.0", "urn:nfi:iot:ctr:1.0", "urn:nfi:iot:concentrator:1.0", "urn:nfi:iot:events:1.0"}},
    {{"urn:ieee:iot:sd:1.0", "urn:ieee:iot:ctr:1.0", "urn:ieee:iot:concentrator:1.0", "urn:ieee:iot:events:1.0"}},
};
#define DIALECTS 4

TT_UNUSED_FN char *expand(const char *template, size_t dialect)
{
  static const char *const holes[] = {"{sd}", "{ctr}", "{conc}"};
  struct tt_buf buf = TT_BUF(0);
  while (*template) {
    size_t hole = 0;
    while (hole < TT_COUNT(holes) && strncmp(template, holes[hole], strlen(holes[hole])) != 0)
      hole++;
    if (hole == TT_COUNT(holes)) {
      tt_buf_putc(&buf, *template ++);
    } else {
      tt_buf_puts(&buf, dialect_rows[dialect].ns[hole]);
      template += strlen(holes[hole]);
    }
  }
  return tt_buf_steal(&buf);
}

/* ---- Devices --------------------------------------------------------------------------------------------- */
struct device_request {
  bool is_write;
  tt_id node;
  uint16_t points[32];
  size_t n;
  struct tt_value raw;
  tt_device_fn fn;
  void *fn_user;
};

struct late_check {
  tt_access_fn fn;
  void *fn_user;
  enum tt_access_op op;
  char bare[64];
  tt_id nodes[8];
  size_t n_nodes;
  char names[16][64];
  size_t n_names;
};

struct world {
  struct tt_core *core;
  struct tt_router *router;
  struct tt_session *session;
  struct tt_sensor *sensor;
  struct tt_control_handlers *control;
  struct tt_events *events;
  struct tt_adhoc *adhoc; /* of the tests that make one */
  struct tt_node_command_handlers *node_commands;
  void (*more)(void); /* what a test has made beside, to be destroyed before the router */
  struct tt_now now;
  struct tt_buf out;
  struct device_request requests[16];
  size_t n_requests;
  struct late_check late;
  bool is_access_late;
  unsigned refused; /* by core or router */
  struct tt_node *climate, *plug, *meter;
};

static int device_read(void *user, tt_id node, const uint16_t points[], size_t n, TT_UNUSED uint64_t deadline_us,
                       tt_device_fn fn, void *fn_user)
{
  struct world *w = user;
  assert_true(w->n_requests < TT_COUNT(w->requests) && n <= 32);
  struct device_request *request = &w->requests[w->n_requests++];
  *request = (struct device_request){.node = node, .n = n, .fn = fn, .fn_user = fn_user};
  memcpy(request->points, points, n * sizeof(*points));
  return 0;
}

static int device_write(void *user, tt_id node, uint16_t point, const struct tt_value *raw,
                        TT_UNUSED uint64_t deadline_us, tt_device_fn fn, void *fn_user)
{
  struct world *w = user;
  assert_true(w->n_requests < TT_COUNT(w->requests));
  struct device_request *request = &w->requests[w->n_requests++];
  *request = (struct device_request){
      .is_write = true, .node = node, .points = {point}, .n = 1, .fn = fn, .fn_user = fn_user};
  assert_int_equal(tt_value_copy(raw, &request->raw), 0);
  return 0;
}

/* The oldest open request of the devices, taken out. */
TT_UNUSED_FN struct device_request take_request(struct world *w)
{
  assert_true(w->n_requests > 0);
  struct device_request first = w->requests[0];
  memmove(w->requests, w->requests + 1, --w->n_requests * sizeof(*w->requests));
  return first;
}

/* Complete it. A write without error is what the device then has. */
TT_UNUSED_FN void complete(struct world *w, struct device_request *request, int error, const char *text)
{
  struct tt_node *node = tt_tree_get(tt_core_tree(w->core), request->node);
  if (request->is_write && error == 0 && node)
    tt_node_report(tt_core_tree(w->core), w->now, node, request->points[0], &request->raw, 0, false);
  tt_value_finish(&request->raw);
  request->fn(request->fn_user, error, text);
}

/* ---- Access: alice operates everything but what is called `locked`, reader reads, guest sees the temperature of
 * the hall, others nothing; what is called `sealed` nobody. ------------------------------------------------------------------------------- */
static enum tt_role role_of(const char *bare)
{
  static const struct {
    const char *bare;
    enum tt_role role;
  } people[] = {{"alice@house.test", TT_ROLE_OPERATOR},
                {"reader@house.test", TT_ROLE_READER},
                {"guest@house.test", TT_ROLE_READER}};
  for (size_t i = 0; i < TT_COUNT(people); i++)
    if (strcmp(people[i].bare, bare) == 0)
      return people[i].role;
  return TT_ROLE_NONE;
}

static enum tt_role access_role(TT_UNUSED void *user, const struct tt_caller *caller)
{
  return role_of(caller->bare);
}

static enum tt_sight access_sight(TT_UNUSED void *user, const struct tt_caller *caller, const struct tt_node *node)
{
  if (role_of(caller->bare) == TT_ROLE_NONE)
    return TT_SIGHT_NONE;
  if (strcmp(caller->bare, "guest@house.test") != 0 || strcmp(node->key, "climate") == 0)
    return TT_SIGHT_FULL;
  return node->kind == TT_NODE_PLACE && strcmp(node->key, "cellar") != 0 ? TT_SIGHT_PLACE : TT_SIGHT_NONE;
}

static bool is_permitted(enum tt_access_op op, const char *bare, const char *name)
{
  if (strcmp(name, "sealed") == 0)
    return false;
  if (strcmp(bare, "guest@house.test") == 0)
    return op == TT_ACCESS_READ && strcmp(name, "temperature") == 0;
  return op != TT_ACCESS_CONTROL || strcmp(name, "locked") != 0;
}

static void answer_check(struct world *w, const struct late_check *check)
{
  static const char *names[8][64];
  struct tt_grant grants[8];
  size_t n = 0;
  for (size_t i = 0; i < check->n_nodes; i++) {
    const struct tt_node *node = tt_tree_get(tt_core_tree(w->core), check->nodes[i]);
    if (!node)
      continue;
    size_t used = 0, asked = check->n_names ? check->n_names : node->n_points;
    for (size_t k = 0; k < asked; k++) {
      const char *name = check->n_names ? check->names[k] : node->points[k].name;
      if (is_permitted(check->op, check->bare, name))
        names[i][used++] = name;
    }
    if (used > 0 || asked == 0)
      grants[n++] = (struct tt_grant){node->id, names[i], used, used == asked};
  }
  bool is_allowed =
      n > 0 && role_of(check->bare) >= (check->op == TT_ACCESS_CONTROL ? TT_ROLE_OPERATOR : TT_ROLE_READER);
  check->fn(check->fn_user, is_allowed ? TT_OK : TT_REFUSED_FORBIDDEN, is_allowed ? grants : NULL,
            is_allowed ? n : 0);
}

static void access_check(void *user, const struct tt_access_query *query, tt_access_fn fn, void *fn_user)
{
  struct world *w = user;
  struct late_check check = {
      .fn = fn, .fn_user = fn_user, .op = query->op, .n_nodes = query->n_nodes, .n_names = query->n_names};
  assert_true(query->n_nodes <= 8 && query->n_names <= 16);
  snprintf(check.bare, sizeof(check.bare), "%s", query->caller->bare);
  memcpy(check.nodes, query->nodes, query->n_nodes * sizeof(*query->nodes));
  for (size_t i = 0; i < query->n_names; i++)
    snprintf(check.names[i], sizeof(check.names[i]), "%s", query->names[i]);
  if (w->is_access_late)
    w->late = check;
  else
    answer_check(w, &check);
}

static uint64_t audit_decision(TT_UNUSED void *user, TT_UNUSED const struct tt_caller *caller,
                               TT_UNUSED const struct tt_node *node, TT_UNUSED const char *parameter,
                               TT_UNUSED const struct tt_value *old, TT_UNUSED const struct tt_value *value)
{
  return 1;
}

static void audit_outcome(TT_UNUSED void *user, TT_UNUSED uint64_t id, TT_UNUSED enum tt_refusal result,
                          TT_UNUSED const char *text)
{
}

static void audit_refused(void *user, TT_UNUSED const struct tt_caller *caller, TT_UNUSED enum tt_access_op op,
                          TT_UNUSED const char *node)
{
  ((struct world *)user)->refused++;
}

/* ---- The tree: house/hall/climate (pushes), house/plug (switches), cellar/meter (is polled, has a warning) - */
#define ADDRESS ((void *)(uintptr_t)1) /* nobody looks behind it here */

static struct tt_write plain_write = {
    .address = ADDRESS, .within_us = TT_USEC_PER_SEC, .verify_point = TT_NO_POINT};
static struct tt_write level_write = {.address = ADDRESS,
                                      .within_us = TT_USEC_PER_SEC,
                                      .verify_point = TT_NO_POINT,
                                      .has_range = true,
                                      .min = 0,
                                      .max = 100,
                                      .step = 0.5};

#define TEXT_OF(type_, text_)                                                                                      \
  {                                                                                                                \
    .type = (type_), .text = (char *)(uintptr_t)(text_)                                                            \
  }
static const struct tt_map_entry mode_map[] = {{"0", TEXT_OF(TT_TYPE_ENUM, "off")},
                                               {"1", TEXT_OF(TT_TYPE_ENUM, "auto")}};
static const struct tt_label hall_label = {2, {"en", "sv"}, {"Hall climate", "Hallklimat"}};

#define POINT(name_, type_, unit_, categories_, poll_)                                                             \
  .name = name_, .type = type_, .unit = unit_, .categories = categories_, .poll = poll_,                           \
  .decimals = TT_DECIMALS_FREE, .address = ADDRESS

static const struct tt_point climate_points[] = {
    {POINT("temperature", TT_TYPE_QUANTITY, "°C", TT_CATEGORY_MOMENTARY, -1)},
    {POINT("humidity", TT_TYPE_INT32, "%", TT_CATEGORY_MOMENTARY, -1)},
    {POINT("counter", TT_TYPE_INT64, "", TT_CATEGORY_STATUS, -1)},
    {POINT("alarm", TT_TYPE_BOOLEAN, "", TT_CATEGORY_STATUS, -1)},
    {POINT("maker", TT_TYPE_STRING, "", TT_CATEGORY_IDENTITY, -1)},
    {POINT("uptime", TT_TYPE_DURATION, "", TT_CATEGORY_STATUS, -1)},
    {POINT("made", TT_TYPE_DATE, "", TT_CATEGORY_IDENTITY, -1)},
    {POINT("wakes", TT_TYPE_TIME, "", TT_CATEGORY_STATUS, -1)},
    {POINT("booted", TT_TYPE_DATETIME, "", TT_CATEGORY_STATUS, -1)},
    {POINT("mode", TT_TYPE_ENUM, "", TT_CATEGORY_STATUS | TT_CATEGORY_MOMENTARY, -1), .n_map = 2, .map = mode_map},
};

static const struct tt_point plug_points[] = {
    {POINT("relay", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &plain_write},
    {POINT("level", TT_TYPE_QUANTITY, "%", TT_CATEGORY_MOMENTARY, -1), .write = &level_write},
    {POINT("mode", TT_TYPE_ENUM, "", TT_CATEGORY_STATUS, -1), .n_map = 2, .map = mode_map, .write = &plain_write},
    {POINT("name", TT_TYPE_STRING, "", TT_CATEGORY_IDENTITY, -1), .write = &plain_write},
    {POINT("locked", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &plain_write},
};

static const struct tt_point meter_points[] = {
    {POINT("voltage", TT_TYPE_QUANTITY, "V", TT_CATEGORY_MOMENTARY, 0)},
    {POINT("relay", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, 0), .write = &plain_write},
};

static const struct tt_poll_class polls[] = {{"normal", 60 * TT_USEC_PER_SEC, 30 * TT_USEC_PER_SEC, 0}};

static struct tt_node *add(struct world *w, const struct tt_node_spec *spec)
{
  struct tt_node *node;
  assert_int_equal(tt_tree_add(tt_core_tree(w->core), w->now, spec, &node), 0);
  return node;
}

TT_UNUSED_FN void report(struct world *w, struct tt_node *node, const char *name, const char *raw)
{
  uint16_t point;
  assert_int_equal(tt_node_point(node, name, &point), 0);
  TT_AUTOVALUE struct tt_value value = {0};
  assert_int_equal(tt_value_text(TT_TYPE_STRING, raw, strlen(raw), &value), 0);
  assert_int_equal(tt_node_report(tt_core_tree(w->core), w->now, node, point, &value, 0, false), 0);
}

static int collect(void *user, const char *text, size_t n)
{
  tt_buf_add(user, text, n);
  return 0;
}

static void fill_tree(struct world *w)
{
  w->climate = add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                             .key = "climate",
                                             .place = "house/hall",
                                             .label = &hall_label,
                                             .type = "thingtree.device.mqtt",
                                             .vendor = "Acme",
                                             .model = "C1",
                                             .points = climate_points,
                                             .n_points = TT_COUNT(climate_points),
                                             .timeout_us = TT_USEC_PER_SEC});
  w->plug = add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                          .key = "plug",
                                          .place = "house",
                                          .type = "thingtree.device.mqtt",
                                          .points = plug_points,
                                          .n_points = TT_COUNT(plug_points),
                                          .timeout_us = TT_USEC_PER_SEC});
  w->meter = add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                           .key = "meter",
                                           .place = "cellar",
                                           .type = "thingtree.device.modbus",
                                           .points = meter_points,
                                           .n_points = TT_COUNT(meter_points),
                                           .timeout_us = 5 * TT_USEC_PER_SEC});
  add(w, &(struct tt_node_spec){.kind = TT_NODE_GATEWAY, .key = TT_GATEWAY_KEY, .type = "thingtree.gateway"});
  tt_node_message(tt_core_tree(w->core), w->now, w->meter, "slow", TT_MESSAGE_WARNING, "Answers after 3 s & more.");
}

TT_UNUSED_FN struct world *world_create_with(const struct tt_router_config *config)
{
  struct world *w = calloc(1, sizeof(*w));
  w->now = (struct tt_now){.mono_us = 1000 * TT_USEC_PER_SEC, .wall_us = WALL};
  w->core = tt_core_create();
  tt_core_set_access(w->core, (struct tt_access_hooks){w, access_role, access_sight, access_check});
  tt_core_set_audit(w->core, (struct tt_audit_hooks){w, audit_decision, audit_outcome, audit_refused});
  tt_core_set_devices(w->core, (struct tt_device_hooks){w, device_read, device_write});
  tt_core_set_poll_classes(w->core, polls, TT_COUNT(polls));
  tt_core_turn(w->core, w->now);
  fill_tree(w);
  struct tt_router_config own = *config;
  own.core = w->core;
  assert_int_equal(tt_router_create(&own, &w->router), 0);
  assert_int_equal(tt_sensor_create(w->router, &w->sensor), 0);
  assert_int_equal(tt_control_handlers_create(w->router, &w->control), 0);
  assert_int_equal(tt_events_create(w->router, TT_EVENTS_MIN_US, &w->events), 0);
  assert_int_equal(tt_node_command_handlers_create(w->router, &w->node_commands), 0);
  assert_int_equal(tt_concentrator_handlers_add(w->router), 0);
  static const struct tt_session_ops ops = {collect};
  w->session = tt_session_create(TT_SESSION_COMPONENT, GATEWAY, &ops, &w->out);
  tt_session_set_online(w->session, true);
  tt_router_online(w->router, w->session);
  tt_session_flush(w->session, w->now.mono_us);
  tt_buf_truncate(&w->out, 0);
  return w;
}

TT_UNUSED_FN struct world *world_create(void)
{
  return world_create_with(&(struct tt_router_config){.dialects = 7,
                                                      .stanza_max = 65536,
                                                      .control_by_message = true,
                                                      .compat_response_code = true,
                                                      .version = "1"});
}

TT_UNUSED_FN void world_destroy(struct world *w)
{
  for (size_t i = 0; i < w->n_requests; i++)
    tt_value_finish(&w->requests[i].raw);
  tt_router_offline(w->router, w->session);
  tt_core_destroy(w->core);
  if (w->more)
    w->more();
  tt_sensor_destroy(w->sensor);
  tt_control_handlers_destroy(w->control);
  tt_events_destroy(w->events);
  tt_adhoc_destroy(w->adhoc);
  tt_node_command_handlers_destroy(w->node_commands);
  tt_router_destroy(w->router);
  tt_session_destroy(w->session);
  tt_buf_finish(&w->out);
  free(w);
}

/* End a turn; what has left since the last look. Good until the next. */
TT_UNUSED_FN const char *flush(struct world *w)
{
  tt_core_flush(w->core);
  tt_sensor_flush(w->sensor);
  tt_session_flush(w->session, w->now.mono_us);
  return w->out.data ? w->out.data : "";
}

TT_UNUSED_FN void advance(struct world *w, uint64_t us)
{
  w->now.mono_us += us;
  w->now.wall_us += us;
  tt_core_turn(w->core, w->now);
}

TT_UNUSED_FN void forget_output(struct world *w)
{
  tt_buf_truncate(&w->out, 0);
}

static void give(struct world *w, const char *stanza)
{
  struct tt_xml_doc *doc;
  assert_int_equal(tt_xml_parse(stanza, strlen(stanza), &doc), 0);
  tt_router_stanza(w->router, w->session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
}

/* One stanza in, what leaves in the same turn out. The requests here are far apart, for no limit of rate to matter. */
TT_UNUSED_FN const char *ask_as(struct world *w, const char *from, const char *head, const char *payload)
{
  struct tt_buf buf = TT_BUF(0);
  char name[16] = "";
  sscanf(head, "%15s", name);
  tt_buf_printf(&buf, "<%s id='q' xmlns='jabber:client' from='%s' to='" GATEWAY "'>%s</%s>", head, from, payload,
                name);
  forget_output(w);
  advance(w, TT_USEC_PER_SEC / 2);
  give(w, buf.data);
  tt_buf_finish(&buf);
  return flush(w);
}

/* ---- Validation against the schemas, when they are there -------------------------------------------------- */
/* Every payload that alice was sent, as files of one schema each; xmllint looks at all of them at the end. */
static struct {
  char directory[64];
  unsigned n;
} validation;

static const char *spec_dir(void)
{
  static char beside[512];
  const char *dir = getenv("TT_SPEC_DIR"), *source = getenv("TT_SOURCE_DIR");
  if (dir)
    return dir;
  snprintf(beside, sizeof(beside), "%s/../shared/spec", source ? source : ".");
  return access(beside, R_OK) == 0 ? beside : NULL;
}

static const struct schema {
  const char *ns, *file;
  bool is_nfi; /* written for nfi, used for all three generations of N */
} schemas[] = {
    {"urn:xmpp:iot:sensordata", "xsd-answers/xep0323.xsd", false},
    {"urn:xmpp:iot:control", "xsd-answers/xep0325.xsd", false},
    {"urn:xmpp:iot:concentrators", "xsd-answers/xep0326.xsd", false},
    {"urn:nf:iot:concentrator:1.0", "xsd-answers/nf.xsd", false},
    {"urn:nfi:iot:concentrator:1.0", "xsd-answers/nfi.xsd", false},
    {"urn:ieee:iot:concentrator:1.0", "xsd-answers/ieee.xsd", false},
    {"iot:sd:1.0", "xsd-repaired/SensorData.xsd", true},
    {"iot:ctr:1.0", "xsd-repaired/Control.xsd", true},
    {"jabber:x:data", "xsd-answers/xdata.xsd", false},
};

static void replace_all(struct tt_buf *buf, const char *from, const char *to)
{
  char *text = tt_buf_steal(buf);
  *buf = (struct tt_buf)TT_BUF(0);
  for (const char *s = text; *s;) {
    bool is_here = strncmp(s, from, strlen(from)) == 0;
    tt_buf_add(buf, is_here ? to : s, is_here ? strlen(to) : 1);
    s += is_here ? strlen(from) : 1;
  }
  free(text);
}

static void keep_payload(const char *start, const char *end)
{
  const char *ns = strstr(start, "xmlns='");
  /* What slixmpp needs and no schema has; and what a schema of answers cannot express: that there is none. */
  static const char *const unknown[] = {"<rejected ", "<holaBandolaResponse ",
                                        "<getNodeResponse xmlns='urn:xmpp:iot:concentrators' result='N",
                                        "<containsNodeResponse xmlns='urn:xmpp:iot:concentrators' result='F"};
  if (start == end || !ns || ns > end)
    return;
  for (size_t k = 0; k < TT_COUNT(unknown); k++)
    if (strncmp(start, unknown[k], strlen(unknown[k])) == 0)
      return;
  size_t i = 0;
  for (; i < TT_COUNT(schemas); i++) {
    const char *hit = strstr(ns, schemas[i].ns);
    if (hit && hit < strchr(ns + 7, '\''))
      break;
  }
  assert_true(i < TT_COUNT(schemas));
  struct tt_buf buf = TT_BUF(0);
  tt_buf_add(&buf, start, (size_t)(end - start));
  if (schemas[i].is_nfi) {
    replace_all(&buf, "urn:nf:iot:", "urn:nfi:iot:");
    replace_all(&buf, "urn:ieee:iot:", "urn:nfi:iot:");
  }
  for (const char *code; (code = strstr(buf.data, " responseCode='"));) {
    const char *stop = strchr(strchr(code, '\'') + 1, '\'') + 1;
    memmove(buf.data + (code - buf.data), stop, strlen(stop) + 1);
  }
  char path[128];
  snprintf(path, sizeof(path), "%s/%zu.%u.xml", validation.directory, i, validation.n++);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(buf.data, file);
  fclose(file);
  tt_buf_finish(&buf);
}

/* Put the payloads of all stanzas in `text` aside for validation. */
TT_UNUSED_FN void keep_payloads(const char *text)
{
  if (!validation.directory[0]) {
    snprintf(validation.directory, sizeof(validation.directory), "/tmp/tt-iot-XXXXXX");
    assert_non_null(mkdtemp(validation.directory));
  }
  static const char *const ends[] = {"</iq>", "<error type='", "<no-store"};
  while ((text = strpbrk(text, "<"))) {
    const char *start = strchr(text, '>') + 1;
    bool is_message = strncmp(text, "<message", 8) == 0;
    const char *stanza_end = start[-2] == '/' ? start : strstr(start, is_message ? "</message>" : "</iq>");
    assert_non_null(stanza_end);
    const char *end = stanza_end;
    for (size_t i = 0; i < TT_COUNT(ends); i++) {
      const char *hit = strstr(start, ends[i]);
      end = hit && hit < end ? hit : end;
    }
    if (start[-2] != '/')
      keep_payload(start, end);
    text = start[-2] == '/' ? start : strchr(stanza_end, '>') + 1;
  }
}

/* The last test of a program. */
TT_UNUSED_FN void test_answers_are_valid(TT_UNUSED void **state)
{
  if (!validation.directory[0])
    return;
  const char *dir = spec_dir();
  bool is_there = dir && system("command -v xmllint >/dev/null") == 0;
  int worst = 0;
  for (size_t i = 0; is_there && i < TT_COUNT(schemas); i++) {
    char command[1024];
    snprintf(command, sizeof(command),
             "set -- %s/%zu.*.xml; [ ! -e \"$1\" ] || xmllint --nonet --noout --schema '%s/%s' \"$@\" 2>&1 | { ! "
             "grep -v ' validates$'; }",
             validation.directory, i, dir, schemas[i].file);
    int status = system(command);
    worst = status ? status : worst;
  }
  if (worst == 0) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", validation.directory);
    assert_int_equal(system(command), 0);
  }
  if (!is_there) {
    print_message("no schemas ($TT_SPEC_DIR) or no xmllint: %u answers were not validated\n", validation.n);
    skip();
  }
  assert_int_equal(worst, 0);
}

/* ---- One request, one answer, in one dialect --------------------------------------------------------------- */
TT_UNUSED_FN void check_as(struct world *w, const char *from, size_t dialect, const char *head, const char *request,
                           const char *answer)
{
  TT_AUTOFREE char *payload = expand(request, dialect), *expected = expand(answer, dialect);
  const char *text = ask_as(w, from, head, payload);
  assert_string_equal(text, expected);
  keep_payloads(text);
}

struct exchange {
  const char *request[2], *answer[2]; /* X and N */
};

/* All four namespaces, each in a world of its own. */
TT_UNUSED_FN void check_exchanges(const char *head, const struct exchange *rows, size_t n)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < n; i++) {
      struct world *w = world_create();
      check_as(w, ALICE, dialect, head, rows[i].request[dialect > 0], rows[i].answer[dialect > 0]);
      world_destroy(w);
    }
}
