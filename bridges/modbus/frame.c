/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.c: what a request says and whether an answer answers it.
 */
#include "frame.h"

enum {
  READ_COILS = 1,
  READ_DISCRETE = 2,
  READ_HOLDING = 3,
  READ_INPUT = 4,
  WRITE_COIL = 5,
  WRITE_REGISTER = 6,
  WRITE_COILS = 15,
  WRITE_REGISTERS = 16,
  MASK_WRITE = 22,
  IDENTIFY = 43,
};
#define MEI_IDENTIFY   14 /* of the kinds of function 43 */
#define EXCEPTION_FLAG 0x80
#define COIL_ON        0xff00

static const struct {
  const char *text;
  int error;
} exceptions[] = {
    [1] = {"illegal function", -EOPNOTSUPP},
    [2] = {"illegal data address", -ENXIO},
    [3] = {"illegal data value", -EINVAL},
    [4] = {"device failure", -EIO},
    [5] = {"accepted, but it takes long", -EINPROGRESS},
    [6] = {"device busy", -EBUSY},
    [7] = {"negative acknowledge", -EIO},
    [8] = {"memory parity error", -EIO},
    [9] = {"unknown exception", -EIO},
    [10] = {"gateway path unavailable", -ETIMEDOUT},
    [11] = {"no answer to the gateway from the device", -ETIMEDOUT},
};

const char *mb_exception_text(int code)
{
  return code > 0 && (size_t)code < TT_COUNT(exceptions) ? exceptions[code].text : "unknown exception";
}

int mb_exception_error(int code)
{
  return code > 0 && (size_t)code < TT_COUNT(exceptions) ? exceptions[code].error : -EIO;
}

uint8_t mb_read_function(enum mb_table table)
{
  static const uint8_t functions[] = {
      [MB_COIL] = READ_COILS,  [MB_DISCRETE] = READ_DISCRETE, [MB_HOLDING] = READ_HOLDING,
      [MB_INPUT] = READ_INPUT, [MB_OBJECT] = IDENTIFY,
  };
  return functions[table];
}

static size_t put16(uint8_t *out, size_t at, unsigned value)
{
  out[at] = (uint8_t)(value >> 8);
  out[at + 1] = (uint8_t)value;
  return at + 2;
}

static unsigned get16(const uint8_t *bytes)
{
  return (unsigned)bytes[0] << 8 | bytes[1];
}

size_t mb_frame_build(const struct mb_request *request, uint8_t out[static MB_FRAME_MAX])
{
  size_t n = 2;
  out[0] = request->unit;
  out[1] = request->function;
  if (request->function == IDENTIFY) {
    out[n++] = MEI_IDENTIFY;
    out[n++] = (uint8_t)request->count;
    out[n++] = (uint8_t)request->address;
    return n;
  }
  n = put16(out, n, request->address);
  switch (request->function) {
  case WRITE_COIL:
    return put16(out, n, request->words[0] ? COIL_ON : 0);
  case WRITE_REGISTER:
    return put16(out, n, request->words[0]);
  case WRITE_COILS:
    n = put16(out, n, request->count);
    out[n++] = (uint8_t)((request->count + 7) / 8);
    memset(out + n, 0, (request->count + 7u) / 8);
    for (unsigned i = 0; i < request->count; i++)
      if (request->words[i])
        out[n + i / 8] |= (uint8_t)(1u << i % 8);
    return n + (request->count + 7u) / 8;
  case WRITE_REGISTERS:
    n = put16(out, n, request->count);
    out[n++] = (uint8_t)(2 * request->count);
    for (unsigned i = 0; i < request->count; i++)
      n = put16(out, n, request->words[i]);
    return n;
  case MASK_WRITE:
    n = put16(out, n, request->words[0]);
    return put16(out, n, request->words[1]);
  }
  return put16(out, n, request->count);
}

static int differs(const char **ret_why, const char *why)
{
  *ret_why = why;
  return -EBADMSG;
}

static int check_read(const struct mb_request *request, const uint8_t answer[], size_t n, uint16_t words[],
                      const char **ret_why)
{
  bool is_bits = request->function == READ_COILS || request->function == READ_DISCRETE;
  size_t bytes = is_bits ? (request->count + 7u) / 8 : 2u * request->count;
  if (n != 3 + bytes || answer[2] != bytes)
    return differs(ret_why, "it has another length");
  for (unsigned i = 0; i < request->count; i++)
    words[i] = is_bits ? answer[3 + i / 8] >> i % 8 & 1 : (uint16_t)get16(answer + 3 + 2 * i);
  return 0;
}

/* ---- Device identification --------------------------------------------------------------------------- */
/* Where its parts are: behind unit and function kind, access, conformity, whether more follows, from which object on, and
 * the number of objects; then number, length and text of each. */
enum { ID_KIND = 2, ID_MORE = 5, ID_NEXT = 6, ID_COUNT = 7, ID_FIRST = 8 };
#define ID_MORE_FOLLOWS 0xff

size_t mb_identify_need(const uint8_t answer[], size_t n)
{
  if (n >= 2 && answer[1] == (IDENTIFY | EXCEPTION_FLAG))
    return 3;
  if ((n >= 2 && answer[1] != IDENTIFY) || (n > ID_KIND && answer[ID_KIND] != MEI_IDENTIFY))
    return 0;
  if (n < ID_FIRST)
    return ID_FIRST;
  size_t at = ID_FIRST;
  for (unsigned i = 0; i < answer[ID_COUNT]; i++) {
    if (n < at + 2)
      return at + 2 <= MB_FRAME_MAX ? at + 2 : 0;
    at += 2u + answer[at + 1];
  }
  return at <= MB_FRAME_MAX ? at : 0;
}

static int check_identification(const uint8_t answer[], size_t n, uint16_t words[], const char **ret_why)
{
  if (mb_identify_need(answer, n) != n)
    return differs(ret_why, "it has another length");
  words[0] = (uint16_t)n;
  for (size_t i = 0; i < n; i++)
    words[1 + i] = answer[i];
  return 0;
}

int mb_identify_find(const uint16_t words[], uint8_t object, char out[static MB_OBJECT_MAX + 1], int *ret_more)
{
  const uint16_t *answer = words + 1;
  size_t n = words[0], at = ID_FIRST;
  for (unsigned i = 0; n >= ID_FIRST && i < answer[ID_COUNT] && at + 2 <= n; i++) {
    size_t size = answer[at + 1];
    if (at + 2 + size > n)
      break;
    if (answer[at] == object && size <= MB_OBJECT_MAX) {
      for (size_t k = 0; k < size; k++)
        out[k] = (char)answer[at + 2 + k];
      out[size] = '\0';
      return 0;
    }
    at += 2 + size;
  }
  *ret_more = n >= ID_FIRST && answer[ID_MORE] == ID_MORE_FOLLOWS ? answer[ID_NEXT] : -1;
  return -ENOENT;
}

uint16_t mb_crc(const uint8_t bytes[], size_t n)
{
  uint16_t crc = 0xffff;
  for (size_t i = 0; i < n; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
  }
  return crc;
}

int mb_frame_check(const struct mb_request *request, const uint8_t answer[], size_t n, uint16_t words[],
                   const char **ret_why)
{
  uint8_t sent[MB_FRAME_MAX];
  if (n < 3)
    return differs(ret_why, "it is too short");
  if (answer[0] != request->unit)
    return differs(ret_why, "it is from another unit");
  if (answer[1] == (request->function | EXCEPTION_FLAG)) {
    if (n != 3 || answer[2] == 0)
      return differs(ret_why, "its exception is not one");
    return answer[2];
  }
  if (answer[1] != request->function)
    return differs(ret_why, "it has another function code");
  if (request->function <= READ_INPUT)
    return check_read(request, answer, n, words, ret_why);
  if (request->function == IDENTIFY)
    return check_identification(answer, n, words, ret_why);
  /* A write is answered with address and value, or address and count: what the request began with. */
  mb_frame_build(request, sent);
  size_t same = request->function == MASK_WRITE ? 8 : 6;
  if (n != same)
    return differs(ret_why, "it has another length");
  if (memcmp(answer, sent, same) != 0)
    return differs(ret_why, "it confirms another address or value");
  return 0;
}

void mb_tcp_header(uint16_t transaction, size_t n, uint8_t out[static MB_TCP_HEADER])
{
  put16(out, 0, transaction);
  put16(out, 2, 0);
  put16(out, 4, (unsigned)n);
}

int mb_tcp_check(uint16_t transaction, const uint8_t answer[], size_t n)
{
  if (n < MB_TCP_HEADER + 2 || get16(answer + 2) != 0 || get16(answer + 4) != n - MB_TCP_HEADER)
    return -EBADMSG;
  return get16(answer) == transaction ? 0 : -ESTALE;
}

bool mb_tcp_is_earlier(uint16_t transaction, const uint8_t bytes[], size_t n)
{
  return n >= MB_TCP_HEADER && (uint16_t)(transaction - get16(bytes)) <= MB_TCP_REMEMBERED &&
         get16(bytes + 2) == 0 && get16(bytes + 4) >= 3 && get16(bytes + 4) <= MB_FRAME_MAX;
}
