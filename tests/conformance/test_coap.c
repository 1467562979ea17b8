/* SPDX-License-Identifier: Apache-2.0
 * What the CoAP bridge alone can do: observations and how they are lost, block-wise transfer, formats, names, discovery and
 * faults, against the simulated device; DTLS against libcoap's coap-server. */
#define _GNU_SOURCE /* coap_peer.h */
#include "coap_cases.h"

#include "service/log.h"

#include <math.h>

/* ---- Observations ----------------------------------------------------------------------------------------------- */
static void test_notifications_come(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  tell("set /t 0 32312e35"); /* 21.5 */
  WAIT_FOR(&w, number_of("t") == 21.5);
  assert_int_equal(counts().reads, 1); /* the registration */
  end();
}

/* Of a doubled one the second says nothing; an old one is left aside, and what comes behind it counts. */
static void test_old_notifications_are_left_aside(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  tell("twice 1");
  tell("set /t 0 31"); /* number 3 */
  WAIT_FOR(&w, number_of("t") == 1);
  tell("quiet 1");
  tell("set /t 0 39");
  tell("quiet 0");
  tell("notify /t 2"); /* says 9, with a number that is older */
  tell("quiet 1");
  tell("set /t 0 32");
  tell("quiet 0");
  tell("notify /t 4");
  WAIT_FOR(&w, number_of("t") != 1);
  assert_true(number_of("t") == 2);
  end();
}

static void test_an_observation_that_is_forgotten(void **state)
{
  (void)state;
  begin(observed("300ms"));
  WAIT_FOR(&w, number_of("t") == 0);
  tell("forget"); /* as after a restart that nobody has seen */
  assert_int_equal(counts().observers, 0);
  WAIT_FOR(&w, counts().observers == 1);
  tell("set /t 0 37");
  WAIT_FOR(&w, number_of("t") == 7);
  end();
}

static void test_a_restart(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  int port = peer.port;
  coap_peer_stop(&peer);
  assert_true(read_in("t", 1000 * MS) < 0);
  assert_non_null(world_message(&w, "d0", "offline"));
  coap_peer_start(&peer, port);
  WAIT_WITHIN(&w, counts().observers == 1, RETURNS);
  tell("set /t 0 38");
  WAIT_FOR(&w, number_of("t") == 8);
  assert_null(world_message(&w, "d0", "offline"));
  end();
}

static void test_a_device_that_does_not_observe_is_asked(void **state)
{
  (void)state;
  begin(observed("200ms"));
  tell("deaf 1");
  WAIT_FOR(&w, counts().reads > 3);
  tell("set /t 0 36");
  WAIT_FOR(&w, number_of("t") == 6);
  end();
}

static void test_an_observation_that_the_device_ends(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  tell("fail /t 503 1"); /* and says when to come again */
  WAIT_FOR(&w, says(world_field_error(&w, "d0", "t"), "5.03 Service Unavailable"));
  assert_int_equal(counts().observers, 0);
  tell("fail /t 0 -");
  WAIT_FOR(&w, counts().observers == 1);
  WAIT_FOR(&w, !world_field_error(&w, "d0", "t"));
  end();
}

static void test_max_age_is_honoured(void **state)
{
  (void)state;
  begin(observed("10min"));
  tell("age 0");
  WAIT_FOR(&w, counts().registrations == 1);
  WAIT_WITHIN(&w, counts().registrations > 1, 17000 * MS); /* 0 s and 5 to 15 s more */
  end();
}

static void test_a_device_that_goes_is_no_observer_any_more(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  assert_int_equal(tt_host_detach(w.host, "d0"), 0);
  WAIT_FOR(&w, !tt_host_is_attached(w.host, "d0"));
  WAIT_FOR(&w, counts().observers == 0);
  end();
}

static void test_a_large_notification_is_read_as_a_whole(void **state)
{
  (void)state;
  begin("points:\n  t: {get: /t, observe: {refresh: 10min, fallback: 10min}, type: string}\n");
  WAIT_FOR(&w, !strcmp(text_of("t"), "0"));
  tell("large /t 2500");
  WAIT_FOR(&w, strlen(text_of("t")) == 2500);
  assert_int_equal(counts().observers, 1);
  end();
}

static void test_verification_by_observation(void **state)
{
  (void)state;
  begin("points:\n  v: {get: /v, observe: {refresh: 10min, fallback: 10min}, type: integer,"
        " write: {put: /v, verify: report, within: 1s}}\n");
  WAIT_FOR(&w, number_of("v") == 0);
  assert_int_equal(set("v", "5"), TT_OK);
  assert_true(number_of("v") == 5);
  assert_int_equal(counts().reads, 1);
  tell("quiet 1");
  assert_int_equal(set("v", "6"), TT_REFUSED_TIMEOUT);
  end();
}

/* Ten thousand notifications: the newest value is there, nothing grows with their number. */
static void test_a_storm(void **state)
{
  (void)state;
  begin(observed("10min"));
  WAIT_FOR(&w, number_of("t") == 0);
  unsigned fds = world_fds();
  for (int i = 3; i < 10000; i++) {
    char command[64];
    snprintf(command, sizeof command, "notify /t %d", i);
    tell(command);
    world_turn(&w, 0);
  }
  tell("set /t 0 3939");
  WAIT_FOR(&w, number_of("t") == 99);
  assert_int_equal(world_fds(), fds);
  assert_int_equal(world_status(&w).dropped, 0);
  end();
}

/* ---- Blocks, formats, methods --------------------------------------------------------------------------------- */
static void test_blocks(void **state)
{
  (void)state;
  begin("block_size: 64\npoints:\n  big: {get: /big, type: string}\n  other: {get: /other, type: number}\n"
        "  text: {get: /text, type: string, write: {put: /text, verify: readback, within: 5s}}\n");
  tell("large /big 3000");
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_int_equal(strlen(text_of("big")), 3000);
  assert_int_equal(counts().reads, (3000 + 63) / 64);
  tell("szx 0"); /* the device wants them even smaller */
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_int_equal(strlen(text_of("big")), 3000);
  char text[1500];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  assert_int_equal(set("text", text), TT_OK);
  assert_int_equal(counts().writes, 1);
  tell("szx 6");
  tell("large /big 70000"); /* more than a body may have */
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_true(says(world_field_error(&w, "d0", "big"), "the body is larger than 64 KiB"));
  assert_int_equal(read_in("other", 5000 * MS), 0);
  end();
}

/* A device that does not know blocks sends all that fits a datagram. Of one larger than can be read, nothing counts. */
static void test_a_large_message(void **state)
{
  (void)state;
  begin("points:\n  big: {get: /big, type: string}\n");
  tell("szx 7"); /* of 2048 bytes: none are needed */
  tell("large /big 1440");
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_int_equal(strlen(text_of("big")), 1440);
  tell("large /big 1465");
  assert_int_equal(read_in("big", 1000 * MS), -ETIMEDOUT);
  assert_int_equal(strlen(text_of("big")), 1440);
  end();
}

/* Some devices know by the token which blocks belong together; no such block is taken for another because it comes
 * twice. */
static void test_blocks_that_are_tied_by_their_token(void **state)
{
  (void)state;
  begin("block_size: 64\npoints:\n  big: {get: /big, type: string}\n"
        "  seen: {get: /seen, observe: {refresh: 10min, fallback: 10min}, type: string}\n"
        "  text: {get: /text, type: string, write: {put: /text, verify: readback, within: 5s}}\n");
  char text[1500];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = 0;
  WAIT_FOR(&w, !strcmp(text_of("seen"), "0"));
  tell("tied 1");
  tell("large /big 3000");
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_int_equal(strlen(text_of("big")), 3000);
  assert_int_equal(set("text", text), TT_OK);
  tell("slow 2");
  tell("twice 1");
  tell("large /big 2000");
  assert_int_equal(read_in("big", 5000 * MS), 0);
  assert_int_equal(strlen(text_of("big")), 2000);
  text[1000] = 0;
  assert_int_equal(set("text", text), TT_OK);
  assert_int_equal(strlen(text_of("text")), 1000);
  assert_int_equal(counts().writes, 2);
  tell("large /seen 2500");
  WAIT_FOR(&w, strlen(text_of("seen")) == 2500);
  assert_int_equal(counts().observers, 1);
  end();
}

static void test_formats(void **state)
{
  struct answer a;
  (void)state;
  begin("points:\n"
        "  json: {get: /json, at: /t, type: number}\n"
        "  cbor: {get: /cbor, format: cbor, at: /0/t, type: number}\n"
        "  temp: {get: /senml, record: temp, type: number}\n"
        "  hum: {get: /senml, record: hum, type: number}\n"
        "  pack: {get: /pack, format: senml+cbor, type: number}\n"
        "  odd: {get: /odd, type: string}\n"
        "  x: {get: /json, at: /x, type: number}\n"
        "  y: {get: /senml, record: y, type: number, missing: absent}\n");
  tell("set /json 50 7b2274223a32332e34307d"); /* {"t":23.40} */
  tell("set /cbor 60 81a16174f94d60");         /* [{"t": 21.5}] */
  tell("set /pack 112 81a2006174026c00");      /* broken */
  tell(
      "set /senml 110 5b7b22626e223a22612f222c226e223a2274656d70222c2276223a32312e352c2274223a2d3130307d2c"
      "7b226e223a2268756d222c2276223a34307d5d"); /* [{"bn":"a/","n":"temp","v":21.5,"t":-100},{"n":"hum","v":40}] */
  tell("set /odd 42 00ff");
  assert_int_equal(world_read_all(&w, "d0", world_now() + 5000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_int_equal(counts().reads, 5); /* two points are on one resource */
  assert_true(number_of("json") == 23.4 && number_of("cbor") == 21.5);
  assert_true(number_of("temp") == 21.5 && number_of("hum") == 40);
  uint64_t now_us = tt_core_now(w.core).wall_us, stamp_us = world_node(&w, "d0")->fields[2].stamp_us;
  assert_true(stamp_us + 99 * TT_USEC_PER_SEC < now_us && stamp_us + 120 * TT_USEC_PER_SEC > now_us);
  assert_true(says(world_field_error(&w, "d0", "pack"), "payload is not CBOR"));
  assert_true(says(world_field_error(&w, "d0", "odd"), "content format 42 is none that can be read"));
  assert_true(says(world_field_error(&w, "d0", "x"), "/json: nothing is at /x of the answer")); /* mistyped? */
  assert_null(world_field_error(&w, "d0", "y"));
  tell("set /json 50 7b2278223a317d"); /* {"x":1}: t was there, and is kept */
  assert_int_equal(read_in("x", 5000 * MS), 0);
  assert_true(number_of("x") == 1 && number_of("json") == 23.4);
  assert_null(world_field_error(&w, "d0", "json"));
  tell("set /pack 112 81a200617402f94d60"); /* [{0: "t", 2: 21.5}] */
  assert_int_equal(read_in("pack", 5000 * MS), 0);
  assert_true(number_of("pack") == 21.5);
  end();
}

static void expect_body(const char *path, const char *hex)
{
  char command[100], line[1000];
  snprintf(command, sizeof command, "value %s", path);
  coap_peer_ask(&peer, command, line, sizeof line);
  assert_string_equal(line, hex);
}

static void test_methods(void **state)
{
  (void)state;
  begin("points:\n"
        "  put: {type: integer, write: {put: \"/put%20it?x=1\"}}\n"
        "  post: {type: boolean, write: {post: /post, json: {on: \"${value}\"}}}\n"
        "  cbor: {type: boolean, write: {put: /cbor, json: {on: \"${value}\"}, format: cbor}}\n"
        "  senml: {type: integer, write: {put: /senml, record: vent, format: senml+json}}\n"
        "  once: {type: integer, write: {put: /once, confirmable: false}}\n"
        "  delete: {type: boolean, write: {delete: /gone}}\n"
        "  refused: {type: integer, write: {put: /refused}}\n");
  assert_int_equal(set("put", "42"), TT_OK);
  assert_int_equal(set("post", "true"), TT_OK);
  assert_int_equal(set("cbor", "true"), TT_OK);
  assert_int_equal(set("senml", "40"), TT_OK);
  assert_int_equal(set("once", "7"), TT_OK);
  assert_int_equal(set("delete", "true"), TT_OK);
  expect_body("/post", "7b226f6e223a747275657d");
  expect_body("/cbor", "a1626f6ef5");
  expect_body("/senml", "5b7b226e223a2276656e74222c2276223a34307d5d");
  expect_body("/once", "37");
  expect_body("/gone", "");
  assert_int_equal(counts().writes, 6);
  tell("fail /refused 405 -");
  assert_int_equal(set("refused", "1"), TT_REFUSED_DEVICE);
  assert_int_equal(counts().writes, 6);
  end();
}

/* ---- Faults ------------------------------------------------------------------------------------------------------ */
static void test_losses_are_made_good_once(void **state)
{
  (void)state;
  begin("points:\n  v: {get: /v, type: integer, write: {put: /v, verify: readback, within: 9s}}\n");
  assert_int_equal(read_in("v", 5000 * MS), 0);
  tell("drop 1");
  assert_int_equal(set("v", "5"), TT_OK);
  assert_int_equal(counts().writes, 1);
  end();
}

/* The device acknowledges and takes its time; what comes after the deadline is nobody's answer. */
static void test_slow_answers(void **state)
{
  (void)state;
  begin("points:\n  a: {get: /a, type: integer}\n  b: {get: /b, type: integer}\n");
  tell("set /a 0 31");
  tell("set /b 0 32");
  assert_int_equal(read_in("a", 5000 * MS), 0);
  tell("slow 300");
  assert_int_equal(read_in("a", 5000 * MS), 0);
  assert_int_equal(read_in("b", 5000 * MS), 0);
  assert_true(number_of("a") == 1 && number_of("b") == 2);
  assert_int_equal(read_in("a", 100 * MS), -ETIMEDOUT);
  tell("slow 0");
  tell("set /a 0 33");
  assert_int_equal(read_in("b", 5000 * MS), 0);
  assert_true(number_of("b") == 2);
  for (uint64_t until = world_now() + 400 * MS; world_now() < until;)
    world_turn(&w, 20 * MS); /* the late one comes */
  assert_true(number_of("a") == 1 && number_of("b") == 2);
  assert_int_equal(read_in("a", 5000 * MS), 0);
  assert_true(number_of("a") == 3);
  assert_int_equal(world_status(&w).late, 0);
  end();
}

static void test_resets_and_garbage(void **state)
{
  (void)state;
  begin("points:\n  a: {get: /a, type: integer}\n  b: {get: /b, type: integer}\n"
        "  c: {get: /c, type: integer, write: {put: /c, within: 1s}}\n");
  tell("reset /a"); /* it is there, and does not know that */
  assert_int_equal(read_in("a", 5000 * MS), 0);
  assert_true(says(world_field_error(&w, "d0", "a"), "rejects the question (reset)"));
  tell("garble /b");
  assert_int_equal(read_in("b", 500 * MS), -ETIMEDOUT);
  tell("reset /c");
  assert_int_equal(set("c", "1"), TT_REFUSED_DEVICE);
  tell("well /a");
  tell("well /b");
  assert_int_equal(read_in("a", 5000 * MS), 0);
  assert_int_equal(read_in("b", 5000 * MS), 0);
  assert_int_equal(counts().writes, 0);
  end();
}

/* A command that was given up is not done when the device comes back, though its message was under way. */
static void test_a_command_is_not_repeated_after_its_time(void **state)
{
  struct answer a;
  (void)state;
  begin("points:\n  v: {get: /v, type: integer, write: {put: /v}}\n");
  assert_int_equal(read_in("v", 5000 * MS), 0);
  tell("dead 1");
  assert_int_equal(world_write(&w, "d0", "v", 9, world_now() + 500 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, -ETIMEDOUT);
  tell("dead 0");
  for (uint64_t until = world_now() + 2500 * MS; world_now() < until;)
    world_turn(&w, 50 * MS); /* longer than its message would have waited to be repeated */
  assert_int_equal(counts().writes, 0);
  assert_int_equal(read_in("v", 5000 * MS), 0);
  assert_true(number_of("v") == 0);
  end();
}

/* Nothing turns while a device is silent, for longer than a ping is waited for. */
static void test_waiting_costs_nothing(void **state)
{
  struct answer a;
  unsigned turns = 0;
  (void)state;
  begin("points:\n  a: {get: /a, type: integer}\n");
  tell("dead 1");
  assert_int_equal(world_read(&w, "d0", "a", world_now() + 3500 * MS, &a), 0);
  for (; a.calls == 0; turns++)
    world_turn(&w, 100 * MS);
  assert_int_equal(a.error, -ETIMEDOUT);
  assert_true(turns < 100);
  end();
}

static void test_limit_of_resources(void **state)
{
  struct tt_buf mapping TT_AUTOBUF = TT_BUF(0);
  (void)state;
  tt_buf_puts(&mapping, "points:\n");
  for (int i = 0; i < 256; i++)
    tt_buf_printf(&mapping, "  p%d: {get: /p/%d, type: integer}\n", i, i);
  tt_buf_puts(&mapping, "  twice: {get: /p/7, type: integer}\n");
  begin(mapping.data);
  assert_int_equal(read_in("p255", 5000 * MS), 0);
  end();
  tt_buf_puts(&mapping, "  more: {get: /p/256, type: integer}\n");
  begin(mapping.data);
  assert_true(says(world_message(&w, "d0", "attach"), "more than 256 different resources"));
  end();
}

/* Messages and answers get lost, three of ten each way: what is asked is answered, and what is commanded done once. */
static void test_a_bad_line(void **state)
{
  (void)state;
  begin("points:\n  v: {get: /v, type: integer, write: {put: /v, within: 1min}}\n");
  tell("loss 30");
  for (unsigned i = 1; i <= 3; i++) {
    struct set_answer a;
    char value[8];
    snprintf(value, sizeof value, "%u", i);
    world_set(&w, "d0", "v", value, &a);
    WAIT_WITHIN(&w, a.calls > 0, 60000 * MS);
    assert_int_equal(a.refusal, TT_OK);
    assert_int_equal(counts().writes, i);
  }
  tell("loss 0");
  assert_int_equal(read_in("v", 5000 * MS), 0);
  assert_true(number_of("v") == 3);
  end();
}

static char probed[600];

static void on_probe(void *user TT_UNUSED, const char *key TT_UNUSED, uint16_t point TT_UNUSED, const char *text)
{
  snprintf(probed, sizeof probed, "%s", text);
}

static void test_probing(void **state)
{
  static const struct tt_found_hooks hooks = {.probe = on_probe};
  char expected[300];
  (void)state;
  begin("points:\n  a: {get: /a, format: json, at: /v, type: integer}\n  b: {get: /b, type: integer}\n");
  tt_host_listen(w.host, &hooks);
  tell("set /a 50 7b2276223a357d");
  assert_int_equal(read_in("a", 5000 * MS), 0);
  snprintf(expected, sizeof expected,
           "GET coap://%s/a: 2.05, content format 50, 7 bytes: 7b 22 76 22 3a 35 7d \"{\"v\":5}\"", host_text);
  assert_string_equal(probed, expected);
  tell("fail /b 404 -");
  assert_int_equal(read_in("b", 5000 * MS), 0);
  snprintf(expected, sizeof expected, "GET coap://%s/b: 4.04 Not Found", host_text);
  assert_string_equal(probed, expected);
  end();
}

/* ---- Names -------------------------------------------------------------------------------------------------------- */
static void test_a_name_that_nobody_knows(void **state)
{
  (void)state;
  strcpy(host_text, "nobody.invalid");
  open_world(QUICK, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, type: number}\n");
  WAIT_FOR(&w, world_is(&w, "offline"));
  assert_true(says(world_status(&w).text, "coap://nobody.invalid:5683: the name "));
  assert_int_equal(read_in("t", 5000 * MS), -EHOSTUNREACH);
  world_close(&w);
}

static void test_an_interface_that_is_not_there(void **state)
{
  (void)state;
  strcpy(host_text, "[fe80::1%nowhere0]");
  open_world(QUICK, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, type: number}\n");
  WAIT_FOR(&w, says(world_status(&w).text, "coap://[fe80::1%nowhere0]:5683: there is no interface of that name"));
  world_close(&w);
}

/* ---- coap-server: another implementation's server, DTLS ---------------------------------------------------------- */
static char pki[64];

static void run(const char *format, ...) TT_PRINTF(1, 2);
static void run(const char *format, ...)
{
  char command[2000];
  va_list ap;
  va_start(ap, format);
  vsnprintf(command, sizeof command, format, ap);
  va_end(ap);
  if (system(command) != 0)
    fail_msg("%s", command);
}

static void make_ca(const char *name)
{
  run("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=test "
      "%s' "
      "-keyout %s.key -out %s.crt 2>/dev/null",
      pki, name, name, name);
}

static void make_certificate(const char *name, const char *subject, int days)
{
  run("cd %s && echo 'subjectAltName=%s' >%s.ext && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
      "-nodes -subj '/CN=%s' -keyout %s.key -out %s.csr 2>/dev/null && openssl x509 -req -in %s.csr -CA ca.crt "
      "-CAkey "
      "ca.key -CAcreateserial -days %d -extfile %s.ext -out %s.crt 2>/dev/null",
      pki, subject, name, name, name, name, name, days, name, name);
}

static int make_pki(void **state)
{
  char names[200], host[16];
  (void)state;
  strcpy(pki, "/tmp/tt-coap-XXXXXX");
  assert_non_null(mkdtemp(pki));
  coap_peer_host(host);
  snprintf(names, sizeof names, "DNS:first.test,DNS:second.test,IP:%s", host);
  make_ca("ca");
  make_ca("other");
  make_certificate("good", names, 30);
  make_certificate("expired", names, -1);
  make_certificate("us", "DNS:us.test", 30);
  return 0;
}

static int remove_pki(void **state)
{
  (void)state;
  run("rm -r %s", pki);
  return 0;
}

/* A port that is free, and the next one too: coap-server has DTLS there. */
#define TIME                                                                                                       \
  "points:\n  time: {get: /time, observe: {refresh: 10min, fallback: 10min}, type: string}\n"                      \
  "  data: {get: /example_data, type: string, write: {put: /example_data, verify: readback, within: 5s}}\n"

/* A device with this security at the server's DTLS port. */
static void open_secured(const char *security)
{
  char mapping[1500], host[16];
  coap_peer_host(host);
  snprintf(host_text, sizeof host_text, "%s:%d", host, server_port + 1);
  snprintf(mapping, sizeof mapping, "base: \"coaps://${host}\"\n%s%s", security, TIME);
  open_world(QUICK, mapping);
}

static void works(void)
{
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
  WAIT_FOR(&w, *text_of("time"));
  char before[100];
  snprintf(before, sizeof before, "%s", text_of("time"));
  WAIT_FOR(&w, strcmp(text_of("time"), before) != 0); /* notified each second */
  assert_int_equal(set("data", "hello"), TT_OK);
  assert_string_equal(text_of("data"), "hello");
}

static void fails(const char *why)
{
  WAIT_WITHIN(&w, says(world_status(&w).text, why), RETURNS);
  assert_true(world_is(&w, "offline"));
  assert_int_equal(read_in("time", 4000 * MS), -EHOSTUNREACH);
  world_close(&w);
}

static void test_plain_server(void **state)
{
  char host[16];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  start_server(host, "");
  snprintf(host_text, sizeof host_text, "%s:%d", host, server_port);
  open_world(QUICK, "base: \"coap://${host}\"\n" TIME);
  works();
  world_close(&w);
  coap_stop(&server);
}

static void test_ipv6(void **state)
{
  char host[16];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  start_server("::1", "");
  snprintf(host_text, sizeof host_text, "[::1]:%d", server_port);
  open_world(QUICK, "base: \"coap://${host}\"\n" TIME);
  works();
  world_close(&w);
  coap_stop(&server);
}

/* Where localhost is ::1 first, nobody is there, and the other address is tried. */
static void test_a_name(void **state)
{
  (void)state;
  server_port = two_ports("127.0.0.1");
  start_server("127.0.0.1", "");
  snprintf(host_text, sizeof host_text, "localhost:%d", server_port);
  open_world(QUICK, "base: \"coap://${host}\"\n" TIME);
  works();
  world_close(&w);
  coap_stop(&server);
}

static void test_pre_shared_keys(void **state)
{
  char host[16];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  start_server(host, "-k secretkey -h hint");
  open_secured("security: {psk_identity: us, psk: secretkey}\n");
  works();
  world_close(&w);
  open_secured("security: {psk_identity: us, psk: \"7365637265746b6579\", psk_encoding: hex}\n");
  works();
  world_close(&w);
  open_secured("security: {psk_identity: us, psk: wrongkey}\n");
  fails("no DTLS handshake in time; a wrong key has no other sign");
  coap_stop(&server);
}

/* The observation dies with the session, which the server has forgotten: it comes back by itself. */
static void test_a_lost_session(void **state)
{
  char host[16], before[100];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  start_server(host, "-k secretkey -h hint");
  open_secured("security: {psk_identity: us, psk: secretkey}\n");
  works();
  kill(server, SIGKILL); /* without a good-bye */
  waitpid(server, NULL, 0);
  start_server(host, "-k secretkey -h hint");
  WAIT_WITHIN(&w, read_in("time", 1000 * MS) == 0, RETURNS);
  WAIT_WITHIN(&w, world_is(&w, "online"), RETURNS);
  snprintf(before, sizeof before, "%s", text_of("time"));
  WAIT_FOR(&w, strcmp(text_of("time"), before) != 0); /* nobody has asked */
  world_close(&w);
  coap_stop(&server);
}

static void test_certificates(void **state)
{
  char host[16], text[600];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  snprintf(text, sizeof text, "-c %s/good.crt -j %s/good.key -C %s/ca.crt -n", pki, pki, pki);
  start_server(host, text);
  snprintf(text, sizeof text, "security: {ca: %s/ca.crt}\n", pki); /* the address is in the certificate */
  open_secured(text);
  works();
  world_close(&w);
  snprintf(text, sizeof text, "security: {ca: %s/ca.crt, name: second.test}\n", pki);
  open_secured(text);
  works();
  world_close(&w);
  snprintf(text, sizeof text, "security: {ca: %s/ca.crt, name: elsewhere.test}\n", pki);
  open_secured(text);
  fails("the certificate is not one for elsewhere.test");
  snprintf(text, sizeof text, "security: {ca: %s/other.crt}\n", pki);
  open_secured(text);
  fails("the certificate is refused");
  open_secured(""); /* the system's */
  fails("the certificate is refused");
  coap_stop(&server);
  snprintf(text, sizeof text, "-c %s/expired.crt -j %s/expired.key -C %s/ca.crt -n", pki, pki, pki);
  start_server(host, text);
  snprintf(text, sizeof text, "security: {ca: %s/ca.crt}\n", pki);
  open_secured(text);
  fails("the certificate is refused: certificate has expired");
  coap_stop(&server);
}

static void test_our_own_certificate(void **state)
{
  char host[16], text[600];
  (void)state;
  coap_peer_host(host);
  server_port = two_ports(host);
  snprintf(text, sizeof text, "-c %s/good.crt -j %s/good.key -C %s/ca.crt", pki, pki, pki);
  start_server(host, text);
  snprintf(text, sizeof text, "security: {ca: %s/ca.crt, cert: %s/us.crt, key: %s/us.key}\n", pki, pki, pki);
  open_secured(text);
  works();
  world_close(&w);
  coap_stop(&server);
}

/* ---- Discovery ---------------------------------------------------------------------------------------------------- */
static struct world_found found;

static void discover(uint64_t us)
{
  world_discover(&w, us, &found);
}

static void to_hex(const char *text, char *out)
{
  while (*text)
    out += sprintf(out, "%02x", (unsigned char)*text++);
}

static void test_discovery(void **state)
{
  char command[4000], options[500], expected[1000];
  (void)state;
  coap_peer_start(&peer, 0);
  snprintf(host_text, sizeof host_text, "%s:%d", peer.host, peer.port);
  snprintf(options, sizeof options, QUICK "    discover: {hosts: [\"coap://%s\", \"coap://%s:9\"]}\n", host_text,
           peer.host);
  open_world(options, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, type: number}\n");
  strcpy(command, "set /.well-known/core 40 ");
  to_hex("</.well-known/core>;ct=40,</s/t>;rt=\"temperature-c oma.3303\";if=sensor;title=\"Air\";obs,"
         "<coap://[fd00::1]/x>,</a b>,</y>;anchor=\"/z\"",
         command + strlen(command));
  tell(command);
  discover(5000 * MS);
  assert_int_equal(found.error, 0);
  snprintf(expected, sizeof expected,
           "coap://%s/s/t \"Air\" scheme=coap host=%s port=%d path=/s/t rt=temperature-c rt=oma.3303 if=sensor "
           "title=Air "
           "obs=true\ncoap://[fd00::1]:5683/x \"/x\" scheme=coap host=[fd00::1] port=5683 path=/x\n",
           host_text, peer.host, peer.port);
  assert_string_equal(found.all, expected);
  /* No link format, and a large one: what is good in it is told. */
  tell("set /.well-known/core 40 68656c6c6f");
  discover(5000 * MS);
  assert_int_equal(found.n, 0);
  end();
}

static void test_limits_of_links(void **state)
{
  static char command[300000], text[140000];
  char options[500];
  size_t n = 0;
  (void)state;
  coap_peer_start(&peer, 0);
  snprintf(host_text, sizeof host_text, "%s:%d", peer.host, peer.port);
  snprintf(options, sizeof options, QUICK "    discover: {hosts: \"coap://%s\"}\n", host_text);
  open_world(options, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, type: number}\n");
  for (int i = 0; i < 1200; i++)
    n += (size_t)sprintf(text + n, "%s</r/%d>", i ? "," : "", i);
  strcpy(command, "set /.well-known/core 40 ");
  to_hex(text, command + strlen(command));
  tell(command);
  discover(5000 * MS);
  assert_int_equal(found.error, 0);
  assert_int_equal(found.n, 1000);
  end();
}

static void test_multicast(void **state)
{
  char options[200];
  (void)state;
  struct coap_peer everywhere = {0};
  coap_peer_start_at(&everywhere, "0.0.0.0", 5683);
  if (!everywhere.pid) {
    skip(); /* somebody else has the port of CoAP on this machine */
    return;
  }
  peer = everywhere;
  tell("join lo");
  tell("set /.well-known/core 40 3c2f612f623e3b72743d78"); /* </a/b>;rt=x */
  snprintf(options, sizeof options, QUICK "    interface: lo\n");
  strcpy(host_text, "127.0.0.1");
  open_world(options, "base: \"coap://${host}\"\npoints:\n  t: {get: /t, type: number}\n");
  discover(3000 * MS);
  assert_int_equal(found.error, 0);
  assert_true(says(found.all, "port=5683 path=/a/b rt=x"));
  assert_int_equal(found.n, 1);
  end();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_notifications_come),
      cmocka_unit_test(test_old_notifications_are_left_aside),
      cmocka_unit_test(test_an_observation_that_is_forgotten),
      cmocka_unit_test(test_a_restart),
      cmocka_unit_test(test_a_device_that_does_not_observe_is_asked),
      cmocka_unit_test(test_an_observation_that_the_device_ends),
      cmocka_unit_test(test_max_age_is_honoured),
      cmocka_unit_test(test_a_device_that_goes_is_no_observer_any_more),
      cmocka_unit_test(test_a_large_notification_is_read_as_a_whole),
      cmocka_unit_test(test_verification_by_observation),
      cmocka_unit_test(test_a_storm),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_a_large_message),
      cmocka_unit_test(test_blocks_that_are_tied_by_their_token),
      cmocka_unit_test(test_formats),
      cmocka_unit_test(test_methods),
      cmocka_unit_test(test_losses_are_made_good_once),
      cmocka_unit_test(test_slow_answers),
      cmocka_unit_test(test_resets_and_garbage),
      cmocka_unit_test(test_a_command_is_not_repeated_after_its_time),
      cmocka_unit_test(test_waiting_costs_nothing),
      cmocka_unit_test(test_limit_of_resources),
      cmocka_unit_test(test_a_bad_line),
      cmocka_unit_test(test_probing),
      cmocka_unit_test(test_a_name_that_nobody_knows),
      cmocka_unit_test(test_an_interface_that_is_not_there),
      cmocka_unit_test(test_plain_server),
      cmocka_unit_test(test_ipv6),
      cmocka_unit_test(test_a_name),
      cmocka_unit_test(test_pre_shared_keys),
      cmocka_unit_test(test_a_lost_session),
      cmocka_unit_test(test_certificates),
      cmocka_unit_test(test_our_own_certificate),
      cmocka_unit_test(test_discovery),
      cmocka_unit_test(test_limits_of_links),
      cmocka_unit_test(test_multicast),
  };
  tt_log_open(TT_LOG_ERROR);
  const char *only = getenv("TT_ONLY");
  if (only)
    cmocka_set_test_filter(only);
  return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
