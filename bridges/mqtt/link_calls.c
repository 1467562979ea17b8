/* SPDX-License-Identifier: Apache-2.0
 * What Paho calls, on its threads and under its lock: copy, post, return. */
#include "common/clock.h"
#include "describe.h"
#include "link_private.h"
#include "topic.h"

#include <stdio.h>
#include <utlist.h>

int mqtt_call_add(struct mqtt_link *link, tt_id request, uint64_t deadline_us, struct mqtt_call **ret)
{
  struct mqtt_call *call = calloc(1, sizeof *call);
  if (!call)
    return -ENOMEM;
  call->link = link;
  call->request = request;
  pthread_mutex_lock(&link->lock);
  bool is_late = tt_clock_us() >= deadline_us;
  if (!is_late)
    DL_APPEND(link->calls, call);
  pthread_mutex_unlock(&link->lock);
  if (is_late) {
    free(call);
    return -ETIMEDOUT;
  }
  *ret = call;
  return 0;
}

int mqtt_call_filters(struct mqtt_call *call, char *const filters[], size_t n)
{
  call->filters = calloc(n, sizeof *call->filters);
  if (!call->filters)
    return -ENOMEM;
  for (call->n_filters = 0; call->n_filters < n; call->n_filters++)
    if (!(call->filters[call->n_filters] = strdup(filters[call->n_filters])))
      return -ENOMEM;
  return 0;
}

static void call_free(struct mqtt_call *call)
{
  for (size_t i = 0; i < call->n_filters; i++)
    free(call->filters[i]);
  free(call->filters);
  free(call);
}

void mqtt_call_drop(struct mqtt_link *link, struct mqtt_call *call)
{
  if (!call)
    return;
  pthread_mutex_lock(&link->lock);
  DL_DELETE(link->calls, call);
  pthread_mutex_unlock(&link->lock);
  call_free(call);
}

void mqtt_calls_clear(struct mqtt_link *link)
{
  struct mqtt_call *call, *next;
  pthread_mutex_lock(&link->lock);
  struct mqtt_call *calls = link->calls;
  link->calls = NULL;
  pthread_mutex_unlock(&link->lock);
  DL_FOREACH_SAFE(calls, call, next)
  {
    if (call->request)
      mqtt_link_tell(link, MQTT_PUBLISHED, call->request, -ECONNRESET,
                     "the connection was lost before the broker acknowledged; it may have been done or not");
    call_free(call);
  }
}

/* ---- Connection -------------------------------------------------------------------------------------- */
static void connected(struct mqtt_link *link)
{
  pthread_mutex_lock(&link->lock);
  link->is_connected = true;
  link->connected_us = tt_clock_us();
  pthread_cond_signal(&link->wake);
  pthread_mutex_unlock(&link->lock);
  mqtt_link_tell(link, MQTT_CONNECTED, 0, 0, link->version == 5 ? "MQTT 5" : "MQTT 3.1.1");
}

void mqtt_on_connected(void *context, MQTTAsync_successData *data TT_UNUSED)
{
  connected(context);
}

void mqtt_on_connected5(void *context, MQTTAsync_successData5 *data TT_UNUSED)
{
  connected(context);
}

static void ended(struct mqtt_link *link, int code, const char *why)
{
  pthread_mutex_lock(&link->lock);
  link->is_ended = true;
  if (code)
    link->code = code;
  if (why && !*link->lost)
    snprintf(link->lost, sizeof link->lost, "%s", why);
  pthread_cond_signal(&link->wake);
  pthread_mutex_unlock(&link->lock);
}

void mqtt_on_connect_failed(void *context, MQTTAsync_failureData *data)
{
  ended(context, data && data->code ? data->code : MQTTASYNC_FAILURE, NULL);
}

void mqtt_on_connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
  ended(context, data && data->code ? data->code : MQTTASYNC_FAILURE, NULL);
}

void mqtt_on_lost(void *context, char *cause TT_UNUSED)
{
  ended(context, 0, NULL);
}

void mqtt_on_disconnected(void *context, MQTTProperties *properties TT_UNUSED, enum MQTTReasonCodes code)
{
  char why[120];
  const char *text = MQTTReasonCode_toString(code);
  snprintf(why, sizeof why, "the broker ended the connection: %s", text ? text : "no reason given");
  ended(context, 0, why);
}

/* ---- Publish ----------------------------------------------------------------------------------------- */
static void published(struct mqtt_call *call, int error, const char *text)
{
  struct mqtt_link *link = call->link;
  mqtt_link_tell(link, MQTT_PUBLISHED, call->request, error, text);
  mqtt_call_drop(link, call);
}

void mqtt_on_published(void *context, MQTTAsync_successData *data TT_UNUSED)
{
  published(context, 0, NULL);
}

void mqtt_on_published5(void *context, MQTTAsync_successData5 *data TT_UNUSED)
{
  published(context, 0, NULL);
}

static const char lost_text[] =
    "the connection was lost before the broker acknowledged; it may have been done or not";

void mqtt_on_publish_failed(void *context, MQTTAsync_failureData *data TT_UNUSED)
{
  published(context, -ECONNRESET, lost_text);
}

void mqtt_on_publish_failed5(void *context, MQTTAsync_failureData5 *data)
{
  const char *text = data->reasonCode >= 0x80 ? MQTTReasonCode_toString(data->reasonCode) : NULL;
  char why[160];
  if (!text) {
    published(context, -ECONNRESET, lost_text);
    return;
  }
  snprintf(why, sizeof why, "the broker refuses the command: %s", text);
  published(context, data->reasonCode == MQTTREASONCODE_NOT_AUTHORIZED ? -EACCES : -EIO, why);
}

/* ---- Subscribe --------------------------------------------------------------------------------------- */
static void refused(struct mqtt_call *call, size_t i)
{
  if (i < call->n_filters)
    mqtt_link_tell(call->link, MQTT_REFUSED, 0, -EACCES, call->filters[i]);
}

void mqtt_on_subscribed(void *context, MQTTAsync_successData *data)
{
  struct mqtt_call *call = context;
  for (size_t i = 0; call->n_filters > 1 && data->alt.qosList && i < call->n_filters; i++)
    if (data->alt.qosList[i] >= 0x80)
      refused(call, i);
  mqtt_call_drop(call->link, call);
}

void mqtt_on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
  struct mqtt_call *call = context;
  size_t n = call->n_filters > 1 && data->alt.sub.reasonCodes ? (size_t)data->alt.sub.reasonCodeCount : 0;
  for (size_t i = 0; i < n; i++)
    if (data->alt.sub.reasonCodes[i] >= 0x80)
      refused(call, i);
  mqtt_call_drop(call->link, call);
}

void mqtt_on_subscribe_failed(void *context, MQTTAsync_failureData *data)
{
  struct mqtt_call *call = context;
  if (data && data->code >= 0x80)
    refused(call, 0);
  mqtt_call_drop(call->link, call);
}

void mqtt_on_subscribe_failed5(void *context, MQTTAsync_failureData5 *data)
{
  struct mqtt_call *call = context;
  if (data && data->reasonCode >= 0x80)
    refused(call, 0);
  mqtt_call_drop(call->link, call);
}

/* ---- Messages ---------------------------------------------------------------------------------------- */
/* The topic and `n` bytes of the payload from head->offset on. Parts have keys of their own: none takes the place of
 * another. */
static void post_message(struct mqtt_link *link, struct mqtt_message *head, const char *topic, const char *payload)
{
  char key[MQTT_TOPIC_MAX + sizeof head->offset];
  size_t size = sizeof *head + head->topic_size + head->payload_size;
  char *copy = malloc(size);
  if (!copy)
    return;
  memcpy(copy, head, sizeof *head);
  memcpy(copy + sizeof *head, topic, head->topic_size);
  if (head->payload_size)
    memcpy(copy + sizeof *head + head->topic_size, payload + head->offset, head->payload_size);
  memcpy(key, topic, head->topic_size);
  memcpy(key + head->topic_size, &head->offset, sizeof head->offset);
  size_t key_size =
      head->topic_size +
      (head->offset && head->topic_size + sizeof head->offset <= MQTT_TOPIC_MAX ? sizeof head->offset : 0);
  tt_post(link->bridge, TT_LANE_REPORT, key, key_size, link->message, copy, size);
  free(copy);
}

/* Always takes the message: returning 0 would leave it on a list without end in Paho, acknowledged all the same. */
int mqtt_on_message(void *context, char *topic, int topic_len, MQTTAsync_message *paho)
{
  struct mqtt_link *link = context;
  size_t n = topic_len > 0 ? (size_t)topic_len : strlen(topic);
  struct mqtt_message head = {
      .topic_size = (uint32_t)n, .full_size = (uint32_t)paho->payloadlen, .is_retained = paho->retained};
  if (n > MQTT_TOPIC_MAX) { /* cannot be one of ours */
    head.full_size = 0;
  } else if (head.full_size <= TT_PICK_SIZE_MAX) {
    head.payload_size = head.full_size;
    post_message(link, &head, topic, paho->payload);
  } else if (!mqtt_is_document(topic, n) || head.full_size > MQTT_DOCUMENT_MAX) {
    post_message(link, &head, topic, NULL);
  } else {
    head.document = ++link->documents ? link->documents : ++link->documents;
    for (; head.offset < head.full_size; head.offset += head.payload_size) {
      uint32_t left = head.full_size - head.offset;
      head.payload_size = left < MQTT_PART_MAX ? left : MQTT_PART_MAX;
      post_message(link, &head, topic, paho->payload);
    }
  }
  MQTTAsync_freeMessage(&paho);
  MQTTAsync_free(topic);
  return 1;
}
