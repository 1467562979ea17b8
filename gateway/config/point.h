/* SPDX-License-Identifier: Apache-2.0
 *
 * point.h: what point.c, write.c and command.c share: the core's keys of a point as its table gives them. Main thread.
 */
#pragma once

#include "load.h"
#include "units.h"

struct tt_point_values {
  const char *type, *unit;
  struct tt_texts category, invalid;
  const struct tt_item *label, *poll, *map, *bits, *missing, *range, *write;
  double scale, offset;
  int64_t decimals;
  uint64_t stale_us;
  bool is_counter;
};

/* Type, scale, map, bits and invalid values into the point. */
int tt_point_convert(const struct tt_points_source *s, const struct tt_item *merged,
                     const struct tt_point_values *v, const char *what, struct tt_point *p);
/* The unit, as written (NULL: none). */
int tt_point_unit(const struct tt_points_source *s, const struct tt_item *merged, const char *ucum,
                  struct tt_point *p);
/* May a point, a command, an argument (`kind`: "a command") be called so? */
int tt_load_check_name(const struct tt_points_source *s, const char *name, struct tt_mark at, const char *kind);
/* The bridge's struct of one of its levels. */
int tt_point_address(const struct tt_points_source *s, const struct tt_level *level, const struct tt_item *map,
                     const char *what, struct tt_mark at, void **ret);

/* Can what the point is be written at all; `map` is in `merged`, `at` is where to say it. */
int tt_write_check_type(const struct tt_points_source *s, const struct tt_item *merged, struct tt_mark at,
                        const struct tt_point *p);
/* Range (NULL: none) and step, whose key is in `map`. */
int tt_write_limits(const struct tt_points_source *s, const struct tt_item *map, const struct tt_item *range,
                    double step, const struct tt_point *p, struct tt_write *w);
/* The write side (`write` NULL: none; `range` of the point itself, NULL). Verification at another address makes
 * `hidden`, a point that is complete then; *ret_hidden says whether it did. */
int tt_load_write(const struct tt_points_source *s, struct tt_point *p, const struct tt_item *merged,
                  const struct tt_item *write, const struct tt_item *range, struct tt_point *hidden,
                  bool *ret_hidden);
