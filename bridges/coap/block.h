/* SPDX-License-Identifier: Apache-2.0
 *
 * block.h: block-wise transfer (RFC 7959), both ways, as decisions. libcoap 4.3.1 could do it, but collects a body as
 * large as the peer likes, and goes on by itself after our deadline. Pure.
 */
#pragma once

#include <thingtree/util.h>

#define CB_BODY_MAX         (64u * 1024) /* bytes of one body, either way */
#define CB_SZX_MAX          6            /* blocks of 1024 bytes */
#define CB_ETAG_MAX         8
#define CB_BLOCK_NUMBER_MAX 0xfffff

/* A Block1 or Block2 option. */
struct cb_block {
  uint32_t number;
  bool is_more;
  uint8_t szx; /* size = 16 << szx */
};
/* From the bytes of the option. -EINVAL: too long, or the reserved size. */
int cb_block_decode(const uint8_t *data, size_t n, struct cb_block *ret);
/* Into at most three bytes; returns how many. */
size_t cb_block_encode(const struct cb_block *block, uint8_t out[static 3]);
/* The largest szx whose blocks are not longer than `size` (16 at least). */
uint8_t cb_block_szx(size_t size);

enum cb_step {
  CB_STEP_DONE,
  CB_STEP_MORE,  /* ask for, or send, the next block */
  CB_STEP_AGAIN, /* begin anew: the peer wants smaller blocks, or has changed what it sends */
  CB_STEP_FAIL,
};

/* ---- Receiving: Block2 ----------------------------------------------------------------------------------------- */
struct cb_body {
  struct tt_buf data;
  uint8_t etag[CB_ETAG_MAX];
  size_t etag_size;
  uint8_t szx;
  bool has_block;
  bool has_restarted; /* once is enough */
};
void cb_body_init(struct cb_body *body);
void cb_body_finish(struct cb_body *body);
/* A response has come; `block` NULL: it has no Block2. Fails with a sentence in `*ret_why`. */
enum cb_step cb_body_take(struct cb_body *body, const struct cb_block *block, const uint8_t *etag, size_t etag_size,
                          const uint8_t *data, size_t n, const char **ret_why);
/* Is it one of those before the block that is waited for: an answer that came twice? */
bool cb_body_is_old(const struct cb_body *body, const struct cb_block *block);
/* The option to ask for the next block with. */
struct cb_block cb_body_next(const struct cb_body *body);

/* ---- Sending: Block1 ------------------------------------------------------------------------------------------- */
struct cb_upload {
  const uint8_t *data;
  size_t size, at;
  uint8_t szx;
};
/* Is the whole too large for one message? */
bool cb_upload_is_blockwise(const struct cb_upload *upload);
/* The piece to send now, and its option. */
struct cb_block cb_upload_piece(const struct cb_upload *upload, const uint8_t **ret_data, size_t *ret_n);
/* Does the response acknowledge a piece before the one that was sent: did it come twice? */
bool cb_upload_is_old(const struct cb_upload *upload, const struct cb_block *block);
/* A response to the piece has come: its code (class << 5 | detail) and Block1 (NULL: none). DONE: the response is the
 * answer to the whole, good or bad. */
enum cb_step cb_upload_take(struct cb_upload *upload, uint8_t code, const struct cb_block *block,
                            const char **ret_why);
