/* SPDX-License-Identifier: Apache-2.0
 * subscription_events.c: what happens while subscriptions run: nodes change, come and go, time passes. What is watched of one
 * node has its own pace; the one that is due first stands on top of a heap. Decisions are in trigger.c. */
#include "subscription_private.h"

#define GONE_GRACE_US (10 * TT_USEC_PER_SEC) /* a node that comes back within it was configured anew */
#define NOT_IN_HEAP   SIZE_MAX

static struct tt_subscriptions *home(const struct tt_watched *w)
{
  return w->subscription->core->subscriptions;
}

/* ---- The heap ------------------------------------------------------------------------------------------------------- */

static void heap_put(struct tt_subscriptions *s, size_t place, struct tt_watched *w)
{
  s->heap[place] = w;
  w->place = place;
}

static void heap_sift(struct tt_subscriptions *s, size_t place)
{
  struct tt_watched *w = s->heap[place];
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

static void heap_remove(struct tt_subscriptions *s, struct tt_watched *w)
{
  if (w->place == NOT_IN_HEAP)
    return;
  size_t place = w->place;
  struct tt_watched *last = s->heap[--s->n_heap];
  w->place = NOT_IN_HEAP;
  if (last != w) {
    heap_put(s, place, last);
    heap_sift(s, place);
  }
}

static int heap_reserve(struct tt_subscriptions *s)
{
  if (s->n_watched <= s->room)
    return 0;
  struct tt_watched **heap = reallocarray(s->heap, 2 * s->n_watched, sizeof(struct tt_watched *));
  if (!heap)
    return -ENOMEM;
  s->heap = heap;
  s->room = 2 * s->n_watched;
  return 0;
}

/* When its next step is due. */
static uint64_t due_of(const struct tt_watched *w)
{
  if (w->why != TT_OK)
    return 0;
  if (w->ticket || !w->subscription->is_accepted)
    return TT_NEVER;
  if (w->node == 0)
    return w->gone_us == TT_NEVER ? TT_NEVER : w->gone_us + GONE_GRACE_US;
  return w->is_forced ? 0 : tt_pace_due(&w->pace, w->is_reached || w->is_down != w->is_told_down);
}

static void schedule(struct tt_watched *w)
{
  struct tt_subscriptions *s = home(w);
  uint64_t due_us = due_of(w);
  if (due_us == TT_NEVER) {
    heap_remove(s, w);
    return;
  }
  w->due_us = due_us;
  if (w->place == NOT_IN_HEAP)
    heap_put(s, s->n_heap++, w);
  heap_sift(s, w->place);
}

uint64_t tt_subscriptions_due(const struct tt_core *core)
{
  const struct tt_subscriptions *s = core->subscriptions;
  return s->n_heap > 0 ? s->heap[0]->due_us : TT_NEVER;
}

/* ---- Who watches what ----------------------------------------------------------------------------------------------- */

static bool is_of(const struct tt_watched *w, const struct tt_node *node)
{
  return !strcmp(w->source, node->source) && !strcmp(w->partition, node->partition);
}

static struct tt_watchers *watchers_of(const struct tt_subscriptions *s, const char *key)
{
  struct tt_watchers *watchers;
  HASH_FIND_STR(s->watchers, key, watchers);
  return watchers;
}

static int list(struct tt_subscriptions *s, struct tt_watched *w, const char *key)
{
  struct tt_watchers *watchers = watchers_of(s, key);
  if (!watchers) {
    size_t n = strlen(key);
    watchers = calloc(1, sizeof(*watchers) + n + 1);
    if (!watchers)
      return -ENOMEM;
    memcpy(watchers->key, key, n + 1);
    HASH_ADD_STR(s->watchers, key, watchers);
    if (!watchers->hh.tbl) {
      free(watchers);
      return -ENOMEM;
    }
  }
  DL_APPEND2(watchers->first, w, key_prev, key_next);
  w->watchers = watchers;
  return 0;
}

static void unlist(struct tt_subscriptions *s, struct tt_watched *w)
{
  if (!w->watchers)
    return;
  DL_DELETE2(w->watchers->first, w, key_prev, key_next);
  if (!w->watchers->first) {
    HASH_DEL(s->watchers, w->watchers);
    free(w->watchers);
  }
  w->watchers = NULL;
}

struct tt_watched *tt_watched_find(const struct tt_subscription *sub, const struct tt_node *node)
{
  struct tt_watchers *watchers = watchers_of(sub->core->subscriptions, node->key);
  struct tt_watched *w = NULL;
  if (watchers)
    DL_FOREACH2(watchers->first, w, key_next)
    {
      if (w->subscription == sub && is_of(w, node))
        break;
    }
  return w;
}

static void spots_free(struct tt_watched *w)
{
  for (size_t i = 0; i < w->n_spots; i++)
    tt_value_finish(&w->spots[i].base);
  free(w->spots);
  w->spots = NULL;
  w->n_spots = 0;
}

int tt_watched_create(struct tt_subscription *sub, const struct tt_node *node)
{
  struct tt_subscriptions *s = sub->core->subscriptions;
  struct tt_watched *w = calloc(1, sizeof(*w));
  if (!w)
    return -ENOMEM;
  *w =
      (struct tt_watched){.subscription = sub,
                          .node = node->id,
                          .source = strdup(node->source),
                          .partition = strdup(node->partition),
                          .pace = {.min_us = sub->min_us, .max_us = sub->max_us, .last_us = sub->core->now.mono_us},
                          .place = NOT_IN_HEAP};
  DL_APPEND(sub->watched, w);
  s->n_watched++;
  return w->source && w->partition && heap_reserve(s) == 0 ? list(s, w, node->key) : -ENOMEM;
}

void tt_watched_free(struct tt_watched *w)
{
  struct tt_subscriptions *s = home(w);
  heap_remove(s, w);
  unlist(s, w);
  tt_ticket_forget(&w->ticket);
  DL_DELETE(w->subscription->watched, w);
  s->n_watched--;
  spots_free(w);
  free(w->source);
  free(w->partition);
  free(w);
}

/* ---- Points --------------------------------------------------------------------------------------------------------- */

static const struct tt_event_field *field_named(const struct tt_subscription *sub, const char *name)
{
  for (size_t i = 0; i < sub->n_fields; i++)
    if (!strcmp(sub->fields[i].name, name))
      return &sub->fields[i];
  return NULL;
}

static void set_base(struct tt_spot *spot, const struct tt_value *value)
{
  tt_value_finish(&spot->base);
  if (tt_value_copy(value, &spot->base) < 0)
    spot->base = (struct tt_value){0}; /* out of memory: the next value is news */
}

/* What is known of a field: what the subscriber says, else what is there. A whole number may be said with decimals. */
static void first_base(struct tt_spot *spot, const struct tt_event_field *field, const struct tt_point *point,
                       const struct tt_value *now)
{
  enum tt_type type = tt_value_is_number(point->type) ? TT_TYPE_QUANTITY : point->type;
  if (!field || !field->current || tt_value_parse(type, field->current, &spot->base) < 0)
    set_base(spot, now);
}

int tt_watched_bind(struct tt_watched *w, const struct tt_node *node, const struct tt_grant *grant)
{
  const struct tt_subscription *sub = w->subscription;
  struct tt_names allowed TT_AUTONAMES = {.is_all = true};
  if (grant && !grant->is_all && tt_names_init(&allowed, grant->names, grant->n_names) < 0)
    return -ENOMEM;
  struct tt_spot *spots = calloc(node->n_points + 1, sizeof(*spots));
  if (!spots)
    return -ENOMEM;
  for (size_t i = 0; i < node->n_points; i++) {
    const struct tt_point *point = &node->points[i];
    const struct tt_event_field *field = field_named(sub, point->name);
    struct tt_spot *spot = &spots[i];
    spot->limits = sub->has_limits ? field ? field->limits : TT_LIMITS_NONE : TT_LIMITS_ANY;
    spot->is_wanted = tt_node_has_field(node, (uint16_t)i) && (point->categories & sub->categories) &&
                      (sub->n_fields == 0 || field) && tt_names_has(&allowed, point->name);
    spot->is_told = spot->is_wanted;
    if (spot->is_wanted)
      first_base(spot, field, point, &node->fields[i].value);
  }
  spots_free(w);
  w->spots = spots;
  w->n_spots = node->n_points;
  w->node = node->id;
  w->is_down = tt_node_trouble(node) != NULL;
  w->rules = sub->core->rules;
  return 0;
}

static bool is_reached_at(const struct tt_watched *w, const struct tt_node *node, size_t point)
{
  return point < w->n_spots && w->spots[point].is_told &&
         tt_limits_reached(&w->spots[point].limits, &w->spots[point].base, &node->fields[point].value);
}

static bool is_reached(const struct tt_watched *w, const struct tt_node *node)
{
  for (size_t i = 0; i < w->n_spots; i++)
    if (is_reached_at(w, node, i))
      return true;
  return false;
}

void tt_watched_begin(struct tt_watched *w)
{
  const struct tt_node *node = tt_tree_get(w->subscription->core->tree, w->node);
  w->is_reached = node && is_reached(w, node); /* the subscriber may know an old value */
  schedule(w);
}

void tt_watched_force(struct tt_watched *w)
{
  w->is_forced = true;
  schedule(w);
}

void tt_watched_take(struct tt_watched *w, enum tt_refusal why)
{
  w->why = why;
  schedule(w);
}

/* ---- Telling: whoever calls these has pinned -------------------------------------------------------------------------- */

static void lose(struct tt_watched *w, enum tt_refusal why)
{
  struct tt_subscription *sub = w->subscription;
  char *key TT_AUTOFREE = strdup(w->watchers->key);
  if (why == TT_REFUSED_NOT_FOUND) { /* may come back; told once */
    w->gone_us = TT_NEVER;
    schedule(w);
  } else {
    tt_watched_free(w);
  }
  if (sub->sink.lost && key)
    sub->sink.lost(sub->user, key, why);
  if (sub->is_over || sub->watched)
    return;
  tt_subscription_end(sub);
  if (sub->sink.ended)
    sub->sink.ended(sub->user);
}

static void tell_failure(struct tt_watched *w, const struct tt_node *node, const char *text)
{
  struct tt_subscription *sub = w->subscription;
  w->is_down = w->is_told_down = true;
  w->pace.last_us = sub->core->now.mono_us;
  w->pace.has_event = true;
  schedule(w);
  if (sub->sink.failed)
    sub->sink.failed(sub->user, node, node->key, sub->core->now.wall_us, text);
}

static void tell_values(struct tt_watched *w, const struct tt_node *node)
{
  struct tt_subscription *sub = w->subscription;
  const struct tt_field **fields TT_AUTOFREE = calloc(w->n_spots + 1, sizeof(*fields));
  size_t n = 0;
  for (size_t i = 0; fields && i < w->n_spots; i++) {
    if (!w->spots[i].is_told)
      continue;
    set_base(&w->spots[i], &node->fields[i].value);
    if (node->fields[i].value.type != TT_TYPE_NONE)
      fields[n++] = &node->fields[i];
  }
  w->is_reached = w->is_forced = false;
  w->is_told_down = w->is_down;
  w->pace.last_us = sub->core->now.mono_us;
  w->pace.has_event |= n > 0;
  schedule(w);
  if (n > 0)
    sub->sink.event(sub->user, node, fields, n);
}

/* It is time, and permitted: is there still something to tell? What has gone back meanwhile is not. */
static void tell(struct tt_watched *w, const struct tt_node *node)
{
  const char *trouble = tt_node_trouble(node);
  w->is_down = trouble != NULL;
  w->is_reached = is_reached(w, node);
  if (w->is_down && !w->is_told_down)
    tell_failure(w, node, trouble);
  else if (due_of(w) <= w->subscription->core->now.mono_us)
    tell_values(w, node);
  else
    schedule(w);
}

static int apply_grant(struct tt_watched *w, const struct tt_node *node, const struct tt_grant *grant)
{
  struct tt_names allowed TT_AUTONAMES = {.is_all = grant->is_all};
  if (!grant->is_all && tt_names_init(&allowed, grant->names, grant->n_names) < 0)
    return -ENOMEM;
  for (size_t i = 0; i < w->n_spots; i++)
    w->spots[i].is_told = w->spots[i].is_wanted && tt_names_has(&allowed, node->points[i].name);
  return 0;
}

static void on_grants(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_watched *w = tt_ticket_redeem(user, NULL);
  if (!w)
    return;
  struct tt_subscription *sub = w->subscription;
  struct tt_core *core = sub->core;
  w->ticket = NULL;
  const struct tt_node *node = tt_tree_get(core->tree, w->node);
  sub->pins++;
  if (!node || w->why != TT_OK)
    schedule(w);
  else if (refusal != TT_OK || n == 0 || tt_core_sight(core, sub->caller, node) != TT_SIGHT_FULL)
    lose(w, TT_REFUSED_FORBIDDEN);
  else if (apply_grant(w, node, &grants[0]) < 0)
    lose(w, TT_REFUSED_FORBIDDEN);
  else
    tell(w, node);
  tt_subscription_unpin(sub);
}

/* The rules are others than when it was last asked. */
static void ask_again(struct tt_watched *w, const struct tt_node *node)
{
  struct tt_core *core = w->subscription->core;
  const char **names TT_AUTOFREE = calloc(w->n_spots + 1, sizeof(*names));
  size_t n = 0;
  for (size_t i = 0; names && i < w->n_spots; i++)
    if (w->spots[i].is_wanted)
      names[n++] = node->points[i].name;
  w->ticket = names && core->access.check ? tt_ticket_create(core, w, 0) : NULL;
  if (!w->ticket) {
    lose(w, TT_REFUSED_FORBIDDEN);
    return;
  }
  w->rules = core->rules; /* those that are asked now */
  schedule(w);
  const struct tt_access_query query = {.caller = w->subscription->caller,
                                        .op = TT_ACCESS_READ,
                                        .nodes = &node->id,
                                        .n_nodes = 1,
                                        .names = names,
                                        .n_names = n};
  core->access.check(core->access.user, &query, on_grants, w->ticket);
}

static void step(struct tt_watched *w)
{
  struct tt_core *core = w->subscription->core;
  const struct tt_node *node = tt_tree_get(core->tree, w->node);
  if (w->why != TT_OK)
    lose(w, w->why);
  else if (!node)
    lose(w, TT_REFUSED_NOT_FOUND);
  else if (w->rules != core->rules)
    ask_again(w, node);
  else
    tell(w, node);
}

void tt_core_flush(struct tt_core *core)
{
  struct tt_subscriptions *s = core->subscriptions;
  tt_follows_take_up(core);
  /* What the sinks cause is for the next turn: the time stands still here. */
  for (size_t left = 2 * s->n_heap; left > 0 && s->n_heap > 0 && s->heap[0]->due_us <= core->now.mono_us; left--) {
    struct tt_subscription *sub = s->heap[0]->subscription;
    sub->pins++;
    step(s->heap[0]);
    tt_subscription_unpin(sub);
  }
}

/* ---- Changes of the tree ---------------------------------------------------------------------------------------------- */

static void on_value(struct tt_watched *w, const struct tt_node *node, uint16_t point)
{
  if (w->node != node->id || w->is_reached || !is_reached_at(w, node, point))
    return;
  w->is_reached = true;
  schedule(w);
}

static void on_state(struct tt_watched *w, const struct tt_node *node)
{
  bool is_down = tt_node_trouble(node) != NULL;
  if (w->node != node->id || w->is_down == is_down)
    return;
  w->is_down = is_down;
  schedule(w);
}

static void on_removed(struct tt_watched *w, const struct tt_node *node)
{
  if (w->node != node->id)
    return;
  w->node = 0;
  w->gone_us = w->subscription->core->now.mono_us;
  schedule(w);
}

/* What it has now is news, and so is who may read it. */
static void on_added(struct tt_watched *w, const struct tt_node *node)
{
  if (w->node != 0 || !w->subscription->is_accepted || tt_watched_bind(w, node, NULL) < 0)
    return;
  w->rules = 0;
  w->is_told_down = false;
  tt_watched_force(w);
}

void tt_subscriptions_listen(void *user, struct tt_node *node, enum tt_change change, uint16_t point)
{
  const struct tt_subscriptions *s = user;
  struct tt_watchers *watchers = watchers_of(s, node->key);
  struct tt_watched *w = NULL;
  if (!watchers)
    return;
  DL_FOREACH2(watchers->first, w, key_next)
  {
    if (!is_of(w, node))
      continue;
    switch (change) {
    case TT_CHANGE_VALUE:
      on_value(w, node, point);
      break;
    case TT_CHANGE_STATE:
      on_state(w, node);
      break;
    case TT_CHANGE_REMOVED:
      on_removed(w, node);
      break;
    case TT_CHANGE_ADDED:
      on_added(w, node);
      break;
    }
  }
}
