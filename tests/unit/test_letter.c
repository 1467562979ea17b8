/* SPDX-License-Identifier: Apache-2.0
 * letter.c: what the daemon and the process of a bridge say, there and back, and what must not be accepted. */
#include "bridge/letter.h"

#include "cmocka_all.h"

#include <stdio.h>

static const uint16_t points[] = {0, 7, TT_POINTS_MAX - 1};
static const struct tt_fact facts[] = {{"rt", "oic.r"}, {"if", NULL}};
static const struct tt_candidate candidate = {
    .id = "one", .model = "M", .facts = facts, .n_facts = TT_COUNT(facts)};
static char text_value[] = "on";

static const struct tt_value values[] = {{.type = TT_TYPE_INT64, .int64 = -4},
                                         {.type = TT_TYPE_STRING, .text = text_value}};

static const struct tt_letter letters[] = {
    {.type = TT_FRAME_HELLO, .number = TT_BRIDGE_ABI, .text = "1.2"},
    {.type = TT_FRAME_CONFIG, .blob = "\0\1\2", .blob_size = 3},
    {.type = TT_FRAME_ATTACH, .id = 9, .blob = "x", .blob_size = 1},
    {.type = TT_FRAME_DETACH, .id = 9},
    {.type = TT_FRAME_READ, .id = UINT64_MAX, .device = 3, .time_us = 17, .points = points, .n_points = 3},
    {.type = TT_FRAME_WRITE,
     .id = 5,
     .device = 3,
     .time_us = 17,
     .point = 2,
     .value = {.type = TT_TYPE_INT64, .int64 = -4}},
    {.type = TT_FRAME_DISCOVER, .id = 5, .time_us = TT_NEVER},
    {.type = TT_FRAME_COMMAND, .id = 5, .device = 3, .time_us = 17, .point = 4},
    {.type = TT_FRAME_COMMAND, .id = 5, .device = 3, .point = 4, .values = values, .n_values = 2},
    {.type = TT_FRAME_PING},
    {.type = TT_FRAME_STOP},
    {.type = TT_FRAME_READY, .number = 3},
    {.type = TT_FRAME_FAILED, .text = "why"},
    {.type = TT_FRAME_STATE, .number = TT_LINK_OFFLINE, .text = ""},
    {.type = TT_FRAME_ATTACHED, .id = 9, .error = -EINVAL},
    {.type = TT_FRAME_DETACHED, .id = 9},
    {.type = TT_FRAME_LINK, .id = 9, .number = TT_LINK_ONLINE},
    {.type = TT_FRAME_REPORT,
     .id = 9,
     .point = 1,
     .number = 1,
     .time_us = 8,
     .value = {.type = TT_TYPE_STRING, .text = text_value}},
    {.type = TT_FRAME_MISSING, .id = 9, .point = 1},
    {.type = TT_FRAME_ERROR, .id = 9, .point = 1, .text = "no"},
    {.type = TT_FRAME_DONE, .id = 5, .error = -EIO, .text = "no"},
    {.type = TT_FRAME_CANDIDATE, .id = 5, .candidate = &candidate},
    {.type = TT_FRAME_DESCRIBE, .id = 9, .blob = "{}", .blob_size = 2},
    {.type = TT_FRAME_PROBE, .id = 9, .point = TT_NO_POINT, .text = "raw"},
    {.type = TT_FRAME_LOG, .number = TT_LOG_DEBUG, .text = "line"},
    {.type = TT_FRAME_PONG, .number = UINT64_MAX},
    {.type = TT_FRAME_STOPPED},
};

static void expect_text(const char *a, const char *b)
{
  if (a && b)
    assert_string_equal(a, b);
  else
    assert_true(a == b);
}

static void expect_same(const struct tt_letter *a, const struct tt_letter *b)
{
  assert_int_equal(a->type, b->type);
  assert_true(a->id == b->id && a->device == b->device && a->number == b->number && a->time_us == b->time_us);
  assert_true(a->error == b->error && a->point == b->point);
  expect_text(a->text, b->text);
  assert_int_equal(a->value.type, b->value.type);
  assert_true(a->value.type == TT_TYPE_NONE || tt_value_equals(&a->value, &b->value));
  assert_int_equal(a->blob_size, b->blob_size);
  if (a->blob_size)
    assert_memory_equal(a->blob, b->blob, a->blob_size);
  assert_int_equal(a->n_points, b->n_points);
  if (a->n_points)
    assert_memory_equal(a->points, b->points, a->n_points * sizeof(a->points[0]));
}

static int take(struct tt_frame *frame, struct tt_letter *ret)
{
  *ret = (struct tt_letter){0};
  return tt_letter_take(frame, ret);
}

static void test_there_and_back(void **state TT_UNUSED)
{
  for (size_t i = 0; i < TT_COUNT(letters); i++) {
    struct tt_buf body TT_AUTOBUF = TT_BUF(0);
    struct tt_letter back TT_AUTOLETTER = {0};
    tt_letter_put(&letters[i], &body);
    struct tt_frame frame = {letters[i].type, letters[i].id, (unsigned char *)body.data, body.len};
    if (take(&frame, &back) != 0)
      fail_msg("letter %zu was not taken", i);
    expect_same(&back, &letters[i]);
  }
}

/* Cut anywhere, or with something after it, it is not one; but for those that end with whatever there is. */
static void test_cut_and_lengthened(void **state TT_UNUSED)
{
  for (size_t i = 0; i < TT_COUNT(letters); i++) {
    struct tt_buf body TT_AUTOBUF = TT_BUF(0);
    struct tt_letter back;
    if (letters[i].blob)
      continue;
    tt_letter_put(&letters[i], &body);
    struct tt_frame frame = {letters[i].type, letters[i].id, (unsigned char *)body.data, 0};
    for (; frame.size < body.len; frame.size++)
      assert_int_equal(take(&frame, &back), -EBADMSG);
    tt_buf_putc(&body, 0);
    frame.data = (unsigned char *)body.data;
    frame.size = body.len;
    assert_int_equal(take(&frame, &back), -EBADMSG);
  }
}

static void test_candidates(void **state TT_UNUSED)
{
  struct tt_buf body TT_AUTOBUF = TT_BUF(0);
  struct tt_letter back TT_AUTOLETTER = {0};
  char *longer TT_AUTOFREE = malloc(3 * TT_FRAME_MAX);
  memset(longer, 'x', 3 * TT_FRAME_MAX - 1);
  longer[3 * TT_FRAME_MAX - 1] = 0;
  struct tt_fact many[TT_CANDIDATE_FACTS_MAX + 5];
  for (size_t i = 0; i < TT_COUNT(many); i++)
    many[i] = (struct tt_fact){"name", longer};
  struct tt_candidate large = {.id = longer, .vendor = "V", .facts = many, .n_facts = TT_COUNT(many)};
  tt_letter_put(&(struct tt_letter){.type = TT_FRAME_CANDIDATE, .candidate = &large}, &body);
  assert_true(body.len < TT_FRAME_MAX); /* however much a bridge says */
  struct tt_frame frame = {TT_FRAME_CANDIDATE, 1, (unsigned char *)body.data, body.len};
  assert_int_equal(tt_letter_take(&frame, &back), 0);
  assert_string_equal(back.candidate->vendor, "V");
  assert_null(back.candidate->name);
  assert_int_equal(back.candidate->n_facts, TT_CANDIDATE_FACTS_MAX);
  assert_int_equal(strlen(back.candidate->id), TT_CANDIDATE_TEXT_MAX + 1); /* the host sees that it is too long */
}

static void expect_bad(unsigned type, const char *bytes, size_t n)
{
  struct tt_letter back;
  struct tt_frame frame = {type, 1, (const unsigned char *)bytes, n};
  assert_int_equal(take(&frame, &back), -EBADMSG);
}

static void test_out_of_range(void **state TT_UNUSED)
{
  expect_bad(0, "", 0);
  expect_bad(63, "", 0);
  expect_bad(TT_FRAME_STOPPED + 1, "", 0);
  expect_bad(UINT16_MAX, "", 0);
  expect_bad(TT_FRAME_STATE, "\x03\x01", 2);                  /* no such state */
  expect_bad(TT_FRAME_LOG, "\x04\x01", 2);                    /* no such level */
  expect_bad(TT_FRAME_REPORT, "\x00\x02\x00\x00", 4);         /* no such flag */
  expect_bad(TT_FRAME_REPORT, "\x80\x80\x04\x00\x00\x00", 6); /* point 65536 */
  expect_bad(TT_FRAME_REPORT, "\x00\x00\x00\x0b", 4);         /* no such type */
  expect_bad(TT_FRAME_READ, "\x01\x00\x00", 3);               /* no points */
  expect_bad(TT_FRAME_READ, "\x01\x00\xd1\x0f\x00", 5);       /* 2001, and not there */
  expect_bad(TT_FRAME_DONE, "\x80\x80\x80\x80\x10\x00", 6);   /* an error of 2^32 */
}

static void test_texts_are_cleaned(void **state TT_UNUSED)
{
  struct tt_buf body TT_AUTOBUF = TT_BUF(0);
  struct tt_letter back TT_AUTOLETTER = {0};
  char text[2 * TT_HOST_TEXT_MAX];
  memset(text, 'x', sizeof(text) - 1);
  memcpy(text, "a\xff\n\x1b[", 5);
  text[sizeof(text) - 1] = 0;
  tt_letter_put(&(struct tt_letter){.type = TT_FRAME_FAILED, .text = text}, &body);
  struct tt_frame frame = {TT_FRAME_FAILED, 0, (unsigned char *)body.data, body.len};
  assert_int_equal(tt_letter_take(&frame, &back), 0);
  assert_true(strlen(back.text) < TT_HOST_TEXT_MAX);
  assert_true(tt_utf8_is_valid(back.text, strlen(back.text)));
  assert_null(strpbrk(back.text, "\n\x1b"));
}

static void test_frames(void **state TT_UNUSED)
{
  unsigned char bytes[TT_FRAME_HEAD + 5 + TT_FRAME_HEAD];
  struct tt_frame frame;
  size_t used = 0;
  tt_frame_head(bytes, TT_FRAME_LOG, 0x0102030405060708, 5);
  memcpy(bytes + TT_FRAME_HEAD, "hello", 5);
  tt_frame_head(bytes + TT_FRAME_HEAD + 5, TT_FRAME_PING, 0, 0);
  assert_int_equal(bytes[0], 5); /* little-endian everywhere */
  assert_int_equal(bytes[6], 8);
  for (size_t n = 0; n < TT_FRAME_HEAD + 5; n++)
    assert_int_equal(tt_frame_take(bytes, n, &frame, &used), 0);
  assert_int_equal(tt_frame_take(bytes, sizeof(bytes), &frame, &used), 1);
  assert_int_equal(used, TT_FRAME_HEAD + 5);
  assert_true(frame.type == TT_FRAME_LOG && frame.id == 0x0102030405060708 && frame.size == 5);
  assert_memory_equal(frame.data, "hello", 5);
  assert_int_equal(tt_frame_take(bytes + used, sizeof(bytes) - used, &frame, &used), 1);
  assert_int_equal(frame.type, TT_FRAME_PING);
  tt_frame_head(bytes, TT_FRAME_LOG, 0, TT_FRAME_MAX);
  assert_int_equal(tt_frame_take(bytes, sizeof(bytes), &frame, &used), 0);
  tt_frame_head(bytes, TT_FRAME_LOG, 0, TT_FRAME_MAX + 1); /* known as soon as the head is there */
  assert_int_equal(tt_frame_take(bytes, TT_FRAME_HEAD, &frame, &used), -EBADMSG);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),    cmocka_unit_test(test_cut_and_lengthened),
      cmocka_unit_test(test_candidates),        cmocka_unit_test(test_out_of_range),
      cmocka_unit_test(test_texts_are_cleaned), cmocka_unit_test(test_frames),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
