/* SPDX-License-Identifier: Apache-2.0
 *
 * described.h: what devices say they are made of, kept in <state>/described/<device>.json, so that one that sleeps has its
 * points after a restart. Texts are kept as they come: whoever reads them trusts nothing. Main thread.
 */
#pragma once

#include <thingtree/util.h>

#define TT_DESCRIBED_MAX       (256 * 1024)                /* bytes of one text */
#define TT_DESCRIBED_TOTAL_MAX ((size_t)256 * 1024 * 1024) /* bytes of all */

struct tt_described;

/* Makes the directory when it is missing. Errors of it. */
int tt_described_create(const char *state_dir, struct tt_described **ret);
void tt_described_destroy(struct tt_described *described); /* NULL is fine */

/* The text about a device, as it said with this mapping, on the heap; NULL: there is none, or it cannot be read. */
char *tt_described_get(const struct tt_described *described, const char *key, const char *mapping);
/* Keep a text, atomically. 1; 0: it is the same as before; -EMSGSIZE, -ENOSPC: beyond the limits; errors of the file. */
int tt_described_set(struct tt_described *described, const char *key, const char *mapping, const char *text,
                     size_t size);

/* Who still exists: what is kept of others goes. */
struct tt_described_who {
  const char *key, *mapping;
};
void tt_described_prune(struct tt_described *described, const struct tt_described_who who[], size_t n);

/* The name of the file: key and mapping where they are safe, else in parts encoded, and when it is long with a hash for its
 * end. */
#define TT_DESCRIBED_NAME_SIZE 256
char *tt_described_name(char out[static TT_DESCRIBED_NAME_SIZE], const char *key, const char *mapping);
