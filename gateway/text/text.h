/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h: what the gateway says to people, in their language. The English sentence in the source is the key; the
 * translations are <language>.po beside this file, compiled by the build into constant tables. No libintl: the language
 * is that of each request, and the locale stays C. Constant data, any thread.
 */
#pragma once

#include <thingtree/util.h>

/* The sentence in `language` (a tag: "sv", "de-AT"; NULL, "" and unknown ones: English). What is not translated is
 * English. A format keeps its conversions in every language, in the same order: the build checks that. */
const char *tt_tr(const char *language, const char *english) __attribute__((format_arg(2)));

/* One or several, as the languages here count: English, Swedish and German do it alike. */
const char *tt_tr_n(const char *language, const char *one, const char *several, size_t n)
    __attribute__((format_arg(2), format_arg(3)));

/* Is this a language beside English that tt_tr() has? Then a text for people that is not English to tt_tr() has been said in
 * it already. */
bool tt_tr_speaks(const char *language);

/* Marks a sentence in a table, which is given to tt_tr() later. */
#define TT_TR(english) english

/* ---- Between the generated tables and the lookup --------------------------------------------------------------- */
struct tt_translation {
  const char *english, *text;
};
struct tt_catalogue {
  const char *language;                /* lower case */
  const struct tt_translation *sorted; /* by the bytes of `english` */
  size_t n;
};
extern const struct tt_catalogue tt_catalogues[];
extern const size_t tt_n_catalogues;
