/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c: `thingtree help`.
 */
#include "cli.h"

#include <stdio.h>

int tt_command_help(int argc, char **argv)
{
  if (argc > 1)
    return tt_usage("no help on \"%s\"", argv[1]);
  puts("usage: thingtree SUBCOMMAND [OPTIONS]\n");
  for (const struct tt_command *c = tt_commands; c->name; c++)
    printf("  %-10s %s\n", c->name, c->summary);
  return TT_EXIT_OK;
}
