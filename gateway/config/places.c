/* SPDX-License-Identifier: Apache-2.0
 * places.c: paths of places, their labels, and that no two nodes want the same id or XMPP address. */
#include "load.h"

#include "model/address.h"
#include "model/tree.h"

#include <stdio.h>
#include <uthash.h>

struct tt_seen {
  const char *id;
  struct tt_mark at;
  bool is_place;
  UT_hash_handle hh;
};

int tt_load_take(struct tt_loader *l, const char *id, bool is_place, struct tt_mark at, struct tt_mark *ret_other,
                 bool *ret_other_is_place)
{
  struct tt_seen *seen = NULL;
  HASH_FIND_STR(l->seen, id, seen);
  if (seen && seen->is_place && is_place)
    return 0;
  if (seen) {
    *ret_other = seen->at;
    *ret_other_is_place = seen->is_place;
    return -EEXIST;
  }
  seen = tt_arena_alloc(l->arena, sizeof *seen);
  if (!seen || !(seen->id = tt_arena_strdup(l->arena, id)))
    return -ENOMEM;
  seen->at = at;
  seen->is_place = is_place;
  HASH_ADD_KEYPTR(hh, l->seen, seen->id, strlen(seen->id), seen);
  return 0;
}

int tt_load_take_address(struct tt_loader *l, const char *id, struct tt_mark at)
{
  char local[TT_ADDRESS_MAX + 1];
  struct tt_seen *seen = NULL;
  if (!l->config->xmpp.component.is_set || tt_address_of(id, local, sizeof local) < 0)
    return 0;
  if (tt_address_is_gateway(local)) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "address-clash", at,
            "\"%s\" has the XMPP address of the gateway itself: %s@%s", id, local, l->config->xmpp.component.jid);
    return -EINVAL;
  }
  HASH_FIND_STR(l->addressed, local, seen);
  if (seen && strcmp(seen->id, id) == 0)
    return 0;
  if (seen) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "address-clash", at,
            "\"%s\" has the XMPP address of \"%s\", which does not tell capital from small letters: %s@%s", id,
            seen->id, local, l->config->xmpp.component.jid);
    tt_diag_also(l->diags, seen->at, "the other one");
    return -EINVAL;
  }
  seen = tt_arena_alloc(l->arena, sizeof *seen);
  char *key = tt_arena_strdup(l->arena, local);
  if (!seen || !key || !(seen->id = tt_arena_strdup(l->arena, id)))
    return -ENOMEM;
  seen->at = at;
  HASH_ADD_KEYPTR(hh, l->addressed, key, strlen(key), seen);
  return 0;
}

/* -EINVAL: the place has a label already. */
static int take_label(struct tt_loader *l, const char *path, struct tt_mark at)
{
  struct tt_seen *seen = NULL;
  HASH_FIND_STR(l->labelled, path, seen);
  if (seen) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "duplicate-key", at, "place \"%s\" has its label already", path);
    tt_diag_also(l->diags, seen->at, "first here");
    return -EINVAL;
  }
  seen = tt_arena_alloc(l->arena, sizeof *seen);
  if (!seen)
    return -ENOMEM;
  *seen = (struct tt_seen){.id = path, .at = at, .is_place = true};
  HASH_ADD_KEYPTR(hh, l->labelled, seen->id, strlen(seen->id), seen);
  return 0;
}

void tt_load_forget_taken(struct tt_loader *l)
{
  HASH_CLEAR(hh, l->seen);
  HASH_CLEAR(hh, l->labelled);
  HASH_CLEAR(hh, l->addressed);
}

static const char *fault_of_path(const char *path)
{
  size_t depth = 0, n = strlen(path);
  if (n == 0)
    return NULL;
  if (n > TT_NODE_KEY_MAX)
    return "it is too long";
  for (const char *p = path; *p; p++)
    if ((unsigned char)*p < 0x20 || *p == 0x7f)
      return "it holds a control character";
  for (const char *p = path;; p++) {
    size_t len = strcspn(p, "/");
    if (len == 0)
      return "a part of it is empty; it neither begins nor ends with /";
    if (p[0] == ' ' || p[len - 1] == ' ')
      return "a part of it begins or ends with a space";
    if (++depth > TT_PLACE_DEPTH_MAX)
      return "it has too many parts";
    p += len;
    if (!*p)
      break;
  }
  size_t first = strcspn(path, "/");
  if (first == strlen(TT_GATEWAY_KEY) && strncmp(path, TT_GATEWAY_KEY, first) == 0)
    return "\"" TT_GATEWAY_KEY "\" is the gateway's own";
  return NULL;
}

int tt_load_place_path(struct tt_loader *l, const char *path, struct tt_mark at)
{
  const char *fault = fault_of_path(path);
  if (!fault)
    return 0;
  tt_diag(l->diags, TT_SEVERITY_ERROR, "bad-place", at, "\"%s\" cannot be a place: %s", path, fault);
  return -EINVAL;
}

struct place_options {
  const struct tt_item *label;
};
static const struct tt_option options[] = {
    {.name = "label",
     .type = TT_OPTION_ITEM,
     .offset = offsetof(struct place_options, label),
     .help = "What the place is called: a text, or one per language."},
    TT_OPTION_END,
};

static int load_place(struct tt_loader *l, struct tt_file *file, const struct tt_item *map, size_t i)
{
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_config *config = l->config;
  struct place_options o = {0};
  struct tt_place_config place = {.path = map->keys[i], .mark = map->key_marks[i]};
  char what[100];
  snprintf(what, sizeof what, "place %s", map->keys[i]);
  int r = tt_load_place_path(l, map->keys[i], map->key_marks[i]);
  if (r == 0 && !tt_item_is_empty(map->items[i]))
    r = tt_table_expect_map(&env, map->items[i], what);
  if (r < 0 && map->items[i]->kind == TT_ITEM_SCALAR && map->items[i]->text[0])
    tt_diag_help(l->diags, "{label: %s}", map->items[i]->text);
  if (r < 0 || map->items[i]->kind != TT_ITEM_MAP)
    return r;
  const struct tt_option *tables[] = {options};
  r = tt_table_check_keys(&env, tables, 1, map->items[i], what);
  int q = tt_table_load(&env, options, map->items[i], what, place.mark, &o);
  if (r == 0)
    r = q;
  if (r == 0 && o.label)
    r = tt_load_label(l, &env, o.label, &place.label);
  if (r == 0 && o.label)
    r = take_label(l, place.path, place.mark);
  if (r == 0 && o.label)
    config->places[config->n_places++] = place;
  return r;
}

int tt_load_places(struct tt_loader *l, struct tt_file *file)
{
  const struct tt_item *map = NULL;
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_config *config = l->config;
  int r = tt_load_section(l, file, "places", &map);
  if (r < 0 || !map || tt_item_is_empty(map))
    return r;
  r = tt_table_expect_map(&env, map, "\"places\"");
  if (r < 0)
    return r;
  struct tt_place_config *more = tt_arena_alloc(l->arena, (config->n_places + map->n) * sizeof *more + 1);
  if (!more)
    return -ENOMEM;
  if (config->n_places)
    memcpy(more, config->places, config->n_places * sizeof *more);
  config->places = more;
  for (size_t i = 0; i < map->n && r != -ENOMEM; i++) {
    int q = load_place(l, file, map, i);
    r = q < 0 ? q : r;
  }
  return r;
}
