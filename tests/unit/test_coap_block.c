/* SPDX-License-Identifier: Apache-2.0
 * Block-wise transfer: blocks in order, of their size, up to the limit, and a peer that says otherwise. */
#include "block.h"

#include "cmocka_all.h"

static uint8_t data[CB_BODY_MAX + 2048];

static void test_options(void **state)
{
  static const struct {
    struct cb_block block;
    size_t n;
    uint8_t bytes[3];
  } cases[] = {
      {{0, false, 0}, 0, {0}},
      {{0, false, 6}, 1, {0x06}},
      {{1, true, 2}, 1, {0x1a}},
      {{100, false, 6}, 2, {0x06, 0x46}},
      {{CB_BLOCK_NUMBER_MAX, true, 6}, 3, {0xff, 0xff, 0xfe}},
  };
  struct cb_block block;
  uint8_t bytes[3];
  (void)state;
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    assert_int_equal(cb_block_encode(&cases[i].block, bytes), cases[i].n);
    assert_memory_equal(bytes, cases[i].bytes, cases[i].n);
    assert_int_equal(cb_block_decode(bytes, cases[i].n, &block), 0);
    assert_true(block.number == cases[i].block.number && block.is_more == cases[i].block.is_more &&
                block.szx == cases[i].block.szx);
  }
  assert_int_equal(cb_block_decode((uint8_t[]){7}, 1, &block), -EINVAL); /* reserved */
  assert_int_equal(cb_block_decode((uint8_t[]){0, 0, 0, 0}, 4, &block), -EINVAL);
  assert_int_equal(cb_block_szx(1024), 6);
  assert_int_equal(cb_block_szx(1023), 5);
  assert_int_equal(cb_block_szx(64), 2);
  assert_int_equal(cb_block_szx(1), 0);
}

static const char *why;

static enum cb_step take(struct cb_body *body, uint32_t number, bool is_more, uint8_t szx, char etag, size_t n)
{
  struct cb_block block = {number, is_more, szx};
  return cb_body_take(body, &block, (uint8_t *)&etag, etag != 0, data, n, &why);
}

static void test_receiving(void **state)
{
  struct cb_body body;
  (void)state;
  cb_body_init(&body);
  assert_int_equal(cb_body_take(&body, NULL, NULL, 0, data, 5, &why), CB_STEP_DONE);
  assert_int_equal(body.data.len, 5);
  cb_body_finish(&body);
  cb_body_init(&body);
  assert_int_equal(take(&body, 0, true, 2, 'a', 64), CB_STEP_MORE);
  assert_int_equal(cb_body_next(&body).number, 1);
  assert_int_equal(take(&body, 1, true, 2, 'a', 64), CB_STEP_MORE);
  /* It goes on with smaller blocks. */
  assert_int_equal(take(&body, 4, true, 1, 'a', 32), CB_STEP_MORE);
  assert_int_equal(cb_body_next(&body).number, 5);
  assert_int_equal(take(&body, 5, false, 1, 'a', 3), CB_STEP_DONE);
  assert_int_equal(body.data.len, 64 + 64 + 32 + 3);
  cb_body_finish(&body);
}

static void test_a_body_that_changes(void **state)
{
  struct cb_body body;
  (void)state;
  cb_body_init(&body);
  assert_int_equal(take(&body, 0, true, 0, 'a', 16), CB_STEP_MORE);
  assert_int_equal(take(&body, 1, true, 0, 'b', 16), CB_STEP_AGAIN);
  assert_int_equal(body.data.len, 0);
  assert_int_equal(take(&body, 0, true, 0, 'b', 16), CB_STEP_MORE);
  assert_int_equal(take(&body, 1, true, 0, 'c', 16), CB_STEP_FAIL); /* once is enough */
  assert_string_equal(why, "what it sends changes all the time");
  cb_body_finish(&body);
}

static void test_blocks_that_cannot_be(void **state)
{
  struct cb_body body;
  (void)state;
  cb_body_init(&body);
  assert_int_equal(take(&body, 1, true, 0, 0, 16), CB_STEP_FAIL);
  assert_string_equal(why, "a block is not the one that was asked for");
  assert_int_equal(take(&body, 0, true, 0, 0, 15), CB_STEP_FAIL);
  assert_string_equal(why, "a block has not the size that it says");
  assert_int_equal(take(&body, 0, false, 0, 0, 17), CB_STEP_FAIL);
  assert_int_equal(take(&body, CB_BLOCK_NUMBER_MAX, true, 6, 0, 1024), CB_STEP_FAIL);
  assert_int_equal(take(&body, 0, true, 0, 0, 16), CB_STEP_MORE);
  assert_int_equal(take(&body, 0, true, 0, 0, 16), CB_STEP_FAIL); /* the same again */
  cb_body_finish(&body);
}

static void test_the_limit(void **state)
{
  struct cb_body body;
  enum cb_step step = CB_STEP_MORE;
  (void)state;
  cb_body_init(&body);
  for (uint32_t i = 0; i < 64; i++)
    step = take(&body, i, i < 63, 6, 0, 1024);
  assert_int_equal(step, CB_STEP_DONE);
  assert_int_equal(body.data.len, CB_BODY_MAX);
  cb_body_finish(&body);
  cb_body_init(&body);
  step = CB_STEP_MORE;
  uint32_t n = 0;
  while (step == CB_STEP_MORE)
    step = take(&body, n++, true, 6, 0, 1024);
  assert_int_equal(step, CB_STEP_FAIL);
  assert_int_equal(n, 64);
  assert_string_equal(why, "the body is larger than 64 KiB");
  cb_body_finish(&body);
  cb_body_init(&body);
  assert_int_equal(cb_body_take(&body, NULL, NULL, 0, data, CB_BODY_MAX + 1, &why), CB_STEP_FAIL);
  cb_body_finish(&body);
}

#define CONTINUE  (2 << 5 | 31)
#define CHANGED   (2 << 5 | 4)
#define TOO_LARGE (4 << 5 | 13)

static void test_sending(void **state)
{
  struct cb_upload upload = {.data = data, .size = 150, .szx = 2};
  const uint8_t *piece;
  size_t n;
  (void)state;
  assert_true(cb_upload_is_blockwise(&upload));
  struct cb_block block = cb_upload_piece(&upload, &piece, &n);
  assert_true(block.number == 0 && block.is_more && block.szx == 2 && n == 64);
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_MORE);
  /* It acknowledges with smaller blocks for the rest. */
  block = cb_upload_piece(&upload, &piece, &n);
  assert_true(block.number == 1 && piece == data + 64);
  block.szx = 1;
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_MORE);
  block = cb_upload_piece(&upload, &piece, &n);
  assert_true(block.number == 4 && !block.is_more && n == 22 && piece == data + 128);
  assert_int_equal(cb_upload_take(&upload, CHANGED, &block, &why), CB_STEP_DONE);
}

static void test_a_peer_with_small_blocks(void **state)
{
  struct cb_upload upload = {.data = data, .size = 150, .szx = 6};
  struct cb_block smaller = {0, false, 1};
  (void)state;
  assert_false(cb_upload_is_blockwise(&upload));
  upload.size = 2000;
  assert_true(cb_upload_is_blockwise(&upload));
  assert_int_equal(cb_upload_take(&upload, TOO_LARGE, &smaller, &why), CB_STEP_AGAIN);
  assert_int_equal(upload.szx, 1);
  assert_int_equal(cb_upload_take(&upload, TOO_LARGE, &smaller, &why), CB_STEP_DONE); /* no smaller than before */
  assert_int_equal(cb_upload_take(&upload, TOO_LARGE, NULL, &why), CB_STEP_DONE);
}

static void test_answers_that_cannot_be(void **state)
{
  struct cb_upload upload = {.data = data, .size = 100, .szx = 2};
  struct cb_block block = {1, true, 2};
  (void)state;
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_FAIL);
  assert_string_equal(why, "it acknowledges a block that was not sent");
  assert_int_equal(cb_upload_take(&upload, CONTINUE, NULL, &why), CB_STEP_FAIL);
  block = (struct cb_block){0, true, 3};
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_FAIL);
  block = (struct cb_block){0, true, 2};
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_MORE);
  block = (struct cb_block){1, false, 2};
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_FAIL);
  assert_string_equal(why, "it asks for more than there is");
  upload.at = 0; /* with 2.04 it says that it has done something, and has not heard what */
  assert_int_equal(cb_upload_take(&upload, CHANGED, &(struct cb_block){0, false, 2}, &why), CB_STEP_FAIL);
  assert_int_equal(cb_upload_take(&upload, CHANGED, NULL, &why), CB_STEP_FAIL);
  assert_string_equal(why, "it obeys before it has heard all");
  assert_int_equal(cb_upload_take(&upload, 4 << 5, NULL, &why), CB_STEP_DONE); /* refused: no more is needed */
}

static void test_what_came_twice(void **state)
{
  struct cb_upload upload = {.data = data, .size = 150, .szx = 2};
  struct cb_block block = {0, true, 2};
  struct cb_body body;
  (void)state;
  assert_false(cb_upload_is_old(&upload, &block));
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_MORE);
  assert_true(cb_upload_is_old(&upload, &block));
  block = (struct cb_block){1, true, 0}; /* smaller ones from here on: numbers of 64 up to now, then of 16 */
  assert_false(cb_upload_is_old(&upload, &block));
  assert_int_equal(cb_upload_take(&upload, CONTINUE, &block, &why), CB_STEP_MORE);
  assert_true(cb_upload_is_old(&upload, &block));
  block.number = 8;
  assert_false(cb_upload_is_old(&upload, &block));
  cb_body_init(&body);
  assert_int_equal(take(&body, 0, true, 2, 0, 64), CB_STEP_MORE);
  assert_true(cb_body_is_old(&body, &(struct cb_block){0, true, 2}));
  assert_true(cb_body_is_old(&body, &(struct cb_block){3, true, 0}));
  assert_false(cb_body_is_old(&body, &(struct cb_block){1, true, 2}));
  cb_body_finish(&body);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options),
      cmocka_unit_test(test_receiving),
      cmocka_unit_test(test_a_body_that_changes),
      cmocka_unit_test(test_blocks_that_cannot_be),
      cmocka_unit_test(test_the_limit),
      cmocka_unit_test(test_sending),
      cmocka_unit_test(test_a_peer_with_small_blocks),
      cmocka_unit_test(test_answers_that_cannot_be),
      cmocka_unit_test(test_what_came_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
