/* SPDX-License-Identifier: Apache-2.0
 * channel.c: a queue of frames out, a buffer of frames in. */
#include "channel.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#define READ_SIZE (64u * 1024) /* of one recv() */
#define IOV       64           /* frames of one sendmsg() */
/* Left-overs of a turn wait behind everything else that is ready. */
#define PRIORITY_REST (SD_EVENT_PRIORITY_NORMAL + 10)

struct item {
  struct item *prev, *next;
  UT_hash_handle hh;
  uint64_t key;
  size_t size, sent;
  unsigned char data[];
};

struct tt_channel {
  struct tt_channel_hooks hooks;
  int fd;
  sd_event_source *io, *rest;
  uint32_t events;
  int error; /* over, told by the next event */
  bool is_over;
  /* out */
  struct item *items, *by_key;
  size_t waiting;
  uint64_t dropped;
  /* in */
  unsigned char *in;
  size_t in_size, in_room;
};

/* ---- Out ---------------------------------------------------------------------------------------------------- */
static void item_free(struct item *item)
{
  if (item)
    explicit_bzero(item->data, item->size);
  free(item);
}

static struct item *item_create(const struct tt_letter *letter, uint64_t key, int *ret)
{
  struct tt_buf body = TT_BUF(TT_FRAME_MAX);
  struct item *item = NULL;
  tt_letter_put(letter, &body);
  *ret = body.failed ? -EMSGSIZE : -ENOMEM;
  if (!body.failed && (item = malloc(sizeof(*item) + TT_FRAME_HEAD + body.len))) {
    *item = (struct item){.key = key, .size = TT_FRAME_HEAD + body.len};
    tt_frame_head(item->data, letter->type, letter->id, body.len);
    if (body.len > 0)
      memcpy(item->data + TT_FRAME_HEAD, body.data, body.len);
  }
  if (body.data)
    explicit_bzero(body.data, body.room);
  tt_buf_finish(&body);
  return item;
}

static void forget_key(struct tt_channel *channel, struct item *item)
{
  struct item *known = NULL;
  if (item->key)
    HASH_FIND(hh, channel->by_key, &item->key, sizeof(item->key), known);
  if (known == item)
    HASH_DELETE(hh, channel->by_key, item);
}

/* The newest of this key that waits and has not begun to leave. */
static struct item *older(struct tt_channel *channel, uint64_t key)
{
  struct item *found = NULL;
  if (key)
    HASH_FIND(hh, channel->by_key, &key, sizeof(key), found);
  return found && found->sent == 0 ? found : NULL;
}

static void remember_key(struct tt_channel *channel, struct item *item)
{
  struct item *known = NULL;
  if (!item->key)
    return;
  HASH_REPLACE(hh, channel->by_key, key, sizeof(item->key), item, known);
}

static void end_soon(struct tt_channel *channel, int error)
{
  if (channel->error == 0)
    channel->error = error;
  sd_event_source_set_enabled(channel->rest, SD_EVENT_ONESHOT);
}

int tt_channel_send(struct tt_channel *channel, const struct tt_letter *letter, enum tt_class class, uint64_t key)
{
  int r;
  if (channel->is_over || channel->error)
    return -EPIPE;
  struct item *item = item_create(letter, key, &r), *old = NULL;
  if (!item) {
    channel->dropped += class == TT_CLASS_MAY;
    if (class == TT_CLASS_MUST && r == -ENOMEM)
      end_soon(channel, r); /* somebody would wait for ever */
    return r;
  }
  if (channel->waiting >= TT_CHANNEL_HIGH)
    old = older(channel, key);
  if (old) {
    remember_key(channel, item);
    DL_REPLACE_ELEM(channel->items, old, item);
    channel->waiting += item->size - old->size;
    item_free(old);
    return 0;
  }
  if (class == TT_CLASS_MAY && channel->waiting + item->size > TT_CHANNEL_MAX) {
    channel->dropped++;
    item_free(item);
    return -ENOBUFS;
  }
  DL_APPEND(channel->items, item);
  channel->waiting += item->size;
  remember_key(channel, item);
  return 0;
}

static void sent(struct tt_channel *channel, size_t n)
{
  channel->waiting -= n;
  while (n > 0) {
    struct item *item = channel->items;
    size_t part = item->size - item->sent;
    if (n < part) {
      item->sent += n;
      return;
    }
    n -= part;
    forget_key(channel, item);
    DL_DELETE(channel->items, item);
    item_free(item);
  }
}

/* As much as the socket takes. */
static int flush(struct tt_channel *channel)
{
  while (channel->items) {
    struct iovec iov[IOV];
    struct msghdr head = {.msg_iov = iov};
    struct item *item;
    DL_FOREACH(channel->items, item) {
      if (head.msg_iovlen == IOV)
        break;
      iov[head.msg_iovlen++] = (struct iovec){item->data + item->sent, item->size - item->sent};
    }
    ssize_t n = sendmsg(channel->fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN ? 0 : -errno;
    sent(channel, (size_t)n);
  }
  return 0;
}

/* ---- In ----------------------------------------------------------------------------------------------------- */
static void over(struct tt_channel *channel, int error)
{
  if (channel->is_over)
    return;
  channel->is_over = true;
  sd_event_source_set_enabled(channel->io, SD_EVENT_OFF);
  sd_event_source_set_enabled(channel->rest, SD_EVENT_OFF);
  channel->hooks.over(channel->hooks.user, error == -ECONNRESET ? -EPIPE : error);
}

static uint64_t mono_us(void)
{
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (uint64_t)ts.tv_sec * TT_USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static int hand_on(struct tt_channel *channel, const struct tt_frame *frame)
{
  struct tt_letter letter TT_AUTOLETTER = {0};
  int r = tt_letter_take(frame, &letter);
  return r < 0 ? r : channel->hooks.letter(channel->hooks.user, &letter);
}

/* 1: there may be more; 0: what there was has been handed on. */
static int hand_on_portion(struct tt_channel *channel)
{
  uint64_t end_us = mono_us() + TT_CHANNEL_TURN_US;
  size_t done = 0, used;
  int r = 1;
  for (unsigned n = 0; r > 0 && n < TT_CHANNEL_TURN_FRAMES; n++) {
    struct tt_frame frame;
    r = tt_frame_take(channel->in + done, channel->in_size - done, &frame, &used);
    if (r <= 0)
      break;
    r = hand_on(channel, &frame);
    if (r < 0)
      break;
    done += used;
    r = 1;
    if (mono_us() >= end_us)
      break;
  }
  if (done > 0) {
    size_t left = channel->in_size - done;
    memmove(channel->in, channel->in + done, left);
    explicit_bzero(channel->in + left, done);
    channel->in_size = left;
  }
  return r;
}

static int make_room(struct tt_channel *channel)
{
  if (channel->in_room - channel->in_size >= READ_SIZE)
    return 0;
  size_t room = channel->in_size + 2 * READ_SIZE; /* at most a frame and two reads */
  unsigned char *in = malloc(room);
  if (!in)
    return -ENOMEM;
  if (channel->in_size > 0) {
    memcpy(in, channel->in, channel->in_size);
    explicit_bzero(channel->in, channel->in_size);
  }
  free(channel->in);
  channel->in = in;
  channel->in_room = room;
  return 0;
}

static int receive(struct tt_channel *channel)
{
  int r = make_room(channel);
  if (r < 0)
    return r;
  ssize_t n = recv(channel->fd, channel->in + channel->in_size, READ_SIZE, MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
  if (n == 0)
    return -EPIPE;
  channel->in_size += (size_t)n;
  return 0;
}

/* Hands on; what is left waits behind the others, and nothing is read before it has gone. */
static void proceed(struct tt_channel *channel)
{
  int r = hand_on_portion(channel);
  if (r < 0) {
    over(channel, r);
    return;
  }
  sd_event_source_set_enabled(channel->rest, r > 0 || channel->error ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
  uint32_t events = r > 0 ? channel->events & ~(uint32_t)EPOLLIN : channel->events | EPOLLIN;
  if (events != channel->events && sd_event_source_set_io_events(channel->io, events) >= 0)
    channel->events = events;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *user)
{
  struct tt_channel *channel = user;
  (void)source;
  (void)fd;
  int r = 0;
  if (revents & EPOLLOUT)
    r = flush(channel);
  if (r == 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR) && channel->events & EPOLLIN)
    r = receive(channel);
  if (r < 0)
    over(channel, r);
  else
    proceed(channel);
  return 0;
}

static int on_rest(sd_event_source *source, void *user)
{
  struct tt_channel *channel = user;
  (void)source;
  if (channel->error)
    over(channel, channel->error);
  else
    proceed(channel);
  return 0;
}

/* Just before the loop waits: what this turn had to say leaves together. */
static int before_wait(sd_event_source *source, void *user)
{
  struct tt_channel *channel = user;
  if (!channel->items && !(channel->events & EPOLLOUT))
    return 0;
  int r = channel->events & EPOLLOUT ? 0 : flush(channel);
  if (r < 0 && r != -EPIPE && r != -ECONNRESET) /* the other end is gone: what it still said is read first */
    end_soon(channel, r);
  uint32_t events = channel->events & ~(uint32_t)EPOLLOUT;
  if (channel->items && r == 0)
    events |= EPOLLOUT;
  if (events != channel->events && sd_event_source_set_io_events(source, events) >= 0)
    channel->events = events;
  return 0;
}

/* ---- Life --------------------------------------------------------------------------------------------------- */
int tt_channel_create(struct sd_event *event, int fd, const struct tt_channel_hooks *hooks, struct tt_channel **ret)
{
  struct tt_channel *channel = calloc(1, sizeof(*channel));
  if (!channel) {
    close(fd);
    return -ENOMEM;
  }
  *channel = (struct tt_channel){.hooks = *hooks, .fd = fd, .events = EPOLLIN};
  int r = sd_event_add_io(event, &channel->io, fd, EPOLLIN, on_io, channel);
  if (r >= 0)
    r = sd_event_source_set_prepare(channel->io, before_wait);
  if (r >= 0)
    r = sd_event_add_defer(event, &channel->rest, on_rest, channel);
  if (r >= 0)
    r = sd_event_source_set_enabled(channel->rest, SD_EVENT_OFF);
  if (r >= 0)
    r = sd_event_source_set_priority(channel->rest, PRIORITY_REST);
  if (r < 0) {
    tt_channel_destroy(channel);
    return r;
  }
  *ret = channel;
  return 0;
}

void tt_channel_destroy(struct tt_channel *channel)
{
  struct item *item, *next;
  if (!channel)
    return;
  sd_event_source_disable_unref(channel->io);
  sd_event_source_disable_unref(channel->rest);
  HASH_CLEAR(hh, channel->by_key);
  DL_FOREACH_SAFE(channel->items, item, next)
  item_free(item);
  if (channel->in)
    explicit_bzero(channel->in, channel->in_room);
  free(channel->in);
  close(channel->fd);
  free(channel);
}

size_t tt_channel_waiting(const struct tt_channel *channel)
{
  return channel->waiting;
}

uint64_t tt_channel_dropped(const struct tt_channel *channel)
{
  return channel->dropped;
}
