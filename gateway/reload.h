/* SPDX-License-Identifier: Apache-2.0
 *
 * reload.h: the configuration as it is taken up while the daemon runs. What is wrong is never half taken up: either all
 * that differs is, or nothing. Main thread.
 */
#pragma once

#include "bridge/host.h"

struct sd_event;
struct tt_access;
struct tt_reloader;
struct tt_publisher;
struct tt_router;

struct tt_reloader_options {
  struct tt_config_env env; /* as it was loaded at the start; its texts are borrowed */
  struct tt_config *config; /* what runs; one reference is taken */
  struct tt_host *host;
  struct tt_access *access;
  struct tt_router *router;
  struct tt_publisher *publisher; /* may be NULL */
};

int tt_reloader_create(const struct tt_reloader_options *options, struct tt_reloader **ret);
void tt_reloader_destroy(struct tt_reloader *reloader); /* after the host's last turn; NULL is fine */
/* What was taken up as a whole last. */
const struct tt_config *tt_reloader_config(const struct tt_reloader *reloader);

struct tt_reload_result {
  bool is_refused; /* nothing has changed */
  char why[1024];  /* it was refused, one sentence; else what needs a restart; "" */
  struct tt_host_changes changes;
  size_t n_errors;    /* in what was taken up: devices that are nodes with a message */
  struct tt_buf text; /* the diagnostics as `check` shows them; finish it */
};
/* Load the files again, and take up what differs: of everything, or (`only`) of some devices. Errors of the configuration
 * are a result; below 0 is -ENOMEM. */
int tt_reload(struct tt_reloader *reloader, const struct tt_only *only, struct tt_reload_result *ret);
void tt_reload_result_finish(struct tt_reload_result *result);
