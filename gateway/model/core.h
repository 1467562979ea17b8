/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h: the tree with everything that works on it: requests of readers (two dialects, command line, later more)
 * on one side, devices on the other. Owns time. The rooms that the model must not include hang themselves in as
 * hooks, set by main. Main thread only.
 */
#pragma once

#include "caller.h"
#include "tree.h"

/* Why a request is not done. Each dialect has one row per value. */
enum tt_refusal {
  TT_OK,
  TT_REFUSED_NOT_FOUND, /* node, source, field or parameter unknown, or not to be known */
  TT_REFUSED_FORBIDDEN,
  TT_REFUSED_BAD_REQUEST, /* wrong type, range, syntax */
  TT_REFUSED_CONFLICT,    /* locked, or the same again */
  TT_REFUSED_NOT_SUPPORTED,
  TT_REFUSED_TIMEOUT,   /* the device did not answer */
  TT_REFUSED_DEVICE,    /* the device answered with an error, or did something else than asked */
  TT_REFUSED_BUSY,      /* a limit on requests; try later */
  TT_REFUSED_TOO_LARGE, /* the answer cannot be given in one piece; the text names the narrower command */
};
#define TT_REFUSAL_COUNT (TT_REFUSED_TOO_LARGE + 1)

struct tt_core;

/* A node as a request names it. Missing parts are "" (XEP-0326: source and partition may be left out). */
struct tt_ref {
  const char *node, *source, *partition;
};

/* ---- Access: decided by trust ------------------------------------------------------------------------ */
enum tt_access_op { TT_ACCESS_BROWSE, TT_ACCESS_READ, TT_ACCESS_CONTROL, TT_ACCESS_ADMIN };

/* What of a node a caller may know of. */
enum tt_sight {
  TT_SIGHT_NONE,  /* as if it did not exist */
  TT_SIGHT_PLACE, /* an ancestor of something permitted: a place without fields or messages */
  TT_SIGHT_FULL,
};

/* May the caller do `op` with these nodes and, in them, these names (fields of a read, parameters of a control;
 * n_names 0: all)? Ids and names are valid during the call only. */
struct tt_access_query {
  const struct tt_caller *caller;
  enum tt_access_op op;
  const tt_id *nodes;
  size_t n_nodes;
  const char *const *names;
  size_t n_names;
};

/* The reduced request for one node. */
struct tt_grant {
  tt_id node;
  const char *const *names; /* what remains of the names; with n_names 0 asked: every permitted point's name */
  size_t n_names;
  bool is_all; /* nothing was taken away */
};

/* `refusal` is TT_OK with the nodes of which something remains, or why nothing is allowed at all. Valid during
 * the call only. Ids are looked up again by the receiver: time may have passed. */
typedef void (*tt_access_fn)(void *user, enum tt_refusal refusal, const struct tt_grant *grants, size_t n);

struct tt_access_hooks {
  void *user;
  /* Has the caller any rule at all? Asked before anything is looked up. */
  enum tt_role (*role)(void *user, const struct tt_caller *caller); /* the highest the caller has anywhere */
  enum tt_sight (*sight)(void *user, const struct tt_caller *caller, const struct tt_node *node);
  /* Calls fn exactly once, from within or later (5 s at most). */
  void (*check)(void *user, const struct tt_access_query *query, tt_access_fn fn, void *fn_user);
};

/* ---- Audit: written by trust ------------------------------------------------------------------------- */
struct tt_audit_hooks {
  void *user;
  /* Before the device is touched. `old` may be NULL. Returns the id that joins the two lines; 0: the audit could
   * not be written and the write must not happen. */
  uint64_t (*decision)(void *user, const struct tt_caller *caller, const struct tt_node *node,
                       const char *parameter, const struct tt_value *old, const struct tt_value *value);
  void (*outcome)(void *user, uint64_t id, enum tt_refusal result, const char *text);
  /* A request was refused. Joined per minute and caller by the receiver. */
  void (*refused)(void *user, const struct tt_caller *caller, enum tt_access_op op, const char *node);
  /* As `decision`, before a command is executed; a value per argument. What is secret of them must not be written. */
  uint64_t (*command)(void *user, const struct tt_caller *caller, const struct tt_node *node,
                      const struct tt_command *command, const struct tt_value values[]);
};

/* ---- Devices: reached through bridge/host ------------------------------------------------------------ */
/* Called exactly once per request, never from within the call that made it. */
typedef void (*tt_device_fn)(void *user, int error, const char *text);

struct tt_device_hooks {
  void *user;
  /* Values arrive by tt_node_report() before fn is called. 0 or a negative errno (-ENODEV: nothing is behind this
   * node); on error fn is not called. */
  int (*read)(void *user, tt_id node, const uint16_t points[], size_t n, uint64_t deadline_us, tt_device_fn fn,
              void *fn_user);
  int (*write)(void *user, tt_id node, uint16_t point, const struct tt_value *raw, uint64_t deadline_us,
               tt_device_fn fn, void *fn_user);
  /* One raw value per argument. `fn` gets what the device said, also when it was done; writes and commands of one device
   * are done one after the other. */
  int (*command)(void *user, tt_id node, uint16_t command, const struct tt_value raws[], uint64_t deadline_us,
                 tt_device_fn fn, void *fn_user);
};

struct tt_poll_class {
  const char *name;
  uint64_t every_us, max_age_us, jitter_us;
};

struct tt_core *tt_core_create(void);
void tt_core_destroy(struct tt_core *core); /* requests that are open are dropped without a call */
void tt_core_set_access(struct tt_core *core, struct tt_access_hooks hooks);
void tt_core_set_audit(struct tt_core *core, struct tt_audit_hooks hooks);
void tt_core_set_devices(struct tt_core *core, struct tt_device_hooks hooks);
/* Borrowed; indices are tt_point.poll. */
void tt_core_set_poll_classes(struct tt_core *core, const struct tt_poll_class *classes, size_t n);

struct tt_tree *tt_core_tree(struct tt_core *core);
struct tt_now tt_core_now(const struct tt_core *core);
/* Begin a turn: take over the time, then do what is due (deadlines, requests for later). */
void tt_core_turn(struct tt_core *core, struct tt_now now);
/* End of a turn: subscribers are told what has changed. */
void tt_core_flush(struct tt_core *core);
/* When the next thing is due (monotonic); TT_NEVER. The owner of the loop arms its timer with it each turn. */
uint64_t tt_core_due(const struct tt_core *core);

/* How old a cached value of this point may be for a read: max_age of its class; a pushed point: until stale. */
uint64_t tt_core_max_age(const struct tt_core *core, const struct tt_point *point);

/* ---- Browsing ---------------------------------------------------------------------------------------- */
enum tt_role tt_core_role(struct tt_core *core, const struct tt_caller *caller);
/* Asks what the caller may do: fn is called exactly once, from within or later, unless the core goes before. Nobody can take it
 * back: `user` has to stay until then. */
void tt_core_check(struct tt_core *core, const struct tt_access_query *query, tt_access_fn fn, void *user);
/* The node when the caller may know of it; else NULL, as if it did not exist. */
struct tt_node *tt_core_see(struct tt_core *core, const struct tt_caller *caller, const struct tt_ref *ref);
enum tt_sight tt_core_sight(struct tt_core *core, const struct tt_caller *caller, const struct tt_node *node);
/* The rules are others now: whatever runs asks again before it goes on. */
void tt_core_access_changed(struct tt_core *core);
/* Tell the audit that something was refused. */
void tt_core_refused(struct tt_core *core, const struct tt_caller *caller, enum tt_access_op op, const char *node);
