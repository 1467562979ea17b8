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
  uint16_t count; /* registers, coils or inputs; 1 with functions 5 and 6; with 43 how much is asked for */
  const uint16_t
      *words; /* of a write: `count` words; a coil is 0 or 1; with 22 which bits to keep and which to set */
  uint64_t deadline_us; /* monotonic; 0: none. wire.c does not send it after that */
};

/* Device identification (function 43/14): `address` of a request is the number of an object, `count` one of these. */
#define MB_IDENTIFY 43
enum mb_identify { MB_IDENTIFY_BASIC = 1, MB_IDENTIFY_REGULAR = 2, MB_IDENTIFY_ONE = 4 };
#define MB_OBJECT_MAX 245 /* bytes of an object */
/* How long such an answer (unit, function and data) is in all, as far as its first `n` bytes tell: more than `n` when more
 * is to come; 0: it is none. */
size_t mb_identify_need(const uint8_t answer[], size_t n);
/* The text of an object in what mb_frame_check() made of an answer: the number of bytes behind the function, then the bytes,
 * a word each. -ENOENT: it is not in there; then `*ret_more` is the object to ask for next, or -1. */
int mb_identify_find(const uint16_t words[], uint8_t object, char out[static MB_OBJECT_MAX + 1], int *ret_more);

/* The checksum of a frame on a serial line. */
uint16_t mb_crc(const uint8_t bytes[], size_t n);

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
