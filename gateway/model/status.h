/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h: how the gateway fares: what only the daemon knows of its streams and connections, told to whoever is asked (the
 * control socket, an ad-hoc command), and how many devices are well. Main thread.
 */
#pragma once

#include "core.h"

/* A stream to an XMPP server. */
struct tt_status_session {
  const char *kind;   /* "account", "component" */
  const char *jid;    /* who we are there */
  const char *server; /* "127.0.0.1:5222"; NULL when not yet known */
  bool is_online;
  const char *text;  /* why it is not online, one sentence; NULL */
  uint64_t since_us; /* wall: since when it is in this state; 0: unknown */
  uint64_t sent, received, dropped;
  size_t queued;
};

/* A connection to devices. */
struct tt_status_connection {
  const char *name, *protocol;
  const char *state;        /* "online", "offline", "unknown", "disabled" */
  const char *text;         /* why it is not online; NULL */
  size_t devices, requests; /* attached; open now */
  uint64_t reads, writes, reports, errors, timeouts, dropped;
  int pid;           /* of its own process; 0: it has none */
  uint64_t restarts; /* of that */
};

/* A room that the gateway is, or should be, in. */
struct tt_status_room {
  const char *jid, *nick;
  bool is_in;
  const char *text;  /* why it is not, or what does not work there; NULL */
  uint64_t since_us; /* wall */
};

/* Whom it is told to; everything is valid during the call only. */
struct tt_status_sink {
  void *user;
  void (*session)(void *user, const struct tt_status_session *session);
  void (*connection)(void *user, const struct tt_status_connection *connection);
  void (*room)(void *user, const struct tt_status_room *room);
  void (*file)(void *user, const char *path);
  void (*count)(void *user, const char *name,
                uint64_t value); /* a counter of the daemon's own ("stanzas_dropped") */
};
/* Who tells it, in any order; calls every function of the sink. */
struct tt_status_hook {
  void *user;
  void (*tell)(void *user, const struct tt_status_sink *sink);
};

/* ---- Devices ------------------------------------------------------------------------------------------------------ */
enum tt_health { TT_HEALTH_OK, TT_HEALTH_WARNING, TT_HEALTH_ERROR, TT_HEALTH_DISABLED, TT_HEALTH_COUNT };
extern const char *const tt_health_names[TT_HEALTH_COUNT]; /* "ok", "warning", "error", "disabled" */
enum tt_health tt_node_health(const struct tt_node *node);

struct tt_device_counts {
  size_t total, of[TT_HEALTH_COUNT];
};
/* Those that the caller sees. `trouble` (may be NULL) is called for each that is not well. */
struct tt_device_counts tt_count_devices(struct tt_core *core, const struct tt_caller *caller,
                                         void (*trouble)(void *user, const struct tt_node *node), void *user);
