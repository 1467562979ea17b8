/* SPDX-License-Identifier: Apache-2.0
 * publish_node.c: a pubsub node from nothing to its next item: create or configure it, let the service confirm who may read it,
 * let exactly the members in, publish. One question at a time; an error begins anew, later. */
#include "publish_private.h"

#include "service/log.h"

#include <stdio.h>

#define RETRY_MIN_US (2 * TT_USEC_PER_SEC)
#define RETRY_MAX_US (600 * TT_USEC_PER_SEC)
#define ITEM_CURRENT "current" /* the item of a device that has the pubsub node for itself */

/* ---- Trouble -------------------------------------------------------------------------------------------------------- */

uint64_t tt_publish_retry(const struct tt_publisher *publisher, unsigned *n_failures)
{
  uint64_t us = RETRY_MIN_US;
  for (unsigned i = 0; i < *n_failures && us < RETRY_MAX_US; i++)
    us *= 2;
  ++*n_failures;
  return tt_core_now(tt_router_config(publisher->router)->core).mono_us + (us < RETRY_MAX_US ? us : RETRY_MAX_US);
}

void tt_publish_due(struct tt_publisher *publisher, uint64_t us)
{
  publisher->due_us = us < publisher->due_us ? us : publisher->due_us;
}

void tt_outlet_failed(struct tt_outlet *outlet, const char *name, const char *why)
{
  if (!outlet->has_failed)
    tt_log(TT_LOG_WARNING, "publish", "%s%s%s: %s; it is tried again", outlet->config->to, name ? ", " : "",
           name ? name : "", why);
  outlet->has_failed = true;
}

void tt_outlet_mended(struct tt_outlet *outlet)
{
  if (outlet->has_failed)
    tt_log(TT_LOG_INFO, "publish", "%s: what had failed works now", outlet->config->to);
  outlet->has_failed = false;
}

static void set_failing(struct tt_pubsub_place *place, bool is_failing)
{
  struct tt_outlet *outlet = place->outlet;
  if (place->is_failing == is_failing)
    return;
  place->is_failing = is_failing;
  outlet->n_failing += is_failing ? 1 : (size_t)-1;
  if (outlet->n_failing == 0)
    tt_outlet_mended(outlet);
}

/* ---- Who has something to ask ---------------------------------------------------------------------------------------- */

static void enqueue(struct tt_pubsub_place *place)
{
  bool has_question = place->step != TT_PLACE_READY || place->waiting;
  if (!has_question || place->is_queued || place->is_open || place->retry_us)
    return;
  place->is_queued = true;
  DL_APPEND(place->outlet->publisher->queue, place);
}

static void dequeue(struct tt_pubsub_place *place)
{
  if (place->is_queued)
    DL_DELETE(place->outlet->publisher->queue, place);
  place->is_queued = false;
}

const char *tt_publish_wrong(const struct tt_xml *answer)
{
  const char *type = answer ? tt_xml_attr(answer, "type") : NULL,
             *wrong = answer ? tt_answer_condition(answer) : NULL;
  if (!answer)
    return "no answer";
  return wrong || (type && !strcmp(type, "result")) ? wrong : "refused";
}

static void fail(struct tt_pubsub_place *place, const char *why)
{
  tt_outlet_failed(place->outlet, place->name, why);
  set_failing(place, true);
  place->step = TT_PLACE_CREATE;
  place->retry_us = tt_publish_retry(place->outlet->publisher, &place->n_failures);
  tt_publish_due(place->outlet->publisher, place->retry_us);
}

/* ---- Items ---------------------------------------------------------------------------------------------------------- */

static const char *item_id(const struct tt_item_out *item)
{
  return item->place->outlet->is_shared ? item->key : ITEM_CURRENT;
}

static void item_wait(struct tt_item_out *item)
{
  if (!item->is_waiting)
    DL_APPEND(item->place->waiting, item);
  item->is_waiting = true;
  enqueue(item->place);
}

static void item_free(struct tt_item_out *item)
{
  struct tt_pubsub_place *place = item->place;
  if (item->is_waiting)
    DL_DELETE(place->waiting, item);
  HASH_DEL(place->outlet->items, item);
  place->n_items--;
  free(item->payload);
  free(item);
}

struct tt_item_out *tt_item_create(struct tt_pubsub_place *place, const char *key)
{
  size_t n = strlen(key) + 1;
  if (place->n_items >= TT_PUBLISH_ITEMS_MAX) {
    if (!place->is_full)
      tt_log(TT_LOG_WARNING, "publish", "%s, %s: there is room for %d devices; others are left out",
             place->outlet->config->to, place->name, TT_PUBLISH_ITEMS_MAX);
    place->is_full = true;
    return NULL;
  }
  struct tt_item_out *item = calloc(1, sizeof(*item) + n);
  if (!item)
    return NULL;
  item->place = place;
  memcpy(item->key, key, n);
  HASH_ADD_STR(place->outlet->items, key, item);
  if (!item->hh.tbl) {
    free(item);
    return NULL;
  }
  place->n_items++;
  return item;
}

void tt_item_put(struct tt_item_out *item, char *payload)
{
  if (!payload)
    return;
  free(item->payload);
  item->payload = payload;
  item->is_retracted = false;
  item_wait(item);
}

void tt_item_retract(struct tt_item_out *item)
{
  free(TT_STEAL(item->payload));
  item->is_retracted = true;
  item_wait(item);
}

/* Without items. */
static void place_free(struct tt_pubsub_place *place)
{
  struct tt_outlet *outlet = place->outlet;
  set_failing(place, false);
  dequeue(place);
  tt_ask_forget(outlet->publisher->router, place);
  outlet->publisher->n_open -= place->is_open;
  HASH_DEL(outlet->places, place);
  free(place->admit);
  free(place);
}

/* ---- Steps ---------------------------------------------------------------------------------------------------------- */

static struct tt_pubsub_node describe(const struct tt_pubsub_place *place)
{
  const struct tt_outlet *outlet = place->outlet;
  return (struct tt_pubsub_node){.name = place->name,
                                 .payload = outlet->dialect->ns[TT_SUBJECT_SENSOR],
                                 .access = outlet->config->access,
                                 .groups = outlet->config->groups,
                                 .members = outlet->config->members,
                                 .max_items = outlet->is_shared ? TT_PUBLISH_ITEMS_MAX : 1};
}

static char *next_item(struct tt_pubsub_place *place, const struct tt_pubsub_node *node)
{
  struct tt_item_out *item = place->waiting;
  DL_DELETE(place->waiting, item);
  item->is_waiting = false;
  place->sending = item;
  return item->payload ? tt_pubsub_publish(node, item_id(item), item->payload, place->outlet->has_options)
                       : tt_pubsub_retract(node->name, item_id(item));
}

static char *next_create(TT_UNUSED struct tt_pubsub_place *place, const struct tt_pubsub_node *node)
{
  return tt_pubsub_create(node);
}

static char *next_configure(TT_UNUSED struct tt_pubsub_place *place, const struct tt_pubsub_node *node)
{
  return tt_pubsub_configure(node);
}

static char *next_confirm(TT_UNUSED struct tt_pubsub_place *place, const struct tt_pubsub_node *node)
{
  return tt_pubsub_ask_config(node->name);
}

static char *next_readers(TT_UNUSED struct tt_pubsub_place *place, const struct tt_pubsub_node *node)
{
  return tt_pubsub_ask_affiliations(node->name);
}

static char *next_admit(struct tt_pubsub_place *place, TT_UNUSED const struct tt_pubsub_node *node)
{
  return TT_STEAL(place->admit);
}

static void on_created(struct tt_pubsub_place *place, TT_UNUSED const struct tt_xml *answer, const char *wrong)
{
  bool is_there = wrong && !strcmp(wrong, "conflict");
  if (wrong && !is_there)
    fail(place, wrong);
  else
    place->step = is_there ? TT_PLACE_CONFIGURE : TT_PLACE_CONFIRM;
}

static void on_configured(struct tt_pubsub_place *place, TT_UNUSED const struct tt_xml *answer, const char *wrong)
{
  if (wrong)
    fail(place, wrong);
  else
    place->step = TT_PLACE_CONFIRM;
}

static void on_config(struct tt_pubsub_place *place, const struct tt_xml *answer, const char *wrong)
{
  const struct tt_pubsub_node node = describe(place);
  char why[200];
  if (wrong)
    snprintf(why, sizeof(why), "the service does not say who may read it: %s", wrong);
  if (wrong || !tt_pubsub_confirms(&node, answer, why, sizeof(why)))
    fail(place, why);
  else
    place->step = TT_PLACE_READERS;
}

/* From now on it is ours to delete. */
static void become_ready(struct tt_pubsub_place *place)
{
  const struct tt_outlet *outlet = place->outlet;
  struct tt_publisher *publisher = outlet->publisher;
  const struct tt_kept_node kept = {publisher->by, outlet->config->to, outlet->as, place->name};
  place->step = TT_PLACE_READY;
  if (tt_kept_add(publisher->kept, &kept) < 0)
    tt_log(TT_LOG_WARNING, "publish", "%s, %s: this pubsub node will stay when it is published no more",
           outlet->config->to, place->name);
}

static void on_readers(struct tt_pubsub_place *place, const struct tt_xml *answer, const char *wrong)
{
  const struct tt_pubsub_node node = describe(place);
  /* A service without affiliations has let in nobody by them. */
  bool has_none = wrong && !strcmp(wrong, "feature-not-implemented") && node.access != TT_PUBLISH_WHITELIST;
  int r = wrong ? 0 : tt_pubsub_set_affiliations(&node, answer, &place->admit);
  if (r < 0)
    fail(place, "the service does not say who is on its list");
  else if (wrong && !has_none)
    fail(place, wrong);
  else if (place->admit)
    place->step = TT_PLACE_ADMIT;
  else
    become_ready(place);
}

static void on_admitted(struct tt_pubsub_place *place, TT_UNUSED const struct tt_xml *answer, const char *wrong)
{
  if (wrong)
    fail(place, wrong);
  else
    become_ready(place);
}

/* What was not taken waits again, unless something newer does. */
static void on_published(struct tt_pubsub_place *place, TT_UNUSED const struct tt_xml *answer, const char *wrong)
{
  struct tt_item_out *item = TT_STEAL(place->sending);
  bool was_none = wrong && item->is_retracted && !strcmp(wrong, "item-not-found");
  if (wrong && !was_none) {
    fail(place, wrong); /* first: nothing is asked before it is tried again */
    item_wait(item);
    return;
  }
  place->outlet->publisher->n_items += !item->is_retracted;
  place->n_failures = 0;
  set_failing(place, false);
  if (item->is_waiting)
    return;
  if (item->is_retracted)
    item_free(item);
  else
    free(TT_STEAL(item->payload));
}

static const struct {
  char *(*question)(struct tt_pubsub_place *place, const struct tt_pubsub_node *node);
  bool is_set;
  /* `wrong`: the condition of an error, or that there is no answer; NULL: it is a result. */
  void (*answered)(struct tt_pubsub_place *place, const struct tt_xml *answer, const char *wrong);
} steps[] = {
    [TT_PLACE_CREATE] = {next_create, true, on_created},
    [TT_PLACE_CONFIGURE] = {next_configure, true, on_configured},
    [TT_PLACE_CONFIRM] = {next_confirm, false, on_config},
    [TT_PLACE_READERS] = {next_readers, false, on_readers},
    [TT_PLACE_ADMIT] = {next_admit, true, on_admitted},
    [TT_PLACE_READY] = {next_item, true, on_published},
};

static void on_answer(void *user, const struct tt_xml *answer)
{
  struct tt_pubsub_place *place = user;
  struct tt_publisher *publisher = place->outlet->publisher;
  place->is_open = false;
  publisher->n_open--;
  if (!answer && !tt_session_is_online(place->outlet->session))
    return; /* the end of the stream ends it all */
  steps[place->step].answered(place, answer, tt_publish_wrong(answer));
  if (place->n_items == 0 && place->step == TT_PLACE_READY)
    place_free(place);
  else
    enqueue(place);
  tt_publish_pump(publisher);
}

void tt_publish_pump(struct tt_publisher *publisher)
{
  while (publisher->queue && publisher->n_open < TT_PUBLISH_OPEN_MAX) {
    struct tt_pubsub_place *place = publisher->queue;
    const struct tt_pubsub_node node = describe(place);
    dequeue(place);
    const struct tt_question question = {.to = place->outlet->to,
                                         .is_set = steps[place->step].is_set,
                                         .payload = steps[place->step].question(place, &node)};
    int r =
        question.payload ? tt_ask(publisher->router, place->outlet->session, &question, on_answer, place) : -ENOMEM;
    if (r == 0) {
      place->is_open = true;
      publisher->n_open++;
      continue;
    }
    fail(place, strerror(-r));
    if (place->sending)
      item_wait(TT_STEAL(place->sending));
  }
}

void tt_places_turn(struct tt_outlet *outlet, uint64_t mono_us)
{
  for (struct tt_pubsub_place *place = outlet->places; place; place = place->hh.next) {
    if (place->retry_us > mono_us) {
      tt_publish_due(outlet->publisher, place->retry_us);
    } else if (place->retry_us) {
      place->retry_us = 0;
      enqueue(place);
    }
  }
}

/* ---- Life ----------------------------------------------------------------------------------------------------------- */

struct tt_pubsub_place *tt_place_get(struct tt_outlet *outlet, const char *name)
{
  struct tt_pubsub_place *place;
  size_t n = strlen(name) + 1;
  HASH_FIND_STR(outlet->places, name, place);
  if (place)
    return place;
  place = calloc(1, sizeof(*place) + n);
  if (!place)
    return NULL;
  place->outlet = outlet;
  memcpy(place->name, name, n);
  HASH_ADD_STR(outlet->places, name, place);
  if (!place->hh.tbl) {
    free(place);
    return NULL;
  }
  return place;
}

void tt_places_free(struct tt_outlet *outlet)
{
  while (outlet->items)
    item_free(outlet->items);
  while (outlet->places)
    place_free(outlet->places);
}
