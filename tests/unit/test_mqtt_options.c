/* SPDX-License-Identifier: Apache-2.0
 * The tables are whole, brokers are found in their options, and what cannot work is refused with its reason. */
#include "options.h"

#include "cmocka_all.h"
#include "config/diag.h"

static void check_table(const struct tt_option *table)
{
  for (; table->name; table++) {
    assert_true(table->help && strlen(table->help) > 10);
    assert_int_equal(strspn(table->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(table->name));
    if (table->type == TT_OPTION_TABLE || table->type == TT_OPTION_LIST)
      check_table(table->table);
    if (table->type == TT_OPTION_LIST)
      assert_true(table->size > 0);
  }
}

static void test_tables(void **state)
{
  (void)state;
  check_table(mqtt_connection_options);
  check_table(mqtt_device_option_table);
  check_table(mqtt_read_options);
  check_table(mqtt_write_options);
}

static void test_brokers(void **state)
{
  (void)state;
  static const struct {
    const char *url, *host;
    uint16_t port;
    bool is_tls;
  } good[] = {
      {"mqtt://broker.lan", "broker.lan", 1883, false},
      {"mqtts://broker.lan", "broker.lan", 8883, true},
      {"mqtt://127.0.0.1:11883", "127.0.0.1", 11883, false},
      {"mqtts://[fd00::1]:99", "fd00::1", 99, true},
      {"tcp://h/", "h", 1883, false},
      {"ssl://h:1", "h", 1, true},
  };
  static const char *const bad[] = {
      "broker.lan",   "http://h",      "mqtt://",     "mqtt://h:", "mqtt://h:0",   "mqtt://h:65536",
      "mqtt://h:12x", "mqtt://h/path", "mqtt://[::1", "mqtt://[]", "mqtt://u:p@h", "mqtt://user@host"};
  struct mqtt_broker broker;
  for (size_t i = 0; i < TT_COUNT(good); i++) {
    assert_null(mqtt_broker_problem(&(struct mqtt_connection){.url = good[i].url}, &broker));
    assert_string_equal(broker.host, good[i].host);
    assert_int_equal(broker.port, good[i].port);
    assert_int_equal(broker.is_tls, good[i].is_tls);
  }
  for (size_t i = 0; i < TT_COUNT(bad); i++)
    if (!mqtt_broker_problem(&(struct mqtt_connection){.url = bad[i]}, &broker))
      fail_msg("%s was accepted", bad[i]);
  assert_null(mqtt_broker_problem(&(struct mqtt_connection){.host = "h", .tls = true}, &broker));
  assert_int_equal(broker.port, 8883);
  assert_null(mqtt_broker_problem(&(struct mqtt_connection){.host = "h", .port = 7}, &broker));
  assert_int_equal(broker.port, 7);
  assert_non_null(mqtt_broker_problem(&(struct mqtt_connection){.url = "mqtt://h", .port = 7}, &broker));
  assert_non_null(mqtt_broker_problem(&(struct mqtt_connection){0}, &broker));
}

/* Codes of the messages in order, each with a blank behind. */
static const char *codes(const void *connection, const struct tt_device_config *device)
{
  static char out[500];
  struct tt_diags *diags = tt_diags_create();
  mqtt_check(connection, device, diags);
  *out = 0;
  for (size_t i = 0; i < diags->n; i++) {
    strcat(out, diags->messages[i].code);
    strcat(out, " ");
  }
  tt_diags_destroy(diags);
  return out;
}

static const char *connection_codes(struct mqtt_connection c)
{
  c.version = c.version ? c.version : 4;
  return codes(&c, NULL);
}

static void test_connections(void **state)
{
  (void)state;
  assert_string_equal(connection_codes((struct mqtt_connection){.url = "mqtt://h", .clean_session = true}), "");
  assert_string_equal(connection_codes((struct mqtt_connection){.url = "h", .clean_session = true}), "broker ");
  assert_string_equal(connection_codes((struct mqtt_connection){.url = "mqtt://h"}), "session-without-id ");
  assert_string_equal(
      connection_codes((struct mqtt_connection){.url = "mqtt://h", .clean_session = true, .ca = "/dev/null"}),
      "tls-unused ");
  assert_string_equal(connection_codes((struct mqtt_connection){.url = "mqtts://h",
                                                                .clean_session = true,
                                                                .key = "/dev/null",
                                                                .password = "x",
                                                                .allow_311 = true,
                                                                .client_id = "",
                                                                .will = {.topic = "a/#"}}),
                      "key-without-cert password-without-user option-unused client-id topic ");
}

/* One device with one source and one point, changed by each row. */
struct device {
  struct mqtt_source source;
  struct mqtt_available available;
  struct mqtt_ask ask;
  struct mqtt_read_address read;
  struct mqtt_write_address write;
};

static const char *device_codes(struct device d)
{
  struct mqtt_connection connection = {.url = "mqtt://h"};
  struct tt_write write = {.address = &d.write};
  struct tt_point point = {.name = "p", .address = &d.read, .write = d.write.topic ? &write : NULL};
  if (!d.source.root)
    d.source.root = "";
  if (!d.available.at)
    d.available.at = "";
  struct mqtt_device_options options = {.source = {&d.source, d.source.topic ? 1 : 0},
                                        .available = {&d.available, d.available.topic ? 1 : 0},
                                        .ask = d.ask};
  struct tt_device_config config = {.key = "d", .options = &options, .points = &point, .n_points = 1};
  return codes(&connection, &config);
}

static void test_devices(void **state)
{
  (void)state;
  struct mqtt_source json = {.topic = "a/b"}, text = {.topic = "a/b", .format = MQTT_TEXT};
  assert_string_equal(device_codes((struct device){.source = json, .read = {.at = "/x"}}), "");
  assert_string_equal(device_codes((struct device){0}), "no-source ");
  assert_string_equal(device_codes((struct device){.source = {.topic = "a/#/b"}, .read = {.at = "/x"}}),
                      "topic-filter ");
  assert_string_equal(device_codes((struct device){.source = json, .read = {.at = "x"}}), "json-pointer ");
  assert_string_equal(device_codes((struct device){.source = {.topic = "a", .root = "x"}, .read = {.at = "/~"}}),
                      "json-pointer json-pointer ");
  assert_string_equal(device_codes((struct device){.source = text, .read = {.at = "/x"}}), "at-of-text ");
  assert_string_equal(device_codes((struct device){.source = {.topic = "a", .format = MQTT_TEXT, .root = "/x"}}),
                      "root-of-text ");
  struct mqtt_available available = {.topic = "a", .at = "/x", .online = "1", .offline = "1", .is_text = true};
  assert_string_equal(device_codes((struct device){.source = json, .read = {.at = "/x"}, .available = available}),
                      "at-of-text online-is-offline ");
}

static void test_loops_are_refused(void **state)
{
  (void)state;
  struct mqtt_source exact = {.topic = "a/b"}, wild = {.topic = "a/+"};
  struct mqtt_write_address same = {.topic = "a/b"}, other = {.topic = "a/b/set"}, pattern = {.topic = "a/+"};
  struct mqtt_read_address read = {.at = "/x"};
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .write = same}), "loop ");
  assert_string_equal(device_codes((struct device){.source = wild, .read = read, .write = same}), "loop ");
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .write = other}), "");
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .write = pattern}), "topic ");
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .ask = {.topic = "a/b"}}),
                      "loop ");
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .ask = {.payload = "8"}}),
                      "topic ");
  struct tt_item item = {.kind = TT_ITEM_SCALAR, .text = "x"};
  struct mqtt_write_address twice = {.topic = "c", .payload = "x", .json = &item};
  assert_string_equal(device_codes((struct device){.source = exact, .read = read, .write = twice}),
                      "payload-twice ");
}

static void test_what_is_asked(void **state)
{
  (void)state;
  struct mqtt_source source = {.topic = "a"}, own = {.topic = "b", .format = MQTT_TEXT};
  struct mqtt_device_options options = {.source = {&source, 1}, .ask = {.topic = "q"}};
  struct mqtt_read_address common = {.at = "/x"}, apart = {.source = {&own, 1}},
                           asking = {.source = {&own, 1}, .ask = {.topic = "r"}}, none = {0};
  struct tt_write write = {0};
  struct tt_point points[] = {{.address = &common},
                              {.address = &apart},
                              {.address = &asking},
                              {.address = &none, .write = &write},
                              {.write = &write}};
  struct tt_device_config device = {.options = &options, .points = points, .n_points = TT_COUNT(points)};
  assert_ptr_equal(mqtt_point_ask(&device, &points[0]), &options.ask);
  assert_null(mqtt_point_ask(&device, &points[1])); /* the device's question does not bring other topics */
  assert_ptr_equal(mqtt_point_ask(&device, &points[2]), &asking.ask);
  assert_true(mqtt_point_is_read(&device, &points[0]));
  assert_true(mqtt_point_is_read(&device, &points[1]));
  assert_false(mqtt_point_is_read(&device, &points[3])); /* no place in the JSON: only written */
  assert_false(mqtt_point_is_read(&device, &points[4]));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_brokers),
      cmocka_unit_test(test_connections),
      cmocka_unit_test(test_devices),
      cmocka_unit_test(test_loops_are_refused),
      cmocka_unit_test(test_what_is_asked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
