/* SPDX-License-Identifier: Apache-2.0
 *
 * remote_text.h: the text of devices.d/remote.yaml, the one file of the configuration that is ours: read, changed, and
 * written anew. What stands in it beside what we write (somebody may have edited it) is kept, comments are not. Pure.
 */
#pragma once

#include "config/config.h"
#include "config/item.h"
#include "model/manage.h"

#define TT_REMOTE_NAME        "remote.yaml"
#define TT_REMOTE_DEVICES_MAX 500
#define TT_REMOTE_BYTES_MAX   ((size_t)1024 * 1024)

struct tt_remote_text {
  struct tt_arena *arena; /* its own; secrets are in it */
  const struct tt_item *root;
  const struct tt_item *devices; /* a map; NULL: none */
};

/* -EINVAL: `why` says what is wrong with it; -ENOMEM. Finish it in any case. */
int tt_remote_read(struct tt_remote_text *text, const char *yaml, size_t n, char *why, size_t why_size);
void tt_remote_finish(struct tt_remote_text *text); /* wiped */
#define TT_AUTOREMOTE TT_CLEANUP(tt_remote_finish)

/* The entry of a device as the change has it; `old` is the one before, NULL: none; `mapping` tells what is a secret, NULL:
 * nobody knows, and what is empty is as it was. NULL: out of memory. */
const struct tt_item *tt_remote_entry(struct tt_remote_text *text, const struct tt_item *old,
                                      const struct tt_manage_change *change,
                                      const struct tt_mapping_config *mapping);
/* The device gets this entry, NULL: none. -ENOMEM */
int tt_remote_set(struct tt_remote_text *text, const char *key, const struct tt_item *entry);
void tt_remote_write(const struct tt_remote_text *text, struct tt_buf *out);

/* The field of the device (tt_manage_problem.field) that stands on this line of the text as it was read; "" when none. */
void tt_remote_field_at(const struct tt_remote_text *text, const char *key, unsigned line, char *out, size_t size);
/* A scalar as people are to see it, in `arena`; "" when it is none. */
const char *tt_remote_shown(struct tt_arena *arena, const struct tt_item *item);
