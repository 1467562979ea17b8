/* SPDX-License-Identifier: Apache-2.0
 * test_adhoc.c: the engine of ad-hoc commands, with commands that exist for the test only.
 */
#include "adhoc_world.h"

#define EMPTY SUBMIT("")

/* ---- Commands: `walk` of three stages, `wait` for a device, `plain`, `huge`, `rule`, `thing`, `admin` ------------------- */

struct walk {
  char color[32];
  unsigned finished;
};

static unsigned finished;
static struct tt_adhoc_wait *waits[TT_ADHOC_WAITS_MAX + 1];
static size_t n_waits;
static struct world *current;

static void walk_finish(void *state)
{
  (void)state;
  finished++;
}

static void color_show(struct tt_adhoc_session *session)
{
  struct tt_dataform *form = tt_adhoc_form(session, "Colour", "Choose.");
  tt_dataform_open_list(form, &(struct tt_dataform_field){.type = TT_FIELD_LIST, .var = "color", .value = "red"});
  tt_dataform_option(form, "red", "Red & warm");
  tt_dataform_option(form, "blue", NULL);
  tt_dataform_close_list(form);
  tt_adhoc_ask(session, TT_ADHOC_NEXT | TT_ADHOC_COMPLETE);
}

static void color_take(struct tt_adhoc_session *session, const struct tt_xml *form, enum tt_adhoc_action action)
{
  struct walk *walk = tt_adhoc_state(session);
  const char *color = tt_dataform_value(form, "color");
  if (!color) {
    tt_adhoc_bad_payload(session, "A colour is missing.");
    return;
  }
  if (strcmp(color, "red") && strcmp(color, "blue")) {
    tt_adhoc_again(session, "There is no such colour.");
    return;
  }
  snprintf(walk->color, sizeof(walk->color), "%s", color);
  if (action == TT_ADHOC_COMPLETE)
    tt_adhoc_done(session, TT_ADHOC_INFO, "Done early.");
  else
    tt_adhoc_go(session, 1, 0);
}

static void skipped_show(struct tt_adhoc_session *session) /* asks nothing */
{
  tt_adhoc_go(session, 2, current->plug->id);
}

static void last_show(struct tt_adhoc_session *session)
{
  const struct walk *walk = tt_adhoc_state(session);
  struct tt_dataform *form = tt_adhoc_form(session, "Last", NULL);
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_FIXED, .value = walk->color});
  tt_dataform_field(form, &(struct tt_dataform_field){.type = TT_FIELD_BOOLEAN, .var = "sure", .value = "1"});
  tt_adhoc_ask(session, TT_ADHOC_COMPLETE);
}

static void last_take(struct tt_adhoc_session *session, const struct tt_xml *form, enum tt_adhoc_action action)
{
  assert_int_equal(action, TT_ADHOC_COMPLETE);
  struct tt_dataform *result = tt_adhoc_result(session, "Result");
  const struct tt_node *node = tt_adhoc_node(session);
  tt_dataform_line(result, "node", "Node", node ? node->key : "");
  tt_dataform_line(result, "sure", "Sure", tt_dataform_boolean(form, "sure", false) ? "yes" : "no");
  tt_adhoc_done(session, TT_ADHOC_WARN, "Walked.");
}

static void wait_show(struct tt_adhoc_session *session)
{
  struct tt_adhoc_wait *wait = tt_adhoc_wait(session);
  if (wait)
    waits[n_waits++] = wait;
  else
    tt_adhoc_refuse(session, TT_REFUSED_BUSY, NULL);
}

static void plain_show(struct tt_adhoc_session *session)
{
  const char *said = tt_adhoc_thing(session) ? tt_adhoc_thing(session)->key : "gateway";
  assert_string_equal(tt_adhoc_user(session), "user");
  tt_adhoc_done(session, TT_ADHOC_INFO, said);
}

static void huge_show(struct tt_adhoc_session *session)
{
  struct tt_dataform *form = tt_adhoc_form(session, "Huge", NULL);
  for (unsigned i = 0; i < 4000; i++)
    tt_dataform_line(form, "x", "A field with a long label", "and a value");
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

/* Takes away the rule of whoever does it. */
static void rule_show(struct tt_adhoc_session *session)
{
  give(current, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  tt_adhoc_form(session, "Gone", NULL);
  tt_adhoc_ask(session, TT_ADHOC_NEXT);
}

static bool is_plug(const struct tt_adhoc_asker *asker, void *user)
{
  return !strcmp(user, "user") && asker->thing && !strcmp(asker->thing->key, "plug");
}

static const struct tt_adhoc_stage walk_stages[] = {
    {color_show, color_take}, {skipped_show, NULL}, {last_show, last_take}};
static const struct tt_adhoc_stage wait_stages[] = {{wait_show, NULL}};
static const struct tt_adhoc_stage plain_stages[] = {{plain_show, NULL}};
static const struct tt_adhoc_stage huge_stages[] = {{huge_show, color_take}};
static const struct tt_adhoc_stage rule_stages[] = {{rule_show, color_take}};

#define STAGES(stages_) .stages = stages_, .n_stages = TT_COUNT(stages_)
static const struct tt_adhoc_command commands[] = {
    {.node = "walk",
     .title = "Walk",
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY,
     STAGES(walk_stages),
     .state_size = sizeof(struct walk),
     .finish = walk_finish},
    {.node = "wait", .title = "Wait", .role = TT_ROLE_READER, .at = TT_ADHOC_AT_GATEWAY, STAGES(wait_stages)},
    {.node = "plain",
     .title = "yes",
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_GATEWAY | TT_ADHOC_AT_THING,
     STAGES(plain_stages)},
    {.node = "huge", .title = "Huge", .role = TT_ROLE_OPERATOR, .at = TT_ADHOC_AT_GATEWAY, STAGES(huge_stages)},
    {.node = "rule", .title = "Rule", .role = TT_ROLE_READER, .at = TT_ADHOC_AT_GATEWAY, STAGES(rule_stages)},
    {.node = "thing",
     .title = "Thing",
     .role = TT_ROLE_READER,
     .at = TT_ADHOC_AT_THING,
     .is_offered = is_plug,
     STAGES(plain_stages)},
    {.node = "admin", .title = "Admin", .role = TT_ROLE_ADMIN, .at = TT_ADHOC_AT_GATEWAY, STAGES(plain_stages)},
};

/* ---- World -------------------------------------------------------------------------------------------------------- */

static struct world *begin(void)
{
  struct world *w = adhoc_begin();
  current = w;
  finished = 0;
  n_waits = 0;
  assert_int_equal(tt_adhoc_add(w->adhoc, commands, TT_COUNT(commands), (void *)(uintptr_t) "user"), 0);
  return w;
}

#define CHOOSE(color)                                                                                              \
  "<x xmlns='jabber:x:data' type='submit'><field var='color'><value>" color "</value></field></x>"

#define assert_fault(text, type, condition, specific)                                                              \
  do {                                                                                                             \
    assert_has(text, "<iq type='error' from='" GATEWAY "'");                                                       \
    assert_has(text, "<error type='" type "'><" condition " xmlns='" STANZAS "'/>");                               \
    assert_has(text, "<" specific " xmlns='" COMMANDS "'/></error>");                                              \
  } while (0)

/* ---- The way through ---------------------------------------------------------------------------------------------- */

static void test_one_form_and_its_answer(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33];
  session_of(say(w, "node='walk' action='execute'", ""), id);
  char expected[2048];
  snprintf(expected, sizeof(expected),
           RESULT("<command xmlns='" COMMANDS "' node='walk' sessionid='%s' status='executing'>"
                  "<actions execute='next'><next/><complete/></actions><x xmlns='jabber:x:data' type='form'>"
                  "<title>Colour</title><instructions>Choose.</instructions>"
                  "<field var='color' type='list-single'><value>red</value>"
                  "<option label='Red &amp; warm'><value>red</value></option>"
                  "<option><value>blue</value></option></field></x></command>"),
           id);
  assert_string_equal(w->out.data, expected);
  snprintf(expected, sizeof(expected),
           RESULT("<command xmlns='" COMMANDS "' node='walk' sessionid='%s' status='completed'>"
                  "<note type='info'>Done early.</note><x xmlns='jabber:x:data' type='result'><title>Walk</title>"
                  "<field var='result' type='text-single' label='Walk'><value>Done early.</value></field></x>"
                  "</command>"),
           id);
  assert_string_equal(act(w, "walk", id, "complete", CHOOSE("blue")), expected);
  assert_int_equal(finished, 1);
  /* It is over. */
  assert_fault(act(w, "walk", id, "complete", CHOOSE("blue")), "modify", "bad-request", "bad-sessionid");
  adhoc_end(w);
}

static void test_forward_and_back(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33];
  session_of(say(w, "node='walk'", ""), id);                   /* no action is execute */
  const char *text = act(w, "walk", id, NULL, CHOOSE("blue")); /* which is the default here: next */
  assert_has(text, "<actions execute='complete'><prev/><complete/></actions>");
  assert_has(text, "<field var='fixed 0' type='fixed'><value>blue</value></field>");
  text = act(w, "walk", id, "prev", "");
  assert_has(text, "<title>Colour</title>"); /* the stage between asked nothing */
  assert_has(text, "<actions execute='next'><next/>");
  assert_fault(act(w, "walk", id, "prev", ""), "modify", "bad-request", "bad-action");
  assert_has(act(w, "walk", id, "next", CHOOSE("red")), "<value>red</value>");
  text = act(w, "walk", id, "next", EMPTY); /* there is only complete: some clients know of no other way on */
  assert_has(text, "status='completed'><note type='warn'>Walked.</note>");
  assert_has(text, "label='Node'><value>plug</value>");
  assert_has(text, "label='Sure'><value>no</value>");
  adhoc_end(w);
}

static void test_what_is_wrong_is_said_and_asked_again(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33];
  session_of(say(w, "node='walk'", ""), id);
  const char *text = act(w, "walk", id, "next", CHOOSE("green"));
  assert_has(text, "status='executing'");
  assert_has(text, "<note type='error'>There is no such colour.</note>");
  assert_has(text, "<instructions>There is no such colour.</instructions><instructions>Choose.</instructions>");
  assert_has(text, "<field var='fixed 0' type='fixed'><value>There is no such colour.</value></field>");
  assert_false(strstr(text, "<prev/>"));
  text = act(w, "walk", id, "next", CHOOSE("red"));
  assert_has(text, "<title>Last</title>");
  assert_false(strstr(text, "<note")); /* said once */
  adhoc_end(w);
}

static void test_cancel(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33], expected[512];
  session_of(say(w, "node='walk'", ""), id);
  snprintf(expected, sizeof(expected),
           RESULT("<command xmlns='" COMMANDS "' node='walk' sessionid='%s' status='canceled'/>"), id);
  assert_string_equal(act(w, "walk", id, "cancel", ""), expected);
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 0);
  assert_fault(act(w, "walk", id, "cancel", ""), "modify", "bad-request", "bad-sessionid");
  adhoc_end(w);
}

/* ---- Errors of section 4.4 ------------------------------------------------------------------------------------------ */

static void test_faults(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33];
  session_of(say(w, "node='walk'", ""), id);
  assert_fault(say(w, "node='walk' action='dance'", ""), "modify", "bad-request", "malformed-action");
  assert_fault(act(w, "walk", id, "dance", ""), "modify", "bad-request", "malformed-action");
  assert_fault(say(w, "node='walk' action='next'", ""), "modify", "bad-request", "bad-action");
  assert_fault(say(w, "node='walk' action='cancel'", ""), "modify", "bad-request", "bad-action");
  assert_fault(act(w, "walk", "x", "next", EMPTY), "modify", "bad-request", "bad-sessionid");
  assert_fault(act(w, "walk", "", "next", EMPTY), "modify", "bad-request", "bad-sessionid");
  assert_fault(act(w, "plain", id, "next", EMPTY), "modify", "bad-request", "bad-sessionid"); /* of another */
  /* No form, one that was not submitted, one without what is needed: the session is there as before. */
  assert_fault(act(w, "walk", id, "next", ""), "modify", "bad-request", "bad-payload");
  assert_fault(act(w, "walk", id, "next", "<x xmlns='jabber:x:data' type='cancel'/>"), "modify", "bad-request",
               "bad-payload");
  assert_fault(act(w, "walk", id, "next", EMPTY), "modify", "bad-request", "bad-payload");
  assert_has(act(w, "walk", id, "next", CHOOSE("red")), "<title>Last</title>");

  assert_has(say(w, "", ""), "<error type='modify'><bad-request");
  assert_has(say(w, "node='nothing'", ""), "<error type='cancel'><item-not-found");
  assert_has(say(w, "node='admin'", ""), "<error type='cancel'><forbidden");
  assert_has(say(w, "node='thing'", ""), "<error type='cancel'><item-not-found");
  assert_has(ask_as(w, ALICE, "iq type='get'", "<command xmlns='" COMMANDS "' node='plain'/>"), "<bad-request");
  assert_has(ask_as(w, "nobody@house.test/x", "iq type='set'", "<command xmlns='" COMMANDS "' node='plain'/>"),
             "<forbidden");
  assert_has(say_to(w, READER, GATEWAY, "node='huge'", ""), "<forbidden");
  assert_has(say(w, "node='huge'", ""), "<error type='modify'><not-acceptable");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 1);
  adhoc_end(w);
}

static void test_a_session_is_its_owners_alone(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33], attributes[128];
  session_of(say(w, "node='walk'", ""), id);
  snprintf(attributes, sizeof(attributes), "node='walk' sessionid='%s' action='next'", id);
  static const char *const others[] = {READER, "alice@house.test/other", "alice@house.test"};
  for (size_t i = 0; i < TT_COUNT(others); i++) {
    const char *text = say_to(w, others[i], GATEWAY, attributes, CHOOSE("red"));
    assert_has(text, "<bad-sessionid xmlns='" COMMANDS "'/>");
    assert_false(strstr(text, "Last"));
  }
  /* Nor at another of our addresses. */
  assert_has(say_to(w, ALICE, GATEWAY "/x", attributes, CHOOSE("red")), "<bad-sessionid");
  assert_has(act(w, "walk", id, "next", CHOOSE("red")), "<title>Last</title>");
  adhoc_end(w);
}

static void test_ids_differ(TT_UNUSED void **state)
{
  struct world *w = begin();
  char a[33], b[33];
  session_of(say(w, "node='walk'", ""), a);
  session_of(say(w, "node='walk'", ""), b);
  assert_string_not_equal(a, b);
  assert_int_equal(strspn(a, "0123456789abcdef"), 32);
  adhoc_end(w);
}

/* ---- Time and limits ------------------------------------------------------------------------------------------------ */

static void test_expiry(TT_UNUSED void **state)
{
  struct world *w = begin();
  char id[33];
  session_of(say(w, "node='walk'", ""), id);
  advance(w, TT_ADHOC_EXPIRY_US - 2 * TT_USEC_PER_SEC);
  assert_has(act(w, "walk", id, "next", CHOOSE("red")), "<title>Last</title>"); /* lives on from here */
  advance(w, TT_ADHOC_EXPIRY_US - 2 * TT_USEC_PER_SEC);
  assert_has(act(w, "walk", id, "prev", ""), "<title>Colour</title>");
  advance(w, TT_ADHOC_EXPIRY_US);
  assert_fault(act(w, "walk", id, "next", CHOOSE("red")), "cancel", "not-allowed", "session-expired");
  assert_int_equal(finished, 1);
  adhoc_end(w);
}

static void test_the_oldest_of_ones_own_makes_room(TT_UNUSED void **state)
{
  struct world *w = begin();
  char first[33], other[33], attributes[128];
  session_of(say_to(w, READER, GATEWAY, "node='walk'", ""), other);
  session_of(say(w, "node='walk'", ""), first);
  for (unsigned i = 1; i < TT_ADHOC_SESSIONS_PER_JID; i++)
    say(w, "node='walk'", "");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), TT_ADHOC_SESSIONS_PER_JID + 1);
  assert_has(say_to(w, "alice@house.test/other", GATEWAY, "node='walk'", ""), "executing");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), TT_ADHOC_SESSIONS_PER_JID + 1);
  assert_fault(act(w, "walk", first, "next", CHOOSE("red")), "cancel", "not-allowed", "session-expired");
  snprintf(attributes, sizeof(attributes), "node='walk' sessionid='%s'", other);
  assert_has(say_to(w, READER, GATEWAY, attributes, CHOOSE("red")), "<title>Last</title>");
  adhoc_end(w);
}

/* ---- Waiting -------------------------------------------------------------------------------------------------------- */

static void test_an_answer_later(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_string_equal(say(w, "node='wait'", ""), "");
  assert_int_equal(n_waits, 1);
  assert_non_null(tt_adhoc_waiting(waits[0]));
  forget_output(w);
  struct tt_adhoc_session *session = tt_adhoc_resume(waits[0]);
  assert_non_null(session);
  assert_string_equal(tt_adhoc_caller(session)->jid, ALICE);
  tt_adhoc_done(session, TT_ADHOC_INFO, "It came.");
  assert_has(flush(w), "status='completed'><note type='info'>It came.</note>");
  adhoc_end(w);
}

/* Who waits has no id to cancel with, unless the wait is in a later stage; who leaves ends it. */
static void test_nobody_is_there_any_more(TT_UNUSED void **state)
{
  struct world *w = begin();
  say(w, "node='wait'", "");
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 0);
  assert_null(tt_adhoc_waiting(waits[0]));
  assert_null(tt_adhoc_resume(waits[0]));
  /* What is still waited for at the end is forgotten. */
  say(w, "node='wait'", "");
  adhoc_end(w);
}

static void test_waits_are_limited(TT_UNUSED void **state)
{
  struct world *w = begin();
  for (unsigned i = 0; i < TT_ADHOC_SESSIONS_PER_JID; i++)
    assert_string_equal(say(w, "node='wait'", ""), "");
  assert_has(say(w, "node='wait'", ""), "<resource-constraint"); /* none of them is idle */
  assert_has(say_to(w, READER, GATEWAY, "node='walk'", ""), "executing");
  adhoc_end(w);
}

static void test_one_who_loses_the_right_meanwhile(TT_UNUSED void **state)
{
  struct world *w = begin();
  say(w, "node='rule'", "");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 0);
  adhoc_end(w);
}

/* ---- Discovery ------------------------------------------------------------------------------------------------------ */

#define INFO  "http://jabber.org/protocol/disco#info"
#define ITEMS "http://jabber.org/protocol/disco#items"

static const char *discover(struct world *w, const char *from, const char *to, const char *query)
{
  char stanza[1024];
  snprintf(stanza, sizeof(stanza), "<iq xmlns='jabber:client' type='get' id='q' from='%s' to='%s'>%s</iq>", from,
           to, query);
  forget_output(w);
  advance(w, TT_USEC_PER_SEC / 2);
  give(w, stanza);
  return flush(w);
}

#define LIST                    "<query xmlns='" ITEMS "' node='" COMMANDS "'/>"
#define ITEM_AT(to, node, name) "<item jid='" to "' node='" node "' name='" name "'/>"

static void test_who_is_told_of_which_commands(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_string_equal(discover(w, ALICE, GATEWAY, LIST),
                      RESULT("<query xmlns='" ITEMS "' node='" COMMANDS "'>" ITEM_AT(GATEWAY, "walk", "Walk")
                                 ITEM_AT(GATEWAY, "wait", "Wait") ITEM_AT(GATEWAY, "plain", "yes")
                                     ITEM_AT(GATEWAY, "huge", "Huge") ITEM_AT(GATEWAY, "rule", "Rule") "</query>"));
  assert_false(strstr(discover(w, READER, GATEWAY, LIST), "huge"));
  assert_has(discover(w, "nobody@house.test/x", GATEWAY, LIST), "<forbidden");
  const char *text = discover(w, ALICE, "plug@" GATEWAY, LIST);
  assert_has(text, ITEM_AT("plug@" GATEWAY, "plain", "yes") ITEM_AT("plug@" GATEWAY, "thing", "Thing"));
  assert_false(strstr(text, "walk"));
  text = discover(w, ALICE, "climate@" GATEWAY, LIST);
  assert_has(text, "plain");
  assert_false(strstr(text, "node='thing'"));
  assert_has(discover(w, "guest@house.test/x", "plug@" GATEWAY, LIST), "<item-not-found");
  /* In one's own language. */
  assert_has(discover(w, ALICE, GATEWAY, "<query xml:lang='sv' xmlns='" ITEMS "' node='" COMMANDS "'/>"),
             "node='plain' name='ja'");
  adhoc_end(w);
}

static void test_what_a_command_is(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_string_equal(discover(w, ALICE, GATEWAY, "<query xmlns='" INFO "' node='walk'/>"),
                      RESULT("<query xmlns='" INFO "' node='walk'><identity category='automation' "
                             "type='command-node' name='Walk'/><feature var='" COMMANDS
                             "'/><feature var='jabber:x:data'/></query>"));
  assert_has(discover(w, ALICE, GATEWAY, "<query xmlns='" INFO "' node='" COMMANDS "'/>"), "type='command-list'");
  assert_has(discover(w, ALICE, GATEWAY, "<query xmlns='" INFO "'/>"), "<feature var='" COMMANDS "'/>");
  assert_has(discover(w, ALICE, GATEWAY, "<query xmlns='" INFO "' node='admin'/>"), "<item-not-found");
  assert_has(discover(w, ALICE, GATEWAY, "<query xmlns='" ITEMS "' node='walk'/>"),
             "<query xmlns='" ITEMS "' node='walk'/>");
  adhoc_end(w);
}

static void test_at_a_things_address(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = say_to(w, ALICE, "plug@" GATEWAY, "node='plain'", "");
  assert_has(text, "from='plug@" GATEWAY "'");
  assert_has(text, "<note type='info'>plug</note>");
  assert_has(say(w, "node='plain'", ""), "<note type='info'>gateway</note>");
  text = say_to(w, ALICE, "gateway@" GATEWAY, "node='plain'", "");
  assert_has(text, "from='gateway@" GATEWAY "'");
  assert_has(text, "<note type='info'>gateway</note>");
  assert_has(discover(w, ALICE, "gateway@" GATEWAY, LIST), ITEM_AT("gateway@" GATEWAY, "walk", "Walk"));
  assert_has(say_to(w, ALICE, "climate@" GATEWAY, "node='thing'", ""), "<item-not-found");
  adhoc_end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_form_and_its_answer),
      cmocka_unit_test(test_forward_and_back),
      cmocka_unit_test(test_what_is_wrong_is_said_and_asked_again),
      cmocka_unit_test(test_cancel),
      cmocka_unit_test(test_faults),
      cmocka_unit_test(test_a_session_is_its_owners_alone),
      cmocka_unit_test(test_ids_differ),
      cmocka_unit_test(test_expiry),
      cmocka_unit_test(test_the_oldest_of_ones_own_makes_room),
      cmocka_unit_test(test_an_answer_later),
      cmocka_unit_test(test_nobody_is_there_any_more),
      cmocka_unit_test(test_waits_are_limited),
      cmocka_unit_test(test_one_who_loses_the_right_meanwhile),
      cmocka_unit_test(test_who_is_told_of_which_commands),
      cmocka_unit_test(test_what_a_command_is),
      cmocka_unit_test(test_at_a_things_address),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
