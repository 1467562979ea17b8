/* SPDX-License-Identifier: Apache-2.0
 * What a hostile web server, event stream or sender of webhooks can send: the first byte chooses the reader, the next one
 * its options. */
#include "answer.h"
#include "maker.h"
#include "sender.h"
#include "sse.h"
#include "stamp.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever becomes a value can be printed and is text that XML can carry. */
static void check_value(struct tt_value *value)
{
  TT_AUTOBUF struct tt_buf out = TT_BUF(0);
  tt_value_print(value, &out);
  assert(!out.failed && tt_utf8_is_valid(out.data ? out.data : "", out.len));
  tt_value_finish(value);
}

static void fuzz_answer(uint8_t choice, const char *text, size_t n)
{
  static const char *const at[][4] = {{"", "/a", "/a/0", "/~1"},
                                      {"/a", "//b[@c]", "count(//*)", "string(//@*)"},
                                      {NULL, NULL, NULL, NULL},
                                      {"a", "2", "b c", "1000"}};
  static const char *const rows[] = {"first", "last", "2", "7"};
  struct http_read_address address = {.format = choice & 3,
                                      .at = at[choice & 3][choice >> 2 & 3],
                                      .csv = {.separator = choice & 16 ? "tab" : ",",
                                              .has_header = choice & 32 || !(choice & 4),
                                              .row = rows[choice >> 4 & 3]},
                                      .shape = {choice % 5, choice % 4},
                                      .time = {.at = at[choice & 3][1], .unit = choice % 3}};
  if (choice & 64 && address.csv.has_header)
    address.csv.where = "a", address.csv.is = "1";
  struct tt_point point = {.type = choice & 128 ? TT_TYPE_STRING : TT_TYPE_QUANTITY, .address = &address};
  struct http_body body = {.data = text, .size = n};
  struct tt_value value;
  char why[TT_PICK_WHY_SIZE];
  if (address.format == HTTP_CSV && tt_pick_csv_problem(&address.csv, address.at))
    return;
  if (http_answer_value(&body, &point, &value, why) == 0)
    check_value(&value);
  http_answer_stamp(&body, &point);
  address.push.at = "/a";
  if (http_push_value(&body, &point, &value, why) == 0)
    check_value(&value);
  struct http_expect expect = {"/a", "${value}"};
  http_answer_is_expected(&body, &expect, &TT_VALUE_INT64(1), why);
  http_body_finish(&body);
}

struct heard {
  size_t n, bytes;
};

static void on_event(void *user, const struct http_sse_event *event)
{
  struct heard *heard = user;
  assert(event->size <= HTTP_SSE_DATA_MAX && strlen(event->name) <= HTTP_SSE_NAME_MAX);
  heard->n++;
  heard->bytes += event->size;
}

/* In pieces and at once: the same. */
static void fuzz_sse(uint8_t choice, const char *text, size_t n)
{
  struct http_sse whole, pieces;
  struct heard a = {0}, b = {0};
  size_t step = choice % 16 + 1u;
  int r = 0;
  http_sse_init(&whole);
  http_sse_init(&pieces);
  int first = http_sse_feed(&whole, text, n, on_event, &a);
  for (size_t i = 0; r == 0 && i < n; i += step)
    r = http_sse_feed(&pieces, text + i, n - i < step ? n - i : step, on_event, &b);
  if (first == 0 && r == 0) {
    assert(a.n == b.n && a.bytes == b.bytes && !strcmp(whole.id, pieces.id) && whole.retry_us == pieces.retry_us);
    assert(!strpbrk(whole.id, "\r\n")); /* it becomes a header */
  }
  http_sse_finish(&whole);
  http_sse_finish(&pieces);
}

static void fuzz_headers(uint8_t choice, const char *text, size_t n)
{
  TT_AUTOFREE char *copy = strndup(text, n);
  TT_AUTOVALUE struct tt_value value = {0};
  const struct http_webhook hook = {
      .token = choice & 1 ? "t" : NULL, .hmac = choice & 2 ? "whsec_a2V5" : NULL, .scheme = choice / 4 % 3};
  uint8_t signature[HTTP_SIGNATURE_SIZE];
  uint64_t us;
  assert(copy);
  http_signature_parse(copy, signature);
  const struct http_claim claim = {.authorization = copy,
                                   .signature = copy,
                                   .id = "id",
                                   .time = choice & 128 ? copy : "1",
                                   .body = text,
                                   .size = n};
  struct http_proof proof;
  if (http_sender_is_right(&hook, &claim, &proof))
    assert(hook.token && !hook.hmac); /* nobody can guess a signature over itself */
  if (http_retry_after_parse(copy, UINT64_C(1700000000000000), &us) == 0)
    assert(us <= HTTP_RETRY_AFTER_MAX_US);
  http_date_parse(copy, &us);
  if (tt_value_text(TT_TYPE_STRING, copy, strlen(copy), &value) == 0)
    http_stamp_parse(&value, choice % 3, &us);
  tt_fetch_url_problem(copy);
  tt_fetch_is_same_host("http://device.lan/a", copy);
  char *origin = NULL;
  if (tt_fetch_origin(copy, &origin) == 0)
    free(origin);
}

static void fuzz_maker(uint8_t choice, const char *text, size_t n)
{
  struct http_told told = {0};
  if (http_maker_hear(choice % 4u, text, n, &told)) {
    assert(choice % 4u < 3 && told.vendor && told.n_facts <= HTTP_MAKER_FACTS_MAX);
    for (size_t i = 0; i < told.n_facts; i++)
      assert(*told.facts[i].value);
  }
  http_told_finish(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static void (*const readers[])(uint8_t choice, const char *text, size_t n) = {fuzz_answer, fuzz_sse, fuzz_headers,
                                                                                fuzz_maker};
  if (size >= 2)
    readers[data[0] % TT_COUNT(readers)](data[1], (const char *)data + 2, size - 2);
  return 0;
}
