/* SPDX-License-Identifier: Apache-2.0
 * Who is behind a nick, and how many of them are known. */
#include "cmocka_all.h"
#include "xmpp/room_people.h"

#include <stdio.h>

static void test_the_last_word_counts(TT_UNUSED void **state)
{
  struct tt_room_people *people = tt_room_people_create();
  assert_null(tt_room_people_find(people, "bob"));
  tt_room_people_set(people, "bob", "bob@house.test/phone");
  tt_room_people_set(people, "Bob", "eve@else.test/x");
  assert_string_equal(tt_room_people_find(people, "bob"), "bob@house.test/phone");
  assert_string_equal(tt_room_people_find(people, "Bob"), "eve@else.test/x");
  tt_room_people_set(people, "bob", "carol@house.test/x"); /* took over the nick */
  assert_string_equal(tt_room_people_find(people, "bob"), "carol@house.test/x");
  tt_room_people_set(people, "bob", NULL); /* gone, or hidden now */
  assert_null(tt_room_people_find(people, "bob"));
  tt_room_people_set(people, "nobody", NULL);
  assert_int_equal(tt_room_people_count(people), 1);
  tt_room_people_clear(people);
  assert_int_equal(tt_room_people_count(people), 0);
  tt_room_people_destroy(people);
  tt_room_people_destroy(NULL);
}

static void test_limits(TT_UNUSED void **state)
{
  struct tt_room_people *people = tt_room_people_create();
  char nick[20];
  for (int i = 0; i <= TT_ROOM_OCCUPANTS_MAX; i++) {
    snprintf(nick, sizeof(nick), "n%d", i);
    tt_room_people_set(people, nick, "a@b");
  }
  assert_int_equal(tt_room_people_count(people), TT_ROOM_OCCUPANTS_MAX);
  assert_null(tt_room_people_find(people, nick)); /* came last */
  tt_room_people_set(people, "n0", NULL);
  tt_room_people_set(people, nick, "a@b");
  assert_non_null(tt_room_people_find(people, nick));
  tt_room_people_clear(people);

  static char jid[3000];
  memset(jid, 'j', sizeof(jid) - 1);
  size_t room = TT_ROOM_PEOPLE_BYTES / (sizeof(jid) + 5);
  for (size_t i = 0; i <= room; i++) {
    snprintf(nick, sizeof(nick), "n%03zu", i);
    tt_room_people_set(people, nick, jid);
  }
  assert_int_equal(tt_room_people_count(people), room);
  tt_room_people_destroy(people);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_last_word_counts), cmocka_unit_test(test_limits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
