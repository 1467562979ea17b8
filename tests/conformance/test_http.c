/* SPDX-License-Identifier: Apache-2.0
 * What the HTTP bridge alone can do: against a server played byte by byte (http_peer.h) and a real one (http_device.c). */
#define _GNU_SOURCE /* http_peer.h */
#include "world.h"

#include "http_device.h"
#include "http_peer.h"
#include "service/log.h"
#include "tls_certificate.h"

#include <limits.h>
#include <math.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

extern const struct tt_bridge_ops tt_bridge_http;

static struct http_peer peer;
static struct web web;
static struct world w;

/* ---- A world whose mapping the test gives ------------------------------------------------------------------------ */
static void with_n(char *out, size_t size, unsigned n)
{
  snprintf(out, size, "n: %u", n);
}

/* `%s` of the mapping is the URL of the server. */
static void open_at(const char *url, const char *options, const char *mapping)
{
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&text, "params: {n: {type: integer}}\nbase: \"%s\"\n%s", url, mapping);
  world_open(&w, &tt_bridge_http,
             &(struct world_text){
                 .protocol = "http", .connection = options, .mapping = text.data, .with = with_n, .n = 1});
}

static void open_peer(bool (*answer)(struct http_client *c), const char *mapping)
{
  char url[64];
  http_peer_start(&peer, NULL, 0, answer, NULL);
  snprintf(url, sizeof url, "http://127.0.0.1:%u", peer.port);
  open_at(url, "    connect_timeout: 2s\n", mapping);
}

static void close_peer(void)
{
  world_close(&w);
  http_peer_stop(&peer);
}

static struct answer read_point(const char *point, uint64_t us)
{
  struct answer a;
  assert_int_equal(world_read(&w, "d0", point, world_now() + us, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  return a;
}

static void read_good(const char *point)
{
  struct answer a = read_point(point, 5000 * MS);
  if (a.error != 0 || world_field_error(&w, "d0", point))
    fail_msg("%s: %d %s, %s", point, a.error, a.text, world_field_error(&w, "d0", point));
}

static const struct tt_field *field(const char *point)
{
  uint16_t i;
  assert_int_equal(tt_node_point(world_node(&w, "d0"), point, &i), 0);
  return &world_node(&w, "d0")->fields[i];
}

#define number(point)   world_number(&w, "d0", point)
#define error_of(point) (world_field_error(&w, "d0", point) ? world_field_error(&w, "d0", point) : "(no error)")

static void expect_error(const char *point, const char *what)
{
  struct answer a = read_point(point, 5000 * MS);
  const char *said = a.error ? a.text : error_of(point);
  if (!strstr(said, what))
    fail_msg("%s: %d, %s, not %s", point, a.error, said, what);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------- */
static atomic_int step; /* what the server is at; the test's own meaning */

static bool answer_tagged(struct http_client *c)
{
  char tag[50], since[50];
  if (http_header(c, "If-None-Match", tag, sizeof tag) && !strcmp(tag, "W/\"1\"") &&
      http_header(c, "If-Modified-Since", since, sizeof since) && !strcmp(since, "Sun, 06 Nov 1994 08:49:37 GMT")) {
    step++;
    return http_say(c, "HTTP/1.1 304 Not Modified\r\n\r\n");
  }
  return http_reply(c, "200 OK", "ETag: W/\"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                    "{\"a\": 1.50, \"b\": \"x\", \"t\": 1700000000}");
}

static void test_not_modified_confirms(void **state)
{
  (void)state;
  step = 0;
  open_peer(answer_tagged, "defaults: {get: /x, time: {at: /t, unit: s}}\n"
                           "points: {a: {at: /a, type: number, unit: W}, b: {at: /b, type: string}}\n");
  for (int i = 0; i < 4; i++) {
    uint64_t seen_us = world_seen(&w, "d0", "a"), other_us = world_seen(&w, "d0", "b");
    read_good("a");
    assert_true(number("a") == 1.5);
    assert_true(world_seen(&w, "d0", "a") > seen_us && world_seen(&w, "d0", "b") > other_us);
    assert_int_equal(field("a")->stamp_us, UINT64_C(1700000000000000)); /* the device's own time */
    assert_int_equal(field("a")->value.quantity.decimals, 2);
  }
  assert_true(step >= 3);
  close_peer();
}

static bool answer_busy(struct http_client *c)
{
  if (!strcmp(c->path, "/limit"))
    return http_reply(c, "429 Too Many Requests", "", "");
  return http_reply(c, "503 Service Unavailable", "Retry-After: 30\r\n", "");
}

static void test_retry_after(void **state)
{
  (void)state;
  open_peer(answer_busy, "points: {a: {get: /a, at: /a, type: number}, b: {get: /limit, at: /b, type: number}}\n");
  expect_error("a", "503 service unavailable; asked again in 30 s");
  expect_error("b", "429 too many requests; asked again in 10 s");
  int before = peer.requests;
  for (int i = 0; i < 3; i++) {
    expect_error("a", "left alone for another");
    expect_error("b", "left alone for another");
  }
  assert_int_equal(peer.requests, before);
  assert_true(world_is(&w, "online")); /* it answers */
  close_peer();
}

static bool answer_redirects(struct http_client *c)
{
  static const char *const rows[][2] = {
      {"/a", "/b"}, {"/b", "/c"}, {"/loop", "/loop"}, {"/out", "http://127.0.0.2/x"}};
  char header[100];
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (!strcmp(c->path, rows[i][0])) {
      snprintf(header, sizeof header, "Location: %s\r\n", rows[i][1]);
      return http_reply(c, "302 Found", header, "");
    }
  return http_reply(c, "200 OK", "", "{\"v\": 7}");
}

static void test_redirects(void **state)
{
  static const char points[] =
      "points: {a: {get: /a, at: /v, type: number}, loop: {get: /loop, at: /v, type: number},"
      " out: {get: /out, at: /v, type: number,"
      " write: {put: /a, text: \"${value}\"}}}\n";
  struct tt_buf with_two TT_AUTOBUF = TT_BUF(0);
  struct answer a;
  (void)state;
  tt_buf_printf(&with_two, "redirects: 2\n%s", points);
  open_peer(answer_redirects, with_two.data);
  read_good("a");
  assert_true(number("a") == 7);
  expect_error("loop", "too many redirects");
  expect_error("out", "a redirect to another host");
  int before = peer.requests;
  assert_int_equal(world_write(&w, "d0", "out", 1, world_now() + 5000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_non_null(strstr(a.text, "302 redirect, not followed"));
  assert_int_equal(peer.requests - before, 1);
  close_peer();
  open_peer(answer_redirects, points); /* none, when nothing is said */
  expect_error("a", "302 redirect, not followed");
  close_peer();
}

static bool answer_shared(struct http_client *c)
{
  return http_reply(c, "200 OK", "", "{\"a\": 1, \"b\": 2, \"c\": {\"d\": 3}, \"null\": null}");
}

static void test_one_request_for_many_points(void **state)
{
  struct answer a;
  (void)state;
  open_peer(answer_shared,
            "defaults: {get: /all}\npoints:\n"
            "  a: {at: /a, type: number}\n  b: {at: /b, type: number}\n  d: {at: /c/d, type: number}\n"
            "  none: {at: /none, type: number, missing: 5}\n  n: {at: /null, type: number, missing: absent}\n"
            "  list: {at: /c, type: number}\n  other: {get: /all, query: {x: 1}, at: /a, type: number}\n");
  int before = peer.requests;
  assert_int_equal(world_read_all(&w, "d0", world_now() + 5000 * MS, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  assert_int_equal(a.error, 0);
  assert_int_equal(peer.requests - before, 2);
  assert_true(number("a") == 1 && number("b") == 2 && number("d") == 3 && number("none") == 5 &&
              number("other") == 1);
  assert_true(isnan(number("n")));
  assert_non_null(strstr(error_of("list"), "is an object"));
  assert_non_null(strstr(error_of("list"), "GET http://127.0.0.1:"));
  close_peer();
}

static bool answer_formats(struct http_client *c)
{
  static const struct {
    const char *path, *body;
  } rows[] = {{"/xml", "<ws><p u='a'>1013.20</p><p u='b'>2</p></ws>"},
              {"/csv", "time;v\n2023-11-14 22:13:20;1.5\n2023-11-14 22:14:20;2.5\n"},
              {"/text", "21.50\r\n"},
              {"/doctype", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}};
  if (!strcmp(c->path, "/rpc"))
    return http_reply(c, "200 OK", "", strstr(c->body, "{\"method\":\"get\",\"id\":7}") ? "{\"v\": 9}" : "{}");
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (!strcmp(c->path, rows[i].path))
      return http_reply(c, "200 OK", "", rows[i].body);
  return http_reply(c, "404 Not Found", "", "");
}

static void test_formats(void **state)
{
  (void)state;
  open_peer(answer_formats,
            "headers: {X-Api-Key: abc, X-Empty: \"\"}\npoints:\n"
            "  xml: {get: /xml, format: xml, at: \"/ws/p[@u='a']\", type: number}\n"
            "  csv: {get: /csv, format: csv, at: v, csv: {separator: \";\"}, time: {at: time}, type: number}\n"
            "  text: {get: /text, format: text, type: number}\n"
            "  rpc: {post: /rpc, json: {method: get, id: 7}, at: /v, type: number}\n"
            "  doctype: {get: /doctype, format: xml, at: /a, type: string}\n"
            "  gone: {get: /gone, at: /a, type: number}\n");
  read_good("xml");
  assert_true(number("xml") == 1013.2);
  assert_true(http_peer_heard(&peer, "X-Api-Key: abc\r\n") && http_peer_heard(&peer, "X-Empty:"));
  read_good("csv");
  assert_true(number("csv") == 2.5);
  assert_int_equal(field("csv")->stamp_us, UINT64_C(1700000060000000));
  read_good("text");
  assert_true(number("text") == 21.5);
  read_good("rpc");
  assert_true(number("rpc") == 9);
  assert_true(http_peer_heard(&peer, "Content-Type: application/json\r\n"));
  expect_error("doctype", "document type");
  expect_error("gone", "404 not found (GET http://127.0.0.1:");
  close_peer();
}

static bool answer_now_and_then(struct http_client *c)
{
  return http_reply(c, "200 OK", "", step++ % 2 ? "{\"b\": 1}" : "{\"a\": 1}");
}

/* What has never been there is mistyped, or not this device's; what was there stays. */
static void test_places_where_nothing_is(void **state)
{
  (void)state;
  step = 0;
  open_peer(answer_now_and_then,
            "defaults: {get: /all}\npoints:\n  a: {at: /a, type: number}\n  x: {at: /x, type: number}\n"
            "  gone: {at: /y, type: number, missing: absent}\n");
  expect_error("x", "nothing is at /x of the answer (GET http://127.0.0.1:");
  read_good("a");
  read_good("a");
  assert_true(step >= 2 && number("a") == 1);
  assert_null(world_field_error(&w, "d0", "gone"));
  close_peer();
}

static char probed[2000];

static void on_probe(void *user, const char *key, uint16_t point, const char *text)
{
  size_t n = strlen(probed);
  (void)user;
  snprintf(probed + n, sizeof probed - n, "%s %d %s\n", key, point == TT_NO_POINT ? -1 : point, text);
}

static void test_what_a_probe_shows(void **state)
{
  (void)state;
  open_peer(answer_shared,
            "defaults: {get: /all}\npoints:\n  a: {at: /a, type: number}\n  x: {at: /x, type: number}\n"
            "  list: {at: /c, type: number}\n");
  probed[0] = 0;
  tt_host_listen(w.host, &(struct tt_found_hooks){.probe = on_probe});
  read_good("a");
  assert_non_null(strstr(probed, "d0 -1 GET http://127.0.0.1:"));
  assert_non_null(strstr(probed, "/all: 200, no type, "));
  assert_non_null(strstr(probed, ": {\"a\": 1, \"b\": 2"));
  assert_non_null(strstr(probed, "d0 0 says 1\nd0 1 nothing is at /x of the answer\nd0 2 is an object"));
  close_peer();
}

/* ---- Hostile servers ------------------------------------------------------------------------------------------------ */
static char block[16000]; /* of opening braces */

static bool answer_hostile(struct http_client *c)
{
  if (!strcmp(c->path, "/endless")) {
    http_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (http_put(c, block, sizeof block))
      ;
  } else if (!strcmp(c->path, "/headers")) {
    http_say(c, "HTTP/1.1 200 OK\r\n");
    while (http_say(c, "X: %01000d\r\n", 0))
      ;
  } else if (!strcmp(c->path, "/drip")) {
    http_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
    while (http_hold(c, 10) && http_say(c, " "))
      ;
  } else if (!strcmp(c->path, "/chunks")) {
    http_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n");
  } else if (!strcmp(c->path, "/garbage")) {
    http_say(c, "\x16\x03\x01\x02\xff\xff{}\r\n\r\n");
  } else if (!strcmp(c->path, "/deep")) {
    http_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    http_put(c, block, sizeof block);
  } else if (!strcmp(c->path, "/binary")) {
    http_say(c, "HTTP/1.1 200 OK\r\n\r\n\xff\xfe\xfd");
  } else if (!strcmp(c->path, "/good")) {
    return http_reply(c, "200 OK", "", "{\"v\": 1}");
  }
  return false;
}

/* What the process may grow by; a sanitizer keeps what was freed. */
#if defined(__SANITIZE_THREAD__)
#define GROWTH_KIB ULONG_MAX / 2
#elif defined(__SANITIZE_ADDRESS__)
#define GROWTH_KIB 100 * 1024
#else
#define GROWTH_KIB 16 * 1024
#endif

static unsigned long resident_kib(void)
{
  unsigned long size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  assert_true(file && fscanf(file, "%lu %lu", &size, &pages) == 2);
  fclose(file);
  return pages * 4;
}

static void test_hostile_servers(void **state)
{
  static const char *const rows[][2] = {{"endless", "too large"}, {"headers", "too large"},
                                        {"chunks", "broken"},     {"garbage", "not HTTP"},
                                        {"deep", "JSON"},         {"binary", "UTF-8"},
                                        {"drip", "in time"},      {"close", "closed without an answer"}};
  struct tt_buf mapping TT_AUTOBUF = TT_BUF(0);
  (void)state;
  memset(block, '{', sizeof block);
  tt_buf_puts(&mapping, "points:\n  good: {get: /good, at: /v, type: number}\n");
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    tt_buf_printf(&mapping, "  %s: {get: /%s, at: /v, type: number}\n", rows[i][0], rows[i][0]);
  open_peer(answer_hostile, mapping.data);
  unsigned long before = 0;
  unsigned fds = 0;
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < TT_COUNT(rows); i++) {
      bool is_slow = !strcmp(rows[i][0], "drip");
      if (is_slow && round > 2)
        continue;
      uint64_t begun_us = world_now(), most_us = is_slow ? 300 * MS : 5000 * MS;
      struct answer a = read_point(rows[i][0], most_us);
      const char *said = a.error ? a.text : error_of(rows[i][0]);
      if (!strstr(said, rows[i][1]))
        fail_msg("%s: %d, %s", rows[i][0], a.error, said);
      assert_true(world_now() - begun_us < most_us + 2000 * MS);
    }
    read_good("good");
    if (round == 4) {
      before = resident_kib();
      fds = world_fds();
    }
  }
  /* The servers have sent 64 KiB and more each time, and more than they are allowed. */
  print_message("resident: %lu KiB, then %lu KiB\n", before, resident_kib());
  assert_true(resident_kib() < before + (GROWTH_KIB));
  assert_true(world_fds() <= fds + 8);
  close_peer();
}

/* ---- Commands ------------------------------------------------------------------------------------------------------- */
/* `step` 0: good; 1: the connection is closed instead of an answer; 2: no answer. Others than PUT: good. */
static bool answer_command(struct http_client *c)
{
  static atomic_int level;
  if (!strcmp(c->method, "PUT") && step == 1)
    return false;
  if (!strcmp(c->method, "PUT") && step == 2)
    return http_hold(c, -1), false;
  if (!strcmp(c->method, "PUT"))
    level = atoi(c->body);
  if (!strcmp(c->path, "/refuses"))
    return http_reply(c, "200 OK", "", "{\"ok\": false}");
  char body[40];
  snprintf(body, sizeof body, "{\"v\": %d, \"ok\": true}", (int)level);
  return http_reply(c, strcmp(c->path, "/locked") ? "200 OK" : "403 Forbidden", "", body);
}

static struct answer write_point(const char *point, int64_t value, uint64_t us)
{
  struct answer a;
  assert_int_equal(world_write(&w, "d0", point, value, world_now() + us, &a), 0);
  WAIT_FOR(&w, a.calls > 0);
  return a;
}

static void test_commands_are_sent_once(void **state)
{
  (void)state;
  step = 0;
  open_peer(
      answer_command,
      "points:\n"
      "  v: {get: /v, at: /v, type: integer, write: {put: /v, text: \"${value}\", answer: {at: /ok, is: "
      "\"true\"}}}\n"
      "  refuses: {type: integer, write: {put: /refuses, text: \"${value}\", answer: {at: /ok, is: \"true\"}}}\n"
      "  locked: {type: integer, write: {put: /locked, text: \"${value}\"}}\n");
  read_good("v"); /* a connection is kept from here on */
  assert_int_equal(write_point("v", 5, 5000 * MS).error, 0);
  read_good("v");
  assert_true(number("v") == 5);
  struct answer a = write_point("refuses", 1, 5000 * MS);
  assert_int_equal(a.error, -EIO);
  assert_non_null(strstr(a.text, "the answer says \"false\" at /ok"));
  a = write_point("locked", 1, 5000 * MS);
  assert_int_equal(a.error, -EACCES);
  assert_non_null(strstr(a.text, "403 forbidden"));
  read_good("v");
  for (step = 1; step < 3; step++) {
    int before = peer.requests;
    a = write_point("v", 6, 300 * MS);
    assert_int_equal(a.error, step == 1 ? -ECONNRESET : -ETIMEDOUT);
    assert_non_null(strstr(a.text, "it is not known whether the device obeyed"));
    for (int i = 0; i < 5; i++)
      world_turn(&w, 10 * MS);
    assert_int_equal(peer.requests - before, 1);
  }
  step = 0;
  unsigned short port = peer.port;
  http_peer_stop(&peer);
  a = write_point("v", 7, 1000 * MS);
  assert_int_equal(a.error, -ECONNREFUSED);
  assert_null(strstr(a.text, "not known"));
  http_peer_start(&peer, NULL, port, answer_command, NULL);
  read_good("v");
  for (int i = 0; i < 5; i++)
    world_turn(&w, 10 * MS);
  assert_false(http_peer_heard(&peer, "PUT")); /* nothing was kept for later */
  close_peer();
}

/* `step`: GETs that have come. The first waits, and then tells what was before. */
static bool answer_old(struct http_client *c)
{
  if (!strcmp(c->method, "GET") && step++ == 0)
    return http_hold(c, 3000), http_reply(c, "200 OK", "", "{\"v\": 1, \"w\": 1}");
  return http_reply(c, "200 OK", "", "{\"v\": 2, \"w\": 2}");
}

static void test_old_answers_do_not_count(void **state)
{
  struct answer old;
  (void)state;
  step = 0;
  open_peer(answer_old,
            "defaults: {get: /v}\npoints: {v: {at: /v, type: integer, write: {put: /v, text: \"${value}\"}},"
            " w: {at: /w, type: integer}}\n");
  assert_int_equal(world_read(&w, "d0", "w", world_now() + 5000 * MS, &old), 0);
  WAIT_FOR(&w, step == 1);
  assert_int_equal(write_point("v", 2, 5000 * MS).error, 0);
  read_good("v");
  assert_true(number("v") == 2);
  WAIT_FOR(&w, old.calls > 0);
  assert_int_equal(old.error, 0);
  assert_true(number("w") == 2);
  close_peer();
}

static bool answer_hanging(struct http_client *c)
{
  step++;
  if (!strcmp(c->method, "GET"))
    return http_hold(c, -1), false;
  return http_reply(c, "200 OK", "", "");
}

/* More questions hang than there are connections for them; a command goes its own way. */
static void test_a_command_does_not_wait_for_questions(void **state)
{
  static const char *const points[] = {"a", "b", "c"};
  struct answer a[TT_COUNT(points)];
  (void)state;
  step = 0;
  open_peer(answer_hanging, "points: {a: {get: /a, at: /v, type: number}, b: {get: /b, at: /v, type: number},"
                            " c: {get: /c, at: /v, type: number},"
                            " v: {type: number, write: {put: /v, text: \"${value}\"}}}\n");
  for (size_t i = 0; i < TT_COUNT(points); i++)
    assert_int_equal(world_read(&w, "d0", points[i], world_now() + 10000 * MS, &a[i]), 0);
  WAIT_FOR(&w, step == 2); /* the third waits for a connection */
  assert_int_equal(write_point("v", 1, 5000 * MS).error, 0);
  for (size_t i = 0; i < TT_COUNT(points); i++)
    assert_int_equal(a[i].calls, 0);
  close_peer();
}

static bool answer_counted(struct http_client *c)
{
  char body[40];
  snprintf(body, sizeof body, "{\"v\": %d}", ++step);
  http_hold(c, 50);
  return http_reply(c, "200 OK", "", body);
}

/* A question that comes while another is answered is not answered by that. */
static void test_each_read_has_its_own_answer(void **state)
{
  struct answer a[3];
  (void)state;
  step = 0;
  open_peer(answer_counted, "points: {v: {get: /v, at: /v, type: integer}}\n");
  for (int i = 0; i < 3; i++) {
    assert_int_equal(world_read(&w, "d0", "v", world_now() + 5000 * MS, &a[i]), 0);
    WAIT_FOR(&w, step > 0);
  }
  for (int i = 0; i < 3; i++)
    WAIT_FOR(&w, a[i].calls > 0);
  assert_true(number("v") == step);
  close_peer();
}

/* ---- Login and TLS ---------------------------------------------------------------------------------------------------- */
static void test_login_at_a_real_server(void **state)
{
  static const char *const kinds[] = {"digest", "basic"};
  char url[64], mapping[600];
  (void)state;
  web = (struct web){0};
  web_start(&web);
  snprintf(url, sizeof url, "http://%s:%d", web.host, web.port);
  for (size_t i = 0; i < TT_COUNT(kinds); i++) {
    for (int is_right = 0; is_right < 2; is_right++) {
      snprintf(mapping, sizeof mapping,
               "auth: %s\nuser: user\npassword: %s\n"
               "points: {level: {get: /%s/level, at: /level, type: integer,"
               " write: {put: /%s/level, json: {level: \"${value}\"}}}}\n",
               kinds[i], is_right ? "secret" : "wrong", kinds[i], kinds[i]);
      open_at(url, "", mapping);
      unsigned long before = web_counts(&web).writes;
      if (is_right)
        read_good("level");
      else
        expect_error("level", "401 login not accepted");
      assert_int_equal(write_point("level", 3, 5000 * MS).error, is_right ? 0 : -EACCES);
      assert_int_equal(web_counts(&web).writes - before, is_right);
      world_close(&w);
    }
  }
  web_stop(&web);
}

static int any_certificate(int is_good, X509_STORE_CTX *store)
{
  (void)is_good, (void)store;
  return 1;
}

static void test_tls(void **state)
{
  static const struct {
    const char *name;
    long valid_s;
    bool is_trusted, wants_cert, has_cert;
    const char *error; /* NULL: good */
  } rows[] = {
      {"localhost", 3600, true, false, false, NULL},
      {"localhost", 3600, true, true, true, NULL},
      {"localhost", 3600, true, true, false, "lert"}, /* alert: certificate required */
      {"localhost", 3600, false, false, false, "self-signed"},
      {"other.test", 3600, true, false, false, "localhost"},
      {"localhost", -3600, true, false, false, "expired"},
  };
  char directory[] = "/tmp/tt-http-XXXXXX", ca[64], own[64], url[64], mapping[600];
  (void)state;
  assert_non_null(mkdtemp(directory));
  snprintf(ca, sizeof ca, "%s/ca.pem", directory);
  snprintf(own, sizeof own, "%s/own.pem", directory);
  SSL_CTX *mine = SSL_CTX_new(TLS_server_method());
  tls_certificate(mine, "gateway.test", 3600, own);
  FILE *file = fopen(own, "a");
  PEM_write_PrivateKey(file, SSL_CTX_get0_privatekey(mine), NULL, NULL, 0, NULL, NULL);
  fclose(file);
  SSL_CTX_free(mine);
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    tls_certificate(ctx, rows[i].name, rows[i].valid_s, ca);
    if (rows[i].wants_cert)
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
    http_peer_start(&peer, ctx, 0, answer_shared, NULL);
    snprintf(url, sizeof url, "https://localhost:%u", peer.port);
    snprintf(mapping, sizeof mapping, "%s%s%s%s%s\npoints: {a: {get: /a, at: /a, type: number}}\n",
             rows[i].is_trusted ? "ca: " : "", rows[i].is_trusted ? ca : "", rows[i].is_trusted ? "\n" : "",
             rows[i].has_cert ? "cert: " : "", rows[i].has_cert ? own : "");
    open_at(url, "", mapping);
    if (rows[i].error)
      expect_error("a", rows[i].error);
    else
      read_good("a");
    assert_int_equal(peer.requests, rows[i].error ? 0 : 1);
    close_peer();
    SSL_CTX_free(ctx);
  }
  unlink(ca);
  unlink(own);
  rmdir(directory);
}

/* ---- Events ------------------------------------------------------------------------------------------------------------ */
static void test_events_of_a_real_server(void **state)
{
  char url[64];
  (void)state;
  web = (struct web){0};
  web_start(&web);
  snprintf(url, sizeof url, "http://%s:%d", web.host, web.port);
  open_at(url, "",
          "events: {get: /events, retry: 100ms}\n"
          "points: {v: {type: number, push: {event: state, at: /v}}, all: {type: number, push: {at: /v}}}\n");
  WAIT_FOR(&w, web_counts(&web).streams == 1);
  web_tell(&web, "say state {\"v\": 1.5}");
  WAIT_FOR(&w, number("v") == 1.5 && number("all") == 1.5);
  web_tell(&web, "say other {\"v\": 2}");
  WAIT_FOR(&w, number("all") == 2);
  assert_true(number("v") == 1.5);
  web_tell(&web, "say state {broken");
  WAIT_FOR(&w, world_field_error(&w, "d0", "v"));
  assert_true(world_is(&w, "online"));
  char id[100];
  snprintf(id, sizeof id, "%s", web_counts(&web).id);
  assert_string_equal(id, "-"); /* the first time there was nothing to go on from */
  web_tell(&web, "close");
  WAIT_FOR(&w, web_counts(&web).streams == 2);
  assert_true(strcmp(web_counts(&web).id, "-") != 0);
  web_tell(&web, "say state {\"v\": 3}");
  WAIT_FOR(&w, number("v") == 3);
  web_stop(&web); /* and when it dies */
  WAIT_FOR(&w, world_is(&w, "offline"));
  web_start(&web);
  WAIT_FOR(&w, web_counts(&web).streams == 1);
  web_tell(&web, "say state {\"v\": 4}");
  WAIT_FOR(&w, number("v") == 4);
  world_close(&w);
  web_stop(&web);
}

/* `step` counts streams; each is wrong in another way, the fifth is good. */
static bool answer_streams(struct http_client *c)
{
  switch (step++) {
  case 0:
    return http_reply(c, "200 OK", "Content-Type: text/html\r\n", "data: {\"v\": 66}\n\n");
  case 1:
    return http_reply(c, "500 Oops", "", "data: {\"v\": 66}\n\n");
  case 2:
    http_say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ");
    while (http_put(c, block, sizeof block))
      ;
    return false;
  case 3: /* says nothing: idle */
    http_say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    return http_hold(c, -1), false;
  case 4:
    http_say(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\nretry: 1\nid: 5\ndata: "
                "{\"v\": 1}\n\n");
    return false;
  default:
    return http_reply(c, "204 No Content", "", "");
  }
}

static void test_streams_that_are_none(void **state)
{
  (void)state;
  step = 0;
  open_peer(answer_streams,
            "events: {get: /e, retry: 100ms, idle: 1s}\npoints: {v: {type: number, push: {at: /v}}}\n");
  WAIT_FOR(&w, number("v") == 1);
  WAIT_FOR(&w, step == 6); /* it wants no reader any more */
  assert_true(http_peer_heard(&peer, "Last-Event-ID: 5\r\n"));
  assert_true(number("v") == 1);
  for (int i = 0; i < 30; i++)
    world_turn(&w, 20 * MS);
  assert_int_equal(step, 6);
  close_peer();
}

/* ---- Webhooks ------------------------------------------------------------------------------------------------------------ */
static int free_port(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

static int hook_port;

static int hook_connect(void)
{
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)hook_port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

/* The whole answer to one request; the loop turns meanwhile. */
static const char *push(const char *head, const char *headers, const char *body)
{
  static char said[4096];
  char text[70000];
  size_t n = 0;
  int fd = hook_connect();
  int size =
      snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
               head, strlen(body), headers, body);
  assert_int_equal(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
  for (uint64_t end = world_now() + PATIENCE;;) {
    world_turn(&w, 5 * MS);
    ssize_t r = recv(fd, said + n, sizeof said - 1 - n, MSG_DONTWAIT);
    if (r == 0 || (r < 0 && errno != EAGAIN))
      break;
    n += r > 0 ? (size_t)r : 0;
    assert_true(world_now() < end);
  }
  close(fd);
  said[n] = 0;
  return said;
}

static int status_of(const char *said)
{
  int status = 0;
  sscanf(said, "HTTP/1.1 %d", &status);
  return status;
}

static void open_hooks(const char *listen, const char *mapping)
{
  char options[200];
  hook_port = free_port();
  snprintf(options, sizeof options, "    listen: {address: 127.0.0.1, port: %d%s}\n", hook_port, listen);
  open_at("http://127.0.0.1:1", options, mapping);
}

#define BEARER "Authorization: Bearer t0ken\r\n"

static const char *sign(const char *key, const char *body)
{
  static char header[200];
  unsigned char made[32];
  unsigned n = 0;
  HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)body, strlen(body), made, &n);
  int at = snprintf(header, sizeof header, "X-Hub-Signature-256: sha256=");
  for (unsigned i = 0; i < n; i++)
    at += snprintf(header + at, sizeof header - (size_t)at, "%02x", made[i]);
  snprintf(header + at, sizeof header - (size_t)at, "\r\n");
  return header;
}

static void test_webhooks(void **state)
{
  static const struct {
    const char *head, *headers;
  } denied[] = {
      {"POST /hook", ""},
      {"POST /hook", "Authorization: Bearer t0keN\r\n"},
      {"POST /hook", "Authorization: Basic t0ken\r\n"},
      {"PUT /hook", BEARER},
      {"GET /hook", BEARER},
      {"DELETE /hook", BEARER},
      {"POST /", BEARER},
      {"POST /hook/", BEARER},
      {"POST /hooks", BEARER},
      {"POST /../hook", BEARER},
  };
  char first[4096];
  (void)state;
  open_hooks("", "webhook: {path: /hook, token: t0ken}\npoints: {v: {type: number, push: {at: /v}}}\n");
  for (size_t i = 0; i < TT_COUNT(denied); i++) {
    const char *said = push(denied[i].head, denied[i].headers, "{\"v\": 66}");
    if (status_of(said) != 404)
      fail_msg("%s %s: %s", denied[i].head, denied[i].headers, said);
    char *date = strstr(said, "Date: "); /* the same for all, but for the time */
    if (date)
      memset(date, '-', strcspn(date, "\r"));
    if (i == 0)
      snprintf(first, sizeof first, "%s", said);
    assert_string_equal(said, first);
  }
  assert_true(isnan(number("v")));
  assert_int_equal(status_of(push("POST /hook", BEARER, "{\"v\": 1.5}")), 204);
  assert_true(number("v") == 1.5);
  assert_int_equal(status_of(push("POST /hook?x=y", BEARER, "{\"v\": 2}")), 204);
  assert_true(number("v") == 2);
  push("POST /hook", BEARER, "{broken");
  assert_non_null(strstr(error_of("v"), "JSON"));
  world_close(&w);
}

static void test_signed_webhooks(void **state)
{
  static const char body[] = "{\"v\": 7}";
  (void)state;
  open_hooks("", "webhook: {path: /hook, method: put, hmac: k3y, signature: X-Hub-Signature-256}\n"
                 "points: {v: {type: number, push: {at: /v}}}\n");
  assert_int_equal(status_of(push("PUT /hook", "", body)), 404);
  assert_int_equal(status_of(push("PUT /hook", sign("other", body), body)), 404);
  assert_int_equal(status_of(push("PUT /hook", sign("k3y", body), "{\"v\": 8}")), 404);
  assert_true(isnan(number("v")));
  assert_int_equal(status_of(push("PUT /hook", sign("k3y", body), body)), 204);
  assert_true(number("v") == 7);
  world_close(&w);
}

/* What somebody has recorded is not taken again; nor what is old. */
static void test_signed_pushes_are_taken_once(void **state)
{
  char body[100], before[200], header[300], *hex;
  long now = (long)time(NULL);
  static const long ages[] = {0, -240, 240, -400, 400};
  (void)state;
  open_hooks("", "webhook: {path: /hook, hmac: k3y, signature: X-Hub-Signature-256, time: {at: /sent, unit: s}}\n"
                 "points: {v: {type: number, push: {at: /v}}}\n");
  for (size_t i = 0; i < TT_COUNT(ages); i++) {
    bool is_good = ages[i] > -300 && ages[i] < 300;
    snprintf(body, sizeof body, "{\"v\": %zu, \"sent\": %ld}", i + 1, now + ages[i]);
    assert_int_equal(status_of(push("POST /hook", sign("k3y", body), body)), is_good ? 204 : 404);
    assert_int_equal(status_of(push("POST /hook", sign("k3y", body), body)), 404);
  }
  assert_true(number("v") == 3);
  assert_int_equal(status_of(push("POST /hook", sign("k3y", "{\"v\": 9}"), "{\"v\": 9}")), 404); /* says no time */
  assert_true(number("v") == 3);
  world_close(&w);
  open_hooks("",
             "webhook: {path: /hook, hmac: k3y, scheme: stripe}\npoints: {v: {type: number, push: {at: /v}}}\n");
  snprintf(before, sizeof before, "%ld.{\"v\": 1}", now);
  hex = strstr(sign("k3y", before), "sha256=") + 7;
  snprintf(header, sizeof header, "Stripe-Signature: t=%ld,v1=%s", now, hex);
  assert_int_equal(status_of(push("POST /hook", header, "{\"v\": 1}")), 204);
  assert_int_equal(status_of(push("POST /hook", header, "{\"v\": 1}")), 404);
  assert_true(number("v") == 1);
  world_close(&w);
}

static void test_webhooks_of_get(void **state)
{
  (void)state;
  open_hooks("", "webhook: {path: /hook, method: get, token: t0ken}\n"
                 "points: {t: {type: number, push: {at: /temp}}, on: {type: boolean, push: {at: /on}}}\n");
  assert_int_equal(status_of(push("GET /hook?temp=21.50&on=true&other=%ff", BEARER, "")), 204);
  assert_true(number("t") == 21.5 && number("on") == 1);
  /* A device that can only call a URL has its token there. */
  assert_int_equal(status_of(push("GET /hook?token=t0ken&temp=22", "", "")), 204);
  assert_true(number("t") == 22);
  assert_int_equal(status_of(push("GET /hook?token=t0keN&temp=66", "", "")), 404);
  assert_int_equal(status_of(push("GET /hook?temp=66", "", "")), 404);
  assert_true(number("t") == 22);
  world_close(&w);
}

static void test_limits_of_webhooks(void **state)
{
  static char body[2000];
  int fds[20];
  (void)state;
  memset(body, ' ', sizeof body - 1);
  open_hooks(", max_body: 1000, rate: 10000, connections: 16",
             "webhook: {path: /hook, token: t0ken, rate: 3}\npoints: {v: {type: number, push: {at: /v}}}\n");
  assert_int_equal(status_of(push("POST /hook", BEARER, body)), 413);
  assert_int_equal(status_of(push("POST /none", "", body)), 413); /* says nothing about the path */
  for (int i = 0; i < 3; i++)
    assert_int_equal(status_of(push("POST /hook", BEARER, "{\"v\": 1}")), 204);
  assert_int_equal(status_of(push("POST /hook", BEARER, "{\"v\": 2}")), 429);
  assert_true(number("v") == 1);
  /* Somebody who opens connections and says nothing: at most a quarter of them are his. */
  unsigned before = world_fds();
  for (size_t i = 0; i < TT_COUNT(fds); i++) {
    fds[i] = hook_connect();
    assert_true(send(fds[i], "POST /hook HTTP/1.1\r\n", 21, MSG_NOSIGNAL) > 0);
    world_turn(&w, 0);
  }
  for (int i = 0; i < 20; i++)
    world_turn(&w, 5 * MS);
  assert_true(world_fds() <= before + TT_COUNT(fds) + 4);
  for (size_t i = 0; i < TT_COUNT(fds); i++)
    close(fds[i]);
  world_close(&w);
  open_hooks(", rate: 2", "webhook: {path: /hook, token: t0ken}\npoints: {v: {type: number, push: {at: /v}}}\n");
  int refused = 0;
  for (int i = 0; i < 6; i++)
    refused += status_of(push("POST /hook", BEARER, "{\"v\": 1}")) == 429;
  assert_true(refused > 0);
  world_close(&w);
}

/* One push over TLS; the loop turns meanwhile. The status, or 0: TLS did not come about. */
static int push_tls(SSL_CTX *ctx, const char *name)
{
  static const char text[] =
      "POST /hook HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" BEARER "Content-Length: 8\r\n\r\n{\"v\": 4}";
  char said[4096] = "";
  bool is_sent = false, is_over = false;
  int fd = hook_connect();
  SSL *ssl = SSL_new(ctx);
  SSL_set_fd(ssl, fd);
  SSL_set1_host(ssl, name);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (uint64_t end = world_now() + PATIENCE; !is_over; assert_true(world_now() < end)) {
    world_turn(&w, 5 * MS);
    int r = SSL_is_init_finished(ssl) ? 1 : SSL_connect(ssl);
    if (r == 1 && !is_sent)
      is_sent = (r = SSL_write(ssl, text, sizeof text - 1)) > 0;
    else if (r == 1)
      r = SSL_read(ssl, said, sizeof said - 1);
    int why = SSL_get_error(ssl, r);
    is_over = *said || (r <= 0 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE);
  }
  SSL_free(ssl);
  close(fd);
  return status_of(said);
}

static void test_tls_of_the_listener(void **state)
{
  char directory[] = "/tmp/tt-http-XXXXXX", cert[64], key[64], listen[200];
  (void)state;
  assert_non_null(mkdtemp(directory));
  snprintf(cert, sizeof cert, "%s/cert.pem", directory);
  snprintf(key, sizeof key, "%s/key.pem", directory);
  SSL_CTX *mine = SSL_CTX_new(TLS_server_method());
  tls_certificate(mine, "gateway.test", 3600, cert);
  FILE *file = fopen(key, "w");
  PEM_write_PrivateKey(file, SSL_CTX_get0_privatekey(mine), NULL, NULL, 0, NULL, NULL);
  fclose(file);
  SSL_CTX_free(mine);
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  assert_int_equal(SSL_CTX_load_verify_locations(ctx, cert, NULL), 1);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  snprintf(listen, sizeof listen, ", cert: %s, key: %s", cert, key);
  open_hooks(listen, "webhook: {path: /hook, token: t0ken}\npoints: {v: {type: number, push: {at: /v}}}\n");
  assert_int_equal(push_tls(ctx, "other.test"), 0);
  assert_int_equal(status_of(push("POST /hook", BEARER, "{\"v\": 6}")), 0); /* not without */
  assert_true(isnan(number("v")));
  assert_int_equal(push_tls(ctx, "gateway.test"), 204);
  assert_true(number("v") == 4);
  SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  assert_int_equal(push_tls(ctx, "gateway.test"), 204);
  SSL_CTX_set_min_proto_version(ctx, TLS1_1_VERSION);
  SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
  assert_int_equal(push_tls(ctx, "gateway.test"), 0);
  world_close(&w);
  SSL_CTX_free(ctx);
  /* A pair that is none: nothing listens, above all not without TLS. */
  SSL_CTX *other = SSL_CTX_new(TLS_server_method());
  tls_certificate(other, "gateway.test", 3600, NULL);
  file = fopen(key, "w");
  PEM_write_PrivateKey(file, SSL_CTX_get0_privatekey(other), NULL, NULL, 0, NULL, NULL);
  fclose(file);
  SSL_CTX_free(other);
  for (int i = 0; i < 2; i++) {
    open_hooks(listen, "webhook: {path: /hook, token: t0ken}\npoints: {v: {type: number, push: {at: /v}}}\n");
    assert_true(world_is(&w, "disabled"));
    world_close(&w);
    assert_int_equal(truncate(key, 10), 0); /* no key */
  }
  unlink(key);
  unlink(cert);
  rmdir(directory);
}

static void test_an_address_that_is_taken(void **state)
{
  char options[200];
  (void)state;
  http_peer_start(&peer, NULL, 0, answer_shared, NULL);
  snprintf(options, sizeof options, "    listen: {address: 127.0.0.1, port: %u}\n", peer.port);
  open_at("http://127.0.0.1:1", options, "points: {v: {get: /v, at: /v, type: number}}\n");
  assert_true(world_is(&w, "disabled"));
  world_close(&w);
  http_peer_stop(&peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_modified_confirms),
      cmocka_unit_test(test_retry_after),
      cmocka_unit_test(test_redirects),
      cmocka_unit_test(test_one_request_for_many_points),
      cmocka_unit_test(test_formats),
      cmocka_unit_test(test_places_where_nothing_is),
      cmocka_unit_test(test_what_a_probe_shows),
      cmocka_unit_test(test_hostile_servers),
      cmocka_unit_test(test_commands_are_sent_once),
      cmocka_unit_test(test_old_answers_do_not_count),
      cmocka_unit_test(test_a_command_does_not_wait_for_questions),
      cmocka_unit_test(test_each_read_has_its_own_answer),
      cmocka_unit_test(test_login_at_a_real_server),
      cmocka_unit_test(test_tls),
      cmocka_unit_test(test_events_of_a_real_server),
      cmocka_unit_test(test_streams_that_are_none),
      cmocka_unit_test(test_webhooks),
      cmocka_unit_test(test_signed_webhooks),
      cmocka_unit_test(test_signed_pushes_are_taken_once),
      cmocka_unit_test(test_webhooks_of_get),
      cmocka_unit_test(test_limits_of_webhooks),
      cmocka_unit_test(test_tls_of_the_listener),
      cmocka_unit_test(test_an_address_that_is_taken),
  };
  tt_log_open(TT_LOG_ERROR);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
