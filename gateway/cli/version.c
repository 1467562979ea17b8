/* SPDX-License-Identifier: Apache-2.0
 *
 * version.c: `thingtree version`.
 */
#include "args.h"

#include <stdio.h>

int tt_command_version(int argc, char **argv)
{
  bool is_json = false;
  const struct tt_switch switches[] = {TT_SWITCH_JSON(&is_json), {.name = NULL}};
  const struct tt_args args = {.usage = "version [OPTIONS]", .help = "Shows the version.", .switches = switches};
  int n, exit = tt_args_parse(&args, argc, argv, &n);
  if (exit != TT_ARGS_GO_ON)
    return exit;
  if (n > 0)
    return tt_usage("version: unexpected \"%s\"", argv[1]);
  puts(is_json ? "{\"version\":\"" TT_VERSION "\"}" : "thingtree " TT_VERSION);
  return TT_EXIT_OK;
}
