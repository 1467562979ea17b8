/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription.h: being told of changes, for every kind of reader: event subscriptions of both dialects, people who watch,
 * what is published. Sources: XMPP IoT Events (urn:xmpp:iot:events), P1451.99 event subscription.
 *
 * A change that a device reports is told in the same turn of the loop (tt_core_flush()), all of that turn in one event of its
 * node; fields that are polled are told as the polls come. Each node has its own pace. Permission is asked again when the
 * rules have changed: what was taken away is not told any more. A device that is configured anew is another node of the same
 * key: the subscription goes on with it. A place stands for the devices that are below it when the subscription begins.
 */
#pragma once

#include "core.h"
#include "trigger.h"

#define TT_SUBSCRIPTIONS_MAX         4096
#define TT_SUBSCRIPTIONS_PER_CALLER  64 /* of one bare JID and class */
#define TT_SUBSCRIPTION_NODES_MAX    500
#define TT_SUBSCRIPTION_WATCHED_MAX  50000 /* nodes of all subscriptions together */
#define TT_SUBSCRIPTION_FIELDS_MAX   100
#define TT_SUBSCRIPTION_INTERVAL_MAX (UINT64_C(366) * 24 * 3600 * TT_USEC_PER_SEC) /* of min and max */

/* Within a class a subscription of a caller (full JID) takes the nodes that it names from the caller's older ones. */
enum tt_subscription_class {
  TT_SUBSCRIPTION_EVENTS,  /* of the dialects */
  TT_SUBSCRIPTION_WATCH,   /* of people */
  TT_SUBSCRIPTION_PUBLISH, /* of the gateway's own */
};

/* One field. With a limit it makes events, without it is told along. */
struct tt_event_field {
  const char *name;
  struct tt_limits limits;
  /* What the subscriber knows already, in lexical form: the first change is measured from it. NULL, or not of the field's
   * type: from the value at the beginning. */
  const char *current;
};

struct tt_subscribe_request {
  enum tt_subscription_class class;
  const struct tt_caller *caller;
  const struct tt_ref *refs; /* at least one */
  size_t n_refs;
  /* None: every field. When no field has limits, every change of any of them makes an event. */
  const struct tt_event_field *fields;
  size_t n_fields;
  unsigned categories;     /* of what is told; union; 0 = TT_CATEGORY_DEFAULT */
  uint64_t min_us, max_us; /* between events of one node (trigger.h); the caller of this has applied its floor */
  bool is_immediate;       /* a first event of each node at once; what is not fresh is read from the device first */
};

/* `refused` alone, or `accepted` and then the others until tt_unsubscribe() or `ended`. `refused`, `accepted` and, of a first
 * reading, `failed` may be called from within tt_subscribe(), no other is. Everything passed is valid during the call only. */
struct tt_event_sink {
  void (*refused)(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref);
  void (*accepted)(void *user);
  /* Values of one node, at least one. */
  void (*event)(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n);
  /* The node cannot be read now (its device is silent, or it was so when the subscription began); told once, and the event
   * when it is back comes without any limit being reached. May be NULL. */
  void (*failed)(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text);
  /* Nothing of a node is told any more: it has gone (TT_REFUSED_NOT_FOUND; it may come back), may not be read any more
   * (FORBIDDEN), or another subscription has taken it over (CONFLICT). May be NULL. */
  void (*lost)(void *user, const char *key, enum tt_refusal why);
  /* No node is left that could come back; the subscription is gone. May be NULL. */
  void (*ended)(void *user);
};

/* The handle; 0 when it was refused. */
tt_id tt_subscribe(struct tt_core *core, const struct tt_subscribe_request *request,
                   const struct tt_event_sink *sink, void *user);
/* Forget it; the sink is not called any more. A stale handle is fine. */
void tt_unsubscribe(struct tt_core *core, tt_id subscription);
size_t tt_subscription_count(const struct tt_core *core);
