/* SPDX-License-Identifier: Apache-2.0
 * Token buckets: burst, rate, one per key, and how many keys are remembered. */
#include "trust/bucket.h"

#include <stdio.h>

#include "cmocka_all.h"

#define S TT_USEC_PER_SEC

static int take(struct tt_buckets *buckets, const char *key, uint64_t mono_us, int tries)
{
  int n = 0;
  for (int i = 0; i < tries; i++)
    n += tt_buckets_take(buckets, key, mono_us);
  return n;
}

static void test_burst_and_rate(void **state)
{
  (void)state;
  struct tt_buckets *buckets = tt_buckets_create(5, 20, 10);
  assert_int_equal(take(buckets, "a", 100 * S, 50), 20);
  assert_int_equal(take(buckets, "a", 100 * S + S / 10, 50), 0); /* half a token */
  assert_int_equal(take(buckets, "a", 100 * S + S / 5, 50), 1);
  assert_int_equal(take(buckets, "a", 102 * S + S / 5, 50), 10);
  assert_int_equal(take(buckets, "a", 10000 * S, 50), 20); /* it never holds more than the burst */
  assert_int_equal(take(buckets, "a", 9000 * S, 50), 0);   /* a clock that goes back gives nothing */
  tt_buckets_destroy(buckets);
}

static void test_keys_are_apart(void **state)
{
  (void)state;
  struct tt_buckets *buckets = tt_buckets_create(1, 2, 10);
  assert_int_equal(take(buckets, "a", S, 5), 2);
  assert_int_equal(take(buckets, "b", S, 5), 2);
  assert_int_equal(take(buckets, "a", S, 5), 0);
  tt_buckets_destroy(buckets);
}

static void test_the_least_recently_used_makes_room(void **state)
{
  (void)state;
  struct tt_buckets *buckets = tt_buckets_create(1, 2, 3);
  take(buckets, "a", S, 5);
  take(buckets, "b", S, 5);
  take(buckets, "c", S, 5);
  take(buckets, "a", S, 1);
  take(buckets, "d", S, 1);                      /* b is forgotten */
  assert_int_equal(take(buckets, "a", S, 5), 0); /* a is not */
  assert_int_equal(take(buckets, "b", S, 5), 2);
  for (int i = 0; i < 10000; i++) {
    char key[20];
    snprintf(key, sizeof(key), "k%d", i);
    assert_true(tt_buckets_take(buckets, key, S));
  }
  tt_buckets_destroy(buckets);
  tt_buckets_destroy(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_burst_and_rate),
      cmocka_unit_test(test_keys_are_apart),
      cmocka_unit_test(test_the_least_recently_used_makes_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
