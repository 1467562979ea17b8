/* SPDX-License-Identifier: Apache-2.0
 * test_adhoc_control.c: controlling by ad-hoc command: forms, one click, what is wrong, what is asked before.
 */
#include "adhoc_world.h"

static char id[33];

static const struct tt_label question = {2, {"en", "sv"}, {"The pump stops. Sure?", "Pumpen stannar. Säkert?"}};
static struct tt_write asked_write = {
    .address = ADDRESS, .within_us = TT_USEC_PER_SEC, .verify_point = TT_NO_POINT, .confirm = &question};
static const struct tt_point pump_points[] = {
    {POINT("run", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &asked_write},
    {POINT("level", TT_TYPE_QUANTITY, "%", TT_CATEGORY_MOMENTARY, -1), .write = &level_write},
};
static struct tt_node *pump;
/* Two to choose from, and what nobody may. */
static const struct tt_point strip_points[] = {
    {POINT("left", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &plain_write},
    {POINT("locked", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &plain_write},
    {POINT("right", TT_TYPE_BOOLEAN, "", TT_CATEGORY_MOMENTARY, -1), .write = &plain_write},
};

static void add_strip(struct world *w, const char *key, size_t first, size_t n)
{
  add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                .key = key,
                                .place = "house",
                                .type = "thingtree.device.mqtt",
                                .points = strip_points + first,
                                .n_points = n,
                                .timeout_us = TT_USEC_PER_SEC});
}

static struct world *begin(void)
{
  struct world *w = adhoc_begin();
  assert_int_equal(tt_adhoc_control_add(w->adhoc), 0);
  pump = add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                       .key = "pump",
                                       .place = "cellar",
                                       .type = "thingtree.device.mqtt",
                                       .points = pump_points,
                                       .n_points = TT_COUNT(pump_points),
                                       .timeout_us = TT_USEC_PER_SEC});
  return w;
}

static const char *start(struct world *w, const char *node)
{
  return start_at(w, ALICE, GATEWAY, node, id);
}

/* The form of the plug, from the gateway. */
static const char *to_plug(struct world *w)
{
  start(w, "control");
  return act(w, "control", id, "next", SUBMIT(FIELD("node", "plug")));
}

/* ---- control ------------------------------------------------------------------------------------------------------- */

static void test_the_form(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start(w, "control");
  assert_has(text, "<option label='cellar › meter'><value>meter</value></option>"
                   "<option label='cellar › pump'><value>pump</value></option>"
                   "<option label='house › plug'><value>plug</value></option></field></x>");
  report(w, w->plug, "level", "12.5");
  report(w, w->plug, "mode", "1");
  text = act(w, "control", id, NULL, SUBMIT(FIELD("node", "plug")));
  assert_has(text, "<actions execute='complete'><prev/><complete/></actions>");
  assert_has(text, "<title>plug</title>");
  /* Not known: nothing is switched by somebody who sends the form as it is. */
  assert_has(text,
             "<field var='relay' type='list-single' label='relay'><value></value>"
             "<option label='(leave as it is)'><value></value></option>"
             "<option label='on'><value>true</value></option><option label='off'><value>false</value></option>");
  assert_has(text, "<field var='level' type='text-single' label='level (%)'><desc>0 … 100 % (0.5)</desc>"
                   "<value>12.5</value><validate xmlns='http://jabber.org/protocol/xdata-validate' "
                   "datatype='xs:double'><range min='0' max='100'/></validate></field>");
  assert_has(text,
             "<field var='mode' type='list-single' label='mode'><value>auto</value><option><value>off</value>");
  assert_has_not(text, "locked"); /* she may not */
  assert_has(act(w, "control", id, "prev", ""), "<field var='node'");
  adhoc_end(w);
}

static void test_only_what_was_changed_is_written(TT_UNUSED void **state)
{
  struct world *w = begin();
  report(w, w->plug, "level", "12.5");
  report(w, w->plug, "relay", "false");
  to_plug(w);
  assert_string_equal(act(w, "control", id, "complete",
                          SUBMIT(FIELD("relay", "1") FIELD("level", "12.5") FIELD("mode", "") FIELD("name", ""))),
                      "");
  assert_int_equal(w->n_requests, 1);
  const char *text = device_answers(w, 0, NULL);
  assert_has(text, "status='completed'><note type='info'>plug: relay on, level 12.5 %</note>");
  assert_has(text, "<field var='relay' type='text-single' label='relay'><value>on</value></field>");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

static void test_nothing_filled_in(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  const char *text = act(w, "control", id, NULL, SUBMIT(FIELD("relay", "") FIELD("level", "") FIELD("name", "")));
  assert_has(text, "<note type='error'>Nothing is filled in.</note>");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

static void test_as_people_write(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  assert_string_equal(act(w, "control", id, NULL, SUBMIT(FIELD("level", "7,5 %"))), "");
  assert_has(device_answers(w, 0, NULL), "level 7.5 %");
  adhoc_end(w);
}

static void test_a_wrong_value_is_named_and_asked_again(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  const char *text = act(w, "control", id, NULL, SUBMIT(FIELD("relay", "true") FIELD("level", "120")));
  assert_has(text, "status='executing'");
  assert_has(text, "<note type='error'>A value is not valid; nothing was set. level: ");
  assert_has(text, "100");
  assert_has(text, "<instructions>A value is not valid; nothing was set. level: ");
  assert_has(text, "<value>120</value>"); /* to be corrected, not written anew */
  assert_has(text, "<field var='relay' type='boolean' label='relay'><value>true</value>");
  assert_has(text, "<prev/><complete/>");
  assert_int_equal(w->n_requests, 0);
  assert_string_equal(act(w, "control", id, NULL, SUBMIT(FIELD("level", "20"))), "");
  assert_has(device_answers(w, 0, NULL), "completed");
  adhoc_end(w);
}

static void test_a_wrong_choice(TT_UNUSED void **state)
{
  struct world *w = begin();
  report(w, w->plug, "mode", "1");
  to_plug(w);
  const char *text =
      act(w, "control", id, NULL, SUBMIT(FIELD("mode", "warm") FIELD("relay", "maybe") FIELD("name", "x")));
  assert_has(text, "<note type='error'>A value is not valid; nothing was set. ");
  assert_has(text, "mode: ");
  assert_has(text, "label='mode'><value>auto</value>"); /* "warm" is none of its options */
  assert_has(text, "label='relay'><value></value>");
  assert_has(text, "label='name'><value>x</value>");
  text = act(w, "control", id, NULL, SUBMIT(FIELD("mode", "OFF")));
  assert_string_equal(text, "");
  assert_has(device_answers(w, 0, NULL), "plug: mode off");
  adhoc_end(w);
}

static void test_a_device_that_does_not_answer(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  act(w, "control", id, NULL, SUBMIT(FIELD("level", "20")));
  const char *text = device_answers(w, -EIO, "the lamp is broken");
  assert_has(text, "status='executing'");
  assert_has(text, "<note type='error'>");
  assert_has(text, "the lamp is broken");
  assert_has(text, "<value>20</value>");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 1);
  adhoc_end(w);
}

static void test_fields_that_were_not_in_the_form(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  assert_has(act(w, "control", id, NULL, SUBMIT(FIELD("locked", "true"))), "<bad-payload");
  assert_has(act(w, "control", id, NULL, SUBMIT(FIELD("nothing", "true"))), "<bad-payload");
  assert_has(act(w, "control", id, NULL, SUBMIT("<field var='level'><value>1</value><value>2</value></field>")),
             "<bad-payload");
  assert_has(act(w, "control", id, NULL, SUBMIT("<field><value>1</value></field>")), "<bad-payload");
  /* Hidden ones are no offence. */
  assert_string_equal(
      act(w, "control", id, NULL,
          SUBMIT("<field var='FORM_TYPE' type='hidden'><value>x</value></field>" FIELD("level", "20"))),
      "");
  assert_has(device_answers(w, 0, NULL), "completed");
  adhoc_end(w);
}

static void test_who_may_control(TT_UNUSED void **state)
{
  struct world *w = begin();
  static const char *const nodes[] = {"control", "switch"};
  for (size_t i = 0; i < TT_COUNT(nodes); i++) {
    assert_has(start_at(w, READER, GATEWAY, nodes[i], id), "<error type='cancel'><forbidden");
    assert_has(start_at(w, READER, "plug@" GATEWAY, nodes[i], id), "<error type='cancel'><forbidden");
  }
  assert_has(start_at(w, READER, "pump@" GATEWAY, "turn-on", id), "<error type='cancel'><forbidden");
  assert_has(start_at(w, ALICE, "climate@" GATEWAY, "control", id), "<item-not-found");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

static void test_whoever_leaves_is_not_answered(TT_UNUSED void **state)
{
  struct world *w = begin();
  to_plug(w);
  act(w, "control", id, NULL, SUBMIT(FIELD("level", "20")));
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  assert_string_equal(device_answers(w, 0, NULL), ""); /* it was done all the same */
  adhoc_end(w);
}

static void test_access_that_is_decided_later(TT_UNUSED void **state)
{
  struct world *w = begin();
  start(w, "control");
  w->is_access_late = true;
  assert_string_equal(act(w, "control", id, NULL, SUBMIT(FIELD("node", "plug"))), "");
  forget_output(w);
  answer_check(w, &w->late);
  assert_has(flush(w), "<title>plug</title>");
  adhoc_end(w);
}

/* ---- At the address of a thing ---------------------------------------------------------------------------------------- */

static void test_one_click(TT_UNUSED void **state)
{
  struct world *w = begin();
  /* The meter has one switch, and wants nothing confirmed. */
  assert_string_equal(start_at(w, ALICE, "meter@" GATEWAY, "turn-on", id), "");
  assert_true(w->n_requests == 1 && w->requests[0].is_write && w->requests[0].raw.boolean);
  const char *text = device_answers(w, 0, NULL);
  assert_has(text, "from='meter@" GATEWAY "'");
  assert_has(text, "status='completed'><note type='info'>meter: relay on</note>");
  /* Again is again: a switch is written whatever is known. */
  assert_string_equal(start_at(w, ALICE, "meter@" GATEWAY, "turn-on", id), "");
  device_answers(w, 0, NULL);
  assert_string_equal(start_at(w, ALICE, "meter@" GATEWAY, "turn-off", id), "");
  assert_has(device_answers(w, -EIO, "stuck"), "status='completed'><note type='error'>");
  /* The plug has two, of which she may have one. */
  assert_string_equal(start_at(w, ALICE, "plug@" GATEWAY, "turn-on", id), "");
  assert_has(device_answers(w, 0, NULL), "plug: relay on");
  /* The strip has two for her, of which one cannot be told from the other by "on". */
  add_strip(w, "strip", 0, 3);
  assert_has(start_at(w, ALICE, "strip@" GATEWAY, "turn-on", id), "<item-not-found");
  assert_has(start_at(w, ALICE, GATEWAY, "turn-on", id), "<item-not-found");
  adhoc_end(w);
}

static void test_things_own_form(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, ALICE, "plug@" GATEWAY, "control", id);
  assert_has(text, "<title>plug</title>");
  assert_has(text, "<actions execute='complete'><complete/></actions>");            /* nothing before it */
  assert_has(start_at(w, ALICE, "plug@" GATEWAY, "switch", id), "<item-not-found"); /* it has turn-on */
  add_strip(w, "strip", 0, 3);
  text = start_at(w, ALICE, "strip@" GATEWAY, "switch", id);
  assert_has(text, "<option label='house › strip: left'><value>strip/left</value></option>"
                   "<option label='house › strip: right'><value>strip/right</value></option></field>");
  assert_has_not(text, "meter");
  text = act_at(w, ALICE, "strip@" GATEWAY, "switch", id, NULL, SUBMIT(FIELD("node", "meter") FIELD("to", "on")));
  assert_has(text, "Choose one of the list.");
  adhoc_end(w);
}

/* ---- switch -------------------------------------------------------------------------------------------------------------- */

static void test_switch(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start(w, "switch");
  assert_has(text, "<actions execute='complete'><complete/></actions>");
  assert_has(text, "<option label='cellar › meter'><value>meter</value></option>"
                   "<option label='cellar › pump'><value>pump</value></option>"
                   "<option label='house › plug'><value>plug</value></option></field>");
  assert_has(text, "<field var='to' type='list-single' label='To'><required/><value>toggle</value>");
  /* The other way of what nobody knows. */
  text = act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug") FIELD("to", "toggle")));
  assert_has(text, "Its state is not known; choose on or off.");
  assert_string_equal(act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug") FIELD("to", "on"))), "");
  assert_has(device_answers(w, 0, NULL), "<note type='info'>plug: relay on</note>");
  start(w, "switch");
  assert_string_equal(act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug") FIELD("to", "toggle"))), "");
  assert_false(w->requests[0].raw.boolean);
  assert_has(device_answers(w, 0, NULL), "<note type='info'>plug: relay off</note>");
  start(w, "switch");
  assert_has(act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug") FIELD("to", "x"))), "<bad-payload");
  assert_has(act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug/level") FIELD("to", "on"))), "Choose one of");
  assert_has(act(w, "switch", id, NULL, SUBMIT(FIELD("node", "plug/locked") FIELD("to", "on"))), "Choose one of");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

/* What may not be controlled is not offered, wherever it could be. */
static void test_only_what_may_be_controlled(TT_UNUSED void **state)
{
  struct world *w = begin();
  add_strip(w, "vault", 1, 1); /* has nothing but what is locked */
  static const char *const nodes[] = {"control", "switch"};
  for (size_t i = 0; i < TT_COUNT(nodes); i++) {
    assert_has_not(start(w, nodes[i]), "vault");
    assert_has(act(w, nodes[i], id, NULL, SUBMIT(FIELD("node", "vault") FIELD("to", "on"))), "Choose one of");
    assert_has(start_at(w, ALICE, "vault@" GATEWAY, nodes[i], id), "<item-not-found");
  }
  assert_has(start_at(w, ALICE, "vault@" GATEWAY, "turn-on", id), "<item-not-found");
  /* What is not decided yet is offered, and decided when it is chosen. */
  w->is_access_late = true;
  assert_has(start(w, "switch"), "<option label='house › vault'><value>vault</value></option>");
  act(w, "switch", id, NULL, SUBMIT(FIELD("node", "vault") FIELD("to", "on")));
  forget_output(w);
  answer_check(w, &w->late);
  assert_has(flush(w), "<forbidden");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

/* ---- What is asked before --------------------------------------------------------------------------------------------- */

static void test_confirm(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, ALICE, "pump@" GATEWAY, "turn-off", id);
  assert_has(text, "<instructions>The pump stops. Sure?</instructions>");
  assert_has(text, "<field var='fixed 0' type='fixed'><value>run: off</value></field>");
  assert_has(text, "<field var='confirm' type='boolean' label='Yes, do it'><required/><value>0</value></field>");
  text = act_at(w, ALICE, "pump@" GATEWAY, "turn-off", id, NULL, SUBMIT(FIELD("confirm", "0")));
  assert_has(text, "Nothing was set: say yes, or cancel.");
  assert_int_equal(w->n_requests, 0);
  assert_string_equal(act_at(w, ALICE, "pump@" GATEWAY, "turn-off", id, NULL, SUBMIT(FIELD("confirm", "1"))), "");
  assert_has(device_answers(w, 0, NULL), "pump: run off");
  /* Off it is; said again, it is asked again. */
  assert_has(start_at(w, ALICE, "pump@" GATEWAY, "turn-off", id), "The pump stops. Sure?");
  adhoc_end(w);
}

static void test_confirm_what_the_form_changes(TT_UNUSED void **state)
{
  struct world *w = begin();
  report(w, pump, "run", "true");
  start(w, "control");
  act(w, "control", id, NULL, SUBMIT(FIELD("node", "pump")));
  /* As it is: nobody is asked. */
  assert_string_equal(act(w, "control", id, NULL, SUBMIT(FIELD("run", "true") FIELD("level", "3"))), "");
  assert_has(device_answers(w, 0, NULL), "completed");
  start(w, "control");
  act(w, "control", id, NULL, SUBMIT(FIELD("node", "pump")));
  const char *text = act(w, "control", id, NULL, SUBMIT(FIELD("run", "0") FIELD("level", "200")));
  assert_has(text, "The pump stops. Sure?");
  assert_has(text, "<value>level: 200 %</value>");
  assert_has(text, "<prev/><complete/>");
  assert_has(act(w, "control", id, "prev", ""), "<value>200</value>");
  act(w, "control", id, NULL, SUBMIT(FIELD("run", "0") FIELD("level", "200")));
  /* Confirmed, and wrong all the same: back to the form. */
  text = act(w, "control", id, NULL, SUBMIT(FIELD("confirm", "1")));
  assert_has(text, "A value is not valid; nothing was set. level: ");
  assert_has(text, "<field var='level'");
  assert_int_equal(w->n_requests, 0);
  adhoc_end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_form),
      cmocka_unit_test(test_only_what_was_changed_is_written),
      cmocka_unit_test(test_nothing_filled_in),
      cmocka_unit_test(test_as_people_write),
      cmocka_unit_test(test_a_wrong_value_is_named_and_asked_again),
      cmocka_unit_test(test_a_wrong_choice),
      cmocka_unit_test(test_a_device_that_does_not_answer),
      cmocka_unit_test(test_fields_that_were_not_in_the_form),
      cmocka_unit_test(test_who_may_control),
      cmocka_unit_test(test_whoever_leaves_is_not_answered),
      cmocka_unit_test(test_access_that_is_decided_later),
      cmocka_unit_test(test_one_click),
      cmocka_unit_test(test_things_own_form),
      cmocka_unit_test(test_switch),
      cmocka_unit_test(test_only_what_may_be_controlled),
      cmocka_unit_test(test_confirm),
      cmocka_unit_test(test_confirm_what_the_form_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
