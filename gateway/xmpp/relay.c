/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.c: a mutex, a list and an eventfd.
 */
#include "relay.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <thingtree/util.h>
#include <unistd.h>

struct tt_relay {
  pthread_mutex_t lock;
  struct tt_relay_item *first, *last;
  size_t bytes;
  int fd;
};

int tt_relay_create(struct tt_relay **ret)
{
  struct tt_relay *relay = calloc(1, sizeof(*relay));
  if (!relay)
    return -ENOMEM;
  relay->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (relay->fd < 0) {
    int r = -errno;
    free(relay);
    return r;
  }
  pthread_mutex_init(&relay->lock, NULL);
  *ret = relay;
  return 0;
}

void tt_relay_destroy(struct tt_relay *relay, void (*free_item)(struct tt_relay_item *item))
{
  if (!relay)
    return;
  for (struct tt_relay_item *item; (item = tt_relay_take(relay));)
    free_item(item);
  pthread_mutex_destroy(&relay->lock);
  close(relay->fd);
  free(relay);
}

int tt_relay_fd(const struct tt_relay *relay)
{
  return relay->fd;
}

void tt_relay_clear(struct tt_relay *relay)
{
  uint64_t n;
  (void)!read(relay->fd, &n, sizeof(n)); /* EAGAIN: it was not readable */
}

void tt_relay_wake(struct tt_relay *relay)
{
  uint64_t one = 1;
  (void)!write(relay->fd, &one, sizeof(one)); /* EAGAIN: 2^64 wake-ups wait, one more is not missed */
}

void tt_relay_put(struct tt_relay *relay, struct tt_relay_item *item)
{
  item->next = NULL;
  pthread_mutex_lock(&relay->lock);
  if (relay->last)
    relay->last->next = item;
  else
    relay->first = item;
  relay->last = item;
  relay->bytes += item->bytes;
  pthread_mutex_unlock(&relay->lock);
  tt_relay_wake(relay);
}

struct tt_relay_item *tt_relay_peek(struct tt_relay *relay)
{
  pthread_mutex_lock(&relay->lock);
  struct tt_relay_item *item = relay->first;
  pthread_mutex_unlock(&relay->lock);
  return item;
}

struct tt_relay_item *tt_relay_take(struct tt_relay *relay)
{
  pthread_mutex_lock(&relay->lock);
  struct tt_relay_item *item = relay->first;
  if (item) {
    relay->first = item->next;
    if (!relay->first)
      relay->last = NULL;
    relay->bytes -= item->bytes;
  }
  pthread_mutex_unlock(&relay->lock);
  return item;
}

size_t tt_relay_bytes(struct tt_relay *relay)
{
  pthread_mutex_lock(&relay->lock);
  size_t bytes = relay->bytes;
  pthread_mutex_unlock(&relay->lock);
  return bytes;
}
