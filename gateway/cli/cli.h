/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h: the subcommands of `thingtree`. One file each, one row each in the table of main.c.
 */
#pragma once

#include <thingtree/util.h>

/* TT_DEFAULT_CONFIG, the configuration when none is named, is where it is installed (meson.build). */

/* Exit codes, the same for every subcommand. */
enum tt_exit {
  TT_EXIT_OK = 0,
  TT_EXIT_PARTLY = 1,     /* devices disabled, or what was asked failed */
  TT_EXIT_UNUSABLE = 2,   /* nothing usable: no configuration, no state directory, no socket */
  TT_EXIT_USAGE = 64,     /* EX_USAGE of sysexits.h */
  TT_EXIT_NO_DAEMON = 69, /* EX_UNAVAILABLE: nobody listens on the control socket */
};

struct tt_subcommand {
  const char *name;
  const char *summary; /* one line for `thingtree help` */
  /* argv[0] is the name of the subcommand. Returns enum tt_exit. */
  int (*run)(int argc, char **argv);
};
/* Ends with name NULL. */
extern const struct tt_subcommand tt_commands[];

/* "thingtree: unknown subcommand "chekc"; did you mean "check"?" on stderr; TT_EXIT_USAGE. `what` names the kind of
 * word, `candidates` are the right ones. */
int tt_usage_unknown(const char *what, const char *word, const char *const candidates[], size_t n);
/* One sentence on stderr, then where help is; TT_EXIT_USAGE. */
int tt_usage(const char *format, ...) TT_PRINTF(1, 2);

int tt_command_run(int argc, char **argv);
int tt_command_help(int argc, char **argv);
int tt_command_check(int argc, char **argv);
int tt_command_version(int argc, char **argv);
int tt_command_tree(int argc, char **argv);
int tt_command_read(int argc, char **argv);
int tt_command_set(int argc, char **argv);
int tt_command_commands(int argc, char **argv);
int tt_command_do(int argc, char **argv);
int tt_command_watch(int argc, char **argv);
int tt_command_status(int argc, char **argv);
int tt_command_requests(int argc, char **argv);
int tt_command_block(int argc, char **argv);
int tt_command_reload(int argc, char **argv);
int tt_command_discover(int argc, char **argv);
int tt_command_adopt(int argc, char **argv);
