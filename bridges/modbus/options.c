/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c: option tables and types of the Modbus bridge.
 */
#include "options.h"

#include <stdio.h>

/* Longest answer time that may be configured; a stop waits for the answer that is under way. */
#define TIMEOUT_MAX_US (30 * TT_USEC_PER_SEC)

#define CONNECTION(member) offsetof(struct mb_connection_options, member)
#define DEVICE(member)     offsetof(struct mb_device_options, member)
#define READ(member)       offsetof(struct mb_read_options, member)
#define WRITE(member)      offsetof(struct mb_write_options, member)

static const struct tt_choice transports[] = {
    {"tcp", MB_TCP}, {"rtu", MB_RTU}, {"rtu-over-tcp", MB_RTU_OVER_TCP}, {NULL, 0}};
static const struct tt_choice describes[] = {{"no", MB_DESCRIBE_NOT}, {"sunspec", MB_DESCRIBE_SUNSPEC}, {NULL, 0}};
/* Objects of the identification, as the specification names them, and their numbers + 1. */
static const struct tt_choice objects[] = {
    {"vendor_name", 1},  {"product_code", 2}, {"revision", 3},         {"vendor_url", 4},
    {"product_name", 5}, {"model_name", 6},   {"user_application", 7}, {NULL, 0}};
static const struct tt_choice parities[] = {{"none", 'N'}, {"even", 'E'}, {"odd", 'O'}, {NULL, 0}};
static const struct tt_choice orders[] = {
    {"ABCD", MB_ORDER_PLAIN},
    {"CDAB", MB_ORDER_SWAP_WORDS},
    {"BADC", MB_ORDER_SWAP_BYTES},
    {"DCBA", MB_ORDER_SWAP_WORDS | MB_ORDER_SWAP_BYTES},
    {"ABCDEFGH", MB_ORDER_PLAIN},
    {"GHEFCDAB", MB_ORDER_SWAP_WORDS},
    {"BADCFEHG", MB_ORDER_SWAP_BYTES},
    {"HGFEDCBA", MB_ORDER_SWAP_WORDS | MB_ORDER_SWAP_BYTES},
    {NULL, 0},
};

static const struct tt_option discover_table[] = {
    {.name = "first",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_connection_options *)0)->discover), first),
     .preset = "1",
     .min = 1,
     .max = MB_UNIT_MAX,
     .help = "The first unit number that thingtree discover asks."},
    {.name = "last",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_connection_options *)0)->discover), last),
     .preset = "10",
     .min = 1,
     .max = MB_UNIT_MAX,
     .help = "The last one. Each that is not there costs timeout and drain; it ends when the time is over."},
    TT_OPTION_END,
};

const struct tt_option mb_connection_table[] = {
    {.name = "transport",
     .type = TT_OPTION_CHOICE,
     .offset = CONNECTION(transport),
     .preset = "tcp",
     .choices = transports,
     .help = "tcp: Modbus TCP to host and port. rtu: a serial line, named by device. rtu-over-tcp: the frames of a "
             "serial "
             "line to host and port, for converters that only pass bytes on."},
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = CONNECTION(host),
     .flags = TT_OPTION_ADDRESS,
     .help = "Name or address of the device or gateway (tcp)."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     .offset = CONNECTION(port),
     .preset = "502",
     .min = 1,
     .max = 65535,
     .flags = TT_OPTION_ADDRESS,
     .help = "TCP port of the device or gateway."},
    {.name = "device",
     .type = TT_OPTION_STRING,
     .offset = CONNECTION(device),
     .flags = TT_OPTION_DEVICE,
     .help =
         "Serial port (rtu). A path below /dev/serial/by-id stays the same when the adapter is plugged in again."},
    {.name = "baud",
     .type = TT_OPTION_INTEGER,
     .offset = CONNECTION(baud),
     .preset = "9600",
     .min = 110,
     .max = 1000000,
     .help = "Speed of the serial line; all devices on it must use the same."},
    {.name = "parity",
     .type = TT_OPTION_CHOICE,
     .offset = CONNECTION(parity),
     .preset = "none",
     .choices = parities,
     .help = "Parity of the serial line."},
    {.name = "data_bits",
     .type = TT_OPTION_INTEGER,
     .offset = CONNECTION(data_bits),
     .preset = "8",
     .min = 7,
     .max = 8,
     .help = "Data bits of the serial line; Modbus RTU uses 8."},
    {.name = "stop_bits",
     .type = TT_OPTION_INTEGER,
     .offset = CONNECTION(stop_bits),
     .preset = "1",
     .min = 1,
     .max = 2,
     .help = "Stop bits of the serial line."},
    {.name = "timeout",
     .type = TT_OPTION_DURATION,
     .offset = CONNECTION(timeout_us),
     .preset = "1s",
     .min = 1000,
     .max = TIMEOUT_MAX_US,
     .help = "How long to wait until a device begins to answer, and then until the answer is complete."},
    {.name = "gap",
     .type = TT_OPTION_DURATION,
     .offset = CONNECTION(gap_us),
     .preset = "0",
     .max = TT_USEC_PER_SEC,
     .help = "Silence between requests. 0: on a serial line what the speed demands (3.5 characters, at least 2ms), "
             "none over TCP."},
    {.name = "drain",
     .type = TT_OPTION_DURATION,
     .offset = CONNECTION(drain_us),
     .preset = "500ms",
     .min = 1000,
     .max = TIMEOUT_MAX_US,
     .help = "How long to listen after a time-out before the next request, so that a late answer is not taken for "
             "another one. At least as long as the slowest device may be late."},
    {.name = "idle_close",
     .type = TT_OPTION_DURATION,
     .offset = CONNECTION(idle_us),
     .preset = "0",
     .max = 24.0 * 3600 * TT_USEC_PER_SEC,
     .help =
         "Close a TCP connection that was not used for this long and make it again when needed, for gateways that "
         "serve only few. 0: keep it open."},
    {.name = "discover",
     .type = TT_OPTION_TABLE,
     .offset = CONNECTION(discover),
     .table = discover_table,
     .help = "Which unit numbers thingtree discover looks for."},
    TT_OPTION_END,
};

static const struct tt_option address_table[] = {
    {.name = "unit",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_device_options *)0)->address), unit),
     .preset = "1",
     .min = 1,
     .max = MB_UNIT_MAX,
     .help = "Unit (slave) number of the device on its bus."},
    {.name = "base",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_device_options *)0)->address), base),
     .preset = "0",
     .min = 0,
     .max = 1,
     .help =
         "Number of the first address in this mapping: 0 as on the wire, 1 when it is copied from a vendor's table "
         "that counts from 1."},
    TT_OPTION_END,
};

static const struct tt_option limits_table[] = {
    {.name = "max_registers",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_device_options *)0)->limits), max_registers),
     .preset = "125",
     .min = 1,
     .max = MB_READ_REGISTERS_MAX,
     .help = "Registers that one request may ask for; of coils and discrete inputs 16 times as many."},
    {.name = "max_gap",
     .type = TT_OPTION_INTEGER,
     .offset = offsetof(__typeof__(((struct mb_device_options *)0)->limits), max_gap),
     .preset = "0",
     .min = 0,
     .max = MB_READ_REGISTERS_MAX,
     .help =
         "Registers that no point names and that may be read along to join two points. Some devices refuse such a "
         "read; it is then split, and that is remembered."},
    TT_OPTION_END,
};

const struct tt_option mb_device_table[] = {
    {.name = "address",
     .type = TT_OPTION_TABLE,
     .offset = DEVICE(address),
     .table = address_table,
     .help = "Which device on the bus, and how this mapping counts."},
    {.name = "limits",
     .type = TT_OPTION_TABLE,
     .offset = DEVICE(limits),
     .table = limits_table,
     .help = "What may be joined into one request."},
    {.name = "describe",
     .type = TT_OPTION_CHOICE,
     .offset = DEVICE(describe),
     .preset = "no",
     .choices = describes,
     .help = "sunspec: the device itself says what points it has, beside those of the mapping."},
    TT_OPTION_END,
};

const struct tt_option mb_read_table[] = {
    {.name = "input",
     .type = TT_OPTION_INTEGER,
     .offset = READ(input),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of an input register (function 4)."},
    {.name = "holding",
     .type = TT_OPTION_INTEGER,
     .offset = READ(holding),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of a holding register (function 3)."},
    {.name = "coil",
     .type = TT_OPTION_INTEGER,
     .offset = READ(coil),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of a coil (function 1)."},
    {.name = "discrete",
     .type = TT_OPTION_INTEGER,
     .offset = READ(discrete),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of a discrete input (function 2)."},
    {.name = "order",
     .type = TT_OPTION_CHOICE,
     .offset = READ(order),
     .preset = "ABCD",
     .choices = orders,
     .flags = TT_OPTION_INHERIT,
     .help =
         "Order of the bytes on the wire, A being the most significant. With values of another size it is the same "
         "swap of words and of bytes in a word; the words of a string are never swapped."},
    {.name = "count",
     .type = TT_OPTION_INTEGER,
     .offset = READ(count),
     .preset = "0",
     .min = 0,
     .max = MB_READ_REGISTERS_MAX,
     .help = "Registers of a string; two characters each."},
    {.name = "bit",
     .type = TT_OPTION_INTEGER,
     .offset = READ(bit),
     .preset = "-1",
     .min = -1,
     .max = 63,
     .help = "Take only some bits of an integer: the lowest of them, 0 being the least significant."},
    {.name = "width",
     .type = TT_OPTION_INTEGER,
     .offset = READ(width),
     .preset = "1",
     .min = 1,
     .max = 63,
     .help = "How many bits, with bit."},
    {.name = "scale_register",
     .type = TT_OPTION_INTEGER,
     .offset = READ(scale_register),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help =
         "Address of the register whose value is the power of ten to multiply with; read together with the point. "
         "For types with _sf."},
    {.name = "identification",
     .type = TT_OPTION_CHOICE,
     .offset = READ(identification),
     .choices = objects,
     .help = "Instead of an address: a text of the device identification (function 43/14)."},
    TT_OPTION_END,
};

const struct tt_option mb_write_table[] = {
    {.name = "holding",
     .type = TT_OPTION_INTEGER,
     .offset = WRITE(holding),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of the holding register to write, when it is not the one that is read."},
    {.name = "coil",
     .type = TT_OPTION_INTEGER,
     .offset = WRITE(coil),
     .preset = "-1",
     .min = -1,
     .max = MB_ADDRESSES,
     .help = "Address of the coil to write, when it is not the one that is read."},
    {.name = "function",
     .type = TT_OPTION_INTEGER,
     .offset = WRITE(function),
     .preset = "0",
     .min = 0,
     .max = MB_MASK_WRITE,
     .help =
         "Function code: 5 or 15 for a coil, 6 (one register) or 16, 22 for some bits of a register. 0: 5 for a "
         "coil, 6 for one register, 16 for more."},
    TT_OPTION_END,
};

const struct tt_wire_type mb_types[] = {
    {"int16", MB_INT16, TT_TYPE_INT32, "one register, signed"},
    {"uint16", MB_UINT16, TT_TYPE_INT32, "one register, unsigned"},
    {"int32", MB_INT32, TT_TYPE_INT32, "two registers, signed"},
    {"uint32", MB_UINT32, TT_TYPE_INT64, "two registers, unsigned"},
    {"int64", MB_INT64, TT_TYPE_INT64, "four registers, signed"},
    {"uint64", MB_UINT64, TT_TYPE_INT64, "four registers, unsigned; what exceeds 2^63-1 is an error of the point"},
    {"float32", MB_FLOAT32, TT_TYPE_QUANTITY, "two registers, IEEE 754"},
    {"float64", MB_FLOAT64, TT_TYPE_QUANTITY, "four registers, IEEE 754"},
    {"bit", MB_BIT, TT_TYPE_BOOLEAN, "a coil or discrete input, or one bit of a register (bit:)"},
    {"bits16", MB_BITS16, TT_TYPE_STRING, "one register of flags, named by bits:"},
    {"bits32", MB_BITS32, TT_TYPE_STRING, "two registers of flags, named by bits:"},
    {"int16_sf", MB_SCALED + MB_INT16, TT_TYPE_QUANTITY, "int16 with a scale_register"},
    {"uint16_sf", MB_SCALED + MB_UINT16, TT_TYPE_QUANTITY, "uint16 with a scale_register"},
    {"int32_sf", MB_SCALED + MB_INT32, TT_TYPE_QUANTITY, "int32 with a scale_register"},
    {"uint32_sf", MB_SCALED + MB_UINT32, TT_TYPE_QUANTITY, "uint32 with a scale_register"},
    {"int64_sf", MB_SCALED + MB_INT64, TT_TYPE_QUANTITY, "int64 with a scale_register"},
    {"uint64_sf", MB_SCALED + MB_UINT64, TT_TYPE_QUANTITY, "uint64 with a scale_register"},
    {NULL, 0, TT_TYPE_NONE, NULL},
};
