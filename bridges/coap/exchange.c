/* SPDX-License-Identifier: Apache-2.0
 * One question and its answer, over as many messages as their blocks need. */
#include "common/clock.h"
#include "endpoint_private.h"

#include <stdio.h>
#include <utlist.h>

int cb_exchange_create(const struct cb_ask *ask, struct cb_exchange **ret)
{
  struct cb_exchange *x = calloc(1, sizeof *x);
  if (!x)
    return -ENOMEM;
  x->ask = *ask;
  if (ask->n > 0) {
    x->data = malloc(ask->n);
    if (!x->data) {
      free(x);
      return -ENOMEM;
    }
    memcpy(x->data, ask->data, ask->n);
  }
  x->ask.data = x->data;
  x->upload = (struct cb_upload){.data = x->data, .size = ask->n, .szx = cb_block_szx(ask->block_size)};
  x->is_uploaded = !cb_upload_is_blockwise(&x->upload);
  x->is_first = true;
  x->token = ask->watch ? ask->watch->token : cb_token_new();
  cb_body_init(&x->body);
  *ret = x;
  return 0;
}

void cb_exchange_drop(struct cb_exchange *x)
{
  if (x->ask.dropped)
    x->ask.dropped(x->ask.user);
  cb_exchange_free(x);
}

void cb_exchange_free(struct cb_exchange *x)
{
  cb_body_finish(&x->body);
  free(x->data);
  free(x);
}

static void take_out(struct cb_endpoint *e, struct cb_exchange *x)
{
  DL_DELETE(e->queue, x);
  e->n_queue--;
  if (e->active == x)
    e->active = NULL;
}

static void finish(struct cb_endpoint *e, struct cb_exchange *x, const struct cb_answer *answer)
{
  take_out(e, x);
  x->ask.done(x->ask.user, answer);
  cb_exchange_free(x);
  cb_endpoint_kick(e);
}

void cb_exchange_fail(struct cb_endpoint *e, struct cb_exchange *x, int error, bool is_timeout, const char *format,
                      ...)
{
  char text[400];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  finish(
      e, x,
      &(struct cb_answer){.error = error, .text = text, .is_timeout = is_timeout, .observe = -1, .max_age_s = -1});
}

void cb_exchange_silent(struct cb_endpoint *e, struct cb_exchange *x)
{
  bool is_silent = e->heard_us < x->sent_us;
  e->is_silent = e->is_silent || is_silent;
  cb_exchange_fail(e, x, -ETIMEDOUT, is_silent, "no answer from %s", e->name);
}

void cb_exchanges_fail(struct cb_endpoint *e, int error, const char *text)
{
  /* What is asked meanwhile is not among them. */
  struct cb_exchange *last = e->queue ? e->queue->prev : NULL, *x;
  bool is_last = !last;
  while (!is_last && (x = e->queue)) {
    is_last = x == last;
    cb_exchange_fail(e, x, error, false, "%s", text);
  }
}

void cb_exchanges_unsent(struct cb_endpoint *e)
{
  struct cb_exchange *x;
  DL_FOREACH(e->queue, x) {
    x->is_sent = x->is_behind = false;
  }
}

/* ---- Sending --------------------------------------------------------------------------------------------------- */
int cb_exchange_send(struct cb_endpoint *e, struct cb_exchange *x)
{
  const struct cb_ask *ask = &x->ask;
  bool is_name = e->base.kind == CB_HOST_NAME;
  struct cb_question q = {
      .is_confirmable = ask->is_confirmable,
      .method = ask->method,
      .token = x->token,
      .host = is_name ? e->base.host : NULL,
      .path = ask->path,
      .observing = ask->watch && x->is_first ? CB_OBSERVING_REGISTER : CB_OBSERVING_NOT,
      .accept = ask->accept,
      .content = ask->content,
  };
  if (!x->is_first) {
    q.has_block2 = true;
    q.block2 = cb_body_next(&x->body);
  } else if (ask->block_size < 16u << CB_SZX_MAX && ask->method == COAP_REQUEST_CODE_GET) {
    q.has_block2 = true;
    q.block2.szx = cb_block_szx(ask->block_size);
  }
  if (x->is_first && x->upload.size > 0) {
    q.has_block1 = !x->is_uploaded;
    q.block1 = cb_upload_piece(&x->upload, &q.data, &q.n);
    q.size1 = q.has_block1 && x->upload.at == 0 ? x->upload.size : 0;
  }
  coap_pdu_t *pdu = cb_question_write(&q, e->session);
  if (!pdu)
    return -ENOMEM;
  x->is_sent = true;
  x->is_behind = false;
  x->sent_us = tt_clock_us();
  e->active = x;
  return coap_send(e->session, pdu) == COAP_INVALID_MID ? -EIO : 0;
}

/* Its next message goes out in the endpoint's turn. It keeps the token: some devices know by that which blocks belong
 * together. */
static void go_on(struct cb_endpoint *e, struct cb_exchange *x)
{
  x->is_sent = x->is_behind = false;
  x->n_turns = 0;
  cb_endpoint_kick(e);
}

/* From the beginning: what may still come of before is not among it. */
static void begin_again(struct cb_endpoint *e, struct cb_exchange *x)
{
  x->token = cb_token_new();
  go_on(e, x);
}

/* ---- Responses ------------------------------------------------------------------------------------------------- */
static void answer(struct cb_endpoint *e, struct cb_exchange *x, const struct cb_response *response,
                   const char *data, size_t n)
{
  finish(e, x,
         &(struct cb_answer){.code = response->code,
                             .content = x->said.content,
                             .observe = x->said.observe,
                             .max_age_s = x->said.max_age_s,
                             .data = data,
                             .n = n});
}

/* The answer to the whole question begins; true: the question is not yet out as a whole, or was ended. */
static bool is_still_uploading(struct cb_endpoint *e, struct cb_exchange *x, const struct cb_response *response)
{
  const char *why = "";
  if (x->is_uploaded)
    return false;
  switch (cb_upload_take(&x->upload, response->code, response->has_block1 ? &response->block1 : NULL, &why)) {
  case CB_STEP_DONE:
    x->is_uploaded = true;
    return false;
  case CB_STEP_MORE:
    go_on(e, x);
    break;
  case CB_STEP_AGAIN:
    begin_again(e, x);
    break;
  case CB_STEP_FAIL:
    cb_exchange_fail(e, x, -EPROTO, false, "%s answers with something that cannot be: %s", e->name, why);
    break;
  }
  return true;
}

/* Of a block that is here already. What comes with the acknowledgement of our message belongs to that. */
static bool is_old(const struct cb_exchange *x, const struct cb_response *response)
{
  if (!x->is_uploaded)
    return response->has_block1 && cb_upload_is_old(&x->upload, &response->block1);
  return !x->is_first && response->has_block2 && cb_body_is_old(&x->body, &response->block2);
}

static void take(struct cb_endpoint *e, struct cb_exchange *x, const struct cb_response *response)
{
  const char *why = "";
  if (is_still_uploading(e, x, response))
    return;
  if (x->is_first) {
    x->said.content = response->content;
    x->said.observe = x->ask.watch ? response->observe : -1;
    x->said.max_age_s = response->max_age_s;
  }
  /* The body of an error is a sentence for people at most; that of a command's answer nobody reads. */
  if (CB_CODE_CLASS(response->code) != 2 || x->ask.method != COAP_REQUEST_CODE_GET) {
    answer(e, x, response, (const char *)response->data, response->n);
    return;
  }
  switch (cb_body_take(&x->body, response->has_block2 ? &response->block2 : NULL, response->etag,
                       response->etag_size, response->data, response->n, &why)) {
  case CB_STEP_DONE:
    answer(e, x, response, x->body.data.data ? x->body.data.data : "", x->body.data.len);
    break;
  case CB_STEP_MORE:
    if (x->ask.watch && x->is_first)
      x->token = cb_token_new(); /* that of the observation is for its notifications */
    x->is_first = false;
    go_on(e, x);
    break;
  case CB_STEP_AGAIN:
    x->is_first = true;
    x->ask.watch = NULL; /* registered by the first question already */
    begin_again(e, x);
    break;
  case CB_STEP_FAIL:
    cb_exchange_fail(e, x, -EPROTO, false, "the answer of %s cannot be used: %s", e->name, why);
    break;
  }
}

static void notify(struct cb_watch *watch, const struct cb_response *response)
{
  watch->is_partial = response->has_block2 && response->block2.is_more;
  watch->notified(watch->user, &(struct cb_answer){.code = response->code,
                                                   .content = response->content,
                                                   .observe = response->observe,
                                                   .max_age_s = response->max_age_s,
                                                   .data = (const char *)response->data,
                                                   .n = response->n});
}

static bool is_token(const struct cb_token *a, const struct cb_token *b)
{
  return memcmp(a, b, sizeof *a) == 0;
}

/* The question that waits for an answer with this token: the one under way, or one that has let others go first. */
static struct cb_exchange *asked(struct cb_endpoint *e, const struct cb_token *token)
{
  struct cb_exchange *x;
  DL_FOREACH(e->queue, x) {
    if (x->is_sent && is_token(&x->token, token))
      return x;
  }
  return NULL;
}

/* What nobody waits for is rejected: that ends an observation which we have forgotten (RFC 7641 section 3.6). */
coap_response_t cb_exchange_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                     coap_mid_t mid TT_UNUSED)
{
  struct cb_endpoint *e = coap_session_get_app_data(session);
  struct cb_response response;
  struct cb_watch *watch;
  if (!e || e->is_broken)
    return COAP_RESPONSE_FAIL;
  int r = cb_response_read(received, &response);
  cb_endpoint_alive(e);
  if (r < 0)
    return COAP_RESPONSE_FAIL;
  struct cb_exchange *x = asked(e, &response.token);
  if (x) {
    if (sent || !is_old(x, &response))
      take(e, x, &response);
    return COAP_RESPONSE_OK;
  }
  DL_FOREACH(e->watches, watch) {
    if (is_token(&response.token, &watch->token)) {
      notify(watch, &response);
      return COAP_RESPONSE_OK;
    }
  }
  return COAP_RESPONSE_FAIL;
}

static struct cb_exchange *asked_with(struct cb_endpoint *e, const coap_pdu_t *sent)
{
  coap_bin_const_t bytes = coap_pdu_get_token(sent);
  struct cb_token token;
  if (bytes.length != CB_TOKEN_SIZE)
    return NULL;
  memcpy(token.bytes, bytes.s, CB_TOKEN_SIZE);
  return asked(e, &token);
}

void cb_exchange_nack(coap_session_t *session, const coap_pdu_t *sent, coap_nack_reason_t reason,
                      coap_mid_t mid TT_UNUSED)
{
  struct cb_endpoint *e = coap_session_get_app_data(session);
  if (!e || e->is_broken)
    return;
  struct cb_exchange *x = asked_with(e, sent);
  switch (reason) {
  case COAP_NACK_RST:
    cb_endpoint_alive(e);
    if (coap_pdu_get_code(sent) == 0)
      e->is_pinging = false;
    else if (x)
      cb_exchange_fail(e, x, -EPROTO, false, "%s rejects the question (reset)", e->name);
    break;
  case COAP_NACK_ICMP_ISSUE:
  case COAP_NACK_NOT_DELIVERABLE:
    cb_endpoint_failed(e, "nobody is listening there");
    break;
  case COAP_NACK_TLS_FAILED:
    e->is_broken = true;
    break;
  case COAP_NACK_TOO_MANY_RETRIES:
    if (coap_pdu_get_code(sent) == 0)
      e->is_pinging = false;
    else if (x && !x->is_behind)
      cb_exchange_silent(e, x);
    break;
  }
  cb_endpoint_kick(e);
}
