/* SPDX-License-Identifier: Apache-2.0
 * The option tables of MQTT on the three levels, and small decisions over them. */
#include "options.h"

#include <stdio.h>

#define AT(struct_, member) .offset = offsetof(struct struct_, member)

static const struct tt_choice formats[] = {{"json", MQTT_JSON}, {"text", MQTT_TEXT}, {NULL, 0}};

static const struct tt_option will_options[] = {
    {.name = "topic",
     .type = TT_OPTION_STRING,
     AT(mqtt_will, topic),
     .help = "Where the broker publishes the last will when the gateway is lost."},
    {.name = "payload", .type = TT_OPTION_STRING, AT(mqtt_will, payload), .help = "Its payload."},
    {.name = "retain",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_will, retain),
     .preset = "false",
     .help = "The broker keeps it for later subscribers."},
    {.name = "qos",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_will, qos),
     .preset = "1",
     .min = 0,
     .max = 2,
     .help = "Its quality of service."},
    TT_OPTION_END,
};

const struct tt_option mqtt_connection_options[] = {
    {.name = "url",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, url),
     .flags = TT_OPTION_ADDRESS,
     .help = "The broker: mqtt://host[:1883], or mqtts://host[:8883] for TLS."},
    {.name = "host",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, host),
     .flags = TT_OPTION_ADDRESS,
     .help = "The broker's name or address, instead of url."},
    {.name = "port",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_connection, port),
     .preset = "0",
     .min = 0,
     .max = 65535,
     .flags = TT_OPTION_ADDRESS,
     .help = "Its port, with host. 0 means 1883, or 8883 with TLS."},
    {.name = "tls",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_connection, tls),
     .preset = "false",
     .help = "TLS with host. With url the scheme says it."},
    {.name = "version",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_connection, version),
     .preset = "4",
     .min = 4,
     .max = 5,
     .help = "Protocol: 4 is MQTT 3.1.1, 5 is MQTT 5."},
    {.name = "allow_311",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_connection, allow_311),
     .preset = "false",
     .help = "With version 5: fall back to 3.1.1 when the broker does not know 5."},
    {.name = "client_id",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, client_id),
     .help = "Must be unique at the broker. Default: thingtree and a random number."},
    {.name = "user", .type = TT_OPTION_STRING, AT(mqtt_connection, user), .help = "User name at the broker."},
    {.name = "password",
     .type = TT_OPTION_SECRET,
     AT(mqtt_connection, password),
     .help = "Its password. Best ${credential:NAME}."},
    {.name = "ca",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, ca),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the only certificates to trust. Default: those of the system."},
    {.name = "cert",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, cert),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the gateway's own certificate and chain."},
    {.name = "key",
     .type = TT_OPTION_STRING,
     AT(mqtt_connection, key),
     .flags = TT_OPTION_PATH,
     .help = "TLS: PEM file with the key of cert. Default: it is in cert."},
    {.name = "keepalive",
     .type = TT_OPTION_DURATION,
     AT(mqtt_connection, keepalive_us),
     .preset = "30s",
     .min = 5e6,
     .max = 65535e6,
     .help = "A ping is sent after so much silence; without its answer the connection counts as lost."},
    {.name = "connect_timeout",
     .type = TT_OPTION_DURATION,
     AT(mqtt_connection, connect_timeout_us),
     .preset = "10s",
     .min = 1e6,
     .max = 120e6,
     .help = "How long one attempt to connect may take."},
    {.name = "clean_session",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_connection, clean_session),
     .preset = "true",
     .help = "false: the broker keeps messages while the gateway is away. They arrive late and look new; needs "
             "client_id."},
    {.name = "receive_maximum",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_connection, receive_maximum),
     .preset = "100",
     .min = 1,
     .max = 65535,
     .help = "MQTT 5: how many unacknowledged messages the broker may have under way to us."},
    {.name = "will",
     .type = TT_OPTION_TABLE,
     AT(mqtt_connection, will),
     .table = will_options,
     .help = "Last will: what the broker publishes when the gateway is lost."},
    TT_OPTION_END,
};

static const struct tt_option source_options[] = {
    {.name = "topic",
     .type = TT_OPTION_STRING,
     AT(mqtt_source, topic),
     .flags = TT_OPTION_REQUIRED,
     .help = "Topic, or filter with + and #."},
    {.name = "format",
     .type = TT_OPTION_CHOICE,
     AT(mqtt_source, format),
     .preset = "json",
     .choices = formats,
     .help = "json, or text: the payload is the value."},
    {.name = "root",
     .type = TT_OPTION_STRING,
     AT(mqtt_source, root),
     .preset = "",
     .help = "JSON pointer to where the at of the points begin."},
    {.name = "qos",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_source, qos),
     .preset = "1",
     .min = 0,
     .max = 2,
     .help = "Quality of service asked for the subscription."},
    TT_OPTION_END,
};

static const struct tt_option available_options[] = {
    {.name = "topic",
     .type = TT_OPTION_STRING,
     AT(mqtt_available, topic),
     .flags = TT_OPTION_REQUIRED,
     .help = "Where the device's presence is published."},
    {.name = "text",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_available, is_text),
     .preset = "false",
     .help = "The payload is plain text, not JSON."},
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(mqtt_available, at),
     .preset = "",
     .help = "JSON pointer to the word."},
    {.name = "online",
     .type = TT_OPTION_STRING,
     AT(mqtt_available, online),
     .preset = "online",
     .help = "The word that means online."},
    {.name = "offline",
     .type = TT_OPTION_STRING,
     AT(mqtt_available, offline),
     .help = "The word that means offline; any other is unknown. Default: every word but online."},
    {.name = "otherwise_text",
     .type = TT_OPTION_STRING,
     AT(mqtt_available, otherwise_text),
     .help = "A payload that is not JSON and is this text means online (older firmware)."},
    TT_OPTION_END,
};

static const struct tt_option ask_options[] = {
    {.name = "topic", .type = TT_OPTION_STRING, AT(mqtt_ask, topic), .help = "Where to publish the question."},
    {.name = "payload", .type = TT_OPTION_STRING, AT(mqtt_ask, payload), .help = "Its payload."},
    {.name = "qos",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_ask, qos),
     .preset = "1",
     .min = 0,
     .max = 2,
     .help = "Its quality of service."},
    {.name = "start",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_ask, start),
     .preset = "true",
     .help = "Also after connecting; false: for a read only."},
    TT_OPTION_END,
};

static const struct tt_option describe_options[] = {
    {.name = "zigbee2mqtt",
     .type = TT_OPTION_STRING,
     AT(mqtt_describe, zigbee2mqtt),
     .help = "Base topic of a zigbee2mqtt, whose bridge/devices has the device."},
    {.name = "tasmota",
     .type = TT_OPTION_STRING,
     AT(mqtt_describe, tasmota),
     .help = "Topic below which Tasmota devices announce themselves: tasmota/discovery."},
    {.name = "explore",
     .type = TT_OPTION_STRING,
     AT(mqtt_describe, explore),
     .help = "Filter: whatever comes there becomes a point, within limits."},
    {.name = "name",
     .type = TT_OPTION_STRING,
     AT(mqtt_describe, name),
     .help = "Of the device: zigbee2mqtt's friendly name or IEEE address, Tasmota's topic or MAC."},
    TT_OPTION_END,
};

const struct tt_option mqtt_device_option_table[] = {
    {.name = "available",
     .type = TT_OPTION_LIST,
     AT(mqtt_device_options, available),
     .table = available_options,
     .size = sizeof(struct mqtt_available),
     .help = "Where the device's presence is told. All of them must say online; new data proves it too."},
    {.name = "source",
     .type = TT_OPTION_LIST,
     AT(mqtt_device_options, source),
     .table = source_options,
     .size = sizeof(struct mqtt_source),
     .help = "The topics that carry the values. Every point is looked for in every one."},
    {.name = "ask",
     .type = TT_OPTION_TABLE,
     AT(mqtt_device_options, ask),
     .table = ask_options,
     .help = "A message that makes the device tell its values: sent after connecting and for a read."},
    {.name = "describe",
     .type = TT_OPTION_TABLE,
     AT(mqtt_device_options, describe),
     .table = describe_options,
     .help = "How the device itself says what points it has, beside those of the mapping."},
    TT_OPTION_END,
};

const struct tt_option mqtt_read_options[] = {
    {.name = "at",
     .type = TT_OPTION_STRING,
     AT(mqtt_read_address, at),
     .help = "JSON pointer (RFC 6901) to the value, from the root of the source."},
    {.name = "source",
     .type = TT_OPTION_LIST,
     AT(mqtt_read_address, source),
     .table = source_options,
     .size = sizeof(struct mqtt_source),
     .flags = TT_OPTION_INHERIT,
     .help = "Topics of this point alone, instead of those of the device."},
    {.name = "ask",
     .type = TT_OPTION_TABLE,
     AT(mqtt_read_address, ask),
     .table = ask_options,
     .help = "A message that makes the device tell this point."},
    {.name = "shape",
     .type = TT_OPTION_TABLE,
     AT(mqtt_read_address, shape),
     .table = tt_pick_shape_options,
     .flags = TT_OPTION_INHERIT,
     .help = "What to make of a list or an object where one value is wanted."},
    TT_OPTION_END,
};

const struct tt_option mqtt_write_options[] = {
    {.name = "topic",
     .type = TT_OPTION_STRING,
     AT(mqtt_write_address, topic),
     .flags = TT_OPTION_REQUIRED,
     .help = "Where to publish the value."},
    {.name = "payload",
     .type = TT_OPTION_STRING,
     AT(mqtt_write_address, payload),
     .help = "Text with ${value} in it. Default: the value alone."},
    {.name = "json",
     .type = TT_OPTION_ITEM,
     AT(mqtt_write_address, json),
     .help = "Instead of payload: anything with ${value} in it, sent as JSON; a number stays a number."},
    {.name = "retain",
     .type = TT_OPTION_BOOLEAN,
     AT(mqtt_write_address, retain),
     .preset = "false",
     .help = "The broker keeps the command. A device that comes back later then obeys an old one."},
    {.name = "qos",
     .type = TT_OPTION_INTEGER,
     AT(mqtt_write_address, qos),
     .preset = "1",
     .min = 0,
     .max = 2,
     .help = "Quality of service. With 0 nothing acknowledges the command."},
    TT_OPTION_END,
};

/* "host", "host:port", "[v6]:port" behind the scheme. */
static const char *authority_problem(const char *text, struct mqtt_broker *broker)
{
  if (strchr(text, '@'))
    return "url may only be mqtt://host:port or mqtts://host:port; user and password are options of their own";
  bool is_v6 = *text == '[';
  const char *begin = text + is_v6;
  size_t n = strcspn(begin, is_v6 ? "]" : ":/");
  if (n == 0 || n > MQTT_HOST_MAX)
    return "url has no host name, or one longer than 255 bytes";
  const char *rest = begin + n;
  if (is_v6 && *rest++ != ']')
    return "url has a [ without ]";
  memcpy(broker->host, begin, n);
  broker->host[n] = 0;
  if (strpbrk(broker->host, " \t?#"))
    return "url may only be mqtt://host:port or mqtts://host:port";
  if (*rest == ':') {
    char digits[8];
    int64_t port;
    size_t m = strcspn(rest + 1, "/");
    if (m >= sizeof digits)
      return "url has no valid port";
    memcpy(digits, rest + 1, m);
    digits[m] = 0;
    if (tt_int64_parse(digits, &port) < 0 || port < 1 || port > 65535)
      return "url has no valid port";
    broker->port = (uint16_t)port;
    rest += 1 + m;
  }
  if (*rest && strcmp(rest, "/"))
    return "url has something behind the port; MQTT has no path";
  return NULL;
}

const char *mqtt_broker_problem(const struct mqtt_connection *options, struct mqtt_broker *ret)
{
  struct mqtt_broker broker = {0};
  if (!options->url && !options->host)
    return "neither url nor host is given";
  if (options->url && (options->host || options->port || options->tls))
    return "url is given, and host, port or tls beside it: only one of the two";
  if (options->host) {
    if (!*options->host || strlen(options->host) > MQTT_HOST_MAX)
      return "host is empty or longer than 255 bytes";
    if (strpbrk(options->host, "/@ \t[]"))
      return "host is not a name or an address";
    snprintf(broker.host, sizeof broker.host, "%s", options->host);
    broker.is_tls = options->tls;
    broker.port = (uint16_t)options->port;
  } else {
    static const struct {
      const char *text;
      bool is_tls;
    } schemes[] = {{"mqtt://", false}, {"tcp://", false}, {"mqtts://", true}, {"ssl://", true}};
    const char *problem = "url must begin with mqtt:// or mqtts://";
    for (size_t i = 0; i < TT_COUNT(schemes); i++) {
      size_t n = strlen(schemes[i].text);
      if (!strncmp(options->url, schemes[i].text, n)) {
        broker.is_tls = schemes[i].is_tls;
        problem = authority_problem(options->url + n, &broker);
      }
    }
    if (problem)
      return problem;
  }
  if (!broker.port)
    broker.port = broker.is_tls ? 8883 : 1883;
  *ret = broker;
  return NULL;
}

static const struct mqtt_read_address *read_address(const struct tt_point *point)
{
  return point->address;
}

const struct tt_list *mqtt_point_sources(const struct tt_device_config *device, const struct tt_point *point)
{
  const struct mqtt_read_address *address = read_address(point);
  const struct mqtt_device_options *options = device->options;
  return address && address->source.n ? &address->source : &options->source;
}

bool mqtt_point_is_read(const struct tt_device_config *device, const struct tt_point *point)
{
  const struct mqtt_read_address *address = read_address(point);
  const struct tt_list *sources = mqtt_point_sources(device, point);
  const struct mqtt_source *source = sources->items;
  if (!address)
    return false;
  if (address->at || address->source.n)
    return sources->n > 0;
  for (size_t i = 0; i < sources->n; i++)
    if (source[i].format == MQTT_TEXT || !point->write)
      return true;
  return false;
}

const struct mqtt_ask *mqtt_point_ask(const struct tt_device_config *device, const struct tt_point *point)
{
  const struct mqtt_read_address *address = read_address(point);
  const struct mqtt_device_options *options = device->options;
  if (address && address->ask.topic)
    return &address->ask;
  return options->ask.topic && address && !address->source.n ? &options->ask : NULL;
}
