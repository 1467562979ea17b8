/* SPDX-License-Identifier: Apache-2.0
 * follow.c: one subscription a device that fits (follow.h). The tree tells what comes; it is taken up at the end of the turn,
 * for within the call nobody may ask for anything. */
#include "follow.h"

#include "requests.h"
#include "subscription.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

struct followed {
  UT_hash_handle hh;
  struct tt_follow *follow;
  tt_id subscription;
  bool is_starting, has_ended; /* within tt_subscribe() */
  bool is_old;                 /* another node has the key now */
  char key[];
};

struct tt_follow {
  struct tt_follow *prev, *next;
  struct tt_core *core;
  const struct tt_selection *selection;
  struct tt_follow_sink sink;
  void *user;
  struct tt_caller *caller;
  struct followed *all; /* by key */
  size_t left_out;
};

static void followed_free(struct followed *one)
{
  HASH_DEL(one->follow->all, one);
  tt_unsubscribe(one->follow->core, one->subscription);
  free(one);
}

/* ---- What the subscriptions tell ------------------------------------------------------------------------------------ */

/* What fits must not be forgotten for want of room: it is counted, and tried again with the next change of the tree. */
static void on_refused(void *user, enum tt_refusal refusal, TT_UNUSED const char *text,
                       TT_UNUSED const struct tt_ref *ref)
{
  struct followed *one = user;
  one->follow->left_out += refusal == TT_REFUSED_BUSY;
  one->has_ended = true;
  one->subscription = 0;
  if (!one->is_starting)
    followed_free(one);
}

static void on_accepted(TT_UNUSED void *user)
{
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct tt_follow *follow = ((struct followed *)user)->follow;
  follow->sink.event(follow->user, node, fields, n);
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct tt_follow *follow = ((struct followed *)user)->follow;
  follow->sink.failed(follow->user, node, key, wall_us, text);
}

/* If it comes back after all, it is taken up like any that is new. */
static void on_lost(void *user, const char *key, TT_UNUSED enum tt_refusal why)
{
  struct followed *one = user;
  struct tt_follow *follow = one->follow;
  if (follow->sink.lost)
    follow->sink.lost(follow->user, key);
  followed_free(one);
}

static const struct tt_event_sink sink = {
    .refused = on_refused, .accepted = on_accepted, .event = on_event, .failed = on_failed, .lost = on_lost};

/* ---- What fits ------------------------------------------------------------------------------------------------------ */

static bool fits(const struct tt_follow *follow, const struct tt_node *node)
{
  return node->kind == TT_NODE_DEVICE && follow->selection->nodes.n > 0 &&
         tt_globs_admit(&follow->selection->nodes, node->path);
}

/* The selected fields of this node; all of them are named when some are not selected. */
static size_t select_fields(const struct tt_follow *follow, const struct tt_node *node, struct tt_event_field out[])
{
  size_t n = 0;
  for (size_t i = 0; i < node->n_points; i++)
    if (tt_node_has_field(node, (uint16_t)i) && tt_globs_admit(&follow->selection->fields, node->points[i].name))
      out[n++] = (struct tt_event_field){.name = node->points[i].name, .limits = TT_LIMITS_NONE};
  return n;
}

static void subscribe(struct followed *one, const struct tt_node *node)
{
  const struct tt_follow *follow = one->follow;
  struct tt_event_field *fields TT_AUTOFREE = calloc(node->n_points + 1, sizeof(*fields));
  size_t n = fields ? select_fields(follow, node, fields) : 0;
  const struct tt_ref ref = {node->key, node->source, node->partition};
  bool is_all = follow->selection->fields.n == 0;
  const struct tt_subscribe_request request = {
      .class = TT_SUBSCRIPTION_PUBLISH,
      .caller = follow->caller,
      .refs = &ref,
      .n_refs = 1,
      .fields = is_all ? NULL : fields,
      .n_fields = is_all ? 0 : n,
      .categories = is_all ? TT_CATEGORY_DEFAULT : TT_CATEGORY_ALL,
      .min_us = follow->selection->min_us,
      .is_immediate = follow->selection->is_immediate,
  };
  if (n == 0) {
    one->has_ended = true;
    return;
  }
  one->is_starting = true;
  tt_id subscription = tt_subscribe(follow->core, &request, &sink, one);
  one->is_starting = false;
  one->subscription = one->has_ended ? 0 : subscription;
}

static struct followed *followed_find(const struct tt_follow *follow, const char *key)
{
  struct followed *one;
  HASH_FIND_STR(follow->all, key, one);
  return one;
}

static void take_up(struct tt_follow *follow, const struct tt_node *node)
{
  struct followed *one = followed_find(follow, node->key);
  if (one && !one->is_old)
    return;
  if (one)
    followed_free(one);
  size_t n = strlen(node->key) + 1;
  one = HASH_COUNT(follow->all) < TT_FOLLOW_NODES_MAX ? calloc(1, sizeof(*one) + n) : NULL;
  if (one) {
    one->follow = follow;
    memcpy(one->key, node->key, n);
    HASH_ADD_STR(follow->all, key, one);
    if (!one->hh.tbl)
      free(TT_STEAL(one));
  }
  if (!one) {
    follow->left_out++;
    return;
  }
  subscribe(one, node);
  if (one->has_ended)
    followed_free(one);
}

void tt_follows_take_up(struct tt_core *core)
{
  struct tt_follow *follow;
  if (!core->has_new_nodes)
    return;
  core->has_new_nodes = false;
  DL_FOREACH(core->follows, follow) {
    follow->left_out = 0;
    for (struct tt_node *node = tt_tree_walk(core->tree, NULL); node; node = tt_tree_walk(core->tree, node))
      if (fits(follow, node))
        take_up(follow, node);
  }
}

void tt_follows_added(struct tt_core *core, const struct tt_node *node)
{
  struct tt_follow *follow;
  DL_FOREACH(core->follows, follow) {
    struct followed *one = followed_find(follow, node->key);
    if (one)
      one->is_old = true;
  }
  core->has_new_nodes |= core->follows != NULL;
}

/* ---- Life ----------------------------------------------------------------------------------------------------------- */

int tt_follow_create(struct tt_core *core, const char *name, const struct tt_selection *selection,
                     const struct tt_follow_sink *to, void *user, struct tt_follow **ret)
{
  struct tt_buf who TT_AUTOBUF = TT_BUF(0);
  tt_buf_printf(&who, "%s #%llu", name, (unsigned long long)++core->last_request); /* no two take from each other */
  struct tt_follow *follow = calloc(1, sizeof(*follow));
  const struct tt_caller caller = {.kind = TT_CALLER_LINK,
                                   .jid = who.data,
                                   .bare = who.data,
                                   .role = TT_ROLE_READER,
                                   .local = "",
                                   .language = ""};
  struct tt_caller *copy = who.failed ? NULL : tt_caller_copy(&caller);
  if (!follow || !copy) {
    free(follow);
    free(copy);
    return -ENOMEM;
  }
  *follow = (struct tt_follow){.core = core, .selection = selection, .sink = *to, .user = user, .caller = copy};
  DL_APPEND(core->follows, follow);
  core->has_new_nodes = true;
  *ret = follow;
  return 0;
}

void tt_follow_destroy(struct tt_follow *follow)
{
  if (!follow)
    return;
  while (follow->all)
    followed_free(follow->all);
  DL_DELETE(follow->core->follows, follow);
  free(follow->caller);
  free(follow);
}

struct tt_follow_counts tt_follow_counts(const struct tt_follow *follow)
{
  return (struct tt_follow_counts){HASH_COUNT(follow->all), follow->left_out};
}
