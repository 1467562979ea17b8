/* SPDX-License-Identifier: Apache-2.0
 * Things as contacts: who is let in where, who is told what and how often, what outlives a restart; cards and search. */
#define _GNU_SOURCE
#include "people_world.h"

#include "xmpp/contact.h"
#include "xmpp/face.h"
#include "xmpp/vcard.h"

#include <unistd.h>

#define CLIMATE "climate@" US
#define LAMP    "lamp@" US

static char dir[] = "/tmp/tt-contact-XXXXXX";

struct test {
  struct world *w;
  struct tt_contacts *contacts;
};

static void build(struct test *t, enum tt_session_kind kind)
{
  t->w = world_create_with(kind, 65536, dir);
  assert_int_equal(tt_contacts_create(t->w->router,
                                      &(struct tt_contacts_options){.state_dir = dir, .language = "en"},
                                      &t->contacts),
                   0);
  t->w->contacts = t->contacts;
  assert_int_equal(tt_vcard_handlers_add(t->w->router), 0);
  assert_int_equal(tt_avatar_handlers_add(t->w->router), 0);
  assert_int_equal(tt_search_handlers_add(t->w->router), 0);
  world_online(t->w);
}

static void tear_down(struct test *t)
{
  world_destroy(t->w);
}

static int setup(void **state)
{
  char path[64];
  static struct test t;
  snprintf(path, sizeof(path), "%s/contacts.json", dir);
  unlink(path);
  snprintf(path, sizeof(path), "%s/rules.json", dir);
  unlink(path);
  build(&t, TT_SESSION_COMPONENT);
  *state = &t;
  return 0;
}

static int teardown(void **state)
{
  tear_down(*state);
  return 0;
}

/* What leaves when time passes. */
static const char *pass(struct test *t, uint64_t us)
{
  tt_buf_finish(&t->w->out);
  world_pass(t->w, us);
  return t->w->out.data ? t->w->out.data : "";
}

static const char *subscribe(struct test *t, const char *from, const char *to)
{
  return world_presence(t->w, "subscribe", from, to);
}

static size_t count(const char *text, const char *part)
{
  size_t n = 0;
  for (; (text = strstr(text, part)); text += strlen(part))
    n++;
  return n;
}

/* ---- Faces ------------------------------------------------------------------------------------------------------ */

static const char *face(const struct world *w, const struct tt_node *node, const bool *may_read)
{
  static char text[TT_STATUS_MAX + 20];
  struct tt_face f;
  tt_face_of_device(node, may_read, w->now, "en", &f);
  const char *show = tt_show_name(f.show);
  snprintf(text, sizeof(text), "%s%s%s", show ? show : "", show ? ": " : "", f.status);
  return text;
}

static void test_the_face_of_a_device(void **state)
{
  static const bool all[] = {true, true, true}, none[] = {false, false, false}, second[] = {false, true, false};
  struct test *t = *state;
  struct world *w = t->w;
  struct tt_tree *tree = tt_core_tree(w->core);
  assert_string_equal(face(w, w->climate, all), "away: no value");
  assert_string_equal(face(w, w->climate, none), "");
  world_report(w, w->climate, "battery", "80"); /* not momentary, but all that there is */
  assert_string_equal(face(w, w->climate, all), "80 %");
  world_report(w, w->climate, "temperature", "21.5");
  assert_string_equal(face(w, w->climate, all), "21.5 °C");
  world_report(w, w->climate, "humidity", "45");
  assert_string_equal(face(w, w->climate, all), "21.5 °C, 45 %");
  assert_string_equal(face(w, w->climate, second), "45 %");
  world_report(w, w->lamp, "state", "true");
  world_report(w, w->lamp, "brightness", "7");
  assert_string_equal(face(w, w->lamp, all), "state: on, 7 %");
  /* old */
  world_pass(w, 601 * SECOND);
  assert_string_equal(face(w, w->climate, all), "21.5 °C, 45 %");
  assert_string_equal(face(w, w->climate, second), "away: 45 % (old value)");
  /* not reached; and what is wrong with itself goes before that */
  tt_node_message(tree, w->now, w->climate, "offline", TT_MESSAGE_ERROR, "Timeout.\n<b>");
  assert_string_equal(face(w, w->climate, all), "away: Timeout.?<b>");
  tt_node_message(tree, w->now, w->climate, "slow", TT_MESSAGE_WARNING, "Slow.");
  tt_node_message(tree, w->now, w->climate, "config", TT_MESSAGE_ERROR, "It is described wrongly.");
  assert_string_equal(face(w, w->climate, all), "dnd: It is described wrongly.");
}

static void test_a_face_is_short(void **state)
{
  static const struct tt_point points[] = {
      {POINT("a_rather_long_name_of_a_text_that_nobody_reads", TT_TYPE_STRING, "", TT_CATEGORY_MOMENTARY)},
      {POINT("b", TT_TYPE_STRING, "", TT_CATEGORY_MOMENTARY)},
      {POINT("c", TT_TYPE_STRING, "", TT_CATEGORY_MOMENTARY)},
      {POINT("d", TT_TYPE_STRING, "", TT_CATEGORY_MOMENTARY)}};
  static const bool all[] = {true, true, true, true};
  struct test *t = *state;
  char text[301];
  memset(text, 'x', 300);
  text[300] = '\0';
  struct tt_node *node = world_add(t->w, &(struct tt_node_spec){DEVICE("talker", "house", points)});
  for (size_t i = 0; i < 4; i++)
    world_report(t->w, node, points[i].name, text);
  const char *shown = face(t->w, node, all);
  assert_in_range(strlen(shown), 60, TT_STATUS_MAX);
  assert_has(shown, ", b: xxx");
  tt_node_message(tt_core_tree(t->w->core), t->w->now, node, "odd", TT_MESSAGE_ERROR, text);
  assert_int_equal(strlen(face(t->w, node, all)), TT_STATUS_MAX + strlen("dnd: "));
}

static void test_what_kind_a_thing_is(void **state)
{
  static const struct tt_point plug[] = {
      {POINT("power", TT_TYPE_QUANTITY, "W", TT_CATEGORY_MOMENTARY)},
      {POINT("energy", TT_TYPE_QUANTITY, "kWh", TT_CATEGORY_MOMENTARY)},
      {POINT("relay", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY), .write = &world_write}};
  static const struct tt_point player[] = {{POINT("Volume", TT_TYPE_INT32, "", 0), .write = &world_write}};
  struct test *t = *state;
  struct world *w = t->w;
  assert_int_equal(tt_thing_kind(NULL), TT_THING_GATEWAY);
  assert_int_equal(tt_thing_kind(w->climate->parent), TT_THING_PLACE);
  assert_int_equal(tt_thing_kind(w->climate), TT_THING_SENSOR);
  assert_int_equal(tt_thing_kind(w->lamp), TT_THING_LIGHT);
  assert_int_equal(tt_thing_kind(w->meter), TT_THING_METER);
  assert_int_equal(tt_thing_kind(world_add(w, &(struct tt_node_spec){DEVICE("plug", "", plug)})), TT_THING_SWITCH);
  assert_int_equal(tt_thing_kind(world_add(w, &(struct tt_node_spec){DEVICE("player", "", player)})),
                   TT_THING_MEDIA);
}

/* ---- Who is let in ------------------------------------------------------------------------------------------------ */

static void test_a_thing_is_a_contact(void **state)
{
  struct test *t = *state;
  world_report(t->w, t->w->climate, "temperature", "21.5");
  world_report(t->w, t->w->climate, "humidity", "45");
  const char *text = subscribe(t, ADMIN, CLIMATE);
  assert_has(text, "<presence type='subscribed' from='" CLIMATE "' to='admin@house.test'/>"
                   "<presence from='" CLIMATE "' to='admin@house.test' xml:lang='en'><status>21.5 °C, 45 %</status>"
                   "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:x-thingtree' ver='");
  assert_has(text, "<x xmlns='vcard-temp:x:update'><photo>");
  assert_has(text, "<nick xmlns='http://jabber.org/protocol/nick'>Hall climate</nick></presence>");
  /* Of the fields only those that this one may read. */
  text = subscribe(t, GUEST, CLIMATE);
  assert_has(text, "<status>21.5 °C</status>");
  assert_lacks(text, "45");
  /* A place that is but on the way says nothing. */
  text = subscribe(t, GUEST, "house@" US);
  assert_has(text, "type='subscribed'");
  assert_has(text, "<status>1 device</status>");
  assert_has(subscribe(t, ADMIN, "house@" US), "<status>2 devices</status>");
  assert_has(subscribe(t, ADMIN, US), "<status>3 devices</status>");
  assert_int_equal(tt_contacts_count(t->contacts), 5);
  /* The hash in the presence of a thing is that of the thing. */
  text = world_presence(t->w, "probe", ADMIN, CLIMATE);
  const char *ver = strstr(text, " ver='") + 6;
  char payload[200];
  snprintf(payload, sizeof(payload), "<query xmlns='" TT_NS_DISCO_INFO "' node='" TT_CAPS_NODE "#%.28s'/>", ver);
  assert_has(world_ask(t->w, "get", ADMIN, CLIMATE, payload),
             "<identity category='hierarchy' type='leaf' name='thingtree'/>");
}

/* An alias of the domain that is another contact, for programs that want an "@". */
static void test_the_gateway_by_its_name_is_a_contact(void **state)
{
  struct test *t = *state;
  struct tt_request requests[2];
  assert_string_equal(subscribe(t, STRANGER, "gateway@" US), "");
  assert_string_equal(world_presence(t->w, "probe", STRANGER, "gateway@" US), "");
  assert_int_equal(tt_access_requests(t->w->access, requests, 2), 1);
  assert_string_equal(requests[0].via, "gateway@" US);
  assert_string_equal(requests[0].nodes ? requests[0].nodes : "", ""); /* of the gateway, not of a node */
  const char *text = subscribe(t, GUEST, "gateway@" US);
  assert_has(text, "<presence type='subscribed' from='gateway@" US "' to='guest@house.test'/>"
                   "<presence from='gateway@" US "' to='guest@house.test' xml:lang='en'><status>1 device</status>");
  assert_has(subscribe(t, ADMIN, US), "<presence from='" US "' to='admin@house.test'");
  assert_has(subscribe(t, ADMIN, "gateway@" US), "<status>3 devices</status>");
  assert_has(world_presence(t->w, "probe", ADMIN, "gateway@" US), "<presence from='gateway@" US "' to='" ADMIN "'");
  assert_int_equal(tt_contacts_count(t->contacts), 3);
  pass(t, 20 * SECOND);
  tt_node_message(tt_core_tree(t->w->core), t->w->now, t->w->lamp, "offline", TT_MESSAGE_ERROR, "Timeout.");
  text = pass(t, 0);
  assert_int_equal(count(text, "<status>3 devices, 1 error</status>"), 2); /* of both to the admin */
  assert_has(world_presence(t->w, "unsubscribe", "admin@house.test", "gateway@" US),
             "<presence type='unavailable' from='gateway@" US "' to='admin@house.test'/>");
  assert_int_equal(tt_contacts_count(t->contacts), 2);
  /* It is kept, and is no thing that is gone. */
  tear_down(t);
  build(t, TT_SESSION_COMPONENT);
  text = pass(t, 0);
  assert_has(text, "<presence from='gateway@" US "' to='guest@house.test'");
  assert_has(text, "<presence from='" US "' to='admin@house.test'");
  assert_has(world_ask(t->w, "get", GUEST, "gateway@" US, "<vCard xmlns='vcard-temp'/>"),
             "<JABBERID>gateway@" US "</JABBERID><ROLE>gateway</ROLE></vCard>");
}

static void test_strangers_and_what_is_hidden(void **state)
{
  struct test *t = *state;
  struct tt_request requests[4];
  assert_string_equal(subscribe(t, GUEST, "meter@" US), ""); /* hidden: waits, and hears nothing */
  assert_string_equal(subscribe(t, GUEST, "ghost@" US), ""); /* not there: the same */
  assert_string_equal(subscribe(t, STRANGER, LAMP), "");
  assert_string_equal(subscribe(t, STRANGER, "ghost@" US), "");
  assert_string_equal(world_presence(t->w, "probe", STRANGER, LAMP), "");
  assert_string_equal(world_presence(t->w, "probe", GUEST, "meter@" US), "");
  assert_int_equal(tt_contacts_count(t->contacts), 0);
  assert_int_equal(tt_access_requests(t->w->access, requests, 4), 2);
  assert_string_equal(requests[1].via, LAMP);
  assert_string_equal(requests[1].nodes, "house/hall/Lamp");
  /* Accepted: that thing, and nothing else. */
  world_report(t->w, t->w->lamp, "state", "true");
  tt_buf_finish(&t->w->out);
  assert_int_equal(tt_access_accept(t->w->access, "stranger@elsewhere.test", TT_ROLE_READER, NULL), 0);
  const char *text = pass(t, 0);
  assert_has(text, "<presence type='subscribed' from='" LAMP "' to='stranger@elsewhere.test'/>");
  assert_has(text, "<status>state: on</status>");
  assert_string_equal(subscribe(t, STRANGER, CLIMATE), "");
  assert_has(world_ask(t->w, "get", STRANGER, CLIMATE, "<vCard xmlns='vcard-temp'/>"), "<item-not-found ");
  assert_has(world_ask(t->w, "get", STRANGER, "house\\2fhall@" US, "<query xmlns='" TT_NS_DISCO_ITEMS "'/>"),
             "<query xmlns='" TT_NS_DISCO_ITEMS "'><item jid='" LAMP "' name='Lamp'/></query>");
  /* Taken back: gone, and told so. */
  pass(t, 0);
  tt_buf_finish(&t->w->out);
  assert_int_equal(tt_access_revoke(t->w->access, "stranger@elsewhere.test"), 0);
  text = pass(t, 0);
  assert_has(text, "<presence type='unavailable' from='" LAMP "' to='stranger@elsewhere.test'/>"
                   "<presence type='unsubscribed' from='" LAMP "' to='stranger@elsewhere.test'/>");
  assert_int_equal(tt_contacts_count(t->contacts), 0);
}

/* What was granted is something else than what was asked for. */
static void test_an_acceptance_of_something_else(void **state)
{
  struct test *t = *state;
  subscribe(t, STRANGER, LAMP);
  tt_buf_finish(&t->w->out);
  assert_int_equal(tt_access_accept(t->w->access, "stranger@elsewhere.test", TT_ROLE_READER, "cellar/**"), 0);
  assert_lacks(pass(t, 0), LAMP);
  assert_int_equal(tt_contacts_count(t->contacts), 0);
}

/* ---- How often ------------------------------------------------------------------------------------------------------ */

static void test_changes_are_told_at_a_bounded_rate(void **state)
{
  struct test *t = *state;
  world_report(t->w, t->w->climate, "temperature", "20");
  subscribe(t, GUEST, CLIMATE);
  assert_string_equal(pass(t, 60 * SECOND), "");
  assert_string_equal(pass(t, SECOND), "");
  world_report(t->w, t->w->climate, "temperature", "21");
  assert_has(pass(t, 0), "<status>21 °C</status>"); /* at once after a while of silence */
  size_t n = 0;
  for (int i = 0; i < 30; i++) { /* a second each */
    char text[16];
    snprintf(text, sizeof(text), "2%d.5", i);
    world_report(t->w, t->w->climate, "temperature", text);
    n += count(pass(t, SECOND), "<presence");
  }
  assert_int_equal(n, 3);
  /* The same again, and what this one may not read, is nothing new. */
  pass(t, 20 * SECOND);
  world_report(t->w, t->w->climate, "temperature", "229.5");
  world_report(t->w, t->w->climate, "humidity", "12");
  assert_string_equal(pass(t, 20 * SECOND), "");
  pass(t, 2 * SECOND);
  /* There and back within the time is nothing new either. */
  world_report(t->w, t->w->climate, "temperature", "10");
  assert_has(pass(t, 0), "<status>10 °C</status>");
  world_report(t->w, t->w->climate, "temperature", "11");
  assert_string_equal(pass(t, SECOND), "");
  world_report(t->w, t->w->climate, "temperature", "10");
  assert_string_equal(pass(t, 20 * SECOND), "");
}

static void test_all_together_are_bounded(void **state)
{
  struct test *t = *state;
  enum { N = 3 * TT_CONTACT_PRESENCE_RATE };
  struct tt_node *nodes[N];
  for (int i = 0; i < N; i++) {
    char key[16], address[64];
    snprintf(key, sizeof(key), "d%d", i);
    snprintf(address, sizeof(address), "%s@" US, key);
    nodes[i] = world_add(t->w, &(struct tt_node_spec){DEVICE(key, "many", meter_points)});
    subscribe(t, ADMIN, address);
  }
  assert_int_equal(tt_contacts_count(t->contacts), N);
  pass(t, 100 * SECOND);
  pass(t, SECOND);
  for (int i = 0; i < N; i++)
    world_report(t->w, nodes[i], "energy", "5");
  size_t n = count(pass(t, 0), "<presence");
  assert_int_equal(n, TT_CONTACT_PRESENCE_RATE);
  for (int i = 0; i < 10; i++)
    n += count(pass(t, SECOND / 10), "<presence");
  assert_in_range(n, 2 * TT_CONTACT_PRESENCE_RATE - 2, 2 * TT_CONTACT_PRESENCE_RATE);
  for (int i = 0; i < 20; i++)
    n += count(pass(t, SECOND / 10), "<presence");
  assert_int_equal(n, N); /* everybody has had a turn */
}

static void test_a_value_gets_old(void **state)
{
  struct test *t = *state;
  world_report(t->w, t->w->climate, "humidity", "45");
  subscribe(t, ADMIN, CLIMATE);
  const char *text = "";
  for (int i = 0; i < 30 && !*text; i++)
    text = pass(t, TT_CONTACT_REVIEW_US);
  assert_has(text, "<show>away</show><status>45 % (old value)</status>");
}

static void test_a_device_goes_and_comes(void **state)
{
  struct test *t = *state;
  struct tt_tree *tree = tt_core_tree(t->w->core);
  world_report(t->w, t->w->lamp, "state", "true");
  subscribe(t, ADMIN, LAMP);
  subscribe(t, ADMIN, US);
  pass(t, 20 * SECOND);
  tt_node_message(tree, t->w->now, t->w->lamp, "offline", TT_MESSAGE_ERROR, "Timeout.");
  const char *text = pass(t, 0);
  assert_has(text, "<show>away</show><status>Timeout.</status>");
  assert_has(text, "<status>3 devices, 1 error</status>");
  assert_int_equal(tt_tree_remove(tree, t->w->now, t->w->lamp->id), 0);
  text = pass(t, 20 * SECOND);
  assert_has(text, "<presence type='unavailable' from='" LAMP "' to='admin@house.test'/>");
  assert_has(text, "<status>2 devices</status>");
  assert_int_equal(tt_contacts_count(t->contacts), 2); /* it may come back */
  world_add(t->w, &(struct tt_node_spec){DEVICE("Lamp", "house/hall", lamp_points)});
  text = pass(t, 20 * SECOND);
  assert_has(text, "<presence from='" LAMP
                   "' to='admin@house.test' xml:lang='en'><show>away</show><status>no value</status>");
}

/* ---- Who is there ---------------------------------------------------------------------------------------------------- */

static const char *change(struct test *t, const char *value)
{
  pass(t, 20 * SECOND);
  world_report(t->w, t->w->climate, "temperature", value);
  return pass(t, 20 * SECOND);
}

static void test_who_is_away_is_not_told(void **state)
{
  struct test *t = *state;
  world_report(t->w, t->w->climate, "temperature", "20");
  subscribe(t, "admin@house.test", CLIMATE);
  assert_has(change(t, "21"), "21 °C");
  /* Two clients that are known to be there; the last one goes. */
  world_say(t->w, "<presence xmlns='jabber:client' from='admin@house.test/a' to='" US "'/>");
  world_say(t->w, "<presence xmlns='jabber:client' from='admin@house.test/b' to='" US "'/>");
  world_presence(t->w, "unavailable", "admin@house.test/a", US);
  assert_has(change(t, "22"), "22 °C");
  world_presence(t->w, "unavailable", "admin@house.test/b", US);
  assert_string_equal(change(t, "23"), "");
  /* The server asks, because somebody has logged in. */
  assert_has(world_presence(t->w, "probe", "admin@house.test", CLIMATE), "<status>23 °C</status>");
  assert_has(change(t, "24"), "24 °C");
  /* Cannot be reached. */
  world_presence(t->w, "error", "admin@house.test", CLIMATE);
  assert_string_equal(change(t, "25"), "");
  world_say(t->w, "<presence xmlns='jabber:client' from='admin@house.test/a' to='" CLIMATE "'/>");
  assert_has(pass(t, 20 * SECOND), "<status>25 °C</status>");
}

static void test_taken_out_of_the_roster(void **state)
{
  struct test *t = *state;
  subscribe(t, ADMIN, CLIMATE);
  subscribe(t, ADMIN, LAMP);
  assert_has(world_presence(t->w, "unsubscribe", "admin@house.test", CLIMATE),
             "<presence type='unavailable' from='" CLIMATE "' to='admin@house.test'/>");
  assert_int_equal(tt_contacts_count(t->contacts), 1);
  world_report(t->w, t->w->climate, "temperature", "1");
  assert_string_equal(pass(t, 20 * SECOND), "");
}

static void test_a_restart(void **state)
{
  struct test *t = *state;
  subscribe(t, ADMIN, CLIMATE);
  subscribe(t, GUEST, CLIMATE);
  subscribe(t, ADMIN, US);
  tt_buf_finish(&t->w->out);
  tt_contacts_stop(t->contacts);
  tt_session_flush(t->w->session, t->w->now.mono_us);
  assert_int_equal(count(t->w->out.data, "<presence type='unavailable' from='" CLIMATE "'"), 2);
  assert_has(t->w->out.data, "<presence type='unavailable' from='" US "' to='admin@house.test'/>");
  world_report(t->w, t->w->climate, "temperature", "1");
  assert_string_equal(pass(t, 60 * SECOND), "");
  tear_down(t);
  build(t, TT_SESSION_COMPONENT);
  assert_int_equal(tt_contacts_count(t->contacts), 3);
  const char *text = pass(t, 0);
  assert_int_equal(count(text, "<presence from='" CLIMATE "'"), 2);
  assert_has(text, "<presence from='" US "' to='admin@house.test'");
}

static void test_a_damaged_file(void **state)
{
  static const char *const texts[] = {"{",
                                      "[]",
                                      "{\"version\":1,\"contacts\":[{\"who\":\"a@b\"}]}",
                                      "{\"version\":2,\"contacts\":[]}",
                                      "{\"version\":1,\"contacts\":[{\"who\":\"@@\",\"nodes\":[\"\"]}]}",
                                      "{\"version\":1,\"contacts\":[{\"who\":\"a@b\",\"nodes\":[1]}]}"};
  struct test *t = *state;
  char path[64];
  snprintf(path, sizeof(path), "%s/contacts.json", dir);
  for (size_t i = 0; i < TT_COUNT(texts); i++) {
    tear_down(t);
    FILE *file = fopen(path, "w");
    fputs(texts[i], file);
    fclose(file);
    build(t, TT_SESSION_COMPONENT);
    assert_int_equal(tt_contacts_count(t->contacts), 0);
  }
}

static void test_contacts_are_bounded(void **state)
{
  struct test *t = *state;
  char bare[40];
  for (int i = 0; i < TT_CONTACTS_MAX + 5; i++) {
    snprintf(bare, sizeof(bare), "p%d@else.test", i);
    tt_contacts_add(t->contacts, t->w->session, bare, i % 2 ? "" : "gone");
  }
  /* They may not see anything: each was thrown out at once. Those whose thing is gone stay, and make room. */
  assert_in_range(tt_contacts_count(t->contacts), TT_CONTACTS_MAX / 2, TT_CONTACTS_MAX);
  for (int i = 0; i < TT_CONTACTS_MAX; i++) {
    snprintf(bare, sizeof(bare), "q%d@else.test", i);
    tt_contacts_add(t->contacts, t->w->session, bare, "gone");
  }
  assert_int_equal(tt_contacts_count(t->contacts), TT_CONTACTS_MAX);
}

/* ---- An account ------------------------------------------------------------------------------------------------------- */

static void test_an_account_says_how_all_of_it_is(void **state)
{
  struct test *t = *state;
  tear_down(t);
  build(t, TT_SESSION_ACCOUNT);
  assert_has(t->w->out.data, "<presence><status>3 devices</status><c ");
  assert_has(t->w->out.data, "<vCard xmlns='vcard-temp'/>");
  tt_node_message(tt_core_tree(t->w->core), t->w->now, t->w->lamp, "offline", TT_MESSAGE_ERROR, "Timeout.");
  assert_string_equal(pass(t, SECOND), "");
  assert_has(pass(t, 10 * SECOND), "<presence><status>3 devices, 1 error</status><c ");
  tt_node_message(tt_core_tree(t->w->core), t->w->now, t->w->climate, "offline", TT_MESSAGE_ERROR, "Timeout.");
  tt_node_message(tt_core_tree(t->w->core), t->w->now, t->w->meter, "offline", TT_MESSAGE_ERROR, "Timeout.");
  assert_has(pass(t, 10 * SECOND), "<presence><show>dnd</show><status>3 devices, 3 errors</status>");
  assert_string_equal(pass(t, 60 * SECOND), "");
}

static const char *answer_card(struct test *t, const char *answer)
{
  char stanza[600];
  const char *iq = strstr(t->w->out.data, "<vCard ");
  while (strncmp(iq, " id='", 5) != 0)
    iq--;
  snprintf(stanza, sizeof(stanza),
           "<iq xmlns='jabber:client' id='%.20s' type='result' from='gw@house.test'>%s</iq>", iq + 5, answer);
  return world_say(t->w, stanza);
}

static void test_an_empty_card_is_filled(void **state)
{
  struct test *t = *state;
  tear_down(t);
  build(t, TT_SESSION_ACCOUNT);
  const char *text = answer_card(t, "<vCard xmlns='vcard-temp'/>");
  assert_has(text, "<vCard xmlns='vcard-temp'><FN>thingtree</FN>");
  assert_has(text, "<publish node='urn:xmpp:avatar:data'>");
  assert_has(text, "<publish node='urn:xmpp:avatar:metadata'>");
  tear_down(t);
  build(t, TT_SESSION_ACCOUNT);
  assert_string_equal(answer_card(t, "<vCard xmlns='vcard-temp'><FN>Cellar</FN></vCard>"), "");
}

/* ---- Cards and search ---------------------------------------------------------------------------------------------------- */

static void test_cards(void **state)
{
  struct test *t = *state;
  const char *text = world_ask(t->w, "get", ADMIN, CLIMATE, "<vCard xmlns='vcard-temp'/>");
  assert_has(text, "<vCard xmlns='vcard-temp'><FN>Hall climate</FN><NICKNAME>Hall climate</NICKNAME><PHOTO>"
                   "<TYPE>image/png</TYPE><BINVAL>iVBOR");
  assert_has(text, "</BINVAL></PHOTO><JABBERID>" CLIMATE
                   "</JABBERID><ROLE>sensor</ROLE><ORG><ORGNAME>Acme</ORGNAME></ORG>"
                   "<TITLE>C1</TITLE><DESC>house/hall/climate</DESC></vCard>");
  assert_has(world_ask(t->w, "get", ADMIN, US, "<vCard xmlns='vcard-temp'/>"), "<FN>thingtree</FN>");
  assert_has(world_ask(t->w, "set", ADMIN, US, "<vCard xmlns='vcard-temp'/>"), "<forbidden ");
  text = world_ask(t->w, "get", GUEST, "house\\2fhall@" US, "<vCard xmlns='vcard-temp'/>");
  assert_has(text, "<FN>hall</FN>");
  assert_lacks(text, "<DESC>");
  assert_has(world_ask(t->w, "get", STRANGER, CLIMATE, "<vCard xmlns='vcard-temp'/>"), "<forbidden ");
  for (int i = 0; i < TT_THING_KIND_COUNT; i++) {
    const struct tt_avatar *avatar = tt_avatar((enum tt_thing_kind)i);
    assert_in_range(avatar->n, 100, 2048);
    assert_int_equal(strlen(avatar->sha1), 40);
  }
}

#define SEARCH(inside)    "<query xmlns='jabber:iq:search'>" inside "</query>"
#define FORM(inside)      SEARCH("<x xmlns='jabber:x:data' type='submit'>" inside "</x>")
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"

#define PUBSUB(inside) "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" inside "</pubsub>"
#define ITEMS_OF(node) PUBSUB("<items node='urn:xmpp:avatar:" node "'/>")
#define ITEM_OF        PUBSUB("<items node='urn:xmpp:avatar:data'><item id='%s'/></items>")

/* XEP-0084: who may see a thing may fetch its picture, by what its description says. */
static void test_pictures(void **state)
{
  struct test *t = *state;
  const struct tt_avatar *sensor = tt_avatar(TT_THING_SENSOR);
  char expected[512], payload[256];
  const char *text = world_ask(t->w, "get", GUEST, CLIMATE, ITEMS_OF("metadata"));
  snprintf(expected, sizeof(expected),
           "from='" CLIMATE "' to='" GUEST "' id='q'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
           "<items node='urn:xmpp:avatar:metadata'><item id='%s'><metadata xmlns='urn:xmpp:avatar:metadata'><info "
           "id='%s' type='image/png' bytes='%zu' width='64' height='64'/></metadata></item></items></pubsub></iq>",
           sensor->sha1, sensor->sha1, sensor->n);
  assert_has(text, expected);
  snprintf(payload, sizeof(payload), ITEM_OF, sensor->sha1);
  text = world_ask(t->w, "get", GUEST, CLIMATE, payload);
  snprintf(expected, sizeof(expected),
           "<items node='urn:xmpp:avatar:data'><item id='%s'><data xmlns='urn:xmpp:avatar:data'>iVBOR",
           sensor->sha1);
  assert_has(text, expected);
  assert_has(text, "</data></item></items></pubsub></iq>");
  assert_has(world_ask(t->w, "get", GUEST, CLIMATE, ITEMS_OF("data")), expected);
  /* What it has not, and what one may not see, is not there. */
  assert_has(world_ask(t->w, "get", READER, LAMP, payload), "<item-not-found ");
  assert_has(world_ask(t->w, "get", GUEST, LAMP, ITEMS_OF("metadata")), "<item-not-found ");
  assert_has(world_ask(t->w, "get", READER, LAMP, ITEMS_OF("metadata")), tt_avatar(TT_THING_LIGHT)->sha1);
  assert_has(world_ask(t->w, "get", READER, "house@" US, ITEMS_OF("metadata")), tt_avatar(TT_THING_PLACE)->sha1);
  assert_has(world_ask(t->w, "get", READER, US, ITEMS_OF("metadata")), tt_avatar(TT_THING_GATEWAY)->sha1);
  assert_has(world_ask(t->w, "get", READER, "gateway@" US, ITEMS_OF("metadata")),
             tt_avatar(TT_THING_GATEWAY)->sha1);
  /* Nothing else is there, and nobody writes. */
  assert_has(world_ask(t->w, "get", READER, LAMP, PUBSUB("<items node='urn:xmpp:geoloc'/>")), "<item-not-found ");
  assert_has(world_ask(t->w, "get", READER, LAMP, PUBSUB("<items/>")), "<item-not-found ");
  assert_has(world_ask(t->w, "get", READER, LAMP, PUBSUB("<subscriptions/>")), "<feature-not-implemented ");
  assert_has(world_ask(t->w, "set", ADMIN, LAMP, ITEMS_OF("metadata")), "<forbidden ");
  assert_has(world_ask(t->w, "get", STRANGER, LAMP, ITEMS_OF("metadata")), "<forbidden ");
  assert_has(world_ask(t->w, "get", READER, "meter@" US, ITEMS_OF("metadata")), "<item-not-found ");
  /* A thing says so of itself. */
  text = world_ask(t->w, "get", GUEST, CLIMATE, "<query xmlns='" TT_NS_DISCO_INFO "'/>");
  assert_has(text, "<identity category='pubsub' type='pep' name='Hall climate'/>");
  assert_has(text, "<feature var='http://jabber.org/protocol/pubsub#retrieve-items'/>");
  assert_lacks(world_ask(t->w, "get", ADMIN, US, "<query xmlns='" TT_NS_DISCO_INFO "'/>"), "type='pep'");
  /* At an account it is its server's. */
  tear_down(t);
  build(t, TT_SESSION_ACCOUNT);
  assert_has(world_ask(t->w, "get", ADMIN, "gw@house.test/things", ITEMS_OF("metadata")), "<service-unavailable ");
  assert_lacks(world_ask(t->w, "get", ADMIN, "gw@house.test/things", "<query xmlns='" TT_NS_DISCO_INFO "'/>"),
               "pubsub");
}

static void test_search(void **state)
{
  struct test *t = *state;
  const char *text = world_ask(t->w, "get", READER, US, SEARCH(""));
  assert_has(text, "<nick></nick>");
  assert_has(text, "<field var='FORM_TYPE' type='hidden'><value>jabber:iq:search</value></field>");
  assert_has(text, "<option label='sensor'><value>sensor</value></option>");
  text = world_ask(t->w, "set", READER, US, SEARCH("<nick>LAM</nick>"));
  assert_has(text,
             "<query xmlns='jabber:iq:search'><item jid='" LAMP "'><first>light</first><last>house/hall</last>"
             "<nick>Lamp</nick><email></email></item></query>");
  text = world_ask(t->w, "set", READER, US, FORM(FIELD("name", "") FIELD("place", "Hall") FIELD("kind", "sensor")));
  assert_has(text, "<item><field var='jid'><value>" CLIMATE
                   "</value></field><field var='name'><value>Hall climate</value>");
  assert_int_equal(count(text, "<item>"), 1);
  assert_int_equal(count(world_ask(t->w, "set", READER, US, FORM(FIELD("name", "h*l*m"))), "<item>"), 1);
  /* The gateway itself, for whoever may ask at all. */
  assert_has(world_ask(t->w, "set", GUEST, US, SEARCH("<nick>tree</nick>")),
             "<query xmlns='jabber:iq:search'><item jid='gateway@" US "'><first>gateway</first><last></last>"
             "<nick>thingtree</nick><email></email></item></query>");
  assert_int_equal(count(world_ask(t->w, "set", GUEST, US, SEARCH("<nick/>")), "<item"), 4);
  assert_int_equal(count(world_ask(t->w, "set", GUEST, US, FORM(FIELD("kind", "gateway"))), "<item>"), 1);
  assert_int_equal(count(world_ask(t->w, "set", GUEST, US, FORM(FIELD("place", "hall"))), "<item>"), 1);
  /* Only what one may see. */
  assert_int_equal(count(world_ask(t->w, "set", READER, US, SEARCH("<nick>meter</nick>")), "<item"), 0);
  assert_int_equal(count(world_ask(t->w, "set", ADMIN, US, SEARCH("<nick>meter</nick>")), "<item"), 1);
  assert_has(world_ask(t->w, "set", STRANGER, US, SEARCH("<nick>meter</nick>")), "<forbidden ");
  assert_has(world_ask(t->w, "set", READER, US, SEARCH("<x xmlns='jabber:x:data' type='cancel'/>")),
             "<bad-request ");
  assert_has(world_ask(t->w, "get", READER, CLIMATE, SEARCH("")), "<service-unavailable ");
  /* No more than fits. */
  tt_router_configure(t->w->router, 3000, false);
  for (int i = 0; i < 300; i++) {
    char key[16];
    snprintf(key, sizeof(key), "x%d", i);
    world_add(t->w, &(struct tt_node_spec){DEVICE(key, "many", meter_points)});
  }
  text = world_ask(t->w, "set", ADMIN, US, SEARCH("<nick>x</nick>"));
  assert_in_range(count(text, "<item "), 5, 40);
  assert_true(strlen(text) <= 3000);
  tt_router_configure(t->w->router, 1000000, false);
  assert_int_equal(count(world_ask(t->w, "set", ADMIN, US, SEARCH("<nick>x</nick>")), "<item "),
                   TT_SEARCH_RESULTS_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_the_face_of_a_device),
      TEST(test_a_face_is_short),
      TEST(test_what_kind_a_thing_is),
      TEST(test_a_thing_is_a_contact),
      TEST(test_the_gateway_by_its_name_is_a_contact),
      TEST(test_strangers_and_what_is_hidden),
      TEST(test_an_acceptance_of_something_else),
      TEST(test_changes_are_told_at_a_bounded_rate),
      TEST(test_all_together_are_bounded),
      TEST(test_a_value_gets_old),
      TEST(test_a_device_goes_and_comes),
      TEST(test_who_is_away_is_not_told),
      TEST(test_taken_out_of_the_roster),
      TEST(test_a_restart),
      TEST(test_a_damaged_file),
      TEST(test_contacts_are_bounded),
      TEST(test_an_account_says_how_all_of_it_is),
      TEST(test_an_empty_card_is_filled),
      TEST(test_cards),
      TEST(test_pictures),
      TEST(test_search),
  };
  if (!mkdtemp(dir))
    return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  char command[80];
  snprintf(command, sizeof(command), "rm -rf '%s'", dir);
  return failed + (system(command) != 0);
}
