/* SPDX-License-Identifier: Apache-2.0
 * test_util.c: gateway/base/util.c: arena, buffer, random. */
#include <thingtree/util.h>

#include "cmocka_all.h"

static void test_arena_is_zeroed_aligned_and_limited(void **state)
{
  (void)state;
  struct tt_arena *arena = tt_arena_create(100000);
  assert_non_null(arena);
  for (size_t i = 1; i < 200; i++) {
    unsigned char *p = tt_arena_alloc(arena, i);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 16, 0);
    for (size_t k = 0; k < i; k++)
      assert_int_equal(p[k], 0);
    memset(p, 0xff, i);
  }
  assert_int_equal(tt_arena_used(arena), 199 * 200 / 2);
  char *big = tt_arena_alloc(arena, 40000); /* larger than a chunk */
  assert_non_null(big);
  big[39999] = 'x';
  assert_null(tt_arena_alloc(arena, 50000));
  assert_null(tt_arena_alloc(arena, SIZE_MAX));
  assert_non_null(tt_arena_alloc(arena, 10));
  tt_arena_destroy(arena);
  tt_arena_destroy(NULL);
}

static void test_arena_texts(void **state)
{
  (void)state;
  struct tt_arena *arena = tt_arena_create(1000);
  assert_string_equal(tt_arena_printf(arena, "%s-%d", "a", 7), "a-7");
  assert_string_equal(tt_arena_strndup(arena, "abcdef", 3), "abc");
  assert_string_equal(tt_arena_strdup(arena, ""), "");
  assert_null(tt_arena_strdup(arena, NULL));
  tt_arena_destroy(arena);
}

static void test_buffer_grows_to_its_limit_and_can_go_back(void **state)
{
  (void)state;
  struct tt_buf buf TT_AUTOBUF = TT_BUF(300);
  for (int i = 0; i < 100; i++)
    tt_buf_puts(&buf, "abc");
  assert_int_equal(buf.len, 300);
  assert_false(buf.failed);
  tt_buf_putc(&buf, 'x');
  assert_true(buf.failed);
  tt_buf_puts(&buf, "ignored");
  assert_int_equal(buf.len, 300);
  tt_buf_truncate(&buf, 3);
  assert_string_equal(buf.data, "abc");
  tt_buf_printf(&buf, "%03d", 5);
  char *text = tt_buf_steal(&buf);
  assert_string_equal(text, "abc005");
  free(text);
  text = tt_buf_steal(&buf);
  assert_string_equal(text, "");
  free(text);
}

static void test_random_below_stays_below_and_reaches_all(void **state)
{
  (void)state;
  unsigned seen = 0;
  for (int i = 0; i < 1000; i++) {
    uint64_t n = tt_random_below(8);
    assert_true(n < 8);
    seen |= 1u << n;
  }
  assert_int_equal(seen, 0xff);
  assert_int_equal(tt_random_below(0), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_arena_is_zeroed_aligned_and_limited),
      cmocka_unit_test(test_arena_texts),
      cmocka_unit_test(test_buffer_grows_to_its_limit_and_can_go_back),
      cmocka_unit_test(test_random_below_stays_below_and_reaches_all),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
