/* SPDX-License-Identifier: Apache-2.0
 *
 * params.h: parameters of a mapping, and the holes `${...}` they are put into. Values go into parsed nodes, never into
 * text that is parsed afterwards: a device's name cannot change the structure of its mapping. Main thread.
 */
#pragma once

#include "config.h"
#include "table.h"

#define TT_PARAMS_MAX     100 /* of one mapping */
#define TT_PARAM_NAME_MAX 64  /* bytes */

struct tt_param {
  const char *name;
  struct tt_mark mark;
  enum tt_param_type type;
  bool has_range;
  double min, max;
  const struct tt_item *preset; /* NULL: must be given; may be null: no value then */
  const struct tt_item *label;  /* as written; NULL */
  const char *help;             /* NULL */
};

struct tt_params {
  struct tt_param *all;
  size_t n;
  struct tt_mark mark; /* of `params:` */
};

/* What the holes of a tree may name. */
struct tt_holes {
  const struct tt_table_env *env;
  const char
      *mapping; /* the mapping's name; NULL: a file without parameters, where ${credential:} and ${env:} are */
  const struct tt_params *params;
  const struct tt_item *const *values; /* one per parameter */
  size_t n_values;                     /* parameters that have one by now */
  bool is_in_commands;                 /* the tree stands below `commands:` */
};

/* The declarations: `params:` (NULL: none) of a mapping, which stands at `at`. -EINVAL, -ENOMEM. */
int tt_params_declare(const struct tt_table_env *env, const struct tt_item *item, struct tt_mark at,
                      struct tt_params *ret);

/* The values for one device: `with` (NULL: none) checked, the rest from the defaults. `at` is where the device
 * stands. ret_values: one per parameter, in the arena. -EINVAL, -ENOMEM. */
int tt_params_resolve(const struct tt_table_env *env, const struct tt_params *params, const char *mapping,
                      const struct tt_item *with, struct tt_mark at, const struct tt_item *const **ret_values);

/* The tree with its holes filled. What has none is shared with the original, so an unchanged tree comes back as the
 * same pointer. A hole that is a whole scalar gives the parameter with its type; inside a text it gives its text.
 * `${value}` stays, below a key `write`; `${argument:NAME}`, below a key `commands`. `$${` becomes the text `${`, which is no hole any more. -EINVAL, -ENOMEM. */
int tt_holes_fill(const struct tt_holes *holes, const struct tt_item *item, const struct tt_item **ret);
