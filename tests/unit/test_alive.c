/* SPDX-License-Identifier: Apache-2.0
 * When a stream is pinged, and when it is dead. */
#include "xmpp/alive.h"

#include "cmocka_all.h"

static void test_silence(void **state)
{
  (void)state;
  struct tt_alive alive = {.times = {.ping_every_us = 100, .ping_answer_us = 30}};
  uint64_t due = 0;
  tt_alive_heard(&alive, 1000);
  assert_int_equal(tt_alive_next(&alive, 1000, &due), TT_ALIVE_WAIT);
  assert_int_equal(due, 1100);
  tt_alive_heard(&alive, 1050);
  assert_int_equal(tt_alive_next(&alive, 1100, &due), TT_ALIVE_WAIT);
  assert_int_equal(due, 1150);
  assert_int_equal(tt_alive_next(&alive, 1150, &due), TT_ALIVE_PING);
  assert_int_equal(due, 1180);
  tt_alive_heard(&alive, 1170); /* the answer, or anything else */
  assert_int_equal(tt_alive_next(&alive, 1180, &due), TT_ALIVE_WAIT);
  assert_int_equal(due, 1270);
  assert_int_equal(tt_alive_next(&alive, 1300, &due), TT_ALIVE_PING);
  assert_int_equal(tt_alive_next(&alive, 1330, &due), TT_ALIVE_DEAD);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_silence)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
