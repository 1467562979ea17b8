/* SPDX-License-Identifier: Apache-2.0
 * concentrator.c and node_view.c: browsing, in all four namespaces. */
#include "iot_world.h"

#define GET "iq type='get'"

/* Nodes as alice sees them; `S` is what N adds. */
#define SRC " src='MeteringTopology'"
#define CLIMATE_A                                                                                                  \
  " displayName='Hall climate' nodeType='thingtree.device.mqtt' state='None' hasChildren='false'"                  \
  " isReadable='true' parentId='house/hall' lastChanged='" WALL_TEXT "'"
#define PLUG_A                                                                                                     \
  " displayName='plug' nodeType='thingtree.device.mqtt' state='None' hasChildren='false'"                          \
  " isReadable='true' isControllable='true' parentId='house' lastChanged='" WALL_TEXT "'"
#define METER_A                                                                                                    \
  " displayName='meter' nodeType='thingtree.device.modbus' state='WarningUnsigned' hasChildren='false'"            \
  " isReadable='true' isControllable='true' parentId='cellar' lastChanged='" WALL_TEXT "'"
#define HALL_A                                                                                                     \
  " displayName='hall' nodeType='thingtree.place' state='None' hasChildren='true'"                                 \
  " parentId='house' lastChanged='" WALL_TEXT "'"
#define HOUSE_A                                                                                                    \
  " displayName='house' nodeType='thingtree.place' state='None' hasChildren='true'"                                \
  " lastChanged='" WALL_TEXT "'"
#define CELLAR_A                                                                                                   \
  " displayName='cellar' nodeType='thingtree.place' state='None' hasChildren='true'"                               \
  " lastChanged='" WALL_TEXT "'"
#define GATEWAY_A                                                                                                  \
  " displayName='gateway' nodeType='thingtree.gateway' state='None' hasChildren='false'"                           \
  " lastChanged='" WALL_TEXT "'"
#define X(id, rest) "<node nodeId='" id "'" rest "/>"
#define N(id, rest) "<nodeInfo id='" id "'" SRC rest "/>"

#define CODE(name, code)  "<" name "Response xmlns='{conc}' result='" code "'/>"
#define NOT_FOUND_X(name) REFUSAL(CODE(name, "NotFound"), "cancel", "item-not-found", "There is no such thing.", "")
#define NOT_FOUND_N       REFUSAL("", "cancel", "item-not-found", "There is no such thing.", "")
#define BAD_X(name, text) REFUSAL(CODE(name, "FormError"), "modify", "bad-request", text, "")
#define BAD_N(text)       REFUSAL("", "modify", "bad-request", text, "")

#define COMMANDS                                                                                                   \
  "<value>getCapabilities</value><value>getAllDataSources</value><value>getRootDataSources</value>"                \
  "<value>getChildDataSources</value><value>containsNode</value><value>containsNodes</value>"                      \
  "<value>getNode</value><value>getNodes</value><value>getAllNodes</value><value>getNodeInheritance</value>"       \
  "<value>getRootNodes</value><value>getChildNodes</value><value>getAncestors</value>"                             \
  "<value>getNodeCommands</value><value>getCommandParameters</value><value>executeNodeCommand</value>"
#define SOURCE_X "<dataSource sourceId='MeteringTopology' name='Devices' lastChanged='" WALL_TEXT "'/>"
#define SOURCE_N "<dataSource src='MeteringTopology' name='Devices' lastChanged='" WALL_TEXT "'/>"

static const struct exchange exchanges[] = {
    {{"<getCapabilities xmlns='{conc}'/>", "<getCapabilities xmlns='{conc}'/>"},
     {RESULT("<getCapabilitiesResponse xmlns='{conc}' result='OK'>" COMMANDS "</getCapabilitiesResponse>"),
      RESULT("<strings xmlns='{conc}'>" COMMANDS "</strings>")}},
    {{"<getAllDataSources xmlns='{conc}'/>", "<getAllDataSources xmlns='{conc}'/>"},
     {RESULT("<getAllDataSourcesResponse xmlns='{conc}' result='OK'>" SOURCE_X "</getAllDataSourcesResponse>"),
      RESULT("<dataSources xmlns='{conc}'>" SOURCE_N "</dataSources>")}},
    {{"<getRootDataSources xmlns='{conc}'/>", "<getRootDataSources xmlns='{conc}'/>"},
     {RESULT("<getRootDataSourcesResponse xmlns='{conc}' result='OK'>" SOURCE_X "</getRootDataSourcesResponse>"),
      RESULT("<dataSources xmlns='{conc}'>" SOURCE_N "</dataSources>")}},
    {{"<getChildDataSources xmlns='{conc}' sourceId='MeteringTopology'/>",
      "<getChildDataSources xmlns='{conc}' src='MeteringTopology'/>"},
     {RESULT("<getChildDataSourcesResponse xmlns='{conc}' result='OK'/>"),
      RESULT("<dataSources xmlns='{conc}'/>")}},
    {{"<getChildDataSources xmlns='{conc}' sourceId='Jobs'/>", "<getChildDataSources xmlns='{conc}' src='Jobs'/>"},
     {NOT_FOUND_X("getChildDataSources"), NOT_FOUND_N}},

    {{"<containsNode xmlns='{conc}' sourceId='MeteringTopology' nodeId='plug'/>",
      "<containsNode xmlns='{conc}' id='plug'/>"},
     {RESULT("<containsNodeResponse xmlns='{conc}' result='OK'>true</containsNodeResponse>"),
      RESULT("<bool xmlns='{conc}'>true</bool>")}},
    {{"<containsNode xmlns='{conc}' sourceId='Jobs' nodeId='plug'/>",
      "<containsNode xmlns='{conc}' id='plug' src='Jobs'/>"},
     {RESULT("<containsNodeResponse xmlns='{conc}' result='OK'>false</containsNodeResponse>"),
      RESULT("<bool xmlns='{conc}'>false</bool>")}},
    {{"<containsNode xmlns='{conc}'/>", "<containsNode xmlns='{conc}'/>"},
     {BAD_X("containsNode", "No node is named."), BAD_N("No node is named.")}},
    {{"<containsNodes xmlns='{conc}'><node nodeId='plug'/><node nodeId='nope'/></containsNodes>",
      "<containsNodes xmlns='{conc}'><nd id='plug'/><nd id='nope'/></containsNodes>"},
     {RESULT("<containsNodesResponse xmlns='{conc}' result='OK'><value>true</value><value>false</value>"
             "</containsNodesResponse>"),
      RESULT("<bools xmlns='{conc}'><bool>true</bool><bool>false</bool></bools>")}},
    {{"<containsNodes xmlns='{conc}'><node/></containsNodes>",
      "<containsNodes xmlns='{conc}'><nd/></containsNodes>"},
     {BAD_X("containsNodes", "A node reference names no node."), BAD_N("A node reference names no node.")}},

    {{"<getNode xmlns='{conc}' sourceId='MeteringTopology' nodeId='plug'/>",
      "<getNode xmlns='{conc}' src='MeteringTopology' id='plug'/>"},
     {RESULT("<getNodeResponse xmlns='{conc}' result='OK' nodeId='plug'" PLUG_A "/>"),
      RESULT("<nodeInfo xmlns='{conc}' id='plug'" SRC PLUG_A "/>")}},
    {{"<getNode xmlns='{conc}' nodeId='climate' xml:lang='sv'/>",
      "<getNode xmlns='{conc}' id='climate' xml:lang='sv'/>"},
     {RESULT("<getNodeResponse xmlns='{conc}' result='OK' nodeId='climate' displayName='Hallklimat'"
             " nodeType='thingtree.device.mqtt' state='None' hasChildren='false' isReadable='true'"
             " parentId='house/hall' lastChanged='" WALL_TEXT "'/>"),
      RESULT("<nodeInfo xmlns='{conc}' id='climate'" SRC " displayName='Hallklimat'"
             " nodeType='thingtree.device.mqtt' state='None' hasChildren='false' isReadable='true'"
             " parentId='house/hall' lastChanged='" WALL_TEXT "'/>")}},
    {{"<getNode xmlns='{conc}' nodeId='nope'/>", "<getNode xmlns='{conc}' id='nope'/>"},
     {NOT_FOUND_X("getNode"), NOT_FOUND_N}},
    {{"<getNodes xmlns='{conc}'><node nodeId='plug'/><node nodeId='house'/></getNodes>",
      "<getNodes xmlns='{conc}'><nd id='plug'/><nd id='house'/></getNodes>"},
     {RESULT("<getNodesResponse xmlns='{conc}' result='OK'>" X("plug", PLUG_A)
                 X("house", HOUSE_A) "</getNodesResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("plug", PLUG_A) N("house", HOUSE_A) "</nodeInfos>")}},
    {{"<getNodes xmlns='{conc}'><node nodeId='plug'/><node nodeId='nope'/></getNodes>",
      "<getNodes xmlns='{conc}'><nd id='plug'/><nd id='nope'/></getNodes>"},
     {NOT_FOUND_X("getNodes"), NOT_FOUND_N}},

    {{"<getAllNodes xmlns='{conc}' sourceId='MeteringTopology'/>",
      "<getAllNodes xmlns='{conc}' src='MeteringTopology'/>"},
     {RESULT("<getAllNodesResponse xmlns='{conc}' result='OK'>" X("house", HOUSE_A) X("house/hall", HALL_A)
                 X("climate", CLIMATE_A) X("plug", PLUG_A) X("cellar", CELLAR_A) X("meter", METER_A)
                     X("gateway", GATEWAY_A) "</getAllNodesResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("house", HOUSE_A) N("house/hall", HALL_A) N("climate", CLIMATE_A) N(
          "plug", PLUG_A) N("cellar", CELLAR_A) N("meter", METER_A) N("gateway", GATEWAY_A) "</nodeInfos>")}},
    {{"<getAllNodes xmlns='{conc}'><onlyIfDerivedFrom>thingtree.device.modbus</onlyIfDerivedFrom>"
      "<onlyIfDerivedFrom>thingtree.gateway</onlyIfDerivedFrom></getAllNodes>",
      "<getAllNodes xmlns='{conc}'><onlyIfDerivedFrom>thingtree.device.modbus</onlyIfDerivedFrom>"
      "<onlyIfDerivedFrom>thingtree.gateway</onlyIfDerivedFrom></getAllNodes>"},
     {RESULT("<getAllNodesResponse xmlns='{conc}' result='OK'>" X("meter", METER_A)
                 X("gateway", GATEWAY_A) "</getAllNodesResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("meter", METER_A) N("gateway", GATEWAY_A) "</nodeInfos>")}},
    {{"<getAllNodes xmlns='{conc}'><onlyIfDerivedFrom>thing</onlyIfDerivedFrom></getAllNodes>",
      "<getAllNodes xmlns='{conc}'><onlyIfDerivedFrom>thing</onlyIfDerivedFrom></getAllNodes>"},
     {RESULT("<getAllNodesResponse xmlns='{conc}' result='OK'/>"), RESULT("<nodeInfos xmlns='{conc}'/>")}},
    {{"<getAllNodes xmlns='{conc}' sourceId='Jobs'/>", "<getAllNodes xmlns='{conc}' src='Jobs'/>"},
     {NOT_FOUND_X("getAllNodes"), NOT_FOUND_N}},
    {{"<getNodeInheritance xmlns='{conc}' nodeId='meter'/>", "<getNodeInheritance xmlns='{conc}' id='meter'/>"},
     {RESULT("<getNodeInheritanceResponse xmlns='{conc}' result='OK'><baseClasses><value>thingtree.device</value>"
             "<value>thingtree</value></baseClasses></getNodeInheritanceResponse>"),
      RESULT("<inheritance xmlns='{conc}'><baseClasses><value>thingtree.device</value><value>thingtree</value>"
             "</baseClasses></inheritance>")}},
    {{"<getRootNodes xmlns='{conc}' sourceId='MeteringTopology'/>",
      "<getRootNodes xmlns='{conc}' src='MeteringTopology'/>"},
     {RESULT("<getRootNodesResponse xmlns='{conc}' result='OK'>" X("house", HOUSE_A) X("cellar", CELLAR_A)
                 X("gateway", GATEWAY_A) "</getRootNodesResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("house", HOUSE_A) N("cellar", CELLAR_A)
                 N("gateway", GATEWAY_A) "</nodeInfos>")}},
    {{"<getRootNodes xmlns='{conc}' sourceId='Jobs'/>", "<getRootNodes xmlns='{conc}' src='Jobs'/>"},
     {NOT_FOUND_X("getRootNodes"), NOT_FOUND_N}},
    {{"<getChildNodes xmlns='{conc}' nodeId='house'/>", "<getChildNodes xmlns='{conc}' id='house'/>"},
     {RESULT("<getChildNodesResponse xmlns='{conc}' result='OK'>" X("house/hall", HALL_A)
                 X("plug", PLUG_A) "</getChildNodesResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("house/hall", HALL_A) N("plug", PLUG_A) "</nodeInfos>")}},
    {{"<getChildNodes xmlns='{conc}' nodeId='plug'/>", "<getChildNodes xmlns='{conc}' id='plug'/>"},
     {RESULT("<getChildNodesResponse xmlns='{conc}' result='OK'/>"), RESULT("<nodeInfos xmlns='{conc}'/>")}},
    {{"<getAncestors xmlns='{conc}' nodeId='climate'/>", "<getAncestors xmlns='{conc}' id='climate'/>"},
     {RESULT("<getAncestorsResponse xmlns='{conc}' result='OK'>" X("climate", CLIMATE_A) X("house/hall", HALL_A)
                 X("house", HOUSE_A) "</getAncestorsResponse>"),
      RESULT("<nodeInfos xmlns='{conc}'>" N("climate", CLIMATE_A) N("house/hall", HALL_A)
                 N("house", HOUSE_A) "</nodeInfos>")}},

    {{"<holaBandola xmlns='{conc}'/>", "<holaBandola xmlns='{conc}'/>"},
     {REFUSAL(CODE("holaBandola", "NotImplemented"), "cancel", "feature-not-implemented",
              "There is no such command.", ""),
      REFUSAL("", "cancel", "feature-not-implemented", "There is no such command.", "")}},
};

static void test_every_command(TT_UNUSED void **state)
{
  check_exchanges(GET, exchanges, TT_COUNT(exchanges));
}

/* Some peers ask with `set` what the text wants asked with `get`. */
static void test_get_may_come_as_set(TT_UNUSED void **state)
{
  check_exchanges("iq type='set'", exchanges, 1);
}

#define METER_P                                                                                                    \
  "<string id='type' name='Type' value='thingtree.device.modbus'/><int id='fields' name='Number of fields' "       \
  "value='2'/>"                                                                                                    \
  "<int id='parameters' name='Number of control parameters' value='1'/>"                                           \
  "<dateTime id='lastChange' name='Last change' value='" WALL_TEXT "'/>"
#define METER_M                                                                                                    \
  "<message timestamp='" WALL_TEXT "' type='Warning' eventId='slow'>Answers after 3 s &amp; more.</message>"
#define CLIMATE_P                                                                                                  \
  "<string id='type' name='Type' value='thingtree.device.mqtt'/><string id='vendor' name='Vendor' value='Acme'/>"  \
  "<string id='model' name='Model' value='C1'/><int id='fields' name='Number of fields' value='10'/>"              \
  "<int id='parameters' name='Number of control parameters' value='0'/>"                                           \
  "<dateTime id='lastChange' name='Last change' value='" WALL_TEXT "'/>"

static void test_parameters_and_messages(TT_UNUSED void **state)
{
  static const struct exchange rows[] = {
      {{"<getNode xmlns='{conc}' nodeId='meter' parameters='true' messages='1'/>",
        "<getNode xmlns='{conc}' id='meter' parameters='true' messages='1'/>"},
       {RESULT("<getNodeResponse xmlns='{conc}' result='OK' nodeId='meter'" METER_A ">" METER_P METER_M
               "</getNodeResponse>"),
        RESULT("<nodeInfo xmlns='{conc}' id='meter'" SRC METER_A ">" METER_P METER_M "</nodeInfo>")}},
      {{"<getChildNodes xmlns='{conc}' nodeId='cellar' messages='true'/>",
        "<getChildNodes xmlns='{conc}' id='cellar' messages='true'/>"},
       {RESULT("<getChildNodesResponse xmlns='{conc}' result='OK'><node nodeId='meter'" METER_A ">" METER_M
               "</node></getChildNodesResponse>"),
        RESULT("<nodeInfos xmlns='{conc}'><nodeInfo id='meter'" SRC METER_A ">" METER_M
               "</nodeInfo></nodeInfos>")}},
      {{"<getNode xmlns='{conc}' nodeId='climate' parameters='true'/>",
        "<getNode xmlns='{conc}' id='climate' parameters='true'/>"},
       {RESULT("<getNodeResponse xmlns='{conc}' result='OK' nodeId='climate'" CLIMATE_A ">" CLIMATE_P
               "</getNodeResponse>"),
        RESULT("<nodeInfo xmlns='{conc}' id='climate'" SRC CLIMATE_A ">" CLIMATE_P "</nodeInfo>")}},
  };
  check_exchanges(GET, rows, TT_COUNT(rows));
}

/* The order in which some ids stand in a text. */
static void assert_order(const char *text, const char *const ids[], size_t n)
{
  for (size_t i = 0; i < n; i++) {
    char needle[64];
    snprintf(needle, sizeof(needle), "nodeId='%s'", ids[i]);
    text = strstr(text, needle);
    assert_non_null(text);
  }
}

static void test_sort_order(TT_UNUSED void **state)
{
  static const struct {
    const char *orders;
    const char *ids[2];
  } rows[] = {
      {"", {"house/hall", "plug"}},
      {"<sortOrder parameterName='nodeId'/>", {"house/hall", "plug"}},
      {"<sortOrder parameterName='nodeId' ascending='false'/>", {"plug", "house/hall"}},
      {"<sortOrder parameterName='displayName' ascending='0'/>", {"plug", "house/hall"}},
      {"<sortOrder parameterName='type'/>", {"plug", "house/hall"}},
      {"<sortOrder parameterName='fields' ascending='false'/>", {"plug", "house/hall"}},
      {"<sortOrder parameterName='vendor'/><sortOrder parameterName='nodeId' ascending='false'/>",
       {"plug", "house/hall"}},
      {"<sortOrder parameterName='nobodyKnows' ascending='false'/>", {"house/hall", "plug"}},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct world *w = world_create();
    char request[512];
    snprintf(request, sizeof(request),
             "<getChildNodes xmlns='urn:xmpp:iot:concentrators' nodeId='house'>%s</getChildNodes>", rows[i].orders);
    assert_order(ask_as(w, ALICE, GET, request), rows[i].ids, 2);
    world_destroy(w);
  }
}

static void test_too_many_sort_orders(TT_UNUSED void **state)
{
  struct world *w = world_create();
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&buf, "<getChildNodes xmlns='urn:xmpp:iot:concentrators' nodeId='house'>");
  for (int i = 0; i < 9; i++)
    tt_buf_puts(&buf, "<sortOrder parameterName='nodeId'/>");
  tt_buf_puts(&buf, "</getChildNodes>");
  assert_non_null(strstr(ask_as(w, ALICE, GET, buf.data), "Too many sort orders."));
  world_destroy(w);
}

static void test_invisible_nodes_do_not_exist(TT_UNUSED void **state)
{
  struct world *w = world_create();
  const char *guest = "guest@house.test/x";
  const char *text = ask_as(w, guest, GET, "<getAllNodes xmlns='urn:xmpp:iot:concentrators'/>");
  assert_non_null(strstr(text, "nodeId='climate'"));
  assert_null(strstr(text, "nodeId='plug'"));
  assert_null(strstr(text, "cellar"));
  assert_null(strstr(text, "nodeId='gateway'"));
  /* A place that only leads there tells nothing but that it is one. */
  assert_non_null(strstr(text, "<node nodeId='house' displayName='house' nodeType='thingtree.place' state='None' "
                               "hasChildren='true'/>"));
  static const char *const requests[] = {
      "<getNode xmlns='urn:xmpp:iot:concentrators' nodeId='plug'/>",
      "<getNode xmlns='urn:xmpp:iot:concentrators' nodeId='nope'/>",
      "<getChildNodes xmlns='urn:xmpp:iot:concentrators' nodeId='cellar'/>",
      "<getAncestors xmlns='urn:xmpp:iot:concentrators' nodeId='meter'/>",
      "<getNodeInheritance xmlns='urn:xmpp:iot:concentrators' nodeId='plug'/>",
  };
  for (size_t i = 0; i < TT_COUNT(requests); i++)
    assert_non_null(strstr(ask_as(w, guest, GET, requests[i]), "<item-not-found "));
  assert_non_null(
      strstr(ask_as(w, guest, GET, "<containsNode xmlns='urn:xmpp:iot:concentrators' nodeId='plug'/>"), ">false<"));
  world_destroy(w);
}

static void test_strangers_get_nothing(TT_UNUSED void **state)
{
  for (size_t dialect = 0; dialect < DIALECTS; dialect++) {
    struct world *w = world_create();
    TT_AUTOFREE char *request = expand("<getRootNodes xmlns='{conc}'/>", dialect);
    const char *text = ask_as(w, "stranger@house.test/x", GET, request);
    assert_non_null(strstr(text, "<forbidden "));
    assert_int_equal(strstr(text, "getRootNodesResponse") && strstr(text, "result='InsufficientPrivileges'"),
                     dialect == 0);
    assert_int_equal(w->refused, 1);
    world_destroy(w);
  }
}

static void test_too_large_names_the_narrower_command(TT_UNUSED void **state)
{
  static const char *const requests[] = {"<getAllNodes xmlns='{conc}' parameters='true'/>",
                                         "<getRootNodes xmlns='{conc}' parameters='true'/>"};
  static const char *const hints[] = {"getRootNodes and getChildNodes", "getNode"};
  for (size_t dialect = 0; dialect < DIALECTS; dialect++)
    for (size_t i = 0; i < TT_COUNT(requests); i++) {
      struct world *w = world_create_with(&(struct tt_router_config){.dialects = 7, .stanza_max = 1300});
      TT_AUTOFREE char *request = expand(requests[i], dialect);
      const char *text = ask_as(w, ALICE, GET, request);
      assert_non_null(strstr(text, "type='error'"));
      assert_non_null(strstr(text, hints[i]));
      assert_true(strlen(text) <= 1300);
      assert_int_equal(strstr(text, "result='OtherError'") != NULL, dialect == 0);
      world_destroy(w);
    }
}

/* The name of an unknown command is repeated in X: never at any length, never as anything but a name. */
static void test_long_unknown_command(TT_UNUSED void **state)
{
  struct world *w = world_create();
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&buf, "<");
  for (int i = 0; i < 1000; i++)
    tt_buf_puts(&buf, "x");
  tt_buf_puts(&buf, " xmlns='urn:xmpp:iot:concentrators'/>");
  const char *text = ask_as(w, ALICE, GET, buf.data);
  assert_non_null(strstr(text, "<feature-not-implemented "));
  assert_null(strstr(text, "xxxx"));
  world_destroy(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_command),           cmocka_unit_test(test_get_may_come_as_set),
      cmocka_unit_test(test_parameters_and_messages), cmocka_unit_test(test_sort_order),
      cmocka_unit_test(test_too_many_sort_orders),    cmocka_unit_test(test_invisible_nodes_do_not_exist),
      cmocka_unit_test(test_strangers_get_nothing),   cmocka_unit_test(test_too_large_names_the_narrower_command),
      cmocka_unit_test(test_long_unknown_command),    cmocka_unit_test(test_answers_are_valid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
