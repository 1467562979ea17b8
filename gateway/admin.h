/* SPDX-License-Identifier: Apache-2.0
 *
 * admin.h: what admins ask over the control socket: reload, discover, adopt. Joins the socket to those who do it. Main
 * thread.
 */
#pragma once

#include "adopt.h"
#include "api/api.h"
#include "trust/audit.h"

struct tt_admin;

struct tt_admin_options {
  struct sd_event *event;
  struct tt_core *core;
  const struct tt_config_env *env; /* this and all others are borrowed and outlive it */
  struct tt_host *host;
  struct tt_reloader *reloader;
  struct tt_audit *audit;
  /* Something was taken up as a whole: the answer is logged, and what hangs on the configuration follows. */
  int (*reload)(void *user, struct tt_reload_result *ret);
  void *user;
};
int tt_admin_create(const struct tt_admin_options *options, struct tt_admin **ret);
void tt_admin_destroy(struct tt_admin *admin); /* NULL is fine */

/* For struct tt_api_hooks; `user` is the struct tt_admin. */
int tt_admin_reload(void *user, struct tt_api_reload *ret);
int tt_admin_discover(void *user, const char *connection, uint64_t timeout_us, const struct tt_api_discovery *fns);
void tt_admin_adopt(void *user, struct tt_api_adoption *adoption);
