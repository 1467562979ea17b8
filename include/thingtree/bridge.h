/* SPDX-License-Identifier: Apache-2.0
 *
 * bridge.h: what a bridge is. A bridge joins one protocol to the tree. It is one const table of options and ten
 * functions, exported by TT_BRIDGE(); the same source is built as a shared object or into the program. What a
 * bridge may call stands in host.h.
 *
 * Words: an *instance* is one connection (struct tt_bridge), a *device* is one node of the tree behind it
 * (struct tt_device), a *point* is one field or parameter of a device (point.h), a *command* is something it can be told
 * to do (command.h).
 *
 * Threads: every function below is called on the loop thread and must not block. A bridge may own threads; they
 * reach the core by tt_post() alone.
 *
 * Life: check* -> start -> (attach | detach | read | write | discover | command | scan)* -> stop -> tt_stopped().
 */
#pragma once

#include <thingtree/command.h>
#include <thingtree/host.h>
#include <thingtree/option.h>
#include <thingtree/point.h>

#define TT_BRIDGE_ABI 3u

/* Most devices and requests one instance may have; the host refuses more. */
#define TT_BRIDGE_DEVICES_MAX  1000
#define TT_BRIDGE_REQUESTS_MAX 4096

/* A name that `type:` of a point may have beside the core's own (number, integer, boolean, string, enum, date,
 * time, datetime, duration), and the field type it gives. The number goes into tt_point.wire_type. */
struct tt_wire_type {
  const char *name; /* NULL ends the table */
  int number;       /* > 0 */
  enum tt_type type;
  const char *help;
};

/* One level of options: the size of the struct and the table that fills it. size 0: no such options. */
struct tt_level {
  size_t size;
  const struct tt_option *options;
};

/* A device as configured. Constant from `attach` until tt_detached(); owned by the configuration. */
struct tt_device_config {
  const char *key;     /* node id */
  struct tt_mark mark; /* where the device is written */
  const void *options; /* struct of ops->device */
  const struct tt_point *points;
  size_t n_points;
  const struct tt_command *commands;
  size_t n_commands;
};

struct tt_bridge_ops {
  uint32_t abi;        /* TT_BRIDGE_ABI */
  const char *name;    /* protocol, as in `protocol: mqtt` */
  const char *summary; /* one line for `thingtree help` */

  struct tt_level connection;       /* of a connection in thingtree.yaml */
  struct tt_level device;           /* of a mapping, beside the core's keys (mapping, params, points, ...) */
  struct tt_level read_address;     /* of a point, beside the core's keys */
  struct tt_level write_address;    /* of `write:`, beside the core's keys */
  struct tt_level command_address;  /* of a command, beside the core's keys */
  const struct tt_wire_type *types; /* may be NULL */
  bool is_isolated;                 /* runs in a process of its own unless the connection says `isolate: false` */

  size_t instance_size; /* private state, allocated zeroed by the host: tt_bridge_state() */
  size_t device_size;   /* likewise per device: tt_device_state() */

  /* Look for what the tables cannot express. Pure: no network, no file but to see that it is there, no state.
   * `connection` is never NULL; `device` is NULL when only the connection is to be checked. Adds diagnostics; an
   * error disables the device (or the connection and all its devices). Called before start, and by
   * `thingtree check`. May be NULL. */
  void (*check)(const void *connection, const struct tt_device_config *device, struct tt_diags *diags);

  /* Begin. Returns at once, before anything is connected; connectivity is told later by tt_connection_state().
   * Connects and reconnects for ever, with back-off and jitter, until `stop`. A negative errno means that the
   * instance cannot work at all (no such library, no thread); then no other function of it is called, not even
   * `stop`, and nothing of it may remain. */
  int (*start)(struct tt_bridge *bridge);

  /* End. Returns at once. Every request that is open is completed with -ECANCELED before tt_stopped(); devices
   * still attached need no detach. When no thread and no callback of the instance remains, the bridge calls
   * tt_stopped() exactly once, perhaps from within `stop`; its memory is freed after that. The host waits 2 s. */
  void (*stop)(struct tt_bridge *bridge);

  /* A device joins: subscribe, plan, open. Returns at once; the device need not answer yet. A negative errno
   * makes the node an error node with tt_fail()'s text; then the device counts as not attached and nothing of it
   * may remain. */
  int (*attach)(struct tt_bridge *bridge, struct tt_device *device);

  /* A device leaves. Returns at once. Its open requests are completed with -ECANCELED; then, when no callback
   * can name the device any more, the bridge calls tt_detached() exactly once, perhaps from within. */
  void (*detach)(struct tt_bridge *bridge, struct tt_device *device);

  /* Read points from the device. `points` are indices into its configuration, `n` > 0; the array is valid during
   * the call only. Values are given by tt_report(), then tt_done(request) exactly once, never from within the
   * call. Points that could not be read get tt_report_missing() or tt_report_error(); tt_done() carries an error
   * only when the device as a whole failed; -EBUSY when it could not be asked, or was too busy to answer: that says
   * nothing about whether it is there. A request whose deadline (monotonic, us) has passed is not started:
   * look before each item. The host answers for the bridge one second after the deadline; a later completion is
   * counted and ignored. The host never has two reads of the same point open at once. */
  void (*read)(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const uint16_t points[], size_t n,
               uint64_t deadline_us);

  /* Write one raw value to one point, once. tt_done(request, 0) when the device (or its transport, as the manual
   * of the bridge says) has acknowledged it, a negative errno otherwise; exactly once, never from within the
   * call. Never queued over a lost link, never repeated, never after the deadline. `value` is valid during the
   * call only. The host sends writes of one device one after the other, ahead of polls. */
  void (*write)(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t point,
                const struct tt_value *value, uint64_t deadline_us);

  /* Look for devices, configured or not. NULL when the protocol has no such thing. What is found is told one by one
   * by tt_candidate(), at most TT_CANDIDATES_MAX, until tt_done(request): when nothing more can come, or shortly
   * before the deadline where nobody can know. -EOPNOTSUPP with a text: it does not know where to look, as it is
   * configured. Asks as little of the network as will do. Nothing found is adopted.
   * The host never has two open at one instance. */
  void (*discover)(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us);

  /* Have a device do one of its commands (an index into its configuration), once. NULL when the protocol has no such
   * thing; then mappings have no `commands:`. `arguments` are raw values, one per argument of the command in its order,
   * those that were left out as well; valid during the call only. tt_done(request, 0, text) when the device has done it or
   * taken it over, as the manual of the bridge says; `text` is what it had to say, for people, and what of that belongs to
   * a point is reported before. A negative errno otherwise. Like a write: exactly once, never from within the call; never
   * queued over a lost link, never repeated, never after the deadline; commands and writes of one device come one after the
   * other. */
  void (*command)(struct tt_bridge *bridge, tt_id request, struct tt_device *device, uint16_t command,
                  const struct tt_value arguments[], uint64_t deadline_us);

  /* Look what the device has, configured or not, in a part of its address space: `what`, in words of the protocol, as a
   * person gives them (`check --probe --scan`); valid during the call only. NULL when the protocol has no such thing.
   * Never writes, leaves the device and its bus time for others. The report is told line by line by tt_probe() with
   * TT_NO_POINT, as far as it is known; tt_done(request) exactly once, never from within the call. The host never has
   * two open at one instance. */
  void (*scan)(struct tt_bridge *bridge, tt_id request, struct tt_device *device, const char *what,
               uint64_t deadline_us);
};

/* Export the table. As a shared object every bridge has the same symbol; built in, one of its own name. */
#ifdef TT_BUILTIN_BRIDGES
#define TT_BRIDGE(name_) const struct tt_bridge_ops tt_bridge_##name_
#else
#define TT_BRIDGE(name_)                                                                                           \
  extern const struct tt_bridge_ops tt_bridge_module;                                                              \
  __attribute__((visibility("default"))) const struct tt_bridge_ops tt_bridge_module
#endif
#define TT_BRIDGE_SYMBOL "tt_bridge_module"
