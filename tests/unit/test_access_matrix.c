/* SPDX-License-Identifier: Apache-2.0
 * Who gets what, through the whole router: every kind of caller, and whoever looks like one, against every kind of iq. The
 * table is what a reviewer should read. */
#include "cmocka_all.h"
#include "trust/access.h"
#include "trust/blocks.h"
#include "xmpp/adhoc_admin.h"
#include "xmpp/adhoc_commands.h"
#include "xmpp/handlers.h"
#include "xmpp/room.h"
#include "xmpp/vcard.h"
#include "xmpp/watch.h"

#include <stdio.h>

#define SECOND TT_USEC_PER_SEC
#define US     "things.house.test"
#define NS_SD  "urn:xmpp:iot:sensordata"
#define NS_CO  "urn:xmpp:iot:concentrators"
#define NF_SD  "urn:nf:iot:sd:1.0"
#define NF_CO  "urn:nf:iot:concentrator:1.0"
#define NS_CT  "urn:xmpp:iot:control"
#define NS_AH  "http://jabber.org/protocol/commands"
#define NF_CT  "urn:nf:iot:ctr:1.0"
#define NS_DI  "http://jabber.org/protocol/disco#"
#define NODE   "n/MeteringTopology//"

/* plug stands in the hall, which the reader and the operator see; meter in the cellar, which they do not. */
static struct tt_rule rules[] = {
    {.who = "admin@house.test", .role = TT_ROLE_ADMIN},
    {.who = "operator@house.test",
     .role = TT_ROLE_OPERATOR,
     .nodes = {(const char *[]){"house/**"}, 1},
     .parameters = {(const char *[]){"*", "!reset"}, 2}},
    {.who = "reader@house.test", .role = TT_ROLE_READER, .nodes = {(const char *[]){"house/**"}, 1}},
    {.who = "barred@house.test", .role = TT_ROLE_NONE},
};

static const char *const callers[] = {
    "admin@house.test/phone",
    "operator@house.test/phone",
    "reader@house.test/phone",
    /* The same people in other letters: a server may write them so. */
    "Admin@House.Test/phone",
    "admin@house.test./phone",
    /* Nobody, whatever they are called. */
    "barred@house.test/phone",
    "stranger@elsewhere.test/phone",
    "\xd0\xb0"
    "dmin@house.test/phone", /* the first letter is Cyrillic */
    "admin@house.test.elsewhere.test/phone",
    "stranger@elsewhere.test/admin@house.test",
    "admin%house.test@elsewhere.test/phone",
    "house.test",
    "admin",
};

/* One letter a caller: R result, F forbidden, N item-not-found, B bad-request, I feature-not-implemented, U
 * service-unavailable, - no answer. A result that says false is an f. */
static const struct {
  const char *letters, *type, *payload;
} rows[] = {
    {"RRRRRRRRRRRRR", "get", "<ping xmlns='urn:xmpp:ping'/>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='http://jabber.org/protocol/disco#info'/>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='http://jabber.org/protocol/disco#items'/>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='" NS_DI "info' node='" NODE "plug'/>"},
    {"RNNRRFFFFFFFF", "get", "<query xmlns='" NS_DI "info' node='" NODE "meter'/>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='" NS_DI "items' node='" NODE "house'/>"},
    {"RNNRRFFFFFFFF", "get", "<query xmlns='" NS_DI "items' node='" NODE "cellar'/>"},
    {"NNNNNFFFFFFFF", "get", "<query xmlns='" NS_DI "items' node='" NODE "nothing'/>"},
    {"NNNNNFFFFFFFF", "get", "<query xmlns='" NS_DI "info' node='nothing'/>"},
    {"RRRRRFFFFFFFF", "get", "<vCard xmlns='vcard-temp'/>"},
    {"FFFFFFFFFFFFF", "set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='jabber:iq:search'/>"},
    {"RRRRRFFFFFFFF", "set", "<query xmlns='jabber:iq:search'><nick>meter</nick></query>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='jabber:iq:version'/>"},
    {"RRRRRFFFFFFFF", "get", "<time xmlns='urn:xmpp:time'/>"},
    {"BBBBBBBBBBBBB", "get", ""},
    {"UUUUUUUUUUUUU", "get", "<unknown xmlns='urn:unknown'/>"},
    {"UUUUUUUUUUUUU", "set", "<query xmlns='jabber:iq:roster'><item jid='stranger@elsewhere.test'/></query>"},
    {"RNNRRFFFFFFFF", "get", "<req xmlns='" NS_SD "' seqnr='1' momentary='true'/>"},
    {"RRRRRFFFFFFFF", "get", "<req xmlns='" NS_SD "' seqnr='2' momentary='true'><node nodeId='plug'/></req>"},
    {"RNNRRFFFFFFFF", "get", "<req xmlns='" NS_SD "' seqnr='3' momentary='true'><node nodeId='meter'/></req>"},
    {"NNNNNFFFFFFFF", "get", "<req xmlns='" NS_SD "' seqnr='4' momentary='true'><node nodeId='nothing'/></req>"},
    {"RRRRRFFFFFFFF", "get", "<subscribe xmlns='urn:xmpp:iot:events' seqnr='1'><node nodeId='plug'/></subscribe>"},
    {"RNNRRFFFFFFFF", "set", "<subscribe xmlns='urn:nf:iot:events:1.0' id='1'><nd id='meter'/></subscribe>"},
    {"RRRRRFFFFFFFF", "get", "<unsubscribe xmlns='urn:xmpp:iot:events' seqnr='1'/>"},
    {"NNNNNFFFFFFFF", "get", "<cancel xmlns='" NS_SD "' seqnr='9'/>"},
    {"RRRRRFFFFFFFF", "get", "<req xmlns='" NF_SD "' id='5' all='true'><nd id='plug'/></req>"},
    {"RNNRRFFFFFFFF", "get", "<req xmlns='" NF_SD "' id='6' all='true'><nd id='meter'/></req>"},
    {"RRRRRFFFFFFFF", "get", "<getCapabilities xmlns='" NS_CO "'/>"},
    {"RRRRRFFFFFFFF", "get", "<getAllDataSources xmlns='" NS_CO "'/>"},
    {"RRRRRFFFFFFFF", "get", "<getRootDataSources xmlns='" NS_CO "'/>"},
    {"RRRRRFFFFFFFF", "get", "<getChildDataSources xmlns='" NS_CO "' sourceId=''/>"},
    {"RRRRRFFFFFFFF", "get", "<containsNode xmlns='" NS_CO "' nodeId='plug'/>"},
    {"RffRRFFFFFFFF", "get", "<containsNode xmlns='" NS_CO "' nodeId='meter'/>"},
    {"RRRRRFFFFFFFF", "get", "<containsNodes xmlns='" NS_CO "'><node nodeId='plug'/></containsNodes>"},
    {"RRRRRFFFFFFFF", "get", "<getNode xmlns='" NS_CO "' nodeId='plug'/>"},
    {"RNNRRFFFFFFFF", "get", "<getNode xmlns='" NS_CO "' nodeId='meter'/>"},
    {"NNNNNFFFFFFFF", "get", "<getNode xmlns='" NS_CO "' nodeId='nothing'/>"},
    {"RNNRRFFFFFFFF", "get", "<getNodes xmlns='" NS_CO "'><node nodeId='plug'/><node nodeId='meter'/></getNodes>"},
    {"RRRRRFFFFFFFF", "get", "<getAllNodes xmlns='" NS_CO "' sourceId=''/>"},
    {"RRRRRFFFFFFFF", "get", "<getRootNodes xmlns='" NS_CO "' sourceId=''/>"},
    {"RRRRRFFFFFFFF", "get", "<getChildNodes xmlns='" NS_CO "' nodeId='house'/>"},
    {"RNNRRFFFFFFFF", "get", "<getChildNodes xmlns='" NS_CO "' nodeId='cellar'/>"},
    {"RRRRRFFFFFFFF", "get", "<getAncestors xmlns='" NS_CO "' nodeId='plug'/>"},
    {"RNNRRFFFFFFFF", "get", "<getAncestors xmlns='" NS_CO "' nodeId='meter'/>"},
    {"RRRRRFFFFFFFF", "get", "<getNodeInheritance xmlns='" NS_CO "' nodeId='plug'/>"},
    {"RRRRRFFFFFFFF", "get", "<getNode xmlns='" NF_CO "' id='plug'/>"},
    {"RNNRRFFFFFFFF", "get", "<getNode xmlns='" NF_CO "' id='meter'/>"},
    {"RRFRRFFFFFFFF", "set",
     "<set xmlns='" NS_CT "'><node nodeId='plug'/><boolean name='relay' value='true'/></set>"},
    {"RNNRRFFFFFFFF", "set",
     "<set xmlns='" NS_CT "'><node nodeId='meter'/><boolean name='relay' value='true'/></set>"},
    {"NNFNNFFFFFFFF", "set",
     "<set xmlns='" NS_CT "'><node nodeId='plug'/><boolean name='power' value='true'/></set>"},
    {"BBBBBFFFFFFFF", "set", "<set xmlns='" NS_CT "'><boolean name='relay' value='true'/></set>"},
    {"RRFRRFFFFFFFF", "get",
     "<set xmlns='" NS_CT "'><node nodeId='plug'/><boolean name='relay' value='true'/></set>"},
    {"RRFRRFFFFFFFF", "get", "<getForm xmlns='" NS_CT "'><node nodeId='plug'/></getForm>"},
    {"RNNRRFFFFFFFF", "get", "<getForm xmlns='" NS_CT "'><node nodeId='meter'/></getForm>"},
    {"RRFRRFFFFFFFF", "set", "<set xmlns='" NF_CT "'><nd id='plug'/><b n='relay' v='true'/></set>"},
    {"RNNRRFFFFFFFF", "set", "<set xmlns='" NF_CT "'><nd id='meter'/><b n='relay' v='true'/></set>"},
    {"RRRRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='browse'/>"},
    {"RRRRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='read'/>"},
    {"RRFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='control'/>"},
    {"RRFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='switch'/>"},
    {"RRFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='commands'/>"},
    {"NNFNNFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='turn-on'/>"},
    {"NNNNNFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='nothing'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='add-device'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='edit-device'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='remove-device'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='requests'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='access-rules'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='status'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='log'/>"},
    {"RFFRRFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='block'/>"},
    {"RNNRRFFFFFFFF", "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='add-device'/>"},
    {"BBBBBFFFFFFFF", "set", "<command xmlns='" NS_AH "' node='read' sessionid='x'/>"},
    {"RRRRRFFFFFFFF", "get", "<query xmlns='http://jabber.org/protocol/disco#items' node='" NS_AH "'/>"},
    {"RRNRRFFFFFFFF", "get", "<query xmlns='http://jabber.org/protocol/disco#info' node='control'/>"},
    {"RRFRRFFFFFFFF", "get", "<getNodeCommands xmlns='" NS_CO "' nodeId='plug'/>"},
    {"RNNRRFFFFFFFF", "get", "<getNodeCommands xmlns='" NS_CO "' nodeId='meter'/>"},
    {"NNNNNFFFFFFFF", "get", "<getNodeCommands xmlns='" NS_CO "' nodeId='nothing'/>"},
    {"BBBBBFFFFFFFF", "get", "<getNodeCommands xmlns='" NS_CO "'/>"},
    {"RRFRRFFFFFFFF", "get", "<getNodeCommands xmlns='" NF_CO "' id='plug'/>"},
    {"RRFRRFFFFFFFF", "get", "<getCommandParameters xmlns='" NS_CO "' nodeId='plug' command='blink'/>"},
    {"RNNRRFFFFFFFF", "get", "<getCommandParameters xmlns='" NS_CO "' nodeId='meter' command='blink'/>"},
    {"NNFNNFFFFFFFF", "get", "<getCommandParameters xmlns='" NS_CO "' nodeId='plug' command='fly'/>"},
    {"RRFRRFFFFFFFF", "set", "<executeNodeCommand xmlns='" NS_CO "' nodeId='plug' command='blink'/>"},
    {"RNNRRFFFFFFFF", "set", "<executeNodeCommand xmlns='" NS_CO "' nodeId='meter' command='blink'/>"},
    {"NNFNNFFFFFFFF", "set", "<executeNodeCommand xmlns='" NS_CO "' nodeId='plug' command='fly'/>"},
    {"NNNNNFFFFFFFF", "set", "<executeNodeCommand xmlns='" NS_CO "' nodeId='nothing' command='blink'/>"},
    /* One that its rule keeps from the operator, though the node is hers. */
    {"RFFRRFFFFFFFF", "set", "<executeNodeCommand xmlns='" NS_CO "' nodeId='plug' command='reset'/>"},
    {"RRFRRFFFFFFFF", "get", "<executeNodeCommand xmlns='" NF_CO "' id='plug' command='blink'/>"},
    {"RNNRRFFFFFFFF", "set", "<executeNodeCommand xmlns='" NF_CO "' id='meter' command='blink'/>"},
    {"RFFRRFFFFFFFF", "set", "<executeNodeCommand xmlns='" NF_CO "' id='plug' command='reset'/>"},
    {"IIIIIFFFFFFFF", "set", "<createNewNode xmlns='" NS_CO "' nodeId='plug'/>"},
};

/* What is asked of the own address of a thing. */
static const struct {
  const char *letters, *thing, *type, *payload;
} things[] = {
    {"RRFRRFFFFFFFF", "plug", "set", "<command xmlns='" NS_AH "' node='turn-on'/>"},
    {"RNNRRFFFFFFFF", "meter", "set", "<command xmlns='" NS_AH "' node='turn-on'/>"},
    {"ffFffFFFFFFFF", "plug", "set", "<command xmlns='" NS_AH "' node='control'/>"}, /* the form has a "false" */
    {"RRFRRFFFFFFFF", "plug", "set", "<command xmlns='" NS_AH "' node='commands'/>"},
    {"RNNRRFFFFFFFF", "meter", "set", "<command xmlns='" NS_AH "' node='commands'/>"},
    /* It has one switch, so it has turn-on. */
    {"NNFNNFFFFFFFF", "plug", "set", "<command xmlns='" NS_AH "' node='switch'/>"},
    {"RRRRRFFFFFFFF", "plug", "set", "<command xmlns='" NS_AH "' node='read'/>"},
    {"RNNRRFFFFFFFF", "meter", "set", "<command xmlns='" NS_AH "' node='read'/>"},
    {"RRRRRFFFFFFFF", "plug", "get", "<query xmlns='" NS_DI "items' node='" NS_AH "'/>"},
    {"RNNRRFFFFFFFF", "meter", "get", "<query xmlns='" NS_DI "items' node='" NS_AH "'/>"},
    {"RRFRRFFFFFFFF", "plug", "get", "<getNodeCommands xmlns='" NS_CO "'/>"},
};

/* The same people in a chat. A letter a caller: A it is answered, F they may not, N there is no such thing, - silence. */
static const struct {
  const char *letters, *text;
} said[] = {
    {"AAAAA--------", "help"},
    {"AAAAA--------", "ls"},
    {"AAAAA--------", "plug.relay?"},
    {"AAAAA--------", "plug"},
    {"ANNAA--------", "meter"},
    {"ANNAA--------", "meter.power?"},
    {"NNNNN--------", "nothing"},
    {"AAFAA--------", "plug on"},
    {"AAFAA--------", "plug.relay:=off"},
    {"AAFAA--------", "plug:="},
    {"ANNAA--------", "meter on"},
    {"AAAAA--------", "watch plug"},
    {"ANNAA--------", "watch meter"},
    {"AAAAA--------", "unwatch all"},
    {"AAAAA--------", "status"},
    {"AAFAA--------", "do plug blink"},
    {"AAFAA--------", "do plug reset"}, /* to the operator: that there is none */
    {"AAAAA--------", "cd /"},
    {"ANNAA--------", "do meter blink"},
    {"AAFAA--------", "commands plug"},
    {"ANNAA--------", "commands meter"},
    {"AFFAA--------", "log"},
    {"AFFAA--------", "block"},
    {"AFFAA--------", "block eve@else.test"},
    {"AFFAA--------", "report eve@else.test spam"},
    {"AFFAA--------", "unblock eve@else.test"},
};

/* The same people in a chat room, as far as its server tells who they are: those of whom it tells nothing, or who have no rule, hear
 * nothing. I: not to be had in a room. */
static const struct {
  const char *letters, *text;
} said_in_room[] = {
    {"AAAAA--------", "gw: help"},          {"AAAAA--------", "@gw ls"},
    {"AAAAA--------", "gw, plug.relay?"},   {"ANNAA--------", "gw: meter"},
    {"ANNAA--------", "gw: meter.power?"},  {"NNNNN--------", "gw: nothing"},
    {"AAFAA--------", "gw: plug on"},       {"AAFAA--------", "gw: plug.relay:=off"},
    {"ANNAA--------", "gw: meter on"},      {"IIIII--------", "gw: watch plug"},
    {"IIIII--------", "gw: unwatch all"},   {"IFFII--------", "gw: log"},
    {"AAFAA--------", "gw: do plug blink"}, {"ANNAA--------", "gw: do meter blink"},
    {"IFFII--------", "gw: block"},         {"IFFII--------", "gw: block eve@else.test"},
    {"-------------", "plug on"},           {"-------------", "bob: plug on"},
};
static const struct tt_room room = {.jid = "r@rooms.test", .nick = "gw", .has_commands = true};

/* ---- The router with everything in it ------------------------------------------------------------------------- */
static int address;
static struct tt_write any_write = {.within_us = SECOND, .verify_point = TT_NO_POINT};
static const struct tt_point points[] = {
    {.name = "power", .type = TT_TYPE_INT64, .unit = "", .categories = 1, .poll = -1, .address = &address},
    {.name = "relay", .type = TT_TYPE_BOOLEAN, .unit = "", .poll = -1, .address = &address, .write = &any_write}};

static const struct tt_command commands[] = {{.name = "blink", .within_us = SECOND}, {.name = "reset"}};

static struct {
  struct tt_core *core;
  struct tt_access *access;
  struct tt_blocks *blocks;
  struct tt_router *router;
  struct tt_session *session;
  struct tt_sensor *sensor;
  struct tt_control_handlers *control;
  struct tt_events *events;
  struct tt_adhoc *adhoc;
  struct tt_watches *watches;
  struct tt_chat_handlers *chat;
  struct tt_rooms *rooms;
  struct tt_node_command_handlers *node_commands;
  struct tt_now now;
  struct tt_buf out;
  tt_device_fn written;
  void *written_user;
} w;

static int collect(void *user, const char *text, size_t n)
{
  (void)user;
  tt_buf_add(&w.out, text, n);
  return 0;
}

static int no_read(void *user, tt_id node, const uint16_t which[], size_t n, uint64_t deadline_us, tt_device_fn fn,
                   void *fn_user)
{
  (void)user, (void)node, (void)which, (void)n, (void)deadline_us, (void)fn, (void)fn_user;
  return -ENODEV;
}

/* One command at a time is done at the end of its turn. */
static int on_write(void *user, tt_id node, uint16_t point, const struct tt_value *raw, uint64_t deadline_us,
                    tt_device_fn fn, void *fn_user)
{
  (void)user, (void)node, (void)point, (void)raw, (void)deadline_us;
  w.written = fn;
  w.written_user = fn_user;
  return 0;
}

static int on_command(void *user, tt_id node, uint16_t command, const struct tt_value raws[], uint64_t deadline_us,
                      tt_device_fn fn, void *fn_user)
{
  return on_write(user, node, command, raws, deadline_us, fn, fn_user);
}

static uint64_t on_audit(void *user, const struct tt_caller *caller, const struct tt_node *node,
                         const struct tt_command *command, const struct tt_value values[])
{
  (void)user, (void)caller, (void)node, (void)command, (void)values;
  return 1;
}

static uint64_t on_decision(void *user, const struct tt_caller *caller, const struct tt_node *node,
                            const char *parameter, const struct tt_value *old, const struct tt_value *value)
{
  (void)user, (void)caller, (void)node, (void)parameter, (void)old, (void)value;
  return 1;
}

static void on_outcome(void *user, uint64_t id, enum tt_refusal result, const char *text)
{
  (void)user, (void)id, (void)result, (void)text;
}

static void on_refused(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node)
{
  (void)user, (void)caller, (void)op, (void)node;
}

static void add_node(const char *key, const char *place)
{
  struct tt_node *node;
  struct tt_node_spec spec = {.kind = TT_NODE_DEVICE,
                              .key = key,
                              .place = place,
                              .type = "x",
                              .points = points,
                              .n_points = TT_COUNT(points),
                              .commands = commands,
                              .n_commands = TT_COUNT(commands)};
  assert_int_equal(tt_tree_add(tt_core_tree(w.core), w.now, &spec, &node), 0);
  tt_node_report(tt_core_tree(w.core), w.now, node, 0, &TT_VALUE_INT64(7), 0, false);
}

static bool tell_log(void *user, const struct tt_caller *caller, size_t n, struct tt_buf *out)
{
  (void)user, (void)caller, (void)n;
  tt_buf_puts(out, "a line");
  return true;
}

static int on_view(void *user, struct tt_manage_view **ret)
{
  struct tt_arena *arena;
  (void)user;
  *ret = tt_manage_view_create(&arena);
  return *ret ? 0 : -ENOMEM;
}

static void on_tell(void *user, const struct tt_status_sink *sink)
{
  (void)user, (void)sink;
}

static int setup(void **state)
{
  static const struct tt_session_ops ops = {collect};
  (void)state;
  memset(&w, 0, sizeof(w));
  w.now = (struct tt_now){.mono_us = 1000 * SECOND, .wall_us = UINT64_C(1795373693) * SECOND};
  w.core = tt_core_create();
  tt_core_turn(w.core, w.now);
  assert_int_equal(tt_access_create(rules, TT_COUNT(rules), NULL, &w.access), 0);
  assert_int_equal(tt_blocks_create(NULL, w.access, &w.blocks), 0);
  tt_core_set_access(w.core, tt_access_hooks(w.access, w.core));
  tt_core_set_audit(w.core, (struct tt_audit_hooks){NULL, on_decision, on_outcome, on_refused, on_audit});
  tt_core_set_devices(w.core, (struct tt_device_hooks){.read = no_read, .write = on_write, .command = on_command});
  add_node("plug", "house/hall");
  add_node("meter", "cellar");
  struct tt_node *gateway;
  const struct tt_node_spec spec = {.kind = TT_NODE_GATEWAY, .key = TT_GATEWAY_KEY, .type = "thingtree.gateway"};
  assert_int_equal(tt_tree_add(tt_core_tree(w.core), w.now, &spec, &gateway), 0);
  struct tt_router_config config = {
      .core = w.core, .access = w.access, .blocks = w.blocks, .dialects = 15, .stanza_max = 65536, .version = "1"};
  assert_int_equal(tt_router_create(&config, &w.router), 0);
  assert_int_equal(tt_basic_handlers_add(w.router), 0);
  assert_int_equal(tt_sensor_create(w.router, &w.sensor), 0);
  assert_int_equal(tt_control_handlers_create(w.router, &w.control), 0);
  assert_int_equal(tt_events_create(w.router, TT_EVENTS_MIN_US, &w.events), 0);
  assert_int_equal(tt_node_command_handlers_create(w.router, &w.node_commands), 0);
  assert_int_equal(tt_concentrator_handlers_add(w.router), 0);
  assert_int_equal(tt_adhoc_create(w.router, &w.adhoc), 0);
  assert_int_equal(tt_adhoc_browse_add(w.adhoc), 0);
  assert_int_equal(tt_adhoc_read_add(w.adhoc), 0);
  assert_int_equal(tt_adhoc_control_add(w.adhoc), 0);
  assert_int_equal(tt_adhoc_do_add(w.adhoc), 0);
  assert_int_equal(tt_vcard_handlers_add(w.router), 0);
  assert_int_equal(tt_search_handlers_add(w.router), 0);
  static const struct tt_chat_admin chat_admin = {NULL, tell_log, NULL};
  assert_int_equal(tt_watches_create(w.router, &w.watches), 0);
  assert_int_equal(tt_chat_handlers_create(w.router, w.watches, &chat_admin, &w.chat), 0);
  static const struct tt_adhoc_admin admin = {.manage = {.view = on_view}, .status = {.tell = on_tell}};
  assert_int_equal(tt_adhoc_admin_add(w.adhoc, &admin), 0);
  const struct tt_rooms_options rooms = {.rooms = &room, .n = 1, .kind = TT_SESSION_COMPONENT};
  assert_int_equal(tt_rooms_create(w.router, &rooms, &w.rooms), 0);
  w.session = tt_session_create(TT_SESSION_COMPONENT, US, &ops, NULL);
  tt_session_set_online(w.session, true);
  tt_router_online(w.router, w.session);
  tt_session_flush(w.session, w.now.mono_us); /* the room is asked for */
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  tt_router_offline(w.router, w.session);
  tt_rooms_destroy(w.rooms);
  tt_core_destroy(w.core);
  tt_sensor_destroy(w.sensor);
  tt_control_handlers_destroy(w.control);
  tt_events_destroy(w.events);
  tt_adhoc_destroy(w.adhoc);
  tt_chat_handlers_destroy(w.chat);
  tt_watches_destroy(w.watches);
  tt_node_command_handlers_destroy(w.node_commands);
  tt_router_destroy(w.router);
  tt_session_destroy(w.session);
  tt_blocks_destroy(w.blocks);
  tt_access_destroy(w.access);
  tt_buf_finish(&w.out);
  return 0;
}

/* What the answer is, in one letter. */
static char letter(void)
{
  static const struct {
    const char *condition;
    char letter;
  } errors[] = {{"<forbidden ", 'F'},
                {"<item-not-found ", 'N'},
                {"<bad-request ", 'B'},
                {"<feature-not-implemented ", 'I'},
                {"<service-unavailable ", 'U'}};
  const char *iq = w.out.data ? strstr(w.out.data, "<iq ") : NULL;
  if (!iq)
    return '-';
  if (strncmp(iq, "<iq type='result'", 17) == 0)
    return strstr(iq, ">false<") ? 'f' : 'R';
  for (size_t i = 0; i < TT_COUNT(errors); i++)
    if (strstr(iq, errors[i].condition))
      return errors[i].letter;
  return '?';
}

static void give(const struct tt_buf *text)
{
  struct tt_xml_doc *doc;
  w.now.mono_us += 10 * SECOND; /* no limit of rate matters here */
  w.now.wall_us += 10 * SECOND;
  tt_core_turn(w.core, w.now);
  tt_buf_truncate(&w.out, 0);
  assert_int_equal(tt_xml_parse(text->data, text->len, &doc), 0);
  tt_router_stanza(w.router, w.session, tt_xml_doc_root(doc));
  tt_xml_doc_destroy(doc);
  if (w.written)
    w.written(w.written_user, 0, NULL);
  w.written = NULL;
  tt_sensor_flush(w.sensor);
  tt_session_flush(w.session, w.now.mono_us);
  tt_session_flush(w.session, w.now.mono_us + TT_OUT_HOLD_US + 1);
}

static char ask_at(const char *thing, const char *from, const char *type, const char *payload)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "<iq xmlns='jabber:client' type='%s' id='q' from='%s' to='%s%s" US "'>%s</iq>", type, from,
                thing, *thing ? "@" : "", payload);
  give(&text);
  return letter();
}

static char ask(const char *from, const char *type, const char *payload)
{
  return ask_at("", from, type, payload);
}

static char say(const char *from, const char *line)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text,
                "<message xmlns='jabber:client' type='chat' id='q' from='%s' to='" US "'><body>%s</body></message>",
                from, line);
  give(&text);
  if (w.out.len == 0)
    return '-';
  if (!strstr(w.out.data, "<body>"))
    return '?';
  return strstr(w.out.data, "You may not") ? 'F' : strstr(w.out.data, "I do not know") ? 'N' : 'A';
}

static void test_matrix(void **state)
{
  bool is_wrong = false;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    char letters[TT_COUNT(callers) + 1] = "";
    for (size_t k = 0; k < TT_COUNT(callers); k++)
      letters[k] = ask(callers[k], rows[i].type, rows[i].payload);
    if (strcmp(letters, rows[i].letters) == 0)
      continue;
    is_wrong = true;
    print_error("\"%s\", not \"%s\": %s %s\n", letters, rows[i].letters, rows[i].type, rows[i].payload);
  }
  assert_false(is_wrong);
}

static void test_things(void **state)
{
  bool is_wrong = false;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(things); i++) {
    char letters[TT_COUNT(callers) + 1] = "";
    for (size_t k = 0; k < TT_COUNT(callers); k++)
      letters[k] = ask_at(things[i].thing, callers[k], things[i].type, things[i].payload);
    if (strcmp(letters, things[i].letters) == 0)
      continue;
    is_wrong = true;
    print_error("\"%s\", not \"%s\": %s %s %s\n", letters, things[i].letters, things[i].thing, things[i].type,
                things[i].payload);
  }
  assert_false(is_wrong);
}

static void test_chat(void **state)
{
  bool is_wrong = false;
  (void)state;
  assert_int_equal(say("operator@house.test/phone", "do plug reset"), 'A');
  assert_non_null(strstr(w.out.data, "has no command *reset*"));
  for (size_t i = 0; i < TT_COUNT(said); i++) {
    char letters[TT_COUNT(callers) + 1] = "";
    for (size_t k = 0; k < TT_COUNT(callers); k++)
      letters[k] = say(callers[k], said[i].text);
    if (strcmp(letters, said[i].letters) == 0)
      continue;
    is_wrong = true;
    print_error("\"%s\", not \"%s\": %s\n", letters, said[i].letters, said[i].text);
  }
  assert_false(is_wrong);
}

static void in_room(const char *format, const char *who)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, format, who);
  give(&text);
}

/* `jid` NULL: the room does not show it. */
static char say_in_room(const char *jid, const char *line)
{
  in_room("<presence xmlns='jabber:client' from='r@rooms.test/n' to='" US "/thingtree'><x "
          "xmlns='http://jabber.org/protocol/muc#user'><item role='participant' %s/></x></presence>",
          jid ? jid : "");
  in_room("<message xmlns='jabber:client' type='groupchat' from='r@rooms.test/n' to='" US
          "/thingtree'><body>%s</body></message>",
          line);
  if (w.out.len == 0)
    return '-';
  if (!strstr(w.out.data, "<message type='groupchat' ") || !strstr(w.out.data, "to='r@rooms.test'"))
    return '?';
  return strstr(w.out.data, "You may not")     ? 'F'
         : strstr(w.out.data, "not supported") ? 'I'
         : strstr(w.out.data, "I do not know") ? 'N'
                                               : 'A';
}

static void test_room(void **state)
{
  bool is_wrong = false;
  (void)state;
  const char *asked = strstr(w.out.data, "to='r@rooms.test' id='");
  assert_non_null(asked);
  char id[40];
  snprintf(id, sizeof(id), "%.*s", (int)strcspn(asked + 22, "'"), asked + 22);
  in_room("<iq xmlns='jabber:client' type='result' id='%s' from='r@rooms.test' to='" US "/thingtree'/>", id);
  in_room("<presence xmlns='jabber:client' from='r@rooms.test/gw' to='" US "/thingtree'><x "
          "xmlns='http://jabber.org/protocol/muc#user'><item role='%s'/><status code='110'/></x></presence>",
          "participant");
  for (size_t i = 0; i < TT_COUNT(said_in_room); i++) {
    char letters[TT_COUNT(callers) + 1] = "", jid[200];
    for (size_t k = 0; k < TT_COUNT(callers); k++) {
      snprintf(jid, sizeof(jid), "jid='%s'", callers[k]);
      letters[k] = say_in_room(jid, said_in_room[i].text);
    }
    is_wrong |= say_in_room(NULL, said_in_room[i].text) != '-';
    if (strcmp(letters, said_in_room[i].letters) == 0)
      continue;
    is_wrong = true;
    print_error("\"%s\", not \"%s\": %s\n", letters, said_in_room[i].letters, said_in_room[i].text);
  }
  assert_false(is_wrong);
}

/* A refusal does not tell whether there is such a node: but for what was asked, both answers are the same. */
static char *answer_about(const char *from, const char *before, const char *node, const char *after)
{
  struct tt_buf text = TT_BUF(0);
  tt_buf_printf(&text, "%s'%s'%s", before, node, after);
  ask(from, "get", text.data);
  tt_buf_finish(&text);
  assert_non_null(w.out.data);
  char *answer = strdup(w.out.data);
  for (char *at; (at = strstr(answer, node));)
    memset(at, '-', strlen(node));
  return answer;
}

static void test_a_hidden_node_answers_as_none(void **state)
{
  static const struct {
    const char *before, *after;
  } requests[] = {
      {"<req xmlns='" NS_SD "' seqnr='1' momentary='true'><node nodeId=", "/></req>"},
      {"<req xmlns='" NF_SD "' id='1' all='true'><nd id=", "/></req>"},
      {"<getNode xmlns='" NS_CO "' nodeId=", "/>"},
      {"<containsNode xmlns='" NS_CO "' nodeId=", "/>"},
      {"<getChildNodes xmlns='" NS_CO "' nodeId=", "/>"},
      {"<getAncestors xmlns='" NS_CO "' nodeId=", "/>"},
      {"<getNodeCommands xmlns='" NS_CO "' nodeId=", "/>"},
      {"<getCommandParameters xmlns='" NF_CO "' command='blink' id=", "/>"}, /* in X its name has "meter" in it */
      {"<executeNodeCommand xmlns='" NS_CO "' command='blink' nodeId=", "/>"},
      {"<executeNodeCommand xmlns='" NF_CO "' command='blink' id=", "/>"},
      {"<getNode xmlns='" NF_CO "' id=", "/>"},
      {"<query xmlns='" NS_DI "info' x='' node=", "/>"},
      {"<query xmlns='" NS_DI "items' node=", "/>"},
  };
  static const char *const people[] = {"reader@house.test/phone", "stranger@elsewhere.test/phone"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(requests); i++)
    for (size_t k = 0; k < TT_COUNT(people); k++) {
      char *hidden = answer_about(people[k], requests[i].before, "meter", requests[i].after);
      char *none = answer_about(people[k], requests[i].before, "ghost", requests[i].after);
      assert_string_equal(hidden, none);
      free(hidden);
      free(none);
    }
}

/* What leaves by itself when the plug reports a number, a second after what was before. */
static const char *told_of(int64_t number)
{
  struct tt_node *node = tt_tree_find(tt_core_tree(w.core), "plug", "", "");
  w.now.mono_us += 2 * SECOND;
  tt_core_turn(w.core, w.now);
  tt_buf_truncate(&w.out, 0);
  tt_node_report(tt_core_tree(w.core), w.now, node, 0, &TT_VALUE_INT64(number), 0, false);
  tt_core_flush(w.core);
  tt_session_flush(w.session, w.now.mono_us);
  return w.out.data ? w.out.data : "";
}

/* A subscription is worth what the rules say now, also when nobody told it of their change. */
static void test_other_rules_end_a_subscription(void **state)
{
  static const char *const subscribe[] = {
      "<subscribe xmlns='urn:xmpp:iot:events' seqnr='1'><node nodeId='plug'/></subscribe>",
      "<subscribe xmlns='urn:nf:iot:events:1.0' id='1'><nd id='plug'/></subscribe>"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(subscribe); i++) {
    assert_int_equal(ask("reader@house.test/phone", "get", subscribe[i]), 'R');
    assert_non_null(strstr(told_of(100), "'100'"));
    assert_int_equal(tt_access_configure(w.access, rules, 2), 0); /* without the reader */
    const char *out = told_of(200);
    assert_null(strstr(out, "'200'"));
    assert_non_null(strstr(out, "Not permitted any more."));
    assert_string_equal(told_of(300), "");
    assert_int_equal(tt_access_configure(w.access, rules, TT_COUNT(rules)), 0);
    assert_string_equal(told_of(400), "");
    /* The same for a rule that was accepted and is taken back. */
    assert_int_equal(tt_access_accept(w.access, "new@house.test", TT_ROLE_READER, NULL), 0);
    assert_int_equal(ask("new@house.test/phone", "get", subscribe[i]), 'R');
    assert_non_null(strstr(told_of(500), "'500'"));
    assert_int_equal(tt_access_revoke(w.access, "new@house.test"), 0);
    assert_null(strstr(told_of(600), "'600'"));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_matrix, setup, teardown),
      cmocka_unit_test_setup_teardown(test_things, setup, teardown),
      cmocka_unit_test_setup_teardown(test_chat, setup, teardown),
      cmocka_unit_test_setup_teardown(test_room, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_hidden_node_answers_as_none, setup, teardown),
      cmocka_unit_test_setup_teardown(test_other_rules_end_a_subscription, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
