/* SPDX-License-Identifier: Apache-2.0
 *
 * senml.h: sensor measurement lists (RFC 8428), in JSON or in CBOR read by pick_cbor.h: records with their base name,
 * time, unit and value applied. Pure; every byte may be hostile.
 */
#pragma once

#include "pick.h"

#define TT_SENML_RECORDS_MAX 1000
#define TT_SENML_NAME_MAX    255 /* bytes of base name and name together */

struct tt_senml_record {
  char name[TT_SENML_NAME_MAX + 1];
  size_t own;                /* where the record's own name begins, behind the base name */
  const char *unit;          /* borrowed from the pack; NULL: none */
  struct json_object *value; /* borrowed; NULL when only a sum or nothing is there */
  double base_value;         /* to be added to a number; 0: none */
  uint64_t stamp_us;         /* wall; 0: the record says nothing of its time */
};

struct tt_senml {
  struct tt_senml_record *records;
  size_t n;
};

/* Resolve a parsed pack. `wall_us` is now, for relative times; `is_cbor` says which labels the pack has. -EINVAL with
 * the reason in `why` (TT_PICK_WHY_SIZE bytes): not a pack; a version that is not known; a label that must be
 * understood and is not (it ends in _); -ENOMEM. Lives as long as `json`. */
int tt_senml_parse(struct json_object *json, bool is_cbor, uint64_t wall_us, struct tt_senml *ret, char *why);
void tt_senml_finish(struct tt_senml *senml);

/* The newest record of that name: the whole name, or the record's own behind the base name. `name` NULL: the only name
 * that there is. NULL: there is none (or, without a name, several). */
const struct tt_senml_record *tt_senml_find(const struct tt_senml *senml, const char *name);

/* The value of a record as a raw value, as tt_pick_json_value(). -ENODATA: it has none. */
int tt_senml_value(const struct tt_senml_record *record, bool wants_number, struct tt_value *ret, char *why);

/* A pack of one record, without a time. `name`, `unit` may be NULL. -ENOMEM; -EMSGSIZE; -EINVAL */
int tt_senml_write(const char *name, const char *unit, const struct tt_value *value, bool is_cbor,
                   struct tt_buf *out);
