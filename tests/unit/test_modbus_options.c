/* SPDX-License-Identifier: Apache-2.0
 * options.c: addresses as people see them, and what is wrong with a configuration. */
#include "cmocka_all.h"
#include "options.h"

#include <stdio.h>

/* The list is the configuration's; here only what was added to it matters. */
struct tt_diags {
  size_t n;
  enum tt_severity severity[16];
  char code[16][32];
  char text[16][256];
};

void tt_diag(struct tt_diags *diags, enum tt_severity severity, const char *code, struct tt_mark at,
             const char *format, ...)
{
  va_list ap;
  (void)at;
  assert_true(diags->n < TT_COUNT(diags->text));
  diags->severity[diags->n] = severity;
  snprintf(diags->code[diags->n], sizeof diags->code[0], "%s", code);
  va_start(ap, format);
  vsnprintf(diags->text[diags->n++], sizeof diags->text[0], format, ap);
  va_end(ap);
}

void tt_diag_also(struct tt_diags *diags, struct tt_mark at, const char *format, ...)
{
  (void)diags, (void)at, (void)format;
}

static const struct mb_read_options nowhere = {
    .input = -1, .holding = -1, .coil = -1, .discrete = -1, .bit = -1, .width = 1, .scale_register = -1};

static struct mb_read_options at(enum mb_table table, int64_t address)
{
  struct mb_read_options options = nowhere;
  *(table == MB_INPUT     ? &options.input
    : table == MB_HOLDING ? &options.holding
    : table == MB_COIL    ? &options.coil
                          : &options.discrete) = address;
  return options;
}

static const struct mb_device_options plain = {{1, 0}, {125, 0}};

/* The diagnostics of one point. */
static struct tt_diags check_one(struct tt_point point, const struct mb_device_options *options)
{
  struct tt_diags diags = {0};
  point.name = "p";
  struct tt_device_config device = {.key = "d", .options = options, .points = &point, .n_points = 1};
  mb_check(&(struct mb_connection_options){0}, &device, &diags);
  return diags;
}

static void addresses_in_both_forms(void **state)
{
  (void)state;
  char out[MB_ADDRESS_TEXT];
  assert_string_equal(mb_address_print(out, MB_INPUT, 52, 1), "0x0034 (52), table number 30053");
  assert_string_equal(mb_address_print(out, MB_HOLDING, 2, 2), "0x0002..0x0003 (2..3), table numbers 40003..40004");
  assert_string_equal(mb_address_print(out, MB_COIL, 0, 1), "0x0000 (0), table number 00001");
  assert_string_equal(mb_address_print(out, MB_DISCRETE, 9998, 1), "0x270E (9998), table number 19999");
  assert_string_equal(mb_address_print(out, MB_HOLDING, 9999, 1), "0x270F (9999), table number 410000");
  assert_string_equal(mb_address_print(out, MB_HOLDING, 65535, 1), "0xFFFF (65535), table number 465536");
  assert_true(strlen(mb_address_print(out, MB_HOLDING, 65410, 126)) < sizeof out - 1);
}

static void where_a_point_is(void **state)
{
  (void)state;
  struct mb_read_options read = at(MB_INPUT, 0x34);
  read.order = MB_ORDER_SWAP_WORDS;
  struct tt_point point = {.wire_type = MB_FLOAT32, .address = &read};
  struct mb_place place;
  assert_int_equal(mb_place_read(&point, &plain, &place), 0);
  assert_int_equal(place.table, MB_INPUT);
  assert_int_equal(place.address, 0x34);
  assert_int_equal(place.format.words, 2);
  assert_int_equal(place.format.order, MB_ORDER_SWAP_WORDS);
  assert_int_equal(mb_place_read(&point, &(struct mb_device_options){{1, 1}, {125, 0}}, &place), 0);
  assert_int_equal(place.address, 0x33);
  assert_int_equal(mb_place_write(&point, &plain, &place), -ENOENT);
  point.address = NULL;
  assert_int_equal(mb_place_read(&point, &plain, &place), -ENOENT);
}

static void functions_of_writes(void **state)
{
  (void)state;
  const struct {
    int type;
    enum mb_table table;
    int64_t function;
    int expected; /* function, or -EINVAL */
  } rows[] = {
      {MB_UINT16, MB_HOLDING, 0, 6},       {MB_UINT16, MB_HOLDING, 16, 16},
      {MB_FLOAT32, MB_HOLDING, 0, 16},     {MB_FLOAT32, MB_HOLDING, 6, -EINVAL},
      {MB_UINT16, MB_HOLDING, 5, -EINVAL}, {MB_BIT, MB_COIL, 0, 5},
      {MB_BIT, MB_COIL, 15, 15},           {MB_BIT, MB_COIL, 6, -EINVAL},
      {MB_UINT16, MB_INPUT, 0, -EINVAL},   {MB_BIT, MB_DISCRETE, 0, -EINVAL},
      {MB_UINT16, MB_HOLDING, 7, -EINVAL},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct mb_read_options read = at(rows[i].table, 10);
    struct mb_write_options options = {-1, -1, rows[i].function};
    struct tt_write write = {.address = &options};
    struct tt_point point = {.type = rows[i].type == MB_BIT ? TT_TYPE_BOOLEAN : TT_TYPE_INT32,
                             .wire_type = rows[i].type,
                             .address = &read,
                             .write = &write};
    struct mb_place place = {0};
    int r = mb_place_write(&point, &plain, &place);
    if (r < 0 ? r != rows[i].expected : place.function != rows[i].expected)
      fail_msg("row %zu: %d, function %d", i, r, place.function);
  }
}

static void a_write_elsewhere(void **state)
{
  (void)state;
  struct mb_read_options read = at(MB_INPUT, 10);
  struct mb_write_options options = {.holding = 0x100, .coil = -1};
  struct tt_write write = {.address = &options};
  struct tt_point point = {.wire_type = MB_INT32, .address = &read, .write = &write};
  struct mb_place place;
  assert_int_equal(mb_place_write(&point, &plain, &place), 0);
  assert_int_equal(place.table, MB_HOLDING);
  assert_int_equal(place.address, 0x100);
  assert_int_equal(place.function, 16);
  point.address = NULL; /* there are points that can only be written */
  assert_int_equal(mb_place_write(&point, &plain, &place), 0);
  assert_int_equal(check_one(point, &plain).n, 0);
}

static void wrong_points(void **state)
{
  (void)state;
  struct mb_read_options both = at(MB_INPUT, 1), none = nowhere, last = at(MB_HOLDING, 65535),
                         coil = at(MB_COIL, 1), input = at(MB_INPUT, 1), slice = at(MB_HOLDING, 1),
                         counted = at(MB_HOLDING, 1), before = at(MB_HOLDING, 0), text = at(MB_HOLDING, 1);
  both.holding = 1;
  slice.bit = 15;
  slice.width = 2;
  counted.count = 3;
  text.count = 30;
  struct mb_write_options here = {-1, -1, 0}, two = {1, 1, 0};
  struct tt_write write = {.address = &here}, write_two = {.address = &two};
  const struct mb_device_options one_based = {{1, 1}, {125, 0}}, small = {{1, 0}, {8, 0}};
  struct mb_read_options bit = at(MB_HOLDING, 1);
  bit.bit = 1;
  const struct {
    struct tt_point point;
    const struct mb_device_options *device;
    const char *code, *text;
  } rows[] = {
      {{.wire_type = MB_INT16, .address = &both},
       &plain,
       "bad-address",
       "p: a point has one address: input, holding, coil, discrete or identification"},
      {{.wire_type = MB_INT16, .address = &none},
       &plain,
       "no-address",
       "p: the point has no address: give input, holding, coil, discrete or identification"},
      {{.wire_type = MB_INT32, .address = &last},
       &plain,
       "bad-address",
       "p: the last of 2 holding registers from address 65535 on lies beyond 65535"},
      {{.wire_type = MB_INT16, .address = &before},
       &one_based,
       "bad-address",
       "p: address 0 with base: 1 is before the first one"},
      {{.wire_type = MB_INT16, .address = &coil}, &plain, "bad-type", "p: a coil is of type boolean"},
      {{.type = TT_TYPE_QUANTITY, .address = &input},
       &plain,
       "bad-type",
       "p: an input register needs a type that says how long it is: int16, uint16, int32, float32 and so on"},
      {{.type = TT_TYPE_STRING, .address = &input},
       &plain,
       "bad-count",
       "p: a string needs count:, the number of its registers"},
      {{.type = TT_TYPE_STRING, .address = &text},
       &small,
       "bad-count",
       "p: 30 registers are more than limits.max_registers, 8"},
      {{.wire_type = MB_INT32, .address = &counted},
       &plain,
       "bad-count",
       "p: this type takes 2 registers, not count: 3"},
      {{.wire_type = MB_UINT16, .address = &slice}, &plain, "bad-bit", "p: bits 15..16 are not all in 1 register"},
      {{.wire_type = MB_FLOAT32, .address = &bit}, &plain, "bad-bit", "p: bits can be taken of integers only"},
      {{.wire_type = MB_BIT, .type = TT_TYPE_BOOLEAN, .address = &input},
       &plain,
       "bad-bit",
       "p: type: bit of a register needs bit:, the number of the bit"},
      {{.wire_type = MB_UINT16, .address = &input, .write = &write},
       &plain,
       "not-writable",
       "p: an input register cannot be written: give write: {holding: ...} or {coil: ...}"},
      {{.wire_type = MB_UINT16, .address = &bit, .write = &write},
       &plain,
       "not-writable",
       "p: some bits of a register cannot be written alone, unless the device knows function: 22"},
      {{.wire_type = MB_UINT16, .address = &input, .write = &write_two},
       &plain,
       "bad-address",
       "p: a write goes to one address: holding or coil"},
      {{.wire_type = MB_UINT16, .address = &none, .write = &write},
       &plain,
       "no-address",
       "p: where to write is not said: give write: {holding: ...} or {coil: ...}"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_diags diags = check_one(rows[i].point, rows[i].device);
    if (diags.n != 1)
      fail_msg("row %zu: %zu diagnostics", i, diags.n);
    assert_string_equal(diags.text[0], rows[i].text);
    assert_string_equal(diags.code[0], rows[i].code);
    assert_int_equal(diags.severity[0], TT_SEVERITY_ERROR);
  }
}

static void shared_registers(void **state)
{
  (void)state;
  struct mb_read_options a = at(MB_INPUT, 0), b = at(MB_INPUT, 1), c = at(MB_INPUT, 1), d = at(MB_HOLDING, 1);
  struct tt_diags diags = {0};
  c.bit = 3;
  struct tt_point points[] = {
      {.name = "voltage_l1", .wire_type = MB_FLOAT32, .address = &a},
      {.name = "voltage_l2", .wire_type = MB_FLOAT32, .address = &b},
      {.name = "flag", .type = TT_TYPE_BOOLEAN, .address = &c}, /* a slice shares on purpose */
      {.name = "elsewhere", .wire_type = MB_FLOAT32, .address = &d},
      {.name = "again", .wire_type = MB_UINT32, .address = &a}, /* the same registers, seen in another way */
  };
  struct tt_device_config device = {.key = "d", .options = &plain, .points = points, .n_points = TT_COUNT(points)};
  mb_check(&(struct mb_connection_options){0}, &device, &diags);
  assert_int_equal(diags.n, 1);
  assert_string_equal(diags.code[0], "overlap");
  assert_int_equal(diags.severity[0], TT_SEVERITY_WARNING);
  assert_non_null(strstr(diags.text[0], "and voltage_l2 (0x0001..0x0002) share a register"));
}

static void connections(void **state)
{
  (void)state;
  const struct {
    struct mb_connection_options options;
    const char *text; /* NULL: fine */
  } rows[] = {
      {{.transport = MB_TCP, .host = "meter"}, NULL},
      {{.transport = MB_TCP}, "transport: tcp needs host:"},
      {{.transport = MB_RTU, .device = "/dev/ttyUSB0", .baud = 9600}, NULL},
      {{.transport = MB_RTU, .baud = 9600}, "transport: rtu needs device:, the serial port"},
      {{.transport = MB_RTU, .device = "/dev/ttyUSB0", .baud = 9601},
       "9601 is not a speed of serial lines: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200 ..."},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct tt_diags diags = {0};
    mb_check(&rows[i].options, NULL, &diags);
    assert_int_equal(diags.n, rows[i].text != NULL);
    if (rows[i].text)
      assert_string_equal(diags.text[0], rows[i].text);
  }
}

/* Every option is named with a help text, and every default lies within its limits. */
static void table_is_sound(const struct tt_option *table)
{
  for (const struct tt_option *option = table; option->name; option++) {
    assert_non_null(option->help);
    assert_true(strlen(option->help) > 10);
    if (option->type == TT_OPTION_INTEGER && option->preset) {
      assert_true(atof(option->preset) >= option->min && atof(option->preset) <= option->max);
    } else if (option->type == TT_OPTION_TABLE) {
      table_is_sound(option->table);
    }
  }
}

static void tables_are_sound(void **state)
{
  (void)state;
  table_is_sound(mb_connection_table);
  table_is_sound(mb_device_table);
  table_is_sound(mb_read_table);
  table_is_sound(mb_write_table);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(addresses_in_both_forms),
      cmocka_unit_test(where_a_point_is),
      cmocka_unit_test(functions_of_writes),
      cmocka_unit_test(a_write_elsewhere),
      cmocka_unit_test(wrong_points),
      cmocka_unit_test(shared_registers),
      cmocka_unit_test(connections),
      cmocka_unit_test(tables_are_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
