/* SPDX-License-Identifier: Apache-2.0
 *
 * follow.h: what the gateway shows outward by itself. A selection names devices and fields by patterns; whatever fits is
 * subscribed to (subscription.h, class PUBLISH), also what comes later or is configured anew. The gateway asks as a reader of
 * everything: that a device is selected in the configuration is its owner's consent. Main thread only.
 */
#pragma once

#include "core.h"
#include "rule.h"

#define TT_FOLLOW_NODES_MAX 2000 /* devices of one selection; what is beyond is left out and counted */

/* Borrowed by tt_follow_create() until tt_follow_destroy(). */
struct tt_selection {
  struct tt_texts nodes;  /* patterns of paths, as in a rule; none: no device */
  struct tt_texts fields; /* patterns of field names, as in a rule; none: all that are not historical */
  uint64_t min_us;        /* between two events of one device */
  bool is_immediate;      /* a first event of each, read from the device when nothing fresh is known */
};

/* Everything passed is valid during the call only. None of them may create or destroy what follows. */
struct tt_follow_sink {
  /* All its selected fields that are known. */
  void (*event)(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n);
  /* It cannot be read now; told once. `node` may be NULL. */
  void (*failed)(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text);
  /* It has gone and does not come back. May be NULL. */
  void (*lost)(void *user, const char *key);
};

struct tt_follow;
/* `name`: who asks, in diagnostics; copied. Devices are taken up at the end of the turn. -ENOMEM, -ENOSPC */
int tt_follow_create(struct tt_core *core, const char *name, const struct tt_selection *selection,
                     const struct tt_follow_sink *sink, void *user, struct tt_follow **ret);
void tt_follow_destroy(struct tt_follow *follow); /* NULL is fine; before the core */

struct tt_follow_counts {
  size_t followed, left_out;
};
struct tt_follow_counts tt_follow_counts(const struct tt_follow *follow);
