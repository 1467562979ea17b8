/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "seen.h"

#define S   TT_USEC_PER_SEC
#define NOW (UINT64_C(1700000000) * S)

static int take(struct http_seen *seen, unsigned number, uint64_t sent_us, uint64_t now_us)
{
  struct http_proof proof = {.sent_us = sent_us};
  memcpy(proof.signature, &number, sizeof number);
  return http_seen_take(seen, &proof, now_us, 300 * S);
}

static void test_once(void **state)
{
  struct http_seen seen = {0};
  (void)state;
  assert_int_equal(take(&seen, 1, NOW, NOW), 0);
  assert_int_equal(take(&seen, 1, NOW, NOW), -EALREADY);
  assert_int_equal(take(&seen, 2, NOW, NOW), 0);
  assert_int_equal(take(&seen, 1, NOW, NOW + 300 * S), -EALREADY);
  assert_int_equal(take(&seen, 1, NOW, NOW + 301 * S), -ESTALE);
  assert_int_equal(take(&seen, 1, NOW, NOW - 10 * S), -EALREADY); /* the clock was set back */
  http_seen_finish(&seen);
}

static void test_when(void **state)
{
  static const struct {
    uint64_t sent_us;
    int r;
  } rows[] = {{NOW - 300 * S, 0},       {NOW + 300 * S, 0}, {NOW - 301 * S, -ESTALE},
              {NOW + 301 * S, -ESTALE}, {0, -ESTALE},       {UINT64_MAX, -ESTALE}};
  struct http_seen seen = {0};
  (void)state;
  for (unsigned i = 0; i < TT_COUNT(rows); i++)
    assert_int_equal(take(&seen, i, rows[i].sent_us, NOW), rows[i].r);
  http_seen_finish(&seen);
}

static void test_limit(void **state)
{
  struct http_seen seen = {0};
  unsigned i = 0;
  (void)state;
  while (i < HTTP_SEEN_MAX)
    assert_int_equal(take(&seen, i++, NOW, NOW), 0);
  assert_int_equal(take(&seen, i, NOW, NOW), -ENOSPC); /* rather none than one twice */
  assert_int_equal(seen.capacity, HTTP_SEEN_MAX);
  assert_int_equal(take(&seen, i, NOW + 301 * S, NOW + 301 * S), 0);
  assert_int_equal(seen.n, 1);
  assert_int_equal(take(&seen, 0, NOW, NOW + 301 * S), -ESTALE);
  http_seen_finish(&seen);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_once),
      cmocka_unit_test(test_when),
      cmocka_unit_test(test_limit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
