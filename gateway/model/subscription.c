/* SPDX-License-Identifier: Apache-2.0
 * subscription.c: how a subscription begins and ends (subscription.h): resolve, check access, take over, read first. */
#include "readout.h"
#include "subscription_private.h"

#include "text/text.h"

/* ---- Life ----------------------------------------------------------------------------------------------------------- */

static void subscription_free(struct tt_subscription *sub)
{
  while (sub->watched)
    tt_watched_free(sub->watched);
  for (size_t i = 0; i < sub->n_fields; i++) {
    free((char *)(uintptr_t)sub->fields[i].name);
    free((char *)(uintptr_t)sub->fields[i].current);
  }
  free(sub->fields);
  free(sub->caller);
  free(sub);
}

/* Gone for everyone; the memory stays while somebody up the stack works on it. */
void tt_subscription_end(struct tt_subscription *sub)
{
  if (sub->is_over)
    return;
  sub->is_over = true;
  if (sub->hh.tbl)
    HASH_DEL(sub->core->subscriptions->all, sub);
  while (sub->watched)
    tt_watched_free(sub->watched);
  tt_ticket_forget(&sub->ticket);
  tt_readout_cancel(sub->core, sub->readout);
}

void tt_subscription_unpin(struct tt_subscription *sub)
{
  if (--sub->pins == 0 && sub->is_over)
    subscription_free(sub);
}

static void end_one(struct tt_subscription *sub)
{
  sub->pins++;
  tt_subscription_end(sub);
  tt_subscription_unpin(sub);
}

void tt_unsubscribe(struct tt_core *core, tt_id id)
{
  struct tt_subscription *sub;
  HASH_FIND(hh, core->subscriptions->all, &id, sizeof(id), sub);
  if (sub)
    end_one(sub);
}

size_t tt_subscription_count(const struct tt_core *core)
{
  return HASH_COUNT(core->subscriptions->all);
}

int tt_subscriptions_create(struct tt_core *core)
{
  struct tt_subscriptions *s = calloc(1, sizeof(*s));
  if (!s)
    return -ENOMEM;
  s->core = core;
  int r = tt_tree_listen(core->tree, tt_subscriptions_listen, s);
  if (r < 0) {
    free(s);
    return r;
  }
  core->subscriptions = s;
  return 0;
}

void tt_subscriptions_destroy(struct tt_core *core)
{
  struct tt_subscriptions *s = core->subscriptions;
  if (!s)
    return;
  for (struct tt_subscription *sub = s->all, *next; sub; sub = next) {
    next = sub->hh.next;
    end_one(sub);
  }
  free(s->heap);
  free(s);
  core->subscriptions = NULL;
}

/* ---- What can be said before access is asked for ---------------------------------------------------------------------- */

struct answer {
  enum tt_refusal refusal;
  const char *text;
  const struct tt_ref *ref;
};
#define FINE        ((struct answer){TT_OK, NULL, NULL})
#define OUT_OF_ROOM ((struct answer){TT_REFUSED_BUSY, TT_TR("Try again later."), NULL})

static struct answer add_node(struct tt_subscription *sub, const struct tt_node *node, size_t *n)
{
  const struct tt_subscriptions *s = sub->core->subscriptions;
  if (tt_watched_find(sub, node))
    return FINE;
  if (++*n > TT_SUBSCRIPTION_NODES_MAX)
    return (struct answer){TT_REFUSED_TOO_LARGE, TT_TR("These are too many nodes: name fewer."), NULL};
  if (s->n_watched >= TT_SUBSCRIPTION_WATCHED_MAX)
    return (struct answer){TT_REFUSED_BUSY, TT_TR("There are too many subscriptions."), NULL};
  return tt_watched_create(sub, node) == 0 ? FINE : OUT_OF_ROOM;
}

/* A place stands for what is below it, as far as the caller may know of it. */
static struct answer add_below(struct tt_subscription *sub, const struct tt_node *node, size_t *n)
{
  if (node->kind != TT_NODE_PLACE)
    return tt_core_sight(sub->core, sub->caller, node) == TT_SIGHT_FULL ? add_node(sub, node, n) : FINE;
  struct answer answer = FINE;
  for (struct tt_node *child = node->first_child; child && answer.refusal == TT_OK; child = child->next)
    answer = add_below(sub, child, n);
  return answer;
}

static struct answer resolve(struct tt_subscription *sub, const struct tt_subscribe_request *request)
{
  size_t n = 0;
  for (size_t i = 0; i < request->n_refs; i++) {
    const struct tt_node *node = tt_core_see(sub->core, request->caller, &request->refs[i]);
    if (!node)
      return (struct answer){TT_REFUSED_NOT_FOUND, TT_TR("There is no such node."), &request->refs[i]};
    struct answer answer = add_below(sub, node, &n);
    if (answer.refusal != TT_OK)
      return (struct answer){answer.refusal, answer.text, &request->refs[i]};
  }
  return n > 0 ? FINE : (struct answer){TT_REFUSED_NOT_FOUND, TT_TR("There is nothing to read here."), NULL};
}

/* What the configuration has published counts for nobody: it has limits of its own (follow.h). */
static struct answer check_load(const struct tt_subscription *sub)
{
  size_t n = 0, n_own = 0;
  if (sub->class == TT_SUBSCRIPTION_PUBLISH)
    return FINE;
  for (const struct tt_subscription *other = sub->core->subscriptions->all; other; other = other->hh.next) {
    n += other->class != TT_SUBSCRIPTION_PUBLISH;
    n_own += other->class == sub->class && !strcmp(other->caller->bare, sub->caller->bare);
  }
  if (n >= TT_SUBSCRIPTIONS_MAX)
    return (struct answer){TT_REFUSED_BUSY, TT_TR("There are too many subscriptions."), NULL};
  if (n_own >= TT_SUBSCRIPTIONS_PER_CALLER)
    return (struct answer){TT_REFUSED_BUSY, TT_TR("You have too many subscriptions."), NULL};
  return FINE;
}

static int copy_request(struct tt_subscription *sub, const struct tt_subscribe_request *request)
{
  sub->caller = tt_caller_copy(request->caller);
  sub->fields = calloc(request->n_fields + 1, sizeof(*sub->fields));
  if (!sub->caller || !sub->fields)
    return -ENOMEM;
  for (; sub->n_fields < request->n_fields; sub->n_fields++) {
    const struct tt_event_field *from = &request->fields[sub->n_fields];
    struct tt_event_field *to = &sub->fields[sub->n_fields];
    char *name = strdup(from->name), *current = from->current ? strdup(from->current) : NULL;
    if (!name || (from->current && !current)) {
      free(name);
      free(current);
      return -ENOMEM;
    }
    *to = (struct tt_event_field){name, from->limits, current};
    sub->has_limits |= tt_limits_are_given(&from->limits);
  }
  sub->class = request->class;
  sub->categories = request->categories ? request->categories : TT_CATEGORY_DEFAULT;
  sub->min_us = request->min_us;
  sub->max_us = request->max_us;
  sub->is_immediate = request->is_immediate;
  return 0;
}

static struct answer prepare(struct tt_subscription *sub, const struct tt_subscribe_request *request)
{
  if (request->n_refs == 0)
    return (struct answer){TT_REFUSED_BAD_REQUEST, TT_TR("No node is named."), NULL};
  if (request->n_refs > TT_SUBSCRIPTION_NODES_MAX)
    return (struct answer){TT_REFUSED_TOO_LARGE, TT_TR("These are too many nodes: name fewer."), NULL};
  if (request->class != TT_SUBSCRIPTION_PUBLISH && request->n_fields > TT_SUBSCRIPTION_FIELDS_MAX)
    return (struct answer){TT_REFUSED_BAD_REQUEST, TT_TR("These are too many fields."), NULL};
  if (request->min_us > TT_SUBSCRIPTION_INTERVAL_MAX || request->max_us > TT_SUBSCRIPTION_INTERVAL_MAX)
    return (struct answer){TT_REFUSED_BAD_REQUEST, TT_TR("An interval is too long."), NULL};
  if (copy_request(sub, request) < 0)
    return OUT_OF_ROOM;
  struct answer answer = check_load(sub);
  return answer.refusal == TT_OK ? resolve(sub, request) : answer;
}

/* The caller has pinned. */
static void refuse(struct tt_subscription *sub, const struct answer *answer)
{
  if (answer->refusal == TT_REFUSED_FORBIDDEN)
    tt_core_refused(sub->core, sub->caller, TT_ACCESS_READ, sub->watched ? sub->watched->watchers->key : "");
  tt_subscription_end(sub);
  sub->sink.refused(sub->user, answer->refusal, answer->text, answer->ref);
}

/* ---- First values, read like anybody would ---------------------------------------------------------------------------- */

/* What is known is told all the same. */
static void on_first_refused(void *user, TT_UNUSED enum tt_refusal refusal, TT_UNUSED const char *text,
                             TT_UNUSED const struct tt_ref *ref)
{
  struct tt_subscription *sub = user;
  struct tt_watched *w;
  sub->readout = 0;
  DL_FOREACH(sub->watched, w) {
    tt_watched_force(w);
  }
}

static void on_first_accepted(TT_UNUSED void *user, TT_UNUSED bool is_queued)
{
}

static void on_first_started(TT_UNUSED void *user)
{
}

static void on_first_fields(void *user, const struct tt_node *node, TT_UNUSED const struct tt_field *const fields[],
                            TT_UNUSED size_t n)
{
  struct tt_watched *w = tt_watched_find(user, node);
  if (w)
    tt_watched_force(w);
}

static void on_first_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us,
                            const char *text)
{
  struct tt_subscription *sub = user;
  struct tt_watched *w = node ? tt_watched_find(sub, node) : NULL;
  sub->pins++;
  if (w)
    w->is_told_down = w->is_down;
  if (sub->sink.failed && !sub->is_over)
    sub->sink.failed(sub->user, node, key, wall_us, text);
  tt_subscription_unpin(sub);
}

static void on_first_done(void *user)
{
  ((struct tt_subscription *)user)->readout = 0;
}

static const struct tt_read_sink first_sink = {.refused = on_first_refused,
                                               .accepted = on_first_accepted,
                                               .started = on_first_started,
                                               .fields = on_first_fields,
                                               .failed = on_first_failed,
                                               .done = on_first_done};

/* The caller has pinned. */
static void read_first(struct tt_subscription *sub)
{
  size_t n = 0, i = 0;
  struct tt_watched *w;
  DL_COUNT(sub->watched, w, n);
  struct tt_ref *refs TT_AUTOFREE = calloc(n + 1, sizeof(*refs));
  const char **names TT_AUTOFREE = calloc(sub->n_fields + 1, sizeof(*names));
  if (!refs || !names) {
    on_first_refused(sub, TT_REFUSED_BUSY, NULL, NULL);
    return;
  }
  DL_FOREACH(sub->watched, w) {
    refs[i++] = (struct tt_ref){w->watchers->key, w->source, w->partition};
  }
  for (i = 0; i < sub->n_fields; i++)
    names[i] = sub->fields[i].name;
  const struct tt_read_request request = {.caller = sub->caller,
                                          .refs = refs,
                                          .n_refs = n,
                                          .fields = names,
                                          .n_fields = sub->n_fields,
                                          .categories = sub->categories};
  tt_id readout = tt_readout_start(sub->core, &request, &first_sink, sub);
  if (sub->is_over)
    tt_readout_cancel(sub->core, readout);
  else
    sub->readout = readout;
}

/* ---- The beginning ---------------------------------------------------------------------------------------------------- */

/* What older ones of the caller have of the same nodes is theirs no more. */
static void take_over(struct tt_subscription *sub)
{
  struct tt_watched *w, *other;
  DL_FOREACH(sub->watched, w) {
    DL_FOREACH2(w->watchers->first, other, key_next)
    {
      const struct tt_subscription *theirs = other->subscription;
      if (theirs != sub && theirs->id < sub->id && theirs->class == sub->class &&
          !strcmp(theirs->caller->jid, sub->caller->jid) && !strcmp(other->source, w->source) &&
          !strcmp(other->partition, w->partition) && other->why == TT_OK)
        tt_watched_take(other, TT_REFUSED_CONFLICT);
    }
  }
}

static const struct tt_grant *grant_for(tt_id node, const struct tt_grant *grants, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (grants[i].node == node)
      return &grants[i];
  return NULL;
}

/* Which nodes and points the subscription has; nodes without a grant are left out as if they had not been named. -ENOMEM;
 * the number of points that are told. */
static int bind_all(struct tt_subscription *sub, const struct tt_grant *grants, size_t n)
{
  int told = 0;
  struct tt_watched *w, *next;
  DL_FOREACH_SAFE(sub->watched, w, next)
  {
    const struct tt_grant *grant = grant_for(w->node, grants, n);
    const struct tt_node *node = tt_tree_get(sub->core->tree, w->node);
    if (!grant || !node) {
      tt_watched_free(w);
      continue;
    }
    if (tt_watched_bind(w, node, grant) < 0)
      return -ENOMEM;
    for (size_t i = 0; i < w->n_spots; i++)
      told += w->spots[i].is_told;
  }
  return told;
}

static void begin(struct tt_subscription *sub)
{
  struct tt_watched *w;
  sub->is_accepted = true;
  take_over(sub);
  sub->sink.accepted(sub->user);
  if (sub->is_over)
    return;
  DL_FOREACH(sub->watched, w) {
    tt_watched_begin(w);
  }
  if (sub->is_immediate)
    read_first(sub);
}

static void on_grants(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n)
{
  struct tt_subscription *sub = tt_ticket_redeem(user, NULL);
  if (!sub)
    return;
  sub->ticket = NULL;
  sub->pins++;
  int told = refusal == TT_OK ? bind_all(sub, grants, n) : 0;
  if (refusal != TT_OK)
    refuse(sub, &(struct answer){refusal, TT_TR("You may not read this."), NULL});
  else if (told < 0)
    refuse(sub, &OUT_OF_ROOM);
  else if (!sub->watched)
    refuse(sub, &(struct answer){TT_REFUSED_NOT_FOUND, TT_TR("The node has gone."), NULL});
  else if (told == 0)
    refuse(sub, &(struct answer){TT_REFUSED_NOT_FOUND, TT_TR("None of the fields asked for is here."), NULL});
  else
    begin(sub);
  tt_subscription_unpin(sub);
}

/* The caller has pinned. */
static void ask(struct tt_subscription *sub)
{
  struct tt_core *core = sub->core;
  size_t n = 0;
  struct tt_watched *w;
  DL_COUNT(sub->watched, w, n);
  tt_id *nodes TT_AUTOFREE = calloc(n + 1, sizeof(*nodes));
  const char **names TT_AUTOFREE = calloc(sub->n_fields + 1, sizeof(*names));
  sub->ticket = nodes && names && core->access.check ? tt_ticket_create(core, sub, 0) : NULL;
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
    sink->refused(user, TT_REFUSED_FORBIDDEN, TT_TR("You may not read here."), NULL);
    return 0;
  }
  struct tt_subscription *sub = calloc(1, sizeof(*sub));
  if (!sub) {
    sink->refused(user, TT_REFUSED_BUSY, TT_TR("Try again later."), NULL);
    return 0;
  }
  *sub = (struct tt_subscription){.core = core, .sink = *sink, .user = user, .pins = 1};
  struct answer answer = prepare(sub, request);
  if (answer.refusal == TT_OK) {
    sub->id = ++core->last_request;
    HASH_ADD(hh, core->subscriptions->all, id, sizeof(sub->id), sub);
    if (!sub->hh.tbl)
      answer = OUT_OF_ROOM;
  }
  if (answer.refusal != TT_OK)
    refuse(sub, &answer);
  else
    ask(sub);
  tt_id id = sub->is_over ? 0 : sub->id;
  tt_subscription_unpin(sub);
  return id;
}
