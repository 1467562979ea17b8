/* SPDX-License-Identifier: Apache-2.0
 *
 * api.h: the control socket: how the command line, and any program on this machine, asks the daemon. One JSON object
 * per line in both directions, over a Unix socket of mode 0660. Who asks is told by the kernel (SO_PEERCRED): root
 * and the daemon's own user are admin, members of the socket's group are operator, everybody else is refused. A
 * reader of the model like any other: it makes the same calls as the dialects of XMPP. Main thread only.
 *
 * The daemon speaks first: {"hello":"thingtree","api":1,"version":"0.1.0","role":"operator"}. A request is
 * {"id":7,"do":"read","nodes":["plug"]}; every line of its answer carries the same id, the last one "done":true or
 * "error":code with "text". Answers of several requests may be interleaved.
 */
#pragma once

#include "model/core.h"
#include "model/status.h"

#include <thingtree/host.h>

#define TT_API_VERSION    1
#define TT_API_SOCKET     "/run/thingtree/thingtree.sock"
#define TT_API_SOCKET_ENV "THINGTREE_SOCKET"

#define TT_API_LINE_MAX     ((size_t)64 * 1024)       /* bytes of one request */
#define TT_API_OUTPUT_MAX   ((size_t)4 * 1024 * 1024) /* bytes waiting for one client; a slower one is dropped */
#define TT_API_OUTPUT_EASY  ((size_t)256 * 1024)      /* above, long answers pause until the client has read */
#define TT_API_DEPTH_MAX    8                         /* nesting in one request */
#define TT_API_CLIENTS_MAX  32                        /* beyond, the one that has been silent longest makes room */
#define TT_API_REQUESTS_MAX 64                        /* open at once for one client */
#define TT_API_PAIRS_MAX    100                       /* members of `with` */
#define TT_API_NAMES_MAX    500                       /* nodes, fields or categories in one request */

struct sd_event;
struct tt_access;
struct tt_api;
struct tt_audit;
struct tt_blocks;

/* ---- What main does for admins ----------------------------------------------------------------------------- */

/* How a reload went. */
struct tt_api_reload {
  bool is_refused; /* nothing has changed */
  char why[1024];  /* it was refused, else what needs a restart; "" */
  size_t errors;   /* in what was taken up */
  struct tt_api_changes {
    size_t added, changed, removed, unchanged;
  } devices, connections;
  char *diagnostics; /* as `check` shows them; on the heap, the socket frees it */
};

/* One that was seen, with what might become of it; texts are foreign, may be NULL, and are copied. */
struct tt_api_candidate {
  const char *key, *connection, *protocol;
  const char *id, *name, *vendor, *model, *address;
  const char *mapping, *sure, *missing, *device;
};
struct tt_api_discovery {
  void *user;
  void (*candidate)(void *user, const struct tt_api_candidate *candidate);
  void (*problem)(void *user, const char *connection, const char *text);
  void (*blind)(void *user, const char *connection, const char *text); /* cannot look, which is no fault */
  void (*done)(void *user, const char *error);                         /* NULL: all is well; frees */
};

struct tt_api_adoption {
  const struct tt_caller *caller;
  const char *candidate, *as, *under, *uses;
  const struct tt_fact *with; /* parameters that were given */
  size_t n_with;
  bool is_dry;
  char key[TT_NODE_KEY_MAX + 1], file[4096];
  const char *code; /* of the error; NULL: none */
  char why[1024];
  char *text, *diagnostics; /* on the heap, the socket frees them */
};

struct tt_api_hooks {
  void *user;
  struct tt_blocks *blocks; /* whom admins have blocked; borrowed. NULL: not offered */
  struct tt_audit *audit;   /* borrowed. NULL: who decides about others is not written down */
  /* Called within a `status` request; may be NULL. */
  void (*status)(void *user, const struct tt_status_sink *sink);
  /* Take up the configuration as it is now. NULL: not offered. */
  int (*reload)(void *user, struct tt_api_reload *ret);
  /* Ask a connection (NULL: all) what it sees; the functions are called later. -ENOENT, -EBUSY. NULL: not offered. */
  int (*discover)(void *user, const char *connection, uint64_t timeout_us, const struct tt_api_discovery *fns);
  /* Make a device of a candidate. NULL: not offered. */
  void (*adopt)(void *user, struct tt_api_adoption *adoption);
};

/* ---- Life ------------------------------------------------------------------------------------------------ */

/* Makes the socket and serves it on the loop until destroyed; `core` and `access` must outlive it. The core's time
 * is that of the turn, given by whoever owns the loop. Its directory is made if it is missing (0755, one level). A socket
 * file that nobody answers on is replaced.
 * -EADDRINUSE: another daemon listens there; -ENAMETOOLONG: a path of more than 107 bytes; errors of the directory.
 * Create it once the tree stands. Destroy it when the bridges have stopped (their last answers still reach whoever
 * asked) and before the core: after that no turn of the core may come and the tree may not change. */
int tt_api_create(struct tt_core *core, struct tt_access *access, struct sd_event *event, const char *path,
                  const struct tt_api_hooks *hooks, struct tt_api **ret);
void tt_api_destroy(struct tt_api *api); /* removes the socket file; NULL is fine */

/* The door, as a function of what the kernel says: `groups` are all of the peer's. TT_ROLE_NONE: refused. */
enum tt_role tt_api_role(uid_t self, gid_t group, uid_t uid, const gid_t groups[], size_t n_groups);
