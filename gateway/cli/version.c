/* SPDX-License-Identifier: Apache-2.0
 *
 * version.c: `thingtree version`.
 */
#include "cli.h"

#include <stdio.h>

int tt_command_version(int argc, char **argv)
{
  if (argc > 1)
    return tt_usage("version: unexpected \"%s\"", argv[1]);
  puts("thingtree " TT_VERSION);
  return TT_EXIT_OK;
}
