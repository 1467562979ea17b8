/* SPDX-License-Identifier: Apache-2.0
 * adhoc_admin.c, adhoc_devices.c, adhoc_people.c, adhoc_daemon.c: what admins do from their client, over real rules and a
 * real trace, with devices that are only written down here.
 */
#include "iot_world.h"

#include "service/log.h"
#include "text/text.h"
#include "trust/access.h"
#include "trust/audit.h"
#include "trust/blocks.h"
#include "xmpp/adhoc_admin.h"

#include <sys/stat.h>

#define COMMANDS "http://jabber.org/protocol/commands"
#define ADMIN    "admin@house.test/desk"
#define READER   "reader@house.test/desk"
#define SUBMIT   "<x xmlns='jabber:x:data' type='submit'/>"

static const struct tt_rule rules[] = {
    {.who = "admin@house.test", .role = TT_ROLE_ADMIN, .mark = {"thingtree.yaml", 7, 5, 1}},
    {.who = "alice@house.test", .role = TT_ROLE_OPERATOR},
    {.who = "reader@house.test",
     .role = TT_ROLE_READER,
     .nodes = {(const char *[]){"house/**", "!house/hall"}, 2},
     .fields = {(const char *[]){"power"}, 1}},
    {.who = "gardener@house.test", .role = TT_ROLE_ADMIN, .nodes = {(const char *[]){"house/**"}, 1}},
    {.who = "half@house.test", .role = TT_ROLE_ADMIN, .nodes = {(const char *[]){"**", "!cellar/**"}, 2}}};

static struct {
  struct world *w;
  char dir[40], id[33];
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_audit *audit;
  struct tt_adhoc_admin admin;
  const char *why;  /* no place for the file */
  const char *code; /* what the next change comes to */
  const char *field, *problem;
  char asked[1024]; /* the last change */
  unsigned n_changes;
} t;

/* ---- Devices as they are written down ------------------------------------------------------------------------------ */

static const struct tt_manage_param plug_params[] = {
    {.name = "topic",
     .type = TT_MANAGE_TEXT,
     .is_required = true,
     .label = {1, {"en"}, {"Topic"}},
     .help = "As in the app."},
    {.name = "tele", .type = TT_MANAGE_TEXT, .preset = "tele/${topic}"},
    {.name = "unit", .type = TT_MANAGE_INTEGER, .preset = "1", .has_range = true, .min = 1, .max = 247},
    {.name = "fast", .type = TT_MANAGE_BOOLEAN},
    {.name = "pin", .type = TT_MANAGE_SECRET},
};
static const struct tt_manage_mapping mappings[] = {
    {.name = "mqtt/any", .protocol = "mqtt"},
    {.name = "mqtt/plug",
     .protocol = "mqtt",
     .label = {2, {"en", "sv"}, {"Plug", "Uttag"}},
     .vendor = "Acme",
     .params = plug_params,
     .n_params = TT_COUNT(plug_params)},
};
static const struct tt_manage_connection connections[] = {{"broker", "mqtt", false}, {"bus", "modbus", false}};
static const struct tt_manage_param lamp_params[] = {
    {.name = "topic", .type = TT_MANAGE_TEXT, .is_required = true, .value = "t<1", .is_given = true},
    {.name = "unit", .type = TT_MANAGE_INTEGER, .preset = "1"},
    {.name = "pin", .type = TT_MANAGE_SECRET, .is_given = true},
};
static struct tt_manage_device devices[2];
static const struct tt_manage_device all_devices[] = {
    {.key = "meter",
     .file = "devices.d/house.yaml",
     .under = "cellar",
     .connection = "bus",
     .uses = "modbus/m",
     .label = "",
     .shown = {1, {"en"}, {"Main meter"}}},
    {.key = "plug",
     .file = "devices.d/remote.yaml",
     .is_ours = true,
     .under = "house",
     .connection = "broker",
     .uses = "mqtt/plug",
     .label = "Lamp",
     .shown = {1, {"en"}, {"Lamp"}},
     .params = lamp_params,
     .n_params = TT_COUNT(lamp_params)},
};

static int on_view(void *user, struct tt_manage_view **ret)
{
  struct tt_arena *arena;
  (void)user;
  *ret = tt_manage_view_create(&arena);
  memcpy(devices, all_devices, sizeof(devices));
  **ret = (struct tt_manage_view){mappings,
                                  TT_COUNT(mappings),
                                  connections,
                                  TT_COUNT(connections),
                                  devices,
                                  TT_COUNT(devices),
                                  t.why ? NULL : "devices.d/remote.yaml",
                                  t.why};
  return 0;
}

static const char *or_none(const char *text)
{
  return text ? text : "(none)";
}

static void on_change(void *user, struct tt_manage_change *change)
{
  (void)user;
  assert_string_equal(change->caller->bare, "admin@house.test");
  int n = snprintf(t.asked, sizeof(t.asked), "%d key=%s label=%s under=%s connection=%s uses=%s", (int)change->op,
                   or_none(change->key), or_none(change->label), or_none(change->under),
                   or_none(change->connection), or_none(change->uses));
  for (size_t i = 0; i < change->n_with; i++)
    n += snprintf(t.asked + n, sizeof(t.asked) - (size_t)n, " %s=%s", change->with[i].name, change->with[i].value);
  t.n_changes++;
  change->code = t.code;
  snprintf(change->made_key, sizeof(change->made_key), "lamp");
  snprintf(change->file, sizeof(change->file), "devices.d/remote.yaml");
  if (!t.code) {
    change->diagnostics = strdup("warning: two share a register\n");
    return;
  }
  snprintf(change->why, sizeof(change->why), "It cannot be.");
  change->n_problems = 1;
  snprintf(change->problems[0].field, sizeof(change->problems[0].field), "%s", t.field);
  snprintf(change->problems[0].text, sizeof(change->problems[0].text), "%s", t.problem);
}

static void on_status(void *user, const struct tt_status_sink *sink)
{
  (void)user;
  sink->session(sink->user, &(struct tt_status_session){.kind = "account", .jid = "gw@h/t", .text = "refused"});
  sink->connection(sink->user,
                   &(struct tt_status_connection){
                       .name = "broker", .protocol = "mqtt", .state = "online", .devices = 2, .errors = 3});
  sink->room(sink->user, &(struct tt_status_room){.jid = "house@rooms.h", .nick = "gw", .text = "kicked"});
  sink->file(sink->user, "/etc/thingtree.yaml");
  sink->count(sink->user, "stanzas_dropped", 4);
  sink->count(sink->user, "stanzas_limited", 0);
}

/* ---- World --------------------------------------------------------------------------------------------------------- */

static int begin(void **state)
{
  (void)state;
  memset(&t, 0, sizeof(t));
  strcpy(t.dir, "/tmp/tt-admin-XXXXXX");
  assert_non_null(mkdtemp(t.dir));
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), t.dir, &t.access), 0);
  assert_int_equal(tt_audit_create(t.dir, &t.audit), 0);
  assert_int_equal(tt_blocks_create(t.dir, t.access, &t.blocks), 0);
  t.w = world_create_with(&(struct tt_router_config){.dialects = 7,
                                                     .stanza_max = 65536,
                                                     .compat_response_code = true,
                                                     .version = "1",
                                                     .access = t.access,
                                                     .blocks = t.blocks});
  tt_core_set_access(t.w->core, tt_access_hooks(t.access, t.w->core));
  assert_int_equal(tt_basic_handlers_add(t.w->router), 0);
  assert_int_equal(tt_adhoc_create(t.w->router, &t.w->adhoc), 0);
  t.admin = (struct tt_adhoc_admin){.manage = {NULL, on_view, on_change},
                                    .status = {NULL, on_status},
                                    .audit = t.audit,
                                    .started_us = t.w->now.mono_us - 90061 * TT_USEC_PER_SEC};
  assert_int_equal(tt_adhoc_admin_add(t.w->adhoc, &t.admin), 0);
  return 0;
}

static int end(void **state)
{
  char command[80];
  (void)state;
  tt_router_offline(t.w->router, t.w->session);
  assert_int_equal(tt_adhoc_n_sessions(t.w->adhoc), 0);
  world_destroy(t.w);
  tt_audit_destroy(t.audit);
  tt_blocks_destroy(t.blocks);
  tt_access_destroy(t.access);
  snprintf(command, sizeof(command), "rm -r %s", t.dir);
  return system(command);
}

/* What the caller is answered; the newest session is remembered. */
static const char *say_as(const char *from, const char *to, const char *language, const char *attributes,
                          const char *payload)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(
      &buf,
      "<iq id='q' type='set' xmlns='jabber:client' xml:lang='%s' from='%s' to='%s'><command xmlns='" COMMANDS
      "' %s>%s</command></iq>",
      language, from, to, attributes, payload);
  forget_output(t.w);
  advance(t.w, TT_USEC_PER_SEC / 2);
  give(t.w, buf.data);
  const char *text = flush(t.w), *at = strstr(text, "sessionid='");
  if (at)
    snprintf(t.id, sizeof(t.id), "%.32s", at + strlen("sessionid='"));
  return text;
}

static const char *start(const char *node)
{
  char attributes[80];
  snprintf(attributes, sizeof(attributes), "node='%s' action='execute'", node);
  return say_as(ADMIN, GATEWAY, "en", attributes, "");
}

/* Pairs of field and value; NULL ends. */
static const char *fill(const char *node, const char *const pairs[])
{
  struct tt_buf form TT_AUTOBUF = TT_BUF(0);
  char attributes[160];
  tt_buf_puts(&form, "<x xmlns='jabber:x:data' type='submit'>");
  for (size_t i = 0; pairs[i]; i += 2)
    tt_buf_printf(&form, "<field var='%s'><value>%s</value></field>", pairs[i], pairs[i + 1]);
  tt_buf_puts(&form, "</x>");
  snprintf(attributes, sizeof(attributes), "node='%s' sessionid='%s'", node, t.id);
  return say_as(ADMIN, GATEWAY, "en", attributes, form.data);
}
#define FILL(node, ...) fill(node, (const char *const[]){__VA_ARGS__, NULL})

#define assert_has(text, part)                                                                                     \
  do {                                                                                                             \
    if (!strstr(text, part))                                                                                       \
      fail_msg("'%s' is not in: %s", part, text);                                                                  \
  } while (0)
#define assert_hasnt(text, part)                                                                                   \
  do {                                                                                                             \
    if (strstr(text, part))                                                                                        \
      fail_msg("'%s' is in: %s", part, text);                                                                      \
  } while (0)

static bool is_traced(const char *part)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  assert_int_equal(tt_audit_tail(t.audit, 100, &text), 0);
  return text.data && strstr(text.data, part);
}

/* ---- Whose they are ------------------------------------------------------------------------------------------------ */

static void test_only_for_admins(TT_UNUSED void **state)
{
  static const char *const nodes[] = {"add-device",   "edit-device", "remove-device", "requests",
                                      "access-rules", "status",      "log",           "block"};
  static const char *const others[] = {ALICE, READER, "stranger@else.test/x"};
  for (size_t k = 0; k <= TT_COUNT(others); k++) {
    const char *from = k < TT_COUNT(others) ? others[k] : ADMIN;
    char stanza[400], item[64];
    snprintf(stanza, sizeof(stanza),
             "<iq id='q' type='get' xmlns='jabber:client' from='%s' to='" GATEWAY
             "'><query xmlns='http://jabber.org/protocol/disco#items' node='" COMMANDS "'/></iq>",
             from);
    forget_output(t.w);
    advance(t.w, TT_USEC_PER_SEC);
    give(t.w, stanza);
    const char *list = flush(t.w);
    for (size_t i = 0; i < TT_COUNT(nodes); i++) {
      snprintf(item, sizeof(item), "node='%s'", nodes[i]);
      if (k == TT_COUNT(others))
        assert_has(list, item);
      else
        assert_hasnt(list, item);
    }
    for (size_t i = 0; i < TT_COUNT(nodes); i++) {
      snprintf(item, sizeof(item), "node='%s'", nodes[i]);
      const char *text = say_as(from, GATEWAY, "en", item, "");
      if (k == TT_COUNT(others))
        assert_has(text, "type='result'");
      else
        assert_has(text, "<forbidden xmlns='" STANZAS "'/>");
    }
  }
  assert_int_equal(t.n_changes, 0);
}

/* An admin of some nodes decides about those, not about the gateway and everybody; what they may not see is in no list. */
static void test_admins_of_some_nodes(TT_UNUSED void **state)
{
  const struct tt_adhoc_command *const tables[] = {tt_adhoc_device_rows, tt_adhoc_people_rows, tt_adhoc_daemon_rows,
                                                   tt_adhoc_block_rows};
  static const size_t n[] = {3, 2, 2, 1};
  for (size_t i = 0; i < TT_COUNT(tables); i++)
    for (size_t k = 0; k < n[i]; k++) {
      char attributes[80];
      snprintf(attributes, sizeof(attributes), "node='%s'", tables[i][k].node);
      assert_has(say_as("gardener@house.test/x", GATEWAY, "en", attributes, ""), "item-not-found");
      assert_has(say_as("half@house.test/x", GATEWAY, "en", attributes, ""), "type='result'");
    }
  assert_has(say_as("gardener@house.test/x", "plug@" GATEWAY, "en", "node='edit-device'", ""), "item-not-found");
  const char *text = say_as("half@house.test/x", GATEWAY, "en", "node='edit-device'", "");
  assert_has(text, "<value>plug</value>");
  assert_hasnt(text, "meter");
  assert_hasnt(text, "Main meter");
  say_as("half@house.test/x", GATEWAY, "en", "node='add-device'", "");
  char attributes[120];
  snprintf(attributes, sizeof(attributes), "node='add-device' sessionid='%s'", t.id);
  text = say_as("half@house.test/x", GATEWAY, "en", attributes,
                "<x xmlns='jabber:x:data' type='submit'><field var='uses'><value>mqtt/any</value></field></x>");
  assert_has(text, "There are: house<");
}

/* Whoever loses the right loses the session. */
static void test_right_lost_on_the_way(TT_UNUSED void **state)
{
  assert_int_equal(tt_access_accept(t.access, "new@else.test", TT_ROLE_ADMIN, NULL), 0);
  assert_has(say_as("new@else.test/x", GATEWAY, "en", "node='remove-device'", ""), "status='executing'");
  char attributes[120];
  snprintf(attributes, sizeof(attributes), "node='remove-device' sessionid='%s'", t.id);
  assert_int_equal(tt_access_revoke(t.access, "new@else.test"), 0);
  assert_has(say_as("new@else.test/x", GATEWAY, "en", attributes, SUBMIT), "<forbidden");
  assert_int_equal(t.n_changes, 0);
}

/* ---- Devices ------------------------------------------------------------------------------------------------------ */

static void test_add(TT_UNUSED void **state)
{
  const char *text = start("add-device");
  assert_has(text, "<option label='Plug, Acme (mqtt/plug)'><value>mqtt/plug</value></option>");
  assert_has(text, "<option label='mqtt/any'><value>mqtt/any</value></option>");
  assert_has(FILL("add-device", "uses", "mqtt/none"), "There is no such mapping.");
  text = FILL("add-device", "uses", "mqtt/plug");
  assert_has(text,
             "<field var='with.topic' type='text-single' label='Topic'><desc>As in the app.</desc><required/>");
  assert_has(text, "<desc>Empty: tele/${topic}</desc>");
  assert_has(text,
             "<value>1</value><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'>"
             "<range min='1' max='247'/></validate>");
  assert_has(text, "<field var='with.fast' type='boolean' label='fast'><value>false</value></field>");
  assert_has(text, "<field var='with.pin' type='text-private' label='pin'/>");
  assert_has(text, "<option label='broker'><value>broker</value></option>");
  assert_hasnt(text, "<value>bus</value>"); /* of another protocol */
  assert_has(text, "There are: cellar, house");
  /* What is wrong comes back at its field, with all that was given; the secret is kept and not shown. */
  t.code = "bad-request";
  t.field = "with.unit";
  t.problem = "must be between 1 and 247 & so";
  text =
      FILL("add-device", "label", "Hall &lt;lamp&gt;", "key", "lamp", "under", "house/hall", "connection", "broker",
           "with.topic", "t1", "with.tele", "", "with.unit", "999", "with.fast", "1", "with.pin", "s3cr3t");
  assert_string_equal(t.asked, "0 key=lamp label=Hall <lamp> under=house/hall connection=broker uses=mqtt/plug "
                               "topic=t1 unit=999 fast=true pin=s3cr3t");
  assert_has(text, "status='executing'");
  assert_has(text, "It cannot be.");
  assert_has(
      text, "<field var='with.unit' type='text-single' label='unit'><desc>must be between 1 and 247 &amp; so</desc>"
            "<value>999</value>");
  assert_has(text, "<value>Hall &lt;lamp&gt;</value>");
  assert_has(text, "<value>t1</value>");
  assert_has(text, "<desc>Empty: it stays as it is.</desc></field>");
  assert_hasnt(text, "s3cr3t");
  t.code = NULL;
  text = FILL("add-device", "label", "Hall", "key", "lamp", "under", "", "connection", "broker", "with.topic", "t1",
              "with.tele", "", "with.unit", "1", "with.fast", "0", "with.pin", "");
  assert_string_equal(t.asked, "0 key=lamp label=Hall under= connection=broker uses=mqtt/plug topic=t1 pin=s3cr3t");
  assert_has(text, "status='completed'><note type='info'>The device lamp was added.</note>");
  assert_has(text, "<field var='device' type='text-single' label='Device'><value>lamp</value></field>");
  assert_has(text, "<value>devices.d/remote.yaml</value>");
  assert_has(text, "<value>warning: two share a register</value>");
  assert_int_equal(t.n_changes, 2);
}

static void test_another_mapping_has_other_parameters(TT_UNUSED void **state)
{
  start("add-device");
  FILL("add-device", "uses", "mqtt/plug");
  t.code = "bad-request";
  t.field = "";
  t.problem = "x";
  FILL("add-device", "label", "L", "with.topic", "t1", "with.pin", "s3cr3t");
  char attributes[120];
  snprintf(attributes, sizeof(attributes), "node='add-device' sessionid='%s' action='prev'", t.id);
  assert_has(say_as(ADMIN, GATEWAY, "en", attributes, ""), "<value>mqtt/plug</value>");
  assert_hasnt(FILL("add-device", "uses", "mqtt/any"), "<value>L</value>");
  FILL("add-device", "with.topic", "t1");
  assert_string_equal(t.asked, "0 key=(none) label=(none) under=(none) connection=(none) uses=mqtt/any");
}

static void test_edit(TT_UNUSED void **state)
{
  const char *text = start("edit-device");
  assert_has(text, "<value>plug</value><option label='Lamp (plug)'><value>plug</value></option>"
                   "<option label='Main meter (meter): configured in devices.d/house.yaml'>");
  text = FILL("edit-device", "device", "meter");
  assert_has(text, "meter is configured in devices.d/house.yaml, and is changed there.");
  assert_has(FILL("edit-device", "device", "nobody"), "There is no such device.");
  text = FILL("edit-device", "device", "plug");
  assert_has(text, "<value>t&lt;1</value>");
  assert_has(text, "<value>Lamp</value>");
  assert_has(
      text, "<field var='with.pin' type='text-private' label='pin'><desc>Empty: it stays as it is.</desc></field>");
  assert_hasnt(text, "var='key'");
  text = FILL("edit-device", "label", "Lampa", "with.topic", "t&lt;1", "with.unit", "1", "with.pin", "");
  assert_string_equal(t.asked, "1 key=plug label=Lampa under=(none) connection=(none) uses=(none) topic=t<1");
  assert_has(text, "The device lamp was changed.");
  assert_has(start("edit-device"), "plug");
  FILL("edit-device", "device", "plug");
  FILL("edit-device", "label", "", "under", "", "with.topic", "", "with.unit", "2", "with.pin", "n3w");
  assert_string_equal(t.asked, "1 key=plug label= under= connection=(none) uses=(none) topic= unit=2 pin=n3w");
}

/* Its own address is the choice. */
static void test_at_its_own_address(TT_UNUSED void **state)
{
  assert_has(say_as(ADMIN, "plug@" GATEWAY, "en", "node='edit-device'", ""), "<value>t&lt;1</value>");
  assert_has(say_as(ADMIN, "meter@" GATEWAY, "en", "node='remove-device'", ""),
             "<note type='error'>meter is configured in devices.d/house.yaml, and is changed there.</note>");
  assert_has(say_as(ADMIN, "plug@" GATEWAY, "en", "node='add-device'", ""), "item-not-found");
}

static void test_remove(TT_UNUSED void **state)
{
  start("remove-device");
  assert_has(FILL("remove-device", "device", "plug"), "Remove Lamp (plug)?");
  assert_has(FILL("remove-device", "sure", "0"), "Nothing was removed.");
  assert_int_equal(t.n_changes, 0);
  start("remove-device");
  FILL("remove-device", "device", "plug");
  assert_has(FILL("remove-device", "sure", "1"), "The device lamp was removed.");
  assert_string_equal(t.asked, "2 key=plug label=(none) under=(none) connection=(none) uses=(none)");
}

static void test_no_place_for_devices(TT_UNUSED void **state)
{
  static const char *const nodes[] = {"add-device", "edit-device", "remove-device"};
  t.why = "no directory";
  for (size_t i = 0; i < TT_COUNT(nodes); i++)
    assert_has(start(nodes[i]), "<note type='error'>Devices cannot be changed here: no directory</note>");
}

static void test_in_their_language(TT_UNUSED void **state)
{
  const char *text = say_as(ADMIN, GATEWAY, "sv", "node='add-device'", "");
  assert_has(text, "Lägg till en enhet");
  assert_has(text, "Uttag, Acme (mqtt/plug)");
  text = say_as(ADMIN, GATEWAY, "de", "node='status'", "");
  assert_has(text, "Zustand");
  assert_has(text, "nicht im Raum (kicked)");
}

/* ---- People --------------------------------------------------------------------------------------------------------- */

static void test_requests(TT_UNUSED void **state)
{
  assert_has(start("requests"), "Nobody is waiting.");
  tt_access_request(t.access, t.w->now, "new@else.test", "gw@house.test");
  tt_access_request(t.access, t.w->now, "spam@else.test", "gw@house.test");
  const char *text = start("requests");
  assert_has(
      text,
      "<option label='new@else.test, asked gw@house.test at 2026-11-22 18:54:53Z'><value>new@else.test</value>");
  assert_has(text, "<value>later</value>");
  assert_has(FILL("requests", "who", "new@else.test", "decision", "later", "nodes", ""), "Nothing was decided.");
  assert_false(tt_access_knows(t.access, "new@else.test"));
  start("requests");
  assert_has(FILL("requests", "who", "other@else.test", "decision", "admin", "nodes", ""), "not there any more");
  assert_false(tt_access_knows(t.access, "other@else.test")); /* only who has asked */
  text = FILL("requests", "who", "new@else.test", "decision", "operator", "nodes", "house/**");
  assert_has(text, "<note type='info'>new@else.test is let in.</note>");
  assert_has(text, "<value>operator</value>");
  assert_true(tt_access_knows(t.access, "new@else.test"));
  assert_true(is_traced("\"kind\":\"accepted\",\"jid\":\"" ADMIN
                        "\",\"who\":\"new@else.test\",\"role\":\"operator\","
                        "\"nodes\":\"house/**\"}"));
  start("requests");
  assert_has(FILL("requests", "who", "spam@else.test", "decision", "deny"), "spam@else.test is turned away.");
  assert_true(is_traced("\"kind\":\"denied\""));
  assert_has(start("requests"), "Nobody is waiting.");
  assert_has(FILL("requests", "decision", "deny"), "bad-sessionid");
}

static void test_rules(TT_UNUSED void **state)
{
  start("access-rules");
  const char *text = FILL("access-rules", "do", "list");
  assert_has(text, "label='admin@house.test'><value>admin; configured in thingtree.yaml:7</value>");
  assert_has(text, "<value>reader; nodes: house/**, !house/hall; fields: power; configured in ");
  assert_has(text, "5 rules; the first that fits decides.");
  start("access-rules");
  assert_has(FILL("access-rules", "do", "revoke"), "There are no accepted rules");
  start("access-rules");
  FILL("access-rules", "do", "add");
  text = FILL("access-rules", "who", "no address", "role", "reader", "nodes", "");
  assert_has(text, "&quot;no address&quot; is no address");
  assert_true(is_traced("\"kind\":\"undone\""));
  assert_has(FILL("access-rules", "who", "@else.test", "role", "reader", "nodes", ""), "@else.test is let in.");
  assert_true(tt_access_knows(t.access, "anybody@else.test"));
  start("access-rules");
  text = FILL("access-rules", "do", "revoke");
  assert_has(text, "<option label='@else.test: reader; accepted'><value>@else.test</value></option>");
  assert_hasnt(text, "alice");
  assert_has(FILL("access-rules", "who", "alice@house.test"), "There is nothing to decide about alice@house.test.");
  assert_true(tt_access_knows(t.access, "alice@house.test"));
  assert_has(FILL("access-rules", "who", "@else.test"), "@else.test has no accepted rule any more.");
  assert_false(tt_access_knows(t.access, "anybody@else.test"));
  assert_true(is_traced("\"kind\":\"revoked\",\"jid\":\"" ADMIN "\",\"who\":\"@else.test\"}"));
}

static void test_block(TT_UNUSED void **state)
{
  static const char attributes[] = "node='access-rules'";
  const char *text = start("block");
  assert_has(text, "Nobody is blocked.");
  assert_has(text, "<value>block</value>");
  assert_has(FILL("block", "who", "a b", "do", "block", "text", ""), "is neither an address nor a domain.");
  assert_true(is_traced("\"kind\":\"undone\""));
  assert_has(FILL("block", "who", "admin@house.test", "do", "block", "text", ""), "is an admin, or has one");
  assert_has(FILL("block", "who", "eve@else.test", "do", "unblock", "text", ""), "eve@else.test is not blocked.");
  assert_false(tt_blocks_has(t.blocks, "eve@else.test"));
  text = FILL("block", "who", "Eve@else.test", "do", "spam", "text", "advertisements");
  assert_has(text, "status='completed'");
  assert_has(text, "Eve@else.test is blocked: nothing of theirs is heard any more.");
  assert_has(text, "Blocked: eve@else.test");
  assert_true(tt_blocks_has(t.blocks, "eve@else.test"));
  assert_true(is_traced("\"kind\":\"blocked\",\"jid\":\"" ADMIN "\",\"who\":\"Eve@else.test\"}"));
  assert_string_equal(say_as("eve@else.test/x", GATEWAY, "en", attributes, ""), "");
  assert_has(start("block"), "Blocked: eve@else.test");
  assert_has(FILL("block", "who", "eve@else.test", "do", "unblock"), "eve@else.test is heard again.");
  assert_has(say_as("eve@else.test/x", GATEWAY, "en", attributes, ""), "<forbidden");
  start("block");
  assert_has(FILL("block", "who", "eve@else.test", "do", "shout"), "bad-payload");
  assert_has(FILL("block", "who", "", "do", "block"), "bad-payload");
}

/* ---- The daemon ------------------------------------------------------------------------------------------------------ */

static void test_status(TT_UNUSED void **state)
{
  const char *text = start("status");
  assert_has(text, "label='Version'><value>" TT_VERSION "</value>");
  assert_has(text, "<value>1d 1h 1min</value>");
  assert_has(text, "label='XMPP: account'><value>offline (refused), gw@h/t</value>");
  assert_has(text, "label='broker'><value>online; 2 devices; failed requests: 3</value>");
  assert_has(text, "label='stanzas_dropped'><value>4</value>");
  assert_hasnt(text, "stanzas_limited");
  assert_has(text, "label='meter'><value>Answers after 3 s &amp; more.</value>");
  assert_has(text, "<note type='info'>3 devices: 2 well, 1 with warnings, 0 with errors, 0 disabled.</note>");
}

static void test_log(TT_UNUSED void **state)
{
  for (unsigned i = 1; i <= 60; i++)
    tt_log(TT_LOG_WARNING, "broker", "refused <%u>", i);
  start("log");
  const char *text = FILL("log", "what", "log", "lines", "50");
  assert_has(text, "<value>broker: refused &lt;11&gt;</value>");
  assert_has(text, "<value>broker: refused &lt;60&gt;</value>");
  assert_has(text, "Z warning'>");
  assert_hasnt(text, "&lt;10&gt;");
  assert_has(text, "50 lines.");
  start("log");
  assert_has(FILL("log", "what", "audit", "lines", "20"), "0 lines.");
  assert_int_equal(
      tt_audit_access(t.audit, t.w->now, &(struct tt_caller){.jid = ADMIN}, "denied", "x@y", NULL, NULL), 0);
  start("log");
  assert_has(FILL("log", "what", "audit", "lines", "20"), "&quot;kind&quot;:&quot;denied&quot;");
  start("log");
  assert_has(FILL("log", "what", "/etc/shadow", "lines", "20"), "bad-payload");
}

/* No answer is too large: the newest lines that fit. */
static void test_a_long_log(TT_UNUSED void **state)
{
  char line[1000];
  memset(line, '<', sizeof(line) - 1);
  line[sizeof(line) - 1] = '\0';
  tt_router_configure(t.w->router, 20000, true);
  for (unsigned i = 1; i <= 100; i++)
    tt_log(TT_LOG_INFO, NULL, "%u %s", i, line);
  start("log");
  const char *text = FILL("log", "what", "log", "lines", "100");
  assert_has(text, "status='completed'");
  assert_has(text, "<value>100 &lt;");
  assert_true(strlen(text) < 20000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_only_for_admins),
      TEST(test_admins_of_some_nodes),
      TEST(test_right_lost_on_the_way),
      TEST(test_add),
      TEST(test_another_mapping_has_other_parameters),
      TEST(test_edit),
      TEST(test_at_its_own_address),
      TEST(test_remove),
      TEST(test_no_place_for_devices),
      TEST(test_in_their_language),
      TEST(test_requests),
      TEST(test_rules),
      TEST(test_block),
      TEST(test_status),
      TEST(test_log),
      TEST(test_a_long_log),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
