/* SPDX-License-Identifier: Apache-2.0
 * test_adhoc_read.c: reading by ad-hoc command: which thing, which value, what the answer looks like.
 */
#include "adhoc_world.h"

static char id[33];

static struct world *begin(void)
{
  struct world *w = adhoc_begin();
  assert_int_equal(tt_adhoc_read_add(w->adhoc), 0);
  report(w, w->climate, "temperature", "21.5");
  report(w, w->climate, "humidity", "40");
  report(w, w->climate, "mode", "1");
  return w;
}

static const char *start(struct world *w)
{
  return start_at(w, ALICE, GATEWAY, "read", id);
}

static void test_choose(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start(w);
  /* By place and label, the first one chosen. */
  assert_has(text, "<field var='node' type='list-single' label='Thing'><required/><value>meter</value>"
                   "<option label='cellar › meter'><value>meter</value></option>"
                   "<option label='house › hall › Hall climate'><value>climate</value></option>"
                   "<option label='house › plug'><value>plug</value></option></field>");
  assert_has(text, "<field var='field' type='text-single' label='Value (empty: all of them)'>");
  assert_has_not(text, "filter");
  assert_string_equal(act(w, "read", id, "complete", SUBMIT(FIELD("node", "climate") FIELD("field", ""))), "");
  text = device_answers(w, 0, NULL); /* it had never told the rest */
  assert_has(
      text,
      "status='completed'><note type='info'>Hall climate: temperature 21.5 °C, humidity 40 %, mode auto</note>"
      "<x xmlns='jabber:x:data' type='result'><title>Hall climate</title>"
      "<field var='temperature' type='text-single' label='temperature'><value>21.5 °C</value></field>"
      "<field var='humidity' type='text-single' label='humidity'><value>40 %</value></field>");
  adhoc_end(w);
}

/* Where nothing may be read, nothing is offered. */
static void test_only_what_may_be_read(TT_UNUSED void **state)
{
  static const struct tt_point points[] = {
      {POINT("sealed", TT_TYPE_QUANTITY, "", TT_CATEGORY_MOMENTARY, -1)},
      {POINT("power", TT_TYPE_QUANTITY, "W", TT_CATEGORY_MOMENTARY, -1)},
  };
  static const char *const keys[] = {"safe", "opener"};
  struct world *w = begin();
  for (size_t i = 0; i < TT_COUNT(keys); i++)
    add(w, &(struct tt_node_spec){
               .kind = TT_NODE_DEVICE, .key = keys[i], .type = "x", .points = points, .n_points = i + 1});
  const char *text = start(w);
  assert_has(text, "<value>opener</value>");
  assert_has_not(text, "safe");
  assert_has(act(w, "read", id, NULL, SUBMIT(FIELD("node", "safe") FIELD("field", ""))), "Choose one of the list.");
  assert_has(start_at(w, ALICE, "safe@" GATEWAY, "read", id), "<item-not-found");
  adhoc_end(w);
}

static void test_one_value(TT_UNUSED void **state)
{
  struct world *w = begin();
  start(w);
  const char *text = act(w, "read", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "Humidity")));
  assert_has(text, "<note type='info'>Hall climate: humidity 40 %</note>");
  assert_has_not(text, "21.5");
  start(w);
  text = act(w, "read", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "colour")));
  assert_has(text, "status='executing'");
  assert_has(text, "<note type='error'>There is no such value.</note>");
  assert_has(text, "<value>colour</value>"); /* as it was written */
  assert_has(act(w, "read", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "mode"))), "mode auto");
  adhoc_end(w);
}

static void test_in_my_language(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = say(w, "xml:lang='sv' node='read'", "");
  assert_has(text, "<title>Läs värden</title>");
  assert_has(text, "label='house › hall › Hallklimat'");
  adhoc_end(w);
}

static void test_a_thing_needs_no_form(TT_UNUSED void **state)
{
  struct world *w = begin();
  start_at(w, ALICE, "climate@" GATEWAY, "read", id);
  const char *text = device_answers(w, 0, NULL);
  assert_has(text, "from='climate@" GATEWAY "'");
  assert_has(text, "status='completed'><note type='info'>Hall climate: temperature");
  adhoc_end(w);
}

static void test_a_device_that_has_to_be_asked(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_string_equal(start_at(w, ALICE, "meter@" GATEWAY, "read", id), "");
  report(w, w->meter, "voltage", "230");
  const char *text = device_answers(w, 0, NULL);
  assert_has(text, "<value>230 V</value>");
  /* It fails: old values are told, and why they are old. */
  advance(w, 600 * TT_USEC_PER_SEC);
  assert_string_equal(start_at(w, ALICE, "meter@" GATEWAY, "read", id), "");
  text = device_answers(w, -ETIMEDOUT, "no answer");
  assert_has(text, "status='completed'><note type='warn'>meter: voltage 230 V; no answer");
  assert_has(text, "<field var='failed' type='text-single' label='Not read'>");
  assert_has(text, "no answer");
  adhoc_end(w);
}

static void test_cancelled_while_the_device_is_asked(TT_UNUSED void **state)
{
  struct world *w = begin();
  start(w);
  assert_string_equal(act(w, "read", id, NULL, SUBMIT(FIELD("node", "meter"))), "");
  /* Neither a second answer nor a second question meanwhile. */
  assert_has(act(w, "read", id, NULL, SUBMIT(FIELD("node", "meter"))), "<conflict");
  const char *text = act(w, "read", id, "cancel", "");
  const char *first = strstr(text, "status='canceled'");
  assert_non_null(first);
  assert_non_null(strstr(first + 1, "status='canceled'")); /* the request that waited has its answer, too */
  assert_string_equal(device_answers(w, 0, NULL), "");
  /* Who leaves is answered nothing. */
  start(w);
  assert_string_equal(act(w, "read", id, NULL, SUBMIT(FIELD("node", "meter"))), "");
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  assert_int_equal(tt_adhoc_n_sessions(w->adhoc), 0);
  if (w->n_requests > 0)
    assert_string_equal(device_answers(w, 0, NULL), "");
  adhoc_end(w);
}

static void test_who_may_read_what(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, GUEST, GATEWAY, "read", id);
  assert_has(text, "climate");
  assert_has_not(text, "plug");
  assert_has_not(text, "meter");
  /* What is not in the list cannot be chosen by writing it. */
  text = act_at(w, GUEST, GATEWAY, "read", id, NULL, SUBMIT(FIELD("node", "plug")));
  assert_has(text, "<note type='error'>Choose one of the list.</note>");
  assert_has(act_at(w, GUEST, GATEWAY, "read", id, NULL, SUBMIT("")), "Choose one of the list.");
  text = act_at(w, GUEST, GATEWAY, "read", id, NULL, SUBMIT(FIELD("node", "climate")));
  assert_has(text, "<value>21.5 °C</value>");
  assert_has_not(text, "40 %");
  start_at(w, GUEST, GATEWAY, "read", id);
  text = act_at(w, GUEST, GATEWAY, "read", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "humidity")));
  assert_has(text, "<error type='cancel'><forbidden");
  adhoc_end(w);
}

static void test_the_thing_goes(TT_UNUSED void **state)
{
  struct world *w = begin();
  start(w);
  assert_int_equal(tt_tree_remove(tt_core_tree(w->core), w->now, w->climate->id), 0);
  assert_has(act(w, "read", id, NULL, SUBMIT(FIELD("node", "climate"))), "Choose one of the list.");
  adhoc_end(w);
}

/* ---- Many ------------------------------------------------------------------------------------------------------- */

static char keys[120][16];

static void fill(struct world *w)
{
  for (unsigned i = 0; i < TT_COUNT(keys); i++) {
    snprintf(keys[i], sizeof(keys[i]), "probe%03u", i);
    add(w, &(struct tt_node_spec){.kind = TT_NODE_DEVICE,
                                  .key = keys[i],
                                  .place = "attic",
                                  .type = "thingtree.device.mqtt",
                                  .points = climate_points,
                                  .n_points = TT_COUNT(climate_points),
                                  .timeout_us = TT_USEC_PER_SEC});
  }
}

static size_t count(const char *text, const char *part)
{
  size_t n = 0;
  while ((text = strstr(text, part))) {
    n++;
    text++;
  }
  return n;
}

static void test_many_are_narrowed_down(TT_UNUSED void **state)
{
  struct world *w = begin();
  fill(w);
  const char *text = start(w);
  assert_int_equal(count(text, "<option"), 50);
  assert_has(text, "<field var='filter' type='text-single' label='Part of the name'><desc>Only the first 50 are");
  /* A client sends all it has; the filter comes first. */
  text = act(w, "read", id, NULL, SUBMIT(FIELD("node", "meter") FIELD("filter", "PROBE11")));
  assert_has(text, "status='executing'");
  assert_has_not(text, "<note");
  assert_int_equal(count(text, "<option"), 10);
  assert_has(text, "<field var='filter' type='text-single' label='Part of the name'><value>PROBE11</value>");
  assert_has(text, "<value>probe110</value><option"); /* the first is chosen */
  report(w, tt_tree_find(tt_core_tree(w->core), "probe117", "", ""), "temperature", "5");
  act(w, "read", id, NULL, SUBMIT(FIELD("node", "probe117") FIELD("filter", "PROBE11")));
  text = device_answers(w, 0, NULL);
  assert_has(text, "probe117: temperature 5 °C");
  /* Nothing is called so: it can be written anew. */
  start(w);
  text = act(w, "read", id, NULL, SUBMIT(FIELD("node", "meter") FIELD("filter", "zzz")));
  assert_has(text, "<value>zzz</value>");
  assert_int_equal(count(text, "<option"), 0);
  text = act(w, "read", id, NULL, SUBMIT(FIELD("filter", "")));
  assert_int_equal(count(text, "<option"), 50);
  adhoc_end(w);
}

static void test_small_stanzas(TT_UNUSED void **state)
{
  struct world *w = begin();
  fill(w);
  tt_router_configure(w->router, 4000, true);
  const char *text = start(w);
  assert_true(strlen(text) <= 4000);
  assert_has(text, "filter");
  assert_in_range(count(text, "<option"), 10, 40);
  adhoc_end(w);
}

static void test_nothing_to_read(TT_UNUSED void **state)
{
  struct world *w = begin();
  tt_tree_remove(tt_core_tree(w->core), w->now, w->climate->id);
  assert_has(start_at(w, GUEST, GATEWAY, "read", id),
             "<note type='info'>There is nothing here that you could read.</note>");
  adhoc_end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_choose),
      cmocka_unit_test(test_only_what_may_be_read),
      cmocka_unit_test(test_one_value),
      cmocka_unit_test(test_in_my_language),
      cmocka_unit_test(test_a_thing_needs_no_form),
      cmocka_unit_test(test_a_device_that_has_to_be_asked),
      cmocka_unit_test(test_cancelled_while_the_device_is_asked),
      cmocka_unit_test(test_who_may_read_what),
      cmocka_unit_test(test_the_thing_goes),
      cmocka_unit_test(test_many_are_narrowed_down),
      cmocka_unit_test(test_small_stanzas),
      cmocka_unit_test(test_nothing_to_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
