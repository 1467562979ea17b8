/* SPDX-License-Identifier: Apache-2.0
 *
 * coap_cases.h: what the tests of the CoAP bridge alone have in common: a world with one device and its peer, the simulated
 * device or coap-server. One inclusion a program.
 */
#pragma once

#include "world.h"

#include "coap_peer.h"
#include "model/tree.h"

extern const struct tt_bridge_ops tt_bridge_coap;

#define RETURNS (15000 * MS)

static struct coap_peer peer;
static struct world w;

/* ---- A world whose mapping the test gives; ${host} is that of the peer ---------------------------------------- */
static char host_text[100], other_text[100];

static inline void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "host: \"%s\"", device == 0 ? host_text : other_text);
}

static inline void open_worlds(const char *connection, const char *mapping, unsigned n)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "params: {host: {type: string}}\n%s", mapping);
  world_open(&w, &tt_bridge_coap,
             &(struct world_text){
                 .protocol = "coap", .connection = connection, .mapping = text.data, .with = with, .n = n});
}

static inline void open_world(const char *connection, const char *mapping)
{
  open_worlds(connection, mapping, 1);
}

#define QUICK "    ack_timeout: 1s\n    answer_timeout: 1s\n    connect_timeout: 2s\n"

static inline void begin(const char *mapping)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  coap_peer_start(&peer, 0);
  snprintf(host_text, sizeof host_text, "%s:%d", peer.host, peer.port);
  tt_buf_printf(&text, "base: \"coap://${host}\"\n%s", mapping);
  open_world(QUICK, text.data);
}

static inline void end(void)
{
  world_close(&w);
  coap_peer_stop(&peer);
}

static inline struct coap_counts counts(void)
{
  struct coap_counts c;
  coap_peer_counts(&peer, &c);
  return c;
}

static inline void tell(const char *command)
{
  coap_peer_tell(&peer, command);
}

static inline int read_in(const char *point, uint64_t us)
{
  struct answer a;
  assert_int_equal(world_read(&w, "d0", point, world_now() + us, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  return a.error;
}

static inline const char *text_of(const char *point)
{
  uint16_t i;
  struct tt_node *node = world_node(&w, "d0");
  assert_int_equal(tt_node_point(node, point, &i), 0);
  return tt_value_is_text(node->fields[i].value.type) ? node->fields[i].value.text : "";
}

static inline double number_of(const char *point)
{
  return world_number(&w, "d0", point);
}

static inline enum tt_refusal set(const char *point, const char *value)
{
  struct set_answer a;
  world_set(&w, "d0", point, value, &a);
  WAIT_FOR(&w, a.calls > 0);
  return a.refusal;
}

static inline bool says(const char *text, const char *part)
{
  return text && strstr(text, part);
}

#define OBSERVED "points:\n  t: {get: /t, observe: {refresh: 10min, fallback: %s}, type: number}\n"

static inline const char *observed(const char *fallback)
{
  static char text[200];
  snprintf(text, sizeof text, OBSERVED, fallback);
  return text;
}

/* ---- libcoap's coap-server: CoAP at server_port, DTLS at the next --------------------------------------------- */
static pid_t server;
static int server_port;

static inline int two_ports(const char *host)
{
  for (;;) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof at;
    int a = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), b = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, host, &at.sin_addr);
    assert_int_equal(bind(a, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(a, (struct sockaddr *)&at, &n), 0);
    int port = ntohs(at.sin_port);
    at.sin_port = htons((uint16_t)(port + 1));
    int r = port < 65535 ? bind(b, (struct sockaddr *)&at, n) : -1;
    close(a);
    close(b);
    if (r == 0)
      return port;
  }
}

/* `more` are arguments separated by blanks. */
static inline void start_server(const char *host, const char *more)
{
  char port[16], text[500], *argv[40], *save = NULL;
  int n = 0, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  snprintf(port, sizeof port, "%d", server_port);
  snprintf(text, sizeof text, "setpriv --pdeathsig KILL coap-server-openssl -v 0 -A %s -p %s %s", host, port, more);
  for (char *word = strtok_r(text, " ", &save); word && n < 39; word = strtok_r(NULL, " ", &save))
    argv[n++] = word;
  argv[n] = NULL;
  server = coap_spawn(argv, -1, null);
  close(null);
}
