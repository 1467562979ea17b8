/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.h: what host.c, request.c and status.c share, and nobody else sees.
 */
#pragma once

#include "calls.h"
#include "host.h"
#include "inbox.h"
#include "schedule.h"

#include <systemd/sd-event.h>
#include <uthash.h>

enum phase {
  PHASE_IDLE,     /* not started, or disabled, or not attached */
  PHASE_RUNNING,  /* started; attached */
  PHASE_STOPPING, /* stop or detach was called */
  PHASE_STOPPED,  /* the bridge has said so */
};

struct op;
struct request;

/* What keeps a configuration in memory: the whole it came with, or an arena of its own. */
struct hold {
  struct tt_config *whole;
  struct tt_arena *own;
};

/* What a connection node shows; the last values that were reported. */
#define STATUS_NUMBERS 5

struct tt_discovery {
  tt_id id; /* 0: none is under way */
  uint64_t generation;
  struct tt_discovery_fns fns;
  sd_event_source *timer;
  size_t n_candidates;
  bool is_done; /* completed from within the call, which is a breach: ended right after it, with `error` */
  int error;
};

struct tt_bridge {
  const struct tt_calls *calls; /* first: calls.h */
  struct tt_host *host;
  const struct tt_connection_config *config;
  struct hold hold;
  const struct tt_bridge_ops *ops; /* NULL: disabled; `isolated` when it has a process of its own */
  struct tt_bridge_ops isolated;   /* isolate.h */
  /* change.c: what it is to become, as soon as it has stopped */
  const struct tt_connection_config *next_config; /* NULL: nothing else */
  struct hold next_hold;
  bool is_leaving; /* nothing at all */
  struct tt_mailbox *mailbox;
  void *state;
  tt_id node;
  enum phase phase;
  bool is_in_call; /* one of its functions runs */
  enum tt_link_state link;
  char *link_text;  /* why not online; NULL */
  const char *down; /* why it is disabled; NULL */
  struct tt_device *devices;
  size_t n_leaving;                  /* of them */
  struct tt_connection_status count; /* the numbers of it */
  int64_t shown[STATUS_NUMBERS];     /* -1: never */
  const char *shown_state;
  uint64_t log_window_us;
  unsigned log_lines, log_states, log_left_out;
  struct tt_discovery discovery;
};

struct tt_device {
  struct tt_bridge *bridge; /* first: calls.h; NULL: a disabled device of a connection that does not exist */
  struct tt_host *host;
  UT_hash_handle hh;             /* host->by_node; those with a bridge */
  UT_hash_handle hh_key;         /* host->by_key, in order of the files */
  struct tt_device *prev, *next; /* of the bridge */
  const struct tt_device_entry *entry;
  const struct tt_bridge_ops *ops_of_entry; /* whose structs are in it; NULL: none are */
  struct hold hold;
  bool is_leaving; /* has no node any more and is in no hash; freed when the bridge has let go of it */
  tt_id node;
  void *state;
  enum phase phase;
  char *fail_text; /* tt_fail() */
  bool is_down;    /* has the message "offline" */
  /* requests: request.c */
  struct op *ops;      /* open and waiting, oldest first */
  struct op **reading; /* per point: the newest read of it that is open or waiting */
  uint8_t *is_read;    /* per point: a read of it is open at the bridge */
  unsigned n_writes;   /* open or waiting */
  bool is_writing;     /* one is open at the bridge */
  unsigned epoch;      /* counts writes: a read from before one proves nothing about it */
  struct tt_schedule schedule;
  uint16_t **class_points; /* per class of the schedule */
  size_t *n_class_points;
  sd_event_source *timer; /* of the schedule */
};

struct slot {
  struct op *op;
  uint32_t generation;
  uint32_t next_free;
};

struct tt_host {
  struct sd_event *event;
  struct tt_core *core;
  struct tt_config *config; /* the newest: poll classes, places */
  struct tt_inbox *inbox;
  struct tt_bridge **bridges;
  size_t n_bridges;
  struct tt_device *by_key, *by_node;
  struct tt_found_hooks found;
  struct tt_isolation isolation;
  tt_id node;       /* `gateway` */
  size_t n_running; /* instances that have not stopped */
  bool is_reap_due; /* something has stopped or detached since the pump last ran */
  bool is_stopping;
  void (*stopped_fn)(void *user);
  void *stopped_user;
  /* request.c */
  struct slot *slots;
  uint32_t n_slots, free_slot; /* index + 1; 0: none */
  struct request *finished;    /* waiting to be told, in order */
  struct op *waiting;          /* ops that are not at their bridge yet, in order */
  sd_event_source *pump;
  /* status.c */
  sd_event_source *status_timer;
  bool is_status_due;
  int64_t shown[3];
};

static inline struct tt_now host_now(const struct tt_host *host)
{
  return tt_core_now(host->core);
}

/* What the connection is, or is about to be. */
static inline const struct tt_connection_config *target_of(const struct tt_bridge *bridge)
{
  return bridge->next_config ? bridge->next_config : bridge->config;
}

/* Attached, and its connection is not on its way out: only then the bridge may be called for it. */
static inline bool device_is_usable(const struct tt_device *device)
{
  return device->phase == PHASE_RUNNING && device->bridge->phase == PHASE_RUNNING;
}

/* ---- host.c */
/* The device proved alive, or did not answer. Logs and shows the change. */
void device_up(struct tt_device *device);
void device_down(struct tt_device *device, const char *text);
/* It could not be attached, as is known only now: an error node from here on. tt_fail() has said why. */
void device_lost(struct tt_device *device, int error);
/* The bridge did what bridge.h forbids: counted, and said once. */
void bridge_breach(struct tt_bridge *bridge, const char *what);

/* Free what has stopped or detached; end its requests. At the start of the pump: none of its calls runs then. */
void host_reap(struct tt_host *host);

/* How it is: shown on its node. */
void host_message(struct tt_host *host, tt_id id, const char *code, enum tt_message_type type, const char *text);

/* Nodes of it with the entry of the configuration that `hold` keeps, which is taken over. Not attached. -ENOMEM,
 * -ENOSPC; a device that cannot be a node is logged and left out. */
int device_create(struct tt_host *host, struct tt_bridge *bridge, const struct tt_device_entry *entry,
                  struct hold hold, struct tt_device **ret);
/* The device as the configuration has it goes: its node at once, the rest when the bridge has let go of it. */
void device_leave(struct tt_device *device);
int device_attach(struct tt_device *device);
struct tt_device *device_find(const struct tt_host *host, const char *key);

/* Without a node, which bridge_show() makes. `hold` is taken over. */
int bridge_create(struct tt_host *host, const struct tt_connection_config *config, struct hold hold,
                  struct tt_bridge **ret);
int bridge_show(struct tt_bridge *bridge);
void bridge_start(struct tt_bridge *bridge);
void bridge_stop(struct tt_bridge *bridge);
void bridge_free(struct tt_bridge *bridge); /* its devices are gone */
struct tt_bridge *bridge_find(const struct tt_host *host, const char *name);
/* Why it cannot run, or (NULL) that it can, on its node and its devices. */
void bridge_judge(struct tt_bridge *bridge);
void host_label_places(struct tt_host *host);

/* ---- change.c */
void hold_release(struct hold *hold);
/* It is idle: what it is to become. */
void bridge_change(struct tt_bridge *bridge);

/* ---- request.c */
void requests_pump(struct tt_host *host);      /* in a later event of the loop */
int requests_attach(struct tt_device *device); /* -ENOMEM */
void requests_detach(struct tt_device *device);
/* Read these points because they are due; ends with tt_schedule_end(). */
int requests_poll(struct tt_device *device, const uint16_t points[], size_t n, size_t class);
/* Everything that is open or waiting of the device ends with this error; `is_waiting_only`: what has not reached the
 * bridge. */
void requests_cancel(struct tt_device *device, bool is_waiting_only);
int requests_init(struct tt_host *host);
void requests_finish(struct tt_host *host);
struct tt_device_hooks requests_hooks(struct tt_host *host);
/* Answer within a later turn of the pump. For nodes without a device behind. */
int request_answer_later(struct tt_host *host, tt_device_fn fn, void *fn_user);

void request_done(struct tt_bridge *bridge, tt_id request, int error, const char *text);

/* ---- poll.c */
int poll_plan(struct tt_device *device);   /* what to read how often; -ENOMEM */
void poll_start(struct tt_device *device); /* attached, or its connection has come back: ask soon */
void poll_arm(struct tt_device *device);   /* after every change of its requests */
void poll_alive(struct tt_device *device); /* end of its back-off */
void poll_finish(struct tt_device *device);

/* ---- found.c */
/* A discovery was completed, or an id of one is too late; false: it is the id of something else. */
bool discovery_done(struct tt_bridge *bridge, tt_id request, int error, const char *text);
void discovery_end(struct tt_bridge *bridge, int error, const char *text);

void discovery_candidate(struct tt_bridge *bridge, tt_id request, const struct tt_candidate *candidate);
int device_describe(struct tt_device *device, const char *json, size_t size);
bool device_is_probing(struct tt_device *device);
void device_probe(struct tt_device *device, uint16_t point, const char *text);

/* ---- status.c */
int status_create(struct tt_host *host);
int status_connection_create(struct tt_bridge *bridge);
void status_finish(struct tt_host *host);
/* The connection is named and configured as its config says now. */
void status_connection_show(struct tt_bridge *bridge);
/* Devices that the configuration has wrong, on the node of the gateway. */
void status_show_disabled(struct tt_host *host);
/* Something may have changed: shown within a second; a change of state at once. */
void status_touch(struct tt_host *host);
void status_show(struct tt_host *host);
bool status_is_own(const struct tt_host *host, tt_id node);
const char *status_state(const struct tt_bridge *bridge);
