/* SPDX-License-Identifier: Apache-2.0
 * label.c: which text of a label a reader gets, thingtree/point.h. */
#include <strings.h>
#include <thingtree/point.h>

const char *tt_label_for(const struct tt_label *label, const char *language, const char *otherwise)
{
  if (!label || label->n == 0)
    return otherwise;
  /* "zh-Hant-TW", "zh-Hant", "zh": the tag is cut from the right (RFC 4647 section 3.4). */
  for (size_t n = language ? strlen(language) : 0; n > 0;) {
    for (size_t i = 0; i < label->n; i++)
      if (label->language[i] && strlen(label->language[i]) == n && !strncasecmp(label->language[i], language, n))
        return label->text[i];
    while (n > 0 && language[n - 1] != '-')
      n--;
    n -= n > 0;
  }
  return label->text[0];
}
