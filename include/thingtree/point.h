/* SPDX-License-Identifier: Apache-2.0
 *
 * point.h: one entry of a mapping: what a field is called, how a device's raw value becomes a field value, and
 * inside it the write side. Filled by the configuration, constant afterwards, shared by the model (which
 * converts, checks and stores) and the bridge (which reads and writes raw values at the address).
 *
 * Raw values: a bridge reports what the device said as TT_TYPE_BOOLEAN, INT64, QUANTITY or STRING. The model
 * applies invalid, bits, map, scale, offset, decimals (in this order) and makes the point's type of it. For a
 * write the model checks type, range, step and enumeration, then goes the same way back; the bridge gets the raw
 * value.
 */
#pragma once

#include <thingtree/diag.h>
#include <thingtree/field.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

#define TT_POINTS_MAX    2000 /* points of one device */
#define TT_MAP_MAX       256  /* entries of one map */
#define TT_LANGUAGES_MAX 16

/* A text in several languages; the first is the fallback. Tags are lower case (RFC 5646). */
struct tt_label {
  size_t n;
  const char *language[TT_LANGUAGES_MAX];
  const char *text[TT_LANGUAGES_MAX];
};
/* The text for `language` ("sv-SE" falls back to "sv"; NULL and "": none), else the first; `otherwise` when the
 * label is NULL or empty. */
const char *tt_label_for(const struct tt_label *label, const char *language, const char *otherwise);

enum tt_missing {
  TT_MISSING_KEEP,   /* a message without it changes nothing */
  TT_MISSING_ABSENT, /* the field has no value then */
  TT_MISSING_VALUE,  /* it has the value `missing_value` then */
};

struct tt_map_entry {
  const char *raw;       /* as the device says it: "ON", "1" */
  struct tt_value value; /* of the point's type */
};

enum tt_verify {
  TT_VERIFY_NONE,     /* the device's acknowledgement is all there is */
  TT_VERIFY_READBACK, /* read the point (or verify_point) and compare */
  TT_VERIFY_REPORT,   /* wait until the device reports the point by itself */
};

#define TT_NO_POINT UINT16_MAX

struct tt_write {
  void *address; /* the bridge's struct of its write table */
  bool has_range;
  double min, max;
  double step; /* 0: any; else (value - min) must be a multiple */
  enum tt_verify verify;
  uint16_t verify_point;    /* TT_VERIFY_READBACK at another address: a hidden point; else TT_NO_POINT */
  uint64_t verify_after_us; /* wait so long before reading back */
  uint64_t within_us;       /* the device must have answered and verified by then */
  /* What a person is asked before it is written; NULL: nothing. For who speaks to people: programs write without. */
  const struct tt_label *confirm;
};

struct tt_point {
  const char *name; /* field name; [a-z0-9_], at most 64 */
  struct tt_label label;
  enum tt_type type; /* of the field */
  int wire_type;     /* the bridge's own number for `type:` (struct tt_wire_type); 0 when a core type */
  const char *unit;  /* as printed; "" when none */
  const char *ucum;  /* as written in the file */
  unsigned categories;
  int poll;          /* index of the poll class; -1: the device pushes */
  uint64_t stale_us; /* a value older than this is stale; 0: never */
  bool is_hidden;    /* exists for verification only: neither shown nor read by anyone else */
  bool is_counter;   /* only ever grows */
  bool is_secret;    /* an argument of a command that is a credential: neither shown nor written down */
  /* conversion */
  bool has_scale;
  double scale, offset; /* value = raw * scale + offset */
  int8_t decimals;      /* TT_DECIMALS_FREE: as the device says it */
  size_t n_map;
  const struct tt_map_entry *map; /* one-to-one when the point is writable */
  size_t n_bits;
  const struct tt_map_entry *bits; /* raw = bit number, value = name: becomes "a, b" */
  size_t n_invalid;
  const char **invalid; /* raw values that mean "no value": "nan", "32768" */
  enum tt_missing missing;
  struct tt_value missing_value;
  void *address;          /* the bridge's struct of its read table; NULL: cannot be read */
  struct tt_write *write; /* NULL: not a control parameter */
  struct tt_mark mark;
};

#pragma GCC visibility pop
