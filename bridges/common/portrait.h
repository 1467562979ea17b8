/* SPDX-License-Identifier: Apache-2.0
 *
 * portrait.h: what a device says it is made of, on its way to tt_describe() (host.h): points in the language of
 * mappings, as JSON. Names become unique field names, units become UCUM codes, texts are cleaned and cut. Pure; all
 * that comes in may be hostile.
 */
#pragma once

#include <json-c/json_types.h>
#include <thingtree/util.h>

#define TT_PORTRAIT_POINTS_MAX 1000 /* points of one description; what comes after is left out */
#define TT_PORTRAIT_TEXT_MAX   120  /* bytes of a label or an about text */
#define TT_PORTRAIT_NAME_MAX   64   /* bytes of a field name */

struct tt_portrait {
  struct json_object *root, *points, *about;
  size_t n;
  bool has_failed; /* out of memory */
};

void tt_portrait_init(struct tt_portrait *portrait);
void tt_portrait_finish(struct tt_portrait *portrait);

/* "vendor", "model", "source" of the device; empty texts and NULL are left out. */
void tt_portrait_about(struct tt_portrait *portrait, const char *key, const char *text);
/* What it is called. */
void tt_portrait_about_label(struct tt_portrait *portrait, const char *text);

/* A further point, named after `text`: [a-z0-9_], with a number behind it when the name is taken. Borrowed. NULL: no room
 * for it, or no memory. */
struct json_object *tt_portrait_point(struct tt_portrait *portrait, const char *text);

/* The members of a point (or of its `write:`). NULL as the point or the text: nothing happens. */
void tt_portrait_text(struct json_object *point, const char *key, const char *text); /* exactly, not cut */
void tt_portrait_number(struct json_object *point, const char *key, double number);
void tt_portrait_add(struct json_object *point, const char *key, struct json_object *taken); /* takes it */
void tt_portrait_label(struct json_object *point, const char *text);
/* `unit:`, when `text` is a unit that is known in any spelling. */
void tt_portrait_unit(struct json_object *point, const char *text);
/* `range: [min, max]`, when it is one. */
void tt_portrait_range(struct json_object *write, double min, double max);

/* The description. -ENOMEM; -EMSGSIZE: it is longer than `out` may be. */
int tt_portrait_print(const struct tt_portrait *portrait, struct tt_buf *out);

/* A field name made of a text: "Total VA-hours" and "totalVAHours" are total_va_hours. */
void tt_portrait_name(char out[static TT_PORTRAIT_NAME_MAX + 1], const char *text);
/* UCUM codes for the ways in which devices write units; NULL: not known. */
const char *tt_portrait_ucum(const char *text);
/* The same by number, for tests: NULL behind the last. */
const char *tt_portrait_ucum_at(size_t i);
