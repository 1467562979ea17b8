/* SPDX-License-Identifier: Apache-2.0
 * match.c: names, match.h. */
#include "match.h"
#include "letters.h"
#include "parse.h"

#include <ctype.h>

/* ---- A text and one name ------------------------------------------------------------------------------------------ */

struct wanted {
  const char *text;
  char folded[TT_CHAT_LINE_MAX + 1];
  size_t end[TT_CHAT_LINE_MAX + 1]; /* tt_chat_fold() */
  size_t n, word;                   /* length, and of its first word */
};

static bool wanted_init(struct wanted *wanted, const char *text)
{
  if (strlen(text) > TT_CHAT_LINE_MAX)
    return false;
  wanted->text = text;
  wanted->n = tt_chat_fold(text, wanted->folded, wanted->end);
  wanted->word = strcspn(wanted->folded, " .");
  return wanted->n > 0;
}

static bool ends_name(char c)
{
  return c == '\0' || c == ' ' || c == '.';
}

#define EXACT ((size_t)1 << 20)

/* How much of the text the name is: 0 nothing, EXACT + n a whole name, n the beginning of one. */
static size_t score(const struct wanted *wanted, const char *name)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  if (isalnum((unsigned char)name[0]) && tolower((unsigned char)name[0]) != wanted->folded[0])
    return 0;
  if (strlen(name) > TT_CHAT_LINE_MAX)
    return 0;
  size_t n = tt_chat_fold(name, folded, NULL);
  if (n > 0 && !strncmp(wanted->folded, folded, n) && ends_name(wanted->folded[n]))
    return EXACT + n;
  if (wanted->n >= TT_CHAT_PREFIX_MIN && !strncmp(folded, wanted->folded, wanted->n))
    return wanted->n;
  if (wanted->word >= TT_CHAT_PREFIX_MIN && !strncmp(folded, wanted->folded, wanted->word))
    return wanted->word;
  return 0;
}

static size_t label_score(const struct wanted *wanted, const struct tt_label *label)
{
  size_t best = 0;
  for (size_t i = 0; label && i < label->n; i++) {
    size_t s = score(wanted, label->text[i]);
    best = s > best ? s : best;
  }
  return best;
}

/* Where the text goes on after `n` bytes of its folded form. A minus before a number is not part of a name. */
static size_t rest_of(const struct wanted *wanted, size_t n)
{
  const char *rest = wanted->text + wanted->end[n - 1];
  if (*rest == '.')
    rest++;
  return (size_t)(rest + strspn(rest, " ") - wanted->text);
}

/* ---- Nodes -------------------------------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static size_t node_score(const struct wanted *wanted, const struct tt_node *node, const struct tt_node *place)
{
  size_t n = place ? strlen(place->path) : 0, best = label_score(wanted, node->label);
  const char *names[] = {node->key, last_part(node->key), node->path,
                         n > 0 && !strncmp(node->path, place->path, n) && node->path[n] == '/' ? node->path + n + 1
                                                                                               : NULL};
  for (size_t i = 0; i < TT_COUNT(names); i++) {
    size_t s = names[i] ? score(wanted, names[i]) : 0;
    best = s > best ? s : best;
  }
  return best;
}

static bool is_below(const struct tt_node *node, const struct tt_node *place)
{
  for (; node; node = node->parent)
    if (node == place)
      return true;
  return false;
}

/* A number of the last list. */
static bool match_number(struct tt_core *core, const struct tt_caller *caller,
                         const struct tt_chat_session *session, const char *text, struct tt_chat_found *ret)
{
  size_t digits = strspn(text, "0123456789");
  if (!session || digits == 0 || digits > 3 || !ends_name(text[digits]))
    return false;
  size_t number = strtoul(text, NULL, 10);
  if (number == 0 || number > session->n_list)
    return false;
  struct tt_node *node = tt_tree_get(tt_core_tree(core), session->list[number - 1]);
  if (!node || tt_core_sight(core, caller, node) == TT_SIGHT_NONE)
    return false;
  size_t rest = digits + (text[digits] == '.');
  rest += strspn(text + rest, " ");
  *ret = (struct tt_chat_found){.nodes = {node->id}, .n = 1, .n_all = 1, .rest = rest, .is_exact = true};
  return true;
}

static void found_add(struct tt_chat_found *found, tt_id node)
{
  if (found->n < TT_COUNT(found->nodes))
    found->nodes[found->n++] = node;
  found->n_all++;
}

void tt_chat_match_node(struct tt_core *core, const struct tt_caller *caller, const struct tt_chat_session *session,
                        const struct tt_node *place, const char *text, struct tt_chat_found *ret)
{
  struct tt_tree *tree = tt_core_tree(core);
  struct wanted wanted;
  size_t best = 0;
  bool is_best_below = false;
  *ret = (struct tt_chat_found){0};
  text += *text == '/';
  if (match_number(core, caller, session, text, ret) || !wanted_init(&wanted, text))
    return;
  for (struct tt_node *node = tt_tree_walk(tree, NULL); node; node = tt_tree_walk(tree, node)) {
    size_t s = node_score(&wanted, node, place);
    bool below = place && is_below(node, place);
    if (s == 0 || s < best || (s == best && is_best_below && !below) ||
        tt_core_sight(core, caller, node) == TT_SIGHT_NONE)
      continue;
    if (s > best || below != is_best_below)
      ret->n = ret->n_all = 0;
    best = s;
    is_best_below = below;
    found_add(ret, node->id);
  }
  if (best > 0)
    ret->rest = rest_of(&wanted, best & (EXACT - 1));
  ret->is_exact = best >= EXACT;
}

bool tt_chat_node_contains(const struct tt_node *node, const char *folded)
{
  char name[TT_CHAT_LINE_MAX + 1];
  const char *names[2 + TT_LANGUAGES_MAX] = {node->key, node->path};
  size_t n = 2;
  for (size_t i = 0; node->label && i < node->label->n; i++)
    names[n++] = node->label->text[i];
  for (size_t i = 0; i < n; i++)
    if (strlen(names[i]) <= TT_CHAT_LINE_MAX && tt_chat_fold(names[i], name, NULL) > 0 && strstr(name, folded))
      return true;
  return false;
}

/* ---- Fields ------------------------------------------------------------------------------------------------------- */

void tt_chat_match_point(const struct tt_point *const points[], size_t n, const char *text,
                         struct tt_chat_fields *ret)
{
  struct wanted wanted;
  size_t best = 0;
  *ret = (struct tt_chat_fields){0};
  if (!wanted_init(&wanted, text))
    return;
  for (size_t i = 0; i < n; i++) {
    size_t s = points[i] ? score(&wanted, points[i]->name) : 0;
    size_t l = points[i] ? label_score(&wanted, &points[i]->label) : 0;
    s = l > s ? l : s;
    if (s == 0 || s < best)
      continue;
    if (s > best)
      ret->n = 0;
    best = s;
    if (ret->n < TT_COUNT(ret->points))
      ret->points[ret->n++] = i;
  }
  if (best > 0)
    ret->rest = rest_of(&wanted, best & (EXACT - 1));
  ret->is_exact = best >= EXACT;
}

void tt_chat_match_field(const struct tt_node *node, bool is_writable, const char *text, struct tt_chat_fields *ret)
{
  *ret = (struct tt_chat_fields){0};
  const struct tt_point **points TT_AUTOFREE = calloc(node->n_points + 1, sizeof(*points));
  for (size_t i = 0; points && i < node->n_points; i++) {
    const struct tt_point *point = &node->points[i];
    bool is_meant = is_writable ? point->write && !point->is_hidden : tt_node_has_field(node, (uint16_t)i);
    points[i] = is_meant ? point : NULL;
  }
  if (points)
    tt_chat_match_point(points, node->n_points, text, ret);
}

/* ---- Guesses ------------------------------------------------------------------------------------------------------ */

struct tt_chat_guess {
  struct tt_arena *arena;
  const char **folded, **names;
  size_t n, room;
};

struct tt_chat_guess *tt_chat_guess_create(struct tt_arena *arena)
{
  struct tt_chat_guess *guess = tt_arena_alloc(arena, sizeof(*guess));
  if (guess)
    guess->arena = arena;
  return guess;
}

static bool guess_grow(struct tt_chat_guess *guess)
{
  if (guess->n < guess->room)
    return true;
  size_t room = guess->room ? 2 * guess->room : 64;
  const char **folded = tt_arena_alloc(guess->arena, room * sizeof(*folded));
  const char **names = tt_arena_alloc(guess->arena, room * sizeof(*names));
  if (!folded || !names)
    return false;
  if (guess->n > 0) {
    memcpy(folded, guess->folded, guess->n * sizeof(*folded));
    memcpy(names, guess->names, guess->n * sizeof(*names));
  }
  guess->folded = folded;
  guess->names = names;
  guess->room = room;
  return true;
}

void tt_chat_guess_add(struct tt_chat_guess *guess, const char *name)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  if (!guess || strlen(name) > TT_CHAT_FOREIGN_MAX || !guess_grow(guess) || tt_chat_fold(name, folded, NULL) == 0)
    return;
  char *copy = tt_arena_strdup(guess->arena, folded);
  if (!copy)
    return;
  guess->folded[guess->n] = copy;
  guess->names[guess->n++] = name;
}

void tt_chat_guess_add_point(struct tt_chat_guess *guess, const struct tt_point *point)
{
  tt_chat_guess_add(guess, point->name);
  for (size_t i = 0; i < point->label.n; i++)
    tt_chat_guess_add(guess, point->label.text[i]);
}

void tt_chat_guess_add_nodes(struct tt_chat_guess *guess, struct tt_core *core, const struct tt_caller *caller,
                             size_t max)
{
  struct tt_tree *tree = tt_core_tree(core);
  for (struct tt_node *node = tt_tree_walk(tree, NULL); guess && node && max > 0;
       node = tt_tree_walk(tree, node), max--) {
    if (tt_core_sight(core, caller, node) == TT_SIGHT_NONE)
      continue;
    tt_chat_guess_add(guess, last_part(node->key));
    for (size_t i = 0; node->label && i < node->label->n; i++)
      tt_chat_guess_add(guess, node->label->text[i]);
  }
}

const char *tt_chat_guess_closest(const struct tt_chat_guess *guess, const char *text)
{
  char folded[TT_CHAT_LINE_MAX + 1];
  if (!guess || strlen(text) > TT_CHAT_FOREIGN_MAX || tt_chat_fold(text, folded, NULL) == 0)
    return NULL;
  for (int i = 0; i < 2; i++) {
    const char *closest = tt_closest(folded, guess->folded, guess->n);
    for (size_t k = 0; closest && k < guess->n; k++)
      if (guess->folded[k] == closest)
        return guess->names[k];
    folded[strcspn(folded, " .")] = '\0';
  }
  return NULL;
}
