/* SPDX-License-Identifier: Apache-2.0
 * publish.c: which item goes to which pubsub node (publish.h). How a pubsub node comes to be as it should is publish_node.c's.
 */
#include "publish_private.h"

#include "trust/access.h"

#include "service/log.h"

#include <stdio.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"

/* ---- Values --------------------------------------------------------------------------------------------------------- */

/* The name of the device's pubsub node. */
static char *name_of(const struct tt_outlet *outlet, const struct tt_node *node)
{
  static const char source[] = "{source}", key[] = "{node}";
  struct tt_buf name = TT_BUF(0);
  for (const char *c = outlet->as; *c;) {
    if (!strncmp(c, source, strlen(source))) {
      tt_buf_puts(&name, node->source);
      c += strlen(source);
    } else if (!strncmp(c, key, strlen(key))) {
      tt_buf_puts(&name, node->key);
      c += strlen(key);
    } else {
      tt_buf_putc(&name, *c++);
    }
  }
  return tt_buf_steal(&name);
}

static struct tt_item_out *item_find(const struct tt_outlet *outlet, const char *key)
{
  struct tt_item_out *item;
  HASH_FIND_STR(outlet->items, key, item);
  return item;
}

static struct tt_item_out *item_get(struct tt_outlet *outlet, const struct tt_node *node)
{
  struct tt_item_out *item = item_find(outlet, node->key);
  if (item)
    return item;
  char *name TT_AUTOFREE = name_of(outlet, node);
  struct tt_pubsub_place *place = name ? tt_place_get(outlet, name) : NULL;
  return place ? tt_item_create(place, node->key) : NULL;
}

static void on_emit(void *user, char *payload, TT_UNUSED bool is_last)
{
  struct tt_outlet *outlet = user;
  outlet->n_parts++;
  free(outlet->part);
  outlet->part = payload;
}

/* What the reading has made of the values. */
static void take_part(struct tt_outlet *outlet, struct tt_item_out *item)
{
  bool fits = outlet->n_parts == 1;
  if (fits)
    tt_item_put(item, TT_STEAL(outlet->part));
  else if (outlet->n_parts > 1 && !item->is_too_large)
    tt_log(TT_LOG_WARNING, "publish", "%s: the values do not fit into one item; name fewer `fields`", item->key);
  item->is_too_large = !fits;
  free(TT_STEAL(outlet->part));
}

static void on_event(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n)
{
  struct tt_outlet *outlet = user;
  struct tt_item_out *item = item_get(outlet, node);
  if (!item)
    return;
  outlet->n_parts = 0;
  tt_reading_fields(&outlet->reading, node, fields, n);
  tt_reading_done(&outlet->reading);
  take_part(outlet, item);
}

static void on_failed(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text)
{
  struct tt_outlet *outlet = user;
  struct tt_item_out *item = node ? item_get(outlet, node) : item_find(outlet, key);
  if (!item)
    return;
  outlet->n_parts = 0;
  tt_reading_failed(&outlet->reading, node, key, wall_us, text);
  tt_reading_done(&outlet->reading);
  take_part(outlet, item);
}

static void on_lost(void *user, const char *key)
{
  struct tt_item_out *item = item_find(user, key);
  if (item)
    tt_item_retract(item);
}

static const struct tt_follow_sink sink = {.event = on_event, .failed = on_failed, .lost = on_lost};

/* ---- An entry while its stream is there ------------------------------------------------------------------------------ */

static bool is_pep(const struct tt_publish *config)
{
  return !strcmp(config->to, TT_PUBLISH_PEP);
}

static const struct tt_dialect *dialect_of(int flag)
{
  size_t i = 0;
  while (i + 1 < TT_DIALECT_COUNT && !(flag & (1 << i)))
    i++;
  return &tt_dialects[i];
}

static void borrow(struct tt_outlet *outlet, const struct tt_publish *config)
{
  const char *usual = is_pep(config) ? outlet->dialect->ns[TT_SUBJECT_SENSOR] : "iot/{source}/{node}";
  outlet->config = config;
  outlet->to = is_pep(config) ? NULL : config->to;
  outlet->as = config->as ? config->as : usual;
  outlet->is_shared = !strstr(outlet->as, "{node}");
  outlet->selection = (struct tt_selection){
      .nodes = config->nodes, .fields = config->fields, .min_us = config->interval_us, .is_immediate = true};
}

/* Payloads that fit into a stanza with what is around them. */
static size_t room_of(const struct tt_outlet *outlet)
{
  size_t max = tt_router_config(outlet->publisher->router)->stanza_max;
  size_t learned = tt_session_stanza_max(outlet->session);
  max = learned < max ? learned : max;
  return max > TT_PUBLISH_ENVELOPE ? max - TT_PUBLISH_ENVELOPE : 1;
}

static void outlet_follow(struct tt_outlet *outlet)
{
  char who[TT_JID_MAX + 16];
  snprintf(who, sizeof(who), "publish to %s", outlet->config->to);
  tt_reading_init_emit(&outlet->reading, outlet->dialect, "0", room_of(outlet), on_emit, outlet);
  int r = tt_follow_create(tt_router_config(outlet->publisher->router)->core, who, &outlet->selection, &sink,
                           outlet, &outlet->follow);
  if (r < 0)
    tt_log(TT_LOG_ERROR, "publish", "%s: %s", outlet->config->to, strerror(-r));
}

static void try_later(struct tt_outlet *outlet, const char *why)
{
  tt_outlet_failed(outlet, NULL, why);
  outlet->retry_us = tt_publish_retry(outlet->publisher, &outlet->n_failures);
  tt_publish_due(outlet->publisher, outlet->retry_us);
}

static void on_info(void *user, const struct tt_xml *answer)
{
  struct tt_outlet *outlet = user;
  const char *wrong = tt_publish_wrong(answer);
  struct tt_pubsub_features features = {0};
  if (!answer && !tt_session_is_online(outlet->session))
    return;
  if (!wrong)
    features = tt_pubsub_features(answer);
  if (wrong || !features.is_service) {
    try_later(outlet, wrong ? wrong : "there is no pubsub (XEP-0060)");
    return;
  }
  outlet->has_options = features.has_options;
  outlet->n_failures = 0;
  tt_outlet_mended(outlet);
  outlet_follow(outlet);
}

static void ask_info(struct tt_outlet *outlet)
{
  char own[TT_JID_MAX + 1];
  const char *to = outlet->to;
  if (!to && tt_jid_bare(tt_session_jid(outlet->session), own, sizeof(own)) == 0)
    to = own;
  const struct tt_question question = {.to = to, .payload = strdup("<query xmlns='" NS_INFO "'/>")};
  outlet->retry_us = 0;
  int r = tt_ask(outlet->publisher->router, outlet->session, &question, on_info, outlet);
  if (r < 0)
    try_later(outlet, strerror(-r));
}

static void outlet_start(struct tt_outlet *outlet, struct tt_session *session)
{
  outlet->session = session;
  ask_info(outlet);
}

static void outlet_stop(struct tt_outlet *outlet)
{
  outlet->has_failed = false; /* nobody need hear that it works now */
  tt_ask_forget(outlet->publisher->router, outlet);
  tt_follow_destroy(TT_STEAL(outlet->follow));
  tt_reading_finish(&outlet->reading);
  tt_places_free(outlet);
  outlet->session = NULL;
  outlet->retry_us = 0;
  outlet->n_failures = 0;
}

static void outlet_free(struct tt_outlet *outlet)
{
  outlet_stop(outlet);
  DL_DELETE(outlet->publisher->outlets, outlet);
  free(outlet->part);
  free(outlet);
}

static int outlet_create(struct tt_publisher *publisher, const struct tt_publish *config)
{
  struct tt_outlet *outlet = calloc(1, sizeof(*outlet));
  if (!outlet)
    return -ENOMEM;
  outlet->publisher = publisher;
  outlet->dialect = dialect_of(config->dialect);
  borrow(outlet, config);
  DL_APPEND(publisher->outlets, outlet);
  if (publisher->session)
    outlet_start(outlet, publisher->session);
  return 0;
}

/* ---- Configured anew -------------------------------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
  return (!a && !b) || (a && b && !strcmp(a, b));
}

static bool is_same(const struct tt_publish *a, const struct tt_publish *b)
{
  return !strcmp(a->to, b->to) && is_same_text(a->as, b->as) && a->dialect == b->dialect &&
         a->access == b->access && a->interval_us == b->interval_us && tt_texts_are_same(&a->nodes, &b->nodes) &&
         tt_texts_are_same(&a->fields, &b->fields) && tt_texts_are_same(&a->members, &b->members) &&
         tt_texts_are_same(&a->groups, &b->groups);
}

static const struct tt_publish *find_same(const struct tt_publish *config, const struct tt_publish entries[],
                                          size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (is_same(config, &entries[i]))
      return &entries[i];
  return NULL;
}

static bool is_there(const struct tt_publisher *publisher, const struct tt_publish *config)
{
  const struct tt_outlet *outlet;
  DL_FOREACH(publisher->outlets, outlet) {
    if (outlet->config == config)
      return true;
  }
  return false;
}

int tt_publisher_configure(struct tt_publisher *publisher, const struct tt_publish entries[], size_t n)
{
  struct tt_outlet *outlet, *next;
  int r = 0;
  DL_FOREACH_SAFE(publisher->outlets, outlet, next)
  {
    const struct tt_publish *same = find_same(outlet->config, entries, n);
    if (same)
      borrow(outlet, same);
    else
      outlet_free(outlet);
  }
  for (size_t i = 0; i < n && r == 0; i++)
    if (!is_there(publisher, &entries[i]))
      r = outlet_create(publisher, &entries[i]);
  tt_publish_sweep_again(publisher);
  return r;
}

/* ---- Life --------------------------------------------------------------------------------------------------------------- */

uint64_t tt_publisher_turn(struct tt_publisher *publisher, uint64_t mono_us)
{
  struct tt_outlet *outlet;
  if (publisher->due_us <= mono_us) {
    publisher->due_us = TT_NEVER;
    DL_FOREACH(publisher->outlets, outlet) {
      if (outlet->retry_us && outlet->retry_us <= mono_us)
        ask_info(outlet);
      else if (outlet->retry_us)
        tt_publish_due(publisher, outlet->retry_us);
      tt_places_turn(outlet, mono_us);
    }
  }
  tt_publish_pump(publisher);
  tt_publish_sweep(publisher);
  int r = tt_kept_save(publisher->kept);
  if (r < 0)
    tt_log(TT_LOG_ERROR, "publish", "which pubsub nodes are ours cannot be written to the state directory: %s",
           strerror(-r));
  return publisher->due_us;
}

struct tt_publisher_counts tt_publisher_counts(const struct tt_publisher *publisher)
{
  const struct tt_outlet *outlet;
  struct tt_publisher_counts counts = {.items = publisher->n_items};
  DL_FOREACH(publisher->outlets, outlet) {
    counts.nodes += HASH_COUNT(outlet->places);
    counts.failing += outlet->n_failing;
  }
  return counts;
}

static void on_online(void *user, struct tt_session *session)
{
  struct tt_publisher *publisher = user;
  struct tt_outlet *outlet;
  if ((tt_session_kind(session) == TT_SESSION_ACCOUNT) != publisher->has_account)
    return;
  if (tt_jid_bare(tt_session_jid(session), publisher->by, sizeof(publisher->by)) < 0)
    return;
  publisher->session = session;
  tt_publish_sweep_again(publisher);
  DL_FOREACH(publisher->outlets, outlet) {
    outlet_start(outlet, session);
  }
}

static void on_gone(void *user, struct tt_session *session, const char *full)
{
  struct tt_publisher *publisher = user;
  struct tt_outlet *outlet;
  if (full || session != publisher->session)
    return;
  publisher->session = NULL;
  DL_FOREACH(publisher->outlets, outlet) {
    outlet_stop(outlet);
  }
}

/* A file that cannot be read is no reason not to run; it is left alone. */
static int open_kept(struct tt_publisher *publisher, const char *state_dir)
{
  int r = tt_kept_create(state_dir, &publisher->kept);
  if (r == 0 || r == -ENOMEM)
    return r;
  tt_log(TT_LOG_ERROR, "publish",
         "published.json of the state directory cannot be read (%s): what is published no more stays",
         strerror(-r));
  return tt_kept_create(NULL, &publisher->kept);
}

int tt_publisher_create(const struct tt_publisher_options *options, struct tt_publisher **ret)
{
  struct tt_router *router = options->router;
  struct tt_publisher *publisher = calloc(1, sizeof(*publisher));
  if (!publisher)
    return -ENOMEM;
  publisher->router = router;
  publisher->has_account = options->has_account;
  publisher->due_us = TT_NEVER;
  int r = open_kept(publisher, options->state_dir);
  if (r == 0)
    r = tt_router_on_online(router, on_online, publisher);
  if (r == 0)
    r = tt_router_on_gone(router, on_gone, publisher);
  if (r == 0)
    r = tt_publisher_configure(publisher, options->entries, options->n);
  if (r < 0) {
    tt_publisher_destroy(publisher);
    return r;
  }
  *ret = publisher;
  return 0;
}

void tt_publisher_destroy(struct tt_publisher *publisher)
{
  if (!publisher)
    return;
  while (publisher->outlets)
    outlet_free(publisher->outlets);
  tt_ask_forget(publisher->router, publisher);
  tt_kept_destroy(publisher->kept);
  free(publisher);
}
