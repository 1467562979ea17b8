/* SPDX-License-Identifier: Apache-2.0
 * Decisions of block-wise transfer. */
#include "block.h"

#define CODE_CONTINUE  (2 << 5 | 31)
#define CODE_TOO_LARGE (4 << 5 | 13)

static size_t size_of(uint8_t szx)
{
  return (size_t)16 << szx;
}

int cb_block_decode(const uint8_t *data, size_t n, struct cb_block *ret)
{
  uint32_t value = 0;
  if (n > 3)
    return -EINVAL;
  for (size_t i = 0; i < n; i++)
    value = value << 8 | data[i];
  if ((value & 7) > CB_SZX_MAX)
    return -EINVAL;
  *ret = (struct cb_block){.number = value >> 4, .is_more = value & 8, .szx = value & 7};
  return 0;
}

size_t cb_block_encode(const struct cb_block *block, uint8_t out[static 3])
{
  uint32_t value = block->number << 4 | (block->is_more ? 8 : 0) | block->szx;
  size_t n = value > 0xffff ? 3 : value > 0xff ? 2 : value > 0 ? 1 : 0;
  for (size_t i = 0; i < n; i++)
    out[i] = (uint8_t)(value >> 8 * (n - 1 - i));
  return n;
}

uint8_t cb_block_szx(size_t size)
{
  uint8_t szx = CB_SZX_MAX;
  while (szx > 0 && size_of(szx) > size)
    szx--;
  return szx;
}

/* ---- Receiving ------------------------------------------------------------------------------------------------- */
void cb_body_init(struct cb_body *body)
{
  *body = (struct cb_body){.data = TT_BUF(CB_BODY_MAX)};
}

void cb_body_finish(struct cb_body *body)
{
  tt_buf_finish(&body->data);
}

static enum cb_step fail(const char **ret_why, const char *why)
{
  *ret_why = why;
  return CB_STEP_FAIL;
}

static enum cb_step restart(struct cb_body *body, const char **ret_why)
{
  if (body->has_restarted)
    return fail(ret_why, "what it sends changes all the time");
  cb_body_finish(body);
  cb_body_init(body);
  body->has_restarted = true;
  return CB_STEP_AGAIN;
}

enum cb_step cb_body_take(struct cb_body *body, const struct cb_block *block, const uint8_t *etag, size_t etag_size,
                          const uint8_t *data, size_t n, const char **ret_why)
{
  if (!block) {
    if (body->has_block)
      return restart(body, ret_why);
    tt_buf_add(&body->data, (const char *)data, n);
    return body->data.failed ? fail(ret_why, "the body is larger than 64 KiB") : CB_STEP_DONE;
  }
  if (etag_size > CB_ETAG_MAX)
    return fail(ret_why, "an ETag is too long");
  bool is_first = body->data.len == 0;
  if (!is_first && (body->etag_size != etag_size || memcmp(body->etag, etag, etag_size) != 0))
    return restart(body, ret_why);
  if ((uint64_t)block->number * size_of(block->szx) != body->data.len)
    return fail(ret_why, "a block is not the one that was asked for");
  if (block->is_more ? n != size_of(block->szx) : n > size_of(block->szx))
    return fail(ret_why, "a block has not the size that it says");
  tt_buf_add(&body->data, (const char *)data, n);
  if (body->data.failed || (block->is_more && body->data.len >= CB_BODY_MAX))
    return fail(ret_why, "the body is larger than 64 KiB");
  if (is_first && etag_size > 0)
    memcpy(body->etag, etag, etag_size);
  if (is_first)
    body->etag_size = etag_size;
  body->has_block = true;
  body->szx = block->szx;
  return block->is_more ? CB_STEP_MORE : CB_STEP_DONE;
}

bool cb_body_is_old(const struct cb_body *body, const struct cb_block *block)
{
  return (uint64_t)block->number * size_of(block->szx) < body->data.len;
}

struct cb_block cb_body_next(const struct cb_body *body)
{
  return (struct cb_block){.number = (uint32_t)(body->data.len / size_of(body->szx)), .szx = body->szx};
}

/* ---- Sending --------------------------------------------------------------------------------------------------- */
bool cb_upload_is_blockwise(const struct cb_upload *upload)
{
  return upload->size > size_of(upload->szx);
}

struct cb_block cb_upload_piece(const struct cb_upload *upload, const uint8_t **ret_data, size_t *ret_n)
{
  size_t size = size_of(upload->szx), left = upload->size - upload->at;
  *ret_data = upload->data + upload->at;
  *ret_n = left < size ? left : size;
  return (struct cb_block){.number = (uint32_t)(upload->at / size), .is_more = left > size, .szx = upload->szx};
}

/* Where it asks for smaller blocks, its number is still one of those that were sent. */
bool cb_upload_is_old(const struct cb_upload *upload, const struct cb_block *block)
{
  return block->number < upload->at / size_of(upload->szx);
}

enum cb_step cb_upload_take(struct cb_upload *upload, uint8_t code, const struct cb_block *block,
                            const char **ret_why)
{
  size_t size = size_of(upload->szx);
  bool is_last = upload->size - upload->at <= size;
  if (code == CODE_TOO_LARGE && block && block->szx < upload->szx && upload->at == 0) {
    upload->szx = block->szx;
    return CB_STEP_AGAIN;
  }
  if (code >> 5 == 2 && code != CODE_CONTINUE && !is_last)
    return fail(ret_why, "it obeys before it has heard all");
  if (code != CODE_CONTINUE)
    return CB_STEP_DONE;
  if (is_last || !block)
    return fail(ret_why, "it asks for more than there is");
  if (block->number != upload->at / size || block->szx > upload->szx)
    return fail(ret_why, "it acknowledges a block that was not sent");
  /* Smaller blocks from here on: what was sent so far is a whole number of them, too. */
  upload->at += size;
  upload->szx = block->szx;
  return CB_STEP_MORE;
}
