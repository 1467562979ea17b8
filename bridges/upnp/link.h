/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h: libupnp, which a process has once. One thread of ours makes every call of it, for some of them block. The library's own threads call back; what they say is copied and posted.
 *
 * The functions are called on the loop thread and return at once; what comes of them comes by `on_event` and
 * `on_sighting`, on the loop thread too.
 */
#pragma once

#include "options.h"
#include "table.h"

#define UP_SID_MAX   64  /* bytes of the library's name for a subscription, NUL included */
#define UP_LINK_TEXT 200 /* a sentence about why there is no link */
#define UP_SUBSCRIBES_MAX                                                                                          \
  1 /* that the library has to do at once: it does one after the other, and we say which is next */
#define UP_ORDERS_MAX      8192
#define UP_SIGHTINGS_MAX   256 /* that wait for the loop */
#define UP_PORTS_TRIED     100 /* for events, from the first on */
#define UP_SUBSCRIBE_MIN_S 30  /* the library renews 10 s before the end: less would be a loop */

enum up_link_kind {
  UP_LINK_UP,         /* `net` is set */
  UP_LINK_DOWN,       /* `text` says why; it is tried again */
  UP_LINK_SUBSCRIBED, /* `ticket`, and `sid`, or `error`, and whether the device `has_answered` */
  UP_LINK_LOST,       /* the subscription `sid` has ended without us */
  UP_LINK_EVENT,      /* `sid`, `sequence`; the XML follows */
  UP_LINK_STOPPED,
};

struct up_link_event {
  enum up_link_kind kind;
  int error; /* of the library */
  bool has_answered;
  struct up_net net;
  uint64_t ticket;
  int sequence;
  uint32_t xml_size; /* bytes behind; 0 of an event: it was too large */
  char sid[UP_SID_MAX], text[UP_LINK_TEXT];
};

struct up_link;

/* -ENOMEM, -EAGAIN: no thread. */
int up_link_create(struct tt_bridge *bridge, const struct up_connection *options, tt_post_fn on_event,
                   tt_post_fn on_sighting, struct up_link **ret_link);
/* Begins to end; UP_LINK_STOPPED comes when no thread remains, then destroy. */
void up_link_stop(struct up_link *link);
/* The library takes too long. True: nothing of the link will come any more and it must not be named again; its thread
 * ends by itself. False: UP_LINK_STOPPED is on its way. */
bool up_link_abandon(struct up_link *link);
void up_link_destroy(struct up_link *link);

/* One sighting has been taken in: there is room for another. */
void up_link_heard(struct up_link *link);

/* The interface may have changed: begin anew if it has. */
void up_link_look(struct up_link *link);

/* Orders; -ENOBUFS, -ENOMEM. While a device does not answer a subscription, for up to 30 s, none of another begins: one
 * that is doubtful waits until there is nothing else to do. */
int up_link_subscribe(struct up_link *link, const char *url, uint64_t ticket, bool is_doubtful);
int up_link_renew(struct up_link *link, const char *sid);
int up_link_unsubscribe(struct up_link *link, const char *sid);

/* The address of an interface now; -ENODEV: there is no such interface; -EADDRNOTAVAIL: it has none, or is down. */
int up_net_of(const char *interface, struct up_net *ret_net);
/* The first port that nobody listens at, there; 0: none. */
uint16_t up_port_of(const struct up_net *net);
