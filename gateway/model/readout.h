/* SPDX-License-Identifier: Apache-2.0
 *
 * readout.h: reading fields, for every kind of reader. Resolves and checks access, answers from the cache what is
 * young enough, reads the rest from the devices in parallel, keeps every deadline. Source: XEP-0323 section 3.
 */
#pragma once

#include "core.h"

#define TT_READOUTS_MAX        1024 /* open at once */
#define TT_READOUTS_PER_CALLER 64
#define TT_READOUT_NODES_MAX   500                                     /* nodes named in one request */
#define TT_READOUT_FIELDS_MAX  500                                     /* field names in one request */
#define TT_READOUT_LATEST_US   (UINT64_C(24) * 3600 * TT_USEC_PER_SEC) /* how far away `when` may be */
#define TT_READOUT_CEILING_US  (60 * TT_USEC_PER_SEC)                  /* the whole request ends by then */

struct tt_read_request {
  const struct tt_caller *caller;
  const struct tt_ref *refs; /* at least one */
  size_t n_refs;
  const char *const *fields; /* none: all */
  size_t n_fields;
  unsigned categories;     /* union; 0 = TT_CATEGORY_DEFAULT */
  uint64_t from_us, to_us; /* wall; fields with a stamp outside are left out; 0: open */
  uint64_t when_us;        /* wall; 0: now */
  bool is_from_device;     /* do not answer from the cache */
};

/* Where the answers go. `refused` alone, or `accepted` [`started` when it was queued] `fields`* `failed`* `done`;
 * all may be called from within tt_readout_start(). Failures come after all fields. After `refused` or `done`
 * the request is gone. Everything passed is valid during the call only. */
struct tt_read_sink {
  /* `ref` is the one that was at fault, or NULL. */
  void (*refused)(void *user, enum tt_refusal refusal, const char *text, const struct tt_ref *ref);
  void (*accepted)(void *user, bool is_queued);
  void (*started)(void *user);
  void (*fields)(void *user, const struct tt_node *node, const struct tt_field *const fields[], size_t n);
  /* `node` may be NULL when it has gone; `key` is its id then and always. */
  void (*failed)(void *user, const struct tt_node *node, const char *key, uint64_t wall_us, const char *text);
  void (*done)(void *user);
};

/* Returns the handle of the request, 0 when it has ended already (refused or done from within). The same caller
 * (full JID) reading a node that it is reading already is refused with TT_REFUSED_BUSY. */
tt_id tt_readout_start(struct tt_core *core, const struct tt_read_request *request, const struct tt_read_sink *sink,
                       void *user);
/* Forget the request; the sink is not called any more. A stale handle is fine. */
void tt_readout_cancel(struct tt_core *core, tt_id readout);
