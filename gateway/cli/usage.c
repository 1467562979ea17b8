/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.c: what is said to somebody who mistyped.
 */
#include "cli.h"

#include <stdio.h>

int tt_usage_unknown(const char *what, const char *word, const char *const candidates[], size_t n)
{
  char shown[128];
  tt_text_printable(shown, sizeof(shown), word, strlen(word));
  fprintf(stderr, "thingtree: unknown %s \"%s\"", what, shown);
  const char *close = tt_closest(word, candidates, n);
  if (close)
    fprintf(stderr, "; did you mean \"%s\"?", close);
  fputs("\nTry: thingtree help\n", stderr);
  return TT_EXIT_USAGE;
}

int tt_usage(const char *format, ...)
{
  va_list ap;
  fputs("thingtree: ", stderr);
  va_start(ap, format);
  vfprintf(stderr, format, ap);
  va_end(ap);
  fputs("\nTry: thingtree help\n", stderr);
  return TT_EXIT_USAGE;
}
