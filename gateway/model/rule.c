/* SPDX-License-Identifier: Apache-2.0
 * rule.c: what a list of patterns says. */
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
