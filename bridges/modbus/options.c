/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c: option tables, types and checks of the Modbus bridge.
 */
#include "options.h"

#include <stdio.h>

/* Longest answer time that may be configured; a stop waits for the answer that is under way. */
#define TIMEOUT_MAX_US (30 * TT_USEC_PER_SEC)

#define CONNECTION(member) offsetof(struct mb_connection_options, member)
#define DEVICE(member)     offsetof(struct mb_device_options, member)
#define READ(member)       offsetof(struct mb_read_options, member)
#define WRITE(member)      offsetof(struct mb_write_options, member)

static const struct tt_choice transports[] = {{"tcp", MB_TCP}, {"rtu", MB_RTU}, {NULL, 0}};
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

const struct tt_option mb_connection_table[] = {
    {.name = "transport",
     .type = TT_OPTION_CHOICE,
     .offset = CONNECTION(transport),
     .preset = "tcp",
     .choices = transports,
     .help = "tcp: Modbus TCP to host and port. rtu: a serial line, named by device."},
    {.name = "host",
     .type = TT_OPTION_STRING,
     .offset = CONNECTION(host),
     .help = "Name or address of the device or gateway (tcp)."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     .offset = CONNECTION(port),
     .preset = "502",
     .min = 1,
     .max = 65535,
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
     .max = 16,
     .help =
         "Function code: 5 or 15 for a coil, 6 (one register) or 16. 0: 5 for a coil, 6 for one register, 16 for "
         "more."},
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
    {NULL, 0, TT_TYPE_NONE, NULL},
};

static unsigned words_of(enum mb_type type, int64_t count)
{
  switch (type) {
  case MB_INT16:
  case MB_UINT16:
  case MB_BIT:
  case MB_BITS16:
    return 1;
  case MB_INT32:
  case MB_UINT32:
  case MB_FLOAT32:
  case MB_BITS32:
    return 2;
  case MB_INT64:
  case MB_UINT64:
  case MB_FLOAT64:
    return 4;
  case MB_STRING:
    return (unsigned)count;
  }
  return 0;
}

static bool is_sliceable(enum mb_type type)
{
  return type != MB_FLOAT32 && type != MB_FLOAT64 && type != MB_STRING;
}

/* ---- Addresses --------------------------------------------------------------------------------------- */
const char *mb_table_name(enum mb_table table)
{
  static const char *const names[] = {
      [MB_COIL] = "coil",
      [MB_DISCRETE] = "discrete input",
      [MB_HOLDING] = "holding register",
      [MB_INPUT] = "input register",
  };
  return names[table];
}

/* The number in a vendor's table: the kind, then the address counted from 1; five digits where they suffice. */
static unsigned table_number(enum mb_table table, unsigned address)
{
  static const unsigned kind[] = {[MB_COIL] = 0, [MB_DISCRETE] = 1, [MB_HOLDING] = 4, [MB_INPUT] = 3};
  return kind[table] * (address < 9999 ? 10000 : 100000) + address + 1;
}

char *mb_address_print(char out[static MB_ADDRESS_TEXT], enum mb_table table, uint16_t address, unsigned count)
{
  unsigned last = address + (count ? count : 1) - 1;
  if (last == address) {
    snprintf(out, MB_ADDRESS_TEXT, "0x%04X (%u), table number %05u", address, address,
             table_number(table, address));
  } else {
    snprintf(out, MB_ADDRESS_TEXT, "0x%04X..0x%04X (%u..%u), table numbers %05u..%05u", address, last, address,
             last, table_number(table, address), table_number(table, last));
  }
  return out;
}

/* ---- Points ------------------------------------------------------------------------------------------ */
/* What is wrong with a place: a code and a sentence. Both empty: nothing. */
struct fault {
  const char *code;
  char text[200];
};

__attribute__((format(printf, 3, 4))) static int faulty(struct fault *fault, const char *code, const char *format,
                                                        ...)
{
  va_list ap;
  fault->code = code;
  va_start(ap, format);
  vsnprintf(fault->text, sizeof fault->text, format, ap);
  va_end(ap);
  return -EINVAL;
}

static int place_address(int64_t written, const struct mb_device_options *device, struct mb_place *place,
                         struct fault *fault)
{
  int64_t address = written - device->address.base;
  if (address < 0)
    return faulty(fault, "bad-address", "address %lld with base: %lld is before the first one", (long long)written,
                  (long long)device->address.base);
  if (address + place->format.words > MB_ADDRESSES)
    return faulty(fault, "bad-address", "the last of %u %ss from address %lld on lies beyond 65535",
                  place->format.words, mb_table_name(place->table), (long long)written);
  place->address = (uint16_t)address;
  return 0;
}

static int place_format(const struct tt_point *point, const struct mb_read_options *options, struct mb_place *place,
                        struct fault *fault)
{
  struct mb_format *format = &place->format;
  bool is_boolean = point->type == TT_TYPE_BOOLEAN;
  if (mb_table_is_bits(place->table)) {
    if (point->wire_type ? point->wire_type != MB_BIT : !is_boolean)
      return faulty(fault, "bad-type", "a %s is of type boolean", mb_table_name(place->table));
    *format = (struct mb_format){.type = MB_BIT, .words = 1, .is_boolean = true};
    return 0;
  }
  if (!point->wire_type && !is_boolean && point->type != TT_TYPE_STRING)
    return faulty(fault, "bad-type",
                  "%s %s needs a type that says how long it is: int16, uint16, int32, float32 and so on",
                  place->table == MB_INPUT ? "an" : "a", mb_table_name(place->table));
  format->type = point->wire_type                ? (enum mb_type)point->wire_type
                 : point->type == TT_TYPE_STRING ? MB_STRING
                                                 : MB_UINT16;
  format->words = words_of(format->type, options ? options->count : 0);
  format->order = options ? (unsigned)options->order : MB_ORDER_PLAIN;
  format->is_boolean = is_boolean;
  if (format->type == MB_STRING && !format->words)
    return faulty(fault, "bad-count", "a string needs count:, the number of its registers");
  if (format->type != MB_STRING && options && options->count && options->count != format->words)
    return faulty(fault, "bad-count", "this type takes %u register%s, not count: %lld", format->words,
                  format->words > 1 ? "s" : "", (long long)options->count);
  if (format->type == MB_BIT && (!options || options->bit < 0))
    return faulty(fault, "bad-bit", "type: bit of a register needs bit:, the number of the bit");
  if (options && options->bit >= 0) {
    if (!is_sliceable(format->type))
      return faulty(fault, "bad-bit", "bits can be taken of integers only");
    if (options->bit + options->width > 16 * format->words)
      return faulty(fault, "bad-bit", "bits %lld..%lld are not all in %u register%s", (long long)options->bit,
                    (long long)(options->bit + options->width - 1), format->words, format->words > 1 ? "s" : "");
    if (format->type == MB_BIT && options->width != 1)
      return faulty(fault, "bad-bit", "type: bit is one bit wide; use uint16 with width:");
    format->bit = (unsigned)options->bit;
    format->width = (unsigned)options->width;
    format->is_boolean = is_boolean;
  }
  return 0;
}

static int read_table(const struct mb_read_options *options, enum mb_table *ret, int64_t *ret_written,
                      struct fault *fault)
{
  const struct {
    enum mb_table table;
    int64_t written;
  } all[] = {{MB_INPUT, options->input},
             {MB_HOLDING, options->holding},
             {MB_COIL, options->coil},
             {MB_DISCRETE, options->discrete}};
  unsigned found = 0;
  for (size_t i = 0; i < TT_COUNT(all); i++)
    if (all[i].written != MB_NO_ADDRESS) {
      *ret = all[i].table;
      *ret_written = all[i].written;
      found++;
    }
  if (found > 1)
    return faulty(fault, "bad-address", "a point has one address: input, holding, coil or discrete");
  return found ? 0 : -ENOENT;
}

static int place_read(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret,
                      struct fault *fault)
{
  const struct mb_read_options *options = point->address;
  struct mb_place place = {0};
  int64_t written;
  if (!options)
    return -ENOENT;
  int r = read_table(options, &place.table, &written, fault);
  if (r >= 0)
    r = place_format(point, options, &place, fault);
  if (r >= 0)
    r = place_address(written, device, &place, fault);
  if (r >= 0)
    *ret = place;
  return r;
}

static int place_write(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret,
                       struct fault *fault)
{
  if (!point->write || !point->write->address)
    return -ENOENT;
  const struct mb_write_options *options = point->write->address;
  const struct mb_read_options *read = point->address;
  struct mb_place place = {0};
  int64_t written = MB_NO_ADDRESS;
  if (options->holding != MB_NO_ADDRESS && options->coil != MB_NO_ADDRESS)
    return faulty(fault, "bad-address", "a write goes to one address: holding or coil");
  if (options->holding != MB_NO_ADDRESS) {
    place.table = MB_HOLDING;
    written = options->holding;
  } else if (options->coil != MB_NO_ADDRESS) {
    place.table = MB_COIL;
    written = options->coil;
  } else {
    int r = read ? read_table(read, &place.table, &written, fault) : -ENOENT;
    if (r == -ENOENT)
      return faulty(fault, "no-address", "where to write is not said: give write: {holding: ...} or {coil: ...}");
    if (r < 0)
      return r;
    if (place.table == MB_INPUT || place.table == MB_DISCRETE)
      return faulty(fault, "not-writable", "%s %s cannot be written: give write: {holding: ...} or {coil: ...}",
                    place.table == MB_INPUT ? "an" : "a", mb_table_name(place.table));
  }
  int r = place_format(point, read, &place, fault);
  if (r < 0)
    return r;
  /* Writing some bits would mean reading, changing and writing the rest, which others may have changed since. */
  if (place.format.width)
    return faulty(fault, "not-writable", "some bits of a register cannot be written alone");
  r = place_address(written, device, &place, fault);
  if (r < 0)
    return r;
  unsigned words = place.format.words;
  if (words > MB_WRITE_REGISTERS_MAX)
    return faulty(fault, "bad-count", "%u registers cannot be written at once, %d can", words,
                  MB_WRITE_REGISTERS_MAX);
  bool is_coil = place.table == MB_COIL;
  unsigned function = (unsigned)options->function;
  if (!function)
    function = is_coil ? 5 : words == 1 ? 6 : 16;
  if (is_coil ? function != 5 && function != 15 : function != 16 && (function != 6 || words != 1))
    return faulty(fault, "bad-function", "function %u does not write %s", function,
                  is_coil      ? "a coil: use 5 or 15"
                  : words == 1 ? "one holding register: use 6 or 16"
                               : "several holding registers: use 16");
  place.function = (uint8_t)function;
  *ret = place;
  return 0;
}

int mb_place_read(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret)
{
  struct fault fault;
  return place_read(point, device, ret, &fault);
}

int mb_place_write(const struct tt_point *point, const struct mb_device_options *device, struct mb_place *ret)
{
  struct fault fault;
  return place_write(point, device, ret, &fault);
}

/* ---- Check ------------------------------------------------------------------------------------------- */
/* Those that libmodbus knows; it would take 9600 for any other. */
static bool is_baud(int64_t baud)
{
  static const int known[] = {110,   300,    600,    1200,   2400,   4800,   9600,   19200,  38400,
                              57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000};
  for (size_t i = 0; i < TT_COUNT(known); i++)
    if (known[i] == baud)
      return true;
  return false;
}

static void check_connection(const struct mb_connection_options *options, struct tt_diags *diags)
{
  struct tt_mark nowhere = {0};
  if (options->transport == MB_TCP && !options->host)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", nowhere, "transport: tcp needs host:");
  if (options->transport == MB_RTU && !options->device)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", nowhere, "transport: rtu needs device:, the serial port");
  if (options->transport == MB_RTU && !is_baud(options->baud))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-baud", nowhere,
            "%lld is not a speed of serial lines: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 ...",
            (long long)options->baud);
}

struct spot {
  const struct tt_point *point;
  struct mb_place place;
};

static int by_address(const void *left, const void *right)
{
  const struct spot *a = left, *b = right;
  if (a->place.table != b->place.table)
    return a->place.table < b->place.table ? -1 : 1;
  if (a->place.address != b->place.address)
    return a->place.address < b->place.address ? -1 : 1;
  return a->point < b->point ? -1 : a->point > b->point;
}

/* Two values that share some registers but not all are nearly always a mistyped address. Slices share on purpose. */
static void check_overlap(struct spot *spots, size_t n, struct tt_diags *diags)
{
  qsort(spots, n, sizeof *spots, by_address);
  for (size_t i = 0; i + 1 < n; i++) {
    const struct mb_place *a = &spots[i].place, *b = &spots[i + 1].place;
    unsigned end_a = a->address + a->format.words - 1u, end_b = b->address + b->format.words - 1u;
    bool is_same = a->address == b->address && end_a == end_b;
    if (a->table != b->table || b->address > end_a || is_same || a->format.width || b->format.width)
      continue;
    tt_diag(diags, TT_SEVERITY_WARNING, "overlap", spots[i].point->mark,
            "%s (0x%04X..0x%04X) and %s (0x%04X..0x%04X) share a register", spots[i].point->name, a->address, end_a,
            spots[i + 1].point->name, b->address, end_b);
    if (spots[i + 1].point->mark.file)
      tt_diag_also(diags, spots[i + 1].point->mark, "the other one");
  }
}

static void check_point(const struct tt_point *point, const struct mb_device_options *device,
                        struct tt_diags *diags, struct spot *spots, size_t *n)
{
  struct fault fault = {0};
  struct mb_place place;
  int r = place_read(point, device, &place, &fault);
  if (r >= 0) {
    spots[(*n)++] = (struct spot){point, place};
    if (!mb_table_is_bits(place.table) && place.format.words > device->limits.max_registers)
      r = faulty(&fault, "bad-count", "%u registers are more than limits.max_registers, %lld", place.format.words,
                 (long long)device->limits.max_registers);
  } else if (r == -ENOENT && !point->write) {
    r = faulty(&fault, "no-address", "the point has no address: give input, holding, coil or discrete");
  }
  if (r != -EINVAL)
    r = place_write(point, device, &place, &fault);
  if (r == -EINVAL)
    tt_diag(diags, TT_SEVERITY_ERROR, fault.code, point->mark, "%s: %s", point->name, fault.text);
}

void mb_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  if (!device) {
    check_connection(connection, diags);
    return;
  }
  struct spot *spots = calloc(device->n_points ? device->n_points : 1, sizeof *spots);
  size_t n = 0;
  if (!spots)
    return;
  for (size_t i = 0; i < device->n_points; i++)
    check_point(&device->points[i], device->options, diags, spots, &n);
  check_overlap(spots, n, diags);
  free(spots);
}
