/* SPDX-License-Identifier: Apache-2.0
 * Requests against servers on loopback that answer well, badly or never. */
#define _GNU_SOURCE /* http_peer.h */
#include "http_peer.h"
#include "tls_certificate.h"

#include "common/fetch.h"

#include <netdb.h>
#include <systemd/sd-event.h>

#define MS       TT_USEC_PER_MSEC
#define PATIENCE (20000 * MS)
#define AT_ONCE  (1000 * MS)

static struct sd_event *event;
static struct tt_fetch *fetch;
static struct http_peer peer;

static uint64_t now_us(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000;
}

/* ---- A resolver that can hang: curl's threads call this one ------------------------------------------------ */
static pthread_mutex_t resolver_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t resolver_change = PTHREAD_COND_INITIALIZER;
static bool is_resolver_stuck;
static uint32_t moving; /* the IPv4 address of moving.test; 0: none */
static unsigned in_resolver;

__attribute__((visibility("default"))) int getaddrinfo(const char *restrict node, const char *restrict service,
                                                       const struct addrinfo *restrict hints,
                                                       struct addrinfo **restrict ret)
{
  pthread_mutex_lock(&resolver_lock);
  in_resolver++;
  pthread_cond_broadcast(&resolver_change);
  while (is_resolver_stuck)
    pthread_cond_wait(&resolver_change, &resolver_lock);
  in_resolver--;
  pthread_cond_broadcast(&resolver_change);
  uint32_t address = moving;
  pthread_mutex_unlock(&resolver_lock);
  (void)hints;
  if (!address || strcmp(node, "moving.test") != 0)
    return EAI_NONAME;
  /* One block, as freeaddrinfo() of the C library expects. */
  struct addrinfo *info = calloc(1, sizeof *info + sizeof(struct sockaddr_in));
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_addr.s_addr = htonl(address),
                           .sin_port = htons((uint16_t)(service ? atoi(service) : 0))};
  *info = (struct addrinfo){.ai_family = AF_INET,
                            .ai_socktype = SOCK_STREAM,
                            .ai_protocol = IPPROTO_TCP,
                            .ai_addrlen = sizeof in,
                            .ai_addr = (struct sockaddr *)(info + 1)};
  memcpy(info->ai_addr, &in, sizeof in);
  *ret = info;
  return 0;
}

static void resolver_stick(bool is_stuck)
{
  pthread_mutex_lock(&resolver_lock);
  is_resolver_stuck = is_stuck;
  pthread_cond_broadcast(&resolver_change);
  while (!is_stuck && in_resolver)
    pthread_cond_wait(&resolver_change, &resolver_lock);
  pthread_mutex_unlock(&resolver_lock);
}

/* ---- Requests ---------------------------------------------------------------------------------------------- */
struct result {
  unsigned calls;
  int error, status;
  char text[TT_FETCH_TEXT], body[4096], etag[100], address[64];
  size_t size, chunked;
  unsigned chunks, chunks_max;
};

static void on_done(void *user, const struct tt_fetch_answer *answer)
{
  struct result *r = user;
  const char *etag = tt_fetch_header(answer->job, "etag");
  r->calls++;
  r->error = answer->error;
  r->status = answer->status;
  r->size = answer->size;
  assert_int_equal(answer->body[answer->size], 0);
  assert_true((answer->error == 0) == (*answer->text == 0));
  snprintf(r->text, sizeof r->text, "%s", answer->text);
  snprintf(r->body, sizeof r->body, "%s", answer->body);
  snprintf(r->etag, sizeof r->etag, "%s", etag ? etag : "");
  snprintf(r->address, sizeof r->address, "%s", answer->address);
}

static bool on_chunk(void *user, struct tt_fetch_job *job TT_UNUSED, const char *data TT_UNUSED, size_t n)
{
  struct result *r = user;
  r->chunked += n;
  return ++r->chunks != r->chunks_max;
}

static const char *url_of(const char *path)
{
  static char url[4096];
  snprintf(url, sizeof url, "http%s://127.0.0.1:%u%s", peer.ctx ? "s" : "", peer.port, path);
  return url;
}

static void turn(void)
{
  assert_true(sd_event_run(event, 20 * MS) >= 0);
}

static struct tt_fetch_request plain(struct result *result)
{
  *result = (struct result){0};
  return (struct tt_fetch_request){.done = on_done, .user = result, .total_us = PATIENCE};
}

static void run_request(struct tt_fetch_request *request, const char *path)
{
  struct result *result = request->user;
  request->url = path[0] == '/' ? url_of(path) : path;
  assert_int_equal(tt_fetch_start(fetch, request, NULL), 0);
  assert_int_equal(result->calls, 0);
  for (uint64_t end = now_us() + PATIENCE; !result->calls; turn())
    assert_true(now_us() < end);
  assert_int_equal(result->calls, 1);
}

static struct result get(const char *path)
{
  struct result result;
  struct tt_fetch_request request = plain(&result);
  run_request(&request, path);
  assert_int_equal(tt_fetch_jobs(fetch), 0);
  return result;
}

static atomic_int n_without_body; /* commands */

/* ---- The server -------------------------------------------------------------------------------------------- */
/* ---- Digest by SHA-256, as the second generation of Shelly wants it ---------------------------------------- */
#define SHELLY "shellyplus1pm-aabbccddeeff"

static void sha256(char out[static 65], const char *format, ...)
{
  char text[600];
  unsigned char made[32];
  va_list ap;
  va_start(ap, format);
  vsnprintf(text, sizeof text, format, ap);
  va_end(ap);
  EVP_Digest(text, strlen(text), made, NULL, EVP_sha256(), NULL);
  for (size_t i = 0; i < sizeof made; i++)
    snprintf(out + 2 * i, 3, "%02x", made[i]);
}

/* The value of a parameter of the header, with or without quotes. */
static const char *parameter(const char *header, const char *name, char out[static 100])
{
  const char *at = strstr(header, name);
  at = at ? at + strlen(name) : "";
  at += *at == '"';
  snprintf(out, 100, "%.*s", (int)strcspn(at, "\", \r"), at);
  return out;
}

static bool is_shelly_login(struct http_client *c)
{
  char header[600], nc[100], cnonce[100], response[100], ha1[65], ha2[65], wanted[65];
  if (!http_header(c, "Authorization", header, sizeof header))
    return false;
  parameter(header, " nc=", nc);
  parameter(header, " cnonce=", cnonce);
  parameter(header, " response=", response);
  sha256(ha1, "user:" SHELLY ":secret");
  sha256(ha2, "%s:/shelly", c->method);
  sha256(wanted, "%s:60dc2c69:%s:%s:auth:%s", ha1, nc, cnonce, ha2);
  return !strcmp(wanted, response);
}

static bool answer(struct http_client *c)
{
  static const char digest[] = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
  static const struct {
    const char *path, *status, *headers, *body;
  } rows[] = {
      {"/hello", "200 OK", "ETag: \"v1\"\r\nETag: \"v2\"\r\nContent-Type: text/plain\r\n", "hello"},
      {"/missing", "404 Not Found", "", "no"},
      {"/r1", "302 Found", "Location: /hello\r\n", ""},
      {"/loop", "301 Moved", "Location: /loop\r\n", ""},
      {"/away", "302 Found", "Location: http://127.0.0.2/\r\n", ""},
      {"/file", "302 Found", "Location: file:///etc/passwd\r\n", ""},
      {"/nowhere", "302 Found", "", ""},
  };
  for (size_t i = 0; i < TT_COUNT(rows); i++)
    if (!strcmp(c->path, rows[i].path))
      return http_reply(c, rows[i].status, rows[i].headers, rows[i].body);
  if (!strcmp(c->path, "/silent"))
    return http_hold(c, -1), false;
  if (!strcmp(c->path, "/large"))
    return http_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"), false;
  if (!strcmp(c->path, "/endless")) {
    static char block[16000];
    memset(block, 'x', sizeof block);
    http_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (http_put(c, block, sizeof block))
      ;
    return false;
  }
  if (!strcmp(c->path, "/headers")) {
    http_say(c, "HTTP/1.1 200 OK\r\n");
    while (http_say(c, "X-Filler: %0500d\r\n", 0))
      ;
    return false;
  }
  if (!strcmp(c->path, "/drip")) {
    http_say(c, "HTTP/1.1 200 OK\r\n\r\n");
    while (http_hold(c, 20) && http_say(c, "."))
      ;
    return false;
  }
  if (!strcmp(c->path, "/badchunk"))
    return http_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), false;
  if (!strcmp(c->path, "/hugechunk"))
    return http_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n"),
           false;
  if (!strcmp(c->path, "/packed"))
    return http_reply(c, "200 OK", "Content-Encoding: gzip\r\n", "\x1f\x8b\x08");
  if (!strcmp(c->path, "/notHTTP"))
    return http_say(c, "SSH-2.0-OpenSSH_9.2\r\n"), false;
  if (!strcmp(c->path, "/short"))
    return http_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), false;
  n_without_body += strcmp(c->method, "GET") != 0 && !*c->body;
  if (!strcmp(c->path, "/shelly"))
    return is_shelly_login(c) ? http_reply(c, "200 OK", "", c->body)
                              : http_reply(c, "401 Unauthorized",
                                           "WWW-Authenticate: Digest qop=\"auth\", realm=\"" SHELLY
                                           "\", nonce=\"60dc2c69\", algorithm=SHA-256\r\n",
                                           "");
  if (!strcmp(c->path, "/refused") || (!strcmp(c->path, "/digest") && !strstr(c->head, "Authorization: Digest")))
    return http_reply(c, "401 Unauthorized", digest, "");
  if (!strcmp(c->path, "/basic-only"))
    return http_reply(c, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
  if (!strcmp(c->path, "/echo") || !strcmp(c->path, "/digest"))
    return http_reply(c, "200 OK", "", c->body);
  return false; /* closes without a word */
}

static int setup(void **state)
{
  (void)state;
  assert_true(sd_event_new(&event) >= 0);
  assert_int_equal(tt_fetch_create(event, NULL, &fetch), 0);
  if (!peer.port)
    http_peer_start(&peer, NULL, 0, answer, NULL);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  tt_fetch_destroy(fetch);
  http_peer_stop(&peer);
  sd_event_unref(event);
  return 0;
}

/* ---- Tests ------------------------------------------------------------------------------------------------- */
static void test_answers(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) {
    struct result r = get("/hello");
    assert_int_equal(r.error, 0);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "hello");
    assert_string_equal(r.etag, "\"v2\"");
    assert_string_equal(r.address, "127.0.0.1");
  }
  assert_int_equal(peer.connections, 1); /* kept */
  struct result r = get("/missing");
  assert_int_equal(r.error, 0);
  assert_int_equal(r.status, 404);
}

static void test_methods_bodies_and_headers(void **state)
{
  static const char *const methods[] = {"POST", "PUT", "DELETE", "GET"}, *const headers[] = {"X-A: b"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(methods); i++) {
    struct result r;
    char line[40];
    struct tt_fetch_request request = plain(&r);
    request.method = methods[i];
    request.headers = headers;
    request.n_headers = 1;
    request.body = i < 2 ? "{\"a\":1}" : NULL;
    request.body_size = i < 2 ? 7 : 0;
    run_request(&request, "/echo");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, i < 2 ? "{\"a\":1}" : "");
    snprintf(line, sizeof line, "%s /echo HTTP/1.1\r\n", methods[i]);
    assert_true(http_peer_heard(&peer, line));
    assert_true(http_peer_heard(&peer, "X-A: b\r\n"));
    assert_false(http_peer_heard(&peer, "Expect:"));
    assert_false(http_peer_heard(&peer, "Accept-Encoding:"));
  }
}

/* A connection that will not be used again is not kept: small devices have few of them. */
static void test_once(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) {
    struct result r;
    struct tt_fetch_request request = plain(&r);
    request.is_once = true;
    run_request(&request, "/hello");
    assert_int_equal(r.status, 200);
    assert_int_equal(peer.connections, i + 1);
    for (uint64_t end = now_us() + PATIENCE; http_peer_open(&peer) > 0; turn())
      assert_true(now_us() < end);
  }
}

static void test_credentials(void **state)
{
  (void)state;
  struct result r;
  struct tt_fetch_request request = plain(&r);
  request.auth = TT_FETCH_BASIC;
  request.user_name = "user:with";
  request.password = "pass";
  run_request(&request, "/hello");
  assert_true(http_peer_heard(&peer, "Authorization: Basic dXNlcjp3aXRoOnBhc3M=\r\n"));
  request = plain(&r);
  request.auth = TT_FETCH_BEARER;
  request.password = "token";
  run_request(&request, "/hello");
  assert_true(http_peer_heard(&peer, "Authorization: Bearer token\r\n"));
  get("/hello"); /* on the same connection, and nothing of it is left */
  assert_false(http_peer_heard(&peer, "Authorization:"));
  assert_int_equal(peer.connections, 1);
}

/* Who asks for no login is not told that there is one, and hears a command once, as it is: one without its body is
 * another command. */
/* Neither a proxy nor a login comes from the environment of whoever starts the gateway. */
static void test_the_environment_has_no_say(void **state)
{
  char home[] = "/tmp/thingtree-home-XXXXXX", netrc[sizeof home + 10];
  (void)state;
  assert_non_null(mkdtemp(home));
  snprintf(netrc, sizeof netrc, "%s/.netrc", home);
  FILE *f = fopen(netrc, "we");
  assert_non_null(f);
  fputs("default login somebody password secret\n", f);
  fclose(f);
  setenv("HOME", home, 1);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  setenv("all_proxy", "http://127.0.0.1:1", 1);
  struct result r = get("/hello");
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  unlink(netrc);
  rmdir(home);
  assert_int_equal(r.status, 200);
  assert_false(http_peer_heard(&peer, "Authorization:"));
}

/* Nothing is unpacked: a few bytes could become many. */
static void test_packed_answers_stay_packed(void **state)
{
  (void)state;
  struct result r = get("/packed");
  assert_int_equal(r.status, 200);
  assert_int_equal(r.size, 3);
  assert_string_equal(r.body, "\x1f\x8b\x08");
}

static void test_digest(void **state)
{
  static const struct {
    const char *method, *path;
    int requests, status;
  } rows[] = {
      {"PUT", "/echo", 1, 200},    {"POST", "/echo", 1, 200},    {"PUT", "/digest", 2, 200},
      {"POST", "/digest", 2, 200}, {"POST", "/refused", 2, 401}, {"POST", "/basic-only", 1, 401},
      {"GET", "/digest", 2, 200},  {"GET", "/shelly", 2, 200},   {"POST", "/shelly", 2, 200},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct result r;
    struct tt_fetch_request request = plain(&r);
    int before = peer.requests;
    bool has_body = strcmp(rows[i].method, "GET") != 0;
    request.method = rows[i].method;
    request.body = has_body ? "on" : NULL;
    request.body_size = has_body ? 2 : 0;
    request.is_once = has_body;
    request.auth = TT_FETCH_DIGEST;
    request.user_name = "user";
    request.password = "secret";
    n_without_body = 0;
    run_request(&request, rows[i].path);
    assert_int_equal(r.error, 0);
    assert_int_equal(r.status, rows[i].status);
    assert_int_equal(peer.requests - before, rows[i].requests);
    assert_int_equal(n_without_body, 0);
    if (rows[i].status == 200)
      assert_string_equal(r.body, has_body ? "on" : "");
    assert_int_equal(http_peer_heard(&peer, "Authorization: Digest username=\"user\""), rows[i].requests == 2);
  }
}

static void test_faults(void **state)
{
  static const struct {
    const char *path;
    int error;
    const char *text;
  } rows[] = {
      {"/large", -EMSGSIZE, "too large"},
      {"/endless", -EMSGSIZE, "too large"},
      {"/headers", -EMSGSIZE, "too large"},
      {"/badchunk", -EPROTO, "broken"},
      {"/hugechunk", -EPROTO, "broken"},
      {"/notHTTP", -EPROTO, "not HTTP"},
      {"/short", -ECONNRESET, "within the answer"},
      {"/close", -ECONNRESET, "closed without an answer"},
      {"ftp://127.0.0.1/", -EINVAL, "neither"},
      {"http://user@127.0.0.1/", -EIO, ""},
      {"http://nowhere.test/", -ENOENT, "no such host name"},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct result r = get(rows[i].path);
    if (r.error != rows[i].error || !strstr(r.text, rows[i].text))
      fail_msg("%s: %d, %s", rows[i].path, r.error, r.text);
    assert_true(r.size <= TT_FETCH_BODY_MAX);
  }
}

static void test_body_limit(void **state)
{
  (void)state;
  struct result r;
  struct tt_fetch_request request = plain(&r);
  request.body_max = 5;
  run_request(&request, "/hello");
  assert_int_equal(r.error, 0);
  request = plain(&r);
  request.body_max = 4;
  run_request(&request, "/hello");
  assert_int_equal(r.error, -EMSGSIZE);
}

static void test_time(void **state)
{
  static const char *const paths[] = {"/silent", "/drip"};
  (void)state;
  for (size_t i = 0; i < TT_COUNT(paths); i++) {
    struct result r;
    struct tt_fetch_request request = plain(&r);
    uint64_t begun_us = now_us();
    request.total_us = 200 * MS;
    run_request(&request, paths[i]);
    assert_int_equal(r.error, -ETIMEDOUT);
    assert_true(now_us() - begun_us >= 190 * MS && now_us() - begun_us < 200 * MS + AT_ONCE);
  }
}

static void test_nobody_listens(void **state)
{
  char url[64];
  (void)state;
  unsigned short port = peer.port;
  http_peer_stop(&peer);
  snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
  struct result r = get(url);
  assert_int_equal(r.error, -ECONNREFUSED);
  assert_string_equal(r.text, "Connection refused");
}

static void test_redirects(void **state)
{
  static const struct {
    const char *path;
    unsigned redirects;
    int error, status;
  } rows[] = {
      {"/r1", 0, 0, 302},        {"/r1", 1, 0, 200},        {"/loop", 3, -ELOOP, 301}, {"/loop", 99, -ELOOP, 301},
      {"/away", 3, -EPERM, 302}, {"/file", 3, -EPERM, 302}, {"/nowhere", 3, 0, 302},
  };
  (void)state;
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    struct result r;
    struct tt_fetch_request request = plain(&r);
    int before = peer.requests;
    request.redirects = rows[i].redirects;
    run_request(&request, rows[i].path);
    if (r.error != rows[i].error || r.status != rows[i].status)
      fail_msg("%s, %u: %d, %d, %s", rows[i].path, rows[i].redirects, r.error, r.status, r.text);
    assert_true(peer.requests - before <= 1 + (int)TT_FETCH_REDIRECTS);
  }
  /* A command is never carried on to another place. */
  struct result r;
  struct tt_fetch_request request = plain(&r);
  int before = peer.requests;
  request.method = "POST";
  request.body = "x";
  request.body_size = 1;
  request.redirects = 3;
  run_request(&request, "/r1");
  assert_int_equal(r.status, 302);
  assert_int_equal(peer.requests - before, 1);
}

static void test_address_rule(void **state)
{
  static const char *const other[] = {"127.0.0.2"}, *const here[] = {"127.0.0.1"};
  (void)state;
  get("/hello"); /* leaves a connection behind, which must not let the forbidden ones through */
  int before = peer.requests;
  struct result r;
  struct tt_fetch_request request = plain(&r);
  request.rule = (struct tt_address_rule){.kind = TT_ADDRESS_FOREIGN};
  run_request(&request, "/hello");
  assert_int_equal(r.error, -EPERM);
  request = plain(&r);
  request.rule = (struct tt_address_rule){TT_ADDRESS_LISTED, other, 1};
  run_request(&request, "/hello");
  assert_int_equal(r.error, -EPERM);
  assert_int_equal(peer.requests, before);
  assert_int_equal(peer.connections, 1);
  request = plain(&r);
  request.rule = (struct tt_address_rule){TT_ADDRESS_FOREIGN, here, 1};
  run_request(&request, "/hello");
  assert_int_equal(r.error, 0);
}

static void test_cancel(void **state)
{
  (void)state;
  struct result r;
  struct tt_fetch_job *job = NULL;
  struct tt_fetch_request request = plain(&r);
  request.url = url_of("/silent");
  int before = peer.requests;
  assert_int_equal(tt_fetch_start(fetch, &request, &job), 0);
  for (uint64_t end = now_us() + PATIENCE; peer.requests == before; turn())
    assert_true(now_us() < end);
  tt_fetch_cancel(job);
  tt_fetch_cancel(NULL);
  assert_int_equal(tt_fetch_jobs(fetch), 0);
  assert_int_equal(get("/hello").status, 200);
  assert_int_equal(r.calls, 0);
}

static void test_many_at_one_host(void **state)
{
  static struct result results[50];
  struct tt_fetch_request request;
  size_t done = 0;
  (void)state;
  for (size_t i = 0; i < TT_COUNT(results); i++) {
    request = plain(&results[i]);
    request.url = url_of("/hello");
    assert_int_equal(tt_fetch_start(fetch, &request, NULL), 0);
  }
  for (uint64_t end = now_us() + PATIENCE; done < TT_COUNT(results); turn()) {
    assert_true(now_us() < end);
    done = 0;
    for (size_t i = 0; i < TT_COUNT(results); i++)
      done += results[i].calls;
  }
  for (size_t i = 0; i < TT_COUNT(results); i++)
    assert_int_equal(results[i].status, 200);
  assert_true(peer.connections <= 2);
}

static void test_stream(void **state)
{
  (void)state;
  struct result r;
  struct tt_fetch_request request = plain(&r);
  request.chunk = on_chunk;
  r.chunks_max = 20;
  request.total_us = 0;
  run_request(&request, "/endless");
  assert_int_equal(r.error, -ECANCELED);
  assert_int_equal(r.chunks, 20);
  assert_int_equal(r.size, 0);
  request = plain(&r);
  request.chunk = on_chunk;
  run_request(&request, "/missing"); /* an error page is no part of the stream */
  assert_int_equal(r.status, 404);
  assert_int_equal(r.chunked, 0);
  request = plain(&r);
  request.chunk = on_chunk;
  request.total_us = 0;
  request.idle_us = 1000 * MS;
  run_request(&request, "/silent");
  assert_int_equal(r.error, -ETIMEDOUT);
}

static struct result other_result;
static bool is_other_started;

static bool on_chunk_start(void *user TT_UNUSED, struct tt_fetch_job *job, const char *data TT_UNUSED,
                           size_t n TT_UNUSED)
{
  if (!is_other_started) {
    struct tt_fetch_request request = plain(&other_result);
    request.url = url_of("/hello");
    assert_int_equal(tt_fetch_start(fetch, &request, NULL), 0);
    assert_non_null(tt_fetch_header(job, "etag"));
  }
  is_other_started = true;
  return true;
}

/* What a chunk says may lead to another request. */
static void test_a_chunk_may_start_others(void **state)
{
  (void)state;
  struct result r;
  struct tt_fetch_request request = plain(&r);
  is_other_started = false;
  request.chunk = on_chunk_start;
  run_request(&request, "/hello");
  for (uint64_t end = now_us() + PATIENCE; !other_result.calls; turn())
    assert_true(now_us() < end);
  assert_int_equal(other_result.status, 200);
  assert_int_equal(r.error, 0);
}

/* A name server that does not answer holds up neither the loop nor an end. */
static void move(uint32_t address)
{
  pthread_mutex_lock(&resolver_lock);
  moving = address;
  pthread_mutex_unlock(&resolver_lock);
}

/* A device has another address now: it is found with the next request, whatever the name was before. */
static void test_a_name_that_moves(void **state)
{
  struct result r;
  struct tt_fetch_request request = plain(&r);
  char url[64];
  (void)state;
  snprintf(url, sizeof url, "http://moving.test:%u/hello", peer.port);
  move(INADDR_LOOPBACK + 8); /* nobody listens there */
  run_request(&request, url);
  assert_int_equal(r.error, -ECONNREFUSED);
  move(INADDR_LOOPBACK);
  request = plain(&r);
  run_request(&request, url);
  assert_int_equal(r.error, 0);
  assert_string_equal(r.address, "127.0.0.1");
  /* Somebody else has the old address, who would take the command. */
  move(INADDR_LOOPBACK + 8);
  request = plain(&r);
  request.is_once = true;
  run_request(&request, url);
  assert_int_equal(r.error, -ECONNREFUSED);
  move(0);
}

/* Also when the old one goes on answering. */
static void test_age_of_a_connection(void **state)
{
  struct result r;
  struct tt_fetch_request request;
  const struct tt_fetch_limits limits = {.age_s = 1};
  (void)state;
  tt_fetch_destroy(fetch);
  assert_int_equal(tt_fetch_create(event, &limits, &fetch), 0);
  int before = peer.connections, requests = 0;
  for (uint64_t end = now_us() + PATIENCE; peer.connections < before + 2; requests++) {
    assert_true(now_us() < end);
    request = plain(&r);
    run_request(&request, "/hello");
    assert_int_equal(r.error, 0);
  }
  assert_true(requests > 2); /* kept meanwhile */
}

static void test_a_name_that_does_not_resolve(void **state)
{
  (void)state;
  struct result r, other;
  struct tt_fetch_job *job;
  struct tt_fetch_request request = plain(&r);
  resolver_stick(true);
  request.url = "http://stuck.test/";
  request.total_us = 200 * MS;
  uint64_t begun_us = now_us();
  assert_int_equal(tt_fetch_start(fetch, &request, NULL), 0);
  struct tt_fetch_request next = plain(&other);
  run_request(&next, "http://[::1");
  assert_int_equal(other.error, -EINVAL);
  for (uint64_t end = now_us() + PATIENCE; !r.calls; turn())
    assert_true(now_us() < end);
  assert_int_equal(r.error, -ETIMEDOUT);
  assert_true(now_us() - begun_us < 200 * MS + AT_ONCE);
  request = plain(&r);
  request.url = "http://stuck2.test/";
  assert_int_equal(tt_fetch_start(fetch, &request, &job), 0);
  turn();
  begun_us = now_us();
  tt_fetch_cancel(job);
  assert_true(now_us() - begun_us < AT_ONCE);
  request.url = "http://stuck3.test/";
  assert_int_equal(tt_fetch_start(fetch, &request, &job), 0);
  turn();
  begun_us = now_us();
  tt_fetch_destroy(TT_STEAL(fetch));
  assert_true(now_us() - begun_us < AT_ONCE);
  assert_int_equal(r.calls, 0);
  resolver_stick(false);
}

/* ---- TLS ---------------------------------------------------------------------------------------------------- */
static void test_tls(void **state)
{
  static const struct {
    const char *name;
    long valid_s;
    bool is_trusted;
    int error;
    const char *text;
  } rows[] = {
      {"localhost", 3600, true, 0, ""},
      {"localhost", 3600, false, -EACCES, "self-signed"},
      {"other.test", 3600, true, -EACCES, "localhost"},
      {"localhost", -3600, true, -EACCES, "expired"},
  };
  (void)state;
  char pem[] = "/tmp/tt-fetch-XXXXXX";
  int fd = mkstemp(pem);
  close(fd);
  for (size_t i = 0; i < TT_COUNT(rows); i++) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct result r;
    char url[64];
    http_peer_stop(&peer);
    tls_certificate(ctx, rows[i].name, rows[i].valid_s, pem);
    http_peer_start(&peer, ctx, 0, answer, NULL);
    struct tt_fetch_request request = plain(&r);
    request.ca = rows[i].is_trusted ? pem : NULL;
    request.auth = TT_FETCH_BASIC;
    request.user_name = request.password = "secret";
    snprintf(url, sizeof url, "https://localhost:%u/hello", peer.port); /* curl knows this name by itself */
    run_request(&request, url);
    if (r.error != rows[i].error || !strstr(r.text, rows[i].text))
      fail_msg("row %zu: %d, %s", i, r.error, r.text);
    assert_int_equal(peer.requests, r.error ? 0 : 1);
    http_peer_stop(&peer);
    SSL_CTX_free(ctx);
    peer.ctx = NULL;
  }
  unlink(pem);
  struct result r;
  struct tt_fetch_request request = plain(&r);
  http_peer_start(&peer, NULL, 0, answer, NULL);
  request.ca = "/nonexistent/ca.pem";
  char url[64];
  snprintf(url, sizeof url, "https://127.0.0.1:%u/hello", peer.port);
  run_request(&request, url);
  assert_int_equal(r.error, -EFAULT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      T(test_answers),
      T(test_methods_bodies_and_headers),
      T(test_once),
      T(test_credentials),
      T(test_the_environment_has_no_say),
      T(test_packed_answers_stay_packed),
      T(test_digest),
      T(test_faults),
      T(test_body_limit),
      T(test_time),
      T(test_nobody_listens),
      T(test_redirects),
      T(test_address_rule),
      T(test_cancel),
      T(test_many_at_one_host),
      T(test_stream),
      T(test_tls),
      T(test_a_chunk_may_start_others),
      T(test_a_name_that_moves),
      T(test_age_of_a_connection),
      T(test_a_name_that_does_not_resolve),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
