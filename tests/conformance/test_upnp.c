/* SPDX-License-Identifier: Apache-2.0
 * What the UPnP bridge alone can do: events, devices that leave, return, move and forget, and those that are wrong. Against
 * simulated devices, in a network of its own. */
#define _GNU_SOURCE /* upnp_peer.h */
#include "world.h"

#include "service/log.h"
#include "upnp_peer.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <thingtree/bridge.h>

#define KEEP_MEMORY_KB 4096 /* what a storm may leave behind */

extern const struct tt_bridge_ops tt_bridge_upnp;

static struct upnp_peer peer;

static void with(char *out, size_t size, unsigned device)
{
  snprintf(out, size, "udn: \"uuid:conformance-%u\"", device);
}

static const struct world_text text = {
    .protocol = "upnp",
    .connection = "    interface: " UPNP_INTERFACE "\n    timeout: 500ms\n    refresh: 1s\n",
    .mapping =
        "params: {udn: {type: string}}\n"
        "udn: \"${udn}\"\n"
        "services: {level: \"urn:thingtree:service:Level:1\"}\n"
        "points:\n"
        "  level:\n"
        "    call: {service: level, action: GetLevel, out: CurrentLevel}\n"
        "    event: {service: level, variable: Level}\n"
        "    type: integer\n"
        "    write: {call: {service: level, action: SetLevel, in: {NewLevel: \"${value}\"}},"
        " verify: report, within: 2s}\n"
        "  volume: {event: {service: level, last_change: Volume, where: {Channel: Master}}, type: integer}\n"
        "  wrong: {call: {service: level, action: GetNothing, out: X}, type: integer}\n"
        "  elsewhere: {call: {service: \"urn:thingtree:service:Other:1\", action: GetX, out: X}, type: integer}\n",
    .with = with,
    .n = 2,
};

/* Two points of one call, of whose event nothing is ever heard. */
static const struct world_text unheard = {
    .protocol = "upnp",
    .connection = "    interface: " UPNP_INTERFACE "\n    timeout: 500ms\n    refresh: 1s\n",
    .mapping = "params: {udn: {type: string}}\n"
               "udn: \"${udn}\"\n"
               "services: {level: \"urn:thingtree:service:Level:1\", other: \"urn:thingtree:service:Other:1\"}\n"
               "points:\n"
               "  level: {event: {service: level, variable: Level}, type: integer}\n"
               "  first: {call: {service: level, action: GetReading, out: CurrentReading},"
               " event: {service: other, variable: X}, type: number}\n"
               "  second: {call: {service: level, action: GetReading, out: CurrentReading},"
               " event: {service: other, variable: X}, type: number}\n",
    .with = with,
    .n = 1,
};

static bool is_level(struct world *w, double value)
{
  return world_number(w, "d0", "level") == value;
}

static void begin(struct world *w)
{
  upnp_peer_start(&peer, "2");
  upnp_peer_tell(&peer, "level 0 5");
  world_open(w, &tt_bridge_upnp, &text);
  WAIT_FOR(w, is_level(w, 5)); /* nobody has asked: the first event has come */
  WAIT_FOR(w, upnp_peer_count(&peer, "subscriptions") == 2);
}

static void end(struct world *w)
{
  WAIT_FOR(w, world_status(w).requests == 0);
  world_close(w);
  upnp_peer_stop(&peer);
}

static int read_one(struct world *w, const char *point, struct answer *a)
{
  assert_int_equal(world_read(w, "d0", point, world_now() + 3000 * MS, a), 0);
  WAIT_FOR(w, a->calls > 0);
  return a->error;
}

static bool is_offline(struct world *w)
{
  return world_message(w, "d0", "offline") != NULL;
}

/* ---- Events --------------------------------------------------------------------------------------------------- */
static void test_events_tell(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin(&w);
  upnp_peer_tell(&peer, "level 0 17");
  WAIT_FOR(&w, is_level(&w, 17));
  upnp_peer_tell(&peer,
                 "event 0 <LastChange>&lt;Event&gt;&lt;InstanceID val='0'&gt;&lt;Volume Channel='LF' Val='1'/&gt;"
                 "&lt;Volume Channel='Master' Val='42'/&gt;&lt;/InstanceID&gt;&lt;InstanceID val='1'&gt;"
                 "&lt;Volume channel='Master' val='3'/&gt;&lt;/InstanceID&gt;&lt;/Event&gt;</LastChange>");
  WAIT_FOR(&w, world_number(&w, "d0", "volume") == 42);
  uint64_t seen_us = world_seen(&w, "d0", "volume");
  assert_int_equal(read_one(&w, "volume", &a), 0); /* what the event told is what there is */
  assert_true(world_number(&w, "d0", "volume") == 42 && world_seen(&w, "d0", "volume") > seen_us);
  /* An event that is none, and one more. */
  upnp_peer_tell(&peer, "event 0 <LastChange>&lt;Event</LastChange>");
  upnp_peer_tell(&peer, "level 0 18");
  WAIT_FOR(&w, is_level(&w, 18));
  end(&w);
}

static void test_a_write_is_verified_by_its_event(void **state)
{
  struct world w;
  struct set_answer a;
  (void)state;
  begin(&w);
  world_set(&w, "d0", "level", "33", &a);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.refusal, TT_OK);
  /* Beyond the range that the device describes: never on the wire. */
  struct answer b;
  assert_int_equal(world_write(&w, "d0", "level", 1001, world_now() + 2000 * MS, &b), 0);
  WAIT_FOR(&w, b.calls > 0);
  assert_int_equal(b.error, -ERANGE);
  assert_string_equal(b.text, "Level takes 0 to 1000");
  assert_int_equal(upnp_peer_count(&peer, "writes"), 1);
  end(&w);
}

static void test_what_a_device_has_not(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin(&w);
  assert_int_equal(read_one(&w, "wrong", &a), 0);
  assert_non_null(strstr(world_field_error(&w, "d0", "wrong"), "this device has no action GetNothing"));
  assert_int_equal(read_one(&w, "elsewhere", &a), 0);
  assert_non_null(strstr(world_field_error(&w, "d0", "elsewhere"), "no service urn:thingtree:service:Other:1"));
  end(&w);
}

/* ---- Beside others --------------------------------------------------------------------------------------------- */
static int listen_at(int family, const struct sockaddr *address, socklen_t size)
{
  int on = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, address, size) < 0 || listen(fd, 1) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

/* Other programs with libupnp, and our own second connection, have its first ports. */
static void test_its_first_ports_are_taken(void **state)
{
  struct world w;
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(49152)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(49153), .sin6_addr = in6addr_any};
  (void)state;
  int one = listen_at(AF_INET, (struct sockaddr *)&four, sizeof four);
  int other = listen_at(AF_INET6, (struct sockaddr *)&six, sizeof six); /* -1: there is no IPv6 */
  assert_true(one >= 0);
  begin(&w);
  upnp_peer_tell(&peer, "level 0 16");
  WAIT_FOR(&w, is_level(&w, 16)); /* events come in */
  end(&w);
  close(one);
  if (other >= 0)
    close(other);
}

/* ---- Coming and going ----------------------------------------------------------------------------------------- */
static void test_goodbye_and_back(void **state)
{
  struct world w;
  (void)state;
  begin(&w);
  upnp_peer_tell(&peer, "deaf 1");
  upnp_peer_tell(&peer, "byebye");
  WAIT_FOR(&w, is_offline(&w));
  assert_non_null(strstr(world_message(&w, "d0", "offline"), "has said goodbye"));
  struct answer a;
  assert_int_equal(world_write(&w, "d0", "level", 1, world_now() + 2000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, -EHOSTUNREACH);
  upnp_peer_tell(&peer, "forget");
  upnp_peer_tell(&peer, "level 0 6");
  upnp_peer_tell(&peer, "alive");
  WAIT_FOR(&w, is_level(&w, 6));
  assert_false(is_offline(&w));
  upnp_peer_tell(&peer, "level 0 7"); /* subscribed again */
  WAIT_FOR(&w, is_level(&w, 7));
  end(&w);
}

static void test_another_address(void **state)
{
  struct world w;
  (void)state;
  begin(&w);
  upnp_peer_tell(&peer, "forget");
  upnp_peer_tell(&peer, "move");
  upnp_peer_tell(&peer, "level 0 8");
  upnp_peer_tell(&peer, "alive");
  WAIT_FOR(&w, is_level(&w, 8));
  upnp_peer_tell(&peer, "level 0 9");
  WAIT_FOR(&w, is_level(&w, 9));
  end(&w);
}

/* Somebody who cannot be what he says: the device answers where it was. */
static void test_a_lie_about_the_address(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin(&w);
  unsigned before = upnp_peer_count(&peer, "descriptions");
  upnp_peer_tell(&peer,
                 "lie uuid:conformance-0 http://" UPNP_DEVICE ":9/desc.xml"); /* a port that nobody may have */
  upnp_peer_tell(&peer, "lie uuid:conformance-0 http://127.0.0.1:8080/");
  upnp_peer_tell(&peer, "lie uuid:conformance-0 http://10.77.0.3:8080/");
  upnp_peer_tell(&peer, "lie uuid:conformance-0 http://" UPNP_DEVICE ":5000/desc.xml"); /* it could be true */
  WAIT_FOR(&w, upnp_peer_count(&peer, "descriptions") > before);                        /* so the device is asked */
  for (int i = 0; i < 20; i++)
    upnp_peer_tell(&peer, "lie uuid:conformance-0 http://" UPNP_DEVICE ":5000/desc.xml");
  upnp_peer_tell(&peer, "level 0 11");
  WAIT_FOR(&w, is_level(&w, 11));
  assert_false(is_offline(&w));
  assert_int_equal(read_one(&w, "level", &a), 0);
  assert_true(upnp_peer_count(&peer, "descriptions") <= before + 2);
  end(&w);
}

/* Restarted without a word: the next announcement shows that it knows nothing of us. */
static void test_a_device_that_forgets(void **state)
{
  struct world w;
  (void)state;
  begin(&w);
  unsigned before = upnp_peer_count(&peer, "subscribes");
  upnp_peer_tell(&peer, "forget");
  for (uint64_t end_us = world_now() + PATIENCE; upnp_peer_count(&peer, "subscribes") < before + 2;) {
    assert_true(world_now() < end_us);
    upnp_peer_tell(&peer, "alive");
    for (int i = 0; i < 10; i++)
      world_turn(&w, 20 * MS);
  }
  upnp_peer_tell(&peer, "level 0 12");
  WAIT_FOR(&w, is_level(&w, 12));
  end(&w);
}

static void test_silence(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  begin(&w);
  upnp_peer_tell(&peer, "silent 1");
  for (int i = 0; i < 3; i++)
    assert_true(read_one(&w, "level", &a) < 0);
  WAIT_FOR(&w, is_offline(&w));
  upnp_peer_tell(&peer, "silent 0");
  upnp_peer_tell(&peer, "level 0 13");
  WAIT_FOR(&w, is_level(&w, 13));
  WAIT_FOR(&w, !is_offline(&w));
  end(&w);
}

/* ---- Wrong ones ----------------------------------------------------------------------------------------------- */
static void test_wrong_descriptions(void **state)
{
  static const struct {
    const char *wrong, *why;
  } all[] = {
      {"wrong desc.xml garbage", "is not well-formed XML"},
      {"wrong desc.xml huge", "larger than"},
      {"wrong desc.xml deep", "is nested too deeply"},
      {"wrong desc.xml redirect", "302"},
      {"wrong desc.xml missing", "status 404"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(all); i++) {
    struct world w;
    upnp_peer_start(&peer, "2");
    upnp_peer_tell(&peer, all[i].wrong);
    world_open(&w, &tt_bridge_upnp, &text);
    WAIT_FOR(&w, is_offline(&w));
    if (!strstr(world_message(&w, "d0", "offline"), all[i].why) && i != 1 && i != 2)
      fail_msg("%s: %s", all[i].wrong, world_message(&w, "d0", "offline"));
    upnp_peer_tell(&peer, "wrong ");
    WAIT_FOR(&w, is_level(&w, 0));
    end(&w);
  }
}

static void test_wrong_answers(void **state)
{
  static const char *const all[] = {"wrong control garbage", "wrong control huge", "wrong control deep",
                                    "wrong control redirect", "wrong control missing"};
  struct world w;
  struct answer a;
  (void)state;
  begin(&w);
  for (size_t i = 0; i < TT_COUNT(all); i++) {
    upnp_peer_tell(&peer, all[i]);
    int error = read_one(&w, "level", &a);
    assert_true(error < 0 || world_field_error(&w, "d0", "level"));
    assert_int_equal(world_write(&w, "d0", "level", 1, world_now() + 2000 * MS, &a), 0);
    WAIT_FOR(&w, a.calls > 0);
    assert_true(a.error < 0 && *a.text);
  }
  assert_int_equal(upnp_peer_count(&peer, "writes"), 0);
  upnp_peer_tell(&peer, "wrong ");
  WAIT_FOR(&w, read_one(&w, "level", &a) == 0 && !world_field_error(&w, "d0", "level"));
  end(&w);
}

/* A service that does not describe itself is read, and not written. */
static void test_no_service_description(void **state)
{
  struct world w;
  struct answer a;
  (void)state;
  upnp_peer_start(&peer, "2");
  upnp_peer_tell(&peer, "wrong scpd.xml garbage");
  world_open(&w, &tt_bridge_upnp, &text);
  WAIT_FOR(&w, is_level(&w, 0));
  assert_int_equal(world_write(&w, "d0", "level", 1, world_now() + 2000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, -EOPNOTSUPP);
  assert_int_equal(upnp_peer_count(&peer, "writes"), 0);
  end(&w);
}

/* A device that takes no subscription is read every now and then. */
static void test_no_events(void **state)
{
  struct world w;
  (void)state;
  upnp_peer_start(&peer, "2");
  upnp_peer_tell(&peer, "wrong event missing");
  world_open(&w, &tt_bridge_upnp, &text);
  WAIT_FOR(&w, is_level(&w, 0));
  upnp_peer_tell(&peer, "level 0 14");
  WAIT_FOR(&w, is_level(&w, 14));
  end(&w);
}

/* libupnp asks one after the other and waits for 30 s: it is not left to that. */
static void test_a_subscription_without_an_answer(void **state)
{
  struct world w;
  (void)state;
  upnp_peer_start(&peer, "2");
  upnp_peer_tell(&peer, "hang 1");
  world_open(&w, &tt_bridge_upnp, &text);
  uint64_t before_us = world_now();
  WAIT_FOR(&w, upnp_peer_count(&peer, "subscriptions") == 1);
  upnp_peer_tell(&peer, "level 1 21");
  WAIT_FOR(&w, world_number(&w, "d1", "level") == 21);
  upnp_peer_tell(&peer, "level 0 14");
  WAIT_FOR(&w, is_level(&w, 14)); /* it is read */
  /* Nor when it is asked again and again. */
  upnp_peer_tell(&peer, "forget");
  upnp_peer_tell(&peer, "byebye");
  upnp_peer_tell(&peer, "alive");
  WAIT_FOR(&w, upnp_peer_count(&peer, "subscriptions") == 1);
  assert_true(world_now() - before_us < 20000 * MS);
  upnp_peer_tell(&peer, "hang 0");
  WAIT_FOR(&w, upnp_peer_count(&peer, "subscriptions") == 2);
  upnp_peer_tell(&peer, "level 0 15");
  WAIT_FOR(&w, is_level(&w, 15));
  upnp_peer_tell(&peer, "hang 2");
  upnp_peer_tell(&peer, "byebye");
  upnp_peer_tell(&peer, "alive");
  char line[300];
  do { /* it ends in time while one is being asked */
    world_turn(&w, 20 * MS);
    upnp_peer_ask(&peer, "waiting", line, sizeof line);
  } while (strcmp(line, "0") == 0);
  before_us = world_now();
  end(&w);
  assert_true(world_now() - before_us < 5000 * MS);
}

/* ---- What is there -------------------------------------------------------------------------------------------- */
struct found {
  unsigned n, done;
  int error;
  bool has_first;
};

static bool has_fact(const struct tt_candidate *c, const char *name, const char *value)
{
  for (size_t i = 0; i < c->n_facts; i++)
    if (strcmp(c->facts[i].name, name) == 0 && strcmp(c->facts[i].value, value) == 0)
      return true;
  return false;
}

static void on_candidate(void *user, const struct tt_candidate *c)
{
  struct found *found = user;
  found->n++;
  if (strcmp(c->id, "uuid:conformance-0") != 0)
    return;
  found->has_first = true;
  assert_string_equal(c->name, "Level 0");
  assert_string_equal(c->vendor, "thingtree");
  assert_string_equal(c->model, "Simulator");
  assert_string_equal(c->uses, "upnp/any");
  assert_non_null(strstr(c->address, UPNP_DEVICE ":"));
  assert_true(has_fact(c, "udn", "uuid:conformance-0") &&
              has_fact(c, "device_type", "urn:thingtree:device:Level:1") &&
              has_fact(c, "service_type", "urn:thingtree:service:Level:1"));
}

static void on_done(void *user, int error, const char *why TT_UNUSED)
{
  struct found *found = user;
  found->done++;
  found->error = error;
}

/* What no event tells is read every now and then, in one call for all that share it. */
static void test_points_of_one_call_without_an_event(void **state)
{
  struct world w;
  (void)state;
  upnp_peer_start(&peer, "1");
  world_open(&w, &tt_bridge_upnp, &unheard);
  WAIT_FOR(&w, world_number(&w, "d0", "first") == 23.5 && world_number(&w, "d0", "second") == 23.5);
  end(&w);
}

static void test_discovery(void **state)
{
  struct world w;
  struct found found = {0};
  struct tt_discovery_fns fns = {.user = &found, .candidate = on_candidate, .done = on_done};
  (void)state;
  begin(&w);
  assert_int_equal(tt_host_discover(w.host, BRIDGE, world_now() + 8000 * MS, &fns), 0);
  WAIT_FOR(&w, found.done > 0);
  assert_int_equal(found.error, 0);
  assert_int_equal(found.n, 2);
  assert_true(found.has_first);
  /* The bridge ends while one is under way. */
  found = (struct found){0};
  assert_int_equal(tt_host_discover(w.host, BRIDGE, world_now() + 8000 * MS, &fns), 0);
  end(&w);
  assert_int_equal(found.done, 1);
}

static char description[4096];
static int on_described(void *user TT_UNUSED, const char *key, const char *json, size_t size)
{
  if (strcmp(key, "d0") == 0)
    snprintf(description, sizeof description, "%.*s", (int)size, json);
  return 0;
}

static void test_a_device_describes_itself(void **state)
{
  static const struct tt_found_hooks hooks = {.described = on_described};
  struct world_text any = text;
  struct world w;
  (void)state;
  any.mapping = "params: {udn: {type: string}}\nudn: \"${udn}\"\ndescribe: true\npoints: {}\n";
  upnp_peer_start(&peer, "2");
  world_open(&w, &tt_bridge_upnp, &any);
  tt_host_listen(w.host, &hooks);
  WAIT_FOR(&w, *description);
  assert_non_null(
      strstr(description, "\"about\":{\"vendor\":\"thingtree\",\"model\":\"Simulator\",\"label\":\"Level 0\"}"));
  assert_non_null(strstr(description, "\"level\":{\"type\":\"integer\""));
  assert_non_null(strstr(description, "\"NewLevel\":\"${value}\""));
  end(&w);
}

static long memory_kb(void)
{
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%ld %ld", &pages, &resident), 2);
  fclose(file);
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void test_a_storm(void **state)
{
  struct world w;
  struct answer a;
  long first_kb = 0;
  (void)state;
  begin(&w);
  for (int round = 0; round < 3; round++) {
    fputs("storm 10000\n", peer.device.in);
    fflush(peer.device.in);
    for (int i = 0; i < 10; i++) /* the devices are served as before */
      assert_int_equal(read_one(&w, "level", &a), 0);
    char line[100];
    upnp_line(&peer.device, line, sizeof line);
    assert_string_equal(line, "ok");
    assert_int_equal(read_one(&w, "level", &a), 0);
    if (round == 0)
      first_kb = memory_kb(); /* the table is full */
  }
  long more_kb = memory_kb() - first_kb;
  printf("20000 announcements more: %ld KiB more\n", more_kb);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed for a while */
  assert_true(more_kb < KEEP_MEMORY_KB);
#endif
  upnp_peer_tell(&peer, "level 0 15");
  WAIT_FOR(&w, is_level(&w, 15));
  end(&w);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_events_tell),
      cmocka_unit_test(test_a_write_is_verified_by_its_event),
      cmocka_unit_test(test_what_a_device_has_not),
      cmocka_unit_test(test_its_first_ports_are_taken),
      cmocka_unit_test(test_goodbye_and_back),
      cmocka_unit_test(test_another_address),
      cmocka_unit_test(test_a_lie_about_the_address),
      cmocka_unit_test(test_a_device_that_forgets),
      cmocka_unit_test(test_silence),
      cmocka_unit_test(test_wrong_descriptions),
      cmocka_unit_test(test_wrong_answers),
      cmocka_unit_test(test_no_service_description),
      cmocka_unit_test(test_no_events),
      cmocka_unit_test(test_a_subscription_without_an_answer),
      cmocka_unit_test(test_points_of_one_call_without_an_event),
      cmocka_unit_test(test_discovery),
      cmocka_unit_test(test_a_device_describes_itself),
      cmocka_unit_test(test_a_storm),
  };
  tt_log_open(TT_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
