/* SPDX-License-Identifier: Apache-2.0
 * subscribe.c: from a request to a subscription that runs: nodes, permission, first values. */
#include "readout.h"
#include "subscription_private.h"

/* ---- What is asked for ------------------------------------------------------------------------------------------------- */

struct answer {
  enum tt_refusal refusal;
  const char *text;
  const struct tt_ref *ref;
};
#define FINE        ((struct answer){TT_OK, NULL, NULL})
#define OUT_OF_ROOM ((struct answer){TT_REFUSED_BUSY, "Try again later.", NULL})

static bool has_node(const struct subscription *sub, const struct tt_node *node)
{
  const struct watched *w;
  DL_FOREACH(sub->watched, w) {
    if (!strcmp(w->key, node->key) && !strcmp(w->source, node->source) && !strcmp(w->partition, node->partition))
      return true;
  }
  return false;
}

static struct answer add_node(struct subscription *sub, struct tt_node *node, size_t *n)
{
  if (has_node(sub, node))
    return FINE;
  if (++*n > TT_SUBSCRIPTION_NODES_MAX)
    return (struct answer){TT_REFUSED_TOO_LARGE, "These are too many nodes: name fewer.", NULL};
  struct watched *w = calloc(1, sizeof(*w));
  if (!w)
    return OUT_OF_ROOM;
  *w = (struct watched){.subscription = sub,
                        .key = strdup(node->key),
                        .source = strdup(node->source),
                        .partition = strdup(node->partition),
                        .pace = {.min_us = sub->min_us, .max_us = sub->max_us, .last_us = sub->core->now.mono_us},
                        .place = TT_NOT_IN_HEAP};
  DL_APPEND(sub->watched, w);
  return w->key && w->source && w->partition && watched_index(w, node->id) == 0 ? FINE : OUT_OF_ROOM;
}

/* A place stands for what is below it. */
static struct answer add_below(struct subscription *sub, struct tt_node *node, size_t *n)
{
  if (node->kind != TT_NODE_PLACE)
    return tt_core_sight(sub->core, sub->caller, node) == TT_SIGHT_FULL ? add_node(sub, node, n) : FINE;
  struct answer answer = FINE;
  for (struct tt_node *child = node->first_child; child && answer.refusal == TT_OK; child = child->next)
    answer = add_below(sub, child, n);
  return answer;
}

static struct answer resolve(struct subscription *sub, const struct tt_subscribe_request *request)
{
  size_t n = 0;
  for (size_t i = 0; i < request->n_refs; i++) {
    struct tt_node *node = tt_core_see(sub->core, request->caller, &request->refs[i]);
    if (!node)
      return (struct answer){TT_REFUSED_NOT_FOUND, "There is no such node.", &request->refs[i]};
    struct answer answer = add_below(sub, node, &n);
    if (answer.refusal != TT_OK)
      return (struct answer){answer.refusal, answer.text, &request->refs[i]};
  }
  return n > 0 ? FINE : (struct answer){TT_REFUSED_NOT_FOUND, "There is nothing to read here.", NULL};
}

static struct answer check_load(const struct subscription *sub)
{
  size_t n = 0;
  const struct subscription *other = sub->core->subscriptions->all;
  if (tt_subscription_count(sub->core) >= TT_SUBSCRIPTIONS_MAX)
    return (struct answer){TT_REFUSED_BUSY, "There are too many subscriptions.", NULL};
  for (; other; other = other->hh.next)
    n += other->class == sub->class && !strcmp(other->caller->bare, sub->caller->bare);
  if (n >= TT_SUBSCRIPTIONS_PER_CALLER)
    return (struct answer){TT_REFUSED_BUSY, "You have too many subscriptions.", NULL};
  return FINE;
}

static int copy_request(struct subscription *sub, const struct tt_subscribe_request *request)
{
  sub->caller = tt_caller_copy(request->caller);
  sub->fields = calloc(request->n_fields + 1, sizeof(*sub->fields));
  if (!sub->caller || !sub->fields)
    return -ENOMEM;
  for (size_t i = 0; i < request->n_fields; i++) {
    const struct tt_event_field *from = &request->fields[i];
    sub->fields[i] = (struct tt_event_field){.name = strdup(from->name),
                                             .limits = from->limits,
                                             .current = from->current ? strdup(from->current) : NULL};
    sub->n_fields++;
    sub->has_limits |= tt_limits_are_given(&from->limits);
    if (!sub->fields[i].name || (from->current && !sub->fields[i].current))
      return -ENOMEM;
  }
  sub->class = request->class;
  sub->categories = request->categories ? request->categories : TT_CATEGORY_DEFAULT;
  sub->min_us = request->min_us;
  sub->max_us = request->max_us;
  sub->is_immediate = request->is_immediate;
  return 0;
}

/* All that will be watched has its room in the heap. */
static int reserve(struct tt_subscriptions *s)
{
  size_t n = 0;
  for (const struct subscription *sub = s->all; sub; sub = sub->hh.next) {
    const struct watched *w;
    DL_FOREACH(sub->watched, w)
      n++;
  }
  if (n <= s->room)
    return 0;
  struct watched **heap = reallocarray(s->heap, 2 * n, sizeof(struct watched *));
  if (!heap)
    return -ENOMEM;
  s->heap = heap;
  s->room = 2 * n;
  return 0;
}

static struct answer prepare(struct subscription *sub, const struct tt_subscribe_request *request)
{
  if (request->n_refs == 0)
    return (struct answer){TT_REFUSED_BAD_REQUEST, "No node is named.", NULL};
  if (request->n_fields > TT_SUBSCRIPTION_FIELDS_MAX)
    return (struct answer){TT_REFUSED_BAD_REQUEST, "These are too many fields.", NULL};
  if (request->min_us > TT_SUBSCRIPTION_INTERVAL_MAX || request->max_us > TT_SUBSCRIPTION_INTERVAL_MAX)
    return (struct answer){TT_REFUSED_BAD_REQUEST, "An interval is too long.", NULL};
  if (copy_request(sub, request) < 0)
    return OUT_OF_ROOM;
  struct answer answer = check_load(sub);
  return answer.refusal == TT_OK ? resolve(sub, request) : answer;
}

static void refuse(struct subscription *sub, const struct answer *answer)
{
  if (answer->refusal == TT_REFUSED_FORBIDDEN)
    tt_core_refused(sub->core, sub->caller, TT_ACCESS_READ, sub->watched ? sub->watched->key : "");
  subscription_end(sub);
  sub->sink.refused(sub->user, answer->refusal, answer->text, answer->ref);
}

/* What older ones of the caller have of the same nodes is theirs no more. Told in the next flush. */
static void take_over(struct subscription *sub)
{
  for (struct subscription *other = sub->core->subscriptions->all; other; other = other->hh.next) {
    struct watched *w;
    if (other == sub || other->class != sub->class || strcmp(other->caller->jid, sub->caller->jid))
      continue;
    DL_FOREACH(other->watched, w) {
      const struct tt_node node = {.key = w->key, .source = w->source, .partition = w->partition};
      if (w->verdict == TT_OK && has_node(sub, &node)) {
        w->verdict = TT_REFUSED_CONFLICT;
        watched_schedule(w);
      }
    }
  }
}

/* ---- First values, read like anybody would ---- */

static void force_all(struct subscription *sub)
{
  struct watched *w;
  sub->readout = 0;
  DL_FOREACH(sub->watched, w) {
    w->is_forced = true;
    watched_schedule(w);
  }
}

static void on_first_refused(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref)
{
  (void)refusal, (void)text, (void)ref;
  force_all(user);
}

static void on_first_done(void *user)
{
  force_all(user);
}

static void ignore_accepted(void *user, bool is_queued)
{
  (void)user, (void)is_queued;
}

static void ignore(void *user)
{
  (void)user;
}

static void ignore_fields(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  (void)user, (void)node, (void)fields, (void)n;
}

static void ignore_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us,
                          const char *text)
{
  (void)user, (void)node, (void)key, (void)wall_us, (void)text;
}

/* The caller has pinned. */
static void read_first(struct subscription *sub)
{
  static const struct tt_read_sink sink = {.refused = on_first_refused,
                                           .accepted = ignore_accepted,
                                           .started = ignore,
                                           .fields = ignore_fields,
                                           .failed = ignore_failed,
                                           .done = on_first_done};
  size_t n = 0, i = 0;
  struct watched *w;
  DL_COUNT(sub->watched, w, n);
  struct tt_ref *refs TT_AUTOFREE = calloc(n + 1, sizeof(*refs));
  const char **names TT_AUTOFREE = calloc(sub->n_fields + 1, sizeof(*names));
  if (!refs || !names) {
    force_all(sub);
    return;
  }
  DL_FOREACH(sub->watched, w) {
    refs[i++] = (struct tt_ref){w->key, w->source, w->partition};
  }
  for (size_t k = 0; k < sub->n_fields; k++)
    names[k] = sub->fields[k].name;
  const struct tt_read_request request = {.caller = sub->caller,
                                          .refs = refs,
                                          .n_refs = n,
                                          .fields = names,
                                          .n_fields = sub->n_fields,
                                          .categories = sub->categories};
  tt_id readout = tt_readout_start(sub->core, &request, &sink, sub);
  if (!sub->is_over && readout)
    sub->readout = readout;
}

/* Which nodes and points the subscription has. -ENOMEM; the number of points that are told. */
static int bind_all(struct subscription *sub, const struct tt_grant *grants, size_t n)
{
  int told = 0;
  struct watched *w, *next;
  DL_FOREACH_SAFE(sub->watched, w, next)
  {
    const struct tt_grant *grant = NULL;
    for (size_t i = 0; i < n && !grant; i++)
      grant = grants[i].node == w->node ? &grants[i] : NULL;
    struct tt_node *node = tt_tree_get(sub->core->tree, w->node);
    if (!grant || !node) {
      watched_free(w);
      continue;
    }
    if (watched_bind(w, node, grant) < 0)
      return -ENOMEM;
    for (size_t i = 0; i < w->n_spots; i++)
      told += w->spots[i].is_told;
  }
  return told;
}

static void begin(struct subscription *sub)
{
  struct watched *w;
  sub->is_accepted = true;
  take_over(sub);
  sub->sink.accepted(sub->user);
  if (sub->is_over)
    return;
  DL_FOREACH(sub->watched, w) {
    struct tt_node *node = tt_tree_get(sub->core->tree, w->node);
    w->is_reached = node && watched_is_reached(w, node); /* the subscriber may know an old value */
    watched_schedule(w);
  }
  if (sub->is_immediate)
    read_first(sub);
}

static void on_grants(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct subscription *sub = tt_ticket_redeem(user, NULL);
  if (!sub)
    return;
  sub->ticket = NULL;
  sub->pins++;
  int told = refusal == TT_OK ? bind_all(sub, grants, n) : 0;
  if (refusal != TT_OK)
    refuse(sub, &(struct answer){refusal, "You may not read here.", NULL});
  else if (told < 0)
    refuse(sub, &OUT_OF_ROOM);
  else if (!sub->watched)
    refuse(sub, &(struct answer){TT_REFUSED_NOT_FOUND, "The node has gone.", NULL});
  else if (told == 0)
    refuse(sub, &(struct answer){TT_REFUSED_NOT_FOUND, "None of the fields asked for is here.", NULL});
  else
    begin(sub);
  subscription_unpin(sub);
}

static void ask(struct subscription *sub)
{
  struct tt_core *core = sub->core;
  size_t n = 0;
  struct watched *w;
  DL_COUNT(sub->watched, w, n);
  tt_id *nodes TT_AUTOFREE = calloc(n + 1, sizeof(*nodes));
  const char **names TT_AUTOFREE = calloc(sub->n_fields + 1, sizeof(*names));
  sub->ticket = nodes && names ? tt_ticket_create(core, sub, 0) : NULL;
  if (!sub->ticket) {
    refuse(sub, &OUT_OF_ROOM);
    return;
  }
  n = 0;
  DL_FOREACH(sub->watched, w) {
    nodes[n++] = w->node;
  }
  for (size_t i = 0; i < sub->n_fields; i++)
    names[i] = sub->fields[i].name;
  const struct tt_access_query query = {.caller = sub->caller,
                                        .op = TT_ACCESS_READ,
                                        .nodes = nodes,
                                        .n_nodes = n,
                                        .names = names,
                                        .n_names = sub->n_fields};
  core->access.check(core->access.user, &query, on_grants, sub->ticket);
}

tt_id tt_subscribe(struct tt_core *core, const struct tt_subscribe_request *request,
                   const struct tt_event_sink *sink, void *user)
{
  if (tt_core_role(core, request->caller) == TT_ROLE_NONE) { /* before anything is looked up */
    tt_core_refused(core, request->caller, TT_ACCESS_READ, request->n_refs > 0 ? request->refs[0].node : "");
    sink->refused(user, TT_REFUSED_FORBIDDEN, "You may not read here.", NULL);
    return 0;
  }
  struct subscription *sub = calloc(1, sizeof(*sub));
  if (!sub) {
    sink->refused(user, TT_REFUSED_BUSY, "Try again later.", NULL);
    return 0;
  }
  *sub = (struct subscription){.core = core, .sink = *sink, .user = user, .pins = 1};
  struct answer answer = prepare(sub, request);
  if (answer.refusal == TT_OK) {
    sub->id = ++core->last_request;
    HASH_ADD(hh, core->subscriptions->all, id, sizeof(sub->id), sub);
    if (reserve(core->subscriptions) < 0)
      answer = OUT_OF_ROOM;
  }
  if (answer.refusal != TT_OK)
    refuse(sub, &answer);
  else
    ask(sub);
  tt_id id = sub->is_over ? 0 : sub->id;
  subscription_unpin(sub);
  return id;
}
