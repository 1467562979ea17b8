/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h: what a question is made of, and what is in an answer: between our structs and libcoap's PDUs. Loop thread.
 */
#pragma once

#include "block.h"
#include "uri.h"

#include <coap3/coap.h>

#define CB_TOKEN_SIZE 8

struct cb_token {
  uint8_t bytes[CB_TOKEN_SIZE];
};
/* A new one: 64 random bits, so that no late answer fits another question. */
struct cb_token cb_token_new(void);

enum cb_observing { CB_OBSERVING_NOT, CB_OBSERVING_REGISTER, CB_OBSERVING_DEREGISTER };

/* One message to a device. */
struct cb_question {
  bool is_confirmable;
  uint8_t method; /* CoAP code; 0: an empty message, which every device rejects (a ping) */
  struct cb_token token;
  const char *host; /* NULL: an address, which is not sent */
  const struct cb_path *path;
  enum cb_observing observing;
  int accept, content; /* content formats; < 0: none */
  bool has_block1, has_block2;
  struct cb_block block1, block2;
  size_t size1; /* of the whole body; 0: not said */
  const uint8_t *data;
  size_t n;
};
/* NULL: out of memory, or it does not fit one message of the session. */
coap_pdu_t *cb_question_write(const struct cb_question *question, coap_session_t *session);

/* One response. Borrows from the PDU. */
struct cb_response {
  uint8_t code;
  struct cb_token token;
  int content;       /* < 0: not said */
  int64_t observe;   /* < 0: none */
  int64_t max_age_s; /* < 0: not said */
  bool has_block1, has_block2;
  struct cb_block block1, block2;
  const uint8_t *etag;
  size_t etag_size;
  const uint8_t *data;
  size_t n;
};
/* -EINVAL: an option cannot be what it says; -ENOENT: it has no token of ours. */
int cb_response_read(const coap_pdu_t *pdu, struct cb_response *ret);

#define CB_CODE_CLASS(code)  ((code) >> 5)
#define CB_CODE_DETAIL(code) ((code)&31)
/* "4.04 Not Found". Writes into `out`, returns it. */
char *cb_code_print(char out[static 40], uint8_t code);
