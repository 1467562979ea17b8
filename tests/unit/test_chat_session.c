/* SPDX-License-Identifier: Apache-2.0
 * What is remembered of conversations: how many, how long. */
#include "cmocka_all.h"

#include "chat/session.h"

#include <stdio.h>

static void bounded(void **state)
{
  (void)state;
  struct tt_chat_sessions *sessions = tt_chat_sessions_create();
  char name[32];
  for (unsigned i = 0; i < TT_CHAT_SESSIONS_MAX + 1; i++) {
    snprintf(name, sizeof(name), "person%u", i);
    tt_chat_sessions_get(sessions, name, i)->place = i + 1;
    tt_chat_sessions_get(sessions, "person1", i)->place = 7; /* stays in use */
  }
  assert_int_equal(tt_chat_sessions_count(sessions), TT_CHAT_SESSIONS_MAX);
  assert_int_equal(tt_chat_sessions_get(sessions, "person1", 2000)->place, 7);
  assert_int_equal(tt_chat_sessions_get(sessions, "person0", 2000)->place, 0); /* made room */
  tt_chat_sessions_destroy(sessions);
}

static void idle(void **state)
{
  (void)state;
  struct tt_chat_sessions *sessions = tt_chat_sessions_create();
  tt_chat_sessions_get(sessions, "a", 0)->place = 1;
  assert_int_equal(tt_chat_sessions_get(sessions, "a", TT_CHAT_IDLE_US - 1)->place, 1);
  assert_int_equal(tt_chat_sessions_get(sessions, "a", 2 * TT_CHAT_IDLE_US - 1)->place, 0);
  tt_chat_sessions_get(sessions, "b", 4 * TT_CHAT_IDLE_US);
  assert_int_equal(tt_chat_sessions_count(sessions), 1);
  tt_chat_sessions_destroy(sessions);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(bounded), cmocka_unit_test(idle)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
