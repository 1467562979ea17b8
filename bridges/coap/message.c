/* SPDX-License-Identifier: Apache-2.0
 * Between our structs and PDUs. */
#include "message.h"

#include <stdio.h>

struct cb_token cb_token_new(void)
{
  struct cb_token token;
  tt_random(token.bytes, sizeof token.bytes);
  return token;
}

static bool add_number(coap_pdu_t *pdu, coap_option_num_t option, unsigned number)
{
  uint8_t bytes[4];
  return coap_add_option(pdu, option, coap_encode_var_safe(bytes, sizeof bytes, number), bytes) > 0;
}

static bool add_block(coap_pdu_t *pdu, coap_option_num_t option, const struct cb_block *block)
{
  uint8_t bytes[3];
  size_t n = cb_block_encode(block, bytes);
  return coap_add_option(pdu, option, n, bytes) > 0;
}

static bool add_segments(coap_pdu_t *pdu, coap_option_num_t option, const struct cb_path *path,
                         const struct cb_segment *segments, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!coap_add_option(pdu, option, segments[i].size, (const uint8_t *)path->bytes + segments[i].at))
      return false;
  return true;
}

/* In the order of their numbers. */
static bool add_options(coap_pdu_t *pdu, const struct cb_question *q)
{
  return (!q->host || coap_add_option(pdu, COAP_OPTION_URI_HOST, strlen(q->host), (const uint8_t *)q->host)) &&
         (q->observing == CB_OBSERVING_NOT ||
          add_number(pdu, COAP_OPTION_OBSERVE, q->observing == CB_OBSERVING_DEREGISTER)) &&
         add_segments(pdu, COAP_OPTION_URI_PATH, q->path, q->path->path, q->path->n_path) &&
         (q->content < 0 || add_number(pdu, COAP_OPTION_CONTENT_FORMAT, (unsigned)q->content)) &&
         add_segments(pdu, COAP_OPTION_URI_QUERY, q->path, q->path->query, q->path->n_query) &&
         (q->accept < 0 || add_number(pdu, COAP_OPTION_ACCEPT, (unsigned)q->accept)) &&
         (!q->has_block2 || add_block(pdu, COAP_OPTION_BLOCK2, &q->block2)) &&
         (!q->has_block1 || add_block(pdu, COAP_OPTION_BLOCK1, &q->block1)) &&
         (q->size1 == 0 || add_number(pdu, COAP_OPTION_SIZE1, (unsigned)q->size1));
}

coap_pdu_t *cb_question_write(const struct cb_question *q, coap_session_t *session)
{
  coap_pdu_t *pdu =
      coap_new_pdu(q->is_confirmable ? COAP_MESSAGE_CON : COAP_MESSAGE_NON, (coap_pdu_code_t)q->method, session);
  if (!pdu)
    return NULL;
  if (q->method == 0)
    return pdu;
  if (coap_add_token(pdu, CB_TOKEN_SIZE, q->token.bytes) && add_options(pdu, q) &&
      (q->n == 0 || coap_add_data(pdu, q->n, q->data)))
    return pdu;
  coap_delete_pdu(pdu);
  return NULL;
}

static int64_t number_of(const coap_pdu_t *pdu, coap_option_num_t number, size_t max)
{
  coap_opt_iterator_t it;
  coap_opt_t *option = coap_check_option(pdu, number, &it);
  if (!option || coap_opt_length(option) > max)
    return -1;
  return coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option));
}

static int block_of(const coap_pdu_t *pdu, coap_option_num_t number, bool *ret_has, struct cb_block *ret)
{
  coap_opt_iterator_t it;
  coap_opt_t *option = coap_check_option(pdu, number, &it);
  if (!option)
    return 0;
  *ret_has = true;
  return cb_block_decode(coap_opt_value(option), coap_opt_length(option), ret);
}

int cb_response_read(const coap_pdu_t *pdu, struct cb_response *ret)
{
  coap_opt_iterator_t it;
  coap_bin_const_t token = coap_pdu_get_token(pdu);
  struct cb_response response = {.code = (uint8_t)coap_pdu_get_code(pdu)};
  if (token.length != CB_TOKEN_SIZE)
    return -ENOENT;
  memcpy(response.token.bytes, token.s, CB_TOKEN_SIZE);
  response.content = (int)number_of(pdu, COAP_OPTION_CONTENT_FORMAT, 2);
  response.observe = number_of(pdu, COAP_OPTION_OBSERVE, 3);
  response.max_age_s = number_of(pdu, COAP_OPTION_MAXAGE, 4);
  int r = block_of(pdu, COAP_OPTION_BLOCK2, &response.has_block2, &response.block2);
  if (r == 0)
    r = block_of(pdu, COAP_OPTION_BLOCK1, &response.has_block1, &response.block1);
  if (r < 0)
    return r;
  coap_opt_t *etag = coap_check_option(pdu, COAP_OPTION_ETAG, &it);
  if (etag) {
    response.etag = coap_opt_value(etag);
    response.etag_size = coap_opt_length(etag);
  }
  if (!coap_get_data(pdu, &response.n, &response.data))
    response.n = 0;
  *ret = response;
  return 0;
}

char *cb_code_print(char out[static 40], uint8_t code)
{
  static const struct {
    uint8_t code;
    const char *phrase;
  } phrases[] = {
      {4 << 5 | 0, "Bad Request"},     {4 << 5 | 1, "Unauthorized"},        {4 << 5 | 2, "Bad Option"},
      {4 << 5 | 3, "Forbidden"},       {4 << 5 | 4, "Not Found"},           {4 << 5 | 5, "Method Not Allowed"},
      {4 << 5 | 6, "Not Acceptable"},  {4 << 5 | 8, "Request Incomplete"},  {4 << 5 | 12, "Precondition Failed"},
      {4 << 5 | 13, "Too Large"},      {4 << 5 | 15, "Unsupported Format"}, {5 << 5 | 0, "Internal Server Error"},
      {5 << 5 | 1, "Not Implemented"}, {5 << 5 | 2, "Bad Gateway"},         {5 << 5 | 3, "Service Unavailable"},
      {5 << 5 | 4, "Gateway Timeout"},
  };
  const char *phrase = "";
  for (size_t i = 0; i < TT_COUNT(phrases); i++)
    if (phrases[i].code == code)
      phrase = phrases[i].phrase;
  snprintf(out, 40, "%u.%02u%s%s", CB_CODE_CLASS(code), CB_CODE_DETAIL(code), *phrase ? " " : "", phrase);
  return out;
}
