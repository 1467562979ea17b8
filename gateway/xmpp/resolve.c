/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.c: one short-lived thread per name.
 */
#include "resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <thingtree/util.h>
#include <unistd.h>

#define STACK_SIZE (512 * 1024)

/* What thread and owner share; the last of the two frees it. */
struct lookup {
  pthread_mutex_t lock;
  int refs;
  int fd; /* eventfd: the answer is there */
  char *host, port[8];
  int error;
  struct addrinfo *addresses;
};

struct tt_resolve {
  struct lookup *lookup;
  sd_event_source *source;
  tt_resolve_fn fn;
  void *user;
};

static void lookup_unref(struct lookup *lookup)
{
  pthread_mutex_lock(&lookup->lock);
  int refs = --lookup->refs;
  pthread_mutex_unlock(&lookup->lock);
  if (refs)
    return;
  if (lookup->addresses)
    freeaddrinfo(lookup->addresses);
  if (lookup->fd >= 0)
    close(lookup->fd);
  pthread_mutex_destroy(&lookup->lock);
  free(lookup->host);
  free(lookup);
}

static void look(struct lookup *lookup, int flags)
{
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags}, *addresses = NULL;
  int error = getaddrinfo(lookup->host, lookup->port, &hints, &addresses);
  pthread_mutex_lock(&lookup->lock);
  lookup->error = error;
  lookup->addresses = error ? NULL : addresses;
  pthread_mutex_unlock(&lookup->lock);
}

static int announce(const struct lookup *lookup)
{
  uint64_t one = 1;
  return write(lookup->fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static void *thread_main(void *user)
{
  struct lookup *lookup = user;
  look(lookup, AI_ADDRCONFIG);
  announce(lookup); /* cannot fail: the counter was 0 */
  lookup_unref(lookup);
  return NULL;
}

/* Signals belong to the main thread. */
static int thread_start(struct lookup *lookup)
{
  pthread_t thread;
  pthread_attr_t attr;
  sigset_t all, before;
  sigfillset(&all);
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, STACK_SIZE);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  lookup->refs++;
  int r = pthread_create(&thread, &attr, thread_main, lookup);
  if (r)
    lookup->refs--;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  return -r;
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *user)
{
  (void)source, (void)fd, (void)events;
  struct tt_resolve *resolve = user;
  struct lookup *lookup = resolve->lookup;
  pthread_mutex_lock(&lookup->lock);
  int error = lookup->error;
  struct addrinfo *addresses = TT_STEAL(lookup->addresses);
  pthread_mutex_unlock(&lookup->lock);
  tt_resolve_fn fn = resolve->fn;
  void *fn_user = resolve->user;
  sd_event_source_set_enabled(resolve->source, SD_EVENT_OFF);
  fn(fn_user, error, addresses); /* may cancel */
  return 0;
}

static struct lookup *lookup_create(const char *host, uint16_t port)
{
  struct lookup *lookup = calloc(1, sizeof(*lookup));
  if (!lookup)
    return NULL;
  lookup->refs = 1;
  pthread_mutex_init(&lookup->lock, NULL);
  snprintf(lookup->port, sizeof(lookup->port), "%u", port);
  lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  lookup->host = strdup(host);
  if (lookup->fd < 0 || !lookup->host) {
    lookup_unref(lookup);
    return NULL;
  }
  return lookup;
}

int tt_resolve_start(struct sd_event *event, const char *host, uint16_t port, tt_resolve_fn fn, void *user,
                     struct tt_resolve **ret)
{
  struct tt_resolve *resolve = calloc(1, sizeof(*resolve));
  if (!resolve)
    return -ENOMEM;
  resolve->fn = fn;
  resolve->user = user;
  resolve->lookup = lookup_create(host, port);
  int r = -ENOMEM;
  if (!resolve->lookup)
    goto fail;
  r = sd_event_add_io(event, &resolve->source, resolve->lookup->fd, EPOLLIN, on_answer, resolve);
  if (r < 0)
    goto fail;
  look(resolve->lookup, AI_NUMERICHOST);
  r = resolve->lookup->error ? thread_start(resolve->lookup) : announce(resolve->lookup);
  if (r < 0)
    goto fail;
  *ret = resolve;
  return 0;
fail:
  tt_resolve_cancel(resolve);
  return r;
}

void tt_resolve_cancel(struct tt_resolve *resolve)
{
  if (!resolve)
    return;
  sd_event_source_disable_unref(resolve->source);
  if (resolve->lookup)
    lookup_unref(resolve->lookup);
  free(resolve);
}
