/* SPDX-License-Identifier: Apache-2.0
 * The listener for webhooks: libmicrohttpd without threads of its own, in the loop. Default deny, and all who are denied
 * hear the same: 404. The body is taken and thrown away for every path alike, so that nobody learns from it which
 * path somebody listens on. */
#include "common/clock.h"
#include "http.h"
#include "sender.h"

#include <arpa/inet.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <strings.h>
#include <systemd/sd-event.h>
#include <utlist.h>

#define IDLE_S     10u          /* a connection that says nothing */
#define MEMORY_MAX (32u * 1024) /* of one connection, headers included */
#define PEM_MAX    (64u * 1024) /* of the certificates, and of the key */
#define QUERY_MAX  64           /* names in the query of a get webhook */
#define SECOND_US  TT_USEC_PER_SEC
#define MINUTE_US  (60 * TT_USEC_PER_SEC)

struct http_hook {
  struct http *http;
  struct MHD_Daemon *daemon;
  struct MHD_Response *empty;
  struct sd_event_source *io, *timer;
  struct http_meter all;
  struct http_meter refused; /* since the last time that it was said */
  size_t max_body;
};

/* What has come of one request. */
struct push {
  struct tt_buf body;
  bool is_refused; /* too many, or too large: answered already */
};

static bool is_within(struct http_meter *meter, uint64_t span_us, int64_t most)
{
  uint64_t now = tt_clock_us();
  if (now - meter->begun_us >= span_us)
    *meter = (struct http_meter){.begun_us = now};
  return meter->n++ < most;
}

/* ---- One request --------------------------------------------------------------------------------------- */
static enum MHD_Result say(struct http_hook *hook, struct MHD_Connection *connection, unsigned status)
{
  return MHD_queue_response(connection, status, hook->empty);
}

/* Nobody, or somebody with a wrong token: said once a minute, to the owner only. */
static enum MHD_Result refuse_sender(struct http_hook *hook, struct MHD_Connection *connection)
{
  char from[INET6_ADDRSTRLEN] = "?";
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  uint64_t now = tt_clock_us();
  hook->refused.n++;
  if (hook->refused.begun_us && now - hook->refused.begun_us < MINUTE_US)
    return say(hook, connection, MHD_HTTP_NOT_FOUND);
  if (info)
    getnameinfo(info->client_addr,
                info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
                from, sizeof from, NULL, 0, NI_NUMERICHOST);
  tt_bridge_log(hook->http->bridge, TT_LOG_WARNING, "pushes refused: %lld, the last from %s",
                (long long)hook->refused.n, from);
  hook->refused = (struct http_meter){.begun_us = now};
  return say(hook, connection, MHD_HTTP_NOT_FOUND);
}

static struct http_device *device_of(struct http_hook *hook, const char *method, const char *path)
{
  static const char *const methods[] = {
      [HTTP_HOOK_POST] = "POST", [HTTP_HOOK_PUT] = "PUT", [HTTP_HOOK_GET] = "GET"};
  struct http_device *d;
  DL_FOREACH(hook->http->devices, d) {
    const struct http_webhook *webhook = &d->options->webhook;
    if (webhook->path && !strcmp(webhook->path, path) && !strcmp(methods[webhook->method], method))
      return d;
  }
  return NULL;
}

static enum MHD_Result add_argument(void *user, enum MHD_ValueKind kind, const char *name, const char *value)
{
  struct json_object *json = user;
  (void)kind;
  if (json_object_object_length(json) < QUERY_MAX && strcmp(name, "token") != 0 &&
      tt_utf8_is_valid(name, strlen(name)) && (!value || tt_utf8_is_valid(value, strlen(value))))
    json_object_object_add(json, name, json_object_new_string(value ? value : ""));
  return MHD_YES;
}

/* The values of a get webhook stand in its query. */
static void take_query(struct http_device *d, struct MHD_Connection *connection)
{
  struct json_object *json = json_object_new_object();
  if (!json)
    return;
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, json);
  size_t n;
  const char *text = json_object_to_json_string_length(json, JSON_C_TO_STRING_PLAIN, &n);
  http_device_pushed(d, NULL, text, n);
  json_object_put(json);
}

/* A device that can only call a URL has its token there, as one that can set a header has it in that. */
static const char *token_of(struct MHD_Connection *connection, const struct http_webhook *webhook, char *out,
                            size_t size)
{
  const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"), *token;
  if (header || webhook->method != HTTP_HOOK_GET)
    return header;
  token = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token");
  return token && snprintf(out, size, "Bearer %s", token) < (int)size ? out : NULL;
}

/* What is signed with its time is taken once, and near that time; what somebody has recorded is not news. -errno */
static int take_once(struct http_device *d, const struct http_claim *claim, struct http_proof *proof)
{
  const struct http_webhook *webhook = &d->options->webhook;
  if (webhook->time.at) {
    int r = http_push_time(claim->body, claim->size, &webhook->time, &proof->sent_us);
    if (r < 0)
      return r;
  } else if (webhook->scheme == HTTP_HOOK_BODY) {
    return 0;
  }
  return http_seen_take(&d->seen, proof, tt_bridge_now(d->http->bridge).wall_us, webhook->tolerance_us);
}

static enum MHD_Result decide(struct http_hook *hook, struct MHD_Connection *connection, const char *method,
                              const char *path, const struct push *push)
{
  struct http_device *d = device_of(hook, method, path);
  const char *body = push->body.data ? push->body.data : "";
  char token[TT_TEXT_MAX];
  struct http_proof proof = {0};
  if (!d)
    return refuse_sender(hook, connection);
  const struct http_webhook *webhook = &d->options->webhook;
  const struct http_claim claim = {
      .authorization = token_of(connection, webhook, token, sizeof token),
      .signature = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, http_sender_header(webhook)),
      .id = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "webhook-id"),
      .time = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "webhook-timestamp"),
      .body = body,
      .size = push->body.len};
  if (!http_sender_is_right(webhook, &claim, &proof))
    return refuse_sender(hook, connection);
  if (!is_within(&d->pushes, MINUTE_US, webhook->rate))
    return say(hook, connection, MHD_HTTP_TOO_MANY_REQUESTS);
  int r = take_once(d, &claim, &proof);
  if (r == -ENOSPC || r == -ENOMEM)
    return say(hook, connection, MHD_HTTP_TOO_MANY_REQUESTS);
  if (r < 0)
    return refuse_sender(hook, connection);
  tt_device_link(d->device, TT_LINK_ONLINE, "%s", "");
  if (webhook->method == HTTP_HOOK_GET)
    take_query(d, connection);
  else
    http_device_pushed(d, NULL, body, push->body.len);
  return say(hook, connection, MHD_HTTP_NO_CONTENT);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
  struct http_hook *hook = user;
  struct push *push = *state;
  (void)version;
  if (!push) {
    push = calloc(1, sizeof *push);
    if (!push)
      return MHD_NO;
    push->body = (struct tt_buf)TT_BUF(hook->max_body);
    *state = push;
    if (!is_within(&hook->all, SECOND_US, hook->http->options->listen.rate)) {
      push->is_refused = true;
      return say(hook, connection, MHD_HTTP_TOO_MANY_REQUESTS);
    }
    return MHD_YES;
  }
  if (*size) {
    tt_buf_add(&push->body, data, *size); /* stays failed when it is too large */
    *size = 0;
    return MHD_YES;
  }
  if (push->is_refused)
    return MHD_YES;
  if (push->body.failed)
    return say(hook, connection, MHD_HTTP_CONTENT_TOO_LARGE);
  return decide(hook, connection, method, path, push);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
  struct push *push = *state;
  (void)user, (void)connection, (void)why;
  if (push)
    tt_buf_finish(&push->body);
  free(push);
  *state = NULL;
}

/* ---- The loop ------------------------------------------------------------------------------------------ */
static void run(struct http_hook *hook)
{
  MHD_UNSIGNED_LONG_LONG ms;
  MHD_run(hook->daemon);
  bool has_time = MHD_get_timeout(hook->daemon, &ms) == MHD_YES;
  if (has_time)
    sd_event_source_set_time(hook->timer, tt_clock_us() + ms * TT_USEC_PER_MSEC);
  sd_event_source_set_enabled(hook->timer, has_time ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_io(sd_event_source *source TT_UNUSED, int fd TT_UNUSED, uint32_t events TT_UNUSED, void *user)
{
  run(user);
  return 0;
}

static int on_timer(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  run(user);
  return 0;
}

static char tls_versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"; /* not const, for MHD */

/* -errno: it cannot be read, or is none. */
static int read_pem(const char *path, struct tt_buf *pem)
{
  char chunk[4096];
  FILE *file = fopen(path, "re");
  if (!file)
    return -errno;
  for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
    tt_buf_add(pem, chunk, n);
  int r = ferror(file) ? -EIO : pem->failed ? -EFBIG : pem->len ? 0 : -ENODATA;
  explicit_bzero(chunk, sizeof chunk);
  fclose(file);
  return r;
}

/* MHD only says that something is wrong. A key with a pass phrase is none. NULL: they are a pair. */
static const char *pair_problem(const struct tt_buf *cert, const struct tt_buf *key)
{
  static char no_phrase[] = "";
  BIO *a = BIO_new_mem_buf(cert->data, (int)cert->len), *b = BIO_new_mem_buf(key->data, (int)key->len);
  X509 *x = a ? PEM_read_bio_X509(a, NULL, NULL, NULL) : NULL;
  EVP_PKEY *pkey = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, no_phrase) : NULL;
  const char *problem = !x                                     ? "has no certificate in PEM"
                        : !pkey                                ? "has no key in PEM, or one with a pass phrase"
                        : X509_check_private_key(x, pkey) != 1 ? "has another key than the certificate"
                                                               : NULL;
  EVP_PKEY_free(pkey);
  X509_free(x);
  BIO_free(a);
  BIO_free(b);
  ERR_clear_error();
  return problem;
}

/* Reports. */
static int load_pair(struct http_hook *hook, const struct http_listen *listen, struct tt_buf *cert,
                     struct tt_buf *key)
{
  const char *key_path = listen->key ? listen->key : listen->cert, *path = listen->cert;
  int r = read_pem(path, cert);
  if (r == 0)
    r = read_pem(path = key_path, key);
  const char *problem = r < 0 ? strerror(-r) : pair_problem(cert, key);
  if (problem)
    tt_bridge_log(hook->http->bridge, TT_LOG_ERROR, "cannot listen: TLS: %s: %s", path, problem);
  return r < 0 ? r : problem ? -EBADMSG : 0;
}

/* A secret of the listener. */
static void wipe(struct tt_buf *buf)
{
  if (buf->data)
    explicit_bzero(buf->data, buf->len);
  tt_buf_finish(buf);
}

static bool is_loopback(const struct sockaddr_in *v4, const struct sockaddr_in6 *v6, bool is_v4)
{
  return is_v4 ? ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int listen_on(struct http_hook *hook, const struct http_listen *listen)
{
  struct tt_buf cert = TT_BUF(PEM_MAX), key = TT_BUF(PEM_MAX);
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)listen->port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)listen->port)};
  bool is_v4 = inet_pton(AF_INET, listen->address, &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, listen->address, &v6.sin6_addr) != 1)
    return -EINVAL;
  const struct sockaddr *address = is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
  unsigned per_ip = (unsigned)(listen->connections + 3) / 4;
  int r = listen->cert ? load_pair(hook, listen, &cert, &key) : 0;
  if (r < 0) {
    tt_buf_finish(&cert);
    wipe(&key);
    return r;
  }
  const struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, cert.data},
                                       {MHD_OPTION_HTTPS_MEM_KEY, 0, key.data},
                                       {MHD_OPTION_HTTPS_PRIORITIES, 0, tls_versions},
                                       {MHD_OPTION_END, 0, NULL}};
  unsigned flags = MHD_USE_EPOLL | (is_v4 ? 0 : MHD_USE_IPv6) | (listen->cert ? MHD_USE_TLS : 0);
  errno = 0;
  hook->daemon = MHD_start_daemon(
      flags, (uint16_t)listen->port, NULL, NULL, on_request, hook, MHD_OPTION_SOCK_ADDR, address,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)listen->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_ip,
      MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, hook, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_ARRAY,
      listen->cert ? tls : tls + 3, MHD_OPTION_END);
  r = errno ? -errno : -EIO;
  tt_buf_finish(&cert);
  wipe(&key);
  if (!hook->daemon) {
    tt_bridge_log(hook->http->bridge, TT_LOG_ERROR, "cannot listen on %s port %lld: %s", listen->address,
                  (long long)listen->port, strerror(-r));
    return r;
  }
  if (!listen->cert && !is_loopback(&v4, &v6, is_v4))
    tt_bridge_log(hook->http->bridge, TT_LOG_WARNING,
                  "listens on %s port %lld without TLS (listen: cert): tokens can be read on the way",
                  listen->address, (long long)listen->port);
  return 0;
}

int http_hook_create(struct http *http, struct http_hook **ret)
{
  struct sd_event *event = tt_bridge_event(http->bridge);
  struct http_hook *hook = calloc(1, sizeof *hook);
  if (!hook)
    return -ENOMEM;
  hook->http = http;
  hook->max_body = (size_t)http->options->listen.max_body;
  hook->empty = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  int r = hook->empty ? listen_on(hook, &http->options->listen) : -ENOMEM;
  const union MHD_DaemonInfo *info = r < 0 ? NULL : MHD_get_daemon_info(hook->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (r >= 0 && !info)
    r = -EIO;
  if (r >= 0)
    r = sd_event_add_io(event, &hook->io, info->epoll_fd, EPOLLIN, on_io, hook);
  if (r >= 0)
    r = sd_event_add_time(event, &hook->timer, CLOCK_MONOTONIC, 0, 1, on_timer, hook);
  if (r < 0) {
    http_hook_destroy(hook);
    return r;
  }
  *ret = hook;
  return 0;
}

void http_hook_destroy(struct http_hook *hook)
{
  if (!hook)
    return;
  sd_event_source_disable_unref(hook->io);
  sd_event_source_disable_unref(hook->timer);
  if (hook->daemon)
    MHD_stop_daemon(hook->daemon);
  if (hook->empty)
    MHD_destroy_response(hook->empty);
  free(hook);
}
