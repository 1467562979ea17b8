/* SPDX-License-Identifier: Apache-2.0
 *
 * naughty.h: a bridge without a protocol that does what its connection's `does:` says, all of it a fault but `well`:
 *
 *   well      answers reads with a number that grows, and writes as long as it can read its file
 *   dies      in `start`, by abort()
 *   floods    reports without end
 *   garbage   answers a read by writing rubbish to the daemon
 *   large     likewise, the head of a frame that is too large
 *   strange   likewise, a report about a device that is not there
 *   outside   likewise, a report of a point that the device does not have
 *   hangs     in the first read, for ever
 *   fails     in `start`, by an error
 *   refuses   in `attach`, by an error
 *
 * The address of a point may `try:` something that a bridge has no business with; the value is then the errno, or 0 when it
 * could be done. naughty.c has the list.
 */
#pragma once

#include <thingtree/bridge.h>

extern const struct tt_bridge_ops tt_bridge_naughty;

/* The names that `try:` knows; ends with NULL. */
struct naughty_attempt {
  const char *name;
  int (*run)(const char *file); /* 0 or errno; `file` is the connection's */
  bool is_good;                 /* has to be possible */
  bool needs_landlock;
};
extern const struct naughty_attempt naughty_attempts[];
