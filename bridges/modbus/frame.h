/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h: what a request says and whether an answer answers it. Pure. libmodbus cuts answers out of the byte stream and
 * checks the CRC of a serial line; it does not compare all of an answer with its request, so that is done here.
 */
#pragma once

#include "options.h"

#define MB_FRAME_MAX  254 /* unit, function and at most 252 bytes */
#define MB_TCP_HEADER 6   /* transaction, protocol, length: before the unit */

struct mb_request {
  uint8_t unit, function;
  uint16_t address;
  uint16_t count;        /* registers, coils or inputs; 1 with functions 5 and 6 */
  const uint16_t *words; /* of a write: `count` words; a coil is 0 or 1 */
  uint64_t deadline_us;  /* monotonic; 0: none. wire.c does not send it after that */
};

/* The function that reads a table. */
uint8_t mb_read_function(enum mb_table table);

/* Unit, function and data. Returns the length. */
size_t mb_frame_build(const struct mb_request *request, uint8_t out[static MB_FRAME_MAX]);

/* `answer` is unit, function and data. 0: it answers the request; the `count` words of a read are written to `words`.
 * > 0: the exception the device answered with. -EBADMSG: it is no answer to this request; `ret_why` (a constant
 * text) says in what it differs. */
int mb_frame_check(const struct mb_request *request, const uint8_t answer[], size_t n, uint16_t words[],
                   const char **ret_why);

/* The header of Modbus TCP in front of `n` bytes. */
void mb_tcp_header(uint16_t transaction, size_t n, uint8_t out[static MB_TCP_HEADER]);
/* 0; -ESTALE: a whole answer to another transaction; -EBADMSG: not a header of `n` bytes in all. */
int mb_tcp_check(uint16_t transaction, const uint8_t answer[], size_t n);

/* Do these bytes begin an answer to this transaction, once more, or to one of the last MB_TCP_REMEMBERED before it? */
#define MB_TCP_REMEMBERED 64
bool mb_tcp_is_earlier(uint16_t transaction, const uint8_t bytes[], size_t n);

/* An exception code in words: "illegal data address"; and as a negative errno. */
const char *mb_exception_text(int code);
int mb_exception_error(int code);
