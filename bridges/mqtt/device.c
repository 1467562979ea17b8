/* SPDX-License-Identifier: Apache-2.0
 * Messages to reports. */
#include "device.h"

#define PROBE_BYTES 160 /* of a payload that are shown to whoever probes */

static bool is_same_source(const struct mqtt_source *a, const struct mqtt_source *b)
{
  return a->format == b->format && !strcmp(a->topic, b->topic) && !strcmp(a->root, b->root);
}

static int add_source(struct mqtt_device *d, const struct mqtt_source *source, uint16_t point)
{
  struct mqtt_device_source *s = d->sources, *end = d->sources + d->n_sources;
  while (s < end && !is_same_source(s->source, source))
    s++;
  if (s == end) {
    struct mqtt_device_source *more = reallocarray(d->sources, d->n_sources + 1, sizeof *more);
    if (!more)
      return -ENOMEM;
    d->sources = more;
    s = &more[d->n_sources++];
    *s = (struct mqtt_device_source){.source = source};
  }
  uint16_t *points = reallocarray(s->points, s->n + 1, sizeof *points);
  if (!points)
    return -ENOMEM;
  s->points = points;
  s->points[s->n++] = point;
  return 0;
}

static int add_ask(struct mqtt_device *d, const struct mqtt_ask *ask, uint16_t point)
{
  size_t i = 0;
  d->ask_of_point[point] = MQTT_NO_ASK;
  if (!ask)
    return 0;
  const char *payload = ask->payload ? ask->payload : "";
  for (; i < d->n_asks; i++) {
    const struct mqtt_ask *other = d->asks[i].ask;
    if (!strcmp(other->topic, ask->topic) && !strcmp(other->payload ? other->payload : "", payload))
      break;
  }
  if (i == d->n_asks) {
    struct mqtt_device_ask *more = reallocarray(d->asks, d->n_asks + 1, sizeof *more);
    if (!more)
      return -ENOMEM;
    d->asks = more;
    d->asks[d->n_asks++] = (struct mqtt_device_ask){.ask = ask};
  }
  d->ask_of_point[point] = (uint16_t)i;
  return 0;
}

int mqtt_device_init(struct mqtt_device *d, struct tt_device *device)
{
  const struct tt_device_config *config = tt_device_config(device);
  const struct mqtt_device_options *options = config->options;
  d->device = device;
  d->config = config;
  d->n_available = options->available.n;
  d->available = calloc(d->n_available + 1, sizeof *d->available);
  d->ask_of_point = calloc(config->n_points + 1, sizeof *d->ask_of_point);
  int r = d->available && d->ask_of_point ? mqtt_describer_init(&d->describer, device) : -ENOMEM;
  for (size_t i = 0; r == 0 && i < config->n_points; i++) {
    const struct tt_point *point = &config->points[i];
    const struct tt_list *list = mqtt_point_sources(config, point);
    bool is_read = mqtt_point_is_read(config, point);
    r = add_ask(d, is_read ? mqtt_point_ask(config, point) : NULL, (uint16_t)i);
    for (size_t k = 0; r == 0 && is_read && k < list->n; k++)
      r = add_source(d, (const struct mqtt_source *)list->items + k, (uint16_t)i);
  }
  if (r < 0)
    mqtt_device_finish(d);
  return r;
}

void mqtt_device_finish(struct mqtt_device *d)
{
  mqtt_describer_finish(&d->describer);
  for (size_t i = 0; i < d->n_sources; i++)
    free(d->sources[i].points);
  free(d->sources);
  free(d->asks);
  free(d->ask_of_point);
  free(d->available);
  *d = (struct mqtt_device){0};
}

size_t mqtt_device_filters(const struct mqtt_device *d)
{
  return d->n_sources + d->n_available + d->describer.n;
}

static const struct mqtt_available *available_of(const struct mqtt_device *d, size_t i)
{
  const struct mqtt_device_options *options = d->config->options;
  return (const struct mqtt_available *)options->available.items + i;
}

const char *mqtt_device_filter(const struct mqtt_device *d, size_t number, int *ret_qos)
{
  if (number < d->n_sources) {
    *ret_qos = (int)d->sources[number].source->qos;
    return d->sources[number].source->topic;
  }
  *ret_qos = 1;
  number -= d->n_sources;
  return number < d->n_available ? available_of(d, number)->topic : d->describer.filters[number - d->n_available];
}

const char *mqtt_device_offline(const struct mqtt_device *d)
{
  for (size_t i = 0; i < d->n_available; i++)
    if (d->available[i] == TT_LINK_OFFLINE)
      return available_of(d, i)->topic;
  return NULL;
}

/* All must say online; one that says offline decides, one that says nothing leaves it open. */
static void tell_link(struct mqtt_device *d)
{
  const char *offline = mqtt_device_offline(d);
  enum tt_link_state state = offline ? TT_LINK_OFFLINE : TT_LINK_ONLINE;
  for (size_t i = 0; !offline && i < d->n_available; i++)
    if (d->available[i] == TT_LINK_UNKNOWN)
      state = TT_LINK_UNKNOWN;
  if (state == d->link)
    return;
  d->link = state;
  switch (state) {
  case TT_LINK_ONLINE:
    tt_device_link(d->device, state, "online");
    break;
  case TT_LINK_OFFLINE:
    tt_device_link(d->device, state, "%s says that the device is offline", offline);
    break;
  case TT_LINK_UNKNOWN:
    tt_device_link(d->device, state, "nothing says yet whether the device is online");
    break;
  }
}

/* New data: whatever was said about presence is out of date. */
static void prove_online(struct mqtt_device *d)
{
  for (size_t i = 0; i < d->n_available; i++)
    d->available[i] = TT_LINK_ONLINE;
  tell_link(d);
}

/* Somebody is looking: what came, and where. */
static void probe(struct mqtt_device *d, uint16_t point, const struct mqtt_heard *message)
{
  char shown[PROBE_BYTES + 1];
  const struct mqtt_payload *payload = &message->payload;
  size_t n = payload->size < PROBE_BYTES ? payload->size : PROBE_BYTES;
  if (!tt_is_probing(d->device))
    return;
  tt_text_printable(shown, sizeof shown, payload->data, n);
  tt_probe(d->device, point, "%.*s%s: %s%s", (int)message->topic_size, message->topic,
           message->is_retained ? " (retained)" : "", shown, payload->full_size > n ? " ..." : "");
}

static void hear_source(struct mqtt_device *d, struct mqtt_device_source *s, struct mqtt_heard *message,
                        mqtt_heard_fn heard, void *user)
{
  struct mqtt_payload *payload = &message->payload;
  bool is_retained = message->is_retained;
  char why[TT_PICK_WHY_SIZE] = "";
  if (is_retained && s->has_live)
    return;
  s->has_live = s->has_live || !is_retained;
  if (!is_retained && payload->full_size > 0)
    prove_online(d);
  for (size_t i = 0; i < s->n; i++) {
    uint16_t point = s->points[i];
    TT_AUTOVALUE struct tt_value value = {0};
    probe(d, point, message);
    int r = mqtt_payload_value(payload, s->source, &d->config->points[point], &value, why);
    if (r == 0)
      tt_report(d->device, point, &value, 0, is_retained ? TT_REPORT_RETAINED : 0);
    else if (r == -ENODATA && is_retained)
      continue; /* it was not there once: that says nothing about now */
    else if (r == -ENODATA)
      tt_report_missing(d->device, point);
    else
      tt_report_error(d->device, point, "%s: %s", s->source->topic, *why ? why : strerror(-r));
    if (is_retained)
      continue;
    if (d->ask_of_point[point] != MQTT_NO_ASK && r != -ENODATA)
      d->asks[d->ask_of_point[point]].sent_us = 0;
    heard(user, d, point, r != -ENODATA);
  }
}

bool mqtt_device_hear(struct mqtt_device *d, size_t number, struct mqtt_heard *message, mqtt_heard_fn heard,
                      void *user)
{
  if (number < d->n_sources) {
    hear_source(d, &d->sources[number], message, heard, user);
    return false;
  }
  number -= d->n_sources;
  if (number < d->n_available) {
    d->available[number] = mqtt_payload_available(&message->payload, available_of(d, number));
    tell_link(d);
    return false;
  }
  number -= d->n_available;
  bool was_lacking = d->describer.is_lacking;
  bool is_wider = number < d->describer.n && mqtt_describer_hear(&d->describer, number, message->topic,
                                                                 message->topic_size, &message->payload);
  if (was_lacking && !d->describer.is_lacking) { /* what was said about its presence holds again */
    d->link = TT_LINK_UNKNOWN;
    tell_link(d);
  }
  return is_wider;
}

void mqtt_device_refused(struct mqtt_device *d, size_t number)
{
  int qos;
  const char *filter = mqtt_device_filter(d, number, &qos);
  if (number < d->n_sources) {
    for (size_t i = 0; i < d->sources[number].n; i++)
      tt_report_error(d->device, d->sources[number].points[i], "the broker refuses the subscription to %s", filter);
  } else if (d->config->n_points == 0) { /* nothing else can tell of it */
    tt_device_link(d->device, TT_LINK_OFFLINE, "the broker refuses the subscription to %s", filter);
  }
}

void mqtt_device_lost(struct mqtt_device *d)
{
  for (size_t i = 0; i < d->n_sources; i++)
    d->sources[i].has_live = false;
  for (size_t i = 0; i < d->n_asks; i++)
    d->asks[i].sent_us = 0;
  for (size_t i = 0; i < d->n_available; i++)
    d->available[i] = TT_LINK_UNKNOWN;
  d->link = TT_LINK_UNKNOWN;
  d->describer.silent_us = 0;
  tt_device_link(d->device, TT_LINK_UNKNOWN, "no connection to the broker");
}
