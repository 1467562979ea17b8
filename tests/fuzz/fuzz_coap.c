/* SPDX-License-Identifier: Apache-2.0
 * What a CoAP device may send: messages, link formats, CBOR, SenML in both forms, payloads at a place, block options and
 * blocks; and URIs. The first byte chooses. Nothing crashes, nothing grows beyond its limit, and what is said holds together. */
#include "block.h"
#include "common/pick_cbor.h"
#include "link_format.h"
#include "message.h"
#include "offer.h"
#include "payload.h"
#include "uri.h"

#include <assert.h>
#include <json-c/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that the host takes, and what mappings need is always there. */
static void on_offer(void *user, const struct tt_candidate *c)
{
  static const char *const names[] = {"scheme", "host", "port", "path"};
  (void)user;
  assert(*c->id && *c->name && c->n_facts <= TT_CANDIDATE_FACTS_MAX);
  for (size_t i = 0; i < TT_COUNT(names); i++)
    assert(i < c->n_facts && strcmp(c->facts[i].name, names[i]) == 0);
}

static void fuzz_links(const char *text, size_t n)
{
  struct cb_base base, there;
  struct cb_link link;
  struct cb_offers offers = {0};
  char path[CB_PATH_MAX + 1], word[CB_LINK_TEXT_MAX + 1];
  const char *end = text + n;
  assert(!cb_base_problem("coap://192.0.2.1", &base));
  while (cb_link_next(&text, &n, &link) > 0) {
    assert(text <= end && n == (size_t)(end - text));
    assert(strlen(link.title) <= CB_LINK_TEXT_MAX && tt_utf8_is_valid(link.title, strlen(link.title)));
    for (const char *list = link.rt; cb_word_next(&list, word);)
      assert(*word);
    if (cb_reference(&base, link.target, link.target_size, &there, path) == 0) {
      assert(*path == '/' && strlen(path) <= CB_PATH_MAX);
      cb_offers_add(&offers, &there, path, &link);
    }
  }
  cb_offers_tell(&offers, on_offer, NULL);
  cb_offers_finish(&offers);
}

static void fuzz_cbor(const uint8_t *data, size_t n)
{
  char why[TT_PICK_WHY_SIZE];
  struct json_object *json, *again;
  if (tt_pick_cbor_parse(data, n, &json, why) < 0)
    return;
  TT_AUTOBUF struct tt_buf out = TT_BUF(1u << 20);
  if (tt_pick_cbor_write(json, &out) == 0 && out.len <= TT_PICK_SIZE_MAX &&
      tt_pick_cbor_parse(out.data, out.len, &again, why) == 0)
    json_object_put(again);
  json_object_put(json);
}

static void fuzz_payload(int content, const char *data, size_t n)
{
  static struct cb_read_address addresses[] = {{.at = "/0/v"}, {.at = "/0/2"},    {.record = "t"},
                                               {.get = "/"},   {.at = "/~1a/rt"}, {.at = "/~1a/there"}};
  struct cb_payload payload = {.data = data, .size = n, .content = content, .wall_us = 1700000000000000};
  for (size_t i = 0; i < TT_COUNT(addresses); i++) {
    struct tt_point point = {.type = i % 2 ? TT_TYPE_QUANTITY : TT_TYPE_STRING, .address = &addresses[i]};
    struct tt_value value;
    uint64_t stamp_us;
    char why[TT_PICK_WHY_SIZE] = "";
    int r = cb_payload_value(&payload, &point, &value, &stamp_us, why);
    assert(r == 0 || r == -ENODATA || (r == -EINVAL && *why));
    if (r == 0)
      tt_value_finish(&value);
  }
  cb_payload_finish(&payload);
}

static void fuzz_uri(const char *data, size_t n)
{
  char *text TT_AUTOFREE = strndup(data, n);
  struct cb_base base, again;
  struct cb_path path;
  if (!cb_base_problem(text, &base)) {
    TT_AUTOBUF struct tt_buf printed = TT_BUF(0);
    cb_base_print(&base, &printed);
    assert(!cb_base_problem(printed.data, &again));
    assert(!strcmp(base.host, again.host) && base.port == again.port && base.is_dtls == again.is_dtls);
  }
  if (!cb_path_problem(text, &path))
    assert(path.n_path <= CB_SEGMENTS_MAX && path.n_query <= CB_SEGMENTS_MAX);
}

/* What libcoap takes for a message, of any size that fits a datagram. */
static void fuzz_message(const uint8_t *data, size_t n)
{
  struct cb_response response;
  char code[40];
  coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_NON, COAP_EMPTY_CODE, 0, n);
  if (pdu && coap_pdu_parse(COAP_PROTO_UDP, data, n, pdu) && cb_response_read(pdu, &response) == 0) {
    assert(response.n <= n && response.etag_size <= n && (response.n == 0 || response.data));
    assert(response.content <= 0xffff && response.observe <= 0xffffff && response.max_age_s <= UINT32_MAX);
    assert(!response.has_block2 || response.block2.szx <= CB_SZX_MAX);
    assert(*cb_code_print(code, response.code));
  }
  coap_delete_pdu(pdu);
}

/* Blocks as a device likes: two bytes of option, one of size, each. */
static void fuzz_blocks(const uint8_t *data, size_t n)
{
  static const uint8_t zeros[1024];
  struct cb_body body;
  struct cb_upload upload = {.data = zeros, .size = sizeof zeros, .szx = 3};
  const char *why = NULL;
  cb_body_init(&body);
  for (; n >= 4; data += 4, n -= 4) {
    struct cb_block block;
    if (cb_block_decode(data, 2, &block) < 0)
      continue;
    bool is_old = cb_body_is_old(&body, &block), was_sent = cb_upload_is_old(&upload, &block);
    size_t size = data[3] & 128 ? (size_t)16 << block.szx : data[2];
    enum cb_step step =
        cb_body_take(&body, data[3] & 1 ? NULL : &block, data + 2, data[3] >> 1 & 1, zeros, size, &why);
    assert(step != CB_STEP_FAIL || why);
    assert(body.data.len <= CB_BODY_MAX);
    assert(!is_old || data[3] & 1 || step != CB_STEP_MORE); /* nothing is added twice */
    if (step == CB_STEP_DONE || step == CB_STEP_FAIL)
      break;
    step = cb_upload_take(&upload, data[3] & 2 ? 95 : 141, &block, &why);
    assert(upload.at < upload.size);
    assert(!was_sent || step != CB_STEP_MORE);
    if (step == CB_STEP_FAIL)
      break;
  }
  cb_body_finish(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0)
    return 0;
  const char *text = (const char *)data + 1;
  switch (*data) {
  case 'l':
    fuzz_links(text, size - 1);
    fuzz_payload(CB_CONTENT_LINK, text, size - 1);
    break;
  case 'c':
    fuzz_cbor(data + 1, size - 1);
    fuzz_payload(60, text, size - 1);
    break;
  case 'j':
    fuzz_payload(110, text, size - 1);
    break;
  case 's':
    fuzz_payload(112, text, size - 1);
    break;
  case 'u':
    fuzz_uri(text, size - 1);
    break;
  case 'm':
    fuzz_message(data + 1, size - 1);
    break;
  case 'b':
    fuzz_blocks(data + 1, size - 1);
    break;
  default:
    break;
  }
  return 0;
}
