/* SPDX-License-Identifier: Apache-2.0
 * What the option tables cannot express: broker, certificates, topics, and that no device is commanded on a topic it
 * is read from. Pure. */
#include "common/compose.h"
#include "options.h"
#include "topic.h"

#include <stdio.h>

static const struct tt_mark nowhere; /* the configuration puts the connection's own position in its place */

static void check_connection(const struct mqtt_connection *c, struct tt_diags *diags)
{
  struct mqtt_broker broker = {0};
  const char *problem = mqtt_broker_problem(c, &broker);
  if (problem) /* without the url, in which people put passwords */
    tt_diag(diags, TT_SEVERITY_ERROR, "broker", nowhere, "%s", problem);
  if (!problem && !broker.is_tls && (c->ca || c->cert || c->key))
    tt_diag(diags, TT_SEVERITY_ERROR, "tls-unused", nowhere,
            "ca, cert or key is given, but the connection has no TLS; use mqtts:// or tls: true");
  if (c->key && !c->cert)
    tt_diag(diags, TT_SEVERITY_ERROR, "key-without-cert", nowhere, "key is given without cert");
  if (c->password && !c->user)
    tt_diag(diags, TT_SEVERITY_ERROR, "password-without-user", nowhere, "password is given without user");
  if (c->allow_311 && c->version != 5)
    tt_diag(diags, TT_SEVERITY_WARNING, "option-unused", nowhere, "allow_311 means something with version: 5 only");
  if (!c->clean_session && !c->client_id)
    tt_diag(diags, TT_SEVERITY_ERROR, "session-without-id", nowhere,
            "clean_session: false needs a client_id, or the broker cannot know the session again");
  if (c->client_id && (!*c->client_id || strlen(c->client_id) > 128))
    tt_diag(diags, TT_SEVERITY_ERROR, "client-id", nowhere, "client_id is empty or longer than 128 bytes");
  problem = c->will.topic ? mqtt_topic_problem(c->will.topic) : c->will.payload ? "is missing" : NULL;
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "topic", nowhere, "the topic of the will %s", problem);
}

/* Where in the file, and what there is being looked at: "source", "ask". */
struct place {
  struct tt_mark mark;
  const char *what;
};

static void check_filter(struct place place, const char *filter, struct tt_diags *diags)
{
  const char *problem = mqtt_filter_problem(filter);
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "topic-filter", place.mark, "%s: topic \"%s\" %s", place.what, filter,
            problem);
}

static void check_topic(struct place place, const char *topic, struct tt_diags *diags)
{
  const char *problem = mqtt_topic_problem(topic);
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "topic", place.mark, "%s: topic \"%s\" %s", place.what, topic, problem);
}

static void check_pointer(struct place place, const char *pointer, struct tt_diags *diags)
{
  const char *problem = pointer ? tt_pick_pointer_problem(pointer) : NULL;
  if (!problem)
    return;
  tt_diag(diags, TT_SEVERITY_ERROR, "json-pointer", place.mark, "%s: \"%s\" is not a JSON pointer: it %s",
          place.what, pointer, problem);
  if (*pointer != '/')
    tt_diag_help(diags, "a pointer is written /like/this, with a slash before every key");
}

static void check_sources(struct place place, const struct tt_list *list, struct tt_diags *diags)
{
  const struct mqtt_source *source = list->items;
  for (size_t i = 0; i < list->n; i++) {
    place.mark = list->marks ? list->marks[i] : place.mark;
    check_filter(place, source[i].topic, diags);
    check_pointer(place, source[i].root, diags);
    if (source[i].format == MQTT_TEXT && *source[i].root)
      tt_diag(diags, TT_SEVERITY_ERROR, "root-of-text", place.mark,
              "%s: topic \"%s\" has format: text and a root; text has no places", place.what, source[i].topic);
  }
}

static void check_available(struct place place, const struct tt_list *list, struct tt_diags *diags)
{
  const struct mqtt_available *available = list->items;
  for (size_t i = 0; i < list->n; i++) {
    place.mark = list->marks ? list->marks[i] : place.mark;
    check_filter(place, available[i].topic, diags);
    check_pointer(place, available[i].at, diags);
    if (available[i].is_text && *available[i].at)
      tt_diag(diags, TT_SEVERITY_ERROR, "at-of-text", place.mark,
              "%s: topic \"%s\" has text: true and an at; text has no places", place.what, available[i].topic);
    if (available[i].offline && !strcmp(available[i].online, available[i].offline))
      tt_diag(diags, TT_SEVERITY_ERROR, "online-is-offline", place.mark,
              "%s: topic \"%s\" has the same word for online and offline", place.what, available[i].topic);
  }
}

/* What we publish must not come back to us as news of the same device: that is a loop through the broker. */
static void check_loop(struct place place, const struct tt_device_config *device, const char *topic,
                       struct tt_diags *diags)
{
  const struct mqtt_device_options *options = device->options;
  for (size_t i = 0; i <= device->n_points; i++) {
    const struct tt_list *list =
        i == device->n_points ? &options->source : mqtt_point_sources(device, &device->points[i]);
    const struct mqtt_source *source = list->items;
    for (size_t k = 0; k < list->n; k++)
      if (mqtt_filter_matches(source[k].topic, topic, strlen(topic))) {
        tt_diag(diags, TT_SEVERITY_ERROR, "loop", place.mark,
                "%s: topic \"%s\" is read by the same device, as \"%s\"", place.what, topic, source[k].topic);
        if (i < device->n_points)
          tt_diag_also(diags, device->points[i].mark, "read here");
        return;
      }
  }
}

static void check_ask(struct place place, const struct tt_device_config *device, const struct mqtt_ask *ask,
                      struct tt_diags *diags)
{
  if (!ask->topic && ask->payload)
    tt_diag(diags, TT_SEVERITY_ERROR, "topic", place.mark, "%s: the topic is missing", place.what);
  if (!ask->topic)
    return;
  check_topic(place, ask->topic, diags);
  check_loop(place, device, ask->topic, diags);
}

static void check_describe(struct place place, const struct mqtt_describe *describe, struct tt_diags *diags)
{
  bool is_named = describe->zigbee2mqtt || describe->tasmota;
  if ((describe->zigbee2mqtt != NULL) + (describe->tasmota != NULL) + (describe->explore != NULL) > 1)
    tt_diag(diags, TT_SEVERITY_ERROR, "describe", place.mark,
            "describe: one of zigbee2mqtt, tasmota and explore can be given, not several");
  if (is_named && !(describe->name && *describe->name))
    tt_diag(diags, TT_SEVERITY_ERROR, "describe", place.mark, "describe: the name of the device is missing");
  if (!is_named && describe->name)
    tt_diag(diags, TT_SEVERITY_ERROR, "describe", place.mark,
            "describe: name is given without zigbee2mqtt or tasmota");
  if (describe->zigbee2mqtt)
    check_topic(place, describe->zigbee2mqtt, diags);
  if (describe->tasmota)
    check_topic(place, describe->tasmota, diags);
  if (describe->explore)
    check_filter(place, describe->explore, diags);
}

static void check_read(const struct tt_device_config *device, const struct tt_point *point, struct tt_diags *diags)
{
  const struct mqtt_read_address *address = point->address;
  const struct tt_list *list = mqtt_point_sources(device, point);
  const struct mqtt_source *source = list->items;
  bool has_json = false;
  check_sources((struct place){point->mark, "source"}, &address->source, diags);
  check_pointer((struct place){point->mark, "at"}, address->at, diags);
  check_ask((struct place){point->mark, "ask"}, device, &address->ask, diags);
  if (!list->n && !point->write)
    tt_diag(diags, TT_SEVERITY_ERROR, "no-source", point->mark, "neither the point nor its device has a source");
  for (size_t i = 0; i < list->n; i++)
    has_json = has_json || source[i].format == MQTT_JSON;
  if (list->n && !has_json && address->at)
    tt_diag(diags, TT_SEVERITY_ERROR, "at-of-text", point->mark,
            "at is given, but all sources have format: text; text has no places");
}

static void check_write(const struct tt_device_config *device, const struct tt_point *point, struct tt_diags *diags)
{
  const struct mqtt_write_address *address = point->write->address;
  struct place place = {point->mark, "write"};
  const struct tt_item *at = NULL;
  check_topic(place, address->topic, diags);
  check_loop(place, device, address->topic, diags);
  if (address->json && address->payload)
    tt_diag(diags, TT_SEVERITY_ERROR, "payload-twice", point->mark, "write: both json and payload are given");
  const char *problem = address->json ? tt_compose_problem(address->json, &at) : NULL;
  if (problem)
    tt_diag(diags, TT_SEVERITY_ERROR, "template", at->mark, "the template %s", problem);
}

void mqtt_check(const void *connection, const struct tt_device_config *device, struct tt_diags *diags)
{
  if (!device) {
    check_connection(connection, diags);
    return;
  }
  const struct mqtt_device_options *options = device->options;
  check_available((struct place){device->mark, "available"}, &options->available, diags);
  check_sources((struct place){device->mark, "source"}, &options->source, diags);
  check_ask((struct place){device->mark, "ask"}, device, &options->ask, diags);
  check_describe((struct place){device->mark, "describe"}, &options->describe, diags);
  for (size_t i = 0; i < device->n_points; i++) {
    if (device->points[i].address)
      check_read(device, &device->points[i], diags);
    if (device->points[i].write)
      check_write(device, &device->points[i], diags);
  }
}
