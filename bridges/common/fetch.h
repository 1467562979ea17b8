/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.h: HTTP requests of one bridge instance: a curl multi handle that lives in the loop of sd-event. Everything
 * here is called and calls back on the loop thread and never blocks: names are resolved by curl's own threads, and an
 * end does not wait for these.
 *
 * The process ignores SIGPIPE, for a TLS connection that breaks would raise it.
 *
 * Never: another protocol than http and https, a proxy, .netrc, cookies, compression, an unverified certificate, a
 * user name in a URL, a redirect to another host, a repeated write.
 */
#pragma once

#include "address.h"

#include <stdint.h>
#include <thingtree/util.h>

struct sd_event;
struct tt_fetch;
struct tt_fetch_job;

#define TT_FETCH_URL_MAX     8192u         /* bytes of a URL */
#define TT_FETCH_BODY_MAX    (256u * 1024) /* of an answer, when the request does not say another */
#define TT_FETCH_HEADERS_MAX (32u * 1024)  /* of all headers of one answer */
#define TT_FETCH_REDIRECTS   5u            /* most that can be asked for */
#define TT_FETCH_TEXT        256           /* a sentence about what went wrong */

struct tt_fetch_limits {
  unsigned connections;          /* open at once; more requests wait. 0: 256 */
  unsigned connections_per_host; /* 0: 2 */
  unsigned age_s; /* after which a connection is not used again, should its name have moved. 0: 600 */
};

enum tt_fetch_auth { TT_FETCH_NO_AUTH, TT_FETCH_BASIC, TT_FETCH_DIGEST, TT_FETCH_BEARER };

struct tt_fetch_answer {
  int error;        /* 0: an answer came, whatever its status. Else -errno (list below) and `text` says why */
  const char *text; /* "" when error is 0. No credential and no query is in it */
  int status;       /* 200, 304, 404; 0 when none came */
  const char *body; /* never NULL; NUL behind its end. Empty when the request has a `chunk` function */
  size_t size;
  const char *address; /* who answered: "192.168.1.7", "" when there was no connection */
  uint64_t elapsed_us;
  struct tt_fetch_job *job; /* for tt_fetch_header() */
};
/* error: -ENOENT no such host name; -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH, -ECONNRESET as the system says;
 * -ETIMEDOUT; -EPERM the address rule forbids it, or the redirect goes elsewhere; -ELOOP too many redirects; -EMSGSIZE
 * body or headers too large; -EACCES TLS: one certificate does not satisfy; -EPROTO not HTTP, or broken; -EINVAL the
 * URL is none; -EFAULT a certificate or key file cannot be used; -ECANCELED `chunk` said so; -ENOMEM; -EIO other.
 * When it came to nothing before a byte of the request was sent: -ENOENT, -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH,
 * -EPERM, -EACCES, -EINVAL, -EFAULT. With the others nobody knows whether the device obeyed. */

/* What a request is. Everything is copied by tt_fetch_start(), except what the rule lists. */
struct tt_fetch_request {
  const char *method; /* GET, POST, ...; NULL: GET */
  const char *url;
  const char *const *headers; /* "Name: value" */
  size_t n_headers;
  const char *body; /* NULL: none */
  size_t body_size;
  enum tt_fetch_auth auth;
  const char *user_name, *password; /* bearer: the password is the token */
  const char *ca;                   /* PEM file with the only certificates to trust; NULL: the system's */
  const char *cert, *key;           /* PEM files of our own; key NULL: it is in cert */
  uint64_t total_us;                /* from start to the last byte, and never begun later; 0: no end (a stream) */
  uint64_t connect_us;              /* name, connection and TLS; 0: as total, at most 10 s */
  uint64_t idle_us;                 /* no byte for so long (whole seconds) ends it; 0: not looked at */
  size_t body_max;                  /* 0: TT_FETCH_BODY_MAX. Of a `chunk` request only what comes at once counts */
  /* On a new connection: curl repeats a request when a kept connection turns out to be dead, and nobody knows whether
   * the device had it before. For commands. */
  bool is_once;
  unsigned redirects;          /* so many are followed, by GET and HEAD, to the same host only */
  struct tt_address_rule rule; /* what it lists lives as long as the job */

  /* Once, with a complete answer or an error; never from within tt_fetch_start() or _cancel(). The job is gone when
   * it returns; the answer is valid during the call. It may start and cancel others, not destroy the tt_fetch. */
  void (*done)(void *user, const struct tt_fetch_answer *answer);
  /* May be NULL. Bytes of the body as they come, when the status is 2xx. It may start and cancel other jobs, not its own:
   * false ends that with -ECANCELED. */
  bool (*chunk)(void *user, struct tt_fetch_job *job, const char *data, size_t n);
  void *user;
};

/* -ENOMEM, or what sd-event says. */
int tt_fetch_create(struct sd_event *event, const struct tt_fetch_limits *limits, struct tt_fetch **ret);
/* Ends all jobs without a call of `done`. Does not wait. NULL is fine. */
void tt_fetch_destroy(struct tt_fetch *fetch);

/* -ENOMEM, -EINVAL: an option that curl does not take. On failure `done` is never called. */
int tt_fetch_start(struct tt_fetch *fetch, const struct tt_fetch_request *request, struct tt_fetch_job **ret_job);
/* Ends the job, without a call of `done`. Not from within its own `chunk`. NULL is fine. */
void tt_fetch_cancel(struct tt_fetch_job *job);
/* Has a byte of the request gone out? Within `done`, too. */
bool tt_fetch_is_sent(struct tt_fetch_job *job);
unsigned tt_fetch_jobs(const struct tt_fetch *fetch); /* open ones */

/* Header of the answer, the last of that name; NULL: it has none. Within `done` and `chunk` only, and valid until the
 * next call. */
const char *tt_fetch_header(struct tt_fetch_job *job, const char *name);

/* Why a text is not a URL that may be fetched ("has a user name in it ..."); NULL: it is one. Pure. */
const char *tt_fetch_url_problem(const char *url);
/* May a redirect go from the one to the other? Same scheme, host and port, or from http to https on their usual
 * ports. Pure. */
bool tt_fetch_is_same_host(const char *from, const char *to);
/* scheme://host:port of a URL, for people and for comparing. -EINVAL, -ENOMEM. The caller frees. Pure. */
int tt_fetch_origin(const char *url, char **ret_origin);
