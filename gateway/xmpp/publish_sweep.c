/* SPDX-License-Identifier: Apache-2.0
 * publish_sweep.c: pubsub nodes of ours that nothing is published to any more are deleted at their service, one after the other,
 * when the stream has come and when the configuration has changed.
 */
#include "publish_private.h"

#include "service/log.h"

static bool is_published(const struct tt_publisher *publisher, const struct tt_kept_node *node)
{
  const struct tt_outlet *outlet;
  DL_FOREACH(publisher->outlets, outlet) {
    if (!strcmp(outlet->config->to, node->to) && !strcmp(outlet->as, node->as))
      return true;
  }
  return false;
}

/* What another account of ours has made is not ours to delete. */
static bool is_stale(void *user, const struct tt_kept_node *node)
{
  const struct tt_publisher *publisher = user;
  return !strcmp(node->by, publisher->by) && !is_published(publisher, node);
}

static void on_deleted(void *user, const struct tt_xml *answer)
{
  struct tt_publisher *publisher = user;
  const struct tt_kept_node *node = TT_STEAL(publisher->sweeping);
  const char *wrong = tt_publish_wrong(answer);
  if (wrong && strcmp(wrong, "item-not-found") != 0) {
    if (publisher->session && tt_session_is_online(publisher->session))
      tt_log(TT_LOG_WARNING, "publish", "%s, %s: it is published no more, and could not be deleted: %s", node->to,
             node->node, wrong);
    tt_kept_put_off(publisher->kept, node);
    return;
  }
  tt_log(TT_LOG_INFO, "publish", "%s, %s: deleted, for it is published no more", node->to, node->node);
  tt_kept_remove(publisher->kept, node);
}

void tt_publish_sweep(struct tt_publisher *publisher)
{
  if (!publisher->is_sweep_due || !publisher->session || publisher->sweeping)
    return;
  const struct tt_kept_node *node = tt_kept_find(publisher->kept, is_stale, publisher);
  publisher->is_sweep_due = node != NULL;
  if (!node)
    return;
  const struct tt_question question = {.to = strcmp(node->to, TT_PUBLISH_PEP) ? node->to : NULL,
                                       .is_set = true,
                                       .payload = tt_pubsub_delete(node->node)};
  publisher->sweeping = node;
  if (!question.payload || tt_ask(publisher->router, publisher->session, &question, on_deleted, publisher) < 0) {
    publisher->sweeping = NULL;
    publisher->is_sweep_due = false; /* when the stream comes again */
  }
}

void tt_publish_sweep_again(struct tt_publisher *publisher)
{
  tt_kept_try_again(publisher->kept);
  publisher->is_sweep_due = true;
}
