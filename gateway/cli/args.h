/* SPDX-License-Identifier: Apache-2.0
 *
 * args.h: the arguments of a subcommand, as a table: parsing, --help and "did you mean" from one place.
 */
#pragma once

#include "cli.h"

#define TT_WORDS_MAX 100 /* how often one switch can be given */

struct tt_words {
  const char *all[TT_WORDS_MAX];
  size_t n;
};

struct tt_switch {
  const char *name;   /* without the hyphens; NULL ends the table */
  const char *letter; /* "j": also -j; NULL */
  const char *value;  /* what its value is called in the help; NULL: it has none, `flag` is set */
  bool *flag;
  const char **text;
  struct tt_words *words; /* instead of `text`: each time it is given */
  const char *help;
};

struct tt_args {
  const char *usage; /* "tree [NODE]" */
  const char *help;  /* a paragraph or two */
  const struct tt_switch *switches;
};

#define TT_ARGS_GO_ON (-1)

/* What every subcommand that talks to the daemon has. */
#define TT_SWITCH_SOCKET(text_)                                                                                    \
  {                                                                                                                \
    .name = "socket", .letter = "s", .value = "PATH", .text = (text_),                                             \
    .help = "control socket ($THINGTREE_SOCKET, /run/thingtree/thingtree.sock)"                                    \
  }
#define TT_SWITCH_JSON(flag_)                                                                                      \
  {                                                                                                                \
    .name = "json", .letter = "j", .flag = (flag_), .help = "for programs: one JSON object per line"               \
  }

/* Moves what is not a switch to the front of argv, behind argv[0]; `ret_n` are they. --name VALUE, --name=VALUE, -n
 * VALUE; "--" ends the switches; --help prints all this. TT_ARGS_GO_ON, or the exit code. */
int tt_args_parse(const struct tt_args *args, int argc, char **argv, int *ret_n);
