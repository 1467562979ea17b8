/* SPDX-License-Identifier: Apache-2.0
 * subscription.c: telling subscribers (subscription.h). What is watched of one node is a `watched` with its own pace; the one that
 * is due first stands on top of a heap. Decisions are in trigger.c, the beginning is in subscribe.c. */
#include "readout.h"
#include "subscription_private.h"

#define GONE_GRACE_US (10 * TT_USEC_PER_SEC) /* a node that comes back within it was configured anew */

/* ---- The heap ------------------------------------------------------------------------------------------------------ */

static void heap_put(struct tt_subscriptions *s, size_t place, struct watched *w)
{
  s->heap[place] = w;
  w->place = place;
}

static void heap_sift(struct tt_subscriptions *s, size_t place)
{
  struct watched *w = s->heap[place];
  for (; place > 0 && s->heap[(place - 1) / 2]->due_us > w->due_us; place = (place - 1) / 2)
    heap_put(s, place, s->heap[(place - 1) / 2]);
  for (size_t child; (child = 2 * place + 1) < s->n_heap; place = child) {
    child += child + 1 < s->n_heap && s->heap[child + 1]->due_us < s->heap[child]->due_us;
    if (s->heap[child]->due_us >= w->due_us)
      break;
    heap_put(s, place, s->heap[child]);
  }
  heap_put(s, place, w);
}

static void heap_remove(struct tt_subscriptions *s, struct watched *w)
{
  if (w->place == TT_NOT_IN_HEAP)
    return;
  size_t place = w->place;
  struct watched *last = s->heap[--s->n_heap];
  w->place = TT_NOT_IN_HEAP;
  if (last != w) {
    heap_put(s, place, last);
    heap_sift(s, place);
  }
}

/* When its next step is due. */
static uint64_t due_of(const struct watched *w)
{
  if (w->verdict != TT_OK)
    return 0;
  if (w->ticket || !w->subscription->is_accepted)
    return TT_NEVER;
  if (w->node == 0)
    return w->gone_us == TT_NEVER ? TT_NEVER : w->gone_us + GONE_GRACE_US;
  return w->is_forced ? 0 : tt_pace_due(&w->pace, w->is_reached);
}

/* Room for one more is there from its creation on. */
void watched_schedule(struct watched *w)
{
  struct tt_subscriptions *s = w->subscription->core->subscriptions;
  uint64_t due_us = due_of(w);
  if (due_us == TT_NEVER) {
    heap_remove(s, w);
    return;
  }
  w->due_us = due_us;
  if (w->place == TT_NOT_IN_HEAP)
    heap_put(s, s->n_heap++, w);
  heap_sift(s, w->place);
}

/* ---- Nodes --------------------------------------------------------------------------------------------------------- */

static struct tt_subscriptions *home(const struct watched *w)
{
  return w->subscription->core->subscriptions;
}

int watched_index(struct watched *w, tt_id node)
{
  struct tt_subscriptions *s = home(w);
  struct index *index;
  HASH_FIND(hh, s->index, &node, sizeof(node), index);
  if (!index) {
    index = calloc(1, sizeof(*index));
    if (!index)
      return -ENOMEM;
    index->node = node;
    HASH_ADD(hh, s->index, node, sizeof(index->node), index);
  }
  DL_APPEND2(index->watched, w, node_prev, node_next);
  w->node = node;
  return 0;
}

static void index_remove(struct tt_subscriptions *s, struct watched *w)
{
  struct index *index;
  HASH_FIND(hh, s->index, &w->node, sizeof(w->node), index);
  w->node = 0;
  if (!index)
    return;
  DL_DELETE2(index->watched, w, node_prev, node_next);
  if (!index->watched) {
    HASH_DEL(s->index, index);
    free(index);
  }
}

static void spots_free(struct spot *spots, size_t n)
{
  for (size_t i = 0; i < n; i++)
    tt_value_finish(&spots[i].base);
  free(spots);
}

static const struct tt_event_field *field_named(const struct subscription *sub, const char *name)
{
  for (size_t i = 0; i < sub->n_fields; i++)
    if (!strcmp(sub->fields[i].name, name))
      return &sub->fields[i];
  return NULL;
}

/* What is known of a field: what the subscriber says, else what is there. */
static void set_base(struct spot *spot, const struct tt_event_field *field, const struct tt_field *now)
{
  if (field && field->current && now->value.type != TT_TYPE_NONE &&
      tt_value_parse(now->value.type, field->current, &spot->base) == 0)
    return;
  if (tt_value_copy(&now->value, &spot->base) < 0)
    spot->base = (struct tt_value){0};
}

int watched_bind(struct watched *w, const struct tt_node *node, const struct tt_grant *grant)
{
  const struct subscription *sub = w->subscription;
  struct tt_names allowed TT_AUTONAMES = {.is_all = !grant || grant->is_all};
  struct spot *spots = calloc(node->n_points + 1, sizeof(*spots));
  if (!spots || (!allowed.is_all && tt_names_init(&allowed, grant->names, grant->n_names) < 0)) {
    free(spots);
    return -ENOMEM;
  }
  for (size_t i = 0; i < node->n_points; i++) {
    const struct tt_point *point = &node->points[i];
    const struct tt_event_field *field = field_named(sub, point->name);
    spots[i].limits = TT_LIMITS_NONE;
    if (!tt_node_has_field(node, (uint16_t)i) || !(point->categories & sub->categories) ||
        (sub->n_fields > 0 && !field) || !tt_names_has(&allowed, point->name))
      continue;
    spots[i].is_told = true;
    if (!sub->has_limits)
      spots[i].limits = (struct tt_limits){0, -1, -1};
    else if (field)
      spots[i].limits = field->limits;
    set_base(&spots[i], field, &node->fields[i]);
  }
  spots_free(w->spots, w->n_spots);
  w->spots = spots;
  w->n_spots = node->n_points;
  return 0;
}

bool watched_is_reached(const struct watched *w, const struct tt_node *node)
{
  for (size_t i = 0; i < w->n_spots && i < node->n_points; i++)
    if (w->spots[i].is_told && tt_limits_reached(&w->spots[i].limits, &w->spots[i].base, &node->fields[i].value))
      return true;
  return false;
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

void watched_free(struct watched *w)
{
  struct tt_subscriptions *s = home(w);
  heap_remove(s, w);
  if (w->node)
    index_remove(s, w);
  tt_ticket_forget(&w->ticket);
  DL_DELETE(w->subscription->watched, w);
  spots_free(w->spots, w->n_spots);
  free(w->key);
  free(w->source);
  free(w->partition);
  free(w);
}

static void subscription_free(struct subscription *sub)
{
  while (sub->watched)
    watched_free(sub->watched);
  tt_ticket_forget(&sub->ticket);
  for (size_t i = 0; i < sub->n_fields; i++) {
    free((char *)(uintptr_t)sub->fields[i].name);
    free((char *)(uintptr_t)sub->fields[i].current);
  }
  free(sub->fields);
  free(sub->caller);
  free(sub);
}

void subscription_end(struct subscription *sub)
{
  if (sub->is_over)
    return;
  sub->is_over = true;
  if (sub->id)
    HASH_DEL(sub->core->subscriptions->all, sub);
  while (sub->watched)
    watched_free(sub->watched);
  tt_ticket_forget(&sub->ticket);
  tt_readout_cancel(sub->core, sub->readout);
}

void subscription_unpin(struct subscription *sub)
{
  if (--sub->pins == 0 && sub->is_over)
    subscription_free(sub);
}

void tt_unsubscribe(struct tt_core *core, tt_id id)
{
  struct subscription *sub;
  HASH_FIND(hh, core->subscriptions->all, &id, sizeof(id), sub);
  if (!sub)
    return;
  sub->pins++;
  subscription_end(sub);
  subscription_unpin(sub);
}

size_t tt_subscription_count(const struct tt_core *core)
{
  return HASH_COUNT(core->subscriptions->all);
}

/* ---- Events -------------------------------------------------------------------------------------------------------- */

/* The caller has pinned. */
static void lose(struct watched *w, enum tt_refusal why)
{
  struct subscription *sub = w->subscription;
  bool may_come_back = why == TT_REFUSED_NOT_FOUND;
  char *key = strdup(w->key);
  if (may_come_back) {
    w->gone_us = TT_NEVER; /* told once */
    watched_schedule(w);
  } else {
    watched_free(w);
  }
  if (sub->sink.lost && key)
    sub->sink.lost(sub->user, key, why);
  free(key);
  if (!sub->is_over && !sub->watched) {
    subscription_end(sub);
    if (sub->sink.ended)
      sub->sink.ended(sub->user);
  }
}

/* Tell what is allowed of it. The caller has pinned. */
static void tell(struct watched *w, const struct tt_node *node, const struct tt_grant *grant)
{
  struct subscription *sub = w->subscription;
  struct tt_names allowed TT_AUTONAMES = {.is_all = grant->is_all};
  const struct tt_field **fields TT_AUTOFREE = calloc(w->n_spots + 1, sizeof(*fields));
  size_t n = 0;
  if (!fields || (!grant->is_all && tt_names_init(&allowed, grant->names, grant->n_names) < 0))
    return; /* out of memory: the next change is told */
  for (size_t i = 0; i < w->n_spots && i < node->n_points; i++) {
    struct spot *spot = &w->spots[i];
    if (!spot->is_told || !tt_names_has(&allowed, node->points[i].name))
      continue;
    tt_value_finish(&spot->base);
    if (tt_value_copy(&node->fields[i].value, &spot->base) < 0)
      spot->base = (struct tt_value){0};
    if (node->fields[i].value.type != TT_TYPE_NONE)
      fields[n++] = &node->fields[i];
  }
  w->is_reached = w->is_forced = false;
  w->pace.last_us = sub->core->now.mono_us;
  w->pace.has_event |= n > 0;
  watched_schedule(w);
  if (n > 0)
    sub->sink.event(sub->user, node, fields, n);
}

static void on_event_grants(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct watched *w = tt_ticket_redeem(user, NULL);
  if (!w)
    return;
  struct subscription *sub = w->subscription;
  w->ticket = NULL;
  struct tt_node *node = tt_tree_get(sub->core->tree, w->node);
  sub->pins++;
  if (refusal != TT_OK || n == 0)
    lose(w, TT_REFUSED_FORBIDDEN);
  else if (node && tt_core_sight(sub->core, sub->caller, node) == TT_SIGHT_FULL)
    tell(w, node, &grants[0]);
  else if (node)
    lose(w, TT_REFUSED_FORBIDDEN);
  else
    watched_schedule(w);
  subscription_unpin(sub);
}

/* An event is due: may it be told? The caller has pinned. */
static void begin_event(struct watched *w)
{
  struct subscription *sub = w->subscription;
  struct tt_core *core = sub->core;
  struct tt_node *node = tt_tree_get(core->tree, w->node);
  bool is_forced = w->is_forced || tt_pace_due(&w->pace, false) <= core->now.mono_us;
  w->is_reached = node && watched_is_reached(w, node); /* what has gone back meanwhile is not told */
  if (!node || (!w->is_reached && !is_forced)) {
    watched_schedule(w);
    return;
  }
  const char **names TT_AUTOFREE = calloc(w->n_spots + 1, sizeof(*names));
  size_t n = 0;
  for (size_t i = 0; names && i < w->n_spots; i++)
    if (w->spots[i].is_told)
      names[n++] = node->points[i].name;
  w->ticket = names ? tt_ticket_create(core, w, 0) : NULL;
  watched_schedule(w);
  if (!w->ticket)
    return;
  const struct tt_access_query query = {
      .caller = sub->caller, .op = TT_ACCESS_READ, .nodes = &w->node, .n_nodes = 1, .names = names, .n_names = n};
  core->access.check(core->access.user, &query, on_event_grants, w->ticket);
}

void tt_core_flush(struct tt_core *core)
{
  struct tt_subscriptions *s = core->subscriptions;
  /* What the sinks cause is for the next turn: the time stands still here. */
  for (size_t left = s->n_heap; left > 0 && s->n_heap > 0 && s->heap[0]->due_us <= core->now.mono_us; left--) {
    struct watched *w = s->heap[0];
    struct subscription *sub = w->subscription;
    sub->pins++;
    if (w->verdict != TT_OK)
      lose(w, w->verdict);
    else if (w->node == 0)
      lose(w, TT_REFUSED_NOT_FOUND);
    else
      begin_event(w);
    subscription_unpin(sub);
  }
}

uint64_t tt_subscriptions_due(const struct tt_core *core)
{
  const struct tt_subscriptions *s = core->subscriptions;
  return s->n_heap > 0 ? s->heap[0]->due_us : TT_NEVER;
}

/* ---- Changes of the tree ------------------------------------------------------------------------------------------- */

static void on_value(struct tt_subscriptions *s, const struct tt_node *node, uint16_t point)
{
  struct index *index;
  HASH_FIND(hh, s->index, &node->id, sizeof(node->id), index);
  struct watched *w = NULL;
  if (!index)
    return;
  DL_FOREACH2(index->watched, w, node_next)
  {
    const struct spot *spot = point < w->n_spots ? &w->spots[point] : NULL;
    if (w->is_reached || !spot || !spot->is_told ||
        !tt_limits_reached(&spot->limits, &spot->base, &node->fields[point].value))
      continue;
    w->is_reached = true;
    watched_schedule(w);
  }
}

static void on_removed(struct tt_subscriptions *s, const struct tt_node *node)
{
  struct index *index;
  HASH_FIND(hh, s->index, &node->id, sizeof(node->id), index);
  while (index) {
    struct watched *w = index->watched;
    bool is_last = !w->node_next;
    index_remove(s, w);
    w->gone_us = s->core->now.mono_us;
    watched_schedule(w);
    if (is_last)
      break;
  }
}

static void on_added(struct tt_subscriptions *s, const struct tt_node *node)
{
  for (struct subscription *sub = s->all; sub; sub = sub->hh.next) {
    struct watched *w;
    DL_FOREACH(sub->watched, w) {
      if (w->node != 0 || strcmp(w->key, node->key) || strcmp(w->source, node->source) ||
          strcmp(w->partition, node->partition))
        continue;
      if (watched_bind(w, node, NULL) == 0 && watched_index(w, node->id) == 0)
        w->is_forced = true; /* what it has now is news */
      watched_schedule(w);
    }
  }
}

static void on_change(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  switch (change) {
  case TT_CHANGE_VALUE:
    on_value(user, node, point);
    return;
  case TT_CHANGE_REMOVED:
    on_removed(user, node);
    return;
  case TT_CHANGE_ADDED:
    on_added(user, node);
    return;
  case TT_CHANGE_STATE:
    return;
  }
}

/* ---- The whole ----------------------------------------------------------------------------------------------------- */

int tt_subscriptions_create(struct tt_core *core)
{
  struct tt_subscriptions *s = calloc(1, sizeof(*s));
  if (!s)
    return -ENOMEM;
  s->core = core;
  int r = tt_tree_listen(core->tree, on_change, s);
  if (r < 0) {
    free(s);
    return r;
  }
  core->subscriptions = s;
  return 0;
}

static void drop_all(struct tt_core *core)
{
  struct tt_subscriptions *s = core->subscriptions;
  for (struct subscription *sub = s ? s->all : NULL, *next; sub; sub = next) {
    next = sub->hh.next;
    sub->pins++;
    subscription_end(sub);
    subscription_unpin(sub);
  }
}

void tt_subscriptions_destroy(struct tt_core *core)
{
  if (!core->subscriptions)
    return;
  drop_all(core);
  free(core->subscriptions->heap);
  free(core->subscriptions);
  core->subscriptions = NULL;
}
