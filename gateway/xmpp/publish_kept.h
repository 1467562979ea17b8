/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_kept.h: which pubsub nodes are ours, in <state>/published.json: when nothing is published there any more they are deleted
 * at the service, also after a restart. Main thread only.
 */
#pragma once

#include <thingtree/util.h>

#define TT_KEPT_MAX      10000 /* pubsub nodes that are remembered; what is beyond stays at the service */
#define TT_KEPT_FILE_MAX (16u * 1024 * 1024)

struct tt_kept;

/* `state_dir` NULL: nothing persists. -ENOMEM; -EIO: the file is not ours, or damaged: it is left alone. */
int tt_kept_create(const char *state_dir, struct tt_kept **ret);
void tt_kept_destroy(struct tt_kept *kept); /* NULL is fine */

/* One pubsub node. */
struct tt_kept_node {
  const char *by;   /* our bare JID that has made it */
  const char *to;   /* the service as the configuration names it */
  const char *as;   /* by which name of the configuration */
  const char *node; /* its own */
};
/* Remember; what is there already stays. -ENOMEM, -ENOSPC */
int tt_kept_add(struct tt_kept *kept, const struct tt_kept_node *node);
/* What is passed may be what tt_kept_find() gave. */
void tt_kept_remove(struct tt_kept *kept, const struct tt_kept_node *node);
/* The first for which `fn` says so; NULL. Valid until it is removed. */
const struct tt_kept_node *tt_kept_find(const struct tt_kept *kept,
                                        bool (*fn)(void *user, const struct tt_kept_node *node), void *user);
size_t tt_kept_count(const struct tt_kept *kept);
/* It is not found any more until all are tried again. */
void tt_kept_put_off(struct tt_kept *kept, const struct tt_kept_node *node);
void tt_kept_try_again(struct tt_kept *kept);
/* Write what has changed since the last call. Errors of the file: it is tried again with the next change. */
int tt_kept_save(struct tt_kept *kept);
