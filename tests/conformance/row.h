/* SPDX-License-Identifier: Apache-2.0
 *
 * row.h: what the suite needs to know of one bridge: its configuration and a real peer that can be told to vanish, to be
 * silent and to come back. A new bridge is one row, in a file of its own.
 *
 * The mapping of every row gives a device three points: `level`, an integer that is read and written (0..1000) and
 * verified; `reading`, a number that is only read; `faulty`, which the device answers but not with a value. Devices
 * share one connection. What is written to a device it keeps while its peer runs.
 *
 * Where the protocol has commands, the mapping has one, `step`: it adds `by` (1..10) to the level, once; the device says what
 * the level is then, which is reported of the point `level`, and there is something to read in the text.
 */
#pragma once

#include "world.h"

struct row {
  const char *name;
  const struct tt_bridge_ops *builtin;
  const char *where; /* what a message about a connection without a peer names; NULL: an address of 127/8 */
  const char *mapping;
  void (*with)(char *out, size_t size, unsigned device);
  /* The keys of the connection below `protocol:`, indented by four blanks, for the peer that runs. */
  void (*connection)(char *out, size_t size);
  /* Faults that only ops->check can find, and the code that it must give. */
  const char *bad_connection, *bad_connection_code; /* as `connection` */
  const char *bad_mapping, *bad_mapping_code;

  void (*start)(void); /* the peer; before the world is opened */
  void (*stop)(void);
  void (*join)(struct world *w); /* the world's loop runs now: a peer that lives in it may join */
  void (*vanish)(void);          /* the peer ends, its address answers no more */
  void (*back)(struct world *w);
  void (*leave)(void); /* a peer that has joined leaves the loop, before the world is closed; it runs on */
  void (*silence)(
      bool is_silent); /* the devices do not answer; the connection stays. A peer that comes back talks */
  bool has_command;    /* `step` */
  unsigned (*commands)(
      void); /* writes and commands that have reached a device since the peer was started or came back */
};

extern const struct row row_mqtt, row_modbus, row_http, row_coap, row_upnp;
