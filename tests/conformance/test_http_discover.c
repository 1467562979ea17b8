/* SPDX-License-Identifier: Apache-2.0
 * Discovery over HTTP: who answers, who does not, and who says something else than it should. */
#define _GNU_SOURCE /* http_peer.h */
#include "world.h"

#include "http_peer.h"

extern const struct tt_bridge_ops tt_bridge_http;

#define MAPPING                                                                                                    \
  "params: {n: {type: integer}}\nbase: \"http://127.0.0.1:1\"\npoints:\n  t: {get: /t, at: /t, type: number}\n"
#define PEERS 8

static struct http_peer peers[PEERS];
static struct world w;
static struct world_found found;

static void with_n(char *out, size_t size, unsigned n)
{
  snprintf(out, size, "n: %u", n);
}

/* Discovers at the first `n` peers, and `more` hosts, which begin with a comma. */
static void discover_at(unsigned n, const char *more, uint64_t us)
{
  struct tt_buf options TT_AUTOBUF = TT_BUF(0);
  tt_buf_puts(&options, "    discover: {hosts: [");
  for (unsigned i = 0; i < n; i++)
    tt_buf_printf(&options, "%s\"127.0.0.1:%u\"", i ? ", " : "", peers[i].port);
  tt_buf_printf(&options, "%s]}\n", more);
  world_open(&w, &tt_bridge_http,
             &(struct world_text){
                 .protocol = "http", .connection = options.data, .mapping = MAPPING, .with = with_n, .n = 1});
  world_discover(&w, us, &found);
}

static void end(unsigned n)
{
  world_close(&w);
  for (unsigned i = 0; i < n; i++)
    http_peer_stop(&peers[i]);
}

static void expect_line(unsigned peer, const char *format)
{
  char host[40], line[500];
  snprintf(host, sizeof host, "127.0.0.1:%u", peers[peer].port);
  snprintf(line, sizeof line, format, host, host);
  if (!strstr(found.all, line))
    fail_msg("no \"%s\" in:\n%s", line, found.all);
}

static bool answer_shelly(struct http_client *c)
{
  return strcmp(c->path, "/shelly") == 0 ? http_reply(c, "200 OK", "Server: Mongoose/6.18\r\n",
                                                      "{\"name\":\"Porch\",\"id\":\"shellyplus1pm-a\",\"mac\":"
                                                      "\"A8032ABE54DC\",\"model\":\"SNSW-001P16EU\","
                                                      "\"gen\":2,\"app\":\"Plus1PM\"}")
                                         : http_reply(c, "404 Not Found", "", "");
}

static bool answer_tasmota(struct http_client *c)
{
  return strcmp(c->path, "/cm?cmnd=Status%200") == 0
             ? http_reply(c, "200 OK", "",
                          "{\"Status\":{\"DeviceName\":\"Kettle\"},\"StatusFWR\":{\"Version\":\"13\"}}")
             : http_reply(c, "404 Not Found", "", "");
}

static bool answer_login(struct http_client *c)
{
  return http_reply(c, "401 Unauthorized", "Server: nginx\r\nWWW-Authenticate: Basic realm=\"x\"\r\n", "");
}

static bool answer_redirect(struct http_client *c)
{
  return http_reply(c, "302 Found", "Location: /shelly\r\n", "");
}

static void test_who_is_there(void **state)
{
  (void)state;
  bool (*const answers[])(struct http_client * c) = {answer_shelly, answer_tasmota, answer_login, answer_redirect};
  for (unsigned i = 0; i < TT_COUNT(answers); i++)
    http_peer_start(&peers[i], NULL, 0, answers[i], NULL);
  discover_at(TT_COUNT(answers), ", \"127.0.0.1:1\", no-such-host.invalid", 5000 * MS);
  assert_int_equal(found.error, 0);
  assert_int_equal(found.n, TT_COUNT(answers));
  expect_line(
      0, "%s \"Porch\" host=%s vendor=Shelly server=Mongoose/6.18 generation=2 model=SNSW-001P16EU app=Plus1PM "
         "name=Porch serial=A8032ABE54DC\n");
  expect_line(1, "%s \"Kettle\" host=%s vendor=Tasmota version=13 name=Kettle\n");
  assert_non_null(strstr(found.all, "server=nginx\n"));
  assert_int_equal(peers[0].requests, 1); /* nothing more than it takes */
  assert_int_equal(peers[1].requests, 2);
  assert_int_equal(peers[2].requests, 3);
  assert_int_equal(peers[3].requests, 3); /* not followed */
  end(TT_COUNT(answers));
}

static bool answer_nothing(struct http_client *c)
{
  http_hold(c, -1);
  return false;
}

static bool answer_garbage(struct http_client *c)
{
  http_say(c, "SSH-2.0-OpenSSH_9.2\r\n");
  return false;
}

static bool answer_flood(struct http_client *c)
{
  char text[1024];
  memset(text, ' ', sizeof text);
  http_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n{\"gen\":2}");
  while (http_put(c, text, sizeof text))
    ;
  return false;
}

static bool answer_hostile(struct http_client *c)
{
  return http_reply(c, "200 OK", "", "{\"gen\":2,\"name\":\"\\u001b[2J\\n \\\"\",\"model\":\"\\ud800\"}");
}

static void test_who_misbehaves(void **state)
{
  (void)state;
  bool (*const answers[])(struct http_client * c) = {answer_nothing, answer_garbage, answer_flood, answer_hostile,
                                                     answer_shelly};
  for (unsigned i = 0; i < TT_COUNT(answers); i++)
    http_peer_start(&peers[i], NULL, 0, answers[i], NULL);
  uint64_t begun_us = world_now();
  discover_at(TT_COUNT(answers), "", 10000 * MS);
  assert_true(world_now() - begun_us < 8000 * MS); /* the silent one costs its own time once */
  assert_int_equal(found.error, 0);
  expect_line(4, "%s \"Porch\" host=%s vendor=Shelly");
  assert_int_equal(peers[0].requests, 1);
  assert_null(strstr(found.all, "\033"));
  end(TT_COUNT(answers));
}

static void test_the_time_is_over(void **state)
{
  (void)state;
  http_peer_start(&peers[0], NULL, 0, answer_shelly, NULL);
  http_peer_start(&peers[1], NULL, 0, answer_nothing, NULL);
  discover_at(2, "", 500 * MS);
  assert_int_equal(found.error, 0);
  assert_int_equal(found.n, 1);
  world_discover(&w, 500 * MS, &found); /* and again */
  assert_int_equal(found.n, 1);
  end(2);
}

static void test_nobody_to_ask(void **state)
{
  (void)state;
  discover_at(0, "", 5000 * MS);
  assert_int_equal(found.error, -EOPNOTSUPP);
  assert_non_null(strstr(found.text, "discover: {hosts: ...}"));
  end(0);
}

/* More than are asked at a time, on addresses of this machine. */
static void test_a_network(void **state)
{
  (void)state;
  discover_at(0, "127.77.0.0/24", 10000 * MS);
  assert_int_equal(found.error, 0);
  end(0);
}

static unsigned n_done;
static void on_done(void *user TT_UNUSED, int error, const char *text TT_UNUSED)
{
  assert_int_equal(error, -ECANCELED);
  n_done++;
}
static void on_candidate(void *user TT_UNUSED, const struct tt_candidate *candidate TT_UNUSED)
{
}

static void test_the_gateway_stops(void **state)
{
  const struct tt_discovery_fns fns = {NULL, on_candidate, on_done};
  (void)state;
  http_peer_start(&peers[0], NULL, 0, answer_nothing, NULL);
  discover_at(1, "", 100 * MS);
  int before = peers[0].requests;
  assert_int_equal(tt_host_discover(w.host, BRIDGE, world_now() + 60000 * MS, &fns), 0);
  WAIT_FOR(&w, peers[0].requests > before);
  end(1);
  assert_int_equal(n_done, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_who_is_there),     cmocka_unit_test(test_who_misbehaves),
      cmocka_unit_test(test_the_time_is_over), cmocka_unit_test(test_nobody_to_ask),
      cmocka_unit_test(test_a_network),        cmocka_unit_test(test_the_gateway_stops),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
