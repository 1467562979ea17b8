/* SPDX-License-Identifier: Apache-2.0
 * What the MQTT bridge alone can do, against a real Mosquitto: both versions, TLS and its refusals, passwords, the last
 * will, sources and presence, what is retained, hostile payloads, a broker that goes, and storms. */
#include "world.h"

#include "bridge/instance.h"
#include "mqtt_peer.h"
#include "service/log.h"
#include "socket.h"

#include <math.h>
#include <netinet/tcp.h>
#include <systemd/sd-event.h>

extern const struct tt_bridge_ops tt_bridge_mqtt;

#define RETURNS (15000 * MS)

static struct broker broker;
static struct client device; /* also whoever else watches */
static sd_event_source *joined;
static struct world w;

/* ---- A world whose mapping and connection the test gives ------------------------------------------------------ */
static void with_n(char *out, size_t size, unsigned n)
{
  snprintf(out, size, "n: %u", n);
}

static void open_world(const char *options, const char *mapping, unsigned n)
{
  struct tt_buf points TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&points, "params: {n: {type: integer}}\n%s", mapping);
  world_open(&w, &tt_bridge_mqtt,
             &(struct world_text){
                 .protocol = "mqtt", .connection = options, .mapping = points.data, .with = with_n, .n = n});
}

static void open_plain(const char *more, const char *mapping, unsigned n)
{
  char options[500];
  /* Seen once in many runs: a message that the broker had did not come for 20 s. Pings keep the connection talking. */
  const char *keepalive = strstr(more, "keepalive:") ? "" : "    keepalive: 5s\n";
  snprintf(options, sizeof(options), "    url: mqtt://127.0.0.1:%d\n    timeout: 2s\n%s%s", broker.port, keepalive,
           more);
  open_world(options, mapping, n);
}

/* What the simulated device has heard. */
static struct {
  unsigned n;
  char topic[200], payload[1000];
} heard;
static void (*react)(const char *topic, const char *payload);

static void on_message(void *user TT_UNUSED, struct client *client TT_UNUSED, const char *topic,
                       const char *payload, size_t n TT_UNUSED, bool is_retained TT_UNUSED)
{
  heard.n++;
  snprintf(heard.topic, sizeof(heard.topic), "%s", topic);
  snprintf(heard.payload, sizeof(heard.payload), "%s", payload);
  if (react)
    react(topic, payload);
}

static int on_client(sd_event_source *source, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *user TT_UNUSED)
{
  if (!client_step(&device))
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
  return 0;
}

static void device_open(const char *filter)
{
  memset(&heard, 0, sizeof(heard));
  react = NULL;
  client_open(&device, broker.port, "device", on_message, NULL);
  if (filter)
    client_subscribe(&device, filter);
}

static void join(void)
{
  assert_true(sd_event_add_io(w.event, &joined, device.fd, EPOLLIN, on_client, NULL) >= 0);
}

static void leave(void)
{
  joined = sd_event_source_disable_unref(joined);
}

static void begin(const char *filter, const char *mapping)
{
  broker_init(&broker);
  broker_start(&broker, "");
  device_open(filter);
  open_plain("", mapping, 1);
  join();
}

static void online(void)
{
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
}

static void end(void)
{
  leave();
  world_close(&w);
  client_close(&device);
  broker_finish(&broker);
}

static const struct tt_field *field(const char *point)
{
  uint16_t i;
  assert_int_equal(tt_node_point(world_node(&w, "d0"), point, &i), 0);
  return &world_node(&w, "d0")->fields[i];
}

static double number(const char *point)
{
  return world_number(&w, "d0", point);
}

static void settle(void)
{
  uint64_t until_us = world_now() + 100 * MS;
  WAIT_FOR(&w, world_now() > until_us);
}

static int write_now(const char *point, int64_t value, uint64_t us, struct answer *a)
{
  assert_int_equal(world_write(&w, "d0", point, value, world_now() + us, a), 0);
  WAIT_FOR(&w, a->calls > 0);
  return a->error;
}

static int read_now(const char *point, uint64_t us, struct answer *a)
{
  assert_int_equal(world_read(&w, "d0", point, world_now() + us, a), 0);
  WAIT_FOR(&w, a->calls > 0);
  return a->error;
}

#define ONE_POINT                                                                                                  \
  "source: {topic: \"t/state\"}\n"                                                                                 \
  "points:\n"                                                                                                      \
  "  level: {at: /level, type: integer, write: {topic: \"t/set\", verify: report, within: 1s}}\n"

/* ---- Versions ------------------------------------------------------------------------------------------------- */
static void try_version(const char *options)
{
  struct answer a;
  broker_init(&broker);
  broker_start(&broker, "");
  device_open("t/set");
  open_plain(options, ONE_POINT, 1);
  join();
  online();
  settle(); /* the subscription is on its way */
  client_say(&device, "t/state", "{\"level\": 12}");
  WAIT_FOR(&w, number("level") == 12);
  assert_int_equal(write_now("level", 13, 2000 * MS, &a), 0);
  WAIT_FOR(&w, heard.n == 1);
  assert_string_equal(heard.payload, "13");
  end();
}

static void test_versions(void **state)
{
  (void)state;
  try_version("    version: 4\n");
  try_version("    version: 5\n");
  try_version("    version: 5\n    allow_311: true\n    receive_maximum: 1\n");
  try_version("    client_id: gateway\n    clean_session: false\n    keepalive: 5s\n");
}

/* ---- TLS and passwords ---------------------------------------------------------------------------------------- */
static char pki[] = "/tmp/tt-pki-XXXXXX";
static struct {
  int good, wrong_name, expired, client, password;
} port;

static void run(const char *format, ...) TT_PRINTF(1, 2);
static void run(const char *format, ...)
{
  char command[1000];
  va_list ap;
  va_start(ap, format);
  vsnprintf(command, sizeof(command), format, ap);
  va_end(ap);
  if (system(command) != 0)
    fail_msg("failed: %s", command);
}

static void make_ca(const char *name)
{
  run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=test "
      "%s'"
      " -keyout %s.key -out %s.crt 2>/dev/null",
      pki, name, name, name);
}

static void make_certificate(const char *name, const char *subject, int days)
{
  run("cd %s && echo 'subjectAltName=%s' >%s.ext && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
      "-nodes"
      " -subj '/CN=%s' -keyout %s.key -out %s.csr 2>/dev/null && openssl x509 -req -in %s.csr -CA ca.crt -CAkey "
      "ca.key"
      " -CAcreateserial -days %d -extfile %s.ext -out %s.crt 2>/dev/null",
      pki, subject, name, name, name, name, name, days, name, name);
}

static void listener(struct tt_buf *out, int number, const char *certificate, const char *more)
{
  tt_buf_printf(out, "listener %d 127.0.0.1\ncafile %s/ca.crt\ncertfile %s/%s.crt\nkeyfile %s/%s.key\n%s", number,
                pki, pki, certificate, pki, certificate, more);
}

static int secrets_open(void **state)
{
  struct tt_buf lines TT_AUTOBUF = TT_BUF(0);
  char password[200];
  (void)state;
  tt_log_open(TT_LOG_ERROR);
  assert_non_null(mkdtemp(pki));
  make_ca("ca");
  make_ca("other");
  make_certificate("good", "DNS:localhost,IP:127.0.0.1", 30);
  make_certificate("wrong", "DNS:elsewhere.test", 30);
  make_certificate("expired", "DNS:localhost", -1);
  make_certificate("us", "DNS:us.test", 30);
  run("cd %s && touch passwords && mosquitto_passwd -b passwords gateway right && chmod -R a+rX . 2>/dev/null",
      pki);
  broker_init(&broker);
  int *ports[] = {&port.good, &port.wrong_name, &port.expired, &port.client, &port.password};
  for (size_t i = 0; i < TT_COUNT(ports); i++)
    *ports[i] = broker_free_port();
  listener(&lines, port.good, "good", "allow_anonymous true\n");
  listener(&lines, port.wrong_name, "wrong", "allow_anonymous true\n");
  listener(&lines, port.expired, "expired", "allow_anonymous true\n");
  listener(&lines, port.client, "good", "allow_anonymous true\nrequire_certificate true\n");
  snprintf(password, sizeof(password), "listener %d 127.0.0.1\nallow_anonymous false\npassword_file %s/passwords\n",
           port.password, pki);
  tt_buf_puts(&lines, password);
  tt_buf_puts(&lines, "log_type notice\n");
  broker_start(&broker, lines.data);
  return 0;
}

static int secrets_close(void **state)
{
  (void)state;
  broker_finish(&broker);
  run("rm -rf %s", pki);
  return 0;
}

/* One attempt to connect: NULL, or what the connection says of it. */
static const char *attempt(const char *host, int number, const char *more)
{
  static char said[600];
  char options[1000];
  snprintf(options, sizeof(options), "    host: %s\n    port: %d\n%s", host, number, more);
  open_world(options, ONE_POINT, 1);
  WAIT_FOR(&w, !world_is(&w, "unknown"));
  const char *text = world_is(&w, "online") ? NULL : world_status(&w).text;
  snprintf(said, sizeof(said), "%s", text ? text : "");
  world_close(&w);
  return text ? said : NULL;
}

static void test_tls(void **state)
{
  char ca[200], other[200], ours[500], wrong_pair[500], said[300];
  (void)state;
  snprintf(ca, sizeof(ca), "    tls: true\n    ca: %s/ca.crt\n", pki);
  snprintf(other, sizeof(other), "    tls: true\n    ca: %s/other.crt\n", pki);
  snprintf(ours, sizeof(ours), "%s    cert: %s/us.crt\n    key: %s/us.key\n", ca, pki, pki);
  snprintf(wrong_pair, sizeof(wrong_pair), "%s    cert: %s/us.crt\n    key: %s/good.key\n", ca, pki, pki);
  const struct {
    const char *host;
    int number;
    const char *more, *says;
  } cases[] = {
      {"localhost", port.good, ca, NULL},
      {"127.0.0.1", port.good, ca, NULL},
      {"localhost", port.client, ours, NULL},
      {"localhost", port.wrong_name, ca, "the certificate of localhost:%d is not accepted: hostname mismatch"},
      {"localhost", port.good, other,
       "the certificate of localhost:%d is not accepted: self-signed certificate in certificate chain"},
      {"localhost", port.good, "    tls: true\n",
       "the certificate of localhost:%d is not accepted: self-signed certificate in certificate chain"},
      {"localhost", port.expired, ca, "the certificate of localhost:%d is not accepted: certificate has expired"},
      {"localhost", port.client, ca, "TLS with localhost:%d fails: tlsv13 alert certificate required"},
      {"localhost", port.password, ca,
       "TLS with localhost:%d fails: the broker closed the connection; is this the plain port?"},
  };
  for (size_t i = 0; i < TT_COUNT(cases); i++) {
    const char *text = attempt(cases[i].host, cases[i].number, cases[i].more);
    if (!cases[i].says) {
      if (text)
        fail_msg("case %zu: %s", i, text);
      continue;
    }
    snprintf(said, sizeof(said), cases[i].says, cases[i].number);
    assert_non_null(text);
    assert_string_equal(text, said);
  }
  const char *text = attempt("localhost", port.client, wrong_pair);
  snprintf(said, sizeof(said), "%s/good.key is not the key of the certificate %s/us.crt", pki, pki);
  assert_string_equal(text, said);
  text = attempt("localhost", port.good, "");
  assert_non_null(strstr(text, "closes the connection, or does not answer as an MQTT 3.1.1 broker"));
  text = attempt("no-such-host.invalid", 1883, "");
  assert_non_null(strstr(text, "cannot find the broker's name no-such-host.invalid: "));
}

/* Lines of the broker's log with these words, since the last time. */
static unsigned broker_said(const char *words)
{
  static char text[65536];
  unsigned n = 0;
  for (;;) {
    size_t used = strlen(text);
    ssize_t r = read(broker.log, text + used, sizeof(text) - 1 - used);
    if (r <= 0)
      break;
    text[used + (size_t)r] = '\0';
  }
  for (const char *at = text; (at = strstr(at, words)); at++)
    n++;
  memset(text, 0, sizeof(text));
  return n;
}

static void test_passwords(void **state)
{
  (void)state;
  assert_null(attempt("127.0.0.1", port.password, "    user: gateway\n    password: right\n"));
  assert_null(attempt("127.0.0.1", port.password, "    version: 5\n    user: gateway\n    password: right\n"));
  assert_string_equal(attempt("127.0.0.1", port.password, ""),
                      "the broker refuses: not authorised (user, password or permission)");
  for (int version = 4; version <= 5; version++) {
    char options[300];
    snprintf(options, sizeof(options),
             "    host: 127.0.0.1\n    port: %d\n    user: gateway\n    password: wrong\n    version: %d\n",
             port.password, version);
    broker_said("not authorised");
    uint64_t start_us = world_now();
    open_world(options, ONE_POINT, 1);
    WAIT_FOR(&w, world_is(&w, "offline"));
    assert_string_equal(world_status(&w).text, "the broker refuses: not authorised (user, password or permission)");
    uint64_t stamp_us = world_node(&w, "gateway/" BRIDGE)->messages[0].stamp_us;
    /* It tries again and says nothing new. */
    unsigned attempts = 0;
    WAIT_FOR(&w, (attempts += broker_said("not authorised")) >= 3);
    assert_true(world_now() - start_us >= 1400 * MS); /* after a half to one second, after one to two */
    assert_int_equal(world_node(&w, "gateway/" BRIDGE)->n_messages, 1);
    assert_int_equal(world_node(&w, "gateway/" BRIDGE)->messages[0].stamp_us, stamp_us);
    world_close(&w);
  }
}

/* ---- Last will ------------------------------------------------------------------------------------------------ */
/* Cut our connection to the broker as a cable is cut: without a goodbye. */
static void cut(void)
{
  for (int fd = 3; fd < 256; fd++) {
    struct sockaddr_in at;
    socklen_t n = sizeof(at);
    if (fd != device.fd && getpeername(fd, (struct sockaddr *)&at, &n) == 0 && at.sin_family == AF_INET &&
        ntohs(at.sin_port) == broker.port)
      shutdown(fd, SHUT_RDWR);
  }
}

static void test_last_will(void **state)
{
  (void)state;
  for (int version = 4; version <= 5; version++) {
    char options[200];
    broker_init(&broker);
    broker_start(&broker, "");
    device_open("gateway/state");
    snprintf(options, sizeof(options),
             "    version: %d\n    will: {topic: gateway/state, payload: lost, retain: true}\n", version);
    open_plain(options, ONE_POINT, 1);
    join();
    online();
    cut();
    WAIT_FOR(&w, heard.n == 1);
    assert_string_equal(heard.payload, "lost");
    WAIT_FOR(&w, world_is(&w, "offline"));
    online(); /* and it comes back by itself */
    settle();
    client_say(&device, "t/state", "{\"level\": 3}");
    WAIT_FOR(&w, number("level") == 3);
    leave();
    world_close(&w);
    client_subscribe(&device, "other"); /* whatever the broker had to say is here now */
    assert_int_equal(heard.n, 1);       /* a stop is no loss */
    client_close(&device);
    broker_finish(&broker);
  }
}

/* ---- Sources and presence --------------------------------------------------------------------------------------- */
static void test_sources(void **state)
{
  (void)state;
  begin(NULL, "source:\n"
              "  - {topic: \"room/+/climate\"}\n"
              "  - {topic: \"deep/#\", root: /inner}\n"
              "  - {topic: \"room/7/plain\", format: text}\n"
              "points:\n"
              "  level: {at: /level, type: integer}\n"
              "  other: {at: /other, type: integer}\n"
              "  word: {source: {topic: \"say/+\", format: text}, type: string}\n");
  online();
  settle();
  client_say(&device, "room/1/climate", "{\"level\": 1}");
  WAIT_FOR(&w, number("level") == 1);
  client_say(&device, "room/2/climate", "{\"level\": 2, \"other\": 20}");
  WAIT_FOR(&w, number("level") == 2 && number("other") == 20);
  client_say(&device, "deep", "{\"inner\": {\"level\": 3}}"); /* # is also the parent */
  WAIT_FOR(&w, number("level") == 3);
  client_say(&device, "deep/a/b/c", "{\"inner\": {\"other\": 4}}");
  WAIT_FOR(&w, number("other") == 4);
  assert_true(number("level") == 3); /* what a message lacks stays */
  client_say(&device, "room/2/3/climate", "{\"level\": 99}");
  client_say(&device, "say/it", "hello");
  WAIT_FOR(&w, field("word")->value.type == TT_TYPE_STRING);
  assert_string_equal(field("word")->value.text, "hello");
  assert_true(number("level") == 3);
  end();
}

static const char *offline_text(void)
{
  return world_message(&w, "d0", "offline");
}

static void test_presence_has_three_states(void **state)
{
  struct answer a;
  (void)state;
  begin("t/set", "available:\n"
                 "  - {topic: \"t/here\", text: true, online: \"yes\", offline: \"no\"}\n"
                 "  - {topic: \"bridge/state\", at: /state, otherwise_text: online}\n" ONE_POINT);
  online();
  settle();
  /* Nothing is known: commands go. */
  assert_null(offline_text());
  assert_int_equal(write_now("level", 1, 2000 * MS, &a), 0);
  client_say(&device, "t/here", "no");
  WAIT_FOR(&w, offline_text());
  assert_string_equal(offline_text(), "t/here says that the device is offline");
  assert_int_equal(write_now("level", 2, 2000 * MS, &a), -EHOSTUNREACH);
  assert_string_equal(a.text, "t/here says that the device is offline");
  client_say(&device, "t/here", "perhaps");
  WAIT_FOR(&w, !offline_text());
  client_say(&device, "bridge/state", "{\"state\": \"offline\"}");
  WAIT_FOR(&w, offline_text());
  client_say(&device, "t/here", "yes");
  settle();
  assert_non_null(offline_text()); /* all must say so */
  client_say(&device, "bridge/state", "online");
  WAIT_FOR(&w, !offline_text());
  client_say(&device, "t/here", "no\n");
  WAIT_FOR(&w, offline_text());
  client_say(&device, "t/state", "{\"level\": 5}"); /* data proves it */
  WAIT_FOR(&w, !offline_text());
  assert_int_equal(write_now("level", 3, 2000 * MS, &a), 0);
  WAIT_FOR(&w, heard.n == 2);
  end();
}

/* ---- Retained ------------------------------------------------------------------------------------------------- */
static void test_what_is_retained_is_old(void **state)
{
  (void)state;
  broker_init(&broker);
  broker_start(&broker, "");
  device_open(NULL);
  client_retain(&device, "t/state", "{\"level\": 7}");
  open_plain("", ONE_POINT, 1);
  join();
  WAIT_FOR(&w, number("level") == 7);
  assert_true(field("level")->is_retained);
  assert_true(field("level")->qos & TT_QOS_AUTOMATIC_ESTIMATE);
  client_say(&device, "t/state", "{\"level\": 8}");
  WAIT_FOR(&w, number("level") == 8);
  assert_false(field("level")->is_retained);
  assert_false(field("level")->qos & TT_QOS_AUTOMATIC_ESTIMATE);
  /* A new subscription brings the retained one again: older than what is known. */
  assert_int_equal(tt_host_detach(w.host, "d0"), 0);
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d0"));
  assert_int_equal(tt_host_attach(w.host, "d0"), 0);
  WAIT_FOR(&w, number("level") == 7);
  assert_true(field("level")->is_retained);
  /* One that is deleted changes nothing. */
  client_retain(&device, "t/state", "");
  client_say(&device, "t/state", "{\"level\": 9}");
  WAIT_FOR(&w, number("level") == 9);
  end();
}

/* ---- Questions and verification ------------------------------------------------------------------------------- */
#define ASKED                                                                                                      \
  "ask: {topic: \"t/get\", payload: \"all\"}\n" ONE_POINT "  extra: {at: /extra, type: integer}\n"                 \
  "  own: {at: /own, type: integer, source: {topic: \"t/own\"}, ask: {topic: \"t/get\", payload: own}}\n"          \
  "  pushed: {at: /pushed, type: integer, source: {topic: \"t/pushed\"}}\n"

static void answer_questions(const char *topic, const char *payload)
{
  if (strcmp(topic, "t/get") == 0 && strcmp(payload, "all") == 0)
    client_publish(&device, "t/state", "{\"level\": 1}", 12, 0, false);
  else if (strcmp(topic, "t/get") == 0)
    client_publish(&device, "t/own", "{\"own\": 2}", 10, 0, false);
}

static void test_ask(void **state)
{
  struct answer a, b;
  (void)state;
  begin("t/get", ASKED);
  react = answer_questions;
  WAIT_FOR(&w, number("level") == 1 && number("own") == 2); /* by themselves after connecting */
  assert_int_equal(heard.n, 2);
  assert_int_equal(read_now("level", 2000 * MS, &a), 0);
  assert_int_equal(heard.n, 3);
  assert_int_equal(read_now("own", 2000 * MS, &a), 0);
  assert_int_equal(heard.n, 4);
  /* The device answers without this one: it is not waited for until the end. */
  uint64_t start_us = world_now();
  assert_int_equal(read_now("extra", 5000 * MS, &a), 0);
  assert_true(world_now() - start_us < 3000 * MS);
  assert_int_equal(field("extra")->value.type, TT_TYPE_NONE);
  /* What only comes by itself is done at once and asks nothing. */
  unsigned before = heard.n;
  assert_int_equal(read_now("pushed", 2000 * MS, &a), 0);
  /* Questions of the same moment are one. */
  react = NULL;
  assert_int_equal(world_read(&w, "d0", "level", world_now() + 300 * MS, &a), 0);
  WAIT_FOR(&w, heard.n == before + 1);
  assert_int_equal(world_read(&w, "d0", "extra", world_now() + 300 * MS, &b), 0);
  WAIT_FOR(&w, a.calls && b.calls);
  assert_int_equal(a.error, -ETIMEDOUT);
  assert_int_equal(b.error, -ETIMEDOUT);
  assert_string_equal(a.text, "the device did not answer");
  assert_int_equal(heard.n, before + 1);
  assert_true(world_is(&w, "online")); /* the connection has nothing to do with it */
  end();
}

static void obey(const char *topic, const char *payload)
{
  char text[64];
  if (strcmp(topic, "t/set") == 0) {
    snprintf(text, sizeof(text), "{\"level\": %s}", strcmp(payload, "5") == 0 ? "4" : payload);
    client_publish(&device, "t/state", text, strlen(text), 0, false);
  }
}

static void test_verify_by_report(void **state)
{
  struct set_answer a;
  (void)state;
  begin("t/set", ONE_POINT);
  react = obey;
  online();
  settle();
  world_set(&w, "d0", "level", "3", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_OK);
  world_set(&w, "d0", "level", "5", &a); /* it does something else */
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_REFUSED_DEVICE);
  react = NULL;
  world_set(&w, "d0", "level", "6", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_REFUSED_TIMEOUT);
  assert_int_equal(heard.n, 3);
  end();
}

/* ---- A broker that goes, or only stops to answer ---------------------------------------------------------------- */
static void test_everything_is_subscribed_again(void **state)
{
  struct answer a;
  (void)state;
  begin(NULL, "source: [{topic: \"a/+\"}, {topic: \"b/#\"}]\n"
              "points:\n"
              "  level: {at: /level, type: integer, write: {topic: \"t/set\"}}\n");
  online();
  for (int i = 1; i <= 3; i++) {
    leave();
    client_close(&device);
    broker_stop(&broker);
    WAIT_FOR(&w, world_is(&w, "offline"));
    assert_int_equal(write_now("level", 1, 2000 * MS, &a), -ENOTCONN);
    assert_non_null(strstr(a.text, "not connected: "));
    broker_start(&broker, NULL);
    device_open("t/set");
    join();
    uint64_t start_us = world_now();
    online();
    assert_true(world_now() - start_us < 5000 * MS);
    settle();
    client_say(&device, i % 2 ? "a/x" : "b/x/y", i % 2 ? "{\"level\": 1}" : "{\"level\": 2}");
    WAIT_FOR(&w, number("level") == (i % 2 ? 1 : 2));
    assert_int_equal(heard.n, 0); /* nothing of what was refused */
  }
  end();
}

/* What the broker does not acknowledge is an error in time; what waits in that connection goes with it. */
static void test_a_broker_that_stops_to_answer(void **state)
{
  struct answer a[3];
  (void)state;
  begin(NULL, ONE_POINT);
  online();
  settle();
  broker_silence(&broker, true);
  uint64_t start_us = world_now();
  for (int i = 0; i < 3; i++)
    assert_int_equal(world_write(&w, "d0", "level", i, world_now() + 300 * MS, &a[i]), 0);
  for (int i = 0; i < 3; i++) {
    WAIT_FOR(&w, a[i].calls > 0);
    assert_true(a[i].error < 0);
    assert_true(a[i].at_us - start_us < 300 * MS + TT_HOST_GRACE_US + 1000 * MS);
  }
  assert_int_equal(a[0].error, -ETIMEDOUT);
  assert_string_equal(a[0].text, "the broker did not acknowledge in time");
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_string_equal(world_status(&w).text, "the broker did not acknowledge a command in time");
  broker_silence(&broker, false);
  online();
  settle();
  client_say(&device, "t/state", "{\"level\": 1}");
  WAIT_FOR(&w, number("level") == 1);
  end();
}

/* What is under way when the network goes is given up by the system, too, before it could come late. */
static void test_nothing_waits_in_the_system(void **state)
{
  struct answer a;
  unsigned n = 0;
  (void)state;
  begin(NULL, ONE_POINT);
  online();
  assert_int_equal(write_now("level", 1, 2000 * MS, &a), 0);
  for (int fd = 0; fd < 1024; fd++) {
    struct sockaddr_in peer = {0};
    socklen_t size = sizeof(peer), size_of_ms = sizeof(unsigned);
    unsigned ms = 0;
    if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0 || peer.sin_family != AF_INET ||
        peer.sin_port != htons((uint16_t)broker.port))
      continue;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size_of_ms), 0);
    assert_int_equal(ms, MQTT_UNDELIVERED_MS);
    n++;
  }
  assert_true(n >= 1);
  end();
}

/* ---- Hostile payloads ------------------------------------------------------------------------------------------- */
static void test_payloads_that_are_none(void **state)
{
  static char large[70000];
  (void)state;
  begin(NULL, "source: {topic: \"t/state\"}\n"
              "points:\n"
              "  level: {at: /level, type: number}\n"
              "  text: {source: {topic: \"t/text\", format: text}, type: string}\n");
  online();
  settle();
  static const struct {
    const char *payload, *error;
  } rows[] = {
      {"{\"level\": NaN}", "finite"},
      {"{\"level\": Infinity}", "finite"},
      {"{\"level\": \"x\"}", "number"},
      {"{\"level\": 1", "not JSON"},
      {"level", "not JSON"},
      {"{\"level\": 1e999}", "number"},
      {"{\"level\": \"\xff\"}", "not valid UTF-8"},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    client_say(&device, "t/state", "{\"level\": 1.50}");
    WAIT_FOR(&w, !world_field_error(&w, "d0", "level"));
    client_say(&device, "t/state", rows[i].payload);
    WAIT_FOR(&w, world_field_error(&w, "d0", "level"));
    if (!strstr(world_field_error(&w, "d0", "level"), rows[i].error))
      fail_msg("%s: %s", rows[i].payload, world_field_error(&w, "d0", "level"));
    assert_true(number("level") == 1.5);
  }
  memset(large, ' ', sizeof(large));
  client_publish(&device, "t/state", large, sizeof(large), 1, false);
  WAIT_FOR(&w, strstr(world_field_error(&w, "d0", "level"), "70000 bytes, more than 65536"));
  client_publish(&device, "t/text", "a\xc3(b", 4, 1, false);
  WAIT_FOR(&w, world_field_error(&w, "d0", "text"));
  client_publish(&device, "t/text", "a\0b\x01", 4, 1, false); /* XML has no such characters */
  WAIT_FOR(&w, field("text")->value.type == TT_TYPE_STRING || strstr(world_field_error(&w, "d0", "text"), "NUL"));
  client_say(&device, "t/text", "fine");
  WAIT_FOR(&w, field("text")->value.type == TT_TYPE_STRING && !strcmp(field("text")->value.text, "fine"));
  assert_null(world_field_error(&w, "d0", "text"));
  assert_true(world_is(&w, "online"));
  end();
}

/* ---- Storms ----------------------------------------------------------------------------------------------------- */
#define STORM_DEVICES 1000
#define STORM_POINTS  10

/* 10 000 retained topics, each with a point behind it: all of them arrive. */
static void test_a_storm_of_retained_messages(void **state)
{
  struct tt_buf mapping TT_AUTOBUF = TT_BUF(0);
  char topic[64], text[16];
  (void)state;
  broker_init(&broker);
  broker_start(&broker, "");
  device_open(NULL);
  for (int i = 0; i < STORM_DEVICES * STORM_POINTS; i++) {
    snprintf(topic, sizeof(topic), "storm/%d/%d", i / STORM_POINTS, i % STORM_POINTS);
    snprintf(text, sizeof(text), "%d", i);
    client_publish(&device, topic, text, strlen(text), 0, true);
  }
  client_retain(&device, "storm", "done");
  tt_buf_puts(&mapping, "points:\n");
  for (int i = 0; i < STORM_POINTS; i++)
    tt_buf_printf(&mapping, "  p%d: {source: {topic: \"storm/${n}/%d\", format: text}, type: integer}\n", i, i);
  open_plain("", mapping.data, STORM_DEVICES);
  join();
  for (int i = 0; i < STORM_DEVICES * STORM_POINTS; i++) {
    char key[16], point[16];
    snprintf(key, sizeof(key), "d%d", i / STORM_POINTS);
    snprintf(point, sizeof(point), "p%d", i % STORM_POINTS);
    WAIT_FOR(&w, world_number(&w, key, point) == i);
  }
  assert_int_equal(world_status(&w).dropped, 0);
  end();
}

/* A loop that does not come round while 6 000 messages arrive: the last value of each topic is kept, and no more. */
static void test_a_storm_while_the_loop_is_busy(void **state)
{
  static char large[20000];
  char topic[64];
  (void)state;
  begin(NULL, "points:\n"
              "  first: {at: /n, source: {topic: \"storm/0\"}, type: integer}\n"
              "  last: {at: /n, source: {topic: \"storm/99\"}, type: integer}\n"
              "  any: {at: /n, source: {topic: \"storm/+\"}, type: integer}\n");
  online();
  settle();
  memset(large, ' ', sizeof(large));
  for (int i = 0; i < 6000; i++) { /* 100 topics, 60 messages each of 20 kB: 120 MB */
    snprintf(topic, sizeof(topic), "storm/%d", i % 100);
    int n = snprintf(large, sizeof(large), "{\"n\": %d}", i);
    large[n] = ' ';
    client_publish(&device, topic, large, sizeof(large), i % 100 == 99, false);
  }
  struct tt_mailbox *mailbox = w.host->bridges[0]->mailbox;
  uint64_t end_us = world_now() + PATIENCE;
  while (tt_mailbox_counts(mailbox).replaced == 0) /* the bridge has not had as many yet as fit */
    assert_true(world_now() < end_us);
  assert_true(tt_mailbox_counts(mailbox).bytes <= TT_INBOX_BYTES_MAX);
  WAIT_FOR(&w, number("first") == 5900 && number("last") == 5999);
  assert_int_equal(world_status(&w).dropped, 0);
  assert_true(world_is(&w, "online"));
  end();
}

int main(void)
{
  const struct CMUnitTest secrets[] = {
      cmocka_unit_test(test_tls),
      cmocka_unit_test(test_passwords),
  };
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_versions),
      cmocka_unit_test(test_last_will),
      cmocka_unit_test(test_sources),
      cmocka_unit_test(test_presence_has_three_states),
      cmocka_unit_test(test_what_is_retained_is_old),
      cmocka_unit_test(test_ask),
      cmocka_unit_test(test_verify_by_report),
      cmocka_unit_test(test_everything_is_subscribed_again),
      cmocka_unit_test(test_a_broker_that_stops_to_answer),
      cmocka_unit_test(test_nothing_waits_in_the_system),
      cmocka_unit_test(test_payloads_that_are_none),
      cmocka_unit_test(test_a_storm_of_retained_messages),
      cmocka_unit_test(test_a_storm_while_the_loop_is_busy),
  };
  tt_log_open(TT_LOG_ERROR);
  int r = cmocka_run_group_tests(secrets, secrets_open, secrets_close);
  return cmocka_run_group_tests(tests, NULL, NULL) || r;
}
