/* SPDX-License-Identifier: Apache-2.0
 *
 * item.h: parsed YAML: reading it, and asking what it holds. Items live in the arena of the configuration and are
 * constant once parsed; whoever changes one makes a new one that shares the rest. Main thread.
 */
#pragma once

#include <thingtree/option.h>

struct tt_yaml_env {
  struct tt_arena *arena;
  struct tt_diags *diags;
  size_t *items_left; /* of TT_CONFIG_ITEMS_MAX */
};

/* Parse one file; `file` is its interned name for marks. The root is a map (an empty file: an empty one).
 * -EINVAL: not usable, said in `diags`; -ENOMEM. Duplicate keys are not looked for here: what they spoil depends on
 * where they stand, so whoever knows that asks tt_item_check_keys(). */
int tt_yaml_parse(const struct tt_yaml_env *env, const char *file, const char *text, size_t n,
                  const struct tt_item **ret_root);

/* Keys that a map has twice are errors with both positions. `is_deep`: in everything below, too. */
int tt_item_check_keys(const struct tt_item *item, bool is_deep, struct tt_diags *diags); /* -EINVAL, -ENOMEM */

bool tt_item_is_null(const struct tt_item *item);  /* plain `null`, `~` */
bool tt_item_is_empty(const struct tt_item *item); /* nothing written: `key:` */
/* How a message names the value: "\"text\"", "a list", "a map", "a secret"; cut to fit. Writes into `out`. */
#define TT_ITEM_SHOW_SIZE 80
const char *tt_item_show(const struct tt_item *item, char out[static TT_ITEM_SHOW_SIZE]);
/* The i-th key with its value, as far as they stand on one line. */
struct tt_mark tt_item_pair(const struct tt_item *map, size_t i);
/* The mark of a key; of the map itself when it has no such key. */
struct tt_mark tt_item_key_mark(const struct tt_item *map, const char *key);

struct tt_item *tt_item_scalar(struct tt_arena *arena, const char *text, bool is_quoted, struct tt_mark mark);
struct tt_item *tt_item_map(struct tt_arena *arena, size_t n, struct tt_mark mark); /* n members to be filled in */
/* `base` with the members of `over` in place of or after its own. Maps in `deep` (a key, NULL: none) are merged the
 * same way. Either may be NULL. A new map, or one of the two when the other has nothing. NULL: no memory. */
const struct tt_item *tt_item_overlay(struct tt_arena *arena, const struct tt_item *base,
                                      const struct tt_item *over, const char *deep);

/* Bytes of the line break at `text` as YAML 1.1 has them, 0 when there is none; n > 0. */
size_t tt_line_break(const char *text, size_t n);
/* Bytes of the character at `text`; 1 when it is not valid UTF-8; n > 0. */
size_t tt_character_length(const char *text, size_t n);
/* Characters (what is not valid counts by byte). */
size_t tt_characters(const char *text, size_t n);
