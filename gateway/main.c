/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c: the word after `thingtree` chooses the subcommand; each is a file of cli/, but for run.c.
 */
#include "bridge/child.h"
#include "bridge/process.h"
#include "cli/cli.h"

#include <locale.h>

/* One row each; `help` shows them in this order. */
const struct tt_subcommand tt_commands[] = {
    {"run", "be the daemon", tt_command_run},
    {"check", "say what is wrong with the configuration", tt_command_check},
    {"tree", "show the tree with the values known last", tt_command_tree},
    {"read", "read fields of nodes", tt_command_read},
    {"set", "set parameters of nodes", tt_command_set},
    {"commands", "show what a node can be told to do", tt_command_commands},
    {"do", "have a node do one of its commands", tt_command_do},
    {"watch", "show changes as they happen", tt_command_watch},
    {"status", "show how the daemon is", tt_command_status},
    {"requests", "show who asked to be let in, and decide", tt_command_requests},
    {"block", "show who is not heard, and block", tt_command_block},
    {"discover", "show which devices can be seen", tt_command_discover},
    {"adopt", "make a device of one that was seen", tt_command_adopt},
    {"reload", "take up a changed configuration", tt_command_reload},
    {"help", "show this, or the options of a bridge", tt_command_help},
    {"version", "show the version", tt_command_version},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
  const char *names[TT_COUNT(tt_commands)];
  size_t n = 0;

  setlocale(LC_ALL, "C");
  if (argc == 2 && strcmp(argv[1], TT_PROCESS_COMMAND) == 0) /* by the daemon; not for people, so no row */
    return tt_child_run(NULL);
  if (argc < 2)
    return tt_usage("a subcommand is missing");
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
    return tt_command_help(1, argv);
  if (strcmp(argv[1], "--version") == 0)
    return tt_command_version(1, argv);
  for (const struct tt_subcommand *c = tt_commands; c->name; c++) {
    if (strcmp(c->name, argv[1]) == 0)
      return c->run(argc - 1, argv + 1);
    names[n++] = c->name;
  }
  return tt_usage_unknown("subcommand", argv[1], names, n);
}
