/* SPDX-License-Identifier: Apache-2.0
 * Walking the tree by service discovery: who finds what, by address and by node, a page at a time. */
#include "people_world.h"

#define INFO           "<query xmlns='" TT_NS_DISCO_INFO "'/>"
#define ITEMS          "<query xmlns='" TT_NS_DISCO_ITEMS "'/>"
#define INFO_OF(node)  "<query xmlns='" TT_NS_DISCO_INFO "' node='" node "'/>"
#define ITEMS_OF(node) "<query xmlns='" TT_NS_DISCO_ITEMS "' node='" node "'/>"
#define NODE(key)      "n/MeteringTopology//" key

static int setup(void **state)
{
  struct world *w = *state = world_create_with(TT_SESSION_COMPONENT, 65536, NULL);
  world_online(w);
  return 0;
}

static int setup_account(void **state)
{
  struct world *w = *state = world_create_with(TT_SESSION_ACCOUNT, 65536, NULL);
  world_online(w);
  return 0;
}

static int teardown(void **state)
{
  world_destroy(*state);
  return 0;
}

static void test_the_names_of_nodes(void **state)
{
  static const struct {
    const char *source, *partition, *key, *name;
  } rows[] = {
      {"MeteringTopology", "", "plug", "n/MeteringTopology//plug"},
      {"MeteringTopology", "", "house/hall", "n/MeteringTopology//house/hall"},
      {"a/b%", "p q/", "100%", "n/a%2Fb%25/p q%2F/100%"},
  };
  static const char *const bad[] = {"",        "n/",       "n/a",       "n/a/b",     "n/a/b/",
                                    "n/%/b/c", "n/%2/b/c", "n/%zz/b/c", "n/%00/b/c", "N/a/b/c"};
  (void)state;
  struct tt_arena *arena = tt_arena_create(65536);
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    struct tt_ref ref;
    tt_disco_node_name(&text, &(struct tt_node){.source = rows[i].source,
                                                .partition = rows[i].partition,
                                                .key = (char *)(uintptr_t)rows[i].key});
    assert_string_equal(text.data, rows[i].name);
    assert_int_equal(tt_disco_node_ref(text.data, arena, &ref), 0);
    assert_string_equal(ref.source, rows[i].source);
    assert_string_equal(ref.partition, rows[i].partition);
    assert_string_equal(ref.node, rows[i].key);
  }
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    assert_int_equal(tt_disco_node_ref(bad[i], arena, &(struct tt_ref){0}), -EINVAL);
  tt_arena_destroy(arena);
}

static void test_items_of_a_component_are_addresses(void **state)
{
  struct world *w = *state;
  assert_string_equal(world_ask(w, "get", ADMIN, US, ITEMS),
                      "<iq type='result' from='" US "' to='" ADMIN "' id='q'><query xmlns='" TT_NS_DISCO_ITEMS "'>"
                      "<item jid='house@" US "' name='house'/><item jid='cellar@" US "' name='cellar'/>"
                      "<item jid='gateway@" US "' node='" NODE("gateway") "' name='gateway'/></query></iq>");
  const char *text = world_ask(w, "get", ADMIN, "house@" US, ITEMS);
  assert_has(text, "from='house@" US "'");
  assert_has(text, "<item jid='house\\2fhall@" US "' name='hall'/></query>");
  text = world_ask(w, "get", ADMIN, "house\\2fhall@" US, ITEMS);
  assert_has(text, "<item jid='climate@" US "' name='Hall climate'/><item jid='lamp@" US "' name='Lamp'/></query>");
  assert_has(world_ask(w, "get", ADMIN, "climate@" US, ITEMS), "<query xmlns='" TT_NS_DISCO_ITEMS "'/>");
  assert_has(world_ask(w, "get", ADMIN, "gateway@" US, ITEMS_OF(NODE("gateway"))),
             "<item jid='gateway\\2fbroker@" US "' name='broker'/>");
  /* Nodes are known at every address. */
  text = world_ask(w, "get", ADMIN, US, ITEMS_OF(NODE("house/hall")));
  assert_has(text, "node='" NODE("house/hall") "'");
  assert_has(text, "<item jid='climate@" US "' name='Hall climate'/>");
}

/* An answer as it is at the domain, but that it comes from the other address. */
static void assert_as_at_the_domain(struct world *w, const char *who, const char *payload)
{
  char expected[8192], from[64];
  snprintf(expected, sizeof(expected), "%s", world_ask(w, "get", who, US, payload));
  snprintf(from, sizeof(from), " from='gateway@" US "' ");
  const char *text = world_ask(w, "get", who, "gateway@" US, payload), *head = strstr(expected, " from='" US "' "),
             *own_head = strstr(text, from);
  if (!head || !own_head)
    fail_msg("%s and %s", expected, text);
  assert_string_equal(own_head + strlen(from), head + strlen(" from='" US "' "));
}

static void test_the_gateway_by_its_name(void **state)
{
  struct world *w = *state;
  static const char *const who[] = {ADMIN, READER, STRANGER};
  static const char *const asked[] = {INFO,
                                      ITEMS,
                                      INFO_OF(NODE("house")),
                                      ITEMS_OF(NODE("gateway")),
                                      ITEMS_OF("elsewhere"),
                                      "<query xmlns='jabber:iq:version'/>"};
  for (size_t i = 0; i < TT_COUNT(who); i++)
    for (size_t k = 0; k < TT_COUNT(asked); k++)
      assert_as_at_the_domain(w, who[i], asked[k]);
  assert_has(world_ask(w, "get", READER, "GATEWAY@" US "/res", ITEMS), "<item jid='house@" US "' name='house'/>");
}

static void test_a_thing_without_an_address_of_its_own(void **state)
{
  struct world *w = *state;
  world_add(w, &(struct tt_node_spec){DEVICE("lamp", "house", lamp_points)}); /* as Lamp, which has the address */
  assert_has(world_ask(w, "get", ADMIN, "house@" US, ITEMS),
             "<item jid='house@" US "' node='" NODE("lamp") "' name='lamp'/>");
  assert_has(world_ask(w, "get", ADMIN, "house@" US, INFO_OF(NODE("lamp"))), "type='leaf'");
}

static void test_items_of_an_account_are_nodes(void **state)
{
  struct world *w = *state;
  const char *text = world_ask(w, "get", ADMIN, "gw@house.test/things", ITEMS);
  assert_has(text, "<item jid='gw@house.test/things' node='" NODE("house") "' name='house'/>");
  text = world_ask(w, "get", ADMIN, "gw@house.test/things", ITEMS_OF(NODE("house/hall")));
  assert_has(text, "<item jid='gw@house.test/things' node='" NODE(
                       "climate") "' name='Hall climate'/>"
                                  "<item jid='gw@house.test/things' node='" NODE("Lamp") "' name='Lamp'/></query>");
  assert_has(world_ask(w, "get", ADMIN, "gw@house.test/things", ITEMS_OF(NODE("nothing"))), "<item-not-found ");
}

static void test_what_a_thing_is(void **state)
{
  struct world *w = *state;
  world_report(w, w->climate, "temperature", "21.5");
  tt_node_message(tt_core_tree(w->core), w->now, w->climate, "slow", TT_MESSAGE_WARNING, "Slow & old.");
  const char *text = world_ask(w, "get", ADMIN, "climate@" US, INFO);
  assert_has(text,
             "<query xmlns='" TT_NS_DISCO_INFO "'><identity category='client' type='bot' name='Hall climate'/>"
             "<identity category='hierarchy' type='leaf' name='Hall climate'/>");
  assert_has(text, "<feature var='urn:xmpp:iot:sensordata'/>");
  assert_has(text, "<feature var='urn:nf:iot:sd:1.0'/>");
  assert_lacks(text, "iot:control");
  assert_lacks(text, "iot:concentrator");
  assert_has(text, "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>"
                   "urn:x-thingtree:node</value></field>"
                   "<field var='id' type='text-single'><value>climate</value></field>"
                   "<field var='source' type='text-single'><value>MeteringTopology</value></field>"
                   "<field var='type' type='text-single'><value>thingtree.device.mqtt</value></field>"
                   "<field var='vendor' type='text-single'><value>Acme</value></field>"
                   "<field var='model' type='text-single'><value>C1</value></field>"
                   "<field var='state' type='text-single'><value>WarningUnsigned</value></field>"
                   "<field var='readable' type='boolean'><value>true</value></field>"
                   "<field var='controllable' type='boolean'><value>false</value></field>"
                   "<field var='lastChange' type='text-single'><value>2026-");
  assert_has(text, "<field var='messages' type='text-multi'><value>Slow &amp; old.</value></field></x></query>");
  text = world_ask(w, "get", ADMIN, US, INFO_OF(NODE("Lamp")));
  assert_has(text, "<identity category='hierarchy' type='leaf' name='Lamp'/>");
  assert_has(text, "<feature var='urn:xmpp:iot:control'/>");
  assert_has(text, "<field var='controllable' type='boolean'><value>true</value></field>");
  text = world_ask(w, "get", ADMIN, "house@" US, INFO);
  assert_has(text, "<identity category='hierarchy' type='branch' name='house'/>");
  assert_lacks(text, "iot:sensordata");
  text = world_ask(w, "get", ADMIN, US, INFO);
  assert_has(text, "<identity category='client' type='bot' name='thingtree'/><identity category='component' "
                   "type='generic' name='thingtree'/>");
  assert_has(text, "<feature var='urn:xmpp:iot:concentrators'/>");
  assert_has(world_ask(w, "get", ADMIN, US, INFO_OF("elsewhere")), "<item-not-found ");
}

static void test_labels_in_the_language_of_the_request(void **state)
{
  struct world *w = *state;
  assert_has(world_ask(w, "get", ADMIN, "climate@" US, "<query xmlns='" TT_NS_DISCO_INFO "' xml:lang='sv'/>"),
             "name='Hallklimat'");
  assert_has(
      world_ask(w, "get", ADMIN, "house\\2fhall@" US, "<query xmlns='" TT_NS_DISCO_ITEMS "' xml:lang='sv'/>"),
      "name='Hallklimat'");
}

/* What one may not see is not there; the way to what one may see is a place without anything. */
static void test_who_finds_what(void **state)
{
  struct world *w = *state;
  const char *text = world_ask(w, "get", GUEST, US, ITEMS);
  assert_has(text, "<item jid='house@" US "' name='house'/></query>");
  text = world_ask(w, "get", GUEST, "house\\2fhall@" US, ITEMS);
  assert_has(text, "<query xmlns='" TT_NS_DISCO_ITEMS "'><item jid='climate@" US "' name='Hall climate'/></query>");
  text = world_ask(w, "get", GUEST, "house\\2fhall@" US, INFO);
  assert_has(text, "<field var='type' type='text-single'><value>thingtree.place</value></field></x>");
  assert_lacks(text, "'state'");
  for (size_t i = 0; i < 2; i++) {
    const char *payload = i ? INFO : ITEMS;
    TT_AUTOFREE char *hidden =
        strdup(world_ask(w, "get", GUEST, "meter@" US, payload) + strlen("<iq type='error' from='meter"));
    assert_has(hidden, "<item-not-found ");
    assert_string_equal(world_ask(w, "get", GUEST, "ghost@" US, payload) + strlen("<iq type='error' from='ghost"),
                        hidden);
    assert_has(world_ask(w, "get", STRANGER, "climate@" US, payload), "<forbidden ");
    assert_has(world_ask(w, "get", STRANGER, "ghost@" US, payload), "<forbidden ");
  }
  assert_has(world_ask(w, "get", GUEST, US, INFO_OF(NODE("meter"))), "<item-not-found ");
  assert_has(world_ask(w, "get", GUEST, US, ITEMS_OF(NODE("cellar"))), "<item-not-found ");
  assert_has(world_ask(w, "get", GUEST, US, ITEMS_OF("n/MeteringTopology/other/climate")), "<item-not-found ");
}

/* ---- Pages -------------------------------------------------------------------------------------------------- */

#define SET "<set xmlns='" TT_NS_RSM "'>"

static void fill(struct world *w, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    char key[16];
    snprintf(key, sizeof(key), "d%03zu", i);
    world_add(w, &(struct tt_node_spec){DEVICE(key, "many", meter_points)});
  }
}

static size_t count(const char *text, const char *part)
{
  size_t n = 0;
  while ((text = strstr(text, part))) {
    n++;
    text += strlen(part);
  }
  return n;
}

static const char *page(struct world *w, const char *set)
{
  char payload[512];
  snprintf(payload, sizeof(payload), "<query xmlns='" TT_NS_DISCO_ITEMS "'>" SET "%s</set></query>", set);
  return world_ask(w, "get", ADMIN, "many@" US, payload);
}

static void test_pages(void **state)
{
  struct world *w = *state;
  fill(w, 250);
  /* Not asked for, but there is more than one page. */
  const char *text = world_ask(w, "get", ADMIN, "many@" US, ITEMS);
  assert_int_equal(count(text, "<item "), TT_DISCO_ITEMS_MAX);
  assert_has(text,
             SET "<first index='0'>d000@" US "</first><last>d099@" US "</last><count>250</count></set></query>");
  text = page(w, "<after>d099@" US "</after>");
  assert_has(text, "<first index='100'>d100@" US "</first><last>d199@" US "</last>");
  text = page(w, "<max>1000</max><after>d199@" US "</after>");
  assert_int_equal(count(text, "<item "), 50);
  assert_has(text, "<first index='200'>");
  text = page(w, "<max>10</max><before/>");
  assert_has(text, "<first index='240'>d240@" US "</first><last>d249@" US "</last>");
  text = page(w, "<max>10</max><before>d005@" US "</before>");
  assert_has(text, "<first index='0'>d000@" US "</first><last>d004@" US "</last>");
  text = page(w, "<max>3</max><index>7</index>");
  assert_has(text, "<first index='7'>d007@" US "</first><last>d009@" US "</last>");
  text = page(w, "<max>0</max>");
  assert_int_equal(count(text, "<item "), 0);
  assert_has(text, SET "<count>250</count></set>");
  text = page(w, "<after>d249@" US "</after>");
  assert_has(text, SET "<count>250</count></set>");
  assert_has(page(w, "<after>gone@" US "</after>"), "<item-not-found ");
  assert_has(page(w, "<after/>"), "<item-not-found ");
  assert_has(page(w, "<index>251</index>"), "<item-not-found ");
  assert_has(page(w, "<max>-1</max>"), "<bad-request ");
  assert_has(page(w, "<max>many</max>"), "<bad-request ");
}

static void test_a_page_fits_into_a_stanza(void **state)
{
  struct world *w = *state;
  fill(w, 90);
  tt_router_configure(w->router, 3000, false);
  const char *text = world_ask(w, "get", ADMIN, "many@" US, ITEMS);
  size_t n = count(text, "<item ");
  assert_in_range(n, 10, 89);
  assert_true(strlen(text) <= 3000);
  assert_has(text, "<count>90</count>");
  text = page(w, "<before/>");
  assert_true(strlen(text) <= 3000);
  assert_has(text, "<last>d089@" US "</last>");
  tt_router_configure(w->router, 1, false);
  assert_int_equal(count(world_ask(w, "get", ADMIN, "many@" US, ITEMS), "<item "), 1);
}

/* ---- Capabilities ------------------------------------------------------------------------------------------- */

static void ver_of(const char *presence, char out[static 40])
{
  const char *ver = strstr(presence, " ver='");
  assert_non_null(ver);
  snprintf(out, 40, "%.*s", (int)strcspn(ver + 6, "'"), ver + 6);
}

static void test_the_hash_names_what_is_answered(void **state)
{
  struct world *w = *state;
  char ver[40], payload[200];
  ver_of(world_presence(w, "probe", ADMIN, US), ver);
  snprintf(payload, sizeof(payload), "<query xmlns='" TT_NS_DISCO_INFO "' node='" TT_CAPS_NODE "#%s'/>", ver);
  const char *text = world_ask(w, "get", ADMIN, US, payload);
  assert_has(text, "category='component'");
  assert_has(text, " node='" TT_CAPS_NODE "#");
  assert_has(world_ask(w, "get", ADMIN, "climate@" US, payload),
             "<item-not-found "); /* a thing is something else */
  assert_has(world_ask(w, "get", ADMIN, US, INFO_OF(TT_CAPS_NODE "#AAAAAAAAAAAAAAAAAAAAAAAAAAA=")),
             "<item-not-found ");
  assert_has(world_ask(w, "get", ADMIN, US, INFO_OF(TT_CAPS_NODE)), "<item-not-found ");
}

/* ---- Branches of others --------------------------------------------------------------------------------------- */

static bool branch_info(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_info *info)
{
  if (strcmp(node, user) != 0 || iq->thing)
    return false;
  tt_disco_identity(info, "automation", "command-list", "Commands & more");
  tt_disco_feature(info, "urn:test");
  return true;
}

static bool branch_items(void *user, const struct tt_iq *iq, const char *node, struct tt_disco_items *items)
{
  (void)iq;
  if (strcmp(node, user) != 0)
    return false;
  tt_disco_item(items, NULL, "one", "One");
  tt_disco_item(items, "else.test", NULL, NULL);
  return true;
}

static void test_a_branch_of_another_subject(void **state)
{
  static const struct tt_disco_branch branch = {branch_info, branch_items}, nothing = {NULL, NULL};
  struct world *w = *state;
  assert_int_equal(tt_disco_add(w->router, &nothing, NULL), 0);
  assert_int_equal(tt_disco_add(w->router, &branch, (void *)(uintptr_t) "urn:list"), 0);
  assert_has(
      world_ask(w, "get", ADMIN, US, INFO_OF("urn:list")),
      "<identity category='automation' type='command-list' name='Commands &amp; more'/><feature var='urn:test'/>");
  assert_has(world_ask(w, "get", ADMIN, US, ITEMS_OF("urn:list")),
             "<item jid='" US "' node='one' name='One'/><item jid='else.test'/></query>");
  assert_has(world_ask(w, "get", ADMIN, "climate@" US, INFO_OF("urn:list")), "<item-not-found ");
  assert_has(world_ask(w, "get", ADMIN, US, ITEMS_OF("urn:other")), "<item-not-found ");
  for (size_t i = 2; i < TT_DISCO_BRANCHES_MAX; i++)
    assert_int_equal(tt_disco_add(w->router, &nothing, NULL), 0);
  assert_int_equal(tt_disco_add(w->router, &nothing, NULL), -ENOSPC);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_names_of_nodes),
      cmocka_unit_test_setup_teardown(test_items_of_a_component_are_addresses, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_gateway_by_its_name, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_thing_without_an_address_of_its_own, setup, teardown),
      cmocka_unit_test_setup_teardown(test_items_of_an_account_are_nodes, setup_account, teardown),
      cmocka_unit_test_setup_teardown(test_what_a_thing_is, setup, teardown),
      cmocka_unit_test_setup_teardown(test_labels_in_the_language_of_the_request, setup, teardown),
      cmocka_unit_test_setup_teardown(test_who_finds_what, setup, teardown),
      cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_page_fits_into_a_stanza, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_hash_names_what_is_answered, setup, teardown),
      cmocka_unit_test_setup_teardown(test_a_branch_of_another_subject, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
