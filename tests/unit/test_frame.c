/* SPDX-License-Identifier: Apache-2.0
 * frame.c: requests byte by byte, and that only the right answer is one. */
#include "cmocka_all.h"
#include "frame.h"

static void requests(void **state)
{
  (void)state;
  const struct {
    struct mb_request request;
    size_t n;
    uint8_t bytes[16];
  } rows[] = {
      {{17, 1, 0x0013, 37, NULL}, 6, {17, 1, 0, 0x13, 0, 37}},
      {{17, 2, 0x00c4, 22, NULL}, 6, {17, 2, 0, 0xc4, 0, 22}},
      {{17, 3, 0x006b, 3, NULL}, 6, {17, 3, 0, 0x6b, 0, 3}},
      {{17, 4, 0xffff, 1, NULL}, 6, {17, 4, 0xff, 0xff, 0, 1}},
      {{17, 5, 0x00ac, 1, (uint16_t[]){1}}, 6, {17, 5, 0, 0xac, 0xff, 0}},
      {{17, 5, 0x00ac, 1, (uint16_t[]){0}}, 6, {17, 5, 0, 0xac, 0, 0}},
      {{17, 6, 1, 1, (uint16_t[]){0x1203}}, 6, {17, 6, 0, 1, 0x12, 3}},
      {{17, 15, 0x13, 10, (uint16_t[]){1, 0, 1, 1, 0, 0, 1, 1, 1, 0}}, 9, {17, 15, 0, 0x13, 0, 10, 2, 0xcd, 1}},
      {{17, 16, 1, 2, (uint16_t[]){10, 0x102}}, 11, {17, 16, 0, 1, 0, 2, 4, 0, 10, 1, 2}},
      {{17, 22, 4, 1, (uint16_t[]){0xf2, 0x25}}, 8, {17, 22, 0, 4, 0, 0xf2, 0, 0x25}},
      {{17, 43, 3, MB_IDENTIFY_BASIC, NULL}, 5, {17, 43, 14, 1, 3}},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    uint8_t out[MB_FRAME_MAX];
    assert_int_equal(mb_frame_build(&rows[i].request, out), rows[i].n);
    assert_memory_equal(out, rows[i].bytes, rows[i].n);
  }
}

static void the_longest_write(void **state)
{
  (void)state;
  uint16_t words[MB_WRITE_REGISTERS_MAX] = {0};
  uint8_t out[MB_FRAME_MAX];
  struct mb_request request = {1, 16, 0, MB_WRITE_REGISTERS_MAX, words};
  assert_int_equal(mb_frame_build(&request, out), 7 + 2 * MB_WRITE_REGISTERS_MAX);
  assert_true(7 + 2 * MB_WRITE_REGISTERS_MAX <= MB_FRAME_MAX);
}

static void good_answers(void **state)
{
  (void)state;
  uint16_t words[16] = {0};
  const char *why = NULL;
  struct mb_request request = {17, 3, 0x6b, 2, NULL};
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 3, 4, 0xae, 0x41, 0x56, 0x52}, 7, words, &why), 0);
  assert_int_equal(words[0], 0xae41);
  assert_int_equal(words[1], 0x5652);
  request = (struct mb_request){17, 1, 0x13, 10, NULL};
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 1, 2, 0xcd, 1}, 5, words, &why), 0);
  const uint16_t bits[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0};
  assert_memory_equal(words, bits, sizeof bits);
  request = (struct mb_request){17, 6, 1, 1, (uint16_t[]){3}};
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 6, 0, 1, 0, 3}, 6, words, &why), 0);
  request = (struct mb_request){17, 16, 1, 2, (uint16_t[]){3, 4}};
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 16, 0, 1, 0, 2}, 6, words, &why), 0);
  for (int code = 1; code < 256; code++)
    assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 0x90, (uint8_t)code}, 3, words, &why), code);
  assert_null(why);
}

static void what_is_not_the_answer(void **state)
{
  (void)state;
  const struct mb_request read = {17, 3, 0x6b, 2, NULL}, write = {17, 6, 1, 1, (uint16_t[]){3}},
                          many = {17, 16, 1, 2, (uint16_t[]){3, 4}};
  const struct {
    const struct mb_request *request;
    size_t n;
    uint8_t bytes[10];
    const char *why;
  } rows[] = {
      {&read, 0, {0}, "it is too short"},
      {&read, 2, {17, 3}, "it is too short"},
      {&read, 7, {18, 3, 4, 1, 2, 3, 4}, "it is from another unit"},
      {&read, 7, {17, 4, 4, 1, 2, 3, 4}, "it has another function code"},
      {&read, 7, {17, 3, 2, 1, 2, 3, 4}, "it has another length"},
      {&read, 5, {17, 3, 2, 1, 2}, "it has another length"},
      {&read, 9, {17, 3, 6, 1, 2, 3, 4, 5, 6}, "it has another length"},
      {&read, 6, {17, 3, 4, 1, 2, 3}, "it has another length"},
      {&read, 3, {17, 0x84, 2}, "it has another function code"},
      {&read, 3, {17, 0x83, 0}, "its exception is not one"},
      {&read, 4, {17, 0x83, 2, 0}, "its exception is not one"},
      {&write, 6, {17, 6, 0, 2, 0, 3}, "it confirms another address or value"},
      {&write, 6, {17, 6, 0, 1, 0, 4}, "it confirms another address or value"},
      {&write, 5, {17, 6, 0, 1, 0}, "it has another length"},
      {&many, 6, {17, 16, 0, 1, 0, 3}, "it confirms another address or value"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    uint16_t words[4] = {7, 7, 7, 7};
    const char *why = NULL;
    assert_int_equal(mb_frame_check(rows[i].request, rows[i].bytes, rows[i].n, words, &why), -EBADMSG);
    assert_string_equal(why, rows[i].why);
    assert_int_equal(words[0], 7);
  }
}

static void tcp_headers(void **state)
{
  (void)state;
  uint8_t out[MB_TCP_HEADER];
  mb_tcp_header(0x1234, 6, out);
  assert_memory_equal(out, ((uint8_t[]){0x12, 0x34, 0, 0, 0, 6}), 6);
  uint8_t answer[] = {0x12, 0x34, 0, 0, 0, 5, 1, 3, 2, 0, 9};
  assert_int_equal(mb_tcp_check(0x1234, answer, sizeof answer), 0);
  assert_int_equal(mb_tcp_check(0x1233, answer, sizeof answer), -ESTALE);
  assert_int_equal(mb_tcp_check(0x1234, answer, sizeof answer - 1), -EBADMSG);
  assert_int_equal(mb_tcp_check(0x1234, answer, 7), -EBADMSG);
  answer[3] = 1;
  assert_int_equal(mb_tcp_check(0x1234, answer, sizeof answer), -EBADMSG);
}

static void what_may_follow_an_answer(void **state)
{
  (void)state;
  const uint8_t answer[] = {0x12, 0x34, 0, 0, 0, 5, 1, 3, 2, 0, 9};
  assert_true(mb_tcp_is_earlier(0x1234, answer, sizeof answer)); /* the same once more */
  assert_true(mb_tcp_is_earlier(0x1234 + MB_TCP_REMEMBERED, answer, sizeof answer));
  assert_false(mb_tcp_is_earlier(0x1235 + MB_TCP_REMEMBERED, answer, sizeof answer));
  assert_false(mb_tcp_is_earlier(0x1233, answer, sizeof answer)); /* not yet asked */
  assert_true(mb_tcp_is_earlier(3, (uint8_t[]){0xff, 0xfe, 0, 0, 0, 3}, 6));
  for (size_t n = 0; n < MB_TCP_HEADER; n++)
    assert_false(mb_tcp_is_earlier(0x1234, answer, n));
  for (size_t skipped = 1; skipped + MB_TCP_HEADER <= sizeof answer; skipped++)
    assert_false(mb_tcp_is_earlier(0x1234, answer + skipped, sizeof answer - skipped));
  assert_false(mb_tcp_is_earlier(0x1234, (uint8_t[]){0x12, 0x34, 0, 0, 0, 2}, 6));
  assert_false(mb_tcp_is_earlier(0x1234, (uint8_t[]){0x12, 0x34, 0, 0, 0, 255}, 6));
}

static void exceptions_in_words(void **state)
{
  (void)state;
  assert_string_equal(mb_exception_text(1), "illegal function");
  assert_string_equal(mb_exception_text(2), "illegal data address");
  assert_string_equal(mb_exception_text(6), "device busy");
  assert_string_equal(mb_exception_text(11), "no answer to the gateway from the device");
  assert_string_equal(mb_exception_text(12), "unknown exception");
  assert_string_equal(mb_exception_text(255), "unknown exception");
  for (int code = 1; code < 256; code++)
    assert_true(mb_exception_error(code) < 0);
  assert_int_equal(mb_exception_error(11), -ETIMEDOUT);
}

static void a_mask_is_confirmed_as_it_is(void **state TT_UNUSED)
{
  const struct mb_request request = {17, 22, 4, 1, (uint16_t[]){0xf2, 0x25}};
  uint16_t words[8];
  const char *why = NULL;
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 22, 0, 4, 0, 0xf2, 0, 0x25}, 8, words, &why), 0);
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 22, 0, 4, 0, 0xf2, 0, 0x24}, 8, words, &why), -EBADMSG);
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 22, 0, 4, 0, 0xf2}, 6, words, &why), -EBADMSG);
}

static void identifications(void **state TT_UNUSED)
{
  static const uint8_t answer[] = {17, 43, 14, 1, 1, 0xff, 2, 2, 0, 3, 'a', 'b', 'c', 1, 0};
  const struct mb_request request = {.unit = 17, .function = 43, .address = 0, .count = MB_IDENTIFY_BASIC};
  uint16_t words[300];
  char text[MB_OBJECT_MAX + 1];
  const char *why = NULL;
  int more = -2;
  for (size_t n = 0; n < sizeof answer; n++) { /* the length is known as soon as it can be */
    assert_true(mb_identify_need(answer, n) > n);
    assert_true(mb_identify_need(answer, n) <= sizeof answer);
  }
  assert_int_equal(mb_identify_need(answer, sizeof answer), sizeof answer);
  assert_int_equal(mb_frame_check(&request, answer, sizeof answer, words, &why), 0);
  assert_int_equal(mb_identify_find(words, 0, text, &more), 0);
  assert_string_equal(text, "abc");
  assert_int_equal(mb_identify_find(words, 1, text, &more), 0);
  assert_string_equal(text, "");
  assert_int_equal(mb_identify_find(words, 2, text, &more), -ENOENT);
  assert_int_equal(more, 2);
  assert_int_equal(mb_identify_need((uint8_t[]){17, 43, 13}, 3), 0);
  assert_int_equal(mb_identify_need((uint8_t[]){17, 3, 2}, 3), 0);
  assert_int_equal(mb_identify_need((uint8_t[]){17, 0xab}, 2), 3);
  assert_int_equal(mb_frame_check(&request, (uint8_t[]){17, 0xab, 1}, 3, words, &why), 1);
  assert_int_equal(mb_frame_check(&request, answer, sizeof answer - 1, words, &why), -EBADMSG);
  /* more than a frame can hold */
  assert_int_equal(mb_identify_need((uint8_t[]){17, 43, 14, 1, 1, 0, 0, 1, 0, 250}, 10), 0);
}

static void checksum(void **state TT_UNUSED)
{
  assert_int_equal(mb_crc((uint8_t[]){1, 3, 0, 0, 0, 1}, 6), 0x0a84); /* 84 0A on the line */
  assert_int_equal(mb_crc(NULL, 0), 0xffff);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(requests),
      cmocka_unit_test(the_longest_write),
      cmocka_unit_test(good_answers),
      cmocka_unit_test(what_is_not_the_answer),
      cmocka_unit_test(tcp_headers),
      cmocka_unit_test(what_may_follow_an_answer),
      cmocka_unit_test(exceptions_in_words),
      cmocka_unit_test(a_mask_is_confirmed_as_it_is),
      cmocka_unit_test(identifications),
      cmocka_unit_test(checksum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
