/* SPDX-License-Identifier: Apache-2.0
 * The link thread: connect, serve orders, tear down, wait, again. What Paho calls back is in link_calls.c. */
#include "link.h"
#include "common/clock.h"

#include "link_private.h"
#include "probe.h"
#include "socket.h"

#include <MQTTAsync.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

/* A client that is never connected keeps Paho's process-wide threads from ending whenever the last other client is
 * destroyed, for that sleeps a second or more and races with the next creation. It lives until the process ends. */
static pthread_once_t keeper_once = PTHREAD_ONCE_INIT;
static MQTTAsync keeper;

static void keeper_create(void)
{
  MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
  options.do_openssl_init = 0; /* OpenSSL does it by itself, and others in this process use it too */
  MQTTAsync_global_init(&options);
  if (MQTTAsync_create(&keeper, "tcp://127.0.0.1:1", "keeper", MQTTCLIENT_PERSISTENCE_NONE, NULL))
    keeper = NULL;
}

void mqtt_link_tell(struct mqtt_link *link, enum mqtt_event_kind kind, tt_id request, int error, const char *text)
{
  struct mqtt_event event = {.kind = kind, .error = error, .generation = link->generation, .request = request};
  snprintf(event.text, sizeof event.text, "%s", text ? text : "");
  tt_post(link->bridge, TT_LANE_CONTROL, NULL, 0, link->event, &event, sizeof event);
}

uint64_t mqtt_backoff_next(uint64_t us)
{
  uint64_t next = us ? 2 * us : MQTT_BACKOFF_MIN_US;
  return next > MQTT_BACKOFF_MAX_US ? MQTT_BACKOFF_MAX_US : next;
}

const char *mqtt_connack_text(int code, int version)
{
  static const char *const texts[] = {
      [1] = "the broker refuses this version of MQTT",
      [2] = "the broker refuses the client_id",
      [3] = "the broker is not available",
      [4] = "the broker refuses the user name or password",
      [5] = "the broker refuses: not authorised (user, password or permission)",
  };
  if (code > 0 && code < (int)TT_COUNT(texts))
    return texts[code];
  switch (version == 5 ? code : 0) {
  case MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION:
    return texts[1];
  case MQTTREASONCODE_CLIENT_IDENTIFIER_NOT_VALID:
    return texts[2];
  case MQTTREASONCODE_SERVER_UNAVAILABLE:
  case MQTTREASONCODE_SERVER_BUSY:
    return texts[3];
  case MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD:
    return texts[4];
  case MQTTREASONCODE_NOT_AUTHORIZED:
    return texts[5];
  case MQTTREASONCODE_BANNED:
    return "the broker has banned this client";
  default:
    return version == 5 && code >= 0x80 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : NULL;
  }
}

/* Until `end_us` or until `is_stopping`, `is_ended`, or an order when connected. Lock held. */
static void sleep_until(struct mqtt_link *link, uint64_t end_us)
{
  struct timespec end = {.tv_sec = (time_t)(end_us / TT_USEC_PER_SEC),
                         .tv_nsec = (long)(end_us % TT_USEC_PER_SEC * 1000)};
  pthread_cond_timedwait(&link->wake, &link->lock, &end);
}

/* ---- One attempt ------------------------------------------------------------------------------------- */
/* What Paho copies during its calls, together so that it is filled in one place. */
struct paho_options {
  MQTTAsync_createOptions create;
  MQTTAsync_connectOptions connect;
  MQTTAsync_SSLOptions ssl;
  MQTTAsync_willOptions will;
  MQTTProperties properties;
};

static void add_property(MQTTProperties *list, enum MQTTPropertyCodes code, uint32_t value)
{
  MQTTProperty property = {.identifier = code};
  if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
    property.value.integer2 = (unsigned short)value;
  else
    property.value.integer4 = value;
  MQTTProperties_add(list, &property);
}

static void fill_tls(const struct mqtt_connection *o, MQTTAsync_SSLOptions *ssl)
{
  *ssl = (MQTTAsync_SSLOptions)MQTTAsync_SSLOptions_initializer;
  ssl->enableServerCertAuth = 1;
  ssl->verify = 1; /* the host name, too */
  ssl->disableDefaultTrustStore = 1;
  ssl->trustStore = o->ca;
  ssl->CApath = o->ca ? NULL : MQTT_SYSTEM_CA;
  ssl->keyStore = o->cert;
  ssl->privateKey = o->key;
}

static void fill(struct mqtt_link *link, struct paho_options *p)
{
  const struct mqtt_connection *o = link->options;
  bool is_5 = link->version == 5;
  p->create = is_5 ? (MQTTAsync_createOptions)MQTTAsync_createOptions_initializer5
                   : (MQTTAsync_createOptions)MQTTAsync_createOptions_initializer;
  p->create.sendWhileDisconnected = 0;
  p->create.maxBufferedMessages = MQTT_ORDERS_MAX;
  if (!is_5)
    p->create.MQTTVersion = MQTTVERSION_3_1_1;
  p->connect = is_5 ? (MQTTAsync_connectOptions)MQTTAsync_connectOptions_initializer5
                    : (MQTTAsync_connectOptions)MQTTAsync_connectOptions_initializer;
  p->connect.MQTTVersion = is_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
  p->connect.automaticReconnect = 0;
  p->connect.keepAliveInterval = (int)(o->keepalive_us / TT_USEC_PER_SEC);
  p->connect.connectTimeout = (int)(o->connect_timeout_us / TT_USEC_PER_SEC);
  p->connect.retryInterval = 0;
  p->connect.maxInflight = MQTT_INFLIGHT_MAX;
  p->connect.username = o->user;
  p->connect.password = o->password;
  p->connect.context = link;
  p->properties = (MQTTProperties)MQTTProperties_initializer;
  if (is_5) {
    p->connect.cleanstart = o->clean_session;
    p->connect.onSuccess5 = mqtt_on_connected5;
    p->connect.onFailure5 = mqtt_on_connect_failed5;
    p->connect.connectProperties = &p->properties;
    add_property(&p->properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, (uint32_t)o->receive_maximum);
    if (!o->clean_session)
      add_property(&p->properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, MQTT_SESSION_EXPIRY_S);
  } else {
    p->connect.cleansession = o->clean_session;
    p->connect.onSuccess = mqtt_on_connected;
    p->connect.onFailure = mqtt_on_connect_failed;
  }
  if (link->broker.is_tls) {
    fill_tls(o, &p->ssl);
    p->connect.ssl = &p->ssl;
  }
  if (o->will.topic) {
    p->will = (MQTTAsync_willOptions)MQTTAsync_willOptions_initializer;
    p->will.topicName = o->will.topic;
    p->will.message = o->will.payload ? o->will.payload : "";
    p->will.retained = o->will.retain;
    p->will.qos = (int)o->will.qos;
    p->connect.will = &p->will;
  }
}

static int client_start(struct mqtt_link *link, MQTTAsync *ret_client, char *why)
{
  char uri[MQTT_HOST_MAX + 32];
  struct paho_options p = {0};
  MQTTAsync client;
  bool is_v6 = strchr(link->broker.host, ':');
  snprintf(uri, sizeof uri, is_v6 ? "%s[%s]:%u" : "%s%s:%u", link->broker.is_tls ? "ssl://" : "tcp://",
           link->broker.host, link->broker.port);
  fill(link, &p);
  int rc = MQTTAsync_createWithOptions(&client, uri, link->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &p.create);
  if (rc) {
    snprintf(why, MQTT_PROBE_TEXT, "the MQTT library makes no client: %s", MQTTAsync_strerror(rc));
  } else {
    MQTTAsync_setCallbacks(client, link, mqtt_on_lost, mqtt_on_message, NULL);
    if (link->version == 5)
      MQTTAsync_setDisconnected(client, link, mqtt_on_disconnected);
    rc = MQTTAsync_connect(client, &p.connect);
    if (rc) {
      snprintf(why, MQTT_PROBE_TEXT, "the MQTT library refuses to connect: %s", MQTTAsync_strerror(rc));
      MQTTAsync_destroy(&client);
    }
  }
  MQTTProperties_free(&p.properties);
  if (rc)
    return -EIO;
  *ret_client = client;
  return 0;
}

/* ---- Orders ------------------------------------------------------------------------------------------ */
static void order_finish(struct mqtt_link *link, struct order *order, int error, const char *text)
{
  if (error < 0 && order->kind == ORDER_PUBLISH && order->request)
    mqtt_link_tell(link, MQTT_PUBLISHED, order->request, error, text);
  free(order);
}

/* Take all orders and fail them: their connection is gone. */
static void orders_flush(struct mqtt_link *link)
{
  struct order *order, *next;
  pthread_mutex_lock(&link->lock);
  struct order *orders = link->orders;
  link->orders = NULL;
  link->n_orders = 0;
  pthread_mutex_unlock(&link->lock);
  DL_FOREACH_SAFE(orders, order, next)
  {
    order_finish(link, order, -ENOTCONN, "the connection to the broker was lost");
  }
}

static void publish(struct mqtt_link *link, MQTTAsync client, struct order *order)
{
  struct mqtt_call *call = NULL;
  uint64_t now = tt_clock_us();
  int r = now >= order->deadline_us ? -ETIMEDOUT : 0;
  if (r == 0 && order->request)
    r = mqtt_call_add(link, order->request, order->deadline_us, &call);
  if (r < 0) {
    order_finish(link, order, r, r == -ETIMEDOUT ? "no time was left to send it" : NULL);
    return;
  }
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  response.context = call;
  if (link->version == 5) {
    response.onSuccess5 = call ? mqtt_on_published5 : NULL;
    response.onFailure5 = call ? mqtt_on_publish_failed5 : NULL;
    /* A command that the broker cannot pass on in time must not wait there for the device. */
    if (!order->retain && order->deadline_us != TT_NEVER)
      add_property(&response.properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
                   (uint32_t)((order->deadline_us - now) / TT_USEC_PER_SEC + 1));
  } else {
    response.onSuccess = call ? mqtt_on_published : NULL;
    response.onFailure = call ? mqtt_on_publish_failed : NULL;
  }
  int rc = MQTTAsync_send(client, order->topic, (int)order->payload_size, order->payload, order->qos, order->retain,
                          &response);
  MQTTProperties_free(&response.properties);
  if (rc && call)
    mqtt_call_drop(link, call);
  order_finish(link, order, rc == 0 ? 0 : rc == MQTTASYNC_DISCONNECTED ? -ENOTCONN : -EIO, MQTTAsync_strerror(rc));
}

/* `first` and the subscriptions that follow it directly, in one packet. */
static void subscribe(struct mqtt_link *link, MQTTAsync client, struct order *first, struct order *more)
{
  char *filters[MQTT_SUBSCRIBE_MAX] = {first->topic};
  int qos[MQTT_SUBSCRIBE_MAX] = {first->qos}, n = 1;
  struct order *order, *next;
  DL_FOREACH(more, order) {
    filters[n] = order->topic;
    qos[n++] = order->qos;
  }
  MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
  struct mqtt_call *call = NULL;
  if (mqtt_call_add(link, 0, TT_NEVER, &call) == 0 && mqtt_call_filters(call, filters, (size_t)n) == 0) {
    response.context = call;
    if (link->version == 5) {
      response.onSuccess5 = mqtt_on_subscribed5;
      response.onFailure5 = mqtt_on_subscribe_failed5;
    } else {
      response.onSuccess = mqtt_on_subscribed;
      response.onFailure = mqtt_on_subscribe_failed;
    }
    if (MQTTAsync_subscribeMany(client, n, filters, qos, &response))
      mqtt_call_drop(link, call);
  } else {
    mqtt_call_drop(link, call);
  }
  DL_FOREACH_SAFE(more, order, next)
  {
    free(order);
  }
  free(first);
}

/* The next order, and for a subscription those behind it that may go with it. Lock held. */
static struct order *orders_take(struct mqtt_link *link, struct order **ret_more)
{
  struct order *first = link->orders;
  *ret_more = NULL;
  if (!first)
    return NULL;
  DL_DELETE(link->orders, first);
  link->n_orders--;
  for (size_t n = 1; first->kind == ORDER_SUBSCRIBE && n < MQTT_SUBSCRIBE_MAX; n++) {
    struct order *next = link->orders;
    if (!next || next->kind != ORDER_SUBSCRIBE || next->generation != first->generation)
      break;
    DL_DELETE(link->orders, next);
    link->n_orders--;
    DL_APPEND(*ret_more, next);
  }
  return first;
}

static void carry_out(struct mqtt_link *link, MQTTAsync client, struct order *order, struct order *more)
{
  struct order *each, *next;
  if (order->generation != link->generation) {
    order_finish(link, order, -ENOTCONN, "the connection to the broker was lost");
    DL_FOREACH_SAFE(more, each, next)
    {
      free(each);
    }
    return;
  }
  switch (order->kind) {
  case ORDER_PUBLISH:
    publish(link, client, order);
    break;
  case ORDER_SUBSCRIBE:
    subscribe(link, client, order, more);
    break;
  case ORDER_UNSUBSCRIBE:
    MQTTAsync_unsubscribe(client, order->topic, NULL);
    free(order);
    break;
  }
}

/* ---- The thread -------------------------------------------------------------------------------------- */
/* Until the attempt has failed, the connection is lost or dropped, or the end. */
static void serve(struct mqtt_link *link, MQTTAsync client)
{
  uint64_t give_up = tt_clock_us() + link->options->connect_timeout_us + 5 * TT_USEC_PER_SEC;
  bool is_limited = false;
  pthread_mutex_lock(&link->lock);
  while (!link->is_stopping && !link->is_ended) {
    if (link->is_connected && !is_limited) { /* before the first command goes */
      is_limited = true;
      pthread_mutex_unlock(&link->lock);
      mqtt_socket_limit(link->broker.port);
      pthread_mutex_lock(&link->lock);
    }
    struct order *more, *order = link->is_connected ? orders_take(link, &more) : NULL;
    if (order) {
      pthread_mutex_unlock(&link->lock);
      carry_out(link, client, order, more);
      pthread_mutex_lock(&link->lock);
    } else if (link->is_connected) {
      pthread_cond_wait(&link->wake, &link->lock);
    } else if (tt_clock_us() < give_up) {
      sleep_until(link, give_up);
    } else {
      link->is_ended = true; /* Paho has not called back in its own time */
      link->code = MQTTASYNC_FAILURE;
    }
  }
  pthread_mutex_unlock(&link->lock);
}

/* Version 5 did not work out: is 3.1.1 allowed, and worth trying? */
static bool may_fall_back(const struct mqtt_link *link, bool is_unexplained)
{
  return link->version == 5 && link->options->allow_311 &&
         (link->code == MQTTREASONCODE_UNSUPPORTED_PROTOCOL_VERSION || link->code == 1 || is_unexplained);
}

/* One sentence on why this attempt or connection ended. */
static void explain(struct mqtt_link *link, bool was_connected, char *why)
{
  const char *text = mqtt_connack_text(link->code, link->version);
  int r = 0;
  if (was_connected) {
    snprintf(why, MQTT_PROBE_TEXT, "%s", *link->lost ? link->lost : "the connection to the broker was lost");
    return;
  }
  if (text)
    snprintf(why, MQTT_PROBE_TEXT, "%s", text);
  else if ((r = mqtt_probe(link->options, &link->broker, link->stop_fd, why)) == 0)
    snprintf(why, MQTT_PROBE_TEXT, "%s:%u closes the connection, or does not answer as an MQTT %s broker",
             link->broker.host, link->broker.port, link->version == 5 ? "5" : "3.1.1");
  if (may_fall_back(link, !text && r == 0)) {
    link->version = 4;
    link->backoff_us = 0;
  }
}

/* Returns whether the connection was up. */
static void attempt(struct mqtt_link *link)
{
  char why[MQTT_PROBE_TEXT];
  MQTTAsync client = NULL;
  pthread_mutex_lock(&link->lock);
  link->is_connected = link->is_ended = false;
  link->code = 0;
  *link->lost = 0;
  link->generation++;
  pthread_mutex_unlock(&link->lock);

  int r = mqtt_probe_name(&link->broker, why);
  if (r == 0)
    r = client_start(link, &client, why);
  if (r == 0) {
    serve(link, client);
    MQTTAsync_destroy(&client); /* says goodbye to the broker; afterwards no callback of it can come */
  }

  pthread_mutex_lock(&link->lock);
  bool was_connected = link->is_connected, is_stopping = link->is_stopping;
  uint64_t up_us = was_connected ? tt_clock_us() - link->connected_us : 0;
  link->is_connected = false;
  pthread_mutex_unlock(&link->lock);
  mqtt_calls_clear(link);
  orders_flush(link);
  if (is_stopping)
    return;
  link->backoff_us = mqtt_backoff_next(up_us >= MQTT_STABLE_US ? 0 : link->backoff_us);
  if (r == 0)
    explain(link, was_connected, why);
  mqtt_link_tell(link, MQTT_OFFLINE, 0, -ENOTCONN, why);
}

static void *run(void *user)
{
  struct mqtt_link *link = user;
  pthread_once(&keeper_once, keeper_create);
  pthread_mutex_lock(&link->lock);
  while (!link->is_stopping) {
    pthread_mutex_unlock(&link->lock);
    attempt(link);
    uint64_t end = tt_clock_us() + link->backoff_us / 2 + tt_random_below(link->backoff_us / 2 + 1);
    pthread_mutex_lock(&link->lock);
    while (!link->is_stopping && tt_clock_us() < end)
      sleep_until(link, end);
  }
  pthread_mutex_unlock(&link->lock);
  orders_flush(link);
  mqtt_link_tell(link, MQTT_STOPPED, 0, 0, NULL);
  return NULL;
}

/* ---- The loop's side --------------------------------------------------------------------------------- */
static int start_thread(struct mqtt_link *link)
{
  sigset_t all, old;
  sigfillset(&all); /* signals are the loop's; Paho's threads inherit this from ours */
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int r = -pthread_create(&link->thread, NULL, run, link);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return r;
}

static void link_free(struct mqtt_link *link)
{
  pthread_cond_destroy(&link->wake);
  pthread_mutex_destroy(&link->lock);
  if (link->stop_fd >= 0)
    close(link->stop_fd);
  free(link);
}

int mqtt_link_create(struct tt_bridge *bridge, const struct mqtt_connection *options,
                     const struct mqtt_broker *broker, tt_post_fn event, tt_post_fn message,
                     struct mqtt_link **ret_link)
{
  struct mqtt_link *link = calloc(1, sizeof *link);
  pthread_condattr_t attributes;
  if (!link)
    return -ENOMEM;
  link->bridge = bridge;
  link->options = options;
  link->broker = *broker;
  link->event = event;
  link->message = message;
  link->version = (int)options->version;
  if (options->client_id) {
    snprintf(link->client_id, sizeof link->client_id, "%s", options->client_id);
  } else {
    uint32_t random;
    tt_random(&random, sizeof random);
    snprintf(link->client_id, sizeof link->client_id, "thingtree-%08x", random);
  }
  pthread_mutex_init(&link->lock, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&link->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  link->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int r = link->stop_fd < 0 ? -errno : start_thread(link);
  if (r < 0) {
    link_free(link);
    return r;
  }
  *ret_link = link;
  return 0;
}

static int order_add(struct mqtt_link *link, enum order_kind kind, uint64_t generation,
                     const struct mqtt_order *what)
{
  size_t topic_size = strlen(what->topic) + 1;
  struct order *order = calloc(1, sizeof *order + topic_size + what->payload_size);
  if (!order)
    return -ENOMEM;
  order->kind = kind;
  order->generation = generation;
  order->request = what->request;
  order->deadline_us = what->deadline_us;
  order->qos = what->qos;
  order->retain = what->retain;
  order->topic = order->data;
  order->payload = order->data + topic_size;
  order->payload_size = what->payload_size;
  memcpy(order->topic, what->topic, topic_size);
  if (what->payload_size)
    memcpy(order->payload, what->payload, what->payload_size);

  int r = 0;
  pthread_mutex_lock(&link->lock);
  /* Subscriptions are as many as the configuration has filters; only commands are refused. */
  if (kind == ORDER_PUBLISH && link->n_orders >= MQTT_ORDERS_MAX) {
    r = -ENOBUFS;
  } else {
    DL_APPEND(link->orders, order);
    link->n_orders++;
    pthread_cond_signal(&link->wake);
  }
  pthread_mutex_unlock(&link->lock);
  if (r < 0)
    free(order);
  return r;
}

int mqtt_link_publish(struct mqtt_link *link, uint64_t generation, const struct mqtt_order *order)
{
  return order_add(link, ORDER_PUBLISH, generation, order);
}

int mqtt_link_subscribe(struct mqtt_link *link, uint64_t generation, const char *filter, int qos)
{
  return order_add(link, ORDER_SUBSCRIBE, generation, &(struct mqtt_order){.topic = filter, .qos = qos});
}

int mqtt_link_unsubscribe(struct mqtt_link *link, uint64_t generation, const char *filter)
{
  return order_add(link, ORDER_UNSUBSCRIBE, generation, &(struct mqtt_order){.topic = filter});
}

/* Lock held. */
static void drop(struct mqtt_link *link, uint64_t generation, const char *why)
{
  if (link->generation != generation || !link->is_connected || link->is_ended)
    return;
  link->is_ended = true;
  snprintf(link->lost, sizeof link->lost, "%s", why);
  pthread_cond_signal(&link->wake);
}

void mqtt_link_drop(struct mqtt_link *link, uint64_t generation)
{
  pthread_mutex_lock(&link->lock);
  drop(link, generation, "out of memory");
  pthread_mutex_unlock(&link->lock);
}

void mqtt_link_expire(struct mqtt_link *link, uint64_t generation, tt_id request)
{
  struct order *order;
  struct mqtt_call *call;
  pthread_mutex_lock(&link->lock);
  DL_SEARCH_SCALAR(link->orders, order, request, request);
  if (order) {
    DL_DELETE(link->orders, order);
    link->n_orders--;
  }
  DL_SEARCH_SCALAR(link->calls, call, request, request);
  if (call)
    drop(link, generation, "the broker did not acknowledge a command in time");
  pthread_mutex_unlock(&link->lock);
  free(order);
}

void mqtt_link_stop(struct mqtt_link *link)
{
  uint64_t one = 1;
  pthread_mutex_lock(&link->lock);
  link->is_stopping = true;
  pthread_cond_signal(&link->wake);
  pthread_mutex_unlock(&link->lock);
  if (write(link->stop_fd, &one, sizeof one) < 0)
    return; /* the counter is full: it is readable, which is all that is wanted */
}

void mqtt_link_destroy(struct mqtt_link *link)
{
  if (!link)
    return;
  pthread_join(link->thread, NULL);
  link_free(link);
}
