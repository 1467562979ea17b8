/* SPDX-License-Identifier: Apache-2.0
 * Turns: one clock reading, several events, an end after each, and a wake-up when asked for. */
#include "service/loop.h"

#include <systemd/sd-event.h>

#include "cmocka_all.h"

struct world {
  sd_event *event;
  uint64_t turn_us; /* of the turn that runs */
  unsigned begun, ended, events, events_at_end;
  uint64_t due_in_us;     /* what end() asks for; 0: nothing */
  unsigned stop_at_begun; /* 0: never */
  uint64_t late_us;
};

static void begin(void *user, struct tt_now now)
{
  struct world *w = user;
  assert_int_equal(w->begun, w->ended); /* never nested */
  w->begun++;
  if (w->due_in_us && w->turn_us)
    w->late_us = now.mono_us - w->turn_us - w->due_in_us;
  w->turn_us = now.mono_us;
  assert_true(now.wall_us > UINT64_C(1700000000) * TT_USEC_PER_SEC);
  if (w->begun == w->stop_at_begun)
    sd_event_exit(w->event, 7);
}

static uint64_t end(void *user, struct tt_now now)
{
  struct world *w = user;
  w->ended++;
  w->events_at_end = w->events;
  return w->due_in_us ? now.mono_us + w->due_in_us : TT_NEVER;
}

static int on_event(sd_event_source *source, void *user)
{
  struct world *w = user;
  (void)source;
  w->events++;
  return 0;
}

static int on_last(sd_event_source *source, void *user)
{
  (void)source;
  return sd_event_exit(((struct world *)user)->event, 0);
}

static void test_what_is_ready_shares_a_turn(void **state)
{
  struct world w = {0};
  (void)state;
  assert_true(sd_event_new(&w.event) >= 0);
  for (int i = 0; i < 10; i++)
    assert_true(sd_event_add_defer(w.event, NULL, on_event, &w) >= 0);
  sd_event_source *last;
  assert_true(sd_event_add_defer(w.event, &last, on_last, &w) >= 0);
  sd_event_source_set_priority(last, SD_EVENT_PRIORITY_IDLE);
  struct tt_loop_hooks hooks = {&w, begin, end};
  assert_int_equal(tt_loop_run(w.event, &hooks), 0);
  assert_int_equal(w.events, 10);
  assert_int_equal(w.begun, w.ended);
  assert_in_range(w.begun, 1, 5); /* not one turn an event */
  assert_int_equal(w.events_at_end, 10);
  sd_event_source_unref(last);
  sd_event_unref(w.event);
}

static int on_always(sd_event_source *source, void *user)
{
  struct world *w = user;
  (void)source;
  if (++w->events == 1000)
    sd_event_exit(w->event, 0);
  return 0;
}

static void test_a_busy_loop_still_ends_its_turns(void **state)
{
  struct world w = {0};
  sd_event_source *always;
  (void)state;
  assert_true(sd_event_new(&w.event) >= 0);
  assert_true(sd_event_add_defer(w.event, &always, on_always, &w) >= 0);
  sd_event_source_set_enabled(always, SD_EVENT_ON);
  struct tt_loop_hooks hooks = {&w, begin, end};
  assert_int_equal(tt_loop_run(w.event, &hooks), 0);
  assert_true(w.ended >= 1000 / TT_LOOP_TURN_EVENTS);
  sd_event_source_unref(always);
  sd_event_unref(w.event);
}

static void test_due_begins_a_turn_and_the_exit_code_comes_back(void **state)
{
  struct world w = {.due_in_us = 2000, .stop_at_begun = 6};
  (void)state;
  assert_true(sd_event_new(&w.event) >= 0);
  struct tt_loop_hooks hooks = {&w, begin, end};
  assert_int_equal(tt_loop_run(w.event, &hooks), 7);
  assert_int_equal(w.begun, w.ended);
  assert_true(w.late_us < TT_USEC_PER_SEC); /* a loaded machine is late, the default accuracy would be always */
  sd_event_unref(w.event);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_ready_shares_a_turn),
      cmocka_unit_test(test_a_busy_loop_still_ends_its_turns),
      cmocka_unit_test(test_due_begins_a_turn_and_the_exit_code_comes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
