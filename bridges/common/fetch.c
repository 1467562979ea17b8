/* SPDX-License-Identifier: Apache-2.0
 * curl's multi interface in the loop of sd-event. */
#include "fetch.h"
#include "common/clock.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <systemd/sd-event.h>
#include <utlist.h>

#define CONNECT_MAX_US (10 * TT_USEC_PER_SEC)
/* Of a stream: curl reads a buffer a hundred times at most before it comes back. */
#define CHUNK_BUFFER 4096L
#define CHUNK_MAX    (512u * 1024)

struct tt_fetch_job {
  struct tt_fetch_job *prev, *next;
  struct tt_fetch *fetch;
  CURL *easy;
  struct curl_slist *headers;
  void (*done)(void *user, const struct tt_fetch_answer *answer);
  bool (*chunk)(void *user, struct tt_fetch_job *job, const char *data, size_t n);
  void *user;
  struct tt_buf body;
  size_t header_bytes;
  struct tt_address_rule rule;
  const char *only[1]; /* the address of the first answer, for redirects */
  char first[64];
  unsigned redirects, followed;
  uint64_t begun_us, total_us, connect_us;
  bool is_safe; /* GET or HEAD */
  bool is_sent;
  bool waits_for_digest; /* goes out without a login, until the server asks for one */
  /* Why a callback of ours ended it; curl only knows that one did. */
  bool is_forbidden, is_late, is_too_large, is_ended;
  char why[CURL_ERROR_SIZE];
};

struct tt_fetch {
  struct sd_event *event;
  CURLM *multi;
  sd_event_source *timer;
  struct tt_fetch_job *jobs;
  unsigned n_jobs;
  long age_s;
  bool has_chunks; /* of some job; they are told outside of curl's calls, in which nothing of it may be called */
};

static void job_destroy(struct tt_fetch_job *job)
{
  if (!job)
    return;
  curl_easy_cleanup(job->easy);
  curl_slist_free_all(job->headers);
  tt_buf_finish(&job->body);
  free(job);
}

/* Out of curl's hands and out of the list; still to be destroyed. */
static void job_take(struct tt_fetch_job *job)
{
  struct tt_fetch *fetch = job->fetch;
  curl_multi_remove_handle(fetch->multi, job->easy);
  DL_DELETE(fetch->jobs, job);
  fetch->n_jobs--;
}

/* ---- What went wrong ----------------------------------------------------------------------------------- */
static const struct {
  CURLcode code;
  int error;
  const char *text; /* NULL: what curl or the system says */
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, -ENOENT, "no such host name"},
    {CURLE_COULDNT_CONNECT, -ECONNREFUSED, "cannot be connected to"},
    {CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT, "no complete answer in time"},
    {CURLE_PEER_FAILED_VERIFICATION, -EACCES, NULL},
    {CURLE_SSL_CONNECT_ERROR, -EACCES, NULL},
    {CURLE_SSL_CERTPROBLEM, -EFAULT, NULL},
    {CURLE_SSL_CACERT_BADFILE, -EFAULT, NULL},
    {CURLE_SSL_ISSUER_ERROR, -EACCES, NULL},
    {CURLE_SSL_CIPHER, -EACCES, NULL},
    {CURLE_FILESIZE_EXCEEDED, -EMSGSIZE, "the answer is too large"},
    {CURLE_GOT_NOTHING, -ECONNRESET, "the connection was closed without an answer"},
    {CURLE_PARTIAL_FILE, -ECONNRESET, "the connection was closed within the answer"},
    {CURLE_RECV_ERROR, -ECONNRESET, "the connection broke"},
    {CURLE_SEND_ERROR, -ECONNRESET, "the connection broke"},
    {CURLE_WEIRD_SERVER_REPLY, -EPROTO, "what came is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, -EINVAL, "the URL is neither http nor https"},
    {CURLE_URL_MALFORMAT, -EINVAL, "the URL is not valid"},
    {CURLE_BAD_CONTENT_ENCODING, -EPROTO, "the encoding of the answer is broken"},
    {CURLE_TOO_MANY_REDIRECTS, -ELOOP, "too many redirects"},
    {CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory"},
};

static int failure(struct tt_fetch_job *job, CURLcode code, const char **ret_text)
{
  long system = 0;
  int error = -EIO;
  *ret_text = *job->why ? job->why : curl_easy_strerror(code);
  if (job->is_forbidden)
    return *ret_text = "the address may not be spoken to", -EPERM;
  if (job->is_late)
    return *ret_text = "no time was left to send it", -ETIMEDOUT;
  if (job->is_too_large)
    return *ret_text = "the answer is too large", -EMSGSIZE;
  if (job->is_ended)
    return *ret_text = "ended", -ECANCELED;
  for (size_t i = 0; i < TT_COUNT(failures); i++) {
    if (failures[i].code == code) {
      error = failures[i].error;
      if (failures[i].text)
        *ret_text = failures[i].text;
    }
  }
  bool is_system = code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR;
  if (is_system && curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &system) == CURLE_OK && system > 0) {
    *ret_text = strerror((int)system);
    if (code == CURLE_COULDNT_CONNECT)
      error = system == ETIMEDOUT ? -EHOSTUNREACH : -(int)system; /* nothing has been sent */
  }
  /* What is not HTTP/1 curl takes for HTTP/0.9, which it then does not want. */
  const char *address = NULL;
  if (code == CURLE_UNSUPPORTED_PROTOCOL &&
      curl_easy_getinfo(job->easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address && *address)
    return *ret_text = "what came is not HTTP", -EPROTO;
  /* In TLS 1.3 a server says only after the handshake that our certificate, or none, does not do. */
  if (code == CURLE_RECV_ERROR && strstr(job->why, "SSL"))
    return *ret_text = job->why, -EACCES;
  /* Broken chunks look to curl like a connection that fails without a reason of the system. */
  if (code == CURLE_RECV_ERROR && (system == 0 || strstr(job->why, "chunk")))
    return *ret_text = "the answer is broken", -EPROTO;
  return error;
}

/* ---- Once more ---------------------------------------------------------------------------------------- */
static int again(struct tt_fetch_job *job, const char *url)
{
  uint64_t elapsed = tt_clock_us() - job->begun_us;
  if (job->total_us && elapsed >= job->total_us)
    return -ETIMEDOUT;
  curl_easy_setopt(job->easy, CURLOPT_URL, url);
  if (job->total_us)
    curl_easy_setopt(job->easy, CURLOPT_TIMEOUT_MS, (long)((job->total_us - elapsed) / 1000 + 1));
  tt_buf_truncate(&job->body, 0);
  job->header_bytes = 0;
  return curl_multi_add_handle(job->fetch->multi, job->easy) == CURLM_OK ? 0 : -ENOMEM;
}

/* What curl would do to learn the nonce is a command without its body, which a device that wants no login may obey, before
 * it hears the right one as well. So the right one goes out first; a server that refuses it has not obeyed. curl has
 * kept what the server said. True: it is under way. */
static bool log_in(struct tt_fetch_job *job, int status, int *ret_error, const char **ret_text)
{
  long offered = 0;
  char *url = NULL;
  if (!job->waits_for_digest || status != 401 ||
      curl_easy_getinfo(job->easy, CURLINFO_HTTPAUTH_AVAIL, &offered) != CURLE_OK || !(offered & CURLAUTH_DIGEST) ||
      curl_easy_getinfo(job->easy, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || !url)
    return false;
  TT_AUTOFREE char *copy = strdup(url);
  job->waits_for_digest = job->is_sent = false;
  curl_multi_remove_handle(job->fetch->multi, job->easy);
  *ret_error = copy && curl_easy_setopt(job->easy, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST) == CURLE_OK ? again(job, copy)
                                                                                                  : -ENOMEM;
  *ret_text = strerror(-*ret_error);
  return *ret_error == 0;
}

/* ---- Ends ---------------------------------------------------------------------------------------------- */
/* A redirect is followed to the host that answered, under the address at which it did. True: it is under way. */
static bool follow(struct tt_fetch_job *job, int status, int *ret_error, const char **ret_text)
{
  const char *to = NULL, *from = NULL, *address = NULL;
  bool is_redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  if (!is_redirect || !job->redirects || !job->is_safe)
    return false;
  curl_easy_getinfo(job->easy, CURLINFO_REDIRECT_URL, &to);
  curl_easy_getinfo(job->easy, CURLINFO_EFFECTIVE_URL, &from);
  curl_easy_getinfo(job->easy, CURLINFO_PRIMARY_IP, &address);
  if (!to)
    return false;
  *ret_error = -EPERM;
  *ret_text = "a redirect to another host, which is not followed";
  if (strlen(to) > TT_FETCH_URL_MAX || !from || !tt_fetch_is_same_host(from, to))
    return false;
  *ret_error = -ELOOP;
  *ret_text = "too many redirects";
  if (job->followed >= job->redirects)
    return false;
  if (!job->followed) {
    snprintf(job->first, sizeof job->first, "%s", address ? address : "");
    job->only[0] = job->first;
    job->rule = (struct tt_address_rule){TT_ADDRESS_LISTED, job->only, 1};
  }
  TT_AUTOFREE char *url = strdup(to); /* curl's own memory of the last transfer */
  curl_multi_remove_handle(job->fetch->multi, job->easy);
  job->followed++;
  *ret_error = url ? again(job, url) : -ENOMEM;
  *ret_text = strerror(-*ret_error);
  return *ret_error == 0;
}

/* False: the owner has had enough. */
static bool tell_chunk(struct tt_fetch_job *job)
{
  if (!job->chunk || !job->body.len)
    return true;
  bool goes_on = job->chunk(job->user, job, job->body.data, job->body.len);
  tt_buf_finish(&job->body); /* what was much once is not kept for the life of a stream */
  job->body = (struct tt_buf)TT_BUF(CHUNK_MAX);
  return goes_on;
}

static void finish(struct tt_fetch_job *job, CURLcode code)
{
  long status = 0;
  const char *address = NULL;
  struct tt_fetch_answer answer = {.text = "", .job = job};
  if (!job->is_ended)
    job->is_ended = !tell_chunk(job);
  curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || job->is_ended)
    answer.error = failure(job, code, &answer.text);
  else if (log_in(job, (int)status, &answer.error, &answer.text) ||
           follow(job, (int)status, &answer.error, &answer.text))
    return;
  curl_easy_getinfo(job->easy, CURLINFO_PRIMARY_IP, &address);
  answer.address = address ? address : "";
  answer.status = (int)status;
  answer.body = job->body.data ? job->body.data : "";
  answer.size = job->body.len;
  answer.elapsed_us = tt_clock_us() - job->begun_us;
  job_take(job);
  job->done(job->user, &answer);
  job_destroy(job);
}

static struct tt_fetch_job *next_chunk(struct tt_fetch *fetch)
{
  struct tt_fetch_job *job;
  DL_FOREACH(fetch->jobs, job) {
    if (job->chunk && job->body.len)
      return job;
  }
  return NULL;
}

static void settle(struct tt_fetch *fetch)
{
  CURLMsg *message;
  int left;
  /* From the beginning each time: who is told may start and cancel jobs. */
  for (struct tt_fetch_job *job; fetch->has_chunks && (job = next_chunk(fetch));) {
    job->is_ended = !tell_chunk(job);
    if (job->is_ended)
      finish(job, CURLE_OK);
  }
  fetch->has_chunks = false;
  while ((message = curl_multi_info_read(fetch->multi, &left))) {
    struct tt_fetch_job *job = NULL;
    CURLcode code = message->data.result; /* the message is gone when the handle is removed */
    if (message->msg == CURLMSG_DONE && curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job) == CURLE_OK)
      finish(job, code);
  }
}

/* ---- The loop ------------------------------------------------------------------------------------------ */
static int on_io(sd_event_source *source TT_UNUSED, int fd, uint32_t events, void *user)
{
  struct tt_fetch *fetch = user;
  int running, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                      (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
  curl_multi_socket_action(fetch->multi, fd, what, &running);
  settle(fetch);
  return 0;
}

static int on_time(sd_event_source *source TT_UNUSED, uint64_t usec TT_UNUSED, void *user)
{
  struct tt_fetch *fetch = user;
  int running;
  curl_multi_socket_action(fetch->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  settle(fetch);
  return 0;
}

static int want_io(CURL *easy TT_UNUSED, curl_socket_t fd, int what, void *user, void *socket_user)
{
  struct tt_fetch *fetch = user;
  sd_event_source *source = socket_user;
  uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
  if (what == CURL_POLL_REMOVE) {
    sd_event_source_disable_unref(source);
    curl_multi_assign(fetch->multi, fd, NULL);
    return 0;
  }
  if (source && sd_event_source_set_io_events(source, events) >= 0)
    return 0;
  source = sd_event_source_disable_unref(source);
  int r = sd_event_add_io(fetch->event, &source, fd, events, on_io, fetch);
  curl_multi_assign(fetch->multi, fd, r < 0 ? NULL : source);
  return r < 0 ? -1 : 0;
}

static int want_time(CURLM *multi TT_UNUSED, long ms, void *user)
{
  struct tt_fetch *fetch = user;
  if (ms < 0)
    return sd_event_source_set_enabled(fetch->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
  if (sd_event_source_set_time(fetch->timer, tt_clock_us() + (uint64_t)ms * 1000) < 0)
    return -1;
  return sd_event_source_set_enabled(fetch->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

/* ---- One transfer: curl calls these -------------------------------------------------------------------- */
static size_t on_body(char *data, size_t size, size_t n, void *user)
{
  struct tt_fetch_job *job = user;
  long status = 0;
  n *= size;
  if (job->chunk) {
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2)
      return n;
  }
  tt_buf_add(&job->body, data, n);
  job->is_too_large = job->body.failed;
  job->fetch->has_chunks = job->fetch->has_chunks || job->chunk;
  return job->is_too_large ? 0 : n;
}

static size_t on_header(char *data TT_UNUSED, size_t size, size_t n, void *user)
{
  struct tt_fetch_job *job = user;
  n *= size;
  job->header_bytes += n;
  job->is_too_large = job->header_bytes > TT_FETCH_HEADERS_MAX;
  return job->is_too_large ? 0 : n;
}

static curl_socket_t on_socket(void *user, curlsocktype purpose TT_UNUSED, struct curl_sockaddr *address)
{
  struct tt_fetch_job *job = user;
  if (!tt_address_is_allowed(&job->rule, &address->addr, (socklen_t)address->addrlen)) {
    job->is_forbidden = true;
    return CURL_SOCKET_BAD;
  }
  job->is_forbidden = false;
  return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

/* Also for a connection that another job has opened, under its own rule. */
static int on_connected(void *user, char *address, char *local TT_UNUSED, int port TT_UNUSED,
                        int local_port TT_UNUSED)
{
  struct tt_fetch_job *job = user;
  job->is_forbidden = !tt_address_text_is_allowed(&job->rule, address);
  job->is_late = job->total_us && tt_clock_us() - job->begun_us >= job->total_us;
  job->is_sent = !job->is_forbidden && !job->is_late;
  return job->is_sent ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* ---- Start ---------------------------------------------------------------------------------------------- */
static long ms(uint64_t us)
{
  return us ? (long)((us + 999) / 1000) : 0;
}

#define SET(option, value)                                                                                         \
  do {                                                                                                             \
    if (curl_easy_setopt(job->easy, (option), (value)) != CURLE_OK)                                                \
      return -EINVAL;                                                                                              \
  } while (0)

static int set_rules(struct tt_fetch_job *job)
{
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_QUICK_EXIT, 1L); /* a name that does not resolve is not waited for */
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L); /* ours: follow() */
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* the system's resolver knows how long to keep it */
  SET(CURLOPT_MAXLIFETIME_CONN, job->fetch->age_s);
  SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
  SET(CURLOPT_OPENSOCKETDATA, job);
  SET(CURLOPT_PREREQFUNCTION, on_connected);
  SET(CURLOPT_PREREQDATA, job);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, job);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, job);
  SET(CURLOPT_ERRORBUFFER, job->why);
  SET(CURLOPT_PRIVATE, job);
  return 0;
}

static int set_security(struct tt_fetch_job *job, const struct tt_fetch_request *request)
{
  static const long kinds[] = {[TT_FETCH_NO_AUTH] = CURLAUTH_NONE,
                               [TT_FETCH_BASIC] = CURLAUTH_BASIC,
                               [TT_FETCH_DIGEST] = CURLAUTH_DIGEST,
                               [TT_FETCH_BEARER] = CURLAUTH_BEARER};
  if (request->auth != TT_FETCH_NO_AUTH) {
    bool is_bearer = request->auth == TT_FETCH_BEARER;
    job->waits_for_digest = request->auth == TT_FETCH_DIGEST && request->body;
    SET(CURLOPT_HTTPAUTH, kinds[job->waits_for_digest ? TT_FETCH_NO_AUTH : request->auth]);
    if (is_bearer)
      SET(CURLOPT_XOAUTH2_BEARER, request->password);
    if (!is_bearer)
      SET(CURLOPT_USERNAME, request->user_name ? request->user_name : "");
    if (!is_bearer)
      SET(CURLOPT_PASSWORD, request->password ? request->password : "");
  }
  if (request->ca) {
    SET(CURLOPT_CAINFO, request->ca);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L); /* the owner may replace the file; the system's many are kept for a day */
  }
  if (request->cert) {
    SET(CURLOPT_SSLCERT, request->cert);
    SET(CURLOPT_SSLKEY, request->key ? request->key : request->cert);
  }
  return 0;
}

static int set_request(struct tt_fetch_job *job, const struct tt_fetch_request *request)
{
  const char *method = request->method ? request->method : "GET";
  job->is_safe = !strcmp(method, "GET") || !strcmp(method, "HEAD");
  SET(CURLOPT_URL, request->url);
  if (request->body) {
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size); /* before the body, which is copied */
    SET(CURLOPT_COPYPOSTFIELDS, request->body);
  }
  if (!strcmp(method, "HEAD"))
    SET(CURLOPT_NOBODY, 1L);
  if (strcmp(method, request->body ? "POST" : "GET") != 0)
    SET(CURLOPT_CUSTOMREQUEST, method);
  for (size_t i = 0; i < request->n_headers + 1; i++) {
    /* The last one: the body is sent at once, without asking whether it is welcome. */
    const char *header = i < request->n_headers ? request->headers[i] : "Expect:";
    struct curl_slist *more = curl_slist_append(job->headers, header);
    if (!more)
      return -ENOMEM;
    job->headers = more;
  }
  SET(CURLOPT_HTTPHEADER, job->headers);
  SET(CURLOPT_TIMEOUT_MS, ms(job->total_us));
  SET(CURLOPT_CONNECTTIMEOUT_MS, ms(job->connect_us));
  if (request->idle_us) {
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)((request->idle_us + TT_USEC_PER_SEC - 1) / TT_USEC_PER_SEC));
  }
  SET(CURLOPT_FRESH_CONNECT, (long)request->is_once);
  SET(CURLOPT_FORBID_REUSE,
      (long)request->is_once); /* a small device has few, and this one nobody would use again */
  if (job->chunk)
    SET(CURLOPT_BUFFERSIZE, CHUNK_BUFFER);
  else
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)job->body.limit);
  return 0;
}

int tt_fetch_start(struct tt_fetch *fetch, const struct tt_fetch_request *request, struct tt_fetch_job **ret_job)
{
  struct tt_fetch_job *job = calloc(1, sizeof *job);
  if (!job)
    return -ENOMEM;
  *job = (struct tt_fetch_job){.fetch = fetch,
                               .easy = curl_easy_init(),
                               .done = request->done,
                               .chunk = request->chunk,
                               .user = request->user,
                               .body = TT_BUF(request->body_max ? request->body_max : TT_FETCH_BODY_MAX),
                               .rule = request->rule,
                               .redirects = request->redirects < TT_FETCH_REDIRECTS ? request->redirects
                                                                                    : TT_FETCH_REDIRECTS,
                               .begun_us = tt_clock_us(),
                               .total_us = request->total_us};
  job->connect_us = request->connect_us                               ? request->connect_us
                    : job->total_us && job->total_us < CONNECT_MAX_US ? job->total_us
                                                                      : CONNECT_MAX_US;
  if (job->chunk)
    job->body.limit = CHUNK_MAX;
  int r = job->easy ? set_rules(job) : -ENOMEM;
  if (r == 0)
    r = set_security(job, request);
  if (r == 0)
    r = set_request(job, request);
  if (r == 0 && curl_multi_add_handle(fetch->multi, job->easy) != CURLM_OK)
    r = -ENOMEM;
  if (r < 0) {
    job_destroy(job);
    return r;
  }
  DL_APPEND(fetch->jobs, job);
  fetch->n_jobs++;
  if (ret_job)
    *ret_job = job;
  return 0;
}

void tt_fetch_cancel(struct tt_fetch_job *job)
{
  if (!job)
    return;
  job_take(job);
  job_destroy(job);
}

bool tt_fetch_is_sent(struct tt_fetch_job *job)
{
  return job->is_sent;
}

unsigned tt_fetch_jobs(const struct tt_fetch *fetch)
{
  return fetch->n_jobs;
}

const char *tt_fetch_header(struct tt_fetch_job *job, const char *name)
{
  struct curl_header *header;
  if (curl_easy_header(job->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK || header->amount == 0)
    return NULL;
  if (header->amount > 1 &&
      curl_easy_header(job->easy, name, header->amount - 1, CURLH_HEADER, -1, &header) != CURLHE_OK)
    return NULL;
  return header->value;
}

int tt_fetch_create(struct sd_event *event, const struct tt_fetch_limits *limits, struct tt_fetch **ret)
{
  static bool is_initialised; /* loop thread; curl counts and never minds a second time */
  struct tt_fetch *fetch = calloc(1, sizeof *fetch);
  if (!fetch)
    return -ENOMEM;
  if (!is_initialised)
    is_initialised = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  fetch->event = event;
  fetch->multi = curl_multi_init();
  int r = is_initialised && fetch->multi ? 0 : -ENOMEM;
  if (r == 0)
    r = sd_event_add_time(event, &fetch->timer, CLOCK_MONOTONIC, UINT64_MAX, 1, on_time, fetch);
  if (r >= 0)
    r = sd_event_source_set_enabled(fetch->timer, SD_EVENT_OFF);
  if (r < 0) {
    tt_fetch_destroy(fetch);
    return r;
  }
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, want_io);
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, want_time);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
  long total = limits && limits->connections ? (long)limits->connections : 256;
  long per_host = limits && limits->connections_per_host ? (long)limits->connections_per_host : 2;
  curl_multi_setopt(fetch->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total);
  curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, total);
  curl_multi_setopt(fetch->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
  fetch->age_s = limits && limits->age_s ? (long)limits->age_s : 600;
  *ret = fetch;
  return 0;
}

void tt_fetch_destroy(struct tt_fetch *fetch)
{
  struct tt_fetch_job *job, *next;
  if (!fetch)
    return;
  DL_FOREACH_SAFE(fetch->jobs, job, next)
  {
    tt_fetch_cancel(job);
  }
  curl_multi_cleanup(fetch->multi); /* closes connections, which ends their sources: want_io() */
  sd_event_source_disable_unref(fetch->timer);
  free(fetch);
}
