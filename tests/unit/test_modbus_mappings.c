/* SPDX-License-Identifier: Apache-2.0
 * The mappings of Modbus devices that are shipped: they load without a word, name the registers of independent tables,
 * decode what meters send, and refuse what meters refuse. */
#include "cmocka_all.h"
#include "config/config.h"
#include "decode.h"
#include "frame.h"
#include "model/convert.h"
#include "plan.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

extern const struct tt_bridge_ops tt_bridge_modbus;

struct world {
  char dir[32], file[64];
  struct tt_config *config;
};

static const struct tt_bridge_ops *bridge(void *user, const char *protocol)
{
  (void)user;
  return strcmp(protocol, "modbus") == 0 ? &tt_bridge_modbus : NULL;
}

static int load(void **state)
{
  static const char *const names[] = {"modbus", NULL};
  struct world *world = calloc(1, sizeof *world);
  struct tt_diags *diags;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  snprintf(world->dir, sizeof world->dir, "/tmp/tt-mappings-XXXXXX");
  assert_non_null(mkdtemp(world->dir));
  snprintf(world->file, sizeof world->file, "%s/thingtree.yaml", world->dir);
  FILE *file = fopen(world->file, "w");
  assert_non_null(file);
  fprintf(file,
          "version: 1\n"
          "mappings: [%s/mappings]\n"
          "connections:\n"
          "  bus: {protocol: modbus, host: 127.0.0.1}\n"
          "devices:\n"
          "  sdm630: {uses: modbus/eastron-sdm630, connection: bus, with: {unit: 17}}\n"
          "  sdm120: {uses: modbus/eastron-sdm120, connection: bus}\n"
          "  sunspec: {uses: modbus/sunspec, connection: bus, with: {unit: 126}}\n",
          getenv("TT_SOURCE_DIR"));
  fclose(file);
  struct tt_config_env env = {.file = world->file, .bridge = bridge, .names = names};
  assert_int_equal(tt_config_load(&env, &world->config, &diags), 0);
  tt_diags_render(diags, false, &text);
  if (text.len)
    fail_msg("%s", text.data);
  tt_diags_destroy(diags);
  *state = world;
  return 0;
}

static int unload(void **state)
{
  struct world *world = *state;
  tt_config_destroy(world->config);
  unlink(world->file);
  rmdir(world->dir);
  free(world);
  return 0;
}

static const struct tt_device_config *device(const struct world *world, const char *key)
{
  for (size_t i = 0; i < world->config->n_devices; i++)
    if (strcmp(world->config->devices[i].config.key, key) == 0)
      return &world->config->devices[i].config;
  fail_msg("no device %s", key);
  return NULL;
}

static const struct tt_point *point(const struct tt_device_config *config, const char *name)
{
  for (size_t i = 0; i < config->n_points; i++)
    if (strcmp(config->points[i].name, name) == 0)
      return &config->points[i];
  fail_msg("no point %s", name);
  return NULL;
}

static void they_load(void **state)
{
  const struct tt_device_config *sdm630 = device(*state, "sdm630"), *sdm120 = device(*state, "sdm120");
  const struct mb_device_options *options = sdm630->options;
  assert_int_equal(options->address.unit, 17);
  options = sdm120->options;
  assert_int_equal(options->address.unit, 1);
  assert_int_equal(sdm630->n_points, 61);
  assert_int_equal(sdm120->n_points, 32);
  options = device(*state, "sunspec")->options;
  assert_int_equal(options->address.unit, 126);
  assert_int_equal(options->describe, MB_DESCRIBE_SUNSPEC);
  assert_int_equal(device(*state, "sunspec")->n_points, 0);
}

static void every_point_is_described(void **state)
{
  const struct tt_device_config *both[] = {device(*state, "sdm630"), device(*state, "sdm120")};
  for (size_t d = 0; d < TT_COUNT(both); d++)
    for (size_t i = 0; i < both[d]->n_points; i++) {
      const struct tt_point *p = &both[d]->points[i];
      struct mb_place place;
      const char *en = tt_label_for(&p->label, "en", ""), *sv = tt_label_for(&p->label, "sv", "");
      if (!*en || !*sv || p->label.n != 2)
        fail_msg("%s has not both labels", p->name);
      assert_int_equal(mb_place_read(p, both[d]->options, &place), 0);
      if (place.table == MB_INPUT && (p->type != TT_TYPE_QUANTITY || !*p->ucum || p->write))
        fail_msg("%s is not a measurement", p->name);
      if (p->poll < 0 || (p->is_counter && !strchr(p->ucum, 'h')))
        fail_msg("%s is polled never or counts no energy", p->name);
      if (p->write && (p->write->verify != TT_VERIFY_READBACK || (!p->n_map && !p->write->has_range)))
        fail_msg("%s takes anything or is not verified", p->name);
    }
}

/* The table was made by others from the maker's; columns name,address,function,count,type,order,unit,comment. */
static void sdm630_has_the_registers_of_the_table(void **state)
{
  const struct tt_device_config *config = device(*state, "sdm630");
  char path[400], line[300], type[16], order[16], unit[16];
  unsigned address, function, count, n_rows = 0, n_inputs = 0;
  snprintf(path, sizeof path, "%s/tests/data/modbus/eastron-sdm630-input-registers.csv", getenv("TT_SOURCE_DIR"));
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(line, sizeof line, file));
  while (fgets(line, sizeof line, file)) {
    const struct tt_point *found = NULL;
    struct mb_place place;
    assert_int_equal(
        sscanf(line, "%*[^,],%u,%u,%u,%15[^,],%15[^,],%15[^,]", &address, &function, &count, type, order, unit), 6);
    n_rows++;
    for (size_t i = 0; i < config->n_points && !found; i++) {
      assert_int_equal(mb_place_read(&config->points[i], config->options, &place), 0);
      if (place.table == MB_INPUT && place.address == address)
        found = &config->points[i];
    }
    if (!found)
      fail_msg("nobody reads input register %u", address);
    assert_int_equal(mb_read_function(place.table), function);
    assert_int_equal(place.format.words, count);
    assert_int_equal(place.format.type, MB_FLOAT32);
    assert_int_equal(place.format.order, MB_ORDER_PLAIN);
    assert_string_equal(type, "float32");
    assert_string_equal(order, "ABCD");
    if (strcasecmp(found->ucum, unit) != 0)
      fail_msg("%s is in %s, the table says %s", found->name, found->ucum, unit);
  }
  fclose(file);
  for (size_t i = 0; i < config->n_points; i++) {
    const struct mb_read_options *options = config->points[i].address;
    n_inputs += options->input != MB_NO_ADDRESS;
  }
  assert_int_equal(n_rows, 52);
  assert_int_equal(n_inputs, n_rows);
}

/* Everything together takes few requests, none longer than the meters can. */
static void joined_reads(void **state)
{
  static const struct {
    const char *key;
    size_t n_spans;
  } rows[] = {{"sdm630", 6}, {"sdm120", 10}};
  for (size_t d = 0; d < TT_COUNT(rows); d++) {
    const struct tt_device_config *config = device(*state, rows[d].key);
    const struct mb_device_options *options = config->options;
    struct mb_limits limits = {(unsigned)options->limits.max_registers, (unsigned)options->limits.max_gap};
    struct mb_want wants[80];
    struct mb_span spans[80];
    struct mb_cuts cuts = {0};
    for (size_t i = 0; i < config->n_points; i++) {
      struct mb_place place;
      assert_int_equal(mb_place_read(&config->points[i], options, &place), 0);
      wants[i] = (struct mb_want){place.table, place.address, place.format.words, (uint16_t)i};
    }
    size_t n = mb_plan(wants, config->n_points, &limits, &cuts, spans);
    if (n != rows[d].n_spans)
      fail_msg("%s takes %zu requests, not %zu", rows[d].key, n, rows[d].n_spans);
    for (size_t i = 0; i < n; i++)
      assert_true(spans[i].count <= 80);
  }
}

/* The answer that the maker's description of the protocol shows: nearly 230.2 V. */
static void the_makers_example(void **state)
{
  static const uint8_t answer[] = {0x01, 0x04, 0x04, 0x43, 0x66, 0x33, 0x34};
  struct mb_request request = {1, 4, 0, 2, NULL};
  const struct tt_device_config *config = device(*state, "sdm630");
  const struct tt_point *p = point(config, "voltage_l1");
  const char *why;
  uint16_t words[2];
  struct mb_place place;
  struct tt_value raw, value;
  char text[100];
  struct tt_buf out TT_AUTOBUF = TT_BUF(0);
  assert_int_equal(mb_frame_check(&request, answer, sizeof answer, words, &why), 0);
  assert_int_equal(mb_place_read(p, config->options, &place), 0);
  assert_int_equal(mb_decode(&place.format, words, 2, &raw), 0);
  assert_int_equal(tt_convert_from_raw(p, &raw, &value, text, sizeof text), 0);
  tt_value_print(&value, &out);
  assert_string_equal(out.data, "230.2");
  assert_string_equal(p->unit, "V");
}

/* What registers become; and the settings' way back. */
static void registers_become_values(void **state)
{
  static const struct {
    const char *key, *point;
    uint16_t words[2];
    const char *printed; /* NULL: it is an error */
  } rows[] = {
      {"sdm630", "frequency", {0x4248, 0x0000}, "50.00"},
      {"sdm630", "power", {0xc4d2, 0x2000}, "-1681.0"},
      {"sdm630", "power_factor", {0x3f7d, 0x70a4}, "0.990"},
      {"sdm630", "energy_import", {0x449a, 0x5000}, "1234.500"},
      {"sdm630", "demand_period", {0x4270, 0x0000}, "60"},
      {"sdm630", "demand_period", {0x40e0, 0x0000}, NULL},
      {"sdm630", "grid", {0x4040, 0x0000}, "three phases four wires"},
      {"sdm630", "baud", {0x4000, 0x0000}, "9600"},
      {"sdm630", "node", {0x4188, 0x0000}, "17"},
      {"sdm630", "pulse_energy", {0x0000, 0x0000}, "0.0025"},
      {"sdm630", "serial", {0xfedc, 0xba98}, "4275878552"},
      {"sdm120", "voltage", {0x4366, 0x199a}, "230.1"},
      {"sdm120", "display_time", {30}, "30"},
      {"sdm120", "pulse_energy", {0}, "0.001"},
      {"sdm120", "total_is", {2}, "import plus export"},
      {"sdm120", "baud", {0x40a0, 0x0000}, "1200"},
      {"sdm120", "software", {0x0102}, "258"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const struct tt_device_config *config = device(*state, rows[i].key);
    const struct tt_point *p = point(config, rows[i].point);
    struct mb_place place;
    struct tt_value raw TT_AUTOVALUE = {0}, value TT_AUTOVALUE = {0};
    char why[200];
    struct tt_buf out TT_AUTOBUF = TT_BUF(0);
    assert_int_equal(mb_place_read(p, config->options, &place), 0);
    assert_int_equal(mb_decode(&place.format, rows[i].words, place.format.words, &raw), 0);
    int r = tt_convert_from_raw(p, &raw, &value, why, sizeof why);
    if (r == 0)
      tt_value_print(&value, &out);
    if (rows[i].printed ? r < 0 || strcmp(out.data, rows[i].printed) != 0 : r != -EINVAL)
      fail_msg("%s.%s is %s, not %s", rows[i].key, rows[i].point, r < 0 ? why : out.data, rows[i].printed);
  }
}

static void settings_are_checked(void **state)
{
  static const struct {
    const char *key, *point;
    enum tt_type type, sent_as;
    const char *text;
    const char *why; /* NULL: it is taken */
    uint16_t words[2];
  } rows[] = {
      {"sdm630", "demand_period", TT_TYPE_QUANTITY, TT_TYPE_QUANTITY, "10", NULL, {0x4120, 0x0000}},
      {"sdm630", "demand_period", TT_TYPE_QUANTITY, TT_TYPE_INT32, "8", NULL, {0x4100, 0x0000}},
      {"sdm630", "demand_period", TT_TYPE_QUANTITY, TT_TYPE_NONE, "0", NULL, {0x0000, 0x0000}},
      {"sdm630",
       "demand_period",
       TT_TYPE_QUANTITY,
       TT_TYPE_QUANTITY,
       "7",
       "\"7\" is not one of: 0, 5, 8, 10, 15, 20, 30, 60",
       {0}},
      {"sdm630",
       "demand_period",
       TT_TYPE_QUANTITY,
       TT_TYPE_QUANTITY,
       "1000",
       "\"1000\" is not one of: 0, 5, 8, 10, 15, 20, 30, 60",
       {0}},
      {"sdm630", "demand_period", TT_TYPE_QUANTITY, TT_TYPE_QUANTITY, "nan", "\"nan\" is not a number", {0}},
      {"sdm630", "demand_period", TT_TYPE_QUANTITY, TT_TYPE_STRING, "10", "it is of type", {0}},
      {"sdm630", "pulse_energy", TT_TYPE_QUANTITY, TT_TYPE_NONE, "0.0025", NULL, {0x0000, 0x0000}},
      {"sdm630", "pulse_energy", TT_TYPE_QUANTITY, TT_TYPE_NONE, "2", "\"2\" is not one of", {0}},
      {"sdm630", "pulse_source", TT_TYPE_ENUM, TT_TYPE_NONE, "export", NULL, {0x4080, 0x0000}},
      {"sdm630", "pulse_source", TT_TYPE_ENUM, TT_TYPE_NONE, "4", "\"4\" is not one of", {0}},
      {"sdm630", "baud", TT_TYPE_QUANTITY, TT_TYPE_NONE, "9600", "it can only be read", {0}},
      {"sdm120", "display_time", TT_TYPE_INT32, TT_TYPE_NONE, "30", NULL, {30}},
      {"sdm120", "display_time", TT_TYPE_INT32, TT_TYPE_NONE, "31", "31 is above the most, 30", {0}},
      {"sdm120", "pulse_width", TT_TYPE_QUANTITY, TT_TYPE_NONE, "200", NULL, {0x4348, 0x0000}},
      {"sdm120", "total_is", TT_TYPE_ENUM, TT_TYPE_NONE, "import minus export", NULL, {3}},
      {"sdm120", "pulse_energy", TT_TYPE_QUANTITY, TT_TYPE_NONE, "1", NULL, {3}},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    const struct tt_device_config *config = device(*state, rows[i].key);
    const struct tt_point *p = point(config, rows[i].point);
    struct tt_value value TT_AUTOVALUE = {0}, raw TT_AUTOVALUE = {0};
    struct mb_place place;
    uint16_t words[2] = {0};
    char why[200] = "";
    assert_int_equal(p->type, rows[i].type);
    int r = tt_convert_parameter(p, rows[i].sent_as, rows[i].text, &value, NULL, why, sizeof why);
    if (rows[i].why) {
      if (r != -EINVAL || strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
        fail_msg("%s = %s: \"%s\"", p->name, rows[i].text, why);
      continue;
    }
    if (r < 0 || tt_convert_to_raw(p, &value, &raw, NULL, why, sizeof why) < 0)
      fail_msg("%s = %s: %s", p->name, rows[i].text, why);
    assert_int_equal(mb_place_write(p, config->options, &place), 0);
    assert_int_equal(place.table, MB_HOLDING);
    assert_int_equal(place.function, 16);
    assert_int_equal(mb_encode(&place.format, &raw, words, 2), 0);
    assert_memory_equal(words, rows[i].words, sizeof words);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_load),
      cmocka_unit_test(every_point_is_described),
      cmocka_unit_test(sdm630_has_the_registers_of_the_table),
      cmocka_unit_test(joined_reads),
      cmocka_unit_test(the_makers_example),
      cmocka_unit_test(registers_become_values),
      cmocka_unit_test(settings_are_checked),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
