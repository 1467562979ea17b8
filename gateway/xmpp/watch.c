/* SPDX-License-Identifier: Apache-2.0
 * watch.c: watch.h, on top of model/subscription.h, which does pace and permission. One watch is one node of one full JID. */
#include "watch.h"

#include "chat/letters.h"
#include "chat/told.h"
#include "model/subscription.h"
#include "text/text.h"
#include "writer.h"

#include <stdio.h>
#include <utlist.h>

struct watch {
  struct watch *prev, *next; /* by number within a person */
  struct tt_watches *watches;
  struct tt_session *session;
  struct tt_caller *caller;
  char *thread;
  tt_id subscription;
  tt_id node;
  unsigned number;
  char *names[TT_WATCH_FIELDS_MAX];
  size_t n_names;
  tt_watch_fn fn; /* until it is decided */
  void *user;
  bool is_starting, has_failed;
};

struct tt_watches {
  struct tt_router *router;
  struct watch *all;
};

static struct tt_core *core_of(const struct watch *watch)
{
  return tt_router_config(watch->watches->router)->core;
}

/* Without a word to the core, which may have gone. */
static void watch_drop(struct watch *watch)
{
  DL_DELETE(watch->watches->all, watch);
  for (size_t i = 0; i < watch->n_names; i++)
    free(watch->names[i]);
  free(watch->thread);
  free(watch->caller);
  free(watch);
}

static void watch_free(struct watch *watch)
{
  tt_unsubscribe(core_of(watch), watch->subscription);
  watch_drop(watch);
}

/* ---- What is said ------------------------------------------------------------------------------------------------- */

/* A watch is worth a message, and not worth keeping: whoever is away has to look again anyway. */
static void send_text(const struct watch *watch, const char *text)
{
  struct tt_buf buf TT_AUTOBUF = TT_BUF(0);
  struct tt_writer w;
  tt_write_init(&w, &buf);
  tt_write_element(&w, "body", text);
  if (watch->thread)
    tt_write_element(&w, "thread", watch->thread);
  tt_write_open(&w, "no-store", "urn:xmpp:hints");
  tt_write_close(&w);
  char *payload = w.failed ? NULL : tt_buf_steal(&buf);
  if (payload)
    tt_session_send(watch->session, &(struct tt_out){.kind = TT_OUT_MESSAGE,
                                                     .class = TT_OUT_READING,
                                                     .type = "chat",
                                                     .from = watch->caller->local,
                                                     .to = watch->caller->jid,
                                                     .language = watch->caller->language,
                                                     .payload = payload});
}

static const char *node_name(const struct watch *watch, const struct tt_node *node)
{
  return node ? tt_node_label(node, watch->caller->language) : "?";
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct watch *watch = user;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  watch->node = node->id;
  tt_chat_put_told(&text, node, fields, n, tt_core_now(core_of(watch)), watch->caller->language);
  if (!text.failed)
    send_text(watch, text.data);
}

/* Told once; that it is back, its values tell. */
static void on_failed(void *user, const struct tt_node *node, const char *key, TT_UNUSED uint64_t wall_us,
                      const char *why)
{
  const struct watch *watch = user;
  struct tt_buf text TT_AUTOBUF = TT_BUF(0);
  tt_chat_put_silent(&text, node, key, why, watch->caller->language);
  if (!text.failed)
    send_text(watch, text.data);
}

/* ---- Beginning and end -------------------------------------------------------------------------------------------- */

static void decide(struct watch *watch, enum tt_refusal refusal, const char *text)
{
  tt_watch_fn fn = watch->fn;
  watch->fn = NULL;
  if (fn)
    fn(watch->user, refusal, text, refusal == TT_OK ? watch->number : 0);
}

static void on_refused(void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                       TT_UNUSED const struct tt_ref *ref)
{
  struct watch *watch = user;
  decide(watch, refusal, tt_tr(watch->caller->language, tt_refusal_text(refusal)));
  watch->subscription = 0;
  watch->has_failed = true;
  if (!watch->is_starting)
    watch_free(watch);
}

static void on_accepted(void *user)
{
  struct watch *watch = user;
  const struct tt_node *node = tt_tree_get(tt_core_tree(core_of(watch)), watch->node);
  struct tt_buf name TT_AUTOBUF = TT_BUF(0), text TT_AUTOBUF = TT_BUF(0);
  tt_chat_put(&name, node_name(watch, node));
  tt_buf_printf(&text, tt_tr(watch->caller->language, TT_TR("I tell you when *%s* changes. `unwatch %u` ends it.")),
                name.data ? name.data : "?", watch->number);
  decide(watch, TT_OK, text.data ? text.data : "");
}

static void on_lost(TT_UNUSED void *user, TT_UNUSED const char *key, TT_UNUSED enum tt_refusal why)
{
  /* It may come back; if not, it has ended. */
}

static void on_ended(void *user)
{
  struct watch *watch = user;
  watch->subscription = 0;
  watch_free(watch);
}

static const struct tt_event_sink sink = {
    .refused = on_refused,
    .accepted = on_accepted,
    .event = on_event,
    .failed = on_failed,
    .lost = on_lost,
    .ended = on_ended,
};

static void subscribe(struct watch *watch, const struct tt_ref *node)
{
  struct tt_event_field fields[TT_WATCH_FIELDS_MAX];
  for (size_t i = 0; i < watch->n_names; i++)
    fields[i] = (struct tt_event_field){.name = watch->names[i]};
  const struct tt_subscribe_request request = {
      .class = TT_SUBSCRIPTION_WATCH,
      .caller = watch->caller,
      .refs = node,
      .n_refs = 1,
      .fields = fields,
      .n_fields = watch->n_names,
      .categories = watch->n_names ? TT_CATEGORY_ALL : TT_CATEGORY_DEFAULT & ~(unsigned)TT_CATEGORY_IDENTITY,
      .min_us = TT_WATCH_INTERVAL_US,
  };
  watch->is_starting = true;
  tt_id subscription = tt_subscribe(core_of(watch), &request, &sink, watch);
  watch->is_starting = false;
  if (watch->has_failed)
    watch_free(watch);
  else
    watch->subscription = subscription;
}

/* The smallest free number of this person, and the place in the list before which it belongs. False: they have too many. */
static bool find_number(const struct tt_watches *watches, const char *bare, unsigned *ret_number)
{
  const struct watch *watch;
  size_t n = 0, n_person = 0;
  unsigned number = 1;
  DL_FOREACH(watches->all, watch) {
    n++;
    if (strcmp(watch->caller->bare, bare) != 0)
      continue;
    n_person++;
    number += watch->number == number; /* they are in order */
  }
  *ret_number = number;
  return n < TT_WATCHES_MAX && n_person < TT_WATCHES_PER_BARE;
}

static int by_number(const struct watch *a, const struct watch *b)
{
  return a->number < b->number ? -1 : a->number > b->number;
}

static int add_name(struct watch *watch, const char *name)
{
  for (size_t i = 0; i < watch->n_names; i++)
    if (!strcmp(watch->names[i], name))
      return 0;
  if (watch->n_names == TT_WATCH_FIELDS_MAX)
    return -ENOSPC;
  watch->names[watch->n_names] = strdup(name);
  if (!watch->names[watch->n_names])
    return -ENOMEM;
  watch->n_names++;
  return 0;
}

static struct watch *watch_create(struct tt_watches *watches, const struct tt_watch_address *address, tt_id node)
{
  struct watch *watch = calloc(1, sizeof(*watch));
  if (!watch)
    return NULL;
  watch->watches = watches;
  watch->session = address->session;
  watch->node = node;
  watch->caller = tt_caller_copy(address->caller);
  watch->thread = address->thread ? strdup(address->thread) : NULL;
  DL_APPEND(watches->all, watch);
  if (!watch->caller || (address->thread && !watch->thread)) {
    watch_free(watch);
    return NULL;
  }
  return watch;
}

/* What this full JID watches of the node already; the new one takes its place. */
static struct watch *find_same(const struct tt_watches *watches, const char *jid, tt_id node)
{
  struct watch *watch;
  DL_FOREACH(watches->all, watch) {
    if (watch->node == node && !strcmp(watch->caller->jid, jid))
      return watch;
  }
  return NULL;
}

/* The fields of both; all, when either is of all. */
static int set_names(struct watch *watch, const struct watch *before, const char *const fields[], size_t n)
{
  int r = 0;
  if (n == 0 || (before && before->n_names == 0))
    return 0;
  for (size_t i = 0; i < n && r == 0; i++)
    r = add_name(watch, fields[i]);
  for (size_t i = 0; before && i < before->n_names && r == 0; i++)
    r = add_name(watch, before->names[i]);
  return r;
}

void tt_watch_start(struct tt_watches *watches, const struct tt_watch_address *address, const struct tt_ref *ref,
                    const char *const fields[], size_t n_fields, tt_watch_fn fn, void *user)
{
  const struct tt_caller *caller = address->caller;
  const struct tt_node *node = tt_core_see(tt_router_config(watches->router)->core, caller, ref);
  struct watch *before = node ? find_same(watches, caller->jid, node->id) : NULL;
  unsigned number = 0;
  enum tt_refusal refusal = TT_OK;
  if (!node)
    refusal = TT_REFUSED_NOT_FOUND;
  else if (!find_number(watches, caller->bare, &number) && !before)
    refusal = TT_REFUSED_BUSY;
  struct watch *watch = refusal == TT_OK ? watch_create(watches, address, node->id) : NULL;
  int r = watch ? set_names(watch, before, fields, n_fields) : 0;
  if (r < 0) {
    watch_free(watch);
    watch = NULL;
    refusal = r == -ENOSPC ? TT_REFUSED_TOO_LARGE : TT_REFUSED_BUSY;
  }
  if (!watch) {
    refusal = refusal == TT_OK ? TT_REFUSED_BUSY : refusal;
    const char *text = refusal == TT_REFUSED_BUSY ? TT_TR("That would be too many watches. `unwatch` ends some.")
                                                  : tt_refusal_text(refusal);
    fn(user, refusal, tt_tr(caller->language, text), 0);
    return;
  }
  watch->number = before ? before->number : number;
  watch->fn = fn;
  watch->user = user;
  if (before)
    watch_free(before);
  DL_SORT(watches->all, by_number);
  subscribe(watch, ref);
}

void tt_watch_forget(struct tt_watches *watches, const void *user)
{
  struct watch *watch;
  DL_FOREACH(watches->all, watch) {
    if (watch->fn && watch->user == user)
      watch->fn = NULL;
  }
}

size_t tt_watch_list(const struct tt_watches *watches, const char *bare, struct tt_watch_row rows[], size_t room)
{
  const struct watch *watch;
  size_t n = 0;
  DL_FOREACH(watches->all, watch) {
    if (strcmp(watch->caller->bare, bare) != 0)
      continue;
    if (n < room)
      rows[n] = (struct tt_watch_row){.number = watch->number,
                                      .node = watch->node,
                                      .fields = (const char *const *)watch->names,
                                      .n_fields = watch->n_names,
                                      .jid = watch->caller->jid};
    n++;
  }
  return n;
}

int tt_watch_stop(struct tt_watches *watches, const char *bare, unsigned number)
{
  struct watch *watch;
  DL_FOREACH(watches->all, watch) {
    if (watch->number == number && !strcmp(watch->caller->bare, bare)) {
      decide(watch, TT_REFUSED_CONFLICT, tt_tr(watch->caller->language, tt_refusal_text(TT_REFUSED_CONFLICT)));
      watch_free(watch);
      return 0;
    }
  }
  return -ENOENT;
}

size_t tt_watch_stop_node(struct tt_watches *watches, const char *bare, tt_id node)
{
  struct watch *watch, *next;
  size_t n = 0;
  DL_FOREACH_SAFE(watches->all, watch, next)
  {
    if (!strcmp(watch->caller->bare, bare) && (!node || watch->node == node)) {
      watch_free(watch);
      n++;
    }
  }
  return n;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

static void on_gone(void *user, struct tt_session *session, const char *who)
{
  struct tt_watches *watches = user;
  struct watch *watch, *next;
  DL_FOREACH_SAFE(watches->all, watch, next)
  {
    if (watch->session == session && tt_router_is_of(watch->caller->jid, who)) {
      decide(watch, TT_REFUSED_CONFLICT, ""); /* nobody is there to read it */
      watch_free(watch);
    }
  }
}

int tt_watches_create(struct tt_router *router, struct tt_watches **ret)
{
  struct tt_watches *watches = calloc(1, sizeof(*watches));
  if (!watches)
    return -ENOMEM;
  watches->router = router;
  int r = tt_router_on_gone(router, on_gone, watches);
  if (r < 0) {
    free(watches);
    return r;
  }
  *ret = watches;
  return 0;
}

void tt_watches_destroy(struct tt_watches *watches)
{
  if (!watches)
    return;
  while (watches->all)
    watch_drop(watches->all);
  free(watches);
}
