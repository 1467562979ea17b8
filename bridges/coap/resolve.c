/* SPDX-License-Identifier: Apache-2.0
 * Host names to addresses. */
#include "resolve.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <utlist.h>

#define THREADS_MAX 4 /* so many names may be looked for in vain before the others wait for them */

struct question {
  struct question *prev, *next;
  uint64_t id;
  char host[CB_HOST_MAX + 1];
  uint16_t port;
};

/* What a thread posts. The last one stops after the last one. */
struct message {
  struct cb_resolver *resolver;
  bool is_end;
  uint64_t id;
  struct cb_addresses addresses;
  char text[200];
};

struct cb_resolver {
  struct tt_bridge *bridge;
  cb_resolved_fn fn;
  void *user;
  void (*ended)(void *user);
  void *ended_user;
  pthread_t threads[THREADS_MAX];
  size_t n_threads;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  /* under the mutex */
  struct question *questions;
  size_t n_waiting, n_running; /* threads */
  bool is_stopping;
};

int cb_address_literal(const struct cb_base *base, const char *interface, struct cb_addresses *ret)
{
  struct cb_addresses addresses = {.n = 1};
  struct sockaddr_in6 *v6 = &addresses.at[0];
  if (base->kind == CB_HOST_NAME)
    return -ENOENT;
  if (base->kind == CB_HOST_IPV4) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(base->port)};
    if (inet_pton(AF_INET, base->host, &v4.sin_addr) != 1)
      return -EINVAL;
    memcpy(v6, &v4, sizeof v4);
    *ret = addresses;
    return 0;
  }
  *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(base->port)};
  if (inet_pton(AF_INET6, base->host, &v6->sin6_addr) != 1)
    return -EINVAL;
  const char *scope = *base->scope ? base->scope : interface;
  if (*base->scope || (scope && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))) {
    v6->sin6_scope_id = if_nametoindex(scope);
    if (!v6->sin6_scope_id)
      return -ENODEV;
  }
  *ret = addresses;
  return 0;
}

/* ---- The thread ------------------------------------------------------------------------------------------------ */
static void answer(const struct question *question, struct message *message)
{
  struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV}, *list = NULL;
  char port[8];
  snprintf(port, sizeof port, "%u", question->port);
  int r = getaddrinfo(question->host, port, &hints, &list);
  for (struct addrinfo *a = r == 0 ? list : NULL; a && message->addresses.n < CB_ADDRESSES_MAX; a = a->ai_next)
    if (a->ai_addrlen <= sizeof message->addresses.at[0])
      memcpy(&message->addresses.at[message->addresses.n++], a->ai_addr, a->ai_addrlen);
  if (r == 0)
    freeaddrinfo(list);
  if (r != 0)
    snprintf(message->text, sizeof message->text, "%s", gai_strerror(r));
}

static void on_message(struct tt_bridge *bridge, const void *data, size_t size);

static void *run(void *user)
{
  struct cb_resolver *r = user;
  struct tt_bridge *bridge = r->bridge;
  struct message end = {.resolver = r, .is_end = true};
  pthread_mutex_lock(&r->mutex);
  while (!r->is_stopping) {
    struct question *question = r->questions;
    if (!question) {
      r->n_waiting++;
      pthread_cond_wait(&r->changed, &r->mutex);
      r->n_waiting--;
      continue;
    }
    DL_DELETE(r->questions, question);
    pthread_mutex_unlock(&r->mutex);
    struct message message = {.resolver = r, .id = question->id};
    answer(question, &message);
    free(question);
    tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_message, &message, sizeof message);
    pthread_mutex_lock(&r->mutex);
  }
  bool is_last = --r->n_running == 0;
  pthread_mutex_unlock(&r->mutex);
  if (is_last) /* nothing of it is touched behind this */
    tt_post(bridge, TT_LANE_CONTROL, NULL, 0, on_message, &end, sizeof end);
  return NULL;
}

/* ---- The loop's side ------------------------------------------------------------------------------------------- */
static void destroy(struct cb_resolver *r)
{
  struct question *question, *next;
  DL_FOREACH_SAFE(r->questions, question, next)
  {
    free(question);
  }
  pthread_mutex_destroy(&r->mutex);
  pthread_cond_destroy(&r->changed);
  free(r);
}

static void on_message(struct tt_bridge *bridge TT_UNUSED, const void *data, size_t size)
{
  struct message message;
  if (size != sizeof message)
    return;
  memcpy(&message, data, sizeof message);
  struct cb_resolver *r = message.resolver;
  if (message.is_end) {
    void (*ended)(void *) = r->ended;
    void *user = r->ended_user;
    for (size_t i = 0; i < r->n_threads; i++)
      pthread_join(r->threads[i], NULL);
    destroy(r);
    ended(user);
  } else if (!r->ended) {
    r->fn(r->user, message.id, message.addresses.n ? &message.addresses : NULL, message.text);
  }
}

int cb_resolver_create(struct tt_bridge *bridge, cb_resolved_fn fn, void *user, struct cb_resolver **ret)
{
  struct cb_resolver *r = calloc(1, sizeof *r);
  if (!r)
    return -ENOMEM;
  r->bridge = bridge;
  r->fn = fn;
  r->user = user;
  pthread_mutex_init(&r->mutex, NULL);
  pthread_cond_init(&r->changed, NULL);
  *ret = r;
  return 0;
}

/* One more thread, when those that are there are busy. Under the mutex. */
static int reinforce(struct cb_resolver *r)
{
  size_t n_questions = 0;
  struct question *question;
  DL_COUNT(r->questions, question, n_questions);
  if (r->n_waiting > n_questions || r->n_threads == THREADS_MAX)
    return 0;
  int error = pthread_create(&r->threads[r->n_threads], NULL, run, r);
  if (error)
    return r->n_threads ? 0 : -error;
  r->n_threads++;
  r->n_running++;
  return 0;
}

static bool is_asked(const struct cb_resolver *r, uint64_t id)
{
  const struct question *question;
  DL_SEARCH_SCALAR(r->questions, question, id, id);
  return question;
}

static int ask(struct cb_resolver *r, uint64_t id, const struct cb_base *base)
{
  if (is_asked(r, id)) /* its turn is still to come */
    return 0;
  int error = reinforce(r);
  struct question *question = error < 0 ? NULL : calloc(1, sizeof *question);
  if (!question)
    return error < 0 ? error : -ENOMEM;
  question->id = id;
  question->port = base->port;
  memcpy(question->host, base->host, sizeof question->host);
  DL_APPEND(r->questions, question);
  pthread_cond_signal(&r->changed);
  return 0;
}

int cb_resolver_ask(struct cb_resolver *r, uint64_t id, const struct cb_base *base)
{
  pthread_mutex_lock(&r->mutex);
  int error = ask(r, id, base);
  pthread_mutex_unlock(&r->mutex);
  return error;
}

void cb_resolver_stop(struct cb_resolver *r, void (*ended)(void *user), void *user)
{
  r->ended = ended;
  r->ended_user = user;
  if (r->n_threads == 0) {
    destroy(r);
    ended(user);
    return;
  }
  pthread_mutex_lock(&r->mutex);
  r->is_stopping = true;
  pthread_cond_broadcast(&r->changed);
  pthread_mutex_unlock(&r->mutex);
}
