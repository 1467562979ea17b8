/* SPDX-License-Identifier: Apache-2.0
 * pubsub.c: what a service is asked, and what its answers say. */
#include "xmpp/pubsub.h"

#include "cmocka_all.h"

#define PUBSUB "xmlns='http://jabber.org/protocol/pubsub'"
#define OWNER  "xmlns='http://jabber.org/protocol/pubsub#owner'"

static const char *const members[] = {"Alice@example.org", "example.net"}, *const groups[] = {"Family",
                                                                                              "Home & co"};
static const struct tt_pubsub_node list = {.name = "iot/a'b",
                                           .payload = "urn:test",
                                           .access = TT_PUBLISH_WHITELIST,
                                           .members = {(const char **)(uintptr_t)members, TT_COUNT(members)},
                                           .max_items = 1};
static const struct tt_pubsub_node roster = {.name = "n",
                                             .payload = "urn:test",
                                             .access = TT_PUBLISH_ROSTER,
                                             .groups = {(const char **)(uintptr_t)groups, TT_COUNT(groups)},
                                             .max_items = 256};

static struct tt_xml_doc *parse(const char *text)
{
  struct tt_xml_doc *doc;
  assert_int_equal(tt_xml_parse(text, strlen(text), &doc), 0);
  return doc;
}

static void is(char *payload, const char *expected)
{
  assert_non_null(payload);
  assert_string_equal(payload, expected);
  struct tt_xml_doc *doc = parse(payload);
  tt_xml_doc_destroy(doc);
  free(payload);
}

#define CONFIG(access, items)                                                                                      \
  "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/"               \
  "pubsub#node_config</value></field><field var='pubsub#access_model'><value>" access "</value></field>"           \
  "<field var='pubsub#persist_items'><value>1</value></field><field var='pubsub#max_items'><value>" items          \
  "</value></field><field var='pubsub#type'><value>urn:test</value></field>"

static void test_questions(void **state)
{
  (void)state;
  is(tt_pubsub_create(&list), "<pubsub " PUBSUB "><create node='iot/a&#39;b'/><configure>" CONFIG(
                                  "whitelist", "1") "</x></configure></pubsub>");
  is(tt_pubsub_configure(&roster),
     "<pubsub " OWNER "><configure node='n'>" CONFIG(
         "roster", "256") "<field var='pubsub#roster_groups_allowed'><value>Family</value><value>Home &amp; "
                          "co</value></field></x>"
                          "</configure></pubsub>");
  is(tt_pubsub_ask_config("n"), "<pubsub " OWNER "><configure node='n'/></pubsub>");
  is(tt_pubsub_delete("n"), "<pubsub " OWNER "><delete node='n'/></pubsub>");
  is(tt_pubsub_ask_affiliations("n"), "<pubsub " OWNER "><affiliations node='n'/></pubsub>");
  is(tt_pubsub_retract("n", "<"),
     "<pubsub " PUBSUB "><retract node='n' notify='true'><item id='&lt;'/></retract></pubsub>");
  is(tt_pubsub_publish(&list, "current", "<v/>", false),
     "<pubsub " PUBSUB "><publish node='iot/a&#39;b'><item id='current'><v/></item></publish></pubsub>");
  is(tt_pubsub_publish(&roster, "current", "<v/>", true),
     "<pubsub " PUBSUB "><publish node='n'><item id='current'><v/></item></publish><publish-options>"
     "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/"
     "pubsub#publish-options</value></field><field var='pubsub#access_model'><value>roster</value></field></x>"
     "</publish-options></pubsub>");
}

static void test_features(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    struct tt_pubsub_features expected;
  } rows[] = {
      {"<iq/>", {false, false}},
      {"<iq><query xmlns='http://jabber.org/protocol/disco#info'><identity category='server' "
       "type='im'/></query></iq>",
       {false, false}},
      {"<iq><query xmlns='http://jabber.org/protocol/disco#info'><identity category='account'/><identity "
       "category='pubsub' type='pep'/><feature/><feature var='x'/></query></iq>",
       {true, false}},
      {"<iq><query xmlns='http://jabber.org/protocol/disco#info'><identity category='pubsub' "
       "type='service'/><feature "
       "var='http://jabber.org/protocol/pubsub#publish-options'/></query></iq>",
       {true, true}},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_xml_doc *doc = parse(rows[i].text);
    struct tt_pubsub_features features = tt_pubsub_features(tt_xml_doc_root(doc));
    assert_int_equal(features.is_service, rows[i].expected.is_service);
    assert_int_equal(features.has_options, rows[i].expected.has_options);
    tt_xml_doc_destroy(doc);
  }
}

#define ANSWER(fields)                                                                                             \
  "<iq><pubsub " OWNER "><configure node='n'><x xmlns='jabber:x:data'>" fields "</x></configure></pubsub></iq>"
#define ACCESS(model) "<field var='pubsub#access_model'><value>" model "</value></field>"

/* Only a plain yes counts. */
static void test_what_confirms(void **state)
{
  (void)state;
  static const struct {
    const struct tt_pubsub_node *node;
    const char *text, *why; /* NULL: it confirms */
  } rows[] = {
      {&list, ANSWER(ACCESS("whitelist")), NULL},
      {&list, ANSWER("<field var='other'/>" ACCESS("whitelist")), NULL},
      {&list, ANSWER(ACCESS("open")), "the service has made its access open instead of whitelist"},
      {&list, ANSWER(ACCESS("")), "the service has made its access  instead of whitelist"},
      {&list, ANSWER(""), "the service does not say who may read it"},
      {&list, ANSWER("<field var='pubsub#access_model'/>"), "the service does not say who may read it"},
      {&list, "<iq/>", "the service does not say who may read it"},
      {&list,
       "<iq><pubsub " PUBSUB
       "><configure><x xmlns='jabber:x:data'>" ACCESS("whitelist") "</x></configure></pubsub></iq>",
       "the service does not say who may read it"},
      {&roster, ANSWER(ACCESS("roster")), NULL},
      {&roster, ANSWER(ACCESS("roster") "<field var='pubsub#roster_groups_allowed'><value>Family</value></field>"),
       NULL},
      {&roster,
       ANSWER(ACCESS(
           "roster") "<field var='pubsub#roster_groups_allowed'><value>Family</value><value>Work</value></field>"),
       "the service would let the group Work read it"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_xml_doc *doc = parse(rows[i].text);
    char why[200] = "";
    assert_int_equal(tt_pubsub_confirms(rows[i].node, tt_xml_doc_root(doc), why, sizeof(why)), !rows[i].why);
    assert_string_equal(why, rows[i].why ? rows[i].why : "");
    tt_xml_doc_destroy(doc);
  }
}

#define LIST(rows)            "<iq><pubsub " OWNER "><affiliations node='n'>" rows "</affiliations></pubsub></iq>"
#define ONE(jid, affiliation) "<affiliation jid='" jid "' affiliation='" affiliation "'/>"

/* Exactly the members, and owners as they are. */
static void test_affiliations(void **state)
{
  (void)state;
  static const struct {
    const struct tt_pubsub_node *node;
    const char *text, *set; /* NULL: nothing */
    int r;
  } rows[] = {
      {&list, LIST(ONE("alice@example.org", "member") ONE("example.net", "member") ONE("gw@example.org", "owner")),
       NULL, 0},
      {&list, LIST(ONE("gw@example.org", "owner")), ONE("alice@example.org", "member") ONE("example.net", "member"),
       0},
      {&list, LIST(ONE("bob@example.org", "member") ONE("alice@example.org", "member") ONE("example.net", "owner")),
       ONE("bob@example.org", "none"), 0},
      {&list, LIST(ONE("ALICE@example.org/x", "publisher") ONE("example.net", "member")),
       ONE("ALICE@example.org/x", "member"), 0},
      {&list,
       LIST(ONE("bob@example.org", "publish-only") ONE("alice@example.org", "outcast") ONE("example.net", "none")),
       ONE("bob@example.org", "none") ONE("alice@example.org", "member") ONE("example.net", "member"), 0},
      {&roster, LIST(ONE("bob@example.org", "member")), ONE("bob@example.org", "none"), 0},
      {&roster, LIST("<affiliation/>" ONE("", "member")), NULL, 0},
      {&list, "<iq/>", NULL, -EBADMSG},
      {&list, "<iq><pubsub " PUBSUB "><affiliations/></pubsub></iq>", NULL, -EBADMSG},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_xml_doc *doc = parse(rows[i].text);
    struct tt_buf expected TT_AUTOBUF = TT_BUF(0);
    char *payload = NULL;
    assert_int_equal(tt_pubsub_set_affiliations(rows[i].node, tt_xml_doc_root(doc), &payload), rows[i].r);
    tt_xml_doc_destroy(doc);
    if (!rows[i].set) {
      assert_null(payload);
      continue;
    }
    tt_buf_printf(&expected, "<pubsub " OWNER "><affiliations node='%s'>%s</affiliations></pubsub>",
                  rows[i].node == &list ? "iot/a&#39;b" : "n", rows[i].set);
    is(payload, expected.data);
  }
}

static void test_a_list_has_a_limit(void **state)
{
  (void)state;
  for (int over = 0; over <= 1; over++) {
    struct tt_buf text TT_AUTOBUF = TT_BUF(0);
    tt_buf_puts(&text, "<iq><pubsub " OWNER "><affiliations node='n'>");
    for (int i = 0; i < TT_PUBSUB_AFFILIATIONS_MAX + over; i++)
      tt_buf_printf(&text, "<affiliation jid='u%d@example.org' affiliation='owner'/>", i);
    tt_buf_puts(&text, "</affiliations></pubsub></iq>");
    struct tt_xml_doc *doc = parse(text.data);
    char *payload = NULL;
    assert_int_equal(tt_pubsub_set_affiliations(&roster, tt_xml_doc_root(doc), &payload), over ? -EBADMSG : 0);
    assert_null(payload);
    tt_xml_doc_destroy(doc);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions),          cmocka_unit_test(test_features),
      cmocka_unit_test(test_what_confirms),      cmocka_unit_test(test_affiliations),
      cmocka_unit_test(test_a_list_has_a_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
