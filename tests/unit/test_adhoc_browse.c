/* SPDX-License-Identifier: Apache-2.0
 * test_adhoc_browse.c: looking around by ad-hoc command.
 */
#include "adhoc_world.h"

static char id[33];

static struct world *begin(void)
{
  struct world *w = adhoc_begin();
  assert_int_equal(tt_adhoc_browse_add(w->adhoc), 0);
  return w;
}

static const char *go(struct world *w, const char *key)
{
  char payload[256];
  snprintf(payload, sizeof(payload), SUBMIT(FIELD("node", "%s")), key);
  return act(w, "browse", id, "next", payload);
}

static void test_down_and_up(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, ALICE, GATEWAY, "browse", id);
  assert_has(text, "<title>Places and things</title><field var='node' type='list-single' label='Go to'><required/>"
                   "<value>house</value><option label='house …'><value>house</value></option>"
                   "<option label='cellar …'><value>cellar</value></option>"
                   "<option label='gateway'><value>gateway</value></option></field>");
  text = go(w, "house");
  assert_has(text, "<title>house</title>");
  assert_has(text, "<option label='hall …'><value>house/hall</value></option><option label='plug'>");
  assert_has(text, "<prev/>");
  text = go(w, "house/hall");
  assert_has(text, "<title>house › hall</title>");
  text = go(w, "climate");
  assert_has(
      text,
      "<title>Hall climate</title><field var='fixed 0' type='fixed'><value>Place: house › hall</value></field>");
  assert_has(text, "<value>Vendor: Acme</value>");
  assert_has(text, "<value>Commands: Read values</value>");
  assert_has(text, "<actions execute='complete'><prev/><complete/></actions>");
  assert_has(act(w, "browse", id, "prev", ""), "<title>house › hall</title>");
  assert_has(act(w, "browse", id, "prev", ""), "<title>house</title>");
  assert_has(act(w, "browse", id, "prev", ""), "<title>Places and things</title>");
  assert_has(act(w, "browse", id, "prev", ""), "<bad-action");
  text = go(w, "cellar");
  assert_has(text, "<option label='meter (warning)'>");
  text = go(w, "meter");
  assert_has(text, "<value>Message: Answers after 3 s &amp; more.</value>");
  text = act(w, "browse", id, "complete", SUBMIT(""));
  assert_has(text, "status='completed'><note type='info'>meter</note><x xmlns='jabber:x:data' type='result'>");
  assert_has(text, "<field var='id' type='text-single' label='Id'><value>meter</value></field>");
  adhoc_end(w);
}

static void test_only_what_is_there(TT_UNUSED void **state)
{
  struct world *w = begin();
  start_at(w, ALICE, GATEWAY, "browse", id);
  assert_has(go(w, "plug"), "Choose one of the list."); /* it is in the house */
  assert_has(go(w, "nothing"), "Choose one of the list.");
  assert_has(act(w, "browse", id, "next", SUBMIT("")), "Choose one of the list.");
  go(w, "house");
  tt_tree_remove(tt_core_tree(w->core), w->now, w->plug->id);
  assert_has(go(w, "plug"), "Choose one of the list.");
  adhoc_end(w);
}

static void test_what_a_guest_sees(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, GUEST, GATEWAY, "browse", id);
  assert_has(text, "house");
  assert_has_not(text, "cellar");
  text = act_at(w, GUEST, GATEWAY, "browse", id, NULL, SUBMIT(FIELD("node", "house")));
  assert_has(text, "hall");
  assert_has_not(text, "plug");
  adhoc_end(w);
}

static void test_at_a_thing(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_has(start_at(w, ALICE, "plug@" GATEWAY, "browse", id), "<note type='info'>plug</note>");
  assert_has(start_at(w, ALICE, "house\\2fhall@" GATEWAY, "browse", id), "<title>house › hall</title>");
  adhoc_end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_down_and_up),
      cmocka_unit_test(test_only_what_is_there),
      cmocka_unit_test(test_what_a_guest_sees),
      cmocka_unit_test(test_at_a_thing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
