/* SPDX-License-Identifier: Apache-2.0
 *
 * events: MQTT in, fields out: how long a reading takes from its sender to a subscriber, and a gateway of the least possible
 * work beside it.
 *
 *   events measure PORT SECRET NAME TARGET MQTT_PORT MESSAGES TOPICS RATE   subscribes NAME (a component of the server on
 *       127.0.0.1:PORT) at TARGET to the devices d0, d1, ...; sends climate readings to zigbee2mqtt/d0, ... (QoS 1); prints
 *       how many arrived, and the median and 99th percentile of the way. RATE messages a second, 0: as fast as it goes
 *   events bare PORT SECRET NAME SUBSCRIBER MQTT_PORT MESSAGES              takes so many readings, parses them and sends five
 *       fields of each to SUBSCRIBER; prints its processor time
 *
 * A reading is known by its linkquality, which counts the messages.
 */
#include <MQTTAsync.h>
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES_MAX 1000000
#define NODES_MAX    400  /* of one subscription */
#define IDLE_MS      3000 /* without a message: nothing more will come */

static int stream = -1;
static char in[1 << 20];
static size_t n_in;
static const char *own, *subscriber;
static double sent[MESSAGES_MAX + 1], took[MESSAGES_MAX];
static long taken, wanted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static long acknowledged;
static int n_ready;

static void die(const char *what)
{
  perror(what);
  exit(1);
}

static double now_us(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double processor_ms(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void put_all(const char *text, size_t n)
{
  while (n > 0) {
    ssize_t part = send(stream, text, n, MSG_NOSIGNAL);
    if (part < 0)
      die("send");
    text += part;
    n -= (size_t)part;
  }
}

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
  char text[4096];
  va_list ap;
  va_start(ap, format);
  int n = vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  if (n < 0 || (size_t)n >= sizeof text)
    exit(1);
  put_all(text, (size_t)n);
}

/* More bytes; 0: none for so long. */
static int fill(int timeout_ms)
{
  if (poll(&(struct pollfd){.fd = stream, .events = POLLIN}, 1, timeout_ms) == 0)
    return 0;
  if (n_in == sizeof in - 1) {
    errno = EMSGSIZE;
    die("stanza");
  }
  ssize_t n = recv(stream, in + n_in, sizeof in - 1 - n_in, 0);
  if (n <= 0)
    die("the server closed the stream");
  n_in += (size_t)n;
  in[n_in] = '\0';
  return 1;
}

static void use(char *end)
{
  n_in -= (size_t)(end - in);
  memmove(in, end, n_in + 1);
}

static void wait_for(const char *text)
{
  char *found;
  while (!(found = strstr(in, text)))
    fill(-1);
  use(found + strlen(text));
}

static void log_in(int port, const char *secret)
{
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (stream < 0 || connect(stream, (struct sockaddr *)&to, sizeof to) < 0)
    die("connect");
  setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  put("<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
      "xmlns:stream='http://etherx.jabber.org/streams' to='%s'>",
      own);
  wait_for("id=");
  while (!strchr(in, '>'))
    fill(-1);
  char id[200] = "", text[512];
  unsigned char digest[EVP_MAX_MD_SIZE];
  sscanf(in, "%*c%199[^'\"]", id);
  snprintf(text, sizeof text, "%s%s", id, secret);
  EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
  put("<handshake>");
  for (int i = 0; i < 20; i++)
    put("%02x", digest[i]);
  put("</handshake>");
  wait_for("<handshake");
}

/* ---- MQTT ---------------------------------------------------------------------------------------------------------------- */

static void count(long *what)
{
  pthread_mutex_lock(&lock);
  ++*what;
  pthread_cond_signal(&change);
  pthread_mutex_unlock(&lock);
}

static void on_ready(void *user, MQTTAsync_successData *data)
{
  (void)user, (void)data;
  pthread_mutex_lock(&lock);
  n_ready++;
  pthread_cond_signal(&change);
  pthread_mutex_unlock(&lock);
}

static void wait_ready(int n)
{
  pthread_mutex_lock(&lock);
  while (n_ready < n)
    pthread_cond_wait(&change, &lock);
  pthread_mutex_unlock(&lock);
}

static void on_acknowledged(void *user, MQTTAsync_successData *data)
{
  (void)user, (void)data;
  count(&acknowledged);
}

static void on_failure(void *user, MQTTAsync_failureData *data)
{
  (void)user, (void)data;
  fputs("events: MQTT failed\n", stderr);
  _exit(1);
}

static MQTTAsync connect_to(const char *port, MQTTAsync_messageArrived *arrived)
{
  char url[64], id[64];
  MQTTAsync client;
  snprintf(url, sizeof url, "tcp://127.0.0.1:%s", port);
  snprintf(id, sizeof id, "events-%ld", (long)getpid());
  MQTTAsync_create(&client, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
  if (arrived)
    MQTTAsync_setCallbacks(client, json_tokener_new(), NULL, arrived, NULL);
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  options.onSuccess = on_ready;
  options.onFailure = on_failure;
  options.maxInflight = 60000;
  MQTTAsync_connect(client, &options);
  wait_ready(1);
  return client;
}

/* ---- The least that a gateway can do ------------------------------------------------------------------------------------- */

static int on_message(void *user, char *topic, int size, MQTTAsync_message *message)
{
  static const struct {
    const char *at, *name;
  } points[] = {{"/temperature", "temperature"},
                {"/humidity", "humidity"},
                {"/pressure", "pressure"},
                {"/battery", "battery"},
                {"/linkquality", "link"}};
  struct json_tokener *parser = user;
  char text[2048];
  size_t n = (size_t)snprintf(
      text, sizeof text,
      "<message from='%s' to='%s'><fields xmlns='urn:xmpp:iot:sensordata' seqnr='1' done='true'><node "
      "nodeId='%s'><timestamp value='2026-11-28T12:00:00.000Z'>",
      own, subscriber, strrchr(topic, '/') + 1);
  (void)size;
  json_tokener_reset(parser);
  json_object *json = json_tokener_parse_ex(parser, message->payload, message->payloadlen);
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    json_object *value = NULL;
    if (json_pointer_get(json, points[i].at, &value) == 0)
      n += (size_t)snprintf(text + n, sizeof text - n,
                            "<numeric name='%s' momentary='true' automaticReadout='true' value='%s' unit=''/>",
                            points[i].name, json_object_to_json_string(value));
  }
  n += (size_t)snprintf(
      text + n, sizeof text - n,
      "</timestamp></node></fields><no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/></message>");
  put_all(text, n);
  json_object_put(json);
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  count(&taken);
  return 1;
}

static _Noreturn void bare(const char *port)
{
  MQTTAsync client = connect_to(port, on_message);
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.onSuccess = on_ready;
  options.onFailure = on_failure;
  MQTTAsync_subscribe(client, "zigbee2mqtt/+", 1, &options);
  wait_ready(2);
  puts("ready");
  fflush(stdout);
  double cost = processor_ms();
  pthread_mutex_lock(&lock);
  while (taken < wanted)
    pthread_cond_wait(&change, &lock);
  pthread_mutex_unlock(&lock);
  printf("%ld messages, %.0f ms of processor time\n", taken, processor_ms() - cost);
  fflush(stdout);
  for (;; n_in = 0) /* what was sent has to arrive; whoever started us ends us */
    fill(-1);
}

/* ---- Measuring ------------------------------------------------------------------------------------------------------------ */

static void subscribe(const char *target, long topics)
{
  static char text[NODES_MAX * 64 + 2048];
  long number = 1;
  for (long first = 0; first < topics; first += NODES_MAX, number++) {
    size_t n =
        (size_t)snprintf(text, sizeof text,
                         "<iq type='get' id='s%ld.' from='u@%s/x' to='%s'><subscribe xmlns='urn:xmpp:iot:events' "
                         "seqnr='%ld'><field name='link' changedBy='1'/>",
                         number, own, target, number);
    static const char *const along[] = {"temperature", "humidity", "pressure", "battery"};
    for (size_t i = 0; i < sizeof along / sizeof *along; i++)
      n += (size_t)snprintf(text + n, sizeof text - n, "<field name='%s'/>", along[i]);
    for (long i = first; i < topics && i < first + NODES_MAX; i++)
      n += (size_t)snprintf(text + n, sizeof text - n, "<node nodeId='d%ld'/>", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "</subscribe></iq>");
    put_all(text, n);
    wait_for("<accepted");
  }
}

struct sender {
  const char *port;
  long n, topics;
  double rate, seconds;
};

static void *send_all(void *user)
{
  struct sender *s = user;
  MQTTAsync client = connect_to(s->port, NULL);
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.onSuccess = on_acknowledged;
  options.onFailure = on_failure;
  double start = now_us();
  for (long i = 0; i < s->n; i++) {
    char topic[64], payload[256];
    snprintf(topic, sizeof topic, "zigbee2mqtt/d%ld", i % s->topics);
    int size = snprintf(payload, sizeof payload,
                        "{\"battery\":91,\"humidity\":52.77,\"linkquality\":%ld,\"pressure\":988.2,"
                        "\"temperature\":21.%02ld,\"voltage\":2985,\"power_outage_count\":12}",
                        i + 1, i % 100);
    double wait = s->rate > 0 ? start + (double)i * 1e6 / s->rate - now_us() : 0;
    if (wait > 0)
      usleep((useconds_t)wait);
    pthread_mutex_lock(&lock);
    while (acknowledged < i - 2000)
      pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    sent[i + 1] = now_us();
    while (MQTTAsync_send(client, topic, size, payload, 1, 0, &options) != MQTTASYNC_SUCCESS)
      usleep(1000);
  }
  s->seconds = (now_us() - start) / 1e6;
  return NULL;
}

static int by_value(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Every reading that came in this far. A server writes attributes in the order that it likes. */
static void take(void)
{
  char *end = NULL;
  double now = now_us();
  for (char *at = in, *stop; (at = strstr(at, " name='link'")) && (stop = strstr(at, "/>")); at = end = stop) {
    while (at > in && *at != '<')
      at--;
    const char *value = strstr(at, " value='");
    long which = value && value < stop ? strtol(value + strlen(" value='"), NULL, 10) : 0;
    if (which > 0 && which <= wanted && sent[which] > 0 && taken < MESSAGES_MAX)
      took[taken++] = now - sent[which];
  }
  if (end)
    use(end);
}

static int measure(const char *target, struct sender *sender)
{
  pthread_t thread;
  if (strcmp(target, "-"))
    subscribe(target, sender->topics);
  puts("ready");
  fflush(stdout);
  double began = now_us(), last = began;
  pthread_create(&thread, NULL, send_all, sender);
  while (taken < wanted && fill(IDLE_MS)) {
    take();
    last = now_us();
  }
  pthread_join(thread, NULL);
  if (taken == 0) {
    fprintf(stderr, "events: nothing arrived\n");
    return 1;
  }
  qsort(took, (size_t)taken, sizeof *took, by_value);
  printf("%ld of %ld arrived, %.0f/s; p50 %.0f us, p99 %.0f us\n", taken, wanted,
         (double)taken * 1e6 / (last - began), took[taken / 2], took[taken * 99 / 100]);
  return 0;
}

int main(int argc, char **argv)
{
  own = argc > 4 ? argv[4] : "";
  if (argc == 10 && !strcmp(argv[1], "measure") && atol(argv[7]) <= MESSAGES_MAX) {
    struct sender sender = {argv[6], atol(argv[7]), atol(argv[8]), atof(argv[9]), 0};
    wanted = sender.n;
    log_in(atoi(argv[2]), argv[3]);
    return measure(argv[5], &sender);
  }
  if (argc == 8 && !strcmp(argv[1], "bare")) {
    subscriber = argv[5];
    wanted = atol(argv[7]);
    log_in(atoi(argv[2]), argv[3]);
    bare(argv[6]);
  }
  fputs("usage: events measure PORT SECRET NAME TARGET|- MQTT_PORT MESSAGES TOPICS RATE\n"
        "       events bare PORT SECRET NAME SUBSCRIBER MQTT_PORT MESSAGES\n",
        stderr);
  return 64;
}
