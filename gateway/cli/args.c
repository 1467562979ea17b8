/* SPDX-License-Identifier: Apache-2.0
 *
 * args.c: the arguments of a subcommand.
 */
#include "args.h"

#include <stdio.h>

#define SWITCHES_MAX 32
#define HELP_COLUMN  28

static int print_help(const struct tt_args *args)
{
  printf("usage: thingtree %s\n\n%s\n", args->usage, args->help);
  if (args->switches->name)
    puts("\noptions:");
  for (const struct tt_switch *s = args->switches; s->name; s++) {
    int n = s->letter ? printf("  -%s, --%s", s->letter, s->name) : printf("      --%s", s->name);
    n += s->value ? printf(" %s", s->value) : 0;
    printf("%*s %s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", s->help);
  }
  return fflush(stdout) == 0 ? TT_EXIT_OK : TT_EXIT_PARTLY;
}

static const struct tt_switch *find(const struct tt_args *args, const char *word, size_t n)
{
  for (const struct tt_switch *s = args->switches; s->name; s++)
    if ((strlen(s->name) == n && strncmp(s->name, word, n) == 0) ||
        (n == 1 && s->letter && s->letter[0] == word[0]))
      return s;
  return NULL;
}

static int unknown(const struct tt_args *args, const char *word)
{
  const char *names[SWITCHES_MAX] = {"help"};
  size_t n = 1;
  for (const struct tt_switch *s = args->switches; s->name && n < SWITCHES_MAX; s++)
    names[n++] = s->name;
  return tt_usage_unknown("option", word, names, n);
}

static bool take(const struct tt_switch *s, const char *value)
{
  if (!s->words) {
    *s->text = value;
    return true;
  }
  if (s->words->n == TT_WORDS_MAX)
    return false;
  s->words->all[s->words->n++] = value;
  return true;
}

int tt_args_parse(const struct tt_args *args, int argc, char **argv, int *ret_n)
{
  int n = 0;
  bool is_over = false;
  for (int i = 1; i < argc; i++) {
    char *word = argv[i];
    if (is_over || word[0] != '-' || !word[1]) {
      argv[1 + n++] = word;
      continue;
    }
    if (strcmp(word, "--") == 0) {
      is_over = true;
      continue;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
      return print_help(args);
    bool is_long = word[1] == '-';
    word += is_long ? 2 : 1;
    size_t name_len = is_long ? strcspn(word, "=") : strlen(word);
    const struct tt_switch *s = is_long == (name_len > 1) ? find(args, word, name_len) : NULL;
    if (!s)
      return unknown(args, word);
    bool has_value = word[name_len] == '=';
    if (!s->value) {
      if (has_value)
        return tt_usage("--%s has no value", s->name);
      *s->flag = true;
    } else if (!has_value && i + 1 == argc) {
      return tt_usage("--%s needs a value: %s", s->name, s->value);
    } else if (!take(s, has_value ? word + name_len + 1 : argv[++i])) {
      return tt_usage("--%s can be given %d times", s->name, TT_WORDS_MAX);
    }
  }
  *ret_n = n;
  return TT_ARGS_GO_ON;
}
