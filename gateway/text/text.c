/* SPDX-License-Identifier: Apache-2.0
 * text.c: lookup of a sentence. */
#include "text.h"

#include <strings.h>

/* Bridges speak English and mark nothing; what several of them say in the same words is translated all the same. */
TT_UNUSED static const char *const said_by_bridges[] = {
    TT_TR("the device did not answer"),
};

/* "de-AT" is German, too. */
static bool is_of(const char *tag, const char *language)
{
  size_t n = strlen(language);
  return strncasecmp(tag, language, n) == 0 && (tag[n] == '\0' || tag[n] == '-');
}

static int by_english(const void *key, const void *row)
{
  return strcmp(key, ((const struct tt_translation *)row)->english);
}

static const struct tt_catalogue *catalogue_of(const char *language)
{
  for (size_t i = 0; language && *language && i < tt_n_catalogues; i++)
    if (is_of(language, tt_catalogues[i].language))
      return &tt_catalogues[i];
  return NULL;
}

const char *tt_tr(const char *language, const char *english)
{
  const struct tt_catalogue *c = catalogue_of(language);
  const struct tt_translation *found = c ? bsearch(english, c->sorted, c->n, sizeof(*c->sorted), by_english) : NULL;
  return found ? found->text : english;
}

bool tt_tr_speaks(const char *language)
{
  return catalogue_of(language) != NULL;
}

const char *tt_tr_n(const char *language, const char *one, const char *several, size_t n)
{
  return tt_tr(language, n == 1 ? one : several);
}
