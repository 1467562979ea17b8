/* SPDX-License-Identifier: Apache-2.0
 * rule.c: what a list of texts, most of them patterns, says. */
#include "rule.h"

bool tt_globs_admit(const struct tt_texts *globs, const char *text)
{
  bool has_glob = false, is_in = false;
  for (size_t i = 0; i < globs->n; i++) {
    const char *glob = globs->text[i];
    if (glob[0] == '!' && tt_glob_matches(glob + 1, text))
      return false;
    has_glob |= glob[0] != '!';
    is_in |= glob[0] != '!' && tt_glob_matches(glob, text);
  }
  return is_in || !has_glob;
}

bool tt_texts_are_same(const struct tt_texts *a, const struct tt_texts *b)
{
  if (a->n != b->n)
    return false;
  for (size_t i = 0; i < a->n; i++)
    if (strcmp(a->text[i], b->text[i]) != 0)
      return false;
  return true;
}
