/* SPDX-License-Identifier: Apache-2.0
 *
 * compose.h: what a device is sent: a template of the mapping with ${value} in it, and a raw value. Pure.
 */
#pragma once

#include <thingtree/option.h>
#include <thingtree/value.h>

#define TT_COMPOSE_DEPTH_MAX 16
#define TT_COMPOSE_SIZE_MAX  (64u * 1024) /* bytes of the result */
#define TT_COMPOSE_VALUE     "${value}"

/* Is it a template that always gives JSON? NULL, or why not; `*ret_at` (may be NULL) is then the place. */
const char *tt_compose_problem(const struct tt_item *template, const struct tt_item **ret_at);

/* The template as JSON text. A scalar that is exactly ${value} becomes the value with its type: a number stays a
 * number with its decimals, a boolean a boolean. Within other text it becomes text. Plain scalars are read as in
 * YAML 1.2: null, true, false, numbers, else text; quoted ones are text. -ENOMEM; -EMSGSIZE; -EINVAL */
int tt_compose_json(const struct tt_item *template, const struct tt_value *value, struct tt_buf *out);
/* The template as text, every ${value} replaced by the value as it prints. -ENOMEM; -EMSGSIZE */
int tt_compose_text(const char *template, const struct tt_value *value, struct tt_buf *out);
