/* SPDX-License-Identifier: Apache-2.0
 * remote_text.c: parsed YAML, changed by whole entries, and written again in block style, one value a line: so a line of a
 * diagnostic is a field of a form. */
#include "remote_text.h"

#include "adopt.h"
#include "config/diag.h"

#include <stdio.h>

#define MEMORY_MAX (256u * 1024 * 1024)

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

static int refuse(const struct tt_diags *diags, char *why, size_t why_size)
{
  const struct tt_diag_message *m = diags->n ? &diags->messages[0] : NULL;
  snprintf(why, why_size, "line %u: %s", m ? m->at.line : 0, m ? m->text : "it cannot be read");
  return -EINVAL;
}

int tt_remote_read(struct tt_remote_text *text, const char *yaml, size_t n, char *why, size_t why_size)
{
  struct tt_diags *diags = tt_diags_create();
  size_t items = TT_CONFIG_ITEMS_MAX;
  *text = (struct tt_remote_text){.arena = tt_arena_create(MEMORY_MAX)};
  int r = diags && text->arena ? 0 : -ENOMEM;
  if (r == 0) {
    const struct tt_yaml_env env = {.arena = text->arena, .diags = diags, .items_left = &items};
    r = tt_yaml_parse(&env, TT_REMOTE_NAME, yaml, n, &text->root);
  }
  if (r == 0)
    r = tt_item_check_keys(text->root, true, diags);
  if (r == -EINVAL)
    r = refuse(diags, why, why_size);
  if (r == 0)
    text->devices = tt_item_get(text->root, "devices");
  if (text->devices && (tt_item_is_empty(text->devices) || tt_item_is_null(text->devices)))
    text->devices = NULL;
  if (text->devices && text->devices->kind != TT_ITEM_MAP) {
    snprintf(why, why_size, "line %u: \"devices\" must be a map", text->devices->mark.line);
    r = -EINVAL;
  }
  tt_diags_destroy(diags);
  return r;
}

void tt_remote_finish(struct tt_remote_text *text)
{
  if (text->arena)
    tt_arena_wipe(text->arena);
  tt_arena_destroy(text->arena);
  *text = (struct tt_remote_text){0};
}

/* ---- Texts and holes ------------------------------------------------------------------------------------------- */

/* Foreign text as the file has it: ${ is no hole. */
static struct tt_item *quoted(struct tt_arena *arena, const char *text)
{
  size_t n = 0;
  for (const char *p = text; (p = strstr(p, "${")) != NULL; p += 2)
    n++;
  char *raw = tt_arena_alloc(arena, strlen(text) + n + 1), *out = raw;
  if (!raw)
    return NULL;
  for (const char *p = text; *p; p++) {
    if (p[0] == '$' && p[1] == '{')
      *out++ = '$';
    *out++ = *p;
  }
  return tt_item_scalar(arena, raw, true, (struct tt_mark){0});
}

const char *tt_remote_shown(struct tt_arena *arena, const struct tt_item *item)
{
  if (!item || item->kind != TT_ITEM_SCALAR || tt_item_is_null(item) || tt_item_is_empty(item))
    return "";
  char *shown = tt_arena_strdup(arena, item->text), *out = shown;
  for (const char *p = item->text; shown && *p; p++) /* never longer than it was */
    if (!(p[0] == '$' && p[1] == '$' && p[2] == '{'))
      *out++ = *p;
  if (shown)
    *out = '\0';
  return shown;
}

/* What the change says, what was, or nothing. False: out of memory. */
static bool choose(struct tt_arena *arena, const struct tt_item *old, const char *given, bool empty_is_old,
                   const struct tt_item **ret)
{
  const char *shown = tt_remote_shown(arena, old);
  *ret = old;
  if (!shown)
    return false;
  if (!given || strcmp(given, shown) == 0) /* also an empty one where a label has languages */
    return true;
  if (!*given) {
    *ret = empty_is_old ? old : NULL;
    return true;
  }
  *ret = quoted(arena, given);
  return *ret != NULL;
}

/* ---- An entry ------------------------------------------------------------------------------------------------------ */

static bool put(struct tt_item *map, const char *key, const struct tt_item *item)
{
  if (item) {
    map->keys[map->n] = key;
    map->items[map->n++] = (struct tt_item *)(uintptr_t)item;
  }
  return true;
}

/* A map with room for `room` members, empty. */
static struct tt_item *empty_map(struct tt_arena *arena, size_t room)
{
  struct tt_item *map = tt_item_map(arena, room, (struct tt_mark){0});
  if (map)
    map->n = 0;
  return map;
}

static const char *given_of(const struct tt_manage_change *change, const char *name)
{
  for (size_t i = 0; i < change->n_with; i++)
    if (strcmp(change->with[i].name, name) == 0)
      return change->with[i].value;
  return NULL;
}

static bool is_secret(const struct tt_mapping_config *mapping, const char *name)
{
  for (size_t i = 0; mapping && i < mapping->n_params; i++)
    if (strcmp(mapping->params[i].name, name) == 0)
      return mapping->params[i].is_secret;
  return true; /* nobody knows */
}

/* In the order of the file, then in that of the change. */
static bool choose_with(struct tt_arena *arena, const struct tt_item *old, const struct tt_manage_change *change,
                        const struct tt_mapping_config *mapping, const struct tt_item **ret)
{
  if (old && old->kind != TT_ITEM_MAP)
    old = NULL;
  struct tt_item *with = empty_map(arena, (old ? old->n : 0) + change->n_with);
  const struct tt_item *item;
  if (!with)
    return false;
  for (size_t i = 0; old && i < old->n; i++)
    if (!choose(arena, old->items[i], given_of(change, old->keys[i]), is_secret(mapping, old->keys[i]), &item) ||
        !put(with, old->keys[i], item))
      return false;
  for (size_t i = 0; i < change->n_with; i++) {
    const char *name = change->with[i].name;
    if (tt_item_get(old, name) || tt_item_get(with, name))
      continue;
    name = tt_arena_strdup(arena, name);
    if (!name || !choose(arena, NULL, change->with[i].value, false, &item) || !put(with, name, item))
      return false;
  }
  *ret = with->n > 0 ? with : NULL;
  return true;
}

const struct tt_item *tt_remote_entry(struct tt_remote_text *text, const struct tt_item *old,
                                      const struct tt_manage_change *change,
                                      const struct tt_mapping_config *mapping)
{
  static const char *const names[] = {"uses", "connection", "with", "label", "under"};
  const char *const given[] = {change->uses, change->connection, NULL, change->label, change->under};
  struct tt_item *entry = empty_map(text->arena, TT_COUNT(names) + (old ? old->n : 0));
  if (!entry)
    return NULL;
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    const struct tt_item *was = tt_item_get(old, names[i]), *item;
    bool is_with = strcmp(names[i], "with") == 0;
    if (is_with ? !choose_with(text->arena, was, change, mapping, &item)
                : !choose(text->arena, was, given[i], false, &item))
      return NULL;
    put(entry, names[i], item);
  }
  for (size_t i = 0; old && i < old->n; i++) {
    bool is_ours = false;
    for (size_t k = 0; k < TT_COUNT(names); k++)
      is_ours |= strcmp(old->keys[i], names[k]) == 0;
    if (!is_ours)
      put(entry, old->keys[i], old->items[i]);
  }
  return entry;
}

/* `map` with this member in place of, or after, its own; NULL: without it. */
static struct tt_item *with_member(struct tt_arena *arena, const struct tt_item *map, const char *key,
                                   const struct tt_item *item)
{
  struct tt_item *copy = empty_map(arena, (map ? map->n : 0) + 1);
  bool is_in = false;
  for (size_t i = 0; copy && map && i < map->n; i++) {
    bool is_it = strcmp(map->keys[i], key) == 0;
    put(copy, map->keys[i], is_it ? item : map->items[i]);
    is_in |= is_it;
  }
  const char *name = copy && !is_in && item ? tt_arena_strdup(arena, key) : NULL;
  if (name)
    put(copy, name, item);
  return copy && !is_in && item && !name ? NULL : copy;
}

int tt_remote_set(struct tt_remote_text *text, const char *key, const struct tt_item *entry)
{
  struct tt_item *devices = with_member(text->arena, text->devices, key, entry);
  struct tt_item *root = devices ? with_member(text->arena, text->root, "devices", devices) : NULL;
  if (!root)
    return -ENOMEM;
  text->root = root;
  text->devices = devices;
  return 0;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------- */

static bool is_word(const char *text)
{
  size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return n > 0 && text[n] == '\0' && (text[0] < '0' || text[0] > '9');
}

/* A plain scalar that means the same wherever it stands: numbers, words, null. */
static bool is_plain(const struct tt_item *item)
{
  const char *p = item->text;
  if (item->is_quoted || !*p)
    return false;
  if (strcmp(p, "~") == 0)
    return true;
  p += *p == '-' || *p == '+';
  if (!*p) /* a hyphen alone begins a list */
    return false;
  return strspn(p, "0123456789") > 0
             ? strspn(p, "0123456789abcdefABCDEFxX.+-") == strlen(p)
             : strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(p);
}

static void indent(struct tt_buf *out, unsigned depth)
{
  tt_buf_printf(out, "\n%*s", (int)(2 * depth), "");
}

/* After a key and its colon, or a hyphen. */
static void write_item(struct tt_buf *out, const struct tt_item *item, unsigned depth)
{
  if (item->kind == TT_ITEM_SCALAR) {
    if (tt_item_is_empty(item))
      return;
    tt_buf_putc(out, ' ');
    if (is_plain(item))
      tt_buf_puts(out, item->text);
    else
      tt_yaml_quote(out, item->text, false);
    return;
  }
  if (item->n == 0)
    tt_buf_puts(out, item->kind == TT_ITEM_MAP ? " {}" : " []");
  for (size_t i = 0; i < item->n; i++) {
    indent(out, depth);
    if (item->kind == TT_ITEM_LIST)
      tt_buf_putc(out, '-');
    else if (is_word(item->keys[i]))
      tt_buf_printf(out, "%s:", item->keys[i]);
    else {
      tt_yaml_quote(out, item->keys[i], false);
      tt_buf_putc(out, ':');
    }
    write_item(out, item->items[i], depth + 1);
  }
}

void tt_remote_write(const struct tt_remote_text *text, struct tt_buf *out)
{
  tt_buf_puts(out,
              "# Devices that were added over XMPP. Written by thingtree: what is changed here by hand stays, but\n"
              "# comments go with the next change.");
  if (!tt_item_get(text->root, "version"))
    tt_buf_puts(out, "\nversion: 1");
  if (text->root->n > 0)
    write_item(out, text->root, 0);
  tt_buf_putc(out, '\n');
}

/* ---- Where something stands ---------------------------------------------------------------------------------------- */

void tt_remote_field_at(const struct tt_remote_text *text, const char *key, unsigned line, char *out, size_t size)
{
  const struct tt_item *entry = tt_item_get(text->devices, key), *with = tt_item_get(entry, "with");
  snprintf(out, size, "%s", "");
  for (size_t i = 0; text->devices && i < text->devices->n; i++)
    if (strcmp(text->devices->keys[i], key) == 0 && text->devices->key_marks[i].line == line)
      snprintf(out, size, "key");
  for (size_t i = 0; entry && entry->kind == TT_ITEM_MAP && i < entry->n; i++)
    if (entry->key_marks[i].line == line && entry->items[i] != with)
      snprintf(out, size, "%s", entry->keys[i]);
  for (size_t i = 0; with && with->kind == TT_ITEM_MAP && i < with->n; i++)
    if (with->key_marks[i].line == line)
      snprintf(out, size, "with.%s", with->keys[i]);
}
