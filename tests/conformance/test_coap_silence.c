/* SPDX-License-Identifier: Apache-2.0
 * The CoAP bridge before silence: of a resource, a device, a host, and of those who know what names mean. */
#define _GNU_SOURCE /* coap_peer.h, dlsym(RTLD_NEXT) */
#include "coap_cases.h"

#include "service/log.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>

/* A resource that says nothing costs the others of its device little, and the device is there. */
static void test_a_silent_resource(void **state)
{
  struct answer a;
  (void)state;
  begin("points:\n  silent: {get: /silent, type: integer}\n  a: {get: /a, type: integer}\n"
        "  b: {get: /b, type: integer, write: {put: /b}}\n"
        "  t: {get: /t, observe: {refresh: 10min, fallback: 10min}, type: integer}\n"
        "  mute: {get: /mute, observe: {refresh: 10min, fallback: 2s}, type: integer}\n");
  WAIT_FOR(&w, number_of("t") == 0 && number_of("mute") == 0);
  tell("garble /silent");
  tell("set /a 0 31");
  tell("set /b 0 32");
  uint64_t began = world_now();
  assert_int_equal(world_read_all(&w, "d0", began + 4000 * MS, &a), 0);
  WAIT_FOR(&w, number_of("a") == 1 && number_of("b") == 2);
  assert_true(world_now() < began + 2500 * MS);
  assert_int_equal(set("b", "5"), TT_OK); /* a command waits no longer than that, either */
  assert_int_equal(a.calls, 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_true(says(world_field_error(&w, "d0", "silent"), "no answer from"));
  assert_null(world_field_error(&w, "d0", "a"));
  assert_null(world_message(&w, "d0", "offline"));
  tell("well /silent");
  assert_int_equal(read_in("silent", 5000 * MS), 0);
  assert_null(world_field_error(&w, "d0", "silent"));
  tell("garble /mute"); /* the next registration */
  WAIT_WITHIN(&w, says(world_field_error(&w, "d0", "mute"), "no answer from"), 9000 * MS);
  assert_null(world_message(&w, "d0", "offline"));
  end();
}

/* What is not repeated lets the others go first as well, and is still waited for. */
static void test_a_silent_resource_that_is_asked_once(void **state)
{
  struct answer a;
  (void)state;
  begin("confirmable: false\npoints:\n  silent: {get: /silent, type: integer}\n  a: {get: /a, type: integer}\n"
        "  b: {get: /b, type: integer}\n");
  tell("garble /silent");
  tell("set /a 0 31");
  tell("set /b 0 32");
  unsigned long before = counts().requests;
  assert_int_equal(world_read_all(&w, "d0", world_now() + 1500 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_true(number_of("a") == 1 && number_of("b") == 2);
  assert_true(says(world_field_error(&w, "d0", "silent"), "no answer from"));
  assert_int_equal(counts().requests, before + 3);
  end();
}

/* Two at one address with two ports: one is silent, and the other notices nothing of that. */
static void test_a_silent_neighbour(void **state)
{
  static struct coap_peer other;
  struct answer a, b;
  (void)state;
  coap_peer_start(&peer, 0);
  coap_peer_start(&other, 0);
  snprintf(host_text, sizeof host_text, "%s:%d", peer.host, peer.port);
  snprintf(other_text, sizeof other_text, "%s:%d", other.host, other.port);
  coap_peer_tell(&peer, "dead 1");
  open_worlds(QUICK, "base: \"coap://${host}\"\npoints:\n  a: {get: /a, type: integer}\n", 2);
  uint64_t began = world_now();
  assert_int_equal(world_read(&w, "d0", "a", began + 3000 * MS, &a), 0);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(world_read(&w, "d1", "a", world_now() + 1000 * MS, &b), 0);
    WAIT_FOR(&w, b.calls > 0);
    assert_int_equal(b.error, 0);
  }
  assert_true(world_now() < began + 1000 * MS);
  assert_int_equal(a.calls, 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, -ETIMEDOUT);
  assert_non_null(world_message(&w, "d0", "offline"));
  assert_null(world_message(&w, "d1", "offline"));
  world_close(&w);
  coap_peer_stop(&other);
  coap_peer_stop(&peer);
}

/* One that is only observed says nothing any more: it is asked whether it is there. */
static void test_an_observed_device_that_falls_silent(void **state)
{
  (void)state;
  begin(observed("300ms"));
  WAIT_FOR(&w, number_of("t") == 0);
  tell("dead 1");
  WAIT_WITHIN(&w, says(world_message(&w, "d0", "offline"), "nobody answers there"), RETURNS);
  tell("dead 0");
  tell("forget");
  WAIT_WITHIN(&w, counts().observers == 1, RETURNS);
  WAIT_FOR(&w, !world_message(&w, "d0", "offline") && !world_field_error(&w, "d0", "t"));
  end();
}

/* An answer that takes longer than a turn is taken when it comes, though others are asked meanwhile. */
static void test_a_slow_resource(void **state)
{
  struct answer a, b;
  (void)state;
  begin("points:\n  a: {get: /a, type: integer}\n  b: {get: /b, type: integer}\n");
  tell("set /a 0 31");
  tell("set /b 0 32");
  tell("slow 2200");
  assert_int_equal(world_read(&w, "d0", "a", world_now() + 9000 * MS, &a), 0);
  assert_int_equal(world_read(&w, "d0", "b", world_now() + 9000 * MS, &b), 0);
  WAIT_WITHIN(&w, a.calls > 0 && b.calls > 0, 9000 * MS);
  assert_true(a.error == 0 && b.error == 0);
  assert_true(number_of("a") == 1 && number_of("b") == 2);
  assert_int_equal(counts().reads, 2); /* nothing was asked twice */
  end();
}

/* ---- Sessions --------------------------------------------------------------------------------------------------- */
/* Of our end of the session: another one with another session. */
static unsigned session_port(void)
{
  char line[300];
  unsigned local = 0, port, remote;
  FILE *file = fopen("/proc/self/net/udp", "re");
  assert_non_null(file);
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "%*d: %*x:%x %*x:%x", &port, &remote) == 2 && (int)remote == server_port + 1)
      local = port;
  fclose(file);
  return local;
}

/* A resource without an answer is no reason to end the session, while others are answered. */
static void test_a_silent_resource_of_a_session(void **state)
{
  char host[16], mapping[1500], before[100];
  struct answer a;
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  start_server(host, "-k secretkey -h hint");
  snprintf(host_text, sizeof host_text, "%s:%d", host, server_port + 1);
  snprintf(mapping, sizeof mapping,
           "base: \"coaps://${host}\"\nsecurity: {psk_identity: us, psk: secretkey}\npoints:\n%s",
           "  time: {get: /time, observe: {refresh: 10min, fallback: 10min}, type: string}\n"
           "  silent: {get: \"/async?60\", type: string}\n");
  open_world(QUICK, mapping);
  WAIT_WITHIN(&w, *text_of("time"), RETURNS);
  unsigned port = session_port();
  assert_true(port > 0);
  assert_int_equal(world_read_all(&w, "d0", world_now() + 4000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_true(says(world_field_error(&w, "d0", "silent"), "no answer from"));
  snprintf(before, sizeof before, "%s", text_of("time"));
  WAIT_FOR(&w, strcmp(text_of("time"), before) != 0);
  assert_int_equal(session_port(), port);
  world_close(&w);
  coap_stop(&server);
}

/* ---- Names ------------------------------------------------------------------------------------------------------ */
#define SLOW_MS 3000

static atomic_int n_asked;
static _Atomic(const char *) moved; /* where moves.test is */

/* In place of the system's: slow.test and the like take long, moves.test is where it is said to be. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (!strcmp(name, "quick.test"))
    return real(peer.host, service, hints, ret);
  if (!strcmp(name, "moves.test"))
    return real(moved, service, hints, ret);
  if (strncmp(name, "slow", 4) != 0)
    return real(name, service, hints, ret);
  n_asked++;
  poll(NULL, 0, SLOW_MS);
  return real(peer.host, service, hints, ret);
}

/* Whoever has a name that is looked for in vain holds up nobody else; and what is found after the time counts. */
static void test_names_that_take_long(void **state)
{
  struct answer b;
  (void)state;
  coap_peer_start(&peer, 0);
  snprintf(host_text, sizeof host_text, "slow.test:%d", peer.port);
  snprintf(other_text, sizeof other_text, "quick.test:%d", peer.port);
  uint64_t began = world_now();
  open_worlds(QUICK, "base: \"coap://${host}\"\npoints:\n  a: {get: /a, type: integer}\n", 2);
  assert_int_equal(world_read(&w, "d1", "a", began + 9000 * MS, &b), 0);
  WAIT_FOR(&w, b.calls > 0);
  assert_int_equal(b.error, 0);
  assert_true(world_now() < began + SLOW_MS / 2 * MS);
  WAIT_WITHIN(&w, says(world_message(&w, "d0", "offline"), "the name is not resolved in time"), RETURNS);
  WAIT_WITHIN(&w, !world_message(&w, "d0", "offline"), RETURNS); /* after SLOW_MS, though connect_timeout is less */
  assert_true(n_asked <= 2);
  end();
}

/* A device that has another address now, and nobody says so: silence makes the bridge ask for it. */
static void test_an_address_that_changes(void **state)
{
  static struct coap_peer elsewhere;
  char host[16];
  (void)state;
  coap_peer_start(&peer, 0);
  coap_peer_host(host);
  host[4] = host[4] == '9' ? '8' : '9'; /* another one of 127.0.0.0/8 */
  coap_peer_start_at(&elsewhere, host, peer.port);
  assert_true(elsewhere.pid > 0);
  tell("set /t 0 31");
  coap_peer_tell(&elsewhere, "set /t 0 32");
  moved = peer.host;
  snprintf(host_text, sizeof host_text, "moves.test:%d", peer.port);
  open_world(QUICK, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, observe: {refresh: 10min, fallback: 500ms}, "
                    "type: number}\n");
  WAIT_FOR(&w, number_of("t") == 1);
  moved = elsewhere.host;
  tell("dead 1");
  WAIT_WITHIN(&w, number_of("t") == 2, RETURNS);
  coap_peer_tell(&elsewhere, "set /t 0 33");
  WAIT_FOR(&w, number_of("t") == 3);
  world_close(&w);
  coap_peer_stop(&elsewhere);
  coap_peer_stop(&peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_silent_resource),    cmocka_unit_test(test_a_silent_resource_that_is_asked_once),
      cmocka_unit_test(test_a_silent_neighbour),   cmocka_unit_test(test_an_observed_device_that_falls_silent),
      cmocka_unit_test(test_a_slow_resource),      cmocka_unit_test(test_a_silent_resource_of_a_session),
      cmocka_unit_test(test_names_that_take_long), cmocka_unit_test(test_an_address_that_changes),
  };
  tt_log_open(TT_LOG_ERROR);
  const char *only = getenv("TT_ONLY");
  if (only)
    cmocka_set_test_filter(only);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
