/* SPDX-License-Identifier: Apache-2.0
 * match.c: `match:` of mappings: what it says, and whom it fits. */
#include "load.h"

#include <glob.h>
#include <stdio.h>

/* ---- What it says ------------------------------------------------------------------------------------------------ */

static int load_fact(const struct tt_table_env *env, const struct tt_item *map, size_t i, struct tt_match_fact *ret)
{
  const struct tt_item *item = map->items[i];
  char shown[TT_ITEM_SHOW_SIZE];
  size_t n = item->kind == TT_ITEM_LIST ? item->n : 1;
  struct tt_item *const *items = item->kind == TT_ITEM_LIST ? item->items : (struct tt_item *const *)&map->items[i];
  ret->name = map->keys[i];
  ret->patterns = (struct tt_texts){.text = tt_arena_alloc(env->arena, (n + 1) * sizeof(char *)), .n = n};
  if (!ret->patterns.text)
    return -ENOMEM;
  if (n == 0 || n > TT_MATCH_PATTERNS_MAX) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-match", item->mark, "a fact is compared with 1 to %d patterns",
            TT_MATCH_PATTERNS_MAX);
    return -EINVAL;
  }
  for (size_t k = 0; k < n; k++) {
    ret->patterns.text[k] = items[k]->text;
    if (items[k]->kind == TT_ITEM_SCALAR && items[k]->text[0] && strlen(items[k]->text) <= TT_PATTERN_MAX)
      continue;
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-match", items[k]->mark, "a pattern is a text, not %s",
            tt_item_show(items[k], shown));
    return -EINVAL;
  }
  return 0;
}

int tt_load_match(const struct tt_table_env *env, const struct tt_item *item, const struct tt_match_fact **ret,
                  size_t *ret_n)
{
  if (!item || tt_item_is_empty(item))
    return 0;
  int r = tt_table_expect_map(env, item, "\"match\"");
  if (r < 0)
    return r;
  if (item->n == 0 || item->n > TT_MATCH_FACTS_MAX) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-match", item->mark, "a mapping is matched by 1 to %d facts",
            TT_MATCH_FACTS_MAX);
    return -EINVAL;
  }
  struct tt_match_fact *facts = tt_arena_alloc(env->arena, item->n * sizeof *facts);
  if (!facts)
    return -ENOMEM;
  for (size_t i = 0; i < item->n && r != -ENOMEM; i++) {
    int q = load_fact(env, item, i, &facts[i]);
    r = q < 0 ? q : r;
  }
  if (r < 0)
    return r;
  *ret = facts;
  *ret_n = item->n;
  return 0;
}

/* ---- All mappings that there are --------------------------------------------------------------------------------- */

static int describe_param(struct tt_loader *l, const struct tt_mapping *m, const struct tt_param *param,
                          struct tt_parameter_config *ret)
{
  struct tt_table_env env = tt_load_env(l, m->file);
  bool is_secret = param->type == TT_PARAM_SECRET;
  bool has_preset = param->preset && param->preset->kind == TT_ITEM_SCALAR && !tt_item_is_null(param->preset) &&
                    !param->preset->is_secret && !is_secret;
  *ret = (struct tt_parameter_config){.name = param->name,
                                      .is_required = !param->preset,
                                      .is_secret = is_secret,
                                      .type = param->type,
                                      .has_range = param->has_range,
                                      .min = param->min,
                                      .max = param->max,
                                      .preset = has_preset ? param->preset->text : NULL,
                                      .help = param->help};
  return param->label && !tt_item_is_empty(param->label) ? tt_load_label(l, &env, param->label, &ret->label) : 0;
}

static int add_mapping(struct tt_loader *l, const char *name)
{
  struct tt_config *c = l->config;
  struct tt_item *uses = tt_item_scalar(l->arena, tt_arena_strdup(l->arena, name), true, (struct tt_mark){0});
  struct tt_mapping *m;
  if (!uses || !uses->text)
    return -ENOMEM;
  int r = tt_load_mapping(l, uses, &m);
  if (r < 0)
    return r;
  struct tt_parameter_config *params = tt_arena_alloc(l->arena, (m->params.n + 1) * sizeof *params);
  if (!params)
    return -ENOMEM;
  for (size_t i = 0; i < m->params.n && r == 0; i++)
    r = describe_param(l, m, &m->params.all[i], &params[i]);
  if (r < 0)
    return r;
  c->mappings[c->n_mappings++] = (struct tt_mapping_config){.name = m->name,
                                                            .protocol = m->protocol,
                                                            .match = m->match,
                                                            .n_match = m->n_match,
                                                            .params = params,
                                                            .n_params = m->params.n,
                                                            .label = m->about.label,
                                                            .vendor = m->about.vendor,
                                                            .model = m->about.model};
  return 0;
}

static int compare(const void *a, const void *b)
{
  return strcmp(((const struct tt_mapping_config *)a)->name, ((const struct tt_mapping_config *)b)->name);
}

static bool has_mapping(const struct tt_config *c, const char *name)
{
  for (size_t i = 0; i < c->n_mappings; i++)
    if (strcmp(c->mappings[i].name, name) == 0)
      return true;
  return false;
}

int tt_load_all_mappings(struct tt_loader *l)
{
  int r = 0;
  l->config->mappings = tt_arena_alloc(l->arena, TT_CONFIG_FILES_MAX * sizeof *l->config->mappings);
  if (!l->config->mappings)
    return -ENOMEM;
  for (size_t i = 0; i < l->search.n && r == 0; i++) {
    glob_t found = {0};
    char *dir TT_AUTOFREE = tt_load_path(l, l->search.text[i]);
    struct tt_buf pattern TT_AUTOBUF = TT_BUF(0);
    tt_buf_printf(&pattern, "%s/*/*.yaml", dir ? dir : "");
    if (!dir || pattern.failed)
      return -ENOMEM;
    int g = glob(pattern.data, 0, NULL, &found);
    for (size_t k = 0; g == 0 && k < found.gl_pathc && r == 0; k++) {
      char *name = found.gl_pathv[k] + strlen(dir) + 1;
      name[strlen(name) - strlen(".yaml")] = '\0';
      /* one that is wrong has been said, and fits nobody */
      if (!has_mapping(l->config, name) && l->config->n_mappings < TT_CONFIG_FILES_MAX)
        r = add_mapping(l, name) == -ENOMEM ? -ENOMEM : 0;
    }
    globfree(&found);
  }
  qsort(l->config->mappings, l->config->n_mappings, sizeof *l->config->mappings, compare);
  return r;
}

/* ---- Whom it fits ------------------------------------------------------------------------------------------------- */

const char *tt_candidate_fact(const struct tt_candidate *candidate, const char *name)
{
  for (size_t i = 0; i < candidate->n_facts; i++)
    if (strcmp(candidate->facts[i].name, name) == 0)
      return candidate->facts[i].value;
  return NULL;
}

static unsigned literals(const char *pattern)
{
  unsigned n = 0;
  for (; *pattern; pattern++)
    n += *pattern != '*' && *pattern != '?';
  return n;
}

/* A fact may have several values: one of them must fit. The longest pattern that does; 0: none. */
static unsigned fact_score(const struct tt_match_fact *fact, const struct tt_candidate *candidate)
{
  unsigned best = 0;
  for (size_t i = 0; i < candidate->n_facts; i++)
    for (size_t k = 0; strcmp(candidate->facts[i].name, fact->name) == 0 && k < fact->patterns.n; k++) {
      unsigned score = 1 + literals(fact->patterns.text[k]);
      if (score > best && tt_glob_matches(fact->patterns.text[k], candidate->facts[i].value))
        best = score;
    }
  return best;
}

#define PER_FACT 100000u /* more than the patterns of all facts can be long together */
_Static_assert(PER_FACT > TT_MATCH_FACTS_MAX * (TT_PATTERN_MAX + 1), "facts count more than letters");

unsigned tt_match_score(const struct tt_mapping_config *mapping, const struct tt_candidate *candidate)
{
  unsigned sum = 0;
  for (size_t i = 0; i < mapping->n_match; i++) {
    unsigned score = fact_score(&mapping->match[i], candidate);
    if (score == 0)
      return 0;
    sum += PER_FACT + score;
  }
  return sum;
}

const struct tt_mapping_config *tt_match_best(const struct tt_config *config, const char *protocol,
                                              const struct tt_candidate *candidate)
{
  const struct tt_mapping_config *best = NULL;
  unsigned best_score = 0;
  for (size_t i = 0; i < config->n_mappings; i++) {
    const struct tt_mapping_config *m = &config->mappings[i];
    unsigned score = strcmp(m->protocol, protocol) == 0 ? tt_match_score(m, candidate) : 0;
    if (score > best_score) {
      best = m;
      best_score = score;
    }
  }
  return best;
}

bool tt_match_is_exact(const struct tt_mapping_config *mapping)
{
  for (size_t i = 0; i < mapping->n_match; i++)
    for (size_t k = 0; k < mapping->match[i].patterns.n; k++)
      if (strpbrk(mapping->match[i].patterns.text[k], "*?"))
        return false;
  return mapping->n_match > 0;
}
