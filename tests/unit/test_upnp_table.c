/* SPDX-License-Identifier: Apache-2.0
 * table.c: announced devices, and how many of them. */
#include "cmocka_all.h"
#include "table.h"

#include <stdio.h>

#define S TT_USEC_PER_SEC

static struct up_sighting one(unsigned n, uint32_t sender)
{
  struct up_sighting s = {.is_alive = true, .sender = sender, .max_age_s = 1800};
  snprintf(s.udn, sizeof s.udn, "uuid:%u", n);
  snprintf(s.location, sizeof s.location, "http://10.0.0.1:5000/%u", n);
  snprintf(s.type, sizeof s.type, "urn:x:device:Light:1");
  return s;
}

static void comes_moves_and_goes(void **state)
{
  (void)state;
  struct up_table *table = up_table_create();
  struct up_sighting s = one(1, 1);
  assert_int_equal(up_table_alive(table, &s, false, 1 * S), UP_NEWS_NEW);
  assert_int_equal(up_table_alive(table, &s, false, 2 * S), UP_NEWS_AGAIN);
  snprintf(s.type, sizeof s.type, "urn:x:service:Switch:2");
  assert_int_equal(up_table_alive(table, &s, false, 2 * S), UP_NEWS_AGAIN);
  const struct up_seen *seen = up_table_find(table, "UUID:1");
  assert_non_null(seen);
  assert_true(up_seen_has(seen, "urn:x:device:Light:1") && up_seen_has(seen, "urn:x:service:Switch:1"));
  assert_false(up_seen_has(seen, "urn:x:service:Switch:3"));
  snprintf(s.location, sizeof s.location, "http://10.0.0.2:5000/");
  assert_int_equal(up_table_alive(table, &s, false, 3 * S), UP_NEWS_MOVED);
  s.sender = 2; /* somebody else says that it has gone */
  assert_false(up_table_leave(table, &s));
  s.sender = 1;
  assert_true(up_table_leave(table, &s));
  assert_null(up_table_find(table, "uuid:1"));
  assert_false(up_table_leave(table, &s));
  up_table_destroy(table);
}

static void time_goes_by(void **state)
{
  (void)state;
  struct up_table *table = up_table_create();
  struct up_sighting s = one(1, 1), brief = one(2, 1), endless = one(3, 1);
  char udn[UP_UDN_MAX + 1];
  brief.max_age_s = 1;
  endless.max_age_s = INT32_MAX;
  up_table_alive(table, &s, false, 0);
  up_table_alive(table, &brief, false, 0);
  up_table_alive(table, &endless, false, 0);
  assert_false(up_table_expire(table, (UP_MAX_AGE_MIN_S - 1) * S, udn));
  assert_true(up_table_expire(table, UP_MAX_AGE_MIN_S * S, udn));
  assert_string_equal(udn, "uuid:2");
  assert_true(up_table_expire(table, 1800 * S, udn));
  assert_string_equal(udn, "uuid:1");
  assert_false(up_table_expire(table, 1800 * S, udn));
  assert_true(up_table_expire(table, UP_MAX_AGE_MAX_S * S, udn));
  up_table_destroy(table);
}

static void ten_thousand(void **state)
{
  (void)state;
  struct up_table *table = up_table_create();
  struct up_sighting ours = one(100000, 77), type = one(1, 5);
  unsigned n_refused = 0;
  assert_int_equal(up_table_alive(table, &ours, false, 0), UP_NEWS_NEW);
  for (unsigned i = 0; i < 10000; i++) { /* one address */
    struct up_sighting s = one(i, 5);
    n_refused += up_table_alive(table, &s, false, 1 * S) == UP_NEWS_REFUSED;
  }
  assert_int_equal(up_table_count(table), 1 + UP_SEEN_PER_SENDER_MAX);
  assert_int_equal(n_refused, 10000 - UP_SEEN_PER_SENDER_MAX);
  for (unsigned i = 0; i < 10000; i++) { /* many */
    struct up_sighting s = one(20000 + i, 100 + i);
    up_table_alive(table, &s, false, 2 * S);
  }
  assert_int_equal(up_table_count(table), UP_SEEN_MAX);
  assert_non_null(up_table_find(table, ours.udn)); /* who was there first stays */
  /* One that is configured finds room: the one unheard for the longest time goes. */
  struct up_sighting wanted = one(200000, 5);
  up_table_alive(table, &ours, false, 3 * S);
  assert_int_equal(up_table_alive(table, &wanted, true, 3 * S), UP_NEWS_NEW);
  assert_int_equal(up_table_count(table), UP_SEEN_MAX);
  assert_non_null(up_table_find(table, ours.udn));
  for (unsigned i = 0; i < 100; i++) { /* types of one */
    snprintf(type.type, sizeof type.type, "urn:x:service:S%u:1", i);
    up_table_alive(table, &type, false, 3 * S);
  }
  const struct up_seen *seen = up_table_find(table, type.udn);
  assert_true(!seen || seen->n_types == UP_SEEN_TYPES_MAX);
  /* When their time is over there is room again. */
  struct up_sighting late = one(300000, 9);
  assert_int_equal(up_table_alive(table, &late, false, 4000 * S), UP_NEWS_NEW);
  assert_int_equal(up_table_count(table), 1);
  up_table_destroy(table);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comes_moves_and_goes),
      cmocka_unit_test(time_goes_by),
      cmocka_unit_test(ten_thousand),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
