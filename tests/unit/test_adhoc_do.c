/* SPDX-License-Identifier: Apache-2.0
 * adhoc_do.c: what a thing can be told to do, from which thing to what it said of it.
 */
#include "adhoc_world.h"
#include "commands_world.h"

static char id[33];

static struct world *begin(void)
{
  struct world *w = adhoc_begin();
  assert_int_equal(tt_adhoc_do_add(w->adhoc), 0);
  add_speaker(w);
  return w;
}

/* The device has done what it was told, or not. */
static const char *device_says(struct world *w, int error, const char *text)
{
  tt_device_fn fn = told.fn;
  assert_non_null(fn);
  told.fn = NULL;
  forget_output(w);
  fn(told.fn_user, error, text);
  return flush(w);
}

/* The commands of the speaker, from the gateway. */
static const char *to_speaker(struct world *w)
{
  start_at(w, ALICE, GATEWAY, "commands", id);
  return act(w, "commands", id, NULL, SUBMIT(FIELD("node", "speaker")));
}

static const char *choose(struct world *w, const char *command)
{
  struct tt_buf form TT_AUTOBUF = TT_BUF(0);
  to_speaker(w);
  tt_buf_printf(&form, SUBMIT(FIELD("command", "%s")), command);
  return act(w, "commands", id, NULL, form.data);
}

static void test_which(TT_UNUSED void **state)
{
  struct world *w = begin();
  /* Only what has commands. */
  assert_has(start_at(w, ALICE, GATEWAY, "commands", id),
             "<value>speaker</value><option label='speaker'><value>speaker</value></option></field></x>");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("node", "plug"))), "Choose one of the list.");
  const char *text = act(w, "commands", id, NULL, SUBMIT(FIELD("node", "speaker")));
  assert_has(text, "<actions execute='next'><prev/><next/></actions>");
  /* Not what she may not. */
  assert_has(text, "<field var='command' type='list-single' label='What to do'><required/><value>play</value>"
                   "<option label='Play'><value>play</value></option>"
                   "<option label='seek…'><value>seek</value></option>"
                   "<option label='Reset &amp; forget'><value>reset</value></option></field></x>");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("command", "fly"))), "Choose one of the list.");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("command", ""))), "Choose one of the list.");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("command", "locked"))), "<forbidden");
  assert_int_equal(told.n, 0);
  adhoc_end(w);
}

static void test_without_arguments(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_string_equal(choose(w, "play"), "");
  assert_true(told.n == 1 && told.command == 0);
  const char *text = device_says(w, 0, "playing");
  assert_has(text, "status='completed'><note type='info'>speaker: Play: playing</note>");
  assert_has(text, "<field var='play' type='text-single' label='Play'><value>playing</value></field>");
  choose(w, "play");
  assert_has(device_says(w, 0, NULL), "<note type='info'>speaker: Play: Done</note>");
  choose(w, "play");
  assert_has(device_says(w, -EIO, "no disc"), "status='completed'><note type='error'>no disc</note>");
  adhoc_end(w);
}

static void test_at_the_thing(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = start_at(w, ALICE, "speaker@" GATEWAY, "commands", id);
  assert_has(text, "<title>speaker</title>");
  assert_has(text, "<actions execute='next'><next/></actions>"); /* nothing before it */
  assert_string_equal(act_at(w, ALICE, "speaker@" GATEWAY, "commands", id, NULL, SUBMIT(FIELD("command", "play"))),
                      "");
  assert_has(device_says(w, 0, NULL), "from='speaker@" GATEWAY "'");
  assert_has(start_at(w, ALICE, "plug@" GATEWAY, "commands", id), "<item-not-found");
  adhoc_end(w);
}

static void test_arguments(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = choose(w, "seek");
  assert_has(text, "<title>speaker: seek</title>");
  assert_has(text, "<actions execute='complete'><prev/><complete/></actions>");
  assert_has(text, "<field var='position' type='text-single' label='Position (s)'>"
                   "<desc>0 … 100 s (0.5)</desc><required/><value></value>");
  assert_has(text, "<field var='mode' type='list-single' label='mode'><value>auto</value>");
  assert_has(text, "<field var='key' type='text-private' label='key'><required/><value></value>");
  /* What is wrong is named, and what was right stays, but for what is secret. */
  text = act(w, "commands", id, NULL, SUBMIT(FIELD("position", "") FIELD("mode", "off") FIELD("key", "hush")));
  assert_has(text,
             "<note type='error'>An argument is not valid; nothing was done. Position: it must be given</note>");
  assert_has(text, "label='mode'><value>off</value>");
  assert_has_not(text, "hush");
  assert_int_equal(told.n, 0);
  text = act(w, "commands", id, NULL, SUBMIT(FIELD("position", "1000") FIELD("mode", "") FIELD("key", "hush")));
  assert_has(text, "nothing was done. Position: ");
  assert_string_equal(
      act(w, "commands", id, NULL, SUBMIT(FIELD("position", "30 s") FIELD("mode", "") FIELD("key", "hush"))), "");
  assert_string_equal(told.raws, "30,1,hush");
  assert_has(device_says(w, 0, NULL), "<note type='info'>speaker: seek: Done</note>");
  assert_has(act(w, "commands", id, "prev", ""), "<bad-request"); /* it is over */
  adhoc_end(w);
}

static void test_a_field_that_was_not_in_the_form(TT_UNUSED void **state)
{
  struct world *w = begin();
  choose(w, "seek");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("position", "1") FIELD("key", "x") FIELD("relay", "1"))),
             "<bad-payload");
  assert_int_equal(told.n, 0);
  adhoc_end(w);
}

static void test_confirm(TT_UNUSED void **state)
{
  struct world *w = begin();
  const char *text = choose(w, "reset");
  assert_has(text, "<title>speaker: Reset &amp; forget</title><instructions>Sure?</instructions>");
  assert_has(text, "<field var='confirm' type='boolean' label='Yes, do it'><required/><value>0</value></field>");
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("confirm", "0"))), "Nothing was done: say yes, or cancel.");
  assert_int_equal(told.n, 0);
  assert_has(act(w, "commands", id, "prev", ""), "<field var='command'"); /* the form without fields is no step */
  act(w, "commands", id, NULL, SUBMIT(FIELD("command", "reset")));
  assert_string_equal(act(w, "commands", id, NULL, SUBMIT(FIELD("confirm", "1"))), "");
  assert_int_equal(told.command, 2);
  assert_has(device_says(w, 0, NULL), "speaker: Reset &amp; forget: Done");
  choose(w, "reset");
  act(w, "commands", id, NULL, SUBMIT(FIELD("confirm", "1")));
  assert_has(device_says(w, -EIO, "no"), "status='completed'><note type='error'>no</note>");
  adhoc_end(w);
}

static void test_who_may_command(TT_UNUSED void **state)
{
  struct world *w = begin();
  assert_has(start_at(w, READER, GATEWAY, "commands", id), "<forbidden");
  assert_has(start_at(w, READER, "speaker@" GATEWAY, "commands", id), "<forbidden");
  assert_has(start_at(w, GUEST, "speaker@" GATEWAY, "commands", id), "<error");
  assert_int_equal(told.n, 0);
  adhoc_end(w);
}

static void test_a_thing_that_goes(TT_UNUSED void **state)
{
  struct world *w = begin();
  choose(w, "seek");
  tt_tree_remove(tt_core_tree(w->core), tt_core_now(w->core),
                 tt_tree_find(tt_core_tree(w->core), "speaker", "", "")->id);
  assert_has(act(w, "commands", id, NULL, SUBMIT(FIELD("position", "1") FIELD("key", "x"))), "<item-not-found");
  assert_has(start_at(w, ALICE, GATEWAY, "commands", id), "There is nothing here that you could have done.");
  adhoc_end(w);
}

static void test_whoever_leaves_is_not_answered(TT_UNUSED void **state)
{
  struct world *w = begin();
  choose(w, "play");
  give(w, "<presence xmlns='jabber:client' type='unavailable' from='" ALICE "' to='" GATEWAY "'/>");
  assert_string_equal(device_says(w, 0, NULL), ""); /* it was done all the same */
  adhoc_end(w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_which),
      cmocka_unit_test(test_without_arguments),
      cmocka_unit_test(test_at_the_thing),
      cmocka_unit_test(test_arguments),
      cmocka_unit_test(test_a_field_that_was_not_in_the_form),
      cmocka_unit_test(test_confirm),
      cmocka_unit_test(test_who_may_command),
      cmocka_unit_test(test_a_thing_that_goes),
      cmocka_unit_test(test_whoever_leaves_is_not_answered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
