/* SPDX-License-Identifier: Apache-2.0
 *
 * inbox.c: a mutex, an eventfd and a FIFO per instance. The eventfd is readable exactly while something waits, so a
 * drain that gives up its turn needs no second wake-up.
 */
#include "inbox.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

/* Left-overs of a turn wait behind everything else that is ready. */
#define PRIORITY_FRESH SD_EVENT_PRIORITY_NORMAL
#define PRIORITY_REST  (SD_EVENT_PRIORITY_NORMAL + 10)

struct item {
  struct item *next, *prev;
  UT_hash_handle hh;
  tt_post_fn fn;
  enum tt_lane lane;
  size_t size, key_size;
  const unsigned char *key; /* inside data, behind the message; NULL: none */
  alignas(max_align_t) unsigned char data[];
};

struct tt_mailbox {
  struct tt_inbox *inbox;
  struct tt_bridge *owner;
  struct tt_mailbox *next, *prev; /* of inbox->ready, while items wait */
  /* all below under inbox->mutex */
  struct item *items;  /* FIFO */
  struct item *by_key; /* the newest waiting report of each key */
  size_t n_items, bytes;
  uint64_t replaced, dropped;
  bool is_closed;
};

struct tt_inbox {
  pthread_mutex_t mutex;
  int fd;
  struct sd_event_source *source;
  struct tt_mailbox *ready; /* mailboxes with items, in order of their turn; under mutex */
  bool is_late;             /* the source has PRIORITY_REST; loop thread */
};

static size_t item_bytes(const struct item *item)
{
  return sizeof(*item) + item->size + item->key_size;
}

static struct item *item_create(enum tt_lane lane, const void *key, size_t key_size, tt_post_fn fn,
                                const void *data, size_t size)
{
  struct item *item = malloc(sizeof(*item) + size + key_size);
  if (!item)
    return NULL;
  *item = (struct item){.fn = fn, .lane = lane, .size = size, .key_size = key_size};
  if (size > 0)
    memcpy(item->data, data, size);
  if (key_size > 0) {
    memcpy(item->data + size, key, key_size);
    item->key = item->data + size;
  }
  return item;
}

static struct item *find_key(struct tt_mailbox *mailbox, const struct item *like)
{
  struct item *found = NULL;
  if (like->key)
    HASH_FIND(hh, mailbox->by_key, like->key, like->key_size, found);
  return found;
}

static void remember_key(struct tt_mailbox *mailbox, struct item *older, struct item *item)
{
  if (older)
    HASH_DELETE(hh, mailbox->by_key, older);
  if (item->key)
    HASH_ADD_KEYPTR(hh, mailbox->by_key, item->key, item->key_size, item);
}

static void forget_key(struct tt_mailbox *mailbox, struct item *item)
{
  if (find_key(mailbox, item) == item)
    HASH_DELETE(hh, mailbox->by_key, item);
}

static void append(struct tt_mailbox *mailbox, struct item *item)
{
  struct tt_inbox *inbox = mailbox->inbox;
  if (!mailbox->items) {
    if (!inbox->ready) {
      uint64_t one = 1;
      /* Cannot fail: the counter of a fresh or drained eventfd is 0. */
      if (write(inbox->fd, &one, sizeof(one)) != sizeof(one))
        abort();
    }
    DL_APPEND(inbox->ready, mailbox);
  }
  DL_APPEND(mailbox->items, item);
  mailbox->n_items++;
  mailbox->bytes += item_bytes(item);
}

/* Under the mutex. Returns the item that nobody needs any more: the one replaced, or the new one. */
static struct item *put(struct tt_mailbox *mailbox, struct item *item, int *ret)
{
  *ret = 0;
  if (mailbox->is_closed) {
    *ret = -ESHUTDOWN;
    return item;
  }
  if (item->lane == TT_LANE_CONTROL) {
    append(mailbox, item);
    return NULL;
  }
  struct item *older = find_key(mailbox, item);
  bool is_low = mailbox->n_items < TT_INBOX_ITEMS_HIGH && mailbox->bytes < TT_INBOX_BYTES_HIGH;
  bool is_first = item->key && !older && mailbox->n_items < TT_INBOX_ITEMS_MAX &&
                  mailbox->bytes + item_bytes(item) <= TT_INBOX_BYTES_MAX;
  if (is_low || is_first) {
    append(mailbox, item);
    remember_key(mailbox, older, item);
    return NULL;
  }
  if (older && mailbox->bytes - item_bytes(older) + item_bytes(item) <= TT_INBOX_BYTES_MAX) {
    remember_key(mailbox, older, item);
    DL_REPLACE_ELEM(mailbox->items, older, item);
    mailbox->bytes += item_bytes(item) - item_bytes(older);
    mailbox->replaced++;
    return older;
  }
  mailbox->dropped++;
  *ret = -ENOBUFS;
  return item;
}

int tt_mailbox_post(struct tt_mailbox *mailbox, enum tt_lane lane, const void *key, size_t key_size, tt_post_fn fn,
                    const void *data, size_t size)
{
  if (size > TT_POST_MAX || key_size > TT_INBOX_KEY_MAX)
    return -EMSGSIZE;
  if (lane == TT_LANE_CONTROL || !key)
    key_size = 0;

  struct item *item = item_create(lane, key, key_size, fn, data, size);
  if (!item) {
    if (lane == TT_LANE_CONTROL) {
      /* A lost completion or "my thread has ended" would leave somebody waiting for ever. */
      fputs("thingtree: out of memory\n", stderr);
      abort();
    }
    pthread_mutex_lock(&mailbox->inbox->mutex);
    mailbox->dropped++;
    pthread_mutex_unlock(&mailbox->inbox->mutex);
    return -ENOBUFS;
  }

  int r;
  pthread_mutex_lock(&mailbox->inbox->mutex);
  struct item *unused = put(mailbox, item, &r);
  pthread_mutex_unlock(&mailbox->inbox->mutex);
  free(unused);
  return r;
}

/* Under the mutex: nothing waits any more. */
static void lower_flag(struct tt_inbox *inbox)
{
  uint64_t count;
  if (!inbox->ready && read(inbox->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
    abort();
}

/* The next message, mailboxes taking turns; NULL: none. */
static struct item *take(struct tt_inbox *inbox, struct tt_mailbox **ret_mailbox)
{
  struct item *item = NULL;
  pthread_mutex_lock(&inbox->mutex);
  struct tt_mailbox *mailbox = inbox->ready;
  if (mailbox) {
    item = mailbox->items;
    DL_DELETE(mailbox->items, item);
    forget_key(mailbox, item);
    mailbox->n_items--;
    mailbox->bytes -= item_bytes(item);
    DL_DELETE(inbox->ready, mailbox);
    if (mailbox->items)
      DL_APPEND(inbox->ready, mailbox);
    *ret_mailbox = mailbox;
  } else
    lower_flag(inbox);
  pthread_mutex_unlock(&inbox->mutex);
  return item;
}

static uint64_t mono_us(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * TT_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static int on_ready(struct sd_event_source *source, int fd, uint32_t revents, void *user)
{
  struct tt_inbox *inbox = user;
  uint64_t end_us = mono_us() + TT_INBOX_TURN_US;
  bool is_late = true;
  (void)fd;
  (void)revents;

  for (unsigned n = 0; n < TT_INBOX_TURN_ITEMS; n++) {
    struct tt_mailbox *mailbox;
    struct item *item = take(inbox, &mailbox);
    if (!item) {
      is_late = false;
      break;
    }
    item->fn(mailbox->owner, item->data, item->size);
    free(item);
    if (mono_us() >= end_us)
      break;
  }
  if (is_late == inbox->is_late)
    return 0;
  inbox->is_late = is_late;
  return sd_event_source_set_priority(source, is_late ? PRIORITY_REST : PRIORITY_FRESH);
}

int tt_inbox_create(struct sd_event *event, struct tt_inbox **ret)
{
  struct tt_inbox *inbox = calloc(1, sizeof(*inbox));
  if (!inbox)
    return -ENOMEM;
  pthread_mutex_init(&inbox->mutex, NULL);
  int r = inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (r < 0)
    r = -errno;
  else
    r = sd_event_add_io(event, &inbox->source, inbox->fd, EPOLLIN, on_ready, inbox);
  if (r < 0) {
    tt_inbox_destroy(inbox);
    return r;
  }
  *ret = inbox;
  return 0;
}

void tt_inbox_destroy(struct tt_inbox *inbox)
{
  if (!inbox)
    return;
  sd_event_source_disable_unref(inbox->source);
  if (inbox->fd >= 0)
    close(inbox->fd);
  pthread_mutex_destroy(&inbox->mutex);
  free(inbox);
}

int tt_mailbox_create(struct tt_inbox *inbox, struct tt_bridge *owner, struct tt_mailbox **ret)
{
  struct tt_mailbox *mailbox = calloc(1, sizeof(*mailbox));
  if (!mailbox)
    return -ENOMEM;
  mailbox->inbox = inbox;
  mailbox->owner = owner;
  *ret = mailbox;
  return 0;
}

void tt_mailbox_close(struct tt_mailbox *mailbox)
{
  struct tt_inbox *inbox = mailbox->inbox;
  pthread_mutex_lock(&inbox->mutex);
  struct item *items = mailbox->items;
  if (items) {
    DL_DELETE(inbox->ready, mailbox);
    lower_flag(inbox);
  }
  HASH_CLEAR(hh, mailbox->by_key);
  mailbox->items = NULL;
  mailbox->n_items = mailbox->bytes = 0;
  mailbox->is_closed = true;
  pthread_mutex_unlock(&inbox->mutex);

  struct item *item, *next;
  DL_FOREACH_SAFE(items, item, next)
  free(item);
}

void tt_mailbox_destroy(struct tt_mailbox *mailbox)
{
  if (!mailbox)
    return;
  tt_mailbox_close(mailbox);
  free(mailbox);
}

struct tt_mailbox_counts tt_mailbox_counts(struct tt_mailbox *mailbox)
{
  pthread_mutex_lock(&mailbox->inbox->mutex);
  struct tt_mailbox_counts counts = {
      .replaced = mailbox->replaced,
      .dropped = mailbox->dropped,
      .items = mailbox->n_items,
      .bytes = mailbox->bytes,
  };
  pthread_mutex_unlock(&mailbox->inbox->mutex);
  return counts;
}
