/* SPDX-License-Identifier: Apache-2.0 */
#include "cmocka_all.h"

#include "sse.h"

#include <stdio.h>

static char heard[4096];

static void on_event(void *user, const struct http_sse_event *event)
{
  (void)user;
  size_t n = strlen(heard);
  snprintf(heard + n, sizeof heard - n, "%s=%.*s;", event->name, (int)event->size, event->data);
}

/* The stream in one piece and byte by byte: the same events. */
static void check(const char *stream, const char *events, const char *id)
{
  for (int way = 0; way < 2; way++) {
    struct http_sse sse;
    heard[0] = 0;
    http_sse_init(&sse);
    for (size_t i = 0, n = strlen(stream), step = way ? 1 : n; i < n; i += step)
      assert_int_equal(http_sse_feed(&sse, stream + i, step, on_event, NULL), 0);
    assert_string_equal(heard, events);
    assert_string_equal(sse.id, id);
    http_sse_finish(&sse);
  }
}

static void test_streams(void **state)
{
  (void)state;
  check("data: a\n\n", "message=a;", "");
  check("data:a\r\n\r\ndata: b\r\rdata: c\n\n", "message=a;message=b;message=c;", "");
  check("\xEF\xBB\xBF"
        "data: a\n\n",
        "message=a;", "");
  check("\xEF\xBB"
        "data: a\n\ndata: b\n\n",
        "message=b;", ""); /* no mark, so no field */
  check("data: a\ndata\ndata:  b\n\n", "message=a\n\n b;", "");
  check("event: state\ndata: {}\n\ndata: x\n\n", "state={};message=x;", "");
  check("event: state\n\ndata: x\n\n", "message=x;", ""); /* without data it is none */
  check(": comment\n\ndata: a\n: more\n\n", "message=a;", "");
  check("id: 7\ndata: a\n\nid: 8\ndata: cut", "message=a;", "7"); /* not yet */
  check("id: 7\n\nid\n\n", "", "");
  check("id: 7\ndata: a\n\ndata: b\n\n", "message=a;message=b;", "7");
  check("unknown: a\ndata\n\n", "message=;", "");
  check("data: a", "", "");
}

static void test_retry(void **state)
{
  static const struct {
    const char *line;
    uint64_t us;
  } rows[] = {{"retry: 5000\n", 5000000},
              {"retry: x\n", 0},
              {"retry: 1x\n", 0},
              {"retry: 0\n", 1000000},
              {"retry: 999\n", 1000000},
              {"retry: -1\n", 0},
              {"retry: 99999999999\n", 600000000},
              {"retry:\n", 0},
              {"retry: 700000\n", 600000000}};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct http_sse sse;
    http_sse_init(&sse);
    assert_int_equal(http_sse_feed(&sse, rows[i].line, strlen(rows[i].line), on_event, NULL), 0);
    assert_int_equal(sse.retry_us, rows[i].us);
    http_sse_finish(&sse);
  }
}

static void test_limits(void **state)
{
  static char block[1000];
  static const char *const begins[] = {"data: ", ": "};
  (void)state;
  memset(block, 'x', sizeof block);
  for (size_t i = 0; i < TT_COUNT(begins); i++) { /* one endless line */
    struct http_sse sse;
    int r = 0;
    http_sse_init(&sse);
    http_sse_feed(&sse, begins[i], strlen(begins[i]), on_event, NULL);
    for (size_t n = 0; r == 0; n += sizeof block) {
      assert_true(n <= HTTP_SSE_LINE_MAX);
      r = http_sse_feed(&sse, block, sizeof block, on_event, NULL);
    }
    assert_int_equal(r, -EMSGSIZE);
    http_sse_finish(&sse);
  }
  struct http_sse sse; /* one endless event */
  int r = 0;
  http_sse_init(&sse);
  for (size_t n = 0; r == 0; n += 7) {
    assert_true(n <= 8 * HTTP_SSE_DATA_MAX);
    r = http_sse_feed(&sse, "data: xx\n", 9, on_event, NULL);
  }
  assert_int_equal(r, -EMSGSIZE);
  http_sse_finish(&sse);
  /* Ids and names that are too long are not kept. */
  TT_AUTOBUF struct tt_buf text = TT_BUF(0);
  tt_buf_puts(&text, "id: ");
  tt_buf_add(&text, block, HTTP_SSE_ID_MAX + 1);
  tt_buf_puts(&text, "\nevent: ");
  tt_buf_add(&text, block, HTTP_SSE_NAME_MAX + 1);
  tt_buf_puts(&text, "\ndata: a\n\n");
  check(text.data, "?=a;", "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_streams),
      cmocka_unit_test(test_retry),
      cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
