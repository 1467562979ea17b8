/* SPDX-License-Identifier: Apache-2.0
 *
 * place.c: where points are and how they lie there, and what is wrong with what the configuration says about it.
 */
#include "options.h"

#include <stdio.h>

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
  case MB_SCALED: /* no type of its own */
    break;
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
      [MB_OBJECT] = "identification object",
  };
  return names[table];
}

/* The number in a vendor's table: the kind, then the address counted from 1; five digits where they suffice. */
static unsigned table_number(enum mb_table table, unsigned address)
{
  static const unsigned kind[MB_TABLES] = {[MB_COIL] = 0, [MB_DISCRETE] = 1, [MB_HOLDING] = 4, [MB_INPUT] = 3};
  return kind[table] * (address < 9999 ? 10000 : 100000) + address + 1;
}

char *mb_address_print(char out[static MB_ADDRESS_TEXT], enum mb_table table, uint16_t address, unsigned count)
{
  unsigned last = address + (count ? count : 1) - 1;
  if (table == MB_OBJECT) {
    snprintf(out, MB_ADDRESS_TEXT, "%u", address);
  } else if (last == address) {
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

static int place_scale(const struct mb_read_options *options, const struct mb_device_options *device,
                       struct mb_place *place, struct fault *fault)
{
  if (!options || options->scale_register == MB_NO_ADDRESS)
    return 0;
  int64_t address = options->scale_register - device->address.base;
  if (address < 0 || address >= MB_ADDRESSES)
    return faulty(fault, "bad-address", "scale_register %lld with base: %lld is not an address",
                  (long long)options->scale_register, (long long)device->address.base);
  place->scale = (int32_t)address;
  return 0;
}

static int place_format(const struct tt_point *point, const struct mb_read_options *options, struct mb_place *place,
                        struct fault *fault)
{
  struct mb_format *format = &place->format;
  bool is_boolean = point->type == TT_TYPE_BOOLEAN;
  bool is_scaled = point->wire_type >= MB_SCALED;
  bool has_scale = options && options->scale_register != MB_NO_ADDRESS;
  place->scale = MB_NO_ADDRESS;
  if (is_scaled != has_scale)
    return faulty(fault, "bad-scale-register",
                  is_scaled ? "a type with _sf needs scale_register:"
                            : "scale_register: needs a type with _sf, as int16_sf");
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
  format->type = is_scaled                       ? (enum mb_type)(point->wire_type - MB_SCALED)
                 : point->wire_type              ? (enum mb_type)point->wire_type
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
    if (is_scaled)
      return faulty(fault, "bad-bit", "bits cannot be scaled by a register");
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
             {MB_DISCRETE, options->discrete},
             {MB_OBJECT, options->identification ? options->identification - 1 : MB_NO_ADDRESS}};
  unsigned found = 0;
  for (size_t i = 0; i < TT_COUNT(all); i++)
    if (all[i].written != MB_NO_ADDRESS) {
      *ret = all[i].table;
      *ret_written = all[i].written;
      found++;
    }
  if (found > 1)
    return faulty(fault, "bad-address",
                  "a point has one address: input, holding, coil, discrete or identification");
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
  if (r >= 0 && place.table == MB_OBJECT) {
    if (point->type != TT_TYPE_STRING || point->wire_type)
      return faulty(fault, "bad-type", "an identification is of type string");
    *ret = (struct mb_place){.table = MB_OBJECT,
                             .address = (uint16_t)written,
                             .format = {.type = MB_STRING, .words = 1},
                             .scale = MB_NO_ADDRESS};
    return 0;
  }
  if (r >= 0)
    r = place_format(point, options, &place, fault);
  if (r >= 0)
    r = place_address(written, device, &place, fault);
  if (r >= 0)
    r = place_scale(options, device, &place, fault);
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
    if (place.table != MB_HOLDING && place.table != MB_COIL)
      return faulty(fault, "not-writable", "%s %s cannot be written: give write: {holding: ...} or {coil: ...}",
                    place.table == MB_DISCRETE ? "a" : "an", mb_table_name(place.table));
  }
  int r = place_format(point, read, &place, fault);
  if (r < 0)
    return r;
  /* Writing some bits would mean reading, changing and writing the rest, which others may have changed since; but the
   * device itself can do it. */
  bool is_masked = options->function == MB_MASK_WRITE;
  if (place.format.width && !is_masked)
    return faulty(fault, "not-writable",
                  "some bits of a register cannot be written alone, unless the device knows function: 22");
  if (is_masked && (!place.format.width || place.format.words != 1 || place.table != MB_HOLDING))
    return faulty(fault, "bad-function", "function 22 writes some bits of one holding register: give bit:");
  r = place_address(written, device, &place, fault);
  if (r >= 0)
    r = place_scale(read, device, &place, fault);
  if (r < 0)
    return r;
  unsigned words = place.format.words;
  if (words > MB_WRITE_REGISTERS_MAX)
    return faulty(fault, "bad-count", "%u registers cannot be written at once, %d can", words,
                  MB_WRITE_REGISTERS_MAX);
  bool is_coil = place.table == MB_COIL;
  unsigned function = (unsigned)options->function;
  if (is_masked) {
    place.function = MB_MASK_WRITE;
    *ret = place;
    return 0;
  }
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
  if (!mb_is_serial(options->transport) && !options->host)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", nowhere,
            "transport: %s needs host:", options->transport == MB_TCP ? "tcp" : "rtu-over-tcp");
  const char *host = options->host ? options->host : "", *colon = strchr(host, ':');
  if (strstr(host, "://"))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-host", nowhere, "host: \"%.80s\": give the name or address without %.*s",
            host, (int)(strstr(host, "://") + 3 - host > 20 ? 20 : strstr(host, "://") + 3 - host), host);
  else if (colon && !strchr(colon + 1, ':'))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-host", nowhere,
            "host: \"%.80s\": what stands behind the colon goes into port:", host);
  else if (strpbrk(host, "/@[] \t"))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-host", nowhere, "host: \"%.80s\" is not a name or an address", host);
  if (options->transport == MB_RTU && !options->device)
    tt_diag(diags, TT_SEVERITY_ERROR, "missing-key", nowhere, "transport: rtu needs device:, the serial port");
  if (options->transport == MB_RTU && !is_baud(options->baud))
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-baud", nowhere,
            "%lld is not a speed of serial lines: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 ...",
            (long long)options->baud);
  if (options->discover.first > options->discover.last)
    tt_diag(diags, TT_SEVERITY_ERROR, "bad-units", nowhere, "discover: first, %lld, is greater than last, %lld",
            (long long)options->discover.first, (long long)options->discover.last);
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
    if (place.table != MB_OBJECT)
      spots[(*n)++] = (struct spot){point, place};
    if (!mb_table_is_bits(place.table) && place.format.words > device->limits.max_registers)
      r = faulty(&fault, "bad-count", "%u registers are more than limits.max_registers, %lld", place.format.words,
                 (long long)device->limits.max_registers);
  } else if (r == -ENOENT && !point->write) {
    r = faulty(&fault, "no-address",
               "the point has no address: give input, holding, coil, discrete or identification");
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
