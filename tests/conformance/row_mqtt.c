/* SPDX-License-Identifier: Apache-2.0
 * MQTT with a real Mosquitto; the devices are one client of it, which runs in the loop of the test. */
#include "row.h"

#include "mqtt_peer.h"

#include <systemd/sd-event.h>
#include <thingtree/bridge.h>

#define DEVICES_MAX 256

extern const struct tt_bridge_ops tt_bridge_mqtt;

static struct {
  struct broker broker;
  struct client client;
  sd_event_source *source;
  int level[DEVICES_MAX];
  bool is_silent;
  unsigned commands;
} sim;

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "n: %u", device);
}

static void connection(char *out, size_t size)
{
  snprintf(out, size, "    url: mqtt://127.0.0.1:%d\n    timeout: 2s\n", sim.broker.port);
}

static void tell(unsigned device)
{
  char topic[64], text[128];
  snprintf(topic, sizeof(topic), "conformance/%u/state", device);
  snprintf(text, sizeof(text), "{\"level\": %d, \"reading\": 23.5, \"faulty\": \"none of your business\"}",
           sim.level[device]);
  client_publish(&sim.client, topic, text, strlen(text), 0, false);
}

static void on_message(void *user TT_UNUSED, struct client *client TT_UNUSED, const char *topic,
                       const char *payload, size_t n TT_UNUSED, bool is_retained TT_UNUSED)
{
  unsigned device;
  char verb[8];
  if (sscanf(topic, "conformance/%u/%7s", &device, verb) != 2 || device >= DEVICES_MAX)
    abort();
  bool is_command = strcmp(verb, "set") == 0;
  sim.commands += is_command;
  if (sim.is_silent)
    return;
  if (is_command)
    sim.level[device] = atoi(payload);
  tell(device);
}

static int on_client(sd_event_source *source, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *user TT_UNUSED)
{
  if (!client_step(&sim.client))
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
  return 0;
}

static void device_open(void)
{
  memset(sim.level, 0, sizeof(sim.level));
  sim.commands = 0;
  sim.is_silent = false;
  client_open(&sim.client, sim.broker.port, "devices", on_message, NULL);
  client_subscribe(&sim.client, "conformance/+/get");
  client_subscribe(&sim.client, "conformance/+/set");
}

static void leave(void)
{
  sim.source = sd_event_source_disable_unref(sim.source);
}

static void device_close(void)
{
  leave();
  client_close(&sim.client);
}

static void start(void)
{
  memset(&sim, 0, sizeof(sim));
  broker_init(&sim.broker);
  broker_start(&sim.broker, "");
  device_open();
}

static void join(struct world *w)
{
  assert_true(sd_event_add_io(w->event, &sim.source, sim.client.fd, EPOLLIN, on_client, NULL) >= 0);
}

static void stop(void)
{
  device_close();
  broker_finish(&sim.broker);
}

static void vanish(void)
{
  device_close();
  broker_stop(&sim.broker);
}

static void back(struct world *w)
{
  broker_start(&sim.broker, NULL);
  device_open();
  join(w);
}

static void silence(bool is_silent)
{
  sim.is_silent = is_silent;
}

static unsigned commands(void)
{
  return sim.commands;
}

const struct row row_mqtt = {
    .name = "mqtt",
    .builtin = &tt_bridge_mqtt,
    .mapping = "params: {n: {type: integer}}\n"
               "source: {topic: \"conformance/${n}/state\"}\n"
               "ask: {topic: \"conformance/${n}/get\"}\n"
               "points:\n"
               "  level: {at: /level, type: integer, write: {topic: \"conformance/${n}/set\", range: [0, 1000],"
               " verify: report, within: 1s}}\n"
               "  reading: {at: /reading, type: number}\n"
               "  faulty: {at: /faulty, type: integer}\n",
    .with = with,
    .connection = connection,
    .bad_connection = "    url: http://127.0.0.1\n",
    .bad_connection_code = "broker",
    .bad_mapping = "params: {n: {type: integer}}\n"
                   "source: {topic: \"conformance/#/state\"}\n"
                   "points:\n"
                   "  level: {at: /level, type: integer}\n",
    .bad_mapping_code = "topic-filter",
    .start = start,
    .stop = stop,
    .join = join,
    .leave = leave,
    .vanish = vanish,
    .back = back,
    .silence = silence,
    .commands = commands,
};
