/* SPDX-License-Identifier: Apache-2.0
 *
 * option.h: option tables. One table gives parsing, defaults, validation, `thingtree help NAME` and the list in
 * the manual. A table describes a struct; the configuration fills it from a mapping of a YAML file. All memory
 * belongs to an arena that outlives every use of the struct.
 */
#pragma once

#include <thingtree/diag.h>

#pragma GCC visibility push(default) /* bridges find these in the program */

enum tt_option_type {
  TT_OPTION_STRING,   /* const char *; NULL when absent and no default */
  TT_OPTION_SECRET,   /* const char *; never printed, taken from ${credential:} or ${env:} only by advice */
  TT_OPTION_BOOLEAN,  /* bool; true or false */
  TT_OPTION_INTEGER,  /* int64_t; decimal or 0x; between min and max */
  TT_OPTION_NUMBER,   /* double; between min and max */
  TT_OPTION_DURATION, /* uint64_t, microseconds; 10s, 5min; between min and max (in us) when max > 0 */
  TT_OPTION_CHOICE,   /* int; one of `choices` */
  TT_OPTION_TEXTS,    /* struct tt_texts; a list of strings, or one string */
  TT_OPTION_TABLE,    /* a struct of `table`, embedded; absent = its defaults */
  TT_OPTION_LIST,     /* struct tt_list of structs of `table`, each `size` bytes; one mapping = a list of one */
  TT_OPTION_ITEM,     /* const struct tt_item *; the parsed YAML itself; NULL when absent */
};

/* A parsed piece of YAML. Plain scalars have no type here; `is_quoted` tells text from what may be a number. */
enum tt_item_kind { TT_ITEM_SCALAR, TT_ITEM_LIST, TT_ITEM_MAP };
struct tt_item {
  enum tt_item_kind kind;
  bool is_quoted;
  bool is_secret; /* came out of ${credential:} or ${env:}: never printed */
  struct tt_mark mark;
  const char *text; /* SCALAR */
  size_t n;         /* LIST, MAP */
  struct tt_item **items;
  const char **keys; /* MAP: n of them */
  struct tt_mark *key_marks;
};
/* The member of a map; NULL when absent or not a map. */
const struct tt_item *tt_item_get(const struct tt_item *map, const char *key);

struct tt_texts {
  const char **text;
  size_t n;
};

struct tt_list {
  void *items;
  size_t n;
  const struct tt_mark *marks; /* where each of them stands; NULL: not known */
};

struct tt_choice {
  const char *name;
  int value;
};

enum tt_option_flag {
  TT_OPTION_REQUIRED = 1 << 0,
  TT_OPTION_INHERIT = 1 << 1, /* POINT tables: `defaults:` of the mapping may give it for all points */
  TT_OPTION_PATH = 1 << 2,   /* STRING: a file that must be readable; relative to the directory of thingtree.yaml */
  TT_OPTION_DEVICE = 1 << 3, /* STRING: a device file, read and written; it may come and go */
  TT_OPTION_ADDRESS = 1 << 4, /* of a connection: who is at the other end. With another one nothing is known of its
                               * devices any more; likewise DEVICE */
};

struct tt_option {
  const char *name; /* snake_case; NULL ends the table */
  enum tt_option_type type;
  size_t offset;                   /* offsetof(struct, member) */
  const char *preset;              /* default, written as in the file; NULL: zero, false, absent */
  const char *help;                /* one or two sentences for people; required */
  double min, max;                 /* INTEGER, NUMBER, DURATION (us); no check when both are 0 */
  const struct tt_choice *choices; /* CHOICE; ends with name NULL */
  const struct tt_option *table;   /* TABLE, LIST */
  size_t size;                     /* LIST: bytes of one element */
  unsigned flags;                  /* enum tt_option_flag */
};

#define TT_OPTION_END                                                                                              \
  {                                                                                                                \
    .name = NULL                                                                                                   \
  }

#pragma GCC visibility pop
