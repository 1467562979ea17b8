/* SPDX-License-Identifier: Apache-2.0
 * Devices behind a real Mosquitto that say what they are made of, and a broker of a few lines that refuses. */
#include "world.h"

#include "mqtt_peer.h"
#include "service/log.h"

#include <json-c/json.h>
#include <systemd/sd-event.h>

extern const struct tt_bridge_ops tt_bridge_mqtt;

static struct broker broker;
static struct client device;
static struct world w;

#define LARGE (3u * 1024 * 1024) /* more than a list may have */

/* ---- What the host heard ---------------------------------------------------------------------------------------- */
static struct {
  unsigned n;
  char *json;
} described;
static struct {
  unsigned n;
  uint16_t point;
  char text[600];
} probed;

static int on_described(void *user TT_UNUSED, const char *key TT_UNUSED, const char *json, size_t size)
{
  free(described.json);
  described.json = strndup(json, size);
  described.n++;
  return 0;
}

static void on_probe(void *user TT_UNUSED, const char *key TT_UNUSED, uint16_t point, const char *text)
{
  probed.n++;
  probed.point = point;
  snprintf(probed.text, sizeof(probed.text), "%s", text);
}

static const struct tt_found_hooks hooks = {.described = on_described, .probe = on_probe};

static bool is_described_with(const char *text)
{
  return described.json && strstr(described.json, text);
}

/* ---- Begin and end ---------------------------------------------------------------------------------------------- */
static void with_nothing(char *out, size_t size, unsigned n TT_UNUSED)
{
  snprintf(out, size, "%s", "");
}

static void open_some(int port, const char *mapping, unsigned n)
{
  char options[200];
  snprintf(options, sizeof(options), "    url: mqtt://127.0.0.1:%d\n    timeout: 2s\n", port);
  memset(&described, 0, sizeof(described));
  memset(&probed, 0, sizeof(probed));
  world_open(&w, &tt_bridge_mqtt,
             &(struct world_text){.protocol = "mqtt",
                                  .connection = options,
                                  .mapping = mapping,
                                  .with = with_nothing,
                                  .n = n,
                                  .found = &hooks});
}

static void open_at(int port, const char *mapping)
{
  open_some(port, mapping, 1);
}

static void begin(void)
{
  broker_init(&broker);
  broker_start(&broker, "");
  client_open(&device, broker.port, "device", NULL, NULL);
}

static void end(void)
{
  world_close(&w);
  client_close(&device);
  broker_finish(&broker);
  free(described.json);
  described.json = NULL;
}

static char *fixture(const char *name)
{
  struct tt_buf path TT_AUTOBUF = TT_BUF(0), text = TT_BUF(0);
  char part[4096];
  const char *dir = getenv("TT_SOURCE_DIR");
  tt_buf_printf(&path, "%s/tests/data/mqtt/%s", dir ? dir : ".", name);
  FILE *file = fopen(path.data, "r");
  assert_non_null(file);
  for (size_t n; (n = fread(part, 1, sizeof(part), file)) > 0;)
    tt_buf_add(&text, part, n);
  fclose(file);
  return tt_buf_steal(&text);
}

/* ---- zigbee2mqtt ------------------------------------------------------------------------------------------------ */
static void test_zigbee2mqtt(void **state TT_UNUSED)
{
  char *list TT_AUTOFREE = fixture("z2m-bridge-devices.json");
  begin();
  client_retain(&device, "z/bridge/devices", list);
  open_at(broker.port, "describe: {zigbee2mqtt: z, name: Climate sensor}\npoints: {}\n");
  WAIT_FOR(&w, described.n == 1);
  assert_true(
      is_described_with("\"temperature\":{\"type\":\"number\",\"unit\":\"Cel\",\"source\":{\"topic\":\"z/Climate "
                        "sensor\"},\"at\":\"/temperature\""));
  client_say(&device, "z/bridge/devices", "[]");
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"), "z has no device \"Climate sensor\"");
  assert_int_equal(described.n, 1);
  client_say(&device, "z/bridge/devices", "nonsense");
  client_say(&device, "z/bridge/devices", list);
  WAIT_FOR(&w, described.n == 2);
  assert_null(world_message(&w, "d0", "offline"));
  end();
}

/* What is told of its presence holds when the list has it again, although nothing says so anew. */
static void test_zigbee2mqtt_and_presence(void **state TT_UNUSED)
{
  char *list TT_AUTOFREE = fixture("z2m-bridge-devices.json");
  begin();
  client_retain(&device, "z/bridge/devices", list);
  client_retain(&device, "z/there", "offline");
  open_at(broker.port, "describe: {zigbee2mqtt: z, name: Climate sensor}\n"
                       "available: {topic: z/there, text: true, online: online}\npoints: {}\n");
  WAIT_FOR(&w, described.n == 1 && world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"), "z/there says that the device is offline");
  client_say(&device, "z/bridge/devices", "[]");
  WAIT_FOR(&w, strcmp(world_message(&w, "d0", "offline"), "z has no device \"Climate sensor\"") == 0);
  client_say(&device, "z/bridge/devices", list);
  WAIT_FOR(&w, described.n == 2);
  assert_non_null(world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"), "z/there says that the device is offline");
  end();
}

/* It has only just joined, or nobody has written a converter for it. */
static void test_zigbee2mqtt_without_definition(void **state TT_UNUSED)
{
  begin();
  client_retain(&device, "z/bridge/devices",
                "[{\"friendly_name\":\"new\",\"ieee_address\":\"0x1\",\"definition\":null}]");
  open_at(broker.port, "describe: {zigbee2mqtt: z, name: new}\npoints: {}\n");
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"),
                      "z does not say what \"new\" can do: is it supported, and its interview over?");
  client_say(&device, "z/bridge/devices",
             "[{\"friendly_name\":\"new\",\"ieee_address\":\"0x1\",\"definition\":{\"exposes\":[]}}]");
  WAIT_FOR(&w, described.n == 1);
  assert_null(world_message(&w, "d0", "offline"));
  end();
}

/* A name that nobody has: each is told what did not come, until it does. */
static void test_nothing_comes(void **state TT_UNUSED)
{
  static const struct {
    const char *describe, *text, *topic, *payload;
  } cases[] = {
      {"{tasmota: d, name: plug}", "no Tasmota device \"plug\" announces itself at d/+/config", "d/0A/config",
       "{\"t\":\"plug\",\"mac\":\"0A\"}"},
      {"{zigbee2mqtt: z, name: plug}", "nothing has come at z/bridge/devices yet, which would say what it has",
       "z/bridge/devices", "[{\"friendly_name\":\"plug\",\"ieee_address\":\"1\",\"definition\":{\"exposes\":[]}}]"},
      {"{explore: \"e/#\"}", "nothing has come at e/# yet, which would say what it has", "e/x", "1"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    char mapping[200];
    begin();
    client_say(&device, "d/0B/config", "{\"t\":\"other\",\"mac\":\"0B\"}");
    snprintf(mapping, sizeof(mapping), "describe: %s\npoints: {}\n", cases[i].describe);
    open_at(broker.port, mapping);
    WAIT_FOR(&w, world_message(&w, "d0", "offline"));
    assert_string_equal(world_message(&w, "d0", "offline"), cases[i].text);
    client_say(&device, cases[i].topic, cases[i].payload);
    WAIT_FOR(&w, described.n > 0);
    assert_null(world_message(&w, "d0", "offline"));
    end();
  }
}

/* A device that is attached again with what it was told does not ask for the list again, which would come to all. */
static void test_attached_again(void **state TT_UNUSED)
{
  char *list TT_AUTOFREE = fixture("z2m-bridge-devices.json");
  begin();
  client_retain(&device, "z/bridge/devices", list);
  open_some(broker.port,
            "describe: {zigbee2mqtt: z, name: Climate sensor}\nsource: {topic: \"z/Climate sensor\"}\n"
            "points:\n  temperature: {at: /temperature, type: number}\n",
            2);
  WAIT_FOR(&w, described.n == 2);
  assert_int_equal(tt_host_detach(w.host, "d0"), 0);
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d0"));
  assert_int_equal(tt_host_attach(w.host, "d0"), 0);
  client_retain(&device, "z/Climate sensor", "{\"temperature\": 21.5}");
  WAIT_FOR(&w, world_number(&w, "d0", "temperature") == 21.5);
  assert_int_equal(described.n, 2);
  client_say(&device, "z/bridge/devices", list); /* but it still hears what is new */
  WAIT_FOR(&w, described.n == 4);
  end();
}

/* A house of hundreds of devices: the list is longer than a message through the inbox may be. */
static void test_a_long_list(void **state TT_UNUSED)
{
  char *list TT_AUTOFREE = fixture("z2m-bridge-devices.json");
  struct tt_buf longer TT_AUTOBUF = TT_BUF(0);
  char *large TT_AUTOFREE = malloc(LARGE);
  struct json_object *devices = json_tokener_parse(list), *all = json_object_new_array();
  size_t n = json_object_array_length(devices);
  begin();
  for (size_t i = 0; i < 150; i++) {
    struct json_object *copy = NULL;
    json_object_deep_copy(json_object_array_get_idx(devices, 1 + i % (n - 1)), &copy, NULL);
    json_object_object_add(copy, "friendly_name", json_object_new_string_len("other", 5));
    json_object_object_add(copy, "ieee_address", json_object_new_int((int)i));
    json_object_array_add(all, copy);
  }
  json_object_array_add(all, json_object_get(json_object_array_get_idx(devices, 1)));
  tt_buf_puts(&longer, json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN));
  assert_true(longer.len > 2 * TT_POST_MAX);
  client_retain(&device, "z/bridge/devices", longer.data);
  open_at(broker.port, "describe: {zigbee2mqtt: z, name: Climate sensor}\npoints: {}\n");
  WAIT_FOR(&w, described.n == 1);
  /* beyond the limit: as if it had not come; the connection lives */
  memset(large, ' ', LARGE);
  client_publish(&device, "z/bridge/devices", large, LARGE, 1, false);
  client_say(&device, "z/bridge/devices", list);
  WAIT_FOR(&w, described.n == 2);
  json_object_put(devices);
  json_object_put(all);
  end();
}

/* ---- Tasmota ---------------------------------------------------------------------------------------------------- */
static void test_tasmota(void **state TT_UNUSED)
{
  char *config TT_AUTOFREE = fixture("tasmota-discovery-config.json");
  begin();
  client_retain(&device, "tasmota/discovery/00000049A3BC/sensors",
                "{\"sn\":{\"Time\":\"2020-09-25T12:47:15\",\"DHT11\":{\"Temperature\":21.5},\"TempUnit\":\"C\"}}");
  client_retain(&device, "tasmota/discovery/00000049A3BC/config", config);
  client_retain(&device, "tasmota/discovery/00000049A3BD/config", "{\"t\":\"another\",\"mac\":\"00000049A3BD\"}");
  open_at(broker.port, "describe: {tasmota: tasmota/discovery, name: tasmota_49A3BC}\npoints: {}\n");
  WAIT_FOR(&w, is_described_with("\"dht11_temperature\":{"));
  assert_true(is_described_with("\"topic\":\"tasmota_49A3BC/tele/SENSOR\""));
  assert_int_equal(described.n, 1);
  client_say(&device, "tasmota/discovery/00000049A3BC/sensors", "{\"sn\":{\"BH1750\":{\"Illuminance\":12}}}");
  WAIT_FOR(&w, is_described_with("\"bh1750_illuminance\":{"));
  end();
}

/* Without sensors: nothing comes for them, and the relays are there all the same. */
static void test_tasmota_without_sensors(void **state TT_UNUSED)
{
  begin();
  client_retain(&device, "tasmota/discovery/0A/config", "{\"t\":\"plug\",\"mac\":\"0A\",\"rl\":[1,1]}");
  open_at(broker.port, "describe: {tasmota: tasmota/discovery, name: 0A}\npoints: {}\n");
  WAIT_FOR(&w, is_described_with("\"relay_2\":{"));
  end();
}

/* ---- Whatever comes --------------------------------------------------------------------------------------------- */
static void test_explore(void **state TT_UNUSED)
{
  begin();
  client_retain(&device, "any/a", "{\"x\": {\"y\": 1.5}, \"on\": true}");
  client_retain(&device, "any/b/c", "hello");
  client_retain(&device, "other", "1");
  open_at(broker.port, "describe: {explore: \"any/#\"}\npoints: {}\n");
  WAIT_FOR(&w, described.n == 1); /* both, for they were waited for */
  assert_string_equal(
      described.json,
      "{\"points\":{\"a_x_y\":{\"at\":\"/x/y\",\"type\":\"number\",\"source\":{\"topic\":\"any/a\"}},"
      "\"a_on\":{\"at\":\"/on\",\"type\":\"boolean\",\"source\":{\"topic\":\"any/a\"}},"
      "\"b_c\":{\"type\":\"string\",\"source\":{\"topic\":\"any/b/c\",\"format\":\"text\"}}},"
      "\"about\":{}}");
  end();
}

/* ---- Discovery -------------------------------------------------------------------------------------------------- */
static struct {
  unsigned candidates, done; /* one that comes again takes its own place */
  int error;
  char ids[32][64];
} seen;

static void on_candidate(void *user TT_UNUSED, const struct tt_candidate *c)
{
  for (unsigned i = 0; i < seen.candidates; i++)
    if (strcmp(seen.ids[i], c->id) == 0)
      return;
  assert_true(seen.candidates < TT_COUNT(seen.ids));
  snprintf(seen.ids[seen.candidates++], sizeof(seen.ids[0]), "%s", c->id);
}

static void on_done(void *user TT_UNUSED, int error, const char *text TT_UNUSED)
{
  seen.done++;
  seen.error = error;
}

static void discover(uint64_t us)
{
  struct tt_discovery_fns fns = {NULL, on_candidate, on_done};
  memset(&seen, 0, sizeof(seen));
  assert_int_equal(tt_host_discover(w.host, BRIDGE, world_now() + us, &fns), 0);
  assert_int_equal(seen.done, 0);
  WAIT_FOR(&w, seen.done == 1);
}

static void test_discover(void **state TT_UNUSED)
{
  char *list TT_AUTOFREE = fixture("z2m-bridge-devices.json"),
             *config TT_AUTOFREE = fixture("tasmota-discovery-config.json");
  begin();
  open_at(broker.port, "describe: {explore: nothing}\npoints: {}\n");
  WAIT_FOR(&w, world_is(&w, "online"));
  discover(10000 * MS); /* silence ends it long before */
  assert_int_equal(seen.candidates, 0);
  assert_int_equal(seen.error, 0);
  client_retain(&device, "zigbee2mqtt/bridge/devices", list);
  client_retain(&device, "tasmota/discovery/00000049A3BC/config", config);
  discover(10000 * MS);
  assert_int_equal(seen.candidates, 9);
  discover(500 * MS);
  assert_int_equal(seen.candidates, 9);
  broker_stop(&broker);
  WAIT_FOR(&w, world_is(&w, "offline"));
  discover(10000 * MS);
  assert_int_equal(seen.error, -ENOTCONN);
  end();
}

/* ---- Probing ---------------------------------------------------------------------------------------------------- */
static void test_probe(void **state TT_UNUSED)
{
  begin();
  open_at(broker.port, "source: {topic: \"t/state\"}\npoints:\n  level: {at: /level, type: integer}\n");
  WAIT_FOR(&w, world_is(&w, "online"));
  client_retain(&device, "t/state", "{\"level\": 1}\x1b");
  WAIT_FOR(&w, probed.n > 0);
  assert_int_equal(probed.point, 0);
  assert_non_null(strstr(probed.text, "t/state"));
  assert_non_null(strstr(probed.text, ": {\"level\": 1}?"));
  end();
}

/* ---- Questions ------------------------------------------------------------------------------------------------- */
static char asked[400];

static void on_question(void *user TT_UNUSED, struct client *client, const char *topic TT_UNUSED,
                        const char *payload, size_t n TT_UNUSED, bool is_retained TT_UNUSED)
{
  size_t used = strlen(asked);
  snprintf(asked + used, sizeof(asked) - used, "%s;", payload);
  client_publish(client, "t/state", "{\"a\": 1, \"b\": 2}", 16, 0, false);
}

static int on_client(sd_event_source *source, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *user TT_UNUSED)
{
  if (!client_step(&device))
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
  return 0;
}

/* What a device is described with is asked for when somebody reads, not by every device at every start. */
static void test_questions_at_the_start(void **state TT_UNUSED)
{
  sd_event_source *source;
  struct answer a;
  *asked = '\0';
  begin();
  device.fn = on_question;
  client_subscribe(&device, "t/get");
  open_at(broker.port, "source: {topic: \"t/state\"}\n"
                       "points:\n"
                       "  a: {at: /a, type: integer, ask: {topic: \"t/get\", payload: now}}\n"
                       "  b: {at: /b, type: integer, ask: {topic: \"t/get\", payload: later, start: false}}\n");
  assert_true(sd_event_add_io(w.event, &source, device.fd, EPOLLIN, on_client, NULL) >= 0);
  WAIT_FOR(&w, world_number(&w, "d0", "a") == 1);
  assert_string_equal(asked, "now;");
  assert_int_equal(world_read(&w, "d0", "b", world_now() + 3000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_string_equal(asked, "now;later;");
  sd_event_source_disable_unref(source);
  end();
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */
/* A broker of the few packets that are needed: it takes the connection and refuses every subscription. */
static struct {
  int listener, fd;
  sd_event_source *source, *io;
} refuser;

static int on_packet(sd_event_source *source, int fd, uint32_t events TT_UNUSED, void *user TT_UNUSED)
{
  uint8_t in[512];
  ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
  if (n <= 0) {
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    return 0;
  }
  for (ssize_t at = 0; at + 2 <= n; at += 2 + in[at + 1]) { /* all are short */
    assert_true(in[at + 1] < 128);
    if (in[at] >> 4 == 1)
      assert_int_equal(send(fd, (uint8_t[]){0x20, 2, 0, 0}, 4, MSG_NOSIGNAL), 4);
    if (in[at] >> 4 == 8) {
      uint8_t out[64] = {0x90, 2, in[at + 2], in[at + 3]};
      for (ssize_t k = at + 4; k < at + 2 + in[at + 1]; k += 3 + in[k + 1])
        out[2 + out[1]++] = 0x80;
      assert_int_equal(send(fd, out, 2u + out[1], MSG_NOSIGNAL), 2 + out[1]);
    }
  }
  return 0;
}

static int on_caller(sd_event_source *source TT_UNUSED, int fd, uint32_t events TT_UNUSED, void *user TT_UNUSED)
{
  refuser.fd = accept(fd, NULL, NULL);
  assert_true(refuser.fd >= 0);
  return sd_event_add_io(w.event, &refuser.io, refuser.fd, EPOLLIN, on_packet, NULL);
}

static void refuse(const char *mapping)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof(at);
  refuser.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(refuser.listener, (struct sockaddr *)&at, n), 0);
  assert_int_equal(listen(refuser.listener, 1), 0);
  assert_int_equal(getsockname(refuser.listener, (struct sockaddr *)&at, &n), 0);
  open_at(ntohs(at.sin_port), mapping);
  assert_true(sd_event_add_io(w.event, &refuser.source, refuser.listener, EPOLLIN, on_caller, NULL) >= 0);
}

static void refused(void)
{
  refuser.source = sd_event_source_disable_unref(refuser.source);
  refuser.io = sd_event_source_disable_unref(refuser.io);
  world_close(&w);
  close(refuser.fd);
  close(refuser.listener);
}

static void test_a_refused_source(void **state TT_UNUSED)
{
  refuse("source: [{topic: a/b}, {topic: c/d}]\n"
         "points:\n"
         "  level: {at: /level, type: integer}\n"
         "  other: {at: /x, type: integer, source: {topic: e/f}}\n");
  WAIT_FOR(&w, world_field_error(&w, "d0", "level") && world_field_error(&w, "d0", "other"));
  assert_string_equal(world_field_error(&w, "d0", "other"), "the broker refuses the subscription to e/f");
  refused();
}

static void test_a_refused_description(void **state TT_UNUSED)
{
  refuse("describe: {zigbee2mqtt: z, name: x}\npoints: {}\n");
  WAIT_FOR(&w, world_message(&w, "d0", "offline"));
  assert_string_equal(world_message(&w, "d0", "offline"),
                      "the broker refuses the subscription to z/bridge/devices");
  refused();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_zigbee2mqtt),
      cmocka_unit_test(test_zigbee2mqtt_and_presence),
      cmocka_unit_test(test_zigbee2mqtt_without_definition),
      cmocka_unit_test(test_nothing_comes),
      cmocka_unit_test(test_attached_again),
      cmocka_unit_test(test_a_long_list),
      cmocka_unit_test(test_tasmota),
      cmocka_unit_test(test_tasmota_without_sensors),
      cmocka_unit_test(test_explore),
      cmocka_unit_test(test_discover),
      cmocka_unit_test(test_probe),
      cmocka_unit_test(test_questions_at_the_start),
      cmocka_unit_test(test_a_refused_source),
      cmocka_unit_test(test_a_refused_description),
  };
  tt_log_open(TT_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
