/* SPDX-License-Identifier: Apache-2.0
 *
 * daemon.h: the running gateway: every room built in order, hung into the others by callbacks, turned by one loop,
 * and torn down in reverse. Main thread only.
 */
#pragma once

#include "config/config.h"

struct sd_event;
struct tt_daemon;
struct tt_described;

struct tt_daemon_options {
  struct sd_event *event;         /* borrowed */
  struct tt_config_env env;       /* how the configuration is loaded again; texts borrowed */
  struct tt_config *config;       /* usable; what is needed of it is kept (tt_config_ref()) */
  struct tt_described *described; /* borrowed */
  const char *state_dir;          /* locked by the caller */
  const char *socket;
  const char *bridges; /* directory of the shared objects */
};

/* Builds everything; nothing talks to anybody before the loop runs. What failed has been logged. */
int tt_daemon_create(const struct tt_daemon_options *options, struct tt_daemon **ret);
/* Until tt_daemon_stop(). 0 or a negative errno. */
int tt_daemon_run(struct tt_daemon *daemon);
/* Take up the configuration as it is now (SIGHUP). */
void tt_daemon_reload(struct tt_daemon *daemon);
/* Begin to end: bridges stop, the last answers leave. Asked again, it does not wait for them. */
void tt_daemon_stop(struct tt_daemon *daemon);
/* False when threads of libraries still run: then only _exit() is safe. NULL is fine. */
bool tt_daemon_destroy(struct tt_daemon *daemon);
