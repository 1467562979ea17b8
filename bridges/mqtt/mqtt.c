/* SPDX-License-Identifier: Apache-2.0
 *
 * The MQTT bridge: joins the link (link.h), the devices (device.h) and the host. Everything here runs on the loop
 * thread. Requests that wait are in one list with one timer for the one that is due first.
 */
#include "device.h"
#include "discover.h"
#include "link.h"

#include <stdio.h>
#include <systemd/sd-event.h>
#include <utlist.h>

#define ASK_START_US     (10 * TT_USEC_PER_SEC)   /* the questions after connecting are not sent later than this */
#define MQTT_WIDENED_MAX 16                       /* devices that learn of a further filter by one message */
#define ASK_GRACE_US     (250 * TT_USEC_PER_MSEC) /* after an answer without a point: how long another may bring it */

enum wait_state {
  WAIT_NOT,     /* comes by itself, or has come */
  WAIT_ANSWER,  /* asked for */
  WAIT_LACKING, /* an answer came without it */
};

struct request {
  struct request *prev, *next;
  tt_id id;
  struct mqtt_device *device;
  uint64_t deadline_us, due_us;
  bool is_write;
  bool is_decided; /* `error` and `text` are told when due, which is the next turn */
  bool has_answer;
  int error;
  char text[600];
  size_t n;
  struct {
    uint16_t point;
    enum wait_state state;
  } points[];
};

struct mqtt {
  struct tt_bridge *bridge;
  struct mqtt_link *link;
  struct mqtt_index *index;
  struct mqtt_device *devices;
  struct request *requests;
  sd_event_source *timer;
  uint64_t generation; /* of the connection; 0: there is none */
  bool is_stopping;
  char offline[512]; /* why there is none */
  struct {           /* a document that comes in parts */
    uint32_t number; /* 0: none */
    struct tt_buf buf;
  } document;
  struct mqtt_discovery discovery;
  struct mqtt_told *told;
};

static struct mqtt *state_of(struct tt_bridge *bridge)
{
  return tt_bridge_state(bridge);
}

/* ---- Requests ---------------------------------------------------------------------------------------- */
static void arm(struct mqtt *m)
{
  uint64_t due = TT_NEVER;
  struct request *request;
  struct mqtt_device *d;
  DL_FOREACH(m->requests, request) {
    due = request->due_us < due ? request->due_us : due;
  }
  DL_FOREACH(m->devices, d) {
    due = d->describer.due_us && d->describer.due_us < due ? d->describer.due_us : due;
    due = d->describer.silent_us && d->describer.silent_us < due ? d->describer.silent_us : due;
  }
  if (m->discovery.request && m->discovery.due_us < due)
    due = m->discovery.due_us;
  sd_event_source_set_time(m->timer, due == TT_NEVER ? UINT64_MAX : due);
  sd_event_source_set_enabled(m->timer, due == TT_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static struct request *request_add(struct mqtt *m, tt_id id, struct mqtt_device *device, size_t n,
                                   uint64_t deadline_us)
{
  struct request *request = calloc(1, sizeof *request + n * sizeof *request->points);
  if (!request)
    return NULL;
  request->id = id;
  request->device = device;
  request->n = n;
  request->deadline_us = request->due_us = deadline_us;
  DL_APPEND(m->requests, request);
  return request;
}

static void finish(struct mqtt *m, struct request *request, int error, const char *text)
{
  DL_DELETE(m->requests, request);
  if (text && *text)
    tt_done(m->bridge, request->id, error, "%s", text);
  else
    tt_done(m->bridge, request->id, error, NULL);
  free(request);
}

/* bridge.h: never from within the call that brought the request. */
static void finish_later(struct mqtt *m, struct request *request, int error, const char *format, ...)
    TT_PRINTF(4, 5);
static void finish_later(struct mqtt *m, struct request *request, int error, const char *format, ...)
{
  va_list ap;
  va_start(ap, format);
  vsnprintf(request->text, sizeof request->text, format, ap);
  va_end(ap);
  request->is_decided = true;
  request->error = error;
  request->due_us = 0;
  arm(m);
}

/* An end to a read that is due: by the deadline, or because all that can come has come. */
static void finish_read(struct mqtt *m, struct request *request)
{
  struct mqtt_device *d = request->device;
  bool has_expired = false;
  for (size_t i = 0; i < request->n; i++) {
    uint16_t point = request->points[i].point;
    if (request->points[i].state != WAIT_ANSWER)
      continue;
    has_expired = true;
    struct mqtt_device_ask *ask = &d->asks[d->ask_of_point[point]];
    ask->sent_us = 0;
    if (request->has_answer)
      tt_report_error(d->device, point, "no answer to %s", ask->ask->topic);
  }
  if (has_expired && !request->has_answer)
    finish(m, request, -ETIMEDOUT, "the device did not answer");
  else
    finish(m, request, 0, NULL);
}

static void discovery_end(struct mqtt *m, int error, const char *text);

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec, void *user)
{
  struct mqtt *m = user;
  uint64_t now = tt_bridge_now(m->bridge).mono_us;
  struct mqtt_device *d;
  now = now < usec ? usec : now;
  DL_FOREACH(m->devices, d) {
    if (d->describer.due_us && d->describer.due_us <= now)
      mqtt_describer_tell(&d->describer);
    if (d->describer.silent_us && d->describer.silent_us <= now)
      mqtt_describer_miss(&d->describer);
  }
  if (m->discovery.request && m->discovery.due_us <= now)
    discovery_end(m, m->generation ? 0 : -ENOTCONN, m->generation ? NULL : m->offline);
  struct request *request, *next;
  DL_FOREACH_SAFE(m->requests, request, next)
  {
    if (request->due_us > now)
      continue;
    if (request->is_decided) {
      finish(m, request, request->error, request->text);
    } else if (request->is_write) {
      mqtt_link_expire(m->link, m->generation, request->id);
      finish(m, request, -ETIMEDOUT, "the broker did not acknowledge in time");
    } else {
      finish_read(m, request);
    }
  }
  arm(m);
  return 0;
}

/* End the requests of one device (NULL: all), those that are decided excepted when `only_open`. */
static void requests_fail(struct mqtt *m, const struct mqtt_device *device, bool only_open, int error,
                          const char *text)
{
  struct request *request, *next;
  DL_FOREACH_SAFE(m->requests, request, next)
  {
    if ((!device || request->device == device) && !(only_open && request->is_decided))
      finish(m, request, error, text);
  }
  arm(m);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */
/* A live message carried the point, or came without it: reads that wait for it get on. */
static void on_heard(void *user, struct mqtt_device *d, uint16_t point, bool is_present)
{
  struct mqtt *m = user;
  struct request *request;
  DL_FOREACH(m->requests, request) {
    if (request->device != d || request->is_write || request->is_decided)
      continue;
    for (size_t i = 0; i < request->n; i++) {
      if (request->points[i].point != point || request->points[i].state == WAIT_NOT)
        continue;
      request->has_answer = true;
      request->points[i].state = is_present ? WAIT_NOT : WAIT_LACKING;
    }
  }
}

/* Reads with nothing left to wait for are done; those that only lack points wait a little for another message. */
static void settle_reads(struct mqtt *m)
{
  uint64_t now = tt_bridge_now(m->bridge).mono_us;
  struct request *request, *next;
  DL_FOREACH_SAFE(m->requests, request, next)
  {
    size_t waiting = 0, lacking = 0;
    if (request->is_write || request->is_decided || !request->has_answer)
      continue;
    for (size_t i = 0; i < request->n; i++) {
      waiting += request->points[i].state == WAIT_ANSWER;
      lacking += request->points[i].state == WAIT_LACKING;
    }
    if (waiting + lacking == 0)
      finish(m, request, 0, NULL);
    else if (waiting == 0 && now + ASK_GRACE_US < request->due_us)
      request->due_us = now + ASK_GRACE_US;
  }
  arm(m);
}

struct hearing {
  struct mqtt *m;
  struct mqtt_heard message;
  struct mqtt_device *widened[MQTT_WIDENED_MAX]; /* have a filter more than before */
  size_t n_widened;
};

static void deliver(void *user, struct mqtt_receiver receiver)
{
  struct hearing *h = user;
  if (receiver.owner == &h->m->discovery)
    mqtt_discovery_hear(&h->m->discovery, receiver.number, &h->message);
  else if (mqtt_device_hear(receiver.owner, receiver.number, &h->message, on_heard, h->m) &&
           h->n_widened < MQTT_WIDENED_MAX)
    h->widened[h->n_widened++] = receiver.owner;
}

/* -ENOMEM: out of memory, or the link is. */
static int add_filter(struct mqtt *m, struct mqtt_device *d, size_t number)
{
  bool is_new;
  int qos;
  const char *filter = mqtt_device_filter(d, number, &qos);
  int r = mqtt_index_add(m->index, filter, qos, (struct mqtt_receiver){d, number}, &is_new);
  bool is_describing = number >= d->n_sources + d->n_available;
  if (!is_new && is_describing && mqtt_describer_is_told(&d->describer))
    return r;
  /* Also when it is not new: only a subscription brings the retained message. */
  if (r == 0 && m->generation)
    r = mqtt_link_subscribe(m->link, m->generation, filter, qos);
  return r;
}

static void hear(struct mqtt *m, struct mqtt_heard *message)
{
  struct hearing h = {.m = m, .message = *message};
  mqtt_index_dispatch(m->index, message->topic, message->topic_size, deliver, &h);
  mqtt_payload_finish(&h.message.payload);
  for (size_t i = 0; i < h.n_widened; i++)
    if (add_filter(m, h.widened[i], mqtt_device_filters(h.widened[i]) - 1) < 0 && m->generation)
      mqtt_link_drop(m->link, m->generation); /* out of memory; a new connection begins from the start */
  settle_reads(m);
}

/* A part of a document. Parts of one are in order, or one of them found no room and all of it is lost. */
static void hear_part(struct mqtt *m, const struct mqtt_message *head, struct mqtt_heard *message)
{
  struct tt_buf *buf = &m->document.buf;
  if (head->offset == 0) {
    m->document.number = head->document;
    buf->limit = MQTT_DOCUMENT_MAX + 1;
    tt_buf_truncate(buf, 0);
  }
  if (m->document.number != head->document || buf->len != head->offset)
    return;
  tt_buf_add(buf, message->payload.data, head->payload_size);
  if (buf->failed || buf->len < head->full_size)
    return;
  message->payload.data = buf->data;
  message->payload.size = buf->len;
  message->payload.max = MQTT_DOCUMENT_MAX;
  hear(m, message);
  tt_buf_finish(buf);
  m->document.number = 0;
}

static void on_message(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_message head;
  if (size < sizeof head || m->is_stopping)
    return;
  memcpy(&head, data, sizeof head);
  const char *topic = (const char *)data + sizeof head;
  struct mqtt_heard message = {
      .topic = topic,
      .topic_size = head.topic_size,
      .payload = {.data = topic + head.topic_size, .size = head.payload_size, .full_size = head.full_size},
      .is_retained = head.is_retained};
  if (head.document)
    hear_part(m, &head, &message);
  else
    hear(m, &message);
}

/* ---- Events of the link ------------------------------------------------------------------------------ */
static void subscribe_one(void *user, const char *filter, int qos)
{
  struct mqtt *m = user;
  if (mqtt_link_subscribe(m->link, m->generation, filter, qos) < 0)
    mqtt_link_drop(m->link, m->generation); /* out of memory; a new connection begins from the start */
}

static int ask(struct mqtt *m, struct mqtt_device_ask *a, uint64_t deadline_us)
{
  struct mqtt_order order = {.topic = a->ask->topic,
                             .payload = a->ask->payload,
                             .qos = (int)a->ask->qos,
                             .payload_size = a->ask->payload ? strlen(a->ask->payload) : 0,
                             .deadline_us = deadline_us};
  int r = mqtt_link_publish(m->link, m->generation, &order);
  if (r == 0)
    a->sent_us = tt_bridge_now(m->bridge).mono_us;
  return r;
}

static void ask_all(struct mqtt *m, struct mqtt_device *d)
{
  for (size_t i = 0; i < d->n_asks; i++)
    if (d->asks[i].ask->start)
      ask(m, &d->asks[i], tt_bridge_now(m->bridge).mono_us + ASK_START_US);
}

static void on_connected(struct mqtt *m, const struct mqtt_event *event)
{
  struct mqtt_device *d;
  m->generation = event->generation;
  tt_connection_state(m->bridge, TT_LINK_ONLINE, "connected with %s", event->text);
  mqtt_index_each(m->index, subscribe_one, m);
  DL_FOREACH(m->devices, d) {
    ask_all(m, d); /* behind the subscriptions in the same stream: the answers find them */
    mqtt_describer_expect(&d->describer, tt_bridge_now(m->bridge).mono_us);
  }
  arm(m);
}

static void on_offline(struct mqtt *m, const struct mqtt_event *event)
{
  struct mqtt_device *d;
  bool was_online = m->generation;
  m->generation = 0;
  snprintf(m->offline, sizeof m->offline, "%s", event->text);
  tt_connection_state(m->bridge, TT_LINK_OFFLINE, "%s", event->text);
  requests_fail(m, NULL, true, -ENOTCONN, "the connection to the broker was lost");
  discovery_end(m, -ENOTCONN, m->offline);
  if (was_online)
    DL_FOREACH(m->devices, d) {
      mqtt_device_lost(d);
    }
}

static void on_published(struct mqtt *m, const struct mqtt_event *event)
{
  struct request *request;
  DL_FOREACH(m->requests, request) {
    if (request->id == event->request && request->is_write && !request->is_decided) {
      finish(m, request, event->error, event->text);
      arm(m);
      return;
    }
  }
}

static void on_refused(struct mqtt *m, const struct mqtt_event *event)
{
  struct mqtt_device *d;
  int qos;
  tt_bridge_log(m->bridge, TT_LOG_WARNING, "the broker refuses the subscription to %s", event->text);
  DL_FOREACH(m->devices, d) {
    for (size_t i = 0; i < mqtt_device_filters(d); i++)
      if (!strncmp(mqtt_device_filter(d, i, &qos), event->text, sizeof event->text - 1))
        mqtt_device_refused(d, i);
  }
}

static void on_stopped(struct mqtt *m)
{
  struct mqtt_device *d, *next;
  mqtt_link_destroy(m->link);
  mqtt_index_destroy(m->index);
  tt_buf_finish(&m->document.buf);
  mqtt_told_destroy(m->told);
  sd_event_source_disable_unref(m->timer);
  DL_FOREACH_SAFE(m->devices, d, next)
  {
    mqtt_device_finish(d);
  }
  tt_stopped(m->bridge);
}

static void on_event(struct tt_bridge *bridge, const void *data, size_t size)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_event event;
  if (size != sizeof event)
    return;
  memcpy(&event, data, sizeof event);
  if (m->is_stopping && event.kind != MQTT_STOPPED)
    return;
  switch (event.kind) {
  case MQTT_CONNECTED:
    on_connected(m, &event);
    break;
  case MQTT_OFFLINE:
    on_offline(m, &event);
    break;
  case MQTT_PUBLISHED:
    on_published(m, &event);
    break;
  case MQTT_REFUSED:
    on_refused(m, &event);
    break;
  case MQTT_STOPPED:
    on_stopped(m);
    break;
  }
}

/* ---- Discovery ---------------------------------------------------------------------------------------- */
static void unsubscribe_one(void *user, const char *filter)
{
  struct mqtt *m = user;
  if (m->generation)
    mqtt_link_unsubscribe(m->link, m->generation, filter);
}

static void discovery_end(struct mqtt *m, int error, const char *text)
{
  tt_id request = m->discovery.request;
  if (!request)
    return;
  m->discovery.request = 0;
  mqtt_index_remove(m->index, &m->discovery, unsubscribe_one, m);
  tt_done(m->bridge, request, error, text ? "%s" : NULL, text);
}

static void discover(struct tt_bridge *bridge, tt_id id, uint64_t deadline_us)
{
  struct mqtt *m = state_of(bridge);
  uint64_t now = tt_bridge_now(bridge).mono_us;
  bool is_new;
  int r = 0;
  mqtt_discovery_begin(&m->discovery, bridge, id, now, deadline_us);
  for (size_t i = 0; r == 0 && m->generation && i < MQTT_DISCOVERY_FILTERS; i++) {
    r = mqtt_index_add(m->index, mqtt_discovery_filters[i], 1, (struct mqtt_receiver){&m->discovery, i}, &is_new);
    if (r == 0)
      r = mqtt_link_subscribe(m->link, m->generation, mqtt_discovery_filters[i], 1);
  }
  if (r < 0 || !m->generation)
    m->discovery.due_us = 0; /* nothing can come: over in the next turn */
  arm(m);
}

/* ---- The contract (bridge.h) ------------------------------------------------------------------------- */
static int start(struct tt_bridge *bridge)
{
  struct mqtt *m = state_of(bridge);
  const struct mqtt_connection *options = tt_bridge_options(bridge);
  struct mqtt_broker broker;
  int r;
  if (mqtt_broker_problem(options, &broker))
    return -EINVAL;
  m->bridge = bridge;
  snprintf(m->offline, sizeof m->offline, "the broker has not been reached yet");
  m->index = mqtt_index_create();
  if (!m->index)
    return -ENOMEM;
  r = sd_event_add_time(tt_bridge_event(bridge), &m->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_timer, m);
  if (r >= 0)
    r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
  if (r >= 0)
    r = mqtt_link_create(bridge, options, &broker, on_event, on_message, &m->link);
  if (r < 0) {
    m->timer = sd_event_source_disable_unref(m->timer);
    mqtt_index_destroy(m->index);
    return r;
  }
  return 0;
}

static void stop(struct tt_bridge *bridge)
{
  struct mqtt *m = state_of(bridge);
  m->is_stopping = true;
  discovery_end(m, -ECANCELED, "the gateway stops");
  requests_fail(m, NULL, false, -ECANCELED, "the gateway stops");
  mqtt_link_stop(m->link);
}

static int attach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_device *d = tt_device_state(device);
  d->describer.told = &m->told;
  int r = mqtt_device_init(d, device);
  for (size_t i = 0; r == 0 && i < mqtt_device_filters(d); i++)
    r = add_filter(m, d, i);
  if (r < 0) {
    tt_fail(device, "%s", strerror(-r));
    mqtt_index_remove(m->index, d, unsubscribe_one, m);
    mqtt_device_finish(d);
    return r;
  }
  DL_APPEND(m->devices, d);
  if (m->generation) {
    ask_all(m, d);
    mqtt_describer_expect(&d->describer, tt_bridge_now(bridge).mono_us);
    arm(m);
  }
  return 0;
}

static void detach(struct tt_bridge *bridge, struct tt_device *device)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_device *d = tt_device_state(device);
  requests_fail(m, d, false, -ECANCELED, "the device was removed");
  mqtt_index_remove(m->index, d, unsubscribe_one, m);
  DL_DELETE(m->devices, d);
  mqtt_device_finish(d);
  tt_detached(device);
}

/* Neither a read nor a command makes sense: say why, and be done. */
static bool is_out_of_reach(struct mqtt *m, struct request *request)
{
  const char *offline = mqtt_device_offline(request->device);
  if (!m->generation)
    finish_later(m, request, -ENOTCONN, "not connected: %s", m->offline);
  else if (offline)
    finish_later(m, request, -EHOSTUNREACH, "%s says that the device is offline", offline);
  else if (request->deadline_us <= tt_bridge_now(m->bridge).mono_us)
    finish_later(m, request, -ETIMEDOUT, "no time was left");
  return request->is_decided;
}

static void read_points(struct tt_bridge *bridge, tt_id id, struct tt_device *device, const uint16_t points[],
                        size_t n, uint64_t deadline_us)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_device *d = tt_device_state(device);
  uint64_t now = tt_bridge_now(bridge).mono_us;
  struct request *request = request_add(m, id, d, n, deadline_us);
  bool is_asking = false;
  int r = 0;
  if (!request) {
    tt_done(bridge, id, -ENOMEM, NULL);
    return;
  }
  if (is_out_of_reach(m, request))
    return;
  for (size_t i = 0; r == 0 && i < n; i++) {
    request->points[i].point = points[i];
    if (d->ask_of_point[points[i]] == MQTT_NO_ASK)
      continue;
    struct mqtt_device_ask *a = &d->asks[d->ask_of_point[points[i]]];
    request->points[i].state = WAIT_ANSWER;
    is_asking = true;
    if (!a->sent_us || a->sent_us + MQTT_ASK_SHARED_US < now)
      r = ask(m, a, deadline_us);
  }
  if (r < 0)
    finish_later(m, request, r, "cannot ask the device: %s", strerror(-r));
  else if (!is_asking)
    finish_later(m, request, 0, "%s", "");
  else
    arm(m);
}

static void write_point(struct tt_bridge *bridge, tt_id id, struct tt_device *device, uint16_t point,
                        const struct tt_value *value, uint64_t deadline_us)
{
  struct mqtt *m = state_of(bridge);
  struct mqtt_device *d = tt_device_state(device);
  const struct mqtt_write_address *address = d->config->points[point].write->address;
  struct request *request = request_add(m, id, d, 0, deadline_us);
  TT_AUTOBUF struct tt_buf payload = TT_BUF(TT_PICK_SIZE_MAX);
  if (!request) {
    tt_done(bridge, id, -ENOMEM, NULL);
    return;
  }
  request->is_write = true;
  if (is_out_of_reach(m, request))
    return;
  int r = mqtt_payload_compose(address, value, &payload);
  if (r == 0) {
    struct mqtt_order order = {.topic = address->topic,
                               .payload = payload.data,
                               .payload_size = payload.len,
                               .qos = (int)address->qos,
                               .retain = address->retain,
                               .request = id,
                               .deadline_us = deadline_us};
    r = mqtt_link_publish(m->link, m->generation, &order);
  }
  if (r < 0)
    finish_later(m, request, r, "cannot send the command: %s", strerror(-r));
  else
    arm(m);
}

TT_BRIDGE(mqtt) = {
    .abi = TT_BRIDGE_ABI,
    .name = "mqtt",
    .summary = "MQTT 3.1.1 and 5: devices behind a broker",
    .connection = {sizeof(struct mqtt_connection), mqtt_connection_options},
    .device = {sizeof(struct mqtt_device_options), mqtt_device_option_table},
    .read_address = {sizeof(struct mqtt_read_address), mqtt_read_options},
    .write_address = {sizeof(struct mqtt_write_address), mqtt_write_options},
    .instance_size = sizeof(struct mqtt),
    .device_size = sizeof(struct mqtt_device),
    .check = mqtt_check,
    .start = start,
    .stop = stop,
    .attach = attach,
    .detach = detach,
    .read = read_points,
    .write = write_point,
    .discover = discover,
};
