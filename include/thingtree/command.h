/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h: what a device can be told to do beside having a parameter set: play, next, reset, open a port. A command has a
 * name, arguments with types, and nothing to be read. Filled by the configuration, constant afterwards, shared by the
 * model (which checks who may and whether the arguments are valid) and the bridge (which does it).
 * Source: XEP-0326 section 3.6 (node commands: Simple without, Parameterized with arguments).
 */
#pragma once

#include <thingtree/point.h>

#define TT_COMMANDS_MAX  200 /* commands of one device */
#define TT_ARGUMENTS_MAX 32  /* arguments of one command */

struct tt_command {
  const char *name; /* [a-z0-9_], at most 64 */
  struct tt_label label;
  struct tt_label confirm; /* what to ask people before it is done; n 0: nothing */
  /* Each as a point that is only written: name, label, type, unit, map, scale, `write` with range and step. It has no
   * address and is not verified. With `missing` TT_MISSING_VALUE it may be left out and is `missing_value` then; else it
   * must be given. */
  const struct tt_point *arguments;
  size_t n_arguments;
  uint64_t within_us; /* the device must have answered by then */
  void *address;      /* the bridge's struct of its command table */
  struct tt_mark mark;
};

/* How the option tables of bridges refer to an argument: "${argument:NAME}". */
#define TT_ARGUMENT_HOLE "argument:"
