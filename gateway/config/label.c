/* SPDX-License-Identifier: Apache-2.0
 * label.c: texts in several languages. */
#include "load.h"

#include <ctype.h>
#include <stdio.h>

/* RFC 5646, roughly: letters, digits and hyphens, a letter first. Into lower case. */
static const char *language_tag(struct tt_arena *arena, const char *text, bool *ret_is_tag)
{
  size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
  *ret_is_tag = n > 1 && n <= 35 && !text[n] && isalpha((unsigned char)text[0]) && text[n - 1] != '-';
  char *copy = *ret_is_tag ? tt_arena_strdup(arena, text) : NULL;
  for (char *p = copy; p && *p; p++)
    *p = (char)tolower((unsigned char)*p);
  return copy;
}

static int bad_tag(const struct tt_table_env *env, struct tt_mark at, const char *text)
{
  tt_diag(env->diags, TT_SEVERITY_ERROR, "bad-language", at, "\"%s\" is not a language tag, like en or pt-br",
          text);
  return -EINVAL;
}

static int add(const struct tt_table_env *env, struct tt_label *label, const char *language,
               const struct tt_item *item)
{
  char shown[TT_ITEM_SHOW_SIZE];
  if (item->kind != TT_ITEM_SCALAR || !item->text[0]) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "wrong-type", item->mark, "a label must be a text, not %s",
            tt_item_show(item, shown));
    return -EINVAL;
  }
  char *clean = tt_text_clean(item->text, strlen(item->text), TT_TEXT_MAX);
  label->language[label->n] = language;
  label->text[label->n] = clean ? tt_arena_strdup(env->arena, clean) : NULL;
  free(clean);
  return label->text[label->n++] ? 0 : -ENOMEM;
}

int tt_load_label(struct tt_loader *l, const struct tt_table_env *env, const struct tt_item *item,
                  struct tt_label *ret)
{
  struct tt_label label = {0};
  const struct tt_texts *languages = &l->config->languages;
  int r = 0;
  if (item->kind != TT_ITEM_MAP) {
    r = add(env, &label, languages->text[0], item);
    if (r == 0)
      *ret = label;
    return r;
  }
  if (item->n > TT_LANGUAGES_MAX) {
    tt_diag(env->diags, TT_SEVERITY_ERROR, "too-many-languages", item->mark, "a label can have %d languages",
            TT_LANGUAGES_MAX);
    return -EINVAL;
  }
  for (size_t i = 0; i < item->n; i++) {
    bool is_tag;
    const char *tag = language_tag(env->arena, item->keys[i], &is_tag);
    r = !is_tag ? bad_tag(env, item->key_marks[i], item->keys[i])
        : tag   ? add(env, &label, tag, item->items[i])
                : -ENOMEM;
    if (r < 0)
      return r;
  }
  /* the fallback is the first of the configured languages that is there */
  size_t first = label.n;
  for (size_t k = languages->n; k-- > 0;)
    for (size_t i = 0; i < label.n; i++)
      if (strcmp(label.language[i], languages->text[k]) == 0)
        first = i;
  if (first < label.n && first > 0) {
    const char *language = label.language[first], *text = label.text[first];
    memmove(label.language + 1, label.language, first * sizeof *label.language);
    memmove(label.text + 1, label.text, first * sizeof *label.text);
    label.language[0] = language;
    label.text[0] = text;
  }
  *ret = label;
  return 0;
}

int tt_load_languages(struct tt_loader *l, struct tt_file *file)
{
  static const struct tt_option options[] = {
      {.name = "languages", .type = TT_OPTION_TEXTS, .offset = 0, .preset = "en", .help = "unused"}, TT_OPTION_END};
  struct tt_table_env env = tt_load_env(l, file);
  struct tt_texts texts = {0};
  const struct tt_item *item = NULL;
  int r = file ? tt_load_section(l, file, "languages", &item) : 0;
  if (r == 0)
    r = tt_table_load(&env, options, item ? file->root : NULL, "languages", (struct tt_mark){0}, &texts);
  if (r == 0 && texts.n > TT_LANGUAGES_MAX) {
    tt_diag(l->diags, TT_SEVERITY_ERROR, "too-many-languages", item->mark, "there can be %d languages",
            TT_LANGUAGES_MAX);
    r = -EINVAL;
  }
  for (size_t i = 0; r == 0 && i < texts.n; i++) {
    bool is_tag;
    const char *tag = language_tag(l->arena, texts.text[i], &is_tag);
    if (!is_tag)
      r = bad_tag(&env, item->kind == TT_ITEM_LIST ? item->items[i]->mark : item->mark, texts.text[i]);
    else if (!(texts.text[i] = tag))
      r = -ENOMEM;
  }
  if (r == 0 && texts.n > 0) {
    l->config->languages = texts;
    return 0;
  }
  if (r == -ENOMEM)
    return r;
  /* labels need a fallback, whatever was wrong */
  struct tt_texts preset = {.text = tt_arena_alloc(l->arena, sizeof *preset.text), .n = 1};
  if (!preset.text)
    return -ENOMEM;
  preset.text[0] = "en";
  l->config->languages = preset;
  return r;
}
