/* SPDX-License-Identifier: Apache-2.0
 * test_adhoc_watch.c: watching by ad-hoc command: values that change come as messages.
 */
#include "adhoc_world.h"

#include "xmpp/watch.h"

static char id[33];
static struct tt_watches *watches;

static struct world *current;

static void drop_watches(void)
{
  assert_int_equal(tt_adhoc_n_sessions(current->adhoc), 0);
  tt_adhoc_destroy(current->adhoc);
  current->adhoc = NULL;
  tt_watches_destroy(watches);
}

static struct world *begin(void)
{
  current = adhoc_begin();
  current->more = drop_watches;
  assert_int_equal(tt_watches_create(current->router, &watches), 0);
  assert_int_equal(tt_adhoc_watch_add(current->adhoc, watches), 0);
  return current;
}

static void end(struct world *w)
{
  world_destroy(w);
}

/* A value changes; what is said of it in the next seconds. */
static const char *change(struct world *w, const char *name, const char *value)
{
  forget_output(w);
  report(w, w->climate, name, value);
  for (int i = 0; i < 4; i++)
    advance(w, TT_USEC_PER_SEC);
  return flush(w);
}

static size_t n_watches(void)
{
  struct tt_watch_row rows[TT_WATCHES_PER_BARE];
  return tt_watch_list(watches, "alice@house.test", rows, TT_COUNT(rows));
}

static void test_watch_from_the_gateway(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, ALICE, GATEWAY, "watch", id);
  assert_has(text, "<instructions>Values that change will come as messages.</instructions>");
  text = act(w, "watch", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "colour")));
  assert_has(text, "There is no such value.");
  text = act(w, "watch", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "temperature")));
  assert_has(text, "status='completed'><note type='info'>");
  assert_int_equal(n_watches(), 1);
  text = change(w, "temperature", "19.5");
  assert_has(text, "<message type='chat' from='" GATEWAY "' to='" ALICE "'");
  assert_has(text, "19.5 °C");
  assert_string_equal(change(w, "humidity", "33"), ""); /* was not asked for */

  text = start_at(w, ALICE, GATEWAY, "unwatch", id);
  assert_has(text, "<option label='house › hall › Hall climate: temperature'><value>1</value></option>"
                   "<option label='all of them'><value>all</value></option>");
  assert_has(act(w, "unwatch", id, NULL, SUBMIT(FIELD("watch", "7"))), "Choose one of the list.");
  assert_has(act(w, "unwatch", id, NULL, SUBMIT("")), "Choose one of the list.");
  assert_has(act(w, "unwatch", id, NULL, SUBMIT(FIELD("watch", "1"))), "1 watch has ended.");
  assert_string_equal(change(w, "temperature", "25"), "");
  end(w);
}

static void test_one_click_at_a_thing(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_has(start_at(w, ALICE, "climate@" GATEWAY, "watch", id), "status='completed'");
  const char *text = change(w, "humidity", "55");
  assert_has(text, "from='climate@" GATEWAY "'");
  assert_has(text, "55 %");
  assert_has(start_at(w, ALICE, "climate@" GATEWAY, "unwatch", id), "1 watch has ended.");
  assert_has(start_at(w, ALICE, "climate@" GATEWAY, "unwatch", id), "You watch nothing here.");
  assert_has(start_at(w, ALICE, GATEWAY, "unwatch", id), "You watch nothing here.");
  assert_int_equal(n_watches(), 0);
  end(w);
}

static void test_who_may_watch(TT_UNUSED void **state)
{
  struct world *w = begin();
  start_at(w, GUEST, GATEWAY, "watch", id);
  assert_has(act_at(w, GUEST, GATEWAY, "watch", id, NULL, SUBMIT(FIELD("node", "plug"))),
             "Choose one of the list.");
  assert_has(
      act_at(w, GUEST, GATEWAY, "watch", id, NULL, SUBMIT(FIELD("node", "climate") FIELD("field", "humidity"))),
      "<forbidden");
  assert_has(start_at(w, ALICE, "nobody@" GATEWAY, "watch", id), "<item-not-found");
  end(w);
}

static void test_all_of_them(TT_UNUSED void **state)
{
  struct world *w = begin();
  start_at(w, ALICE, "climate@" GATEWAY, "watch", id);
  start_at(w, ALICE, "plug@" GATEWAY, "watch", id);
  assert_int_equal(n_watches(), 2);
  start_at(w, ALICE, GATEWAY, "unwatch", id);
  assert_has(act(w, "unwatch", id, NULL, SUBMIT(FIELD("watch", "all"))), "2 watches have ended.");
  assert_int_equal(n_watches(), 0);
  end(w);
}

static void test_whoever_leaves_meanwhile(TT_UNUSED void **state)
{
  struct world *w = begin();
  w->is_access_late = true;
  assert_string_equal(start_at(w, ALICE, "climate@" GATEWAY, "watch", id), "");
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='climate@" GATEWAY "'/>");
  forget_output(w);
  answer_check(w, &w->late);
  assert_string_equal(flush(w), "");
  assert_int_equal(n_watches(), 0);
  end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_watch_from_the_gateway),
      cmocka_unit_test(test_one_click_at_a_thing),
      cmocka_unit_test(test_who_may_watch),
      cmocka_unit_test(test_all_of_them),
      cmocka_unit_test(test_whoever_leaves_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
