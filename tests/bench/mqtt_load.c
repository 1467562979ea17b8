/* SPDX-License-Identifier: Apache-2.0
 *
 * mqtt_load.c: the least that a receiver of MQTT messages can do, and a sender for it and for thingtree.
 *
 * mqtt_load send PORT MESSAGES TOPICS RATE   climate readings, QoS 1, to zigbee2mqtt/d0, d1, ...; linkquality counts the
 *                                            rounds; RATE messages a second, 0: as fast as it goes
 * mqtt_load receive PORT MESSAGES            takes so many, parses each and picks five values out of it: prints how many a
 *                                            second and the processor time of the process
 */
#include <MQTTAsync.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static long taken, wanted, acknowledged, failed;
static int is_ready;
static double sum, began;

static double now(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double processor(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
         ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

static void tell(long *what, long n)
{
  pthread_mutex_lock(&lock);
  *what += n;
  pthread_cond_signal(&change);
  pthread_mutex_unlock(&lock);
}

static int on_message(void *user, char *topic, int size, MQTTAsync_message *message)
{
  static const char *const places[] = {"/temperature", "/humidity", "/pressure", "/battery", "/linkquality"};
  struct json_tokener *parser = user;
  (void)size;
  if (taken == 0)
    began = now();
  json_tokener_reset(parser);
  json_object *json = json_tokener_parse_ex(parser, message->payload, message->payloadlen);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    json_object *value = NULL;
    if (json_pointer_get(json, places[i], &value) == 0)
      sum += json_object_get_double(value); /* so that nothing of it is left out */
  }
  json_object_put(json);
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  tell(&taken, 1);
  return 1;
}

static void on_ready(void *user, MQTTAsync_successData *data)
{
  (void)user, (void)data;
  pthread_mutex_lock(&lock);
  is_ready++;
  pthread_cond_signal(&change);
  pthread_mutex_unlock(&lock);
}

static void on_sent(void *user, MQTTAsync_successData *data)
{
  (void)user, (void)data;
  tell(&acknowledged, 1);
}

static void on_failure(void *user, MQTTAsync_failureData *data)
{
  (void)user;
  fprintf(stderr, "mqtt_load: %s\n", data && data->message ? data->message : "failed");
  tell(&failed, 1);
}

static void wait_for(const long *what, long n)
{
  pthread_mutex_lock(&lock);
  while (*what < n && !failed)
    pthread_cond_wait(&change, &lock);
  pthread_mutex_unlock(&lock);
}

static void wait_ready(int n)
{
  pthread_mutex_lock(&lock);
  while (is_ready < n && !failed)
    pthread_cond_wait(&change, &lock);
  pthread_mutex_unlock(&lock);
}

static MQTTAsync connect_to(const char *port, const char *name)
{
  char url[64], id[64];
  MQTTAsync client;
  snprintf(url, sizeof url, "tcp://127.0.0.1:%s", port);
  snprintf(id, sizeof id, "%s-%ld", name, (long)getpid());
  MQTTAsync_create(&client, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
  if (wanted)
    MQTTAsync_setCallbacks(client, json_tokener_new(), NULL, on_message, NULL);
  MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
  options.onSuccess = on_ready;
  options.onFailure = on_failure;
  options.maxInflight = 60000;
  MQTTAsync_connect(client, &options);
  wait_ready(1);
  return client;
}

static int receive(const char *port)
{
  MQTTAsync client = connect_to(port, "receive");
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.onSuccess = on_ready;
  options.onFailure = on_failure;
  MQTTAsync_subscribe(client, "zigbee2mqtt/+", 1, &options);
  wait_ready(2);
  puts("ready");
  fflush(stdout);
  double cost = processor();
  wait_for(&taken, wanted);
  double seconds = now() - began;
  printf("%ld messages in %.3f s, %.0f ms of processor time\n", taken, seconds, (processor() - cost) * 1e3);
  MQTTAsync_destroy(&client);
  return failed ? 1 : 0;
}

static int send_all(const char *port, long n, long topics, double rate)
{
  MQTTAsync client = connect_to(port, "send");
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.onSuccess = on_sent;
  options.onFailure = on_failure;
  double start = now();
  for (long i = 0; i < n && !failed; i++) {
    char topic[64], payload[256];
    snprintf(topic, sizeof topic, "zigbee2mqtt/d%ld", i % topics);
    int size = snprintf(payload, sizeof payload,
                        "{\"battery\":91,\"humidity\":52.77,\"linkquality\":%ld,\"pressure\":988.2,"
                        "\"temperature\":21.%02ld,\"voltage\":2985,\"power_outage_count\":12}",
                        i / topics + 1, i % 100);
    wait_for(&acknowledged, i - 2000); /* a window: memory is not what is measured */
    double due = rate > 0 ? start + (double)i / rate : 0, wait = due - now();
    if (wait > 0)
      usleep((useconds_t)(wait * 1e6));
    while (MQTTAsync_send(client, topic, size, payload, 1, 0, &options) != MQTTASYNC_SUCCESS && !failed)
      usleep(1000);
  }
  wait_for(&acknowledged, n);
  printf("%ld messages in %.3f s\n", acknowledged, now() - start);
  MQTTAsync_destroy(&client);
  return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
  if (argc == 4 && !strcmp(argv[1], "receive")) {
    wanted = atol(argv[3]);
    return receive(argv[2]);
  }
  if (argc == 6 && !strcmp(argv[1], "send"))
    return send_all(argv[2], atol(argv[3]), atol(argv[4]), atof(argv[5]));
  fprintf(stderr, "usage: mqtt_load send PORT MESSAGES TOPICS RATE | receive PORT MESSAGES\n");
  return 64;
}
