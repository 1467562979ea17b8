/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h: nodes, fields and values as JSON. Private to this room. The text is the model's own (tt_value_print): a
 * quantity that the device wrote as 23.40 is the JSON number 23.40.
 */
#pragma once

#include "model/core.h"

#include <json-c/json.h>

json_object *tt_json_value(const struct tt_value *value); /* NULL (null) for no value */
json_object *tt_json_time(uint64_t wall_us);              /* xs:dateTime in UTC */
/* One field; `point` gives what the field itself does not know. */
json_object *tt_json_field(const struct tt_node *node, uint16_t point, struct tt_now now, const char *language);
/* What a node is, without its fields. With TT_SIGHT_PLACE: where it is and what it is called. */
void tt_json_node(json_object *out, const struct tt_node *node, enum tt_sight sight, const char *language);
void tt_json_state(json_object *out, const struct tt_node *node); /* "state" and "messages" */
json_object *tt_json_fields(const struct tt_node *node, struct tt_now now, const char *language);
/* The bit of a category by its name ("momentary"); 0 when there is none. `all` is every one but history. */
unsigned tt_json_category(const char *name);
extern const char *const tt_json_categories[]; /* ends with NULL */
