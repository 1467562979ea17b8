/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h: what can be configured of the Modbus bridge, the structs that the tables fill, and how an address is
 * shown to people. Pure.
 */
#pragma once

#include <thingtree/bridge.h>

/* The limits of the protocol (Modbus Application Protocol 1.1b3, section 6). */
#define MB_READ_REGISTERS_MAX  125
#define MB_READ_BITS_MAX       2000
#define MB_WRITE_REGISTERS_MAX 123
#define MB_ADDRESSES           65536
#define MB_UNIT_MAX            247
#define MB_NO_ADDRESS          (-1)

enum mb_table {
  MB_COIL,
  MB_DISCRETE,
  MB_HOLDING,
  MB_INPUT,
  MB_OBJECT, /* of the identification (function 43/14): no table, but read like one; the address is its number */
};
#define MB_TABLES 5

enum mb_type {
  MB_INT16 = 1,
  MB_UINT16,
  MB_INT32,
  MB_UINT32,
  MB_INT64,
  MB_UINT64,
  MB_FLOAT32,
  MB_FLOAT64,
  MB_STRING, /* `type: string`, which is the core's own name */
  MB_BIT,
  MB_BITS16,
  MB_BITS32,
  MB_SCALED = 64, /* + one of the integers: times ten to the power of what stands in scale_register */
};

/* Byte order as two independent swaps of what is on the wire; A is the most significant byte. */
enum mb_order {
  MB_ORDER_PLAIN = 0,      /* ABCD */
  MB_ORDER_SWAP_WORDS = 1, /* CDAB: the least significant word comes first */
  MB_ORDER_SWAP_BYTES = 2, /* BADC: within each word the least significant byte comes first */
};                         /* DCBA: both */

enum mb_transport { MB_TCP, MB_RTU, MB_RTU_OVER_TCP };
/* How much of a connection is a serial line: the whole, or only how requests are framed. */
static inline bool mb_is_serial(int transport)
{
  return transport == MB_RTU;
}
static inline bool mb_is_framed(int transport)
{
  return transport != MB_TCP;
}

struct mb_connection_options {
  int transport; /* enum mb_transport */
  const char *host;
  int64_t port;
  const char *device;
  int64_t baud;
  int parity; /* 'N', 'E', 'O' */
  int64_t data_bits, stop_bits;
  uint64_t timeout_us, gap_us, drain_us, idle_us;
  struct {
    int64_t first, last; /* units that are looked for */
  } discover;
};

/* How a device says what it is made of. */
enum mb_describe { MB_DESCRIBE_NOT, MB_DESCRIBE_SUNSPEC };

struct mb_device_options {
  struct {
    int64_t unit, base;
  } address;
  struct {
    int64_t max_registers, max_gap;
  } limits;
  int describe; /* enum mb_describe */
};

struct mb_read_options {
  int64_t input, holding, coil, discrete; /* as written; MB_NO_ADDRESS when not */
  int order;                              /* enum mb_order bits */
  int64_t count;                          /* registers of a string */
  int64_t bit, width;                     /* a slice; bit -1: the whole */
  int64_t scale_register;                 /* as written, in the same table; MB_NO_ADDRESS when not */
  int identification;                     /* number of the object + 1; 0: none */
};

struct mb_write_options {
  int64_t holding, coil;
  int64_t function; /* 0: chosen */
};

extern const struct tt_option mb_connection_table[], mb_device_table[], mb_read_table[], mb_write_table[];
extern const struct tt_wire_type mb_types[];

/* ops->check. */
void mb_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);

/* How a value lies in the registers of a device. */
struct mb_format {
  enum mb_type type;
  unsigned order;      /* enum mb_order bits */
  unsigned words;      /* registers, or 1 coil or discrete input */
  unsigned bit, width; /* a slice of an integer; width 0: the whole */
  bool is_boolean;     /* of a slice of one bit: the field is a boolean, not 0 or 1 */
};

/* Where a point is, on the wire. */
struct mb_place {
  enum mb_table table;
  uint16_t address;
  struct mb_format format;
  uint8_t function; /* to write with; 0 on the read side */
  int32_t scale;    /* address of the register with the power of ten, in the same table; MB_NO_ADDRESS: none */
};
#define MB_MASK_WRITE 22

/* The read and the write side of a point. -ENOENT: it has no such side; -EINVAL: mb_check() has complained. */
int mb_place_read(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret);
int mb_place_write(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret);

/* "0x0034 (52), table number 30053"; `count` > 1: "0x0034..0x0035 (52..53), table numbers 30053..30054". */
#define MB_ADDRESS_TEXT 80
char *mb_address_print(char out[static MB_ADDRESS_TEXT], enum mb_table table, uint16_t address, unsigned count);
const char *mb_table_name(enum mb_table table); /* "input register" */
static inline bool mb_table_is_bits(enum mb_table table)
{
  return table == MB_COIL || table == MB_DISCRETE;
}
