/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h: runs the bridges. Makes an instance of every connection and a node and a device of everything under
 * devices.d, polls, carries requests of the core to the bridges and answers for a bridge that does not. What bridges
 * may call is in <thingtree/host.h>. Main thread only.
 */
#pragma once

#include "config/config.h"
#include "model/core.h"

#define TT_HOST_GRACE_US (1 * TT_USEC_PER_SEC) /* after a deadline the host answers for the bridge */

struct tt_host;

/* Makes all nodes; nothing runs yet. Event and core must outlive the host; of the configuration it keeps what it needs
 * (tt_config_ref()). -ENOMEM and errors of the tree. */
int tt_host_create(struct sd_event *event, struct tt_core *core, struct tt_config *config, struct tt_host **ret);
/* Instances that have not stopped are left in memory: threads of theirs may still run. */
void tt_host_destroy(struct tt_host *host);

/* What the core needs of it. */
struct tt_device_hooks tt_host_devices(struct tt_host *host);

/* How bridges get a process of their own (`isolate:`). Texts are borrowed. Before tt_host_start(). */
struct tt_isolation {
  const char *program; /* does what `thingtree bridge-host` does; NULL: this program does */
  const char *bridges; /* the directory of the shared objects; NULL: what is built into the program */
};
void tt_host_isolation(struct tt_host *host, const struct tt_isolation *isolation);

/* Starts every connection, attaches every device. What fails is a node with a message. */
void tt_host_start(struct tt_host *host);
/* Stops every connection; every open request ends with -ECANCELED. `fn` is called once when all have stopped,
 * perhaps never; perhaps from within. */
void tt_host_stop(struct tt_host *host, void (*fn)(void *user), void *user);
bool tt_host_is_stopped(const struct tt_host *host);

/* ---- Another configuration -----------------------------------------------------------------------------------
 * What differs leaves and joins; what does not keeps its connection, its node, its values and its requests, wherever
 * in the files it stands now. Devices whose own part is the same, but whose connection is not, keep their nodes; their values, too, unless
 * the connection leads elsewhere now (TT_OPTION_ADDRESS). */
struct tt_host_changes {
  size_t added, changed, removed, unchanged; /* devices */
  size_t connections_added, connections_changed, connections_removed, connections_unchanged;
};
struct tt_only { /* these devices */
  const char *const *keys;
  size_t n;
  bool may_leave; /* those that are in the configuration no more leave; else they are not asked for */
};
/* Takes over `config` as far as it differs from what is there: all of it, or (`only` not NULL) these devices and the
 * connections that are new with them. Of the configuration the host keeps what it needs. Its poll classes must have been
 * numbered by those of the one before (tt_config_env.before). Returns at once; what leaves is let go later, and what has
 * its key or its connection begins after that. Negative: nothing has changed. A device for which the tree then has no room is
 * missing until the next time, and logged. */
int tt_host_apply(struct tt_host *host, struct tt_config *config, const struct tt_only *only,
                  struct tt_host_changes *ret);
const struct tt_config *tt_host_config(const struct tt_host *host); /* the newest */
/* By which indices of poll classes devices run, whatever they have become since (tt_config_env.polls_used). */
void tt_host_polls_used(const struct tt_host *host, bool ret[static TT_POLL_SLOTS_MAX]);
/* Whom would it disable that runs now? The key of a device or the name of a connection; NULL: nobody. */
const char *tt_host_would_disable(const struct tt_host *host, const struct tt_config *config);

/* The mapping of a device; NULL: there is no such device, or it has none. */
const char *tt_host_mapping(const struct tt_host *host, const char *key);

/* One device leaves and joins again. -ENODEV: no such device, or not in a
 * state for it. Detaching is done when tt_host_is_attached() has become false. */
int tt_host_detach(struct tt_host *host, const char *key);
int tt_host_attach(struct tt_host *host, const char *key);
bool tt_host_is_attached(const struct tt_host *host, const char *key);

/* ---- What bridges find out ----------------------------------------------------------------------------------
 * Texts are valid during the call and foreign: not to be believed. */
struct tt_found_hooks {
  void *user;
  /* The device described itself (tt_describe(), whose result this is). NULL: nobody listens. */
  int (*described)(void *user, const char *key, const char *json, size_t size);
  /* A line about a point, TT_NO_POINT: about the device (tt_probe()). Not NULL: all reads are probes. */
  void (*probe)(void *user, const char *key, uint16_t point, const char *text);
};
void tt_host_listen(struct tt_host *host, const struct tt_found_hooks *hooks); /* before tt_host_start() */

struct tt_discovery_fns {
  void *user;
  void (*candidate)(void *user, const struct tt_candidate *candidate);
  void (*done)(void *user, int error, const char *text); /* once, never from within tt_host_discover() */
};
/* Ask a connection what it sees. -ENOENT: no such connection; -ENOTCONN: it does not run; -EOPNOTSUPP: its protocol has
 * no discovery; -EBUSY: one is under way. */
int tt_host_discover(struct tt_host *host, const char *connection, uint64_t deadline_us,
                     const struct tt_discovery_fns *fns);

/* Have a part of a device's address space looked at (ops->scan): what it tells are lines of the probe hook. `done` as of a
 * discovery, of which one is not under way at the same time: -EBUSY. -ENODEV: no such device, or it does not run;
 * -EOPNOTSUPP: its protocol has no such thing. */
int tt_host_scan(struct tt_host *host, const char *key, const char *what, uint64_t deadline_us,
                 void (*done)(void *user, int error, const char *text), void *user);

/* ---- How it goes, per connection -------------------------------------------------------------------------- */
struct tt_connection_status {
  const char *name, *protocol;
  const char *state; /* "online", "offline", "unknown", "disabled" */
  const char *text;  /* why not online; NULL */
  size_t devices;    /* attached */
  size_t requests;   /* open */
  uint64_t reads, writes, reports;
  uint64_t failed;   /* requests that ended with an error, time-outs among them */
  uint64_t timeouts; /* answered by the host */
  uint64_t late;     /* completions after that */
  uint64_t dropped;  /* reports that found no room */
  uint64_t breaches; /* of the contract in bridge.h */
  int pid;           /* of its own process; 0: it has none */
  uint64_t restarts; /* of that */
};
size_t tt_host_n_connections(const struct tt_host *host);
struct tt_connection_status tt_host_connection(struct tt_host *host, size_t i);
